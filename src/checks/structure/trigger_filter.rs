//! The keys of a trigger's filter go together.

use super::wording::quoted;
use crate::catalog::structure;
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::model::{Filter, Text, Trigger};
use crate::source::Span;

pub(super) const RULE: Rule = Rule {
    code: "trigger-filter",
    severity: Severity::Error,
    summary: "the filter of a trigger has keys that do not go together, or none",
    why: "A push filter has tags, or branches, or branches and paths. A filter of pull requests has branches and \
          paths, and events. Tags and branches in one filter are refused, although pages of AWS show it: each is a \
          filter of its own. That paths stand without branches is a warning: what AWS makes of it is not documented.",
    aws: "The trigger configuration for the source action is not valid. Make sure to choose valid filter combinations.",
    wrong: "triggers:\n  - providerType: CodeStarSourceConnection\n    gitConfiguration:\n      sourceActionName: Source\n      push:\n        - {branches: {includes: [main]}, tags: {includes: ['v*']}}",
    right: "triggers:\n  - providerType: CodeStarSourceConnection\n    gitConfiguration:\n      sourceActionName: Source\n      push:\n        - {branches: {includes: [main]}}\n        - {tags: {includes: ['v*']}}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-filter.html",
    facts: &["T02"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let triggers = subject.model.pipelines.iter().flat_map(|p| &p.triggers);
    for trigger in triggers {
        let outside = outside(trigger);
        diagnostics.extend(outside.iter().cloned());
        let written = |kind: &str| {
            let git = trigger
                .raw
                .as_ref()
                .and_then(|raw| raw.get("gitConfiguration"));
            git.is_some_and(|git| git.get(kind).is_some())
        };
        if trigger.push.is_empty()
            && trigger.pull_request.is_empty()
            && subject.has_read(&trigger.path)
            && outside.is_empty()
            && !written("push")
            && !written("pullRequest")
        {
            diagnostics.push(
                RULE.doubtful(
                    trigger.source.span,
                    &trigger.path,
                    format!("the trigger of `{}` filters nothing", trigger.source.value),
                )
                .label("neither `push` nor `pullRequest`")
                .help("add `push` with branches or tags, or take the trigger away"),
            );
        }
        for (kind, filters) in [
            ("push", &trigger.push),
            ("pullRequest", &trigger.pull_request),
        ] {
            for (index, filter) in filters.iter().enumerate() {
                let path = path(trigger, kind, index, filters.len());
                diagnostics.extend(one(trigger, filter, kind, &path));
                if subject.has_read(&path) {
                    diagnostics.extend(without_pattern(trigger, filter, &path));
                    diagnostics.extend(taken_back(filter, &path, trigger.raw.is_some()));
                }
                if let Some(first) = filters[..index].iter().find(|other| same(other, filter)) {
                    diagnostics.push(
                        RULE.finding(filter.span, path, "the same filter stands twice")
                            .label("again")
                            .related(first.span, "the first")
                            .help("leave it out: AWS wants each filter once"),
                    );
                }
            }
        }
    }
}

/// Keys of a filter that stand in `gitConfiguration` itself.
fn outside(trigger: &Trigger) -> Vec<Diagnostic> {
    let git = trigger.raw.as_ref();
    let Some(git) = git.and_then(|raw| raw.get("gitConfiguration")) else {
        return Vec::new();
    };
    let keys = ["branches", "tags", "filePaths"];
    let written = keys.iter().filter_map(|key| git.entry(key));
    written
        .map(|entry| {
            RULE.finding(
                entry.key_span,
                format!("{}.gitConfiguration.{}", trigger.path, entry.key),
                format!("`{}` stands in no filter", entry.key),
            )
            .label("belongs into a filter of `push`")
            .help(format!("write `push: [{{{}: …}}]`", entry.key))
        })
        .collect()
}

/// The path of a filter.
pub(super) fn path(trigger: &Trigger, kind: &str, index: usize, filters: usize) -> String {
    match trigger.raw {
        Some(_) => format!("{}.gitConfiguration.{kind}[{index}]", trigger.path),
        None if filters == 1 => format!("{}.{kind}", trigger.path),
        None => format!("{}.{kind}[{index}]", trigger.path),
    }
}

/// The keys of a filter that have no pattern.
fn without_pattern(trigger: &Trigger, filter: &Filter, path: &str) -> Vec<Diagnostic> {
    let raw = trigger.raw.is_some();
    let lists = [
        ("branches", &filter.branches),
        (if raw { "filePaths" } else { "paths" }, &filter.paths),
        ("tags", &filter.tags),
    ];
    lists
        .into_iter()
        .filter_map(|(key, globs)| Some((key, globs.as_ref()?)))
        .filter(|(_, globs)| globs.includes.is_empty() && globs.excludes.is_empty())
        .map(|(key, globs)| {
            RULE.finding(
                globs.span,
                format!("{path}.{key}"),
                format!("`{key}` has no pattern"),
            )
            .label("matches nothing")
            .help(match raw {
                true => "give it `includes` or `excludes`, with one pattern at least",
                false => "give it a pattern, e.g. `main`, or leave it out",
            })
        })
        .collect()
}

/// Patterns that are all taken back: excludes win over includes.
fn taken_back(filter: &Filter, path: &str, raw: bool) -> Vec<Diagnostic> {
    let lists = [
        ("branches", &filter.branches),
        (if raw { "filePaths" } else { "paths" }, &filter.paths),
        ("tags", &filter.tags),
    ];
    let mut found = Vec::new();
    for (key, globs) in lists {
        let Some(globs) = globs else { continue };
        let excluded = |text: &Text| {
            let same = |other: &&Text| other.known && other.value == text.value;
            text.known
                .then(|| globs.excludes.iter().find(same))
                .flatten()
        };
        let pairs: Vec<(&Text, &Text)> = globs
            .includes
            .iter()
            .filter_map(|text| Some((text, excluded(text)?)))
            .collect();
        if let Some((first, other)) = pairs
            .first()
            .filter(|_| pairs.len() == globs.includes.len())
        {
            found.push(
                RULE.doubtful(
                    other.span,
                    format!("{path}.{key}"),
                    format!("`{key}` excludes all that it includes: the filter matches nothing"),
                )
                .label("excluded")
                .related(first.span, "included")
                .help("take the pattern out of `excludes`, or include more"),
            );
        }
    }
    found
}

/// Where the keys of a filter stand.
fn keys(filter: &Filter) -> Vec<(&'static str, Span)> {
    [
        ("branches", &filter.branches),
        ("filePaths", &filter.paths),
        ("tags", &filter.tags),
    ]
    .into_iter()
    .filter_map(|(key, globs)| Some((key, globs.as_ref()?.span)))
    .collect()
}

fn same(one: &Filter, other: &Filter) -> bool {
    let texts = |filter: &Filter| {
        let globs = [&filter.branches, &filter.tags, &filter.paths];
        let lists = globs.map(|globs| {
            globs.as_ref().map(|globs| {
                let values = |list: &[Text]| {
                    list.iter()
                        .map(|text| text.value.clone())
                        .collect::<Vec<_>>()
                };
                (values(&globs.includes), values(&globs.excludes))
            })
        });
        let events: Vec<String> = filter.events.iter().map(|e| e.value.clone()).collect();
        (lists, events)
    };
    texts(one) == texts(other)
}

fn one(trigger: &Trigger, filter: &Filter, kind: &str, path: &str) -> Option<Diagnostic> {
    let facts = &structure::structure().triggers;
    let present = keys(filter);
    let keys: Vec<&str> = present.iter().map(|(key, _)| *key).collect();
    let raw = trigger.raw.is_some();
    let paths = if raw { "filePaths" } else { "paths" };
    let spoken = |key: &&str| if *key == "filePaths" { paths } else { key }.to_owned();
    let combination = match kind {
        "push" => facts.push(&keys),
        _ => facts.pull_request(&keys),
    };
    if let Some(combination) = combination {
        return (!combination.certain).then(|| {
            let at = present.first().map_or(filter.span, |(_, span)| *span);
            RULE.doubtful(at, path, format!("`{paths}` stands without `branches`"))
                .label("which branches?")
                .help("add `branches`, e.g. `branches: main`; AWS says nothing of paths alone")
        });
    }
    // a map without members is what the decoder leaves of one it could not read
    if keys.is_empty() {
        if kind == "push" {
            return Some(
                RULE.finding(filter.span, path, "the filter of pushes has no pattern")
                    .label("matches nothing")
                    .help(format!(
                        "give it `branches`, `branches` and `{paths}`, or `tags`"
                    )),
            );
        }
        return Some(
            RULE.doubtful(
                filter.span,
                path,
                "the filter of pull requests has no `branches`",
            )
            .label("which branches?")
            .help("say the branches that pull requests go to, e.g. `branches: main`"),
        );
    }
    let words: Vec<String> = keys.iter().map(spoken).collect();
    let (_, tags) = present.iter().find(|(key, _)| *key == "tags").copied()?;
    if kind != "push" {
        return Some(
            RULE.finding(tags, path, "a filter of pull requests has `tags`")
                .label("pull requests have no tags")
                .help("write the tags into a filter of `push`"),
        );
    }
    let mut finding = RULE
        .finding(
            tags,
            path,
            format!(
                "{} do not go together in one filter",
                quoted(words.iter().map(String::as_str))
            ),
        )
        .label("tags stand alone");
    for (key, span) in present.iter().filter(|(key, _)| *key != "tags") {
        finding = finding.related(*span, format!("`{}` stands here", spoken(key)));
    }
    Some(finding.help("make two filters of it: one with the tags, one with the rest"))
}

/// The number of members of a raw list, `None` where there is no list.
pub(super) fn raw_count(trigger: &Trigger, kind: &str) -> Option<(usize, Span)> {
    let list = fields::get(trigger.raw.as_ref()?, &format!("gitConfiguration.{kind}"))?;
    Some((list.as_list()?.len(), list.span))
}
