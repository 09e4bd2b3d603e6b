//! Badges are for sources that have a page.

use super::parts;
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "project-badge",
    severity: Severity::Warning,
    summary: "a project that a pipeline runs, or one without a repository, has a badge",
    why: "A build badge shows the last build of a branch of a repository. A source from a pipeline or from S3 has none, \
          and CodeBuild does not support badges for it.",
    aws: "",
    wrong: "source: {type: CODEPIPELINE}\nbadgeEnabled: true",
    right: "source: {type: CODEPIPELINE}",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/sample-build-badges.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for project in parts::raw(subject) {
        let definition = &project.definition;
        if fields::flag(definition, "badgeEnabled") != Some(true) {
            continue;
        }
        let Some((node, kind)) = fields::get(definition, "source.type")
            .and_then(|node| Some((node, fields::known(node)?)))
        else {
            continue;
        };
        if !matches!(kind, "CODEPIPELINE" | "S3" | "NO_SOURCE") {
            continue;
        }
        if let Some(badge) = definition.get("badgeEnabled") {
            diagnostics.push(
                parts::finding(
                    &RULE,
                    project,
                    "badgeEnabled",
                    badge,
                    format!("a source of type `{kind}` has no badge"),
                )
                .label("no badge to show")
                .related(node.span, "the source")
                .help("leave `badgeEnabled` out"),
            );
        }
    }
}
