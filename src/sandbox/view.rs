//! What AWS makes of a body when it gives it back: defaults filled in, empty lists, members of its own.

use serde_json::{Map, Value, json};

use super::store::Row;
use super::{ACCOUNT, PARTITION};
use crate::catalog::structure;
use crate::resources::{Id, Kind, managed_mut};

/// The body of a stored resource as a read gives it.
pub(super) fn body(id: &Id, row: &Row) -> Value {
    let mut body = row.body.clone();
    match id.kind {
        Kind::Pipeline => pipeline(&mut body, id, row),
        Kind::Project => project(&mut body, id, row),
        Kind::Role => role(&mut body),
        Kind::Bucket => bucket(&mut body),
        Kind::Topic => default(&mut body, "displayName", json!("")),
        Kind::EventRule => default(&mut body, "State", json!("ENABLED")),
        Kind::Alarm => alarm(&mut body),
        Kind::Subscription => subscription(&mut body, id),
        _ => {}
    }
    body
}

/// Fills a member in that is absent or null.
fn default(owner: &mut Value, key: &str, value: Value) {
    if let Some(map) = owner.as_object_mut() {
        let slot = map.entry(key).or_insert(Value::Null);
        if slot.is_null() {
            *slot = value;
        }
    }
}

fn pipeline(body: &mut Value, id: &Id, row: &Row) {
    complete_pipeline(body, &id.region);
    if let Some(map) = body.as_object_mut() {
        map.insert("version".to_owned(), json!(row.version));
    }
}

/// What GetPipeline adds, the version apart.
pub(super) fn complete_pipeline(body: &mut Value, region: &str) {
    let defaults = &structure::structure().defaults;
    default(body, "pipelineType", json!(defaults.pipeline_type));
    default(body, "executionMode", json!(defaults.execution_mode));
    let stages = body.get_mut("stages").and_then(Value::as_array_mut);
    for stage in stages.into_iter().flatten() {
        let actions = stage.get_mut("actions").and_then(Value::as_array_mut);
        for action in actions.into_iter().flatten() {
            complete_action(action, region);
        }
    }
}

fn complete_action(action: &mut Value, region: &str) {
    for (key, value) in &structure::structure().absent_means {
        default(action, key, value.clone());
    }
    default(action, "region", json!(region));
    // A map on the wire has no order.
    if let Some(map) = action
        .get_mut("configuration")
        .and_then(Value::as_object_mut)
    {
        map.sort_keys();
    }
}

fn project(body: &mut Value, id: &Id, row: &Row) {
    let (region, name) = (&id.region, &id.name);
    let added = [
        (
            "arn",
            json!(format!(
                "arn:{PARTITION}:codebuild:{region}:{ACCOUNT}:project/{name}"
            )),
        ),
        ("secondarySources", json!([])),
        ("secondarySourceVersions", json!([])),
        ("secondaryArtifacts", json!([])),
        ("cache", json!({"type": "NO_CACHE"})),
        ("timeoutInMinutes", json!(60)),
        ("queuedTimeoutInMinutes", json!(480)),
        (
            "encryptionKey",
            json!(format!(
                "arn:{PARTITION}:kms:{region}:{ACCOUNT}:alias/aws/s3"
            )),
        ),
        ("created", json!(row.created)),
        ("lastModified", json!(row.modified)),
        ("projectVisibility", json!("PRIVATE")),
    ];
    for (key, value) in added {
        default(body, key, value);
    }
    if let Some(map) = body.as_object_mut() {
        let enabled = map.remove("badgeEnabled") == Some(Value::Bool(true));
        map.insert("badge".to_owned(), json!({"badgeEnabled": enabled}));
    }
    if let Some(source) = body.get_mut("source") {
        default(source, "insecureSsl", json!(false));
        if source["type"] != "CODEPIPELINE" && source["type"] != "NO_SOURCE" {
            default(source, "gitCloneDepth", json!(0));
        }
    }
    if let Some(artifacts) = body.get_mut("artifacts")
        && !artifacts["type"]
            .as_str()
            .is_some_and(|word| word.eq_ignore_ascii_case("NO_ARTIFACTS"))
    {
        default(artifacts, "name", json!(name));
        default(artifacts, "packaging", json!("NONE"));
        default(artifacts, "encryptionDisabled", json!(false));
    }
    if let Some(environment) = body.get_mut("environment") {
        default(environment, "environmentVariables", json!([]));
        default(environment, "privilegedMode", json!(false));
        default(environment, "imagePullCredentialsType", json!("CODEBUILD"));
        let variables = environment["environmentVariables"].as_array_mut();
        for variable in variables.into_iter().flatten() {
            default(variable, "type", json!("PLAINTEXT"));
        }
    }
    if let Some(logs) = body.get_mut("logsConfig").filter(|logs| logs.is_object()) {
        default(logs, "cloudWatchLogs", json!({"status": "ENABLED"}));
        default(logs, "s3Logs", json!({"status": "DISABLED"}));
        default(&mut logs["s3Logs"], "encryptionDisabled", json!(false));
    }
}

fn role(body: &mut Value) {
    default(body, "maxSessionDuration", json!(3600));
    default(body, "policies", json!({}));
}

fn bucket(body: &mut Value) {
    let added = [
        (
            "encryption",
            json!({"sseAlgorithm": "AES256", "bucketKeyEnabled": false}),
        ),
        (
            "publicAccessBlock",
            json!({"blockPublicAcls": true, "ignorePublicAcls": true,
                   "blockPublicPolicy": true, "restrictPublicBuckets": true}),
        ),
        ("ownership", json!("BucketOwnerEnforced")),
        ("eventBridge", json!(false)),
    ];
    for (key, value) in added {
        default(body, key, value);
    }
    if let Some(encryption) = body.get_mut("encryption") {
        default(encryption, "bucketKeyEnabled", json!(false));
    }
}

fn alarm(body: &mut Value) {
    default(body, "ActionsEnabled", json!(true));
    for key in [
        "AlarmActions",
        "OKActions",
        "InsufficientDataActions",
        "Dimensions",
    ] {
        default(body, key, json!([]));
    }
}

/// An address must be confirmed by its owner, so that an e-mail subscription has no ARN yet.
fn subscription(body: &mut Value, id: &Id) {
    let arn = match body["protocol"].as_str() {
        Some("email" | "email-json") => "PendingConfirmation".to_owned(),
        _ => format!(
            "arn:{PARTITION}:sns:{}:{ACCOUNT}:{}",
            id.region,
            id.name.replace(' ', ":")
        ),
    };
    default(body, "subscriptionArn", json!(arn));
}

/// The body without members that only reads have: what is stored.
pub(super) fn stored(kind: Kind, body: &Value) -> Value {
    let mut body = body.clone();
    let Some(map) = body.as_object_mut() else {
        return body;
    };
    let read_only: &[String] = match kind {
        Kind::Pipeline => &structure::structure().read_only,
        Kind::Project => &crate::catalog::codebuild::codebuild().read_only,
        _ => &[],
    };
    map.retain(|key, value| !read_only.contains(key) && !value.is_null());
    if kind == Kind::Object {
        map.remove("path");
    }
    if kind == Kind::Project {
        reset(map);
    }
    for policy in managed_mut(&mut body) {
        if let Some(policy) = policy.as_object_mut() {
            policy.retain(|key, _| key == "name" || key == "document");
        }
    }
    body
}

/// UpdateProject keeps what is left out, so that a member goes by its explicit reset; what the reset leaves is the
/// same as never having said it.
fn reset(map: &mut Map<String, Value>) {
    map.retain(|key, value| match key.as_str() {
        "vpcConfig" | "buildBatchConfig" | "logsConfig" => {
            value.as_object().is_none_or(|map| !map.is_empty())
        }
        "concurrentBuildLimit" => value.as_i64() != Some(-1),
        "description" | "sourceVersion" => value.as_str() != Some(""),
        _ => true,
    });
}
