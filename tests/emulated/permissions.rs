//! `pipectl permissions` against what really happens: every request of plan, apply, a second apply and destroy is translated into
//! the permissions that IAM asks for, and the printed policy must give them; what it gives beyond that stands here with its reason.

use std::collections::BTreeSet;

use pipectl::catalog::operations;
use serde_json::{Value, json};

use super::account::Account;
use crate::judged::ask;

/// Statements that no call uses, and why they are there all the same.
const UNUSED: [(&str, &str); 8] = [
    (
        "BucketsEmptied",
        "no run has put anything into the buckets here",
    ),
    ("PassConnection", "it is not certain that AWS asks for it"),
    (
        "Subscriptions",
        "nobody has confirmed a subscription here: those go with their topics",
    ),
    (
        "Alarms",
        "CloudWatch is another emulator, whose requests nobody keeps",
    ),
    (
        "AlarmsFound",
        "CloudWatch is another emulator, whose requests nobody keeps",
    ),
    ("BinaryThere", "an answer of AWS depends on it, and no call"),
    (
        "ObjectsThere",
        "an answer of AWS depends on it, and no call",
    ),
    ("Transitions", "no example closes a stage"),
];

/// What IAM is asked: an action on a resource, for a service that a role is passed to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Asked {
    pub(crate) action: String,
    resource: String,
    passed_to: Option<&'static str>,
}

fn asked(action: &str, resource: impl Into<String>) -> Asked {
    Asked {
        action: action.to_owned(),
        resource: resource.into(),
        passed_to: None,
    }
}

fn passed(role: &Value, service: &'static str) -> Option<Asked> {
    Some(Asked {
        action: "iam:PassRole".to_owned(),
        resource: role.as_str()?.to_owned(),
        passed_to: Some(service),
    })
}

/// `a=b&c=d` as a map.
fn form(text: &str) -> Value {
    let decode = |part: &str| {
        let bytes = part.replace('+', " ").into_bytes();
        let mut out = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let hex = bytes
                .get(at + 1..at + 3)
                .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
            match (bytes[at], hex) {
                (b'%', Some(byte)) => {
                    out.push(byte);
                    at += 3;
                }
                (byte, _) => {
                    out.push(byte);
                    at += 1;
                }
            }
        }
        String::from_utf8(out).unwrap()
    };
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    Value::from_iter(pairs.map(|(key, value)| (decode(key), Value::from(decode(value)))))
}

/// The permissions that a request needs, by the service authorization reference.
pub(crate) fn needed(account: &str, call: &Value) -> Vec<Asked> {
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let (service, region) = (text(call, "service"), text(call, "region"));
    let (operation, body) = (text(call, "operation"), text(call, "body"));
    let json: Value = serde_json::from_str(&body).unwrap_or_else(|_| form(&body));
    let arn = |service: &str, rest: String| format!("arn:aws:{service}:{region}:{account}:{rest}");
    match service.as_str() {
        "sts" => vec![],
        "codepipeline" => {
            let action = format!("codepipeline:{operation}");
            let pipeline = |name: String| arn("codepipeline", name);
            match operation.as_str() {
                "CreatePipeline" | "UpdatePipeline" => {
                    let it = &json["pipeline"];
                    let on = pipeline(text(it, "name"));
                    let tags = json["tags"].as_array().is_some_and(|tags| !tags.is_empty());
                    let tag = tags.then(|| asked("codepipeline:TagResource", on.clone()));
                    [
                        Some(asked(&action, on)),
                        tag,
                        passed(&it["roleArn"], "codepipeline.amazonaws.com"),
                    ]
                    .into_iter()
                    .flatten()
                    .collect()
                }
                "GetPipeline"
                | "DeletePipeline"
                | "GetPipelineState"
                | "StartPipelineExecution"
                    if json["webhook"].is_null() =>
                {
                    vec![asked(&action, pipeline(text(&json, "name")))]
                }
                "ListTagsForResource" | "TagResource" | "UntagResource" => {
                    vec![asked(&action, text(&json, "resourceArn"))]
                }
                "ListWebhooks" => vec![asked(&action, pipeline("webhook:*".to_owned()))],
                "PutWebhook" => {
                    let hook = &json["webhook"];
                    vec![
                        asked(&action, pipeline(format!("webhook:{}", text(hook, "name")))),
                        asked(&action, pipeline(text(hook, "targetPipeline"))),
                    ]
                }
                "DeleteWebhook" => vec![asked(
                    &action,
                    pipeline(format!("webhook:{}", text(&json, "name"))),
                )],
                "RegisterWebhookWithThirdParty" | "DeregisterWebhookWithThirdParty" => {
                    vec![asked(
                        &action,
                        pipeline(format!("webhook:{}", text(&json, "webhookName"))),
                    )]
                }
                "EnableStageTransition"
                | "DisableStageTransition"
                | "RetryStageExecution"
                | "RollbackStage" => {
                    let stage = [text(&json, "pipelineName"), text(&json, "stageName")];
                    vec![asked(&action, pipeline(stage.join("/")))]
                }
                "PutApprovalResult" => {
                    let parts = ["pipelineName", "stageName", "actionName"];
                    let parts = parts.map(|part| text(&json, part));
                    vec![asked(&action, pipeline(parts.join("/")))]
                }
                "GetPipelineExecution"
                | "ListPipelineExecutions"
                | "ListActionExecutions"
                | "StopPipelineExecution" => {
                    vec![asked(&action, pipeline(text(&json, "pipelineName")))]
                }
                other => panic!("nobody said what {other} needs"),
            }
        }
        "codebuild" => {
            let action = format!("codebuild:{operation}");
            let project = |name: &Value| {
                asked(
                    &action,
                    arn("codebuild", format!("project/{}", name.as_str().unwrap())),
                )
            };
            let of_ids = json["ids"].as_array().map(|ids| {
                let name =
                    |id: &Value| Value::from(id.as_str().unwrap().split(':').next().unwrap());
                ids.iter().map(name).collect::<Vec<_>>()
            });
            // `report/GROUP:ID` is asked about by its group
            let group = |report: &Value| {
                let report = report
                    .as_str()
                    .unwrap()
                    .replace(":report/", ":report-group/");
                asked(&action, report.rsplit_once(':').unwrap().0)
            };
            match (
                json["names"].as_array(),
                of_ids,
                json["reportArns"].as_array(),
            ) {
                (Some(names), ..) => names.iter().map(project).collect(),
                (_, Some(names), _) => names.iter().map(project).collect(),
                (.., Some(reports)) => reports.iter().map(group).collect(),
                _ if json["reportArn"].is_string() => vec![group(&json["reportArn"])],
                _ => std::iter::once(project(&json["name"]))
                    .chain(passed(&json["serviceRole"], "codebuild.amazonaws.com"))
                    .collect(),
            }
        }
        "iam" => {
            let of_role = format!("arn:aws:iam::{account}:role/{}", text(&json, "RoleName"));
            let on = match (json["RoleName"].as_str(), json["PolicyArn"].as_str()) {
                (Some(_), _) => of_role,
                (None, Some(policy)) => policy.to_owned(),
                (None, None) => format!(
                    "arn:aws:iam::{account}:policy/{}",
                    text(&json, "PolicyName")
                ),
            };
            let tags = operation == "CreateRole" && body.contains("Tags.member");
            let tag = tags.then(|| asked("iam:TagRole", on.clone()));
            std::iter::once(asked(&format!("iam:{operation}"), on.clone()))
                .chain(tag)
                .collect()
        }
        "ssm" => {
            let names = json["Names"]
                .as_array()
                .cloned()
                .unwrap_or_else(|| vec![json["Name"].clone()]);
            let on = |name: &Value| {
                arn(
                    "ssm",
                    format!(
                        "parameter/{}",
                        name.as_str().unwrap().trim_start_matches('/')
                    ),
                )
            };
            names
                .iter()
                .map(|name| asked(&format!("ssm:{operation}"), on(name)))
                .collect()
        }
        "secretsmanager" => {
            let on = |id: &Value| {
                arn(
                    "secretsmanager",
                    format!("secret:{}-AbCdEf", id.as_str().unwrap()),
                )
            };
            match json["SecretIdList"].as_array() {
                Some(ids) => std::iter::once(asked("secretsmanager:BatchGetSecretValue", "*"))
                    .chain(
                        ids.iter()
                            .map(|id| asked("secretsmanager:GetSecretValue", on(id))),
                    )
                    .collect(),
                None => vec![asked(
                    "secretsmanager:GetSecretValue",
                    on(&json["SecretId"]),
                )],
            }
        }
        "sns" => {
            let topic = ["TopicArn", "ResourceArn"]
                .iter()
                .find_map(|key| json[*key].as_str());
            let on = match topic {
                Some(topic) => topic.to_owned(),
                None if operation == "Unsubscribe" => "*".to_owned(),
                None => arn("sns", text(&json, "Name")),
            };
            let tags = operation == "CreateTopic" && body.contains("Tags.member");
            let tag = tags.then(|| asked("sns:TagResource", on.clone()));
            std::iter::once(asked(&format!("sns:{operation}"), on.clone()))
                .chain(tag)
                .collect()
        }
        "logs" => {
            let on = match (json["resourceArn"].as_str(), operation.as_str()) {
                (Some(on), _) => on.to_owned(),
                (None, "DescribeLogGroups") => "*".to_owned(),
                (None, "GetLogEvents") => arn(
                    "logs",
                    format!(
                        "log-group:{}:log-stream:{}",
                        text(&json, "logGroupName"),
                        text(&json, "logStreamName")
                    ),
                ),
                (None, _) => arn("logs", format!("log-group:{}", text(&json, "logGroupName"))),
            };
            let tags = operation == "CreateLogGroup" && json["tags"].is_object();
            let tag = tags.then(|| asked("logs:TagResource", on.clone()));
            std::iter::once(asked(&format!("logs:{operation}"), on.clone()))
                .chain(tag)
                .collect()
        }
        "events" => {
            let rule = ["Name", "Rule"].iter().find_map(|key| json[*key].as_str());
            let on = match json["ResourceARN"].as_str() {
                Some(on) => on.to_owned(),
                None => arn("events", format!("rule/{}", rule.unwrap_or_default())),
            };
            let tags = operation == "PutRule" && json["Tags"].is_array();
            let tag = tags.then(|| asked("events:TagResource", on.clone()));
            let roles = json["Targets"].as_array().into_iter().flatten();
            let roles =
                roles.filter_map(|target| passed(&target["RoleArn"], "events.amazonaws.com"));
            std::iter::once(asked(&format!("events:{operation}"), on.clone()))
                .chain(tag)
                .chain(roles.collect::<Vec<_>>())
                .collect()
        }
        "codeconnections" | "codestar-connections" => {
            vec![asked(
                &format!("{service}:{operation}"),
                text(&json, "ConnectionArn"),
            )]
        }
        "s3" => {
            let parts = ["publicAccessBlock", "ownershipControls"];
            let part = parts
                .iter()
                .find(|part| text(call, "query").contains(*part));
            let operation = match part {
                Some(part) => format!("{operation} {part}"),
                None => operation,
            };
            of_s3(&operation, &text(call, "path"))
        }
        other => panic!("nobody said what {other} {operation} needs"),
    }
}

/// S3 has no names in its requests: method, sub-resource and path tell.
fn of_s3(operation: &str, path: &str) -> Vec<Asked> {
    let path = path.trim_matches('/');
    let bucket = path.split('/').next().unwrap();
    let in_bucket = path.contains('/');
    let on = format!("arn:aws:s3:::{path}");
    let of_bucket = format!("arn:aws:s3:::{bucket}");
    let one = |action: &str| vec![asked(action, of_bucket.clone())];
    match operation {
        "HEAD" if !in_bucket => one("s3:ListBucket"),
        "HEAD" | "GET" => vec![asked("s3:GetObject", on)],
        "PUT" if in_bucket => vec![asked("s3:PutObject", on)],
        "PUT" => one("s3:CreateBucket"),
        "DELETE" if in_bucket => vec![asked("s3:DeleteObject", on)],
        "DELETE" => one("s3:DeleteBucket"),
        "GET versioning" => one("s3:GetBucketVersioning"),
        "PUT versioning" => one("s3:PutBucketVersioning"),
        "GET encryption" => one("s3:GetEncryptionConfiguration"),
        "PUT encryption" => one("s3:PutEncryptionConfiguration"),
        "GET policy" => one("s3:GetBucketPolicy"),
        "PUT policy" => one("s3:PutBucketPolicy"),
        "GET publicAccessBlock" => one("s3:GetBucketPublicAccessBlock"),
        "PUT publicAccessBlock" => one("s3:PutBucketPublicAccessBlock"),
        "GET ownershipControls" => one("s3:GetBucketOwnershipControls"),
        "PUT ownershipControls" => one("s3:PutBucketOwnershipControls"),
        "GET lifecycle" => one("s3:GetLifecycleConfiguration"),
        "PUT lifecycle" => one("s3:PutLifecycleConfiguration"),
        "GET notification" => one("s3:GetBucketNotification"),
        "PUT notification" => one("s3:PutBucketNotification"),
        "GET tagging" => one("s3:GetBucketTagging"),
        "PUT tagging" => one("s3:PutBucketTagging"),
        "GET versions" => one("s3:ListBucketVersions"),
        "POST delete" => vec![
            asked("s3:DeleteObject", format!("{of_bucket}/x")),
            asked("s3:DeleteObjectVersion", format!("{of_bucket}/x")),
        ],
        other => panic!("nobody said what {other} needs"),
    }
}

fn fits(pattern: &str, text: &str) -> bool {
    let pattern = regex::escape(pattern)
        .replace(r"\*", ".*")
        .replace(r"\?", ".");
    regex::Regex::new(&format!("^(?s:{pattern})$"))
        .unwrap()
        .is_match(text)
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(one) => vec![one],
        many => many
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one.as_str().unwrap())
            .collect(),
    }
}

/// The statement that gives it.
pub(crate) fn giver<'p>(policy: &'p Value, asked: &Asked) -> Option<&'p str> {
    let statements = policy["Statement"].as_array().unwrap();
    let gives = |statement: &&Value| {
        let condition = &statement["Condition"]["StringEquals"]["iam:PassedToService"];
        let service = condition.as_str();
        texts(&statement["Action"]).contains(&asked.action.as_str())
            && texts(&statement["Resource"])
                .iter()
                .any(|one| fits(one, &asked.resource))
            && (service.is_none() || service == asked.passed_to)
    };
    statements
        .iter()
        .find(gives)
        .map(|statement| statement["Sid"].as_str().unwrap())
}

fn policy(account: &Account, tasks: &str) -> Value {
    let ran = account.run(&["permissions", "--for", tasks]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

/// All requests since the last time are given by the policy; the statements that gave them are used.
#[track_caller]
fn check(account: &Account, policy: &Value, what: &str, used: &mut BTreeSet<String>) {
    let mut refused = BTreeSet::new();
    let calls = account.requests();
    assert!(!calls.is_empty(), "{what} asked nothing");
    for call in &calls {
        for asked in needed(&account.id, call) {
            match giver(policy, &asked) {
                Some(sid) => {
                    used.insert(sid.to_owned());
                }
                None => {
                    refused.insert(asked);
                }
            }
        }
    }
    assert!(
        refused.is_empty(),
        "{what}: the policy does not give {refused:#?}\n{policy:#}"
    );
}

/// Parliament finds nothing in it, but for stars that AWS leaves no choice about.
pub(crate) fn judge(policy: &Value) {
    let answer = ask(&json!({"do": "policy", "document": policy}));
    let known = [
        // Who sets the policy of a bucket could open it for others: that is what applying a bucket means.
        "s3:PutBucketPolicy",
        "BatchGetSecretValue",
        "Unsubscribe",
        "codeconnections",
        "RollbackStage",
        "logs:TagResource",
        "logs:UntagResource",
        "logs:ListTagsForResource",
    ];
    let findings: Vec<String> = answer["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(Value::to_string)
        .filter(|finding| !known.iter().any(|known| finding.contains(known)))
        .collect();
    assert!(findings.is_empty(), "{findings:#?}");
}

#[track_caller]
fn lives(id: &str, region: &str, example: &str) {
    let account = Account::of_example(id, region, example);
    account.requests();
    let all = policy(&account, "plan,apply,run,steer,destroy");
    judge(&all);
    let mut used = BTreeSet::new();
    let plan = policy(&account, "plan");
    account.requests();
    account.plan(&[]);
    check(&account, &plan, "plan", &mut BTreeSet::new());
    let apply = policy(&account, "apply");
    let both = policy(&account, "apply,destroy");
    account.requests();
    account.json(0, &["apply", "--yes"]);
    check(&account, &apply, "apply", &mut BTreeSet::new());
    account.json(0, &["destroy", "--yes", "--delete-data"]);
    account.requests();
    // Once more under the policy for both, so that each statement can be seen at work.
    for arguments in [
        &["apply", "--yes"][..],
        &["apply"],
        &["plan"],
        &["destroy", "--yes", "--delete-data"],
    ] {
        account.json(0, arguments);
        check(&account, &both, &arguments.join(" "), &mut used);
    }
    let idle: Vec<&str> = both["Statement"]
        .as_array()
        .unwrap()
        .iter()
        .map(|statement| statement["Sid"].as_str().unwrap())
        .filter(|sid| !used.contains(*sid) && !UNUSED.iter().any(|(known, _)| known == sid))
        .collect();
    assert_eq!(
        idle,
        Vec::<&str>::new(),
        "nothing uses these statements: {both:#}"
    );
}

#[test]
fn heavy_water_needs_what_is_printed() {
    lives("100000000071", "us-east-1", "heavy-water");
}

#[test]
fn web_monitor_needs_what_is_printed() {
    lives("100000000072", "us-east-1", "web-monitor");
}

#[test]
fn website_needs_what_is_printed() {
    lives("100000000073", "eu-west-1", "website");
}

#[test]
fn canary_needs_what_is_printed() {
    lives("100000000074", "us-west-2", "canary");
}

#[test]
fn telemetry_ecs_needs_what_is_printed() {
    lives("100000000075", "eu-central-1", "telemetry-ecs");
}

#[test]
fn every_call_of_the_adapter_is_in_the_table() {
    // The beginning of two calls, and what stands in the policy of a new topic: no calls of ours.
    const WORDS: [&str; 4] = [
        "S3:Head",
        "SNS:AddPermission",
        "SNS:Publish",
        "SNS:RemovePermission",
    ];
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cloud/aws");
    let call = regex::Regex::new(
        r#""((?:CodePipeline|CodeBuild|CodeConnections|IAM|S3|SSM|SecretsManager|STS|SNS|CloudWatch|CloudWatchLogs|EventBridge|CloudFormation):[A-Z]\w+)""#,
    )
    .unwrap();
    let mut seen = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        seen.extend(call.captures_iter(&text).map(|found| found[1].to_owned()));
    }
    assert!(seen.len() > 100, "{seen:?}");
    let known: BTreeSet<&str> = operations::needs()
        .iter()
        .flat_map(|need| &need.operations)
        .map(String::as_str)
        .collect();
    let unknown: Vec<&String> = seen
        .iter()
        .filter(|call| {
            !known.contains(call.as_str())
                && !operations::is_free(call)
                && !WORDS.contains(&call.as_str())
        })
        .collect();
    assert!(
        unknown.is_empty(),
        "operations.json does not know {unknown:?}"
    );
    let gone: Vec<&&str> = known.iter().filter(|call| !seen.contains(**call)).collect();
    assert!(
        gone.is_empty(),
        "operations.json knows {gone:?}, and nothing calls them"
    );
}
