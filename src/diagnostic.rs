//! What can be wrong with a file, as data. Only `report` turns it into text.

use crate::source::Span;
use crate::tree::Origin;
use std::sync::Arc;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// AWS would refuse it, or pipectl cannot know what is meant.
    Error,
    /// AWS takes it, and it will hurt later; or AWS might refuse it.
    Warning,
}

impl Severity {
    /// The word for people and machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A second place that belongs to a finding: the first of two duplicates, the producer that comes too late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// A noun phrase.
    pub message: String,
    /// The place.
    pub span: Span,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The kebab-case name of the problem; every one is in [`CODES`] or in `checks::ALL`.
    pub code: &'static str,
    /// Its weight.
    pub severity: Severity,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// The offending characters.
    pub span: Span,
    /// The noun phrase under the offending characters; empty for none.
    pub label: String,
    /// The place in the file's structure, e.g. `stages[2].deploy.input`.
    pub path: String,
    /// Related places.
    pub labels: Vec<Label>,
    /// What to type instead.
    pub help: Option<String>,
    /// Through which variables the offending value came.
    pub origin: Option<Arc<Origin>>,
}

impl Diagnostic {
    /// An error.
    pub fn error(
        code: &'static str,
        span: Span,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            span,
            label: String::new(),
            path: path.into(),
            labels: Vec::new(),
            help: None,
            origin: None,
        }
    }

    /// A warning.
    pub fn warning(
        code: &'static str,
        span: Span,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, span, path, message)
        }
    }

    /// Names the offending characters.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.label = text.into();
        self
    }

    /// Adds a related place.
    #[must_use]
    pub fn related(mut self, span: Span, message: impl Into<String>) -> Self {
        self.labels.push(Label {
            message: message.into(),
            span,
        });
        self
    }

    /// Says what to type instead.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// The related places, and behind them those through which the value came.
    pub fn places(&self) -> impl Iterator<Item = (String, Span)> {
        let labels = self.labels.iter();
        let steps = std::iter::successors(self.origin.as_deref(), |step| step.from.as_deref());
        labels
            .map(|label| (label.message.clone(), label.span))
            .chain(steps.map(|step| (format!("the value came through {}", step.what), step.span)))
    }

    /// Says through which variables the value came.
    #[must_use]
    pub fn through(mut self, origin: Option<&Arc<Origin>>) -> Self {
        self.origin = origin.cloned();
        self
    }
}

/// The findings of one run: every stage appends, nobody stops at the first.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    /// Appends many.
    pub fn extend(&mut self, more: impl IntoIterator<Item = Diagnostic>) {
        self.list.extend(more);
    }

    /// Takes back what a later finding tells better. It looks at the last ones only, so that a file with a hundred
    /// thousand findings is not read a hundred thousand times.
    pub fn retract(&mut self, which: impl Fn(&Diagnostic) -> bool) {
        const LAST: usize = 100;
        let old = self.list.len().saturating_sub(LAST);
        if let Some(at) = self.list[old..].iter().rposition(which) {
            self.list.remove(old + at);
        }
    }

    /// Whether there is an error among them.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|d| d.severity == Severity::Error)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// As they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// By file, offset and code, each once: what many places take over from one is wrong once.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.list.sort_by(|a, b| {
            (a.span.file, a.span.start, a.code, &a.message).cmp(&(
                b.span.file,
                b.span.start,
                b.code,
                &b.message,
            ))
        });
        self.list.dedup_by(|second, first| {
            (second.span, second.code, &second.message) == (first.span, first.code, &first.message)
        });
        self.list
    }
}

/// The candidate most like `word`, if one is like enough; of several the first by name.
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let plain = |text: &str| text.replace(['-', '_'], "").to_lowercase();
    let wanted = plain(word);
    let limit = (wanted.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&wanted, &plain(candidate)),
                candidate,
            )
        })
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// The one candidate that begins with `word`: `privileged` for `privilegedMode`. Three letters are the least.
pub fn begun<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let wanted = word.to_lowercase();
    let mut like = candidates
        .into_iter()
        .filter(|candidate| candidate.to_lowercase().starts_with(&wanted));
    let first = like.next().filter(|_| wanted.len() >= 3)?;
    like.next().is_none().then_some(first)
}

/// The codes that no rule of `checks` owns: what reading, resolving and decoding a file can find.
/// Each with one sentence; kept in alphabetical order.
pub const CODES: &[(&str, &str)] = &[
    (
        "api-key-unknown",
        "a raw definition has a member that the API does not have",
    ),
    (
        "connection-missing",
        "a connection that the file gives does not exist",
    ),
    (
        "connection-pending",
        "a connection that nobody has completed in the console yet",
    ),
    (
        "file-too-large",
        "the file is larger than a pipeline file can sensibly be",
    ),
    (
        "ignore-unused",
        "a comment takes back a finding that is not there",
    ),
    (
        "include-conflict",
        "two included files give the same key different values",
    ),
    ("key-duplicate", "a key stands twice in one map"),
    (
        "key-foreign",
        "a key of another tool, for which this format has another word",
    ),
    ("key-missing", "a required key is absent"),
    ("key-unknown", "a key that this place does not know"),
    (
        "name-taken",
        "two things of the file would have the same name in AWS",
    ),
    (
        "name-unknown",
        "a name or path that is not known offline: what depends on it is not checked",
    ),
    (
        "policy-too-large",
        "a made role would need more text in its policies than IAM takes",
    ),
    ("reference-unknown", "a name refers to nothing in the file"),
    ("role-missing", "a role that the file gives does not exist"),
    (
        "secret-exposed",
        "a secret stands where AWS would store it in plain text",
    ),
    (
        "self-update-binary",
        "the self-update has no pipectl that runs in its image",
    ),
    (
        "self-update-param",
        "a parameter of the command line is a secret, so the self-update is not told",
    ),
    (
        "stage-kind-conflict",
        "one stage or action has two kinds, or none",
    ),
    (
        "trigger-split",
        "tags beside branches or paths of a filter were made a filter of their own",
    ),
    ("value-empty", "null or nothing where a value belongs"),
    ("value-invalid", "a value that the place cannot take"),
    ("value-kind", "a list where a text belongs, or the like"),
    (
        "value-unknown",
        "a map or list that is not known offline: what depends on it is not checked",
    ),
    (
        "variable-circular",
        "variables refer to each other in a circle",
    ),
    ("variable-depth", "variables are nested too deep"),
    (
        "variable-missing",
        "a variable has no value and no fallback",
    ),
    ("variable-not-text", "a map or null inside a text"),
    ("variable-refused", "a variable cannot be read, or not here"),
    (
        "variable-source-unknown",
        "a variable source that does not exist",
    ),
    ("variable-syntax", "a variable that is not well formed"),
    (
        "version-mismatch",
        "the file asks for another version of pipectl",
    ),
    (
        "yaml-alias-budget",
        "aliases expand to more than a file may hold",
    ),
    ("yaml-depth", "the file is nested too deep"),
    (
        "yaml-document-extra",
        "more than one YAML document in a file",
    ),
    ("yaml-syntax", "the file is not YAML"),
    ("yaml-tag", "a tag that means nothing here"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mistake_is_told_once_whatever_takes_it_over() {
        let span = Span::default();
        let mut found = Diagnostics::new();
        for (path, message) in [("a", "x"), ("b", "x"), ("c", "y")] {
            found.push(Diagnostic::error("value-invalid", span, path, message));
        }
        let paths: Vec<String> = found
            .into_sorted()
            .into_iter()
            .map(|one| one.path)
            .collect();
        assert_eq!(paths, ["a", "c"]);
    }

    #[test]
    fn codes_are_sorted_and_unique() {
        assert!(CODES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
