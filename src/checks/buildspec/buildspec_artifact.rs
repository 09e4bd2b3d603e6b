//! Artifacts of a buildspec.

use super::spec::{self, Form};
use crate::catalog::buildspec::buildspec;
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::Text;
use crate::tree::Node;

pub(super) const RULE: Rule = Rule {
    code: "buildspec-artifact",
    severity: Severity::Error,
    summary: "a secondary artifact of a buildspec has an identifier that CodeBuild does not take",
    why: "The key of a secondary artifact is the name of an output artifact of the action, or an artifactIdentifier of \
          the project. CodeBuild takes letters, digits and underscores; a hyphen, which CodePipeline would allow, ends \
          the build before it begins.",
    aws: "Invalid input: identifier must contain only alphanumeric characters and underscores and be less than 128 \
          characters in length",
    wrong: "artifacts:\n  files: [\"**/*\"]\n  secondary-artifacts:\n    my-docs:\n      files: [docs/**/*]",
    right: "artifacts:\n  files: [\"**/*\"]\n  secondary-artifacts:\n    my_docs:\n      files: [docs/**/*]",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for spec in spec::specs(subject) {
        // names of outputs of a build that is made are those of the action
        if spec.form == Form::Made {
            continue;
        }
        let entries = fields::get(&spec.root, "artifacts.secondary-artifacts")
            .and_then(Node::as_map)
            .unwrap_or_default();
        for entry in entries {
            let Some(wrong) = fields::wrong(&buildspec().artifact_identifier, &entry.key) else {
                continue;
            };
            let text = Text::new(entry.key.as_str(), entry.key_span);
            let span = wrong.at.map_or(entry.key_span, |(start, end)| {
                subject.part(&text, start, end)
            });
            let path = format!("artifacts.secondary-artifacts.{}", entry.key);
            let finding = spec
                .finding(
                    &RULE,
                    span,
                    &path,
                    format!("the identifier `{}` {}", entry.key, wrong.words),
                )
                .label(wrong.label());
            let right: String = entry
                .key
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
                .collect();
            let fits = buildspec().artifact_identifier.check(&right).is_ok();
            diagnostics.push(if fits {
                finding.help(format!(
                    "write `{right}`, also for the output of the action"
                ))
            } else {
                finding.help(wrong.help())
            });
        }
    }
}
