//! Which phase follows which, and what happens in each.
//!
//! docs.aws.amazon.com/codebuild/latest/userguide/view-build-details-phases.html

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::artifacts::{self, Refused};
use super::cache::{self, Cache};
use super::environment::{self, Environment};
use super::log::{Log, now};
use super::mask::Masker;
use super::places::Places;
use super::session::{End, Session, Shell, quoted};
use super::spec::{self, OnFailure, Spec};
use super::{
    BuildFailure, Event, Executor, Outcome, Request, Resolver, StopSignal, What, container,
};
use crate::execution::build::{
    Build, BuildStatus, ExportedVariable, LogsLocation, Phase, PhaseContext, PhaseType,
};
use crate::execution::report::ReportStatus;
use crate::sandbox::{archive, reports};

/// How long the shell may take to tell a variable.
const TELLING: Duration = Duration::from_secs(30);

/// Why a phase did not succeed.
struct Trouble {
    status: BuildStatus,
    code: String,
    message: String,
    command: Option<String>,
    exit_code: Option<i32>,
    lines: Vec<String>,
}

impl Trouble {
    fn failed(code: &str, message: impl Into<String>) -> Self {
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
    fn fault(what: &str, error: &io::Error) -> Self {
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

type Step<T> = Result<T, Trouble>;

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
                group_name: Some(format!("/aws/codebuild/{}", request.project_name())),
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
        succeeding: true,
        told_succeeding: true,
        cache_key: None,
    };
    run.all().await;
    run.finish().await
}

/// A build on its way.
struct Run<'a> {
    request: &'a Request,
    resolver: &'a dyn Resolver,
    log: Log<'a>,
    places: Places,
    stop: StopSignal,
    deadline: Instant,
    outcome: Outcome,
    session: Option<Session>,
    spec: Spec,
    environment: Environment,
    shell: Option<Shell>,
    succeeding: bool,
    /// What the shell believes.
    told_succeeding: bool,
    /// The key of the cache and its fallbacks, computed.
    cache_key: Option<(Option<String>, Vec<String>)>,
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

    fn fail(&mut self, status: BuildStatus) {
        self.succeeding = false;
        if self.outcome.build.build_status == BuildStatus::InProgress {
            self.outcome.build.build_status = status;
        }
    }

    // ---- phases

    fn begin(&mut self, kind: PhaseType) {
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
    fn end(&mut self, kind: PhaseType, result: Step<()>) -> Option<BuildStatus> {
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
                    "run-as: commands run as whoever runs pipectl, not as {user}"
                ));
            }
        }
        notes.dedup();
        for note in notes {
            self.log.say(&format!("Note: {note}"));
        }
        self.shell = Some(self.make_shell()?);
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
            Some(text) if spec::is_inline(&text) => ("buildspec".to_owned(), text),
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

    fn make_shell(&self) -> Step<Shell> {
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
                user: None,
                cleanup: Vec::new(),
            }),
            Executor::Container(tool) => {
                let mut given = String::new();
                for (name, value) in &self.environment.values {
                    if is_name(name) {
                        let _ = writeln!(given, "export {name}={}", quoted(value));
                    }
                }
                std::fs::write(places.state_here.join("given"), given)
                    .map_err(|error| Trouble::fault("the folder of the build", &error))?;
                let user = self.spec.run_as.as_deref();
                Ok(container::shell(self.request, places, tool, shell, user))
            }
        }
    }

    async fn phase(&mut self, phase: &spec::Phase) -> Result<(), BuildStatus> {
        self.begin(phase.kind);
        self.log
            .say(&format!("Entering phase {}", phase.kind.as_str()));
        let mut tries = 0;
        let result = loop {
            let result = self.commands(phase).await;
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
            End::Lost => Err(Trouble {
                status: BuildStatus::Fault,
                ..Trouble::failed(
                    "INTERNAL_ERROR",
                    "the process that runs the commands was killed",
                )
            }),
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
    async fn ask(&mut self, words: &[(&str, bool)]) -> Step<Vec<Option<String>>> {
        let mut command = String::new();
        let state = quoted(&self.places.state);
        for (index, (word, is_variable)) in words.iter().enumerate() {
            let _ = if *is_variable {
                write!(
                    command,
                    "rm -f {state}/told.{index}; [ -z \"${{{word}+x}}\" ] || printf %s \"${{{word}}}\" >|{state}/told.{index}\n"
                )
            } else {
                write!(command, "printf %s \"{word}\" >|{state}/told.{index}\n")
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

    /// What `exported-variables` names, as it is now that `post_build` is over.
    async fn export(&mut self) {
        let names: Vec<String> = std::mem::take(&mut self.spec.exported);
        let (names, odd): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| is_name(name));
        for name in odd {
            self.log.say(&format!(
                "Note: exported-variables: `{name}` is no name of a variable"
            ));
        }
        let (kept, names): (Vec<_>, Vec<_>) = names
            .into_iter()
            .partition(|name| self.environment.kept_back.contains(name));
        for name in kept {
            self.log.say(&format!(
                "Note: exported-variables: {name} comes from a store, as the project says, and cannot be exported"
            ));
        }
        if names.is_empty() {
            return;
        }
        // Without a shell the variables are what they were given.
        let values: Vec<Option<String>> = if self.session.is_some() && self.spec.one_shell {
            let words: Vec<_> = names.iter().map(|name| (name.as_str(), true)).collect();
            match self.ask(&words).await {
                Ok(values) => values,
                Err(trouble) => {
                    self.log
                        .say(&format!("Note: exported-variables: {}", trouble.message));
                    return;
                }
            }
        } else {
            let known = &self.environment.values;
            names.iter().map(|name| known.get(name).cloned()).collect()
        };
        for (name, value) in names.into_iter().zip(values) {
            match value {
                Some(value) => self
                    .outcome
                    .build
                    .exported_environment_variables
                    .push(ExportedVariable { name, value }),
                None => self.log.say(&format!(
                    "Note: exported-variables: {name} is not set when post_build ends"
                )),
            }
        }
    }

    // ---- what is handed on

    async fn upload(&mut self) {
        let kind = PhaseType::UploadArtifacts;
        self.begin(kind);
        let result = self.hand_over().await;
        if let Some(status) = self.end(kind, result) {
            self.fail(status);
        }
    }

    async fn hand_over(&mut self) -> Step<()> {
        // Whatever still runs would write into what is being packed.
        self.end_session(false).await?;
        let artifacts = self.pack().await;
        self.read_reports().await?;
        if self.succeeding && artifacts.is_ok() {
            self.save().await?;
        }
        artifacts
    }

    async fn pack(&mut self) -> Step<()> {
        let mut wanted = Vec::new();
        if let Some(spec) = self.spec.artifacts.take() {
            wanted.push((None, spec));
        }
        let secondary = std::mem::take(&mut self.spec.secondary);
        wanted.extend(secondary.into_iter().map(|(id, spec)| (Some(id), spec)));
        for (index, (identifier, spec)) in wanted.into_iter().enumerate() {
            let source = self.request.source.clone();
            let target = self.places.artifacts.join(format!("{index}.zip"));
            let file = target.clone();
            let packed = blocking(move || {
                let found = artifacts::find(&source, &spec)?;
                archive::pack(&file, &found.files, found.links)?;
                Ok::<_, Refused>(found.said)
            })
            .await;
            match packed {
                Ok(said) => said.iter().for_each(|line| self.log.say(line)),
                Err(Refused::Client(message)) => {
                    return Err(Trouble::failed("CLIENT_ERROR", message));
                }
                Err(Refused::Here(error)) => {
                    return Err(Trouble::fault("an artifact cannot be packed", &error));
                }
            }
            match identifier {
                None => self.outcome.artifact = Some(target),
                Some(id) => {
                    self.outcome.secondary_artifacts.insert(id, target);
                }
            }
        }
        Ok(())
    }

    async fn read_reports(&mut self) -> Step<()> {
        for spec in std::mem::take(&mut self.spec.reports) {
            self.log
                .say(&format!("Preparing to copy report {}", spec.name));
            let source = self.request.source.clone();
            let name = spec.name.clone();
            let made = blocking(move || {
                let files = artifacts::report_files(&source, spec.base.as_deref(), &spec.files)?;
                Ok::<_, Refused>(reports::read(&spec.name, &spec.format, &files))
            })
            .await;
            match made {
                Ok(made) => {
                    for note in &made.notes {
                        self.log.say(&format!("Note: report {name}: {note}"));
                    }
                    if made.report.status == ReportStatus::Failed {
                        self.log
                            .say(&format!("Report {name} has tests that failed"));
                    }
                    self.outcome.reports.push(made.report);
                }
                Err(Refused::Client(message)) => {
                    self.log.say(&format!("Note: report {name}: {message}"))
                }
                Err(Refused::Here(error)) => {
                    self.log.say(&format!("Note: report {name}: {error}"));
                }
            }
        }
        Ok(())
    }

    // ---- the cache

    fn caches(&self) -> Option<std::path::PathBuf> {
        let kind = self.request.text("/cache/type");
        let wanted = !matches!(kind.as_deref(), None | Some("NO_CACHE"));
        self.request.cache.clone().filter(|_| wanted)
    }

    async fn restore(&mut self) -> Step<()> {
        let (Some(folder), Some(spec)) = (self.caches(), self.spec.cache.clone()) else {
            return Ok(());
        };
        let mut keys = Vec::new();
        for key in spec.key.iter().chain(&spec.fallback) {
            match cache::with_hashes(key, &self.request.source) {
                Ok(key) => keys.push(key),
                Err(error) => {
                    self.log.say(&format!("Note: cache: {key}: {error}"));
                    return Ok(());
                }
            }
        }
        if keys.iter().any(|key| key.contains(['$', '`'])) {
            let words: Vec<_> = keys.iter().map(|key| (key.as_str(), false)).collect();
            let told = self.ask(&words).await?;
            keys = told.into_iter().map(Option::unwrap_or_default).collect();
        }
        let key = spec.key.is_some().then(|| keys.remove(0));
        let fallback = if key.is_some() { keys } else { Vec::new() };
        self.cache_key = Some((key.clone(), fallback.clone()));
        let (source, home) = (self.request.source.clone(), self.places.home_here.clone());
        let restored = blocking(move || {
            std::fs::create_dir_all(&folder)?;
            let cache = Cache {
                folder: &folder,
                source: &source,
                home: &home,
            };
            cache.restore(&spec, key.as_deref(), &fallback)
        })
        .await;
        match restored {
            Ok(said) => self.log.say(&format!("Cache: {said}")),
            Err(error) => self.log.say(&format!("Note: cache: {error}")),
        }
        Ok(())
    }

    async fn save(&mut self) -> Step<()> {
        let (Some(folder), Some(spec)) = (self.caches(), self.spec.cache.clone()) else {
            return Ok(());
        };
        let Some((key, _)) = self.cache_key.clone() else {
            return Ok(());
        };
        let (source, home) = (self.request.source.clone(), self.places.home_here.clone());
        let saved = blocking(move || {
            let cache = Cache {
                folder: &folder,
                source: &source,
                home: &home,
            };
            cache.save(&spec, key.as_deref())
        })
        .await;
        match saved {
            Ok(said) => said
                .iter()
                .for_each(|line| self.log.say(&format!("Cache: {line}"))),
            Err(error) => self.log.say(&format!("Note: cache: {error}")),
        }
        Ok(())
    }

    // ---- the end

    async fn end_session(&mut self, at_once: bool) -> Step<()> {
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

/// Whether a shell takes it for the name of a variable.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Work that waits for the disk, aside.
async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<io::Error> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(E::from(io::Error::other(error))),
    }
}
