//! One action: its type, configuration, references to run-time variables, texts that hold JSON.

use super::Rule;

/// The rules of this folder.
pub(super) const RULES: &[&Rule] = &[];
