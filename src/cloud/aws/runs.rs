//! Executions of pipelines, builds, logs and reports: AWS's JSON is read into `crate::execution` as it is.

use async_trait::async_trait;
use futures::future::join_all;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::call::send_json;
use super::json::{items, put, take, text};
use super::{Aws, found};
use crate::catalog::structure;
use crate::cloud::runs::{Answer, Engine, LogLine, LogPage, Runs, Start};
use crate::cloud::{CloudError, ErrorKind, Result};
use crate::execution::build::Build;
use crate::execution::report::{Coverage, Report, ReportType, TestCase};
use crate::execution::{ActionRun, Execution, PipelineState, RetryMode, Time};

/// How many ids one call takes.
const BATCH: usize = 100;
/// How many items of a list one call gives.
const PAGE: usize = 100;
/// How many runs of actions one call gives.
const RUNS: usize = 100;
/// How many tests and files of a report are read.
const DETAILS: usize = 500;
/// How many lines of a log one call gives.
const LINES: usize = 10_000;

/// AWS's JSON as data of ours.
fn read<T: DeserializeOwned>(operation: &str, value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|error| CloudError {
        kind: ErrorKind::Other,
        operation: operation.to_owned(),
        code: "unreadable-answer".to_owned(),
        message: format!("The answer is not what AWS documents: {error}."),
        request_id: None,
        resource: None,
    })
}

fn read_all<T: DeserializeOwned>(
    operation: &str,
    answer: &mut Value,
    member: &str,
) -> Result<Vec<T>> {
    match take(answer, member) {
        Some(list) => read(operation, list),
        None => Ok(Vec::new()),
    }
}

/// Follows `nextToken` until `most` items are there: `pages!(aws, name, request, body, member, most)`.
macro_rules! pages {
    ($aws:expr, $name:literal, $request:expr, $body:expr, $member:literal, $most:expr) => {{
        let mut list = Vec::new();
        let mut next = Value::Null;
        loop {
            let mut body: Map<String, Value> = $body;
            put(&mut body, "nextToken", next);
            let mut answer = send_json!($aws, $name, $request, Value::Object(body))?;
            list.extend(read_all($name, &mut answer, $member)?);
            next = take(&mut answer, "nextToken").unwrap_or_default();
            if next.is_null() || list.len() >= $most {
                break;
            }
        }
        list.truncate($most);
        Ok::<_, CloudError>(list)
    }};
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

#[async_trait]
impl Runs for Aws {
    async fn state(&self, pipeline: &str) -> Result<PipelineState> {
        const OPERATION: &str = "CodePipeline:GetPipelineState";
        let answer = send_json!(
            self,
            "CodePipeline:GetPipelineState",
            self.codepipeline(&self.region).get_pipeline_state(),
            json!({"name": pipeline})
        )?;
        read(OPERATION, answer)
    }

    async fn list(&self, pipeline: &str, most: usize) -> Result<Vec<Execution>> {
        pages!(
            self,
            "CodePipeline:ListPipelineExecutions",
            self.codepipeline(&self.region).list_pipeline_executions(),
            object(json!({"pipelineName": pipeline, "maxResults": most.clamp(1, PAGE)})),
            "pipelineExecutionSummaries",
            most
        )
    }

    async fn execution(&self, pipeline: &str, id: &str) -> Result<Option<Execution>> {
        const OPERATION: &str = "CodePipeline:GetPipelineExecution";
        let answer = send_json!(
            self,
            "CodePipeline:GetPipelineExecution",
            self.codepipeline(&self.region).get_pipeline_execution(),
            json!({"pipelineName": pipeline, "pipelineExecutionId": id})
        );
        let answer = match answer {
            // only the execution, not the pipeline
            Err(error) if error.code.contains("PipelineExecutionNotFound") => return Ok(None),
            answer => answer?,
        };
        let mut answer = answer;
        let execution = take(&mut answer, "pipelineExecution").unwrap_or_default();
        read(OPERATION, execution).map(Some)
    }

    async fn action_runs(&self, pipeline: &str, execution: &str) -> Result<Vec<ActionRun>> {
        let mut runs: Vec<ActionRun> = pages!(
            self,
            "CodePipeline:ListActionExecutions",
            self.codepipeline(&self.region).list_action_executions(),
            object(json!({
                "pipelineName": pipeline,
                "filter": {"pipelineExecutionId": execution},
                "maxResults": RUNS,
            })),
            "actionExecutionDetails",
            usize::MAX
        )?;
        // AWS gives the newest first.
        runs.reverse();
        runs.sort_by_key(|run| run.start_time);
        Ok(runs)
    }

    async fn builds(&self, region: &str, ids: &[String]) -> Result<Vec<Build>> {
        let mut builds = self.plain_builds(region, ids).await?;
        let batches: Vec<&String> = ids
            .iter()
            .filter(|id| builds.iter().all(|build| build.id != **id))
            .collect();
        if batches.is_empty() {
            return Ok(builds);
        }
        let mut members = Vec::new();
        for some in batches.chunks(BATCH) {
            let answer = send_json!(
                self,
                "CodeBuild:BatchGetBuildBatches",
                self.codebuild(region).batch_get_build_batches(),
                json!({"ids": some})
            )?;
            for group in items(&answer, "buildBatches").flat_map(|one| items(one, "buildGroups")) {
                let arn = text(&group["currentBuildSummary"], "arn");
                if let Some((_, id)) = arn.split_once(":build/") {
                    members.push(id.to_owned());
                }
            }
        }
        builds.extend(self.plain_builds(region, &members).await?);
        Ok(builds)
    }

    async fn log(
        &self,
        region: &str,
        group: &str,
        stream: &str,
        after: Option<&str>,
    ) -> Result<LogPage> {
        let mut body = object(json!({
            "logGroupName": group,
            "logStreamName": stream,
            "startFromHead": true,
            "limit": LINES,
        }));
        put(&mut body, "nextToken", after);
        let Some(mut answer) = self.log_events(region, body).await? else {
            return Ok(LogPage::default());
        };
        let next = take(&mut answer, "nextForwardToken");
        Ok(LogPage {
            lines: lines(&answer),
            next: next.and_then(|next| next.as_str().map(ToOwned::to_owned)),
        })
    }

    async fn log_tail(
        &self,
        region: &str,
        group: &str,
        stream: &str,
        most: usize,
    ) -> Result<Vec<LogLine>> {
        let body = object(json!({
            "logGroupName": group,
            "logStreamName": stream,
            "startFromHead": false,
            "limit": most.clamp(1, LINES),
        }));
        let answer = self.log_events(region, body).await?;
        Ok(answer.as_ref().map(lines).unwrap_or_default())
    }

    async fn reports(&self, region: &str, arns: &[String]) -> Result<Vec<Report>> {
        let mut reports: Vec<Report> = Vec::new();
        for some in arns.chunks(BATCH) {
            let mut answer = send_json!(
                self,
                "CodeBuild:BatchGetReports",
                self.codebuild(region).batch_get_reports(),
                json!({"reportArns": some})
            )?;
            reports.extend(read_all::<Report>(
                "CodeBuild:BatchGetReports",
                &mut answer,
                "reports",
            )?);
        }
        let details = join_all(reports.iter().map(|report| self.details(region, report))).await;
        for (report, details) in reports.iter_mut().zip(details) {
            (report.test_cases, report.files) = details?;
        }
        Ok(reports)
    }

    async fn start(&self, pipeline: &str, start: &Start) -> Result<String> {
        self.start_with(pipeline, start).await
    }

    async fn stop(
        &self,
        pipeline: &str,
        execution: &str,
        abandon: bool,
        reason: &str,
    ) -> Result<()> {
        self.end_execution(pipeline, execution, abandon, reason)
            .await
    }

    async fn answer(&self, pipeline: &str, answer: &Answer) -> Result<()> {
        send_json!(
            self,
            "CodePipeline:PutApprovalResult",
            self.codepipeline(&self.region).put_approval_result(),
            json!({
                "pipelineName": pipeline,
                "stageName": answer.stage,
                "actionName": answer.action,
                "token": answer.token,
                "result": {
                    "status": if answer.approved { "Approved" } else { "Rejected" },
                    "summary": answer.summary,
                },
            })
        )
        .map(drop)
    }

    async fn retry(
        &self,
        pipeline: &str,
        stage: &str,
        execution: &str,
        mode: RetryMode,
    ) -> Result<String> {
        let answer = send_json!(
            self,
            "CodePipeline:RetryStageExecution",
            self.codepipeline(&self.region).retry_stage_execution(),
            json!({
                "pipelineName": pipeline,
                "stageName": stage,
                "pipelineExecutionId": execution,
                "retryMode": mode,
            })
        )?;
        Ok(text(&answer, "pipelineExecutionId").to_owned())
    }

    async fn roll_back(&self, pipeline: &str, stage: &str, target: &str) -> Result<String> {
        let answer = send_json!(
            self,
            "CodePipeline:RollbackStage",
            self.codepipeline(&self.region).rollback_stage(),
            json!({
                "pipelineName": pipeline,
                "stageName": stage,
                "targetPipelineExecutionId": target,
            })
        )?;
        Ok(text(&answer, "pipelineExecutionId").to_owned())
    }

    async fn set_transition(
        &self,
        pipeline: &str,
        stage: &str,
        enabled: bool,
        reason: &str,
    ) -> Result<()> {
        let mut body = object(json!({
            "pipelineName": pipeline,
            "stageName": stage,
            "transitionType": "Inbound",
        }));
        if enabled {
            return send_json!(
                self,
                "CodePipeline:EnableStageTransition",
                self.codepipeline(&self.region).enable_stage_transition(),
                Value::Object(body)
            )
            .map(drop);
        }
        put(&mut body, "reason", reason);
        send_json!(
            self,
            "CodePipeline:DisableStageTransition",
            self.codepipeline(&self.region).disable_stage_transition(),
            Value::Object(body)
        )
        .map(drop)
    }

    fn console(&self, pipeline: &str, execution: Option<&str>) -> Option<String> {
        structure::console().address(&self.region, pipeline, execution)
    }

    fn engine(&self) -> Option<&dyn Engine> {
        None
    }
}

impl Aws {
    async fn plain_builds(&self, region: &str, ids: &[String]) -> Result<Vec<Build>> {
        let mut builds = Vec::new();
        for some in ids.chunks(BATCH) {
            let mut answer = send_json!(
                self,
                "CodeBuild:BatchGetBuilds",
                self.codebuild(region).batch_get_builds(),
                json!({"ids": some})
            )?;
            builds.extend(read_all::<Build>(
                "CodeBuild:BatchGetBuilds",
                &mut answer,
                "builds",
            )?);
        }
        Ok(builds)
    }

    /// A stream that nobody has written to is not there yet.
    async fn log_events(&self, region: &str, body: Map<String, Value>) -> Result<Option<Value>> {
        found(send_json!(
            self,
            "CloudWatchLogs:GetLogEvents",
            self.logs(region).get_log_events(),
            Value::Object(body)
        ))
    }

    async fn details(
        &self,
        region: &str,
        report: &Report,
    ) -> Result<(Vec<TestCase>, Vec<Coverage>)> {
        if report.kind == ReportType::CodeCoverage {
            let files: Vec<Coverage> = pages!(
                self,
                "CodeBuild:DescribeCodeCoverages",
                self.codebuild(region).describe_code_coverages(),
                object(json!({
                    "reportArn": report.arn,
                    "maxResults": PAGE,
                    "sortBy": "LINE_COVERAGE_PERCENTAGE",
                    "sortOrder": "ASCENDING",
                })),
                "codeCoverages",
                DETAILS
            )?;
            return Ok((Vec::new(), files));
        }
        let mut cases: Vec<TestCase> = Vec::new();
        // Those that failed come whole, whatever else there is.
        for status in ["FAILED", "ERROR"] {
            let of_status: Vec<TestCase> = pages!(
                self,
                "CodeBuild:DescribeTestCases",
                self.codebuild(region).describe_test_cases(),
                object(json!({
                    "reportArn": report.arn,
                    "maxResults": PAGE,
                    "filter": {"status": status},
                })),
                "testCases",
                usize::MAX
            )?;
            cases.extend(of_status);
        }
        let others: Vec<TestCase> = pages!(
            self,
            "CodeBuild:DescribeTestCases",
            self.codebuild(region).describe_test_cases(),
            object(json!({"reportArn": report.arn, "maxResults": PAGE})),
            "testCases",
            DETAILS
        )?;
        cases.extend(others.into_iter().filter(|case| !case.status.is_bad()));
        Ok((cases, Vec::new()))
    }
}

/// CodeBuild writes the line's end into the message.
fn lines(answer: &Value) -> Vec<LogLine> {
    items(answer, "events")
        .map(|event| LogLine {
            at: Time(event["timestamp"].as_i64().unwrap_or_default()),
            text: text(event, "message")
                .trim_end_matches(['\n', '\r'])
                .to_owned(),
        })
        .collect()
}
