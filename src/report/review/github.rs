//! Workflow commands of GitHub Actions, which become annotations:
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>

use std::fmt::Write as _;

use crate::diagnostic::Diagnostic;
use crate::error::Failure;
use crate::report::shown;
use crate::source::Sources;

/// One command per finding, and one per file that could not be looked at.
pub fn github(sources: &Sources, list: &[Diagnostic], failed: &[Failure]) -> String {
    let mut text = String::new();
    let (findings, rest) = shown(list);
    for finding in findings {
        let (start, end) = sources.positions(finding.span);
        let _ = write!(
            text,
            "::{} file={},line={},col={},endLine={}",
            finding.severity.as_str(),
            property(&sources.file(finding.span.file).name),
            start.line,
            start.column,
            end.line
        );
        // Columns are shown only within one line.
        if start.line == end.line {
            let _ = write!(text, ",endColumn={}", end.column);
        }
        let _ = writeln!(
            text,
            ",title={}::{}",
            property(finding.code),
            data(&super::whole(finding))
        );
    }
    if let Some(rest) = rest {
        let _ = writeln!(text, "::warning::{}", data(&rest));
    }
    for failure in failed {
        let (title, told) = (property(&failure.code), data(&super::told(failure)));
        let _ = writeln!(text, "::error title={title}::{told}");
    }
    text
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
