//! `retry`, `stop`, `rollback`, `enable`, `disable`: what a person does to an execution or a stage.

use super::approve::go_on;
use super::follow::{self, Manner};
use super::operating::Desk;
use super::{End, Setting, run, trust};
use crate::cli::operate::{Retry, Rollback, Stop, Transition};
use crate::diagnostic::nearest;
use crate::error::{Exit, Failure};
use crate::execution::{
    Execution, ExecutionStatus, ExecutionType, PipelineState, RetryMode, StageStatus,
};
use crate::sandbox::engine::Options;

/// How far back is looked for an execution to go back to.
const LOOKED_BACK: usize = 100;

fn tell(setting: &Setting, desk: &Desk, event: &str, execution: Option<&str>, text: &str) {
    let report = &setting.report;
    if report.is_json() {
        report.result_line(&serde_json::json!({
            "version": 1,
            "event": event,
            "pipeline": desk.pipeline,
            "execution": execution,
        }));
    } else {
        report.result(text);
    }
}

async fn state(desk: &Desk) -> Result<PipelineState, End> {
    desk.runs
        .state(&desk.pipeline)
        .await
        .map_err(|error| desk.failure(&error))
}

/// Refuses a stage that the pipeline does not have.
fn known_stage(desk: &Desk, state: &PipelineState, stage: &str) -> Result<(), Failure> {
    let names: Vec<&str> = state
        .stage_states
        .iter()
        .map(|one| one.stage_name.as_str())
        .collect();
    if names.contains(&stage) {
        return Ok(());
    }
    let failure = Failure::usage(format!("{} has no stage `{stage}`", desk.pipeline));
    Err(match nearest(stage, names.iter().copied()) {
        Some(near) => failure.help(format!("--stage {near}")),
        None => failure.help(format!("its stages are {}", names.join(", "))),
    })
}

/// `retry`.
pub(super) async fn retry(arguments: &Retry, setting: &Setting) -> Result<Exit, End> {
    let options = run::options(&arguments.here)?;
    let desk = Desk::open(setting, arguments.which.pipeline.as_deref(), options).await?;
    let state = state(&desk).await?;
    if let Some(stage) = &arguments.stage {
        known_stage(&desk, &state, stage)?;
    }
    let wanted = match &arguments.which.execution {
        Some(id) => Some(desk.execution(Some(id)).await?.pipeline_execution_id),
        None => None,
    };
    let failed = state.stage_states.iter().find_map(|stage| {
        let latest = stage.latest_execution.as_ref()?;
        let meant = arguments
            .stage
            .as_ref()
            .is_none_or(|name| *name == stage.stage_name)
            && wanted
                .as_ref()
                .is_none_or(|id| *id == latest.pipeline_execution_id);
        let failed = matches!(latest.status, StageStatus::Failed | StageStatus::Stopped);
        (meant && failed).then(|| {
            (
                stage.stage_name.clone(),
                latest.pipeline_execution_id.clone(),
            )
        })
    });
    let Some((stage, execution)) = failed else {
        return Err(Failure::no(
            "nothing-failed",
            match &arguments.stage {
                Some(stage) => format!("the stage {stage} has not failed"),
                None => format!("no stage of {} has failed", desk.pipeline),
            },
        )
        .help(desk.command("status"))
        .into());
    };
    if desk.sandbox.is_some() {
        trust::ask(setting, &desk, arguments.here.trust).await?;
    }
    let mode = if arguments.all {
        RetryMode::AllActions
    } else {
        RetryMode::FailedActions
    };
    let execution = desk
        .runs
        .retry(&desk.pipeline, &stage, &execution, mode)
        .await
        .map_err(|error| desk.failure(&error))?;
    tell(
        setting,
        &desk,
        "retried",
        Some(&execution),
        &format!("{stage} is tried again in execution {execution}"),
    );
    goes_on(setting, &desk, &execution, arguments.watch).await
}

/// Follows on AWS where that is wanted; in the sandbox somebody has to drive it.
async fn goes_on(
    setting: &Setting,
    desk: &Desk,
    execution: &str,
    watch: bool,
) -> Result<Exit, End> {
    if desk.sandbox.is_some() {
        return go_on(setting, desk, execution, true).await;
    }
    if !watch {
        setting
            .report
            .note(&format!("follow it with: {}", desk.command("watch")));
        return Ok(Exit::Ok);
    }
    let manner = Manner {
        ask: true,
        ..Manner::default()
    };
    follow::follow(setting, desk, execution, manner).await
}

/// `stop`.
pub(super) async fn stop(arguments: &Stop, setting: &Setting) -> Result<Exit, End> {
    let which = &arguments.which;
    let desk = Desk::open(setting, which.pipeline.as_deref(), Options::default()).await?;
    let execution = match &which.execution {
        Some(id) => desk.execution(Some(id)).await?,
        None => only_running(&desk).await?,
    };
    let id = &execution.pipeline_execution_id;
    if execution.status.is_over() {
        return Err(Failure::no(
            "not-running",
            format!(
                "execution {id} is over: {}",
                crate::report::run::execution_word(execution.status)
            ),
        )
        .into());
    }
    let reason = arguments.message.as_deref().unwrap_or("stopped by hand");
    desk.runs
        .stop(&desk.pipeline, id, arguments.abandon, reason)
        .await
        .map_err(|error| desk.failure(&error))?;
    let how = if arguments.abandon {
        "is stopped; what runs in it is abandoned"
    } else {
        "stops when what runs in it has ended"
    };
    tell(
        setting,
        &desk,
        "stopped",
        Some(id),
        &format!("execution {id} {how}"),
    );
    Ok(Exit::Ok)
}

/// The one execution that is not over.
async fn only_running(desk: &Desk) -> Result<Execution, End> {
    let running: Vec<Execution> = desk
        .list(LOOKED_BACK)
        .await?
        .into_iter()
        .filter(|one| !one.status.is_over())
        .collect();
    match running.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Failure::no("not-running", format!("{} does not run", desk.pipeline)).into()),
        several => {
            let ids: Vec<String> = several
                .iter()
                .map(|one| format!("--execution {}", one.pipeline_execution_id))
                .collect();
            Err(Failure::usage("several executions run: which one?")
                .help(ids.join("\n"))
                .into())
        }
    }
}

/// `rollback`.
pub(super) async fn rollback(arguments: &Rollback, setting: &Setting) -> Result<Exit, End> {
    let options = run::options(&arguments.here)?;
    let desk = Desk::open(setting, arguments.pipeline.as_deref(), options).await?;
    let state = state(&desk).await?;
    let stage = arguments.stage.as_str();
    known_stage(&desk, &state, stage)?;
    let target = match &arguments.execution {
        Some(id) => desk.execution(Some(id)).await?,
        None => before_this(&desk, &state, stage).await?,
    };
    if desk.sandbox.is_some() {
        trust::ask(setting, &desk, arguments.here.trust).await?;
    }
    let what = target
        .source_revisions
        .iter()
        .filter_map(|revision| {
            let id = revision.revision_id.as_deref()?;
            let summary = revision.revision_summary.as_deref().unwrap_or_default();
            let line = format!("{} {summary}", id.get(..8).unwrap_or(id));
            Some(
                line.lines()
                    .next()
                    .unwrap_or_default()
                    .trim_end()
                    .to_owned(),
            )
        })
        .collect::<Vec<_>>()
        .join(", ");
    let question = format!(
        "Bring {stage} back to execution {}{}?",
        target.pipeline_execution_id,
        if what.is_empty() {
            String::new()
        } else {
            format!(" ({what})")
        }
    );
    if !arguments.yes {
        if !setting.report.interactive {
            return Err(Failure::usage(question).help("--yes").into());
        }
        if !setting.report.confirm(&question) {
            return Err(Failure::no("not-confirmed", "nothing was rolled back").into());
        }
    }
    let execution = desk
        .runs
        .roll_back(&desk.pipeline, stage, &target.pipeline_execution_id)
        .await
        .map_err(|error| desk.failure(&error))?;
    tell(
        setting,
        &desk,
        "rollback",
        Some(&execution),
        &format!("{stage} goes back in execution {execution}"),
    );
    goes_on(setting, &desk, &execution, arguments.watch).await
}

/// The last execution that went through before the one that is in the stage now.
async fn before_this(desk: &Desk, state: &PipelineState, stage: &str) -> Result<Execution, End> {
    let current = state
        .stage_states
        .iter()
        .find(|one| one.stage_name == stage)
        .and_then(|one| one.latest_execution.as_ref())
        .map(|latest| latest.pipeline_execution_id.clone());
    let all = desk.list(LOOKED_BACK).await?;
    let from = current
        .and_then(|id| all.iter().position(|one| one.pipeline_execution_id == id))
        .map_or(0, |at| at + 1);
    all.into_iter()
        .skip(from)
        .find(|one| {
            one.status == ExecutionStatus::Succeeded
                && one.execution_type == ExecutionType::Standard
        })
        .ok_or_else(|| {
            Failure::no(
                "nothing-to-go-back-to",
                format!("no execution went through {stage} before this one"),
            )
            .help("name one: --execution ID")
            .into()
        })
}

/// `enable` and `disable`.
pub(super) async fn transition(
    arguments: &Transition,
    enabled: bool,
    setting: &Setting,
) -> Result<Exit, End> {
    let desk = Desk::open(setting, arguments.pipeline.as_deref(), Options::default()).await?;
    let state = state(&desk).await?;
    let stage = arguments.stage.as_str();
    known_stage(&desk, &state, stage)?;
    if state
        .stage_states
        .first()
        .is_some_and(|first| first.stage_name == stage)
    {
        return Err(Failure::usage(format!(
            "{stage} is the first stage: there is no way into it that could be closed"
        ))
        .into());
    }
    let reason = arguments.message.as_deref().unwrap_or("closed by hand");
    desk.runs
        .set_transition(&desk.pipeline, stage, enabled, reason)
        .await
        .map_err(|error| desk.failure(&error))?;
    let (event, text) = if enabled {
        ("enabled", format!("executions enter {stage} again"))
    } else {
        (
            "disabled",
            format!("executions stop before {stage}: {reason}"),
        )
    };
    tell(setting, &desk, event, None, &text);
    if !enabled {
        return Ok(Exit::Ok);
    }
    // What waited there goes on; in the sandbox somebody has to see to it.
    let waiting = state
        .stage_states
        .iter()
        .find(|one| one.stage_name == stage)
        .and_then(|one| one.inbound_executions.first())
        .map(|inbound| inbound.pipeline_execution_id.clone());
    match waiting {
        Some(execution) => go_on(setting, &desk, &execution, false).await,
        None => Ok(Exit::Ok),
    }
}
