//! GetPipelineState: what the rows say of a pipeline as it stands now.

use rusqlite::Connection;

use super::super::{Outcome, Sandbox, executions, store};
use super::rows::{self, ActionRow, Phase, Run, StageRun};
use super::structure::{Pipeline, Side, Stage};
use crate::execution::{
    ActionExecution, ActionState, ActionStatus, ConditionExecution, ConditionState,
    CurrentRevision, ExecutionStatus, PipelineState, RetryStageMetadata, RuleExecution, RuleState,
    StageConditionState, StageExecution, StageState, StageStatus, Time, TransitionState,
};

impl Sandbox {
    /// The state of a pipeline.
    pub(in crate::sandbox) fn pipeline_state(
        &self,
        db: &Connection,
        name: &str,
    ) -> Outcome<PipelineState> {
        const OPERATION: &str = "CodePipeline:GetPipelineState";
        let Some(row) = store::row(db, "pipeline", &self.region, name)? else {
            return executions::no_pipeline(OPERATION, name);
        };
        let pipeline = match Pipeline::new(&row.body, &self.region) {
            Ok(pipeline) => pipeline,
            Err(error) => {
                return super::super::refuse(
                    OPERATION,
                    "sandbox-structure",
                    format!("The structure of {name} cannot be read: {error}"),
                );
            }
        };
        let mut state = PipelineState {
            pipeline_name: name.to_owned(),
            pipeline_version: row.version,
            stage_states: Vec::new(),
        };
        for (position, stage) in pipeline.stages.iter().enumerate() {
            state
                .stage_states
                .push(self.stage_state(db, name, position, stage)?);
        }
        Ok(state)
    }

    fn stage_state(
        &self,
        db: &Connection,
        pipeline: &str,
        position: usize,
        stage: &Stage,
    ) -> Outcome<StageState> {
        let last = rows::last_in_stage(db, &self.region, pipeline, &stage.name)?;
        let of = match &last {
            Some(last) => rows::run(db, &last.execution)?,
            None => None,
        };
        let waiting = rows::at_stage(db, &self.region, pipeline, position)?;
        let mut state = StageState {
            stage_name: stage.name.clone(),
            inbound_executions: waiting
                .into_iter()
                .filter(|run| run.phase == Phase::Waiting)
                .map(|run| StageExecution {
                    pipeline_execution_id: run.id,
                    status: StageStatus::InProgress,
                    kind: run.kind,
                })
                .collect(),
            inbound_transition_state: self.transition(db, pipeline, &stage.name)?,
            latest_execution: last
                .as_ref()
                .zip(of.as_ref())
                .map(|(last, of)| stage_execution(last, of)),
            retry_stage_metadata: last.as_ref().and_then(|last| {
                Some(RetryStageMetadata {
                    auto_stage_retry_attempt: last.automatic,
                    manual_stage_retry_attempt: last.manual,
                    latest_retry_trigger: Some(last.trigger.clone()?),
                })
            }),
            ..StageState::default()
        };
        for action in &stage.actions {
            let row = rows::last_action_run(db, &self.region, pipeline, &stage.name, &action.name)?;
            state.action_states.push(action_state(&action.name, row));
        }
        state.before_entry_condition_state =
            conditions(db, stage, Side::BeforeEntry, last.as_ref())?;
        state.on_success_condition_state = conditions(db, stage, Side::OnSuccess, last.as_ref())?;
        state.on_failure_condition_state = conditions(db, stage, Side::OnFailure, last.as_ref())?;
        Ok(state)
    }

    fn transition(&self, db: &Connection, pipeline: &str, stage: &str) -> Outcome<TransitionState> {
        let name = format!("{pipeline} {stage}");
        let row = store::row(db, "stage-transition", &self.region, &name)?;
        Ok(
            row.map_or_else(TransitionState::default, |row| TransitionState {
                enabled: row.body["enabled"] != false,
                last_changed_by: None,
                last_changed_at: Some(Time(row.modified * 1000)),
                disabled_reason: row.body["reason"].as_str().map(ToOwned::to_owned),
            }),
        )
    }
}

fn stage_execution(last: &StageRun, of: &Run) -> StageExecution {
    let stopping = of.status == ExecutionStatus::Stopping && last.status == StageStatus::InProgress;
    StageExecution {
        pipeline_execution_id: of.id.clone(),
        status: if stopping {
            StageStatus::Stopping
        } else {
            last.status
        },
        kind: of.kind,
    }
}

fn action_state(name: &str, row: Option<ActionRow>) -> ActionState {
    let mut state = ActionState {
        action_name: name.to_owned(),
        ..ActionState::default()
    };
    let Some(row) = row else {
        return state;
    };
    let result = row.output.execution_result;
    if row.input.action_type_id["category"] == "Source" && row.status == ActionStatus::Succeeded {
        let variables = &row.output.output_variables;
        let id = ["CommitId", "VersionId", "ImageDigest"]
            .iter()
            .find_map(|key| variables.get(*key));
        state.current_revision = id.map(|id| CurrentRevision {
            revision_id: id.clone(),
            revision_change_id: id.clone(),
            created: Some(Time(row.updated)),
        });
    }
    state.entity_url = row
        .input
        .resolved_configuration
        .get("ExternalEntityLink")
        .cloned();
    state.latest_execution = Some(ActionExecution {
        action_execution_id: row.id,
        status: Some(row.status),
        summary: row.summary.or(result.external_execution_summary),
        last_status_change: Some(Time(row.updated)),
        token: row.token.filter(|_| row.status == ActionStatus::InProgress),
        last_updated_by: row.updated_by,
        external_execution_id: result.external_execution_id,
        external_execution_url: result.external_execution_url,
        percent_complete: None,
        error_details: result.error_details,
        log_stream_arn: result.log_stream_arn,
    });
    state
}

fn conditions(
    db: &Connection,
    stage: &Stage,
    side: Side,
    last: Option<&StageRun>,
) -> Outcome<Option<StageConditionState>> {
    let declared = stage.conditions(side);
    if declared.is_empty() {
        return Ok(None);
    }
    let checked = last.and_then(|last| last.conditions.get(side.word()));
    let runs = match last {
        Some(last) => rows::rule_runs(db, &last.execution, Some(&stage.name))?,
        None => Vec::new(),
    };
    let mut state = StageConditionState::default();
    for (index, condition) in declared.iter().enumerate() {
        let latest = checked
            .and_then(|checked| checked.get(index))
            .map(|checked| ConditionExecution {
                status: Some(checked.status),
                summary: checked.summary.clone(),
                last_status_change: Some(Time(checked.at)),
            });
        let rule_states = condition
            .rules
            .iter()
            .map(|rule| {
                let row = runs
                    .iter()
                    .rev()
                    .find(|row| row.side == side.word() && row.rule == rule.name);
                RuleState {
                    rule_name: rule.name.clone(),
                    latest_execution: row.map(|row| RuleExecution {
                        rule_execution_id: row.id.clone(),
                        status: Some(row.status),
                        summary: row.summary.clone(),
                        last_status_change: Some(Time(row.updated)),
                        external_execution_id: row
                            .output
                            .execution_result
                            .external_execution_id
                            .clone(),
                        error_details: row.output.execution_result.error_details.clone(),
                    }),
                }
            })
            .collect();
        // All of them together are as good as the worst.
        if state
            .latest_execution
            .as_ref()
            .is_none_or(|all| all.status == Some(crate::execution::ConditionStatus::Succeeded))
        {
            state.latest_execution.clone_from(&latest);
        }
        state.condition_states.push(ConditionState {
            latest_execution: latest,
            rule_states,
        });
    }
    Ok(Some(state))
}
