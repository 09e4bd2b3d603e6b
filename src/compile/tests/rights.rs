//! What made roles may do, and that they may do no more.

use serde_json::Value;

use super::{body, compiled, compiled_with, facts, good, statements, texts};
use crate::compile::Compiled;
use crate::resources::Kind;
use crate::variables::Request;

/// The resources of the statements that hold an action, in order.
fn resources(role: &Value, action: &str) -> Vec<String> {
    let mut list: Vec<String> = statements(role, action)
        .into_iter()
        .flat_map(|statement| texts(&statement["Resource"]))
        .map(str::to_owned)
        .collect();
    list.sort();
    list
}

#[test]
fn the_self_update_shares_no_role() {
    let file = |provider: &str, own: &str| {
        format!(
            "service: hw\nprovider:\n{provider}source: {{codecommit: r}}\nstages:\n  - selfUpdate{own}\n  - unit: {{run: pytest, role: {{name: shared}}}}\n  - build: make\n"
        )
    };
    for given in ["hw-builds", "{name: hw-builds}"] {
        let compiled = good(&file(&format!("  buildRole: {given}\n"), ""));
        let role = |project: &str| body(&compiled, Kind::Project, project)["serviceRole"].clone();
        let hw_builds = "arn:aws:iam::123456789012:role/hw-builds";
        assert_eq!(role("hw-Build"), hw_builds);
        let own = role("hw-SelfUpdate");
        assert_eq!(
            own,
            "arn:aws:iam::123456789012:role/hw-SelfUpdate-build-us-east-1"
        );
    }
    let given = good(&file("  stage: dev\n", ": {role: hw-update}"));
    let own = &body(&given, Kind::Project, "hw-SelfUpdate")["serviceRole"];
    assert_eq!(own, "arn:aws:iam::123456789012:role/hw-update");
    let (_, found) = compiled(&file("  stage: dev\n", ": {role: {name: shared}}"));
    assert!(found[0].starts_with("name-taken "), "{found:?}");
}

#[test]
fn the_self_update_reads_what_the_file_reads_where_it_is() {
    let mut facts = facts();
    let region = || "eu-west-1".to_owned();
    facts.reads = vec![
        Request::Parameter {
            region: region(),
            name: "/hw/a:3".to_owned(),
            decrypt: true,
        },
        Request::Parameter {
            region: region(),
            name: "arn:aws:ssm:eu-west-1:999999999999:parameter/theirs".to_owned(),
            decrypt: true,
        },
        Request::Secret {
            region: region(),
            id: "hw/token".to_owned(),
        },
        Request::Object {
            region: region(),
            bucket: "settings".to_owned(),
            key: "hw.json".to_owned(),
        },
        Request::Output {
            region: region(),
            stack: "network".to_owned(),
            output: "Vpc".to_owned(),
        },
    ];
    let file = "service: hw\nsource: {codecommit: r}\nstages:\n  - selfUpdate\n  - build: {run: make, region: eu-west-1}\nprovider:\n  artifactStore:\n    bucket: b\n    regions: {eu-west-1: {bucket: b-eu}}\n";
    let (compiled, found) = compiled_with(file, &facts);
    assert_eq!(found, Vec::<String>::new());
    let role = body(&compiled, Kind::Role, "hw-SelfUpdate-build-us-east-1");
    let eu = "arn:aws:ssm:eu-west-1";
    let parameters = resources(role, "ssm:GetParameters");
    for arn in [
        format!("{eu}:123456789012:parameter/hw/a"),
        format!("{eu}:999999999999:parameter/theirs"),
    ] {
        assert!(parameters.contains(&arn), "{arn}: {parameters:?}");
    }
    for (action, arn) in [
        (
            "secretsmanager:GetSecretValue",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:hw/token-??????",
        ),
        ("secretsmanager:BatchGetSecretValue", "*"),
        ("s3:GetObject", "arn:aws:s3:::settings/hw.json"),
        (
            "cloudformation:DescribeStacks",
            "arn:aws:cloudformation:eu-west-1:123456789012:stack/network/*",
        ),
        (
            "codebuild:UpdateProject",
            "arn:aws:codebuild:eu-west-1:123456789012:project/hw-Build",
        ),
    ] {
        let there = resources(role, action);
        assert!(there.contains(&arn.to_owned()), "{action}: {there:?}");
    }
}

#[test]
fn images_are_pushed_only_where_they_are_pushed() {
    let compiled = good(
        "service: hw\nsource: {codecommit: r}\nstages:\n  - build:\n      run:\n        - aws ecr get-login-password | docker login --password-stdin\n        - docker pull 123456789012.dkr.ecr.us-east-1.amazonaws.com/base:1\n        - docker push 999988887777.dkr.ecr.eu-central-1.amazonaws.com/api:1\n",
    );
    let role = body(&compiled, Kind::Role, "hw-Build-build-us-east-1");
    let theirs = "arn:aws:ecr:eu-central-1:999988887777:repository/api";
    let base = "arn:aws:ecr:us-east-1:123456789012:repository/base";
    assert_eq!(resources(role, "ecr:PutImage"), [theirs]);
    assert_eq!(resources(role, "ecr:BatchGetImage"), [theirs, base]);
}

#[test]
fn secrets_by_arn_are_read_with_and_without_their_last_six_characters() {
    let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:hw";
    for (said, may) in [
        (format!("{arn}-Ab12Cd"), vec![format!("{arn}-Ab12Cd")]),
        (arn.to_owned(), vec![format!("{arn}-??????")]),
        (
            format!("{arn}-github"),
            vec![format!("{arn}-github"), format!("{arn}-github-??????")],
        ),
    ] {
        let compiled = good(&format!(
            "service: hw\nsource: {{codecommit: r}}\nstages:\n  - build: {{run: make, env: {{KEY: {{secret: \"{said}\"}}}}}}\n"
        ));
        let role = body(&compiled, Kind::Role, "hw-Build-build-us-east-1");
        assert_eq!(resources(role, "secretsmanager:GetSecretValue"), may);
    }
}

#[test]
fn a_trust_policy_that_is_too_large_is_said_before() {
    let stages: String = (0..40)
        .map(|n| format!("  - name: Stage{n}\n    build: make\n"))
        .collect();
    let file = format!(
        "service: hw\nprovider:\n  buildRole: {{name: builds, sourceArn: true}}\nsource: {{codecommit: r}}\nstages:\n{stages}"
    );
    let (_, found) = compiled(&file);
    assert!(found[0].starts_with("policy-too-large "), "{found:?}");
}

#[test]
fn stores_under_api_are_not_made_and_may_be_used() {
    let file = |api: &str| {
        format!("service: hw\nsource: {{codecommit: r}}\nstages:\n  - build: make\napi:\n  {api}\n")
    };
    let buckets = |compiled: &Compiled| {
        let all = compiled.desired.resources.iter();
        all.filter(|r| r.id.kind == Kind::Bucket).count()
    };
    let plain = good(&file("executionMode: QUEUED"));
    assert_eq!(buckets(&plain), 1);
    for (api, key) in [
        ("artifactStore: {location: theirs}", "artifactStore"),
        (
            "artifactStores: {us-east-1: {location: theirs}}",
            "artifactStores",
        ),
    ] {
        let compiled = good(&file(api));
        assert_eq!(buckets(&compiled), 0, "{api}");
        let pipeline = body(&compiled, Kind::Pipeline, "hw");
        let other = match key {
            "artifactStore" => "artifactStores",
            _ => "artifactStore",
        };
        assert!(pipeline[other].is_null(), "{pipeline:#}");
        assert!(
            pipeline[key].to_string().contains("\"theirs\""),
            "{pipeline:#}"
        );
        for role in ["hw-pipeline-us-east-1", "hw-Build-build-us-east-1"] {
            let text = body(&compiled, Kind::Role, role).to_string();
            assert!(text.contains("arn:aws:s3:::theirs"), "{role}: {text}");
            assert!(!text.contains("artifacts-"), "{role}: {text}");
        }
    }
}

#[test]
fn what_an_actions_own_role_is_allowed_widens_no_other() {
    let compiled = good(
        "service: hw\nprovider:\n  artifactStore: {bucket: b, key: alias/k}\nsource: {codecommit: r}\nstages:\n  - invoke:\n      lambda: f\n      actionRole: arn:aws:iam::123456789012:role/theirs\n      allow: [{Action: 's3:ListAllMyBuckets', Resource: '*'}]\n",
    );
    let role = body(&compiled, Kind::Role, "hw-pipeline-us-east-1");
    assert!(!role.to_string().contains("ListAllMyBuckets"), "{role:#}");
}

/// The condition of the statement of a role that holds an action.
fn condition<'v>(role: &'v Value, action: &str) -> &'v Value {
    &statements(role, action)[0]["Condition"]
}

/// A file with one CloudFormation action.
fn cloudformation(keys: &str) -> String {
    format!(
        "service: hw\nprovider:\n  artifactStore: {{bucket: b, kmsKey: alias/k}}\nvariables: {{MODE: CREATE_UPDATE, NAME: n}}\nsource: {{codecommit: r}}\nstages:\n  - deploy:\n      cloudformation: {{template: \"Source::t.yml\", stack: hw, {keys}}}\n"
    )
}

#[test]
fn cloudformation_gets_its_role_by_name_or_arn() {
    let ours = "arn:aws:iam::123456789012:role/team/stack";
    let theirs = "arn:aws:iam::999988887777:role/team/stack";
    let action = "arn:aws:iam::999988887777:role/deployer";
    for (said, own, arn) in [
        ("team/stack".to_owned(), None, ours),
        (ours.to_owned(), None, ours),
        ("team/stack".to_owned(), Some(action), theirs),
        ("team/stack".to_owned(), Some("deployer"), ours),
    ] {
        let own_key = own.map_or_else(String::new, |own| format!(", actionRole: \"{own}\""));
        let keys = format!("mode: CREATE_UPDATE, role: \"{said}\"{own_key}");
        let compiled = good(&cloudformation(&keys));
        let pipeline = body(&compiled, Kind::Pipeline, "hw");
        let deploy = &pipeline["stages"][1]["actions"][0]["configuration"];
        assert_eq!(deploy["RoleArn"], arn, "{said} {own:?}");
        let role = body(&compiled, Kind::Role, "hw-pipeline-us-east-1");
        let passed = resources(role, "iam:PassRole");
        let expected: &[&str] = if own.is_none() { &[arn] } else { &[] };
        assert_eq!(passed, expected, "{said} {own:?}");
    }
}

#[test]
fn what_only_a_run_decides_is_allowed_and_no_more() {
    let any = good(&cloudformation(
        "mode: \"#{variables.MODE}\", role: \"arn:aws:iam::123456789012:role/stack\"",
    ));
    let role = body(&any, Kind::Role, "hw-pipeline-us-east-1");
    for action in ["cloudformation:CreateStack", "cloudformation:DeleteStack"] {
        let stack = "arn:aws:cloudformation:us-east-1:123456789012:stack/hw/*";
        assert_eq!(resources(role, action), [stack], "{action}");
    }
    // without a name no change set is made or executed
    let none = Vec::<String>::new();
    assert_eq!(resources(role, "cloudformation:CreateChangeSet"), none);
    let named = good(&cloudformation(
        "mode: CHANGE_SET_EXECUTE, changeSet: \"hw-#{variables.NAME}\"",
    ));
    let role = body(&named, Kind::Role, "hw-pipeline-us-east-1");
    assert_eq!(
        condition(role, "cloudformation:ExecuteChangeSet"),
        &serde_json::json!({"StringLikeIfExists": {"cloudformation:ChangeSetName": ["hw-*"]}})
    );
    let written = good(&cloudformation("mode: CHANGE_SET_EXECUTE, changeSet: next"));
    let role = body(&written, Kind::Role, "hw-pipeline-us-east-1");
    assert_eq!(
        condition(role, "cloudformation:ExecuteChangeSet"),
        &serde_json::json!({"StringEqualsIfExists": {"cloudformation:ChangeSetName": ["next"]}})
    );
}

#[test]
fn whoever_reads_a_full_clone_may_clone() {
    let file = |clone: &str| {
        format!(
            "service: hw\nsource: {{codecommit: r{clone}}}\nstages:\n  - build: make\n  - commands: {{run: git log}}\n"
        )
    };
    let repository = "arn:aws:codecommit:us-east-1:123456789012:r";
    for (clone, may) in [(", clone: full", vec![repository]), ("", Vec::new())] {
        let compiled = good(&file(clone));
        for role in ["hw-Build-build-us-east-1", "hw-pipeline-us-east-1"] {
            let role = body(&compiled, Kind::Role, role);
            assert_eq!(resources(role, "codecommit:GitPull"), may, "{clone}");
        }
    }
    let github = "service: hw\nsource: {github: o/r, branch: main, clone: full, connection: \"arn:aws:codeconnections:eu-west-1:123456789012:connection/1\"}\nstages:\n  - commands: {run: git log}\n";
    let compiled = good(github);
    let role = body(&compiled, Kind::Role, "hw-pipeline-us-east-1");
    let connections = resources(role, "codeconnections:UseConnection");
    assert_eq!(connections.len(), 2, "{connections:?}");
}

#[test]
fn the_key_of_deployed_objects_may_be_an_alias() {
    let key = "arn:aws:kms:us-east-1:123456789012:key/1234";
    let alias = "arn:aws:kms:us-east-1:123456789012:alias/pages";
    for (said, resource, condition) in [
        (key, key, Value::Null),
        (
            alias,
            "arn:aws:kms:us-east-1:123456789012:key/*",
            serde_json::json!({"ForAnyValue:StringEquals": {"kms:ResourceAliases": ["alias/pages"]}}),
        ),
    ] {
        let compiled = good(&format!(
            "service: hw\nsource: {{codecommit: r}}\nstages:\n  - deploy:\n      s3: {{bucket: pages, extract: true, kmsEncryptionKeyArn: \"{said}\"}}\n"
        ));
        let role = body(&compiled, Kind::Role, "hw-pipeline-us-east-1");
        assert_eq!(resources(role, "kms:GenerateDataKey"), [resource]);
        let found = statements(role, "kms:GenerateDataKey")[0];
        let there = found.get("Condition").cloned().unwrap_or_default();
        assert_eq!(there, condition, "{said}");
    }
}
