//! Definitions that people really wrote, pasted as `definition:`: what AWS accepts is clean, comes out as it went in,
//! is applied to the sandbox, and is then in sync.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Map, Value, json};

use pipectl::catalog::structure;

use crate::examples::pipectl;

/// Members of GetPipeline's answer that CreatePipeline does not take.
const READ_ONLY_PIPELINE: [&str; 1] = ["version"];
/// Members of BatchGetProjects' answer that CreateProject does not take.
const READ_ONLY_PROJECT: [&str; 7] = [
    "arn",
    "created",
    "lastModified",
    "badge",
    "webhook",
    "projectVisibility",
    "publicProjectAlias",
];

/// One file of the corpus.
pub(crate) struct Definition {
    /// `pipelines/accepted/003.json`.
    pub(crate) name: String,
    pipeline: Option<Value>,
    projects: Vec<Value>,
}

/// The definitions of a folder below `tests/cases`, in the order of their names.
pub(crate) fn definitions(folder: &str) -> Vec<Definition> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cases")
        .join(folder);
    let mut paths: Vec<PathBuf> = fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{folder} is empty");
    paths
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).unwrap();
            let file: Value = serde_json::from_str(&text).unwrap();
            let projects = file["projects"].as_array().cloned().unwrap_or_default();
            Definition {
                name: format!("{folder}/{}", path.file_name().unwrap().to_str().unwrap()),
                pipeline: file.get("pipeline").cloned(),
                projects: projects
                    .into_iter()
                    .chain(file.get("project").cloned())
                    .collect(),
            }
        })
        .collect()
}

impl Definition {
    /// The file a person would write who pastes it.
    pub(crate) fn file(&self) -> String {
        let mut text = "service: corpus\n".to_owned();
        if let Some(pipeline) = &self.pipeline {
            text += "pipelines:\n  pasted:\n    definition:\n";
            text += &indented(pipeline);
        }
        if !self.projects.is_empty() {
            text += "projects:\n";
        }
        for (index, project) in self.projects.iter().enumerate() {
            text += &format!("  pasted{index}:\n    definition:\n");
            text += &indented(project);
        }
        text
    }

    /// The same as JSON.
    pub(crate) fn json(&self) -> Value {
        let mut file = json!({"service": "corpus"});
        if let Some(pipeline) = &self.pipeline {
            file["pipelines"] = json!({"pasted": {"definition": pipeline}});
        }
        for (index, project) in self.projects.iter().enumerate() {
            file["projects"][format!("pasted{index}")] = json!({"definition": project});
        }
        file
    }

    /// The region it lives in: GetPipeline writes it on every action that has no other; with several artifact stores
    /// it is the one that no action names.
    pub(crate) fn region(&self) -> String {
        let actions: Vec<&Value> = self
            .pipeline
            .iter()
            .flat_map(|pipeline| pipeline["stages"].as_array().into_iter().flatten())
            .flat_map(|stage| stage["actions"].as_array().into_iter().flatten())
            .collect();
        let named: Vec<&str> = actions
            .iter()
            .filter_map(|action| action["region"].as_str())
            .collect();
        let stores = self
            .pipeline
            .as_ref()
            .and_then(|pipeline| pipeline["artifactStores"].as_object());
        match stores {
            Some(stores) => stores
                .keys()
                .map(String::as_str)
                .find(|region| !named.contains(region)),
            None => named.first().copied(),
        }
        // what somebody left to be filled in is no region to be in
        .filter(|region| structure::regions().is_name(region))
        .unwrap_or("us-east-1")
        .to_owned()
    }

    /// The pipeline as `compile` shows it: what AWS takes.
    fn expected_pipeline(&self) -> Option<Value> {
        self.pipeline
            .as_ref()
            .map(|pipeline| without(pipeline, &READ_ONLY_PIPELINE))
    }

    fn expected_projects(&self) -> Vec<Value> {
        let mut projects: Vec<Value> = self
            .projects
            .iter()
            .map(|project| without(project, &READ_ONLY_PROJECT))
            .collect();
        projects.sort_by_key(|project| project["name"].to_string());
        projects
    }
}

fn indented(value: &Value) -> String {
    serde_json::to_string_pretty(value)
        .unwrap()
        .lines()
        .map(|line| format!("      {line}\n"))
        .collect()
}

fn without(value: &Value, members: &[&str]) -> Value {
    let kept: Map<String, Value> = value
        .as_object()
        .unwrap()
        .iter()
        .filter(|(key, _)| !members.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    Value::Object(kept)
}

/// Does the same with every definition, two at a time, and reports all that went wrong.
pub(crate) fn each(folder: &str, check: impl Fn(&Definition, &Path) -> Result<(), String> + Sync) {
    let definitions = definitions(folder);
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(definition) = definitions.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let folder = tempfile::tempdir().unwrap();
                    fs::write(folder.path().join("pipeline.yml"), definition.file()).unwrap();
                    if let Err(fault) = check(definition, folder.path()) {
                        failures
                            .lock()
                            .unwrap()
                            .push(format!("{}: {fault}", definition.name));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    assert!(
        failures.is_empty(),
        "{} of {} definitions:\n{}",
        failures.len(),
        definitions.len(),
        failures.join("\n")
    );
}

/// Runs a command with `--format json` that has to end with 0; gives its JSON.
fn answer(folder: &Path, arguments: &[&str]) -> Result<Value, String> {
    let ran = pipectl(folder, arguments);
    if ran.code != 0 {
        return Err(format!(
            "`pipectl {}` ended with {}:\n{}{}",
            arguments.join(" "),
            ran.code,
            ran.stdout,
            ran.stderr
        ));
    }
    serde_json::from_str(&ran.stdout)
        .map_err(|error| format!("`pipectl {}`: {error}", arguments.join(" ")))
}

fn same(what: &str, found: &Value, expected: &Value) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    let mut places = Vec::new();
    differences(what, found, expected, &mut places);
    Err(format!("comes out differently:\n  {}", places.join("\n  ")))
}

/// Where two values differ, for people.
fn differences(at: &str, found: &Value, expected: &Value, places: &mut Vec<String>) {
    match (found, expected) {
        (Value::Object(left), Value::Object(right)) => {
            let keys: std::collections::BTreeSet<_> = left.keys().chain(right.keys()).collect();
            for key in keys {
                let member =
                    |map: &Map<String, Value>| map.get(key).cloned().unwrap_or(json!("<absent>"));
                let (left, right) = (member(left), member(right));
                if left != right {
                    differences(&format!("{at}.{key}"), &left, &right, places);
                }
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                if left != right {
                    differences(&format!("{at}[{index}]"), left, right, places);
                }
            }
        }
        _ => places.push(format!("{at}: {found} instead of {expected}")),
    }
}

/// validate → compile → apply → plan.
fn round_trip(definition: &Definition, folder: &Path) -> Result<(), String> {
    let region = definition.region();
    let findings = answer(folder, &["validate", "--format", "json", "-r", &region])?;
    if findings["summary"]["errors"] != 0 {
        return Err(format!("validate finds {}", findings["diagnostics"]));
    }
    let compiled = answer(
        folder,
        &["compile", "--offline", "--format", "json", "-r", &region],
    )?;
    let pipelines = compiled["pipelines"].as_array().unwrap();
    if pipelines.len() != usize::from(definition.pipeline.is_some()) {
        return Err(format!("compiles to {} pipelines", pipelines.len()));
    }
    if let (Some(expected), [found]) = (definition.expected_pipeline(), &pipelines[..]) {
        same("pipeline", &found["pipeline"], &expected)?;
    }
    let mut projects = compiled["projects"].as_array().unwrap().clone();
    let mut expected = definition.expected_projects();
    for project in projects.iter_mut().chain(&mut expected) {
        // Those of the definition come first, those that say who owns it are added.
        project.as_object_mut().unwrap().remove("tags");
    }
    projects.sort_by_key(|project| project["name"].to_string());
    same("projects", &json!(projects), &json!(expected))?;
    for made in ["roles", "buckets", "topics"] {
        if compiled[made] != json!([]) {
            return Err(format!(
                "makes {made} that nobody asked for: {}",
                compiled[made]
            ));
        }
    }

    answer(
        folder,
        &[
            "apply",
            "--sandbox",
            "--yes",
            "--format",
            "json",
            "-r",
            &region,
        ],
    )?;
    let plan = answer(
        folder,
        &[
            "plan",
            "--sandbox",
            "--exit-code",
            "--format",
            "json",
            "-r",
            &region,
        ],
    )?;
    same("changes", &plan["changes"], &json!([]))?;
    same("writes", &plan["calls"]["write"], &json!(0))
}

#[test]
fn accepted_pipelines_go_round() {
    each("pipelines/accepted", round_trip);
}

#[test]
fn accepted_projects_go_round() {
    each("projects/accepted", round_trip);
}

#[test]
fn doubtful_definitions_get_an_answer() {
    for folder in ["pipelines/doubtful", "projects/doubtful"] {
        each(folder, |definition, folder| {
            let ran = pipectl(
                folder,
                &["validate", "--format", "json", "-r", &definition.region()],
            );
            let findings: Value = serde_json::from_str(&ran.stdout)
                .map_err(|error| format!("{error}: {}{}", ran.stdout, ran.stderr))?;
            let errors = findings["summary"]["errors"].as_u64();
            let right = matches!((ran.code, errors), (0, Some(0)) | (1, Some(1..)));
            right
                .then_some(())
                .ok_or_else(|| format!("ended with {} and {errors:?} errors", ran.code))
        });
    }
}
