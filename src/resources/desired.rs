//! What a file wants to exist.

use std::collections::BTreeMap;

use super::Resource;

/// Everything that a file wants in one account, region and stage.
#[derive(Debug, Clone, Default)]
pub struct Desired {
    /// `service:`.
    pub service: String,
    /// The stage of the run.
    pub stage: String,
    /// The region of the run.
    pub region: String,
    /// The account.
    pub account: String,
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
    /// The resources, by kind, region and name; with their dependencies and the tags a person wrote.
    pub resources: Vec<Resource>,
    /// Projects that several pipelines use: name → names of the pipelines.
    pub shared_by: BTreeMap<String, Vec<String>>,
    /// Set if only this pipeline, what it uses and what starts it is wanted; everything else is left as it is.
    pub only_pipeline: Option<String>,
}
