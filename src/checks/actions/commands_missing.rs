//! A Commands action has commands.

use crate::checks::flow;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "commands-missing",
    severity: Severity::Error,
    summary: "a Commands action has no commands",
    why: "The Commands action runs what stands in its commands, so that CodePipeline refuses one without any.",
    aws: "Action Smoke must have a non-empty commands field",
    wrong: "- name: Smoke\n  commands:\n    run: []",
    right: "- name: Smoke\n  commands:\n    run: ./smoke.sh",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-Commands.html",
    facts: &["S22"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for step in flow::all_steps(subject.model) {
        let action = step.action;
        let takes = step.kind().is_some_and(|kind| kind.has_field("commands"));
        if !takes || !action.commands.is_empty() || !subject.has_read_action(&step, &["commands"]) {
            continue;
        }
        let written = action.raw_node.as_ref();
        // a list whose items are not known offline is not empty
        if written
            .and_then(|node| node.get("commands"))
            .is_some_and(|node| node.has_unknown())
        {
            continue;
        }
        let word = if action.raw { "commands" } else { "run" };
        diagnostics.push(
            RULE.finding(
                action.span,
                step.path("run"),
                format!("`{}` has no commands", action.name.value),
            )
            .label("nothing to run")
            .help(format!("add `{word}: [\"./smoke.sh\"]`")),
        );
    }
}
