//! A file as JSON, changed at a place that a JSON pointer names, and where each place stands in the text.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Which bytes belong to a place: those of its key and of its value.
#[derive(Debug, Default)]
pub(super) struct Places(BTreeMap<String, (usize, usize)>);

impl Places {
    /// The bytes of a place; where it is gone, those of what held it.
    pub(super) fn of(&self, pointer: &str) -> (usize, usize) {
        let mut at = pointer;
        loop {
            if let Some(place) = self.0.get(at) {
                return *place;
            }
            at = at
                .rfind('/')
                .map_or_else(|| panic!("{pointer} is nowhere"), |slash| &at[..slash]);
        }
    }
}

/// The text of a value as JSON, which is YAML, and its places.
pub(super) fn write(value: &Value, pointer: &str, indent: usize, out: &mut String) -> Places {
    let mut places = Places::default();
    write_into(value, pointer, indent, out.len(), out, &mut places);
    places
}

fn write_into(
    value: &Value,
    pointer: &str,
    indent: usize,
    start: usize,
    out: &mut String,
    places: &mut Places,
) {
    let line = |out: &mut String, indent: usize| {
        out.push('\n');
        out.push_str(&" ".repeat(indent));
    };
    match value {
        Value::Object(members) if !members.is_empty() => {
            out.push('{');
            for (index, (key, member)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                line(out, indent + 1);
                let start = out.len();
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push_str(": ");
                let pointer = format!("{pointer}/{}", escaped(key));
                write_into(member, &pointer, indent + 1, start, out, places);
            }
            line(out, indent);
            out.push('}');
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                line(out, indent + 1);
                let start = out.len();
                write_into(
                    item,
                    &format!("{pointer}/{index}"),
                    indent + 1,
                    start,
                    out,
                    places,
                );
            }
            line(out, indent);
            out.push(']');
        }
        simple => out.push_str(&simple.to_string()),
    }
    places.0.insert(pointer.to_owned(), (start, out.len()));
}

/// A key as a part of a pointer.
pub(super) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The value at a place of which the caller knows that it is there.
pub(super) fn at<'v>(file: &'v mut Value, pointer: &str) -> &'v mut Value {
    file.pointer_mut(pointer)
        .unwrap_or_else(|| panic!("{pointer} is nowhere"))
}

/// The members of a map; what is absent or null becomes one.
pub(super) fn map(value: &mut Value) -> &mut Map<String, Value> {
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().unwrap()
}

/// The items of a list; what is absent or null becomes one.
pub(super) fn list(value: &mut Value) -> &mut Vec<Value> {
    if value.is_null() {
        *value = Value::Array(Vec::new());
    }
    value.as_array_mut().unwrap()
}

/// The items of a list, none where there is no list.
pub(super) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A text, empty where there is none.
pub(super) fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Every text below a value, changed.
pub(super) fn each_text(value: &mut Value, change: &impl Fn(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, change)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|member| each_text(member, change)),
        _ => {}
    }
}

/// Removes a member of a map; what it was.
pub(super) fn take(value: &mut Value, key: &str) -> Option<Value> {
    value.as_object_mut()?.shift_remove(key)
}
