//! CodeBuild projects: environment, image, cache, network, logs, batch.

mod cache_idle;
mod members;
mod parts;
mod project_badge;
mod project_cache;
mod project_compute;
mod project_encryption_disabled;
mod project_encryption_key;
mod project_file_system;
mod project_identifier;
mod project_image;
mod project_image_pull;
mod project_lambda;
mod project_location;
mod project_logs;
mod project_member_idle;
mod project_member_kind;
mod project_member_missing;
mod project_member_unknown;
mod project_name;
mod project_no_artifacts;
mod project_no_source;
mod project_privileged;
mod project_range;
mod project_report_status;
mod project_secondary_type;
mod project_service_role;
mod project_source_pair;
mod project_variable;
mod project_vpc;
mod project_word;

use super::Rule;

/// The rules of this folder.
pub(super) const RULES: &[&Rule] = &[
    &cache_idle::RULE,
    &project_image::OUTDATED,
    &project_image::PLATFORM,
    &project_image::UNKNOWN,
    &project_badge::RULE,
    &project_cache::RULE,
    &project_compute::RULE,
    &project_encryption_disabled::RULE,
    &project_encryption_key::RULE,
    &project_file_system::RULE,
    &project_identifier::RULE,
    &project_image_pull::RULE,
    &project_lambda::RULE,
    &project_location::RULE,
    &project_logs::RULE,
    &project_member_idle::RULE,
    &project_member_kind::RULE,
    &project_member_missing::RULE,
    &project_member_unknown::RULE,
    &project_name::RULE,
    &project_no_artifacts::RULE,
    &project_no_source::RULE,
    &project_privileged::RULE,
    &project_range::RULE,
    &project_report_status::RULE,
    &project_secondary_type::RULE,
    &project_service_role::RULE,
    &project_source_pair::RULE,
    &project_variable::RULE,
    &project_vpc::RULE,
    &project_word::RULE,
];
