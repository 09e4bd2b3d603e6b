//! A deployment by commands that may do nothing.

use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::{Given, Purpose};

pub(super) const RULE: Rule = Rule {
    code: "deploy-without-rights",
    severity: Severity::Warning,
    summary: "commands deploy with a role that may do nothing but build",
    why: "The role that pipectl makes for a build may write its log and its reports and handle its artifacts. What the \
          commands of a deployment call in AWS, pipectl cannot know: without `role` or `allow` the first call is denied. \
          A deployment to somewhere else needs neither; say so with `# pipectl: ignore[deploy-without-rights]`.",
    aws: "",
    wrong: "- deploy: aws s3 sync out s3://shop-pages",
    right: "- deploy:\n    run: aws s3 sync out s3://shop-pages\n    allow:\n      - Action: [s3:ListBucket, s3:PutObject]\n        \
            Resource: [arn:aws:s3:::shop-pages, arn:aws:s3:::shop-pages/*]",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let provider = &subject.model.provider;
    let given = match &provider.build_role {
        Some(Given::Existing(_)) => true,
        Some(Given::Made(role)) => !role.allow.is_empty(),
        None => false,
    };
    for project in &subject.model.projects {
        let rights = match &project.role {
            Some(Given::Existing(_)) => true,
            Some(Given::Made(role)) => !role.allow.is_empty(),
            None => given,
        };
        if project.purpose != Purpose::Deploy
            || project.existing
            || rights
            || !project.allow.is_empty()
        {
            continue;
        }
        diagnostics.push(
            RULE.finding(
                project.span,
                project.path.clone(),
                format!("`{}` deploys with a role that may do nothing but build", project.name.value),
            )
            .label("neither `role` nor `allow`")
            .help("give it `role: ARN` for a role that exists, or `allow:` with the statements that its commands need"),
        );
    }
}
