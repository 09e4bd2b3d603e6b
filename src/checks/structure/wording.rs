//! What several rules of structure say alike.

use std::collections::HashSet;

use crate::catalog::structure;
use crate::catalog::text::{Quota, TextProblem, TextRule};
use crate::checks::{Rule, Subject};
use crate::diagnostic::Diagnostic;
use crate::model::{self, Action, Condition, Model, Pipeline, Stage, Text};
use crate::source::Span;
use crate::tree::{Entry, Node};

/// A word of the API in raw forms, the file's word elsewhere.
pub(super) fn word<'w>(raw: bool, api: &'w str, friendly: &'w str) -> &'w str {
    if raw { api } else { friendly }
}

/// The path of a rule of a condition.
pub(super) fn rule_path(condition: &Condition, index: usize) -> String {
    let list = word(condition.raw.is_some(), "conditions[0].rules", "check");
    format!("{}.{list}[{index}]", condition.path)
}

/// The path of a part; of the root it is the part alone.
pub(in crate::checks) fn below(path: &str, part: &str) -> String {
    if path.is_empty() {
        part.to_owned()
    } else {
        format!("{path}.{part}")
    }
}

/// Whether an action is a source; not if its category is not known.
pub(super) fn is_source(action: &Action) -> bool {
    action.category.known && action.category.value == "Source"
}

/// The characters that make an action what it is: its category in raw forms, its kind elsewhere.
pub(super) fn kind_span(action: &Action) -> Span {
    if action.raw {
        action.category.span
    } else {
        action.span
    }
}

/// The conditions of a stage, in the order of a run.
pub(super) fn conditions(stage: &Stage) -> impl Iterator<Item = &Condition> {
    placed_conditions(stage).map(|(_, condition)| condition)
}

/// The conditions of a stage and the API's words for their places.
pub(super) fn placed_conditions(stage: &Stage) -> impl Iterator<Item = (&'static str, &Condition)> {
    [
        ("beforeEntry", &stage.before_entry),
        ("onSuccess", &stage.on_success),
        ("onFailure", &stage.on_failure),
    ]
    .into_iter()
    .filter_map(|(place, condition)| Some((place, condition.as_ref()?)))
}

/// The rules of all conditions of a file, each with its condition and its number there.
pub(super) fn condition_rules(
    model: &Model,
) -> impl Iterator<Item = (&Condition, usize, &model::Rule)> {
    let stages = model.pipelines.iter().flat_map(|pipeline| &pipeline.stages);
    stages.flat_map(conditions).flat_map(|condition| {
        let rules = condition.rules.iter().enumerate();
        rules.map(move |(index, rule)| (condition, index, rule))
    })
}

/// The stores that a pipeline has in the words of the API: those of a raw definition, or those under `api:`, which go
/// over what is made.
pub(in crate::checks) fn api_stores(pipeline: &Pipeline) -> Vec<&Entry> {
    if pipeline.raw {
        return pipeline.raw_stores.iter().collect();
    }
    let Some(api) = &pipeline.api else {
        return Vec::new();
    };
    let given = ["artifactStore", "artifactStores"].into_iter();
    let entries = given.filter_map(|key| api.entry(key));
    entries.filter(|entry| !entry.value.is_null()).collect()
}

/// Names in backticks with commas and a last "and".
pub(in crate::checks) fn quoted<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    list(&words)
}

/// The region that every action of a pasted pipeline says, as GetPipeline writes it: the pipeline lives there.
pub(super) fn lived_in(pipeline: &Pipeline) -> Option<&Text> {
    let actions = || pipeline.stages.iter().flat_map(|stage| &stage.actions);
    let own = actions().next()?.region.as_ref()?;
    let same = |action: &Action| {
        let region = action.region.as_ref();
        region.is_some_and(|region| region.known && region.value == own.value)
    };
    let all = pipeline.raw && actions().nth(1).is_some() && actions().all(same);
    (all && structure::regions().is_known(&own.value)).then_some(own)
}

/// Where the file says the region of the run.
pub(in crate::checks) fn home_span(subject: &Subject<'_>) -> Option<Span> {
    let said = subject.model.provider.region.as_ref()?;
    (said.known && subject.region == Some(said.value.as_str())).then_some(said.span)
}

/// Where `api:` says a member.
pub(super) fn said_by(api: Option<&Node>, member: &str) -> Option<Span> {
    Some(api?.entry(member)?.key_span)
}

/// Where a stage is named: its name, if it has one in the file.
pub(super) fn stage_span(stage: &Stage) -> Span {
    if stage.name.span.start() < stage.name.span.end() {
        stage.name.span
    } else {
        stage.span
    }
}

/// Each name once, in the order of the file; what is empty is none.
pub(super) fn once<'n>(names: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    let mut seen = HashSet::new();
    let mut names: Vec<&str> = names.into_iter().filter(|name| !name.is_empty()).collect();
    names.retain(|name| seen.insert(*name));
    names
}

/// Words in backticks with commas and a last "or".
pub(super) fn either<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    let mut words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.pop() {
        None => String::new(),
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} or {last}", words.join(", ")),
    }
}

/// `1 stage`, `2 stages`.
pub(super) fn count(number: u32, one: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {one}s"),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A text that does not fit what its place takes; `what` is `stage name`, `artifact name`.
pub(in crate::checks) fn unfit(
    rule: &Rule,
    subject: &Subject<'_>,
    text: &Text,
    fact: &TextRule,
    what: &str,
    path: String,
) -> Option<Diagnostic> {
    if !text.known {
        return None;
    }
    let value = &text.value;
    let finding = match fact.check(value).err()? {
        TextProblem::Character { character, at } => {
            let span = subject.part(text, at, at + character.len_utf8());
            let finding = rule
                .finding(
                    span,
                    path,
                    format!("the {what} `{value}` has {}", named(character)),
                )
                .label("not allowed here");
            finding.help(characters_help(value, fact))
        }
        TextProblem::TooShort { length: 0, .. } => rule
            .finding(text.span, path, format!("the {what} is empty"))
            .label("nothing here")
            .help(format!("give it a value: {}", allowed(fact))),
        TextProblem::TooShort { length, min } => rule
            .finding(
                text.span,
                path,
                format!("the {what} `{value}` has {length} characters; it takes at least {min}"),
            )
            .label("too short")
            .help(format!("write {min} characters or more")),
        TextProblem::TooLong { length, max } => rule
            .finding(
                text.span,
                path,
                format!("the {what} has {length} characters; AWS takes at most {max}"),
            )
            .label(format!("{} too many", length - max))
            .help(format!("shorten it to {max}")),
        TextProblem::Shape => rule
            .finding(text.span, path, format!("`{value}` is no {what}"))
            .label("not the form of it")
            .help(allowed(fact)),
        TextProblem::Reserved => rule
            .finding(
                text.span,
                path,
                format!("`{value}` is a {what} that AWS keeps for itself"),
            )
            .label("reserved")
            .help("choose another word"),
    };
    Some(finding.through(text.origin.as_ref()))
}

fn named(character: char) -> String {
    match character {
        ' ' => "a space in it".to_owned(),
        '\n' | '\r' => "a line break in it".to_owned(),
        '\t' => "a tab in it".to_owned(),
        other => format!("the character `{other}` in it"),
    }
}

fn allowed(fact: &TextRule) -> String {
    match &fact.characters {
        Some(words) => format!("allowed are {words}"),
        None => "write it as AWS takes it".to_owned(),
    }
}

/// What is allowed, and the same text with the wrong characters replaced.
fn characters_help(value: &str, fact: &TextRule) -> String {
    let allowed = fact.characters.as_deref().unwrap_or("other characters");
    if value.contains("#{") {
        return format!(
            "allowed are {allowed}; variables of a run (`#{{…}}`) stand in configuration values only"
        );
    }
    let fits = |c: char| fact.character.as_ref().is_none_or(|class| class.allows(c));
    let instead = if fits('-') { '-' } else { '_' };
    let mut proposal = String::new();
    for c in value.chars() {
        if fits(c) {
            proposal.push(c);
        } else if !proposal.is_empty() && !proposal.ends_with(instead) {
            proposal.push(instead);
        }
    }
    let proposal = proposal.trim_matches(instead);
    if proposal.is_empty() {
        format!("allowed are {allowed}")
    } else {
        format!("allowed are {allowed}, e.g. `{proposal}`")
    }
}

/// A number outside of its quota: an error above the most and below the fewest, a warning where the sources disagree.
/// `of` is what there is so much of: `stages`, `patterns`.
pub(super) fn outside(
    rule: &Rule,
    quota: &Quota,
    number: usize,
    span: Span,
    path: impl Into<String>,
    owner: &str,
    of: &str,
) -> Option<Diagnostic> {
    let amount = number as u64;
    let (min, max) = (quota.min, quota.max);
    if quota.allows(amount) {
        let doubt = quota.warn_above.filter(|doubt| amount > *doubt)?;
        let message =
            format!("{owner} has {number} {of}; some pages of AWS allow {max}, some only {doubt}");
        return Some(
            rule.doubtful(span, path, message)
                .label(format!("above {doubt}"))
                .help(format!(
                    "keep to {doubt} to be sure: {}",
                    fewer(of, number, max)
                )),
        );
    }
    let message = if amount > max {
        format!("{owner} has {number} {of}; AWS takes at most {max}")
    } else {
        let number = match number {
            0 => "no".to_owned(),
            other => other.to_string(),
        };
        format!("{owner} has {number} {of}; AWS wants at least {min}")
    };
    let finding = if quota.certain {
        rule.finding(span, path, message)
    } else {
        rule.doubtful(span, path, message)
    };
    let label = match amount {
        0 => "nothing here".to_owned(),
        _ if amount > max => format!("{} too many", amount - max),
        _ => format!("{} too few", min - amount),
    };
    Some(finding.label(label).help(fewer(of, number, max)))
}

/// How to keep to a quota.
fn fewer(of: &str, number: usize, max: u64) -> String {
    match (of, number) {
        ("actions", _) => "share them among several stages".to_owned(),
        ("stages", _) => "join stages: a stage can have several actions".to_owned(),
        (
            "filters" | "rules" | "patterns" | "events" | "conditions" | "files" | "output variables"
            | "environment variables",
            0,
        ) => "add one, or leave the key out".to_owned(),
        ("filters", _) => "one filter can have several patterns".to_owned(),
        ("patterns", _) => "`{this,that}` and `*` say several at once".to_owned(),
        ("characters", 0) => "give it a value, or leave it out".to_owned(),
        ("characters", _) => format!("shorten it to {max}"),
        ("rules", _) => "ask less in one condition".to_owned(),
        ("conditions", _) => "put the rules of all into one condition".to_owned(),
        ("variables", _) => {
            "join some, or keep what does not change from run to run in the environment of the builds".to_owned()
        }
        _ => format!("keep {max} of them"),
    }
}
