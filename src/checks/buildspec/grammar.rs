//! Every key of a buildspec, beside what the language has there.

use super::spec::{Form, Spec, specs};
use crate::catalog::buildspec::{Key, buildspec};
use crate::checks::{Subject, fields};
use crate::source::Span;
use crate::tree::{Entry, Node};

/// What stands in a map of a buildspec.
pub(super) enum Found<'s> {
    /// A key that the language does not have there.
    Unknown {
        /// The key.
        entry: &'s Entry,
        /// The keys it has there.
        names: Vec<&'static str>,
    },
    /// A key that it has.
    Known {
        /// The key.
        entry: &'s Entry,
        /// What stands under it.
        key: &'static Key,
    },
    /// A key that it needs.
    Missing {
        /// Where it would stand.
        span: Span,
        /// Its name.
        name: &'static str,
    },
}

type See<'f, 's> = &'f mut dyn FnMut(&str, Found<'s>);

/// Shows everything in every buildspec of a file.
pub(super) fn all(subject: &Subject<'_>, see: &mut dyn FnMut(&Spec<'_>, &str, Found<'_>)) {
    for spec in specs(subject) {
        each(&spec, &mut |path, found| see(&spec, path, found));
    }
}

/// Shows everything in a buildspec with its path. Of one that is made only what a person wrote in its words: the batch.
fn each<'s>(spec: &'s Spec<'_>, see: See<'_, 's>) {
    let language = buildspec();
    let root = &*spec.root;
    if spec.form != Form::Made {
        keys(root, spec.head(), &language.keys, &["version"], "", see);
        for (name, list) in [
            ("env", &language.env),
            ("proxy", &language.proxy),
            ("artifacts", &language.artifacts),
            ("cache", &language.cache),
        ] {
            block(root, name, list, &[], "", see);
        }
        phases(root, see);
        named(root, "reports", "", &language.report, &[], see);
        if let Some(artifacts) = root.get("artifacts") {
            // a secondary artifact has none of its own
            let own = ["secondary-artifacts"];
            named(
                artifacts,
                "secondary-artifacts",
                "artifacts",
                &language.artifacts,
                &own,
                see,
            );
        }
    }
    batch(root, see);
}

/// The keys of a map; `without` are those that do not stand here or are looked at elsewhere.
fn keys<'s>(
    node: &'s Node,
    owner: Span,
    list: &'static [Key],
    without: &[&str],
    path: &str,
    see: See<'_, 's>,
) {
    let Some(entries) = node.as_map() else {
        return;
    };
    let here = |key: &&'static Key| !without.contains(&key.name.as_str());
    for key in list.iter().filter(|key| key.required).filter(here) {
        let entry = node.entry(&key.name);
        let nothing = |value: &Node| value.is_null() || value.as_map().is_some_and(<[_]>::is_empty);
        if entry.is_none_or(|entry| nothing(&entry.value)) && !replaced(node, &key.name) {
            let span = entry.map_or(owner, |entry| entry.key_span);
            see(
                &fields::join(path, &key.name),
                Found::Missing {
                    span,
                    name: &key.name,
                },
            );
        }
    }
    for entry in entries {
        let path = fields::join(path, &entry.key);
        match list.iter().filter(here).find(|key| key.name == entry.key) {
            Some(key) => see(&path, Found::Known { entry, key }),
            // the version has a rule of its own
            None if without == ["version"] && entry.key == "version" => {}
            None => {
                let names = list
                    .iter()
                    .filter(here)
                    .map(|key| key.name.as_str())
                    .collect();
                see(&path, Found::Unknown { entry, names });
            }
        }
    }
}

/// Whether another key says what a key would: the builds of a batch have buildspecs of their own, and so have
/// secondary artifacts their files.
fn replaced(node: &Node, key: &str) -> bool {
    match key {
        "phases" => fields::get(node, "batch").is_some(),
        "files" => fields::get(node, "secondary-artifacts").is_some(),
        _ => false,
    }
}

/// The keys of the map under a key.
fn block<'s>(
    node: &'s Node,
    name: &str,
    list: &'static [Key],
    without: &[&str],
    path: &str,
    see: See<'_, 's>,
) {
    if let Some(entry) = node.entry(name) {
        keys(
            &entry.value,
            entry.key_span,
            list,
            without,
            &fields::join(path, name),
            see,
        );
    }
}

/// The keys of every map under the names that stand below a key.
fn named<'s>(
    node: &'s Node,
    name: &str,
    path: &str,
    list: &'static [Key],
    without: &[&str],
    see: See<'_, 's>,
) {
    let path = fields::join(path, name);
    for entry in node.get(name).and_then(Node::as_map).unwrap_or_default() {
        let path = fields::join(&path, &entry.key);
        keys(&entry.value, entry.key_span, list, without, &path, see);
    }
}

fn phases<'s>(root: &'s Node, see: See<'_, 's>) {
    let language = buildspec();
    let Some(entry) = root.entry("phases") else {
        return;
    };
    let install: Vec<&str> = language.install_only.iter().map(String::as_str).collect();
    let first = language.phases.first().map(String::as_str);
    for phase in entry.value.as_map().unwrap_or_default() {
        let path = fields::join("phases", &phase.key);
        if !language.phases.contains(&phase.key) {
            let names = language.phases.iter().map(String::as_str).collect();
            see(
                &path,
                Found::Unknown {
                    entry: phase,
                    names,
                },
            );
            continue;
        }
        let is_first = first == Some(phase.key.as_str());
        let without: &[&str] = if is_first { &[] } else { &install };
        keys(
            &phase.value,
            phase.key_span,
            &language.phase,
            without,
            &path,
            see,
        );
        let usable = phase.value.as_map().is_some() || phase.value.is_null();
        if !is_first && usable && phase.value.entry("commands").is_none() {
            let path = fields::join(&path, "commands");
            let span = phase.key_span;
            see(
                &path,
                Found::Missing {
                    span,
                    name: "commands",
                },
            );
        }
    }
}

fn batch<'s>(root: &'s Node, see: See<'_, 's>) {
    let language = &buildspec().batch;
    block(root, "batch", &language.keys, &[], "", see);
    let Some(batch) = root.get("batch") else {
        return;
    };
    let graph_only: Vec<&str> = language.graph_only.iter().map(String::as_str).collect();
    for (list, without) in [("build-list", &graph_only[..]), ("build-graph", &[][..])] {
        for (index, task) in fields::items(batch, list).iter().enumerate() {
            let path = format!("batch.{list}[{index}]");
            let owner = task
                .as_map()
                .and_then(<[_]>::first)
                .map_or(task.span, |entry| entry.key_span);
            keys(task, owner, &language.task, without, &path, see);
            block(task, "env", &language.task_env, &[], &path, see);
        }
    }
    block(batch, "build-fanout", &language.fanout, &[], "batch", see);
    block(batch, "build-matrix", &language.matrix, &[], "batch", see);
    let Some(matrix) = batch.get("build-matrix") else {
        return;
    };
    let path = "batch.build-matrix";
    block(matrix, "static", &language.matrix_static, &[], path, see);
    block(matrix, "dynamic", &language.matrix_dynamic, &[], path, see);
    if let Some(fixed) = matrix.get("static") {
        let path = format!("{path}.static");
        block(fixed, "env", &language.matrix_static_env, &[], &path, see);
    }
    if let Some(dynamic) = matrix.get("dynamic") {
        let path = format!("{path}.dynamic");
        block(
            dynamic,
            "env",
            &language.matrix_dynamic_env,
            &[],
            &path,
            see,
        );
    }
}
