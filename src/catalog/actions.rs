//! The action types CodePipeline offers: artifacts, configuration keys, variables, permissions, events.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use super::iam::{Statement, StatementTemplate, render_needed};
use super::keys::{ConfigKey, Format};
use super::later::Later;
use super::parse;
use super::rules::{ConfigRule, RuleProblem};
use super::template::{self, Lookup, MissingPlaceholder};
use super::text::Certain;
use super::when::Facts;

/// One action type: owner, categories, provider.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionType {
    /// Name within the catalogue: `codebuild`, `deploy-s3`.
    pub id: String,
    /// `AWS`, `ThirdParty` or `Custom`.
    pub owner: String,
    /// The categories it is offered in; the first is its usual one.
    pub categories: Vec<String>,
    /// Provider as the API writes it.
    pub provider: String,
    /// True if the account gives the provider its name (custom actions); `provider` is then an example.
    #[serde(default)]
    pub provider_named_by_account: bool,
    /// Version, `1` everywhere today.
    #[serde(default = "version_one")]
    pub version: String,
    /// The words of the pipeline file that mean this type, as `group.kind`: `deploy.ecs`, `source.github`.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// Whether it needs a V2 pipeline.
    #[serde(default)]
    pub v2_only: Certain<bool>,
    /// How many input artifacts it takes.
    pub inputs: Bounds,
    /// How many output artifacts it gives.
    pub outputs: Bounds,
    /// True if its configuration is not public: accept everything, with a warning.
    #[serde(default)]
    pub opaque: bool,
    /// Its configuration keys.
    #[serde(default)]
    pub keys: Later<Vec<ConfigKey>>,
    /// How the keys depend on one another.
    #[serde(default)]
    pub rules: Later<Vec<ConfigRule>>,
    /// The variables it gives to its namespace.
    #[serde(default)]
    pub variables: Variables,
    /// Variables that exist only after certain events (`push_branch`, `push_tag`, `pull_request`).
    #[serde(default)]
    pub variables_by_event: BTreeMap<String, Vec<String>>,
    /// Whether the action may stand in another region.
    #[serde(default)]
    pub cross_region: Certain<bool>,
    /// Fields outside `configuration` it may have: `commands`, `outputVariables`, `files`,
    /// `environmentVariables`, `timeoutInMinutes`.
    #[serde(default)]
    pub fields: Vec<String>,
    /// Whether CodePipeline keeps its log under `/aws/codepipeline/<pipeline>`.
    #[serde(default)]
    pub log_group: bool,
    /// The key that switches polling on and off.
    #[serde(default)]
    pub polling_key: Option<String>,
    /// Minutes after which CodePipeline gives up.
    #[serde(default)]
    pub timeout_minutes: Option<u64>,
    /// Bounds of `timeoutInMinutes` where the action may say it.
    #[serde(default)]
    pub timeout_range: Option<[u64; 2]>,
    /// Set if AWS discourages or has ended it: what to say, in one sentence.
    #[serde(default)]
    pub discouraged: Option<String>,
    /// A region that is the only one the service exists in.
    #[serde(default)]
    pub only_region: Option<String>,
    /// Regions without the provider; lists age, so only a warning.
    #[serde(default)]
    pub absent_regions: Vec<String>,
    /// What a person should know.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Where the facts are from.
    #[serde(default)]
    pub source: Option<String>,
}

fn version_one() -> String {
    "1".to_owned()
}

/// How many artifacts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// Fewest.
    pub min: usize,
    /// Most.
    pub max: usize,
    /// False if the sources disagree.
    #[serde(default = "super::yes")]
    pub certain: bool,
    /// Where they disagree: more than these none of them allows.
    #[serde(default)]
    pub at_most: Option<usize>,
    /// What the sources say.
    #[serde(default)]
    pub note: Option<String>,
}

impl Bounds {
    /// Whether every source refuses `number`.
    pub fn surely_refuses(&self, number: usize) -> bool {
        let beyond_all = self.at_most.is_some_and(|most| number > most);
        beyond_all || self.certain && !self.allows(number)
    }

    /// Whether `number` lies within.
    pub fn allows(&self, number: usize) -> bool {
        (self.min..=self.max).contains(&number)
    }
}

/// The variables an action type gives.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Variables {
    /// Exactly these.
    Named(Vec<String>),
    /// Known only from elsewhere.
    Open(VariableOrigin),
}

impl Default for Variables {
    fn default() -> Self {
        Variables::Named(Vec::new())
    }
}

/// Where the names of open variables stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum VariableOrigin {
    /// `env.exported-variables` of the buildspec.
    Buildspec,
    /// The outputs of the stack.
    StackOutputs,
    /// What the function returns with its job result.
    FunctionResult,
    /// The action's `outputVariables`.
    OutputVariables,
    /// A custom or partner action: whatever it says.
    Worker,
}

/// What an action type needs and causes outside itself.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effects {
    /// Statements on the role that runs the action.
    #[serde(default)]
    pub iam: Vec<StatementTemplate>,
    /// Statements on the CodeBuild roles that consume its output.
    #[serde(default)]
    pub consumer_build_role: Vec<StatementTemplate>,
    /// Statements on the role of the function it calls.
    #[serde(default)]
    pub function_role: Vec<StatementTemplate>,
    /// How a change at the source starts the pipeline.
    #[serde(default)]
    pub change_detection: Option<ChangeDetection>,
}

/// How a change starts the pipeline.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeDetection {
    /// The way.
    pub by: DetectionWay,
    /// Event pattern with placeholders.
    #[serde(default)]
    pub pattern: Option<Value>,
    /// True if the bucket must send events to EventBridge.
    #[serde(default)]
    pub bucket_events: bool,
    /// Filters of a webhook, with placeholders.
    #[serde(default)]
    pub webhook_filters: Option<Value>,
    /// What else is to be known.
    #[serde(default)]
    pub note: Option<String>,
    /// Where the fact is from.
    #[serde(default)]
    pub source: Option<String>,
}

/// The ways a change can start a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DetectionWay {
    /// An EventBridge rule that we make.
    EventBridge,
    /// The connection itself.
    Connection,
    /// A webhook that we make.
    Webhook,
}

/// What a custom action type may be.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomActions {
    /// Categories.
    pub categories: Vec<String>,
    /// Artifacts on each side.
    pub artifacts: Bounds,
    /// Most configuration properties.
    pub max_properties: usize,
    /// Where the facts are from.
    #[serde(default)]
    pub source: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    custom: CustomActions,
    actions: Vec<ActionType>,
}

static FILE: LazyLock<File> = LazyLock::new(|| parse("actions.json", include_str!("actions.json")));
static EFFECTS: LazyLock<BTreeMap<String, Later<Effects>>> =
    LazyLock::new(|| parse("action_effects.json", include_str!("action_effects.json")));
static NO_EFFECTS: Effects = Effects {
    iam: Vec::new(),
    consumer_build_role: Vec::new(),
    function_role: Vec::new(),
    change_detection: None,
};

/// Every action type, in the order of the file.
pub fn all() -> &'static [ActionType] {
    &FILE.actions
}

/// The action type of an `actionTypeId`.
pub fn action_type(owner: &str, category: &str, provider: &str) -> Option<&'static ActionType> {
    all()
        .iter()
        .find(|a| a.owner == owner && a.provider == provider && a.has_category(category))
}

/// The action type by its name within the catalogue.
pub fn by_id(id: &str) -> Option<&'static ActionType> {
    all().iter().find(|a| a.id == id)
}

/// The action type that `group.kind` of the pipeline file means: `by_kind("deploy", "ecs")`.
pub fn by_kind(group: &str, kind: &str) -> Option<&'static ActionType> {
    let matches = |text: &String| text.split_once('.') == Some((group, kind));
    all().iter().find(|a| a.kinds.iter().any(matches))
}

/// The kinds of a group of the pipeline file, in the order of the file: `kinds("deploy")`.
pub fn kinds(group: &str) -> Vec<&'static str> {
    all()
        .iter()
        .flat_map(|a| &a.kinds)
        .filter_map(|kind| match kind.split_once('.') {
            Some((g, kind)) if g == group => Some(kind),
            _ => None,
        })
        .collect()
}

/// The action types of a category, for messages.
pub fn providers_of(category: &str) -> Vec<&'static ActionType> {
    all().iter().filter(|a| a.has_category(category)).collect()
}

/// The action types with this provider, whatever owner and category: "S3 is a Source and a Deploy provider".
pub fn by_provider(provider: &str) -> Vec<&'static ActionType> {
    all()
        .iter()
        .filter(|a| a.provider.eq_ignore_ascii_case(provider))
        .collect()
}

/// The action types that have this configuration key (API spelling): "`Branch` belongs to GitHub".
pub fn key_owners(key: &str) -> Vec<&'static ActionType> {
    all().iter().filter(|a| a.key(key).is_some()).collect()
}

/// What custom action types may be.
pub fn custom() -> &'static CustomActions {
    &FILE.custom
}

impl ActionType {
    /// The usual category.
    pub fn category(&self) -> &str {
        self.categories.first().map_or("", String::as_str)
    }

    /// Whether it is offered in the category.
    pub fn has_category(&self, category: &str) -> bool {
        self.categories.iter().any(|c| c == category)
    }

    /// The key by its API spelling.
    pub fn key(&self, name: &str) -> Option<&ConfigKey> {
        self.keys.iter().find(|k| k.name == name)
    }

    /// The key that a word of the pipeline file means: a short name, or the API's key in camelCase.
    pub fn friendly(&self, camel: &str) -> Option<&ConfigKey> {
        self.keys.iter().find(|k| k.answers_to(camel))
    }

    /// The words of the pipeline file for its keys, for suggestions: the short name where there is one.
    pub fn friendly_names(&self) -> Vec<String> {
        self.keys.iter().map(ConfigKey::friendly_name).collect()
    }

    /// Whether the field outside `configuration` is allowed.
    pub fn has_field(&self, field: &str) -> bool {
        self.fields.iter().any(|f| f == field)
    }

    /// What it needs and causes outside itself.
    pub fn effects(&self) -> &'static Effects {
        EFFECTS.get(&self.id).map_or(&NO_EFFECTS, |effects| effects)
    }

    /// The statements the role that runs the action needs. `lookup` answers for what is no configuration key
    /// (`P`, `R`, `A`, `pipeline`, `passRoles`, …); keys come from `facts`, or their default.
    ///
    /// # Errors
    /// If a placeholder of a needed statement has no value.
    pub fn statements(
        &self,
        facts: &dyn Facts,
        lookup: &Lookup<'_>,
    ) -> Result<Vec<Statement>, MissingPlaceholder> {
        self.render(&self.effects().iam, facts, lookup)
    }

    /// The statements that the CodeBuild role of each consumer of its output needs.
    ///
    /// # Errors
    /// If a placeholder of a needed statement has no value.
    pub fn consumer_statements(
        &self,
        facts: &dyn Facts,
        lookup: &Lookup<'_>,
    ) -> Result<Vec<Statement>, MissingPlaceholder> {
        self.render(&self.effects().consumer_build_role, facts, lookup)
    }

    /// The event pattern that starts the pipeline, if it is by EventBridge.
    ///
    /// # Errors
    /// If a placeholder has no value.
    pub fn event_pattern(
        &self,
        facts: &dyn Facts,
        lookup: &Lookup<'_>,
    ) -> Result<Option<Value>, MissingPlaceholder> {
        let pattern = self.effects().change_detection.as_ref();
        match pattern.and_then(|d| d.pattern.as_ref()) {
            None => Ok(None),
            Some(pattern) => {
                let find = |name: &str| self.placeholder(name, facts, lookup);
                template::render_json(pattern, &find).map(Some)
            }
        }
    }

    fn render(
        &self,
        templates: &'static [StatementTemplate],
        facts: &dyn Facts,
        lookup: &Lookup<'_>,
    ) -> Result<Vec<Statement>, MissingPlaceholder> {
        let find = |name: &str| self.placeholder(name, facts, lookup);
        render_needed(templates, facts, &find)
    }

    /// Configuration keys first (a list key once per item), then the caller.
    fn placeholder(
        &self,
        name: &str,
        facts: &dyn Facts,
        lookup: &Lookup<'_>,
    ) -> Option<Vec<String>> {
        let Some(key) = self.key(name) else {
            return lookup(name);
        };
        let value = facts.value(name).or(key.default.as_deref())?;
        Some(match key.format {
            Format::CommaList => value.split(',').map(|v| v.trim().to_owned()).collect(),
            _ => vec![value.to_owned()],
        })
    }

    /// The broken dependencies between keys.
    pub fn rule_problems(&'static self, facts: &dyn Facts) -> Vec<RuleProblem> {
        self.rules
            .iter()
            .flat_map(|rule| rule.problems(facts))
            .collect()
    }
}

#[cfg(test)]
mod tests;
