//! NO_ARTIFACTS stands alone.

use super::parts;
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "project-no-artifacts",
    severity: Severity::Error,
    summary: "NO_ARTIFACTS has a name or encryptionDisabled beside it",
    why: "A project without artifacts has nothing to name and nothing to encrypt. CodeBuild refuses both members even \
          if they say nothing: an empty name, `encryptionDisabled: false`.",
    aws: "Invalid artifacts: artifact type NO_ARTIFACTS should have null output name",
    wrong: "artifacts:\n  type: NO_ARTIFACTS\n  encryptionDisabled: false",
    right: "artifacts:\n  type: NO_ARTIFACTS",
    link: "https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ProjectArtifacts.html",
    facts: &["P04", "P05"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for project in parts::raw(subject) {
        let Some(artifacts) = fields::get(&project.definition, "artifacts") else {
            continue;
        };
        if fields::word(artifacts, "type") != Some("NO_ARTIFACTS") {
            continue;
        }
        for key in ["name", "encryptionDisabled"] {
            let Some(entry) = artifacts.entry(key).filter(|entry| !entry.value.is_null()) else {
                continue;
            };
            diagnostics.push(
                RULE.finding(
                    entry.key_span,
                    parts::place(project, &format!("artifacts.{key}")),
                    format!("`{key}` does not go beside `NO_ARTIFACTS`"),
                )
                .label("not used")
                .perhaps_related(artifacts.get("type").map(|kind| kind.span), "no artifacts")
                .help(format!("leave `{key}` out")),
            );
        }
    }
}
