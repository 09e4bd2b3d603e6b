//! Members of the API's shapes: how one is read, and what is said of those that the API does not have.

use crate::catalog::structure;
use crate::diagnostic::{Diagnostic, Diagnostics, Key, begun};
use crate::source::Span;
use crate::tree::{Data, Entry};

use super::decode::{
    Map, api_text, entries, items, join, key_text, nearest, text_at, whole, wrong_kind,
};
use super::types::Text;

/// Members of a pipeline's definition, wherever in it they stand. What bears such a name and stands elsewhere is
/// misplaced, not new.
const OF_PIPELINES: [&str; 51] = [
    "actionTypeId",
    "actions",
    "artifactStore",
    "artifactStores",
    "beforeEntry",
    "branches",
    "category",
    "commands",
    "conditions",
    "configuration",
    "defaultValue",
    "description",
    "encryptionKey",
    "environmentVariables",
    "events",
    "excludes",
    "executionMode",
    "filePaths",
    "files",
    "gitConfiguration",
    "id",
    "includes",
    "inputArtifacts",
    "location",
    "name",
    "namespace",
    "onFailure",
    "onSuccess",
    "outputArtifacts",
    "outputVariables",
    "owner",
    "pipelineType",
    "provider",
    "providerType",
    "pullRequest",
    "push",
    "region",
    "result",
    "retryConfiguration",
    "retryMode",
    "roleArn",
    "ruleTypeId",
    "rules",
    "runOrder",
    "sourceActionName",
    "stages",
    "timeoutInMinutes",
    "triggers",
    "type",
    "value",
    "variables",
];

/// Keeps the members nobody asked for, and says of them that the API does not have them: AWS's tools refuse every one.
pub(super) fn extra(
    map: &Map<'_>,
    known: &[&str],
    silent: &[&str],
    out: &mut Diagnostics,
) -> Vec<Entry> {
    let rest: Vec<Entry> = map.rest().cloned().collect();
    for entry in rest
        .iter()
        .filter(|entry| !silent.contains(&entry.key.as_str()))
    {
        let (key, code) = (&entry.key, "api-key-unknown");
        let message = format!("the API has no member `{key}` here");
        // a word of another tool, of another place, or a misspelt one
        let advice = structure::structure().foreign_member(key, known);
        let names = || known.iter().copied();
        let error = Diagnostic::error(code, entry.key_span, map.at(key), message);
        let error = error.label("unknown member");
        out.push(match nearest(key, names()).or_else(|| begun(key, names())) {
            _ if let Some(advice) = advice => error.help(advice),
            Some(word) => error
                .help(format!("did you mean `{word}`?"))
                .key(Key::Misspelt(word.to_owned())),
            None if OF_PIPELINES.contains(&key.as_str()) => {
                error.help(format!("`{key}` stands in another place of a definition"))
            }
            None => error
                .help("leave it out; if AWS has added it since, write it under `api`, which is sent as it is")
                .key(Key::Unknown),
        });
    }
    rest
}

/// A text that the API requires; where it is missing or none, which is told, one that is not known. What else stands
/// beside it is checked all the same.
pub(super) fn wanted(map: &mut Map<'_>, key: &str, called: &str, out: &mut Diagnostics) -> Text {
    let span = map.span;
    required(map, key, out).unwrap_or_else(|| Text {
        known: false,
        ..Text::new(called, span)
    })
}

/// What a declaration is called that has no name: `actions[1]`.
pub(super) fn unnamed(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(_, last)| last)
}

pub(super) fn required(map: &mut Map<'_>, key: &str, out: &mut Diagnostics) -> Option<Text> {
    if !map.has(key) {
        map.entry(key);
        map.missing(key, "the API requires it", out);
        return None;
    }
    map.api_text(key, out)
}

/// A list of texts.
pub(super) fn text_items(map: &mut Map<'_>, key: &str, out: &mut Diagnostics) -> Vec<Text> {
    let path = map.at(key);
    let Some(node) = map.value(key, out) else {
        return Vec::new();
    };
    items(node, &path, false, out)
        .into_iter()
        .filter_map(|(path, item)| api_text(item, &path, out))
        .collect()
}

/// A map of texts: what is no text is an error with the fix.
pub(super) fn text_members(
    map: &mut Map<'_>,
    key: &str,
    out: &mut Diagnostics,
) -> Vec<(Text, Text)> {
    let path = map.at(key);
    let Some(node) = map.value(key, out) else {
        return Vec::new();
    };
    let mut members = Vec::new();
    for entry in entries(node, &path, out) {
        let path = join(&path, &entry.key);
        let value = match &entry.value.data {
            Data::List(_) | Data::Map(_) => {
                let json = entry.value.to_json().to_string();
                out.push(
                    wrong_kind(
                        &entry.value,
                        &path,
                        "a text: the API takes nothing else here",
                    )
                    .help(format!("write it as JSON text: '{json}'")),
                );
                Some(text_at(&entry.value, json))
            }
            _ => api_text(&entry.value, &path, out),
        };
        if let Some(value) = value {
            members.push((key_text(entry), value));
        }
    }
    members
}

/// The maps of a list.
pub(super) fn maps<'n>(map: &mut Map<'n>, key: &str, out: &mut Diagnostics) -> Vec<Map<'n>> {
    map.items(key, false, out)
        .into_iter()
        .filter_map(|item| Map::open(item.node, item.path, item.owner, out))
        .collect()
}

pub(super) fn number(map: &mut Map<'_>, key: &str, out: &mut Diagnostics) -> Option<(u32, Span)> {
    let path = map.at(key);
    map.value(key, out).and_then(|node| whole(node, &path, out))
}
