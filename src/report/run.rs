//! Executions as people see them: a frame that is drawn again and again on a terminal, plain lines elsewhere, one JSON
//! object a line for programs.

mod view;

use std::fmt::Write as _;

use super::Look;
use super::text::{Paint, clean, paint};
use crate::execution::report::TestCase;
use crate::execution::{
    ActionStatus, ConditionStatus, Execution, ExecutionStatus, ExecutionType, StageStatus, Time,
};
use crate::operate::events::Event;
use crate::operate::failure::{Failed, Missing};
use crate::operate::snapshot::{Action, Snapshot, Stage};

pub use view::View;

/// How much of a commit's id people read.
const SHORT: usize = 8;

/// How much of a name is to be read on however narrow a terminal.
const SHORTEST_NAME: usize = 16;

/// What a line is about; symbol, word and colour follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Done,
    Failed,
    Running,
    Waiting,
    Ahead,
    Ended,
}

impl Mark {
    fn symbol(self, look: Look) -> &'static str {
        match (self, look.unicode) {
            (Self::Done, true) => "✓",
            (Self::Done, false) => "+",
            (Self::Failed, true) => "✗",
            (Self::Failed, false) => "x",
            (Self::Running, true) => "●",
            (Self::Running, false) => "*",
            (Self::Waiting, true) => "◆",
            (Self::Waiting, false) => "?",
            (Self::Ahead, true) => "○",
            (Self::Ahead, false) => ".",
            (Self::Ended, true) => "–",
            (Self::Ended, false) => "-",
        }
    }

    fn paint(self, look: Look, text: &str) -> String {
        let color = match self {
            Self::Done => Paint::Add,
            Self::Failed => Paint::Error,
            Self::Running => Paint::Strong,
            Self::Waiting => Paint::Warning,
            Self::Ahead | Self::Ended => Paint::Faint,
        };
        paint(look, color, text)
    }
}

fn stage_mark(stage: &Stage) -> (Mark, &'static str) {
    if stage.actions.iter().any(Action::waits) {
        return (Mark::Waiting, "waits for you");
    }
    if stage.waiting && stage.closed.is_some() {
        return (Mark::Waiting, "closed");
    }
    if stage.waiting {
        return (Mark::Waiting, "waits");
    }
    match stage.status {
        Some(StageStatus::Succeeded) => (Mark::Done, "succeeded"),
        Some(StageStatus::Failed) => (Mark::Failed, "failed"),
        Some(StageStatus::InProgress) => (Mark::Running, "running"),
        Some(StageStatus::Stopping) => (Mark::Running, "stopping"),
        Some(StageStatus::Stopped) => (Mark::Ended, "stopped"),
        Some(StageStatus::Skipped) => (Mark::Ended, "skipped"),
        Some(StageStatus::Cancelled) => (Mark::Ended, "cancelled"),
        None if stage.closed.is_some() => (Mark::Ahead, "closed"),
        None => (Mark::Ahead, ""),
    }
}

fn action_mark(action: &Action) -> (Mark, &'static str) {
    match action.status {
        Some(ActionStatus::InProgress) if action.waits() => (Mark::Waiting, "waits for you"),
        Some(ActionStatus::InProgress) => (Mark::Running, "running"),
        Some(ActionStatus::Succeeded) => (Mark::Done, "succeeded"),
        Some(ActionStatus::Failed) => (Mark::Failed, "failed"),
        Some(ActionStatus::Abandoned) => (Mark::Ended, "abandoned"),
        None => (Mark::Ahead, ""),
    }
}

/// `succeeded`, as people write it.
pub fn execution_word(status: ExecutionStatus) -> &'static str {
    match status {
        ExecutionStatus::InProgress => "running",
        ExecutionStatus::Stopping => "stopping",
        ExecutionStatus::Stopped => "stopped",
        ExecutionStatus::Succeeded => "succeeded",
        ExecutionStatus::Superseded => "superseded",
        ExecutionStatus::Failed => "failed",
        ExecutionStatus::Cancelled => "cancelled",
    }
}

fn execution_mark(status: ExecutionStatus) -> Mark {
    match status {
        ExecutionStatus::InProgress | ExecutionStatus::Stopping => Mark::Running,
        ExecutionStatus::Succeeded => Mark::Done,
        ExecutionStatus::Failed => Mark::Failed,
        ExecutionStatus::Stopped | ExecutionStatus::Superseded | ExecutionStatus::Cancelled => {
            Mark::Ended
        }
    }
}

/// `0.4s`, `12s`, `3m 05s`, `2h 10m`.
pub fn duration(milliseconds: i64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0 => format!("0.{}s", milliseconds / 100),
        1..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3600..86400 => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d {:02}h", seconds / 86400, seconds / 3600 % 24),
    }
}

fn short(id: &str) -> &str {
    id.get(..SHORT).unwrap_or(id)
}

/// The first line of a text, no longer than `width`.
fn first_line(look: Look, text: &str, width: usize) -> String {
    let line = clean(text.lines().next().unwrap_or_default());
    if console::measure_text_width(&line) <= width {
        return line;
    }
    let tail = if look.unicode { "…" } else { "..." };
    console::truncate_str(&line, width, tail).into_owned()
}

/// `3f2c1b2a Fix the pump`
fn revisions(execution: &Execution) -> Option<String> {
    let told: Vec<String> = execution
        .source_revisions
        .iter()
        .filter_map(|revision| {
            let id = revision.revision_id.as_deref()?;
            let summary = revision.revision_summary.as_deref().unwrap_or_default();
            let summary = summary.lines().next().unwrap_or_default();
            Some(format!("{} {summary}", short(id)).trim_end().to_owned())
        })
        .collect();
    (!told.is_empty()).then(|| told.join(", "))
}

/// An execution and its stages, line by line, each no wider than the look.
pub fn frame(look: Look, snapshot: &Snapshot, now: Time) -> Vec<String> {
    frame_within(look, usize::MAX, snapshot, now)
}

/// The same on a terminal of so many rows. Where they are too few, the actions of stages in which nothing happens are
/// left out, then such stages, the first ones first.
fn frame_within(look: Look, rows: usize, snapshot: &Snapshot, now: Time) -> Vec<String> {
    let (mut lines, mut stages) = frame_parts(look, snapshot, now);
    let room = rows.saturating_sub(lines.len());
    let height =
        |stages: &[(bool, Vec<String>)]| stages.iter().map(|(_, s)| s.len()).sum::<usize>();
    if height(&stages) > room {
        for (happens, stage) in &mut stages {
            if !*happens {
                stage.truncate(1);
            }
        }
    }
    while height(&stages) > room
        && let Some(at) = stages.iter().position(|(happens, _)| !happens)
    {
        stages.remove(at);
    }
    lines.extend(stages.into_iter().flat_map(|(_, stage)| stage));
    lines.truncate(rows);
    lines
}

/// What is said of the execution, and the lines of each stage with whether something happens in it.
fn frame_parts(
    look: Look,
    snapshot: &Snapshot,
    now: Time,
) -> (Vec<String>, Vec<(bool, Vec<String>)>) {
    let mut lines = Vec::new();
    let mut stages = Vec::new();
    let dot = if look.unicode { " · " } else { " - " };
    let mut head = paint(look, Paint::Strong, &clean(&snapshot.pipeline));
    let Some(execution) = &snapshot.execution else {
        lines.push(format!("{head}{dot}never run"));
        return (lines, stages);
    };
    let mark = execution_mark(execution.status);
    let _ = write!(
        head,
        "{dot}{}{dot}{}",
        short(&execution.pipeline_execution_id),
        mark.paint(look, execution_word(execution.status))
    );
    if let Some(took) = took(execution, snapshot, now) {
        let _ = write!(head, "{dot}{}", duration(took));
    }
    lines.push(fit(look, head));
    let mut about = Vec::new();
    if execution.execution_type == ExecutionType::Rollback {
        let target = &execution.rollback_metadata;
        let target = target.rollback_target_pipeline_execution_id.as_deref();
        about.push(format!("back to {}", target.map_or("before", short)));
    }
    about.extend(revisions(execution));
    about.extend(
        execution
            .variables
            .iter()
            .map(|variable| format!("{}={}", variable.name, variable.resolved_value)),
    );
    about.extend(execution.status_summary.clone());
    about.extend(execution.stop_trigger.reason.clone());
    if !about.is_empty() {
        let line = first_line(look, &about.join(dot), look.width.saturating_sub(2));
        lines.push(format!("  {}", paint(look, Paint::Faint, &line)));
    }
    let widest = snapshot
        .stages
        .iter()
        .flat_map(|stage| {
            let own = console::measure_text_width(&stage.name);
            let inner = stage
                .actions
                .iter()
                .filter(|_| !alone(stage))
                .map(|action| console::measure_text_width(&action.name) + 2);
            std::iter::once(own).chain(inner)
        })
        .max()
        .unwrap_or(0)
        .min((look.width * 2 / 5).max(SHORTEST_NAME));
    for stage in &snapshot.stages {
        let (mark, word) = stage_mark(stage);
        let mut notes: Vec<String> = Vec::new();
        if alone(stage) {
            notes.extend(action_note(&stage.actions[0]));
        }
        notes.extend(stage_notes(stage));
        let happens = !matches!(mark, Mark::Done | Mark::Ahead);
        let mut shown = vec![row(
            look,
            (mark, 0),
            (&stage.name, widest),
            word,
            stage.took(now),
            &notes.join(dot),
        )];
        let actions = stage.actions.iter().filter(|_| !alone(stage));
        for action in actions {
            let (mark, word) = action_mark(action);
            shown.push(row(
                look,
                (mark, 2),
                (&action.name, widest),
                word,
                action.took(now),
                &action_note(action).unwrap_or_default(),
            ));
        }
        stages.push((happens, shown));
    }
    (lines, stages)
}

/// Whether the stage's line says all there is to say of its one action.
fn alone(stage: &Stage) -> bool {
    stage.actions.len() == 1
}

fn took(execution: &Execution, snapshot: &Snapshot, now: Time) -> Option<i64> {
    let started = execution.start_time.or_else(|| {
        snapshot
            .stages
            .iter()
            .flat_map(|stage| &stage.actions)
            .filter_map(|action| action.started)
            .min()
    })?;
    if !execution.status.is_over() {
        return Some(started.until(now));
    }
    let ended = snapshot
        .stages
        .iter()
        .flat_map(|stage| &stage.actions)
        .filter_map(|action| action.ended)
        .max()
        .or(execution.last_update_time)?;
    Some(started.until(ended))
}

fn stage_notes(stage: &Stage) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(reason) = &stage.closed {
        notes.push(format!("closed: {reason}"));
    }
    if let Some(other) = stage.taken_by.as_deref().filter(|_| stage.waiting) {
        notes.push(format!("{} is in it", short(other)));
    }
    if stage.retries > 0 {
        notes.push(format!("tried again {}", times(stage.retries)));
    }
    notes.extend(stage.conditions.iter().filter_map(|condition| {
        let word = condition_word(condition.status?);
        Some(match &condition.summary {
            Some(summary) => format!("condition {} {word}: {summary}", condition.side),
            None => format!("condition {} {word}", condition.side),
        })
    }));
    notes
}

fn times(count: i64) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        count => format!("{count} times"),
    }
}

fn condition_word(status: ConditionStatus) -> &'static str {
    match status {
        ConditionStatus::InProgress => "is checked",
        ConditionStatus::Failed => "failed",
        ConditionStatus::Errored => "could not be checked",
        ConditionStatus::Succeeded => "holds",
        ConditionStatus::Cancelled => "was cancelled",
        ConditionStatus::Abandoned => "was abandoned",
        ConditionStatus::Overridden => "was overridden",
    }
}

fn action_note(action: &Action) -> Option<String> {
    let error = action
        .error
        .as_ref()
        .and_then(|error| error.message.clone());
    match action.status {
        Some(ActionStatus::Failed) => error.or_else(|| action.summary.clone()),
        Some(_) => action.summary.clone(),
        None => None,
    }
}

fn row(
    look: Look,
    (mark, indent): (Mark, usize),
    (name, widest): (&str, usize),
    word: &str,
    took: Option<i64>,
    note: &str,
) -> String {
    let took = took.map(duration).unwrap_or_default();
    let name = first_line(look, name, widest.saturating_sub(indent));
    let painted = |name: String| match mark {
        Mark::Ahead => paint(look, Paint::Faint, &name),
        _ => name,
    };
    if word.is_empty() && took.is_empty() && note.is_empty() {
        let symbol = mark.paint(look, mark.symbol(look));
        return format!("{:indent$}{symbol} {}", "", painted(name));
    }
    let padded = console::pad_str(
        &name,
        widest.saturating_sub(indent),
        console::Alignment::Left,
        None,
    )
    .into_owned();
    let line = format!(
        "{:indent$}{} {} {} {took:>7}  {}",
        "",
        mark.paint(look, mark.symbol(look)),
        painted(padded),
        mark.paint(look, &format!("{word:<13}")),
        clean(note.lines().next().unwrap_or_default()),
    );
    fit(look, line)
}

fn fit(look: Look, line: String) -> String {
    let line = line.trim_end().to_owned();
    if console::measure_text_width(&line) <= look.width {
        return line;
    }
    let tail = if look.unicode { "…" } else { "..." };
    console::truncate_str(&line, look.width, tail).into_owned()
}

/// An event as a line.
pub fn event(look: Look, event: &Event) -> String {
    let place = |stage: &str, action: &str| {
        if stage == action {
            clean(stage)
        } else {
            clean(&format!("{stage}/{action}"))
        }
    };
    let with = |note: Option<&String>| {
        note.map(|note| format!("  {}", first_line(look, note, 160)))
            .unwrap_or_default()
    };
    let line = |mark: Mark, name: &str, word: &str, took: Option<i64>, note: Option<&String>| {
        let took = took.map(|took| format!(" in {}", duration(took)));
        format!(
            "{} {name} {}{}{}",
            mark.paint(look, mark.symbol(look)),
            mark.paint(look, word),
            took.unwrap_or_default(),
            with(note)
        )
    };
    match event {
        Event::Execution {
            execution,
            status,
            summary,
        } => line(
            execution_mark(*status),
            &format!("execution {execution}"),
            execution_word(*status),
            None,
            summary.as_ref(),
        ),
        Event::Started { stage, action, .. } => {
            line(Mark::Running, &place(stage, action), "started", None, None)
        }
        Event::Ended {
            stage,
            action,
            status,
            took,
            summary,
            ..
        } => {
            let (mark, word) = match status {
                ActionStatus::Succeeded => (Mark::Done, "succeeded"),
                ActionStatus::Failed => (Mark::Failed, "failed"),
                ActionStatus::Abandoned | ActionStatus::InProgress => (Mark::Ended, "abandoned"),
            };
            line(mark, &place(stage, action), word, *took, summary.as_ref())
        }
        Event::Approval {
            stage,
            action,
            summary,
        } => line(
            Mark::Waiting,
            &place(stage, action),
            "waits for an answer: pipectl approve, or pipectl reject",
            None,
            summary.as_ref(),
        ),
        Event::Stage { stage, status } => {
            let word = match status {
                StageStatus::Skipped => "skipped",
                StageStatus::Stopped => "stopped",
                _ => "cancelled",
            };
            line(Mark::Ended, &clean(stage), word, None, None)
        }
        Event::Retry { stage, attempt } => line(
            Mark::Running,
            &clean(stage),
            &format!("tried again {}", times(*attempt)),
            None,
            None,
        ),
        Event::Condition {
            stage,
            side,
            status,
            summary,
        } => {
            let mark = match status {
                ConditionStatus::Succeeded | ConditionStatus::Overridden => Mark::Done,
                ConditionStatus::Failed | ConditionStatus::Errored => Mark::Failed,
                ConditionStatus::InProgress => Mark::Running,
                ConditionStatus::Cancelled | ConditionStatus::Abandoned => Mark::Ended,
            };
            line(
                mark,
                &format!("{}, condition {side}", clean(stage)),
                condition_word(*status),
                None,
                summary.as_ref(),
            )
        }
        Event::Held { stage, reason } => line(
            Mark::Waiting,
            &clean(stage),
            &format!("is closed: pipectl enable --stage {}", clean(stage)),
            None,
            Some(reason),
        ),
        Event::Queued { stage, behind } => line(
            Mark::Waiting,
            &clean(stage),
            &format!("waits for execution {}", short(behind)),
            None,
            None,
        ),
    }
}

/// Why it failed, for people.
pub fn failed(look: Look, failed: &[Failed], console: Option<&str>) -> String {
    let mut text = String::new();
    for one in failed {
        let place = if one.stage == one.action {
            clean(&one.stage)
        } else {
            clean(&format!("{}/{}", one.stage, one.action))
        };
        let phase = one
            .phase
            .as_ref()
            .map(|phase| format!(" in {phase}"))
            .unwrap_or_default();
        let _ = writeln!(
            text,
            "{} {place}{phase}",
            paint(look, Paint::Error, "failed:")
        );
        let mut field = |name: &str, value: &str| {
            let label = paint(look, Paint::Faint, &format!("{name:>10}: "));
            let value = clean(value).replace('\n', "\n            ");
            let _ = writeln!(text, "{label}{value}");
        };
        if let Some(command) = &one.command {
            field("command", command);
        }
        if let Some(message) = &one.message {
            field("reason", message);
        }
        for case in &one.tests {
            let name = test_name(case);
            let why = case.message.as_deref().unwrap_or_default();
            let why = first_line(look, why.trim_start(), 120);
            let why = if why.is_empty() {
                why
            } else {
                format!("\n{why}")
            };
            field("test", &format!("{name}{why}"));
        }
        if !one.log.is_empty() {
            field("log", &one.log.join("\n"));
        }
        if let Some(missing) = &one.missing {
            field("missing", &allow(missing));
        }
        if let Some(url) = &one.url {
            field("see", url);
        }
    }
    if let Some(console) = console {
        let label = paint(look, Paint::Faint, &format!("{:>10}: ", "console"));
        let _ = writeln!(text, "{label}{console}");
    }
    text
}

fn test_name(case: &TestCase) -> String {
    match &case.prefix {
        Some(prefix) if !prefix.is_empty() => format!("{prefix}.{}", case.name),
        _ => case.name.clone(),
    }
}

/// What to write beside the build.
fn allow(missing: &Missing) -> String {
    let who = missing
        .who
        .as_deref()
        .and_then(|arn| arn.split('/').nth(1))
        .map(|role| format!(" of the role {role}"))
        .unwrap_or_default();
    format!(
        "the permission {}{who}. Beside the action's `run`:\nallow:\n  - Action: {}\n    Resource: \"{}\"",
        missing.action, missing.action, missing.resource
    )
}

/// A line of one of several logs, marked with its name in a colour of its own.
pub fn log_line(look: Look, index: usize, name: &str, text: &str) -> String {
    let name = clean(name);
    let marked = if look.color {
        let style = console::Style::new().force_styling(true);
        let style = match index % 5 {
            0 => style.cyan(),
            1 => style.magenta(),
            2 => style.blue(),
            3 => style.yellow(),
            _ => style.green(),
        };
        style.apply_to(&name).to_string()
    } else {
        name
    };
    let bar = if look.unicode { "│" } else { "|" };
    format!("{marked} {bar} {}", clean(text))
}
