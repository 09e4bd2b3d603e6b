//! Run orders are within AWS's bounds.

use crate::catalog::structure;
use crate::checks::{Rule, Subject, flow};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "run-order",
    severity: Severity::Error,
    summary: "a run order is outside of 1 to 999",
    why: "Within a stage the actions of run order 1 run first, then those of 2, and so on up to 999. Actions of one \
          run order run side by side. `needs` makes the numbers by itself.",
    aws: "Member must have value greater than or equal to 1",
    wrong: "- name: Check\n  actions:\n    - name: Test\n      unit: make test\n      runOrder: 0",
    right: "- name: Check\n  actions:\n    - name: Test\n      unit: make test\n      runOrder: 1",
    link: "https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ActionDeclaration.html",
    facts: &["V01"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let quota = &structure::quotas().run_order;
    for step in flow::all_steps(subject.model) {
        let Some((order, span)) = step.action.run_order else {
            continue;
        };
        if !quota.allows(u64::from(order)) {
            diagnostics.push(
                RULE.finding(
                    span,
                    step.path("runOrder"),
                    format!(
                        "the run order of `{}` is {order}; AWS takes {} to {}",
                        step.action.name.value, quota.min, quota.max
                    ),
                )
                .label("out of range")
                .help("run orders of a stage begin at 1; equal ones run side by side"),
            );
        }
    }
}
