//! Which stages and actions there are, in which order, and what a stage does around its actions.

use serde_json::{Value, json};

use super::originals::{Original, doubtful, pick};
use super::places::{at, items, list, take, word};
use super::structure::{approval, condition, later_stages, pipelines, stage, version_two};
use super::{Generator, Mutant};

pub(super) fn generators() -> Vec<Generator> {
    let one = |code, make| Generator {
        code,
        also: &[],
        make,
    };
    vec![
        one("condition-result", condition_result),
        one("first-stage", first_stage),
        one("retry-pointless", retry_pointless),
        one("rollback-impossible", rollback_impossible),
        one("rule-configuration", rule_configuration),
        one("rule-name-duplicate", rule_name_duplicate),
        one("rule-type-unknown", rule_type_unknown),
        one("run-order", run_order),
        one("source-late", source_late),
        one("stage-empty", stage_empty),
        Generator {
            code: "stages-too-few",
            also: &[],
            make: stages_too_few,
        },
    ]
}

/// One mutant for each later stage, of a pipeline that is made one of type V2.
fn later(
    original: &Original,
    change: impl Fn(&mut Value, usize) -> Option<Vec<&'static str>>,
) -> Vec<Mutant> {
    let mut mutants = original.inside(&later_stages(original), change);
    for mutant in &mut mutants {
        version_two(at(&mut mutant.file, original.pipeline().unwrap()));
    }
    mutants
}

fn condition_result(original: &Original) -> Vec<Mutant> {
    later(original, |stage, number| {
        let (member, value) = pick(
            number,
            &[
                ("beforeEntry", condition("ROLLBACK", 1)),
                ("onSuccess", condition("SKIP", 1)),
                ("onFailure", condition("FAIL", 1)),
                ("beforeEntry", condition("RETRY", 1)),
                ("onFailure", condition("SKIP", 2)),
                ("onSuccess", condition("RETRY", 1)),
                ("onFailure", json!({"result": "FAIL"})),
                (
                    "onFailure",
                    json!({"result": "ROLLBACK", "retryConfiguration": {"retryMode": "ALL_ACTIONS"}}),
                ),
                (
                    "onFailure",
                    json!({"result": "RETRY", "retryConfiguration": {"retryMode": "ALL"}}),
                ),
                ("beforeEntry", condition("STOP", 1)),
            ],
        );
        stage[member] = value;
        Some(vec![member])
    })
}

fn first_stage(original: &Original) -> Vec<Mutant> {
    let first: Vec<String> = original.stages().into_iter().take(1).collect();
    let mut mutants = original.inside(&first, |stage, _| {
        list(&mut stage["actions"]).insert(0, approval("TooEarly"));
        Some(vec!["actions/0"])
    });
    mutants.extend(original.inside(&first, |stage, _| {
        let output = stage["actions"][0]["outputArtifacts"][0].clone();
        let order = stage["actions"][0]["runOrder"].as_u64().unwrap_or(1) + 1;
        list(&mut stage["actions"]).insert(1, json!({
            "name": "TooEarly",
            "actionTypeId": {"category": "Build", "owner": "AWS", "provider": "CodeBuild", "version": "1"},
            "configuration": {"ProjectName": "early"},
            "inputArtifacts": [output],
            "runOrder": order,
        }));
        Some(vec!["actions/1"])
    }));
    mutants
}

fn retry_pointless(original: &Original) -> Vec<Mutant> {
    let mut mutants = original.inside(&pipelines(original), |pipeline, number| {
        version_two(pipeline);
        let mode = pick(number, &["ALL_ACTIONS", "FAILED_ACTIONS"]);
        let mut asked = stage("Asked", 1 + number % 2);
        asked["onFailure"] = json!({"result": "RETRY", "retryConfiguration": {"retryMode": mode}});
        list(&mut pipeline["stages"]).insert(1, asked);
        Some(vec!["stages/1"])
    });
    mutants.truncate(1);
    mutants
}

fn rollback_impossible(original: &Original) -> Vec<Mutant> {
    let mut mutants = original.inside(&pipelines(original), |pipeline, number| {
        version_two(pipeline);
        pipeline["stages"][0]["onFailure"] = match number % 2 {
            0 => json!({"result": "ROLLBACK"}),
            _ => condition("ROLLBACK", 1),
        };
        Some(vec!["stages/0/onFailure"])
    });
    mutants.extend(original.inside(&pipelines(original), |pipeline, number| {
        version_two(pipeline);
        pipeline["executionMode"] = "PARALLEL".into();
        let last = items(&pipeline["stages"]).len() - 1;
        let member = pick(number, &["onFailure", "onSuccess"]);
        pipeline["stages"][last][member] = condition("ROLLBACK", 1);
        Some(vec!["executionMode", "stages"])
    }));
    mutants
}

/// A condition with one rule.
fn ruled(provider: &str, configuration: Value) -> Value {
    json!({"conditions": [{"result": "FAIL", "rules": [{
        "name": "Rule",
        "ruleTypeId": {"category": "Rule", "owner": "AWS", "provider": provider, "version": "1"},
        "configuration": configuration,
    }]}]})
}

fn rule_configuration(original: &Original) -> Vec<Mutant> {
    let variable = "#{codepipeline.PipelineExecutionId}";
    let mut mutants = later(original, |stage, number| {
        stage["beforeEntry"] = match number % 12 {
            0 => ruled("CloudWatchAlarm", json!({"AlarmStates": "ALARM"})),
            1 => ruled("LambdaInvoke", json!({"UserParameters": "x"})),
            2 => ruled("DeploymentWindow", json!({"TimeZone": "UTC"})),
            3 => ruled(
                "VariableCheck",
                json!({"Variable": variable, "Operator": "EQ"}),
            ),
            4 => ruled(
                "VariableCheck",
                json!({"Variable": variable, "Operator": "LT", "Value": "1"}),
            ),
            5 => ruled("CodeBuild", json!({"BatchEnabled": "true"})),
            6 => ruled(
                "CodeBuild",
                json!({"ProjectName": "p", "BatchEnabled": "yes"}),
            ),
            7 => ruled(
                "CloudWatchAlarm",
                json!({"AlarmName": "a", "alarmName": "a"}),
            ),
            8 => ruled(
                "VariableCheck",
                json!({"Variable": "main", "Operator": "EQ", "Value": "1"}),
            ),
            9 => ruled(
                "CloudWatchAlarm",
                json!({"AlarmName": "a", "AlarmStates": "RED"}),
            ),
            10 => ruled("DeploymentWindow", json!({"Cron": "0 0 9-17 ? * MON-FRI"})),
            _ => ruled(
                "LambdaInvoke",
                json!({"FunctionName": "f", "InvocationType": "Event"}),
            ),
        };
        Some(vec!["beforeEntry"])
    });
    // how several states are written is not documented, and the window is read when it is looked at
    mutants.extend(doubtful(later(original, |stage, number| {
        stage["beforeEntry"] = match number % 4 {
            1 => ruled(
                "VariableCheck",
                json!({"Variable": variable, "Operator": "MATCHES", "Value": "(a"}),
            ),
            0 => ruled(
                "CloudWatchAlarm",
                json!({"AlarmName": "a", "AlarmStates": "ALARM;OK"}),
            ),
            3 => ruled("DeploymentWindow", json!({"Cron": "* * 25 ? * MON-FRI"})),
            _ => ruled("DeploymentWindow", json!({"Cron": "0 9-17 * * MON-FRI"})),
        };
        Some(vec!["beforeEntry"])
    })));
    mutants
}

fn rule_name_duplicate(original: &Original) -> Vec<Mutant> {
    later(original, |stage, _| {
        let mut two = condition("FAIL", 2);
        two["conditions"][0]["rules"][1]["name"] = "Check0".into();
        stage["beforeEntry"] = two;
        Some(vec!["beforeEntry"])
    })
}

fn rule_type_unknown(original: &Original) -> Vec<Mutant> {
    let known = |number: usize| number % 5 != 4;
    let make = |certain: bool| {
        later(original, move |stage, number| {
            let mut one = condition("FAIL", 1);
            let (member, value) = pick(
                number,
                &[
                    ("category", "Build"),
                    ("owner", "Custom"),
                    ("version", "2"),
                    ("owner", "ThirdParty"),
                    ("provider", "AlarmCheck"),
                ],
            );
            one["conditions"][0]["rules"][0]["ruleTypeId"][member] = value.into();
            stage["onSuccess"] = one;
            (known(number) == certain).then(|| vec!["onSuccess"])
        })
    };
    let mut mutants = make(true);
    mutants.extend(doubtful(make(false)));
    mutants
}

fn run_order(original: &Original) -> Vec<Mutant> {
    original.each(&original.actions(), |file, action, number| {
        let (actions, own) = action.rsplit_once('/')?;
        // the first of a stage may become an earlier one, the last a later one, and nothing else changes
        let count = items(at(file, actions)).len();
        let value = match own.parse::<usize>().ok()? {
            0 => 0,
            last if last + 1 == count => pick(number, &[1000, 100_000]),
            _ => return None,
        };
        at(file, action)["runOrder"] = value.into();
        Some(vec![format!("{action}/runOrder")])
    })
}

fn source_late(original: &Original) -> Vec<Mutant> {
    original.each(&later_stages(original), |file, stage, _| {
        let mut source = at(file, original.pipeline()?)["stages"][0]["actions"][0].clone();
        take(&mut source, "namespace");
        source["name"] = "LateSource".into();
        source["outputArtifacts"] = json!([{"name": "LateOutput"}]);
        list(&mut at(file, stage)["actions"]).insert(0, source);
        Some(vec![format!("{stage}/actions/0")])
    })
}

fn stage_empty(original: &Original) -> Vec<Mutant> {
    original.inside(&pipelines(original), |pipeline, _| {
        list(&mut pipeline["stages"]).insert(1, json!({"name": "Nothing", "actions": []}));
        Some(vec!["stages/1"])
    })
}

fn stages_too_few(original: &Original) -> Vec<Mutant> {
    original.inside(&pipelines(original), |pipeline, _| {
        if word(&pipeline["stages"][0]["actions"][0]["actionTypeId"]["category"]) != "Source" {
            return None;
        }
        list(&mut pipeline["stages"]).truncate(1);
        Some(vec!["stages", "name"])
    })
}
