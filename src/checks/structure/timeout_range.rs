//! Time limits are within AWS's bounds, and only where AWS has them.

use super::wording::{conditions, count, kind_span, rule_path};
use crate::catalog::structure;
use crate::checks::{Rule, Subject, flow};
use crate::diagnostic::{Diagnostics, Severity};
use crate::source::Span;

pub(super) const RULE: Rule = Rule {
    code: "timeout-range",
    severity: Severity::Error,
    summary: "a time limit of an action or rule is out of bounds or without effect",
    why: "An approval waits 5 minutes to 60 days, 7 days if nothing is said; a rule of a condition may have a limit of \
          the same bounds. The limits of other actions belong to their type, and AWS's guide says that they cannot be \
          changed; the limit of a build is that of its project.",
    aws: "Member must have value greater than or equal to 5",
    wrong: "- approval:\n    notify: ops@example.com\n    timeout: 2m",
    right: "- approval:\n    notify: ops@example.com\n    timeout: 2h",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html",
    facts: &["V01"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for step in flow::all_steps(subject.model) {
        let action = step.action;
        let Some((minutes, span)) = action.timeout_minutes else {
            continue;
        };
        let path = step.path("timeout");
        let who = format!("`{}`", action.name.value);
        if bounds(minutes, span, &path, &who, action.raw, diagnostics) {
            continue;
        }
        if let Some(kind) = step.kind()
            && !kind.has_field("timeoutInMinutes")
        {
            diagnostics.push(
                RULE.finding(
                    span,
                    path,
                    format!(
                        "{who} has a time limit, which AWS has for approvals only, not for {} actions",
                        kind.provider
                    ),
                )
                .label("for approvals only")
                .related(kind_span(action), "no approval")
                .help(if action.provider.value == "CodeBuild" {
                    "set the limit of the project, its `timeoutInMinutes`"
                } else {
                    "leave it out"
                }),
            );
        }
    }
    for stage in subject.model.pipelines.iter().flat_map(|p| &p.stages) {
        for condition in conditions(stage) {
            for (index, rule) in condition.rules.iter().enumerate() {
                if let Some((minutes, span)) = rule.timeout_minutes {
                    let raw = rule.raw.is_some();
                    let word = if raw { "timeoutInMinutes" } else { "timeout" };
                    let path = format!("{}.{word}", rule_path(condition, index));
                    let who = format!("the rule `{}`", rule.name.value);
                    bounds(minutes, span, &path, &who, raw, diagnostics);
                }
            }
        }
    }
}

/// Whether the limit is out of bounds, which is said.
fn bounds(
    minutes: u32,
    span: Span,
    path: &str,
    who: &str,
    raw: bool,
    diagnostics: &mut Diagnostics,
) -> bool {
    let quota = &structure::quotas().timeout_minutes;
    if quota.allows(u64::from(minutes)) {
        return false;
    }
    diagnostics.push(
        RULE.finding(
            span,
            path,
            format!(
                "the time limit of {who} is {}; AWS takes {} minutes to {} days",
                count(minutes, "minute"),
                quota.min,
                quota.max / (24 * 60)
            ),
        )
        .label("out of range")
        .help({
            let short = u64::from(minutes) < quota.min;
            let (word, bound) = match short {
                true => ("least", quota.min),
                false => ("most", quota.max),
            };
            match (raw, short) {
                (true, _) => format!("write {bound}, the {word} minutes that AWS takes"),
                (false, true) => format!("write `{bound}m`, or more"),
                (false, false) => format!("write `{}d`, or less", bound / (24 * 60)),
            }
        }),
    );
    true
}
