//! A batch is started in a project that can have one.

use crate::checks::flow;
use crate::checks::{Rule, Subject, fields};
use crate::diagnostic::{Diagnostics, Severity};

use super::form;

pub(super) const RULE: Rule = Rule {
    code: "batch-config-missing",
    severity: Severity::Error,
    summary: "an action starts a batch in a project that has no configuration for batches",
    why: "BatchEnabled starts the builds of the buildspec's `batch`, and for that the project has a `buildBatchConfig` with \
          the role that starts them. AWS takes the pipeline; the action fails when it runs.",
    aws: "",
    wrong: "configuration: {ProjectName: shop, BatchEnabled: \"true\"}  # and the project `shop` has no buildBatchConfig",
    right: "configuration: {ProjectName: shop, BatchEnabled: \"true\"}  # and the project `shop` has\nbuildBatchConfig: {serviceRole: \"arn:aws:iam::123456789012:role/batch\"}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeBuild.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for step in flow::all_steps(subject.model) {
        let Some(value) = step
            .configuration("BatchEnabled")
            .filter(|text| form::fixed(text))
        else {
            continue;
        };
        let Some(project) = flow::project(subject.model, step.action).filter(|project| {
            !project.existing && !project.batch && project.api.is_none() && value.value == "true"
        }) else {
            continue;
        };
        let (place, help) = if project.raw {
            let role = "buildBatchConfig: {serviceRole: ROLE}";
            (
                fields::get(&project.definition, "name").map(|name| name.span),
                format!("add `{role}` to the project, or leave the batch out"),
            )
        } else {
            (
                Some(project.span),
                "add `batch: true` to the project, or leave the batch out".to_owned(),
            )
        };
        diagnostics.push(
            RULE.finding(
                value.span,
                step.key_path("BatchEnabled"),
                format!(
                    "`{}` starts a batch, and the project `{}` has no configuration for batches",
                    step.action.name.value, project.name.value
                ),
            )
            .label("a batch of builds")
            .perhaps_related(place, "the project")
            .help(help)
            .through(value.origin.as_ref()),
        );
    }
}
