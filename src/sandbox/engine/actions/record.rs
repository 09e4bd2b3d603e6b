//! Actions whose service is not here: their inputs are checked as the service would, what they would do is written down,
//! and they give the output variables that AWS documents.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::super::archive::{self, Links};
use super::super::super::{ACCOUNT, PARTITION, Sandbox};
use super::super::drive::Work;
use super::super::end::{End, Ended};
use super::super::structure::Action;
use crate::catalog::structure::quotas;
use crate::cloud::Revision;
use crate::cloud::runs::Start;

/// Keys whose value is a path in the one input artifact.
const PATHS: [&str; 9] = [
    "InputArtifactConfigurationPath",
    "TemplateFilePath",
    "ConfigurationFilePath",
    "PreScript",
    "PostScript",
    "DeploySpec",
    "HelmChartLocation",
    "HelmValuesFiles",
    "ManifestFiles",
];

fn failed(error: impl std::fmt::Display) -> End {
    End::failed("JobFailed", error.to_string())
}

/// The unpacked input artifacts of an action.
pub(super) struct Inputs {
    scratch: TempDir,
    names: Vec<String>,
}

impl Inputs {
    /// The file of a path in an artifact.
    pub(super) fn file(&self, artifact: &str, path: &str) -> Result<PathBuf, End> {
        let plain = Path::new(path)
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        let file = self.scratch.path().join(artifact).join(path);
        if !self.names.iter().any(|name| name == artifact) {
            return Err(End::wrong(format!("{artifact} is no input artifact")));
        }
        if plain && file.exists() {
            return Ok(file);
        }
        Err(failed(format!(
            "File [{path}] does not exist in artifact [{artifact}]"
        )))
    }

    /// The text of `Artifact::path`.
    pub(super) fn text(&self, place: &str) -> Result<String, End> {
        let (artifact, path) = place
            .split_once("::")
            .ok_or_else(|| End::wrong(format!("{place} is not of the form Artifact::path")))?;
        fs::read_to_string(self.file(artifact, path)?)
            .map_err(|error| failed(format!("{path}: {error}")))
    }

    fn json(&self, artifact: &str, path: &str) -> Result<Value, End> {
        let text = self.text(&format!("{artifact}::{path}"))?;
        serde_json::from_str(&text).map_err(|error| failed(format!("{path} is no JSON: {error}")))
    }
}

impl Sandbox {
    /// Unpacks everything that an action is given.
    pub(super) async fn inputs(&self, work: &Work, action: &Action) -> Result<Inputs, End> {
        let scratch = tempfile::tempdir().map_err(failed)?;
        let names: Vec<String> = action
            .input_artifacts
            .iter()
            .map(|input| input.name.clone())
            .collect();
        for name in &names {
            let folder = scratch.path().join(name);
            fs::create_dir_all(&folder).map_err(failed)?;
            self.unpack_input(work, name, folder).await?;
        }
        Ok(Inputs { scratch, names })
    }

    /// Does what can be done of an action here.
    pub(super) async fn record(&self, work: &Work, action: &Action) -> Ended {
        let inputs = self.inputs(work, action).await?;
        let id = &action.action_type_id;
        let first = inputs.names.first().cloned().unwrap_or_default();
        for key in PATHS {
            for path in work.get(key).into_iter().flat_map(|list| list.split(',')) {
                inputs.file(&first, path.trim())?;
            }
        }
        match id.provider.as_str() {
            "CloudFormation" => return self.cloud_formation(work, action, &inputs),
            "CloudFormationStackSet" | "CloudFormationStackInstances" => {
                if let Some(place) = work.get("TemplatePath") {
                    super::cloudformation::template(&inputs.text(place)?)?;
                }
            }
            "ECS" => ecs(work, &inputs, &first)?,
            "CodeDeployToECS" => blue_green(work, &inputs)?,
            "ECRBuildAndPublish" => {
                let folder = work.get("DockerFilePath").unwrap_or(".");
                let file = Path::new(folder).join("Dockerfile");
                inputs.file(&first, &file.to_string_lossy())?;
            }
            "StepFunctions" => state_machine(work, &inputs, &first)?,
            "CodePipeline" => return self.start_other(work),
            _ => {}
        }
        let variables = self.documented(work, action);
        let summary = match work.configuration.iter().next() {
            Some((key, value)) => format!("{} is recorded: {key} {value}", id.provider),
            None => format!("{} is recorded", id.provider),
        };
        let mut end = End::succeeded(summary).with(variables);
        end.result.external_execution_id = Some(work.id.clone());
        self.hand_on_record(work, action, &mut end, "output.json")?;
        Ok(end)
    }

    /// Writes an output artifact with what the action tells.
    pub(super) fn hand_on_record(
        &self,
        work: &Work,
        action: &Action,
        end: &mut End,
        name: &str,
    ) -> Result<(), End> {
        for output in &action.output_artifacts {
            let artifact = self.new_artifact(work, &output.name)?;
            let file = self.file_of(&artifact)?;
            let scratch = tempfile::NamedTempFile::new().map_err(failed)?;
            fs::write(scratch.path(), json!(end.variables).to_string()).map_err(failed)?;
            let files = [(name.to_owned(), scratch.path().to_owned())];
            archive::pack(&file, &files.into(), Links::Follow).map_err(failed)?;
            end.artifacts.push(artifact);
        }
        Ok(())
    }

    /// Writes down what an action did: `deployments/<execution>/<stage>.<action>.json`.
    pub(super) fn write_down(&self, work: &Work, action: &Action, end: &End) {
        let folder = self.folder.join("deployments").join(&work.run.id);
        let record = json!({
            "pipeline": work.pipeline.name,
            "stage": work.stage,
            "action": action.name,
            "actionTypeId": action.type_id(),
            "configuration": work.configuration,
            "inputArtifacts": action.input_artifacts.iter().map(|input| &input.name).collect::<Vec<_>>(),
            "outputVariables": end.variables,
            "summary": end.summary,
            "error": end.error,
        });
        let file = folder.join(format!("{}.{}.json", work.stage, action.name));
        let text = serde_json::to_string_pretty(&record).unwrap_or_default();
        // It is told elsewhere, too: a disk that is full must not make a deployment fail that did not.
        let _ = fs::create_dir_all(&folder).and_then(|()| fs::write(file, text + "\n"));
    }

    /// The variables that an action type gives, made up from what is known.
    fn documented(&self, work: &Work, action: &Action) -> BTreeMap<String, String> {
        let id = &action.action_type_id;
        let kind = crate::catalog::actions::action_type(&id.owner, &id.category, &id.provider);
        let Some(crate::catalog::actions::Variables::Named(names)) =
            kind.map(|kind| &kind.variables)
        else {
            return BTreeMap::new();
        };
        let region = action.region.as_ref().unwrap_or(&work.run.region);
        let uuid = &work.id;
        names
            .iter()
            .filter_map(|name| {
                let value = match name.as_str() {
                    "StackSetId" => format!("{}:{uuid}", work.get("StackSetName")?),
                    "OperationId" => uuid.clone(),
                    "EKSClusterName" => work.get("ClusterName")?.to_owned(),
                    "FunctionVersion" => work.get("PublishedTargetVersion").unwrap_or("1").to_owned(),
                    "StateMachineArn" => work.get("StateMachineArn")?.to_owned(),
                    "ExecutionArn" => {
                        let machine = work.get("StateMachineArn")?.rsplit(':').next()?;
                        let prefix = work.get("ExecutionNamePrefix").unwrap_or_default();
                        format!("arn:{PARTITION}:states:{region}:{ACCOUNT}:execution:{machine}:{prefix}{uuid}")
                    }
                    "HighestScannedSeverity" => "NONE".to_owned(),
                    "ECRRepositoryName" => work.get("ECRRepositoryName")?.to_owned(),
                    "ECRImageDigestId" => format!("sha256:{}", uuid.replace('-', "").repeat(2)),
                    _ => return None,
                };
                Some((name.clone(), value))
            })
            .collect()
    }

    /// docs:action-reference-PipelineInvoke: starts the other pipeline and does not wait for it.
    fn start_other(&self, work: &Work) -> Ended {
        let name = work
            .get("PipelineName")
            .ok_or_else(|| End::wrong("PipelineName is missing"))?;
        let list = |key: &str| -> Result<Vec<Value>, End> {
            let text = work.get(key).unwrap_or("[]");
            serde_json::from_str(text)
                .map_err(|error| End::wrong(format!("{key} is no JSON list: {error}")))
        };
        let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let start = Start {
            variables: list("Variables")?
                .iter()
                .map(|one| (text(one, "name"), text(one, "value")))
                .collect(),
            revisions: list("SourceRevisions")?
                .iter()
                .map(|one| Revision {
                    action: text(one, "actionName"),
                    kind: text(one, "revisionType"),
                    value: text(one, "revisionValue"),
                })
                .collect(),
            token: None,
        };
        let execution = self
            .begin(name, &start)
            .map_err(|error| failed(error.message))?;
        let mut end = End::succeeded(format!("Started {name}: {execution}"));
        end.result.external_execution_id = Some(execution);
        Ok(end)
    }
}

/// docs:file-reference: a list of names and images.
fn ecs(work: &Work, inputs: &Inputs, first: &str) -> Result<(), End> {
    let name = work.get("FileName").unwrap_or("imagedefinitions.json");
    let file = inputs.file(first, name)?;
    let size = fs::metadata(&file).map_err(failed)?.len();
    if size > quotas().image_definitions_file.max {
        return Err(failed(format!(
            "{name} has {size} bytes, which is too much"
        )));
    }
    let value = inputs.json(first, name)?;
    let good = value.as_array().is_some_and(|list| {
        !list.is_empty()
            && list
                .iter()
                .all(|one| one["name"].is_string() && one["imageUri"].is_string())
    });
    if good {
        return Ok(());
    }
    Err(failed(format!(
        "{name} must be a list of {{\"name\": …, \"imageUri\": …}}"
    )))
}

/// docs:action-reference-ECSbluegreen: task definition, appspec, and images for the placeholders.
fn blue_green(work: &Work, inputs: &Inputs) -> Result<(), End> {
    let wanted = |key: &str| {
        work.get(key)
            .ok_or_else(|| End::wrong(format!("{key} is missing")))
    };
    let task = wanted("TaskDefinitionTemplateArtifact")?;
    let path = work
        .get("TaskDefinitionTemplatePath")
        .unwrap_or("taskdef.json");
    let definition = inputs.json(task, path)?;
    if !definition["containerDefinitions"].is_array() {
        return Err(failed(format!("{path} has no containerDefinitions")));
    }
    let spec = wanted("AppSpecTemplateArtifact")?;
    let path = work.get("AppSpecTemplatePath").unwrap_or("appspec.yaml");
    let text = inputs.text(&format!("{spec}::{path}"))?;
    let value: serde_yaml::Value =
        serde_yaml::from_str(&text).map_err(|error| failed(format!("{path}: {error}")))?;
    if value.get("Resources").is_none() && value.get("resources").is_none() {
        return Err(failed(format!("{path} has no Resources")));
    }
    for number in 1..=4 {
        let Some(artifact) = work.get(&format!("Image{number}ArtifactName")) else {
            continue;
        };
        let detail = inputs.json(artifact, "imageDetail.json")?;
        if !detail["ImageURI"].is_string() {
            return Err(failed(format!(
                "imageDetail.json of {artifact} has no ImageURI"
            )));
        }
        let name = wanted(&format!("Image{number}ContainerName"))?;
        if !definition.to_string().contains(&format!("<{name}>")) {
            return Err(failed(format!(
                "The task definition has no placeholder <{name}>"
            )));
        }
    }
    Ok(())
}

/// docs:action-reference-StepFunctions: the input is JSON, given or in a file.
fn state_machine(work: &Work, inputs: &Inputs, first: &str) -> Result<(), End> {
    let Some(input) = work.get("Input") else {
        return Ok(());
    };
    if work.get("InputType") == Some("FilePath") {
        return inputs.json(first, input).map(|_| ());
    }
    serde_json::from_str::<Value>(input)
        .map(|_| ())
        .map_err(|error| failed(format!("Input is no JSON: {error}")))
}
