//! Every template is one that cfn-lint takes without an error.

use serde_json::{Value, json};

use super::{Case, Overruled, ask, cases, each, settle};

fn judge(case: &Case) -> Vec<String> {
    let template = match case.template() {
        Ok(answer) => answer,
        Err(said) => return vec![said],
    };
    let compiled = case.json().unwrap();
    // the corpus has pseudo words for some regions, and cfn-lint knows only real ones
    let region = compiled["region"].as_str().unwrap();
    let real = region.ends_with(|last: char| last.is_ascii_digit());
    let region = if real { region } else { "us-east-1" };
    let answer = ask(&json!({"do": "cfn_lint", "template": template, "regions": [region]}));
    let findings = answer["findings"].as_array().unwrap();
    findings
        .iter()
        .map(|finding| {
            let path: Vec<String> = finding["path"]
                .as_array()
                .unwrap()
                .iter()
                .map(|part| part.to_string().trim_matches('"').to_owned())
                .collect();
            format!(
                "{} at {}: {}",
                finding["rule"].as_str().unwrap(),
                path.join("."),
                finding["message"].as_str().unwrap()
            )
        })
        .collect()
}

/// Where cfn-lint and we disagree.
const KNOWN: [Overruled; 3] = [
    Overruled {
        finding: "everything: E3002 at Resources.PipelineAllInOne.Properties.Future: Additional",
        reason: "written under `api:`, which is for members that nobody knows yet",
    },
    Overruled {
        finding: "everything: E3002 at Resources.PipelineRawOne.Properties.Future: Additional",
        reason: "written under `api:`",
    },
    Overruled {
        finding: "pipelines/accepted/151.json: E3703 at Resources.PipelinePipelineName.Properties.Stages.1.Actions.0\
        .Configuration.RoleArn: 'arn:aws:iam::TEST_ACCOUNT:role/",
        reason: "somebody's generator left a word where the account id goes; CreatePipeline takes the configuration as \
        text and looks the role up when the action runs",
    },
];

#[test]
fn cfn_lint_takes_every_template() {
    settle(each(&cases(), judge), &KNOWN);
}

/// Where each kind stands in JSON, its word, and its type.
const KINDS: [(&str, &str, &str); 10] = [
    ("pipelines", "pipeline", "AWS::CodePipeline::Pipeline"),
    ("projects", "codebuild-project", "AWS::CodeBuild::Project"),
    ("roles", "iam-role", "AWS::IAM::Role"),
    ("buckets", "s3-bucket", "AWS::S3::Bucket"),
    ("logGroups", "log-group", "AWS::Logs::LogGroup"),
    ("topics", "sns-topic", "AWS::SNS::Topic"),
    (
        "subscriptions",
        "sns-subscription",
        "AWS::SNS::Subscription",
    ),
    ("alarms", "cloudwatch-alarm", "AWS::CloudWatch::Alarm"),
    ("rules", "event-rule", "AWS::Events::Rule"),
    ("webhooks", "webhook", "AWS::CodePipeline::Webhook"),
];

fn count(list: &Value) -> usize {
    list.as_array().map_or(0, Vec::len)
}

/// What JSON has and the template neither has nor names as missing.
fn lost(case: &Case) -> Vec<String> {
    let (compiled, template) = match (case.json(), case.template()) {
        (Ok(compiled), Ok(template)) => (compiled, template),
        (Err(said), _) | (_, Err(said)) => return vec![said],
    };
    let resources = template["Resources"].as_object().unwrap();
    let missing = template["Metadata"]["NotInThisTemplate"].as_array();
    let missing: Vec<&str> = missing
        .into_iter()
        .flatten()
        .map(|line| line.as_str().unwrap())
        .collect();
    let named = |word: &str| {
        let start = format!("{word} ");
        missing
            .iter()
            .filter(|line| line.starts_with(&start))
            .count()
    };
    let mut lost: Vec<String> = KINDS
        .iter()
        .filter_map(|(member, word, kind)| {
            let there = resources.values().filter(|r| r["Type"] == *kind).count();
            let (wanted, found) = (count(&compiled[member]), there + named(word));
            (wanted != found).then(|| format!("{wanted} {member}, {found} in the template"))
        })
        .collect();
    let roles = compiled["roles"].as_array().unwrap();
    let managed: usize = roles.iter().map(|r| count(&r["managedPolicies"])).sum();
    let policies = resources
        .values()
        .filter(|r| r["Type"] == "AWS::IAM::ManagedPolicy");
    let attached = policies
        .filter(|p| count(&p["Properties"]["Roles"]) == 1)
        .count();
    if managed != attached {
        lost.push(format!(
            "{managed} managed policies, {attached} in the template"
        ));
    }
    let closed = compiled["transitions"].as_array().unwrap();
    let closed = closed.iter().filter(|t| t["enabled"] == false).count();
    let disabled: usize = resources
        .values()
        .map(|r| count(&r["Properties"]["DisableInboundStageTransitions"]))
        .sum();
    if closed != disabled {
        lost.push(format!(
            "{closed} closed transitions, {disabled} in the template"
        ));
    }
    let events = count(&compiled["bucketEvents"]);
    if events != named("s3-bucket-events") {
        lost.push(format!("{events} buckets of others that send events"));
    }
    if template.to_string().contains("pipectl:sha256") {
        lost.push("the digest of pipectl".to_owned());
    }
    lost
}

#[test]
fn nothing_is_left_out_in_silence() {
    settle(each(&cases(), lost), &[]);
}

#[test]
fn what_is_left_out_is_said_on_stderr() {
    let folder = super::repository().join("examples/website");
    let said = crate::examples::pipectl(
        &folder,
        &["compile", "--offline", "--format", "cloudformation"],
    )
    .stderr;
    assert!(
        said.contains("not in the template: s3-bucket-events ${ssm:/website/prices_bucket}"),
        "{said}"
    );
}
