//! The rights of those who start, watch and steer executions: every request of every such command is translated into the
//! permissions that IAM asks for; `permissions --for run` and `--for steer` must give them, and nothing beside them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::cloud_failures::Server;
use crate::emulated::permissions::{giver, judge, needed};
use crate::examples::Ran;
use crate::operating::{
    REGION, beside, newest, of, on_aws, played, refused, sandbox, service_of, until, waits,
};
use crate::support::program::Place;

/// The account of the sandbox.
const ACCOUNT: &str = "123456789012";

const FILE: &str = r#"service: pump
source: {codecommit: pump, branch: main}
stages:
  - unit:
      run:
        - echo tested
        - >-
          printf '<testsuite name="pump" tests="1" failures="1"><testcase classname="pump" name="holds" time="0.1"><failure
          message="it leaks"/></testcase></testsuite>' > junit.xml
        - >-
          printf '<coverage line-rate="0.5"><packages><package name="p"><classes><class name="c" filename="c.py"><lines><line
          number="1" hits="1"/></lines></class></classes></package></packages></coverage>' > cobertura.xml
      reports:
        unit: junit.xml
        coverage: {files: cobertura.xml, format: COBERTURAXML}
  - name: Gate
    approval: {message: Ship it?}
  - name: Prod
    actions:
      - name: Left
        deploy: {run: echo left, allow: [{Action: 's3:PutObject', Resource: '*'}]}
      - name: Right
        deploy: {run: [echo right, exit 1], allow: [{Action: 's3:PutObject', Resource: '*'}]}
"#;

/// What was asked, each as `needed` takes it.
type Asked = Arc<Mutex<Vec<Value>>>;

/// AWS out of the sandbox account of a folder. The build of `Left` is a batch there: it is found only where batches are.
fn recording(place: &Place, asked: &Asked) -> Server {
    let folder = place.path().join(".pipectl");
    let asked = Arc::clone(asked);
    let looked_for = Mutex::new(None::<String>);
    Server::playing(move |operation, body| {
        asked.lock().unwrap().push(json!({
            "service": service_of(operation),
            "region": REGION,
            "operation": operation,
            "body": body,
        }));
        let given: Value = serde_json::from_str(body).unwrap_or_default();
        let mut batch = looked_for.lock().unwrap();
        let ids = given["ids"].as_array().cloned().unwrap_or_default();
        let left = ids.iter().find_map(|id| {
            let id = id.as_str()?;
            id.contains("Left").then(|| id.to_owned())
        });
        match (operation, left) {
            ("BatchGetBuilds", Some(left)) if batch.as_ref() != Some(&left) => {
                *batch = Some(left);
                return (200, json!({"builds": []}).to_string());
            }
            ("BatchGetBuildBatches", Some(left)) => {
                let arn = format!("arn:aws:codebuild:{REGION}:{ACCOUNT}:build/{left}");
                let groups = json!([{"currentBuildSummary": {"arn": arn}}]);
                let answer = json!({"buildBatches": [{"buildGroups": groups}]});
                return (200, answer.to_string());
            }
            _ => {}
        }
        match played(&folder, operation, &given) {
            Ok(answer) => (200, answer.to_string()),
            Err(error) => refused(&error),
        }
    })
}

fn policy(place: &Place, server: &Server, task: &str) -> Value {
    let ran = on_aws(place, server, &["permissions", "--for", task]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

/// Whether the policy gave everything that was asked since the last time; notes what did.
#[track_caller]
fn held(policy: &Value, asked: &Asked, what: &[&str], used: &mut BTreeSet<(String, String)>) {
    let calls = std::mem::take(&mut *asked.lock().unwrap());
    assert!(!calls.is_empty(), "{what:?} asked nothing");
    for call in &calls {
        for one in needed(ACCOUNT, call) {
            let sid = giver(policy, &one)
                .unwrap_or_else(|| panic!("{what:?}: not given: {one:?}\n{policy:#}"));
            used.insert((sid.to_owned(), one.action));
        }
    }
}

/// Every action of every statement of the policy was asked for, but for those of `beside`.
#[track_caller]
fn nothing_more(policy: &Value, used: &BTreeSet<(String, String)>, beside: &BTreeSet<String>) {
    for statement in policy["Statement"].as_array().unwrap() {
        let sid = statement["Sid"].as_str().unwrap();
        let actions = match &statement["Action"] {
            Value::String(one) => vec![one.clone()],
            many => serde_json::from_value(many.clone()).unwrap(),
        };
        for action in actions {
            assert!(
                beside.contains(&action) || used.contains(&(sid.to_owned(), action.clone())),
                "nothing needs {action} of {sid}: {policy:#}"
            );
        }
    }
}

#[test]
fn who_operates_needs_what_is_printed() {
    let place = of(FILE, "  Other: {succeed: true}\n");
    let running = beside(&place, &["run", "--trust", "--timeout", "120s"]);
    until("the approval", || waits(&place));
    let asked = Asked::default();
    let server = recording(&place, &asked);
    let (run, steer) = (
        policy(&place, &server, "run"),
        policy(&place, &server, "steer"),
    );
    judge(&run);
    judge(&steer);
    let id = newest(&place);
    asked.lock().unwrap().clear();
    let mut used = BTreeSet::new();
    let mut does = |policy: &Value, code: i32, arguments: &[&str]| {
        let ran = on_aws(&place, &server, arguments);
        assert_eq!(
            ran.code, code,
            "{arguments:?}: {}{}",
            ran.stdout, ran.stderr
        );
        held(policy, &asked, arguments, &mut used);
    };
    // While it waits.
    does(&steer, 0, &["approve"]);
    does(&steer, 0, &["reject"]);
    does(&steer, 0, &["stop", "-m", "enough"]);
    does(&steer, 0, &["disable", "--stage", "Prod", "-m", "freeze"]);
    does(&steer, 0, &["enable", "--stage", "Prod"]);
    assert_eq!(sandbox(&place, &["approve"]).code, 0);
    assert_eq!(running.wait_with_output().unwrap().status.code(), Some(1));
    // After it has failed.
    does(&steer, 0, &["retry"]);
    let back = ["rollback", "--stage", "Prod", "--execution", &id, "--yes"];
    does(&steer, 0, &back);
    let steered = used;
    let mut used = BTreeSet::new();
    let mut does = |code: i32, arguments: &[&str]| {
        let ran = on_aws(&place, &server, arguments);
        assert_eq!(
            ran.code, code,
            "{arguments:?}: {}{}",
            ran.stdout, ran.stderr
        );
        held(&run, &asked, arguments, &mut used);
    };
    does(0, &["run"]);
    does(1, &["run", "--watch"]);
    does(0, &["status"]);
    does(0, &["status", "--execution", &id[..8]]);
    does(1, &["watch"]);
    does(0, &["logs"]);
    does(0, &["logs", "--follow"]);
    does(1, &["reports"]);
    does(0, &["graph", "--live"]);
    nothing_more(&run, &used, &BTreeSet::new());
    // Who steers looks, too.
    let looks = used.into_iter().map(|(_, action)| action).collect();
    nothing_more(&steer, &steered, &looks);
}

/// A refused call of a command tells what is missing, with what for, and where all of it is printed.
#[test]
fn what_is_refused_is_told_with_its_statement() {
    let place = of(FILE, "  Other: {succeed: true}\n");
    let running = beside(&place, &["run", "--trust", "--timeout", "120s"]);
    until("the approval", || waits(&place));
    let told = |operation: &'static str, arguments: &[&str], with_resource: bool| -> Ran {
        let folder = place.path().join(".pipectl");
        let server = Server::playing(move |asked, body| {
            if asked == operation {
                let resource = match with_resource {
                    true => format!(" on resource: arn:aws:x:{REGION}:{ACCOUNT}:that"),
                    false => String::new(),
                };
                let action = format!("{}:{operation}", service_of(operation));
                let text = format!("User: u is not authorized to perform: {action}{resource}");
                let body = json!({"__type": "AccessDeniedException", "message": text});
                return (400, body.to_string());
            }
            let given = serde_json::from_str(body).unwrap_or_default();
            match played(&folder, asked, &given) {
                Ok(answer) => (200, answer.to_string()),
                Err(error) => refused(&error),
            }
        });
        on_aws(&place, &server, arguments)
    };
    let words = |text: &str| {
        let text = text.replace('│', " ");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let check = |operation: &'static str, arguments: &[&str], task: &str, why: &str| {
        for with_resource in [true, false] {
            let ran = told(operation, arguments, with_resource);
            assert_eq!(ran.code, 3, "{arguments:?}: {}{}", ran.stdout, ran.stderr);
            let said = words(&ran.stderr);
            let action = format!("{}:{operation}", service_of(operation));
            for part in [
                format!("\"Action\":\"{action}\""),
                format!("pipectl permissions --for {task}` prints"),
                why.to_owned(),
            ] {
                assert!(said.contains(&part), "{arguments:?}: no `{part}` in {said}");
            }
            if with_resource {
                assert!(said.contains(":that\""), "{said}");
            }
        }
    };
    let gated = [
        (
            "GetPipelineState",
            &["status"][..],
            "run",
            "Shows executions",
        ),
        (
            "PutApprovalResult",
            &["approve"],
            "steer",
            "Answers approvals",
        ),
        (
            "PutApprovalResult",
            &["reject"],
            "steer",
            "Answers approvals",
        ),
        (
            "StopPipelineExecution",
            &["stop"],
            "steer",
            "Stops executions",
        ),
    ];
    for (operation, arguments, task, why) in gated {
        check(operation, arguments, task, why);
    }
    assert_eq!(sandbox(&place, &["approve"]).code, 0);
    assert_eq!(running.wait_with_output().unwrap().status.code(), Some(1));
    let id = newest(&place);
    let back = ["rollback", "--stage", "Prod", "--execution", &id, "--yes"];
    let over = [
        (
            "StartPipelineExecution",
            &["run"][..],
            "run",
            "Starts executions",
        ),
        (
            "ListPipelineExecutions",
            &["watch"],
            "run",
            "Shows executions",
        ),
        ("GetLogEvents", &["logs"], "run", "Shows what builds write"),
        ("DescribeTestCases", &["reports"], "run", "Shows tests"),
        (
            "GetPipeline",
            &["graph", "--live"],
            "run",
            "Draws the pipeline",
        ),
        (
            "RetryStageExecution",
            &["retry"],
            "steer",
            "Tries stages again",
        ),
        ("RollbackStage", &back, "steer", "brings them back"),
        (
            "EnableStageTransition",
            &["enable", "--stage", "Prod"],
            "steer",
            "opens and closes",
        ),
        (
            "DisableStageTransition",
            &["disable", "--stage", "Prod"],
            "steer",
            "opens and closes",
        ),
    ];
    for (operation, arguments, task, why) in over {
        check(operation, arguments, task, why);
    }
}

/// Who only operates reads the values of variables where the name of the pipeline is one of them, and nowhere else.
#[test]
fn variables_are_read_for_names_only() {
    let place = Place::new();
    let reads = |file: &str, tasks: &str| {
        place.write("pipeline.yml", file);
        let ran =
            crate::examples::pipectl(place.path(), &["permissions", "--offline", "--for", tasks]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.stdout.contains("ssm:GetParameters")
    };
    let elsewhere = FILE.replace("codecommit: pump", "codecommit: '${ssm:/pump/repository}'");
    let in_name = FILE.replace("service: pump", "service: ${ssm:/pump/name}");
    for task in ["run", "steer", "run,steer"] {
        assert!(!reads(&elsewhere, task), "{task}");
        assert!(reads(&in_name, task), "{task}");
    }
    assert!(reads(&elsewhere, "run,plan"));
}
