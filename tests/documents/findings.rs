//! What the page of a finding calls wrong is found, and what it calls right is not. The examples are short: each is
//! put into every place of a file where it could stand, and one of them has to show it.

use std::collections::{BTreeMap, BTreeSet};

use pipectl::checks;
use serde_json::Value;

use crate::support::program::{Place, finish};

const SERVICE: &str = "service: shop";
const SOURCE: &str = "source: {codecommit: shop, branch: main}";
const CONNECTED: &str = "source: {github: acme/shop, branch: main, connection: \"arn:aws:codeconnections:us-east-1:123456789012:connection/1a2b3c4d-1111-2222-3333-444455556666\"}";
const STAGES: &str = "stages: [{build: make}]";
const ENVIRONMENT: [&str; 3] = [
    "type: LINUX_CONTAINER",
    "computeType: BUILD_GENERAL1_SMALL",
    "image: \"aws/codebuild/amazonlinux-x86_64-standard:5.0\"",
];
const PROJECT: [&str; 5] = [
    "name: shop-p",
    "source: {type: CODEPIPELINE}",
    "artifacts: {type: CODEPIPELINE}",
    "environment: {type: LINUX_CONTAINER, computeType: BUILD_GENERAL1_SMALL, image: \"aws/codebuild/amazonlinux-x86_64-standard:5.0\"}",
    "serviceRole: arn:aws:iam::123456789012:role/build",
];
const PIPELINE: [&str; 4] = [
    "name: shop-p",
    "roleArn: arn:aws:iam::123456789012:role/pipeline",
    "artifactStore: {type: S3, location: shop-artifacts}",
    "stages: [{name: Source, actions: [{name: Source, actionTypeId: {category: Source, owner: AWS, provider: CodeStarSourceConnection, version: \"1\"}, configuration: {ConnectionArn: \"arn:aws:codeconnections:us-east-1:123456789012:connection/1a2b3c4d-1111-2222-3333-444455556666\", FullRepositoryId: acme/shop, BranchName: main}, outputArtifacts: [{name: Source}]}]}, {name: Build, actions: [{name: Build, actionTypeId: {category: Build, owner: AWS, provider: CodeBuild, version: \"1\"}, configuration: {ProjectName: shop-p}, inputArtifacts: [{name: Source}]}]}]",
];

/// Examples that cannot stand in a file as they are.
const CUT: [(&str, &str); 4] = [
    (
        "artifact-store-unused",
        "nothing says which region the pipeline stands in",
    ),
    (
        "project-secondary-type",
        "wrong is a project, right the stage that does without",
    ),
    (
        "batch-config-missing",
        "an action and the project it starts stand in two places",
    ),
    ("tags-too-many", "nobody wants to read fifty tags"),
];

/// Indented text below a key.
fn below(key: &str, depth: usize, text: &str) -> String {
    let space = " ".repeat(depth);
    let lines: String = text
        .lines()
        .map(|line| match line.is_empty() {
            true => "\n".to_owned(),
            false => format!("{space}{line}\n"),
        })
        .collect();
    format!("{key}\n{lines}")
}

/// The members that a map lacks, and the map.
fn with(lines: &[&str], text: &str) -> String {
    let mut whole = String::new();
    for line in lines {
        let key = line.split(':').next().unwrap_or_default();
        let there = format!("{key}:");
        // Of the two artifact stores a pipeline has one.
        let other = key == "artifactStore" && text.contains("artifactStores:");
        if !other && !text.lines().any(|line| line.starts_with(&there)) {
            whole.push_str(line);
            whole.push('\n');
        }
    }
    format!("{whole}{}\n", text.trim_end())
}

/// The files in which an example could stand.
fn files(text: &str) -> Vec<String> {
    let staged = |stages: &str| format!("{SERVICE}\n{SOURCE}\n{stages}");
    if text.starts_with("- ") {
        return vec![
            staged(&below("stages:", 2, text)),
            staged(&below("stages:\n  - name: A\n    actions:", 6, text)),
            format!("{SERVICE}\n{}{STAGES}\n", below("source:", 2, text)),
        ];
    }
    let build = |members: &str| staged(&below("stages:\n  - name: B\n    build:", 6, members));
    let project = |members: &str| {
        let stages = "stages: [{build: {project: p}}]\nprojects:\n  p:";
        staged(&below(stages, 4, members))
    };
    let definition = |members: &str| project(&below("definition:", 2, &with(&PROJECT, members)));
    let several = text.lines().any(|line| line.starts_with("pipelines:"));
    let root = match several {
        true => with(&[SERVICE], text),
        false => with(&[SERVICE, SOURCE, STAGES], text),
    };
    let mut files = vec![
        root,
        with(
            &[SERVICE, "provider: {region: eu-west-1}", CONNECTED, STAGES],
            text,
        ),
        below(
            &format!("{SERVICE}\npipelines:\n  p:\n    definition:"),
            6,
            &with(&PIPELINE, text),
        ),
        build(&below(
            "buildspec:",
            2,
            &with(
                &["version: 0.2", "phases: {build: {commands: [make]}}"],
                text,
            ),
        )),
        build(&below(
            "buildspec:\n  version: 0.2\n  phases:\n    build:",
            6,
            text,
        )),
        build(text),
        build(&with(&["run: make"], text)),
        project(text),
        definition(text),
        definition(&below("source:", 2, &with(&["type: CODEPIPELINE"], text))),
        definition(&below("environment:", 2, &with(&ENVIRONMENT, text))),
    ];
    if let Some(members) = text.strip_prefix("definition:\n") {
        let members: String = members
            .lines()
            .map(|line| format!("{}\n", line.strip_prefix("  ").unwrap_or(line)))
            .collect();
        files.push(definition(&members));
    }
    files
}

/// Whether a finding says that an example does not belong where it was put; that something is missing there does not.
fn of_place(code: &str) -> bool {
    let kinds = ["key-", "value-", "yaml-", "stage-kind"];
    code != "key-missing" && kinds.iter().any(|kind| code.starts_with(kind))
}

#[test]
fn wrong_is_found_and_right_is_not() {
    let place = Place::new();
    let mut names = Vec::new();
    for rule in checks::ALL.iter() {
        for (side, text) in [("wrong", rule.wrong), ("right", rule.right)] {
            for (at, file) in files(text).iter().enumerate() {
                let name = format!("{}.{side}.{at}.yml", rule.code);
                place.write(&name, file);
                names.push(name);
            }
        }
    }
    // `${git:sha}` means something in a repository only.
    let git = "git init -q . && git add -A && git -c user.name=A -c user.email=a@example.com commit -q -m A";
    let made = std::process::Command::new("sh")
        .args(["-c", git])
        .current_dir(place.path())
        .env("HOME", place.path())
        .status();
    assert!(made.unwrap().success());
    let mut arguments = vec!["validate", "--format", "json"];
    arguments.extend(names.iter().map(String::as_str));
    let output = finish(&mut place.command(&arguments));
    let found: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", output.err()));
    let mut codes: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for finding in found["diagnostics"].as_array().unwrap() {
        let file = finding["file"].as_str().unwrap();
        let code = finding["code"].as_str().unwrap();
        codes.entry(file).or_default().insert(code);
    }
    let of = |code: &str, side: &str, at: usize| {
        let name = format!("{code}.{side}.{at}.yml");
        let there = names.contains(&name);
        there.then(|| codes.get(name.as_str()).cloned().unwrap_or_default())
    };
    let mut faults = Vec::new();
    for rule in checks::ALL.iter() {
        let shows = |at: usize| {
            let (wrong, right) = (of(rule.code, "wrong", at)?, of(rule.code, "right", at)?);
            let right_is = !right.contains(rule.code) && !right.iter().any(|code| of_place(code));
            Some(wrong.contains(rule.code) && right_is)
        };
        let shown = (0..files(rule.wrong).len()).any(|at| shows(at) == Some(true));
        let cut = CUT.iter().find(|(code, _)| *code == rule.code);
        match (shown, cut) {
            (true, None) | (false, Some(_)) => {}
            (true, Some(_)) => faults.push(format!("{} is shown and stands in CUT", rule.code)),
            (false, None) => faults.push(format!(
                "{}: no place shows it\n{}\n--\n{}",
                rule.code, rule.wrong, rule.right
            )),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}
