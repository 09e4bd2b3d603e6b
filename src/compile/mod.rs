//! Typed pipeline → desired resources: complete AWS definitions in which every default is said.

mod actions;
mod alarms;
mod buckets;
mod buildspec;
pub mod caller;
mod cloudformation;
mod conditions;
mod json;
mod logs;
mod names;
mod only;
pub mod output;
mod overflow;
mod permissions;
mod pipelines;
mod policies;
mod projects;
mod roles;
mod rules;
mod self_update;
#[cfg(test)]
mod tests;
mod topics;
mod webhooks;

pub use cloudformation::{cloudformation, left_out};
pub use self_update::{Param, shell_word, told};

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::catalog::actions::{ActionType, action_type};
use crate::diagnostic::Diagnostics;
use crate::model::{Action, Model, Pipeline, Project, Text};

use crate::resources::{Desired, Id, Kind, Resource};
use crate::variables::Request;

/// What compiling needs to know beside the file.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The account, or `${aws:accountId}` offline.
    pub account: String,
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
    /// The region of the run.
    pub region: String,
    /// The stage of the run.
    pub stage: String,
    /// The pipeline file as a path from the root of its repository; for the self-update.
    pub file: String,
    /// Parameters of the command line that are no secrets; for the self-update.
    pub params: Vec<(String, String)>,
    /// What the file's variables read from AWS; for the self-update's role.
    pub reads: Vec<Request>,
    /// The pipectl that the self-update runs, if there is one for its image.
    pub binary: Option<Binary>,
    /// Whether that pipectl really has to run in the image of its build: what a person named for it, and what AWS runs.
    /// In a sandbox the build runs here.
    pub binary_must_fit: bool,
    /// Whether AWS is not asked: then what only it knows is a placeholder.
    pub offline: bool,
}

/// A pipectl that runs on CodeBuild.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binary {
    /// The sha256 of the file, in hexadecimal digits.
    pub sha256: String,
    /// Where it lies here.
    pub path: String,
    /// `x86_64` or `arm64`.
    pub arch: String,
    /// The C library that it needs.
    pub libc: Libc,
}

/// The C library that a program needs where it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Libc {
    /// None: the program is static.
    Inside,
    /// glibc 2 of at least this minor version.
    Glibc(u32),
    /// musl as a shared library.
    Musl,
}

/// Why a made role may do something.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleStatement {
    /// Name of the role.
    pub role: String,
    /// The managed policy in which it stands; none if it stands in the role itself.
    pub policy: Option<String>,
    /// Name of the statement.
    pub sid: String,
    /// `Allow` or `Deny`.
    pub effect: String,
    /// IAM actions.
    pub actions: Vec<String>,
    /// Resources.
    pub resources: Vec<String>,
    /// Condition block.
    pub condition: Option<Value>,
    /// Who needs it and why.
    pub why: String,
}

/// What came of a file.
#[derive(Debug, Clone, Default)]
pub struct Compiled {
    /// What should exist.
    pub desired: Desired,
    /// Why each made role may do what it may.
    pub explain: Vec<RoleStatement>,
    /// Whether AWS was not asked.
    pub offline: bool,
}

/// What has been made so far.
struct Output<'a> {
    resources: BTreeMap<Id, Resource>,
    explain: Vec<RoleStatement>,
    diagnostics: &'a mut Diagnostics,
}

impl Output<'_> {
    /// Adds a resource; the first of two with one identity stays.
    fn add(&mut self, resource: Resource) {
        self.resources
            .entry(resource.id.clone())
            .or_insert(resource);
    }
}

/// Where an action stands.
#[derive(Clone, Copy)]
struct Place<'m> {
    /// Its pipeline, by its position in the file.
    pipeline: usize,
    action: &'m Action,
}

/// Everything of one run that the parts share.
struct Run<'m> {
    model: &'m Model,
    facts: &'m Facts,
    stores: Vec<buckets::Stores>,
    /// The actions that run each project, by the project's key.
    users: BTreeMap<&'m str, Vec<Place<'m>>>,
    /// The pipelines whose conditions run each project.
    rule_users: BTreeMap<&'m str, Vec<usize>>,
    /// Names in AWS of the file's alarms.
    alarms: BTreeMap<String, Vec<String>>,
}

impl<'m> Run<'m> {
    fn new(model: &'m Model, facts: &'m Facts) -> Self {
        let mut users: BTreeMap<&str, Vec<Place<'_>>> = BTreeMap::new();
        let mut rule_users: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, pipeline) in model.pipelines.iter().enumerate() {
            for stage in &pipeline.stages {
                for action in &stage.actions {
                    if let Some(project) = project_of(model, action) {
                        users.entry(&project.key).or_default().push(Place {
                            pipeline: at,
                            action,
                        });
                    }
                }
                for rule in conditions::rules(stage) {
                    if let Some(key) = &rule.project {
                        rule_users.entry(key).or_default().push(at);
                    }
                }
            }
        }
        Self {
            model,
            facts,
            stores: buckets::stores(model, facts),
            users,
            rule_users,
            alarms: alarms::names_in_aws(model),
        }
    }

    /// The actions that run a project.
    fn users_of(&self, project: &Project) -> &[Place<'m>] {
        self.users
            .get(project.key.as_str())
            .map_or(&[], Vec::as_slice)
    }

    /// The pipelines that use a project, by position.
    fn pipelines_of(&self, project: &Project) -> BTreeSet<usize> {
        let rules = self.rule_users.get(project.key.as_str());
        let actions = self.users_of(project).iter().map(|place| place.pipeline);
        actions
            .chain(rules.into_iter().flatten().copied())
            .collect()
    }

    /// The region a project lives in.
    fn region_of<'p>(&'p self, project: &'p Project) -> &'p str {
        project
            .region
            .as_ref()
            .map_or(self.facts.region.as_str(), |region| region.value.as_str())
    }

    /// A project of the file by its key.
    fn project(&self, key: &str) -> Option<&'m Project> {
        self.model
            .projects
            .iter()
            .find(|project| project.key == key)
    }

    /// The identity of a project that is made here.
    fn project_id(&self, project: &Project) -> Option<Id> {
        let region = self.region_of(project);
        (!project.existing).then(|| Id::new(Kind::Project, region, project.name.value.clone()))
    }
}

/// The project of the file that an action runs: by its key, or, in a raw definition, by its name.
fn project_of<'m>(model: &'m Model, action: &Action) -> Option<&'m Project> {
    if let Some(key) = &action.project {
        return model.projects.of_key(key);
    }
    if action.provider.value != "CodeBuild" {
        return None;
    }
    let name = configuration(action, "ProjectName")?;
    model.projects.of_name(&name.value)
}

/// The type of an action, if the catalogue has it.
fn kind(action: &Action) -> Option<&'static ActionType> {
    action_type(
        &action.owner.value,
        &action.category.value,
        &action.provider.value,
    )
}

/// The configuration of an action as the catalogue's conditions ask about it.
fn configured(configuration: &[(Text, Text)]) -> BTreeMap<String, String> {
    configuration
        .iter()
        .map(|(key, value)| (key.value.clone(), value.value.clone()))
        .collect()
}

/// A configuration value of an action.
fn configuration<'a>(action: &'a Action, key: &str) -> Option<&'a Text> {
    action
        .configuration
        .iter()
        .find(|(name, _)| name.value == key)
        .map(|(_, value)| value)
}

/// The tags that a person wrote.
fn user_tags(model: &Model, own: &[(Text, Text)]) -> BTreeMap<String, String> {
    model
        .provider
        .tags
        .iter()
        .chain(own)
        .map(|(key, value)| (key.value.clone(), value.value.clone()))
        .collect()
}

/// Compiles a file. What is wrong with it goes to `diagnostics`; the outcome is then not meant to be used.
pub fn compile(model: &Model, facts: &Facts, diagnostics: &mut Diagnostics) -> Compiled {
    let run = Run::new(model, facts);
    let mut out = Output {
        resources: BTreeMap::new(),
        explain: Vec::new(),
        diagnostics,
    };
    let mut roles = roles::Roles::default();
    let mut topics = topics::Topics::default();
    let mut logs = logs::Logs::default();

    projects::compile(&run, &mut roles, &mut logs, &mut out);
    pipelines::compile(&run, &mut roles, &mut topics, &mut out);
    let event_buckets = rules::compile(&run, &mut roles, &mut topics, &mut out);
    webhooks::compile(&run, &mut out);
    alarms::compile(model, facts, &mut topics, &mut out);
    self_update::compile(&run, &mut roles, &mut out);
    buckets::resources(model, facts, &run.stores, &event_buckets, &mut out);
    logs.finish(&mut out);
    topics.finish(facts, &mut out);
    roles.finish(model, facts, &mut out);

    let mut resources: Vec<Resource> = out.resources.into_values().collect();
    for resource in &mut resources {
        if resource.id.kind.has_tags() {
            let mut tags = user_tags(model, &[]);
            tags.append(&mut resource.tags);
            resource.tags = tags;
        }
        resource.depends.sort();
        resource.depends.dedup();
    }
    Compiled {
        desired: Desired {
            service: model.service.value.clone(),
            stage: facts.stage.clone(),
            region: facts.region.clone(),
            account: facts.account.clone(),
            partition: facts.partition.clone(),
            resources,
            shared_by: shared_by(&run),
            only_pipeline: None,
        },
        explain: out.explain,
        offline: facts.offline,
    }
}

/// Projects that more than one pipeline uses.
fn shared_by(run: &Run<'_>) -> BTreeMap<String, Vec<String>> {
    let name = |at: usize| {
        run.model
            .pipelines
            .get(at)
            .map(|p: &Pipeline| p.name.value.clone())
    };
    run.model
        .projects
        .iter()
        .map(|project| {
            let pipelines = run.pipelines_of(project).into_iter().filter_map(name);
            (project.name.value.clone(), pipelines.collect::<Vec<_>>())
        })
        .filter(|(_, pipelines)| pipelines.len() > 1)
        .collect()
}
