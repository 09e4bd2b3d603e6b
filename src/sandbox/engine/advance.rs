//! What an execution does next: one step after the other until something has to happen outside.
//!
//! The rules are those of docs:concepts-how-it-works (stages are locked, waiting executions are superseded or queue),
//! docs:stage-conditions, docs:stage-retry and docs:stage-rollback. Everything here happens within one transaction, and
//! all that an execution is stands in the database: whoever calls this next goes on where the last one was.

use std::collections::BTreeMap;

use rusqlite::Transaction;

use super::super::store::{self, now_ms};
use super::super::{Outcome, refuse};
use super::rows::{self, ActionRow, Checked, New, Phase, RuleRow, Run, StageRun};
use super::structure::{Action, ConditionResult, Pipeline, Side, Stage};
use super::variables::Scope;
use crate::catalog::structure::exception_for;
use crate::execution::{
    ActionInput, ActionOutput, ActionStatus, ArtifactDetail, ConditionStatus, ErrorDetails,
    ExecutionMode, ExecutionStatus, ExecutionType, RetryMode, RuleOutput, StageStatus,
};

const MINUTE: i64 = 60_000;

/// What has to happen outside.
#[derive(Debug, Default)]
pub(super) struct Next {
    /// Actions to begin, by the id of their run.
    pub(super) actions: Vec<String>,
    /// Rules to begin, by the id of their run.
    pub(super) rules: Vec<String>,
    /// Executions that have to move on first.
    pub(super) waits_for: Vec<String>,
    /// When to look again at the latest, in milliseconds since 1970.
    pub(super) deadline: Option<i64>,
    /// What became of it, if it is over.
    pub(super) over: Option<ExecutionStatus>,
}

/// An execution in the middle of a transaction.
struct Walk<'a, 'tx> {
    tx: &'a Transaction<'tx>,
    run: Run,
    pipeline: &'a Pipeline,
    next: Next,
}

/// Moves an execution on as far as it goes.
pub(super) fn advance(tx: &Transaction<'_>, execution: &str) -> Outcome<Next> {
    let Some(run) = rows::run(tx, execution)? else {
        return refuse(
            "Sandbox:Drive",
            "PipelineExecutionNotFoundException",
            format!("There is no execution {execution}"),
        );
    };
    let pipeline = run.pipeline(tx)?;
    let mut walk = Walk {
        tx,
        run,
        pipeline: &pipeline,
        next: Next::default(),
    };
    while walk.step()? {}
    Ok(walk.next)
}

/// Ends what an execution leaves behind that was ended from outside: its stage, and approvals that nobody needs to
/// answer any more. Actions that still run are waited for.
pub(in crate::sandbox) fn settle(tx: &Transaction<'_>, run: &Run) -> Outcome<()> {
    let Some(mut stage_run) = rows::stage_run(tx, &run.id, run.position)? else {
        return Ok(());
    };
    if !matches!(
        stage_run.status,
        StageStatus::InProgress | StageStatus::Stopping
    ) {
        return Ok(());
    }
    let stopped = run.status == ExecutionStatus::Stopped;
    let mut running = false;
    for mut row in rows::action_runs(tx, &run.id, Some(&stage_run.stage))? {
        if row.status == ActionStatus::InProgress {
            if stopped || row.token.is_some() {
                row.status = ActionStatus::Abandoned;
                row.token = None;
                row.save(tx)?;
            } else {
                running = true;
            }
        }
    }
    for mut row in rows::rule_runs(tx, &run.id, Some(&stage_run.stage))? {
        if row.status == ActionStatus::InProgress {
            row.status = ActionStatus::Abandoned;
            row.save(tx)?;
        }
    }
    if !running {
        stage_run.status = match run.status {
            ExecutionStatus::Stopped => StageStatus::Stopped,
            ExecutionStatus::Cancelled | ExecutionStatus::Superseded => StageStatus::Cancelled,
            _ => StageStatus::Failed,
        };
        stage_run.save(tx)?;
    }
    Ok(())
}

/// Whether an action or rule of the execution is under way.
pub(in crate::sandbox) fn is_busy(tx: &Transaction<'_>, run: &Run) -> rusqlite::Result<bool> {
    let running = |status: ActionStatus| status == ActionStatus::InProgress;
    Ok(rows::action_runs(tx, &run.id, None)?
        .iter()
        .any(|row| running(row.status))
        || rows::rule_runs(tx, &run.id, None)?
            .iter()
            .any(|row| running(row.status)))
}

/// What the conditions at a side say.
enum Verdict {
    Met,
    Pending,
    NotMet(ConditionResult),
}

impl Walk<'_, '_> {
    /// One step; whether another one may follow.
    fn step(&mut self) -> Outcome<bool> {
        if self.run.status.is_over() {
            settle(self.tx, &self.run)?;
            self.next.over = Some(self.run.status);
            return Ok(false);
        }
        if self.run.status == ExecutionStatus::Stopping {
            self.time_out_approvals()?;
            if is_busy(self.tx, &self.run)? {
                return Ok(false);
            }
            self.run.status = ExecutionStatus::Stopped;
            self.run.save(self.tx)?;
            return Ok(true);
        }
        let Some(stage) = self.pipeline.stages.get(self.run.position) else {
            self.run.status = ExecutionStatus::Succeeded;
            self.run.save(self.tx)?;
            return Ok(true);
        };
        match self.run.phase {
            Phase::Waiting => self.enter(stage),
            Phase::Entry => self.entry(stage),
            Phase::Running => self.actions(stage),
            Phase::Success => self.success(stage),
            Phase::Failure => self.failure(stage),
        }
    }

    fn go(&mut self, phase: Phase) -> Outcome<bool> {
        self.run.phase = phase;
        self.run.save(self.tx)?;
        Ok(true)
    }

    fn stage_run(&self) -> Outcome<StageRun> {
        match rows::stage_run(self.tx, &self.run.id, self.run.position)? {
            Some(stage_run) => Ok(stage_run),
            None => refuse(
                "Sandbox:Drive",
                "sandbox-database",
                format!(
                    "Execution {} is in a stage that it never entered",
                    self.run.id
                ),
            ),
        }
    }

    /// Whether conditions are looked at: a rollback is what follows from them, and looks at none itself.
    fn has_conditions(&self) -> bool {
        self.run.kind == ExecutionType::Standard
    }

    fn enter(&mut self, stage: &Stage) -> Outcome<bool> {
        let others = rows::at_stage(
            self.tx,
            &self.run.region,
            &self.run.pipeline,
            self.run.position,
        )?;
        let others = others
            .into_iter()
            .filter(|other| other.id != self.run.id && other.mode != ExecutionMode::Parallel);
        let (waiting, inside): (Vec<Run>, Vec<Run>) =
            others.partition(|other| other.phase == Phase::Waiting);
        // What is brought back does not compete with what goes forward.
        let forward = self.run.kind == ExecutionType::Standard;
        match self.run.mode {
            ExecutionMode::Superseded if forward => {
                for mut other in waiting
                    .into_iter()
                    .filter(|other| other.kind == ExecutionType::Standard)
                {
                    if other.number > self.run.number {
                        self.run.status = ExecutionStatus::Superseded;
                        self.run.save(self.tx)?;
                        return Ok(true);
                    }
                    other.status = ExecutionStatus::Superseded;
                    other.save(self.tx)?;
                }
            }
            ExecutionMode::Queued => {
                let before = waiting
                    .iter()
                    .filter(|other| other.number < self.run.number);
                self.next.waits_for = before.map(|other| other.id.clone()).collect();
            }
            _ => {}
        }
        if self.run.mode != ExecutionMode::Parallel {
            self.next
                .waits_for
                .extend(inside.into_iter().map(|other| other.id));
        }
        if forward && self.run.position > 0 && self.is_closed(stage)? {
            return Ok(false);
        }
        if !self.next.waits_for.is_empty() {
            return Ok(false);
        }
        StageRun::enter(self.tx, &self.run, &stage.name)?;
        self.go(Phase::Entry)
    }

    fn is_closed(&self, stage: &Stage) -> Outcome<bool> {
        let name = format!("{} {}", self.run.pipeline, stage.name);
        let row = store::row(self.tx, "stage-transition", &self.run.region, &name)?;
        Ok(row.is_some_and(|row| row.body["enabled"] == false))
    }

    fn entry(&mut self, stage: &Stage) -> Outcome<bool> {
        let mut stage_run = self.stage_run()?;
        match self.check(stage, &mut stage_run, Side::BeforeEntry)? {
            Verdict::Pending => Ok(false),
            Verdict::Met => self.go(Phase::Running),
            Verdict::NotMet(ConditionResult::Skip) => {
                stage_run.status = StageStatus::Skipped;
                stage_run.save(self.tx)?;
                self.leave()
            }
            Verdict::NotMet(_) => self.fail(stage_run, false),
        }
    }

    fn actions(&mut self, stage: &Stage) -> Outcome<bool> {
        self.time_out_approvals()?;
        let stage_run = self.stage_run()?;
        let mut last: BTreeMap<String, ActionRow> = BTreeMap::new();
        for row in rows::action_runs(self.tx, &self.run.id, Some(&stage.name))? {
            if row.attempt >= stage_run.base {
                last.insert(row.action.clone(), row);
            }
        }
        for group in stage.groups() {
            let mut running = false;
            let mut failed = false;
            for action in group {
                match last.get(&action.name) {
                    Some(row) if row.status == ActionStatus::Succeeded => {}
                    Some(row) if row.status == ActionStatus::InProgress => {
                        running = true;
                        if action.is_approval() {
                            self.look_again(row.started + deadline(action));
                        }
                    }
                    Some(row) if row.attempt == stage_run.attempt => failed = true,
                    _ => {
                        if self.begin(stage, action, stage_run.attempt)? {
                            running = true;
                        } else {
                            failed = true;
                        }
                    }
                }
            }
            // A failing action fails the stage when what runs beside it has finished.
            if running {
                return Ok(false);
            }
            if failed {
                return self.after_failure(stage, stage_run);
            }
        }
        self.go(Phase::Success)
    }

    fn look_again(&mut self, at: i64) {
        let soonest = self.next.deadline.map_or(at, |known| known.min(at));
        self.next.deadline = Some(soonest);
    }

    fn time_out_approvals(&mut self) -> Outcome<()> {
        let Some(stage) = self.pipeline.stages.get(self.run.position) else {
            return Ok(());
        };
        for mut row in rows::action_runs(self.tx, &self.run.id, Some(&stage.name))? {
            let Some(action) = stage
                .action(&row.action)
                .filter(|action| action.is_approval())
            else {
                continue;
            };
            let due = row.status == ActionStatus::InProgress
                && row.started + deadline(action) <= now_ms();
            if due {
                row.status = ActionStatus::Failed;
                row.token = None;
                row.output.execution_result.error_details = Some(ErrorDetails {
                    code: Some("JobTimedOut".to_owned()),
                    message: Some(format!(
                        "Nobody answered within {} minutes",
                        action.minutes()
                    )),
                });
                row.save(self.tx)?;
            }
        }
        Ok(())
    }

    /// Begins an action with all that it needs resolved; false if that fails at once.
    fn begin(&mut self, stage: &Stage, action: &Action, attempt: i64) -> Outcome<bool> {
        let scope = Scope::of(self.tx, &self.run)?;
        let resolved = scope.resolve_all(&action.configuration);
        let mut row = ActionRow {
            id: store::uuid(self.tx)?,
            execution: self.run.id.clone(),
            stage: stage.name.clone(),
            action: action.name.clone(),
            attempt,
            status: ActionStatus::InProgress,
            summary: None,
            token: None,
            updated_by: None,
            input: ActionInput {
                action_type_id: action.type_id(),
                configuration: action.configuration.clone(),
                resolved_configuration: BTreeMap::new(),
                role_arn: action.role_arn.clone(),
                region: action.region.clone(),
                input_artifacts: Vec::new(),
                namespace: action.namespace.clone(),
            },
            output: ActionOutput::default(),
            started: now_ms(),
            updated: now_ms(),
        };
        for artifact in &action.input_artifacts {
            row.input.input_artifacts.push(ArtifactDetail {
                name: artifact.name.clone(),
                location: super::artifacts::find(self.tx, &self.run, &artifact.name)?,
            });
        }
        match resolved {
            Ok(resolved) => row.input.resolved_configuration = resolved,
            Err(unresolved) => {
                let said = exception_for("R02").map_or_else(String::new, |fact| {
                    fact.message_with(&[("action", &action.name)])
                });
                row.status = ActionStatus::Failed;
                row.output.execution_result.error_details = Some(ErrorDetails {
                    code: Some("ConfigurationError".to_owned()),
                    message: Some(format!("{said}: {}", unresolved.reference)),
                });
            }
        }
        let runs = row.status == ActionStatus::InProgress;
        if runs && action.is_approval() {
            row.token = Some(store::uuid(self.tx)?);
            self.look_again(row.started + deadline(action));
        } else if runs {
            self.next.actions.push(row.id.clone());
        }
        row.insert(self.tx, &self.run)?;
        if !runs {
            row.save(self.tx)?;
        }
        Ok(runs)
    }

    fn success(&mut self, stage: &Stage) -> Outcome<bool> {
        let mut stage_run = self.stage_run()?;
        match self.check(stage, &mut stage_run, Side::OnSuccess)? {
            Verdict::Pending => Ok(false),
            Verdict::Met => {
                stage_run.status = StageStatus::Succeeded;
                stage_run.save(self.tx)?;
                self.leave()
            }
            Verdict::NotMet(ConditionResult::Rollback) => self.fail(stage_run, true),
            Verdict::NotMet(_) => self.fail(stage_run, false),
        }
    }

    /// Goes on to the next stage. A rollback is about one stage only.
    fn leave(&mut self) -> Outcome<bool> {
        self.run.position = match self.run.kind {
            ExecutionType::Standard => self.run.position + 1,
            ExecutionType::Rollback => self.pipeline.stages.len(),
        };
        self.go(Phase::Waiting)
    }

    fn after_failure(&mut self, stage: &Stage, stage_run: StageRun) -> Outcome<bool> {
        let Some(on_failure) = stage.on_failure.as_ref().filter(|_| self.has_conditions()) else {
            return self.fail(stage_run, false);
        };
        if on_failure.result == Some(ConditionResult::Retry) && stage_run.automatic == 0 {
            let mode = on_failure
                .retry_configuration
                .as_ref()
                .and_then(|retry| retry.retry_mode);
            let mode = mode.unwrap_or(RetryMode::AllActions);
            let again = again(self.tx, stage_run, mode, true)?;
            again.insert(self.tx, &self.run)?;
            return self.go(Phase::Running);
        }
        if !stage.conditions(Side::OnFailure).is_empty() {
            return self.go(Phase::Failure);
        }
        self.fail(
            stage_run,
            on_failure.result == Some(ConditionResult::Rollback),
        )
    }

    fn failure(&mut self, stage: &Stage) -> Outcome<bool> {
        let mut stage_run = self.stage_run()?;
        match self.check(stage, &mut stage_run, Side::OnFailure)? {
            Verdict::Pending => Ok(false),
            Verdict::Met => self.fail(stage_run, false),
            Verdict::NotMet(result) => self.fail(stage_run, result == ConditionResult::Rollback),
        }
    }

    /// Ends the execution with its stage, and brings the stage back to the last execution that went through it.
    fn fail(&mut self, mut stage_run: StageRun, back: bool) -> Outcome<bool> {
        stage_run.status = StageStatus::Failed;
        stage_run.save(self.tx)?;
        self.run.status = ExecutionStatus::Failed;
        self.run.save(self.tx)?;
        let possible = back && self.run.mode != ExecutionMode::Parallel && self.run.position > 0;
        if !possible || self.run.kind == ExecutionType::Rollback {
            return Ok(true);
        }
        if let Some(target) = rows::last_success(self.tx, &self.run, &stage_run.stage)? {
            let detail = serde_json::json!({"FailedPipelineExecutionId": self.run.id});
            let new = New {
                trigger: "AutomatedRollback",
                detail: detail.to_string(),
                variables: target.variables.clone(),
                rollback: Some((self.run.position, &target)),
                cause: Some(&self.run.id),
                ..New::default()
            };
            rows::insert(self.tx, &self.run.region, &self.run.pipeline, &new)?;
        }
        Ok(true)
    }

    /// Looks at the conditions of a side: begins their rules, waits for them, or gives what they say. A condition is met
    /// if all of its rules succeed; what follows where it is not is its result (docs:stage-conditions).
    fn check(&mut self, stage: &Stage, stage_run: &mut StageRun, side: Side) -> Outcome<Verdict> {
        let conditions = stage.conditions(side);
        if conditions.is_empty() || !self.has_conditions() {
            return Ok(Verdict::Met);
        }
        let rows: Vec<RuleRow> = rows::rule_runs(self.tx, &self.run.id, Some(&stage.name))?
            .into_iter()
            .filter(|row| row.side == side.word() && row.attempt == stage_run.attempt)
            .collect();
        if rows.is_empty() {
            for (index, condition) in conditions.iter().enumerate() {
                for rule in &condition.rules {
                    let row = RuleRow {
                        id: store::uuid(self.tx)?,
                        execution: self.run.id.clone(),
                        stage: stage.name.clone(),
                        side: side.word().to_owned(),
                        condition: index,
                        rule: rule.name.clone(),
                        attempt: stage_run.attempt,
                        status: ActionStatus::InProgress,
                        summary: None,
                        output: RuleOutput::default(),
                        started: now_ms(),
                        updated: now_ms(),
                    };
                    row.insert(self.tx, &self.run)?;
                    self.next.rules.push(row.id);
                }
            }
            let pending = Checked {
                status: ConditionStatus::InProgress,
                summary: None,
                at: now_ms(),
            };
            stage_run
                .conditions
                .insert(side.word().to_owned(), vec![pending; conditions.len()]);
            stage_run.save(self.tx)?;
            return Ok(match self.next.rules.is_empty() {
                true => Verdict::Met,
                false => Verdict::Pending,
            });
        }
        if rows
            .iter()
            .any(|row| row.status == ActionStatus::InProgress)
        {
            return Ok(Verdict::Pending);
        }
        let mut verdict = Verdict::Met;
        let mut all = Vec::new();
        for (index, condition) in conditions.iter().enumerate() {
            let bad = rows
                .iter()
                .find(|row| row.condition == index && row.status != ActionStatus::Succeeded);
            let status = match bad {
                None => ConditionStatus::Succeeded,
                Some(_) => ConditionStatus::Failed,
            };
            let summary = bad.map(|row| match (&row.summary, condition.result) {
                (Some(why), _) => format!("Rule {}: {why}", row.rule),
                (None, result) => format!("Rule {} failed: {result:?}", row.rule),
            });
            all.push(Checked {
                status,
                summary,
                at: now_ms(),
            });
            if bad.is_some() && matches!(verdict, Verdict::Met) {
                verdict = Verdict::NotMet(condition.result.unwrap_or(ConditionResult::Fail));
            }
        }
        stage_run.conditions.insert(side.word().to_owned(), all);
        stage_run.save(self.tx)?;
        Ok(verdict)
    }
}

/// The attempt after one that failed. With ALL_ACTIONS nothing of what was done counts; with FAILED_ACTIONS what
/// succeeded does.
pub(in crate::sandbox) fn again(
    tx: &Transaction<'_>,
    mut failed: StageRun,
    mode: RetryMode,
    automatic: bool,
) -> Outcome<StageRun> {
    failed.status = StageStatus::Failed;
    failed.save(tx)?;
    let attempt = failed.attempt + 1;
    let trigger = if automatic {
        "AutomatedStageRetry"
    } else {
        "ManualStageRetry"
    };
    Ok(StageRun {
        attempt,
        status: StageStatus::InProgress,
        base: match mode {
            RetryMode::AllActions => attempt,
            RetryMode::FailedActions => failed.base,
        },
        automatic: failed.automatic + i64::from(automatic),
        manual: failed.manual + i64::from(!automatic),
        trigger: Some(trigger.to_owned()),
        conditions: BTreeMap::new(),
        started: now_ms(),
        ..failed
    })
}

/// Milliseconds that an action may take.
pub(super) fn deadline(action: &Action) -> i64 {
    i64::try_from(action.minutes())
        .unwrap_or(i64::MAX / MINUTE)
        .saturating_mul(MINUTE)
}
