//! Names of actions are unique in their stage.

use crate::checks::{Rule, Subject, flow};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "action-name-duplicate",
    severity: Severity::Error,
    summary: "two actions of a stage have one name",
    why: "Within its stage an action is known by its name. In different stages actions may have the same name.",
    aws: "",
    wrong: "- name: Check\n  actions:\n    - name: Test\n      unit: make test\n    - name: Test\n      unit: make lint",
    right: "- name: Check\n  actions:\n    - name: Test\n      unit: make test\n    - name: Lint\n      unit: make lint",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/action-requirements.html",
    facts: &["S07"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for step in flow::all_steps(subject.model) {
        let (stage, name) = (step.stage, &step.action.name);
        let first = stage
            .actions
            .iter()
            .take_while(|other| !std::ptr::eq(*other, step.action))
            .find(|other| other.name.known && name.known && other.name.value == name.value);
        let Some(first) = first else { continue };
        diagnostics.push(
            RULE.finding(
                name.span,
                step.path("name"),
                format!(
                    "two actions of the stage `{}` are called `{}`",
                    stage.name.value, name.value
                ),
            )
            .label("the second")
            .related(first.name.span, "the first")
            .help("give one of them another name")
            .through(name.origin.as_ref()),
        );
    }
}
