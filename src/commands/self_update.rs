//! An apply that runs in the pipeline it changes: what it may not do, and the start on the same commit afterwards.
//!
//! The buildspec that the last apply wrote says that it is one, in environment variables.

use sha2::{Digest, Sha256};

use super::End;
use super::applying::Work;
use crate::apply::Outcome;
use crate::catalog::companions::companions;
use crate::cloud::Revision;
use crate::compile::{Param, shell_word, told};
use crate::error::Failure;
use crate::live;
use crate::model::{Model, Pipeline};
use crate::plan::{Action, Change, Plan};
use crate::report::Report;
use crate::resources::{DIGEST_TAG, Desired, Id, Kind, RESTARTED_TAG, managed};

/// A self-update under way.
#[derive(Debug)]
pub(super) struct SelfUpdate {
    pipeline: String,
    source: Option<String>,
    execution: Option<String>,
    commit: Option<String>,
    last: bool,
    /// The projects that run self-updates, and their roles.
    own: Vec<Id>,
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
            own: Vec::new(),
        })
    }

    /// The pipeline it runs in.
    pub(super) fn pipeline(&self) -> &str {
        &self.pipeline
    }

    /// Learns which resources run self-updates, and notes the commit on the pipeline, so that an update of it tells the
    /// next self-update what it was made on.
    pub(super) fn enter(&mut self, desired: &mut Desired, model: &Model) {
        self.own = own_resources(desired, model);
        let Some(commit) = &self.commit else {
            return;
        };
        for resource in &mut desired.resources {
            if resource.id.kind == Kind::Pipeline && resource.id.name == self.pipeline {
                resource
                    .tags
                    .insert(RESTARTED_TAG.to_owned(), commit.clone());
            }
        }
    }

    /// Refuses what a self-update may not do, before anything is written.
    pub(super) fn admit(&self, work: &Work, plan: &Plan) -> Result<(), Failure> {
        let bounded = work.ready.model.provider.permissions_boundary.is_some();
        let refused = plan
            .changes
            .iter()
            .find_map(|change| Some((change, refusal(change, &self.own, bounded)?)));
        let Some((change, (code, message))) = refused else {
            return Ok(());
        };
        Err(Failure::failed(code, message)
            .help(format!(
                "nothing was changed; apply this commit once at a desk: {}",
                at_a_desk(work)
            ))
            .about(change.id.to_string()))
    }

    /// Starts the pipeline again where its structure changed: AWS ended the execution that this build belongs to.
    pub(super) async fn restart(
        &self,
        report: &Report,
        work: &Work,
        outcome: &Outcome,
    ) -> Result<(), End> {
        let Some(changed) = self.new_structure(&outcome.plan, outcome) else {
            return Ok(());
        };
        let name = &self.pipeline;
        if self.last {
            report.note(&format!(
                "{name} has a new structure; this is its last stage, so it is not started again"
            ));
            return Ok(());
        }
        let Some(revision) = self.revision(work) else {
            report.warn(&format!(
                "{name} has a new structure and ends this execution; the commit to start it on is not known: start it by hand: aws codepipeline start-pipeline-execution --name {name}"
            ));
            return Ok(());
        };
        if changed.again {
            report.warn(&format!(
                "{name} was updated to this structure and started on {} before, and yet it had changed: it is not started a second time. Something else changes it; `pipectl plan` says what",
                revision.value
            ));
            return Ok(());
        }
        let cloud = work.ready.account.cloud.as_ref();
        let not_started = |error| {
            let mut failure = live::failure(&error);
            let help = format!(
                "{name} is updated, but not started again: aws codepipeline start-pipeline-execution --name {name} --source-revisions actionName={},revisionType={},revisionValue={}",
                revision.action, revision.kind, revision.value
            );
            failure.help = Some(match failure.help {
                Some(why) => format!("{why} {help}"),
                None => help,
            });
            End::from(failure)
        };
        if changed.parallel {
            let Some(own) = &self.execution else {
                report.warn(&format!(
                    "{name} has a new structure, and which execution this is is not known: it goes on with the old one, and the pipeline is not started again"
                ));
                return Ok(());
            };
            let why = "started again with the new structure";
            cloud
                .stop_execution(name, own, true, why)
                .await
                .map_err(not_started)?;
        }
        let token = token(&revision.value, &changed.digest);
        let execution = cloud
            .start_execution(name, Some(&revision), Some(&token))
            .await
            .map_err(not_started)?;
        report.note(&format!(
            "{name} has a new structure: started again on {}, execution {execution}",
            revision.value
        ));
        Ok(())
    }

    /// What to start on: the commit of this build, of the source action that it came from.
    fn revision(&self, work: &Work) -> Option<Revision> {
        let pipeline = self.of(work)?;
        let sources = || {
            pipeline
                .stages
                .iter()
                .flat_map(|stage| &stage.actions)
                .filter(|action| action.category.value == "Source")
        };
        // The new structure may call its source otherwise.
        let source = sources()
            .find(|action| self.source.as_ref() == Some(&action.name.value))
            .or_else(|| sources().next().filter(|_| sources().count() == 1))?;
        Some(Revision {
            action: source.name.value.clone(),
            kind: companions()
                .self_update
                .revision_type(&source.provider.value)
                .to_owned(),
            value: self.commit.clone()?,
        })
    }

    fn of<'w>(&self, work: &'w Work) -> Option<&'w Pipeline> {
        let mut pipelines = work.ready.model.pipelines.iter();
        pipelines.find(|pipeline| pipeline.name.value == self.pipeline)
    }

    /// What this run made of the pipeline, if it changed its structure.
    fn new_structure(&self, plan: &Plan, outcome: &Outcome) -> Option<NewStructure> {
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
        let live = change.live.as_ref()?;
        let digest = change.desired.as_ref()?.tags.get(DIGEST_TAG)?.clone();
        Some(NewStructure {
            // Executions go on as they were started: the mode before the update counts.
            parallel: live.body["executionMode"] == "PARALLEL",
            again: live.tags.get(DIGEST_TAG) == Some(&digest)
                && self.commit.is_some()
                && live.tags.get(RESTARTED_TAG) == self.commit.as_ref(),
            digest,
        })
    }
}

/// Takes changes of the build that runs this out of the work, for a self-update never changes itself; which these are
/// is the answer.
pub(super) fn spare(work: &mut Work) -> Vec<Id> {
    let Some(own) = &work.own else {
        return Vec::new();
    };
    // A role that only loses rights stays good enough; one that would gain some is needed for what comes.
    let stays = |change: &Change| {
        own.own.contains(&change.id) && change.action == Action::Update && change.widens.is_empty()
    };
    let changes = std::mem::take(&mut work.plan.changes);
    let (spared, changes) = changes.into_iter().partition::<Vec<_>, _>(stays);
    work.plan.changes = changes;
    let spared: Vec<Id> = spared.into_iter().map(|change| change.id).collect();
    work.desired
        .resources
        .retain(|resource| !spared.contains(&resource.id));
    spared
}

/// A structure that was written.
struct NewStructure {
    digest: String,
    parallel: bool,
    /// The same structure was written before, on the same commit.
    again: bool,
}

/// Why a self-update may not do this, if it may not.
fn refusal(change: &Change, own: &[Id], bounded: bool) -> Option<(&'static str, String)> {
    let id = &change.id;
    if matches!(change.action, Action::Delete | Action::Replace) {
        let message = format!("a self-update deletes nothing, and {id} would go");
        return Some(("self-update-deletes", message));
    }
    if own.contains(id) {
        return Some(("self-update-itself", itself(change)));
    }
    if id.kind != Kind::Role {
        return None;
    }
    let message = if !bounded {
        let verb = match change.action {
            Action::Create => "be created",
            _ => "change",
        };
        format!(
            "{id} would {verb}, and without `provider.permissionsBoundary` a self-update changes no role"
        )
    } else if let Some(member) = beyond_boundary(change) {
        format!("the {member} of {id} would change, and that is not a self-update's to do")
    } else {
        return None;
    };
    Some(("self-update-role", message))
}

/// The clientRequestToken: the same commit and digest never start twice.
fn token(commit: &str, digest: &str) -> String {
    Sha256::digest(format!("{commit}\n{digest}"))
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn itself(change: &Change) -> String {
    let id = &change.id;
    match (change.action, change.widens.first()) {
        (Action::Create, _) => {
            format!("{id} would be new, and a self-update makes no build or role for itself")
        }
        (_, Some(grant)) => format!(
            "{id} would get wider ({grant}), and the role of a self-update never changes itself"
        ),
        (_, None) => format!("{id} runs this very self-update and cannot change itself"),
    }
}

const MANAGED: (&str, &str) = ("managedPolicies", "managed policies");

/// The member of a role whose change IAM cannot tie to the permissions boundary.
fn beyond_boundary(change: &Change) -> Option<&'static str> {
    if change.action == Action::Create {
        // IAM ties attaching a policy to the boundary of the role, but not what is written into it later.
        let desired = change.desired.as_ref()?;
        return managed(&desired.body).next().map(|_| MANAGED.1);
    }
    change.fields.iter().find_map(|field| {
        [
            ("assumeRolePolicyDocument", "trust policy"),
            ("permissionsBoundary", "permissions boundary"),
            ("maxSessionDuration", "longest session"),
            ("description", "description"),
            MANAGED,
        ]
        .into_iter()
        .find(|(member, _)| field.path.starts_with(member))
        .map(|(_, words)| words)
    })
}

/// What the command for a desk is about.
pub(super) struct Desk<'a> {
    /// The file, as a path from the root of its repository.
    pub(super) file: &'a str,
    /// The region of the run.
    pub(super) region: &'a str,
    /// The stage of the run.
    pub(super) stage: &'a str,
}

impl Desk<'_> {
    /// The command, with these parameters and those whose values are not shown.
    fn command<'p>(
        &self,
        params: impl IntoIterator<Item = &'p Param>,
        withheld: impl IntoIterator<Item = &'p Param>,
    ) -> String {
        let mut command = format!(
            "pipectl apply -f {} -r {} -s {}",
            shell_word(self.file),
            shell_word(self.region),
            shell_word(self.stage)
        );
        let params = params.into_iter().map(|(key, value)| (key, value.as_str()));
        let withheld = withheld.into_iter().map(|(key, _)| (key, "VALUE"));
        for (key, value) in params.chain(withheld) {
            command.push_str(" --param ");
            command.push_str(&shell_word(&format!("{key}={value}")));
        }
        command
    }
}

/// The command that does at a desk what may not be done here.
pub(super) fn at_a_desk(work: &Work) -> String {
    let desk = Desk {
        file: &work.ready.document.in_repository,
        region: &work.header.region,
        stage: &work.header.stage,
    };
    let (params, withheld) = told(&work.ready.model, &work.params);
    desk.command(params, withheld)
}

/// Says in a self-update what to do where its role may not read a value that the file takes from AWS: it may read what
/// the file of the last apply took.
pub(super) fn unread(failure: Failure, desk: &Desk<'_>, params: &[Param]) -> Failure {
    if SelfUpdate::under_way().is_none() {
        return failure;
    }
    let known = failure.help.clone().unwrap_or_default();
    // those of a self-update stand in its buildspec, in plain text
    let command = desk.command(params, []);
    failure.help(format!(
        "{known} A self-update may read what the file read when it was applied last, and nothing was changed now; apply this commit once at a desk, and its role may read this, too: {command}"
    ))
}

/// The projects that run self-updates, and their roles.
fn own_resources(desired: &Desired, model: &Model) -> Vec<Id> {
    let projects: Vec<Id> = model
        .pipelines
        .iter()
        .flat_map(|pipeline| &pipeline.stages)
        .flat_map(|stage| &stage.actions)
        .filter(|action| action.self_update.is_some())
        .filter_map(|action| action.project.as_ref())
        .filter_map(|key| model.projects.of_key(key))
        .map(|project| {
            let region = project
                .region
                .as_ref()
                .map_or(desired.region.as_str(), |region| region.value.as_str());
            Id::new(Kind::Project, region, project.name.value.clone())
        })
        .collect();
    let roles = desired
        .resources
        .iter()
        .filter(|resource| projects.contains(&resource.id))
        .flat_map(|project| &project.depends)
        .filter(|id| id.kind == Kind::Role)
        .cloned()
        .collect();
    [projects, roles].concat()
}
