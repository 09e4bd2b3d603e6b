//! Following an execution to its end; in the sandbox, driving it.

use std::io::BufRead;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::operating::Desk;
use super::{End, Setting};
use crate::cloud::runs::Answer;
use crate::error::{Exit, Failure};
use crate::execution::{ActionRun, ExecutionStatus, Time};
use crate::operate::approval::{self, Pending};
use crate::operate::snapshot::Snapshot;
use crate::operate::watcher::Watcher;
use crate::operate::{events, failure};
use crate::report::run::{self, View};

/// How to follow.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Manner {
    /// When to give up.
    pub(super) timeout: Option<Duration>,
    /// Whether to drive it where nobody else does: only the sandbox needs that.
    pub(super) drive: bool,
    /// Whether the person may be asked at an approval.
    pub(super) ask: bool,
}

/// How following one execution ended.
enum Outcome {
    Over(Box<Snapshot>),
    TimedOut(Box<Snapshot>),
    Interrupted,
}

/// How often the picture moves on although nothing happened: durations.
const FRAME: Duration = Duration::from_millis(500);

/// Follows an execution, and those that come out of it, to the end.
pub(super) async fn follow(
    setting: &Setting,
    desk: &Desk,
    id: &str,
    manner: Manner,
) -> Result<Exit, End> {
    let deadline = manner.timeout.map(|timeout| Instant::now() + timeout);
    let mut id = id.to_owned();
    loop {
        match one(setting, desk, &id, manner, deadline).await? {
            Outcome::Over(snapshot) => {
                if let Some(engine) = desk.runs.engine()
                    && let Some(next) = engine
                        .successor(&desk.pipeline, &id)
                        .await
                        .map_err(|error| desk.failure(&error))?
                {
                    let why = match status(&snapshot) {
                        Some(ExecutionStatus::Failed) => "it failed, and",
                        _ => "it was started again:",
                    };
                    setting
                        .report
                        .note(&format!("{why} execution {next} goes on from here"));
                    id = next;
                    continue;
                }
                return Ok(exit_of(&snapshot));
            }
            Outcome::TimedOut(snapshot) => return Err(timed_out(desk, &snapshot, manner).into()),
            Outcome::Interrupted => {
                let stays = if manner.drive && desk.sandbox.is_some() {
                    format!(
                        "the execution stays where it is; go on with: {}",
                        desk.command("run --resume")
                    )
                } else {
                    format!(
                        "the execution goes on; look at it with: {}",
                        desk.command("watch")
                    )
                };
                setting.report.note(&stays);
                return Ok(Exit::Interrupted);
            }
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn status(snapshot: &Snapshot) -> Option<ExecutionStatus> {
    snapshot.execution.as_ref().map(|one| one.status)
}

fn exit_of(snapshot: &Snapshot) -> Exit {
    match status(snapshot) {
        Some(ExecutionStatus::Succeeded) => Exit::Ok,
        _ => Exit::No,
    }
}

fn timed_out(desk: &Desk, snapshot: &Snapshot, manner: Manner) -> Failure {
    let waits = snapshot.waiting().next();
    let took = run::duration(
        i64::try_from(manner.timeout.unwrap_or_default().as_millis()).unwrap_or(i64::MAX),
    );
    let message = match waits {
        Some((stage, _)) => format!(
            "after {took} the execution {} still waits for an answer in {}",
            snapshot.id().unwrap_or_default(),
            stage.name
        ),
        None => format!(
            "after {took} the execution {} is not over",
            snapshot.id().unwrap_or_default()
        ),
    };
    let help = match (waits, &desk.sandbox) {
        (Some(_), _) => desk.command("approve"),
        (None, Some(_)) => desk.command("run --resume"),
        (None, None) => desk.command("watch"),
    };
    Failure::failed("timed-out", message).help(help)
}

pub(super) fn now() -> Time {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Time(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

async fn one(
    setting: &Setting,
    desk: &Desk,
    id: &str,
    manner: Manner,
    deadline: Option<Instant>,
) -> Result<Outcome, End> {
    let runs = desk.runs.as_ref();
    let refused = |error| desk.failure(&error);
    let mut watcher = Watcher::new(runs, &desk.pipeline, id, desk.pace())
        .await
        .map_err(refused)?;
    let mut view = View::new(&setting.report);
    let mut shown: Option<Snapshot> = None;
    let mut answers = Answers::default();
    let mut driving = Box::pin(async {
        match runs.engine() {
            Some(engine) if manner.drive => engine.drive(&desk.pipeline, id).await,
            _ => std::future::pending().await,
        }
    });
    let mut driven = false;
    let mut next = Instant::now();
    loop {
        let snapshot = watcher.snapshot().clone();
        let happened = events::between(shown.as_ref(), &snapshot);
        let over = snapshot.is_over();
        // While the person types an answer, only what happens is worth drawing over it.
        if answers.asked.is_none() || !happened.is_empty() || over {
            view.show(&snapshot, &happened, now());
        }
        shown = Some(snapshot.clone());
        if over {
            let look = setting.report.out;
            view.end(&snapshot, now());
            if manner.drive && !driven {
                // It may have started executions of other pipelines, or stopped itself to start anew.
                let others = invoked(watcher.actions());
                let told = async {
                    tokio::time::sleep(FRAME).await;
                    for other in others {
                        setting
                            .report
                            .note(&format!("{other} was started by it and goes on here"));
                    }
                    std::future::pending::<()>().await;
                };
                tokio::select! {
                    biased;
                    _ = tokio::signal::ctrl_c() => return Ok(Outcome::Interrupted),
                    () = until(deadline) => return Ok(Outcome::TimedOut(Box::new(snapshot))),
                    ended = &mut driving => ended.map_err(refused)?,
                    () = told => {}
                }
            }
            if status(&snapshot) == Some(ExecutionStatus::Failed) {
                let why = failure::of(runs, &desk.region, &snapshot, watcher.actions())
                    .await
                    .map_err(refused)?;
                let console = runs.console(&desk.pipeline, Some(id));
                let console = console.as_deref();
                if setting.report.is_json() {
                    View::new(&setting.report).failed(&snapshot, &why, console);
                } else {
                    let text = run::failed(look, &why, console);
                    setting.report.result(&text);
                }
            }
            return Ok(Outcome::Over(Box::new(snapshot)));
        }
        if manner.ask && setting.report.interactive && !setting.report.is_json() {
            let pending = approval::of(&snapshot);
            // What was answered a moment ago may still be seen to wait.
            let open = |pending: &&Pending| answers.given.as_ref() != Some(pending);
            if let Some(pending) = pending.iter().find(open) {
                if answers.asked.as_ref() != Some(pending) || !happened.is_empty() {
                    view.clear();
                    show_question(setting, desk, pending, &snapshot).await?;
                    answers.ask(pending);
                }
            } else if answers.asked.take().is_some() {
                setting.report.note("answered elsewhere");
            }
        }
        let frame = Instant::now() + FRAME;
        tokio::select! {
            biased;
            _ = tokio::signal::ctrl_c() => {
                view.clear();
                return Ok(Outcome::Interrupted);
            }
            () = until(deadline) => {
                view.end(&snapshot, now());
                return Ok(Outcome::TimedOut(Box::new(snapshot)));
            }
            ended = &mut driving, if !driven => {
                ended.map_err(refused)?;
                driven = true;
                watcher.look().await.map_err(refused)?;
                next = Instant::now() + watcher.pause();
            }
            Some(line) = answers.line() => {
                if let Some(pending) = answers.asked.clone()
                    && answer(setting, desk, &pending, &line).await?
                {
                    answers.given = answers.asked.take();
                }
                watcher.look().await.map_err(refused)?;
            }
            () = tokio::time::sleep_until(next) => {
                watcher.look().await.map_err(refused)?;
                next = Instant::now() + watcher.pause();
            }
            () = tokio::time::sleep_until(frame) => {}
        }
    }
}

/// The executions of other pipelines that actions started, as people call them.
fn invoked(actions: &[ActionRun]) -> Vec<String> {
    let name = |run: &ActionRun| {
        let id = run.output.execution_result.external_execution_id.as_ref()?;
        let pipeline = run.input.resolved_configuration.get("PipelineName")?;
        Some(format!("execution {id} of {pipeline}"))
    };
    let starts = actions.iter().filter(|run| run.input.starts_a_pipeline());
    starts.filter_map(name).collect()
}

/// Lines that the person types, read beside everything else.
#[derive(Default)]
struct Answers {
    asked: Option<Pending>,
    given: Option<Pending>,
    lines: Option<mpsc::UnboundedReceiver<String>>,
}

impl Answers {
    fn ask(&mut self, pending: &Pending) {
        self.asked = Some(pending.clone());
        if self.lines.is_some() {
            return;
        }
        let (sender, receiver) = mpsc::unbounded_channel();
        self.lines = Some(receiver);
        // A thread of its own: it ends with the program, whether somebody typed something or not.
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines() {
                let Ok(line) = line else { return };
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
    }

    async fn line(&mut self) -> Option<String> {
        match &mut self.lines {
            Some(lines) if self.asked.is_some() => match lines.recv().await {
                Some(line) => Some(line),
                None => std::future::pending().await,
            },
            _ => std::future::pending().await,
        }
    }
}

async fn show_question(
    setting: &Setting,
    desk: &Desk,
    pending: &Pending,
    snapshot: &Snapshot,
) -> Result<(), End> {
    let report = &setting.report;
    report.say(&run::frame(report.err, snapshot, now()).join("\n"));
    report.say(&super::approve::what_it_brings(desk, pending).await?);
    report.say(&format!(
        "{}/{} waits for you. Approve? [y/n, and why] ",
        pending.stage, pending.action
    ));
    Ok(())
}

/// Sends an answer, if the line is one.
async fn answer(
    setting: &Setting,
    desk: &Desk,
    pending: &Pending,
    line: &str,
) -> Result<bool, End> {
    let (word, why) = line
        .trim()
        .split_once(char::is_whitespace)
        .unwrap_or((line.trim(), ""));
    let approved = match word.to_ascii_lowercase().as_str() {
        "y" | "yes" => true,
        "n" | "no" => false,
        _ => {
            setting.report.say("y or n? ");
            return Ok(false);
        }
    };
    let answer = Answer {
        stage: pending.stage.clone(),
        action: pending.action.clone(),
        token: pending.token.clone(),
        approved,
        summary: super::approve::summary(approved, Some(why.trim())),
    };
    desk.runs
        .answer(&desk.pipeline, &answer)
        .await
        .map_err(|error| desk.failure(&error))?;
    Ok(true)
}
