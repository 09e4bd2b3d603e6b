//! The log groups of a service: one in every region it builds in.

use std::collections::BTreeSet;

use serde_json::json;

use super::{Output, names};
use crate::catalog::companions::companions;
use crate::model::Model;
use crate::resources::{Id, Kind, Resource};

/// The log groups in use.
#[derive(Default)]
pub(super) struct Logs {
    regions: BTreeSet<String>,
}

impl Logs {
    /// Asks for the group of a region.
    pub(super) fn ask(&mut self, model: &Model, region: &str) -> Id {
        self.regions.insert(region.to_owned());
        Id::new(
            Kind::LogGroup,
            region,
            names::log_group(&model.service.value),
        )
    }

    /// The groups as resources.
    pub(super) fn finish(self, model: &Model, out: &mut Output<'_>) {
        for region in self.regions {
            let name = names::log_group(&model.service.value);
            let body = json!({
                "logGroupName": name,
                "retentionInDays": companions().logs.retention_days,
            });
            out.add(Resource::new(Id::new(Kind::LogGroup, region, name), body));
        }
    }
}
