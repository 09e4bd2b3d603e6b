//! Every minimum, maximum, pattern, enumeration, kind and required member that botocore's model has for what
//! CreatePipeline and CreateProject take is enforced: definitions with every member, broken in one place each.

#![allow(clippy::print_stdout, reason = "a test says how many cases there are")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::emulator::python;
use crate::support::program::{Place, finish};

/// What is broken and not refused, and why.
const TAKEN: [(&str, &str, &str); 2] = [
    (
        "pipeline.version",
        "kind",
        "the version of a pipeline counts on AWS's side and is not sent",
    ),
    (
        "pipeline.version",
        "min",
        "the version of a pipeline counts on AWS's side and is not sent",
    ),
];

/// Members that no definition of the test has, and why.
const MISSED: [(&str, &str); 7] = [
    ("pipeline.blockers", "refused as a whole"),
    ("project.cacheNamespace", "no constraint"),
    ("project.certificate", "no constraint"),
    (
        "project.fleetsAllowed",
        "stands in the place of computeTypesAllowed; a text as there",
    ),
    (
        "project.instanceType",
        "for machines of one's own choice; a text of one character at least",
    ),
    ("project.message", "of what AWS answers"),
    ("project.mountOptions", "no constraint"),
];

/// Patterns that take everything but a line break: nobody has seen AWS refuse one, so they are warned of.
const ONE_LINE: [&str; 8] = [
    ".defaultValue",
    ".description",
    ".value",
    ".includes[0]",
    ".excludes[0]",
    ".branches",
    ".filePaths",
    ".tags",
];

#[test]
fn every_constraint_of_the_service_model_is_enforced() {
    let place = Place::new();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/limits.py");
    let made = Command::new(python())
        .arg(script)
        .arg(place.path())
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let index = std::fs::read(place.path().join("index.json")).unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    let missed: Vec<&str> = index["missed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one.as_str().unwrap())
        .collect();
    assert_eq!(missed, MISSED.map(|(member, _)| member));

    let ran = finish(&mut place.command(&["validate", "--format", "json", "*.yml"]));
    let answer: Value = serde_json::from_slice(&ran.stdout).unwrap();
    // For each file, whether it has a warning and whether it has an error.
    let mut told: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
    for one in answer["diagnostics"].as_array().unwrap() {
        let (warning, error) = told.entry(one["file"].as_str().unwrap()).or_default();
        match one["severity"].as_str() {
            Some("error") => *error = true,
            _ => *warning = true,
        }
    }
    let whole: Vec<(&&str, &(bool, bool))> = told
        .iter()
        .filter(|(file, _)| file.starts_with("base-"))
        .collect();
    assert!(whole.is_empty(), "nothing is wrong with these: {whole:?}");

    let cases = index["cases"].as_array().unwrap();
    assert!(cases.len() > 700, "{}", cases.len());
    let mut silent = Vec::new();
    for case in cases {
        let word = |key: &str| case[key].as_str().unwrap();
        let (place, broken) = (word("place"), word("broken"));
        let (warning, error) = told.get(word("file")).copied().unwrap_or_default();
        let doubtful = broken == "pattern" && ONE_LINE.iter().any(|end| place.ends_with(end));
        let taken = TAKEN
            .iter()
            .any(|(at, what, _)| place == *at && broken == *what);
        if error == taken && !(doubtful && warning) {
            silent.push(format!("{place}: {broken}"));
        }
    }
    println!("{} broken definitions", cases.len());
    assert!(silent.is_empty(), "not as expected:\n{}", silent.join("\n"));
}
