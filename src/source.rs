//! Texts, places in them, and values that remember their place.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// One text that was read: a pipeline file, an included file, a file a variable names.
#[derive(Debug)]
pub struct SourceFile {
    /// The name as a person would type it: relative to the working directory, or `<stdin>`.
    pub name: String,
    /// The text, without a byte order mark.
    pub text: String,
    /// How many bytes of the file stand before the text: a byte order mark.
    pub mark: usize,
    /// Where lines begin, counted when a place is first shown: most files have nothing to show.
    line_starts: OnceLock<Vec<u32>>,
    /// How many characters stand before every [`BLOCK`] bytes; nothing if each has one byte.
    characters: OnceLock<Vec<u32>>,
}

/// The mark of byte order that editors of Windows put before a text.
const MARK: char = '\u{feff}';

/// A place in a line of a megabyte is found without counting the megabyte.
const BLOCK: usize = 1024;

/// What a text of so many bytes has. Nothing that is read is larger than 10 MB.
fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Whether a byte of UTF-8 begins a character.
fn begins(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

/// Which of the [`Sources`] a span lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FileId(u32);

/// A range of bytes in one file. A large file has a million of them, so they are kept small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// The file the bytes are in.
    pub file: FileId,
    start: u32,
    end: u32,
}

impl Span {
    /// A range of bytes of `file`.
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        let (start, end) = (small(start), small(end));
        Self { file, start, end }
    }

    /// First byte.
    pub fn start(self) -> usize {
        self.start as usize
    }

    /// One past the last byte.
    pub fn end(self) -> usize {
        self.end as usize
    }

    /// From where this span begins to where the other ends, and whatever either covers.
    pub fn to(self, other: Self) -> Self {
        Self {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
            ..self
        }
    }

    /// Nothing, at the very start of `file`: where something is missing at the root.
    pub fn start_of(file: FileId) -> Self {
        Self::new(file, 0, 0)
    }

    /// The same place after [`Sources::append`].
    pub fn moved(self, by: u32) -> Self {
        let file = FileId(self.file.0 + by);
        Self { file, ..self }
    }

    /// The part from `start` to `end`, both counted from the start of this span.
    pub fn part(self, start: usize, end: usize) -> Self {
        let clamp = |at: usize| (self.start() + at).min(self.end());
        Self::new(self.file, clamp(start), clamp(end))
    }
}

/// A place as people count it: lines and columns from 1, columns in Unicode scalars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Byte offset in the text.
    pub offset: usize,
    /// Line, from 1.
    pub line: usize,
    /// Column in Unicode scalars, from 1.
    pub column: usize,
}

impl SourceFile {
    fn new(name: String, text: String) -> Self {
        let (text, mark) = match text.strip_prefix(MARK) {
            Some(rest) => (rest.to_owned(), MARK.len_utf8()),
            None => (text, 0),
        };
        Self {
            name,
            text,
            mark,
            line_starts: OnceLock::new(),
            characters: OnceLock::new(),
        }
    }

    fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| {
            let bytes = || self.text.bytes().enumerate();
            let ends = || bytes().filter(|(_, byte)| *byte == b'\n');
            let mut starts = Vec::with_capacity(1 + ends().count());
            starts.push(0);
            starts.extend(ends().map(|(at, _)| small(at + 1)));
            starts
        })
    }

    fn characters(&self) -> &[u32] {
        self.characters.get_or_init(|| {
            let mut characters = Vec::new();
            if !self.text.is_ascii() {
                let mut before = 0;
                for block in self.text.as_bytes().chunks(BLOCK) {
                    characters.push(small(before));
                    before += block.iter().filter(|byte| begins(**byte)).count();
                }
                characters.push(small(before));
            }
            characters
        })
    }

    /// How many lines there are; a text that ends with a line break has an empty last one.
    pub fn lines(&self) -> usize {
        self.line_starts().len()
    }

    /// The bytes of a line, counted from 1, without its line break.
    pub fn line(&self, number: usize) -> Range<usize> {
        let start = |index: usize| self.line_starts().get(index).map(|start| *start as usize);
        let first = start(number - 1).unwrap_or(self.text.len());
        first..start(number).map_or(self.text.len(), |next| next - 1)
    }

    /// How many characters stand before a byte.
    fn characters_before(&self, offset: usize) -> usize {
        let Some(before) = self.characters().get(offset / BLOCK) else {
            return offset;
        };
        let block = &self.text.as_bytes()[offset - offset % BLOCK..offset];
        *before as usize + block.iter().filter(|byte| begins(**byte)).count()
    }

    /// Where `offset` is. An offset inside a character is taken back to its start.
    pub fn position(&self, offset: usize) -> Position {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self
            .line_starts()
            .partition_point(|start| *start as usize <= offset);
        let start = self.line(line).start;
        Position {
            offset,
            line,
            column: self.characters_before(offset) - self.characters_before(start) + 1,
        }
    }
}

/// Every text of one run, so that a [`Span`] can be shown.
#[derive(Debug, Default, Clone)]
pub struct Sources {
    files: Vec<Arc<SourceFile>>,
}

impl Sources {
    /// No text yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a text and gives it its id.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).expect("fewer than four billion files"));
        self.files
            .push(Arc::new(SourceFile::new(name.into(), text.into())));
        id
    }

    /// Takes in all texts of another collection; gives what their ids have to be moved by.
    pub fn append(&mut self, other: Self) -> u32 {
        let by = small(self.files.len());
        self.files.extend(other.files);
        by
    }

    /// The text behind an id of this collection.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// The characters a span covers.
    pub fn slice(&self, span: Span) -> &str {
        self.file(span.file)
            .text
            .get(span.start()..span.end())
            .unwrap_or_default()
    }

    /// Start and end of a span as people count.
    pub fn positions(&self, span: Span) -> (Position, Position) {
        let file = self.file(span.file);
        (file.position(span.start()), file.position(span.end()))
    }

    /// The id of every text, in the order they were read.
    pub fn ids(&self) -> impl Iterator<Item = FileId> + use<> {
        (0..self.files.len()).filter_map(|at| u32::try_from(at).ok().map(FileId))
    }

    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether nothing was read yet.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

/// A value and where a person typed it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Joins a value and its place.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }

    /// Another value at the same place.
    pub fn map<U>(self, to: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned {
            value: to(self.value),
            span: self.span,
        }
    }
}

impl<T: std::fmt::Display> std::fmt::Display for Spanned<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.value.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_offsets_bytes() {
        let mut sources = Sources::new();
        let id = sources.add("a.yml", "é: x\nüü: y\n");
        let file = sources.file(id);
        let at = file.text.find('y').expect("there");
        let position = file.position(at);
        assert_eq!(
            (position.line, position.column, position.offset),
            (2, 5, 12)
        );
        assert_eq!(
            file.position(1).offset,
            0,
            "inside a character goes back to its start"
        );
        assert_eq!(file.position(999).line, 3);
    }

    #[test]
    fn far_into_a_line_columns_are_counted_as_near_its_start() {
        let mut sources = Sources::new();
        for (unit, characters) in [("a", 1), ("é", 1), ("a漢", 2)] {
            let text = format!("é\n{}x\ny", unit.repeat(4 * BLOCK));
            let id = sources.add("a.yml", text);
            let file = sources.file(id);
            let position = file.position(file.text.find('x').expect("there"));
            assert_eq!(position.line, 2);
            assert_eq!(position.column, characters * 4 * BLOCK + 1, "{unit}");
            assert_eq!(file.position(file.text.len()).column, 2);
            assert_eq!(file.text[file.line(2)].chars().last(), Some('x'));
            assert_eq!((file.lines(), &file.text[file.line(3)]), (3, "y"));
        }
    }

    #[test]
    fn texts_of_two_collections_become_those_of_one() {
        let mut sources = Sources::new();
        sources.add("a.yml", "a");
        let mut other = Sources::new();
        let span = Span::new(other.add("b.yml", "bc"), 1, 2);
        let by = sources.append(other);
        assert_eq!(sources.slice(span.moved(by)), "c");
        assert_eq!(sources.file(span.moved(by).file).name, "b.yml");
    }
}
