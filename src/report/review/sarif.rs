//! SARIF 2.1.0: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::checks;
use crate::diagnostic::{CODES, Diagnostic, Severity};
use crate::error::Failure;
use crate::source::{Sources, Span};

/// The log of one run. Only the rules that found something are described. What a comment takes back is left out: code
/// scanning would show it.
pub fn sarif(sources: &Sources, list: &[Diagnostic], failed: &[Failure]) -> Value {
    let mut codes: Vec<&str> = list.iter().map(|finding| finding.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let results: Vec<Value> = list
        .iter()
        .map(|finding| {
            let mut result = json!({
                "ruleId": finding.code,
                "ruleIndex": codes.binary_search(&finding.code).unwrap_or_default(),
                "level": finding.severity.as_str(),
                "message": {"text": super::whole(finding)},
                "locations": [{
                    "physicalLocation": place(sources, finding.span),
                    "logicalLocations": [{"fullyQualifiedName": finding.path}],
                }],
            });
            let related: Vec<Value> = finding
                .places()
                .zip(1..)
                .map(|((message, span), id)| {
                    json!({
                        "id": id,
                        "physicalLocation": place(sources, span),
                        "message": {"text": message},
                    })
                })
                .collect();
            if !related.is_empty() {
                result["relatedLocations"] = Value::Array(related);
            }
            result
        })
        .collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": env!("CARGO_PKG_NAME"),
                "version": env!("CARGO_PKG_VERSION"),
                "rules": codes.iter().map(|code| rule(code)).collect::<Vec<_>>(),
            }},
            "invocations": [{
                "executionSuccessful": failed.is_empty(),
                "toolExecutionNotifications": failed.iter().map(notification).collect::<Vec<_>>(),
            }],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// A file that could not be looked at.
fn notification(failure: &Failure) -> Value {
    json!({
        "descriptor": {"id": failure.code},
        "level": "error",
        "message": {"text": super::told(failure)},
    })
}

fn rule(code: &str) -> Value {
    let Some(rule) = checks::rule(code) else {
        let summary = CODES
            .iter()
            .find(|(known, _)| *known == code)
            .map_or(code, |(_, summary)| summary);
        return json!({
            "id": code,
            "shortDescription": {"text": summary},
            "defaultConfiguration": {"level": Severity::Error.as_str()},
        });
    };
    json!({
        "id": code,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.why},
        "help": {"text": format!("Wrong:\n{}\n\nRight:\n{}", rule.wrong, rule.right)},
        "helpUri": rule.link,
        "defaultConfiguration": {"level": rule.severity.as_str()},
    })
}

fn place(sources: &Sources, span: Span) -> Value {
    let (start, end) = sources.positions(span);
    json!({
        "artifactLocation": {"uri": uri(&sources.file(span.file).name)},
        "region": {
            "startLine": start.line,
            "startColumn": start.column,
            "endLine": end.line,
            "endColumn": end.column,
        },
    })
}

/// A path as a relative reference (RFC 3986).
fn uri(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        match byte {
            b'\\' => uri.push('/'),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            _ => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri
}
