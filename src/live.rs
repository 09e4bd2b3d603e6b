//! The state of the world, read for a plan: resources by id, and the failure that a refused call becomes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use futures::future;
use serde_json::{Value, json};

use crate::apply::retry;
use crate::catalog::{errors, operations};
use crate::cloud::{Cloud, CloudError, ErrorKind};
use crate::error::Failure;
use crate::inventory::Inventory;
use crate::operate::failure::missing;
use crate::plan::{self, Options, Plan};
use crate::resources::{Desired, Id, Kind, OWNER_TAG, Resource, managed, managed_mut};
use crate::sandbox;

/// The resources of these ids that exist.
pub async fn read(cloud: &dyn Cloud, ids: &[Id]) -> Result<BTreeMap<Id, Resource>, Failure> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let found = retry::plain(|| cloud.read(ids))
        .await
        .map_err(|error| failure(&error))?;
    Ok(ids
        .iter()
        .cloned()
        .zip(found)
        .filter_map(|(id, resource)| resource.map(|resource| (id, resource)))
        .collect())
}

/// Reads what is concerned and compares: the inventory and the resources side by side, leftovers after that.
pub async fn plan(
    desired: &Desired,
    cloud: &dyn Cloud,
    options: &Options,
) -> Result<Plan, Failure> {
    let ids: Vec<Id> = desired.resources.iter().map(|r| r.id.clone()).collect();
    let (inventory, live) = future::join(
        Inventory::read(cloud, &desired.service, &desired.stage, &desired.region),
        read(cloud, &ids),
    )
    .await;
    let (inventory, mut live) = (inventory?, live?);
    if desired.only_pipeline.is_none() {
        let wanted: BTreeSet<&Id> = ids.iter().collect();
        let others: Vec<Id> = inventory
            .ids()
            .iter()
            .filter(|id| !wanted.contains(id))
            .cloned()
            .collect();
        live.extend(read(cloud, &others).await?);
    }
    let named = names_of_policies(desired, &live, cloud, options).await?;
    let mut made = plan::compare(&named, &live, inventory, options)?;
    made.calls = cloud.calls();
    Ok(made)
}

/// Looks whether the names of managed policies that roles are about to get are free, and refuses those that somebody
/// else made. Roles that have theirs, or need none, cost no call.
async fn names_of_policies<'d>(
    desired: &'d Desired,
    live: &BTreeMap<Id, Resource>,
    cloud: &dyn Cloud,
    options: &Options,
) -> Result<Cow<'d, Desired>, Failure> {
    let mut names = Vec::new();
    for role in desired.resources.iter().filter(|r| r.id.kind == Kind::Role) {
        let there: BTreeSet<&str> = live
            .get(&role.id)
            .map(|there| managed(&there.body).map(|(name, _)| name).collect())
            .unwrap_or_default();
        let new = managed(&role.body).map(|(name, _)| name);
        names.extend(new.filter(|name| !there.contains(name)).map(str::to_owned));
    }
    if names.is_empty() {
        return Ok(Cow::Borrowed(desired));
    }
    let tags = match retry::plain(|| cloud.policy_tags(&names)).await {
        Ok(tags) => tags,
        // Who may not look learns from the write.
        Err(error) if error.kind == ErrorKind::Denied => return Ok(Cow::Borrowed(desired)),
        Err(error) => return Err(failure(&error)),
    };
    let owner = desired.owner();
    let foreign: BTreeMap<&String, Option<String>> = names
        .iter()
        .zip(tags)
        .filter_map(|(name, tags)| Some((name, tags?.remove(OWNER_TAG))))
        .filter(|(_, tag)| tag.as_ref() != Some(&owner))
        .collect();
    plan::refuse_foreign_policies(&owner, &foreign, options)?;
    if foreign.is_empty() {
        return Ok(Cow::Borrowed(desired));
    }
    let mut desired = desired.clone();
    for role in &mut desired.resources {
        for policy in managed_mut(&mut role.body) {
            let name = policy.get("name").and_then(Value::as_str);
            if name.is_some_and(|name| foreign.keys().any(|known| *known == name)) {
                policy["takeOver"] = Value::Bool(true);
            }
        }
    }
    Ok(Cow::Owned(desired))
}

/// A call that failed, as people get to see it: what it means and what to do.
pub fn failure(error: &CloudError) -> Failure {
    failure_in(error, &operations::APPLYING)
}

/// The same for a call of commands whose uses (in `catalog::operations`) are known.
pub fn failure_in(error: &CloudError, uses: &[&str]) -> Failure {
    if let Some(failure) = sandbox::failure(error) {
        return failure;
    }
    let operation = bare_operation(error);
    let mut failure = Failure::failed(
        error.code.clone(),
        format!("{} refused: {}", error.operation, error.message),
    );
    if error.kind == ErrorKind::Transient {
        failure.message = format!("{} did not work: {}", error.operation, error.message);
    }
    if error.kind == ErrorKind::Credentials && error.request_id.is_none() {
        // No call was made that anybody could have refused.
        failure.message.clone_from(&error.message);
    }
    failure.operation = Some(error.operation.clone());
    failure.resource.clone_from(&error.resource);
    failure.request_id.clone_from(&error.request_id);
    failure.help = match error.kind {
        ErrorKind::Denied => Some(denied(error, uses)),
        _ => errors::hint(operation, &error.code, &error.message)
            .map(|hint| format!("{} {}", hint.meaning, hint.advice)),
    };
    failure
}

/// `UpdatePipeline` of `CodePipeline:UpdatePipeline`.
pub(crate) fn bare_operation(error: &CloudError) -> &str {
    error
        .operation
        .split_once(':')
        .map_or(error.operation.as_str(), |(_, operation)| operation)
}

/// What the caller lacks, as a statement to add: AWS's own words for it, else what the operation needs.
fn denied(error: &CloudError, uses: &[&str]) -> String {
    let said = missing(&error.message);
    let action = match &said {
        Some(missing) => missing.action.clone(),
        None => operations::action(&error.operation),
    };
    let resource = match said {
        Some(missing) if missing.resource != "*" => missing.resource,
        _ => {
            let name = error.resource.as_deref().map(|text| {
                // `kind NAME`, as people call it
                text.split_once(' ').map_or(text, |(_, name)| name)
            });
            operations::resource(&error.operation, name).unwrap_or_else(|| "*".to_owned())
        }
    };
    let statement = json!({"Effect": "Allow", "Action": action, "Resource": resource});
    let (why, part) = match operations::reason(&error.operation, uses) {
        // what a call needs beside its own permission (`iam:PassRole`) has another reason
        Some((why, task)) if action == operations::action(&error.operation) => {
            (format!("{why}\n"), format!(" --for {task}"))
        }
        _ => (String::new(), String::new()),
    };
    format!(
        "The caller lacks the permission {action}: add it to the role or user that runs pipectl.\n{statement}\n\
         {why}`pipectl permissions{part}` prints all that this file needs."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_missing_permission_is_the_one_iam_knows() {
        let denied = |operation: &str, message: &str| {
            let error = CloudError {
                kind: ErrorKind::Denied,
                operation: operation.to_owned(),
                code: "AccessDenied".to_owned(),
                message: message.to_owned(),
                request_id: None,
                resource: None,
            };
            failure(&error).help.expect("help")
        };
        for (operation, message, action) in [
            (
                "CodePipeline:CreatePipeline",
                "User: arn:aws:iam::1:user/u is not authorized to perform: iam:PassRole on resource: arn:aws:iam::1:role/r",
                "iam:PassRole",
            ),
            (
                "CodePipeline:CreatePipeline",
                "no",
                "codepipeline:CreatePipeline",
            ),
            (
                "S3:GetBucketEncryption",
                "Access Denied",
                "s3:GetEncryptionConfiguration",
            ),
            ("S3:HeadBucket", "no", "s3:ListBucket"),
            ("EventBridge:PutRule", "no", "events:PutRule"),
            ("CloudWatchLogs:CreateLogGroup", "no", "logs:CreateLogGroup"),
        ] {
            let said = denied(operation, message);
            assert!(
                said.contains(&format!(" {action}: ")),
                "{operation}: {said}"
            );
        }
    }
}
