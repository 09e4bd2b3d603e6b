//! What the builds of an execution write.

use crate::cloud::Result;
use crate::cloud::runs::{LogLine, Runs};
use crate::execution::ActionRun;
use crate::execution::build::Build;

/// The log of one build, read from its begin.
#[derive(Debug, Clone)]
pub struct BuildLog {
    /// The stage of the action that started it.
    pub stage: String,
    /// The action.
    pub action: String,
    /// What the lines of it are marked with where several are read: the action, or its build where it has several.
    pub name: String,
    region: String,
    group: String,
    stream: String,
    after: Option<String>,
}

/// The builds that actions started, with the region they run in.
///
/// # Errors
/// If the account refuses.
pub async fn builds(runs: &dyn Runs, home: &str, actions: &[&ActionRun]) -> Result<Vec<Build>> {
    let mut found = Vec::new();
    let mut regions: Vec<&str> = actions.iter().map(|run| region(run, home)).collect();
    regions.sort_unstable();
    regions.dedup();
    for region_name in regions {
        let ids: Vec<String> = actions
            .iter()
            .filter(|run| region(run, home) == region_name)
            .filter_map(|run| build_id(run))
            .map(ToOwned::to_owned)
            .collect();
        if !ids.is_empty() {
            found.extend(runs.builds(region_name, &ids).await?);
        }
    }
    Ok(found)
}

/// The region an action runs in.
pub fn region<'r>(run: &'r ActionRun, home: &'r str) -> &'r str {
    run.input
        .region
        .as_deref()
        .filter(|region| !region.is_empty())
        .unwrap_or(home)
}

/// The build that an action started, if it is one that starts builds.
pub fn build_id(run: &ActionRun) -> Option<&str> {
    let provider = run.input.action_type_id["provider"].as_str();
    run.output
        .execution_result
        .external_execution_id
        .as_deref()
        .filter(|id| provider == Some("CodeBuild") && id.contains(':'))
}

impl BuildLog {
    /// The logs that the runs of actions write, as far as they have begun.
    ///
    /// # Errors
    /// If the account refuses.
    pub async fn of(runs: &dyn Runs, home: &str, actions: &[&ActionRun]) -> Result<Vec<Self>> {
        let mut logs = Vec::new();
        for run in actions {
            if let Some(arn) = &run.output.execution_result.log_stream_arn {
                logs.extend(from_arn(run, arn));
                continue;
            }
            let Some(id) = build_id(run) else { continue };
            let region = region(run, home);
            let builds = runs.builds(region, &[id.to_owned()]).await?;
            let several = builds.len() > 1;
            for (index, build) in builds.iter().enumerate() {
                let location = (&build.logs.group_name, &build.logs.stream_name);
                if let (Some(group), Some(stream)) = location {
                    logs.push(Self {
                        stage: run.stage_name.clone(),
                        action: run.action_name.clone(),
                        name: if several {
                            format!("{}#{}", run.action_name, index + 1)
                        } else {
                            run.action_name.clone()
                        },
                        region: region.to_owned(),
                        group: group.clone(),
                        stream: stream.clone(),
                        after: None,
                    });
                }
            }
        }
        Ok(logs)
    }

    /// Whether it is the same log as another one, however far each was read.
    pub fn is(&self, other: &Self) -> bool {
        (&self.region, &self.group, &self.stream) == (&other.region, &other.group, &other.stream)
    }

    /// The lines that came since the last call: one page of them.
    ///
    /// # Errors
    /// If the account refuses.
    pub async fn more(&mut self, runs: &dyn Runs) -> Result<Vec<LogLine>> {
        let page = runs
            .log(
                &self.region,
                &self.group,
                &self.stream,
                self.after.as_deref(),
            )
            .await?;
        if page.next.is_some() {
            self.after = page.next;
        }
        Ok(page.lines)
    }

    /// The last lines.
    ///
    /// # Errors
    /// If the account refuses.
    pub async fn tail(&self, runs: &dyn Runs, most: usize) -> Result<Vec<LogLine>> {
        runs.log_tail(&self.region, &self.group, &self.stream, most)
            .await
    }
}

/// `arn:aws:logs:REGION:ACCOUNT:log-group:GROUP:log-stream:STREAM`
fn from_arn(run: &ActionRun, arn: &str) -> Option<BuildLog> {
    let region = arn.split(':').nth(3)?;
    let (_, rest) = arn.split_once(":log-group:")?;
    let (group, stream) = rest.split_once(":log-stream:")?;
    Some(BuildLog {
        stage: run.stage_name.clone(),
        action: run.action_name.clone(),
        name: run.action_name.clone(),
        region: region.to_owned(),
        group: group.to_owned(),
        stream: stream.to_owned(),
        after: None,
    })
}
