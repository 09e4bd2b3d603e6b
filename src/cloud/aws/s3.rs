//! S3 buckets, their EventBridge notifications, and objects.

use std::collections::BTreeMap;

use aws_sdk_s3::operation::head_bucket::HeadBucketOutput;
use aws_sdk_s3::operation::head_bucket::builders::HeadBucketFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, BucketLocationConstraint, BucketVersioningStatus,
    CreateBucketConfiguration, Delete, EventBridgeConfiguration, NotificationConfiguration,
    ObjectIdentifier, ObjectOwnership, OwnershipControls, OwnershipControlsRule,
    PublicAccessBlockConfiguration, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule, Tag, Tagging,
    VersioningConfiguration,
};
use serde_json::{Map, Value, json};

use super::call::{Watch, bucket_region, send};
use super::json::{TagChange, document, items, of_aws, put, revealed, text};
use super::lifecycle::{rule_json, rule_of};
use super::{Aws, all, found, gone};
use crate::cloud::{CloudError, ErrorKind, GivenBucket, Result};
use crate::resources::{Id, Resource};

/// Where CreateBucket takes no location.
const NO_LOCATION: &str = "us-east-1";

impl Aws {
    pub(super) async fn read_buckets(
        &self,
        region: &str,
        ids: &[&Id],
    ) -> Result<Vec<Option<Resource>>> {
        all(ids.iter().map(|id| self.read_bucket(region, id))).await
    }

    /// What S3 tells of a bucket that need not be of this account or region. A refusal tells the region too.
    pub(super) async fn find_bucket(
        &self,
        region: &str,
        name: &str,
    ) -> Result<Option<GivenBucket>> {
        let account = self.account().await?;
        let head = || self.s3(region).head_bucket().bucket(name);
        let (there, answer) = self.head(head().expected_bucket_owner(account)).await;
        let denied = matches!(&answer, Err(error) if error.kind == ErrorKind::Denied);
        if denied && there.as_deref().is_none_or(|there| there == region) {
            // Another's, or not to be looked at: without the expectation only the second is refused.
            let (_, anybodys) = self.head(head()).await;
            if anybodys.is_ok() {
                return Ok(Some(GivenBucket {
                    region: there,
                    foreign: true,
                }));
            }
        }
        let found = found(answer);
        if there.is_none() && found.is_err() {
            return found.map(|_| None);
        }
        let absent = matches!(found, Ok(None));
        Ok((!absent).then_some(GivenBucket {
            region: there,
            foreign: false,
        }))
    }

    /// The region that the answer names, and the answer.
    async fn head(
        &self,
        request: HeadBucketFluentBuilder,
    ) -> (Option<String>, Result<HeadBucketOutput>) {
        let watch = Watch::default();
        let permit = self.permit().await;
        let sent = request.customize().interceptor(watch.clone()).send().await;
        drop(permit);
        let region = match &sent {
            Ok(answer) => answer.bucket_region().map(str::to_owned),
            Err(error) => error.raw_response().and_then(bucket_region),
        };
        let answer = sent.map_err(|error| watch.failure("S3:HeadBucket", self.profile(), &error));
        (region, answer)
    }

    async fn read_bucket(&self, region: &str, id: &Id) -> Result<Option<Resource>> {
        let (name, account) = (id.name.as_str(), self.account().await?);
        let s3 = self.s3(region);
        // Every bucket has an answer to this one: it tells whether there is a bucket too.
        let versioning = found(send!(
            self,
            "S3:GetBucketVersioning",
            s3.get_bucket_versioning()
                .bucket(name)
                .expected_bucket_owner(account)
        ))
        .map_err(|error| not_ours(error, name))?;
        let Some(versioning) = versioning else {
            return Ok(None);
        };
        macro_rules! get {
            ($operation:literal, $method:ident) => {
                async {
                    found(send!(
                        self,
                        $operation,
                        s3.$method().bucket(name).expected_bucket_owner(account)
                    ))
                }
            };
        }
        let (encryption, public, ownership, policy, lifecycle, events, tags) = futures::join!(
            get!("S3:GetBucketEncryption", get_bucket_encryption),
            get!("S3:GetPublicAccessBlock", get_public_access_block),
            get!(
                "S3:GetBucketOwnershipControls",
                get_bucket_ownership_controls
            ),
            get!("S3:GetBucketPolicy", get_bucket_policy),
            get!(
                "S3:GetBucketLifecycleConfiguration",
                get_bucket_lifecycle_configuration
            ),
            get!(
                "S3:GetBucketNotificationConfiguration",
                get_bucket_notification_configuration
            ),
            get!("S3:GetBucketTagging", get_bucket_tagging),
        );
        let mut body = Map::new();
        put(&mut body, "bucket", name);
        let status = versioning.status();
        put(
            &mut body,
            "versioning",
            status.map(|status| status.as_str().to_owned()),
        );
        let encryption = encryption?.and_then(|a| a.server_side_encryption_configuration);
        if let Some(rule) = encryption
            .as_ref()
            .and_then(|config| config.rules().first())
        {
            put(&mut body, "encryption", encryption_json(rule));
        }
        if let Some(block) = public?.and_then(|a| a.public_access_block_configuration) {
            put(
                &mut body,
                "publicAccessBlock",
                json!({
                    "blockPublicAcls": block.block_public_acls().unwrap_or(false),
                    "ignorePublicAcls": block.ignore_public_acls().unwrap_or(false),
                    "blockPublicPolicy": block.block_public_policy().unwrap_or(false),
                    "restrictPublicBuckets": block.restrict_public_buckets().unwrap_or(false),
                }),
            );
        }
        let ownership = ownership?.and_then(|answer| answer.ownership_controls);
        let ownership = ownership
            .as_ref()
            .and_then(|controls| controls.rules().first());
        put(
            &mut body,
            "ownership",
            ownership.map(|rule| rule.object_ownership().as_str().to_owned()),
        );
        let policy = policy?.and_then(|answer| answer.policy);
        put(&mut body, "policy", policy.map(|policy| document(&policy)));
        let rules: Vec<Value> = lifecycle?
            .iter()
            .flat_map(|answer| answer.rules())
            .map(rule_json)
            .collect();
        if !rules.is_empty() {
            put(&mut body, "lifecycle", rules);
        }
        let events = events?.is_some_and(|answer| answer.event_bridge_configuration.is_some());
        put(&mut body, "eventBridge", events);
        let mut resource = Resource::new(id.clone(), Value::Object(body));
        for tag in tags?.iter().flat_map(|answer| answer.tag_set()) {
            resource
                .tags
                .insert(tag.key().to_owned(), tag.value().to_owned());
        }
        Ok(Some(resource))
    }

    pub(super) async fn create_bucket(&self, desired: &Resource) -> Result<()> {
        let (id, body) = (&desired.id, revealed(desired)?);
        let location =
            (id.region != NO_LOCATION).then(|| BucketLocationConstraint::from(id.region.as_str()));
        // The tags say whose the bucket is, also if the rest fails.
        let configuration = CreateBucketConfiguration::builder()
            .set_location_constraint(location)
            .set_tags(Some(tag_list(&desired.tags)?).filter(|tags| !tags.is_empty()))
            .build();
        let ownership = body.get("ownership").and_then(Value::as_str);
        send!(
            self,
            "S3:CreateBucket",
            self.s3(&id.region)
                .create_bucket()
                .bucket(&id.name)
                .create_bucket_configuration(configuration)
                .set_object_ownership(ownership.map(ObjectOwnership::from))
        )?;
        let mut live = Resource::new(id.clone(), json!({"bucket": id.name}));
        live.tags.clone_from(&desired.tags);
        put_ownership(&mut live.body, &body);
        self.update_bucket(&live, desired).await
    }

    pub(super) async fn update_bucket(&self, live: &Resource, desired: &Resource) -> Result<()> {
        let (id, body) = (&desired.id, revealed(desired)?);
        let (name, account) = (id.name.as_str(), self.account().await?);
        let s3 = self.s3(&id.region);
        if !TagChange::between(live, desired).is_empty() {
            // The call replaces all tags, and AWS lets go of none of its own.
            let mut wanted = desired.tags.clone();
            wanted.extend(live.tags.clone().into_iter().filter(|(key, _)| of_aws(key)));
            let tags = Tagging::builder().set_tag_set(Some(tag_list(&wanted)?));
            let tags = tags.build().map_err(incomplete)?;
            send!(
                self,
                "S3:PutBucketTagging",
                s3.put_bucket_tagging()
                    .bucket(name)
                    .expected_bucket_owner(account)
                    .tagging(tags)
            )?;
        }
        let forms = self.forms(live, desired).await?;
        let moved = |member: &str| forms.moved(member);
        if moved("ownership")
            && let Some(ownership) = body.get("ownership").and_then(Value::as_str)
        {
            let rule = OwnershipControlsRule::builder()
                .object_ownership(ObjectOwnership::from(ownership))
                .build()
                .map_err(incomplete)?;
            let controls = OwnershipControls::builder().rules(rule);
            send!(
                self,
                "S3:PutBucketOwnershipControls",
                s3.put_bucket_ownership_controls()
                    .bucket(name)
                    .expected_bucket_owner(account)
                    .ownership_controls(controls.build().map_err(incomplete)?)
            )?;
        }
        if moved("publicAccessBlock") {
            self.set_public_access(id, account, body.get("publicAccessBlock"))
                .await?;
        }
        if moved("encryption") {
            self.set_encryption(id, account, body.get("encryption"))
                .await?;
        }
        if moved("versioning") {
            let status = match body.get("versioning").and_then(Value::as_str) {
                Some(status) => BucketVersioningStatus::from(status),
                None => BucketVersioningStatus::Suspended,
            };
            send!(
                self,
                "S3:PutBucketVersioning",
                s3.put_bucket_versioning()
                    .bucket(name)
                    .expected_bucket_owner(account)
                    .versioning_configuration(
                        VersioningConfiguration::builder().status(status).build()
                    )
            )?;
        }
        if moved("lifecycle") {
            self.set_lifecycle(id, account, &body).await?;
        }
        if moved("policy") {
            self.set_policy(id, account, body.get("policy")).await?;
        }
        if moved("eventBridge") {
            let on = body.get("eventBridge").and_then(Value::as_bool);
            self.set_bucket_events(id, on == Some(true)).await?;
        }
        Ok(())
    }

    async fn set_public_access(&self, id: &Id, account: &str, block: Option<&Value>) -> Result<()> {
        let (s3, name) = (self.s3(&id.region), id.name.as_str());
        let Some(block) = block else {
            return gone(send!(
                self,
                "S3:DeletePublicAccessBlock",
                s3.delete_public_access_block()
                    .bucket(name)
                    .expected_bucket_owner(account)
            ));
        };
        let is = |member: &str| block.get(member).and_then(Value::as_bool);
        let config = PublicAccessBlockConfiguration::builder()
            .set_block_public_acls(is("blockPublicAcls"))
            .set_ignore_public_acls(is("ignorePublicAcls"))
            .set_block_public_policy(is("blockPublicPolicy"))
            .set_restrict_public_buckets(is("restrictPublicBuckets"))
            .build();
        send!(
            self,
            "S3:PutPublicAccessBlock",
            s3.put_public_access_block()
                .bucket(name)
                .expected_bucket_owner(account)
                .public_access_block_configuration(config)
        )
        .map(drop)
    }

    async fn set_encryption(&self, id: &Id, account: &str, wanted: Option<&Value>) -> Result<()> {
        let (s3, name) = (self.s3(&id.region), id.name.as_str());
        let Some(wanted) = wanted else {
            return gone(send!(
                self,
                "S3:DeleteBucketEncryption",
                s3.delete_bucket_encryption()
                    .bucket(name)
                    .expected_bucket_owner(account)
            ));
        };
        let default = ServerSideEncryptionByDefault::builder()
            .sse_algorithm(ServerSideEncryption::from(text(wanted, "sseAlgorithm")))
            .set_kms_master_key_id(
                wanted
                    .get("kmsMasterKeyId")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
            )
            .build()
            .map_err(incomplete)?;
        let rule = ServerSideEncryptionRule::builder()
            .apply_server_side_encryption_by_default(default)
            .set_bucket_key_enabled(wanted.get("bucketKeyEnabled").and_then(Value::as_bool))
            .build();
        let config = ServerSideEncryptionConfiguration::builder().rules(rule);
        send!(
            self,
            "S3:PutBucketEncryption",
            s3.put_bucket_encryption()
                .bucket(name)
                .expected_bucket_owner(account)
                .server_side_encryption_configuration(config.build().map_err(incomplete)?)
        )
        .map(drop)
    }

    async fn set_lifecycle(&self, id: &Id, account: &str, body: &Value) -> Result<()> {
        let (s3, name) = (self.s3(&id.region), id.name.as_str());
        let mut rules = Vec::new();
        for rule in items(body, "lifecycle") {
            rules.push(rule_of(rule).map_err(incomplete)?);
        }
        if rules.is_empty() {
            return gone(send!(
                self,
                "S3:DeleteBucketLifecycle",
                s3.delete_bucket_lifecycle()
                    .bucket(name)
                    .expected_bucket_owner(account)
            ));
        }
        let config = BucketLifecycleConfiguration::builder().set_rules(Some(rules));
        send!(
            self,
            "S3:PutBucketLifecycleConfiguration",
            s3.put_bucket_lifecycle_configuration()
                .bucket(name)
                .expected_bucket_owner(account)
                .lifecycle_configuration(config.build().map_err(incomplete)?)
        )
        .map(drop)
    }

    async fn set_policy(&self, id: &Id, account: &str, policy: Option<&Value>) -> Result<()> {
        let (s3, name) = (self.s3(&id.region), id.name.as_str());
        match policy {
            Some(policy) => send!(
                self,
                "S3:PutBucketPolicy",
                s3.put_bucket_policy()
                    .bucket(name)
                    .expected_bucket_owner(account)
                    .policy(policy.to_string())
            )
            .map(drop),
            None => gone(send!(
                self,
                "S3:DeleteBucketPolicy",
                s3.delete_bucket_policy()
                    .bucket(name)
                    .expected_bucket_owner(account)
            )),
        }
    }

    pub(super) async fn delete_bucket(&self, id: &Id, data: bool) -> Result<()> {
        let account = self.account().await?;
        if data {
            self.empty_bucket(id, account).await?;
        }
        send!(
            self,
            "S3:DeleteBucket",
            self.s3(&id.region)
                .delete_bucket()
                .bucket(&id.name)
                .expected_bucket_owner(account)
        )
        .map(drop)
    }

    /// All versions and delete markers, a page at a time until none is left.
    async fn empty_bucket(&self, id: &Id, account: &str) -> Result<()> {
        let s3 = self.s3(&id.region);
        loop {
            let page = found(send!(
                self,
                "S3:ListObjectVersions",
                s3.list_object_versions()
                    .bucket(&id.name)
                    .expected_bucket_owner(account)
            ))?;
            let Some(page) = page else {
                return Ok(());
            };
            let versions = page
                .versions()
                .iter()
                .map(|version| (version.key(), version.version_id()));
            let markers = page
                .delete_markers()
                .iter()
                .map(|marker| (marker.key(), marker.version_id()));
            let mut objects = Vec::new();
            for (key, version) in versions.chain(markers) {
                let object = ObjectIdentifier::builder()
                    .key(key.unwrap_or_default())
                    .set_version_id(version.map(str::to_owned));
                objects.push(object.build().map_err(incomplete)?);
            }
            if objects.is_empty() {
                return Ok(());
            }
            let delete = Delete::builder().set_objects(Some(objects)).quiet(true);
            let answer = send!(
                self,
                "S3:DeleteObjects",
                s3.delete_objects()
                    .bucket(&id.name)
                    .expected_bucket_owner(account)
                    .delete(delete.build().map_err(incomplete)?)
            )?;
            if let Some(error) = answer.errors().first() {
                return Err(CloudError {
                    kind: ErrorKind::Other,
                    operation: "S3:DeleteObjects".to_owned(),
                    code: error.code().unwrap_or_default().to_owned(),
                    message: format!(
                        "{}: {}",
                        error.key().unwrap_or_default(),
                        error.message().unwrap_or_default()
                    ),
                    request_id: None,
                    resource: Some(id.to_string()),
                });
            }
        }
    }

    pub(super) async fn read_bucket_events(
        &self,
        region: &str,
        ids: &[&Id],
    ) -> Result<Vec<Option<Resource>>> {
        all(ids.iter().map(|id| async move {
            let config = found(self.notifications(region, &id.name).await)?;
            let on = config.is_some_and(|config| config.event_bridge_configuration.is_some());
            Ok(on.then(|| {
                let body = json!({"bucket": id.name, "eventBridge": true});
                Resource::new((*id).clone(), body)
            }))
        }))
        .await
    }

    async fn notifications(&self, region: &str, bucket: &str) -> Result<NotificationConfiguration> {
        let account = self.account().await?;
        let answer = send!(
            self,
            "S3:GetBucketNotificationConfiguration",
            self.s3(region)
                .get_bucket_notification_configuration()
                .bucket(bucket)
                .expected_bucket_owner(account)
        )?;
        Ok(NotificationConfiguration::builder()
            .set_topic_configurations(answer.topic_configurations)
            .set_queue_configurations(answer.queue_configurations)
            .set_lambda_function_configurations(answer.lambda_function_configurations)
            .set_event_bridge_configuration(answer.event_bridge_configuration)
            .build())
    }

    /// Switches EventBridge on or off and keeps the bucket's other notifications, whose destinations AWS need not
    /// ask again.
    pub(super) async fn set_bucket_events(&self, id: &Id, on: bool) -> Result<()> {
        let account = self.account().await?;
        let mut config = self.notifications(&id.region, &id.name).await?;
        if config.event_bridge_configuration.is_some() == on {
            return Ok(());
        }
        config.event_bridge_configuration = on.then(|| EventBridgeConfiguration::builder().build());
        send!(
            self,
            "S3:PutBucketNotificationConfiguration",
            self.s3(&id.region)
                .put_bucket_notification_configuration()
                .bucket(&id.name)
                .expected_bucket_owner(account)
                .skip_destination_validation(true)
                .notification_configuration(config)
        )
        .map(drop)
    }

    pub(super) async fn read_objects(
        &self,
        region: &str,
        ids: &[&Id],
    ) -> Result<Vec<Option<Resource>>> {
        let account = self.account().await?;
        all(ids.iter().map(|id| async move {
            let (bucket, key) = place(&id.name);
            let head = found(send!(
                self,
                "S3:HeadObject",
                self.s3(region)
                    .head_object()
                    .bucket(bucket)
                    .key(key)
                    .expected_bucket_owner(account)
            ))?;
            Ok(head.map(|head| {
                let noted = head.metadata().and_then(|map| map.get("sha256")).cloned();
                let mut body = Map::new();
                put(&mut body, "bucket", bucket);
                put(&mut body, "key", key);
                put(&mut body, "sha256", noted.or_else(|| digest_in(key)));
                Resource::new((*id).clone(), Value::Object(body))
            }))
        }))
        .await
    }

    pub(super) async fn put_object(&self, desired: &Resource) -> Result<()> {
        let account = self.account().await?;
        let body = &desired.body;
        let path = text(body, "path").to_owned();
        let file = path.clone();
        let unreadable = |reason: String| CloudError {
            kind: ErrorKind::Other,
            operation: "S3:PutObject".to_owned(),
            code: "unreadable-file".to_owned(),
            message: format!("{path} cannot be read: {reason}"),
            request_id: None,
            resource: Some(desired.id.to_string()),
        };
        let content = tokio::task::spawn_blocking(move || std::fs::read(file))
            .await
            .map_err(|error| unreadable(error.to_string()))?
            .map_err(|error| unreadable(error.to_string()))?;
        let (bucket, key) = place(&desired.id.name);
        send!(
            self,
            "S3:PutObject",
            self.s3(&desired.id.region)
                .put_object()
                .bucket(bucket)
                .key(key)
                .expected_bucket_owner(account)
                .metadata("sha256", text(body, "sha256"))
                .body(ByteStream::from(content))
        )
        .map(drop)
    }

    pub(super) async fn delete_object(&self, id: &Id) -> Result<()> {
        let account = self.account().await?;
        let (bucket, key) = place(&id.name);
        send!(
            self,
            "S3:DeleteObject",
            self.s3(&id.region)
                .delete_object()
                .bucket(bucket)
                .key(key)
                .expected_bucket_owner(account)
        )
        .map(drop)
    }

    /// The text of an object; only an absent key is `None`, an absent bucket is a failure.
    pub(super) async fn read_text(
        &self,
        region: &str,
        bucket: &str,
        key: &str,
    ) -> Result<Option<String>> {
        let account = self.account().await?;
        let answer = send!(
            self,
            "S3:GetObject",
            self.s3(region)
                .get_object()
                .bucket(bucket)
                .key(key)
                .expected_bucket_owner(account)
        );
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if error.code == "NoSuchKey" => return Ok(None),
            Err(error) => return Err(error),
        };
        let failed = |kind, code: &str, message: String| CloudError {
            kind,
            operation: "S3:GetObject".to_owned(),
            code: code.to_owned(),
            message,
            request_id: None,
            resource: Some(format!("s3://{bucket}/{key}")),
        };
        let bytes = answer.body.collect().await.map_err(|error| {
            failed(
                ErrorKind::Transient,
                "no-answer",
                format!("The object's content did not arrive: {error}"),
            )
        })?;
        let text = String::from_utf8(bytes.to_vec()).map_err(|_| {
            failed(
                ErrorKind::Invalid,
                "binary-object",
                "The object is no UTF-8 text; only texts can be used.".to_owned(),
            )
        })?;
        Ok(Some(text))
    }
}

/// Bucket and key of `BUCKET/KEY`.
fn place(name: &str) -> (&str, &str) {
    name.split_once('/').unwrap_or((name, ""))
}

/// The digest in a key such as `pipectl/SHA256` or `pipectl-SHA256.gz`.
fn digest_in(key: &str) -> Option<String> {
    key.split(|c: char| !c.is_ascii_hexdigit())
        .rfind(|part| part.len() == 64)
        .map(str::to_owned)
}

/// CreateBucket has set it already.
fn put_ownership(live: &mut Value, desired: &Value) {
    if let Some(ownership) = desired.get("ownership") {
        live["ownership"] = ownership.clone();
    }
}

fn encryption_json(rule: &ServerSideEncryptionRule) -> Value {
    let mut encryption = Map::new();
    if let Some(default) = rule.apply_server_side_encryption_by_default() {
        put(
            &mut encryption,
            "sseAlgorithm",
            default.sse_algorithm().as_str(),
        );
        put(
            &mut encryption,
            "kmsMasterKeyId",
            default.kms_master_key_id(),
        );
    }
    put(
        &mut encryption,
        "bucketKeyEnabled",
        rule.bucket_key_enabled().unwrap_or(false),
    );
    Value::Object(encryption)
}

/// S3 says of another's bucket no more than that access is denied.
fn not_ours(mut error: CloudError, bucket: &str) -> CloudError {
    if error.kind == ErrorKind::Denied && !error.message.contains("not authorized to perform") {
        error.message = format!(
            "The bucket {bucket} belongs to another account, or the caller may not look at it. Names of buckets are unique in all of AWS: if it is not yours, choose another under `provider.artifactStore`."
        );
    }
    error
}

fn tag_list(tags: &BTreeMap<String, String>) -> Result<Vec<Tag>> {
    tags.iter()
        .map(|(key, value)| {
            let tag = Tag::builder().key(key).value(value).build();
            tag.map_err(incomplete)
        })
        .collect()
}

fn incomplete(error: impl std::fmt::Display) -> CloudError {
    CloudError {
        kind: ErrorKind::Invalid,
        operation: "S3".to_owned(),
        code: "incomplete".to_owned(),
        message: error.to_string(),
        request_id: None,
        resource: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_found_in_keys() {
        let digest = "ab".repeat(32);
        assert_eq!(
            digest_in(&format!("pipectl/{digest}.gz")).as_deref(),
            Some(digest.as_str())
        );
        assert_eq!(digest_in("pipectl/latest"), None);
    }
}
