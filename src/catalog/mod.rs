//! Facts about AWS as data, and their typed access.
//!
//! Nothing here decides anything: checks, compiler and sandbox ask the same tables, so that adding a provider
//! or moving a limit is an edit of a JSON file. A fact whose sources disagree says `"certain": false`; rules
//! make a warning of it, never an error. `source` names where a fact is from (`docs:<page>` is a page of the
//! user guide, `api` the service model).
//!
//! | module | data | what |
//! |---|---|---|
//! | [`actions`] | `actions.json`, `action_effects.json` | action types: artifacts, configuration keys, variables; their permissions and events |
//! | [`rules`] | | how keys depend on one another |
//! | [`keys`] | | what a configuration key is |
//! | [`structure`] | `structure.json`, `exceptions.json` | names, quotas, enums, V2 gates, triggers, regions; what AWS answers to a broken structure |
//! | [`conditions`] | `conditions.json` | stage conditions: results by place, rule providers |
//! | [`codebuild`] | `codebuild.json`, `codebuild_input.json` | projects: fields, environments, computes, images, caches, logs |
//! | [`buildspec`] | `buildspec.json` | buildspec 0.2 grammar, report formats |
//! | [`iam`] | `iam.json` | statements of the roles, trust, limits |
//! | [`companions`] | `companions.json` | what is made beside: buckets, logs, alarms, notifications, the self-update's rights |
//! | [`advice`] | `advice.json` | words, programs and shapes of credentials that hurt later |
//! | [`cloudformation`] | `cloudformation.json` | how templates spell what the APIs take |
//! | [`errors`] | `errors.json` | which answers to retry, wait for, or explain |
//! | [`normal`] | `normal.json` | what is the same to AWS although written differently |
//! | [`when`], [`template`], [`text`] | | conditions, `{placeholder}` texts and patterns that the data is written in |
//!
//! Every file is parsed on first use and only then, and the parts of it that most runs do not ask for when they are
//! asked for ([`later`]).

pub mod actions;
pub mod advice;
pub mod buildspec;
pub mod cloudformation;
pub mod codebuild;
pub mod companions;
pub mod conditions;
pub mod errors;
pub mod iam;
pub mod keys;
pub mod later;
pub mod normal;
pub mod operations;
pub mod rules;
mod runs;
pub mod structure;
pub mod template;
pub mod text;
pub mod when;

/// Parses a data file of this folder. The files are part of the program, so a mistake in one is a mistake in
/// the program and a test finds it.
fn parse<T: serde::de::DeserializeOwned>(name: &str, text: &str) -> T {
    match serde_json::from_str(text) {
        Ok(data) => data,
        Err(error) => panic!("the catalogue file {name} does not fit its type: {error}"),
    }
}

/// The default of `certain` in the data: a fact is certain unless it says otherwise.
fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    const FILES: [(&str, &str); 13] = [
        ("advice.json", include_str!("advice.json")),
        ("normal.json", include_str!("normal.json")),
        ("actions.json", include_str!("actions.json")),
        ("action_effects.json", include_str!("action_effects.json")),
        ("structure.json", include_str!("structure.json")),
        ("exceptions.json", include_str!("exceptions.json")),
        ("conditions.json", include_str!("conditions.json")),
        ("codebuild.json", include_str!("codebuild.json")),
        ("companions.json", include_str!("companions.json")),
        ("cloudformation.json", include_str!("cloudformation.json")),
        ("buildspec.json", include_str!("buildspec.json")),
        ("iam.json", include_str!("iam.json")),
        ("errors.json", include_str!("errors.json")),
    ];

    fn walk(path: &str, value: &Value, see: &mut dyn FnMut(&str, &str, &Value)) {
        match value {
            Value::Object(members) => {
                for (key, value) in members {
                    see(path, key, value);
                    walk(&format!("{path}.{key}"), value, see);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    walk(&format!("{path}[{index}]"), item, see);
                }
            }
            _ => {}
        }
    }

    #[test]
    fn every_pattern_compiles() {
        let mut count = 0;
        for (file, text) in FILES {
            let value: Value = serde_json::from_str(text).expect("JSON");
            walk(file, &value, &mut |path, key, value| {
                if !matches!(key, "pattern" | "character" | "file" | "on_failure") {
                    return;
                }
                if let Value::String(pattern) = value {
                    count += 1;
                    let compiled = regex::Regex::new(&format!("^(?s:{pattern})$"));
                    assert!(compiled.is_ok(), "{path}.{key}: {pattern}");
                }
            });
        }
        assert!(count > 40, "only {count} patterns were seen");
    }

    #[test]
    fn bounds_are_in_order_and_texts_are_given() {
        for (file, text) in FILES {
            let value: Value = serde_json::from_str(text).expect("JSON");
            walk(file, &value, &mut |path, key, value| {
                if let (Some(min), Some(max)) = (value.get("min"), value.get("max")) {
                    assert!(min.as_u64() <= max.as_u64(), "{path}.{key}");
                }
                if let (Some(number), Some(max)) = (value.get("default"), value.get("max")) {
                    assert!(number.as_u64() <= max.as_u64(), "{path}.{key}");
                }
                if matches!(key, "length" | "range") {
                    let ends: Vec<i64> = value
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter_map(Value::as_i64)
                        .collect();
                    assert!(matches!(ends[..], [min, max] if min < max), "{path}.{key}");
                }
                if matches!(key, "why" | "note" | "source" | "rule" | "advice") {
                    assert!(
                        value.as_str().is_none_or(|text| !text.trim().is_empty()),
                        "{path}.{key}"
                    );
                }
            });
        }
    }
}
