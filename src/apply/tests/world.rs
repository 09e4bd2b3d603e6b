//! An account of its own for each test, and a file that uses most kinds.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::super::clock::Clock;
use super::super::{CancellationFlag, Holder, Outcome, Settings, run};
use crate::cloud::Cloud;
use crate::plan::{self, Options, Plan};
use crate::resources::{Desired, Id, Kind, Resource, normalise};
use crate::sandbox::Sandbox;
use crate::tree::{Secret, SecretReference, SecretService};

pub(super) const REGION: &str = "us-east-1";
pub(super) const ACCOUNT: &str = "123456789012";
pub(super) const TOKEN_AT: &str = "/stages/0/actions/0/configuration/OAuthToken";

/// Nothing takes time, and time passes when somebody waits.
#[derive(Default)]
pub(super) struct TestClock {
    now: AtomicU64,
    dice: AtomicU64,
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> u64 {
        1_800_000_000 + self.now.load(Ordering::SeqCst)
    }

    fn random(&self) -> u64 {
        self.dice.fetch_add(7_919, Ordering::SeqCst) + u64::from(std::process::id())
    }

    async fn sleep(&self, time: Duration) {
        tokio::task::yield_now().await;
        self.now.fetch_add(time.as_secs().max(1), Ordering::SeqCst);
    }
}

pub(super) struct World {
    folder: tempfile::TempDir,
    pub(super) cloud: Sandbox,
    pub(super) clock: TestClock,
}

impl World {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let cloud = Sandbox::open(&folder.path().join("account"), REGION, None).expect("opens");
        Self {
            folder,
            cloud,
            clock: TestClock::default(),
        }
    }

    /// Another process on the same account.
    pub(super) fn again(&self) -> Sandbox {
        Sandbox::open(&self.folder.path().join("account"), REGION, None).expect("opens")
    }

    pub(super) fn plan(
        &self,
        desired: &Desired,
        options: Options,
    ) -> Result<Plan, crate::error::Failure> {
        block_on(plan::make(desired, &self.cloud, &options))
    }

    pub(super) fn apply(&self, desired: &Desired) -> Outcome {
        self.apply_with(desired, Options::default())
    }

    pub(super) fn apply_with(&self, desired: &Desired, options: Options) -> Outcome {
        let plan = self.plan(desired, options).expect("a plan");
        self.run_on(&self.cloud, &plan, desired, false)
    }

    pub(super) fn run_on(
        &self,
        cloud: &dyn Cloud,
        plan: &Plan,
        desired: &Desired,
        break_lock: bool,
    ) -> Outcome {
        let settings = self.settings(break_lock);
        block_on(run(
            plan,
            desired,
            cloud,
            &settings,
            &mut |_| {},
            &CancellationFlag::default(),
        ))
    }

    pub(super) fn settings(&self, break_lock: bool) -> Settings<'_> {
        Settings {
            confirmed: true,
            admit: &|_| Ok(()),
            break_lock,
            who: Holder::new("tester", &self.clock),
            clock: &self.clock,
        }
    }

    /// Everything there is, in one form, with the inventory.
    pub(super) fn state(&self, desired: &Desired) -> BTreeMap<String, Value> {
        let ids: Vec<Id> = desired.resources.iter().map(|r| r.id.clone()).collect();
        let mut state = BTreeMap::new();
        let found = block_on(self.cloud.read(&ids)).expect("read");
        for (id, resource) in ids.iter().zip(found) {
            let Some(mut resource) = resource else {
                continue;
            };
            normalise(id.kind, &mut resource.body, &desired.context(&id.region));
            state.insert(
                id.to_string(),
                json!({"body": resource.body, "tags": resource.tags}),
            );
        }
        for name in ["inventory", "inventory-2"] {
            let name = format!("/pipectl/hw/dev/{REGION}/{name}");
            if let Some(text) = self.parameter(&name) {
                let mut ids: Vec<String> = serde_json::from_str(&text).expect("a list");
                ids.sort();
                state.insert(name, Value::from(ids));
            }
        }
        assert_eq!(self.parameter(&format!("/pipectl/hw/{REGION}/lock")), None);
        state
    }

    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        block_on(self.cloud.parameters(REGION, &[name.to_owned()], false))
            .remove(0)
            .expect("an answer")
            .map(|parameter| parameter.value)
    }

    pub(super) fn live(&self, kind: Kind, name: &str) -> Option<Resource> {
        block_on(self.cloud.read(&[Id::new(kind, REGION, name)]))
            .expect("read")
            .remove(0)
    }

    /// Somebody changes something by hand.
    pub(super) fn drift(&self, kind: Kind, name: &str, change: impl Fn(&mut Resource)) {
        let live = self.live(kind, name).expect("is there");
        let mut other = live.clone();
        change(&mut other);
        block_on(self.cloud.update(&live, &other)).expect("updated");
    }
}

pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime")
        .block_on(future)
}

pub(super) fn arn(service: &str, rest: &str) -> String {
    let region = if service == "iam" { "" } else { REGION };
    format!("arn:aws:{service}:{region}:{ACCOUNT}:{rest}")
}

pub(super) fn resource(kind: Kind, name: &str, body: Value, depends: &[(Kind, &str)]) -> Resource {
    let mut resource = Resource::new(Id::new(kind, REGION, name), body);
    resource.depends = depends
        .iter()
        .map(|(kind, name)| Id::new(*kind, REGION, *name))
        .collect();
    resource
}

pub(super) fn role(name: &str, service: &str, action: &str) -> Resource {
    let body = json!({
        "roleName": name,
        "assumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]},
        "policies": {"main": {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": action, "Resource": "*"}]}},
    });
    resource(Kind::Role, name, body, &[])
}

pub(super) fn token(fingerprint: &str) -> Secret {
    let reference = SecretReference {
        service: SecretService::SecretsManager,
        name: "TOKEN".to_owned(),
        key: None,
        region: REGION.to_owned(),
        fingerprint: fingerprint.to_owned(),
    };
    Secret::new("marker-secret", reference)
}

pub(super) fn desired() -> Desired {
    let project = json!({
        "name": "hw-unit",
        "source": {"type": "CODEPIPELINE", "buildspec": "version: 0.2"},
        "artifacts": {"type": "CODEPIPELINE"},
        "environment": {"type": "LINUX_CONTAINER", "computeType": "BUILD_GENERAL1_SMALL",
                        "image": "aws/codebuild/amazonlinux-x86_64-standard:5.0"},
        "serviceRole": arn("iam", "role/hw-build"),
    });
    let action = |name: &str, category: &str, owner: &str, provider: &str, configuration: Value| {
        json!({"name": name, "actionTypeId": {"category": category, "owner": owner, "provider": provider, "version": "1"},
               "configuration": configuration})
    };
    let mut source = action(
        "Source",
        "Source",
        "ThirdParty",
        "GitHub",
        json!({"Owner": "o", "Repo": "r", "Branch": "main", "OAuthToken": "****", "PollForSourceChanges": "false"}),
    );
    source["outputArtifacts"] = json!([{"name": "Src"}]);
    let mut unit = action(
        "Unit",
        "Test",
        "AWS",
        "CodeBuild",
        json!({"ProjectName": "hw-unit"}),
    );
    unit["inputArtifacts"] = json!([{"name": "Src"}]);
    let mut pipeline = resource(
        Kind::Pipeline,
        "hw",
        json!({
            "name": "hw", "roleArn": arn("iam", "role/hw-pipeline"), "pipelineType": "V2",
            "artifactStore": {"type": "S3", "location": "hw-artifacts-123456789012-us-east-1"},
            "stages": [{"name": "Source", "actions": [source]}, {"name": "Unit", "actions": [unit]}],
        }),
        &[
            (Kind::Role, "hw-pipeline"),
            (Kind::Project, "hw-unit"),
            (Kind::Bucket, "hw-artifacts-123456789012-us-east-1"),
        ],
    );
    pipeline.secrets.insert(TOKEN_AT.to_owned(), token("v1"));
    let topic = arn("sns", "hw-failed");
    let mut resources = vec![
        resource(
            Kind::LogGroup,
            "/aws/codebuild/hw",
            json!({"logGroupName": "/aws/codebuild/hw", "retentionInDays": 30}),
            &[],
        ),
        resource(
            Kind::Bucket,
            "hw-artifacts-123456789012-us-east-1",
            json!({
                "bucket": "hw-artifacts-123456789012-us-east-1", "versioning": "Enabled",
                "encryption": {"sseAlgorithm": "AES256"}, "ownership": "BucketOwnerEnforced",
                "publicAccessBlock": {"blockPublicAcls": true, "ignorePublicAcls": true, "blockPublicPolicy": true, "restrictPublicBuckets": true},
            }),
            &[],
        ),
        resource(Kind::Topic, "hw-failed", json!({"name": "hw-failed"}), &[]),
        resource(
            Kind::Subscription,
            "hw-failed email ops@example.com",
            json!({"topicArn": topic, "protocol": "email", "endpoint": "ops@example.com"}),
            &[(Kind::Topic, "hw-failed")],
        ),
        role("hw-build", "codebuild.amazonaws.com", "s3:GetObject"),
        role(
            "hw-pipeline",
            "codepipeline.amazonaws.com",
            "codebuild:StartBuild",
        ),
        resource(
            Kind::Project,
            "hw-unit",
            project,
            &[(Kind::Role, "hw-build")],
        ),
        pipeline,
        resource(
            Kind::EventRule,
            "hw-failed-stage",
            json!({
                "Name": "hw-failed-stage", "EventPattern": {"source": ["aws.codepipeline"]},
                "Targets": [{"Id": "topic", "Arn": topic}],
            }),
            &[(Kind::Topic, "hw-failed")],
        ),
        resource(
            Kind::Alarm,
            "hw-failed-builds",
            json!({
                "AlarmName": "hw-failed-builds", "Namespace": "AWS/CodeBuild", "MetricName": "FailedBuilds",
                "Dimensions": [{"Name": "ProjectName", "Value": "hw-unit"}], "Statistic": "Sum", "Period": 300,
                "EvaluationPeriods": 1, "Threshold": 0, "ComparisonOperator": "GreaterThanThreshold",
                "TreatMissingData": "notBreaching", "AlarmActions": [topic],
            }),
            &[(Kind::Topic, "hw-failed"), (Kind::Project, "hw-unit")],
        ),
    ];
    for resource in &mut resources {
        if resource.id.kind.has_tags() {
            resource.tags.insert("team".to_owned(), "ops".to_owned());
        }
    }
    Desired {
        service: "hw".to_owned(),
        stage: "dev".to_owned(),
        region: REGION.to_owned(),
        account: ACCOUNT.to_owned(),
        partition: "aws".to_owned(),
        resources,
        ..Desired::default()
    }
}

pub(super) fn at<'d>(desired: &'d mut Desired, name: &str) -> &'d mut Resource {
    desired
        .resources
        .iter_mut()
        .find(|resource| resource.id.name == name)
        .expect("named")
}

/// A file that changes things everywhere.
pub(super) fn changed() -> Desired {
    let mut desired = desired();
    at(&mut desired, "hw-unit").body["environment"]["image"] = json!("aws/codebuild/standard:7.0");
    at(&mut desired, "hw").body["stages"][0]["actions"][0]["configuration"]["Branch"] =
        json!("dev");
    at(&mut desired, "hw-failed-builds").body["Threshold"] = json!(2);
    at(&mut desired, "/aws/codebuild/hw").body["retentionInDays"] = json!(7);
    at(&mut desired, "hw-build").body["policies"]["main"]["Statement"][0]["Action"] = json!("s3:*");
    desired
}

/// A file with something of every kind.
pub(super) fn everything() -> Desired {
    with_the_rest(desired(), "holidays", "refs/heads/main")
}

/// One that changes all of it that can change.
pub(super) fn everything_changed() -> Desired {
    let mut desired = with_the_rest(changed(), "audit", "refs/heads/dev");
    at(&mut desired, "hw-failed").body["displayName"] = json!("hw");
    at(&mut desired, "hw-failed-stage").body["State"] = json!("DISABLED");
    at(&mut desired, "hw-artifacts-123456789012-us-east-1").body["versioning"] = json!("Suspended");
    desired
}

fn with_the_rest(mut desired: Desired, reason: &str, branch: &str) -> Desired {
    let bucket = "hw-artifacts-123456789012-us-east-1";
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/LICENSE-MIT");
    let sha256: String = Sha256::digest(std::fs::read(file).expect("readable"))
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let key = format!("pipectl/{sha256}");
    let mut webhook = resource(
        Kind::Webhook,
        "hw-Source",
        json!({
            "name": "hw-Source", "targetPipeline": "hw", "targetAction": "Source",
            "filters": [{"jsonPath": "$.ref", "matchEquals": branch}],
            "authentication": "GITHUB_HMAC", "authenticationConfiguration": {"SecretToken": "****"},
        }),
        &[(Kind::Pipeline, "hw")],
    );
    let at = "/authenticationConfiguration/SecretToken";
    webhook.secrets.insert(at.to_owned(), token("v1"));
    webhook.tags.insert("team".to_owned(), "ops".to_owned());
    desired.resources.extend([
        resource(
            Kind::BucketEvents,
            "prices",
            json!({"bucket": "prices", "eventBridge": true}),
            &[],
        ),
        resource(
            Kind::Object,
            &format!("{bucket}/{key}"),
            json!({"bucket": bucket, "key": key, "sha256": sha256, "path": file}),
            &[(Kind::Bucket, bucket)],
        ),
        resource(
            Kind::StageTransition,
            "hw Unit",
            json!({"pipeline": "hw", "stage": "Unit", "enabled": false, "reason": reason}),
            &[(Kind::Pipeline, "hw")],
        ),
        webhook,
    ]);
    desired
}
