//! The actions of a pipeline in the order of a run, and what the catalogue asks about one.

use crate::catalog::actions::{self, ActionType};
use crate::catalog::when::Facts;
use crate::model::{Action, Model, Pipeline, Project, Stage, Text, VariableKind};

/// An action and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step<'a> {
    /// Its pipeline.
    pub(super) pipeline: &'a Pipeline,
    /// Its stage.
    pub(super) stage: &'a Stage,
    /// The stage's position, from 0.
    pub(super) at: usize,
    /// The action.
    pub(super) action: &'a Action,
}

impl<'a> Step<'a> {
    /// Whether this action has surely ended when the other begins.
    pub(super) fn before(&self, other: &Step<'_>) -> bool {
        (self.at, run_order(self.action)) < (other.at, run_order(other.action))
    }

    /// The type of the action, if the catalogue has it.
    pub(super) fn kind(&self) -> Option<&'static ActionType> {
        kind(self.action)
    }

    /// The path of a part of the action.
    pub(super) fn path(&self, part: &str) -> String {
        format!("{}.{part}", self.action.path)
    }

    /// A configuration value.
    pub(super) fn configuration(&self, key: &str) -> Option<&'a Text> {
        configuration(self.action, key)
    }
}

/// The actions of a pipeline, stage by stage, in the order of the file.
pub(super) fn steps(pipeline: &Pipeline) -> impl Iterator<Item = Step<'_>> {
    pipeline
        .stages
        .iter()
        .enumerate()
        .flat_map(move |(at, stage)| {
            stage.actions.iter().map(move |action| Step {
                pipeline,
                stage,
                at,
                action,
            })
        })
}

/// The actions of every pipeline of a file.
pub(super) fn all_steps(model: &Model) -> impl Iterator<Item = Step<'_>> {
    model.pipelines.iter().flat_map(steps)
}

/// The run order of an action: 1 unless it says otherwise.
pub(super) fn run_order(action: &Action) -> u32 {
    action.run_order.map_or(1, |(order, _)| order)
}

/// The type of an action, if the catalogue has it.
pub(super) fn kind(action: &Action) -> Option<&'static ActionType> {
    actions::action_type(
        &action.owner.value,
        &action.category.value,
        &action.provider.value,
    )
}

/// A configuration value of an action.
pub(super) fn configuration<'a>(action: &'a Action, key: &str) -> Option<&'a Text> {
    action
        .configuration
        .iter()
        .find(|(name, _)| name.value == key)
        .map(|(_, value)| value)
}

/// The project of the file that an action runs: by its key, or, in a raw definition, by its name.
pub(super) fn project<'a>(model: &'a Model, action: &Action) -> Option<&'a Project> {
    if let Some(key) = &action.project {
        return model.projects.iter().find(|project| project.key == *key);
    }
    if action.provider.value != "CodeBuild" {
        return None;
    }
    let name = configuration(action, "ProjectName").filter(|name| name.known)?;
    model
        .projects
        .iter()
        .find(|project| project.name.value == name.value)
}

/// What the catalogue's conditions ask about an action; what the compiler fills in counts as given.
pub(super) struct ActionFacts<'a>(pub(super) &'a Action);

impl Facts for ActionFacts<'_> {
    fn value(&self, key: &str) -> Option<&str> {
        let action = self.0;
        if let Some(value) = configuration(action, key) {
            // an unknown value decides nothing, as one of run time
            return Some(if value.known { &value.value } else { "#{" });
        }
        match key {
            "ProjectName" if action.project.is_some() => Some("#{"),
            "EnvironmentVariables" if !action.build_environment.is_empty() => Some("#{"),
            "NotificationArn" if !action.notify.is_empty() => Some("#{"),
            _ => None,
        }
    }

    fn inputs(&self) -> usize {
        self.0.inputs.len()
    }

    fn outputs(&self) -> usize {
        self.0.outputs.len()
    }

    fn has_environment_type(&self, kind: &str) -> bool {
        let wanted = match kind {
            "PARAMETER_STORE" => VariableKind::ParameterStore,
            "SECRETS_MANAGER" => VariableKind::SecretsManager,
            _ => VariableKind::Plaintext,
        };
        let action = self.0;
        action
            .environment
            .iter()
            .chain(&action.build_environment)
            .any(|variable| variable.kind == wanted)
    }
}
