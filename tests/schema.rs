//! The JSON Schema: what stands in the tree is what the tool prints, and it agrees with the decoder on every file of
//! the tests, by the word of another's validator.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::corpus;
use crate::examples::pipectl;
use crate::support::emulator::python;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What the validator finds wrong with documents, by their names.
fn judge(documents: &[(String, Value)]) -> BTreeMap<String, Vec<String>> {
    let mut child = Command::new(python())
        .arg(root().join("tests/python/schema_check.py"))
        .arg(root().join("schemas/pipeline.schema.json"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let lines: String = documents
        .iter()
        .map(|document| format!("{}\n", serde_json::to_string(document).unwrap()))
        .collect();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A file as another reader of YAML sees it; nothing if that is none, or if it merges files.
fn document(path: &Path) -> Option<Value> {
    let text = fs::read_to_string(path).ok()?;
    let mut value: serde_yaml::Value = serde_yaml::from_str(&text).ok()?;
    value.apply_merge().ok()?;
    let value = serde_json::to_value(value).ok()?;
    (value.is_object() && value.get("include").is_none()).then_some(value)
}

fn pipeline_files() -> Vec<PathBuf> {
    let mut folders = vec![
        root().join("examples"),
        root().join("tests/cases/checks"),
        root().join("tests/cases/codes"),
        root().join("tests/cases/model"),
    ];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let example = path.starts_with(root().join("examples"));
            if path.is_dir() && !name.starts_with('.') {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "yml")
                && (!example || name.starts_with("pipeline"))
            {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

#[test]
fn the_schema_in_the_tree_is_the_one_that_is_printed() {
    let ran = pipectl(root(), &["schema"]);
    let path = root().join("schemas/pipeline.schema.json");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &ran.stdout).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap() == ran.stdout,
        "schemas/pipeline.schema.json is behind `pipectl schema` (BLESS=1 rewrites it)"
    );
}

/// Findings that say that a key or the kind of a value is wrong, which a schema sees too.
const OF_SHAPE: [&str; 3] = ["key-unknown", "key-foreign", "stage-kind-conflict"];

#[test]
fn schema_and_decoder_agree() {
    let mut documents = Vec::new();
    let mut clean = BTreeMap::new();
    for path in pipeline_files() {
        let Some(document) = document(&path) else {
            continue;
        };
        // Only pipeline files have this.
        if document.get("service").is_none() {
            continue;
        }
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        let ran = pipectl(root(), &["validate", "--format", "json", &name]);
        let found: Value = serde_json::from_str(&ran.stdout).unwrap();
        let codes = found["diagnostics"].as_array().unwrap().iter();
        let codes: Vec<&str> = codes.map(|one| one["code"].as_str().unwrap()).collect();
        clean.insert(name.clone(), verdict(&codes));
        documents.push((name, document));
    }
    assert!(documents.len() > 10);
    agree(&documents, &clean);
}

/// The validator says of each document what the decoder says: whether it is clean, whether its shape is wrong.
fn agree(documents: &[(String, Value)], decoded: &BTreeMap<String, (bool, bool)>) {
    let mut wrong = Vec::new();
    for (name, faults) in judge(documents) {
        let (clean, of_shape) = decoded[&name];
        if clean && !faults.is_empty() {
            wrong.push(format!(
                "{name}: the decoder takes it, the schema does not: {faults:#?}"
            ));
        }
        if of_shape && faults.is_empty() {
            wrong.push(format!("{name}: the schema takes it, the decoder does not"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether the decoder takes a file with these findings, and whether a schema has to refuse it.
fn verdict(codes: &[&str]) -> (bool, bool) {
    // what the reader takes apart the decoder never sees
    let kinds = ["key-", "value-", "stage-kind", "yaml-"];
    let of_decoder = |code: &&str| kinds.iter().any(|kind| code.starts_with(kind));
    let clean = !codes.iter().any(of_decoder);
    (clean, codes.iter().any(|code| OF_SHAPE.contains(code)))
}

/// The same of definitions that are pasted, accepted and refused ones.
#[test]
fn schema_and_decoder_agree_on_pasted_definitions() {
    let folder = tempfile::tempdir().unwrap();
    let mut documents = Vec::new();
    for kind in [
        "pipelines/accepted",
        "pipelines/refused",
        "projects/accepted",
        "projects/refused",
    ] {
        for definition in corpus::definitions(kind) {
            let name = definition.name.replace('/', "-").replace(".json", ".yml");
            fs::write(folder.path().join(&name), definition.file()).unwrap();
            documents.push((name, definition.json()));
        }
    }
    assert!(documents.len() > 100, "{}", documents.len());
    let ran = pipectl(folder.path(), &["validate", "--format", "json", "*.yml"]);
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    let mut codes: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for one in found["diagnostics"].as_array().unwrap() {
        let file = one["file"].as_str().unwrap().to_owned();
        codes
            .entry(file)
            .or_default()
            .push(one["code"].as_str().unwrap());
    }
    let decoded = documents
        .iter()
        .map(|(name, _)| {
            let codes = codes.get(name).map_or(&[][..], Vec::as_slice);
            (name.clone(), verdict(codes))
        })
        .collect();
    agree(&documents, &decoded);
}

/// Every key of the fullest file, spelt wrong, is refused by both.
#[test]
fn a_misspelt_key_is_refused_by_both() {
    let text = fs::read_to_string(root().join("tests/cases/model/everything.yml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut documents = Vec::new();
    let lines: Vec<&str> = text.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let rest = line.trim_start().trim_start_matches("- ");
        let Some((key, _)) = rest.split_once(':') else {
            continue;
        };
        if !key.chars().all(|c| c.is_ascii_lowercase()) || key.len() < 4 || indent > 12 {
            continue;
        }
        let mut mutated = lines.clone();
        let broken = line.replacen(&format!("{key}:"), &format!("{key}qq:"), 1);
        mutated[at] = &broken;
        let path = folder.path().join(format!("{at}.yml"));
        fs::write(&path, mutated.join("\n")).unwrap();
        let file = format!("{at}.yml");
        let ran = pipectl(folder.path(), &["validate", "--format", "json", &file]);
        let refused = ran.stdout.contains("\"key-unknown\"");
        if refused && let Some(document) = document(&path) {
            documents.push((format!("{}: {}", at + 1, broken.trim()), document));
        }
    }
    assert!(documents.len() > 40, "{}", documents.len());
    let taken: Vec<String> = judge(&documents)
        .into_iter()
        .filter(|(_, faults)| faults.is_empty())
        .map(|(name, _)| name)
        .collect();
    assert!(taken.is_empty(), "the schema takes {taken:#?}");
    let whole = json!(document(&root().join("tests/cases/model/everything.yml")));
    let faults = judge(&[("whole".to_owned(), whole)])
        .remove("whole")
        .unwrap();
    assert!(faults.is_empty(), "{faults:#?}");
}
