//! Who is told is told through a topic that there can be.

use std::collections::HashSet;

use super::{Of, told};
use crate::catalog::companions::companions;
use crate::checks::structure::wording::unfit;
use crate::checks::{Rule, Subject, flow};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::model::{Notify, Text};

pub(super) const RULE: Rule = Rule {
    code: "topic-invalid",
    severity: Severity::Error,
    summary: "a topic of a notification has a name or an ARN that no topic has",
    why: "The name of a topic is 1 to 256 letters, digits, hyphens and underscores; its ARN says the region and the account \
          with all of its 12 digits. What is no ARN and no e-mail address is taken for the name of a topic in this account \
          and region.",
    aws: "Invalid parameter: Topic Name",
    wrong: "notifications:\n  buildFailed: shop failed",
    right: "notifications:\n  buildFailed: shop-failed",
    link: "https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let mut seen = HashSet::new();
    for (path, notify, of) in told(subject.model) {
        let finding = match notify {
            Notify::Topic(topic) if topic.known && seen.insert(topic.span) => {
                given(subject, topic, path, of)
            }
            Notify::Made {
                name: Some(name), ..
            } if seen.insert(name.span) => {
                let fact = &companions().topic_name;
                unfit(
                    &RULE,
                    subject,
                    name,
                    fact,
                    "topic name",
                    format!("{path}.name"),
                )
            }
            _ => None,
        };
        diagnostics.extend(finding);
    }
    for step in flow::all_steps(subject.model) {
        if let Some(topic) = step.configuration(OF_APPROVALS) {
            let path = step.key_path(OF_APPROVALS);
            diagnostics.extend(of_approval(subject, topic, path));
        }
    }
}

/// The configuration key that holds the topic of an approval.
const OF_APPROVALS: &str = "NotificationArn";

/// What is no topic at all is told with the other values of configurations; the rest AWS finds out when it tells.
fn of_approval(subject: &Subject<'_>, topic: &Text, path: String) -> Option<Diagnostic> {
    let sns = topic.value.split(':').nth(2) == Some("sns");
    if !topic.known || !sns || topic.value.contains("#{") {
        return None;
    }
    let mut finding = arn(subject, topic, path, Of::Approval)?;
    finding.severity = Severity::Warning;
    Some(finding)
}

/// A topic that exists, by its name or its ARN.
fn given(subject: &Subject<'_>, topic: &Text, path: String, of: Of) -> Option<Diagnostic> {
    let facts = companions();
    let value = &topic.value;
    if value.starts_with("arn:") {
        return arn(subject, topic, path, of);
    }
    if value.contains("://") {
        let finding = RULE
            .finding(topic.span, path, format!("`{value}` is no topic"))
            .label("an address of the web");
        let help = "subscribe the address to a topic, and name that topic";
        return Some(finding.help(help).through(topic.origin.as_ref()));
    }
    // a topic that keeps the order has this ending
    let name = value
        .strip_suffix(facts.topic_fifo.as_str())
        .unwrap_or(value);
    let name = Text {
        value: name.to_owned(),
        ..topic.clone()
    };
    unfit(&RULE, subject, &name, &facts.topic_name, "topic name", path)
}

fn arn(subject: &Subject<'_>, topic: &Text, path: String, of: Of) -> Option<Diagnostic> {
    let value = &topic.value;
    if companions().topic_arn.check(value).is_ok() {
        return None;
    }
    let parts: Vec<&str> = value.split(':').collect();
    let service = parts.get(2).copied().unwrap_or_default();
    let help = "write it as `arn:aws:sns:REGION:ACCOUNT:NAME`, or give the name alone";
    let finding = if service != "sns" {
        let message = format!("`{value}` is not the ARN of a topic");
        // alarms and rules have other targets too, which may be there and let themselves be called
        let finding = match of {
            Of::Approval => RULE.finding(topic.span, path, message),
            Of::Event | Of::Alarm => RULE.doubtful(topic.span, path, message),
        };
        finding.label("no topic")
    } else {
        let account = parts.get(4).copied().unwrap_or_default();
        let digits = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        match value.find(&format!(":{account}:")) {
            Some(start) if !digits && !account.is_empty() => {
                let span = subject.part(topic, start + 1, start + 1 + account.len());
                let message = format!("`{account}` is no account: an account has 12 digits");
                RULE.finding(span, path, message)
                    .label("the account of the topic")
            }
            _ => RULE
                .finding(topic.span, path, format!("`{value}` is no ARN of a topic"))
                .label("no topic"),
        }
    };
    Some(finding.help(help).through(topic.origin.as_ref()))
}
