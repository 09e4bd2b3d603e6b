use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn context() -> Context {
    Context {
        region: "us-east-1".to_owned(),
        account: "123456789012".to_owned(),
        partition: "aws".to_owned(),
    }
}

fn document(resources: &[String]) -> Value {
    json!({"Version": "2012-10-17", "Statement": resources.iter().map(|resource| json!({
        "Effect": if resource.starts_with("deny") { "Deny" } else { "Allow" },
        "Action": "s3:GetObject",
        "Resource": resource,
    })).collect::<Vec<_>>()})
}

/// A role with inline policies and managed ones, each with what is allowed in it.
fn role(inline: &[(&str, &[&str])], managed: &[&[&str]]) -> Value {
    let texts = |list: &[&str]| document(&list.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>());
    let policies: Map<String, Value> = inline
        .iter()
        .map(|(name, list)| ((*name).to_owned(), texts(list)))
        .collect();
    let managed: Vec<Value> = managed
        .iter()
        .enumerate()
        .filter(|(_, list)| !list.is_empty())
        .map(|(at, list)| json!({"name": policy_name("r", at + 1), "document": texts(list)}))
        .collect();
    json!({"policies": policies, "managedPolicies": managed})
}

fn resources(policies: &BTreeMap<String, Value>) -> BTreeSet<String> {
    let statements = policies.values().flat_map(|document| {
        let list = document["Statement"].as_array().cloned();
        list.unwrap_or_default()
    });
    statements
        .flat_map(|statement| match &statement["Resource"] {
            Value::Array(items) => items.clone(),
            one => vec![one.clone()],
        })
        .filter_map(|resource| resource.as_str().map(str::to_owned))
        .collect()
}

fn policies_of(body: &Value) -> BTreeMap<String, Value> {
    let inline = body["policies"].as_object().cloned().unwrap_or_default();
    let mut all: BTreeMap<String, Value> = inline.into_iter().collect();
    for (name, policy) in managed(body) {
        all.insert(name.to_owned(), policy["document"].clone());
    }
    all
}

/// Does the steps one by one and looks after each of them. Gives how many there were.
fn walk(live: &Value, desired: &Value) -> Result<usize, Stuck> {
    let steps = policy_steps("r", live, desired, &context())?;
    let (mut now, goal) = (policies_of(live), policies_of(desired));
    let kept: BTreeSet<String> = resources(&now)
        .intersection(&resources(&goal))
        .cloned()
        .collect();
    let number = steps.len();
    for step in steps {
        match step {
            Step::Put(name, document) | Step::Attach(name, document) => now.insert(name, document),
            Step::Remove(name) | Step::Delete(name) => now.remove(&name),
        };
        let has = resources(&now);
        assert!(kept.is_subset(&has), "{kept:?} is not in {has:?}");
        let (managed, inline): (Vec<_>, Vec<_>) = now
            .iter()
            .partition(|(name, _)| name.starts_with("r-policy-"));
        assert!(managed.len() <= 10, "{now:?}");
        let sizes = |list: &[(&String, &Value)]| -> Vec<u64> {
            let size = |(_, document): &(&String, &Value)| iam::policy_size(document);
            list.iter().map(size).collect()
        };
        assert!(sizes(&inline).iter().sum::<u64>() <= 10_240);
        assert!(sizes(&managed).iter().all(|size| *size <= 6_144));
    }
    assert_eq!(now, goal);
    Ok(number)
}

#[test]
fn what_is_as_it_should_be_needs_no_write() {
    let one = role(&[("pipectl", &["a", "b"])], &[&["c"]]);
    assert_eq!(walk(&one, &one), Ok(0));
}

#[test]
fn growing_and_shrinking_lose_nothing_in_between() {
    let small = role(&[("pipectl", &["a", "b", "c"])], &[]);
    let large = role(&[("pipectl", &["a", "x"])], &[&["b"], &["c", "y"]]);
    assert_eq!(walk(&small, &large), Ok(3));
    assert_eq!(walk(&large, &small), Ok(3));
    let first = policy_steps("r", &small, &large, &context()).map(|steps| steps[0].clone());
    assert!(matches!(first, Ok(Step::Attach(..))), "{first:?}");
}

#[test]
fn rights_that_change_places_are_held_by_another_policy_meanwhile() {
    let one = role(&[("pipectl", &["i"])], &[&["a", "b"], &["c", "d"]]);
    let other = role(&[("pipectl", &["i"])], &[&["c", "b"], &["a", "d"]]);
    let steps = policy_steps("r", &one, &other, &context()).expect("there is room");
    let names: Vec<&str> = steps
        .iter()
        .map(|step| match step {
            Step::Put(name, _) | Step::Remove(name) => name.as_str(),
            Step::Attach(name, _) | Step::Delete(name) => name.as_str(),
        })
        .collect();
    assert_eq!(
        names,
        ["r-policy-3", "r-policy-1", "r-policy-2", "r-policy-3"]
    );
    assert_eq!(walk(&one, &other), Ok(4));
}

#[test]
fn without_room_for_another_nothing_is_written() {
    let texts: Vec<String> = (0..10).map(|n| format!("m{n}")).collect();
    let lists: Vec<[&str; 1]> = texts.iter().map(|text| [text.as_str()]).collect();
    let mut lists: Vec<&[&str]> = lists.iter().map(<[_; 1]>::as_slice).collect();
    let one = role(&[], &lists);
    lists.swap(0, 9);
    assert_eq!(walk(&one, &role(&[], &lists)), Err(Stuck));
}

#[test]
fn a_denial_comes_before_what_it_takes_from() {
    let one = role(&[("allow", &["a"]), ("pipectl", &["b"])], &[]);
    let other = role(
        &[("allow", &["a", "c"]), ("pipectl", &["b", "deny-c"])],
        &[],
    );
    let order = |live: &Value, desired: &Value| -> Vec<String> {
        let steps = policy_steps("r", live, desired, &context()).expect("steps");
        let names = steps.into_iter().map(|step| match step {
            Step::Put(name, _) => name,
            other => format!("{other:?}"),
        });
        names.collect()
    };
    assert_eq!(order(&one, &other), ["pipectl", "allow"]);
    assert_eq!(order(&other, &one), ["allow", "pipectl"]);
}

#[test]
fn one_limit_for_all_inline_policies_makes_room_first() {
    let long: Vec<String> = (0..90).map(|n| format!("{n:060}")).collect();
    let texts: Vec<&str> = long.iter().map(String::as_str).collect();
    let one = role(&[("a", &texts[..60])], &[]);
    let other = role(&[("b", &texts[..60])], &[]);
    let steps = policy_steps("r", &one, &other, &context()).expect("steps");
    assert!(
        matches!(&steps[0], Step::Remove(name) if name == "a"),
        "{steps:?}"
    );
    // a role that has managed policies has a place for them meanwhile
    let one = role(&[("a", &texts[..60])], &[&["m"]]);
    let other = role(&[("b", &texts[..60])], &[&["m"]]);
    assert_eq!(walk(&one, &other), Err(Stuck));
    let one = role(&[("a", &texts[..35]), ("c", &texts[35..60])], &[&["m"]]);
    let other = role(&[("b", &texts[..35]), ("c", &texts[35..60])], &[&["m"]]);
    assert_eq!(walk(&one, &other), Ok(4));
}

#[test]
fn a_policy_that_is_not_attached_gives_nothing() {
    let mut one = role(&[("pipectl", &["a", "b"])], &[&["b"]]);
    one["managedPolicies"][0]["attached"] = json!(false);
    let other = role(&[("pipectl", &["a"])], &[&["b"]]);
    let steps = policy_steps("r", &one, &other, &context()).expect("steps");
    assert!(matches!(&steps[0], Step::Attach(..)), "{steps:?}");
    assert_eq!(steps.len(), 2);
}

#[test]
fn the_tag_says_how_many_and_never_too_many() {
    let tagged = |text: &str| {
        policies_tagged(&BTreeMap::from([(
            POLICIES_TAG.to_owned(),
            text.to_owned(),
        )]))
    };
    assert_eq!(tagged("3"), 3);
    assert_eq!(tagged("3000000"), 10);
    assert_eq!(tagged("x"), 0);
    assert_eq!(policies_tagged(&BTreeMap::new()), 0);
}

#[test]
fn the_name_of_a_policy_needs_no_cutting() {
    let limits = iam::limits();
    let longest = "r".repeat(limits.role_name.length[1]);
    assert!(policy_name(&longest, most_attached()).len() <= limits.managed_policy_name.length[1]);
}

proptest! {
    /// Rights in one order, cut into policies in any places: however they are cut before and after, no write takes
    /// away what stays, and no further policy is needed for it.
    #[test]
    fn rights_in_one_order_move_safely(
        kinds in proptest::collection::vec(0..4_u8, 1..40),
        before in proptest::collection::vec(0..8_usize, 40),
        after in proptest::collection::vec(0..8_usize, 40),
    ) {
        let cut = |mut places: Vec<usize>, there: fn(u8) -> bool| {
            places.sort_unstable();
            let mut parts: Vec<Vec<String>> = vec![Vec::new(); 8];
            for (at, kind) in kinds.iter().enumerate().filter(|(_, kind)| there(**kind)) {
                let name = if *kind == 3 { "deny" } else { "allow" };
                parts[places[at]].push(format!("{name}-{at}"));
            }
            let parts: Vec<Vec<&str>> =
                parts.iter().map(|list| list.iter().map(String::as_str).collect()).collect();
            let managed: Vec<&[&str]> = parts[1..].iter().map(Vec::as_slice).collect();
            role(&[("pipectl", &parts[0])], &managed)
        };
        let live = cut(before, |kind| kind != 1);
        let desired = cut(after, |kind| kind != 2);
        let writes = walk(&live, &desired);
        let differ = |place: &str| policies_of(&live).get(place) != policies_of(&desired).get(place);
        let most = (1..=7).filter(|n| differ(&policy_name("r", *n))).count() + usize::from(differ("pipectl"));
        prop_assert_eq!(writes, Ok(most));
    }
}
