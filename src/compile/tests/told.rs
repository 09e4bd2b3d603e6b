//! Who is told: rules, alarms and topics, and how many of them AWS makes of it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{body, good, texts};
use crate::compile::Compiled;
use crate::resources::Kind;

/// As many e-mail addresses.
fn addresses(number: usize) -> String {
    let all: Vec<String> = (0..number).map(|n| format!("p{n}@example.com")).collect();
    format!("[{}]", all.join(", "))
}

/// A file with one build in each stage, all of which tell when they fail.
fn builds(stages: impl IntoIterator<Item = usize>, told: &str) -> String {
    let stages: String = stages
        .into_iter()
        .map(|n| format!("  - name: BuildOfComponent{n:03}\n    build: make\n"))
        .collect();
    format!(
        "service: water\nsource: {{codecommit: r}}\nstages:\n{stages}notifications:\n  buildFailed: {told}\n"
    )
}

/// The rules of the region whose names begin so: name, pattern, number of targets.
fn rules<'c>(compiled: &'c Compiled, prefix: &str) -> Vec<(&'c str, &'c Value, usize)> {
    let resources = compiled.desired.resources.iter();
    resources
        .filter(|r| r.id.kind == Kind::EventRule && r.id.name.starts_with(prefix))
        .map(|r| {
            let targets = r.body["Targets"].as_array().map_or(0, Vec::len);
            (r.id.name.as_str(), &r.body["EventPattern"], targets)
        })
        .collect()
}

fn projects(pattern: &Value) -> Vec<&str> {
    texts(&pattern["detail"]["project-name"])
}

#[test]
fn a_rule_tells_five_topics_and_the_next_one_the_others() {
    let compiled = good(&builds([1], &addresses(12)));
    let rules = rules(&compiled, "water-buildFailed");
    let seen: Vec<(&str, usize)> = rules.iter().map(|(name, _, n)| (*name, *n)).collect();
    assert_eq!(
        seen,
        [
            ("water-buildFailed", 5),
            ("water-buildFailed-to-2", 5),
            ("water-buildFailed-to-3", 2)
        ]
    );
    assert!(rules.iter().all(|(_, pattern, _)| *pattern == rules[0].1));
    let five = good(&builds([1], &addresses(5)));
    assert_eq!(self::rules(&five, "water-buildFailed").len(), 1);
}

#[test]
fn patterns_name_every_project_once_and_none_is_too_long() {
    let compiled = good(&builds(0..150, "ops@example.com"));
    let rules = rules(&compiled, "water-buildFailed");
    let names: Vec<&str> = rules.iter().map(|(name, ..)| *name).collect();
    assert_eq!(
        names,
        [
            "water-buildFailed",
            "water-buildFailed-2",
            "water-buildFailed-3"
        ]
    );
    let mut all = Vec::new();
    for (name, pattern, _) in &rules {
        let length = pattern.to_string().chars().count();
        assert!(length <= 2048, "{name}: {length}");
        all.extend(projects(pattern));
    }
    assert_eq!(all.len(), 150);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 150);
    // the same builds in another order, and one more of them: no rule gets another name
    let turned = good(&builds((0..150).rev(), "ops@example.com"));
    assert_eq!(self::rules(&turned, "water-buildFailed"), rules);
    let more = good(&builds(0..151, "ops@example.com"));
    let more: Vec<&str> = self::rules(&more, "water-buildFailed")
        .iter()
        .map(|(name, ..)| *name)
        .collect();
    assert_eq!(more[..3], names);
}

#[test]
fn an_alarm_tells_five_topics_and_the_next_one_the_others() {
    let file = format!(
        "service: water\nsource: {{codecommit: r}}\nstages:\n  - build: make\nalarms:\n  failed:\n    failedBuilds: all\n    notify: {}\n  slow: {{namespace: N, metric: M, above: 1, notify: {}}}\n",
        addresses(6),
        addresses(7)
    );
    let compiled = good(&file);
    for (name, told) in [
        ("water-failed-water-Build", 5),
        ("water-failed-water-Build-to-2", 1),
        ("water-slow", 5),
        ("water-slow-to-2", 2),
    ] {
        let alarm = body(&compiled, Kind::Alarm, name);
        assert_eq!(alarm["AlarmName"], name);
        assert_eq!(alarm["AlarmActions"].as_array().map(Vec::len), Some(told));
    }
    assert_eq!(
        body(&compiled, Kind::Alarm, "water-slow")["MetricName"],
        body(&compiled, Kind::Alarm, "water-slow-to-2")["MetricName"]
    );
}

#[test]
fn addresses_that_differ_in_punctuation_only_are_told_apart() {
    let file = "service: water\nsource: {codecommit: r}\nstages:\n  - build: make\nnotifications:\n  buildFailed: ops.team@example.com\n  succeeded: ops-team@example.com\n";
    let compiled = good(file);
    let topics = |event: &str| {
        let rules = rules(&compiled, &format!("water-{event}"));
        assert_eq!(rules.len(), 1);
        let name = rules[0].0;
        body(&compiled, Kind::EventRule, name)["Targets"][0]["Arn"].clone()
    };
    let (failed, succeeded) = (topics("buildFailed"), topics("succeeded"));
    assert_ne!(failed, succeeded);
    let told: Vec<(&Value, &Value)> = compiled
        .desired
        .resources
        .iter()
        .filter(|r| r.id.kind == Kind::Subscription)
        .map(|r| (&r.body["endpoint"], &r.body["topicArn"]))
        .collect();
    assert_eq!(told.len(), 2);
    for (address, topic) in told {
        let right = match address.as_str() {
            Some("ops.team@example.com") => &failed,
            _ => &succeeded,
        };
        assert_eq!(topic, right, "{address}");
    }
}

#[test]
fn what_fails_in_another_region_is_told_there() {
    let file = "service: water\nprovider:\n  artifactStore: {bucket: b, regions: {eu-west-1: {bucket: c}}}\nsource: {codecommit: r}\nstages:\n  - build: make\n  - name: There\n    build: {run: make, region: eu-west-1}\nnotifications:\n  buildFailed: [ops@example.com, own]\n";
    let compiled = good(file);
    for (region, project) in [("us-east-1", "water-Build"), ("eu-west-1", "water-There")] {
        let all = &compiled.desired.resources;
        let in_region = |kind: Kind, name: &str| {
            all.iter()
                .find(|r| r.id.kind == kind && r.id.region == region && r.id.name == name)
                .unwrap_or_else(|| panic!("no {kind} {name} in {region}"))
        };
        let rule = in_region(Kind::EventRule, "water-buildFailed");
        assert_eq!(projects(&rule.body["EventPattern"]), [project]);
        let told: Vec<&str> = rule.body["Targets"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|target| target["Arn"].as_str())
            .collect();
        let made = format!("arn:aws:sns:{region}:123456789012:water-ops-example-com");
        let given = format!("arn:aws:sns:{region}:123456789012:own");
        assert_eq!(told, [made, given]);
        let topic = in_region(Kind::Topic, "water-ops-example-com");
        assert!(
            topic.body["policy"]
                .to_string()
                .contains("events.amazonaws.com")
        );
        assert!(rule.depends.contains(&topic.id), "{:?}", rule.depends);
    }
}

#[test]
fn the_sandbox_takes_what_is_made_and_nothing_larger() {
    use crate::sandbox::rules;
    let file = builds(0..150, &addresses(12))
        + "alarms:\n  failed: {failedBuilds: [BuildOfComponent001], notify: [a@x.io, b@x.io, c@x.io, d@x.io, e@x.io, f@x.io]}\n";
    let compiled = good(&file);
    let (mut told, mut alarms) = (0, 0);
    for resource in &compiled.desired.resources {
        let refused = match resource.id.kind {
            Kind::EventRule => rules::event_rule(&resource.body),
            Kind::Alarm => rules::alarm(&resource.body),
            _ => continue,
        };
        assert!(refused.is_empty(), "{} {refused:?}", resource.id);
        let mut larger = resource.body.clone();
        let refused = if resource.id.kind == Kind::Alarm {
            alarms += 1;
            larger["AlarmActions"] = vec!["arn:aws:sns:us-east-1:1:t"; 6].into();
            rules::alarm(&larger)
        } else {
            told += 1;
            let names = vec!["p".repeat(20); 120];
            larger["EventPattern"]["detail"]["project-name"] = names.into();
            rules::event_rule(&larger)
        };
        assert_eq!(refused.len(), 1, "{refused:?}");
    }
    assert_eq!((told, alarms), (9, 2));
}

#[test]
fn statistics_that_are_no_plain_ones_have_a_member_of_their_own() {
    for (word, member, other) in [
        ("Sum", "Statistic", "ExtendedStatistic"),
        ("p99.9", "ExtendedStatistic", "Statistic"),
        ("IQM", "ExtendedStatistic", "Statistic"),
        ("TM(5%:95%)", "ExtendedStatistic", "Statistic"),
    ] {
        let compiled = good(&format!(
            "service: hw\nsource: {{codecommit: r}}\nstages:\n  - build: make\nalarms:\n  slow: {{namespace: N, metric: M, statistic: \"{word}\", above: 1}}\n"
        ));
        let alarm = body(&compiled, Kind::Alarm, "hw-slow");
        assert_eq!(alarm[member], word, "{alarm:#}");
        assert!(alarm[other].is_null(), "{alarm:#}");
    }
}
