//! The forms that values have, as schemas.

use serde_json::{Map, Value, json};

/// A text that holds a variable: it stands for a value of any kind.
const VARIABLE: &str = "\\$\\{";

/// A schema with a description.
pub(super) fn described(mut value: Value, about: &str) -> Value {
    value["description"] = json!(about);
    value
}

/// A definition of this schema.
pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/definitions/{name}")})
}

/// A text; a number is one as it is written.
pub(super) fn text(about: &str) -> Value {
    json!({"type": ["string", "number"], "description": about})
}

/// A text, number or boolean, as written.
pub(super) fn scalar(about: &str) -> Value {
    json!({"type": ["string", "number", "boolean"], "description": about})
}

/// A command of the shell.
pub(super) fn command() -> Value {
    text("A command")
}

/// One of some words.
pub(super) fn word<'w>(about: &str, words: impl IntoIterator<Item = &'w str>) -> Value {
    let words: Vec<&str> = words.into_iter().collect();
    json!({"anyOf": [{"enum": words}, {"type": "string", "pattern": VARIABLE}], "description": about})
}

/// `true` or `false`.
pub(super) fn boolean(about: &str) -> Value {
    json!({"type": ["boolean", "string"], "pattern": VARIABLE, "description": about})
}

/// A whole number.
pub(super) fn whole(about: &str) -> Value {
    json!({"type": ["integer", "string"], "minimum": 0, "description": about})
}

/// A number.
pub(super) fn number(about: &str) -> Value {
    json!({"type": ["number", "string"], "description": about})
}

/// A time span: a number, or `5m`, `2h`.
pub(super) fn duration(about: &str) -> Value {
    json!({
        "type": ["number", "string"],
        "pattern": format!("^\\s*[0-9]+\\s*[a-z]*\\s*$|{VARIABLE}"),
        "description": format!("{about}; or with a unit: `30s`, `5m`, `2h`, `7d`"),
    })
}

/// A list.
pub(super) fn list(item: Value, about: &str) -> Value {
    json!({"type": ["array", "string"], "pattern": VARIABLE, "items": item, "description": about})
}

/// One, or a list of them.
pub(super) fn one_or_more(item: Value, about: &str) -> Value {
    if let Some(Value::Array(types)) = item.get("type")
        && item.get("properties").is_none()
        && item.get("pattern").is_none()
    {
        let mut types = types.clone();
        types.push(json!("array"));
        return json!({"type": types, "items": {"type": item["type"]}, "description": about});
    }
    json!({"anyOf": [item.clone(), {"type": "array", "items": item}], "description": about})
}

/// One of several forms, or a variable.
pub(super) fn any_of(about: &str, forms: Vec<Value>) -> Value {
    json!({"anyOf": forms, "description": about})
}

/// A map with known keys; `x-` keys are free. Or a variable.
pub(super) fn map<K: Into<String>>(about: &str, keys: Vec<(K, Value)>, required: &[&str]) -> Value {
    let properties: Map<String, Value> = keys
        .into_iter()
        .map(|(key, value)| (key.into(), value))
        .collect();
    let mut map = json!({
        "type": ["object", "string"],
        "pattern": VARIABLE,
        "properties": properties,
        "patternProperties": {"^x-": {}},
        "additionalProperties": false,
        "description": about,
    });
    if !required.is_empty() {
        map["required"] = json!(required);
    }
    map
}

/// A map from names of the person's choice. Or a variable.
pub(super) fn named(value: &Value, about: &str) -> Value {
    json!({
        "type": ["object", "string"],
        "pattern": VARIABLE,
        "additionalProperties": value,
        "description": about,
    })
}

/// A map of anything. Or a variable.
pub(super) fn free_map() -> Value {
    json!({"type": ["object", "string"], "pattern": VARIABLE})
}
