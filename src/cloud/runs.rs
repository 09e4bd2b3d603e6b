//! Executions of pipelines and builds in an account, in our words: what the operating commands ask and do.
//!
//! Beside [`Cloud`](super::Cloud), which is about definitions. AWS runs what is started by itself; the sandbox needs a
//! process that drives it, which is what [`Runs::engine`] is for.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{Result, Revision};
use crate::execution::build::Build;
use crate::execution::report::Report;
use crate::execution::{ActionRun, Execution, PipelineState, RetryMode, Time};

/// What an execution is started with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Start {
    /// Values for the pipeline's variables.
    pub variables: BTreeMap<String, String>,
    /// The state of sources to start on; the newest where a source is not named.
    pub revisions: Vec<Revision>,
    /// The clientRequestToken.
    pub token: Option<String>,
}

/// The answer to an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The stage of the approval.
    pub stage: String,
    /// The action.
    pub action: String,
    /// Its token: a stale one is refused.
    pub token: String,
    /// Yes or no.
    pub approved: bool,
    /// Why, at most 512 characters; must not be empty for AWS.
    pub summary: String,
}

/// Lines of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogPage {
    /// The lines, oldest first, without line ends.
    pub lines: Vec<LogLine>,
    /// Where to go on. The same as was asked with where there is nothing new.
    pub next: Option<String>,
}

/// A line of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written.
    pub at: Time,
    /// Its text.
    pub text: String,
}

/// Executions in an account. Every method is safe to call side by side.
#[async_trait]
pub trait Runs: Send + Sync {
    /// A pipeline and all its stages, now (GetPipelineState).
    async fn state(&self, pipeline: &str) -> Result<PipelineState>;
    /// The newest executions first, at most `most` (ListPipelineExecutions).
    async fn list(&self, pipeline: &str, most: usize) -> Result<Vec<Execution>>;
    /// One execution with its variables; `None` where there is none of that id (GetPipelineExecution; times from the
    /// list are not in it).
    async fn execution(&self, pipeline: &str, id: &str) -> Result<Option<Execution>>;
    /// Every run of every action in an execution, oldest first (ListActionExecutions).
    async fn action_runs(&self, pipeline: &str, execution: &str) -> Result<Vec<ActionRun>>;
    /// Builds by id, without those that are not there (BatchGetBuilds, by 100). The id of a batch build gives the
    /// builds it is made of (BatchGetBuildBatches).
    async fn builds(&self, region: &str, ids: &[String]) -> Result<Vec<Build>>;
    /// A page of a build's log after `after` (GetLogEvents); empty where there is no log yet.
    async fn log(
        &self,
        region: &str,
        group: &str,
        stream: &str,
        after: Option<&str>,
    ) -> Result<LogPage>;
    /// The last lines of a log, at most `most` (GetLogEvents from the end).
    async fn log_tail(
        &self,
        region: &str,
        group: &str,
        stream: &str,
        most: usize,
    ) -> Result<Vec<LogLine>> {
        let mut last = std::collections::VecDeque::new();
        let mut after = None;
        loop {
            let page = self.log(region, group, stream, after.as_deref()).await?;
            if page.lines.is_empty() {
                return Ok(last.into());
            }
            last.extend(page.lines);
            while last.len() > most {
                last.pop_front();
            }
            after = page.next;
        }
    }
    /// Reports by ARN with their test cases or coverage (BatchGetReports by 100, DescribeTestCases,
    /// DescribeCodeCoverages). Of test cases the failed ones always, the others up to 500.
    async fn reports(&self, region: &str, arns: &[String]) -> Result<Vec<Report>>;

    /// Starts an execution and gives its id (StartPipelineExecution).
    async fn start(&self, pipeline: &str, start: &Start) -> Result<String>;
    /// Stops an execution: running actions finish, or are abandoned (StopPipelineExecution).
    async fn stop(
        &self,
        pipeline: &str,
        execution: &str,
        abandon: bool,
        reason: &str,
    ) -> Result<()>;
    /// Answers an approval (PutApprovalResult).
    async fn answer(&self, pipeline: &str, answer: &Answer) -> Result<()>;
    /// Tries a failed stage again in the same execution; gives that execution's id (RetryStageExecution).
    async fn retry(
        &self,
        pipeline: &str,
        stage: &str,
        execution: &str,
        mode: RetryMode,
    ) -> Result<String>;
    /// Brings a stage back to what a former execution brought; gives the id of the new execution (RollbackStage).
    async fn roll_back(&self, pipeline: &str, stage: &str, target: &str) -> Result<String>;
    /// Opens or closes the way into a stage (EnableStageTransition, DisableStageTransition).
    async fn set_transition(
        &self,
        pipeline: &str,
        stage: &str,
        enabled: bool,
        reason: &str,
    ) -> Result<()>;

    /// Where a person can look at the pipeline, or one execution of it; `None` where there is no such place.
    fn console(&self, pipeline: &str, execution: Option<&str>) -> Option<String>;
    /// What drives executions here; `None` where they run by themselves.
    fn engine(&self) -> Option<&dyn Engine>;
}

/// Drives executions of an account that has nobody else to do it.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Takes an execution on and drives it until it is over, waits for nothing but another execution that somebody
    /// else drives, or until this future is dropped: then nothing of it goes on running, and it can be taken on again.
    /// Where a living process drives it already, this waits until that one has ended.
    async fn drive(&self, pipeline: &str, execution: &str) -> Result<()>;
    /// The execution that came out of one that is over: the rollback that its failure started, or the one that a
    /// self-update started in its place. Whoever drove the one drives the other next.
    async fn successor(&self, pipeline: &str, execution: &str) -> Result<Option<String>>;
    /// Whether a living process drives the execution.
    async fn is_driven(&self, pipeline: &str, execution: &str) -> Result<bool>;
}
