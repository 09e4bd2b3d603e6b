//! CodePipeline webhooks (GitHub version 1).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::call::send_json;
use super::json::{TagChange, items, put, revealed, tag_list, tags_of, take, text};
use super::{Aws, found};
use crate::cloud::Result;
use crate::resources::{Id, Resource};

/// Ours beside the members of `webhook`.
const REGISTER: &str = "registerWithThirdParty";
/// On a webhook from its making until its registration: AWS does not tell of one that was never tried.
const UNREGISTERED: &str = "pipectl:unregistered";

impl Aws {
    pub(super) async fn read_webhooks(
        &self,
        region: &str,
        ids: &[&Id],
    ) -> Result<Vec<Option<Resource>>> {
        let mut hooks: BTreeMap<String, Value> = BTreeMap::new();
        let mut next = Value::Null;
        loop {
            let mut body = Map::new();
            put(&mut body, "NextToken", next);
            let mut answer = send_json!(
                self,
                "CodePipeline:ListWebhooks",
                self.codepipeline(region).list_webhooks(),
                Value::Object(body)
            )?;
            for hook in items(&answer, "webhooks") {
                if let Some(definition) = hook.get("definition") {
                    hooks.insert(text(definition, "name").to_owned(), hook.clone());
                }
            }
            next = take(&mut answer, "NextToken").unwrap_or_default();
            if next.is_null() {
                break;
            }
        }
        Ok(ids
            .iter()
            .map(|id| {
                let hook = hooks.get(&id.name)?;
                let mut body = hook.get("definition")?.clone();
                if let Some(token) = body.pointer_mut("/authenticationConfiguration/SecretToken") {
                    *token = Value::from("****");
                }
                let failed = hook.get("errorCode").is_some_and(|code| !code.is_null());
                let tags = tags_of(hook.get("tags"), "key", "value");
                body[REGISTER] = Value::Bool(!failed && !tags.contains_key(UNREGISTERED));
                let mut resource = Resource::new((*id).clone(), body);
                resource.tags = tags;
                Some(resource)
            })
            .collect())
    }

    pub(super) async fn put_webhook(&self, desired: &Resource) -> Result<()> {
        let mut tags = desired.tags.clone();
        let register = desired.body.get(REGISTER) == Some(&Value::Bool(true));
        if register {
            tags.insert(UNREGISTERED.to_owned(), "true".to_owned());
        }
        self.send_webhook(desired, &tags).await?;
        if !register {
            return Ok(());
        }
        let mut unregistered = desired.clone();
        unregistered.tags = tags;
        self.change_webhook_tags(&unregistered, desired).await
    }

    async fn change_webhook_tags(&self, live: &Resource, desired: &Resource) -> Result<()> {
        let region = &desired.id.region;
        let rest = format!("webhook:{}", desired.id.name);
        let arn = self.arn("codepipeline", region, &rest).await?;
        self.change_pipeline_tags(region, &arn, &TagChange::between(live, desired))
            .await
    }

    pub(super) async fn update_webhook(&self, live: &Resource, desired: &Resource) -> Result<()> {
        if self.forms(live, desired).await?.differ() {
            self.send_webhook(desired, &BTreeMap::new()).await?;
        }
        self.change_webhook_tags(live, desired).await
    }

    async fn send_webhook(
        &self,
        desired: &Resource,
        tags: &BTreeMap<String, String>,
    ) -> Result<()> {
        let region = &desired.id.region;
        let mut hook = revealed(desired)?;
        let register = take(&mut hook, REGISTER) == Some(Value::Bool(true));
        let mut body = Map::new();
        put(&mut body, "webhook", hook);
        if !tags.is_empty() {
            put(&mut body, "tags", tag_list(tags, "key", "value"));
        }
        send_json!(
            self,
            "CodePipeline:PutWebhook",
            self.codepipeline(region).put_webhook(),
            Value::Object(body)
        )?;
        if register {
            send_json!(
                self,
                "CodePipeline:RegisterWebhookWithThirdParty",
                self.codepipeline(region)
                    .register_webhook_with_third_party(),
                json!({"webhookName": desired.id.name})
            )?;
        }
        Ok(())
    }

    pub(super) async fn delete_webhook(&self, id: &Id) -> Result<()> {
        found(send_json!(
            self,
            "CodePipeline:DeregisterWebhookWithThirdParty",
            self.codepipeline(&id.region)
                .deregister_webhook_with_third_party(),
            json!({"webhookName": id.name})
        ))?;
        send_json!(
            self,
            "CodePipeline:DeleteWebhook",
            self.codepipeline(&id.region).delete_webhook(),
            json!({"name": id.name})
        )
        .map(drop)
    }
}
