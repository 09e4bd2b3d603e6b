//! What only pipelines of type V2 have.

use super::wording::{below, conditions, kind_span, list, word};
use crate::catalog::structure;
use crate::checks::{Rule, Subject, flow};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::{Condition, Pipeline};
use crate::source::Span;

pub(super) const RULE: Rule = Rule {
    code: "pipeline-type",
    severity: Severity::Error,
    summary: "a pipeline of type V1 uses what only V2 has",
    why: "Triggers, pipeline variables, the modes QUEUED and PARALLEL, conditions, retry and roll back of stages and \
          some newer actions are there in pipelines of type V2 only. Without `pipelineType` AWS makes a V1 pipeline; \
          outside of raw definitions pipectl says V2 unless the file says `type: V1`.",
    aws: "Triggers on tag can only be used with V2 pipelines",
    wrong: "type: V1\nexecutionMode: QUEUED",
    right: "type: V2\nexecutionMode: QUEUED",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/pipeline-types-planning.html",
    facts: &["S26"],
    check,
};

/// Something that needs V2: what, where, and whether that is certain.
struct Feature {
    what: String,
    span: Span,
    path: String,
    certain: bool,
}

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        let said = pipeline.pipeline_type.as_ref();
        if said.is_some_and(|said| !said.known || said.value != "V1") {
            continue;
        }
        let mut features = features(pipeline);
        features.sort_by_key(|feature| !feature.certain);
        let Some((first, others)) = features.split_first() else {
            continue;
        };
        let mut words: Vec<String> = Vec::new();
        for feature in features.iter().filter(|f| f.certain == first.certain) {
            if !words.contains(&feature.what) {
                words.push(feature.what.clone());
            }
        }
        let why = match said {
            Some(_) => "this one is V1",
            None => "without `pipelineType` this one is V1",
        };
        let message = format!("only pipelines of type V2 have {}; {why}", list(&words));
        let mut finding = if first.certain {
            RULE.finding(first.span, &first.path, message)
        } else {
            RULE.doubtful(first.span, &first.path, message)
        };
        finding = finding.label("needs V2");
        if let Some(said) = said {
            finding = finding.related(said.span, "the type");
        }
        for other in others.iter().filter(|other| other.span != first.span) {
            finding = finding.related(other.span, "needs V2 too");
        }
        let key = word(pipeline.raw, "pipelineType", "type");
        diagnostics.push(finding.help(format!("write `{key}: V2`")));
    }
}

fn what(feature: &str) -> String {
    structure::v2_feature(feature).map_or_else(|| feature.to_owned(), |f| f.what.clone())
}

fn features(pipeline: &Pipeline) -> Vec<Feature> {
    let at = |part: &str| below(&pipeline.path, part);
    let feature = |id: &str, span: Span, path: String| Feature {
        what: what(id),
        span,
        path,
        certain: true,
    };
    let mut found = Vec::new();
    if let Some(mode) = pipeline.execution_mode.as_ref().filter(|mode| mode.known)
        && structure::execution_mode(&mode.value).is_some_and(|fact| fact.v2_only)
    {
        let id = mode.value.to_ascii_lowercase();
        found.push(feature(&id, mode.span, at("executionMode")));
    }
    if let Some(variable) = pipeline.variables.first() {
        found.push(feature("variables", variable.name.span, at("variables")));
    }
    if let Some(trigger) = pipeline.triggers.first() {
        found.push(feature("triggers", trigger.span, trigger.path.clone()));
    }
    for condition in pipeline.stages.iter().flat_map(conditions) {
        let id = of_condition(condition);
        found.push(feature(id, condition.span, condition.path.clone()));
    }
    for step in flow::steps(pipeline) {
        if let Some(kind) = step.kind().filter(|kind| kind.v2_only.value) {
            found.push(Feature {
                what: format!("{} actions", kind.provider),
                span: kind_span(step.action),
                path: step.action.path.clone(),
                certain: kind.v2_only.certain,
            });
        }
    }
    found
}

fn of_condition(condition: &Condition) -> &'static str {
    let result = condition
        .result
        .as_ref()
        .map(|result| result.value.as_str());
    match result {
        Some("RETRY") => "retry",
        Some("ROLLBACK") if condition.rules.is_empty() => "rollback",
        _ => "conditions",
    }
}
