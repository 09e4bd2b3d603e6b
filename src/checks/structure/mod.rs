//! The pipeline as a whole: stages, order, artifacts, namespaces, triggers, conditions, quotas.

mod artifact_unknown;

use super::Rule;

/// The rules of this folder.
pub(super) const RULES: &[&Rule] = &[&artifact_unknown::RULE];
