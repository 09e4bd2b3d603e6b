//! Namespaces are unique in the pipeline.

use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::{Pipeline, Text};

pub(super) const RULE: Rule = Rule {
    code: "namespace-duplicate",
    severity: Severity::Error,
    summary: "a namespace is used twice, or is the name of an artifact",
    why: "A namespace says whose variables `#{Namespace.Variable}` means, so every action has one of its own in the \
          whole pipeline. That a namespace is also the name of an artifact is a warning: AWS advises against it. \
          Sources have the namespace `<Action>Variables` unless the file gives another.",
    aws: "Namespaces must be unique across the pipeline definition. The following occur more than once in the pipeline. StageName=[Source, Build], ActionName=[Source, Build], Namespace=[Vars]",
    wrong: "- name: Version\n  build: {run: make version, exports: [VERSION], namespace: Vars}\n- build: {run: make, exports: [DIGEST], namespace: Vars}",
    right: "- name: Version\n  build: {run: make version, exports: [VERSION], namespace: VersionVars}\n- build: {run: make, exports: [DIGEST], namespace: BuildVars}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html",
    facts: &["S20"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        one(pipeline, diagnostics);
    }
}

fn one(pipeline: &Pipeline, diagnostics: &mut Diagnostics) {
    let mut seen: Vec<(Step<'_>, &Text)> = Vec::new();
    for step in flow::steps(pipeline) {
        let namespace = step.action.namespace.as_ref().filter(|name| name.known);
        let Some(namespace) = namespace else { continue };
        let name = &step.action.name.value;
        let value = &namespace.value;
        let path = step.path("namespace");
        let first = seen.iter().find(|(_, other)| other.value == *value);
        if let Some((other, first)) = first {
            diagnostics.push(
                RULE.finding(
                    namespace.span,
                    path,
                    format!(
                        "`{name}` has the namespace `{value}`, which `{}` has already",
                        other.action.name.value
                    ),
                )
                .label("used again")
                .related(first.span, "the first")
                .help(format!("choose another, e.g. `namespace: {name}Variables`"))
                .through(namespace.origin.as_ref()),
            );
            continue;
        }
        let artifact = flow::steps(pipeline)
            .flat_map(|step| &step.action.outputs)
            .find(|output| output.name.known && output.name.value == *value);
        if let Some(artifact) = artifact {
            diagnostics.push(
                RULE.doubtful(
                    namespace.span,
                    path,
                    format!(
                        "`{value}` is a namespace and an artifact; AWS wants the two to differ"
                    ),
                )
                .label("a namespace")
                .related(artifact.name.span, "an artifact")
                .help(format!("choose another, e.g. `namespace: {name}Variables`"))
                .through(namespace.origin.as_ref()),
            );
        }
        seen.push((step, namespace));
    }
}
