//! Trees as API bodies.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::model::Text;
use crate::tree::{Data, Node, Secret};

/// What stands in a body where a secret goes.
pub(super) const MASK: &str = "****";

/// Where secrets stand: JSON pointer → secret.
pub(super) type Secrets = BTreeMap<String, Secret>;

/// A text of the file as JSON; a secret is masked and remembered at `pointer`.
pub(super) fn text(text: &Text, pointer: &str, secrets: &mut Secrets) -> Value {
    match &text.secret {
        Some(secret) => {
            secrets.insert(pointer.to_owned(), (**secret).clone());
            Value::from(MASK)
        }
        None => Value::from(text.value.clone()),
    }
}

/// A tree as JSON; secrets are masked and remembered.
pub(super) fn node(node: &Node, pointer: &str, secrets: &mut Secrets) -> Value {
    match &node.data {
        Data::Secret(secret) => {
            secrets.insert(pointer.to_owned(), (**secret).clone());
            Value::from(MASK)
        }
        Data::List(items) => items
            .iter()
            .enumerate()
            .map(|(at, item)| self::node(item, &format!("{pointer}/{at}"), secrets))
            .collect(),
        Data::Map(entries) => Value::Object(
            entries
                .iter()
                .map(|entry| {
                    let at = format!("{pointer}/{}", escape(&entry.key));
                    (entry.key.clone(), self::node(&entry.value, &at, secrets))
                })
                .collect(),
        ),
        _ => node.to_json(),
    }
}

/// A tree of which no secret may go out: masked and forgotten.
pub(super) fn plain(node: &Node) -> Value {
    self::node(node, "", &mut Secrets::new())
}

/// A key within a JSON pointer.
pub(super) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Merges `from` into `into`: maps deeply, everything else takes the place of what was there.
pub(super) fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                match into.get_mut(&key) {
                    Some(present) => merge(present, value),
                    None => {
                        into.insert(key, value);
                    }
                }
            }
        }
        (into, from) => *into = from,
    }
}

/// A map that leaves out what is empty.
#[derive(Default)]
pub(super) struct Object(Map<String, Value>);

impl Object {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Adds a member.
    pub(super) fn set(&mut self, key: &str, value: impl Into<Value>) -> &mut Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    /// Adds a member that is there.
    pub(super) fn some(&mut self, key: &str, value: Option<impl Into<Value>>) -> &mut Self {
        if let Some(value) = value {
            self.set(key, value);
        }
        self
    }

    /// Adds a list that is not empty.
    pub(super) fn list(&mut self, key: &str, items: Vec<Value>) -> &mut Self {
        if !items.is_empty() {
            self.set(key, items);
        }
        self
    }

    /// Adds texts unless there is none.
    pub(super) fn texts(&mut self, key: &str, items: &[Text]) -> &mut Self {
        self.list(key, items.iter().map(|t| t.value.clone().into()).collect())
    }

    /// The value.
    pub(super) fn done(self) -> Value {
        Value::Object(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn merging_is_deep_for_maps_only() {
        let mut into = json!({"a": {"b": 1, "c": [1, 2]}, "d": 1});
        merge(&mut into, json!({"a": {"c": [3], "e": 5}, "f": null}));
        assert_eq!(
            into,
            json!({"a": {"b": 1, "c": [3], "e": 5}, "d": 1, "f": null})
        );
    }
}
