//! Statements are added to roles that pipectl makes.

use std::collections::BTreeMap;

use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::{Given, Project, Purpose};
use crate::source::Span;

pub(super) const RULE: Rule = Rule {
    code: "allow-misplaced",
    severity: Severity::Error,
    summary: "permissions stand beside a role that is given",
    why: "`allow` and `passRoles` become statements of the role that pipectl makes for a build or a pipeline. A role that \
          the file gives by its name or ARN exists already and is never changed: beside it they would go nowhere, and \
          the first call that needs them would be denied.",
    aws: "",
    wrong: "- deploy:\n    run: aws s3 sync out s3://shop-pages\n    role: shop-deployer\n    allow:\n      - {Action: s3:PutObject, Resource: \"arn:aws:s3:::shop-pages/*\"}",
    right: "- deploy:\n    run: aws s3 sync out s3://shop-pages\n    role:\n      name: shop-deployer\n      allow:\n        - {Action: s3:PutObject, Resource: \"arn:aws:s3:::shop-pages/*\"}",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html",
    facts: &[],
    check,
};

/// A role that the file gives: where, under which key, and what to do about it.
struct Brought {
    span: Span,
    help: String,
}

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for step in flow::all_steps(subject.model) {
        let action = step.action;
        let allow = action.allow.first().map(|statement| statement.node.span);
        let passed = action.pass_roles.first().map(|role| role.span);
        for (key, span) in [("allow", allow), ("passRoles", passed)] {
            if let Some((span, role)) = span.zip(of_action(subject, &step)) {
                let path = format!("{}.{key}", action.path);
                one(key, span, path, &action.name.value, role, diagnostics);
            }
        }
    }
    // what stands under `defaults` is of every build, and goes somewhere as soon as one of them has a made role
    let mut by_statement: BTreeMap<(usize, usize), Vec<&Project>> = BTreeMap::new();
    let projects = subject.model.projects.iter();
    for project in projects.filter(|project| !project.existing) {
        if let Some(statement) = project.allow.first() {
            let place = (statement.node.span.start(), statement.node.span.end());
            by_statement.entry(place).or_default().push(project);
        }
    }
    for projects in by_statement.values() {
        let brought: Option<Vec<Brought>> = projects
            .iter()
            .map(|project| of_build(subject, project))
            .collect();
        let (Some(brought), Some(project)) = (brought, projects.first()) else {
            continue;
        };
        let (Some(role), Some(statement)) = (brought.into_iter().next(), project.allow.first())
        else {
            continue;
        };
        let path = statement.path.trim_end_matches("[0]").to_owned();
        one(
            "allow",
            statement.node.span,
            path,
            &project.name.value,
            role,
            diagnostics,
        );
    }
}

fn of_action(subject: &Subject<'_>, step: &Step<'_>) -> Option<Brought> {
    let action = step.action;
    let own = action.role_arn.as_ref().map(|role| role.span);
    if let Some(span) = own {
        let help = "add the statements to that role where it is made, or leave it out: then the action works with the \
                    role of the pipeline, which gets them";
        let help = help.to_owned();
        return Some(Brought { span, help });
    }
    let role = flow::given_role(subject.model, step)?;
    let help = "add the statements to that role where it is made, or leave `provider.pipelineRole` out: then pipectl \
                makes a role that has them";
    let (span, help) = (role.span, help.to_owned());
    Some(Brought { span, help })
}

fn of_build(subject: &Subject<'_>, project: &Project) -> Option<Brought> {
    let api = project.api.as_ref();
    if let Some(role) = api.and_then(|api| api.get("serviceRole")) {
        let help = "add the statements to that role where it is made, or leave it out";
        let (span, help) = (role.span, help.to_owned());
        return Some(Brought { span, help });
    }
    let shared = subject.model.provider.build_role.as_ref();
    // what updates the pipeline has a role of its own in any case
    let shared = shared.filter(|_| project.purpose != Purpose::SelfUpdate);
    let (role, is_shared) = match (&project.role, shared) {
        (Some(Given::Existing(role)), _) => (role, false),
        (None, Some(Given::Existing(role))) => (role, true),
        _ => return None,
    };
    let help = if is_shared {
        "write them as `role: {allow: [...]}`: then pipectl makes a role for this build; or add them to that role where \
         it is made"
            .to_owned()
    } else if role.known && !role.value.starts_with("arn:") {
        format!(
            "write `role: {{name: {}, allow: [...]}}`, if pipectl is to make that role; else add them to it where it is made",
            role.value
        )
    } else {
        "add the statements to that role where it is made, or leave `role` out: then pipectl makes one that has them"
            .to_owned()
    };
    Some(Brought {
        span: role.span,
        help,
    })
}

fn one(
    key: &str,
    span: Span,
    path: String,
    owner: &str,
    role: Brought,
    diagnostics: &mut Diagnostics,
) {
    diagnostics.push(
        RULE.finding(
            span,
            path,
            format!("`{key}` of `{owner}` goes nowhere: the role it works with exists already and is not changed"),
        )
        .label("no role gets this")
        .related(role.span, "the role that is given")
        .help(role.help),
    );
}
