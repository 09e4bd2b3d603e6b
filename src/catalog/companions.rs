//! What is made beside pipelines and projects: defaults of buckets, logs, alarms and notifications, who may publish to
//! a topic, and what the self-update may do.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use super::iam::{Statement, StatementTemplate, render_needed};
use super::later::Later;
use super::parse;
use super::template::{Lookup, MissingPlaceholder};
use super::text::{Pattern, Quota, TextRule};
use super::when::Facts;

/// Everything in `companions.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Companions {
    /// Artifact buckets.
    pub artifacts: Artifacts,
    /// Log groups.
    pub logs: Logs,
    /// The alarm on failed builds.
    pub failed_builds: FailedBuilds,
    /// Defaults of other alarms.
    pub alarm_defaults: AlarmDefaults,
    /// Who publishes to a made topic: `alarms`, `events`.
    pub publishers: Later<BTreeMap<String, Publisher>>,
    /// What the owner of a topic may do with it.
    pub topic_owner_actions: Vec<String>,
    /// The events of `notifications:`.
    pub notifications: Later<BTreeMap<String, Notification>>,
    /// Name of an EventBridge rule.
    pub rule_name: TextRule,
    /// Name of a topic.
    pub topic_name: TextRule,
    /// Name of a bucket.
    pub bucket_name: TextRule,
    /// ARN of a topic.
    pub topic_arn: TextRule,
    /// How the name of a topic ends that keeps the order.
    pub topic_fifo: String,
    /// What an alarm takes.
    pub alarms: Alarms,
    /// Name of an alarm.
    pub alarm_name: TextRule,
    /// Name of a webhook.
    pub webhook_name: TextRule,
    /// The self-update.
    pub self_update: Later<SelfUpdate>,
}

/// Defaults of an artifact bucket.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifacts {
    /// Days after which an artifact expires.
    pub expiration_days: u32,
    /// Days an overwritten version is kept.
    pub noncurrent_days: u32,
    /// Days after which an upload that never ended is dropped.
    pub abort_incomplete_days: u32,
    /// How many characters of the pipeline's name begin its artifacts' keys.
    pub prefix_length: usize,
    /// What else is to be known.
    pub note: String,
}

/// Defaults of a log group.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logs {
    /// Days a log is kept.
    pub retention_days: u32,
    /// The days that CloudWatch Logs offers, from the fewest.
    pub retention_choices: Vec<u32>,
    /// Where the facts are from.
    pub source: String,
}

/// The alarm on failed builds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailedBuilds {
    /// Namespace.
    pub namespace: String,
    /// MetricName.
    pub metric: String,
    /// The dimension that holds the project.
    pub dimension: String,
    /// Statistic.
    pub statistic: String,
    /// Period in seconds.
    pub period: u32,
    /// EvaluationPeriods.
    pub periods: u32,
    /// Threshold.
    pub threshold: f64,
    /// ComparisonOperator.
    pub comparison: String,
    /// TreatMissingData.
    pub missing: String,
    /// Where the facts are from.
    pub source: String,
}

/// What an alarm has that does not say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlarmDefaults {
    /// Statistic.
    pub statistic: String,
    /// Period in seconds.
    pub period: u32,
    /// EvaluationPeriods.
    pub periods: u32,
}

/// What an alarm takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alarms {
    /// Words of Statistic.
    pub statistics: Vec<String>,
    /// What ExtendedStatistic looks like.
    pub extended: Pattern,
    /// Periods in seconds that are no whole minutes.
    pub short_periods: Vec<u32>,
    /// Seconds of which any other period is a multiple.
    pub minute: u32,
    /// Seconds; an alarm with a shorter period looks back over `span_of_short` only.
    pub hour: u32,
    /// Most seconds of all periods together.
    pub span: u32,
    /// The same for periods shorter than an hour.
    pub span_of_short: u32,
    /// Namespace.
    pub namespace: TextRule,
    /// MetricName.
    pub metric: TextRule,
    /// How many dimensions.
    pub dimensions: Quota,
    /// Name of a dimension.
    pub dimension_name: TextRule,
    /// Value of a dimension.
    pub dimension_value: TextRule,
    /// ARN of an alarm.
    pub arn: TextRule,
    /// Where the facts are from.
    pub source: String,
}

/// A service that publishes to a topic.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publisher {
    /// Service principal.
    pub principal: String,
    /// Condition template.
    #[serde(default)]
    pub condition: Option<Value>,
    /// What else is to be known.
    #[serde(default)]
    pub note: Option<String>,
}

/// What a notification is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NotificationOf {
    /// Builds of projects.
    Projects,
    /// Executions of pipelines.
    Pipelines,
}

impl NotificationOf {
    /// The placeholder of its pattern.
    pub fn placeholder(self) -> &'static str {
        match self {
            Self::Projects => "project",
            Self::Pipelines => "pipeline",
        }
    }
}

/// One event of `notifications:`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notification {
    /// What happened, in words.
    pub what: String,
    /// Event pattern with `{project}` or `{pipeline}`.
    pub pattern: Value,
    /// InputPathsMap.
    pub paths: BTreeMap<String, String>,
    /// InputTemplate.
    pub template: String,
    /// What it is about.
    pub of: NotificationOf,
    /// Where the facts are from.
    pub source: String,
}

/// What the self-update may and may not do.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelfUpdate {
    /// The beginning of the keys under which pipectl lies in the artifact bucket.
    pub binary_folder: String,
    revision_types: BTreeMap<String, String>,
    revision_type: String,
    statements: Vec<StatementTemplate>,
    denials: Vec<StatementTemplate>,
    elsewhere: Vec<StatementTemplate>,
    large_roles: Vec<StatementTemplate>,
    large_itself: Vec<StatementTemplate>,
    /// The kinds of `iam::deployer` that it may write.
    pub deployer_kinds: Vec<String>,
    /// The actions of those that it may not do all the same.
    pub never: Vec<String>,
}

impl SelfUpdate {
    /// What a revision of this source provider is, for StartPipelineExecution.
    pub fn revision_type(&self, provider: &str) -> &str {
        self.revision_types
            .get(provider)
            .unwrap_or(&self.revision_type)
    }

    /// What its role may do.
    ///
    /// # Errors
    /// If a placeholder of a needed statement has no value.
    pub fn statements(
        &'static self,
        facts: &dyn Facts,
        lookup: &Lookup<'_>,
    ) -> Result<Vec<Statement>, MissingPlaceholder> {
        render_needed(&self.statements, facts, lookup)
    }

    /// What its role is denied, whatever else allows it.
    ///
    /// # Errors
    /// If a placeholder of a needed statement has no value.
    pub fn denials(
        &'static self,
        facts: &dyn Facts,
        lookup: &Lookup<'_>,
    ) -> Result<Vec<Statement>, MissingPlaceholder> {
        render_needed(&self.denials, facts, lookup)
    }

    /// What every other made role is denied.
    ///
    /// # Errors
    /// If a placeholder of a needed statement has no value.
    pub fn elsewhere(
        &'static self,
        facts: &dyn Facts,
        lookup: &Lookup<'_>,
    ) -> Result<Vec<Statement>, MissingPlaceholder> {
        render_needed(&self.elsewhere, facts, lookup)
    }

    /// What its role may do with roles that have managed policies.
    ///
    /// # Errors
    /// If a placeholder of a needed statement has no value.
    pub fn large_roles(
        &'static self,
        facts: &dyn Facts,
        lookup: &Lookup<'_>,
    ) -> Result<Vec<Statement>, MissingPlaceholder> {
        render_needed(&self.large_roles, facts, lookup)
    }

    /// What its role is denied if it has managed policies itself.
    ///
    /// # Errors
    /// If a placeholder of a needed statement has no value.
    pub fn large_itself(
        &'static self,
        facts: &dyn Facts,
        lookup: &Lookup<'_>,
    ) -> Result<Vec<Statement>, MissingPlaceholder> {
        render_needed(&self.large_itself, facts, lookup)
    }
}

static FILE: LazyLock<Companions> =
    LazyLock::new(|| parse("companions.json", include_str!("companions.json")));

/// Everything that is made beside pipelines and projects.
pub fn companions() -> &'static Companions {
    &FILE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_is_whole() {
        let all = companions();
        assert_eq!(all.failed_builds.dimension, "ProjectName");
        assert_eq!(all.notifications.len(), 4);
        for (name, notification) in &all.notifications {
            for key in notification.paths.keys() {
                assert!(
                    notification.template.contains(&format!("<{key}>")),
                    "{name}: {key}"
                );
            }
        }
        assert!(all.publishers.contains_key("alarms") && all.publishers.contains_key("events"));
        let kinds = &all.self_update.deployer_kinds;
        assert!(
            kinds
                .iter()
                .all(|kind| super::super::iam::deployer(kind).next().is_some())
        );
    }
}
