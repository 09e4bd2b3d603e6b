//! Runs of actions and rules.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::super::super::store::now_ms;
use super::{Run, column, from_json, from_word, to_json, word};
use crate::execution::{
    ActionInput, ActionOutput, ActionRun, ActionStatus, RuleOutput, RuleRun, Time,
};

/// A run of an action.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct ActionRow {
    pub(in crate::sandbox) id: String,
    pub(in crate::sandbox) execution: String,
    pub(in crate::sandbox) stage: String,
    pub(in crate::sandbox) action: String,
    pub(in crate::sandbox) attempt: i64,
    pub(in crate::sandbox) status: ActionStatus,
    pub(in crate::sandbox) summary: Option<String>,
    pub(in crate::sandbox) token: Option<String>,
    pub(in crate::sandbox) updated_by: Option<String>,
    pub(in crate::sandbox) input: ActionInput,
    pub(in crate::sandbox) output: ActionOutput,
    pub(in crate::sandbox) started: i64,
    pub(in crate::sandbox) updated: i64,
}

const ACTION: &str =
    "id, execution, stage, action, attempt, status, summary, token, updated_by, input,
    output, started, updated";

fn action_of(row: &Row<'_>) -> rusqlite::Result<ActionRow> {
    Ok(ActionRow {
        id: row.get(0)?,
        execution: row.get(1)?,
        stage: row.get(2)?,
        action: row.get(3)?,
        attempt: row.get(4)?,
        status: from_word(row.get(5)?)?,
        summary: row.get(6)?,
        token: row.get(7)?,
        updated_by: row.get(8)?,
        input: from_json(&row.get::<_, String>(9)?)?,
        output: from_json(&row.get::<_, String>(10)?)?,
        started: row.get(11)?,
        updated: row.get(12)?,
    })
}

/// A run of an action by its id.
pub(in crate::sandbox) fn action_run(
    db: &Connection,
    id: &str,
) -> rusqlite::Result<Option<ActionRow>> {
    db.prepare_cached(&format!("SELECT {ACTION} FROM action_runs WHERE id = ?1"))?
        .query_row([id], action_of)
        .optional()
}

/// Every run of every action of an execution, the oldest first; only of one stage, if one is given.
pub(in crate::sandbox) fn action_runs(
    db: &Connection,
    execution: &str,
    stage: Option<&str>,
) -> rusqlite::Result<Vec<ActionRow>> {
    db.prepare_cached(&format!(
        "SELECT {ACTION} FROM action_runs WHERE execution = ?1 AND (?2 IS NULL OR stage = ?2)
         ORDER BY seq"
    ))?
    .query_map(params![execution, stage], action_of)?
    .collect()
}

/// The last run of an action in any execution.
pub(in crate::sandbox) fn last_action_run(
    db: &Connection,
    region: &str,
    pipeline: &str,
    stage: &str,
    action: &str,
) -> rusqlite::Result<Option<ActionRow>> {
    db.prepare_cached(&format!(
        "SELECT {ACTION} FROM action_runs WHERE region = ?1 AND pipeline = ?2 AND stage = ?3
         AND action = ?4 ORDER BY seq DESC LIMIT 1"
    ))?
    .query_row(params![region, pipeline, stage, action], action_of)
    .optional()
}

impl ActionRow {
    /// Writes a run that begins.
    pub(in crate::sandbox) fn insert(
        &self,
        tx: &Transaction<'_>,
        run: &Run,
    ) -> rusqlite::Result<()> {
        tx.prepare_cached(
            "INSERT INTO action_runs (id, execution, region, pipeline, stage, action, attempt, status,
                 token, input, output, started, updated)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12)",
        )?
        .execute(params![
            self.id,
            self.execution,
            run.region,
            run.pipeline,
            self.stage,
            self.action,
            self.attempt,
            word(self.status),
            self.token,
            to_json(&self.input)?,
            to_json(&self.output)?,
            self.started,
        ])?;
        Ok(())
    }

    /// Writes what changed.
    pub(in crate::sandbox) fn save(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        self.updated = now_ms();
        tx.prepare_cached(
            "UPDATE action_runs SET status = ?2, summary = ?3, updated_by = ?4, input = ?5, output = ?6,
                 updated = ?7, token = ?8 WHERE id = ?1",
        )?
        .execute(params![
            self.id,
            word(self.status),
            self.summary,
            self.updated_by,
            to_json(&self.input)?,
            to_json(&self.output)?,
            self.updated,
            self.token,
        ])?;
        Ok(())
    }

    /// As AWS tells it.
    pub(in crate::sandbox) fn told(self) -> ActionRun {
        let mut output = self.output;
        if output.execution_result.external_execution_summary.is_none() {
            output.execution_result.external_execution_summary = self.summary;
        }
        ActionRun {
            pipeline_execution_id: self.execution,
            action_execution_id: self.id,
            stage_name: self.stage,
            action_name: self.action,
            start_time: Some(Time(self.started)),
            last_update_time: Some(Time(self.updated)),
            updated_by: self.updated_by,
            status: self.status,
            input: self.input,
            output,
        }
    }
}

/// A run of a rule.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct RuleRow {
    pub(in crate::sandbox) id: String,
    pub(in crate::sandbox) execution: String,
    pub(in crate::sandbox) stage: String,
    pub(in crate::sandbox) side: String,
    pub(in crate::sandbox) condition: usize,
    pub(in crate::sandbox) rule: String,
    pub(in crate::sandbox) attempt: i64,
    pub(in crate::sandbox) status: ActionStatus,
    pub(in crate::sandbox) summary: Option<String>,
    pub(in crate::sandbox) output: RuleOutput,
    pub(in crate::sandbox) started: i64,
    pub(in crate::sandbox) updated: i64,
}

const RULE: &str =
    "id, execution, stage, side, condition, rule, attempt, status, summary, output, started,
    updated";

fn rule_of(row: &Row<'_>) -> rusqlite::Result<RuleRow> {
    Ok(RuleRow {
        id: row.get(0)?,
        execution: row.get(1)?,
        stage: row.get(2)?,
        side: row.get(3)?,
        condition: row.get::<_, u32>(4)? as usize,
        rule: row.get(5)?,
        attempt: row.get(6)?,
        status: from_word(row.get(7)?)?,
        summary: row.get(8)?,
        output: from_json(&row.get::<_, String>(9)?)?,
        started: row.get(10)?,
        updated: row.get(11)?,
    })
}

/// Every run of every rule of an execution, the oldest first; only of one stage, if one is given.
pub(in crate::sandbox) fn rule_runs(
    db: &Connection,
    execution: &str,
    stage: Option<&str>,
) -> rusqlite::Result<Vec<RuleRow>> {
    db.prepare_cached(&format!(
        "SELECT {RULE} FROM rule_runs WHERE execution = ?1 AND (?2 IS NULL OR stage = ?2) ORDER BY seq"
    ))?
    .query_map(params![execution, stage], rule_of)?
    .collect()
}

/// A run of a rule by its id.
pub(in crate::sandbox) fn rule_run(db: &Connection, id: &str) -> rusqlite::Result<Option<RuleRow>> {
    db.prepare_cached(&format!("SELECT {RULE} FROM rule_runs WHERE id = ?1"))?
        .query_row([id], rule_of)
        .optional()
}

impl RuleRow {
    /// Writes a run that begins.
    pub(in crate::sandbox) fn insert(
        &self,
        tx: &Transaction<'_>,
        run: &Run,
    ) -> rusqlite::Result<()> {
        tx.prepare_cached(
            "INSERT INTO rule_runs (id, execution, region, pipeline, stage, side, condition, rule, attempt,
                 status, output, started, updated)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12)",
        )?
        .execute(params![
            self.id,
            self.execution,
            run.region,
            run.pipeline,
            self.stage,
            self.side,
            column(self.condition),
            self.rule,
            self.attempt,
            word(self.status),
            to_json(&self.output)?,
            self.started,
        ])?;
        Ok(())
    }

    /// Writes what changed.
    pub(in crate::sandbox) fn save(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        self.updated = now_ms();
        tx.prepare_cached(
            "UPDATE rule_runs SET status = ?2, summary = ?3, output = ?4, updated = ?5 WHERE id = ?1",
        )?
        .execute(params![
            self.id,
            word(self.status),
            self.summary,
            to_json(&self.output)?,
            self.updated,
        ])?;
        Ok(())
    }

    /// As AWS tells it.
    pub(in crate::sandbox) fn told(self) -> RuleRun {
        let mut output = self.output;
        if output.execution_result.external_execution_summary.is_none() {
            output.execution_result.external_execution_summary = self.summary;
        }
        RuleRun {
            pipeline_execution_id: self.execution,
            rule_execution_id: self.id,
            stage_name: self.stage,
            rule_name: self.rule,
            start_time: Some(Time(self.started)),
            last_update_time: Some(Time(self.updated)),
            status: self.status,
            output,
        }
    }
}
