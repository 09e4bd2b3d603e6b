//! Texts with `{placeholder}`s: resources of statements, event patterns, messages.
//!
//! - `{P}` partition, `{R}` region, `{A}` account id, `{Key}` the value of a configuration key, others as listed
//!   in `iam.json` under `placeholders`
//! - `{Key?}` nothing when the value is not given
//! - `{Key#3}` the part of an ARN after the third colon (the last part keeps its own colons)

use std::fmt;

use serde_json::Value;

/// Finds the values of a placeholder: `None` if it is not known, several if the text is to be repeated for each.
pub type Lookup<'a> = dyn Fn(&str) -> Option<Vec<String>> + 'a;

/// A placeholder without a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingPlaceholder(pub String);

impl fmt::Display for MissingPlaceholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no value for {{{}}}", self.0)
    }
}

impl std::error::Error for MissingPlaceholder {}

/// One piece of a template.
enum Piece<'t> {
    Text(&'t str),
    Value {
        name: &'t str,
        optional: bool,
        segment: Option<usize>,
    },
}

fn pieces(template: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let Some(length) = rest[open..].find('}') else {
            break;
        };
        let inner = &rest[open + 1..open + length];
        let (inner, optional) = match inner.strip_suffix('?') {
            Some(inner) => (inner, true),
            None => (inner, false),
        };
        let (name, segment) = match inner.split_once('#') {
            Some((name, number)) => (name, number.parse().ok()),
            None => (inner, None),
        };
        // a brace that does not hold a name is text
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
            pieces.push(Piece::Text(&rest[..=open]));
            rest = &rest[open + 1..];
            continue;
        }
        pieces.push(Piece::Text(&rest[..open]));
        pieces.push(Piece::Value {
            name,
            optional,
            segment,
        });
        rest = &rest[open + length + 1..];
    }
    pieces.push(Piece::Text(rest));
    pieces
}

/// The names of the placeholders of a text, in order.
pub fn placeholders(template: &str) -> Vec<&str> {
    pieces(template)
        .into_iter()
        .filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Value { name, .. } => Some(name),
        })
        .collect()
}

/// The names of the placeholders anywhere in a JSON value, keys included.
pub fn json_placeholders(template: &Value) -> Vec<&str> {
    match template {
        Value::String(text) => placeholders(text),
        Value::Array(items) => items.iter().flat_map(json_placeholders).collect(),
        Value::Object(members) => members
            .iter()
            .flat_map(|(key, value)| {
                let mut names = placeholders(key);
                names.extend(json_placeholders(value));
                names
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The texts that come of a template: one for every combination of values. A placeholder with an empty list of
/// values gives none.
///
/// # Errors
/// If a placeholder has no value.
pub fn render(template: &str, lookup: &Lookup<'_>) -> Result<Vec<String>, MissingPlaceholder> {
    let mut texts = vec![String::new()];
    for piece in pieces(template) {
        match piece {
            Piece::Text(text) => texts.iter_mut().for_each(|t| t.push_str(text)),
            Piece::Value {
                name,
                optional,
                segment,
            } => {
                let values = match lookup(name) {
                    Some(values) => values,
                    None if optional => vec![String::new()],
                    None => return Err(MissingPlaceholder(name.to_owned())),
                };
                let values: Vec<String> = match segment {
                    None => values,
                    Some(number) => values.iter().map(|v| arn_segment(v, number)).collect(),
                };
                texts = texts
                    .iter()
                    .flat_map(|text| values.iter().map(move |value| format!("{text}{value}")))
                    .collect();
            }
        }
    }
    Ok(texts)
}

/// The part of an ARN after `number` colons; `*` if the text is not that long, which happens when a part is a
/// run-time variable.
fn arn_segment(arn: &str, number: usize) -> String {
    // the resource of an ARN starts after the fifth colon; for types such as stateMachine:NAME one may go on
    let parts: Vec<&str> = arn.splitn(number.max(5) + 1, ':').collect();
    parts.get(number).map_or("*", |part| part).to_owned()
}

/// A JSON value with all its texts rendered. A text with several values becomes a list, or widens the list it
/// stands in.
///
/// # Errors
/// If a placeholder has no value.
pub fn render_json(template: &Value, lookup: &Lookup<'_>) -> Result<Value, MissingPlaceholder> {
    Ok(match template {
        Value::String(text) => {
            let mut texts = render(text, lookup)?;
            match texts.len() {
                1 => Value::String(texts.remove(0)),
                _ => Value::Array(texts.into_iter().map(Value::String).collect()),
            }
        }
        Value::Array(items) => {
            let mut list = Vec::new();
            for item in items {
                match (item, render_json(item, lookup)?) {
                    (Value::String(_), Value::Array(texts)) => list.extend(texts),
                    (_, value) => list.push(value),
                }
            }
            Value::Array(list)
        }
        Value::Object(members) => {
            let mut object = serde_json::Map::new();
            for (key, value) in members {
                let value = render_json(value, lookup)?;
                for key in render(key, lookup)? {
                    object.insert(key, value.clone());
                }
            }
            Value::Object(object)
        }
        other => other.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lookup(name: &str) -> Option<Vec<String>> {
        let values: &[&str] = match name {
            "A" => &["123456789012"],
            "Names" => &["one", "two"],
            "None" => &[],
            "Arn" => &["arn:aws:states:eu-west-1:123456789012:stateMachine:Flow"],
            "Short" => &["#{N.V}"],
            _ => return None,
        };
        Some(values.iter().map(|v| (*v).to_owned()).collect())
    }

    #[test]
    fn several_values_make_several_texts() {
        assert_eq!(
            render("x:{A}:{Names}", &lookup),
            Ok(vec![
                "x:123456789012:one".to_owned(),
                "x:123456789012:two".to_owned()
            ])
        );
        assert_eq!(render("x{None}", &lookup), Ok(vec![]));
    }

    #[test]
    fn parts_of_an_arn() {
        assert_eq!(render("{Arn#3}", &lookup), Ok(vec!["eu-west-1".to_owned()]));
        assert_eq!(
            render("{Arn#5}", &lookup),
            Ok(vec!["stateMachine:Flow".to_owned()])
        );
        assert_eq!(render("{Arn#6}", &lookup), Ok(vec!["Flow".to_owned()]));
        assert_eq!(render("{Short#6}", &lookup), Ok(vec!["*".to_owned()]));
    }

    #[test]
    fn a_missing_value_is_named_unless_optional() {
        assert_eq!(
            render("{Gone}", &lookup),
            Err(MissingPlaceholder("Gone".to_owned()))
        );
        assert_eq!(render("a{Gone?}b", &lookup), Ok(vec!["ab".to_owned()]));
        assert_eq!(
            render("#{N.V} {}", &lookup),
            Ok(vec!["#{N.V} {}".to_owned()])
        );
    }

    #[test]
    fn json_lists_are_widened() {
        let value = json!({"detail": {"{A}": ["{Names}", 1]}, "one": "{Names}"});
        assert_eq!(
            render_json(&value, &lookup).expect("all known"),
            json!({"detail": {"123456789012": ["one", "two", 1]}, "one": ["one", "two"]})
        );
        assert_eq!(json_placeholders(&value), ["A", "Names", "Names"]);
    }
}
