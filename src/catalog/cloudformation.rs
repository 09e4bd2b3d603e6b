//! How CloudFormation spells what the APIs take.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::parse;

/// Everything in `cloudformation.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloudFormation {
    /// Our word for a kind → type of the resource; kinds without one cannot stand in a template.
    pub types: BTreeMap<String, String>,
    /// The type that holds a bucket's policy.
    pub bucket_policy: String,
    /// The type that holds a topic's policy.
    pub topic_policy: String,
    /// The type of a managed policy of a role.
    pub managed_policy: String,
    /// Members that are more than the API's word with a capital.
    pub renames: BTreeMap<String, String>,
    /// Members whose own members keep their spelling.
    pub verbatim: Vec<String>,
    /// AWSTemplateFormatVersion.
    pub format: String,
    /// Where the facts are from.
    pub source: String,
}

static FILE: LazyLock<CloudFormation> =
    LazyLock::new(|| parse("cloudformation.json", include_str!("cloudformation.json")));

/// The spelling of templates.
pub fn cloudformation() -> &'static CloudFormation {
    &FILE
}
