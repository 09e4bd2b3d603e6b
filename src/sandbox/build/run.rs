//! Which phase follows which, and what happens in each.
//!
//! docs.aws.amazon.com/codebuild/latest/userguide/view-build-details-phases.html

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::environment::{self, Environment};
use super::hand_over::is_name;
use super::log::{Log, now};
use super::mask::Masker;
use super::places::Places;
use super::session::{End, Session, Shell, quoted};
use super::spec::{self, OnFailure, Spec};
use super::supervise;
use super::{
    BuildFailure, Event, Executor, Outcome, Request, Resolver, StopSignal, What, container,
};
use crate::execution::build::{Build, BuildStatus, LogsLocation, Phase, PhaseContext, PhaseType};
use crate::model::is_buildspec;

/// How long the shell may take to tell a variable.
const TELLING: Duration = Duration::from_secs(30);

/// Why a phase did not succeed.
pub(super) struct Trouble {
    pub(super) status: BuildStatus,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) command: Option<String>,
    pub(super) exit_code: Option<i32>,
    pub(super) lines: Vec<String>,
}

impl Trouble {
    pub(super) fn failed(code: &str, message: impl Into<String>) -> Self {
        Self {
            status: BuildStatus::Failed,
            code: code.to_owned(),
            message: message.into(),
            command: None,
            exit_code: None,
            lines: Vec::new(),
        }
    }

    /// This machine is at fault.
    pub(super) fn fault(what: &str, error: &io::Error) -> Self {
        let full = error.kind() == io::ErrorKind::StorageFull;
        let hint = if full {
            ": free some room and run it again"
        } else {
            ""
        };
        Self {
            status: BuildStatus::Fault,
            code: "INTERNAL_ERROR".to_owned(),
            message: format!("{what}: {error}{hint}"),
            command: None,
            exit_code: None,
            lines: Vec::new(),
        }
    }

    fn stopped() -> Self {
        Self {
            status: BuildStatus::Stopped,
            code: "STOPPED".to_owned(),
            message: "The build was stopped.".to_owned(),
            command: None,
            exit_code: None,
            lines: Vec::new(),
        }
    }

    fn timed_out() -> Self {
        Self {
            status: BuildStatus::TimedOut,
            code: "BUILD_TIMED_OUT".to_owned(),
            message: "Build has timed out.".to_owned(),
            command: None,
            exit_code: None,
            lines: Vec::new(),
        }
    }
}

pub(super) type Step<T> = Result<T, Trouble>;

/// Runs one build.
pub(super) async fn run(
    request: &Request,
    resolver: &dyn Resolver,
    sink: &(dyn Fn(Event) + Send + Sync),
    stop: StopSignal,
) -> Outcome {
    let start = now();
    let path = request.log_file();
    let mut outcome = Outcome {
        build: Build {
            id: request.build_id.clone(),
            arn: request.arn(),
            project_name: request.project_name().to_owned(),
            build_number: Some(request.build_number),
            start_time: Some(start),
            resolved_source_version: request.facts.resolved_source_version.clone(),
            logs: LogsLocation {
                group_name: Some(request.log_group()),
                stream_name: Some(request.uuid().to_owned()),
                deep_link: None,
            },
            initiator: Some(request.facts.initiator.clone()),
            ..Build::default()
        },
        log: path.clone(),
        ..Outcome::default()
    };
    let made = Places::make(request).and_then(|places| {
        let log = Log::new(&path, &request.limits, request.task.clone(), sink)?;
        Ok((places, log))
    });
    let (places, log) = match made {
        Ok(made) => made,
        Err(error) => {
            let trouble = Trouble::fault("the folder of the build cannot be made", &error);
            let context = PhaseContext {
                status_code: trouble.code,
                message: trouble.message,
            };
            outcome.build.build_status = BuildStatus::Fault;
            outcome.build.end_time = Some(now());
            outcome.failure = Some(BuildFailure {
                phase: PhaseType::Provisioning,
                context,
                command: None,
                exit_code: None,
                last_lines: Vec::new(),
            });
            return outcome;
        }
    };
    let mut run = Run {
        request,
        resolver,
        log,
        places,
        stop,
        deadline: Instant::now() + request.timeout(),
        outcome,
        session: None,
        spec: Spec::default(),
        environment: Environment::default(),
        shell: None,
        user: None,
        succeeding: true,
        told_succeeding: true,
        cache_key: None,
    };
    run.all().await;
    run.finish().await
}

/// A build on its way.
pub(super) struct Run<'a> {
    pub(super) request: &'a Request,
    pub(super) resolver: &'a dyn Resolver,
    pub(super) log: Log<'a>,
    pub(super) places: Places,
    pub(super) stop: StopSignal,
    pub(super) deadline: Instant,
    pub(super) outcome: Outcome,
    pub(super) session: Option<Session>,
    pub(super) spec: Spec,
    pub(super) environment: Environment,
    pub(super) shell: Option<Shell>,
    /// As whom the shell runs, in a container.
    pub(super) user: Option<String>,
    pub(super) succeeding: bool,
    /// What the shell believes.
    pub(super) told_succeeding: bool,
    /// The key of the cache and its fallbacks, computed.
    pub(super) cache_key: Option<(Option<String>, Vec<String>)>,
}

impl Run<'_> {
    async fn all(&mut self) {
        for kind in [
            PhaseType::Submitted,
            PhaseType::Queued,
            PhaseType::Provisioning,
        ] {
            self.begin(kind);
            self.end(kind, Ok(()));
        }
        if !self.download().await {
            return;
        }
        for phase in std::mem::take(&mut self.spec.phases) {
            match self.phase(&phase).await {
                Ok(()) => {}
                Err(
                    status @ (BuildStatus::Stopped | BuildStatus::TimedOut | BuildStatus::Fault),
                ) => {
                    self.fail(status);
                    return;
                }
                Err(status) => {
                    self.fail(status);
                    let goes_on = match phase.on_failure {
                        Some(OnFailure::Continue) => true,
                        Some(OnFailure::Abort) => false,
                        // After a build comes what looks at it; what was to be prepared is needed.
                        Some(OnFailure::Retry { .. }) | None => {
                            matches!(phase.kind, PhaseType::Build | PhaseType::PostBuild)
                        }
                    };
                    if !goes_on {
                        return;
                    }
                }
            }
        }
        self.export().await;
        self.upload().await;
    }

    pub(super) fn fail(&mut self, status: BuildStatus) {
        self.succeeding = false;
        if self.outcome.build.build_status == BuildStatus::InProgress {
            self.outcome.build.build_status = status;
        }
    }

    // ---- phases

    pub(super) fn begin(&mut self, kind: PhaseType) {
        let phase = Phase {
            phase_type: kind,
            phase_status: Some(BuildStatus::InProgress),
            start_time: Some(now()),
            end_time: None,
            contexts: Vec::new(),
        };
        self.log.event(What::Phase(phase.clone()));
        self.outcome.build.phases.push(phase);
    }

    /// Ends a phase, and says so.
    pub(super) fn end(&mut self, kind: PhaseType, result: Step<()>) -> Option<BuildStatus> {
        let mut status = BuildStatus::Succeeded;
        let mut context = None;
        if let Err(trouble) = result {
            status = trouble.status;
            let masked = PhaseContext {
                status_code: trouble.code,
                message: self.log.masked(&trouble.message),
            };
            if self.outcome.failure.is_none() {
                self.outcome.failure = Some(BuildFailure {
                    phase: kind,
                    context: masked.clone(),
                    command: trouble.command.map(|command| self.log.masked(&command)),
                    exit_code: trouble.exit_code,
                    last_lines: trouble.lines,
                });
            }
            context = Some(masked);
        }
        if kind >= PhaseType::DownloadSource && kind < PhaseType::Finalizing {
            self.log.say(&format!(
                "Phase complete: {} State: {}",
                kind.as_str(),
                status.as_str()
            ));
            let (code, message) = context
                .as_ref()
                .map_or(("", ""), |c| (c.status_code.as_str(), c.message.as_str()));
            self.log.say(&format!(
                "Phase context status code: {code} Message: {message}"
            ));
        }
        if let Some(phase) = self.outcome.build.phases.last_mut() {
            phase.phase_status = Some(status);
            phase.end_time = Some(now());
            phase.contexts = context.into_iter().collect();
            let ended = phase.clone();
            self.log.event(What::Phase(ended));
        }
        (status != BuildStatus::Succeeded).then_some(status)
    }

    async fn download(&mut self) -> bool {
        let kind = PhaseType::DownloadSource;
        self.begin(kind);
        let result = self.prepare().await;
        match self.end(kind, result) {
            Some(status) => {
                self.fail(status);
                false
            }
            None => true,
        }
    }

    async fn prepare(&mut self) -> Step<()> {
        self.log.say("Phase is DOWNLOAD_SOURCE");
        let source = self.places.source.clone();
        self.log.say(&format!("CODEBUILD_SRC_DIR={source}"));
        self.spec = self.buildspec()?;
        let asked = environment::collect(self.request, &self.spec, self.resolver);
        self.environment = tokio::select! {
            environment = asked => {
                environment.map_err(|(code, message)| Trouble::failed(code, message))?
            }
            () = self.stop.heard() => return Err(Trouble::stopped()),
        };
        self.log.mask(Masker::new(&self.environment.secrets));
        self.log.say("Processing environment variables");
        environment::complete(&mut self.environment, self.request, &self.places)
            .map_err(|error| Trouble::fault("the folder of the build cannot be written", &error))?;
        let mut notes = std::mem::take(&mut self.spec.notes);
        notes.append(&mut self.environment.notes);
        if self.request.privileged() && self.places.is_here {
            notes.push(
                "privilegedMode: commands have the rights of whoever runs pipectl".to_owned(),
            );
        }
        let users = self.spec.phases.iter().filter_map(|p| p.run_as.as_deref());
        for user in users.chain(self.spec.run_as.as_deref()) {
            if self.places.is_here {
                notes.push(format!(
                    "run-as: commands run as whoever runs pipectl, not as {user}; --executor docker or podman does as it says"
                ));
            }
        }
        notes.dedup();
        for note in notes {
            self.log.say(&format!("Note: {note}"));
        }
        let user = self.spec.run_as.clone();
        self.shell = Some(self.make_shell(user.as_deref())?);
        self.user = user;
        let mut found = String::new();
        for phase in &self.spec.phases {
            if !phase.commands.is_empty() {
                let _ = write!(
                    found,
                    " {}: {} commands",
                    phase.kind.as_str(),
                    phase.commands.len()
                );
            }
        }
        self.log.say(&format!("Phases found in YAML:{found}"));
        self.restore().await
    }

    /// The text of the buildspec: given inline, a file of the source, or `buildspec.yml`.
    fn buildspec(&mut self) -> Step<Spec> {
        let given = self.request.overrides.buildspec.clone();
        let given = given.or_else(|| self.request.text("/source/buildspec"));
        let given = given.filter(|text| !text.trim().is_empty());
        let refused = |message: String| Trouble::failed("YAML_FILE_ERROR", message);
        let (name, text) = match given {
            Some(text) if is_buildspec(&text) => ("buildspec".to_owned(), text),
            path => {
                let path = path.unwrap_or_else(|| "buildspec.yml".to_owned());
                if path.starts_with("arn:") {
                    return Err(refused(format!(
                        "{path}: a buildspec in S3 is not read here; take it into the source"
                    )));
                }
                let file = self.request.source.join(path.trim_start_matches("./"));
                self.log
                    .say(&format!("YAML location is {}/{path}", self.places.source));
                let text = match std::fs::read(&file) {
                    Ok(bytes) => String::from_utf8(bytes)
                        .map_err(|_| refused(format!("the YAML file {path} is not UTF-8")))?,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        return Err(refused(format!("YAML file does not exist: {path}")));
                    }
                    Err(error) => return Err(refused(format!("{path}: {error}"))),
                };
                (path, text)
            }
        };
        spec::read(&name, &text).map_err(refused)
    }

    fn make_shell(&self, user: Option<&str>) -> Step<Shell> {
        let shell = match self.spec.shell.as_deref() {
            None => "sh",
            Some("bash") => "bash",
            Some("/bin/sh") => "/bin/sh",
            Some(other) => {
                return Err(Trouble::failed(
                    "CLIENT_ERROR",
                    format!("env/shell: {other} is not to be had here; there are bash and /bin/sh"),
                ));
            }
        };
        let places = &self.places;
        match &self.request.executor {
            Executor::Host => Ok(Shell {
                command: vec![shell.to_owned()],
                environment: self.environment.values.clone().into_iter().collect(),
                folder: self.request.folder.clone(),
                work: places.source.clone(),
                state: places.state_here.clone(),
                state_inside: places.state.clone(),
                new_user: false,
                cleanup: Vec::new(),
            }),
            Executor::Container(tool) => {
                let mut given = String::new();
                for (name, value) in &self.environment.values {
                    if is_name(name) {
                        let _ = writeln!(given, "export {name}={}", quoted(value));
                    }
                }
                let fault = |error| Trouble::fault("the folder of the build", &error);
                std::fs::write(places.state_here.join("given"), given).map_err(fault)?;
                let users = self.spec.phases.iter().filter_map(|p| p.run_as.as_ref());
                if users.chain(&self.spec.run_as).next().is_some() {
                    places.open_state().map_err(fault)?;
                }
                let cached = match &self.spec.cache {
                    Some(spec) => self.cache().prepared(spec).map_err(fault)?,
                    None => Vec::new(),
                };
                Ok(container::shell(
                    self.request,
                    places,
                    tool,
                    shell,
                    &cached,
                    user,
                ))
            }
        }
    }

    async fn phase(&mut self, phase: &spec::Phase) -> Result<(), BuildStatus> {
        self.begin(phase.kind);
        self.log
            .say(&format!("Entering phase {}", phase.kind.as_str()));
        let mut tries = 0;
        let result = loop {
            let result = match self.become_user(phase.run_as.as_deref()).await {
                Ok(()) => self.commands(phase).await,
                Err(trouble) => Err(trouble),
            };
            let Err(trouble) = result else {
                break Ok(());
            };
            let again = match &phase.on_failure {
                Some(OnFailure::Retry { times, matching }) => {
                    tries < *times
                        && trouble.status == BuildStatus::Failed
                        && matching.as_ref().is_none_or(|regex| {
                            regex.is_match(&trouble.message)
                                || trouble.lines.iter().any(|line| regex.is_match(line))
                        })
                }
                _ => false,
            };
            if !again {
                break Err(trouble);
            }
            tries += 1;
            self.log.say(&format!(
                "Retry {tries} of phase {}: {}",
                phase.kind.as_str(),
                trouble.message
            ));
        };
        match self.end(phase.kind, result) {
            Some(status) => Err(status),
            None => Ok(()),
        }
    }

    /// In a container the commands of a phase run as whom it names, else as whom the buildspec names.
    async fn become_user(&mut self, user: Option<&str>) -> Step<()> {
        let user = user.or(self.spec.run_as.as_deref());
        if self.places.is_here || self.user.as_deref() == user {
            return Ok(());
        }
        let user = user.map(ToOwned::to_owned);
        let mut shell = self.make_shell(user.as_deref())?;
        shell.new_user = true;
        self.renew(true).await?;
        self.shell = Some(shell);
        self.user = user;
        Ok(())
    }

    /// The commands up to the first that fails, and what runs even then.
    async fn commands(&mut self, phase: &spec::Phase) -> Step<()> {
        let first = self.list(&phase.commands).await;
        if let Err(trouble) = &first
            && trouble.status != BuildStatus::Failed
        {
            return first;
        }
        let last = self.list(&phase.finally).await;
        first.and(last)
    }

    async fn list(&mut self, commands: &[String]) -> Step<()> {
        for command in commands {
            self.log
                .say(&format!("Running command {}", command.trim_end()));
            self.log.forget_lines();
            let ended = self.command(command, false).await;
            self.log.end_of_output();
            let lines = self.log.last_lines();
            let about = |trouble: Trouble| Trouble {
                command: Some(command.clone()),
                lines,
                ..trouble
            };
            let code = match ended {
                Ok(0) => continue,
                Ok(code) => code,
                Err(trouble) => return Err(about(trouble)),
            };
            self.log.say(&format!(
                "Command did not exit successfully {command} exit status {code}"
            ));
            let message =
                format!("Error while executing command: {command}. Reason: exit status {code}");
            return Err(Trouble {
                exit_code: Some(code),
                ..about(Trouble::failed("COMMAND_EXECUTION_ERROR", message))
            });
        }
        Ok(())
    }

    // ---- commands

    /// Runs one command; what is `ours` is nothing of the buildspec.
    async fn command(&mut self, command: &str, ours: bool) -> Step<i32> {
        if self.stop.is_set() {
            return Err(Trouble::stopped());
        }
        if !ours && self.told_succeeding != self.succeeding {
            self.told_succeeding = self.succeeding;
            self.tell_succeeding().await?;
        }
        if self.session.is_none() {
            let program = self.request.program.as_deref();
            let session = Session::new(program, &self.places.state_here)
                .map_err(|error| Trouble::fault("no process can be started", &error))?;
            self.session = Some(session);
        }
        let (Some(session), Some(shell)) = (self.session.as_mut(), self.shell.as_ref()) else {
            return Err(Trouble::failed("CLIENT_ERROR", "there is no shell"));
        };
        let log = &mut self.log;
        let mut seen = |bytes: &[u8]| log.output(bytes);
        let running = session.run(shell, command, &mut seen);
        let ended = tokio::select! {
            biased;
            () = self.stop.heard() => Err(Trouble::stopped()),
            ended = timeout_at(self.deadline, running) => match ended {
                Ok(ended) => ended.map_err(|error| {
                    Trouble::fault("the shell cannot be talked to", &error)
                }),
                Err(_) => Err(Trouble::timed_out()),
            },
        };
        if let Some(error) = self.log.error() {
            return Err(Trouble::fault("the log cannot be written", &error));
        }
        match ended? {
            End::Code(code) => {
                if !self.spec.one_shell && !ours {
                    self.renew(false).await?;
                }
                Ok(code)
            }
            End::NoShell(why) => Err(Trouble {
                status: BuildStatus::Fault,
                ..Trouble::failed("INTERNAL_ERROR", format!("the shell does not start: {why}"))
            }),
            End::Lost => {
                if self.places.is_here {
                    supervise::sweep("CODEBUILD_SRC_DIR", &self.places.source);
                }
                Err(Trouble {
                    status: BuildStatus::Fault,
                    ..Trouble::failed(
                        "INTERNAL_ERROR",
                        "the process that runs the commands was killed",
                    )
                })
            }
        }
    }

    async fn renew(&mut self, inherits: bool) -> Step<()> {
        if let Some(session) = self.session.as_mut() {
            let log = &mut self.log;
            let mut seen = |bytes: &[u8]| log.output(bytes);
            session
                .close(inherits, &mut seen)
                .await
                .map_err(|error| Trouble::fault("the shell cannot be talked to", &error))?;
        }
        Ok(())
    }

    /// Commands ask `CODEBUILD_BUILD_SUCCEEDING`.
    async fn tell_succeeding(&mut self) -> Step<()> {
        const NAME: &str = "CODEBUILD_BUILD_SUCCEEDING";
        let value = u8::from(self.succeeding);
        if self.spec.one_shell && self.session.is_some() {
            Box::pin(self.command(&format!("export {NAME}={value}"), true)).await?;
        }
        if let Some(shell) = &mut self.shell {
            for (name, known) in &mut shell.environment {
                if name == NAME {
                    *known = value.to_string();
                }
            }
        }
        Ok(())
    }

    /// What the shell has for some words; nothing where it has nothing. Nothing of it is written to the log.
    pub(super) async fn ask(&mut self, words: &[(&str, bool)]) -> Step<Vec<Option<String>>> {
        let mut command = String::new();
        let state = quoted(&self.places.state);
        for (index, (word, is_variable)) in words.iter().enumerate() {
            let _ = if *is_variable {
                writeln!(
                    command,
                    "rm -f {state}/told.{index}; [ -z \"${{{word}+x}}\" ] || printf %s \"${{{word}}}\" >|{state}/told.{index}"
                )
            } else {
                writeln!(command, "printf %s \"{word}\" >|{state}/told.{index}")
            };
        }
        let deadline = self.deadline;
        self.deadline = self.deadline.min(Instant::now() + TELLING);
        let told = self.command(&command, true).await;
        self.deadline = deadline;
        told?;
        Ok((0..words.len())
            .map(|index| {
                let file = self.places.state_here.join(format!("told.{index}"));
                let bytes = std::fs::read(&file).ok()?;
                let _ = std::fs::remove_file(&file);
                Some(String::from_utf8_lossy(&bytes).into_owned())
            })
            .collect())
    }

    // ---- the end

    pub(super) async fn end_session(&mut self, at_once: bool) -> Step<()> {
        let Some(session) = self.session.take() else {
            return Ok(());
        };
        let log = &mut self.log;
        let mut seen = |bytes: &[u8]| log.output(bytes);
        let grace = self.request.limits.grace;
        let ended = session.end(at_once, grace, &mut seen).await;
        self.log.end_of_output();
        match ended {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.log.say(
                    "Note: something that the build started does not end, even if it is killed",
                );
                Ok(())
            }
            Err(error) => Err(Trouble::fault("the build's processes", &error)),
        }
    }

    async fn finish(mut self) -> Outcome {
        let at_once = matches!(
            self.outcome.build.build_status,
            BuildStatus::Stopped | BuildStatus::TimedOut
        );
        let ended = self.end_session(at_once).await;
        self.begin(PhaseType::Finalizing);
        // What the shell left holds secrets.
        let _ = std::fs::remove_dir_all(&self.places.state_here);
        let _ = std::fs::remove_dir_all(Path::new(&self.places.temporary));
        let written = self.log.finish();
        let written = written.map_err(|error| Trouble::fault("the log cannot be written", &error));
        if let Some(status) = self.end(PhaseType::Finalizing, ended.and(written)) {
            self.fail(status);
        }
        if self.outcome.build.build_status == BuildStatus::InProgress {
            self.outcome.build.build_status = BuildStatus::Succeeded;
        }
        let phase = Phase {
            phase_type: PhaseType::Completed,
            phase_status: None,
            start_time: Some(now()),
            end_time: None,
            contexts: Vec::new(),
        };
        self.log.event(What::Phase(phase.clone()));
        self.outcome.build.phases.push(phase);
        self.outcome.build.end_time = Some(now());
        self.outcome
    }
}
