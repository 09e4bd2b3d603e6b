//! The first stage has sources and nothing else.

use super::wording::{is_source, kind_span, stage_span};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::Pipeline;

pub(super) const RULE: Rule = Rule {
    code: "first-stage",
    severity: Severity::Error,
    summary: "the first stage has an action that is no source",
    why: "A pipeline begins with a stage of source actions and nothing else: what they bring is what the later stages \
          work on. Outside of raw definitions `source` makes that stage by itself.",
    aws: "Pipeline should start with a stage that only contains source actions",
    wrong: "source:\n  definition:\n    name: Build\n    actionTypeId: {category: Build, owner: AWS, provider: CodeBuild, version: \"1\"}",
    right: "source:\n  codecommit: shop\n  branch: main",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/pipeline-requirements.html",
    facts: &["S02"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        // the stage of sources that could not be read is reported where it stands
        if pipeline.raw || subject.has_read(&pipeline.path) {
            one(pipeline, diagnostics);
        }
    }
}

fn one(pipeline: &Pipeline, diagnostics: &mut Diagnostics) {
    let Some(first) = pipeline.stages.first() else {
        return;
    };
    let wrong = first
        .actions
        .iter()
        .find(|action| action.category.known && !is_source(action));
    let Some(action) = wrong else { return };
    let finding = RULE
        .finding(
            kind_span(action),
            format!("{}.actionTypeId.category", action.path),
            format!(
                "`{}` is no source, and the first stage takes sources only",
                action.name.value
            ),
        )
        .label("not a source")
        .related(stage_span(first), "the first stage");
    let help = if first.actions.iter().any(is_source) {
        format!("move `{}` into a later stage", action.name.value)
    } else {
        "put a stage with the sources before it".to_owned()
    };
    diagnostics.push(finding.help(help).through(action.category.origin.as_ref()));
}
