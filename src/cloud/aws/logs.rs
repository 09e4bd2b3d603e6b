//! CloudWatch Logs groups.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::call::send_json;
use super::json::{TagChange, items, put, revealed, take, text};
use super::{Aws, all, found, gone};
use crate::cloud::Result;
use crate::resources::{Id, Resource};

impl Aws {
    async fn log_group_arn(&self, id: &Id) -> Result<String> {
        let rest = format!("log-group:{}", id.name);
        self.arn("logs", &id.region, &rest).await
    }

    pub(super) async fn read_log_groups(
        &self,
        region: &str,
        ids: &[&Id],
    ) -> Result<Vec<Option<Resource>>> {
        all(ids.iter().map(|id| async move {
            let Some(group) = self.describe_log_group(region, &id.name).await? else {
                return Ok(None);
            };
            let arn = self.log_group_arn(id).await?;
            let tags = found(send_json!(
                self,
                "CloudWatchLogs:ListTagsForResource",
                self.logs(region).list_tags_for_resource(),
                json!({"resourceArn": arn})
            ))?;
            let mut body = Map::new();
            for member in [
                "logGroupName",
                "logGroupClass",
                "retentionInDays",
                "kmsKeyId",
            ] {
                put(
                    &mut body,
                    member,
                    group.get(member).cloned().unwrap_or_default(),
                );
            }
            let mut resource = Resource::new((*id).clone(), Value::Object(body));
            let tags = tags.as_ref().and_then(|tags| tags.get("tags"));
            for (key, value) in tags.and_then(Value::as_object).into_iter().flatten() {
                let value = value.as_str().unwrap_or_default();
                resource.tags.insert(key.clone(), value.to_owned());
            }
            Ok(Some(resource))
        }))
        .await
    }

    /// The call takes a prefix, so the group may be on a later page than others with longer names.
    async fn describe_log_group(&self, region: &str, name: &str) -> Result<Option<Value>> {
        let mut next = Value::Null;
        loop {
            let mut body = Map::new();
            put(&mut body, "logGroupNamePrefix", name);
            put(&mut body, "nextToken", next);
            let mut answer = send_json!(
                self,
                "CloudWatchLogs:DescribeLogGroups",
                self.logs(region).describe_log_groups(),
                Value::Object(body)
            )?;
            let group = items(&answer, "logGroups").find(|g| text(g, "logGroupName") == name);
            if let Some(group) = group {
                return Ok(Some(group.clone()));
            }
            next = take(&mut answer, "nextToken").unwrap_or_default();
            if next.is_null() {
                return Ok(None);
            }
        }
    }

    pub(super) async fn create_log_group(&self, desired: &Resource) -> Result<()> {
        let body = revealed(desired)?;
        let mut group = Map::new();
        put(&mut group, "logGroupName", desired.id.name.as_str());
        for member in ["kmsKeyId", "logGroupClass"] {
            let value = body.get(member).cloned().unwrap_or_default();
            put(&mut group, member, value);
        }
        if !desired.tags.is_empty() {
            put(&mut group, "tags", tag_map(&desired.tags));
        }
        send_json!(
            self,
            "CloudWatchLogs:CreateLogGroup",
            self.logs(&desired.id.region).create_log_group(),
            Value::Object(group)
        )?;
        if body.get("retentionInDays").is_none() {
            return Ok(());
        }
        self.set_retention(&desired.id, &body).await
    }

    pub(super) async fn update_log_group(&self, live: &Resource, desired: &Resource) -> Result<()> {
        let region = &desired.id.region;
        let body = revealed(desired)?;
        let forms = self.forms(live, desired).await?;
        if forms.moved("retentionInDays") {
            self.set_retention(&desired.id, &body).await?;
        }
        if forms.moved("kmsKeyId") {
            match body.get("kmsKeyId") {
                Some(key) => send_json!(
                    self,
                    "CloudWatchLogs:AssociateKmsKey",
                    self.logs(region).associate_kms_key(),
                    json!({"logGroupName": desired.id.name, "kmsKeyId": key})
                )?,
                None => send_json!(
                    self,
                    "CloudWatchLogs:DisassociateKmsKey",
                    self.logs(region).disassociate_kms_key(),
                    json!({"logGroupName": desired.id.name})
                )?,
            };
        }
        let change = TagChange::between(live, desired);
        let arn = self.log_group_arn(&desired.id).await?;
        if !change.set.is_empty() {
            send_json!(
                self,
                "CloudWatchLogs:TagResource",
                self.logs(region).tag_resource(),
                json!({"resourceArn": arn, "tags": tag_map(&change.set)})
            )?;
        }
        if !change.remove.is_empty() {
            send_json!(
                self,
                "CloudWatchLogs:UntagResource",
                self.logs(region).untag_resource(),
                json!({"resourceArn": arn, "tagKeys": change.remove})
            )?;
        }
        Ok(())
    }

    async fn set_retention(&self, id: &Id, desired: &Value) -> Result<()> {
        match desired.get("retentionInDays") {
            Some(days) => send_json!(
                self,
                "CloudWatchLogs:PutRetentionPolicy",
                self.logs(&id.region).put_retention_policy(),
                json!({"logGroupName": id.name, "retentionInDays": days})
            )
            .map(drop),
            None => gone(send_json!(
                self,
                "CloudWatchLogs:DeleteRetentionPolicy",
                self.logs(&id.region).delete_retention_policy(),
                json!({"logGroupName": id.name})
            )),
        }
    }

    pub(super) async fn delete_log_group(&self, id: &Id) -> Result<()> {
        send_json!(
            self,
            "CloudWatchLogs:DeleteLogGroup",
            self.logs(&id.region).delete_log_group(),
            json!({"logGroupName": id.name})
        )
        .map(drop)
    }
}

fn tag_map(tags: &BTreeMap<String, String>) -> Value {
    tags.iter()
        .map(|(key, value)| (key.clone(), Value::from(value.as_str())))
        .collect::<Map<_, _>>()
        .into()
}
