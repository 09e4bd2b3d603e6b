//! Where CodePipeline resolves run-time variables of an action. In the commands of the Commands action, too: the examples
//! of its page have one.

use crate::checks::flow::Step;
use crate::checks::references::{Reference, references};
use crate::model::{Condition, Stage, Text};

/// A reference in a text of an action.
pub(super) struct Place<'a> {
    /// The text.
    pub(super) text: &'a Text,
    /// Its path.
    pub(super) path: String,
    /// The reference.
    pub(super) reference: Reference<'a>,
}

/// The references in an action's configuration, environment and commands, in the order of the model.
pub(super) fn places<'a>(step: &Step<'a>) -> Vec<Place<'a>> {
    let action = step.action;
    let configuration = action
        .configuration
        .iter()
        .map(|(key, value)| (value, step.key_path(&key.value)));
    let environment = action
        .environment
        .iter()
        .chain(&action.build_environment)
        .enumerate()
        .map(|(index, variable)| {
            let path = match action.raw {
                true => format!("{}[{index}].value", step.path("env")),
                false => format!("{}.{}", step.path("env"), variable.name.value),
            };
            (&variable.value, path)
        });
    let commands = action
        .commands
        .iter()
        .enumerate()
        .map(|(index, command)| (command, format!("{}[{index}]", step.path("run"))));
    configuration
        .chain(environment)
        .chain(commands)
        .flat_map(|(text, path)| {
            references(text).into_iter().map(move |reference| Place {
                text,
                path: path.clone(),
                reference,
            })
        })
        .collect()
}

/// The references in the rules of a stage's conditions; `#{rule.NAME}` is no action's.
pub(super) fn rule_places(stage: &Stage) -> Vec<Place<'_>> {
    let conditions = [&stage.before_entry, &stage.on_success, &stage.on_failure];
    conditions
        .into_iter()
        .flatten()
        .flat_map(of_condition)
        .collect()
}

/// The references in the rules of a condition; `#{rule.NAME}` is no action's.
pub(super) fn of_condition(condition: &Condition) -> impl Iterator<Item = Place<'_>> {
    let raw = condition.raw.is_some();
    let rules = condition.rules.iter().enumerate();
    rules
        .flat_map(move |(index, rule)| {
            let list = if raw { "conditions[0].rules" } else { "check" };
            let path = format!("{}.{list}[{index}]", condition.path);
            let raw = raw || rule.raw.is_some();
            rule.configuration.iter().flat_map(move |(key, text)| {
                let path = match raw {
                    true => format!("{path}.configuration.{}", key.value),
                    false => path.clone(),
                };
                references(text).into_iter().map(move |reference| Place {
                    text,
                    path: path.clone(),
                    reference,
                })
            })
        })
        .filter(|place| place.reference.namespace != "rule")
}

/// Whether what stands between the braces has the form of a reference; anything else may be meant as text.
pub(super) fn well_formed(reference: &Reference<'_>) -> bool {
    let names = crate::catalog::structure::names();
    names.namespace.character.as_ref().is_none_or(|class| {
        let fits = |text: &str| !text.is_empty() && text.chars().all(|c| class.allows(c));
        // keys of stack outputs and the like may hold points
        fits(reference.namespace) && fits(&reference.key.replace('.', "_"))
    })
}
