//! The driver: takes an execution on, does what it asks for outside the database, and writes what became of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use rusqlite::Transaction;

use super::super::store::now_ms;
use super::super::{Fault, Outcome, Sandbox};
use super::advance::{self, Next, advance};
use super::end::End;
use super::lease::{BEAT, Lease, is_driven};
use super::rows::{self, RuleRow, Run};
use super::structure::{Action, Pipeline, Rule, Side, Stage};
use super::variables::Scope;
use crate::cloud::Result;
use crate::execution::build::BuildStatus;
use crate::execution::{ActionStatus, ErrorDetails, ExecutionStatus};

/// How often a driver that waits looks whether somebody else changed something.
const LOOK: Duration = Duration::from_millis(75);

/// An action or a rule under way with all that it may need.
#[derive(Debug, Clone)]
pub(super) struct Work {
    /// The id of its run.
    pub(super) id: String,
    pub(super) run: Arc<Run>,
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) stage: String,
    pub(super) what: What,
    pub(super) scope: Arc<Scope>,
    /// Configuration with everything resolved.
    pub(super) configuration: BTreeMap<String, String>,
    /// When it began, in milliseconds since 1970.
    pub(super) started: i64,
}

/// An action or a rule.
#[derive(Debug, Clone)]
pub(super) enum What {
    Action(Box<Action>),
    Rule(Box<Rule>),
}

impl Work {
    /// The name of the action or rule.
    pub(super) fn name(&self) -> &str {
        match &self.what {
            What::Action(action) => &action.name,
            What::Rule(rule) => &rule.name,
        }
    }

    /// A value of the configuration.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.configuration
            .get(key)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    fn minutes(&self) -> u64 {
        match &self.what {
            What::Action(action) => action.minutes(),
            What::Rule(rule) => rule
                .timeout_in_minutes
                .unwrap_or(crate::catalog::structure::defaults().action_minutes),
        }
    }
}

type Running<'a> = FuturesUnordered<BoxFuture<'a, (String, bool, End)>>;

/// Gives a lease back when a driver ends, in whatever way.
struct Keeper<'a> {
    sandbox: &'a Sandbox,
    lease: Lease,
}

impl Drop for Keeper<'_> {
    fn drop(&mut self) {
        // One that cannot be given back is dead soon enough.
        let _ = self
            .sandbox
            .transaction(None, |tx| Ok(self.lease.release(tx)?));
    }
}

/// What a driver finds when it wants to take an execution.
enum Taken {
    Lease(Lease),
    Over,
    Driven,
}

impl Sandbox {
    /// Takes an execution on and drives it to its end; waits where somebody else does.
    pub(in crate::sandbox) fn take_on<'a>(
        &'a self,
        execution: &'a str,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.taking_on(execution))
    }

    async fn taking_on(&self, execution: &str) -> Result<()> {
        loop {
            let taken = self.transaction(None, |tx| {
                match rows::run(tx, execution)? {
                    Some(run) if run.status.is_over() && !advance::is_busy(tx, &run)? => {
                        return Ok(Taken::Over);
                    }
                    _ => {}
                }
                Ok(Lease::take(tx, execution)?.map_or(Taken::Driven, Taken::Lease))
            })?;
            match taken {
                Taken::Over => return Ok(()),
                Taken::Lease(lease) => {
                    return self
                        .drive_with(Keeper {
                            sandbox: self,
                            lease,
                        })
                        .await;
                }
                Taken::Driven => tokio::time::sleep(LOOK).await,
            }
        }
    }

    async fn drive_with(&self, keeper: Keeper<'_>) -> Result<()> {
        let execution = keeper.lease.execution.as_str();
        let mut running: Running<'_> = FuturesUnordered::new();
        let mut helpers: FuturesUnordered<BoxFuture<'_, Result<()>>> = FuturesUnordered::new();
        let mut helped = BTreeSet::new();
        let mut invoked: FuturesUnordered<BoxFuture<'_, Result<()>>> = FuturesUnordered::new();
        // What was under way when a driver died begins again.
        let mut next = self.transaction(None, |tx| resume(tx, execution))?;
        loop {
            for (id, is_action) in begun(&next) {
                let work = self.work(&id, is_action)?;
                running.push(Box::pin(async move {
                    let end = self.within_time(&work).await;
                    (id, is_action, end)
                }));
            }
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let seen = self.version();
            let started;
            (next, started) = self.transaction(None, |tx| {
                keeper.lease.keep(tx)?;
                Ok((advance(tx, execution)?, invoked_by(tx, execution)?))
            })?;
            for other in started {
                if helped.insert(other.clone()) {
                    invoked.push(Box::pin(async move { self.take_on(&other).await }));
                }
            }
            if let Some(status) = next.over
                && (running.is_empty()
                    || status == ExecutionStatus::Stopped && !self.may_finish(execution))
            {
                drop(running);
                self.after(execution);
                // Nobody else goes on with what it started in other pipelines.
                while let Some(outcome) = invoked.next().await {
                    outcome?;
                }
                return Ok(());
            }
            if !next.actions.is_empty() || !next.rules.is_empty() {
                continue;
            }
            for other in std::mem::take(&mut next.waits_for) {
                let driven = self.reading(None, |db| Ok(is_driven(db, &other)?))?;
                if !driven && helped.insert(other.clone()) {
                    helpers.push(Box::pin(async move { self.take_on(&other).await }));
                }
            }
            let kept = tokio::time::Instant::now();
            loop {
                tokio::select! {
                    Some((id, is_action, end)) = running.next() => {
                        self.finish(&keeper.lease, &id, is_action, end)?;
                        break;
                    }
                    Some(outcome) = helpers.next() => {
                        outcome?;
                        break;
                    }
                    Some(outcome) = invoked.next() => outcome?,
                    () = &mut changed => break,
                    () = tokio::time::sleep(LOOK) => {
                        let due = next.deadline.is_some_and(|at| at <= now_ms());
                        if due || kept.elapsed() >= BEAT || self.version() != seen {
                            break;
                        }
                    }
                }
            }
        }
    }

    /// Everything that an action or rule needs, read once when it begins.
    fn work(&self, id: &str, is_action: bool) -> Result<Work> {
        self.reading(None, |db| {
            let gone = || super::gone(id);
            let of_run = |execution: &str, stage: &str| {
                let run = rows::run(db, execution)?.ok_or_else(gone)?;
                let pipeline = run.pipeline(db)?;
                let (_, of) = pipeline.stage(stage).ok_or_else(gone)?;
                Ok::<_, Fault>((run, of.clone(), pipeline))
            };
            let (run, pipeline, stage, what, configuration, started) = if is_action {
                let row = rows::action_run(db, id)?.ok_or_else(gone)?;
                let (run, of, pipeline) = of_run(&row.execution, &row.stage)?;
                let action = of.action(&row.action).ok_or_else(gone)?.clone();
                let configuration = row.input.resolved_configuration;
                let what = What::Action(Box::new(action));
                (run, pipeline, row.stage, what, configuration, row.started)
            } else {
                let row = rows::rule_run(db, id)?.ok_or_else(gone)?;
                let (run, of, pipeline) = of_run(&row.execution, &row.stage)?;
                let what = What::Rule(Box::new(rule_of(&of, &row).ok_or_else(gone)?.clone()));
                (run, pipeline, row.stage, what, BTreeMap::new(), row.started)
            };
            Ok(Work {
                id: id.to_owned(),
                scope: Arc::new(Scope::of(db, &run)?),
                run: Arc::new(run),
                pipeline: Arc::new(pipeline),
                stage,
                what,
                configuration,
                started,
            })
        })
    }

    /// Does the work, at most as long as it may take.
    async fn within_time(&self, work: &Work) -> End {
        let minutes = work.minutes();
        let all = Duration::from_secs(minutes.saturating_mul(60));
        let passed = u64::try_from(now_ms() - work.started).unwrap_or_default();
        let left = all.saturating_sub(Duration::from_millis(passed));
        let doing = async {
            match &work.what {
                What::Action(action) => self.act(work, action).await,
                What::Rule(rule) => self.check_rule(work, rule).await,
            }
        };
        match tokio::time::timeout(left, doing).await {
            Ok(end) => end,
            Err(_) => End::failed(
                "JobTimedOut",
                format!("It did not end within {minutes} minutes"),
            ),
        }
    }

    /// Writes what became of an action or a rule.
    fn finish(&self, lease: &Lease, id: &str, is_action: bool, end: End) -> Result<()> {
        self.transaction(None, |tx| {
            lease.keep(tx)?;
            if is_action {
                finish_action(tx, id, end)
            } else {
                finish_rule(tx, id, end)
            }
        })
    }

    /// Whether a stopped execution has a build that stopped it itself: a self-update that starts its pipeline anew.
    fn may_finish(&self, execution: &str) -> bool {
        self.reading(None, |db| super::builds::has_self_update(db, execution))
            .unwrap_or_default()
    }

    /// What is done when an execution is over.
    fn after(&self, execution: &str) {
        let told = self.transaction(None, |tx| {
            let Some(run) = rows::run(tx, execution)? else {
                return Ok(None);
            };
            super::builds::link_restart(tx, &run)?;
            Ok(Some(run.pipeline))
        });
        if let Ok(Some(pipeline)) = told {
            self.prune_artifacts(&pipeline);
        }
    }

    /// Changes whenever somebody else writes to the database.
    fn version(&self) -> i64 {
        self.lock()
            .pragma_query_value(None, "data_version", |row| row.get(0))
            .unwrap_or_default()
    }
}

fn begun(next: &Next) -> Vec<(String, bool)> {
    let actions = next.actions.iter().map(|id| (id.clone(), true));
    let rules = next.rules.iter().map(|id| (id.clone(), false));
    actions.chain(rules).collect()
}

/// The rule of a run: names are told apart by the condition that they stand in.
fn rule_of<'s>(stage: &'s Stage, row: &RuleRow) -> Option<&'s Rule> {
    let side = [Side::BeforeEntry, Side::OnSuccess, Side::OnFailure]
        .into_iter()
        .find(|side| side.word() == row.side)?;
    let condition = stage.conditions(side).get(row.condition)?;
    condition.rules.iter().find(|rule| rule.name == row.rule)
}

/// Executions of other pipelines that its actions started, that are not over and that nobody drives.
fn invoked_by(tx: &Transaction<'_>, execution: &str) -> Outcome<Vec<String>> {
    let mut found = Vec::new();
    for row in rows::action_runs(tx, execution, None)? {
        if !row.input.starts_a_pipeline() {
            continue;
        }
        if let Some(other) = row.output.execution_result.external_execution_id
            && rows::run(tx, &other)?.is_some_and(|run| !run.status.is_over())
            && !is_driven(tx, &other)?
        {
            found.push(other);
        }
    }
    Ok(found)
}

/// What was under way when the last driver died: its builds are told to be lost, and it begins again. Approvals go on
/// waiting by themselves.
fn resume(tx: &Transaction<'_>, execution: &str) -> Outcome<Next> {
    let mut next = Next::default();
    let Some(run) = rows::run(tx, execution)? else {
        return Ok(next);
    };
    let stopped = run.status == ExecutionStatus::Stopped;
    for row in rows::action_runs(tx, execution, None)? {
        if row.status == ActionStatus::InProgress && row.token.is_none() {
            super::builds::lose(tx, &row.id, BuildStatus::Fault)?;
            if !run.status.is_over() {
                next.actions.push(row.id);
            } else if !stopped {
                finish_action(
                    tx,
                    &row.id,
                    End::failed("JobFailed", super::builds::LOST.to_owned()),
                )?;
            }
        }
    }
    for row in rows::rule_runs(tx, execution, None)? {
        if row.status == ActionStatus::InProgress {
            super::builds::lose(tx, &row.id, BuildStatus::Fault)?;
            if !run.status.is_over() {
                next.rules.push(row.id);
            }
        }
    }
    Ok(next)
}

fn finish_action(tx: &Transaction<'_>, id: &str, end: End) -> Outcome<()> {
    let Some(mut row) = rows::action_run(tx, id)? else {
        return Ok(());
    };
    if row.status != ActionStatus::InProgress {
        return Ok(());
    }
    row.status = if end.error.is_none() {
        ActionStatus::Succeeded
    } else {
        ActionStatus::Failed
    };
    row.summary = end.summary;
    row.output.output_artifacts = end.artifacts;
    row.output.output_variables = end.variables;
    row.output.execution_result = end.result;
    row.output.execution_result.error_details = end.error;
    row.save(tx)?;
    if let Some(revision) = end.revision
        && let Some(mut run) = rows::run(tx, &row.execution)?
    {
        run.revisions
            .retain(|known| known.action_name != revision.action_name);
        run.revisions.push(revision);
        run.save(tx)?;
    }
    Ok(())
}

fn finish_rule(tx: &Transaction<'_>, id: &str, end: End) -> Outcome<()> {
    let Some(mut row) = rows::rule_run(tx, id)? else {
        return Ok(());
    };
    if row.status != ActionStatus::InProgress {
        return Ok(());
    }
    row.status = if end.error.is_none() {
        ActionStatus::Succeeded
    } else {
        ActionStatus::Failed
    };
    row.summary = end
        .error
        .as_ref()
        .and_then(|error: &ErrorDetails| error.message.clone())
        .or(end.summary);
    row.output.execution_result = end.result;
    row.output.execution_result.error_details = end.error;
    row.save(tx)?;
    Ok(())
}
