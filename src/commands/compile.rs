//! `compile`: the definitions that a file becomes.

use super::session::Session;
use super::{End, Setting, desired};
use crate::cli::Compile;
use crate::compile::output::json;
use crate::compile::{cloudformation, left_out};
use crate::error::{Exit, Failure};
use crate::report::{self, Format, yaml};

/// Runs the command.
pub(super) async fn run(arguments: &Compile, setting: &Setting) -> Result<Exit, End> {
    let report = &setting.report;
    if arguments.explain && report.format == Format::Cloudformation {
        return Err(Failure::usage("a template cannot hold reasons")
            .help("--explain goes with --format json, or none")
            .into());
    }
    let mut session = Session::new(setting);
    let compiled = if arguments.offline {
        desired::offline(&mut session)?
    } else {
        desired::with_account(&mut session, false).await?.0
    };
    session.print_warnings();
    match report.format {
        Format::Cloudformation => {
            let template = cloudformation(&compiled);
            for what in left_out(&template) {
                report.warn(&format!("not in the template: {what}"));
            }
            report.result_json(&template);
        }
        Format::Json => report.result_json(&json(&compiled, arguments.explain)),
        _ if arguments.explain => {
            report.result(&report::roles::explain(report.out, &compiled.explain));
        }
        _ => report.result(&yaml::text(&json(&compiled, false))),
    }
    Ok(Exit::Ok)
}
