//! A pipeline that updates itself does not hold what each commit changes.

use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::{Pipeline, Text};
use crate::tree::Origin;

pub(super) const RULE: Rule = Rule {
    code: "self-update-restarts",
    severity: Severity::Error,
    summary: "a pipeline that updates itself holds the commit, so that each commit starts it again",
    why: "The self-update brings the pipeline to what the commit's file says. If the file puts the commit's own id or \
          message into an action, then every commit changes the structure of the pipeline: the run is ended and \
          started again, each time.\n\n\
          CodePipeline knows the commit while it runs: `#{SourceVariables.CommitId}`, with the namespace of the \
          source action, says it without changing the definition.",
    aws: "",
    wrong: "stages:\n  - selfUpdate\n  - approval: { message: \"Ship ${git:sha}?\" }",
    right: "source:\n  codecommit: shop\n  branch: main\n  namespace: Src\nstages:\n  - selfUpdate\n  - approval: { \
            message: \"Ship #{Src.CommitId}?\" }",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        let Some(update) = flow::steps(pipeline).find(|step| step.action.self_update.is_some())
        else {
            continue;
        };
        for (text, path) in texts(pipeline) {
            let Some(variable) = commit(text.origin.as_deref()) else {
                continue;
            };
            let finding = RULE
                .finding(
                    text.span,
                    path,
                    format!("`{variable}` is another with each commit, and the pipeline updates itself"),
                )
                .label("changes the pipeline at each commit")
                .related(update.action.span, "then this starts it again")
                .help("use what CodePipeline knows when it runs: `#{NAMESPACE.CommitId}`, with the source's `namespace`")
                .through(text.origin.as_ref());
            diagnostics.push(finding);
        }
    }
}

/// The variable of the way that gives what each commit changes.
fn commit(mut origin: Option<&Origin>) -> Option<&str> {
    while let Some(step) = origin {
        let of_commit = ["git:sha", "git:shortSha", "git:message"];
        if of_commit.iter().any(|source| step.what.contains(source)) {
            return Some(&step.what);
        }
        origin = step.from.as_deref();
    }
    None
}

/// The texts that stand in the pipeline's own definition.
fn texts(pipeline: &Pipeline) -> Vec<(&Text, String)> {
    let mut all = vec![(&pipeline.name, pipeline.path.clone())];
    for variable in &pipeline.variables {
        let path = format!("{}.variables", pipeline.path);
        let own = [
            Some(&variable.name),
            variable.default.as_ref(),
            variable.description.as_ref(),
        ];
        all.extend(own.into_iter().flatten().map(|text| (text, path.clone())));
    }
    for stage in &pipeline.stages {
        all.push((&stage.name, stage.path.clone()));
    }
    for step in flow::steps(pipeline) {
        all.extend(of_action(&step));
    }
    all
}

fn of_action<'a>(step: &Step<'a>) -> Vec<(&'a Text, String)> {
    let action = step.action;
    let configuration = action.configuration.iter().map(|(_, value)| value);
    let environment = action.environment.iter().chain(&action.build_environment);
    configuration
        .chain(environment.map(|variable| &variable.value))
        .chain(&action.commands)
        .chain([&action.name])
        .chain(
            action
                .region
                .iter()
                .chain(&action.role_arn)
                .chain(&action.namespace),
        )
        .chain(action.inputs.iter())
        .chain(action.outputs.iter().map(|output| &output.name))
        .map(|text| (text, action.path.clone()))
        .collect()
}
