//! Requests as they leave the process: every one that the adapter sends, read back by the models of the services.
//! A recorder stands between pipectl and the emulators.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use pipectl::cloud::aws::{Aws, Options};
use pipectl::diagnostic::Diagnostics;
use pipectl::source::Sources;
use serde_json::{Map, Value, json};

use super::{EXAMPLES, ask, repository};
use crate::cloud_contract::contract;
use crate::support::emulator::{self, post};
use crate::support::inside;

/// One request.
#[derive(Clone)]
struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// Reads one from a connection; `None` if nobody sends one.
    fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut first = String::new();
        reader.read_line(&mut first).ok()?;
        let mut words = first.split_whitespace().map(str::to_owned);
        let (method, path) = (words.next()?, words.next()?);
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut request = Self {
            method,
            path,
            headers,
            body: Vec::new(),
        };
        if request.header("expect").is_some() {
            let mut stream = stream;
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
        }
        if request.header("transfer-encoding") == Some("chunked") {
            loop {
                let mut size = String::new();
                reader.read_line(&mut size).ok()?;
                let size = usize::from_str_radix(size.trim(), 16).ok()?;
                let mut chunk = vec![0; size + 2];
                reader.read_exact(&mut chunk).ok()?;
                if size == 0 {
                    break;
                }
                request.body.extend(&chunk[..size]);
            }
        } else if let Some(length) = request.header("content-length") {
            request.body = vec![0; length.parse().unwrap()];
            reader.read_exact(&mut request.body).ok()?;
        }
        Some(request)
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(known, _)| known == name);
        named.next().map(|(_, value)| value.as_str())
    }

    /// The answer of a server that closes the connection after it.
    fn forward(&self, host: &str) -> Vec<u8> {
        let hop = [
            "connection",
            "expect",
            "transfer-encoding",
            "content-length",
        ];
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            if !hop.contains(&name.as_str()) {
                head += &format!("{name}: {value}\r\n");
            }
        }
        head += &format!(
            "connection: close\r\ncontent-length: {}\r\n\r\n",
            self.body.len()
        );
        let mut stream = TcpStream::connect(host).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&self.body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        answer
    }

    /// The service it is signed for.
    fn service(&self) -> String {
        let scope = self
            .header("authorization")
            .and_then(|text| text.split("Credential=").nth(1))
            .unwrap_or_else(|| panic!("{} {} is not signed", self.method, self.path));
        match scope.split('/').nth(3).unwrap() {
            "monitoring" => "cloudwatch".to_owned(),
            other => other.to_owned(),
        }
    }

    fn question(&self) -> Value {
        let headers: Map<String, Value> = self
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), Value::from(value.clone())))
            .collect();
        let mut question = json!({
            "do": "validate_http", "service": self.service(), "method": self.method,
            "path": self.path, "headers": headers,
        });
        match std::str::from_utf8(&self.body) {
            Ok(text) => question["body"] = Value::from(text),
            Err(_) => question["body_base64"] = Value::from(base64(&self.body)),
        }
        question
    }
}

/// RFC 4648.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes
        .chunks(3)
        .flat_map(|chunk| {
            let at = |n: usize| u32::from(chunk.get(n).copied().unwrap_or(0));
            let all = at(0) << 16 | at(1) << 8 | at(2);
            let letter = move |n: usize| match n <= chunk.len() {
                true => char::from(LETTERS[(all >> (18 - 6 * n)) as usize & 63]),
                false => '=',
            };
            (0..4).map(letter).collect::<Vec<_>>()
        })
        .collect()
}

type Recorded = Arc<Mutex<Vec<Request>>>;

/// A server that hands everything on and keeps a copy; gives its address.
fn recorder(target: &str, recorded: &Recorded) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let host = target.strip_prefix("http://").unwrap().to_owned();
    let recorded = Arc::clone(recorded);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (host, recorded) = (host.clone(), Arc::clone(&recorded));
            std::thread::spawn(move || {
                let Some(request) = Request::read(&stream) else {
                    return;
                };
                let answer = request.forward(&host);
                recorded.lock().unwrap().push(request);
                let line = answer
                    .iter()
                    .position(|b| *b == b'\n')
                    .map_or(0, |at| at + 1);
                // A client that has gone needs no answer.
                let _ = stream.write_all(&answer[..line]);
                let _ = stream.write_all(b"connection: close\r\n");
                let _ = stream.write_all(&answer[line..]);
            });
        }
    });
    url
}

fn recorders(recorded: &Recorded) -> (emulator::Emulators, Vec<(String, String)>) {
    let emulators = emulator::start();
    let moto = recorder(&emulators.moto, recorded);
    let ministack = recorder(&emulators.ministack, recorded);
    let mut environment = emulators.environment();
    for (name, value) in &mut environment {
        match name.as_str() {
            "AWS_ENDPOINT_URL" => value.clone_from(&moto),
            "AWS_ENDPOINT_URL_CLOUDWATCH" => value.clone_from(&ministack),
            _ => {}
        }
    }
    (emulators, environment)
}

/// What the models say of all requests, and whether calls of S3 name the owner they expect, once per finding, and how often each operation was called.
fn judge(recorded: &Recorded) -> (BTreeSet<String>, BTreeMap<String, usize>) {
    let mut findings = BTreeSet::new();
    let mut operations = BTreeMap::new();
    for request in recorded.lock().unwrap().iter() {
        let answer = ask(&request.question());
        let operation = answer["operation"].as_str().unwrap();
        let name = format!("{} {operation}", request.service());
        for error in answer["errors"].as_array().unwrap() {
            findings.insert(format!("{name}: {error} in {}", answer["params"]));
        }
        // A bucket of that name may be somebody else's; only CreateBucket has no such member.
        let owner = request.header("x-amz-expected-bucket-owner");
        let names_owner = request.service() != "s3" || operation == "CreateBucket";
        if !names_owner && owner != Some("123456789012") {
            findings.insert(format!("{name}: expects the bucket of {owner:?}"));
        }
        *operations.entry(name).or_insert(0) += 1;
    }
    (findings, operations)
}

fn missing<'n>(operations: &BTreeMap<String, usize>, wanted: &[&'n str]) -> Vec<&'n str> {
    wanted
        .iter()
        .copied()
        .filter(|name| !operations.contains_key(*name))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_every_kind_of_resource_are_valid() {
    let recorded = Recorded::default();
    let mut running = None;
    let inner = inside(
        "judged::wire::requests_of_every_kind_of_resource_are_valid",
        || {
            let (emulators, environment) = recorders(&recorded);
            running = Some(emulators);
            environment
        },
    );
    if inner {
        let cloud = Aws::connect(&Options::default()).await.unwrap();
        contract(&cloud).await;
        return;
    }
    let (findings, operations) = judge(&recorded);
    assert!(findings.is_empty(), "{findings:#?}");
    let wanted = [
        "codebuild CreateProject",
        "codebuild DeleteProject",
        "codebuild UpdateProject",
        "cloudwatch DeleteAlarms",
        "cloudwatch PutMetricAlarm",
        "codepipeline CreatePipeline",
        "codepipeline DisableStageTransition",
        "codepipeline PutWebhook",
        "codepipeline RegisterWebhookWithThirdParty",
        "codepipeline UpdatePipeline",
        "events PutRule",
        "events PutTargets",
        "iam AttachRolePolicy",
        "iam CreatePolicy",
        "iam CreatePolicyVersion",
        "iam CreateRole",
        "iam DeletePolicy",
        "iam DetachRolePolicy",
        "iam GetPolicy",
        "iam GetPolicyVersion",
        "iam ListPolicyVersions",
        "iam PutRolePolicy",
        "logs CreateLogGroup",
        "logs PutRetentionPolicy",
        "s3 CreateBucket",
        "s3 PutBucketEncryption",
        "s3 PutBucketLifecycleConfiguration",
        "s3 PutBucketNotificationConfiguration",
        "s3 PutBucketPolicy",
        "s3 PutBucketVersioning",
        "s3 PutObject",
        "s3 PutPublicAccessBlock",
        "sns CreateTopic",
        "sns SetTopicAttributes",
        "sns Subscribe",
        "ssm PutParameter",
    ];
    assert_eq!(
        missing(&operations, &wanted),
        Vec::<&str>::new(),
        "{operations:#?}"
    );
}

/// What an example's `sandbox.yml` gives, given to an account of the emulators.
struct Given<'a> {
    moto: &'a str,
    region: String,
}

impl Given<'_> {
    fn call(&self, service: &str, target: &str, body: &Value) {
        let scope = format!("{}/{service}", self.region);
        self.post(
            &scope,
            &[
                ("Content-Type", "application/x-amz-json-1.1"),
                ("X-Amz-Target", target),
            ],
            "/",
            &body.to_string(),
        );
    }

    fn post(&self, scope: &str, headers: &[(&str, &str)], path: &str, body: &str) {
        let credential = format!(
            "AWS4-HMAC-SHA256 Credential=testing/20260101/{scope}/aws4_request, SignedHeaders=host, Signature=x"
        );
        let mut all = headers.to_vec();
        all.push(("Authorization", &credential));
        post(self.moto, path, &all, body);
    }

    fn role(&self, name: &str) {
        let statements = ["codepipeline", "codebuild"].map(|service| {
            json!({
                "Effect": "Allow", "Action": "sts:AssumeRole",
                "Principal": {"Service": format!("{service}.amazonaws.com")},
            })
        });
        let trust = json!({"Version": "2012-10-17", "Statement": statements});
        let body = format!(
            "Action=CreateRole&Version=2010-05-08&RoleName={name}&AssumeRolePolicyDocument={}",
            escaped(&trust.to_string())
        );
        let form = [("Content-Type", "application/x-www-form-urlencoded")];
        self.post("us-east-1/iam", &form, "/", &body);
    }

    fn bucket(&self, name: &str) {
        let location = format!(
            "<CreateBucketConfiguration><LocationConstraint>{}</LocationConstraint></CreateBucketConfiguration>",
            self.region
        );
        let body = match self.region.as_str() {
            "us-east-1" => "",
            _ => &location,
        };
        let request = Request {
            method: "PUT".to_owned(),
            path: format!("/{name}"),
            headers: vec![
                ("host".to_owned(), "127.0.0.1".to_owned()),
                (
                    "authorization".to_owned(),
                    format!(
                        "AWS4-HMAC-SHA256 Credential=testing/20260101/{}/s3/aws4_request, SignedHeaders=host, Signature=x",
                        self.region
                    ),
                ),
            ],
            body: body.as_bytes().to_vec(),
        };
        let answer = request.forward(self.moto.strip_prefix("http://").unwrap());
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.contains(" 200 "), "{answer}");
    }

    fn all(&self, sandbox: &Value) {
        for (name, value) in sandbox["parameters"].as_object().into_iter().flatten() {
            let value = value.as_str().unwrap();
            let body = json!({"Name": name, "Value": value, "Type": "String"});
            self.call("ssm", "AmazonSSM.PutParameter", &body);
            if let Some(role) = value.split(":role/").nth(1) {
                self.role(role);
            } else if value.contains(":connection/") {
                let body = json!({"ConnectionArn": value, "ConnectionStatus": "AVAILABLE"});
                post(self.moto, "/_test/connections", &[], &body.to_string());
            } else if name.ends_with("_bucket") {
                self.bucket(value);
            }
        }
        for (name, value) in sandbox["secrets"].as_object().into_iter().flatten() {
            let body = json!({"Name": name, "SecretString": value.to_string()});
            self.call("secretsmanager", "secretsmanager.CreateSecret", &body);
        }
    }
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn yaml(text: &str) -> Value {
    let mut sources = Sources::new();
    let file = sources.add("file.yml", text);
    let tree = pipectl::yaml::parse(&sources, file, &mut Diagnostics::new());
    tree.unwrap().to_json()
}

/// A command of somebody who has nothing but these variables.
fn pipectl(folder: &std::path::Path, environment: &[(String, String)], arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_pipectl"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs(environment.iter().cloned())
        .env("HOME", folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{} in {}: {}{}",
        arguments.join(" "),
        folder.display(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn requests_of_every_example_are_valid() {
    let recorded = Recorded::default();
    let (emulators, environment) = recorders(&recorded);
    for name in EXAMPLES {
        let from = repository().join("examples").join(name);
        let folder = tempfile::tempdir().unwrap();
        let text = fs::read_to_string(from.join("pipeline.yml")).unwrap();
        for entry in fs::read_dir(&from).unwrap().flatten() {
            if entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
            }
        }
        if from.join("buildspecs").is_dir() {
            fs::create_dir(folder.path().join("buildspecs")).unwrap();
            for entry in fs::read_dir(from.join("buildspecs")).unwrap().flatten() {
                let to = folder.path().join("buildspecs").join(entry.file_name());
                fs::copy(entry.path(), to).unwrap();
            }
        }
        let region = yaml(&text)["provider"]["region"]
            .as_str()
            .unwrap()
            .to_owned();
        let sandbox = fs::read_to_string(from.join("sandbox.yml")).unwrap();
        let given = Given {
            moto: &emulators.moto,
            region,
        };
        given.all(&yaml(&sandbox));
        pipectl(folder.path(), &environment, &["apply", "--yes"]);
        // another name for every stage that has one, another threshold, another e-mail address
        let changed = text
            .replace("name: Deploy", "name: Ship")
            .replace("[Deploy]", "[Ship]")
            .replace("above: 0", "above: 3")
            .replace("@", "@new.");
        fs::write(folder.path().join("pipeline.yml"), changed).unwrap();
        let changing = ["apply", "--yes", "--prune", "--delete-data"];
        pipectl(folder.path(), &environment, &changing);
        let destroying = ["destroy", "--yes", "--delete-data"];
        pipectl(folder.path(), &environment, &destroying);
    }
    let (findings, operations) = judge(&recorded);
    assert!(findings.is_empty(), "{findings:#?}");
    let wanted = [
        "codepipeline CreatePipeline",
        "codepipeline UpdatePipeline",
        "codepipeline DeletePipeline",
        "codepipeline PutWebhook",
        "codebuild BatchGetProjects",
        "codebuild DeleteProject",
        "events DeleteRule",
        "iam DeleteRole",
        "s3 DeleteBucket",
        "sns DeleteTopic",
        "ssm DeleteParameters",
    ];
    assert_eq!(
        missing(&operations, &wanted),
        Vec::<&str>::new(),
        "{operations:#?}"
    );
}
