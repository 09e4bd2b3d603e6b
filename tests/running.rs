//! The examples run to their ends in the sandbox, as somebody would run them: `apply`, `run`, and an answer from another
//! process where a person is asked.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::examples::{Ran, copy, pipectl};

/// A repository with an example in it.
struct Repository {
    folder: tempfile::TempDir,
}

/// Ends a process that a failing test leaves.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Repository {
    /// A copy of the example, committed to these branches.
    fn of(example: &str, branches: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let from: PathBuf = [env!("CARGO_MANIFEST_DIR"), "examples", example]
            .iter()
            .collect();
        copy(&from, folder.path());
        let repository = Self { folder };
        repository.write(
            ".gitignore",
            ".pipectl/\n.local/\n__pycache__/\nout/\nreports/\n",
        );
        repository.git(&["init", "-q", "-b", branches[0], "."]);
        repository.commit("The first version");
        for branch in &branches[1..] {
            repository.git(&["branch", branch]);
        }
        repository
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Puts one text in another one's place.
    fn replace(&self, name: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.path().join(name)).unwrap();
        assert!(text.contains(old), "{name} has no `{old}`");
        self.write(name, &text.replace(old, new));
    }

    fn git(&self, arguments: &[&str]) {
        let done = Command::new("git")
            .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"])
            .args(arguments)
            .current_dir(self.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "."]);
        self.git(&["commit", "-qm", message]);
    }

    fn sandbox(&self, pipeline: Option<&str>, arguments: &[&str]) -> Ran {
        let mut all = arguments.to_vec();
        all.push("--sandbox");
        if let Some(pipeline) = pipeline {
            all.extend(["--pipeline", pipeline]);
        }
        pipectl(self.path(), &all)
    }

    fn apply(&self) {
        let ran = self.sandbox(None, &["apply", "--yes", "--no-run"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }

    fn start(&self, pipeline: Option<&str>) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pipectl"));
        command
            .args(["run", "--sandbox", "--trust", "--timeout", "600s"])
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.path())
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(pipeline) = pipeline {
            command.args(["--pipeline", pipeline]);
        }
        Running(command.spawn().unwrap())
    }

    /// Runs it to the end; every approval is given by a process of its own.
    fn run(&self, pipeline: Option<&str>) -> Ran {
        let mut running = self.start(pipeline);
        let out = drain(running.0.stdout.take().unwrap());
        let err = drain(running.0.stderr.take().unwrap());
        let mut answered = 0;
        let code = loop {
            if let Some(status) = running.0.try_wait().unwrap() {
                break status.code().unwrap_or(-1);
            }
            let status = self.sandbox(pipeline, &["status"]);
            if status.stdout.contains("waits for you") {
                let ran = self.sandbox(pipeline, &["approve", "-m", "ship it"]);
                // Somebody may have been faster than the picture of a moment ago.
                answered += i32::from(ran.code == 0);
                assert!(answered < 5, "it asks again and again: {}", status.stdout);
            }
            std::thread::sleep(Duration::from_millis(200));
        };
        Ran {
            code,
            stdout: out.join().unwrap(),
            stderr: err.join().unwrap(),
        }
    }

    fn status(&self, pipeline: Option<&str>) -> Value {
        let ran = self.sandbox(pipeline, &["status", "--format", "json"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        serde_json::from_str(&ran.stdout).unwrap()
    }

    /// Every file below `.pipectl/<folder>` that is called so.
    fn found(&self, folder: &str, name: &str) -> Vec<PathBuf> {
        fn walk(folder: &Path, name: &str, found: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() && !path.is_symlink() {
                    walk(&path, name, found);
                } else if path.file_name().is_some_and(|known| known == name) {
                    found.push(path);
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.path().join(".pipectl").join(folder), name, &mut found);
        found.sort();
        found
    }

    /// Every file of that name that was installed on an instance.
    fn installed(&self, name: &str) -> Vec<PathBuf> {
        let mut found = self.found("instances", name);
        // The revision itself is kept beside what was installed from it.
        found.retain(|path| path.components().any(|part| part.as_os_str() == "srv"));
        found
    }
}

fn drain(mut from: impl std::io::Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        from.read_to_string(&mut text).unwrap();
        text
    })
}

fn went_through(ran: &Ran) {
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains(" succeeded\n"), "{}", ran.stdout);
}

/// Begin and end of an action's last run, in seconds.
fn span(status: &Value, stage: &str, action: &str) -> (f64, f64) {
    let run = status["actions"]
        .as_array()
        .unwrap()
        .iter()
        .rfind(|run| run["stageName"] == stage && run["actionName"] == action)
        .unwrap_or_else(|| panic!("{stage}/{action} did not run: {status:#}"));
    let time = |key: &str| run[key].as_f64().unwrap();
    (time("startTime"), time("lastUpdateTime"))
}

#[test]
fn heavy_water_runs_its_tests_waits_for_a_person_and_releases() {
    let repository = Repository::of("heavy-water", &["master", "develop"]);
    repository.apply();
    let ran = repository.run(Some("prod"));
    went_through(&ran);
    assert!(
        ran.stdout.contains("✓ Approval succeeded"),
        "{}",
        ran.stdout
    );
    let logs = repository.sandbox(Some("prod"), &["logs", "DeployOnProd"]);
    assert!(logs.stdout.contains("released hw-api"), "{}", logs.stdout);
    let reports = repository.sandbox(Some("prod"), &["reports"]);
    assert_eq!(reports.code, 0, "{}{}", reports.stdout, reports.stderr);
    assert!(reports.stdout.contains("UnitTest: "), "{}", reports.stdout);
    assert!(!reports.stdout.contains(" 0 tests"), "{}", reports.stdout);
    // The other pipeline takes the other branch and the same tests.
    went_through(&repository.run(Some("dev")));
}

#[test]
fn web_monitor_goes_through_beta_to_production() {
    let repository = Repository::of("web-monitor", &["main"]);
    repository.apply();
    let ran = repository.run(None);
    went_through(&ran);
    let order = [
        "✓ Synth succeeded",
        "✓ Beta/UnitTest",
        "✓ Beta/Deploy",
        "✓ Beta/ApiTest",
        "✓ Prod/Approve",
        "✓ Prod/Shift",
    ];
    let places: Vec<usize> = order
        .iter()
        .map(|text| {
            ran.stdout
                .find(text)
                .unwrap_or_else(|| panic!("`{text}` is not in\n{}", ran.stdout))
        })
        .collect();
    assert!(places.is_sorted(), "{}", ran.stdout);
}

#[test]
fn website_s_pages_and_calculations_are_where_they_belong() {
    let repository = Repository::of("website", &["main"]);
    repository.apply();
    went_through(&repository.run(None));
    let pages = repository.found("buckets/website-pages", "index.html");
    assert_eq!(pages.len(), 1, "{pages:?}");
    let served = repository.installed("serve.py");
    assert!(!served.is_empty(), "the calculations are on no instance");

    // A test that fails stops the build, and nothing is deployed.
    let test = "tests/test_site.py";
    let mut text = fs::read_to_string(repository.path().join(test)).unwrap();
    text.push_str(
        "\n\nclass Tomorrow(unittest.TestCase):\n    def test_prices_fall(self):\n        self.assertEqual(1, 2, 'prices rise')\n",
    );
    repository.write(test, &text);
    repository.replace("pages/index.html", "<body", "<body data-new");
    repository.commit("Prices fall");
    let ran = repository.run(None);
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(
        ran.stdout.contains("failed: Build in BUILD"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("test_prices_fall"), "{}", ran.stdout);
    assert!(ran.stdout.contains("prices rise"), "{}", ran.stdout);
    assert!(
        !ran.stdout.contains("Deploy/Pages started"),
        "{}",
        ran.stdout
    );
    let page = fs::read_to_string(&pages[0]).unwrap();
    assert!(
        !page.contains("data-new"),
        "the page was deployed all the same"
    );
    let reports = repository.sandbox(None, &["reports"]);
    assert_eq!(reports.code, 1, "{}", reports.stdout);
    assert!(reports.stdout.contains("1 failed"), "{}", reports.stdout);
}

#[test]
fn a_canary_that_an_alarm_complains_of_is_taken_back() {
    let repository = Repository::of("canary", &["main", "canary"]);
    // The condition watches for ten minutes; here it may look at once.
    repository.replace(
        "pipeline.yml",
        "states: [ALARM], wait: 10",
        "states: [ALARM]",
    );
    repository.commit("Look at once");
    repository.git(&["branch", "-f", "canary"]);
    repository.apply();
    went_through(&repository.run(Some("canary")));
    let deployed = repository.installed("features.json");
    assert_eq!(
        deployed.len(),
        1,
        "one instance of the canary: {deployed:?}"
    );
    let before = fs::read_to_string(&deployed[0]).unwrap();

    // Unit tests and static analysis overlap.
    let status = repository.status(Some("canary"));
    let unit = span(&status, "Test", "UnitTest");
    let analysis = span(&status, "Test", "StaticAnalysis");
    assert!(
        unit.0 < analysis.1 && analysis.0 < unit.1,
        "{unit:?} {analysis:?}"
    );

    // The next release makes the alarm go off: the former one comes back.
    repository.write("features.json", &before.replace("20", "30"));
    repository.commit("More of the new search");
    repository.git(&["branch", "-f", "canary"]);
    let sandbox = fs::read_to_string(repository.path().join("sandbox.yml")).unwrap();
    repository.write(
        "sandbox.yml",
        &format!("{sandbox}alarms:\n  flags-canary-errors: ALARM\n"),
    );
    let ran = repository.run(Some("canary"));
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains("condition after success failed"), "{said}");
    assert!(said.contains("goes on from here"), "{said}");
    let after = fs::read_to_string(&deployed[0]).unwrap();
    assert_eq!(after, before, "{said}");
    let status = repository.status(Some("canary"));
    assert_eq!(
        status["execution"]["executionType"], "ROLLBACK",
        "{status:#}"
    );
}

#[test]
fn canary_s_production_goes_to_its_instances_and_to_the_flags() {
    let repository = Repository::of("canary", &["main", "canary"]);
    repository.apply();
    went_through(&repository.run(Some("prod")));
    let deployed = repository.installed("features.json");
    assert_eq!(
        deployed.len(),
        2,
        "two instances of production: {deployed:?}"
    );
    let archive = repository.found("buckets/flags-releases", "flags.zip");
    assert_eq!(archive.len(), 1, "{archive:?}");
}

#[test]
fn telemetry_is_tested_and_handed_to_ecs() {
    let repository = Repository::of("telemetry-ecs", &["master"]);
    repository.apply();
    let ran = repository.run(None);
    went_through(&ran);
    assert!(ran.stdout.contains("✓ Deploy succeeded"), "{}", ran.stdout);
}
