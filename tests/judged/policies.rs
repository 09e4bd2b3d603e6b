//! Every generated policy is one that parliament finds nothing in, or the finding stands here with what speaks
//! against it.

use serde_json::{Value, json};

use super::{Case, Overruled, ask, cases, each, settle};

fn list<'a>(compiled: &'a Value, member: &str) -> impl Iterator<Item = &'a Value> {
    compiled[member].as_array().unwrap().iter()
}

/// What parliament says of a document: `ISSUE: DETAIL`, a list of details one by one.
fn parliament(what: &str, question: &Value, found: &mut Vec<String>) {
    let answer = ask(question);
    for finding in answer["findings"].as_array().unwrap() {
        let issue = finding["issue"].as_str().unwrap();
        let details = match &finding["detail"] {
            Value::Array(items) => items.clone(),
            other => vec![other.clone()],
        };
        for detail in details {
            let text = match detail.as_str() {
                Some(text) => text.to_owned(),
                None => detail["action"].as_str().map_or_else(
                    || detail.to_string(),
                    |action| format!("{action} on {}", detail["required_format"]),
                ),
            };
            found.push(format!("{issue}: {text} ({what})"));
        }
    }
}

fn judge(case: &Case) -> Vec<String> {
    let compiled = match case.json() {
        Ok(compiled) => compiled,
        Err(said) => return vec![said],
    };
    let mut found = Vec::new();
    for role in list(&compiled, "roles") {
        let name = role["roleName"].as_str().unwrap();
        for (policy, document) in role["policies"].as_object().unwrap() {
            if policy == "allow" {
                // what the person wrote
                continue;
            }
            let question = json!({"do": "policy", "document": document});
            parliament(&format!("{name} {policy}"), &question, &mut found);
        }
        for policy in role["managedPolicies"].as_array().into_iter().flatten() {
            let policy_name = policy["name"].as_str().unwrap();
            let question = json!({"do": "policy", "document": policy["document"]});
            parliament(&format!("{name} {policy_name}"), &question, &mut found);
        }
        let trust = &role["assumeRolePolicyDocument"];
        let question = json!({"do": "policy", "kind": "trust", "document": trust});
        parliament(&format!("trust of {name}"), &question, &mut found);
    }
    for (kind, member) in [("buckets", "bucket"), ("topics", "name")] {
        for owner in list(&compiled, kind) {
            let question = json!({"do": "policy", "document": owner["policy"]});
            let what = owner[member].as_str().unwrap();
            parliament(what, &question, &mut found);
        }
    }
    found
}

/// Where parliament and we disagree.
const KNOWN: [Overruled; 14] = [
    Overruled {
        finding: "RESOURCE_STAR: ec2:CreateNetworkInterface (",
        reason: "the guide of CodeBuild gives it everywhere: subnet, group and interface are asked for at once",
    },
    Overruled {
        finding: "RESOURCE_STAR: ec2:DeleteNetworkInterface (",
        reason: "the interface has an id that nobody knows before",
    },
    Overruled {
        finding: "Unknown condition kms:ResourceAliases for action kms:",
        reason: "a key of KMS for operations on keys; the list that parliament reads leaves it out of the operations",
    },
    Overruled {
        finding: "RESOURCE_STAR: ecs:DescribeTasks (",
        reason: "the guide of the action gives it everywhere: ids of tasks are made while it runs",
    },
    Overruled {
        finding: "RESOURCE_STAR: ecs:ListTasks (",
        reason: "asked for container instances, of which Fargate has none",
    },
    Overruled {
        finding: "RESOURCE_STAR: ecs:RegisterTaskDefinition (",
        reason: "the name of the family stands in the task definition, which nobody has read yet",
    },
    Overruled {
        finding: "RESOURCE_MISMATCH: cloudformation:DescribeStack",
        reason: "what else `DescribeStack*` of the guide stands for is no stack, and stays out of reach",
    },
    Overruled {
        finding: "RESOURCE_MISMATCH: cloudformation:CreateStackSet",
        reason: "the guide of the action names the stack set for all its operations",
    },
    Overruled {
        finding: "RESOURCE_MISMATCH: ssm:SendCommand",
        reason: "it needs the instance and the document, which stand in two statements for the tag to bind only one",
    },
    Overruled {
        finding: "RESOURCE_MISMATCH: states:DescribeExecution",
        reason: "executions of express machines cannot be described",
    },
    Overruled {
        finding: "due to s3:DeleteObject not being allowed, but does allow s3:Put",
        reason: "whoever keeps the bucket as the file says writes its policy and lifecycle; what the stage runs is \
            checked by a digest in a project that it cannot change",
    },
    Overruled {
        finding: "RESOURCE_STAR: cloudwatch:DescribeAlarms (web-monitor-SelfUpdate",
        reason: "a list that is read before the plan",
    },
    Overruled {
        finding: "RESOURCE_STAR: codebuild:BatchGetProjects (web-monitor-SelfUpdate",
        reason: "projects that are gone from the file are looked for too",
    },
    Overruled {
        finding: "RESOURCE_STAR: codepipeline:ListWebhooks (web-monitor-SelfUpdate",
        reason: "a list that is read before the plan",
    },
];

#[test]
fn parliament_takes_every_policy() {
    // a placeholder is no ARN
    let cases: Vec<Case> = cases()
        .into_iter()
        .filter(|case| !case.name.ends_with(" offline") && !case.name.contains('/'))
        .chain([Case::everything(true)])
        .collect();
    settle(each(&cases, judge), &KNOWN);
}
