//! Stage conditions: beforeEntry, onSuccess, onFailure.

use serde_json::{Value, json};

use super::Run;
use super::json::{self, Object, Secrets};
use crate::catalog::conditions as facts;
use crate::model::{Condition, Rule, Stage};

/// The rules of a stage's conditions, wherever they stand.
pub(super) fn rules(stage: &Stage) -> impl Iterator<Item = &Rule> {
    [&stage.before_entry, &stage.on_success, &stage.on_failure]
        .into_iter()
        .flatten()
        .flat_map(|condition| &condition.rules)
}

/// Adds the conditions to a stage's declaration.
pub(super) fn members(
    run: &Run<'_>,
    stage: &Stage,
    pointer: &str,
    secrets: &mut Secrets,
    body: &mut Object,
) {
    let places = [
        ("beforeEntry", &stage.before_entry),
        ("onSuccess", &stage.on_success),
        ("onFailure", &stage.on_failure),
    ];
    for (place, condition) in places {
        if let Some(condition) = condition {
            let pointer = format!("{pointer}/{place}");
            body.set(place, member(run, place, condition, &pointer, secrets));
        }
    }
}

fn member(
    run: &Run<'_>,
    place: &str,
    condition: &Condition,
    pointer: &str,
    secrets: &mut Secrets,
) -> Value {
    if let Some(raw) = &condition.raw {
        return json::node(raw, pointer, secrets);
    }
    let result = condition.result.as_ref().map(|r| r.value.clone());
    if condition.rules.is_empty() && place == "onFailure" {
        let mode = condition.retry_mode.as_ref();
        let mut object = Object::new();
        object.some("result", result).some(
            "retryConfiguration",
            mode.map(|mode| json!({"retryMode": mode.value})),
        );
        return object.done();
    }
    let rules: Vec<Value> = condition
        .rules
        .iter()
        .enumerate()
        .map(|(at, one)| {
            rule(
                run,
                one,
                &format!("{pointer}/conditions/0/rules/{at}"),
                secrets,
            )
        })
        .collect();
    let mut object = Object::new();
    object.some("result", result).list("rules", rules);
    json!({"conditions": [object.done()]})
}

fn rule(run: &Run<'_>, rule: &Rule, pointer: &str, secrets: &mut Secrets) -> Value {
    if let Some(raw) = &rule.raw {
        return json::node(raw, pointer, secrets);
    }
    let kind = facts::rule_type();
    let mut object = Object::new();
    object.set("name", rule.name.value.clone()).set(
        "ruleTypeId",
        json!({
            "category": kind.category,
            "owner": kind.owner,
            "provider": rule.provider.value,
            "version": kind.version,
        }),
    );
    let mut configuration = Object::new();
    for (key, value) in configuration_of(run, rule) {
        configuration.set(&key, value);
    }
    let configuration = configuration.done();
    if configuration.as_object().is_some_and(|map| !map.is_empty()) {
        object.set("configuration", configuration);
    }
    let inputs = rule
        .inputs
        .iter()
        .map(|i| json!({"name": i.value}))
        .collect();
    object
        .texts("commands", &rule.commands)
        .list("inputArtifacts", inputs)
        .some(
            "roleArn",
            rule.role_arn
                .as_ref()
                .map(|role| run.facts.given_role(role)),
        )
        .some(
            "region",
            rule.region.as_ref().map(|region| region.value.clone()),
        )
        .some(
            "timeoutInMinutes",
            rule.timeout_minutes.map(|(minutes, _)| minutes),
        );
    object.done()
}

/// The configuration of a rule, with the names of the project and the alarm of the file that it means.
pub(super) fn configuration_of(run: &Run<'_>, rule: &Rule) -> Vec<(String, String)> {
    let mut list: Vec<(String, String)> = rule
        .configuration
        .iter()
        .map(|(key, value)| (key.value.clone(), value.value.clone()))
        .collect();
    let mut put = |key: &str, value: String| {
        list.retain(|(name, _)| name != key);
        list.insert(0, (key.to_owned(), value));
    };
    if let Some(project) = rule.project.as_ref().and_then(|key| run.project(key)) {
        put("ProjectName", project.name.value.clone());
    }
    let alarms = rule.alarm.as_ref().and_then(|key| run.alarms.get(key));
    if let Some(name) = alarms.and_then(|names| names.first()) {
        put("AlarmName", name.clone());
    }
    list
}
