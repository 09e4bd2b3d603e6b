//! A run-time variable is there when it is read.

use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};

use super::places::{Place, places};

pub(super) const RULE: Rule = Rule {
    code: "run-time-variable-early",
    severity: Severity::Error,
    summary: "a run-time variable is read before the action that gives it has run",
    why: "An action gives its variables when it has ended. It must stand in an earlier stage than the one that reads \
          them, or be earlier in the order of the same stage: actions with the same run order run side by side.",
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
    }
}

fn one(
    subject: &Subject<'_>,
    steps: &[Step<'_>],
    step: &Step<'_>,
    place: &Place<'_>,
) -> Option<Diagnostic> {
    let reference = &place.reference;
    let producers: Vec<&Step<'_>> = steps
        .iter()
        .filter(|other| {
            let namespace = other.action.namespace.as_ref();
            namespace.is_some_and(|name| name.known && name.value == reference.namespace)
        })
        .collect();
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
    let given = producer.action.namespace.as_ref();
    let at = given.map_or(producer.action.span, |namespace| namespace.span);
    let finding = RULE
        .finding(span, &place.path, message)
        .label("read here")
        .help(help)
        .through(place.text.origin.as_ref());
    Some(if own {
        finding
    } else {
        finding.related(at, "given here")
    })
}
