//! Joining the tree of a file with the trees of the files it includes.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::tree::{Data, Entry, Node};

use super::decode::join;

/// Merges `more` into `base`: maps deeply, keys of `base` first. The same key twice with anything but two maps is
/// an error; lists are not joined.
pub fn merge(base: Node, more: Node, diagnostics: &mut Diagnostics) -> Node {
    merge_at(base, more, "", diagnostics)
}

fn merge_at(mut base: Node, more: Node, path: &str, out: &mut Diagnostics) -> Node {
    match (&mut base.data, more.data) {
        (Data::Null, data) if path.is_empty() => base.data = data,
        (Data::Map(entries), Data::Map(others)) => {
            for other in others {
                merge_entry(entries, other, path, out);
            }
        }
        (_, Data::Null) if path.is_empty() => {}
        (_, _) => out.push(
            Diagnostic::error(
                "include-conflict",
                more.span,
                path,
                if path.is_empty() {
                    "an included file must be a map".to_owned()
                } else {
                    format!("`{path}` is given twice, here and in an included file")
                },
            )
            .label("given again")
            .related(base.span, "given first")
            .help("keep one of the two; only maps are merged"),
        ),
    }
    base
}

fn merge_entry(entries: &mut Vec<Entry>, other: Entry, path: &str, out: &mut Diagnostics) {
    let Some(index) = entries.iter().position(|entry| entry.key == other.key) else {
        entries.push(other);
        return;
    };
    let entry = entries.remove(index);
    let path = join(path, &entry.key);
    let value = merge_at(entry.value, other.value, &path, out);
    entries.insert(index, Entry { value, ..entry });
}
