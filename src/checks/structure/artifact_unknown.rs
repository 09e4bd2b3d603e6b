//! An input is the output of an action that has surely run before.

use super::wording::{once, placed_conditions, rule_path};
use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity, nearest};
use crate::model::{Stage, Text};

pub(super) const RULE: Rule = Rule {
    code: "artifact-unknown",
    severity: Severity::Error,
    summary: "an input artifact is not the output of an earlier action",
    why: "An action reads artifacts that an earlier action has written. Actions of one stage with the same run order \
          run side by side, so that one cannot read what the other writes. Names of artifacts are compared with case.",
    aws: "",
    wrong: "- build: {run: make, artifacts: dist/**}\n- deploy:\n    input: Bild            # the build's output is called Build\n    s3: {bucket: my-bucket}",
    right: "- build: {run: make, artifacts: dist/**}\n- deploy:\n    input: Build\n    s3: {bucket: my-bucket}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/pipeline-requirements.html",
    facts: &["S09"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        let steps: Vec<Step<'_>> = flow::steps(pipeline).collect();
        let complete = subject.has_read_actions(pipeline, &["outputArtifacts"]);
        for step in &steps {
            for input in step.action.inputs.iter().filter(|input| input.known) {
                one(complete, &steps, step, input, diagnostics);
            }
        }
        for (at, stage) in pipeline.stages.iter().enumerate() {
            if complete {
                of_rules(&steps, at, stage, diagnostics);
            }
        }
    }
}

/// What the rules of a stage's conditions read: before the entry what earlier stages have written, behind it what the
/// stage itself has written, too.
fn of_rules(steps: &[Step<'_>], at: usize, stage: &Stage, diagnostics: &mut Diagnostics) {
    for (place, condition) in placed_conditions(stage) {
        let last = if place == "beforeEntry" { at } else { at + 1 };
        let written: Vec<&Text> = steps
            .iter()
            .filter(|step| step.at < last)
            .flat_map(|step| step.action.outputs.iter().map(|output| &output.name))
            .collect();
        if written.iter().any(|name| !name.known) {
            continue;
        }
        for (index, rule) in condition.rules.iter().enumerate() {
            let unknown = rule.inputs.iter().filter(|input| {
                input.known && written.iter().all(|name| name.value != input.value)
            });
            for input in unknown {
                let name = &input.value;
                let finding = RULE
                    .finding(
                        input.span,
                        format!("{}.inputArtifacts", rule_path(condition, index)),
                        format!("no earlier action writes the artifact `{name}`"),
                    )
                    .label("unknown artifact")
                    .through(input.origin.as_ref());
                let names = written.iter().map(|name| name.value.as_str());
                diagnostics.push(match nearest(name, names) {
                    Some(near) => finding.help(format!("did you mean `{near}`?")),
                    None => finding,
                });
            }
        }
    }
}

fn one(
    complete: bool,
    steps: &[Step<'_>],
    step: &Step<'_>,
    input: &Text,
    diagnostics: &mut Diagnostics,
) {
    let outputs = || {
        steps
            .iter()
            .flat_map(|step| step.action.outputs.iter().map(move |output| (step, output)))
    };
    if outputs().any(|(producer, output)| !output.name.known && producer.before(step)) {
        return;
    }
    let producers: Vec<_> = outputs()
        .filter(|(_, output)| output.name.value == input.value)
        .collect();
    if producers.iter().any(|(producer, _)| producer.before(step)) {
        return;
    }
    let path = step.path("input");
    let name = &input.value;
    let finding = match producers.first() {
        Some((producer, output)) if std::ptr::eq(producer.action, step.action) => RULE
            .finding(
                input.span,
                path,
                format!("`{}` reads its own output `{name}`", step.action.name.value),
            )
            .label("read here")
            .related(output.name.span, "written here"),
        Some((producer, output)) => {
            let when = if producer.at == step.at {
                "in the same stage and not earlier"
            } else {
                "only later"
            };
            let help = if producer.at == step.at {
                match step.action.raw {
                    true => format!(
                        "let it wait: `runOrder: {}`, or a stage of its own",
                        flow::run_order(producer.action).saturating_add(1)
                    ),
                    false => format!(
                        "let it wait: `needs: [{}]`, or a stage of its own",
                        producer.action.name.value
                    ),
                }
            } else {
                format!("move `{}` behind it", step.action.name.value)
            };
            RULE.finding(
                input.span,
                path,
                format!(
                    "`{}` needs `{name}`, which `{}` writes {when}",
                    step.action.name.value, producer.action.name.value
                ),
            )
            .label("needed here")
            .related(output.name.span, "written here")
            .help(help)
        }
        // its producer may be what could not be read
        None if !complete => return,
        None => {
            let known = once(
                outputs()
                    .filter(|(producer, _)| producer.before(step))
                    .map(|(_, output)| output.name.value.as_str()),
            );
            let finding = RULE
                .finding(
                    input.span,
                    path,
                    format!("no earlier action writes the artifact `{name}`"),
                )
                .label("unknown artifact");
            match nearest(name, known.iter().copied()) {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None if known.is_empty() => finding,
                None => finding.help(format!("there are: {}", known.join(", "))),
            }
        }
    };
    diagnostics.push(finding.through(input.origin.as_ref()));
}
