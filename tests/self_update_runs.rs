//! A pipeline that updates itself, run in the sandbox: its build brings the account to what the file says, and the driver
//! goes on with the execution that takes the place of its own.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use pipectl::cloud::runs::{Engine, Runs, Start};
use pipectl::execution::ExecutionStatus;
use pipectl::sandbox::Sandbox;
use pipectl::sandbox::engine::Options;

const FILE: &str = "\
service: hw
provider:
  name: aws
  region: us-east-1
source:
  codecommit: hw
  branch: main
stages:
  - selfUpdate
  - unit: test -e ci/pipeline.yml && ! git rev-parse --git-dir
";

fn run(program: &str, arguments: &[&str], folder: &Path) {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars() {
        if ["PIPECTL_", "AWS_", "GIT_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
        {
            command.env_remove(name);
        }
    }
    let output = command
        .args(arguments)
        .current_dir(folder)
        .env("HOME", folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
}

fn commit(folder: &Path, file: &str) {
    fs::create_dir_all(folder.join("ci")).unwrap();
    fs::write(folder.join("ci/pipeline.yml"), file).unwrap();
    run("git", &["add", "-A"], folder);
    let name = ["-c", "user.name=Jo", "-c", "user.email=jo@example.com"];
    run(
        "git",
        &[&name[..], &["commit", "-q", "-m", "A file"]].concat(),
        folder,
    );
}

/// Every execution and what became of it, the oldest first, without the one of the creation.
async fn statuses(account: &Sandbox) -> Vec<(ExecutionStatus, Vec<String>)> {
    let mut all = Vec::new();
    let mut list = Runs::list(account, "hw", 9).await.unwrap();
    list.reverse();
    for execution in list.into_iter().skip(1) {
        let runs = account
            .action_runs("hw", &execution.pipeline_execution_id)
            .await
            .unwrap();
        let runs = runs.into_iter().map(|run| {
            let error = run
                .output
                .execution_result
                .error_details
                .and_then(|error| error.message);
            format!(
                "{} {:?}{}",
                run.action_name,
                run.status,
                error.unwrap_or_default()
            )
        });
        all.push((execution.status, runs.collect()));
    }
    all
}

#[test]
fn an_update_restarts_once_and_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    run("git", &["init", "-q", "-b", "main"], home);
    commit(home, FILE);
    let pipectl = env!("CARGO_BIN_EXE_pipectl");
    run(
        pipectl,
        &["apply", "--sandbox", "--yes", "-f", "ci/pipeline.yml"],
        home,
    );
    let options = Options {
        home: Some(home.join("ci")),
        pipectl: Some(pipectl.into()),
        ..Options::default()
    };
    let account = Sandbox::open(&home.join("ci/.pipectl"), "us-east-1", None)
        .unwrap()
        .with_options(options);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let start = || {
        runtime
            .block_on(Runs::start(&account, "hw", &Start::default()))
            .unwrap()
    };
    let drive = |id: &str| {
        runtime.block_on(account.drive("hw", id)).unwrap();
        runtime.block_on(account.successor("hw", id)).unwrap()
    };
    let first = start();
    assert_eq!(drive(&first), None);
    // Another structure, in a commit.
    commit(
        home,
        &FILE.replace("stages:", "executionMode: QUEUED\nstages:"),
    );
    let second = start();
    let third = drive(&second).expect("the pipeline starts again");
    assert_eq!(drive(&third), None);
    let all = [
        "Source Succeeded",
        "SelfUpdate Succeeded",
        "UnitTest Succeeded",
    ]
    .map(ToOwned::to_owned);
    assert_eq!(
        runtime.block_on(statuses(&account)),
        [
            (ExecutionStatus::Succeeded, all.to_vec()),
            (ExecutionStatus::Failed, all[..2].to_vec()),
            (ExecutionStatus::Succeeded, all.to_vec()),
        ]
    );
    let of = |id: &str| {
        runtime
            .block_on(account.execution("hw", id))
            .unwrap()
            .unwrap()
    };
    assert_eq!(of(&second).source_revisions, of(&third).source_revisions);
    assert_eq!(of(&third).pipeline_version, Some(2));
}
