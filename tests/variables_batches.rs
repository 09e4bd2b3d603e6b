//! How often a file asks: each name once, in as few calls as the services take, and singly where batches are denied.

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::cloud_failures::{Answer, Server, keys, refusal};

/// What an account with every parameter and secret answers.
fn answer(operation: &str, body: &str) -> Answer {
    let asked: Value = serde_json::from_str(body).unwrap_or_default();
    let parameter = |name: &Value| json!({"Name": name, "Type": "String", "Value": format!("value of {}", name.as_str().unwrap()), "Version": 1});
    let secret = |id: &Value| {
        let id = id.as_str().unwrap();
        let arn = format!("arn:aws:secretsmanager:us-east-1:123456789012:secret:{id}-AbCdEf");
        json!({"Name": id, "ARN": arn, "SecretString": "hidden", "VersionId": "v1"})
    };
    let all = |key: &str, one: &dyn Fn(&Value) -> Value| -> Vec<Value> {
        asked[key].as_array().unwrap().iter().map(one).collect()
    };
    let body = match operation {
        "GetParameters" => {
            json!({"Parameters": all("Names", &parameter), "InvalidParameters": []})
        }
        "GetParameter" => json!({"Parameter": parameter(&asked["Name"])}),
        "BatchGetSecretValue" => {
            json!({"SecretValues": all("SecretIdList", &secret), "Errors": []})
        }
        "GetSecretValue" => secret(&asked["SecretId"]),
        _ => return refusal("UnknownOperationException", operation),
    };
    (200, body.to_string())
}

/// A file with 500 parameters and 40 secrets, each used twice.
fn file() -> String {
    let mut file = String::from("service: many\nprovider: {region: us-east-1}\ncustom:\n");
    for round in ["a", "b"] {
        for number in 0..500 {
            let _ = writeln!(file, "  {round}{number}: ${{ssm:/many/{number}}}");
        }
        for number in 0..40 {
            let _ = writeln!(file, "  s{round}{number}: ${{secret:many/{number}}}");
        }
    }
    file
}

fn run(server: &Server, text: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("pipeline.yml"), text).unwrap();
    Command::new(env!("CARGO_BIN_EXE_pipectl"))
        .args(["print", "--format", "json", "--path", "custom"])
        .current_dir(folder.path())
        .env_clear()
        .envs(keys())
        .env("AWS_ENDPOINT_URL", server.url())
        .env("HOME", folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn print(server: &Server, text: &str) -> Value {
    let output = run(server, text);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn is_whole(printed: &Value) {
    for round in ["a", "b"] {
        for number in 0..500 {
            assert_eq!(
                printed[format!("{round}{number}")],
                format!("value of /many/{number}")
            );
        }
        for number in 0..40 {
            assert_eq!(printed[format!("s{round}{number}")], "<secret>");
        }
    }
}

#[test]
fn five_hundred_parameters_cost_fifty_calls() {
    let server = Server::playing(answer);
    is_whole(&print(&server, &file()));
    assert_eq!(server.bodies("GetParameters").len(), 50);
    assert_eq!(server.bodies("BatchGetSecretValue").len(), 2);
    assert!(server.bodies("GetParameter").is_empty() && server.bodies("GetSecretValue").is_empty());
}

#[test]
fn where_batches_are_denied_each_is_asked_for() {
    let server = Server::playing(|operation, body| match operation {
        "GetParameters" | "BatchGetSecretValue" => {
            refusal("AccessDeniedException", "not authorized")
        }
        _ => answer(operation, body),
    });
    is_whole(&print(&server, &file()));
    assert_eq!(server.bodies("GetParameter").len(), 500);
    assert_eq!(server.bodies("GetSecretValue").len(), 40);
}

/// An account with two versions of one parameter, as its own tools answer: the entries say which version they are, or not.
fn versions(operation: &str, body: &str, told: bool) -> Answer {
    let asked: Value = serde_json::from_str(body).unwrap_or_default();
    let parameter = |name: &str| {
        let (version, selector) = match name {
            "/v" => (2, ""),
            "/v:1" => (1, ":1"),
            _ => return None,
        };
        let mut entry = json!({"Name": "/v", "Type": "String", "Value": format!("version {version}"), "Version": version});
        if told && !selector.is_empty() {
            entry["Selector"] = json!(selector);
        }
        Some(entry)
    };
    match operation {
        "GetParameters" => {
            let names = asked["Names"].as_array().unwrap();
            let mut found: Vec<Value> = Vec::new();
            let mut invalid = Vec::new();
            for name in names.iter().rev().map(|name| name.as_str().unwrap()) {
                match parameter(name) {
                    Some(entry) => found.push(entry),
                    None => invalid.push(name),
                }
            }
            let body = json!({"Parameters": found, "InvalidParameters": invalid});
            (200, body.to_string())
        }
        _ => match parameter(asked["Name"].as_str().unwrap()) {
            Some(entry) => (200, json!({"Parameter": entry}).to_string()),
            None => refusal("ParameterVersionNotFound", "no such version"),
        },
    }
}

#[test]
fn each_version_has_its_own_value() {
    let text = "service: v\nprovider: {region: us-east-1}\ncustom: {old: '${ssm:/v:1}', new: '${ssm:/v}'}\n";
    for told in [true, false] {
        let server = Server::playing(move |operation, body| versions(operation, body, told));
        let printed = print(&server, text);
        assert_eq!(printed, json!({"old": "version 1", "new": "version 2"}));
        let singly = if told { 0 } else { 2 };
        assert_eq!(server.bodies("GetParameter").len(), singly);
    }
}

#[test]
fn a_version_that_is_not_there_is_an_error() {
    let text =
        "service: v\nprovider: {region: us-east-1}\ncustom: {old: \"${ssm:/v:9, 'fallback'}\"}\n";
    let server = Server::playing(|operation, body| versions(operation, body, true));
    let output = run(&server, text);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let message = printed["diagnostics"][0]["message"].as_str().unwrap();
    assert!(message.contains("ParameterVersionNotFound"), "{message}");
}
