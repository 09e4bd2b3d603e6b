//! The configuration keys that a provider requires are there.

use std::collections::BTreeSet;

use crate::catalog::rules::{RuleFault, RuleKind, RuleProblem};
use crate::catalog::when::{Facts, When};
use crate::checks::flow::{self, ActionFacts, Step};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};

use super::form;

pub(super) const RULE: Rule = Rule {
    code: "configuration-missing",
    severity: Severity::Error,
    summary: "a required configuration key is absent",
    why: "A provider requires some keys always and some only beside others: CloudFormation needs a template when it \
          makes or changes a stack and a change set's name when it works with one; several inputs of a build need \
          PrimarySource. Most are refused when the pipeline is written, some only when the action runs and fails.",
    aws: "Action configuration for action 'Deploy' is missing required configuration 'StackName'",
    wrong: "- deploy:\n    cloudformation: {mode: CHANGE_SET_REPLACE, stack: shop, role: \"${ssm:/shop/role}\", template: \"Source::shop.yml\"}",
    right: "- deploy:\n    cloudformation: {mode: CHANGE_SET_REPLACE, stack: shop, changeSet: next, role: \"${ssm:/shop/role}\", template: \"Source::shop.yml\"}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference.html",
    facts: &["S12a"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for step in flow::all_steps(subject.model) {
        let Some(kind) = step.kind().filter(|kind| !kind.opaque) else {
            continue;
        };
        if !subject.has_read_configuration(&step) {
            continue;
        }
        let facts = ActionFacts(step.action);
        // a value that could not be read is one
        let unread = |key: &str| !subject.has_read(&step.key_path(key));
        // what two rules miss is missed once
        let mut said = BTreeSet::new();
        for key in kind.keys.iter().filter(|key| key.required) {
            if facts.value(&key.name).is_none()
                && !unread(&key.name)
                && said.insert(key.name.as_str())
            {
                let mut finding = finding(&step, &key.name, key.certain);
                finding.help = Some(match &key.note {
                    Some(note) => format!("{}: {note}", form::write(&step, &key.name)),
                    None => form::write(&step, &key.name),
                });
                diagnostics.push(finding);
            }
        }
        let problems: Vec<RuleProblem> = kind
            .rule_problems(&facts)
            .into_iter()
            .filter(|problem| problem.problem == RuleFault::Missing)
            .filter(|problem| !unread(problem.key))
            .collect();
        for problem in &problems {
            if !follows_from_another(problem, &problems) && said.insert(problem.key) {
                diagnostics.push(of_rule(&step, problem));
            }
        }
    }
}

/// Whether the key is asked for only since none of several others is there, which is said already.
fn follows_from_another(problem: &RuleProblem, all: &[RuleProblem]) -> bool {
    let RuleKind::Required { when, .. } = &problem.rule.kind else {
        return false;
    };
    all.iter().any(|other| match &other.rule.kind {
        RuleKind::OneOf(keys) => when.keys().iter().any(|key| keys.iter().any(|k| k == key)),
        _ => false,
    })
}

fn finding(step: &Step<'_>, key: &str, certain: bool) -> Diagnostic {
    let (span, path) = (form::missing(step), step.key_path(key));
    let message = format!(
        "`{}` needs `{}`",
        step.action.name.value,
        step.key_word(key)
    );
    let finding = if certain {
        RULE.finding(span, path, message)
    } else {
        RULE.doubtful(span, path, message)
    };
    finding.label(format!("without `{}`", step.key_word(key)))
}

fn of_rule(step: &Step<'_>, problem: &RuleProblem) -> Diagnostic {
    let mut finding = finding(step, problem.key, problem.rule.certain);
    let because = form::words(step, &problem.because);
    match &problem.rule.kind {
        RuleKind::OneOf(keys) if keys.len() > 1 => {
            finding.message = format!("`{}` needs one of {because}", step.action.name.value);
            "none of them".clone_into(&mut finding.label);
        }
        RuleKind::OneOf(_) => {}
        RuleKind::Together(_) => {
            finding.message = format!("{} beside {because}", finding.message);
            let entries = step.action.configuration.iter();
            let mut beside =
                entries.filter(|(key, _)| problem.because.contains(&format!("`{}`", key.value)));
            finding =
                finding.perhaps_related(beside.next().map(|(key, _)| key.span), "beside this");
        }
        RuleKind::Required {
            when: When::Is { key, .. },
            ..
        } => {
            let because = match step.configuration(key) {
                Some(value) => format!("`{}` is {}", step.key_word(key), value.value),
                None => because,
            };
            finding.message = format!("{}, since {because}", finding.message);
            let reason = step.configuration(key).map(|value| value.span);
            finding = finding.perhaps_related(reason, "the reason");
        }
        RuleKind::Required {
            when: When::Outputs(_),
            ..
        } => {
            finding.message = format!("{}, since it has an output artifact", finding.message);
        }
        RuleKind::Required {
            when: When::Inputs(_),
            ..
        } => {
            let inputs = match step.action.inputs.len() {
                0 => "no input artifact".to_owned(),
                count => format!("{count} input artifacts"),
            };
            finding.message = format!("{}, since it has {inputs}", finding.message);
            let second = step.action.inputs.get(1).map(|input| input.span);
            finding = finding.perhaps_related(second, "the second input");
        }
        _ => finding.message = format!("{}, since {because}", finding.message),
    }
    let mut help = form::write(step, problem.key);
    if let Some(note) = &problem.rule.note {
        help = format!("{help} ({note})");
    }
    if problem.rule.at_run {
        help.push_str("; without it the action fails when it runs");
    }
    finding.help(help)
}
