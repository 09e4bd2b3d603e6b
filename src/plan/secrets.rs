//! Which secrets to send: `****` goes back only for an action that is otherwise the same, in a stage and under a name
//! that are the same; whenever anything in it changes, the value itself is sent.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Field, hex};
use crate::catalog::structure;
use crate::error::Failure;
use crate::resources::{Kind, Resource};
use crate::tree::{Secret, SecretService};

/// What a tag's value may hold at most.
const TAG_VALUE: usize = 256;

fn masked() -> &'static str {
    &structure::structure().secret_mask
}

/// Which versions of which secrets: nothing of the values. `None` where there are none.
pub(super) fn fingerprint(secrets: &BTreeMap<String, Secret>) -> Option<String> {
    let parts: BTreeSet<String> = secrets
        .values()
        .map(|secret| {
            let reference = &secret.reference;
            let service = match reference.service {
                SecretService::SecretsManager => "secretsmanager",
                SecretService::ParameterStore => "ssm",
                SecretService::Typed => "typed",
            };
            let which = Sha256::digest(format!(
                "{service}\n{}\n{}\n{}",
                reference.region,
                reference.name,
                reference.key.as_deref().unwrap_or_default()
            ));
            format!("{}={}", hex(&which[..4]), reference.fingerprint)
        })
        .collect();
    if parts.is_empty() {
        return None;
    }
    let text = parts.into_iter().collect::<Vec<_>>().join("+");
    Some(if text.len() > TAG_VALUE {
        hex(&Sha256::digest(text)[..16])
    } else {
        text
    })
}

/// Where our secrets stand, whatever the other side shows there is masked.
pub(super) fn mask(body: &mut Value, secrets: &BTreeMap<String, Secret>) {
    for pointer in secrets.keys() {
        if let Some(value) = body.pointer_mut(pointer)
            && value.is_string()
        {
            *value = Value::from(masked());
        }
    }
}

/// A change per secret of a rotation.
pub(super) fn fields(secrets: &BTreeMap<String, Secret>) -> Vec<Field> {
    secrets
        .keys()
        .map(|pointer| Field {
            path: path(pointer),
            before: Some(Value::from(masked())),
            after: Some(Value::from(masked())),
            secret: true,
        })
        .collect()
}

/// `/stages/0/actions/1/configuration/X` as `stages[0].actions[1].configuration.X`.
fn path(pointer: &str) -> String {
    let mut out = String::new();
    for part in pointer.split('/').skip(1) {
        if part.bytes().all(|byte| byte.is_ascii_digit()) {
            out.push_str(&format!("[{part}]"));
        } else {
            if !out.is_empty() {
                out.push('.');
            }
            out.push_str(part);
        }
    }
    out
}

/// Leaves in `resource.secrets` what must be sent, and refuses a `****` that stands for nothing.
pub(super) fn choose(
    resource: &mut Resource,
    before: Option<&Value>,
    after: &Value,
    send_all: bool,
) -> Result<(), Failure> {
    if resource.id.kind != Kind::Pipeline {
        return Ok(());
    }
    let mut keep = BTreeSet::new();
    for place in places(&resource.body) {
        let same = !send_all
            && before.is_some_and(|before| {
                let was = action(before, &place.stage, &place.action);
                was.is_some() && was == action(after, &place.stage, &place.action)
            });
        if same {
            continue;
        }
        if resource.secrets.contains_key(&place.pointer) {
            keep.insert(place.pointer);
            continue;
        }
        // A rotation elsewhere in the pipeline leaves this action alone.
        let unchanged = before.is_some_and(|before| {
            let was = action(before, &place.stage, &place.action);
            was.is_some() && was == action(after, &place.stage, &place.action)
        });
        if !unchanged {
            return Err(Failure::no(
                "secret-needed",
                format!(
                    "The action {} in the stage {} of the pipeline {} has `{}` for {}: AWS takes that only for an action that stays as it is.",
                    place.action,
                    place.stage,
                    resource.id.name,
                    masked(),
                    place.key
                ),
            )
            .help("Give the secret: `${secret:NAME}` or `${ssm:/NAME}` in its place.")
            .about(resource.id.to_string()));
        }
    }
    resource.secrets.retain(|pointer, _| keep.contains(pointer));
    Ok(())
}

struct Place {
    stage: String,
    action: String,
    key: String,
    pointer: String,
}

fn text(value: &Value, key: &str) -> String {
    value
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn list<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = (usize, &'v Value)> {
    value
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .enumerate()
}

/// Every configuration value that is masked.
fn places(body: &Value) -> Vec<Place> {
    let mut found = Vec::new();
    for (s, stage) in list(body, "stages") {
        for (a, action) in list(stage, "actions") {
            let configuration = action.get("configuration").and_then(Value::as_object);
            for (key, value) in configuration.into_iter().flatten() {
                if value == masked() {
                    found.push(Place {
                        stage: text(stage, "name"),
                        action: text(action, "name"),
                        key: key.clone(),
                        pointer: format!("/stages/{s}/actions/{a}/configuration/{key}"),
                    });
                }
            }
        }
    }
    found
}

fn action<'v>(body: &'v Value, stage: &str, action: &str) -> Option<&'v Value> {
    list(body, "stages")
        .map(|(_, value)| value)
        .find(|value| text(value, "name") == stage)
        .and_then(|value| {
            list(value, "actions")
                .map(|(_, value)| value)
                .find(|value| text(value, "name") == action)
        })
}
