//! An AWS account, in our words. Two live behind this trait: AWS through its SDK (`aws`) and the sandbox
//! (`crate::sandbox`). The commands do not know which one they have.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::Value;

use crate::resources::{Id, Resource};
use crate::tree::Secret;

pub mod aws;
pub mod runs;

/// Who is calling, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The account, twelve digits.
    pub account: String,
    /// The caller's ARN.
    pub arn: String,
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
}

/// What kind of refusal it is: what a caller decides by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// It is not there.
    NotFound,
    /// It is there already.
    Exists,
    /// The caller may not.
    Denied,
    /// No, expired or wrong credentials.
    Credentials,
    /// Too fast.
    Throttled,
    /// A fault of the moment: 5xx, time-out, connection.
    Transient,
    /// AWS refuses the content.
    Invalid,
    /// Everything else.
    Other,
}

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudError {
    /// For decisions.
    pub kind: ErrorKind,
    /// `CodePipeline:UpdatePipeline`.
    pub operation: String,
    /// The exception's name, or a word of ours where no answer came.
    pub code: String,
    /// AWS's sentence.
    pub message: String,
    /// AWS's id of the request.
    pub request_id: Option<String>,
    /// The resource, as people call it.
    pub resource: Option<String>,
}

impl std::fmt::Display for CloudError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for CloudError {}

/// The code of a refusal because the bucket is in another region: S3's own word, also where it answers without words.
pub const ELSEWHERE: &str = "PermanentRedirect";

/// The code of an update that worked and overwrote another one of the same moment: told, but no failure.
pub const VERSION_JUMPED: &str = "version-jumped";

/// The code of an update of a role whose policies cannot be moved without taking rights away for a moment.
pub const STUCK: &str = "policies-stuck";

impl CloudError {
    /// The same without the secrets that were sent: AWS quotes what it refuses.
    #[must_use]
    pub fn without(mut self, secrets: &BTreeMap<String, Secret>) -> Self {
        for secret in secrets.values().map(Secret::expose) {
            let escaped = Value::from(secret).to_string();
            for text in [secret, escaped.trim_matches('"')] {
                if !text.is_empty() {
                    self.message = self.message.replace(text, "****");
                }
            }
        }
        self
    }
}

/// The outcome of a call.
pub type Result<T> = std::result::Result<T, CloudError>;

/// One SSM parameter.
#[derive(Clone)]
pub struct Parameter {
    /// The name that was asked for, selector included.
    pub asked: String,
    /// `String`, `StringList` or `SecureString`.
    pub kind: String,
    /// The value; of a SecureString it must go into a `Secret` at once.
    pub value: String,
    /// Version.
    pub version: i64,
    /// Last modified, seconds since 1970.
    pub modified: i64,
}

/// One Secrets Manager secret.
#[derive(Clone)]
pub struct SecretText {
    /// The id that was asked for.
    pub asked: String,
    /// The secret text; must go into a `Secret` at once.
    pub value: String,
    /// VersionId.
    pub version_id: String,
}

/// A bucket that somebody else made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenBucket {
    /// Its region, if AWS says it.
    pub region: Option<String>,
    /// It belongs to another account for certain.
    pub foreign: bool,
}

/// Numbers of calls, by `Service:Operation`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calls {
    /// Calls that change nothing.
    pub read: BTreeMap<String, u64>,
    /// Calls that change something.
    pub write: BTreeMap<String, u64>,
}

/// An execution of a pipeline, as far as apply and self-update need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionSummary {
    /// pipelineExecutionId.
    pub id: String,
    /// `InProgress`, `Stopped`, `Stopping`, `Succeeded`, `Superseded`, `Failed`, `Cancelled`.
    pub status: String,
}

/// The state of a source that an execution starts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The source action.
    pub action: String,
    /// revisionType: `COMMIT_ID`, `S3_OBJECT_VERSION_ID`, …
    pub kind: String,
    /// The commit, version or digest.
    pub value: String,
}

/// An account in one home region. Every method is safe to call side by side.
#[async_trait]
pub trait Cloud: Send + Sync {
    /// The region of the run.
    fn region(&self) -> &str;
    /// What people call this account: `AWS` or `sandbox`.
    fn label(&self) -> &str;
    /// Who is calling. One call per run; the answer is kept.
    async fn identity(&self) -> Result<Identity>;

    /// Parameters by name (selectors allowed), each `None` where it does not exist. By 10 per call, side by side;
    /// a name with `:` that a batch calls invalid and every name of a denied batch is asked for singly.
    async fn parameters(
        &self,
        region: &str,
        names: &[String],
        decrypt: bool,
    ) -> Vec<Result<Option<Parameter>>>;
    /// Secrets by id, `None` where absent. By 20 per call; GetSecretValue where the batch is not permitted.
    async fn secrets(&self, region: &str, ids: &[String]) -> Vec<Result<Option<SecretText>>>;
    /// An object's text; `None` where the key does not exist.
    async fn object(&self, region: &str, bucket: &str, key: &str) -> Result<Option<String>>;
    /// The outputs of a CloudFormation stack; `None` where the stack does not exist.
    async fn stack_outputs(
        &self,
        region: &str,
        stack: &str,
    ) -> Result<Option<BTreeMap<String, String>>>;
    /// Status of a CodeConnections connection (`AVAILABLE`, `PENDING`, `ERROR`); `None` where it does not exist.
    async fn connection_status(&self, arn: &str) -> Result<Option<String>>;
    /// Whether a role that the file gives exists.
    async fn role_exists(&self, arn: &str) -> Result<bool>;

    /// A bucket that the file gives, asked for in this region; `None` where there is none of the name anywhere.
    async fn given_bucket(&self, region: &str, name: &str) -> Result<Option<GivenBucket>>;

    /// Resources as they are, `None` where absent, in the order asked. Batched where AWS has a batch. Bodies in the
    /// shapes of `crate::resources`, read-only members may still be in; tags filled.
    async fn read(&self, ids: &[Id]) -> Result<Vec<Option<Resource>>>;
    /// The tags of managed policies of the account by their names, `None` where there is no such policy. Only asked for
    /// what a role is about to get and does not have yet: the policies it has come with it.
    async fn policy_tags(&self, names: &[String]) -> Result<Vec<Option<BTreeMap<String, String>>>>;
    /// Makes a resource that does not exist. For a pipeline the execution that AWS starts is part of it.
    async fn create(&self, desired: &Resource) -> Result<()>;
    /// Makes `live` like `desired`: body and tags, with as few calls as the difference needs. For a pipeline the
    /// version is read again just before, and another one than `live` had is `ErrorKind::Invalid` `version-moved`; where
    /// the answer to the write shows that somebody else wrote too, the error is [`VERSION_JUMPED`].
    async fn update(&self, live: &Resource, desired: &Resource) -> Result<()>;
    /// Removes it; absent is fine. `data`: a bucket is emptied first.
    async fn delete(&self, id: &Id, data: bool) -> Result<()>;

    /// Writes a String parameter. Without `overwrite`, `ErrorKind::Exists` if it is there.
    async fn put_parameter(&self, name: &str, value: &str, overwrite: bool) -> Result<()>;
    /// Removes parameters; absent is fine.
    async fn delete_parameters(&self, names: &[String]) -> Result<()>;

    /// Starts an execution, on a certain revision of a source if one is given; `token` is the clientRequestToken.
    async fn start_execution(
        &self,
        pipeline: &str,
        revision: Option<&Revision>,
        token: Option<&str>,
    ) -> Result<String>;
    /// The newest executions first, at most `most`.
    async fn executions(&self, pipeline: &str, most: usize) -> Result<Vec<ExecutionSummary>>;
    /// Stops an execution.
    async fn stop_execution(
        &self,
        pipeline: &str,
        execution: &str,
        abandon: bool,
        reason: &str,
    ) -> Result<()>;

    /// The calls made so far.
    fn calls(&self) -> Calls;
}
