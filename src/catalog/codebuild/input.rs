//! The members of CreateProject's input, shape by shape.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::{codebuild, parse};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The shapes by their name in the API.
    shapes: BTreeMap<String, Vec<Member>>,
    /// Where the facts are from.
    #[expect(dead_code, reason = "for whoever reads the data")]
    source: String,
}

/// A member of a shape.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: MemberKind,
    /// Whether the API requires it.
    #[serde(default)]
    pub required: bool,
    /// Whether its text, or each text of the list, has one character at least.
    #[serde(default)]
    pub filled: bool,
    /// The shape of the map, or of each map of the list.
    #[serde(default)]
    pub shape: Option<String>,
    /// Which closed set its text, or each text of the list, is of.
    #[serde(default)]
    words: Option<String>,
    /// Spellings of old that AWS's own samples still show → the present word.
    #[serde(default)]
    pub older: BTreeMap<String, String>,
    /// The same set, where nothing else is of it.
    #[serde(default)]
    only: Vec<String>,
}

/// What a member holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MemberKind {
    /// A text.
    Text,
    /// A whole number.
    Whole,
    /// `true` or `false`.
    Bool,
    /// A map.
    Map,
    /// A list of maps.
    MapList,
    /// A list of texts.
    TextList,
}

impl MemberKind {
    /// The kind in words, to stand after "must be".
    pub fn words(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Whole => "a whole number",
            Self::Bool => "`true` or `false`",
            Self::Map => "a map",
            Self::MapList => "a list of maps",
            Self::TextList => "a list of texts",
        }
    }
}

impl Member {
    /// The words it may hold; none if it is not of a closed set.
    pub fn words(&'static self) -> Vec<&'static str> {
        let data = codebuild();
        let list: &'static [String] = match self.words.as_deref() {
            Some("source.types") => &data.source.types,
            Some("source.auth") => &data.source.auth,
            Some("artifacts.types") => &data.artifacts.types,
            Some("artifacts.namespace_type") => &data.artifacts.namespace_type,
            Some("artifacts.packaging") => &data.artifacts.packaging,
            Some("artifacts.bucket_owner_access") => &data.artifacts.bucket_owner_access,
            Some("cache.types") => &data.cache.types,
            Some("cache.modes") => &data.cache.modes,
            Some("environment.compute_types") => &data.environment.compute_types,
            Some("environment.variable_types") => &data.environment.variable_types,
            Some("environment.pull_credentials") => &data.environment.pull_credentials,
            Some("environment.credential_providers") => &data.environment.credential_providers,
            Some("environment.host_kernel") => &data.environment.host_kernel,
            Some("logs.status") => &data.logs.status,
            Some("batch.report_mode") => &data.batch.report_mode,
            Some("environment.types") => {
                return data
                    .environment
                    .types
                    .iter()
                    .map(|kind| kind.name.as_str())
                    .collect();
            }
            _ => &self.only,
        };
        list.iter().map(String::as_str).collect()
    }
}

static INPUT: LazyLock<Input> = LazyLock::new(|| {
    parse(
        "codebuild_input.json",
        include_str!("../codebuild_input.json"),
    )
});

/// The members of a shape; that of the whole is `Project`.
pub fn shape(name: &str) -> &'static [Member] {
    INPUT.shapes.get(name).map_or(&[], Vec::as_slice)
}

/// The present word of one that is spelled as of old, in a member of a shape.
pub fn older_word(of: &str, name: &str, word: &str) -> Option<&'static str> {
    let member = shape(of).iter().find(|member| member.name == name)?;
    member.older.get(word).map(String::as_str)
}

/// Where else a member of this name stands, compared without case: the member's own spelling, and the path of what
/// holds it, which is empty for the project itself.
pub fn elsewhere(name: &str) -> Option<(&'static str, String)> {
    // breadth first: the outermost of that name is meant
    let mut shapes: Vec<(&str, String)> = vec![("Project", String::new())];
    let mut at = 0;
    while let Some((of, path)) = shapes.get(at).cloned() {
        at += 1;
        for member in shape(of) {
            if member.name.eq_ignore_ascii_case(name) {
                return Some((&member.name, path));
            }
            let inner = member.shape.as_deref();
            if let Some(inner) = inner.filter(|inner| shapes.iter().all(|(seen, _)| seen != inner))
            {
                let point = if path.is_empty() { "" } else { "." };
                shapes.push((inner, format!("{path}{point}{}", member.name)));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_and_every_set_of_words_exists() {
        for (name, members) in &INPUT.shapes {
            for member in members {
                if let Some(shape) = &member.shape {
                    assert!(INPUT.shapes.contains_key(shape), "{name}.{}", member.name);
                }
                let closed = member.words.is_some() || !member.only.is_empty();
                assert_eq!(closed, !member.words().is_empty(), "{name}.{}", member.name);
            }
        }
        let required: Vec<&str> = shape("Project")
            .iter()
            .filter(|member| member.required)
            .map(|member| member.name.as_str())
            .collect();
        let mut expected = super::super::project().required.clone();
        expected.sort();
        let mut sorted = required.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, expected);
        let older = |word| older_word("ProjectArtifacts", "type", word);
        assert_eq!(older("no_artifacts"), Some("NO_ARTIFACTS"));
        assert_eq!(older("No_Artifacts"), None);
        let place = |path: &str| path.to_owned();
        assert_eq!(elsewhere("buildSpec"), Some(("buildspec", place("source"))));
        assert_eq!(
            elsewhere("timeoutinminutes"),
            Some(("timeoutInMinutes", place("")))
        );
        let nested = place("logsConfig.cloudWatchLogs");
        assert_eq!(elsewhere("groupName"), Some(("groupName", nested)));
        assert_eq!(elsewhere("nonsense"), None);
    }
}
