//! The engine: runs pipelines in the account as CodePipeline runs them.
//!
//! What an execution is stands in the database ([`rows`]); what it does next is decided in one transaction
//! ([`advance`]) by whoever holds its lease ([`lease`]) and drives it ([`drive`]). A driver that is killed leaves
//! everything where the next one finds it.
//!
//! | module | what |
//! |---|---|
//! | `structure` | the pipeline as it was when the execution began |
//! | `rows` | executions, stages, actions and rules in the database |
//! | `building` | what the executor of builds is given, and what comes of it |
//! | `builds` | builds, their numbers, logs and reports in the database |
//! | `advance` | what happens next |
//! | `lease`, `drive` | who sees to it |
//! | `variables` | `#{Namespace.Variable}` |
//! | `artifacts` | ZIP files from action to action |
//! | `actions` | what an action does |
//! | `rules` | what a rule of a condition says |
//! | `standins` | `sources`, `actions` and `alarms` of `sandbox.yml` |
//! | `state` | GetPipelineState |

mod actions;
pub(super) mod advance;
mod artifacts;
mod building;
mod builds;
mod drive;
mod end;
pub(super) mod lease;
pub(super) mod rows;
mod rules;
pub mod standins;
mod state;
pub(super) mod structure;
mod variables;
mod window;

use std::path::PathBuf;

use super::Fault;
use super::build::Executor;
use crate::cloud::ErrorKind;

pub(super) use builds::successor;

/// How executions are driven.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The folder of the pipeline's file: where sources are looked for, and what paths of `sandbox.yml` begin at.
    pub home: Option<PathBuf>,
    /// Sources as they lie in the working tree, with what is not committed.
    pub dirty: bool,
    /// Where the commands of builds run.
    pub executor: Executor,
    /// The pipectl that supervises builds, and that builds run which update their own pipeline; else the one that runs
    /// now.
    pub pipectl: Option<PathBuf>,
}

/// A row that another row speaks of is not there.
fn gone(id: &str) -> Fault {
    Fault::Refused {
        kind: ErrorKind::Other,
        operation: "Sandbox:Drive",
        code: "sandbox-database".to_owned(),
        message: format!("What belongs to the run {id} is not in the database"),
    }
}
