//! One form for a resource, whether it was compiled or read: the same meaning gives the same JSON.
//!
//! The rules are data (`catalog::normal`); this is their interpreter, plus the few meanings that are no table:
//! policies, badges, environment variables in an action's configuration, secrets. The result is for comparing and
//! showing; what is sent is the desired body itself.

use serde_json::{Map, Number, Value};

use super::{Kind, policy};
use crate::catalog::normal::{DropIf, Normal, Set, normal};
use crate::catalog::{actions, structure};

/// Where a resource lives, for members that say nothing but that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// The resource's region.
    pub region: String,
    /// The account.
    pub account: String,
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
}

/// Brings a body into one form: read-only members out, AWS's defaults out, empty and absent the same, lists without
/// order sorted, JSON texts and policies by meaning, secrets masked, members sorted.
pub fn normalise(kind: Kind, body: &mut Value, context: &Context) {
    let rules = normal(kind.as_str());
    parse_objects(body, rules);
    for path in &rules.policies {
        edit(body, path, &mut |value| policy::normalise(value, context));
    }
    default_policy(body, rules);
    badge(kind, body);
    for path in &rules.read_only {
        remove_if(body, path, &|_| true);
    }
    for rule in &rules.drop_if {
        drop_members(body, rule);
    }
    for path in &rules.aliases {
        edit(body, path, &mut |value| short_alias(value, context));
    }
    for path in &rules.region {
        remove_if(body, path, &|value| *value == context.region.as_str());
    }
    for same in &rules.same {
        let other = body.get(&same.other).cloned();
        remove_if(body, &same.path, &|value| Some(value) == other.as_ref());
    }
    whole_numbers(body);
    if kind == Kind::Pipeline {
        pipeline_forms(body, context);
    }
    mask(kind, body);
    for path in &rules.json_text {
        edit(body, path, &mut json_text);
    }
    for path in &rules.json_sets {
        edit(body, path, &mut sort_all_lists);
    }
    sort_sets(body, &rules.sets);
    for default in &rules.defaults {
        remove_if(body, &default.path, &|value| *value == default.value);
    }
    prune(body);
    // A default that is gone may have decided an order.
    sort_sets(body, &rules.sets);
    policy::sort_members(body);
}

/// A member that no call changes (`path` of a role) and that differs: the resource must be made anew.
pub(crate) fn needs_replacement(kind: Kind, before: &Value, after: &Value) -> bool {
    normal(kind.as_str())
        .replace
        .iter()
        .any(|member| before.get(member) != after.get(member))
}

/// Members about which the desired state is silent and which stay as they are.
pub(crate) fn keep_absent(kind: Kind, desired: &mut Value, live: &Value) {
    for member in &normal(kind.as_str()).kept_when_absent {
        if let (Value::Object(members), Some(value)) = (&mut *desired, live.get(member)) {
            members
                .entry(member.as_str())
                .or_insert_with(|| value.clone());
        }
    }
}

/// A live body as it could be sent.
pub(crate) fn without_read_only(kind: Kind, body: &Value) -> Value {
    let mut body = body.clone();
    for path in &normal(kind.as_str()).read_only {
        remove_if(&mut body, path, &|_| true);
    }
    body
}

fn parse_objects(body: &mut Value, rules: &Normal) {
    for path in &rules.json_object {
        edit(body, path, &mut |value| {
            if let Value::String(text) = value
                && let Ok(parsed @ Value::Object(_)) = serde_json::from_str(text)
            {
                *value = parsed;
            }
        });
    }
}

/// The policy that AWS gives where nobody gave one is no policy of anybody's.
fn default_policy(body: &mut Value, rules: &Normal) {
    let Some(id) = &rules.policy_id_default else {
        return;
    };
    for path in &rules.policies {
        remove_if(body, path, &|policy| {
            policy.get("Id").and_then(Value::as_str) == Some(id)
        });
    }
}

/// CodeBuild takes `badgeEnabled` and answers `badge.badgeEnabled`.
fn badge(kind: Kind, body: &mut Value) {
    if kind != Kind::Project {
        return;
    }
    if let Value::Object(members) = body
        && let Some(answer) = members.remove("badge")
        && let Some(enabled) = answer.get("badgeEnabled")
    {
        members
            .entry("badgeEnabled")
            .or_insert_with(|| enabled.clone());
    }
}

fn drop_members(body: &mut Value, rule: &DropIf) {
    let apply = &mut |value: &mut Value| {
        if let Value::Object(members) = value
            && members.get(&rule.member) == Some(&rule.is)
        {
            members.retain(|name, _| rule.keep.iter().any(|kept| kept == name));
        }
    };
    if rule.path.is_empty() {
        apply(body);
    } else {
        edit(body, &rule.path, apply);
    }
}

fn short_alias(value: &mut Value, context: &Context) {
    let prefix = format!(
        "arn:{}:kms:{}:{}:alias/",
        context.partition, context.region, context.account
    );
    if let Some(name) = value.as_str().and_then(|text| text.strip_prefix(&prefix)) {
        *value = Value::from(format!("alias/{name}"));
    }
}

/// `1.0` and `1` are one number.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            if let Some(float) = number.as_f64()
                && float.fract() == 0.0
                && float.abs() < 9e15
            {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "checked to be whole and small"
                )]
                let whole = float as i64;
                *value = Value::Number(Number::from(whole));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(members) => members.values_mut().for_each(whole_numbers),
        _ => {}
    }
}

/// One store for the home region may be written as a map of stores.
fn pipeline_forms(body: &mut Value, context: &Context) {
    let Value::Object(members) = body else {
        return;
    };
    let single = members
        .get("artifactStores")
        .and_then(Value::as_object)
        .filter(|stores| stores.len() == 1)
        .and_then(|stores| stores.get(&context.region))
        .cloned();
    if let Some(store) = single {
        members.remove("artifactStores");
        members.entry("artifactStore").or_insert(store);
    }
}

/// Values that AWS keeps secret read `****`, here as in GetPipeline.
fn mask(kind: Kind, body: &mut Value) {
    let mask = &structure::structure().secret_mask;
    for path in &normal(kind.as_str()).masked {
        edit(body, path, &mut |value| *value = Value::from(mask.as_str()));
    }
    if kind != Kind::Pipeline {
        return;
    }
    edit(body, "stages[].actions", &mut |actions| {
        for action in actions.as_array_mut().into_iter().flatten() {
            let part = |name: &str| {
                action
                    .pointer(&format!("/actionTypeId/{name}"))
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            let known = actions::action_type(&part("owner"), &part("category"), &part("provider"));
            let (Some(known), Some(Value::Object(configuration))) =
                (known, action.get_mut("configuration"))
            else {
                continue;
            };
            for (key, value) in configuration.iter_mut() {
                if known.key(key).is_some_and(|key| key.secret) {
                    *value = Value::from(mask.as_str());
                }
            }
        }
    });
}

/// JSON in a text, by meaning: sorted members; environment variables by name, without the type that is the default.
fn json_text(value: &mut Value) {
    let Value::String(text) = &*value else {
        return;
    };
    let Ok(mut parsed) = serde_json::from_str::<Value>(text) else {
        return;
    };
    if !parsed.is_object() && !parsed.is_array() {
        return;
    }
    if let Value::Array(items) = &mut parsed {
        let variables = items.iter().all(|item| {
            item.get("name").is_some_and(Value::is_string) && item.get("value").is_some()
        });
        if variables {
            for item in items.iter_mut() {
                remove_if(item, "type", &|kind| kind == "PLAINTEXT");
            }
            items.sort_by_cached_key(|item| item_name(item, "name"));
        }
    }
    *value = Value::from(policy::canonical(&parsed));
}

fn sort_all_lists(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(sort_all_lists);
            items.sort_by_cached_key(policy::canonical);
        }
        Value::Object(members) => members.values_mut().for_each(sort_all_lists),
        _ => {}
    }
}

fn item_name(item: &Value, by: &str) -> String {
    item.get(by)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn sort_sets(body: &mut Value, sets: &[Set]) {
    // Inner lists first, so that an outer list is sorted by what its items look like in the end.
    let mut sets: Vec<&Set> = sets.iter().collect();
    sets.sort_by_key(|set| std::cmp::Reverse(set.path.matches('.').count()));
    for set in sets {
        edit(body, &set.path, &mut |value| {
            if let Value::Array(items) = value {
                let by = set.by.as_deref().unwrap_or("");
                items.sort_by_cached_key(|item| (item_name(item, by), policy::canonical(item)));
                if items.iter().all(Value::is_string) {
                    items.dedup();
                }
            }
        });
    }
}

/// Null, `[]` and `{}` are the same as absent.
fn prune(value: &mut Value) {
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    match value {
        Value::Array(items) => items.iter_mut().for_each(prune),
        Value::Object(members) => {
            members.values_mut().for_each(prune);
            members.retain(|_, value| !empty(value));
        }
        _ => {}
    }
}

fn remove_if(body: &mut Value, path: &str, test: &dyn Fn(&Value) -> bool) {
    visit(body, path, &mut |members, name| {
        if members.get(name).is_some_and(test) {
            members.remove(name);
        }
    });
}

fn edit(body: &mut Value, path: &str, change: &mut dyn FnMut(&mut Value)) {
    visit(body, path, &mut |members, name| {
        if let Some(value) = members.get_mut(name) {
            change(value);
        }
    });
}

type Visitor<'v> = dyn FnMut(&mut Map<String, Value>, &str) + 'v;

/// Calls for every member that the path names, with the object it is in.
fn visit(value: &mut Value, path: &str, see: &mut Visitor<'_>) {
    let (segment, rest) = match path.split_once('.') {
        Some((segment, rest)) => (segment, Some(rest)),
        None => (path, None),
    };
    let (name, each) = match segment.strip_suffix("[]") {
        Some(name) => (name, true),
        None => (segment, false),
    };
    let Value::Object(members) = value else {
        return;
    };
    let names: Vec<String> = if name == "*" {
        members.keys().cloned().collect()
    } else {
        vec![name.to_owned()]
    };
    for name in names {
        let Some(rest) = rest else {
            see(members, &name);
            continue;
        };
        let Some(child) = members.get_mut(&name) else {
            continue;
        };
        if each {
            for item in child.as_array_mut().into_iter().flatten() {
                visit(item, rest, see);
            }
        } else {
            visit(child, rest, see);
        }
    }
}

#[cfg(test)]
mod tests;
