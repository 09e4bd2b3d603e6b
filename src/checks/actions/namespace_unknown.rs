//! A run-time variable comes from a namespace of the pipeline.

use crate::catalog::structure::structure;
use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, nearest};

use super::form;
use super::places::{Place, places, rule_places, well_formed};

pub(super) const RULE: Rule = Rule {
    code: "namespace-unknown",
    severity: Severity::Error,
    summary: "a run-time variable names a namespace that no action of the pipeline has",
    why: "#{Namespace.Variable} is what an action with that namespace gives when it runs. Without a namespace nothing \
          of an action can be referred to. In a friendly file a source has the namespace of its name with Variables \
          behind it (SourceVariables), and so has a build that exports variables; in a raw definition it is what \
          namespace says. Names are compared with case.",
    aws: "An action in this pipeline failed because one or more variables could not be resolved: Action name=Build",
    wrong: "- build:\n    run: make\n    env: {COMMIT: \"#{Source.CommitId}\"}",
    right: "- build:\n    run: make\n    env: {COMMIT: \"#{SourceVariables.CommitId}\"}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        if !subject.has_read_actions(pipeline, &["namespace"]) {
            continue;
        }
        let steps: Vec<Step<'_>> = flow::steps(pipeline).collect();
        for step in &steps {
            for place in places(step) {
                diagnostics.extend(one(subject, &steps, &place));
            }
        }
        // what is no reference there may be part of a pattern
        for place in pipeline.stages.iter().flat_map(rule_places) {
            if well_formed(&place.reference) {
                diagnostics.extend(one(subject, &steps, &place));
            }
        }
    }
}

fn one(subject: &Subject<'_>, steps: &[Step<'_>], place: &Place<'_>) -> Option<Diagnostic> {
    let reference = &place.reference;
    let span = subject.part(place.text, reference.start, reference.end);
    let written = &place.text.value[reference.start..reference.end];
    if !well_formed(reference) {
        return Some(
            RULE.doubtful(
                span,
                &place.path,
                format!("`{}` is no run-time variable", form::short(written)),
            )
            .label("not a namespace and a variable")
            .help("a run-time variable is `#{Namespace.Variable}`, without spaces")
            .through(place.text.origin.as_ref()),
        );
    }
    let wanted = reference.namespace;
    if structure().variables.system.contains_key(wanted) {
        return None;
    }
    let namespaces = || {
        steps
            .iter()
            .filter_map(|step| step.action.namespace.as_ref())
    };
    if namespaces().any(|name| !name.known || name.value == wanted) {
        return None;
    }
    let start = reference.start + "#{".len();
    let span = subject.part(place.text, start, start + wanted.len());
    let finding = RULE
        .finding(
            span,
            &place.path,
            format!("no action of the pipeline has the namespace `{wanted}`"),
        )
        .label("unknown namespace")
        .through(place.text.origin.as_ref());
    Some(helped(finding, steps, wanted))
}

fn helped(finding: Diagnostic, steps: &[Step<'_>], wanted: &str) -> Diagnostic {
    let plain = wanted.strip_suffix("Variables").unwrap_or(wanted);
    let is_source = |step: &&Step<'_>| step.action.category.value == "Source";
    let meant = steps
        .iter()
        .find(|step| [wanted, plain].contains(&step.action.name.value.as_str()))
        .or_else(|| {
            steps
                .iter()
                .find(|step| plain == "Source" && is_source(step))
        });
    if let Some(step) = meant {
        let name = &step.action.name.value;
        return match &step.action.namespace {
            Some(namespace) => finding
                .related(namespace.span, format!("gives `{}`", namespace.value))
                .help(format!("`{name}` has the namespace `{}`", namespace.value)),
            None => finding
                .related(step.action.span, "without a namespace")
                .help(format!(
                    "`{name}` has no namespace: give it `namespace: {wanted}`"
                )),
        };
    }
    let all: Vec<&str> = steps
        .iter()
        .filter_map(|step| step.action.namespace.as_ref())
        .map(|namespace| namespace.value.as_str())
        .collect();
    finding.help(match nearest(wanted, all.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if all.is_empty() => "give the action a `namespace`".to_owned(),
        None => format!("there are {}", form::listed(all)),
    })
}
