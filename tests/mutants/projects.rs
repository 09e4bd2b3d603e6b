//! CodeBuild projects: members, source, artifacts.

use serde_json::{Value, json};

use super::originals::{Original, doubtful, pick};
use super::places::{at, list, map, take, word};
use super::{Generator, Mutant};

pub(super) fn generators() -> Vec<Generator> {
    let one = |code, make| Generator {
        code,
        also: &[],
        make,
    };
    vec![
        one("project-badge", project_badge),
        one("project-encryption-disabled", project_encryption_disabled),
        one("project-encryption-key", project_encryption_key),
        one("project-identifier", project_identifier),
        one("project-location", project_location),
        one("project-member-idle", project_member_idle),
        one("project-member-kind", project_member_kind),
        one("project-member-missing", project_member_missing),
        one("project-member-unknown", project_member_unknown),
        one("project-name", project_name),
        one("project-no-artifacts", project_no_artifacts),
        one("project-no-source", project_no_source),
        one("project-report-status", project_report_status),
        one("project-secondary-type", project_secondary_type),
        one("project-service-role", project_service_role),
        one("project-source-pair", project_source_pair),
        one("project-word", project_word),
    ]
}

fn project_badge(original: &Original) -> Vec<Mutant> {
    original.inside(&original.projects(), |project, _| {
        let there = project["badgeEnabled"] == true;
        if there || !["S3", "CODEPIPELINE"].contains(&word(&project["source"]["type"])) {
            return None;
        }
        project["badgeEnabled"] = true.into();
        Some(vec!["badgeEnabled"])
    })
}

fn project_encryption_disabled(original: &Original) -> Vec<Mutant> {
    original.inside(&original.projects(), |project, _| {
        if project["artifacts"]["type"] != "CODEPIPELINE" {
            return None;
        }
        project["artifacts"]["encryptionDisabled"] = true.into();
        Some(vec!["artifacts"])
    })
}

fn project_encryption_key(original: &Original) -> Vec<Mutant> {
    original.inside(&original.projects(), |project, number| {
        let wrong = [
            "11111111-2222-3333-4444-555555555555",
            "shop-key",
            "arn:aws:s3:::shop-keys",
            "key/11111111-2222-3333-4444-555555555555",
        ];
        project["encryptionKey"] = pick(number, &wrong).into();
        Some(vec!["encryptionKey"])
    })
}

fn project_member_idle(original: &Original) -> Vec<Mutant> {
    original.inside(&original.projects(), |project, number| {
        let versioned = !project["sourceVersion"].is_null();
        let source = &mut project["source"];
        let git = !["S3", "CODEPIPELINE"].contains(&word(&source["type"]));
        let of_git = ["gitCloneDepth", "insecureSsl", "gitSubmodulesConfig"];
        match number % 5 {
            0 if !git && source["gitCloneDepth"].as_u64().unwrap_or(0) == 0 => {
                source[of_git[0]] = 1.into();
            }
            1 if !git && source["insecureSsl"] != true => source[of_git[1]] = true.into(),
            2 if !git && source["gitSubmodulesConfig"]["fetchSubmodules"] != true => {
                source[of_git[2]] = json!({"fetchSubmodules": true});
            }
            3 if source["type"] == "CODEPIPELINE" && !versioned => {
                project["sourceVersion"] = "main".into();
                return Some(vec!["sourceVersion"]);
            }
            _ if word(&source["sourceIdentifier"]).is_empty() => {
                source["sourceIdentifier"] = "primary".into();
            }
            _ => return None,
        }
        Some(vec!["source"])
    })
}

/// A second source, of a project that may have one.
fn second_source(identifier: Option<&str>) -> Value {
    let mut source = json!({"type": "S3", "location": "bucket/lib.zip"});
    if let Some(identifier) = identifier {
        source["sourceIdentifier"] = identifier.into();
    }
    source
}

fn project_identifier(original: &Original) -> Vec<Mutant> {
    original.inside(&original.projects(), |project, number| {
        let artifact = |identifier: &str| json!({"type": "S3", "location": "bucket", "name": "x", "artifactIdentifier": identifier});
        if number % 7 < 4 {
            let sources = list(&mut project["secondarySources"]);
            match number % 7 {
                0 => sources.push(second_source(Some("my-lib"))),
                1 => sources.push(second_source(None)),
                2 => sources.extend([second_source(Some("lib")), second_source(Some("lib"))]),
                _ => sources.push(second_source(Some(&"a".repeat(128)))),
            }
            return Some(vec!["secondarySources"]);
        }
        if number % 7 == 6 {
            project["secondarySourceVersions"] = json!([{"sourceIdentifier": "nobody", "sourceVersion": "v1"}]);
            return Some(vec!["secondarySourceVersions"]);
        }
        let artifacts = list(&mut project["secondaryArtifacts"]);
        match number % 7 {
            4 => artifacts.push(artifact("my.docs")),
            _ => artifacts.extend([artifact("docs"), artifact("docs")]),
        }
        Some(vec!["secondaryArtifacts"])
    })
}

fn project_location(original: &Original) -> Vec<Mutant> {
    let mut mutants = original.inside(&original.projects(), |project, number| {
        if ["CODEPIPELINE", "NO_SOURCE"].contains(&word(&project["source"]["type"])) {
            return None;
        }
        match number % 2 {
            0 => drop(take(&mut project["source"], "location")),
            _ => project["source"]["location"] = "".into(),
        }
        Some(vec!["source"])
    });
    mutants.extend(original.inside(&original.projects(), |project, number| {
        if project["source"]["type"] == "CODEPIPELINE" {
            return None;
        }
        project["artifacts"] = match number % 3 {
            0 => json!({"type": "S3", "name": "out"}),
            1 => json!({"type": "S3", "name": "out", "location": ""}),
            _ => json!({"type": "S3", "name": "out", "location": "bucket/folder"}),
        };
        Some(vec!["artifacts"])
    }));
    mutants
}

fn project_member_kind(original: &Original) -> Vec<Mutant> {
    original.inside(&original.projects(), |project, number| {
        let environment = &mut project["environment"];
        match number % 9 {
            6 => {
                project["cache"] = Value::Null;
                Some(vec!["cache"])
            }
            7 => {
                project["tags"] = json!([{"key": "team", "value": null}]);
                Some(vec!["tags"])
            }
            0 => {
                project["badgeEnabled"] = json!(0);
                Some(vec!["badgeEnabled"])
            }
            1 => {
                environment["privilegedMode"] = "true".into();
                Some(vec!["environment/privilegedMode"])
            }
            2 => {
                project["timeoutInMinutes"] = "60".into();
                Some(vec!["timeoutInMinutes"])
            }
            3 => {
                project["tags"] = json!({"team": "a"});
                Some(vec!["tags"])
            }
            4 => {
                project["description"] = json!(["a"]);
                Some(vec!["description"])
            }
            5 => {
                project["cache"] = "LOCAL".into();
                Some(vec!["cache"])
            }
            _ => {
                project["queuedTimeoutInMinutes"] = json!(60.5);
                Some(vec!["queuedTimeoutInMinutes"])
            }
        }
    })
}

fn project_member_missing(original: &Original) -> Vec<Mutant> {
    original.each(&original.projects(), |file, place, number| {
        let project = at(file, place);
        match number % 10 {
            8 => map(project).insert("serviceRole".to_owned(), "".into()),
            9 => map(&mut project["environment"]).insert("image".to_owned(), "".into()),
            0 => take(project, "artifacts"),
            1 => take(project, "environment"),
            2 => take(project, "serviceRole"),
            3 => take(&mut project["environment"], "type"),
            4 => take(&mut project["environment"], "image"),
            5 => take(&mut project["environment"], "computeType"),
            6 => take(&mut project["source"], "type"),
            _ => take(&mut project["artifacts"], "type"),
        }?;
        Some(vec![place.trim_end_matches("/definition").to_owned()])
    })
}

fn project_member_unknown(original: &Original) -> Vec<Mutant> {
    let mut mutants = original.inside(&original.projects(), |project, number| {
        let (place, key) = pick(
            number,
            &[
                ("", "timeout"),
                ("environment", "privileged"),
                ("source", "buildSpec"),
                ("", "Description"),
                ("environment", "ComputeType"),
                ("environment", "env"),
                ("source", "cache"),
                ("artifacts", "Location"),
            ],
        );
        let holder = if place.is_empty() {
            &mut *project
        } else {
            &mut project[place]
        };
        map(holder).insert(key.to_owned(), json!("x"));
        Some(vec![match place {
            "" => key,
            "environment" => "environment",
            "source" => "source",
            _ => "artifacts",
        }])
    });
    // what is like nothing may be newer than anybody knows: then it belongs under `api:`
    mutants.extend(original.inside(&original.projects(), |project, number| {
        let place = pick(number, &["source", "artifacts", "environment"]);
        map(&mut project[place]).insert("quantumDepth".to_owned(), json!(3));
        Some(vec![place])
    }));
    mutants
}

fn project_name(original: &Original) -> Vec<Mutant> {
    let mut mutants = original.inside(&original.projects(), |project, number| {
        let wrong = [
            "a".to_owned(),
            "a".repeat(151),
            "-build".to_owned(),
            "my.build".to_owned(),
            "my build".to_owned(),
            "büild".to_owned(),
        ];
        project["name"] = pick(number, &wrong).into();
        Some(vec!["name"])
    });
    mutants.extend(original.inside(&original.projects(), |project, number| {
        match number % 5 {
            0 => project["description"] = "d".repeat(256).into(),
            1 => list(&mut project["tags"]).push(json!({"key": "k".repeat(128), "value": "v"})),
            2 => list(&mut project["tags"]).push(json!({"key": "k", "value": "v".repeat(256)})),
            3 => list(&mut project["tags"])
                .push(json!({"key": "aws:cloudformation:stack", "value": "v"})),
            _ => {
                project["logsConfig"] =
                    json!({"cloudWatchLogs": {"status": "ENABLED", "groupName": "my group"}});
            }
        }
        Some(vec!["description", "tags", "logsConfig"])
    }));
    mutants
}

fn project_no_artifacts(original: &Original) -> Vec<Mutant> {
    original.inside(&original.projects(), |project, number| {
        if project["artifacts"]["type"] != "NO_ARTIFACTS" {
            return None;
        }
        match number % 3 {
            0 => project["artifacts"]["name"] = "out".into(),
            1 => project["artifacts"]["encryptionDisabled"] = false.into(),
            _ => project["artifacts"]["encryptionDisabled"] = true.into(),
        }
        Some(vec!["artifacts"])
    })
}

fn project_no_source(original: &Original) -> Vec<Mutant> {
    let mut mutants = original.inside(&original.projects(), |project, number| {
        if project["source"]["type"] == "CODEPIPELINE" {
            return None;
        }
        let spec = "version: 0.2\nphases:\n  build:\n    commands:\n      - make\n";
        project["source"] = match number % 3 {
            0 => json!({"type": "NO_SOURCE"}),
            1 => json!({"type": "NO_SOURCE", "buildspec": spec, "location": "https://github.com/o/r"}),
            _ => json!({"type": "NO_SOURCE", "buildspec": ""}),
        };
        take(project, "badgeEnabled");
        take(project, "sourceVersion");
        Some(vec!["source"])
    });
    mutants.extend(doubtful(original.inside(
        &original.projects(),
        |project, _| {
            if project["source"]["type"] == "CODEPIPELINE" {
                return None;
            }
            project["source"] = json!({"type": "NO_SOURCE", "buildspec": "buildspec.yml"});
            take(project, "badgeEnabled");
            take(project, "sourceVersion");
            Some(vec!["source"])
        },
    )));
    mutants
}

fn project_report_status(original: &Original) -> Vec<Mutant> {
    original.inside(&original.projects(), |project, number| {
        if !["CODEPIPELINE", "S3", "NO_SOURCE", "CODECOMMIT"]
            .contains(&word(&project["source"]["type"]))
        {
            return None;
        }
        match number % 2 {
            0 => project["source"]["reportBuildStatus"] = true.into(),
            _ => project["source"]["buildStatusConfig"] = json!({"context": "ci"}),
        }
        Some(vec!["source"])
    })
}

fn project_secondary_type(original: &Original) -> Vec<Mutant> {
    original.inside(&original.projects(), |project, number| {
        match number % 3 {
            0 => list(&mut project["secondarySources"])
                .push(json!({"type": "CODEPIPELINE", "sourceIdentifier": "other"})),
            1 => list(&mut project["secondaryArtifacts"])
                .push(json!({"type": "CODEPIPELINE", "artifactIdentifier": "other"})),
            _ => list(&mut project["secondaryArtifacts"])
                .push(json!({"type": "NO_ARTIFACTS", "artifactIdentifier": "other"})),
        }
        Some(vec!["secondarySources", "secondaryArtifacts"])
    })
}

fn project_service_role(original: &Original) -> Vec<Mutant> {
    let mut mutants = original.inside(&original.projects(), |project, number| {
        let wrong = [
            "arn:aws:iam::123456789012:user/build",
            "arn:aws:iam::12345:role/build",
            "arn:aws:s3:::bucket",
        ];
        project["serviceRole"] = pick(number, &wrong).into();
        Some(vec!["serviceRole"])
    });
    mutants.extend(doubtful(original.inside(
        &original.projects(),
        |project, _| {
            project["serviceRole"] = "build-role".into();
            Some(vec!["serviceRole"])
        },
    )));
    mutants
}

fn project_source_pair(original: &Original) -> Vec<Mutant> {
    original.inside(&original.projects(), |project, number| {
        let pipeline = project["source"]["type"] == "CODEPIPELINE";
        match (pipeline, number % 2) {
            (true, 0) => project["artifacts"] = json!({"type": "NO_ARTIFACTS"}),
            (true, _) => {
                project["artifacts"] = json!({"type": "S3", "location": "bucket", "name": "out"});
            }
            (false, _) => project["artifacts"] = json!({"type": "CODEPIPELINE"}),
        }
        Some(vec!["source", "artifacts"])
    })
}

fn project_word(original: &Original) -> Vec<Mutant> {
    original.inside(&original.projects(), |project, number| {
        let (place, member, wrong) = pick(
            number,
            &[
                ("environment", "type", "LINUX"),
                ("environment", "computeType", "BUILD_GENERAL1_TINY"),
                ("environment", "type", "linux_container"),
                ("environment", "imagePullCredentialsType", "ECR"),
                ("artifacts", "packaging", "TAR"),
                ("artifacts", "namespaceType", "BUILD"),
                ("cache", "type", "LOCAL_CACHE"),
                ("source", "type", "GIT"),
                ("artifacts", "type", "NONE"),
                ("environment", "environmentVariables", ""),
            ],
        );
        if member == "environmentVariables" {
            project[place][member] = json!([{"name": "A", "value": "b", "type": "SSM"}]);
        } else {
            map(&mut project[place]).insert(member.to_owned(), wrong.into());
        }
        Some(vec![place])
    })
}
