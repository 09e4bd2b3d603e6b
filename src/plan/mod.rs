//! Desired × live → changes, each with its reason, its fields and what follows from it. Pure: `live::plan` reads first.

mod diff;
mod file;
mod report;
mod secrets;
#[cfg(test)]
mod tests;

pub use crate::live::plan as make;
pub use crate::resources::Desired;
pub use file::{PlanFile, check_stale, read_file, write_file};
pub(crate) use report::of_changes;
pub use report::{CallsJson, ChangeJson, FieldJson, LeftoverJson, PlanJson, SummaryJson};

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::cloud::Calls;
use crate::error::Failure;
use crate::inventory::Inventory;
use crate::resources::{
    Context, DIGEST_TAG, Grant, Id, Kind, OWNER_TAG, POLICIES_TAG, Resource, SECRETS_TAG,
    keep_absent, managed, needs_replacement, normalise, policies_to_tag, widened,
    without_read_only,
};

impl Desired {
    /// The value of the owner tag.
    pub fn owner(&self) -> String {
        format!("{}/{}/{}", self.service, self.stage, self.region)
    }

    /// For `normalise` of a resource in this region.
    pub fn context(&self, region: &str) -> Context {
        Context {
            region: region.to_owned(),
            account: self.account.clone(),
            partition: self.partition.clone(),
        }
    }
}

/// What the command line allows and asks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Resources of the same names that nobody owns are taken over.
    pub adopt: bool,
    /// Leftovers are deleted.
    pub prune: bool,
    /// So are buckets, log groups and topics.
    pub delete_data: bool,
    /// The execution that a create starts is stopped.
    pub no_run: bool,
}

/// What happens to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// It is made.
    Create,
    /// It is changed in place.
    Update,
    /// It is deleted and made again.
    Replace,
    /// It is deleted.
    Delete,
}

impl Action {
    /// The word in JSON and for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Delete => "delete",
        }
    }
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// It is not there.
    New,
    /// The file changed.
    File,
    /// AWS changed.
    Drift,
    /// A secret changed.
    Rotation,
    /// The file does not name it any more.
    Leftover,
    /// Nobody owns it and it is taken over.
    Adopt,
}

impl Reason {
    /// The word in JSON and for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::File => "file",
            Self::Drift => "drift",
            Self::Rotation => "rotation",
            Self::Leftover => "leftover",
            Self::Adopt => "adopt",
        }
    }
}

/// One member that changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// `stages[1].actions[0].configuration.ProjectName`
    pub path: String,
    /// `None`: absent.
    pub before: Option<Value>,
    /// `None`: absent.
    pub after: Option<Value>,
    /// Whether the values are masked.
    pub secret: bool,
}

/// One resource that changes.
#[derive(Debug, Clone)]
pub struct Change {
    /// Which.
    pub id: Id,
    /// What happens.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// What differs; empty for creates and deletes.
    pub fields: Vec<Field>,
    /// What a role may do that it might not.
    pub widens: Vec<Grant>,
    /// What to send: body, all tags, and exactly the secrets that must be sent.
    pub desired: Option<Resource>,
    /// What is there.
    pub live: Option<Resource>,
}

impl Change {
    /// The removal of a subscription whose link nobody has clicked on.
    fn is_unconfirmed(&self) -> bool {
        let arn = |live: &Resource| live.body.get("subscriptionArn").cloned();
        self.action == Action::Delete
            && self.id.kind == Kind::Subscription
            && self
                .live
                .as_ref()
                .and_then(arn)
                .is_some_and(|arn| arn.as_str().is_none_or(|arn| !arn.starts_with("arn:")))
    }
}

/// What apply would do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Home region.
    pub region: String,
    /// In the order of the work: creates and updates first, deletes last.
    pub changes: Vec<Change>,
    /// Ours, named by the file no more, and not deleted by this plan.
    pub leftovers: Vec<Id>,
    /// What follows from it, in words.
    pub consequences: Vec<String>,
    /// Resources that are as they should be.
    pub unchanged: usize,
    /// Calls made so far.
    pub calls: Calls,
    /// Ids of the inventory that do not exist any more.
    pub gone: Vec<Id>,
    /// The inventory as it was read.
    pub inventory: Inventory,
    /// The command line.
    pub options: Options,
}

impl Plan {
    /// A plan without changes.
    pub(crate) fn empty(desired: &Desired, inventory: Inventory, options: &Options) -> Self {
        Self {
            region: desired.region.clone(),
            changes: Vec::new(),
            leftovers: Vec::new(),
            consequences: Vec::new(),
            unchanged: 0,
            calls: Calls::default(),
            gone: Vec::new(),
            inventory,
            options: *options,
        }
    }

    /// Nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Why somebody should say yes first: one sentence each.
    pub fn needs_confirmation(&self) -> Vec<String> {
        let mut why = Vec::new();
        for change in &self.changes {
            match change.action {
                Action::Delete => why.push(format!("{} is deleted", change.id)),
                Action::Replace => why.push(format!("{} is deleted and made anew", change.id)),
                Action::Create | Action::Update => {}
            }
            if opens(change) && change.action == Action::Update {
                why.push(format!("the way into {} is opened", stage_of(&change.id)));
            }
            if change.reason == Reason::Adopt {
                why.push(format!("{} is taken over", change.id));
            }
            for policy in taken_over(change) {
                why.push(format!("the managed policy {policy} is taken over"));
            }
            if !change.widens.is_empty() {
                why.push(format!("{} gets wider", change.id));
            }
            if change.id.kind == Kind::BucketEvents && change.action != Action::Delete {
                why.push(format!(
                    "EventBridge events are switched on in the bucket {}, which is not ours",
                    change.id.name
                ));
            }
        }
        why
    }

    /// The frozen form for machines.
    pub fn to_json(&self) -> PlanJson {
        report::plan(self)
    }
}

/// The changes between two states. `live` holds what exists of the desired ids and of the inventory.
pub fn compare(
    desired: &Desired,
    live: &BTreeMap<Id, Resource>,
    inventory: Inventory,
    options: &Options,
) -> Result<Plan, Failure> {
    ownership(desired, live, &inventory, options)?;
    let mut plan = Plan::empty(desired, inventory, options);
    for resource in &desired.resources {
        match change(desired, resource, live.get(&resource.id), &plan)? {
            Some(change) => plan.changes.push(change),
            None => plan.unchanged += 1,
        }
    }
    leftovers(desired, live, &mut plan);
    leave_to_pipelines(&mut plan);
    leave_unconfirmed(&mut plan);
    consequences(desired, &mut plan);
    Ok(plan)
}

/// Refuses what somebody else owns.
fn ownership(
    desired: &Desired,
    live: &BTreeMap<Id, Resource>,
    inventory: &Inventory,
    options: &Options,
) -> Result<(), Failure> {
    let owner = desired.owner();
    let mut foreign = Vec::new();
    let mut elsewhere = Vec::new();
    for resource in desired.resources.iter().filter(|r| r.id.kind.has_tags()) {
        let Some(there) = live.get(&resource.id) else {
            continue;
        };
        match there.tags.get(OWNER_TAG) {
            Some(tag) if *tag == owner => {}
            Some(tag) => elsewhere.push(format!("{} (of {tag})", resource.id)),
            // Every create says whose it is: what carries no mark of ours was made by others, whatever the inventory
            // remembers.
            None if options.adopt || lost_its_tag(there, inventory) => {}
            None => foreign.push(resource.id.to_string()),
        }
    }
    refuse(&owner, &elsewhere, &foreign)
}

/// Refuses managed policies that bear the names that roles need: name and the owner they have, if any.
pub(crate) fn refuse_foreign_policies(
    owner: &str,
    found: &BTreeMap<&String, Option<String>>,
    options: &Options,
) -> Result<(), Failure> {
    let mut foreign = Vec::new();
    let mut elsewhere = Vec::new();
    for (name, tag) in found {
        match tag {
            Some(tag) => elsewhere.push(format!("managed policy {name} (of {tag})")),
            None if options.adopt => {}
            None => foreign.push(format!("managed policy {name}")),
        }
    }
    refuse(owner, &elsewhere, &foreign)
}

fn refuse(owner: &str, elsewhere: &[String], foreign: &[String]) -> Result<(), Failure> {
    let service = owner.split('/').next().unwrap_or(owner);
    if !elsewhere.is_empty() {
        return Err(Failure::failed(
            "owned-elsewhere",
            format!(
                "Owned by another service, stage or region than {owner}: {}.",
                elsewhere.join(", ")
            ),
        )
        .help(format!(
            "Every name begins with the service: give each stage one of its own, `service: {service}-${{sls:stage}}`."
        ))
        .about(elsewhere.join(", ")));
    }
    if !foreign.is_empty() {
        return Err(Failure::failed(
            "foreign",
            format!(
                "Already in the account and not made by pipectl: {}.",
                foreign.join(", ")
            ),
        )
        .help("Choose other names, or take them over with `--adopt`: then they become what the file says.")
        .about(foreign.join(", ")));
    }
    Ok(())
}

/// Ours, though somebody took the owner's tag away: it carries another mark of ours.
fn lost_its_tag(there: &Resource, inventory: &Inventory) -> bool {
    there.tags.contains_key(DIGEST_TAG) && inventory.contains(&there.id)
}

fn normal_body(desired: &Desired, id: &Id, body: &Value) -> Value {
    let mut body = body.clone();
    normalise(id.kind, &mut body, &desired.context(&id.region));
    body
}

/// Whether what is there is what was sent, tags included.
pub(crate) fn as_wanted(desired: &Desired, there: &Resource, wanted: &Resource) -> bool {
    let mut live = normal_body(desired, &there.id, &there.body);
    secrets::mask(&mut live, &wanted.secrets);
    live == normal_body(desired, &wanted.id, &wanted.body)
        && plain_tags(&there.tags) == plain_tags(&wanted.tags)
        && there.tags.get(POLICIES_TAG) == wanted.tags.get(POLICIES_TAG)
        && wanted
            .tags
            .iter()
            .all(|(key, value)| there.tags.get(key) == Some(value))
}

/// Sixteen hex digits of what the desired state means.
fn digest(body: &Value, tags: &BTreeMap<String, String>) -> String {
    let mut hasher = Sha256::new();
    hasher.update(body.to_string());
    for (key, value) in tags {
        hasher.update([0]);
        hasher.update(key);
        hasher.update([1]);
        hasher.update(value);
    }
    hex(&hasher.finalize()[..8])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Tags that people set: not ours, not AWS's.
fn plain_tags(tags: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    tags.iter()
        .filter(|(key, _)| {
            !key.starts_with("pipectl:") && !key.to_ascii_lowercase().starts_with("aws:")
        })
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn change(
    desired: &Desired,
    resource: &Resource,
    live: Option<&Resource>,
    plan: &Plan,
) -> Result<Option<Change>, Failure> {
    let kind = resource.id.kind;
    let mut to_send = resource.clone();
    let user_tags = plain_tags(&resource.tags);
    let digest = digest(
        &normal_body(desired, &resource.id, &resource.body),
        &user_tags,
    );
    let fingerprint = secrets::fingerprint(&resource.secrets);
    if kind.has_tags() {
        to_send.tags.insert(OWNER_TAG.to_owned(), desired.owner());
        to_send.tags.insert(DIGEST_TAG.to_owned(), digest.clone());
        if let Some(fingerprint) = &fingerprint {
            to_send
                .tags
                .insert(SECRETS_TAG.to_owned(), fingerprint.clone());
        }
        let policies = policies_to_tag(&resource.id.name, &resource.body);
        if policies > 0 {
            to_send
                .tags
                .insert(POLICIES_TAG.to_owned(), policies.to_string());
        }
    } else {
        to_send.tags.clear();
    }
    let Some(there) = live else {
        secrets::choose(&mut to_send, None, &Value::Null, true)?;
        return Ok(Some(Change {
            id: resource.id.clone(),
            action: Action::Create,
            reason: Reason::New,
            fields: Vec::new(),
            widens: Vec::new(),
            desired: Some(to_send),
            live: None,
        }));
    };
    keep_absent(kind, &mut to_send.body, &there.body);
    let mut before = normal_body(desired, &resource.id, &there.body);
    let after = normal_body(desired, &resource.id, &to_send.body);
    secrets::mask(&mut before, &to_send.secrets);
    let mut fields = diff::fields(&before, &after);
    let mut owned = true;
    if kind.has_tags() {
        fields.extend(diff::tags(&plain_tags(&there.tags), &user_tags));
        owned = there.tags.contains_key(OWNER_TAG);
        if !owned {
            fields.push(Field {
                path: format!("tags.{OWNER_TAG}"),
                before: None,
                after: Some(Value::from(desired.owner())),
                secret: false,
            });
        }
    }
    if fields.is_empty() {
        // What was stopped just before its end: the tag is not yet what it should be.
        fields.extend(policies_tag(&there.tags, &to_send.tags));
    }
    let rotated = fingerprint.is_some() && there.tags.get(SECRETS_TAG) != fingerprint.as_ref();
    let only_rotation = rotated && fields.is_empty();
    if rotated {
        fields.extend(secrets::fields(&resource.secrets));
    }
    if fields.is_empty() {
        return Ok(None);
    }
    // The fingerprint of secrets that the file does not give any more stays with the masked value it belongs to.
    if fingerprint.is_none()
        && let Some(tag) = there.tags.get(SECRETS_TAG)
    {
        to_send.tags.insert(SECRETS_TAG.to_owned(), tag.clone());
    }
    let only_tags = fields.iter().all(|field| field.path.starts_with("tags."));
    if kind == Kind::Pipeline && only_tags {
        // UpdatePipeline stops executions even if it says nothing new: what is there is what is wanted.
        to_send.body = without_read_only(kind, &there.body);
    }
    let replace = needs_replacement(kind, &before, &after);
    if replace && kind.holds_data() && !plan.options.delete_data {
        return Err(Failure::failed(
            "data-lost",
            format!(
                "{} cannot be changed in place: it would be deleted with all that is in it and made anew.",
                resource.id
            ),
        )
        .help("Give it another name, or add `--delete-data` if what is in it may go.")
        .about(resource.id.to_string()));
    }
    secrets::choose(&mut to_send, Some(&before), &after, rotated || replace)?;
    let reason = if !owned && !lost_its_tag(there, &plan.inventory) {
        Reason::Adopt
    } else if only_rotation {
        Reason::Rotation
    } else if there.tags.get(DIGEST_TAG) == Some(&digest) {
        Reason::Drift
    } else {
        Reason::File
    };
    Ok(Some(Change {
        id: resource.id.clone(),
        action: if replace {
            Action::Replace
        } else {
            Action::Update
        },
        reason,
        fields,
        widens: if kind == Kind::Role {
            widened(&before, &after)
        } else {
            Vec::new()
        },
        desired: Some(to_send),
        live: Some(there.clone()),
    }))
}

fn policies_tag(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> Option<Field> {
    let text = |tags: &BTreeMap<String, String>| tags.get(POLICIES_TAG).cloned();
    let (before, after) = (text(before), text(after));
    (before != after).then(|| Field {
        path: format!("tags.{POLICIES_TAG}"),
        before: before.map(Value::from),
        after: after.map(Value::from),
        secret: false,
    })
}

/// The managed policies that somebody else made and this change takes over.
fn taken_over(change: &Change) -> impl Iterator<Item = &str> {
    let desired = change.desired.as_ref();
    let policies = desired
        .into_iter()
        .flat_map(|desired| managed(&desired.body));
    policies
        .filter(|(_, policy)| policy.get("takeOver") == Some(&Value::Bool(true)))
        .map(|(name, _)| name)
}

/// What the inventory names, the file does not, and the tags (of kinds that have them) call ours.
fn leftovers(desired: &Desired, live: &BTreeMap<Id, Resource>, plan: &mut Plan) {
    if desired.only_pipeline.is_some() {
        return;
    }
    let owner = desired.owner();
    let wanted: BTreeSet<&Id> = desired.resources.iter().map(|r| &r.id).collect();
    let mut ids: Vec<Id> = plan
        .inventory
        .ids()
        .iter()
        .filter(|id| !wanted.contains(id))
        .cloned()
        .collect();
    // Last made, first deleted.
    ids.sort_by(|a, b| b.kind.cmp(&a.kind).then_with(|| a.cmp(b)));
    for id in ids {
        let Some(there) = live.get(&id) else {
            plan.gone.push(id);
            continue;
        };
        if id.kind.has_tags() && there.tags.get(OWNER_TAG) != Some(&owner) {
            plan.consequences.push(format!(
                "{id} stands in the inventory, but its tags do not say that it is ours: it is left alone."
            ));
            continue;
        }
        let kept = id.kind.holds_data() && !plan.options.delete_data;
        if plan.options.prune && !kept {
            plan.changes.push(Change {
                id,
                action: Action::Delete,
                reason: Reason::Leftover,
                fields: Vec::new(),
                widens: Vec::new(),
                desired: None,
                live: Some(there.clone()),
            });
        } else {
            if plan.options.prune {
                plan.consequences.push(format!(
                    "{id} stays: it holds data; `--delete-data` deletes it."
                ));
            }
            plan.leftovers.push(id);
        }
    }
}

fn deleted(plan: &Plan) -> BTreeSet<Id> {
    let changes = plan.changes.iter();
    let deleted = changes.filter(|change| change.action == Action::Delete);
    deleted.map(|change| change.id.clone()).collect()
}

/// Transitions of a pipeline that is deleted go with it: opening one before would let in what waits there.
pub(crate) fn leave_to_pipelines(plan: &mut Plan) {
    let deleted = deleted(plan);
    plan.changes.retain(|change| {
        change.action != Action::Delete
            || !change
                .id
                .pipeline_of_transition()
                .is_some_and(|pipeline| deleted.contains(&pipeline))
    });
}

/// A subscription that nobody has confirmed has no ARN to remove it by. It goes with its topic; where the topic stays, so
/// does it, until AWS drops it.
pub(crate) fn leave_unconfirmed(plan: &mut Plan) {
    let deleted = deleted(plan);
    let stays = |change: &Change| {
        let topic = change.id.topic_of_subscription();
        change.is_unconfirmed() && topic.is_some_and(|topic| !deleted.contains(&topic))
    };
    let changes = std::mem::take(&mut plan.changes).into_iter();
    let (stay, go): (Vec<Change>, Vec<Change>) = changes.partition(stays);
    plan.changes = go;
    for Change { id, .. } in stay {
        plan.consequences.push(format!(
            "{id} stays: nobody has confirmed it, and until then it cannot be removed. AWS drops it by itself after some days."
        ));
        plan.leftovers.push(id);
    }
}

/// A transition's stage in words.
fn stage_of(id: &Id) -> String {
    match id.name.split_once(' ') {
        Some((pipeline, stage)) => format!("stage {stage} of {pipeline}"),
        None => id.name.clone(),
    }
}

/// Whether a closed transition is opened.
fn opens(change: &Change) -> bool {
    let closed = |resource: &Option<Resource>| {
        resource
            .as_ref()
            .is_some_and(|resource| resource.body["enabled"] == false)
    };
    change.id.kind == Kind::StageTransition && closed(&change.live) && !closed(&change.desired)
}

fn consequences(desired: &Desired, plan: &mut Plan) {
    let mut texts = Vec::new();
    for change in &plan.changes {
        let name = &change.id.name;
        match (change.id.kind, change.action) {
            (Kind::Pipeline, Action::Create | Action::Replace) => {
                texts.push(if plan.options.no_run {
                    format!("Creating the pipeline {name} starts an execution; `--no-run` disables the first transition and stops that execution at once, as far as it is quick enough.")
                } else {
                    format!("Creating the pipeline {name} starts an execution at once; `--no-run` stops it.")
                });
            }
            (Kind::Pipeline, Action::Update) if structural(change) => {
                let parallel = change
                    .live
                    .as_ref()
                    .and_then(|live| live.body.get("executionMode"))
                    .is_some_and(|mode| mode == "PARALLEL");
                texts.push(if parallel {
                    format!("Updating the pipeline {name}: running executions go on with the old structure (PARALLEL); stages of former executions can no longer be retried.")
                } else {
                    format!("Updating the pipeline {name}: an execution whose actions are running fails when they end, waiting executions are cancelled, and former executions can no longer be retried or rolled back to.")
                });
            }
            (Kind::Pipeline, Action::Delete) => {
                texts.push(format!("Deleting the pipeline {name} loses its history."));
            }
            (Kind::BucketEvents, Action::Create | Action::Update) => texts.push(format!(
                "The bucket {name} is not ours: EventBridge events are switched on in it, its other notifications stay."
            )),
            (Kind::Project, Action::Update | Action::Replace | Action::Delete) => {
                if let Some(users) = desired.shared_by.get(name)
                    && users.len() > 1
                {
                    texts.push(format!(
                        "The project {name} is used by the pipelines {}.",
                        users.join(", ")
                    ));
                }
            }
            _ => {}
        }
        for policy in taken_over(change) {
            texts.push(format!(
                "The managed policy {policy} was made by somebody else: what it allows becomes what the role {name} needs."
            ));
        }
        if opens(change) {
            texts.push(format!(
                "The way into {} is opened: an execution that waits there goes on.",
                stage_of(&change.id)
            ));
        }
        if !change.widens.is_empty() {
            let grants: Vec<String> = change.widens.iter().map(ToString::to_string).collect();
            texts.push(format!(
                "The role {name} gets wider: {}.",
                grants.join("; ")
            ));
        }
        if change.action == Action::Delete && change.id.kind.holds_data() {
            texts.push(format!("{} is deleted with all that is in it.", change.id));
        }
    }
    texts.append(&mut plan.consequences);
    plan.consequences = texts;
}

/// Whether UpdatePipeline is called: tags alone have calls of their own.
fn structural(change: &Change) -> bool {
    change
        .fields
        .iter()
        .any(|field| !field.path.starts_with("tags."))
}
