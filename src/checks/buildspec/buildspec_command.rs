//! A command is a text.

use super::spec::{self, Form, Spec};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::tree::{Data, Node};

pub(super) const RULE: Rule = Rule {
    code: "buildspec-command",
    severity: Severity::Error,
    summary: "a command of a buildspec is no text",
    why: "YAML reads a colon with a space behind it as a key and its value, also in the middle of a command: \
          `echo \"a: b\"` becomes a map. CodeBuild wants a text, and the build ends before its first command. Quotes \
          around the whole command, or a block (`- |`), keep it together.",
    aws: "YAML_FILE_ERROR: Expected Commands[0] to be of string type: found subkeys instead",
    wrong: "commands:\n  - echo \"Result: done\"",
    right: "commands:\n  - 'echo \"Result: done\"'",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for spec in spec::specs(subject) {
        // those of a build that is made were looked at where they are read
        if spec.form == Form::Made {
            continue;
        }
        for (phase, node) in spec.phases() {
            for list in ["commands", "finally"] {
                if let Some(entry) = node.entry(list) {
                    let path = format!("phases.{phase}.{list}");
                    whole(
                        &spec,
                        &path,
                        list,
                        &entry.value,
                        entry.key_span,
                        diagnostics,
                    );
                }
            }
        }
        let mut empty: Vec<(String, &Node, usize)> = Vec::new();
        for (path, node) in spec.commands() {
            if !node.is_null() {
                one(subject, &spec, &path, node, diagnostics);
                continue;
            }
            let list = path
                .rsplit_once('[')
                .map_or(path.as_str(), |(list, _)| list);
            match empty.last_mut() {
                Some((first, _, count)) if first.starts_with(list) => *count += 1,
                _ => empty.push((path, node, 1)),
            }
        }
        for (path, node, count) in empty {
            // comments written as items: what is to be said of one is to be said of all
            let message = match count {
                1 => "an empty command".to_owned(),
                _ => format!("{count} empty commands, of which this is the first"),
            };
            diagnostics.push(
                spec.doubtful(&RULE, node.span, &path, message)
                    .label("nothing here")
                    .help("remove it; a value that begins with # is a comment unless it is quoted"),
            );
        }
    }
}

fn whole(
    spec: &Spec<'_>,
    path: &str,
    list: &str,
    node: &Node,
    key: crate::source::Span,
    diagnostics: &mut Diagnostics,
) {
    let empty = node.is_null() || node.as_list().is_some_and(<[_]>::is_empty);
    if empty {
        // an empty list of a phase that needs none is only idle
        diagnostics.push(
            spec.doubtful(&RULE, key, path, format!("`{list}` is empty"))
                .label("no commands")
                .help(format!("give it commands, or leave `{list}` out; a line that begins with # is a comment")),
        );
        return;
    }
    match &node.data {
        Data::Text(text) => {
            let finding = spec
                .doubtful(
                    &RULE,
                    node.span,
                    path,
                    format!("`{list}` is a list, and this is a text"),
                )
                .label("a text here")
                .through(node.origin.as_ref());
            diagnostics.push(if text.contains('\n') {
                finding.help("begin it with `- `: `- |` and the lines below")
            } else {
                finding.help(format!("write [{text:?}]"))
            });
        }
        Data::Map(_) => diagnostics.push(
            spec.finding(
                &RULE,
                node.span,
                path,
                format!("`{list}` is a list, and this is a map"),
            )
            .label("a map here")
            .through(node.origin.as_ref())
            .help("begin every command with `- `"),
        ),
        _ => {}
    }
}

fn one(
    subject: &Subject<'_>,
    spec: &Spec<'_>,
    path: &str,
    node: &Node,
    diagnostics: &mut Diagnostics,
) {
    match &node.data {
        Data::Map(_) => {
            let written = subject.sources.slice(node.span).trim();
            let finding = spec
                .finding(&RULE, node.span, path, "YAML reads this command as a map")
                .label("a colon and a space")
                .through(node.origin.as_ref());
            let short = !written.is_empty() && !written.contains(['\n', '\\']);
            diagnostics.push(if short && !written.starts_with('{') {
                finding.help(format!(
                    "quote the whole command: '{}'",
                    written.replace('\'', "''")
                ))
            } else {
                finding.help("quote the whole command, or write it as a block: `- |`")
            });
        }
        Data::List(_) => diagnostics.push(
            spec.finding(&RULE, node.span, path, "a command is a text, not a list")
                .label("a list here")
                .through(node.origin.as_ref())
                .help("write each command as one text of the list"),
        ),
        _ => {}
    }
}
