//! Actions as the API declares them.

use serde_json::{Map, Value, json};

use super::json::{self, Object, Secrets};
use super::topics::Topics;
use super::{Run, configuration, kind, project_of, self_update};
use crate::catalog::keys::Format;
use crate::model::{Action, Notify, Pipeline, Text, variables_json};
use crate::tree::{Data, Node};

/// The declaration of an action, as it stands at `pointer` in the pipeline.
pub(super) fn declaration(
    run: &Run<'_>,
    pipeline: &Pipeline,
    action: &Action,
    topics: &mut Topics,
    pointer: &str,
    secrets: &mut Secrets,
) -> Value {
    let mut value = match &action.raw_node {
        Some(node) if action.raw => raw(node, pointer, secrets),
        _ => friendly(run, pipeline, action, topics, pointer, secrets),
    };
    if let Some(api) = &action.api {
        json::merge(&mut value, json::node(api, pointer, secrets));
    }
    value
}

/// A raw declaration as it came in; its configuration holds texts only, however they are written.
fn raw(node: &Node, pointer: &str, secrets: &mut Secrets) -> Value {
    let mut value = json::node(node, pointer, secrets);
    let written = node.get("configuration").and_then(Node::as_map);
    for entry in written.unwrap_or_default() {
        if let (Data::Number(_) | Data::Bool(_), Some(text)) =
            (&entry.value.data, entry.value.scalar_text())
        {
            value["configuration"][&entry.key] = Value::from(text);
        }
    }
    value
}

fn friendly(
    run: &Run<'_>,
    pipeline: &Pipeline,
    action: &Action,
    topics: &mut Topics,
    pointer: &str,
    secrets: &mut Secrets,
) -> Value {
    let mut object = Object::new();
    object
        .set("name", action.name.value.clone())
        .set(
            "actionTypeId",
            json!({
                "category": action.category.value,
                "owner": action.owner.value,
                "provider": action.provider.value,
                "version": action.version.value,
            }),
        )
        .set("runOrder", action.run_order.map_or(1, |(order, _)| order));
    let mut members = Map::new();
    for (key, value) in resolved(run, pipeline, action, topics) {
        let at = format!("{pointer}/configuration/{}", json::escape(&key));
        members.insert(key, json::text(&value, &at, secrets));
    }
    if !members.is_empty() {
        object.set("configuration", Value::Object(members));
    }
    object
        .texts("commands", &action.commands)
        .list("environmentVariables", variables_json(&action.environment))
        .list(
            "inputArtifacts",
            action
                .inputs
                .iter()
                .map(|i| json!({"name": i.value}))
                .collect(),
        );
    let outputs = action.outputs.iter().map(|output| {
        let mut one = Object::new();
        one.set("name", output.name.value.clone())
            .texts("files", &output.files);
        one.done()
    });
    object
        .list("outputArtifacts", outputs.collect())
        .texts("outputVariables", &action.output_variables)
        .some(
            "namespace",
            action.namespace.as_ref().map(|n| n.value.clone()),
        )
        .some("region", action.region.as_ref().map(|r| r.value.clone()))
        .some(
            "roleArn",
            action.role_arn.as_ref().map(|r| run.facts.given_role(r)),
        )
        .some(
            "timeoutInMinutes",
            action.timeout_minutes.map(|(minutes, _)| minutes),
        );
    for entry in &action.extra {
        let at = format!("{pointer}/{}", json::escape(&entry.key));
        object.set(&entry.key, json::node(&entry.value, &at, secrets));
    }
    object.done()
}

/// The configuration of an action with what only compiling knows: the project, its extra environment, topics, alarms.
pub(super) fn resolved(
    run: &Run<'_>,
    pipeline: &Pipeline,
    action: &Action,
    topics: &mut Topics,
) -> Vec<(String, Text)> {
    let mut list: Vec<(String, Text)> = action
        .configuration
        .iter()
        .map(|(key, value)| (key.value.clone(), value.clone()))
        .collect();
    if action.raw {
        return list;
    }
    let mut add = |key: &str, value: String| {
        list.retain(|(name, _)| name != key);
        list.push((key.to_owned(), Text::new(value, action.span)));
    };
    if let Some(project) = project_of(run.model, action) {
        add("ProjectName", project.name.value.clone());
        if let [first, _, ..] = action.inputs.as_slice()
            && configuration(action, "PrimarySource").is_none()
        {
            add("PrimarySource", first.value.clone());
        }
        if project.batch && configuration(action, "BatchEnabled").is_none() {
            add("BatchEnabled", "true".to_owned());
        }
    }
    let mut environment = variables_json(&action.build_environment);
    if action.self_update.is_some() {
        environment.extend(self_update::environment());
    }
    if !environment.is_empty() {
        let all = Value::Array(environment);
        add("EnvironmentVariables", all.to_string());
    }
    if let Some(arn) = approval_topic(run, pipeline, action, topics) {
        add("NotificationArn", arn);
    }
    alarms(run, action, &mut list);
    roles(run, action, &mut list);
    list
}

/// The topic of an approval; it takes one only, so several addresses share one.
fn approval_topic(
    run: &Run<'_>,
    pipeline: &Pipeline,
    action: &Action,
    topics: &mut Topics,
) -> Option<String> {
    let about = match &pipeline.key {
        Some(key) => format!("{key}-{}", action.name.value),
        None => action.name.value.clone(),
    };
    let region = action
        .region
        .as_ref()
        .map_or(run.facts.region.as_str(), |region| region.value.as_str());
    match action.notify.as_slice() {
        [] => None,
        [one] => Some(topics.ask(run.model, run.facts, one, &about, region, None)),
        several => {
            // topics among them are an error of the file
            let emails = several.iter().filter_map(|notify| match notify {
                Notify::Email(address) => Some(address.value.clone()),
                Notify::Made { .. } | Notify::Topic(_) => None,
            });
            Some(topics.ask_for_all(run.model, run.facts, emails, &about, region))
        }
    }
}

/// Where the configuration names a role, AWS wants its ARN.
fn roles(run: &Run<'_>, action: &Action, list: &mut [(String, Text)]) {
    let kind = kind(action);
    for (key, value) in list {
        let known = kind.and_then(|kind| kind.key(key));
        if known.is_some_and(|known| known.format == Format::RoleArn) {
            let own = action.role_arn.as_ref();
            value.value = run.facts.configured_role(value, own);
        }
    }
}

/// Where the configuration names alarms, those of the file come first.
fn alarms(run: &Run<'_>, action: &Action, list: &mut [(String, Text)]) {
    let kind = kind(action);
    for (key, value) in list {
        let comma = kind
            .and_then(|kind| kind.key(key))
            .is_some_and(|known| matches!(known.format, Format::CommaList));
        if key == "Alarms" && comma {
            let names: Vec<String> = value
                .value
                .split(',')
                .flat_map(|name| match run.alarms.get(name.trim()) {
                    Some(names) => names.clone(),
                    None => vec![name.trim().to_owned()],
                })
                .collect();
            value.value = names.join(",");
        }
    }
}
