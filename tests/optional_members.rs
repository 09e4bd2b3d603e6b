//! Every optional member of every kind: added, removed, and the plan is empty each time. What AWS keeps unless it is
//! told, it is told.
//!
//! The list is not ours: the service models say which members there are (`tests/python/members.py`), and the examples
//! below must have them all.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::{Arc, Mutex};

use pipectl::apply::clock::SystemClock;
use pipectl::apply::{self, CancellationFlag, Holder, Settings};
use pipectl::cloud::Cloud as _;
use pipectl::plan::{self, Options, Plan};
use pipectl::resources::{Context, Desired, Id, Kind, Resource, normalise};
use pipectl::sandbox::Sandbox;
use serde_json::{Map, Value, json};

use crate::cloud_failures::{Server, keys};
use crate::support::emulator::python;
use crate::support::inside;

const REGION: &str = "us-east-1";

/// Definitions with every optional member of a kind; together they have them all.
fn examples(kind: Kind) -> Vec<Value> {
    let value: Value =
        serde_json::from_str(include_str!("cases/optional_members.json")).expect("JSON");
    value[kind.as_str()]
        .as_array()
        .unwrap_or_else(|| panic!("no example of {kind}"))
        .clone()
}

/// Paths of a value in the words of the service models: `a.b`, `a[].b`.
fn paths(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                let at = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                found.insert(at.clone());
                paths(value, &at, found);
            }
        }
        Value::Array(items) => {
            for item in items {
                paths(item, &format!("{path}[]"), found);
            }
        }
        _ => {}
    }
}

/// One place of a value, to take it out.
#[derive(Clone)]
enum Step {
    Key(String),
    Item(usize),
}

fn places(value: &Value, here: &[Step], found: &mut Vec<Vec<Step>>) {
    let children: Vec<(Step, &Value)> = match value {
        Value::Object(members) => members
            .iter()
            .map(|(key, value)| (Step::Key(key.clone()), value))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(at, value)| (Step::Item(at), value))
            .collect(),
        _ => return,
    };
    for (step, child) in children {
        let place = [here, &[step]].concat();
        found.push(place.clone());
        places(child, &place, found);
    }
}

fn without(value: &Value, place: &[Step]) -> Value {
    let mut value = value.clone();
    let (last, way) = place.split_last().expect("a place");
    let mut at = &mut value;
    for step in way {
        at = match step {
            Step::Key(key) => &mut at[key.as_str()],
            Step::Item(index) => &mut at[*index],
        };
    }
    match (last, at) {
        (Step::Key(key), Value::Object(members)) => {
            members.shift_remove(key);
        }
        (Step::Item(index), Value::Array(items)) => {
            items.remove(*index);
        }
        _ => unreachable!("the place is of this value"),
    }
    value
}

fn written(place: &[Step]) -> String {
    let mut text = String::new();
    for step in place {
        match step {
            Step::Key(key) if text.is_empty() => text += key,
            Step::Key(key) => text += &format!(".{key}"),
            Step::Item(index) => text += &format!("[{index}]"),
        }
    }
    text
}

/// The name of a resource, by which its kind knows it.
fn name(kind: Kind, body: &Value) -> String {
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    match kind {
        Kind::Role => text("roleName"),
        Kind::LogGroup => text("logGroupName"),
        Kind::Bucket | Kind::BucketEvents => text("bucket"),
        Kind::EventRule => text("Name"),
        Kind::Alarm => text("AlarmName"),
        Kind::Subscription => format!("t {} {}", text("protocol"), text("endpoint")),
        Kind::StageTransition => format!("{} {}", text("pipeline"), text("stage")),
        Kind::Object => format!("{}/{}", text("bucket"), text("key")),
        Kind::Project | Kind::Pipeline | Kind::Webhook | Kind::Topic => text("name"),
    }
}

/// Members whose absence means something else than no value.
fn never_removed(kind: Kind) -> &'static [&'static str] {
    match kind {
        // An absent type keeps the live one: it is no removal.
        Kind::Pipeline => &["pipelineType"],
        // AWS gives every bucket these, and every bucket that is made says them; a bucket that lost them has drifted.
        Kind::Bucket => &["encryption", "publicAccessBlock", "ownership"],
        // It is the resource.
        Kind::BucketEvents => &["eventBridge"],
        Kind::StageTransition => &["enabled"],
        _ => &[],
    }
}

/// What must be there before a resource of a kind.
fn companions(kind: Kind) -> Vec<Resource> {
    let of = |kind: Kind, body: Value| {
        let id = Id::new(kind, REGION, name(kind, &body));
        Resource::new(id, body)
    };
    match kind {
        Kind::Webhook | Kind::StageTransition => {
            vec![of(Kind::Pipeline, examples(Kind::Pipeline)[0].clone())]
        }
        Kind::Subscription => vec![of(Kind::Topic, json!({"name": "t"}))],
        _ => Vec::new(),
    }
}

fn desired(kind: Kind, body: &Value, tags: &[(&str, &str)]) -> Desired {
    let mut resource = Resource::new(Id::new(kind, REGION, name(kind, body)), body.clone());
    resource.tags = tags
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    let mut resources = companions(kind);
    resource.depends = resources.iter().map(|one| one.id.clone()).collect();
    resources.push(resource);
    Desired {
        service: "all".to_owned(),
        stage: "dev".to_owned(),
        region: REGION.to_owned(),
        account: "123456789012".to_owned(),
        partition: "aws".to_owned(),
        resources,
        ..Desired::default()
    }
}

async fn planned(cloud: &Sandbox, desired: &Desired) -> Result<Plan, String> {
    plan::make(desired, cloud, &Options::default())
        .await
        .map_err(|failure| failure.message)
}

async fn applied(cloud: &Sandbox, desired: &Desired) -> Result<usize, String> {
    let plan = planned(cloud, desired).await?;
    let settings = Settings {
        confirmed: true,
        admit: &|_| Ok(()),
        break_lock: false,
        who: Holder::new("test", &SystemClock),
        clock: &SystemClock,
    };
    let flag = CancellationFlag::default();
    let outcome = apply::run(&plan, desired, cloud, &settings, &mut |_| {}, &flag).await;
    match outcome.failure() {
        Some(failure) => Err(failure.message.clone()),
        None => Ok(outcome.done.len()),
    }
}

/// A resource as it is compared.
fn meaning(desired: &Desired) -> (Value, BTreeMap<String, String>) {
    let context = Context {
        region: REGION.to_owned(),
        account: "123456789012".to_owned(),
        partition: "aws".to_owned(),
    };
    let resource = desired.resources.last().expect("one");
    let mut body = resource.body.clone();
    normalise(resource.id.kind, &mut body, &context);
    (body, resource.tags.clone())
}

/// With and without, there and back.
async fn there_and_back(
    cloud: &Sandbox,
    kind: Kind,
    with: &Desired,
    without: &Desired,
) -> Result<bool, String> {
    if applied(cloud, without).await.is_err() {
        // AWS requires it where the rest is.
        applied(cloud, with).await?;
        return Ok(false);
    }
    // What stands for a default may go and come without a word to AWS.
    let says_nothing = meaning(with) == meaning(without);
    for (desired, what) in [
        (without, "removed"),
        (with, "added"),
        (without, "removed again"),
    ] {
        let done = applied(cloud, desired).await?;
        if what != "removed" && (done == 0) != says_nothing {
            return Err(format!("{what}, and {done} resources were changed"));
        }
        let plan = planned(cloud, desired).await?;
        if !plan.is_empty() {
            return Err(format!("{what}, and the next plan is {:?}", plan.changes));
        }
    }
    let kind_is_there = cloud
        .read(&[with.resources.last().expect("one").id.clone()])
        .await
        .is_ok_and(|found| found[0].is_some());
    applied(cloud, with).await?;
    kind_is_there
        .then_some(true)
        .ok_or_else(|| format!("the {kind} is gone"))
}

#[test]
fn every_optional_member_comes_and_goes_in_the_sandbox() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut wrong = Vec::new();
    for kind in Kind::ALL {
        let mut moved = 0;
        for body in examples(kind) {
            let folder = tempfile::tempdir().expect("a folder");
            let cloud = Sandbox::open(folder.path(), REGION, None).expect("opens");
            let with = desired(kind, &body, &[]);
            if let Err(why) = runtime.block_on(applied(&cloud, &with)) {
                wrong.push(format!("{kind}: not taken: {why}"));
                continue;
            }
            let mut all = Vec::new();
            places(&body, &[], &mut all);
            for place in all {
                let member = written(&place);
                let less = without(&body, &place);
                if name(kind, &less) != name(kind, &body)
                    || never_removed(kind).contains(&member.as_str())
                {
                    continue;
                }
                let without = desired(kind, &less, &[]);
                match runtime.block_on(there_and_back(&cloud, kind, &with, &without)) {
                    Ok(true) => moved += 1,
                    Ok(false) => {}
                    Err(why) => wrong.push(format!("{kind} {member}: {why}")),
                }
            }
            if kind.has_tags() {
                let tagged = desired(kind, &body, &[("team", "a")]);
                match runtime.block_on(there_and_back(&cloud, kind, &tagged, &with)) {
                    Ok(true) => moved += 1,
                    other => wrong.push(format!("{kind} tags: {other:?}")),
                }
            }
        }
        // An object and a switch have nothing that is optional.
        let fixed = matches!(kind, Kind::Object | Kind::BucketEvents | Kind::Subscription);
        assert!(
            fixed || moved > 0,
            "{kind}: nothing was moved\n{}",
            wrong.join("\n")
        );
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// The operation that makes a kind, and the members of its input that no example needs, and why.
const MADE_BY: [(Kind, &str, &[&str]); 9] = [
    (
        Kind::Project,
        "codebuild:CreateProject",
        // Tags have their own place; the status is CodeBuild's answer; the primary source has no identifier, nor has
        // the primary artifact.
        &[
            "tags",
            "environment.dockerServer.status",
            "source.sourceIdentifier",
            "artifacts.artifactIdentifier",
        ],
    ),
    // Counted by AWS; reserved by AWS.
    (
        Kind::Pipeline,
        "codepipeline:CreatePipeline:pipeline",
        &["version", "stages[].blockers"],
    ),
    (Kind::Webhook, "codepipeline:PutWebhook:webhook", &[]),
    // Made by pipectl alone, which writes none of these.
    (
        Kind::EventRule,
        "events:PutRule",
        &["Tags", "RoleArn", "EventBusName"],
    ),
    (
        Kind::Alarm,
        "cloudwatch:PutMetricAlarm",
        &[
            "Tags",
            "Metrics",
            "ThresholdMetricId",
            "ExtendedStatistic",
            "Unit",
            "EvaluateLowSampleCountPercentile",
            "EvaluationWindow",
            "WarmUpConfiguration",
            "EvaluationCriteria",
            "EvaluationInterval",
        ],
    ),
    (
        Kind::LogGroup,
        "logs:CreateLogGroup",
        &["tags", "deletionProtectionEnabled", "logGroupClass"],
    ),
    // Made roles are at the root.
    (Kind::Role, "iam:CreateRole", &["tags", "path"]),
    // Attributes are members of ours: displayName and the like. No topic of ours is FIFO or protects its data.
    (
        Kind::Topic,
        "sns:CreateTopic",
        &["tags", "attributes", "dataProtectionPolicy"],
    ),
    // No filters; the ARN is asked for always.
    (
        Kind::Subscription,
        "sns:Subscribe",
        &["attributes", "returnSubscriptionArn"],
    ),
];

/// What S3 has an operation of its own for: our word for it, or none where no bucket that is made has it.
const OF_BUCKETS: [(&str, Option<&str>); 23] = [
    ("PutBucketAbac", None),
    ("PutBucketAccelerateConfiguration", None),
    ("PutBucketAcl", None),
    ("PutBucketAnalyticsConfiguration", None),
    ("PutBucketCors", None),
    ("PutBucketEncryption", Some("encryption")),
    ("PutBucketIntelligentTieringConfiguration", None),
    ("PutBucketInventoryConfiguration", None),
    // The one that the other replaces.
    ("PutBucketLifecycle", None),
    ("PutBucketLifecycleConfiguration", Some("lifecycle")),
    ("PutBucketLogging", None),
    ("PutBucketMetricsConfiguration", None),
    // The one that the other replaces.
    ("PutBucketNotification", None),
    ("PutBucketNotificationConfiguration", Some("eventBridge")),
    ("PutBucketOwnershipControls", Some("ownership")),
    ("PutBucketPolicy", Some("policy")),
    ("PutBucketReplication", None),
    ("PutBucketRequestPayment", None),
    // Tags have their own place.
    ("PutBucketTagging", None),
    ("PutBucketVersioning", Some("versioning")),
    ("PutBucketWebsite", None),
    ("PutPublicAccessBlock", Some("publicAccessBlock")),
    ("PutObjectLockConfiguration", None),
];

/// Kinds that are a switch or a file, with nothing in them that could be left out.
const SWITCHES: [Kind; 3] = [Kind::BucketEvents, Kind::Object, Kind::StageTransition];

fn service_models(arguments: &[&str]) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/members.py");
    let output = Command::new(python())
        .arg(script)
        .args(arguments)
        .output()
        .expect("python starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Our word for a member: some services write a capital letter first, and of some our words do not.
fn our_word(kind: Kind, path: &str) -> String {
    match kind {
        Kind::Role | Kind::Topic | Kind::Subscription => {
            let (first, rest) = path.split_at(1);
            first.to_ascii_lowercase() + rest
        }
        // Regions and names are the keys of some maps.
        _ => path.replace(".*", &format!(".{REGION}")),
    }
}

#[test]
fn the_examples_have_every_member_of_the_service_models() {
    let model = service_models(&MADE_BY.map(|(_, operation, _)| operation));
    let mut missing = Vec::new();
    for (kind, operation, not_ours) in MADE_BY {
        let mut have = BTreeSet::new();
        for example in examples(kind) {
            paths(&example, "", &mut have);
        }
        let members = model[operation].as_array().expect("a list");
        assert!(members.len() > 3, "{operation}: {members:?}");
        for member in members {
            let path = our_word(kind, member[0].as_str().expect("a path"));
            let spared = not_ours.iter().any(|one| {
                path == *one
                    || path.starts_with(&format!("{one}."))
                    || path.starts_with(&format!("{one}["))
            });
            if !spared && !have.contains(&path) {
                missing.push(format!("{kind} {path}"));
            }
        }
    }
    assert!(missing.is_empty(), "no example has\n{}", missing.join("\n"));
    let here: BTreeSet<Kind> = MADE_BY
        .iter()
        .map(|(kind, ..)| *kind)
        .chain(SWITCHES)
        .collect();
    let all: BTreeSet<Kind> = Kind::ALL
        .into_iter()
        .filter(|kind| *kind != Kind::Bucket)
        .collect();
    assert_eq!(here, all, "a kind without a model");
}

#[test]
fn the_example_of_a_bucket_has_all_that_s3_can_put() {
    let model = service_models(&["s3:Put*"]);
    let known: BTreeMap<&str, Option<&str>> = OF_BUCKETS.into_iter().collect();
    let example = &examples(Kind::Bucket)[0];
    let puts = model["s3:Put*"].as_array().expect("a list");
    let of_buckets: Vec<&str> = puts
        .iter()
        .map(|put| put.as_str().expect("a name"))
        .filter(|put| !put.starts_with("PutObject") || *put == "PutObjectLockConfiguration")
        .collect();
    assert!(of_buckets.len() > 15, "{of_buckets:?}");
    for put in of_buckets {
        let word = known.get(put).unwrap_or_else(|| panic!("{put} is new"));
        if let Some(word) = word {
            assert!(
                example.get(word).is_some(),
                "{put}: no `{word}` in the example"
            );
        }
    }
}

/// What normalising knows of a kind stands in an example, so that nothing it does goes untried.
#[test]
fn the_examples_have_every_member_that_normalising_treats() {
    let mut missing = Vec::new();
    for kind in Kind::ALL {
        let rules = pipectl::catalog::normal::normal(kind.as_str());
        let mut have = BTreeSet::new();
        for example in examples(kind) {
            paths(&example, "", &mut have);
        }
        let known = rules
            .defaults
            .iter()
            .map(|one| &one.path)
            .chain(rules.sets.iter().map(|one| &one.path))
            .chain(rules.json_text.iter())
            .chain(&rules.json_object)
            .chain(&rules.policies)
            .chain(&rules.region)
            .chain(&rules.aliases)
            .chain(&rules.kept_when_absent)
            .chain(&rules.masked);
        let elsewhere: &[&str] = match kind {
            // Read from AWS, never sent by a file.
            Kind::EventRule => &["EventBusName"],
            Kind::Role => &["path", "managedPolicies[].attached"],
            Kind::Project => &["projectVisibility"],
            Kind::LogGroup => &["logGroupClass"],
            _ => &[],
        };
        for path in known {
            if path.contains("Metrics[]") || elsewhere.contains(&path.as_str()) {
                continue;
            }
            let parts: Vec<&str> = path.split('.').collect();
            let matches = |candidate: &String| {
                let found: Vec<&str> = candidate.split('.').collect();
                found.len() == parts.len()
                    && found.iter().zip(&parts).all(|(have, want)| {
                        have == want || *want == "*" || (*want == "*[]" && have.ends_with("[]"))
                    })
            };
            if !have.iter().any(matches) {
                missing.push(format!("{kind} {path}"));
            }
        }
    }
    assert!(missing.is_empty(), "no example has\n{}", missing.join("\n"));
}

/// CodeBuild as far as projects go: an update keeps what it is not told of.
fn codebuild(
    projects: &Mutex<BTreeMap<String, Map<String, Value>>>,
    operation: &str,
    body: &str,
) -> (u16, String) {
    let mut projects = projects.lock().expect("no panic before");
    let request: Value = serde_json::from_str(body).unwrap_or_default();
    let answer = match operation {
        "CreateProject" | "UpdateProject" => {
            let members = request.as_object().expect("a map").clone();
            let name = members["name"].as_str().expect("a name").to_owned();
            let project = projects.entry(name).or_default();
            project.extend(members);
            json!({"project": project})
        }
        "BatchGetProjects" => {
            let answers: Vec<Value> = projects
                .values()
                .map(|project| {
                    let mut project = project.clone();
                    let badge = project.shift_remove("badgeEnabled").unwrap_or_default();
                    project.insert("badge".to_owned(), json!({"badgeEnabled": badge}));
                    // No network is how AWS tells an empty one.
                    project.retain(|_, value| *value != json!({}));
                    Value::Object(project)
                })
                .collect();
            json!({"projects": answers})
        }
        _ => json!({}),
    };
    (200, answer.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_is_reset_in_the_request() {
    if !inside("optional_members::what_goes_is_reset_in_the_request", keys) {
        return;
    }
    let region = "eu-west-1";
    let context = Context {
        region: region.to_owned(),
        account: "123456789012".to_owned(),
        partition: "aws".to_owned(),
    };
    let mut wrong = Vec::new();
    let mut removed = 0;
    for body in examples(Kind::Project) {
        let mut all = Vec::new();
        places(&body, &[], &mut all);
        for place in all {
            let member = written(&place);
            if ["name", "source", "artifacts", "environment", "serviceRole"]
                .contains(&member.as_str())
            {
                continue;
            }
            let projects: Arc<Mutex<BTreeMap<_, _>>> = Arc::default();
            let state = Arc::clone(&projects);
            let server = Server::playing(move |operation, body| codebuild(&state, operation, body));
            let cloud = server.aws().await;
            let id = Id::new(Kind::Project, region, name(Kind::Project, &body));
            let full = Resource::new(id.clone(), body.clone());
            let less = Resource::new(id.clone(), without(&body, &place));
            cloud.create(&full).await.expect("created");
            let live = cloud.read(std::slice::from_ref(&id)).await.expect("read");
            let live = live[0].clone().expect("there");
            cloud.update(&live, &less).await.expect("updated");
            let now = cloud.read(std::slice::from_ref(&id)).await.expect("read");
            let mut now = now[0].clone().expect("there").body;
            let mut wanted = less.body.clone();
            normalise(Kind::Project, &mut now, &context);
            normalise(Kind::Project, &mut wanted, &context);
            if now != wanted {
                wrong.push(format!("{member}: stays\n   now {now}\nwanted {wanted}"));
            }
            let sent: Value =
                serde_json::from_str(&server.bodies("UpdateProject")[0]).expect("JSON");
            let Step::Key(top) = &place[0] else { continue };
            if sent.get(top).is_none() {
                wrong.push(format!("{member}: `{top}` is not in the request"));
            }
            removed += 1;
        }
    }
    assert!(removed > 80, "only {removed} members");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
