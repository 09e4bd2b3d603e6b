//! `watch`: an execution, followed to its end.

use super::follow::{self, Manner};
use super::operating::{Desk, time_span};
use super::{End, Setting};
use crate::cli::operate::Watch;
use crate::error::Exit;
use crate::sandbox::engine::Options;

/// Runs the command.
pub(super) async fn run(arguments: &Watch, setting: &Setting) -> Result<Exit, End> {
    let timeout = arguments
        .timeout
        .as_deref()
        .map(|text| time_span("--timeout", text))
        .transpose()?;
    let which = &arguments.which;
    let desk = Desk::open(setting, which.pipeline.as_deref(), Options::default()).await?;
    let execution = desk.execution(which.execution.as_deref()).await?;
    let id = &execution.pipeline_execution_id;
    if let Some(engine) = desk.runs.engine()
        && !execution.status.is_over()
        && !engine
            .is_driven(&desk.pipeline, id)
            .await
            .map_err(|error| desk.failure(&error))?
    {
        setting.report.note(&format!(
            "no process goes on with this execution; one would: {}",
            desk.command("run --resume")
        ));
    }
    let manner = Manner {
        timeout,
        ..Manner::default()
    };
    follow::follow(setting, &desk, id, manner).await
}
