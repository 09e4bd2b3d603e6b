//! EventBridge rules with their targets.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::call::send_json;
use super::json::{TagChange, document, items, put, revealed, tag_list, tags_of, take, text};
use super::{Aws, all, found};
use crate::cloud::{CloudError, ErrorKind, Result};
use crate::resources::{Id, Resource};

/// PutRule's members; targets have their own calls.
const RULE: [&str; 5] = [
    "Name",
    "Description",
    "EventPattern",
    "ScheduleExpression",
    "State",
];

impl Aws {
    async fn rule_arn(&self, id: &Id) -> Result<String> {
        let rest = format!("rule/{}", id.name);
        self.arn("events", &id.region, &rest).await
    }

    pub(super) async fn read_rules(
        &self,
        region: &str,
        ids: &[&Id],
    ) -> Result<Vec<Option<Resource>>> {
        all(ids.iter().map(|id| async move {
            let arn = self.rule_arn(id).await?;
            let (rule, targets, tags) = futures::join!(
                async {
                    found(send_json!(
                        self,
                        "EventBridge:DescribeRule",
                        self.events(region).describe_rule(),
                        json!({"Name": id.name})
                    ))
                },
                self.rule_targets(region, &id.name),
                async {
                    found(send_json!(
                        self,
                        "EventBridge:ListTagsForResource",
                        self.events(region).list_tags_for_resource(),
                        json!({"ResourceARN": arn})
                    ))
                },
            );
            let Some(mut rule) = rule? else {
                return Ok(None);
            };
            let mut body = Map::new();
            for member in RULE {
                let mut value = take(&mut rule, member).unwrap_or_default();
                if let ("EventPattern", Some(pattern)) = (member, value.as_str()) {
                    value = document(pattern);
                }
                put(&mut body, member, value);
            }
            put(&mut body, "Targets", targets?);
            let mut resource = Resource::new((*id).clone(), Value::Object(body));
            let tags = tags?;
            resource.tags = tags_of(
                tags.as_ref().and_then(|tags| tags.get("Tags")),
                "Key",
                "Value",
            );
            Ok(Some(resource))
        }))
        .await
    }

    async fn rule_targets(&self, region: &str, rule: &str) -> Result<Vec<Value>> {
        let mut targets = Vec::new();
        let mut next = Value::Null;
        loop {
            let mut body = Map::new();
            put(&mut body, "Rule", rule);
            put(&mut body, "NextToken", next);
            let answer = found(send_json!(
                self,
                "EventBridge:ListTargetsByRule",
                self.events(region).list_targets_by_rule(),
                Value::Object(body)
            ))?;
            let Some(mut answer) = answer else {
                return Ok(targets);
            };
            targets.extend(items(&answer, "Targets").cloned());
            next = take(&mut answer, "NextToken").unwrap_or_default();
            if next.is_null() {
                return Ok(targets);
            }
        }
    }

    pub(super) async fn put_rule(&self, live: Option<&Resource>, desired: &Resource) -> Result<()> {
        let (id, region) = (&desired.id, &desired.id.region);
        let body = revealed(desired)?;
        let mut rule = Map::new();
        for member in RULE {
            let mut value = body.get(member).cloned().unwrap_or_default();
            if member == "EventPattern" && value.is_object() {
                value = Value::String(value.to_string());
            }
            put(&mut rule, member, value);
        }
        let forms = match live {
            Some(live) => Some(self.forms(live, desired).await?),
            None => None,
        };
        let moved = |member: &&str| forms.as_ref().is_none_or(|forms| forms.moved(member));
        if RULE.iter().any(moved) {
            // Of a rule that exists PutRule ignores the tags.
            if live.is_none() && !desired.tags.is_empty() {
                put(&mut rule, "Tags", tag_list(&desired.tags, "Key", "Value"));
            }
            send_json!(
                self,
                "EventBridge:PutRule",
                self.events(region).put_rule(),
                Value::Object(rule)
            )?;
        }
        let new: Vec<&Value> = items(&body, "Targets")
            .filter(|entry| {
                let id = text(entry, "Id");
                forms
                    .as_ref()
                    .is_none_or(|forms| target(&forms.was, id) != target(&forms.wanted, id))
            })
            .collect();
        let wanted: BTreeSet<&str> = items(&body, "Targets").map(|t| text(t, "Id")).collect();
        let old: Vec<&str> = live
            .iter()
            .flat_map(|live| items(&live.body, "Targets"))
            .map(|entry| text(entry, "Id"))
            .filter(|entry| !wanted.contains(entry))
            .collect();
        if !old.is_empty() {
            self.remove_targets(id, &old).await?;
        }
        if !new.is_empty() {
            let answer = send_json!(
                self,
                "EventBridge:PutTargets",
                self.events(region).put_targets(),
                json!({"Rule": id.name, "Targets": new})
            )?;
            all_entries(&answer, "EventBridge:PutTargets")?;
        }
        let Some(live) = live else {
            return Ok(());
        };
        let change = TagChange::between(live, desired);
        let arn = self.rule_arn(id).await?;
        if !change.set.is_empty() {
            send_json!(
                self,
                "EventBridge:TagResource",
                self.events(region).tag_resource(),
                json!({"ResourceARN": arn, "Tags": tag_list(&change.set, "Key", "Value")})
            )?;
        }
        if !change.remove.is_empty() {
            send_json!(
                self,
                "EventBridge:UntagResource",
                self.events(region).untag_resource(),
                json!({"ResourceARN": arn, "TagKeys": change.remove})
            )?;
        }
        Ok(())
    }

    async fn remove_targets(&self, id: &Id, targets: &[&str]) -> Result<()> {
        let answer = send_json!(
            self,
            "EventBridge:RemoveTargets",
            self.events(&id.region).remove_targets(),
            json!({"Rule": id.name, "Ids": targets})
        )?;
        all_entries(&answer, "EventBridge:RemoveTargets")
    }

    pub(super) async fn delete_rule(&self, id: &Id) -> Result<()> {
        let targets = self.rule_targets(&id.region, &id.name).await?;
        let targets: Vec<&str> = targets.iter().map(|target| text(target, "Id")).collect();
        if !targets.is_empty() {
            self.remove_targets(id, &targets).await?;
        }
        send_json!(
            self,
            "EventBridge:DeleteRule",
            self.events(&id.region).delete_rule(),
            json!({"Name": id.name})
        )
        .map(drop)
    }
}

/// A rule's target by its id.
fn target<'v>(rule: &'v Value, id: &str) -> Option<&'v Value> {
    items(rule, "Targets").find(|entry| text(entry, "Id") == id)
}

/// These calls succeed as a whole even if single entries do not.
fn all_entries(answer: &Value, operation: &str) -> Result<()> {
    let Some(entry) = items(answer, "FailedEntries").next() else {
        return Ok(());
    };
    Err(CloudError {
        kind: ErrorKind::Invalid,
        operation: operation.to_owned(),
        code: text(entry, "ErrorCode").to_owned(),
        message: format!(
            "target {}: {}",
            text(entry, "TargetId"),
            text(entry, "ErrorMessage")
        ),
        request_id: None,
        resource: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_entry_is_a_failure() {
        let answer = json!({"FailedEntryCount": 1, "FailedEntries": [
            {"TargetId": "t", "ErrorCode": "ConcurrentModificationException", "ErrorMessage": "m"}
        ]});
        let error = all_entries(&answer, "EventBridge:PutTargets").expect_err("failed");
        assert_eq!(error.message, "target t: m");
        assert!(all_entries(&json!({"FailedEntryCount": 0}), "x").is_ok());
    }
}
