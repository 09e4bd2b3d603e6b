//! What AWS takes and what hurts later.

mod approval_missing;
mod artifact_unused;
mod builds;
mod command_injection;
mod command_variable;
mod cross_account_key;
mod deploy_file_missing;
mod deploy_unbuilt;
mod deploy_without_rights;
mod docker;
mod docker_unprivileged;
mod download_executed;
mod flow_text;
mod invoke_endless;
mod names;
mod privileged_unused;
mod retry_pointless;
mod schedule_invalid;
mod secret_plaintext;
mod self_update_place;
mod shell;
mod source_github_v1;
mod source_polling;
mod source_same_repository;
mod test_report_missing;

use super::Rule;

/// The rules of this folder.
pub(super) const RULES: &[&Rule] = &[
    &approval_missing::RULE,
    &artifact_unused::RULE,
    &command_injection::RULE,
    &command_variable::RULE,
    &cross_account_key::RULE,
    &deploy_file_missing::RULE,
    &deploy_unbuilt::RULE,
    &deploy_without_rights::RULE,
    &docker_unprivileged::RULE,
    &download_executed::RULE,
    &invoke_endless::RULE,
    &privileged_unused::RULE,
    &retry_pointless::RULE,
    &schedule_invalid::RULE,
    &secret_plaintext::RULE,
    &self_update_place::RULE,
    &source_github_v1::RULE,
    &source_polling::RULE,
    &source_same_repository::RULE,
    &test_report_missing::RULE,
];
