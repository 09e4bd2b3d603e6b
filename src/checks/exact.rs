//! The path of a finding goes to the very member that its characters are.
//!
//! Rules know the parts of a pipeline by what they are, `variables` or `inputArtifacts`; which item of the list it is, and
//! which member of the item, the tree of the file tells.

use crate::source::Span;
use crate::tree::{Data, Entry, Node};

/// The path of what stands at a place, if the path that leads to it can be made longer.
///
/// What is said of a thing as a whole is shown at its name, and its path stays that of the thing.
pub(super) fn path(tree: &Node, path: &str, span: Span) -> Option<String> {
    let node = at(tree, path)?;
    let longer = match below(node, path, span) {
        Found::One(longer) => longer,
        Found::None => return None,
    };
    let rest = longer.strip_prefix(path)?;
    (!matches!(rest, "" | ".name" | "name")).then_some(longer)
}

/// What a path leads to.
pub(super) fn at<'n>(node: &'n Node, path: &str) -> Option<&'n Node> {
    if path.is_empty() {
        return Some(node);
    }
    match &node.data {
        Data::Map(entries) => {
            let path = path.strip_prefix('.').unwrap_or(path);
            entries.iter().find_map(|entry| {
                let rest = path.strip_prefix(entry.key.as_str())?;
                let whole = rest.is_empty() || rest.starts_with(['.', '[']);
                whole.then(|| at(&entry.value, rest))?
            })
        }
        Data::List(items) => {
            let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
            at(items.get(index.parse::<usize>().ok()?)?, rest)
        }
        _ => None,
    }
}

/// Whether a place is that of something below.
enum Found {
    None,
    /// Its path. What one variable gave has one place for all that is in it: then the path of that.
    One(String),
}

fn within(outer: Span, span: Span) -> bool {
    outer.file == span.file && outer.start() <= span.start() && span.end() <= outer.end()
}

fn below(node: &Node, path: &str, span: Span) -> Found {
    // what a variable gave stands in another place than what is in it
    let elsewhere = node.origin.is_none() && node.span.file == span.file;
    match &node.data {
        Data::Map(_) | Data::List(_) if elsewhere && !within(node.span, span) => Found::None,
        Data::Map(entries) => only(entries.iter().map(|entry| member(entry, path, span)), path),
        Data::List(items) => only(
            items
                .iter()
                .enumerate()
                .map(|(index, item)| below(item, &format!("{path}[{index}]"), span)),
            path,
        ),
        _ if within(node.span, span) => Found::One(path.to_owned()),
        _ => Found::None,
    }
}

fn member(entry: &Entry, path: &str, span: Span) -> Found {
    let path = super::fields::join(path, &entry.key);
    match within(entry.key_span, span) {
        true => Found::One(path),
        false => below(&entry.value, &path, span),
    }
}

/// The one that was found; of several what holds them.
fn only(found: impl Iterator<Item = Found>, path: &str) -> Found {
    let mut one = Found::None;
    for found in found {
        one = match (one, found) {
            (Found::None, found) => found,
            (one, Found::None) => one,
            _ => return Found::One(path.to_owned()),
        };
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::source::{FileId, Sources};

    const TEXT: &str = "variables: [{name: first}, {name: second, defaultValue: ''}]\n\
                        push: [{branches: {includes: [main, v1]}}]\nname: whole\n";

    fn tree() -> (Node, FileId) {
        let mut sources = Sources::new();
        let file = sources.add("pipeline.yml", TEXT);
        let tree = crate::yaml::parse(&sources, file, &mut Diagnostics::new()).expect("a tree");
        (tree, file)
    }

    fn of(from: &str, characters: &str) -> Option<String> {
        let (tree, file) = tree();
        let start = TEXT.find(characters).expect("they are there");
        let span = Span::new(file, start, start + characters.len());
        path(&tree, from, span)
    }

    #[test]
    fn it_leads_to_items_and_members() {
        for (from, characters, longer) in [
            ("variables", "''", Some("variables[1].defaultValue")),
            ("push[0]", "v1", Some("push[0].branches.includes[1]")),
            (
                "push[0].branches",
                "includes",
                Some("push[0].branches.includes"),
            ),
            // a thing is shown at its name
            ("variables[1]", "second", None),
            ("", "whole", None),
            // it is there already, or somewhere else
            ("name", "v1", None),
            ("push[0].tags", "v1", None),
            ("push[2]", "v1", None),
        ] {
            assert_eq!(
                of(from, characters).as_deref(),
                longer,
                "{from} {characters}"
            );
        }
    }

    #[test]
    fn what_has_one_place_for_several_is_left_alone() {
        let (tree, file) = tree();
        let span = Span::new(file, 0, 4);
        let item = |text: &str| Node::text(text, span);
        let list = Node::list(vec![item("a"), item("b")], span);
        assert!(matches!(below(&list, "x", span), Found::One(path) if path == "x"));
        assert!(path(&tree, "variables", Span::new(file, 0, TEXT.len())).is_none());
    }
}
