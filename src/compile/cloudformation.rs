//! The same as a CloudFormation template.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::{Map, Value, json};

use super::Compiled;
use super::json::Object;
use crate::catalog::cloudformation::cloudformation as spelling;
use crate::resources::{Id, Kind, Resource, managed};
use crate::tree::{Secret, SecretService};

/// What only AWS knows and a file asks for: `${ssm:/name}`, `${aws:accountId}`, `${secret:id:key}`; and the digest of
/// the pipectl that a self-update runs.
static PLACEHOLDER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\$\{(aws|ssm|secret|pipectl):([^{}]*)\}").ok());

/// Stands for the digest of the pipectl that a self-update runs, where there is none yet.
const DIGEST: &str = "${pipectl:sha256}";
/// What a person fills in for it.
const DIGEST_PARAMETER: &str = "PipectlSha256";

/// What a template leaves out, in words.
pub fn left_out(template: &Value) -> Vec<&str> {
    let list = template["Metadata"]["NotInThisTemplate"].as_array();
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// The template. What CloudFormation has no type for (objects, transitions of a running pipeline, buckets of others)
/// is named in its metadata.
pub fn cloudformation(compiled: &Compiled) -> Value {
    let mut writer = Writer::new(compiled);
    for resource in &compiled.desired.resources {
        writer.resource(resource);
    }
    writer.done()
}

struct Writer<'c> {
    compiled: &'c Compiled,
    names: BTreeMap<Id, String>,
    /// The managed policies of each role, which whoever needs the role needs too.
    policies: BTreeMap<Id, Vec<String>>,
    taken: BTreeSet<String>,
    resources: Map<String, Value>,
    parameters: Map<String, Value>,
    left_out: Vec<String>,
}

impl<'c> Writer<'c> {
    fn new(compiled: &'c Compiled) -> Self {
        let mut writer = Self {
            compiled,
            names: BTreeMap::new(),
            policies: BTreeMap::new(),
            taken: BTreeSet::new(),
            resources: Map::new(),
            parameters: Map::new(),
            left_out: Vec::new(),
        };
        for resource in &compiled.desired.resources {
            let home = resource.id.region == compiled.desired.region;
            if home && spelling().types.contains_key(resource.id.kind.as_str()) {
                let word = resource.id.kind.as_str();
                let name = writer.logical(&format!("{word}-{}", resource.id.name));
                let policies = managed(&resource.body)
                    .map(|_| writer.logical(&format!("{name}Policy")))
                    .collect();
                writer.policies.insert(resource.id.clone(), policies);
                writer.names.insert(resource.id.clone(), name);
            }
        }
        writer
    }

    /// A logical id: letters and digits, unique.
    fn logical(&mut self, text: &str) -> String {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric());
        let base: String = words.map(capital).collect();
        let mut name = base.clone();
        let mut number = 2;
        while !self.taken.insert(name.clone()) {
            name = format!("{base}{number}");
            number += 1;
        }
        name
    }

    fn resource(&mut self, resource: &Resource) {
        let Some(name) = self.names.get(&resource.id).cloned() else {
            self.leave_out(resource);
            return;
        };
        let mut body = resource.body.clone();
        for (pointer, secret) in &resource.secrets {
            let reference = self.secret(secret);
            if let Some(place) = body.pointer_mut(pointer) {
                *place = reference;
            }
        }
        let mut properties = match resource.id.kind {
            Kind::Pipeline => self.pipeline(&body),
            Kind::Project => pascal(&body),
            Kind::Role => {
                self.managed_policies(&resource.id, &name, &body);
                role(&body)
            }
            Kind::Bucket => self.bucket(&name, &body),
            Kind::Topic => self.topic(&name, &body),
            Kind::Webhook => self.webhook(resource, &body),
            Kind::EventRule | Kind::Alarm => body,
            _ => pascal(&body),
        };
        let tags: Vec<Value> = resource
            .tags
            .iter()
            .map(|(key, value)| json!({"Key": key, "Value": value}))
            .collect();
        let tagged = !matches!(resource.id.kind, Kind::EventRule | Kind::Webhook);
        if let Some(map) = properties
            .as_object_mut()
            .filter(|_| tagged && !tags.is_empty())
        {
            map.insert("Tags".to_owned(), Value::Array(tags));
        }
        let kind = spelling().types.get(resource.id.kind.as_str());
        let mut object = Object::new();
        object.some("Type", kind.cloned());
        if resource.id.kind.holds_data() {
            object
                .set("DeletionPolicy", "Retain")
                .set("UpdateReplacePolicy", "Retain");
        }
        let referenced = mentions(&properties);
        let depends: Vec<Value> = resource
            .depends
            .iter()
            .flat_map(|id| {
                let policies = self.policies.get(id).into_iter().flatten();
                self.names.get(id).into_iter().chain(policies)
            })
            .filter(|name| !referenced.contains(name.as_str()))
            .map(|name| Value::from(name.clone()))
            .collect();
        object
            .list("DependsOn", depends)
            .set("Properties", properties);
        self.resources.insert(name, object.done());
    }

    fn leave_out(&mut self, resource: &Resource) {
        // transitions of a pipeline of this template stand in the pipeline itself
        if resource.id.kind != Kind::StageTransition {
            self.left_out
                .push(format!("{} in {}", resource.id, resource.id.region));
        }
    }

    fn pipeline(&self, body: &Value) -> Value {
        let mut value = pascal(body);
        let stores = value
            .as_object_mut()
            .and_then(|map| map.remove("ArtifactStores"));
        if let Some(Value::Object(_)) = stores {
            // regions are keys, which have no capitals
            let by_region = body["artifactStores"].as_object();
            let list: Vec<Value> = by_region
                .into_iter()
                .flatten()
                .map(|(region, store)| json!({"Region": region, "ArtifactStore": pascal(store)}))
                .collect();
            value["ArtifactStores"] = Value::Array(list);
        }
        let disabled: Vec<Value> = self
            .compiled
            .desired
            .resources
            .iter()
            .filter(|r| r.id.kind == Kind::StageTransition)
            .filter(|r| r.body["pipeline"] == body["name"] && r.body["enabled"] == false)
            .map(|r| json!({"StageName": r.body["stage"], "Reason": r.body["reason"]}))
            .collect();
        if !disabled.is_empty() {
            value["DisableInboundStageTransitions"] = Value::Array(disabled);
        }
        value
    }

    fn bucket(&mut self, name: &str, body: &Value) -> Value {
        let encryption = &body["encryption"];
        let mut by_default = Object::new();
        by_default
            .some("SSEAlgorithm", there(&encryption["sseAlgorithm"]))
            .some("KMSMasterKeyID", there(&encryption["kmsMasterKeyId"]));
        let mut rule = Object::new();
        rule.some("BucketKeyEnabled", there(&encryption["bucketKeyEnabled"]))
            .set("ServerSideEncryptionByDefault", by_default.done());
        let lifecycle: Vec<Value> = body["lifecycle"]
            .as_array()
            .into_iter()
            .flatten()
            .map(lifecycle_rule)
            .collect();
        let mut object = Object::new();
        object
            .set("BucketName", body["bucket"].clone())
            .set(
                "BucketEncryption",
                json!({"ServerSideEncryptionConfiguration": [rule.done()]}),
            )
            .set(
                "VersioningConfiguration",
                json!({"Status": body["versioning"]}),
            )
            .set(
                "PublicAccessBlockConfiguration",
                pascal(&body["publicAccessBlock"]),
            )
            .set(
                "OwnershipControls",
                json!({"Rules": [{"ObjectOwnership": body["ownership"]}]}),
            )
            .set("LifecycleConfiguration", json!({"Rules": lifecycle}));
        if body["eventBridge"] == true {
            object.set(
                "NotificationConfiguration",
                json!({"EventBridgeConfiguration": {"EventBridgeEnabled": true}}),
            );
        }
        let policy = json!({
            "Type": spelling().bucket_policy,
            "Properties": {"Bucket": {"Ref": name}, "PolicyDocument": body["policy"]},
        });
        let beside = self.logical(&format!("{name}Policy"));
        self.resources.insert(beside, policy);
        object.done()
    }

    fn topic(&mut self, name: &str, body: &Value) -> Value {
        let policy = json!({
            "Type": spelling().topic_policy,
            "Properties": {"Topics": [{"Ref": name}], "PolicyDocument": body["policy"]},
        });
        let beside = self.logical(&format!("{name}Policy"));
        self.resources.insert(beside, policy);
        let mut object = Object::new();
        object
            .set("TopicName", body["name"].clone())
            .some("DisplayName", there(&body["displayName"]))
            .some("KmsMasterKeyId", there(&body["kmsMasterKeyId"]));
        object.done()
    }

    fn managed_policies(&mut self, id: &Id, role: &str, body: &Value) {
        let names = self.policies.get(id).cloned().unwrap_or_default();
        for (name, (policy, held)) in names.into_iter().zip(managed(body)) {
            let resource = json!({
                "Type": spelling().managed_policy,
                "Properties": {
                    "ManagedPolicyName": policy,
                    "PolicyDocument": held["document"],
                    "Roles": [{"Ref": role}],
                },
            });
            self.resources.insert(name, resource);
        }
    }

    fn webhook(&self, resource: &Resource, body: &Value) -> Value {
        let mut value = pascal(body);
        let pipeline = resource.depends.iter().find(|id| id.kind == Kind::Pipeline);
        if let Some(name) = pipeline.and_then(|id| self.names.get(id)) {
            value["TargetPipelineVersion"] = json!({"Fn::GetAtt": [name, "Version"]});
        }
        value
    }

    /// How a template says a secret: a dynamic reference, or, since SecureStrings have none here, a hidden parameter.
    fn secret(&mut self, secret: &Secret) -> Value {
        let reference = &secret.reference;
        match reference.service {
            SecretService::SecretsManager => {
                Value::from(secret_reference(&reference.name, reference.key.as_deref()))
            }
            SecretService::ParameterStore | SecretService::Typed => {
                let words = reference.name.split(|c: char| !c.is_ascii_alphanumeric());
                let name: String = words.map(capital).collect();
                let description = match reference.service {
                    SecretService::Typed => format!("What was typed as {}", reference.name),
                    _ => format!("The value of {} in Parameter Store", reference.name),
                };
                self.parameters.insert(
                    name.clone(),
                    json!({"Type": "String", "NoEcho": true, "Description": description}),
                );
                json!({"Ref": name})
            }
        }
    }

    fn done(mut self) -> Value {
        let runs_pipectl = |resource: &Value| resource.to_string().contains(DIGEST);
        if self.resources.values().any(runs_pipectl) {
            self.parameters.insert(
                DIGEST_PARAMETER.to_owned(),
                json!({
                    "Type": "String",
                    "AllowedPattern": "[0-9a-f]{64}",
                    "Description": "The sha256 of the pipectl for Linux that the self-update runs",
                }),
            );
            self.left_out.push(format!(
                "s3-object pipectl/{DIGEST_PARAMETER} in the artifact bucket"
            ));
        }
        let mut template = Object::new();
        let service = &self.compiled.desired.service;
        template
            .set("AWSTemplateFormatVersion", spelling().format.clone())
            .set("Description", format!("{service}, written by pipectl"));
        if !self.left_out.is_empty() {
            template.set("Metadata", json!({"NotInThisTemplate": self.left_out}));
        }
        if !self.parameters.is_empty() {
            template.set("Parameters", Value::Object(self.parameters));
        }
        template.set("Resources", resolved(Value::Object(self.resources)));
        template.done()
    }
}

/// The value unless it is absent.
fn there(value: &Value) -> Option<Value> {
    (!value.is_null()).then(|| value.clone())
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_ascii_uppercase().to_string() + letters.as_str()
    })
}

/// API members as CloudFormation writes them: with a capital. What people name (configuration) stays.
fn pascal(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(pascal).collect(),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(key, value)| {
                    let value = if spelling().verbatim.contains(key) {
                        value.clone()
                    } else {
                        pascal(value)
                    };
                    let renamed = spelling().renames.get(key);
                    (renamed.cloned().unwrap_or_else(|| capital(key)), value)
                })
                .collect(),
        ),
        other => other.clone(),
    }
}

fn role(body: &Value) -> Value {
    let policies: Vec<Value> = body["policies"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, document)| json!({"PolicyName": name, "PolicyDocument": document}))
        .collect();
    let mut object = Object::new();
    object
        .set("RoleName", body["roleName"].clone())
        .some("Description", there(&body["description"]))
        .set(
            "AssumeRolePolicyDocument",
            body["assumeRolePolicyDocument"].clone(),
        )
        .some("MaxSessionDuration", there(&body["maxSessionDuration"]))
        .some("PermissionsBoundary", there(&body["permissionsBoundary"]))
        .list("Policies", policies);
    object.done()
}

fn lifecycle_rule(rule: &Value) -> Value {
    let mut object = Object::new();
    object
        .set("Id", rule["id"].clone())
        .set("Status", rule["status"].clone())
        .some(
            "Prefix",
            there(&rule["prefix"]).filter(|prefix| prefix.as_str() != Some("")),
        )
        .some("ExpirationInDays", there(&rule["expirationDays"]))
        .some(
            "NoncurrentVersionExpiration",
            there(&rule["noncurrentDays"]).map(|days| json!({"NoncurrentDays": days})),
        )
        .some(
            "AbortIncompleteMultipartUpload",
            there(&rule["abortIncompleteDays"]).map(|days| json!({"DaysAfterInitiation": days})),
        );
    object.done()
}

/// Logical ids that a value mentions: an explicit dependency on those says nothing new.
fn mentions(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    match value {
        Value::Array(items) => found.extend(items.iter().flat_map(mentions)),
        Value::Object(members) => {
            if let Some(Value::Array(parts)) = members.get("Fn::GetAtt") {
                found.extend(parts.first().and_then(Value::as_str).map(str::to_owned));
            }
            found.extend(members.values().flat_map(mentions));
        }
        _ => {}
    }
    found
}

fn secret_reference(name: &str, key: Option<&str>) -> String {
    match key {
        Some(key) => format!("{{{{resolve:secretsmanager:{name}:SecretString:{key}}}}}"),
        None => format!("{{{{resolve:secretsmanager:{name}:SecretString}}}}"),
    }
}

/// Puts in place of what was not known what CloudFormation finds out.
fn resolved(value: Value) -> Value {
    match value {
        Value::String(text) => resolved_text(text),
        Value::Array(items) => items.into_iter().map(resolved).collect(),
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .map(|(key, value)| (key, resolved(value)))
                .collect(),
        ),
        other => other,
    }
}

fn resolved_text(text: String) -> Value {
    let Some(placeholder) = PLACEHOLDER.as_ref().filter(|p| p.is_match(&text)) else {
        return Value::String(text);
    };
    let dynamic =
        placeholder.replace_all(&text, |found: &Captures<'_>| match (&found[1], &found[2]) {
            ("ssm", name) => format!("{{{{resolve:ssm:{name}}}}}"),
            ("secret", id) => {
                let (name, key) = id.split_once(':').map_or((id, None), |(n, k)| (n, Some(k)));
                secret_reference(name, key)
            }
            _ => found[0].to_owned(),
        });
    if !dynamic.contains("${aws:") && !dynamic.contains(DIGEST) {
        return Value::String(dynamic.into_owned());
    }
    // every other dollar is text
    let escaped = dynamic
        .replace("${", "${!")
        .replace("${!aws:accountId}", "${AWS::AccountId}")
        .replace("${!aws:region}", "${AWS::Region}")
        .replace("${!pipectl:sha256}", "${PipectlSha256}");
    json!({"Fn::Sub": escaped})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_become_references() {
        assert_eq!(
            resolved_text("arn:aws:iam::${aws:accountId}:role/${X}".to_owned()),
            json!({"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/${!X}"})
        );
        assert_eq!(
            resolved_text("${ssm:/hw/b}".to_owned()),
            "{{resolve:ssm:/hw/b}}"
        );
        assert_eq!(
            resolved_text("${secret:G:token}".to_owned()),
            "{{resolve:secretsmanager:G:SecretString:token}}"
        );
        assert_eq!(resolved_text("$HOME ${X}".to_owned()), "$HOME ${X}");
        assert_eq!(
            resolved_text(format!("get pipectl/{DIGEST}")),
            json!({"Fn::Sub": format!("get pipectl/${{{DIGEST_PARAMETER}}}")})
        );
    }

    #[test]
    fn members_get_capitals_and_configuration_does_not() {
        let api = json!({"source": {"buildspec": "b"}, "configuration": {"k": 1}, "s3Logs": {}});
        let cfn = json!({"Source": {"BuildSpec": "b"}, "Configuration": {"k": 1}, "S3Logs": {}});
        assert_eq!(pascal(&api), cfn);
    }
}
