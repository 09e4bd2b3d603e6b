//! The examples are what their READMEs say: clean, compiled, applied, in sync, and gone without a trace. Their
//! applications run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

/// What a command left.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the binary in a folder, away from the surroundings of whoever runs the tests.
pub(crate) fn pipectl(folder: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pipectl"));
    command.args(arguments).current_dir(folder);
    for (name, _) in std::env::vars() {
        let ours = name.starts_with("PIPECTL_") || name.starts_with("AWS_");
        if ours || name.ends_with("_proxy") || name.ends_with("_PROXY") || name == "HOME" {
            command.env_remove(name);
        }
    }
    command
        .env("HOME", folder)
        .env("NO_COLOR", "1")
        // What is shown depends on the locale; the tests do not depend on that of whoever runs them.
        .env("LC_ALL", "C.UTF-8")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(std::process::Stdio::null());
    let output = command.output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Copies a folder.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.file_name().unwrap() == ".pipectl" {
            continue;
        }
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// A copy of an example, so that the tests leave nothing in the tree.
struct Example {
    folder: tempfile::TempDir,
}

impl Example {
    fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let from: PathBuf = [env!("CARGO_MANIFEST_DIR"), "examples", name]
            .iter()
            .collect();
        copy(&from, folder.path());
        Self { folder }
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let ran = pipectl(self.folder.path(), arguments);
        let said = format!(
            "pipectl {}: {}{}",
            arguments.join(" "),
            ran.stdout,
            ran.stderr
        );
        assert_eq!(ran.code, 0, "{said}");
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}\n{said}"))
    }

    /// Runs a script of the example's application.
    fn script(&self, program: &str, arguments: &[&str], environment: &[(&str, &str)]) {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(self.folder.path())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{program} {}: {}{}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }

    fn has(&self, path: &str) {
        let file = self.folder.path().join(path);
        assert!(file.exists(), "{path} was not written");
    }
}

/// validate → compile → apply → plan → apply → destroy → destroy.
fn lives(name: &str, pipelines: &[&str], warnings: &[&str]) {
    let example = Example::new(name);
    let findings = example.json(&["validate", "--format", "json"]);
    let codes: Vec<&str> = findings["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, warnings, "{findings:#}");

    let compiled = example.json(&["compile", "--offline", "--format", "json"]);
    let names: Vec<&str> = compiled["pipelines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pipeline| pipeline["pipeline"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, pipelines);

    let applied = example.json(&["apply", "--sandbox", "--yes", "--format", "json"]);
    assert_ne!(applied["summary"]["create"], 0);
    let plan = example.json(&["plan", "--sandbox", "--exit-code", "--format", "json"]);
    assert_eq!(plan["changes"], json!([]));
    assert_eq!(plan["calls"]["write"], 0);
    let again = example.json(&["apply", "--sandbox", "--format", "json"]);
    assert_eq!(again["calls"]["write"], 0);

    let destroy = [
        "destroy",
        "--sandbox",
        "--delete-data",
        "--yes",
        "--format",
        "json",
    ];
    let gone = example.json(&destroy);
    assert_eq!(gone["summary"]["delete"], applied["summary"]["create"]);
    let nothing = example.json(&destroy);
    assert_eq!(nothing["changes"], json!([]));
}

#[test]
fn heavy_water() {
    lives("heavy-water", &["hw-api-dev", "hw-api-prod"], &[]);
}

#[test]
fn web_monitor() {
    lives("web-monitor", &["web-monitor"], &[]);
}

#[test]
fn website() {
    lives("website", &["website"], &[]);
}

#[test]
fn canary() {
    lives("canary", &["flags-canary", "flags-prod"], &[]);
}

#[test]
fn telemetry_ecs() {
    lives("telemetry-ecs", &["telemetry"], &[]);
}

#[test]
fn the_application_of_heavy_water_runs() {
    let example = Example::new("heavy-water");
    example.script("python3", &["tools/junit.py", "reports/unit.xml"], &[]);
    example.has("reports/unit.xml");
    example.script("./integration.sh", &[], &[]);
    example.script("./deploy.sh", &[], &[("HW_RELEASES", "released")]);
    example.has("released/current");
}

#[test]
fn the_application_of_web_monitor_runs() {
    let example = Example::new("web-monitor");
    example.script("./synth.sh", &[], &[]);
    example.has("out/assembly/template.json");
    example.has("out/code/index.py");
    example.script("python3", &["tools/junit.py", "reports/unit.xml"], &[]);
    example.script("./api_test.sh", &[], &[("MONITOR_URL", "local")]);
}

#[test]
fn the_application_of_website_runs() {
    let example = Example::new("website");
    example.script("python3", &["tools/junit.py", "reports/unit.xml"], &[]);
    example.script("./build.sh", &[], &[]);
    example.has("out/pages/index.html");
    example.has("out/calculations/appspec.yml");
    example.script("./scripts/invalidate.sh", &[], &[("DISTRIBUTION", "none")]);
}

#[test]
fn the_application_of_canary_runs() {
    let example = Example::new("canary");
    example.script("python3", &["tools/junit.py", "reports/junit.xml"], &[]);
    example.script(
        "python3",
        &["tools/coverage.py", "reports/coverage.xml", "flags_service"],
        &[],
    );
    example.has("reports/coverage.xml");
    example.script(
        "python3",
        &[
            "tools/analyse.py",
            "reports/junit-analysis.xml",
            "flags_service",
        ],
        &[],
    );
    example.script("./package.sh", &[], &[]);
    example.has("out/appspec.yml");
    example.has("out/features.json");
}

#[test]
fn the_application_of_telemetry_runs() {
    let example = Example::new("telemetry-ecs");
    example.script("python3", &["-m", "unittest"], &[]);
    example.script(
        "./imagedefinitions.sh",
        &["telemetry", "registry/telemetry:1"],
        &[],
    );
    example.has("imagedefinitions.json");
}
