//! Removes what this service, stage and region own, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use crate::apply::{self, CancellationFlag, Events, Goal, Outcome, Settings};
use crate::cloud::Cloud;
use crate::error::Failure;
use crate::inventory::Inventory;
use crate::live;
use crate::plan::{self, Action, Change, Desired, Options, Plan, Reason};
use crate::resources::{Id, OWNER_TAG, Resource};

/// What destroy would remove: what the inventory or the file names and the owner tag calls ours; of kinds without
/// tags what the inventory names. Buckets, log groups and topics only with `delete_data`; else they are `leftovers`.
pub async fn plan(
    desired: &Desired,
    cloud: &dyn Cloud,
    options: &Options,
) -> Result<Plan, Failure> {
    let inventory =
        Inventory::read(cloud, &desired.service, &desired.stage, &desired.region).await?;
    let known: BTreeMap<&Id, &Resource> = desired.resources.iter().map(|r| (&r.id, r)).collect();
    let ids: BTreeSet<Id> = inventory
        .ids()
        .iter()
        .chain(known.keys().copied())
        .cloned()
        .collect();
    let mut ids: Vec<Id> = ids.into_iter().collect();
    ids.sort_by(|a, b| b.kind.cmp(&a.kind).then_with(|| a.cmp(b)));
    let live = live::read(cloud, &ids).await?;
    let mut plan = Plan::empty(desired, inventory, options);
    for id in ids {
        let Some(there) = live.get(&id) else {
            if plan.inventory.contains(&id) {
                plan.gone.push(id);
            }
            continue;
        };
        let ours = if id.kind.has_tags() {
            there.tags.get(OWNER_TAG) == Some(&desired.owner())
        } else {
            plan.inventory.contains(&id)
        };
        if !ours {
            if plan.inventory.contains(&id) {
                plan.consequences.push(format!(
                    "{id} stands in the inventory, but its tags do not say that it is ours: it is left alone."
                ));
            }
            continue;
        }
        if id.kind.holds_data() && !options.delete_data {
            plan.consequences.push(format!(
                "{id} stays: it holds data; `--delete-data` deletes it."
            ));
            plan.leftovers.push(id);
            continue;
        }
        if id.kind.holds_data() {
            plan.consequences
                .push(format!("{id} is deleted with all that is in it."));
        }
        plan.changes.push(Change {
            desired: known.get(&id).map(|resource| (*resource).clone()),
            live: Some(there.clone()),
            id,
            action: Action::Delete,
            reason: Reason::Leftover,
            fields: Vec::new(),
            widens: Vec::new(),
        });
    }
    plan::leave_to_pipelines(&mut plan);
    plan::leave_unconfirmed(&mut plan);
    plan.calls = cloud.calls();
    Ok(plan)
}

/// Does it, under the lock like an apply.
pub async fn run(
    plan: &Plan,
    desired: &Desired,
    cloud: &dyn Cloud,
    settings: &Settings<'_>,
    events: &mut Events<'_>,
    cancel: &CancellationFlag,
) -> Outcome {
    apply::run_for(
        Goal::Destroy,
        plan,
        desired,
        cloud,
        settings,
        events,
        cancel,
    )
    .await
}
