//! A deployment of the source beside a build whose result nothing reads.

use super::artifact_unused::{misdirected, unread};
use super::flow_text::input_span;
use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "deploy-unbuilt",
    severity: Severity::Warning,
    summary: "a deployment reads the source, and what the build made of it is read by nothing",
    why: "The pipeline builds, and then deploys what was there before the build. An action without `input` reads the \
          output of the first source.",
    aws: "",
    wrong: "- build:\n    run: make\n    output: Pages\n- deploy:\n    s3: { bucket: pages, extract: true }",
    right: "- build:\n    run: make\n    output: Pages\n- deploy:\n    input: Pages\n    s3: { bucket: pages, extract: true }",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/welcome-introducing-artifacts.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        let steps: Vec<Step<'_>> = flow::steps(pipeline).collect();
        let mut told: Vec<*const crate::model::Action> = Vec::new();
        for (build, output) in unread(subject.model, &steps) {
            let Some(deploy) = misdirected(&steps, build) else {
                continue;
            };
            let Some(input) = deploy.action.inputs.first() else {
                continue;
            };
            if told.contains(&std::ptr::from_ref(deploy.action)) {
                continue;
            }
            told.push(std::ptr::from_ref(deploy.action));
            let (written, key) = (
                &output.name.value,
                if deploy.action.raw {
                    "inputArtifacts"
                } else {
                    "input"
                },
            );
            let help = if deploy.action.raw {
                format!("write `inputArtifacts: [{{name: {written}}}]`")
            } else {
                format!("write `input: {written}`")
            };
            diagnostics.push(
                RULE.finding(
                    input_span(deploy, input),
                    deploy.path(key),
                    format!(
                        "`{}` deploys the source `{}`, not what `{}` made of it",
                        deploy.action.name.value, input.value, build.action.name.value
                    ),
                )
                .label(format!("reads `{}`", input.value))
                .related(output.name.span, "read by nobody")
                .help(help),
            );
        }
    }
}
