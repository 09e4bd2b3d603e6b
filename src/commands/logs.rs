//! `logs`: what the builds of an execution write.

use std::time::Duration;

use serde_json::json;

use super::operating::Desk;
use super::{End, Setting};
use crate::cli::operate::Logs;
use crate::cloud::runs::LogLine;
use crate::error::{Exit, Failure};
use crate::execution::ActionRun;
use crate::operate::logs::BuildLog;
use crate::report::run;
use crate::sandbox::engine::Options;

/// Runs the command.
pub(super) async fn run(arguments: &Logs, setting: &Setting) -> Result<Exit, End> {
    let which = &arguments.which;
    let desk = Desk::open(setting, which.pipeline.as_deref(), Options::default()).await?;
    let execution = desk.execution(which.execution.as_deref()).await?;
    let id = execution.pipeline_execution_id.as_str();
    let runs = desk.runs.as_ref();
    let refused = |error| desk.failure(&error);
    let mut logs: Vec<BuildLog> = Vec::new();
    let mut painter = Painter::default();
    let pace = desk.pace();
    let mut pause = pace.least;
    let mut over = execution.status.is_over();
    loop {
        let actions = runs
            .action_runs(&desk.pipeline, id)
            .await
            .map_err(refused)?;
        let chosen = chosen(&actions, arguments.action.as_deref());
        if chosen.is_empty() && (over || !arguments.follow) {
            return Err(nothing(&desk, &actions, arguments.action.as_deref()).into());
        }
        for log in BuildLog::of(runs, &desk.region, &chosen)
            .await
            .map_err(refused)?
        {
            if !logs.iter().any(|known| known.is(&log)) {
                logs.push(log);
            }
        }
        let several = logs.len() > 1 || (arguments.follow && arguments.action.is_none());
        let mut some = false;
        for log in &mut logs {
            loop {
                let lines = log.more(runs).await.map_err(refused)?;
                if lines.is_empty() {
                    break;
                }
                some = true;
                for line in &lines {
                    painter.line(setting, log, line, several);
                }
            }
        }
        if over || !arguments.follow {
            if logs.is_empty() {
                setting.report.note("nothing was written");
            }
            return Ok(Exit::Ok);
        }
        pause = if some {
            pace.least
        } else {
            pause.mul_f64(1.3).min(pace.most)
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Interrupted),
            () = tokio::time::sleep(pause.max(Duration::from_millis(100))) => {}
        }
        // What is written between the last line and the end is read in the round after the end.
        over = runs
            .execution(&desk.pipeline, id)
            .await
            .map_err(refused)?
            .is_none_or(|execution| execution.status.is_over());
    }
}

/// The last run of every action that is meant.
pub(super) fn chosen<'a>(actions: &'a [ActionRun], wanted: Option<&str>) -> Vec<&'a ActionRun> {
    let mut last: Vec<&ActionRun> = Vec::new();
    for run in actions.iter().filter(|run| is_meant(run, wanted)) {
        last.retain(|known| {
            (&known.stage_name, &known.action_name) != (&run.stage_name, &run.action_name)
        });
        last.push(run);
    }
    last
}

fn is_meant(run: &ActionRun, wanted: Option<&str>) -> bool {
    match wanted.map(|wanted| wanted.split_once('/').ok_or(wanted)) {
        None => true,
        Some(Ok((stage, action))) => run.stage_name == stage && run.action_name == action,
        Some(Err(name)) => run.action_name == name || run.stage_name == name,
    }
}

/// That there is nothing to read, and what there is.
pub(super) fn nothing(desk: &Desk, actions: &[ActionRun], wanted: Option<&str>) -> Failure {
    let Some(wanted) = wanted else {
        return Failure::no("nothing-run", "no action has run in this execution yet")
            .help(desk.command("status"));
    };
    let mut names: Vec<String> = actions
        .iter()
        .map(|run| {
            if run.stage_name == run.action_name {
                run.action_name.clone()
            } else {
                format!("{}/{}", run.stage_name, run.action_name)
            }
        })
        .collect();
    names.sort();
    names.dedup();
    let failure = Failure::no(
        "action-unknown",
        format!("no action `{wanted}` has run in this execution"),
    );
    let near = crate::diagnostic::nearest(wanted, names.iter().map(String::as_str));
    match near {
        Some(near) => failure.help(format!("did you mean `{near}`?")),
        None if names.is_empty() => failure.help(desk.command("status")),
        None => failure.help(format!("have run: {}", names.join(", "))),
    }
}

/// Marks the lines of several builds, each in its own colour.
#[derive(Default)]
struct Painter {
    names: Vec<String>,
}

impl Painter {
    fn line(&mut self, setting: &Setting, log: &BuildLog, line: &LogLine, several: bool) {
        let report = &setting.report;
        if report.is_json() {
            report.result_line(&json!({
                "version": 1,
                "event": "log",
                "stage": log.stage,
                "action": log.action,
                "build": log.name,
                "at": line.at,
                "line": line.text,
            }));
            return;
        }
        if !several {
            report.result(&crate::report::text::clean(&line.text));
            return;
        }
        let index = match self.names.iter().position(|name| *name == log.name) {
            Some(index) => index,
            None => {
                self.names.push(log.name.clone());
                self.names.len() - 1
            }
        };
        report.result(&run::log_line(report.out, index, &log.name, &line.text));
    }
}
