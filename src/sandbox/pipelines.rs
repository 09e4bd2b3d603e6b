//! Pipelines: what an update does to secrets, versions and executions.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Transaction, params};
use serde_json::Value;

use super::{ACCOUNT, Outcome, Sandbox, allow, executions, refuse, rules, store, view};
use crate::catalog::{actions, structure};
use crate::cloud::ErrorKind;
use crate::resources::{Kind, Resource};
use crate::tree::Secret;

const CREATE: &str = "CodePipeline:CreatePipeline";
const UPDATE: &str = "CodePipeline:UpdatePipeline";

/// The names of a pipeline's stages.
pub(super) fn stage_names(body: &Value) -> impl Iterator<Item = &str> {
    list(body, "stages").filter_map(|stage| stage["name"].as_str())
}

/// The names of the actions of its first stage.
pub(super) fn first_actions(body: &Value) -> Vec<&str> {
    list(body, "stages")
        .take(1)
        .flat_map(|stage| list(stage, "actions"))
        .filter_map(|action| action["name"].as_str())
        .collect()
}

fn list<'v>(owner: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    owner
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn mask() -> &'static str {
    &structure::structure().secret_mask
}

fn message(rule: &str, values: &[(&str, &str)]) -> (String, String) {
    structure::exception_for(rule).map_or_else(Default::default, |fact| {
        (
            fact.exception.clone().unwrap_or_default(),
            fact.message_with(values),
        )
    })
}

fn broken<T>(operation: &'static str, rule: &str, values: &[(&str, &str)]) -> Outcome<T> {
    let (code, message) = message(rule, values);
    refuse(operation, code, message)
}

/// The keys of an action that AWS keeps secret and that it has.
fn secret_keys(action: &Value) -> Vec<&'static str> {
    let id = &action["actionTypeId"];
    let part = |key: &str| id[key].as_str().unwrap_or_default();
    let Some(kind) = actions::action_type(part("owner"), part("category"), part("provider")) else {
        return Vec::new();
    };
    kind.keys
        .iter()
        .filter(|key| key.secret && action["configuration"].get(&key.name).is_some())
        .map(|key| key.name.as_str())
        .collect()
}

/// An action without its secrets and with all defaults, to tell whether it is otherwise identical.
fn comparable(action: &Value, region: &str) -> Value {
    let mut whole = serde_json::json!({"stages": [{"actions": [action]}]});
    view::complete_pipeline(&mut whole, region);
    let mut action = whole["stages"][0]["actions"][0].take();
    for key in secret_keys(&action) {
        if let Some(configuration) = action["configuration"].as_object_mut() {
            configuration.remove(key);
        }
    }
    action
}

/// The action of that name in the stage of that name.
fn action_of<'v>(body: &'v Value, stage: &str, action: &str) -> Option<&'v Value> {
    list(body, "stages")
        .find(|s| s["name"] == stage)
        .and_then(|s| list(s, "actions").find(|a| a["name"] == action))
}

/// Takes the secrets out of a body: masks stand in their place, and their values come back by place.
///
/// The mask itself is taken for the secret that is stored, and only for an action that is otherwise as it was.
fn take_secrets(
    tx: &Transaction<'_>,
    operation: &'static str,
    region: &str,
    body: &mut Value,
    secrets: &BTreeMap<String, Secret>,
    live: Option<&Value>,
) -> Outcome<BTreeMap<String, String>> {
    let pipeline = body["name"].as_str().unwrap_or_default().to_owned();
    for (pointer, secret) in secrets {
        if let Some(slot) = body.pointer_mut(pointer) {
            *slot = Value::String(secret.expose().to_owned());
        }
    }
    let mut kept = BTreeMap::new();
    let stages = body.get_mut("stages").and_then(Value::as_array_mut);
    for stage in stages.into_iter().flatten() {
        let stage_name = stage["name"].as_str().unwrap_or_default().to_owned();
        let actions = stage.get_mut("actions").and_then(Value::as_array_mut);
        for action in actions.into_iter().flatten() {
            let name = action["name"].as_str().unwrap_or_default().to_owned();
            for key in secret_keys(action) {
                let place = format!("{stage_name}/{name}/{key}");
                let value = action["configuration"][key].as_str().unwrap_or_default();
                let value = if value == mask() {
                    let same = live
                        .and_then(|live| action_of(live, &stage_name, &name))
                        .is_some_and(|live| comparable(live, region) == comparable(action, region));
                    let stored: Option<String> = tx
                        .query_row(
                            "SELECT value FROM resource_secrets WHERE kind = 'pipeline'
                             AND region = ?1 AND name = ?2 AND place = ?3",
                            params![region, pipeline, place],
                            |row| row.get(0),
                        )
                        .optional()?;
                    match stored.filter(|_| same) {
                        Some(stored) => stored,
                        None => {
                            let values = [("action", name.as_str()), ("key", key)];
                            return broken(operation, "C01", &values);
                        }
                    }
                } else {
                    value.to_owned()
                };
                kept.insert(place, value);
                action["configuration"][key] = Value::String(mask().to_owned());
            }
        }
    }
    Ok(kept)
}

/// Writes the secrets of a resource in place of those it had.
pub(super) fn keep_secrets(
    tx: &Transaction<'_>,
    kind: Kind,
    region: &str,
    name: &str,
    secrets: &BTreeMap<String, String>,
) -> rusqlite::Result<()> {
    let kind = kind.as_str();
    tx.execute(
        "DELETE FROM resource_secrets WHERE kind = ?1 AND region = ?2 AND name = ?3",
        params![kind, region, name],
    )?;
    for (place, value) in secrets {
        tx.execute(
            "INSERT INTO resource_secrets (kind, region, name, place, value)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![kind, region, name, place, value],
        )?;
    }
    Ok(())
}

impl Sandbox {
    pub(super) fn create_pipeline(&self, tx: &Transaction<'_>, desired: &Resource) -> Outcome<()> {
        let id = &desired.id;
        if store::row(tx, "pipeline", &id.region, &id.name)?.is_some() {
            let values = [("pipeline", id.name.as_str()), ("account", ACCOUNT)];
            return broken(CREATE, "C02", &values);
        }
        let body = self.checked_pipeline(tx, CREATE, desired, None)?;
        store::put(tx, "pipeline", &id.region, &id.name, &body, &desired.tags)?;
        self.first_execution(tx, &id.region, &id.name, &body)
    }

    pub(super) fn update_pipeline(
        &self,
        tx: &Transaction<'_>,
        live: &Resource,
        desired: &Resource,
    ) -> Outcome<()> {
        let id = &desired.id;
        let Some(row) = store::row(tx, "pipeline", &id.region, &id.name)? else {
            return executions::no_pipeline(UPDATE, &id.name);
        };
        let known = live.body["version"].as_i64();
        if known.is_some_and(|known| known != row.version) {
            return Err(super::Fault::Refused {
                kind: ErrorKind::Invalid,
                operation: UPDATE,
                code: "version-moved".to_owned(),
                message: format!(
                    "The pipeline {} is at version {}, not at {} as it was when the plan was made",
                    id.name,
                    row.version,
                    known.unwrap_or_default()
                ),
            });
        }
        let mode = row.body["executionMode"].as_str().unwrap_or_default();
        let parallel = mode == "PARALLEL";
        let mut desired = desired.clone();
        if let Some(map) = desired.body.as_object_mut()
            && let Some(kind) = row.body.get("pipelineType")
        {
            map.entry("pipelineType").or_insert_with(|| kind.clone());
        }
        let body = self.checked_pipeline(tx, UPDATE, &desired, Some(&row.body))?;
        store::put(tx, "pipeline", &id.region, &id.name, &body, &desired.tags)?;
        if !parallel {
            executions::fail_running(tx, &id.region, &id.name)?;
        }
        // A stage that is gone takes its transition with it.
        for stage in stage_names(&row.body) {
            if !stage_names(&body).any(|name| name == stage) {
                let name = format!("{} {stage}", id.name);
                store::remove(tx, "stage-transition", &id.region, &name)?;
            }
        }
        Ok(())
    }

    fn checked_pipeline(
        &self,
        tx: &Transaction<'_>,
        operation: &'static str,
        desired: &Resource,
        live: Option<&Value>,
    ) -> Outcome<Value> {
        let id = &desired.id;
        let mut body = view::stored(Kind::Pipeline, &desired.body);
        allow(operation, rules::pipeline(&body, &id.region))?;
        allow(operation, rules::tags(&desired.tags))?;
        self.check_stores(tx, operation, &body, &id.region)?;
        let role = body["roleArn"].as_str().unwrap_or_default().to_owned();
        if !self.service_may_assume(tx, &role, "codepipeline.amazonaws.com")? {
            return broken(operation, "S23", &[("role", &role)]);
        }
        for stage in list(&body, "stages") {
            for action in list(stage, "actions") {
                let Some(own) = action["roleArn"].as_str() else {
                    continue;
                };
                if !self.role_is_there(tx, own)? {
                    let values = [("role", role.as_str()), ("actionRole", own)];
                    return broken(operation, "S23a", &values);
                }
            }
        }
        let secrets = take_secrets(tx, operation, &id.region, &mut body, &desired.secrets, live)?;
        keep_secrets(tx, Kind::Pipeline, &id.region, &id.name, &secrets)?;
        Ok(body)
    }

    fn check_stores(
        &self,
        tx: &Transaction<'_>,
        operation: &'static str,
        body: &Value,
        region: &str,
    ) -> Outcome<()> {
        let one = body.get("artifactStore").map(|store| (region, store));
        let many = body
            .get("artifactStores")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(region, store)| (region.as_str(), store));
        for (region, artifacts) in one.into_iter().chain(many) {
            let bucket = artifacts["location"].as_str().unwrap_or_default();
            let there = match store::region_of(tx, "s3-bucket", bucket)? {
                Some(home) => home == region,
                None => self.bucket_is_there(tx, bucket)?,
            };
            if !there {
                let values = [("bucket", bucket), ("region", region)];
                return broken(operation, "S16", &values);
            }
        }
        Ok(())
    }

    /// Whether the service could take the role on: a role made here must trust it, any other is believed.
    pub(super) fn service_may_assume(
        &self,
        tx: &Transaction<'_>,
        arn: &str,
        service: &str,
    ) -> Outcome<bool> {
        let name = arn.rsplit('/').next().unwrap_or(arn);
        match store::row(tx, "iam-role", "", name)? {
            Some(role) => Ok(rules::trusts(
                &role.body["assumeRolePolicyDocument"],
                service,
                ACCOUNT,
            )),
            None => self.role_is_there(tx, arn),
        }
    }
}
