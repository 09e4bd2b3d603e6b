//! Run-time variables of CodePipeline in texts: `#{namespace.key}`.

use crate::model::Text;

/// One `#{…}`, with its place in the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reference<'a> {
    /// What stands before the first point; the whole where there is none.
    pub(super) namespace: &'a str,
    /// What stands behind the first point; empty where there is none.
    pub(super) key: &'a str,
    /// First byte of `#{`.
    pub(super) start: usize,
    /// One past `}`.
    pub(super) end: usize,
}

/// Every reference in a value, in order. What is not closed is none: AWS takes it as text.
pub(super) fn references(text: &Text) -> Vec<Reference<'_>> {
    if text.known {
        scan(&text.value)
    } else {
        Vec::new()
    }
}

fn scan(value: &str) -> Vec<Reference<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(offset) = value[at..].find("#{") {
        let start = at + offset;
        let Some(length) = value[start..].find('}') else {
            break;
        };
        let end = start + length + 1;
        let inside = &value[start + 2..end - 1];
        let (namespace, key) = inside.split_once('.').unwrap_or((inside, ""));
        found.push(Reference {
            namespace,
            key,
            start,
            end,
        });
        at = end;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_have_namespace_key_and_place() {
        let found = scan("a #{Src.CommitId}-#{codepipeline.PipelineExecutionId} #{x} #{open");
        let parts: Vec<_> = found
            .iter()
            .map(|r| (r.namespace, r.key, r.start))
            .collect();
        assert_eq!(
            parts,
            [
                ("Src", "CommitId", 2),
                ("codepipeline", "PipelineExecutionId", 18),
                ("x", "", 54)
            ]
        );
    }
}
