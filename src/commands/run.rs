//! `run`: start an execution; in the sandbox, run it here.

use std::process::{Command, Stdio};

use super::follow::{self, Manner};
use super::operating::{Desk, time_span};
use super::{End, Setting, trust};
use crate::cli::operate::{Executor, Here, Run};
use crate::cloud::Revision;
use crate::cloud::runs::Start;
use crate::error::{Exit, Failure};
use crate::sandbox::build;
use crate::sandbox::engine::Options;

/// How long to wait for a process that goes on with an execution.
const TAKING_ON: std::time::Duration = std::time::Duration::from_secs(3);

/// Runs the command.
pub(super) async fn run(arguments: &Run, setting: &Setting) -> Result<Exit, End> {
    let timeout = arguments
        .timeout
        .as_deref()
        .map(|text| time_span("--timeout", text))
        .transpose()?;
    let options = Options {
        dirty: arguments.dirty,
        ..options(&arguments.here)?
    };
    let desk = Desk::open(setting, arguments.pipeline.as_deref(), options).await?;
    // What is wrong with the command line is told before anything is asked.
    let start = what(arguments, &desk)?;
    let Some(_) = &desk.sandbox else {
        return on_aws(arguments, setting, &desk, &start, timeout).await;
    };
    trust::ask(setting, &desk, arguments.here.trust).await?;
    let id = match arguments.resume.as_deref() {
        None => begin(&desk, &start).await?,
        Some("") => unfinished(&desk).await?,
        Some(id) => desk.execution(Some(id)).await?.pipeline_execution_id,
    };
    if arguments.detach {
        detach(arguments, setting, &desk, &id)?;
        taken_on(&desk, &id).await;
        tell_started(setting, &desk, &id);
        return Ok(Exit::Ok);
    }
    let manner = Manner {
        timeout,
        drive: true,
        ask: true,
    };
    follow::follow(setting, &desk, &id, manner).await
}

/// How builds run, as the command line says.
pub(super) fn options(here: &Here) -> Result<Options, Failure> {
    let executor = match here.executor.unwrap_or_default() {
        Executor::Host => build::Executor::Host,
        Executor::Docker => container("docker")?,
        Executor::Podman => container("podman")?,
    };
    Ok(Options {
        executor,
        ..Options::default()
    })
}

fn container(name: &str) -> Result<build::Executor, Failure> {
    build::find_container_tool(Some(name))
        .map(build::Executor::Container)
        .ok_or_else(|| {
            Failure::failed(
                "executor-missing",
                format!("{name} is not installed here, or does not answer"),
            )
            .help("--executor host runs the builds in the shell of this machine")
        })
}

async fn on_aws(
    arguments: &Run,
    setting: &Setting,
    desk: &Desk,
    start: &Start,
    timeout: Option<std::time::Duration>,
) -> Result<Exit, End> {
    for (flag, given) in [
        ("--dirty", arguments.dirty),
        ("--detach", arguments.detach),
        ("--resume", arguments.resume.is_some()),
        ("--executor", arguments.here.executor.is_some()),
        ("--trust", arguments.here.trust),
    ] {
        if given {
            return Err(
                Failure::usage(format!("{flag} is about builds on this machine"))
                    .help(format!("with --sandbox, or without {flag}"))
                    .into(),
            );
        }
    }
    let id = begin(desk, start).await?;
    if !arguments.watch {
        tell_started(setting, desk, &id);
        return Ok(Exit::Ok);
    }
    let manner = Manner {
        timeout,
        drive: false,
        ask: true,
    };
    follow::follow(setting, desk, &id, manner).await
}

fn tell_started(setting: &Setting, desk: &Desk, id: &str) {
    let report = &setting.report;
    if report.is_json() {
        report.result_line(&serde_json::json!({
            "version": 1,
            "pipeline": desk.pipeline,
            "execution": id,
            "event": "started",
        }));
        return;
    }
    report.result(id);
    report.note(&format!(
        "started {}; follow it with: {}",
        desk.pipeline,
        desk.command("watch")
    ));
    if let Some(console) = desk.runs.console(&desk.pipeline, Some(id)) {
        report.note(&console);
    }
}

async fn begin(desk: &Desk, start: &Start) -> Result<String, End> {
    desk.runs
        .start(&desk.pipeline, start)
        .await
        .map_err(|error| desk.failure(&error))
}

/// What the execution is started with, as the command line says.
fn what(arguments: &Run, desk: &Desk) -> Result<Start, Failure> {
    let mut start = Start::default();
    for pair in &arguments.vars {
        let Some((name, value)) = pair.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            return Err(
                Failure::usage(format!("`--var {pair}` gives no variable a value"))
                    .help("--var NAME=VALUE"),
            );
        };
        start.variables.insert(name.to_owned(), value.to_owned());
    }
    if let Some(commit) = &arguments.commit {
        start.revisions = vec![revision(desk, commit)?];
    }
    Ok(start)
}

/// `SHA`, or `SOURCE=SHA` where several sources read repositories.
fn revision(desk: &Desk, commit: &str) -> Result<Revision, Failure> {
    let (action, value) = match (commit.split_once('='), desk.repositories.as_slice()) {
        (Some((action, value)), all) if all.iter().any(|one| one == action) => {
            (action.to_owned(), value)
        }
        (None, [one]) => (one.clone(), commit),
        (_, []) => {
            return Err(Failure::usage(format!(
                "{} has no source of commits, so that --commit means nothing",
                desk.pipeline
            )));
        }
        (_, several) => {
            return Err(
                Failure::usage("of which source is the commit?").help(format!(
                    "--commit {}=SHA",
                    several.join("=SHA or --commit ")
                )),
            );
        }
    };
    Ok(Revision {
        action,
        kind: "COMMIT_ID".to_owned(),
        value: value.to_owned(),
    })
}

/// The newest execution that is not over.
async fn unfinished(desk: &Desk) -> Result<String, End> {
    desk.list(100)
        .await?
        .into_iter()
        .find(|execution| !execution.status.is_over())
        .map(|execution| execution.pipeline_execution_id)
        .ok_or_else(|| {
            Failure::no(
                "nothing-unfinished",
                format!("no execution of {} is unfinished", desk.pipeline),
            )
            .help(desk.command("run"))
            .into()
        })
}

/// Waits for the other process to have the execution in its hands: who looks at it next is not to be told that nobody goes
/// on with it. One that is over soon was in good hands, too.
async fn taken_on(desk: &Desk, id: &str) {
    let Some(engine) = desk.runs.engine() else {
        return;
    };
    let begun = std::time::Instant::now();
    while begun.elapsed() < TAKING_ON {
        let driven = engine.is_driven(&desk.pipeline, id).await;
        let execution = desk.runs.execution(&desk.pipeline, id).await;
        let over = matches!(execution, Ok(Some(execution)) if execution.status.is_over());
        if over || !matches!(driven, Ok(false)) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Another process of ours drives the execution on.
fn detach(arguments: &Run, setting: &Setting, desk: &Desk, id: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::failed(
            "detach",
            format!("no process could be started that goes on with the execution: {error}"),
        )
        .help(desk.command("run --resume"))
    };
    let program = std::env::current_exe().map_err(failed)?;
    let mut command = Command::new(program);
    command
        .args(["run", "--quiet", "--trust", "--resume", id])
        .current_dir(&setting.here)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if let Some(sandbox) = &desk.sandbox {
        command.arg(format!("--sandbox={}", sandbox.folder().display()));
    }
    let global = &setting.global;
    for (flag, value) in [
        ("--region", &global.region),
        ("--stage", &global.stage),
        ("--pipeline", &arguments.pipeline),
    ] {
        if let Some(value) = value {
            command.args([flag, value]);
        }
    }
    if let Some(file) = &global.file {
        command.arg("--file").arg(file);
    }
    for param in &global.params {
        command.args(["--param", param]);
    }
    match arguments.here.executor {
        Some(Executor::Docker) => {
            command.args(["--executor", "docker"]);
        }
        Some(Executor::Podman) => {
            command.args(["--executor", "podman"]);
        }
        Some(Executor::Host) | None => {}
    }
    if arguments.dirty {
        command.arg("--dirty");
    }
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        // Ctrl-C in this terminal is not meant for it.
        command.process_group(0);
    }
    command.spawn().map(drop).map_err(failed)
}
