//! Buildspecs that are texts in the file: every part of the text in its place there.

use crate::checks::written::places;
use crate::diagnostic::Diagnostics;
use crate::model::{Buildspec, Model, Project, Text};
use crate::source::{Sources, Span};
use crate::tree::{Data, Entry, Node};

/// Gives what stands in a buildspec's text the place where the person typed it; the place of the whole text where that
/// cannot be told (folded lines, variables).
pub fn place_buildspecs(model: &mut Model, sources: &Sources) {
    for project in &mut model.projects {
        if !matches!(project.buildspec, Buildspec::Inline(_)) {
            continue;
        }
        if let Some(text) = text(project)
            && let Some(root) = read(&text, sources, &mut Diagnostics::new())
            && root.as_map().is_some()
        {
            project.buildspec = Buildspec::Inline(root);
        }
    }
}

/// The buildspec that is a text in the file.
pub(super) fn text(project: &Project) -> Option<Text> {
    let node = project.definition.get("source")?.get("buildspec")?;
    Some(Text {
        origin: node.origin.clone(),
        ..Text::new(node.as_str()?, node.span)
    })
}

/// Reads the text; what is wrong with it is found at its place in the file.
pub(super) fn read(text: &Text, sources: &Sources, found: &mut Diagnostics) -> Option<Node> {
    let mut own = Sources::new();
    let file = own.add("buildspec", text.value.as_str());
    let mut inside = Diagnostics::new();
    let root = crate::yaml::parse(&own, file, &mut inside);
    // a mark of byte order is not part of what was read
    let marked = text.value.len() - own.file(file).text.len();
    let places = places(sources.slice(text.span), &text.value);
    let map = |span: Span| match &places {
        Some(places) => {
            let at = |offset: usize| places.get((offset + marked).min(text.value.len())).copied();
            // what is found at the end stands behind the last character that can be seen
            let last = text.value.trim_end().len().saturating_sub(1);
            let start = if span.start() > last {
                at(last).map_or(0, |(start, _)| start)
            } else {
                at(span.start()).map_or(0, |(start, _)| start)
            };
            let end = match span
                .end()
                .min(last + 1)
                .checked_sub(1)
                .filter(|end| *end >= span.start())
            {
                Some(end) => at(end).map_or(start, |(_, end)| end),
                None => start,
            };
            text.span.part(start, end.max(start))
        }
        None => text.span,
    };
    for mut one in inside.iter().cloned() {
        one.span = map(one.span);
        for label in &mut one.labels {
            label.span = map(label.span);
        }
        found.push(one.through(text.origin.as_ref()));
    }
    root.map(|root| moved(root, text, &map))
}

fn moved(node: Node, text: &Text, map: &impl Fn(Span) -> Span) -> Node {
    let data = match node.data {
        Data::List(items) => Data::List(
            items
                .into_iter()
                .map(|item| moved(item, text, map))
                .collect(),
        ),
        Data::Map(entries) => Data::Map(
            entries
                .into_iter()
                .map(|entry| Entry {
                    key_span: map(entry.key_span),
                    value: moved(entry.value, text, map),
                    key: entry.key,
                })
                .collect(),
        ),
        other => other,
    };
    Node {
        data,
        span: map(node.span),
        origin: text.origin.clone(),
        raw: node.raw,
    }
}
