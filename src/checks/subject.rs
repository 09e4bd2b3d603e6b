//! What the rules look at.

use std::collections::BTreeMap;

use crate::model::{Model, Text};
use crate::source::{Sources, Span};
use crate::tree::Node;

use super::{Places, Unread};

/// A decoded file and what belongs to it.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The typed pipelines.
    pub model: &'a Model,
    /// The tree they were read from.
    pub tree: &'a Node,
    /// Every text that was read, for places inside of values.
    pub sources: &'a Sources,
    /// The region of the run, where one is known.
    pub region: Option<&'a str>,
    /// The stage of the run.
    pub stage: &'a str,
    /// Buildspecs that the file names and that exist beside it, by the path as the file names it
    /// (`buildspec.yml` where it names none).
    pub buildspecs: &'a BTreeMap<String, Node>,
    /// What of the file could not be read.
    pub unread: &'a Unread,
    /// Where parts of values stand.
    pub places: &'a Places,
}

impl Subject<'_> {
    /// The place of a part of a value, given as offsets in bytes of the value; the place of the whole value where
    /// the text in the file does not lead to it (variables).
    pub fn part(&self, text: &Text, start: usize, end: usize) -> Span {
        let written = self.sources.slice(text.span);
        let Some(part) = text.value.get(start..end) else {
            return text.span;
        };
        if written.is_empty() || part.is_empty() {
            return text.span;
        }
        let whole = (text.span, written);
        if let Some((start, end)) = self.places.of_part(whole, &text.value, (start, end)) {
            return text.span.part(start, end);
        }
        // a variable stands in it: as many occurrences before the part in the value as in the text
        let before = text.value[..start].matches(part).count();
        let same = written.matches(part).count() == text.value.matches(part).count();
        match written.match_indices(part).nth(before) {
            Some((at, _)) if same => text.span.part(at, at + part.len()),
            _ => text.span,
        }
    }
}
