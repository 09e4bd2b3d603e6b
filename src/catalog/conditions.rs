//! Stage conditions: which results they may have where, and the providers of their rules.

use std::sync::LazyLock;

use serde::Deserialize;

use super::iam::{Statement, StatementTemplate, render_needed};
use super::keys::{ConfigKey, Format};
use super::later::Later;
use super::parse;
use super::template::{Lookup, MissingPlaceholder};
use super::text::Certain;
use super::when::Facts;

/// A place on a stage where conditions stand.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    /// `beforeEntry`, `onSuccess`, `onFailure`.
    pub place: String,
    /// Results a condition may have there.
    pub results: Vec<String>,
    /// Results that may stand there without conditions.
    #[serde(default)]
    pub bare_results: Vec<String>,
    /// Providers that a condition with result SKIP may use.
    #[serde(default)]
    pub skip_rules: Vec<String>,
    /// What a person should know.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// A provider of rules.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleProvider {
    /// Name of the API.
    pub provider: String,
    /// The word of the pipeline file that makes a rule this one: `alarm`, `window`, …
    pub kind: String,
    /// Its configuration keys.
    pub keys: Later<Vec<ConfigKey>>,
    /// Whether it takes input artifacts.
    #[serde(default)]
    pub input_artifacts: bool,
    /// The key that says which of several input artifacts is the first.
    #[serde(default)]
    pub primary_input: Option<String>,
    /// Whether it has a `commands` list.
    #[serde(default)]
    pub commands: bool,
    /// Whether CodePipeline keeps its log under `/aws/codepipeline/<pipeline>`.
    #[serde(default)]
    pub log_group: bool,
    /// Whether it may stand in another region.
    #[serde(default)]
    pub cross_region: Certain<bool>,
    /// Statements on the pipeline's role.
    #[serde(default)]
    pub iam: Later<Vec<StatementTemplate>>,
    /// What a person should know.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Where the facts are from.
    pub source: String,
}

/// The `ruleTypeId` members that are always the same.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleTypeId {
    /// `Rule`.
    pub category: String,
    /// `AWS`.
    pub owner: String,
    /// `1`.
    pub version: String,
}

/// Limits of rolling back.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollbackLimit {
    /// Name within the catalogue.
    pub id: String,
    /// The limit in one sentence.
    pub what: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    placements: Vec<Placement>,
    rule_type: RuleTypeId,
    rollback_limits: Vec<RollbackLimit>,
    providers: Vec<RuleProvider>,
}

static FILE: LazyLock<File> =
    LazyLock::new(|| parse("conditions.json", include_str!("conditions.json")));

/// The three places.
pub fn placements() -> &'static [Placement] {
    &FILE.placements
}

/// A place by its API word.
pub fn placement(place: &str) -> Option<&'static Placement> {
    FILE.placements.iter().find(|p| p.place == place)
}

/// The members of `ruleTypeId` that are always the same.
pub fn rule_type() -> &'static RuleTypeId {
    &FILE.rule_type
}

/// Limits of rolling back.
pub fn rollback_limits() -> &'static [RollbackLimit] {
    &FILE.rollback_limits
}

/// All providers of rules.
pub fn rule_providers() -> &'static [RuleProvider] {
    &FILE.providers
}

/// A provider by its API name.
pub fn rule_provider(provider: &str) -> Option<&'static RuleProvider> {
    FILE.providers.iter().find(|p| p.provider == provider)
}

/// A provider by the word of the pipeline file.
pub fn rule_by_kind(kind: &str) -> Option<&'static RuleProvider> {
    FILE.providers.iter().find(|p| p.kind == kind)
}

impl RuleProvider {
    /// The key by its API spelling.
    pub fn key(&self, name: &str) -> Option<&ConfigKey> {
        self.keys.iter().find(|k| k.name == name)
    }

    /// The key that a word of the pipeline file means.
    pub fn friendly(&self, camel: &str) -> Option<&ConfigKey> {
        self.keys.iter().find(|k| k.answers_to(camel))
    }

    /// The statements the pipeline's role needs for a rule; `lookup` as with actions.
    ///
    /// # Errors
    /// If a placeholder of a needed statement has no value.
    pub fn statements(
        &'static self,
        facts: &dyn Facts,
        lookup: &Lookup<'_>,
    ) -> Result<Vec<Statement>, MissingPlaceholder> {
        let find = |name: &str| match self.key(name) {
            None => lookup(name),
            Some(key) => {
                let value = facts.value(name).or(key.default.as_deref())?;
                Some(match key.format {
                    Format::CommaList => value.split(',').map(|v| v.trim().to_owned()).collect(),
                    _ => vec![value.to_owned()],
                })
            }
        };
        render_needed(&self.iam, facts, &find)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::iam::placeholder_names;

    #[test]
    fn the_six_providers() {
        let names: Vec<_> = rule_providers()
            .iter()
            .map(|p| p.provider.as_str())
            .collect();
        assert_eq!(
            names,
            [
                "CloudWatchAlarm",
                "DeploymentWindow",
                "VariableCheck",
                "LambdaInvoke",
                "CodeBuild",
                "Commands"
            ]
        );
    }

    #[test]
    fn placeholders_are_keys_or_declared() {
        for provider in rule_providers() {
            for name in provider.iam.iter().flat_map(|s| s.placeholders()) {
                assert!(
                    provider.key(name).is_some() || placeholder_names().contains_key(name),
                    "{}: {{{name}}}",
                    provider.provider
                );
            }
        }
    }

    #[test]
    fn results_by_place() {
        let results = |place| placement(place).map(|p| p.results.join(" "));
        assert_eq!(results("beforeEntry").as_deref(), Some("FAIL SKIP"));
        assert_eq!(results("onSuccess").as_deref(), Some("ROLLBACK FAIL"));
        assert_eq!(results("onFailure").as_deref(), Some("ROLLBACK"));
        for skip in &placement("beforeEntry").expect("there").skip_rules {
            assert!(rule_provider(skip).is_some(), "{skip}");
        }
    }

    #[test]
    fn short_names() {
        let alarm = rule_by_kind("alarm").expect("there");
        assert_eq!(
            alarm.friendly("states").map(|k| k.name.as_str()),
            Some("AlarmStates")
        );
        assert_eq!(
            alarm.friendly("alarm").map(|k| k.name.as_str()),
            Some("AlarmName")
        );
    }
}
