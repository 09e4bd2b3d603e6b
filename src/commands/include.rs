//! `include:`: other files merged into the pipeline file. Maps are merged deeply, lists are not joined, and the same
//! key with two values is an error at the second place.

use std::path::{Path, PathBuf};

use super::files;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::error::Failure;
use crate::source::Sources;
use crate::tree::{Data, Entry, Node};
use crate::yaml;

/// Merges what the root's `include:` names, and what those files include, into the root.
pub(super) fn merge(
    root: Node,
    file: &Path,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Result<Node, Failure> {
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    let mut seen = vec![normal(file)];
    merge_into(root, &folder, sources, diagnostics, &mut seen)
}

fn merge_into(
    mut root: Node,
    folder: &Path,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
    seen: &mut Vec<PathBuf>,
) -> Result<Node, Failure> {
    let Data::Map(entries) = &mut root.data else {
        return Ok(root);
    };
    let Some(at) = entries.iter().position(|entry| entry.key == "include") else {
        return Ok(root);
    };
    let include = entries.remove(at);
    for (index, (node, path)) in paths(&include, diagnostics).into_iter().enumerate() {
        let place = format!("include[{index}]");
        if path.contains("${") {
            diagnostics.push(
                Diagnostic::error(
                    "variable-refused",
                    node.span,
                    place,
                    "`include` is read before variables, so its paths cannot hold any",
                )
                .help("write the path out, or use ${file(path)} where the value belongs"),
            );
            continue;
        }
        let path = folder.join(path);
        if seen.contains(&normal(&path)) {
            diagnostics.push(Diagnostic::error(
                "variable-circular",
                node.span,
                place,
                format!("{} is included already", path.display()),
            ));
            continue;
        }
        seen.push(normal(&path));
        let text = match files::read(&path) {
            Ok(text) => text,
            Err(failure) => {
                diagnostics.push(Diagnostic::error(
                    "value-invalid",
                    node.span,
                    place,
                    failure.message,
                ));
                continue;
            }
        };
        let id = sources.add(path.display().to_string(), text);
        let Some(included) = yaml::parse(sources, id, diagnostics) else {
            continue;
        };
        let below = path.parent().unwrap_or(Path::new("")).to_owned();
        let included = merge_into(included, &below, sources, diagnostics, seen)?;
        match included.data {
            Data::Map(_) => merge_maps(&mut root, included, "", diagnostics),
            Data::Null => {}
            _ => diagnostics.push(Diagnostic::error(
                "value-kind",
                included.span,
                "",
                format!("an included file is a map, this is {}", included.kind()),
            )),
        }
    }
    Ok(root)
}

fn paths(include: &Entry, diagnostics: &mut Diagnostics) -> Vec<(Node, String)> {
    let nodes = match &include.value.data {
        Data::List(items) => items.clone(),
        _ => vec![include.value.clone()],
    };
    let mut paths = Vec::new();
    for node in nodes {
        match node.as_str() {
            Some(path) if !path.is_empty() => {
                let path = path.to_owned();
                paths.push((node, path));
            }
            _ => diagnostics.push(
                Diagnostic::error(
                    "value-kind",
                    node.span,
                    "include",
                    format!("a path belongs here, this is {}", node.kind()),
                )
                .help("write `include: other.yml` or a list of paths"),
            ),
        }
    }
    paths
}

fn merge_maps(into: &mut Node, from: Node, path: &str, diagnostics: &mut Diagnostics) {
    let (Data::Map(into), Data::Map(from)) = (&mut into.data, from.data) else {
        return;
    };
    for entry in from {
        let place = yaml::join_key(path, &entry.key);
        let Some(present) = into.iter_mut().find(|present| present.key == entry.key) else {
            into.push(entry);
            continue;
        };
        if matches!(
            (&present.value.data, &entry.value.data),
            (Data::Map(_), Data::Map(_))
        ) {
            merge_maps(&mut present.value, entry.value, &place, diagnostics);
        } else if present.value.to_json() != entry.value.to_json()
            || matches!(entry.value.data, Data::List(_))
        {
            diagnostics.push(
                Diagnostic::error(
                    "include-conflict",
                    entry.key_span,
                    place.clone(),
                    format!("`{place}` has another value already"),
                )
                .related(present.key_span, "the other value")
                .help("keep it in one of the files; lists are not joined"),
            );
        }
    }
}

/// The path by which a file is told from another.
fn normal(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
