//! What every account behind `Cloud` does: the same steps run against AWS's adapter (on emulators) and the sandbox.

use std::collections::BTreeMap;
use std::path::Path;

use pipectl::cloud::aws::{Aws, Options};
use pipectl::cloud::{Cloud, ErrorKind, Revision};
use pipectl::resources::{
    Context, Id, Kind, OWNER_TAG, POLICIES_TAG, Resource, SECRETS_TAG, normalise, policy_name,
};
use pipectl::sandbox::Sandbox;
use pipectl::tree::{Secret, SecretReference, SecretService};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::emulator::{REGION, emulators, post};
use crate::support::inside;

/// One resource as it is made and as it is then changed.
struct Step {
    first: Resource,
    then: Resource,
}

fn step(kind: Kind, name: &str, first: Value, then: Value) -> Step {
    let make = |body: Value, digest: &str| {
        let mut resource = Resource::new(Id::new(kind, REGION, name), body);
        if kind.has_tags() {
            resource
                .tags
                .insert(OWNER_TAG.to_owned(), "contract/dev/eu-west-1".to_owned());
            resource.tags.insert(digest.to_owned(), "1".to_owned());
        }
        resource
    };
    Step {
        first: make(first, "pipectl:first"),
        then: make(then, "pipectl:then"),
    }
}

/// `base` with other values for some members.
fn with(base: &Value, changes: Value) -> Value {
    let mut body = base.clone();
    for (key, value) in changes.as_object().expect("an object") {
        body[key] = value.clone();
    }
    body
}

fn without(base: &Value, members: &[&str]) -> Value {
    let mut body = base.clone();
    for member in members {
        body.as_object_mut()
            .expect("an object")
            .shift_remove(*member);
    }
    body
}

fn trust(service: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"},
    ]})
}

fn statement(action: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})
}

/// Managed policies of the role `contract-large`, as many as there are actions.
fn managed(actions: &[&str]) -> Value {
    let policies = actions.iter().enumerate().map(|(at, action)| {
        json!({"name": policy_name("contract-large", at + 1), "document": statement(action)})
    });
    policies.collect()
}

/// A role says in a tag how many managed policies it has.
fn large(mut step: Step) -> Step {
    for (resource, number) in [(&mut step.first, "2"), (&mut step.then, "1")] {
        resource
            .tags
            .insert(POLICIES_TAG.to_owned(), number.to_owned());
    }
    step
}

fn token(value: &str) -> Secret {
    Secret::new(
        value,
        SecretReference {
            service: SecretService::SecretsManager,
            name: "github".to_owned(),
            key: None,
            region: REGION.to_owned(),
            fingerprint: value.len().to_string(),
        },
    )
}

/// The resources, in the order in which they can be made.
fn steps(account: &str, folder: &Path) -> Vec<Step> {
    let role = |name: &str| format!("arn:aws:iam::{account}:role/{name}");
    let bucket = json!({
        "bucket": "contract-artifacts",
        "versioning": "Enabled",
        "encryption": {"sseAlgorithm": "AES256", "bucketKeyEnabled": false},
        "publicAccessBlock": {
            "blockPublicAcls": true, "ignorePublicAcls": true,
            "blockPublicPolicy": true, "restrictPublicBuckets": true,
        },
        "ownership": "BucketOwnerEnforced",
        "policy": {"Version": "2012-10-17", "Statement": [{
            "Sid": "Tls", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
            "Resource": ["arn:aws:s3:::contract-artifacts", "arn:aws:s3:::contract-artifacts/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }]},
        "lifecycle": [{
            "id": "old", "status": "Enabled", "prefix": "", "expirationDays": 90,
            "noncurrentDays": 30, "abortIncompleteDays": 7,
        }],
        "eventBridge": false,
    });
    let object = |text: &str| {
        let file = folder.join(text);
        std::fs::write(&file, text).expect("a file");
        let sha256: String = Sha256::digest(text)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        json!({
            "bucket": "contract-artifacts", "key": "bin/pipectl", "sha256": sha256,
            "path": file.to_str().expect("a text"),
        })
    };
    let topic = format!("arn:aws:sns:{REGION}:{account}:contract");
    let pipeline_role = json!({
        "roleName": "contract-pipeline",
        "description": "for the pipeline",
        "assumeRolePolicyDocument": trust("codepipeline.amazonaws.com"),
        "maxSessionDuration": 3600,
        "policies": {"s3": statement("s3:GetObject"), "build": statement("codebuild:StartBuild")},
    });
    let build_role = json!({
        "roleName": "contract-build",
        "assumeRolePolicyDocument": trust("codebuild.amazonaws.com"),
        "maxSessionDuration": 3600,
        "policies": {"logs": statement("logs:PutLogEvents")},
    });
    let project = json!({
        "name": "contract",
        "description": "builds",
        "source": {"type": "CODEPIPELINE", "buildspec": "version: 0.2\n"},
        "artifacts": {"type": "CODEPIPELINE"},
        "cache": {"type": "LOCAL", "modes": ["LOCAL_SOURCE_CACHE"]},
        "environment": {
            "type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL", "privilegedMode": false,
            "imagePullCredentialsType": "CODEBUILD",
            "environmentVariables": [{"name": "A", "value": "1", "type": "PLAINTEXT"}],
        },
        "serviceRole": role("contract-build"),
        "timeoutInMinutes": 20,
        "queuedTimeoutInMinutes": 60,
        "concurrentBuildLimit": 2,
        "logsConfig": {"cloudWatchLogs": {"status": "ENABLED", "groupName": "/contract/build"}},
    });
    let pipeline = json!({
        "name": "contract",
        "roleArn": role("contract-pipeline"),
        "artifactStore": {"type": "S3", "location": "contract-artifacts"},
        "pipelineType": "V2",
        "executionMode": "QUEUED",
        "stages": [
            {"name": "Source", "actions": [{
                "name": "Code",
                "actionTypeId": {"category": "Source", "owner": "ThirdParty", "provider": "GitHub", "version": "1"},
                "configuration": {
                    "Owner": "o", "Repo": "r", "Branch": "main", "OAuthToken": "****",
                    "PollForSourceChanges": "false",
                },
                "outputArtifacts": [{"name": "code"}],
                "runOrder": 1,
            }]},
            {"name": "Build", "actions": [{
                "name": "Build",
                "actionTypeId": {"category": "Build", "owner": "AWS", "provider": "CodeBuild", "version": "1"},
                "configuration": {"ProjectName": "contract"},
                "inputArtifacts": [{"name": "code"}],
                "runOrder": 1,
            }]},
        ],
    });
    let webhook = json!({
        "name": "contract",
        "targetPipeline": "contract",
        "targetAction": "Code",
        "filters": [{"jsonPath": "$.ref", "matchEquals": "refs/heads/main"}],
        "authentication": "GITHUB_HMAC",
        "authenticationConfiguration": {"SecretToken": "****"},
        "registerWithThirdParty": true,
    });
    let rule = json!({
        "Name": "contract",
        "Description": "starts",
        "EventPattern": {"source": ["aws.s3"], "detail": {"bucket": {"name": ["contract-artifacts"]}}},
        "State": "ENABLED",
        "Targets": [{
            "Id": "pipeline",
            "Arn": format!("arn:aws:codepipeline:{REGION}:{account}:contract"),
            "RoleArn": role("contract-pipeline"),
        }],
    });
    let alarm = json!({
        "AlarmName": "contract",
        "AlarmDescription": "failures",
        "ActionsEnabled": true,
        "AlarmActions": [topic],
        "MetricName": "FailedBuilds",
        "Namespace": "AWS/CodeBuild",
        "Statistic": "Sum",
        "Dimensions": [{"Name": "ProjectName", "Value": "contract"}],
        "Period": 300,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
    });
    let log_group = json!({"logGroupName": "/contract/build", "retentionInDays": 30});
    let topic_body = json!({
        "name": "contract", "displayName": "Contract",
        "policy": {"Version": "2012-10-17", "Id": "ours", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
            "Action": "SNS:Publish", "Resource": topic,
        }]},
    });
    let subscription =
        json!({"topicArn": topic, "protocol": "email", "endpoint": "someone@example.com"});
    // What every new bucket has, said or not.
    let other = json!({
        "bucket": "contract-other",
        "encryption": bucket["encryption"],
        "publicAccessBlock": bucket["publicAccessBlock"],
        "ownership": bucket["ownership"],
    });
    let on = json!({"bucket": "contract-other", "eventBridge": true});
    let off = |reason: &str| {
        json!({
            "pipeline": "contract", "stage": "Build", "enabled": false, "reason": reason,
        })
    };
    let mut pipeline_step = step(
        Kind::Pipeline,
        "contract",
        pipeline.clone(),
        with(&pipeline, json!({"executionMode": "SUPERSEDED"})),
    );
    let place = "/stages/0/actions/0/configuration/OAuthToken";
    for (resource, value) in [
        (&mut pipeline_step.first, "first-token"),
        (&mut pipeline_step.then, "second-token"),
    ] {
        resource.secrets.insert(place.to_owned(), token(value));
    }
    let mut webhook_step = step(
        Kind::Webhook,
        "contract",
        webhook.clone(),
        with(
            &webhook,
            json!({"filters": [{"jsonPath": "$.ref", "matchEquals": "refs/heads/next"}]}),
        ),
    );
    for resource in [&mut webhook_step.first, &mut webhook_step.then] {
        let place = "/authenticationConfiguration/SecretToken".to_owned();
        resource.secrets.insert(place, token("hook-token"));
    }
    vec![
        step(
            Kind::LogGroup,
            "/contract/build",
            log_group.clone(),
            with(&log_group, json!({"retentionInDays": 7})),
        ),
        step(
            Kind::Bucket,
            "contract-artifacts",
            bucket.clone(),
            with(
                &without(&bucket, &["policy"]),
                json!({
                    "lifecycle": [{"id": "old", "status": "Enabled", "prefix": "x/", "noncurrentDays": 10}],
                    "eventBridge": true,
                }),
            ),
        ),
        step(Kind::Bucket, "contract-other", other.clone(), other),
        step(Kind::BucketEvents, "contract-other", on.clone(), on),
        step(
            Kind::Object,
            "contract-artifacts/bin/pipectl",
            object("the binary"),
            object("another binary"),
        ),
        step(
            Kind::Topic,
            "contract",
            topic_body.clone(),
            with(
                &without(&topic_body, &["policy"]),
                json!({"displayName": "Other"}),
            ),
        ),
        step(
            Kind::Subscription,
            "contract email someone@example.com",
            subscription.clone(),
            subscription,
        ),
        step(
            Kind::Role,
            "contract-pipeline",
            pipeline_role.clone(),
            with(
                &without(&pipeline_role, &["description"]),
                json!({"maxSessionDuration": 7200, "policies": {"s3": statement("s3:PutObject")}}),
            ),
        ),
        step(
            Kind::Role,
            "contract-build",
            build_role.clone(),
            with(
                &build_role,
                json!({"policies": {"logs": statement("logs:CreateLogStream"), "more": statement("s3:GetObject")}}),
            ),
        ),
        large(step(
            Kind::Role,
            "contract-large",
            with(
                &build_role,
                json!({"roleName": "contract-large", "managedPolicies": managed(&["sns:Publish", "sqs:SendMessage"])}),
            ),
            with(
                &build_role,
                json!({"roleName": "contract-large", "managedPolicies": managed(&["sqs:SendMessage"])}),
            ),
        )),
        step(
            Kind::Project,
            "contract",
            project.clone(),
            with(
                &without(&project, &["description", "cache", "concurrentBuildLimit"]),
                json!({"timeoutInMinutes": 30}),
            ),
        ),
        pipeline_step,
        step(
            Kind::StageTransition,
            "contract Build",
            off("frozen"),
            off("still frozen"),
        ),
        webhook_step,
        step(
            Kind::EventRule,
            "contract",
            rule.clone(),
            with(
                &rule,
                json!({
                    "State": "DISABLED",
                    "Targets": [{
                        "Id": "topic",
                        "Arn": topic,
                    }],
                }),
            ),
        ),
        step(
            Kind::Alarm,
            "contract",
            alarm.clone(),
            with(&alarm, json!({"Threshold": 2.5, "EvaluationPeriods": 3})),
        ),
    ]
}

/// The body in the form in which plans compare.
fn form(resource: &Resource, account: &str) -> Value {
    let mut body = resource.body.clone();
    let context = Context {
        region: resource.id.region.clone(),
        account: account.to_owned(),
        partition: "aws".to_owned(),
    };
    normalise(resource.id.kind, &mut body, &context);
    body
}

async fn one(cloud: &dyn Cloud, id: &Id) -> Option<Resource> {
    let read = cloud.read(std::slice::from_ref(id)).await;
    let mut read = read.unwrap_or_else(|error| panic!("{id}: {error:?}"));
    assert_eq!(read.len(), 1);
    read.remove(0)
}

fn assert_like(live: &Option<Resource>, desired: &Resource, account: &str) {
    let id = &desired.id;
    let live = live.as_ref().unwrap_or_else(|| panic!("{id} is not there"));
    assert_eq!(live.id, desired.id);
    let (read, sent) = (form(live, account), form(desired, account));
    assert_eq!(read, sent, "{id}\nsent: {sent:#}\nread: {read:#}");
    let ours: BTreeMap<_, _> = live
        .tags
        .iter()
        .filter(|(key, _)| key.starts_with("pipectl:"))
        .collect();
    assert_eq!(ours, desired.tags.iter().collect(), "{id}");
}

/// Everything that the commands rely on. The account is empty before and after.
pub(crate) async fn contract(cloud: &dyn Cloud) {
    let identity = cloud.identity().await.expect("an identity");
    assert_eq!(identity.account.len(), 12);
    assert_eq!(identity.partition, "aws");
    let folder = tempfile::tempdir().expect("a folder");
    let account = identity.account.as_str();
    let steps = steps(account, folder.path());
    let ids: Vec<Id> = steps.iter().map(|step| step.first.id.clone()).collect();

    let before = cloud.read(&ids).await.expect("an empty account");
    for (id, live) in ids.iter().zip(&before) {
        assert!(live.is_none(), "{id} is there already");
    }
    for Step { first, then } in &steps {
        let id = &first.id;
        // A transition is there with its stage.
        let live = one(cloud, id).await;
        if id.kind != Kind::StageTransition {
            assert!(live.is_none(), "{id} is there already");
        }
        let made = match &live {
            None => cloud.create(first).await,
            Some(live) => cloud.update(live, first).await,
        };
        made.unwrap_or_else(|error| panic!("create {id}: {error:?}"));
        let live = one(cloud, id).await;
        assert_like(&live, first, account);
        let live = live.expect("just seen");
        let changed = cloud.update(&live, then).await;
        changed.unwrap_or_else(|error| panic!("update {id}: {error:?}"));
        assert_like(&one(cloud, id).await, then, account);
    }
    let all = cloud.read(&ids).await.expect("all at once");
    for (live, step) in all.iter().zip(&steps) {
        // Its events were switched on beside it.
        if step.first.id != Id::new(Kind::Bucket, REGION, "contract-other") {
            assert_like(live, &step.then, account);
        }
    }
    absent_members(cloud, &ids).await;
    operations(cloud).await;
    moved_version(cloud, &steps).await;
    for id in ids.iter().rev() {
        for time in ["first", "second"] {
            let gone = cloud.delete(id, true).await;
            gone.unwrap_or_else(|error| panic!("delete {id}, {time} time: {error:?}"));
        }
        let live = one(cloud, id).await;
        match id.kind {
            Kind::StageTransition => {
                let live = live.expect("the stage is there");
                assert_eq!(live.body["enabled"], json!(true));
            }
            // Nobody can remove what nobody has confirmed.
            Kind::Subscription => {}
            _ => assert!(live.is_none(), "{id} is still there: {live:?}"),
        }
    }
    parameters(cloud).await;
    let absent = cloud
        .connection_status(&format!(
            "arn:aws:codeconnections:{REGION}:{}:connection/11111111-2222-3333-4444-555555555555",
            identity.account
        ))
        .await;
    assert_eq!(absent, Ok(None));
    let role = format!("arn:aws:iam::{}:role/nobody", identity.account);
    assert_eq!(cloud.role_exists(&role).await, Ok(false));
    let calls = cloud.calls();
    assert!(!calls.read.is_empty() && !calls.write.is_empty());
}

/// What the second desired state no longer has is gone.
async fn absent_members(cloud: &dyn Cloud, ids: &[Id]) {
    let read = cloud.read(ids).await.expect("all at once");
    let body = |kind: Kind, name: &str| {
        let place = ids
            .iter()
            .position(|id| id.kind == kind && id.name == name)
            .expect("asked");
        read[place].as_ref().expect("there").body.clone()
    };
    let project = body(Kind::Project, "contract");
    assert!(project.get("concurrentBuildLimit").is_none(), "{project:#}");
    let description = project.get("description").and_then(Value::as_str);
    assert!(description.unwrap_or_default().is_empty(), "{project:#}");
    assert_ne!(project["cache"]["type"], json!("LOCAL"));
    let bucket = body(Kind::Bucket, "contract-artifacts");
    assert!(bucket.get("policy").is_none(), "{bucket:#}");
    let rule = &bucket["lifecycle"][0];
    assert!(rule.get("expirationDays").is_none(), "{bucket:#}");
    let topic = body(Kind::Topic, "contract");
    assert!(topic.get("policy").is_none(), "{topic:#}");
    let role = body(Kind::Role, "contract-pipeline");
    assert!(role["policies"].get("build").is_none(), "{role:#}");
    let description = role.get("description").and_then(Value::as_str);
    assert!(description.unwrap_or_default().is_empty(), "{role:#}");
    let large = body(Kind::Role, "contract-large");
    assert_eq!(large["managedPolicies"].as_array().map(Vec::len), Some(1));
    let names = [1, 2].map(|number| policy_name("contract-large", number));
    let tags = cloud.policy_tags(&names).await.expect("an answer");
    assert_eq!(
        tags[0].as_ref().map(|tags| &tags[OWNER_TAG]),
        Some(&"contract/dev/eu-west-1".to_owned())
    );
    assert_eq!(tags[1], None, "it is gone");
}

async fn operations(cloud: &dyn Cloud) {
    let revision = Revision {
        action: "Code".to_owned(),
        kind: "COMMIT_ID".to_owned(),
        value: "abcdef".to_owned(),
    };
    let started = cloud
        .start_execution("contract", Some(&revision), Some("token-1"))
        .await
        .expect("started");
    let again = cloud
        .start_execution("contract", Some(&revision), Some("token-1"))
        .await
        .expect("the same");
    assert_eq!(started, again);
    let newest = cloud.executions("contract", 1).await.expect("a list");
    assert_eq!(newest.len(), 1);
    assert_eq!(newest[0].id, started);
    if newest[0].status == "InProgress" {
        cloud
            .stop_execution("contract", &started, true, "enough")
            .await
            .expect("stopped");
    }
    let missing = cloud.executions("nobody", 1).await;
    assert_eq!(
        missing.map_err(|error| error.kind),
        Err(ErrorKind::NotFound)
    );
}

/// A plan that was made for another version is refused.
async fn moved_version(cloud: &dyn Cloud, steps: &[Step]) {
    let pipeline = steps
        .iter()
        .find(|step| step.first.id.kind == Kind::Pipeline)
        .expect("one of them");
    let old = one(cloud, &pipeline.first.id).await.expect("there");
    cloud
        .update(&old, &pipeline.first)
        .await
        .expect("it has not moved");
    let refused = cloud
        .update(&old, &pipeline.first)
        .await
        .expect_err("it has moved");
    assert_eq!(refused.code, "version-moved");
    assert_eq!(refused.kind, ErrorKind::Invalid);
}

async fn parameters(cloud: &dyn Cloud) {
    let name = "/pipectl/contract".to_owned();
    let names: Vec<String> = (0..12)
        .map(|number| format!("/pipectl/absent-{number}"))
        .chain([name.clone(), name.clone()])
        .collect();
    cloud.put_parameter(&name, "one", false).await.expect("new");
    let exists = cloud.put_parameter(&name, "two", false).await;
    assert_eq!(exists.map_err(|error| error.kind), Err(ErrorKind::Exists));
    cloud
        .put_parameter(&name, "three", true)
        .await
        .expect("overwritten");
    let read = cloud.parameters(REGION, &names, true).await;
    assert_eq!(read.len(), names.len());
    for (asked, answer) in names.iter().zip(read) {
        let answer = answer.expect("an answer");
        if asked == &name {
            let parameter = answer.expect("there");
            assert_eq!(parameter.asked, name);
            assert_eq!(parameter.value, "three");
            assert_eq!(parameter.kind, "String");
            assert_eq!(parameter.version, 2);
            assert!(parameter.modified > 0);
        } else {
            assert!(answer.is_none(), "{asked}");
        }
    }
    cloud
        .delete_parameters(&names)
        .await
        .expect("absent is fine");
    let read = cloud.parameters(REGION, &names[12..13], true).await;
    assert!(matches!(read[0], Ok(None)));
}

fn on_emulators(test: &str) -> bool {
    inside(test, || emulators().environment())
}

async fn aws() -> Aws {
    Aws::connect(&Options::default())
        .await
        .expect("the environment says all")
}

#[tokio::test(flavor = "multi_thread")]
async fn aws_keeps_the_contract() {
    if !on_emulators("cloud_contract::aws_keeps_the_contract") {
        return;
    }
    let cloud = aws().await;
    contract(&cloud).await;
    let calls = cloud.calls();
    assert_eq!(calls.read.get("STS:GetCallerIdentity"), Some(&1));
    assert_eq!(calls.write.get("CodePipeline:CreatePipeline"), Some(&1));
    assert_eq!(calls.write.get("CodeBuild:UpdateProject"), Some(&1));
    secrets_arrive(&cloud).await;
}

/// Secrets are sent in their places, and sent again when only they have moved.
async fn secrets_arrive(cloud: &Aws) {
    let account = cloud.identity().await.expect("an identity").account;
    let kinds = [
        Kind::Bucket,
        Kind::Role,
        Kind::Project,
        Kind::Pipeline,
        Kind::Webhook,
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let steps: Vec<Step> = steps(&account, folder.path())
        .into_iter()
        .filter(|step| kinds.contains(&step.first.id.kind))
        .collect();
    for Step { first, .. } in &steps {
        cloud.create(first).await.expect("created");
    }
    let moto = std::env::var("AWS_ENDPOINT_URL").expect("inside");
    let stored = || post(&moto, "/_test/secrets", &[], "{}");
    let now = stored();
    assert!(
        now.contains("first-token") && now.contains("hook-token") && now.contains("true"),
        "{now}"
    );
    let pipeline = steps
        .iter()
        .find(|step| step.first.id.kind == Kind::Pipeline)
        .expect("one of them");
    let live = one(cloud, &pipeline.first.id).await.expect("there");
    assert!(!live.body.to_string().contains("first-token"));
    let mut desired = pipeline.first.clone();
    desired.secrets = pipeline.then.secrets.clone();
    desired
        .tags
        .insert(SECRETS_TAG.to_owned(), "moved".to_owned());
    cloud.update(&live, &desired).await.expect("updated");
    let now = stored();
    assert!(now.contains("second-token"), "{now}");
    for Step { first, .. } in steps.iter().rev() {
        cloud.delete(&first.id, true).await.expect("deleted");
    }
}

#[tokio::test]
async fn the_sandbox_keeps_the_contract() {
    let folder = tempfile::tempdir().expect("a folder");
    // What nobody made and nobody gave is absent, as on AWS.
    let given = folder.path().join("sandbox.yml");
    std::fs::write(&given, "strict: true\n").expect("a file");
    let account = folder.path().join("account");
    let cloud = Sandbox::open(&account, REGION, Some(&given)).expect("opens");
    contract(&cloud).await;
}

fn emulator_call(service: &str, target: &str, body: &Value) {
    let moto = std::env::var("AWS_ENDPOINT_URL").expect("inside");
    let credential = format!(
        "AWS4-HMAC-SHA256 Credential=testing/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=x"
    );
    post(
        &moto,
        "/",
        &[
            ("Content-Type", "application/x-amz-json-1.1"),
            ("X-Amz-Target", target),
            ("Authorization", &credential),
        ],
        &body.to_string(),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn aws_reads_secrets_and_objects() {
    if !on_emulators("cloud_contract::aws_reads_secrets_and_objects") {
        return;
    }
    emulator_call(
        "secretsmanager",
        "secretsmanager.CreateSecret",
        &json!({"Name": "reads", "SecretString": "a secret"}),
    );
    emulator_call(
        "ssm",
        "AmazonSSM.PutParameter",
        &json!({"Name": "/reads/secure", "Value": "hidden", "Type": "SecureString"}),
    );
    let cloud = aws().await;
    let ids = ["reads", "nobody", "reads"].map(str::to_owned);
    let secrets = cloud.secrets(REGION, &ids).await;
    let found = secrets[0].as_ref().expect("an answer").as_ref();
    assert_eq!(found.expect("there").value, "a secret");
    assert!(!found.expect("there").version_id.is_empty());
    assert!(secrets[1].as_ref().expect("an answer").is_none());
    assert!(secrets[2].as_ref().expect("an answer").is_some());

    let names = ["/reads/secure:1", "/reads/secure:9", "/reads/secure"].map(str::to_owned);
    let read = cloud.parameters(REGION, &names, true).await;
    let parameter = read[0].as_ref().expect("an answer").as_ref();
    assert_eq!(parameter.expect("there").value, "hidden");
    assert_eq!(parameter.expect("there").kind, "SecureString");
    // A version that is not there is no parameter that is not there.
    let missing = read[1].as_ref().err().expect("no such version");
    assert_eq!(missing.code, "ParameterVersionNotFound");
    assert!(read[2].as_ref().expect("an answer").is_some());

    let bucket = Resource::new(
        Id::new(Kind::Bucket, REGION, "reads"),
        json!({"bucket": "reads"}),
    );
    cloud.create(&bucket).await.expect("a bucket");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("text");
    std::fs::write(&path, "text\n").expect("a file");
    let object = Resource::new(
        Id::new(Kind::Object, REGION, "reads/a/b"),
        json!({"bucket": "reads", "key": "a/b", "sha256": "x", "path": path.to_str()}),
    );
    cloud.create(&object).await.expect("an object");
    let text = cloud.object(REGION, "reads", "a/b").await;
    assert_eq!(text, Ok(Some("text\n".to_owned())));
    assert_eq!(cloud.object(REGION, "reads", "a/c").await, Ok(None));
    let missing = cloud.object(REGION, "nobody-has-this", "a").await;
    assert_eq!(
        missing.map_err(|error| (error.kind, error.operation)),
        Err((ErrorKind::NotFound, "S3:GetObject".to_owned()))
    );
    let full = cloud.delete(&bucket.id, false).await;
    assert_eq!(
        full.map_err(|error| error.code),
        Err("BucketNotEmpty".to_owned())
    );
    cloud.delete(&bucket.id, true).await.expect("emptied");
}
