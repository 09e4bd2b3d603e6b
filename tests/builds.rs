//! A table of what CodeBuild does, a file a row, each with the page it follows.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use pipectl::sandbox::build::{Batch, Stopper, Variable};
use serde::Deserialize;
use serde_json::Value;

use crate::support::building::{Place, Store, names, phases, plain, ran, written};

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
