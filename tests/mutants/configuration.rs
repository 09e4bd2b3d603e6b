//! The configuration of actions: keys, values, and texts that hold JSON.

use serde_json::{Value, json};

use super::originals::{Original, doubtful, pick};
use super::places::{at, map, take, word};
use super::{Generator, Mutant};

pub(super) fn generators() -> Vec<Generator> {
    let one = |code, make| Generator {
        code,
        also: &[],
        make,
    };
    vec![
        one("batch-config-missing", batch_config_missing),
        one("configuration-conflict", configuration_conflict),
        one("configuration-key-unknown", configuration_key_unknown),
        Generator {
            code: "configuration-length",
            also: &[
                (
                    "configuration-value",
                    "what is empty is none of the values either",
                ),
                ("environment-json", "the text that is too long is no JSON"),
                (
                    "parameter-overrides",
                    "the text that is too long is no JSON",
                ),
            ],
            make: configuration_length,
        },
        Generator {
            code: "configuration-missing",
            also: &[("trigger-source", "without it the source has no repository")],
            make: configuration_missing,
        },
        Generator {
            code: "configuration-value",
            also: &[(
                "configuration-conflict",
                "other keys are for the right value only",
            )],
            make: configuration_value,
        },
        one("environment-json", environment_json),
        Generator {
            code: "parameter-overrides",
            also: &[(
                "artifact-not-input",
                "the artifact of the example is no input",
            )],
            make: parameter_overrides,
        },
    ]
}

fn configuration_conflict(original: &Original) -> Vec<Mutant> {
    original
        .inside(&original.actions(), |action, number| {
            let provider = word(&action["actionTypeId"]["provider"]).to_owned();
            let deploys = action["actionTypeId"]["category"] == "Deploy";
            let configuration = map(&mut action["configuration"]);
            let mut set =
                |key: &str, value: &str| drop(configuration.insert(key.to_owned(), value.into()));
            match provider.as_str() {
                "CodeBuild" => {
                    set("CombineArtifacts", "true");
                    set("BatchEnabled", "false");
                    if number % 2 == 0 {
                        configuration.remove("BatchEnabled");
                    }
                }
                "EC2" => {
                    set("DeploySpec", "deploy.yml");
                    set("TargetDirectory", "/srv");
                    set("PostScript", "after.sh");
                }
                "CodeDeployToECS" => set("Image4ContainerName", "IMAGE4"),
                "CloudFormationStackSet" => {
                    set("PermissionModel", "SELF_MANAGED");
                    set("OrganizationsAutoDeployment", "Enabled");
                }
                "Lambda" if deploys => {
                    configuration.remove("FunctionAlias");
                    configuration.insert("DeployStrategy".to_owned(), "AllAtOnce".into());
                }
                _ => return None,
            }
            Some(vec!["configuration"])
        })
        .into_iter()
        .filter(|mutant| {
            // these two are keys that are missing, not keys too many
            let kind = mutant.at[0].replace("/configuration", "");
            !["Lambda", "CodeDeployToECS"].contains(&original.provider(&kind))
        })
        .collect()
}

fn configuration_key_unknown(original: &Original) -> Vec<Mutant> {
    original.each(&original.actions(), |file, action, number| {
        let owner = at(file, action)["actionTypeId"]["owner"].clone();
        let category = word(&at(file, action)["actionTypeId"]["category"]).to_owned();
        let provider = original.provider(action).to_owned();
        let configuration = map(&mut at(file, action)["configuration"]);
        if owner == "Custom" {
            return None;
        }
        let (key, value) = match (category.as_str(), provider.as_str(), number % 3) {
            ("Source", "CodeStarSourceConnection", 0) => ("PollForSourceChanges", "false"),
            ("Source", "CodeStarSourceConnection", 1) => ("Branch", "main"),
            ("Source", "GitHub", 0) => ("BranchName", "main"),
            ("Source", "S3", 0) => ("BucketName", "b"),
            ("Source", "ECR", 0) => ("PollForSourceChanges", "false"),
            (_, "CodeBuild", 0) => ("Project", "p"),
            (_, "CodeBuild", 1) => ("projectName", "p"),
            ("Deploy", "CloudFormation", 0) => ("stack_name", "s"),
            ("Deploy", "S3", 0) => ("S3Bucket", "b"),
            (_, _, 1) => ("RunOrder", "1"),
            _ => ("Colour", "red"),
        };
        configuration.insert(key.to_owned(), value.into());
        Some(vec![format!("{action}/configuration/{key}")])
    })
}

/// Keys of every provider that take any text of 1 to 1,000 characters.
const FREE: [&str; 22] = [
    "CustomData",
    "UserParameters",
    "ApplicationName",
    "DeploymentGroupName",
    "ClusterName",
    "ServiceName",
    "FileName",
    "FunctionName",
    "ProjectName",
    "Owner",
    "Repo",
    "S3ObjectKey",
    "RepositoryName",
    "OutputFileName",
    "Input",
    "ChangeSetName",
    "Application",
    "EnvironmentName",
    "ExternalEntityLink",
    "ParameterOverrides",
    "EnvironmentVariables",
    "ObjectKey",
];

fn configuration_length(original: &Original) -> Vec<Mutant> {
    original.each(&original.actions(), |file, action, number| {
        let configuration = map(&mut at(file, action)["configuration"]);
        let keys: Vec<String> = configuration
            .keys()
            .filter(|key| FREE.contains(&key.as_str()))
            .cloned()
            .collect();
        if keys.is_empty() {
            return None;
        }
        let key = &keys[number % keys.len()];
        // the text that is longest in characters, not in bytes
        let wrong = pick(number, &[String::new(), "é".repeat(1001), "a".repeat(1001)]);
        configuration.insert(key.clone(), wrong.into());
        Some(vec![format!("{action}/configuration/{key}")])
    })
}

/// What AWS documents as required.
fn required(kind: &Value) -> &'static [&'static str] {
    match (word(&kind["category"]), word(&kind["provider"])) {
        ("Source", "S3") => &["S3Bucket", "S3ObjectKey"],
        ("Source", "CodeCommit") => &["RepositoryName", "BranchName"],
        ("Source", "ECR") => &["RepositoryName"],
        ("Source", "CodeStarSourceConnection") => {
            &["ConnectionArn", "FullRepositoryId", "BranchName"]
        }
        ("Source", "GitHub") => &["Owner", "Repo", "Branch", "OAuthToken"],
        (_, "CodeBuild") => &["ProjectName", "PrimarySource"],
        (_, "ECRBuildAndPublish") => &["ECRRepositoryName"],
        (_, "DeviceFarm") => &["AppType", "ProjectId", "App", "DevicePoolArn", "TestType"],
        (_, "CloudFormation") => &[
            "ActionMode",
            "StackName",
            "TemplatePath",
            "ChangeSetName",
            "RoleArn",
        ],
        (_, "CloudFormationStackSet") => &[
            "StackSetName",
            "TemplatePath",
            "Regions",
            "DeploymentTargets",
        ],
        (_, "CloudFormationStackInstances") => &["StackSetName", "Regions"],
        (_, "CodeDeploy") => &["ApplicationName", "DeploymentGroupName"],
        (_, "ECS") => &["ClusterName", "ServiceName"],
        (_, "CodeDeployToECS") => &[
            "ApplicationName",
            "DeploymentGroupName",
            "TaskDefinitionTemplateArtifact",
            "AppSpecTemplateArtifact",
            "Image1ContainerName",
            "Image1ArtifactName",
        ],
        (_, "ElasticBeanstalk") => &["ApplicationName", "EnvironmentName"],
        ("Deploy", "S3") => &["BucketName", "Extract"],
        (_, "AppConfig") => &[
            "Application",
            "Environment",
            "ConfigurationProfile",
            "InputArtifactConfigurationPath",
        ],
        (_, "AlexaSkillsKit") => &["ClientId", "ClientSecret", "RefreshToken", "SkillId"],
        (_, "EC2") => &["InstanceTagKey", "InstanceType"],
        ("Invoke" | "Deploy", "Lambda") => &["FunctionName", "FunctionAlias"],
        (_, "StepFunctions") => &["StateMachineArn"],
        _ => &[],
    }
}

fn batch_config_missing(original: &Original) -> Vec<Mutant> {
    original.each(&original.actions_of(&["CodeBuild"]), |file, action, _| {
        let configuration = &mut at(file, action)["configuration"];
        let name = word(&configuration["ProjectName"]).to_owned();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.len() < 2 || !name.chars().all(plain) || name.starts_with(['-', '_']) {
            return None;
        }
        // a project that stands in the file already has its name
        if file["projects"].to_string().contains(&name) {
            return None;
        }
        let configuration = &mut at(file, action)["configuration"];
        configuration["BatchEnabled"] = "true".into();
        file["projects"]["added"] = json!({"definition": {
            "name": name,
            "serviceRole": "arn:aws:iam::123456789012:role/build",
            "source": {"type": "CODEPIPELINE", "buildspec": "ci/build.yml"},
            "artifacts": {"type": "CODEPIPELINE"},
            "environment": {
                "type": "LINUX_CONTAINER",
                "image": "aws/codebuild/standard:7.0",
                "computeType": "BUILD_GENERAL1_SMALL",
            },
        }});
        Some(vec![format!("{action}/configuration/BatchEnabled")])
    })
}

fn configuration_missing(original: &Original) -> Vec<Mutant> {
    original.each(&original.actions(), |file, action, number| {
        let action_ = at(file, action);
        let there: Vec<&str> = required(&action_["actionTypeId"])
            .iter()
            .copied()
            .filter(|key| action_["configuration"].get(*key).is_some())
            .collect();
        let key = *there.get(number % there.len().max(1))?;
        let mode = word(&action_["configuration"]["ActionMode"]);
        let needless = match key {
            "PrimarySource" => action_["inputArtifacts"].as_array()?.len() < 2,
            "RoleArn" => mode == "CHANGE_SET_EXECUTE",
            "TemplatePath" => ["CHANGE_SET_EXECUTE", "DELETE_ONLY"].contains(&mode),
            "ChangeSetName" => !mode.starts_with("CHANGE_SET"),
            "FunctionAlias" => action_["configuration"].get("DeployStrategy").is_none(),
            _ => false,
        };
        take(&mut action_["configuration"], key);
        (!needless).then(|| vec![action.to_owned()])
    })
}

/// Keys with values that AWS does not take for them.
const VALUES: [(&str, &str, &[&str]); 21] = [
    ("", "PollForSourceChanges", &["yes", "False", "0"]),
    ("", "DetectChanges", &["no", "TRUE"]),
    (
        "",
        "OutputArtifactFormat",
        &["ZIP", "CODE_ZIPPED", "codebuild_clone_ref"],
    ),
    (
        "",
        "ActionMode",
        &["CREATE", "create_update", "CHANGE_SET_CREATE"],
    ),
    ("", "Extract", &["yes", "True"]),
    ("", "CannedACL", &["PublicRead", "public"]),
    ("", "BatchEnabled", &["yes"]),
    ("", "DeploymentTimeout", &["0", "61", "an hour"]),
    ("", "InputType", &["literal", "File"]),
    ("", "InstanceType", &["t3.micro", "ec2"]),
    ("", "RegistryType", &["Private", "ghcr"]),
    ("", "ComputeType", &["BUILD_GENERAL1_XLARGE", "small"]),
    ("", "EnvironmentType", &["LINUX", "ARM_CONTAINER"]),
    ("", "AppType", &["ios", "Windows"]),
    ("", "FuzzEventCount", &["0", "10001"]),
    ("", "FuzzEventThrottle", &["0", "1001"]),
    ("", "PermissionModel", &["SELF", "self_managed"]),
    ("", "FailureTolerancePercentage", &["101", "-1"]),
    ("", "MaxConcurrentPercentage", &["101", "ten"]),
    ("", "OrganizationsAutoDeployment", &["Yes", "ENABLED"]),
    (
        "CloudFormation",
        "Capabilities",
        &["CAPABILITY_ADMIN", "CAPABILITY_IAM;CAPABILITY_NAMED_IAM"],
    ),
];

/// Keys of which the run only finds out.
const DOUBTFUL_VALUES: [(&str, &str, &[&str]); 3] = [
    (
        "CloudFormationStackSet",
        "StackSetName",
        &["1stack", "my_stack"],
    ),
    (
        "CloudFormationStackInstances",
        "StackSetName",
        &["1stack", "my_stack"],
    ),
    (
        "CloudFormationStackSet",
        "Capabilities",
        &["CAPABILITY_ADMIN", "CAPABILITY_IAM;CAPABILITY_NAMED_IAM"],
    ),
];

fn configuration_value(original: &Original) -> Vec<Mutant> {
    let mut mutants = valued(original, &VALUES);
    mutants.extend(doubtful(valued(original, &DOUBTFUL_VALUES)));
    mutants
}

fn valued(original: &Original, values: &[(&str, &str, &[&'static str])]) -> Vec<Mutant> {
    values
        .iter()
        .flat_map(|(provider, key, wrong)| {
            original.inside(&original.actions(), |action, number| {
                action["configuration"].get(*key)?;
                let kind = &action["actionTypeId"];
                if kind["owner"] == "Custom"
                    || !provider.is_empty() && kind["provider"] != *provider
                {
                    return None;
                }
                action["configuration"][*key] = pick(number, wrong).into();
                Some(vec!["configuration"])
            })
        })
        .collect()
}

fn environment_json(original: &Original) -> Vec<Mutant> {
    const WRONG: [&str; 11] = [
        r#"{"name": "A", "value": "b"}"#,
        r#"[{"name": "A", "value": 1}]"#,
        r#"[{"name": "A", "value": true}]"#,
        r#"[{"name": "A", "value": "b", "type": "SSM"}]"#,
        r#"[{"name": "A", "value": "b", "type": "plaintext"}]"#,
        r#"[{"name": "A", "value": "b"},]"#,
        r#"[{"name": "A"}]"#,
        r#"[{"value": "b"}]"#,
        r#"[{"name": "A", "value": "b", "kind": "PLAINTEXT"}]"#,
        "A=b",
        r#"[["A", "b"]]"#,
    ];
    original.inside(&original.actions_of(&["CodeBuild"]), |action, number| {
        action["configuration"]["EnvironmentVariables"] = pick(number, &WRONG).into();
        Some(vec!["configuration/EnvironmentVariables"])
    })
}

fn parameter_overrides(original: &Original) -> Vec<Mutant> {
    const WRONG: [&str; 7] = [
        "Stage=prod",
        r#"["Stage", "prod"]"#,
        r#"{"Stage": "prod",}"#,
        r#"{"Code": {"Fn::GetArtifactAtt": ["Build"]}}"#,
        r#"{"Code": {"Fn::GetParam": ["Build", "file.json"]}}"#,
        r#"{Stage: prod}"#,
        r#""prod""#,
    ];
    original.inside(
        &original.actions_of(&["CloudFormation"]),
        |action, number| {
            let mode = word(&action["configuration"]["ActionMode"]);
            if ["CHANGE_SET_EXECUTE", "DELETE_ONLY"].contains(&mode) {
                return None;
            }
            action["configuration"]["ParameterOverrides"] = pick(number, &WRONG).into();
            Some(vec!["configuration/ParameterOverrides"])
        },
    )
}
