//! CloudFormation gets a role of the account in which its action works.

use crate::checks::{Rule, Subject, flow};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::Text;

pub(super) const RULE: Rule = Rule {
    code: "pass-role-account",
    severity: Severity::Error,
    summary: "CloudFormation is given a role of another account than that of the action's role",
    why: "A CloudFormation action works with the action's own role, or else with that of the pipeline, and passes \
          CloudFormation the role of its configuration. A role can be passed within its account only: to work in \
          another account, both roles must be of that account.",
    aws: "Cross-account pass role is not allowed.",
    wrong: "- deploy:\n    actionRole: arn:aws:iam::111122223333:role/deployer\n    cloudformation: {stack: shop, template: \"Source::shop.yml\", role: \"arn:aws:iam::444455556666:role/stack\"}",
    right: "- deploy:\n    actionRole: arn:aws:iam::444455556666:role/deployer\n    cloudformation: {stack: shop, template: \"Source::shop.yml\", role: \"arn:aws:iam::444455556666:role/stack\"}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-create-cross-account.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for step in flow::all_steps(subject.model) {
        if step.kind().is_none_or(|kind| kind.id != "cloudformation") {
            continue;
        }
        let Some(passed) = step.configuration("RoleArn") else {
            continue;
        };
        let Some(role) = flow::given_role(subject.model, &step) else {
            continue;
        };
        let (Some(there), Some(here)) = (account(passed), account(role)) else {
            continue;
        };
        if there == here {
            continue;
        }
        let word = step.path("role");
        let word = word.rsplit('.').next().unwrap_or_default();
        let start = passed.value.find(there).unwrap_or_default();
        let span = subject.part(passed, start, start + there.len());
        let own = step.action.role_arn.is_some();
        let who = if own { "the action" } else { "the pipeline" };
        let message = format!(
            "`{}` gives CloudFormation a role of account {there}, and works itself in {here}",
            step.action.name.value
        );
        // AWS takes both, and asks the action's role only when it runs
        let finding = if own {
            RULE.finding(span, step.path("RoleArn"), message)
        } else {
            RULE.doubtful(span, step.path("RoleArn"), message)
        };
        diagnostics.push(
            finding
            .label("another account")
            .related(role.span, format!("the role {who} works with"))
            .help(format!(
                "give the action a role of account {there}: `{word}: arn:aws:iam::{there}:role/…`"
            ))
            .through(passed.origin.as_ref()),
        );
    }
}

/// The account of a role's ARN, if it is one.
fn account(role: &Text) -> Option<&str> {
    if !role.known || role.secret.is_some() {
        return None;
    }
    let mut parts = role.value.split(':');
    let service = parts.nth(2)?;
    let account = parts.nth(1)?;
    let digits = account.len() == 12 && account.chars().all(|c| c.is_ascii_digit());
    (service == "iam" && digits).then_some(account)
}
