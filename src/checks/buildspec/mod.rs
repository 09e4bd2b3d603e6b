//! The buildspec language, inline and in files beside the pipeline file.

mod buildspec_artifact;
mod buildspec_batch;
mod buildspec_cache;
mod buildspec_command;
mod buildspec_key_missing;
mod buildspec_key_unknown;
mod buildspec_kind;
mod buildspec_machine;
mod buildspec_report;
mod buildspec_runtime;
mod buildspec_syntax;
mod buildspec_variable;
mod buildspec_version;
mod grammar;
mod placing;
mod secret_reference;
mod spec;

use super::Rule;

pub use placing::place_buildspecs;

/// The rules of this folder.
pub(super) const RULES: &[&Rule] = &[
    &buildspec_artifact::RULE,
    &buildspec_batch::IDLE,
    &buildspec_batch::RULE,
    &buildspec_cache::RULE,
    &buildspec_command::RULE,
    &buildspec_key_missing::RULE,
    &buildspec_key_unknown::RULE,
    &buildspec_kind::RULE,
    &buildspec_machine::PLATFORM,
    &buildspec_machine::RULE,
    &buildspec_report::RULE,
    &buildspec_runtime::RULE,
    &buildspec_syntax::RULE,
    &buildspec_variable::EXPORT,
    &buildspec_variable::NAME,
    &buildspec_version::RULE,
    &secret_reference::RULE,
];
