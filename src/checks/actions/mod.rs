//! One action: its type, configuration, references to run-time variables, texts that hold JSON.

mod action_type_unknown;
mod configuration_conflict;
mod configuration_key_unknown;
mod configuration_missing;
mod form;

use super::Rule;

/// The rules of this folder.
pub(super) const RULES: &[&Rule] = &[
    &action_type_unknown::RULE,
    &configuration_conflict::RULE,
    &configuration_key_unknown::RULE,
    &configuration_missing::RULE,
];
