//! A full clone goes to builds only.

use super::wording::{conditions, rule_path};
use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::Pipeline;

pub(super) const RULE: Rule = Rule {
    code: "full-clone",
    severity: Severity::Error,
    summary: "the full clone of a source goes to an action that is no build",
    why: "With a full clone the artifact of a source is no archive of its files but a reference, with which a build \
          clones the repository. A deployment that reads it finds no file. Let a build hand on what is to be \
          deployed. Of other actions than deployments it is not documented what they make of it: a warning.",
    aws: "",
    wrong: "source:\n  codecommit: shop\n  branch: main\n  clone: full\nstages:\n  - deploy:\n      input: Source\n      s3: {bucket: shop-pages, extract: true}",
    right: "source:\n  codecommit: shop\n  branch: main\n  clone: full\nstages:\n  - build:\n      run: make\n      artifacts: out/**\n      output: Pages\n  - deploy:\n      input: Pages\n      s3: {bucket: shop-pages, extract: true}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodestarConnectionSource.html",
    facts: &[],
    check,
};

/// The key that says how a source hands on its files, and the value that means a reference.
const KEY: &str = "OutputArtifactFormat";
const REFERENCE: &str = "CODEBUILD_CLONE_REF";

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        for source in flow::steps(pipeline) {
            one(pipeline, &source, diagnostics);
        }
    }
}

fn one(pipeline: &Pipeline, source: &Step<'_>, diagnostics: &mut Diagnostics) {
    let format = source.configuration(KEY).filter(|format| format.known);
    let Some(format) = format.filter(|format| format.value == REFERENCE) else {
        return;
    };
    let from_source = |name: &str| {
        let mut outputs = source.action.outputs.iter();
        outputs.find(|output| output.name.known && output.name.value == name)
    };
    for reader in flow::steps(pipeline).filter(|reader| source.before(reader)) {
        let action = reader.action;
        if !action.provider.known || action.provider.value == "CodeBuild" {
            continue;
        }
        for (index, input) in action.inputs.iter().enumerate() {
            let output = from_source(&input.value).filter(|_| input.known);
            let Some(output) = output else { continue };
            // an input that the file does not say is the source's output, with its place
            let span = if input.span == output.name.span {
                action.span
            } else {
                input.span
            };
            let path = reader.artifact_path("input", index);
            let message = format!(
                "`{}` reads `{}`, which is a full clone and for builds only",
                action.name.value, input.value
            );
            let finding = if action.category.value == "Deploy" {
                RULE.finding(span, path, message)
            } else {
                RULE.doubtful(span, path, message)
            };
            diagnostics.push(
                finding
                    .label("read here")
                    .related(format.span, "a full clone")
                    .help("let a build hand on what is needed, or leave the full clone out")
                    .through(input.origin.as_ref()),
            );
        }
    }
    for stage in &pipeline.stages {
        for condition in conditions(stage) {
            for (index, rule) in condition.rules.iter().enumerate() {
                let inputs = rule.inputs.iter().filter(|input| input.known);
                for input in inputs.filter(|_| rule.provider.value != "CodeBuild") {
                    if from_source(&input.value).is_none() {
                        continue;
                    }
                    let path = format!("{}.inputArtifacts", rule_path(condition, index));
                    let message = format!(
                        "the rule `{}` reads `{}`, which is a full clone and for builds only",
                        rule.name.value, input.value
                    );
                    diagnostics.push(
                        RULE.doubtful(input.span, path, message)
                            .label("read here")
                            .related(format.span, "a full clone")
                            .help("let a build hand on what is needed, or leave the full clone out")
                            .through(input.origin.as_ref()),
                    );
                }
            }
        }
    }
}
