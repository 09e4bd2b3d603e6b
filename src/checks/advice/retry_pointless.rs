//! A retry of a person's decision.

use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "retry-pointless",
    severity: Severity::Warning,
    summary: "a stage of approvals only is tried again when it fails",
    why: "A stage of approvals fails when somebody says no, or says nothing until the time is over. A retry then asks the \
          same question again, at once, and the `no` counts for nothing.",
    aws: "",
    wrong: "- approval: ops@example.com\n  onFailure: { retry: failed }",
    right: "- approval: ops@example.com",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/stage-retry.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for stage in subject.model.pipelines.iter().flat_map(|p| &p.stages) {
        let Some(condition) = &stage.on_failure else {
            continue;
        };
        let retries = condition
            .result
            .as_ref()
            .filter(|result| result.value == "RETRY");
        let mut actions = stage.actions.iter();
        let only_approvals =
            !stage.actions.is_empty() && actions.all(|action| action.category.value == "Approval");
        let Some(result) = retries.filter(|_| only_approvals) else {
            continue;
        };
        diagnostics.push(
            RULE.finding(
                result.span,
                condition.path.clone(),
                format!("`{}` asks again whoever has just said no", stage.name.value),
            )
            .label("retry of an approval")
            .perhaps_related(
                stage.actions.first().map(|action| action.span),
                "the approval",
            )
            .help("leave `onFailure` out here"),
        );
    }
}
