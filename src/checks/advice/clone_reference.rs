//! A full clone that something else than a build reads.

use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "clone-reference",
    severity: Severity::Warning,
    summary: "an action that is no CodeBuild build reads a source that is only a reference to a clone",
    why: "With a full clone the artifact of the source holds no files, only where CodeBuild finds the repository. Every \
          other action that reads it finds nothing that it could use, and fails when it runs.",
    aws: "",
    wrong: "source: { github: shop/web, branch: main, clone: full, connection: '${ssm:/shop/connection}' }\nstages:\n  - deploy: { s3: { bucket: pages } }",
    right: "source: { github: shop/web, branch: main, clone: full, connection: '${ssm:/shop/connection}' }\nstages:\n  - build: { run: make, output: Pages }\n  - deploy: { input: Pages, s3: { bucket: pages } }",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodestarConnectionSource.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        let steps: Vec<Step<'_>> = flow::steps(pipeline).collect();
        for source in &steps {
            let Some(format) = source
                .configuration("OutputArtifactFormat")
                .filter(|format| format.known && format.value == "CODEBUILD_CLONE_REF")
            else {
                continue;
            };
            for output in source
                .action
                .outputs
                .iter()
                .filter(|output| output.name.known)
            {
                let name = &output.name.value;
                let readers = steps.iter().filter(|step| {
                    step.action.provider.value != "CodeBuild" && step.kind().is_some()
                });
                for (reader, input) in readers.filter_map(|step| {
                    let input = step
                        .action
                        .inputs
                        .iter()
                        .find(|input| input.value == *name)?;
                    Some((step, input))
                }) {
                    let span = super::flow_text::input_span(reader, input);
                    diagnostics.push(
                        RULE.finding(
                            span,
                            reader.path(if reader.action.raw { "inputArtifacts" } else { "input" }),
                            format!(
                                "`{}` reads `{name}`, which holds no files but a reference for CodeBuild",
                                reader.action.name.value
                            ),
                        )
                        .label("no build")
                        .related(format.span, "a full clone")
                        .help("let a build write what it needs, or take the source without a full clone"),
                    );
                }
            }
        }
    }
}
