//! References to secrets in environment variables: `id:key:stage:version`.

use super::spec;
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::model::{Text, VariableKind};
use crate::tree::Node;

pub(super) const RULE: Rule = Rule {
    code: "secret-reference",
    severity: Severity::Error,
    summary: "a reference to a secret of Secrets Manager has the wrong parts",
    why: "CodeBuild reads a reference as SECRET-ID:JSON-KEY:VERSION-STAGE:VERSION-ID; the id may be the name or the whole \
          ARN, and what stands behind it may be left out. A stage (AWSCURRENT) and a version exclude each other.",
    aws: "",
    wrong: "- build:\n    env:\n      TOKEN: {secret: \"api:token:AWSPREVIOUS:0123\"}\n    run: make",
    right: "- build:\n    env:\n      TOKEN: {secret: \"api:token:AWSPREVIOUS\"}\n    run: make",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let projects = subject
        .model
        .projects
        .iter()
        .filter(|project| !project.existing);
    for project in projects {
        for (index, variable) in project.environment.iter().enumerate() {
            if variable.kind != VariableKind::SecretsManager {
                continue;
            }
            let place = if project.raw {
                format!(
                    "{}.environment.environmentVariables[{index}].value",
                    project.path
                )
            } else {
                format!("{}.env.{}", project.path, variable.name.value)
            };
            diagnostics.extend(one(subject, &variable.value, place));
        }
    }
    for spec in spec::specs(subject) {
        let entries = fields::get(&spec.root, "env.secrets-manager")
            .and_then(Node::as_map)
            .unwrap_or_default();
        for entry in entries {
            if let Some(text) = fields::leaf(&entry.value) {
                let place = spec.place(&format!("env.secrets-manager.{}", entry.key));
                diagnostics.extend(one(subject, &text, place));
            }
        }
    }
}

/// Parts of an ARN of a secret, of which the last is the name.
const ARN: usize = 7;

fn one(subject: &Subject<'_>, text: &Text, place: String) -> Option<Diagnostic> {
    let value = &text.value;
    if !text.known || value.contains("#{") {
        return None;
    }
    let parts: Vec<&str> = value.split(':').collect();
    let id = if value.starts_with("arn:") { ARN } else { 1 };
    let finding = if parts.first().is_none_or(|id| id.is_empty()) {
        RULE.finding(text.span, place, "the reference names no secret")
            .label("no secret named")
            .help("write SECRET-ID:JSON-KEY")
    } else if parts.len() < id {
        RULE.finding(
            text.span,
            place,
            format!("`{value}` is not the ARN of a secret"),
        )
        .label("no ARN of a secret")
        .help("it looks like arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-SUFFIX")
    } else if parts.len() > id + 3 {
        let start = parts[..id + 3].join(":").len();
        let span = subject.part(text, start, value.len());
        RULE.finding(
            span,
            place,
            "a reference to a secret has at most a key, a stage and a version behind the id",
        )
        .label("too much")
        .help("write SECRET-ID:JSON-KEY, and behind it a stage or a version if need be")
    } else if let [stage, version] = parts.get(id + 1..id + 3)?
        && !stage.is_empty()
        && !version.is_empty()
    {
        let start = parts[..=id].join(":").len() + 1;
        let span = subject.part(text, start, value.len());
        RULE.finding(
            span,
            place,
            format!("the stage `{stage}` and the version `{version}` exclude each other"),
        )
        .label("one of them too many")
        .help(format!(
            "write `{0}:{stage}` or `{0}::{version}`",
            parts[..=id].join(":")
        ))
    } else {
        return None;
    };
    Some(finding.through(text.origin.as_ref()))
}
