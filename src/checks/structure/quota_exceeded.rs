//! Of everything there is no more than AWS takes.

use super::trigger_filter::{self, raw_count};
use super::trigger_pattern::patterns;
use super::wording::{below, outside, placed_conditions, stage_span, word};
use crate::catalog::actions;
use crate::catalog::structure;
use crate::catalog::text::Quota;
use crate::checks::{Rule, Subject, fields, flow};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::{Action, Condition, Filter, Pipeline, PipelineVariable, Stage, Text, Trigger};
use crate::source::Span;
use crate::tree::Node;

pub(super) const RULE: Rule = Rule {
    code: "quota-exceeded",
    severity: Severity::Error,
    summary: "there is more of something than AWS takes, or less than it wants",
    why: "A pipeline has at most 50 stages, 100 actions in each and 1,000 in all, 50 variables and 50 triggers; a \
          trigger 3 filters of a kind with 8 patterns each way; a condition 5 rules. Values of variables have 1 to \
          1,000 characters, their descriptions 200, patterns 255. Where pages of AWS name different numbers, what lies \
          between them is a warning.",
    aws: "Member must have length less than or equal to 3",
    wrong: "triggers:\n  push:\n    - {branches: main}\n    - {branches: develop}\n    - {branches: 'release/**'}\n    - {tags: 'v*'}",
    right: "triggers:\n  push:\n    - {branches: [main, develop, 'release/**']}\n    - {tags: 'v*'}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html",
    facts: &["V01"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        of_actions(pipeline, diagnostics);
        variables(pipeline, diagnostics);
        triggers(pipeline, diagnostics);
        for (place, condition) in pipeline.stages.iter().flat_map(placed_conditions) {
            let complete = subject.has_read(&condition.path);
            rules(place, condition, complete, diagnostics);
        }
    }
}

/// More than the quota of something: at the first that is too many.
fn most(
    quota: &Quota,
    number: usize,
    span: Span,
    path: String,
    owner: &str,
    of: &str,
    diagnostics: &mut Diagnostics,
) {
    if number as u64 >= quota.min {
        diagnostics.extend(outside(&RULE, quota, number, span, path, owner, of));
    }
}

/// The place of the first member beyond a quota.
fn beyond<T>(members: &[T], quota: &Quota, span: impl Fn(&T) -> Span, owner: Span) -> Span {
    let most = quota.warn_above.unwrap_or(quota.max).min(quota.max);
    let first = usize::try_from(most)
        .ok()
        .and_then(|most| members.get(most));
    first.map_or(owner, span)
}

fn of_actions(pipeline: &Pipeline, diagnostics: &mut Diagnostics) {
    let quotas = structure::quotas();
    let owner = format!("the pipeline `{}`", pipeline.name.value);
    let (quota, list) = (&quotas.stages, &pipeline.stages);
    let path = listed(pipeline, "stages", quota, list, stage_span, diagnostics);
    for stage in list {
        of_stage(stage, diagnostics);
        for action in &stage.actions {
            empty_members(action, diagnostics);
            properties(action, diagnostics);
        }
    }
    let all: Vec<Span> = flow::steps(pipeline).map(|step| step.action.span).collect();
    let quota = &quotas.actions_per_pipeline;
    let span = beyond(&all, quota, |span| *span, pipeline.span);
    most(quota, all.len(), span, path, &owner, "actions", diagnostics);
}

fn of_stage(stage: &Stage, diagnostics: &mut Diagnostics) {
    let quotas = structure::quotas();
    let owner = format!("the stage `{}`", stage.name.value);
    let path = format!("{}.actions", stage.path);
    // side by side or one after the other: no more of either than of all
    let quota = &quotas.actions_per_stage;
    let span = beyond(
        &stage.actions,
        quota,
        |action| action.span,
        stage_span(stage),
    );
    let actions = stage.actions.len();
    most(quota, actions, span, path, &owner, "actions", diagnostics);
}

/// An action type of one's own has a few properties, and so an action of it has no more keys.
fn properties(action: &Action, diagnostics: &mut Diagnostics) {
    let most = actions::custom().max_properties;
    let keys = &action.configuration;
    if let Some((key, _)) = keys.get(most).filter(|_| action.owner.value == "Custom") {
        let message = format!(
            "`{}` has {} configuration keys; an action type of your own has at most {most} properties",
            action.name.value,
            keys.len()
        );
        let path = format!("{}.configuration.{}", action.path, key.value);
        diagnostics.push(
            RULE.finding(key.span, path, message)
                .label("one too many")
                .help(format!("keep at most {most}")),
        );
    }
}

/// Lists of a raw action that are there and empty: the API wants a member or no list.
fn empty_members(action: &Action, diagnostics: &mut Diagnostics) {
    let Some(raw) = &action.raw_node else { return };
    let quotas = structure::quotas();
    let mut lists: Vec<(String, Option<&Node>, &Quota, &str)> = [
        (
            "outputVariables",
            &quotas.output_variables,
            "output variables",
        ),
        (
            "environmentVariables",
            &quotas.environment_variables,
            "environment variables",
        ),
    ]
    .into_iter()
    .map(|(key, quota, what)| (key.to_owned(), fields::get(raw, key), quota, what))
    .collect();
    for (index, output) in fields::items(raw, "outputArtifacts").iter().enumerate() {
        let key = format!("outputArtifacts[{index}].files");
        lists.push((
            key,
            fields::get(output, "files"),
            &quotas.output_files,
            "files",
        ));
    }
    for (key, list, quota, what) in lists {
        let Some(list) = list.filter(|list| list.as_list().is_some_and(<[Node]>::is_empty)) else {
            continue;
        };
        let (path, owner) = (
            format!("{}.{key}", action.path),
            format!("`{}`", action.name.value),
        );
        diagnostics.extend(outside(&RULE, quota, 0, list.span, path, &owner, what));
    }
}

/// Characters of a text.
fn length(
    quota: &Quota,
    text: Option<&Text>,
    path: &str,
    owner: &str,
    diagnostics: &mut Diagnostics,
) {
    if let Some(text) = text.filter(|text| text.known) {
        let number = text.value.chars().count();
        let finding = outside(&RULE, quota, number, text.span, path, owner, "characters");
        diagnostics.extend(finding.map(|finding| finding.through(text.origin.as_ref())));
    }
}

/// More members in a list of a pipeline than its quota. The answer is the path of the list.
fn listed<T>(
    pipeline: &Pipeline,
    member: &str,
    quota: &Quota,
    list: &[T],
    span: impl Fn(&T) -> Span,
    diagnostics: &mut Diagnostics,
) -> String {
    let owner = format!("the pipeline `{}`", pipeline.name.value);
    let path = below(&pipeline.path, member);
    let span = beyond(list, quota, span, pipeline.span);
    let number = list.len();
    most(
        quota,
        number,
        span,
        path.clone(),
        &owner,
        member,
        diagnostics,
    );
    path
}

fn variables(pipeline: &Pipeline, diagnostics: &mut Diagnostics) {
    let quotas = structure::quotas();
    let (quota, list) = (&quotas.pipeline_variables, &pipeline.variables);
    let span = |variable: &PipelineVariable| variable.name.span;
    let path = listed(pipeline, "variables", quota, list, span, diagnostics);
    for variable in list {
        let name = &variable.name.value;
        let default = variable.default.as_ref();
        let what = format!("the default of the variable `{name}`");
        length(&quotas.variable_value, default, &path, &what, diagnostics);
        let what = format!("the description of the variable `{name}`");
        let description = variable.description.as_ref();
        length(
            &quotas.variable_description,
            description,
            &path,
            &what,
            diagnostics,
        );
    }
}

fn triggers(pipeline: &Pipeline, diagnostics: &mut Diagnostics) {
    let quotas = structure::quotas();
    let (quota, list) = (&quotas.triggers, &pipeline.triggers);
    let span = |trigger: &Trigger| trigger.source.span;
    let path = listed(pipeline, "triggers", quota, list, span, diagnostics);
    size(pipeline, path, diagnostics);
    for trigger in list {
        let kinds = [
            ("push", &trigger.push, &quotas.push_filters),
            (
                "pullRequest",
                &trigger.pull_request,
                &quotas.pull_request_filters,
            ),
        ];
        for (kind, filters, quota) in kinds {
            let at = match &trigger.raw {
                Some(_) => format!("{}.gitConfiguration.{kind}", trigger.path),
                None => format!("{}.{kind}", trigger.path),
            };
            let owner = format!("`{kind}` of the trigger of `{}`", trigger.source.value);
            if let Some((0, span)) = raw_count(trigger, kind) {
                diagnostics.extend(outside(&RULE, quota, 0, span, at, &owner, "filters"));
                continue;
            }
            let span = beyond(filters, quota, |filter| filter.span, trigger.span);
            most(
                quota,
                filters.len(),
                span,
                at,
                &owner,
                "filters",
                diagnostics,
            );
            for (index, filter) in filters.iter().enumerate() {
                let path = trigger_filter::path(trigger, kind, index, filters.len());
                of_filter(trigger, filter, &path, diagnostics);
                empty_lists(trigger, kind, index, &path, diagnostics);
            }
        }
    }
}

/// All triggers together. Of those that are not written as the API has them, the patterns are counted only.
fn size(pipeline: &Pipeline, path: String, diagnostics: &mut Diagnostics) {
    let quota = &structure::quotas().triggers_size;
    let of_filters = |filters: &[Filter]| {
        let patterns = filters.iter().flat_map(patterns);
        patterns
            .map(|(_, pattern)| pattern.value.len())
            .sum::<usize>()
    };
    let bytes = |trigger: &Trigger| match &trigger.raw {
        Some(raw) => raw.to_json().to_string().len(),
        None => of_filters(&trigger.push) + of_filters(&trigger.pull_request),
    };
    let mut sum = 0;
    for trigger in &pipeline.triggers {
        let before = sum;
        sum += bytes(trigger);
        if quota.allows(before as u64) && !quota.allows(sum as u64) {
            let message = format!(
                "the triggers of the pipeline `{}` have more than {} bytes, which is the most AWS takes",
                pipeline.name.value, quota.max
            );
            diagnostics.push(
                RULE.finding(trigger.source.span, path, message)
                    .label("with this one it is too much")
                    .help("take shorter patterns: `{this,that}` and `*` say several at once"),
            );
            return;
        }
    }
}

fn of_filter(trigger: &Trigger, filter: &Filter, path: &str, diagnostics: &mut Diagnostics) {
    let quotas = structure::quotas();
    let paths = word(trigger.raw.is_some(), "filePaths", "paths");
    let globs = [
        ("branches", &filter.branches),
        ("tags", &filter.tags),
        (paths, &filter.paths),
    ];
    let quota = &quotas.filter_patterns;
    for (key, globs) in globs {
        let Some(globs) = globs else { continue };
        for (list, side) in [(&globs.includes, "includes"), (&globs.excludes, "excludes")] {
            let owner = format!("`{key}` ({side})");
            let span = beyond(list, quota, |pattern| pattern.span, globs.span);
            let path = format!("{path}.{key}");
            most(
                quota,
                list.len(),
                span,
                path,
                &owner,
                "patterns",
                diagnostics,
            );
        }
    }
    let quota = &quotas.pull_request_events;
    let span = beyond(&filter.events, quota, |event| event.span, filter.span);
    let events = filter.events.len();
    most(
        quota,
        events,
        span,
        format!("{path}.events"),
        "the filter",
        "events",
        diagnostics,
    );
    for (_, pattern) in patterns(filter) {
        let quota = &quotas.filter_pattern_length;
        length(quota, Some(pattern), path, "the pattern", diagnostics);
    }
}

/// Lists of a raw filter that are there and empty. Criteria without any pattern are another rule's.
fn empty_lists(
    trigger: &Trigger,
    kind: &str,
    index: usize,
    path: &str,
    diagnostics: &mut Diagnostics,
) {
    let quotas = structure::quotas();
    let git = trigger.raw.as_ref();
    let filters = git.and_then(|raw| fields::get(raw, &format!("gitConfiguration.{kind}")));
    let Some(filter) = filters.and_then(|filters| filters.as_list()?.get(index)) else {
        return;
    };
    let length = |node: Option<&Node>| node.and_then(Node::as_list).map(<[Node]>::len);
    let mut empty = |owner: &Node, quota: &Quota, key: &str, path: String, what: &str| {
        if let Some(list) = fields::get(owner, key).filter(|list| length(Some(list)) == Some(0)) {
            let who = format!("`{key}`");
            diagnostics.extend(outside(&RULE, quota, 0, list.span, path, &who, what));
        }
    };
    for key in ["branches", "tags", "filePaths"] {
        let Some(criteria) = fields::get(filter, key) else {
            continue;
        };
        let sides = ["includes", "excludes"];
        if sides
            .iter()
            .any(|side| length(fields::get(criteria, side)) > Some(0))
        {
            for side in sides {
                let path = format!("{path}.{key}.{side}");
                empty(criteria, &quotas.filter_patterns, side, path, "patterns");
            }
        }
    }
    let events = format!("{path}.events");
    empty(
        filter,
        &quotas.pull_request_events,
        "events",
        events,
        "events",
    );
}

fn rules(place: &str, condition: &Condition, complete: bool, diagnostics: &mut Diagnostics) {
    let quotas = structure::quotas();
    let owner = format!("`{place}`");
    let list = condition
        .raw
        .as_ref()
        .and_then(|raw| fields::get(raw, "conditions"));
    let path = &condition.path;
    match list {
        Some(list) => {
            let items = list.as_list().unwrap_or_default();
            let quota = &quotas.conditions;
            let at = format!("{path}.conditions");
            let span = beyond(items, quota, |item| item.span, list.span);
            if list.as_list().is_some() {
                let number = items.len();
                diagnostics.extend(outside(
                    &RULE,
                    quota,
                    number,
                    span,
                    at,
                    &owner,
                    "conditions",
                ));
            }
            for (index, item) in items.iter().enumerate() {
                let quota = &quotas.rules;
                let Some(rules) = fields::get(item, "rules") else {
                    continue;
                };
                let items = rules.as_list().unwrap_or_default();
                let span = beyond(items, quota, |item| item.span, rules.span);
                let at = format!("{path}.conditions[{index}].rules");
                diagnostics.extend(outside(
                    &RULE,
                    quota,
                    items.len(),
                    span,
                    at,
                    &owner,
                    "rules",
                ));
            }
        }
        None if condition.raw.is_some() && place != "onFailure" && complete => {
            let at = format!("{path}.conditions");
            let quota = &quotas.conditions;
            diagnostics.extend(outside(
                &RULE,
                quota,
                0,
                condition.span,
                at,
                &owner,
                "conditions",
            ));
        }
        None => {
            let quota = &quotas.rules;
            let rules = &condition.rules;
            let bare = condition.raw.is_some()
                || condition.retry_mode.is_some()
                || condition
                    .result
                    .as_ref()
                    .is_some_and(|result| result.value == "RETRY" || result.value == "ROLLBACK");
            if rules.is_empty() && (bare || !complete) {
                return;
            }
            let span = beyond(rules, quota, |rule| rule.name.span, condition.span);
            let at = format!("{path}.check");
            diagnostics.extend(outside(
                &RULE,
                quota,
                rules.len(),
                span,
                at,
                &owner,
                "rules",
            ));
        }
    }
}
