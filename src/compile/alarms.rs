//! CloudWatch alarms.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::json::Object;
use super::topics::Topics;
use super::{Facts, Output, names};
use crate::catalog::companions::companions;
use crate::catalog::structure;
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
                .map(|project| names::alarm(service, &failed_builds(alarm, project)))
                .collect()
        }
    };
    model
        .alarms
        .iter()
        .map(|alarm| (alarm.key.value.clone(), of(alarm)))
        .collect()
}

/// What the alarm of one project is called after. With the project's name also where there is only one: a second
/// project renames nothing.
fn failed_builds(alarm: &Alarm, project: &Project) -> String {
    format!("{}-{}", alarm.key.value, project.name.value)
}

/// The alarms as resources.
pub(super) fn compile(model: &Model, facts: &Facts, topics: &mut Topics, out: &mut Output<'_>) {
    for alarm in &model.alarms {
        match &alarm.watch {
            AlarmWatch::Existing(_) => {}
            AlarmWatch::FailedBuilds { period, .. } => {
                for project in watched(model, alarm) {
                    let about = failed_builds(alarm, project);
                    let region = project.region.as_ref().map_or(&facts.region, |r| &r.value);
                    let known = &companions().failed_builds;
                    let mut body = begin(format!("Builds of {} fail.", project.name.value));
                    let dimension = json!([{"Name": known.dimension, "Value": project.name.value}]);
                    body.set("Namespace", known.namespace.clone())
                        .set("MetricName", known.metric.clone())
                        .set("Dimensions", dimension)
                        .set("Statistic", known.statistic.clone())
                        .set(
                            "Period",
                            period.map_or(known.period, |(seconds, _)| seconds),
                        )
                        .set("EvaluationPeriods", known.periods)
                        .set("Threshold", known.threshold)
                        .set("ComparisonOperator", known.comparison.clone())
                        .set("TreatMissingData", known.missing.clone());
                    let told = told(model, facts, topics, alarm, region);
                    add(model, &about, region, &body.done(), &told, out);
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
                let about = &alarm.key.value;
                let mut body = begin(format!("Alarm {about} of {}.", model.service.value));
                let statistic = statistic
                    .as_ref()
                    .map_or(defaults.statistic.as_str(), |s| s.value.as_str());
                // percentiles, trimmed means and the like have a member of their own
                let plain = &companions().alarms.statistics;
                let member = if plain.iter().any(|word| word == statistic) {
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
                    .set(
                        "Period",
                        period.map_or(defaults.period, |(seconds, _)| seconds),
                    )
                    .set(
                        "EvaluationPeriods",
                        periods.map_or(defaults.periods, |(count, _)| count),
                    )
                    .set("Threshold", *threshold)
                    .set("ComparisonOperator", *comparison)
                    .some(
                        "TreatMissingData",
                        missing.as_ref().map(|m| m.value.clone()),
                    );
                let told = told(model, facts, topics, alarm, &facts.region);
                add(model, about, &facts.region, &body.done(), &told, out);
            }
        }
    }
}

fn begin(description: String) -> Object {
    let mut body = Object::new();
    body.set("AlarmDescription", description)
        .set("ActionsEnabled", true);
    body
}

/// Whom an alarm tells, each once: ARNs of topics, and what is made of them.
fn told(
    model: &Model,
    facts: &Facts,
    topics: &mut Topics,
    alarm: &Alarm,
    region: &str,
) -> Vec<(String, Option<Id>)> {
    let mut told: Vec<(String, Option<Id>)> = Vec::new();
    for notify in &alarm.notify {
        let about = &alarm.key.value;
        let arn = topics.ask(model, facts, notify, about, region, Some("alarms"));
        if !told.iter().any(|(known, _)| *known == arn) {
            let id = topics.id(facts, &arn);
            told.push((arn, id));
        }
    }
    told
}

/// Adds an alarm, and more like it where it tells more topics than one can.
fn add(
    model: &Model,
    about: &str,
    region: &str,
    body: &Value,
    told: &[(String, Option<Id>)],
    out: &mut Output<'_>,
) {
    for (part, told) in names::parts(told, &structure::structure().alarms.actions) {
        let name = names::alarm(&model.service.value, &names::part(about, "-to", part));
        let actions: Vec<&String> = told.iter().map(|(arn, _)| arn).collect();
        let mut body = body.clone();
        body["AlarmName"] = Value::from(name.clone());
        if !actions.is_empty() {
            body["AlarmActions"] = json!(actions);
        }
        let mut resource = Resource::new(Id::new(Kind::Alarm, region, name), body);
        resource.depends = told.iter().filter_map(|(_, id)| id.clone()).collect();
        out.add(resource);
    }
}
