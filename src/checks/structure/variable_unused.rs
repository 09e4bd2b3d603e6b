//! A variable of a pipeline that nothing reads.

use super::wording::below;
use crate::checks::flow;

use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::{Pipeline, Text};
use crate::tree::Node;

pub(super) const RULE: Rule = Rule {
    code: "variable-unused",
    severity: Severity::Warning,
    summary: "a pipeline declares a variable that nothing reads",
    why: "Whoever starts a run can give the variable a value, and nothing changes: no action and no condition has \
          `#{variables.NAME}`. CodePipeline replaces it in the configuration and the environment of actions; a script \
          or a buildspec sees it only through those.",
    aws: "",
    wrong: "variables: {level: info}\nstages:\n  - build: make LEVEL=$LEVEL",
    right: "variables: {level: info}\nstages:\n  - build:\n      run: make LEVEL=$LEVEL\n      env: {LEVEL: \"#{variables.level}\"}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    if !subject.complete() {
        return;
    }
    for pipeline in subject
        .model
        .pipelines
        .iter()
        .filter(|p| !p.variables.is_empty())
    {
        let Some(read) = texts(pipeline) else {
            continue;
        };
        for variable in pipeline.variables.iter().filter(|v| v.name.known) {
            let name = &variable.name;
            let reference = format!("#{{variables.{}}}", name.value);
            if read.iter().any(|text| text.contains(&reference)) {
                continue;
            }
            diagnostics.push(
                RULE.finding(
                    name.span,
                    below(&pipeline.path, "variables"),
                    format!("nothing reads the variable `{}`", name.value),
                )
                .label("read by nobody")
                .help(format!(
                    "hand it to an action, e.g. `env: {{VALUE: \"{reference}\"}}`, or leave it out"
                ))
                .through(name.origin.as_ref()),
            );
        }
    }
}

/// Every text that CodePipeline replaces variables in; none if one of them is not known.
fn texts(pipeline: &Pipeline) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    let mut add = |text: &Text| {
        texts.push(text.value.clone());
        text.known || text.secret.is_some()
    };
    for step in flow::steps(pipeline) {
        let action = step.action;
        let configuration = action.configuration.iter().map(|(_, value)| value);
        let environment = action.environment.iter().chain(&action.build_environment);
        let all = configuration
            .chain(environment.map(|variable| &variable.value))
            .chain(&action.commands);
        for text in all {
            if !add(text) {
                return None;
            }
        }
    }
    for stage in &pipeline.stages {
        let conditions = [&stage.before_entry, &stage.on_success, &stage.on_failure];
        for rule in conditions.into_iter().flatten().flat_map(|one| &one.rules) {
            let configuration = rule.configuration.iter().map(|(_, value)| value);
            for text in configuration.chain(&rule.commands) {
                if !add(text) {
                    return None;
                }
            }
        }
    }
    let overlays = pipeline
        .stages
        .iter()
        .flat_map(|stage| {
            stage
                .actions
                .iter()
                .map(|action| &action.api)
                .chain([&stage.api])
        })
        .chain([&pipeline.api])
        .flatten();
    texts.extend(overlays.map(|node: &Node| node.to_json().to_string()));
    Some(texts)
}
