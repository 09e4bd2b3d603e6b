//! Where the characters of a value stand in what a person wrote: behind escapes, in folded lines, in blocks.

use std::cell::RefCell;

use crate::source::Span;

/// Where the characters of a value stand that was asked for last: of one long text rules ask for many parts.
#[derive(Debug, Default)]
pub struct Places(RefCell<Option<Last>>);

#[derive(Debug)]
struct Last {
    span: Span,
    value: String,
    places: Option<Vec<(usize, usize)>>,
}

/// A value of more bytes is nobody's, and its places would fill the memory.
const LONGEST: usize = 1 << 20;

impl Places {
    /// Where a part of a value stands in what is written at a place: its first byte and one past the last. Nothing if
    /// the one does not lead to the other. The part is not empty.
    pub(super) fn of_part(
        &self,
        (span, written): (Span, &str),
        value: &str,
        (start, end): (usize, usize),
    ) -> Option<(usize, usize)> {
        let mut last = self.0.borrow_mut();
        let known = last
            .take()
            .filter(|last| last.span == span && last.value == value);
        let known = known.unwrap_or_else(|| Last {
            span,
            value: value.to_owned(),
            places: (value.len() <= LONGEST)
                .then(|| places(written, value))
                .flatten(),
        });
        let known = last.insert(known);
        let places = known.places.as_ref()?;
        Some((places[start].0, places[end - 1].1))
    }
}

/// For every byte of a value, and for its end, where its character stands in what is written: first byte and one past
/// the last. Nothing if the one does not lead to the other.
pub(super) fn places(written: &str, value: &str) -> Option<Vec<(usize, usize)>> {
    let begin = written.chars().next();
    let quoted = begin
        .filter(|c| matches!(c, '"' | '\''))
        .and_then(|quote| walk(written, value, Some(quote), 1));
    // the head of a block: `|-`, `>2`
    let block = || {
        let head = begin.filter(|c| matches!(c, '|' | '>'));
        head.and_then(|_| walk(written, value, None, written.find('\n')? + 1))
    };
    // what stands in a block may begin with a quote, too
    quoted
        .or_else(block)
        .or_else(|| walk(written, value, None, 0))
}

fn walk(
    written: &str,
    value: &str,
    quote: Option<char>,
    begin: usize,
) -> Option<Vec<(usize, usize)>> {
    let mut at = begin;
    let mut places = Vec::with_capacity(value.len() + 1);
    for c in value.chars() {
        let width = loop {
            let rest = written.get(at..)?;
            if let Some(next) = continued(rest, quote) {
                at += rest.len() - next.len();
                continue;
            }
            if let Some(width) = same(rest, c, quote) {
                break width;
            }
            // indentation, and the ends of folded lines
            let next = rest.chars().next();
            match next {
                Some(next) if next.is_whitespace() => at += next.len_utf8(),
                // what a fold or a last line without an end gives the value
                None if c == '\n' => break 0,
                // empty lines above a block
                Some(_) if c == '\n' && at == begin => break 0,
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

/// What stands behind the end of a line that is escaped, and the indentation of the next.
fn continued(rest: &str, quote: Option<char>) -> Option<&str> {
    let next = rest
        .strip_prefix('\\')
        .filter(|_| quote == Some('"'))
        .and_then(|next| {
            next.strip_prefix('\n')
                .or_else(|| next.strip_prefix("\r\n"))
        })?;
    Some(next.trim_start_matches([' ', '\t']))
}

/// How many bytes the character takes up where it is written at the start of `rest`.
fn same(rest: &str, c: char, quote: Option<char>) -> Option<usize> {
    if quote == Some('\'') && c == '\'' {
        return rest.starts_with("''").then_some(2);
    }
    if quote == Some('"') && rest.starts_with('\\') {
        let (written, width) = match rest.chars().nth(1)? {
            '0' => ('\0', 2),
            'a' => ('\u{7}', 2),
            'b' => ('\u{8}', 2),
            't' => ('\t', 2),
            'n' => ('\n', 2),
            'v' => ('\u{b}', 2),
            'f' => ('\u{c}', 2),
            'r' => ('\r', 2),
            'e' => ('\u{1b}', 2),
            'N' => ('\u{85}', 2),
            '_' => ('\u{a0}', 2),
            'L' => ('\u{2028}', 2),
            'P' => ('\u{2029}', 2),
            'x' => (char::from_u32(coded(rest, 4)?)?, 4),
            'U' => (char::from_u32(coded(rest, 10)?)?, 10),
            'u' => unit(rest)?,
            other => (other, 1 + other.len_utf8()),
        };
        return (written == c).then_some(width);
    }
    rest.starts_with(c).then_some(c.len_utf8())
}

/// `\u00e9`, or the two of JSON for a character that takes two.
fn unit(rest: &str) -> Option<(char, usize)> {
    let first = coded(rest, 6)?;
    if let Some(c) = char::from_u32(first) {
        return Some((c, 6));
    }
    let second = coded(rest.get(6..)?.strip_prefix("\\u").and(rest.get(6..))?, 6)?;
    let halves = [u16::try_from(first).ok()?, u16::try_from(second).ok()?];
    let c = char::decode_utf16(halves).next()?.ok()?;
    Some((c, 12))
}

fn coded(rest: &str, width: usize) -> Option<u32> {
    u32::from_str_radix(rest.get(2..width)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written in the place of a part of a value.
    fn part<'w>(written: &'w str, value: &str, part: &str) -> &'w str {
        let places = places(written, value).expect("leads back");
        let start = value.find(part).expect("there");
        let (from, _) = places[start];
        let (_, to) = places[start + part.len() - 1];
        &written[from..to]
    }

    #[test]
    fn every_style_leads_back_to_what_is_written() {
        let value = "version: 0.2\nphases:\n  build: {commands: [\"a 'b' c\"]}\n";
        let block =
            "|\n      version: 0.2\n      phases:\n        build: {commands: [\"a 'b' c\"]}\n";
        let double = r#""version: 0.2\nphases:\n  build: {commands: [\"a 'b' c\"]}\n""#;
        let lines = "\"version: 0.2\\n\\\n   phases:\\n\\\n   \\  build: {commands: [\\\"a 'b' c\\\"]}\\n\"";
        for written in [block, double, lines] {
            for word in ["0.2", "phases", "commands", "'b'"] {
                assert_eq!(part(written, value, word), word);
            }
        }
        assert_eq!(part("'a: ''b'' c'", "a: 'b' c", "b"), "b");
        assert_eq!(part(r#""\u00e9: \x41""#, "é: A", "A"), r"\x41");
        assert!(places("${file(x.yml)}", "version: 0.2").is_none());
    }

    #[test]
    fn empty_lines_above_a_block_are_no_part_of_what_is_written() {
        let value = "\n\nversion: 0.2\nenv: {shell: sh}\n";
        let written = "version: 0.2\n          env: {shell: sh}\n      ";
        for word in ["0.2", "shell", "sh}"] {
            assert_eq!(part(written, value, word), word);
        }
    }

    #[test]
    fn a_block_may_begin_with_a_quote() {
        let value = "\"version\": 0.2\n'env': 1\n";
        assert_eq!(
            part("\"version\": 0.2\n    'env': 1\n", value, "env"),
            "env"
        );
    }

    #[test]
    fn characters_of_two_units_are_one() {
        for written in [r#""\ud83d\ude00 b""#, r#""\U0001F600 b""#] {
            assert_eq!(part(written, "😀 b", "b"), "b");
        }
        assert!(places(r#""\ud83d b""#, "😀 b").is_none());
    }
}
