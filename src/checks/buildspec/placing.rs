//! Buildspecs that are texts in the file: every part of the text in its place there.

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

/// For every byte of a value, and for its end, where its character stands in what is written: first byte and one past
/// the last. Nothing if the one does not lead to the other.
fn places(written: &str, value: &str) -> Option<Vec<(usize, usize)>> {
    let quote = written.chars().next().filter(|c| matches!(c, '"' | '\''));
    let mut at = match (quote, written.chars().next()) {
        (Some(_), _) => 1,
        // the head of a block: `|-`, `>2`
        (None, Some('|' | '>')) => written.find('\n')? + 1,
        _ => 0,
    };
    let mut places = Vec::with_capacity(value.len() + 1);
    for c in value.chars() {
        let width = loop {
            let rest = written.get(at..)?;
            if let Some(width) = same(rest, c, quote) {
                break width;
            }
            // indentation, and the ends of folded lines
            let next = rest.chars().next();
            match next {
                Some(next) if next.is_whitespace() => at += next.len_utf8(),
                // what a fold or a last line without an end gives the value
                None if c == '\n' => break 0,
                _ => return None,
            }
        };
        for _ in 0..c.len_utf8() {
            places.push((at, at + width));
        }
        at += width;
    }
    places.push((at, at));
    Some(places)
}

/// How many bytes the character takes up where it is written at the start of `rest`.
fn same(rest: &str, c: char, quote: Option<char>) -> Option<usize> {
    if quote == Some('\'') && c == '\'' {
        return rest.starts_with("''").then_some(2);
    }
    if quote == Some('"') && rest.starts_with('\\') {
        let (written, width) = match rest.chars().nth(1)? {
            'n' => ('\n', 2),
            't' => ('\t', 2),
            'r' => ('\r', 2),
            '0' => ('\0', 2),
            'e' => ('\u{1b}', 2),
            'x' => (coded(rest, 4)?, 4),
            'u' => (coded(rest, 6)?, 6),
            other => (other, 1 + other.len_utf8()),
        };
        return (written == c).then_some(width);
    }
    rest.starts_with(c).then_some(c.len_utf8())
}

fn coded(rest: &str, width: usize) -> Option<char> {
    char::from_u32(u32::from_str_radix(rest.get(2..width)?, 16).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_style_leads_back_to_what_is_written() {
        let value = "version: 0.2\nphases:\n  build: {commands: [\"a 'b' c\"]}\n";
        let block =
            "|\n      version: 0.2\n      phases:\n        build: {commands: [\"a 'b' c\"]}\n";
        let double = r#""version: 0.2\nphases:\n  build: {commands: [\"a 'b' c\"]}\n""#;
        for written in [block, double] {
            let places = places(written, value).expect("leads back");
            for word in ["0.2", "phases", "commands", "'b'"] {
                let start = value.find(word).expect("there");
                let (from, _) = places[start];
                let (_, to) = places[start + word.len() - 1];
                assert_eq!(&written[from..to], word);
            }
        }
        let single = "'a: ''b'' c'";
        let found = places(single, "a: 'b' c").expect("leads back");
        assert_eq!(&single[found[4].0..found[4].1], "b");
        let coded = r#""\u00e9: \x41""#;
        let found = places(coded, "é: A").expect("leads back");
        assert_eq!(&coded[found[4].0..found[4].1], r"\x41");
        assert!(places("${file(x.yml)}", "version: 0.2").is_none());
    }
}
