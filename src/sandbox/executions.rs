//! What is asked of executions: started, stopped, answered, tried again, brought back. Each is one transaction, refused
//! with AWS's exceptions.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde_json::json;

use super::engine::rows::{self, New, Phase, Run};
use super::engine::structure::Pipeline;
use super::engine::{advance, lease, successor};
use super::{ACCOUNT, Outcome, PARTITION, Sandbox, refuse, store};
use crate::catalog::structure::{self, quotas};
use crate::cloud::runs::{Answer, Engine, LogPage, Runs, Start};
use crate::cloud::{ExecutionSummary, Result, Revision};
use crate::execution::build::Build;
use crate::execution::report::Report;
use crate::execution::{
    ActionRun, ActionStatus, ErrorDetails, Execution, ExecutionMode, ExecutionStatus,
    ExecutionType, PipelineState, RetryMode, RuleRun, StageStatus,
};

/// What UpdatePipeline does to what is running: what waits between stages is cancelled, the rest fails; PARALLEL
/// executions go on. Running actions finish.
pub(super) fn fail_running(tx: &Transaction<'_>, region: &str, pipeline: &str) -> Outcome<()> {
    for mut run in rows::newest(tx, region, pipeline, usize::MAX)? {
        if run.status.is_over() || run.mode == ExecutionMode::Parallel {
            continue;
        }
        let waits = run.phase == Phase::Waiting && run.position > 0;
        run.status = if waits {
            ExecutionStatus::Cancelled
        } else {
            ExecutionStatus::Failed
        };
        run.summary = Some("The pipeline was updated".to_owned());
        run.save(tx)?;
        if !lease::is_driven(tx, &run.id)? {
            advance::settle(tx, &run)?;
        }
    }
    Ok(())
}

/// AWS's answer where there is no such pipeline.
pub(super) fn no_pipeline<T>(operation: &'static str, pipeline: &str) -> Outcome<T> {
    let fact = structure::exception_for("C07");
    let message = fact.map_or_else(String::new, |fact| {
        fact.message_with(&[("account", ACCOUNT), ("pipeline", pipeline)])
    });
    refuse(operation, "PipelineNotFoundException", message)
}

fn no_stage<T>(operation: &'static str, pipeline: &str, stage: &str) -> Outcome<T> {
    refuse(
        operation,
        "StageNotFoundException",
        format!("Pipeline {pipeline} has no stage {stage}"),
    )
}

fn no_execution<T>(operation: &'static str, pipeline: &str, execution: &str) -> Outcome<T> {
    refuse(
        operation,
        "PipelineExecutionNotFoundException",
        format!("Pipeline {pipeline} has no execution {execution}"),
    )
}

/// The values of the pipeline's variables in an execution: what is given, else the default.
fn variables(
    operation: &'static str,
    pipeline: &Pipeline,
    start: &Start,
) -> Outcome<std::collections::BTreeMap<String, String>> {
    let mut values = std::collections::BTreeMap::new();
    for name in start.variables.keys() {
        if !pipeline
            .variables
            .iter()
            .any(|variable| variable.name == *name)
        {
            let message = format!("The pipeline {} declares no variable {name}", pipeline.name);
            return refuse(operation, "ValidationException", message);
        }
    }
    for variable in &pipeline.variables {
        let given = start
            .variables
            .get(&variable.name)
            .or(variable.default_value.as_ref());
        match given {
            Some(value) => values.insert(variable.name.clone(), value.clone()),
            None => {
                let message = format!(
                    "The variable {} of pipeline {} has no default value: give one",
                    variable.name, pipeline.name
                );
                return refuse(operation, "ValidationException", message);
            }
        };
    }
    Ok(values)
}

impl Sandbox {
    /// Every run of every rule in an execution, oldest first: what ListRuleExecutions would tell.
    ///
    /// # Errors
    /// If the account cannot be read.
    pub fn rule_runs(&self, pipeline: &str, execution: &str) -> Result<Vec<RuleRun>> {
        self.reading(Some(format!("pipeline {pipeline}")), |db| {
            let all = rows::rule_runs(db, execution, None)?;
            Ok(all.into_iter().map(rows::RuleRow::told).collect())
        })
    }

    fn structure(
        &self,
        db: &Connection,
        operation: &'static str,
        pipeline: &str,
    ) -> Outcome<(Pipeline, i64)> {
        let Some(row) = store::row(db, "pipeline", &self.region, pipeline)? else {
            return no_pipeline(operation, pipeline);
        };
        match Pipeline::new(&row.body, &self.region) {
            Ok(structure) => Ok((structure, row.version)),
            Err(error) => refuse(
                operation,
                "sandbox-structure",
                format!("The structure of {pipeline} cannot be read: {error}"),
            ),
        }
    }

    /// An execution of this pipeline.
    fn of(&self, db: &Connection, pipeline: &str, execution: &str) -> Outcome<Option<Run>> {
        let run = rows::run(db, execution)?;
        Ok(run.filter(|run| run.pipeline == pipeline && run.region == self.region))
    }

    /// The execution that CreatePipeline starts: with the default values of variables, and without those that have none.
    pub(super) fn first_execution(
        &self,
        tx: &Transaction<'_>,
        region: &str,
        pipeline: &str,
        body: &serde_json::Value,
    ) -> Outcome<()> {
        let declared = Pipeline::new(body, region).map(|structure| structure.variables);
        let defaults = declared.unwrap_or_default().into_iter();
        let new = New {
            trigger: "CreatePipeline",
            detail: format!("arn:{PARTITION}:iam::{ACCOUNT}:user/sandbox"),
            variables: defaults
                .filter_map(|variable| Some((variable.name, variable.default_value?)))
                .collect(),
            ..New::default()
        };
        rows::insert(tx, region, pipeline, &new)?;
        Ok(())
    }

    /// Starts an execution; the same token starts once.
    pub(super) fn begin(&self, pipeline: &str, start: &Start) -> Result<String> {
        const OPERATION: &str = "CodePipeline:StartPipelineExecution";
        self.count_write(OPERATION, 1);
        self.transaction(Some(format!("pipeline {pipeline}")), |tx| {
            let (structure, _) = self.structure(tx, OPERATION, pipeline)?;
            if let Some(token) = &start.token {
                let before: Option<String> = tx
                    .query_row(
                        "SELECT id FROM executions WHERE region = ?1 AND pipeline = ?2 AND token = ?3",
                        params![self.region, pipeline, token],
                        |row| row.get(0),
                    )
                    .optional()?;
                if let Some(before) = before {
                    return Ok(before);
                }
            }
            let first = structure.stages.first();
            for revision in &start.revisions {
                if first.is_none_or(|stage| stage.action(&revision.action).is_none()) {
                    let message = structure::exception_for("R01").map_or_else(String::new, |fact| {
                        fact.message_with(&[("action", &revision.action)])
                    });
                    return refuse(OPERATION, "ValidationException", message);
                }
            }
            let variables = variables(OPERATION, &structure, start)?;
            if structure.execution_mode != ExecutionMode::Superseded {
                let open: u64 = tx.query_row(
                    "SELECT COUNT(*) FROM executions WHERE region = ?1 AND pipeline = ?2
                     AND status IN ('InProgress', 'Stopping')",
                    params![self.region, pipeline],
                    |row| row.get(0),
                )?;
                if open >= quotas().concurrent_executions.max {
                    return refuse(
                        OPERATION,
                        "ConcurrentPipelineExecutionsLimitExceededException",
                        format!("Pipeline {pipeline} has {open} executions under way, which is the limit"),
                    );
                }
            }
            let new = New {
                trigger: "StartPipelineExecution",
                detail: format!("arn:{PARTITION}:iam::{ACCOUNT}:user/sandbox"),
                variables,
                overrides: &start.revisions,
                token: start.token.as_deref(),
                ..New::default()
            };
            rows::insert(tx, &self.region, pipeline, &new)
        })
    }

    pub(super) fn start_on(
        &self,
        pipeline: &str,
        revision: Option<&Revision>,
        token: Option<&str>,
    ) -> Result<String> {
        let start = Start {
            revisions: revision.cloned().into_iter().collect(),
            token: token.map(ToOwned::to_owned),
            ..Start::default()
        };
        self.begin(pipeline, &start)
    }

    pub(super) fn list_executions(
        &self,
        pipeline: &str,
        most: usize,
    ) -> Result<Vec<ExecutionSummary>> {
        let runs = self.newest(pipeline, most)?;
        Ok(runs
            .into_iter()
            .map(|run| ExecutionSummary {
                status: rows::word(run.status),
                id: run.id,
            })
            .collect())
    }

    fn newest(&self, pipeline: &str, most: usize) -> Result<Vec<Run>> {
        const OPERATION: &str = "CodePipeline:ListPipelineExecutions";
        self.count_read(OPERATION, 1);
        self.reading(Some(format!("pipeline {pipeline}")), |db| {
            if store::row(db, "pipeline", &self.region, pipeline)?.is_none() {
                return no_pipeline(OPERATION, pipeline);
            }
            Ok(rows::newest(db, &self.region, pipeline, most)?)
        })
    }

    /// Stops an execution. What runs finishes first, unless it is abandoned or nobody runs it.
    pub(super) fn end(
        &self,
        pipeline: &str,
        execution: &str,
        abandon: bool,
        reason: &str,
    ) -> Result<()> {
        const OPERATION: &str = "CodePipeline:StopPipelineExecution";
        self.count_write(OPERATION, 1);
        self.transaction(Some(format!("pipeline {pipeline}")), |tx| {
            if store::row(tx, "pipeline", &self.region, pipeline)?.is_none() {
                return no_pipeline(OPERATION, pipeline);
            }
            let Some(mut run) = self.of(tx, pipeline, execution)? else {
                return no_execution(OPERATION, pipeline, execution);
            };
            match run.status {
                ExecutionStatus::InProgress => {}
                ExecutionStatus::Stopping if abandon => {}
                ExecutionStatus::Stopping => {
                    return refuse(
                        OPERATION,
                        "DuplicatedStopRequestException",
                        format!("Execution {execution} is being stopped already"),
                    );
                }
                status => {
                    return refuse(
                        OPERATION,
                        "PipelineExecutionNotStoppableException",
                        format!(
                            "Execution {execution} is {} and cannot be stopped",
                            rows::word(status)
                        ),
                    );
                }
            }
            let waits = !abandon && lease::is_driven(tx, &run.id)? && advance::is_busy(tx, &run)?;
            run.status = if waits {
                ExecutionStatus::Stopping
            } else {
                ExecutionStatus::Stopped
            };
            run.stop_reason = Some(reason.to_owned()).filter(|reason| !reason.is_empty());
            run.save(tx)?;
            if !waits {
                advance::settle(tx, &run)?;
            }
            Ok(())
        })
    }

    fn answer_approval(&self, pipeline: &str, answer: &Answer) -> Result<()> {
        const OPERATION: &str = "CodePipeline:PutApprovalResult";
        self.count_write(OPERATION, 1);
        let Answer { stage, action, .. } = answer;
        self.transaction(Some(format!("pipeline {pipeline}")), |tx| {
            let (structure, _) = self.structure(tx, OPERATION, pipeline)?;
            let Some((_, of)) = structure.stage(stage) else {
                return no_stage(OPERATION, pipeline, stage);
            };
            let Some(declared) = of.action(action) else {
                let message =
                    format!("Stage {stage} of pipeline {pipeline} has no action {action}");
                return refuse(OPERATION, "ActionNotFoundException", message);
            };
            if !declared.is_approval() {
                let message = format!("Action {action} in stage {stage} is no approval");
                return refuse(OPERATION, "ValidationException", message);
            }
            let id: Option<String> = tx
                .query_row(
                    "SELECT id FROM action_runs WHERE region = ?1 AND pipeline = ?2 AND stage = ?3
                     AND action = ?4 AND token = ?5",
                    params![self.region, pipeline, stage, action, answer.token],
                    |row| row.get(0),
                )
                .optional()?;
            let row = match id {
                Some(id) => rows::action_run(tx, &id)?,
                None => None,
            };
            let Some(mut row) = row else {
                let message = format!(
                    "The token does not belong to a pending approval of {action} in stage {stage}"
                );
                return refuse(OPERATION, "InvalidApprovalTokenException", message);
            };
            if row.status != ActionStatus::InProgress {
                let message = format!("{action} in stage {stage} has been answered");
                return refuse(OPERATION, "ApprovalAlreadyCompletedException", message);
            }
            row.updated_by = Some(format!("arn:{PARTITION}:iam::{ACCOUNT}:user/sandbox"));
            row.summary = Some(answer.summary.clone());
            if answer.approved {
                row.status = ActionStatus::Succeeded;
            } else {
                row.status = ActionStatus::Failed;
                row.output.execution_result.error_details = Some(ErrorDetails {
                    code: Some("JobFailed".to_owned()),
                    message: Some(format!("Rejected: {}", answer.summary)),
                });
            }
            row.save(tx)?;
            Ok(())
        })
    }

    fn retry_stage(
        &self,
        pipeline: &str,
        stage: &str,
        execution: &str,
        mode: RetryMode,
    ) -> Result<String> {
        const OPERATION: &str = "CodePipeline:RetryStageExecution";
        self.count_write(OPERATION, 1);
        self.transaction(Some(format!("pipeline {pipeline}")), |tx| {
            let (structure, version) = self.structure(tx, OPERATION, pipeline)?;
            let Some((position, _)) = structure.stage(stage) else {
                return no_stage(OPERATION, pipeline, stage);
            };
            let not = |why: String| refuse(OPERATION, "StageNotRetryableException", why);
            let Some(mut run) = self.of(tx, pipeline, execution)? else {
                return not(format!("Pipeline {pipeline} has no execution {execution}"));
            };
            let failed = match rows::stage_run(tx, execution, position)? {
                Some(failed) if failed.stage == stage => failed,
                _ => return not(format!("Execution {execution} was never in stage {stage}")),
            };
            let latest = rows::last_in_stage(tx, &self.region, pipeline, stage)?;
            if run.mode != ExecutionMode::Parallel
                && latest.is_some_and(|latest| latest.execution != execution)
            {
                return refuse(
                    OPERATION,
                    "NotLatestPipelineExecutionException",
                    format!("Execution {execution} is not the latest one in stage {stage}"),
                );
            }
            if run.version != version {
                return not(format!(
                    "The structure of pipeline {pipeline} changed after stage {stage} failed"
                ));
            }
            let retryable = matches!(failed.status, StageStatus::Failed | StageStatus::Stopped);
            if !run.status.is_over() || run.position != position || !retryable {
                return not(format!(
                    "Stage {stage} is {} in execution {execution}; a stage that failed can be tried again",
                    rows::word(failed.status)
                ));
            }
            let acted = rows::action_runs(tx, execution, Some(stage))?;
            let again = advance::again(tx, failed, mode, false)?;
            // A stage that its entry condition refused has to pass it first.
            let entered = acted.iter().any(|row| row.attempt == again.attempt - 1);
            run.phase = if entered { Phase::Running } else { Phase::Entry };
            again.insert(tx, &run)?;
            run.status = ExecutionStatus::InProgress;
            run.summary = None;
            run.stop_reason = None;
            run.save(tx)?;
            Ok(run.id)
        })
    }

    fn rollback_stage(&self, pipeline: &str, stage: &str, target: &str) -> Result<String> {
        const OPERATION: &str = "CodePipeline:RollbackStage";
        self.count_write(OPERATION, 1);
        self.transaction(Some(format!("pipeline {pipeline}")), |tx| {
            let (structure, version) = self.structure(tx, OPERATION, pipeline)?;
            let Some((position, _)) = structure.stage(stage) else {
                return no_stage(OPERATION, pipeline, stage);
            };
            let unable = |why: String| refuse(OPERATION, "UnableToRollbackStageException", why);
            if structure.execution_mode == ExecutionMode::Parallel {
                return unable(format!("Pipeline {pipeline} runs in mode PARALLEL, which rolls nothing back"));
            }
            if position == 0 {
                return unable(format!("Stage {stage} is the source stage, which cannot be rolled back"));
            }
            let Some(to) = self.of(tx, pipeline, target)? else {
                return no_execution(OPERATION, pipeline, target);
            };
            if to.version != version {
                return refuse(
                    OPERATION,
                    "PipelineExecutionOutdatedException",
                    format!(
                        "Execution {target} began in version {} of pipeline {pipeline}, which is at version {version}",
                        to.version
                    ),
                );
            }
            if to.kind == ExecutionType::Rollback {
                return unable(format!("Execution {target} is a rollback itself"));
            }
            let went = rows::stage_run(tx, target, position)?;
            if went.is_none_or(|went| went.status != StageStatus::Succeeded) {
                return unable(format!("Execution {target} did not go through stage {stage}"));
            }
            let inside = rows::at_stage(tx, &self.region, pipeline, position)?;
            if let Some(other) = inside.iter().find(|run| run.phase != Phase::Waiting) {
                return unable(format!("Execution {} is in stage {stage}", other.id));
            }
            let new = New {
                trigger: "ManualRollback",
                detail: format!("arn:{PARTITION}:iam::{ACCOUNT}:user/sandbox"),
                variables: to.variables.clone(),
                rollback: Some((position, &to)),
                ..New::default()
            };
            rows::insert(tx, &self.region, pipeline, &new)
        })
    }

    fn switch_transition(
        &self,
        pipeline: &str,
        stage: &str,
        enabled: bool,
        reason: &str,
    ) -> Result<()> {
        let operation = if enabled {
            "CodePipeline:EnableStageTransition"
        } else {
            "CodePipeline:DisableStageTransition"
        };
        self.count_write(operation, 1);
        self.transaction(Some(format!("pipeline {pipeline}")), |tx| {
            let (structure, _) = self.structure(tx, operation, pipeline)?;
            if structure.stage(stage).is_none() {
                return no_stage(operation, pipeline, stage);
            }
            let name = format!("{pipeline} {stage}");
            if enabled {
                store::remove(tx, "stage-transition", &self.region, &name)?;
                return Ok(());
            }
            let body =
                json!({"pipeline": pipeline, "stage": stage, "enabled": false, "reason": reason});
            store::put(
                tx,
                "stage-transition",
                &self.region,
                &name,
                &body,
                &Default::default(),
            )?;
            Ok(())
        })
    }
}

#[async_trait]
impl Runs for Sandbox {
    async fn state(&self, pipeline: &str) -> Result<PipelineState> {
        self.count_read("CodePipeline:GetPipelineState", 1);
        self.reading(Some(format!("pipeline {pipeline}")), |db| {
            self.pipeline_state(db, pipeline)
        })
    }

    async fn list(&self, pipeline: &str, most: usize) -> Result<Vec<Execution>> {
        let runs = self.newest(pipeline, most)?;
        Ok(runs.iter().map(Run::told).collect())
    }

    async fn execution(&self, pipeline: &str, id: &str) -> Result<Option<Execution>> {
        self.count_read("CodePipeline:GetPipelineExecution", 1);
        self.reading(Some(format!("pipeline {pipeline}")), |db| {
            Ok(self.of(db, pipeline, id)?.map(|run| run.told()))
        })
    }

    async fn action_runs(&self, pipeline: &str, execution: &str) -> Result<Vec<ActionRun>> {
        self.count_read("CodePipeline:ListActionExecutions", 1);
        self.reading(Some(format!("pipeline {pipeline}")), |db| {
            let all = rows::action_runs(db, execution, None)?;
            Ok(all.into_iter().map(rows::ActionRow::told).collect())
        })
    }

    async fn builds(&self, region: &str, ids: &[String]) -> Result<Vec<Build>> {
        self.get_builds(region, ids)
    }

    async fn log(
        &self,
        _region: &str,
        group: &str,
        stream: &str,
        after: Option<&str>,
    ) -> Result<LogPage> {
        self.get_log(group, stream, after)
    }

    async fn reports(&self, _region: &str, arns: &[String]) -> Result<Vec<Report>> {
        self.get_reports(arns)
    }

    async fn start(&self, pipeline: &str, start: &Start) -> Result<String> {
        self.begin(pipeline, start)
    }

    async fn stop(
        &self,
        pipeline: &str,
        execution: &str,
        abandon: bool,
        reason: &str,
    ) -> Result<()> {
        self.end(pipeline, execution, abandon, reason)
    }

    async fn answer(&self, pipeline: &str, answer: &Answer) -> Result<()> {
        self.answer_approval(pipeline, answer)
    }

    async fn retry(
        &self,
        pipeline: &str,
        stage: &str,
        execution: &str,
        mode: RetryMode,
    ) -> Result<String> {
        self.retry_stage(pipeline, stage, execution, mode)
    }

    async fn roll_back(&self, pipeline: &str, stage: &str, target: &str) -> Result<String> {
        self.rollback_stage(pipeline, stage, target)
    }

    async fn set_transition(
        &self,
        pipeline: &str,
        stage: &str,
        enabled: bool,
        reason: &str,
    ) -> Result<()> {
        self.switch_transition(pipeline, stage, enabled, reason)
    }

    fn console(&self, _pipeline: &str, _execution: Option<&str>) -> Option<String> {
        None
    }

    fn engine(&self) -> Option<&dyn Engine> {
        Some(self)
    }
}

#[async_trait]
impl Engine for Sandbox {
    async fn drive(&self, pipeline: &str, execution: &str) -> Result<()> {
        self.reading(Some(format!("pipeline {pipeline}")), |db| {
            match self.of(db, pipeline, execution)? {
                Some(_) => Ok(()),
                None => no_execution("Sandbox:Drive", pipeline, execution),
            }
        })?;
        self.take_on(execution).await
    }

    async fn is_driven(&self, _pipeline: &str, execution: &str) -> Result<bool> {
        self.reading(None, |db| Ok(lease::is_driven(db, execution)?))
    }

    async fn successor(&self, _pipeline: &str, execution: &str) -> Result<Option<String>> {
        self.reading(None, |db| Ok(successor(db, execution)?))
    }
}
