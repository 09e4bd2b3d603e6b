//! What a pipeline hands over is neither a secondary source nor a secondary artifact.

use super::parts;
use crate::catalog::codebuild::codebuild;
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "project-secondary-type",
    severity: Severity::Error,
    summary: "a secondary source or artifact of a project has a type that only the primary one may have",
    why: "CODEPIPELINE and NO_SOURCE are types of the primary source, CODEPIPELINE and NO_ARTIFACTS of the primary \
          artifacts. A build of a pipeline gets further sources as further inputs of its action, and hands on further \
          artifacts as its outputs: the project says nothing about them.",
    aws: "Invalid input: sourceType CODEPIPELINE is not allowed for secondarySources",
    wrong: "definition:\n  secondarySources:\n    - {type: CODEPIPELINE, sourceIdentifier: Lib}",
    right: "- build:\n    input: [App, Lib]\n    project: compile",
    link: "https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html",
    facts: &["P02", "P03"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let rules = codebuild();
    let sources = rules.source.types.iter();
    let sources: Vec<&String> = sources
        .filter(|word| !rules.source.not_secondary.contains(word))
        .collect();
    let artifacts: Vec<&String> = rules.artifacts.secondary.iter().collect();
    let lists = [
        ("secondarySources", &rules.source.types, &sources, "source"),
        (
            "secondaryArtifacts",
            &rules.artifacts.types,
            &artifacts,
            "artifact",
        ),
    ];
    for project in parts::raw(subject) {
        for (list, words, allowed, noun) in &lists {
            for (index, item) in fields::items(&project.definition, list).iter().enumerate() {
                let Some((node, word)) =
                    fields::get(item, "type").and_then(|node| Some((node, fields::known(node)?)))
                else {
                    continue;
                };
                if !words.iter().any(|known| known == word)
                    || allowed.iter().any(|known| *known == word)
                {
                    continue;
                }
                let member = format!("{list}[{index}].type");
                let message = format!("`{word}` is not allowed for a secondary {noun}");
                let help = match (*list, word) {
                    ("secondarySources", "CODEPIPELINE") => {
                        "leave it out: give the action of the pipeline several inputs".to_owned()
                    }
                    ("secondaryArtifacts", "CODEPIPELINE") => {
                        "leave it out: give the action several outputs, and the buildspec `secondary-artifacts`".to_owned()
                    }
                    _ => format!(
                        "leave it out, or write {}",
                        fields::one_of(allowed.iter().map(|word| word.as_str()))
                    ),
                };
                diagnostics.push(
                    parts::finding(&RULE, project, &member, node, message)
                        .label("only for the primary one")
                        .help(help),
                );
            }
        }
    }
}
