//! Configuration values are neither empty nor too long.

use crate::catalog::structure;
use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::model::{Text, variables_json};

use super::form;

pub(super) const RULE: Rule = Rule {
    code: "configuration-length",
    severity: Severity::Error,
    summary: "a configuration value is empty or has more than 1,000 characters",
    why: "A value of an action's configuration has 1 to 1,000 characters, counted as it is sent, with run-time \
          variables unresolved. An optional key is left out rather than sent empty. The environment that a build gets \
          from its action is one value, a JSON text, and is what grows too long most often: what does not change from \
          run to run belongs to the project.",
    aws: "ActionConfiguration Map value must satisfy constraint: [Member must have length less than or equal to 1000, \
          Member must have length greater than or equal to 1]",
    wrong: "- deploy:\n    s3: {bucket: shop-pages, key: \"\"}",
    right: "- deploy:\n    s3: {bucket: shop-pages}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html",
    facts: &["S12b"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for step in flow::all_steps(subject.model) {
        for (key, value) in &step.action.configuration {
            diagnostics.extend(key_length(&step, key));
            if value.known && value.secret.is_none() {
                diagnostics.extend(one(&step, key, value));
            }
        }
        diagnostics.extend(environment(&step));
    }
}

fn one(step: &Step<'_>, key: &Text, value: &Text) -> Option<Diagnostic> {
    let quota = &structure::quotas().config_value;
    let length = value.value.chars().count() as u64;
    if quota.allows(length) {
        return None;
    }
    let word = step.key_word(&key.value);
    let finding = |message: String| {
        RULE.finding(value.span, step.key_path(&key.value), message)
            .through(value.origin.as_ref())
    };
    Some(if length == 0 {
        finding(format!("`{word}` is empty"))
            .label("nothing here")
            .help(format!("leave `{word}` out, or give it a value"))
    } else {
        finding(format!(
            "`{word}` has {length} characters; AWS takes {}",
            quota.max
        ))
        .label("too long")
        .help(match key.value.as_str() {
            "EnvironmentVariables" => {
                "give the project what does not change from run to run, or keep it in Parameter Store"
            }
            "ParameterOverrides" => {
                "put the parameters into a file of the artifact: TemplateConfiguration"
            }
            _ if value.value.starts_with("arn:") => "give the ARN alone: none is so long",
            _ => "put it into a file of the artifact, or into Parameter Store",
        })
    })
}

/// The keys of an account's own action types; others are known or not.
fn key_length(step: &Step<'_>, key: &Text) -> Option<Diagnostic> {
    let quota = &structure::quotas().config_key;
    let length = key.value.chars().count() as u64;
    let free = step.kind().is_none_or(|kind| kind.owner == "Custom");
    (free && !quota.allows(length)).then(|| {
        RULE.finding(
            key.span,
            step.key_path(&key.value),
            format!(
                "a configuration key has {length} characters; AWS takes {} to {}",
                quota.min, quota.max
            ),
        )
        .label("length of the key")
    })
}

/// The environment that a friendly build puts on its action, as it is sent.
fn environment(step: &Step<'_>) -> Option<Diagnostic> {
    let variables = &step.action.build_environment;
    let first = variables.first()?;
    if variables.iter().any(|variable| !variable.value.known) {
        return None;
    }
    let quota = &structure::quotas().config_value;
    let json = serde_json::Value::Array(variables_json(variables));
    let length = json.to_string().chars().count() as u64;
    (length > quota.max).then(|| {
        let names = variables.iter().map(|variable| variable.name.value.as_str());
        RULE.finding(
            first.name.span,
            step.path("env"),
            format!(
                "the run-time environment of `{}` has {length} characters as JSON; AWS takes {}",
                step.action.name.value, quota.max
            ),
        )
        .label("first of them")
        .help(format!(
            "what holds `#{{…}}` or stands beside `project` goes on the action as one text: shorten {}",
            form::listed(names)
        ))
    })
}
