//! Creating, updating and deleting resources other than pipelines.

use std::collections::BTreeMap;

use rusqlite::{Transaction, params};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::pipelines::{first_actions, keep_secrets, stage_names};
use super::read::{region_of, topic_arn, transition_of};
use super::{ACCOUNT, Outcome, PARTITION, Sandbox, allow, executions, refuse, rules, store, view};
use crate::catalog::{codebuild, structure};
use crate::cloud::{Result, STUCK};
use crate::resources::{Context, Id, Kind, Resource, Step, managed, policy_steps};

/// The operation that makes a resource of a kind, the one that changes it, and the one that removes it.
fn operations(kind: Kind) -> [&'static str; 3] {
    match kind {
        Kind::LogGroup => [
            "CloudWatchLogs:CreateLogGroup",
            "CloudWatchLogs:PutRetentionPolicy",
            "CloudWatchLogs:DeleteLogGroup",
        ],
        Kind::Bucket => ["S3:CreateBucket", "S3:PutBucketPolicy", "S3:DeleteBucket"],
        Kind::BucketEvents => ["S3:PutBucketNotificationConfiguration"; 3],
        Kind::Object => ["S3:PutObject", "S3:PutObject", "S3:DeleteObject"],
        Kind::Topic => [
            "SNS:CreateTopic",
            "SNS:SetTopicAttributes",
            "SNS:DeleteTopic",
        ],
        Kind::Subscription => ["SNS:Subscribe", "SNS:Subscribe", "SNS:Unsubscribe"],
        Kind::Role => ["IAM:CreateRole", "IAM:UpdateRole", "IAM:DeleteRole"],
        Kind::Project => [
            "CodeBuild:CreateProject",
            "CodeBuild:UpdateProject",
            "CodeBuild:DeleteProject",
        ],
        Kind::Pipeline => [
            "CodePipeline:CreatePipeline",
            "CodePipeline:UpdatePipeline",
            "CodePipeline:DeletePipeline",
        ],
        Kind::StageTransition => [
            "CodePipeline:DisableStageTransition",
            "CodePipeline:DisableStageTransition",
            "CodePipeline:EnableStageTransition",
        ],
        Kind::Webhook => [
            "CodePipeline:PutWebhook",
            "CodePipeline:PutWebhook",
            "CodePipeline:DeleteWebhook",
        ],
        Kind::EventRule => [
            "EventBridge:PutRule",
            "EventBridge:PutRule",
            "EventBridge:DeleteRule",
        ],
        Kind::Alarm => [
            "CloudWatch:PutMetricAlarm",
            "CloudWatch:PutMetricAlarm",
            "CloudWatch:DeleteAlarms",
        ],
    }
}

/// The parts of a bucket that have an operation of their own.
const BUCKET_PARTS: [(&str, &str); 7] = [
    ("versioning", "S3:PutBucketVersioning"),
    ("encryption", "S3:PutBucketEncryption"),
    ("publicAccessBlock", "S3:PutPublicAccessBlock"),
    ("ownership", "S3:PutBucketOwnershipControls"),
    ("policy", "S3:PutBucketPolicy"),
    ("lifecycle", "S3:PutBucketLifecycleConfiguration"),
    ("eventBridge", "S3:PutBucketNotificationConfiguration"),
];

/// The policies of a role.
fn policies(body: &Value) -> BTreeMap<&str, &Value> {
    body.get("policies")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, document)| (name.as_str(), document))
        .collect()
}

/// The managed policies that a role gets are its own already, or their names are free, or they are taken over.
fn check_policies(tx: &Transaction<'_>, role: &Resource) -> Outcome<()> {
    const OPERATION: &str = "IAM:CreatePolicy";
    for (name, policy) in managed(&role.body) {
        let other = match store::policy_of(tx, name)? {
            Some((owner, _)) => owner != role.id.name,
            None => store::given(tx, "policy", name)?.is_some(),
        };
        if other && policy["takeOver"] != true {
            let message =
                format!("A policy called {name} already exists. Duplicate names are not allowed.");
            return refuse(OPERATION, "EntityAlreadyExists", message);
        }
    }
    Ok(())
}

impl Sandbox {
    pub(super) fn create_resource(&self, desired: &Resource) -> Result<()> {
        let id = &desired.id;
        self.count_create(desired);
        self.transaction(Some(id.to_string()), |tx| {
            if id.kind == Kind::Pipeline {
                return self.create_pipeline(tx, desired);
            }
            let [operation, ..] = operations(id.kind);
            self.check_free(tx, operation, id)?;
            self.write_resource(tx, operation, desired)
        })
    }

    pub(super) fn update_resource(&self, live: &Resource, desired: &Resource) -> Result<()> {
        let id = &desired.id;
        self.count_update(live, desired);
        self.transaction(Some(id.to_string()), |tx| {
            // Tags alone are a call of their own: no new version, nothing that fails.
            if id.kind == Kind::Pipeline && !self.body_changes(tx, live, desired)? {
                allow("CodePipeline:TagResource", rules::tags(&desired.tags))?;
                let (kind, region) = (id.kind.as_str(), region_of(id));
                store::put_tags(tx, kind, region, &id.name, &desired.tags)?;
                return Ok(());
            }
            if id.kind == Kind::Pipeline {
                return self.update_pipeline(tx, live, desired);
            }
            let [_, operation, _] = operations(id.kind);
            self.check_there(tx, operation, id)?;
            if id.kind == Kind::Role {
                let steps = policy_steps(&id.name, &live.body, &desired.body, &context(id));
                if let Err(stuck) = steps {
                    return refuse("IAM:PutRolePolicy", STUCK, stuck.to_string());
                }
            }
            self.write_resource(tx, operation, desired)
        })
    }

    /// Whether an update says anything new beside tags. A secret that is sent always is.
    fn body_changes(
        &self,
        tx: &Transaction<'_>,
        live: &Resource,
        desired: &Resource,
    ) -> Outcome<bool> {
        let id = &desired.id;
        let Some(row) = store::row(tx, id.kind.as_str(), region_of(id), &id.name)? else {
            return Ok(true);
        };
        if !desired.secrets.is_empty() || live.tags == desired.tags {
            return Ok(true);
        }
        let mut wanted = view::stored(id.kind, &desired.body);
        let mut there = row.body;
        for body in [&mut wanted, &mut there] {
            view::complete_pipeline(body, &id.region);
        }
        Ok(wanted != there)
    }

    fn check_free(&self, tx: &Transaction<'_>, operation: &'static str, id: &Id) -> Outcome<()> {
        let there = store::row(tx, id.kind.as_str(), region_of(id), &id.name)?.is_some();
        match id.kind {
            Kind::Bucket => {
                if store::region_of(tx, "s3-bucket", &id.name)?.is_some() {
                    return refuse(
                        operation,
                        "BucketAlreadyOwnedByYou",
                        "Your previous request to create the named bucket succeeded and you already own it.",
                    );
                }
                if store::given(tx, "bucket", &id.name)?.is_some() {
                    return refuse(
                        operation,
                        "BucketAlreadyExists",
                        "The requested bucket name is not available.",
                    );
                }
                Ok(())
            }
            Kind::Role if there || store::given(tx, "role", &id.name)?.is_some() => refuse(
                operation,
                "EntityAlreadyExists",
                format!("Role with name {} already exists.", id.name),
            ),
            Kind::LogGroup if there => refuse(
                operation,
                "ResourceAlreadyExistsException",
                "The specified log group already exists",
            ),
            Kind::Project if there => {
                let fact = codebuild::project_rule("P21");
                refuse(
                    operation,
                    "ResourceAlreadyExistsException",
                    fact.map_or_else(String::new, |fact| {
                        fact.message.replace("{arn}", &project_arn(id))
                    }),
                )
            }
            // The others are put: made or made over.
            _ => Ok(()),
        }
    }

    fn check_there(&self, tx: &Transaction<'_>, operation: &'static str, id: &Id) -> Outcome<()> {
        if self.read_one(tx, id)?.is_some() {
            return Ok(());
        }
        let name = &id.name;
        match id.kind {
            Kind::Role => refuse(
                operation,
                "NoSuchEntity",
                format!("The role with name {name} cannot be found."),
            ),
            Kind::Bucket | Kind::BucketEvents => refuse(
                operation,
                "NoSuchBucket",
                "The specified bucket does not exist",
            ),
            Kind::LogGroup => refuse(
                operation,
                "ResourceNotFoundException",
                "The specified log group does not exist.",
            ),
            Kind::Topic => refuse(operation, "NotFound", "Topic does not exist"),
            Kind::Project => refuse(
                operation,
                "ResourceNotFoundException",
                codebuild::project_rule("P22").map_or_else(String::new, |fact| {
                    fact.message.replace("{arn}", &project_arn(id))
                }),
            ),
            _ => Ok(()),
        }
    }

    /// Checks a body and stores it.
    fn write_resource(
        &self,
        tx: &Transaction<'_>,
        operation: &'static str,
        desired: &Resource,
    ) -> Outcome<()> {
        let id = &desired.id;
        let mut body = view::stored(id.kind, &desired.body);
        if id.kind.has_tags() {
            allow(operation, rules::tags(&desired.tags))?;
        }
        match id.kind {
            Kind::Project => self.check_project(tx, operation, &body)?,
            Kind::Role => {
                allow(operation, rules::role(&body))?;
                check_policies(tx, desired)?;
            }
            Kind::Bucket => allow(operation, rules::bucket(&body))?,
            Kind::LogGroup => allow(operation, rules::log_group(&body))?,
            Kind::EventRule => allow(operation, rules::event_rule(&body))?,
            Kind::Alarm => allow(operation, rules::alarm(&body))?,
            Kind::Webhook => self.check_webhook(tx, operation, desired, &mut body)?,
            Kind::Subscription => {
                if !self.topic_is_there(tx, topic_arn(&body))? {
                    return refuse(operation, "NotFound", "Topic does not exist");
                }
            }
            Kind::BucketEvents => {
                if !self.bucket_is_there(tx, &id.name)? {
                    return refuse(
                        operation,
                        "NoSuchBucket",
                        "The specified bucket does not exist",
                    );
                }
                if body["eventBridge"] != true {
                    store::remove(tx, id.kind.as_str(), region_of(id), &id.name)?;
                    return Ok(());
                }
            }
            Kind::Object => self.put_object(tx, operation, &desired.body)?,
            Kind::StageTransition => return self.put_transition(tx, operation, id, &body),
            Kind::Topic | Kind::Pipeline => {}
        }
        let (kind, region) = (id.kind.as_str(), region_of(id));
        store::put(tx, kind, region, &id.name, &body, &desired.tags)?;
        Ok(())
    }

    fn check_project(
        &self,
        tx: &Transaction<'_>,
        operation: &'static str,
        body: &Value,
    ) -> Outcome<()> {
        allow(operation, rules::project(body))?;
        let role = body["serviceRole"].as_str().unwrap_or_default();
        if self.service_may_assume(tx, role, "codebuild.amazonaws.com")? {
            return Ok(());
        }
        let message = codebuild::project_rule("P19")
            .map_or_else(String::new, |fact| fact.message.replace("{role}", role));
        refuse(operation, "InvalidInputException", message)
    }

    fn check_webhook(
        &self,
        tx: &Transaction<'_>,
        operation: &'static str,
        desired: &Resource,
        body: &mut Value,
    ) -> Outcome<()> {
        let id = &desired.id;
        let target = body["targetPipeline"].as_str().unwrap_or_default();
        let Some(pipeline) = store::row(tx, "pipeline", &id.region, target)? else {
            return executions::no_pipeline(operation, target);
        };
        allow(
            operation,
            rules::webhook(body, &first_actions(&pipeline.body)),
        )?;
        let mask = &structure::structure().secret_mask;
        let mut kept = BTreeMap::new();
        for (pointer, secret) in &desired.secrets {
            if let Some(slot) = body.pointer_mut(pointer) {
                kept.insert(pointer.clone(), secret.expose().to_owned());
                *slot = Value::String(mask.clone());
            }
        }
        let pointer = "/authenticationConfiguration/SecretToken";
        let literal = body.pointer_mut(pointer).and_then(|slot| {
            let text = slot.as_str()?.to_owned();
            (text != *mask).then(|| {
                *slot = Value::String(mask.clone());
                text
            })
        });
        if let Some(literal) = literal {
            kept.insert(pointer.to_owned(), literal);
        }
        // Without a new secret the stored one stays: the mask is what a read gave.
        if !kept.is_empty() {
            keep_secrets(tx, id.kind, &id.region, &id.name, &kept)?;
        } else if body["authentication"] == "GITHUB_HMAC" {
            let stored: bool = tx
                .prepare(
                    "SELECT 1 FROM resource_secrets WHERE kind = 'webhook'
                     AND region = ?1 AND name = ?2",
                )?
                .exists(params![id.region, id.name])?;
            if !stored {
                return refuse(
                    operation,
                    "InvalidWebhookAuthenticationParametersException",
                    "The specified authentication configuration is invalid: SecretToken is missing",
                );
            }
        }
        Ok(())
    }

    fn put_object(
        &self,
        tx: &Transaction<'_>,
        operation: &'static str,
        body: &Value,
    ) -> Outcome<()> {
        let bucket = body["bucket"].as_str().unwrap_or_default();
        if !self.bucket_is_there(tx, bucket)? {
            return refuse(
                operation,
                "NoSuchBucket",
                "The specified bucket does not exist",
            );
        }
        let (Some(path), Some(wanted)) = (body["path"].as_str(), body["sha256"].as_str()) else {
            return refuse(
                operation,
                "InvalidRequest",
                "An object needs its file and its sha256",
            );
        };
        let failed = |error: std::io::Error| -> Outcome<()> {
            let message = format!("{path} cannot be copied: {error}");
            refuse(operation, "sandbox-folder", message)
        };
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => return failed(error),
        };
        let sha256: String = Sha256::digest(&bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        if sha256 != wanted {
            return refuse(
                operation,
                "BadDigest",
                "The Content-SHA256 you specified did not match what we received",
            );
        }
        let file = self.object_file(&sha256);
        let folder = self.folder().join("objects");
        // Written beside and moved: a kill leaves no half of an object under its name.
        let unfinished = folder.join(format!(".{sha256}.{}", std::process::id()));
        let written = std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(&unfinished, &bytes))
            .and_then(|()| std::fs::rename(&unfinished, &file));
        match written {
            Ok(()) => Ok(()),
            Err(error) => failed(error),
        }
    }

    fn put_transition(
        &self,
        tx: &Transaction<'_>,
        operation: &'static str,
        id: &Id,
        body: &Value,
    ) -> Outcome<()> {
        let (pipeline, stage) = transition_of(&id.name);
        let Some(row) = store::row(tx, "pipeline", &id.region, pipeline)? else {
            return executions::no_pipeline(operation, pipeline);
        };
        if !stage_names(&row.body).any(|name| name == stage) {
            return refuse(
                operation,
                "StageNotFoundException",
                format!("Stage {stage} does not exist in pipeline {pipeline}"),
            );
        }
        if body["enabled"] == true {
            store::remove(tx, id.kind.as_str(), &id.region, &id.name)?;
            return Ok(());
        }
        let body = json!({
            "pipeline": pipeline, "stage": stage, "enabled": false,
            "reason": body["reason"].as_str().unwrap_or_default(),
        });
        let none = BTreeMap::new();
        store::put(tx, id.kind.as_str(), &id.region, &id.name, &body, &none)?;
        Ok(())
    }

    pub(super) fn delete_resource(&self, id: &Id, data: bool) -> Result<()> {
        let [_, _, operation] = operations(id.kind);
        let (kind, region) = (id.kind.as_str(), region_of(id));
        let before = self.reading(Some(id.to_string()), |db| self.read_one(db, id))?;
        self.count_delete(id, before.as_ref(), data);
        self.transaction(Some(id.to_string()), |tx| {
            if id.kind == Kind::Bucket {
                let objects: i64 = tx.query_row(
                    "SELECT COUNT(*) FROM resources WHERE kind = 's3-object'
                     AND json_extract(body, '$.bucket') = ?1",
                    params![id.name],
                    |row| row.get(0),
                )?;
                if objects > 0 && !data {
                    return refuse(
                        operation,
                        "BucketNotEmpty",
                        "The bucket you tried to delete is not empty",
                    );
                }
                tx.execute(
                    "DELETE FROM resources WHERE kind = 's3-object'
                     AND json_extract(body, '$.bucket') = ?1",
                    params![id.name],
                )?;
            }
            store::remove(tx, kind, region, &id.name)?;
            match id.kind {
                Kind::Pipeline => {
                    tx.execute(
                        "DELETE FROM executions WHERE region = ?1 AND pipeline = ?2",
                        params![region, id.name],
                    )?;
                    tx.execute(
                        "DELETE FROM resources WHERE kind = 'stage-transition' AND region = ?1
                         AND json_extract(body, '$.pipeline') = ?2",
                        params![region, id.name],
                    )?;
                }
                Kind::Topic => {
                    tx.execute(
                        "DELETE FROM resources WHERE kind = 'sns-subscription' AND region = ?1
                         AND json_extract(body, '$.topicArn') = ?2",
                        params![
                            region,
                            format!("arn:{PARTITION}:sns:{region}:{ACCOUNT}:{}", id.name)
                        ],
                    )?;
                }
                _ => {}
            }
            Ok(())
        })
    }

    fn count_create(&self, desired: &Resource) {
        let body = &desired.body;
        let [create, ..] = operations(desired.id.kind);
        match desired.id.kind {
            Kind::StageTransition if body["enabled"] == true => {
                self.count_write("CodePipeline:EnableStageTransition", 1);
            }
            Kind::Role => {
                self.count_write(create, 1);
                self.count_policies(&Value::Null, desired);
            }
            Kind::Bucket => {
                self.count_write(create, 1);
                for (part, operation) in BUCKET_PARTS {
                    let said = body
                        .get(part)
                        .is_some_and(|part| !part.is_null() && *part != Value::Bool(false));
                    self.count_write(operation, usize::from(said));
                }
                self.count_write("S3:PutBucketTagging", usize::from(!desired.tags.is_empty()));
            }
            Kind::LogGroup => {
                self.count_write(create, 1);
                let retention = body.get("retentionInDays").is_some_and(Value::is_number);
                self.count_write("CloudWatchLogs:PutRetentionPolicy", usize::from(retention));
            }
            Kind::EventRule => {
                self.count_write(create, 1);
                let targets = body["Targets"].as_array().is_some_and(|t| !t.is_empty());
                self.count_write("EventBridge:PutTargets", usize::from(targets));
            }
            Kind::Webhook => {
                self.count_write(create, 1);
                let register = body["registerWithThirdParty"] == true;
                self.count_write(
                    "CodePipeline:RegisterWebhookWithThirdParty",
                    usize::from(register),
                );
            }
            _ => self.count_write(create, 1),
        }
    }

    /// The calls that bring the policies of a role from one state to another.
    fn count_policies(&self, before: &Value, role: &Resource) {
        let steps = policy_steps(&role.id.name, before, &role.body, &context(&role.id));
        for step in steps.unwrap_or_default() {
            match step {
                Step::Put(..) => self.count_write("IAM:PutRolePolicy", 1),
                Step::Remove(_) => self.count_write("IAM:DeleteRolePolicy", 1),
                Step::Attach(name, _) => {
                    let there = managed(before).any(|(known, _)| known == name);
                    if there {
                        self.count_write("IAM:CreatePolicyVersion", 1);
                    } else {
                        self.count_write("IAM:CreatePolicy", 1);
                        self.count_write("IAM:AttachRolePolicy", 1);
                    }
                }
                Step::Delete(_) => self.count_policy_gone(),
            }
        }
    }

    fn count_policy_gone(&self) {
        self.count_write("IAM:DetachRolePolicy", 1);
        self.count_read("IAM:ListPolicyVersions", 1);
        self.count_write("IAM:DeletePolicy", 1);
    }

    fn count_update(&self, live: &Resource, desired: &Resource) {
        let kind = desired.id.kind;
        let [_, update, _] = operations(kind);
        let (before, after) = (&live.body, &desired.body);
        let differs = |part: &str| before.get(part) != after.get(part);
        match kind {
            Kind::StageTransition => self.count_create(desired),
            Kind::Role => {
                self.count_policies(before, desired);
                let own = differs("description") || differs("maxSessionDuration");
                self.count_write(update, usize::from(own));
                self.count_write(
                    "IAM:UpdateAssumeRolePolicy",
                    usize::from(differs("assumeRolePolicyDocument")),
                );
                let boundary = match (
                    before.get("permissionsBoundary"),
                    after.get("permissionsBoundary"),
                ) {
                    (before, after) if before == after => None,
                    (_, Some(_)) => Some("IAM:PutRolePermissionsBoundary"),
                    (_, None) => Some("IAM:DeleteRolePermissionsBoundary"),
                };
                if let Some(boundary) = boundary {
                    self.count_write(boundary, 1);
                }
            }
            Kind::Bucket => {
                for (part, operation) in BUCKET_PARTS {
                    self.count_write(operation, usize::from(differs(part)));
                }
            }
            Kind::LogGroup => {
                self.count_write(update, usize::from(differs("retentionInDays")));
            }
            Kind::EventRule => {
                let rule = ["Description", "EventPattern", "ScheduleExpression", "State"];
                self.count_write(update, usize::from(rule.iter().any(|part| differs(part))));
                self.count_write("EventBridge:PutTargets", usize::from(differs("Targets")));
            }
            Kind::Pipeline => {
                self.count_read("CodePipeline:GetPipeline", 1);
                self.count_write(update, 1);
            }
            _ => self.count_write(update, 1),
        }
        if live.tags == desired.tags {
            return;
        }
        let service = update.split(':').next().unwrap_or_default();
        let gone = live.tags.keys().any(|key| !desired.tags.contains_key(key));
        match kind {
            // UpdateProject carries the tags.
            Kind::Project => {}
            Kind::Bucket => self.count_write("S3:PutBucketTagging", 1),
            Kind::Role => {
                self.count_write("IAM:TagRole", 1);
                self.count_write("IAM:UntagRole", usize::from(gone));
            }
            _ => {
                self.count_write(&format!("{service}:TagResource"), 1);
                self.count_write(&format!("{service}:UntagResource"), usize::from(gone));
            }
        }
    }

    fn count_delete(&self, id: &Id, before: Option<&Resource>, data: bool) {
        let [_, _, delete] = operations(id.kind);
        let body = before.map_or(&Value::Null, |before| &before.body);
        match id.kind {
            Kind::Role => {
                self.count_write("IAM:DeleteRolePolicy", policies(body).len());
                managed(body).for_each(|_| self.count_policy_gone());
            }
            Kind::EventRule => {
                let targets = body["Targets"].as_array().is_some_and(|t| !t.is_empty());
                self.count_write("EventBridge:RemoveTargets", usize::from(targets));
            }
            Kind::Bucket => self.count_write("S3:DeleteObjects", usize::from(data)),
            _ => {}
        }
        self.count_write(delete, 1);
    }
}

fn context(id: &Id) -> Context {
    Context {
        region: id.region.clone(),
        account: ACCOUNT.to_owned(),
        partition: PARTITION.to_owned(),
    }
}

fn project_arn(id: &Id) -> String {
    format!(
        "arn:{PARTITION}:codebuild:{}:{ACCOUNT}:project/{}",
        id.region, id.name
    )
}
