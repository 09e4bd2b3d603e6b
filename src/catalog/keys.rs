//! The configuration keys of actions and rules: their words in the pipeline file and what a value may be.

use serde::Deserialize;
use serde_json::Value;

use super::text::Pattern;

/// One configuration key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigKey {
    /// API spelling.
    pub name: String,
    /// Short name in the pipeline file.
    #[serde(default)]
    pub short: Option<String>,
    /// True if the camelCase of `name` means something else in the pipeline file, so that only `short` is
    /// understood.
    #[serde(default)]
    pub short_only: bool,
    /// Required always; see the rules for what is required sometimes.
    #[serde(default)]
    pub required: bool,
    /// False if the sources disagree about `required` or `values`.
    #[serde(default = "super::yes")]
    pub certain: bool,
    /// What kind of text the value is.
    #[serde(default)]
    pub format: Format,
    /// When it is none of this kind, but plain text.
    #[serde(default)]
    pub plain_when: Option<super::when::When>,
    /// The allowed values (of each item, for lists).
    #[serde(default)]
    pub values: Vec<String>,
    /// False if `values` is not the whole truth: a warning.
    #[serde(default = "super::yes")]
    pub values_certain: bool,
    /// Words that some page of AWS has beside `values`: not certainly wrong.
    #[serde(default)]
    pub doubtful_values: Vec<String>,
    /// False if it is not known what stands between the items of a list.
    #[serde(default = "super::yes")]
    pub separator_certain: bool,
    /// Pattern of the whole value.
    #[serde(default)]
    pub pattern: Option<Pattern>,
    /// Whether what does not match is certainly wrong: as a rule, a name of the wrong form is found out when the action
    /// runs.
    #[serde(default)]
    pub pattern_certain: bool,
    /// Fewest and most characters, where narrower than for every key.
    #[serde(default)]
    pub length: Option<[usize; 2]>,
    /// Whether that is certain.
    #[serde(default = "super::yes")]
    pub length_certain: bool,
    /// Bounds of a number.
    #[serde(default)]
    pub range: Option<[i64; 2]>,
    /// Most items of a list.
    #[serde(default)]
    pub max_items: Option<usize>,
    /// What AWS takes when the key is absent.
    #[serde(default)]
    pub default: Option<String>,
    /// True if AWS keeps the value secret (GetPipeline shows `****`).
    #[serde(default)]
    pub secret: bool,
    /// What a person should know.
    #[serde(default)]
    pub note: Option<String>,
}

/// What kind of text a configuration value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Format {
    /// Any text.
    #[default]
    Text,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// A whole number or a percentage: `2`, `25%`.
    IntegerOrPercent,
    /// JSON text of any kind.
    Json,
    /// JSON text of an object.
    JsonObject,
    /// JSON text of a list.
    JsonList,
    /// JSON text of a list of `{name, value}`.
    NameValueJson,
    /// JSON text of a list of `{name, value, type}`.
    EnvironmentJson,
    /// JSON text of a list of `{actionName, revisionType, revisionValue}`.
    RevisionJson,
    /// Items with commas between, no spaces.
    CommaList,
    /// An ARN.
    Arn,
    /// The ARN of a role; outside of raw forms its name is enough.
    RoleArn,
    /// The name of one of the action's input artifacts.
    ArtifactName,
    /// `Artifact::path`, the artifact being one of the inputs.
    ArtifactPath,
    /// `Artifact::path`, or another text (a list, shorthand).
    ArtifactPathOrText,
    /// A path within an artifact.
    Path,
    /// A URL.
    Url,
}

impl ConfigKey {
    /// The word of the pipeline file for it: the short name, else the key in camelCase.
    pub fn friendly_name(&self) -> String {
        match &self.short {
            Some(short) => short.clone(),
            None => camel(&self.name, true),
        }
    }

    /// Whether a word of the pipeline file means this key.
    pub fn answers_to(&self, word: &str) -> bool {
        self.short.as_deref() == Some(word)
            // camelCase changes the case and nothing else
            || !self.short_only
                && word.eq_ignore_ascii_case(&self.name)
                && (camel(&self.name, true) == word || camel(&self.name, false) == word)
    }

    /// Whether the value is of the key's kind: format, values, pattern, length, range. A value with a run-time
    /// variable (`#{…}`) always is. Whether artifacts exist is not asked here.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self, value: &str) -> Result<(), ValueProblem> {
        if value.contains("#{") {
            return Ok(());
        }
        if let Some([min, max]) = self.length {
            let length = value.chars().count();
            if !(min..=max).contains(&length) {
                return Err(ValueProblem::Length { length, min, max });
            }
        }
        self.check_format(value)?;
        let items: Vec<&str> = match self.format {
            Format::CommaList => value.split(',').map(str::trim).collect(),
            _ => vec![value],
        };
        if let Some(max) = self.max_items.filter(|max| items.len() > *max) {
            return Err(ValueProblem::TooManyItems {
                items: items.len(),
                max,
            });
        }
        let unknown = items
            .iter()
            .find(|item| !self.values.iter().any(|v| v == *item));
        if let Some(wrong) = unknown.filter(|_| !self.values.is_empty()) {
            return Err(ValueProblem::NotAValue((*wrong).to_owned()));
        }
        if self.pattern.as_ref().is_some_and(|p| !p.matches(value)) {
            return Err(ValueProblem::Pattern);
        }
        Ok(())
    }

    /// Whether the sources leave no doubt that this is wrong.
    pub fn certainly(&self, problem: &ValueProblem) -> bool {
        let one_word = |item: &str| !item.contains([' ', ';', '|', '/']);
        self.certain
            && match problem {
                ValueProblem::NotAValue(item) => {
                    self.values_certain
                        && (self.separator_certain || one_word(item))
                        && !self.doubtful_values.contains(item)
                }
                // an ARN of another service never fits
                ValueProblem::Pattern => {
                    self.pattern_certain || matches!(self.format, Format::Arn | Format::RoleArn)
                }
                ValueProblem::Length { .. } => self.length_certain,
                _ => true,
            }
    }

    fn check_format(&self, value: &str) -> Result<(), ValueProblem> {
        let wrong = |fits: bool| {
            if fits {
                Ok(())
            } else {
                Err(ValueProblem::Format(self.format))
            }
        };
        let json = || serde_json::from_str::<Value>(value).ok();
        match self.format {
            Format::Bool => wrong(matches!(value, "true" | "false")),
            Format::Integer => match value.parse::<i64>() {
                Err(_) => wrong(false),
                Ok(number) => self.check_range(number),
            },
            Format::Number => wrong(value.parse::<f64>().is_ok_and(f64::is_finite)),
            Format::IntegerOrPercent => {
                let digits = value.strip_suffix('%').unwrap_or(value);
                wrong(!digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()))
            }
            Format::Json => wrong(json().is_some()),
            Format::JsonObject => wrong(json().is_some_and(|v| v.is_object())),
            Format::JsonList => wrong(json().is_some_and(|v| v.is_array())),
            Format::NameValueJson => wrong(named_texts(json(), &["name", "value"])),
            Format::EnvironmentJson => wrong(named_texts(json(), &["name", "value", "type"])),
            Format::RevisionJson => wrong(revisions(json())),
            Format::CommaList => wrong(value.split(',').all(|item| !item.trim().is_empty())),
            Format::Arn | Format::RoleArn => {
                wrong(value.starts_with("arn:") && value.split(':').count() >= 6)
            }
            Format::ArtifactPath => wrong(
                value
                    .split_once("::")
                    .is_some_and(|(a, p)| !a.is_empty() && !p.is_empty()),
            ),
            Format::Url => wrong(value.starts_with("https://") || value.starts_with("http://")),
            Format::Text | Format::ArtifactName | Format::ArtifactPathOrText | Format::Path => {
                Ok(())
            }
        }
    }

    fn check_range(&self, number: i64) -> Result<(), ValueProblem> {
        match self.range {
            Some([min, max]) if !(min..=max).contains(&number) => {
                Err(ValueProblem::Range { number, min, max })
            }
            _ => Ok(()),
        }
    }
}

/// A JSON list of maps whose members are texts with these names only; `name` and `value` must be there.
fn named_texts(json: Option<Value>, members: &[&str]) -> bool {
    let Some(Value::Array(items)) = json else {
        return false;
    };
    items.iter().all(|item| {
        item.as_object().is_some_and(|map| {
            map.contains_key("name")
                && map.contains_key("value")
                && map
                    .iter()
                    .all(|(key, value)| members.contains(&key.as_str()) && value.is_string())
        })
    })
}

/// A JSON list of maps that say which revision a source action is to take.
fn revisions(json: Option<Value>) -> bool {
    const MEMBERS: [&str; 3] = ["actionName", "revisionType", "revisionValue"];
    let Some(Value::Array(items)) = json else {
        return false;
    };
    let types = &super::structure::enums().source_revision;
    items.iter().all(|item| {
        item.as_object().is_some_and(|map| {
            let text = |member: &str| map.get(member).and_then(Value::as_str);
            map.len() == MEMBERS.len()
                && MEMBERS.iter().all(|member| text(member).is_some())
                && text(MEMBERS[1]).is_some_and(|word| types.iter().any(|known| known == word))
        })
    })
}

/// What is wrong with a configuration value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueProblem {
    /// Not of the format.
    Format(Format),
    /// Not among the values; holds the wrong item.
    NotAValue(String),
    /// Does not match the pattern.
    Pattern,
    /// Too short or too long.
    Length {
        /// Characters there are.
        length: usize,
        /// Fewest.
        min: usize,
        /// Most.
        max: usize,
    },
    /// Too small or too great.
    Range {
        /// The number.
        number: i64,
        /// Smallest.
        min: i64,
        /// Greatest.
        max: i64,
    },
    /// Too many items in a list.
    TooManyItems {
        /// Items there are.
        items: usize,
        /// Most.
        max: usize,
    },
}

impl Format {
    /// The format in words, to stand after "must be".
    pub fn words(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Bool => "\"true\" or \"false\"",
            Format::Integer => "a whole number",
            Format::Number => "a number",
            Format::IntegerOrPercent => "a whole number or a percentage such as 25%",
            Format::Json => "JSON text",
            Format::JsonObject => "the JSON text of an object",
            Format::JsonList => "the JSON text of a list",
            Format::NameValueJson => "the JSON text of a list of {name, value}, all texts",
            Format::EnvironmentJson => "the JSON text of a list of {name, value, type}, all texts",
            Format::RevisionJson => {
                "the JSON text of a list of {actionName, revisionType, revisionValue}, all texts"
            }
            Format::CommaList => "items with commas between",
            Format::Arn => "an ARN",
            Format::RoleArn => "the ARN of a role",
            Format::ArtifactName => "the name of one of the action's input artifacts",
            Format::ArtifactPath => "ARTIFACT::PATH, the artifact being an input of the action",
            Format::ArtifactPathOrText => "text, or ARTIFACT::PATH",
            Format::Path => "a path in the artifact",
            Format::Url => "a URL (https://…)",
        }
    }
}

/// An API key in camelCase. `fold`: acronyms as words (`kmsEncryptionKeyArn`), else as written
/// (`kmsEncryptionKeyARN`).
pub fn camel(name: &str, fold: bool) -> String {
    let mut text = String::with_capacity(name.len());
    for (index, word) in words(name).into_iter().enumerate() {
        if index == 0 {
            text.push_str(&word.to_ascii_lowercase());
        } else if fold {
            let (first, rest) = word.split_at(1);
            text.push_str(first);
            text.push_str(&rest.to_ascii_lowercase());
        } else {
            text.push_str(word);
        }
    }
    text
}

/// The words of a PascalCase name; an acronym is one word.
fn words(name: &str) -> Vec<&str> {
    let bytes = name.as_bytes();
    let mut words = Vec::new();
    let mut start = 0;
    for index in 1..bytes.len() {
        let next_is_lower = bytes.get(index + 1).is_some_and(u8::is_ascii_lowercase);
        let starts_word = bytes[index].is_ascii_uppercase()
            && (!bytes[index - 1].is_ascii_uppercase() || next_is_lower);
        if starts_word {
            words.push(&name[start..index]);
            start = index;
        }
    }
    words.push(&name[start..]);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(json: &str) -> ConfigKey {
        serde_json::from_str(json).expect("a key")
    }

    #[test]
    fn camel_case_knows_acronyms() {
        let cases = [
            ("S3ObjectKey", "s3ObjectKey", "s3ObjectKey"),
            (
                "KMSEncryptionKeyARN",
                "kmsEncryptionKeyArn",
                "kmsEncryptionKeyARN",
            ),
            ("CannedACL", "cannedAcl", "cannedACL"),
            (
                "ECRRepositoryName",
                "ecrRepositoryName",
                "ecrRepositoryName",
            ),
            ("OAuthToken", "oAuthToken", "oAuthToken"),
            (
                "Image1ArtifactName",
                "image1ArtifactName",
                "image1ArtifactName",
            ),
            ("App", "app", "app"),
        ];
        for (name, folded, written) in cases {
            assert_eq!(camel(name, true), folded);
            assert_eq!(camel(name, false), written);
        }
    }

    #[test]
    fn values_are_checked() {
        let integer = key(r#"{"name":"N","format":"integer","range":[1,60]}"#);
        assert_eq!(integer.check("60"), Ok(()));
        assert_eq!(
            integer.check("61"),
            Err(ValueProblem::Range {
                number: 61,
                min: 1,
                max: 60
            })
        );
        assert_eq!(
            integer.check("1.5"),
            Err(ValueProblem::Format(Format::Integer))
        );
        assert_eq!(integer.check("#{N.V}"), Ok(()));

        let list = key(r#"{"name":"L","format":"commaList","values":["A","B"],"max_items":2}"#);
        assert_eq!(list.check("A,B"), Ok(()));
        assert_eq!(
            list.check("A,C"),
            Err(ValueProblem::NotAValue("C".to_owned()))
        );
        assert_eq!(
            list.check("A,,B"),
            Err(ValueProblem::Format(Format::CommaList))
        );
        assert_eq!(
            list.check("A,B,A"),
            Err(ValueProblem::TooManyItems { items: 3, max: 2 })
        );

        let environment = key(r#"{"name":"E","format":"environmentJson"}"#);
        assert_eq!(environment.check(r#"[{"name":"A","value":"1"}]"#), Ok(()));
        let number = r#"[{"name":"A","value":1}]"#;
        let object = r#"{"A":"1"}"#;
        let member = r#"[{"name":"A","value":"1","kind":"x"}]"#;
        for wrong in [number, object, member, "A=1"] {
            assert_eq!(
                environment.check(wrong),
                Err(ValueProblem::Format(Format::EnvironmentJson)),
                "{wrong}"
            );
        }

        let path = key(r#"{"name":"T","format":"artifactPath"}"#);
        assert_eq!(path.check("Built::a/b.yml"), Ok(()));
        assert!(path.check("a/b.yml").is_err() && path.check("::a").is_err());
        let flag = key(r#"{"name":"B","format":"bool"}"#);
        assert!(flag.check("True").is_err());
        let share = key(r#"{"name":"P","format":"integerOrPercent"}"#);
        assert!(share.check("25%").is_ok() && share.check("%").is_err());
    }
}
