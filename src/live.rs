//! The state of the world, read for a plan: resources by id, and the failure that a refused call becomes.

use std::collections::BTreeMap;

use crate::apply::retry;
use crate::catalog::errors;
use crate::cloud::{Cloud, CloudError, ErrorKind};
use crate::error::Failure;
use crate::resources::{Id, Resource};

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

/// A call that failed, as people get to see it: what it means and what to do.
pub fn failure(error: &CloudError) -> Failure {
    let operation = bare_operation(error);
    let mut failure = Failure::failed(
        error.code.clone(),
        format!("{} refused: {}", error.operation, error.message),
    );
    if error.kind == ErrorKind::Transient {
        failure.message = format!("{} did not work: {}", error.operation, error.message);
    }
    failure.operation = Some(error.operation.clone());
    failure.resource.clone_from(&error.resource);
    failure.request_id.clone_from(&error.request_id);
    failure.help = match error.kind {
        ErrorKind::Denied => Some(format!(
            "The caller lacks the permission {}; `pipectl permissions` prints all that apply needs.",
            permission(&error.operation)
        )),
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

/// The IAM action of an operation: the service's prefix in small letters.
fn permission(operation: &str) -> String {
    match operation.split_once(':') {
        Some((service, name)) => {
            let prefix = match service.to_ascii_lowercase().as_str() {
                "eventbridge" => "events".to_owned(),
                "cloudwatchlogs" => "logs".to_owned(),
                other => other.to_owned(),
            };
            format!("{prefix}:{name}")
        }
        None => operation.to_owned(),
    }
}
