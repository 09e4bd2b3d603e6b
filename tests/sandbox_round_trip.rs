//! Definitions that people really wrote, applied to the sandbox: they are taken, and the next plan is empty.

use std::path::Path;

use pipectl::apply::clock::SystemClock;
use pipectl::apply::{self, CancellationFlag, Holder, Settings};
use pipectl::cloud::Cloud;
use pipectl::plan::{self, Options};
use pipectl::resources::{Desired, Id, Kind, Resource};
use pipectl::sandbox::Sandbox;
use pipectl::tree::{Secret, SecretReference, SecretService};
use serde_json::Value;

use crate::sandbox_rules::{cases, home};

fn secret() -> Secret {
    let reference = SecretReference {
        service: SecretService::SecretsManager,
        name: "TOKEN".to_owned(),
        key: None,
        region: "us-east-1".to_owned(),
        fingerprint: "v1".to_owned(),
    };
    Secret::new("marker", reference)
}

/// Where `****` stands.
fn masks(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text == "****" => found.push(pointer.to_owned()),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                masks(item, &format!("{pointer}/{index}"), found);
            }
        }
        Value::Object(map) => {
            for (key, value) in map {
                masks(value, &format!("{pointer}/{key}"), found);
            }
        }
        _ => {}
    }
}

fn wanted(kind: Kind, region: &str, body: &Value) -> Resource {
    let name = body["name"].as_str().expect("a name");
    let mut resource = Resource::new(Id::new(kind, region, name), body.clone());
    let mut places = Vec::new();
    masks(body, "", &mut places);
    resource.secrets = places.into_iter().map(|place| (place, secret())).collect();
    if let Some(map) = resource.body.as_object_mut() {
        let read_only = [
            "version",
            "metadata",
            "tags",
            "arn",
            "created",
            "lastModified",
        ];
        map.retain(|key, _| !read_only.contains(&key.as_str()));
    }
    resource
}

async fn round_trip(case: &Value, folder: &Path) -> Result<(), String> {
    let pipeline = case.get("pipeline");
    let region = pipeline.map_or("us-east-1".to_owned(), home);
    let mut resources: Vec<Resource> = case["projects"]
        .as_array()
        .into_iter()
        .flatten()
        .chain(case.get("project"))
        .map(|body| wanted(Kind::Project, &region, body))
        .collect();
    resources.sort_by(|a, b| a.id.cmp(&b.id));
    resources.dedup_by(|a, b| a.id == b.id);
    resources.extend(pipeline.map(|body| wanted(Kind::Pipeline, &region, body)));
    let count = resources.len();
    let desired = Desired {
        service: "corpus".to_owned(),
        stage: "dev".to_owned(),
        region: region.clone(),
        account: "123456789012".to_owned(),
        partition: "aws".to_owned(),
        resources,
        ..Desired::default()
    };
    let cloud = Sandbox::open(folder, &region, None).expect("opens");
    let options = Options::default();
    let first = plan::make(&desired, &cloud, &options)
        .await
        .map_err(|failure| failure.message)?;
    let settings = Settings {
        confirmed: true,
        admit: &|_| Ok(()),
        break_lock: false,
        who: Holder::new("test", &SystemClock),
        clock: &SystemClock,
    };
    let outcome = apply::run(
        &first,
        &desired,
        &cloud,
        &settings,
        &mut |_| {},
        &CancellationFlag::default(),
    )
    .await;
    if let Some(failure) = outcome.failure() {
        return Err(format!("apply: {}", failure.message));
    }
    if outcome.done.len() != count {
        return Err(format!("{} of {count} were made", outcome.done.len()));
    }
    drop(cloud);
    let cloud = Sandbox::open(folder, &region, None).expect("opens again");
    let second = plan::make(&desired, &cloud, &options)
        .await
        .map_err(|failure| failure.message)?;
    if !second.is_empty() {
        return Err(format!("second plan: {:?}", second.changes));
    }
    if !cloud.calls().write.is_empty() {
        return Err("the second plan wrote".to_owned());
    }
    Ok(())
}

#[test]
fn what_aws_accepted_is_applied_and_the_next_plan_is_empty() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut wrong = Vec::new();
    for folder in ["pipelines/accepted", "projects/accepted"] {
        for (path, case) in cases(folder) {
            let account = tempfile::tempdir().expect("a folder");
            if let Err(why) = runtime.block_on(round_trip(&case, account.path())) {
                wrong.push(format!("{}: {why}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
