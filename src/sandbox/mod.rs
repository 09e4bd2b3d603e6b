//! The sandbox: an AWS account that lives in a folder.
//!
//! It is a [`Cloud`] like AWS: it refuses what AWS refuses (see [`rules`]), masks what AWS masks and adds what AWS
//! adds to what it is given, so that a plan against it proves something. `account.db` in the folder is a SQLite
//! database in which every call is one transaction: two processes may work in it, and a process that is killed
//! leaves nothing half-written. It also holds the secrets, for which reason folder and file are for the owner only.
//!
//! | module | what |
//! |---|---|
//! | [`rules`] | what AWS refuses |
//! | `seed` | `sandbox.yml` |
//! | `store` | tables |
//! | `names` | parameters, secrets, connections, roles that are given |
//! | `read`, `view` | resources as AWS gives them back |
//! | `write`, `pipelines` | create, update, delete |
//! | [`engine`] | what runs pipelines |
//! | `executions` | what is asked of executions |
//! | `admin` | `pipectl sandbox set\|get\|list\|reset` |
//! | [`build`] | builds on this machine |
//! | [`archive`], [`glob`] | artifacts, and which files go into them |
//! | [`reports`] | reports of tests and coverage |

mod admin;
pub mod archive;
pub mod build;
pub mod engine;
mod executions;
pub mod glob;
mod names;
mod pipelines;
mod read;
pub mod reports;
pub mod rules;
mod seed;
mod store;
#[cfg(test)]
mod tests;
mod view;
mod write;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::cloud::{
    Calls, Cloud, CloudError, ErrorKind, ExecutionSummary, GivenBucket, Identity, Parameter,
    Result, Revision, SecretText,
};
use crate::diagnostic::Diagnostics;
use crate::error::Failure;
use crate::resources::{Id, Resource};
use crate::source::Sources;

pub use admin::Listed;
pub use names::fills;
pub use seed::Seed;

/// The account's number.
pub const ACCOUNT: &str = "123456789012";
/// Its partition.
const PARTITION: &str = "aws";
/// What fails where the account's own database does.
const DATABASE: &str = "Sandbox:Database";

/// Why the account cannot be opened.
#[derive(Debug)]
pub enum OpenError {
    /// The folder or the database.
    Failure(Failure),
    /// `sandbox.yml` is wrong.
    Findings {
        /// The text of `sandbox.yml`.
        sources: Box<Sources>,
        /// What is wrong with it.
        diagnostics: Diagnostics,
    },
}

impl From<Failure> for OpenError {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// The account in one home region.
pub struct Sandbox {
    db: Mutex<Connection>,
    calls: Mutex<Calls>,
    folder: PathBuf,
    region: String,
    seed: Seed,
    /// Told of every change that this process makes.
    changed: tokio::sync::Notify,
    drive: engine::Options,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox")
            .field("folder", &self.folder)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// Why a call does not succeed, before it knows its resource.
enum Fault {
    Database(rusqlite::Error),
    Refused {
        kind: ErrorKind,
        operation: &'static str,
        code: String,
        message: String,
    },
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl Fault {
    fn into_error(self, resource: Option<String>) -> CloudError {
        let (kind, operation, code, message) = match self {
            Self::Refused {
                kind,
                operation,
                code,
                message,
            } => (kind, operation, code, message),
            Self::Database(error) => {
                let (kind, code) = if store::is_full(&error) {
                    (ErrorKind::Other, "sandbox-full")
                } else if matches!(
                    error.sqlite_error_code(),
                    Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked)
                ) {
                    (ErrorKind::Transient, "sandbox-busy")
                } else {
                    (ErrorKind::Other, "sandbox-database")
                };
                (kind, DATABASE, code.to_owned(), error.to_string())
            }
        };
        CloudError {
            kind,
            operation: operation.to_owned(),
            code,
            message,
            request_id: None,
            resource,
        }
    }
}

type Outcome<T> = std::result::Result<T, Fault>;

/// What kind of refusal an exception is.
fn kind_of(code: &str) -> ErrorKind {
    if code.contains("NotFound") || code.starts_with("NoSuch") {
        ErrorKind::NotFound
    } else if code.contains("AlreadyExists")
        || code.contains("InUse")
        || code.contains("AlreadyOwned")
        || code == "EntityAlreadyExists"
    {
        ErrorKind::Exists
    } else {
        ErrorKind::Invalid
    }
}

/// What a person gets to see where the account's own database does not work: no service of AWS refused anything.
pub fn failure(error: &CloudError) -> Option<Failure> {
    if error.operation != DATABASE {
        return None;
    }
    let (message, help) = match error.code.as_str() {
        "sandbox-full" => (
            "there is no room left on the disk for the sandbox account; what was written before is whole".to_owned(),
            "make room and do it again; an execution goes on with: pipectl run --sandbox --resume",
        ),
        "sandbox-busy" => (
            format!("the sandbox account is in use by another process: {}", error.message),
            "do it again in a moment",
        ),
        _ => (
            format!("the database of the sandbox account does not work: {}", error.message),
            "see whether its folder can be written; `pipectl sandbox reset` begins anew",
        ),
    };
    Some(Failure::failed(error.code.clone(), message).help(help))
}

fn refuse<T>(
    operation: &'static str,
    code: impl Into<String>,
    message: impl Into<String>,
) -> Outcome<T> {
    let code = code.into();
    Err(Fault::Refused {
        kind: kind_of(&code),
        operation,
        code,
        message: message.into(),
    })
}

/// The first refusal of a list, if there is one: AWS names one reason, too.
fn allow(operation: &'static str, refusals: Vec<rules::Refusal>) -> Outcome<()> {
    match refusals.into_iter().next() {
        None => Ok(()),
        Some(refusal) => refuse(operation, refusal.code, refusal.message),
    }
}

impl Sandbox {
    /// Opens the account in `folder`, making it if need be, and fills in what `sandbox.yml` says and the account
    /// does not have yet.
    ///
    /// # Errors
    /// If the folder or the database cannot be used, or `sandbox.yml` is wrong.
    pub fn open(
        folder: &Path,
        region: &str,
        sandbox_yml: Option<&Path>,
    ) -> std::result::Result<Self, OpenError> {
        let seed = match sandbox_yml {
            Some(file) => Seed::read(file)?,
            None => Seed::default(),
        };
        let db = store::open(folder)?;
        let sandbox = Self {
            db: Mutex::new(db),
            calls: Mutex::default(),
            // Builds have working directories of their own.
            folder: std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned()),
            region: region.to_owned(),
            seed,
            changed: tokio::sync::Notify::new(),
            drive: engine::Options {
                home: sandbox_yml.and_then(Path::parent).map(Path::to_owned),
                ..engine::Options::default()
            },
        };
        sandbox
            .transaction(None, |tx| sandbox.seed.fill(tx))
            .map_err(|error| {
                failure(&error).unwrap_or_else(|| Failure::failed(error.code, error.message))
            })?;
        Ok(sandbox)
    }

    /// What `sandbox.yml` says, for the engine that runs pipelines here.
    pub fn seed(&self) -> &Seed {
        &self.seed
    }

    /// The account with these options for what runs in it.
    #[must_use]
    pub fn with_options(mut self, options: engine::Options) -> Self {
        self.drive = options;
        self
    }

    /// The folder the account lives in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic under the lock rolled its transaction back: the connection is as good as before.
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One read of a consistent state.
    fn reading<T>(
        &self,
        resource: Option<String>,
        work: impl FnOnce(&Connection) -> Outcome<T>,
    ) -> Result<T> {
        let mut db = self.lock();
        let tx = db
            .transaction_with_behavior(TransactionBehavior::Deferred)
            .map_err(|error| Fault::from(error).into_error(resource.clone()))?;
        work(&tx).map_err(|fault| fault.into_error(resource))
    }

    /// One change: all of it or nothing.
    fn transaction<T>(
        &self,
        resource: Option<String>,
        work: impl FnOnce(&Transaction<'_>) -> Outcome<T>,
    ) -> Result<T> {
        let attempt = || -> Outcome<T> {
            let mut db = self.lock();
            let before = db.total_changes();
            let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let outcome = work(&tx)?;
            tx.commit()?;
            if db.total_changes() != before {
                self.changed.notify_waiters();
            }
            Ok(outcome)
        };
        attempt().map_err(|fault| fault.into_error(resource))
    }

    fn count_read(&self, operation: &str, calls: usize) {
        if calls > 0 {
            let mut all = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            *all.read.entry(operation.to_owned()).or_default() += calls as u64;
        }
    }

    fn count_write(&self, operation: &str, calls: usize) {
        if calls > 0 {
            let mut all = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            *all.write.entry(operation.to_owned()).or_default() += calls as u64;
        }
    }

    /// `objects/<sha256>` in the folder.
    fn object_file(&self, sha256: &str) -> PathBuf {
        self.folder.join("objects").join(sha256)
    }
}

#[async_trait]
impl Cloud for Sandbox {
    fn region(&self) -> &str {
        &self.region
    }

    fn label(&self) -> &'static str {
        "sandbox"
    }

    async fn identity(&self) -> Result<Identity> {
        Ok(Identity {
            account: ACCOUNT.to_owned(),
            arn: format!("arn:{PARTITION}:iam::{ACCOUNT}:user/sandbox"),
            partition: PARTITION.to_owned(),
        })
    }

    async fn parameters(
        &self,
        region: &str,
        names: &[String],
        decrypt: bool,
    ) -> Vec<Result<Option<Parameter>>> {
        self.get_parameters(region, names, decrypt)
    }

    async fn secrets(&self, region: &str, ids: &[String]) -> Vec<Result<Option<SecretText>>> {
        self.get_secrets(region, ids)
    }

    async fn object(&self, region: &str, bucket: &str, key: &str) -> Result<Option<String>> {
        let made = self.get_object(region, bucket, key);
        match (&made, self.seed.objects.get(&format!("{bucket}/{key}"))) {
            // what the account has wins, as with every name of `sandbox.yml`
            (Ok(Some(_)), _) | (_, None) => made,
            (_, Some(text)) => Ok(Some(text.clone())),
        }
    }

    async fn stack_outputs(
        &self,
        _region: &str,
        stack: &str,
    ) -> Result<Option<BTreeMap<String, String>>> {
        self.count_read("CloudFormation:DescribeStacks", 1);
        Ok(self.seed.stacks.get(stack).cloned())
    }

    async fn connection_status(&self, arn: &str) -> Result<Option<String>> {
        self.get_connection(arn)
    }

    async fn role_exists(&self, arn: &str) -> Result<bool> {
        self.count_read("IAM:GetRole", 1);
        self.reading(Some(arn.to_owned()), |db| self.role_is_there(db, arn))
    }

    async fn given_bucket(&self, region: &str, name: &str) -> Result<Option<GivenBucket>> {
        self.head_bucket(region, name)
    }

    async fn read(&self, ids: &[Id]) -> Result<Vec<Option<Resource>>> {
        self.read_resources(ids)
    }

    async fn policy_tags(&self, names: &[String]) -> Result<Vec<Option<BTreeMap<String, String>>>> {
        self.tags_of_policies(names)
    }

    async fn create(&self, desired: &Resource) -> Result<()> {
        self.create_resource(desired)
    }

    async fn update(&self, live: &Resource, desired: &Resource) -> Result<()> {
        self.update_resource(live, desired)
    }

    async fn delete(&self, id: &Id, data: bool) -> Result<()> {
        self.delete_resource(id, data)
    }

    async fn put_parameter(&self, name: &str, value: &str, overwrite: bool) -> Result<()> {
        self.write_parameter(name, value, overwrite)
    }

    async fn delete_parameters(&self, names: &[String]) -> Result<()> {
        self.remove_parameters(names)
    }

    async fn start_execution(
        &self,
        pipeline: &str,
        revision: Option<&Revision>,
        token: Option<&str>,
    ) -> Result<String> {
        self.start_on(pipeline, revision, token)
    }

    async fn executions(&self, pipeline: &str, most: usize) -> Result<Vec<ExecutionSummary>> {
        self.list_executions(pipeline, most)
    }

    async fn stop_execution(
        &self,
        pipeline: &str,
        execution: &str,
        abandon: bool,
        reason: &str,
    ) -> Result<()> {
        self.end(pipeline, execution, abandon, reason)
    }

    fn calls(&self) -> Calls {
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
