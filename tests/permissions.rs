//! `permissions` as policies that IAM takes: the characters of a managed policy are few.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use pipectl::catalog::iam;
use serde_json::Value;

use crate::examples::pipectl;
use crate::support::program::Place;

const EXAMPLES: [&str; 5] = [
    "canary",
    "heavy-water",
    "telemetry-ecs",
    "web-monitor",
    "website",
];

fn file(example: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("examples").join(example).join("pipeline.yml");
    path.display().to_string()
}

/// Documents that stand one after the other.
fn documents(text: &str) -> Vec<Value> {
    let stream = serde_json::Deserializer::from_str(text).into_iter();
    stream.map(Result::unwrap).collect()
}

/// What a policy gives, one by one.
fn gives(policy: &Value) -> BTreeSet<String> {
    let list = |value: &Value| match value {
        Value::Array(many) => many.clone(),
        one => vec![one.clone()],
    };
    let mut all = BTreeSet::new();
    for statement in policy["Statement"].as_array().unwrap() {
        for action in list(&statement["Action"]) {
            for resource in list(&statement["Resource"]) {
                all.insert(format!(
                    "{action} on {resource} if {}",
                    statement["Condition"]
                ));
            }
        }
    }
    all
}

fn size(policy: &Value) -> u64 {
    iam::policy_size(policy)
}

#[test]
fn a_long_policy_comes_as_several_that_give_the_same() {
    let most = iam::limits().managed_policy.max;
    for example in EXAMPLES {
        let place = Place::new();
        let file = file(example);
        let printed = |more: &[&str]| {
            let arguments = ["permissions", "--offline", "-f", &file];
            let ran = pipectl(place.path(), &[&arguments, more].concat());
            assert_eq!(ran.code, 0, "{}", ran.stderr);
            ran
        };
        let whole = printed(&[]);
        let [policy] = documents(&whole.stdout).try_into().unwrap();
        let split = printed(&["--split"]);
        let parts = documents(&split.stdout);
        assert!(parts.iter().all(|part| size(part) <= most), "{example}");
        let together: BTreeSet<String> = parts.iter().flat_map(gives).collect();
        assert_eq!(together, gives(&policy), "{example}");
        // Whoever has a long one is told so, with how many it is and what fits.
        let long = size(&policy) > most;
        assert_eq!(long, parts.len() > 1, "{example}");
        assert_eq!(long, whole.stderr.contains("a managed policy holds 6144"));
        if long {
            let told = whole
                .stderr
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ");
            let said = format!("`--split` prints it as {}", parts.len());
            assert!(told.contains(&said), "{example}: {told}");
            assert!(told.contains("inline policy of a role (10240)"), "{told}");
        }
        assert_eq!(split.stderr, "", "{example}");
        printed(&["--split", "--out", "rights"]);
        let names: Vec<String> = (1..=parts.len())
            .map(|number| format!("rights/policy-{number}.json"))
            .collect();
        let written: Vec<Value> = names
            .iter()
            .flat_map(|name| documents(&fs::read_to_string(place.path().join(name)).unwrap()))
            .collect();
        assert_eq!(written, parts, "{example}");
        assert_eq!(
            fs::read_dir(place.path().join("rights")).unwrap().count(),
            parts.len()
        );
    }
}

#[test]
fn what_is_written_before_goes_when_fewer_are_needed() {
    let place = Place::new();
    let file = file("website");
    let arguments = ["permissions", "--offline", "-f", &file, "--out", "rights"];
    let ran = pipectl(place.path(), &[&arguments[..], &["--split"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(place.path().join("rights/policy-2.json").exists());
    place.write("rights/policy-of-mine.json", "{}");
    let ran = pipectl(place.path(), &[&arguments[..], &["--for", "plan"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stdout, "rights/policy-1.json\n");
    assert!(!place.path().join("rights/policy-2.json").exists());
    assert!(place.path().join("rights/policy-of-mine.json").exists());
}
