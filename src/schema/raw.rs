//! The `definition:` forms: what the API has, open to what it gets tomorrow.

use serde_json::{Map, Value, json};

use super::forms::{described, free_map};

/// Adds the definitions of the API's own forms.
pub(super) fn define(definitions: &mut Map<String, Value>) {
    let open = |about: &str, members: &[&str], required: &[&str]| {
        let properties: Map<String, Value> = members
            .iter()
            .map(|member| ((*member).to_owned(), json!({})))
            .collect();
        let mut value = described(free_map(), about);
        value["properties"] = Value::Object(properties);
        if !required.is_empty() {
            value["required"] = json!(required);
        }
        value
    };
    for (name, about, members, required) in [
        (
            "pipelineDefinition",
            "A pipeline as `aws codepipeline get-pipeline` prints it",
            &[
                "name",
                "roleArn",
                "artifactStore",
                "artifactStores",
                "stages",
                "pipelineType",
                "executionMode",
                "variables",
                "triggers",
            ][..],
            &[][..],
        ),
        (
            "stageDefinition",
            "A StageDeclaration",
            &["name", "actions", "beforeEntry", "onSuccess", "onFailure"],
            &["actions"],
        ),
        (
            "actionDefinition",
            "An ActionDeclaration",
            &[
                "name",
                "actionTypeId",
                "configuration",
                "inputArtifacts",
                "outputArtifacts",
                "environmentVariables",
                "runOrder",
                "namespace",
                "region",
                "roleArn",
                "timeoutInMinutes",
                "commands",
                "outputVariables",
            ],
            &["name", "actionTypeId"],
        ),
        (
            "ruleDefinition",
            "A RuleDeclaration",
            &[
                "name",
                "ruleTypeId",
                "configuration",
                "inputArtifacts",
                "commands",
                "roleArn",
                "region",
                "timeoutInMinutes",
            ],
            &["name", "ruleTypeId"],
        ),
        (
            "projectDefinition",
            "A project as `aws codebuild batch-get-projects` prints it",
            &["name", "source", "artifacts", "environment", "serviceRole"],
            &[],
        ),
    ] {
        definitions.insert(name.to_owned(), open(about, members, required));
    }
}
