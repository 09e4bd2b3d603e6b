//! Shell commands as far as advice needs them: the simple commands of a line, their words, their pipes.

use std::ops::Range;

use crate::catalog::advice::advice;

/// A simple command: a program and its arguments.
#[derive(Debug, Default)]
pub(super) struct Simple {
    /// Its words, as ranges of the text; assignments and prefixes such as `sudo` left out.
    pub(super) words: Vec<Range<usize>>,
    /// Whether it reads what the command before it writes.
    pub(super) piped: bool,
}

impl Simple {
    /// The program, without its folder.
    pub(super) fn program<'t>(&self, text: &'t str) -> &'t str {
        self.words.first().map_or("", |word| {
            let word = unquoted(&text[word.clone()]);
            word.rsplit('/').next().unwrap_or(word)
        })
    }

    /// The arguments.
    pub(super) fn arguments<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
        self.words
            .iter()
            .skip(1)
            .map(|word| unquoted(&text[word.clone()]))
    }

    /// The first argument that is no option.
    pub(super) fn subcommand<'t>(&self, text: &'t str) -> Option<&'t str> {
        self.arguments(text).find(|word| !word.starts_with('-'))
    }
}

/// A word without the quotes around it.
pub(super) fn unquoted(word: &str) -> &str {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| word.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(word)
}

/// The simple commands of a text, in order; those within `$(…)` too where it is not quoted.
pub(super) fn commands(text: &str) -> Vec<Simple> {
    let mut reader = Reader {
        text,
        at: 0,
        found: Vec::new(),
        current: Simple::default(),
        heredocs: Vec::new(),
    };
    reader.run();
    reader.found
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    found: Vec<Simple>,
    current: Simple,
    /// Ends of texts that begin behind this line.
    heredocs: Vec<&'t str>,
}

impl<'t> Reader<'t> {
    fn run(&mut self) {
        while let Some(c) = self.text[self.at..].chars().next() {
            match c {
                ' ' | '\t' | '\r' => self.at += 1,
                '\\' if self.text[self.at + 1..].starts_with('\n') => self.at += 2,
                '\n' => {
                    self.at += 1;
                    self.end(false);
                    self.skip_heredocs();
                }
                '|' => {
                    let rest = &self.text[self.at..];
                    let or = rest.starts_with("||");
                    self.at += if or || rest.starts_with("|&") { 2 } else { 1 };
                    self.end(!or);
                }
                '&' if self.text[self.at..].starts_with("&>") => self.word(),
                ';' | '&' | '(' | ')' | '`' => {
                    self.at += 1;
                    self.end(false);
                }
                '#' => {
                    let rest = &self.text[self.at..];
                    self.at += rest.find('\n').unwrap_or(rest.len());
                }
                _ => self.word(),
            }
        }
        self.end(false);
    }

    fn end(&mut self, next_is_piped: bool) {
        let mut done = std::mem::take(&mut self.current);
        self.current.piped = next_is_piped;
        let text = self.text;
        let mut skip = 0;
        let mut prefix = false;
        for word in &done.words {
            let word = &text[word.clone()];
            let assignment = word.split_once('=').is_some_and(|(name, _)| is_name(name));
            let known = advice().prefix_programs.iter().any(|p| p == word);
            // options of the prefix itself: `sudo -E`
            if !(assignment || known || (prefix && word.starts_with('-'))) {
                break;
            }
            prefix |= known;
            skip += 1;
        }
        done.words.drain(..skip);
        if !done.words.is_empty() {
            self.found.push(done);
        }
    }

    /// Reads one word with its quotes and `$(…)`.
    fn word(&mut self) {
        let start = self.at;
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'|' | b')' | b'`' => break,
                b'&' if self.at > start
                    && bytes.get(self.at - 1) != Some(&b'>')
                    && bytes.get(self.at + 1) != Some(&b'>') =>
                {
                    break;
                }
                b'(' if self.at > start && !matches!(bytes[self.at - 1], b'$' | b'<' | b'>') => {
                    break;
                }
                b'(' => self.nested(),
                b'\'' => self.quote(b'\'', false),
                b'"' => self.quote(b'"', true),
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at = self.at.min(bytes.len());
        while !self.text.is_char_boundary(self.at) {
            self.at += 1;
        }
        let word = &self.text[start..self.at];
        if let Some(end) = word.strip_prefix("<<").filter(|end| !end.starts_with('<')) {
            let end = unquoted(end.trim_start_matches('-'));
            if !end.is_empty() {
                self.heredocs.push(end);
            }
        }
        if start < self.at {
            self.current.words.push(start..self.at);
        } else {
            // a character that begins nothing
            self.at += self.text[start..].chars().next().map_or(1, char::len_utf8);
        }
    }

    /// `(…)` of a substitution, kept within the word.
    fn nested(&mut self) {
        let bytes = self.text.as_bytes();
        let mut depth = 0_usize;
        while let Some(&byte) = bytes.get(self.at) {
            match byte {
                b'(' => depth += 1,
                b')' => {
                    depth -= 1;
                    if depth == 0 {
                        self.at += 1;
                        return;
                    }
                }
                b'\'' => {
                    self.quote(b'\'', false);
                    continue;
                }
                b'\\' => self.at += 1,
                _ => {}
            }
            self.at += 1;
        }
    }

    fn quote(&mut self, quote: u8, escapes: bool) {
        let bytes = self.text.as_bytes();
        self.at += 1;
        while let Some(&byte) = bytes.get(self.at) {
            self.at += 1;
            if byte == quote {
                return;
            }
            if escapes && byte == b'\\' {
                self.at += 1;
            }
        }
    }

    fn skip_heredocs(&mut self) {
        for end in std::mem::take(&mut self.heredocs) {
            while self.at < self.text.len() {
                let rest = &self.text[self.at..];
                let length = rest.find('\n').map_or(rest.len(), |at| at + 1);
                self.at += length;
                if rest[..length].trim() == end {
                    break;
                }
            }
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        commands(text)
            .iter()
            .map(|simple| {
                let words: Vec<&str> = simple.words.iter().map(|w| &text[w.clone()]).collect();
                format!(
                    "{}{}",
                    if simple.piped { "| " } else { "" },
                    words.join(" ")
                )
            })
            .collect()
    }

    #[test]
    fn lines_fall_into_simple_commands() {
        let cases: [(&str, &[&str]); 12] = [
            ("a b && c; d || e", &["a b", "c", "d", "e"]),
            ("curl -s x | sudo -E bash -", &["curl -s x", "| bash -"]),
            ("A=1 B='x y' run me", &["run me"]),
            ("echo 'a | b' \"c && d\"", &["echo 'a | b' \"c && d\""]),
            (
                "if test -f x; then docker build .; fi",
                &["test -f x", "docker build .", "fi"],
            ),
            ("bash -c \"$(curl x)\"", &["bash -c \"$(curl x)\""]),
            ("bash <(curl x | y) z", &["bash <(curl x | y) z"]),
            ("x=$(aws ecr | cut -f1) next", &["next"]),
            ("cat <<EOF\ndocker build\nEOF\nls", &["cat <<EOF", "ls"]),
            ("a \\\n  b # c | d", &["a b"]),
            ("a 2>&1 | tee x", &["a 2>&1", "| tee x"]),
            ("(cd x && é)", &["cd x", "é"]),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn no_text_is_too_odd() {
        for text in [
            "", "$(", "'", "\"\\", "\\", "((", "<<", "<<''", "é\\é", "a)b(c", "&>", "&&&", "|é",
        ] {
            commands(text);
        }
    }
}
