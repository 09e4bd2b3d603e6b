//! One action: its type, configuration, references to run-time variables, texts that hold JSON.

mod action_type_unknown;
mod artifact_count;
mod artifact_identifier;
mod artifact_not_input;
mod batch_config_missing;
mod branch_invalid;
mod commands_missing;
mod configuration_conflict;
mod configuration_key_unknown;
mod configuration_length;
mod configuration_missing;
mod configuration_value;
mod environment_json;
mod field_limit;
mod field_misplaced;
mod form;
mod namespace_unknown;
mod output_undeclared;
mod parameter_overrides;
mod pass_role_account;
mod places;
mod repository_id;
mod run_time_variable_early;
mod run_time_variable_misplaced;
mod run_time_variable_unknown;
mod secret_masked;

use super::Rule;

/// The rules of this folder.
pub(super) const RULES: &[&Rule] = &[
    &action_type_unknown::RULE,
    &artifact_count::RULE,
    &artifact_identifier::RULE,
    &artifact_not_input::RULE,
    &batch_config_missing::RULE,
    &branch_invalid::RULE,
    &commands_missing::RULE,
    &configuration_conflict::RULE,
    &configuration_key_unknown::RULE,
    &configuration_length::RULE,
    &configuration_missing::RULE,
    &configuration_value::RULE,
    &environment_json::RULE,
    &field_limit::RULE,
    &field_misplaced::RULE,
    &namespace_unknown::RULE,
    &output_undeclared::RULE,
    &parameter_overrides::RULE,
    &pass_role_account::RULE,
    &repository_id::RULE,
    &run_time_variable_early::RULE,
    &run_time_variable_misplaced::RULE,
    &run_time_variable_unknown::RULE,
    &secret_masked::RULE,
];
