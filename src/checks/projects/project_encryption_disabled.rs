//! Only artifacts in S3 can go without encryption.

use super::parts;
use crate::catalog::codebuild::codebuild;
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "project-encryption-disabled",
    severity: Severity::Error,
    summary: "encryption is switched off for artifacts that are not in S3",
    why: "`encryptionDisabled: true` is for artifacts that the project itself puts into a bucket. Those of a pipeline \
          are encrypted with the key of the artifact store.",
    aws: "",
    wrong: "artifacts:\n  type: CODEPIPELINE\n  encryptionDisabled: true",
    right: "artifacts:\n  type: CODEPIPELINE",
    link: "https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ProjectArtifacts.html",
    facts: &["P10"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let paired = codebuild().artifacts.paired.as_str();
    for project in parts::raw(subject) {
        let Some(artifacts) = fields::get(&project.definition, "artifacts") else {
            continue;
        };
        if fields::word(artifacts, "type") != Some(paired)
            || fields::flag(artifacts, "encryptionDisabled") != Some(true)
        {
            continue;
        }
        if let Some(node) = artifacts.get("encryptionDisabled") {
            diagnostics.push(
                parts::finding(
                    &RULE,
                    project,
                    "artifacts.encryptionDisabled",
                    node,
                    format!("artifacts of type `{paired}` cannot go without encryption"),
                )
                .label("always encrypted")
                .perhaps_related(
                    artifacts.get("type").map(|kind| kind.span),
                    "those of the pipeline",
                )
                .help("leave `encryptionDisabled` out, or write `false`"),
            );
        }
    }
}
