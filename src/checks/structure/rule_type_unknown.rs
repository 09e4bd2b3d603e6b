//! Rules of conditions are of a type that AWS offers.

use super::wording::{condition_rules, quoted, rule_path};
use crate::catalog::conditions;
use crate::checks::{Rule, Subject, fields};
use crate::diagnostic::{Diagnostics, Severity, nearest};

pub(super) const RULE: Rule = Rule {
    code: "rule-type-unknown",
    severity: Severity::Error,
    summary: "a rule of a condition is of no type that AWS offers",
    why: "The type of a rule has the category Rule, the owner AWS and one of a few providers. A provider that pipectl \
          does not know is a warning: AWS may have added one.",
    aws: "",
    wrong: "- build: make\n  beforeEntry:\n    check:\n      - definition:\n          name: Alarm\n          ruleTypeId: {category: Build, owner: AWS, provider: CloudWatchAlarm, version: \"1\"}\n          configuration: {AlarmName: shop-errors}",
    right: "- build: make\n  beforeEntry:\n    check:\n      - alarm: shop-errors",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/rule-reference.html",
    facts: &["V01"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for (condition, index, rule) in condition_rules(subject.model) {
        let path = format!("{}.ruleTypeId", rule_path(condition, index));
        let provider = &rule.provider;
        if provider.known && conditions::rule_provider(&provider.value).is_none() {
            let all = || {
                conditions::rule_providers()
                    .iter()
                    .map(|p| p.provider.as_str())
            };
            let near = nearest(&provider.value, all());
            diagnostics.push(
                RULE.doubtful(
                    provider.span,
                    format!("{path}.provider"),
                    format!(
                        "`{}` is no provider of rules that pipectl knows",
                        provider.value
                    ),
                )
                .label("unknown provider")
                .help(match near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("there are {}", quoted(all())),
                })
                .through(provider.origin.as_ref()),
            );
        }
        let fixed = conditions::rule_type();
        for (key, wanted) in [
            ("category", &fixed.category),
            ("owner", &fixed.owner),
            ("version", &fixed.version),
        ] {
            let written = rule.raw.as_ref();
            let written = written.and_then(|raw| fields::get(raw, &format!("ruleTypeId.{key}")));
            let Some(word) = written.and_then(fields::leaf) else {
                continue;
            };
            if word.value != *wanted {
                diagnostics.push(
                    RULE.finding(
                        word.span,
                        format!("{path}.{key}"),
                        format!("the {key} of a rule cannot be `{}`", word.value),
                    )
                    .label("unknown word")
                    .help(format!("write `{wanted}`"))
                    .through(word.origin.as_ref()),
                );
            }
        }
    }
}
