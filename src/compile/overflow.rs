//! What does not fit into the inline policies of a role goes on in managed policies of its own.
//!
//! All statements stand in one order, which does not depend on who asks for them first, and each policy holds a
//! stretch of it. So what moves because something came or went only moves on or back, and policies can be written one
//! after the other without the role losing anything meanwhile. Where a stretch ends depends on what stands there,
//! within some latitude, so that a small change does not move all that follows.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::RoleStatement;
use super::names::hex;
use super::policies::{self, Pending, document, one_or_list};
use crate::catalog::iam;
use crate::diagnostic::Diagnostic;
use crate::resources::policy_name;
use crate::source::Span;

/// The policies of a role.
pub(super) struct Fitted {
    /// Inline ones: name → document.
    pub(super) policies: Value,
    /// Managed ones, as the body of a role lists them.
    pub(super) managed: Vec<Value>,
    /// Why each statement is there.
    pub(super) explain: Vec<RoleStatement>,
}

/// More than IAM takes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLarge {
    /// Characters of all of it.
    pub(super) size: u64,
    /// Characters of a statement that no policy can hold.
    pub(super) statement: Option<u64>,
}

impl Fitted {
    /// A role that may do nothing.
    pub(super) fn empty() -> Self {
        Self {
            policies: json!({}),
            managed: Vec::new(),
            explain: Vec::new(),
        }
    }
}

impl TooLarge {
    /// What is said of it.
    pub(super) fn finding(&self, role: &str, span: Span, path: &str) -> Diagnostic {
        let limits = iam::limits();
        let mut message = format!(
            "The role `{role}` needs {} characters of policy, and IAM takes {} in the role and {} in each of {} managed policies",
            self.size,
            limits.aggregate_inline_policies.max,
            limits.managed_policy.max,
            limits.managed_policies_per_role.max,
        );
        if let Some(size) = self.statement {
            message += &format!("; one statement of {size} characters fits into none of them");
        }
        Diagnostic::error("policy-too-large", span, path, message)
            .label("too much for one role")
            .help(
            "give a role with policies of your own (`role:` with its ARN), or spread the work over several projects or pipelines",
        )
    }
}

/// A statement that may be cut between its resources.
struct Part {
    of_file: bool,
    /// Without `Sid`.
    statement: Map<String, Value>,
    sid: String,
    /// Its resources; none if it cannot be cut.
    resources: Vec<String>,
    /// Where it stands in the order.
    key: String,
    why: String,
}

/// Some resources of a statement; all of it if it cannot be cut.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    part: usize,
    resources: Range<usize>,
}

/// How closely policies are packed.
#[derive(Clone, Copy)]
struct Packing {
    /// Whether a policy may end before it is full.
    loose: bool,
    /// Whether statements have names.
    named: bool,
}

/// Cuts what a role needs into policies: all inline if that is enough.
pub(super) fn fit(
    role: &str,
    allowed: &[Pending],
    denied: &[Pending],
    of_file: &[Value],
) -> Result<Fitted, TooLarge> {
    let merged: Vec<Pending> = allowed.iter().chain(denied).cloned().collect();
    let inline = policies::inline(&merged, of_file);
    let Some(size) = inline.too_large else {
        return Ok(Fitted {
            policies: inline.policies,
            managed: Vec::new(),
            explain: policies::explain(role, &merged, of_file),
        });
    };
    let parts = parts(allowed, denied, of_file);
    let ways = [(true, true), (false, true), (false, false)];
    for (loose, named) in ways {
        let packing = Packing { loose, named };
        if let Some(stretches) = pack(&parts, packing) {
            return Ok(written(role, &parts, &stretches, packing));
        }
    }
    let most = iam::limits().managed_policy.max;
    let alone = (0..parts.len())
        .flat_map(|part| cuts(&parts, part))
        .map(|piece| {
            let statement = statement(&parts[piece.part], &piece, None);
            iam::policy_size(&document(vec![statement]))
        });
    Err(TooLarge {
        size,
        statement: alone.max().filter(|size| *size > most),
    })
}

/// Denials first, then what the file says in its own order, then what follows from it.
fn parts(allowed: &[Pending], denied: &[Pending], of_file: &[Value]) -> Vec<Part> {
    let derived = |list: &[Pending]| {
        let mut parts: Vec<Part> = list
            .iter()
            .map(|pending| {
                let why = pending.why();
                Part::new(pending.unnamed(), pending.base().to_owned(), why, false)
            })
            .collect();
        parts.sort_by(|a, b| a.key.cmp(&b.key));
        parts
    };
    let said = of_file.iter().map(|statement| {
        let sid = statement["Sid"].as_str().unwrap_or_default().to_owned();
        let why = policies::OF_FILE.to_owned();
        Part::new(statement.clone(), sid, why, true)
    });
    let mut all = derived(denied);
    all.extend(said);
    all.extend(derived(allowed));
    all
}

impl Part {
    fn new(statement: Value, sid: String, why: String, of_file: bool) -> Self {
        let mut members = match statement {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        members.shift_remove("Sid");
        let resources = match members.get("Resource") {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(items)) => {
                let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
                texts.collect::<Option<Vec<_>>>().unwrap_or_default()
            }
            _ => Vec::new(),
        };
        let place = |member: &str| {
            members
                .get(member)
                .map(Value::to_string)
                .unwrap_or_default()
        };
        // The resources are left out: one more of them does not change the place.
        let key = format!("{sid} {} {}", place("Condition"), place("Action"));
        Self {
            of_file,
            statement: members,
            sid,
            resources,
            key,
            why,
        }
    }
}

/// The smallest pieces of a statement.
fn cuts(parts: &[Part], part: usize) -> impl Iterator<Item = Piece> + use<> {
    let number = parts[part].resources.len();
    let whole = (number == 0).then_some(Piece {
        part,
        resources: 0..0,
    });
    let each = (0..number).map(move |at| Piece {
        part,
        resources: at..at + 1,
    });
    whole.into_iter().chain(each)
}

/// The statement of a piece, by that name.
fn statement(part: &Part, piece: &Piece, sid: Option<&str>) -> Value {
    let mut members = Map::new();
    if let Some(sid) = sid {
        members.insert("Sid".to_owned(), Value::from(sid));
    }
    members.extend(part.statement.clone());
    if piece.resources.len() < part.resources.len() {
        let some = part.resources[piece.resources.clone()].iter().cloned();
        let resources = one_or_list(&some.collect());
        members.insert("Resource".to_owned(), resources);
    }
    Value::Object(members)
}

/// Stretches of the order: the first one inline, each further one in a managed policy. Nothing if IAM does not take as
/// many, or one piece is too large.
fn pack(parts: &[Part], packing: Packing) -> Option<Vec<Vec<Piece>>> {
    let limits = iam::limits();
    let most = usize::try_from(limits.managed_policies_per_role.max).unwrap_or(usize::MAX);
    let pieces: Vec<Piece> = (0..parts.len())
        .flat_map(|part| cuts(parts, part))
        .collect();
    let frame = iam::policy_size(&document(Vec::new()));
    let mut stretches = Vec::new();
    let mut start = 0;
    while start < pieces.len() {
        if stretches.len() > most {
            return None;
        }
        // what the file says and what follows from it are two inline policies
        let (room, frames) = match stretches.len() {
            0 => (limits.aggregate_inline_policies.max, 2 * frame),
            _ => (limits.managed_policy.max, frame),
        };
        let room = room.saturating_sub(frames);
        let sizes: Vec<u64> = sizes(parts, &pieces[start..], room, packing.named);
        let end = match sizes.len() {
            0 => return None,
            all if start + all == pieces.len() => start + all,
            full if packing.loose => start + break_at(parts, &pieces[start..], &sizes, full, room),
            full => start + full,
        };
        stretches.push(joined(&pieces[start..end]));
        start = end;
    }
    Some(stretches)
}

/// The sizes of the first piece, the first two, and so on, as long as there is room.
fn sizes(parts: &[Part], pieces: &[Piece], room: u64, named: bool) -> Vec<u64> {
    let mut size = 0;
    let mut last = None;
    let mut all = Vec::new();
    for piece in pieces {
        let part = &parts[piece.part];
        if last != Some(piece.part) {
            let mut head = Map::new();
            if named && !part.sid.is_empty() {
                // the name can get a number
                head.insert("Sid".to_owned(), Value::from(format!("{}999", part.sid)));
            }
            head.extend(part.statement.clone());
            if !part.resources.is_empty() {
                head.insert("Resource".to_owned(), json!([]));
            }
            size += iam::policy_size(&Value::Object(head)) + 1;
            last = Some(piece.part);
        }
        for resource in &part.resources[piece.resources.clone()] {
            size += iam::policy_size(&Value::from(resource.as_str())) + 1;
        }
        if size > room {
            break;
        }
        all.push(size);
    }
    all
}

/// Where a stretch ends that could be `full` pieces long: in its last third, between two statements if possible, and
/// there at the place that its content chooses.
fn break_at(parts: &[Part], pieces: &[Piece], sizes: &[u64], full: usize, room: u64) -> usize {
    let late = |end: &usize| sizes[end - 1] >= room / 3 * 2;
    let between = |end: &usize| pieces[*end].part != pieces[end - 1].part;
    let chance = |end: &usize| {
        let piece = &pieces[*end];
        let part = &parts[piece.part];
        let resource = part.resources.get(piece.resources.start);
        let text = format!("{}\n{}", part.key, resource.map_or("", String::as_str));
        hex(&Sha256::digest(text)[..8])
    };
    let ends: Vec<usize> = (1..=full).filter(late).collect();
    let best = |ends: &mut dyn Iterator<Item = usize>| ends.min_by_key(chance);
    best(&mut ends.iter().copied().filter(|end| between(end)))
        .or_else(|| best(&mut ends.iter().copied()))
        .unwrap_or(full)
}

/// Neighbours of one statement become one piece again.
fn joined(pieces: &[Piece]) -> Vec<Piece> {
    let mut all: Vec<Piece> = Vec::new();
    for piece in pieces {
        match all.last_mut() {
            Some(last) if last.part == piece.part => last.resources.end = piece.resources.end,
            _ => all.push(piece.clone()),
        }
    }
    all
}

/// The policies with their names and documents.
fn written(role: &str, parts: &[Part], stretches: &[Vec<Piece>], packing: Packing) -> Fitted {
    let mut explain = Vec::new();
    let mut inline = Map::new();
    let mut managed = Vec::new();
    for (number, stretch) in stretches.iter().enumerate() {
        let name = (number > 0).then(|| policy_name(role, number));
        let mut taken = BTreeSet::new();
        let (mut own, mut said) = (Vec::new(), Vec::new());
        for piece in stretch {
            let part = &parts[piece.part];
            let sid = unique(&part.sid, &mut taken);
            let shown = Some(sid.as_str()).filter(|sid| packing.named && !sid.is_empty());
            let statement = statement(part, piece, shown);
            explain.push(policies::explained(
                role,
                &statement,
                sid.clone(),
                part.why.clone(),
                name.clone(),
            ));
            match &name {
                None if part.of_file => said.push(statement),
                _ => own.push(statement),
            }
        }
        match name {
            Some(name) => managed.push(json!({"name": name, "document": document(own)})),
            None => {
                for (name, statements) in [("pipectl", own), ("allow", said)] {
                    if !statements.is_empty() {
                        inline.insert(name.to_owned(), document(statements));
                    }
                }
            }
        }
    }
    Fitted {
        policies: Value::Object(inline),
        managed,
        explain,
    }
}

/// The name, with a number if another statement of the policy has it.
fn unique(sid: &str, taken: &mut BTreeSet<String>) -> String {
    if sid.is_empty() {
        return String::new();
    }
    let mut name = sid.to_owned();
    let mut number = 2;
    while !taken.insert(name.clone()) {
        name = format!("{sid}{number}");
        number += 1;
    }
    name
}

#[cfg(test)]
mod tests;
