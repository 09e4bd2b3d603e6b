//! The service role is a role.

use super::parts;
use crate::catalog::structure;
use crate::checks::{Rule, Subject};
use crate::checks::{fields, templates};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::{Given, Text};

pub(super) const RULE: Rule = Rule {
    code: "project-service-role",
    severity: Severity::Error,
    summary: "the role of a project is not the ARN of a role",
    why: "CodeBuild acts in the account under the project's role, and takes its ARN. The name alone is taken too, if the \
          role has no path; the documentation knows only the ARN. A batch is run with another role than its builds, so that what a \
          build runs cannot start builds.",
    aws: "Invalid service role",
    wrong: "- build:\n    role: arn:aws:iam::123456789012:user/build\n    run: make",
    right: "- build:\n    role: arn:aws:iam::123456789012:role/build\n    run: make",
    link: "https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html",
    facts: &["P18"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for project in parts::made(subject) {
        let raw = parts::says(project, "serviceRole");
        let role = if raw {
            fields::get(&project.definition, "serviceRole").and_then(fields::leaf)
        } else {
            match &project.role {
                Some(Given::Existing(role)) if role.known => Some(role.clone()),
                _ => None,
            }
        };
        if let Some(role) = role {
            let member = if raw { "serviceRole" } else { "role" };
            one(&role, &parts::place(project, member), diagnostics);
        }
        let member = "buildBatchConfig.serviceRole";
        if let Some(role) = fields::get(&project.definition, member).and_then(fields::leaf) {
            let place = parts::place(project, member);
            one(&role, &place, diagnostics);
            let own = fields::get(&project.definition, "serviceRole").and_then(fields::leaf);
            let own = own.or_else(|| match &project.role {
                Some(Given::Existing(own)) if own.known => Some(own.clone()),
                _ => None,
            });
            if let Some(own) = own.filter(|own| own.value == role.value && !own.value.is_empty()) {
                let message = "the role that runs the batch is that of its builds";
                diagnostics.push(
                    RULE.doubtful(role.span, place, message)
                        .label("the same role")
                        .related(own.span, "the role of the builds")
                        .help("give the batch a role of its own, which may start and stop builds of the project")
                        .through(role.origin.as_ref()),
                );
            }
        }
    }
}

fn one(role: &Text, place: &str, diagnostics: &mut Diagnostics) {
    let name = &role.value;
    if name.is_empty() || structure::names().role_arn.check(name).is_ok() {
        return;
    }
    if let Some(told) = templates::told(&RULE, role, place) {
        diagnostics.push(told);
        return;
    }
    let finding = if name.contains(':') {
        let finding = RULE
            .finding(
                role.span,
                place,
                format!("`{name}` is not the ARN of a role"),
            )
            .label("no role");
        finding.help("it looks like arn:aws:iam::123456789012:role/NAME")
    } else if name.contains(char::is_whitespace) {
        let message = format!("`{name}` is neither the ARN of a role nor the name of one");
        let finding = RULE.finding(role.span, place, message).label("no role");
        finding.help("it looks like arn:aws:iam::123456789012:role/NAME")
    } else {
        let finding = RULE
            .doubtful(
                role.span,
                place,
                format!("`{name}` is the name of a role, not its ARN"),
            )
            .label("no ARN");
        finding.help(format!(
            "write arn:aws:iam::123456789012:role/{name} with the number of your account"
        ))
    };
    diagnostics.push(finding.through(role.origin.as_ref()));
}
