//! `.env` files, as the dotenv package of Node.js reads them.

use std::collections::HashMap;

/// The values of a `.env` text: `NAME=value`, `NAME: value`, `export` in front, `#` comments. A value in quotes may
/// span lines; only in double quotes `\n` and `\r` are line breaks.
pub(super) fn values(text: &str) -> HashMap<String, String> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut values = HashMap::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let end = rest.find('\n').unwrap_or(rest.len());
        let mut next = end;
        if let Some((name, at)) = name(&rest[..end]) {
            let value = match quoted(&rest[at..]) {
                Some((value, length)) => {
                    next = at + length;
                    value
                }
                None => bare(&rest[at..end]),
            };
            values.insert(name.to_owned(), value);
        }
        rest = rest.get(next + 1..).unwrap_or_default();
    }
    values
}

/// The name of a line that gives one a value, and where the value begins.
fn name(line: &str) -> Option<(&str, usize)> {
    let trimmed = line.trim_start();
    let named = match trimmed.strip_prefix("export") {
        Some(rest) if rest.starts_with([' ', '\t']) => rest.trim_start(),
        _ => trimmed,
    };
    let length = named
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')))
        .filter(|length| *length > 0)?;
    let (name, after) = named.split_at(length);
    let value = match after.trim_start().strip_prefix('=') {
        Some(value) => value,
        None => after
            .strip_prefix(':')
            .filter(|value| value.starts_with([' ', '\t']))?,
    };
    let value = value.trim_start();
    Some((name, line.len() - value.len()))
}

/// The value in quotes that `text` begins with, and the length up to the end of its last line; nothing where the
/// quotes are not closed, or something else than a comment stands behind them.
fn quoted(text: &str) -> Option<(String, usize)> {
    let quote = text
        .chars()
        .next()
        .filter(|c| matches!(c, '"' | '\'' | '`'))?;
    let mut escaped = false;
    let close = text.char_indices().skip(1).find_map(|(index, c)| {
        let closes = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        closes.then_some(index)
    })?;
    let behind = &text[close + 1..];
    let end = behind.find('\n').unwrap_or(behind.len());
    let comment = behind[..end].trim_start();
    if !comment.is_empty() && !comment.starts_with('#') {
        return None;
    }
    let value = &text[1..close];
    let value = match quote {
        '"' => value.replace("\\n", "\n").replace("\\r", "\r"),
        _ => value.to_owned(),
    };
    Some((value, close + 1 + end))
}

/// A value without quotes: up to a comment.
fn bare(text: &str) -> String {
    let end = text.find('#').unwrap_or(text.len());
    text[..end].trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        let mut pairs: Vec<_> = values(text).into_iter().collect();
        pairs.sort();
        pairs
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        list.iter().map(owned).collect()
    }

    #[test]
    fn lines_read_as_people_write_them() {
        let text = "# no\nA=1\n export B = two # c\nC=\"x\\ny # z\" # c\nD='$A'\nE=\nnot a line\nF: six\r\nexport=7";
        let expected = [
            ("A", "1"),
            ("B", "two"),
            ("C", "x\ny # z"),
            ("D", "$A"),
            ("E", ""),
            ("F", "six"),
            ("export", "7"),
        ];
        assert_eq!(read(text), pairs(&expected));
    }

    #[test]
    fn a_value_in_quotes_may_span_lines_and_hold_quotes() {
        let text = "KEY=\"-----BEGIN\nline=2 # no comment\n-----END\" # c\nNEXT=1\nJSON=\"{\\\"a\\\": 1}\"\nT=`a\n'b'`\n";
        let expected = [
            ("JSON", "{\\\"a\\\": 1}"),
            ("KEY", "-----BEGIN\nline=2 # no comment\n-----END"),
            ("NEXT", "1"),
            ("T", "a\n'b'"),
        ];
        assert_eq!(read(text), pairs(&expected));
    }

    #[test]
    fn quotes_that_do_not_close_are_part_of_the_value() {
        let text = "A=\"open\nB=it's\nC='a' b\n";
        let expected = [("A", "\"open"), ("B", "it's"), ("C", "'a' b")];
        assert_eq!(read(text), pairs(&expected));
    }
}
