//! CloudWatch alarms.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::json::Object;
use super::topics::Topics;
use super::{Facts, Output, names};
use crate::catalog::companions::companions;
use crate::model::{Alarm, AlarmWatch, Model, Project};
use crate::resources::{Id, Kind, Resource};

/// The projects that an alarm on failed builds watches.
fn watched<'m>(model: &'m Model, alarm: &Alarm) -> Vec<&'m Project> {
    let AlarmWatch::FailedBuilds { projects, .. } = &alarm.watch else {
        return Vec::new();
    };
    model
        .projects
        .iter()
        .filter(|project| {
            projects.is_empty()
                || projects
                    .iter()
                    .any(|p| p.value == project.key || p.value == project.name.value)
        })
        .collect()
}

/// The names in AWS of an alarm of the file, by its key. An alarm on the builds of several projects is one in AWS for
/// each of them, since a metric belongs to one project.
pub(super) fn names_in_aws(model: &Model) -> BTreeMap<String, Vec<String>> {
    let service = &model.service.value;
    let of = |alarm: &Alarm| match &alarm.watch {
        AlarmWatch::Existing(name) => vec![names::after(&name.value, ":alarm:").to_owned()],
        AlarmWatch::Metric { .. } => vec![names::alarm(service, &alarm.key.value)],
        AlarmWatch::FailedBuilds { .. } => {
            let projects = watched(model, alarm);
            projects
                .iter()
                .map(|project| failed_builds_name(service, alarm, project))
                .collect()
        }
    };
    model
        .alarms
        .iter()
        .map(|alarm| (alarm.key.value.clone(), of(alarm)))
        .collect()
}

/// With the project's name also where there is only one: a second project renames nothing.
fn failed_builds_name(service: &str, alarm: &Alarm, project: &Project) -> String {
    let name = format!("{}-{}", alarm.key.value, project.name.value);
    names::alarm(service, &name)
}

/// The alarms as resources.
pub(super) fn compile(model: &Model, facts: &Facts, topics: &mut Topics, out: &mut Output<'_>) {
    for alarm in &model.alarms {
        match &alarm.watch {
            AlarmWatch::Existing(_) => {}
            AlarmWatch::FailedBuilds { period, .. } => {
                let projects = watched(model, alarm);
                for project in projects {
                    let name = failed_builds_name(&model.service.value, alarm, project);
                    let region = project.region.as_ref().map_or(&facts.region, |r| &r.value);
                    let known = &companions().failed_builds;
                    let mut body = begin(&name, format!("Builds of {} fail.", project.name.value));
                    let dimension = json!([{"Name": known.dimension, "Value": project.name.value}]);
                    body.set("Namespace", known.namespace.clone())
                        .set("MetricName", known.metric.clone())
                        .set("Dimensions", dimension)
                        .set("Statistic", known.statistic.clone())
                        .set("Period", period.unwrap_or(known.period))
                        .set("EvaluationPeriods", known.periods)
                        .set("Threshold", known.threshold)
                        .set("ComparisonOperator", known.comparison.clone())
                        .set("TreatMissingData", known.missing.clone());
                    finish(model, facts, topics, out, alarm, region, name, body);
                }
            }
            AlarmWatch::Metric {
                namespace,
                metric,
                dimensions,
                statistic,
                period,
                periods,
                comparison,
                threshold,
                missing,
            } => {
                let defaults = &companions().alarm_defaults;
                let name = names::alarm(&model.service.value, &alarm.key.value);
                let mut body = begin(
                    &name,
                    format!("Alarm {} of {}.", alarm.key.value, model.service.value),
                );
                let statistic = statistic
                    .as_ref()
                    .map_or(defaults.statistic.as_str(), |s| s.value.as_str());
                // percentiles, trimmed means and the like have a member of their own
                let plain = statistic.chars().all(|c| c.is_ascii_alphabetic());
                let member = if plain {
                    "Statistic"
                } else {
                    "ExtendedStatistic"
                };
                let dimensions: Vec<Value> = dimensions
                    .iter()
                    .map(|(name, value)| json!({"Name": name.value, "Value": value.value}))
                    .collect();
                body.set("Namespace", namespace.value.clone())
                    .set("MetricName", metric.value.clone())
                    .list("Dimensions", dimensions)
                    .set(member, statistic)
                    .set("Period", period.unwrap_or(defaults.period))
                    .set("EvaluationPeriods", periods.unwrap_or(defaults.periods))
                    .set("Threshold", *threshold)
                    .set("ComparisonOperator", *comparison)
                    .some(
                        "TreatMissingData",
                        missing.as_ref().map(|m| m.value.clone()),
                    );
                let region = facts.region.clone();
                finish(model, facts, topics, out, alarm, &region, name, body);
            }
        }
    }
}

fn begin(name: &str, description: String) -> Object {
    let mut body = Object::new();
    body.set("AlarmName", name)
        .set("AlarmDescription", description)
        .set("ActionsEnabled", true);
    body
}

#[expect(clippy::too_many_arguments, reason = "the parts of one alarm")]
fn finish(
    model: &Model,
    facts: &Facts,
    topics: &mut Topics,
    out: &mut Output<'_>,
    alarm: &Alarm,
    region: &str,
    name: String,
    mut body: Object,
) {
    let mut depends = Vec::new();
    let mut actions: Vec<Value> = Vec::new();
    for notify in &alarm.notify {
        let about = &alarm.key.value;
        let arn = topics.ask(model, facts, notify, about, region, Some("alarms"));
        depends.extend(topics.id(facts, &arn));
        if !actions.contains(&Value::from(arn.clone())) {
            actions.push(arn.into());
        }
    }
    body.list("AlarmActions", actions);
    let mut resource = Resource::new(Id::new(Kind::Alarm, region, name), body.done());
    resource.depends = depends;
    out.add(resource);
}
