//! Everything in a buildspec is of its kind.

use super::grammar::{self, Found};
use super::spec::{self, Spec};
use crate::catalog::buildspec::{Key, KeyKind, buildspec};
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity, nearest};
use crate::tree::{Data, Node};

pub(super) const RULE: Rule = Rule {
    code: "buildspec-kind",
    severity: Severity::Error,
    summary: "a value of a buildspec is a text where a map belongs, or a word that the key does not know",
    why: "CodeBuild expects a text, a list, a map, a number or one of a few words under every key. Something else ends \
          the build at its start with YAML_FILE_ERROR. A text where a list belongs is taken as a list of one, which the \
          documentation does not promise: a warning.",
    aws: "YAML_FILE_ERROR",
    wrong: "buildspec:\n  version: 0.2\n  env:\n    variables: [MODE=fast]\n  phases:\n    build:\n      commands: [make]",
    right: "buildspec:\n  version: 0.2\n  env:\n    variables: {MODE: fast}\n  phases:\n    build:\n      commands: [make]",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    grammar::all(subject, &mut |spec, path, found| {
        if let Found::Known { entry, key } = found {
            one(spec, path, key, &entry.value, diagnostics);
        }
    });
    for spec in spec::specs(subject) {
        let maps = ["reports", "artifacts.secondary-artifacts", "phases"];
        for path in maps {
            let Some(node) = fields::get(&spec.root, path) else {
                continue;
            };
            for entry in node.as_map().unwrap_or_default() {
                let value = &entry.value;
                // what stands under a phase that does not exist is passed over with it
                if path == "phases" && !buildspec().phases.contains(&entry.key) {
                    continue;
                }
                if !matches!(value.data, Data::Map(_) | Data::Null | Data::Unknown(_)) {
                    let path = format!("{path}.{}", entry.key);
                    wrong(&spec, &path, &entry.key, value, "a map", diagnostics);
                }
            }
        }
    }
}

fn wrong(
    spec: &Spec<'_>,
    path: &str,
    key: &str,
    node: &Node,
    expected: &str,
    diagnostics: &mut Diagnostics,
) {
    let is = match node.as_str() {
        Some(text) if !text.contains('\n') && expected.contains('`') => format!("`{text}`"),
        _ => node.kind().to_owned(),
    };
    let finding = spec
        .finding(
            &RULE,
            node.span,
            path,
            format!("`{}` must be {expected}, not {is}", spec.called(key)),
        )
        .label(format!("{is} here"))
        .through(node.origin.as_ref());
    let maps = matches!(
        key,
        "variables" | "parameter-store" | "secrets-manager" | "runtime-versions"
    );
    diagnostics.push(match node.as_list() {
        Some(_) if maps && expected == "a map" => {
            finding.help("write a line `NAME: value` for each, without `- `")
        }
        Some(_) if expected == "a map" => {
            finding.help("write `name:` and its keys below, without `- `")
        }
        _ => finding.help(format!("write {expected}")),
    });
}

fn scalar(node: &Node) -> bool {
    matches!(
        node.data,
        Data::Text(_) | Data::Number(_) | Data::Bool(_) | Data::Unknown(_) | Data::Secret(_)
    )
}

fn one(spec: &Spec<'_>, path: &str, key: &Key, node: &Node, diagnostics: &mut Diagnostics) {
    if node.is_null() || matches!(node.data, Data::Unknown(_) | Data::Secret(_)) {
        return;
    }
    let name = key.name.as_str();
    let mut refuse =
        |node: &Node, expected: &str| wrong(spec, path, name, node, expected, diagnostics);
    match key.kind {
        KeyKind::Text | KeyKind::NumberOrText if !scalar(node) => refuse(node, "a text"),
        KeyKind::Number if number(node).is_none() => refuse(node, "a number"),
        KeyKind::Bool if !truth(node) => refuse(node, "`true` or `false`"),
        KeyKind::YesNo if !truth(node) => refuse(node, "`yes` or `no`"),
        KeyKind::Map if node.as_map().is_none() => refuse(node, "a map"),
        KeyKind::TextMap | KeyKind::ListMap => match node.as_map() {
            None => refuse(node, "a map"),
            Some(entries) => {
                for entry in entries {
                    let lists = key.kind == KeyKind::ListMap;
                    let fits = if lists {
                        entry.value.as_list().is_some()
                    } else {
                        scalar(&entry.value)
                    };
                    if !fits && !entry.value.is_null() {
                        let path = format!("{path}.{}", entry.key);
                        let expected = if lists { "a list" } else { "a text" };
                        wrong(spec, &path, &entry.key, &entry.value, expected, diagnostics);
                    }
                }
            }
        },
        KeyKind::MapList => match node.as_list() {
            None => refuse(node, "a list of maps"),
            Some(items) => {
                for item in items.iter().filter(|item| item.as_map().is_none()) {
                    refuse(item, "a list of maps");
                }
            }
        },
        // commands have a rule of their own
        KeyKind::TextList | KeyKind::TextOrList if !matches!(name, "commands" | "finally") => {
            list(spec, path, key, node, diagnostics);
        }
        _ => {}
    }
    words(spec, path, key, node, diagnostics);
}

fn list(spec: &Spec<'_>, path: &str, key: &Key, node: &Node, diagnostics: &mut Diagnostics) {
    let name = key.name.as_str();
    match &node.data {
        Data::List(items) => {
            for item in items.iter().filter(|item| !scalar(item) && !item.is_null()) {
                wrong(spec, path, name, item, "a list of texts", diagnostics);
            }
        }
        _ if scalar(node) && key.kind == KeyKind::TextOrList => {}
        _ if scalar(node) => {
            let text = node.scalar_text().unwrap_or_default();
            diagnostics.push(
                spec.doubtful(
                    &RULE,
                    node.span,
                    path,
                    format!("`{}` is a list, and this is a text", spec.called(name)),
                )
                .label("a text here")
                .through(node.origin.as_ref())
                .help(format!("write [{text:?}]")),
            );
        }
        _ => wrong(spec, path, name, node, "a list of texts", diagnostics),
    }
}

/// The words of a closed set. Those that some readers of YAML take for truth values were looked at as such.
fn words(spec: &Spec<'_>, path: &str, key: &Key, node: &Node, diagnostics: &mut Diagnostics) {
    if key.values.is_empty() || key.kind == KeyKind::YesNo {
        return;
    }
    let Some(word) = node
        .as_str()
        .filter(|word| !key.values.iter().any(|value| value == word))
    else {
        return;
    };
    let values = || key.values.iter().map(String::as_str);
    let finding = spec
        .finding(
            &RULE,
            node.span,
            path,
            format!("`{}` does not know `{word}`", spec.called(&key.name)),
        )
        .label("unknown word")
        .through(node.origin.as_ref());
    // `/bin/bash` is `bash`
    let base = word.rsplit('/').next().unwrap_or(word);
    let same = values().find(|value| *value == base);
    diagnostics.push(match same.or_else(|| nearest(word, values())) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None => finding.help(format!("write {}", fields::one_of(values()))),
    });
}

fn number(node: &Node) -> Option<f64> {
    match &node.data {
        Data::Number(value) => Some(*value),
        Data::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Whether a value says yes or no in any way that a reader of YAML understands.
fn truth(node: &Node) -> bool {
    match &node.data {
        Data::Bool(_) => true,
        Data::Text(text) => matches!(
            text.to_ascii_lowercase().as_str(),
            "yes" | "no" | "true" | "false" | "on" | "off"
        ),
        _ => false,
    }
}
