//! JSON as a tree in which everything knows where it stands.

use crate::source::{FileId, Span};
use crate::tree::{Data, Entry, Node};

/// Reads a text. What is JSON, and what is wrong with what is none, `serde_json` says; here only the places are found.
/// Of a key that stands twice the last one counts, as in every reader of JSON.
pub(super) fn read(text: &str, file: FileId) -> Result<Node, serde_json::Error> {
    // a value, and not only a look at it: what is read as a value has a bound on its depth, on which the reader below relies
    serde_json::from_str::<serde_json::Value>(text)?;
    let mut reader = Reader { text, at: 0, file };
    reader.value()
}

/// A text that is JSON, and how far it is read.
struct Reader<'t> {
    text: &'t str,
    at: usize,
    file: FileId,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace());
        self.at += blank.count();
        self.text.as_bytes().get(self.at).copied()
    }

    fn span(&self, start: usize) -> Span {
        Span::new(self.file, start, self.at)
    }

    fn value(&mut self) -> Result<Node, serde_json::Error> {
        let first = self.next();
        let start = self.at;
        let data = match first {
            Some(b'{') => Data::Map(self.entries()?),
            Some(b'[') => Data::List(self.items()?),
            Some(b'"') => Data::Text(self.string()?),
            _ => {
                let rest = &self.text[start..];
                let ends = |c: char| matches!(c, ',' | ']' | '}') || c.is_ascii_whitespace();
                let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
                self.at += word.len();
                match serde_json::from_str(word)? {
                    serde_json::Value::Null => Data::Null,
                    serde_json::Value::Bool(value) => Data::Bool(value),
                    other => Data::Number(other.as_f64().unwrap_or(f64::NAN)),
                }
            }
        };
        Ok(Node::new(data, self.span(start)))
    }

    fn entries(&mut self) -> Result<Vec<Entry>, serde_json::Error> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut places = std::collections::HashMap::new();
        self.at += 1;
        loop {
            match self.next() {
                Some(b'"') => {}
                Some(b',') => {
                    self.at += 1;
                    continue;
                }
                _ => break,
            }
            let start = self.at;
            let key = self.string()?;
            let key_span = self.span(start);
            // the colon
            self.next();
            self.at += 1;
            let entry = Entry {
                value: self.value()?,
                key_span,
                key,
            };
            match places.get(&entry.key) {
                Some(place) => entries[*place] = entry,
                None => {
                    places.insert(entry.key.clone(), entries.len());
                    entries.push(entry);
                }
            }
        }
        self.at += 1;
        Ok(entries)
    }

    fn items(&mut self) -> Result<Vec<Node>, serde_json::Error> {
        let mut items = Vec::new();
        self.at += 1;
        loop {
            match self.next() {
                Some(b',') => self.at += 1,
                Some(b']') | None => break,
                Some(_) => items.push(self.value()?),
            }
        }
        self.at += 1;
        Ok(items)
    }

    fn string(&mut self) -> Result<String, serde_json::Error> {
        let start = self.at;
        self.at += 1;
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            match byte {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at = (self.at + 1).min(bytes.len());
        serde_json::from_str(&self.text[start..self.at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Sources;

    fn tree(text: &str) -> (Sources, Node) {
        let mut sources = Sources::new();
        let file = sources.add("a.json", text);
        let node = read(text, file).expect("it is JSON");
        (sources, node)
    }

    #[test]
    fn everything_has_its_place_and_its_value() {
        let text = "{\n \"a\\u0062\" : [1, -2.5e1 ,true,null,\"x\\\"]\"],\n \"m\": {\"k\":{}} , \"e\":[]}\n";
        let (sources, node) = tree(text);
        let whole: serde_json::Value = serde_json::from_str(text).expect("it is JSON");
        assert_eq!(node.to_json(), Node::from_json(&whole).to_json());
        let entry = node.entry("ab").expect("the key");
        assert_eq!(sources.slice(entry.key_span), "\"a\\u0062\"");
        let items = entry.value.as_list().expect("a list");
        let written: Vec<&str> = items.iter().map(|item| sources.slice(item.span)).collect();
        assert_eq!(written, ["1", "-2.5e1", "true", "null", "\"x\\\"]\""]);
        let inner = node.get("m").expect("a map");
        assert_eq!(sources.slice(inner.span), "{\"k\":{}}");
        assert_eq!(sources.slice(node.span), text.trim_end());
    }

    #[test]
    fn the_last_of_a_key_that_stands_twice_counts() {
        let (sources, node) = tree("{\"a\": 1, \"b\": 2, \"a\": 3}");
        assert_eq!(node.to_json(), serde_json::json!({"a": 3, "b": 2}));
        let last = node.entry("a").expect("the key");
        assert_eq!(last.key_span.start(), 17);
        assert_eq!(sources.slice(last.value.span), "3");
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let file = Sources::new().add("a.json", "");
        for text in [
            "",
            "{a: 1}",
            "[1,]",
            "{\"a\": 1,}",
            "'x'",
            "[1] 2",
            "01",
            "{\"a\" 1}",
        ] {
            assert!(read(text, file).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_deeper_than_anybody_writes_is_refused() {
        let file = Sources::new().add("a.json", "");
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(&nested(100), file).is_ok());
        let refused = read(&nested(100_000), file).expect_err("too deep");
        assert!(refused.to_string().contains("recursion limit"), "{refused}");
    }
}
