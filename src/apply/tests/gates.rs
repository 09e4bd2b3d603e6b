//! Ways into stages: nothing opens one in passing, and nothing leaves one closed.

use serde_json::{Value, json};

use super::faulty::{Fault, FaultyCloud};
use super::world::{REGION, World, block_on, desired, resource};
use super::{CancellationFlag, worked};
use crate::cloud::Cloud;
use crate::destroy;
use crate::plan::{Options, Plan};
use crate::resources::{Desired, Id, Kind};

fn with_gate(enabled: bool) -> Desired {
    let mut desired = desired();
    let body = json!({"pipeline": "hw", "stage": "Unit", "enabled": enabled, "reason": "frozen"});
    let gate = resource(
        Kind::StageTransition,
        "hw Unit",
        body,
        &[(Kind::Pipeline, "hw")],
    );
    desired.resources.push(gate);
    desired
}

fn kinds(plan: &Plan) -> Vec<Kind> {
    plan.changes.iter().map(|change| change.id.kind).collect()
}

fn destroyed(world: &World, desired: &Desired, delete_data: bool) -> Plan {
    let options = Options {
        delete_data,
        ..Options::default()
    };
    let plan = block_on(destroy::plan(desired, &world.cloud, &options)).expect("a plan");
    worked(&block_on(destroy::run(
        &plan,
        desired,
        &world.cloud,
        &world.settings(false),
        &mut |_| {},
        &CancellationFlag::default(),
    )));
    plan
}

#[test]
fn a_pipeline_goes_with_its_gates_closed() {
    let world = World::new();
    worked(&world.apply(&with_gate(false)));
    let plan = destroyed(&world, &with_gate(false), true);
    let kinds = kinds(&plan);
    assert!(kinds.contains(&Kind::Pipeline) && !kinds.contains(&Kind::StageTransition));
    assert!(world.state(&with_gate(false)).is_empty());

    // Leftovers the same.
    worked(&world.apply(&with_gate(false)));
    let mut fewer = desired();
    fewer.resources.retain(|r| r.id.kind != Kind::Pipeline);
    let prune = Options {
        prune: true,
        ..Options::default()
    };
    let plan = world.plan(&fewer, prune).expect("a plan");
    assert_eq!(self::kinds(&plan), [Kind::Pipeline]);
    worked(&world.apply_with(&fewer, prune));
    assert!(
        world
            .plan(&fewer, prune)
            .expect("a plan")
            .leftovers
            .is_empty()
    );
}

#[test]
fn a_gate_that_opens_needs_a_word() {
    let world = World::new();
    worked(&world.apply(&with_gate(false)));
    let opened = world
        .plan(&with_gate(true), Options::default())
        .expect("a plan");
    assert_eq!(
        opened.needs_confirmation(),
        ["the way into stage Unit of hw is opened"]
    );
    assert_eq!(
        opened.consequences,
        ["The way into stage Unit of hw is opened: an execution that waits there goes on."]
    );
    worked(&world.apply(&with_gate(true)));
    let closed = world
        .plan(&with_gate(false), Options::default())
        .expect("a plan");
    assert!(closed.needs_confirmation().is_empty());
}

#[test]
fn a_stop_that_is_refused_leaves_the_way_open() {
    let world = World::new();
    let options = Options {
        no_run: true,
        ..Options::default()
    };
    let plan = world.plan(&desired(), options).expect("a plan");
    let faulty = FaultyCloud::new(&world.cloud, Fault::RefuseStop);
    let outcome = world.run_on(&faulty, &plan, &desired(), false);
    worked(&outcome);
    assert!(
        outcome.notes[0].contains("could not be stopped"),
        "{:?}",
        outcome.notes
    );
    let gate = world.live(Kind::StageTransition, "hw Unit").expect("there");
    assert_eq!(gate.body["enabled"], Value::Bool(true));
}

#[test]
fn a_destroy_forgets_what_others_deleted() {
    let world = World::new();
    worked(&world.apply(&desired()));
    let mut ids: Vec<Id> = desired().resources.into_iter().map(|r| r.id).collect();
    ids.sort_by(|a, b| b.cmp(a));
    for id in &ids {
        block_on(world.cloud.delete(id, true)).expect("deleted");
    }
    let plan = destroyed(&world, &desired(), false);
    assert!(plan.is_empty());
    let list = format!("/pipectl/hw/dev/{REGION}/inventory");
    assert_eq!(world.parameter(&list), None);
}
