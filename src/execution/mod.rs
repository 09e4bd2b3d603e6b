//! A run of a pipeline as data: the same for AWS and the sandbox.
//!
//! The members are those of CodePipeline's own answers (API version 2015-07-09: GetPipelineState,
//! GetPipelineExecution, ListPipelineExecutions, ListActionExecutions, ListRuleExecutions), so that the adapter reads
//! them from AWS's JSON and the sandbox writes the same JSON. What AWS adds is passed over; what it leaves out is
//! empty.

pub mod build;
pub mod report;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A moment: milliseconds since 1970. In AWS's JSON it is a number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub i64);

impl Time {
    /// Milliseconds from `self` until `later`; never negative.
    #[must_use]
    pub fn until(self, later: Self) -> i64 {
        (later.0 - self.0).max(0)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[allow(
            clippy::cast_precision_loss,
            reason = "milliseconds of this age of the world fit"
        )]
        let seconds = self.0 as f64 / 1000.0;
        serializer.serialize_f64(seconds)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        #[allow(
            clippy::cast_possible_truncation,
            reason = "milliseconds of this age of the world fit"
        )]
        let milliseconds = (seconds * 1000.0).round() as i64;
        Ok(Self(milliseconds))
    }
}

/// What became of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ExecutionStatus {
    /// It runs, or waits for something.
    InProgress,
    /// It is being stopped; running actions finish.
    Stopping,
    /// It was stopped.
    Stopped,
    /// Every stage went through.
    Succeeded,
    /// A newer one overtook it while it waited.
    Superseded,
    /// A stage failed.
    Failed,
    /// The pipeline changed while it waited.
    Cancelled,
}

impl ExecutionStatus {
    /// Whether nothing will change it any more, short of a retry.
    pub fn is_over(self) -> bool {
        !matches!(self, Self::InProgress | Self::Stopping)
    }
}

/// What became of a stage in an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "AWS's words")]
pub enum StageStatus {
    InProgress,
    Stopping,
    Stopped,
    Succeeded,
    Failed,
    Cancelled,
    Skipped,
}

/// What became of an action or a rule in an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "AWS's words")]
pub enum ActionStatus {
    InProgress,
    Abandoned,
    Succeeded,
    Failed,
}

/// What became of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "AWS's words")]
pub enum ConditionStatus {
    InProgress,
    Failed,
    Errored,
    Succeeded,
    Cancelled,
    Abandoned,
    Overridden,
}

/// Whether an execution goes forward or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExecutionType {
    /// Forward.
    #[default]
    Standard,
    /// Back to what an earlier execution brought.
    Rollback,
}

/// How executions of one pipeline get on with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExecutionMode {
    /// A newer one overtakes an older one that waits between stages.
    #[default]
    Superseded,
    /// One after the other, in order.
    Queued,
    /// Each for itself.
    Parallel,
}

/// What a retry repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RetryMode {
    /// Only the actions that failed.
    FailedActions,
    /// Every action of the stage.
    AllActions,
}

/// Why an execution began.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Trigger {
    /// `CreatePipeline`, `StartPipelineExecution`, `Webhook`, `CloudWatchEvent`, `ManualRollback`, …
    pub trigger_type: String,
    /// Who or what.
    pub trigger_detail: String,
}

/// What a source action gave.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SourceRevision {
    /// The source action; in GetPipelineExecution's answer the artifact.
    #[serde(alias = "name")]
    pub action_name: String,
    /// The commit, version or digest.
    pub revision_id: Option<String>,
    /// The commit's message.
    pub revision_summary: Option<String>,
    /// Where a person can look at it.
    pub revision_url: Option<String>,
}

/// A pipeline variable in an execution.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResolvedVariable {
    /// Its name.
    pub name: String,
    /// Its value in this execution.
    pub resolved_value: String,
}

/// Why somebody stopped an execution.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StopTrigger {
    /// In their words.
    pub reason: Option<String>,
}

/// Where a rollback goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RollbackMetadata {
    /// The execution whose artifacts are brought back.
    pub rollback_target_pipeline_execution_id: Option<String>,
}

/// An execution of a pipeline: what ListPipelineExecutions and GetPipelineExecution say of it together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Execution {
    /// Its id.
    pub pipeline_execution_id: String,
    /// What became of it.
    pub status: ExecutionStatus,
    /// Why, where AWS says more than the status.
    #[serde(default)]
    pub status_summary: Option<String>,
    /// Version of the pipeline it runs.
    #[serde(default)]
    pub pipeline_version: Option<i64>,
    /// When it began. Only the list tells.
    #[serde(default)]
    pub start_time: Option<Time>,
    /// When something last changed. Only the list tells.
    #[serde(default)]
    pub last_update_time: Option<Time>,
    /// What it runs on.
    #[serde(default, alias = "artifactRevisions")]
    pub source_revisions: Vec<SourceRevision>,
    /// The pipeline's variables. Only GetPipelineExecution tells.
    #[serde(default)]
    pub variables: Vec<ResolvedVariable>,
    /// Why it began.
    #[serde(default)]
    pub trigger: Trigger,
    /// Why it was stopped.
    #[serde(default)]
    pub stop_trigger: StopTrigger,
    /// The mode it began in.
    #[serde(default)]
    pub execution_mode: ExecutionMode,
    /// Forward or back.
    #[serde(default)]
    pub execution_type: ExecutionType,
    /// Where a rollback goes.
    #[serde(default)]
    pub rollback_metadata: RollbackMetadata,
}

/// What went wrong, in AWS's words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ErrorDetails {
    /// `JobFailed`, `ConfigurationError`, …
    pub code: Option<String>,
    /// For people.
    pub message: Option<String>,
}

/// A pipeline and all its stages, now.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PipelineState {
    /// The pipeline.
    pub pipeline_name: String,
    /// Its version.
    pub pipeline_version: i64,
    /// Its stages, in order.
    pub stage_states: Vec<StageState>,
}

/// A stage, now.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StageState {
    /// The stage.
    pub stage_name: String,
    /// Executions that wait to enter, in order.
    pub inbound_executions: Vec<StageExecution>,
    /// Whether executions may enter.
    pub inbound_transition_state: TransitionState,
    /// Its actions, in the order of the definition.
    pub action_states: Vec<ActionState>,
    /// The execution that is in it, or was last.
    pub latest_execution: Option<StageExecution>,
    /// Conditions before it.
    pub before_entry_condition_state: Option<StageConditionState>,
    /// Conditions after success.
    pub on_success_condition_state: Option<StageConditionState>,
    /// Conditions after failure.
    pub on_failure_condition_state: Option<StageConditionState>,
    /// How often it was tried again.
    pub retry_stage_metadata: Option<RetryStageMetadata>,
}

/// An execution in a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StageExecution {
    /// The execution.
    pub pipeline_execution_id: String,
    /// What became of the stage in it.
    pub status: StageStatus,
    /// Forward or back.
    #[serde(default, rename = "type")]
    pub kind: ExecutionType,
}

/// Whether executions may enter a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TransitionState {
    /// Whether they may.
    pub enabled: bool,
    /// Who said so.
    pub last_changed_by: Option<String>,
    /// When.
    pub last_changed_at: Option<Time>,
    /// Why not.
    pub disabled_reason: Option<String>,
}

impl Default for TransitionState {
    /// A stage of which nothing is said is open; the first stage has no transition at all.
    fn default() -> Self {
        Self {
            enabled: true,
            last_changed_by: None,
            last_changed_at: None,
            disabled_reason: None,
        }
    }
}

/// An action, now.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ActionState {
    /// The action.
    pub action_name: String,
    /// What a source action has found last.
    pub current_revision: Option<CurrentRevision>,
    /// Its last run.
    pub latest_execution: Option<ActionExecution>,
    /// Where a person can look at what it works on.
    pub entity_url: Option<String>,
    /// Where a person can look at the commit.
    pub revision_url: Option<String>,
}

/// What a source action has found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CurrentRevision {
    /// The commit, version or digest.
    pub revision_id: String,
    /// Told of a change by.
    pub revision_change_id: String,
    /// When.
    pub created: Option<Time>,
}

/// The last run of an action, as GetPipelineState tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ActionExecution {
    /// Its id.
    pub action_execution_id: String,
    /// What became of it; nothing where it never ran.
    pub status: Option<ActionStatus>,
    /// A line on it.
    pub summary: Option<String>,
    /// When the status changed.
    pub last_status_change: Option<Time>,
    /// What an approval has to be answered with.
    pub token: Option<String>,
    /// Who answered.
    pub last_updated_by: Option<String>,
    /// The build, deployment, … it started.
    pub external_execution_id: Option<String>,
    /// Where a person can look at that.
    pub external_execution_url: Option<String>,
    /// How far it is.
    pub percent_complete: Option<i64>,
    /// What went wrong.
    pub error_details: Option<ErrorDetails>,
    /// The log of a Commands action.
    #[serde(rename = "logStreamARN")]
    pub log_stream_arn: Option<String>,
}

/// The conditions at one side of a stage, now.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StageConditionState {
    /// All of them together.
    pub latest_execution: Option<ConditionExecution>,
    /// Each.
    pub condition_states: Vec<ConditionState>,
}

/// A condition's last check.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConditionExecution {
    /// What became of it; nothing where it was never checked.
    pub status: Option<ConditionStatus>,
    /// A line on it.
    pub summary: Option<String>,
    /// When.
    pub last_status_change: Option<Time>,
}

/// A condition, now.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConditionState {
    /// Its last check.
    pub latest_execution: Option<ConditionExecution>,
    /// Its rules.
    pub rule_states: Vec<RuleState>,
}

/// A rule, now. A rule runs like an action.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RuleState {
    /// The rule.
    pub rule_name: String,
    /// Its last run.
    #[serde(default)]
    pub latest_execution: Option<RuleExecution>,
}

/// The last run of a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RuleExecution {
    /// Its id.
    pub rule_execution_id: String,
    /// What became of it.
    pub status: Option<ActionStatus>,
    /// A line on it.
    pub summary: Option<String>,
    /// When the status changed.
    pub last_status_change: Option<Time>,
    /// The build, … it started.
    pub external_execution_id: Option<String>,
    /// What went wrong.
    pub error_details: Option<ErrorDetails>,
}

/// How often a stage was tried again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RetryStageMetadata {
    /// By `onFailure`.
    pub auto_stage_retry_attempt: i64,
    /// By people.
    pub manual_stage_retry_attempt: i64,
    /// `AutomatedStageRetry` or `ManualStageRetry`.
    pub latest_retry_trigger: Option<String>,
}

/// One run of an action in an execution: an item of ListActionExecutions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActionRun {
    /// The execution.
    pub pipeline_execution_id: String,
    /// Its own id.
    pub action_execution_id: String,
    /// The stage.
    pub stage_name: String,
    /// The action.
    pub action_name: String,
    /// When it began.
    #[serde(default)]
    pub start_time: Option<Time>,
    /// When something last changed; the end, where it is over.
    #[serde(default)]
    pub last_update_time: Option<Time>,
    /// Who answered an approval.
    #[serde(default)]
    pub updated_by: Option<String>,
    /// What became of it.
    pub status: ActionStatus,
    /// What it was given.
    #[serde(default)]
    pub input: ActionInput,
    /// What it gave.
    #[serde(default)]
    pub output: ActionOutput,
}

/// What an action was given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ActionInput {
    /// Category, owner, provider, version.
    pub action_type_id: Value,
    /// As the pipeline says.
    pub configuration: BTreeMap<String, String>,
    /// With every `#{…}` replaced.
    pub resolved_configuration: BTreeMap<String, String>,
    /// Its own role.
    pub role_arn: Option<String>,
    /// Its own region.
    pub region: Option<String>,
    /// Artifacts.
    pub input_artifacts: Vec<ArtifactDetail>,
    /// Where its variables go.
    pub namespace: Option<String>,
}

impl ActionInput {
    /// Whether the action starts another pipeline.
    pub fn starts_a_pipeline(&self) -> bool {
        let id = &self.action_type_id;
        id["category"] == "Invoke" && id["provider"] == "CodePipeline"
    }
}

/// What an action gave.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ActionOutput {
    /// Artifacts.
    pub output_artifacts: Vec<ArtifactDetail>,
    /// What it started and how that ended.
    pub execution_result: ExecutionResult,
    /// Its variables.
    pub output_variables: BTreeMap<String, String>,
}

/// An artifact and where it lies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ArtifactDetail {
    /// The artifact.
    pub name: String,
    /// Where it lies.
    #[serde(rename = "s3location")]
    pub location: Option<S3Location>,
}

/// A place in a bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct S3Location {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
}

/// What an action started and how that ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecutionResult {
    /// The build, deployment, …
    pub external_execution_id: Option<String>,
    /// A line on it.
    pub external_execution_summary: Option<String>,
    /// Where a person can look at it.
    pub external_execution_url: Option<String>,
    /// What went wrong.
    pub error_details: Option<ErrorDetails>,
    /// The log of a Commands action.
    #[serde(rename = "logStreamARN")]
    pub log_stream_arn: Option<String>,
}

/// One run of a rule in an execution: an item of ListRuleExecutions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleRun {
    /// The execution.
    pub pipeline_execution_id: String,
    /// Its own id.
    pub rule_execution_id: String,
    /// The stage.
    pub stage_name: String,
    /// The rule.
    pub rule_name: String,
    /// When it began.
    #[serde(default)]
    pub start_time: Option<Time>,
    /// When something last changed.
    #[serde(default)]
    pub last_update_time: Option<Time>,
    /// What became of it.
    pub status: ActionStatus,
    /// What it started and how that ended.
    #[serde(default)]
    pub output: RuleOutput,
}

/// What a rule gave.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RuleOutput {
    /// What it started and how that ended.
    pub execution_result: ExecutionResult,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_in_aws_s_json() {
        let time: Time = serde_json::from_str("1785000000.125").expect("a number");
        assert_eq!(time, Time(1_785_000_000_125));
        assert_eq!(
            serde_json::to_value(time).expect("a number"),
            Value::from(1_785_000_000.125)
        );
    }

    #[test]
    fn what_aws_leaves_out_is_empty() {
        let state: PipelineState = serde_json::from_str(
            r#"{"pipelineName": "p", "pipelineVersion": 3, "created": 1.5, "stageStates": [
                {"stageName": "Source", "actionStates": [
                    {"actionName": "Source", "latestExecution": {"actionExecutionId": "a", "status": "Succeeded"}}]}]}"#,
        )
        .expect("an answer of AWS");
        let stage = &state.stage_states[0];
        assert!(stage.inbound_transition_state.enabled);
        assert_eq!(stage.latest_execution, None);
        let last = stage.action_states[0].latest_execution.as_ref();
        assert_eq!(
            last.and_then(|last| last.status),
            Some(ActionStatus::Succeeded)
        );
    }
}
