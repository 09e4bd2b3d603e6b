//! What can be wrong with a file, as data. Only `report` turns it into text.

use crate::source::{FileId, Span};
use crate::tree::Origin;
use std::sync::Arc;

pub use crate::nearest::nearest;

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
    /// Whether the offending characters are a credential, and not to be shown by this finding or any other.
    pub hidden: bool,
    /// What is the matter with a key, if it is a key that the finding is about.
    pub key: Option<Key>,
}

/// What can be the matter with a key of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// This one is not there.
    Missing(String),
    /// It is not known, and this one is meant.
    Misspelt(String),
    /// It is not known, nor like one that is; a later API may have it.
    Unknown,
}

impl Key {
    /// A key that is not known, and the known one that is like it.
    pub fn like(near: Option<&str>) -> Self {
        near.map_or(Self::Unknown, |near| Self::Misspelt(near.to_owned()))
    }
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
            label: label_of(code).to_owned(),
            path: path.into(),
            labels: Vec::new(),
            help: None,
            origin: None,
            hidden: false,
            key: None,
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

    /// Adds a related place, unless it is the offending one itself: a short form has one place for several things.
    #[must_use]
    pub fn related(mut self, span: Span, message: impl Into<String>) -> Self {
        if span != self.span {
            self.labels.push(Label {
                message: message.into(),
                span,
            });
        }
        self
    }

    /// Adds a related place, if there is one.
    #[must_use]
    pub fn perhaps_related(self, span: Option<Span>, message: impl Into<String>) -> Self {
        match span {
            Some(span) => self.related(span, message),
            None => self,
        }
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

    /// Says whether the offending characters are to be shown.
    #[must_use]
    pub fn hidden(mut self, hidden: bool) -> Self {
        self.hidden = hidden;
        self
    }

    /// Says what is the matter with the key.
    #[must_use]
    pub fn key(mut self, key: Key) -> Self {
        self.key = Some(key);
        self
    }

    /// Says through which variables the value came.
    #[must_use]
    pub fn through(mut self, origin: Option<&Arc<Origin>>) -> Self {
        self.origin = origin.cloned();
        self
    }
}

/// Names and values may be as long as the file; more than this of one text of a finding, in bytes, is not kept.
const LONGEST: usize = 1_000;

/// One line: what is quoted of a file may have several.
fn one_line(text: &mut String) {
    if text.contains(['\n', '\r']) {
        let lines = text
            .split(['\n', '\r'])
            .map(str::trim)
            .filter(|line| !line.is_empty());
        *text = lines.collect::<Vec<_>>().join(" ");
    }
}

/// The beginning and the end of a text.
fn bounded(text: &mut String) {
    // A text that was cut before is a little longer, for saying so.
    if text.len() <= LONGEST + 100 {
        return;
    }
    let boundary = |mut at: usize| {
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let (start, end) = (boundary(LONGEST / 2), boundary(text.len() - LONGEST / 2));
    let left_out = format!(" … {} bytes … ", end - start);
    text.replace_range(start..end, &left_out);
}

impl Diagnostic {
    fn bounded(mut self) -> Self {
        one_line(&mut self.message);
        let texts = [&mut self.message, &mut self.label, &mut self.path];
        texts
            .into_iter()
            .chain(self.help.as_mut())
            .chain(self.labels.iter_mut().map(|label| &mut label.message))
            .for_each(bounded);
        self
    }

    /// The same finding after [`crate::source::Sources::append`].
    pub fn moved(mut self, by: u32) -> Self {
        self.span = self.span.moved(by);
        for label in &mut self.labels {
            label.span = label.span.moved(by);
        }
        self.origin = self.origin.map(|origin| Origin::moved(&origin, by));
        self
    }
}

/// The findings of one run: every stage appends, nobody stops at the first.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    left_out: Option<LeftOut>,
}

/// The findings of a file that are kept. What has more is no pipeline file, and its findings would fill the memory.
pub const MOST: usize = 10_000;

/// The code of the finding that counts those beyond [`MOST`].
pub const LEFT_OUT: &str = "findings-left-out";

/// What was found beyond [`MOST`].
#[derive(Debug, Clone, Copy)]
struct LeftOut {
    file: FileId,
    errors: usize,
    warnings: usize,
}

impl Diagnostics {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends one; beyond [`MOST`] it is counted only.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.list.len() < MOST {
            self.list.push(diagnostic.bounded());
        } else {
            self.leave_out(&diagnostic);
        }
    }

    /// Counts one.
    pub fn leave_out(&mut self, diagnostic: &Diagnostic) {
        let left_out = self.left_out.get_or_insert(LeftOut {
            file: diagnostic.span.file,
            errors: 0,
            warnings: 0,
        });
        match diagnostic.severity {
            Severity::Error => left_out.errors += 1,
            Severity::Warning => left_out.warnings += 1,
        }
    }

    /// Appends many.
    pub fn extend(&mut self, more: impl IntoIterator<Item = Diagnostic>) {
        more.into_iter().for_each(|one| self.push(one));
    }

    /// Appends all of another list, and what it left out.
    pub fn append(&mut self, other: Self) {
        self.extend(other.list);
        if let Some(more) = other.left_out {
            let left_out = self.left_out.get_or_insert(LeftOut {
                errors: 0,
                warnings: 0,
                ..more
            });
            left_out.errors += more.errors;
            left_out.warnings += more.warnings;
        }
    }

    /// Puts another finding in the place of each, or none.
    pub fn edit(&mut self, change: impl FnMut(Diagnostic) -> Option<Diagnostic>) {
        let list = std::mem::take(&mut self.list);
        self.list = list.into_iter().filter_map(change).collect();
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
        self.left_out.is_some_and(|left_out| left_out.errors > 0)
            || self.list.iter().any(|d| d.severity == Severity::Error)
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

    /// By file, offset and code, each once: what many places take over from one is wrong once. What was counted only is
    /// the last one.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.list.sort_by(|a, b| {
            (a.span.file, a.span.start(), a.code, &a.message).cmp(&(
                b.span.file,
                b.span.start(),
                b.code,
                &b.message,
            ))
        });
        self.list.dedup_by(|second, first| {
            (second.span, second.code, &second.message) == (first.span, first.code, &first.message)
        });
        self.list.extend(self.left_out.map(LeftOut::finding));
        self.list
    }
}

impl From<Vec<Diagnostic>> for Diagnostics {
    /// Findings that were collected and counted already.
    fn from(list: Vec<Diagnostic>) -> Self {
        Self {
            list,
            left_out: None,
        }
    }
}

impl LeftOut {
    fn finding(self) -> Diagnostic {
        let counted = |count: usize, what: &str| match count {
            0 => None,
            1 => Some(format!("1 {what}")),
            _ => Some(format!("{count} {what}s")),
        };
        let severity = match self.errors {
            0 => Severity::Warning,
            _ => Severity::Error,
        };
        let both = [
            counted(self.errors, "error"),
            counted(self.warnings, "warning"),
        ];
        let count = both.into_iter().flatten().collect::<Vec<_>>().join(" and ");
        let message = format!("{count} more in this file are left out here");
        Diagnostic {
            severity,
            ..Diagnostic::error(LEFT_OUT, Span::start_of(self.file), "", message)
        }
        .help(format!(
            "a file's first {MOST} findings are listed: begin with those"
        ))
    }
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
        "bucket-foreign",
        "an artifact bucket that the file gives belongs to another account",
    ),
    (
        "bucket-missing",
        "a bucket that the file gives does not exist",
    ),
    (
        "bucket-region",
        "a bucket that the file gives is in another region than where it is used",
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
        "findings-left-out",
        "a file has more findings than are listed",
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
        "list-too-long",
        "a list is so much longer than AWS takes that only its beginning is read",
    ),
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

/// What stands under the offending characters of a code that says the same of all of them.
fn label_of(code: &str) -> &'static str {
    match code {
        "api-key-unknown" => "unknown member",
        "include-conflict" => "the second",
        "key-duplicate" => "again here",
        "key-unknown" => "unknown key",
        "reference-unknown" => "unknown name",
        "value-invalid" => "not possible here",
        "value-kind" => "of another kind",
        "variable-circular" => "the circle begins here",
        "variable-depth" | "yaml-depth" => "too deep",
        "variable-missing" => "gives nothing",
        "variable-not-text" => "no text",
        "variable-refused" => "cannot be read",
        "variable-source-unknown" => "unknown source",
        "variable-syntax" => "not well formed",
        "yaml-alias-budget" => "one alias too many",
        "yaml-document-extra" => "a second document",
        "yaml-syntax" => "not YAML",
        "yaml-tag" => "unknown tag",
        _ => "",
    }
}

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

    #[test]
    fn more_findings_than_a_person_reads_are_counted() {
        let mut sources = crate::source::Sources::new();
        let span = Span::start_of(sources.add("a.yml", ""));
        let mut all = Diagnostics::new();
        for number in 0..MOST + 3 {
            all.push(Diagnostic::warning(
                "key-unknown",
                span,
                "",
                format!("{number:06}"),
            ));
        }
        assert!(!all.has_errors());
        all.push(Diagnostic::error("key-missing", span, "", "the error"));
        assert!(all.has_errors());
        let sorted = all.into_sorted();
        assert_eq!(sorted.len(), MOST + 1);
        let last = &sorted[MOST];
        assert_eq!(
            (last.code, last.severity),
            ("findings-left-out", Severity::Error)
        );
        assert_eq!(
            last.message,
            "1 error and 3 warnings more in this file are left out here"
        );
        // What was weighed stays as it is.
        assert_eq!(
            Diagnostics::from(sorted.clone()).into_sorted().len(),
            MOST + 1
        );
    }
}
