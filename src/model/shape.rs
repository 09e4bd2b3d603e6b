//! Maps in the making, in the shape of the API.

use crate::source::Span;
use crate::tree::{Data, Entry, Node};

use super::types::Text;

/// A map in the making, in the shape of the API.
pub(super) struct Shape {
    entries: Vec<Entry>,
    span: Span,
}

impl Shape {
    /// An empty one that stands for a place of the file.
    pub(super) fn new(span: Span) -> Self {
        Self {
            entries: Vec::new(),
            span,
        }
    }

    /// Adds a member.
    pub(super) fn set(&mut self, key: &str, value: Node) -> &mut Self {
        self.entries.push(Entry {
            key: key.to_owned(),
            key_span: value.span,
            value,
        });
        self
    }

    /// Adds a text of pipectl's own.
    pub(super) fn word(&mut self, key: &str, value: &str) -> &mut Self {
        let span = self.span;
        self.set(key, Node::text(value, span))
    }

    /// Adds a text of the file.
    pub(super) fn text(&mut self, key: &str, value: &Text) -> &mut Self {
        self.set(key, text_node(value))
    }

    /// Adds a text of the file, if there is one.
    pub(super) fn maybe(&mut self, key: &str, value: Option<&Text>) -> &mut Self {
        if let Some(value) = value {
            self.text(key, value);
        }
        self
    }

    /// Adds a list of texts, if it has any.
    pub(super) fn list(&mut self, key: &str, values: &[Text]) -> &mut Self {
        if !values.is_empty() {
            self.set(key, text_list(values, self.span));
        }
        self
    }

    /// Adds a number, if there is one.
    pub(super) fn whole(&mut self, key: &str, value: Option<(u32, Span)>) -> &mut Self {
        if let Some((value, span)) = value {
            self.set(key, Node::new(Data::Number(f64::from(value)), span));
        }
        self
    }

    /// Adds a boolean.
    pub(super) fn boolean(&mut self, key: &str, value: bool, span: Span) -> &mut Self {
        self.set(key, Node::new(Data::Bool(value), span))
    }

    /// Whether it has no member.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The finished map.
    pub(super) fn done(self) -> Node {
        Node::map(self.entries, self.span)
    }
}

/// A text as a value of the tree again.
pub(super) fn text_node(text: &Text) -> Node {
    let data = match &text.secret {
        Some(secret) => Data::Secret(secret.clone()),
        None if text.known => Data::Text(text.value.clone()),
        None => Data::Unknown(text.value.clone()),
    };
    Node {
        data,
        span: text.span,
        origin: text.origin.clone(),
        raw: None,
    }
}

/// A list of texts as a value of the tree.
pub(super) fn text_list(texts: &[Text], span: Span) -> Node {
    Node::list(texts.iter().map(text_node).collect(), span)
}
