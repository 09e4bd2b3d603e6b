//! Builds as rows: their numbers, their logs, and what becomes of them when nobody runs them any more.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::super::store::now_ms;
use super::super::{Outcome, Sandbox};
use super::rows::{Run, word};
use crate::cloud::Result;
use crate::cloud::runs::{LogLine, LogPage};
use crate::execution::build::{Build, BuildStatus, Phase, PhaseContext};
use crate::execution::report::Report;
use crate::execution::{ExecutionStatus, Time};

/// What is said of a build whose process is gone.
pub(super) const LOST: &str = "The process that ran it ended";
/// Lines of a page of a log.
const PAGE: usize = 10_000;

/// A build as a row.
#[derive(Debug)]
pub(super) struct BuildRow<'a> {
    pub(super) build: &'a Build,
    pub(super) region: &'a str,
    pub(super) execution: &'a str,
    /// The run of the action or rule.
    pub(super) run: &'a str,
    /// The file of its log.
    pub(super) log: &'a str,
    pub(super) self_update: bool,
}

impl BuildRow<'_> {
    /// Writes it, or writes it again.
    pub(super) fn save(&self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        let build = self.build;
        let body = serde_json::to_string(build).unwrap_or_default();
        tx.prepare_cached(
            "INSERT INTO builds (id, region, batch, execution, run, status, body, log_group, log_stream,
                 log_file, self_update)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (id) DO UPDATE SET status = excluded.status, body = excluded.body",
        )?
        .execute(params![
            build.id,
            self.region,
            build.build_batch_arn,
            self.execution,
            self.run,
            word(build.build_status),
            body,
            build.logs.group_name.as_deref().unwrap_or_default(),
            build.logs.stream_name.as_deref().unwrap_or_default(),
            self.log,
            self.self_update,
        ])?;
        Ok(())
    }
}

/// Writes a report.
pub(super) fn save_report(tx: &Transaction<'_>, report: &Report) -> rusqlite::Result<()> {
    tx.prepare_cached("INSERT OR REPLACE INTO reports (arn, build, body) VALUES (?1, ?2, ?3)")?
        .execute(params![
            report.arn,
            report.execution_id,
            serde_json::to_string(report).unwrap_or_default()
        ])?;
    Ok(())
}

/// The next number of a build of a project.
pub(super) fn number(tx: &Transaction<'_>, region: &str, project: &str) -> rusqlite::Result<i64> {
    tx.prepare_cached(
        "INSERT INTO build_numbers (region, project, last) VALUES (?1, ?2, 1)
         ON CONFLICT (region, project) DO UPDATE SET last = last + 1 RETURNING last",
    )?
    .query_row(params![region, project], |row| row.get(0))
}

/// Ends the builds of a run that are still said to run.
pub(super) fn lose(tx: &Transaction<'_>, run: &str, status: BuildStatus) -> Outcome<()> {
    let bodies: Vec<String> = tx
        .prepare_cached("SELECT body FROM builds WHERE run = ?1 AND status = 'IN_PROGRESS'")?
        .query_map([run], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for body in bodies {
        let Ok(mut build) = serde_json::from_str::<Build>(&body) else {
            continue;
        };
        let now = Some(Time(now_ms()));
        build.build_status = status;
        build.end_time = now;
        if let Some(Phase {
            phase_status,
            end_time,
            contexts,
            ..
        }) = build
            .phases
            .iter_mut()
            .rev()
            .find(|phase| phase.end_time.is_none())
        {
            *phase_status = Some(status);
            *end_time = now;
            contexts.push(PhaseContext {
                status_code: "CLIENT_ERROR".to_owned(),
                message: LOST.to_owned(),
            });
        }
        tx.prepare_cached("UPDATE builds SET status = ?2, body = ?3 WHERE id = ?1")?
            .execute(params![
                build.id,
                word(status),
                serde_json::to_string(&build).unwrap_or_default()
            ])?;
    }
    Ok(())
}

/// Whether a build of the execution is under way that updates its own pipeline.
pub(super) fn has_self_update(db: &Connection, execution: &str) -> Outcome<bool> {
    Ok(db
        .prepare_cached(
            "SELECT 1 FROM builds WHERE execution = ?1 AND status = 'IN_PROGRESS' AND self_update",
        )?
        .exists([execution])?)
}

/// Notes which execution a self-update started in place of its own: the one that was started with a token while a
/// build of it ran.
pub(super) fn link_restart(tx: &Transaction<'_>, run: &Run) -> Outcome<()> {
    if matches!(
        run.status,
        ExecutionStatus::Failed | ExecutionStatus::Stopped
    ) {
        tx.prepare_cached(
            "UPDATE executions SET cause = ?1 WHERE region = ?2 AND pipeline = ?3 AND cause IS NULL
             AND token IS NOT NULL AND trigger = 'StartPipelineExecution' AND number > ?4
             AND pipeline_version > ?5
             AND EXISTS (SELECT 1 FROM builds WHERE execution = ?1 AND self_update)",
        )?
        .execute(params![
            run.id,
            run.region,
            run.pipeline,
            run.number,
            run.version
        ])?;
    }
    Ok(())
}

/// The execution that came out of one: its rollback, or the one that a self-update started in its place.
pub(in crate::sandbox) fn successor(
    db: &Connection,
    execution: &str,
) -> rusqlite::Result<Option<String>> {
    db.prepare_cached("SELECT id FROM executions WHERE cause = ?1 ORDER BY number LIMIT 1")?
        .query_row([execution], |row| row.get(0))
        .optional()
}

impl Sandbox {
    /// BatchGetBuilds; the id or ARN of a batch gives its builds.
    pub(in crate::sandbox) fn get_builds(
        &self,
        region: &str,
        ids: &[String],
    ) -> Result<Vec<Build>> {
        self.count_read("CodeBuild:BatchGetBuilds", ids.len().div_ceil(100));
        self.reading(None, |db| {
            let mut found = Vec::new();
            for id in ids {
                let mut query = db.prepare_cached(
                    "SELECT body FROM builds WHERE region = ?1 AND (id = ?2 OR batch = ?2
                         OR batch LIKE '%:build-batch/' || ?2) ORDER BY rowid",
                )?;
                for body in query.query_map(params![region, id], |row| row.get::<_, String>(0))? {
                    found.extend(serde_json::from_str::<Build>(&body?).ok());
                }
            }
            Ok(found)
        })
    }

    /// Reports in the order asked; what is not there is left out.
    pub(in crate::sandbox) fn get_reports(&self, arns: &[String]) -> Result<Vec<Report>> {
        self.count_read("CodeBuild:BatchGetReports", arns.len().div_ceil(100));
        self.reading(None, |db| {
            let mut query = db.prepare_cached("SELECT body FROM reports WHERE arn = ?1")?;
            let mut found = Vec::new();
            for arn in arns {
                let body: Option<String> = query.query_row([arn], |row| row.get(0)).optional()?;
                found.extend(body.and_then(|body| serde_json::from_str(&body).ok()));
            }
            Ok(found)
        })
    }

    /// A page of a build's log. The place to go on at is an offset in its file.
    pub(in crate::sandbox) fn get_log(
        &self,
        group: &str,
        stream: &str,
        after: Option<&str>,
    ) -> Result<LogPage> {
        self.count_read("CloudWatchLogs:GetLogEvents", 1);
        let file = self.reading(None, |db| {
            let file: Option<String> = db
                .prepare_cached(
                    "SELECT log_file FROM builds WHERE log_group = ?1 AND log_stream = ?2",
                )?
                .query_row(params![group, stream], |row| row.get(0))
                .optional()?;
            Ok(file)
        })?;
        let start: u64 = after
            .and_then(|after| after.parse().ok())
            .unwrap_or_default();
        let unread = LogPage {
            lines: Vec::new(),
            next: Some(start.to_string()),
        };
        let Some(file) = file else {
            return Ok(unread);
        };
        Ok(page(&self.folder.join(file), start).unwrap_or(unread))
    }
}

/// Whole lines of a log from an offset on. Lines of the container begin with their time, those of commands have that of
/// the line before.
fn page(file: &std::path::Path, start: u64) -> std::io::Result<LogPage> {
    use std::io::{BufRead, BufReader, Seek, SeekFrom};
    let mut file = std::fs::File::open(file)?;
    let mut last = Time::default();
    file.seek(SeekFrom::Start(start))?;
    let mut reader = BufReader::new(file);
    let mut page = LogPage::default();
    let mut at = start;
    let mut line = Vec::new();
    while page.lines.len() < PAGE {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            break;
        }
        at += read as u64;
        let text = String::from_utf8_lossy(&line[..line.len() - 1]).into_owned();
        if let Some(said) = text.strip_prefix("[Container] ") {
            let time = said.splitn(3, ' ').take(2).collect::<Vec<_>>().join(" ");
            last = super::window::milliseconds(&time).map_or(last, Time);
        }
        page.lines.push(LogLine { at: last, text });
    }
    page.next = Some(at.to_string());
    Ok(page)
}
