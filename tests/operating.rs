//! The operating commands, on the sandbox and on AWS. What AWS answers here is what the sandbox knows, in the form that
//! botocore's model of the services gives such answers: the same run must be the same screen, whoever tells of it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pipectl::cloud::runs::Runs;
use pipectl::cloud::{Cloud, CloudError};
use pipectl::resources::{Id, Kind};
use pipectl::sandbox::Sandbox;
use serde_json::{Value, json};

use crate::cloud_failures::{Answer, Server};
use crate::examples::{Ran, pipectl};
use crate::judged::ask;
use crate::support::program::Place;

pub(crate) const REGION: &str = "us-east-1";

const FILE: &str = "service: pump
source: {codecommit: pump, branch: main}
variables:
  Size: {default: small}
stages:
  - unit: make test
  - name: Gate
    approval: {message: Ship it?}
  - name: Prod
    actions:
      - name: Left
        deploy: {run: make left, allow: [{Action: 's3:PutObject', Resource: '*'}]}
      - name: Right
        deploy: {run: make right, allow: [{Action: 's3:PutObject', Resource: '*'}]}
";

/// A repository with that file and a sandbox account in which it is applied.
fn pump(actions: &str) -> Place {
    of(FILE, actions)
}

/// A repository with a file and a sandbox account in which it is applied.
pub(crate) fn of(file: &str, actions: &str) -> Place {
    let place = Place::new();
    place.write("pipeline.yml", file);
    place.write("sandbox.yml", format!("actions:\n{actions}"));
    place.write(".gitignore", ".pipectl\n.local\n");
    let git = |arguments: &[&str]| {
        let done = Command::new("git")
            .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"])
            .args(arguments)
            .current_dir(place.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    git(&["init", "-q", "-b", "main", "."]);
    git(&["add", "."]);
    git(&["commit", "-qm", "Pump water uphill"]);
    let ran = pipectl(place.path(), &["apply", "--sandbox", "--yes", "--no-run"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    place
}

pub(crate) fn sandbox(place: &Place, arguments: &[&str]) -> Ran {
    let mut all = arguments.to_vec();
    all.push("--sandbox");
    pipectl(place.path(), &all)
}

/// The newest execution's id.
pub(crate) fn newest(place: &Place) -> String {
    let status = sandbox(place, &["status", "--format", "json"]);
    assert_eq!(status.code, 0, "{}", status.stderr);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    status["execution"]["pipelineExecutionId"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Starts a command beside this test.
pub(crate) fn beside(place: &Place, arguments: &[&str]) -> std::process::Child {
    Command::new(env!("CARGO_BIN_EXE_pipectl"))
        .args(arguments)
        .arg("--sandbox")
        .current_dir(place.path())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", place.path())
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until the sandbox says so.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..600 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("never: {what}");
}

pub(crate) fn waits(place: &Place) -> bool {
    sandbox(place, &["status"]).stdout.contains("waits for you")
}

const ALL_WELL: &str =
    "  UnitTest: {succeed: true}\n  Left: {succeed: true}\n  Right: {succeed: true}\n";
const RIGHT_FAILS: &str =
    "  UnitTest: {succeed: true}\n  Left: {succeed: true}\n  Right: {fail: the pump leaks}\n";

/// An answer of AWS without the members that are not there: AWS leaves them out.
fn bare(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key, bare(value)))
                .collect(),
        ),
        Value::Array(list) => Value::Array(list.into_iter().map(bare).collect()),
        value => value,
    }
}

/// What was asked, and what was answered.
pub(crate) type Talk = Arc<Mutex<Vec<(String, Value, Value)>>>;

/// AWS, as far as it concerns executions, out of the sandbox account in a folder.
fn aws(place: &Place, talk: &Talk) -> Server {
    let folder = place.path().join(".pipectl");
    let talk = Arc::clone(talk);
    Server::playing(move |operation, body| {
        let asked: Value = serde_json::from_str(body).unwrap_or_default();
        match played(&folder, operation, &asked) {
            Ok(answer) => {
                talk.lock()
                    .unwrap()
                    .push((operation.to_owned(), asked, answer.clone()));
                (200, answer.to_string())
            }
            Err(error) => refused(&error),
        }
    })
}

/// What AWS answers, out of the sandbox account in a folder.
pub(crate) fn played(folder: &Path, operation: &str, asked: &Value) -> Result<Value, CloudError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(answer(folder, operation, asked)).map(bare)
}

pub(crate) fn refused(error: &CloudError) -> Answer {
    let body = json!({"__type": error.code, "message": error.message});
    (400, body.to_string())
}

async fn answer(folder: &Path, operation: &str, asked: &Value) -> Result<Value, CloudError> {
    let account = Sandbox::open(folder, REGION, None).expect("it is there");
    let runs: &dyn Runs = &account;
    let text = |key: &str| asked[key].as_str().unwrap_or_default();
    let pipeline = if text("pipelineName").is_empty() {
        text("name")
    } else {
        text("pipelineName")
    };
    let execution = asked["filter"]["pipelineExecutionId"]
        .as_str()
        .unwrap_or_else(|| text("pipelineExecutionId"));
    Ok(match operation {
        "GetPipelineState" => json!(runs.state(pipeline).await?),
        "GetPipeline" => {
            let id = Id::new(Kind::Pipeline, REGION, pipeline);
            let found = account.read(&[id]).await?.pop().flatten();
            json!({"pipeline": found.expect("it is there").body})
        }
        "ListTagsForResource" => json!({"tags": []}),
        "ListPipelineExecutions" => {
            let most = asked["maxResults"].as_u64().unwrap_or(100);
            let mut list = json!(runs.list(pipeline, usize::try_from(most).unwrap()).await?);
            for one in list.as_array_mut().unwrap() {
                // The list has no variables and no version.
                let one = one.as_object_mut().unwrap();
                one.remove("variables");
                one.remove("pipelineVersion");
            }
            json!({"pipelineExecutionSummaries": list})
        }
        "GetPipelineExecution" => {
            let Some(found) = runs.execution(pipeline, execution).await? else {
                return Err(CloudError {
                    kind: pipectl::cloud::ErrorKind::NotFound,
                    operation: operation.to_owned(),
                    code: "PipelineExecutionNotFoundException".to_owned(),
                    message: "no such execution".to_owned(),
                    request_id: None,
                    resource: None,
                });
            };
            let mut found = json!(found);
            let map = found.as_object_mut().unwrap();
            for of_the_list in ["startTime", "lastUpdateTime", "stopTrigger"] {
                map.remove(of_the_list);
            }
            let revisions = map.remove("sourceRevisions").unwrap_or_default();
            let revisions: Vec<Value> = revisions
                .as_array()
                .into_iter()
                .flatten()
                .map(|revision| {
                    let mut revision = revision.clone();
                    let name = revision.as_object_mut().unwrap().remove("actionName");
                    revision["name"] = name.unwrap_or_default();
                    revision
                })
                .collect();
            map.insert("artifactRevisions".to_owned(), json!(revisions));
            map.insert("pipelineName".to_owned(), json!(pipeline));
            json!({"pipelineExecution": found})
        }
        "ListActionExecutions" => {
            let mut list = runs.action_runs(pipeline, execution).await?;
            list.reverse();
            json!({"actionExecutionDetails": list})
        }
        "BatchGetBuilds" => {
            let ids: Vec<String> = serde_json::from_value(asked["ids"].clone()).unwrap();
            json!({"builds": runs.builds(REGION, &ids).await?})
        }
        "GetLogEvents" => {
            let (group, stream) = (text("logGroupName"), text("logStreamName"));
            if asked["startFromHead"] == false {
                let most = usize::try_from(asked["limit"].as_u64().unwrap()).unwrap();
                let lines = runs.log_tail(REGION, group, stream, most).await?;
                return Ok(json!({"events": events(&lines)}));
            }
            let after = asked["nextToken"].as_str();
            let page = runs.log(REGION, group, stream, after).await?;
            json!({"events": events(&page.lines), "nextForwardToken": page.next})
        }
        "BatchGetReports" => {
            let arns: Vec<String> = serde_json::from_value(asked["reportArns"].clone()).unwrap();
            let mut reports = json!(runs.reports(REGION, &arns).await?);
            for report in reports.as_array_mut().unwrap() {
                let report = report.as_object_mut().unwrap();
                report.remove("testCases");
                report.remove("files");
            }
            json!({"reports": reports})
        }
        "DescribeTestCases" => {
            let arn = text("reportArn").to_owned();
            let reports = runs.reports(REGION, &[arn]).await?;
            let wanted = asked["filter"]["status"].as_str();
            let cases: Vec<Value> = reports
                .iter()
                .flat_map(|report| &report.test_cases)
                .map(|case| json!(case))
                .filter(|case| wanted.is_none_or(|wanted| case["status"] == wanted))
                .collect();
            json!({"testCases": cases})
        }
        "DescribeCodeCoverages" => {
            let arn = text("reportArn").to_owned();
            let reports = runs.reports(REGION, &[arn]).await?;
            let files: Vec<Value> = reports
                .iter()
                .flat_map(|report| &report.files)
                .map(|file| json!(file))
                .collect();
            json!({"codeCoverages": files})
        }
        "PutApprovalResult" => json!({"approvedAt": 1_785_000_000.5}),
        "StartPipelineExecution"
        | "RetryStageExecution"
        | "RollbackStage"
        | "StopPipelineExecution" => {
            let newest = runs.list(pipeline, 1).await?;
            json!({"pipelineExecutionId": newest[0].pipeline_execution_id})
        }
        "EnableStageTransition" | "DisableStageTransition" => json!({}),
        other => panic!("nobody said what AWS answers to {other}: {asked}"),
    })
}

fn events(lines: &[pipectl::cloud::runs::LogLine]) -> Vec<Value> {
    lines
        .iter()
        .map(|line| json!({"timestamp": line.at.0, "message": format!("{}\n", line.text)}))
        .collect()
}

/// The command against that AWS.
pub(crate) fn on_aws(place: &Place, server: &Server, arguments: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_pipectl"))
        .args(arguments)
        .current_dir(place.path())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", place.path())
        .env("LC_ALL", "C.UTF-8")
        .env("NO_COLOR", "1")
        .env("AWS_ENDPOINT_URL", server.url())
        .env("AWS_ACCESS_KEY_ID", "testing")
        .env("AWS_SECRET_ACCESS_KEY", "testing")
        .env("AWS_REGION", REGION)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

pub(crate) fn service_of(operation: &str) -> &'static str {
    match operation {
        "GetLogEvents" => "logs",
        "BatchGetBuilds"
        | "BatchGetBuildBatches"
        | "BatchGetReports"
        | "DescribeTestCases"
        | "DescribeCodeCoverages" => "codebuild",
        _ => "codepipeline",
    }
}

/// botocore's verdict on every request and every answer.
pub(crate) fn judge(talk: &Talk) {
    let talk = talk.lock().unwrap();
    assert!(!talk.is_empty(), "nothing was said");
    for (operation, asked, answered) in talk.iter() {
        for (what, params) in [("validate_request", asked), ("validate_output", answered)] {
            let verdict = ask(&json!({
                "do": what,
                "service": service_of(operation),
                "operation": operation,
                "params": params,
            }));
            assert_eq!(verdict["errors"], json!([]), "{what} {operation}: {params}");
        }
    }
}

/// Only AWS has a console.
fn without_console(out: &str) -> String {
    let member = regex::Regex::new(r#","console":"[^"]*""#).unwrap();
    out.lines()
        .filter(|line| !line.trim_start().starts_with("console: "))
        .map(|line| format!("{}\n", member.replace(line, "")))
        .collect()
}

/// Runs the pump with the approval given by another process; gives what `run` left.
fn run_through(place: &Place) -> (i32, String, String) {
    let running = beside(place, &["run", "--trust", "--timeout", "120s"]);
    until("the approval", || waits(place));
    let approved = sandbox(place, &["approve", "-m", "it holds"]);
    assert_eq!(approved.code, 0, "{}", approved.stderr);
    assert!(
        approved.stdout.contains("approved Gate/Gate"),
        "{}",
        approved.stdout
    );
    // Whoever approves is shown what it lets through.
    assert!(
        approved.stderr.contains("Pump water uphill"),
        "{}",
        approved.stderr
    );
    let output = running.wait_with_output().unwrap();
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn an_approval_from_another_process_lets_the_run_through() {
    let place = pump(ALL_WELL);
    let (code, out, err) = run_through(&place);
    assert_eq!(code, 0, "{out}{err}");
    let at = |text: &str| {
        out.find(text)
            .unwrap_or_else(|| panic!("`{text}` is not in\n{out}"))
    };
    let order = [
        at("✓ Source succeeded"),
        at("✓ UnitTest succeeded"),
        at("◆ Gate waits for an answer"),
        at("✓ Gate succeeded"),
        at("● Prod/Left started"),
        at("✓ execution"),
    ];
    assert!(order.is_sorted(), "{out}");
    // A second answer is not taken, and says so.
    let again = sandbox(&place, &["approve"]);
    assert_eq!(again.code, 1, "{}", again.stderr);
    assert!(
        again.stderr.contains("nothing waits for an answer"),
        "{}",
        again.stderr
    );
}

#[test]
fn an_answer_to_what_waits_no_more_is_refused() {
    let place = pump(ALL_WELL);
    let running = beside(&place, &["run", "--trust", "--timeout", "120s"]);
    until("the approval", || waits(&place));
    // Meant for another execution than the one that waits.
    let other = sandbox(&place, &["approve", "--execution", "0a0b0c0d"]);
    assert_eq!(other.code, 3, "{}", other.stderr);
    let said = format!(
        "Gate/Gate does not wait for execution 0a0b0c0d any more, but for {}",
        newest(&place)
    );
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        plain(&other.stderr.replace('│', " ")).contains(&said),
        "{}",
        other.stderr
    );
    // Somebody else answers between the look and the answer: AWS refuses the token of the look.
    for code in [
        "ApprovalAlreadyCompletedException",
        "InvalidApprovalTokenException",
    ] {
        let folder = place.path().join(".pipectl");
        let server = Server::playing(move |operation, body| {
            if operation == "PutApprovalResult" {
                return (400, json!({"__type": code, "message": "no"}).to_string());
            }
            let asked = serde_json::from_str(body).unwrap_or_default();
            match played(&folder, operation, &asked) {
                Ok(answer) => (200, answer.to_string()),
                Err(error) => refused(&error),
            }
        });
        let late = on_aws(&place, &server, &["approve"]);
        assert_eq!(late.code, 3, "{code}: {}", late.stderr);
        assert!(
            late.stderr
                .contains("Gate/Gate was answered by somebody else"),
            "{code}: {}",
            late.stderr
        );
    }
    // Nothing of that let it through.
    assert!(waits(&place));
    assert_eq!(sandbox(&place, &["approve"]).code, 0);
    assert_eq!(running.wait_with_output().unwrap().status.code(), Some(0));
}

#[test]
fn a_rejection_ends_the_run_with_one() {
    let place = pump(ALL_WELL);
    let running = beside(&place, &["run", "--trust", "--timeout", "120s"]);
    until("the approval", || waits(&place));
    let rejected = sandbox(&place, &["reject", "-m", "too late today"]);
    assert_eq!(rejected.code, 0, "{}", rejected.stderr);
    let output = running.wait_with_output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{out}");
    assert!(out.contains("✗ Gate failed"), "{out}");
    assert!(out.contains("too late today"), "{out}");
}

#[test]
fn the_same_run_is_the_same_screen_on_aws() {
    let place = pump(RIGHT_FAILS);
    let (code, out, err) = run_through(&place);
    assert_eq!(code, 1, "{out}{err}");
    assert!(out.contains("the pump leaks"), "{out}");
    let talk = Talk::default();
    let server = aws(&place, &talk);
    for arguments in [
        &["status"][..],
        &["watch"],
        &["watch", "--format", "json"],
        &["logs"],
        &["reports"],
    ] {
        let here = sandbox(&place, arguments);
        let there = on_aws(&place, &server, arguments);
        assert_eq!(
            without_console(&there.stdout),
            without_console(&here.stdout),
            "{arguments:?}: {}",
            there.stderr
        );
        assert_eq!(there.code, here.code, "{arguments:?}: {}", there.stderr);
    }
    judge(&talk);
}

const DENIED: &str = r#"service: pump
source: {codecommit: pump, branch: main}
stages:
  - name: Prod
    actions:
      - name: Copy
        deploy:
          run:
            - echo before
            - |
              echo 'User: arn:aws:sts::123456789012:assumed-role/pump-copy/AWSCodeBuild-1 is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::pump/index.html" because no identity-based policy allows it'
              exit 254
          allow: [{Action: 's3:GetObject', Resource: '*'}]
"#;

#[test]
fn a_denied_call_is_told_with_what_allows_it() {
    let place = of(DENIED, "  Other: {succeed: true}\n");
    let ran = sandbox(&place, &["run", "--trust"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let (_, told) = ran.stdout.split_once("failed: ").unwrap();
    let said = "User: arn:aws:sts::123456789012:assumed-role/pump-copy/AWSCodeBuild-1 is not authorized to perform: \
                s3:PutObject on resource: \"arn:aws:s3:::pump/index.html\" because no identity-based policy allows it";
    assert_eq!(
        told,
        format!(
            "Prod/Copy in BUILD
   command: echo '{said}'
            exit 254
    reason: exit status 254
       log: {said}
   missing: the permission s3:PutObject of the role pump-copy. Beside the action's `run`:
            allow:
              - Action: s3:PutObject
                Resource: \"arn:aws:s3:::pump/index.html\"
"
        )
    );
    let talk = Talk::default();
    let server = aws(&place, &talk);
    let there = on_aws(&place, &server, &["watch"]);
    assert!(
        there.stdout.contains("console: https://"),
        "{}",
        there.stdout
    );
    let here = sandbox(&place, &["watch"]);
    assert_eq!(without_console(&there.stdout), here.stdout);
    let streamed = sandbox(&place, &["watch", "--format", "json"]);
    let last: Value = serde_json::from_str(streamed.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(last["event"], "failure");
    assert_eq!(
        last["missing"],
        json!({"action": "s3:PutObject", "resource": "arn:aws:s3:::pump/index.html",
               "who": "arn:aws:sts::123456789012:assumed-role/pump-copy/AWSCodeBuild-1"})
    );
    judge(&talk);
}

#[test]
fn what_steers_is_sent_as_aws_takes_it() {
    let place = pump(RIGHT_FAILS);
    let running = beside(&place, &["run", "--trust", "--timeout", "120s"]);
    until("the approval", || waits(&place));
    let talk = Talk::default();
    let server = aws(&place, &talk);
    let id = newest(&place);
    let sent = |operation: &str| {
        talk.lock()
            .unwrap()
            .iter()
            .rfind(|(known, _, _)| known == operation)
            .map(|(_, asked, _)| asked.clone())
            .unwrap_or_else(|| panic!("{operation} was not sent"))
    };
    let done = |arguments: &[&str]| {
        let ran = on_aws(&place, &server, arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        ran
    };
    done(&["approve", "-m", "it holds"]);
    let answer = sent("PutApprovalResult");
    assert_eq!(answer["stageName"], "Gate");
    assert_eq!(
        answer["result"],
        json!({"status": "Approved", "summary": "it holds"})
    );
    let token = answer["token"].as_str().unwrap();
    assert!(!token.is_empty());
    done(&["reject"]);
    assert_eq!(
        sent("PutApprovalResult")["result"],
        json!({"status": "Rejected", "summary": "Rejected"})
    );
    done(&["stop", "--abandon", "-m", "wrong branch"]);
    assert_eq!(
        sent("StopPipelineExecution"),
        json!({"pipelineName": "pump", "pipelineExecutionId": id, "abandon": true, "reason": "wrong branch"})
    );
    done(&["disable", "--stage", "Prod", "-m", "freeze"]);
    assert_eq!(
        sent("DisableStageTransition"),
        json!({"pipelineName": "pump", "stageName": "Prod", "transitionType": "Inbound", "reason": "freeze"})
    );
    done(&["enable", "--stage", "Prod"]);
    assert_eq!(
        sent("EnableStageTransition"),
        json!({"pipelineName": "pump", "stageName": "Prod", "transitionType": "Inbound"})
    );
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let started = done(&["run", "--var", "Size=large", "--commit", commit]);
    assert_eq!(started.stdout.trim(), id);
    let mut start = sent("StartPipelineExecution");
    let token = start.as_object_mut().unwrap().remove("clientRequestToken");
    assert!(
        token.is_some(),
        "a second attempt would be a second execution"
    );
    assert_eq!(
        start,
        json!({
            "name": "pump",
            "variables": [{"name": "Size", "value": "large"}],
            "sourceRevisions": [{"actionName": "Source", "revisionType": "COMMIT_ID", "revisionValue": commit}],
        })
    );
    // Now it goes on and fails, and is tried again.
    assert_eq!(sandbox(&place, &["approve"]).code, 0);
    let output = running.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    done(&["retry", "--all"]);
    assert_eq!(
        sent("RetryStageExecution"),
        json!({"pipelineName": "pump", "stageName": "Prod", "pipelineExecutionId": id, "retryMode": "ALL_ACTIONS"})
    );
    done(&["rollback", "--stage", "Prod", "--execution", &id, "--yes"]);
    assert_eq!(
        sent("RollbackStage"),
        json!({"pipelineName": "pump", "stageName": "Prod", "targetPipelineExecutionId": id})
    );
    judge(&talk);
}

#[test]
fn a_run_that_nobody_trusts_lists_its_commands_and_does_nothing() {
    let place = pump(ALL_WELL);
    let ran = sandbox(&place, &["run"]);
    assert_eq!(ran.code, 64, "{}{}", ran.stdout, ran.stderr);
    for command in ["make test", "make left", "make right"] {
        assert!(ran.stderr.contains(command), "{}", ran.stderr);
    }
    assert!(ran.stderr.contains("--trust"), "{}", ran.stderr);
    let status = sandbox(&place, &["status"]);
    assert!(
        !status.stdout.contains("UnitTest        running"),
        "{}",
        status.stdout
    );
}

#[test]
fn what_was_interrupted_goes_on() {
    let place = pump(ALL_WELL);
    let mut running = beside(&place, &["run", "--trust"]);
    until("the approval", || waits(&place));
    // As kill -9 does it.
    running.kill().unwrap();
    running.wait().unwrap();
    let id = newest(&place);
    let status = sandbox(&place, &["status"]);
    assert!(status.stderr.contains("run --resume"), "{}", status.stderr);
    // Whoever approves goes on with it, since nobody else does.
    let approved = sandbox(&place, &["approve"]);
    assert_eq!(approved.code, 0, "{}{}", approved.stdout, approved.stderr);
    assert!(
        approved
            .stdout
            .contains(&format!("execution {id} succeeded")),
        "{}",
        approved.stdout
    );
}

#[test]
fn after_the_time_that_was_given_it_says_what_it_waits_for() {
    let place = pump(ALL_WELL);
    let ran = sandbox(&place, &["run", "--trust", "--timeout", "5s"]);
    assert_eq!(ran.code, 3, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stderr.contains("still waits for an answer in Gate"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains("pipectl approve --sandbox"),
        "{}",
        ran.stderr
    );
}

#[test]
fn commands_about_nothing_say_so() {
    let place = Place::new();
    place.write("pipeline.yml", FILE);
    for arguments in [
        &["status"][..],
        &["watch"],
        &["logs"],
        &["stop"],
        &["run", "--trust"],
    ] {
        let ran = sandbox(&place, arguments);
        assert_eq!(ran.code, 3, "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        assert!(
            ran.stderr.contains("there is no pipeline pump")
                && ran.stderr.contains("pipectl apply"),
            "{arguments:?}: {}",
            ran.stderr
        );
    }
    let place = pump(ALL_WELL);
    for (arguments, code, says) in [
        (&["rollback", "--stage", "Pord"][..], 64, "--stage Prod"),
        (&["enable", "--stage", "Source"], 64, "first stage"),
        (&["run", "--var", "Size"], 64, "--var NAME=VALUE"),
        (&["run", "--timeout", "soon"], 64, "--timeout 30m"),
        (&["retry"], 1, "has failed"),
        (&["status", "--pipeline", "other"], 64, "--pipeline pump"),
    ] {
        let ran = sandbox(&place, arguments);
        assert_eq!(
            ran.code, code,
            "{arguments:?}: {}{}",
            ran.stdout, ran.stderr
        );
        assert!(ran.stderr.contains(says), "{arguments:?}: {}", ran.stderr);
    }
}
