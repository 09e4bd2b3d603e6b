//! A run-time variable is there when it is read.

use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::model::Stage;
use crate::source::Span;

use super::places::{Place, of_condition, places};

pub(super) const RULE: Rule = Rule {
    code: "run-time-variable-early",
    severity: Severity::Error,
    summary: "a run-time variable is read before the action that gives it has run",
    why: "An action gives its variables when it has ended. It must stand in an earlier stage than the one that reads \
          them, or be earlier in the order of the same stage: actions with the same run order run side by side. A \
          condition before a stage knows only what the stages before it gave.",
    aws: "An action in this pipeline failed because one or more variables could not be resolved: Action name=Deploy",
    wrong: "- name: Release\n  actions:\n    - name: Version\n      build: {run: ./version.sh, exports: VERSION}\n    - name: Note\n      approval: {message: \"#{VersionVariables.VERSION}\"}",
    right: "- name: Release\n  actions:\n    - name: Version\n      build: {run: ./version.sh, exports: VERSION}\n    - name: Note\n      needs: [Version]\n      approval: {message: \"#{VersionVariables.VERSION}\"}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        let steps: Vec<Step<'_>> = flow::steps(pipeline).collect();
        for step in &steps {
            for place in places(step) {
                diagnostics.extend(one(subject, &steps, step, &place));
            }
        }
        for stage in &pipeline.stages {
            conditions(subject, &steps, stage, diagnostics);
        }
    }
}

/// Conditions before a stage know what the stages before it gave; those behind it know what it gave, too.
fn conditions(
    subject: &Subject<'_>,
    steps: &[Step<'_>],
    stage: &Stage,
    diagnostics: &mut Diagnostics,
) {
    let Some(own) = steps.iter().find(|step| std::ptr::eq(step.stage, stage)) else {
        return;
    };
    let at = [
        (&stage.before_entry, true),
        (&stage.on_success, false),
        (&stage.on_failure, false),
    ];
    for (condition, entry) in at {
        for place in condition.iter().flat_map(of_condition) {
            let producers = producers(steps, place.reference.namespace);
            let late = |step: &&Step<'_>| step.at > own.at || (entry && step.at == own.at);
            let Some(producer) = producers.first().filter(|_| producers.iter().all(late)) else {
                continue;
            };
            let (name, other) = (&stage.name.value, &producer.action.name.value);
            let namespace = place.reference.namespace;
            let (message, help) = if producer.at == own.at {
                (
                    format!(
                        "the condition before `{name}` reads `{namespace}`, which `{other}` of this stage gives"
                    ),
                    format!(
                        "ask when the stage has ended (`onSuccess`), or let `{other}` run in a stage before it"
                    ),
                )
            } else {
                (
                    format!(
                        "a condition of `{name}` reads `{namespace}`, which `{other}` gives only later"
                    ),
                    format!("move the condition to the stage of `{other}` or behind it"),
                )
            };
            diagnostics.push(
                RULE.finding(
                    subject.part(place.text, place.reference.start, place.reference.end),
                    &place.path,
                    message,
                )
                .label("read here")
                .related(given(producer), "given here")
                .help(help)
                .through(place.text.origin.as_ref()),
            );
        }
    }
}

/// The actions with a namespace.
fn producers<'s, 'a>(steps: &'s [Step<'a>], wanted: &str) -> Vec<&'s Step<'a>> {
    let has = |step: &&Step<'_>| {
        let namespace = step.action.namespace.as_ref();
        namespace.is_some_and(|name| name.known && name.value == wanted)
    };
    steps.iter().filter(has).collect()
}

/// Where the file says the namespace, or the action that has it by itself.
fn given(producer: &Step<'_>) -> Span {
    let namespace = producer.action.namespace.as_ref();
    namespace.map_or(producer.action.span, |namespace| namespace.span)
}

fn one(
    subject: &Subject<'_>,
    steps: &[Step<'_>],
    step: &Step<'_>,
    place: &Place<'_>,
) -> Option<Diagnostic> {
    let reference = &place.reference;
    let producers = producers(steps, reference.namespace);
    let producer = producers.first()?;
    if producers.iter().any(|producer| producer.before(step)) {
        return None;
    }
    let span = subject.part(place.text, reference.start, reference.end);
    let name = &step.action.name.value;
    let other = &producer.action.name.value;
    let namespace = reference.namespace;
    let own = std::ptr::eq(producer.action, step.action);
    let (message, help) = if own {
        (
            format!("`{name}` reads its own variables"),
            "an action cannot read what it gives itself".to_owned(),
        )
    } else if producer.at == step.at {
        let help = match step.action.raw {
            true => format!("give `{name}` a higher `runOrder` than `{other}`"),
            false => format!("let it wait: `needs: [{other}]`, or a stage of its own"),
        };
        (
            format!(
                "`{name}` reads `{namespace}`, which `{other}` gives in the same stage and not earlier"
            ),
            help,
        )
    } else {
        (
            format!("`{name}` reads `{namespace}`, which `{other}` gives only later"),
            format!("move `{name}` behind it"),
        )
    };
    let finding = RULE
        .finding(span, &place.path, message)
        .label("read here")
        .help(help)
        .through(place.text.origin.as_ref());
    Some(if own {
        finding
    } else {
        finding.related(given(producer), "given here")
    })
}
