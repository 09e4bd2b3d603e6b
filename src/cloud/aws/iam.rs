//! IAM roles with their inline policies; the managed ones are in `policies`.

use std::collections::BTreeMap;

use aws_sdk_iam::Client;
use aws_sdk_iam::types::Tag;
use serde_json::{Map, Value};

use super::call::send;
use super::json::{TagChange, document, put, revealed, text};
use super::{Aws, all, found, gone};
use crate::cloud::{CloudError, ErrorKind, Result, STUCK};
use crate::resources::{
    Id, POLICIES_TAG, Resource, Step, Stuck, highest_policy, policies_tagged, policy_steps,
};

/// What CreateRole makes of an absent `maxSessionDuration`.
const SESSION: i32 = 3600;

impl Aws {
    pub(super) fn roles(&self) -> Client {
        self.iam(&self.region)
    }

    pub(super) async fn read_roles(&self, ids: &[&Id]) -> Result<Vec<Option<Resource>>> {
        all(ids.iter().map(|id| self.read_role(id))).await
    }

    async fn read_role(&self, id: &Id) -> Result<Option<Resource>> {
        let (answer, policies) =
            futures::join!(self.get_role(&id.name), self.inline_policies(&id.name));
        let Some(role) = answer? else {
            return Ok(None);
        };
        let mut body = Map::new();
        put(&mut body, "roleName", role.role_name());
        put(&mut body, "path", role.path());
        put(&mut body, "description", role.description());
        let trust = role.assume_role_policy_document().unwrap_or_default();
        put(
            &mut body,
            "assumeRolePolicyDocument",
            document(&decoded(trust)),
        );
        put(&mut body, "maxSessionDuration", role.max_session_duration());
        let boundary = role
            .permissions_boundary()
            .and_then(|boundary| boundary.permissions_boundary_arn());
        put(&mut body, "permissionsBoundary", boundary);
        put(&mut body, "policies", Value::Object(policies?));
        let tags = tags_of(role.tags());
        let managed = self.own_policies(&id.name, &tags).await?;
        if !managed.is_empty() {
            put(&mut body, "managedPolicies", managed);
        }
        let mut resource = Resource::new(id.clone(), Value::Object(body));
        resource.tags = tags;
        Ok(Some(resource))
    }

    async fn get_role(&self, name: &str) -> Result<Option<aws_sdk_iam::types::Role>> {
        let answer = found(send!(
            self,
            "IAM:GetRole",
            self.roles().get_role().role_name(name)
        ))?;
        Ok(answer.and_then(|answer| answer.role))
    }

    async fn inline_policies(&self, role: &str) -> Result<Map<String, Value>> {
        let names = self.inline_policy_names(role).await?;
        let documents = all(names.iter().map(|name| async move {
            found(send!(
                self,
                "IAM:GetRolePolicy",
                self.roles()
                    .get_role_policy()
                    .role_name(role)
                    .policy_name(name)
            ))
        }))
        .await?;
        Ok(names
            .iter()
            .zip(documents)
            .filter_map(|(name, answer)| {
                let text = answer?.policy_document;
                Some((name.clone(), document(&decoded(&text))))
            })
            .collect())
    }

    async fn inline_policy_names(&self, role: &str) -> Result<Vec<String>> {
        let mut names = Vec::new();
        let mut marker = None;
        loop {
            let answer = found(send!(
                self,
                "IAM:ListRolePolicies",
                self.roles()
                    .list_role_policies()
                    .role_name(role)
                    .set_marker(marker)
            ))?;
            let Some(answer) = answer else {
                return Ok(names);
            };
            names.extend(answer.policy_names);
            marker = answer.marker.filter(|_| answer.is_truncated);
            if marker.is_none() {
                return Ok(names);
            }
        }
    }

    /// Roles of another account cannot be asked for and count as there.
    pub(super) async fn knows_role(&self, arn: &str) -> Result<bool> {
        let account = arn.split(':').nth(4).unwrap_or_default();
        if account != self.account().await? {
            return Ok(true);
        }
        let name = arn.rsplit('/').next().unwrap_or(arn);
        let role = self.get_role(name).await?;
        Ok(role.is_some_and(|role| role.arn() == arn))
    }

    pub(super) async fn create_role(&self, desired: &Resource) -> Result<()> {
        let name = &desired.id.name;
        let body = revealed(desired)?;
        let tags = tag_list(&desired.tags)?;
        let description = Some(text(&body, "description")).filter(|d| !d.is_empty());
        let boundary = body.get("permissionsBoundary").and_then(Value::as_str);
        send!(
            self,
            "IAM:CreateRole",
            self.roles()
                .create_role()
                .role_name(name)
                .assume_role_policy_document(body["assumeRolePolicyDocument"].to_string())
                .set_path(body.get("path").and_then(Value::as_str).map(str::to_owned))
                .set_description(description.map(str::to_owned))
                .set_max_session_duration(session(&body))
                .set_permissions_boundary(boundary.map(str::to_owned))
                .set_tags(Some(tags).filter(|tags| !tags.is_empty()))
        )?;
        let mut made = Resource::new(desired.id.clone(), Value::Null);
        made.tags.clone_from(&desired.tags);
        self.put_policies(&made, desired).await.map(drop)
    }

    pub(super) async fn update_role(&self, live: &Resource, desired: &Resource) -> Result<()> {
        let name = &desired.id.name;
        let (forms, body) = (self.forms(live, desired).await?, revealed(desired)?);
        if forms.moved("assumeRolePolicyDocument") {
            send!(
                self,
                "IAM:UpdateAssumeRolePolicy",
                self.roles()
                    .update_assume_role_policy()
                    .role_name(name)
                    .policy_document(body["assumeRolePolicyDocument"].to_string())
            )?;
        }
        if forms.moved("description") || forms.moved("maxSessionDuration") {
            send!(
                self,
                "IAM:UpdateRole",
                self.roles()
                    .update_role()
                    .role_name(name)
                    .description(text(&body, "description"))
                    .max_session_duration(session(&body).unwrap_or(SESSION))
            )?;
        }
        if forms.moved("permissionsBoundary") {
            match body.get("permissionsBoundary").and_then(Value::as_str) {
                Some(boundary) => send!(
                    self,
                    "IAM:PutRolePermissionsBoundary",
                    self.roles()
                        .put_role_permissions_boundary()
                        .role_name(name)
                        .permissions_boundary(boundary)
                )
                .map(drop)?,
                None => gone(send!(
                    self,
                    "IAM:DeleteRolePermissionsBoundary",
                    self.roles()
                        .delete_role_permissions_boundary()
                        .role_name(name)
                ))?,
            }
        }
        let meanwhile = self.put_policies(live, desired).await?;
        let mut live = live.clone();
        live.tags.extend(meanwhile);
        let live = &live;
        let change = TagChange::between(live, desired);
        if !change.set.is_empty() {
            let tags = tag_list(&change.set)?;
            send!(
                self,
                "IAM:TagRole",
                self.roles().tag_role().role_name(name).set_tags(Some(tags))
            )?;
        }
        if !change.remove.is_empty() {
            send!(
                self,
                "IAM:UntagRole",
                self.roles()
                    .untag_role()
                    .role_name(name)
                    .set_tag_keys(Some(change.remove))
            )?;
        }
        Ok(())
    }

    /// The policies of `live` become those of `desired`. A tag of the role says beforehand how many managed ones there
    /// can be meanwhile, so that whoever comes after a break finds them; what was tagged is the answer.
    async fn put_policies(
        &self,
        live: &Resource,
        desired: &Resource,
    ) -> Result<Option<(String, String)>> {
        let role = &desired.id.name;
        let context = self.context(desired).await?;
        let steps = policy_steps(role, &live.body, &desired.body, &context).map_err(stuck)?;
        let most = highest_policy(role, &steps);
        let mut tagged = None;
        if most > policies_tagged(&live.tags) {
            let tag = (POLICIES_TAG.to_owned(), most.to_string());
            let tags = tag_list(&BTreeMap::from([tag.clone()]))?;
            send!(
                self,
                "IAM:TagRole",
                self.roles().tag_role().role_name(role).set_tags(Some(tags))
            )?;
            tagged = Some(tag);
        }
        for step in &steps {
            match step {
                Step::Put(policy, document) => {
                    send!(
                        self,
                        "IAM:PutRolePolicy",
                        self.roles()
                            .put_role_policy()
                            .role_name(role)
                            .policy_name(policy)
                            .policy_document(document.to_string())
                    )?;
                }
                Step::Remove(policy) => self.delete_role_policy(role, policy).await?,
                Step::Attach(policy, document) => {
                    self.bring_policy(live, desired, policy, document).await?;
                }
                Step::Delete(policy) => self.delete_policy(role, policy).await?,
            }
        }
        Ok(tagged)
    }

    async fn delete_role_policy(&self, role: &str, policy: &str) -> Result<()> {
        gone(send!(
            self,
            "IAM:DeleteRolePolicy",
            self.roles()
                .delete_role_policy()
                .role_name(role)
                .policy_name(policy)
        ))
    }

    /// The managed policies of its own go first: as long as the role is there its tags tell of them.
    pub(super) async fn delete_role(&self, id: &Id) -> Result<()> {
        let role = &id.name;
        let Some(there) = self.get_role(role).await? else {
            return Ok(());
        };
        for policy in self.own_policies(role, &tags_of(there.tags())).await? {
            self.delete_policy(role, text(&policy, "name")).await?;
        }
        for policy in self.inline_policy_names(role).await? {
            self.delete_role_policy(role, &policy).await?;
        }
        for policy in self.attached_policies(role).await? {
            gone(send!(
                self,
                "IAM:DetachRolePolicy",
                self.roles()
                    .detach_role_policy()
                    .role_name(role)
                    .policy_arn(&policy)
            ))?;
        }
        gone(send!(
            self,
            "IAM:DeleteRole",
            self.roles().delete_role().role_name(role)
        ))
    }
}

fn session(body: &Value) -> Option<i32> {
    let seconds = body.get("maxSessionDuration")?.as_i64()?;
    i32::try_from(seconds).ok()
}

pub(super) fn tags_of(tags: &[Tag]) -> BTreeMap<String, String> {
    tags.iter()
        .map(|tag| (tag.key().to_owned(), tag.value().to_owned()))
        .collect()
}

pub(super) fn tag_list(tags: &BTreeMap<String, String>) -> Result<Vec<Tag>> {
    tags.iter()
        .map(|(key, value)| {
            let tag = Tag::builder().key(key).value(value).build();
            tag.map_err(|error| CloudError {
                kind: ErrorKind::Invalid,
                operation: "IAM:TagRole".to_owned(),
                code: "tag".to_owned(),
                message: error.to_string(),
                request_id: None,
                resource: None,
            })
        })
        .collect()
}

fn stuck(stuck: Stuck) -> CloudError {
    CloudError {
        kind: ErrorKind::Invalid,
        operation: "IAM:PutRolePolicy".to_owned(),
        code: STUCK.to_owned(),
        message: stuck.to_string(),
        request_id: None,
        resource: None,
    }
}

/// IAM writes documents percent-encoded.
pub(super) fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = bytes
            .get(at + 1..at + 3)
            .filter(|_| bytes[at] == b'%')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        plain.push(code.unwrap_or(bytes[at]));
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_decoded() {
        assert_eq!(decoded("%7B%22a%22%3A%22%C3%A4%22%7D"), "{\"a\":\"ä\"}");
        assert_eq!(decoded("100%"), "100%");
        assert_eq!(decoded("%zz+"), "%zz+");
    }
}
