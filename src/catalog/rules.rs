//! How the configuration keys of an action depend on one another.

use serde::Deserialize;

use super::when::{Facts, When};

/// A dependency between keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigRule {
    /// What must hold.
    #[serde(flatten)]
    pub kind: RuleKind,
    /// False if the sources disagree: a warning.
    #[serde(default = "super::yes")]
    pub certain: bool,
    /// True if AWS finds out only when the action runs.
    #[serde(default)]
    pub at_run: bool,
    /// What AWS says, or what to say beside the rule.
    #[serde(default)]
    pub note: Option<String>,
}

/// Kinds of [`ConfigRule`].
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RuleKind {
    /// The keys are required when the condition holds.
    Required {
        /// The keys.
        keys: Vec<String>,
        /// The condition.
        when: When,
    },
    /// The keys may be given only when the condition holds.
    OnlyWhen {
        /// The keys.
        keys: Vec<String>,
        /// The condition.
        when: When,
    },
    /// The key may not have these values when the condition holds.
    NotValues {
        /// The key.
        key: String,
        /// The values.
        values: Vec<String>,
        /// The condition.
        when: When,
    },
    /// None of the second may be given beside any of the first.
    Excludes {
        /// One side.
        keys: Vec<String>,
        /// The other side.
        others: Vec<String>,
    },
    /// All or none.
    Together(
        /// The keys.
        Vec<String>,
    ),
    /// One of the keys at least.
    OneOf(
        /// The keys.
        Vec<String>,
    ),
    /// Exactly this number of input artifacts when the condition holds.
    Inputs {
        /// The number.
        count: usize,
        /// The condition.
        when: When,
    },
    /// No output artifact when the condition holds.
    NoOutputs {
        /// The condition.
        when: When,
    },
}

/// A broken [`ConfigRule`].
#[derive(Debug)]
pub struct RuleProblem {
    /// The rule.
    pub rule: &'static ConfigRule,
    /// The key at fault: missing, too many, or with a wrong value. Empty if it is about artifacts.
    pub key: &'static str,
    /// What is wrong with the key.
    pub problem: RuleFault,
    /// The other keys, or the condition in words.
    pub because: String,
}

/// What is wrong with the key of a [`RuleProblem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleFault {
    /// The key must be given.
    Missing,
    /// The key may not be given.
    Superfluous,
    /// The key has a value that is not allowed here.
    Value,
    /// The number of artifacts is wrong.
    Artifacts,
}

impl ConfigRule {
    /// What is wrong; empty if the rule holds or only a run can tell.
    pub fn problems(&'static self, facts: &dyn Facts) -> Vec<RuleProblem> {
        let given = |key: &String| facts.value(key).is_some();
        let problem = |key: &'static str, problem: RuleFault, because: String| RuleProblem {
            rule: self,
            key,
            problem,
            because,
        };
        let quoted = |keys: &[String]| {
            let quoted: Vec<String> = keys.iter().map(|k| format!("`{k}`")).collect();
            quoted.join(", ")
        };
        match &self.kind {
            RuleKind::Required { keys, when } if when.holds(facts) == Some(true) => keys
                .iter()
                .filter(|k| !given(k))
                .map(|k| problem(k, RuleFault::Missing, when.words()))
                .collect(),
            RuleKind::OnlyWhen { keys, when } if when.holds(facts) == Some(false) => keys
                .iter()
                .filter(|k| given(k))
                .map(|k| problem(k, RuleFault::Superfluous, when.words()))
                .collect(),
            RuleKind::NotValues { key, values, when } if when.holds(facts) == Some(true) => {
                match facts.value(key) {
                    Some(value) if values.iter().any(|v| v == value) => {
                        vec![problem(key, RuleFault::Value, when.words())]
                    }
                    _ => Vec::new(),
                }
            }
            RuleKind::Excludes { keys, others } if keys.iter().any(&given) => {
                let beside: Vec<String> = keys.iter().filter(|k| given(k)).cloned().collect();
                others
                    .iter()
                    .filter(|k| given(k))
                    .map(|k| problem(k, RuleFault::Superfluous, quoted(&beside)))
                    .collect()
            }
            RuleKind::Together(keys) if keys.iter().any(&given) => {
                let there: Vec<String> = keys.iter().filter(|k| given(k)).cloned().collect();
                keys.iter()
                    .filter(|k| !given(k))
                    .map(|k| problem(k, RuleFault::Missing, quoted(&there)))
                    .collect()
            }
            RuleKind::OneOf(keys) if !keys.iter().any(&given) => keys
                .first()
                .map(|k| problem(k, RuleFault::Missing, quoted(keys)))
                .into_iter()
                .collect(),
            RuleKind::Inputs { count, when }
                if when.holds(facts) == Some(true) && facts.inputs() != *count =>
            {
                vec![problem("", RuleFault::Artifacts, when.words())]
            }
            RuleKind::NoOutputs { when }
                if when.holds(facts) == Some(true) && facts.outputs() > 0 =>
            {
                vec![problem("", RuleFault::Artifacts, when.words())]
            }
            _ => Vec::new(),
        }
    }
}
