//! `#{Namespace.Variable}`: what an execution knows when an action or a rule begins (docs:reference-variables).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use rusqlite::Connection;

use super::rows::{self, Run};
use crate::catalog::structure::structure;
use crate::execution::ActionStatus;

#[allow(clippy::expect_used, reason = "the pattern is constant")]
static REFERENCE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"#\{\s*([A-Za-z0-9@_-]+)\.([^}\s]+)\s*\}").expect("a pattern"));

/// The variables of an execution by namespace.
#[derive(Debug, Default)]
pub(in crate::sandbox) struct Scope {
    namespaces: BTreeMap<String, BTreeMap<String, String>>,
}

/// A reference that nothing resolves.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sandbox) struct Unresolved {
    pub(in crate::sandbox) reference: String,
}

impl Scope {
    /// What the execution knows now. A rollback also knows what the execution knew that it goes back to
    /// (docs:stage-rollback).
    pub(in crate::sandbox) fn of(db: &Connection, run: &Run) -> rusqlite::Result<Self> {
        let mut scope = Self::default();
        if let Some(target) = &run.target {
            scope.take(db, target)?;
        }
        scope.take(db, &run.id)?;
        let system = &structure().variables.system;
        for (namespace, keys) in system {
            let values = match keys.as_slice() {
                [] => run.variables.clone(),
                keys => keys
                    .iter()
                    .map(|key| (key.clone(), run.id.clone()))
                    .collect(),
            };
            scope.namespaces.insert(namespace.clone(), values);
        }
        Ok(scope)
    }

    fn take(&mut self, db: &Connection, execution: &str) -> rusqlite::Result<()> {
        for row in rows::action_runs(db, execution, None)? {
            if row.status != ActionStatus::Succeeded {
                continue;
            }
            if let Some(namespace) = row.input.namespace {
                self.namespaces
                    .insert(namespace, row.output.output_variables);
            }
        }
        Ok(())
    }

    /// The text with every reference replaced.
    pub(in crate::sandbox) fn resolve(&self, text: &str) -> Result<String, Unresolved> {
        let mut missing = None;
        let resolved = REFERENCE.replace_all(text, |found: &Captures<'_>| {
            let value = self
                .namespaces
                .get(&found[1])
                .and_then(|names| names.get(&found[2]));
            value.cloned().unwrap_or_else(|| {
                missing.get_or_insert_with(|| found[0].to_owned());
                String::new()
            })
        });
        match missing {
            Some(reference) => Err(Unresolved { reference }),
            None => Ok(resolved.into_owned()),
        }
    }

    /// A configuration with every reference replaced. In a value that is JSON, what comes in is escaped as JSON wants.
    pub(in crate::sandbox) fn resolve_all(
        &self,
        configuration: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, Unresolved> {
        configuration
            .iter()
            .map(|(key, value)| Ok((key.clone(), self.resolve_value(value)?)))
            .collect()
    }

    fn resolve_value(&self, value: &str) -> Result<String, Unresolved> {
        if !value.contains("#{") {
            return Ok(value.to_owned());
        }
        // `EnvironmentVariables` and `ParameterOverrides` are JSON: a commit message with a quote must not break them.
        match serde_json::from_str::<serde_json::Value>(value) {
            Ok(mut json) if json.is_array() || json.is_object() => {
                self.resolve_json(&mut json)?;
                Ok(json.to_string())
            }
            _ => self.resolve(value),
        }
    }

    fn resolve_json(&self, json: &mut serde_json::Value) -> Result<(), Unresolved> {
        match json {
            serde_json::Value::String(text) => *text = self.resolve(text)?,
            serde_json::Value::Array(items) => {
                for item in items {
                    self.resolve_json(item)?;
                }
            }
            serde_json::Value::Object(members) => {
                for member in members.values_mut() {
                    self.resolve_json(member)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        let variables = [("Message", "say \"hi\""), ("Id", "c1")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut scope = Scope::default();
        scope
            .namespaces
            .insert("Source".to_owned(), variables.into());
        scope
    }

    #[test]
    fn references_are_replaced_and_what_is_missing_is_named() {
        let scope = scope();
        assert_eq!(scope.resolve("at #{Source.Id}!").as_deref(), Ok("at c1!"));
        assert_eq!(
            scope
                .resolve("#{source.Id} #{Source.Nothing}")
                .map_err(|e| e.reference),
            Err("#{source.Id}".to_owned())
        );
        assert_eq!(
            scope.resolve("#{no reference}").as_deref(),
            Ok("#{no reference}")
        );
    }

    #[test]
    fn a_value_keeps_the_json_it_goes_into_whole() {
        let resolved = scope().resolve_value(r##"[{"name":"M","value":"#{Source.Message}"}]"##);
        let value: serde_json::Value =
            serde_json::from_str(&resolved.expect("resolved")).expect("JSON");
        assert_eq!(value[0]["value"], "say \"hi\"");
    }
}
