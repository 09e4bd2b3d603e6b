//! Pipelines as the API declares them, and the transitions of their stages.

use serde_json::{Value, json};

use super::json::{self, Object, Secrets};
use super::permissions;
use super::roles::{Ask, Roles};
use super::topics::Topics;
use super::{Output, Run, actions, buckets, conditions, names, user_tags};
use crate::catalog::iam::Role;
use crate::model::{Filter, Given, Globs, MadeRole, Pipeline, Stage, Trigger};
use crate::resources::{Id, Kind, Resource};

/// What a stage's transition says when the file gives no reason; AWS demands one.
const NO_REASON: &str = "Disabled by the pipeline file";

/// Pipelines and transitions as resources.
pub(super) fn compile(run: &Run<'_>, roles: &mut Roles, topics: &mut Topics, out: &mut Output<'_>) {
    for (at, pipeline) in run.model.pipelines.iter().enumerate() {
        let role = role(run, pipeline, roles);
        let mut secrets = Secrets::new();
        let body = body(run, at, &role, topics, &mut secrets);
        permissions::pipeline(run, at, &role, roles, topics, out);
        let region = &run.facts.region;
        let id = Id::new(Kind::Pipeline, region.clone(), pipeline.name.value.clone());
        let mut resource = Resource::new(id.clone(), body);
        resource.secrets = secrets;
        resource.tags = user_tags(run.model, &pipeline.tags);
        resource.depends.extend(roles.id(run.facts, &role));
        depends(run, at, topics, &mut resource);
        out.add(resource);
        for stage in &pipeline.stages {
            transition(run, pipeline, stage, &id, out);
        }
    }
}

fn transition(run: &Run<'_>, pipeline: &Pipeline, stage: &Stage, id: &Id, out: &mut Output<'_>) {
    let Some(transition) = &stage.transition else {
        return;
    };
    let reason = transition.reason.as_ref().map(|r| r.value.clone());
    let mut body = Object::new();
    body.set("pipeline", pipeline.name.value.clone())
        .set("stage", stage.name.value.clone())
        .set("enabled", transition.enabled);
    if !transition.enabled {
        body.set("reason", reason.unwrap_or_else(|| NO_REASON.to_owned()));
    }
    let name = format!("{} {}", pipeline.name.value, stage.name.value);
    let of = Id::new(Kind::StageTransition, run.facts.region.clone(), name);
    let mut resource = Resource::new(of, body.done());
    resource.depends.push(id.clone());
    out.add(resource);
}

/// The ARN of the role: given by the raw definition or the provider, else made.
fn role(run: &Run<'_>, pipeline: &Pipeline, roles: &mut Roles) -> String {
    let facts = run.facts;
    if let Some(role) = &pipeline.role_arn {
        return facts.given_role(role);
    }
    let made: Option<&MadeRole> = match &run.model.provider.pipeline_role {
        Some(Given::Existing(role)) => return facts.given_role(role),
        Some(Given::Made(made)) => Some(made),
        None => None,
    };
    let name = made.and_then(|made| made.name.as_ref()).map_or_else(
        || names::role(&pipeline.name.value, "pipeline", &facts.region),
        |name| name.value.clone(),
    );
    let ask = Ask {
        kind: Role::Pipeline,
        name,
        self_update: false,
        description: format!("Runs the pipelines of {}", run.model.service.value),
        of: &pipeline.name.value,
        region: &facts.region,
        made,
        span: pipeline.place(),
        path: pipeline.path.clone(),
    };
    roles.ask(facts, ask)
}

fn body(run: &Run<'_>, at: usize, role: &str, topics: &mut Topics, secrets: &mut Secrets) -> Value {
    let pipeline = &run.model.pipelines[at];
    let mut object = Object::new();
    object
        .set("name", pipeline.name.value.clone())
        .set("roleArn", role);
    if run.stores[at].raw {
        buckets::raw_members(pipeline, &mut object);
    } else {
        let (key, value) = buckets::member(run.facts, pipeline, &run.stores[at]);
        object.set(key, value);
    }
    let stages: Vec<Value> = pipeline
        .stages
        .iter()
        .enumerate()
        .map(|(number, one)| stage(run, pipeline, one, number, topics, secrets))
        .collect();
    object.set("stages", stages);
    let kind = pipeline.pipeline_type.as_ref().map(|t| t.value.clone());
    let kind = if pipeline.raw {
        kind
    } else {
        // V1 would be AWS's default, and is for a few features only
        Some(kind.unwrap_or_else(|| "V2".to_owned()))
    };
    object.some("pipelineType", kind).some(
        "executionMode",
        pipeline.execution_mode.as_ref().map(|m| m.value.clone()),
    );
    let variables = pipeline.variables.iter().map(|variable| {
        let mut one = Object::new();
        one.set("name", variable.name.value.clone())
            .some(
                "defaultValue",
                variable.default.as_ref().map(|d| d.value.clone()),
            )
            .some(
                "description",
                variable.description.as_ref().map(|d| d.value.clone()),
            );
        one.done()
    });
    object
        .list("variables", variables.collect())
        .list("triggers", pipeline.triggers.iter().map(trigger).collect());
    for entry in &pipeline.extra {
        let pointer = format!("/{}", json::escape(&entry.key));
        object.set(&entry.key, json::node(&entry.value, &pointer, secrets));
    }
    let mut body = object.done();
    if let Some(api) = &pipeline.api {
        json::merge(&mut body, json::node(api, "", secrets));
    }
    body
}

fn stage(
    run: &Run<'_>,
    pipeline: &Pipeline,
    stage: &Stage,
    number: usize,
    topics: &mut Topics,
    secrets: &mut Secrets,
) -> Value {
    let pointer = format!("/stages/{number}");
    let mut object = Object::new();
    object.set("name", stage.name.value.clone());
    let actions: Vec<Value> = stage
        .actions
        .iter()
        .enumerate()
        .map(|(number, action)| {
            let at = format!("{pointer}/actions/{number}");
            actions::declaration(run, pipeline, action, topics, &at, secrets)
        })
        .collect();
    object.set("actions", actions);
    conditions::members(run, stage, &pointer, secrets, &mut object);
    for entry in &stage.extra {
        let at = format!("{pointer}/{}", json::escape(&entry.key));
        object.set(&entry.key, json::node(&entry.value, &at, secrets));
    }
    let mut value = object.done();
    if let Some(api) = &stage.api {
        json::merge(&mut value, json::node(api, &pointer, secrets));
    }
    value
}

fn trigger(trigger: &Trigger) -> Value {
    if let Some(raw) = &trigger.raw {
        return json::plain(raw);
    }
    let mut git = Object::new();
    git.set("sourceActionName", trigger.source.value.clone())
        .list("push", trigger.push.iter().map(filter).collect())
        .list(
            "pullRequest",
            trigger.pull_request.iter().map(filter).collect(),
        );
    json!({"providerType": "CodeStarSourceConnection", "gitConfiguration": git.done()})
}

fn filter(filter: &Filter) -> Value {
    let mut object = Object::new();
    object
        .texts("events", &filter.events)
        .some("branches", filter.branches.as_ref().map(globs))
        .some("tags", filter.tags.as_ref().map(globs))
        .some("filePaths", filter.paths.as_ref().map(globs));
    object.done()
}

fn globs(globs: &Globs) -> Value {
    let mut object = Object::new();
    object
        .texts("includes", &globs.includes)
        .texts("excludes", &globs.excludes);
    object.done()
}

/// What must exist before the pipeline.
fn depends(run: &Run<'_>, at: usize, topics: &Topics, resource: &mut Resource) {
    let stores = run.stores[at].by_region.values();
    resource
        .depends
        .extend(stores.filter_map(|store| store.made.clone()));
    for project in &run.model.projects {
        if run.pipelines_of(project).contains(&at) {
            resource.depends.extend(run.project_id(project));
        }
    }
    let actions = resource.body["stages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|stage| stage["actions"].as_array())
        .flatten();
    let asked: Vec<Id> = actions
        .filter_map(|action| action["configuration"]["NotificationArn"].as_str())
        .filter_map(|arn| topics.id(run.facts, arn))
        .collect();
    resource.depends.extend(asked);
}
