//! What CodePipeline refuses of an action.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::pipeline::Run;
use super::{Place, items, text};
use crate::catalog::actions::{self, ActionType};
use crate::catalog::keys::{ConfigKey, Format, ValueProblem};
use crate::catalog::rules::RuleFault;
use crate::catalog::structure::{self, structure as facts};
use crate::catalog::when::Given;

impl Run<'_> {
    pub(super) fn action(&mut self, action: &Value, place: &Place) {
        let names = structure::names();
        let quotas = structure::quotas();
        let required = &facts().required;
        self.found.required(place, action, &required["action"]);
        self.found.text(place, action, "name", &names.action);
        self.found.text(place, action, "roleArn", &names.role_arn);
        self.found
            .text(place, action, "namespace", &names.namespace);
        self.found
            .number(place, action, "runOrder", &quotas.run_order);
        self.found
            .number(place, action, "timeoutInMinutes", &quotas.timeout_minutes);
        for (key, shape) in [
            ("inputArtifacts", "inputArtifact"),
            ("outputArtifacts", "outputArtifact"),
        ] {
            for (index, artifact) in items(action, key).iter().enumerate() {
                let place = place.key(key).index(index);
                self.found.required(&place, artifact, &required[shape]);
                self.found.text(&place, artifact, "name", &names.artifact);
            }
        }
        let Some(id) = action.get("actionTypeId") else {
            return;
        };
        let id_place = place.key("actionTypeId");
        if !self
            .found
            .required(&id_place, id, &required["actionTypeId"])
        {
            return;
        }
        let enums = structure::enums();
        let owner = self.found.word(&id_place, id, "owner", &enums.owner);
        let category = self.found.word(&id_place, id, "category", &enums.category);
        self.found.text(&id_place, id, "provider", &names.provider);
        self.found.text(&id_place, id, "version", &names.version);
        self.configuration_sizes(action, place);
        let (Some(owner), Some(category)) = (owner, category) else {
            return;
        };
        let provider = text(id, "provider");
        match actions::action_type(owner, category, provider) {
            Some(kind) if owner == "Custom" || kind.version == text(id, "version") => {
                self.typed(action, place, kind);
            }
            // A custom action type is the account's own: nobody here knows its keys.
            None if owner == "Custom" => {
                let custom = actions::custom();
                if custom.categories.iter().any(|c| c == category) {
                    self.counts(action, place, &custom.artifacts, &custom.artifacts);
                } else {
                    self.unavailable(action, id, &id_place);
                }
            }
            _ => self.unavailable(action, id, &id_place),
        }
    }

    fn unavailable(&mut self, action: &Value, id: &Value, place: &Place) {
        let region = self.region.to_ascii_uppercase().replace('-', "_");
        let values = [
            ("category", text(id, "category")),
            ("provider", text(id, "provider")),
            ("owner", text(id, "owner")),
            ("version", text(id, "version")),
            ("action", text(action, "name")),
            ("region", region.as_str()),
        ];
        self.found.structure("S11", place, &values);
    }

    fn configuration_sizes(&mut self, action: &Value, place: &Place) {
        let quotas = structure::quotas();
        let place = place.key("configuration");
        let map = action.get("configuration").and_then(Value::as_object);
        for (key, value) in map.into_iter().flatten() {
            let place = place.key(key);
            match value.as_str() {
                None => self.found.add(
                    "configuration-text",
                    &place,
                    "SerializationException",
                    format!("The value of configuration '{key}' must be a string"),
                ),
                Some(text) if !quotas.config_value.allows(text.chars().count() as u64) => {
                    self.found.structure("S12b", &place, &[]);
                }
                Some(_) => {}
            }
            if !quotas.config_key.allows(key.chars().count() as u64) {
                let constraint = format!(
                    "Map keys must satisfy constraint: [Member must have length less than or equal to {}, Member must have length greater than or equal to {}]",
                    quotas.config_key.max, quotas.config_key.min
                );
                self.found
                    .value(&place, &Value::String(key.clone()), &constraint);
            }
        }
    }

    fn counts(
        &mut self,
        action: &Value,
        place: &Place,
        inputs: &actions::Bounds,
        outputs: &actions::Bounds,
    ) {
        for (key, direction, bounds) in [
            ("inputArtifacts", "input", inputs),
            ("outputArtifacts", "output", outputs),
        ] {
            let count = items(action, key).len();
            if !bounds.surely_refuses(count) {
                continue;
            }
            let (relation, bound, limit) = if count < bounds.min {
                ("less", "minimum", bounds.min)
            } else {
                ("more", "maximum", bounds.max)
            };
            let (count, limit) = (count.to_string(), limit.to_string());
            let values = [
                ("action", text(action, "name")),
                ("count", count.as_str()),
                ("direction", direction),
                ("relation", relation),
                ("bound", bound),
                ("limit", limit.as_str()),
            ];
            self.found.structure("S10", &place.key(key), &values);
        }
    }

    /// What the action's type asks of it.
    fn typed(&mut self, action: &Value, place: &Place, kind: &'static ActionType) {
        let name = text(action, "name");
        if kind.v2_only.value && kind.v2_only.certain && !self.v2 {
            let feature = format!("{} actions", kind.provider);
            self.found
                .structure("S26", place, &[("feature", feature.as_str())]);
        }
        self.counts(action, place, &kind.inputs, &kind.outputs);
        self.region(action, place, kind);
        self.commands(action, place, kind);
        if kind.opaque {
            return;
        }
        let config: BTreeMap<String, String> = action
            .get("configuration")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect();
        let place = place.key("configuration");
        for (key, value) in &config {
            match kind.key(key) {
                None if kind.provider_named_by_account => {}
                None => {
                    let values = [("action", name), ("key", key.as_str())];
                    self.found.structure("S12", &place.key(key), &values);
                }
                Some(known) => {
                    self.config_value(action, known, value, &place.key(key));
                }
            }
        }
        for key in kind.keys.iter().filter(|key| key.required && key.certain) {
            if !config.contains_key(&key.name) {
                let values = [("action", name), ("key", key.name.as_str())];
                self.found.structure("S12a", &place, &values);
            }
        }
        let given = Given {
            config,
            inputs: items(action, "inputArtifacts").len(),
            outputs: items(action, "outputArtifacts").len(),
            environment_types: items(action, "environmentVariables")
                .iter()
                .map(|variable| text(variable, "type").to_owned())
                .collect(),
            features: BTreeSet::new(),
        };
        for problem in kind.rule_problems(&given) {
            if !problem.rule.certain || problem.rule.at_run {
                continue;
            }
            let (key, because) = (problem.key, &problem.because);
            let message = match problem.problem {
                RuleFault::Missing => {
                    let values = [("action", name), ("key", key)];
                    self.found.structure("S12a", &place, &values);
                    continue;
                }
                RuleFault::Superfluous => format!(
                    "Action configuration for action '{name}' contains configuration '{key}' which is not allowed: {because}"
                ),
                RuleFault::Value => format!(
                    "Action configuration for action '{name}' contains an invalid value for configuration '{key}': {because}"
                ),
                RuleFault::Artifacts => format!(
                    "Action {name} declares a number of artifacts which is not allowed: {because}"
                ),
            };
            self.found.add(
                "configuration-rule",
                &place,
                "InvalidActionDeclarationException",
                message,
            );
        }
    }

    fn config_value(&mut self, action: &Value, key: &ConfigKey, value: &str, place: &Place) {
        let name = text(action, "name");
        if key.secret && value == facts().secret_mask || value.contains("#{") {
            return;
        }
        let artifact = match key.format {
            Format::ArtifactName => Some(value),
            Format::ArtifactPath => value.split_once("::").map(|(artifact, _)| artifact),
            _ => None,
        };
        let inputs = items(action, "inputArtifacts");
        if let Some(artifact) = artifact
            && !inputs.iter().any(|input| text(input, "name") == artifact)
        {
            let values = [("action", name), ("artifact", artifact)];
            self.found.structure("S21", place, &values);
        }
        // What is a path or a value, as another key says, is read when the action runs: the service it calls refuses it.
        if key.plain_when.is_some() {
            return;
        }
        let Err(problem) = key.check(value) else {
            return;
        };
        let sure = match problem {
            // Whether CodePipeline itself looks at the form of a name or a strategy is not known.
            ValueProblem::Pattern => false,
            _ => key.certainly(&problem),
        };
        if sure {
            let must = match problem {
                ValueProblem::NotAValue(_) => format!("one of {}", key.values.join(", ")),
                ValueProblem::Length { min, max, .. } => format!("{min} to {max} characters long"),
                ValueProblem::Range { min, max, .. } => format!("from {min} to {max}"),
                ValueProblem::TooManyItems { max, .. } => format!("at most {max} items"),
                ValueProblem::Pattern => format!(
                    "text that matches {}",
                    key.pattern.as_ref().map_or("", |pattern| pattern.as_str())
                ),
                ValueProblem::Format(format) => format.words().to_owned(),
            };
            self.found.add(
                "configuration-value",
                place,
                "InvalidActionDeclarationException",
                format!(
                    "Action configuration for action '{name}' contains an invalid value for configuration '{}': it must be {must}",
                    key.name
                ),
            );
        }
    }

    /// GetPipeline gives every action its region, so the pipeline's own is never at fault. Whether a word that is no
    /// region's name is another region, nobody knows here.
    fn region(&mut self, action: &Value, place: &Place, kind: &ActionType) {
        let region = text(action, "region");
        let known = structure::regions().is_name(region);
        let elsewhere = known && region != self.region;
        let category = text(&action["actionTypeId"], "category");
        if elsewhere && (category == "Source" || kind.owner != "AWS") {
            let values = [("action", text(action, "name"))];
            self.found.structure("S18", &place.key("region"), &values);
        }
    }

    fn commands(&mut self, action: &Value, place: &Place, kind: &ActionType) {
        let quotas = structure::quotas();
        let name = text(action, "name");
        let given = |key: &str| !items(action, key).is_empty();
        let outputs = items(action, "outputArtifacts");
        let files = outputs
            .iter()
            .any(|output| !items(output, "files").is_empty());
        if kind.has_field("commands") {
            if !given("commands") {
                self.found.structure("S22", place, &[("action", name)]);
            }
        } else if given("commands") || given("outputVariables") || files {
            self.found.structure("S22a", place, &[("action", name)]);
        }
        for (key, quota, each) in [
            ("commands", &quotas.commands, &quotas.command_length),
            (
                "outputVariables",
                &quotas.output_variables,
                &quotas.output_variable_name,
            ),
        ] {
            let list = items(action, key);
            if list.is_empty() {
                continue;
            }
            let place = place.key(key);
            self.found.count(&place, &action[key], list.len(), quota);
            for (index, item) in list.iter().enumerate() {
                let length = item.as_str().map_or(0, |text| text.chars().count());
                self.found.count(&place.index(index), item, length, each);
            }
        }
        let variables = items(action, "environmentVariables");
        if variables.is_empty() {
            return;
        }
        let place = place.key("environmentVariables");
        self.found.count(
            &place,
            &action["environmentVariables"],
            variables.len(),
            &quotas.environment_variables,
        );
        for (index, variable) in variables.iter().enumerate() {
            let place = place.index(index);
            self.found.text(
                &place,
                variable,
                "name",
                &structure::names().environment_variable,
            );
            self.found
                .length(&place, variable, "value", &quotas.environment_value);
            self.found.word(
                &place,
                variable,
                "type",
                &structure::enums().environment_variable_type,
            );
        }
    }
}
