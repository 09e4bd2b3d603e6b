//! The order of the work: a change starts when all that it waits for is over, and is skipped when something it needs
//! failed.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::work::Worker;
use super::{CancellationFlag, Event, Events, Outcome, Settings};
use crate::cloud::Cloud;
use crate::lock::Lock;
use crate::plan::{Action, Change, Desired};
use crate::resources::Id;

/// Changes at work at the same time.
const SIDE_BY_SIDE: usize = 6;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    Done,
    Failed,
}

struct Node {
    /// Over before this starts.
    after: BTreeSet<usize>,
    /// Done before this starts.
    needs: BTreeSet<usize>,
}

fn nodes(changes: &[Change]) -> Vec<Node> {
    let place: BTreeMap<&Id, usize> = changes
        .iter()
        .enumerate()
        .filter(|(_, change)| change.action != Action::Delete)
        .map(|(at, change)| (&change.id, at))
        .collect();
    changes
        .iter()
        .map(|change| {
            let needs: BTreeSet<usize> = if change.action == Action::Delete {
                // Deletes come last, and only if nothing can still lean on what goes.
                place
                    .values()
                    .copied()
                    .chain(changes.iter().enumerate().filter_map(|(at, other)| {
                        (leaves_before(other, change) && may_lean(other, change)).then_some(at)
                    }))
                    .collect()
            } else {
                change
                    .desired
                    .iter()
                    .flat_map(|desired| &desired.depends)
                    .filter_map(|id| place.get(id).copied())
                    .collect()
            };
            let mut after = needs.clone();
            if change.action == Action::Delete {
                after.extend(
                    changes
                        .iter()
                        .enumerate()
                        .filter(|(_, other)| leaves_before(other, change))
                        .map(|(at, _)| at),
                );
            }
            Node { after, needs }
        })
        .collect()
}

/// Both are deleted, the other one first: the kinds in reverse order of creation.
fn leaves_before(other: &Change, change: &Change) -> bool {
    other.action == Action::Delete && other.id.kind > change.id.kind
}

/// Whether `other` depends on `change`, as far as is known.
fn may_lean(other: &Change, change: &Change) -> bool {
    other
        .desired
        .as_ref()
        .is_none_or(|desired| desired.depends.contains(&change.id))
}

/// Works on all changes of the plan; the outcome takes what became of each.
pub(super) async fn work(
    desired: &Desired,
    cloud: &dyn Cloud,
    settings: &Settings<'_>,
    events: &mut Events<'_>,
    cancel: &CancellationFlag,
    outcome: &mut Outcome,
    lock: &mut Lock,
) {
    let changes = outcome.plan.changes.clone();
    let nodes = nodes(&changes);
    let mut states = vec![State::Waiting; changes.len()];
    let worker = Worker::new(desired, cloud, settings.clock, cancel, outcome.plan.options);
    let mut running = FuturesUnordered::new();
    let mut stop: Option<String> = None;
    loop {
        if stop.is_none() && cancel.is_cancelled() {
            stop = Some("interrupted".to_owned());
        }
        skip(&changes, &nodes, &mut states, events, outcome);
        keep(lock, cloud, settings, &mut stop, outcome).await;
        if stop.is_none() {
            for (at, node) in nodes.iter().enumerate() {
                let ready = states[at] == State::Waiting
                    && node
                        .after
                        .iter()
                        .all(|before| matches!(states[*before], State::Done | State::Failed));
                if !ready || running.len() >= SIDE_BY_SIDE {
                    continue;
                }
                states[at] = State::Running;
                let change = &changes[at];
                events(Event::Started {
                    id: change.id.clone(),
                    action: change.action,
                });
                let worker = &worker;
                running.push(async move { (at, worker.change(change).await) });
            }
        }
        let finished = loop {
            tokio::select! {
                biased;
                finished = running.next() => break finished,
                // One change can take longer than the lock lasts.
                () = settings.clock.sleep(Lock::BETWEEN_LOOKS) => {
                    keep(lock, cloud, settings, &mut stop, outcome).await;
                }
            }
        };
        let Some((at, result)) = finished else {
            break;
        };
        let id = changes[at].id.clone();
        for note in worker.take_notes() {
            events(Event::Note(note.clone()));
            outcome.notes.push(note);
        }
        match result {
            Ok(()) => {
                states[at] = State::Done;
                worker.made(id.kind);
                events(Event::Done {
                    id,
                    action: changes[at].action,
                });
            }
            Err(error) => {
                states[at] = State::Failed;
                events(Event::Failed {
                    id: id.clone(),
                    error: error.clone(),
                });
                outcome.failed.push((id, error));
            }
        }
    }
    for (at, change) in changes.iter().enumerate() {
        match states[at] {
            State::Done => outcome.done.push(change.id.clone()),
            State::Waiting => {
                let because = stop
                    .clone()
                    .unwrap_or_else(|| "it waits for something that waits for it".to_owned());
                events(Event::Skipped {
                    id: change.id.clone(),
                    because: because.clone(),
                });
                outcome.skipped.push((change.id.clone(), because));
            }
            State::Running | State::Failed => {}
        }
    }
    if cancel.is_cancelled() && outcome.done.len() < changes.len() {
        outcome.interrupted = true;
    }
}

/// Prolongs the lock; nothing new starts without it.
async fn keep(
    lock: &mut Lock,
    cloud: &dyn Cloud,
    settings: &Settings<'_>,
    stop: &mut Option<String>,
    outcome: &mut Outcome,
) {
    if stop.is_none()
        && let Err(failure) = lock.keep(cloud, settings.clock).await
    {
        *stop = Some(failure.message.clone());
        outcome.failures.push(failure);
    }
}

/// What needs something that failed or was skipped is skipped too.
fn skip(
    changes: &[Change],
    nodes: &[Node],
    states: &mut [State],
    events: &mut Events<'_>,
    outcome: &mut Outcome,
) {
    loop {
        let found = nodes.iter().enumerate().find_map(|(at, node)| {
            let broken = node
                .needs
                .iter()
                .find(|need| states[**need] == State::Failed)?;
            (states[at] == State::Waiting).then_some((at, *broken))
        });
        let Some((at, broken)) = found else {
            return;
        };
        // For those that need it in turn this is as good as failed.
        states[at] = State::Failed;
        let because = format!("{} did not work", changes[broken].id);
        events(Event::Skipped {
            id: changes[at].id.clone(),
            because: because.clone(),
        });
        outcome.skipped.push((changes[at].id.clone(), because));
    }
}
