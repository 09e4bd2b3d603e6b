use super::*;
use crate::catalog::iam::Statement;
use crate::resources::{Context, Step, managed, policy_steps};

const NAMES: [&str; 8] = [
    "Logs",
    "Parameters",
    "Secrets",
    "Reports",
    "Builds",
    "Keys",
    "Pull",
    "Topics",
];

fn pending(id: &'static str, action: &'static str, resource: String) -> Pending {
    let statement = Statement {
        id,
        actions: vec![action, "x:Common"],
        resources: vec![resource],
        condition: None,
        why: "Because.",
        certain: true,
    };
    Pending::allow(statement, id)
}

/// What that many projects need, each of every kind.
fn needs(projects: impl IntoIterator<Item = usize>) -> Vec<Pending> {
    const ACTIONS: [&str; 8] = [
        "logs:Put",
        "ssm:Get",
        "secrets:Get",
        "codebuild:Report",
        "codebuild:Start",
        "kms:Decrypt",
        "ecr:Get",
        "sns:Publish",
    ];
    let mut list = Vec::new();
    for project in projects {
        for (name, action) in NAMES.into_iter().zip(ACTIONS) {
            let service = action.split(':').next().unwrap_or_default();
            let resource = format!("arn:aws:{service}:us-east-1:123456789012:{name}/{project:04}");
            list.push(pending(name, action, resource));
        }
    }
    policies::merge(list)
}

fn body(fitted: &Fitted) -> Value {
    json!({"policies": fitted.policies, "managedPolicies": fitted.managed})
}

fn documents(body: &Value) -> Vec<(String, Value)> {
    let inline = body["policies"].as_object().into_iter().flatten();
    let inline = inline.map(|(name, document)| (name.clone(), document.clone()));
    let managed = managed(body).map(|(name, policy)| (name.to_owned(), policy["document"].clone()));
    inline.chain(managed).collect()
}

fn list(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(list).collect(),
        one => vec![one.as_str().unwrap_or_default().to_owned()],
    }
}

/// Effect, action, resource and condition of everything in these statements.
fn rights<'s>(statements: impl IntoIterator<Item = &'s Value>) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for statement in statements {
        for action in list(&statement["Action"]) {
            for resource in list(&statement["Resource"]) {
                let (effect, condition) = (&statement["Effect"], &statement["Condition"]);
                all.insert(format!("{effect} {action} {resource} {condition}"));
            }
        }
    }
    all
}

fn rights_of(body: &Value) -> BTreeSet<String> {
    let documents = documents(body);
    rights(documents.iter().flat_map(|(_, document)| {
        document["Statement"]
            .as_array()
            .map_or(&[][..], Vec::as_slice)
    }))
}

/// What IAM takes, looked at from outside.
fn within_limits(body: &Value) {
    let size = |document: &Value| {
        document
            .to_string()
            .chars()
            .filter(|c| !c.is_whitespace())
            .count()
    };
    let inline: usize = body["policies"]
        .as_object()
        .map_or(0, |p| p.values().map(size).sum());
    assert!(inline <= 10_240, "{inline}");
    let managed: Vec<usize> = managed(body)
        .map(|(_, policy)| size(&policy["document"]))
        .collect();
    assert!(managed.len() <= 10, "{managed:?}");
    assert!(managed.iter().all(|size| *size <= 6_144), "{managed:?}");
    for (name, document) in documents(body) {
        let statements = document["Statement"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        assert!(!statements.is_empty(), "{name} holds nothing");
        let sids: Vec<&str> = statements
            .iter()
            .filter_map(|s| s["Sid"].as_str())
            .collect();
        let different: BTreeSet<&&str> = sids.iter().collect();
        assert_eq!(different.len(), sids.len(), "{name}: {sids:?}");
    }
}

fn fitted(needs: &[Pending]) -> Fitted {
    fit("r", needs, &[], &[]).expect("it fits")
}

#[test]
fn nothing_is_lost_and_nothing_comes_in() {
    for projects in [20, 40, 60, 80, 110] {
        let needs = needs(0..projects);
        let fitted = fitted(&needs);
        let body = body(&fitted);
        within_limits(&body);
        let wanted: Vec<Value> = needs.iter().map(Pending::unnamed).collect();
        assert_eq!(rights_of(&body), rights(&wanted), "{projects} projects");
        assert_eq!(
            fitted.managed.is_empty(),
            projects < 25,
            "{projects} projects"
        );
        let explained = fitted.explain.iter().flat_map(|statement| {
            let pairs = statement.actions.iter().flat_map(|action| {
                let on = statement.resources.iter();
                on.map(move |on| format!("\"Allow\" {action} {on} null"))
            });
            pairs.collect::<Vec<_>>()
        });
        assert_eq!(explained.collect::<BTreeSet<_>>(), rights_of(&body));
    }
}

#[test]
fn the_same_needs_in_any_order_give_the_same_policies() {
    let one = body(&fitted(&needs(0..90)));
    assert_eq!(one, body(&fitted(&needs(0..90))));
    let mut backwards = needs(0..90);
    backwards.reverse();
    assert_eq!(one, body(&fitted(&backwards)));
}

fn changed(one: &Value, other: &Value) -> usize {
    let (one, other) = (documents(one), documents(other));
    let all: BTreeSet<&String> = one.iter().chain(&other).map(|(name, _)| name).collect();
    let get = |list: &[(String, Value)], name: &String| {
        list.iter()
            .find(|(known, _)| known == name)
            .map(|(_, document)| document.clone())
    };
    all.into_iter()
        .filter(|name| get(&one, name) != get(&other, name))
        .count()
}

#[test]
fn a_small_change_rewrites_little() {
    let before = body(&fitted(&needs(0..90)));
    assert!(
        documents(&before).len() >= 7,
        "{}",
        documents(&before).len()
    );
    let mut rewritten = Vec::new();
    for name in NAMES {
        // one need more, in the middle of one kind
        let mut more = needs(0..90);
        let grown = more
            .iter_mut()
            .find(|need| need.base() == name)
            .expect("known");
        grown
            .resources_mut()
            .insert(format!("arn:aws:x:us-east-1:123456789012:{name}/0045-b"));
        let after = body(&fitted(&more));
        rewritten.push(changed(&before, &after));
    }
    rewritten.sort_unstable();
    assert_eq!(rewritten[0], 1, "{rewritten:?}");
    assert!(
        rewritten.iter().sum::<usize>() <= 2 * NAMES.len(),
        "{rewritten:?}"
    );
}

#[test]
fn what_moves_moves_safely_and_needs_no_further_policy() {
    let context = Context {
        region: "us-east-1".to_owned(),
        account: "123456789012".to_owned(),
        partition: "aws".to_owned(),
    };
    let sets = [0..20, 0..40, 5..60, 0..90, 30..110, 0..110];
    for before in &sets {
        for after in &sets {
            let (live, desired) = (
                body(&fitted(&needs(before.clone()))),
                body(&fitted(&needs(after.clone()))),
            );
            let steps = policy_steps("r", &live, &desired, &context).expect("a way");
            assert_eq!(
                steps.len(),
                changed(&live, &desired),
                "{before:?} {after:?}"
            );
            let lost = steps
                .iter()
                .filter(|step| matches!(step, Step::Delete(_)))
                .count();
            let gone = live["managedPolicies"]
                .as_array()
                .map_or(0, Vec::len)
                .saturating_sub(desired["managedPolicies"].as_array().map_or(0, Vec::len));
            assert_eq!(lost, gone);
        }
    }
}

#[test]
fn the_last_characters_are_used_before_it_is_too_much() {
    let fits = |projects: usize| fit("r", &needs(0..projects), &[], &[]);
    let numbers: Vec<usize> = (100..200).collect();
    let most = 99 + numbers.partition_point(|projects| fits(*projects).is_ok());
    let fullest = fits(most).expect("it fits");
    let body = body(&fullest);
    within_limits(&body);
    let size: usize = documents(&body)
        .iter()
        .map(|(_, d)| d.to_string().len())
        .sum();
    assert!(size > 71_680 - 2_000, "{size}");
    let error = fits(most + 1).map(drop).expect_err("too much");
    assert!(
        error.size > 68_000 && error.statement.is_none(),
        "{error:?}"
    );
    let said = error.finding("r", Span::default(), "role").message;
    for number in [&error.size.to_string(), "10240", "6144", "10 managed"] {
        assert!(said.contains(number), "{said}");
    }
}

#[test]
fn denials_and_what_the_file_says_stay_inline_as_long_as_they_can() {
    let deny = Pending::deny(
        Statement {
            id: "Never",
            actions: vec!["iam:*"],
            resources: vec!["*".to_owned()],
            condition: Some(json!({"Bool": {"aws:SecureTransport": "false"}})),
            why: "Because.",
            certain: true,
        },
        "me",
    );
    let of_file = [
        json!({"Sid": "Logs", "Effect": "Allow", "Action": "a:B", "Resource": ["r"]}),
        json!({"Effect": "Allow", "NotAction": "a:C", "Resource": "*"}),
    ];
    let fitted = fit("r", &needs(0..90), &[deny], &of_file).expect("it fits");
    within_limits(&body(&fitted));
    assert_eq!(fitted.policies["allow"]["Statement"], json!(of_file));
    assert_eq!(fitted.policies["pipectl"]["Statement"][0]["Effect"], "Deny");
    let inline = fitted.explain.iter().filter(|s| s.policy.is_none()).count();
    assert!(inline > 3 && inline < fitted.explain.len());
    assert!(
        fitted
            .explain
            .iter()
            .any(|s| s.policy.as_deref() == Some("r-policy-1"))
    );
}

#[test]
fn a_statement_without_a_place_to_cut_is_named() {
    let condition: Vec<String> = (0..400).map(|n| format!("value-{n:020}")).collect();
    let of_file = [json!({
        "Effect": "Allow", "Action": "a:B", "Resource": "*",
        "Condition": {"StringEquals": {"k": condition}},
    })];
    let error = fit("r", &[], &[], &of_file)
        .map(drop)
        .expect_err("too much");
    assert!(
        error.statement.is_some_and(|size| size > 10_240),
        "{error:?}"
    );
}
