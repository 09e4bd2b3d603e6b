//! Does a plan: in the order of dependence, what is independent side by side, and says what happened to each.

pub mod clock;
mod graph;
pub(crate) mod retry;
#[cfg(test)]
mod tests;
mod work;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clock::Clock;

use crate::cloud::{Calls, Cloud};
use crate::destroy;
use crate::error::{Exit, Failure};
use crate::inventory::Inventory;
use crate::live;
pub use crate::lock::Holder;
use crate::lock::Lock;
use crate::plan::{self, Action, Change, Desired, Plan, PlanJson};
use crate::resources::{Id, Kind};

/// Set by Ctrl-C; looked at between writes.
#[derive(Debug, Clone, Default)]
pub struct CancellationFlag(Arc<AtomicBool>);

impl CancellationFlag {
    /// Asks to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether somebody asked.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// What happens, as it happens.
#[derive(Debug, Clone)]
pub enum Event {
    /// Under the lock the state was another one than in the plan: this is the plan now.
    Replanned(Box<Plan>),
    /// Work on a resource began.
    Started {
        /// Which.
        id: Id,
        /// What is done to it.
        action: Action,
    },
    /// It worked.
    Done {
        /// Which.
        id: Id,
        /// What was done to it.
        action: Action,
    },
    /// It did not.
    Failed {
        /// Which.
        id: Id,
        /// Why.
        error: Failure,
    },
    /// It was not tried.
    Skipped {
        /// Which.
        id: Id,
        /// Why.
        because: String,
    },
    /// Something worth knowing.
    Note(String),
}

/// What a plan must pass that is made again under the lock.
pub type Admit<'a> = dyn Fn(&Plan) -> Result<(), Failure> + Send + Sync + 'a;

/// How to do it.
pub struct Settings<'a> {
    /// The answer to all questions is yes.
    pub confirmed: bool,
    /// Judges the plan that is really done: the account may have moved since somebody saw one.
    pub admit: &'a Admit<'a>,
    /// A lock of another is taken over.
    pub break_lock: bool,
    /// Who works, for whoever finds the lock.
    pub who: Holder,
    /// Time and chance.
    pub clock: &'a dyn Clock,
}

/// What was done.
#[derive(Debug)]
pub struct Outcome {
    /// The plan that was worked on.
    pub plan: Plan,
    /// What worked, in the order of the plan.
    pub done: Vec<Id>,
    /// What did not.
    pub failed: Vec<(Id, Failure)>,
    /// What was not tried, and why.
    pub skipped: Vec<(Id, String)>,
    /// What stopped the whole, or went wrong beside the resources.
    pub failures: Vec<Failure>,
    /// Somebody pressed Ctrl-C before the end.
    pub interrupted: bool,
    /// What is worth knowing.
    pub notes: Vec<String>,
    /// All calls of the run.
    pub calls: Calls,
}

impl Outcome {
    fn new(plan: Plan) -> Self {
        Self {
            plan,
            done: Vec::new(),
            failed: Vec::new(),
            skipped: Vec::new(),
            failures: Vec::new(),
            interrupted: false,
            notes: Vec::new(),
            calls: Calls::default(),
        }
    }

    /// With which code to end.
    pub fn exit(&self) -> Exit {
        if self.interrupted {
            Exit::Interrupted
        } else if self.failed.is_empty() && self.failures.is_empty() {
            Exit::Ok
        } else {
            Exit::Failed
        }
    }

    /// The first thing that went wrong: what a JSON answer names.
    pub fn failure(&self) -> Option<&Failure> {
        self.failures
            .first()
            .or_else(|| self.failed.first().map(|(_, failure)| failure))
    }

    /// The frozen form: the plan's shape with what was done and the calls that were made.
    pub fn to_json(&self) -> PlanJson {
        let done: Vec<&Change> = self
            .plan
            .changes
            .iter()
            .filter(|change| self.done.contains(&change.id))
            .collect();
        plan::of_changes(&self.plan, &done, &self.calls)
    }
}

/// Hears of events.
pub type Events<'e> = dyn FnMut(Event) + Send + 'e;

/// What is planned again under the lock.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goal {
    Apply,
    Destroy,
}

/// Applies a plan. An empty one makes no call. Else: lock, state read and planned again, inventory, the work, inventory
/// again, lock released, whatever happens.
pub async fn run(
    plan: &Plan,
    desired: &Desired,
    cloud: &dyn Cloud,
    settings: &Settings<'_>,
    events: &mut Events<'_>,
    cancel: &CancellationFlag,
) -> Outcome {
    run_for(Goal::Apply, plan, desired, cloud, settings, events, cancel).await
}

pub(crate) async fn run_for(
    goal: Goal,
    plan: &Plan,
    desired: &Desired,
    cloud: &dyn Cloud,
    settings: &Settings<'_>,
    events: &mut Events<'_>,
    cancel: &CancellationFlag,
) -> Outcome {
    let mut outcome = Outcome::new(plan.clone());
    if has_work(goal, plan) {
        if cancel.is_cancelled() {
            outcome.interrupted = true;
        } else {
            locked(goal, desired, cloud, settings, events, cancel, &mut outcome).await;
        }
    }
    outcome.calls = cloud.calls();
    outcome
}

/// A destroy also forgets what others have deleted, so that nothing is left of it.
fn has_work(goal: Goal, plan: &Plan) -> bool {
    !plan.is_empty() || (goal == Goal::Destroy && !plan.gone.is_empty())
}

async fn locked(
    goal: Goal,
    desired: &Desired,
    cloud: &dyn Cloud,
    settings: &Settings<'_>,
    events: &mut Events<'_>,
    cancel: &CancellationFlag,
    outcome: &mut Outcome,
) {
    let taken = Lock::take(
        cloud,
        &desired.service,
        &desired.region,
        &settings.who,
        settings.break_lock,
        settings.clock,
    )
    .await;
    let mut lock = match taken {
        Ok(lock) => lock,
        Err(failure) => {
            outcome.failures.push(failure);
            return;
        }
    };
    if let Err(failure) = under_lock(
        goal, desired, cloud, settings, events, cancel, outcome, &mut lock,
    )
    .await
    {
        outcome.failures.push(failure);
    }
    if let Err(failure) = lock.release(cloud, settings.clock).await {
        outcome.failures.push(failure);
    }
}

#[expect(clippy::too_many_arguments, reason = "one call, from just above")]
async fn under_lock(
    goal: Goal,
    desired: &Desired,
    cloud: &dyn Cloud,
    settings: &Settings<'_>,
    events: &mut Events<'_>,
    cancel: &CancellationFlag,
    outcome: &mut Outcome,
    lock: &mut Lock,
) -> Result<(), Failure> {
    let options = outcome.plan.options;
    let fresh = match goal {
        Goal::Apply => live::plan(desired, cloud, &options).await?,
        Goal::Destroy => destroy::plan(desired, cloud, &options).await?,
    };
    (settings.admit)(&fresh)?;
    if fresh.to_json().changes != outcome.plan.to_json().changes {
        let known = outcome.plan.needs_confirmation();
        let news: Vec<String> = fresh
            .needs_confirmation()
            .into_iter()
            .filter(|why| !known.contains(why))
            .collect();
        if !news.is_empty() && !settings.confirmed {
            return Err(Failure::failed(
                "plan-moved",
                format!(
                    "The account changed since the plan was shown, and now {}.",
                    news.join(", ")
                ),
            )
            .help("Look at the new plan and run it again."));
        }
        events(Event::Replanned(Box::new(fresh.clone())));
    }
    outcome.plan = fresh;
    if !has_work(goal, &outcome.plan) {
        return Ok(());
    }
    if goal == Goal::Apply {
        let mut inventory = outcome.plan.inventory.clone();
        inventory
            .add(cloud, &to_record(desired, &outcome.plan))
            .await?;
    }
    graph::work(desired, cloud, settings, events, cancel, outcome, lock).await;
    if goal == Goal::Apply && outcome.plan.options.no_run {
        work::stop_first_executions(desired, cloud, settings, events, outcome).await;
    }
    forget(desired, cloud, settings, outcome, lock).await
}

/// Takes what is gone out of the inventory: as it is now, and only as long as nobody else may be writing it.
async fn forget(
    desired: &Desired,
    cloud: &dyn Cloud,
    settings: &Settings<'_>,
    outcome: &Outcome,
    lock: &Lock,
) -> Result<(), Failure> {
    let mut gone: BTreeSet<Id> = outcome.plan.gone.iter().cloned().collect();
    for change in &outcome.plan.changes {
        if change.action == Action::Delete && outcome.done.contains(&change.id) {
            gone.insert(change.id.clone());
        }
    }
    if gone.is_empty() {
        return Ok(());
    }
    lock.verify(cloud, settings.clock).await?;
    let mut inventory =
        Inventory::read(cloud, &desired.service, &desired.stage, &desired.region).await?;
    let with_pipelines: Vec<Id> = inventory
        .ids()
        .iter()
        .filter(|id| {
            id.pipeline_of_transition()
                .is_some_and(|pipeline| gone.contains(&pipeline))
        })
        .cloned()
        .collect();
    gone.extend(with_pipelines);
    inventory.remove(cloud, &gone).await
}

/// What the inventory must name before the first create: all that carries our tags, and of the kinds without tags
/// what this plan makes. What was there before us is never ours to delete.
fn to_record(desired: &Desired, plan: &Plan) -> Vec<Id> {
    let created: BTreeSet<&Id> = plan
        .changes
        .iter()
        .filter(|change| change.action == Action::Create || made_by_us(change))
        .map(|change| &change.id)
        .collect();
    desired
        .resources
        .iter()
        .map(|resource| &resource.id)
        .filter(|id| id.kind.has_tags() || created.contains(id))
        .cloned()
        .collect()
}

/// Switching the events of a bucket on, or a transition off, is what makes it ours, though the bucket and the stage
/// were there.
fn made_by_us(change: &Change) -> bool {
    matches!(change.id.kind, Kind::BucketEvents | Kind::StageTransition)
        && change.action == Action::Update
}
