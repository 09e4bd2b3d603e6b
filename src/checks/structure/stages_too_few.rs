//! A pipeline has two stages at least.

use super::wording::{below, said_by, stage_span};
use crate::catalog::structure;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "stages-too-few",
    severity: Severity::Error,
    summary: "a pipeline has fewer stages than AWS wants",
    why: "A pipeline has at least two stages: one of sources, and one that does something with them.",
    aws: "Pipeline has only 1 stage(s). There should be a minimum of 2 stages.",
    wrong: "source:\n  codecommit: shop\n  branch: main\nstages: []",
    right: "source:\n  codecommit: shop\n  branch: main\nstages:\n  - build: make",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/pipeline-requirements.html",
    // where no source stands in a later stage, a pipeline of sources only is one of a single stage
    facts: &["S01", "S04"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let fewest = structure::quotas().stages.min;
    for pipeline in &subject.model.pipelines {
        if pipeline.stages.len() as u64 >= fewest || !subject.has_read_actions(pipeline, &[]) {
            continue;
        }
        let path = below(&pipeline.path, "stages");
        let finding = match pipeline.stages.first() {
            Some(only) => RULE
                .finding(
                    stage_span(only),
                    path,
                    format!(
                        "the pipeline has only the stage `{}`; AWS wants at least {fewest}",
                        only.name.value
                    ),
                )
                .label("the only stage"),
            None => RULE
                .finding(
                    said_by(pipeline.api.as_ref(), "stages").unwrap_or(pipeline.span),
                    path,
                    format!("the pipeline has no stages; AWS wants at least {fewest}"),
                )
                .label("without stages"),
        };
        diagnostics
            .push(finding.help("add a stage that does something with the source, e.g. a build"));
    }
}
