//! `permissions`: the least IAM policy for whoever runs pipectl on this file.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde_json::{Value, json};

use super::session::Session;
use super::{End, Setting, desired, operating};
use crate::catalog::iam;
use crate::cli::{Permissions, Task};
use crate::compile::caller::{self, CallerStatement};
use crate::error::{Exit, Failure};
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
    // Whoever only operates asks for variables where the name of the pipeline needs them, and nowhere else.
    let operates = given
        .iter()
        .all(|task| matches!(task, Task::Run | Task::Steer));
    let reads = match operates && !operating::asks_for_names(setting)? {
        true => Vec::new(),
        false => reads,
    };
    let statements = caller::statements(&compiled.desired, &reads, &tasks);
    let to_read = report.format == Format::Text || setting.global.format.is_none();
    if arguments.explain {
        match to_read {
            true => report.result(&report::roles::caller(report.out, &statements)),
            false => report.result_json(&explained(&statements)),
        }
        return Ok(Exit::Ok);
    }
    let policies = match arguments.split {
        true => caller::managed_policies(statements),
        false => vec![statements],
    };
    let documents: Vec<Value> = policies
        .iter()
        .map(|policy| caller::document(policy))
        .collect();
    if let Some(folder) = &arguments.out {
        write(folder, &documents, report)?;
    } else if report.format == Format::Text {
        let texts = policies
            .iter()
            .map(|policy| report::roles::caller(report.out, policy));
        report.result(&texts.collect::<Vec<_>>().join("\n"));
    } else {
        for document in &documents {
            report.result_json(document);
        }
    }
    match (arguments.split, policies.as_slice()) {
        (false, [whole]) => advise(report, whole),
        (_, several) => count(report, several.len()),
    }
    Ok(Exit::Ok)
}

/// One file for each policy; those of an earlier time are written over, or go.
fn write(folder: &Path, documents: &[Value], report: &Report) -> Result<(), Failure> {
    let trouble = |path: &Path, error: &std::io::Error| {
        Failure::failed(
            "file-unwritten",
            format!("{} cannot be written: {error}", path.display()),
        )
    };
    fs::create_dir_all(folder).map_err(|error| trouble(folder, &error))?;
    for (index, document) in documents.iter().enumerate() {
        let path = folder.join(format!("policy-{}.json", index + 1));
        let text = format!("{document:#}\n");
        fs::write(&path, text).map_err(|error| trouble(&path, &error))?;
        report.result(&path.display().to_string());
    }
    // those of an earlier time with more of them
    for number in documents.len() + 1.. {
        let path = folder.join(format!("policy-{number}.json"));
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => break,
            Err(error) => return Err(trouble(&path, &error)),
        }
    }
    Ok(())
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

fn explained(statements: &[CallerStatement]) -> Value {
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

/// A managed policy holds only so much; what to do then.
fn advise(report: &Report, whole: &[CallerStatement]) {
    let limits = iam::limits();
    let (managed, inline) = (
        limits.managed_policy.max,
        limits.aggregate_inline_policies.max,
    );
    let size = iam::policy_size(&caller::document(whole));
    if size <= managed {
        return;
    }
    let policies = caller::managed_policies(whole.to_vec()).len();
    let or = match size <= inline {
        true => format!("; as an inline policy of a role ({inline}) it fits as it is"),
        false => String::new(),
    };
    report.warn(&format!(
        "the policy has {size} characters, and a managed policy holds {managed}. `--split` prints it as {policies}, `--for plan` and so on only \
         a part{or}"
    ));
}

/// A role holds only so many managed policies.
fn count(report: &Report, policies: usize) {
    let most = &iam::limits().managed_policies_per_role;
    if policies as u64 > most.max {
        report.warn(&format!(
            "these are {policies} policies, and a role takes {}; AWS raises that on request. `--for` prints those of one task",
            most.max
        ));
    }
}
