//! Sources stand in the first stage only.

use super::wording::{is_source, kind_span, stage_span};
use crate::checks::{Rule, Subject, flow};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "source-late",
    severity: Severity::Error,
    summary: "a source action stands in a later stage",
    why: "Sources start a pipeline, so all of them stand in its first stage. What a later stage needs beside the code \
          it fetches itself, or a further source brings it.",
    aws: "",
    wrong: "stages:\n  - definition:\n      name: Tests\n      actionTypeId: {category: Source, owner: AWS, provider: CodeCommit, version: \"1\"}\n      configuration: {RepositoryName: tests, BranchName: main}\n      outputArtifacts: [{name: Tests}]",
    right: "source:\n  - codecommit: shop\n    branch: main\n  - name: Tests\n    codecommit: tests\n    branch: main",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/pipeline-requirements.html",
    facts: &["S03"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        let Some(first) = pipeline.stages.first() else {
            continue;
        };
        for step in flow::steps(pipeline).filter(|step| step.at > 0 && is_source(step.action)) {
            let action = step.action;
            let help = if pipeline.raw {
                format!("move it into `{}`", first.name.value)
            } else {
                "write it under `source`, which can be a list".to_owned()
            };
            diagnostics.push(
                RULE.finding(
                    kind_span(action),
                    step.path("actionTypeId.category"),
                    format!(
                        "the source `{}` stands in the stage `{}`; sources stand in the first stage only",
                        action.name.value, step.stage.name.value
                    ),
                )
                .label("a source")
                .related(stage_span(first), "the first stage")
                .help(help)
                .through(action.category.origin.as_ref()),
            );
        }
    }
}
