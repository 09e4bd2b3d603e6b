//! Several connection sources follow one repository.

use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "source-same-repository",
    severity: Severity::Warning,
    summary: "several sources follow different branches of one repository, and only one of them starts the pipeline",
    why: "A pipeline is told of the changes of a repository once, not once per branch. Of several connection sources \
          on one repository with different branches only one starts the pipeline; pushes to the other branches do \
          nothing.\n\n\
          A pipeline per branch follows every branch. A source that is only read, not followed, says `detect: none`.",
    aws: "",
    wrong: "source:\n  - { name: Main, github: shop/web, branch: main, connection: '${ssm:/shop/connection}' }\n  \
            - { name: Docs, github: shop/web, branch: docs, connection: '${ssm:/shop/connection}' }",
    right: "source:\n  - { name: Main, github: shop/web, branch: main, connection: '${ssm:/shop/connection}' }\n  \
            - { name: Docs, github: shop/web, branch: docs, connection: '${ssm:/shop/connection}', detect: none }",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/troubleshooting.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        let sources: Vec<Step<'_>> = flow::steps(pipeline)
            .filter(|step| step.configuration("FullRepositoryId").is_some() && follows(step))
            .collect();
        for (index, step) in sources.iter().enumerate() {
            let known = |key: &str| step.configuration(key).filter(|text| text.known);
            let (Some(repository), Some(branch)) = (known("FullRepositoryId"), known("BranchName"))
            else {
                continue;
            };
            let first = sources[..index].iter().find_map(|other| {
                let same = other.configuration("FullRepositoryId")?.value == repository.value;
                let theirs = other.configuration("BranchName")?;
                (same && theirs.known && theirs.value != branch.value).then_some((other, theirs))
            });
            let Some((first, theirs)) = first else {
                continue;
            };
            let help = if step.action.raw {
                "write `DetectChanges: \"false\"` at the one that is only read; or make a pipeline per branch"
            } else {
                "write `detect: none` at the one that is only read; or make a pipeline per branch, under `pipelines`"
            };
            diagnostics.push(
                RULE.finding(
                    branch.span,
                    step.path(if step.action.raw {
                        "configuration.BranchName"
                    } else {
                        "branch"
                    }),
                    format!(
                        "`{}` and `{}` follow two branches of `{}`, and only one of them starts the pipeline",
                        first.action.name.value, step.action.name.value, repository.value
                    ),
                )
                .label("second branch")
                .related(theirs.span, "first branch")
                .help(help)
                .through(branch.origin.as_ref()),
            );
        }
    }
}

/// Whether a change of the repository is meant to start the pipeline.
fn follows(step: &Step<'_>) -> bool {
    step.configuration("DetectChanges")
        .is_none_or(|value| value.known && value.value == "true")
}
