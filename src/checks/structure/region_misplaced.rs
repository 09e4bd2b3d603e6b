//! Only actions of AWS that are no sources may stand in another region.

use super::wording::{home_span, is_source, lived_in};
use crate::catalog::structure;
use crate::checks::{Rule, Subject, flow};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::model::{Pipeline, Text};

pub(super) const RULE: Rule = Rule {
    code: "region-misplaced",
    severity: Severity::Error,
    summary: "a source, partner or custom action says another region",
    why: "Sources stand in the region of the pipeline, and so do the actions of partners and those that an account has \
          made for itself. The pipeline's own region may be written, as GetPipeline does; where every action says another \
          region, the pipeline lives there, and a warning tells how to say so.",
    aws: "",
    wrong: "source:\n  definition:\n    name: Source\n    region: us-east-1            # the pipeline is in eu-west-1\n    actionTypeId: {category: Source, owner: AWS, provider: CodeCommit, version: \"1\"}",
    right: "source:\n  definition:\n    name: Source\n    actionTypeId: {category: Source, owner: AWS, provider: CodeCommit, version: \"1\"}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/actions-create-cross-region.html",
    facts: &["S18"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let Some(home) = subject.region else { return };
    for pipeline in &subject.model.pipelines {
        match lived_in(pipeline).filter(|own| own.value != home) {
            Some(own) => diagnostics.push(elsewhere(subject, pipeline, own, home)),
            None => actions(subject, pipeline, home, diagnostics),
        }
    }
}

/// A pipeline of another region, pasted as GetPipeline writes it: it is right where it lives.
fn elsewhere(subject: &Subject<'_>, pipeline: &Pipeline, own: &Text, home: &str) -> Diagnostic {
    let region = &own.value;
    let first = flow::steps(pipeline).next();
    let path = first.map_or_else(String::new, |step| step.path("region"));
    let name = &pipeline.name.value;
    let message = format!(
        "every action of `{name}` is in {region}, and the pipeline is looked for in {home}"
    );
    RULE.doubtful(own.span, path, message)
        .label("as every action says")
        .perhaps_related(home_span(subject), "the region of the run")
        .help(format!(
            "if the pipeline lives there, give `--region {region}` or write `provider: {{region: {region}}}`; if not, leave `region` out"
        ))
        .through(own.origin.as_ref())
}

fn actions(subject: &Subject<'_>, pipeline: &Pipeline, home: &str, diagnostics: &mut Diagnostics) {
    for step in flow::steps(pipeline) {
        let action = step.action;
        let said = action.region.as_ref().filter(|region| region.known);
        // what is no region at all is another rule's finding
        let said = said.filter(|region| structure::regions().is_name(&region.value));
        let Some(region) = said.filter(|region| region.value != home) else {
            continue;
        };
        let what = if is_source(action) {
            "a source"
        } else if action.owner.known && action.owner.value == "ThirdParty" {
            "an action of a partner"
        } else if action.owner.known && action.owner.value == "Custom" {
            "a custom action"
        } else {
            continue;
        };
        diagnostics.push(
            RULE.finding(
                region.span,
                step.path("region"),
                format!(
                    "`{}` is {what} and cannot stand in {}: it is looked for in {home}, the region of the pipeline",
                    action.name.value, region.value
                ),
            )
            .label("not the pipeline's region")
            .perhaps_related(home_span(subject), "the region of the pipeline")
            .help("leave `region` out")
            .through(region.origin.as_ref()),
        );
    }
}
