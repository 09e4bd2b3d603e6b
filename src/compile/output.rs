//! What `compile --format json` prints: a contract, apart from the types within.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Compiled, RoleStatement};
use crate::resources::{Kind, Resource};

/// What stands where a secret goes.
const SECRET: &str = "<secret>";

/// The whole output, version 1.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CompileJson {
    /// 1.
    pub version: u32,
    /// The account, or a placeholder.
    pub account: String,
    /// The region of the run.
    pub region: String,
    /// Whether AWS was not asked.
    pub offline: bool,
    /// CreatePipeline's inputs.
    pub pipelines: Vec<PipelineJson>,
    /// CreateProject's inputs.
    pub projects: Vec<Value>,
    /// Roles with their trust and inline policies.
    pub roles: Vec<Value>,
    /// Buckets with all their settings.
    pub buckets: Vec<Value>,
    /// Buckets of others that are to send events.
    pub bucket_events: Vec<Value>,
    /// Objects that are put into buckets.
    pub objects: Vec<Value>,
    /// Log groups.
    pub log_groups: Vec<Value>,
    /// Topics with their policies.
    pub topics: Vec<Value>,
    /// Subscriptions of topics.
    pub subscriptions: Vec<Value>,
    /// PutMetricAlarm's inputs.
    pub alarms: Vec<Value>,
    /// PutRule's inputs with their targets.
    pub rules: Vec<Value>,
    /// PutWebhook's inputs.
    pub webhooks: Vec<Value>,
    /// Inbound transitions of stages.
    pub transitions: Vec<Value>,
    /// Why each made role may do what it may; with `--explain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explain: Option<Vec<ExplainJson>>,
}

/// One pipeline.
#[derive(Debug, Clone, Serialize)]
pub struct PipelineJson {
    /// The declaration.
    pub pipeline: Value,
    /// Its tags, as CreatePipeline takes them.
    pub tags: Vec<Value>,
}

/// Why a role may do something.
#[derive(Debug, Clone, Serialize)]
pub struct ExplainJson {
    /// Name of the role.
    pub role: String,
    /// The managed policy in which it stands, if it does not stand in the role itself.
    #[serde(skip_serializing_if = "Option::is_none")]
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Value>,
    /// Why.
    pub why: String,
}

impl From<&RoleStatement> for ExplainJson {
    fn from(statement: &RoleStatement) -> Self {
        Self {
            role: statement.role.clone(),
            policy: statement.policy.clone(),
            sid: statement.sid.clone(),
            effect: statement.effect.clone(),
            actions: statement.actions.clone(),
            resources: statement.resources.clone(),
            condition: statement.condition.clone(),
            why: statement.why.clone(),
        }
    }
}

/// The output of a file; with `explain` also the reasons.
pub fn json(compiled: &Compiled, explain: bool) -> CompileJson {
    let desired = &compiled.desired;
    let of = |kind: Kind, shape: fn(&Resource) -> Value| -> Vec<Value> {
        let list = desired.resources.iter().filter(|r| r.id.kind == kind);
        list.map(shape).collect()
    };
    let pipelines = desired
        .resources
        .iter()
        .filter(|resource| resource.id.kind == Kind::Pipeline)
        .map(|resource| PipelineJson {
            pipeline: body(resource),
            tags: tag_list(&resource.tags),
        });
    CompileJson {
        version: 1,
        account: desired.account.clone(),
        region: desired.region.clone(),
        offline: compiled.offline,
        pipelines: pipelines.collect(),
        projects: of(Kind::Project, project),
        roles: of(Kind::Role, tagged),
        buckets: of(Kind::Bucket, tagged),
        bucket_events: of(Kind::BucketEvents, body),
        objects: of(Kind::Object, object),
        log_groups: of(Kind::LogGroup, tagged),
        topics: of(Kind::Topic, tagged),
        subscriptions: of(Kind::Subscription, body),
        alarms: of(Kind::Alarm, tagged),
        rules: of(Kind::EventRule, tagged),
        webhooks: of(Kind::Webhook, tagged),
        transitions: of(Kind::StageTransition, body),
        explain: explain.then(|| compiled.explain.iter().map(ExplainJson::from).collect()),
    }
}

/// A body in which every secret shows that it is one.
fn body(resource: &Resource) -> Value {
    let mut body = resource.body.clone();
    for pointer in resource.secrets.keys() {
        if let Some(value) = body.pointer_mut(pointer) {
            *value = Value::from(SECRET);
        }
    }
    body
}

/// Tags as CodePipeline and CodeBuild take them.
fn tag_list(tags: &BTreeMap<String, String>) -> Vec<Value> {
    tags.iter()
        .map(|(key, value)| json!({"key": key, "value": value}))
        .collect()
}

fn with(mut body: Value, key: &str, value: Value) -> Value {
    if let Some(map) = body.as_object_mut() {
        map.insert(key.to_owned(), value);
    }
    body
}

fn project(resource: &Resource) -> Value {
    if resource.tags.is_empty() {
        return body(resource);
    }
    with(body(resource), "tags", tag_list(&resource.tags).into())
}

fn tagged(resource: &Resource) -> Value {
    if resource.tags.is_empty() {
        return body(resource);
    }
    with(body(resource), "tags", json!(resource.tags))
}

/// An object without the place it has on this machine.
fn object(resource: &Resource) -> Value {
    let mut value = body(resource);
    if let Some(map) = value.as_object_mut() {
        map.remove("path");
    }
    value
}
