//! How the rules of this folder speak of the parts of an action: in the words of the file's form.

use crate::checks::flow::Step;
use crate::model::Text;
use crate::source::Span;

/// What the file calls the type of the action: the word of its kind, or the provider in a raw definition.
pub(super) fn kind<'a>(step: &Step<'a>) -> &'a str {
    if step.action.raw {
        &step.action.provider.value
    } else {
        &step.action.kind
    }
}

/// Where to point when a configuration key is missing.
pub(super) fn missing(step: &Step<'_>) -> Span {
    let written = step.action.raw_node.as_ref();
    match written.and_then(|node| node.entry("configuration")) {
        Some(entry) => entry.key_span,
        None => step.action.span,
    }
}

/// Where to point when artifacts are missing: at the key of their list, if there is one.
pub(super) fn list(step: &Step<'_>, member: &str) -> Span {
    let written = step.action.raw_node.as_ref();
    match written.and_then(|node| node.entry(member)) {
        Some(entry) => entry.key_span,
        None => step.action.span,
    }
}

/// Whether `api:` says a part of a member of a short form.
pub(super) fn of_api(step: &Step<'_>, member: &str, part: &str) -> bool {
    let api = step.action.api.as_ref();
    api.and_then(|api| api.get(member)?.get(part)).is_some()
}

/// A text of the catalogue in which keys stand as `Key`, with what the file calls them.
pub(super) fn words(step: &Step<'_>, text: &str) -> String {
    let Some(kind) = step.kind() else {
        return text.to_owned();
    };
    kind.keys.iter().fold(text.to_owned(), |text, key| {
        text.replace(
            &format!("`{}`", key.name),
            &format!("`{}`", step.key_word(&key.name)),
        )
    })
}

/// A configuration entry as a person would write it, for help: `branch: …`.
pub(super) fn write(step: &Step<'_>, key: &str) -> String {
    let word = step.key_word(key);
    if step.action.raw {
        format!("add `{word}` to `configuration`")
    } else {
        format!("add `{word}: …`")
    }
}

/// Names with commas and a last "and", in backticks.
pub(super) fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let mut quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match quoted.pop() {
        None => String::new(),
        Some(last) if quoted.is_empty() => last,
        Some(last) => format!("{} and {last}", quoted.join(", ")),
    }
}

/// The inputs, if every name is known.
pub(super) fn inputs<'a>(step: &Step<'a>) -> Option<&'a [Text]> {
    let known = step.action.inputs.iter().all(|input| input.known);
    known.then_some(step.action.inputs.as_slice())
}

/// Whether the text is to be judged: known, no secret, and nothing in it that CodePipeline resolves later.
pub(super) fn fixed(text: &Text) -> bool {
    text.known && text.secret.is_none() && !text.value.contains("#{")
}

/// A value cut to what a message can hold.
pub(super) fn short(value: &str) -> String {
    const MOST: usize = 60;
    if value.chars().count() <= MOST {
        return value.to_owned();
    }
    let begin: String = value.chars().take(MOST).collect();
    format!("{begin}…")
}
