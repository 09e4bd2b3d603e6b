//! Conditions of the data: when a key is required, when a permission is needed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// A condition on what an action (or project, or pipeline) says.
#[derive(Debug, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum When {
    /// The configuration key is given.
    Present(String),
    /// The configuration key is not given.
    Absent(String),
    /// The configuration key has one of the values.
    Is {
        /// The key.
        key: String,
        /// The values.
        any: Vec<String>,
        /// Whether the condition also holds when the key is not given (its default is among the values).
        #[serde(default)]
        or_absent: bool,
    },
    /// The number of input artifacts.
    Inputs(Count),
    /// The number of output artifacts.
    Outputs(Count),
    /// The action has an environment variable of this type (`SECRETS_MANAGER`).
    EnvironmentType(String),
    /// The pipeline or project uses a feature; the names stand in `iam.json`.
    Feature(String),
    /// All hold.
    All(Vec<When>),
    /// At least one holds.
    Any(Vec<When>),
    /// The other does not hold.
    Not(Box<When>),
}

/// A range of counts, both ends included.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// Fewest.
    #[serde(default)]
    pub min: usize,
    /// Most; none if open.
    #[serde(default)]
    pub max: Option<usize>,
}

impl Count {
    fn holds(&self, number: usize) -> bool {
        number >= self.min && self.max.is_none_or(|max| number <= max)
    }
}

/// What a [`When`] may ask about.
pub trait Facts {
    /// The value of a configuration key (API spelling).
    fn value(&self, key: &str) -> Option<&str>;
    /// How many input artifacts.
    fn inputs(&self) -> usize {
        0
    }
    /// How many output artifacts.
    fn outputs(&self) -> usize {
        0
    }
    /// Whether there is an environment variable of that type on the action itself.
    fn has_environment_type(&self, _kind: &str) -> bool {
        false
    }
    /// Whether a feature is used.
    fn has_feature(&self, _name: &str) -> bool {
        false
    }
}

impl Facts for BTreeMap<String, String> {
    fn value(&self, key: &str) -> Option<&str> {
        self.get(key).map(String::as_str)
    }
}

/// Plain [`Facts`].
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// Configuration by API key.
    pub config: BTreeMap<String, String>,
    /// How many input artifacts.
    pub inputs: usize,
    /// How many output artifacts.
    pub outputs: usize,
    /// Types of the environment variables on the action.
    pub environment_types: BTreeSet<String>,
    /// Features in use.
    pub features: BTreeSet<String>,
}

impl Facts for Given {
    fn value(&self, key: &str) -> Option<&str> {
        self.config.get(key).map(String::as_str)
    }
    fn inputs(&self) -> usize {
        self.inputs
    }
    fn outputs(&self) -> usize {
        self.outputs
    }
    fn has_environment_type(&self, kind: &str) -> bool {
        self.environment_types.contains(kind)
    }
    fn has_feature(&self, name: &str) -> bool {
        self.features.contains(name)
    }
}

impl When {
    /// Whether the condition holds; `None` if a value that CodePipeline resolves only at run time (`#{…}`)
    /// decides it.
    pub fn holds(&self, facts: &dyn Facts) -> Option<bool> {
        match self {
            When::Present(key) => Some(facts.value(key).is_some()),
            When::Absent(key) => Some(facts.value(key).is_none()),
            When::Is {
                key,
                any,
                or_absent,
            } => match facts.value(key) {
                None => Some(*or_absent),
                Some(value) if value.contains("#{") => None,
                Some(value) => Some(any.iter().any(|allowed| allowed == value)),
            },
            When::Inputs(count) => Some(count.holds(facts.inputs())),
            When::Outputs(count) => Some(count.holds(facts.outputs())),
            When::EnvironmentType(kind) => Some(facts.has_environment_type(kind)),
            When::Feature(name) => Some(facts.has_feature(name)),
            When::All(all) => fold(all, facts, false),
            When::Any(any) => fold(any, facts, true),
            When::Not(other) => other.holds(facts).map(|holds| !holds),
        }
    }

    /// Configuration keys the condition asks about.
    pub fn keys(&self) -> Vec<&str> {
        match self {
            When::Present(key) | When::Absent(key) | When::Is { key, .. } => vec![key],
            When::All(list) | When::Any(list) => list.iter().flat_map(When::keys).collect(),
            When::Not(other) => other.keys(),
            _ => Vec::new(),
        }
    }

    /// Features the condition asks about.
    pub fn features(&self) -> Vec<&str> {
        match self {
            When::Feature(name) => vec![name],
            When::All(list) | When::Any(list) => list.iter().flat_map(When::features).collect(),
            When::Not(other) => other.features(),
            _ => Vec::new(),
        }
    }

    /// The condition in words, for messages: "`ActionMode` is CREATE_UPDATE or DELETE_ONLY".
    pub fn words(&self) -> String {
        match self {
            When::Present(key) => format!("`{key}` is given"),
            When::Absent(key) => format!("`{key}` is not given"),
            When::Is {
                key,
                any,
                or_absent,
            } => {
                let absent = if *or_absent { " (or not given)" } else { "" };
                format!("`{key}` is {}{absent}", any.join(" or "))
            }
            When::Inputs(count) => format!("there are {} input artifacts", count.words()),
            When::Outputs(count) => format!("there are {} output artifacts", count.words()),
            When::EnvironmentType(kind) => format!("an environment variable is of type {kind}"),
            When::Feature(name) => format!("{name} is used"),
            When::All(list) => join(list, " and "),
            When::Any(list) => join(list, " or "),
            When::Not(other) => format!("not ({})", other.words()),
        }
    }
}

impl Count {
    fn words(&self) -> String {
        match (self.min, self.max) {
            (_, Some(0)) => "no".to_owned(),
            (0, Some(max)) => format!("at most {max}"),
            (min, None) => format!("{min} or more"),
            (min, Some(max)) if min == max => min.to_string(),
            (min, Some(max)) => format!("{min} to {max}"),
        }
    }
}

fn join(list: &[When], word: &str) -> String {
    list.iter().map(When::words).collect::<Vec<_>>().join(word)
}

/// Three-valued and (`absorbing` false) or or (`absorbing` true).
fn fold(list: &[When], facts: &dyn Facts, absorbing: bool) -> Option<bool> {
    let mut result = Some(!absorbing);
    for when in list {
        match when.holds(facts) {
            Some(holds) if holds == absorbing => return Some(absorbing),
            Some(_) => {}
            None => result = None,
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    fn when(text: &str) -> When {
        serde_json::from_str(text).expect("a condition")
    }

    #[test]
    fn a_value_known_only_at_run_time_decides_nothing() {
        let is = when(r#"{"is":{"key":"Mode","any":["A"],"orAbsent":true}}"#);
        assert_eq!(is.holds(&given(&[("Mode", "#{N.V}")])), None);
        assert_eq!(is.holds(&given(&[("Mode", "A")])), Some(true));
        assert_eq!(is.holds(&given(&[("Mode", "B")])), Some(false));
        assert_eq!(is.holds(&given(&[])), Some(true));
    }

    #[test]
    fn and_or_not_know_three_values() {
        let unknown = given(&[("Mode", "#{N.V}")]);
        let all = when(r#"{"all":[{"is":{"key":"Mode","any":["A"]}},{"present":"Other"}]}"#);
        assert_eq!(all.holds(&unknown), Some(false));
        let any = when(r#"{"any":[{"is":{"key":"Mode","any":["A"]}},{"absent":"Other"}]}"#);
        assert_eq!(any.holds(&unknown), Some(true));
        let not = when(r#"{"not":{"is":{"key":"Mode","any":["A"]}}}"#);
        assert_eq!(not.holds(&unknown), None);
    }
}
