//! Actions, rules and stand-ins that are builds: what the executor is given, and what comes of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::{Value, json};

use super::super::build::{
    self, Batch, Event, Facts, Limits, Outcome, Request, Resolver, Stopper, Variable, VariableType,
    What as Happened,
};
use super::super::store::{self, now_ms};
use super::super::{ACCOUNT, PARTITION, Sandbox, view};
use super::builds::{self, BuildRow};
use super::drive::{What, Work};
use super::end::{End, Ended};
use super::rows;
use super::structure::{Action, Artifact, EnvironmentVariable};
use crate::execution::build::{Build, BuildStatus, LogsLocation};
use crate::execution::{ArtifactDetail, Time};
use crate::resources::{Id, Kind};
use crate::tree::{Secret, SecretReference, SecretService};

/// The variable that says that a build updates its own pipeline.
const SELF_UPDATE: &str = "PIPECTL_SELF_UPDATE";

/// What is to be built.
struct Plan {
    project: Value,
    name: String,
    buildspec: Option<String>,
    variables: Vec<Variable>,
    /// Input artifacts, the primary one first.
    inputs: Vec<String>,
    outputs: Vec<Artifact>,
    batch: Option<Batch>,
    /// A folder that is there, in place of the first input artifact.
    folder: Option<PathBuf>,
    /// The log group, where it is not that of the project.
    log_group: Option<String>,
    /// More variables around the build.
    passed: BTreeMap<String, String>,
    self_update: bool,
}

/// Reads the account's own parameters and secrets.
struct Values<'a> {
    sandbox: &'a Sandbox,
    region: String,
}

impl Values<'_> {
    fn secret(&self, service: SecretService, name: &str, value: &str) -> Secret {
        let reference = SecretReference {
            service,
            name: name.to_owned(),
            key: None,
            region: self.region.clone(),
            fingerprint: String::new(),
        };
        Secret::new(value, reference)
    }
}

#[async_trait]
impl Resolver for Values<'_> {
    async fn parameter(&self, name: &str) -> Result<Option<Secret>, String> {
        let mut found = self
            .sandbox
            .get_parameters(&self.region, &[name.to_owned()], true);
        let found = found
            .pop()
            .transpose()
            .map_err(|error| error.message)?
            .flatten();
        Ok(found.map(|found| self.secret(SecretService::ParameterStore, name, &found.value)))
    }

    async fn secret(
        &self,
        id: &str,
        _stage: Option<&str>,
        _version: Option<&str>,
    ) -> Result<Option<Secret>, String> {
        let mut found = self.sandbox.get_secrets(&self.region, &[id.to_owned()]);
        let found = found
            .pop()
            .transpose()
            .map_err(|error| error.message)?
            .flatten();
        Ok(found.map(|found| self.secret(SecretService::SecretsManager, id, &found.value)))
    }
}

/// A build under way: what the database knows of it, and that it says so when nobody runs it any more.
struct Watched<'a> {
    sandbox: &'a Sandbox,
    work: &'a Work,
    region: String,
    log: String,
    folder: PathBuf,
    self_update: bool,
    group: Option<String>,
    build: Mutex<Build>,
    over: bool,
}

impl Watched<'_> {
    fn save(&self, build: &Build) {
        let row = BuildRow {
            build,
            region: &self.region,
            execution: &self.work.run.id,
            run: &self.work.id,
            log: &self.log,
            self_update: self.self_update,
        };
        // A view of the build that cannot be written is no reason to end it.
        let _ = self.sandbox.transaction(None, |tx| Ok(row.save(tx)?));
    }

    fn seen(&self, event: Event) {
        if let (None, Happened::Phase(phase)) = (event.task, event.what) {
            let mut build = self.build.lock().unwrap_or_else(PoisonError::into_inner);
            match build
                .phases
                .iter_mut()
                .find(|known| known.phase_type == phase.phase_type)
            {
                Some(known) => *known = phase,
                None => build.phases.push(phase),
            }
            self.save(&build);
        }
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        if !self.over {
            let _ = self.sandbox.transaction(None, |tx| {
                builds::lose(tx, &self.work.id, BuildStatus::Stopped)
            });
        }
        tidy(&self.folder);
    }
}

/// What is left of a build's folder is its log.
fn tidy(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            let _ = std::fs::remove_dir_all(&path);
        }
    }
}

impl Sandbox {
    /// docs:action-reference-CodeBuild.
    pub(super) async fn code_build(&self, work: &Work) -> Ended {
        let (inputs, outputs, region) = match &work.what {
            What::Action(action) => (
                &action.input_artifacts,
                action.output_artifacts.clone(),
                &action.region,
            ),
            What::Rule(rule) => (&rule.input_artifacts, Vec::new(), &rule.region),
        };
        let region = region.clone().unwrap_or_else(|| work.run.region.clone());
        let name = work
            .get("ProjectName")
            .ok_or_else(|| End::wrong("ProjectName is missing"))?;
        let project = self.project(&region, name)?;
        let mut inputs: Vec<String> = inputs.iter().map(|input| input.name.clone()).collect();
        if let Some(primary) = work.get("PrimarySource") {
            let at = inputs
                .iter()
                .position(|input| input == primary)
                .ok_or_else(|| {
                    End::wrong(format!(
                        "PrimarySource {primary} is no input artifact of {}",
                        work.name()
                    ))
                })?;
            inputs[..=at].rotate_right(1);
        }
        let variables = match work.get("EnvironmentVariables") {
            None => Vec::new(),
            Some(text) => {
                let list: Vec<Value> = serde_json::from_str(text).map_err(|error| {
                    End::wrong(format!(
                        "EnvironmentVariables is no JSON list of variables: {error}"
                    ))
                })?;
                list.iter().filter_map(Variable::of).collect()
            }
        };
        let batch = (work.get("BatchEnabled") == Some("true")).then(|| Batch {
            combine_artifacts: work.get("CombineArtifacts") == Some("true"),
        });
        let mut plan = Plan {
            name: name.to_owned(),
            buildspec: work.get("BuildspecOverride").map(ToOwned::to_owned),
            project,
            variables,
            inputs,
            outputs,
            batch,
            folder: None,
            log_group: None,
            passed: BTreeMap::new(),
            self_update: false,
        };
        self.make_self_update(&mut plan)?;
        self.build(work, plan, &region).await
    }

    /// docs:action-reference-Commands: a build of commands without a project.
    pub(super) async fn commands(
        &self,
        work: &Work,
        commands: &[String],
        variables: &[EnvironmentVariable],
        exported: &[String],
    ) -> Ended {
        let (inputs, outputs, region) = match &work.what {
            What::Action(action) => (
                &action.input_artifacts,
                action.output_artifacts.clone(),
                &action.region,
            ),
            What::Rule(rule) => (&rule.input_artifacts, Vec::new(), &rule.region),
        };
        let region = region.clone().unwrap_or_else(|| work.run.region.clone());
        let resolved = |text: &String| {
            work.scope.resolve(text).map_err(|unresolved| {
                End::wrong(format!("{} could not be resolved", unresolved.reference))
            })
        };
        let commands: Vec<String> = match &work.what {
            // an example of the page has `#{codepipeline.PipelineExecutionId}` in a command
            What::Action(_) => commands.iter().map(resolved).collect::<Result<_, _>>()?,
            What::Rule(_) => commands.to_vec(),
        };
        let mut all = Vec::new();
        for variable in variables {
            all.push(Variable {
                name: variable.name.clone(),
                value: resolved(&variable.value)?,
                kind: match variable.kind.as_deref() {
                    Some("SECRETS_MANAGER") => VariableType::SecretsManager,
                    _ => VariableType::Plaintext,
                },
            });
        }
        let plan = Plan {
            name: work.pipeline.name.clone(),
            project: json!({"name": work.pipeline.name}),
            buildspec: Some(buildspec(&commands, exported, &outputs)),
            variables: all,
            inputs: inputs.iter().map(|input| input.name.clone()).collect(),
            outputs,
            batch: None,
            folder: None,
            log_group: Some(
                crate::catalog::structure::structure()
                    .log_group
                    .replace("{pipeline}", &work.pipeline.name),
            ),
            passed: BTreeMap::new(),
            self_update: false,
        };
        self.build(work, plan, &region).await
    }

    /// A command of `sandbox.yml` in place of an action or rule.
    pub(super) async fn stand_in_command(&self, work: &Work, command: &str) -> Ended {
        let exported = match &work.what {
            What::Action(action) => action.output_variables.clone(),
            What::Rule(_) => Vec::new(),
        };
        let mut end = self
            .commands(work, &[command.to_owned()], &[], &exported)
            .await?;
        end.summary = Some(format!("sandbox.yml: {command}"));
        Ok(end)
    }

    /// A script of a deployment, in a folder.
    pub(super) async fn script(
        &self,
        work: &Work,
        command: &str,
        variables: BTreeMap<String, String>,
        folder: &Path,
    ) -> Result<(), End> {
        let variables = variables.into_iter().map(|(name, value)| Variable {
            name,
            value,
            kind: VariableType::Plaintext,
        });
        let plan = Plan {
            name: format!("{}-{}", work.pipeline.name, work.name()),
            project: json!({}),
            buildspec: Some(buildspec(&[command.to_owned()], &[], &[])),
            variables: variables.collect(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            batch: None,
            folder: Some(folder.to_owned()),
            log_group: Some(format!("/aws/codedeploy/{}", work.name())),
            passed: BTreeMap::new(),
            self_update: false,
        };
        let end = self.build(work, plan, &work.run.region).await?;
        if end.error.is_some() {
            Err(end)
        } else {
            Ok(())
        }
    }

    /// A project as CreateProject takes it.
    fn project(&self, region: &str, name: &str) -> Result<Value, End> {
        let found = self.reading(None, |db| {
            let row = store::row(db, Kind::Project.as_str(), region, name)?;
            Ok(row.map(|row| view::body(&Id::new(Kind::Project, region, name), &row)))
        });
        match found {
            Ok(Some(project)) => Ok(project),
            Ok(None) => Err(End::failed(
                "JobFailed",
                format!(
                    "Error calling startBuild: Project cannot be found: arn:{PARTITION}:codebuild:{region}:{ACCOUNT}:project/{name}"
                ),
            )),
            Err(error) => Err(End::failed("SystemUnavailable", error.message)),
        }
    }

    /// A build that updates its own pipeline gets this pipectl in place of the one it would fetch, and this account.
    fn make_self_update(&self, plan: &mut Plan) -> Result<(), End> {
        let text = plan
            .project
            .pointer("/source/buildspec")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if !text.contains(SELF_UPDATE) {
            return Ok(());
        }
        let Ok(mut spec) = serde_yaml::from_str::<Value>(text) else {
            return Ok(());
        };
        if spec
            .pointer("/env/variables")
            .and_then(|variables| variables.get(SELF_UPDATE))
            .is_none()
        {
            return Ok(());
        }
        let failed = |error: std::io::Error| End::failed("SystemUnavailable", error.to_string());
        let program = match &self.drive.pipectl {
            Some(program) => program.clone(),
            None => std::env::current_exe().map_err(failed)?,
        };
        let program = crate::compile::shell_word(&program.to_string_lossy());
        if let Some(phases) = spec["phases"].as_object_mut() {
            phases.shift_remove("install");
        }
        for command in spec["phases"]["build"]["commands"]
            .as_array_mut()
            .into_iter()
            .flatten()
        {
            let text = command.as_str().unwrap_or_default();
            // The first word is the program that was fetched.
            if let Some((_, rest)) = text.split_once(' ') {
                *command = Value::from(format!("{program} {rest}"));
            }
        }
        let folder = std::path::absolute(&self.folder).map_err(failed)?;
        plan.passed.insert(
            "PIPECTL_SANDBOX".to_owned(),
            folder.to_string_lossy().into_owned(),
        );
        if let Ok(other) = std::env::var("PIPECTL_BINARY") {
            plan.passed.insert("PIPECTL_BINARY".to_owned(), other);
        }
        plan.buildspec = Some(spec.to_string());
        plan.self_update = true;
        Ok(())
    }

    async fn build(&self, work: &Work, mut plan: Plan, region: &str) -> Ended {
        let system = |text: String| End::failed("SystemUnavailable", text);
        let (uuid, number) = self
            .transaction(None, |tx| {
                Ok((store::uuid(tx)?, builds::number(tx, region, &plan.name)?))
            })
            .map_err(|error| system(error.message))?;
        let relative = format!("builds/{uuid}");
        let folder = self.folder.join(&relative);
        let source = folder.join("src");
        std::fs::create_dir_all(&source)
            .map_err(|error| system(format!("{}: {error}", source.display())))?;
        let source = plan.folder.take().unwrap_or(source);
        let source = std::fs::canonicalize(&source).map_err(|error| system(error.to_string()))?;
        let mut secondary = BTreeMap::new();
        for (index, input) in plan.inputs.iter().enumerate() {
            let target = if index == 0 {
                source.clone()
            } else {
                folder.join("sources").join(input)
            };
            std::fs::create_dir_all(&target).map_err(|error| system(error.to_string()))?;
            self.unpack_input(work, input, target.clone()).await?;
            if index > 0 {
                let target =
                    std::fs::canonicalize(&target).map_err(|error| system(error.to_string()))?;
                secondary.insert(input.clone(), target);
            }
        }
        for name in &self.seed.pass_env {
            if let Ok(value) = std::env::var(name) {
                plan.passed.insert(name.clone(), value);
            }
        }
        // The account may lie in a repository; what is built here is no part of it.
        let ceilings = [&self.folder, &folder].map(|path| std::fs::canonicalize(path).ok());
        if matches!(self.drive.executor, build::Executor::Host)
            && let Ok(ceilings) = std::env::join_paths(ceilings.into_iter().flatten())
        {
            let ceilings = ceilings.to_string_lossy().into_owned();
            plan.passed
                .insert("GIT_CEILING_DIRECTORIES".to_owned(), ceilings);
        }
        let build_id = format!("{}:{uuid}", plan.name);
        let group = plan.log_group.clone();
        let request = Request {
            build_id: build_id.clone(),
            build_number: number,
            project: plan.project,
            overrides: build::Overrides {
                variables: plan.variables,
                buildspec: plan.buildspec,
            },
            source,
            secondary_sources: secondary,
            facts: Facts {
                partition: PARTITION.to_owned(),
                region: region.to_owned(),
                account: ACCOUNT.to_owned(),
                initiator: format!("codepipeline/{}", work.pipeline.name),
                resolved_source_version: self.version_of(work, plan.inputs.first()),
                source_version: None,
                source_repo_url: None,
            },
            folder: folder.clone(),
            cache: Some(self.folder.join("caches").join(region).join(&plan.name)),
            passed: plan.passed,
            executor: self.drive.executor.clone(),
            limits: Limits::default(),
            batch: plan.batch,
            task: None,
            program: self.drive.pipectl.clone(),
        };
        let first = Build {
            id: build_id.clone(),
            arn: format!("arn:{PARTITION}:codebuild:{region}:{ACCOUNT}:build/{build_id}"),
            project_name: plan.name.clone(),
            build_number: Some(number),
            start_time: Some(Time(now_ms())),
            logs: LogsLocation {
                group_name: Some(group.clone().unwrap_or_else(|| request.log_group())),
                stream_name: Some(uuid.clone()),
                deep_link: None,
            },
            initiator: Some(request.facts.initiator.clone()),
            ..Build::default()
        };
        let mut watched = Watched {
            sandbox: self,
            work,
            region: region.to_owned(),
            log: format!("{relative}/build.log"),
            folder,
            self_update: plan.self_update,
            group,
            build: Mutex::new(first.clone()),
            over: false,
        };
        if request.batch.is_none() {
            watched.save(&first);
        }
        self.tell_external(work, &first);
        let values = Values {
            sandbox: self,
            region: region.to_owned(),
        };
        // Whoever drops this ends the build; nobody else stops it.
        let (_stopper, stop) = Stopper::new();
        let outcome = build::run(request, &values, &|event| watched.seen(event), stop).await;
        watched.over = true;
        let batch = plan.batch.is_some();
        self.built(work, &watched, outcome, &plan.outputs, batch)
    }

    /// Tells at once which build an action waits for, so that its log can be followed.
    fn tell_external(&self, work: &Work, build: &Build) {
        let _ = self.transaction(None, |tx| {
            if let Some(mut row) = rows::action_run(tx, &work.id)? {
                row.output.execution_result.external_execution_id = Some(build.id.clone());
                row.save(tx)?;
            }
            if let Some(mut row) = rows::rule_run(tx, &work.id)? {
                row.output.execution_result.external_execution_id = Some(build.id.clone());
                row.save(tx)?;
            }
            Ok(())
        });
    }

    /// The revision of the source whose artifact is built: CODEBUILD_RESOLVED_SOURCE_VERSION.
    fn version_of(&self, work: &Work, input: Option<&String>) -> Option<String> {
        let run = self
            .reading(None, |db| Ok(rows::run(db, &work.run.id)?))
            .ok()
            .flatten()?;
        let stage = work.pipeline.stages.first()?;
        let made_by = |name: &String| {
            let makes = |action: &&Action| {
                action
                    .output_artifacts
                    .iter()
                    .any(|output| output.name == *name)
            };
            stage
                .actions
                .iter()
                .find(makes)
                .map(|action| action.name.clone())
        };
        let action = input.and_then(made_by);
        let of = run
            .revisions
            .iter()
            .find(|revision| Some(&revision.action_name) == action.as_ref());
        of.or_else(|| run.revisions.first())?.revision_id.clone()
    }

    fn built(
        &self,
        work: &Work,
        watched: &Watched<'_>,
        mut outcome: Outcome,
        outputs: &[Artifact],
        batch: bool,
    ) -> Ended {
        if let Some(group) = &watched.group {
            outcome.build.logs.group_name = Some(group.clone());
        }
        self.keep(watched, &mut outcome);
        let id = outcome.build.id.clone();
        let mut end = if outcome.build.build_status == BuildStatus::Succeeded {
            let mut end = End::default();
            let exported = outcome.build.exported_environment_variables.iter();
            end.variables = exported
                .map(|variable| (variable.name.clone(), variable.value.clone()))
                .collect();
            match self.hand_on(work, &outcome, outputs, batch) {
                Ok(artifacts) => end.artifacts = artifacts,
                Err(failed) => end = failed,
            }
            end
        } else {
            End::failed("JobFailed", said(&outcome))
        };
        end.result.external_execution_id = Some(id);
        end.result.log_stream_arn = watched.group.as_ref().map(|group| {
            let stream = outcome.build.logs.stream_name.clone().unwrap_or_default();
            format!(
                "arn:{PARTITION}:logs:{}:{ACCOUNT}:log-group:{group}:log-stream:{stream}",
                watched.region
            )
        });
        Ok(end)
    }

    /// Writes a build that is over, its reports, and the builds of a batch.
    fn keep(&self, watched: &Watched<'_>, outcome: &mut Outcome) {
        let batch = outcome
            .build
            .arn
            .contains(":build-batch/")
            .then(|| outcome.build.arn.clone());
        let mut all = Vec::new();
        for (_, mut one) in std::mem::take(&mut outcome.builds) {
            one.build.build_batch_arn = batch.clone().or(one.build.build_batch_arn);
            all.push(one);
        }
        let reports = |one: &mut Outcome| {
            let uuid = one
                .build
                .id
                .rsplit(':')
                .next()
                .unwrap_or_default()
                .to_owned();
            for report in &mut one.reports {
                let group = format!("{}-{}", one.build.project_name, report.name);
                let arn = |kind: &str| {
                    format!(
                        "arn:{PARTITION}:codebuild:{}:{ACCOUNT}:{kind}",
                        watched.region
                    )
                };
                report.report_group_arn = format!("{}/{group}", arn("report-group"));
                report.arn = format!("{}/{group}:{uuid}", arn("report"));
                report.execution_id.clone_from(&one.build.arn);
                one.build.report_arns.push(report.arn.clone());
            }
        };
        reports(outcome);
        all.iter_mut().for_each(reports);
        let base = std::path::absolute(&self.folder).unwrap_or_else(|_| self.folder.clone());
        let _ = self.transaction(None, |tx| {
            for one in all.iter().chain(batch.is_none().then_some(&*outcome)) {
                let log = std::path::absolute(&one.log).unwrap_or_else(|_| one.log.clone());
                let log = log
                    .strip_prefix(&base)
                    .unwrap_or(&log)
                    .to_string_lossy()
                    .into_owned();
                let row = BuildRow {
                    build: &one.build,
                    region: &watched.region,
                    execution: &watched.work.run.id,
                    run: &watched.work.id,
                    log: &log,
                    self_update: watched.self_update,
                };
                row.save(tx)?;
            }
            for report in all
                .iter()
                .flat_map(|one| &one.reports)
                .chain(&outcome.reports)
            {
                builds::save_report(tx, report)?;
            }
            Ok(())
        });
    }

    /// The artifacts of a build under the names of the action: one output is the primary artifact, of several each is a
    /// secondary one.
    fn hand_on(
        &self,
        work: &Work,
        outcome: &Outcome,
        outputs: &[Artifact],
        batch: bool,
    ) -> Result<Vec<ArtifactDetail>, End> {
        let mut artifacts = Vec::new();
        for output in outputs {
            let made = match outputs {
                [_] => outcome
                    .artifact
                    .as_ref()
                    .or_else(|| outcome.secondary_artifacts.get(&output.name)),
                _ => outcome
                    .secondary_artifacts
                    .get(&output.name)
                    .or(outcome.artifact.as_ref().filter(|_| batch)),
            };
            let made = made.ok_or_else(|| {
                End::failed(
                    "JobFailed",
                    format!(
                        "The build made no artifact {}: its buildspec has no definition for uploaded artifacts of that name",
                        output.name
                    ),
                )
            })?;
            let artifact = self.new_artifact(work, &output.name)?;
            let file = self.file_of(&artifact)?;
            let moved =
                std::fs::rename(made, &file).or_else(|_| std::fs::copy(made, &file).map(|_| ()));
            moved.map_err(|error| {
                End::failed("SystemUnavailable", format!("{}: {error}", file.display()))
            })?;
            artifacts.push(artifact);
        }
        Ok(artifacts)
    }
}

/// Why a build failed, as CodePipeline says it.
fn said(outcome: &Outcome) -> String {
    let status = rows::word(outcome.build.build_status);
    match &outcome.failure {
        Some(failure) => format!(
            "Build terminated with state: {status}. Phase: {}, Code: {}, Message: {}",
            rows::word(failure.phase),
            failure.context.status_code,
            failure.context.message
        ),
        None => format!("Build terminated with state: {status}"),
    }
}

/// The buildspec of commands that stand without one.
fn buildspec(commands: &[String], exported: &[String], outputs: &[Artifact]) -> String {
    let mut spec = json!({
        "version": 0.2,
        "phases": {"build": {"commands": commands}},
    });
    if !exported.is_empty() {
        spec["env"] = json!({"exported-variables": exported});
    }
    if let Some(output) = outputs.first() {
        let all = ["**/*".to_owned()];
        let files = if output.files.is_empty() {
            all.as_slice()
        } else {
            output.files.as_slice()
        };
        spec["artifacts"] = json!({"files": files});
    }
    spec.to_string()
}
