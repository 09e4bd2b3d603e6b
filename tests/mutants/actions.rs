//! The type of an action, and the members beside its configuration.

use serde_json::{Value, json};

use super::originals::{Original, doubtful, pick};
use super::places::{at, list, map, take, word};
use super::structure::{approval, later_stages, version_two};
use super::{Generator, Mutant};

pub(super) fn generators() -> Vec<Generator> {
    let one = |code, make| Generator {
        code,
        also: &[],
        make,
    };
    vec![
        Generator {
            code: "action-type-unknown",
            also: &[(
                "trigger-source",
                "the trigger's source is no connection any more",
            )],
            make: action_type_unknown,
        },
        one("commands-missing", commands_missing),
        one("field-limit", field_limit),
        one("field-misplaced", field_misplaced),
        one("output-undeclared", output_undeclared),
        one("pass-role-account", pass_role_account),
    ]
}

fn action_type_unknown(original: &Original) -> Vec<Mutant> {
    let mut mutants = original.inside(&original.actions(), |action, number| {
        let kind = map(action.get_mut("actionTypeId")?);
        if kind["owner"] == "Custom" {
            return None;
        }
        let swapped = if kind["owner"] == "AWS" {
            "ThirdParty"
        } else {
            "AWS"
        };
        let (member, value) = match number % 4 {
            0 => ("owner", swapped.to_owned()),
            1 => ("version", "2".to_owned()),
            2 => (
                "category",
                if kind["category"] == "Approval" {
                    "Test"
                } else {
                    "Approval"
                }
                .to_owned(),
            ),
            _ => ("provider", word(&kind["provider"]).to_lowercase()),
        };
        if member == "category" && kind["category"] == "Source" {
            return None;
        }
        kind.insert(member.to_owned(), value.into());
        Some(vec!["actionTypeId"])
    });
    mutants.extend(original.inside(&original.actions(), |action, number| {
        let kind = map(action.get_mut("actionTypeId")?);
        let (member, value) = pick(
            number,
            &[
                ("owner", "aws"),
                ("owner", "Amazon"),
                ("category", "Deployment"),
                ("category", "test"),
            ],
        );
        let source = kind["category"] == "Source";
        if member == "category" && source {
            return None;
        }
        kind.insert(member.to_owned(), value.into());
        Some(vec!["actionTypeId"])
    }));
    mutants.extend(doubtful(original.inside(
        &later_stages(original),
        |stage, _| {
            let mut new = approval("FromTomorrow");
            new["actionTypeId"]["provider"] = "QuantumGate".into();
            list(&mut stage["actions"]).insert(0, new);
            Some(vec!["actions/0/actionTypeId"])
        },
    )));
    mutants
}

/// The actions of the provider Commands; where there is none, one is put into the later stages of a V2 pipeline.
fn with_commands(
    original: &Original,
    change: impl Fn(&mut Value, usize) -> Option<Vec<&'static str>>,
) -> Vec<Mutant> {
    original.each(&later_stages(original), |file, stage, number| {
        version_two(at(file, original.pipeline()?));
        let first = original.get(original.pipeline()?)["stages"][0]["actions"][0]["outputArtifacts"][0].clone();
        let order = at(file, stage)["actions"][0]["runOrder"].as_u64().unwrap_or(1);
        let actions = list(&mut at(file, stage)["actions"]);
        actions.insert(0, json!({
            "name": "Shell",
            "actionTypeId": {"category": "Compute", "owner": "AWS", "provider": "Commands", "version": "1"},
            "inputArtifacts": [first],
            "commands": ["make test"],
            "runOrder": order,
        }));
        let action = format!("{stage}/actions/0");
        let members = change(&mut actions[0], number)?;
        let below = |member: &&str| format!("{action}/{member}");
        Some(members.iter().map(below).map(|at| at.trim_end_matches('/').to_owned()).collect())
    })
    .into_iter()
    .filter(|_| !original.get("/pipelines").to_string().contains("CODEBUILD_CLONE_REF"))
    .collect()
}

fn commands_missing(original: &Original) -> Vec<Mutant> {
    with_commands(original, |action, number| {
        match number % 2 {
            0 => drop(take(action, "commands")),
            _ => action["commands"] = json!([]),
        }
        Some(vec![""])
    })
}

fn field_limit(original: &Original) -> Vec<Mutant> {
    let mut mutants = with_commands(original, |action, number| {
        let many = |count: usize, item: &dyn Fn(usize) -> Value| -> Value {
            (0..count).map(item).collect()
        };
        let (member, value) = match number % 11 {
            0 => ("commands", many(51, &|n| json!(format!("echo {n}")))),
            1 => ("commands", json!(["x".repeat(1001)])),
            2 => ("commands", json!([""])),
            3 => ("outputVariables", many(16, &|n| json!(format!("V{n}")))),
            4 => ("outputVariables", json!(["v".repeat(129)])),
            5 => ("outputVariables", json!([""])),
            6 => (
                "outputArtifacts",
                json!([{"name": "Out", "files": many(11, &|n| json!(format!("f{n}")))}]),
            ),
            7 => (
                "outputArtifacts",
                json!([{"name": "Out", "files": ["f".repeat(129)]}]),
            ),
            8 => (
                "environmentVariables",
                many(11, &|n| json!({"name": format!("V{n}"), "value": "x"})),
            ),
            9 => (
                "environmentVariables",
                json!([{"name": "V", "value": "x".repeat(2001)}]),
            ),
            _ => (
                "environmentVariables",
                json!([{"name": "MY-VAR", "value": "x"}]),
            ),
        };
        action[member] = value;
        Some(vec![member])
    });
    // AWS says that it takes one line, and not what it does with more
    mutants.extend(doubtful(with_commands(original, |action, _| {
        action["commands"] = json!(["make\nmake test"]);
        Some(vec!["commands"])
    })));
    mutants
}

fn field_misplaced(original: &Original) -> Vec<Mutant> {
    let mut mutants = original.inside(&original.actions(), |action, number| {
        if action["actionTypeId"]["provider"] == "Commands"
            || action["actionTypeId"]["owner"] == "Custom"
        {
            return None;
        }
        let (member, value) = pick(
            number,
            &[
                ("commands", json!(["make"])),
                ("outputVariables", json!(["VERSION"])),
            ],
        );
        action[member] = value;
        Some(vec![member])
    });
    mutants.extend(original.inside(&original.actions(), |action, number| {
        if action["actionTypeId"]["provider"] == "Commands"
            || action["actionTypeId"]["owner"] == "Custom"
        {
            return None;
        }
        let output = action["outputArtifacts"].get_mut(0)?;
        output["files"] = pick(number, &[json!(["a.txt"]), json!(["**/*", "b"])]);
        Some(vec!["outputArtifacts"])
    }));
    let others = original.actions_of(&["CodeBuild", "Manual", "S3", "ECS"]);
    mutants.extend(doubtful(original.inside(&others, |action, _| {
        action["environmentVariables"] = json!([{"name": "A", "value": "b"}]);
        Some(vec!["environmentVariables"])
    })));
    mutants
}

/// The place of the buildspec of the project that an action runs, where it is written into the project and pasted, too.
pub(super) fn buildspec_of(original: &Original, action: &str) -> Option<String> {
    let name = original.get(&format!("{action}/configuration/ProjectName"));
    let project = original
        .projects()
        .into_iter()
        .find(|project| original.get(&format!("{project}/name")) == name)?;
    let at = format!("{project}/source/buildspec");
    let text = word(original.get(&at));
    let spec: Value = serde_yaml::from_str(text).ok()?;
    spec.get("phases").is_some().then_some(at)
}

fn output_undeclared(original: &Original) -> Vec<Mutant> {
    original
        .inside(
            &original
                .actions_of(&["CodeBuild"])
                .into_iter()
                .filter(|action| buildspec_of(original, action).is_some())
                .collect::<Vec<_>>(),
            |action, _| {
                action["outputArtifacts"] =
                    json!([{"name": "Undeclared_1"}, {"name": "Undeclared_2"}]);
                Some(vec!["outputArtifacts"])
            },
        )
        .into_iter()
        .filter(|mutant| {
            // whoever reads what the action no longer writes is another matter
            let old = original.get(&format!("{}/0/name", mutant.at[0]));
            let pipeline = original.get(original.pipeline().unwrap()).to_string();
            old.is_null() || pipeline.matches(&old.to_string()).count() < 2
        })
        .collect()
}

fn pass_role_account(original: &Original) -> Vec<Mutant> {
    original.inside(&original.actions_of(&["CloudFormation"]), |action, _| {
        let role = word(action["configuration"].get("RoleArn")?).to_owned();
        let account = role.split(':').nth(4)?;
        if account.len() != 12 || !account.chars().all(|c| c.is_ascii_digit()) {
            return None;
        }
        action["roleArn"] = format!("arn:aws:iam::{account}:role/worker").into();
        action["configuration"]["RoleArn"] = role.replacen(account, "000011112222", 1).into();
        Some(vec!["configuration/RoleArn", "roleArn"])
    })
}
