//! `approve` and `reject`: the answer to an approval.

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use super::follow::{self, Manner};
use super::operating::Desk;
use super::run::options;
use super::{End, Setting, trust};
use crate::cli::operate::Approve;
use crate::cloud::runs::Answer;
use crate::error::{Exit, Failure};
use crate::execution::{Execution, SourceRevision};
use crate::operate::approval::{self, Pending};

/// How long an answer may be, in characters.
const SUMMARY: usize = 512;
/// How many commits are listed.
const COMMITS: usize = 20;

/// Runs the command.
pub(super) async fn run(
    arguments: &Approve,
    approved: bool,
    setting: &Setting,
) -> Result<Exit, End> {
    let which = &arguments.which;
    let options = options(&arguments.here)?;
    let desk = Desk::open(setting, which.pipeline.as_deref(), options).await?;
    let refused = |error| desk.failure(&error);
    let state = desk.runs.state(&desk.pipeline).await.map_err(refused)?;
    let pending = choose(&desk, arguments, approval::pending(&state))?;
    let report = &setting.report;
    if !report.is_json() {
        report.note(what_it_brings(&desk, &pending).await?.trim_end());
    }
    let answer = Answer {
        stage: pending.stage.clone(),
        action: pending.action.clone(),
        token: pending.token.clone(),
        approved,
        summary: summary(approved, arguments.message.as_deref()),
    };
    desk.runs
        .answer(&desk.pipeline, &answer)
        .await
        .map_err(|error| {
            if error.code.contains("ApprovalAlreadyCompleted")
                || error.code.contains("InvalidApprovalToken")
            {
                stale(&desk, &pending)
            } else {
                refused(error)
            }
        })?;
    let word = if approved { "approved" } else { "rejected" };
    if report.is_json() {
        report.result_line(&serde_json::json!({
            "version": 1,
            "event": word,
            "pipeline": desk.pipeline,
            "execution": pending.execution,
            "stage": pending.stage,
            "action": pending.action,
        }));
    } else {
        report.result(&format!(
            "{word} {}/{} of execution {}",
            pending.stage, pending.action, pending.execution
        ));
    }
    go_on(setting, &desk, &pending.execution, arguments.here.trust).await
}

/// In the sandbox somebody has to drive the execution on: where nobody does, this process.
pub(super) async fn go_on(
    setting: &Setting,
    desk: &Desk,
    execution: &str,
    trusted: bool,
) -> Result<Exit, End> {
    let Some(engine) = desk.runs.engine() else {
        return Ok(Exit::Ok);
    };
    if engine
        .is_driven(&desk.pipeline, execution)
        .await
        .map_err(|error| desk.failure(&error))?
    {
        return Ok(Exit::Ok);
    }
    trust::ask(setting, desk, trusted).await?;
    let manner = Manner {
        timeout: None,
        drive: true,
        ask: true,
    };
    follow::follow(setting, desk, execution, manner).await
}

fn stale(desk: &Desk, pending: &Pending) -> End {
    Failure::failed(
        "approval-stale",
        format!(
            "{}/{} was answered by somebody else in the meantime, or waits for another execution now",
            pending.stage, pending.action
        ),
    )
    .help(desk.command("status"))
    .into()
}

/// The one approval that is meant.
fn choose(desk: &Desk, arguments: &Approve, all: Vec<Pending>) -> Result<Pending, Failure> {
    let is_meant = |pending: &&Pending| {
        let stage = arguments.stage.as_ref();
        let action = arguments.action.as_ref();
        stage.is_none_or(|stage| *stage == pending.stage)
            && action.is_none_or(|action| *action == pending.action)
    };
    let meant: Vec<&Pending> = all.iter().filter(is_meant).collect();
    if let Some(wanted) = &arguments.which.execution
        && let Some(other) = meant.first()
        && !meant
            .iter()
            .any(|pending| pending.execution.starts_with(wanted.as_str()))
    {
        return Err(Failure::failed(
            "approval-stale",
            format!(
                "{}/{} does not wait for execution {wanted} any more, but for {}",
                other.stage, other.action, other.execution
            ),
        )
        .help(desk.command("status")));
    }
    match meant.as_slice() {
        [one] => Ok((*one).clone()),
        [] if all.is_empty() => Err(Failure::no(
            "nothing-waits",
            format!("nothing waits for an answer in {}", desk.pipeline),
        )
        .help(desk.command("status"))),
        [] => Err(Failure::no(
            "nothing-waits",
            "nothing that waits for an answer is called so",
        )
        .help(places(&all.iter().collect::<Vec<_>>()))),
        several => Err(Failure::usage("several approvals wait: which one?").help(places(several))),
    }
}

fn places(all: &[&Pending]) -> String {
    let places: Vec<String> = all
        .iter()
        .map(|pending| format!("--stage {} --action {}", pending.stage, pending.action))
        .collect();
    places.join("\n")
}

/// What AWS keeps of an answer: it must say something.
pub(super) fn summary(approved: bool, message: Option<&str>) -> String {
    let said = message.map(str::trim).filter(|message| !message.is_empty());
    let text = said.unwrap_or(if approved { "Approved" } else { "Rejected" });
    text.chars().take(SUMMARY).collect()
}

/// What an approval lets through: the commits since the last execution that went through.
pub(super) async fn what_it_brings(desk: &Desk, pending: &Pending) -> Result<String, End> {
    let (revisions, before) =
        approval::brings(desk.runs.as_ref(), &desk.pipeline, &pending.execution)
            .await
            .map_err(|error| desk.failure(&error))?;
    Ok(told(desk, pending, &revisions, before.as_ref()))
}

fn told(
    desk: &Desk,
    pending: &Pending,
    revisions: &[SourceRevision],
    before: Option<&Execution>,
) -> String {
    let mut text = format!(
        "{} / {} / {}, execution {}\n",
        desk.pipeline, pending.stage, pending.action, pending.execution
    );
    let mut sources: Vec<&str> = Vec::new();
    for revision in revisions {
        if !sources.contains(&revision.action_name.as_str()) {
            sources.push(&revision.action_name);
        }
    }
    for source in sources {
        let of_source: Vec<&SourceRevision> = revisions
            .iter()
            .filter(|revision| revision.action_name == source)
            .collect();
        let old = before
            .and_then(|before| {
                before
                    .source_revisions
                    .iter()
                    .find(|revision| revision.action_name == source)
            })
            .and_then(|revision| revision.revision_id.as_deref());
        let newest = of_source
            .first()
            .and_then(|revision| revision.revision_id.as_deref());
        let lines = match (old, newest) {
            (Some(old), Some(new)) => commits(desk, old, new),
            _ => None,
        };
        let lines = lines.unwrap_or_else(|| {
            of_source
                .iter()
                .map(|revision| {
                    let id = revision.revision_id.as_deref().unwrap_or_default();
                    let summary = revision.revision_summary.as_deref().unwrap_or_default();
                    format!(
                        "{} {}",
                        id.get(..8).unwrap_or(id),
                        summary.lines().next().unwrap_or_default()
                    )
                })
                .collect()
        });
        let since = match old {
            Some(old) => format!("since {}", old.get(..8).unwrap_or(old)),
            None => "nothing went through before".to_owned(),
        };
        let _ = writeln!(text, "{source}, {since}:");
        for line in lines.iter().take(COMMITS) {
            let _ = writeln!(text, "  {}", crate::report::text::clean(line.trim_end()));
        }
        if lines.len() > COMMITS {
            let _ = writeln!(text, "  … and {} more", lines.len() - COMMITS);
        }
    }
    text
}

/// The commits between two, newest first, where the repository around the file knows both.
fn commits(desk: &Desk, old: &str, new: &str) -> Option<Vec<String>> {
    let is_commit = |id: &str| id.len() >= 7 && id.chars().all(|c| c.is_ascii_hexdigit());
    if !is_commit(old) || !is_commit(new) {
        return None;
    }
    let folder = if desk.folder.as_os_str().is_empty() {
        std::path::Path::new(".")
    } else {
        &desk.folder
    };
    let output = Command::new("git")
        .args(["log", "--format=%h %s (%an)", &format!("{old}..{new}")])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    if !output.status.success() {
        return None;
    }
    let lines: Vec<String> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(ToOwned::to_owned)
        .collect();
    (!lines.is_empty()).then_some(lines)
}
