//! The policies of a role: inline ones, and the managed ones of its own that hold what does not fit into it. How one
//! set of them becomes another without the role losing, at any moment, a right that it has before and after.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Context, POLICIES_TAG, policy};
use crate::catalog::iam;

/// The name of a role's own managed policy, counted from 1. Names of policies may be longer than those of roles, so
/// that nothing needs to be cut.
pub fn policy_name(role: &str, number: usize) -> String {
    format!("{role}-policy-{number}")
}

/// How many managed policies of its own a role has, by its tags. More than a role can have is nobody's word of ours.
pub(crate) fn policies_tagged(tags: &BTreeMap<String, String>) -> usize {
    let said = tags.get(POLICIES_TAG).and_then(|text| text.parse().ok());
    said.unwrap_or(0).min(most_attached())
}

/// What the tag of a role with this body says: the highest number of its managed policies.
pub(crate) fn policies_to_tag(role: &str, body: &Value) -> usize {
    let has = |number: &usize| {
        let own = policy_name(role, *number);
        managed(body).any(|(name, _)| name == own)
    };
    (1..=most_attached()).filter(has).max().unwrap_or(0)
}

/// The highest number of a managed policy that the role gets by these writes, if only for a while.
pub(crate) fn highest_policy(role: &str, steps: &[Step]) -> usize {
    let gets = |number: &usize| {
        let own = policy_name(role, *number);
        let is = |step: &Step| matches!(step, Step::Attach(name, _) if *name == own);
        steps.iter().any(is)
    };
    (1..=most_attached()).filter(gets).max().unwrap_or(0)
}

/// The managed policies in the body of a role: name and the rest.
pub(crate) fn managed(body: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let list = body.get("managedPolicies").and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(|policy| Some((policy.get("name")?.as_str()?, policy)))
}

/// The same, to be changed.
pub(crate) fn managed_mut(body: &mut Value) -> impl Iterator<Item = &mut Value> {
    let list = body
        .get_mut("managedPolicies")
        .and_then(Value::as_array_mut);
    list.into_iter().flatten()
}

fn most_attached() -> usize {
    usize::try_from(iam::limits().managed_policies_per_role.max).unwrap_or(usize::MAX)
}

/// One write to the policies of a role.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// The inline policy of this name gets this document.
    Put(String, Value),
    /// The inline policy goes.
    Remove(String),
    /// The managed policy of this name gets this document, and the role gets it.
    Attach(String, Value),
    /// The managed policy is taken from the role and deleted.
    Delete(String),
}

/// The order cannot be kept: rights would change places in a circle and no further policy can hold them meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stuck;

impl std::fmt::Display for Stuck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "The statements of the role change places among its policies, and it has no room for one more policy that \
             could hold them meanwhile: it would lose rights for a moment. Take away in one apply what goes, and add \
             in a second one what comes.",
        )
    }
}

/// Where statements are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Inline(String),
    Managed(String),
}

/// A policy of the role.
#[derive(Debug, Clone)]
struct Held {
    document: Value,
    normal: Value,
    size: u64,
    /// What it allows and denies; nothing while it is not attached.
    rights: BTreeSet<String>,
    attached: bool,
}

impl Held {
    fn of(document: &Value, attached: bool, context: &Context) -> Self {
        let mut normal = document.clone();
        policy::normalise(&mut normal, context);
        let mut rights = BTreeSet::new();
        if attached {
            let statements = normal.get("Statement").and_then(Value::as_array);
            for statement in statements.into_iter().flatten() {
                rights.extend(rights_of(statement));
            }
        }
        Self {
            document: document.clone(),
            size: iam::policy_size(document),
            normal,
            rights,
            attached,
        }
    }

    fn same(&self, other: &Self) -> bool {
        self.normal == other.normal && self.attached == other.attached
    }

    fn denies(&self) -> usize {
        let denies = self.rights.iter().filter(|right| right.starts_with("Deny"));
        denies.count()
    }
}

/// A statement as pairs of action and resource, so that it is the same wherever its parts stand.
fn rights_of(statement: &Value) -> Vec<String> {
    let texts = |key: &str| -> Option<Vec<&str>> {
        let list = statement.get(key)?.as_array()?;
        list.iter().map(Value::as_str).collect()
    };
    let effect = statement.get("Effect").and_then(Value::as_str);
    let effect = effect.unwrap_or_default();
    let mut rest = statement.clone();
    if let Value::Object(members) = &mut rest {
        for known in ["Sid", "Effect", "Action", "Resource"] {
            members.remove(known);
        }
    }
    match (texts("Action"), texts("Resource")) {
        (Some(actions), Some(resources)) => {
            let rest = policy::canonical(&rest);
            let pairs = actions
                .iter()
                .flat_map(|action| resources.iter().map(move |on| (*action, *on)));
            pairs
                .map(|(action, on)| format!("{effect} {action} {on} {rest}"))
                .collect()
        }
        // NotAction or NotResource: only the whole is comparable
        (actions, resources) => vec![format!("{effect} {actions:?} {resources:?} {rest}")],
    }
}

fn held(body: &Value, context: &Context) -> BTreeMap<Place, Held> {
    let inline = body.get("policies").and_then(Value::as_object);
    let inline = inline.into_iter().flatten().map(|(name, document)| {
        let held = Held::of(document, true, context);
        (Place::Inline(name.clone()), held)
    });
    let managed = managed(body).map(|(name, policy)| {
        let attached = policy.get("attached") != Some(&Value::Bool(false));
        let document = policy.get("document").unwrap_or(&Value::Null);
        let held = Held::of(document, attached, context);
        (Place::Managed(name.to_owned()), held)
    });
    inline.chain(managed).collect()
}

/// The writes that make the policies of `live` those of `desired`, in an order in which no right that is in both is
/// missing in between, and IAM's limits hold all the time. Where rights change places in a circle, a further managed
/// policy holds them meanwhile.
pub(crate) fn policy_steps(
    role: &str,
    live: &Value,
    desired: &Value,
    context: &Context,
) -> Result<Vec<Step>, Stuck> {
    let mut work = Work {
        role,
        now: held(live, context),
        goal: held(desired, context),
        steps: Vec::new(),
    };
    let kept: BTreeSet<String> = {
        let before = work.rights();
        let after: BTreeSet<&String> = work.goal.values().flat_map(|h| &h.rights).collect();
        before
            .into_iter()
            .filter(|right| after.contains(right))
            .cloned()
            .collect()
    };
    loop {
        let mut open = work.open();
        if open.is_empty() {
            return Ok(work.steps);
        }
        // denials come first and go last
        open.sort_by_key(|place| {
            let count = |set: &BTreeMap<Place, Held>| set.get(place).map_or(0, Held::denies);
            let (had, gets) = (count(&work.now), count(&work.goal));
            (gets < had, gets <= had)
        });
        let free = |place: &&Place| work.fits(place) && work.lost(place, &kept).is_empty();
        if let Some(place) = open.iter().find(free).cloned() {
            work.settle(&place);
            continue;
        }
        if let Some((name, document)) = work.bridge(&open, &kept, context) {
            let bridge = Held::of(&document, true, context);
            work.steps.push(Step::Attach(name.clone(), document));
            work.now.insert(Place::Managed(name), bridge);
            continue;
        }
        if work.has_managed() {
            return Err(Stuck);
        }
        // All inline policies share one limit: without managed ones nothing else is left than to make room first.
        let place = open.iter().find(|place| work.fits(place)).or(open.first());
        if let Some(place) = place.cloned() {
            work.settle(&place);
        }
    }
}

struct Work<'r> {
    role: &'r str,
    now: BTreeMap<Place, Held>,
    goal: BTreeMap<Place, Held>,
    steps: Vec<Step>,
}

impl Work<'_> {
    fn rights(&self) -> BTreeSet<&String> {
        self.now.values().flat_map(|held| &held.rights).collect()
    }

    /// What is not yet as it shall be.
    fn open(&self) -> Vec<Place> {
        let places: BTreeSet<&Place> = self.now.keys().chain(self.goal.keys()).collect();
        places
            .into_iter()
            .filter(|place| match (self.now.get(place), self.goal.get(place)) {
                (Some(now), Some(goal)) => !now.same(goal),
                (now, goal) => now.is_some() != goal.is_some(),
            })
            .cloned()
            .collect()
    }

    fn attached(&self) -> usize {
        let managed = self
            .now
            .iter()
            .filter(|(place, held)| matches!(place, Place::Managed(_)) && held.attached);
        managed.count()
    }

    fn has_managed(&self) -> bool {
        let mut places = self.now.keys().chain(self.goal.keys());
        places.any(|place| matches!(place, Place::Managed(_)))
    }

    /// Whether IAM's limits let the write happen now.
    fn fits(&self, place: &Place) -> bool {
        let Some(goal) = self.goal.get(place) else {
            return true;
        };
        match place {
            Place::Inline(_) => {
                let others = self
                    .now
                    .iter()
                    .filter(|(other, _)| matches!(other, Place::Inline(_)) && *other != place);
                let others: u64 = others.map(|(_, held)| held.size).sum();
                others + goal.size <= iam::limits().aggregate_inline_policies.max
            }
            Place::Managed(_) => {
                let there = self.now.get(place).is_some_and(|held| held.attached);
                there || self.attached() < most_attached()
            }
        }
    }

    /// The rights that the role would lose for a moment by this write.
    fn lost(&self, place: &Place, kept: &BTreeSet<String>) -> BTreeSet<String> {
        let Some(now) = self.now.get(place) else {
            return BTreeSet::new();
        };
        let stays = |right: &&String| {
            let goal = self.goal.get(place);
            goal.is_some_and(|goal| goal.rights.contains(*right))
                || self
                    .now
                    .iter()
                    .any(|(other, held)| other != place && held.rights.contains(*right))
        };
        now.rights
            .iter()
            .filter(|right| kept.contains(*right) && !stays(right))
            .cloned()
            .collect()
    }

    fn settle(&mut self, place: &Place) {
        let goal = self.goal.get(place).cloned();
        let step = match (place.clone(), &goal) {
            (Place::Inline(name), Some(goal)) => Step::Put(name, goal.document.clone()),
            (Place::Inline(name), None) => Step::Remove(name),
            (Place::Managed(name), Some(goal)) => Step::Attach(name, goal.document.clone()),
            (Place::Managed(name), None) => Step::Delete(name),
        };
        self.steps.push(step);
        match goal {
            Some(goal) => self.now.insert(place.clone(), goal),
            None => self.now.remove(place),
        };
    }

    /// A policy that holds what one of the others would lose: its name and document.
    fn bridge(
        &self,
        open: &[Place],
        kept: &BTreeSet<String>,
        context: &Context,
    ) -> Option<(String, Value)> {
        if !self.has_managed() || self.attached() >= most_attached() {
            return None;
        }
        let name = (1..=most_attached())
            .map(|number| policy_name(self.role, number))
            .find(|name| {
                let place = Place::Managed(name.clone());
                !self.now.contains_key(&place) && !self.goal.contains_key(&place)
            })?;
        let document = open
            .iter()
            .filter(|place| self.fits(place))
            .find_map(|place| {
                let lost = self.lost(place, kept);
                let document = only(&self.now.get(place)?.document, &lost, context);
                let size = iam::policy_size(&document);
                (!lost.is_empty() && size <= iam::limits().managed_policy.max).then_some(document)
            })?;
        Some((name, document))
    }
}

/// The statements of a policy that have something to do with these rights.
fn only(document: &Value, rights: &BTreeSet<String>, context: &Context) -> Value {
    let mut document = document.clone();
    policy::normalise(&mut document, context);
    let members = document.as_object_mut();
    let statements = members.and_then(|members: &mut Map<String, Value>| {
        members.get_mut("Statement").and_then(Value::as_array_mut)
    });
    if let Some(statements) = statements {
        statements.retain(|statement| rights_of(statement).iter().any(|r| rights.contains(r)));
    }
    document
}

#[cfg(test)]
mod tests;
