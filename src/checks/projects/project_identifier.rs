//! Identifiers of secondary sources, secondary artifacts and file systems.

use super::parts;
use crate::catalog::codebuild::codebuild;
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity, nearest};
use crate::model::Project;
use crate::source::Span;

pub(super) const RULE: Rule = Rule {
    code: "project-identifier",
    severity: Severity::Error,
    summary: "a secondary source, a secondary artifact or a file system of a project has no identifier, a wrong one, or one that is taken",
    why: "Every secondary source and artifact is known by its identifier: it becomes part of the name of an \
          environment variable (CODEBUILD_SRC_DIR_IDENTIFIER) and a key of the buildspec. That of a file system becomes \
          CODEBUILD_IDENTIFIER. It has letters, digits and underscores, no hyphen.",
    aws: "Invalid input: identifier must contain only alphanumeric characters and underscores and be less than 128 \
          characters in length",
    wrong: "secondarySources:\n  - type: S3\n    location: bucket/lib.zip\n    sourceIdentifier: my-lib",
    right: "secondarySources:\n  - type: S3\n    location: bucket/lib.zip\n    sourceIdentifier: my_lib",
    link: "https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ProjectSource.html",
    facts: &["P17"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for project in parts::made(subject) {
        list(
            subject,
            project,
            "fileSystemLocations",
            "identifier",
            diagnostics,
        );
        // the others have no word of their own in the pipeline file
        if !project.raw {
            continue;
        }
        let sources = list(
            subject,
            project,
            "secondarySources",
            "sourceIdentifier",
            diagnostics,
        );
        list(
            subject,
            project,
            "secondaryArtifacts",
            "artifactIdentifier",
            diagnostics,
        );
        versions(project, &sources, diagnostics);
    }
}

/// The identifiers of a list.
fn list(
    subject: &Subject<'_>,
    project: &Project,
    list: &str,
    key: &str,
    diagnostics: &mut Diagnostics,
) -> Vec<(String, Span)> {
    let mut found: Vec<(String, Span)> = Vec::new();
    for (index, item) in fields::items(&project.definition, list).iter().enumerate() {
        if item.as_map().is_none() {
            continue;
        }
        let member = format!("{list}[{index}].{key}");
        let Some(node) = fields::get(item, key) else {
            // a file system is found by its folder too
            if list == "fileSystemLocations" {
                continue;
            }
            diagnostics.push(
                RULE.finding(
                    item.span,
                    parts::place(project, &member),
                    format!("`{key}` is missing"),
                )
                .label(format!("without `{key}`"))
                .help(format!(
                    "give it a name of letters, digits and underscores: `{key}: …`"
                )),
            );
            continue;
        };
        let Some(text) = fields::leaf(node) else {
            continue;
        };
        if let Some(wrong) = fields::wrong(&codebuild().source.identifier, &text.value) {
            let span = wrong
                .at
                .map_or(text.span, |(start, end)| subject.part(&text, start, end));
            let finding = RULE
                .finding(
                    span,
                    parts::place(project, &member),
                    format!("the identifier `{}` {}", text.value, wrong.words),
                )
                .label(wrong.label())
                .through(text.origin.as_ref());
            diagnostics.push(match underscored(&text.value) {
                Some(right) => finding.help(format!("write `{right}`")),
                None => finding.help(wrong.help()),
            });
        } else if let Some((_, first)) = found.iter().find(|(name, _)| *name == text.value) {
            diagnostics.push(
                parts::finding(
                    &RULE,
                    project,
                    &member,
                    node,
                    format!("the identifier `{}` is taken", text.value),
                )
                .label("again here")
                .related(*first, "first here")
                .help("give one of the two another name"),
            );
        }
        found.push((text.value, text.span));
    }
    found
}

fn underscored(name: &str) -> Option<String> {
    let right: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    (right != name && codebuild().source.identifier.check(&right).is_ok()).then_some(right)
}

fn versions(project: &Project, sources: &[(String, Span)], diagnostics: &mut Diagnostics) {
    let list = "secondarySourceVersions";
    for (index, item) in fields::items(&project.definition, list).iter().enumerate() {
        let Some((node, name)) = fields::get(item, "sourceIdentifier")
            .and_then(|node| Some((node, fields::known(node)?)))
        else {
            continue;
        };
        if sources.iter().any(|(source, _)| source == name) {
            continue;
        }
        let member = format!("{list}[{index}].sourceIdentifier");
        let message = format!("no secondary source is called `{name}`");
        let finding =
            parts::finding(&RULE, project, &member, node, message).label("unknown source");
        let names = || {
            let names = sources.iter().map(|(source, _)| source.as_str());
            names.filter(|name| !name.is_empty())
        };
        diagnostics.push(match nearest(name, names()) {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None if names().next().is_none() => {
                finding.help("there are no `secondarySources`: leave it out")
            }
            None => finding.help(format!(
                "there are: {}",
                names().collect::<Vec<_>>().join(", ")
            )),
        });
    }
}
