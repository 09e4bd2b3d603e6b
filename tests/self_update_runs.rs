//! A pipeline that updates itself, run in the sandbox: its build brings the account to what the file says, and the driver
//! goes on with the execution that takes the place of its own.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use pipectl::cloud::Cloud;
use pipectl::cloud::runs::Runs;
use pipectl::execution::ExecutionStatus;
use pipectl::resources::{Id, Kind};
use pipectl::sandbox::Sandbox;

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

/// Runs a program: its exit code, and all that it said.
fn run(program: &str, arguments: &[&str], folder: &Path) -> (i32, String) {
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
        .env("PIPECTL_BINARY", folder.join("program"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = [&output.stdout[..], &output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output.status.code().unwrap_or(-1), said)
}

fn done(program: &str, arguments: &[&str], folder: &Path) {
    let (code, said) = run(program, arguments, folder);
    assert_eq!(code, 0, "{program} {arguments:?}: {said}");
}

fn commit(folder: &Path, file: &str) {
    fs::create_dir_all(folder.join("ci")).unwrap();
    fs::write(folder.join("ci/pipeline.yml"), file).unwrap();
    done("git", &["add", "-A"], folder);
    let name = ["-c", "user.name=Jo", "-c", "user.email=jo@example.com"];
    done(
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

/// A repository with a pipeline that updates itself, applied in the sandbox.
struct Home {
    folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

const PIPECTL: &str = env!("CARGO_BIN_EXE_pipectl");

impl Home {
    fn new(file: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path();
        done("git", &["init", "-q", "-b", "main"], home);
        fs::write(home.join(".gitignore"), ".pipectl\nprogram\n").unwrap();
        // A program for Linux as far as can be seen from outside: what is uploaded need not be large.
        let mut program = b"\x7fELF\x02\x01\x01".to_vec();
        program.resize(18, 0);
        program.extend([62, 0]);
        fs::write(home.join("program"), program).unwrap();
        commit(home, file);
        let apply = ["apply", "--sandbox", "--yes", "-f", "ci/pipeline.yml"];
        done(PIPECTL, &apply, home);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        Self { folder, runtime }
    }

    fn account(&self) -> Sandbox {
        let folder = self.folder.path().join("ci/.pipectl");
        Sandbox::open(&folder, "us-east-1", None).unwrap()
    }

    fn commit(&self, file: &str) {
        commit(self.folder.path(), file);
    }

    /// Runs the pipeline, and what comes out of that, to the end.
    fn run(&self, more: &[&str]) -> (i32, String) {
        let begin = ["run", "--sandbox", "--trust", "-f", "ci/pipeline.yml"];
        run(PIPECTL, &[&begin[..], more].concat(), self.folder.path())
    }

    fn statuses(&self) -> Vec<(ExecutionStatus, Vec<String>)> {
        self.runtime.block_on(statuses(&self.account()))
    }

    /// The newest executions, the newest one first.
    fn newest(&self, count: usize) -> Vec<pipectl::execution::Execution> {
        self.runtime.block_on(async {
            let account = self.account();
            let mut all = Vec::new();
            for listed in Runs::list(&account, "hw", count).await.unwrap() {
                let id = &listed.pipeline_execution_id;
                all.push(account.execution("hw", id).await.unwrap().unwrap());
            }
            all
        })
    }

    /// What the newest update said.
    fn log(&self) -> String {
        let id = self.newest(1).remove(0).pipeline_execution_id;
        self.runtime.block_on(async {
            let account = self.account();
            let runs = account.action_runs("hw", &id).await.unwrap();
            let update = runs.iter().find(|run| run.action_name == "SelfUpdate");
            let build = &update.unwrap().output.execution_result;
            let build = build.external_execution_id.clone().unwrap();
            let build = account.builds("us-east-1", &[build]).await.unwrap();
            let logs = &build[0].logs;
            let (group, stream) = (logs.group_name.as_ref(), logs.stream_name.as_ref());
            let page = account
                .log("us-east-1", group.unwrap(), stream.unwrap(), None)
                .await;
            let lines = page.unwrap().lines.into_iter();
            lines.map(|line| line.text + "\n").collect()
        })
    }
}

const ALL: [&str; 3] = [
    "Source Succeeded",
    "SelfUpdate Succeeded",
    "UnitTest Succeeded",
];

/// Another structure.
fn changed() -> String {
    FILE.replace("stages:", "executionMode: QUEUED\nstages:")
}

#[test]
fn an_update_restarts_once_and_is_followed() {
    let home = Home::new(FILE);
    let (code, said) = home.run(&[]);
    assert_eq!(code, 0, "{said}");
    // Another structure, in a commit.
    home.commit(&changed());
    let (code, said) = home.run(&[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("it failed, and execution"), "{said}");
    let all = ALL.map(ToOwned::to_owned);
    assert_eq!(
        home.statuses(),
        [
            (ExecutionStatus::Succeeded, all.to_vec()),
            (ExecutionStatus::Failed, all[..2].to_vec()),
            (ExecutionStatus::Succeeded, all.to_vec()),
        ]
    );
    let newest = home.newest(2);
    assert_eq!(newest[0].source_revisions, newest[1].source_revisions);
    assert_eq!(newest[0].pipeline_version, Some(2));
}

#[test]
fn the_same_commit_and_structure_start_again_only_once() {
    let home = Home::new(FILE);
    home.commit(&changed());
    let (code, said) = home.run(&[]);
    assert_eq!(code, 0, "{said}");
    // Somebody else changes the pipeline: it is brought back, but that is no reason to start on this commit again.
    home.runtime.block_on(async {
        let account = home.account();
        let id = Id::new(Kind::Pipeline, "us-east-1", "hw");
        let live = account.read(&[id]).await.unwrap().remove(0).unwrap();
        let mut other = live.clone();
        other.body["executionMode"] = "SUPERSEDED".into();
        account.update(&live, &other).await.unwrap();
    });
    let (code, said) = home.run(&[]);
    assert_eq!(code, 1, "{said}");
    let log = home.log();
    assert!(log.contains("it is not started a second time"), "{log}");
    let all = ALL.map(ToOwned::to_owned);
    assert_eq!(
        home.statuses(),
        [
            (ExecutionStatus::Failed, all[..2].to_vec()),
            (ExecutionStatus::Succeeded, all.to_vec()),
            (ExecutionStatus::Failed, all[..2].to_vec()),
        ]
    );
    // Now that nobody changes it, the same commit goes through.
    let (code, said) = home.run(&[]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(home.statuses().len(), 4);
}

#[test]
fn in_parallel_mode_the_update_stops_its_own_execution_first() {
    let file = FILE.replace("stages:", "executionMode: PARALLEL\nstages:");
    let home = Home::new(&file);
    home.commit(&file.replace("stages:", "variables:\n  Size: {default: small}\nstages:"));
    let (code, said) = home.run(&[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("it was started again: execution"), "{said}");
    let all = ALL.map(ToOwned::to_owned);
    assert_eq!(
        home.statuses(),
        [
            (
                ExecutionStatus::Stopped,
                vec![all[0].clone(), "SelfUpdate Abandoned".to_owned()]
            ),
            (ExecutionStatus::Succeeded, all.to_vec()),
        ]
    );
    assert!(home.newest(1)[0].pipeline_version > Some(1));
}

#[test]
fn what_is_not_committed_updates_the_pipeline_with_dirty() {
    let home = Home::new(FILE);
    fs::write(home.folder.path().join("ci/pipeline.yml"), changed()).unwrap();
    for _ in 0..2 {
        let (code, said) = home.run(&["--dirty"]);
        assert_eq!(code, 0, "{said}");
    }
    let all = ALL.map(ToOwned::to_owned);
    assert_eq!(
        home.statuses(),
        [
            (ExecutionStatus::Failed, all[..2].to_vec()),
            (ExecutionStatus::Succeeded, all.to_vec()),
            (ExecutionStatus::Succeeded, all.to_vec()),
        ]
    );
}
