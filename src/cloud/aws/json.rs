//! Small steps between bodies, tags and what the services take.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::cloud::{CloudError, ErrorKind, Result};
use crate::resources::{Context, normalise};
use crate::resources::{Resource, SECRETS_TAG};

/// The text of a member, empty if absent.
pub(super) fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value.get(member).and_then(Value::as_str).unwrap_or("")
}

/// The items of a member, none if absent.
pub(super) fn items<'v>(value: &'v Value, member: &str) -> impl Iterator<Item = &'v Value> {
    value
        .get(member)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// Takes a member out.
pub(super) fn take(value: &mut Value, member: &str) -> Option<Value> {
    value.as_object_mut()?.shift_remove(member)
}

/// Sets a member unless the value is null.
pub(super) fn put(object: &mut Map<String, Value>, member: &str, value: impl Into<Value>) {
    let value = value.into();
    if !value.is_null() {
        object.insert(member.to_owned(), value);
    }
}

/// A policy document from its text; text that is no JSON stays text, so that the difference shows.
pub(super) fn document(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// Tags as a list of pairs; `key` and `value` are the members' names.
pub(super) fn tag_list(tags: &BTreeMap<String, String>, key: &str, value: &str) -> Value {
    let pairs = tags
        .iter()
        .map(|(name, text)| json!({key: name, value: text}));
    Value::Array(pairs.collect())
}

/// Tags from a list of pairs.
pub(super) fn tags_of(list: Option<&Value>, key: &str, value: &str) -> BTreeMap<String, String> {
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|tag| (text(tag, key).to_owned(), text(tag, value).to_owned()))
        .collect()
}

/// What to do about tags: what is no longer wanted goes, AWS's own stay. The plan shows each one that goes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TagChange {
    /// To set.
    pub(super) set: BTreeMap<String, String>,
    /// Keys to remove.
    pub(super) remove: Vec<String>,
}

impl TagChange {
    /// From live to desired.
    pub(super) fn between(live: &Resource, desired: &Resource) -> Self {
        let set = desired
            .tags
            .iter()
            .filter(|(key, value)| live.tags.get(*key) != Some(value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let remove = live
            .tags
            .keys()
            .filter(|key| !of_aws(key) && !desired.tags.contains_key(*key))
            .cloned()
            .collect();
        Self { set, remove }
    }

    /// Nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty()
    }
}

/// Tags of AWS, which nobody can set or remove.
pub(super) fn of_aws(key: &str) -> bool {
    key.to_ascii_lowercase().starts_with("aws:")
}

/// Two bodies in one form, to see what differs.
pub(super) struct Forms {
    /// As it is.
    pub(super) was: Value,
    /// As it shall be.
    pub(super) wanted: Value,
    secrets_moved: bool,
}

impl Forms {
    /// Brings both into one form.
    pub(super) fn of(live: &Resource, desired: &Resource, context: &Context) -> Self {
        let form = |resource: &Resource| {
            let mut body = resource.body.clone();
            normalise(desired.id.kind, &mut body, context);
            body
        };
        Self {
            was: form(live),
            wanted: form(desired),
            secrets_moved: !desired.secrets.is_empty()
                && live.tags.get(SECRETS_TAG) != desired.tags.get(SECRETS_TAG),
        }
    }

    /// Whether the body must be sent: it differs, or a secret in it does.
    pub(super) fn differ(&self) -> bool {
        self.was != self.wanted || self.secrets_moved
    }

    /// Whether a member differs.
    pub(super) fn moved(&self, member: &str) -> bool {
        self.was.get(member) != self.wanted.get(member)
    }
}

/// The body with its secrets in their places, just before it is sent.
pub(super) fn revealed(desired: &Resource) -> Result<Value> {
    let mut body = desired.body.clone();
    for (pointer, secret) in &desired.secrets {
        match body.pointer_mut(pointer) {
            Some(place) => *place = Value::String(secret.expose().to_owned()),
            None => {
                return Err(CloudError {
                    kind: ErrorKind::Other,
                    operation: "send".to_owned(),
                    code: "secret-without-place".to_owned(),
                    message: format!("The body has no place {pointer} for a secret."),
                    request_id: None,
                    resource: Some(desired.id.to_string()),
                });
            }
        }
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::{Id, Kind};
    use crate::tree::{Secret, SecretReference, SecretService};

    fn resource(tags: &[(&str, &str)], body: Value) -> Resource {
        let mut resource = Resource::new(Id::new(Kind::Pipeline, "eu-west-1", "p"), body);
        for (key, value) in tags {
            resource.tags.insert((*key).to_owned(), (*value).to_owned());
        }
        resource
    }

    #[test]
    fn only_tags_of_aws_outlive_the_plan() {
        let live = resource(
            &[
                ("pipectl:owner", "a"),
                ("aws:created-by", "x"),
                ("team", "t"),
            ],
            json!({}),
        );
        let desired = resource(&[("pipectl:owner", "b")], json!({}));
        let change = TagChange::between(&live, &desired);
        assert_eq!(change.remove, ["team"]);
        assert_eq!(change.set["pipectl:owner"], "b");
        assert_eq!(change.set.len(), 1);
    }

    #[test]
    fn secrets_go_to_their_places_or_nowhere() {
        let mut desired = resource(&[], json!({"a": [{"t": "****"}]}));
        let secret = Secret::new(
            "value",
            SecretReference {
                service: SecretService::SecretsManager,
                name: "s".to_owned(),
                key: None,
                region: "eu-west-1".to_owned(),
                fingerprint: String::new(),
            },
        );
        desired.secrets.insert("/a/0/t".to_owned(), secret.clone());
        assert_eq!(revealed(&desired), Ok(json!({"a": [{"t": "value"}]})));
        desired.secrets.insert("/a/1/t".to_owned(), secret);
        assert!(revealed(&desired).is_err());
    }

    #[test]
    fn a_new_secret_is_a_new_body() {
        let context = Context {
            region: "eu-west-1".to_owned(),
            account: "123456789012".to_owned(),
            partition: "aws".to_owned(),
        };
        let live = resource(&[(SECRETS_TAG, "1")], json!({"version": 3, "a": "****"}));
        let mut desired = resource(&[(SECRETS_TAG, "2")], json!({"a": "****"}));
        assert!(!Forms::of(&live, &desired, &context).differ());
        let reference = SecretReference {
            service: SecretService::SecretsManager,
            name: "s".to_owned(),
            key: None,
            region: "eu-west-1".to_owned(),
            fingerprint: String::new(),
        };
        desired
            .secrets
            .insert("/a".to_owned(), Secret::new("v", reference));
        let forms = Forms::of(&live, &desired, &context);
        assert!(forms.differ() && !forms.moved("a"));
    }
}
