//! A topic is told of from its own region only.

use std::collections::BTreeSet;

use super::placed;
use crate::catalog::companions::{NotificationOf, companions};
use crate::checks::structure::wording::home_span;
use crate::checks::{Rule, Subject, flow};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::{AlarmWatch, Notify, Project, Text};
use crate::source::Span;

pub(super) const RULE: Rule = Rule {
    code: "topic-region",
    severity: Severity::Error,
    summary: "a topic is in another region than what it is to be told of",
    why: "An alarm, an EventBridge rule and an approval tell topics of their own region. What happens to a build is known \
          in the region the build runs in: an action with `region` has its project, and with it the alarms and rules \
          about that project, there. A topic given by its ARN is in one region; one given by its name is looked for in \
          each, and an address gets a topic in each.",
    aws: "Invalid region us-east-1 specified. Only eu-west-1 is supported.",
    wrong: "stages:\n  - build: {run: make, region: eu-west-1}\nnotifications:\n  buildFailed: arn:aws:sns:us-east-1:111122223333:ops",
    right: "stages:\n  - build: {run: make, region: eu-west-1}\nnotifications:\n  buildFailed: arn:aws:sns:eu-west-1:111122223333:ops",
    link: "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html",
    facts: &[],
    check,
};

/// What happens somewhere, in words, in which region, and where the file says that.
type Event<'a> = (String, &'a str, Option<Span>);

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let model = subject.model;
    let home = |what: &str| Some((what.to_owned(), subject.region?, home_span(subject)));
    for notification in &model.notifications {
        let event = notification.event.value.as_str();
        let known = companions().notifications.get(event);
        let events: Vec<Event<'_>> = match known.map(|known| known.of) {
            Some(NotificationOf::Projects) => model
                .projects
                .iter()
                .filter_map(|project| build(subject, project))
                .collect(),
            Some(NotificationOf::Pipelines) => {
                home("what happens to a pipeline").into_iter().collect()
            }
            None => continue,
        };
        let path = format!("notifications.{event}");
        all(&notification.notify, &events, &path, diagnostics);
    }
    for alarm in &model.alarms {
        let events: Vec<Event<'_>> = match &alarm.watch {
            AlarmWatch::Existing(_) => continue,
            AlarmWatch::FailedBuilds { projects, .. } => model
                .projects
                .iter()
                .filter(|project| {
                    projects.is_empty() || projects.iter().any(|key| key.value == project.key)
                })
                .filter_map(|project| build(subject, project))
                .collect(),
            AlarmWatch::Metric { .. } => home("the alarm").into_iter().collect(),
        };
        let path = format!("{}.notify", alarm.path);
        all(&alarm.notify, &events, &path, diagnostics);
    }
    for step in flow::all_steps(model).filter(|step| !step.action.raw) {
        let action = step.action;
        let own = action.region.as_ref();
        let Some(region) = own.map(|region| region.value.as_str()).or(subject.region) else {
            continue;
        };
        let said = own.map(|region| region.span).or(home_span(subject));
        let event = (
            format!("the approval `{}`", action.name.value),
            region,
            said,
        );
        let path = format!("{}.notify", action.path);
        all(
            &action.notify,
            std::slice::from_ref(&event),
            &path,
            diagnostics,
        );
        if let Some(topic) = step.configuration("NotificationArn") {
            one(topic, &[event], &path, diagnostics);
        }
    }
}

/// What is to be told of a build, and the region of that.
fn build<'a>(subject: &Subject<'a>, project: &'a Project) -> Option<Event<'a>> {
    let (region, said) = match &project.region {
        Some(region) if !region.known => return None,
        Some(region) => (region.value.as_str(), Some(region.span)),
        None => (subject.region?, home_span(subject)),
    };
    Some((format!("builds of `{}`", project.name.value), region, said))
}

fn all(told: &[Notify], events: &[Event<'_>], path: &str, diagnostics: &mut Diagnostics) {
    for (path, notify) in placed(path, told) {
        if let Notify::Topic(topic) = notify {
            one(topic, events, &path, diagnostics);
        }
    }
}

fn one(topic: &Text, events: &[Event<'_>], path: &str, diagnostics: &mut Diagnostics) {
    let Some(there) = region(topic) else {
        return;
    };
    let Some((what, here, said)) = events.iter().find(|(_, region, _)| *region != there) else {
        return;
    };
    let regions: BTreeSet<&str> = events.iter().map(|(_, region, _)| *region).collect();
    let help = if regions.len() == 1 {
        format!("name a topic of {here}, or give an e-mail address: then a topic is made there")
    } else {
        let name = topic.value.rsplit(':').next().unwrap_or_default();
        format!(
            "write `{name}` alone, if there is a topic of that name in each region, or give an e-mail address: then a topic is made in each"
        )
    };
    diagnostics.push(
        RULE.finding(
            topic.span,
            path,
            format!("a topic in {there} cannot be told of {what} in {here}"),
        )
        .label("a topic of another region")
        .perhaps_related(*said, "the region")
        .help(help)
        .through(topic.origin.as_ref()),
    );
}

/// The region of a topic that is given by its ARN.
fn region(topic: &Text) -> Option<&str> {
    if !topic.known {
        return None;
    }
    let mut parts = topic.value.strip_prefix("arn:")?.split(':');
    let service = parts.nth(1)?;
    let region = parts.next()?;
    (service == "sns" && !region.is_empty()).then_some(region)
}
