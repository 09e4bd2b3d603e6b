//! Structure of pipelines: names, quotas, enums, V2 gates, triggers, regions, and what AWS answers when they are
//! broken.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::later::Later;
use super::parse;
use super::text::{Pattern, Quota, TextRule};

/// Everything in `structure.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Structure {
    /// Names.
    pub names: Later<Names>,
    /// Closed sets of words.
    pub enums: Later<Enums>,
    /// What AWS takes when a member is absent.
    pub defaults: Defaults,
    /// Required members by shape: `action` → `name`, `actionTypeId`.
    pub required: BTreeMap<String, Vec<String>>,
    /// Numbers.
    pub quotas: Later<Quotas>,
    /// What needs a V2 pipeline, beside the action types that say so themselves.
    pub v2_features: Vec<V2Feature>,
    /// Triggers.
    pub triggers: Later<Triggers>,
    /// Variables.
    pub variables: VariableRules,
    /// Execution modes.
    pub execution_modes: Later<Vec<ExecutionMode>>,
    /// Regions.
    pub regions: Later<Regions>,
    /// Addresses of the console.
    pub console: Later<Console>,
    /// Tags.
    pub tags: Tags,
    /// EventBridge rules.
    pub event_rules: Later<EventRules>,
    /// CloudWatch alarms.
    pub alarms: Later<Alarms>,
    /// Webhooks of GitHub version 1.
    pub webhooks: Later<Webhooks>,
    /// Members that GetPipeline adds and nobody may send.
    pub read_only: Vec<String>,
    /// Words that other tools, or other parts of the API, have for members.
    foreign_members: Later<Vec<ForeignMember>>,
    /// What stands in templates of CloudFormation for what the pipeline file has variables for.
    pub template_words: Vec<TemplateWord>,
    /// Members and their value that GetPipeline adds and that mean the same as their absence.
    pub absent_means: Later<BTreeMap<String, serde_json::Value>>,
    /// The text that stands for a stored secret.
    pub secret_mask: String,
    /// Log group of the providers that keep a log.
    pub log_group: String,
}

/// What names may look like.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// A pipeline.
    pub pipeline: TextRule,
    /// A stage.
    pub stage: TextRule,
    /// An action.
    pub action: TextRule,
    /// A rule of a condition.
    pub rule: TextRule,
    /// A webhook.
    pub webhook: TextRule,
    /// An artifact.
    pub artifact: TextRule,
    /// An artifact that becomes a CodeBuild source or artifact identifier.
    pub build_identifier: TextRule,
    /// A namespace.
    pub namespace: TextRule,
    /// A pipeline variable.
    pub pipeline_variable: TextRule,
    /// An environment variable on an action.
    pub environment_variable: TextRule,
    /// A provider.
    pub provider: TextRule,
    /// A version of an action type.
    pub version: TextRule,
    /// A region.
    pub region: TextRule,
    /// A role ARN.
    pub role_arn: TextRule,
    /// An artifact bucket.
    pub artifact_bucket: TextRule,
    /// Name of a bucket that is made: S3 takes no capitals.
    pub made_bucket: TextRule,
    /// A KMS key: id, ARN or alias ARN.
    pub encryption_key: TextRule,
    /// A KMS key given by its ARN.
    pub kms_arn: TextRule,
}

/// Closed sets of words of the API.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enums {
    /// Owners of action types.
    pub owner: Vec<String>,
    /// Categories of action types.
    pub category: Vec<String>,
    /// Pipeline types.
    pub pipeline_type: Vec<String>,
    /// Execution modes.
    pub execution_mode: Vec<String>,
    /// Kinds of artifact store.
    pub artifact_store: Vec<String>,
    /// Kinds of encryption key.
    pub encryption_key: Vec<String>,
    /// Results of conditions.
    pub condition_result: Vec<String>,
    /// Modes of retry.
    pub retry_mode: Vec<String>,
    /// Providers of triggers.
    pub trigger_provider: Vec<String>,
    /// Events of pull requests.
    pub pull_request_event: Vec<String>,
    /// Types of environment variables on actions.
    pub environment_variable_type: Vec<String>,
    /// Types of source revisions.
    pub source_revision: Vec<String>,
}

/// What AWS takes when a member is absent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    /// `pipelineType`.
    pub pipeline_type: String,
    /// `executionMode`.
    pub execution_mode: String,
    /// `runOrder`.
    pub run_order: u64,
    /// Minutes of a manual approval.
    pub approval_minutes: u64,
    /// Minutes of an action whose type says nothing.
    pub action_minutes: u64,
}

/// The numbers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quotas {
    /// Stages of a pipeline.
    pub stages: Quota,
    /// Actions of a stage.
    pub actions_per_stage: Quota,
    /// Actions of a stage with the same run order.
    pub parallel_actions: Quota,
    /// Different run orders in a stage.
    pub sequential_actions: Quota,
    /// Actions of a pipeline.
    pub actions_per_pipeline: Quota,
    /// `runOrder`.
    pub run_order: Quota,
    /// Pipelines in a region.
    pub pipelines_per_region: Quota,
    /// Pipelines with polling sources in a region.
    pub polling_pipelines: Quota,
    /// Webhooks in a region.
    pub webhooks_per_region: Quota,
    /// Custom action types in a region.
    pub custom_actions: Quota,
    /// Executions waiting or running in QUEUED or PARALLEL mode.
    pub concurrent_executions: Quota,
    /// Variables of a pipeline.
    pub pipeline_variables: Quota,
    /// Characters of a variable's value or default.
    pub variable_value: Quota,
    /// Characters of a variable's description.
    pub variable_description: Quota,
    /// Triggers of a pipeline.
    pub triggers: Quota,
    /// Bytes of all the triggers of a pipeline.
    pub triggers_size: Quota,
    /// Push filters of a trigger.
    pub push_filters: Quota,
    /// Pull request filters of a trigger.
    pub pull_request_filters: Quota,
    /// Events of a pull request filter.
    pub pull_request_events: Quota,
    /// Patterns in an include or exclude list.
    pub filter_patterns: Quota,
    /// Characters of a pattern.
    pub filter_pattern_length: Quota,
    /// Conditions of a kind on a stage.
    pub conditions: Quota,
    /// Rules of a condition.
    pub rules: Quota,
    /// Entries of a rule's configuration.
    pub rule_config_entries: Quota,
    /// Characters of a value in a rule's configuration.
    pub rule_config_value: Quota,
    /// Characters of a key in an action's or rule's configuration.
    pub config_key: Quota,
    /// Characters of a value in an action's configuration, run-time variables unresolved.
    pub config_value: Quota,
    /// Bytes of an action's configuration with variables resolved.
    pub resolved_config: Quota,
    /// Commands of an action or rule.
    pub commands: Quota,
    /// Characters of a command.
    pub command_length: Quota,
    /// Declared output variables of an action.
    pub output_variables: Quota,
    /// Characters of an output variable's name.
    pub output_variable_name: Quota,
    /// Files of an output artifact.
    pub output_files: Quota,
    /// Characters of an output file.
    pub output_file_length: Quota,
    /// Environment variables on an action.
    pub environment_variables: Quota,
    /// Characters of an environment variable's value on an action.
    pub environment_value: Quota,
    /// Minutes of `timeoutInMinutes`.
    pub timeout_minutes: Quota,
    /// Bytes of `ParameterOverrides`.
    pub parameter_overrides: Quota,
    /// Bytes of an image definitions file.
    pub image_definitions_file: Quota,
}

/// Something that needs a V2 pipeline.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct V2Feature {
    /// Name within the catalogue.
    pub id: String,
    /// The feature in words.
    pub what: String,
}

/// Facts about triggers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Triggers {
    /// The provider whose source actions can have them.
    pub provider: String,
    /// Triggers per source action.
    pub per_source: usize,
    /// Sets of keys that a push filter may have.
    pub push_combinations: Vec<Combination>,
    /// Sets of keys that a pull request filter may have.
    pub pull_request_combinations: Vec<Combination>,
    /// What every criterion has.
    pub criteria: Vec<String>,
    /// How patterns match.
    pub glob: String,
    /// What a person should know.
    pub notes: Vec<String>,
    /// Where the facts are from.
    pub source: String,
}

/// A valid combination of filter keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Combination {
    /// The keys, sorted.
    pub keys: Vec<String>,
    /// False if the sources disagree.
    #[serde(default = "super::yes")]
    pub certain: bool,
    /// Why.
    #[serde(default)]
    pub note: Option<String>,
}

impl Triggers {
    /// The combination of these keys for push filters: `None` if AWS refuses it.
    pub fn push(&self, keys: &[&str]) -> Option<&Combination> {
        find(&self.push_combinations, keys)
    }

    /// The combination of these keys for pull request filters (`events` not counted).
    pub fn pull_request(&self, keys: &[&str]) -> Option<&Combination> {
        find(&self.pull_request_combinations, keys)
    }
}

fn find<'c>(list: &'c [Combination], keys: &[&str]) -> Option<&'c Combination> {
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    keys.dedup();
    list.iter().find(|c| c.keys == keys)
}

/// A word that a definition does not have there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ForeignMember {
    word: String,
    /// A member of the shape that is looked at.
    beside: String,
    /// What to write instead.
    advice: String,
}

/// A word of CloudFormation's templates.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateWord {
    /// As the template has it.
    pub template: String,
    /// As the pipeline file has it.
    pub ours: String,
}

impl Structure {
    /// What to write for a word that a shape with these members does not have.
    pub fn foreign_member(&self, word: &str, members: &[&str]) -> Option<&str> {
        self.foreign_members
            .iter()
            .find(|foreign| foreign.word == word && members.contains(&foreign.beside.as_str()))
            .map(|foreign| foreign.advice.as_str())
    }
}

/// Facts about variables.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariableRules {
    /// Namespaces that are AWS's own, with their keys; an empty list is open (pipeline variables).
    pub system: BTreeMap<String, Vec<String>>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// Where the facts are from.
    pub source: String,
}

/// An execution mode.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecutionMode {
    /// API word.
    pub name: String,
    /// What it does.
    pub what: String,
    /// Whether it needs a V2 pipeline.
    #[serde(default)]
    pub v2_only: bool,
    /// Whether stages can be rolled back in it.
    pub rollback: bool,
}

/// Regions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Regions {
    /// What the name of any region looks like.
    pub shape: Pattern,
    /// Where CodePipeline is offered.
    pub available: Vec<String>,
    /// Those that an account must opt in to.
    pub opt_in: Vec<String>,
    /// Partitions by the beginning of the region's name, longest first; else `aws`.
    pub partitions: Vec<(String, String)>,
    /// What else is to be known.
    pub note: String,
    /// Where the facts are from.
    pub source: String,
}

/// Addresses of the console, with places in braces.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Console {
    /// The host by partition.
    pub hosts: BTreeMap<String, String>,
    /// A pipeline.
    pub pipeline: String,
    /// An execution of it.
    pub execution: String,
    /// Where the facts are from.
    pub source: String,
}

impl Console {
    /// Where a person can look at a pipeline, or at one execution of it; nothing where the partition's console is
    /// not known.
    pub fn address(&self, region: &str, pipeline: &str, execution: Option<&str>) -> Option<String> {
        let host = self.hosts.get(regions().partition(region))?;
        let template = match execution {
            Some(_) => &self.execution,
            None => &self.pipeline,
        };
        Some(
            template
                .replace("{host}", host)
                .replace("{region}", region)
                .replace("{pipeline}", pipeline)
                .replace("{execution}", execution.unwrap_or_default()),
        )
    }
}

impl Regions {
    /// The partition of a region.
    pub fn partition(&self, region: &str) -> &str {
        self.partitions
            .iter()
            .find(|(prefix, _)| region.starts_with(prefix.as_str()))
            .map_or("aws", |(_, partition)| partition)
    }

    /// Whether a text can be the name of a region.
    pub fn is_name(&self, region: &str) -> bool {
        self.shape.matches(region)
    }

    /// Whether the lists speak about the part of the world that the region is in: of China they do not.
    pub fn are_listed(&self, region: &str) -> bool {
        let partition = self.partition(region);
        self.available
            .iter()
            .any(|known| self.partition(known) == partition)
    }

    /// Whether CodePipeline is known to be offered there.
    pub fn is_known(&self, region: &str) -> bool {
        self.available.iter().any(|r| r == region)
    }
}

/// Tags of pipelines.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tags {
    /// How many.
    pub count: Quota,
    /// A key.
    pub key: TextRule,
    /// A value.
    pub value: TextRule,
    /// A beginning of keys that is AWS's own, in any case.
    pub reserved_prefix: String,
    /// Where the facts are from.
    pub source: String,
}

/// EventBridge rules.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventRules {
    /// A rule's name.
    pub name: TextRule,
    /// A target's id.
    pub target_id: TextRule,
    /// A rule's description.
    pub description: TextRule,
    /// Characters of a pattern.
    pub pattern: Quota,
    /// Targets of a rule.
    pub targets: Quota,
    /// Characters of a target's input.
    pub input: Quota,
    /// Where the facts are from.
    pub source: String,
}

/// CloudWatch alarms.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alarms {
    /// What one does when it goes off.
    pub actions: Quota,
    /// Where the facts are from.
    pub source: String,
}

/// Webhooks of GitHub version 1.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    /// Filters.
    pub filters: Quota,
    /// Ways to authenticate.
    pub authentication: Vec<String>,
    /// Characters of the secret.
    pub secret: Quota,
    /// What else is to be known.
    pub note: String,
    /// Where the facts are from.
    pub source: String,
}

/// A rule of structure and what AWS answers when it is broken.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StructureRule {
    /// `S01` … `S26`, and `V01` … for single values.
    pub id: String,
    /// The rule in one sentence.
    pub rule: String,
    /// Code of the exception.
    #[serde(default)]
    pub exception: Option<String>,
    /// Text of the exception, with `{placeholder}`s.
    #[serde(default)]
    pub message: Option<String>,
    /// True if AWS's own words are not known and `message` is ours.
    #[serde(default)]
    pub message_is_ours: bool,
    /// False if the sources disagree about the rule or its exception.
    #[serde(default = "super::yes")]
    pub certain: bool,
    /// What else is to be known.
    #[serde(default)]
    pub note: Option<String>,
    /// Where the fact is from.
    #[serde(default)]
    pub source: Option<String>,
}

static FILE: LazyLock<Structure> =
    LazyLock::new(|| parse("structure.json", include_str!("structure.json")));
static RULES: LazyLock<Vec<StructureRule>> =
    LazyLock::new(|| parse("exceptions.json", include_str!("exceptions.json")));

/// Everything about structure.
pub fn structure() -> &'static Structure {
    &FILE
}

/// What names may look like.
pub fn names() -> &'static Names {
    &FILE.names
}

/// The numbers.
pub fn quotas() -> &'static Quotas {
    &FILE.quotas
}

/// Closed sets of words.
pub fn enums() -> &'static Enums {
    &FILE.enums
}

/// What AWS takes when a member is absent.
pub fn defaults() -> &'static Defaults {
    &FILE.defaults
}

/// Regions.
pub fn console() -> &'static Console {
    &structure().console
}

/// Regions.
pub fn regions() -> &'static Regions {
    &FILE.regions
}

/// The V2 feature with this id.
pub fn v2_feature(id: &str) -> Option<&'static V2Feature> {
    FILE.v2_features.iter().find(|f| f.id == id)
}

/// The execution mode with this API word.
pub fn execution_mode(name: &str) -> Option<&'static ExecutionMode> {
    FILE.execution_modes.iter().find(|m| m.name == name)
}

/// The rules of structure, in order.
pub fn rules() -> &'static [StructureRule] {
    &RULES
}

/// What AWS answers when the rule with this id is broken.
pub fn exception_for(id: &str) -> Option<&'static StructureRule> {
    RULES.iter().find(|rule| rule.id == id)
}

impl StructureRule {
    /// The text of the exception with its placeholders filled; a placeholder without a value stays as it is.
    pub fn message_with(&self, values: &[(&str, &str)]) -> String {
        let template = self.message.as_deref().unwrap_or(&self.rule);
        values
            .iter()
            .fold(template.to_owned(), |text, (name, value)| {
                text.replace(&format!("{{{name}}}"), value)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_accept_and_refuse() {
        use crate::catalog::text::TextProblem;
        let names = names();
        assert_eq!(names.pipeline.check("hw-api@1.x"), Ok(()));
        assert_eq!(
            names.pipeline.check("hw api"),
            Err(TextProblem::Character {
                character: ' ',
                at: 2
            })
        );
        assert_eq!(
            names.artifact.check("a.b"),
            Err(TextProblem::Character {
                character: '.',
                at: 1
            })
        );
        assert!(names.build_identifier.check("a-b").is_err());
        assert_eq!(
            names.namespace.check("variables"),
            Err(TextProblem::Reserved)
        );
        assert_eq!(
            names.stage.check(&"s".repeat(101)),
            Err(TextProblem::TooLong {
                length: 101,
                max: 100
            })
        );
        assert_eq!(
            names.role_arn.check("arn:aws:iam::123456789012:role/a/b"),
            Ok(())
        );
        assert_eq!(
            names.role_arn.check("arn:aws:iam::12:role/a"),
            Err(TextProblem::Shape)
        );
        assert_eq!(
            names.action.check(""),
            Err(TextProblem::TooShort { length: 0, min: 1 })
        );
    }

    #[test]
    fn every_structure_rule_is_there() {
        for number in 1..=26 {
            let id = format!("S{number:02}");
            let rule = exception_for(&id).unwrap_or_else(|| panic!("{id} is missing"));
            assert!(rule.exception.is_some() != rule.message.is_none(), "{id}");
        }
        let mut ids: Vec<_> = rules().iter().map(|r| &r.id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), rules().len());
    }

    #[test]
    fn messages_are_filled() {
        let rule = exception_for("S01").expect("there");
        assert_eq!(
            rule.message_with(&[("count", "1")]),
            "Pipeline has only 1 stage(s). There should be a minimum of 2 stages."
        );
    }

    #[test]
    fn trigger_combinations() {
        let triggers = &structure().triggers;
        assert!(triggers.push(&["filePaths", "branches"]).is_some());
        assert!(triggers.push(&["tags", "branches"]).is_none());
        assert!(triggers.push(&["tags", "filePaths"]).is_none());
        assert!(triggers.push(&[]).is_none());
        assert!(triggers.push(&["filePaths"]).is_some_and(|c| !c.certain));
        assert!(triggers.pull_request(&["branches"]).is_some());
        assert!(triggers.pull_request(&["tags"]).is_none());
    }

    #[test]
    fn partitions_and_regions() {
        let regions = regions();
        assert_eq!(regions.partition("eu-central-1"), "aws");
        assert_eq!(regions.partition("us-gov-west-1"), "aws-us-gov");
        assert_eq!(regions.partition("cn-north-1"), "aws-cn");
        assert!(regions.is_known("ap-southeast-6"));
        assert!(!regions.is_known("eu-centrl-1"));
        assert!(regions.available.iter().all(|r| regions.is_name(r)));
        assert!(regions.is_name("us-iso-east-1") && regions.is_name("cn-north-1"));
        assert!(!regions.is_name("eu-west-1a") && !regions.is_name("EU-WEST-1"));
        assert!(regions.are_listed("eu-centrl-1") && !regions.are_listed("cn-north-1"));
        assert!(regions.opt_in.iter().all(|r| regions.is_known(r)));
    }

    #[test]
    fn modes_are_the_enum() {
        let modes: Vec<_> = structure()
            .execution_modes
            .iter()
            .map(|m| &m.name)
            .collect();
        let mut words: Vec<_> = enums().execution_mode.iter().collect();
        words.sort();
        let mut sorted = modes;
        sorted.sort();
        assert_eq!(sorted, words);
    }
}
