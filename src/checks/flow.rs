//! The actions of a pipeline in the order of a run, and what the catalogue asks about one.

use crate::catalog::actions::{self, ActionType};
use crate::catalog::keys::ConfigKey;
use crate::catalog::when::Facts;
use crate::model::{Action, Given, Model, Pipeline, Project, Stage, Text, VariableKind};

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

    /// The path of a part of the action, where it stands in the file: `name`, `needs`, `runOrder`, `input`, `output`,
    /// `namespace`, `region`, `role`, `timeout`, `run`, `exports`, `env`, or a configuration key as the API spells it.
    pub(super) fn path(&self, part: &str) -> String {
        if part.starts_with(|c: char| c.is_ascii_uppercase()) {
            return self.key_path(part);
        }
        let action = self.action;
        if action.raw {
            let member = match part {
                "input" => "inputArtifacts",
                "output" => "outputArtifacts",
                "role" => "roleArn",
                "timeout" => "timeoutInMinutes",
                "run" => "commands",
                "exports" => "outputVariables",
                "env" => "environmentVariables",
                "needs" => "runOrder",
                other => other,
            };
            return format!("{}.{member}", action.path);
        }
        let source = action.category.value == "Source";
        let word = if part == "role" && !source {
            "actionRole"
        } else {
            part
        };
        let place = match word {
            "name" | "needs" | "runOrder" => self.item_path(),
            _ if action.outer.contains(&word) => {
                action.path.rsplit_once('.').map_or("", |(place, _)| place)
            }
            _ => &action.path,
        };
        format!("{place}.{word}")
    }

    /// The path of one artifact: `input[1]`, or, in a raw definition, `inputArtifacts[1].name`.
    pub(super) fn artifact_path(&self, part: &str, index: usize) -> String {
        let path = self.path(part);
        let several = match part {
            "input" => self.action.inputs.len() > 1,
            _ => self.action.outputs.len() > 1,
        };
        match (self.action.raw, several) {
            (true, _) => format!("{path}[{index}].name"),
            (false, true) => format!("{path}[{index}]"),
            (false, false) => path,
        }
    }

    /// The path of a configuration key as the API spells it.
    pub(super) fn key_path(&self, key: &str) -> String {
        let action = self.action;
        if action.raw {
            format!("{}.configuration.{key}", action.path)
        } else {
            format!("{}.{}", action.path, self.key_word(key))
        }
    }

    /// What the file calls a configuration key: as the API spells it in a raw definition, else the short word.
    pub(super) fn key_word(&self, key: &str) -> String {
        let action = self.action;
        if action.raw {
            return key.to_owned();
        }
        if action.category.value == "Source" && ADDRESS.contains(&key) {
            // `github: owner/repo`: the kind's own key holds it
            return action.kind.clone();
        }
        self.kind()
            .and_then(|kind| kind.key(key))
            .map_or_else(|| key.to_owned(), ConfigKey::friendly_name)
    }

    /// The item of the list that holds the action: where its `name` and `needs` stand.
    pub(super) fn item_path(&self) -> &'a str {
        let (path, stage) = (self.action.path.as_str(), self.stage.path.as_str());
        if self.action.category.value == "Source" {
            return path;
        }
        let inside = path
            .strip_prefix(stage)
            .and_then(|rest| rest.strip_prefix(".actions["));
        match inside.and_then(|rest| rest.find(']')) {
            Some(end) => &path[..stage.len() + ".actions[".len() + end + 1],
            None => stage,
        }
    }

    /// A configuration value.
    pub(super) fn configuration(&self, key: &str) -> Option<&'a Text> {
        configuration(self.action, key)
    }
}

/// Keys of sources that the word of the kind holds: `codecommit: REPOSITORY`, `s3: BUCKET/KEY`.
const ADDRESS: [&str; 6] = [
    "FullRepositoryId",
    "RepositoryName",
    "S3Bucket",
    "S3ObjectKey",
    "Owner",
    "Repo",
];

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

/// The type of an action, if the catalogue has it. Where only the owner is wrong, which is told, it is that of the
/// provider; the account's own types may be called as one of AWS's.
pub(super) fn kind(action: &Action) -> Option<&'static ActionType> {
    let (owner, category, provider) = (
        action.owner.value.as_str(),
        action.category.value.as_str(),
        action.provider.value.as_str(),
    );
    actions::action_type(owner, category, provider).or_else(|| {
        let meant = |kind: &&ActionType| kind.provider == provider && kind.has_category(category);
        let wrong = action.owner.known && owner != "Custom";
        actions::all().iter().filter(|_| wrong).find(meant)
    })
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
        return model.projects.of_key(key);
    }
    if action.provider.value != "CodeBuild" {
        return None;
    }
    let name = configuration(action, "ProjectName").filter(|name| name.known)?;
    model.projects.of_name(&name.value)
}

/// The role that an action works with, where the file gives one: its own, or that of its pipeline.
pub(super) fn given_role<'a>(model: &'a Model, step: &Step<'a>) -> Option<&'a Text> {
    let own = step.action.role_arn.as_ref();
    own.or(step.pipeline.role_arn.as_ref())
        .or(match &model.provider.pipeline_role {
            Some(Given::Existing(role)) if !step.pipeline.raw => Some(role),
            _ => None,
        })
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
            "PrimarySource" if action.project.is_some() && !action.raw => Some("#{"),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::model::{Context, decode};
    use crate::source::Sources;

    fn model(text: &str) -> Model {
        let mut sources = Sources::new();
        let file = sources.add("pipeline.yml", text);
        let mut out = Diagnostics::new();
        let tree = crate::yaml::parse(&sources, file, &mut out).expect("a tree");
        decode(&tree, &Context::default(), &mut out).expect("a model")
    }

    fn paths(step: &Step<'_>, parts: &[&str]) -> Vec<String> {
        parts.iter().map(|part| step.path(part)).collect()
    }

    #[test]
    fn parts_have_the_path_at_which_the_file_has_them() {
        let model = model(
            "service: s\nsource:\n  github: o/r\n  branch: main\n  connection: c\nstages:\n\
             - deploy:\n    input: Source\n    s3: {bucket: b, region: us-east-2}\n\
             - name: Two\n  actions:\n  - name: A\n    invoke: {lambda: {function: f, input: [Source, Other]}}\n\
             - name: Raw\n  definition:\n    name: Raw\n    actionTypeId: {category: Build, owner: AWS, provider: CodeBuild, version: '1'}\n",
        );
        let steps: Vec<Step<'_>> = all_steps(&model).collect();
        assert_eq!(
            paths(
                &steps[0],
                &["name", "role", "FullRepositoryId", "BranchName"]
            ),
            [
                "source.name",
                "source.role",
                "source.github",
                "source.branch"
            ]
        );
        assert_eq!(
            paths(
                &steps[1],
                &["input", "region", "role", "BucketName", "name"]
            ),
            [
                "stages[0].deploy.input",
                "stages[0].deploy.s3.region",
                "stages[0].deploy.actionRole",
                "stages[0].deploy.s3.bucket",
                "stages[0].name"
            ]
        );
        assert_eq!(
            paths(&steps[2], &["needs", "name", "FunctionName"]),
            [
                "stages[1].actions[0].needs",
                "stages[1].actions[0].name",
                "stages[1].actions[0].invoke.lambda.function"
            ]
        );
        assert_eq!(
            steps[2].artifact_path("input", 1),
            "stages[1].actions[0].invoke.lambda.input[1]"
        );
        assert_eq!(
            paths(&steps[3], &["input", "role", "timeout", "ProjectName"]),
            [
                "stages[2].definition.inputArtifacts",
                "stages[2].definition.roleArn",
                "stages[2].definition.timeoutInMinutes",
                "stages[2].definition.configuration.ProjectName"
            ]
        );
        assert_eq!(
            steps[3].artifact_path("output", 0),
            "stages[2].definition.outputArtifacts[0].name"
        );
    }
}
