//! The definitions of a file as `compile` shows them: the shapes of the API, frozen.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Map, Value};

use super::Look;
use super::text::{Paint, clean, paint};
use crate::compile::{Compiled, RoleStatement};
use crate::resources::{Kind, Resource};

/// `compile --format json`, and the same as YAML.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Definitions {
    version: u32,
    account: String,
    region: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    offline: bool,
    pipelines: Vec<Value>,
    projects: Vec<Value>,
    roles: Vec<Value>,
    buckets: Vec<Value>,
    topics: Vec<Value>,
    alarms: Vec<Value>,
    rules: Vec<Value>,
    webhooks: Vec<Value>,
    log_groups: Vec<Value>,
    subscriptions: Vec<Value>,
    bucket_events: Vec<Value>,
    objects: Vec<Value>,
    transitions: Vec<Value>,
}

/// What a file becomes.
pub fn definitions(compiled: &Compiled) -> Definitions {
    let desired = &compiled.desired;
    let of = |kind: Kind| -> Vec<Value> {
        desired
            .resources
            .iter()
            .filter(|resource| resource.id.kind == kind)
            .map(|resource| shown(resource, &desired.region))
            .collect()
    };
    Definitions {
        version: super::json::VERSION,
        account: desired.account.clone(),
        region: desired.region.clone(),
        offline: compiled.offline,
        pipelines: of(Kind::Pipeline),
        projects: of(Kind::Project),
        roles: of(Kind::Role),
        buckets: of(Kind::Bucket),
        topics: of(Kind::Topic),
        alarms: of(Kind::Alarm),
        rules: of(Kind::EventRule),
        webhooks: of(Kind::Webhook),
        log_groups: of(Kind::LogGroup),
        subscriptions: of(Kind::Subscription),
        bucket_events: of(Kind::BucketEvents),
        objects: of(Kind::Object),
        transitions: of(Kind::StageTransition),
    }
}

/// A resource in the API's shape, with its tags as that API spells them; secrets as `<secret>`.
fn shown(resource: &Resource, home: &str) -> Value {
    let mut body = resource.body.clone();
    for pointer in resource.secrets.keys() {
        if let Some(leaf) = body.pointer_mut(pointer) {
            *leaf = Value::from("<secret>");
        }
    }
    let kind = resource.id.kind;
    let (member, key, value) = match kind {
        Kind::Pipeline | Kind::Project | Kind::Webhook => ("tags", "key", "value"),
        Kind::EventRule | Kind::Alarm => ("Tags", "Key", "Value"),
        _ => ("tags", "Key", "Value"),
    };
    let tags = tag_list(&resource.tags, key, value);
    let mut members = match (kind, body) {
        (Kind::Pipeline, body) => Map::from_iter([("pipeline".to_owned(), body)]),
        (_, Value::Object(members)) => members,
        (_, other) => Map::from_iter([("body".to_owned(), other)]),
    };
    if kind.has_tags() && (kind == Kind::Pipeline || !resource.tags.is_empty()) {
        members.insert(member.to_owned(), tags);
    }
    // What CreatePipeline and CreateProject take has no region: it is told beside the definition, where it is another.
    if resource.id.region != home && !matches!(kind, Kind::Project) {
        members.insert("region".to_owned(), resource.id.region.clone().into());
    }
    Value::Object(members)
}

fn tag_list(tags: &BTreeMap<String, String>, key: &str, value: &str) -> Value {
    tags.iter()
        .map(|(name, text)| {
            Value::Object(Map::from_iter([
                (key.to_owned(), Value::from(name.as_str())),
                (value.to_owned(), Value::from(text.as_str())),
            ]))
        })
        .collect()
}

/// One statement of a made role and why it is there, for machines.
#[derive(Debug, Serialize)]
struct Statement<'a> {
    role: &'a str,
    sid: &'a str,
    effect: &'a str,
    actions: &'a [String],
    resources: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<&'a Value>,
    why: &'a str,
}

/// `compile --explain --format json`.
#[derive(Debug, Serialize)]
pub struct Statements<'a> {
    version: u32,
    statements: Vec<Statement<'a>>,
}

/// Why each statement is there, for machines.
pub fn statements(list: &[RoleStatement]) -> Statements<'_> {
    Statements {
        version: super::json::VERSION,
        statements: list
            .iter()
            .map(|one| Statement {
                role: &one.role,
                sid: &one.sid,
                effect: &one.effect,
                actions: &one.actions,
                resources: &one.resources,
                condition: one.condition.as_ref(),
                why: &one.why,
            })
            .collect(),
    }
}

/// Why each statement is there, role by role.
pub fn explain(look: Look, list: &[RoleStatement]) -> String {
    let mut text = String::new();
    let mut role = "";
    for statement in list {
        if statement.role != role {
            if !role.is_empty() {
                text.push('\n');
            }
            role = &statement.role;
            let _ = writeln!(text, "{}", paint(look, Paint::Strong, &clean(role)));
        }
        let _ = writeln!(
            text,
            "  {} {}: {}",
            statement.effect,
            statement.sid,
            clean(&statement.why)
        );
        let _ = writeln!(text, "      {}", statement.actions.join(", "));
        for resource in &statement.resources {
            let _ = writeln!(text, "      on {}", clean(resource));
        }
        if let Some(condition) = &statement.condition {
            let _ = writeln!(text, "      if {condition}");
        }
    }
    if text.is_empty() {
        text.push_str("the file makes no role\n");
    }
    text
}
