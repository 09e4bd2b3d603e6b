//! Typed pipeline to findings: one file per rule.

use crate::diagnostic::Diagnostics;
use crate::model::Model;

/// A rule: its code, one sentence, and the function.
pub struct Rule {
    /// The kebab-case name; also the name of its file and its page.
    pub code: &'static str,
    /// What it finds, in one sentence.
    pub summary: &'static str,
    /// Looks at a file and appends what it finds.
    pub check: fn(&Model, &mut Diagnostics),
}

/// Every rule, in alphabetical order of the codes.
pub const ALL: &[Rule] = &[];

/// Applies every rule.
pub fn check(model: &Model, diagnostics: &mut Diagnostics) {
    for rule in ALL {
        (rule.check)(model, diagnostics);
    }
}
