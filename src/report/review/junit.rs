//! A JUnit report: a suite per file, a failed test per finding; a file without any is a test that passes.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::diagnostic::Diagnostic;
use crate::error::Failure;
use crate::source::Sources;

/// The report on these files, as they were named; findings in other files (included ones, buildspecs) get a suite too,
/// and so does what could not be looked at.
pub fn junit(
    sources: &Sources,
    list: &[Diagnostic],
    files: &[String],
    failed: &[Failure],
) -> String {
    let mut suites: Vec<(&str, Vec<&Diagnostic>)> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    let mut suite = |name| {
        *known.entry(name).or_insert_with(|| {
            suites.push((name, Vec::new()));
            suites.len() - 1
        })
    };
    for name in files {
        suite(name.as_str());
    }
    let of: Vec<usize> = list
        .iter()
        .map(|finding| suite(sources.file(finding.span.file).name.as_str()))
        .collect();
    for (finding, suite) in list.iter().zip(of) {
        suites[suite].1.push(finding);
    }
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let clean = suites.iter().filter(|(_, own)| own.is_empty()).count();
    let _ = writeln!(
        text,
        "<testsuites name=\"pipectl\" tests=\"{}\" failures=\"{}\" errors=\"{}\">",
        list.len() + clean + failed.len(),
        list.len(),
        failed.len()
    );
    for (name, own) in suites {
        let _ = writeln!(
            text,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\">",
            escaped(name),
            own.len().max(1),
            own.len()
        );
        if own.is_empty() {
            let _ = writeln!(
                text,
                "    <testcase classname=\"{}\" name=\"validate\"/>",
                escaped(name)
            );
        }
        for finding in own {
            let (start, _) = sources.positions(finding.span);
            let place = format!("{name}:{}:{}", start.line, start.column);
            let _ = writeln!(
                text,
                "    <testcase classname=\"{}\" name=\"{} at {}:{}\">\n      <failure type=\"{}\" message=\"{}\">{}\n{}</failure>\n    </testcase>",
                escaped(name),
                finding.code,
                start.line,
                start.column,
                finding.severity.as_str(),
                attribute(&finding.message),
                escaped(&place),
                escaped(&super::whole(finding))
            );
        }
        text.push_str("  </testsuite>\n");
    }
    for failure in failed {
        let _ = writeln!(
            text,
            "  <testsuite name=\"pipectl\" tests=\"1\" failures=\"0\" errors=\"1\">\n    <testcase classname=\"pipectl\" name=\"{code}\">\n      <error type=\"{code}\" message=\"{}\">{}</error>\n    </testcase>\n  </testsuite>",
            attribute(&failure.message),
            escaped(&super::told(failure)),
            code = escaped(&failure.code),
        );
    }
    text.push_str("</testsuites>\n");
    text
}

/// Text for an attribute, where a reader makes blanks of line breaks.
fn attribute(text: &str) -> String {
    escaped(text).replace('\n', "&#10;").replace('\t', "&#9;")
}

/// Text for XML: markup escaped, and characters that XML 1.0 does not have replaced.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
