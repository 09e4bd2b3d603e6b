//! The pipeline as a whole: stages, order, artifacts, namespaces, triggers, conditions, quotas.

mod action_name_duplicate;
mod api_word_unknown;
mod artifact_duplicate;
mod artifact_store_choice;
mod artifact_store_invalid;
mod artifact_store_missing;
mod artifact_store_region;
mod artifact_store_unused;
mod artifact_unknown;
mod blockers;
mod condition_result;
mod first_stage;
mod full_clone;
mod input_duplicate;
mod name_invalid;
mod namespace_duplicate;
mod pipeline_type;
mod pipeline_variable;
mod quota_exceeded;
mod region_misplaced;
mod region_unknown;
mod role_arn;
mod role_misplaced;
mod rollback_impossible;
mod rule_configuration;
mod rule_name_duplicate;
mod rule_type_unknown;
mod run_order;
mod self_update_restarts;
mod source_late;
mod stage_empty;
mod stage_name_duplicate;
mod stages_too_few;
mod tag_invalid;
mod tags_too_many;
mod timeout_range;
mod trigger_filter;
mod trigger_pattern;
mod trigger_source;
mod variable_unused;
pub(super) mod wording;

use super::Rule;

/// The rules of this folder.
pub(super) const RULES: &[&Rule] = &[
    &action_name_duplicate::RULE,
    &api_word_unknown::RULE,
    &artifact_duplicate::RULE,
    &artifact_store_choice::RULE,
    &artifact_store_invalid::RULE,
    &artifact_store_missing::RULE,
    &artifact_store_region::RULE,
    &artifact_store_unused::RULE,
    &artifact_unknown::RULE,
    &blockers::RULE,
    &condition_result::RULE,
    &first_stage::RULE,
    &full_clone::RULE,
    &input_duplicate::RULE,
    &name_invalid::RULE,
    &namespace_duplicate::RULE,
    &pipeline_type::RULE,
    &pipeline_variable::RULE,
    &quota_exceeded::RULE,
    &region_misplaced::RULE,
    &region_unknown::RULE,
    &role_arn::RULE,
    &role_misplaced::RULE,
    &rollback_impossible::RULE,
    &rule_configuration::RULE,
    &rule_name_duplicate::RULE,
    &rule_type_unknown::RULE,
    &run_order::RULE,
    &self_update_restarts::RULE,
    &source_late::RULE,
    &stage_empty::RULE,
    &stage_name_duplicate::RULE,
    &stages_too_few::RULE,
    &tag_invalid::RULE,
    &tags_too_many::RULE,
    &timeout_range::RULE,
    &trigger_filter::RULE,
    &trigger_pattern::RULE,
    &trigger_source::RULE,
    &variable_unused::RULE,
];
