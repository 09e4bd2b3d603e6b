//! Two JSON values → the members that differ, with paths that people can read.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Field;

/// Members by which the items of a list are told apart.
const NAMES: [&str; 7] = [
    "name",
    "Name",
    "Sid",
    "id",
    "Id",
    "sourceIdentifier",
    "jsonPath",
];

/// What differs between two normalised bodies.
pub(super) fn fields(before: &Value, after: &Value) -> Vec<Field> {
    let mut found = Vec::new();
    compare("", Some(before), Some(after), &mut found);
    found
}

/// What differs between two sets of tags.
pub(super) fn tags(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> Vec<Field> {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    keys.into_iter()
        .filter(|key| before.get(*key) != after.get(*key))
        .map(|key| Field {
            path: format!("tags.{key}"),
            before: before.get(key).cloned().map(Value::from),
            after: after.get(key).cloned().map(Value::from),
            secret: false,
        })
        .collect()
}

fn compare(path: &str, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Field>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Some(Value::Object(b)), Some(Value::Object(a))) => {
            let keys: BTreeSet<&String> = b.keys().chain(a.keys()).collect();
            for key in keys {
                compare(&member(path, key), b.get(key), a.get(key), found);
            }
        }
        (Some(Value::Array(b)), Some(Value::Array(a))) => lists(path, b, a, found),
        _ => found.push(Field {
            path: path.to_owned(),
            before: before.cloned(),
            after: after.cloned(),
            secret: false,
        }),
    }
}

fn member(path: &str, key: &str) -> String {
    let plain = !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ':' | '/'));
    match (plain, path.is_empty()) {
        (true, true) => key.to_owned(),
        (true, false) => format!("{path}.{key}"),
        (false, _) => format!("{path}[{}]", Value::from(key)),
    }
}

/// Items with names are compared by name, so that one that comes in between does not change all that follow.
fn lists(path: &str, before: &[Value], after: &[Value], found: &mut Vec<Field>) {
    let objects = before.iter().chain(after).all(Value::is_object);
    if !objects {
        found.push(Field {
            path: path.to_owned(),
            before: Some(Value::from(before)),
            after: Some(Value::from(after)),
            secret: false,
        });
        return;
    }
    let (Some(old), Some(new)) = (names(before), names(after)) else {
        for at in 0..before.len().max(after.len()) {
            compare(
                &format!("{path}[{at}]"),
                before.get(at),
                after.get(at),
                found,
            );
        }
        return;
    };
    for (at, name) in old.iter().enumerate() {
        if !new.contains(name) {
            compare(&format!("{path}[{at}]"), before.get(at), None, found);
        }
    }
    for (at, name) in new.iter().enumerate() {
        let was = old.iter().position(|known| known == name);
        compare(
            &format!("{path}[{at}]"),
            was.and_then(|was| before.get(was)),
            after.get(at),
            found,
        );
    }
    let both = |list: &[String], other: &[String]| -> Vec<String> {
        list.iter()
            .filter(|name| other.contains(name))
            .cloned()
            .collect()
    };
    let (order_before, order_after) = (both(&old, &new), both(&new, &old));
    if order_before != order_after {
        found.push(Field {
            path: format!("{path}[].order"),
            before: Some(Value::from(order_before)),
            after: Some(Value::from(order_after)),
            secret: false,
        });
    }
}

/// The names of the items, if each has one and no two the same.
fn names(items: &[Value]) -> Option<Vec<String>> {
    let key = NAMES
        .iter()
        .find(|key| items.iter().all(|item| item.get(key).is_some()));
    let Some(key) = key else {
        return items.is_empty().then(Vec::new);
    };
    let names: Vec<String> = items
        .iter()
        .filter_map(|item| item.get(key)?.as_str().map(str::to_owned))
        .collect();
    let different: BTreeSet<&String> = names.iter().collect();
    (names.len() == items.len() && different.len() == items.len()).then_some(names)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(before: Value, after: Value) -> Vec<String> {
        fields(&before, &after)
            .into_iter()
            .map(|field| field.path)
            .collect()
    }

    #[test]
    fn paths_read_like_the_structure() {
        assert_eq!(
            paths(
                json!({"environment": {"image": "a", "x": 1}}),
                json!({"environment": {"image": "b", "x": 1}})
            ),
            ["environment.image"]
        );
        assert_eq!(
            paths(
                json!({"stages": [{"name": "A", "actions": [{"name": "x", "configuration": {"ProjectName": "p"}}]}]}),
                json!({"stages": [{"name": "A", "actions": [{"name": "x", "configuration": {"ProjectName": "q"}}]}]})
            ),
            ["stages[0].actions[0].configuration.ProjectName"]
        );
        assert_eq!(
            paths(
                json!({"policies": {"a.b": 1}}),
                json!({"policies": {"a.b": 2}})
            ),
            ["policies[\"a.b\"]"]
        );
    }

    #[test]
    fn an_item_between_is_one_change() {
        let one = json!({"stages": [{"name": "A"}, {"name": "C", "x": 1}]});
        let two = json!({"stages": [{"name": "A"}, {"name": "B"}, {"name": "C", "x": 1}]});
        assert_eq!(paths(one.clone(), two.clone()), ["stages[1]"]);
        let back = fields(&two, &one);
        assert_eq!(back.len(), 1);
        assert_eq!(
            (back[0].path.as_str(), &back[0].after),
            ("stages[1]", &None)
        );
    }

    #[test]
    fn an_order_is_a_change() {
        let one = json!({"stages": [{"name": "A"}, {"name": "B"}]});
        let two = json!({"stages": [{"name": "B"}, {"name": "A"}]});
        assert_eq!(paths(one, two), ["stages[].order"]);
    }

    #[test]
    fn lists_of_texts_stay_whole() {
        let found = fields(&json!({"a": ["x", "y"]}), &json!({"a": ["x"]}));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].before, Some(json!(["x", "y"])));
    }

    #[test]
    fn tags_by_name() {
        let before = BTreeMap::from([
            ("a".to_owned(), "1".to_owned()),
            ("b".to_owned(), "2".to_owned()),
        ]);
        let after = BTreeMap::from([
            ("a".to_owned(), "1".to_owned()),
            ("c".to_owned(), "3".to_owned()),
        ]);
        let found: Vec<String> = tags(&before, &after).into_iter().map(|f| f.path).collect();
        assert_eq!(found, ["tags.b", "tags.c"]);
    }
}
