//! Nobody is asked before production.

use crate::catalog::advice::advice;
use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::{Action, Model, Purpose};

pub(super) const RULE: Rule = Rule {
    code: "approval-missing",
    severity: Severity::Warning,
    summary: "a stage deploys to production, and no approval stands before it",
    why: "Every commit goes to production as it is, and nobody is asked. That can be meant; then say so with \
          `# pipectl: ignore[approval-missing]`, or let a condition decide with `beforeEntry`.\n\n\
          An approval anywhere earlier in the pipeline counts, and so does a transition that is switched off.",
    aws: "",
    wrong: "stages:\n  - unit: pytest\n  - name: Prod\n    deploy: ./deploy.sh",
    right: "stages:\n  - unit: pytest\n  - approval: ops@example.com\n  - name: Prod\n    deploy: ./deploy.sh",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/approvals.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        let steps: Vec<Step<'_>> = flow::steps(pipeline).collect();
        let gate = pipeline.stages.iter().position(|stage| {
            let off = stage
                .transition
                .as_ref()
                .is_some_and(|transition| !transition.enabled);
            off || stage.before_entry.is_some()
        });
        let unasked = steps.iter().find(|step| {
            is_production(&step.stage.name.value)
                && step.stage.name.known
                && deploys(subject.model, step.action)
                && gate.is_none_or(|gate| gate > step.at)
                && !steps
                    .iter()
                    .any(|other| other.action.category.value == "Approval" && other.before(step))
        });
        let Some(step) = unasked else { continue };
        let name = &step.stage.name;
        let span = if name.span.start() < name.span.end() {
            name.span
        } else {
            step.stage.span
        };
        let help = if step.action.raw {
            "put an action of category `Approval`, provider `Manual`, in a stage before it or with a lower `runOrder`"
        } else {
            "put `- approval: ADDRESS` before it; if every commit is to go live: `# pipectl: ignore[approval-missing]`"
        };
        diagnostics.push(
            RULE.finding(
                span,
                step.stage.path.clone(),
                format!(
                    "the stage `{}` deploys to production, and nobody is asked before",
                    name.value
                ),
            )
            .label("production")
            .related(step.action.span, "deploys")
            .help(help),
        );
    }
}

fn deploys(model: &Model, action: &Action) -> bool {
    if flow::project(model, action).is_some_and(|project| project.purpose == Purpose::Deploy) {
        return true;
    }
    // a change set that is only prepared deploys nothing yet
    let prepares = flow::configuration(action, "ActionMode")
        .is_some_and(|mode| !mode.known || mode.value == "CHANGE_SET_REPLACE");
    action.category.value == "Deploy" && !prepares
}

/// Whether a stage of this name is production.
fn is_production(name: &str) -> bool {
    let advice = advice();
    let words = super::names::words(name);
    words.iter().enumerate().any(|(at, word)| {
        let beside = |at: Option<usize>, list: &[String]| {
            at.and_then(|at| words.get(at))
                .is_some_and(|word| list.contains(word))
        };
        advice.production_words.contains(word)
            && !beside(at.checked_sub(1), &advice.not_production.before)
            && !beside(Some(at + 1), &advice.not_production.after)
    })
}

#[cfg(test)]
mod tests {
    use super::is_production;

    #[test]
    fn production_is_known_by_its_words() {
        for name in [
            "Prod",
            "PROD",
            "prod",
            "DeployOnProd",
            "deploy-production",
            "Production",
            "live",
            "Prod-EU",
            "GoLive",
            "DeployPROD",
        ] {
            assert!(is_production(name), "{name}");
        }
        for name in [
            "PreProd",
            "pre-production",
            "NonProd",
            "preprod",
            "Product",
            "Products",
            "Delivery",
            "ProdLike",
            "Beta",
            "Alive",
            "Livestream",
            "non_prod",
        ] {
            assert!(!is_production(name), "{name}");
        }
    }
}
