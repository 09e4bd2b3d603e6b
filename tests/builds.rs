//! Builds in the sandbox: a table of what CodeBuild does, a file a row, each with the page it follows; and what no
//! table holds: processes, bounds, secrets.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use pipectl::execution::build::{BuildStatus, PhaseType};
use pipectl::sandbox::archive;
use pipectl::sandbox::build::{
    self, Batch, Event, Executor, Facts, Limits, Outcome, Overrides, Request, Resolver, StopSignal,
    Stopper, Variable, What,
};
use pipectl::tree::{Secret, SecretReference, SecretService};
use serde::Deserialize;
use serde_json::{Value, json};

/// A row of the table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// The page of AWS that says so.
    doc: String,
    /// What it says, in our words.
    #[allow(dead_code, reason = "for whoever reads the row")]
    what: String,
    #[serde(default)]
    buildspec: Option<String>,
    /// Files of the source.
    #[serde(default)]
    source: BTreeMap<String, String>,
    #[serde(default)]
    secondary_sources: BTreeMap<String, BTreeMap<String, String>>,
    /// Members of the project.
    #[serde(default)]
    project: BTreeMap<String, Value>,
    /// What the start of the build gives.
    #[serde(default)]
    variables: Vec<Value>,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    #[serde(default)]
    secrets: BTreeMap<String, String>,
    /// Builds of the same project before this one, whose cache it has.
    #[serde(default)]
    before: u32,
    #[serde(default)]
    batch: Option<bool>,
    expect: Expected,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    status: String,
    /// `PHASE STATUS` from DOWNLOAD_SOURCE on, without COMPLETED.
    #[serde(default)]
    phases: Option<Vec<String>>,
    /// Everything commands wrote.
    #[serde(default)]
    output: Option<Vec<String>>,
    /// What stands in lines of ours.
    #[serde(default)]
    log: Vec<String>,
    /// What stands nowhere in the log.
    #[serde(default)]
    never: Vec<String>,
    #[serde(default)]
    exported: BTreeMap<String, String>,
    /// The files in each artifact; the primary one is ``.
    #[serde(default)]
    artifacts: BTreeMap<String, Vec<String>>,
    /// `CODE message` of the phase that failed.
    #[serde(default)]
    context: Option<String>,
    /// `command exit code`.
    #[serde(default)]
    command: Option<String>,
    /// `name STATUS`.
    #[serde(default)]
    reports: Vec<String>,
    /// `identifier STATUS`.
    #[serde(default)]
    builds: Vec<String>,
}

/// Parameters and secrets of a row.
struct Store {
    parameters: BTreeMap<String, String>,
    secrets: BTreeMap<String, String>,
}

fn secret(service: SecretService, name: &str, value: &str) -> Secret {
    let reference = SecretReference {
        service,
        name: name.to_owned(),
        key: None,
        region: "eu-west-1".to_owned(),
        fingerprint: "1".to_owned(),
    };
    Secret::new(value, reference)
}

#[async_trait]
impl Resolver for Store {
    async fn parameter(&self, name: &str) -> Result<Option<Secret>, String> {
        let found = self.parameters.get(name);
        Ok(found.map(|value| secret(SecretService::ParameterStore, name, value)))
    }

    async fn secret(
        &self,
        id: &str,
        stage: Option<&str>,
        version: Option<&str>,
    ) -> Result<Option<Secret>, String> {
        let mut name = id.to_owned();
        for part in [stage, version].into_iter().flatten() {
            name += &format!("@{part}");
        }
        let found = self.secrets.get(&name);
        Ok(found.map(|value| secret(SecretService::SecretsManager, id, value)))
    }
}

/// A build in a folder of its own.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A request with the source in `source` and the build in `build`.
    fn request(&self, buildspec: Option<&str>) -> Request {
        fs::create_dir_all(self.path("source")).unwrap();
        Request {
            build_id: "website:7f6c1a60-0000-4000-8000-000000000001".to_owned(),
            build_number: 7,
            project: json!({
                "name": "website",
                "source": {"type": "CODEPIPELINE"},
                "artifacts": {"type": "CODEPIPELINE"},
                "environment": {
                    "type": "LINUX_CONTAINER",
                    "image": "aws/codebuild/standard:7.0",
                    "computeType": "BUILD_GENERAL1_SMALL",
                },
                "timeoutInMinutes": 5,
            }),
            overrides: Overrides {
                variables: Vec::new(),
                buildspec: buildspec.map(str::to_owned),
            },
            source: self.path("source"),
            secondary_sources: BTreeMap::new(),
            facts: Facts {
                partition: "aws".to_owned(),
                region: "eu-west-1".to_owned(),
                account: "123456789012".to_owned(),
                initiator: "codepipeline/website".to_owned(),
                resolved_source_version: Some("0123abcd".to_owned()),
                source_version: None,
                source_repo_url: None,
            },
            folder: self.path("build"),
            cache: Some(self.path("cache")),
            passed: BTreeMap::new(),
            executor: Executor::Host,
            limits: Limits {
                grace: Duration::from_millis(300),
                ..Limits::default()
            },
            batch: None,
            task: None,
            program: Some(PathBuf::from(env!("CARGO_BIN_EXE_pipectl"))),
        }
    }
}

/// Runs to the end; the lines of the log as they came.
fn ran(request: Request, store: &Store, stop: StopSignal) -> (Outcome, Vec<String>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&lines);
    let sink = move |event: Event| {
        if let What::Line(line) = event.what {
            kept.lock().unwrap().push(line);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let outcome = runtime.block_on(build::run(request, store, &sink, stop));
    drop(runtime);
    let lines = lines.lock().unwrap().clone();
    (outcome, lines)
}

/// Whether processes with this word among their variables are there.
fn living(mark: &str) -> Vec<String> {
    let word = format!("MARK={mark}");
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let read = |file: &str| fs::read(entry.path().join(file)).unwrap_or_default();
        let mut variables = read("environ")
            .split(|byte| *byte == 0)
            .map(<[u8]>::to_vec)
            .collect::<Vec<_>>();
        variables.retain(|variable| variable == word.as_bytes());
        if !variables.is_empty() {
            let command = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
            found.push(format!("{} {command}", entry.file_name().to_string_lossy()));
        }
    }
    found
}

/// Waits for the processes to be gone.
fn gone(mark: &str, most: Duration) {
    let begun = Instant::now();
    loop {
        let found = living(mark);
        if found.is_empty() {
            return;
        }
        assert!(begun.elapsed() < most, "still there: {found:#?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits for a file.
fn appears(path: &Path) {
    let begun = Instant::now();
    while !path.exists() {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{} does not come",
            path.display()
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A request whose commands are these, and whose processes carry the mark.
fn marked(place: &Place, mark: &str, commands: &[&str]) -> Request {
    let spec = json!({"version": "0.2", "phases": {"build": {"commands": commands}}});
    let mut request = place.request(Some(&spec.to_string()));
    let variable = json!({"name": "MARK", "value": mark});
    request.overrides.variables = Variable::of(&variable).into_iter().collect();
    request
}

fn mark(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

/// Processes that do everything not to be found: sessions of their own, no parent, no ear for signals.
const DAEMONS: &str = "(trap '' TERM HUP INT; setsid sh -c 'trap \"\" TERM HUP INT; while :; do sleep 0.1; done' &) & \
     setsid setsid sleep 1000 & (cd /; exec setsid sh -c '(sleep 1001 >/dev/null 2>&1 </dev/null &)') & sleep 0.3";

fn simple(request: Request) -> (Outcome, Vec<String>) {
    let store = Store {
        parameters: BTreeMap::new(),
        secrets: BTreeMap::new(),
    };
    ran(request, &store, Stopper::new().1)
}

/// A line of ours without its time.
fn plain(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("[Container] ")?;
    rest.splitn(3, ' ').nth(2)
}

fn written(lines: &[String]) -> Vec<&str> {
    let own = lines.iter().filter(|line| plain(line).is_none());
    own.map(String::as_str).collect()
}

fn phases(outcome: &Outcome) -> Vec<String> {
    let phases = outcome.build.phases.iter();
    phases
        .filter(|phase| {
            (PhaseType::DownloadSource..PhaseType::Completed).contains(&phase.phase_type)
        })
        .map(|phase| {
            let status = phase.phase_status.unwrap();
            format!("{} {}", phase.phase_type.as_str(), status.as_str())
        })
        .collect()
}

fn names(zip: &Path) -> Vec<String> {
    let out = tempfile::tempdir().unwrap();
    archive::unpack(zip, out.path()).unwrap();
    let files = archive::files_below(out.path(), &[], archive::Links::Keep).unwrap();
    files.into_keys().collect()
}

fn check(name: &str, row: &Row) -> Result<(), String> {
    let place = Place::new();
    let store = Store {
        parameters: row.parameters.clone(),
        secrets: row.secrets.clone(),
    };
    let mut last = None;
    for _ in 0..=row.before {
        for folder in ["source", "build"] {
            let _ = fs::remove_dir_all(place.path(folder));
        }
        for (file, text) in &row.source {
            place.write(&format!("source/{file}"), text);
        }
        let mut request = place.request(row.buildspec.as_deref());
        for (key, value) in &row.project {
            match (request.project.get_mut(key), value) {
                (Some(Value::Object(old)), Value::Object(new)) => old.extend(new.clone()),
                _ => request.project[key] = value.clone(),
            }
        }
        for (identifier, files) in &row.secondary_sources {
            for (file, text) in files {
                place.write(&format!("{identifier}/{file}"), text);
            }
            request
                .secondary_sources
                .insert(identifier.clone(), place.path(identifier));
        }
        request.overrides.variables = row.variables.iter().filter_map(Variable::of).collect();
        request.batch = row
            .batch
            .map(|combine_artifacts| Batch { combine_artifacts });
        last = Some(ran(request, &store, Stopper::new().1));
    }
    let (outcome, lines) = last.unwrap();
    let mut wrong = Vec::new();
    let mut same = |what: &str, found: String, expected: String| {
        if found != expected {
            wrong.push(format!("  {what}: {found}\n    expected: {expected}"));
        }
    };
    let expect = &row.expect;
    same(
        "status",
        outcome.build.build_status.as_str().to_owned(),
        expect.status.clone(),
    );
    if let Some(expected) = &expect.phases {
        same("phases", phases(&outcome).join(", "), expected.join(", "));
    }
    if let Some(output) = &expect.output {
        let source = place.path("source");
        let output: Vec<_> = output
            .iter()
            .map(|line| line.replace("$SOURCE", source.to_str().unwrap()))
            .collect();
        same("output", written(&lines).join("\n"), output.join("\n"));
    }
    let own: Vec<&str> = lines.iter().filter_map(|line| plain(line)).collect();
    for text in &expect.log {
        if !own.iter().any(|line| line.contains(text.as_str())) {
            same("log", "…".to_owned(), text.clone());
        }
    }
    let file = fs::read_to_string(&outcome.log).unwrap_or_default();
    for text in &expect.never {
        if file.contains(text.as_str()) || lines.iter().any(|line| line.contains(text.as_str())) {
            same("never", text.clone(), "not in the log".to_owned());
        }
    }
    let exported: BTreeMap<_, _> = outcome
        .build
        .exported_environment_variables
        .iter()
        .map(|variable| (variable.name.clone(), variable.value.clone()))
        .collect();
    same(
        "exported",
        format!("{exported:?}"),
        format!("{:?}", expect.exported),
    );
    let mut artifacts: BTreeMap<String, Vec<String>> = outcome
        .secondary_artifacts
        .iter()
        .map(|(name, path)| (name.clone(), names(path)))
        .collect();
    if let Some(path) = &outcome.artifact {
        artifacts.insert(String::new(), names(path));
    }
    same(
        "artifacts",
        format!("{artifacts:?}"),
        format!("{:?}", expect.artifacts),
    );
    let failure = outcome.failure.as_ref();
    if let Some(context) = &expect.context {
        let found = failure.map_or_else(String::new, |failure| {
            format!(
                "{} {}",
                failure.context.status_code, failure.context.message
            )
        });
        if !found.starts_with(context.as_str()) {
            same("context", found, context.clone());
        }
    }
    let command = failure.and_then(|failure| {
        Some(format!(
            "{} {}",
            failure.command.as_ref()?,
            failure.exit_code?
        ))
    });
    same(
        "command",
        format!("{command:?}"),
        format!("{:?}", expect.command),
    );
    let reports: Vec<_> = outcome
        .reports
        .iter()
        .map(|report| {
            let status = serde_json::to_value(report.status).unwrap();
            format!("{} {}", report.name, status.as_str().unwrap())
        })
        .collect();
    same("reports", reports.join(", "), expect.reports.join(", "));
    let builds: Vec<_> = outcome
        .builds
        .iter()
        .map(|(name, one)| format!("{name} {}", one.build.build_status.as_str()))
        .collect();
    same("builds", builds.join(", "), expect.builds.join(", "));
    same(
        "doc",
        row.doc.starts_with("docs.aws.amazon.com/").to_string(),
        "true".to_owned(),
    );
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(format!("{name}:\n{}\n{}", wrong.join("\n"), file))
    }
}

#[test]
fn builds_do_what_codebuild_does() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/builds");
    let mut rows: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    rows.sort();
    assert!(rows.len() > 30, "the table of builds is not there");
    let only = std::env::var("ROW").ok();
    let failures: Vec<String> = rows
        .iter()
        .filter(|path| {
            only.as_ref()
                .is_none_or(|only| path.to_string_lossy().contains(only))
        })
        .filter_map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let text = fs::read_to_string(path).unwrap();
            let row = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            check(&name, &row).err()
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
#[cfg(target_os = "linux")]
fn what_a_build_leaves_running_is_ended_with_it() {
    let place = Place::new();
    let mark = mark("daemons");
    let request = marked(&place, &mark, &[DAEMONS, "echo done"]);
    let (outcome, lines) = simple(request);
    assert_eq!(
        outcome.build.build_status,
        BuildStatus::Succeeded,
        "{lines:#?}"
    );
    assert_eq!(written(&lines), ["done"]);
    assert_eq!(living(&mark), Vec::<String>::new());
}

#[test]
#[cfg(target_os = "linux")]
fn a_build_that_is_stopped_or_too_slow_ends_though_it_does_not_want_to() {
    for stopped in [true, false] {
        let place = Place::new();
        let mark = mark(if stopped { "stopped" } else { "slow" });
        let stubborn = "trap '' TERM HUP INT; touch started; while :; do sleep 0.1; done";
        let mut request = marked(&place, &mark, &[DAEMONS, stubborn]);
        let (stopper, signal) = Stopper::new();
        let started = place.path("source/started");
        if !stopped {
            request.limits.timeout = Some(Duration::from_secs(2));
        }
        let waiter = std::thread::spawn(move || {
            appears(&started);
            let begun = Instant::now();
            if stopped {
                stopper.stop();
            }
            (begun, stopper)
        });
        let store = Store {
            parameters: BTreeMap::new(),
            secrets: BTreeMap::new(),
        };
        let (outcome, lines) = ran(request, &store, signal);
        let (begun, _stopper) = waiter.join().unwrap();
        assert!(begun.elapsed() < Duration::from_secs(10));
        let (status, code) = if stopped {
            (BuildStatus::Stopped, "STOPPED")
        } else {
            (BuildStatus::TimedOut, "BUILD_TIMED_OUT")
        };
        assert_eq!(outcome.build.build_status, status, "{lines:#?}");
        let failure = outcome.failure.as_ref().unwrap();
        assert_eq!(failure.phase, PhaseType::Build);
        assert_eq!(failure.context.status_code, code);
        assert_eq!(failure.command.as_deref(), Some(stubborn));
        assert!(phases(&outcome).contains(&format!("BUILD {}", status.as_str())));
        assert_eq!(living(&mark), Vec::<String>::new());
    }
}

#[test]
#[cfg(target_os = "linux")]
fn dropping_a_build_ends_it() {
    let place = Place::new();
    let mark = mark("dropped");
    let request = marked(&place, &mark, &[DAEMONS, "touch started; sleep 1000"]);
    let started = place.path("source/started");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = Store {
            parameters: BTreeMap::new(),
            secrets: BTreeMap::new(),
        };
        let sink = |_: Event| {};
        let building = build::run(request, &store, &sink, Stopper::new().1);
        let waiting = tokio::task::spawn_blocking(move || appears(&started));
        tokio::select! {
            _ = building => panic!("it ended by itself"),
            waited = waiting => waited.unwrap(),
        }
    });
    gone(&mark, Duration::from_secs(10));
}

/// Starts this one test again in a process of its own; `None` inside of it.
fn alone(test: &str, folder: &Path) -> Option<std::process::Child> {
    if std::env::var_os("PIPECTL_TEST_FOLDER").is_some() {
        return None;
    }
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env("PIPECTL_TEST_FOLDER", folder)
        .env_remove("MARK")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    Some(child)
}

#[test]
#[cfg(target_os = "linux")]
fn killing_pipectl_without_warning_leaves_no_orphan() {
    const NAME: &str = "builds::killing_pipectl_without_warning_leaves_no_orphan";
    let place = Place::new();
    let mark = "killed-by-nine".to_owned() + &place.path("x").to_string_lossy();
    let Some(mut child) = alone(NAME, place.folder.path()) else {
        let folder = PathBuf::from(std::env::var("PIPECTL_TEST_FOLDER").unwrap());
        let mark = "killed-by-nine".to_owned() + &folder.join("x").to_string_lossy();
        let mut request = marked(&place, &mark, &[DAEMONS, "touch started; sleep 1000"]);
        request.source = folder.join("source");
        request.folder = folder.join("build");
        fs::create_dir_all(&request.source).unwrap();
        simple(request);
        return;
    };
    appears(&place.path("source/started"));
    assert!(living(&mark).len() >= 4, "{:?}", living(&mark));
    // SIGKILL
    child.kill().unwrap();
    child.wait().unwrap();
    gone(&mark, Duration::from_secs(10));
}

#[test]
#[cfg(target_os = "linux")]
fn a_build_that_writes_without_end_takes_little_room() {
    const NAME: &str = "builds::a_build_that_writes_without_end_takes_little_room";
    const MEBIBYTES: u64 = 60;
    let place = Place::new();
    let Some(mut child) = alone(NAME, place.folder.path()) else {
        let folder = PathBuf::from(std::env::var("PIPECTL_TEST_FOLDER").unwrap());
        let lines = format!(
            "yes 'a line like many others' | head -c {}",
            (MEBIBYTES / 2) << 20
        );
        let one_line = format!("head -c {} /dev/zero | tr '\\0' x", (MEBIBYTES / 2) << 20);
        let mut request = marked(&place, "much", &[&lines, &one_line, "echo; echo the end"]);
        request.source = folder.join("source");
        request.folder = folder.join("build");
        request.limits.log_head = 1 << 20;
        request.limits.log_tail = 1 << 20;
        fs::create_dir_all(&request.source).unwrap();
        let store = Store {
            parameters: BTreeMap::new(),
            secrets: BTreeMap::new(),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let sink = |_: Event| {};
        let outcome = runtime.block_on(build::run(request, &store, &sink, Stopper::new().1));
        let memory = fs::read_to_string("/proc/self/status").unwrap();
        let peak = memory
            .lines()
            .find(|line| line.starts_with("VmHWM"))
            .unwrap();
        let status = outcome.build.build_status.as_str();
        fs::write(folder.join("told"), format!("{status} {peak}")).unwrap();
        return;
    };
    assert!(child.wait().unwrap().success());
    let told = fs::read_to_string(place.path("told")).unwrap();
    assert!(told.starts_with("SUCCEEDED"), "{told}");
    let peak: u64 = told.split_whitespace().nth(2).unwrap().parse().unwrap();
    assert!(peak < 100 << 10, "{peak} KiB at its peak");
    let log = fs::read_to_string(place.path("build/build.log")).unwrap();
    assert!(log.len() < 3 << 20, "{}", log.len());
    assert!(log.starts_with("[Container]") && log.contains("bytes are left out here"));
    assert!(log.contains("\nthe end\n"));
}

#[test]
fn a_build_sees_what_it_is_given_and_no_more() {
    let place = Place::new();
    let mut request = marked(
        &place,
        "x",
        &[
            "env | cut -d= -f1 | grep -v '^_$' | sort",
            "ls -A \"$HOME\"",
            "aws=$AWS_CONFIG_FILE; [ -e \"$aws\" ] && [ ! -s \"$aws\" ] && echo empty",
        ],
    );
    request
        .passed
        .insert("PASSED".to_owned(), "on purpose".to_owned());
    let (outcome, lines) = simple(request);
    assert_eq!(outcome.build.build_status, BuildStatus::Succeeded);
    let mut expected = vec![
        "AWS_CONFIG_FILE",
        "AWS_DEFAULT_REGION",
        "AWS_EC2_METADATA_DISABLED",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "AWS_ENDPOINT_URL",
        "AWS_REGION",
        "AWS_SHARED_CREDENTIALS_FILE",
        "CODEBUILD_BUILD_ARN",
        "CODEBUILD_BUILD_ID",
        "CODEBUILD_BUILD_IMAGE",
        "CODEBUILD_BUILD_NUMBER",
        "CODEBUILD_BUILD_SUCCEEDING",
        "CODEBUILD_INITIATOR",
        "CODEBUILD_LOG_PATH",
        "CODEBUILD_RESOLVED_SOURCE_VERSION",
        "CODEBUILD_SOURCE_REPO_URL",
        "CODEBUILD_SRC_DIR",
        "CODEBUILD_START_TIME",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_NOSYSTEM",
        "GIT_SSH_COMMAND",
        "GIT_TERMINAL_PROMPT",
        "HOME",
        "MARK",
        "PASSED",
        "PATH",
        "PWD",
        "TMPDIR",
    ];
    expected.push("empty");
    let mut found = written(&lines);
    // What shells set by themselves.
    found.retain(|name| !matches!(*name, "OLDPWD" | "SHLVL"));
    assert_eq!(found, expected);
    assert!(
        !place.path("build/state").exists(),
        "what the shell left is still there"
    );
}

#[test]
#[cfg(unix)]
fn a_container_is_started_with_the_image_and_taken_down() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    // It writes down what it is asked for, and runs the shell here with the folders of the container in their place.
    place.write(
        "docker",
        "#!/bin/sh\nprintf '%s\\n' \"$*\" >> \"$(dirname \"$0\")/calls\"\n[ \"$1\" = run ] || exit 0\nfor a; do case $a in\n\
         *:/codebuild/output/state) state=${a%%:*};;\n*:/codebuild/output/src/src) src=${a%%:*};;\nesac; done\n\
         sed -i \"s|/codebuild/output/state|$state|g; s|/codebuild/output/src/src|$src|g\" \"$state/driver\"\nexec sh \"$state/driver\"\n",
    );
    let program = place.path("docker");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut request = marked(
        &place,
        "x",
        &[
            "echo \"$CODEBUILD_SRC_DIR $MARK\"",
            "echo made > out.txt",
            "exit 3",
        ],
    );
    request.project["environment"]["privilegedMode"] = json!(true);
    let secret = json!({"name": "S", "value": "hidden value"});
    request.overrides.variables.extend(Variable::of(&secret));
    request.executor = Executor::Container(build::ContainerTool {
        name: "docker".to_owned(),
        program,
    });
    let (outcome, lines) = simple(request);
    assert_eq!(
        written(&lines),
        ["/codebuild/output/src/src x"],
        "{lines:#?}"
    );
    assert_eq!(outcome.failure.unwrap().exit_code, Some(3));
    assert!(place.path("source/out.txt").exists());
    let calls = fs::read_to_string(place.path("calls")).unwrap();
    let calls: Vec<&str> = calls.lines().collect();
    let root = place.folder.path().to_string_lossy();
    let name = "pipectl-7f6c1a60-0000-4000-8000-000000000001";
    assert_eq!(
        calls,
        [
            format!(
                "run --rm --interactive --name {name} --init --privileged --volume {root}/source:/codebuild/output/src/src \
                 --volume {root}/build/state:/codebuild/output/state --workdir /codebuild/output/src/src --entrypoint  \
                 aws/codebuild/standard:7.0 sh /codebuild/output/state/driver"
            ),
            format!("rm --force {name}"),
        ]
    );
}

#[test]
fn a_supervisor_that_is_not_there_is_a_fault() {
    let place = Place::new();
    let mut request = marked(&place, "x", &["true"]);
    request.program = Some(place.path("nothing"));
    let (outcome, _) = simple(request);
    assert_eq!(outcome.build.build_status, BuildStatus::Fault);
    assert_eq!(
        outcome.failure.unwrap().context.status_code,
        "INTERNAL_ERROR"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_supervisor_that_is_killed_is_a_fault_and_not_waited_for() {
    let place = Place::new();
    let mark = mark("keeper");
    // The shell's parent is the supervisor.
    let request = marked(&place, &mark, &["kill -9 $PPID; sleep 1000"]);
    let begun = Instant::now();
    let (outcome, lines) = simple(request);
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(outcome.build.build_status, BuildStatus::Fault, "{lines:#?}");
    gone(&mark, Duration::from_secs(10));
}

#[test]
fn secrets_stay_out_of_everything_that_is_left() {
    let place = Place::new();
    let spec = "version: 0.2\nenv: {secrets-manager: {S: s}}\nphases: {build: {commands: ['echo \"$S\"', 'echo x$S; false']}}";
    let request = place.request(Some(spec));
    let store = Store {
        parameters: BTreeMap::new(),
        secrets: BTreeMap::from([("s".to_owned(), "swordfish".to_owned())]),
    };
    let (outcome, lines) = ran(request, &store, Stopper::new().1);
    assert_eq!(written(&lines), ["***", "x***"]);
    assert!(!format!("{outcome:?}").contains("swordfish"));
    assert_eq!(outcome.failure.unwrap().last_lines, ["x***"]);
    for path in archive::files_below(place.folder.path(), &[], archive::Links::Keep)
        .unwrap()
        .values()
    {
        let bytes = fs::read(path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("swordfish"), "{}", path.display());
    }
}

#[test]
fn an_empty_build_takes_no_time() {
    let place = Place::new();
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let _ = fs::remove_dir_all(place.path("build"));
        let request = marked(&place, "x", &["true"]);
        let begun = Instant::now();
        let (outcome, _) = simple(request);
        best = best.min(begun.elapsed());
        assert_eq!(outcome.build.build_status, BuildStatus::Succeeded);
    }
    assert!(best < Duration::from_millis(400), "{best:?}");
}
