//! The version of a buildspec.

use super::spec;
use crate::catalog::buildspec::buildspec;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::tree::{Data, Node};

pub(super) const RULE: Rule = Rule {
    code: "buildspec-version",
    severity: Severity::Error,
    summary: "a buildspec has no version, or one that CodeBuild does not know",
    why: "A buildspec begins with its version. 0.2 is the present one; in 0.1 every command runs in a shell of its own, \
          so that neither `cd` nor `export` is felt by the next command, which is a warning.",
    aws: "",
    wrong: "buildspec:\n  phases:\n    build:\n      commands: [make]",
    right: "buildspec:\n  version: 0.2\n  phases:\n    build:\n      commands: [make]",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let versions = &buildspec().versions;
    let present = versions.last().map_or("0.2", String::as_str);
    for spec in spec::specs(subject) {
        let entry = spec.root.entry("version");
        let Some(entry) = entry.filter(|entry| !entry.value.is_null()) else {
            let span = entry.map_or(spec.head(), |entry| entry.key_span);
            diagnostics.push(
                spec.finding(&RULE, span, "version", "the buildspec has no version")
                    .label("no `version` here")
                    .help(format!("write `version: {present}` as the first line")),
            );
            continue;
        };
        let Some(version) = version(&entry.value) else {
            continue;
        };
        let span = entry.value.span;
        if !versions.contains(&version) {
            diagnostics.push(
                spec.finding(
                    &RULE,
                    span,
                    "version",
                    format!("buildspecs have no version `{version}`"),
                )
                .label("unknown version")
                .help(format!("write {present}"))
                .through(entry.value.origin.as_ref()),
            );
        } else if version != present {
            diagnostics.push(
                spec.doubtful(
                    &RULE,
                    span,
                    "version",
                    format!("in version {version} every command runs in a shell of its own"),
                )
                .label("the old version")
                .help(format!(
                    "write {present}, in which `cd` and `export` last until the build ends"
                ))
                .through(entry.value.origin.as_ref()),
            );
        }
    }
}

/// The version as it is written; `0.20` is 0.2.
fn version(node: &Node) -> Option<String> {
    match &node.data {
        Data::Number(value) => Some(crate::tree::number_text(*value)),
        Data::Text(text) => Some(text.trim().to_owned()),
        Data::Unknown(_) | Data::Secret(_) => None,
        _ => Some(node.kind().to_owned()),
    }
}
