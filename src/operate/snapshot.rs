//! An execution and its stages at one moment, put together from what an account says of them.

use crate::execution::{
    ActionRun, ActionStatus, ErrorDetails, Execution, ExecutionMode, PipelineState,
    StageConditionState, StageState, StageStatus, Time,
};

/// A pipeline as one execution sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The pipeline.
    pub pipeline: String,
    /// The execution; none where the pipeline has never run.
    pub execution: Option<Execution>,
    /// Its stages, in order.
    pub stages: Vec<Stage>,
}

/// A stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// What became of it in this execution; nothing where it has not come so far.
    pub status: Option<StageStatus>,
    /// Whether this execution stands before it.
    pub waiting: bool,
    /// Why nobody may enter.
    pub closed: Option<String>,
    /// The other execution that is in it.
    pub taken_by: Option<String>,
    /// Its actions, in order.
    pub actions: Vec<Action>,
    /// What was checked around it, in words.
    pub conditions: Vec<Condition>,
    /// How often it was tried again.
    pub retries: i64,
}

/// An action.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    /// Its name.
    pub name: String,
    /// Its provider, as far as it has run.
    pub provider: Option<String>,
    /// The id of its last run in this execution.
    pub run: Option<String>,
    /// What became of that.
    pub status: Option<ActionStatus>,
    /// When it began.
    pub started: Option<Time>,
    /// When it ended.
    pub ended: Option<Time>,
    /// A line on it.
    pub summary: Option<String>,
    /// The build, deployment, … it started.
    pub external: Option<String>,
    /// Where a person can look at that.
    pub url: Option<String>,
    /// What went wrong.
    pub error: Option<ErrorDetails>,
    /// Whether a person is asked.
    pub approval: bool,
    /// With what to answer, where it waits for a person.
    pub token: Option<String>,
    /// Who answered.
    pub by: Option<String>,
}

/// What was checked around a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// `before entry`, `after success`, `after failure`.
    pub side: &'static str,
    /// AWS's word; nothing where it was not checked.
    pub status: Option<crate::execution::ConditionStatus>,
    /// A line on it.
    pub summary: Option<String>,
}

impl Action {
    /// Whether it waits for a person.
    pub fn waits(&self) -> bool {
        (self.approval || self.token.is_some()) && self.status == Some(ActionStatus::InProgress)
    }

    /// Milliseconds it has run.
    pub fn took(&self, now: Time) -> Option<i64> {
        let started = self.started?;
        let end = match self.status {
            Some(ActionStatus::InProgress) => now,
            _ => self.ended?,
        };
        Some(started.until(end))
    }
}

impl Stage {
    /// Milliseconds from the begin of its first action.
    pub fn took(&self, now: Time) -> Option<i64> {
        let started = self.actions.iter().filter_map(|one| one.started).min()?;
        let running = self.status == Some(StageStatus::InProgress);
        let end = if running {
            now
        } else {
            self.actions.iter().filter_map(|one| one.ended).max()?
        };
        Some(started.until(end))
    }
}

impl Snapshot {
    /// From what GetPipelineState and ListActionExecutions say.
    pub fn of(state: &PipelineState, execution: Option<Execution>, runs: &[ActionRun]) -> Self {
        let id = execution
            .as_ref()
            .map(|execution| execution.pipeline_execution_id.clone());
        // What GetPipelineState says of a stage is about the execution that was in it last, whichever it is.
        let parallel = execution
            .as_ref()
            .is_some_and(|one| one.execution_mode == ExecutionMode::Parallel);
        let stages: Vec<Stage> = state
            .stage_states
            .iter()
            .map(|stage| {
                let own: Vec<&ActionRun> = runs
                    .iter()
                    .filter(|run| run.stage_name == stage.stage_name)
                    .collect();
                stage_of(stage, id.as_deref(), &own, parallel)
            })
            .collect();
        Self {
            pipeline: state.pipeline_name.clone(),
            execution,
            stages,
        }
    }

    /// The id of the execution.
    pub fn id(&self) -> Option<&str> {
        self.execution
            .as_ref()
            .map(|execution| execution.pipeline_execution_id.as_str())
    }

    /// Whether the execution is over.
    pub fn is_over(&self) -> bool {
        self.execution
            .as_ref()
            .is_none_or(|execution| execution.status.is_over())
    }

    /// Every action that waits for a person, with its stage.
    pub fn waiting(&self) -> impl Iterator<Item = (&Stage, &Action)> {
        self.stages.iter().flat_map(|stage| {
            stage
                .actions
                .iter()
                .filter(|action| action.waits())
                .map(move |action| (stage, action))
        })
    }

    /// Every action whose last run failed, with its stage.
    pub fn failed(&self) -> impl Iterator<Item = (&Stage, &Action)> {
        self.stages.iter().flat_map(|stage| {
            stage
                .actions
                .iter()
                .filter(|action| action.status == Some(ActionStatus::Failed))
                .map(move |action| (stage, action))
        })
    }

    /// The stage that failed.
    pub fn failed_stage(&self) -> Option<&Stage> {
        self.stages
            .iter()
            .find(|stage| stage.status == Some(StageStatus::Failed))
    }
}

fn stage_of(stage: &StageState, id: Option<&str>, runs: &[&ActionRun], parallel: bool) -> Stage {
    let latest = stage.latest_execution.as_ref();
    let ours = latest.filter(|latest| id.is_none_or(|id| latest.pipeline_execution_id == id));
    let waiting = id.is_some_and(|id| {
        stage
            .inbound_executions
            .iter()
            .any(|inbound| inbound.pipeline_execution_id == id)
    });
    let transition = &stage.inbound_transition_state;
    let actions: Vec<Action> = stage
        .action_states
        .iter()
        .map(|state| {
            let run = runs
                .iter()
                .rfind(|run| run.action_name == state.action_name);
            let now = state
                .latest_execution
                .as_ref()
                .filter(|_| ours.is_some())
                .filter(|now| {
                    run.is_none_or(|run| {
                        now.action_execution_id.is_empty()
                            || run.action_execution_id == now.action_execution_id
                    })
                });
            action_of(&state.action_name, run.copied(), now, id.is_none())
        })
        .collect();
    let status = ours
        .map(|ours| ours.status)
        .or_else(|| from_actions(&actions, parallel));
    Stage {
        name: stage.stage_name.clone(),
        status,
        waiting,
        closed: (!transition.enabled)
            .then(|| transition.disabled_reason.clone().unwrap_or_default()),
        taken_by: latest
            .filter(|latest| {
                !parallel && ours.is_none() && latest.status == StageStatus::InProgress
            })
            .map(|latest| latest.pipeline_execution_id.clone()),
        actions,
        conditions: if ours.is_some() {
            conditions(stage)
        } else {
            Vec::new()
        },
        retries: stage
            .retry_stage_metadata
            .as_ref()
            .filter(|_| ours.is_some())
            .map_or(0, |retries| {
                retries.auto_stage_retry_attempt + retries.manual_stage_retry_attempt
            }),
    }
}

/// What became of a stage of which only the runs of its actions are known.
fn from_actions(actions: &[Action], parallel: bool) -> Option<StageStatus> {
    let any = |status| actions.iter().any(|one| one.status == Some(status));
    if actions.iter().all(|action| action.status.is_none()) {
        None
    } else if any(ActionStatus::InProgress) {
        Some(StageStatus::InProgress)
    } else if any(ActionStatus::Failed) {
        Some(StageStatus::Failed)
    } else if any(ActionStatus::Abandoned) {
        Some(StageStatus::Stopped)
    } else if actions.iter().all(|one| one.status.is_some()) || !parallel {
        Some(StageStatus::Succeeded)
    } else {
        // the next action of the stage has not begun yet
        Some(StageStatus::InProgress)
    }
}

fn action_of(
    name: &str,
    run: Option<&ActionRun>,
    now: Option<&crate::execution::ActionExecution>,
    anybodys: bool,
) -> Action {
    let result = run.map(|run| &run.output.execution_result);
    let text = |value: Option<&String>| value.filter(|text| !text.is_empty()).cloned();
    let approval = run.is_some_and(|run| run.input.action_type_id["category"] == "Approval");
    let question = run.filter(|_| approval).and_then(|run| {
        let input = &run.input;
        let said = |map: &std::collections::BTreeMap<String, String>| text(map.get("CustomData"));
        said(&input.resolved_configuration).or_else(|| said(&input.configuration))
    });
    // The two answers are of two moments: an end that one of them knows is an end.
    let status = match (run.map(|run| run.status), now.and_then(|now| now.status)) {
        (Some(ActionStatus::InProgress) | None, Some(now)) => Some(now),
        (status, _) => status,
    };
    Action {
        name: name.to_owned(),
        provider: run.and_then(|run| {
            run.input.action_type_id["provider"]
                .as_str()
                .map(ToOwned::to_owned)
        }),
        run: run
            .map(|run| run.action_execution_id.clone())
            .or_else(|| now.map(|now| now.action_execution_id.clone()))
            .filter(|id| !id.is_empty()),
        status,
        started: run.and_then(|run| run.start_time),
        ended: match status {
            Some(ActionStatus::InProgress) | None => None,
            _ => run
                .filter(|run| run.status != ActionStatus::InProgress)
                .and_then(|run| run.last_update_time)
                .or_else(|| now.and_then(|now| now.last_status_change)),
        },
        summary: text(now.and_then(|now| now.summary.as_ref()))
            .or_else(|| text(result.and_then(|result| result.external_execution_summary.as_ref())))
            .or(question),
        external: text(result.and_then(|result| result.external_execution_id.as_ref()))
            .or_else(|| text(now.and_then(|now| now.external_execution_id.as_ref()))),
        url: text(result.and_then(|result| result.external_execution_url.as_ref()))
            .or_else(|| text(now.and_then(|now| now.external_execution_url.as_ref()))),
        error: result
            .and_then(|result| result.error_details.clone())
            .or_else(|| now.and_then(|now| now.error_details.clone()))
            .filter(|error| error.code.is_some() || error.message.is_some()),
        approval,
        token: text(now.and_then(|now| now.token.as_ref()))
            .filter(|_| run.is_some() || now.is_some() || anybodys),
        by: text(run.and_then(|run| run.updated_by.as_ref()))
            .or_else(|| text(now.and_then(|now| now.last_updated_by.as_ref()))),
    }
}

fn conditions(stage: &StageState) -> Vec<Condition> {
    [
        ("before entry", &stage.before_entry_condition_state),
        ("after success", &stage.on_success_condition_state),
        ("after failure", &stage.on_failure_condition_state),
    ]
    .into_iter()
    .filter_map(|(side, state)| {
        let state: &StageConditionState = state.as_ref()?;
        let latest = state.latest_execution.as_ref()?;
        latest.status?;
        let rules = state
            .condition_states
            .iter()
            .flat_map(|condition| &condition.rule_states)
            .filter_map(|rule| {
                let latest = rule.latest_execution.as_ref()?;
                let summary = latest.summary.as_ref().or_else(|| {
                    latest
                        .error_details
                        .as_ref()
                        .and_then(|error| error.message.as_ref())
                })?;
                Some(format!("{}: {summary}", rule.rule_name))
            })
            .next();
        Some(Condition {
            side,
            status: latest.status,
            summary: rules.or_else(|| latest.summary.clone()),
        })
    })
    .collect()
}
