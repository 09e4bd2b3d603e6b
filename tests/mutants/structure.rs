//! Stages, names, types, quotas, tags: the pipeline as a whole.

use serde_json::{Value, json};

use super::originals::{Original, doubtful, pick};
use super::places::{at, items, list, map, take, word};
use super::{Generator, Mutant};

pub(super) fn generators() -> Vec<Generator> {
    let one = |code, make| Generator {
        code,
        also: &[],
        make,
    };
    vec![
        one("action-name-duplicate", action_name_duplicate),
        one("api-word-unknown", api_word_unknown),
        one("blockers", blockers),
        one("name-invalid", name_invalid),
        one("namespace-duplicate", namespace_duplicate),
        one("pipeline-type", pipeline_type),
        one("pipeline-variable", pipeline_variable),
        one("quota-exceeded", quota_exceeded),
        Generator {
            code: "role-arn",
            also: &[(
                "pass-role-account",
                "the account of the wrong role is another one",
            )],
            make: role_arn,
        },
        one("role-misplaced", role_misplaced),
        one("stage-name-duplicate", stage_name_duplicate),
        one("tag-invalid", tag_invalid),
        one("tags-too-many", tags_too_many),
        one("timeout-range", timeout_range),
    ]
}

/// An action that fits into every stage but the first.
pub(super) fn approval(name: &str) -> Value {
    json!({
        "name": name,
        "actionTypeId": {"category": "Approval", "owner": "AWS", "provider": "Manual", "version": "1"},
        "runOrder": 1,
    })
}

/// A stage of approvals.
pub(super) fn stage(name: &str, actions: usize) -> Value {
    let actions: Vec<Value> = (0..actions).map(|n| approval(&format!("Ok{n}"))).collect();
    json!({"name": name, "actions": actions})
}

/// The stages that may have other actions than sources.
pub(super) fn later_stages(original: &Original) -> Vec<String> {
    original.stages().into_iter().skip(1).collect()
}

/// The pipelines of a file: one or none.
pub(super) fn pipelines(original: &Original) -> Vec<String> {
    original.pipeline().map(str::to_owned).into_iter().collect()
}

/// A name that AWS does not take.
pub(super) fn wrong_name(number: usize, name: &str) -> String {
    match number % 4 {
        0 => format!("{name} x"),
        1 => format!("{name}/x"),
        2 => "a".repeat(101),
        _ => format!("{name}é"),
    }
}

fn action_name_duplicate(original: &Original) -> Vec<Mutant> {
    original.inside(&later_stages(original), |stage, _| {
        let name = stage["actions"][0]["name"].clone();
        list(&mut stage["actions"]).push(approval(word(&name)));
        Some(vec!["actions"])
    })
}

fn api_word_unknown(original: &Original) -> Vec<Mutant> {
    let mut mutants = original.inside(&pipelines(original), |pipeline, number| {
        pipeline["pipelineType"] = pick(number, &["V3", "v2", ""]).into();
        Some(vec!["pipelineType"])
    });
    mutants.extend(original.inside(&pipelines(original), |pipeline, number| {
        pipeline["executionMode"] = pick(number, &["SERIAL", "queued", "Parallel"]).into();
        Some(vec!["executionMode"])
    }));
    mutants.extend(original.inside(&pipelines(original), |pipeline, number| {
        let trigger = pipeline.get_mut("triggers")?.get_mut(0)?;
        trigger["providerType"] = pick(number, &["GitHub", "CodeConnections"]).into();
        Some(vec!["triggers"])
    }));
    mutants
}

fn blockers(original: &Original) -> Vec<Mutant> {
    original.inside(&original.stages(), |stage, _| {
        stage["blockers"] = json!([{"name": "Stop", "type": "Schedule"}]);
        Some(vec!["blockers"])
    })
}

/// Whether the pipeline reads a namespace anywhere.
fn is_read(pipeline: &Value, namespace: &str) -> bool {
    pipeline.to_string().contains(&format!("#{{{namespace}."))
}

fn name_invalid(original: &Original) -> Vec<Mutant> {
    let pipeline = |member: &str| pipelines(original).pop().map(|at| format!("{at}{member}"));
    let named: Vec<String> = pipeline("")
        .into_iter()
        .chain(later_stages(original))
        .chain(
            original
                .actions()
                .into_iter()
                .filter(|at| !at.contains("/stages/0/")),
        )
        .collect();
    let mut mutants = original.inside(&named, |named, number| {
        named["name"] = wrong_name(number, word(&named["name"])).into();
        Some(vec!["name"])
    });
    mutants.extend(original.inside(&original.actions(), |action, number| {
        let old = word(&action["namespace"]).to_owned();
        if is_read(original.get(&pipeline("")?), &old) {
            return None;
        }
        action["namespace"] = match number % 2 {
            0 => "My.Space".into(),
            _ => wrong_name(number, "Space").into(),
        };
        Some(vec!["namespace"])
    }));
    mutants
}

fn namespace_duplicate(original: &Original) -> Vec<Mutant> {
    let mut mutants = original.each(&later_stages(original), |file, stage, number| {
        let space = pick(number, &["Space", "A", "build-vars_1"]);
        let source = format!("{}/0/actions/0", stage.rsplit_once('/')?.0);
        let own = at(file, &source).get("namespace").cloned();
        let space = own
            .as_ref()
            .and_then(Value::as_str)
            .unwrap_or(space)
            .to_owned();
        at(file, &source)["namespace"] = space.clone().into();
        let old = word(&at(file, stage)["actions"][0]["namespace"]).to_owned();
        if is_read(original.get(original.pipeline()?), &old) {
            return None;
        }
        at(file, stage)["actions"][0]["namespace"] = space.into();
        Some(vec![
            format!("{stage}/actions/0/namespace"),
            format!("{source}/namespace"),
        ])
    });
    let artifacts = original.inside(&later_stages(original), |stage, _| {
        let input = stage["actions"][0]["inputArtifacts"].get(0)?["name"].clone();
        let fits = word(&input).chars().all(|c| c != '.');
        let free = stage["actions"][0].get("namespace").is_none();
        stage["actions"][0]["namespace"] = input.clone();
        (fits && free).then(|| vec!["actions/0/namespace"])
    });
    mutants.extend(doubtful(artifacts));
    mutants
}

/// A condition that can be checked in any pipeline.
pub(super) fn condition(result: &str, rules: usize) -> Value {
    let rule = |name: String| {
        json!({
            "name": name,
            "ruleTypeId": {"category": "Rule", "owner": "AWS", "provider": "VariableCheck", "version": "1"},
            "configuration": {"Variable": "#{codepipeline.PipelineExecutionId}", "Operator": "NE", "Value": "x"},
        })
    };
    let rules: Vec<Value> = (0..rules).map(|n| rule(format!("Check{n}"))).collect();
    json!({"conditions": [{"result": result, "rules": rules}]})
}

fn pipeline_type(original: &Original) -> Vec<Mutant> {
    let Some(pipeline) = original.pipeline() else {
        return Vec::new();
    };
    if word(&original.get(pipeline)["pipelineType"]) == "V2" {
        return Vec::new();
    }
    let mut mutants = original.inside(&pipelines(original), |pipeline, number| {
        let (member, value) = pick(
            number,
            &[
                ("executionMode", json!("QUEUED")),
                ("executionMode", json!("PARALLEL")),
                ("variables", json!([{"name": "A", "defaultValue": "a"}])),
            ],
        );
        pipeline[member] = value;
        Some(vec![member, "pipelineType"])
    });
    mutants.extend(original.inside(&later_stages(original), |stage, number| {
        let (member, value) = pick(
            number,
            &[
                ("onFailure", json!({"result": "ROLLBACK"})),
                (
                    "onFailure",
                    json!({"result": "RETRY", "retryConfiguration": {"retryMode": "ALL_ACTIONS"}}),
                ),
                ("beforeEntry", condition("SKIP", 1)),
                ("onSuccess", condition("FAIL", 2)),
            ],
        );
        stage[member] = value;
        Some(vec![member])
    }));
    mutants.extend(original.inside(&later_stages(original), |stage, number| {
        let (category, provider, configuration) = pick(
            number,
            &[
                ("Deploy", "Lambda", json!({"FunctionName": "f"})),
                ("Invoke", "CodePipeline", json!({"PipelineName": "other"})),
            ],
        );
        let inputs = stage["actions"][0]["inputArtifacts"].get(0)?.clone();
        let inputs = if provider == "Lambda" { json!([inputs]) } else { json!([]) };
        let order = stage["actions"][0]["runOrder"].as_u64().unwrap_or(1);
        list(&mut stage["actions"]).insert(
            0,
            json!({
                "name": "OnlyV2",
                "actionTypeId": {"category": category, "owner": "AWS", "provider": provider, "version": "1"},
                "configuration": configuration,
                "inputArtifacts": inputs,
                "runOrder": order,
            }),
        );
        Some(vec!["actions/0"])
    }));
    mutants
}

/// Makes the pipeline one of type V2, which can do all that V1 can.
pub(super) fn version_two(pipeline: &mut Value) {
    pipeline["pipelineType"] = "V2".into();
}

fn pipeline_variable(original: &Original) -> Vec<Mutant> {
    let mut mutants = original.inside(&pipelines(original), |pipeline, number| {
        version_two(pipeline);
        if number % 2 == 0 {
            let list = list(&mut pipeline["variables"]);
            list.push(json!({"name": "Twice", "defaultValue": "a"}));
            list.push(json!({"name": "Twice", "defaultValue": "b", "description": "again"}));
        } else {
            let value = json!({"name": "Lines", "defaultValue": "a\nb"});
            list(&mut pipeline["variables"]).push(value);
            return None;
        }
        Some(vec!["variables"])
    });
    mutants.extend(doubtful(original.inside(
        &pipelines(original),
        |pipeline, number| {
            version_two(pipeline);
            let value = match number % 2 {
                0 => json!({"name": "NoDefault", "description": "must be given"}),
                _ => json!({"name": "Lines", "defaultValue": "a\nb"}),
            };
            list(&mut pipeline["variables"]).push(value);
            Some(vec!["variables"])
        },
    )));
    mutants
}

fn quota_exceeded(original: &Original) -> Vec<Mutant> {
    let mut mutants = original.inside(&pipelines(original), |pipeline, number| {
        version_two(pipeline);
        match number % 3 {
            0 => {
                let stages = list(&mut pipeline["stages"]);
                stages.extend((stages.len()..51).map(|n| stage(&format!("More{n}"), 1)));
                Some(vec!["stages", "name"])
            }
            1 => {
                pipeline["variables"] = (0..51)
                    .map(|n| json!({"name": format!("V{n}"), "defaultValue": "1"}))
                    .collect();
                Some(vec!["variables"])
            }
            _ => {
                let wrong = pick(
                    number / 3,
                    &[
                        json!({"name": "Long", "defaultValue": "x".repeat(1001)}),
                        json!({"name": "Long", "defaultValue": ""}),
                        json!({"name": "Long", "defaultValue": "x", "description": "d".repeat(201)}),
                    ],
                );
                list(&mut pipeline["variables"]).push(wrong);
                Some(vec!["variables"])
            }
        }
    });
    mutants.extend(original.inside(&later_stages(original), |one, number| {
        let with = |kind: &str, conditions: Value| (kind.to_owned(), conditions);
        let two = json!({"conditions": [condition("FAIL", 1)["conditions"][0], condition("FAIL", 1)["conditions"][0]]});
        let (member, value) = match number % 4 {
            0 => with("actions", stage("", 101)["actions"].clone()),
            1 => with("beforeEntry", condition("FAIL", 6)),
            2 => with("onSuccess", two),
            _ => with("beforeEntry", condition("SKIP", 0)),
        };
        if member == "actions" {
            let own = items(&one["actions"]).len();
            list(&mut one["actions"]).extend(items(&value)[own..].to_vec());
            Some(vec!["actions", "name"])
        } else {
            one[member.as_str()] = value;
            Some(vec!["beforeEntry", "onSuccess"])
        }
    }));
    for mutant in &mut mutants {
        let pipeline = original.pipeline().unwrap();
        version_two(at(&mut mutant.file, pipeline));
    }
    mutants
}

fn role_arn(original: &Original) -> Vec<Mutant> {
    const WRONG: [&str; 6] = [
        "deployer",
        "arn:aws:iam::12345678901:role/deployer",
        "arn:aws:iam::123456789012:user/deployer",
        "arn:aws:iam:us-east-1:123456789012:role/deployer",
        "arn:aws:s3:::bucket",
        "role/deployer",
    ];
    let mut mutants = original.inside(&pipelines(original), |pipeline, number| {
        if number % 7 == 6 {
            take(pipeline, "roleArn");
        } else {
            pipeline["roleArn"] = pick(number, &WRONG).into();
        }
        Some(vec!["roleArn"])
    });
    mutants.extend(original.inside(&original.actions(), |action, number| {
        if action["actionTypeId"]["owner"] != "AWS" {
            return None;
        }
        action["roleArn"] = pick(number, &WRONG).into();
        Some(vec!["roleArn"])
    }));
    mutants
}

fn role_misplaced(original: &Original) -> Vec<Mutant> {
    original.inside(&original.actions(), |action, _| {
        if action["actionTypeId"]["owner"] == "AWS" {
            return None;
        }
        action["roleArn"] = "arn:aws:iam::123456789012:role/worker".into();
        Some(vec!["roleArn"])
    })
}

fn stage_name_duplicate(original: &Original) -> Vec<Mutant> {
    let renamed = |file: &mut Value, stage: &str, name: &dyn Fn(&str) -> String| {
        let first = stage
            .rsplit_once('/')
            .map(|(stages, _)| format!("{stages}/0"))?;
        let old = word(&at(file, &first)["name"]).to_owned();
        at(file, stage)["name"] = name(&old).into();
        (name(&old) != old || stage != first)
            .then(|| vec![format!("{stage}/name"), format!("{first}/name")])
    };
    let stages = later_stages(original);
    let mut mutants = original.each(&stages, |file, stage, _| {
        renamed(file, stage, &|name| name.to_owned())
    });
    mutants.extend(doubtful(original.each(&stages, |file, stage, _| {
        renamed(file, stage, &|name| match name.to_lowercase() {
            lower if lower == name => name.to_uppercase(),
            lower => lower,
        })
    })));
    mutants
}

fn tag_invalid(original: &Original) -> Vec<Mutant> {
    let root: Vec<String> = original
        .pipeline()
        .map(|_| String::new())
        .into_iter()
        .collect();
    original.inside(&root, |file, number| {
        let (key, value) = pick(
            number,
            &[
                ("aws:owner".to_owned(), "me".to_owned()),
                ("AWS:owner".to_owned(), "me".to_owned()),
                ("k".repeat(129), "v".to_owned()),
                ("key".to_owned(), "v".repeat(257)),
                ("what?".to_owned(), "v".to_owned()),
                ("key".to_owned(), "50% \u{1f600}".to_owned()),
            ],
        );
        file["provider"] = json!({"name": "aws", "tags": {key: value}});
        Some(vec!["provider/tags"])
    })
}

fn tags_too_many(original: &Original) -> Vec<Mutant> {
    let root: Vec<String> = original
        .pipeline()
        .map(|_| String::new())
        .into_iter()
        .collect();
    original.inside(&root, |file, number| {
        let count = pick(number, &[51, 60]);
        file["provider"] = json!({"name": "aws"});
        let tags = map(&mut file["provider"]["tags"]);
        tags.extend((0..count).map(|n| (format!("t{n}"), json!("v"))));
        Some(vec!["provider/tags", "pipelines"])
    })
}

fn timeout_range(original: &Original) -> Vec<Mutant> {
    original.inside(&original.actions(), |action, number| {
        let approval = action["actionTypeId"]["category"] == "Approval";
        if action["actionTypeId"]["owner"] == "Custom" {
            return None;
        }
        action["timeoutInMinutes"] = match approval {
            true => pick(number, &[4, 86_401, 0]).into(),
            false => pick(number, &[60, 5, 4000]).into(),
        };
        Some(vec!["timeoutInMinutes"])
    })
}
