//! `plan`: what apply would change.

use std::io::Write;
use std::path::Path;

use super::applying::{self, Work};
use super::session::Session;
use super::{End, Setting};
use crate::cli::Plan;
use crate::error::{Exit, Failure};
use crate::plan;

/// Runs the command.
pub(super) async fn run(arguments: &Plan, setting: &Setting) -> Result<Exit, End> {
    let mut session = Session::new(setting);
    let work = applying::plan(&mut session, &arguments.flags).await?;
    show(setting, &work);
    if let Some(path) = &arguments.out {
        let text = plan::write_file(
            &work.plan,
            applying::arguments(setting, &arguments.flags, &work),
        );
        write_private(path, &text).map_err(|error| {
            Failure::failed(
                "plan-unwritable",
                format!("{} cannot be written: {error}", path.display()),
            )
        })?;
        setting.report.note(&format!(
            "the plan is in {0}: pipectl apply {0}",
            path.display()
        ));
    }
    Ok(if arguments.exit_code && !work.plan.is_empty() {
        Exit::Changes
    } else {
        Exit::Ok
    })
}

/// The command line in a plan may hold a `--param` that is nobody else's business.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

/// Prints a plan as the result.
pub(super) fn show(setting: &Setting, work: &Work) {
    let report = &setting.report;
    if report.is_json() {
        report.result_json(&work.plan.to_json());
    } else {
        report.result(&crate::report::plan::plan(
            report.out,
            &work.header,
            &work.plan,
        ));
    }
}

/// Prints the plan of a destroy as the result.
pub(super) fn show_destroy(setting: &Setting, work: &Work) {
    let report = &setting.report;
    if report.is_json() {
        report.result_json(&work.plan.to_json());
    } else {
        report.result(&crate::report::plan::destroy(
            report.out,
            &work.header,
            &work.plan,
        ));
    }
}
