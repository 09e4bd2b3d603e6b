//! Logs in S3 have a place.

use super::parts;
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "project-logs",
    severity: Severity::Error,
    summary: "logs are to go to S3, and the project does not say where",
    why: "Logs in S3 are switched on with a bucket and a prefix, or its ARN; without one CodeBuild has no place for them.",
    aws: "",
    wrong: "logsConfig:\n  s3Logs: {status: ENABLED}",
    right: "logsConfig:\n  s3Logs: {status: ENABLED, location: my-bucket/logs}",
    link: "https://docs.aws.amazon.com/codebuild/latest/APIReference/API_S3LogsConfig.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for project in parts::made(subject) {
        let Some(logs) = fields::get(&project.definition, "logsConfig.s3Logs") else {
            continue;
        };
        if fields::word(logs, "status") != Some("ENABLED") || !fields::empty(logs, "location") {
            continue;
        }
        let at = fields::get(logs, "location")
            .or_else(|| fields::get(logs, "status"))
            .unwrap_or(logs);
        diagnostics.push(
            parts::finding(
                &RULE,
                project,
                "logsConfig.s3Logs.location",
                at,
                "logs in S3 need a place".to_owned(),
            )
            .label("without `location`")
            .help(if project.raw {
                "add `location: BUCKET/PREFIX`"
            } else {
                "write `s3: BUCKET/PREFIX`"
            }),
        );
    }
}
