//! How often a file asks: each name once, in as few calls as the services take, and singly where batches are denied.

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};

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

fn print(server: &Server) -> Value {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("pipeline.yml"), file()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_pipectl"))
        .args(["print", "--format", "json", "--path", "custom"])
        .current_dir(folder.path())
        .env_clear()
        .envs(keys())
        .env("AWS_ENDPOINT_URL", server.url())
        .env("HOME", folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
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
    is_whole(&print(&server));
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
    is_whole(&print(&server));
    assert_eq!(server.bodies("GetParameter").len(), 500);
    assert_eq!(server.bodies("GetSecretValue").len(), 40);
}
