//! CodeBuild projects: cache, network, logs, files, limits.

use serde_json::{Value, json};

use super::originals::{Original, doubtful, pick};
use super::places::{map, take, word};
use super::{Generator, Mutant};

pub(super) fn generators() -> Vec<Generator> {
    let one = |code, make| Generator {
        code,
        also: &[],
        make,
    };
    vec![
        one("cache-idle", cache_idle),
        one("privileged-unused", privileged_unused),
        one("docker-unprivileged", docker_unprivileged),
        one("project-cache", project_cache),
        one("project-file-system", project_file_system),
        one("project-logs", project_logs),
        one("project-range", project_range),
        one("project-vpc", project_vpc),
    ]
}

/// Whether the project runs in a Linux container of its own: neither a fleet nor the builds of a batch say otherwise.
fn lone(project: &Value) -> bool {
    project["environment"]["type"] == "LINUX_CONTAINER"
        && project["environment"].get("fleet").is_none()
        && project.get("buildBatchConfig").is_none()
}

fn network() -> Value {
    json!({"vpcId": "vpc-1", "subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]})
}

fn cache_idle(original: &Original) -> Vec<Mutant> {
    original.inside(&original.projects(), |project, number| {
        let environment = &mut project["environment"];
        if environment["type"] != "LINUX_CONTAINER" || map(environment).contains_key("fleet") {
            return None;
        }
        match number % 4 {
            0 => {
                project["vpcConfig"] = network();
                project["cache"] = json!({"type": "LOCAL", "modes": ["LOCAL_CUSTOM_CACHE"]});
            }
            1 => {
                environment["computeType"] = "BUILD_GENERAL1_2XLARGE".into();
                project["cache"] = json!({"type": "LOCAL", "modes": ["LOCAL_CUSTOM_CACHE"]});
            }
            2 => {
                environment["privilegedMode"] = false.into();
                project["cache"] = json!({"type": "LOCAL", "modes": ["LOCAL_DOCKER_LAYER_CACHE"]});
            }
            _ => {
                if project["source"]["type"] != "CODEPIPELINE" {
                    return None;
                }
                project["cache"] = json!({"type": "LOCAL", "modes": ["LOCAL_SOURCE_CACHE"]});
            }
        }
        Some(vec!["cache"])
    })
}

/// A buildspec with these commands.
fn spec(commands: &[&str]) -> Value {
    let spec = json!({"version": 0.2, "phases": {"build": {"commands": commands}}});
    serde_yaml::to_string(&spec).unwrap().into()
}

fn privileged_unused(original: &Original) -> Vec<Mutant> {
    original.inside(&original.projects(), |project, number| {
        if project["environment"]["type"] != "LINUX_CONTAINER"
            || project.get("fileSystemLocations").is_some()
            || project.get("buildBatchConfig").is_some()
        {
            return None;
        }
        project["environment"]["image"] = "aws/codebuild/standard:7.0".into();
        take(&mut project["environment"], "imagePullCredentialsType");
        project["environment"]["privilegedMode"] = true.into();
        take(project, "cache");
        project["source"]["buildspec"] = pick(
            number,
            &[
                spec(&["npm ci", "pytest"]),
                spec(&["aws s3 sync a s3://b", "echo done"]),
            ],
        );
        Some(vec!["environment"])
    })
}

fn docker_unprivileged(original: &Original) -> Vec<Mutant> {
    original.inside(&original.projects(), |project, number| {
        if !lone(project) {
            return None;
        }
        project["environment"]["privilegedMode"] = false.into();
        take(project, "cache");
        project["source"]["buildspec"] = pick(
            number,
            &[
                spec(&["docker build -t app ."]),
                spec(&["make", "cd app && docker push \"$IMAGE\""]),
                spec(&["docker-compose up -d"]),
                spec(&["docker compose build"]),
                spec(&["nohup dockerd &"]),
                spec(&["if make; then docker run --rm app; fi"]),
                spec(&["sudo docker build ."]),
            ],
        );
        Some(vec!["source/buildspec", "environment"])
    })
}

fn project_cache(original: &Original) -> Vec<Mutant> {
    let mut mutants = original.inside(&original.projects(), |project, number| {
        if word(&project["environment"]["type"]).contains("LAMBDA") {
            return None;
        }
        project["cache"] = pick(
            number,
            &[
                json!({"type": "LOCAL"}),
                json!({"type": "LOCAL", "modes": []}),
                json!({"type": "S3"}),
                json!({"type": "S3", "location": ""}),
            ],
        );
        Some(vec!["cache"])
    });
    mutants.extend(doubtful(original.inside(
        &original.projects(),
        |project, _| {
            if word(&project["environment"]["type"]).contains("LAMBDA") {
                return None;
            }
            project["cache"] = json!({"type": "S3", "location": "bucket/prefix/"});
            Some(vec!["cache"])
        },
    )));
    mutants
}

fn project_file_system(original: &Original) -> Vec<Mutant> {
    original.inside(&original.projects(), |project, number| {
        if !lone(project) || project.get("fileSystemLocations").is_some() {
            return None;
        }
        let mut system = json!({
            "type": "EFS", "location": "fs-1.efs.us-east-1.amazonaws.com:/", "mountPoint": "/mnt", "identifier": "data",
        });
        match number % 3 {
            0 => {
                project["environment"]["privilegedMode"] = true.into();
                take(project, "vpcConfig");
            }
            1 => {
                project["environment"]["privilegedMode"] = false.into();
                project["vpcConfig"] = network();
            }
            _ => {
                project["environment"]["privilegedMode"] = true.into();
                project["vpcConfig"] = network();
                system["mountPoint"] = "mnt".into();
            }
        }
        if project["cache"]["type"] == "LOCAL" {
            take(project, "cache");
        }
        project["fileSystemLocations"] = json!([system]);
        Some(vec!["fileSystemLocations", "environment"])
    })
}

fn project_logs(original: &Original) -> Vec<Mutant> {
    original.inside(&original.projects(), |project, number| {
        project["logsConfig"] = pick(
            number,
            &[
                json!({"s3Logs": {"status": "ENABLED"}}),
                json!({"cloudWatchLogs": {"status": "DISABLED"}, "s3Logs": {"status": "ENABLED", "location": ""}}),
                json!({"s3Logs": {"status": "ENABLED", "encryptionDisabled": true}}),
            ],
        );
        Some(vec!["logsConfig"])
    })
}

fn project_range(original: &Original) -> Vec<Mutant> {
    original.inside(&original.projects(), |project, number| {
        if word(&project["environment"]["type"]).contains("LAMBDA") {
            return None;
        }
        let (member, value) = match number % 10 {
            0 => ("timeoutInMinutes", json!(4)),
            1 => ("timeoutInMinutes", json!(2161)),
            2 => ("queuedTimeoutInMinutes", json!(4)),
            3 => ("queuedTimeoutInMinutes", json!(481)),
            4 => ("concurrentBuildLimit", json!(0)),
            5 => (
                "secondarySources",
                (0..13)
                    .map(|n| json!({"type": "S3", "location": "b/l.zip", "sourceIdentifier": format!("lib{n}")}))
                    .collect(),
            ),
            6 => (
                "secondaryArtifacts",
                (0..13)
                    .map(|n| json!({"type": "S3", "location": "b", "name": "x", "artifactIdentifier": format!("lib{n}")}))
                    .collect(),
            ),
            7 => (
                "tags",
                (0..51).map(|n| json!({"key": format!("t{n}"), "value": "v"})).collect(),
            ),
            8 => ("timeoutInMinutes", json!(-1)),
            _ => ("timeoutInMinutes", json!(0)),
        };
        project[member] = value;
        Some(vec![member])
    })
}

fn project_vpc(original: &Original) -> Vec<Mutant> {
    original.inside(&original.projects(), |project, number| {
        if word(&project["environment"]["type"]).contains("LAMBDA")
            || project["environment"].get("fleet").is_some()
            || project["cache"]["type"] == "LOCAL"
        {
            return None;
        }
        let mut vpc = network();
        match number % 7 {
            6 => {
                let arn = "arn:aws:codebuild:us-east-1:123456789012:fleet/a:1";
                project["environment"]["fleet"] = json!({"fleetArn": arn});
            }
            0 => drop(take(&mut vpc, "vpcId")),
            1 => drop(take(&mut vpc, "subnets")),
            2 => drop(take(&mut vpc, "securityGroupIds")),
            3 => vpc["subnets"] = (0..17).map(|n| json!(format!("subnet-{n}"))).collect(),
            4 => vpc["securityGroupIds"] = (0..6).map(|n| json!(format!("sg-{n}"))).collect(),
            _ => vpc["subnets"] = json!([]),
        }
        project["vpcConfig"] = vpc;
        Some(vec!["vpcConfig"])
    })
}
