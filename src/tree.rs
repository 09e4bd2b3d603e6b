//! The document as a tree in which every value knows where it stands and where it came from.
//!
//! Everything from the YAML reader to the compiled definitions speaks this type: what a person typed, what a variable
//! gave, what nobody can know offline ([`Data::Unknown`]) and what nobody may see ([`Data::Secret`]).

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use crate::source::Span;

/// A value with its place and, if a variable gave it, its history.
#[derive(Debug, Clone)]
pub struct Node {
    /// The value.
    pub data: Data,
    /// Where a person typed it. For what a variable gave: the variable in the file.
    pub span: Span,
    /// How the value came here, if through a variable.
    pub origin: Option<Arc<Origin>>,
    /// The scalar as written; only on plain scalars as read, and empty for a text, which is written as it is.
    pub raw: Option<Arc<Written>>,
}

/// A scalar exactly as written, without quotes: `3.10`, `012345678901`, `yes`. Behind its pointer it takes half the room
/// in each of the million values of a large file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written(Box<str>);

impl Written {
    /// What stands there.
    pub fn new(text: &str) -> Arc<Self> {
        Arc::new(Self(text.into()))
    }

    /// What stands for a text, which is its own raw form and not kept twice.
    pub fn itself() -> Arc<Self> {
        static ITSELF: LazyLock<Arc<Written>> = LazyLock::new(|| Written::new(""));
        Arc::clone(&ITSELF)
    }
}

impl Deref for Written {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// What a value can be.
#[derive(Debug, Clone)]
pub enum Data {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as JavaScript and YAML 1.2 read it.
    Number(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map in the order of the file; keys are unique.
    Map(Vec<Entry>),
    /// A value that must never be shown.
    Secret(Box<Secret>),
    /// What only AWS knows, offline; the text shows it as a placeholder such as `${ssm:/hw/bucket}`.
    Unknown(String),
}

/// One key of a map and its value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key as text.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// Its value.
    pub value: Node,
}

/// How a value came to its place through variables: the newest step first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The variable's source and address as written, e.g. `${self:custom.x}`, or `file(x.yml)`.
    pub what: String,
    /// Where this step stands (the variable, or the place in the file it read).
    pub span: Span,
    /// The step before.
    pub from: Option<Arc<Origin>>,
}

impl Origin {
    /// The same history after [`crate::source::Sources::append`].
    pub fn moved(origin: &Arc<Self>, by: u32) -> Arc<Self> {
        // Newest first; built again from the oldest, since a history may be long.
        let steps: Vec<&Self> =
            std::iter::successors(Some(&**origin), |step| step.from.as_deref()).collect();
        let moved = steps.into_iter().rev().fold(None, |from, step| {
            Some(Arc::new(Self {
                what: step.what.clone(),
                span: step.span.moved(by),
                from,
            }))
        });
        moved.unwrap_or_else(|| Arc::clone(origin))
    }
}

/// A value that is never displayed, serialised or debugged.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    value: Arc<str>,
    /// Where it lives, to show and to reference: never the value.
    pub reference: SecretReference,
}

/// Which secret it is, and which version of it was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretReference {
    /// `secretsmanager` or `ssm`.
    pub service: SecretService,
    /// Secret id, ARN or parameter name.
    pub name: String,
    /// The JSON key inside it, if one was taken.
    pub key: Option<String>,
    /// The region it was read from.
    pub region: String,
    /// What identifies the version without saying anything of the value: a VersionId, or `version@last-modified`.
    pub fingerprint: String,
}

/// The services that keep secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretService {
    /// AWS Secrets Manager.
    SecretsManager,
    /// SSM Parameter Store, SecureString.
    ParameterStore,
    /// None: the value was typed, into the file or on the command line.
    Typed,
}

impl Secret {
    /// Wraps a value at the moment it arrives.
    pub fn new(value: impl Into<Arc<str>>, reference: SecretReference) -> Self {
        Self {
            value: value.into(),
            reference,
        }
    }

    /// A value that was typed where a reference belongs; `place` says what for.
    pub fn typed(value: impl Into<Arc<str>>, place: &str) -> Self {
        let reference = SecretReference {
            service: SecretService::Typed,
            name: place.to_owned(),
            key: None,
            region: String::new(),
            fingerprint: String::new(),
        };
        Self::new(value, reference)
    }

    /// Whether a text is a part of it, and so as secret.
    pub fn holds(&self, text: &str) -> bool {
        !text.is_empty() && self.value.contains(text)
    }

    /// The value itself. Called where it is sent to AWS or put into the sandbox's secret store, and nowhere else.
    pub fn expose(&self) -> &str {
        &self.value
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret")
            .field("reference", &self.reference)
            .finish_non_exhaustive()
    }
}

impl Node {
    /// A value at a place, with no history.
    pub fn new(data: Data, span: Span) -> Self {
        Self {
            data,
            span,
            origin: None,
            raw: None,
        }
    }

    /// A text that stands for a place in the file.
    pub fn text(text: impl Into<String>, span: Span) -> Self {
        Self::new(Data::Text(text.into()), span)
    }

    /// A list.
    pub fn list(items: Vec<Self>, span: Span) -> Self {
        Self::new(Data::List(items), span)
    }

    /// A map.
    pub fn map(entries: Vec<Entry>, span: Span) -> Self {
        Self::new(Data::Map(entries), span)
    }

    /// The text, if it is one (numbers and booleans are none).
    pub fn as_str(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The written text of a scalar: texts as they are, numbers and booleans as the person wrote them.
    /// Unknown values give their placeholder; secrets, lists, maps and null give nothing.
    pub fn scalar_text(&self) -> Option<String> {
        match &self.data {
            Data::Text(text) | Data::Unknown(text) => Some(text.clone()),
            Data::Bool(_) | Data::Number(_) => Some(match &self.raw {
                Some(raw) => raw.to_string(),
                None => match &self.data {
                    Data::Bool(value) => value.to_string(),
                    Data::Number(value) => number_text(*value),
                    _ => unreachable!("matched above"),
                },
            }),
            _ => None,
        }
    }

    /// The entries, if it is a map.
    pub fn as_map(&self) -> Option<&[Entry]> {
        match &self.data {
            Data::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items, if it is a list.
    pub fn as_list(&self) -> Option<&[Self]> {
        match &self.data {
            Data::List(items) => Some(items),
            _ => None,
        }
    }

    /// The value of `key`, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of `key`, if this is a map that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.as_map()?.iter().find(|entry| entry.key == key)
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self.data, Data::Null)
    }

    /// Whether this, or anything inside it, is not known offline.
    pub fn has_unknown(&self) -> bool {
        match &self.data {
            Data::Unknown(_) => true,
            Data::List(items) => items.iter().any(Self::has_unknown),
            Data::Map(entries) => entries.iter().any(|entry| entry.value.has_unknown()),
            _ => false,
        }
    }

    /// What kind of value it is, for messages: `a text`, `a list`, …
    pub fn kind(&self) -> &'static str {
        match &self.data {
            Data::Null => "null",
            Data::Bool(_) => "a boolean",
            Data::Number(_) => "a number",
            Data::Text(_) => "a text",
            Data::List(_) => "a list",
            Data::Map(_) => "a map",
            Data::Secret(_) => "a secret",
            Data::Unknown(_) => "a value that is not known offline",
        }
    }

    /// The same as JSON, for output: a secret is `<secret>`, an unknown its placeholder.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match &self.data {
            Data::Null => Value::Null,
            Data::Bool(value) => Value::Bool(*value),
            Data::Number(value) => number_json(*value),
            Data::Text(text) | Data::Unknown(text) => Value::String(text.clone()),
            Data::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Data::Map(entries) => Value::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.value.to_json()))
                    .collect(),
            ),
            Data::Secret(_) => Value::String("<secret>".to_owned()),
        }
    }

    /// A tree without places, from JSON: for what AWS or the sandbox holds, so that the same checks read it.
    pub fn from_json(value: &serde_json::Value) -> Self {
        use serde_json::Value;
        let span = Span::default();
        let data = match value {
            Value::Null => Data::Null,
            Value::Bool(value) => Data::Bool(*value),
            Value::Number(number) => Data::Number(number.as_f64().unwrap_or(f64::NAN)),
            Value::String(text) => Data::Text(text.clone()),
            Value::Array(items) => Data::List(items.iter().map(Self::from_json).collect()),
            Value::Object(map) => Data::Map(
                map.iter()
                    .map(|(key, value)| Entry {
                        key: key.clone(),
                        key_span: span,
                        value: Self::from_json(value),
                    })
                    .collect(),
            ),
        };
        Self::new(data, span)
    }
}

/// A number as JavaScript prints it.
pub fn number_text(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let magnitude = value.abs();
    if (1e-6..1e21).contains(&magnitude) {
        return format!("{value}");
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) if !exponent.starts_with('-') => {
            format!("{mantissa}e+{exponent}")
        }
        _ => text,
    }
}

/// A number as JSON: an integer where it is one.
pub fn number_json(value: f64) -> serde_json::Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "an integer within 2^53")]
        return serde_json::Value::from(value as i64);
    }
    serde_json::Number::from_f64(value).map_or(serde_json::Value::Null, serde_json::Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_as_javascript_does() {
        for (value, text) in [
            (1.0, "1"),
            (1e21, "1e+21"),
            (1e-7, "1e-7"),
            (0.00001, "0.00001"),
            (-0.0, "0"),
            (2.5, "2.5"),
        ] {
            assert_eq!(number_text(value), text);
        }
    }

    #[test]
    fn a_secret_has_no_text_in_debug_or_json() {
        let reference = SecretReference {
            service: SecretService::SecretsManager,
            name: "N".into(),
            key: None,
            region: "us-east-1".into(),
            fingerprint: "v1".into(),
        };
        let node = Node::new(
            Data::Secret(Box::new(Secret::new("marker", reference))),
            Span::default(),
        );
        assert!(!format!("{node:?}").contains("marker"));
        assert_eq!(node.to_json(), "<secret>");
    }
}
