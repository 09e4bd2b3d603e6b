//! Findings in the forms that other tools read: code scanning, workflow annotations, code quality, test reports.

mod github;
mod gitlab;
mod junit;
mod sarif;
#[cfg(test)]
mod tests;

pub use github::github;
pub use gitlab::gitlab;
pub use junit::junit;
pub use sarif::sarif;

use crate::diagnostic::Diagnostic;
use crate::error::Failure;

/// What is wrong and what to type instead, as one text.
fn whole(finding: &Diagnostic) -> String {
    match &finding.help {
        Some(help) => format!("{}\n{help}", finding.message),
        None => finding.message.clone(),
    }
}

/// A failure and what to do about it, as one text.
fn told(failure: &Failure) -> String {
    match &failure.help {
        Some(help) => format!("{}\n{help}", failure.message),
        None => failure.message.clone(),
    }
}
