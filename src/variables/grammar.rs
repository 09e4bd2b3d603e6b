//! The grammar of `${source(params):address, fallback}`: text to parts, with the place of every part.
//!
//! Characters are taken one by one; everything that matters is ASCII, so bytes do. What does not turn into a source
//! is foreign (`${AWS::Region}`, `${VAR:-x}`) and stays text. Offsets are bytes within the parsed text.

use std::ops::Range;

use super::literal;

/// How deep variables may stand in one another's addresses.
const MAX_NESTING: usize = 40;

/// The sources there are; used to tell `${name:0:3}` of a shell from a variable.
pub(super) const SOURCES: &[&str] = &[
    "account",
    "aws",
    "cf",
    "env",
    "file",
    "git",
    "opt",
    "param",
    "s3",
    "secret",
    "self",
    "sls",
    "ssm",
    "strToBool",
];

/// A piece of a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    Text(String),
    Variable(Variable),
}

/// `${a, b, 'c'}`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Variable {
    /// From the first `$` to the closing brace.
    pub(super) range: Range<usize>,
    pub(super) sources: Vec<Source>,
}

/// One source of a chain.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Source {
    pub(super) range: Range<usize>,
    pub(super) kind: SourceKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum SourceKind {
    Call {
        name: String,
        name_range: Range<usize>,
        params: Vec<Argument>,
        address: Option<Argument>,
    },
    Literal(Literal),
}

/// An address or a param.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Argument {
    /// Quoted, or a bare word that is true, false, null or a number: final.
    Literal(Literal),
    /// Bare text, perhaps with variables in it.
    Parts(Vec<Part>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Bool(bool),
    Number(f64),
    Null,
}

/// Why a text is not well formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) range: Range<usize>,
    pub(super) message: String,
    pub(super) help: Option<&'static str>,
    pub(super) too_deep: bool,
}

type Parsed<T> = Result<T, SyntaxError>;

/// Reads a text. `None`: it holds neither a variable nor an escape, and stays as it is.
pub(super) fn parse(text: &str) -> Parsed<Option<Vec<Part>>> {
    if !text.contains("${") {
        return Ok(None);
    }
    let parts = Parser {
        text,
        bytes: text.as_bytes(),
    }
    .text()?;
    match parts.as_slice() {
        [Part::Text(same)] if same == text => Ok(None),
        _ => Ok(Some(parts)),
    }
}

/// What `${` turned out to be.
enum Opened {
    Variable(Variable),
    /// Foreign from here on; the offset is the first character that was not looked at.
    Foreign(usize),
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
}

#[derive(Default)]
struct Parts {
    list: Vec<Part>,
    text: String,
}

impl Parts {
    fn variable(&mut self, variable: Variable) {
        self.flush();
        self.list.push(Part::Variable(variable));
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.list.push(Part::Text(std::mem::take(&mut self.text)));
        }
    }

    fn finish(mut self) -> Vec<Part> {
        self.flush();
        // Most are one or two, and there may be many texts.
        self.list.shrink_to_fit();
        self.list
    }
}

fn error<T>(
    range: Range<usize>,
    message: impl Into<String>,
    help: Option<&'static str>,
) -> Parsed<T> {
    Err(SyntaxError {
        range,
        message: message.into(),
        help,
        too_deep: false,
    })
}

impl Parser<'_> {
    fn at(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    fn run(&self, mut at: usize, byte: u8) -> usize {
        let start = at;
        while self.at(at) == Some(byte) {
            at += 1;
        }
        at - start
    }

    fn spaces(&self, at: usize) -> usize {
        at + self.run(at, b' ')
    }

    /// The end of the character that starts at `at`, for spans.
    fn char_end(&self, at: usize) -> usize {
        self.text
            .get(at..)
            .and_then(|rest| rest.chars().next())
            .map_or(at, |c| at + c.len_utf8())
    }

    fn text(&self) -> Parsed<Vec<Part>> {
        let mut parts = Parts::default();
        let mut at = 0;
        let mut copied = 0;
        let mut foreign = false;
        while let Some(byte) = self.at(at) {
            match byte {
                b'\\' if !foreign => {
                    let slashes = self.run(at, b'\\');
                    let dollars = self.run(at + slashes, b'$');
                    let opens = dollars > 0 && self.at(at + slashes + dollars) == Some(b'{');
                    if !opens || (dollars > 1 && slashes.is_multiple_of(2)) {
                        at += slashes;
                    } else if dollars > 1 {
                        // The first dollar is plain, the others belong to what follows.
                        at += slashes + 1;
                    } else {
                        parts.text.push_str(&self.text[copied..at]);
                        parts.text.push_str(&self.text[at..at + slashes / 2]);
                        copied = at + slashes;
                        at = copied;
                        if slashes % 2 == 1 {
                            at += 2;
                        }
                    }
                }
                b'$' => {
                    let dollars = self.run(at, b'$');
                    let brace = at + dollars;
                    if self.at(brace) != Some(b'{') {
                        // The character after a dollar that opens nothing is never looked at.
                        at = self.char_end(brace);
                        continue;
                    }
                    match self.variable(at, brace + 1, 0)? {
                        Opened::Variable(variable) => {
                            parts.text.push_str(&self.text[copied..at]);
                            at = variable.range.end;
                            copied = at;
                            parts.variable(variable);
                        }
                        Opened::Foreign(next) => {
                            foreign = true;
                            at = next;
                        }
                    }
                }
                b'}' => {
                    foreign = false;
                    at += 1;
                }
                _ => at += 1,
            }
        }
        parts.text.push_str(&self.text[copied..]);
        Ok(parts.finish())
    }

    /// Reads what stands behind `${`, whose dollars begin at `start`.
    fn variable(&self, start: usize, open: usize, nesting: usize) -> Parsed<Opened> {
        if nesting > MAX_NESTING {
            return Err(SyntaxError {
                range: start..open,
                message: format!("variables stand more than {MAX_NESTING} deep in one another"),
                help: Some(
                    "give a part of it a key of its own, and refer to that: `${self:custom.part}`",
                ),
                too_deep: true,
            });
        }
        let name = self.name(open, true);
        let after = open + name.len();
        let called = matches!(self.at(after), Some(b':' | b'('));
        if name.is_empty() || !called || self.is_shell(name, after) || self.double_colon(after) {
            if nesting == 0 {
                return Ok(Opened::Foreign(after));
            }
            let end = self.text[start..]
                .find('}')
                .map_or(self.text.len(), |i| start + i + 1);
            return error(
                start..end,
                format!(
                    "`{}` stands inside a variable and is none",
                    &self.text[start..end]
                ),
                Some("inside an address only `${source:address}` may stand"),
            );
        }
        // Most have one, and there may be many variables.
        let mut sources = Vec::with_capacity(1);
        let mut at = self.call(start, open, name, &mut sources, nesting)?;
        loop {
            match self.at(at) {
                Some(b'}') => {
                    return Ok(Opened::Variable(Variable {
                        range: start..at + 1,
                        sources,
                    }));
                }
                Some(b',') => at = self.fallback(start, at, &mut sources, nesting)?,
                None => return self.unclosed(start),
                Some(_) => {
                    return error(
                        at..self.char_end(at),
                        format!(
                            "`{}` cannot stand here in a variable",
                            &self.text[at..self.char_end(at)]
                        ),
                        Some("after a source only `, fallback` or `}` may follow"),
                    );
                }
            }
        }
    }

    fn unclosed<T>(&self, start: usize) -> Parsed<T> {
        // What follows on other lines was hardly meant to be in it.
        let line = self.text[start..].lines().next().unwrap_or_default();
        let written = line.trim_end();
        error(
            start..start + written.len(),
            format!("the variable `{written}` is not closed"),
            Some("close it with `}`, or write `\\${` if it is no variable"),
        )
    }

    fn double_colon(&self, after: usize) -> bool {
        self.at(after) == Some(b':') && self.at(self.spaces(after + 1)) == Some(b':')
    }

    /// `${name:-x}`, `${name:=x}`, `${name:+x}`, `${name:?x}`, `${name:0:3}`: a shell expands it, not pipectl.
    fn is_shell(&self, name: &str, after: usize) -> bool {
        if self.at(after) != Some(b':') {
            return false;
        }
        if matches!(self.at(after + 1), Some(b'-' | b'=' | b'+' | b'?')) {
            return true;
        }
        if SOURCES.contains(&name) {
            return false;
        }
        // `0}` or `0:3}`: looked at no farther than that
        let number = |from: usize| {
            let rest = self.text.get(from..)?;
            let digits = rest.trim_start().trim_start_matches('-');
            let count = digits.bytes().take_while(u8::is_ascii_digit).count();
            (count > 0).then_some(from + rest.len() - digits.len() + count)
        };
        let Some(end) = number(after + 1) else {
            return false;
        };
        let end = match self.at(end) {
            Some(b':') => number(end + 1),
            _ => Some(end),
        };
        end.is_some_and(|end| self.at(end) == Some(b'}'))
    }

    fn name(&self, at: usize, first: bool) -> &str {
        if !self.at(at).is_some_and(|byte| byte.is_ascii_lowercase()) {
            return "";
        }
        let more =
            |byte: u8| byte.is_ascii_alphanumeric() || (first && matches!(byte, b'.' | b'-'));
        let length = self.bytes[at..]
            .iter()
            .take_while(|byte| more(**byte))
            .count();
        &self.text[at..at + length]
    }

    /// Reads params and address of a source; gives the offset of the `,` or `}` behind it.
    fn call(
        &self,
        start: usize,
        open: usize,
        name: &str,
        sources: &mut Vec<Source>,
        nesting: usize,
    ) -> Parsed<usize> {
        let name_range = open..open + name.len();
        let mut at = name_range.end;
        let mut params = Vec::new();
        if self.at(at) == Some(b'(') {
            at = self.params(start, at + 1, &mut params, nesting)?;
            at = self.spaces(at);
        }
        let mut address = None;
        if self.at(at) == Some(b':') {
            at = self.spaces(at + 1);
            if self.at(at) == Some(b':') {
                return error(
                    at..at + 1,
                    "a second `:` cannot stand here",
                    Some("write `source:address`"),
                );
            }
            if !matches!(self.at(at), Some(b'}' | b',')) {
                (at, address) = self.argument(start, at, b"", nesting)?;
            }
        }
        sources.push(Source {
            range: open..at,
            kind: SourceKind::Call {
                name: name.to_owned(),
                name_range,
                params,
                address,
            },
        });
        Ok(at)
    }

    fn params(
        &self,
        start: usize,
        mut at: usize,
        params: &mut Vec<Argument>,
        nesting: usize,
    ) -> Parsed<usize> {
        at = self.spaces(at);
        if self.at(at) == Some(b')') {
            return Ok(at + 1);
        }
        loop {
            at = self.spaces(at);
            let (end, param) = self.argument(start, at, b")", nesting)?;
            at = end;
            match self.at(at) {
                Some(b',') => {
                    params.push(param.unwrap_or(Argument::Literal(Literal::Null)));
                    at += 1;
                }
                Some(b')') => {
                    params.extend(param);
                    return Ok(at + 1);
                }
                Some(b'}') => {
                    return error(
                        at..at + 1,
                        "the params are not closed",
                        Some("close them with `)` before the `}`"),
                    );
                }
                _ => return self.unclosed(start),
            }
        }
    }

    /// An address (`close` empty) or a param (`close` is `)`); gives the offset of what ends it.
    fn argument(
        &self,
        start: usize,
        at: usize,
        close: &[u8],
        nesting: usize,
    ) -> Parsed<(usize, Option<Argument>)> {
        if let Some(quote @ (b'\'' | b'"')) = self.at(at) {
            let (end, text) = self.string(start, at, quote)?;
            let end = self.spaces(end);
            let ends = match self.at(end) {
                None => return self.unclosed(start),
                Some(byte) => {
                    byte == b',' || (close.is_empty() && byte == b'}') || close.contains(&byte)
                }
            };
            if !ends {
                return error(
                    end..self.char_end(end),
                    format!(
                        "`{}` cannot stand behind a quoted text",
                        &self.text[end..self.char_end(end)]
                    ),
                    Some("quote the whole, or nothing"),
                );
            }
            return Ok((end, Some(Argument::Literal(Literal::Text(text)))));
        }
        let (end, parts) = self.bare(start, at, close, nesting)?;
        Ok((end, typed(parts, !close.is_empty())))
    }

    fn bare(
        &self,
        start: usize,
        mut at: usize,
        close: &[u8],
        nesting: usize,
    ) -> Parsed<(usize, Vec<Part>)> {
        let mut parts = Parts::default();
        let mut copied = at;
        loop {
            match self.at(at) {
                None => return self.unclosed(start),
                Some(b'$') => {
                    let brace = at + self.run(at, b'$');
                    if self.at(brace) != Some(b'{') {
                        at = self.char_end(brace);
                        continue;
                    }
                    if let Opened::Variable(variable) = self.variable(at, brace + 1, nesting + 1)? {
                        parts.text.push_str(&self.text[copied..at]);
                        at = variable.range.end;
                        copied = at;
                        parts.variable(variable);
                    }
                }
                Some(byte) if byte == b',' || byte == b'}' || close.contains(&byte) => break,
                Some(_) => at += 1,
            }
        }
        parts.text.push_str(&self.text[copied..at]);
        let mut list = parts.finish();
        if let Some(Part::Text(first)) = list.first_mut() {
            *first = first.trim_start().to_owned();
        }
        if let Some(Part::Text(last)) = list.last_mut() {
            last.truncate(last.trim_end().len());
        }
        list.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        Ok((at, list))
    }

    /// A quoted text; gives the offset behind its closing quote.
    fn string(&self, start: usize, at: usize, quote: u8) -> Parsed<(usize, String)> {
        let mut end = at + 1;
        loop {
            match self.at(end) {
                None => return self.unclosed(start),
                Some(b'\\') if quote == b'"' => end += 2,
                Some(byte) if byte == quote => break,
                Some(_) => end += 1,
            }
        }
        if quote == b'\'' {
            return Ok((end + 1, self.text[at + 1..end].to_owned()));
        }
        match serde_json::from_str(&self.text[at..=end]) {
            Ok(text) => Ok((end + 1, text)),
            Err(_) => error(
                at..end + 1,
                format!("`{}` has an escape that is none", &self.text[at..=end]),
                Some("in double quotes the escapes of JSON hold; single quotes know none"),
            ),
        }
    }

    /// Reads what stands behind a comma.
    fn fallback(
        &self,
        start: usize,
        comma: usize,
        sources: &mut Vec<Source>,
        nesting: usize,
    ) -> Parsed<usize> {
        let at = self.spaces(comma + 1);
        let name = self.name(at, false);
        if !name.is_empty() && matches!(self.at(at + name.len()), Some(b':' | b'(')) {
            return self.call(start, at, name, sources, nesting);
        }
        let (end, literal) = match self.at(at) {
            None => return self.unclosed(start),
            Some(b'}' | b',') => {
                return error(
                    comma..at,
                    "a fallback is missing behind the comma",
                    Some(
                        "write a source such as `env:NAME`, or a literal such as 'text', 5, true, null",
                    ),
                );
            }
            Some(quote @ (b'\'' | b'"')) => {
                let (end, text) = self.string(start, at, quote)?;
                (end, Literal::Text(text))
            }
            Some(_) => self.word(at)?,
        };
        sources.push(Source {
            range: at..end,
            kind: SourceKind::Literal(literal),
        });
        let next = self.spaces(end);
        match self.at(next) {
            Some(b'}') => Ok(next),
            None => self.unclosed(start),
            Some(_) => error(
                next..self.char_end(next),
                "a literal is the last fallback, and something stands behind it",
                Some("close the variable with `}` behind the literal"),
            ),
        }
    }

    /// `true`, `null`, a number; anything else bare is an error that says what was probably meant.
    fn word(&self, at: usize) -> Parsed<(usize, Literal)> {
        let rest = &self.text[at..];
        let length = rest
            .bytes()
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
            .count();
        if let Some(literal) = literal::word(&rest[..length]) {
            return Ok((at + length, literal));
        }
        if rest.starts_with(char::is_whitespace) {
            return error(
                at..self.char_end(at),
                "a line break or tab stands behind the comma",
                Some("only spaces may stand between the comma and the fallback"),
            );
        }
        if rest.starts_with("${") {
            let end = rest
                .find(['}', ','])
                .map_or(self.text.len(), |i| at + i + 1);
            return error(
                at..end,
                format!("`{}` cannot be a fallback", &self.text[at..end]),
                Some("a fallback is written without `${}`: `${opt:stage, self:custom.stage}`"),
            );
        }
        let end = rest
            .find(['}', ','])
            .map_or(self.text.len(), |i| at + i)
            .max(self.char_end(at));
        error(
            at..end,
            format!("`{}` is no fallback", self.text[at..end].trim_end()),
            Some(
                "a text needs quotes: 'text'; bare are only true, false, null, numbers and sources such as env:NAME",
            ),
        )
    }
}

/// A bare argument: params that are true, false, null or a number have that type.
fn typed(parts: Vec<Part>, param: bool) -> Option<Argument> {
    match parts.as_slice() {
        [] => None,
        [Part::Text(word)] if param => Some(match literal::word(word) {
            // What Serverless makes of a bare `false` or `0`.
            Some(Literal::Bool(false)) => Argument::Literal(Literal::Null),
            Some(Literal::Number(0.0)) => Argument::Literal(Literal::Null),
            Some(literal) => Argument::Literal(literal),
            None => Argument::Parts(parts),
        }),
        _ => Some(Argument::Parts(parts)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<Part> {
        parse(text)
            .unwrap_or_else(|e| panic!("{text}: {e:?}"))
            .unwrap_or_else(|| vec![Part::Text(text.to_owned())])
    }

    fn refused(text: &str) -> SyntaxError {
        parse(text).expect_err(text)
    }

    #[test]
    fn foreign_text_stays() {
        for text in [
            "${AWS::Region} ${Bucket.Arn} ${} ${5} ${true} ${'x'} ${self} ${self.custom.v} ${ self:x} ${self :x} ${Self:x}",
            "${a_b:c} ${self, 'x'} ${!Lit} ${{ github.ref }} ${VAR:-x} ${VAR:0:3} ${var,,} ${var%.*} ${_x:-1} ${1:-2}",
            "${name:-x} ${name:=x} ${name:+x} ${name:?x} ${name:0:3} ${name:1} ${name#x} ${name/x/y} ${name^}",
            "${foo::bar} ${AWS::Region",
            "$",
            "a $ b ${",
            "$${HOME} $(x) $@",
        ] {
            assert_eq!(parse(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn places_of_parts() {
        let text = "a-$${ssm(us-west-2, raw):/x/${env:E, 'd'} , opt:b}-z";
        let list = parts(text);
        let Part::Variable(variable) = &list[1] else {
            panic!("a variable")
        };
        assert_eq!(
            &text[variable.range.clone()],
            "$${ssm(us-west-2, raw):/x/${env:E, 'd'} , opt:b}"
        );
        let names: Vec<&str> = variable
            .sources
            .iter()
            .map(|source| &text[source.range.clone()])
            .collect();
        assert_eq!(names, ["ssm(us-west-2, raw):/x/${env:E, 'd'} ", "opt:b"]);
        let SourceKind::Call {
            address: Some(Argument::Parts(address)),
            params,
            ..
        } = &variable.sources[0].kind
        else {
            panic!("an address")
        };
        assert_eq!((address.len(), params.len()), (2, 2));
    }

    #[test]
    fn escapes_and_dollars() {
        for (text, plain) in [
            ("\\${self:x}", "${self:x}"),
            ("\\${unclosed", "${unclosed"),
            ("\\\\${AWS::Region}", "\\${AWS::Region}"),
            ("\\\\\\${x:y}", "\\${x:y}"),
            ("C:\\dir ${A}", "C:\\dir ${A}"),
        ] {
            assert_eq!(parts(text), [Part::Text(plain.to_owned())], "{text}");
        }
        let shape = |text: &str| -> Vec<String> {
            parts(text)
                .into_iter()
                .map(|part| match part {
                    Part::Text(text) => text,
                    Part::Variable(variable) => text[variable.range].to_owned(),
                })
                .collect()
        };
        assert_eq!(shape("\\\\${self:x}"), ["\\", "${self:x}"]);
        assert_eq!(shape("$\\${self:x}"), ["$\\", "${self:x}"]);
        assert_eq!(shape("\\$${self:x}"), ["\\$", "${self:x}"]);
        assert_eq!(shape("\\\\$${self:x}"), ["\\\\", "$${self:x}"]);
        assert_eq!(shape("${Foo \\${self:x}}"), ["${Foo \\", "${self:x}", "}"]);
    }

    #[test]
    fn refusals_stand_at_the_characters() {
        for (text, place) in [
            ("${self:custom.b", "${self:custom.b"),
            ("${opt:stage, dev}", "dev"),
            ("${opt:stage,}", ","),
            ("${opt:stage, ${self:d}}", "${self:d}"),
            ("${opt:stage, 'a', 'b'}", ","),
            ("${opt:stage, \"bad \\q\"}", "\"bad \\q\""),
            ("${file(./x.yml)::k}", ":"),
            ("${file(./x.yml}", "}"),
            ("${file('./x'.yml)}", "."),
            ("${self:a.${Foo}}", "${Foo}"),
            ("${opt:stage,\n'x'}", "\n"),
            ("${opt:stage, my-src:x}", "my-src:x"),
            ("${file(odd(1).yml):k}", "."),
        ] {
            let error = refused(text);
            assert_eq!(&text[error.range], place, "{text}: {}", error.message);
        }
        assert!(refused(&"${self:".repeat(1000)).too_deep);
    }
}
