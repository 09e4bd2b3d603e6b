//! From an offset in a value's text back to the characters in the file.

use std::ops::Range;

use crate::source::{Sources, Span};

/// Where the text of a value is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The whole value.
    pub(super) span: Span,
    /// Whether its text is written there: not so for a text that a variable gave.
    pub(super) written: bool,
    /// Where in the span the text begins, if it stands there letter by letter.
    verbatim: Option<usize>,
}

/// In a longer text that YAML changed, in bytes, places are not looked for.
const LONGEST: usize = 100_000;

impl Place {
    pub(super) fn written(span: Span) -> Self {
        Self {
            span,
            written: true,
            verbatim: None,
        }
    }

    pub(super) fn given(span: Span) -> Self {
        Self {
            span,
            written: false,
            verbatim: None,
        }
    }

    /// The place, compared with what is written there: once for all parts of the text.
    pub(super) fn compared(self, sources: &Sources, text: &str) -> Self {
        let written = sources.slice(self.span);
        let verbatim = [0, 1]
            .into_iter()
            .find(|quote| written.get(*quote..written.len().saturating_sub(*quote)) == Some(text));
        Self {
            verbatim: verbatim.filter(|_| self.written),
            ..self
        }
    }

    /// The characters of `range` of `text`. Where YAML changed the text (escapes, folded lines), the same characters
    /// are looked for in what is written, by their count; if they are not there, it is the whole value.
    pub(super) fn part(&self, sources: &Sources, text: &str, range: Range<usize>) -> Span {
        if let Some(from) = self.verbatim {
            return self.span.part(from + range.start, from + range.end);
        }
        if !self.written || text.len() > LONGEST {
            return self.span;
        }
        let written = sources.slice(self.span);
        let Some(wanted) = text.get(range.clone()).filter(|wanted| !wanted.is_empty()) else {
            return self.span;
        };
        let before = text[..range.start].matches(wanted).count();
        match written.match_indices(wanted).nth(before) {
            Some((at, _)) => self.span.part(at, at + wanted.len()),
            None => self.span,
        }
    }
}
