//! The account as a whole, on a folder of its own.

use std::path::Path;

use serde_json::{Value, json};

use super::{OpenError, Sandbox};
use crate::cloud::{Cloud, ErrorKind, Revision};
use crate::resources::{Id, Kind, Resource};
use crate::tree::{Secret, SecretReference, SecretService};

const REGION: &str = "us-east-1";

fn open(folder: &Path) -> Sandbox {
    Sandbox::open(&folder.join(".pipectl"), REGION, None).expect("opens")
}

fn seeded(folder: &Path, yml: &str) -> Result<Sandbox, OpenError> {
    let file = folder.join("sandbox.yml");
    std::fs::write(&file, yml).expect("written");
    Sandbox::open(&folder.join(".pipectl"), REGION, Some(&file))
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
        .block_on(future)
}

fn action(name: &str, category: &str, provider: &str, configuration: Value) -> Value {
    let owner = if provider == "GitHub" {
        "ThirdParty"
    } else {
        "AWS"
    };
    json!({
        "name": name,
        "actionTypeId": {"category": category, "owner": owner, "provider": provider, "version": "1"},
        "configuration": configuration,
    })
}

fn pipeline_body(name: &str) -> Value {
    let mut source = action(
        "Source",
        "Source",
        "GitHub",
        json!({"Owner": "o", "Repo": "r", "Branch": "main", "OAuthToken": "****",
               "PollForSourceChanges": "false"}),
    );
    source["outputArtifacts"] = json!([{"name": "Src"}]);
    let mut build = action(
        "Build",
        "Build",
        "CodeBuild",
        json!({"ProjectName": "hw-p"}),
    );
    build["inputArtifacts"] = json!([{"name": "Src"}]);
    json!({
        "name": name,
        "roleArn": "arn:aws:iam::123456789012:role/given",
        "artifactStore": {"type": "S3", "location": "artifacts"},
        "pipelineType": "V2",
        "stages": [
            {"name": "Source", "actions": [source]},
            {"name": "Build", "actions": [build]},
        ],
    })
}

fn token(value: &str) -> Secret {
    let reference = SecretReference {
        service: SecretService::SecretsManager,
        name: "TOKEN".into(),
        key: None,
        region: REGION.into(),
        fingerprint: "v1".into(),
    };
    Secret::new(value, reference)
}

fn pipeline(name: &str) -> Resource {
    let id = Id::new(Kind::Pipeline, REGION, name);
    let mut resource = Resource::new(id, pipeline_body(name));
    resource.secrets.insert(
        "/stages/0/actions/0/configuration/OAuthToken".into(),
        token("marker-secret"),
    );
    resource.tags.insert("team".into(), "ops".into());
    resource
}

fn role(name: &str, service: &str) -> Resource {
    let body = json!({
        "roleName": name,
        "assumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]},
        "policies": {"main": {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}},
    });
    Resource::new(Id::new(Kind::Role, REGION, name), body)
}

fn project(name: &str) -> Resource {
    let body = json!({
        "name": name,
        "source": {"type": "CODEPIPELINE", "buildspec": "version: 0.2"},
        "artifacts": {"type": "CODEPIPELINE"},
        "environment": {"type": "LINUX_CONTAINER", "computeType": "BUILD_GENERAL1_SMALL",
                        "image": "aws/codebuild/amazonlinux-x86_64-standard:5.0"},
        "serviceRole": "arn:aws:iam::123456789012:role/builder",
    });
    Resource::new(Id::new(Kind::Project, REGION, name), body)
}

fn live(cloud: &Sandbox, id: &Id) -> Option<Resource> {
    run(cloud.read(std::slice::from_ref(id)))
        .expect("read")
        .pop()
        .expect("one answer")
}

fn code<T: std::fmt::Debug>(result: Result<T, crate::cloud::CloudError>) -> String {
    result.expect_err("refused").code
}

#[test]
fn a_pipeline_comes_back_masked_with_what_aws_adds() {
    let folder = tempfile::tempdir().expect("folder");
    let cloud = open(folder.path());
    let wanted = pipeline("p");
    run(cloud.create(&wanted)).expect("made");
    let there = live(&cloud, &wanted.id).expect("there");
    assert_eq!(there.body["version"], 1);
    assert_eq!(there.body["executionMode"], "SUPERSEDED");
    let source = &there.body["stages"][0]["actions"][0];
    assert_eq!(source["configuration"]["OAuthToken"], "****");
    assert_eq!(source["runOrder"], 1);
    assert_eq!(source["region"], REGION);
    assert_eq!(source["inputArtifacts"], json!([]));
    assert_eq!(there.tags, wanted.tags);
    let executions = run(cloud.executions("p", 5)).expect("listed");
    assert_eq!(executions.len(), 1);
    assert_eq!(executions[0].status, "InProgress");
    assert_eq!(
        code(run(cloud.create(&wanted))),
        "PipelineNameInUseException"
    );
}

#[test]
fn the_mask_keeps_a_secret_only_of_an_action_that_is_otherwise_the_same() {
    let folder = tempfile::tempdir().expect("folder");
    let cloud = open(folder.path());
    let mut masked = pipeline("p");
    masked.secrets.clear();
    let refused = run(cloud.create(&masked)).expect_err("refused");
    assert_eq!(refused.code, "InvalidActionDeclarationException");
    assert!(refused.message.contains("only when updating"), "{refused}");
    run(cloud.create(&pipeline("p"))).expect("made");
    let there = live(&cloud, &masked.id).expect("there");
    masked.body["stages"][1]["name"] = json!("Compile");
    run(cloud.update(&there, &masked)).expect("another stage may change");
    let there = live(&cloud, &masked.id).expect("there");
    assert_eq!(there.body["version"], 2);
    masked.body["stages"][0]["actions"][0]["configuration"]["Branch"] = json!("dev");
    assert_eq!(
        code(run(cloud.update(&there, &masked))),
        "InvalidActionDeclarationException"
    );
    masked.secrets = pipeline("p").secrets;
    run(cloud.update(&there, &masked)).expect("with the secret it may");
}

#[test]
fn an_update_fails_what_runs_unless_it_is_parallel() {
    let folder = tempfile::tempdir().expect("folder");
    let cloud = open(folder.path());
    for (name, mode, status) in [
        ("queued", "QUEUED", "Failed"),
        ("parallel", "PARALLEL", "InProgress"),
    ] {
        let mut wanted = pipeline(name);
        wanted.body["executionMode"] = json!(mode);
        run(cloud.create(&wanted)).expect("made");
        let stale = live(&cloud, &wanted.id).expect("there");
        wanted.body["stages"][1]["name"] = json!("Compile");
        run(cloud.update(&stale, &wanted)).expect("changed");
        let executions = run(cloud.executions(name, 1)).expect("listed");
        assert_eq!(executions[0].status, status, "{name}");
        let refused = run(cloud.update(&stale, &wanted)).expect_err("stale");
        assert_eq!(refused.code, "version-moved");
        assert_eq!(refused.kind, ErrorKind::Invalid);
    }
}

#[test]
fn only_tags_make_no_version_and_stop_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let cloud = open(folder.path());
    let mut wanted = pipeline("p");
    run(cloud.create(&wanted)).expect("made");
    let there = live(&cloud, &wanted.id).expect("there");
    wanted.secrets.clear();
    wanted.tags.insert("cost".into(), "1".into());
    run(cloud.update(&there, &wanted)).expect("tagged");
    let there = live(&cloud, &wanted.id).expect("there");
    assert_eq!(there.body["version"], 1);
    assert_eq!(there.tags, wanted.tags);
    let executions = run(cloud.executions("p", 1)).expect("listed");
    assert_eq!(executions[0].status, "InProgress");
}

#[test]
fn a_made_role_must_trust_and_exist() {
    let folder = tempfile::tempdir().expect("folder");
    let cloud = open(folder.path());
    let builder = role("builder", "codepipeline.amazonaws.com");
    run(cloud.create(&builder)).expect("made");
    assert_eq!(code(run(cloud.create(&builder))), "EntityAlreadyExists");
    let refused = run(cloud.create(&project("hw-p"))).expect_err("no trust");
    assert_eq!(refused.code, "InvalidInputException");
    assert!(refused.message.contains("sts:AssumeRole"), "{refused}");
    let trusting = role("builder", "codebuild.amazonaws.com");
    run(cloud.update(&builder, &trusting)).expect("changed");
    run(cloud.create(&project("hw-p"))).expect("made");
    run(cloud.delete(&builder.id, false)).expect("gone");
    assert!(!run(cloud.role_exists("arn:aws:iam::123456789012:role/builder")).expect("answer"));
    assert!(run(cloud.role_exists("arn:aws:iam::123456789012:role/other")).expect("answer"));
    assert_eq!(
        code(run(cloud.create(&project("hw-q")))),
        "InvalidInputException"
    );
}

#[test]
fn a_project_comes_back_with_what_aws_adds_and_not_what_was_reset() {
    let folder = tempfile::tempdir().expect("folder");
    let cloud = open(folder.path());
    let mut wanted = project("hw-p");
    wanted.body["vpcConfig"] =
        json!({"vpcId": "vpc-1", "subnets": ["s-1"], "securityGroupIds": ["g-1"]});
    run(cloud.create(&wanted)).expect("made");
    let there = live(&cloud, &wanted.id).expect("there");
    assert_eq!(there.body["queuedTimeoutInMinutes"], 480);
    assert_eq!(there.body["projectVisibility"], "PRIVATE");
    assert_eq!(there.body["vpcConfig"], wanted.body["vpcConfig"]);
    let without = project("hw-p");
    run(cloud.update(&there, &without)).expect("changed");
    let there = live(&cloud, &wanted.id).expect("there");
    assert_eq!(there.body.get("vpcConfig"), None);
    assert_eq!(
        code(run(cloud.create(&wanted))),
        "ResourceAlreadyExistsException"
    );
}

#[test]
fn a_bucket_with_objects_goes_only_with_its_data() {
    let folder = tempfile::tempdir().expect("folder");
    let cloud = open(folder.path());
    let bucket = Resource::new(
        Id::new(Kind::Bucket, REGION, "hw-artifacts"),
        json!({"bucket": "hw-artifacts"}),
    );
    run(cloud.create(&bucket)).expect("made");
    assert_eq!(code(run(cloud.create(&bucket))), "BucketAlreadyOwnedByYou");
    let file = folder.path().join("binary");
    std::fs::write(&file, "abc").expect("written");
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let body = json!({"bucket": "hw-artifacts", "key": "k", "sha256": sha256, "path": file});
    let mut object = Resource::new(Id::new(Kind::Object, REGION, "hw-artifacts/k"), body);
    run(cloud.create(&object)).expect("copied");
    std::fs::remove_file(&file).expect("removed");
    let text = run(cloud.object(REGION, "hw-artifacts", "k")).expect("read");
    assert_eq!(text.as_deref(), Some("abc"));
    std::fs::write(&file, "abd").expect("written");
    object.body["key"] = json!("other");
    assert_eq!(code(run(cloud.create(&object))), "BadDigest");
    assert_eq!(code(run(cloud.delete(&bucket.id, false))), "BucketNotEmpty");
    run(cloud.delete(&bucket.id, true)).expect("gone");
    assert!(live(&cloud, &object.id).is_none() && live(&cloud, &bucket.id).is_none());
}

#[test]
fn transitions_belong_to_stages_that_are_there() {
    let folder = tempfile::tempdir().expect("folder");
    let cloud = open(folder.path());
    run(cloud.create(&pipeline("p"))).expect("made");
    let id = Id::new(Kind::StageTransition, REGION, "p Build");
    let open = live(&cloud, &id).expect("a stage has one");
    assert_eq!(open.body["enabled"], true);
    let mut closed = open.clone();
    closed.body = json!({"pipeline": "p", "stage": "Build", "enabled": false, "reason": "freeze"});
    run(cloud.update(&open, &closed)).expect("closed");
    assert_eq!(live(&cloud, &id).expect("there").body, closed.body);
    let nowhere = Id::new(Kind::StageTransition, REGION, "p Nowhere");
    assert!(live(&cloud, &nowhere).is_none());
    let nowhere = Resource::new(nowhere, closed.body);
    assert_eq!(code(run(cloud.create(&nowhere))), "StageNotFoundException");
}

#[test]
fn the_same_token_starts_one_execution() {
    let folder = tempfile::tempdir().expect("folder");
    let cloud = open(folder.path());
    run(cloud.create(&pipeline("p"))).expect("made");
    let revision = Revision {
        action: "Source".to_owned(),
        kind: "COMMIT_ID".to_owned(),
        value: "abc".to_owned(),
    };
    let start = |token| run(cloud.start_execution("p", Some(&revision), Some(token)));
    let first = start("t").expect("started");
    assert_eq!(start("t").expect("the same"), first);
    assert_ne!(start("u").expect("another"), first);
    run(cloud.stop_execution("p", &first, true, "because")).expect("stopped");
    assert_eq!(
        code(run(cloud.stop_execution("p", &first, true, "again"))),
        "PipelineExecutionNotStoppableException"
    );
    assert_eq!(
        code(run(cloud.start_execution("q", None, None))),
        "PipelineNotFoundException"
    );
}

#[test]
fn calls_are_counted_by_batch() {
    let folder = tempfile::tempdir().expect("folder");
    let cloud = open(folder.path());
    let ids: Vec<Id> = (0..101)
        .map(|n| Id::new(Kind::Project, REGION, format!("p{n}")))
        .collect();
    run(cloud.read(&ids)).expect("read");
    let names: Vec<String> = (0..11).map(|n| format!("/p{n}")).collect();
    assert!(
        run(cloud.parameters(REGION, &names, false))
            .iter()
            .all(|p| matches!(p, Ok(None)))
    );
    assert!(
        run(cloud.secrets(REGION, &names))
            .iter()
            .all(|s| matches!(s, Ok(None)))
    );
    let calls = cloud.calls();
    assert_eq!(calls.read["CodeBuild:BatchGetProjects"], 2);
    assert_eq!(calls.read["SSM:GetParameters"], 2);
    assert_eq!(calls.read["SecretsManager:BatchGetSecretValue"], 1);
    assert!(calls.write.is_empty());
}

#[test]
fn what_was_done_is_there_after_opening_again() {
    let folder = tempfile::tempdir().expect("folder");
    let first = open(folder.path());
    run(first.create(&pipeline("p"))).expect("made");
    run(first.put_parameter("/a", "1", false)).expect("written");
    drop(first);
    let second = open(folder.path());
    assert!(live(&second, &pipeline("p").id).is_some());
    let found = run(second.parameters(REGION, &["/a".to_owned(), "/a:1".to_owned()], false));
    for parameter in found {
        assert_eq!(parameter.expect("read").expect("there").value, "1");
    }
}

#[test]
fn of_two_that_create_one_wins() {
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path();
    open(root);
    let won: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let cloud = open(root);
                    let mut won = 0;
                    for n in 0..10 {
                        let name = format!("/lock{n}");
                        match run(cloud.put_parameter(&name, "mine", false)) {
                            Ok(()) => won += 1,
                            Err(error) => assert_eq!(error.kind, ErrorKind::Exists, "{error}"),
                        }
                    }
                    won
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|t| t.join().expect("no panic"))
            .sum()
    });
    assert_eq!(won, 10);
}

#[test]
fn secrets_are_masked_outside_their_store() {
    let folder = tempfile::tempdir().expect("folder");
    let cloud = seeded(
        folder.path(),
        "secrets:\n  A: marker-a\n  B: {generate: true}\n  C: {key: marker-c}\nparameters:\n  /s: {type: SecureString, value: marker-s}\n",
    )
    .expect("opens");
    run(cloud.create(&pipeline("p"))).expect("made");
    let listed = format!("{:?}", cloud.list().expect("listed"));
    assert!(
        listed.contains("****") && !listed.contains("marker"),
        "{listed}"
    );
    let there = live(&cloud, &pipeline("p").id).expect("there");
    assert!(!format!("{cloud:?}{there:?}").contains("marker"));
    let found = run(cloud.secrets(REGION, &["A".into(), "C".into(), "B".into()]));
    let values: Vec<String> = found
        .into_iter()
        .map(|secret| secret.expect("read").expect("there").value)
        .collect();
    assert_eq!(values[..2], ["marker-a", r#"{"key":"marker-c"}"#]);
    assert_eq!(values[2].len(), 32);
    cloud.reset().expect("reset");
    assert!(live(&cloud, &pipeline("p").id).is_none());
}

#[cfg(unix)]
#[test]
fn folder_and_database_are_for_the_owner() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("folder");
    let cloud = open(folder.path());
    run(cloud.put_parameter("/a", "1", false)).expect("written");
    let inside = folder.path().join(".pipectl");
    let mode = |path: &Path| path.metadata().expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&inside), 0o700);
    for entry in std::fs::read_dir(&inside).expect("listed") {
        let path = entry.expect("entry").path();
        if path.extension().is_some() {
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }
    let ignore = std::fs::read_to_string(inside.join(".gitignore")).expect("there");
    assert_eq!(ignore, "*\n");
}

#[test]
fn sandbox_yml_holds_outputs_and_objects() {
    let folder = tempfile::tempdir().expect("folder");
    let yml = "stacks:\n  network: {VpcId: vpc-1, Count: 3}\nobjects:\n  config/a.txt: text\n";
    let cloud = seeded(folder.path(), yml).expect("opens");
    let outputs = run(cloud.stack_outputs(REGION, "network")).expect("read");
    let outputs = outputs.expect("there");
    assert_eq!((&*outputs["VpcId"], &*outputs["Count"]), ("vpc-1", "3"));
    assert!(
        run(cloud.stack_outputs(REGION, "other"))
            .expect("read")
            .is_none()
    );
    let object = |key| run(cloud.object(REGION, "config", key)).expect("read");
    assert_eq!(object("a.txt").as_deref(), Some("text"));
    assert_eq!(object("b.txt"), None);
}

#[test]
fn sandbox_yml_fills_and_never_overwrites() {
    let folder = tempfile::tempdir().expect("folder");
    let yml = "parameters:\n  /a: one\n  /list: [x, y]\n  /n: 12\nconnections:\n  arn:c: PENDING\nroles: [given]\nstrict: true\n";
    let cloud = seeded(folder.path(), yml).expect("opens");
    cloud.set_parameter("/a", "two", false).expect("set");
    drop(cloud);
    let cloud = seeded(folder.path(), yml).expect("opens again");
    let names = ["/a", "/list", "/n"].map(str::to_owned);
    let values: Vec<(String, String)> = run(cloud.parameters("eu-west-1", &names, true))
        .into_iter()
        .map(|found| found.expect("read").expect("there"))
        .map(|found| (found.kind, found.value))
        .collect();
    let expected = [("String", "two"), ("StringList", "x,y"), ("String", "12")];
    assert_eq!(values, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    let status = |arn| run(cloud.connection_status(arn)).expect("answer");
    assert_eq!(status("arn:c").as_deref(), Some("PENDING"));
    assert_eq!(status("arn:d"), None);
    assert!(!run(cloud.role_exists("arn:aws:iam::123456789012:role/other")).expect("answer"));
    let refused = run(cloud.create(&pipeline("p"))).expect_err("no bucket");
    assert_eq!(refused.code, "InvalidStructureException");
    assert!(refused.message.contains("artifact bucket"), "{refused}");
}

#[test]
fn mistakes_in_sandbox_yml_have_their_place() {
    let folder = tempfile::tempdir().expect("folder");
    let yml = "paramters: {}\nconnections: {arn:c: MAYBE}\nstrict: perhaps\nsecrets: []\n";
    let Err(OpenError::Findings {
        sources,
        diagnostics,
    }) = seeded(folder.path(), yml)
    else {
        panic!("must be refused");
    };
    let found: Vec<(&str, String)> = diagnostics
        .into_sorted()
        .iter()
        .map(|d| (d.code, sources.slice(d.span).to_owned()))
        .collect();
    let expected = [
        ("key-unknown", "paramters"),
        ("value-invalid", "MAYBE"),
        ("value-kind", "perhaps"),
        ("value-kind", "[]"),
    ];
    assert_eq!(found, expected.map(|(code, text)| (code, text.to_owned())));
}
