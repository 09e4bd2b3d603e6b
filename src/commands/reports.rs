//! `reports`: tests and coverage of an execution.

use serde_json::json;

use super::logs::{chosen, nothing};
use super::operating::Desk;
use super::{End, Setting};
use crate::cli::operate::Reports;
use crate::error::Exit;
use crate::execution::report::Report;
use crate::operate::logs;
use crate::report::tests;
use crate::sandbox::engine::Options;

/// Runs the command. A test that failed makes the answer no.
pub(super) async fn run(arguments: &Reports, setting: &Setting) -> Result<Exit, End> {
    let which = &arguments.which;
    let desk = Desk::open(setting, which.pipeline.as_deref(), Options::default()).await?;
    let execution = desk.execution(which.execution.as_deref()).await?;
    let runs = desk.runs.as_ref();
    let refused = |error| desk.failure(&error);
    let actions = runs
        .action_runs(&desk.pipeline, &execution.pipeline_execution_id)
        .await
        .map_err(refused)?;
    let meant = chosen(&actions, arguments.action.as_deref());
    if meant.is_empty() {
        return Err(nothing(&desk, &actions, arguments.action.as_deref()).into());
    }
    let mut all: Vec<(String, Report)> = Vec::new();
    for run in &meant {
        let builds = logs::builds(runs, &desk.region, &[run])
            .await
            .map_err(refused)?;
        let arns: Vec<String> = builds
            .into_iter()
            .flat_map(|build| build.report_arns)
            .collect();
        if arns.is_empty() {
            continue;
        }
        let region = logs::region(run, &desk.region);
        let reports = runs.reports(region, &arns).await.map_err(refused)?;
        let place = if run.stage_name == run.action_name {
            run.action_name.clone()
        } else {
            format!("{}/{}", run.stage_name, run.action_name)
        };
        all.extend(reports.into_iter().map(|report| (place.clone(), report)));
    }
    let bad = all
        .iter()
        .any(|(_, report)| report.test_cases.iter().any(|case| case.status.is_bad()));
    let report = &setting.report;
    if report.is_json() {
        let reports: Vec<_> = all
            .iter()
            .map(|(action, report)| json!({"action": action, "report": report}))
            .collect();
        report.result_json(&json!({
            "version": 1,
            "pipeline": desk.pipeline,
            "execution": execution.pipeline_execution_id,
            "reports": reports,
        }));
    } else if all.is_empty() {
        report.note("the builds of this execution made no reports; `reports:` beside `run` does");
    } else {
        for (action, one) in &all {
            report.result(&tests::text(report.out, action, one));
        }
    }
    Ok(if bad { Exit::No } else { Exit::Ok })
}
