//! The parameters that a CloudFormation action gives to its stack.

use serde_json::Value;

use crate::catalog::structure;
use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::model::Text;
use crate::source::Span;

pub(super) const RULE: Rule = Rule {
    code: "parameter-overrides",
    severity: Severity::Error,
    summary: "ParameterOverrides is not the JSON that CloudFormation actions take",
    why: "ParameterOverrides is one text of at most 1 KB that holds a JSON object: names of the template's parameters \
          and their values. A value is a text, or one of two functions that read an artifact of the action: \
          Fn::GetArtifactAtt with an artifact and an attribute, Fn::GetParam with an artifact, a JSON file in it and a \
          key of that file. Functions of templates such as Ref are unknown here.",
    aws: "",
    wrong: "- deploy:\n    cloudformation:\n      stack: shop\n      role: ${ssm:/shop/role}\n      template: Source::shop.yml\n      parameters: {Bucket: {Ref: ShopBucket}}",
    right: "- deploy:\n    cloudformation:\n      stack: shop\n      role: ${ssm:/shop/role}\n      template: Source::shop.yml\n      parameters: {Bucket: {Fn::GetArtifactAtt: [Source, BucketName]}}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CloudFormation.html",
    facts: &[],
    check,
};

const KEY: &str = "ParameterOverrides";
/// The functions, and how many arguments they take.
const FUNCTIONS: [(&str, usize, &str); 2] = [
    ("Fn::GetArtifactAtt", 2, "[ARTIFACT, ATTRIBUTE]"),
    ("Fn::GetParam", 3, "[ARTIFACT, FILE, KEY]"),
];

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for step in flow::all_steps(subject.model) {
        if step.kind().is_none_or(|kind| kind.id != "cloudformation") {
            continue;
        }
        let Some(text) = step.configuration(KEY) else {
            continue;
        };
        if !text.known
            || text.secret.is_some()
            || text.value.is_empty()
            || text.value.trim_start().starts_with("#{")
        {
            continue;
        }
        one(subject, &step, text, diagnostics);
    }
}

fn one(subject: &Subject<'_>, step: &Step<'_>, text: &Text, diagnostics: &mut Diagnostics) {
    let word = step.key_word(KEY);
    let example = r#"{"Name": "value"}"#;
    let bytes = text.value.len() as u64;
    let most = structure::quotas().parameter_overrides.max;
    let characters = text.value.chars().count() as u64;
    // more characters than a value takes is another rule's
    if bytes > most && structure::quotas().config_value.allows(characters) {
        diagnostics.push(
            finding(
                step,
                text,
                text.span,
                format!("`{word}` has {bytes} bytes; AWS takes {most}"),
            )
            .label("too long")
            .help("put the parameters into a file of the artifact: TemplateConfiguration"),
        );
    }
    let parameters = match serde_json::from_str::<Value>(&text.value) {
        Ok(Value::Object(parameters)) => parameters,
        Ok(_) => {
            diagnostics.push(
                finding(
                    step,
                    text,
                    text.span,
                    format!("`{word}` must be a JSON object"),
                )
                .label("not an object")
                .help(format!("write {example}")),
            );
            return;
        }
        Err(error) => {
            diagnostics.push(
                finding(
                    step,
                    text,
                    text.span,
                    format!("`{word}` is no JSON: {error}"),
                )
                .label("not JSON")
                .help(format!("write {example}")),
            );
            return;
        }
    };
    for (name, value) in &parameters {
        let written = [format!("\"{name}\""), name.clone()];
        let span = written
            .iter()
            .find_map(|part| {
                let at = text.value.find(part.as_str())?;
                let span = subject.part(text, at, at + part.len());
                (span != text.span).then_some(span)
            })
            .unwrap_or(text.span);
        diagnostics.extend(parameter(step, text, span, name, value));
    }
}

fn finding(step: &Step<'_>, text: &Text, span: Span, message: String) -> Diagnostic {
    RULE.finding(span, step.path(KEY), message)
        .through(text.origin.as_ref())
}

fn parameter(
    step: &Step<'_>,
    text: &Text,
    span: Span,
    name: &str,
    value: &Value,
) -> Option<Diagnostic> {
    let call = match value {
        Value::String(_) => return None,
        Value::Object(call) => call,
        // whether a number, a truth or a list is taken for its text is not said
        other => {
            return Some(
                RULE.doubtful(
                    span,
                    step.path(KEY),
                    format!("the parameter `{name}` should be a text, not {other}"),
                )
                .label("not a text")
                .help(match other {
                    Value::Array(_) => "write the items as one text with commas between".to_owned(),
                    other => format!("quote it: \"{other}\""),
                })
                .through(text.origin.as_ref()),
            );
        }
    };
    let known = |function: &str| FUNCTIONS.iter().find(|(known, ..)| *known == function);
    let functions = "a value is a text, Fn::GetArtifactAtt or Fn::GetParam";
    let Some((function, arguments)) = call.iter().next().filter(|_| call.len() == 1) else {
        return Some(
            finding(
                step,
                text,
                span,
                format!("the parameter `{name}` cannot be a map"),
            )
            .label("neither text nor function")
            .help(functions),
        );
    };
    let Some((_, count, form)) = known(function) else {
        // a word of nobody's may be a placeholder; functions of templates are surely meant as such
        if function != "Ref" && !function.starts_with("Fn::") {
            return Some(
                RULE.doubtful(
                    span,
                    step.path(KEY),
                    format!("the parameter `{name}` has an unknown function `{function}`"),
                )
                .label("unknown function")
                .help(functions)
                .through(text.origin.as_ref()),
            );
        }
        return Some(
            finding(
                step,
                text,
                span,
                format!("the parameter `{name}` cannot use `{function}` here"),
            )
            .label("not a function of this place")
            .help(functions),
        );
    };
    let fits = arguments.as_array().is_some_and(|arguments| {
        arguments.len() == *count && arguments.iter().all(Value::is_string)
    });
    (!fits).then(|| {
        finding(
            step,
            text,
            span,
            format!("`{function}` of the parameter `{name}` needs {count} texts"),
        )
        .label("wrong arguments")
        .help(format!("write `{function}: {form}`"))
    })
}
