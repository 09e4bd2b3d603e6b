//! What CodePipeline refuses.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Findings, Place, Refusal, items, text};
use crate::catalog::conditions;
use crate::catalog::structure::{self, structure as facts};

/// Why CodePipeline would refuse this pipeline in this region; the first is what it would say.
pub fn pipeline(body: &Value, region: &str) -> Vec<Refusal> {
    let mut found = Findings::default();
    let place = Place::root("pipeline");
    let names = structure::names();
    let enums = structure::enums();
    found.required(&place, body, &facts().required["pipeline"]);
    found.text(&place, body, "name", &names.pipeline);
    found.text(&place, body, "roleArn", &names.role_arn);
    found.word(&place, body, "pipelineType", &enums.pipeline_type);
    let mode = found.word(&place, body, "executionMode", &enums.execution_mode);
    let mut run = Run {
        region,
        v2: text(body, "pipelineType") == "V2",
        found,
    };
    if mode
        .and_then(structure::execution_mode)
        .is_some_and(|mode| mode.v2_only)
    {
        let id = text(body, "executionMode").to_ascii_lowercase();
        run.needs_v2(&id, &place.key("executionMode"));
    }
    run.variables(body, &place);
    run.stages(body, &place);
    run.artifact_stores(body, &place);
    run.artifacts(body, &place);
    run.namespaces(body, &place);
    run.triggers(body, &place);
    let mut list = run.found.list;
    // The service looks at the shape first and at the meaning after.
    list.sort_by_key(|refusal| refusal.code != "ValidationException");
    list
}

pub(super) struct Run<'r> {
    pub(super) region: &'r str,
    pub(super) v2: bool,
    pub(super) found: Findings,
}

impl Run<'_> {
    fn needs_v2(&mut self, feature: &str, place: &Place) {
        if self.v2 {
            return;
        }
        let what = structure::v2_feature(feature).map_or(feature, |f| f.what.as_str());
        let mut letters = what.chars();
        let upper: String = letters
            .next()
            .map(|first| first.to_uppercase().collect::<String>() + letters.as_str())
            .unwrap_or_default();
        self.found
            .structure("S26", place, &[("feature", upper.as_str())]);
    }

    fn variables(&mut self, body: &Value, place: &Place) {
        let quotas = structure::quotas();
        let list = items(body, "variables");
        let place = place.key("variables");
        if list.is_empty() {
            return;
        }
        self.needs_v2("variables", &place);
        self.found.count(
            &place,
            &body["variables"],
            list.len(),
            &quotas.pipeline_variables,
        );
        let mut seen = BTreeSet::new();
        for (index, variable) in list.iter().enumerate() {
            let place = place.index(index);
            self.found
                .required(&place, variable, &facts().required["variable"]);
            let name = self.found.text(
                &place,
                variable,
                "name",
                &structure::names().pipeline_variable,
            );
            self.found
                .length(&place, variable, "defaultValue", &quotas.variable_value);
            self.found.length(
                &place,
                variable,
                "description",
                &quotas.variable_description,
            );
            if let Some(name) = name
                && !seen.insert(name)
            {
                self.found.add(
                    "variable-unique",
                    &place,
                    "InvalidStructureException",
                    format!("Pipeline variable {name} is declared more than once"),
                );
            }
        }
    }

    fn stages(&mut self, body: &Value, place: &Place) {
        let stages = items(body, "stages");
        let place = place.key("stages");
        let quotas = structure::quotas();
        if (stages.len() as u64) < quotas.stages.min {
            let count = stages.len().to_string();
            self.found
                .structure("S01", &place, &[("count", count.as_str())]);
        } else {
            self.found
                .count(&place, &body["stages"], stages.len(), &quotas.stages);
        }
        let mut seen = BTreeSet::new();
        let mut actions = 0;
        for (index, stage) in stages.iter().enumerate() {
            let place = place.index(index);
            self.found
                .required(&place, stage, &facts().required["stage"]);
            self.found
                .text(&place, stage, "name", &structure::names().stage);
            let name = text(stage, "name");
            if !name.is_empty() && !seen.insert(name) {
                self.found.structure("S06", &place, &[("stage", name)]);
            }
            if !items(stage, "blockers").is_empty() {
                self.found.structure("S24", &place.key("blockers"), &[]);
            }
            self.stage_actions(stage, &place, index == 0);
            actions += items(stage, "actions").len();
            self.conditions(stage, &place);
        }
        let most = &quotas.actions_per_pipeline;
        if actions as u64 > most.max {
            self.found.add(
                "actions-per-pipeline",
                &place,
                "InvalidStructureException",
                format!(
                    "Pipeline has {actions} actions. There should be a maximum of {} actions.",
                    most.max
                ),
            );
        }
    }

    fn stage_actions(&mut self, stage: &Value, place: &Place, first: bool) {
        let list = items(stage, "actions");
        let place = place.key("actions");
        let stage_name = text(stage, "name");
        if list.is_empty() {
            self.found
                .structure("S05", &place, &[("stage", stage_name)]);
            return;
        }
        self.found.count(
            &place,
            &stage["actions"],
            list.len(),
            &structure::quotas().actions_per_stage,
        );
        let is_source = |action: &Value| {
            text(
                action.get("actionTypeId").unwrap_or(&Value::Null),
                "category",
            ) == "Source"
        };
        if first && !list.iter().all(is_source) {
            self.found.structure("S02", &place, &[]);
        }
        let mut seen = BTreeSet::new();
        for (index, action) in list.iter().enumerate() {
            let place = place.index(index);
            let name = text(action, "name");
            if !first && is_source(action) {
                let values = [("action", name), ("stage", stage_name)];
                self.found.structure("S03", &place, &values);
            }
            if !name.is_empty() && !seen.insert(name) {
                let values = [("action", name), ("stage", stage_name)];
                self.found.structure("S07", &place, &values);
            }
            self.action(action, &place);
        }
    }

    fn conditions(&mut self, stage: &Value, place: &Place) {
        for placement in conditions::placements() {
            let Some(block) = stage
                .get(&placement.place)
                .filter(|block| block.as_object().is_some_and(|map| !map.is_empty()))
            else {
                continue;
            };
            let place = place.key(&placement.place);
            let list = items(block, "conditions");
            let feature = match text(block, "result") {
                "RETRY" => "retry",
                "ROLLBACK" if list.is_empty() => "rollback",
                _ => "conditions",
            };
            self.needs_v2(feature, &place);
            self.found
                .word(&place, block, "result", &placement.bare_results);
            if let Some(retry) = block.get("retryConfiguration").filter(|r| !r.is_null()) {
                let words = &structure::enums().retry_mode;
                self.found
                    .word(&place.key("retryConfiguration"), retry, "retryMode", words);
            }
            if list.is_empty() {
                continue;
            }
            let quotas = structure::quotas();
            let place = place.key("conditions");
            self.found
                .count(&place, &block["conditions"], list.len(), &quotas.conditions);
            for (index, condition) in list.iter().enumerate() {
                let place = place.index(index);
                self.found
                    .word(&place, condition, "result", &placement.results);
                let rules = items(condition, "rules");
                let place = place.key("rules");
                let value = condition.get("rules").unwrap_or(&Value::Null);
                self.found.count(&place, value, rules.len(), &quotas.rules);
                for (index, rule) in rules.iter().enumerate() {
                    self.rule(rule, &place.index(index));
                }
            }
        }
    }

    fn rule(&mut self, rule: &Value, place: &Place) {
        let required = &facts().required;
        self.found.required(place, rule, &required["rule"]);
        self.found
            .text(place, rule, "name", &structure::names().rule);
        let name = text(rule, "name");
        let Some(id) = rule.get("ruleTypeId") else {
            return;
        };
        if !self
            .found
            .required(&place.key("ruleTypeId"), id, &required["ruleTypeId"])
        {
            return;
        }
        // A provider that the catalogue does not know may be a new one.
        let Some(provider) = conditions::rule_provider(text(id, "provider")) else {
            return;
        };
        let config = rule.get("configuration").and_then(Value::as_object);
        for key in config.into_iter().flatten().map(|(key, _)| key) {
            if provider.key(key).is_none() {
                self.found.add(
                    "rule-configuration",
                    &place.key("configuration").key(key),
                    "InvalidStructureException",
                    format!("Rule configuration for rule '{name}' contains unknown configuration '{key}'"),
                );
            }
        }
        for key in provider.keys.iter().filter(|k| k.required && k.certain) {
            if config.is_none_or(|config| !config.contains_key(&key.name)) {
                self.found.add(
                    "rule-configuration",
                    &place.key("configuration"),
                    "InvalidStructureException",
                    format!(
                        "Rule configuration for rule '{name}' is missing required configuration '{}'",
                        key.name
                    ),
                );
            }
        }
    }

    fn artifact_stores(&mut self, body: &Value, place: &Place) {
        let one = body.get("artifactStore").filter(|store| !store.is_null());
        let many = body
            .get("artifactStores")
            .and_then(Value::as_object)
            .filter(|stores| !stores.is_empty());
        if one.is_some() == many.is_some() {
            self.found.structure("S14", place, &[]);
        }
        let elsewhere: BTreeSet<&str> = items(body, "stages")
            .iter()
            .flat_map(|stage| items(stage, "actions"))
            .map(|action| text(action, "region"))
            .filter(|region| structure::regions().is_name(region) && *region != self.region)
            .collect();
        if let Some(store) = one {
            self.artifact_store(store, &place.key("artifactStore"));
            for region in elsewhere {
                let place = place.key("artifactStore");
                self.found.structure("S15", &place, &[("region", region)]);
            }
            return;
        }
        let Some(stores) = many else { return };
        let place = place.key("artifactStores");
        for (region, store) in stores {
            let place = place.key(region);
            // An unknown region may be a new one: only what cannot be a region's name is refused.
            let named = structure::names().region.check(region).is_ok()
                && region.split('-').count() >= 3
                && region.ends_with(|c: char| c.is_ascii_digit());
            if !named {
                self.found
                    .structure("S17", &place, &[("region", region.as_str())]);
            }
            self.artifact_store(store, &place);
        }
        for region in elsewhere.into_iter().chain([self.region]) {
            if !stores.contains_key(region) {
                self.found.structure("S15", &place, &[("region", region)]);
            }
        }
    }

    fn artifact_store(&mut self, store: &Value, place: &Place) {
        let required = &facts().required;
        let enums = structure::enums();
        self.found
            .required(place, store, &required["artifactStore"]);
        self.found.word(place, store, "type", &enums.artifact_store);
        self.found.text(
            place,
            store,
            "location",
            &structure::names().artifact_bucket,
        );
        if let Some(key) = store.get("encryptionKey").filter(|key| !key.is_null()) {
            let place = place.key("encryptionKey");
            self.found.required(&place, key, &required["encryptionKey"]);
            self.found
                .text(&place, key, "id", &structure::names().encryption_key);
            self.found.word(&place, key, "type", &enums.encryption_key);
        }
    }

    /// Every artifact has one producer, and every consumer comes after it.
    fn artifacts(&mut self, body: &Value, place: &Place) {
        let order = |action: &Value| {
            action
                .get("runOrder")
                .and_then(Value::as_u64)
                .unwrap_or(structure::structure().defaults.run_order)
        };
        let mut made: BTreeMap<&str, (usize, u64)> = BTreeMap::new();
        let stages = place.key("stages");
        let each = || {
            items(body, "stages")
                .iter()
                .enumerate()
                .flat_map(|(stage, body)| {
                    items(body, "actions")
                        .iter()
                        .enumerate()
                        .map(move |(index, action)| (stage, index, action))
                })
        };
        for (stage, index, action) in each() {
            for output in items(action, "outputArtifacts") {
                let name = text(output, "name");
                if made.insert(name, (stage, order(action))).is_some() {
                    let place = stages.index(stage).key("actions").index(index);
                    self.found.structure("S08", &place, &[("artifact", name)]);
                }
            }
        }
        for (stage, index, action) in each() {
            for input in items(action, "inputArtifacts") {
                let name = text(input, "name");
                let before = made
                    .get(name)
                    .is_some_and(|at| *at < (stage, order(action)));
                if !before {
                    let place = stages.index(stage).key("actions").index(index);
                    let values = [("artifact", name), ("action", text(action, "name"))];
                    self.found.structure("S09", &place, &values);
                }
            }
        }
    }

    fn namespaces(&mut self, body: &Value, place: &Place) {
        let mut users: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
        for stage in items(body, "stages") {
            for action in items(stage, "actions") {
                let namespace = text(action, "namespace");
                if !namespace.is_empty() {
                    users
                        .entry(namespace)
                        .or_default()
                        .push((text(stage, "name"), text(action, "name")));
                }
            }
        }
        for (namespace, users) in users.into_iter().filter(|(_, users)| users.len() > 1) {
            let join = |part: fn(&(&str, &str)) -> String| {
                users.iter().map(part).collect::<Vec<_>>().join(", ")
            };
            let (stages, actions) = (join(|u| u.0.to_owned()), join(|u| u.1.to_owned()));
            let values = [
                ("stages", stages.as_str()),
                ("actions", actions.as_str()),
                ("namespaces", namespace),
            ];
            self.found.structure("S20", &place.key("stages"), &values);
        }
    }

    fn triggers(&mut self, body: &Value, place: &Place) {
        let list = items(body, "triggers");
        if list.is_empty() {
            return;
        }
        let place = place.key("triggers");
        let quotas = structure::quotas();
        let rules = &facts().triggers;
        self.needs_v2("triggers", &place);
        self.found
            .count(&place, &body["triggers"], list.len(), &quotas.triggers);
        let sources: BTreeSet<&str> = items(body, "stages")
            .iter()
            .take(1)
            .flat_map(|stage| items(stage, "actions"))
            .filter(|action| text(&action["actionTypeId"], "provider") == rules.provider)
            .map(|action| text(action, "name"))
            .collect();
        let mut seen = BTreeSet::new();
        for (index, trigger) in list.iter().enumerate() {
            let place = place.index(index);
            let required = &facts().required;
            if !self.found.required(&place, trigger, &required["trigger"]) {
                continue;
            }
            self.found.word(
                &place,
                trigger,
                "providerType",
                &structure::enums().trigger_provider,
            );
            let git = &trigger["gitConfiguration"];
            let place = place.key("gitConfiguration");
            self.found
                .required(&place, git, &required["gitConfiguration"]);
            let source = text(git, "sourceActionName");
            if !sources.contains(source) || !seen.insert(source) {
                self.found.structure("T01", &place, &[]);
            }
            self.filters(git, &place);
        }
    }

    fn filters(&mut self, git: &Value, place: &Place) {
        let quotas = structure::quotas();
        let rules = &facts().triggers;
        for (kind, quota) in [
            ("push", &quotas.push_filters),
            ("pullRequest", &quotas.pull_request_filters),
        ] {
            let Some(value) = git.get(kind).filter(|value| value.is_array()) else {
                continue;
            };
            let list = items(git, kind);
            let place = place.key(kind);
            if list.is_empty() {
                continue;
            }
            self.found.count(&place, value, list.len(), quota);
            for (index, filter) in list.iter().enumerate() {
                let place = place.index(index);
                let keys: Vec<&str> = filter
                    .as_object()
                    .into_iter()
                    .flatten()
                    .filter(|(key, value)| *key != "events" && !value.is_null())
                    .map(|(key, _)| key.as_str())
                    .collect();
                let valid = match kind {
                    "push" => rules.push(&keys).is_some(),
                    _ => keys.is_empty() || rules.pull_request(&keys).is_some(),
                };
                if !valid {
                    self.found.structure("T02", &place, &[]);
                }
                let events = &structure::enums().pull_request_event;
                for event in items(filter, "events") {
                    let known = event
                        .as_str()
                        .is_some_and(|event| events.iter().any(|e| e == event));
                    if !known {
                        let set = format!(
                            "Member must satisfy enum value set: [{}]",
                            events.join(", ")
                        );
                        self.found.value(&place.key("events"), event, &set);
                    }
                }
                for key in keys {
                    for side in &rules.criteria {
                        self.patterns(&filter[key], &place.key(key), side);
                    }
                }
            }
        }
    }

    fn patterns(&mut self, criteria: &Value, place: &Place, side: &str) {
        let quotas = structure::quotas();
        let list = items(criteria, side);
        if list.is_empty() {
            return;
        }
        let place = place.key(side);
        self.found
            .count(&place, &criteria[side], list.len(), &quotas.filter_patterns);
        for (index, pattern) in list.iter().enumerate() {
            let length = pattern.as_str().map_or(0, |text| text.chars().count());
            self.found.count(
                &place.index(index),
                pattern,
                length,
                &quotas.filter_pattern_length,
            );
        }
    }
}
