//! Every member of a project is of its kind.

use super::members::{self, Found};
use super::parts;
use crate::catalog::codebuild::MemberKind;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::model::Project;
use crate::tree::{Data, Entry, Node};

pub(super) const RULE: Rule = Rule {
    code: "project-member-kind",
    severity: Severity::Error,
    summary: "a member of a raw project is a text where a number belongs, or null, or the like",
    why: "The API takes texts, whole numbers, truth values, lists and maps, each in its place. YAML reads `1` as a \
          number and `true` as a truth value: quote them where a text belongs, the value of an environment variable \
          above all. Null is none of these: AWS's tools refuse a request with it.",
    aws: "",
    wrong: "name: shop-compile\ntimeoutInMinutes: \"30\"",
    right: "name: shop-compile\ntimeoutInMinutes: 30",
    link: "https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html",
    facts: &[],
    check,
};

/// Members whose kind is seen when the project is read.
const READ: [&str; 3] = ["name", "serviceRole", "source.buildspec"];

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    members::each(subject, |project, path, found| {
        let read = READ.contains(&path)
            || path.starts_with("environment.environmentVariables")
            || matches!(path, "source" | "environment");
        if read {
            return;
        }
        let (entry, member) = match found {
            Found::Known { entry, member } => (entry, member),
            Found::Null { entry } => {
                diagnostics.push(null(project, path, entry));
                return;
            }
            Found::Missing { .. } | Found::Unknown { .. } => return,
        };
        let node = &entry.value;
        if fits(node, member.kind) {
            if member.kind == MemberKind::TextList || member.kind == MemberKind::MapList {
                let inner = if member.kind == MemberKind::TextList {
                    MemberKind::Text
                } else {
                    MemberKind::Map
                };
                for (index, item) in node.as_list().unwrap_or_default().iter().enumerate() {
                    if !fits(item, inner) {
                        diagnostics.push(
                            parts::finding(
                                &RULE,
                                project,
                                &format!("{path}[{index}]"),
                                item,
                                format!(
                                    "each of `{path}` must be {}, not {}",
                                    inner.words(),
                                    item.kind()
                                ),
                            )
                            .label(format!("{} here", item.kind()))
                            .help(match item.scalar_text() {
                                Some(text) if inner == MemberKind::Text => {
                                    format!("quote it: \"{text}\"")
                                }
                                _ => format!("write {}", inner.words()),
                            }),
                        );
                    }
                }
            }
            return;
        }
        let finding = parts::finding(
            &RULE,
            project,
            path,
            node,
            format!(
                "`{path}` must be {}, not {}",
                member.kind.words(),
                match (&node.data, node.scalar_text()) {
                    (Data::Number(_), Some(number)) if member.kind == MemberKind::Whole => number,
                    _ => node.kind().to_owned(),
                }
            ),
        )
        .label(format!("{} here", node.kind()));
        let text = node.scalar_text();
        diagnostics.push(match (member.kind, text) {
            (MemberKind::Text, Some(text)) => finding.help(format!("quote it: \"{text}\"")),
            (MemberKind::TextList, Some(text)) => finding.help(format!("write a list: [{text}]")),
            (MemberKind::Whole | MemberKind::Bool, Some(text)) if plain(&text, member.kind) => {
                finding.help(format!("write {text} without quotes"))
            }
            (kind, _) => finding.help(format!("write {}", kind.words())),
        });
    });
}

/// A member that stands there without a value.
fn null(project: &Project, path: &str, entry: &Entry) -> Diagnostic {
    // a null that nobody wrote has no characters
    let written = entry.value.span.start() < entry.value.span.end();
    let span = if written {
        entry.value.span
    } else {
        entry.key_span
    };
    RULE.finding(
        span,
        parts::place(project, path),
        format!("`{path}` is null, and the API takes a value or nothing"),
    )
    .label("no value")
    .through(entry.value.origin.as_ref())
    .help("give it a value, or leave it out")
}

/// Whether a text is what it should be but for the quotes.
fn plain(text: &str, kind: MemberKind) -> bool {
    match kind {
        MemberKind::Whole => text.parse::<u64>().is_ok(),
        _ => matches!(text, "true" | "false"),
    }
}

fn fits(node: &Node, kind: MemberKind) -> bool {
    match &node.data {
        Data::Unknown(_) | Data::Secret(_) => true,
        Data::Text(_) => kind == MemberKind::Text,
        Data::Bool(_) => kind == MemberKind::Bool,
        Data::Number(value) => kind == MemberKind::Whole && value.fract() == 0.0,
        Data::Map(_) => kind == MemberKind::Map,
        Data::List(_) => matches!(kind, MemberKind::TextList | MemberKind::MapList),
        Data::Null => false,
    }
}
