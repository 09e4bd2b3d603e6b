//! The rules by which the sandbox refuses, on definitions that people really wrote.

use std::path::{Path, PathBuf};

use pipectl::sandbox::rules;
use serde_json::Value;

pub(crate) fn cases(folder: &str) -> Vec<(PathBuf, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cases")
        .join(folder);
    let mut cases: Vec<_> = std::fs::read_dir(&folder)
        .expect("a folder of definitions")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("text");
            let value = serde_json::from_str(&text).expect("JSON");
            (path, value)
        })
        .collect();
    cases.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(!cases.is_empty(), "{} is empty", folder.display());
    cases
}

/// The region a pipeline is in: where its actions say so, the one that most of them name.
fn refusals(case: &Value) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(pipeline) = case.get("pipeline") {
        found.extend(rules::pipeline(pipeline, &home(pipeline)));
    }
    if let Some(project) = case.get("project") {
        found.extend(rules::project(project));
    }
    let projects = case.get("projects").and_then(Value::as_array);
    for project in projects.into_iter().flatten() {
        found.extend(rules::project(project));
    }
    found
        .into_iter()
        .map(|r| format!("{} {} {}: {}", r.rule, r.place, r.code, r.message))
        .collect()
}

pub(crate) fn home(pipeline: &Value) -> String {
    let stages = pipeline["stages"].as_array();
    let source = stages
        .into_iter()
        .flatten()
        .flat_map(|stage| stage["actions"].as_array().into_iter().flatten())
        .find_map(|action| action["region"].as_str());
    let stores = pipeline["artifactStores"]
        .as_object()
        .and_then(|stores| stores.keys().next());
    source
        .or(stores.map(String::as_str))
        .unwrap_or("us-east-1")
        .to_owned()
}

#[test]
fn what_aws_accepted_passes() {
    let mut wrong = Vec::new();
    for folder in ["pipelines/accepted", "projects/accepted"] {
        for (path, case) in cases(folder) {
            for refusal in refusals(&case) {
                wrong.push(format!("{}: {refusal}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_aws_refuses_is_refused() {
    let mut wrong = Vec::new();
    for folder in ["pipelines/refused", "projects/refused"] {
        for (path, case) in cases(folder) {
            // A member that the API does not have cannot be sent, and is found when the file is read.
            let why = case["refused_because"].as_str().expect("a reason");
            if why
                .split(" ;; ")
                .all(|reason| reason.starts_with("botocore: Unknown parameter"))
            {
                continue;
            }
            if refusals(&case).is_empty() {
                wrong.push(format!("{}: {}", path.display(), case["refused_because"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_spelling_of_old_is_taken_and_one_of_nobody_is_not() {
    let refused = |word: &str| {
        let project = serde_json::json!({"project": {
            "name": "shop",
            "source": {
                "type": "CODECOMMIT",
                "location": "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/shop",
            },
            "artifacts": {"type": word},
            "environment": {
                "type": "LINUX_CONTAINER",
                "image": "aws/codebuild/standard:7.0",
                "computeType": "BUILD_GENERAL1_SMALL",
            },
            "serviceRole": "arn:aws:iam::123456789012:role/build",
        }});
        refusals(&project)
    };
    assert_eq!(refused("no_artifacts"), Vec::<String>::new());
    assert_eq!(refused("NO_ARTIFACTS"), Vec::<String>::new());
    assert_eq!(refused("No_Artifacts").len(), 1);
}
