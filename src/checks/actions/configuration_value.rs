//! Configuration values are of the kind their key takes.

use crate::catalog::keys::{ConfigKey, Format, ValueProblem};
use crate::catalog::{iam, structure};
use crate::checks::flow::{self, ActionFacts, Step};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, begun, nearest};
use crate::model::Text;

use super::form;

pub(super) const RULE: Rule = Rule {
    code: "configuration-value",
    severity: Severity::Error,
    summary: "a configuration value that its key does not take",
    why: "All values of a configuration are texts, but most keys take only some: one of a few words in exact case, \
          true or false, a number within bounds, an ARN, an artifact and a path in it, JSON. Lists have commas and no \
          spaces between. Where AWS looks at the form of a name only when the action runs, the finding is a warning.",
    aws: "",
    wrong: "- deploy:\n    cloudformation: {mode: CREATE-UPDATE, stack: shop, role: \"${ssm:/shop/role}\", template: shop.yml}",
    right: "- deploy:\n    cloudformation: {mode: CREATE_UPDATE, stack: shop, role: \"${ssm:/shop/role}\", template: \"Source::shop.yml\"}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference.html",
    facts: &["V01"],
    check,
};

/// Keys with a rule of their own.
const ELSEWHERE: [&str; 3] = ["EnvironmentVariables", "FullRepositoryId", "BranchName"];

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for step in flow::all_steps(subject.model) {
        let Some(kind) = step.kind().filter(|kind| !kind.opaque) else {
            continue;
        };
        for (name, value) in &step.action.configuration {
            let Some(key) = kind.key(&name.value) else {
                continue;
            };
            let length = value.value.chars().count() as u64;
            let quota = &structure::quotas().config_value;
            let overrides = key.name == "ParameterOverrides" && key.format == Format::JsonObject;
            if !form::fixed(value)
                || ELSEWHERE.contains(&key.name.as_str())
                || overrides
                || names_role(&step, key, value)
                || !quota.allows(length)
            {
                continue;
            }
            let plain = key.plain_when.as_ref();
            if plain.is_some_and(|when| when.holds(&ActionFacts(step.action)) != Some(false)) {
                continue;
            }
            match key.check(&value.value) {
                Err(problem) => diagnostics.push(one(subject, &step, key, value, &problem)),
                Ok(()) if spaced(key, &value.value) => {
                    diagnostics.push(spaces(&step, key, value));
                }
                Ok(()) => {}
            }
        }
    }
}

/// Whether the value is a role by its name, of which the ARN is made.
fn names_role(step: &Step<'_>, key: &ConfigKey, value: &Text) -> bool {
    let name = value.value.trim_start_matches('/');
    key.format == Format::RoleArn
        && !step.action.raw
        && !name.starts_with("arn:")
        && iam::limits()
            .role_name
            .check(name.rsplit('/').next().unwrap_or(name))
            .is_ok()
}

fn one(
    subject: &Subject<'_>,
    step: &Step<'_>,
    key: &ConfigKey,
    value: &Text,
    problem: &ValueProblem,
) -> Diagnostic {
    let word = step.key_word(&key.name);
    let text = form::short(&value.value);
    let mut span = value.span;
    let sure = key.certainly(problem);
    let (message, help) = match problem {
        ValueProblem::NotAValue(item) => {
            if let Some(at) = value.value.find(item.as_str()) {
                span = subject.part(value, at, at + item.len());
            }
            let words = key.values.iter().map(String::as_str);
            let help = match begun(item, words.clone()).or_else(|| nearest(item, words.clone())) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("write one of {}", form::listed(words)),
            };
            (format!("`{word}` cannot be `{}`", form::short(item)), help)
        }
        ValueProblem::Format(format) => (
            format!("`{word}` must be {}, not `{text}`", format.words()),
            format_help(step, *format, value),
        ),
        ValueProblem::Pattern => {
            let help = match (&key.note, &key.pattern) {
                (Some(note), _) => format!("write {note}"),
                (None, Some(pattern)) => format!("it must match {}", pattern.as_str()),
                (_, None) => "see the page of this action in AWS's documentation".to_owned(),
            };
            (format!("`{word}` cannot be `{text}`"), help)
        }
        ValueProblem::Length { length, min, max } => (
            format!(
                "`{word}` has {length} character{}",
                if *length == 1 { "" } else { "s" }
            ),
            format!("write {min} to {max} characters"),
        ),
        ValueProblem::Range { number, min, max } => (
            format!("`{word}` cannot be {number}"),
            format!("write a number from {min} to {max}"),
        ),
        ValueProblem::TooManyItems { items, max } => (
            format!("`{word}` has {items} items"),
            format!("keep at most {max}"),
        ),
    };
    let path = step.key_path(&key.name);
    let finding = if sure {
        RULE.finding(span, path, message)
    } else {
        RULE.doubtful(span, path, message)
    };
    finding
        .label("not a value of this key")
        .through(value.origin.as_ref())
        .help(help)
}

fn format_help(step: &Step<'_>, format: Format, value: &Text) -> String {
    match format {
        Format::ArtifactPath => {
            let inputs = &step.action.inputs;
            let (artifact, path) = split_path(&value.value);
            let own = inputs.iter().find(|input| input.value == artifact);
            let artifact = own
                .or(inputs.first())
                .map_or("Source", |input| input.value.as_str());
            format!("write `{artifact}::{}`", form::short(path))
        }
        Format::Bool => "write `true` or `false`, in small letters".to_owned(),
        Format::Url => {
            let value = form::short(&value.value);
            let rest = value
                .split_once("://")
                .map_or(value.as_str(), |(_, rest)| rest);
            format!("write `https://{rest}`")
        }
        Format::RoleArn if !step.action.raw => {
            "give the name of the role, or its ARN, `arn:aws:iam::ACCOUNT:role/NAME`".to_owned()
        }
        Format::Arn | Format::RoleArn => "give the whole ARN, `arn:aws:…`".to_owned(),
        Format::Json => {
            "write JSON, with \" around names and texts: {\"NAME\": \"VALUE\"}".to_owned()
        }
        Format::RevisionJson => {
            let types = &structure::enums().source_revision;
            let types = form::listed(types.iter().map(String::as_str));
            let item =
                r#"[{"actionName": "Source", "revisionType": "COMMIT_ID", "revisionValue": "…"}]"#;
            format!("write {item}; the types are {types}")
        }
        Format::JsonList if !step.action.raw => "write a list".to_owned(),
        Format::NameValueJson if !step.action.raw => "write a map of names and values".to_owned(),
        Format::NameValueJson => r#"write [{"name": "NAME", "value": "VALUE"}]"#.to_owned(),
        Format::JsonList => r#"write ["VALUE"]"#.to_owned(),
        _ => format!("write {}", format.words()),
    }
}

/// The artifact and the path that are meant where one of them, or a colon, is missing.
fn split_path(value: &str) -> (&str, &str) {
    let (artifact, path) = value.split_once(':').unwrap_or(("", value));
    match path.trim_start_matches(':') {
        "" => (artifact, "PATH"),
        path => (artifact, path),
    }
}

/// Whether a list of known words has spaces beside its commas.
fn spaced(key: &ConfigKey, value: &str) -> bool {
    key.format == Format::CommaList
        && !key.values.is_empty()
        && value.split(',').any(|item| item.trim() != item)
}

fn spaces(step: &Step<'_>, key: &ConfigKey, value: &Text) -> Diagnostic {
    let items: Vec<&str> = value.value.split(',').map(str::trim).collect();
    RULE.doubtful(
        value.span,
        step.key_path(&key.name),
        format!(
            "`{}` has spaces between its items",
            step.key_word(&key.name)
        ),
    )
    .label("spaces beside commas")
    .help(format!("write `{}`", items.join(",")))
    .through(value.origin.as_ref())
}
