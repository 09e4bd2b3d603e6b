//! Raw definitions have the words that the API has.

use super::wording::either;
use crate::catalog::structure;
use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject, fields};
use crate::diagnostic::{Diagnostics, Severity, nearest};
use crate::model::{Pipeline, Text};

pub(super) const RULE: Rule = Rule {
    code: "api-word-unknown",
    severity: Severity::Error,
    summary: "a raw definition has a word that the API does not have",
    why: "The type of a pipeline, its execution mode, the provider of a trigger and the events of a pull request are \
          words from a closed list, in capital letters as the API has them.",
    aws: "Member must satisfy enum value set: [QUEUED, SUPERSEDED, PARALLEL]",
    wrong: "pipelines:\n  release:\n    definition:\n      executionMode: Queued",
    right: "pipelines:\n  release:\n    definition:\n      executionMode: QUEUED",
    link: "https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PipelineDeclaration.html",
    facts: &["V01"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        if pipeline.raw || pipeline.api.is_some() {
            of(pipeline, diagnostics);
        }
        for step in flow::steps(pipeline) {
            environment(&step, diagnostics);
        }
    }
}

fn of(pipeline: &Pipeline, diagnostics: &mut Diagnostics) {
    let enums = structure::enums();
    let path = &pipeline.path;
    if let Some(word) = &pipeline.pipeline_type {
        let path = format!("{path}.pipelineType");
        one(
            word,
            path,
            &enums.pipeline_type,
            "a type of pipelines",
            diagnostics,
        );
    }
    if let Some(word) = &pipeline.execution_mode {
        let path = format!("{path}.executionMode");
        one(
            word,
            path,
            &enums.execution_mode,
            "an execution mode",
            diagnostics,
        );
    }
    for trigger in &pipeline.triggers {
        let provider = trigger
            .raw
            .as_ref()
            .and_then(|raw| fields::get(raw, "providerType"));
        if let Some(word) = provider.and_then(fields::leaf) {
            let path = format!("{}.providerType", trigger.path);
            one(
                &word,
                path,
                &enums.trigger_provider,
                "a provider of triggers",
                diagnostics,
            );
        }
        for (index, filter) in trigger.pull_request.iter().enumerate() {
            for word in &filter.events {
                let path = format!(
                    "{}.gitConfiguration.pullRequest[{index}].events",
                    trigger.path
                );
                let words = &enums.pull_request_event;
                one(word, path, words, "an event of pull requests", diagnostics);
            }
        }
    }
}

/// What the variables of a raw action are. Parameter Store is another rule's.
fn environment(step: &Step<'_>, diagnostics: &mut Diagnostics) {
    let Some(raw) = &step.action.raw_node else {
        return;
    };
    let words = &structure::enums().environment_variable_type;
    let items = fields::items(raw, "environmentVariables").iter();
    for (index, item) in items.enumerate() {
        let kind = fields::get(item, "type").and_then(fields::leaf);
        let Some(word) = kind.filter(|word| word.value != "PARAMETER_STORE") else {
            continue;
        };
        let path = format!("{}[{index}].type", step.path("env"));
        one(
            &word,
            path,
            words,
            "a type of environment variables",
            diagnostics,
        );
    }
}

fn one(word: &Text, path: String, words: &[String], what: &str, diagnostics: &mut Diagnostics) {
    if !word.known || words.contains(&word.value) {
        return;
    }
    let all = || words.iter().map(String::as_str);
    let same = all().find(|known| known.eq_ignore_ascii_case(&word.value));
    let mut near = all().filter(|known| match same {
        Some(same) => same == *known,
        None => nearest(&word.value, [*known]).is_some(),
    });
    let help = match ((near.next(), near.next()), words) {
        ((Some(near), None), _) => format!("did you mean `{near}`?"),
        (_, [only]) => format!("write `{only}`"),
        // V3 is as near to V1 as to V2
        _ => format!("write {}", either(all())),
    };
    diagnostics.push(
        RULE.finding(word.span, path, format!("`{}` is not {what}", word.value))
            .label("unknown word")
            .help(help)
            .through(word.origin.as_ref()),
    );
}
