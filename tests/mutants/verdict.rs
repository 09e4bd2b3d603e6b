//! What cfn-lint says of one mutant of each rule.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Row;
use crate::judged;

/// `error E3702`, `silent`; nothing where CloudFormation has no word for it.
pub(super) fn ask(rows: &BTreeMap<&'static str, Row>) -> BTreeMap<&'static str, String> {
    rows.iter()
        .filter_map(|(code, row)| Some((*code, row.sample.as_ref()?)))
        .map(|(code, (file, region))| (code, verdict(file, region)))
        .collect()
}

fn verdict(file: &Value, region: &str) -> String {
    let template = template(file);
    let answer = judged::ask(&json!({"do": "cfn_lint", "template": template, "regions": [region]}));
    let mut rules: Vec<&str> = answer["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["level"] == "error")
        .map(|one| one["rule"].as_str().unwrap())
        .collect();
    rules.sort_unstable();
    rules.dedup();
    match rules.as_slice() {
        [] => "silent".to_owned(),
        rules => format!("error {}", rules.join(" ")),
    }
}

/// The definitions as resources.
fn template(file: &Value) -> Value {
    let mut resources = Map::new();
    for (key, kind, word) in [
        ("pipelines", "AWS::CodePipeline::Pipeline", "Pipeline"),
        ("projects", "AWS::CodeBuild::Project", "Project"),
    ] {
        let definitions = file[key].as_object().into_iter().flatten();
        for (number, (_, definition)) in definitions.enumerate() {
            let definition = &definition["definition"];
            let properties = match key {
                "pipelines" => pipeline(definition),
                _ => written(definition, &NOT_OF_PROJECTS),
            };
            let resource = json!({"Type": kind, "Properties": properties});
            resources.insert(format!("{word}{number}"), resource);
        }
    }
    json!({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources})
}

/// What only the API has.
const NOT_OF_PROJECTS: [&str; 8] = [
    "arn",
    "created",
    "lastModified",
    "badge",
    "webhook",
    "projectVisibility",
    "publicProjectAlias",
    "version",
];

fn pipeline(definition: &Value) -> Value {
    let mut properties = written(definition, &NOT_OF_PROJECTS);
    // a map in the API, a list in CloudFormation
    if let Some(stores) = definition["artifactStores"].as_object() {
        properties["ArtifactStores"] = stores
            .iter()
            .map(|(region, store)| json!({"Region": region, "ArtifactStore": written(store, &[])}))
            .collect();
    }
    properties
}

/// Members as CloudFormation writes them; what stands under `configuration` is the provider's, and stays.
fn written(value: &Value, without: &[&str]) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(key, _)| !without.contains(&key.as_str()))
            .map(|(key, member)| {
                let member = match key.as_str() {
                    "configuration" => member.clone(),
                    _ => written(member, &[]),
                };
                (name(key), member)
            })
            .collect::<Map<String, Value>>()
            .into(),
        Value::Array(items) => items.iter().map(|item| written(item, &[])).collect(),
        simple => simple.clone(),
    }
}

/// `roleArn` is `RoleArn`, and some have a name of their own.
fn name(key: &str) -> String {
    match key {
        "buildspec" => return "BuildSpec".to_owned(),
        "vpcConfig" => return "VpcConfig".to_owned(),
        _ => {}
    }
    let mut letters = key.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}
