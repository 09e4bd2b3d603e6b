//! What no table of builds holds: processes, bounds, secrets.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pipectl::execution::build::{BuildStatus, PhaseType};
use pipectl::sandbox::archive;
use pipectl::sandbox::build::{self, Event, Executor, Request, Stopper, Variable};
use serde_json::json;

use crate::support::building::{Place, Store, phases, ran, simple, written};

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
        let store = Store::default();
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
        let store = Store::default();
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
    const NAME: &str = "builds_processes::killing_pipectl_without_warning_leaves_no_orphan";
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
    const NAME: &str = "builds_processes::a_build_that_writes_without_end_takes_little_room";
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
        let store = Store::default();
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
            // Which toolchains there are is a matter of the machine.
            "env | cut -d= -f1 | grep -Ev '^(_|RUSTUP_HOME|PYENV_ROOT|RBENV_ROOT|ASDF_DATA_DIR)$' | sort",
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

/// A program that writes down what it is asked for, and runs the shell here with the folders of the container in their
/// place.
#[cfg(unix)]
const CONTAINERS: &str = r#"#!/bin/sh
here=$(dirname "$0")
printf '%s\n' "$*" >> "$here/calls"
case $1 in
container) [ -e "$here/made" ] ;;
run)
    touch "$here/made"
    for a; do
        case $a in
        *:/codebuild/output/state) echo "${a%%:*}" > "$here/state" ;;
        *:/codebuild/output/src/src) echo "${a%%:*}" > "$here/src" ;;
        esac
    done ;;
exec)
    state=$(cat "$here/state") src=$(cat "$here/src")
    sed -i "s|/codebuild/output/state|$state|g; s|/codebuild/output/src/src|$src|g" "$state/driver"
    exec sh "$state/driver" ;;
esac
"#;

#[cfg(unix)]
fn containers(place: &Place) -> Executor {
    use std::os::unix::fs::PermissionsExt;
    place.write("docker", CONTAINERS);
    let program = place.path("docker");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    Executor::Container(build::ContainerTool {
        name: "docker".to_owned(),
        program,
    })
}

#[cfg(unix)]
fn calls(place: &Place) -> Vec<String> {
    let calls = fs::read_to_string(place.path("calls")).unwrap();
    calls.lines().map(ToOwned::to_owned).collect()
}

#[test]
#[cfg(unix)]
fn a_container_is_started_with_the_image_and_taken_down() {
    let place = Place::new();
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
    request.executor = containers(&place);
    let (outcome, lines) = simple(request);
    assert_eq!(
        written(&lines),
        ["/codebuild/output/src/src x"],
        "{lines:#?}"
    );
    assert_eq!(outcome.failure.unwrap().exit_code, Some(3));
    assert!(place.path("source/out.txt").exists());
    let root = place.folder.path().to_string_lossy();
    let name = "pipectl-7f6c1a60-0000-4000-8000-000000000001";
    assert_eq!(
        calls(&place),
        [
            format!("container inspect {name}"),
            format!(
                "run --detach --rm --name {name} --privileged --volume {root}/source:/codebuild/output/src/src \
                 --volume {root}/build/state:/codebuild/output/state --workdir /codebuild/output/src/src --entrypoint  \
                 aws/codebuild/standard:7.0 sh -c trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"
            ),
            format!(
                "exec --interactive --workdir /codebuild/output/src/src {name} sh /codebuild/output/state/driver"
            ),
            format!("rm --force {name}"),
        ]
    );
}

#[test]
#[cfg(unix)]
fn a_phase_runs_as_its_user_in_the_same_container() {
    let place = Place::new();
    let spec = json!({"version": "0.2", "run-as": "maker", "phases": {
        "install": {"run-as": "root", "commands": ["export KEPT=yes; cd /"]},
        "pre_build": {"commands": ["echo \"$KEPT $PWD\""]},
        "build": {"commands": ["echo again"]},
    }, "cache": {"paths": ["/root/.m2/**/*", "/opt/tools", "vendor/**/*"]}});
    let mut request = place.request(Some(&spec.to_string()));
    request.project["cache"] = json!({"type": "S3", "location": "b/k"});
    request.cache = Some(place.path("cache"));
    request.executor = containers(&place);
    let (outcome, lines) = simple(request);
    assert_eq!(
        outcome.build.build_status,
        BuildStatus::Succeeded,
        "{lines:#?}"
    );
    assert_eq!(written(&lines), ["yes /", "again"]);
    let calls = calls(&place);
    let begun: Vec<&str> = calls
        .iter()
        .filter_map(|call| call.split(" pipectl-").next())
        .collect();
    assert_eq!(
        begun,
        [
            "container inspect",
            "run --detach --rm --name",
            "exec --interactive --user root --workdir /codebuild/output/src/src",
            "container inspect",
            "exec --interactive --user maker --workdir /codebuild/output/src/src",
            "rm --force",
        ]
    );
    let root = place.folder.path().to_string_lossy();
    for mount in [
        format!("{root}/build/home/.m2:/root/.m2"),
        format!("{root}/build/outside/opt/tools:/opt/tools"),
    ] {
        assert!(
            calls[1].contains(&format!("--volume {mount} ")),
            "{}",
            calls[1]
        );
    }
    assert!(!calls[1].contains("vendor"), "{}", calls[1]);
}

/// An image with a shell and little else, made for this test. Nothing where no tool is there that runs containers; that is
/// said.
#[cfg(target_os = "linux")]
#[allow(clippy::print_stdout, reason = "a test says that it is skipped")]
fn real_image() -> Option<(build::ContainerTool, String)> {
    use std::process::Command;
    let skipped = |why: &str| println!("skipped: no container is run for real: {why}");
    let Some(tool) = build::find_container_tool(None) else {
        skipped("neither docker nor podman is here");
        return None;
    };
    let busybox = Path::new("/bin/busybox");
    if !busybox.exists() {
        skipped("there is no /bin/busybox to make an image of");
        return None;
    }
    let root = tempfile::tempdir().unwrap();
    for folder in ["bin", "etc", "root", "tmp", "home/me"] {
        fs::create_dir_all(root.path().join(folder)).unwrap();
    }
    fs::copy(busybox, root.path().join("bin/busybox")).unwrap();
    for applet in ["sh", "cat", "id", "mkdir", "rm", "sleep", "touch", "test"] {
        std::os::unix::fs::symlink("busybox", root.path().join("bin").join(applet)).unwrap();
    }
    let users = "root:x:0:0:root:/root:/bin/sh\nme:x:1000:1000:me:/home/me:/bin/sh\n";
    fs::write(root.path().join("etc/passwd"), users).unwrap();
    let image = "localhost/pipectl-test:1".to_owned();
    let archive = root.path().with_extension("tar");
    let done = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    let packed = done(
        Command::new("tar")
            .arg("cf")
            .arg(&archive)
            .arg("-C")
            .arg(root.path())
            .arg("."),
    );
    let made = packed
        && done(
            Command::new(&tool.program)
                .arg("import")
                .arg(&archive)
                .arg(&image),
        );
    let _ = fs::remove_file(&archive);
    let runs = made
        && done(
            Command::new(&tool.program).args(["run", "--rm", &image, "/bin/sh", "-c", "exit 0"]),
        );
    if !runs {
        skipped(&format!("{} does not run containers here", tool.name));
        return None;
    }
    Some((tool, image))
}

#[test]
#[cfg(target_os = "linux")]
fn a_real_container_keeps_what_is_done_in_it_until_the_build_ends() {
    let Some((tool, image)) = real_image() else {
        return;
    };
    let place = Place::new();
    let spec = json!({"version": "0.2", "phases": {
        "install": {"commands": ["touch /installed; export KEPT=yes; test ! -e /root/.m2/jar; touch /root/.m2/jar"]},
        "pre_build": {"run-as": "me", "commands": ["echo \"$(id -un) $HOME $KEPT\"; test -e /installed; export MINE=1; cat file.txt"]},
        "build": {"commands": ["echo \"$(id -un) $HOME $MINE\"; echo made > out.txt; (sleep 1000 &)"]},
    }, "artifacts": {"files": ["out.txt"]}, "cache": {"paths": ["/root/.m2/**/*"]}});
    place.write("source/file.txt", "from the source\n");
    let request = |spec: &str| {
        let mut request = place.request(Some(spec));
        request.project["environment"]["image"] = json!(image);
        request.project["cache"] = json!({"type": "S3", "location": "b/k"});
        request.cache = Some(place.path("cache"));
        request.executor = Executor::Container(tool.clone());
        request
    };
    let (outcome, lines) = simple(request(&spec.to_string()));
    assert_eq!(
        outcome.build.build_status,
        BuildStatus::Succeeded,
        "{lines:#?}"
    );
    assert_eq!(
        written(&lines),
        ["me /home/me yes", "from the source", "root /root 1"],
        "{lines:#?}"
    );
    assert!(outcome.artifact.is_some());
    let name = "pipectl-7f6c1a60-0000-4000-8000-000000000001";
    let gone = || {
        let inspect = std::process::Command::new(&tool.program)
            .args(["container", "inspect", name])
            .output();
        !inspect.unwrap().status.success()
    };
    assert!(gone());
    // The next build finds the cache, and one that does not want to end is ended.
    let spec = json!({"version": "0.2", "phases": {"build": {"commands": [
        "test -e /root/.m2/jar && echo cached", "trap '' TERM; while :; do sleep 1; done",
    ]}}, "cache": {"paths": ["/root/.m2/**/*"]}});
    let _ = fs::remove_dir_all(place.path("build"));
    let mut slow = request(&spec.to_string());
    slow.limits.timeout = Some(Duration::from_secs(5));
    let (outcome, lines) = simple(slow);
    assert_eq!(written(&lines), ["cached"], "{lines:#?}");
    assert_eq!(outcome.build.build_status, BuildStatus::TimedOut);
    assert!(gone());
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
    for path in archive::entries_below(place.folder.path(), &[], archive::Links::Keep)
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
