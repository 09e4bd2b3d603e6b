//! Configuration keys that do not go together.

use crate::catalog::rules::{RuleFault, RuleKind, RuleProblem};
use crate::checks::fields;
use crate::checks::flow::{self, ActionFacts, Step};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};

use super::form;

pub(super) const RULE: Rule = Rule {
    code: "configuration-conflict",
    severity: Severity::Error,
    summary: "a configuration key stands beside one that excludes it",
    why: "Some keys have a meaning only together with another, or with one value of it: CombineArtifacts is for batch \
          builds, a file of Kubernetes manifests excludes a Helm chart, and a step function reads its input from a \
          file only if it has exactly one input artifact.",
    aws: "",
    wrong: "- deploy:\n    eks: {cluster: shop, manifests: k8s/shop.yml, chart: charts/shop, release: shop}",
    right: "- deploy:\n    eks: {cluster: shop, chart: charts/shop, release: shop}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for step in flow::all_steps(subject.model) {
        let Some(kind) = step.kind().filter(|kind| !kind.opaque) else {
            continue;
        };
        for problem in kind.rule_problems(&ActionFacts(step.action)) {
            diagnostics.extend(one(&step, &problem));
        }
    }
}

/// The values that the key may have there, or none if the catalogue has no list of them.
fn other_value(step: &Step<'_>, problem: &RuleProblem) -> String {
    let key = step.kind().and_then(|kind| kind.key(problem.key));
    let (Some(key), RuleKind::NotValues { values, .. }) = (key, &problem.rule.kind) else {
        return "take another value".to_owned();
    };
    let left: Vec<&str> = key
        .values
        .iter()
        .filter(|value| !values.contains(value))
        .map(String::as_str)
        .collect();
    match left.is_empty() {
        true => "take another value".to_owned(),
        false => format!("write {}", fields::one_of(left)),
    }
}

fn one(step: &Step<'_>, problem: &RuleProblem) -> Option<Diagnostic> {
    let because = form::words(step, &problem.because);
    let word = step.key_word(problem.key);
    let name = &step.action.name.value;
    let entry = || {
        let mut entries = step.action.configuration.iter();
        entries.find(|(key, _)| key.value == problem.key)
    };
    let (span, path, message, label, help) = match problem.problem {
        RuleFault::Missing => return None,
        RuleFault::Superfluous => {
            let (message, help) = match &problem.rule.kind {
                RuleKind::Excludes { .. } => (
                    format!("`{word}` does not go together with {because}"),
                    "keep one of the two".to_owned(),
                ),
                _ => (
                    format!("`{word}` may stand only where {because}"),
                    format!("leave `{word}` out, or see to it that {because}"),
                ),
            };
            let (key, value) = entry()?;
            // what AWS takes where the key is absent changes nothing, wherever it stands
            let default = step.kind()?.key(problem.key)?.default.as_ref();
            if matches!(problem.rule.kind, RuleKind::OnlyWhen { .. })
                && default == Some(&value.value)
            {
                return None;
            }
            let path = step.key_path(problem.key);
            (key.span, path, message, "does not belong here", help)
        }
        RuleFault::Value => {
            let (_, value) = entry()?;
            (
                value.span,
                step.key_path(problem.key),
                format!("`{word}` cannot be `{}` where {because}", value.value),
                "not with this",
                other_value(step, problem),
            )
        }
        RuleFault::Artifacts => {
            let inputs = form::inputs(step)?;
            if !step
                .kind()
                .is_some_and(|kind| kind.inputs.allows(inputs.len()))
            {
                return None;
            }
            let (span, path, message, help) = match &problem.rule.kind {
                RuleKind::Inputs { count, .. } => (
                    inputs.last().map_or(step.action.span, |input| input.span),
                    step.path("input"),
                    format!("`{name}` takes exactly {count} input artifact, since {because}"),
                    "say which artifact it reads".to_owned(),
                ),
                _ => (
                    step.action.outputs.first()?.name.span,
                    step.path("output"),
                    format!("`{name}` cannot have an output artifact, since {because}"),
                    "leave the output out".to_owned(),
                ),
            };
            (span, path, message, "number of artifacts", help)
        }
    };
    let finding = if problem.rule.certain {
        RULE.finding(span, path, message)
    } else {
        RULE.doubtful(span, path, message)
    };
    let help = match problem.rule.at_run {
        true => format!("{help}; the action fails when it runs"),
        false => help,
    };
    let others = step.action.configuration.iter().filter(|(key, _)| {
        key.value != problem.key && problem.because.contains(&format!("`{}`", key.value))
    });
    Some(
        others.fold(finding.label(label).help(help), |finding, (key, _)| {
            finding.related(key.span, "beside this")
        }),
    )
}
