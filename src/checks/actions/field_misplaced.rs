//! Members of an action that only some action types have.

use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject, fields};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::source::Span;

use super::form;

pub(super) const RULE: Rule = Rule {
    code: "field-misplaced",
    severity: Severity::Error,
    summary: "commands, output variables or files stand on an action that is no Commands action",
    why: "commands, outputVariables, and files of output artifacts are members of the Commands action. A CodeBuild \
          action has them in its buildspec. environmentVariables stand on Commands and EKS actions; a CodeBuild \
          action has them as JSON text in its configuration.",
    aws: "The following action cannot contain a commands field: Build. To use the commands field, use a compute action.",
    wrong: "- definition:\n    name: Build\n    actionTypeId: {category: Build, owner: AWS, provider: CodeBuild, version: \"1\"}\n    configuration: {ProjectName: shop}\n    inputArtifacts: [{name: Source}]\n    commands: [make]",
    right: "- commands: make",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-Commands.html",
    facts: &["S22a"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for step in flow::all_steps(subject.model) {
        let action = step.action;
        // of a short form what `api` says
        let said = |field: &str| {
            let api = action.api.as_ref();
            action.raw || api.is_some_and(|api| api.get(field).is_some())
        };
        // of what the catalogue does not have nobody knows the members
        let Some(kind) = step.kind() else { continue };
        let lists = [
            ("commands", "commands", action.commands.is_empty()),
            (
                "outputVariables",
                "exports",
                action.output_variables.is_empty(),
            ),
            ("environmentVariables", "env", action.environment.is_empty()),
        ];
        for (field, word, empty) in lists {
            if !empty && said(field) && !kind.has_field(field) {
                diagnostics.push(one(&step, field, form::list(&step, field), step.path(word)));
            }
        }
        if kind.has_field("files") || !said("outputArtifacts") {
            continue;
        }
        for (index, output) in action.outputs.iter().enumerate() {
            let Some(file) = output.files.first() else {
                continue;
            };
            let path = format!("{}[{index}].files", step.path("output"));
            diagnostics.push(one(&step, "files", file.span, path));
        }
    }
}

fn one(step: &Step<'_>, field: &str, span: Span, path: String) -> Diagnostic {
    let provider = &step.action.provider.value;
    let action = fields::with_article(provider);
    let message = format!("{action} action has no `{field}`");
    let build = provider == "CodeBuild";
    // what AWS says to environment variables of other actions is not known
    let finding = if field == "environmentVariables" {
        RULE.doubtful(span, path, message)
    } else {
        RULE.finding(span, path, message)
    };
    let help = match field {
        "commands" if build => "write them into the buildspec of the project",
        "outputVariables" if build => {
            "list them in the buildspec: `env: {exported-variables: […]}`"
        }
        "files" if build => "list them in the buildspec: `artifacts: {files: […]}`",
        "environmentVariables" if build => {
            "write `configuration: {EnvironmentVariables: '[{\"name\": …, \"value\": …}]'}`"
        }
        "environmentVariables" => {
            "leave it out; only actions of the providers Commands and EKS have it"
        }
        _ => "leave it out; only actions of the category Compute and the provider Commands have it",
    };
    finding.label("does not belong here").help(help)
}
