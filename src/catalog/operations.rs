//! What the program calls in AWS, and which permission the caller needs for that: the one table for `permissions` and for
//! what is said when AWS refuses.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use super::template;
use super::{errors, parse};

/// What one kind of thing needs for one use.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Need {
    /// The `Sid` is made of it.
    pub id: String,
    /// A kind of resource, or a word for another thing that the file leads to (`parameter`, `build-role`, …).
    pub kind: String,
    /// Which tasks it belongs to, by [`tasks`].
    #[serde(rename = "use")]
    pub used: String,
    /// The calls, as `Service:Operation`.
    pub operations: Vec<String>,
    /// IAM actions that no call of ours is named after.
    #[serde(default)]
    pub actions: Vec<String>,
    /// Templates of resources: `{P}` partition, `{R}` region, `{A}` account, `{name}` the thing.
    pub resources: Vec<String>,
    /// Condition block template.
    #[serde(default)]
    pub condition: Option<Value>,
    /// Whether it is known that AWS asks for it.
    #[serde(default = "super::yes")]
    pub certain: bool,
    /// What else is to be known.
    #[serde(default)]
    pub note: Option<String>,
    /// What it is for, one sentence.
    pub why: String,
}

impl Need {
    /// All IAM actions of it, sorted.
    pub fn all_actions(&self) -> Vec<String> {
        let mut list: Vec<String> = self
            .operations
            .iter()
            .map(|operation| action(operation))
            .chain(self.actions.iter().cloned())
            .collect();
        list.sort();
        list.dedup();
        list
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Our words for services, and the prefixes of their IAM actions.
    services: BTreeMap<String, String>,
    /// Operations that everybody may call.
    without_permission: Vec<String>,
    /// What people do, and the uses that belong to it.
    tasks: BTreeMap<String, Vec<String>>,
    needs: Vec<Need>,
}

static FILE: LazyLock<File> =
    LazyLock::new(|| parse("operations.json", include_str!("operations.json")));

/// Everything the program may need, in the order of the file.
pub fn needs() -> &'static [Need] {
    &FILE.needs
}

/// The uses that belong to a task (`plan`, `apply`, …).
pub fn uses(task: &str) -> &'static [String] {
    FILE.tasks.get(task).map_or(&[], Vec::as_slice)
}

/// The IAM action of a call `Service:Operation`.
pub fn action(operation: &str) -> String {
    let Some((service, name)) = operation.split_once(':') else {
        return operation.to_owned();
    };
    if let Some(known) = errors::permission(service, name) {
        return known.to_owned();
    }
    let prefix = FILE.services.get(service).cloned();
    format!(
        "{}:{name}",
        prefix.unwrap_or_else(|| service.to_ascii_lowercase())
    )
}

/// The resource that a call is about, as a policy names it; a thing whose name is not known, its region and its account are
/// stars.
pub fn resource(operation: &str, name: Option<&str>) -> Option<String> {
    let need = FILE
        .needs
        .iter()
        .find(|need| need.operations.iter().any(|known| known == operation))?;
    let name = name.filter(|name| !name.contains(' ')).unwrap_or("*");
    let lookup = |placeholder: &str| {
        Some(vec![match placeholder {
            "P" => "aws".to_owned(),
            "name" => name.to_owned(),
            _ => "*".to_owned(),
        }])
    };
    let template = need.resources.first()?;
    // what is a whole ARN in the table is one only if the name is
    if template == "{name}" && !name.starts_with("arn:") {
        return None;
    }
    template::render(template, &lookup).ok()?.into_iter().next()
}

/// The uses of commands that change definitions or look at them.
pub const APPLYING: [&str; 5] = ["read", "plan", "lock", "apply", "destroy"];
/// The uses of commands about executions.
pub const OPERATING: [&str; 2] = ["run", "steer"];

/// Why a command with these uses makes a call, and the task it belongs to. Where the call is about several kinds of things, nobody
/// knows which it was.
pub fn reason(operation: &str, uses: &[&str]) -> Option<(&'static str, &'static str)> {
    let mut making = FILE.needs.iter().filter(|need| {
        uses.contains(&need.used.as_str()) && need.operations.iter().any(|known| known == operation)
    });
    let need = making.next()?;
    if making.any(|other| other.kind != need.kind) {
        return None;
    }
    // the smallest task that has it
    let task = FILE
        .tasks
        .iter()
        .filter(|(_, uses)| uses.contains(&need.used))
        .min_by_key(|(_, uses)| uses.len())?;
    Some((&need.why, task.0))
}

/// Whether everybody may call it.
pub fn is_free(operation: &str) -> bool {
    FILE.without_permission.iter().any(|free| free == operation)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::iam;
    use super::*;

    #[test]
    fn every_use_is_part_of_a_task() {
        for need in needs() {
            assert!(
                FILE.tasks.values().flatten().any(|used| *used == need.used),
                "{}: {}",
                need.id,
                need.used
            );
            assert!(
                !need.all_actions().is_empty() && need.why.ends_with('.'),
                "{}",
                need.id
            );
            for operation in &need.operations {
                let (service, _) = operation.split_once(':').expect("Service:Operation");
                assert!(FILE.services.contains_key(service), "{operation}");
            }
        }
    }

    #[test]
    fn a_call_has_a_reason_of_the_task_at_hand() {
        let of = |operation: &str, uses: &[&str]| {
            reason(operation, uses).map(|(why, task)| (&why[..6], task))
        };
        let start = "CodePipeline:StartPipelineExecution";
        assert_eq!(of(start, &APPLYING), Some(("Follow", "apply")));
        assert_eq!(of(start, &OPERATING), Some(("Starts", "run")));
        let retry = "CodePipeline:RetryStageExecution";
        assert_eq!(of(retry, &OPERATING), Some(("Tries ", "steer")));
        assert_eq!(of(retry, &APPLYING), None);
        let delete = "CodePipeline:DeletePipeline";
        assert_eq!(of(delete, &APPLYING), Some(("Remove", "destroy")));
        // Parameters of the file, the inventory or the lock.
        assert_eq!(of("SSM:GetParameters", &APPLYING), None);
        assert_eq!(of("STS:GetCallerIdentity", &APPLYING), None);
        let every = APPLYING.iter().chain(&OPERATING);
        assert_eq!(
            every.copied().collect::<BTreeSet<_>>(),
            needs().iter().map(|need| need.used.as_str()).collect()
        );
    }

    /// The self-update applies, too: what its role may do to a kind of thing is what whoever applies may do.
    #[test]
    fn a_self_update_may_do_what_whoever_applies_may() {
        const KINDS: [(&str, &[&str]); 9] = [
            ("pipeline", &["pipeline-role"]),
            ("connection", &["connection"]),
            ("project", &["codebuild-project", "build-role"]),
            ("eventRule", &["event-rule", "events-role"]),
            ("webhook", &["webhook", "webhooks"]),
            ("bucket", &["s3-bucket"]),
            ("topic", &["sns-topic", "subscribed-topic", "subscriptions"]),
            (
                "logGroup",
                &["log-group", "log-groups", "encrypted-log-group"],
            ),
            ("alarm", &["cloudwatch-alarm", "alarms"]),
        ];
        const LEFT_OUT: [(&str, &str); 5] = [
            (
                "s3:DeleteObject",
                "a self-update removes no bucket, so it empties none",
            ),
            ("s3:DeleteObjectVersion", "the same"),
            ("s3:ListBucketVersions", "the same"),
            (
                "codeconnections:GetConnection",
                "a look that is left out where it is refused",
            ),
            ("codestar-connections:GetConnection", "the same"),
        ];
        let mut seen = BTreeSet::new();
        for (kind, ours) in KINDS {
            let updates: BTreeSet<&str> = iam::deployer(kind)
                .flat_map(|permission| &permission.statement.actions)
                .map(String::as_str)
                .collect();
            let applies: BTreeSet<String> = needs()
                .iter()
                .filter(|need| ours.contains(&need.kind.as_str()))
                .filter(|need| ["plan", "apply", "destroy"].contains(&need.used.as_str()))
                .flat_map(Need::all_actions)
                .collect();
            let left_out = |action: &&str| LEFT_OUT.iter().any(|(known, _)| known == action);
            let expected: BTreeSet<&str> = applies
                .iter()
                .map(String::as_str)
                .filter(|action| !left_out(action))
                .collect();
            assert_eq!(updates, expected, "{kind}");
            seen.insert(kind);
        }
        assert!(
            iam::deployer_all()
                .iter()
                .all(|one| seen.contains(one.kind.as_str()))
        );
    }

    #[test]
    fn calls_have_actions_and_resources() {
        assert_eq!(action("EventBridge:PutRule"), "events:PutRule");
        assert_eq!(action("S3:HeadBucket"), "s3:ListBucket");
        assert_eq!(
            resource("CodePipeline:UpdatePipeline", Some("shop")).as_deref(),
            Some("arn:aws:codepipeline:*:*:shop")
        );
        assert_eq!(
            resource("S3:PutBucketPolicy", None).as_deref(),
            Some("arn:aws:s3:::*")
        );
        assert_eq!(resource("SSM:GetParameter", None), None);
        assert!(is_free("STS:GetCallerIdentity") && !is_free("IAM:GetRole"));
    }
}
