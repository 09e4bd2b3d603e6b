//! What the operating commands begin with: the account, the pipeline, and the execution that is meant.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::account;
use super::session::{Document, Session};
use super::{End, Setting};
use crate::catalog::operations;
use crate::cloud::runs::Runs;
use crate::cloud::{Cloud, CloudError, ErrorKind};
use crate::error::Failure;
use crate::execution::Execution;
use crate::live;
use crate::model::{self, Model, Pipeline};
use crate::operate::watcher::{self, GENTLE, NEAR, Pace};
use crate::sandbox::Sandbox;
use crate::sandbox::engine::Options;
use crate::tree::Node;

/// A pipeline that is operated.
pub(super) struct Desk {
    /// Executions in its account.
    pub(super) runs: Arc<dyn Runs>,
    /// Definitions in its account.
    pub(super) cloud: Arc<dyn Cloud>,
    /// The account, if it is the sandbox.
    pub(super) sandbox: Option<Arc<Sandbox>>,
    /// Its name.
    pub(super) pipeline: String,
    /// What `--pipeline` calls it, where the file has several.
    pub(super) key: Option<String>,
    /// The actions that read repositories: those that `--commit` may mean.
    pub(super) repositories: Vec<String>,
    /// The folder of the file.
    pub(super) folder: PathBuf,
    /// The region of the account.
    pub(super) region: String,
}

/// The providers of actions that read a repository of commits.
const REPOSITORIES: [&str; 3] = ["CodeStarSourceConnection", "GitHub", "CodeCommit"];

impl Desk {
    /// Finds the pipeline in the file and opens its account. Nothing is asked of the account as long as the names are
    /// known without it.
    pub(super) async fn open(
        setting: &Setting,
        wanted: Option<&str>,
        options: Options,
    ) -> Result<Self, End> {
        let mut session = Session::new(setting);
        let Unasked {
            file,
            root,
            mut document,
            model: mut found,
        } = unasked(&mut session)?;
        if !names_are_known(found.as_ref()) {
            // What is wrong with other parts of the file does not matter here; what the name needs does.
            session.found = crate::diagnostic::Diagnostics::new();
            document = session.resolve(root, &file).await?;
            session.end_on_errors(None)?;
            found = decode(&mut session, &document, false);
        }
        let Some(model) = found.filter(|model| !model.pipelines.is_empty()) else {
            session.end_on_errors(None)?;
            return Err(Failure::no("file-empty", "the file describes no pipeline").into());
        };
        let pipeline = choose(&model, wanted)?;
        let account = account::open_with(
            setting,
            &document.folder,
            document.region.as_deref(),
            document.profile.as_deref(),
            options,
        )
        .await?;
        Ok(Self {
            region: account.cloud.region().to_owned(),
            runs: account.runs,
            cloud: account.cloud,
            sandbox: account.sandbox,
            pipeline: pipeline.name.value.clone(),
            key: (model.pipelines.len() > 1).then(|| name_of(pipeline).to_owned()),
            repositories: repositories(pipeline),
            folder: document.folder,
        })
    }

    /// How often the account may be looked at.
    pub(super) fn pace(&self) -> Pace {
        if self.sandbox.is_some() { NEAR } else { GENTLE }
    }

    /// The execution that is named, in whole or by its beginning, else the newest.
    pub(super) async fn execution(&self, wanted: Option<&str>) -> Result<Execution, End> {
        let most = if wanted.is_some() { 100 } else { 1 };
        let Some(wanted) = wanted else {
            let newest = self.list(most).await?.into_iter().next();
            return newest.ok_or_else(|| self.never_run().into());
        };
        let known: Vec<Execution> = self.list(most).await?;
        let matching: Vec<&Execution> = known
            .iter()
            .filter(|one| one.pipeline_execution_id.starts_with(wanted))
            .collect();
        match matching.as_slice() {
            [one] => Ok((*one).clone()),
            [] => watcher::look_up(self.runs.as_ref(), &self.pipeline, wanted)
                .await
                .map_err(|error| self.failure(&error)),
            several => Err(Failure::usage(format!(
                "{} executions of {} begin with `{wanted}`",
                several.len(),
                self.pipeline
            ))
            .help("write more of it")
            .into()),
        }
    }

    /// The newest executions.
    pub(super) async fn list(&self, most: usize) -> Result<Vec<Execution>, End> {
        self.runs
            .list(&self.pipeline, most)
            .await
            .map_err(|error| self.failure(&error))
    }

    /// That there is no execution.
    pub(super) fn never_run(&self) -> Failure {
        Failure::no("never-run", format!("{} has never run", self.pipeline))
            .help(self.command("run"))
    }

    /// A command of ours for this pipeline, as somebody would type it.
    pub(super) fn command(&self, words: &str) -> String {
        let pipeline = self
            .key
            .as_ref()
            .map(|key| format!(" --pipeline {key}"))
            .unwrap_or_default();
        let sandbox = match &self.sandbox {
            Some(_) => " --sandbox",
            None => "",
        };
        format!("pipectl {words}{sandbox}{pipeline}")
    }

    /// A refused call as a failure; a pipeline that is not there is one that nobody has applied yet.
    pub(super) fn failure(&self, error: &CloudError) -> End {
        let mut failure = live::failure_in(error, &operations::OPERATING);
        if error.kind == ErrorKind::NotFound && error.code.contains("PipelineNotFound") {
            failure.message = format!("there is no pipeline {} in {}", self.pipeline, self.region);
            failure.help = Some(match &self.sandbox {
                Some(_) => "make it first: pipectl apply --sandbox".to_owned(),
                None => format!(
                    "make it first: pipectl apply -r {}; or name the region it is in: -r REGION",
                    self.region
                ),
            });
        }
        failure.into()
    }
}

/// A file as it is without what only its account knows.
struct Unasked {
    file: PathBuf,
    root: Node,
    document: Document,
    model: Option<Model>,
}

fn unasked(session: &mut Session<'_>) -> Result<Unasked, End> {
    let file = session.file()?;
    let Some(root) = session.load(&file)? else {
        session.end_on_errors(None)?;
        return Err(Failure::no("yaml-syntax", "the file is not YAML").into());
    };
    let document = session.resolve_offline(root.clone(), &file)?;
    let model = decode(session, &document, true);
    Ok(Unasked {
        file,
        root,
        document,
        model,
    })
}

fn names_are_known(model: Option<&Model>) -> bool {
    model.is_some_and(|model| {
        !model.pipelines.is_empty() && model.pipelines.iter().all(|one| one.name.known)
    })
}

/// Whether the operating commands have to ask the account for values of variables before they know their pipeline. Standard input
/// can be read only once, so of that nobody knows.
pub(super) fn asks_for_names(setting: &Setting) -> Result<bool, End> {
    if setting.global.file.as_deref() == Some(Path::new("-")) {
        return Ok(true);
    }
    let mut session = Session::new(setting);
    Ok(!names_are_known(unasked(&mut session)?.model.as_ref()))
}

fn decode(session: &mut Session<'_>, document: &Document, offline: bool) -> Option<Model> {
    let context = model::Context {
        stage: document.stage.clone(),
        service: None,
        offline,
        version: env!("CARGO_PKG_VERSION"),
    };
    model::decode(&document.tree, &context, &mut session.found)
}

fn name_of(pipeline: &Pipeline) -> &str {
    pipeline.key.as_deref().unwrap_or(&pipeline.name.value)
}

fn choose<'m>(model: &'m Model, wanted: Option<&str>) -> Result<&'m Pipeline, Failure> {
    let names = || {
        let names: Vec<&str> = model.pipelines.iter().map(name_of).collect();
        format!("--pipeline {}", names.join(" or --pipeline "))
    };
    match (wanted, model.pipelines.as_slice()) {
        (None, [one]) => Ok(one),
        (None, _) => {
            Err(Failure::usage("the file has several pipelines: which one?").help(names()))
        }
        (Some(wanted), all) => all
            .iter()
            .find(|one| one.name.value == wanted || one.key.as_deref() == Some(wanted))
            .ok_or_else(|| {
                Failure::usage(format!("the file has no pipeline `{wanted}`")).help(names())
            }),
    }
}

fn repositories(pipeline: &Pipeline) -> Vec<String> {
    pipeline
        .stages
        .first()
        .into_iter()
        .flat_map(|stage| &stage.actions)
        .filter(|action| REPOSITORIES.contains(&action.provider.value.as_str()))
        .map(|action| action.name.value.clone())
        .collect()
}

/// A time span of the command line: `90s`, `30m`, `2h`.
pub(super) fn time_span(flag: &str, text: &str) -> Result<Duration, Failure> {
    let wrong = || {
        Failure::usage(format!("`{flag} {text}` is no time"))
            .help(format!("{flag} 90s, {flag} 30m or {flag} 2h"))
    };
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let number: u64 = text[..digits].parse().map_err(|_| wrong())?;
    let seconds = match &text[digits..] {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    number
        .checked_mul(seconds)
        .filter(|seconds| *seconds > 0)
        .map(Duration::from_secs)
        .ok_or_else(wrong)
}
