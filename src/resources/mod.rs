//! What is managed in AWS, as plain data: identity, body, tags.
//!
//! A body is JSON in the shape of the service's API, so that it can be sent, shown and compared as it is. The shapes:
//!
//! | kind | body |
//! |---|---|
//! | `pipeline` | the `pipeline` member of CreatePipeline |
//! | `codebuild-project` | CreateProject's input without `tags` |
//! | `iam-role` | `roleName`, `description`, `assumeRolePolicyDocument` (object), `maxSessionDuration`, `permissionsBoundary` (ARN text), `policies` (inline policy name → document object), `managedPolicies` (list of `{name, document}`: the role's own, which hold what does not fit inline; live ones with `attached: false` where they are not attached) |
//! | `s3-bucket` | `bucket`, `versioning` (`Enabled`), `encryption` (`{sseAlgorithm, kmsMasterKeyId, bucketKeyEnabled}`), `publicAccessBlock` (four booleans as in the API, camelCase), `ownership` (`BucketOwnerEnforced`), `policy` (object), `lifecycle` (list of `{id, status, prefix, expirationDays, noncurrentDays, abortIncompleteDays}`), `eventBridge` (bool) |
//! | `s3-bucket-events` | `bucket`, `eventBridge: true`: EventBridge switched on in a bucket that is not ours |
//! | `s3-object` | `bucket`, `key`, `sha256` (hex), `path` (local file, only in desired state) |
//! | `log-group` | `logGroupName`, `retentionInDays`, `kmsKeyId` |
//! | `sns-topic` | `name`, `displayName`, `kmsMasterKeyId`, `policy` (object) |
//! | `sns-subscription` | `topicArn`, `protocol`, `endpoint`; the id's name is `TOPIC protocol endpoint` |
//! | `event-rule` | PutRule's `Name`, `Description`, `EventPattern` (object), `ScheduleExpression`, `State`, and `Targets` as PutTargets takes them |
//! | `cloudwatch-alarm` | PutMetricAlarm's input without `Tags` |
//! | `webhook` | PutWebhook's `webhook` member, `SecretToken` as `****`, plus `registerWithThirdParty: true` |
//! | `stage-transition` | `pipeline`, `stage`, `enabled`, `reason`; the id's name is `PIPELINE STAGE` |

mod desired;
mod normalise;
mod policy;
mod role;

pub use desired::Desired;
pub use normalise::{Context, normalise};
pub(crate) use normalise::{keep_absent, needs_replacement, without_read_only};
pub use policy::{Grant, widened};
pub use role::policy_name;
pub(crate) use role::{
    Step, Stuck, highest_policy, managed, managed_mut, policies_tagged, policies_to_tag,
    policy_steps,
};

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::tree::Secret;

/// The kinds of resources, in the order in which they can be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// CloudWatch Logs group.
    LogGroup,
    /// S3 bucket.
    #[serde(rename = "s3-bucket")]
    Bucket,
    /// EventBridge notifications of a bucket that is not ours.
    #[serde(rename = "s3-bucket-events")]
    BucketEvents,
    /// One S3 object: the self-update's binary.
    #[serde(rename = "s3-object")]
    Object,
    /// SNS topic.
    #[serde(rename = "sns-topic")]
    Topic,
    /// SNS subscription.
    #[serde(rename = "sns-subscription")]
    Subscription,
    /// IAM role with its policies.
    #[serde(rename = "iam-role")]
    Role,
    /// CodeBuild project.
    #[serde(rename = "codebuild-project")]
    Project,
    /// CodePipeline pipeline.
    Pipeline,
    /// Inbound transition of a stage.
    StageTransition,
    /// CodePipeline webhook (GitHub version 1).
    Webhook,
    /// EventBridge rule with its targets.
    EventRule,
    /// CloudWatch metric alarm.
    #[serde(rename = "cloudwatch-alarm")]
    Alarm,
}

impl Kind {
    /// All kinds, in the order of creation.
    pub const ALL: [Self; 13] = [
        Self::LogGroup,
        Self::Bucket,
        Self::BucketEvents,
        Self::Object,
        Self::Topic,
        Self::Subscription,
        Self::Role,
        Self::Project,
        Self::Pipeline,
        Self::StageTransition,
        Self::Webhook,
        Self::EventRule,
        Self::Alarm,
    ];

    /// The word in JSON, in the inventory and for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LogGroup => "log-group",
            Self::Bucket => "s3-bucket",
            Self::BucketEvents => "s3-bucket-events",
            Self::Object => "s3-object",
            Self::Topic => "sns-topic",
            Self::Subscription => "sns-subscription",
            Self::Role => "iam-role",
            Self::Project => "codebuild-project",
            Self::Pipeline => "pipeline",
            Self::StageTransition => "stage-transition",
            Self::Webhook => "webhook",
            Self::EventRule => "event-rule",
            Self::Alarm => "cloudwatch-alarm",
        }
    }

    /// Whether deleting it loses what people put there: only with `--delete-data`.
    pub fn holds_data(self) -> bool {
        matches!(self, Self::Bucket | Self::LogGroup | Self::Topic)
    }

    /// Whether AWS lets it carry tags of its own.
    pub fn has_tags(self) -> bool {
        !matches!(
            self,
            Self::Subscription | Self::BucketEvents | Self::StageTransition | Self::Object
        )
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which resource: unique in the account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Id {
    /// Its kind.
    pub kind: Kind,
    /// Its region; for IAM roles the home region of the run.
    pub region: String,
    /// Its name in AWS.
    pub name: String,
}

impl Id {
    /// Names a resource.
    pub fn new(kind: Kind, region: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            kind,
            region: region.into(),
            name: name.into(),
        }
    }
}

impl Id {
    /// The pipeline of a stage transition.
    pub(crate) fn pipeline_of_transition(&self) -> Option<Self> {
        let (pipeline, _) = self.name.split_once(' ')?;
        (self.kind == Kind::StageTransition)
            .then(|| Self::new(Kind::Pipeline, self.region.clone(), pipeline))
    }

    /// The topic, if this is a subscription.
    pub(crate) fn topic_of_subscription(&self) -> Option<Self> {
        let (topic, _) = self.name.split_once(' ')?;
        (self.kind == Kind::Subscription)
            .then(|| Self::new(Kind::Topic, self.region.clone(), topic))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// One resource, as it should be or as it is.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Which one.
    pub id: Id,
    /// What it is, in the API's shape (see the module).
    pub body: Value,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Secret leaves: JSON pointer into the body (where `****` stands) → the value to send. Empty for live state.
    pub secrets: BTreeMap<String, Secret>,
    /// What must exist before it. Empty for live state.
    pub depends: Vec<Id>,
}

impl Resource {
    /// A resource without tags, secrets and dependencies.
    pub fn new(id: Id, body: Value) -> Self {
        Self {
            id,
            body,
            tags: BTreeMap::new(),
            secrets: BTreeMap::new(),
            depends: Vec::new(),
        }
    }
}

/// The tag that says which service, stage and region own a resource: `SERVICE/STAGE/REGION`.
pub const OWNER_TAG: &str = "pipectl:owner";
/// The tag with the digest of the desired state at the last apply: decides the reason of a change only.
pub const DIGEST_TAG: &str = "pipectl:digest";
/// The tag with the fingerprint of the secrets that were sent.
pub const SECRETS_TAG: &str = "pipectl:secrets";
/// The tag of a role that says how many managed policies of its own it has: without it nobody looks for any.
pub const POLICIES_TAG: &str = "pipectl:policies";
/// The tag of the commit that a self-update started the pipeline on again.
pub const RESTARTED_TAG: &str = "pipectl:restarted";
