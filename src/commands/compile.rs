//! `compile`: the definitions that a file becomes.

use super::session::Session;
use super::{End, Setting, desired};
use crate::cli::Compile;
use crate::error::Exit;
use crate::report::definitions::{definitions, explain, statements};
use crate::report::{Format, yaml};

/// Runs the command.
pub(super) async fn run(arguments: &Compile, setting: &Setting) -> Result<Exit, End> {
    let mut session = Session::new(setting);
    let compiled = if arguments.offline {
        desired::offline(&mut session).await?
    } else {
        desired::with_account(&mut session).await?.0
    };
    session.print_warnings();
    let report = &setting.report;
    match (arguments.explain, report.format) {
        (true, Format::Json) => report.result_json(&statements(&compiled.explain)),
        (true, _) => report.result(&explain(report.out, &compiled.explain)),
        (false, Format::Json) => report.result_json(&definitions(&compiled)),
        (false, _) => report.result(&yaml::text(&definitions(&compiled))),
    }
    Ok(Exit::Ok)
}
