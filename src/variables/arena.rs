//! The document while its variables are being resolved: cells that refer to each other by number.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use super::grammar::Part;
use super::place::Place;
use super::value::Trust;
use crate::source::Span;
use crate::tree::{Data, Entry, Node, Origin, Written};

/// Number of a cell.
pub(super) type CellId = usize;

/// A text with variables that were not resolved yet.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) text: Arc<str>,
    /// Its parts, once it is evaluated: until then those of all the others would lie beside them.
    pub(super) parts: Option<Arc<Vec<Part>>>,
    pub(super) place: Place,
    /// How often the property was replaced by something that holds variables.
    pub(super) depth: usize,
    pub(super) trust: Trust,
}

#[derive(Debug)]
pub(super) enum State {
    Open(Box<Open>),
    Scalar(Data),
    /// A list or map that holds no variable, as it is: it becomes slots where a path leads into it.
    Plain(Data),
    List(Vec<Slot>),
    Map(Vec<(String, Span, Slot)>),
    /// Reported already; the text stands for what could not be found.
    Failed(String),
}

/// What stands in a list or map. Most of a file holds no variable and is in nobody's way: it gets no cell.
#[derive(Debug)]
pub(super) enum Slot {
    /// A value without variables, as trusted as the list or map it stands in: it becomes a cell where a path leads to it.
    Value(Node),
    Cell(CellId),
}

impl Slot {
    fn cell(&self) -> Option<CellId> {
        match self {
            Self::Cell(id) => Some(*id),
            Self::Value(_) => None,
        }
    }
}

#[derive(Debug)]
pub(super) struct Cell {
    pub(super) state: State,
    pub(super) span: Span,
    /// The variables that led here so far, the one in the file first.
    pub(super) steps: Vec<(String, Span)>,
    pub(super) origin: Option<Arc<Origin>>,
    pub(super) raw: Option<Arc<Written>>,
    pub(super) trust: Trust,
    pub(super) parent: Option<CellId>,
    /// Which item or entry of its parent it is.
    pub(super) position: u32,
    pub(super) level: u32,
    /// It is being evaluated: whoever needs it now closes a circle.
    pub(super) busy: bool,
    /// It waits for an answer of this round.
    pub(super) blocked: bool,
}

#[derive(Debug, Default)]
pub(super) struct Arena {
    pub(super) cells: Vec<Cell>,
    /// Where the keys of large maps stand, made when a path first leads there.
    positions: HashMap<CellId, HashMap<String, usize>>,
}

/// A map of more entries than this is not searched from its start for every path.
const LARGE: usize = 32;

/// Whether there is anything in a value that is to be read: a variable, or an escape of one.
pub(super) fn is_plain(node: &Node) -> bool {
    match &node.data {
        Data::Text(text) => !text.contains('$') || !text.contains("${"),
        Data::List(items) => items.iter().all(is_plain),
        Data::Map(entries) => entries.iter().all(|entry| is_plain(&entry.value)),
        _ => true,
    }
}

/// How many values a value holds, itself included; long texts count as several.
pub(super) fn weight(data: &Data) -> usize {
    1 + match data {
        Data::Text(text) => text.len() / super::resolver::BYTES,
        Data::List(items) => items.iter().map(|item| weight(&item.data)).sum(),
        Data::Map(entries) => entries.iter().map(|entry| weight(&entry.value.data)).sum(),
        _ => 0,
    }
}

/// How deep lists and maps stand in one another inside of one.
pub(super) fn depth_of(data: &Data) -> usize {
    let inside = |node: &Node| match node.data {
        Data::List(_) | Data::Map(_) => 1 + depth_of(&node.data),
        _ => 0,
    };
    match data {
        Data::List(items) => items.iter().map(inside).max().unwrap_or(0),
        Data::Map(entries) => entries
            .iter()
            .map(|entry| inside(&entry.value))
            .max()
            .unwrap_or(0),
        _ => 0,
    }
}

impl Arena {
    pub(super) fn add(
        &mut self,
        parent: Option<(CellId, usize)>,
        node: &Node,
        trust: Trust,
    ) -> CellId {
        let level = parent.map_or(0, |(parent, _)| self.cells[parent].level + 1);
        // Nothing that is read has four billion values.
        let position = parent.map_or(0, |(_, position)| {
            u32::try_from(position).unwrap_or(u32::MAX)
        });
        let parent = parent.map(|(parent, _)| parent);
        // Doubled, cells would be the largest part of what a large file takes.
        if self.cells.len() == self.cells.capacity() {
            self.cells.reserve_exact(self.cells.len() / 8 + 64);
        }
        self.cells.push(Cell {
            state: State::Scalar(Data::Null),
            span: node.span,
            steps: Vec::new(),
            origin: node.origin.clone(),
            raw: node.raw.clone(),
            trust,
            parent,
            position,
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
            let position = self.cells[child].position;
            match &self.cells[parent].state {
                State::List(_) => {
                    let _ = write!(path, "[{position}]");
                }
                State::Map(entries) => {
                    if let Some((key, ..)) = entries.get(position as usize) {
                        if !path.is_empty() {
                            path.push('.');
                        }
                        path.push_str(key);
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
                State::Scalar(_) | State::Plain(_) => {}
                State::List(items) => todo.extend(items.iter().rev().filter_map(Slot::cell)),
                State::Map(entries) => {
                    todo.extend(entries.iter().rev().filter_map(|(_, _, slot)| slot.cell()));
                }
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
                State::List(items) => todo.extend(items.iter().filter_map(Slot::cell)),
                State::Map(entries) => {
                    todo.extend(entries.iter().filter_map(|(_, _, slot)| slot.cell()));
                }
                _ => {}
            }
        }
        trust
    }

    /// A cell as a tree; counts the values into `count`.
    pub(super) fn node(&self, id: CellId, count: &mut usize) -> Node {
        let cell = &self.cells[id];
        let data = match &cell.state {
            State::Open(open) => Data::Unknown(open.text.to_string()),
            State::Failed(text) => Data::Unknown(text.clone()),
            State::Scalar(data) | State::Plain(data) => {
                *count += weight(data) - 1;
                data.clone()
            }
            State::List(items) => {
                Data::List(items.iter().map(|slot| self.copy(slot, count)).collect())
            }
            State::Map(entries) => Data::Map(
                entries
                    .iter()
                    .map(|(key, key_span, slot)| Entry {
                        key: key.clone(),
                        key_span: *key_span,
                        value: self.copy(slot, count),
                    })
                    .collect(),
            ),
        };
        *count += 1;
        Node {
            data,
            span: cell.span,
            origin: cell.origin.clone(),
            raw: cell.raw.clone(),
        }
    }

    fn copy(&self, slot: &Slot, count: &mut usize) -> Node {
        match slot {
            Slot::Cell(id) => self.node(*id, count),
            Slot::Value(node) => {
                *count += weight(&node.data);
                node.clone()
            }
        }
    }

    /// The tree of a cell, which is not used any more. What is open or failed is unknown, or the text that it was.
    pub(super) fn take(&mut self, id: CellId, known: bool) -> Node {
        let cell = &mut self.cells[id];
        let (span, origin, raw) = (cell.span, cell.origin.take(), cell.raw.take());
        let text = |text: String| {
            if known {
                Data::Unknown(text)
            } else {
                Data::Text(text)
            }
        };
        let data = match std::mem::replace(&mut cell.state, State::Scalar(Data::Null)) {
            State::Open(open) => text(open.text.to_string()),
            State::Failed(failed) => text(failed),
            State::Scalar(data) | State::Plain(data) => data,
            State::List(items) => Data::List(
                items
                    .into_iter()
                    .map(|slot| self.take_slot(slot, known))
                    .collect(),
            ),
            State::Map(entries) => Data::Map(
                entries
                    .into_iter()
                    .map(|(key, key_span, slot)| Entry {
                        key,
                        key_span,
                        value: self.take_slot(slot, known),
                    })
                    .collect(),
            ),
        };
        Node {
            data,
            span,
            origin,
            raw,
        }
    }

    fn take_slot(&mut self, slot: Slot, known: bool) -> Node {
        match slot {
            Slot::Cell(id) => self.take(id, known),
            Slot::Value(node) => node,
        }
    }

    /// Makes slots of the items or entries of a plain cell.
    fn unfold(&mut self, id: CellId) {
        let state = &mut self.cells[id].state;
        match state {
            State::Plain(Data::List(items)) => {
                let items = std::mem::take(items).into_iter();
                *state = State::List(items.map(Slot::Value).collect());
            }
            State::Plain(Data::Map(entries)) => {
                let entries = std::mem::take(entries).into_iter();
                let slot = |entry: Entry| (entry.key, entry.key_span, Slot::Value(entry.value));
                *state = State::Map(entries.map(slot).collect());
            }
            _ => {}
        }
    }

    /// The child of a map or list by one step of a path; lists by index without leading zeros.
    pub(super) fn child(&mut self, id: CellId, key: &str) -> Option<CellId> {
        self.unfold(id);
        let position = match &self.cells[id].state {
            State::Map(entries) if entries.len() > LARGE => {
                let positions = self.positions.entry(id).or_insert_with(|| {
                    let names = entries.iter().map(|(name, ..)| name.clone());
                    names.enumerate().map(|(at, name)| (name, at)).collect()
                });
                *positions.get(key)?
            }
            State::Map(entries) => entries.iter().position(|(name, ..)| name == key)?,
            State::List(_) => index(key)?,
            _ => return None,
        };
        self.cell(id, position)
    }

    /// The cell of an item or entry; makes one of a value.
    fn cell(&mut self, id: CellId, position: usize) -> Option<CellId> {
        let cell = self.cells.len();
        let slot = match &mut self.cells[id].state {
            State::List(items) => items.get_mut(position)?,
            State::Map(entries) => &mut entries.get_mut(position)?.2,
            _ => return None,
        };
        let node = match slot {
            Slot::Cell(cell) => return Some(*cell),
            Slot::Value(node) => std::mem::replace(node, Node::new(Data::Null, node.span)),
        };
        *slot = Slot::Cell(cell);
        let trust = self.cells[id].trust;
        self.add(Some((id, position)), &node, trust);
        self.cells[cell].state = match node.data {
            data @ (Data::List(_) | Data::Map(_)) => State::Plain(data),
            data => State::Scalar(data),
        };
        Some(cell)
    }

    /// The keys of a map, for suggestions.
    pub(super) fn keys(&self, id: CellId) -> impl Iterator<Item = &str> {
        let (cells, entries): (&[_], &[Entry]) = match &self.cells[id].state {
            State::Map(cells) => (cells, &[]),
            State::Plain(Data::Map(entries)) => (&[], entries),
            _ => (&[], &[]),
        };
        let cells = cells.iter().map(|(key, ..)| key.as_str());
        cells.chain(entries.iter().map(|entry| entry.key.as_str()))
    }
}

/// A list index as a path writes it.
pub(super) fn index(key: &str) -> Option<usize> {
    let plain = key == "0"
        || (!key.starts_with('0') && !key.is_empty() && key.bytes().all(|b| b.is_ascii_digit()));
    if plain { key.parse().ok() } else { None }
}
