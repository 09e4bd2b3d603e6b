//! Lifecycle rules of buckets.

use aws_sdk_s3::error::BuildError;
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleFilter, NoncurrentVersionExpiration,
};
use serde_json::{Map, Value};

use super::json::{put, text};

fn days(rule: &Value, member: &str) -> Option<i32> {
    i32::try_from(rule.get(member)?.as_i64()?).ok()
}

/// Ours as AWS's.
pub(super) fn rule_of(rule: &Value) -> Result<LifecycleRule, BuildError> {
    LifecycleRule::builder()
        .id(text(rule, "id"))
        .status(match text(rule, "status") {
            "" => ExpirationStatus::Enabled,
            status => ExpirationStatus::from(status),
        })
        .filter(
            LifecycleRuleFilter::builder()
                .prefix(text(rule, "prefix"))
                .build(),
        )
        .set_expiration(
            days(rule, "expirationDays")
                .map(|days| LifecycleExpiration::builder().days(days).build()),
        )
        .set_noncurrent_version_expiration(days(rule, "noncurrentDays").map(|days| {
            NoncurrentVersionExpiration::builder()
                .noncurrent_days(days)
                .build()
        }))
        .set_abort_incomplete_multipart_upload(days(rule, "abortIncompleteDays").map(|days| {
            AbortIncompleteMultipartUpload::builder()
                .days_after_initiation(days)
                .build()
        }))
        .build()
}

/// AWS's as ours. What ours cannot say goes into `other`, so that it shows as a difference.
pub(super) fn rule_json(rule: &LifecycleRule) -> Value {
    let mut json = Map::new();
    put(&mut json, "id", rule.id());
    put(&mut json, "status", rule.status().as_str());
    let filter = rule.filter().and_then(|filter| filter.prefix());
    #[expect(deprecated, reason = "old rules have the prefix outside of the filter")]
    let prefix = filter.or(rule.prefix()).unwrap_or_default();
    put(&mut json, "prefix", prefix);
    let expiration = rule.expiration();
    put(
        &mut json,
        "expirationDays",
        expiration.and_then(|expiration| expiration.days()),
    );
    let noncurrent = rule.noncurrent_version_expiration();
    put(
        &mut json,
        "noncurrentDays",
        noncurrent.and_then(|expiration| expiration.noncurrent_days()),
    );
    let abort = rule.abort_incomplete_multipart_upload();
    put(
        &mut json,
        "abortIncompleteDays",
        abort.and_then(|abort| abort.days_after_initiation()),
    );
    let more = !rule.transitions().is_empty()
        || !rule.noncurrent_version_transitions().is_empty()
        || expiration.is_some_and(|expiration| {
            expiration.date().is_some() || expiration.expired_object_delete_marker() == Some(true)
        })
        || noncurrent.is_some_and(|e| e.newer_noncurrent_versions().is_some())
        || rule.filter().is_some_and(|filter| {
            filter.and().is_some()
                || filter.tag().is_some()
                || filter.object_size_greater_than().is_some()
                || filter.object_size_less_than().is_some()
        });
    if more {
        put(&mut json, "other", true);
    }
    Value::Object(json)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rule_survives_both_ways() {
        let rule = json!({
            "id": "r", "status": "Enabled", "prefix": "a/", "expirationDays": 30,
            "noncurrentDays": 7, "abortIncompleteDays": 3,
        });
        assert_eq!(rule_json(&rule_of(&rule).expect("a rule")), rule);
        let small = json!({"id": "r", "status": "Disabled", "prefix": "", "noncurrentDays": 7});
        assert_eq!(rule_json(&rule_of(&small).expect("a rule")), small);
    }
}
