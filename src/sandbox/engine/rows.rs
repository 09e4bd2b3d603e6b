//! Executions, stages, actions and rules as they stand in the database.

mod acts;

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::super::store::{self, now_ms};
use super::super::{Outcome, refuse};
use super::structure::Pipeline;
use crate::cloud::Revision;
use crate::execution::{
    ConditionStatus, Execution, ExecutionMode, ExecutionStatus, ExecutionType, ResolvedVariable,
    RollbackMetadata, SourceRevision, StageStatus, StopTrigger, Time, Trigger,
};

pub(in crate::sandbox) use acts::{
    ActionRow, RuleRow, action_run, action_runs, last_action_run, rule_run, rule_runs,
};

/// Where an execution is with regard to the stage that it is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
pub(in crate::sandbox) enum Phase {
    /// Before it: somebody else is in it, or the way is closed.
    Waiting,
    /// The conditions before it are looked at.
    Entry,
    /// Its actions run.
    Running,
    /// The conditions after its success are looked at.
    Success,
    /// The conditions after its failure are looked at.
    Failure,
}

/// A word of an enumeration as AWS writes it.
pub(in crate::sandbox) fn word<T: Serialize>(value: T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}

fn bad(error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
}

fn from_word<T: DeserializeOwned>(text: String) -> rusqlite::Result<T> {
    serde_json::from_value(serde_json::Value::String(text)).map_err(bad)
}

fn from_json<T: DeserializeOwned>(text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(bad)
}

fn to_json<T: Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// An execution.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Run {
    pub(in crate::sandbox) id: String,
    pub(in crate::sandbox) region: String,
    pub(in crate::sandbox) pipeline: String,
    pub(in crate::sandbox) number: i64,
    pub(in crate::sandbox) status: ExecutionStatus,
    pub(in crate::sandbox) summary: Option<String>,
    pub(in crate::sandbox) trigger: Trigger,
    pub(in crate::sandbox) variables: BTreeMap<String, String>,
    pub(in crate::sandbox) overrides: Vec<Revision>,
    pub(in crate::sandbox) revisions: Vec<SourceRevision>,
    pub(in crate::sandbox) structure: Option<String>,
    pub(in crate::sandbox) version: i64,
    pub(in crate::sandbox) target: Option<String>,
    pub(in crate::sandbox) position: usize,
    pub(in crate::sandbox) phase: Phase,
    pub(in crate::sandbox) mode: ExecutionMode,
    pub(in crate::sandbox) kind: ExecutionType,
    pub(in crate::sandbox) stop_reason: Option<String>,
    pub(in crate::sandbox) started: Time,
    pub(in crate::sandbox) updated: Time,
}

const RUN: &str =
    "id, region, pipeline, number, status, reason, trigger, trigger_detail, variables,
    overrides, revisions, structure, pipeline_version, target, position, phase, mode, type,
    stop_reason, started, updated, source, revision";

fn run_of(row: &Row<'_>) -> rusqlite::Result<Run> {
    let mut overrides: Vec<Revision> =
        from_json::<Vec<(String, String, String)>>(&row.get::<_, String>(9)?)?
            .into_iter()
            .map(|(action, kind, value)| Revision {
                action,
                kind,
                value,
            })
            .collect();
    // What an earlier version of the tables kept.
    if let (true, Some(action), Some(value)) = (
        overrides.is_empty(),
        row.get::<_, Option<String>>(21)?,
        row.get::<_, Option<String>>(22)?,
    ) {
        overrides.push(Revision {
            action,
            kind: String::new(),
            value,
        });
    }
    Ok(Run {
        id: row.get(0)?,
        region: row.get(1)?,
        pipeline: row.get(2)?,
        number: row.get(3)?,
        status: from_word(row.get(4)?)?,
        summary: row.get(5)?,
        trigger: Trigger {
            trigger_type: row.get(6)?,
            trigger_detail: row.get(7)?,
        },
        variables: from_json(&row.get::<_, String>(8)?)?,
        overrides,
        revisions: from_json(&row.get::<_, String>(10)?)?,
        structure: row.get(11)?,
        version: row.get(12)?,
        target: row.get(13)?,
        position: row.get::<_, u32>(14)? as usize,
        phase: from_word(row.get(15)?)?,
        mode: from_word(row.get(16)?)?,
        kind: from_word(row.get(17)?)?,
        stop_reason: row.get(18)?,
        started: Time(row.get(19)?),
        updated: Time(row.get(20)?),
    })
}

/// An execution by its id.
pub(in crate::sandbox) fn run(db: &Connection, id: &str) -> rusqlite::Result<Option<Run>> {
    db.prepare_cached(&format!("SELECT {RUN} FROM executions WHERE id = ?1"))?
        .query_row([id], run_of)
        .optional()
}

/// The newest executions of a pipeline, at most `most`.
pub(in crate::sandbox) fn newest(
    db: &Connection,
    region: &str,
    pipeline: &str,
    most: usize,
) -> rusqlite::Result<Vec<Run>> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    db.prepare_cached(&format!(
        "SELECT {RUN} FROM executions WHERE region = ?1 AND pipeline = ?2
         ORDER BY number DESC LIMIT ?3"
    ))?
    .query_map(params![region, pipeline, most], run_of)?
    .collect()
}

/// The executions of a pipeline that are at a stage and not over, the oldest first.
pub(in crate::sandbox) fn at_stage(
    db: &Connection,
    region: &str,
    pipeline: &str,
    position: usize,
) -> rusqlite::Result<Vec<Run>> {
    db.prepare_cached(&format!(
        "SELECT {RUN} FROM executions WHERE region = ?1 AND pipeline = ?2 AND position = ?3
         AND status IN ('InProgress', 'Stopping') ORDER BY number"
    ))?
    .query_map(params![region, pipeline, column(position)], run_of)?
    .collect()
}

/// A number of stages as the database holds it.
pub(in crate::sandbox) fn column(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

impl Run {
    /// Writes what changes in the course of an execution.
    pub(in crate::sandbox) fn save(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        self.updated = Time(now_ms());
        tx.prepare_cached(
            "UPDATE executions SET status = ?2, reason = ?3, revisions = ?4, position = ?5,
                 phase = ?6, stop_reason = ?7, updated = ?8, structure = ?9, variables = ?10
             WHERE id = ?1",
        )?
        .execute(params![
            self.id,
            word(self.status),
            self.summary,
            to_json(&self.revisions)?,
            column(self.position),
            word(self.phase),
            self.stop_reason,
            self.updated.0,
            self.structure,
            to_json(&self.variables)?,
        ])?;
        Ok(())
    }

    /// The structure as it was when the execution began.
    pub(in crate::sandbox) fn pipeline(&self, db: &Connection) -> Outcome<Pipeline> {
        let body: Option<String> = match &self.structure {
            Some(digest) => db
                .prepare_cached("SELECT body FROM structures WHERE sha256 = ?1")?
                .query_row([digest], |row| row.get(0))
                .optional()?,
            // An earlier version of the tables did not keep it.
            None => store::row(db, "pipeline", &self.region, &self.pipeline)?
                .map(|row| row.body.to_string()),
        };
        let read = body.map(|body| {
            let body: serde_json::Value = serde_json::from_str(&body)?;
            Pipeline::new(&body, &self.region)
        });
        match read {
            Some(Ok(pipeline)) => Ok(pipeline),
            Some(Err(error)) => refuse(
                "Sandbox:Drive",
                "sandbox-structure",
                format!(
                    "The structure of execution {} cannot be read: {error}",
                    self.id
                ),
            ),
            None => refuse(
                "Sandbox:Drive",
                "sandbox-structure",
                format!(
                    "The structure of execution {} is gone with its pipeline",
                    self.id
                ),
            ),
        }
    }

    /// As AWS tells it.
    pub(in crate::sandbox) fn told(&self) -> Execution {
        Execution {
            pipeline_execution_id: self.id.clone(),
            status: self.status,
            status_summary: self.summary.clone(),
            pipeline_version: Some(self.version),
            start_time: Some(self.started),
            last_update_time: Some(self.updated),
            source_revisions: self.revisions.clone(),
            variables: self
                .variables
                .iter()
                .map(|(name, value)| ResolvedVariable {
                    name: name.clone(),
                    resolved_value: value.clone(),
                })
                .collect(),
            trigger: self.trigger.clone(),
            stop_trigger: StopTrigger {
                reason: self.stop_reason.clone(),
            },
            execution_mode: self.mode,
            execution_type: self.kind,
            rollback_metadata: RollbackMetadata {
                rollback_target_pipeline_execution_id: self.target.clone(),
            },
        }
    }
}

/// What a new execution begins with.
#[derive(Debug, Default)]
pub(in crate::sandbox) struct New<'a> {
    pub(in crate::sandbox) trigger: &'a str,
    pub(in crate::sandbox) detail: String,
    pub(in crate::sandbox) variables: BTreeMap<String, String>,
    pub(in crate::sandbox) overrides: &'a [Revision],
    pub(in crate::sandbox) token: Option<&'a str>,
    /// The stage to bring back, and the execution to bring it back to.
    pub(in crate::sandbox) rollback: Option<(usize, &'a Run)>,
    /// The execution that it comes out of.
    pub(in crate::sandbox) cause: Option<&'a str>,
}

/// Writes a new execution of a pipeline as it stands now; gives its id.
pub(in crate::sandbox) fn insert(
    tx: &Transaction<'_>,
    region: &str,
    pipeline: &str,
    new: &New<'_>,
) -> Outcome<String> {
    let Some(row) = store::row(tx, "pipeline", region, pipeline)? else {
        return super::super::executions::no_pipeline(
            "CodePipeline:StartPipelineExecution",
            pipeline,
        );
    };
    let id = store::uuid(tx)?;
    let body = row.body.to_string();
    let digest: String = Sha256::digest(&body)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    tx.prepare_cached("INSERT OR IGNORE INTO structures (sha256, body) VALUES (?1, ?2)")?
        .execute(params![digest, body])?;
    let mode: ExecutionMode =
        serde_json::from_value(row.body["executionMode"].clone()).unwrap_or_default();
    let overrides: Vec<(&str, &str, &str)> = new
        .overrides
        .iter()
        .map(|one| (one.action.as_str(), one.kind.as_str(), one.value.as_str()))
        .collect();
    let first = new.overrides.first();
    let (kind, target, position, revisions) = match new.rollback {
        Some((position, target)) => (
            ExecutionType::Rollback,
            Some(&target.id),
            position,
            target.revisions.clone(),
        ),
        None => (ExecutionType::Standard, None, 0, Vec::new()),
    };
    tx.prepare_cached(
        "INSERT INTO executions (id, region, pipeline, number, status, trigger, trigger_detail, source,
             revision, token, pipeline_version, started, updated, mode, type, variables, overrides,
             revisions, structure, target, position, cause)
         SELECT ?1, ?2, ?3, 1 + COALESCE(MAX(number), 0), 'InProgress', ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10,
             ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19
         FROM executions WHERE region = ?2 AND pipeline = ?3",
    )?
    .execute(params![
        id,
        region,
        pipeline,
        new.trigger,
        new.detail,
        first.map(|revision| &revision.action),
        first.map(|revision| &revision.value),
        new.token,
        row.version,
        now_ms(),
        word(mode),
        word(kind),
        to_json(&new.variables)?,
        to_json(&overrides)?,
        to_json(&revisions)?,
        digest,
        target,
        column(position),
        new.cause,
    ])?;
    Ok(id)
}

/// What became of the conditions at one side of a stage.
#[derive(Debug, Clone, Serialize, serde::Deserialize)]
pub(in crate::sandbox) struct Checked {
    pub(in crate::sandbox) status: ConditionStatus,
    pub(in crate::sandbox) summary: Option<String>,
    pub(in crate::sandbox) at: i64,
}

/// One attempt of an execution at a stage.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct StageRun {
    pub(in crate::sandbox) execution: String,
    pub(in crate::sandbox) position: usize,
    pub(in crate::sandbox) attempt: i64,
    pub(in crate::sandbox) stage: String,
    pub(in crate::sandbox) status: StageStatus,
    /// The first attempt whose successful actions count.
    pub(in crate::sandbox) base: i64,
    pub(in crate::sandbox) automatic: i64,
    pub(in crate::sandbox) manual: i64,
    pub(in crate::sandbox) trigger: Option<String>,
    /// By side: each condition.
    pub(in crate::sandbox) conditions: BTreeMap<String, Vec<Checked>>,
    pub(in crate::sandbox) started: i64,
}

const STAGE_RUN: &str =
    "execution, position, attempt, stage, status, base, automatic, manual, trigger,
    conditions, started";

fn stage_run_of(row: &Row<'_>) -> rusqlite::Result<StageRun> {
    Ok(StageRun {
        execution: row.get(0)?,
        position: row.get::<_, u32>(1)? as usize,
        attempt: row.get(2)?,
        stage: row.get(3)?,
        status: from_word(row.get(4)?)?,
        base: row.get(5)?,
        automatic: row.get(6)?,
        manual: row.get(7)?,
        trigger: row.get(8)?,
        conditions: from_json(&row.get::<_, String>(9)?)?,
        started: row.get(10)?,
    })
}

/// The last attempt of an execution at a stage.
pub(in crate::sandbox) fn stage_run(
    db: &Connection,
    execution: &str,
    position: usize,
) -> rusqlite::Result<Option<StageRun>> {
    db.prepare_cached(&format!(
        "SELECT {STAGE_RUN} FROM stage_runs WHERE execution = ?1 AND position = ?2
         ORDER BY attempt DESC LIMIT 1"
    ))?
    .query_row(params![execution, column(position)], stage_run_of)
    .optional()
}

/// The attempt that entered a stage of a pipeline last.
pub(in crate::sandbox) fn last_in_stage(
    db: &Connection,
    region: &str,
    pipeline: &str,
    stage: &str,
) -> rusqlite::Result<Option<StageRun>> {
    db.prepare_cached(&format!(
        "SELECT {STAGE_RUN} FROM stage_runs WHERE region = ?1 AND pipeline = ?2 AND stage = ?3
         ORDER BY started DESC, rowid DESC LIMIT 1"
    ))?
    .query_row(params![region, pipeline, stage], stage_run_of)
    .optional()
}

/// The newest standard execution that went through a stage in a structure; what a rollback goes to.
pub(in crate::sandbox) fn last_success(
    db: &Connection,
    run: &Run,
    stage: &str,
) -> rusqlite::Result<Option<Run>> {
    db.prepare_cached(&format!(
        "SELECT {RUN} FROM executions WHERE region = ?1 AND pipeline = ?2 AND type = 'STANDARD'
         AND pipeline_version = ?3 AND structure IS ?4 AND id <> ?5 AND EXISTS (
             SELECT 1 FROM stage_runs WHERE execution = executions.id AND stage = ?6
             AND stage_runs.status = 'Succeeded')
         ORDER BY number DESC LIMIT 1"
    ))?
    .query_row(
        params![
            run.region,
            run.pipeline,
            run.version,
            run.structure,
            run.id,
            stage
        ],
        run_of,
    )
    .optional()
}

impl StageRun {
    /// Enters a stage.
    pub(in crate::sandbox) fn enter(
        tx: &Transaction<'_>,
        run: &Run,
        stage: &str,
    ) -> rusqlite::Result<Self> {
        let new = Self {
            execution: run.id.clone(),
            position: run.position,
            attempt: 1,
            stage: stage.to_owned(),
            status: StageStatus::InProgress,
            base: 1,
            automatic: 0,
            manual: 0,
            trigger: None,
            conditions: BTreeMap::new(),
            started: now_ms(),
        };
        new.insert(tx, run)?;
        Ok(new)
    }

    /// Writes an attempt that is not there yet.
    pub(in crate::sandbox) fn insert(
        &self,
        tx: &Transaction<'_>,
        run: &Run,
    ) -> rusqlite::Result<()> {
        tx.prepare_cached(
            "INSERT INTO stage_runs (execution, position, attempt, region, pipeline, stage, number, status,
                 base, automatic, manual, trigger, conditions, started, updated)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?14)",
        )?
        .execute(params![
            self.execution,
            column(self.position),
            self.attempt,
            run.region,
            run.pipeline,
            self.stage,
            run.number,
            word(self.status),
            self.base,
            self.automatic,
            self.manual,
            self.trigger,
            to_json(&self.conditions)?,
            self.started,
        ])?;
        Ok(())
    }

    /// Writes what changed.
    pub(in crate::sandbox) fn save(&self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        tx.prepare_cached(
            "UPDATE stage_runs SET status = ?4, conditions = ?5, updated = ?6
             WHERE execution = ?1 AND position = ?2 AND attempt = ?3",
        )?
        .execute(params![
            self.execution,
            column(self.position),
            self.attempt,
            word(self.status),
            to_json(&self.conditions)?,
            now_ms(),
        ])?;
        Ok(())
    }
}
