//! An action has as many input and output artifacts as its type takes.

use crate::catalog::actions::{self, Bounds};
use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::model::Text;
use crate::source::Span;

use super::form;

pub(super) const RULE: Rule = Rule {
    code: "artifact-count",
    severity: Severity::Error,
    summary: "an action has too few or too many input or output artifacts",
    why: "Every action type takes a number of artifacts: a source has no input and one output, a deployment to ECS \
          exactly one input and no output, an approval neither. CodePipeline counts when the pipeline is written.",
    aws: "Action DeployToECS declares 0 input artifacts which is less than the minimum count (1)",
    wrong: "- deploy:\n    input: []\n    ecs: {cluster: shop, service: web}",
    right: "- deploy:\n    input: Build\n    ecs: {cluster: shop, service: web}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-action-artifacts.html",
    facts: &["S10"],
    check,
};

/// One side of an action.
struct Side<'a> {
    word: &'static str,
    member: &'static str,
    bounds: &'static Bounds,
    names: Vec<&'a Text>,
}

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for step in flow::all_steps(subject.model) {
        let action = step.action;
        let (inputs, outputs) = match step.kind() {
            Some(kind) if kind.owner != "Custom" => (&kind.inputs, &kind.outputs),
            _ if action.owner.value == "Custom" => {
                (&actions::custom().artifacts, &actions::custom().artifacts)
            }
            _ => continue,
        };
        let sides = [
            Side {
                word: "input",
                member: "inputArtifacts",
                bounds: inputs,
                names: action.inputs.iter().collect(),
            },
            Side {
                word: "output",
                member: "outputArtifacts",
                bounds: outputs,
                names: action.outputs.iter().map(|output| &output.name).collect(),
            },
        ];
        for side in sides {
            // what could not be read may be the artifact that is missing
            let few = side.names.len() < side.bounds.min;
            let unread = few && !subject.has_read_action(&step, &[side.member]);
            if !unread && !side.bounds.allows(side.names.len()) {
                diagnostics.push(one(&step, &side));
            }
        }
    }
}

fn one(step: &Step<'_>, side: &Side<'_>) -> Diagnostic {
    let Side {
        word,
        member,
        bounds,
        names,
    } = side;
    let count = names.len();
    let (min, max) = (bounds.min, bounds.max);
    let few = count < min;
    let first_too_many = if few { None } else { names.get(max) };
    let span: Span = first_too_many.map_or_else(|| form::list(step, member), |name| name.span);
    let takes = match (min, max) {
        (_, 0) => format!("no {word} artifact"),
        (min, max) if min == max => format!("exactly {min}"),
        (min, max) => format!("{min} to {max}"),
    };
    let counted = match count {
        0 => format!("no {word} artifact"),
        1 => format!("1 {word} artifact"),
        _ => format!("{count} {word} artifacts"),
    };
    let message = format!(
        "`{}` has {counted}; `{}` takes {takes}",
        step.action.name.value,
        form::kind(step)
    );
    let path = match first_too_many {
        Some(_) => step.artifact_path(word, max),
        None => step.path(word),
    };
    let finding = if bounds.surely_refuses(count) {
        RULE.finding(span, path, message)
    } else {
        RULE.doubtful(span, path, message)
    };
    let label = match few {
        true if count == 0 => format!("no {word}"),
        true => "too few".to_owned(),
        false if max == 0 => "takes none".to_owned(),
        false => "one too many".to_owned(),
    };
    finding.label(label).help(help(step, side, few))
}

fn help(step: &Step<'_>, side: &Side<'_>, few: bool) -> String {
    let word = side.word;
    let raw = step.action.raw;
    if !few {
        return match side.bounds.max {
            0 => format!("leave the {word} out"),
            max => format!("keep at most {max}"),
        };
    }
    if word == "output" {
        return match raw {
            true => "add `outputArtifacts: [{name: …}]`".to_owned(),
            false => "name it: `output: …`".to_owned(),
        };
    }
    let earlier: Vec<Step<'_>> = flow::steps(step.pipeline)
        .filter(|other| other.before(step))
        .collect();
    let outputs: Vec<&str> = earlier
        .iter()
        .flat_map(|other| &other.action.outputs)
        .map(|output| output.name.value.as_str())
        .filter(|name| !step.action.inputs.iter().any(|input| input.value == *name))
        .collect();
    let example = outputs.last().copied().unwrap_or("Source");
    let write = match raw {
        true => format!("add `inputArtifacts: [{{name: {example}}}]`"),
        false => format!("write `input: {example}`"),
    };
    match outputs.len() {
        0 | 1 => write,
        _ => format!("{write}; there are {}", form::listed(outputs)),
    }
}
