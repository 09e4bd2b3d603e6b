//! CodeBuild projects.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::call::{Watch, send_json};
use super::json::{items, put, revealed, tag_list, tags_of, take, text};
use super::{Aws, all};
use crate::cloud::{ErrorKind, Result};
use crate::resources::{Id, Resource};

/// How many names one call takes.
const BATCH: usize = 100;

/// What BatchGetProjects tells and CreateProject does not take.
const READ_ONLY: [&str; 7] = [
    "arn",
    "created",
    "lastModified",
    "webhook",
    "publicProjectAlias",
    "projectVisibility",
    "resourceAccessRole",
];

impl Aws {
    pub(super) async fn read_projects(
        &self,
        region: &str,
        ids: &[&Id],
    ) -> Result<Vec<Option<Resource>>> {
        let batches = all(ids.chunks(BATCH).map(|batch| async move {
            let names: Vec<&str> = batch.iter().map(|id| id.name.as_str()).collect();
            send_json!(
                self,
                "CodeBuild:BatchGetProjects",
                self.codebuild(region).batch_get_projects(),
                json!({"names": names})
            )
        }))
        .await?;
        let mut projects: BTreeMap<String, Value> = BTreeMap::new();
        for answer in &batches {
            for project in items(answer, "projects") {
                projects.insert(text(project, "name").to_owned(), project.clone());
            }
        }
        Ok(ids
            .iter()
            .map(|id| {
                let (body, tags) = as_input(projects.get(&id.name)?.clone());
                let mut resource = Resource::new((*id).clone(), body);
                resource.tags = tags;
                Some(resource)
            })
            .collect())
    }

    pub(super) async fn create_project(&self, desired: &Resource) -> Result<()> {
        let region = &desired.id.region;
        let mut body = revealed(desired)?;
        body["tags"] = tag_list(&desired.tags, "key", "value");
        let watch = Watch::default();
        let sent = send_json!(
            self,
            watch,
            "CodeBuild:CreateProject",
            self.codebuild(region).create_project(),
            body
        );
        match sent {
            // Our own first attempt may have worked although its answer was lost.
            Err(error) if error.kind == ErrorKind::Exists && watch.repeated() => {
                let live = self.read_projects(region, &[&desired.id]).await?;
                match live.first() {
                    Some(Some(live)) if live.tags == desired.tags => Ok(()),
                    _ => Err(error),
                }
            }
            sent => sent.map(drop),
        }
    }

    pub(super) async fn update_project(&self, live: &Resource, desired: &Resource) -> Result<()> {
        let region = &desired.id.region;
        let key = self.arn("kms", region, "alias/aws/s3").await?;
        let mut body = with_resets(&live.body, revealed(desired)?, &key);
        body["tags"] = tag_list(&desired.tags, "key", "value");
        send_json!(
            self,
            "CodeBuild:UpdateProject",
            self.codebuild(region).update_project(),
            body
        )
        .map(drop)
    }

    pub(super) async fn delete_project(&self, id: &Id) -> Result<()> {
        send_json!(
            self,
            "CodeBuild:DeleteProject",
            self.codebuild(&id.region).delete_project(),
            json!({"name": id.name})
        )
        .map(drop)
    }
}

/// A project as BatchGetProjects tells it, in the shape of CreateProject's input, and its tags.
fn as_input(mut project: Value) -> (Value, BTreeMap<String, String>) {
    let tags = tags_of(take(&mut project, "tags").as_ref(), "key", "value");
    for member in READ_ONLY {
        take(&mut project, member);
    }
    let badge = take(&mut project, "badge");
    if let (Some(object), Some(badge)) = (project.as_object_mut(), badge) {
        let enabled = badge.get("badgeEnabled").cloned().unwrap_or_default();
        put(object, "badgeEnabled", enabled);
    }
    (project, tags)
}

/// UpdateProject keeps what it is not told of, so what shall go is reset by name.
fn with_resets(live: &Value, mut desired: Value, default_key: &str) -> Value {
    let resets = [
        ("description", json!("")),
        ("sourceVersion", json!("")),
        ("secondarySources", json!([])),
        ("secondarySourceVersions", json!([])),
        ("secondaryArtifacts", json!([])),
        ("cache", json!({"type": "NO_CACHE"})),
        ("timeoutInMinutes", json!(60)),
        ("queuedTimeoutInMinutes", json!(480)),
        ("encryptionKey", json!(default_key)),
        ("vpcConfig", json!({})),
        ("badgeEnabled", json!(false)),
        (
            "logsConfig",
            json!({"cloudWatchLogs": {"status": "ENABLED"}, "s3Logs": {"status": "DISABLED"}}),
        ),
        ("fileSystemLocations", json!([])),
        ("buildBatchConfig", json!({})),
        ("concurrentBuildLimit", json!(-1)),
        ("autoRetryLimit", json!(0)),
    ];
    for (member, reset) in resets {
        let had = live.get(member).is_some_and(|value| !value.is_null());
        if had && desired.get(member).is_none() && live.get(member) != Some(&reset) {
            desired[member] = reset;
        }
    }
    desired
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_longer_wanted_is_reset() {
        let live = json!({
            "name": "p", "description": "old", "concurrentBuildLimit": 2, "timeoutInMinutes": 60,
            "vpcConfig": {"vpcId": "vpc-1"}, "cache": {"type": "LOCAL"},
        });
        let sent = with_resets(&live, json!({"name": "p", "cache": {"type": "S3"}}), "key");
        assert_eq!(
            sent,
            json!({
                "name": "p", "cache": {"type": "S3"}, "description": "", "vpcConfig": {},
                "concurrentBuildLimit": -1,
            })
        );
    }

    #[test]
    fn an_answer_becomes_an_input() {
        let (body, tags) = as_input(json!({
            "name": "p", "arn": "a", "created": 1.0, "badge": {"badgeEnabled": false},
            "tags": [{"key": "k", "value": "v"}],
        }));
        assert_eq!(body, json!({"name": "p", "badgeEnabled": false}));
        assert_eq!(tags["k"], "v");
    }
}
