//! The document while its variables are being resolved: cells that refer to each other by number.

use std::sync::Arc;

use super::grammar::Part;
use super::place::Place;
use super::value::Trust;
use crate::source::Span;
use crate::tree::{Data, Entry, Node, Origin};
use crate::yaml::join_key;

/// Number of a cell.
pub(super) type CellId = usize;

/// A text with variables that were not resolved yet.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) text: Arc<str>,
    pub(super) parts: Arc<Vec<Part>>,
    pub(super) place: Place,
    /// How often the property was replaced by something that holds variables.
    pub(super) depth: usize,
    pub(super) trust: Trust,
}

#[derive(Debug)]
pub(super) enum State {
    Open(Open),
    Scalar(Data),
    List(Vec<CellId>),
    Map(Vec<(String, Span, CellId)>),
    /// Reported already; the text stands for what could not be found.
    Failed(String),
}

#[derive(Debug)]
pub(super) struct Cell {
    pub(super) state: State,
    pub(super) span: Span,
    /// The variables that led here so far, the one in the file first.
    pub(super) steps: Vec<(String, Span)>,
    pub(super) origin: Option<Arc<Origin>>,
    pub(super) raw: Option<Arc<str>>,
    pub(super) trust: Trust,
    pub(super) parent: Option<CellId>,
    pub(super) level: usize,
    /// It is being evaluated: whoever needs it now closes a circle.
    pub(super) busy: bool,
    /// It waits for an answer of this round.
    pub(super) blocked: bool,
}

#[derive(Debug, Default)]
pub(super) struct Arena {
    pub(super) cells: Vec<Cell>,
}

impl Arena {
    pub(super) fn add(&mut self, parent: Option<CellId>, node: &Node, trust: Trust) -> CellId {
        let level = parent.map_or(0, |parent| self.cells[parent].level + 1);
        self.cells.push(Cell {
            state: State::Scalar(Data::Null),
            span: node.span,
            steps: Vec::new(),
            origin: node.origin.clone(),
            raw: node.raw.clone(),
            trust,
            parent,
            level,
            busy: false,
            blocked: false,
        });
        self.cells.len() - 1
    }

    /// The place of a cell in the file's structure.
    pub(super) fn path(&self, id: CellId) -> String {
        let mut up = Vec::new();
        let mut at = id;
        while let Some(parent) = self.cells[at].parent {
            up.push((parent, at));
            at = parent;
        }
        let mut path = String::new();
        for (parent, child) in up.into_iter().rev() {
            match &self.cells[parent].state {
                State::List(items) => {
                    let index = items
                        .iter()
                        .position(|item| *item == child)
                        .unwrap_or_default();
                    path.push_str(&format!("[{index}]"));
                }
                State::Map(entries) => {
                    if let Some((key, ..)) = entries.iter().find(|(_, _, cell)| *cell == child) {
                        path = join_key(&path, key);
                    }
                }
                _ => {}
            }
        }
        path
    }

    /// The cells below `id` (itself included) that still hold variables, and whether one of them failed.
    pub(super) fn unresolved(&self, id: CellId) -> (Vec<CellId>, bool) {
        let mut open = Vec::new();
        let mut failed = false;
        let mut todo = vec![id];
        while let Some(id) = todo.pop() {
            match &self.cells[id].state {
                State::Open(_) => open.push(id),
                State::Failed(_) => failed = true,
                State::Scalar(_) => {}
                State::List(items) => todo.extend(items.iter().rev()),
                State::Map(entries) => todo.extend(entries.iter().rev().map(|(_, _, cell)| cell)),
            }
        }
        (open, failed)
    }

    /// The least trusted cell below `id`.
    pub(super) fn trust(&self, id: CellId) -> Trust {
        let mut trust = Trust::Own;
        let mut todo = vec![id];
        while let Some(id) = todo.pop() {
            let cell = &self.cells[id];
            trust = trust.max(cell.trust);
            match &cell.state {
                State::List(items) => todo.extend(items),
                State::Map(entries) => todo.extend(entries.iter().map(|(_, _, cell)| cell)),
                _ => {}
            }
        }
        trust
    }

    /// A cell as a tree; counts the values into `count`.
    pub(super) fn node(&self, id: CellId, count: &mut usize) -> Node {
        let cell = &self.cells[id];
        *count += 1 + match &cell.state {
            State::Scalar(Data::Text(text)) => text.len() / super::resolver::BYTES,
            _ => 0,
        };
        let data = match &cell.state {
            State::Open(open) => Data::Unknown(open.text.to_string()),
            State::Failed(text) => Data::Unknown(text.clone()),
            State::Scalar(data) => data.clone(),
            State::List(items) => {
                Data::List(items.iter().map(|item| self.node(*item, count)).collect())
            }
            State::Map(entries) => Data::Map(
                entries
                    .iter()
                    .map(|(key, key_span, cell)| Entry {
                        key: key.clone(),
                        key_span: *key_span,
                        value: self.node(*cell, count),
                    })
                    .collect(),
            ),
        };
        Node {
            data,
            span: cell.span,
            origin: cell.origin.clone(),
            raw: cell.raw.clone(),
        }
    }

    /// The child of a map or list by one step of a path; lists by index without leading zeros.
    pub(super) fn child(&self, id: CellId, key: &str) -> Option<CellId> {
        match &self.cells[id].state {
            State::Map(entries) => entries
                .iter()
                .find(|(name, ..)| name == key)
                .map(|(_, _, cell)| *cell),
            State::List(items) => index(key).and_then(|at| items.get(at)).copied(),
            _ => None,
        }
    }

    /// The keys of a map, for suggestions.
    pub(super) fn keys(&self, id: CellId) -> Vec<&str> {
        match &self.cells[id].state {
            State::Map(entries) => entries.iter().map(|(key, ..)| key.as_str()).collect(),
            _ => Vec::new(),
        }
    }
}

/// A list index as a path writes it.
pub(super) fn index(key: &str) -> Option<usize> {
    let plain = key == "0"
        || (!key.starts_with('0') && !key.is_empty() && key.bytes().all(|b| b.is_ascii_digit()));
    if plain { key.parse().ok() } else { None }
}
