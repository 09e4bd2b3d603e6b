//! Only actions of AWS that are no sources may stand in another region.

use super::wording::{home_span, is_source};
use crate::catalog::structure;
use crate::checks::{Rule, Subject, flow};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "region-misplaced",
    severity: Severity::Error,
    summary: "a source, partner or custom action says another region",
    why: "Sources stand in the region of the pipeline, and so do the actions of partners and those that an account has \
          made for itself. The pipeline's own region may be written, as GetPipeline does.",
    aws: "",
    wrong: "source:\n  definition:\n    name: Source\n    region: us-east-1            # the pipeline is in eu-west-1\n    actionTypeId: {category: Source, owner: AWS, provider: CodeCommit, version: \"1\"}",
    right: "source:\n  definition:\n    name: Source\n    actionTypeId: {category: Source, owner: AWS, provider: CodeCommit, version: \"1\"}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/actions-create-cross-region.html",
    facts: &["S18"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let Some(home) = subject.region else { return };
    for step in flow::all_steps(subject.model) {
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
