//! An action lists an input once.

use std::collections::HashMap;

use crate::checks::{Rule, Subject, flow};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::Text;

pub(super) const RULE: Rule = Rule {
    code: "input-duplicate",
    severity: Severity::Warning,
    summary: "an action lists an input twice",
    why: "The second of two inputs of one name means nothing, and is mostly a slip of another name. Whether AWS \
          refuses it is not documented.",
    aws: "",
    wrong: "- deploy:\n    input: [App, App]\n    run: ./deploy.sh",
    right: "- deploy:\n    input: [App, Config]\n    run: ./deploy.sh",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/action-requirements.html",
    facts: &["S13"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for step in flow::all_steps(subject.model) {
        let action = step.action;
        let mut read: HashMap<&str, &Text> = HashMap::new();
        for (index, input) in action.inputs.iter().enumerate() {
            let first = *read.entry(&input.value).or_insert(input);
            if !input.known || !first.known || std::ptr::eq(first, input) {
                continue;
            }
            diagnostics.push(
                RULE.finding(
                    input.span,
                    step.artifact_path("input", index),
                    format!(
                        "`{}` lists the input `{}` twice",
                        action.name.value, input.value
                    ),
                )
                .label("again")
                .related(first.span, "the first")
                .help("leave it out, or name the artifact that was meant")
                .through(input.origin.as_ref()),
            );
        }
    }
}
