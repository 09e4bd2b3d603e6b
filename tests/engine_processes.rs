//! Drivers that die, and drivers that meet: what an execution is stands in the database, so that another process goes on
//! where the last one was.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pipectl::cloud::runs::{Engine, Runs, Start};
use pipectl::cloud::{Cloud, ErrorKind};
use pipectl::execution::build::BuildStatus;
use pipectl::execution::{ActionStatus, ExecutionStatus};
use pipectl::resources::{Id, Kind, Resource};
use pipectl::sandbox::Sandbox;
use pipectl::sandbox::engine::Options;
use rusqlite::Connection;
use serde_json::{Value, json};

const REGION: &str = "us-east-1";
/// Says to the test binary that it is the driver that dies.
const CHILD: &str = "PIPECTL_TEST_DRIVES";

fn project(name: &str, commands: &[&str]) -> Resource {
    let buildspec =
        json!({"version": 0.2, "phases": {"build": {"commands": commands}}}).to_string();
    let body = json!({
        "name": name, "serviceRole": "arn:aws:iam::123456789012:role/b",
        "source": {"type": "CODEPIPELINE", "buildspec": buildspec}, "artifacts": {"type": "CODEPIPELINE"},
        "environment": {"type": "LINUX_CONTAINER", "image": "aws/codebuild/amazonlinux2-x86_64-standard:5.0",
            "computeType": "BUILD_GENERAL1_SMALL"},
    });
    Resource::new(Id::new(Kind::Project, REGION, name), body)
}

fn action(name: &str, category: &str, provider: &str, configuration: Value) -> Value {
    let source = category == "Source";
    let input = if source || category == "Approval" {
        json!([])
    } else {
        json!([{"name": "Src"}])
    };
    let output = if source {
        json!([{"name": "Src"}])
    } else {
        json!([])
    };
    json!({
        "name": name, "configuration": configuration, "inputArtifacts": input, "outputArtifacts": output,
        "actionTypeId": {"category": category, "owner": "AWS", "provider": provider, "version": "1"},
    })
}

fn pipeline(stages: &[(&str, Vec<Value>)]) -> Resource {
    let source = action(
        "Source",
        "Source",
        "CodeCommit",
        json!({"RepositoryName": "r", "BranchName": "main"}),
    );
    let mut all = vec![json!({"name": "Source", "actions": [source]})];
    all.extend(
        stages
            .iter()
            .map(|(name, actions)| json!({"name": name, "actions": actions})),
    );
    let body = json!({
        "name": "p", "roleArn": "arn:aws:iam::123456789012:role/p", "pipelineType": "V2",
        "artifactStore": {"type": "S3", "location": "artifacts"}, "stages": all,
    });
    Resource::new(Id::new(Kind::Pipeline, REGION, "p"), body)
}

fn build(name: &str, project: &str) -> Value {
    action(name, "Build", "CodeBuild", json!({"ProjectName": project}))
}

fn open(folder: &Path) -> Arc<Sandbox> {
    let home = folder.join("home");
    fs::create_dir_all(&home).unwrap();
    fs::write(home.join("file.txt"), "one\n").unwrap();
    let account = Sandbox::open(
        &folder.join("account"),
        REGION,
        Some(&home.join("sandbox.yml")),
    )
    .unwrap();
    let pipectl = Some(PathBuf::from(env!("CARGO_BIN_EXE_pipectl")));
    Arc::new(account.with_options(Options {
        home: Some(home),
        pipectl,
        ..Options::default()
    }))
}

async fn made(folder: &Path, projects: &[Resource], pipeline: &Resource) -> (Arc<Sandbox>, String) {
    let account = open(folder);
    for project in projects {
        account.create(project).await.unwrap();
    }
    account.create(pipeline).await.unwrap();
    let id = Runs::list(&*account, "p", 1)
        .await
        .unwrap()
        .remove(0)
        .pipeline_execution_id;
    (account, id)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

async fn status(account: &Sandbox, id: &str) -> ExecutionStatus {
    account.execution("p", id).await.unwrap().unwrap().status
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{what} never comes"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Another process that drives the execution: this very test binary.
fn driver(folder: &Path, id: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "engine_processes::a_driver_of_its_own",
            "--nocapture",
        ])
        .env(CHILD, format!("{}\n{id}", folder.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_driver_of_its_own() {
    let Ok(text) = std::env::var(CHILD) else {
        return;
    };
    let (folder, id) = text.split_once('\n').unwrap();
    let account = open(Path::new(folder));
    runtime().block_on(account.drive("p", id)).unwrap();
}

#[test]
fn another_driver_goes_on_where_one_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    // The first time it hangs, the second time it does not.
    let command = format!(
        "if [ ! -e {0} ]; then touch {0}; sleep 600; fi",
        mark.display()
    );
    let stages = [
        (
            "Build",
            vec![build("Quick", "quick"), build("Hangs", "hangs")],
        ),
        ("Gate", vec![action("Ask", "Approval", "Manual", json!({}))]),
    ];
    let projects = [project("quick", &["true"]), project("hangs", &[&command])];
    let runtime = runtime();
    let (account, id) = runtime.block_on(made(folder.path(), &projects, &pipeline(&stages)));
    let mut first = driver(folder.path(), &id);
    let runs = || runtime.block_on(account.action_runs("p", &id)).unwrap();
    until("the build that hangs", || {
        mark.exists()
            && runs()
                .iter()
                .any(|run| run.action_name == "Quick" && run.status == ActionStatus::Succeeded)
    });
    assert!(runtime.block_on(account.is_driven("p", &id)).unwrap());
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(!runtime.block_on(account.is_driven("p", &id)).unwrap());
    assert_eq!(
        runtime.block_on(status(&account, &id)),
        ExecutionStatus::InProgress
    );

    let mut second = driver(folder.path(), &id);
    until("the approval", || {
        runs().iter().any(|run| run.action_name == "Ask")
    });
    second.kill().unwrap();
    second.wait().unwrap();
    // The approval goes on waiting, and can be answered while nobody drives.
    let state = runtime.block_on(account.state("p")).unwrap();
    let token = state.stage_states[2].action_states[0]
        .latest_execution
        .clone()
        .unwrap()
        .token
        .unwrap();
    let answer = pipectl::cloud::runs::Answer {
        stage: "Gate".to_owned(),
        action: "Ask".to_owned(),
        token,
        approved: true,
        summary: "yes".to_owned(),
    };
    runtime.block_on(account.answer("p", &answer)).unwrap();
    assert_eq!(
        runtime.block_on(status(&account, &id)),
        ExecutionStatus::InProgress
    );
    runtime.block_on(account.drive("p", &id)).unwrap();
    assert_eq!(
        runtime.block_on(status(&account, &id)),
        ExecutionStatus::Succeeded
    );
    // What succeeded was not done again; what was under way was, as the same run of the action.
    let names: Vec<String> = runs().into_iter().map(|run| run.action_name).collect();
    assert_eq!(names, ["Source", "Quick", "Hangs", "Ask"]);
    let db = Connection::open(folder.path().join("account/account.db")).unwrap();
    let mut query = db
        .prepare("SELECT id, status FROM builds WHERE id LIKE 'hangs:%' ORDER BY rowid")
        .unwrap();
    let builds: Vec<(String, String)> = query
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(
        builds
            .iter()
            .map(|build| build.1.as_str())
            .collect::<Vec<_>>(),
        ["FAULT", "SUCCEEDED"]
    );
    let lost = runtime
        .block_on(account.builds(REGION, &[builds[0].0.clone()]))
        .unwrap()
        .remove(0);
    assert_eq!(lost.build_status, BuildStatus::Fault);
    let said: Vec<&str> = lost
        .phases
        .iter()
        .flat_map(|phase| &phase.contexts)
        .map(|one| one.message.as_str())
        .collect();
    assert_eq!(said, ["The process that ran it ended"]);
}

#[test]
fn two_drivers_of_one_execution_do_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let stages = [("Build", vec![build("A", "slow"), build("B", "slow")])];
    let projects = [project("slow", &["sleep 0.3"])];
    let runtime = runtime();
    let (account, id) = runtime.block_on(made(folder.path(), &projects, &pipeline(&stages)));
    let mut other = driver(folder.path(), &id);
    let again = account.clone();
    let ended = runtime.block_on(async {
        let (one, two) = (account.drive("p", &id), again.drive("p", &id));
        tokio::time::timeout(Duration::from_secs(30), futures::future::try_join(one, two)).await
    });
    ended.unwrap().unwrap();
    assert!(other.wait().unwrap().success());
    assert_eq!(
        runtime.block_on(status(&account, &id)),
        ExecutionStatus::Succeeded
    );
    assert_eq!(
        runtime
            .block_on(account.action_runs("p", &id))
            .unwrap()
            .len(),
        3
    );
    let ids = |project: &str| {
        let db = Connection::open(folder.path().join("account/account.db")).unwrap();
        db.query_row(
            "SELECT COUNT(*) FROM builds WHERE id LIKE ?1 || ':%'",
            [project],
            |row| row.get::<_, i64>(0),
        )
        .unwrap()
    };
    assert_eq!(ids("slow"), 2);
}

#[test]
fn a_driver_that_is_dropped_leaves_nothing_running() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let stages = [("Build", vec![build("Hangs", "hangs")])];
    let command = format!(
        "echo $$ > {0}.new && mv {0}.new {0}; sleep 600",
        pid.display()
    );
    let projects = [project("hangs", &[&command])];
    let runtime = runtime();
    let (account, id) = runtime.block_on(made(folder.path(), &projects, &pipeline(&stages)));
    let (driven, of) = (account.clone(), id.clone());
    let drive = runtime.spawn(async move { driven.drive("p", &of).await });
    until("the build", || pid.exists());
    let process = fs::read_to_string(&pid).unwrap().trim().to_owned();
    drive.abort();
    until("the end of the build", || {
        !Path::new("/proc").join(&process).exists()
    });
    until("the end of the driver", || {
        !runtime.block_on(account.is_driven("p", &id)).unwrap()
    });
    let run = runtime
        .block_on(account.action_runs("p", &id))
        .unwrap()
        .remove(1);
    let build = run.output.execution_result.external_execution_id.unwrap();
    let build = runtime
        .block_on(account.builds(REGION, &[build]))
        .unwrap()
        .remove(0);
    assert_eq!(build.build_status, BuildStatus::Stopped);
}

#[test]
fn a_log_is_read_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let stages = [("Build", vec![build("Says", "says")])];
    let projects = [project("says", &["echo hello", "echo there"])];
    let runtime = runtime();
    let (account, id) = runtime.block_on(made(folder.path(), &projects, &pipeline(&stages)));
    runtime.block_on(account.drive("p", &id)).unwrap();
    let run = runtime
        .block_on(account.action_runs("p", &id))
        .unwrap()
        .remove(1);
    let build = run.output.execution_result.external_execution_id.unwrap();
    let build = runtime
        .block_on(account.builds(REGION, &[build]))
        .unwrap()
        .remove(0);
    let (group, stream) = (
        build.logs.group_name.unwrap(),
        build.logs.stream_name.unwrap(),
    );
    let page = runtime
        .block_on(account.log(REGION, &group, &stream, None))
        .unwrap();
    let texts: Vec<&str> = page.lines.iter().map(|line| line.text.as_str()).collect();
    assert!(
        texts.contains(&"hello") && texts.contains(&"there"),
        "{texts:?}"
    );
    assert!(
        page.lines.iter().all(|line| line.at.0 > 1_700_000_000_000),
        "{:?}",
        page.lines
    );
    let rest = runtime
        .block_on(account.log(REGION, &group, &stream, page.next.as_deref()))
        .unwrap();
    assert_eq!((rest.lines.len(), rest.next), (0, page.next));
    // Of the folder of a build only the log is left.
    let left: Vec<_> = fs::read_dir(folder.path().join("account/builds").join(&stream))
        .unwrap()
        .collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn thousands_of_executions_stay_quick() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = runtime();
    let stages = [("Gate", vec![action("Ask", "Approval", "Manual", json!({}))])];
    let (account, _) = runtime.block_on(made(folder.path(), &[], &pipeline(&stages)));
    {
        let mut db = Connection::open(folder.path().join("account/account.db")).unwrap();
        let tx = db.transaction().unwrap();
        for number in 2..5000 {
            tx.execute(
                "INSERT INTO executions (id, region, pipeline, number, status, trigger, pipeline_version, started,
                     structure)
                 SELECT 'e' || ?1, region, pipeline, ?1, 'Succeeded', trigger, pipeline_version, started, structure
                 FROM executions WHERE number = 1",
                [number],
            )
            .unwrap();
            tx.execute(
                "INSERT INTO stage_runs SELECT 'e' || ?1, 0, 1, 'us-east-1', 'p', 'Source', ?1, 'Succeeded', 1, 0, 0,
                     NULL, '{}', ?1, ?1",
                [number],
            )
            .unwrap();
        }
        tx.commit().unwrap();
    }
    let begun = Instant::now();
    for _ in 0..20 {
        runtime.block_on(account.state("p")).unwrap();
        assert_eq!(
            runtime
                .block_on(Runs::list(&*account, "p", 20))
                .unwrap()
                .len(),
            20
        );
    }
    let all = begun.elapsed();
    assert!(all < Duration::from_secs(2), "{all:?}");
}

#[test]
fn a_database_of_the_first_version_is_brought_up() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = runtime();
    let stages = [("Gate", vec![action("Ask", "Approval", "Manual", json!({}))])];
    {
        let (account, _) = runtime.block_on(made(folder.path(), &[], &pipeline(&stages)));
        drop(account);
        // As it was: the tables of executions without what the second version has.
        let db = Connection::open(folder.path().join("account/account.db")).unwrap();
        db.execute_batch(
            "DROP TABLE executions; DROP TABLE structures; DROP TABLE stage_runs; DROP TABLE action_runs;
             DROP TABLE rule_runs; DROP TABLE build_numbers; DROP TABLE builds; DROP TABLE reports; DROP TABLE leases;
             CREATE TABLE executions (
                 id TEXT PRIMARY KEY, region TEXT NOT NULL, pipeline TEXT NOT NULL, number INTEGER NOT NULL,
                 status TEXT NOT NULL, trigger TEXT NOT NULL, source TEXT, revision TEXT, token TEXT,
                 reason TEXT, pipeline_version INTEGER NOT NULL, started INTEGER NOT NULL
             );
             CREATE INDEX executions_of ON executions (region, pipeline, number);
             INSERT INTO executions VALUES ('old', 'us-east-1', 'p', 1, 'InProgress', 'CreatePipeline', 'Source', 'c1',
                 NULL, NULL, 1, 1700000000);
             PRAGMA user_version = 1;",
        )
        .unwrap();
    }
    let account = open(folder.path());
    let old = runtime
        .block_on(account.execution("p", "old"))
        .unwrap()
        .unwrap();
    assert_eq!(old.status, ExecutionStatus::InProgress);
    assert_eq!(
        old.start_time,
        Some(pipectl::execution::Time(1_700_000_000_000))
    );
    let new = runtime
        .block_on(account.as_ref().start("p", &Start::default()))
        .unwrap();
    let list = runtime.block_on(Runs::list(&*account, "p", 9)).unwrap();
    assert_eq!(
        list.iter()
            .map(|one| one.pipeline_execution_id.as_str())
            .collect::<Vec<_>>(),
        [new.as_str(), "old"]
    );
    // It can be driven, too: the newer one overtook it.
    runtime.block_on(account.drive("p", "old")).unwrap();
    assert_eq!(
        runtime.block_on(status(&account, "old")),
        ExecutionStatus::Superseded
    );
}

#[test]
fn nobody_drives_what_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = runtime();
    let stages = [("Gate", vec![action("Ask", "Approval", "Manual", json!({}))])];
    let (account, _) = runtime.block_on(made(folder.path(), &[], &pipeline(&stages)));
    let error = runtime.block_on(account.drive("p", "nothing")).unwrap_err();
    assert_eq!(
        (error.code.as_str(), error.kind),
        ("PipelineExecutionNotFoundException", ErrorKind::NotFound)
    );
}
