//! A role that needs more than fits into it: its managed policies come, change, and go, and nobody else's do.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use super::REGION;
use super::account::{Account, ended};
use crate::support::large;

/// So many projects of one role need more than IAM takes inline.
const PROJECTS: usize = 60;

/// The managed policies of the account: name and what is known of each.
fn policies(account: &Account) -> BTreeMap<String, Value> {
    let all = account.snapshot().into_iter();
    all.filter_map(|(name, value)| Some((name.strip_prefix("policy ")?.to_owned(), value)))
        .collect()
}

fn attached(account: &Account, role: &str) -> Vec<String> {
    let role = account.snapshot()[&format!("role {role}")]["attached"].clone();
    serde_json::from_value(role).unwrap()
}

fn write(account: &Account, text: &str) {
    fs::write(account.folder().join("pipeline.yml"), text).unwrap();
}

/// Everything that the role allows, in whichever of its policies.
fn allowed(account: &Account, role: &str) -> Vec<String> {
    let snapshot = account.snapshot();
    let of = &snapshot[&format!("role {role}")];
    let inline = of["policies"].as_object().unwrap().values().cloned();
    let managed = attached(account, role)
        .into_iter()
        .map(|name| snapshot[&format!("policy {name}")]["document"].clone());
    let mut all = Vec::new();
    for document in inline.chain(managed) {
        for statement in document["Statement"].as_array().unwrap() {
            match &statement["Resource"] {
                Value::Array(items) => all.extend(items.iter().map(Value::to_string)),
                one => all.push(one.to_string()),
            }
        }
    }
    all.sort();
    all.dedup();
    all
}

fn reads(plan: &Value, operation: &str) -> u64 {
    let count = plan["calls"]["operations"].get(format!("IAM:{operation}"));
    count.and_then(Value::as_u64).unwrap_or(0)
}

/// A policy of somebody else.
fn foreign(account: &Account, name: &str) {
    let document = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sns:Publish", "Resource": "*"}]});
    account.call(
        "iam",
        "create_policy",
        json!({"PolicyName": name, "PolicyDocument": document.to_string()}),
    );
}

#[test]
fn a_large_role_lives_from_the_first_apply_to_the_last_destroy() {
    let account = Account::with_file("600000000001", REGION, &large::file(PROJECTS));
    foreign(&account, "by-hand");
    let before = account.snapshot();

    account.json(0, &["apply", "--yes"]);
    let plan = account.assert_in_sync();
    let made = policies(&account);
    let own: Vec<&String> = made.keys().filter(|name| *name != "by-hand").collect();
    assert!(own.contains(&&"builds-policy-1".to_owned()), "{own:?}");
    assert_eq!(reads(&plan, "GetPolicy"), own.len() as u64, "{plan:#}");
    assert_eq!(reads(&plan, "GetPolicyVersion"), own.len() as u64);
    for number in 0..PROJECTS {
        let needs = allowed(&account, "builds").join(" ");
        assert!(needs.contains(&format!("parameter/large/parameters/{number}\"")));
        assert!(needs.contains(&format!("secret:large/secrets/{number}-")));
    }

    // Small changes touch few policies, however many there were before.
    for turn in 0..2 {
        let before = policies(&account);
        let text =
            large::file(PROJECTS).replace("/large/parameters/37}", &format!("/large/new/{turn}}}"));
        write(&account, &text);
        account.json(0, &["apply", "--yes"]);
        account.assert_in_sync();
        let after = policies(&account);
        let touched = after
            .iter()
            .filter(|(name, value)| before.get(*name) != Some(value));
        assert!(touched.count() <= 2, "turn {turn}");
        let needs = allowed(&account, "builds").join(" ");
        assert!(
            needs.contains(&format!("parameter/large/new/{turn}\"")),
            "{turn}"
        );
    }
    account.json(0, &["destroy", "--yes", "--delete-data"]);
    account.assert_as(&before);
}

#[test]
fn the_oldest_version_makes_room_for_a_new_one() {
    let account = Account::with_file("600000000003", REGION, &large::allowing(250));
    account.json(0, &["apply", "--yes"]);
    let mut most = 0;
    // The last of them stands in a managed policy; IAM keeps five versions of one.
    for turn in 0..7 {
        let other = format!("a-bucket-with-a-rather-long-name-x{turn}/");
        let text = large::allowing(250).replace("a-bucket-with-a-rather-long-name-249/", &other);
        write(&account, &text);
        account.json(0, &["apply", "--yes"]);
        account.assert_in_sync();
        assert!(allowed(&account, "builds").join(" ").contains(&other));
        let all = policies(&account);
        let versions = all.values().filter_map(|one| one["versions"].as_u64());
        most = versions.fold(most, u64::max);
    }
    assert_eq!(most, 5, "the limit was never reached");
    account.json(0, &["destroy", "--yes", "--delete-data"]);
    assert_eq!(account.snapshot(), BTreeMap::new());
}

#[test]
fn a_policy_of_somebody_else_is_left_alone_or_taken_over() {
    let account = Account::with_file("600000000002", REGION, &large::allowing(20));
    account.json(0, &["apply", "--yes"]);
    foreign(&account, "builds-policy-1");
    let before = account.snapshot();
    write(&account, &large::allowing(250));
    let refused = account.json(3, &["apply", "--yes"]);
    assert_eq!(refused["error"]["code"], "foreign", "{refused:#}");
    let said = refused["error"]["message"].to_string();
    assert!(said.contains("managed policy builds-policy-1"), "{said}");
    account.assert_as(&before);

    let taken = account.json(0, &["apply", "--yes", "--adopt"]);
    let said = taken["consequences"].to_string();
    assert!(
        said.contains("The managed policy builds-policy-1 was made by somebody else"),
        "{said}"
    );
    account.assert_in_sync();
    let tags = policies(&account)["builds-policy-1"]["tags"].to_string();
    assert!(tags.contains("pipectl:owner"), "{tags}");
    account.json(0, &["destroy", "--yes", "--delete-data"]);
    assert_eq!(account.snapshot(), BTreeMap::new());
}

/// Kills an apply at one of its writes, done or not; meanwhile and afterwards the role has what it always had, and the
/// next apply brings the rest.
fn killed_at(turn: usize, from: usize, to: usize, write_at: usize, performed: bool) -> bool {
    let when = format!("{from} to {to}, killed at write {write_at}, done: {performed}");
    let account = Account::with_file(
        &format!("61000000{turn:04}"),
        REGION,
        &large::allowing(from),
    );
    account.json(0, &["apply", "--yes"]);
    let both = allowed(&account, "builds");
    write(&account, &large::allowing(to));
    account.hold_write(write_at);
    let mut child = account.start(&["apply", "--yes"]);
    account.wait_held();
    child.kill().unwrap();
    ended(child);
    account.release(performed);
    let now = allowed(&account, "builds");
    account.json(0, &["apply", "--yes", "--break-lock"]);
    account.assert_in_sync();
    let after = allowed(&account, "builds");
    for right in both.iter().filter(|right| after.contains(right)) {
        assert!(now.contains(right), "{when}: {right} was gone for a while");
    }
    let names: Vec<String> = policies(&account).into_keys().collect();
    assert_eq!(names, attached(&account, "builds"), "{when}");
    // Who died with nothing left to do has left its lock.
    account.json(0, &["destroy", "--yes", "--delete-data", "--break-lock"]);
    assert_eq!(account.snapshot(), BTreeMap::new(), "{when}");
    now != both && now != after
}

#[test]
fn killed_between_two_policies_nothing_is_lost() {
    // The lock is the first write; then come the tag, the policies and the tags.
    let mut turn = 0;
    let mut between = 0;
    for (from, to) in [(20, 300), (300, 20), (200, 320)] {
        for write_at in [2, 3] {
            turn += 1;
            between += usize::from(killed_at(turn, from, to, write_at, turn % 2 == 0));
        }
    }
    assert!(
        between > 1,
        "{between}: the kills came too early or too late"
    );
}
