//! The log groups of a service: one in every region it builds in, and those that builds name themselves.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Output, names};
use crate::catalog::companions::companions;
use crate::diagnostic::Diagnostic;
use crate::model::{MadeLogGroup, Model, Project};
use crate::resources::{Id, Kind, Resource};
use crate::source::Span;

/// The log groups in use, and who says how long each keeps what it gets.
#[derive(Default)]
pub(super) struct Logs {
    groups: BTreeMap<Id, Option<(u32, Span)>>,
}

impl Logs {
    /// Asks for the service's own group in a region.
    pub(super) fn ask(&mut self, model: &Model, region: &str) -> Id {
        let name = names::log_group(&model.service.value);
        let id = Id::new(Kind::LogGroup, region, name);
        self.groups.entry(id.clone()).or_default();
        id
    }

    /// Asks for the group that a project names.
    pub(super) fn made(
        &mut self,
        project: &Project,
        group: &MadeLogGroup,
        region: &str,
        out: &mut Output<'_>,
    ) -> Id {
        let id = Id::new(Kind::LogGroup, region, group.name.value.clone());
        let said = self.groups.entry(id.clone()).or_default();
        match (*said, group.retention_days) {
            (Some((before, first)), Some((days, span))) if before != days => {
                out.diagnostics.push(
                    Diagnostic::error(
                        "value-invalid",
                        span,
                        format!("{}.logs.retention", project.path),
                        format!(
                            "the log group {} keeps its events for {before} days elsewhere in this file",
                            group.name.value
                        ),
                    )
.label("another retention")
                    .related(first, "as it stands here")
                    .help("say it the same way at each, or at one of them only"),
                );
            }
            (None, days) => *said = days,
            _ => {}
        }
        id
    }

    /// The groups as resources.
    pub(super) fn finish(self, out: &mut Output<'_>) {
        for (id, said) in self.groups {
            let days = said.map_or(companions().logs.retention_days, |(days, _)| days);
            let body = json!({"logGroupName": id.name, "retentionInDays": days});
            out.add(Resource::new(id, body));
        }
    }
}
