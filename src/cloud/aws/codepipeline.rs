//! Pipelines and their executions.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::call::{Watch, send_json};
use super::json::{TagChange, items, put, revealed, tag_list, tags_of, take, text};
use super::{Aws, all, found};
use crate::cloud::runs::Start;
use crate::cloud::{CloudError, ErrorKind, ExecutionSummary, Result, VERSION_JUMPED};
use crate::resources::{Id, Resource};

impl Aws {
    pub(super) async fn read_pipelines(
        &self,
        region: &str,
        ids: &[&Id],
    ) -> Result<Vec<Option<Resource>>> {
        all(ids.iter().map(|id| async move {
            let arn = self.arn("codepipeline", region, &id.name).await?;
            let (answer, tags) = futures::join!(
                self.get_pipeline(region, &id.name),
                self.pipeline_tags(region, &arn)
            );
            let Some(body) = answer? else {
                return Ok(None);
            };
            let mut resource = Resource::new((*id).clone(), body);
            resource.tags = tags?;
            Ok(Some(resource))
        }))
        .await
    }

    async fn get_pipeline(&self, region: &str, name: &str) -> Result<Option<Value>> {
        let answer = found(send_json!(
            self,
            "CodePipeline:GetPipeline",
            self.codepipeline(region).get_pipeline(),
            json!({"name": name})
        ))?;
        Ok(answer.and_then(|mut answer| take(&mut answer, "pipeline")))
    }

    /// Tags of a pipeline or webhook, none if it does not exist.
    async fn pipeline_tags(&self, region: &str, arn: &str) -> Result<BTreeMap<String, String>> {
        let mut tags = BTreeMap::new();
        let mut next = Value::Null;
        loop {
            let mut body = Map::new();
            put(&mut body, "resourceArn", arn);
            put(&mut body, "nextToken", next);
            let answer = found(send_json!(
                self,
                "CodePipeline:ListTagsForResource",
                self.codepipeline(region).list_tags_for_resource(),
                Value::Object(body)
            ))?;
            let Some(mut answer) = answer else {
                return Ok(tags);
            };
            tags.extend(tags_of(answer.get("tags"), "key", "value"));
            next = take(&mut answer, "nextToken").unwrap_or_default();
            if next.is_null() {
                return Ok(tags);
            }
        }
    }

    pub(super) async fn create_pipeline(&self, desired: &Resource) -> Result<()> {
        let region = &desired.id.region;
        let body = json!({
            "pipeline": revealed(desired)?,
            "tags": tag_list(&desired.tags, "key", "value"),
        });
        let watch = Watch::default();
        let sent = send_json!(
            self,
            watch,
            "CodePipeline:CreatePipeline",
            self.codepipeline(region).create_pipeline(),
            body
        );
        match sent {
            // Our own first attempt may have worked although its answer was lost.
            Err(error) if error.kind == ErrorKind::Exists && watch.repeated() => {
                let live = self.get_pipeline(region, &desired.id.name).await?;
                match live {
                    Some(live) if contains(&live, &desired.body) => Ok(()),
                    _ => Err(error),
                }
            }
            sent => sent.map(drop),
        }
    }

    pub(super) async fn update_pipeline(&self, live: &Resource, desired: &Resource) -> Result<()> {
        let region = &desired.id.region;
        let mut jumped = None;
        if self.forms(live, desired).await?.differ() {
            let planned = live.body.get("version").filter(|v| !v.is_null());
            if let Some(planned) = planned {
                let now = self.get_pipeline(region, &desired.id.name).await?;
                let now = now.and_then(|mut body| take(&mut body, "version"));
                if now.as_ref() != Some(planned) {
                    return Err(version_moved(&desired.id, planned, now.as_ref()));
                }
            }
            let body = json!({"pipeline": revealed(desired)?});
            let watch = Watch::default();
            let answer = send_json!(
                self,
                watch,
                "CodePipeline:UpdatePipeline",
                self.codepipeline(region).update_pipeline(),
                body
            )?;
            let expected = planned.and_then(Value::as_u64).map(|version| version + 1);
            let written = answer["pipeline"]["version"].as_u64();
            // An attempt whose answer was lost may have counted, too.
            if let (Some(expected), Some(written)) = (expected, written)
                && written != expected
                && !watch.repeated()
            {
                jumped = Some(version_jumped(&desired.id, expected, written));
            }
        }
        let arn = self.arn("codepipeline", region, &desired.id.name).await?;
        self.change_pipeline_tags(region, &arn, &TagChange::between(live, desired))
            .await?;
        jumped.map_or(Ok(()), Err)
    }

    pub(super) async fn change_pipeline_tags(
        &self,
        region: &str,
        arn: &str,
        change: &TagChange,
    ) -> Result<()> {
        if !change.set.is_empty() {
            send_json!(
                self,
                "CodePipeline:TagResource",
                self.codepipeline(region).tag_resource(),
                json!({"resourceArn": arn, "tags": tag_list(&change.set, "key", "value")})
            )?;
        }
        if !change.remove.is_empty() {
            send_json!(
                self,
                "CodePipeline:UntagResource",
                self.codepipeline(region).untag_resource(),
                json!({"resourceArn": arn, "tagKeys": change.remove})
            )?;
        }
        Ok(())
    }

    pub(super) async fn delete_pipeline(&self, id: &Id) -> Result<()> {
        send_json!(
            self,
            "CodePipeline:DeletePipeline",
            self.codepipeline(&id.region).delete_pipeline(),
            json!({"name": id.name})
        )
        .map(drop)
    }

    pub(super) async fn start_with(&self, pipeline: &str, start: &Start) -> Result<String> {
        let mut body = Map::new();
        put(&mut body, "name", pipeline);
        // Without a token the SDK's second attempt would be a second execution.
        let token = start.token.clone().unwrap_or_else(one_time_token);
        put(&mut body, "clientRequestToken", token);
        if !start.variables.is_empty() {
            put(
                &mut body,
                "variables",
                tag_list(&start.variables, "name", "value"),
            );
        }
        if !start.revisions.is_empty() {
            let revisions = start.revisions.iter().map(|revision| {
                json!({
                    "actionName": revision.action,
                    "revisionType": revision.kind,
                    "revisionValue": revision.value,
                })
            });
            put(
                &mut body,
                "sourceRevisions",
                Value::Array(revisions.collect()),
            );
        }
        let answer = send_json!(
            self,
            "CodePipeline:StartPipelineExecution",
            self.codepipeline(&self.region).start_pipeline_execution(),
            Value::Object(body)
        )?;
        Ok(text(&answer, "pipelineExecutionId").to_owned())
    }

    pub(super) async fn list_executions(
        &self,
        pipeline: &str,
        most: usize,
    ) -> Result<Vec<ExecutionSummary>> {
        let mut executions = Vec::new();
        let mut next = Value::Null;
        while executions.len() < most {
            let mut body = Map::new();
            put(&mut body, "pipelineName", pipeline);
            put(&mut body, "maxResults", (most - executions.len()).min(100));
            put(&mut body, "nextToken", next);
            let mut answer = send_json!(
                self,
                "CodePipeline:ListPipelineExecutions",
                self.codepipeline(&self.region).list_pipeline_executions(),
                Value::Object(body)
            )?;
            for summary in items(&answer, "pipelineExecutionSummaries") {
                executions.push(ExecutionSummary {
                    id: text(summary, "pipelineExecutionId").to_owned(),
                    status: text(summary, "status").to_owned(),
                });
            }
            next = take(&mut answer, "nextToken").unwrap_or_default();
            if next.is_null() {
                break;
            }
        }
        executions.truncate(most);
        Ok(executions)
    }

    pub(super) async fn end_execution(
        &self,
        pipeline: &str,
        execution: &str,
        abandon: bool,
        reason: &str,
    ) -> Result<()> {
        send_json!(
            self,
            "CodePipeline:StopPipelineExecution",
            self.codepipeline(&self.region).stop_pipeline_execution(),
            json!({
                "pipelineName": pipeline,
                "pipelineExecutionId": execution,
                "abandon": abandon,
                "reason": reason,
            })
        )
        .map(drop)
    }
}

fn version_moved(id: &Id, planned: &Value, now: Option<&Value>) -> CloudError {
    let now = match now {
        Some(now) => format!("is now at version {now}"),
        None => "is gone".to_owned(),
    };
    CloudError {
        kind: ErrorKind::Invalid,
        operation: "CodePipeline:UpdatePipeline".to_owned(),
        code: "version-moved".to_owned(),
        message: format!(
            "The pipeline was at version {planned} when the plan was made and {now}: somebody else has changed it. Make a new plan."
        ),
        request_id: None,
        resource: Some(id.to_string()),
    }
}

/// The update was written, and so was another one a moment before.
fn version_jumped(id: &Id, expected: u64, written: u64) -> CloudError {
    CloudError {
        kind: ErrorKind::Other,
        operation: "CodePipeline:UpdatePipeline".to_owned(),
        code: VERSION_JUMPED.to_owned(),
        message: format!(
            "{id} is now at version {written}, not {expected}: somebody else changed it at the same moment, and what they changed is overwritten."
        ),
        request_id: None,
        resource: Some(id.to_string()),
    }
}

/// Whether `live` has everything that was sent, with the same values; AWS adds defaults and hides secrets.
fn contains(live: &Value, sent: &Value) -> bool {
    match (live, sent) {
        (Value::Object(live), Value::Object(sent)) => sent
            .iter()
            .all(|(key, value)| live.get(key).is_some_and(|live| contains(live, value))),
        (Value::Array(live), Value::Array(sent)) => {
            live.len() == sent.len() && live.iter().zip(sent).all(|(l, s)| contains(l, s))
        }
        _ => live == sent,
    }
}

/// A text that no other call has: time, process and a count, digested.
fn one_time_token() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |now| now.as_nanos());
    let digest = Sha256::digest(format!("{now}-{}-{count}", std::process::id()));
    digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_recognised() {
        let live = json!({"name": "p", "version": 1, "stages": [{"name": "S", "x": 1}]});
        assert!(contains(
            &live,
            &json!({"name": "p", "stages": [{"name": "S"}]})
        ));
        assert!(!contains(&live, &json!({"name": "p", "stages": []})));
        assert!(!contains(&live, &json!({"roleArn": "r"})));
    }

    #[test]
    fn tokens_differ() {
        let one = one_time_token();
        assert_eq!(one.len(), 32);
        assert_ne!(one, one_time_token());
    }
}
