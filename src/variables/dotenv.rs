//! `.env` files, as the dotenv package of Node.js reads them and dotenv-expand fills them in.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use crate::source::{FileId, Sources, Span};

/// The values of a `.env` file.
#[derive(Debug, Default)]
pub(super) struct Dotenv {
    /// The file, and the name it has; none where there is no file.
    pub(super) file: Option<(FileId, String)>,
    values: HashMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    value: String,
    /// Where the name stands: its line, counted from 1, and its bytes in the line.
    line: usize,
    name: Range<usize>,
}

/// A value without an end: what it names names it again, or doubles in every step.
pub(super) struct Endless;

/// A value that is filled in is at most that long, in bytes, and filled in that often.
const LONGEST: usize = 1 << 20;
const MOST: usize = 1_000;

impl Dotenv {
    /// Reads a file's text.
    pub(super) fn read(file: FileId, name: String, text: &str) -> Self {
        Self {
            file: Some((file, name)),
            values: values(text),
        }
    }

    /// Where the file gives a name its value.
    pub(super) fn place(&self, name: &str, sources: &Sources) -> Option<Span> {
        let (entry, (file, _)) = (self.values.get(name)?, self.file.as_ref()?);
        let line = sources.file(*file).line(entry.line);
        Some(Span::new(*file, line.start, line.end).part(entry.name.start, entry.name.end))
    }

    fn value(&self, name: &str) -> Option<&String> {
        self.values.get(name).map(|entry| &entry.value)
    }

    /// The names that it gives a value.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// A value, with `$NAME`, `${NAME}` and `${NAME:-default}` filled in: from the environment, which wins, or from the
    /// file. The last one comes first, so that a default may hold another; `\$` stands for `$`.
    pub(super) fn get(
        &self,
        name: &str,
        environment: &BTreeMap<String, String>,
    ) -> Option<Result<String, Endless>> {
        let mut text = self.value(name)?.clone();
        for _ in 0..MOST {
            let Some(reference) = last_reference(&text) else {
                return Some(Ok(text.replace("\\$", "$")));
            };
            let own = self.value(reference.name);
            let value = [environment.get(reference.name).or(own), own]
                .into_iter()
                .flatten()
                .map(String::as_str);
            let mut value: Vec<&str> = value.collect();
            value.insert(value.len().min(1), reference.default);
            let value = value.into_iter().find(|value| !value.is_empty());
            let value = value.unwrap_or_default().to_owned();
            let range = reference.range;
            text.replace_range(range, &value);
            if text.len() > LONGEST {
                break;
            }
        }
        Some(Err(Endless))
    }
}

/// A name with a dollar sign in front.
struct Reference<'a> {
    range: Range<usize>,
    name: &'a str,
    default: &'a str,
}

/// The last dollar sign without a backslash, if a name follows: braces around it need not be a pair, and a default does
/// not need them.
fn last_reference(text: &str) -> Option<Reference<'_>> {
    let (start, _) = text
        .rmatch_indices('$')
        .find(|(at, _)| !text[..*at].ends_with('\\'))?;
    let opened = &text[start + 1..];
    let named = opened.strip_prefix('{').unwrap_or(opened);
    let length = named
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(named.len());
    if length == 0 {
        return None;
    }
    let (name, behind) = named.split_at(length);
    let (default, behind) = match behind.strip_prefix(":-") {
        Some(default) => default.split_at(default.find(['}', '\\']).unwrap_or(default.len())),
        None => ("", behind),
    };
    let behind = behind.strip_prefix('}').unwrap_or(behind);
    Some(Reference {
        range: start..text.len() - behind.len(),
        name,
        default,
    })
}

/// The values of a `.env` text: `NAME=value`, `NAME: value`, `export` in front, `#` comments. A value in quotes may
/// span lines; only in double quotes `\n` and `\r` are line breaks.
fn values(text: &str) -> HashMap<String, Entry> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut values = HashMap::new();
    let mut rest = text.as_str();
    let mut line = 1;
    while !rest.is_empty() {
        let end = rest.find('\n').unwrap_or(rest.len());
        let mut next = end;
        if let Some((name, start, at)) = name(&rest[..end]) {
            let value = match quoted(&rest[at..]) {
                Some((value, length)) => {
                    next = at + length;
                    value
                }
                None => bare(&rest[at..end]),
            };
            let entry = Entry {
                value,
                line,
                name: start..start + name.len(),
            };
            values.insert(name.to_owned(), entry);
        }
        line += 1 + rest[..next].matches('\n').count();
        rest = rest.get(next + 1..).unwrap_or_default();
    }
    values
}

/// The name of a line that gives one a value, where it begins and where the value begins.
fn name(line: &str) -> Option<(&str, usize, usize)> {
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
    Some((name, line.len() - named.len(), line.len() - value.len()))
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
        let mut pairs: Vec<_> = values(text)
            .into_iter()
            .map(|(name, entry)| (name, entry.value))
            .collect();
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

    fn filled(text: &str, environment: &[(&str, &str)], name: &str) -> Option<String> {
        let environment: BTreeMap<String, String> = pairs(environment).into_iter().collect();
        let (mut sources, name_of_file) = (Sources::new(), ".env".to_owned());
        let file = sources.add(name_of_file.clone(), text.to_owned());
        let read = Dotenv::read(file, name_of_file, text);
        let place = read.place(name, &sources).expect("the file has the name");
        assert_eq!(sources.slice(place), name);
        read.get(name, &environment)?.ok()
    }

    #[test]
    fn names_are_filled_in_as_dotenv_expand_does() {
        let text = "\
HOST=localhost
EMPTY=
URL=https://$HOST:${PORT}/${PATH_:-index}
QUOTED='$HOST'
PRICE=\\$5 and \\${HOST}
NESTED=${NOPE:-${EMPTY:-$HOST}}
CHAIN=<$URL>
OPEN=${HOST
SHUT=$HOST}!
BARE=$NOPE:-x y}z
STOP=$HOST costs 5$
WORD=${HOST_A:-a}/$HOST
GONE=[$NOPE]
KEPT=${EMPTY:-full}
";
        let environment = [("PORT", "80"), ("HOME_", "/h")];
        for (name, expected) in [
            ("URL", "https://localhost:80/index"),
            ("QUOTED", "localhost"),
            ("PRICE", "$5 and ${HOST}"),
            ("NESTED", "localhost"),
            ("CHAIN", "<https://localhost:80/index>"),
            ("OPEN", "localhost"),
            ("SHUT", "localhost!"),
            ("BARE", "x yz"),
            ("STOP", "$HOST costs 5$"),
            ("WORD", "a/localhost"),
            ("GONE", "[]"),
            ("KEPT", "full"),
        ] {
            let ours = filled(text, &environment, name);
            assert_eq!(ours.as_deref(), Some(expected), "{name}");
        }
        // What is set wins over the file; what is set to nothing has the default, and then the file.
        let set = [("HOST", "example.com"), ("EMPTY", "")];
        assert_eq!(
            filled(text, &set, "URL").as_deref(),
            Some("https://example.com:/index")
        );
        assert_eq!(
            filled("A=${B:-d}\nB=b", &[("B", "")], "A").as_deref(),
            Some("d")
        );
        assert_eq!(
            filled("A=${B}\nB=b", &[("B", "")], "A").as_deref(),
            Some("b")
        );
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_name() {
        assert_eq!(filled("\u{feff}A=1\nB=2", &[], "A").as_deref(), Some("1"));
        assert_eq!(filled("\u{feff}A=1\nB=2", &[], "B").as_deref(), Some("2"));
    }

    #[test]
    fn what_fills_itself_in_has_no_value() {
        let doubling: String = ('A'..='Z')
            .zip('B'..='Z')
            .map(|(name, next)| format!("{name}=${next}${next}${next}\n"))
            .collect();
        for text in [
            "A=x$A",
            "A=$B\nB=${A}",
            format!("{doubling}Z=zzzz").as_str(),
        ] {
            assert_eq!(filled(text, &[], "A"), None, "{text}");
        }
        assert_eq!(
            filled("A=$A", &[("A", "outside")], "A").as_deref(),
            Some("outside")
        );
    }

    #[test]
    fn quotes_that_do_not_close_are_part_of_the_value() {
        let text = "A=\"open\nB=it's\nC='a' b\n";
        let expected = [("A", "\"open"), ("B", "it's"), ("C", "'a' b")];
        assert_eq!(read(text), pairs(&expected));
    }
}
