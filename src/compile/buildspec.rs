//! Buildspecs as text.

use serde_json::Value;

use super::json;
use crate::tree::{Data, Entry, Node, number_text};

/// An inline buildspec as YAML. Nothing is folded, and every text that a YAML 1.1 reader could take for something else
/// is quoted: which version CodeBuild's reader follows is not known.
pub(super) fn text(node: &Node) -> String {
    yaml(&json::plain(&as_written(node)))
}

/// The same of plain JSON.
pub(super) fn yaml(value: &Value) -> String {
    // long texts stay on one line; lines of a text stay lines
    let options = serde_saphyr::ser_options! {
        folded_wrap_chars: usize::MAX,
        prefer_block_scalars: block_is_safe(value),
    };
    // JSON is YAML
    serde_saphyr::to_string_with_options(value, options).unwrap_or_else(|_| value.to_string())
}

/// Whether texts of several lines can stand as blocks: not with tabs, white lines or white beginnings, which readers
/// take for indentation. Those are quoted.
fn block_is_safe(value: &Value) -> bool {
    match value {
        Value::String(text) => {
            let mut lines = text.trim_end_matches('\n').split('\n');
            let plain = !text.contains(['\t', '\r']);
            let begins = !text.starts_with(char::is_whitespace);
            !text.contains('\n')
                || (plain && begins && lines.all(|l| l.is_empty() || !l.trim().is_empty()))
        }
        Value::Array(items) => items.iter().all(block_is_safe),
        Value::Object(map) => map.values().all(block_is_safe),
        _ => true,
    }
}

/// Numbers that would not read again as they were written (`3.10`) as texts.
fn as_written(node: &Node) -> Node {
    let data = match &node.data {
        Data::Number(value) => match &node.raw {
            Some(raw) if number_text(*value) != ***raw => Data::Text(raw.to_string()),
            _ => node.data.clone(),
        },
        Data::List(items) => Data::List(items.iter().map(as_written).collect()),
        Data::Map(entries) => Data::Map(
            entries
                .iter()
                .map(|entry| Entry {
                    value: as_written(&entry.value),
                    ..entry.clone()
                })
                .collect(),
        ),
        other => other.clone(),
    };
    Node {
        data,
        ..node.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn it_reads_well_and_nothing_is_folded() {
        let long = "x ".repeat(100);
        let written = yaml(&json!({
            "version": 0.2,
            "phases": {"build": {"commands": ["a: b", "on", "1:30", "one\ntwo", long]}},
        }));
        let start = "version: 0.2\nphases:\n  build:\n    commands:\n";
        assert!(written.starts_with(start), "{written}");
        assert!(written.contains(&long), "{written}");
        assert!(!written.contains("- on\n") && !written.contains("- 1:30\n"));
    }

    /// What another reader makes of a command that was written.
    fn again(text: &str) -> (Value, Value) {
        let value = json!({"commands": [text]});
        let read = serde_yaml::from_str(&yaml(&value)).expect("YAML");
        (read, value)
    }

    #[test]
    fn a_tab_and_a_line_end_read_again_as_themselves() {
        let (read, value) = again("\t\n");
        assert_eq!(read, value);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn every_text_reads_again_as_itself(text in "[ -~\\n\\t€]{0,60}") {
            let (read, value) = again(&text);
            prop_assert_eq!(read, value);
        }
    }
}
