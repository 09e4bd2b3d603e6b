//! A plan kept in a file: the command line it was made with and what it would do, without any secret. Applying it
//! makes the plan again and refuses if anything is different.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Plan, PlanJson};
use crate::error::Failure;

/// What `plan --out` writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanFile {
    /// 1.
    pub version: u32,
    /// What it is, so that no other JSON is taken for it.
    pub kind: String,
    /// The command line, as the command wants to have it back.
    pub arguments: Value,
    /// The desired state, as a digest: a create shows no fields, but must not be another create.
    pub desired: String,
    /// The plan.
    pub plan: PlanJson,
}

const KIND: &str = "pipectl-plan";

/// The text of a plan file.
pub fn write_file(plan: &Plan, arguments: Value) -> String {
    let file = PlanFile {
        version: 1,
        kind: KIND.to_owned(),
        arguments,
        desired: digest(plan),
        plan: plan.to_json(),
    };
    let mut text = serde_json::to_string_pretty(&file).expect("a plan is plain JSON");
    text.push('\n');
    text
}

/// Reads a plan file.
pub fn read_file(text: &str) -> Result<PlanFile, Failure> {
    let not_a_plan = || {
        Failure::failed(
            "not-a-plan",
            "The file is not a plan that `pipectl plan --out` wrote.",
        )
        .help("Make one with `pipectl plan --out FILE`; a pipeline file is given with `-f FILE`.")
    };
    let file: PlanFile = serde_json::from_str(text).map_err(|_| not_a_plan())?;
    if file.version != 1 || file.kind != KIND {
        return Err(not_a_plan());
    }
    Ok(file)
}

/// Refuses if the plan made now is not the one in the file.
pub fn check_stale(file: &PlanFile, now: &Plan) -> Result<(), Failure> {
    let fresh = now.to_json();
    if file.plan.changes == fresh.changes
        && file.plan.leftovers == fresh.leftovers
        && file.desired == digest(now)
    {
        return Ok(());
    }
    Err(Failure::failed(
        "stale-plan",
        "The plan is stale: the file or the account changed since it was made.",
    )
    .help("Look at a new one: `pipectl plan --out FILE`."))
}

/// Of everything that would be sent, secrets masked as they are in the bodies.
fn digest(plan: &Plan) -> String {
    use sha2::Digest as _;
    let mut hasher = sha2::Sha256::new();
    for change in &plan.changes {
        hasher.update(change.id.to_string());
        if let Some(desired) = &change.desired {
            hasher.update(desired.body.to_string());
            for (key, value) in &desired.tags {
                hasher.update(format!("\n{key}\n{value}"));
            }
        }
    }
    super::hex(&hasher.finalize()[..16])
}
