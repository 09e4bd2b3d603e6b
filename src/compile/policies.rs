//! Statements of a role, merged into policies that IAM takes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::RoleStatement;
use super::json::Object;
use crate::catalog::iam::{self, Statement};

/// A statement on its way into a policy, with who needs it and why.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    sid: String,
    /// The name before it got a number.
    base: String,
    effect: &'static str,
    actions: BTreeSet<String>,
    resources: BTreeSet<String>,
    condition: Option<Value>,
    /// Why, and for whom.
    reasons: Vec<(String, Vec<String>)>,
}

impl Pending {
    /// A statement of the catalogue that `who` needs.
    pub(super) fn allow(statement: Statement, who: &str) -> Self {
        Self::new("Allow", statement, who)
    }

    /// A statement that no template of a role makes.
    pub(super) fn plain(
        sid: &str,
        actions: &[String],
        resources: BTreeSet<String>,
        condition: Option<Value>,
        why: &str,
        who: &str,
    ) -> Self {
        Self {
            sid: sid.to_owned(),
            base: sid.to_owned(),
            effect: "Allow",
            actions: actions.iter().cloned().collect(),
            resources,
            condition,
            reasons: vec![(why.to_owned(), vec![who.to_owned()])],
        }
    }

    /// A denial of the catalogue.
    pub(super) fn deny(statement: Statement, who: &str) -> Self {
        Self::new("Deny", statement, who)
    }

    fn new(effect: &'static str, statement: Statement, who: &str) -> Self {
        Self {
            sid: statement.id.to_owned(),
            base: statement.id.to_owned(),
            effect,
            actions: statement.actions.iter().map(|a| (*a).to_owned()).collect(),
            resources: statement.resources.into_iter().collect(),
            condition: statement.condition,
            reasons: vec![(statement.why.to_owned(), vec![who.to_owned()])],
        }
    }

    /// Leaves out actions; false if none is left.
    pub(super) fn without(&mut self, never: &[String]) -> bool {
        self.actions.retain(|action| !never.contains(action));
        !self.actions.is_empty()
    }

    /// Replaces the condition.
    pub(super) fn when(mut self, condition: Value) -> Self {
        self.condition = Some(condition);
        self
    }

    /// Whether it is the statement of that name.
    pub(super) fn is(&self, sid: &str) -> bool {
        self.sid == sid
    }

    /// The resources, to be changed.
    pub(super) fn resources_mut(&mut self) -> &mut BTreeSet<String> {
        &mut self.resources
    }

    fn take_reasons(&mut self, more: Vec<(String, Vec<String>)>) {
        for (why, whom) in more {
            match self.reasons.iter_mut().find(|(known, _)| *known == why) {
                Some((_, known)) => {
                    for who in whom {
                        if !known.contains(&who) {
                            known.push(who);
                        }
                    }
                }
                None => self.reasons.push((why, whom)),
            }
        }
    }

    /// `UnitTest, IntegrationTest: The action starts builds.`
    pub(super) fn why(&self) -> String {
        let sentences: Vec<String> = self
            .reasons
            .iter()
            .map(|(why, whom)| {
                let whom: Vec<&str> = whom
                    .iter()
                    .map(String::as_str)
                    .filter(|who| !who.is_empty())
                    .collect();
                if whom.is_empty() {
                    why.clone()
                } else {
                    format!("{}: {why}", whom.join(", "))
                }
            })
            .collect();
        sentences.join(" ")
    }

    /// The name without a number.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// The statement without its name.
    pub(super) fn unnamed(&self) -> Value {
        self.json(false)
    }

    fn json(&self, with_sid: bool) -> Value {
        let mut object = Object::new();
        if with_sid {
            object.set("Sid", self.sid.clone());
        }
        object
            .set("Effect", self.effect)
            .set("Action", one_or_list(&self.actions))
            .set("Resource", one_or_list(&self.resources))
            .some("Condition", self.condition.clone());
        object.done()
    }
}

pub(super) fn one_or_list(texts: &BTreeSet<String>) -> Value {
    let mut list: Vec<Value> = texts.iter().map(|t| Value::from(t.clone())).collect();
    match list.len() {
        1 => list.remove(0),
        _ => Value::Array(list),
    }
}

/// Joins statements that differ in nothing but their actions, then those that differ in nothing but their resources.
/// Names become unique.
pub(super) fn merge(list: Vec<Pending>) -> Vec<Pending> {
    let by_resource = join(
        list,
        |a, b| a.resources == b.resources,
        |into, from| into.actions.extend(from.actions.iter().cloned()),
    );
    let mut merged = join(
        by_resource,
        |a, b| a.actions == b.actions,
        |into, from| into.resources.extend(from.resources.iter().cloned()),
    );
    let mut taken = BTreeSet::new();
    for statement in &mut merged {
        let base = statement.sid.clone();
        let mut number = 2;
        while !taken.insert(statement.sid.clone()) {
            statement.sid = format!("{base}{number}");
            number += 1;
        }
    }
    merged
}

fn join(
    list: Vec<Pending>,
    same: impl Fn(&Pending, &Pending) -> bool,
    take: impl Fn(&mut Pending, &Pending),
) -> Vec<Pending> {
    let mut out: Vec<Pending> = Vec::new();
    for statement in list {
        let known = out.iter_mut().find(|known| {
            known.effect == statement.effect
                && known.condition == statement.condition
                && same(known, &statement)
        });
        match known {
            Some(known) => {
                take(known, &statement);
                known.take_reasons(statement.reasons);
            }
            None => out.push(statement),
        }
    }
    out
}

/// A policy document.
pub(super) fn document(statements: Vec<Value>) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// The inline policies of a role, and what they add up to where that is too much.
pub(super) struct Inline {
    /// Name → document.
    pub(super) policies: Value,
    /// The size, if it is over the limit even without names of statements.
    pub(super) too_large: Option<u64>,
}

/// Whether the statements fit into a role even as they stand, before they are joined, which takes longer to find out.
pub(super) fn surely_fits<'p>(apart: impl Iterator<Item = &'p Pending>, allow: &[Value]) -> bool {
    // the frame of two documents, and of each statement and each of its texts: names of members, brackets, quotes, commas
    const FRAME: u64 = 100;
    const OF_STATEMENT: u64 = 80;
    const OF_TEXT: u64 = 3;
    let length = |text: &str| {
        let escaped = |c: char| c.is_control() || c == '"' || c == '\\';
        let longest = if text.contains(escaped) { 6 } else { 1 };
        u64::try_from(text.len() * longest).unwrap_or(u64::MAX)
    };
    let of_texts =
        |texts: &BTreeSet<String>| -> u64 { texts.iter().map(|text| length(text) + OF_TEXT).sum() };
    let derived = apart.map(|statement| {
        let condition = statement.condition.as_ref().map_or(0, iam::policy_size);
        let texts = of_texts(&statement.actions) + of_texts(&statement.resources);
        // a name that stands twice gets a number
        OF_STATEMENT + length(&statement.sid) + texts + condition
    });
    let said = allow
        .iter()
        .map(|statement| iam::policy_size(statement) + OF_TEXT);
    FRAME + derived.sum::<u64>() + said.sum::<u64>() <= iam::limits().aggregate_inline_policies.max
}

/// Makes the inline policies: `pipectl` with what was derived, `allow` with what the file adds. Where both together
/// are over IAM's limit the statements go without names, which nothing needs.
pub(super) fn inline(merged: &[Pending], allow: &[Value]) -> Inline {
    let limit = iam::limits().aggregate_inline_policies.max;
    let make = |with_sid: bool| {
        let mut policies = Object::new();
        if !merged.is_empty() {
            let statements = merged.iter().map(|s| s.json(with_sid)).collect();
            policies.set("pipectl", document(statements));
        }
        if !allow.is_empty() {
            policies.set("allow", document(allow.to_vec()));
        }
        let policies = policies.done();
        let size = policies
            .as_object()
            .map(|map| map.values().map(iam::policy_size).sum())
            .unwrap_or(0);
        (policies, size)
    };
    let (policies, size): (Value, u64) = make(true);
    if size <= limit {
        return Inline {
            policies,
            too_large: None,
        };
    }
    let (policies, size) = make(false);
    Inline {
        policies,
        too_large: (size > limit).then_some(size),
    }
}

/// What `compile --explain` says of a role.
pub(super) fn explain(role: &str, merged: &[Pending], allow: &[Value]) -> Vec<RoleStatement> {
    let mut list: Vec<RoleStatement> = merged
        .iter()
        .map(|s| RoleStatement {
            role: role.to_owned(),
            policy: None,
            sid: s.sid.clone(),
            effect: s.effect.to_owned(),
            actions: s.actions.iter().cloned().collect(),
            resources: s.resources.iter().cloned().collect(),
            condition: s.condition.clone(),
            why: s.why(),
        })
        .collect();
    list.extend(allow.iter().map(|statement| {
        let sid = texts(&statement["Sid"]).concat();
        explained(role, statement, sid, OF_FILE.to_owned(), None)
    }));
    list
}

/// Why a statement is there that a person wrote.
pub(super) const OF_FILE: &str = "The file adds it with `allow`.";

/// What is said of a statement that stands in a policy, managed if it is named.
pub(super) fn explained(
    role: &str,
    statement: &Value,
    sid: String,
    why: String,
    policy: Option<String>,
) -> RoleStatement {
    RoleStatement {
        role: role.to_owned(),
        policy,
        sid,
        effect: texts(&statement["Effect"]).concat(),
        actions: texts(&statement["Action"]),
        resources: texts(&statement["Resource"]),
        condition: statement.get("Condition").cloned(),
        why,
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(id: &'static str, action: &'static str, resource: &str) -> Pending {
        let statement = Statement {
            id,
            actions: vec![action],
            resources: vec![resource.to_owned()],
            condition: None,
            why: "Because.",
            certain: true,
        };
        Pending::allow(statement, id)
    }

    #[test]
    fn what_surely_fits_does() {
        let limit = iam::limits().aggregate_inline_policies.max;
        let allow =
            [json!({"Sid": "Own", "Effect": "Allow", "Action": "s3:*", "Resource": ["a", "b"]})];
        let mut fitted = 0;
        for number in 0..400 {
            let resource = format!("arn:aws:s3:::bucket{number}/\"quoted\"");
            let apart = vec![statement("Same", "s3:GetObject", &resource); number];
            let mut numbered = apart.clone();
            for (index, statement) in numbered.iter_mut().enumerate() {
                statement.sid.push_str(&index.to_string());
            }
            let size = inline(&numbered, &allow).policies;
            let size: u64 = size
                .as_object()
                .expect("a map")
                .values()
                .map(iam::policy_size)
                .sum();
            if surely_fits(apart.iter(), &allow) {
                fitted += 1;
                assert!(size <= limit, "{number}: {size}");
            }
        }
        assert!(fitted > 30, "{fitted}");
    }

    #[test]
    fn same_resources_and_same_actions_are_joined() {
        let merged = merge(vec![
            statement("A", "s3:GetObject", "r1"),
            statement("A", "s3:PutObject", "r1"),
            statement("A", "s3:GetObject", "r2"),
            statement("A", "sns:Publish", "r3"),
            statement("B", "sns:Publish", "r4"),
        ]);
        let seen: Vec<(String, usize, usize)> = merged
            .iter()
            .map(|s| (s.sid.clone(), s.actions.len(), s.resources.len()))
            .collect();
        assert_eq!(
            seen,
            [
                ("A".to_owned(), 2, 1),
                ("A2".to_owned(), 1, 1),
                ("A3".to_owned(), 1, 2)
            ]
        );
        assert_eq!(merged[2].why(), "A, B: Because.");
    }

    #[test]
    fn too_much_is_measured() {
        let many: Vec<Pending> = (0..200)
            .map(|n| {
                statement(
                    "Long",
                    "s3:GetObject",
                    &format!("arn:aws:s3:::{}{n}", "x".repeat(40)),
                )
            })
            .collect();
        assert!(inline(&merge(many.clone()), &[]).too_large.is_some());
        assert!(inline(&merge(many[..20].to_vec()), &[]).too_large.is_none());
    }
}
