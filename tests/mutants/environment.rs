//! The environment of a CodeBuild project: machine, image, variables.

use serde_json::{Value, json};

use super::originals::{Original, doubtful, pick};
use super::places::{list, map, take, word};
use super::{Generator, Mutant};

pub(super) fn generators() -> Vec<Generator> {
    let one = |code, make| Generator {
        code,
        also: &[],
        make,
    };
    vec![
        one("image-outdated", image_outdated),
        one("image-platform", image_platform),
        one("image-unknown", image_unknown),
        one("project-compute", project_compute),
        one("project-image-pull", project_image_pull),
        one("project-lambda", project_lambda),
        one("project-privileged", project_privileged),
        one("project-variable", project_variable),
        one("secret-plaintext", secret_plaintext),
        one("secret-reference", secret_reference),
    ]
}

/// Whether the project runs on a Linux container of its own machine.
fn linux(project: &Value) -> bool {
    project["environment"]["type"] == "LINUX_CONTAINER"
        && !map(&mut project["environment"].clone()).contains_key("fleet")
}

/// One mutant for each project in a Linux container.
fn of_linux(
    original: &Original,
    change: impl Fn(&mut Value, usize) -> Option<Vec<&'static str>>,
) -> Vec<Mutant> {
    original.inside(&original.projects(), |project, number| {
        linux(project).then(|| change(project, number)).flatten()
    })
}

fn image_outdated(original: &Original) -> Vec<Mutant> {
    let old = [
        "aws/codebuild/standard:4.0",
        "aws/codebuild/standard:1.0",
        "aws/codebuild/amazonlinux2-x86_64-standard:3.0",
    ];
    of_linux(original, |project, number| {
        let image = pick(number, &old);
        if project["environment"]["image"] == image {
            return None;
        }
        project["environment"]["image"] = image.into();
        take(&mut project["environment"], "imagePullCredentialsType");
        Some(vec!["environment/image"])
    })
}

fn image_platform(original: &Original) -> Vec<Mutant> {
    let wrong = [
        "aws/codebuild/amazonlinux-aarch64-standard:3.0",
        "aws/codebuild/windows-base:2022-1.0",
        "aws/codebuild/macos-arm-base:15",
        "aws/codebuild/amazonlinux-x86_64-lambda-standard:python3.13",
    ];
    of_linux(original, |project, number| {
        project["environment"]["image"] = pick(number, &wrong).into();
        take(&mut project["environment"], "imagePullCredentialsType");
        Some(vec!["environment"])
    })
}

fn image_unknown(original: &Original) -> Vec<Mutant> {
    let wrong = [
        "aws/codebuild/standard:99.0",
        "aws/codebuild/ubuntu:22.04",
        "aws/codebuild/standard",
        "aws/codebuild/amazonlinux:5.0",
    ];
    of_linux(original, |project, number| {
        project["environment"]["image"] = pick(number, &wrong).into();
        take(&mut project["environment"], "imagePullCredentialsType");
        Some(vec!["environment/image"])
    })
}

fn project_compute(original: &Original) -> Vec<Mutant> {
    of_linux(original, |project, number| {
        let environment = &mut project["environment"];
        let (kind, compute, image) = pick(
            number,
            &[
                ("LINUX_CONTAINER", "BUILD_LAMBDA_1GB", ""),
                ("LINUX_GPU_CONTAINER", "BUILD_GENERAL1_MEDIUM", ""),
                (
                    "ARM_CONTAINER",
                    "BUILD_LAMBDA_2GB",
                    "aws/codebuild/amazonlinux-aarch64-standard:3.0",
                ),
                ("LINUX_EC2", "BUILD_GENERAL1_2XLARGE", ""),
                ("LINUX_CONTAINER", "ATTRIBUTE_BASED_COMPUTE", ""),
                ("LINUX_CONTAINER", "CUSTOM_INSTANCE_TYPE", ""),
            ],
        );
        environment["type"] = kind.into();
        environment["computeType"] = compute.into();
        if !image.is_empty() {
            environment["image"] = image.into();
            take(environment, "imagePullCredentialsType");
        }
        if kind == "LINUX_EC2" {
            environment["privilegedMode"] = false.into();
        }
        Some(vec!["environment"])
    })
}

fn project_image_pull(original: &Original) -> Vec<Mutant> {
    let mut mutants = of_linux(original, |project, _| {
        let environment = &mut project["environment"];
        if !word(&environment["image"]).starts_with("aws/codebuild/") {
            return None;
        }
        environment["imagePullCredentialsType"] = "SERVICE_ROLE".into();
        Some(vec!["environment"])
    });
    // CodeBuild's own credentials reach the registry of the project's account only
    mutants.extend(of_linux(original, |project, _| {
        if !word(&project["serviceRole"]).starts_with("arn:aws:iam::") {
            return None;
        }
        let environment = &mut project["environment"];
        environment["image"] = "999988887777.dkr.ecr.eu-west-1.amazonaws.com/build:1".into();
        environment["imagePullCredentialsType"] = "CODEBUILD".into();
        take(environment, "registryCredential");
        Some(vec!["environment"])
    }));
    mutants.extend(of_linux(original, |project, number| {
        let environment = &mut project["environment"];
        environment["registryCredential"] = json!({
            "credential": "arn:aws:secretsmanager:us-east-1:123456789012:secret:registry-abcdef",
            "credentialProvider": "SECRETS_MANAGER",
        });
        if number % 2 == 0 {
            environment["image"] = "aws/codebuild/standard:7.0".into();
            take(environment, "imagePullCredentialsType");
        } else {
            environment["image"] = "registry.example.com/build:1".into();
            environment["imagePullCredentialsType"] = "CODEBUILD".into();
        }
        Some(vec!["environment"])
    }));
    mutants
}

fn project_lambda(original: &Original) -> Vec<Mutant> {
    of_linux(original, |project, number| {
        let name = project["name"].clone();
        let role = project["serviceRole"].clone();
        let buildspec = "version: 0.2\nphases:\n  build:\n    commands:\n      - make\n";
        let mut plain = json!({
            "name": name,
            "serviceRole": role,
            "source": {"type": "CODEPIPELINE", "buildspec": buildspec},
            "artifacts": {"type": "CODEPIPELINE"},
            "environment": {
                "type": "LINUX_LAMBDA_CONTAINER",
                "image": "aws/codebuild/amazonlinux-x86_64-lambda-standard:python3.13",
                "computeType": "BUILD_LAMBDA_1GB",
            },
        });
        match number % 6 {
            0 => plain["timeoutInMinutes"] = 30.into(),
            1 => plain["queuedTimeoutInMinutes"] = 60.into(),
            2 => plain["cache"] = json!({"type": "S3", "location": "bucket/cache"}),
            3 => {
                plain["vpcConfig"] = json!({"vpcId": "vpc-1", "subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]});
            }
            4 => plain["environment"]["certificate"] = "arn:aws:s3:::bucket/cert.pem".into(),
            _ => {
                plain["fileSystemLocations"] = json!([{
                    "type": "EFS", "location": "fs-1.efs.us-east-1.amazonaws.com:/", "mountPoint": "/mnt", "identifier": "data",
                }]);
            }
        }
        *project = plain;
        Some(vec![
            "timeoutInMinutes",
            "queuedTimeoutInMinutes",
            "cache",
            "vpcConfig",
            "environment",
            "fileSystemLocations",
        ])
    })
}

fn project_privileged(original: &Original) -> Vec<Mutant> {
    original.inside(&original.projects(), |project, number| {
        if map(&mut project["environment"]).contains_key("fleet") {
            return None;
        }
        project["environment"] = match number % 3 {
            0 => json!({
                "type": "WINDOWS_SERVER_2022_CONTAINER", "image": "aws/codebuild/windows-base:2022-1.0",
                "computeType": "BUILD_GENERAL1_MEDIUM", "privilegedMode": true,
            }),
            1 => json!({
                "type": "LINUX_LAMBDA_CONTAINER", "image": "aws/codebuild/amazonlinux-x86_64-lambda-standard:go1.24",
                "computeType": "BUILD_LAMBDA_2GB", "privilegedMode": true,
            }),
            _ => json!({
                "type": "WINDOWS_SERVER_2019_CONTAINER", "image": "aws/codebuild/windows-base:2019-3.0",
                "computeType": "BUILD_GENERAL1_LARGE", "hostKernel": "LINUX_KERNEL_6",
            }),
        };
        for member in ["timeoutInMinutes", "queuedTimeoutInMinutes", "cache", "badgeEnabled", "vpcConfig", "fileSystemLocations"] {
            take(project, member);
        }
        Some(vec!["environment"])
    })
}

/// Adds a variable.
fn variable(project: &mut Value, variable: Value) -> Option<Vec<&'static str>> {
    list(&mut project["environment"]["environmentVariables"]).push(variable);
    Some(vec!["environment/environmentVariables"])
}

fn project_variable(original: &Original) -> Vec<Mutant> {
    let mut mutants = original.inside(&original.projects(), |project, number| match number % 2 {
        0 => variable(project, json!({"name": "CODEBUILD_MODE", "value": "fast"})),
        _ => variable(project, json!({"name": "", "value": "b"})),
    });
    mutants.extend(doubtful(original.inside(
        &original.projects(),
        |project, number| {
            let name = pick(number, &["MY-VAR", "1ST", "with space", "TWICE"]);
            if name == "TWICE" {
                variable(project, json!({"name": "TWICE", "value": "a"}));
            }
            variable(project, json!({"name": name, "value": "b"}))
        },
    )));
    mutants
}

fn secret_plaintext(original: &Original) -> Vec<Mutant> {
    let mut mutants = original.inside(&original.projects(), |project, number| {
        let (name, value) = pick(
            number,
            &[
                ("DB_PASSWORD", "correct-horse-battery"),
                (
                    "AWS_SECRET_ACCESS_KEY",
                    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                ),
                ("GITHUB_TOKEN", "ghp_0123456789abcdefghijklmnopqrstuvwxyz"),
                (
                    "SLACK",
                    "xoxb-123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx",
                ),
                ("KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
                ("NPM_AUTH_TOKEN", "npm_0123456789abcdefghijklmnopqrstuvwxyz"),
            ],
        );
        variable(project, json!({"name": name, "value": value}))
    });
    mutants.extend(
        original.inside(&original.actions_of(&["GitHub"]), |source, _| {
            if source["configuration"]["OAuthToken"] != "****" {
                return None;
            }
            source["configuration"]["OAuthToken"] =
                "0123456789abcdef0123456789abcdef01234567".into();
            Some(vec!["configuration/OAuthToken"])
        }),
    );
    mutants
}

fn secret_reference(original: &Original) -> Vec<Mutant> {
    original.inside(&original.projects(), |project, number| {
        let wrong = pick(
            number,
            &["api:token:AWSCURRENT:0123", "api:token:a:b:c", "", "arn:aws:secretsmanager:us-east-1:123456789012:secret:api-abcdef:token:AWSCURRENT:0123", ":token"],
        );
        variable(project, json!({"name": "TOKEN", "type": "SECRETS_MANAGER", "value": wrong}))
    })
}
