//! SNS topics and subscriptions.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_sns::types::{Subscription, Tag};
use serde_json::{Map, Value, json};

use super::call::send;
use super::json::{TagChange, document, put, revealed, text};
use super::{Aws, all, found, gone};
use crate::cloud::{CloudError, ErrorKind, Result};
use crate::resources::{Id, Resource};

/// The id of the policy that AWS gives a topic which got none.
const DEFAULT_POLICY: &str = "__default_policy_ID";

impl Aws {
    async fn topic_arn(&self, region: &str, topic: &str) -> Result<String> {
        if topic.starts_with("arn:") {
            return Ok(topic.to_owned());
        }
        self.arn("sns", region, topic).await
    }

    pub(super) async fn read_topics(
        &self,
        region: &str,
        ids: &[&Id],
    ) -> Result<Vec<Option<Resource>>> {
        all(ids.iter().map(|id| async move {
            let arn = self.topic_arn(region, &id.name).await?;
            let (attributes, tags) = futures::join!(self.topic_attributes(region, &arn), async {
                found(send!(
                    self,
                    "SNS:ListTagsForResource",
                    self.sns(region).list_tags_for_resource().resource_arn(&arn)
                ))
            });
            let Some(attributes) = attributes? else {
                return Ok(None);
            };
            let attribute = |name: &str| attributes.get(name).filter(|value| !value.is_empty());
            let mut body = Map::new();
            put(&mut body, "name", id.name.as_str());
            put(&mut body, "displayName", attribute("DisplayName").cloned());
            put(
                &mut body,
                "kmsMasterKeyId",
                attribute("KmsMasterKeyId").cloned(),
            );
            let policy = attribute("Policy").map(|policy| document(policy));
            let policy = policy.filter(|policy| text(policy, "Id") != DEFAULT_POLICY);
            put(&mut body, "policy", policy);
            let mut resource = Resource::new((*id).clone(), Value::Object(body));
            for tag in tags?.iter().flat_map(|answer| answer.tags()) {
                resource
                    .tags
                    .insert(tag.key().to_owned(), tag.value().to_owned());
            }
            Ok(Some(resource))
        }))
        .await
    }

    async fn topic_attributes(
        &self,
        region: &str,
        arn: &str,
    ) -> Result<Option<HashMap<String, String>>> {
        let answer = found(send!(
            self,
            "SNS:GetTopicAttributes",
            self.sns(region).get_topic_attributes().topic_arn(arn)
        ))?;
        Ok(answer.map(|answer| answer.attributes.unwrap_or_default()))
    }

    pub(super) async fn create_topic(&self, desired: &Resource) -> Result<()> {
        let body = revealed(desired)?;
        let attributes = attributes(&body);
        let tags = tag_list(&desired.tags)?;
        send!(
            self,
            "SNS:CreateTopic",
            self.sns(&desired.id.region)
                .create_topic()
                .name(&desired.id.name)
                .set_attributes(Some(attributes).filter(|map| !map.is_empty()))
                .set_tags(Some(tags).filter(|tags| !tags.is_empty()))
        )
        .map(drop)
    }

    pub(super) async fn update_topic(&self, live: &Resource, desired: &Resource) -> Result<()> {
        let region = &desired.id.region;
        let arn = self.topic_arn(region, &desired.id.name).await?;
        let forms = self.forms(live, desired).await?;
        let wanted = attributes(&revealed(desired)?);
        for (member, name) in [
            ("displayName", "DisplayName"),
            ("kmsMasterKeyId", "KmsMasterKeyId"),
            ("policy", "Policy"),
        ] {
            if !forms.moved(member) {
                continue;
            }
            let value = match wanted.get(name) {
                Some(value) => value.clone(),
                None if name == "Policy" => default_policy(&arn).to_string(),
                None => String::new(),
            };
            send!(
                self,
                "SNS:SetTopicAttributes",
                self.sns(region)
                    .set_topic_attributes()
                    .topic_arn(&arn)
                    .attribute_name(name)
                    .attribute_value(value)
            )?;
        }
        let change = TagChange::between(live, desired);
        if !change.set.is_empty() {
            let tags = tag_list(&change.set)?;
            send!(
                self,
                "SNS:TagResource",
                self.sns(region)
                    .tag_resource()
                    .resource_arn(&arn)
                    .set_tags(Some(tags))
            )?;
        }
        if !change.remove.is_empty() {
            send!(
                self,
                "SNS:UntagResource",
                self.sns(region)
                    .untag_resource()
                    .resource_arn(&arn)
                    .set_tag_keys(Some(change.remove))
            )?;
        }
        Ok(())
    }

    pub(super) async fn delete_topic(&self, id: &Id) -> Result<()> {
        let arn = self.topic_arn(&id.region, &id.name).await?;
        send!(
            self,
            "SNS:DeleteTopic",
            self.sns(&id.region).delete_topic().topic_arn(arn)
        )
        .map(drop)
    }

    pub(super) async fn read_subscriptions(
        &self,
        region: &str,
        ids: &[&Id],
    ) -> Result<Vec<Option<Resource>>> {
        let mut topics: BTreeMap<&str, Vec<Subscription>> = BTreeMap::new();
        for id in ids {
            topics.insert(parts(id).0, Vec::new());
        }
        let answers = all(topics
            .keys()
            .map(|topic| self.list_subscriptions(region, topic)))
        .await?;
        for (list, answer) in topics.values_mut().zip(answers) {
            *list = answer;
        }
        Ok(ids
            .iter()
            .map(|id| {
                let (topic, protocol, endpoint) = parts(id);
                let entry = topics
                    .get(topic)?
                    .iter()
                    .find(|entry| is_entry(entry, protocol, endpoint))?;
                let body = json!({
                    "topicArn": entry.topic_arn(),
                    "protocol": protocol,
                    "endpoint": endpoint,
                    "subscriptionArn": entry.subscription_arn(),
                });
                Some(Resource::new((*id).clone(), body))
            })
            .collect())
    }

    async fn list_subscriptions(&self, region: &str, topic: &str) -> Result<Vec<Subscription>> {
        let arn = self.topic_arn(region, topic).await?;
        let mut list = Vec::new();
        let mut next = None;
        loop {
            let answer = found(send!(
                self,
                "SNS:ListSubscriptionsByTopic",
                self.sns(region)
                    .list_subscriptions_by_topic()
                    .topic_arn(&arn)
                    .set_next_token(next)
            ))?;
            let Some(answer) = answer else {
                return Ok(list);
            };
            list.extend(answer.subscriptions.unwrap_or_default());
            next = answer.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(list);
            }
        }
    }

    pub(super) async fn subscribe(&self, desired: &Resource) -> Result<()> {
        let region = &desired.id.region;
        let body = revealed(desired)?;
        let topic = match text(&body, "topicArn") {
            "" => parts(&desired.id).0,
            arn => arn,
        };
        let arn = self.topic_arn(region, topic).await?;
        send!(
            self,
            "SNS:Subscribe",
            self.sns(region)
                .subscribe()
                .topic_arn(arn)
                .protocol(text(&body, "protocol"))
                .endpoint(text(&body, "endpoint"))
                .return_subscription_arn(true)
        )
        .map(drop)
    }

    /// One that nobody has confirmed cannot be removed; AWS drops it after some days.
    pub(super) async fn unsubscribe(&self, id: &Id) -> Result<()> {
        let (topic, protocol, endpoint) = parts(id);
        let list = self.list_subscriptions(&id.region, topic).await?;
        let arn = list
            .iter()
            .find(|entry| is_entry(entry, protocol, endpoint))
            .and_then(|entry| entry.subscription_arn())
            .filter(|arn| arn.starts_with("arn:"));
        match arn {
            Some(arn) => gone(send!(
                self,
                "SNS:Unsubscribe",
                self.sns(&id.region).unsubscribe().subscription_arn(arn)
            )),
            None => Ok(()),
        }
    }
}

/// The id's name is `TOPIC protocol endpoint`.
fn parts(id: &Id) -> (&str, &str, &str) {
    let mut parts = id.name.splitn(3, ' ');
    let mut next = || parts.next().unwrap_or_default();
    (next(), next(), next())
}

fn is_entry(entry: &Subscription, protocol: &str, endpoint: &str) -> bool {
    entry.protocol() == Some(protocol)
        && entry.endpoint() == Some(endpoint)
        && entry.subscription_arn() != Some("Deleted")
}

fn attributes(body: &Value) -> HashMap<String, String> {
    let mut map = HashMap::new();
    for (member, name) in [
        ("displayName", "DisplayName"),
        ("kmsMasterKeyId", "KmsMasterKeyId"),
    ] {
        if let Some(value) = body.get(member).and_then(Value::as_str) {
            map.insert(name.to_owned(), value.to_owned());
        }
    }
    if let Some(policy) = body.get("policy").filter(|policy| policy.is_object()) {
        map.insert("Policy".to_owned(), policy.to_string());
    }
    map
}

/// A topic's policy cannot be taken away, only set back to what a new topic has: its account may use it.
fn default_policy(arn: &str) -> Value {
    let account = arn.split(':').nth(4).unwrap_or_default();
    json!({
        "Version": "2008-10-17",
        "Id": DEFAULT_POLICY,
        "Statement": [{
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": [
                "SNS:GetTopicAttributes", "SNS:SetTopicAttributes", "SNS:AddPermission",
                "SNS:RemovePermission", "SNS:DeleteTopic", "SNS:Subscribe",
                "SNS:ListSubscriptionsByTopic", "SNS:Publish",
            ],
            "Resource": arn,
            "Condition": {"StringEquals": {"AWS:SourceOwner": account}},
        }],
    })
}

fn tag_list(tags: &BTreeMap<String, String>) -> Result<Vec<Tag>> {
    tags.iter()
        .map(|(key, value)| {
            let tag = Tag::builder().key(key).value(value).build();
            tag.map_err(|error| CloudError {
                kind: ErrorKind::Invalid,
                operation: "SNS:TagResource".to_owned(),
                code: "tag".to_owned(),
                message: error.to_string(),
                request_id: None,
                resource: None,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::Kind;

    #[test]
    fn an_endpoint_may_hold_blanks() {
        let id = Id::new(Kind::Subscription, "eu-west-1", "t email a b@c");
        assert_eq!(parts(&id), ("t", "email", "a b@c"));
    }
}
