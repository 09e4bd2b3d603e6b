//! The plan for machines, version 1: frozen.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Action, Change, Plan};
use crate::cloud::Calls;
use crate::resources::Id;

/// `plan --format json`, and `apply --format json` with what was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanJson {
    /// 1.
    pub version: u32,
    /// What changes; empty in sync.
    pub changes: Vec<ChangeJson>,
    /// What follows, in words.
    pub consequences: Vec<String>,
    /// Calls made.
    pub calls: CallsJson,
    /// What `--prune` would delete.
    pub leftovers: Vec<LeftoverJson>,
    /// Numbers.
    pub summary: SummaryJson,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeJson {
    /// `codebuild-project`
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its region, if not the home region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// `create`, `update`, `replace`, `delete`.
    pub action: String,
    /// `new`, `file`, `drift`, `rotation`, `leftover`, `adopt`.
    pub reason: String,
    /// What differs.
    pub fields: Vec<FieldJson>,
}

/// One member that changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldJson {
    /// `environment.image`
    pub path: String,
    /// `null`: absent.
    pub before: Value,
    /// `null`: absent.
    pub after: Value,
    /// Whether the values are masked.
    pub secret: bool,
}

/// Numbers of calls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallsJson {
    /// Calls that change nothing.
    pub read: u64,
    /// Calls that change something.
    pub write: u64,
    /// By operation.
    #[serde(default)]
    pub operations: BTreeMap<String, u64>,
}

/// One resource that nobody names any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftoverJson {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its region, if not the home region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Whether it goes only with `--delete-data`.
    pub data: bool,
}

/// Numbers of changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SummaryJson {
    /// Made.
    pub create: usize,
    /// Changed in place.
    pub update: usize,
    /// Deleted and made again.
    pub replace: usize,
    /// Deleted.
    pub delete: usize,
    /// As they should be.
    pub unchanged: usize,
}

impl From<&Calls> for CallsJson {
    fn from(calls: &Calls) -> Self {
        let mut operations = calls.read.clone();
        for (operation, number) in &calls.write {
            *operations.entry(operation.clone()).or_default() += number;
        }
        Self {
            read: calls.read.values().sum(),
            write: calls.write.values().sum(),
            operations,
        }
    }
}

pub(super) fn plan(plan: &Plan) -> PlanJson {
    let changes: Vec<&Change> = plan.changes.iter().collect();
    of_changes(plan, &changes, &plan.calls)
}

/// The same shape for some of the changes: those that were done.
pub(crate) fn of_changes(plan: &Plan, changes: &[&Change], calls: &Calls) -> PlanJson {
    let number = |action| changes.iter().filter(|c| c.action == action).count();
    PlanJson {
        version: 1,
        changes: changes.iter().map(|c| change(plan, c)).collect(),
        consequences: plan.consequences.clone(),
        calls: CallsJson::from(calls),
        leftovers: plan
            .leftovers
            .iter()
            .map(|id| LeftoverJson {
                kind: id.kind.to_string(),
                name: id.name.clone(),
                region: elsewhere(plan, id),
                data: id.kind.holds_data(),
            })
            .collect(),
        summary: SummaryJson {
            create: number(Action::Create),
            update: number(Action::Update),
            replace: number(Action::Replace),
            delete: number(Action::Delete),
            unchanged: plan.unchanged,
        },
    }
}

fn elsewhere(plan: &Plan, id: &Id) -> Option<String> {
    (id.region != plan.region).then(|| id.region.clone())
}

fn change(plan: &Plan, change: &Change) -> ChangeJson {
    ChangeJson {
        kind: change.id.kind.to_string(),
        name: change.id.name.clone(),
        region: elsewhere(plan, &change.id),
        action: change.action.as_str().to_owned(),
        reason: change.reason.as_str().to_owned(),
        fields: change
            .fields
            .iter()
            .map(|field| FieldJson {
                path: field.path.clone(),
                before: field.before.clone().unwrap_or_default(),
                after: field.after.clone().unwrap_or_default(),
                secret: field.secret,
            })
            .collect(),
    }
}
