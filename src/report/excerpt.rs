//! The lines around the places of a finding, as miette reads them.
//!
//! What is taken out of a file is bounded: a few lines around each place, and of a line that nobody can read the
//! characters around the place.

use std::borrow::Cow;

use miette::{LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use super::text::{clean, harmless};
use crate::source::{FileId, SourceFile, Sources, Span};

/// So many lines above and below a place are shown.
pub(super) const CONTEXT: usize = 1;
/// So many lines above and below are read, from which miette decides which places are shown together.
const READ: usize = 2;
/// A longer line is cut around its place, in bytes.
const LONGEST_LINE: usize = 500;
/// What is left of such a line on each side of the place.
const AROUND: usize = 40;
/// What is shown of a place in such a line.
const LONGEST_LABEL: usize = 80;
/// Not more places than these are shown.
const MOST_LABELS: usize = 40;
/// A page that is narrower cuts lines that do not fit.
const NARROW: usize = 100;
/// What stands on each side of a line: its number and the frame, a label's tail.
const FRAME: usize = 8;
/// What stands where a line is cut.
const CUT: &str = "...";

/// The parts of a file around the labels, in its order.
pub(super) struct Excerpt {
    name: String,
    chunks: Vec<Chunk>,
}

/// Some lines in a row, or a part of one.
struct Chunk {
    text: String,
    /// Where it begins in the file: byte, line from 0, character of the line from 0.
    offset: usize,
    line: usize,
    column: usize,
}

/// How much of a line is shown.
#[derive(Clone, Copy)]
struct Room {
    /// A longer line is cut around its place.
    line: usize,
    around: usize,
    label: usize,
}

impl Room {
    fn new(width: usize) -> Self {
        if width >= NARROW {
            return Self {
                line: LONGEST_LINE,
                around: AROUND,
                label: LONGEST_LABEL,
            };
        }
        let line = width.saturating_sub(FRAME);
        Self {
            line,
            around: line / 4,
            label: line / 2,
        }
    }
}

/// Where a label stands: bytes, and lines from 1.
#[derive(Clone, Copy)]
struct Marked {
    start: usize,
    end: usize,
    line: usize,
}

impl Excerpt {
    /// The lines around the spans, and the spans as labels. Only the first line of a longer span is marked: it names
    /// the thing, and the rest would be a page. Nothing where there is nothing to show. What is hidden is stars.
    pub(super) fn new(
        sources: &Sources,
        file: FileId,
        spans: &[(Span, &str)],
        hidden: &[Span],
        width: usize,
    ) -> (Option<Self>, Vec<LabeledSpan>) {
        let source = sources.file(file);
        if source.text.is_empty() {
            return (None, Vec::new());
        }
        let spans = &spans[..spans.len().min(MOST_LABELS)];
        let room = Room::new(width);
        let marked: Vec<Marked> = spans
            .iter()
            .map(|(span, _)| mark(source, *span, room))
            .collect();
        let labels = spans
            .iter()
            .zip(&marked)
            .enumerate()
            .map(|(index, ((_, label), marked))| {
                let label = (!label.is_empty()).then(|| clean(label));
                let place = (marked.start, marked.end - marked.start);
                if index == 0 {
                    LabeledSpan::new_primary_with_span(label, place)
                } else {
                    LabeledSpan::new_with_span(label, place)
                }
            })
            .collect();
        let mut excerpt = Self {
            name: source.name.clone(),
            chunks: chunks(source, marked, room),
        };
        for span in hidden.iter().filter(|span| span.file == file) {
            excerpt
                .chunks
                .iter_mut()
                .for_each(|chunk| chunk.hide(*span));
        }
        (Some(excerpt), labels)
    }

    fn chunk(&self, start: usize, end: usize) -> Option<&Chunk> {
        self.chunks
            .iter()
            .find(|chunk| chunk.offset <= start && end <= chunk.offset + chunk.text.len())
    }
}

impl Chunk {
    /// Puts stars in place of what it has of a span, as many as there were bytes, so that places stay true.
    fn hide(&mut self, span: Span) {
        let inside = |at: usize| floor(&self.text, at.saturating_sub(self.offset));
        let (start, end) = (inside(span.start()), inside(span.end()));
        let stars = self.text[start..end]
            .bytes()
            .map(|byte| if byte == b'\n' { '\n' } else { '*' })
            .collect::<String>();
        self.text.replace_range(start..end, &stars);
    }
}

/// The place of a span, up to the end of its first line; in a line that is cut, its beginning.
fn mark(source: &SourceFile, span: Span, room: Room) -> Marked {
    let text = source.text.as_str();
    let place = source.position(span.start());
    let start = place.offset;
    let mut end = source.position(span.end()).offset.max(start);
    let line = source.line(place.line);
    end = end.min(line.end.max(start));
    if let Some(at) = text[start..end].find('\r') {
        end = start + at;
    }
    if line.len() > room.line {
        end = floor(text, end.min(start + room.label));
    }
    Marked {
        start,
        end,
        line: place.line,
    }
}

/// What is shown around the labels: one chunk for those whose lines meet.
fn chunks(source: &SourceFile, mut marked: Vec<Marked>, room: Room) -> Vec<Chunk> {
    marked.sort_by_key(|marked| (marked.start, marked.end));
    let long = |line: usize| source.line(line).len() > room.line;
    let mut chunks = Vec::new();
    let mut at = 0;
    while let Some(first) = marked.get(at) {
        at += 1;
        if long(first.line) {
            chunks.push(cut(source, *first, room));
            continue;
        }
        let mut last = first.line;
        while let Some(next) = marked.get(at)
            && next.line <= last + 2 * READ
            && (last..=next.line).all(|line| !long(line))
        {
            last = next.line;
            at += 1;
        }
        let above = (first.line.saturating_sub(READ).max(1)..first.line)
            .rev()
            .take_while(|line| !long(*line))
            .last()
            .unwrap_or(first.line);
        let below = (last + 1..=(last + READ).min(source.lines()))
            .take_while(|line| !long(*line))
            .last()
            .unwrap_or(last);
        let start = source.line(above).start;
        // With its line break, so that a place at the very end of a line lies inside.
        let end = match below < source.lines() {
            true => source.line(below + 1).start,
            false => source.text.len(),
        };
        chunks.push(Chunk {
            text: clean_source(&source.text[start..end]),
            offset: start,
            line: above - 1,
            column: 0,
        });
    }
    chunks
}

/// The characters around a place of a long line.
fn cut(source: &SourceFile, marked: Marked, room: Room) -> Chunk {
    let text = source.text.as_str();
    let line = source.line(marked.line);
    let start = floor(text, marked.start.saturating_sub(room.around)).max(line.start);
    let end = floor(text, marked.end + room.around).clamp(marked.end, line.end.max(marked.end));
    let mut part = clean_source(&text[start..end]);
    if start > line.start {
        let over = ceiling(&part, CUT.len()).min(marked.start - start);
        part.replace_range(..over, &marks(over));
    }
    if end < line.end {
        let from = floor(&part, part.len() - CUT.len().min(part.len()));
        let from = from.max(marked.end - start);
        part.replace_range(from.., &marks(part.len() - from));
    }
    Chunk {
        text: part,
        offset: start,
        line: marked.line - 1,
        column: source.position(start).column - 1,
    }
}

/// Dots for as many bytes.
fn marks(bytes: usize) -> String {
    let dots = bytes.min(CUT.len());
    CUT[..dots].to_owned() + &" ".repeat(bytes - dots)
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn ceiling(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

/// The text without what drives a terminal; every replacement is as long as what it replaces, so that places stay true.
fn clean_source(text: &str) -> String {
    if text.chars().all(harmless) {
        return text.to_owned();
    }
    text.chars()
        .map(|c| match c {
            '\r' => ' ',
            c if harmless(c) => c,
            // C1 controls have two bytes, and so has this.
            c if c.len_utf8() == 2 => '·',
            _ => '?',
        })
        .collect()
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        context_lines_before: usize,
        context_lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let chunk = self
            .chunk(span.offset(), span.offset() + span.len())
            .ok_or(MietteError::OutOfBounds)?;
        let at = span.offset() - chunk.offset;
        let contents = chunk.text.as_str().read_span(
            &(at, span.len()).into(),
            context_lines_before,
            context_lines_after,
        )?;
        let inner = contents.span();
        let before: Cow<'_, str> =
            String::from_utf8_lossy(&chunk.text.as_bytes()[..inner.offset()]);
        let column = match before.rsplit_once('\n') {
            Some((_, before)) => before.chars().count(),
            None => chunk.column + before.chars().count(),
        };
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            contents.data(),
            (inner.offset() + chunk.offset, inner.len()).into(),
            contents.line() + chunk.line,
            column,
            contents.line_count(),
        )))
    }
}
