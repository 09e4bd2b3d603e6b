//! Run-time variables stand where CodePipeline resolves them.

use crate::checks::flow::{self, Step};
use crate::checks::references::references;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::Text;

use super::form;
use super::places::{places, well_formed};

pub(super) const RULE: Rule = Rule {
    code: "run-time-variable-misplaced",
    severity: Severity::Error,
    summary: "a run-time variable stands where CodePipeline does not resolve it",
    why: "CodePipeline puts values in place of #{Namespace.Variable} in the configuration of actions and in \
          environment variables on actions, and nowhere else: not in names, roles and regions, and not in a CodeBuild \
          project, which is not its own. Pipeline variables cannot be used in sources, which run before they are known.",
    aws: "",
    wrong: "source:\n  codecommit: shop\n  branch: \"#{variables.branch}\"\nvariables:\n  branch: main",
    right: "source:\n  codecommit: shop\n  branch: main",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for step in flow::all_steps(subject.model) {
        if step.action.category.value == "Source" {
            source(subject, &step, diagnostics);
        }
        let fields = [
            ("region", step.action.region.as_ref()),
            ("role", step.action.role_arn.as_ref()),
        ];
        for (part, text) in fields {
            let Some(text) = text else { continue };
            for reference in references(text) {
                diagnostics.push(
                    RULE.finding(
                        subject.part(text, reference.start, reference.end),
                        step.path(part),
                        format!("the {part} of an action cannot hold a run-time variable"),
                    )
                    .label("not resolved here")
                    .help("write it out, or give it with `${param:…}`, which pipectl resolves")
                    .through(text.origin.as_ref()),
                );
            }
        }
    }
    for project in subject.model.projects.iter().filter(|project| project.raw) {
        for (index, variable) in project.environment.iter().enumerate() {
            let path = format!(
                "{}.environment.environmentVariables[{index}].value",
                project.path
            );
            of_project(subject, &variable.value, &path, diagnostics);
        }
    }
}

fn source(subject: &Subject<'_>, step: &Step<'_>, diagnostics: &mut Diagnostics) {
    let pipeline_variables = places(step)
        .into_iter()
        .filter(|place| place.reference.namespace == "variables" && well_formed(&place.reference));
    for place in pipeline_variables {
        diagnostics.push(
            RULE.finding(
                subject.part(place.text, place.reference.start, place.reference.end),
                place.path,
                format!(
                    "the source `{}` cannot use a pipeline variable",
                    step.action.name.value
                ),
            )
            .label("not resolved here")
            .help("write it out, or give it with `${param:…}`, which pipectl resolves")
            .through(place.text.origin.as_ref()),
        );
    }
}

/// AWS takes it as text; what the build sees is the reference itself.
fn of_project(subject: &Subject<'_>, text: &Text, path: &str, diagnostics: &mut Diagnostics) {
    for reference in references(text).iter().filter(|one| well_formed(one)) {
        let written = &text.value[reference.start..reference.end];
        diagnostics.push(
            RULE.doubtful(
                subject.part(text, reference.start, reference.end),
                path,
                format!(
                    "CodeBuild does not resolve `{}`: the build sees it as it stands here",
                    form::short(written)
                ),
            )
            .label("not resolved here")
            .help("give it to the action that runs the project: `EnvironmentVariables` of its configuration")
            .through(text.origin.as_ref()),
        );
    }
}
