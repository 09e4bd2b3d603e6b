//! `destroy`: removes what the file owns in the account.

use super::applying::{self, Goal};
use super::plan::show_destroy;
use super::session::Session;
use super::{End, Setting};
use crate::cli::Destroy;
use crate::error::Exit;

/// Runs the command.
pub(super) async fn run(arguments: &Destroy, setting: &Setting) -> Result<Exit, End> {
    let report = &setting.report;
    let mut session = Session::new(setting);
    let work = applying::plan_destroy(&mut session, arguments.delete_data).await?;
    if arguments.dry_run || !report.is_json() {
        show_destroy(setting, &work);
    }
    if arguments.dry_run {
        return Ok(Exit::Ok);
    }
    if !work.plan.is_empty()
        && !applying::agreed(setting, &work.plan, arguments.yes, false, "Destroy?")?
    {
        report.note("nothing was destroyed");
        return Ok(Exit::No);
    }
    let outcome = applying::perform(
        setting,
        Goal::Destroy,
        &work,
        &|_| Ok(()),
        arguments.yes,
        arguments.break_lock,
        arguments.wait,
    )
    .await?;
    Ok(applying::tell(setting, &outcome))
}
