//! The least that whoever runs pipectl on a file needs: the table of calls, narrowed to the things of the file.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};

use super::Facts;
use super::permissions::{account_value, parameter_arn, secret_arn};
use crate::catalog::operations::{self, Need};
use crate::catalog::{actions, iam, structure, template};
use crate::resources::{Desired, Kind, Resource, managed};
use crate::variables::Request;

/// A statement of the policy.
#[derive(Debug, Clone, PartialEq)]
pub struct CallerStatement {
    /// Its name.
    pub sid: String,
    /// IAM actions.
    pub actions: Vec<String>,
    /// Resources.
    pub resources: Vec<String>,
    /// Condition block.
    pub condition: Option<Value>,
    /// What it is for, each a sentence.
    pub why: Vec<String>,
}

/// What the file leads to: by kind and region the names.
#[derive(Default)]
struct Things<'a>(BTreeMap<(&'a str, String), BTreeSet<String>>);

impl<'a> Things<'a> {
    fn add(&mut self, kind: &'a str, region: &str, name: impl Into<String>) {
        let names = self.0.entry((kind, region.to_owned())).or_default();
        names.insert(starred(&name.into()));
    }
}

/// What is not known offline is a star.
fn starred(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = ["${", "#{"].iter().filter_map(|open| rest.find(open)).min() {
        out.push_str(&rest[..start]);
        if !out.ends_with('*') {
            out.push('*');
        }
        rest = rest[start..].split_once('}').map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    out
}

/// The statements for these tasks (`plan`, `apply`, `run`, `steer`, `destroy`).
pub fn statements(desired: &Desired, reads: &[Request], tasks: &[&str]) -> Vec<CallerStatement> {
    let facts = Facts {
        account: starred(&desired.account),
        partition: desired.partition.clone(),
        region: desired.region.clone(),
        ..Facts::default()
    };
    let mut things = Things::default();
    for request in reads {
        read(&facts, request, &mut things);
    }
    for resource in &desired.resources {
        managed_by_us(&facts, resource, &mut things);
        used(&facts, resource, &mut things);
    }
    let made: BTreeSet<String> = desired
        .resources
        .iter()
        .filter(|resource| resource.id.kind == Kind::Role)
        .map(|role| facts.role_arn(&role.id.name))
        .collect();
    given_roles(&facts, &made, &mut things);
    given_projects(desired, &mut things);
    let (service, stage, region) = (&desired.service, &desired.stage, &desired.region);
    things.add(
        "inventory",
        region,
        format!("{service}/{stage}/{region}/inventory*"),
    );
    things.add("lock", region, format!("{service}/{region}/lock"));

    let uses: BTreeSet<&str> = tasks
        .iter()
        .flat_map(|task| operations::uses(task))
        .map(String::as_str)
        .collect();
    let wanted = operations::needs()
        .iter()
        .filter(|need| uses.contains(need.used.as_str()));
    let rendered = wanted
        .filter_map(|need| render(&facts, need, &things))
        .collect();
    merge(rendered)
}

/// What a variable reads.
fn read(facts: &Facts, request: &Request, things: &mut Things<'_>) {
    let region = |region: &str| match region {
        "*" => facts.region.clone(),
        known => known.to_owned(),
    };
    match request {
        Request::Parameter {
            region: at, name, ..
        } => {
            let arn = parameter_arn(facts, &region(at), name);
            if !name.starts_with("arn:") && name.contains(':') {
                things.add("parameter-version", &facts.region, arn.clone());
            }
            things.add("parameter", &facts.region, arn);
        }
        Request::Secret { region: at, id } => {
            for arn in secret_arn(facts, &region(at), id) {
                things.add("secret", &facts.region, arn);
            }
            things.add("secrets", &facts.region, "");
        }
        Request::Object { bucket, key, .. } => {
            things.add("object-text", &facts.region, format!("{bucket}/{key}"));
            things.add("object-bucket", &facts.region, bucket);
        }
        Request::Output {
            region: at, stack, ..
        } => things.add("stack", &region(at), stack),
        Request::Account => {}
    }
}

/// A resource that apply makes, and what goes with its kind.
fn managed_by_us<'a>(facts: &Facts, resource: &'a Resource, things: &mut Things<'a>) {
    let (id, body) = (&resource.id, &resource.body);
    let region = id.region.as_str();
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
    match id.kind {
        Kind::StageTransition => {
            let pipeline = id.name.split(' ').next().unwrap_or_default();
            things.add("transition", region, id.name.replacen(' ', "/", 1));
            things.add("transition-pipeline", region, pipeline);
            return;
        }
        Kind::Subscription => {
            let topic = text("/topicArn").unwrap_or_default();
            things.add("subscribed-topic", region, topic);
            things.add("subscriptions", region, "");
            return;
        }
        Kind::Object => {
            // An update puts the new one there and takes the old one away.
            let folder = id
                .name
                .rsplit_once('/')
                .map_or(id.name.as_str(), |(folder, _)| folder);
            things.add("s3-object", region, format!("{folder}/*"));
            things.add(
                "binary-bucket",
                region,
                id.name.split('/').next().unwrap_or_default(),
            );
            return;
        }
        Kind::Role => {
            if text("/permissionsBoundary").is_some() {
                things.add("bounded-role", region, &id.name);
            }
            if managed(body).next().is_some() {
                things.add("large-role", region, &id.name);
                things.add("managed-policy", region, format!("{}-policy-*", id.name));
            }
        }
        Kind::LogGroup => {
            if text("/kmsKeyId").is_some() {
                things.add("encrypted-log-group", region, &id.name);
            }
            things.add("log-groups", region, "");
        }
        Kind::Alarm => things.add("alarms", region, ""),
        Kind::Webhook => {
            things.add("webhooks", region, "");
            things.add(
                "webhook-pipeline",
                region,
                text("/targetPipeline").unwrap_or("*"),
            );
        }
        Kind::Topic => {
            things.add(
                "subscribed-topic",
                region,
                facts.arn("sns", region, &id.name),
            );
        }
        Kind::Bucket | Kind::BucketEvents | Kind::Project | Kind::Pipeline | Kind::EventRule => {}
    }
    things.add(id.kind.as_str(), region, &id.name);
}

/// What a resource uses: roles, connections, projects.
fn used<'a>(facts: &Facts, resource: &'a Resource, things: &mut Things<'a>) {
    let (region, body) = (resource.id.region.as_str(), &resource.body);
    let text = |value: &Value, pointer: &str| {
        value
            .pointer(pointer)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let role = |arn: Option<String>| arn.map(|arn| whole(facts, "iam", "", &arn, "role/*"));
    match resource.id.kind {
        Kind::Pipeline => {
            things.add("run-pipeline", region, &resource.id.name);
            if let Some(arn) = role(text(body, "/roleArn")) {
                things.add("pipeline-role", region, arn);
            }
            if let Some(bucket) = text(body, "/artifactStore/location") {
                things.add("given-bucket", region, bucket);
            }
            let stores = body.get("artifactStores").and_then(Value::as_object);
            for (at, store) in stores.into_iter().flatten() {
                if let Some(bucket) = text(store, "/location") {
                    things.add("given-bucket", at, bucket);
                }
            }
            for action in pipeline_actions(body) {
                if let Some(arn) = role(text(action, "/roleArn")) {
                    things.add("action-role", region, arn);
                }
                if writes_log(action) {
                    things.add("run-log", region, pipeline_log(&resource.id.name));
                }
                if let Some(arn) = text(action, "/configuration/ConnectionArn") {
                    let arn = whole(facts, "codeconnections", region, &arn, "connection/*");
                    things.add("connection", region, arn);
                }
                let at = text(action, "/region").unwrap_or_else(|| region.to_owned());
                if text(action, "/actionTypeId/provider").as_deref() == Some("S3") {
                    for key in ["S3Bucket", "BucketName"] {
                        let name = text(action, &format!("/configuration/{key}"));
                        // What only a run decides is not looked at.
                        if let Some(name) = name.filter(|name| !name.contains("#{")) {
                            let bare = name.rsplit(":::").next().unwrap_or(&name);
                            things.add("given-bucket", &at, bare);
                        }
                    }
                }
                if text(action, "/actionTypeId/provider").as_deref() == Some("CodeBuild")
                    && let Some(project) = text(action, "/configuration/ProjectName")
                {
                    things.add("run-project", &at, project);
                }
            }
        }
        Kind::Project => {
            let roles = [
                text(body, "/serviceRole"),
                text(body, "/buildBatchConfig/serviceRole"),
            ];
            for arn in roles.into_iter().filter_map(role) {
                things.add("build-role", region, arn);
            }
            if let Some(arn) = text(body, "/source/auth/resource") {
                things.add("connection", region, arn);
            }
            let group = text(body, "/logsConfig/cloudWatchLogs/groupName");
            things.add(
                "run-log",
                region,
                group.unwrap_or_else(|| build_log(&resource.id.name)),
            );
        }
        Kind::EventRule => {
            let targets = body.get("Targets").and_then(Value::as_array);
            for target in targets.into_iter().flatten() {
                if let Some(arn) = role(text(target, "/RoleArn")) {
                    things.add("events-role", region, arn);
                }
            }
        }
        _ => {}
    }
}

fn items<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn pipeline_actions(body: &Value) -> impl Iterator<Item = &Value> {
    items(body, "stages")
        .iter()
        .flat_map(|stage| items(stage, "actions"))
}

/// Whether CodePipeline itself keeps a log of the action.
fn writes_log(action: &Value) -> bool {
    let word = |key: &str| {
        let kind = &action["actionTypeId"];
        kind.get(key).and_then(Value::as_str).unwrap_or_default()
    };
    actions::action_type(word("owner"), word("category"), word("provider"))
        .is_some_and(|known| known.log_group)
}

/// Where that log is kept.
fn pipeline_log(pipeline: &str) -> String {
    let group = structure::structure().log_group.as_str();
    group.replace("{pipeline}", pipeline)
}

/// Where CodeBuild keeps the logs of a project that says nothing of it.
fn build_log(project: &str) -> String {
    format!("/aws/codebuild/{project}")
}

/// An ARN, or a pattern for all of its kind where nobody knows it yet.
fn whole(facts: &Facts, service: &str, region: &str, arn: &str, rest: &str) -> String {
    if arn.starts_with("arn:") {
        arn.to_owned()
    } else {
        facts.arn(service, region, rest)
    }
}

/// Roles of this account that the file gives: it is looked whether they are there.
fn given_roles(facts: &Facts, made: &BTreeSet<String>, things: &mut Things<'_>) {
    let own = format!("::{}:role/", facts.account);
    let roles: BTreeSet<String> = things
        .0
        .iter()
        .filter(|((kind, _), _)| {
            matches!(
                *kind,
                "pipeline-role" | "build-role" | "events-role" | "action-role"
            )
        })
        .flat_map(|(_, names)| names)
        .filter(|arn| arn.contains(&own) && !made.contains(*arn))
        .cloned()
        .collect();
    for arn in roles {
        things.add("given-role", &facts.region, arn);
    }
}

/// Projects that are there already: where they write is theirs to say, so this is where they write if nobody says.
fn given_projects(desired: &Desired, things: &mut Things<'_>) {
    let made = |region: &str, name: &str| {
        let is = |resource: &Resource| {
            let id = &resource.id;
            id.kind == Kind::Project && id.region == region && id.name == name
        };
        desired.resources.iter().any(is)
    };
    let given: Vec<(String, String)> = things
        .0
        .iter()
        .filter(|((kind, _), _)| *kind == "run-project")
        .flat_map(|((_, region), names)| names.iter().map(|name| (region.clone(), name.clone())))
        .filter(|(region, name)| !made(region, name))
        .collect();
    for (region, name) in given {
        things.add("run-log", &region, build_log(&name));
    }
}

fn render(facts: &Facts, need: &Need, things: &Things<'_>) -> Option<CallerStatement> {
    let mut resources = BTreeSet::new();
    let mut policies = BTreeSet::new();
    for ((kind, region), names) in &things.0 {
        if *kind != need.kind {
            continue;
        }
        policies.extend(names.iter().map(|name| format!("{name}-policy-*")));
        let lookup = |placeholder: &str| match placeholder {
            "name" => Some(names.iter().cloned().collect()),
            "pipeline" => things
                .0
                .get(&("webhook-pipeline", region.clone()))
                .map(|pipelines| pipelines.iter().cloned().collect()),
            _ => account_value(facts, region, placeholder),
        };
        for template in &need.resources {
            resources.extend(template::render(template, &lookup).unwrap_or_default());
        }
    }
    if resources.is_empty() {
        return None;
    }
    let lookup = |placeholder: &str| match placeholder {
        "policy" => Some(policies.iter().cloned().collect()),
        _ => account_value(facts, &facts.region, placeholder),
    };
    let condition = need
        .condition
        .as_ref()
        .and_then(|condition| template::render_json(condition, &lookup).ok());
    let why = match &need.note {
        Some(note) => format!("{} ({note})", need.why),
        None => need.why.clone(),
    };
    Some(CallerStatement {
        sid: need.id.clone(),
        actions: need.all_actions(),
        resources: narrowed(resources),
        condition,
        why: vec![why],
    })
}

/// Without those that a pattern among them covers.
fn narrowed(resources: BTreeSet<String>) -> Vec<String> {
    let patterns: Vec<String> = resources
        .iter()
        .filter(|one| one.ends_with('*'))
        .cloned()
        .collect();
    resources
        .into_iter()
        .filter(|one| {
            !patterns.iter().any(|pattern| {
                let start = pattern.trim_end_matches('*');
                pattern != one && !start.contains('*') && one.starts_with(start)
            })
        })
        .collect()
}

/// Statements on the same things are one: policies may not be long.
fn merge(list: Vec<CallerStatement>) -> Vec<CallerStatement> {
    let mut merged: Vec<CallerStatement> = Vec::new();
    for statement in list {
        let same = merged.iter_mut().find(|known| {
            known.resources == statement.resources
                && known.condition == statement.condition
                && service(known) == service(&statement)
        });
        match same {
            Some(known) => {
                known.actions.extend(statement.actions);
                known.actions.sort();
                known.actions.dedup();
                for why in statement.why {
                    if !known.why.contains(&why) {
                        known.why.push(why);
                    }
                }
            }
            None => merged.push(statement),
        }
    }
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for statement in &mut merged {
        let count = seen.entry(statement.sid.clone()).or_default();
        *count += 1;
        if *count > 1 {
            statement.sid = format!("{}{count}", statement.sid);
        }
    }
    merged
}

/// The service of a statement: one statement is about one.
fn service(statement: &CallerStatement) -> &str {
    let action = statement.actions.first().map_or("", String::as_str);
    action.split(':').next().unwrap_or(action)
}

/// The policy document.
pub fn document(statements: &[CallerStatement]) -> Value {
    let one_or_many = |list: &[String]| match list {
        [one] => json!(one),
        many => json!(many),
    };
    let list: Vec<Value> = statements
        .iter()
        .map(|statement| {
            let mut value = json!({
                "Sid": statement.sid,
                "Effect": "Allow",
                "Action": one_or_many(&statement.actions),
                "Resource": one_or_many(&statement.resources),
            });
            if let Some(condition) = &statement.condition {
                value["Condition"] = condition.clone();
            }
            value
        })
        .collect();
    json!({"Version": "2012-10-17", "Statement": list})
}

/// The statements on as many managed policies as it takes, each as full as their order allows. A statement that is longer than a
/// policy is several, by its resources.
pub fn managed_policies(statements: Vec<CallerStatement>) -> Vec<Vec<CallerStatement>> {
    let most = iam::limits().managed_policy.max;
    let fits = |list: &[CallerStatement]| iam::policy_size(&document(list)) <= most;
    let mut open = VecDeque::from(statements);
    let mut policies: Vec<Vec<CallerStatement>> = Vec::new();
    while let Some(statement) = open.pop_front() {
        if !fits(std::slice::from_ref(&statement)) && statement.resources.len() > 1 {
            let (one, other) = halves(statement);
            open.push_front(other);
            open.push_front(one);
            continue;
        }
        let room = policies.iter_mut().find(|policy| {
            let mut fuller = (*policy).clone();
            fuller.push(statement.clone());
            fits(&fuller)
        });
        match room {
            Some(policy) => policy.push(statement),
            None => policies.push(vec![statement]),
        }
    }
    policies
}

/// A statement as two, whose names differ.
fn halves(mut statement: CallerStatement) -> (CallerStatement, CallerStatement) {
    let mut other = statement.clone();
    other.resources = statement.resources.split_off(statement.resources.len() / 2);
    other.sid.push('b');
    statement.sid.push('a');
    (statement, other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(sid: &str, resources: usize) -> CallerStatement {
        let arn =
            |number| format!("arn:aws:codebuild:eu-west-1:123456789012:project/{sid}-{number:03}");
        CallerStatement {
            sid: sid.to_owned(),
            actions: vec!["codebuild:BatchGetProjects".to_owned()],
            resources: (0..resources).map(arn).collect(),
            condition: None,
            why: Vec::new(),
        }
    }

    #[test]
    fn policies_are_short_and_leave_nothing_out() {
        let list = vec![
            statement("Many", 250),
            statement("Few", 3),
            statement("Some", 60),
        ];
        let all: BTreeSet<String> = list.iter().flat_map(|one| one.resources.clone()).collect();
        let policies = managed_policies(list);
        let most = iam::limits().managed_policy.max;
        let (mut given, mut sids) = (BTreeSet::new(), BTreeSet::new());
        for policy in &policies {
            assert!(iam::policy_size(&document(policy)) <= most);
            for statement in policy {
                assert!(
                    sids.insert(statement.sid.clone()),
                    "{} twice",
                    statement.sid
                );
                given.extend(statement.resources.iter().cloned());
            }
        }
        assert_eq!(given, all);
        // Not more of them than the text is long, but for the waste of one statement in each.
        assert!((4..=5).contains(&policies.len()), "{}", policies.len());
        assert_eq!(managed_policies(vec![statement("One", 2)]).len(), 1);
    }
}
