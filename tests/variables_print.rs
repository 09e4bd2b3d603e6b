//! `print` on the corpus of variables, against an emulated account that holds the values the corpus assumes.

#![allow(clippy::print_stdout, reason = "a test says how many cases pass")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::emulator::{Emulators, python, start};
use crate::variables::{DIFFERENT, kinds};

/// Cases that differ only here, and why.
const DIFFERENT_HERE: &[(&str, &str)] = &[];

const MASK: &str = "<secret>";

/// Equal, but for what `print` masks.
fn alike(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::String(mask), Value::String(_) | Value::Number(_) | Value::Bool(_))
            if mask == MASK =>
        {
            true
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, value)| b.get(key).is_some_and(|other| alike(value, other)))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b))
        }
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        _ => ours == theirs,
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Writes the case's files and runs `print` on it.
fn print(case: &Value, folder: &Path, emulators: &Emulators) -> (i32, String, String) {
    let file = |name: &str, content: &str| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    for (name, content) in case["files"].as_object().unwrap() {
        file(name, content.as_str().unwrap());
    }
    file(
        "pipeline.yml",
        &format!(
            "{}{}",
            case["top"].as_str().unwrap(),
            case["yaml"].as_str().unwrap()
        ),
    );
    let mut arguments = vec!["print", "--format", "json", "--path", "custom"];
    let given = case["argv"].as_array().unwrap();
    arguments.extend(given.iter().skip(3).map(|one| one.as_str().unwrap()));
    let mut environment = emulators.environment();
    // Serverless falls back to this region, pipectl to the environment's.
    environment.retain(|(name, _)| name != "AWS_REGION");
    environment.push(("AWS_REGION".to_owned(), "us-east-1".to_owned()));
    let own = case["env"].as_object().unwrap();
    environment.extend(own.iter().map(|(name, value)| (name.clone(), text(value))));
    let output = Command::new(env!("CARGO_BIN_EXE_pipectl"))
        .args(&arguments)
        .current_dir(folder)
        .env_clear()
        .envs(environment)
        .env("HOME", folder)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

fn verdict(case: &Value, emulators: &Emulators) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let (code, stdout, stderr) = print(case, folder.path(), emulators);
    let said = format!("{code} {stdout}{stderr}");
    let result: Value =
        serde_json::from_str(&stdout).map_err(|error| format!("no JSON, {error}: {said}"))?;
    if let Some(expected) = case.get("expected") {
        return match code {
            0 if alike(&result, expected) => Ok(()),
            0 => Err(format!("ours {result}, theirs {expected}")),
            _ => Err(format!("resolves there, fails here: {said}")),
        };
    }
    if code == 0 {
        return Err(format!("fails there, resolves here: {result}"));
    }
    let kind = match case.get("expected_hang") {
        Some(_) => "circular",
        None => case["expected_error"]["kind"].as_str().unwrap(),
    };
    let codes: Vec<&str> = result["diagnostics"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["code"].as_str())
        .collect();
    if kinds(kind).iter().any(|code| codes.contains(code)) {
        return Ok(());
    }
    Err(format!("another error: {kind} there, here {said}"))
}

#[test]
fn print_gives_what_serverless_gives() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/variables.json");
    let corpus: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    // An account of its own: other tests empty theirs.
    let emulators = start();
    let seeded = Command::new(python())
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/seed_variables.py"))
        .arg(&emulators.moto)
        .arg(&path)
        .status()
        .unwrap();
    assert!(seeded.success());
    let cases = corpus["cases"].as_array().unwrap();
    let mut different = Vec::new();
    for case in cases {
        if let Err(why) = verdict(case, &emulators) {
            println!("{}: {why}", case["id"]);
            different.push(case["id"].as_str().unwrap());
        }
    }
    println!(
        "{} of {} as there",
        cases.len() - different.len(),
        cases.len()
    );
    different.sort_unstable();
    let mut stated: Vec<&str> = DIFFERENT
        .iter()
        .chain(DIFFERENT_HERE)
        .map(|(id, _)| *id)
        .collect();
    stated.sort_unstable();
    assert_eq!(different, stated);
}
