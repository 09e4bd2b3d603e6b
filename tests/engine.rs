//! The engine of the sandbox: a table of semantics, one small pipeline a row (`tests/cases/engine/<case>/`).
//!
//! A row is `case.yml`: what it shows, the page of AWS's documentation that says so (`docs:<page>` is
//! docs.aws.amazon.com/codepipeline/latest/userguide/<page>.html), a pipeline, a `sandbox.yml`, and steps. What the
//! account says of all executions afterwards stands in `expected.txt`; `BLESS=1` writes it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pipectl::cloud::runs::{Answer, Engine, Runs, Start};
use pipectl::cloud::{Cloud, CloudError, Revision};
use pipectl::execution::{ActionStatus, RetryMode};
use pipectl::resources::{Id, Kind, Resource};
use pipectl::sandbox::Sandbox;
use pipectl::sandbox::engine::Options;
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

const REGION: &str = "us-east-1";
const PIPELINE: &str = "p";
/// How long a step may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A row that is being run.
struct Row {
    name: String,
    folder: tempfile::TempDir,
    account: Arc<Sandbox>,
    /// Ids of executions by the letter that the steps call them.
    names: BTreeMap<String, String>,
    drives: BTreeMap<String, JoinHandle<Result<(), CloudError>>>,
    case: Value,
    /// What files held when a step asked.
    found: String,
}

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/engine")
}

/// An action of a row: `is` says the type in a word, everything else is the API's.
fn action(short: &Value) -> Value {
    let mut action = short.clone();
    let map = action.as_object_mut().unwrap();
    let is = map
        .shift_remove("is")
        .map_or_else(|| "build".to_owned(), |is| is.as_str().unwrap().to_owned());
    let (category, provider, configuration) = match is.as_str() {
        "source" => (
            "Source",
            "CodeCommit",
            json!({"RepositoryName": "r", "BranchName": "main"}),
        ),
        "build" => ("Build", "CodeBuild", json!({"ProjectName": "project"})),
        "approval" => ("Approval", "Manual", json!({})),
        "lambda" => ("Invoke", "Lambda", json!({"FunctionName": "f"})),
        "commands" => ("Compute", "Commands", json!({})),
        "s3" => (
            "Deploy",
            "S3",
            json!({"BucketName": "site", "Extract": "true"}),
        ),
        other => {
            let (category, provider) = other.split_once(' ').unwrap_or_else(|| panic!("{other}"));
            (category, provider, json!({}))
        }
    };
    let (owner, provider) = provider.split_once(' ').unwrap_or(("AWS", provider));
    map.insert(
        "actionTypeId".to_owned(),
        json!({"category": category, "owner": owner, "provider": provider, "version": "1"}),
    );
    let given = map
        .shift_remove("configuration")
        .unwrap_or_else(|| json!({}));
    let mut all = configuration;
    all.as_object_mut()
        .unwrap()
        .extend(given.as_object().unwrap().clone());
    map.insert("configuration".to_owned(), all);
    for (list, key) in [("in", "inputArtifacts"), ("out", "outputArtifacts")] {
        let names = map.shift_remove(list).unwrap_or_else(|| json!([]));
        let artifacts = names.as_array().unwrap().iter();
        let artifacts = artifacts.map(|name| {
            if name.is_string() {
                json!({"name": name})
            } else {
                name.clone()
            }
        });
        map.insert(key.to_owned(), artifacts.collect());
    }
    // A build takes the source unless the row says otherwise.
    if matches!(is.as_str(), "build" | "commands" | "s3") && map["inputArtifacts"] == json!([]) {
        map["inputArtifacts"] = json!([{"name": "Src"}]);
    }
    action
}

/// The pipeline of a row: a source, unless the row has one, then its stages.
fn pipeline(name: &str, given: &Value) -> Value {
    let mut body = given.clone();
    let map = body.as_object_mut().unwrap();
    let mut stages = map["stages"].as_array().unwrap().clone();
    if stages[0]["name"] != "Source" {
        let source =
            json!({"name": "Source", "is": "source", "out": ["Src"], "namespace": "Source"});
        stages.insert(0, json!({"name": "Source", "actions": [source]}));
    }
    for stage in &mut stages {
        let actions = stage["actions"].as_array_mut().unwrap();
        for one in actions {
            *one = action(one);
        }
    }
    map.insert("stages".to_owned(), stages.into());
    let more = json!({
        "name": name, "roleArn": "arn:aws:iam::123456789012:role/p", "pipelineType": "V2",
        "artifactStore": {"type": "S3", "location": "artifacts"},
    });
    map.extend(more.as_object().unwrap().clone());
    body
}

fn resource(name: &str, given: &Value) -> Resource {
    Resource::new(Id::new(Kind::Pipeline, REGION, name), pipeline(name, given))
}

fn git(folder: &Path, arguments: &[&str]) {
    let ran = std::process::Command::new("git")
        .args([
            "-c",
            "user.name=Jo",
            "-c",
            "user.email=jo@example.com",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z")
        .env("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z")
        .env_remove("GIT_DIR")
        .output()
        .unwrap();
    assert!(
        ran.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&ran.stderr)
    );
}

fn write(folder: &Path, files: &Value) {
    for (name, text) in files.as_object().into_iter().flatten() {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text.as_str().unwrap()).unwrap();
    }
}

impl Row {
    async fn new(name: &str) -> Self {
        let text = fs::read_to_string(cases().join(name).join("case.yml")).unwrap();
        let mut case: serde_yaml::Value =
            serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        case.apply_merge().unwrap();
        let case = serde_json::to_value(case).unwrap();
        let cites = case["cites"].as_str().unwrap_or_default();
        assert!(
            cites.starts_with("docs:") && !case["says"].is_null(),
            "{name} cites nothing"
        );
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("repository");
        fs::create_dir_all(&home).unwrap();
        write(&home, &json!({"file.txt": "one\n"}));
        write(&home, &case["files"]);
        if case["git"] != false {
            git(&home, &["init", "-q"]);
            git(&home, &["add", "-A"]);
            git(&home, &["commit", "-q", "-m", "First\n\nwith a body"]);
        }
        write(&home, &case["uncommitted"]);
        let yml = serde_yaml::to_string(&case["sandbox"]).unwrap();
        if !case["sandbox"].is_null() {
            fs::write(home.join("sandbox.yml"), yml).unwrap();
        }
        let account = open(folder.path(), case["dirty"] == true);
        let row = Self {
            name: name.to_owned(),
            folder,
            account,
            names: BTreeMap::new(),
            drives: BTreeMap::new(),
            case,
            found: String::new(),
        };
        for (project, body) in row.case["projects"].as_object().into_iter().flatten() {
            let mut whole = json!({
                "name": project, "serviceRole": "arn:aws:iam::123456789012:role/b",
                "source": {"type": "CODEPIPELINE"}, "artifacts": {"type": "CODEPIPELINE"},
                "environment": {"type": "LINUX_CONTAINER", "image": "aws/codebuild/amazonlinux2-x86_64-standard:5.0",
                    "computeType": "BUILD_GENERAL1_SMALL"},
            });
            merge(&mut whole, body);
            let resource = Resource::new(Id::new(Kind::Project, REGION, project.clone()), whole);
            row.account.create(&resource).await.unwrap();
        }
        for (other, given) in row.case["others"].as_object().into_iter().flatten() {
            row.make(other, given).await;
        }
        row.make(PIPELINE, &row.case["pipeline"]).await;
        row
    }

    /// Makes a pipeline. What its creation starts is not what the row is about.
    async fn make(&self, pipeline: &str, given: &Value) {
        self.account
            .create(&resource(pipeline, given))
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let first = Runs::list(&*self.account, pipeline, 1)
            .await
            .unwrap()
            .remove(0);
        self.account
            .stop(pipeline, &first.pipeline_execution_id, true, "")
            .await
            .unwrap();
    }

    fn id(&self, name: &str) -> String {
        self.names
            .get(name)
            .cloned()
            .unwrap_or_else(|| panic!("{}: no execution {name}", self.name))
    }

    fn drive(&mut self, name: &str) {
        let (account, id) = (self.account.clone(), self.id(name));
        let drive = tokio::spawn(async move { account.drive(PIPELINE, &id).await });
        self.drives.insert(name.to_owned(), drive);
    }

    async fn joined(&mut self, name: &str) {
        let drive = self
            .drives
            .remove(name)
            .unwrap_or_else(|| panic!("{}: {name} is not driven", self.name));
        let ended = tokio::time::timeout(PATIENCE, drive).await;
        let ended = ended.unwrap_or_else(|_| panic!("{}: {name} does not end", self.name));
        ended.unwrap().unwrap();
    }

    /// Waits until it holds.
    async fn until<F: Future<Output = bool>>(&self, what: &str, mut holds: impl FnMut() -> F) {
        let begun = Instant::now();
        while !holds().await {
            assert!(
                begun.elapsed() < PATIENCE,
                "{}: {what} never comes\n{}",
                self.name,
                self.told().await
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn wait(&self, name: &str, place: &str, status: &str) {
        let id = self.id(name);
        let what = format!("{name} {place} {status}");
        if place == "waits" {
            let waits = || async {
                let state = self.account.state(PIPELINE).await.unwrap();
                let stage = state
                    .stage_states
                    .iter()
                    .find(|stage| stage.stage_name == status)
                    .unwrap();
                stage
                    .inbound_executions
                    .iter()
                    .any(|inbound| inbound.pipeline_execution_id == id)
            };
            return self.until(&what, waits).await;
        }
        let (stage, action) = place.split_once('.').unwrap();
        let wanted: ActionStatus = serde_json::from_value(json!(status)).unwrap();
        let there = || async {
            let runs = self.account.action_runs(PIPELINE, &id).await.unwrap();
            let last = runs
                .iter()
                .rfind(|run| run.stage_name == stage && run.action_name == action);
            last.is_some_and(|run| run.status == wanted)
        };
        self.until(&what, there).await;
    }

    async fn token(&self, stage: &str, action: &str) -> String {
        let state = self.account.state(PIPELINE).await.unwrap();
        let stage = state
            .stage_states
            .into_iter()
            .find(|one| one.stage_name == stage)
            .unwrap();
        let action = stage
            .action_states
            .into_iter()
            .find(|one| one.action_name == action)
            .unwrap();
        action
            .latest_execution
            .and_then(|last| last.token)
            .unwrap_or_else(|| "none".to_owned())
    }

    async fn answer(&self, place: &str, approved: bool) -> Result<(), CloudError> {
        let (stage, action) = place.split_once('.').unwrap();
        let token = self.token(stage, action).await;
        let summary = if approved { "fine" } else { "not yet" }.to_owned();
        let answer = Answer {
            stage: stage.to_owned(),
            action: action.to_owned(),
            token,
            approved,
            summary,
        };
        self.account.answer(PIPELINE, &answer).await
    }

    async fn start(&mut self, name: &str, words: &[&str]) -> Result<(), CloudError> {
        let mut start = Start::default();
        for word in words {
            let (key, value) = word.split_once('=').unwrap();
            match key.strip_prefix('@') {
                Some(action) => start.revisions.push(Revision {
                    action: action.to_owned(),
                    kind: "COMMIT_ID".to_owned(),
                    value: value.to_owned(),
                }),
                None => {
                    start.variables.insert(key.to_owned(), value.to_owned());
                }
            }
        }
        let id = self.account.as_ref().start(PIPELINE, &start).await?;
        self.names.insert(name.to_owned(), id);
        Ok(())
    }

    /// One step that the account may refuse.
    async fn ask(&mut self, words: &[&str]) -> Result<(), CloudError> {
        let account = self.account.clone();
        match words {
            ["start", name, rest @ ..] => self.start(name, rest).await,
            ["approve", place] => self.answer(place, true).await,
            ["reject", place] => self.answer(place, false).await,
            ["stop", name, how @ ..] => {
                account
                    .stop(PIPELINE, &self.id(name), *how == ["abandon"], "enough")
                    .await
            }
            ["retry", name, stage, mode] => {
                let mode: RetryMode = serde_json::from_value(json!(mode)).unwrap();
                account
                    .retry(PIPELINE, stage, &self.id(name), mode)
                    .await
                    .map(|_| ())
            }
            ["rollback", stage, target, rest @ ..] => {
                let target = self
                    .names
                    .get(*target)
                    .cloned()
                    .unwrap_or_else(|| (*target).to_owned());
                let id = account.roll_back(PIPELINE, stage, &target).await?;
                if let ["as", name] = rest {
                    self.names.insert((*name).to_owned(), id);
                }
                Ok(())
            }
            ["disable", stage] => {
                account
                    .set_transition(PIPELINE, stage, false, "freeze")
                    .await
            }
            ["enable", stage] => account.set_transition(PIPELINE, stage, true, "").await,
            _ => panic!("{}: no step {words:?}", self.name),
        }
    }

    async fn step(&mut self, step: &str) {
        let words: Vec<&str> = step.split_whitespace().collect();
        match words.as_slice() {
            ["run", name, rest @ ..] => {
                self.start(name, rest).await.unwrap();
                self.drive(name);
                self.joined(name).await;
            }
            ["drive", name] => self.drive(name),
            ["join", name] => self.joined(name).await,
            ["drop", name] => self.drives.remove(*name).unwrap().abort(),
            ["wait", name, place, status] => self.wait(name, place, status).await,
            ["follow", name, "as", next] => {
                let id = self
                    .account
                    .successor(PIPELINE, &self.id(name))
                    .await
                    .unwrap();
                let id = id.unwrap_or_else(|| panic!("{}: nothing comes out of {name}", self.name));
                self.names.insert((*next).to_owned(), id);
            }
            ["alone", name] => {
                let id = self
                    .account
                    .successor(PIPELINE, &self.id(name))
                    .await
                    .unwrap();
                assert_eq!(id, None, "{}: something comes out of {name}", self.name);
            }
            ["find"] => self.find(),
            ["artifacts"] => {
                let count = walk(&self.folder.path().join("account/artifacts"));
                writeln!(self.found, "{count} artifacts").unwrap();
            }
            ["other", pipeline] => self.other(pipeline).await,
            ["minutes", minutes] => self.later(minutes.parse().unwrap()),
            ["sleep", milliseconds] => {
                tokio::time::sleep(Duration::from_millis(milliseconds.parse().unwrap())).await;
            }
            ["commit", file, text @ ..] => {
                let home = self.folder.path().join("repository");
                fs::write(home.join(file), text.join(" ")).unwrap();
                git(&home, &["add", "-A", "--", file]);
                git(&home, &["commit", "-q", "-m", &format!("Change {file}")]);
            }
            ["update"] => {
                let live = self
                    .account
                    .read(&[Id::new(Kind::Pipeline, REGION, PIPELINE)])
                    .await
                    .unwrap();
                let desired = resource(PIPELINE, &self.case["update"]);
                self.account
                    .update(live[0].as_ref().unwrap(), &desired)
                    .await
                    .unwrap();
            }
            ["refused", code, rest @ ..] => {
                let error = self.ask(rest).await.expect_err(step);
                assert_eq!(
                    error.code, *code,
                    "{}: {step}: {}",
                    self.name, error.message
                );
            }
            words => self
                .ask(words)
                .await
                .unwrap_or_else(|error| panic!("{}: {step}: {error}", self.name)),
        }
    }

    /// Notes what files of the account hold now.
    fn find(&mut self) {
        let files = self.case["finds"].as_array().unwrap().clone();
        for file in files.iter().map(|file| file.as_str().unwrap()) {
            let bytes = fs::read(self.folder.path().join("account").join(file));
            let text = match bytes {
                Err(_) => "is not there".to_owned(),
                Ok(bytes) if bytes.starts_with(b"PK") => "is a ZIP file".to_owned(),
                Ok(bytes) => format!("{:?}", String::from_utf8_lossy(&bytes)),
            };
            writeln!(self.found, "{file}: {text}").unwrap();
        }
    }

    /// Notes what became of another pipeline.
    async fn other(&mut self, pipeline: &str) {
        let mut runs = Runs::list(&*self.account, pipeline, 99).await.unwrap();
        runs.reverse();
        for run in runs.iter().skip(1) {
            let id = &run.pipeline_execution_id;
            writeln!(self.found, "{pipeline}: {:?}", run.status).unwrap();
            for run in self.account.action_runs(pipeline, id).await.unwrap() {
                writeln!(
                    self.found,
                    "  {}.{} {:?}",
                    run.stage_name, run.action_name, run.status
                )
                .unwrap();
            }
        }
    }

    /// What runs began so many minutes earlier.
    fn later(&self, minutes: i64) {
        let db = Connection::open(self.folder.path().join("account/account.db")).unwrap();
        let sql = "UPDATE action_runs SET started = started - ?1 WHERE status = 'InProgress'";
        db.execute(sql, [minutes * 60_000]).unwrap();
    }

    /// Everything that the account says of the executions, without what differs from day to day.
    async fn told(&self) -> String {
        let letters: BTreeMap<&str, &str> = self
            .names
            .iter()
            .map(|(name, id)| (id.as_str(), name.as_str()))
            .collect();
        let mut text = self.found.clone();
        let mut runs = Runs::list(&*self.account, PIPELINE, 99).await.unwrap();
        runs.reverse();
        for run in runs.iter().skip(1) {
            let id = &run.pipeline_execution_id;
            let name = letters.get(id.as_str()).unwrap_or(&"?");
            write!(text, "{name} {:?} {}", run.status, run.trigger.trigger_type).unwrap();
            if let Some(target) = &run.rollback_metadata.rollback_target_pipeline_execution_id {
                write!(text, " to {}", letters.get(target.as_str()).unwrap_or(&"?")).unwrap();
            }
            if let Some(summary) = &run.status_summary {
                write!(text, " ({summary})").unwrap();
            }
            text.push('\n');
            for run in self.account.action_runs(PIPELINE, id).await.unwrap() {
                write!(
                    text,
                    "  {}.{} {:?}",
                    run.stage_name, run.action_name, run.status
                )
                .unwrap();
                if let Some(error) = &run.output.execution_result.error_details {
                    let (code, why) = (error.code.as_deref(), error.message.as_deref());
                    write!(
                        text,
                        " {}: {}",
                        code.unwrap_or_default(),
                        why.unwrap_or_default()
                    )
                    .unwrap();
                }
                let shown = self.case["shows"].as_array().into_iter().flatten();
                for key in shown.filter_map(Value::as_str) {
                    let values = [
                        &run.input.resolved_configuration,
                        &run.output.output_variables,
                    ];
                    for value in values.into_iter().filter_map(|values| values.get(key)) {
                        write!(text, " {key}={value:?}").unwrap();
                    }
                }
                text.push('\n');
            }
            for run in self.account.rule_runs(PIPELINE, id).unwrap() {
                let said = run.output.execution_result.external_execution_summary;
                let said = said.unwrap_or_default();
                writeln!(
                    text,
                    "  {} rule {} {:?}: {said}",
                    run.stage_name, run.rule_name, run.status
                )
                .unwrap();
            }
        }
        let state = self.account.state(PIPELINE).await.unwrap();
        for stage in state.stage_states {
            write!(text, "{}:", stage.stage_name).unwrap();
            if let Some(last) = stage.latest_execution {
                let name = letters
                    .get(last.pipeline_execution_id.as_str())
                    .unwrap_or(&"?");
                write!(text, " {name} {:?}", last.status).unwrap();
            }
            if let Some(retry) = stage.retry_stage_metadata {
                let (auto, manual) = (
                    retry.auto_stage_retry_attempt,
                    retry.manual_stage_retry_attempt,
                );
                write!(text, ", retried {auto} by itself, {manual} by hand").unwrap();
            }
            for inbound in stage.inbound_executions {
                let name = letters
                    .get(inbound.pipeline_execution_id.as_str())
                    .unwrap_or(&"?");
                write!(text, ", {name} waits").unwrap();
            }
            if !stage.inbound_transition_state.enabled {
                write!(text, ", closed").unwrap();
            }
            for (side, state) in [
                ("before entry", stage.before_entry_condition_state),
                ("on success", stage.on_success_condition_state),
                ("on failure", stage.on_failure_condition_state),
            ] {
                let status = state
                    .and_then(|state| state.latest_execution)
                    .and_then(|last| last.status);
                if let Some(status) = status {
                    write!(text, ", {side} {status:?}").unwrap();
                }
            }
            text.push('\n');
        }
        self.scrub(text)
    }

    fn scrub(&self, text: String) -> String {
        let mut text = text.replace(self.folder.path().to_str().unwrap(), "<folder>");
        if self.case["hides_clock"] == true {
            let clock = regex::Regex::new(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}").unwrap();
            text = clock.replace_all(&text, "<now>").into_owned();
        }
        if self.case["hides_ids"] == true {
            let uuid = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}";
            let uuid = regex::Regex::new(uuid).unwrap();
            text = uuid.replace_all(&text, "<uuid>").into_owned();
        }
        for (name, id) in &self.names {
            text = text.replace(id, &format!("<{name}>"));
        }
        text
    }
}

/// Members of `more` over those of `whole`.
fn merge(whole: &mut Value, more: &Value) {
    match (whole, more) {
        (Value::Object(whole), Value::Object(more)) => {
            for (key, value) in more {
                merge(whole.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (whole, more) => *whole = more.clone(),
    }
}

/// How many files are below a folder.
fn walk(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap();
    let count = |path: PathBuf| if path.is_dir() { walk(&path) } else { 1 };
    entries.map(|entry| count(entry.unwrap().path())).sum()
}

fn open(folder: &Path, dirty: bool) -> Arc<Sandbox> {
    let yml = folder.join("repository/sandbox.yml");
    let options = Options {
        home: yml.parent().map(Path::to_owned),
        dirty,
        pipectl: Some(env!("CARGO_BIN_EXE_pipectl").into()),
        ..Options::default()
    };
    let account = Sandbox::open(&folder.join("account"), REGION, Some(&yml))
        .unwrap_or_else(|error| panic!("{error:?}"));
    Arc::new(account.with_options(options))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn semantics() {
    let bless = std::env::var_os("BLESS").is_some();
    let only = std::env::var("CASE").ok();
    let mut names: Vec<String> = fs::read_dir(cases())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| only.as_ref().is_none_or(|only| only == name))
        .collect();
    names.sort();
    let runtime = runtime();
    let mut wrong = Vec::new();
    for name in names {
        let told = runtime.block_on(async {
            let mut row = Row::new(&name).await;
            for step in row.case["steps"].as_str().unwrap().to_owned().lines() {
                row.step(step).await;
            }
            row.told().await
        });
        let file = cases().join(&name).join("expected.txt");
        if bless {
            fs::write(&file, &told).unwrap();
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        if told != expected {
            wrong.push(format!("{name}: expected\n{expected}\nbut\n{told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
