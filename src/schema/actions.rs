//! Actions that are no builds: approvals, commands, providers with their configuration.

use serde_json::{Value, json};

use super::api;
use super::forms::{
    self, absent, any_of, duration, exactly_one, map, one_or_more, reference, text,
};
use crate::catalog::actions::{self as catalog, ActionType};
use crate::catalog::keys::{ConfigKey, Format, camel};
use crate::catalog::structure;

/// The options of every action.
pub(super) fn options() -> Vec<(&'static str, Value)> {
    vec![
        (
            "input",
            one_or_more(
                text("An artifact"),
                "Artifacts it reads; the first is the primary one",
            ),
        ),
        ("namespace", text("For `#{NAMESPACE.KEY}`")),
        ("region", text("Another region than the pipeline's")),
        (
            "actionRole",
            text("ARN of the action's own role, e.g. of another account"),
        ),
        ("api", api("ActionDeclaration")),
    ]
}

pub(super) fn approval() -> Value {
    let mut keys = options();
    keys.extend([
        ("notify", reference("notify")),
        (
            "message",
            text("What the reviewer reads; `#{…}` is replaced"),
        ),
        ("link", text("What the reviewer should look at")),
        (
            "timeout",
            absent(
                duration("After how long it is rejected, in minutes; 7 days if absent"),
                structure::defaults().approval_minutes,
            ),
        ),
    ]);
    any_of(
        "A manual approval",
        vec![reference("notify"), map("A manual approval", keys, &[])],
    )
}

pub(super) fn commands() -> Value {
    let mut keys = options();
    keys.extend([
        ("run", one_or_more(forms::command(), "What is run")),
        (
            "exports",
            one_or_more(
                text("A name"),
                "Variables of the shell that later actions can use",
            ),
        ),
        ("env", reference("env")),
        ("allow", reference("allow")),
        (
            "artifacts",
            one_or_more(text("A path"), "Files of the output artifact"),
        ),
        ("output", text("The artifact's name")),
    ]);
    let mut keys = owned(keys);
    if let Some(of) = catalog::by_id("commands") {
        configure(&mut keys, &of.keys);
    }
    any_of(
        "Commands without a project",
        vec![
            one_or_more(forms::command(), "What is run"),
            map("Commands", keys, &["run"]),
        ],
    )
}

/// A kind whose map holds the provider.
pub(super) fn grouped(group: &str, builds: bool) -> Value {
    let kinds = catalog::kinds(group);
    let mut keys = options();
    for kind in &kinds {
        if let Some(of) = catalog::by_kind(group, kind) {
            keys.push((kind, of_provider(of, group == "invoke")));
        }
    }
    let provider = exactly_one(
        map(&format!("A provider of `{group}`"), keys, &[]),
        &kinds,
        "a provider",
    );
    if builds {
        any_of(
            "A build that deploys, or a provider",
            vec![reference("build"), provider],
        )
    } else {
        provider
    }
}

pub(super) fn single(id: &str) -> Value {
    let of = catalog::by_id(id).expect("the catalogue has it");
    of_provider(of, false)
}

fn of_provider(of: &'static ActionType, by_text: bool) -> Value {
    let mut keys = options();
    keys.push(("allow", reference("allow")));
    if of.outputs.max > 0 {
        keys.push((
            "output",
            one_or_more(text("A name"), "Artifacts it hands on"),
        ));
    }
    if of.has_field("environmentVariables") {
        keys.push(("env", reference("env")));
    }
    if matches!(of.id.as_str(), "ecs" | "codedeploy-to-ecs") {
        keys.push((
            "passRoles",
            one_or_more(
                text("A role's ARN"),
                "Roles of the task, which the deployment hands over",
            ),
        ));
    }
    let mut keys = owned(keys);
    configure(&mut keys, &of.keys);
    for needed in of.keys.iter().filter(|key| key.required && key.certain) {
        for (word, value) in &mut keys {
            if needed.answers_to(word)
                && let Some(Value::String(about)) = value.get_mut("description")
            {
                about.push_str(". Required");
            }
        }
    }
    let form = map(&format!("{} by {}", of.category(), of.provider), keys, &[]);
    if by_text {
        any_of("What is invoked", vec![text("Its name or ARN"), form])
    } else {
        form
    }
}

/// The words of configuration keys, with what they take. The short name alone is proposed; the API's word in camelCase
/// is understood too.
pub(super) fn configure(into: &mut Vec<(String, Value)>, keys: &[ConfigKey]) {
    for key in keys {
        let camel = [true, false].map(|fold| camel(&key.name, fold));
        let camel = camel.into_iter().filter(|_| !key.short_only);
        for word in key.short.iter().cloned().chain(camel) {
            if into.iter().any(|(other, _)| *other == word) {
                continue;
            }
            let mut value = configured(key);
            if word != key.friendly_name() {
                value["doNotSuggest"] = json!(true);
            }
            into.push((word, value));
        }
    }
}

pub(super) fn owned(keys: Vec<(&str, Value)>) -> Vec<(String, Value)> {
    keys.into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

fn configured(key: &ConfigKey) -> Value {
    let mut about = format!("`{}` of the action's configuration", key.name);
    if let Some(note) = &key.note {
        about = format!("{about}: {note}");
    }
    // The first of the types is what an editor prepares.
    let types: &[&str] = match key.format {
        Format::Bool => &["boolean", "string"],
        Format::Integer | Format::Number | Format::IntegerOrPercent => &["number", "string"],
        Format::JsonObject | Format::NameValueJson => {
            &["object", "string", "array", "number", "boolean"]
        }
        Format::JsonList | Format::RevisionJson | Format::EnvironmentJson => {
            &["array", "string", "object", "number", "boolean"]
        }
        _ => &["string", "number", "boolean", "array", "object"],
    };
    let mut value = json!({"type": types});
    if let Some(default) = &key.default {
        about = format!("{about}. Absent: {default}");
        value["default"] = match (key.format, default.parse::<i64>()) {
            (Format::Bool, _) => json!(default == "true"),
            (Format::Integer | Format::Number, Ok(number)) => json!(number),
            _ => json!(default),
        };
    }
    value["description"] = json!(about);
    if !key.values.is_empty() {
        value["examples"] = json!(key.values);
    }
    value
}
