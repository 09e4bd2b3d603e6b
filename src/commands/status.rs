//! `status`: how the newest execution stands, and which others are under way.

use serde_json::json;

use super::follow::now;
use super::operating::Desk;
use super::{End, Setting};
use crate::cli::operate::Status;
use crate::error::Exit;
use crate::operate::snapshot::Snapshot;
use crate::operate::watcher;
use crate::report::run;
use crate::sandbox::engine::Options;

/// How many executions are looked through for those under way.
const LOOKED_THROUGH: usize = 20;

/// Runs the command.
pub(super) async fn run(arguments: &Status, setting: &Setting) -> Result<Exit, End> {
    let desk = Desk::open(
        setting,
        arguments.which.pipeline.as_deref(),
        Options::default(),
    )
    .await?;
    let runs = desk.runs.as_ref();
    let refused = |error| desk.failure(&error);
    let all = desk.list(LOOKED_THROUGH).await?;
    let wanted = match &arguments.which.execution {
        Some(_) => Some(desk.execution(arguments.which.execution.as_deref()).await?),
        None => all.first().cloned(),
    };
    let state = runs.state(&desk.pipeline).await.map_err(refused)?;
    let (execution, actions) = match wanted {
        Some(listed) => {
            let id = listed.pipeline_execution_id.clone();
            let mut whole = watcher::look_up(runs, &desk.pipeline, &id)
                .await
                .map_err(refused)?;
            whole.start_time = whole.start_time.or(listed.start_time);
            let actions = runs
                .action_runs(&desk.pipeline, &id)
                .await
                .map_err(refused)?;
            (Some(whole), actions)
        }
        None => (None, Vec::new()),
    };
    let snapshot = Snapshot::of(&state, execution, &actions);
    let others: Vec<_> = all
        .iter()
        .filter(|one| {
            !one.status.is_over() && Some(one.pipeline_execution_id.as_str()) != snapshot.id()
        })
        .collect();
    let report = &setting.report;
    let console = runs.console(&desk.pipeline, snapshot.id());
    if report.is_json() {
        report.result_json(&json!({
            "version": 1,
            "pipeline": desk.pipeline,
            "execution": snapshot.execution,
            "stages": state.stage_states,
            "actions": actions,
            "others": others,
            "console": console,
        }));
        return Ok(Exit::Ok);
    }
    report.result(&run::frame(report.out, &snapshot, now()).join("\n"));
    for other in others {
        report.result(&format!(
            "also {}: {}",
            run::execution_word(other.status),
            other.pipeline_execution_id
        ));
    }
    if snapshot.waiting().next().is_some() {
        report.note(&format!(
            "{}, or {}",
            desk.command("approve"),
            desk.command("reject")
        ));
    }
    if let (Some(engine), Some(id)) = (runs.engine(), snapshot.id())
        && !snapshot.is_over()
        && !engine
            .is_driven(&desk.pipeline, id)
            .await
            .map_err(refused)?
    {
        report.note(&format!(
            "no process goes on with this execution; one would: {}",
            desk.command("run --resume")
        ));
    }
    if let Some(console) = console {
        report.note(&console);
    }
    Ok(Exit::Ok)
}
