//! `plan` and `apply` as people run them: what a plan says will follow does follow, what needs a word gets it, and a
//! lock or a Ctrl-C leaves nothing half done.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use pipectl::cloud::Cloud;
use pipectl::resources::{Id, Kind, Resource};
use pipectl::sandbox::Sandbox;
use serde_json::Value;

use crate::examples::{Ran, pipectl};
use crate::support::emulator::{REGION, emulators};

const FILE: &str = "\
service: hw
provider: {name: aws, region: us-east-1}
source: {codecommit: hw, branch: main}
stages:
  - unit: pytest
  - name: Prod
    build: ./deploy.sh
";

struct World {
    folder: tempfile::TempDir,
}

impl World {
    /// A folder with this file, and an empty account.
    fn new(file: &str) -> Self {
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        world.write(file);
        world
    }

    /// The same, applied.
    fn applied(file: &str) -> Self {
        let world = Self::new(file);
        world.done(&["apply"]);
        world
    }

    fn write(&self, file: &str) {
        fs::write(self.folder.path().join("pipeline.yml"), file).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let arguments = [arguments, &["--sandbox"]].concat();
        pipectl(self.folder.path(), &arguments)
    }

    fn done(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        ran
    }

    fn plan(&self, arguments: &[&str]) -> Value {
        let ran = self.done(&[&["plan", "--format", "json"], arguments].concat());
        serde_json::from_str(&ran.stdout).unwrap()
    }

    fn consequences(&self, arguments: &[&str]) -> Vec<String> {
        let plan = self.plan(arguments);
        let list = plan["consequences"].as_array().unwrap().iter();
        list.map(|text| text.as_str().unwrap().to_owned()).collect()
    }

    /// An apply that waits for a word: it says why, and nothing is written.
    fn refused(&self, arguments: &[&str], why: &str) {
        let before = self.plan(arguments);
        assert_ne!(before["changes"], serde_json::json!([]));
        let ran = self.run(&[&["apply"], arguments].concat());
        assert_eq!(ran.code, 64, "{}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains(why), "{}", ran.stderr);
        assert!(ran.stderr.contains("--yes"), "{}", ran.stderr);
        assert_eq!(self.plan(arguments)["changes"], before["changes"]);
        self.done(&[&["apply", "-y"], arguments].concat());
    }

    fn cloud(&self) -> Sandbox {
        let folder = self.folder.path().join(".pipectl");
        Sandbox::open(&folder, "us-east-1", None).unwrap()
    }

    fn statuses(&self) -> Vec<String> {
        let list = block_on(self.cloud().executions("hw", 9)).unwrap();
        list.into_iter().map(|execution| execution.status).collect()
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

fn changed(file: &str, from: &str, to: &str) -> String {
    assert!(file.contains(from), "{from}");
    file.replace(from, to)
}

fn with_approval(file: &str) -> String {
    changed(file, "  - name: Prod", "  - approval\n  - name: Prod")
}

#[test]
fn a_new_pipeline_starts_at_once() {
    let world = World::new(FILE);
    let said = world.consequences(&[]);
    assert_eq!(
        said,
        ["Creating the pipeline hw starts an execution at once; `--no-run` stops it."]
    );
    world.done(&["apply"]);
    assert_eq!(world.statuses(), ["InProgress"]);
}

#[test]
fn no_run_stops_what_a_new_pipeline_starts() {
    let world = World::new(FILE);
    let said = world.consequences(&["--no-run"]);
    assert!(
        said[0].contains("disables the first transition") && said[0].contains("quick enough"),
        "{said:?}"
    );
    let ran = world.done(&["apply", "--no-run"]);
    assert_eq!(
        ran.stderr.matches("first execution").count(),
        1,
        "{}",
        ran.stderr
    );
    assert_eq!(world.statuses(), ["Stopped"]);
    assert!(world.consequences(&[]).is_empty());
    // The way is open again for the next.
    assert_eq!(world.plan(&[])["changes"], serde_json::json!([]));
}

#[test]
fn a_new_structure_ends_what_runs() {
    let world = World::applied(FILE);
    world.write(&with_approval(FILE));
    let said = world.consequences(&[]);
    assert_eq!(said.len(), 1);
    for part in [
        "whose actions are running fails",
        "waiting executions are cancelled",
        "no longer be retried or rolled back to",
    ] {
        assert!(said[0].contains(part), "{said:?}");
    }
    world.done(&["apply"]);
    assert_eq!(world.statuses(), ["Failed"]);
}

#[test]
fn parallel_executions_go_on_with_the_old_structure() {
    let file = changed(FILE, "stages:", "executionMode: PARALLEL\nstages:");
    let world = World::applied(&file);
    world.write(&with_approval(&file));
    let said = world.consequences(&[]);
    assert!(said[0].contains("go on with the old structure"), "{said:?}");
    assert!(said[0].contains("no longer be retried"), "{said:?}");
    world.done(&["apply"]);
    assert_eq!(world.statuses(), ["InProgress"]);
}

#[test]
fn tags_and_projects_end_nothing() {
    let world = World::applied(FILE);
    let tagged = changed(
        FILE,
        "region: us-east-1",
        "region: us-east-1, tags: {team: a}",
    );
    world.write(&changed(&tagged, "pytest", "pytest -x"));
    assert!(world.consequences(&[]).is_empty());
    world.done(&["apply"]);
    assert_eq!(world.statuses(), ["InProgress"]);
}

#[test]
fn a_shared_project_is_named_with_its_users() {
    let file = "\
service: hw
provider: {name: aws, region: us-east-1}
projects:
  test: {run: pytest}
pipelines:
  dev:
    source: {codecommit: hw, branch: dev}
    stages: [{unit: {project: test}}]
  prod:
    source: {codecommit: hw, branch: main}
    stages: [{unit: {project: test}}]
";
    let world = World::applied(file);
    world.write(&changed(file, "pytest", "pytest -x"));
    let said = world.consequences(&[]);
    assert_eq!(
        said,
        ["The project hw-test is used by the pipelines hw-dev, hw-prod."]
    );
}

const WIDER: &str =
    "  - unit: {run: pytest, allow: [{Action: 's3:ListAllMyBuckets', Resource: '*'}]}\n";

#[test]
fn a_wider_role_needs_a_word() {
    let world = World::applied(FILE);
    world.write(&changed(FILE, "  - unit: pytest\n", WIDER));
    let said = world.consequences(&[]);
    assert_eq!(
        said,
        ["The role hw-UnitTest-build-us-east-1 gets wider: s3:ListAllMyBuckets on *."]
    );
    world.refused(&[], "hw-UnitTest-build-us-east-1 gets wider");
    // Narrower is fine.
    world.write(FILE);
    world.done(&["apply"]);
}

#[test]
fn what_is_deleted_needs_a_word() {
    let world = World::applied(FILE);
    world.write(&changed(
        FILE,
        "  - name: Prod\n    build: ./deploy.sh\n",
        "",
    ));
    world.done(&["apply"]);
    assert_eq!(world.plan(&[])["leftovers"].as_array().unwrap().len(), 2);
    world.refused(&["--prune"], "codebuild-project hw-Prod is deleted");
}

#[test]
fn what_is_adopted_needs_a_word() {
    let world = World::new(FILE);
    let body = serde_json::json!({"logGroupName": "/pipectl/hw", "retentionInDays": 1});
    let group = Resource::new(Id::new(Kind::LogGroup, "us-east-1", "/pipectl/hw"), body);
    world.done(&["plan"]);
    block_on(world.cloud().create(&group)).unwrap();
    let ran = world.run(&["apply", "-y"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("--adopt"), "{}", ran.stderr);
    world.refused(&["--adopt"], "log-group /pipectl/hw is taken over");
}

#[test]
fn confirm_always_asks() {
    let world = World::new(FILE);
    let ran = world.run(&["apply", "--confirm"]);
    assert_eq!(ran.code, 64, "{}", ran.stderr);
    assert!(block_on(world.cloud().executions("hw", 1)).is_err());
}

#[test]
fn a_lock_holds_until_it_expires_or_is_broken() {
    let lock = |expires: u64| {
        let text = serde_json::json!({"owner": "x", "started": 1_800_000_000, "expires": expires, "who": "arn:aws:iam::1:user/ann"});
        text.to_string()
    };
    let world = World::new(FILE);
    world.done(&["plan"]);
    let put = |text: String| {
        let name = "/pipectl/hw/us-east-1/lock";
        block_on(world.cloud().put_parameter(name, &text, true)).unwrap();
    };
    put(lock(4_000_000_000));
    let ran = world.run(&["apply"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    for part in ["user/ann", "since 2027-01-15", "--break-lock"] {
        assert!(ran.stderr.contains(part), "{}", ran.stderr);
    }
    assert!(block_on(world.cloud().executions("hw", 1)).is_err());
    // A plan looks on.
    world.done(&["plan"]);
    world.done(&["apply", "--break-lock"]);
    // Nobody needs a lock where nothing is to do.
    put(lock(4_000_000_000));
    world.done(&["apply"]);
    world.write(&changed(FILE, "pytest", "pytest -x"));
    assert_eq!(world.run(&["apply"]).code, 3);
    put(lock(1_700_000_000));
    world.done(&["apply"]);
}

/// A real process, on the emulators, which are slow enough for a hand on Ctrl-C.
#[test]
fn ctrl_c_says_what_was_done() {
    let folder = tempfile::tempdir().unwrap();
    let file = FILE
        .replace("service: hw", "service: ctrlc")
        .replace("us-east-1", REGION);
    fs::write(folder.path().join("pipeline.yml"), file).unwrap();
    let command = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pipectl"));
        command
            .args(arguments)
            .current_dir(folder.path())
            .env_clear()
            .envs(emulators().environment())
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    };
    let mut child = command(&["apply"]).spawn().unwrap();
    let mut progress = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("created ") {
        assert_ne!(progress.read_line(&mut said).unwrap(), 0, "{said}");
    }
    let pid = child.id().to_string();
    let kill = Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(kill.success());
    progress.read_to_string(&mut said).unwrap();
    let ended = child.wait_with_output().unwrap();
    let result = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(ended.status.code(), Some(130), "{said}{result}");
    assert!(
        said.contains("stopping after the calls under way"),
        "{said}"
    );
    assert!(
        said.contains("skipped pipeline ctrlc: interrupted"),
        "{said}"
    );
    let done = said.matches("created ").count();
    let last = result.lines().last().unwrap();
    assert!(
        last.starts_with(&format!("Interrupted: {done} created; ")),
        "{result}{said}"
    );
    assert!(
        last.ends_with(" left, the same command goes on from here"),
        "{result}"
    );

    let finish = |arguments: &[&str]| {
        let output = command(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
    };
    finish(&["apply"]);
    finish(&["plan", "--exit-code"]);
    finish(&["destroy", "--yes", "--delete-data"]);
}
