//! `triggers:`: pushes, pull requests and schedules.

use crate::catalog::structure;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::tree::{Data, Entry, Node};

use super::decode::{
    Item, Map, invalid, items, items_of, nearest, not_a_word, text, text_at, texts, wrong_kind,
};
use super::source::is_connection;
use super::types::{Action, Filter, Globs, Text, Trigger};

/// What `triggers:` says: the filters of sources, and the schedules.
#[derive(Default)]
pub(super) struct Triggers {
    pub(super) triggers: Vec<Trigger>,
    pub(super) schedules: Vec<Text>,
}

/// Reads `triggers:`, one map or a list.
pub(super) fn triggers(
    entry: &Entry,
    path: &str,
    sources: &[Action],
    out: &mut Diagnostics,
) -> Triggers {
    let mut all = Triggers::default();
    for Item { path, node, owner } in items_of(entry, path, true, out) {
        let Some(mut map) = Map::open(node, path.clone(), owner, out) else {
            continue;
        };
        schedules(&mut map, &mut all.schedules, out);
        let push = filters(&mut map, "push", out);
        let pull_request = filters(&mut map, "pullRequest", out);
        let source = source_name(
            &mut map,
            sources,
            push.is_some() || pull_request.is_some(),
            out,
        );
        let reasons = ["push", "pullRequest", "schedule"];
        if !reasons.iter().any(|key| map.has(key)) {
            let error = Diagnostic::error(
                "key-missing",
                map.span,
                &map.path,
                format!("`{path}` starts nothing: it needs `push`, `pullRequest` or `schedule`"),
            )
            .label("starts nothing");
            out.push(error.help("e.g. `push: {branches: main}` or `schedule: rate(1 day)`"));
        }
        map.hint("branches", "write `push: {branches: …}`");
        map.hint("tags", "write `push: {tags: …}`");
        map.hint("paths", "write `push: {branches: …, paths: …}`");
        map.hint("pull_request", "write `pullRequest`");
        map.finish(out);
        if let Some(source) = source
            && (push.is_some() || pull_request.is_some())
        {
            all.triggers.push(Trigger {
                source,
                push: push.unwrap_or_default(),
                pull_request: pull_request.unwrap_or_default(),
                span: entry.key_span,
                path,
                raw: None,
            });
        }
    }
    all
}

fn schedules(map: &mut Map<'_>, into: &mut Vec<Text>, out: &mut Diagnostics) {
    let path = map.at("schedule");
    let Some(node) = map.value("schedule", out) else {
        return;
    };
    for text in texts(node, &path, out) {
        let value = text.value.trim();
        let fits = ["cron(", "rate("]
            .iter()
            .any(|begin| value.starts_with(begin))
            && value.ends_with(')');
        if text.known && !fits {
            out.push(
                Diagnostic::error(
                    "value-invalid",
                    text.span,
                    &path,
                    format!("`{value}` is no schedule"),
                )
                .label("no schedule")
                .help("write `cron(0 6 ? * MON-FRI *)` (six fields, UTC) or `rate(1 hour)`"),
            );
            continue;
        }
        into.push(text);
    }
}

/// The source a trigger belongs to: the one that is named, or the only one of a connection.
fn source_name(
    map: &mut Map<'_>,
    sources: &[Action],
    needed: bool,
    out: &mut Diagnostics,
) -> Option<Text> {
    let named = map.text("source", out);
    let connections: Vec<&Action> = sources
        .iter()
        .filter(|action| is_connection(action))
        .collect();
    if !needed {
        return named;
    }
    if let Some(name) = named {
        if name.known && !sources.iter().any(|action| action.name.value == name.value) {
            let candidates = connections.iter().map(|action| action.name.value.as_str());
            let near = nearest(&name.value, candidates);
            let mut error = Diagnostic::error(
                "reference-unknown",
                name.span,
                map.at("source"),
                format!("there is no source `{}`", name.value),
            )
            .label("unknown source");
            if let Some(word) = near {
                error = error.help(format!("did you mean `{word}`?"));
            }
            out.push(error);
            return None;
        }
        return Some(name);
    }
    match connections[..] {
        [] => {
            if !sources.is_empty() {
                out.push(
                    Diagnostic::error(
                        "value-invalid",
                        map.span,
                        &map.path,
                        "`push` and `pullRequest` are for sources of a connection, and this pipeline has none",
                    )
.label("nobody would hear of it")
                    .help("use `github: owner/repo` with `connection`, or only `schedule`"),
                );
            }
            None
        }
        [only] => Some(Text::new(only.name.value.clone(), map.span)),
        _ => {
            map.missing("source", "say which of the sources it is about", out);
            None
        }
    }
}

fn filters(map: &mut Map<'_>, key: &str, out: &mut Diagnostics) -> Option<Vec<Filter>> {
    map.value(key, out)?;
    let mut filters = Vec::new();
    for Item { path, node, owner } in map.items(key, true, out) {
        let Some(mut map) = Map::open(node, path.clone(), owner, out) else {
            continue;
        };
        let mut filter = Filter {
            branches: globs(&mut map, "branches", out),
            paths: globs(&mut map, "paths", out),
            span: node.span,
            ..Filter::default()
        };
        map.hint("branch", "write `branches`");
        map.hint("filePaths", "write `paths`");
        map.hint("files", "write `paths`");
        if key == "push" {
            map.hint("tag", "write `tags`");
            filter.tags = globs(&mut map, "tags", out);
        } else {
            map.hint("tags", "a pull request has no tags");
            filter.events = events(&mut map, out);
        }
        map.finish(out);
        split_tags(filter, &path, &mut filters, out);
    }
    Some(filters)
}

/// AWS takes tags only in a filter of their own: together they become two filters.
fn split_tags(mut filter: Filter, path: &str, into: &mut Vec<Filter>, out: &mut Diagnostics) {
    if filter.branches.is_none() && filter.paths.is_none() {
        into.push(filter);
        return;
    }
    let tags = filter.tags.take();
    into.push(filter);
    if let Some(tags) = tags {
        out.push(
            Diagnostic::warning(
                "trigger-split",
                tags.span,
                format!("{path}.tags"),
                "tags stand in a filter of their own: a push of a tag starts the pipeline whatever the branches and paths",
            )
            .label("made a second filter")
            .help("write two filters: `push: [{branches: …}, {tags: …}]`"),
        );
        into.push(Filter {
            span: tags.span,
            tags: Some(tags),
            ..Filter::default()
        });
    }
}

fn events(map: &mut Map<'_>, out: &mut Diagnostics) -> Vec<Text> {
    let path = map.at("events");
    let words: Vec<String> = structure::enums()
        .pull_request_event
        .iter()
        .map(|word| word.to_lowercase())
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let events = map.texts("events", out).unwrap_or_default();
    events
        .into_iter()
        .filter_map(|event| {
            let lower = event.value.to_lowercase();
            if event.known && !words.contains(&lower.as_str()) {
                out.push(not_a_word(&event, &path, &words));
                return None;
            }
            Some(event.map_value(str::to_uppercase))
        })
        .collect()
}

/// A text, a list with `!` for what is excluded, or `{include, exclude}`.
fn globs(map: &mut Map<'_>, key: &str, out: &mut Diagnostics) -> Option<Globs> {
    let path = map.at(key);
    let node = map.value(key, out)?;
    let mut globs = Globs {
        span: node.span,
        ..Globs::default()
    };
    if let Data::Map(members) = &node.data {
        let mut inner = Map::of(members, path, node.span);
        globs.includes = inner.texts("include", out).unwrap_or_default();
        globs.excludes = inner.texts("exclude", out).unwrap_or_default();
        inner.finish(out);
    } else {
        for (path, item) in items(node, &path, true, out) {
            if let Some(text) = glob(item, &path, out) {
                match text.value.strip_prefix('!') {
                    Some(rest) if text.known => globs.excludes.push(text_at(item, rest)),
                    _ => globs.includes.push(text),
                }
            }
        }
    }
    if globs.includes.is_empty() && globs.excludes.is_empty() && !node.has_unknown() {
        out.push(invalid(
            node,
            &map.at(key),
            format!("`{}` matches nothing: it has no pattern", map.at(key)),
        ));
    }
    Some(globs)
}

fn glob(node: &Node, path: &str, out: &mut Diagnostics) -> Option<Text> {
    if matches!(node.data, Data::List(_) | Data::Map(_)) {
        out.push(wrong_kind(node, path, "a pattern"));
        return None;
    }
    text(node, path, out)
}

impl Text {
    /// The same with another value.
    pub(super) fn map_value(self, change: impl FnOnce(&str) -> String) -> Self {
        if !self.known {
            return self;
        }
        Self {
            value: change(&self.value),
            ..self
        }
    }
}
