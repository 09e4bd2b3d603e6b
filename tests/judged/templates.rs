//! Every template is one that cfn-lint takes without an error.

use serde_json::json;

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
