//! What AWS takes and what hurts later.

use super::Rule;

/// The rules of this folder.
pub(super) const RULES: &[&Rule] = &[];
