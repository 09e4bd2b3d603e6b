//! Typed pipeline to findings: one file per rule.
//!
//! | folder | holds the rules about |
//! |---|---|
//! | `structure` | the pipeline as a whole: stages, order, artifacts, namespaces, triggers, conditions, quotas |
//! | `actions` | one action: its type, configuration, references to run-time variables, texts that hold JSON |
//! | `projects` | CodeBuild projects: environment, image, cache, network, logs, batch |
//! | `buildspec` | the buildspec language, inline and in files beside the pipeline file |
//! | `companions` | what is made beside: alarms, topics and who is told, statements of roles |
//! | `advice` | what AWS takes and what hurts later |
//!
//! A rule is a plain function in a file that bears its code; `flow`, `references` and `subject` hold what several
//! rules look at.

mod actions;
mod advice;
mod buildspec;
mod companions;
mod cron;
mod exact;
mod fields;
mod flow;
pub mod ignores;
mod once;
mod projects;
mod references;
mod structure;
mod subject;
mod templates;
mod unread;
mod written;

use std::sync::LazyLock;

use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::source::Span;

pub use buildspec::place_buildspecs;
pub use subject::Subject;
pub use unread::Unread;
pub use written::Places;

/// A rule: what it is called, what its page says, and the function.
#[derive(Debug)]
pub struct Rule {
    /// The kebab-case name; also the name of its file, of its test folder and of its page.
    pub code: &'static str,
    /// How much its findings weigh, unless the fact behind one is uncertain (then it is a warning).
    pub severity: Severity,
    /// What it finds, in one sentence that begins small and has no full stop.
    pub summary: &'static str,
    /// What it finds and why AWS refuses it, or why it hurts: a paragraph or two.
    pub why: &'static str,
    /// What AWS says, word for word; empty where it says nothing or its words are not known.
    pub aws: &'static str,
    /// A wrong piece of a pipeline file.
    pub wrong: &'static str,
    /// The same piece, right.
    pub right: &'static str,
    /// The page of AWS's documentation that the fact is from.
    pub link: &'static str,
    /// Ids of the catalogue's rules that it enforces: `S01`, `P13`.
    pub facts: &'static [&'static str],
    /// Looks at a file and appends what it finds.
    pub check: fn(&Subject<'_>, &mut Diagnostics),
}

impl Rule {
    /// A finding of this rule.
    fn finding(
        &self,
        span: Span,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Diagnostic {
        match self.severity {
            Severity::Error => Diagnostic::error(self.code, span, path, message),
            Severity::Warning => Diagnostic::warning(self.code, span, path, message),
        }
    }

    /// A finding of this rule whose fact is not certain, and which is therefore a warning.
    fn doubtful(
        &self,
        span: Span,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic::warning(self.code, span, path, message)
    }
}

/// Every rule, in alphabetical order of the codes.
pub static ALL: LazyLock<Vec<&'static Rule>> = LazyLock::new(|| {
    let groups = [
        structure::RULES,
        actions::RULES,
        projects::RULES,
        buildspec::RULES,
        companions::RULES,
        advice::RULES,
    ];
    let mut all: Vec<&Rule> = groups.into_iter().flatten().copied().collect();
    all.sort_by_key(|rule| rule.code);
    all
});

/// The rule of a code.
pub fn rule(code: &str) -> Option<&'static Rule> {
    ALL.iter().copied().find(|rule| rule.code == code)
}

/// Applies every rule.
pub fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let mut found = Diagnostics::new();
    for rule in ALL.iter() {
        (rule.check)(subject, &mut found);
    }
    // what `api:` says has its place there, not where the rules know its like
    let added = &subject.model.added;
    found.edit(|mut one| {
        let of_api = added
            .iter()
            .find_map(|api| match one.path.starts_with(&api.path) {
                true => None,
                false => api.path_of(one.span),
            });
        let path = of_api.or_else(|| exact::path(subject.tree, &one.path, one.span));
        if let Some(path) = path {
            one.path = path;
        }
        Some(one)
    });
    once::merge(subject.tree, diagnostics, &mut found);
    diagnostics.append(found);
    once::unknown(diagnostics);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_page() {
        assert!(ALL.windows(2).all(|pair| pair[0].code < pair[1].code));
        for rule in ALL.iter() {
            let code = rule.code;
            assert!(
                !rule.summary.is_empty() && !rule.summary.ends_with('.'),
                "{code}"
            );
            assert!(!rule.why.is_empty(), "{code}");
            assert!(!rule.wrong.is_empty() && !rule.right.is_empty(), "{code}");
            assert!(rule.link.starts_with("https://"), "{code}");
        }
    }
}
