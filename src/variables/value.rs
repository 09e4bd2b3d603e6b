//! What a source gives, how far it is trusted, and how it becomes text.

use std::sync::Arc;

use crate::tree::{Data, Node, Origin, Secret, number_text};

/// What a text may ask for when it is read again. Later is stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trust {
    /// The project's own files and literals: everything.
    Own,
    /// SSM, S3, CloudFormation.
    Service,
    /// Environment, command line.
    Outside,
    /// Git: never read again.
    Sealed,
}

/// A value on its way to its place.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) node: Node,
    pub(super) trust: Trust,
    /// Whether its text stands in a file, at the node's span.
    pub(super) written: bool,
}

impl Value {
    pub(super) fn new(node: Node, trust: Trust) -> Self {
        Self {
            node,
            trust,
            written: false,
        }
    }
}

/// What a piece becomes inside a text.
pub(super) enum Piece {
    Text(String),
    Secret(Box<Secret>),
    Unknown(String),
    /// An object or null cannot be part of a text.
    None,
}

/// A value as JavaScript's `"" + value` would have it, except that objects and null are none.
pub(super) fn piece(node: &Node) -> Piece {
    match &node.data {
        Data::Text(text) => Piece::Text(text.clone()),
        Data::Bool(value) => Piece::Text(value.to_string()),
        Data::Number(value) => Piece::Text(match &node.raw {
            Some(raw) if crate::yaml::keeps_zero(raw) => raw.to_string(),
            _ => number_text(*value),
        }),
        Data::Secret(secret) => Piece::Secret(secret.clone()),
        Data::Unknown(text) => Piece::Unknown(text.clone()),
        Data::List(items) => list(items),
        Data::Map(_) | Data::Null => Piece::None,
    }
}

fn list(items: &[Node]) -> Piece {
    let mut joined = Joined::default();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            joined.push(Piece::Text(",".to_owned()));
        }
        joined.push(match &item.data {
            Data::Map(_) => Piece::Text("[object Object]".to_owned()),
            Data::Null => Piece::Text(String::new()),
            _ => piece(item),
        });
    }
    match joined.data() {
        Data::Secret(secret) => Piece::Secret(secret),
        Data::Unknown(text) => Piece::Unknown(text),
        Data::Text(text) => Piece::Text(text),
        _ => Piece::None,
    }
}

/// Pieces joined to one text; a secret piece makes the whole secret, an unknown one the whole unknown.
#[derive(Default)]
pub(super) struct Joined {
    text: String,
    secret: Option<Box<Secret>>,
    unknown: bool,
}

impl Joined {
    pub(super) fn push(&mut self, piece: Piece) {
        match piece {
            Piece::Text(text) => self.text.push_str(&text),
            Piece::Unknown(text) => {
                self.unknown = true;
                self.text.push_str(&text);
            }
            Piece::Secret(secret) => {
                self.text.push_str(secret.expose());
                self.secret.get_or_insert(secret);
            }
            Piece::None => {}
        }
    }

    pub(super) fn data(self) -> Data {
        match self.secret {
            Some(secret) => Data::Secret(Box::new(Secret::new(self.text, secret.reference))),
            None if self.unknown => Data::Unknown(self.text),
            None => Data::Text(self.text),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }
}

/// A history of more steps than these tells nobody more.
const MOST_STEPS: usize = 40;

/// Puts `step` in front of the history of a value. Of a long history the beginning and the newest steps are kept.
pub(super) fn step(
    what: String,
    span: crate::source::Span,
    from: Option<Arc<Origin>>,
) -> Arc<Origin> {
    let steps = std::iter::successors(from.as_deref(), |origin| origin.from.as_deref());
    let from = match from {
        Some(newest) if steps.count() >= MOST_STEPS => newest.from.clone(),
        from => from,
    };
    Arc::new(Origin { what, span, from })
}
