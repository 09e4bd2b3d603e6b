//! The forms that values have, as schemas.

use serde_json::{Map, Value, json};

/// A text that holds a variable: it stands for a value of any kind.
const VARIABLE: &str = "\\$\\{";

/// A schema with a description.
pub(super) fn described(mut value: Value, about: &str) -> Value {
    value["description"] = json!(about);
    value
}

/// A schema that says nothing of itself, nor do its forms: the key it stands under says it better. Editors show the
/// innermost description.
pub(super) fn plain(mut value: Value) -> Value {
    if let Some(members) = value.as_object_mut() {
        members.remove("description");
        if let Some(Value::Array(forms)) = members.get_mut("anyOf") {
            *forms = forms.iter_mut().map(|form| plain(form.take())).collect();
        }
    }
    value
}

/// A schema with what holds where the key is absent.
pub(super) fn absent(mut value: Value, default: impl Into<Value>) -> Value {
    value["default"] = default.into();
    value
}

/// A schema whose texts have to match; what an editor says of those that do not.
fn matching(mut value: Value, pattern: &str, expected: &str) -> Value {
    value["pattern"] = json!(pattern);
    value["patternErrorMessage"] = json!(format!("Expected {expected}."));
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
    let value = json!({"type": ["boolean", "string"], "description": about});
    matching(value, VARIABLE, "`true` or `false`")
}

/// A whole number.
pub(super) fn whole(about: &str) -> Value {
    let value = json!({"type": ["integer", "string"], "minimum": 0, "description": about});
    matching(
        value,
        &format!("^\\s*[0-9]+\\s*$|{VARIABLE}"),
        "a whole number",
    )
}

/// A number.
pub(super) fn number(about: &str) -> Value {
    let value = json!({"type": ["number", "string"], "description": about});
    matching(
        value,
        &format!("^\\s*[-+0-9.eE_]+\\s*$|{VARIABLE}"),
        "a number",
    )
}

/// A time span: a number, or `5m`, `2h`.
pub(super) fn duration(about: &str) -> Value {
    let value = json!({
        "type": ["number", "string"],
        "description": format!("{about}; or with a unit: `30s`, `5m`, `2h`, `7d`"),
    });
    matching(
        value,
        &format!("^\\s*[0-9]+\\s*[a-z]*\\s*$|{VARIABLE}"),
        "a number, or one with a unit such as `5m` or `2h`",
    )
}

/// A list.
pub(super) fn list(item: Value, about: &str) -> Value {
    let value = json!({"type": ["array", "string"], "items": item, "description": about});
    matching(value, VARIABLE, "a list")
}

/// One, or a list of them.
pub(super) fn one_or_more(item: Value, about: &str) -> Value {
    let item = match item.get("properties") {
        Some(_) => item,
        None => plain(item),
    };
    json!({"anyOf": [item.clone(), {"type": "array", "items": item}], "description": about})
}

/// One of several forms, or a variable. Maps come first: of forms that fit equally badly an editor tells what is wrong
/// with the first, and a wrong key tells more than that the value should have been a text.
pub(super) fn any_of(about: &str, mut forms: Vec<Value>) -> Value {
    forms.sort_by_key(|form| form.get("properties").is_none());
    json!({"anyOf": forms, "description": about})
}

/// A map with known keys; `x-` keys are free. Or a variable.
pub(super) fn map<K: Into<String>>(about: &str, keys: Vec<(K, Value)>, required: &[&str]) -> Value {
    let properties: Map<String, Value> = keys
        .into_iter()
        .map(|(key, value)| (key.into(), value))
        .collect();
    let map = json!({
        "type": ["object", "string"],
        "properties": properties,
        "patternProperties": {"^x-": {}},
        "additionalProperties": false,
        "description": about,
    });
    let mut map = matching(map, VARIABLE, "a map");
    if !required.is_empty() {
        map["required"] = json!(required);
    }
    map
}

/// A map of which exactly one of some keys is given: `kind` says what they are.
pub(super) fn exactly_one(mut map: Value, keys: &[&str], kind: &str) -> Value {
    let missing = format!("It needs {kind}: {}.", keys.join(", "));
    let one_of: Vec<Value> = keys
        .iter()
        .map(|key| json!({"required": [key], "errorMessage": missing}))
        .collect();
    let alone: Map<String, Value> = keys
        .iter()
        .map(|key| {
            let others: Map<String, Value> = keys
                .iter()
                .filter(|other| *other != key)
                .map(|other| ((*other).to_owned(), json!(false)))
                .collect();
            let message = format!("There is {kind} already: {key}.");
            let alone = json!({"properties": others, "errorMessage": message});
            ((*key).to_owned(), alone)
        })
        .collect();
    map["anyOf"] = Value::Array(one_of);
    map["dependencies"] = Value::Object(alone);
    map
}

/// A map, or one of a few words that stand for one.
pub(super) fn map_or_word(map: Value, about: &str, words: &[&str]) -> Value {
    let pattern = format!("^({})$|{VARIABLE}", words.join("|"));
    let expected = format!("a map, or one of the words {}", words.join(", "));
    let map = matching(map, &pattern, &expected);
    any_of(about, vec![map, json!({"enum": words})])
}

/// A map from names of the person's choice. Or a variable.
pub(super) fn named(value: &Value, about: &str) -> Value {
    let map = json!({
        "type": ["object", "string"],
        "additionalProperties": value,
        "description": about,
    });
    matching(map, VARIABLE, "a map")
}

/// A map of anything. Or a variable.
pub(super) fn free_map() -> Value {
    matching(json!({"type": ["object", "string"]}), VARIABLE, "a map")
}
