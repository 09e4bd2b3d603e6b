//! Members of a project that do nothing beside the others.

use super::parts;
use crate::catalog::codebuild::codebuild;
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::{Buildspec, Project};
use crate::tree::{Data, Node};

pub(super) const RULE: Rule = Rule {
    code: "project-member-idle",
    severity: Severity::Warning,
    summary: "a member of a project has no effect beside the others",
    why: "What is said of git (`gitCloneDepth`, `gitSubmodulesConfig`, `insecureSsl`) is for sources that are git: what a \
          pipeline hands over, or an object in S3, has no history and no submodules. Which version is built the pipeline \
          decides, not `sourceVersion`; only secondary sources have an identifier; and a buildspec that names no artifact \
          overrides no name.",
    aws: "",
    wrong: "source:\n  type: CODEPIPELINE\n  gitCloneDepth: 1",
    right: "source:\n  type: CODEPIPELINE",
    link: "https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ProjectSource.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for project in parts::raw(subject) {
        let definition = &project.definition;
        if let Some(source) = fields::get(definition, "source") {
            of_source(project, "source", source, diagnostics);
            primary(project, source, diagnostics);
        }
        for (index, source) in fields::items(definition, "secondarySources")
            .iter()
            .enumerate()
        {
            of_source(
                project,
                &format!("secondarySources[{index}]"),
                source,
                diagnostics,
            );
        }
        artifacts(project, diagnostics);
    }
}

/// What is said of git, of a source that is none.
fn of_source(project: &Project, place: &str, source: &Node, diagnostics: &mut Diagnostics) {
    let rules = &codebuild().source;
    let Some(kind) = fields::word(source, "type") else {
        return;
    };
    let named = rules.types.iter().any(|word| word == kind);
    if !named || rules.git.iter().any(|word| word == kind) {
        return;
    }
    let depth = fields::get(source, "gitCloneDepth");
    let said = [
        (
            "gitCloneDepth",
            depth.is_some_and(|depth| matches!(depth.data, Data::Number(depth) if depth > 0.0)),
        ),
        (
            "insecureSsl",
            fields::flag(source, "insecureSsl") == Some(true),
        ),
        (
            "gitSubmodulesConfig",
            fields::flag(source, "gitSubmodulesConfig.fetchSubmodules") == Some(true),
        ),
    ];
    for (key, _) in said.into_iter().filter(|(_, said)| *said) {
        let message = format!("`{key}` does nothing for a source of type `{kind}`");
        idle(project, source, place, key, message, diagnostics);
    }
}

/// What only the primary source does not have.
fn primary(project: &Project, source: &Node, diagnostics: &mut Diagnostics) {
    if !fields::empty(source, "sourceIdentifier") {
        let key = "sourceIdentifier";
        let message = "only secondary sources have an identifier".to_owned();
        idle(project, source, "source", key, message, diagnostics);
    }
    let definition = &project.definition;
    let paired = codebuild().artifacts.paired.as_str();
    if fields::word(source, "type") == Some(paired) && !fields::empty(definition, "sourceVersion") {
        let message = "the pipeline decides which version is built".to_owned();
        idle(
            project,
            definition,
            "",
            "sourceVersion",
            message,
            diagnostics,
        );
    }
}

/// A name that is to come from a buildspec that gives none.
fn artifacts(project: &Project, diagnostics: &mut Diagnostics) {
    let Buildspec::Inline(spec) = &project.buildspec else {
        return;
    };
    let unread = spec.as_map().is_none() || spec.has_unknown() || spec.get("batch").is_some();
    if unread || !fields::empty(spec, "artifacts.name") {
        return;
    }
    let Some(artifacts) = fields::get(&project.definition, "artifacts") else {
        return;
    };
    let key = "overrideArtifactName";
    if fields::flag(artifacts, key) == Some(true) {
        let message = "the buildspec names no artifact that would override the name".to_owned();
        idle(project, artifacts, "artifacts", key, message, diagnostics);
    }
}

/// A member of a map that does nothing.
fn idle(
    project: &Project,
    owner: &Node,
    place: &str,
    key: &str,
    message: String,
    diagnostics: &mut Diagnostics,
) {
    let Some(entry) = owner.entry(key) else {
        return;
    };
    let path = parts::place(project, &fields::join(place, key));
    diagnostics.push(
        RULE.finding(entry.key_span, path, message)
            .label("does nothing here")
            .help(match key {
                "overrideArtifactName" => {
                    "add `name:` to the `artifacts` of the buildspec, or leave it out"
                }
                _ => "leave it out",
            }),
    );
}
