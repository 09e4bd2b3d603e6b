//! What the account says no to, and what pipectl says no to: with the right exit code, and nothing lost.

use std::fs;

use serde_json::{Value, json};

use super::account::{Account, assert_lines, ended, lines};
use super::{REGION, SMALL};

/// The error of an answer in JSON.
#[track_caller]
fn error(account: &Account, arguments: &[&str]) -> (Value, String) {
    let ran = account.run(&[arguments, &["--format", "json"]].concat());
    assert_eq!(ran.code, 3, "{}{}", ran.stdout, ran.stderr);
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
    (answer["error"].clone(), ran.stderr)
}

#[test]
fn denied() {
    let account = Account::with_file("300000000001", REGION, SMALL);
    let text = "User: u is not authorized to perform: codebuild:CreateProject";
    account.refuse(
        "CreateProject",
        100,
        "400 Bad Request",
        "AccessDeniedException",
        text,
    );
    let (error_, said) = error(&account, &["apply", "--yes"]);
    assert_eq!(error_["code"], "AccessDeniedException");
    assert_eq!(error_["operation"], "CodeBuild:CreateProject");
    assert!(error_["requestId"].is_string());
    assert!(said.contains("codebuild:CreateProject"), "{said}");
    // What does not need the projects is there; what does is not, and the lock is free.
    let made = account.snapshot();
    assert!(made.keys().any(|name| name.starts_with("bucket ")));
    assert!(made.keys().any(|name| name.starts_with("role ")));
    assert!(!made.keys().any(|name| name.starts_with("pipeline ")));
    let left = lines(&account.plan(&[]));
    assert!(
        left.iter().all(|line| line.starts_with("create ")),
        "{left:?}"
    );
    account.release(true);
    account.json(0, &["apply", "--yes"]);
    account.assert_in_sync();

    // Who may not read gets no plan.
    account.refuse(
        "BatchGetProjects",
        100,
        "400 Bad Request",
        "AccessDeniedException",
        "no",
    );
    let (error_, said) = error(&account, &["plan"]);
    assert_eq!(error_["operation"], "CodeBuild:BatchGetProjects");
    assert!(said.contains("codebuild:BatchGetProjects"), "{said}");
    account.release(true);
    // S3 and IAM answer in XML.
    account.refuse("GetRole", 100, "403 Forbidden", "AccessDenied", "no");
    let (error_, said) = error(&account, &["plan"]);
    assert_eq!(error_["code"], "AccessDenied");
    assert!(said.contains("iam:GetRole"), "{said}");
}

#[test]
fn a_moment_of_weakness() {
    let account = Account::with_file("300000000002", REGION, SMALL);
    account.refuse(
        "CreateProject",
        2,
        "400 Bad Request",
        "ThrottlingException",
        "Rate exceeded",
    );
    account.refuse(
        "CreateRole",
        1,
        "500 Internal Server Error",
        "ServiceFailure",
        "sorry",
    );
    account.refuse(
        "PUT policy",
        1,
        "503 Service Unavailable",
        "SlowDown",
        "slower",
    );
    account.json(0, &["apply", "--yes"]);
    account.assert_in_sync();
}

#[test]
fn who_are_you() {
    let mut account = Account::with_file("300000000003", REGION, SMALL);
    let before = account.snapshot();
    for code in [
        "ExpiredToken",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
    ] {
        account.refuse(
            "GetCallerIdentity",
            100,
            "403 Forbidden",
            code,
            "The security token is bad",
        );
        let (error, said) = error(&account, &["apply", "--yes"]);
        assert_eq!(error["code"], code);
        assert!(said.contains("redentials"), "{said}");
        account.release(true);
    }
    let file = account.folder().join("pipeline.yml");
    fs::write(
        &file,
        SMALL.replace("provider:\n", "provider:\n  accountId: \"999999999999\"\n"),
    )
    .unwrap();
    let (mismatch, said) = error(&account, &["apply", "--yes"]);
    assert_eq!(mismatch["code"], "account-mismatch");
    assert!(
        said.contains("999999999999") && said.contains(&account.id),
        "{said}"
    );
    fs::write(&file, SMALL).unwrap();

    let variables = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    for variable in variables {
        account
            .environment
            .insert(variable.to_owned(), String::new());
    }
    let (_, said) = error(&account, &["plan"]);
    assert!(said.contains("redentials"), "{said}");
    for variable in variables {
        account.environment.remove(variable);
    }
    account
        .environment
        .insert("AWS_REGION".to_owned(), String::new());
    let nowhere = account.run(&["plan"]);
    assert_eq!(nowhere.code, 64, "{}", nowhere.stderr);
    assert!(nowhere.stderr.contains("region"), "{}", nowhere.stderr);
    account.assert_as(&before);
}

#[test]
fn another_region_has_other_parameters() {
    let file = SMALL.replace(
        "codecommit: repository",
        "codecommit: '${ssm:/small/repository}'",
    );
    let account = Account::with_file("300000000004", REGION, &file);
    account.call(
        "ssm",
        "put_parameter",
        json!({"Name": "/small/repository", "Value": "repository", "Type": "String"}),
    );
    assert_ne!(account.plan(&[])["changes"], json!([]));
    let ran = account.run(&["plan", "-r", "ap-south-1"]);
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    let said = ran.stderr;
    assert!(
        said.contains("/small/repository") && said.contains("pipeline.yml:"),
        "{said}"
    );
}

#[test]
fn plans_in_files() {
    let account = Account::with_file("300000000005", REGION, SMALL);
    account.json(0, &["plan", "--out", "first.plan"]);
    let applied = account.json(0, &["apply", "first.plan"]);
    assert_ne!(applied["summary"]["create"], 0);
    account.assert_in_sync();
    let (stale, _) = error(&account, &["apply", "first.plan"]);
    assert_eq!(stale["code"], "stale-plan");

    // The account moves on between plan and apply.
    account.edit("- build: make", "- build: make all");
    account.json(0, &["plan", "--out", "second.plan"]);
    account.call(
        "codebuild",
        "update_project",
        json!({"name": "small-Build", "timeoutInMinutes": 7}),
    );
    let before = account.snapshot();
    let (stale, said) = error(&account, &["apply", "second.plan"]);
    assert_eq!(stale["code"], "stale-plan");
    assert!(said.contains("pipectl plan --out"), "{said}");
    account.assert_as(&before);
    account.json(0, &["plan", "--out", "third.plan"]);
    // So does the file.
    account.edit("- build: make all", "- build: make clean");
    let (stale, _) = error(&account, &["apply", "third.plan"]);
    assert_eq!(stale["code"], "stale-plan");
    account.assert_as(&before);
    account.edit("- build: make clean", "- build: make all");
    // And what moves after the plan was looked at again, before the lock is taken.
    account.hold_write(0);
    let late = account.start(&["apply", "third.plan", "--format", "json"]);
    account.wait_held();
    account.call(
        "codebuild",
        "update_project",
        json!({"name": "small-Build", "queuedTimeoutInMinutes": 9}),
    );
    account.release(true);
    let late = ended(late);
    assert_eq!(late.code, 3, "{}{}", late.stdout, late.stderr);
    let answer: Value = serde_json::from_str(&late.stdout).unwrap();
    assert_eq!(answer["error"]["code"], "stale-plan", "{answer:#}");
    account.call(
        "codebuild",
        "update_project",
        json!({"name": "small-Build", "queuedTimeoutInMinutes": 60}),
    );
    account.assert_as(&before);
    let applied = account.json(0, &["apply", "third.plan"]);
    assert_lines(
        &applied,
        &["update codebuild-project small-Build (file): source.buildspec, timeoutInMinutes"],
    );
    account.assert_in_sync();
    let (error_, _) = error(&account, &["apply", "pipeline.yml"]);
    assert_eq!(error_["code"], "not-a-plan");
}

#[test]
fn what_others_made() {
    let account = Account::with_file("300000000006", REGION, SMALL);
    account.json(0, &["apply", "--yes"]);
    // Made by hand, after ours was gone: the same names without our tags, and without a place in the inventory.
    let snapshot = account.snapshot();
    let role = json!(format!("arn:aws:iam::{}:role/by-hand", account.id));
    account.json(0, &["destroy", "--yes", "--delete-data"]);
    account.role("by-hand");
    account.role("small-pipeline-eu-north-1");
    let mut project = snapshot["project small-Build"].clone();
    for member in ["arn", "tags", "badge", "projectVisibility"] {
        project.as_object_mut().unwrap().shift_remove(member);
    }
    project["serviceRole"] = role;
    account.call("codebuild", "create_project", project);
    let bucket = format!("small-artifacts-{}-{REGION}", account.id);
    account.bucket(&bucket);
    account.call(
        "s3",
        "put_object",
        json!({"Bucket": bucket, "Key": "precious"}),
    );
    let before = account.snapshot();

    let (foreign, said) = error(&account, &["apply", "--yes"]);
    assert_eq!(foreign["code"], "foreign");
    for name in [
        &bucket,
        "codebuild-project small-Build",
        "iam-role small-pipeline-eu-north-1",
        "--adopt",
    ] {
        assert!(said.contains(name), "{name}: {said}");
    }
    account.assert_as(&before);
    // Nothing of it is ours to destroy.
    let nothing = account.json(0, &["destroy", "--yes", "--delete-data"]);
    assert_eq!(nothing["changes"], json!([]), "{nothing:#}");
    account.assert_as(&before);

    let refused = account.run(&["apply", "--adopt"]);
    assert_eq!(refused.code, 64, "{}", refused.stderr);
    account.assert_as(&before);
    let plan = account.plan(&["--adopt"]);
    let adopted: Vec<&Value> = plan["changes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|change| change["reason"] == "adopt")
        .map(|change| &change["name"])
        .collect();
    assert_eq!(adopted.len(), 3, "{plan:#}");
    account.json(0, &["apply", "--adopt", "--yes"]);
    account.assert_in_sync();
    let now = account.snapshot();
    assert!(
        now[&format!("bucket {bucket}")]
            .to_string()
            .contains("precious")
    );
    assert_eq!(
        now["project small-Build"]["serviceRole"],
        snapshot["project small-Build"]["serviceRole"]
    );

    // Another stage with the same names.
    let before = account.snapshot();
    let (elsewhere, said) = error(&account, &["apply", "--yes", "--stage", "prod"]);
    assert_eq!(elsewhere["code"], "owned-elsewhere");
    assert!(said.contains("small/dev/"), "{said}");
    account.assert_as(&before);
    let nothing = account.json(0, &["destroy", "--yes", "--delete-data", "--stage", "prod"]);
    assert_eq!(nothing["changes"], json!([]), "{nothing:#}");
    account.assert_as(&before);
}

#[test]
fn tags_and_inventory_must_agree() {
    let account = Account::with_file("300000000007", REGION, SMALL);
    account.json(0, &["apply", "--yes"]);
    // Another name, since with one project left the alarm would be called otherwise.
    account.edit("  - name: Ship\n", "  - name: Sail\n");
    account.json(0, &["apply", "--yes"]);
    assert_eq!(account.plan(&[])["leftovers"].as_array().unwrap().len(), 3);
    // In the inventory, but its tag says somebody else's.
    let others = json!([{"key": "pipectl:owner", "value": "other/dev/eu-north-1"}]);
    account.call(
        "codebuild",
        "update_project",
        json!({"name": "small-Ship", "tags": others}),
    );
    // Our tag, but not in the inventory.
    account.role("forged");
    let tags = json!([{"Key": "pipectl:owner", "Value": format!("small/dev/{REGION}")}]);
    account.call(
        "iam",
        "tag_role",
        json!({"RoleName": "forged", "Tags": tags}),
    );
    let pruned = account.json(0, &["apply", "--prune", "--yes"]);
    assert_eq!(pruned["summary"]["delete"], 2, "{pruned:#}");
    assert!(
        pruned["consequences"].to_string().contains("small-Ship"),
        "{pruned:#}"
    );
    let destroyed = account.json(0, &["destroy", "--yes", "--delete-data"]);
    assert!(
        destroyed["consequences"].to_string().contains("small-Ship"),
        "{destroyed:#}"
    );
    let mut left: Vec<String> = account.snapshot().into_keys().collect();
    left.retain(|name| !name.starts_with("parameter /pipectl/"));
    assert_eq!(left, ["project small-Ship", "role forged"]);
}

#[test]
fn a_bucket_of_somebody_else() {
    let other = Account::with_file("300000000018", REGION, SMALL);
    other.bucket("taken-by-another");
    let file = SMALL.replace(
        "provider:\n",
        "provider:\n  artifactStore: { bucket: { name: taken-by-another } }\n",
    );
    let account = Account::with_file("300000000008", REGION, &file);
    let (error, said) = error(&account, &["apply", "--yes"]);
    assert!(said.contains("taken-by-another"), "{error:#} {said}");
    let made = account.snapshot();
    assert!(!made.keys().any(|name| name.starts_with("pipeline ")));
}

/// The errors that a run in JSON finds at places of the file.
#[track_caller]
fn findings(account: &Account, arguments: &[&str]) -> Vec<Value> {
    let answer = account.json(1, arguments);
    let found = answer["diagnostics"].as_array().unwrap().iter();
    found
        .filter(|one| one["severity"] == "error")
        .cloned()
        .collect()
}

#[test]
fn a_bucket_of_another_region() {
    let elsewhere = Account::with_file("300000000019", "us-west-2", "");
    let account = Account::with_file("300000000019", REGION, SMALL);
    elsewhere.bucket("given-of-300000000019");
    elsewhere.call(
        "s3",
        "put_object",
        json!({"Bucket": "given-of-300000000019", "Key": "words", "Body": "hello"}),
    );
    let before = account.snapshot();
    let file = account.folder().join("pipeline.yml");

    // The store, a source and a deploy: each at its place, with what to write instead.
    let text = SMALL
        .replace(
            "provider:\n",
            "provider:\n  artifactStore: { bucket: given-of-300000000019 }\n",
        )
        .replace(
            "source: { codecommit: repository, branch: main }",
            "source: { s3: given-of-300000000019/code.zip }",
        )
        .replace(
            "  - name: Ship\n",
            "  - deploy: { s3: { bucket: given-of-300000000019, input: Source } }\n  - name: Ship\n",
        );
    fs::write(&file, text).unwrap();
    let found = findings(&account, &["apply", "--yes"]);
    let said: Vec<(&str, u64, String)> = found
        .iter()
        .map(|one| {
            assert_eq!(one["code"], "bucket-region", "{one:#}");
            let message = one["message"].as_str().unwrap();
            assert!(message.contains("is in us-west-2"), "{one:#}");
            let line = one["span"]["start"]["line"].as_u64().unwrap();
            let path = one["path"].as_str().unwrap();
            (path, line, one["help"].as_str().unwrap().to_owned())
        })
        .collect();
    assert_eq!(said.len(), 3, "{found:#?}");
    assert_eq!((said[0].0, said[0].1), ("provider.artifactStore.bucket", 4));
    assert!(said[0].2.contains("-r us-west-2"), "{said:?}");
    assert!(said[1].2.contains("-r us-west-2"), "{said:?}");
    assert!(said[2].2.contains("`region: us-west-2`"), "{said:?}");
    account.assert_as(&before);

    // A bucket that pipectl would make.
    let made = SMALL.replace(
        "provider:\n",
        "provider:\n  artifactStore: { bucket: { name: given-of-300000000019 } }\n",
    );
    fs::write(&file, made).unwrap();
    let (refused, said) = error(&account, &["plan"]);
    assert_eq!(refused["code"], "PermanentRedirect");
    assert!(
        said.contains("is in us-west-2") && said.contains("another name"),
        "{said}"
    );

    // A variable.
    let asks = SMALL.replace(
        "- build: make",
        "- build: 'echo ${s3:given-of-300000000019/words}'",
    );
    fs::write(&file, &asks).unwrap();
    let found = findings(&account, &["plan"]);
    assert_eq!(found[0]["code"], "variable-refused");
    let message = found[0]["message"].as_str().unwrap();
    assert!(message.contains("${s3(us-west-2):"), "{message}");
    fs::write(&file, asks.replace("${s3:", "${s3(us-west-2):")).unwrap();
    let compiled = account.run(&["compile"]);
    assert!(
        compiled.stdout.contains("echo hello"),
        "{}",
        compiled.stderr
    );
    account.assert_as(&before);
}

#[test]
fn a_bucket_that_is_not_there_or_not_ours() {
    let other = Account::with_file("300000000020", REGION, "");
    other.bucket("given-of-300000000020");
    let account = Account::with_file("300000000021", REGION, SMALL);
    let given = |bucket: &str| {
        let store = format!("provider:\n  artifactStore: {{ bucket: {bucket} }}\n");
        let text = SMALL.replace("provider:\n", &store);
        fs::write(account.folder().join("pipeline.yml"), text).unwrap();
    };
    for (bucket, code) in [
        ("none-of-300000000021", "bucket-missing"),
        ("given-of-300000000020", "bucket-foreign"),
    ] {
        given(bucket);
        let found = findings(&account, &["apply", "--yes"]);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert_eq!(found[0]["code"], code);
        assert_eq!(found[0]["span"]["start"]["line"], 4, "{found:#?}");
        assert_eq!(account.snapshot().len(), 0);
    }
    // Who may not look at it goes on.
    account.bucket("given-of-300000000021");
    given("given-of-300000000021");
    account.refuse("HEAD", 100, "403 Forbidden", "AccessDenied", "no");
    account.json(0, &["apply", "--yes"]);
    account.release(true);
    account.assert_in_sync();
}
