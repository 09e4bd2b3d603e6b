//! An apply that runs in the pipeline it changes: what it may not do, and the start on the same commit afterwards.
//!
//! The buildspec that the last apply wrote says that it is one, in environment variables.

use sha2::{Digest, Sha256};

use super::End;
use super::applying::Work;
use crate::apply::Outcome;
use crate::error::Failure;
use crate::live;
use crate::plan::{Action, Plan};
use crate::report::Report;
use crate::resources::{DIGEST_TAG, Id, Kind};

/// A self-update under way.
#[derive(Debug)]
pub(super) struct SelfUpdate {
    pipeline: String,
    source: Option<String>,
    execution: Option<String>,
    commit: Option<String>,
    last: bool,
}

impl SelfUpdate {
    /// What the build's environment says; nothing outside of such a build.
    pub(super) fn under_way() -> Option<Self> {
        let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Some(Self {
            pipeline: get("PIPECTL_SELF_UPDATE")?,
            source: get("PIPECTL_SELF_UPDATE_SOURCE"),
            execution: get("PIPECTL_SELF_UPDATE_EXECUTION"),
            commit: get("CODEBUILD_RESOLVED_SOURCE_VERSION"),
            last: get("PIPECTL_SELF_UPDATE_LAST").is_some(),
        })
    }

    /// The pipeline it runs in.
    pub(super) fn pipeline(&self) -> &str {
        &self.pipeline
    }

    /// Refuses what a self-update may not do, before anything is written.
    pub(super) fn check(&self, work: &Work) -> Result<(), Failure> {
        let desk = format!(
            "run it at a desk: pipectl apply -r {} -s {}",
            work.header.region, work.header.stage
        );
        let touched = |kind: Kind| {
            work.plan
                .changes
                .iter()
                .find(|change| change.id.kind == kind)
        };
        if let Some(change) = work
            .plan
            .changes
            .iter()
            .find(|change| matches!(change.action, Action::Delete | Action::Replace))
        {
            return Err(Failure::failed(
                "self-update-deletes",
                format!("a self-update deletes nothing, and {} would go", change.id),
            )
            .help(desk));
        }
        if work.ready.model.provider.permissions_boundary.is_none()
            && let Some(change) = touched(Kind::Role)
        {
            return Err(Failure::failed(
                "self-update-role",
                format!(
                    "{} would change, and without `provider.permissionsBoundary` a self-update changes no role",
                    change.id
                ),
            )
            .help(desk));
        }
        let own = own_projects(work);
        if let Some(change) = work
            .plan
            .changes
            .iter()
            .find(|change| own.contains(&change.id))
        {
            return Err(Failure::failed(
                "self-update-itself",
                format!(
                    "{} runs this very self-update and cannot change itself",
                    change.id
                ),
            )
            .help(desk));
        }
        Ok(())
    }

    /// Starts the pipeline again where its structure changed: AWS ended the execution that this build belongs to.
    pub(super) async fn restart(
        &self,
        report: &Report,
        work: &Work,
        outcome: &Outcome,
    ) -> Result<(), End> {
        let Some(digest) = self.new_structure(&outcome.plan, outcome) else {
            return Ok(());
        };
        if self.last {
            report.note("the pipeline has a new structure; this was its last stage, so it is not started again");
            return Ok(());
        }
        let (Some(source), Some(commit)) = (&self.source, &self.commit) else {
            report.warn("the pipeline has a new structure, and which commit to start it on is not known: start it by hand");
            return Ok(());
        };
        let cloud = work.ready.account.cloud.as_ref();
        let refused = |error| End::from(live::failure(&error));
        let parallel = work.ready.model.pipelines.iter().any(|pipeline| {
            pipeline.name.value == self.pipeline
                && pipeline
                    .execution_mode
                    .as_ref()
                    .is_some_and(|mode| mode.value == "PARALLEL")
        });
        if parallel && let Some(own) = &self.execution {
            let why = "started again with the new structure";
            cloud
                .stop_execution(&self.pipeline, own, true, why)
                .await
                .map_err(refused)?;
        }
        let hash = Sha256::digest(format!("{commit}\n{digest}"));
        let token: String = hash
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let execution = cloud
            .start_execution(&self.pipeline, Some((source, commit)), Some(&token))
            .await
            .map_err(refused)?;
        report.note(&format!(
            "{} has a new structure: started again on {commit}, execution {execution}",
            self.pipeline
        ));
        Ok(())
    }

    /// The digest of the pipeline, if this run changed its structure.
    fn new_structure(&self, plan: &Plan, outcome: &Outcome) -> Option<String> {
        let change = plan.changes.iter().find(|change| {
            change.id.kind == Kind::Pipeline
                && change.id.name == self.pipeline
                && change.action == Action::Update
                && outcome.done.contains(&change.id)
        })?;
        let structure = change
            .fields
            .iter()
            .any(|field| !field.path.starts_with("tags"));
        if !structure {
            return None;
        }
        change.desired.as_ref()?.tags.get(DIGEST_TAG).cloned()
    }
}

/// The projects that run self-updates.
fn own_projects(work: &Work) -> Vec<Id> {
    let model = &work.ready.model;
    model
        .pipelines
        .iter()
        .flat_map(|pipeline| &pipeline.stages)
        .flat_map(|stage| &stage.actions)
        .filter(|action| action.self_update.is_some())
        .filter_map(|action| action.project.as_ref())
        .filter_map(|key| model.projects.iter().find(|project| project.key == *key))
        .map(|project| {
            let region = project
                .region
                .as_ref()
                .map_or(work.header.region.as_str(), |region| region.value.as_str());
            Id::new(Kind::Project, region, project.name.value.clone())
        })
        .collect()
}
