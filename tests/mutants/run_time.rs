//! References to what is known only when the pipeline runs.

use serde_json::{Value, json};

use super::originals::{Original, doubtful, pick};
use super::places::{at, items, list, map, word};
use super::structure::{approval, later_stages, pipelines, version_two};
use super::{Generator, Mutant};

pub(super) fn generators() -> Vec<Generator> {
    let one = |code, make| Generator {
        code,
        also: &[],
        make,
    };
    vec![
        one("command-injection", command_injection),
        one("namespace-unknown", namespace_unknown),
        one("run-time-variable-early", run_time_variable_early),
        Generator {
            code: "run-time-variable-misplaced",
            also: &[
                ("role-arn", "what holds a reference is no ARN"),
                (
                    "pass-role-account",
                    "the account of the wrong role is another one",
                ),
                ("region-unknown", "what holds a reference is no region"),
            ],
            make: run_time_variable_misplaced,
        },
        one("run-time-variable-unknown", run_time_variable_unknown),
    ]
}

/// Puts a text that refers to something into an action, where there is a key for free text.
fn refer(action: &mut Value, reference: &str) -> Option<&'static str> {
    let provider = word(&action["actionTypeId"]["provider"]).to_owned();
    let invoke = action["actionTypeId"]["category"] == "Invoke";
    let configuration = map(&mut action["configuration"]);
    let (key, value) = match provider.as_str() {
        "Manual" => ("CustomData", format!("Ship {reference}?")),
        "CodeBuild" => (
            "EnvironmentVariables",
            json!([{"name": "VALUE", "value": reference}]).to_string(),
        ),
        "Lambda" if invoke => ("UserParameters", reference.to_owned()),
        "CloudFormation" if configuration.contains_key("TemplatePath") => (
            "ParameterOverrides",
            json!({"Value": reference}).to_string(),
        ),
        "ECS" => ("ServiceName", reference.to_owned()),
        "CodeDeploy" => ("DeploymentGroupName", format!("group-{reference}")),
        "S3" if configuration.contains_key("Extract") => ("ObjectKey", format!("{reference}/x")),
        _ => return None,
    };
    configuration.insert(key.to_owned(), value.into());
    Some(match key {
        "CustomData" => "configuration/CustomData",
        "EnvironmentVariables" => "configuration/EnvironmentVariables",
        "UserParameters" => "configuration/UserParameters",
        "ServiceName" => "configuration/ServiceName",
        "DeploymentGroupName" => "configuration/DeploymentGroupName",
        "ObjectKey" => "configuration/ObjectKey",
        _ => "configuration/ParameterOverrides",
    })
}

fn namespace_unknown(original: &Original) -> Vec<Mutant> {
    original.inside(&original.actions(), |action, number| {
        let reference = pick(
            number,
            &[
                "#{Nobody.CommitId}",
                "#{SourceVariablez.BranchName}",
                "#{nobody.X}",
            ],
        );
        Some(vec![refer(action, reference)?])
    })
}

fn run_time_variable_early(original: &Original) -> Vec<Mutant> {
    original.each(&original.actions(), |file, action, _| {
        let (actions, own) = action.rsplit_once('/')?;
        // the action itself has not run yet; nor has one of the same run order, nor one of a later stage
        let own: usize = own.parse().ok()?;
        let (stages, stage) = actions.strip_suffix("/actions")?.rsplit_once('/')?;
        let stage: usize = stage.parse().ok()?;
        let later = format!("{stages}/{}/actions/0", stage + 1);
        let order = |one: &Value| one["runOrder"].as_u64().unwrap_or(1);
        let same = items(original.get(actions))
            .iter()
            .position(|one| order(one) == order(original.get(action)))
            .filter(|other| *other != own);
        let producer = match same {
            Some(other) => format!("{actions}/{other}"),
            None if original.get(&later).is_object() => later,
            None => action.to_owned(),
        };
        let kind = &original.get(&producer)["actionTypeId"];
        if kind["provider"] != "CodeBuild" && kind["provider"] != "CloudFormation" {
            return None;
        }
        let old = original.get(&producer).get("namespace").cloned();
        let space = old
            .as_ref()
            .and_then(Value::as_str)
            .unwrap_or("TooLate")
            .to_owned();
        at(file, &producer)["namespace"] = space.clone().into();
        let member = refer(at(file, action), &format!("#{{{space}.VERSION}}"))?;
        Some(vec![format!("{action}/{member}")])
    })
}

fn run_time_variable_misplaced(original: &Original) -> Vec<Mutant> {
    let mut mutants = original.inside(&original.actions(), |action, number| {
        let kind = &action["actionTypeId"];
        if kind["owner"] != "AWS" || kind["category"] == "Source" {
            return None;
        }
        let (member, value) = pick(
            number,
            &[
                (
                    "roleArn",
                    "arn:aws:iam::123456789012:role/#{codepipeline.PipelineExecutionId}",
                ),
                ("region", "#{codepipeline.PipelineExecutionId}"),
            ],
        );
        action[member] = value.into();
        Some(vec![member])
    });
    mutants.extend(original.inside(&pipelines(original), |pipeline, number| {
        version_two(pipeline);
        list(&mut pipeline["variables"]).push(json!({"name": "What", "defaultValue": "main"}));
        let source = pipeline["stages"][0]["actions"].get_mut(0)?;
        let key = match word(&source["actionTypeId"]["provider"]) {
            "S3" => "S3ObjectKey",
            "CodeCommit" | "CodeStarSourceConnection" => "BranchName",
            "GitHub" => "Branch",
            _ => return None,
        };
        source["configuration"][key] =
            pick(number, &["#{variables.What}", "x/#{variables.What}"]).into();
        Some(vec!["stages/0/actions/0/configuration"])
    }));
    mutants.extend(doubtful(original.inside(
        &original.projects(),
        |project, _| {
            let variables = list(&mut project["environment"]["environmentVariables"]);
            variables.push(json!({"name": "NOT_HERE", "value": "#{SourceVariables.CommitId}"}));
            Some(vec!["environment/environmentVariables"])
        },
    )));
    mutants
}

fn run_time_variable_unknown(original: &Original) -> Vec<Mutant> {
    let mut mutants = original.inside(&original.actions(), |action, number| {
        let reference = pick(
            number,
            &[
                "#{codepipeline.ExecutionId}",
                "#{codepipeline.pipelineExecutionId}",
            ],
        );
        Some(vec![refer(action, reference)?])
    });
    mutants.extend(
        original.each(&later_stages(original), |file, stage, number| {
            let source = format!("{}/stages/0/actions/0", original.pipeline()?);
            if original.get(&format!("{source}/actionTypeId/owner")) == "Custom" {
                return None;
            }
            let own = original
                .get(&source)
                .get("namespace")
                .and_then(Value::as_str);
            let space = own.unwrap_or("Space").to_owned();
            at(file, &source)["namespace"] = space.clone().into();
            let key = match original.provider(&source) {
                "S3" => pick(number, &["VersionID", "Etag", "versionId"]),
                "ECR" => pick(number, &["ImageUri", "imageURI"]),
                _ => pick(number, &["CommitID", "commitId", "CommitIds"]),
            };
            let mut reader = approval("Reader");
            refer(&mut reader, &format!("#{{{space}.{key}}}"));
            let actions = list(&mut at(file, stage)["actions"]);
            actions.push(reader);
            Some(vec![format!(
                "{stage}/actions/{}/configuration",
                actions.len() - 1
            )])
        }),
    );
    mutants.extend(original.each(&later_stages(original), |file, stage, _| {
        let mut reader = approval("Reader");
        refer(&mut reader, "#{variables.Nothing}");
        version_two(at(file, original.pipeline()?));
        let actions = list(&mut at(file, stage)["actions"]);
        actions.push(reader);
        let last = actions.len() - 1;
        Some(vec![format!("{stage}/actions/{last}/configuration")])
    }));
    mutants
}

fn command_injection(original: &Original) -> Vec<Mutant> {
    original.each(&later_stages(original), |file, stage, number| {
        let source = format!("{}/stages/0/actions/0", original.pipeline()?);
        let provider = original.provider(&source);
        if !["CodeCommit", "GitHub", "CodeStarSourceConnection"].contains(&provider)
            || original.get("/pipelines").to_string().contains("CODEBUILD_CLONE_REF")
        {
            return None;
        }
        let own = original.get(&source).get("namespace").and_then(Value::as_str);
        let space = own.unwrap_or("Space").to_owned();
        at(file, &source)["namespace"] = space.clone().into();
        version_two(at(file, original.pipeline()?));
        let order = at(file, stage)["actions"][0]["runOrder"].as_u64().unwrap_or(1);
        let reference = format!("#{{{space}.CommitMessage}}");
        let command = match number % 2 {
            0 => format!("echo {reference}"),
            _ => format!("./release.sh --notes \"{reference}\""),
        };
        let output = original.get(&source)["outputArtifacts"][0].clone();
        list(&mut at(file, stage)["actions"]).insert(0, json!({
            "name": "Shell",
            "actionTypeId": {"category": "Compute", "owner": "AWS", "provider": "Commands", "version": "1"},
            "inputArtifacts": [output],
            "commands": [command],
            "runOrder": order,
        }));
        Some(vec![format!("{stage}/actions/0/commands")])
    })
}
