//! Permissions: statements of the roles that are made, who may take them on, limits of IAM.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use super::later::Later;
use super::parse;
use super::template::{self, Lookup, MissingPlaceholder};
use super::text::{Pattern, Quota, TextRule};
use super::when::{Facts, When};

/// A statement with `{placeholder}`s.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatementTemplate {
    /// Short name, unique in its list; the `Sid` can be made of it.
    pub id: String,
    /// IAM actions.
    pub actions: Vec<String>,
    /// Resource templates.
    pub resources: Vec<String>,
    /// Condition block template.
    #[serde(default)]
    pub condition: Option<Value>,
    /// When it is needed; always if absent.
    #[serde(default)]
    pub when: Option<When>,
    /// Why the role needs it, one sentence.
    pub why: String,
    /// False if the sources disagree about the need.
    #[serde(default = "super::yes")]
    pub certain: bool,
    /// What else is to be known.
    #[serde(default)]
    pub note: Option<String>,
    /// Where the fact is from.
    #[serde(default)]
    pub source: Option<String>,
}

/// A statement ready for a policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The `id` of its template.
    pub id: &'static str,
    /// IAM actions.
    pub actions: Vec<&'static str>,
    /// Resources.
    pub resources: Vec<String>,
    /// Condition block.
    pub condition: Option<Value>,
    /// Why the role needs it.
    pub why: &'static str,
    /// False if the sources disagree about the need.
    pub certain: bool,
}

impl StatementTemplate {
    /// Whether the statement is needed. What only a run can tell counts as needed.
    pub fn needed(&self, facts: &dyn Facts) -> bool {
        self.needed_for_sure(facts) != Some(false)
    }

    /// Whether the statement is needed; `None` if only a run can tell.
    fn needed_for_sure(&self, facts: &dyn Facts) -> Option<bool> {
        self.when
            .as_ref()
            .map_or(Some(true), |when| when.holds(facts))
    }

    /// The names of all its placeholders.
    pub fn placeholders(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .resources
            .iter()
            .flat_map(|r| template::placeholders(r))
            .collect();
        if let Some(condition) = &self.condition {
            names.extend(template::json_placeholders(condition));
        }
        names
    }

    /// The statement; `None` if no resource is left because a placeholder has an empty list of values. A
    /// run-time variable (`#{…}`) in a value becomes `*`.
    ///
    /// # Errors
    /// If a placeholder has no value.
    pub fn render(
        &'static self,
        lookup: &Lookup<'_>,
    ) -> Result<Option<Statement>, MissingPlaceholder> {
        let open = |name: &str| {
            lookup(name).map(|values| values.iter().map(|v| without_variables(v)).collect())
        };
        let mut resources = Vec::new();
        for resource in &self.resources {
            for text in template::render(resource, &open)? {
                if !resources.contains(&text) {
                    resources.push(text);
                }
            }
        }
        if resources.is_empty() {
            return Ok(None);
        }
        Ok(Some(Statement {
            id: &self.id,
            actions: self.actions.iter().map(String::as_str).collect(),
            resources,
            condition: match &self.condition {
                Some(condition) => alike(
                    &template::render_json(condition, lookup)?,
                    template::render_json(condition, &open)?,
                ),
                None => None,
            },
            why: &self.why,
            certain: self.certain,
        }))
    }
}

/// A condition whose operators understand the `*` that stands for what CodePipeline fills in. Where it stands in the
/// name of a key, nothing understands it, and the key is left out.
fn alike(written: &Value, open: Value) -> Option<Value> {
    let Value::Object(blocks) = open else {
        return Some(open);
    };
    let mut condition = serde_json::Map::new();
    for (operator, mut block) in blocks {
        if written.get(&operator) == Some(&block) {
            condition.insert(operator, block);
            continue;
        }
        let keys = block.as_object_mut()?;
        keys.retain(|key, _| !key.contains('*'));
        if !keys.is_empty() {
            let operator = operator.replacen("StringEquals", "StringLike", 1);
            condition.insert(operator, block);
        }
    }
    (!condition.is_empty()).then_some(Value::Object(condition))
}

/// A value for a policy: what CodePipeline fills in at run time becomes `*`.
fn without_variables(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(start) = rest.find("#{") {
        text.push_str(&rest[..start]);
        text.push('*');
        rest = match rest[start..].find('}') {
            Some(end) => &rest[start + end + 1..],
            None => "",
        };
    }
    text.push_str(rest);
    text
}

/// Who takes on a role, and for whom.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// Service principal.
    pub principal: String,
    /// `sts:AssumeRole`.
    pub action: String,
    /// Condition that is sent: the account.
    pub condition: Value,
    /// Narrower condition, with the resource's ARN.
    #[serde(default)]
    pub narrower: Option<Value>,
    /// What else is to be known.
    #[serde(default)]
    pub note: Option<String>,
    /// Where the fact is from.
    #[serde(default)]
    pub source: Option<String>,
}

/// Kinds of role the catalogue knows statements for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// The pipeline's role, without what its actions and rules need.
    Pipeline,
    /// An action's own role (`actionRole`), without what its action needs.
    Action,
    /// A CodeBuild project's service role.
    Build,
    /// The service role of batch builds.
    Batch,
    /// The role by which EventBridge starts pipelines.
    Events,
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 5] = [
        Role::Pipeline,
        Role::Action,
        Role::Build,
        Role::Batch,
        Role::Events,
    ];
}

/// What the person who applies needs for one kind of resource.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeployerPermission {
    /// Kind of resource: `pipeline`, `project`, `role`, …
    pub kind: String,
    /// The statement.
    #[serde(flatten)]
    pub statement: PlainStatement,
}

/// A statement template without `when`, for the deployer.
#[derive(Debug, Deserialize)]
pub struct PlainStatement {
    /// IAM actions.
    pub actions: Vec<String>,
    /// Resource templates.
    pub resources: Vec<String>,
    /// Condition block template.
    #[serde(default)]
    pub condition: Option<Value>,
    /// Why.
    pub why: String,
}

/// Limits of IAM.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Name of a role.
    pub role_name: TextRule,
    /// Path of a role.
    pub role_path: TextRule,
    /// Description of a role.
    pub role_description: TextRule,
    /// Name of an inline policy.
    pub inline_policy_name: TextRule,
    /// `RoleSessionName`.
    pub session_name: TextRule,
    /// Bytes of a policy document in a request.
    pub policy_document_transport: Quota,
    /// Characters of all inline policies of a role, whitespace not counted.
    pub aggregate_inline_policies: Quota,
    /// Name of a managed policy.
    pub managed_policy_name: TextRule,
    /// Characters of a managed policy, whitespace not counted.
    pub managed_policy: Quota,
    /// Managed policies that are attached to a role.
    pub managed_policies_per_role: Quota,
    /// Versions of a managed policy.
    pub managed_policy_versions: Quota,
    /// Characters of a trust policy.
    pub trust_policy: Quota,
    /// ARN of a managed policy that bounds what a role may do.
    pub permissions_boundary: TextRule,
    /// Seconds of a session.
    pub session_seconds: Quota,
    /// Tags of a role.
    pub tags: Quota,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    placeholders: BTreeMap<String, String>,
    features: BTreeMap<String, String>,
    trust: BTreeMap<Role, Trust>,
    statements: BTreeMap<Role, Later<Vec<StatementTemplate>>>,
    deployer: Later<Vec<DeployerPermission>>,
    limits: Limits,
    grammar: Grammar,
}

/// How statements of policies are written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grammar {
    /// What a statement may say.
    pub effects: Vec<String>,
    /// Name of a statement.
    pub sid: TextRule,
    /// An action, or a pattern of actions.
    pub action: Pattern,
    /// A resource, or a pattern of resources.
    pub resource: Pattern,
    /// Operators of conditions.
    pub operators: Vec<String>,
    /// The ending that every operator but `null` can have.
    pub if_exists: String,
    /// The operator that asks whether a key is there.
    pub null: String,
    /// What can stand before an operator, for keys with several values.
    pub set_operators: Vec<String>,
    /// Where the facts are from.
    pub source: String,
}

/// How statements of policies are written.
pub fn grammar() -> &'static Grammar {
    &FILE.grammar
}

static FILE: LazyLock<File> = LazyLock::new(|| parse("iam.json", include_str!("iam.json")));

/// Every statement a role of this kind may need, in the order of the file.
pub fn templates(role: Role) -> &'static [StatementTemplate] {
    FILE.statements.get(&role).map_or(&[], |list| list)
}

/// The statement of a role by id.
pub fn template_by_id(role: Role, id: &str) -> Option<&'static StatementTemplate> {
    templates(role).iter().find(|t| t.id == id)
}

/// The statements a role needs, rendered.
///
/// # Errors
/// If a placeholder of a needed statement has no value.
pub fn statements(
    role: Role,
    facts: &dyn Facts,
    lookup: &Lookup<'_>,
) -> Result<Vec<Statement>, MissingPlaceholder> {
    render_needed(templates(role), facts, lookup)
}

/// Renders those of `templates` that are needed.
pub(super) fn render_needed(
    templates: &'static [StatementTemplate],
    facts: &dyn Facts,
    lookup: &Lookup<'_>,
) -> Result<Vec<Statement>, MissingPlaceholder> {
    templates
        .iter()
        .filter(|template| template.needed(facts))
        .filter_map(|template| match template.render(lookup) {
            // a run that needed it would need the value, too, so no run does
            Err(_) if template.needed_for_sure(facts).is_none() => None,
            rendered => rendered.transpose(),
        })
        .collect()
}

/// Who may take on roles of this kind; `Role::Action` trusts the pipeline's role.
pub fn trust(role: Role) -> Option<&'static Trust> {
    FILE.trust.get(&role)
}

/// What a self-update needs for a kind of resource, narrowed to exact names; `operations.json` is about everybody else.
pub fn deployer(kind: &str) -> impl Iterator<Item = &'static DeployerPermission> {
    FILE.deployer.iter().filter(move |p| p.kind == kind)
}

/// Everything a self-update may need of that.
pub fn deployer_all() -> &'static [DeployerPermission] {
    &FILE.deployer
}

/// Limits of IAM.
pub fn limits() -> &'static Limits {
    &FILE.limits
}

/// Names of the placeholders that are not configuration keys, with their meaning.
pub fn placeholder_names() -> &'static BTreeMap<String, String> {
    &FILE.placeholders
}

/// Names of the features that conditions ask about, with their meaning.
pub fn feature_names() -> &'static BTreeMap<String, String> {
    &FILE.features
}

/// The size of a policy, or of a part of one, as IAM counts it: in characters, without whitespace.
pub fn policy_size(document: &Value) -> u64 {
    // in a text, too, whose characters come in pieces here, but never half ones
    struct Counted(u64);
    impl fmt::Write for Counted {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let count = match text.is_ascii() {
                true => text
                    .bytes()
                    .filter(|b| !char::from(*b).is_whitespace())
                    .count(),
                false => text.chars().filter(|c| !c.is_whitespace()).count(),
            };
            self.0 += u64::try_from(count).unwrap_or(u64::MAX);
            Ok(())
        }
    }
    let mut counted = Counted(0);
    // it never refuses
    let _ = write!(counted, "{document}");
    counted.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::when::Given;

    #[test]
    fn placeholders_and_features_are_declared() {
        for role in Role::ALL {
            let list = templates(role);
            assert!(!list.is_empty(), "{role:?} has statements");
            for statement in list {
                for name in statement.placeholders() {
                    assert!(
                        placeholder_names().contains_key(name),
                        "{role:?} {}: {{{name}}}",
                        statement.id
                    );
                }
                for feature in statement.when.iter().flat_map(When::features) {
                    assert!(feature_names().contains_key(feature), "{feature}");
                }
                assert!(
                    statement.why.ends_with('.') && statement.why.len() > 20,
                    "{}",
                    statement.id
                );
                assert!(!statement.actions.is_empty() && !statement.resources.is_empty());
                assert!(statement.actions.iter().all(|a| a.contains(':')));
            }
            let mut ids: Vec<_> = list.iter().map(|s| &s.id).collect();
            ids.sort();
            ids.dedup();
            assert_eq!(ids.len(), list.len(), "{role:?}: ids are unique");
        }
        for permission in deployer_all() {
            for resource in &permission.statement.resources {
                for name in template::placeholders(resource) {
                    assert!(placeholder_names().contains_key(name), "{name}");
                }
            }
        }
    }

    #[test]
    fn a_customer_key_brings_the_key_statement() {
        let lookup = |name: &str| {
            Some(match name {
                "artifactKey" => vec!["arn:aws:kms:eu-west-1:1:key/k".to_owned()],
                "artifactBucket" => vec!["one".to_owned(), "two".to_owned()],
                "P" => vec!["aws".to_owned()],
                _ => vec![],
            })
        };
        let mut facts = Given::default();
        let plain = statements(Role::Pipeline, &facts, &lookup).expect("all known");
        assert!(plain.iter().all(|s| !s.actions[0].starts_with("kms:")));
        assert!(
            plain
                .iter()
                .any(|s| s.resources == ["arn:aws:s3:::one/*", "arn:aws:s3:::two/*"])
        );
        facts.features.insert("artifactKey".to_owned());
        let keyed = statements(Role::Pipeline, &facts, &lookup).expect("all known");
        assert_eq!(keyed.len(), plain.len() + 1);
    }

    #[test]
    fn run_time_variables_become_stars() {
        assert_eq!(without_variables("a-#{N.V}-b#{X.Y}"), "a-*-b*");
        assert_eq!(without_variables("plain"), "plain");
    }

    #[test]
    fn whitespace_does_not_count() {
        assert_eq!(policy_size(&serde_json::json!({"a": 1})), 7);
        let spaces = serde_json::json!({"b": "x y\u{a0}é"});
        assert_eq!(policy_size(&spaces), 11);
    }
}
