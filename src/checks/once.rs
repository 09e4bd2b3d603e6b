//! One mistake, one error.

use std::collections::{BTreeMap, HashSet};

use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::source::{FileId, Span};
use crate::tree::{Data, Node};

use super::exact;

/// Where a number or a boolean stands in the place of a text, that is told as the file is read. What the text would be
/// wrong about is the same mistake: its finding goes, and what it advises stays.
pub(super) fn merge(tree: &Node, read: &mut Diagnostics, found: &mut Diagnostics) {
    let mut refused: BTreeMap<(FileId, usize), Refused> = read
        .iter()
        .filter(|one| is_wrong_kind(tree, one))
        .map(|one| {
            let refused = Refused {
                span: one.span,
                help: None,
            };
            ((one.span.file, one.span.start()), refused)
        })
        .collect();
    if refused.is_empty() {
        return;
    }
    found.edit(|one| {
        let (file, start, end) = (one.span.file, one.span.start(), one.span.end());
        let before = refused.range_mut((file, 0)..=(file, start)).next_back();
        match before {
            Some((_, same)) if end <= same.span.end() && of_the_value(&one) => {
                same.help = one.help;
                None
            }
            _ => Some(one),
        }
    });
    read.edit(|mut one| {
        let better = refused.get_mut(&(one.span.file, one.span.start()));
        let better = better.filter(|same| same.span == one.span && one.code == WRONG_KIND);
        if let Some(help) = better.and_then(|same| same.help.take()) {
            one.help = Some(help);
        }
        Some(one)
    });
}

/// A value that was refused, and what to write instead as far as a rule knows.
struct Refused {
    span: Span,
    help: Option<String>,
}

/// What another place makes wrong is a mistake of its own.
fn of_the_value(one: &Diagnostic) -> bool {
    one.severity == Severity::Error && one.labels.is_empty()
}

const WRONG_KIND: &str = "value-kind";

fn is_wrong_kind(tree: &Node, one: &Diagnostic) -> bool {
    let scalar = |node: &Node| matches!(node.data, Data::Bool(_) | Data::Number(_));
    one.code == WRONG_KIND && exact::at(tree, &one.path).is_some_and(scalar)
}

/// What has no value is not known either: that is told once.
pub(super) fn unknown(diagnostics: &mut Diagnostics) {
    const UNKNOWN: &str = "value-unknown";
    if !diagnostics.iter().any(|one| one.code == UNKNOWN) {
        return;
    }
    let missing: HashSet<Span> = diagnostics
        .iter()
        .filter(|one| one.severity == Severity::Error && one.code.starts_with("variable-"))
        .map(|one| one.span)
        .collect();
    diagnostics.edit(|one| (one.code != UNKNOWN || !missing.contains(&one.span)).then_some(one));
}
