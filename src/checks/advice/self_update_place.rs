//! The self-update stands right behind the sources.

use crate::checks::flow;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "self-update-place",
    severity: Severity::Warning,
    summary: "the self-update does not stand right behind the sources",
    why: "The self-update brings the pipeline to what the file of this very commit says, and starts it again if its \
          structure changed. Right behind the sources it does so before anything else runs.\n\n\
          Further back, the stages before it have already run as the former file said, a production deployment among \
          them perhaps, and run a second time after the restart. As the last stage it restarts nothing: what the file \
          changes takes effect with the next push only.",
    aws: "",
    wrong: "stages:\n  - unit: pytest\n  - deploy: ./deploy.sh\n  - selfUpdate",
    right: "stages:\n  - selfUpdate\n  - unit: pytest\n  - deploy: ./deploy.sh",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-edit.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        let last = pipeline.stages.len().saturating_sub(1);
        for step in flow::steps(pipeline).filter(|step| step.action.self_update.is_some()) {
            let earlier = pipeline.stages[..step.at]
                .iter()
                .skip(1)
                .flat_map(|stage| &stage.actions)
                .chain(
                    step.stage
                        .actions
                        .iter()
                        .filter(|other| flow::run_order(other) < flow::run_order(step.action)),
                );
            let Some(first) = earlier.into_iter().next() else {
                continue;
            };
            let what = if step.at == last {
                "with the next push only"
            } else {
                "after these have run as the former file said"
            };
            diagnostics.push(
                RULE.finding(
                    step.action.span,
                    step.action.path.clone(),
                    format!(
                        "the self-update runs behind `{}`: a change of the file takes effect {what}",
                        first.name.value
                    ),
                )
                .label("self-update")
                .related(first.span, "runs before it")
                .help("make `- selfUpdate` the first item of `stages`"),
            );
        }
    }
}
