//! XML as a stream of beginnings and ends. Entities that a document defines are not expanded.

use std::borrow::Cow;
use std::io::{self, BufRead};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::bad;

/// How deep elements may stand in one another.
const DEEPEST: usize = 200;
/// How much text of one element is kept, in bytes.
const MOST_TEXT: usize = 64 << 10;
/// The largest single tag or text, in bytes.
const MOST_EVENT: usize = 16 << 20;

/// What reads a format.
pub(super) trait Handler {
    /// Whether a document with this root is of the format.
    fn accepts(&self, root: &str) -> bool;
    /// An element begins; `path` are the elements around it, the outermost first.
    fn start(&mut self, path: &[String], name: &str, attributes: &Attributes);
    /// It ends; `text` is what stood directly in it.
    fn end(&mut self, path: &[String], name: &str, text: &str);
}

/// The attributes of an element.
#[derive(Debug, Default)]
pub(super) struct Attributes(Vec<(String, String)>);

impl Attributes {
    /// One by its name; empty if absent.
    pub(super) fn get(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default()
    }

    /// One by its name.
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A number; 0 if absent or none.
    pub(super) fn number(&self, name: &str) -> i64 {
        self.get(name).trim().parse().unwrap_or(0)
    }

    fn of(tag: &BytesStart<'_>) -> Self {
        let list = tag
            .attributes()
            .with_checks(false)
            .filter_map(Result::ok)
            .map(|attribute| {
                let key = attribute.key.local_name();
                let raw: &str = &attribute.value;
                (text(key.as_ref()), unescaped(raw).into_owned())
            })
            .collect();
        Self(list)
    }
}

fn text(name: impl AsRef<str>) -> String {
    name.as_ref().to_owned()
}

/// A text with the five entities and numbers of characters replaced; any other entity stays as it is written.
fn unescaped(raw: &str) -> Cow<'_, str> {
    if !raw.contains('&') {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let Some(end) = rest.find(';').filter(|end| *end <= 12) else {
            out.push('&');
            rest = &rest[1..];
            continue;
        };
        match entity(&rest[1..end]) {
            Some(c) => out.push(c),
            None => out.push_str(&rest[..=end]),
        }
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn entity(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

/// An element that has begun.
struct Open {
    text: String,
}

/// Reads a document.
pub(super) fn read(input: impl BufRead, handler: &mut impl Handler) -> io::Result<()> {
    let mut reader = Reader::from_reader(input);
    let config = reader.config_mut();
    config.expand_empty_elements = true;
    config.allow_dangling_amp = true;
    let mut buffer = Vec::new();
    let mut path: Vec<String> = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut seen = false;
    loop {
        buffer.clear();
        let place = reader.buffer_position();
        let event = reader.read_event_into(&mut buffer).map_err(|error| {
            bad(format!(
                "it is not well-formed XML at byte {place}: {error}"
            ))
        })?;
        match event {
            Event::Start(tag) => {
                let name = text(tag.local_name().as_ref());
                if !seen && !handler.accepts(&name) {
                    return Err(bad(format!(
                        "`<{name}>` is not what this format begins with"
                    )));
                }
                seen = true;
                if path.len() >= DEEPEST {
                    return Err(bad(format!("its elements stand more than {DEEPEST} deep")));
                }
                handler.start(&path, &name, &Attributes::of(&tag));
                path.push(name);
                open.push(Open {
                    text: String::new(),
                });
            }
            Event::End(_) => {
                if let (Some(name), Some(element)) = (path.pop(), open.pop()) {
                    handler.end(&path, &name, &element.text);
                }
            }
            Event::Text(part) => add(&mut open, &part),
            Event::CData(part) => add(&mut open, &part),
            Event::GeneralRef(reference) => {
                let name: &str = &reference;
                match entity(name) {
                    Some(c) => add(&mut open, c.encode_utf8(&mut [0; 4])),
                    None => add(&mut open, &format!("&{name};")),
                }
            }
            Event::Eof => break,
            _ => {}
        }
        if buffer.capacity() > MOST_EVENT {
            return Err(bad(format!(
                "one piece of it is larger than {MOST_EVENT} bytes"
            )));
        }
    }
    if !path.is_empty() {
        return Err(bad(format!(
            "it ends before `</{}>`: was it still being written?",
            path.last().map_or("", String::as_str)
        )));
    }
    if !seen {
        return Err(bad("it is empty".to_owned()));
    }
    Ok(())
}

fn add(open: &mut [Open], part: &str) {
    if let Some(element) = open.last_mut() {
        let room = MOST_TEXT.saturating_sub(element.text.len());
        let mut end = part.len().min(room);
        while !part.is_char_boundary(end) {
            end -= 1;
        }
        element.text.push_str(&part[..end]);
    }
}
