//! The results of conditions have their places.

use super::wording::{either, placed_conditions};
use crate::catalog::conditions::{self, Placement};
use crate::catalog::structure;
use crate::checks::{Rule, Subject, fields};
use crate::diagnostic::{Diagnostics, Severity, nearest};
use crate::model::{Condition, Text};
use crate::tree::Node;

pub(super) const RULE: Rule = Rule {
    code: "condition-result",
    severity: Severity::Error,
    summary: "a condition has a result that its place does not take",
    why: "What a condition may do depends on where it stands: before the entry of a stage it fails or skips the \
          stage, after a success it fails the stage or rolls it back, after a failure it rolls back. A stage that \
          failed may also be retried, once and without rules. A condition that skips can ask functions and compare \
          variables, and nothing else.",
    aws: "",
    wrong: "- build: make\n  beforeEntry:\n    check: [{alarm: shop-errors}]\n    else: skip",
    right: "- build: make\n  beforeEntry:\n    check: [{alarm: shop-errors}]\n    else: fail",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/stage-conditions.html",
    facts: &["V01"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for stage in subject.model.pipelines.iter().flat_map(|p| &p.stages) {
        for (place, condition) in placed_conditions(stage) {
            let Some(placement) = conditions::placement(place) else {
                continue;
            };
            if let Some(raw) = &condition.raw {
                written(placement, condition, raw, diagnostics);
            }
            skip(placement, condition, diagnostics);
        }
    }
}

/// A raw condition: its own result, the retry, and the results of what it lists.
fn written(
    placement: &Placement,
    condition: &Condition,
    raw: &Node,
    diagnostics: &mut Diagnostics,
) {
    let path = &condition.path;
    let place = &placement.place;
    let conditions = fields::items(raw, "conditions");
    let result = fields::get(raw, "result").and_then(fields::leaf);
    if let Some(result) = &result {
        let words = &placement.bare_results;
        if words.is_empty() && raw.entry("result").is_some() {
            diagnostics.push(
                RULE.finding(
                    result.span,
                    format!("{path}.result"),
                    format!("`{place}` has no result of its own; the conditions in it have one"),
                )
                .label("not a result's place")
                .help("write it as `conditions: [{result: …, rules: […]}]`"),
            );
        } else {
            one(result, &format!("{path}.result"), words, place, diagnostics);
        }
    }
    for (index, item) in conditions.iter().enumerate() {
        if let Some(result) = fields::get(item, "result").and_then(fields::leaf) {
            let path = format!("{path}.conditions[{index}].result");
            one(&result, &path, &placement.results, place, diagnostics);
        }
    }
    let retries = result
        .as_ref()
        .is_some_and(|result| result.value == "RETRY");
    if let (true, [first, ..], Some(result)) = (retries, conditions, &result) {
        diagnostics.push(
            RULE.finding(
                result.span,
                format!("{path}.result"),
                "a stage is retried without asking, and conditions stand beside `RETRY`",
            )
            .label("asks nobody")
            .related(first.span, "the conditions")
            .help("take the conditions away, or `RETRY`"),
        );
    }
    let Some(retry) = raw
        .entry("retryConfiguration")
        .filter(|e| !e.value.is_null())
    else {
        return;
    };
    let unknown = raw.get("result").is_some_and(Node::has_unknown);
    if !retries && !unknown {
        diagnostics.push(
            RULE.finding(
                retry.key_span,
                format!("{path}.retryConfiguration"),
                "`retryConfiguration` goes with the result `RETRY` only",
            )
            .label("without `RETRY`")
            .perhaps_related(result.as_ref().map(|result| result.span), "the result")
            .help("add `result: RETRY`, or leave it out"),
        );
    }
    if let Some(mode) = fields::get(&retry.value, "retryMode").and_then(fields::leaf) {
        let modes = &structure::enums().retry_mode;
        if !modes.contains(&mode.value) {
            diagnostics.push(
                RULE.finding(
                    mode.span,
                    format!("{path}.retryConfiguration.retryMode"),
                    format!("`{}` is no mode of retry", mode.value),
                )
                .label("unknown mode")
                .help(words_help(&mode.value, modes)),
            );
        }
    }
}

fn one(result: &Text, path: &str, words: &[String], place: &str, diagnostics: &mut Diagnostics) {
    if !words.contains(&result.value) {
        diagnostics.push(
            RULE.finding(
                result.span,
                path,
                format!("`{place}` cannot end in `{}`", result.value),
            )
            .label("not a result here")
            .help(words_help(&result.value, words))
            .through(result.origin.as_ref()),
        );
    }
}

fn words_help(word: &str, words: &[String]) -> String {
    let all = || words.iter().map(String::as_str);
    match nearest(word, all()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("write {}", either(all())),
    }
}

/// What skips a stage asks only some kinds of rules.
fn skip(placement: &Placement, condition: &Condition, diagnostics: &mut Diagnostics) {
    let result = condition.result.as_ref().filter(|result| result.known);
    let Some(result) = result.filter(|result| result.value == "SKIP") else {
        return;
    };
    if placement.skip_rules.is_empty() {
        return;
    }
    for rule in &condition.rules {
        let provider = &rule.provider;
        if !provider.known
            || conditions::rule_provider(&provider.value).is_none()
            || placement.skip_rules.contains(&provider.value)
        {
            continue;
        }
        let raw = condition.raw.is_some() || rule.raw.is_some();
        let kinds = placement.skip_rules.iter().map(|provider| {
            let kind = conditions::rule_provider(provider).map(|fact| fact.kind.as_str());
            if raw {
                provider
            } else {
                kind.unwrap_or(provider)
            }
        });
        diagnostics.push(
            RULE.finding(
                provider.span,
                &condition.path,
                format!(
                    "a condition that skips its stage cannot ask a {} rule",
                    provider.value
                ),
            )
            .label("not with skip")
            .related(result.span, "skips")
            .help(format!("it can ask {}", either(kinds))),
        );
    }
}
