//! CloudFormation: stacks as files, made of templates that can be read and parameters that they have.
//!
//! docs:action-reference-CloudFormation.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::super::super::Sandbox;
use super::super::drive::Work;
use super::super::end::{End, Ended};
use super::super::structure::Action;
use super::record::Inputs;
use crate::catalog::structure::quotas;

fn failed(message: impl Into<String>) -> End {
    End::failed("JobFailed", message)
}

/// A template as far as it has to be known.
#[derive(Debug)]
pub(super) struct Template {
    /// Parameters, and whether they have a default value.
    parameters: BTreeMap<String, bool>,
    /// Outputs whose value is a plain text.
    outputs: BTreeMap<String, String>,
}

/// Reads a template in YAML or JSON.
pub(super) fn template(text: &str) -> Result<Template, End> {
    let value: serde_yaml::Value = serde_yaml::from_str(text)
        .map_err(|error| failed(format!("Template format error: {error}")))?;
    let resources = value
        .get("Resources")
        .and_then(serde_yaml::Value::as_mapping);
    if resources.is_none_or(serde_yaml::Mapping::is_empty) {
        return Err(failed(
            "Template format error: At least one Resources member must be defined.",
        ));
    }
    let members = |key: &str| {
        let map = value
            .get(key)
            .and_then(serde_yaml::Value::as_mapping)
            .into_iter()
            .flatten();
        map.filter_map(|(name, member)| Some((name.as_str()?.to_owned(), member.clone())))
    };
    Ok(Template {
        parameters: members("Parameters")
            .map(|(name, member)| (name, member.get("Default").is_some()))
            .collect(),
        outputs: members("Outputs")
            .filter_map(|(name, member)| Some((name, member.get("Value")?.as_str()?.to_owned())))
            .collect(),
    })
}

impl Sandbox {
    fn stack_file(&self, name: &str) -> Result<PathBuf, End> {
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') && !name.is_empty();
        if !plain {
            return Err(failed(format!("{name} cannot be the name of a stack")));
        }
        Ok(self.folder.join("stacks").join(format!("{name}.json")))
    }

    /// Creates, updates or deletes a stack, or makes or executes a change set of it.
    pub(super) fn cloud_formation(&self, work: &Work, action: &Action, inputs: &Inputs) -> Ended {
        let wanted = |key: &str| {
            work.get(key)
                .ok_or_else(|| End::wrong(format!("{key} is missing")))
        };
        let (mode, name) = (wanted("ActionMode")?, wanted("StackName")?);
        if mode != "CHANGE_SET_EXECUTE" && work.get("RoleArn").is_none() {
            return Err(End::wrong(
                "Configuration Property RoleArn should not be empty in current ActionMode",
            ));
        }
        let file = self.stack_file(name)?;
        let mut stack: Value = fs::read_to_string(&file)
            .ok()
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_else(|| json!({"stackName": name}));
        let existed = stack["stackStatus"].is_string();
        let done = if existed {
            "UPDATE_COMPLETE"
        } else {
            "CREATE_COMPLETE"
        };
        let said = match mode {
            "DELETE_ONLY" => {
                let _ = fs::remove_file(&file);
                let mut end = End::succeeded(format!("Stack {name} is deleted"));
                end.result.external_execution_id = Some(name.to_owned());
                return Ok(end);
            }
            "CHANGE_SET_EXECUTE" => {
                let set = wanted("ChangeSetName")?;
                let made = stack["changeSets"]
                    .as_object_mut()
                    .and_then(|sets| sets.shift_remove(set));
                let Some(made) = made else {
                    return Err(failed(format!("ChangeSet [{set}] does not exist")));
                };
                stack["outputs"] = made["outputs"].clone();
                stack["parameters"] = made["parameters"].clone();
                stack["stackStatus"] = json!(done);
                format!("Change set {set} of stack {name} is executed")
            }
            "CHANGE_SET_REPLACE" => {
                let set = wanted("ChangeSetName")?;
                let made = made_of_template(work, inputs)?;
                if !stack["changeSets"].is_object() {
                    stack["changeSets"] = json!({});
                }
                stack["changeSets"][set] = made;
                format!("Change set {set} of stack {name} is made")
            }
            _ => {
                let made = made_of_template(work, inputs)?;
                stack["outputs"] = made["outputs"].clone();
                stack["parameters"] = made["parameters"].clone();
                stack["stackStatus"] = json!(done);
                format!(
                    "Stack {name} is {}",
                    if existed { "updated" } else { "created" }
                )
            }
        };
        let text = serde_json::to_string_pretty(&stack).unwrap_or_default();
        let written = fs::create_dir_all(self.folder.join("stacks"))
            .and_then(|()| fs::write(&file, text + "\n"));
        written.map_err(|error| failed(format!("{}: {error}", file.display())))?;
        let mut outputs = BTreeMap::new();
        if mode != "CHANGE_SET_REPLACE" {
            let told = stack["outputs"].as_object().into_iter().flatten();
            outputs.extend(
                told.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))),
            );
            outputs.extend(self.seed.stacks.get(name).cloned().unwrap_or_default());
        }
        let mut end = End::succeeded(said).with(outputs);
        end.result.external_execution_id = Some(name.to_owned());
        if let Some(file) = work.get("OutputFileName") {
            self.hand_on_record(work, action, &mut end, file)?;
        } else if let Some(output) = action.output_artifacts.first() {
            return Err(End::wrong(format!(
                "OutputFileName is missing; {} is an output artifact",
                output.name
            )));
        }
        Ok(end)
    }
}

/// What a template makes with the parameters that it is given.
fn made_of_template(work: &Work, inputs: &Inputs) -> Result<Value, End> {
    let place = work
        .get("TemplatePath")
        .ok_or_else(|| End::wrong("TemplatePath is missing"))?;
    let template = template(&inputs.text(place)?)?;
    let mut parameters = Map::new();
    if let Some(place) = work.get("TemplateConfiguration") {
        let text = inputs.text(place)?;
        let value: Value = serde_json::from_str(&text)
            .map_err(|error| failed(format!("{place} is no JSON: {error}")))?;
        parameters.extend(value["Parameters"].as_object().cloned().unwrap_or_default());
    }
    if let Some(text) = work.get("ParameterOverrides") {
        if text.len() as u64 > quotas().parameter_overrides.max {
            return Err(End::wrong(format!(
                "ParameterOverrides has {} bytes, which is too much",
                text.len()
            )));
        }
        let value: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
            End::wrong(format!("ParameterOverrides is no JSON object: {error}"))
        })?;
        parameters.extend(value);
    }
    let unknown: Vec<&str> = parameters
        .keys()
        .filter(|name| !template.parameters.contains_key(*name))
        .map(String::as_str)
        .collect();
    if !unknown.is_empty() {
        return Err(failed(format!(
            "Parameters: [{}] do not exist in the template",
            unknown.join(", ")
        )));
    }
    let missing: Vec<&str> = template
        .parameters
        .iter()
        .filter(|(name, has_default)| !**has_default && !parameters.contains_key(*name))
        .map(|(name, _)| name.as_str())
        .collect();
    if !missing.is_empty() {
        return Err(failed(format!(
            "Parameters: [{}] must have values",
            missing.join(", ")
        )));
    }
    Ok(json!({"parameters": parameters, "outputs": template.outputs}))
}
