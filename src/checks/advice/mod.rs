//! What AWS takes and what hurts later.

mod builds;
mod command_injection;
mod command_variable;
mod docker;
mod docker_unprivileged;
mod download_executed;
mod privileged_unused;
mod self_update_place;
mod shell;
mod source_github_v1;
mod source_polling;
mod source_same_repository;

use super::Rule;

/// The rules of this folder.
pub(super) const RULES: &[&Rule] = &[
    &command_injection::RULE,
    &command_variable::RULE,
    &docker_unprivileged::RULE,
    &download_executed::RULE,
    &privileged_unused::RULE,
    &self_update_place::RULE,
    &source_github_v1::RULE,
    &source_polling::RULE,
    &source_same_repository::RULE,
];
