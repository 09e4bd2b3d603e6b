//! What changed between two snapshots of an execution.

use serde::Serialize;

use super::snapshot::{Action, Snapshot, Stage};
use crate::execution::{ActionStatus, ConditionStatus, ExecutionStatus, StageStatus, Time};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(
    tag = "event",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum Event {
    /// The execution began to be followed, or its status changed.
    Execution {
        /// The execution.
        execution: String,
        /// Its status.
        status: ExecutionStatus,
        /// Why, where AWS says it.
        #[serde(skip_serializing_if = "Option::is_none")]
        summary: Option<String>,
    },
    /// An action began.
    Started {
        /// Its stage.
        stage: String,
        /// Its name.
        action: String,
        /// When.
        #[serde(skip_serializing_if = "Option::is_none")]
        at: Option<Time>,
    },
    /// An action ended.
    Ended {
        /// Its stage.
        stage: String,
        /// Its name.
        action: String,
        /// How.
        status: ActionStatus,
        /// When.
        #[serde(skip_serializing_if = "Option::is_none")]
        at: Option<Time>,
        /// Milliseconds it took.
        #[serde(skip_serializing_if = "Option::is_none")]
        took: Option<i64>,
        /// A line on it, or what went wrong.
        #[serde(skip_serializing_if = "Option::is_none")]
        summary: Option<String>,
    },
    /// An action waits for a person.
    Approval {
        /// Its stage.
        stage: String,
        /// Its name.
        action: String,
        /// What the person is told.
        #[serde(skip_serializing_if = "Option::is_none")]
        summary: Option<String>,
    },
    /// A stage ended in a way that its actions do not tell.
    Stage {
        /// Its name.
        stage: String,
        /// How.
        status: StageStatus,
    },
    /// A stage is tried again.
    Retry {
        /// Its name.
        stage: String,
        /// The how-manieth time.
        attempt: i64,
    },
    /// A condition was checked.
    Condition {
        /// The stage.
        stage: String,
        /// `before entry`, `after success`, `after failure`.
        side: &'static str,
        /// How it ended.
        status: ConditionStatus,
        /// A line on it.
        #[serde(skip_serializing_if = "Option::is_none")]
        summary: Option<String>,
    },
    /// The execution waits before a stage that is closed.
    Held {
        /// The stage.
        stage: String,
        /// Why it is closed.
        reason: String,
    },
    /// The execution waits before a stage that another one is in.
    Queued {
        /// The stage.
        stage: String,
        /// The other execution.
        behind: String,
    },
}

/// Everything that happened from `before` to `now`, in the order of the stages. Without `before`, everything that has
/// happened so far.
pub fn between(before: Option<&Snapshot>, now: &Snapshot) -> Vec<Event> {
    let mut events = Vec::new();
    let status = |snapshot: &Snapshot| snapshot.execution.as_ref().map(|one| one.status);
    let was = before.and_then(status);
    let ended = now.is_over();
    if let Some(execution) = &now.execution
        && was != Some(execution.status)
        && !ended
    {
        events.push(told(execution));
    }
    for (index, stage) in now.stages.iter().enumerate() {
        let old = before.and_then(|before| {
            before
                .stages
                .get(index)
                .filter(|old| old.name == stage.name)
                .or_else(|| before.stages.iter().find(|old| old.name == stage.name))
        });
        stage_events(old, stage, &mut events);
    }
    // The end is told last, after what led to it.
    if let Some(execution) = &now.execution
        && was != Some(execution.status)
        && ended
    {
        events.push(told(execution));
    }
    events
}

fn told(execution: &crate::execution::Execution) -> Event {
    Event::Execution {
        execution: execution.pipeline_execution_id.clone(),
        status: execution.status,
        summary: execution.status_summary.clone(),
    }
}

fn stage_events(old: Option<&Stage>, stage: &Stage, events: &mut Vec<Event>) {
    let reason = |stage: &Stage| stage.closed.clone().filter(|_| stage.waiting);
    if let Some(reason) = reason(stage)
        && old.and_then(reason_of) != Some(reason.clone())
    {
        events.push(Event::Held {
            stage: stage.name.clone(),
            reason,
        });
    }
    let behind = |stage: &Stage| stage.taken_by.clone().filter(|_| stage.waiting);
    if let Some(other) = behind(stage)
        && old.and_then(behind).as_ref() != Some(&other)
    {
        events.push(Event::Queued {
            stage: stage.name.clone(),
            behind: other,
        });
    }
    if stage.retries > old.map_or(0, |old| old.retries) {
        events.push(Event::Retry {
            stage: stage.name.clone(),
            attempt: stage.retries,
        });
    }
    let condition_events = |sides: &[&str], events: &mut Vec<Event>| {
        for condition in &stage.conditions {
            let Some(status) = condition.status.filter(|_| sides.contains(&condition.side)) else {
                continue;
            };
            let before = old.and_then(|old| {
                old.conditions
                    .iter()
                    .find(|before| before.side == condition.side)
            });
            if before.is_none_or(|before| before.status != Some(status)) {
                events.push(Event::Condition {
                    stage: stage.name.clone(),
                    side: condition.side,
                    status,
                    summary: condition.summary.clone(),
                });
            }
        }
    };
    condition_events(&["before entry"], events);
    for action in &stage.actions {
        let before = old.and_then(|old| old.actions.iter().find(|one| one.name == action.name));
        action_events(&stage.name, before, action, events);
    }
    condition_events(&["after success", "after failure"], events);
    let silent = matches!(
        stage.status,
        Some(StageStatus::Skipped | StageStatus::Stopped | StageStatus::Cancelled)
    );
    if let Some(status) = stage.status
        && silent
        && old.is_none_or(|old| old.status != Some(status))
    {
        events.push(Event::Stage {
            stage: stage.name.clone(),
            status,
        });
    }
}

fn reason_of(stage: &Stage) -> Option<String> {
    stage.closed.clone().filter(|_| stage.waiting)
}

fn action_events(stage: &str, before: Option<&Action>, action: &Action, events: &mut Vec<Event>) {
    let Some(status) = action.status else { return };
    let same_run = before.is_some_and(|before| before.run == action.run && before.run.is_some());
    let before = before.filter(|_| same_run);
    let (stage, name) = (stage.to_owned(), action.name.clone());
    if before.is_none() && !action.waits() {
        events.push(Event::Started {
            stage: stage.clone(),
            action: name.clone(),
            at: action.started,
        });
    }
    if action.waits() && !before.is_some_and(Action::waits) {
        events.push(Event::Approval {
            stage,
            action: name,
            summary: action.summary.clone(),
        });
        return;
    }
    if status != ActionStatus::InProgress && before.and_then(|one| one.status) != Some(status) {
        let error = action
            .error
            .as_ref()
            .and_then(|error| error.message.clone());
        let took = match (action.started, action.ended) {
            (Some(started), Some(ended)) => Some(started.until(ended)),
            _ => None,
        };
        events.push(Event::Ended {
            stage,
            action: name,
            status,
            at: action.ended,
            took,
            summary: match status {
                ActionStatus::Failed => error.or_else(|| action.summary.clone()),
                _ => action.summary.clone(),
            },
        });
    }
}
