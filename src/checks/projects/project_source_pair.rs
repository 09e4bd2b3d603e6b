//! Source and artifacts are both CODEPIPELINE, or neither is.

use super::parts;
use crate::catalog::codebuild::codebuild;
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "project-source-pair",
    severity: Severity::Error,
    summary: "source and artifacts of a project are not both CODEPIPELINE",
    why: "A project that a pipeline runs gets its source from the pipeline and hands its artifacts to it; CodeBuild \
          takes the word CODEPIPELINE in both places or in none.",
    aws: "Invalid input: when using CodePipeline both sourceType, and artifactType must be set to: CODEPIPELINE",
    wrong: "definition:\n  source: {type: CODEPIPELINE}\n  artifacts: {type: NO_ARTIFACTS}",
    right: "definition:\n  source: {type: CODEPIPELINE}\n  artifacts: {type: CODEPIPELINE}",
    link: "https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ProjectArtifacts.html",
    facts: &["P01"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let rules = codebuild();
    let paired = rules.artifacts.paired.as_str();
    for project in parts::raw(subject) {
        let definition = &project.definition;
        let (Some(source), Some(artifacts)) = (
            fields::get(definition, "source.type"),
            fields::get(definition, "artifacts.type"),
        ) else {
            continue;
        };
        let (Some(from), Some(to)) = (fields::known(source), fields::known(artifacts)) else {
            continue;
        };
        let words = rules.source.types.iter().any(|word| word == from)
            && rules.artifacts.types.iter().any(|word| word == to);
        if !words || (from == paired) == (to == paired) {
            continue;
        }
        // the pipeline's word is what is meant, the other is in its way
        let (member, wrong, other, wrong_word) = if from == paired {
            ("artifacts.type", artifacts, source, to)
        } else {
            ("source.type", source, artifacts, from)
        };
        diagnostics.push(
            parts::finding(
                &RULE,
                project,
                member,
                wrong,
                format!("`{wrong_word}` here does not go with `{paired}` there"),
            )
            .label("not the pipeline's")
            .related(other.span, "the pipeline's")
            .help(format!(
                "a project of a pipeline has `{paired}` in both places, one that runs on its own in none"
            )),
        );
    }
}
