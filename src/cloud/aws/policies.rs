//! The managed policies that belong to a role: they hold what does not fit into it.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::types::Policy;
use serde_json::{Map, Value, json};

use super::call::send;
use super::iam::{decoded, tag_list, tags_of};
use super::json::document;
use super::{Aws, all, found, gone};
use crate::cloud::{ErrorKind, Result};
use crate::resources::{OWNER_TAG, Resource, managed, normalise, policies_tagged, policy_name};

impl Aws {
    /// The managed policies of a role as its tags tell of them; those of another owner are none of them. A role
    /// without the tag costs no call.
    pub(super) async fn own_policies(
        &self,
        role: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<Vec<Value>> {
        let names: Vec<String> = (1..=policies_tagged(tags))
            .map(|number| policy_name(role, number))
            .collect();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let (attached, policies) = futures::join!(
            self.attached_policies(role),
            all(names.iter().map(|name| self.own_policy(name, tags)))
        );
        let attached = attached?;
        let mut list = Vec::new();
        for (name, document) in names.iter().zip(policies?) {
            let Some(document) = document else { continue };
            let mut policy = Map::new();
            policy.insert("name".to_owned(), Value::from(name.as_str()));
            policy.insert("document".to_owned(), document);
            if !attached.contains(&self.policy_arn(name).await?) {
                policy.insert("attached".to_owned(), Value::Bool(false));
            }
            list.push(Value::Object(policy));
        }
        Ok(list)
    }

    /// The document of a policy with the owner that the role has.
    async fn own_policy(
        &self,
        name: &str,
        role: &BTreeMap<String, String>,
    ) -> Result<Option<Value>> {
        let Some(policy) = self.policy(name).await? else {
            return Ok(None);
        };
        let owner = tags_of(policy.tags()).remove(OWNER_TAG);
        if owner.is_none() || owner.as_ref() != role.get(OWNER_TAG) {
            return Ok(None);
        }
        let answer = found(send!(
            self,
            "IAM:GetPolicyVersion",
            self.roles()
                .get_policy_version()
                .policy_arn(policy.arn().unwrap_or_default())
                .version_id(policy.default_version_id().unwrap_or_default())
        ))?;
        let version = answer.and_then(|answer| answer.policy_version);
        Ok(version.map(|version| document(&decoded(version.document().unwrap_or_default()))))
    }

    async fn policy_arn(&self, name: &str) -> Result<String> {
        self.arn("iam", "", &format!("policy/{name}")).await
    }

    async fn policy(&self, name: &str) -> Result<Option<Policy>> {
        let arn = self.policy_arn(name).await?;
        let answer = found(send!(
            self,
            "IAM:GetPolicy",
            self.roles().get_policy().policy_arn(&arn)
        ))?;
        Ok(answer.and_then(|answer| answer.policy))
    }

    /// ARNs of all managed policies that are attached to a role, whoever made them.
    pub(super) async fn attached_policies(&self, role: &str) -> Result<BTreeSet<String>> {
        let mut arns = BTreeSet::new();
        let mut marker = None;
        loop {
            let answer = found(send!(
                self,
                "IAM:ListAttachedRolePolicies",
                self.roles()
                    .list_attached_role_policies()
                    .role_name(role)
                    .set_marker(marker)
            ))?;
            let Some(answer) = answer else {
                return Ok(arns);
            };
            let found = answer.attached_policies().iter();
            arns.extend(found.filter_map(|policy| policy.policy_arn().map(str::to_owned)));
            marker = answer.marker.filter(|_| answer.is_truncated);
            if marker.is_none() {
                return Ok(arns);
            }
        }
    }

    pub(super) async fn tags_of_policies(
        &self,
        names: &[String],
    ) -> Result<Vec<Option<BTreeMap<String, String>>>> {
        let policies = all(names.iter().map(|name| self.policy(name))).await?;
        let tags = |policy: Option<Policy>| policy.map(|policy| tags_of(policy.tags()));
        Ok(policies.into_iter().map(tags).collect())
    }

    /// Makes a managed policy, or gives the one that is there this document, and attaches it to the role.
    pub(super) async fn bring_policy(
        &self,
        live: &Resource,
        desired: &Resource,
        name: &str,
        document: &Value,
    ) -> Result<()> {
        let role = &desired.id.name;
        let arn = self.policy_arn(name).await?;
        let there = managed(&live.body).find(|(known, _)| *known == name);
        let attached = match there {
            Some((_, policy)) => {
                if !self.same_policy(desired, policy, document).await? {
                    self.new_version(&arn, document).await?;
                }
                policy.get("attached") != Some(&Value::Bool(false))
            }
            None => {
                self.make_policy(desired, name, &arn, document).await?;
                false
            }
        };
        if attached {
            return Ok(());
        }
        send!(
            self,
            "IAM:AttachRolePolicy",
            self.roles()
                .attach_role_policy()
                .role_name(role)
                .policy_arn(&arn)
        )
        .map(drop)
    }

    async fn same_policy(
        &self,
        desired: &Resource,
        policy: &Value,
        document: &Value,
    ) -> Result<bool> {
        let context = self.context(desired).await?;
        let form = |document: &Value| {
            let mut body = json!({"policies": {"": document}});
            normalise(desired.id.kind, &mut body, &context);
            body
        };
        Ok(form(policy.get("document").unwrap_or(&Value::Null)) == form(document))
    }

    /// A policy of this name that is there already is ours if its tag says so, or if the plan takes it over.
    async fn make_policy(
        &self,
        desired: &Resource,
        name: &str,
        arn: &str,
        document: &Value,
    ) -> Result<()> {
        let owner = desired.tags.get_key_value(OWNER_TAG);
        let tags: BTreeMap<String, String> = owner
            .into_iter()
            .map(|(key, owner)| (key.clone(), owner.clone()))
            .collect();
        let tags = tag_list(&tags)?;
        let made = send!(
            self,
            "IAM:CreatePolicy",
            self.roles()
                .create_policy()
                .policy_name(name)
                .policy_document(document.to_string())
                .description(format!(
                    "What does not fit into the role {}",
                    desired.id.name
                ))
                .set_tags(Some(tags.clone()).filter(|tags| !tags.is_empty()))
        );
        let exists = match made {
            Ok(_) => return Ok(()),
            Err(error) if error.kind == ErrorKind::Exists => error,
            Err(error) => return Err(error),
        };
        let there = self.policy(name).await?;
        let of = there.and_then(|policy| tags_of(policy.tags()).remove(OWNER_TAG));
        let ours = of.is_some() && of.as_ref() == desired.tags.get(OWNER_TAG);
        let taken = of.is_none()
            && managed(&desired.body)
                .any(|(known, policy)| known == name && policy["takeOver"] == true);
        if !ours && !taken {
            return Err(exists);
        }
        if !ours {
            send!(
                self,
                "IAM:TagPolicy",
                self.roles()
                    .tag_policy()
                    .policy_arn(arn)
                    .set_tags(Some(tags))
            )?;
        }
        self.new_version(arn, document).await
    }

    /// Makes a version and the default. Where there are as many as IAM keeps, the oldest makes room.
    async fn new_version(&self, arn: &str, document: &Value) -> Result<()> {
        let make = || async {
            send!(
                self,
                "IAM:CreatePolicyVersion",
                self.roles()
                    .create_policy_version()
                    .policy_arn(arn)
                    .policy_document(document.to_string())
                    .set_as_default(true)
            )
        };
        let full = match make().await {
            Ok(_) => return Ok(()),
            Err(error) if error.code.starts_with("LimitExceeded") => error,
            Err(error) => return Err(error),
        };
        let Some(oldest) = self.other_versions(arn).await?.into_iter().next() else {
            return Err(full);
        };
        self.delete_version(arn, &oldest).await?;
        make().await.map(drop)
    }

    /// The versions of a policy that are not its default, the oldest first.
    async fn other_versions(&self, arn: &str) -> Result<Vec<String>> {
        let mut versions = Vec::new();
        let mut marker = None;
        loop {
            let answer = found(send!(
                self,
                "IAM:ListPolicyVersions",
                self.roles()
                    .list_policy_versions()
                    .policy_arn(arn)
                    .set_marker(marker)
            ))?;
            let Some(answer) = answer else { break };
            let others = answer.versions().iter().filter(|v| !v.is_default_version());
            versions.extend(others.filter_map(|version| version.version_id().map(str::to_owned)));
            marker = answer.marker.filter(|_| answer.is_truncated);
            if marker.is_none() {
                break;
            }
        }
        // v2 before v10
        let number = |version: &str| version.trim_start_matches('v').parse::<u64>();
        versions.sort_by_key(|version| number(version).unwrap_or(u64::MAX));
        Ok(versions)
    }

    async fn delete_version(&self, arn: &str, version: &str) -> Result<()> {
        gone(send!(
            self,
            "IAM:DeletePolicyVersion",
            self.roles()
                .delete_policy_version()
                .policy_arn(arn)
                .version_id(version)
        ))
    }

    /// Takes a managed policy from its role and deletes it with all its versions.
    pub(super) async fn delete_policy(&self, role: &str, name: &str) -> Result<()> {
        let arn = self.policy_arn(name).await?;
        gone(send!(
            self,
            "IAM:DetachRolePolicy",
            self.roles()
                .detach_role_policy()
                .role_name(role)
                .policy_arn(&arn)
        ))?;
        for version in self.other_versions(&arn).await? {
            self.delete_version(&arn, &version).await?;
        }
        gone(send!(
            self,
            "IAM:DeletePolicy",
            self.roles().delete_policy().policy_arn(&arn)
        ))
    }
}
