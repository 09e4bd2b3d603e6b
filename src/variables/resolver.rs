//! The rounds: evaluate as far as possible, ask for what is missing, go on.
//!
//! Dependencies are followed with a stack of our own, not by recursion: a property that needs another one is set
//! aside and evaluated again when the other one is there. A property that is needed while it stands on the stack
//! closes a circle.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::arena::{Arena, CellId, Open, Slot, State, depth_of, is_plain};
use super::dotenv::Dotenv;
use super::files::File;
use super::grammar::{self, Part, SyntaxError};
use super::place::Place;
use super::sources::Located;
use super::value::{Trust, Value, step};
use super::{Answer, Context, Lookup, Request, Resolved};
use crate::cloud::{self, CloudError};
use crate::diagnostic::{Diagnostic, Diagnostics, MOST};
use crate::source::{Sources, Span};
use crate::tree::{Data, Node};

/// How often one property may be replaced by a value that holds further variables.
pub(super) const MAX_DEPTH: usize = 10;
/// So many members of a circle are named.
const MOST_OF_CIRCLE: usize = 20;
/// How deep lists and maps may stand in one another once everything is put in its place.
const MAX_LEVEL: usize = 400;
/// How much all variables together may copy: values, and bytes by [`BYTES`].
const BUDGET: usize = 1_000_000;
/// How many variables may be evaluated, those of values that hold variables again and again, beside one for every
/// [`PER_VARIABLE`] bytes that were read.
const EVALUATED: usize = 50_000;
/// No variable is shorter by much.
const PER_VARIABLE: usize = 8;

/// Why an evaluation did not end with a value.
pub(super) enum Stop {
    /// Other properties come first.
    Needs(Vec<CellId>),
    /// An answer comes first.
    Blocked,
    /// It failed; empty if that was reported with the property that is to blame.
    Failed(Vec<Finding>),
}

/// A finding, and what to ask for names near it.
pub(super) struct Finding {
    pub(super) diagnostic: Diagnostic,
    pub(super) request: Option<Request>,
}

impl From<Diagnostic> for Stop {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Failed(vec![Finding {
            diagnostic,
            request: None,
        }])
    }
}

impl Stop {
    /// Both of two reasons: needs first, then answers, then all findings.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Needs(mut a), Self::Needs(b)) => {
                a.extend(b);
                Self::Needs(a)
            }
            (Self::Needs(a), _) | (_, Self::Needs(a)) => Self::Needs(a),
            (Self::Blocked, _) | (_, Self::Blocked) => Self::Blocked,
            (Self::Failed(mut a), Self::Failed(b)) => {
                a.extend(b);
                Self::Failed(a)
            }
        }
    }
}

/// The place in a text that is being evaluated.
#[derive(Clone)]
pub(super) struct Reading {
    pub(super) cell: CellId,
    pub(super) text: Arc<str>,
    pub(super) place: Place,
    /// How often the text was replaced before.
    pub(super) hops: usize,
    pub(super) limit: usize,
    pub(super) trust: Trust,
    /// How deep this reading stands in others.
    pub(super) nesting: usize,
}

pub(super) struct Resolver<'a> {
    pub(super) sources: &'a mut Sources,
    pub(super) context: &'a Context,
    pub(super) lookup: &'a dyn Lookup,
    diagnostics: &'a mut Diagnostics,
    pub(super) arena: Arena,
    findings: Vec<Finding>,
    /// Place, code and words of every finding: each is told once.
    told: HashSet<(Span, &'static str, String)>,
    answers: HashMap<Request, cloud::Result<Answer>>,
    wanted: Vec<Request>,
    /// The same, to look up.
    pub(super) asked: HashSet<Request>,
    /// What would have been asked, offline.
    pub(super) foreseen: Vec<Request>,
    pub(super) files: HashMap<PathBuf, Arc<File>>,
    /// Texts on the way of a path into a file that had to be resolved: file and path to cell.
    pub(super) file_cells: HashMap<(PathBuf, String), CellId>,
    pub(super) dotenv: HashMap<String, Arc<Dotenv>>,
    spent: usize,
    evaluated: usize,
    pub(super) failures: Vec<CloudError>,
}

/// So many bytes of text count as one value.
pub(super) const BYTES: usize = 50;

/// The document's root cell.
pub(super) const ROOT: CellId = 0;

impl<'a> Resolver<'a> {
    pub(super) fn new(
        sources: &'a mut Sources,
        context: &'a Context,
        lookup: &'a dyn Lookup,
        diagnostics: &'a mut Diagnostics,
    ) -> Self {
        Self {
            sources,
            context,
            lookup,
            diagnostics,
            arena: Arena::default(),
            findings: Vec::new(),
            told: HashSet::new(),
            answers: HashMap::new(),
            wanted: Vec::new(),
            asked: HashSet::new(),
            foreseen: Vec::new(),
            files: HashMap::new(),
            file_cells: HashMap::new(),
            dotenv: HashMap::new(),
            spent: 0,
            evaluated: 0,
            failures: Vec::new(),
        }
    }

    pub(super) async fn resolve(mut self, tree: Node) -> Resolved {
        let root = self.arena.add(None, &tree, Trust::Own);
        self.install(
            root,
            Value {
                node: tree,
                trust: Trust::Own,
                written: true,
            },
            0,
        );
        if !self.findings.is_empty() {
            // Not well formed: nothing is resolved, and all such places are listed.
            self.diagnostics
                .extend(self.findings.into_iter().map(|finding| finding.diagnostic));
            let stage = self
                .context
                .stage
                .clone()
                .unwrap_or_else(|| "dev".to_owned());
            let region = self.context.region.clone();
            return Resolved {
                tree: self.arena.take(root, false),
                region,
                stage,
                failures: Vec::new(),
                foreseen: Vec::new(),
            };
        }
        loop {
            let mut at = 0;
            while at < self.arena.cells.len() {
                if matches!(self.arena.cells[at].state, State::Open(_))
                    && !self.arena.cells[at].blocked
                {
                    self.run(at);
                }
                at += 1;
            }
            let wanted = std::mem::take(&mut self.wanted);
            if wanted.is_empty() {
                break;
            }
            let answers = self.lookup.fetch(&wanted).await;
            self.answers.extend(wanted.into_iter().zip(answers));
            for cell in &mut self.arena.cells {
                cell.blocked = false;
            }
        }
        self.settle_profile();
        self.suggest_names().await;
        let region = self.settled_region();
        let stage = self.settled_stage();
        self.diagnostics
            .extend(self.findings.into_iter().map(|finding| finding.diagnostic));
        Resolved {
            tree: self.arena.take(root, true),
            region,
            stage,
            failures: self.failures,
            foreseen: self.foreseen,
        }
    }

    /// `provider.profile` says how to reach AWS, so it cannot come from there.
    fn settle_profile(&mut self) {
        let Ok(Located::Cell(id)) = self.locate(ROOT, &["provider", "profile"]) else {
            return;
        };
        let node = self.arena.node(id, &mut 0);
        let steps = std::iter::successors(node.origin.as_deref(), |origin| origin.from.as_deref());
        let remote = steps.map(|origin| origin.what.as_str()).any(|what| {
            [
                "${ssm",
                "${secret",
                "${s3",
                "${cf",
                "${aws:accountId",
                "${account",
            ]
            .iter()
            .any(|start| what.starts_with(start))
        });
        if remote || matches!(self.arena.cells[id].state, State::Scalar(Data::Unknown(_))) {
            let path = self.arena.path(id);
            let message =
                format!("`{path}` must be known before AWS is asked, and it comes from there");
            let diagnostic = Diagnostic::error("variable-refused", node.span, path, message)
                .help("write it out, or take it from opt, param, env or self");
            self.findings.push(Finding {
                diagnostic,
                request: None,
            });
        }
    }

    async fn suggest_names(&mut self) {
        for finding in &mut self.findings {
            let Some(request) = finding.request.take() else {
                continue;
            };
            let asked = match &request {
                Request::Parameter { name, .. } => name.as_str(),
                Request::Secret { id, .. } => id.as_str(),
                _ => continue,
            };
            let names = self.lookup.names(&request).await;
            if let Some(near) = super::sources::nearest(asked, names.iter().map(String::as_str)) {
                finding.diagnostic.help = Some(format!("did you mean `{near}`?"));
            }
        }
    }

    /// The answer to a request; asks for it if it is not there.
    pub(super) fn ask(&mut self, request: &Request) -> Result<cloud::Result<Answer>, Stop> {
        if let Some(answer) = self.answers.get(request) {
            return Ok(answer.clone());
        }
        if self.asked.insert(request.clone()) {
            self.wanted.push(request.clone());
        }
        Err(Stop::Blocked)
    }

    /// Counts values that one variable can multiply.
    pub(super) fn spend(&mut self, amount: usize, span: Span, cell: CellId) -> Result<(), Stop> {
        let before = self.spent;
        self.spent = self.spent.saturating_add(amount);
        if self.spent <= BUDGET {
            return Ok(());
        }
        Err(self.too_much(before > BUDGET, span, cell))
    }

    /// Counts a variable that is evaluated.
    pub(super) fn count(&mut self, span: Span, cell: CellId) -> Result<(), Stop> {
        self.evaluated += 1;
        if self.evaluated <= EVALUATED {
            return Ok(());
        }
        let read: usize = self
            .sources
            .ids()
            .map(|id| self.sources.file(id).text.len())
            .sum();
        let most = EVALUATED + read / PER_VARIABLE;
        if self.evaluated <= most {
            return Ok(());
        }
        Err(self.too_much(self.evaluated > most + 1, span, cell))
    }

    /// It is told once.
    fn too_much(&self, told: bool, span: Span, cell: CellId) -> Stop {
        if told {
            return Stop::Failed(Vec::new());
        }
        let message = "the variables of this file expand to more than a pipeline file can hold";
        Diagnostic::error("variable-depth", span, self.arena.path(cell), message)
            .help("does a value that is used often hold another that is used often?")
            .into()
    }

    /// Evaluates a cell and all it needs.
    fn run(&mut self, start: CellId) {
        let mut stack: Vec<(CellId, Vec<CellId>)> = vec![(start, Vec::new())];
        self.arena.cells[start].busy = true;
        while let Some((id, needs)) = stack.last_mut() {
            let id = *id;
            if let Some(need) = needs.pop() {
                let cell = &mut self.arena.cells[need];
                if !matches!(cell.state, State::Open(_)) || cell.blocked {
                    continue;
                }
                if cell.busy {
                    let from = stack
                        .iter()
                        .position(|(id, _)| *id == need)
                        .unwrap_or_default();
                    let members: Vec<CellId> = stack.drain(from..).map(|(id, _)| id).collect();
                    self.circle(&members);
                } else {
                    cell.busy = true;
                    stack.push((need, Vec::new()));
                }
                continue;
            }
            match self.evaluate(id) {
                Ok(()) if matches!(self.arena.cells[id].state, State::Open(_)) => continue,
                Ok(()) => {}
                Err(Stop::Needs(mut more)) => {
                    more.reverse();
                    if let Some((_, needs)) = stack.last_mut() {
                        *needs = more;
                    }
                    continue;
                }
                Err(Stop::Blocked) => self.arena.cells[id].blocked = true,
                Err(Stop::Failed(findings)) => self.fail(id, findings),
            }
            self.arena.cells[id].busy = false;
            stack.pop();
        }
    }

    fn fail(&mut self, id: CellId, findings: Vec<Finding>) {
        for finding in findings {
            let one = &finding.diagnostic;
            if self.findings.len() == MOST {
                self.diagnostics.leave_out(one);
            } else if self.told.insert((one.span, one.code, one.message.clone())) {
                self.findings.push(finding);
            }
        }
        let cell = &mut self.arena.cells[id];
        let text = match &cell.state {
            State::Open(open) => open.text.to_string(),
            State::Failed(text) => text.clone(),
            _ => String::new(),
        };
        cell.state = State::Failed(text);
        cell.busy = false;
    }

    fn circle(&mut self, members: &[CellId]) {
        let mut places: Vec<(Span, String)> = members
            .iter()
            .map(|id| (self.arena.cells[*id].span, self.arena.path(*id)))
            .collect();
        let first = (0..places.len())
            .min_by_key(|at| places[*at].0)
            .unwrap_or_default();
        places.rotate_left(first);
        let (span, path) = places[0].clone();
        let message = match places.as_slice() {
            [_] => format!("`{path}` refers to itself"),
            _ => {
                let mut names: Vec<String> = places
                    .iter()
                    .take(MOST_OF_CIRCLE)
                    .map(|(_, path)| format!("`{path}`"))
                    .collect();
                if places.len() > MOST_OF_CIRCLE {
                    names.push(format!("{} more", places.len() - MOST_OF_CIRCLE));
                }
                names.push(format!("`{path}`"));
                format!(
                    "these refer to each other in a circle: {}",
                    names.join(" → ")
                )
            }
        };
        let mut diagnostic = Diagnostic::error("variable-circular", span, path, message)
            .help(if places.iter().any(|(_, path)| path == "provider.region") {
                "the region must be known before AWS is asked: write it out, or take it from opt, param, env or self"
            } else {
                "give one of them a value of its own"
            });
        for (span, path) in places.iter().take(MOST_OF_CIRCLE).skip(1) {
            diagnostic = diagnostic.related(*span, format!("`{path}`"));
        }
        for id in members {
            self.fail(*id, Vec::new());
        }
        self.fail(
            members[0],
            vec![Finding {
                diagnostic,
                request: None,
            }],
        );
    }

    /// What to wait for, of cells that hold variables.
    pub(super) fn need(&self, cells: &[CellId]) -> Stop {
        let free: Vec<CellId> = cells
            .iter()
            .copied()
            .filter(|id| !self.arena.cells[*id].blocked)
            .collect();
        if free.is_empty() {
            Stop::Blocked
        } else {
            Stop::Needs(free)
        }
    }

    /// Makes sure that nothing at or below a cell is open.
    pub(super) fn settle(&self, id: CellId) -> Result<(), Stop> {
        match self.arena.unresolved(id) {
            (open, _) if !open.is_empty() => Err(self.need(&open)),
            (_, true) => Err(Stop::Failed(Vec::new())),
            _ => Ok(()),
        }
    }

    fn evaluate(&mut self, id: CellId) -> Result<(), Stop> {
        let State::Open(open) = &mut self.arena.cells[id].state else {
            return Ok(());
        };
        let parts = Arc::clone(open.parts.get_or_insert_with(|| {
            // It was well formed when it came.
            let parts = grammar::parse(&open.text).ok().flatten();
            Arc::new(parts.unwrap_or_default())
        }));
        let depth = open.depth;
        let reading = Reading {
            cell: id,
            text: Arc::clone(&open.text),
            place: open.place,
            hops: depth,
            limit: MAX_DEPTH,
            trust: open.trust,
            nesting: 0,
        };
        if let [Part::Variable(variable)] = parts.as_slice() {
            let value = self.variable(variable, &reading)?;
            self.install(id, value, depth + 1);
            return Ok(());
        }
        let value = self.joined(&parts, &reading)?;
        let cell = &mut self.arena.cells[id];
        cell.state = State::Scalar(value.node.data);
        cell.trust = value.trust;
        cell.raw = None;
        cell.origin = chain(&cell.steps, value.node.origin);
        Ok(())
    }

    /// Puts a value into a cell; its texts are read for variables.
    pub(super) fn install(&mut self, id: CellId, value: Value, depth: usize) {
        let Value {
            node,
            trust,
            written,
        } = value;
        let cell = &mut self.arena.cells[id];
        cell.trust = trust;
        cell.raw.clone_from(&node.raw);
        cell.origin = chain(&cell.steps, node.origin.clone());
        let (level, span) = (cell.level as usize, cell.span);
        if matches!(node.data, Data::List(_) | Data::Map(_)) && is_plain(&node) {
            if !self.too_deep(id, level + depth_of(&node.data)) {
                self.arena.cells[id].state = State::Plain(node.data);
            }
            return;
        }
        match node.data {
            Data::Text(text) if trust != Trust::Sealed => {
                let place = if written {
                    Place::written(node.span)
                } else {
                    Place::given(span)
                };
                self.install_text(id, text, place, trust, depth, node.origin.as_deref());
            }
            Data::List(items) => {
                if self.too_deep(id, level) {
                    return;
                }
                // A reading of a child looks up the keys of its parents: they are there before it.
                self.arena.cells[id].state = State::List(Vec::with_capacity(items.len()));
                for (position, item) in items.into_iter().enumerate() {
                    let (slot, open) = self.slot((id, position), item, trust);
                    if let State::List(list) = &mut self.arena.cells[id].state {
                        list.push(slot);
                    }
                    if let Some((child, value)) = open {
                        self.install(child, value, depth);
                    }
                }
            }
            Data::Map(entries) => {
                if self.too_deep(id, level) {
                    return;
                }
                self.arena.cells[id].state = State::Map(Vec::with_capacity(entries.len()));
                for (position, entry) in entries.into_iter().enumerate() {
                    let (slot, open) = self.slot((id, position), entry.value, trust);
                    if let State::Map(list) = &mut self.arena.cells[id].state {
                        list.push((entry.key, entry.key_span, slot));
                    }
                    if let Some((child, value)) = open {
                        self.install(child, value, depth);
                    }
                }
            }
            data => self.arena.cells[id].state = State::Scalar(data),
        }
    }

    /// What stands for a child; with the value of its cell, if it needs one.
    fn slot(
        &mut self,
        parent: (CellId, usize),
        node: Node,
        trust: Trust,
    ) -> (Slot, Option<(CellId, Value)>) {
        let below = self.arena.cells[parent.0].level as usize + 1;
        if is_plain(&node) && below + depth_of(&node.data) < MAX_LEVEL {
            return (Slot::Value(node), None);
        }
        let id = self.arena.add(Some(parent), &node, trust);
        let value = Value {
            node,
            trust,
            written: true,
        };
        (Slot::Cell(id), Some((id, value)))
    }

    fn install_text(
        &mut self,
        id: CellId,
        text: String,
        place: Place,
        trust: Trust,
        depth: usize,
        newest: Option<&crate::tree::Origin>,
    ) {
        let parts = match grammar::parse(&text) {
            Ok(None) => {
                self.arena.cells[id].state = State::Scalar(Data::Text(text));
                return;
            }
            Ok(Some(parts)) => parts,
            Err(error) => {
                let place = place.compared(self.sources, &text);
                let finding = self.syntax(&error, &text, place, id);
                self.arena.cells[id].state = State::Failed(text);
                self.fail_with(id, finding);
                return;
            }
        };
        if let [Part::Text(plain)] = parts.as_slice() {
            self.arena.cells[id].raw = None;
            self.arena.cells[id].state = State::Scalar(Data::Text(plain.clone()));
            return;
        }
        if depth > MAX_DEPTH {
            let span = self.arena.cells[id].span;
            let diagnostic = self.depth_error(span, id);
            self.arena.cells[id].state = State::Failed(text);
            self.fail_with(id, diagnostic);
            return;
        }
        let cell = &mut self.arena.cells[id];
        if let Some(origin) = newest {
            cell.steps.push((origin.what.clone(), origin.span));
        }
        cell.state = State::Open(Box::new(Open {
            place: place.compared(self.sources, &text),
            text: text.into(),
            parts: None,
            depth,
            trust,
        }));
    }

    fn fail_with(&mut self, id: CellId, diagnostic: Diagnostic) {
        self.fail(
            id,
            vec![Finding {
                diagnostic,
                request: None,
            }],
        );
    }

    fn too_deep(&mut self, id: CellId, level: usize) -> bool {
        if level < MAX_LEVEL {
            return false;
        }
        let span = self.arena.cells[id].span;
        let message = format!("with its variables the file is more than {MAX_LEVEL} levels deep");
        let diagnostic = Diagnostic::error("variable-depth", span, self.arena.path(id), message)
            .help("a pipeline needs about ten: does a value refer to what holds it?");
        self.fail_with(id, diagnostic);
        true
    }

    pub(super) fn depth_error(&self, span: Span, cell: CellId) -> Diagnostic {
        Diagnostic::error(
            "variable-depth",
            span,
            self.arena.path(cell),
            format!("the value was replaced {MAX_DEPTH} times and still holds variables"),
        )
        .label("still holds variables")
        .help("does a value refer to itself?")
    }

    /// A text that is not well formed.
    pub(super) fn syntax(
        &self,
        error: &SyntaxError,
        text: &str,
        place: Place,
        cell: CellId,
    ) -> Diagnostic {
        let span = place.part(self.sources, text, error.range.clone());
        let code = if error.too_deep {
            "variable-depth"
        } else {
            "variable-syntax"
        };
        let mut diagnostic =
            Diagnostic::error(code, span, self.arena.path(cell), error.message.clone());
        diagnostic.help = error.help.map(str::to_owned);
        if place.written {
            let text = &self.sources.file(place.span.file).text;
            let rest = text
                .get(place.span.end()..)
                .and_then(|rest| rest.lines().next())
                .unwrap_or_default();
            if rest.starts_with(" #") {
                diagnostic.help = Some(
                    "quote the whole value: YAML reads ` #` and what follows as a comment"
                        .to_owned(),
                );
            }
        } else {
            diagnostic.message = format!("in the value that this variable gave: {}", error.message);
        }
        diagnostic
    }
}

/// The history of a value: the steps of its cell, then that of the value itself.
fn chain(
    steps: &[(String, Span)],
    last: Option<Arc<crate::tree::Origin>>,
) -> Option<Arc<crate::tree::Origin>> {
    steps.iter().rev().fold(last, |from, (what, span)| {
        Some(step(what.clone(), *span, from))
    })
}
