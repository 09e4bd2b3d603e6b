//! A source of GitHub, version 1.

use crate::checks::flow;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "source-github-v1",
    severity: Severity::Warning,
    summary: "a source uses GitHub version 1 with a token instead of a connection",
    why: "The version 1 action reads the repository with somebody's personal access token: it ends with that person's \
          account or with its date, usually reaches every repository of its owner, and AWS advises against the action. \
          Filters on branches, tags, paths and pull requests exist for connections only.\n\n\
          A connection is made once in the console, belongs to nobody in person and can be limited to one repository.",
    aws: "",
    wrong: "source:\n  github: shop/web\n  branch: main\n  token: ${secret:GITHUB:token}",
    right: "source:\n  github: shop/web\n  branch: main\n  connection: ${ssm:/shop/github_connection}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/update-github-action-connections.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for step in flow::all_steps(subject.model) {
        let Some(kind) = step.kind() else { continue };
        let Some(why) = kind
            .discouraged
            .as_ref()
            .filter(|_| action_is_source(&step))
        else {
            continue;
        };
        let action = step.action;
        let finding = if action.raw {
            RULE.finding(
                action.provider.span,
                step.path("actionTypeId.provider"),
                format!("`{}` is a version 1 action of GitHub; {}", action.name.value, why.trim_end_matches('.')),
            )
            .label("version 1")
            .help(
                "take owner `AWS`, provider `CodeStarSourceConnection`, and configure `ConnectionArn`, `FullRepositoryId` \
                 (owner/repository) and `BranchName`",
            )
        } else {
            let span = step
                .configuration("OAuthToken")
                .map_or(action.span, |token| token.span);
            RULE.finding(
                span,
                step.path("token"),
                format!(
                    "`{}` reads GitHub with a token; {}",
                    action.name.value,
                    why.trim_end_matches('.')
                ),
            )
            .label("version 1 of the action")
            .help("write `connection:` with the ARN of a connection in place of `token:`")
        };
        diagnostics.push(finding);
    }
}

fn action_is_source(step: &flow::Step<'_>) -> bool {
    step.action.category.value == "Source"
}
