//! What AWS takes and what hurts later.

mod self_update_place;
mod source_github_v1;
mod source_polling;
mod source_same_repository;

use super::Rule;

/// The rules of this folder.
pub(super) const RULES: &[&Rule] = &[
    &self_update_place::RULE,
    &source_github_v1::RULE,
    &source_polling::RULE,
    &source_same_repository::RULE,
];
