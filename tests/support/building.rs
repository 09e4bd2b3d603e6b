//! Builds in folders of their own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use pipectl::execution::build::PhaseType;
use pipectl::sandbox::archive;
use pipectl::sandbox::build::{
    self, Event, Executor, Facts, Limits, Outcome, Overrides, Request, Resolver, StopSignal,
    Stopper, What,
};
use pipectl::tree::{Secret, SecretReference, SecretService};
use serde_json::json;

/// Parameters and secrets by name; those of a stage or a version by `name@stage`.
#[derive(Default)]
pub(crate) struct Store {
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) secrets: BTreeMap<String, String>,
}

fn secret(service: SecretService, name: &str, value: &str) -> Secret {
    let reference = SecretReference {
        service,
        name: name.to_owned(),
        key: None,
        region: "eu-west-1".to_owned(),
        fingerprint: "1".to_owned(),
    };
    Secret::new(value, reference)
}

#[async_trait]
impl Resolver for Store {
    async fn parameter(&self, name: &str) -> Result<Option<Secret>, String> {
        let found = self.parameters.get(name);
        Ok(found.map(|value| secret(SecretService::ParameterStore, name, value)))
    }

    async fn secret(
        &self,
        id: &str,
        stage: Option<&str>,
        version: Option<&str>,
    ) -> Result<Option<Secret>, String> {
        let mut name = id.to_owned();
        for part in [stage, version].into_iter().flatten() {
            name += &format!("@{part}");
        }
        let found = self.secrets.get(&name);
        Ok(found.map(|value| secret(SecretService::SecretsManager, id, value)))
    }
}

/// A build in a folder of its own.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A request with the source in `source` and the build in `build`.
    pub(crate) fn request(&self, buildspec: Option<&str>) -> Request {
        fs::create_dir_all(self.path("source")).unwrap();
        Request {
            build_id: "website:7f6c1a60-0000-4000-8000-000000000001".to_owned(),
            build_number: 7,
            project: json!({
                "name": "website",
                "source": {"type": "CODEPIPELINE"},
                "artifacts": {"type": "CODEPIPELINE"},
                "environment": {
                    "type": "LINUX_CONTAINER",
                    "image": "aws/codebuild/standard:7.0",
                    "computeType": "BUILD_GENERAL1_SMALL",
                },
                "timeoutInMinutes": 5,
            }),
            overrides: Overrides {
                variables: Vec::new(),
                buildspec: buildspec.map(str::to_owned),
            },
            source: self.path("source"),
            secondary_sources: BTreeMap::new(),
            facts: Facts {
                partition: "aws".to_owned(),
                region: "eu-west-1".to_owned(),
                account: "123456789012".to_owned(),
                initiator: "codepipeline/website".to_owned(),
                resolved_source_version: Some("0123abcd".to_owned()),
                source_version: None,
                source_repo_url: None,
            },
            folder: self.path("build"),
            cache: Some(self.path("cache")),
            passed: BTreeMap::new(),
            executor: Executor::Host,
            limits: Limits {
                grace: Duration::from_millis(300),
                ..Limits::default()
            },
            batch: None,
            task: None,
            program: Some(PathBuf::from(env!("CARGO_BIN_EXE_pipectl"))),
        }
    }
}

/// Runs to the end; the lines of the log as they came.
pub(crate) fn ran(request: Request, store: &Store, stop: StopSignal) -> (Outcome, Vec<String>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&lines);
    let sink = move |event: Event| {
        if let What::Line(line) = event.what {
            kept.lock().unwrap().push(line);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let outcome = runtime.block_on(build::run(request, store, &sink, stop));
    drop(runtime);
    let lines = lines.lock().unwrap().clone();
    (outcome, lines)
}

pub(crate) fn simple(request: Request) -> (Outcome, Vec<String>) {
    ran(request, &Store::default(), Stopper::new().1)
}

/// A line of ours without its time.
pub(crate) fn plain(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("[Container] ")?;
    rest.splitn(3, ' ').nth(2)
}

pub(crate) fn written(lines: &[String]) -> Vec<&str> {
    let own = lines.iter().filter(|line| plain(line).is_none());
    own.map(String::as_str).collect()
}

pub(crate) fn phases(outcome: &Outcome) -> Vec<String> {
    let phases = outcome.build.phases.iter();
    phases
        .filter(|phase| {
            (PhaseType::DownloadSource..PhaseType::Completed).contains(&phase.phase_type)
        })
        .map(|phase| {
            let status = phase.phase_status.unwrap();
            format!("{} {}", phase.phase_type.as_str(), status.as_str())
        })
        .collect()
}

pub(crate) fn names(zip: &Path) -> Vec<String> {
    let out = tempfile::tempdir().unwrap();
    archive::unpack(zip, out.path()).unwrap();
    let files = archive::entries_below(out.path(), &[], archive::Links::Keep).unwrap();
    files.into_keys().collect()
}
