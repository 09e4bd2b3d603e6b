//! What `plan`, `apply` and `destroy` share: the plan, the question, the work, and what is told afterwards.

use std::collections::BTreeSet;
use std::pin::{Pin, pin};
use std::time::Duration;

use serde_json::{Value, json};

use super::self_update::SelfUpdate;
use super::session::{Ready, Session};
use super::stops::Stops;
use super::{End, Setting, desired, given};
use crate::apply::clock::SystemClock;
use crate::apply::{self, Admit, CancellationFlag, Event, Holder, Outcome, Settings};
use crate::cli::ApplyFlags;
use crate::compile::{Compiled, told};
use crate::destroy;
use crate::error::{Exit, Failure};
use crate::lock::Lock;
use crate::plan::{self, Options, Plan};
use crate::report::plan::Header;
use crate::report::progress::Progress;
use crate::resources::{Desired, Id};

/// A plan, what it was made from, and the account it is for.
pub(super) struct Work {
    /// What should exist.
    pub(super) desired: Desired,
    /// What is to be done.
    pub(super) plan: Plan,
    /// For whom.
    pub(super) header: Header,
    /// The file and its account.
    pub(super) ready: Ready,
    /// Parameters of the command line.
    pub(super) params: Vec<(String, String)>,
    /// The self-update that this is, if it is one.
    pub(super) own: Option<SelfUpdate>,
}

/// What is done with a plan.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// The account becomes as the file says.
    Apply,
    /// What the file owns goes.
    Destroy,
}

/// How long `--wait` waits for another apply.
const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// How long the lock may take to be given back when nothing else is waited for.
const LAST_CALL: Duration = Duration::from_millis(900);
/// Between two looks at the lock.
const BETWEEN: Duration = Duration::from_secs(3);

/// The plan of an apply.
pub(super) async fn plan(session: &mut Session<'_>, flags: &ApplyFlags) -> Result<Work, End> {
    let mut own = SelfUpdate::under_way();
    let (compiled, ready) = desired::with_account(session, true).await?;
    let mut desired = match (&own, &flags.pipeline) {
        (Some(own), _) => compiled.only(own.pipeline()).ok_or_else(|| {
            Failure::failed(
                "self-update-gone",
                format!(
                    "the file of this commit has no pipeline {}, and a self-update neither deletes nor renames the pipeline it runs in",
                    own.pipeline()
                ),
            )
            .help("rename it at a desk, or bring the name back")
        })?,
        (None, Some(name)) => one_pipeline(&compiled, &ready, name)?,
        (None, None) => compiled.desired,
    };
    if let Some(own) = &mut own {
        own.enter(&mut desired, &ready.model);
    }
    let plan = match plan::make(&desired, ready.account.cloud.as_ref(), &options(flags)).await {
        Ok(plan) => plan,
        Err(failure) => {
            let of_s3 = |operation: &String| operation.starts_with("S3:");
            if failure.operation.as_ref().is_some_and(of_s3) {
                // A bucket that the file gives may be the reason: then its place is told.
                given::buckets(session, &ready, &desired).await?;
                session.end_on_errors(None)?;
            }
            return Err(failure.into());
        }
    };
    if !plan.is_empty() {
        given::check(session, &ready, &desired).await?;
    }
    session.print_warnings();
    Ok(Work {
        header: header(&desired, &ready),
        desired,
        plan,
        ready,
        params: session.params()?,
        own,
    })
}

/// What one pipeline needs, by its key in the file or its name in AWS.
fn one_pipeline(compiled: &Compiled, ready: &Ready, name: &str) -> Result<Desired, Failure> {
    let pipelines = &ready.model.pipelines;
    let found = pipelines
        .iter()
        .find(|pipeline| pipeline.name.value == name || pipeline.key.as_deref() == Some(name));
    found
        .and_then(|pipeline| compiled.only(&pipeline.name.value))
        .ok_or_else(|| {
            let names: Vec<&str> = pipelines
                .iter()
                .map(|pipeline| pipeline.key.as_deref().unwrap_or(&pipeline.name.value))
                .collect();
            Failure::usage(format!("the file has no pipeline `{name}`"))
                .help(format!("--pipeline {}", names.join(" or --pipeline ")))
        })
}

/// The plan of a destroy.
pub(super) async fn plan_destroy(
    session: &mut Session<'_>,
    delete_data: bool,
) -> Result<Work, End> {
    let (compiled, ready) = desired::with_account(session, false).await?;
    let desired = compiled.desired;
    let options = Options {
        delete_data,
        ..Options::default()
    };
    let plan = destroy::plan(&desired, ready.account.cloud.as_ref(), &options).await?;
    session.print_warnings();
    Ok(Work {
        header: header(&desired, &ready),
        desired,
        plan,
        ready,
        params: session.params()?,
        own: None,
    })
}

fn options(flags: &ApplyFlags) -> Options {
    Options {
        adopt: flags.adopt,
        prune: flags.prune,
        delete_data: flags.delete_data,
        no_run: flags.no_run,
    }
}

fn header(desired: &Desired, ready: &Ready) -> Header {
    Header {
        label: ready.account.cloud.label().to_owned(),
        account: desired.account.clone(),
        region: desired.region.clone(),
        stage: desired.stage.clone(),
        service: desired.service.clone(),
    }
}

/// The command line of a plan, for `apply PLANFILE`. Of a parameter that becomes a secret it holds the name only.
pub(super) fn arguments(setting: &Setting, flags: &ApplyFlags, work: &Work) -> Value {
    let global = &setting.global;
    let (params, withheld) = told(&work.ready.model, &work.params);
    let pair = |(name, value): &&(String, String)| format!("{name}={value}");
    let params: Vec<String> = params.iter().map(pair).collect();
    let withheld: Vec<&String> = withheld.iter().map(|(name, _)| name).collect();
    json!({
        "file": global.file,
        "region": global.region,
        "stage": global.stage,
        "profile": global.profile,
        "params": params,
        "withheld": withheld,
        "sandbox": global.sandbox,
        "endpointUrl": global.endpoint_url,
        "adopt": flags.adopt,
        "prune": flags.prune,
        "deleteData": flags.delete_data,
        "noRun": flags.no_run,
        "pipeline": flags.pipeline,
    })
}

/// Asks where asking is due. An error if nobody can be asked; `false` if the answer is no.
pub(super) fn agreed(
    setting: &Setting,
    plan: &Plan,
    yes: bool,
    always: bool,
    question: &str,
) -> Result<bool, Failure> {
    let why = plan.needs_confirmation();
    if yes || (why.is_empty() && !always) {
        return Ok(true);
    }
    if !setting.report.interactive {
        let message = if why.is_empty() {
            "this needs a yes, and there is no terminal to ask on".to_owned()
        } else {
            format!(
                "this needs a yes, and there is no terminal to ask on: {}",
                few(&why)
            )
        };
        return Err(Failure::usage(message)
            .help("nothing was changed; if the plan above is what you want, add --yes"));
    }
    if !why.is_empty() {
        setting.report.say(&few(&why));
    }
    Ok(setting.report.confirm(question))
}

/// The first of the reasons and how many more there are: the plan above has them all.
fn few(why: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = why[..why.len().min(SHOWN)].join(", ");
    match why.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown}, and {more} more"),
    }
}

/// Does the work and tells what was done.
pub(super) async fn perform(
    setting: &Setting,
    goal: Goal,
    work: &Work,
    admit: &Admit<'_>,
    confirmed: bool,
    break_lock: bool,
    wait: bool,
) -> Result<Outcome, End> {
    let cancel = CancellationFlag::default();
    let mut stop = pin!(interrupted_twice(setting, &cancel));
    let mut waited = Duration::ZERO;
    loop {
        let outcome = once(
            setting,
            goal,
            work,
            admit,
            confirmed,
            break_lock,
            &cancel,
            stop.as_mut(),
        )
        .await?;
        let locked = outcome.done.is_empty()
            && outcome
                .failures
                .first()
                .is_some_and(|failure| failure.code == "locked");
        if !wait || !locked || waited >= PATIENCE || cancel.is_cancelled() {
            return Ok(outcome);
        }
        if waited.is_zero() {
            setting
                .report
                .note("another apply is at work: waiting for it");
        }
        tokio::select! {
            () = tokio::time::sleep(BETWEEN) => {}
            () = stop.as_mut() => {
                return Err(stopped("stopped while waiting for another apply: nothing was changed".to_owned(), "the same command begins again"));
            }
        }
        waited += BETWEEN;
    }
}

#[expect(clippy::too_many_arguments, reason = "one call, from just above")]
async fn once(
    setting: &Setting,
    goal: Goal,
    work: &Work,
    admit: &Admit<'_>,
    confirmed: bool,
    break_lock: bool,
    cancel: &CancellationFlag,
    stop: Pin<&mut impl Future<Output = ()>>,
) -> Result<Outcome, End> {
    let report = &setting.report;
    let mut progress = Progress::new(report, &work.desired.region, work.plan.changes.len());
    let settings = Settings {
        confirmed,
        admit,
        break_lock,
        who: Holder::new(work.ready.identity.arn.clone(), &SystemClock),
        clock: &SystemClock,
    };
    let mut under_way = UnderWay::default();
    let cloud = work.ready.account.cloud.as_ref();
    let outcome = {
        let mut events = |event| {
            under_way.note(&event);
            progress.event(&event);
        };
        let work_is_done = async {
            match goal {
                Goal::Apply => {
                    apply::run(
                        &work.plan,
                        &work.desired,
                        cloud,
                        &settings,
                        &mut events,
                        cancel,
                    )
                    .await
                }
                Goal::Destroy => {
                    destroy::run(
                        &work.plan,
                        &work.desired,
                        cloud,
                        &settings,
                        &mut events,
                        cancel,
                    )
                    .await
                }
            }
        };
        tokio::select! {
            outcome = work_is_done => Some(outcome),
            () = stop => None,
        }
    };
    progress.finish();
    match outcome {
        Some(outcome) => Ok(outcome),
        None => Err(cut_off(work, &settings, &under_way).await),
    }
}

/// What was begun when everything ended at once, and how much was done before.
#[derive(Default)]
struct UnderWay {
    begun: BTreeSet<Id>,
    done: usize,
}

impl UnderWay {
    fn note(&mut self, event: &Event) {
        match event {
            Event::Started { id, .. } => {
                self.begun.insert(id.clone());
            }
            Event::Done { id, .. } => {
                self.begun.remove(id);
                self.done += 1;
            }
            Event::Failed { id, .. } | Event::Skipped { id, .. } => {
                self.begun.remove(id);
            }
            Event::Replanned(_) | Event::Note(_) => {}
        }
    }
}

/// Ends in the middle of calls: says which, and gives the lock back if that goes quickly.
async fn cut_off(work: &Work, settings: &Settings<'_>, under_way: &UnderWay) -> End {
    let give_back = Lock::give_back(
        work.ready.account.cloud.as_ref(),
        &work.desired.service,
        &work.desired.region,
        &settings.who,
        settings.clock,
    );
    let free = matches!(tokio::time::timeout(LAST_CALL, give_back).await, Ok(Ok(())));
    let begun: Vec<String> = under_way.begun.iter().map(ToString::to_string).collect();
    let done = match under_way.done {
        1 => "1 change was made".to_owned(),
        done => format!("{done} changes were made"),
    };
    let message = if begun.is_empty() {
        format!("stopped at once: {done}")
    } else {
        let begun = begun.join(", ");
        format!("stopped in the middle of {begun}: what became of it is not known; {done} before")
    };
    let help = if free {
        "the same command goes on from there".to_owned()
    } else {
        "the same command goes on from there. Its lock could not be given back in time: add --break-lock, or wait until it expires, ten minutes from now".to_owned()
    };
    stopped(message, &help)
}

fn stopped(message: String, help: &str) -> End {
    End::from(Failure {
        exit: Exit::Interrupted,
        ..Failure::failed("interrupted", message).help(help)
    })
}

/// The first Ctrl-C asks the work to stop between two calls; this ends at the second.
async fn interrupted_twice(setting: &Setting, cancel: &CancellationFlag) {
    let Ok(mut stops) = Stops::listen() else {
        // Without a handler Ctrl-C ends the program by itself.
        return std::future::pending().await;
    };
    stops.next().await;
    cancel.cancel();
    setting
        .report
        .say("stopping after the calls under way; Ctrl-C once more stops at once");
    stops.next().await;
}

/// Tells what was done and ends accordingly.
pub(super) fn tell(setting: &Setting, outcome: &Outcome) -> Exit {
    let report = &setting.report;
    for (_, failure) in &outcome.failed {
        report.failure_text(failure);
    }
    for failure in &outcome.failures {
        report.failure_text(failure);
    }
    if report.is_json() {
        let mut value = serde_json::to_value(outcome.to_json()).expect("output structs serialise");
        if let (Some(members), Some(failure)) = (value.as_object_mut(), outcome.failure()) {
            let error = serde_json::to_value(crate::report::json::failure(failure))
                .expect("output structs serialise");
            members.insert("error".to_owned(), error["error"].clone());
        }
        report.result_json(&value);
    } else if !outcome.plan.is_empty() || outcome.interrupted {
        report.result(&crate::report::plan::outcome(outcome));
    }
    outcome.exit()
}
