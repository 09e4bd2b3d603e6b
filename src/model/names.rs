//! Names that the file does not say.

use sha2::{Digest, Sha256};

use crate::catalog::{codebuild, structure};

use super::decode::text_at;
use super::types::Text;
use crate::tree::Node;

/// The name of a stage or action whose kind is all that is said.
pub(super) fn default_name(kind: &str) -> String {
    match kind {
        "unit" => "UnitTest".to_owned(),
        "integration" => "IntegrationTest".to_owned(),
        _ => pascal(kind),
    }
}

/// The name that `api:` gives a pipeline or a project; what is no text is told where `api:` is read.
pub(super) fn of_api(api: Option<&Node>) -> Option<Text> {
    let name = api?.get("name")?;
    Some(text_at(name, name.as_str()?))
}

/// `selfUpdate` as `SelfUpdate`.
pub(super) fn pascal(word: &str) -> String {
    let mut letters = word.chars();
    match letters.next() {
        Some(first) => first.to_ascii_uppercase().to_string() + letters.as_str(),
        None => String::new(),
    }
}

/// The artifact that an action hands on when the file gives it no name.
pub(super) fn artifact(action: &Text) -> Text {
    let rule = &structure::names().artifact;
    fitting(action, rule.character.as_ref(), '_', rule.length[1])
}

/// The namespace of an action when the file gives it none.
pub(super) fn namespace(action: &Text) -> Text {
    let rule = &structure::names().namespace;
    let name = Text {
        value: format!("{}Variables", action.value),
        ..action.clone()
    };
    fitting(&name, rule.character.as_ref(), '-', rule.length[1])
}

/// The name of a project: its parts with hyphens between, cut to what CodeBuild takes.
pub(super) fn project(parts: &[&Text]) -> Text {
    let rule = &codebuild::project().name;
    let last = parts
        .last()
        .map_or_else(Text::default_place, |text| (*text).clone());
    let values: Vec<&str> = parts.iter().map(|text| text.value.as_str()).collect();
    let name = Text {
        value: values.join("-"),
        known: parts.iter().all(|text| text.known),
        ..last
    };
    fitting(&name, rule.character.as_ref(), '-', rule.length[1])
}

impl Text {
    fn default_place() -> Self {
        Self::new(String::new(), crate::source::Span::default())
    }
}

fn fitting(
    name: &Text,
    character: Option<&crate::catalog::text::Characters>,
    other: char,
    max: usize,
) -> Text {
    if !name.known {
        return name.clone();
    }
    let allowed: String = name
        .value
        .chars()
        .map(|c| match character {
            Some(class) if !class.allows(c) => other,
            _ => c,
        })
        .collect();
    Text {
        value: cut(&allowed, max),
        ..name.clone()
    }
}

/// A name as it is, or, over the limit, its beginning and a short hash of the whole.
pub(super) fn cut(name: &str, max: usize) -> String {
    const HASH: usize = 8;
    if name.chars().count() <= max {
        return name.to_owned();
    }
    let digest = Sha256::digest(name.as_bytes());
    let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let begin: String = name.chars().take(max - HASH - 1).collect();
    format!("{}-{}", begin.trim_end_matches('-'), &hash[..HASH])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;

    fn text(value: &str) -> Text {
        Text::new(value, Span::default())
    }

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let names = ["a", "b"].map(|end| cut(&format!("{}{end}", "x".repeat(200)), 150));
        assert!(names.iter().all(|name| name.len() == 150));
        assert_ne!(names[0], names[1]);
        assert_eq!(cut("short", 150), "short");
    }

    #[test]
    fn characters_that_the_place_does_not_take_are_replaced() {
        assert_eq!(
            project(&[&text("p.x"), &text("Unit@1")]).value,
            "p-x-Unit-1"
        );
        assert_eq!(artifact(&text("My.Source")).value, "My_Source");
        assert_eq!(namespace(&text("My.Source")).value, "My-SourceVariables");
    }
}
