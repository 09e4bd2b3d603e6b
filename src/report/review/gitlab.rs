//! A Code Quality report of GitLab: <https://docs.gitlab.com/ci/testing/code_quality/>

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::diagnostic::{Diagnostic, Severity};
use crate::source::Sources;

/// One finding.
#[derive(Debug, Serialize)]
pub struct Issue {
    description: String,
    check_name: &'static str,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Debug, Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Debug, Serialize)]
struct Lines {
    begin: usize,
    end: usize,
}

/// The report. A finding keeps its fingerprint when lines move, so that GitLab knows it again.
pub fn gitlab(sources: &Sources, list: &[Diagnostic]) -> Vec<Issue> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    list.iter()
        .map(|finding| {
            let (start, end) = sources.positions(finding.span);
            let path = sources.file(finding.span.file).name.clone();
            let same = format!(
                "{}\n{path}\n{}\n{}",
                finding.code, finding.path, finding.message
            );
            let number = seen.entry(same.clone()).or_default();
            *number += 1;
            let digest = Sha256::digest(format!("{same}\n{number}"));
            Issue {
                description: super::whole(finding),
                check_name: finding.code,
                fingerprint: digest[..16]
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect(),
                severity: match finding.severity {
                    Severity::Error => "major",
                    Severity::Warning => "minor",
                },
                location: Location {
                    path,
                    lines: Lines {
                        begin: start.line,
                        end: end.line,
                    },
                },
            }
        })
        .collect()
}
