//! IAM policies by meaning: one spelling for what means the same, and what one allows that another did not.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::Context;
use super::role::managed;

/// Brings a policy document into one spelling: lists for texts, sorted where order means nothing.
pub(super) fn normalise(document: &mut Value, context: &Context) {
    parse_text(document);
    let Value::Object(members) = document else {
        return;
    };
    members
        .entry("Version")
        .or_insert_with(|| Value::from("2008-10-17"));
    let statements = match members.remove("Statement") {
        Some(Value::Array(items)) => items,
        Some(Value::Null) | None => Vec::new(),
        Some(one) => vec![one],
    };
    let mut statements: Vec<Value> = statements
        .into_iter()
        .map(|mut statement| {
            normalise_statement(&mut statement, context);
            statement
        })
        .collect();
    statements.sort_by_cached_key(|statement| {
        let sid = statement.get("Sid").and_then(Value::as_str).unwrap_or("");
        (sid.to_owned(), canonical(statement))
    });
    statements.dedup();
    members.insert("Statement".to_owned(), Value::Array(statements));
    sort_members(document);
}

/// A document that came as JSON text, perhaps percent-encoded as IAM answers it, becomes an object.
fn parse_text(document: &mut Value) {
    let Value::String(text) = document else {
        return;
    };
    let plain = if text.trim_start().starts_with('%') {
        percent_decode(text)
    } else {
        text.clone()
    };
    if let Ok(parsed) = serde_json::from_str::<Value>(&plain) {
        *document = parsed;
    }
}

fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        if let Some(byte) = code {
            out.push(byte);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn normalise_statement(statement: &mut Value, context: &Context) {
    let Value::Object(members) = statement else {
        return;
    };
    for key in ["Action", "NotAction", "Resource", "NotResource"] {
        if let Some(value) = members.get_mut(key) {
            as_sorted_list(value);
        }
    }
    for key in ["Principal", "NotPrincipal"] {
        if let Some(value) = members.get_mut(key) {
            normalise_principal(value, context);
        }
    }
    if let Some(Value::Object(operators)) = members.get_mut("Condition") {
        for keys in operators.values_mut() {
            if let Value::Object(keys) = keys {
                keys.values_mut().for_each(as_sorted_list);
            }
        }
    }
    let empty = |value: Option<&Value>| match value {
        Some(Value::Object(members)) => members.is_empty(),
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Null) => true,
        _ => false,
    };
    for key in ["Condition", "Sid"] {
        if empty(members.get(key)) {
            members.remove(key);
        }
    }
}

/// `"*"` and `{"AWS": "*"}` are the same; an account number stands for its root.
fn normalise_principal(principal: &mut Value, context: &Context) {
    if principal == "*" {
        *principal = json!({"AWS": ["*"]});
        return;
    }
    let Value::Object(kinds) = principal else {
        return;
    };
    for (kind, names) in kinds.iter_mut() {
        as_sorted_list(names);
        if kind != "AWS" {
            continue;
        }
        if let Value::Array(items) = names {
            for item in items.iter_mut() {
                if let Value::String(text) = item
                    && text.len() == 12
                    && text.bytes().all(|byte| byte.is_ascii_digit())
                {
                    *item = Value::from(format!("arn:{}:iam::{text}:root", context.partition));
                }
            }
        }
        as_sorted_list(names);
    }
}

fn as_sorted_list(value: &mut Value) {
    let items = match value.take() {
        Value::Array(items) => items,
        one => vec![one],
    };
    let texts: BTreeSet<String> = items
        .into_iter()
        .map(|item| match item {
            Value::String(text) => text,
            other => other.to_string(),
        })
        .collect();
    *value = texts.into_iter().map(Value::from).collect();
}

/// JSON with sorted keys, for comparing and sorting.
pub(super) fn canonical(value: &Value) -> String {
    let mut sorted = value.clone();
    sort_members(&mut sorted);
    sorted.to_string()
}

/// Sorts the members of all objects within by name.
pub(super) fn sort_members(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let mut pairs: Vec<(String, Value)> = std::mem::take(members).into_iter().collect();
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
            for (_, value) in &mut pairs {
                sort_members(value);
            }
            *members = Map::from_iter(pairs);
        }
        Value::Array(items) => items.iter_mut().for_each(sort_members),
        _ => {}
    }
}

/// One thing a policy allows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// The policy in which it stands: `trust` or an inline policy's name.
    pub policy: String,
    /// The action, or all but some.
    pub action: String,
    /// The resource, or the principal in a trust policy.
    pub on: String,
    /// The condition as JSON; empty if none.
    condition: String,
    /// Whether it can be compared only as a whole (NotAction, NotResource, NotPrincipal).
    whole: Option<String>,
}

impl Grant {
    fn covers(&self, other: &Self) -> bool {
        if self.whole.is_some() || other.whole.is_some() {
            return self.whole == other.whole;
        }
        (self.condition.is_empty() || self.condition == other.condition)
            && (self.policy == "trust") == (other.policy == "trust")
            && glob(
                &self.action.to_ascii_lowercase(),
                &other.action.to_ascii_lowercase(),
            )
            && glob(&self.on, &other.on)
    }
}

impl std::fmt::Display for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} on {}", self.action, self.on)?;
        if !self.condition.is_empty() {
            write!(f, " if {}", self.condition)?;
        }
        Ok(())
    }
}

/// What the role `after` may do that the role `before` might not. Both bodies are normalised. A Deny or a
/// permissions boundary that is gone or changed counts as wider too.
pub fn widened(before: &Value, after: &Value) -> Vec<Grant> {
    let (old, old_denies) = grants(before);
    let (new, new_denies) = grants(after);
    let mut wider: BTreeSet<Grant> = new
        .into_iter()
        .filter(|grant| !old.iter().any(|known| known.covers(grant)))
        .collect();
    let lost = old_denies
        .into_iter()
        .filter(|deny| !new_denies.iter().any(|known| known.covers(deny)));
    for deny in lost {
        wider.insert(Grant {
            action: format!("no longer denied: {}", deny.action),
            ..deny
        });
    }
    let boundary = |role: &Value| role.get("permissionsBoundary").cloned();
    if let Some(was) = boundary(before)
        && boundary(after).as_ref() != Some(&was)
    {
        wider.insert(Grant {
            policy: "boundary".to_owned(),
            action: "permissions boundary removed or changed".to_owned(),
            on: was.as_str().unwrap_or_default().to_owned(),
            condition: String::new(),
            whole: None,
        });
    }
    wider.into_iter().collect()
}

/// What a role is allowed, and what it is denied. In which of its policies a statement stands means nothing.
fn grants(role: &Value) -> (Vec<Grant>, Vec<Grant>) {
    let mut allowed = Vec::new();
    let mut denied = Vec::new();
    let trust = role
        .get("assumeRolePolicyDocument")
        .map(|document| ("trust", document));
    let inline = role
        .get("policies")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, document)| (name.as_str(), document));
    let managed = managed(role)
        .filter(|(_, policy)| policy.get("attached") != Some(&Value::Bool(false)))
        .filter_map(|(name, policy)| Some((name, policy.get("document")?)));
    for (policy, document) in trust.into_iter().chain(inline).chain(managed) {
        let statements = document
            .get("Statement")
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        for statement in statements {
            let denies = statement.get("Effect").and_then(Value::as_str) == Some("Deny");
            let into = if denies { &mut denied } else { &mut allowed };
            collect(policy, statement, into);
        }
    }
    (allowed, denied)
}

fn without_sid(statement: &Value) -> String {
    let mut statement = statement.clone();
    if let Value::Object(members) = &mut statement {
        members.remove("Sid");
    }
    canonical(&statement)
}

fn collect(policy: &str, statement: &Value, into: &mut Vec<Grant>) {
    let texts = |key: &str| -> Vec<String> {
        statement
            .get(key)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
    let condition = statement
        .get("Condition")
        .map(canonical)
        .unwrap_or_default();
    let unusual = ["NotAction", "NotResource", "NotPrincipal"]
        .iter()
        .any(|key| statement.get(key).is_some());
    if unusual {
        let whole = without_sid(statement);
        into.push(Grant {
            policy: policy.to_owned(),
            action: "all but some".to_owned(),
            on: whole.clone(),
            condition,
            whole: Some(whole),
        });
        return;
    }
    let mut places = texts("Resource");
    if let Some(Value::Object(principals)) = statement.get("Principal") {
        for (kind, names) in principals {
            for name in names
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
            {
                places.push(format!("{kind} {name}"));
            }
        }
    }
    for action in texts("Action") {
        for on in &places {
            into.push(Grant {
                policy: policy.to_owned(),
                action: action.clone(),
                on: on.clone(),
                condition: condition.clone(),
                whole: None,
            });
        }
    }
}

/// Whether everything that `narrow` matches is matched by `wide`; `*` and `?` as in IAM. The stars of `narrow`
/// are taken as characters of their own, which only a star of `wide` matches.
fn glob(wide: &str, narrow: &str) -> bool {
    let wide: Vec<char> = wide.chars().collect();
    let narrow: Vec<char> = narrow.chars().collect();
    let (mut w, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < narrow.len() {
        match wide.get(w) {
            Some('*') => {
                star = Some((w, n));
                w += 1;
            }
            Some('?') if narrow[n] != '*' => {
                w += 1;
                n += 1;
            }
            Some(c) if *c == narrow[n] => {
                w += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    w = at + 1;
                    n = from + 1;
                    star = Some((at, n));
                }
                None => return false,
            },
        }
    }
    wide[w..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> Context {
        Context {
            region: "us-east-1".to_owned(),
            account: "123456789012".to_owned(),
            partition: "aws".to_owned(),
        }
    }

    fn normal(mut document: Value) -> Value {
        normalise(&mut document, &context());
        document
    }

    #[test]
    fn spellings_of_one_meaning_are_equal() {
        let table = [
            (
                json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}),
                json!({"Statement": [{"Resource": ["*"], "Action": ["s3:GetObject"], "Effect": "Allow"}], "Version": "2012-10-17"}),
            ),
            (
                json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["b:B", "a:A"], "Principal": "*", "Resource": "x"}]}),
                json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["a:A", "b:B"], "Principal": {"AWS": "*"}, "Resource": "x"}]}),
            ),
            (
                json!({"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "111111111111"}}]}),
                json!({"Version": "2008-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ["arn:aws:iam::111111111111:root"]}, "Condition": {}}]}),
            ),
            (
                json!({"Version": "2012-10-17", "Statement": [{"Sid": "B", "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": false}}}, {"Sid": "A", "Effect": "Allow", "Action": "*", "Resource": "*"}]}),
                json!(
                    "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Sid%22%3A%22A%22%2C%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22*%22%2C%22Resource%22%3A%22*%22%7D%2C%7B%22Sid%22%3A%22B%22%2C%22Effect%22%3A%22Deny%22%2C%22Action%22%3A%22*%22%2C%22Resource%22%3A%22*%22%2C%22Condition%22%3A%7B%22Bool%22%3A%7B%22aws%3ASecureTransport%22%3A%22false%22%7D%7D%7D%5D%7D"
                ),
            ),
        ];
        for (one, other) in table {
            assert_eq!(normal(one), normal(other));
        }
    }

    #[test]
    fn different_meanings_stay_different() {
        let base = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "a"}]});
        for other in [
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:GetObject", "Resource": "a"}]}),
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "a"}]}),
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "NotAction": "s3:GetObject", "Resource": "a"}]}),
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "a", "Condition": {"Bool": {"x": "true"}}}]}),
            json!({"Version": "2008-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "a"}]}),
        ] {
            assert_ne!(normal(base.clone()), normal(other));
        }
    }

    fn role(statements: Value) -> Value {
        let mut document = json!({"Version": "2012-10-17", "Statement": statements});
        normalise(&mut document, &context());
        json!({"policies": {"inline": document}})
    }

    #[test]
    fn what_was_covered_is_not_wider() {
        let old =
            role(json!([{"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::b/*"}]));
        for statement in [
            json!([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/x"}]),
            json!([{"Effect": "Allow", "Action": "S3:getobject", "Resource": "arn:aws:s3:::b/*"}]),
            json!([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/x", "Condition": {"Bool": {"y": "true"}}}]),
            json!([]),
        ] {
            assert_eq!(widened(&old, &role(statement)), []);
        }
    }

    #[test]
    fn new_pairs_lost_denies_and_lost_conditions_are_wider() {
        let old = role(json!([
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/x", "Condition": {"Bool": {"y": "true"}}},
            {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}
        ]));
        let deny = json!({"Effect": "Deny", "Action": "iam:*", "Resource": "*"});
        let wider = |statements: Value| widened(&old, &role(statements)).len();
        assert_eq!(
            wider(
                json!([deny, {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/x"}])
            ),
            1
        );
        assert_eq!(
            wider(
                json!([deny, {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::b/x", "Condition": {"Bool": {"y": "true"}}}])
            ),
            1
        );
        assert_eq!(wider(json!([])), 1);
        assert_eq!(
            wider(json!([deny, {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}])),
            1
        );
    }

    #[test]
    fn it_does_not_matter_in_which_policy_a_statement_stands() {
        let statements = json!([
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": ["a", "b"]},
            {"Effect": "Deny", "Action": ["iam:*", "sts:*"], "Resource": "*"}
        ]);
        let inline = role(statements.clone());
        let managed = |attached: bool| {
            let document = normal(json!({"Version": "2012-10-17", "Statement": statements}));
            json!({"managedPolicies": [{"name": "m", "document": document, "attached": attached}]})
        };
        assert_eq!(widened(&inline, &managed(true)), []);
        assert_eq!(widened(&managed(true), &inline), []);
        assert_eq!(
            widened(&inline, &managed(false)).len(),
            2,
            "both denials are gone"
        );
        let gained = widened(&managed(false), &inline);
        let gained: Vec<String> = gained.iter().map(ToString::to_string).collect();
        assert_eq!(gained, ["s3:GetObject on a", "s3:GetObject on b"]);
        let lost = widened(&inline, &role(json!([statements[0].clone()])));
        assert_eq!(lost[0].to_string(), "no longer denied: iam:* on *");
        assert_eq!(lost.len(), 2);
    }

    #[test]
    fn the_boundary_counts() {
        let with = json!({"permissionsBoundary": "arn:aws:iam::1:policy/b"});
        assert_eq!(widened(&with, &json!({})).len(), 1);
        assert_eq!(widened(&json!({}), &with).len(), 0);
        assert_eq!(widened(&with, &with).len(), 0);
    }

    #[test]
    fn a_star_is_matched_by_a_star_only() {
        assert!(glob("s3:*", "s3:Get*"));
        assert!(!glob("s3:Get?bject", "s3:Get*"));
        assert!(!glob("s3:GetObject", "s3:Get*"));
        assert!(glob("*", ""));
        assert!(!glob("", "a"));
    }
}
