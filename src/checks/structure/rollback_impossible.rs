//! What can be rolled back.

use super::wording::{is_source, placed_conditions, stage_span};
use crate::catalog::structure;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::{Condition, Text};

pub(super) const RULE: Rule = Rule {
    code: "rollback-impossible",
    severity: Severity::Error,
    summary: "a stage shall roll back where nothing can be rolled back",
    why: "Rolling back runs a stage again with what an earlier successful run had. The stage of the sources has \
          nothing to go back to, and in mode PARALLEL the runs do not know of each other.",
    aws: "",
    wrong: "executionMode: PARALLEL\nstages:\n  - build: make\n    onFailure: rollback",
    right: "executionMode: QUEUED\nstages:\n  - build: make\n    onFailure: rollback",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/stage-rollback.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        let mode = pipeline.execution_mode.as_ref().filter(|mode| mode.known);
        let forbids = mode.filter(|mode| {
            structure::execution_mode(&mode.value).is_some_and(|fact| !fact.rollback)
        });
        for stage in &pipeline.stages {
            for (place, condition) in placed_conditions(stage) {
                let Some(result) = rolls_back(condition) else {
                    continue;
                };
                let finding = if stage.actions.iter().any(is_source) {
                    RULE.finding(
                        result.span,
                        &condition.path,
                        format!(
                            "the stage of the sources, `{}`, cannot roll back",
                            stage.name.value
                        ),
                    )
                    .label("rolls back")
                    .related(stage_span(stage), "the stage of the sources")
                    .help(format!(
                        "take `{place}` away; a stage of sources can be retried"
                    ))
                } else if let Some(mode) = forbids {
                    RULE.finding(
                        result.span,
                        &condition.path,
                        format!(
                            "`{}` shall roll back, which nothing can in mode {}",
                            stage.name.value, mode.value
                        ),
                    )
                    .label("rolls back")
                    .related(mode.span, "the mode")
                    .help("choose `QUEUED` or `SUPERSEDED`, or another end than to roll back")
                } else {
                    continue;
                };
                diagnostics.push(finding.through(result.origin.as_ref()));
            }
        }
    }
}

fn rolls_back(condition: &Condition) -> Option<&Text> {
    let result = condition.result.as_ref();
    result.filter(|result| result.known && result.value == "ROLLBACK")
}
