//! A trigger is about a source of a connection, each source has one.

use super::wording::word;
use crate::catalog::structure;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, nearest};
use crate::model::{Action, Pipeline, Trigger};

pub(super) const RULE: Rule = Rule {
    code: "trigger-source",
    severity: Severity::Error,
    summary: "a trigger names no source of a connection, or one that has a trigger already",
    why: "Triggers filter what a connection tells of its repository, so that each is about one source action with the \
          provider CodeStarSourceConnection in the first stage. A source has one trigger; several filters of pushes \
          and pull requests stand inside of it.",
    aws: "Triggers for connection must reference a CodeStarSourceConnection action. Note that when you specify a trigger, you cant specify more than one trigger per source action.",
    wrong: "triggers:\n  - push: {branches: main}\n  - push: {tags: 'v*'}",
    right: "triggers:\n  push:\n    - {branches: main}\n    - {tags: 'v*'}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-filter.html",
    facts: &["T01"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        for (index, trigger) in pipeline.triggers.iter().enumerate() {
            let before = &pipeline.triggers[..index];
            let found = one(subject, pipeline, trigger, before);
            diagnostics.extend(found.map(|found| found.through(trigger.source.origin.as_ref())));
        }
    }
}

fn is_connection(action: &Action) -> bool {
    !action.provider.known || action.provider.value == structure::structure().triggers.provider
}

fn one(
    subject: &Subject<'_>,
    pipeline: &Pipeline,
    trigger: &Trigger,
    before: &[Trigger],
) -> Option<Diagnostic> {
    let source = &trigger.source;
    if !source.known {
        return None;
    }
    let name = &source.value;
    let raw = trigger.raw.is_some();
    let path = word(raw, "gitConfiguration.sourceActionName", "source");
    let path = format!("{}.{path}", trigger.path);
    let same = |other: &&Trigger| other.source.known && other.source.value == *name;
    if let Some(first) = before.iter().find(same) {
        return Some(
            RULE.finding(
                source.span,
                path,
                format!("the source `{name}` has two triggers; AWS takes one per source"),
            )
            .label("the second")
            .related(first.source.span, "the first")
            .help(if raw {
                "write all filters into one trigger: `push` and `pullRequest` are lists"
            } else {
                "write all filters into one: `push` and `pullRequest` can be lists"
            }),
        );
    }
    let first = pipeline.stages.first()?;
    let connections = || first.actions.iter().filter(|action| is_connection(action));
    let named = first
        .actions
        .iter()
        .find(|action| !action.name.known || action.name.value == *name);
    match named {
        Some(action) if is_connection(action) => None,
        Some(action) => Some(
            RULE.finding(
                source.span,
                path,
                format!(
                    "`{name}` is a {} source; triggers are for sources of a connection",
                    action.provider.value
                ),
            )
            .label("not a connection")
            .related(action.provider.span, "its provider")
            .help(match connections().next() {
                Some(other) => format!("the source of a connection is `{}`", other.name.value),
                None => "take the trigger away: this source is watched without one".to_owned(),
            }),
        ),
        // the source may be what could not be read
        None if !subject.has_read_sources(pipeline, &["name"]) => None,
        None => {
            let names: Vec<&str> = connections().map(|a| a.name.value.as_str()).collect();
            let finding = RULE
                .finding(
                    source.span,
                    path,
                    format!("the first stage has no source `{name}`"),
                )
                .label("unknown source");
            Some(match (nearest(name, names.iter().copied()), &names[..]) {
                (Some(near), _) => finding.help(format!("did you mean `{near}`?")),
                (None, []) => {
                    finding.help("triggers are for sources of a connection, and there is none")
                }
                (None, names) => {
                    let names = super::wording::quoted(names.iter().copied());
                    finding.help(format!("sources of a connection: {names}"))
                }
            })
        }
    }
}
