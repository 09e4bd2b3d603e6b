//! A pipeline that starts itself again.

use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::{Model, Pipeline, Text};

pub(super) const RULE: Rule = Rule {
    code: "invoke-endless",
    severity: Severity::Warning,
    summary: "a pipeline starts itself, or is started by one that it starts",
    why: "An action that invokes a pipeline starts an execution of it whenever it runs. Where that is the pipeline of the \
          action, or one that invokes it in turn, every execution starts the next one, and nothing ends but by hand.",
    aws: "",
    wrong: "service: shop\nstages:\n  - build: make\n  - invoke: {pipeline: shop}",
    right: "service: shop\nstages:\n  - build: make\n  - invoke: {pipeline: shop-smoke}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-PipelineInvoke.html",
    facts: &[],
    check,
};

/// An action that starts a pipeline of the file.
struct Start<'a> {
    step: Step<'a>,
    name: &'a Text,
    /// The position of the pipeline that is started.
    started: usize,
}

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let model = subject.model;
    let starts: Vec<Vec<Start<'_>>> = model.pipelines.iter().map(|p| of(model, p)).collect();
    for (at, own) in starts.iter().enumerate() {
        // a circle is told where it comes back
        for start in own.iter().filter(|start| start.started <= at) {
            let Some(way) = way(&starts, start.started, at) else {
                continue;
            };
            let name = &start.name.value;
            let message = match way {
                None => format!("`{name}` starts itself, again and again"),
                Some(_) => format!("`{name}` starts this pipeline in turn, again and again"),
            };
            let finding = RULE
                .finding(start.name.span, start.step.key_path(PIPELINE), message)
                .label("starts it again")
                .perhaps_related(way.map(|first| first.name.span), "the way back")
                .through(start.name.origin.as_ref());
            diagnostics.push(finding.help("name another pipeline, or leave the action out"));
        }
    }
}

const PIPELINE: &str = "PipelineName";

/// The actions of a pipeline that start one of the file, where it runs itself.
fn of<'a>(model: &'a Model, pipeline: &'a Pipeline) -> Vec<Start<'a>> {
    flow::steps(pipeline)
        .filter(|step| step.action.provider.value == "CodePipeline" && step.action.region.is_none())
        .filter_map(|step| {
            let name = step.configuration(PIPELINE).filter(|name| name.known)?;
            let mut all = model.pipelines.iter();
            let started = all.position(|one| one.name.known && one.name.value == name.value)?;
            Some(Start {
                step,
                name,
                started,
            })
        })
        .collect()
}

/// The first start on a way from one pipeline to another; `Some(None)` where they are the same.
fn way<'s, 'a>(
    starts: &'s [Vec<Start<'a>>],
    from: usize,
    to: usize,
) -> Option<Option<&'s Start<'a>>> {
    if from == to {
        return Some(None);
    }
    let mut seen = vec![false; starts.len()];
    let mut open: Vec<(usize, Option<&Start<'_>>)> = vec![(from, None)];
    while let Some((at, first)) = open.pop() {
        if std::mem::replace(&mut seen[at], true) {
            continue;
        }
        for start in &starts[at] {
            let first = first.or(Some(start));
            if start.started == to {
                return Some(first);
            }
            open.push((start.started, first));
        }
    }
    None
}
