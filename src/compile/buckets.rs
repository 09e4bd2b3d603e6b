//! Artifact stores: which pipeline keeps its artifacts where, and the buckets that are made for it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::json::{self, Object};
use super::policies::document;
use super::{Facts, Output, names};
use crate::catalog::companions::companions;
use crate::model::{ArtifactStore, Given, Model, Pipeline};
use crate::resources::{Id, Kind, Resource};
use crate::tree::Node;

/// One store of a pipeline.
#[derive(Debug, Clone)]
pub(super) struct Store {
    /// Name of the bucket.
    pub(super) bucket: String,
    /// The customer key, as given.
    pub(super) key: Option<String>,
    /// The bucket, if it is made here.
    pub(super) made: Option<Id>,
}

/// The stores of a pipeline by region.
#[derive(Debug, Clone, Default)]
pub(super) struct Stores {
    /// Region → store; the region of the run is always among them.
    pub(super) by_region: BTreeMap<String, Store>,
    /// Whether a raw definition gives them: then they stand there already.
    pub(super) raw: bool,
}

impl Stores {
    /// Names of all buckets.
    pub(super) fn buckets(&self) -> Vec<String> {
        self.by_region.values().map(|s| s.bucket.clone()).collect()
    }
}

/// The regions in which a pipeline has actions, its own first.
fn regions(facts: &Facts, pipeline: &Pipeline) -> BTreeSet<String> {
    let mut regions = BTreeSet::from([facts.region.clone()]);
    let actions = pipeline.stages.iter().flat_map(|stage| &stage.actions);
    regions.extend(actions.filter_map(|action| action.region.as_ref().map(|r| r.value.clone())));
    regions
}

/// The stores of each pipeline, in the order of the file.
pub(super) fn stores(model: &Model, facts: &Facts) -> Vec<Stores> {
    let of = |pipeline: &Pipeline| {
        if let Some(stores) = raw_stores(facts, pipeline) {
            return stores;
        }
        let mut by_region: BTreeMap<String, Store> = regions(facts, pipeline)
            .into_iter()
            .map(|region| {
                let store = store(model, facts, &region);
                (region, store)
            })
            .collect();
        if let Some(api) = &pipeline.api {
            of_api(facts, api, &mut by_region);
        }
        Stores {
            by_region,
            raw: false,
        }
    };
    model.pipelines.iter().map(of).collect()
}

/// What `api:` says of the stores goes over what is made: what it gives is not made, and roles may use it.
fn of_api(facts: &Facts, api: &Node, by_region: &mut BTreeMap<String, Store>) {
    let one = api.get("artifactStore").map(|store| (&facts.region, store));
    let several = api.get("artifactStores").and_then(Node::as_map);
    let several = several.unwrap_or_default().iter();
    let several = several.map(|entry| (&entry.key, &entry.value));
    for (region, node) in one.into_iter().chain(several) {
        let said = raw_store(node);
        match by_region.get_mut(region) {
            Some(store) => {
                if !said.bucket.is_empty() {
                    (store.bucket, store.made) = (said.bucket, None);
                }
                store.key = said.key.or(store.key.take());
            }
            None if said.bucket.is_empty() => {}
            None => {
                by_region.insert(region.clone(), said);
            }
        }
    }
}

fn said<'m>(model: &'m Model, facts: &Facts, region: &str) -> Option<&'m ArtifactStore> {
    let provider = &model.provider;
    let other = provider
        .region_stores
        .iter()
        .find(|(name, _)| name.value == region)
        .map(|(_, store)| store);
    other.or_else(|| (region == facts.region).then_some(&provider.artifact_store))
}

fn store(model: &Model, facts: &Facts, region: &str) -> Store {
    let said = said(model, facts, region);
    let key = said.and_then(|store| store.kms_key.as_ref().map(|key| key.value.clone()));
    let name = match said.and_then(|store| store.bucket.as_ref()) {
        Some(Given::Existing(bucket)) => {
            return Store {
                bucket: names::after(&bucket.value, ":::").to_owned(),
                key,
                made: None,
            };
        }
        Some(Given::Made(Some(name))) => name.value.clone(),
        Some(Given::Made(None)) | None => {
            names::bucket(&model.service.value, &facts.account, region)
        }
    };
    Store {
        made: Some(Id::new(Kind::Bucket, region, name.clone())),
        bucket: name,
        key,
    }
}

/// What a raw definition says itself.
fn raw_stores(facts: &Facts, pipeline: &Pipeline) -> Option<Stores> {
    let mut by_region = BTreeMap::new();
    for entry in &pipeline.raw_stores {
        if entry.key == "artifactStores" {
            for store in entry.value.as_map().unwrap_or_default() {
                by_region.insert(store.key.clone(), raw_store(&store.value));
            }
        } else {
            by_region.insert(facts.region.clone(), raw_store(&entry.value));
        }
    }
    (!by_region.is_empty()).then_some(Stores {
        by_region,
        raw: true,
    })
}

fn raw_store(node: &Node) -> Store {
    let text = |node: Option<&Node>| node.and_then(Node::scalar_text);
    Store {
        bucket: text(node.get("location")).unwrap_or_default(),
        key: text(node.get("encryptionKey").and_then(|key| key.get("id"))),
        made: None,
    }
}

/// A pipeline's `artifactStore` or `artifactStores` member.
pub(super) fn member(facts: &Facts, pipeline: &Pipeline, stores: &Stores) -> (&'static str, Value) {
    let api = pipeline.api.as_ref();
    let several = api.is_some_and(|api| api.get("artifactStores").is_some());
    let one = |store: &Store| {
        let key = store.key.as_ref();
        let mut object = Object::new();
        object
            .set("type", "S3")
            .set("location", store.bucket.clone())
            .some(
                "encryptionKey",
                key.map(|id| json!({"id": id, "type": "KMS"})),
            );
        object.done()
    };
    match stores.by_region.get(&facts.region) {
        Some(store) if stores.by_region.len() == 1 && !several => ("artifactStore", one(store)),
        _ => {
            let all: serde_json::Map<String, Value> = stores
                .by_region
                .iter()
                .map(|(region, store)| (region.clone(), one(store)))
                .collect();
            ("artifactStores", Value::Object(all))
        }
    }
}

/// The buckets that are made for the stores.
pub(super) fn resources(
    model: &Model,
    facts: &Facts,
    stores: &[Stores],
    with_events: &BTreeSet<String>,
    out: &mut Output<'_>,
) {
    let mut made: BTreeMap<Id, (&Store, Vec<&Pipeline>)> = BTreeMap::new();
    for (pipeline, stores) in model.pipelines.iter().zip(stores) {
        for store in stores.by_region.values() {
            if let Some(id) = &store.made {
                made.entry(id.clone())
                    .or_insert((store, Vec::new()))
                    .1
                    .push(pipeline);
            }
        }
    }
    for (id, (store, pipelines)) in made {
        let said = said(model, facts, &id.region);
        let days = said.and_then(|s| s.retention_days).map(|(days, _)| days);
        let mut body = Object::new();
        body.set("bucket", store.bucket.clone())
            .set("versioning", "Enabled")
            .set("encryption", encryption(store))
            .set(
                "publicAccessBlock",
                json!({
                    "blockPublicAcls": true,
                    "ignorePublicAcls": true,
                    "blockPublicPolicy": true,
                    "restrictPublicBuckets": true,
                }),
            )
            .set("ownership", "BucketOwnerEnforced")
            .set("policy", policy(facts, store, &pipelines))
            .set("lifecycle", lifecycle(days, &pipelines))
            .set("eventBridge", with_events.contains(&store.bucket));
        out.add(Resource::new(id, body.done()));
    }
}

fn encryption(store: &Store) -> Value {
    match &store.key {
        Some(key) => {
            json!({"sseAlgorithm": "aws:kms", "kmsMasterKeyId": key, "bucketKeyEnabled": true})
        }
        None => json!({"sseAlgorithm": "AES256"}),
    }
}

/// Nothing without TLS; roles of other accounts that actions run under may reach the artifacts.
fn policy(facts: &Facts, store: &Store, pipelines: &[&Pipeline]) -> Value {
    let bucket = format!("arn:{}:s3:::{}", facts.partition, store.bucket);
    let objects = format!("{bucket}/*");
    let mut statements = vec![json!({
        "Sid": "OnlyTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket.clone(), objects.clone()],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    })];
    let foreign: BTreeSet<&str> = pipelines
        .iter()
        .flat_map(|pipeline| &pipeline.stages)
        .flat_map(|stage| &stage.actions)
        .filter_map(|action| action.role_arn.as_ref())
        .filter(|role| role.known && is_foreign(facts, &role.value))
        .map(|role| role.value.as_str())
        .collect();
    if !foreign.is_empty() {
        let principal = json!({"AWS": foreign});
        statements.push(json!({
            "Sid": "RolesElsewhere",
            "Effect": "Allow",
            "Principal": principal.clone(),
            "Action": ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"],
            "Resource": objects,
        }));
        statements.push(json!({
            "Sid": "RolesElsewhereBucket",
            "Effect": "Allow",
            "Principal": principal,
            "Action": ["s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:ListBucket"],
            "Resource": bucket,
        }));
    }
    document(statements)
}

fn is_foreign(facts: &Facts, arn: &str) -> bool {
    arn.split(':')
        .nth(4)
        .is_some_and(|account| account != facts.account)
}

/// Artifacts expire, by the beginning of their keys: what else lies in the bucket (the self-update's binary) stays. Only
/// uploads that never ended go wherever they are.
fn lifecycle(days: Option<u32>, pipelines: &[&Pipeline]) -> Value {
    let facts = &companions().artifacts;
    let mut rules = vec![json!({
        "id": "unfinished-uploads",
        "status": "Enabled",
        "prefix": "",
        "abortIncompleteDays": facts.abort_incomplete_days,
    })];
    let days = days.unwrap_or(facts.expiration_days);
    let prefixes: BTreeSet<String> = pipelines
        .iter()
        .map(|pipeline| {
            let name = &pipeline.name.value;
            if name.chars().count() < facts.prefix_length {
                format!("{name}/")
            } else {
                name.chars().take(facts.prefix_length).collect()
            }
        })
        .collect();
    rules.extend(prefixes.iter().map(|prefix| {
        json!({
            "id": format!("artifacts-{}", prefix.trim_end_matches('/')),
            "status": "Enabled",
            "prefix": prefix,
            "expirationDays": days,
            "noncurrentDays": facts.noncurrent_days,
        })
    }));
    Value::Array(rules)
}

/// The stores of a raw definition as they stand there.
pub(super) fn raw_members(pipeline: &Pipeline, body: &mut Object) {
    for entry in &pipeline.raw_stores {
        body.set(&entry.key, json::plain(&entry.value));
    }
}
