//! An input is the output of an action that has surely run before.

use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity, nearest};
use crate::model::Text;

pub(super) const RULE: Rule = Rule {
    code: "artifact-unknown",
    severity: Severity::Error,
    summary: "an input artifact is not the output of an earlier action",
    why: "An action reads artifacts that an earlier action has written. Actions of one stage with the same run order \
          run side by side, so that one cannot read what the other writes. Names of artifacts are compared with case.",
    aws: "",
    wrong: "- deploy:\n    input: Bild            # the build's output is called Build\n    s3: my-bucket",
    right: "- deploy:\n    input: Build\n    s3: my-bucket",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/pipeline-requirements.html",
    facts: &["S09"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        let steps: Vec<Step<'_>> = flow::steps(pipeline).collect();
        for step in &steps {
            for input in step.action.inputs.iter().filter(|input| input.known) {
                one(subject.complete, &steps, step, input, diagnostics);
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
                format!(
                    "let it wait: `needs: [{}]`, or a stage of its own",
                    producer.action.name.value
                )
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
            let known: Vec<&str> = outputs()
                .filter(|(producer, _)| producer.before(step))
                .map(|(_, output)| output.name.value.as_str())
                .collect();
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
