//! What is the same to AWS although it is written differently: the data behind `resources::normalise`.
//!
//! A path is a row of members: `a.b` a member of a member, `a[].b` of every item, `*` any member.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use super::parse;

/// How one kind of resource is brought into one form.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Normal {
    /// Members that AWS shows and nobody sends.
    pub read_only: Vec<String>,
    /// What AWS takes where the member is absent.
    pub defaults: Vec<DefaultValue>,
    /// Lists whose order means nothing.
    pub sets: Vec<Set>,
    /// Texts that hold JSON.
    pub json_text: Vec<String>,
    /// Objects that may come as JSON text.
    pub json_object: Vec<String>,
    /// Trees in which the order of every list means nothing.
    pub json_sets: Vec<String>,
    /// IAM policy documents.
    pub policies: Vec<String>,
    /// The `Id` of the policy that AWS puts where none was given.
    pub policy_id_default: Option<String>,
    /// Regions that say nothing if they are the home region.
    pub region: Vec<String>,
    /// KMS keys that may be written as alias or as the alias's ARN.
    pub aliases: Vec<String>,
    /// Members that keep what is live where the desired state is silent.
    pub kept_when_absent: Vec<String>,
    /// Members that AWS shows masked.
    pub masked: Vec<String>,
    /// Members that AWS ignores in some case.
    pub drop_if: Vec<DropIf>,
    /// Members whose default is another member.
    pub same: Vec<SameAs>,
    /// Members that no call changes: the resource must be made anew.
    pub replace: Vec<String>,
}

/// The default of a member.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefaultValue {
    /// Where.
    pub path: String,
    /// What AWS takes.
    pub value: Value,
}

/// A list without order.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// Where.
    pub path: String,
    /// The member that names an item.
    #[serde(default)]
    pub by: Option<String>,
}

/// Where `member` is `is`, only the members of `keep` count.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DropIf {
    /// Where the object is.
    pub path: String,
    /// The member that decides.
    pub member: String,
    /// Its value.
    pub is: Value,
    /// What counts then.
    pub keep: Vec<String>,
}

/// A member that says nothing if it is equal to another.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SameAs {
    /// The member.
    pub path: String,
    /// The other.
    #[serde(rename = "as")]
    pub other: String,
}

static FILE: LazyLock<BTreeMap<String, Normal>> =
    LazyLock::new(|| parse("normal.json", include_str!("normal.json")));
static NOTHING: LazyLock<Normal> = LazyLock::new(Normal::default);

/// The rules of a kind by its word (`codebuild-project`).
pub fn normal(kind: &str) -> &'static Normal {
    FILE.get(kind).unwrap_or(&NOTHING)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::Kind;

    #[test]
    fn every_kind_has_its_rules_and_nothing_else() {
        let mut kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        kinds.sort_unstable();
        assert_eq!(FILE.keys().map(String::as_str).collect::<Vec<_>>(), kinds);
    }
}
