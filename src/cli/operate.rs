//! The commands that start, look at and steer executions.

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};

/// Which pipeline, and which execution of it.
#[derive(Debug, Clone, Default, Args)]
pub struct Which {
    /// The pipeline, by its key or its name; needed where the file has several
    #[arg(long, value_name = "NAME")]
    pub pipeline: Option<String>,
    /// The execution [default: the newest]
    #[arg(long, value_name = "ID")]
    pub execution: Option<String>,
}

/// How builds run in the sandbox.
#[derive(Debug, Clone, Default, Args)]
pub struct Here {
    /// In the sandbox: run the builds in this [default: host]
    #[arg(long, value_name = "EXECUTOR")]
    pub executor: Option<Executor>,
    /// In the sandbox: run the commands of this repository without asking
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub trust: bool,
}

/// What runs builds in the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Executor {
    /// The shell of this machine. It is no isolation.
    #[default]
    Host,
    /// Docker, with the project's image.
    Docker,
    /// Podman, with the project's image.
    Podman,
}

/// `run`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pipectl run --watch\n  pipectl run --var RELEASE=1.2.3 --commit 3f2c1b2a\n  pipectl run --sandbox --dirty          the working tree, as it is\n  pipectl run --sandbox --resume         go on with one that was interrupted"
)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "they are independent switches of a person"
)]
pub struct Run {
    /// The pipeline, by its key or its name; needed where the file has several
    #[arg(long, value_name = "NAME")]
    pub pipeline: Option<String>,
    /// Follow it to its end
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub watch: bool,
    /// A value for a variable of the pipeline; may be repeated
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub vars: Vec<String>,
    /// Run on this commit instead of the newest
    #[arg(long, value_name = "SHA")]
    pub commit: Option<String>,
    /// Stop following after this time, e.g. 30m [default: none]
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<String>,
    /// In the sandbox: the working tree with what is not committed yet
    #[arg(long, value_parser = FalseyValueParser::new(), conflicts_with = "commit")]
    pub dirty: bool,
    /// In the sandbox: start it and return
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub detach: bool,
    /// In the sandbox: go on with an execution that nobody drives any more [default: the newest]
    #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = "", conflicts_with_all = ["vars", "commit", "dirty"])]
    pub resume: Option<String>,
    /// How builds run in the sandbox.
    #[command(flatten)]
    pub here: Here,
}

/// `status`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pipectl status\n  pipectl status --pipeline prod --format json"
)]
pub struct Status {
    /// Which.
    #[command(flatten)]
    pub which: Which,
}

/// `watch`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  pipectl watch\n  pipectl watch --timeout 30m --format json")]
pub struct Watch {
    /// Which.
    #[command(flatten)]
    pub which: Which,
    /// Stop after this time, e.g. 30m [default: none]
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<String>,
}

/// `logs`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pipectl logs\n  pipectl logs UnitTest -f\n  pipectl logs Deploy/Invalidate"
)]
pub struct Logs {
    /// The action, or `Stage/Action` [default: all]
    #[arg(value_name = "ACTION")]
    pub action: Option<String>,
    /// Go on until the execution is over
    #[arg(short, long, value_parser = FalseyValueParser::new())]
    pub follow: bool,
    /// The pipeline file; `-f` is --follow here
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Which.
    #[command(flatten)]
    pub which: Which,
}

/// `reports`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  pipectl reports\n  pipectl reports --format json")]
pub struct Reports {
    /// The action, or `Stage/Action` [default: all]
    #[arg(value_name = "ACTION")]
    pub action: Option<String>,
    /// Which.
    #[command(flatten)]
    pub which: Which,
}

/// `approve` and `reject`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pipectl approve\n  pipectl reject -m 'the beta is too slow'\n  pipectl approve --pipeline prod --stage Prod --action Approve"
)]
pub struct Approve {
    /// Which.
    #[command(flatten)]
    pub which: Which,
    /// The stage of the approval; needed where several wait
    #[arg(long, value_name = "NAME")]
    pub stage: Option<String>,
    /// The action of the approval
    #[arg(long, value_name = "NAME")]
    pub action: Option<String>,
    /// Why
    #[arg(short, long, value_name = "TEXT")]
    pub message: Option<String>,
    /// How builds run in the sandbox, where nobody else goes on with the execution.
    #[command(flatten)]
    pub here: Here,
}

/// `retry`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  pipectl retry\n  pipectl retry --stage Prod --all --watch")]
pub struct Retry {
    /// Which.
    #[command(flatten)]
    pub which: Which,
    /// The stage [default: the one that failed]
    #[arg(long, value_name = "NAME")]
    pub stage: Option<String>,
    /// Every action of the stage, not only those that failed
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub all: bool,
    /// Follow it to its end
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub watch: bool,
    /// How builds run in the sandbox.
    #[command(flatten)]
    pub here: Here,
}

/// `stop`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  pipectl stop -m 'wrong branch'\n  pipectl stop --abandon")]
pub struct Stop {
    /// Which.
    #[command(flatten)]
    pub which: Which,
    /// Do not wait for actions that run
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub abandon: bool,
    /// Why
    #[arg(short, long, value_name = "TEXT")]
    pub message: Option<String>,
}

/// `rollback`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pipectl rollback --stage Prod\n  pipectl rollback --stage Prod --execution 3f2c1b2a-… --watch"
)]
pub struct Rollback {
    /// The pipeline, by its key or its name; needed where the file has several
    #[arg(long, value_name = "NAME")]
    pub pipeline: Option<String>,
    /// The stage to bring back
    #[arg(long, value_name = "NAME")]
    pub stage: String,
    /// The execution whose artifacts are brought back [default: the last one that went through before]
    #[arg(long, value_name = "ID")]
    pub execution: Option<String>,
    /// Do not ask
    #[arg(short = 'y', long, value_parser = FalseyValueParser::new())]
    pub yes: bool,
    /// Follow it to its end
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub watch: bool,
    /// How builds run in the sandbox.
    #[command(flatten)]
    pub here: Here,
}

/// `enable` and `disable`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pipectl disable --stage Prod -m 'release freeze'\n  pipectl enable --stage Prod"
)]
pub struct Transition {
    /// The pipeline, by its key or its name; needed where the file has several
    #[arg(long, value_name = "NAME")]
    pub pipeline: Option<String>,
    /// The stage that executions may, or may not, enter
    #[arg(long, value_name = "NAME")]
    pub stage: String,
    /// Why
    #[arg(short, long, value_name = "TEXT")]
    pub message: Option<String>,
}

/// `graph`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pipectl graph\n  pipectl graph --format svg > pipeline.svg\n  pipectl graph --format mermaid --live"
)]
pub struct Graph {
    /// The pipeline, by its key or its name [default: all of the file]
    #[arg(long, value_name = "NAME")]
    pub pipeline: Option<String>,
    /// With the state of the newest execution
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub live: bool,
    /// Where to write it [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}
