//! A source polls.

use crate::checks::flow;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "source-polling",
    severity: Severity::Warning,
    summary: "a source asks for changes again and again instead of being told",
    why: "Where `PollForSourceChanges` is absent, CodePipeline takes it for `true` and asks the source about once a \
          minute. An EventBridge rule or a webhook beside it starts the pipeline a second time for the same change. A \
          region has room for a few hundred polling pipelines, and AWS switches polling off in pipelines that have \
          not run for a month.\n\n\
          In the short form pipectl always sends `\"false\"` and makes the rule or the webhook; a raw definition goes \
          out as it is written.",
    aws: "",
    wrong: "source:\n  codecommit: shop\n  branch: main\n  detect: polling",
    right: "source:\n  codecommit: shop\n  branch: main",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/change-detection-methods.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for step in flow::all_steps(subject.model) {
        let Some(key) = step.kind().and_then(|kind| kind.polling_key.as_ref()) else {
            continue;
        };
        let name = &step.action.name.value;
        let finding = match step.configuration(key) {
            Some(value) if !value.known || value.value != "true" => continue,
            Some(value) => {
                let finding = RULE
                    .finding(
                        value.span,
                        step.path(&if step.action.raw {
                            format!("configuration.{key}")
                        } else {
                            "detect".to_owned()
                        }),
                        format!("the source `{name}` polls"),
                    )
                    .label("polls")
                    .through(value.origin.as_ref());
                if step.action.raw {
                    finding.help(format!(
                        "write `{key}: \"false\"`, and have an EventBridge rule or a webhook that starts the pipeline"
                    ))
                } else {
                    finding.help(
                        "leave `detect` out: pipectl makes what tells the pipeline of a change",
                    )
                }
            }
            None => RULE
                .finding(
                    step.action.span,
                    step.action.path.clone(),
                    format!("the source `{name}` polls: that is what AWS does where `{key}` is absent"),
                )
                .label(format!("no `{key}`"))
                .help(format!(
                    "write `{key}: \"false\"` into its configuration; an EventBridge rule or a webhook starts the \
                     pipeline, and together with polling it would run twice"
                )),
        };
        diagnostics.push(finding);
    }
}
