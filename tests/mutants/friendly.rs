//! Rules that only the short form can break, in the examples.

use serde_json::{Value, json};

use super::originals::{Original, pick};
use super::places::{at, items, list, map};
use super::{Generator, Mutant};

pub(super) fn generators() -> Vec<Generator> {
    let one = |code, make| Generator {
        code,
        also: &[],
        make,
    };
    vec![
        one("alarm-invalid", alarm_invalid),
        one("allow-invalid", allow_invalid),
        one("allow-misplaced", allow_misplaced),
        one("command-variable", command_variable),
        one("deploy-without-rights", deploy_without_rights),
        one("email-invalid", email_invalid),
        one("invoke-endless", invoke_endless),
        one("schedule-invalid", schedule_invalid),
        one("self-update-place", self_update_place),
        one("self-update-restarts", self_update_restarts),
        one("test-report-missing", test_report_missing),
        one("topic-invalid", topic_invalid),
        one("topic-region", topic_region),
    ]
}

/// Where the short form has lists of stages.
fn stage_lists(original: &Original) -> Vec<String> {
    if !original.friendly() {
        return Vec::new();
    }
    let several = original.file["pipelines"].as_object();
    match several {
        Some(pipelines) => pipelines
            .keys()
            .map(|key| format!("/pipelines/{key}/stages"))
            .collect(),
        None => vec!["/stages".to_owned()],
    }
}

/// Puts a stage into every list of stages.
fn staged(original: &Original, make: impl Fn(usize) -> Value, behind: bool) -> Vec<Mutant> {
    original.each(&stage_lists(original), |file, stages, number| {
        let list = list(at(file, stages));
        let place = if behind { list.len() } else { 0 };
        list.insert(place, make(number));
        Some(vec![format!("{stages}/{place}")])
    })
}

/// The whole of a short file.
fn root(original: &Original) -> Vec<String> {
    original.friendly().then(String::new).into_iter().collect()
}

fn alarm_invalid(original: &Original) -> Vec<Mutant> {
    let wrong = [
        ("statistic", json!("avg")),
        ("statistic", json!("Median")),
        ("period", json!("45s")),
        ("period", json!(7)),
        ("periods", json!(0)),
        ("periods", json!(10_000)),
        ("namespace", json!(":Shop")),
        ("dimensions", json!({"Host": ""})),
    ];
    let mut mutants = Vec::new();
    for turn in 0..wrong.len() {
        mutants.extend(original.each(&root(original), |file, _, number| {
            let (key, value) = pick(number + turn, &wrong);
            let mut alarm = json!({"namespace": "Shop", "metric": "Latency", "above": 3});
            alarm[key] = value;
            map(&mut file["alarms"]).insert("slow-answers".to_owned(), alarm);
            Some(vec![match key {
                "dimensions" => "/alarms/slow-answers/dimensions/Host".to_owned(),
                _ => format!("/alarms/slow-answers/{key}"),
            }])
        }));
    }
    mutants
}

fn allow_invalid(original: &Original) -> Vec<Mutant> {
    let wrong = [
        ("Action", json!("GetObject")),
        ("Action", json!([])),
        ("Action", json!(["s3:GetObject", "s3:Get Object"])),
        ("Action", json!("s3:Get:Object")),
        ("Resource", json!("shop-pages/*")),
        ("Resource", json!(["arn:aws:s3:::shop/*", "s3://shop"])),
        ("Sid", json!("read pages")),
        ("NotResource", json!("*")),
        (
            "Condition",
            json!({"StringEqualz": {"aws:RequestedRegion": "eu-west-1"}}),
        ),
        ("Condition", json!({"StringEquals": "eu-west-1"})),
    ];
    let mut mutants = Vec::new();
    for turn in 0..wrong.len() {
        let made = original.each(&stage_lists(original), |file, stages, number| {
            let (key, value) = pick(number + turn, &wrong);
            let mut statement = json!({"Action": "s3:GetObject", "Resource": "*"});
            statement[key] = value;
            let list = list(at(file, stages));
            list.push(
                json!({"name": "Widen", "build": {"run": "make", "role": {"allow": statement}}}),
            );
            let last = list.len() - 1;
            Some(vec![format!("{stages}/{last}/build/role/allow/{key}")])
        });
        mutants.extend(made);
    }
    mutants
}

fn topic_invalid(original: &Original) -> Vec<Mutant> {
    let wrong = [
        json!("shop failed"),
        json!("shop.failed"),
        json!("https://example.com/hook"),
        json!("arn:aws:sns:ops"),
        json!({"name": "shop failed", "emails": "ops@example.com"}),
    ];
    let mut mutants = Vec::new();
    for turn in 0..wrong.len() {
        mutants.extend(original.inside(&root(original), |file, number| {
            let wrong = pick(number + turn, &wrong);
            map(&mut file["notifications"]).insert("approvalNeeded".to_owned(), wrong);
            Some(vec!["notifications/approvalNeeded"])
        }));
    }
    mutants
}

fn allow_misplaced(original: &Original) -> Vec<Mutant> {
    staged(
        original,
        |number| {
            let allow = json!([{"Action": "s3:PutObject", "Resource": "*"}]);
            let role = pick(
                number,
                &["deployer", "arn:aws:iam::111122223333:role/deployer"],
            );
            match number % 2 {
                0 => {
                    json!({"name": "Widen", "deploy": {"run": "./deploy.sh", "role": role, "allow": allow}})
                }
                _ => json!({"name": "Widen", "invoke": {
                    "lambda": {"function": "warm", "actionRole": role, "allow": allow},
                }}),
            }
        },
        true,
    )
}

fn command_variable(original: &Original) -> Vec<Mutant> {
    staged(
        original,
        |number| {
            let command = pick(
                number,
                &[
                    "./go.sh ${ssm:/shop/target}",
                    "echo ${git:branch}",
                    "./go.sh --mode=${env:ANSWER}",
                    "echo ${ssm:/a} ${ssm:/b}",
                ],
            );
            json!({"name": "Spliced", "build": {"run": [command]}})
        },
        true,
    )
}

fn deploy_without_rights(original: &Original) -> Vec<Mutant> {
    let mut mutants = staged(
        original,
        |number| {
            let run = pick(number, &["aws s3 sync out s3://pages", "./deploy.sh"]);
            json!({"name": "Publish", "deploy": {"run": run}})
        },
        true,
    );
    // who gives the role of all builds gives the rights
    mutants.retain(|mutant| mutant.file["provider"].get("buildRole").is_none());
    mutants
}

fn email_invalid(original: &Original) -> Vec<Mutant> {
    let root = root(original);
    let mut mutants = original.inside(&root, |file, number| {
        let wrong = pick(
            number,
            &[
                "ops@example,com",
                "ops.example@",
                "@example.com",
                "ops@@example.com",
                "o ps@example.com",
                "ops@exam ple.com",
            ],
        );
        map(&mut file["notifications"]).insert("approvalNeeded".to_owned(), wrong.into());
        Some(vec!["notifications/approvalNeeded"])
    });
    mutants.extend(original.inside(&root, |file, number| {
        let wrong = pick(
            number,
            &[
                "ops@example..com",
                "ops@-",
                "ops@example.com,dev@example.com",
            ],
        );
        map(&mut file["notifications"]).insert(
            "approvalNeeded".to_owned(),
            json!({"emails": ["a@example.com", wrong]}),
        );
        Some(vec!["notifications/approvalNeeded"])
    }));
    mutants
}

fn invoke_endless(original: &Original) -> Vec<Mutant> {
    original.each(&stage_lists(original), |file, stages, _| {
        let owner = stages.trim_end_matches("/stages").to_owned();
        at(file, &owner)["name"] = "round-and-round".into();
        let list = list(at(file, stages));
        list.push(json!({"name": "Again", "invoke": {"pipeline": "round-and-round"}}));
        let last = list.len() - 1;
        Some(vec![format!("{stages}/{last}/invoke/pipeline")])
    })
}

fn schedule_invalid(original: &Original) -> Vec<Mutant> {
    let lists = stage_lists(original);
    let holders: Vec<String> = lists
        .iter()
        .map(|list| list.trim_end_matches("/stages").to_owned())
        .collect();
    let wrong = [
        "cron(0 6 * * MON-FRI *)",
        "cron(0 6 * * *)",
        "cron(0 25 ? * MON *)",
        "cron(60 1 * * ? *)",
        "rate(1 hours)",
        "rate(5 minute)",
        "rate(0 minutes)",
        "cron(0 6 ? * 8 *)",
        "cron(0 6 32 * ? *)",
        "cron(0 6 ? 13 MON *)",
        "rate(1.5 hours)",
    ];
    let mut mutants = Vec::new();
    for turn in 0..wrong.len() {
        mutants.extend(original.inside(&holders, |holder, number| {
            let text = pick(number + turn, &wrong);
            match turn % 2 {
                0 => holder["triggers"] = json!({"schedule": text}),
                _ => holder["triggers"] = json!({"schedule": ["rate(1 hour)", text]}),
            }
            Some(vec!["triggers"])
        }));
    }
    mutants
}

fn self_update_place(original: &Original) -> Vec<Mutant> {
    let mut mutants = staged(
        original,
        |_| json!({"name": "UpdateItself", "selfUpdate": {}}),
        true,
    );
    // one that stands there already is a warning already, and of two only one can stand right
    mutants.retain(|mutant| {
        let text = mutant.file.to_string();
        text.matches("selfUpdate").count() == 1
    });
    mutants
}

fn self_update_restarts(original: &Original) -> Vec<Mutant> {
    original.each(&stage_lists(original), |file, stages, number| {
        let list = list(at(file, stages));
        if !items(&json!(list))
            .iter()
            .any(|stage| stage == "selfUpdate" || stage.get("selfUpdate").is_some())
        {
            list.insert(0, "selfUpdate".into());
        }
        let variable = pick(number, &["${git:sha}", "${git:shortSha}", "${git:message}"]);
        list.push(json!({"name": "Ask", "approval": {"message": format!("Ship {variable}?")}}));
        let last = list.len() - 1;
        Some(vec![format!("{stages}/{last}")])
    })
}

fn test_report_missing(original: &Original) -> Vec<Mutant> {
    staged(
        original,
        |number| {
            let run = pick(
                number,
                &[
                    "pytest",
                    "python -m pytest -q",
                    "./gradlew test",
                    "mvn -B verify",
                    "npx jest",
                    "go test ./...",
                    "mvn test",
                ],
            );
            json!({"name": "Untold", "test": {"run": run}})
        },
        true,
    )
}

fn topic_region(original: &Original) -> Vec<Mutant> {
    original.each(&stage_lists(original), |file, stages, number| {
        let list = list(at(file, stages));
        list.push(json!({"name": "FarAway", "build": {"run": "make", "region": "eu-south-1"}}));
        let topic = pick(
            number,
            &[
                "arn:aws:sns:sa-east-1:111122223333:ops",
                "arn:aws:sns:af-south-1:111122223333:ops",
            ],
        );
        map(&mut file["notifications"]).insert("buildFailed".to_owned(), topic.into());
        Some(vec!["/notifications/buildFailed".to_owned()])
    })
}
