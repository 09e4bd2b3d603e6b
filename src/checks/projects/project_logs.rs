//! Logs have a place, and a time for which they are kept.

use std::collections::HashSet;

use super::parts;
use crate::catalog::companions::companions;
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::model::Project;
use crate::tree::Node;

pub(super) const RULE: Rule = Rule {
    code: "project-logs",
    severity: Severity::Error,
    summary: "logs of a project have no place that S3 knows, or are kept for a time that is not offered",
    why: "Logs in S3 are switched on with a bucket and a prefix, or its ARN; without one CodeBuild has no place for them. \
          A log group that is made keeps what it gets for one of the times that CloudWatch Logs offers: 1, 3, 5, 7, 14, 30, \
          60, 90 days and so on, up to ten years.",
    aws: "",
    wrong: "logsConfig:\n  s3Logs: {status: ENABLED}",
    right: "logsConfig:\n  s3Logs: {status: ENABLED, location: my-bucket/logs}",
    link: "https://docs.aws.amazon.com/codebuild/latest/APIReference/API_S3LogsConfig.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let mut seen = HashSet::new();
    for project in parts::made(subject) {
        let retention = project.log_group.as_ref().and_then(|g| g.retention_days);
        // that of the defaults is of every build
        if let Some((days, span)) = retention.filter(|(_, span)| seen.insert(*span)) {
            let choices = &companions().logs.retention_choices;
            if !choices.contains(&days) {
                let more = choices.iter().find(|choice| **choice > days);
                let right = more.or(choices.last()).copied().unwrap_or(days);
                let message = format!(
                    "CloudWatch Logs keeps no log for {days} days: some numbers are offered only"
                );
                diagnostics.push(
                    RULE.finding(span, fields::join(&project.path, "logs.retention"), message)
                        .label("not offered")
                        .help(format!("write `{right}d`")),
                );
            }
        }
        let Some(logs) = fields::get(&project.definition, "logsConfig.s3Logs") else {
            continue;
        };
        if !fields::empty(logs, "location") {
            let location = fields::get(logs, "location");
            diagnostics.extend(location.and_then(|node| address(project, node)));
            continue;
        }
        if fields::word(logs, "status") != Some("ENABLED") {
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

/// A place that is written as programs do that copy to S3.
fn address(project: &Project, node: &Node) -> Option<Diagnostic> {
    let place = fields::known(node)?.strip_prefix("s3://")?;
    let message = "the place of logs in S3 is BUCKET/PREFIX, not an address".to_owned();
    let finding = parts::doubtful(&RULE, project, "logsConfig.s3Logs.location", node, message);
    Some(finding.label("an address").help(format!("write `{place}`")))
}
