//! Executions as rows. What runs them is another matter: here they start, stop and are told of.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::store::{self, now};
use super::{ACCOUNT, Outcome, Sandbox, refuse};
use crate::catalog::structure;
use crate::cloud::{ExecutionSummary, Result, Revision};

/// Starts an execution of a pipeline that is there.
pub(super) fn insert(
    tx: &Transaction<'_>,
    region: &str,
    pipeline: &str,
    version: i64,
    trigger: &str,
    revision: Option<&Revision>,
    token: Option<&str>,
) -> rusqlite::Result<String> {
    let id = store::uuid(tx)?;
    let source = revision.map(|revision| &revision.action);
    let revision = revision.map(|revision| &revision.value);
    tx.execute(
        "INSERT INTO executions (id, region, pipeline, number, status, trigger, source, revision,
             token, pipeline_version, started)
         SELECT ?1, ?2, ?3, 1 + COALESCE(MAX(number), 0), 'InProgress', ?4, ?5, ?6, ?7, ?8, ?9
         FROM executions WHERE region = ?2 AND pipeline = ?3",
        params![
            id,
            region,
            pipeline,
            trigger,
            source,
            revision,
            token,
            version,
            now()
        ],
    )?;
    Ok(id)
}

/// What UpdatePipeline does to what is running: all but PARALLEL executions fail.
pub(super) fn fail_running(
    tx: &Transaction<'_>,
    region: &str,
    pipeline: &str,
) -> rusqlite::Result<()> {
    tx.execute(
        "UPDATE executions SET status = 'Failed', reason = 'The pipeline was updated'
         WHERE region = ?1 AND pipeline = ?2 AND status IN ('InProgress', 'Stopping')",
        params![region, pipeline],
    )?;
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

impl Sandbox {
    fn pipeline_version(
        &self,
        db: &Connection,
        operation: &'static str,
        pipeline: &str,
    ) -> Outcome<i64> {
        match store::row(db, "pipeline", &self.region, pipeline)? {
            Some(row) => Ok(row.version),
            None => no_pipeline(operation, pipeline),
        }
    }

    pub(super) fn start(
        &self,
        pipeline: &str,
        revision: Option<&Revision>,
        token: Option<&str>,
    ) -> Result<String> {
        const OPERATION: &str = "CodePipeline:StartPipelineExecution";
        self.count_write(OPERATION, 1);
        self.transaction(Some(format!("pipeline {pipeline}")), |tx| {
            let version = self.pipeline_version(tx, OPERATION, pipeline)?;
            if let Some(token) = token {
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
            let id = insert(
                tx,
                &self.region,
                pipeline,
                version,
                "StartPipelineExecution",
                revision,
                token,
            )?;
            Ok(id)
        })
    }

    pub(super) fn list_executions(
        &self,
        pipeline: &str,
        most: usize,
    ) -> Result<Vec<ExecutionSummary>> {
        const OPERATION: &str = "CodePipeline:ListPipelineExecutions";
        self.count_read(OPERATION, 1);
        self.reading(Some(format!("pipeline {pipeline}")), |db| {
            self.pipeline_version(db, OPERATION, pipeline)?;
            let mut query = db.prepare_cached(
                "SELECT id, status FROM executions WHERE region = ?1 AND pipeline = ?2
                 ORDER BY number DESC LIMIT ?3",
            )?;
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            let rows = query.query_map(params![self.region, pipeline, most], |row| {
                Ok(ExecutionSummary {
                    id: row.get(0)?,
                    status: row.get(1)?,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Nothing is in the middle of an action here, so that stopping and abandoning both end it at once.
    pub(super) fn stop(
        &self,
        pipeline: &str,
        execution: &str,
        _abandon: bool,
        reason: &str,
    ) -> Result<()> {
        const OPERATION: &str = "CodePipeline:StopPipelineExecution";
        self.count_write(OPERATION, 1);
        self.transaction(Some(format!("pipeline {pipeline}")), |tx| {
            self.pipeline_version(tx, OPERATION, pipeline)?;
            let status: Option<String> = tx
                .query_row(
                    "SELECT status FROM executions WHERE region = ?1 AND pipeline = ?2 AND id = ?3",
                    params![self.region, pipeline, execution],
                    |row| row.get(0),
                )
                .optional()?;
            match status.as_deref() {
                None => refuse(
                    OPERATION,
                    "PipelineExecutionNotFoundException",
                    format!("Pipeline {pipeline} has no execution {execution}"),
                ),
                Some("InProgress" | "Stopping") => {
                    tx.execute(
                        "UPDATE executions SET status = 'Stopped', reason = ?2 WHERE id = ?1",
                        params![execution, reason],
                    )?;
                    Ok(())
                }
                Some(status) => refuse(
                    OPERATION,
                    "PipelineExecutionNotStoppableException",
                    format!("Execution {execution} is {status} and cannot be stopped"),
                ),
            }
        })
    }
}
