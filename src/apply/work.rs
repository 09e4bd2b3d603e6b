//! One change: the calls, what is tried again, and how a lost answer is told from a failure.

use std::collections::BTreeSet;
use std::sync::Mutex;

use super::clock::Clock;
use super::retry::{self, Retries};
use super::{CancellationFlag, Event, Events, Outcome, Settings};
use crate::cloud::{Cloud, CloudError, ErrorKind, VERSION_JUMPED};
use crate::error::Failure;
use crate::live;
use crate::plan::{Action, Change, Desired, Options, as_wanted};
use crate::resources::{Id, Kind, OWNER_TAG, Resource};

pub(super) struct Worker<'w> {
    desired: &'w Desired,
    cloud: &'w dyn Cloud,
    clock: &'w dyn Clock,
    cancel: &'w CancellationFlag,
    options: Options,
    made: Mutex<BTreeSet<Kind>>,
    notes: Mutex<Vec<String>>,
}

impl<'w> Worker<'w> {
    pub(super) fn new(
        desired: &'w Desired,
        cloud: &'w dyn Cloud,
        clock: &'w dyn Clock,
        cancel: &'w CancellationFlag,
        options: Options,
    ) -> Self {
        Self {
            desired,
            cloud,
            clock,
            cancel,
            options,
            made: Mutex::default(),
            notes: Mutex::default(),
        }
    }

    /// Remembers that something of this kind was made or changed: others may not know it yet.
    pub(super) fn made(&self, kind: Kind) {
        self.kinds_made().insert(kind);
    }

    /// What is worth knowing of the work so far; told once.
    pub(super) fn take_notes(&self) -> Vec<String> {
        std::mem::take(
            &mut *self
                .notes
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner),
        )
    }

    fn note(&self, text: &str) {
        self.notes
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .push(text.to_owned());
    }

    fn kinds_made(&self) -> std::sync::MutexGuard<'_, BTreeSet<Kind>> {
        self.made
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) async fn change(&self, change: &Change) -> Result<(), Failure> {
        match (change.action, &change.desired) {
            (Action::Delete, _) => self.delete(&change.id, self.options.delete_data).await,
            (Action::Replace, Some(desired)) => {
                self.delete(&change.id, self.options.delete_data).await?;
                self.bring(None, desired).await
            }
            (Action::Create | Action::Update, Some(desired)) => {
                self.bring(change.live.clone(), desired).await
            }
            (_, None) => Err(Failure::failed(
                "internal",
                format!("The plan does not say what {} should be.", change.id),
            )),
        }
    }

    async fn delete(&self, id: &Id, data: bool) -> Result<(), Failure> {
        match retry::with(self.clock, || self.cloud.delete(id, data)).await {
            Ok(()) => Ok(()),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(about(&error, id)),
        }
    }

    /// Creates, or updates what is there. After a failure that may pass the state is read again: a call whose answer
    /// was lost has worked, and one of several calls may have.
    async fn bring(&self, live: Option<Resource>, desired: &Resource) -> Result<(), Failure> {
        let mut live = live;
        let mut retries = Retries::default();
        let mut tried = false;
        // Also what is only half made is new.
        self.made(desired.id.kind);
        loop {
            let result = match &live {
                None => self.cloud.create(desired).await,
                Some(live) => self.cloud.update(live, desired).await,
            };
            let Err(error) = result else {
                return Ok(());
            };
            if error.code == VERSION_JUMPED {
                self.note(&error.message);
                return Ok(());
            }
            let exists = error.kind == ErrorKind::Exists && live.is_none();
            if !exists {
                let made = self.kinds_made().clone();
                let Some(wait) = retries.next(&error, &made, self.clock) else {
                    return Err(about(&error, &desired.id));
                };
                if !self.cancel.is_cancelled() {
                    self.clock.sleep(wait).await;
                }
                if self.cancel.is_cancelled() {
                    return Err(about(&error, &desired.id));
                }
            } else if tried && live.is_some() {
                return Err(about(&error, &desired.id));
            }
            let ids = [desired.id.clone()];
            let there = live::read(self.cloud, &ids).await?.remove(&desired.id);
            match there {
                None if exists => return Err(about(&error, &desired.id)),
                None => live = None,
                Some(there) => {
                    let creating = live.is_none();
                    if !self.is_ours(&there, creating) {
                        return Err(about(&error, &desired.id));
                    }
                    let settled = creating || desired.secrets.is_empty();
                    if settled && as_wanted(self.desired, &there, desired) {
                        return Ok(());
                    }
                    live = Some(there);
                }
            }
            tried = true;
        }
    }

    /// Whether what is there is ours: each create says whose its work is, so only what is taken over lacks the tag.
    fn is_ours(&self, there: &Resource, creating: bool) -> bool {
        match there.tags.get(OWNER_TAG) {
            Some(owner) => *owner == self.desired.owner(),
            None => !creating || !there.id.kind.has_tags(),
        }
    }
}

fn about(error: &CloudError, id: &Id) -> Failure {
    let mut failure = live::failure(error);
    if failure.resource.is_none() {
        failure.resource = Some(id.to_string());
    }
    if error.code == "version-moved" {
        failure.help = Some(
            "Somebody else changed it at the same moment: look at the plan and run it again."
                .to_owned(),
        );
    }
    failure
}

/// `--no-run`: closes the way out of the first stage, stops the execution that the create started, and opens the way
/// again if that worked. Best effort: what fails is a note.
pub(super) async fn stop_first_executions(
    desired: &Desired,
    cloud: &dyn Cloud,
    settings: &Settings<'_>,
    events: &mut Events<'_>,
    outcome: &mut Outcome,
) {
    let created: Vec<Resource> = outcome
        .plan
        .changes
        .iter()
        .filter(|change| {
            change.id.kind == Kind::Pipeline
                && matches!(change.action, Action::Create | Action::Replace)
                && outcome.done.contains(&change.id)
        })
        .filter_map(|change| change.desired.clone())
        .collect();
    for pipeline in created {
        let text = match stop_first(desired, cloud, settings, &pipeline).await {
            Ok(text) => text,
            Err(error) => format!(
                "The first execution of {} could not be stopped: {error}",
                pipeline.id.name
            ),
        };
        events(Event::Note(text.clone()));
        outcome.notes.push(text);
    }
}

async fn stop_first(
    desired: &Desired,
    cloud: &dyn Cloud,
    settings: &Settings<'_>,
    pipeline: &Resource,
) -> Result<String, CloudError> {
    let name = &pipeline.id.name;
    let second = pipeline
        .body
        .pointer("/stages/1/name")
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default();
    let id = Id::new(
        Kind::StageTransition,
        pipeline.id.region.clone(),
        format!("{name} {second}"),
    );
    let transition = |enabled: bool| {
        Resource::new(
            id.clone(),
            serde_json::json!({"pipeline": name, "stage": second, "enabled": enabled, "reason": "pipectl apply --no-run"}),
        )
    };
    // A transition that the file itself closes stays closed.
    let of_the_file = desired.resources.iter().any(|resource| resource.id == id);
    if !of_the_file {
        cloud.update(&transition(true), &transition(false)).await?;
    }
    let stopped = stop_running(cloud, settings, name).await;
    if !of_the_file {
        // Also if the stop was refused: nobody asked for a closed way.
        let (closed, open) = (transition(false), transition(true));
        let opened = retry::with(settings.clock, || cloud.update(&closed, &open)).await;
        if let Err(mut error) = opened {
            error.message = format!(
                "{} The way into stage {second} stays closed; `pipectl enable` opens it.",
                error.message
            );
            return Err(error);
        }
    }
    Ok(match stopped? {
        0 => format!("No execution of {name} was running."),
        _ => format!("The first execution of {name} was stopped."),
    })
}

/// Stops what runs; how many that were.
async fn stop_running(
    cloud: &dyn Cloud,
    settings: &Settings<'_>,
    pipeline: &str,
) -> Result<usize, CloudError> {
    let mut stopped = 0;
    for execution in cloud.executions(pipeline, 10).await? {
        if execution.status == "InProgress" {
            retry::with(settings.clock, || {
                cloud.stop_execution(pipeline, &execution.id, true, "pipectl apply --no-run")
            })
            .await?;
            stopped += 1;
        }
    }
    Ok(stopped)
}
