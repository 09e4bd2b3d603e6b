//! Words for what YAML makes of texts that should have been in quotes, and for plain syntax errors.

use std::ops::Range;

use granit_parser::ErrorKind;

use crate::source::Span;

/// A syntax error in our words.
pub(super) struct Problem {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: String,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// `quote it: '…'`, with quotes that work for the text.
pub(super) fn quote(text: &str) -> String {
    let text = text.trim();
    if text.contains('\'') && !text.contains(['"', '\\']) {
        return format!("quote it: \"{text}\"");
    }
    format!("quote it: '{}'", text.replace('\'', "''"))
}

/// A comment right behind a plain value that starts with `#{`: where it stands, without trailing space.
pub(super) fn comment_reference(text: &str, value: Span) -> Option<Range<usize>> {
    let rest = text.get(value.end()..)?;
    // The parser places a value that is not there before the colon of its key, or behind the comment in a list.
    let empty = value.start() == value.end();
    let from = if !empty {
        value.end()
    } else if rest.starts_with(':') {
        value.end() + 1
    } else {
        let line = text[..value.end()].rfind('\n').map_or(0, |at| at + 1);
        line + text[line..value.end()].find("- #{")? + 1
    };
    let line = text.get(from..)?.split('\n').next()?;
    let start = line.find(|c: char| c != ' ' && c != '\t')?;
    let comment = line[start..].trim_end();
    if start == 0 || !comment.starts_with("#{") || !comment.contains('}') {
        return None;
    }
    Some(from + start..from + start + comment.len())
}

/// What the parser found, said so that the file can be mended.
pub(super) fn syntax(text: &str, at: usize, kind: &ErrorKind) -> Problem {
    let end = text[at..]
        .chars()
        .next()
        .filter(|c| *c != '\n')
        .map_or(at, |c| at + c.len_utf8());
    let problem = |message: &str, help: String| Problem {
        code: "yaml-syntax",
        message: message.to_owned(),
        help,
        start: at,
        end,
    };
    if matches!(kind, ErrorKind::RecursionLimitExceeded) {
        return Problem {
            code: "yaml-depth",
            ..problem(
                "lists and maps stand too deep in one another",
                "a pipeline needs about ten levels".to_owned(),
            )
        };
    }
    if let Some(range) = flow_variable(text, at) {
        return Problem {
            message: "in a list `[…]` or map `{…}` on one line YAML reads the braces of a variable as its own".to_owned(),
            help: quote(&text[range.clone()]),
            start: range.start,
            end: range.end,
            ..problem("", String::new())
        };
    }
    let line = line_of(text, at);
    match kind {
        ErrorKind::MissingAnchorOrAliasName => {
            let word = word_at(text, at);
            problem(
                "`*` starts an alias and `&` an anchor, and no name follows",
                quote(if word.is_empty() { "*" } else { word }),
            )
        }
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => {
            let tab = problem(
                "a tab stands where YAML wants spaces",
                "indent with spaces".to_owned(),
            );
            // The parser has read past it when it complains.
            let before = text[..at].trim_end_matches('\t').len();
            if before == at {
                return tab;
            }
            Problem {
                start: before,
                end: at,
                ..tab
            }
        }
        ErrorKind::UnexpectedCharacter { character } => problem(
            &format!(
                "a plain text cannot start with `{}`",
                character.escape_default()
            ),
            quote(word_at(text, at)),
        ),
        ErrorKind::MappingValueNotAllowed
        | ErrorKind::InvalidColonPlacement
        | ErrorKind::InvalidMappingValueWhitespace => problem(
            "a `:` stands where no key can be",
            match value_with_colon(line) {
                Some(value) => format!("a text that contains `: ` needs quotes; {}", quote(value)),
                None => "check the indentation, and quote texts that contain `: `".to_owned(),
            },
        ),
        ErrorKind::UnclosedQuotedScalar => {
            problem("a quoted text has no end", "close the quote".to_owned())
        }
        ErrorKind::InvalidQuotedScalarIndent => {
            let start = opening_quote(text, at).unwrap_or(at);
            Problem {
                start,
                end: if start < at { start + 1 } else { end },
                ..problem(
                    "a quoted text has no end, or goes on in a line that is indented less",
                    "close the quote".to_owned(),
                )
            }
        }
        ErrorKind::UnclosedFlowCollection { open } => problem(
            &format!("a `{open}` is not closed"),
            "close it; a text that starts with a bracket or brace needs quotes".to_owned(),
        ),
        ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::InvalidIndentation
        | ErrorKind::ExpectedBlockSequenceEntry
        | ErrorKind::SimpleKeyExpected
        | ErrorKind::BlockSequenceEntryNotAllowed => problem(
            "this line does not fit the ones above it",
            "check the indentation, and that every key is followed by `: `".to_owned(),
        ),
        ErrorKind::UnknownQuotedScalarEscape => problem(
            "a backslash in double quotes must start a known escape",
            "use single quotes, or write `\\\\` for a backslash".to_owned(),
        ),
        other => problem(
            &format!("this is not YAML: {other}"),
            "check quotes, brackets and indentation here".to_owned(),
        ),
    }
}

/// The last quote before `at` that can open a text.
fn opening_quote(text: &str, at: usize) -> Option<usize> {
    text[..at]
        .char_indices()
        .rev()
        .find(|(i, c)| {
            let opens = |before: char| before.is_whitespace() || "[{,".contains(before);
            matches!(c, '"' | '\'') && text[..*i].chars().next_back().is_none_or(opens)
        })
        .map(|(i, _)| i)
}

fn line_of(text: &str, at: usize) -> &str {
    let start = text[..at].rfind('\n').map_or(0, |i| i + 1);
    let end = text[at..].find('\n').map_or(text.len(), |i| at + i);
    &text[start..end]
}

/// The characters from `at` to the end of the value: a space, comma or closing bracket.
fn word_at(text: &str, at: usize) -> &str {
    let rest = &text[at..];
    let end = rest
        .find(|c: char| c.is_whitespace() || matches!(c, ',' | ']' | '}'))
        .unwrap_or(rest.len());
    &rest[..end]
}

/// In `key: a: b` the part `a: b`.
fn value_with_colon(line: &str) -> Option<&str> {
    let line = line.split(" #").next()?;
    let (_, value) = line.split_once(": ")?;
    value.contains(": ").then_some(value.trim())
}

/// An unquoted `${…}` within `{…}` or `[…]` that the parser stumbled over: on the error's line, at or before it.
fn flow_variable(text: &str, at: usize) -> Option<Range<usize>> {
    let line_start = text[..at].rfind('\n').map_or(0, |i| i + 1);
    let upto = (at + 2).min(text.len());
    let head = text
        .get(line_start..upto)
        .or_else(|| text.get(line_start..at))?;
    let from = line_start + head.rfind("${").or_else(|| head.find("${"))?;
    let before = &text[line_start..from];
    let mut open = 0usize;
    let mut quoted: Option<char> = None;
    for c in before.chars() {
        match (quoted, c) {
            (Some(quote), c) if c == quote => quoted = None,
            (None, '\'' | '"') => quoted = Some(c),
            (None, '[' | '{') => open += 1,
            (None, ']' | '}') => open = open.saturating_sub(1),
            _ => {}
        }
    }
    if quoted.is_some() || open == 0 {
        return None;
    }
    let rest = &text[from..];
    let mut depth = 0usize;
    for (i, c) in rest.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    // What is glued to it belongs to the value.
                    let glued = &rest[i + 1..];
                    let end = glued
                        .find(|c: char| c.is_whitespace() || matches!(c, ',' | ']' | '}'))
                        .unwrap_or(glued.len());
                    return Some(from..from + i + 1 + end);
                }
            }
            '\n' => return Some(from..from + i),
            _ => {}
        }
    }
    Some(from..text.len())
}
