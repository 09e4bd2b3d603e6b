//! What AWS refuses, as functions over the bodies of `crate::resources`. They ask the catalogue only; whether a role
//! or a bucket exists is a question to the account and stands in `write`.
//!
//! Only what is certain is refused: a fact whose sources disagree lets the body pass.

mod action;
mod pipeline;
mod project;

use serde_json::Value;

use crate::catalog::text::{Quota, TextProblem, TextRule};
use crate::catalog::{codebuild, iam, structure};

pub use pipeline::pipeline;
pub use project::project;

/// One reason why AWS refuses a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The exception.
    pub code: String,
    /// AWS's sentence.
    pub message: String,
    /// JSON pointer to the offending part of the body.
    pub place: String,
    /// The rule of the catalogue: `S01`, `P13`.
    pub rule: &'static str,
}

/// A place in a body: a JSON pointer that also knows AWS's way of writing it.
#[derive(Debug, Clone)]
struct Place {
    pointer: String,
    api: String,
}

impl Place {
    fn root(name: &str) -> Self {
        Self {
            pointer: String::new(),
            api: name.to_owned(),
        }
    }

    fn key(&self, key: &str) -> Self {
        let escaped = key.replace('~', "~0").replace('/', "~1");
        Self {
            pointer: format!("{}/{escaped}", self.pointer),
            api: format!("{}.{key}", self.api),
        }
    }

    /// AWS counts the members of lists from one.
    fn index(&self, index: usize) -> Self {
        Self {
            pointer: format!("{}/{index}", self.pointer),
            api: format!("{}.{}.member", self.api, index + 1),
        }
    }
}

/// Collects refusals in the order in which they are found.
#[derive(Default)]
struct Findings {
    list: Vec<Refusal>,
}

impl Findings {
    fn add(
        &mut self,
        rule: &'static str,
        place: &Place,
        code: impl Into<String>,
        message: impl Into<String>,
    ) {
        self.list.push(Refusal {
            code: code.into(),
            message: message.into(),
            place: place.pointer.clone(),
            rule,
        });
    }

    /// A broken rule of structure, in the catalogue's words.
    fn structure(&mut self, rule: &'static str, place: &Place, values: &[(&str, &str)]) {
        if let Some(fact) = structure::exception_for(rule) {
            let code = fact
                .exception
                .as_deref()
                .unwrap_or("InvalidStructureException");
            self.add(rule, place, code, fact.message_with(values));
        }
    }

    /// A broken rule of projects, in the catalogue's words.
    fn project(&mut self, rule: &'static str, place: &Place, values: &[(&str, &str)]) {
        if let Some(fact) = codebuild::project_rule(rule) {
            let message = fill(&fact.message, values);
            self.add(rule, place, fact.exception.clone(), message);
        }
    }

    /// A value that does not fit its shape.
    fn value(&mut self, place: &Place, value: &Value, constraint: &str) {
        let shown = match value {
            Value::Null => "null".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let values = [
            ("value", shown.as_str()),
            ("path", place.api.as_str()),
            ("constraint", constraint),
        ];
        self.structure("V01", place, &values);
    }

    /// The members that a shape must have; whether all are there.
    fn required(&mut self, place: &Place, owner: &Value, members: &[String]) -> bool {
        let mut whole = true;
        for member in members {
            if owner.get(member).is_none_or(Value::is_null) {
                whole = false;
                self.value(&place.key(member), &Value::Null, "Member must not be null");
            }
        }
        whole
    }

    /// The text at `key`, if there is one that fits the rule.
    fn text<'v>(
        &mut self,
        place: &Place,
        owner: &'v Value,
        key: &str,
        rule: &TextRule,
    ) -> Option<&'v str> {
        let value = owner.get(key).filter(|value| !value.is_null())?;
        let place = place.key(key);
        let Some(text) = value.as_str() else {
            self.value(&place, value, "Member must be a string");
            return None;
        };
        if let Some(constraint) = text_constraint(rule, text) {
            self.value(&place, value, &constraint);
        }
        Some(text)
    }

    /// The word at `key`, if there is one of the set.
    fn word<'v>(
        &mut self,
        place: &Place,
        owner: &'v Value,
        key: &str,
        words: &[String],
    ) -> Option<&'v str> {
        let value = owner.get(key).filter(|value| !value.is_null())?;
        let word = value.as_str();
        if word.is_none_or(|word| !words.iter().any(|w| w == word)) {
            let set = format!("Member must satisfy enum value set: [{}]", words.join(", "));
            self.value(&place.key(key), value, &set);
            return None;
        }
        word
    }

    /// The number at `key`, if there is one within the bounds.
    fn number(&mut self, place: &Place, owner: &Value, key: &str, quota: &Quota) {
        let Some(value) = owner.get(key).filter(|value| !value.is_null()) else {
            return;
        };
        let place = place.key(key);
        match value.as_i64() {
            None => self.value(&place, value, "Member must be an integer"),
            Some(_) if !quota.certain => {}
            Some(number) => {
                if number < i64::try_from(quota.min).unwrap_or(i64::MAX) {
                    let least = format!(
                        "Member must have value greater than or equal to {}",
                        quota.min
                    );
                    self.value(&place, value, &least);
                } else if u64::try_from(number).is_ok_and(|number| number > quota.max) {
                    let most =
                        format!("Member must have value less than or equal to {}", quota.max);
                    self.value(&place, value, &most);
                }
            }
        }
    }

    /// How many members a list has.
    fn count(&mut self, place: &Place, value: &Value, number: usize, quota: &Quota) {
        let number = number as u64;
        if quota.certain && !quota.allows(number) {
            let (word, bound) = if number > quota.max {
                ("less", quota.max)
            } else {
                ("greater", quota.min)
            };
            let constraint = format!("Member must have length {word} than or equal to {bound}");
            self.value(place, value, &constraint);
        }
    }

    /// Characters of a text.
    fn length(&mut self, place: &Place, owner: &Value, key: &str, quota: &Quota) {
        if let Some(value) = owner.get(key)
            && let Some(text) = value.as_str()
        {
            self.count(&place.key(key), value, text.chars().count(), quota);
        }
    }
}

fn fill(message: &str, values: &[(&str, &str)]) -> String {
    values
        .iter()
        .fold(message.to_owned(), |text, (key, value)| {
            text.replace(&format!("{{{key}}}"), value)
        })
}

/// What a text breaks, as AWS says it.
fn text_constraint(rule: &TextRule, text: &str) -> Option<String> {
    let pattern = || {
        let pattern = match (&rule.pattern, &rule.character) {
            (Some(pattern), _) => pattern.as_str().to_owned(),
            (None, Some(character)) => format!("{}+", character.as_str()),
            (None, None) => String::new(),
        };
        format!("Member must satisfy regular expression pattern: {pattern}")
    };
    Some(match rule.check(text).err()? {
        TextProblem::TooShort { min, .. } => {
            format!("Member must have length greater than or equal to {min}")
        }
        TextProblem::TooLong { max, .. } => {
            format!("Member must have length less than or equal to {max}")
        }
        TextProblem::Character { .. } | TextProblem::Shape => pattern(),
        TextProblem::Reserved => "Member must not be a reserved word".to_owned(),
    })
}

/// The members of a list, none where there is no list.
fn items<'v>(owner: &'v Value, key: &str) -> &'v [Value] {
    owner
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The text of a member, empty where there is none.
fn text<'v>(owner: &'v Value, key: &str) -> &'v str {
    owner.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Tags of any kind of resource.
pub fn tags(tags: &std::collections::BTreeMap<String, String>) -> Vec<Refusal> {
    let facts = &structure::structure().tags;
    let mut found = Findings::default();
    let place = Place::root("tags");
    if !facts.count.allows(tags.len() as u64) {
        found.structure("C05", &place, &[]);
    }
    let broken = |key: &String, value: &String| {
        facts.key.check(key).is_err()
            || facts.value.check(value).is_err()
            || key.to_ascii_lowercase().starts_with(&facts.reserved_prefix)
    };
    for (key, value) in tags {
        if broken(key, value) {
            found.structure("C06", &place.key(key), &[]);
        }
    }
    found.list
}

/// A role with its inline policies.
pub fn role(body: &Value) -> Vec<Refusal> {
    let limits = iam::limits();
    let mut found = Findings::default();
    let place = Place::root("role");
    let size = |document: &Value| iam::policy_size(document);
    found.text(&place, body, "roleName", &limits.role_name);
    found.text(&place, body, "description", &limits.role_description);
    found.number(&place, body, "maxSessionDuration", &limits.session_seconds);
    let name = text(body, "roleName");
    match body.get("assumeRolePolicyDocument") {
        Some(trust) if has_statements(trust) => {
            let most = limits.trust_policy.max;
            if size(trust) > most {
                found.add(
                    "trust-policy",
                    &place.key("assumeRolePolicyDocument"),
                    "LimitExceeded",
                    format!("Cannot exceed quota for ACLSizePerRole: {most}"),
                );
            }
        }
        _ => found.add(
            "trust-policy",
            &place.key("assumeRolePolicyDocument"),
            "MalformedPolicyDocument",
            "This policy contains invalid Json",
        ),
    }
    let mut total = 0;
    let policies = place.key("policies");
    for (policy, document) in body
        .get("policies")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let place = policies.key(policy);
        if let Some(constraint) = text_constraint(&limits.inline_policy_name, policy) {
            found.value(&place, &Value::String(policy.clone()), &constraint);
        }
        if !has_statements(document) {
            found.add(
                "inline-policy",
                &place,
                "MalformedPolicyDocument",
                "Syntax errors in policy.",
            );
        }
        total += size(document);
    }
    let most = limits.aggregate_inline_policies.max;
    if total > most {
        found.add(
            "inline-policies",
            &policies,
            "LimitExceeded",
            format!("Maximum policy size of {most} bytes exceeded for role {name}"),
        );
    }
    managed_policies(&mut found, &place, body);
    found.list
}

/// The managed policies of a role.
fn managed_policies(found: &mut Findings, role: &Place, body: &Value) {
    let limits = iam::limits();
    let list = role.key("managedPolicies");
    let mut attached = 0;
    for (at, policy) in items(body, "managedPolicies").iter().enumerate() {
        let place = list.index(at);
        attached += 1;
        found.required(&place, policy, &["name".to_owned()]);
        found.text(&place, policy, "name", &limits.managed_policy_name);
        let document = policy.get("document").unwrap_or(&Value::Null);
        if !has_statements(document) {
            found.add(
                "managed-policy",
                &place.key("document"),
                "MalformedPolicyDocument",
                "Syntax errors in policy.",
            );
        }
        let most = limits.managed_policy.max;
        if iam::policy_size(document) > most {
            found.add(
                "managed-policy",
                &place.key("document"),
                "LimitExceeded",
                format!("Cannot exceed quota for PolicySize: {most}"),
            );
        }
    }
    let most = limits.managed_policies_per_role.max;
    if attached > most {
        found.add(
            "managed-policies",
            &list,
            "LimitExceeded",
            format!("Cannot exceed quota for PoliciesPerRole: {most}"),
        );
    }
}

fn has_statements(document: &Value) -> bool {
    let statements = match document.get("Statement") {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(one @ Value::Object(_)) => vec![one],
        _ => Vec::new(),
    };
    !statements.is_empty()
        && statements
            .iter()
            .all(|statement| matches!(text(statement, "Effect"), "Allow" | "Deny"))
}

/// Whether a trust policy lets a service take the role on from this account.
pub fn trusts(document: &Value, service: &str, account: &str) -> bool {
    let statements: Vec<&Value> = match document.get("Statement") {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(one) => vec![one],
        None => return false,
    };
    let names = |value: Option<&Value>, wanted: &[&str]| match value {
        Some(Value::String(text)) => wanted.contains(&text.as_str()),
        Some(Value::Array(list)) => list
            .iter()
            .any(|item| item.as_str().is_some_and(|text| wanted.contains(&text))),
        _ => false,
    };
    // The one condition whose outcome is known here; others, such as SourceArn, hold for what is being made.
    let condition = |statement: &Value| {
        let wanted = statement
            .get("Condition")
            .and_then(|condition| condition.get("StringEquals"))
            .and_then(Value::as_object)
            .and_then(|members| {
                members
                    .iter()
                    .find(|(key, _)| key.eq_ignore_ascii_case("aws:SourceAccount"))
            });
        wanted.is_none_or(|(_, value)| names(Some(value), &[account]))
    };
    statements.into_iter().any(|statement| {
        let principal = match statement.get("Principal") {
            Some(Value::String(text)) => text == "*",
            Some(principal) => names(principal.get("Service"), &[service]),
            None => false,
        };
        text(statement, "Effect") == "Allow"
            && principal
            && names(statement.get("Action"), &["sts:AssumeRole", "sts:*", "*"])
            && condition(statement)
    })
}

/// An EventBridge rule with its targets.
pub fn event_rule(body: &Value) -> Vec<Refusal> {
    let facts = &structure::structure().event_rules;
    let mut found = Findings::default();
    let place = Place::root("rule");
    found.text(&place, body, "Name", &facts.name);
    found.text(&place, body, "Description", &facts.description);
    match (body.get("EventPattern"), body.get("ScheduleExpression")) {
        (None, None) => found.add(
            "event-rule",
            &place,
            "ValidationException",
            "Parameter(s) EventPattern or ScheduleExpression must be specified.",
        ),
        (Some(pattern), _) => {
            let text = pattern
                .as_str()
                .map_or_else(|| pattern.to_string(), str::to_owned);
            let readable = serde_json::from_str::<Value>(&text).is_ok_and(|p| p.is_object());
            if !readable || !facts.pattern.allows(text.len() as u64) {
                found.add(
                    "event-rule",
                    &place.key("EventPattern"),
                    "InvalidEventPatternException",
                    "Event pattern is not valid.",
                );
            }
        }
        (None, Some(_)) => {
            let expression = text(body, "ScheduleExpression");
            let call = ["cron(", "rate("]
                .iter()
                .any(|begin| expression.starts_with(begin) && expression.ends_with(')'));
            if !call {
                found.add(
                    "event-rule",
                    &place.key("ScheduleExpression"),
                    "ValidationException",
                    "Parameter ScheduleExpression is not valid.",
                );
            }
        }
    }
    let targets = items(body, "Targets");
    let place = place.key("Targets");
    if targets.len() as u64 > facts.targets.max {
        found.add(
            "event-targets",
            &place,
            "LimitExceededException",
            format!(
                "The requested resource exceeds the maximum number allowed: {} targets of a rule",
                facts.targets.max
            ),
        );
    }
    let mut seen = std::collections::BTreeSet::new();
    for (index, target) in targets.iter().enumerate() {
        let place = place.index(index);
        found.text(&place, target, "Id", &facts.target_id);
        found.length(&place, target, "Input", &facts.input);
        if !seen.insert(text(target, "Id")) {
            found.add(
                "event-targets",
                &place,
                "ValidationException",
                format!("Duplicate target id {}", text(target, "Id")),
            );
        }
        if !text(target, "Arn").starts_with("arn:") {
            found.add(
                "event-targets",
                &place,
                "ValidationException",
                format!("Parameter {} is not valid.", text(target, "Arn")),
            );
        }
    }
    found.list
}

/// A webhook; `first_stage` are the names of the actions of the pipeline's first stage.
pub fn webhook(body: &Value, first_stage: &[&str]) -> Vec<Refusal> {
    let facts = &structure::structure().webhooks;
    let mut found = Findings::default();
    let place = Place::root("webhook");
    found.text(&place, body, "name", &structure::names().webhook);
    found.word(&place, body, "authentication", &facts.authentication);
    let filters = items(body, "filters");
    found.count(
        &place.key("filters"),
        body.get("filters").unwrap_or(&Value::Null),
        filters.len(),
        &facts.filters,
    );
    let action = text(body, "targetAction");
    if !first_stage.contains(&action) {
        found.structure("R01", &place.key("targetAction"), &[("action", action)]);
    }
    found.list
}

/// A log group.
pub fn log_group(body: &Value) -> Vec<Refusal> {
    let facts = &codebuild::codebuild().logs;
    let mut found = Findings::default();
    let place = Place::root("logGroup");
    found.text(&place, body, "logGroupName", &facts.group_name);
    if let Some(days) = body.get("retentionInDays").filter(|days| !days.is_null())
        && !days
            .as_u64()
            .is_some_and(|days| facts.retention_days.contains(&days))
    {
        found.add(
            "retention",
            &place.key("retentionInDays"),
            "InvalidParameterException",
            "Invalid retention value. Valid values are those of PutRetentionPolicy",
        );
    }
    found.list
}

/// A bucket's name.
pub fn bucket(body: &Value) -> Vec<Refusal> {
    let mut found = Findings::default();
    let place = Place::root("bucket");
    let name = text(body, "bucket");
    let fits = structure::names().artifact_bucket.check(name).is_ok()
        && name.chars().all(|c| !c.is_ascii_uppercase())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric());
    if !fits {
        found.add(
            "bucket-name",
            &place.key("bucket"),
            "InvalidBucketName",
            "The specified bucket is not valid.",
        );
    }
    found.list
}

/// A metric alarm.
pub fn alarm(body: &Value) -> Vec<Refusal> {
    let mut found = Findings::default();
    let place = Place::root("alarm");
    for member in ["AlarmName", "ComparisonOperator", "EvaluationPeriods"] {
        if body.get(member).is_none_or(Value::is_null) {
            found.value(&place.key(member), &Value::Null, "Member must not be null");
        }
    }
    if body.get("MetricName").is_none() && body.get("Metrics").is_none() {
        found.add(
            "alarm-metric",
            &place,
            "ValidationError",
            "Exactly one element of the metrics list or MetricName must be specified",
        );
    }
    let most = structure::structure().alarms.actions.max;
    for member in ["AlarmActions", "OKActions", "InsufficientDataActions"] {
        let actions = items(body, member);
        if actions.len() as u64 > most {
            found.add(
                "alarm-actions",
                &place.key(member),
                "ValidationError",
                format!("Member must have length less than or equal to {most}"),
            );
        }
    }
    found.list
}
