//! `permissions`: the least IAM policy for whoever runs pipectl on this file.

use serde_json::json;

use super::session::Session;
use super::{End, Setting, desired};
use crate::catalog::iam;
use crate::cli::{Permissions, Task};
use crate::compile::caller::{self, CallerStatement};
use crate::error::Exit;
use crate::report::{self, Format, Report};

/// Everything that somebody runs.
const ALL: [Task; 5] = [
    Task::Plan,
    Task::Apply,
    Task::Run,
    Task::Steer,
    Task::Destroy,
];

/// Runs the command.
pub(super) async fn run(arguments: &Permissions, setting: &Setting) -> Result<Exit, End> {
    let report = &setting.report;
    let mut session = Session::new(setting);
    let (compiled, reads) = if arguments.offline {
        desired::offline_and_reads(&mut session)?
    } else {
        let (compiled, ready) = desired::with_account(&mut session, false).await?;
        (compiled, ready.document.asked)
    };
    session.print_warnings();
    let given = match arguments.tasks.as_slice() {
        [] => ALL.as_slice(),
        some => some,
    };
    let tasks: Vec<&str> = ALL
        .into_iter()
        .filter(|task| given.contains(task))
        .map(word)
        .collect();
    let statements = caller::statements(&compiled.desired, &reads, &tasks);
    let document = caller::document(&statements);
    let to_read = report.format == Format::Text || setting.global.format.is_none();
    match arguments.explain {
        true if to_read => report.result(&report::roles::caller(report.out, &statements)),
        true => report.result_json(&explained(&statements)),
        false if report.format == Format::Text => {
            report.result(&report::roles::caller(report.out, &statements));
        }
        false => report.result_json(&document),
    }
    warn(report, iam::policy_size(&document.to_string()));
    Ok(Exit::Ok)
}

fn word(task: Task) -> &'static str {
    match task {
        Task::Plan => "plan",
        Task::Apply => "apply",
        Task::Run => "run",
        Task::Steer => "steer",
        Task::Destroy => "destroy",
    }
}

fn explained(statements: &[CallerStatement]) -> serde_json::Value {
    let list: Vec<_> = statements
        .iter()
        .map(|statement| {
            json!({
                "sid": statement.sid,
                "actions": statement.actions,
                "resources": statement.resources,
                "condition": statement.condition,
                "why": statement.why,
            })
        })
        .collect();
    json!({"version": 1, "statements": list})
}

/// A managed policy holds only so much.
fn warn(report: &Report, size: u64) {
    let most = iam::limits().managed_policy.max;
    if size > most {
        report.warn(&format!(
            "the policy has {size} characters, and a managed policy holds {most}: print one for each task, e.g. \
             `pipectl permissions --for apply` and `pipectl permissions --for destroy`, or make it an inline policy of a role"
        ));
    }
}
