//! Several builds of one buildspec: a list, a graph, a matrix or a fan-out.
//!
//! docs.aws.amazon.com/codebuild/latest/userguide/batch-build-buildspec.html

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::{Value, json};

use super::environment::{Variable, VariableType};
use super::log::now;
use super::{
    Batch, BuildFailure, Event, Outcome, Request, Resolver, StopSignal, Stopper, What, cache, spec,
};
use crate::execution::build::{Build, BuildStatus, Phase, PhaseContext, PhaseType};
use crate::model::is_buildspec;
use crate::sandbox::archive::{self, Files, Links};
use crate::tree::Node;

/// One build of a batch.
#[derive(Debug, Clone, Default)]
struct Task {
    identifier: String,
    buildspec: Option<String>,
    depends_on: Vec<String>,
    ignore_failure: bool,
    /// Members of the project's environment that are others here.
    environment: BTreeMap<String, Value>,
    variables: Vec<(String, String)>,
}

/// What a `batch` block says.
#[derive(Debug, Default)]
struct Plan {
    fast_fail: bool,
    tasks: Vec<Task>,
}

/// Runs a batch.
pub(super) async fn run(
    request: Request,
    batch: Batch,
    resolver: &dyn Resolver,
    sink: &(dyn Fn(Event) + Send + Sync),
    stop: StopSignal,
) -> Outcome {
    let mut whole = Whole {
        outcome: Outcome {
            build: Build {
                id: request.build_id.clone(),
                arn: request.arn().replacen(":build/", ":build-batch/", 1),
                project_name: request.project_name().to_owned(),
                build_number: Some(request.build_number),
                start_time: Some(now()),
                resolved_source_version: request.facts.resolved_source_version.clone(),
                initiator: Some(request.facts.initiator.clone()),
                ..Build::default()
            },
            log: request.log_file(),
            ..Outcome::default()
        },
        sink,
    };
    whole.begin(PhaseType::Submitted);
    whole.end(BuildStatus::Succeeded, None);
    whole.begin(PhaseType::DownloadBatchspec);
    let plan = match plan(&request) {
        Ok(plan) => plan,
        Err(message) => {
            let context = PhaseContext {
                status_code: "BATCH_SPEC_VALIDATION_ERROR".to_owned(),
                message,
            };
            whole.end(BuildStatus::Failed, Some(context));
            return whole.finish(BuildStatus::Failed);
        }
    };
    whole.end(BuildStatus::Succeeded, None);
    whole.begin(PhaseType::InProgress);
    let (status, context) = tasks(&request, &plan, resolver, sink, stop, &mut whole.outcome).await;
    whole.end(status, context);
    if status == BuildStatus::Succeeded {
        whole.begin(PhaseType::CombineArtifacts);
        match hand_over(&request, batch, &mut whole.outcome) {
            Ok(()) => whole.end(BuildStatus::Succeeded, None),
            Err(error) => {
                let context = PhaseContext {
                    status_code: "INTERNAL_ERROR".to_owned(),
                    message: format!("the artifacts cannot be combined: {error}"),
                };
                whole.end(BuildStatus::Fault, Some(context));
                return whole.finish(BuildStatus::Fault);
            }
        }
    }
    whole.finish(status)
}

/// The batch as a build of its own.
struct Whole<'a> {
    outcome: Outcome,
    sink: &'a (dyn Fn(Event) + Send + Sync),
}

impl Whole<'_> {
    fn tell(&self, phase: &Phase) {
        (self.sink)(Event {
            task: None,
            what: What::Phase(phase.clone()),
        });
    }

    fn begin(&mut self, phase_type: PhaseType) {
        let phase = Phase {
            phase_type,
            phase_status: Some(BuildStatus::InProgress),
            start_time: Some(now()),
            end_time: None,
            contexts: Vec::new(),
        };
        self.tell(&phase);
        self.outcome.build.phases.push(phase);
    }

    fn end(&mut self, status: BuildStatus, context: Option<PhaseContext>) {
        let Some(mut phase) = self.outcome.build.phases.pop() else {
            return;
        };
        phase.phase_status = Some(status);
        phase.end_time = Some(now());
        if let Some(context) = context {
            if self.outcome.failure.is_none() {
                self.outcome.failure = Some(BuildFailure {
                    phase: phase.phase_type,
                    context: context.clone(),
                    command: None,
                    exit_code: None,
                    last_lines: Vec::new(),
                });
            }
            phase.contexts.push(context);
        }
        self.tell(&phase);
        self.outcome.build.phases.push(phase);
    }

    fn finish(mut self, status: BuildStatus) -> Outcome {
        self.outcome.build.build_status = status;
        self.outcome.build.end_time = Some(now());
        self.outcome
    }
}

/// Runs the tasks as their dependencies allow.
async fn tasks(
    request: &Request,
    plan: &Plan,
    resolver: &dyn Resolver,
    sink: &(dyn Fn(Event) + Send + Sync),
    mut stop: StopSignal,
    outcome: &mut Outcome,
) -> (BuildStatus, Option<PhaseContext>) {
    let (stopper, signal) = Stopper::new();
    let mut running = FuturesUnordered::new();
    let mut waiting: Vec<usize> = (0..plan.tasks.len()).collect();
    let mut ended: BTreeMap<usize, Outcome> = BTreeMap::new();
    // Whose dependents may run.
    let mut through: BTreeSet<&str> = BTreeSet::new();
    let mut blocked: BTreeSet<&str> = BTreeSet::new();
    let mut failed: Option<usize> = None;
    let mut stopped = false;
    loop {
        let stopping = stopped || (plan.fast_fail && failed.is_some());
        let mut still = Vec::new();
        for index in std::mem::take(&mut waiting) {
            let task = &plan.tasks[index];
            let needs = || task.depends_on.iter().map(String::as_str);
            if stopping || needs().any(|need| blocked.contains(need)) {
                blocked.insert(&task.identifier);
                ended.insert(index, skipped(request, task, stopping));
            } else if running.len() < request.limits.parallel.max(1)
                && needs().all(|need| through.contains(need))
            {
                let signal = signal.clone();
                running.push(async move {
                    let one = prepared(request, task).await;
                    let outcome = match one {
                        Ok(one) => Box::pin(super::run::run(&one, resolver, sink, signal)).await,
                        Err(error) => unprepared(request, task, &error),
                    };
                    (index, outcome)
                });
            } else {
                still.push(index);
            }
        }
        waiting = still;
        let next = tokio::select! {
            biased;
            () = stop.heard(), if !stopped => {
                stopped = true;
                stopper.stop();
                continue;
            }
            next = running.next() => next,
        };
        let Some((index, one)) = next else {
            if waiting.is_empty() {
                break;
            }
            // Blocked tasks block others, in whatever order they stand.
            continue;
        };
        let task = &plan.tasks[index];
        let good = one.build.build_status == BuildStatus::Succeeded;
        if good || task.ignore_failure {
            through.insert(&task.identifier);
        } else {
            blocked.insert(&task.identifier);
            failed.get_or_insert(index);
            if plan.fast_fail {
                stopper.stop();
            }
        }
        ended.insert(index, one);
    }
    let context = failed.and_then(|index| ended.get(&index)).map(|one| {
        let failure = one.failure.as_ref();
        PhaseContext {
            status_code: failure.map_or_else(String::new, |f| f.context.status_code.clone()),
            message: format!(
                "Build {} of the batch: {}",
                plan.tasks[failed.unwrap_or_default()].identifier,
                failure.map_or("it failed", |f| f.context.message.as_str())
            ),
        }
    });
    // What a person wants to see first is the failure of the build, not that of the batch.
    outcome.failure = failed
        .and_then(|index| ended.get(&index))
        .and_then(|one| one.failure.clone());
    let worst = failed
        .and_then(|index| ended.get(&index))
        .map(|one| one.build.build_status);
    for (index, one) in ended {
        outcome.reports.extend(one.reports.iter().cloned());
        outcome
            .builds
            .push((plan.tasks[index].identifier.clone(), one));
    }
    match (stopped, worst) {
        (true, _) => (BuildStatus::Stopped, None),
        (false, Some(BuildStatus::Stopped)) => (BuildStatus::Failed, context),
        (false, Some(status)) => (status, context),
        (false, None) => (BuildStatus::Succeeded, None),
    }
}

/// The folder of a task; identifiers hold nothing that a path could not.
fn folder(request: &Request, task: &Task) -> std::path::PathBuf {
    request.folder.join("batch").join(&task.identifier)
}

/// The request of one task, with a source of its own.
async fn prepared(request: &Request, task: &Task) -> io::Result<Request> {
    let mut one = request.clone();
    one.batch = None;
    one.task = Some(task.identifier.clone());
    one.folder = folder(request, task);
    one.build_id = format!("{}-{}", request.build_id, task.identifier);
    if let Some(buildspec) = &task.buildspec {
        one.overrides.buildspec = Some(buildspec.clone());
    }
    if let Some(environment) = one
        .project
        .get_mut("environment")
        .and_then(Value::as_object_mut)
    {
        for (key, value) in &task.environment {
            environment.insert(key.clone(), value.clone());
        }
    }
    let own = task.variables.iter().map(|(name, value)| Variable {
        name: name.clone(),
        value: value.clone(),
        kind: VariableType::Plaintext,
    });
    // What started the batch wins.
    one.overrides.variables = own
        .chain(std::mem::take(&mut one.overrides.variables))
        .collect();
    let sources = one.folder.join("src");
    let mut copies = vec![(request.source.clone(), sources.join("primary"))];
    one.source = sources.join("primary");
    for (identifier, path) in &mut one.secondary_sources {
        let target = sources.join("secondary").join(identifier);
        copies.push((path.clone(), target.clone()));
        *path = target;
    }
    let copied = tokio::task::spawn_blocking(move || {
        for (from, to) in copies {
            if let Some(parent) = to.parent() {
                fs::create_dir_all(parent)?;
            }
            cache::copy(&from, &to)?;
        }
        Ok::<_, io::Error>(())
    });
    copied.await.map_err(io::Error::other)??;
    Ok(one)
}

fn not_run(
    request: &Request,
    task: &Task,
    status: BuildStatus,
    code: &str,
    message: String,
) -> Outcome {
    let context = PhaseContext {
        status_code: code.to_owned(),
        message,
    };
    Outcome {
        build: Build {
            id: format!("{}-{}", request.build_id, task.identifier),
            project_name: request.project_name().to_owned(),
            build_status: status,
            start_time: Some(now()),
            end_time: Some(now()),
            ..Build::default()
        },
        failure: Some(BuildFailure {
            phase: PhaseType::Queued,
            context,
            command: None,
            exit_code: None,
            last_lines: Vec::new(),
        }),
        ..Outcome::default()
    }
}

fn skipped(request: &Request, task: &Task, stopping: bool) -> Outcome {
    let why = if stopping {
        "the batch was stopped before it began"
    } else {
        "a build it depends on did not succeed"
    };
    not_run(
        request,
        task,
        BuildStatus::Stopped,
        "STOPPED",
        why.to_owned(),
    )
}

fn unprepared(request: &Request, task: &Task, error: &io::Error) -> Outcome {
    let message = format!("its source cannot be copied: {error}");
    not_run(request, task, BuildStatus::Fault, "INTERNAL_ERROR", message)
}

/// The artifacts of the batch: those of each build under its identifier, or all of them as one.
/// docs.aws.amazon.com/codebuild/latest/userguide/sample-codepipeline.html#sample-pipeline-batch
fn hand_over(request: &Request, batch: Batch, outcome: &mut Outcome) -> io::Result<()> {
    if !batch.combine_artifacts {
        for (identifier, one) in &outcome.builds {
            let own = one.artifact.iter().map(|path| (identifier.clone(), path));
            let others = one
                .secondary_artifacts
                .iter()
                .map(|(name, path)| (format!("{identifier}_{name}"), path));
            for (name, path) in own.chain(others) {
                outcome.secondary_artifacts.insert(name, path.clone());
            }
        }
        return Ok(());
    }
    let target = request.folder.join("artifacts");
    fs::create_dir_all(&target)?;
    let primary: Vec<&Path> = outcome
        .builds
        .iter()
        .filter_map(|(_, one)| one.artifact.as_deref())
        .collect();
    if !primary.is_empty() {
        let file = target.join("combined.zip");
        combine(&primary, &file)?;
        outcome.artifact = Some(file);
    }
    let names: BTreeSet<String> = outcome
        .builds
        .iter()
        .flat_map(|(_, one)| one.secondary_artifacts.keys().cloned())
        .collect();
    for (index, name) in names.into_iter().enumerate() {
        let parts: Vec<&Path> = outcome
            .builds
            .iter()
            .filter_map(|(_, one)| {
                one.secondary_artifacts
                    .get(&name)
                    .map(std::path::PathBuf::as_path)
            })
            .collect();
        let file = target.join(format!("combined-{index}.zip"));
        combine(&parts, &file)?;
        outcome.secondary_artifacts.insert(name, file);
    }
    Ok(())
}

/// Several archives as one; where they share a name the later build has it.
fn combine(parts: &[&Path], target: &Path) -> io::Result<()> {
    let staging = tempfile::tempdir_in(target.parent().unwrap_or(Path::new(".")))?;
    let mut files = Files::new();
    for (index, part) in parts.iter().enumerate() {
        let folder = staging.path().join(index.to_string());
        archive::unpack(part, &folder)?;
        files.extend(archive::entries_below(&folder, &[], Links::Keep)?);
    }
    archive::pack(target, &files, Links::Keep)
}

// ---- what the buildspec says

fn plan(request: &Request) -> Result<Plan, String> {
    let given = request.overrides.buildspec.clone();
    let given = given.or_else(|| request.text("/source/buildspec"));
    let (name, text) = match given.filter(|text| !text.trim().is_empty()) {
        Some(text) if is_buildspec(&text) => ("buildspec".to_owned(), text),
        path => {
            let path = path.unwrap_or_else(|| "buildspec.yml".to_owned());
            let text = fs::read_to_string(request.source.join(&path))
                .map_err(|error| format!("{path}: {error}"))?;
            (path, text)
        }
    };
    let spec = spec::read(&name, &text)?;
    let Some(block) = spec.batch else {
        return Err("the buildspec has no `batch`, and a batch was asked for".to_owned());
    };
    let mut plan = Plan {
        fast_fail: is_true(block.get("fast-fail")),
        tasks: Vec::new(),
    };
    let forms = &crate::catalog::buildspec::buildspec().batch.exactly_one_of;
    let found: Vec<&String> = forms
        .iter()
        .filter(|form| block.get(form).is_some())
        .collect();
    let [form] = found[..] else {
        return Err(format!("a batch has exactly one of {}", forms.join(", ")));
    };
    let node = block.get(form).ok_or("it is empty")?;
    plan.tasks = match form.as_str() {
        "build-matrix" => matrix(node)?,
        "build-fanout" => fanout(node)?,
        _ => listed(node)?,
    };
    check(request, &plan)?;
    Ok(plan)
}

fn check(request: &Request, plan: &Plan) -> Result<(), String> {
    let rule = &crate::catalog::buildspec::buildspec().batch.identifier;
    let mut known = BTreeSet::new();
    for task in &plan.tasks {
        let name = task.identifier.as_str();
        if rule.check(name).is_err() {
            return Err(format!("`{name}` is no identifier: letters, digits and _"));
        }
        if !known.insert(name) {
            return Err(format!("two builds of the batch are called `{name}`"));
        }
    }
    for task in &plan.tasks {
        if let Some(need) = task.depends_on.iter().find(|n| !known.contains(n.as_str())) {
            return Err(format!(
                "`{}` depends on `{need}`, which the batch does not have",
                task.identifier
            ));
        }
    }
    // Whoever waits for nobody goes; who is left waits for himself.
    let mut left: Vec<&Task> = plan.tasks.iter().collect();
    let mut gone: BTreeSet<&str> = BTreeSet::new();
    loop {
        let before = left.len();
        left.retain(|task| {
            let ready = task.depends_on.iter().all(|n| gone.contains(n.as_str()));
            if ready {
                gone.insert(&task.identifier);
            }
            !ready
        });
        if left.is_empty() {
            break;
        }
        if left.len() == before {
            let names: Vec<_> = left.iter().map(|task| task.identifier.as_str()).collect();
            return Err(format!(
                "these builds wait for each other: {}",
                names.join(", ")
            ));
        }
    }
    let most = request
        .project
        .pointer("/buildBatchConfig/restrictions/maximumBuildsAllowed")
        .and_then(Value::as_u64);
    match most {
        Some(most) if plan.tasks.len() as u64 > most => Err(format!(
            "the batch has {} builds; the project allows {most}",
            plan.tasks.len()
        )),
        _ if plan.tasks.is_empty() => Err("the batch has no builds".to_owned()),
        _ => Ok(()),
    }
}

fn is_true(node: Option<&Node>) -> bool {
    let text = node.and_then(Node::scalar_text).unwrap_or_default();
    matches!(text.to_ascii_lowercase().as_str(), "true" | "yes")
}

fn text(node: &Node, key: &str) -> Option<String> {
    node.get(key).and_then(Node::scalar_text)
}

fn texts(node: Option<&Node>) -> Vec<String> {
    match node {
        Some(node) if node.as_list().is_some() => node
            .as_list()
            .unwrap_or_default()
            .iter()
            .filter_map(Node::scalar_text)
            .collect(),
        Some(node) => node.scalar_text().into_iter().collect(),
        None => Vec::new(),
    }
}

fn listed(node: &Node) -> Result<Vec<Task>, String> {
    let items = node.as_list().ok_or("the builds of a batch are a list")?;
    let mut tasks = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let mut task = Task {
            identifier: text(item, "identifier").unwrap_or_else(|| format!("build{index}")),
            buildspec: text(item, "buildspec"),
            depends_on: texts(item.get("depend-on")),
            ignore_failure: is_true(item.get("ignore-failure")),
            ..Task::default()
        };
        if let Some(env) = item.get("env") {
            environment(env, &mut task);
        }
        tasks.push(task);
    }
    Ok(tasks)
}

/// `env` of a task: what it changes about the machine, and variables.
fn environment(env: &Node, task: &mut Task) {
    for (key, member) in [
        ("compute-type", "computeType"),
        ("image", "image"),
        ("type", "type"),
    ] {
        if let Some(value) = text(env, key) {
            task.environment.insert(member.to_owned(), json!(value));
        }
    }
    if env.get("privileged-mode").is_some() {
        let value = json!(is_true(env.get("privileged-mode")));
        task.environment.insert("privilegedMode".to_owned(), value);
    }
    let variables = env.get("variables").and_then(Node::as_map);
    for entry in variables.unwrap_or_default() {
        let value = entry.value.scalar_text().unwrap_or_default();
        task.variables.push((entry.key.clone(), value));
    }
}

/// Every combination of what a matrix lists.
fn matrix(node: &Node) -> Result<Vec<Task>, String> {
    let mut tasks = vec![Task::default()];
    if let Some(fixed) = node.get("static") {
        tasks[0].ignore_failure = is_true(fixed.get("ignore-failure"));
        if let Some(env) = fixed.get("env") {
            environment(env, &mut tasks[0]);
        }
    }
    let mut vary = |values: Vec<String>, set: &dyn Fn(&mut Task, String)| {
        if values.is_empty() {
            return;
        }
        tasks = std::mem::take(&mut tasks)
            .into_iter()
            .flat_map(|task| {
                values.iter().map(move |value| {
                    let mut one = task.clone();
                    set(&mut one, value.clone());
                    one
                })
            })
            .collect();
    };
    let dynamic = node.get("dynamic").ok_or("a matrix has a `dynamic` part")?;
    vary(texts(dynamic.get("buildspec")), &|task, value| {
        task.buildspec = Some(value);
    });
    if let Some(env) = dynamic.get("env") {
        for (key, member) in [("compute-type", "computeType"), ("image", "image")] {
            vary(texts(env.get(key)), &|task, value| {
                task.environment.insert(member.to_owned(), json!(value));
            });
        }
        let variables = env.get("variables").and_then(Node::as_map);
        for entry in variables.unwrap_or_default() {
            vary(texts(Some(&entry.value)), &|task, value| {
                task.variables.push((entry.key.clone(), value));
            });
        }
    }
    for (index, task) in tasks.iter_mut().enumerate() {
        task.identifier = format!("build{index}");
    }
    Ok(tasks)
}

/// So many builds that are the same.
fn fanout(node: &Node) -> Result<Vec<Task>, String> {
    let number = text(node, "parallelism").and_then(|text| text.parse::<usize>().ok());
    let number = number
        .filter(|number| (1..=100).contains(number))
        .ok_or("`parallelism` is a number from 1 to 100")?;
    let ignore_failure = is_true(node.get("ignore-failure"));
    Ok((0..number)
        .map(|index| Task {
            identifier: format!("build{index}"),
            ignore_failure,
            ..Task::default()
        })
        .collect())
}
