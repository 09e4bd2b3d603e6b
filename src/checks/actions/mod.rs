//! One action: its type, configuration, references to run-time variables, texts that hold JSON.

mod action_type_unknown;
mod artifact_count;
mod artifact_not_input;
mod commands_missing;
mod configuration_conflict;
mod configuration_key_unknown;
mod configuration_length;
mod configuration_missing;
mod configuration_value;
mod field_limit;
mod field_misplaced;
mod form;

use super::Rule;

/// The rules of this folder.
pub(super) const RULES: &[&Rule] = &[
    &action_type_unknown::RULE,
    &artifact_count::RULE,
    &artifact_not_input::RULE,
    &commands_missing::RULE,
    &configuration_conflict::RULE,
    &configuration_key_unknown::RULE,
    &configuration_length::RULE,
    &configuration_missing::RULE,
    &configuration_value::RULE,
    &field_limit::RULE,
    &field_misplaced::RULE,
];
