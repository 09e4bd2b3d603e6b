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
}

impl Place {
    pub(super) fn written(span: Span) -> Self {
        Self {
            span,
            written: true,
        }
    }

    pub(super) fn given(span: Span) -> Self {
        Self {
            span,
            written: false,
        }
    }

    /// The characters of `range` of `text`. Where YAML changed the text (escapes, folded lines), the same characters
    /// are looked for in what is written, by their count; if they are not there, it is the whole value.
    pub(super) fn part(&self, sources: &Sources, text: &str, range: Range<usize>) -> Span {
        if !self.written {
            return self.span;
        }
        let written = sources.slice(self.span);
        for quote in [0, 1] {
            if written.get(quote..written.len().saturating_sub(quote)) == Some(text) {
                return self.span.part(quote + range.start, quote + range.end);
            }
        }
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
