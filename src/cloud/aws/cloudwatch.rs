//! CloudWatch metric alarms.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::types::{
    ComparisonOperator, Dimension, Metric, MetricAlarm, MetricDataQuery, MetricStat, StandardUnit,
    Statistic, Tag,
};
use serde_json::{Map, Value, json};

use super::call::send;
use super::json::{TagChange, items, put, revealed};
use super::{Aws, all, found};
use crate::cloud::Result;
use crate::resources::{Id, Resource};

/// How many names one call takes.
const BATCH: usize = 100;

impl Aws {
    async fn alarm_arn(&self, id: &Id) -> Result<String> {
        let rest = format!("alarm:{}", id.name);
        self.arn("cloudwatch", &id.region, &rest).await
    }

    pub(super) async fn read_alarms(
        &self,
        region: &str,
        ids: &[&Id],
    ) -> Result<Vec<Option<Resource>>> {
        let answers = all(ids.chunks(BATCH).map(|batch| async move {
            let names = batch.iter().map(|id| id.name.clone()).collect();
            send!(
                self,
                "CloudWatch:DescribeAlarms",
                self.cloudwatch(region)
                    .describe_alarms()
                    .set_alarm_names(Some(names))
                    .max_records(100)
            )
        }))
        .await?;
        let mut alarms: BTreeMap<&str, &MetricAlarm> = BTreeMap::new();
        for alarm in answers.iter().flat_map(|answer| answer.metric_alarms()) {
            alarms.insert(alarm.alarm_name().unwrap_or_default(), alarm);
        }
        let alarms = &alarms;
        all(ids.iter().map(|id| async move {
            let Some(alarm) = alarms.get(id.name.as_str()) else {
                return Ok(None);
            };
            let mut resource = Resource::new((*id).clone(), body_of(alarm));
            let arn = self.alarm_arn(id).await?;
            let answer = found(send!(
                self,
                "CloudWatch:ListTagsForResource",
                self.cloudwatch(region)
                    .list_tags_for_resource()
                    .resource_arn(arn)
            ))?;
            for tag in answer.iter().flat_map(|answer| answer.tags()) {
                let key = tag.key().unwrap_or_default().to_owned();
                let value = tag.value().unwrap_or_default().to_owned();
                resource.tags.insert(key, value);
            }
            Ok(Some(resource))
        }))
        .await
    }

    pub(super) async fn put_alarm(
        &self,
        live: Option<&Resource>,
        desired: &Resource,
    ) -> Result<()> {
        let region = &desired.id.region;
        let body = revealed(desired)?;
        let differs = match live {
            Some(live) => self.forms(live, desired).await?.differ(),
            None => true,
        };
        if differs {
            // Of an alarm that exists PutMetricAlarm ignores the tags.
            let tags = live.is_none().then(|| tag_list(&desired.tags));
            send!(
                self,
                "CloudWatch:PutMetricAlarm",
                self.cloudwatch(region)
                    .put_metric_alarm()
                    .alarm_name(&desired.id.name)
                    .set_alarm_description(string(&body, "AlarmDescription"))
                    .set_actions_enabled(body.get("ActionsEnabled").and_then(Value::as_bool))
                    .set_ok_actions(strings(&body, "OKActions"))
                    .set_alarm_actions(strings(&body, "AlarmActions"))
                    .set_insufficient_data_actions(strings(&body, "InsufficientDataActions"))
                    .set_metric_name(string(&body, "MetricName"))
                    .set_namespace(string(&body, "Namespace"))
                    .set_statistic(string(&body, "Statistic").map(|s| Statistic::from(s.as_str())))
                    .set_extended_statistic(string(&body, "ExtendedStatistic"))
                    .set_dimensions(dimensions(&body))
                    .set_period(number(&body, "Period"))
                    .set_unit(unit(&body))
                    .set_evaluation_periods(number(&body, "EvaluationPeriods"))
                    .set_datapoints_to_alarm(number(&body, "DatapointsToAlarm"))
                    .set_threshold(body.get("Threshold").and_then(Value::as_f64))
                    .set_comparison_operator(
                        string(&body, "ComparisonOperator")
                            .map(|s| ComparisonOperator::from(s.as_str()))
                    )
                    .set_treat_missing_data(string(&body, "TreatMissingData"))
                    .set_evaluate_low_sample_count_percentile(string(
                        &body,
                        "EvaluateLowSampleCountPercentile"
                    ))
                    .set_metrics(queries(&body))
                    .set_threshold_metric_id(string(&body, "ThresholdMetricId"))
                    .set_tags(tags.filter(|tags| !tags.is_empty()))
            )?;
        }
        let Some(live) = live else {
            return Ok(());
        };
        let change = TagChange::between(live, desired);
        let arn = self.alarm_arn(&desired.id).await?;
        if !change.set.is_empty() {
            send!(
                self,
                "CloudWatch:TagResource",
                self.cloudwatch(region)
                    .tag_resource()
                    .resource_arn(&arn)
                    .set_tags(Some(tag_list(&change.set)))
            )?;
        }
        if !change.remove.is_empty() {
            send!(
                self,
                "CloudWatch:UntagResource",
                self.cloudwatch(region)
                    .untag_resource()
                    .resource_arn(&arn)
                    .set_tag_keys(Some(change.remove))
            )?;
        }
        Ok(())
    }

    pub(super) async fn delete_alarm(&self, id: &Id) -> Result<()> {
        send!(
            self,
            "CloudWatch:DeleteAlarms",
            self.cloudwatch(&id.region)
                .delete_alarms()
                .alarm_names(&id.name)
        )
        .map(drop)
    }
}

fn string(body: &Value, member: &str) -> Option<String> {
    Some(body.get(member)?.as_str()?.to_owned())
}

fn number(body: &Value, member: &str) -> Option<i32> {
    i32::try_from(body.get(member)?.as_i64()?).ok()
}

fn strings(body: &Value, member: &str) -> Option<Vec<String>> {
    let list = body.get(member)?.as_array()?;
    Some(
        list.iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
    )
}

fn unit(body: &Value) -> Option<StandardUnit> {
    string(body, "Unit").map(|unit| StandardUnit::from(unit.as_str()))
}

fn dimensions(body: &Value) -> Option<Vec<Dimension>> {
    body.get("Dimensions")?;
    Some(
        items(body, "Dimensions")
            .map(|entry| {
                Dimension::builder()
                    .set_name(string(entry, "Name"))
                    .set_value(string(entry, "Value"))
                    .build()
            })
            .collect(),
    )
}

fn queries(body: &Value) -> Option<Vec<MetricDataQuery>> {
    body.get("Metrics")?;
    Some(items(body, "Metrics").map(query).collect())
}

fn query(entry: &Value) -> MetricDataQuery {
    let stat = entry.get("MetricStat").map(|stat| {
        let metric = stat.get("Metric").map(|metric| {
            Metric::builder()
                .set_namespace(string(metric, "Namespace"))
                .set_metric_name(string(metric, "MetricName"))
                .set_dimensions(dimensions(metric))
                .build()
        });
        MetricStat::builder()
            .set_metric(metric)
            .set_period(number(stat, "Period"))
            .set_stat(string(stat, "Stat"))
            .set_unit(unit(stat))
            .build()
    });
    MetricDataQuery::builder()
        .set_id(string(entry, "Id"))
        .set_metric_stat(stat)
        .set_expression(string(entry, "Expression"))
        .set_label(string(entry, "Label"))
        .set_return_data(entry.get("ReturnData").and_then(Value::as_bool))
        .set_period(number(entry, "Period"))
        .set_account_id(string(entry, "AccountId"))
        .build()
}

fn tag_list(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

fn dimensions_json(dimensions: &[Dimension]) -> Value {
    dimensions
        .iter()
        .map(|entry| json!({"Name": entry.name(), "Value": entry.value()}))
        .collect()
}

/// Whole numbers as people write them.
#[expect(clippy::float_cmp, reason = "whether it is whole is exact")]
fn whole(number: f64) -> Value {
    if number.trunc() == number && number.abs() < 1e15 {
        Value::from(number as i64)
    } else {
        Value::from(number)
    }
}

/// An alarm in the shape of PutMetricAlarm's input.
fn body_of(alarm: &MetricAlarm) -> Value {
    let mut body = Map::new();
    let mut text = |member: &str, value: Option<&str>| put(&mut body, member, value);
    text("AlarmName", alarm.alarm_name());
    text("AlarmDescription", alarm.alarm_description());
    text("MetricName", alarm.metric_name());
    text("Namespace", alarm.namespace());
    text("Statistic", alarm.statistic().map(Statistic::as_str));
    text("ExtendedStatistic", alarm.extended_statistic());
    text("Unit", alarm.unit().map(StandardUnit::as_str));
    text(
        "ComparisonOperator",
        alarm.comparison_operator().map(ComparisonOperator::as_str),
    );
    text("TreatMissingData", alarm.treat_missing_data());
    text(
        "EvaluateLowSampleCountPercentile",
        alarm.evaluate_low_sample_count_percentile(),
    );
    text("ThresholdMetricId", alarm.threshold_metric_id());
    put(&mut body, "ActionsEnabled", alarm.actions_enabled());
    put(&mut body, "Period", alarm.period());
    put(&mut body, "EvaluationPeriods", alarm.evaluation_periods());
    put(&mut body, "DatapointsToAlarm", alarm.datapoints_to_alarm());
    put(&mut body, "Threshold", alarm.threshold().map(whole));
    for (member, actions) in [
        ("OKActions", alarm.ok_actions()),
        ("AlarmActions", alarm.alarm_actions()),
        ("InsufficientDataActions", alarm.insufficient_data_actions()),
    ] {
        if !actions.is_empty() {
            put(&mut body, member, actions.to_vec());
        }
    }
    if !alarm.dimensions().is_empty() {
        put(&mut body, "Dimensions", dimensions_json(alarm.dimensions()));
    }
    if !alarm.metrics().is_empty() {
        let metrics: Value = alarm.metrics().iter().map(query_json).collect();
        put(&mut body, "Metrics", metrics);
    }
    Value::Object(body)
}

fn query_json(query: &MetricDataQuery) -> Value {
    let mut entry = Map::new();
    put(&mut entry, "Id", query.id());
    if let Some(stat) = query.metric_stat() {
        let mut json = Map::new();
        if let Some(metric) = stat.metric() {
            let mut json_metric = Map::new();
            put(&mut json_metric, "Namespace", metric.namespace());
            put(&mut json_metric, "MetricName", metric.metric_name());
            if !metric.dimensions().is_empty() {
                put(
                    &mut json_metric,
                    "Dimensions",
                    dimensions_json(metric.dimensions()),
                );
            }
            put(&mut json, "Metric", json_metric);
        }
        put(&mut json, "Period", stat.period());
        put(&mut json, "Stat", stat.stat());
        put(&mut json, "Unit", stat.unit().map(StandardUnit::as_str));
        put(&mut entry, "MetricStat", json);
    }
    put(&mut entry, "Expression", query.expression());
    put(&mut entry, "Label", query.label());
    put(&mut entry, "ReturnData", query.return_data());
    put(&mut entry, "Period", query.period());
    put(&mut entry, "AccountId", query.account_id());
    Value::Object(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_survives_both_ways() {
        let entry = json!({
            "Id": "m1",
            "MetricStat": {
                "Metric": {"Namespace": "N", "MetricName": "M", "Dimensions": [{"Name": "a", "Value": "b"}]},
                "Period": 60,
                "Stat": "Sum",
                "Unit": "Count",
            },
            "Label": "l",
            "ReturnData": true,
        });
        assert_eq!(query_json(&query(&entry)), entry);
    }

    #[test]
    fn thresholds_are_whole_where_they_can_be() {
        assert_eq!(whole(3.0), json!(3));
        assert_eq!(whole(0.5), json!(0.5));
    }
}
