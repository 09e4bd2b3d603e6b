//! The flags of apply, each with what it does to a real server.

use serde_json::json;

use super::account::{Account, lines};
use super::{REGION, SMALL};

/// The executions of a pipeline, as other clients see them.
fn executions(account: &Account, pipeline: &str) -> Vec<String> {
    let answer = account.call(
        "codepipeline",
        "list_pipeline_executions",
        json!({"pipelineName": pipeline}),
    );
    let list = answer["pipelineExecutionSummaries"].as_array().unwrap();
    list.iter()
        .map(|execution| execution["status"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn to_run_or_not() {
    let account = Account::with_file("400000000001", REGION, SMALL);
    let plan = account.plan(&["--no-run"]);
    assert!(plan["consequences"].to_string().contains("--no-run"));
    account.json(0, &["apply", "--yes", "--no-run"]);
    assert_eq!(executions(&account, "small"), ["Stopped"]);
    let state = account.call(
        "codepipeline",
        "get_pipeline_state",
        json!({"name": "small"}),
    );
    for stage in state["stageStates"].as_array().unwrap() {
        assert_eq!(
            stage["inboundTransitionState"]["enabled"], true,
            "{stage:#}"
        );
    }
    account.assert_in_sync();
    account.json(0, &["apply", "--run"]);
    assert_eq!(executions(&account, "small"), ["InProgress", "Stopped"]);
    let both = account.run(&["apply", "--run", "--no-run"]);
    assert_eq!(both.code, 64);
}

#[test]
fn one_pipeline_alone() {
    let account = Account::of_example("400000000002", "us-west-2", "canary");
    let before = account.snapshot();
    let unknown = account.run(&["apply", "--pipeline", "nobody"]);
    assert_eq!(unknown.code, 64, "{}", unknown.stderr);
    let made = account.json(0, &["apply", "--pipeline", "prod"]);
    assert!(lines(&made).contains(&"create pipeline flags-prod (new)".to_owned()));
    assert!(
        !made.to_string().contains("flags-canary-pipeline"),
        "{made:#}"
    );
    assert_eq!(account.plan(&["--pipeline", "prod"])["changes"], json!([]));
    assert_eq!(
        account.plan(&["--pipeline", "flags-prod"])["changes"],
        json!([])
    );
    let rest = lines(&account.plan(&[]));
    assert!(
        rest.contains(&"create pipeline flags-canary (new)".to_owned()),
        "{rest:?}"
    );
    assert!(
        !rest.iter().any(|line| line.contains("codebuild-project")),
        "{rest:?}"
    );
    account.json(0, &["apply", "--yes"]);
    account.assert_in_sync();
    // The other one is no leftover of this one.
    let pruned = account.json(0, &["apply", "--pipeline", "prod", "--prune", "--yes"]);
    assert_eq!(pruned["changes"], json!([]));
    account.json(0, &["destroy", "--yes", "--delete-data"]);
    account.assert_as(&before);
}

#[test]
fn a_dry_run_changes_nothing() {
    let account = Account::with_file("400000000003", REGION, SMALL);
    account.traffic();
    let planned = account.json(0, &["apply", "--dry-run"]);
    assert_eq!(lines(&planned), lines(&account.plan(&[])));
    account.json(0, &["destroy", "--dry-run"]);
    assert!(account.traffic().iter().all(|call| !call.write));
    account.json(0, &["apply"]);
    account.traffic();
    let planned = account.json(0, &["destroy", "--dry-run", "--delete-data"]);
    assert!(account.traffic().iter().all(|call| !call.write));
    let gone = account.json(0, &["destroy", "--yes", "--delete-data"]);
    assert_eq!(lines(&planned), lines(&gone));
    assert_eq!(account.snapshot(), std::collections::BTreeMap::new());
}

#[test]
fn connections_and_roles_that_are_not_ready() {
    let account = Account::of_example("400000000004", "us-west-2", "canary");
    let connection = account.call(
        "ssm",
        "get_parameter",
        json!({"Name": "/flags/github_connection"}),
    );
    let arn = connection["Parameter"]["Value"]
        .as_str()
        .unwrap()
        .to_owned();
    account.connection(&arn, "PENDING");
    let ran = account.run(&["apply", "--yes"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let said = ran.stderr;
    assert!(
        said.contains("connection-pending") && said.contains("https://us-west-2.console"),
        "{said}"
    );
    account.assert_in_sync();

    account.edit(
        "  region: us-west-2\n",
        "  region: us-west-2\n  buildRole: arn:aws:iam::400000000004:role/nobody\n",
    );
    let before = account.snapshot();
    let ran = account.run(&["apply", "--yes"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let said = ran.stderr;
    assert!(
        said.contains("role-missing") && said.contains("pipeline.yml:7"),
        "{said}"
    );
    account.assert_as(&before);
}
