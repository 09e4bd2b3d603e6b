//! One snapshot after the other, gently: AWS counts calls, so each tick makes one.

use std::time::Duration;

use super::snapshot::Snapshot;
use crate::cloud::runs::Runs;
use crate::cloud::{CloudError, ErrorKind, Result};
use crate::execution::{ActionRun, ActionStatus, Execution, PipelineState};

/// How often to look.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Between two looks while something happens.
    pub least: Duration,
    /// Between two looks after nothing happened for a while.
    pub most: Duration,
    /// Whether each look is one call, or as many as it takes.
    pub one_call: bool,
}

/// For AWS, which answers a handful of such calls a second for everybody in the account together.
pub const GENTLE: Pace = Pace {
    least: Duration::from_secs(2),
    most: Duration::from_secs(15),
    one_call: true,
};

/// For an account in a file beside us.
pub const NEAR: Pace = Pace {
    least: Duration::from_millis(50),
    most: Duration::from_millis(400),
    one_call: false,
};

/// How many looks in a row may fail for a reason that passes.
const PATIENCE: u32 = 6;

/// Which answer is asked for next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    Runs,
    State,
    Execution,
}

/// Follows one execution.
pub struct Watcher<'a> {
    runs: &'a dyn Runs,
    pipeline: String,
    id: String,
    pace: Pace,
    pause: Duration,
    failures: u32,
    turn: usize,
    state: PipelineState,
    execution: Execution,
    actions: Vec<ActionRun>,
    last: Snapshot,
}

impl<'a> Watcher<'a> {
    /// Looks at everything once.
    ///
    /// # Errors
    /// If the account refuses; an execution that is not there is `ErrorKind::NotFound`.
    pub async fn new(runs: &'a dyn Runs, pipeline: &str, id: &str, pace: Pace) -> Result<Self> {
        let execution = look_up(runs, pipeline, id).await?;
        let state = runs.state(pipeline).await?;
        let actions = runs.action_runs(pipeline, id).await?;
        let last = Snapshot::of(&state, Some(execution.clone()), &actions);
        Ok(Self {
            runs,
            pipeline: pipeline.to_owned(),
            id: id.to_owned(),
            pace,
            pause: pace.least,
            failures: 0,
            turn: 0,
            state,
            execution,
            actions,
            last,
        })
    }

    /// What is known.
    pub fn snapshot(&self) -> &Snapshot {
        &self.last
    }

    /// Every run of every action that is known.
    pub fn actions(&self) -> &[ActionRun] {
        &self.actions
    }

    /// How long to wait until the next look.
    pub fn pause(&self) -> Duration {
        self.pause
    }

    /// Looks again; whether something changed.
    ///
    /// # Errors
    /// If the account refuses, and goes on refusing where the reason could pass.
    pub async fn look(&mut self) -> Result<bool> {
        match self.ask().await {
            Ok(()) => self.failures = 0,
            Err(error) if passes(&error) && self.failures < PATIENCE => {
                self.failures += 1;
                self.pause = (self.pause * 2).min(self.pace.most);
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
        // An end that was seen is told with all that led to it.
        let now = Snapshot::of(&self.state, Some(self.execution.clone()), &self.actions);
        let changed = now != self.last;
        self.last = now;
        self.pause = if changed {
            self.pace.least
        } else {
            self.pause.mul_f64(1.3).min(self.pace.most)
        };
        Ok(changed)
    }

    async fn ask(&mut self) -> Result<()> {
        let asks: &[Ask] = if self.pace.one_call {
            let running = self
                .actions
                .iter()
                .any(|run| run.status == ActionStatus::InProgress);
            // While actions run, their ends are what happens; between them the pipeline is, and the end.
            let order: &[Ask] = if running {
                &[Ask::Runs, Ask::Runs, Ask::State, Ask::Execution]
            } else {
                &[Ask::Execution, Ask::Runs, Ask::State]
            };
            let ask = order[self.turn % order.len()];
            self.turn += 1;
            match ask {
                Ask::Runs => &[Ask::Runs],
                Ask::State => &[Ask::State],
                Ask::Execution => &[Ask::Execution],
            }
        } else {
            &[Ask::Execution, Ask::State, Ask::Runs]
        };
        for ask in asks {
            match ask {
                Ask::Runs => {
                    self.actions = self.runs.action_runs(&self.pipeline, &self.id).await?;
                }
                Ask::State => self.state = self.runs.state(&self.pipeline).await?,
                Ask::Execution => {
                    let started = self.execution.start_time;
                    if let Some(mut now) = self.runs.execution(&self.pipeline, &self.id).await? {
                        now.start_time = now.start_time.or(started);
                        self.execution = now;
                    }
                    if self.execution.status.is_over() {
                        // The other answers may be of a moment before the end.
                        self.state = self.runs.state(&self.pipeline).await?;
                        self.actions = self.runs.action_runs(&self.pipeline, &self.id).await?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// An execution with what only the list tells of it: when it began.
///
/// # Errors
/// If the account refuses, or there is no such execution.
pub async fn look_up(runs: &dyn Runs, pipeline: &str, id: &str) -> Result<Execution> {
    let Some(mut execution) = runs.execution(pipeline, id).await? else {
        return Err(CloudError {
            kind: ErrorKind::NotFound,
            operation: "CodePipeline:GetPipelineExecution".to_owned(),
            code: "PipelineExecutionNotFoundException".to_owned(),
            message: format!("{pipeline} has no execution {id}"),
            request_id: None,
            resource: Some(format!("pipeline {pipeline}")),
        });
    };
    if execution.start_time.is_none() {
        let listed = runs.list(pipeline, 100).await?;
        if let Some(listed) = listed
            .into_iter()
            .find(|listed| listed.pipeline_execution_id == id)
        {
            execution.start_time = listed.start_time;
            execution.last_update_time = listed.last_update_time;
            execution.stop_trigger = listed.stop_trigger;
            if execution.source_revisions.is_empty() {
                execution.source_revisions = listed.source_revisions;
            }
        }
    }
    Ok(execution)
}

fn passes(error: &CloudError) -> bool {
    matches!(error.kind, ErrorKind::Throttled | ErrorKind::Transient)
}
