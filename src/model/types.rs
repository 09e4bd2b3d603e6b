//! The typed pipeline: what the file says, with the place of every value.
//!
//! The friendly kinds (`unit`, `deploy`, `ecs`, …) and the raw `definition:` forms decode into the same types, close to
//! the API, so that the checks and the compiler know only one. What a raw form has beyond these members is kept in
//! `extra` and goes out as it came in; no default is ever added to a raw form.

use std::sync::Arc;

use super::api::Added;
use super::projects::Projects;
use crate::source::Span;
use crate::tree::{Entry, Node, Origin, Secret};

/// A text a person typed (or a variable gave), with its place.
#[derive(Debug, Clone)]
pub struct Text {
    /// The text; for a secret `****`, for an unknown its placeholder.
    pub value: String,
    /// Where it stands.
    pub span: Span,
    /// Whether the value is known; offline, what AWS alone knows is not, and its content is not checked.
    pub known: bool,
    /// The secret, if it is one.
    pub secret: Option<Box<Secret>>,
    /// Through which variables it came.
    pub origin: Option<Arc<Origin>>,
}

impl Text {
    /// A known text at a place.
    pub fn new(value: impl Into<String>, span: Span) -> Self {
        Self {
            value: value.into(),
            span,
            known: true,
            secret: None,
            origin: None,
        }
    }
}

/// What exists already and is only used, or what pipectl makes and owns.
#[derive(Debug, Clone)]
pub enum Given<T> {
    /// Exists: a name or an ARN.
    Existing(Text),
    /// Made, as described.
    Made(T),
}

/// A whole file, decoded.
#[derive(Debug, Clone)]
pub struct Model {
    /// `service:`.
    pub service: Text,
    /// `provider:`.
    pub provider: Provider,
    /// Every CodeBuild project of the file: those of `projects:` and those of the builds inside stages.
    pub projects: Projects,
    /// The pipelines; one, or those of `pipelines:`.
    pub pipelines: Vec<Pipeline>,
    /// `notifications:`.
    pub notifications: Vec<Notification>,
    /// `alarms:`.
    pub alarms: Vec<Alarm>,
    /// What every `api:` holds, with its path.
    pub added: Vec<Added>,
    /// Keys of `defaults` that no build of the file can have, and where they stand.
    pub idle_defaults: Vec<(&'static str, Span)>,
}

/// `provider:`; every member optional.
#[derive(Debug, Clone, Default)]
pub struct Provider {
    /// `region`.
    pub region: Option<Text>,
    /// `stage`.
    pub stage: Option<Text>,
    /// `profile`.
    pub profile: Option<Text>,
    /// `accountId`: any other account is refused.
    pub account_id: Option<Text>,
    /// `tags`, in the order of the file.
    pub tags: Vec<(Text, Text)>,
    /// `pipelineRole`; none: made.
    pub pipeline_role: Option<Given<MadeRole>>,
    /// `buildRole`; none: one made per project.
    pub build_role: Option<Given<MadeRole>>,
    /// `eventsRole`; none: made where a rule needs it.
    pub events_role: Option<Given<MadeRole>>,
    /// `permissionsBoundary`: an IAM policy ARN for every made role.
    pub permissions_boundary: Option<Text>,
    /// `artifactStore`; none: made.
    pub artifact_store: ArtifactStore,
    /// `artifactStore.regions`: (region, store); what is needed and absent is made.
    pub region_stores: Vec<(Text, ArtifactStore)>,
}

/// A statement of a policy that the file adds, as IAM writes it (`Action`, `Resource`, `Condition`, `Effect`).
#[derive(Debug, Clone)]
pub struct Statement {
    /// The statement.
    pub node: Node,
    /// Its path.
    pub path: String,
}

/// A role that pipectl makes.
#[derive(Debug, Clone, Default)]
pub struct MadeRole {
    /// `name`; none: derived.
    pub name: Option<Text>,
    /// `allow`: statements added.
    pub allow: Vec<Statement>,
    /// `sourceArn: true`, and where: the trust names the very pipeline or project too.
    pub source_arn: Option<Span>,
    /// Where it is described: its key.
    pub span: Span,
    /// Its path.
    pub path: String,
}

/// An artifact store.
#[derive(Debug, Clone, Default)]
pub struct ArtifactStore {
    /// `bucket`: existing (text) or made (`{name}`); none: made under a derived name.
    pub bucket: Option<Given<Option<Text>>>,
    /// `kmsKey`: id, ARN or alias ARN.
    pub kms_key: Option<Text>,
    /// `retention`: days after which artifacts expire.
    pub retention_days: Option<(u32, Span)>,
}

/// One pipeline.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// Its key under `pipelines:`; none for the root's.
    pub key: Option<String>,
    /// Its name in AWS.
    pub name: Text,
    /// The place in the file's structure; empty for the root.
    pub path: String,
    /// Where it begins: its key, or the start of the file.
    pub span: Span,
    /// Whether it is a raw `definition:`: no defaults are added then.
    pub raw: bool,
    /// `type` / pipelineType.
    pub pipeline_type: Option<Text>,
    /// `executionMode`.
    pub execution_mode: Option<Text>,
    /// `variables`.
    pub variables: Vec<PipelineVariable>,
    /// `triggers` of connections.
    pub triggers: Vec<Trigger>,
    /// `schedule:` entries: cron(…) or rate(…).
    pub schedules: Vec<Text>,
    /// The stages; sources are stage one.
    pub stages: Vec<Stage>,
    /// roleArn of a raw definition.
    pub role_arn: Option<Text>,
    /// `artifactStore` or `artifactStores` of a raw definition, with their key.
    pub raw_stores: Vec<Entry>,
    /// Members of a raw definition that are none of the above.
    pub extra: Vec<Entry>,
    /// `api:`; what it says stands above, too.
    pub api: Option<Node>,
    /// `tags` of this pipeline.
    pub tags: Vec<(Text, Text)>,
}

impl Pipeline {
    /// Where it is named, or else begins.
    pub fn place(&self) -> Span {
        match self.name.span.start() < self.name.span.end() {
            true => self.name.span,
            false => self.span,
        }
    }
}

/// A pipeline variable.
#[derive(Debug, Clone)]
pub struct PipelineVariable {
    /// Its name.
    pub name: Text,
    /// defaultValue.
    pub default: Option<Text>,
    /// description.
    pub description: Option<Text>,
}

/// A trigger of one connection source.
#[derive(Debug, Clone)]
pub struct Trigger {
    /// sourceActionName.
    pub source: Text,
    /// Push filters.
    pub push: Vec<Filter>,
    /// Pull request filters.
    pub pull_request: Vec<Filter>,
    /// Where it stands.
    pub span: Span,
    /// Its path.
    pub path: String,
    /// The raw trigger as given in a raw definition; sent as it is.
    pub raw: Option<Node>,
}

/// One filter of a trigger.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// branches.
    pub branches: Option<Globs>,
    /// tags.
    pub tags: Option<Globs>,
    /// filePaths.
    pub paths: Option<Globs>,
    /// events of a pull request: OPEN, UPDATED, CLOSED.
    pub events: Vec<Text>,
    /// Where it stands.
    pub span: Span,
}

/// Includes and excludes.
#[derive(Debug, Clone, Default)]
pub struct Globs {
    /// includes.
    pub includes: Vec<Text>,
    /// excludes.
    pub excludes: Vec<Text>,
    /// Where it stands.
    pub span: Span,
}

/// A stage.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Its name.
    pub name: Text,
    /// Where it begins.
    pub span: Span,
    /// Its path, e.g. `stages[2]`.
    pub path: String,
    /// Its actions.
    pub actions: Vec<Action>,
    /// beforeEntry.
    pub before_entry: Option<Condition>,
    /// onSuccess.
    pub on_success: Option<Condition>,
    /// onFailure.
    pub on_failure: Option<Condition>,
    /// `transition`; none: left as it is.
    pub transition: Option<Transition>,
    /// Whether it is a raw `definition:` (or inside one).
    pub raw: bool,
    /// Members of a raw declaration that are none of the above.
    pub extra: Vec<Entry>,
    /// `api:`; what it says stands above, too.
    pub api: Option<Node>,
}

/// The inbound transition of a stage.
#[derive(Debug, Clone)]
pub struct Transition {
    /// Whether executions may enter.
    pub enabled: bool,
    /// Why not.
    pub reason: Option<Text>,
    /// Where it stands.
    pub span: Span,
}

/// beforeEntry, onSuccess or onFailure.
#[derive(Debug, Clone)]
pub struct Condition {
    /// FAIL, SKIP, ROLLBACK, RETRY.
    pub result: Option<Text>,
    /// FAILED_ACTIONS or ALL_ACTIONS, with RETRY.
    pub retry_mode: Option<Text>,
    /// The rules; none for a bare `rollback` or `retry`.
    pub rules: Vec<Rule>,
    /// Where it stands.
    pub span: Span,
    /// Its path.
    pub path: String,
    /// As given in a raw definition; sent as it is.
    pub raw: Option<Node>,
}

/// A rule of a condition, close to RuleDeclaration.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its name.
    pub name: Text,
    /// ruleTypeId.provider.
    pub provider: Text,
    /// configuration.
    pub configuration: Vec<(Text, Text)>,
    /// commands, of the Commands rule.
    pub commands: Vec<Text>,
    /// inputArtifacts.
    pub inputs: Vec<Text>,
    /// roleArn.
    pub role_arn: Option<Text>,
    /// region.
    pub region: Option<Text>,
    /// timeoutInMinutes.
    pub timeout_minutes: Option<(u32, Span)>,
    /// A project of this file that the rule runs (its `key`).
    pub project: Option<String>,
    /// An alarm of this file (its key under `alarms`) that the rule looks at.
    pub alarm: Option<String>,
    /// Where it stands.
    pub span: Span,
    /// A raw rule `definition`, sent as it is.
    pub raw: Option<Node>,
}

/// An action, close to ActionDeclaration.
#[derive(Debug, Clone)]
pub struct Action {
    /// Its name.
    pub name: Text,
    /// Where it begins.
    pub span: Span,
    /// Its path, e.g. `stages[2].deploy` or `pipelines.p.definition.stages[0].actions[1]`.
    pub path: String,
    /// The word of the file (`unit`, `approval`, `selfUpdate`, `ecs`, `github`, …); `definition` for raw ones.
    pub kind: String,
    /// actionTypeId.category.
    pub category: Text,
    /// actionTypeId.owner.
    pub owner: Text,
    /// actionTypeId.provider.
    pub provider: Text,
    /// actionTypeId.version.
    pub version: Text,
    /// configuration: API keys and texts. A build's ProjectName is filled by the compiler from `project`.
    pub configuration: Vec<(Text, Text)>,
    /// inputArtifacts, the first is the primary one.
    pub inputs: Vec<Text>,
    /// outputArtifacts.
    pub outputs: Vec<Output>,
    /// runOrder, from `needs` or as given.
    pub run_order: Option<(u32, Span)>,
    /// namespace.
    pub namespace: Option<Text>,
    /// region, if another than the pipeline's.
    pub region: Option<Text>,
    /// roleArn of the action.
    pub role_arn: Option<Text>,
    /// timeoutInMinutes (approvals).
    pub timeout_minutes: Option<(u32, Span)>,
    /// commands of the Commands action.
    pub commands: Vec<Text>,
    /// outputVariables of the Commands action.
    pub output_variables: Vec<Text>,
    /// environmentVariables beside the configuration (Commands, EKS).
    pub environment: Vec<Variable>,
    /// Environment of a CodeBuild action that holds `#{…}`: goes into configuration.EnvironmentVariables as JSON.
    pub build_environment: Vec<Variable>,
    /// The project this action runs: `Project::key`.
    pub project: Option<String>,
    /// `passRoles` (ECS): role ARNs the action hands over.
    pub pass_roles: Vec<Text>,
    /// `allow` on a provider action: statements for the role the action runs under.
    pub allow: Vec<Statement>,
    /// `notify` of an approval, where not simply a given topic ARN.
    pub notify: Vec<Notify>,
    /// How a source detects changes: `events`, `polling`, `none`.
    pub detect: Option<Text>,
    /// `selfUpdate` options.
    pub self_update: Option<SelfUpdate>,
    /// The options that stand beside the provider and not inside it: `input` in `deploy: {input: …, s3: {…}}`.
    pub outer: Vec<&'static str>,
    /// Whether it is raw.
    pub raw: bool,
    /// Members of a raw declaration that are none of the above.
    pub extra: Vec<Entry>,
    /// The keys that a raw declaration or `api:` really had (so that nothing is added, nothing is lost), e.g. `runOrder`.
    pub raw_node: Option<Node>,
    /// `api:`; what it says stands above, too.
    pub api: Option<Node>,
}

/// An output artifact.
#[derive(Debug, Clone)]
pub struct Output {
    /// Its name.
    pub name: Text,
    /// files (Commands only).
    pub files: Vec<Text>,
}

/// An environment variable in one of its three forms.
#[derive(Debug, Clone)]
pub struct Variable {
    /// Its name.
    pub name: Text,
    /// Its value: text, parameter name, or secret reference.
    pub value: Text,
    /// PLAINTEXT, PARAMETER_STORE, SECRETS_MANAGER.
    pub kind: VariableKind,
}

impl VariableKind {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::ParameterStore => "PARAMETER_STORE",
            Self::SecretsManager => "SECRETS_MANAGER",
        }
    }
}

/// Environment variables as the list of the API; as text it is what a CodeBuild action has in EnvironmentVariables.
pub fn variables_json(list: &[Variable]) -> Vec<serde_json::Value> {
    list.iter()
        .map(|variable| {
            serde_json::json!({
                "name": variable.name.value,
                "value": variable.value.value,
                "type": variable.kind.as_str(),
            })
        })
        .collect()
}

/// The three forms of an environment variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VariableKind {
    /// A literal.
    Plaintext,
    /// `{ssm: name}`.
    ParameterStore,
    /// `{secret: id[:key[:stage[:version]]]}`.
    SecretsManager,
}

/// Options of `selfUpdate`.
#[derive(Debug, Clone, Default)]
pub struct SelfUpdate {
    /// A version of pipectl to install instead of the uploaded binary.
    pub version: Option<Text>,
    /// Commands that install pipectl.
    pub install: Vec<Text>,
}

/// A CodeBuild project.
#[derive(Debug, Clone)]
pub struct Project {
    /// What actions refer to: the key under `projects:`, or a unique key of ours for a build inside a stage.
    pub key: String,
    /// Its name in AWS, already cut to the limit.
    pub name: Text,
    /// Where it begins.
    pub span: Span,
    /// Its path.
    pub path: String,
    /// `{existing: NAME}`: used, never changed.
    pub existing: bool,
    /// Whether it is a raw `definition:`.
    pub raw: bool,
    /// Whether it is one of `projects:` (shared) rather than of a stage.
    pub shared: bool,
    /// CreateProject's input in API shape with the places of the file's values. Of friendly projects it lacks
    /// `serviceRole`, `source.buildspec` (see `buildspec`), `logsConfig` unless given, and `tags`: the compiler adds those.
    pub definition: Node,
    /// The buildspec.
    pub buildspec: Buildspec,
    /// `role`: given, or made with additions; none: `provider.buildRole`, else made.
    pub role: Option<Given<MadeRole>>,
    /// `allow`: statements added to the made role.
    pub allow: Vec<Statement>,
    /// Every environment variable of the project, for the role.
    pub environment: Vec<Variable>,
    /// The region its actions run in, if another than the pipeline's.
    pub region: Option<Text>,
    /// Whether it makes a deployment (`deploy: {run}`) or updates the pipeline.
    pub purpose: Purpose,
    /// The written commands of a build, for what the role needs (docker, aws ecr, …).
    pub commands: Vec<Text>,
    /// Names of `reports`.
    pub reports: Vec<Text>,
    /// Whether it has a batch configuration.
    pub batch: bool,
    /// `logs: {name, retention}`: a log group that is made for it; its name stands in the definition too.
    pub log_group: Option<MadeLogGroup>,
    /// `api:`; what it says stands above, too.
    pub api: Option<Node>,
}

/// A log group that pipectl makes for a project.
#[derive(Debug, Clone)]
pub struct MadeLogGroup {
    /// Its name.
    pub name: Text,
    /// Days it keeps what it gets; none: the service's usual retention.
    pub retention_days: Option<(u32, Span)>,
}

/// What a build is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It builds or tests.
    Build,
    /// It deploys.
    Deploy,
    /// It brings the pipeline up to date.
    SelfUpdate,
}

/// Where a project's buildspec comes from.
#[derive(Debug, Clone)]
pub enum Buildspec {
    /// None said: `buildspec.yml` of the source.
    Default,
    /// A path in the source (or an S3 ARN).
    Path(Text),
    /// Written in the file, or made from `run` and its companions: the whole buildspec as a tree.
    Inline(Node),
}

/// Who is told: an address, a topic that exists, a topic that is made.
#[derive(Debug, Clone)]
pub enum Notify {
    /// An e-mail address: a made topic with a subscription.
    Email(Text),
    /// A topic ARN (or name, in this account and region) that exists.
    Topic(Text),
    /// A topic that is made: `{name, emails…}`.
    Made {
        /// `name`; none: derived.
        name: Option<Text>,
        /// Its subscribers (e-mail).
        emails: Vec<Text>,
        /// Where it stands.
        span: Span,
    },
}

/// One event of `notifications:` and who is told.
#[derive(Debug, Clone)]
pub struct Notification {
    /// `buildFailed`, `stageFailed`, `approvalNeeded`, `succeeded`.
    pub event: Text,
    /// Who is told.
    pub notify: Vec<Notify>,
}

/// A CloudWatch alarm.
#[derive(Debug, Clone)]
pub struct Alarm {
    /// Its key under `alarms:`.
    pub key: Text,
    /// What it watches.
    pub watch: AlarmWatch,
    /// Who is told.
    pub notify: Vec<Notify>,
    /// Its path.
    pub path: String,
    /// Where it begins.
    pub span: Span,
}

/// What an alarm watches.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "few alarms, each read once")]
pub enum AlarmWatch {
    /// An alarm that exists: a name or an ARN.
    Existing(Text),
    /// `failedBuilds: all | [projects]`: empty is all.
    FailedBuilds {
        /// Keys or names of projects.
        projects: Vec<Text>,
        /// `period` in seconds.
        period: Option<(u32, Span)>,
    },
    /// Any metric.
    Metric {
        /// Namespace.
        namespace: Text,
        /// MetricName.
        metric: Text,
        /// Dimensions.
        dimensions: Vec<(Text, Text)>,
        /// Statistic.
        statistic: Option<Text>,
        /// Period in seconds.
        period: Option<(u32, Span)>,
        /// EvaluationPeriods.
        periods: Option<(u32, Span)>,
        /// ComparisonOperator.
        comparison: &'static str,
        /// Threshold.
        threshold: f64,
        /// TreatMissingData.
        missing: Option<Text>,
    },
}
