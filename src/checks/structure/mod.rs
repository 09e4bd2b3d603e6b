//! The pipeline as a whole: stages, order, artifacts, namespaces, triggers, conditions, quotas.

mod action_name_duplicate;
mod artifact_duplicate;
mod artifact_unknown;
mod first_stage;
mod input_duplicate;
mod self_update_restarts;
mod source_late;
mod stage_empty;
mod stage_name_duplicate;
mod stages_too_few;
mod wording;

use super::Rule;

/// The rules of this folder.
pub(super) const RULES: &[&Rule] = &[
    &action_name_duplicate::RULE,
    &artifact_duplicate::RULE,
    &artifact_unknown::RULE,
    &first_stage::RULE,
    &input_duplicate::RULE,
    &self_update_restarts::RULE,
    &source_late::RULE,
    &stage_empty::RULE,
    &stage_name_duplicate::RULE,
    &stages_too_few::RULE,
];
