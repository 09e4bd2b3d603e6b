//! An action role is for actions of AWS.

use crate::checks::{Rule, Subject, flow};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "role-misplaced",
    severity: Severity::Error,
    summary: "a partner or custom action has a role",
    why: "The role of an action is taken on by CodePipeline before it runs the action. What a partner or a worker of \
          one's own runs, it cannot run under a role.",
    aws: "",
    wrong: "- definition:\n    name: Test\n    actionTypeId: {category: Test, owner: Custom, provider: Jenkins, version: \"1\"}\n    configuration: {ProjectName: shop}\n    inputArtifacts: [{name: Source}]\n    roleArn: arn:aws:iam::111122223333:role/test",
    right: "- definition:\n    name: Test\n    actionTypeId: {category: Test, owner: Custom, provider: Jenkins, version: \"1\"}\n    configuration: {ProjectName: shop}\n    inputArtifacts: [{name: Source}]",
    link: "https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ActionDeclaration.html",
    facts: &["S19"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for step in flow::all_steps(subject.model) {
        let action = step.action;
        let owner = &action.owner;
        // of an owner that has no such action another rule speaks
        let foreign = match owner.value.as_str() {
            "ThirdParty" => step.kind().is_some_and(|kind| kind.owner == owner.value),
            "Custom" => true,
            _ => false,
        };
        if let Some(role) = action.role_arn.as_ref().filter(|_| owner.known && foreign) {
            diagnostics.push(
                RULE.finding(
                    role.span,
                    step.path("role"),
                    format!(
                        "`{}` is an action of owner {}, which runs under no role of yours",
                        action.name.value, owner.value
                    ),
                )
                .label("only for actions of owner AWS")
                .perhaps_related(action.raw.then_some(owner.span), "the owner")
                .help("leave it out")
                .through(role.origin.as_ref()),
            );
        }
    }
}
