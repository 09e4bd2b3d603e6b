//! What the AWS adapter makes of refusals, faults and bad settings, from a server that answers as it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pipectl::cloud::aws::{Aws, Options};
use pipectl::cloud::{Cloud, CloudError, ErrorKind};
use pipectl::resources::{Id, Kind, Resource};
use serde_json::{Value, json};

use crate::support::inside;

const REGION: &str = "eu-west-1";
const IDENTITY: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult>\
    <Arn>arn:aws:iam::123456789012:user/u</Arn><Account>123456789012</Account>\
    </GetCallerIdentityResult></GetCallerIdentityResponse>";

/// A request that arrived: the operation and the body.
#[derive(Clone)]
struct Seen {
    operation: String,
    body: String,
}

/// An answer of the server: status and body. Status 0 hangs up instead.
pub(crate) type Answer = (u16, String);

/// Answers requests on a loopback port; which answer, the function says from the operation and how often it has
/// been called before.
pub(crate) struct Server {
    url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub(crate) fn start(answer: impl Fn(&str, usize) -> Answer + Send + Sync + 'static) -> Self {
        Self::answering(move |operation, before, _| answer(operation, before))
    }

    /// One that also looks at what it is sent.
    pub(crate) fn playing(answer: impl Fn(&str, &str) -> Answer + Send + Sync + 'static) -> Self {
        Self::answering(move |operation, _, body| answer(operation, body))
    }

    fn answering(answer: impl Fn(&str, usize, &str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let noted = Arc::clone(&seen);
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, noted) = (Arc::clone(&answer), Arc::clone(&noted));
                std::thread::spawn(move || serve(stream, &*answer, &noted));
            }
        });
        Self { url, seen }
    }

    pub(crate) fn bodies(&self, operation: &str) -> Vec<String> {
        let seen = self.seen.lock().expect("no panic before");
        seen.iter()
            .filter(|seen| seen.operation == operation)
            .map(|seen| seen.body.clone())
            .collect()
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) async fn aws(&self) -> Aws {
        Aws::connect(&Options {
            endpoint_url: Some(self.url.clone()),
            ..Options::default()
        })
        .await
        .expect("the settings are good")
    }
}

fn serve(
    mut stream: TcpStream,
    answer: &(dyn Fn(&str, usize, &str) -> Answer + Send + Sync),
    noted: &Mutex<Vec<Seen>>,
) {
    let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
    let (mut length, mut operation) = (0, String::new());
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let line = line.trim();
        if line.is_empty() {
            break;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(number) = lower.strip_prefix("content-length:") {
            length = number.trim().parse().expect("a number");
        }
        if lower.starts_with("x-amz-target:") {
            operation = line.rsplit('.').next().unwrap_or_default().to_owned();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the whole body");
    let body = String::from_utf8(body).expect("a text");
    if operation.is_empty()
        && let Some(rest) = body.strip_prefix("Action=")
    {
        operation = rest.split('&').next().unwrap_or_default().to_owned();
    }
    let before = {
        let mut noted = noted.lock().expect("no panic before");
        let before = noted.iter().filter(|s| s.operation == operation).count();
        noted.push(Seen {
            operation: operation.clone(),
            body: body.clone(),
        });
        before
    };
    let (status, text) = match operation.as_str() {
        "GetCallerIdentity" => (200, IDENTITY.to_owned()),
        _ => answer(&operation, before, &body),
    };
    if status == 0 {
        return;
    }
    // A client that has gone needs no answer.
    let _ = write!(
        stream,
        "HTTP/1.1 {status} X\r\nConnection: close\r\nx-amzn-RequestId: request-1\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    );
}

pub(crate) fn refusal(code: &str, message: &str) -> Answer {
    let body = json!({"__type": code, "message": message});
    (400, body.to_string())
}

fn environment(more: &[(&str, &str)]) -> Vec<(String, String)> {
    let base = [
        ("AWS_REGION", REGION),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
    ];
    base.iter()
        .chain(more)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

pub(crate) fn keys() -> Vec<(String, String)> {
    environment(&[
        ("AWS_ACCESS_KEY_ID", "testing"),
        ("AWS_SECRET_ACCESS_KEY", "testing"),
    ])
}

fn pipeline() -> Resource {
    let body =
        json!({"name": "p", "roleArn": "arn:aws:iam::123456789012:role/r", "novelty": {"a": [1]}});
    Resource::new(Id::new(Kind::Pipeline, REGION, "p"), body)
}

fn role() -> Resource {
    let body = json!({"roleName": "r", "assumeRolePolicyDocument": {}, "policies": {}});
    Resource::new(Id::new(Kind::Role, REGION, "r"), body)
}

#[tokio::test(flavor = "multi_thread")]
async fn our_json_goes_out_as_it_is() {
    if !inside("cloud_failures::our_json_goes_out_as_it_is", keys) {
        return;
    }
    let server = Server::start(|_, _| (200, json!({"unheard": "of"}).to_string()));
    server
        .aws()
        .await
        .create(&pipeline())
        .await
        .expect("created");
    let bodies = server.bodies("CreatePipeline");
    assert_eq!(bodies.len(), 1);
    let sent: Value = serde_json::from_str(&bodies[0]).expect("JSON");
    assert_eq!(sent["pipeline"], pipeline().body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_is_not_asked_again() {
    if !inside("cloud_failures::a_quota_is_not_asked_again", keys) {
        return;
    }
    let server = Server::start(|_, _| refusal("LimitExceededException", "too many pipelines"));
    let error = server
        .aws()
        .await
        .create(&pipeline())
        .await
        .expect_err("refused");
    assert_eq!(server.bodies("CreatePipeline").len(), 1);
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert_eq!(error.code, "LimitExceededException");
    assert_eq!(error.message, "too many pipelines");
    assert_eq!(error.operation, "CodePipeline:CreatePipeline");
    assert_eq!(error.resource.as_deref(), Some("pipeline p"));
    assert_eq!(error.request_id.as_deref(), Some("request-1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_found_again() {
    if !inside("cloud_failures::a_lost_answer_is_found_again", keys) {
        return;
    }
    let server = Server::start(|operation, before| match (operation, before) {
        ("CreatePipeline", 0) => (0, String::new()),
        ("CreatePipeline", _) => refusal("PipelineNameInUseException", "there is one"),
        _ => {
            let mut body = pipeline().body;
            body["version"] = json!(1);
            (200, json!({"pipeline": body}).to_string())
        }
    });
    server
        .aws()
        .await
        .create(&pipeline())
        .await
        .expect("ours after all");
    assert_eq!(server.bodies("CreatePipeline").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_what_is_new_is_left_to_the_caller() {
    if !inside(
        "cloud_failures::waiting_for_what_is_new_is_left_to_the_caller",
        keys,
    ) {
        return;
    }
    let text = "CodePipeline is not authorized to perform AssumeRole on role arn:aws:iam::123456789012:role/r";
    let server = Server::start(move |operation, before| {
        match (operation, before) {
        ("CreatePipeline", 0) => refusal("InvalidStructureException", text),
        ("CreateRole", _) => (
            200,
            "<CreateRoleResponse><CreateRoleResult><Role><Path>/</Path><RoleName>r</RoleName>\
             <RoleId>AROA</RoleId><Arn>arn:aws:iam::123456789012:role/r</Arn>\
             <CreateDate>2026-01-01T00:00:00Z</CreateDate></Role></CreateRoleResult></CreateRoleResponse>"
                .to_owned(),
        ),
        _ => (200, "{}".to_owned()),
    }
    });
    let cloud = server.aws().await;
    cloud.create(&role()).await.expect("a role");
    let refused = cloud.create(&pipeline()).await.expect_err("too early");
    assert_eq!(refused.code, "InvalidStructureException");
    assert_eq!(server.bodies("CreatePipeline").len(), 1);
    cloud.create(&pipeline()).await.expect("known by now");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_the_moment_passes() {
    if !inside("cloud_failures::a_fault_of_the_moment_passes", keys) {
        return;
    }
    let server = Server::start(|_, before| match before {
        0 => (500, "<html>".to_owned()),
        1 => refusal("ThrottlingException", "Rate exceeded"),
        2 => refusal("ConcurrentModificationException", "somebody else"),
        _ => (200, "{}".to_owned()),
    });
    let cloud = server.aws().await;
    let id = Id::new(Kind::Pipeline, REGION, "p");
    cloud.delete(&id, false).await.expect("at last");
    assert_eq!(server.bodies("DeletePipeline").len(), 4);
    assert_eq!(
        cloud.calls().write.get("CodePipeline:DeletePipeline"),
        Some(&1)
    );
}

/// What an update of the pipeline at version 3 is told, where the answers name these versions.
async fn updated(read: u64, written: &'static [u64]) -> (Result<(), CloudError>, usize) {
    let at = |version: u64| {
        let mut body = pipeline().body;
        body["version"] = json!(version);
        (200, json!({"pipeline": body}).to_string())
    };
    let server = Server::start(move |operation, before| match operation {
        "GetPipeline" => at(read),
        "UpdatePipeline" => match written.get(before) {
            Some(0) => (0, String::new()),
            Some(version) => at(*version),
            None => refusal("ValidationException", "once too often"),
        },
        _ => (200, "{}".to_owned()),
    });
    let mut live = pipeline();
    live.body["version"] = json!(3);
    let mut desired = pipeline();
    desired.body["pipelineType"] = json!("V2");
    let outcome = server.aws().await.update(&live, &desired).await;
    (outcome, server.bodies("UpdatePipeline").len())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_meets_another_is_told() {
    if !inside("cloud_failures::an_update_that_meets_another_is_told", keys) {
        return;
    }
    let (outcome, writes) = updated(3, &[4]).await;
    outcome.expect("nobody came between");
    assert_eq!(writes, 1);

    let (outcome, writes) = updated(4, &[5]).await;
    let moved = outcome.expect_err("somebody was here since the plan");
    assert_eq!((moved.code.as_str(), writes), ("version-moved", 0));

    let (outcome, writes) = updated(3, &[5]).await;
    let jumped = outcome.expect_err("somebody came between the last look and the write");
    assert_eq!((jumped.code.as_str(), writes), ("version-jumped", 1));
    assert!(
        jumped.message.contains("version 5") && jumped.message.contains("not 4"),
        "{jumped}"
    );

    // The first answer was lost: the second attempt counts one more, and nobody else was there.
    let (outcome, writes) = updated(3, &[0, 5]).await;
    outcome.expect("both were ours");
    assert_eq!(writes, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_listens() {
    if !inside("cloud_failures::nobody_listens", keys) {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let host = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let cloud = Aws::connect(&Options {
        endpoint_url: Some(format!("http://{host}")),
        ..Options::default()
    })
    .await
    .expect("no call yet");
    let error = cloud.identity().await.expect_err("nobody there");
    assert_eq!(error.kind, ErrorKind::Transient);
    assert_eq!(error.code, "no-connection");
    assert!(error.message.contains(&host), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_credentials() {
    if !inside("cloud_failures::no_credentials", || environment(&[])) {
        return;
    }
    let server = Server::start(|_, _| (200, "{}".to_owned()));
    let cloud = server.aws().await;
    let error = tokio::time::timeout(Duration::from_secs(10), cloud.identity())
        .await
        .expect("at once")
        .expect_err("without keys");
    assert_eq!(error.kind, ErrorKind::Credentials);
    assert_eq!(error.code, "no-credentials");
    assert!(error.message.contains("aws sso login"), "{error}");
    assert!(server.bodies("GetCallerIdentity").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_credentials() {
    if !inside("cloud_failures::expired_credentials", || {
        let mut environment = keys();
        environment.push(("AWS_PROFILE".to_owned(), "work".to_owned()));
        environment
    }) {
        return;
    }
    let server = Server::start(|_, _| refusal("ExpiredTokenException", "The token is expired"));
    let error = server
        .aws()
        .await
        .executions("p", 1)
        .await
        .expect_err("expired");
    assert_eq!(error.kind, ErrorKind::Credentials);
    assert_eq!(error.code, "ExpiredTokenException");
    assert!(
        error.message.contains("aws sso login --profile work"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_other_tools_take_do_not_panic() {
    if !inside(
        "cloud_failures::settings_that_other_tools_take_do_not_panic",
        || {
            let mut environment = keys();
            environment.push(("AWS_RETRY_MODE".to_owned(), "legacy".to_owned()));
            environment.push(("AWS_MAX_ATTEMPTS".to_owned(), "2".to_owned()));
            environment
        },
    ) {
        return;
    }
    let server = Server::start(|_, _| (500, "<html>".to_owned()));
    let error = server
        .aws()
        .await
        .executions("p", 1)
        .await
        .expect_err("a fault");
    assert_eq!(error.kind, ErrorKind::Transient);
    assert_eq!(server.bodies("ListPipelineExecutions").len(), 2);
}
