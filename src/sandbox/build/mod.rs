//! Builds on this machine, as CodeBuild runs them.
//!
//! ```text
//! run ─ phases in their order ─► session ─ commands ─► supervisor ─► shell ─► whatever the build starts
//!        │                         ▲                       │
//!        │                         └── output, exit codes ─┘
//!        └─ log (masked, bounded) ─► file, and to whoever watches
//! ```
//!
//! | module | what |
//! |---|---|
//! | `spec` | the buildspec |
//! | `environment` | variables, parameters, secrets |
//! | `places` | folders |
//! | `run` | which phase follows which |
//! | `hand_over` | what is left when commands are done |
//! | `batch` | several builds of one buildspec |
//! | `session` | one shell for all commands |
//! | [`supervise`] | the process that leaves no orphan |
//! | `container` | docker and podman |
//! | `log`, `mask` | what is written, without secrets |
//! | `artifacts`, `cache` | what is handed on |
//!
//! It is a rehearsal, no isolation: commands see this machine. They do not see its variables, its home, nor AWS.

mod artifacts;
mod batch;
mod cache;
mod container;
mod environment;
mod hand_over;
mod log;
mod mask;
mod places;
mod run;
mod session;
mod spec;
pub mod supervise;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::watch;

use crate::catalog::normal;
use crate::execution::build::{Build, Phase, PhaseContext, PhaseType};
use crate::execution::report::Report;
use crate::tree::Secret;

pub use container::{ContainerTool, find as find_container_tool};
pub use environment::{Variable, VariableType};

/// What the catalogue calls a project.
const KIND_PROJECT: &str = "codebuild-project";

/// What is to be built.
#[derive(Debug, Clone)]
pub struct Request {
    /// `project:uuid`.
    pub build_id: String,
    /// The how-manieth of the project.
    pub build_number: i64,
    /// The project, as CreateProject takes it.
    pub project: Value,
    /// What the start of the build changes about it.
    pub overrides: Overrides,
    /// The source: a working copy that is this build's own.
    pub source: PathBuf,
    /// The other sources by identifier, the same.
    pub secondary_sources: BTreeMap<String, PathBuf>,
    /// What the build can know of where it runs.
    pub facts: Facts,
    /// A folder for this build alone: log, home, artifacts.
    pub folder: PathBuf,
    /// A folder that is kept between builds of the project.
    pub cache: Option<PathBuf>,
    /// Variables of whoever runs pipectl that the build gets on purpose.
    pub passed: BTreeMap<String, String>,
    /// Where commands run.
    pub executor: Executor,
    /// Bounds.
    pub limits: Limits,
    /// Run the builds that the buildspec's `batch` says.
    pub batch: Option<Batch>,
    /// The identifier in a batch.
    pub task: Option<String>,
    /// The program that becomes the supervisor; this one if `None`.
    pub program: Option<PathBuf>,
}

/// What the start of a build changes.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Variables that win over those of project and buildspec.
    pub variables: Vec<Variable>,
    /// A buildspec, or its path in the source.
    pub buildspec: Option<String>,
}

/// What a build can know of where it runs.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// `aws`.
    pub partition: String,
    /// The region.
    pub region: String,
    /// The account.
    pub account: String,
    /// `codepipeline/NAME`.
    pub initiator: String,
    /// The commit, where there is one.
    pub resolved_source_version: Option<String>,
    /// What was asked to be built.
    pub source_version: Option<String>,
    /// Where the source comes from; a pipeline says nothing.
    pub source_repo_url: Option<String>,
}

/// A batch.
#[derive(Debug, Clone, Copy, Default)]
pub struct Batch {
    /// All artifacts become one.
    pub combine_artifacts: bool,
}

/// Where commands run.
#[derive(Debug, Clone, Default)]
pub enum Executor {
    /// In the shell of this machine.
    #[default]
    Host,
    /// In a container of the project's image.
    Container(ContainerTool),
}

/// Bounds of a build.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long it may take; the project's `timeoutInMinutes` if `None`.
    pub timeout: Option<Duration>,
    /// Between asking processes to end and killing them.
    pub grace: Duration,
    /// Bytes of a log that are kept of its beginning.
    pub log_head: u64,
    /// Bytes that are kept of its end.
    pub log_tail: usize,
    /// Builds of a batch at the same time.
    pub parallel: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: None,
            grace: Duration::from_secs(5),
            log_head: 16 << 20,
            log_tail: 2 << 20,
            parallel: std::thread::available_parallelism().map_or(2, usize::from),
        }
    }
}

/// What comes of a build.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The build as BatchGetBuilds tells it.
    pub build: Build,
    /// The artifact, a ZIP file.
    pub artifact: Option<PathBuf>,
    /// The secondary artifacts by identifier; those of a batch by `TASK` and `TASK_IDENTIFIER`.
    pub secondary_artifacts: BTreeMap<String, PathBuf>,
    /// Its reports; their ARNs are for whoever keeps them to fill in.
    pub reports: Vec<Report>,
    /// Why it did not succeed.
    pub failure: Option<BuildFailure>,
    /// Its log.
    pub log: PathBuf,
    /// The builds of a batch by identifier, in its order.
    pub builds: Vec<(String, Outcome)>,
}

/// Where and how a build failed: what a person wants to see first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildFailure {
    /// The phase.
    pub phase: PhaseType,
    /// Why.
    pub context: PhaseContext,
    /// The command as the buildspec has it, masked.
    pub command: Option<String>,
    /// Its exit code.
    pub exit_code: Option<i32>,
    /// The last lines it wrote, masked.
    pub last_lines: Vec<String>,
}

/// Something happened in a build.
#[derive(Debug, Clone)]
pub struct Event {
    /// The identifier in a batch.
    pub task: Option<String>,
    /// What.
    pub what: What,
}

/// What happens in a build.
#[derive(Debug, Clone)]
pub enum What {
    /// A phase began (`IN_PROGRESS`) or ended.
    Phase(Phase),
    /// A line of the log, masked, without its end. One that is very long comes in pieces.
    Line(String),
}

/// Reads parameters and secrets. An error is a sentence for people.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// A parameter of Parameter Store, decrypted; `None` where there is none.
    async fn parameter(&self, name: &str) -> Result<Option<Secret>, String>;
    /// The whole text of a secret; `None` where there is none.
    async fn secret(
        &self,
        id: &str,
        stage: Option<&str>,
        version: Option<&str>,
    ) -> Result<Option<Secret>, String>;
}

/// Stops a build.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// Hears that a build is to stop. If nobody is left who could say so, it goes on.
#[derive(Debug, Clone)]
pub struct StopSignal(watch::Receiver<bool>);

impl Stopper {
    /// A stopper and what hears it.
    pub fn new() -> (Self, StopSignal) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), StopSignal(receiver))
    }

    /// Stops everything that hears.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl StopSignal {
    fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    async fn heard(&mut self) {
        if self.0.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Request {
    fn text(&self, pointer: &str) -> Option<String> {
        self.project
            .pointer(pointer)
            .and_then(Value::as_str)
            .map(str::to_owned)
    }

    fn project_name(&self) -> &str {
        self.build_id
            .split_once(':')
            .map_or(self.build_id.as_str(), |(project, _)| project)
    }

    fn uuid(&self) -> &str {
        self.build_id
            .split_once(':')
            .map_or(self.build_id.as_str(), |(_, uuid)| uuid)
    }

    /// Where CodeBuild would keep its log.
    pub(in crate::sandbox) fn log_group(&self) -> String {
        self.text("/logsConfig/cloudWatchLogs/groupName")
            .unwrap_or_else(|| format!("/aws/codebuild/{}", self.project_name()))
    }

    fn arn(&self) -> String {
        let facts = &self.facts;
        format!(
            "arn:{}:codebuild:{}:{}:build/{}",
            facts.partition, facts.region, facts.account, self.build_id
        )
    }

    fn privileged(&self) -> bool {
        self.project
            .pointer("/environment/privilegedMode")
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    /// How long it may take.
    fn timeout(&self) -> Duration {
        const KEY: &str = "timeoutInMinutes";
        let usual = || {
            let defaults = &normal::normal(KIND_PROJECT).defaults;
            let usual = defaults.iter().find(|default| default.path == KEY);
            usual.and_then(|default| default.value.as_u64())
        };
        let minutes = self.project.get(KEY).and_then(Value::as_u64);
        let minutes = minutes.or_else(usual).unwrap_or(u64::from(u16::MAX));
        let told = Duration::from_secs(minutes.saturating_mul(60));
        self.limits.timeout.unwrap_or(told)
    }

    /// Where its log is.
    pub fn log_file(&self) -> PathBuf {
        log_file(&self.folder)
    }
}

/// Where the log of a build is that has this folder.
pub fn log_file(folder: &Path) -> PathBuf {
    folder.join("build.log")
}

/// Runs a build, or a batch of builds. Whatever happens is an outcome; if this is dropped before its end, everything
/// that it started is ended.
pub async fn run(
    request: Request,
    resolver: &dyn Resolver,
    sink: &(dyn Fn(Event) + Send + Sync),
    stop: StopSignal,
) -> Outcome {
    match request.batch {
        Some(batch) => batch::run(request, batch, resolver, sink, stop).await,
        None => run::run(&request, resolver, sink, stop).await,
    }
}
