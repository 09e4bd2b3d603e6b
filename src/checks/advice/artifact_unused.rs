//! What a build writes and nothing reads.

use crate::catalog::advice::advice;
use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::{Model, Output};
use crate::source::Span;

pub(super) const RULE: Rule = Rule {
    code: "artifact-unused",
    severity: Severity::Warning,
    summary: "an action writes an artifact that nothing reads",
    why: "The artifact is packed, stored and paid for at each run. Often it is the sign of a mistake: an input that \
          names another artifact, or a deployment that was to read it. Sources are not meant here, AWS wants an output \
          of each.",
    aws: "",
    wrong: "- build:\n    run: make\n    output: Pages      # no input names it",
    right: "- build:\n    run: make",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/welcome-introducing-artifacts.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        let steps: Vec<Step<'_>> = flow::steps(pipeline).collect();
        for (step, output) in unread(subject.model, &steps) {
            if misdirected(&steps, step).is_some() {
                continue;
            }
            let name = &output.name;
            let help = help(subject, step, output);
            diagnostics.push(
                RULE.finding(
                    name.span,
                    step.path(if step.action.raw {
                        "outputArtifacts"
                    } else {
                        "output"
                    }),
                    format!(
                        "`{}` writes `{}`, and nothing reads it",
                        step.action.name.value, name.value
                    ),
                )
                .label("read by nobody")
                .help(help)
                .through(name.origin.as_ref()),
            );
        }
    }
}

/// What to take away, by the key that the file gives the output with.
fn help(subject: &Subject<'_>, step: &Step<'_>, output: &Output) -> String {
    let (action, name) = (step.action.span, &output.name);
    if step.action.raw {
        return "leave the output out, or let an action read it".to_owned();
    }
    let between = Span::new(
        action.file,
        action.end(),
        name.span.start().max(action.end()),
    );
    let written = match name.span.file == action.file {
        true => subject.sources.slice(between),
        false => "",
    };
    let key = ["outputs", "output"].map(|word| (written.rfind(&format!("{word}:")), word));
    let away = match key.iter().max() {
        Some((Some(_), "outputs")) => "take it out of `outputs`",
        Some((Some(_), _)) => "leave `output` out",
        _ => "leave `artifacts` out",
    };
    format!("{away}, or let an action read it: `input: {}`", name.value)
}

/// Outputs that no action and no condition reads, and that AWS does not demand.
pub(super) fn unread<'s, 'a>(
    model: &'a Model,
    steps: &'s [Step<'a>],
) -> Vec<(&'s Step<'a>, &'a Output)> {
    let read = |name: &str| {
        steps.iter().any(|step| {
            let actions = step.action.inputs.iter();
            let conditions = [
                &step.stage.before_entry,
                &step.stage.on_success,
                &step.stage.on_failure,
            ];
            let rules = conditions
                .into_iter()
                .flatten()
                .flat_map(|condition| &condition.rules);
            actions
                .chain(rules.flat_map(|rule| &rule.inputs))
                .any(|input| !input.known || input.value == name)
        })
    };
    let written = |name: &str| {
        let outputs = steps.iter().flat_map(|step| &step.action.outputs);
        outputs
            .filter(|output| !output.name.known || output.name.value == name)
            .count()
    };
    // an input that nothing writes may mean any of them, and is told on its own
    let lost = steps
        .iter()
        .flat_map(|step| &step.action.inputs)
        .any(|input| input.known && written(&input.value) == 0);
    if lost {
        return Vec::new();
    }
    steps
        .iter()
        .filter(|step| step.action.category.value != "Source")
        .filter(|step| {
            step.kind()
                .is_some_and(|kind| kind.outputs.min < step.action.outputs.len())
                && !shared(model, step)
        })
        .flat_map(|step| step.action.outputs.iter().map(move |output| (step, output)))
        .filter(|(_, output)| {
            let name = &output.name;
            name.known && !read(&name.value) && written(&name.value) == 1
        })
        .collect()
}

/// Whether the project that writes it runs elsewhere too, where it may be read.
fn shared(model: &Model, step: &Step<'_>) -> bool {
    let Some(project) = &step.action.project else {
        return false;
    };
    let runs =
        flow::all_steps(model).filter(|other| other.action.project.as_ref() == Some(project));
    runs.count() > 1
}

/// A later deployment that reads a source, although this build reads the same source and nothing reads what it writes.
pub(super) fn misdirected<'s, 'a>(steps: &'s [Step<'a>], build: &Step<'_>) -> Option<&'s Step<'a>> {
    let written_by_source = |name: &str| {
        steps.iter().any(|step| {
            step.action.category.value == "Source"
                && step
                    .action
                    .outputs
                    .iter()
                    .any(|output| output.name.known && output.name.value == name)
        })
    };
    if build.action.category.value != "Build" {
        return None;
    }
    steps.iter().find(|step| {
        let action = step.action;
        action.category.value == "Deploy"
            && action.provider.value != "CodeBuild"
            && !advice().template_providers.contains(&action.provider.value)
            && step.kind().is_some()
            && build.before(step)
            && !action.inputs.is_empty()
            && action.inputs.iter().all(|input| {
                input.known
                    && written_by_source(&input.value)
                    && build
                        .action
                        .inputs
                        .iter()
                        .any(|read| read.value == input.value)
            })
    })
}
