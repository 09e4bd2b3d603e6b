//! The artifacts that a configuration names are inputs of the action.

use serde_json::Value;

use crate::catalog::keys::{ConfigKey, Format};
use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity, nearest};
use crate::model::Text;

use super::form;

pub(super) const RULE: Rule = Rule {
    code: "artifact-not-input",
    severity: Severity::Error,
    summary: "the configuration names an artifact that is no input of the action",
    why: "Template paths, PrimarySource, the artifacts of task definitions and images, and Fn::GetArtifactAtt in \
          parameters name artifacts. CodePipeline hands an action its input artifacts and no others, so that each of \
          them must be among the inputs. Names are compared with case.",
    aws: "",
    wrong: "- deploy:\n    input: Build\n    cloudformation: {stack: shop, role: \"${ssm:/shop/role}\", template: \"Source::shop.yml\"}",
    right: "- deploy:\n    input: [Build, Source]\n    cloudformation: {stack: shop, role: \"${ssm:/shop/role}\", template: \"Source::shop.yml\"}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CloudFormation.html",
    facts: &["S21"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for step in flow::all_steps(subject.model) {
        if !subject.has_read_action(&step, &["inputArtifacts"]) {
            continue;
        }
        let (Some(kind), Some(inputs)) = (step.kind(), form::inputs(&step)) else {
            continue;
        };
        for (name, value) in &step.action.configuration {
            let Some(key) = kind.key(&name.value).filter(|_| form::fixed(value)) else {
                continue;
            };
            let mut said: Vec<String> = Vec::new();
            for artifact in named(&step, key, value) {
                let missing = !inputs.iter().any(|input| input.value == artifact);
                if missing && !said.contains(&artifact) {
                    one(subject, &step, (key, value), &artifact, inputs, diagnostics);
                    said.push(artifact);
                }
            }
        }
    }
}

/// The artifacts that a value names.
fn named(step: &Step<'_>, key: &ConfigKey, value: &Text) -> Vec<String> {
    let text = value.value.as_str();
    let before = text.split_once("::").map(|(artifact, _)| artifact);
    let artifact = match key.format {
        Format::ArtifactName => Some(text),
        Format::ArtifactPath => before,
        // any other text may hold `::`; meant as an artifact is the name of one, and what can be nothing else
        Format::ArtifactPathOrText => before.filter(|name| {
            let path = &text[name.len() + "::".len()..];
            let plain = |text: &str| !text.contains([' ', '=', ',', ':', '{', '\n', '"']);
            !path.is_empty() && plain(name) && plain(path)
                || flow::steps(step.pipeline)
                    .flat_map(|other| &other.action.outputs)
                    .any(|output| output.name.value == **name)
        }),
        Format::JsonObject if key.name == "ParameterOverrides" => {
            return of_functions(text);
        }
        _ => None,
    };
    artifact
        .filter(|artifact| !artifact.is_empty())
        .map(str::to_owned)
        .into_iter()
        .collect()
}

/// The artifacts of `Fn::GetArtifactAtt` and `Fn::GetParam` in the text of parameters.
fn of_functions(text: &str) -> Vec<String> {
    let Ok(Value::Object(parameters)) = serde_json::from_str(text) else {
        return Vec::new();
    };
    parameters
        .values()
        .filter_map(|value| {
            let call = value.as_object().filter(|call| call.len() == 1)?;
            let (name, arguments) = call.iter().next()?;
            matches!(name.as_str(), "Fn::GetArtifactAtt" | "Fn::GetParam")
                .then(|| arguments.get(0)?.as_str().map(str::to_owned))?
        })
        .collect()
}

fn one(
    subject: &Subject<'_>,
    step: &Step<'_>,
    (key, value): (&ConfigKey, &Text),
    artifact: &str,
    inputs: &[Text],
    diagnostics: &mut Diagnostics,
) {
    let span = match value.value.find(artifact) {
        Some(at) => subject.part(value, at, at + artifact.len()),
        None => value.span,
    };
    let word = step.key_word(&key.name);
    let finding = RULE
        .finding(
            span,
            step.key_path(&key.name),
            format!(
                "`{word}` names the artifact `{artifact}`, which is no input of `{}`",
                step.action.name.value
            ),
        )
        .label("not an input")
        .through(value.origin.as_ref());
    let produced = flow::steps(step.pipeline)
        .filter(|other| other.before(step))
        .any(|other| {
            let mut outputs = other.action.outputs.iter();
            outputs.any(|output| output.name.value == artifact)
        });
    let names: Vec<&str> = inputs.iter().map(|input| input.value.as_str()).collect();
    let help = if produced {
        let mut all = names;
        all.push(artifact);
        match step.action.raw {
            true => format!("add `{{name: {artifact}}}` to `inputArtifacts`"),
            false => format!("write `input: [{}]`", all.join(", ")),
        }
    } else {
        match nearest(artifact, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => "the action has no input".to_owned(),
            None => format!("its inputs are {}", form::listed(names)),
        }
    };
    diagnostics.push(finding.help(help));
}
