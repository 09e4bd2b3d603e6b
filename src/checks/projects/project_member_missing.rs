//! A project has every member that the API requires.

use super::members::{self, Found};
use super::parts;
use crate::catalog::codebuild::{Member, MemberKind};
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::model::Project;
use crate::tree::Node;

pub(super) const RULE: Rule = Rule {
    code: "project-member-missing",
    severity: Severity::Error,
    summary: "a raw project lacks a member that the API requires",
    why: "CreateProject requires a name, a source, artifacts, an environment with type, image and compute type, and a \
          service role. A raw definition gets no defaults: what is not there is not sent.",
    aws: "",
    wrong: "environment:\n  type: LINUX_CONTAINER\n  image: aws/codebuild/standard:7.0",
    right: "environment:\n  type: LINUX_CONTAINER\n  image: aws/codebuild/standard:7.0\n  computeType: BUILD_GENERAL1_SMALL",
    link: "https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    // of a short form only what is written there can be empty
    for project in parts::made(subject).filter(|project| !project.raw) {
        for member in ["environment.image", "encryptionKey"] {
            if let Some(node) = fields::get(&project.definition, member)
                && node.as_str() == Some("")
            {
                let word = parts::called(project, member);
                diagnostics.push(
                    RULE.finding(
                        node.span,
                        parts::place(project, member),
                        format!("`{word}` is empty"),
                    )
                    .label("nothing here")
                    .help("give it a value, or leave it out"),
                );
            }
        }
    }
    members::each(subject, |project, path, found| {
        let (span, member) = match found {
            Found::Missing { span, member } => (span, member),
            Found::Known { entry, member } if member.filled => {
                let items = entry.value.as_list();
                let texts = items.unwrap_or(std::slice::from_ref(&entry.value));
                for text in texts.iter().filter(|text| text.as_str() == Some("")) {
                    diagnostics.push(empty(project, path, text, member));
                }
                return;
            }
            Found::Known { .. } | Found::Unknown { .. } | Found::Null { .. } => return,
        };
        // that a project or a variable has no name was said when it was read
        // one in other capitals was meant, which is told
        let parent = path
            .rsplit_once('.')
            .map_or(Some(&project.definition), |(parent, _)| {
                fields::get(&project.definition, parent)
            });
        let meant = parent.and_then(Node::as_map).unwrap_or_default();
        let meant = meant
            .iter()
            .any(|entry| entry.key != member.name && entry.key.eq_ignore_ascii_case(&member.name));
        if meant || path == "name" || path.starts_with("environment.environmentVariables") {
            return;
        }
        let finding = RULE
            .finding(
                span,
                parts::place(project, path),
                format!("`{path}` is missing: the API requires it"),
            )
            .label(format!(
                "without `{}`",
                path.rsplit('.').next().unwrap_or(path)
            ));
        let words = member.words();
        diagnostics.push(if words.is_empty() {
            let what = if member.kind == MemberKind::Map {
                "a map"
            } else {
                "a text"
            };
            finding.help(format!("add `{}:`, {what}", member.name))
        } else if let Some(word) = words.first().filter(|_| words.len() > 6) {
            finding.help(format!("add `{}:`, such as `{word}`", member.name))
        } else {
            finding.help(format!("add `{}:`, {}", member.name, fields::one_of(words)))
        });
    });
}

/// A member that is there, and whose text is none.
fn empty(project: &Project, path: &str, text: &Node, member: &Member) -> Diagnostic {
    let finding = RULE
        .finding(
            text.span,
            parts::place(project, path),
            match member.kind {
                MemberKind::TextList => format!("a text of `{path}` is empty"),
                _ => format!("`{path}` is empty"),
            },
        )
        .label("nothing here");
    finding.help(match member.required {
        true => "give it a value: the API requires it",
        false => "give it a value, or leave it out",
    })
}
