//! Every optional member of every kind: it comes, it goes, it comes again, and each time the plan is empty after the
//! apply. AWS keeps what an update leaves out, so what goes is sent as what takes it away.

use std::fs;

use serde_json::{Value, json};

use super::REGION;
use super::account::{Account, lines};

const FULL: &str = include_str!("members-full.yml");
const BARE: &str = include_str!("members-bare.yml");

#[test]
fn come_and_go() {
    let id = "500000000001";
    let account = Account::with_file(id, REGION, "");
    account.bucket(&format!("members-data-{id}"));
    let everything = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    account.call(
        "iam",
        "create_policy",
        json!({"PolicyName": "boundary", "PolicyDocument": everything.to_string()}),
    );
    let before = account.snapshot();
    let write = |text: &str| {
        fs::write(
            account.folder().join("pipeline.yml"),
            text.replace("ACCOUNT", id),
        )
        .unwrap();
    };
    let bare = |snapshot: &std::collections::BTreeMap<String, Value>| {
        let of = |name: &str| snapshot[name].clone();
        let mut pipeline = of("pipeline members-main");
        pipeline["version"] = json!(0);
        let mut project = of("project members-unit");
        project["tags"] = json!([]);
        (pipeline, project)
    };

    write(BARE);
    account.json(0, &["apply", "--yes"]);
    account.assert_in_sync();
    let at_first = bare(&account.snapshot());

    write(FULL);
    let said = lines(&account.plan(&[])).join("\n");
    for member in [
        "executionMode",
        "triggers",
        "variables",
        "beforeEntry",
        "onSuccess",
        "onFailure",
        "namespace",
        "artifactStore.encryptionKey",
        "buildBatchConfig",
        "cache",
        "concurrentBuildLimit",
        "description",
        "encryptionKey",
        "environmentVariables",
        "privilegedMode",
        "s3Logs",
        "queuedTimeoutInMinutes",
        "vpcConfig",
        "permissionsBoundary",
        "policies.allow",
        "Dimensions",
        "TreatMissingData",
        "AlarmActions",
        "kmsMasterKeyId",
        "lifecycle[0].expirationDays",
        "tags.team",
        "stage-transition",
    ] {
        assert!(said.contains(member), "{member}: {said}");
    }
    account.json(0, &["apply", "--yes"]);
    account.assert_in_sync();
    let state = account.call(
        "codepipeline",
        "get_pipeline_state",
        json!({"name": "members-main"}),
    );
    assert_eq!(
        state["stageStates"][1]["inboundTransitionState"]["disabledReason"],
        "holidays"
    );

    write(BARE);
    account.json(0, &["apply", "--yes", "--prune", "--delete-data"]);
    account.assert_in_sync();
    let state = account.call(
        "codepipeline",
        "get_pipeline_state",
        json!({"name": "members-main"}),
    );
    assert_eq!(
        state["stageStates"][1]["inboundTransitionState"]["enabled"],
        true
    );
    assert_eq!(bare(&account.snapshot()), at_first);

    account.json(0, &["destroy", "--yes", "--delete-data"]);
    account.assert_as(&before);
}
