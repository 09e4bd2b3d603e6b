//! `include:`: the files that it names, read and merged into the pipeline file.

use std::path::{Path, PathBuf};

use super::files;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model;
use crate::source::Sources;
use crate::tree::{Data, Entry, Node};
use crate::yaml;

/// Merges what the root's `include:` names, and what those files include, into the root.
pub(super) fn merge(
    root: Node,
    file: &Path,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Node {
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
) -> Node {
    let Data::Map(entries) = &mut root.data else {
        return root;
    };
    let Some(at) = entries.iter().position(|entry| entry.key == "include") else {
        return root;
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
            diagnostics.push(
                Diagnostic::error(
                    "include-conflict",
                    node.span,
                    place,
                    format!("{} is included already", path.display()),
                )
                .label("again here")
                .help("include it once: its keys stand in the file from then on"),
            );
            continue;
        }
        seen.push(normal(&path));
        let text = match files::read(&path) {
            Ok(text) => text,
            Err(failure) => {
                let mut error =
                    Diagnostic::error("value-invalid", node.span, place, failure.message);
                // Another `-f` is no advice here.
                error.help = failure.help.filter(|_| failure.code != "file-is-folder");
                diagnostics.push(error);
                continue;
            }
        };
        let id = sources.add(path.display().to_string(), text);
        let Some(included) = yaml::parse(sources, id, diagnostics) else {
            continue;
        };
        let below = path.parent().unwrap_or(Path::new("")).to_owned();
        let included = merge_into(included, &below, sources, diagnostics, seen);
        root = model::merge(root, included, diagnostics);
    }
    root
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

/// The path by which a file is told from another.
fn normal(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
