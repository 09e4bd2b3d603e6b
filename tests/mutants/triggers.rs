//! Triggers and sources.

use serde_json::{Value, json};

use super::originals::{Original, doubtful, pick};
use super::places::{at, list, take, word};
use super::structure::{pipelines, version_two};
use super::{Generator, Mutant};

pub(super) fn generators() -> Vec<Generator> {
    let one = |code, make| Generator {
        code,
        also: &[],
        make,
    };
    vec![
        one("branch-invalid", branch_invalid),
        one("repository-id", repository_id),
        one("source-github-v1", source_github),
        one("source-polling", source_polling),
        one("source-same-repository", source_same_repository),
        one("trigger-filter", trigger_filter),
        one("trigger-pattern", trigger_pattern),
        one("trigger-source", trigger_source),
    ]
}

fn branch_invalid(original: &Original) -> Vec<Mutant> {
    let sources = original.actions_of(&["CodeCommit", "GitHub", "CodeStarSourceConnection"]);
    original.inside(&sources, |source, number| {
        let key = ["BranchName", "Branch"]
            .into_iter()
            .find(|key| source["configuration"].get(*key).is_some())?;
        let wrong = [
            "a..b", "main~1", "main:dev", "feature*", "a?", "x.lock", "/main", "main/", "a//b",
            "@{1}",
        ];
        source["configuration"][key] = pick(number, &wrong).into();
        Some(vec!["configuration"])
    })
}

fn repository_id(original: &Original) -> Vec<Mutant> {
    let mut mutants = doubtful(original.inside(
        &original.actions_of(&["GitHub"]),
        |source, number| {
            let old = word(&source["configuration"]["Repo"]).to_owned();
            source["configuration"]["Repo"] = match number % 2 {
                0 => format!("https://github.com/shop/{old}/"),
                _ => format!("{old}.git"),
            }
            .into();
            Some(vec!["configuration/Repo"])
        },
    ));
    mutants.extend(original.inside(
        &original.actions_of(&["CodeStarSourceConnection"]),
        |source, number| {
            let old = word(&source["configuration"]["FullRepositoryId"]).to_owned();
            source["configuration"]["FullRepositoryId"] = match number % 4 {
                0 => format!("https://github.com/{old}"),
                1 => format!("git@github.com:{old}.git"),
                2 => format!("{old}.git"),
                _ => format!("/{old}"),
            }
            .into();
            Some(vec!["configuration/FullRepositoryId"])
        },
    ));
    mutants
}

fn source_github(original: &Original) -> Vec<Mutant> {
    original.inside(&original.actions_of(&["CodeCommit", "CodeStarSourceConnection"]), |source, _| {
        source["actionTypeId"] = json!({"category": "Source", "owner": "ThirdParty", "provider": "GitHub", "version": "1"});
        source["configuration"] = json!({
            "Owner": "o", "Repo": "r", "Branch": "main", "OAuthToken": "****", "PollForSourceChanges": "false",
        });
        take(source, "roleArn");
        Some(vec![""])
    })
    .into_iter()
    .filter(|mutant| {
        // what a trigger or a reader of its variables needs is a connection
        let text = original.pipeline().map(|at| mutant.file.pointer(at).unwrap().to_string());
        text.is_some_and(|text| !text.contains("\"triggers\"") && !text.contains("#{"))
    })
    .collect()
}

fn source_polling(original: &Original) -> Vec<Mutant> {
    original.inside(
        &original.actions_of(&["CodeCommit", "GitHub", "S3"]),
        |source, number| {
            let old = source["configuration"].get("PollForSourceChanges")?;
            if source["actionTypeId"]["category"] != "Source" || old == "true" {
                return None;
            }
            if number % 2 == 0 {
                source["configuration"]["PollForSourceChanges"] = "true".into();
            } else {
                take(&mut source["configuration"], "PollForSourceChanges");
            }
            Some(vec![""])
        },
    )
}

fn source_same_repository(original: &Original) -> Vec<Mutant> {
    original.each(
        &original.actions_of(&["CodeStarSourceConnection"]),
        |file, source, _| {
            let (actions, _) = source.rsplit_once('/')?;
            // one that is not followed starts nothing
            if original.get(source)["configuration"]["DetectChanges"] == "false" {
                return None;
            }
            let mut second = at(file, source).clone();
            take(&mut second, "namespace");
            second["name"] = "SecondBranch".into();
            second["outputArtifacts"] = json!([{"name": "SecondOutput"}]);
            second["configuration"]["BranchName"] = "another".into();
            list(at(file, actions)).push(second);
            Some(vec![actions.to_owned()])
        },
    )
}

/// A trigger of a source.
fn trigger(source: &str, kind: &str, filters: Value) -> Value {
    let mut trigger = json!({
        "providerType": "CodeStarSourceConnection",
        "gitConfiguration": {"sourceActionName": source},
    });
    trigger["gitConfiguration"][kind] = filters;
    trigger
}

/// One mutant for each connection, with a trigger of its own.
fn triggered(original: &Original, make: impl Fn(usize) -> (&'static str, Value)) -> Vec<Mutant> {
    original.each(
        &original.actions_of(&["CodeStarSourceConnection"]),
        |file, source, number| {
            let name = word(&at(file, source)["name"]).to_owned();
            let pipeline = at(file, original.pipeline()?);
            version_two(pipeline);
            let (kind, filters) = make(number);
            pipeline["triggers"] = json!([trigger(&name, kind, filters)]);
            Some(vec![format!("{}/triggers", original.pipeline()?)])
        },
    )
}

fn trigger_filter(original: &Original) -> Vec<Mutant> {
    let includes = |pattern: &str| json!({"includes": [pattern]});
    let mut mutants = triggered(original, |number| {
        let both = json!([{"tags": includes("v*"), "branches": includes("main")}]);
        match number % 9 {
            0 => ("push", both),
            1 => (
                "push",
                json!([{"tags": includes("v*"), "filePaths": includes("src/**")}]),
            ),
            2 => (
                "pullRequest",
                json!([{"tags": includes("v*"), "branches": includes("main")}]),
            ),
            3 => ("push", json!([{"branches": {}}])),
            4 => ("push", json!([{"branches": {"includes": []}}])),
            5 => ("push", json!([{"branches": {"excludes": []}}])),
            6 => ("push", json!([{}])),
            7 => (
                "push",
                json!([
                    {"branches": includes("main")},
                    {"branches": includes("dev"), "tags": includes("v1"), "filePaths": includes("a")},
                ]),
            ),
            _ => ("push", json!([{"branches": {"includes": null}}])),
        }
    });
    mutants.retain(|mutant| {
        let text = mutant.file.to_string();
        !text.contains("null")
    });
    mutants.extend(doubtful(triggered(original, |_| {
        ("push", json!([{"filePaths": includes("src/**")}]))
    })));
    mutants
}

fn trigger_pattern(original: &Original) -> Vec<Mutant> {
    let wrong = [
        "main|develop",
        "^main$",
        "feature/.*",
        "release-\\d+",
        "(main)",
        "refs/heads/main",
    ];
    triggered(original, |number| {
        (
            "push",
            json!([{"branches": {"includes": [pick(number, &wrong)]}}]),
        )
    })
}

fn trigger_source(original: &Original) -> Vec<Mutant> {
    let good = || json!([{"branches": {"includes": ["main"]}}]);
    let mut mutants = original.inside(&pipelines(original), |pipeline, number| {
        version_two(pipeline);
        let source = pipeline["stages"][0]["actions"][0].clone();
        let connection = source["actionTypeId"]["provider"] == "CodeStarSourceConnection";
        let name = word(&source["name"]);
        let nobody = trigger("Nobody", "push", good());
        pipeline["triggers"] = match (connection, number % 3) {
            (_, 0) => json!([nobody]),
            (false, _) => json!([trigger(name, "push", good())]),
            (true, 1) => json!([trigger(name, "push", good()), trigger(name, "push", good())]),
            (true, _) => json!([trigger(&format!("{name}x"), "push", good())]),
        };
        Some(vec!["triggers"])
    });
    mutants.extend(original.inside(&pipelines(original), |pipeline, _| {
        version_two(pipeline);
        let later = pipeline["stages"][1]["actions"][0]["name"].clone();
        if pipeline["stages"][0]["actions"]
            .as_array()?
            .iter()
            .any(|a| a["name"] == later)
        {
            return None;
        }
        pipeline["triggers"] = json!([trigger(word(&later), "push", good())]);
        Some(vec!["triggers"])
    }));
    mutants
}
