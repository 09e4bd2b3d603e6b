//! Several outputs of a build are secondary artifacts of its buildspec.

use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, nearest};
use crate::model::{Buildspec, Project, Purpose, Text};
use crate::tree::{Entry, Node};

use super::form;

pub(super) const RULE: Rule = Rule {
    code: "output-undeclared",
    severity: Severity::Warning,
    summary: "an output of a build with several is no secondary artifact of its buildspec",
    why: "A build with one output hands on what stands under artifacts of its buildspec. With several outputs every one \
          must stand under artifacts.secondary-artifacts by its name; what does not is never uploaded, and the action \
          that reads it fails.",
    aws: "",
    wrong: "- build:\n    buildspec:\n      version: 0.2\n      phases: {build: {commands: [make]}}\n      artifacts: {secondary-artifacts: {Pages: {files: [web/*]}}}\n    outputs: [Pages, Api]",
    right: "- build:\n    buildspec:\n      version: 0.2\n      phases: {build: {commands: [make]}}\n      artifacts: {secondary-artifacts: {Pages: {files: [web/*]}, Api: {files: [api/*]}}}\n    outputs: [Pages, Api]",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeBuild.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    if !subject.complete() {
        return;
    }
    for step in flow::all_steps(subject.model) {
        let outputs = &step.action.outputs;
        if outputs.is_empty() || step.configuration("BuildspecOverride").is_some() {
            continue;
        }
        let project = flow::project(subject.model, step.action);
        if let Some(project) = project
            && let Some(buildspec) = buildspec(subject, project)
        {
            match &outputs[..] {
                [only] => diagnostics.extend(without_artifacts(&step, &only.name, buildspec)),
                _ => one(&step, buildspec, diagnostics),
            }
        }
    }
}

/// The buildspec of a project, where it is known and a person wrote it.
fn buildspec<'a>(subject: &Subject<'a>, project: &'a Project) -> Option<&'a Node> {
    if project.existing || project.batch || project.purpose == Purpose::SelfUpdate {
        return None;
    }
    let node = match &project.buildspec {
        Buildspec::Inline(node) => node,
        Buildspec::Path(path) => subject.buildspecs.get(&path.value)?,
        Buildspec::Default => subject.buildspecs.get("buildspec.yml")?,
    };
    node.as_map().is_some().then_some(node)
}

/// One output is what the buildspec's `artifacts` name.
fn without_artifacts(step: &Step<'_>, output: &Text, buildspec: &Node) -> Option<Diagnostic> {
    if !output.known || buildspec.entry("artifacts").is_some() || buildspec.has_unknown() {
        return None;
    }
    let (name, build) = (&output.value, &step.action.name.value);
    Some(
        RULE.finding(
            output.span,
            step.artifact_path("output", 0),
            format!(
                "the buildspec of `{build}` has no `artifacts`, and so nothing goes into `{name}`"
            ),
        )
        .label("never uploaded")
        .help("add `artifacts: {files: ['**/*']}` to the buildspec, or leave the output out")
        .through(output.origin.as_ref()),
    )
}

fn one(step: &Step<'_>, buildspec: &Node, diagnostics: &mut Diagnostics) {
    let artifacts = buildspec.entry("artifacts");
    let secondary = artifacts.and_then(|entry| entry.value.entry("secondary-artifacts"));
    let declared: Vec<&Entry> = secondary
        .and_then(|entry| entry.value.as_map())
        .unwrap_or_default()
        .iter()
        .collect();
    // what only AWS knows may hold any of them
    let open = artifacts.is_some_and(|entry| entry.value.has_unknown());
    if open {
        return;
    }
    for (index, output) in step.action.outputs.iter().enumerate() {
        let name = &output.name;
        if !name.known || declared.iter().any(|entry| entry.key == name.value) {
            continue;
        }
        let keys = || declared.iter().map(|entry| entry.key.as_str());
        let finding = RULE
            .finding(
                name.span,
                step.artifact_path("output", index),
                format!(
                    "the buildspec of `{}` has no secondary artifact `{}`",
                    step.action.name.value, name.value
                ),
            )
            .label("never uploaded")
            .through(name.origin.as_ref());
        let finding = match secondary.or(artifacts) {
            Some(entry) => finding.related(entry.key_span, "the artifacts of the buildspec"),
            None => finding,
        };
        diagnostics.push(match nearest(&name.value, keys()) {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None if declared.is_empty() => finding.help(format!(
                "add `artifacts: {{secondary-artifacts: {{{}: {{files: […]}}}}}}` to the buildspec",
                name.value
            )),
            None => finding.help(format!("it has {}", form::listed(keys()))),
        });
    }
}
