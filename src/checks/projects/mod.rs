//! CodeBuild projects: environment, image, cache, network, logs, batch.

use super::Rule;

/// The rules of this folder.
pub(super) const RULES: &[&Rule] = &[];
