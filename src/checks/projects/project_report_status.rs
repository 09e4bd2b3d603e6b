//! Who can be told how a build went.

use super::parts;
use crate::catalog::codebuild::codebuild;
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "project-report-status",
    severity: Severity::Error,
    summary: "a project reports the status of its builds to a source that takes none",
    why: "CodeBuild can report how a build went to GitHub, GitLab and Bitbucket. A source from a pipeline, S3 or \
          CodeCommit has nobody to tell, and CodeBuild refuses the project.",
    aws: "",
    wrong: "source:\n  type: CODEPIPELINE\n  reportBuildStatus: true",
    right: "source:\n  type: CODEPIPELINE",
    link: "https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ProjectSource.html",
    facts: &["P09"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let rules = &codebuild().source;
    for project in parts::raw(subject) {
        let list = fields::items(&project.definition, "secondarySources")
            .iter()
            .enumerate();
        let sources = fields::get(&project.definition, "source")
            .map(|node| ("source".to_owned(), node))
            .into_iter()
            .chain(list.map(|(index, node)| (format!("secondarySources[{index}]"), node)));
        for (place, source) in sources {
            let Some(kind) = fields::word(source, "type")
                .filter(|kind| rules.types.iter().any(|word| word == kind))
            else {
                continue;
            };
            let said = [
                (
                    "reportBuildStatus",
                    fields::flag(source, "reportBuildStatus") == Some(true),
                    &rules.report_build_status,
                ),
                (
                    "buildStatusConfig",
                    fields::get(source, "buildStatusConfig").is_some(),
                    &rules.build_status_config,
                ),
            ];
            for (key, said, takes) in said {
                if !said || takes.iter().any(|word| word == kind) {
                    continue;
                }
                let Some(entry) = source.entry(key) else {
                    continue;
                };
                diagnostics.push(
                    RULE.finding(
                        entry.key_span,
                        parts::place(project, &format!("{place}.{key}")),
                        format!("`{key}` is not for a source of type `{kind}`"),
                    )
                    .label("not for this source")
                    .perhaps_related(source.get("type").map(|kind| kind.span), "the source")
                    .help(format!("leave it out; it is for {}", takes.join(", "))),
                );
            }
        }
    }
}
