//! Every stage has an action.

use super::wording::{said_by, stage_span};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "stage-empty",
    severity: Severity::Error,
    summary: "a stage has no action",
    why: "Every stage has at least one action. A stage that shall only stop the run for a moment is an approval.",
    aws: "",
    wrong: "- name: Release\n  actions: []",
    right: "- name: Release\n  actions:\n    - approval",
    link: "https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_StageDeclaration.html",
    facts: &["S05"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let stages = subject.model.pipelines.iter().flat_map(|p| &p.stages);
    for stage in stages.filter(|stage| stage.actions.is_empty() && subject.has_read(&stage.path)) {
        diagnostics.push(
            RULE.finding(
                said_by(stage.api.as_ref(), "actions").unwrap_or_else(|| stage_span(stage)),
                format!("{}.actions", stage.path),
                format!("the stage `{}` has no action", stage.name.value),
            )
            .label("without actions")
            .help("give it an action, or leave the stage out"),
        );
    }
}
