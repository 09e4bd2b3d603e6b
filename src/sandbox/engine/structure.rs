//! The structure of a pipeline as an execution keeps it: what CreatePipeline was given, typed as far as running needs
//! it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::catalog::actions;
use crate::catalog::structure::{defaults, structure};
use crate::execution::{ExecutionMode, RetryMode};

/// A pipeline.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::sandbox) struct Pipeline {
    pub(in crate::sandbox) name: String,
    #[serde(default)]
    pub(in crate::sandbox) execution_mode: ExecutionMode,
    #[serde(default)]
    pub(in crate::sandbox) stages: Vec<Stage>,
    #[serde(default)]
    pub(in crate::sandbox) variables: Vec<Variable>,
    #[serde(default)]
    artifact_store: Option<Store>,
    #[serde(default)]
    artifact_stores: BTreeMap<String, Store>,
}

#[derive(Debug, Clone, Deserialize)]
struct Store {
    #[serde(default)]
    location: String,
}

/// A variable of the pipeline.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::sandbox) struct Variable {
    pub(in crate::sandbox) name: String,
    #[serde(default)]
    pub(in crate::sandbox) default_value: Option<String>,
}

/// A stage.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::sandbox) struct Stage {
    pub(in crate::sandbox) name: String,
    #[serde(default)]
    pub(in crate::sandbox) actions: Vec<Action>,
    #[serde(default)]
    before_entry: Option<Conditions>,
    #[serde(default)]
    on_success: Option<Conditions>,
    #[serde(default)]
    pub(in crate::sandbox) on_failure: Option<OnFailure>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Conditions {
    #[serde(default)]
    conditions: Vec<Condition>,
}

/// What follows when a stage fails.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::sandbox) struct OnFailure {
    #[serde(default)]
    pub(in crate::sandbox) result: Option<ConditionResult>,
    #[serde(default)]
    pub(in crate::sandbox) retry_configuration: Option<RetryConfiguration>,
    #[serde(default)]
    conditions: Vec<Condition>,
}

/// How a stage is tried again by itself.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::sandbox) struct RetryConfiguration {
    #[serde(default)]
    pub(in crate::sandbox) retry_mode: Option<RetryMode>,
}

/// What follows where a condition is not met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(in crate::sandbox) enum ConditionResult {
    Rollback,
    Fail,
    Retry,
    Skip,
}

/// A condition: rules that are all to succeed.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::sandbox) struct Condition {
    #[serde(default)]
    pub(in crate::sandbox) result: Option<ConditionResult>,
    #[serde(default)]
    pub(in crate::sandbox) rules: Vec<Rule>,
}

/// A side of a stage at which conditions stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox) enum Side {
    BeforeEntry,
    OnSuccess,
    OnFailure,
}

impl Side {
    /// The API's word.
    pub(in crate::sandbox) fn word(self) -> &'static str {
        match self {
            Self::BeforeEntry => "beforeEntry",
            Self::OnSuccess => "onSuccess",
            Self::OnFailure => "onFailure",
        }
    }
}

/// A rule.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::sandbox) struct Rule {
    pub(in crate::sandbox) name: String,
    pub(in crate::sandbox) rule_type_id: RuleType,
    #[serde(default)]
    pub(in crate::sandbox) configuration: BTreeMap<String, String>,
    #[serde(default)]
    pub(in crate::sandbox) commands: Vec<String>,
    #[serde(default)]
    pub(in crate::sandbox) input_artifacts: Vec<Artifact>,
    #[serde(default)]
    pub(in crate::sandbox) region: Option<String>,
    #[serde(default)]
    pub(in crate::sandbox) timeout_in_minutes: Option<u64>,
}

/// Which rule it is.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::sandbox) struct RuleType {
    pub(in crate::sandbox) provider: String,
}

/// An action.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::sandbox) struct Action {
    pub(in crate::sandbox) name: String,
    pub(in crate::sandbox) action_type_id: ActionTypeId,
    #[serde(default)]
    run_order: Option<u64>,
    #[serde(default)]
    pub(in crate::sandbox) configuration: BTreeMap<String, String>,
    #[serde(default)]
    pub(in crate::sandbox) commands: Vec<String>,
    #[serde(default)]
    pub(in crate::sandbox) output_variables: Vec<String>,
    #[serde(default)]
    pub(in crate::sandbox) environment_variables: Vec<EnvironmentVariable>,
    #[serde(default)]
    pub(in crate::sandbox) input_artifacts: Vec<Artifact>,
    #[serde(default)]
    pub(in crate::sandbox) output_artifacts: Vec<Artifact>,
    #[serde(default)]
    pub(in crate::sandbox) role_arn: Option<String>,
    #[serde(default)]
    pub(in crate::sandbox) region: Option<String>,
    #[serde(default)]
    pub(in crate::sandbox) namespace: Option<String>,
    #[serde(default)]
    timeout_in_minutes: Option<u64>,
}

/// Which action it is.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::sandbox) struct ActionTypeId {
    pub(in crate::sandbox) category: String,
    pub(in crate::sandbox) owner: String,
    pub(in crate::sandbox) provider: String,
    #[serde(default)]
    pub(in crate::sandbox) version: String,
}

/// An artifact that goes in or comes out.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::sandbox) struct Artifact {
    pub(in crate::sandbox) name: String,
    #[serde(default)]
    pub(in crate::sandbox) files: Vec<String>,
}

/// An environment variable of a Commands action.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::sandbox) struct EnvironmentVariable {
    pub(in crate::sandbox) name: String,
    #[serde(default)]
    pub(in crate::sandbox) value: String,
    #[serde(default, rename = "type")]
    pub(in crate::sandbox) kind: Option<String>,
}

impl Pipeline {
    /// The typed form of a stored body, with what AWS takes where a member is absent.
    pub(in crate::sandbox) fn new(body: &Value, region: &str) -> Result<Self, serde_json::Error> {
        let mut body = body.clone();
        super::super::view::complete_pipeline(&mut body, region);
        serde_json::from_value(body)
    }

    /// The stage of that name and where it stands.
    pub(in crate::sandbox) fn stage(&self, name: &str) -> Option<(usize, &Stage)> {
        self.stages
            .iter()
            .enumerate()
            .find(|(_, stage)| stage.name == name)
    }

    /// The bucket of artifacts in a region.
    pub(in crate::sandbox) fn bucket(&self, region: &str) -> &str {
        self.artifact_store
            .as_ref()
            .or_else(|| self.artifact_stores.get(region))
            .or_else(|| self.artifact_stores.values().next())
            .map_or("", |store| store.location.as_str())
    }
}

impl Stage {
    /// The conditions at a side.
    pub(in crate::sandbox) fn conditions(&self, side: Side) -> &[Condition] {
        match side {
            Side::BeforeEntry => self.before_entry.as_ref().map(|some| &some.conditions),
            Side::OnSuccess => self.on_success.as_ref().map(|some| &some.conditions),
            Side::OnFailure => self.on_failure.as_ref().map(|some| &some.conditions),
        }
        .map_or(&[], Vec::as_slice)
    }

    /// The groups of actions with the same run order, the first first.
    pub(in crate::sandbox) fn groups(&self) -> Vec<Vec<&Action>> {
        let mut groups: BTreeMap<u64, Vec<&Action>> = BTreeMap::new();
        for action in &self.actions {
            groups.entry(action.order()).or_default().push(action);
        }
        groups.into_values().collect()
    }

    /// The action of that name.
    pub(in crate::sandbox) fn action(&self, name: &str) -> Option<&Action> {
        self.actions.iter().find(|action| action.name == name)
    }
}

impl Action {
    fn order(&self) -> u64 {
        self.run_order.unwrap_or(defaults().run_order)
    }

    /// Whether a person answers it.
    pub(in crate::sandbox) fn is_approval(&self) -> bool {
        self.action_type_id.category == "Approval"
    }

    /// The `actionTypeId` as JSON.
    pub(in crate::sandbox) fn type_id(&self) -> Value {
        let id = &self.action_type_id;
        serde_json::json!({
            "category": id.category, "owner": id.owner, "provider": id.provider, "version": id.version,
        })
    }

    /// Minutes after which it has failed (docs:limits).
    pub(in crate::sandbox) fn minutes(&self) -> u64 {
        let id = &self.action_type_id;
        self.timeout_in_minutes
            .or_else(|| {
                actions::action_type(&id.owner, &id.category, &id.provider)
                    .and_then(|kind| kind.timeout_minutes)
            })
            .unwrap_or(match self.is_approval() {
                true => structure().defaults.approval_minutes,
                false => structure().defaults.action_minutes,
            })
    }
}
