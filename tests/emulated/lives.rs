//! Each example from the first apply to the last destroy.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::account::{Account, Call, assert_lines, assert_told, lines};

/// How many calls a plan may need to read what this apply made: by the operations that AWS has, batched where it has
/// a batch.
fn reads_needed(account: &Account, applied: &Value) -> u64 {
    let mut number: BTreeMap<&str, u64> = BTreeMap::new();
    for change in applied["changes"].as_array().unwrap() {
        *number.entry(change["kind"].as_str().unwrap()).or_default() += 1;
    }
    let of = |kind: &str| number.get(kind).copied().unwrap_or(0);
    let made = account.snapshot();
    let policies = made
        .iter()
        .filter(|(name, _)| name.starts_with("role "))
        .map(|(_, role)| role["policies"].as_object().map_or(0, serde_json::Map::len) as u64)
        .sum::<u64>();
    let names = made.keys().filter(|name| name.starts_with("parameter "));
    let any = |kind: &str| u64::from(of(kind) > 0);
    // Who asks; the variables, by ten and by twenty; the inventory.
    1 + (names.count() as u64).div_ceil(10)
        + made.keys().any(|name| name.starts_with("secret ")) as u64
        + 1
        + of("codebuild-project").div_ceil(100)
        // GetPipeline and its tags.
        + 2 * of("pipeline")
        + any("webhook")
        // GetRole, ListRolePolicies, and each policy.
        + 2 * of("iam-role") + policies
        // Tags, versions, encryption, policy, public access, ownership, lifecycle, notifications.
        + 8 * of("s3-bucket")
        + of("s3-bucket-events")
        + of("s3-object")
        // All groups of a prefix at once, and the tags of each.
        + 2 * of("log-group")
        // Attributes, tags, and all subscriptions of the topic.
        + 3 * of("sns-topic")
        // The rule, its targets, its tags.
        + 3 * of("event-rule")
        // By a hundred names, and the tags of each.
        + of("cloudwatch-alarm").div_ceil(100) + of("cloudwatch-alarm")
}

/// The first apply, and all that must be so after it. `reads` is how many calls the second one makes in all.
#[track_caller]
fn first_apply(account: &Account, reads: u64) {
    account.traffic();
    let applied = account.json(0, &["apply", "-r", &account.region, "--yes"]);
    let made = applied["changes"].as_array().unwrap();
    assert!(made.len() > 10);
    assert!(made.iter().all(|change| change["action"] == "create"));
    assert_eq!(applied["summary"]["create"], made.len());
    assert_eq!(applied.get("error"), None);
    let calls = account.traffic();
    assert_calls_told(&calls, &applied);
    assert_told(&applied, &calls);

    let plan = account.assert_in_sync();
    assert_eq!(plan["leftovers"], json!([]));
    assert_eq!(plan["summary"]["unchanged"], made.len());
    let (read, needed) = (
        plan["calls"]["read"].as_u64().unwrap(),
        reads_needed(account, &applied),
    );
    assert!(read <= needed, "{read} > {needed}: {plan:#}");
    assert_eq!(read, reads, "{:#}", plan["calls"]);
}

/// The numbers that the binary tells are those of the server.
#[track_caller]
fn assert_calls_told(calls: &[Call], applied: &Value) {
    let operations = applied["calls"]["operations"].as_object().unwrap();
    // CloudWatch is another server.
    let elsewhere = |names: &[&str]| -> u64 {
        let names = names.iter().filter_map(|name| {
            operations
                .get(&format!("CloudWatch:{name}"))
                .and_then(Value::as_u64)
        });
        names.sum()
    };
    let writes = calls.iter().filter(|call| call.write).count() as u64;
    let reads = calls.len() as u64 - writes;
    let told = |which: &str| applied["calls"][which].as_u64().unwrap();
    assert_eq!(
        told("write"),
        writes
            + elsewhere(&[
                "PutMetricAlarm",
                "TagResource",
                "UntagResource",
                "DeleteAlarms"
            ]),
        "{calls:?}"
    );
    assert_eq!(
        told("read"),
        reads + elsewhere(&["DescribeAlarms", "ListTagsForResource"]),
        "{calls:?}"
    );
}

/// Without `--delete-data` buckets, log groups and topics stay; with it nothing stays.
#[track_caller]
fn destroy(account: &Account, before: &BTreeMap<String, Value>, data: &[&str]) {
    account.traffic();
    let gone = account.json(0, &["destroy", "--yes"]);
    assert_told(&gone, &account.traffic());
    let kept: Vec<&str> = gone["leftovers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|left| left["name"].as_str().unwrap())
        .collect();
    // A subscription that nobody has confirmed goes with its topic, and is told until then.
    assert_eq!(kept.len(), data.len(), "{gone:#}");
    let waiting = data.iter().any(|name| name.starts_with("subscription "));
    let told = gone["consequences"].to_string();
    assert_eq!(waiting, told.contains("nobody has confirmed it"), "{told}");
    let mut left = account.new_since(before);
    left.retain(|name| !name.starts_with("parameter /pipectl/"));
    assert_eq!(left, data);
    let rest = account.json(0, &["destroy", "--yes", "--delete-data"]);
    assert_told(&rest, &account.traffic());
    account.assert_as(before);
    let nothing = account.json(0, &["destroy", "--yes", "--delete-data"]);
    assert_eq!(nothing["changes"], json!([]));
    assert_eq!(nothing["calls"]["write"], 0);
}

/// The plan says exactly this; after the apply nothing is left to do. Gives the plan.
#[track_caller]
fn change(account: &Account, expected: &[&str]) -> Value {
    let plan = account.plan(&[]);
    assert_lines(&plan, expected);
    account.traffic();
    let applied = account.json(0, &["apply", "--yes"]);
    assert_told(&applied, &account.traffic());
    assert_lines(&applied, expected);
    account.assert_in_sync();
    plan
}

/// These are left over, by kind and name; `--prune` deletes them and nothing else.
#[track_caller]
fn prune(account: &Account, expected: &[(&str, &str)], flags: &[&str], gone: &[&str]) {
    let names = |list: &Value, key: &str| -> Vec<(String, String)> {
        let mut names: Vec<(String, String)> = list
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                let text = |key: &str| one[key].as_str().unwrap().to_owned();
                assert!(key == "leftovers" || one["action"] == "delete", "{one:#}");
                (text("kind"), text("name"))
            })
            .collect();
        names.sort();
        names
    };
    let mut wanted: Vec<(String, String)> = expected
        .iter()
        .map(|(kind, name)| ((*kind).to_owned(), (*name).to_owned()))
        .collect();
    wanted.sort();
    let plan = account.plan(&[]);
    assert_eq!(plan["changes"], json!([]), "{plan:#}");
    assert_eq!(names(&plan["leftovers"], "leftovers"), wanted, "{plan:#}");

    let before = account.snapshot();
    let refused = account.run(&[&["apply", "--prune", "--format", "json"], flags].concat());
    assert_eq!(refused.code, 64, "{}", refused.stderr);
    account.assert_as(&before);
    account.traffic();
    let applied = account.json(0, &[&["apply", "--prune", "--yes"], flags].concat());
    assert_told(&applied, &account.traffic());
    let deleted = names(&applied["changes"], "changes");
    assert!(
        deleted.iter().all(|one| wanted.contains(one)),
        "{applied:#}"
    );
    let after = account.snapshot();
    let missing: Vec<&str> = before
        .keys()
        .filter(|name| !after.contains_key(*name))
        .map(String::as_str)
        .collect();
    assert_eq!(missing, gone);
    for (name, value) in &after {
        let events = |(kind, of): &(&str, &str)| {
            *kind == "s3-bucket-events" && name.strip_prefix("bucket ") == Some(of)
        };
        if !name.starts_with("parameter /pipectl/") && !expected.iter().any(events) {
            assert_eq!(Some(value), before.get(name), "{name}");
        }
    }
    account.assert_in_sync();
}

#[test]
fn heavy_water() {
    let account = Account::of_example("100000000001", "us-east-1", "heavy-water");
    let before = account.snapshot();
    first_apply(&account, 22);

    account.edit("timeout: 15m", "timeout: 20m");
    change(
        &account,
        &[
            "update codebuild-project hw-api-dev-DeployOnDev (file): timeoutInMinutes",
            "update codebuild-project hw-api-integration (file): timeoutInMinutes",
            "update codebuild-project hw-api-prod-DeployOnProd (file): timeoutInMinutes",
            "update codebuild-project hw-api-prod-SelfUpdate (file): timeoutInMinutes",
            "update codebuild-project hw-api-unit (file): timeoutInMinutes",
        ],
    );

    account.edit(
        "      - name: DeployOnProd\n",
        "      - name: Smoke\n        build: { run: ./integration.sh }\n      - name: DeployOnProd\n",
    );
    change(
        &account,
        &[
            "create codebuild-project hw-api-prod-Smoke (new)",
            "update pipeline hw-api-prod (file): stages[4]",
            "create cloudwatch-alarm hw-api-failed-builds-hw-api-prod-Smoke (new)",
        ],
    );

    // The token changes.
    assert!(account.stored_secrets().contains("not-a-real-token"));
    account.call(
        "secretsmanager",
        "put_secret_value",
        json!({"SecretId": "PIPELINE_GITHUB", "SecretString": r#"{"githubAccessToken": "another-token"}"#}),
    );
    let token = "stages[0].actions[0].configuration.OAuthToken";
    let hook = "authenticationConfiguration.SecretToken";
    let plan = change(
        &account,
        &[
            &format!("update pipeline hw-api-dev (rotation): {token}"),
            &format!("update pipeline hw-api-prod (rotation): {token}"),
            &format!("update webhook hw-api-dev-Source (rotation): {hook}"),
            &format!("update webhook hw-api-prod-Source (rotation): {hook}"),
        ],
    );
    assert!(!plan.to_string().contains("-token"), "{plan:#}");
    let stored = account.stored_secrets();
    assert_eq!(stored.matches("another-token").count(), 4, "{stored}");
    assert!(
        !stored.contains("not-a-real-token") && !stored.contains("****"),
        "{stored}"
    );

    // Somebody works in the console.
    account.call(
        "codebuild",
        "update_project",
        json!({"name": "hw-api-unit", "timeoutInMinutes": 59}),
    );
    account.call(
        "cloudwatch",
        "disable_alarm_actions",
        json!({"AlarmNames": ["hw-api-failed-builds-hw-api-unit"]}),
    );
    change(
        &account,
        &[
            "update codebuild-project hw-api-unit (drift): timeoutInMinutes",
            "update cloudwatch-alarm hw-api-failed-builds-hw-api-unit (drift): ActionsEnabled",
        ],
    );

    account.cut("  dev:\n", "\nalarms:");
    prune(
        &account,
        &[
            ("codebuild-project", "hw-api-dev-DeployOnDev"),
            ("pipeline", "hw-api-dev"),
            ("webhook", "hw-api-dev-Source"),
            (
                "cloudwatch-alarm",
                "hw-api-failed-builds-hw-api-dev-DeployOnDev",
            ),
        ],
        &[],
        &[
            "alarm hw-api-failed-builds-hw-api-dev-DeployOnDev",
            "pipeline hw-api-dev",
            "project hw-api-dev-DeployOnDev",
            "webhook hw-api-dev-Source",
        ],
    );
    destroy(
        &account,
        &before,
        &[
            "log group /pipectl/hw-api",
            "subscription hw-codebuild-failed-sns email ops@heavy-water.example",
            "topic hw-codebuild-failed-sns",
        ],
    );
}

#[test]
fn web_monitor() {
    let account = Account::of_example("100000000002", "us-east-1", "web-monitor");
    let before = account.snapshot();
    first_apply(&account, 38);

    account.edit("run: ./synth.sh", "run: ./synth.sh --all");
    change(
        &account,
        &["update codebuild-project web-monitor-Synth (file): source.buildspec"],
    );

    let bucket = format!("web-monitor-artifacts-{}-us-east-1", account.id);
    // Another pipectl for the builds: the old one stays until it is pruned, since a running build may read it.
    let binary = std::path::Path::new(&account.environment["PIPECTL_BINARY"]);
    let mut newer = std::fs::read(binary).unwrap();
    newer.push(1);
    std::fs::write(binary, newer).unwrap();
    let objects = || {
        let objects = &account.snapshot()[&format!("bucket {bucket}")]["objects"];
        objects.as_array().unwrap().clone()
    };
    let old = objects();
    let plan = account.plan(&[]);
    let said = lines(&plan);
    assert_eq!(said.len(), 2, "{plan:#}");
    assert!(
        said[0].starts_with(&format!("create s3-object {bucket}/pipectl/")),
        "{said:?}"
    );
    assert_eq!(
        said[1],
        "update codebuild-project web-monitor-SelfUpdate (file): source.buildspec"
    );
    account.json(0, &["apply"]);
    assert_eq!(
        account.assert_in_sync()["leftovers"][0]["kind"],
        "s3-object"
    );
    assert_eq!(objects().len(), 2);
    account.json(0, &["apply", "--prune", "--yes"]);
    account.assert_in_sync();
    let new = objects();
    assert!(
        new.len() == 1 && old.len() == 1 && new != old,
        "{old:?} {new:?}"
    );
    account.call(
        "s3",
        "delete_object",
        json!({"Bucket": bucket, "Key": new[0]}),
    );
    let plan = account.plan(&[]);
    assert_lines(
        &plan,
        &[&format!(
            "create s3-object {bucket}/{} (new)",
            new[0].as_str().unwrap()
        )],
    );
    account.json(0, &["apply"]);
    assert_eq!(objects(), new);

    // Somebody opens a role, the bucket and the pipeline, and shortens the logs.
    let role = "web-monitor-Beta-UnitTest-build-us-east-1";
    let everything = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    account.call(
        "iam",
        "put_role_policy",
        json!({"RoleName": role, "PolicyName": "more", "PolicyDocument": everything.to_string()}),
    );
    account.call(
        "s3",
        "delete_public_access_block",
        json!({"Bucket": bucket}),
    );
    account.call("s3", "delete_bucket_policy", json!({"Bucket": bucket}));
    account.call(
        "logs",
        "put_retention_policy",
        json!({"logGroupName": "/pipectl/web-monitor", "retentionInDays": 1}),
    );
    let mut pipeline = account.call(
        "codepipeline",
        "get_pipeline",
        json!({"name": "web-monitor"}),
    )["pipeline"]
        .clone();
    let shift = pipeline.pointer_mut("/stages/4/actions/0/configuration/CustomData");
    *shift.expect("the question") = json!("Whatever.");
    account.call(
        "codepipeline",
        "update_pipeline",
        json!({"pipeline": pipeline}),
    );
    change(
        &account,
        &[
            &format!("update iam-role {role} (drift): policies.more"),
            &format!("update s3-bucket {bucket} (drift): policy, publicAccessBlock"),
            "update log-group /pipectl/web-monitor (drift): retentionInDays",
            "update pipeline web-monitor (drift): stages[4].actions[0].configuration.CustomData",
        ],
    );

    account.cut("      - name: ApiTest\n", "  - name: Prod\n");
    change(
        &account,
        &[
            "update iam-role web-monitor-SelfUpdate-build-us-east-1 (file): policies.pipectl.Statement[].Resource, \
             policies.pipectl.Statement[].Resource, policies.pipectl.Statement[].Resource",
            "update iam-role web-monitor-pipeline-us-east-1 (file): policies.pipectl.Statement[].Resource",
            "update pipeline web-monitor (file): stages[3].actions[2]",
        ],
    );
    prune(
        &account,
        &[
            ("codebuild-project", "web-monitor-Beta-ApiTest"),
            ("iam-role", "web-monitor-Beta-ApiTest-build-us-east-1"),
        ],
        &[],
        &[
            "project web-monitor-Beta-ApiTest",
            "role web-monitor-Beta-ApiTest-build-us-east-1",
        ],
    );
    destroy(
        &account,
        &before,
        &[
            &format!("bucket {bucket}"),
            "log group /pipectl/web-monitor",
            "subscription web-monitor-ops-example-com email ops@example.com",
            "topic web-monitor-ops-example-com",
        ],
    );
}

#[test]
fn website() {
    let account = Account::of_example("100000000003", "eu-west-1", "website");
    // The bucket of the prices tells others already.
    let prices = format!("website-prices-{}", account.id);
    let of_prices = format!("bucket {prices}");
    let queue = account.call("sqs", "create_queue", json!({"QueueName": "prices"}));
    assert!(queue["QueueUrl"].is_string());
    let notifications = json!({"QueueConfigurations": [{
        "Id": "shop", "QueueArn": format!("arn:aws:sqs:eu-west-1:{}:prices", account.id), "Events": ["s3:ObjectCreated:*"],
    }]});
    account.call(
        "s3",
        "put_bucket_notification_configuration",
        json!({"Bucket": prices, "NotificationConfiguration": notifications}),
    );
    let before = account.snapshot();
    assert!(before[&of_prices].to_string().contains("shop"));
    first_apply(&account, 52);
    let told = account.snapshot()[&of_prices].to_string();
    assert!(
        told.contains("shop") && told.contains("EventBridge"),
        "{told}"
    );

    account.edit("- ./build.sh", "- ./build.sh --minify");
    change(
        &account,
        &["update codebuild-project website-Build (file): source.buildspec"],
    );

    account.confirm("website-webmaster-example-com", "webmaster@example.com");
    account.assert_in_sync();
    account.call("events", "disable_rule", json!({"Name": "website-Source"}));
    account.call(
        "events",
        "remove_targets",
        json!({"Rule": "website-Prices", "Ids": ["pipeline"]}),
    );
    let bucket = format!("website-artifacts-{}-eu-west-1", account.id);
    account.call(
        "s3",
        "put_bucket_versioning",
        json!({"Bucket": bucket, "VersioningConfiguration": {"Status": "Suspended"}}),
    );
    account.call(
        "s3",
        "put_bucket_notification_configuration",
        json!({"Bucket": prices, "NotificationConfiguration": notifications}),
    );
    let topic = format!(
        "arn:aws:sns:eu-west-1:{}:website-webmaster-example-com",
        account.id
    );
    account.call(
        "sns",
        "set_topic_attributes",
        json!({"TopicArn": topic, "AttributeName": "DisplayName", "AttributeValue": "Spam"}),
    );
    change(
        &account,
        &[
            "update event-rule website-Source (drift): State",
            "update event-rule website-Prices (drift): Targets",
            &format!("update s3-bucket {bucket} (drift): versioning"),
            &format!("create s3-bucket-events {prices} (new)"),
            "update sns-topic website-webmaster-example-com (drift): displayName",
        ],
    );

    account.cut("  - name: Prices", "\nstages:");
    account.edit("input: [Source, Prices]", "input: Source");
    change(
        &account,
        &[
            "update iam-role website-pipeline-eu-west-1 (file): policies.pipectl.Statement[], \
             policies.pipectl.Statement[].Resource",
            "update pipeline website (file): stages[0].actions[1], \
             stages[1].actions[0].configuration.PrimarySource, stages[1].actions[0].inputArtifacts[1]",
        ],
    );
    prune(
        &account,
        &[
            ("s3-bucket-events", &prices),
            ("event-rule", "website-Prices"),
        ],
        &[],
        &["rule website-Prices"],
    );
    assert_eq!(account.snapshot()[&of_prices], before[&of_prices]);
    destroy(
        &account,
        &before,
        &[
            &format!("bucket {bucket}"),
            "log group /pipectl/website",
            "topic website-webmaster-example-com",
        ],
    );
}

#[test]
fn canary() {
    let account = Account::of_example("100000000004", "us-west-2", "canary");
    let before = account.snapshot();
    first_apply(&account, 39);

    account.edit(
        "Group: canary }\n    statistic: Sum\n    period: 60\n    periods: 2\n    above: 5",
        "Group: canary }\n    statistic: Sum\n    period: 60\n    periods: 2\n    above: 7",
    );
    change(
        &account,
        &["update cloudwatch-alarm flags-canary-errors (file): Threshold"],
    );

    // Somebody tidies up.
    account.call("codebuild", "delete_project", json!({"name": "flags-unit"}));
    account.call(
        "codepipeline",
        "delete_pipeline",
        json!({"name": "flags-prod"}),
    );
    account.call(
        "iam",
        "untag_role",
        json!({"RoleName": "flags-unit-build-us-west-2", "TagKeys": ["pipectl:owner"]}),
    );
    change(
        &account,
        &[
            "create codebuild-project flags-unit (new)",
            "create pipeline flags-prod (new)",
            "update iam-role flags-unit-build-us-west-2 (drift): tags.pipectl:owner",
        ],
    );

    account.cut("\n  canary:\n", "\nalarms:");
    change(
        &account,
        &[&format!(
            "update s3-bucket flags-artifacts-{}-us-west-2 (file): lifecycle[0]",
            account.id
        )],
    );
    prune(
        &account,
        &[
            ("pipeline", "flags-canary"),
            ("iam-role", "flags-canary-pipeline-us-west-2"),
        ],
        &[],
        &[
            "pipeline flags-canary",
            "role flags-canary-pipeline-us-west-2",
        ],
    );
    destroy(
        &account,
        &before,
        &[
            &format!("bucket flags-artifacts-{}-us-west-2", account.id),
            "log group /pipectl/flags",
            "subscription flags-release-example-com email release@example.com",
            "topic flags-release-example-com",
        ],
    );
}

#[test]
fn telemetry() {
    let account = Account::of_example("100000000005", "eu-central-1", "telemetry-ecs");
    let before = account.snapshot();
    first_apply(&account, 38);

    account.edit("timeout: 5m", "timeout: 10m");
    account.edit("retention: 30", "retention: 60");
    account.edit(
        "  - name: Deploy\n",
        "  - approval: telemetry@example.com\n  - name: Deploy\n",
    );
    change(
        &account,
        &[
            "update codebuild-project telemetry-Build (file): timeoutInMinutes",
            "update log-group /telemetry/build (file): retentionInDays",
            "update iam-role telemetry-pipeline-eu-central-1 (file): policies.pipectl.Statement[]",
            "update pipeline telemetry (file): stages[2]",
        ],
    );

    account.cut("\nnotifications:", "");
    change(
        &account,
        &["update sns-topic telemetry-telemetry-example-com (file): policy.Statement[]"],
    );
    prune(
        &account,
        &[
            ("event-rule", "telemetry-buildFailed"),
            ("event-rule", "telemetry-stageFailed"),
        ],
        &[],
        &["rule telemetry-buildFailed", "rule telemetry-stageFailed"],
    );

    // What holds data is pruned with a further word only.
    account.edit(
        "      logs: { name: /telemetry/build, retention: 60 }\n",
        "",
    );
    change(
        &account,
        &[
            "create log-group /pipectl/telemetry (new)",
            "update codebuild-project telemetry-Build (file): logsConfig.cloudWatchLogs.groupName, \
             logsConfig.cloudWatchLogs.streamName",
            "update iam-role telemetry-Build-build-eu-central-1 (file): policies.pipectl.Statement[].Resource",
        ],
    );
    let kept = account.json(0, &["apply", "--prune"]);
    assert_eq!(kept["leftovers"][0]["data"], true, "{kept:#}");
    prune(
        &account,
        &[("log-group", "/telemetry/build")],
        &["--delete-data"],
        &["log group /telemetry/build"],
    );
    destroy(
        &account,
        &before,
        &[
            &format!("bucket telemetry-artifacts-{}-eu-central-1", account.id),
            "log group /pipectl/telemetry",
            "subscription telemetry-telemetry-example-com email telemetry@example.com",
            "topic telemetry-telemetry-example-com",
        ],
    );
}
