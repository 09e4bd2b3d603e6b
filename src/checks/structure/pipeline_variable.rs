//! Variables of a pipeline have one value each.

use std::collections::HashMap;

use super::wording::{below, word};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::{Pipeline, Text};

pub(super) const RULE: Rule = Rule {
    code: "pipeline-variable",
    severity: Severity::Error,
    summary: "a pipeline variable is declared twice, has no default or more than one line",
    why: "A pipeline variable is declared once. Without a default a value must be given at every start: the run that \
          begins when the pipeline is made, and those that a change starts, have none and fail, so that this is a \
          warning. So is a value of several lines, which the API's pattern does not take.",
    aws: "",
    wrong: "variables:\n  level: {description: how much is logged}",
    right: "variables:\n  level: {default: info, description: how much is logged}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        one(subject, pipeline, diagnostics);
    }
}

fn one(subject: &Subject<'_>, pipeline: &Pipeline, diagnostics: &mut Diagnostics) {
    let path = below(&pipeline.path, "variables");
    let key = word(pipeline.raw, "defaultValue", "default");
    let mut declared: HashMap<&str, &Text> = HashMap::new();
    for variable in &pipeline.variables {
        let name = &variable.name;
        let first = *declared.entry(&name.value).or_insert(name);
        if name.known && first.known && !std::ptr::eq(first, name) {
            diagnostics.push(
                RULE.finding(
                    name.span,
                    &path,
                    format!("the variable `{}` is declared twice", name.value),
                )
                .label("again")
                .related(first.span, "the first")
                .help("keep one of the two")
                .through(name.origin.as_ref()),
            );
            continue;
        }
        match &variable.default {
            None if subject.has_read(&path) => diagnostics.push(
                RULE.doubtful(
                    name.span,
                    &path,
                    format!(
                        "the variable `{}` has no default: runs that nobody starts by hand will fail",
                        name.value
                    ),
                )
                .label("no default")
                .help(format!("add `{key}`; a start by hand can still give another value")),
            ),
            Some(value) if value.known && value.value.contains(['\n', '\r']) => diagnostics.push(
                RULE.doubtful(
                    value.span,
                    &path,
                    format!("the default of the variable `{}` has several lines", name.value),
                )
                .label("several lines")
                .help("values of pipeline variables have one line")
                .through(value.origin.as_ref()),
            ),
            _ => {}
        }
        let lines = |text: &&Text| text.known && text.value.trim_end().contains(['\n', '\r']);
        if let Some(text) = variable.description.as_ref().filter(lines) {
            diagnostics.push(
                RULE.doubtful(
                    text.span,
                    &path,
                    format!(
                        "the description of the variable `{}` has several lines",
                        name.value
                    ),
                )
                .label("several lines")
                .help("write it as one line")
                .through(text.origin.as_ref()),
            );
        }
    }
}
