//! The pipeline as a whole: stages, order, artifacts, namespaces, triggers, conditions, quotas.

mod action_name_duplicate;
mod artifact_duplicate;
mod artifact_store_choice;
mod artifact_store_invalid;
mod artifact_store_missing;
mod artifact_unknown;
mod blockers;
mod first_stage;
mod input_duplicate;
mod name_invalid;
mod namespace_duplicate;
mod pipeline_type;
mod region_misplaced;
mod region_unknown;
mod role_arn;
mod role_misplaced;
mod run_order;
mod self_update_restarts;
mod source_late;
mod stage_empty;
mod stage_name_duplicate;
mod stages_too_few;
mod timeout_range;
mod wording;

use super::Rule;

/// The rules of this folder.
pub(super) const RULES: &[&Rule] = &[
    &action_name_duplicate::RULE,
    &artifact_duplicate::RULE,
    &artifact_store_choice::RULE,
    &artifact_store_invalid::RULE,
    &artifact_store_missing::RULE,
    &artifact_unknown::RULE,
    &blockers::RULE,
    &first_stage::RULE,
    &input_duplicate::RULE,
    &name_invalid::RULE,
    &namespace_duplicate::RULE,
    &pipeline_type::RULE,
    &region_misplaced::RULE,
    &region_unknown::RULE,
    &role_arn::RULE,
    &role_misplaced::RULE,
    &run_order::RULE,
    &self_update_restarts::RULE,
    &source_late::RULE,
    &stage_empty::RULE,
    &stage_name_duplicate::RULE,
    &stages_too_few::RULE,
    &timeout_range::RULE,
];
