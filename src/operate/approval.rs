//! What waits for a person.

use super::snapshot::Snapshot;
use crate::cloud::Result;
use crate::cloud::runs::Runs;
use crate::execution::{ActionStatus, Execution, ExecutionStatus, PipelineState, SourceRevision};

/// How far back is looked for the last execution that went through.
const LOOKED_BACK: usize = 100;

/// An approval that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The pipeline.
    pub pipeline: String,
    /// The stage.
    pub stage: String,
    /// The action.
    pub action: String,
    /// The execution that waits.
    pub execution: String,
    /// With what to answer.
    pub token: String,
}

/// The approvals of a pipeline that wait.
pub fn pending(state: &PipelineState) -> Vec<Pending> {
    let mut all = Vec::new();
    for stage in &state.stage_states {
        let Some(latest) = &stage.latest_execution else {
            continue;
        };
        for action in &stage.action_states {
            let Some(now) = &action.latest_execution else {
                continue;
            };
            if let (Some(ActionStatus::InProgress), Some(token)) = (now.status, &now.token) {
                all.push(Pending {
                    pipeline: state.pipeline_name.clone(),
                    stage: stage.stage_name.clone(),
                    action: action.action_name.clone(),
                    execution: latest.pipeline_execution_id.clone(),
                    token: token.clone(),
                });
            }
        }
    }
    all
}

/// The revisions that an approval lets through: those of the execution that waits and of all before it, newest first,
/// back to the last one that went through.
///
/// # Errors
/// If the account refuses.
pub async fn brings(
    runs: &dyn Runs,
    pipeline: &str,
    execution: &str,
) -> Result<(Vec<SourceRevision>, Option<Execution>)> {
    let all = runs.list(pipeline, LOOKED_BACK).await?;
    let mut revisions: Vec<SourceRevision> = Vec::new();
    let from = all
        .iter()
        .position(|one| one.pipeline_execution_id == execution)
        .unwrap_or(0);
    for one in &all[from.min(all.len())..] {
        if one.status == ExecutionStatus::Succeeded {
            revisions.retain(|new| {
                !one.source_revisions.iter().any(|old| {
                    old.action_name == new.action_name && old.revision_id == new.revision_id
                })
            });
            return Ok((revisions, Some(one.clone())));
        }
        for revision in &one.source_revisions {
            if !revisions.iter().any(|known| {
                known.action_name == revision.action_name
                    && known.revision_id == revision.revision_id
            }) {
                revisions.push(revision.clone());
            }
        }
    }
    Ok((revisions, None))
}

/// The approvals of one execution that wait, as a snapshot of it knows them.
pub fn of(snapshot: &Snapshot) -> Vec<Pending> {
    let execution = snapshot.id().unwrap_or_default();
    snapshot
        .waiting()
        .filter_map(|(stage, action)| {
            Some(Pending {
                pipeline: snapshot.pipeline.clone(),
                stage: stage.name.clone(),
                action: action.name.clone(),
                execution: execution.to_owned(),
                token: action.token.clone()?,
            })
        })
        .collect()
}
