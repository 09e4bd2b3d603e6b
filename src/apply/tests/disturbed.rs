//! Steps that are cut off or meet a fault at every call that they make: what comes of it is what would have come of it
//! undisturbed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::faulty::{Fault, FaultyCloud};
use super::worked;
use super::world::{REGION, World, block_on, changed, desired, everything, everything_changed};
use crate::apply::{CancellationFlag, Goal, Outcome, run_for};
use crate::cloud::{Cloud, ErrorKind};
use crate::destroy;
use crate::error::Exit;
use crate::plan::{Options, Plan};
use crate::resources::{Desired, Kind};

/// One thing that somebody does with a file.
#[derive(Clone)]
struct Step {
    goal: Goal,
    desired: Desired,
    options: Options,
}

impl Step {
    fn apply(desired: Desired) -> Self {
        Self {
            goal: Goal::Apply,
            desired,
            options: Options::default(),
        }
    }

    fn plan(&self, world: &World) -> Plan {
        let plan = match self.goal {
            Goal::Apply => world.plan(&self.desired, self.options),
            Goal::Destroy => block_on(destroy::plan(&self.desired, &world.cloud, &self.options)),
        };
        plan.expect("a plan")
    }

    fn run(&self, world: &World, cloud: &dyn Cloud, plan: &Plan, break_lock: bool) -> Outcome {
        block_on(run_for(
            self.goal,
            plan,
            &self.desired,
            cloud,
            &world.settings(break_lock),
            &mut |_| {},
            &CancellationFlag::default(),
        ))
    }
}

/// What an undisturbed run of these steps ends in.
fn undisturbed(steps: &[Step]) -> BTreeMap<String, Value> {
    let world = World::new();
    for step in steps {
        worked(&step.run(&world, &world.cloud, &step.plan(&world), false));
    }
    world.state(&everything())
}

/// Create, change, prune, destroy: of every kind.
fn steps() -> Vec<Step> {
    let kinds: BTreeSet<Kind> = everything().resources.iter().map(|r| r.id.kind).collect();
    assert_eq!(
        kinds,
        Kind::ALL.into_iter().collect(),
        "every kind is there"
    );
    let mut fewer = everything_changed();
    fewer.resources.retain(|r| {
        !matches!(
            r.id.kind,
            Kind::Alarm
                | Kind::EventRule
                | Kind::Webhook
                | Kind::Object
                | Kind::BucketEvents
                | Kind::StageTransition
        )
    });
    let pruned = Step {
        options: Options {
            prune: true,
            ..Options::default()
        },
        ..Step::apply(fewer)
    };
    let destroyed = Step {
        goal: Goal::Destroy,
        options: Options {
            delete_data: true,
            ..Options::default()
        },
        ..Step::apply(everything_changed())
    };
    let (created, updated) = (Step::apply(everything()), Step::apply(everything_changed()));
    vec![created, updated, pruned, destroyed]
}

/// Does the first steps undisturbed and the last under a fault; how many writes and calls that would be.
fn disturbed(steps: &[Step], fault: Fault) -> (World, Outcome, usize, usize) {
    let world = World::new();
    let (last, before) = steps.split_last().expect("a step");
    for step in before {
        worked(&step.run(&world, &world.cloud, &step.plan(&world), false));
    }
    let plan = last.plan(&world);
    let (outcome, writes, calls) = {
        let faulty = FaultyCloud::new(&world.cloud, fault);
        let outcome = last.run(&world, &faulty, &plan, false);
        (outcome, faulty.writes(), faulty.all_calls())
    };
    (world, outcome, writes, calls)
}

/// The steps up to each one, the last of which is then disturbed. A destroy needs nothing but the first before it.
fn rows() -> Vec<Vec<Step>> {
    let all = steps();
    let of = |row: &[usize]| row.iter().map(|at| all[*at].clone()).collect();
    vec![of(&[0]), of(&[0, 1]), of(&[0, 1, 2]), of(&[1, 3])]
}

#[test]
fn killed_after_any_write_the_next_apply_converges() {
    for steps in rows() {
        let (last, length) = (steps.last().expect("a step"), steps.len());
        let expected = undisturbed(&steps);
        let (_, outcome, writes, _) = disturbed(&steps, Fault::None);
        worked(&outcome);
        assert!(writes > 2, "the step does something");
        for n in 1..=writes {
            for fault in [Fault::KillBefore(n), Fault::KillAfter(n)] {
                let (world, killed, _, _) = disturbed(&steps, fault);
                assert_ne!(killed.exit(), Exit::Ok, "step {length}, {fault:?}");
                let plan = last.plan(&world);
                let outcome = last.run(&world, &world.cloud, &plan, true);
                worked(&outcome);
                if plan.is_empty() {
                    // Only what no plan shows can be left: the lock, or an id in the inventory of what is gone.
                    let name = format!("/pipectl/hw/{REGION}/lock");
                    block_on(world.cloud.delete_parameters(&[name])).expect("deleted");
                }
                let again = last.plan(&world);
                assert!(again.is_empty(), "step {length}, {fault:?}: {again:?}");
                let mut state = world.state(&everything());
                let mut expected = expected.clone();
                if plan.is_empty() {
                    let inventory = format!("/pipectl/hw/dev/{REGION}/inventory");
                    state.remove(&inventory);
                    expected.remove(&inventory);
                }
                assert_eq!(state, expected, "step {length}, {fault:?}");
            }
        }
    }
}

#[test]
fn a_call_that_fails_once_or_loses_its_answer_changes_nothing() {
    for steps in rows() {
        let length = steps.len();
        let expected = undisturbed(&steps);
        let (_, _, _, calls) = disturbed(&steps, Fault::None);
        for n in 1..=calls {
            for fault in [
                Fault::Once(n, ErrorKind::Throttled),
                Fault::Once(n, ErrorKind::Transient),
                Fault::LostAnswer(n),
            ] {
                let (world, outcome, _, _) = disturbed(&steps, fault);
                assert_eq!(
                    (&outcome.failed, &outcome.failures),
                    (&vec![], &vec![]),
                    "step {length}, {fault:?}"
                );
                let state = world.state(&everything());
                assert_eq!(state, expected, "step {length}, {fault:?}");
            }
        }
    }
}

#[test]
fn an_update_that_met_another_is_done_and_told() {
    let steps = [Step::apply(desired()), Step::apply(changed())];
    let (world, outcome, _, _) = disturbed(&steps, Fault::Jumps("hw"));
    worked(&outcome);
    assert_eq!(outcome.notes, ["injected"]);
    let plan = world.plan(&changed(), Options::default()).expect("a plan");
    assert!(plan.is_empty());
}
