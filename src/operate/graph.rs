//! A pipeline as a picture shows it: stages, groups of actions that run side by side, and the artifacts between them.

use serde_json::Value;

use super::snapshot::Snapshot;
use crate::execution::{ActionStatus, StageStatus};

/// A pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    /// Its name.
    pub name: String,
    /// Its stages, in order.
    pub stages: Vec<Stage>,
}

/// How something stands, where the picture shows an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It went through.
    Succeeded,
    /// It failed.
    Failed,
    /// It runs.
    Running,
    /// It waits for a person.
    Waiting,
    /// It was stopped, skipped, abandoned.
    Ended,
}

/// A stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// Groups of actions: one after the other, the actions of one side by side.
    pub groups: Vec<Vec<Action>>,
    /// What is checked around it and what happens then, in words.
    pub notes: Vec<String>,
    /// How it stands.
    pub state: Option<State>,
}

/// An action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Its name.
    pub name: String,
    /// Its category: `Source`, `Build`, …
    pub category: String,
    /// Its provider.
    pub provider: String,
    /// What it works on, in a few words.
    pub detail: String,
    /// Artifacts it takes.
    pub inputs: Vec<String>,
    /// Artifacts it gives.
    pub outputs: Vec<String>,
    /// How it stands.
    pub state: Option<State>,
}

/// An artifact on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// Stage, group and place of the action that gives it.
    pub from: (usize, usize, usize),
    /// Stage, group and place of the action that takes it.
    pub to: (usize, usize, usize),
    /// The artifact.
    pub artifact: String,
}

fn items<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value[key].as_array().into_iter().flatten()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

impl Graph {
    /// From a pipeline as the API takes it.
    pub fn of(pipeline: &Value) -> Self {
        Self {
            name: text(pipeline, "name").to_owned(),
            stages: items(pipeline, "stages").map(stage).collect(),
        }
    }

    /// With the states of an execution.
    #[must_use]
    pub fn with(mut self, snapshot: &Snapshot) -> Self {
        for stage in &mut self.stages {
            let Some(seen) = snapshot.stages.iter().find(|seen| seen.name == stage.name) else {
                continue;
            };
            stage.state = if seen.waiting || seen.actions.iter().any(super::snapshot::Action::waits)
            {
                Some(State::Waiting)
            } else {
                seen.status.map(stage_state)
            };
            if let Some(reason) = &seen.closed {
                stage.notes.push(format!("closed: {reason}"));
            }
            for action in stage.groups.iter_mut().flatten() {
                let seen = seen.actions.iter().find(|seen| seen.name == action.name);
                action.state = seen.and_then(|seen| {
                    if seen.waits() {
                        Some(State::Waiting)
                    } else {
                        seen.status.map(action_state)
                    }
                });
            }
        }
        self
    }

    /// Every artifact from the action that gives it to each that takes it.
    pub fn flows(&self) -> Vec<Flow> {
        let places = || {
            self.stages.iter().enumerate().flat_map(|(s, stage)| {
                stage.groups.iter().enumerate().flat_map(move |(g, group)| {
                    group
                        .iter()
                        .enumerate()
                        .map(move |(a, action)| ((s, g, a), action))
                })
            })
        };
        let mut flows = Vec::new();
        for (to, taker) in places() {
            for artifact in &taker.inputs {
                let giver = places().find(|(_, giver)| giver.outputs.contains(artifact));
                if let Some((from, _)) = giver {
                    flows.push(Flow {
                        from,
                        to,
                        artifact: artifact.clone(),
                    });
                }
            }
        }
        flows
    }
}

fn stage_state(status: StageStatus) -> State {
    match status {
        StageStatus::Succeeded => State::Succeeded,
        StageStatus::Failed => State::Failed,
        StageStatus::InProgress | StageStatus::Stopping => State::Running,
        StageStatus::Stopped | StageStatus::Cancelled | StageStatus::Skipped => State::Ended,
    }
}

fn action_state(status: ActionStatus) -> State {
    match status {
        ActionStatus::Succeeded => State::Succeeded,
        ActionStatus::Failed => State::Failed,
        ActionStatus::InProgress => State::Running,
        ActionStatus::Abandoned => State::Ended,
    }
}

fn stage(stage: &Value) -> Stage {
    let mut groups: Vec<(i64, Vec<Action>)> = Vec::new();
    for one in items(stage, "actions") {
        let order = one["runOrder"].as_i64().unwrap_or(1);
        let action = action(one);
        match groups.iter_mut().find(|(known, _)| *known == order) {
            Some((_, group)) => group.push(action),
            None => groups.push((order, vec![action])),
        }
    }
    groups.sort_by_key(|(order, _)| *order);
    Stage {
        name: text(stage, "name").to_owned(),
        groups: groups.into_iter().map(|(_, group)| group).collect(),
        notes: notes(stage),
        state: None,
    }
}

fn notes(stage: &Value) -> Vec<String> {
    let mut notes = Vec::new();
    for (side, words) in [
        ("beforeEntry", "before"),
        ("onSuccess", "on success"),
        ("onFailure", "on failure"),
    ] {
        let said = &stage[side];
        let mut any = false;
        for condition in items(said, "conditions") {
            any = true;
            let rules: Vec<&str> = items(condition, "rules")
                .map(|rule| text(&rule["ruleTypeId"], "provider"))
                .collect();
            let result = text(condition, "result").to_lowercase();
            notes.push(format!("{words}: {}, else {result}", rules.join(", ")));
        }
        let result = text(said, "result").to_lowercase();
        if !any && !result.is_empty() {
            notes.push(format!("{words}: {result}"));
        }
    }
    for blocker in items(stage, "blockers") {
        notes.push(format!("blocked: {}", text(blocker, "name")));
    }
    notes
}

fn action(action: &Value) -> Action {
    let names = |key: &str| {
        items(action, key)
            .map(|artifact| text(artifact, "name").to_owned())
            .collect()
    };
    let id = &action["actionTypeId"];
    Action {
        name: text(action, "name").to_owned(),
        category: text(id, "category").to_owned(),
        provider: text(id, "provider").to_owned(),
        detail: detail(text(id, "provider"), action),
        inputs: names("inputArtifacts"),
        outputs: names("outputArtifacts"),
        state: None,
    }
}

/// The few words of a configuration that tell one action from another.
fn detail(provider: &str, action: &Value) -> String {
    let configuration = &action["configuration"];
    let get = |key: &str| text(configuration, key);
    let joined = |keys: &[&str], between: &str| {
        let parts: Vec<&str> = keys
            .iter()
            .map(|key| get(key))
            .filter(|part| !part.is_empty())
            .collect();
        parts.join(between)
    };
    let mut words = match provider {
        "GitHub" => format!("{}/{} {}", get("Owner"), get("Repo"), get("Branch")),
        "CodeStarSourceConnection" => joined(&["FullRepositoryId", "BranchName"], " "),
        "CodeCommit" => joined(&["RepositoryName", "BranchName"], " "),
        "S3" => joined(&["S3Bucket", "BucketName", "S3ObjectKey", "ObjectKey"], "/"),
        "ECR" => joined(&["RepositoryName", "ImageTag"], ":"),
        "CodeBuild" => get("ProjectName").to_owned(),
        "Manual" => get("CustomData").to_owned(),
        "CloudFormation" => joined(&["ActionMode", "StackName"], " "),
        "CodeDeploy" | "CodeDeployToECS" => {
            joined(&["ApplicationName", "DeploymentGroupName"], "/")
        }
        "ECS" => joined(&["ClusterName", "ServiceName"], "/"),
        "Lambda" => joined(&["FunctionName", "FunctionAlias", "DeployStrategy"], " "),
        "AppConfig" => joined(&["Application", "Environment"], "/"),
        "StepFunctions" => get("StateMachineArn")
            .rsplit(':')
            .next()
            .unwrap_or_default()
            .to_owned(),
        _ => configuration
            .as_object()
            .and_then(|all| all.values().find_map(Value::as_str))
            .unwrap_or_default()
            .to_owned(),
    };
    if let Some(region) = action["region"].as_str() {
        words.push_str(" in ");
        words.push_str(region);
    }
    words.trim().to_owned()
}
