//! Reading resources: each kind by the calls that AWS needs for it, counted the same way.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use serde_json::{Value, json};

use super::{Outcome, Sandbox, store, view};
use crate::cloud::Result;
use crate::resources::{Id, Kind, Resource, managed, policies_tagged, policy_name};

/// Projects in one call of BatchGetProjects, and alarms in one of DescribeAlarms.
const PER_CALL: usize = 100;

/// The region a row is under: roles are in none.
pub(super) fn region_of(id: &Id) -> &str {
    if id.kind == Kind::Role {
        ""
    } else {
        &id.region
    }
}

/// `PIPELINE STAGE`.
pub(super) fn transition_of(name: &str) -> (&str, &str) {
    name.split_once(' ').unwrap_or((name, ""))
}

impl Sandbox {
    pub(super) fn read_resources(&self, ids: &[Id]) -> Result<Vec<Option<Resource>>> {
        let found = self.reading(None, |db| {
            ids.iter()
                .map(|id| self.read_one(db, id))
                .collect::<Outcome<Vec<_>>>()
        })?;
        self.count_reads(ids, &found);
        Ok(found)
    }

    pub(super) fn read_one(&self, db: &Connection, id: &Id) -> Outcome<Option<Resource>> {
        if id.kind == Kind::StageTransition {
            return self.read_transition(db, id);
        }
        // The switch is a property of the bucket: off is the same as absent.
        if id.kind == Kind::BucketEvents && !self.bucket_is_there(db, &id.name)? {
            return Ok(None);
        }
        let row = store::row(db, id.kind.as_str(), region_of(id), &id.name)?;
        let Some(row) = row else { return Ok(None) };
        let mut resource = Resource::new(id.clone(), view::body(id, &row));
        let events = Kind::BucketEvents.as_str();
        if id.kind == Kind::Bucket && store::row(db, events, &id.region, &id.name)?.is_some() {
            // Switched on beside the bucket: it is one switch.
            resource.body["eventBridge"] = Value::Bool(true);
        }
        resource.tags = row.tags;
        if id.kind == Kind::Role {
            // As with AWS: who does not say how many there are is not asked for them.
            let asked: Vec<String> = (1..=policies_tagged(&resource.tags))
                .map(|number| policy_name(&id.name, number))
                .collect();
            if let Some(Value::Array(policies)) = resource.body.get_mut("managedPolicies") {
                policies.retain(|policy| asked.iter().any(|name| policy["name"] == **name));
            }
        }
        Ok(Some(resource))
    }

    pub(super) fn tags_of_policies(
        &self,
        names: &[String],
    ) -> Result<Vec<Option<BTreeMap<String, String>>>> {
        self.count_read("IAM:GetPolicy", names.len());
        self.reading(None, |db| {
            names
                .iter()
                .map(|name| match store::policy_of(db, name)? {
                    Some((_, tags)) => Ok(Some(tags)),
                    None => Ok(store::given(db, "policy", name)?.map(|_| BTreeMap::new())),
                })
                .collect::<Outcome<Vec<_>>>()
        })
    }

    fn read_transition(&self, db: &Connection, id: &Id) -> Outcome<Option<Resource>> {
        let (pipeline, stage) = transition_of(&id.name);
        let Some(row) = store::row(db, "pipeline", &id.region, pipeline)? else {
            return Ok(None);
        };
        let known = super::pipelines::stage_names(&row.body).any(|name| name == stage);
        if !known {
            return Ok(None);
        }
        let disabled = store::row(db, id.kind.as_str(), &id.region, &id.name)?;
        let body = disabled.map_or_else(
            || json!({"pipeline": pipeline, "stage": stage, "enabled": true}),
            |row| row.body,
        );
        Ok(Some(Resource::new(id.clone(), body)))
    }

    fn count_reads(&self, ids: &[Id], found: &[Option<Resource>]) {
        let mut batches: BTreeMap<(Kind, &str), usize> = BTreeMap::new();
        let mut states = BTreeSet::new();
        let mut topics = BTreeSet::new();
        for (id, resource) in ids.iter().zip(found) {
            let there = usize::from(resource.is_some());
            let count = |operations: &[&str], calls: usize| {
                for operation in operations {
                    self.count_read(operation, calls);
                }
            };
            match id.kind {
                Kind::Project | Kind::Alarm | Kind::Webhook => {
                    *batches.entry((id.kind, &id.region)).or_default() += 1;
                    if id.kind == Kind::Alarm {
                        count(&["CloudWatch:ListTagsForResource"], there);
                    }
                }
                Kind::Pipeline => {
                    count(&["CodePipeline:GetPipeline"], 1);
                    count(&["CodePipeline:ListTagsForResource"], there);
                }
                Kind::StageTransition => {
                    states.insert((&id.region, transition_of(&id.name).0));
                }
                Kind::Role => {
                    count(&["IAM:GetRole"], 1);
                    count(&["IAM:ListRolePolicies"], there);
                    let policies = resource
                        .as_ref()
                        .and_then(|role| role.body["policies"].as_object())
                        .map_or(0, serde_json::Map::len);
                    count(&["IAM:GetRolePolicy"], policies);
                    let tags = resource.as_ref().map(|role| policies_tagged(&role.tags));
                    let tagged = tags.unwrap_or(0);
                    count(&["IAM:ListAttachedRolePolicies"], usize::from(tagged > 0));
                    count(&["IAM:GetPolicy"], tagged);
                    let has = resource
                        .as_ref()
                        .map_or(0, |role| managed(&role.body).count());
                    count(&["IAM:GetPolicyVersion"], has);
                }
                Kind::Bucket => {
                    count(&["S3:GetBucketVersioning"], 1);
                    let parts = [
                        "S3:GetBucketTagging",
                        "S3:GetBucketEncryption",
                        "S3:GetPublicAccessBlock",
                        "S3:GetBucketOwnershipControls",
                        "S3:GetBucketPolicy",
                        "S3:GetBucketLifecycleConfiguration",
                        "S3:GetBucketNotificationConfiguration",
                    ];
                    count(&parts, there);
                }
                Kind::BucketEvents => count(&["S3:GetBucketNotificationConfiguration"], 1),
                Kind::Object => count(&["S3:HeadObject"], 1),
                Kind::LogGroup => {
                    count(&["CloudWatchLogs:DescribeLogGroups"], 1);
                    count(&["CloudWatchLogs:ListTagsForResource"], there);
                }
                Kind::Topic => {
                    count(&["SNS:GetTopicAttributes"], 1);
                    count(&["SNS:ListTagsForResource"], there);
                }
                Kind::Subscription => {
                    let topic = id.name.split(' ').next().unwrap_or_default();
                    topics.insert((&id.region, topic));
                }
                Kind::EventRule => {
                    count(&["EventBridge:DescribeRule"], 1);
                    let more = [
                        "EventBridge:ListTargetsByRule",
                        "EventBridge:ListTagsForResource",
                    ];
                    count(&more, there);
                }
            }
        }
        self.count_read("CodePipeline:GetPipelineState", states.len());
        self.count_read("SNS:ListSubscriptionsByTopic", topics.len());
        for ((kind, _), number) in batches {
            let operation = match kind {
                Kind::Project => "CodeBuild:BatchGetProjects",
                Kind::Alarm => "CloudWatch:DescribeAlarms",
                _ => "CodePipeline:ListWebhooks",
            };
            self.count_read(operation, number.div_ceil(PER_CALL));
        }
    }
}

/// The ARN of a topic's subscription body.
pub(super) fn topic_arn(body: &Value) -> &str {
    body["topicArn"].as_str().unwrap_or_default()
}
