//! Tree to typed pipeline; the one decode helper lives here.
//!
//! | file | reads |
//! |---|---|
//! | `root` | the file: which keys stand there, several pipelines |
//! | `provider` | `provider:`: roles, artifact stores, tags |
//! | `source` | sources and their options; `triggers` reads what starts a pipeline |
//! | `stages` | stages and `actions` with `needs` |
//! | `actions` | action kinds that are no builds; configuration keys through the catalogue |
//! | `builds`, `settings`, `buildspec` | builds: the action, the project, the buildspec |
//! | `conditions` | conditions of stages and their rules |
//! | `notify` | notifications and alarms |
//! | `raw`, `members` | the `definition:` forms |
//! | `api` | `api:`, which is merged into what the file says |
//! | `secrets` | where a secret may stand |
//! | `names` | names that the file does not say |

mod actions;
mod api;
mod builds;
mod buildspec;
mod conditions;
mod decode;
mod lists;
mod members;
mod merge;
mod names;
mod notify;
mod projects;
mod provider;
mod raw;
mod root;
mod secrets;
mod settings;
mod shape;
mod source;
mod stages;
mod triggers;
mod types;

#[cfg(test)]
mod tests;

pub use api::Added;
pub use merge::merge;
pub use projects::Projects;
pub use provider::may_be_stage;
pub use raw::is_buildspec;
pub use root::decode;
pub use secrets::conceal;
pub use source::repository_of;
pub use types::*;

/// What decoding needs to know beside the file.
#[derive(Debug, Clone, Default)]
pub struct Context<'a> {
    /// The stage of this run.
    pub stage: String,
    /// The service when the file names none.
    pub service: Option<String>,
    /// Whether values that only AWS knows are left open.
    pub offline: bool,
    /// The version of this pipectl, for `requiredVersion`; empty: not compared.
    pub version: &'a str,
}
