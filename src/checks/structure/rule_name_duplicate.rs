//! Rules of a condition have names of their own.

use super::wording::{placed_conditions, rule_path};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "rule-name-duplicate",
    severity: Severity::Warning,
    summary: "two rules of a condition have one name",
    why: "The name of a rule says on the console and in events which of them stopped a run, and `#{rule.NAME}` means \
          what it has found. Whether AWS refuses two of one name is not documented. Rules without a name are numbered, and \
          so are short ones of one name.",
    aws: "",
    wrong: "- build: make\n  beforeEntry:\n    check:\n      - {name: Quiet, alarm: shop-errors}\n      - definition:\n          name: Quiet\n          ruleTypeId: {category: Rule, owner: AWS, provider: CloudWatchAlarm, version: \"1\"}\n          configuration: {AlarmName: shop-latency}",
    right: "- build: make\n  beforeEntry:\n    check:\n      - {name: Errors, alarm: shop-errors}\n      - definition:\n          name: Latency\n          ruleTypeId: {category: Rule, owner: AWS, provider: CloudWatchAlarm, version: \"1\"}\n          configuration: {AlarmName: shop-latency}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/stage-conditions.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for stage in subject.model.pipelines.iter().flat_map(|p| &p.stages) {
        for (_, condition) in placed_conditions(stage) {
            for (index, rule) in condition.rules.iter().enumerate() {
                let name = &rule.name;
                let first = condition.rules[..index]
                    .iter()
                    .find(|other| other.name.known && name.known && other.name.value == name.value);
                let Some(first) = first else { continue };
                diagnostics.push(
                    RULE.finding(
                        name.span,
                        format!("{}.name", rule_path(condition, index)),
                        format!("two rules of one condition are called `{}`", name.value),
                    )
                    .label("the second")
                    .related(first.name.span, "the first")
                    .help("give one of them another name")
                    .through(name.origin.as_ref()),
                );
            }
        }
    }
}
