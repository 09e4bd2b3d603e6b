//! IAM roles with their inline policies.

use std::collections::BTreeMap;

use aws_sdk_iam::Client;
use aws_sdk_iam::types::Tag;
use serde_json::{Map, Value};

use super::call::send;
use super::json::{TagChange, document, put, revealed, text};
use super::{Aws, all, found, gone};
use crate::cloud::{CloudError, ErrorKind, Result};
use crate::resources::{Id, Resource};

/// What CreateRole makes of an absent `maxSessionDuration`.
const SESSION: i32 = 3600;

impl Aws {
    fn roles(&self) -> Client {
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
        let mut resource = Resource::new(id.clone(), Value::Object(body));
        for tag in role.tags() {
            resource
                .tags
                .insert(tag.key().to_owned(), tag.value().to_owned());
        }
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
        self.patiently(|| async {
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
                    .set_tags(Some(tags.clone()).filter(|tags| !tags.is_empty()))
            )
        })
        .await?;
        self.note_fresh("role");
        self.put_policies(name, &[], &[], &body).await
    }

    pub(super) async fn update_role(&self, live: &Resource, desired: &Resource) -> Result<()> {
        let name = &desired.id.name;
        let (forms, body) = (self.forms(live, desired).await?, revealed(desired)?);
        if forms.moved("assumeRolePolicyDocument") {
            self.patiently(|| async {
                send!(
                    self,
                    "IAM:UpdateAssumeRolePolicy",
                    self.roles()
                        .update_assume_role_policy()
                        .role_name(name)
                        .policy_document(body["assumeRolePolicyDocument"].to_string())
                )
            })
            .await?;
            self.note_fresh("role");
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
        let policies = |form: &Value| form.get("policies").and_then(Value::as_object).cloned();
        let (was, wanted) = (policies(&forms.was), policies(&forms.wanted));
        let (was, wanted) = (was.unwrap_or_default(), wanted.unwrap_or_default());
        let same: Vec<&String> = wanted
            .iter()
            .filter(|(name, document)| was.get(*name) == Some(document))
            .map(|(name, _)| name)
            .collect();
        self.put_policies(name, &was.keys().collect::<Vec<_>>(), &same, &body)
            .await?;
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

    /// Inline policies from `live` to those of the body: first what goes, because all share one limit.
    async fn put_policies(
        &self,
        role: &str,
        live: &[&String],
        same: &[&String],
        body: &Value,
    ) -> Result<()> {
        let none = Map::new();
        let wanted = body
            .get("policies")
            .and_then(Value::as_object)
            .unwrap_or(&none);
        for policy in live.iter().filter(|name| !wanted.contains_key(**name)) {
            self.delete_role_policy(role, policy).await?;
        }
        for (policy, document) in wanted {
            if same.contains(&policy) {
                continue;
            }
            send!(
                self,
                "IAM:PutRolePolicy",
                self.roles()
                    .put_role_policy()
                    .role_name(role)
                    .policy_name(policy)
                    .policy_document(document.to_string())
            )?;
            self.note_fresh("role");
        }
        Ok(())
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

    pub(super) async fn delete_role(&self, id: &Id) -> Result<()> {
        let role = &id.name;
        for policy in self.inline_policy_names(role).await? {
            self.delete_role_policy(role, &policy).await?;
        }
        let attached = found(send!(
            self,
            "IAM:ListAttachedRolePolicies",
            self.roles().list_attached_role_policies().role_name(role)
        ))?;
        for policy in attached
            .iter()
            .flat_map(|answer| answer.attached_policies())
        {
            gone(send!(
                self,
                "IAM:DetachRolePolicy",
                self.roles()
                    .detach_role_policy()
                    .role_name(role)
                    .policy_arn(policy.policy_arn().unwrap_or_default())
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

fn tag_list(tags: &BTreeMap<String, String>) -> Result<Vec<Tag>> {
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

/// IAM writes documents percent-encoded.
fn decoded(text: &str) -> String {
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
