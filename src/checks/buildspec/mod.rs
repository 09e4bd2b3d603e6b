//! The buildspec language, inline and in files beside the pipeline file.

use super::Rule;

/// The rules of this folder.
pub(super) const RULES: &[&Rule] = &[];
