//! A pipeline that updates itself, rehearsed in the sandbox: the build runs what the last apply wrote into its
//! buildspec, in a folder as CodeBuild lays it out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pipectl::cloud::Cloud;
use pipectl::resources::{Id, Kind, Resource};
use pipectl::sandbox::Sandbox;
use rusqlite::Connection;
use serde_json::Value;

use crate::examples::Ran;

const REGION: &str = "us-east-1";
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
  - unit:
      run: pytest
      env:
        GREETING: ${param:greeting}
  - name: Prod
    build: ./deploy.sh
";

/// A desk, a build, and the account that both work on.
struct World {
    folder: tempfile::TempDir,
}

/// An execution as the account has it.
#[derive(Debug, PartialEq)]
struct Execution {
    status: String,
    source: Option<String>,
    revision: Option<String>,
}

impl World {
    /// An account to which a file was applied, with a pipectl that runs in builds.
    fn new(file: &str) -> Self {
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for folder in ["desk/.git", "desk/ci", "build/ci", "account"] {
            fs::create_dir_all(world.path(folder)).unwrap();
        }
        // What is uploaded needs no certain system; the commands run with the binary under test.
        let mut program = b"\x7fELF\x02\x01\x01".to_vec();
        program.resize(18, 0);
        program.extend([62, 0]);
        fs::write(world.path("desk/program"), &program).unwrap();
        fs::write(world.path("build/program"), &program).unwrap();
        world.write("desk", file);
        let start = "secrets: {TOKEN: a-marker}\n";
        fs::write(world.path("desk/ci/sandbox.yml"), start).unwrap();
        let ran = world.desk(&["apply"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        world
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, place: &str, file: &str) {
        fs::write(self.path(place).join("ci/pipeline.yml"), file).unwrap();
    }

    fn command(&self, place: &str, mut command: Command) -> Ran {
        for (name, _) in std::env::vars() {
            if name.starts_with("PIPECTL_") || name.starts_with("AWS_") || name == "HOME" {
                command.env_remove(name);
            }
        }
        let output = command
            .current_dir(self.path(place))
            .env("HOME", self.path(place))
            .env("NO_COLOR", "1")
            .env("PIPECTL_SANDBOX", self.path("account"))
            .env("PIPECTL_BINARY", self.path(place).join("program"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// A command at the desk, with the words of its first apply.
    fn desk(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pipectl"));
        command
            .args(arguments)
            .args(["-f", "ci/pipeline.yml", "-s", "prod"])
            .args(["--param", "greeting=it's me"]);
        self.command("desk", command)
    }

    fn sandbox(&self) -> Sandbox {
        Sandbox::open(&self.path("account"), REGION, None).unwrap()
    }

    fn live(&self, kind: Kind, name: &str) -> Resource {
        let ids = [Id::new(kind, REGION, name)];
        block_on(self.sandbox().read(&ids))
            .unwrap()
            .remove(0)
            .unwrap_or_else(|| panic!("no {kind} {name}"))
    }

    /// Somebody changes a resource behind the file's back.
    fn drift(&self, kind: Kind, name: &str, change: impl Fn(&mut Value)) {
        let live = self.live(kind, name);
        let mut other = live.clone();
        change(&mut other.body);
        block_on(self.sandbox().update(&live, &other)).unwrap();
    }

    fn buildspec(&self) -> Value {
        let project = self.live(Kind::Project, "hw-SelfUpdate");
        serde_yaml::from_str(project.body["source"]["buildspec"].as_str().unwrap()).unwrap()
    }

    /// The build of the self-update on a commit with this file: the command that stands in its buildspec.
    fn build(&self, commit: &str, file: &str) -> Ran {
        self.build_with(commit, file, &[])
    }

    fn build_with(&self, commit: &str, file: &str, more: &[(&str, &str)]) -> Ran {
        self.write("build", file);
        let buildspec = self.buildspec();
        let commands = buildspec["phases"]["build"]["commands"].as_array().unwrap();
        assert_eq!(commands.len(), 1);
        let line = commands[0].as_str().unwrap();
        let rest = line.strip_prefix("/tmp/pipectl ").unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{} {rest}", env!("CARGO_BIN_EXE_pipectl"))]);
        let running = self.newest();
        for (name, value) in buildspec["env"]["variables"].as_object().unwrap() {
            command.env(name, value.as_str().unwrap());
        }
        command
            .env("CODEBUILD_RESOLVED_SOURCE_VERSION", commit)
            .env("PIPECTL_SELF_UPDATE_EXECUTION", running)
            .envs(more.iter().copied());
        self.command("build", command)
    }

    fn build_json(&self, commit: &str, file: &str) -> Value {
        let ran = self.build_with(commit, file, &[("PIPECTL_FORMAT", "json")]);
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        serde_json::from_str(&ran.stdout).unwrap()
    }

    /// The execution started last.
    fn newest(&self) -> String {
        let list = block_on(self.sandbox().executions("hw", 1)).unwrap();
        list[0].id.clone()
    }

    /// All executions, the oldest first.
    fn executions(&self) -> Vec<Execution> {
        let db = Connection::open(self.path("account/account.db")).unwrap();
        let mut query = db
            .prepare("SELECT status, source, revision FROM executions ORDER BY number")
            .unwrap();
        let rows = query.query_map([], |row| {
            Ok(Execution {
                status: row.get(0)?,
                source: row.get(1)?,
                revision: row.get(2)?,
            })
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    fn statuses(&self) -> Vec<String> {
        let all = self.executions();
        all.into_iter().map(|execution| execution.status).collect()
    }

    /// Every resource of the account as it stands there.
    fn account(&self) -> Vec<(String, String, String)> {
        let db = Connection::open(self.path("account/account.db")).unwrap();
        let mut query = db
            .prepare("SELECT kind || ' ' || name, body, tags FROM resources ORDER BY 1")
            .unwrap();
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// A build that is refused before anything is written; gives what it said.
    fn refused(&self, file: &str, code: &str) -> String {
        let (before, executions) = (self.account(), self.executions());
        let ran = self.build_with("c2", file, &[("PIPECTL_FORMAT", "json")]);
        assert_eq!(ran.code, 3, "{}{}", ran.stdout, ran.stderr);
        let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(answer["error"]["code"], code, "{}", ran.stderr);
        assert_eq!(self.account(), before);
        assert_eq!(self.executions(), executions);
        ran.stderr
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

/// Another structure that needs no other role.
fn with_approval(file: &str) -> String {
    changed(file, "  - unit:", "  - approval\n  - unit:")
}

#[test]
fn an_unchanged_file_writes_nothing() {
    let world = World::new(FILE);
    let answer = world.build_json("c1", FILE);
    assert_eq!(answer["changes"], serde_json::json!([]));
    assert_eq!(answer["calls"]["write"], 0, "{answer:#}");
    assert_eq!(world.statuses(), ["InProgress"]);
}

#[test]
fn the_buildspec_holds_what_the_last_apply_was_told() {
    let world = World::new(FILE);
    let line = world.buildspec()["phases"]["build"]["commands"][0].clone();
    assert_eq!(
        line,
        r"/tmp/pipectl apply --yes --wait --file ci/pipeline.yml --region us-east-1 --stage prod --pipeline hw --param 'greeting=it'\''s me'"
    );
}

#[test]
fn the_build_checks_the_pipectl_that_it_fetches() {
    let world = World::new(FILE);
    let buildspec = world.buildspec();
    let commands = buildspec["phases"]["install"]["commands"]
        .as_array()
        .unwrap();
    let target = world.path("build/fetched");
    let script = commands
        .iter()
        .map(|line| line.as_str().unwrap())
        .collect::<Vec<_>>()
        .join("\n")
        .replace("/tmp/pipectl", target.to_str().unwrap());
    // An `aws` that gives the object of this key, or another one.
    let tools = world.path("build/tools");
    fs::create_dir_all(&tools).unwrap();
    let fetch = |content: &Path| {
        let aws = tools.join("aws");
        let text = format!(
            "#!/bin/sh\necho \"$@\" >{}\nfor last; do :; done\ncp {} \"$last\"\n",
            world.path("build/asked").display(),
            content.display()
        );
        fs::write(&aws, text).unwrap();
        let chmod = Command::new("chmod").arg("755").arg(&aws).status();
        assert!(chmod.unwrap().success());
        let mut command = Command::new("sh");
        let path = std::env::var("PATH").unwrap();
        command
            .args(["-e", "-c", &script])
            .env("PATH", format!("{}:{path}", tools.display()));
        world.command("build", command)
    };
    assert_eq!(fetch(&world.path("desk/program")).code, 0);
    let asked = fs::read_to_string(world.path("build/asked")).unwrap();
    assert!(
        asked.contains("--bucket hw-artifacts-123456789012-us-east-1 --key pipectl/")
            && asked.contains("--expected-bucket-owner 123456789012"),
        "{asked}"
    );
    let other = world.path("other");
    fs::write(&other, "another program").unwrap();
    let ran = fetch(&other);
    assert_ne!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn projects_change_in_place_and_the_run_goes_on() {
    let world = World::new(FILE);
    let answer = world.build_json("c2", &changed(FILE, "run: pytest", "run: pytest -x"));
    assert_eq!(answer["summary"]["update"], 1);
    assert_eq!(answer["changes"][0]["name"], "hw-UnitTest");
    assert_eq!(world.statuses(), ["InProgress"]);
}

#[test]
fn a_new_structure_starts_again_on_the_same_commit() {
    let world = World::new(FILE);
    let file = with_approval(FILE);
    let ran = world.build("c2", &file);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("started again on c2"), "{}", ran.stderr);
    // The build runs in an execution of the old structure: AWS ends it.
    assert_eq!(world.statuses(), ["Failed", "InProgress"]);
    let started = &world.executions()[1];
    assert_eq!(started.source.as_deref(), Some("Source"));
    assert_eq!(started.revision.as_deref(), Some("c2"));
    let stages = world.live(Kind::Pipeline, "hw").body["stages"].clone();
    assert_eq!(stages.as_array().unwrap().len(), 5);
    // The execution that was started comes by here, too.
    let answer = world.build_json("c2", &file);
    assert_eq!(answer["calls"]["write"], 0, "{answer:#}");
    assert_eq!(world.statuses(), ["Failed", "InProgress"]);
}

#[test]
fn a_renamed_source_is_started_under_its_new_name() {
    let polled = changed(FILE, "  branch: main", "  branch: main\n  detect: polling");
    let world = World::new(&polled);
    let file = changed(
        &polled,
        "  codecommit: hw",
        "  name: Code\n  codecommit: hw",
    );
    let ran = world.build("c2", &file);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(world.executions()[1].source.as_deref(), Some("Code"));
}

#[test]
fn the_last_stage_does_not_start_again() {
    let stage = "  - selfUpdate\n";
    let file = format!("{}{stage}", changed(FILE, stage, ""));
    let world = World::new(&file);
    let ran = world.build("c2", &with_approval(&file));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("last stage"), "{}", ran.stderr);
    assert_eq!(world.statuses(), ["Failed"]);
}

#[test]
fn the_same_commit_and_structure_start_once() {
    let world = World::new(FILE);
    let file = with_approval(FILE);
    assert_eq!(world.build("c2", &file).code, 0);
    let spoil = || {
        world.drift(Kind::Pipeline, "hw", |body| {
            body["stages"].as_array_mut().unwrap().pop();
        });
    };
    // Something undoes what the file says: it is put right, but the pipeline does not run in circles.
    spoil();
    let ran = world.build("c2", &file);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("not started a second time"),
        "{}",
        ran.stderr
    );
    assert_eq!(world.statuses(), ["Failed", "Failed"]);
    let stages = world.live(Kind::Pipeline, "hw").body["stages"].clone();
    assert_eq!(stages.as_array().unwrap().len(), 5);
    // Another commit is another matter.
    spoil();
    let ran = world.build("c3", &file);
    assert!(ran.stderr.contains("started again on c3"), "{}", ran.stderr);
    assert_eq!(world.statuses(), ["Failed", "Failed", "InProgress"]);
}

#[test]
fn a_parallel_execution_is_abandoned_first() {
    let file = changed(FILE, "stages:\n", "executionMode: PARALLEL\nstages:\n");
    let world = World::new(&file);
    let other = block_on(world.sandbox().start_execution("hw", None, None)).unwrap();
    let own = block_on(world.sandbox().start_execution("hw", None, None)).unwrap();
    let ran = world.build("c2", &with_approval(&file));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let list = block_on(world.sandbox().executions("hw", 9)).unwrap();
    let status = |id: &str| {
        let one = list.iter().find(|execution| execution.id == id);
        one.unwrap().status.clone()
    };
    assert_eq!(status(&own), "Stopped");
    // Those beside it go on with the old structure, as AWS does it.
    assert_eq!(status(&other), "InProgress");
    assert_eq!(list.len(), 4);
    assert_eq!(list[0].status, "InProgress");
}

#[test]
fn the_mode_before_the_update_counts() {
    let file = changed(FILE, "stages:\n", "executionMode: PARALLEL\nstages:\n");
    let world = World::new(&file);
    let ran = world.build("c2", &changed(&file, "PARALLEL", "QUEUED"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(world.statuses(), ["Stopped", "InProgress"]);
}

#[test]
fn its_own_pipeline_is_neither_renamed_nor_deleted() {
    let world = World::new(FILE);
    let said = world.refused(
        &changed(FILE, "service: hw", "service: hw2"),
        "self-update-gone",
    );
    assert!(said.contains("hw") && said.contains("renames"), "{said}");
    let others = "pipelines:\n  other:\n    source: {codecommit: hw, branch: main}\n    stages:\n      - build: make\n";
    let file = format!("service: hw\nprovider: {{name: aws, region: us-east-1}}\n{others}");
    world.refused(&file, "self-update-gone");
}

#[test]
fn without_a_boundary_no_role_changes() {
    let world = World::new(FILE);
    let file = changed(
        FILE,
        "      run: pytest\n",
        "      run: pytest\n      allow:\n        - {Action: 's3:ListAllMyBuckets', Resource: '*'}\n",
    );
    let said = world.refused(&file, "self-update-role");
    let line =
        "pipectl apply -f ci/pipeline.yml -r us-east-1 -s prod --param 'greeting=it'\\''s me'";
    assert!(said.contains(line), "{said}");
}

fn bounded() -> String {
    changed(
        FILE,
        "provider:\n",
        "provider:\n  permissionsBoundary: arn:aws:iam::123456789012:policy/limit\n",
    )
}

#[test]
fn within_a_boundary_roles_change_in_place() {
    let file = bounded();
    let world = World::new(&file);
    let wider = changed(
        &file,
        "      run: pytest\n",
        "      run: pytest\n      allow:\n        - {Action: 's3:ListAllMyBuckets', Resource: '*'}\n",
    );
    let answer = world.build_json("c2", &wider);
    let names: Vec<&str> = answer["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["hw-UnitTest-build-us-east-1"]);
    assert_eq!(world.statuses(), ["InProgress"]);

    // Who may take a role on, and the boundary itself, are nothing that the boundary could limit.
    let said = world.refused(
        &changed(&wider, "policy/limit", "policy/other"),
        "self-update-role",
    );
    assert!(said.contains("boundary"), "{said}");
    let trusted = changed(
        &wider,
        "      run: pytest\n",
        "      run: pytest\n      role: {sourceArn: true}\n",
    );
    let said = world.refused(&trusted, "self-update-role");
    assert!(said.contains("trust policy"), "{said}");
}

#[test]
fn its_own_role_and_project_stay_as_they_are() {
    let file = bounded();
    let world = World::new(&file);
    // A new build needs a role that may write it: that role is its own.
    let more = changed(
        &file,
        "  - name: Prod",
        "  - integration: ./it.sh\n  - name: Prod",
    );
    let said = world.refused(&more, "self-update-itself");
    assert!(
        said.contains("hw-SelfUpdate-build-us-east-1 would get wider"),
        "{said}"
    );

    // A build less needs less: what it can do is done, and the desk does the rest.
    let own = world.live(Kind::Role, "hw-SelfUpdate-build-us-east-1");
    let less = changed(&file, "  - name: Prod\n    build: ./deploy.sh\n", "");
    let ran = world.build("c2", &less);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("left as it is: iam-role hw-SelfUpdate-build-us-east-1"),
        "{}",
        ran.stderr
    );
    assert_eq!(
        world.live(Kind::Role, "hw-SelfUpdate-build-us-east-1").body,
        own.body
    );
    assert_eq!(world.statuses(), ["Failed", "InProgress"]);
    let again = world.build_json("c2", &less);
    assert_eq!(again["calls"]["write"], 0, "{again:#}");

    let project = world.live(Kind::Project, "hw-SelfUpdate");
    let image = changed(&less, "  - selfUpdate\n", "  - selfUpdate: {timeout: 20}\n");
    let ran = world.build("c3", &image);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("codebuild-project hw-SelfUpdate"),
        "{}",
        ran.stderr
    );
    assert_eq!(
        world.live(Kind::Project, "hw-SelfUpdate").body,
        project.body
    );
}

/// Allows the unit tests that many buckets.
fn allowing(file: &str, buckets: usize) -> String {
    let list: Vec<String> = (0..buckets)
        .map(|number| format!("'arn:aws:s3:::a-bucket-with-a-rather-long-name-{number:03}/*'"))
        .collect();
    changed(
        file,
        "      run: pytest\n",
        &format!(
            "      run: pytest\n      allow:\n        - {{Action: 's3:GetObject', Resource: [{}]}}\n",
            list.join(", ")
        ),
    )
}

#[test]
fn managed_policies_are_read_here_and_changed_at_a_desk() {
    let large = allowing(&bounded(), 250);
    let world = World::new(&large);
    let role = world.live(Kind::Role, "hw-UnitTest-build-us-east-1");
    assert!(
        role.body["managedPolicies"][0].is_object(),
        "{:#}",
        role.body
    );
    let answer = world.build_json("c1", &large);
    assert_eq!(answer["calls"]["write"], 0, "{answer:#}");
    let statements = statements(&world);
    let may = |action: &str| {
        let allows = |(effect, actions, _): &&(String, Vec<String>, Vec<String>)| {
            effect == "Allow" && actions.iter().any(|known| known == action)
        };
        let found = statements.iter().find(allows);
        found
            .map(|(_, _, resources)| resources.join(" "))
            .unwrap_or_default()
    };
    for operation in answer["calls"]["operations"].as_object().unwrap().keys() {
        assert_ne!(may(&permission(operation)), "", "{operation}");
    }
    assert_eq!(
        may("iam:GetPolicyVersion"),
        "arn:aws:iam::123456789012:policy/hw-UnitTest-build-us-east-1-policy-*"
    );
    for action in [
        "CreatePolicy",
        "CreatePolicyVersion",
        "AttachRolePolicy",
        "DeletePolicy",
    ] {
        assert_eq!(may(&format!("iam:{action}")), "", "{action}");
    }

    // IAM ties none of this to the boundary.
    let said = world.refused(&allowing(&bounded(), 251), "self-update-role");
    assert!(
        said.contains("managed policies of iam-role hw-UnitTest-build-us-east-1"),
        "{said}"
    );
    assert!(said.contains("pipectl apply -f ci/pipeline.yml"), "{said}");
    world.refused(&bounded(), "self-update-role");

    // A role that is not large yet: whoever applies here may not even look.
    let world = World::new(&bounded());
    let said = world.refused(&large, "self-update-itself");
    assert!(
        said.contains("hw-SelfUpdate-build-us-east-1 would get wider"),
        "{said}"
    );
    assert_eq!(may("iam:CreatePolicy"), "");
}

#[test]
fn its_own_managed_policies_are_denied_to_it() {
    let list: Vec<String> = (0..250)
        .map(|number| format!("'arn:aws:s3:::a-bucket-with-a-rather-long-name-{number:03}/*'"))
        .collect();
    let allow = format!(
        "  - selfUpdate:\n      allow:\n        - {{Action: 's3:GetObject', Resource: [{}]}}\n",
        list.join(", ")
    );
    let world = World::new(&changed(&bounded(), "  - selfUpdate\n", &allow));
    let role = world.live(Kind::Role, "hw-SelfUpdate-build-us-east-1");
    assert!(
        role.body["managedPolicies"][0].is_object(),
        "{:#}",
        role.body
    );
    let own = "arn:aws:iam::123456789012:policy/hw-SelfUpdate-build-us-east-1-policy-*";
    let with = |effect: &str, action: &str| {
        statements(&world).iter().any(|(what, actions, resources)| {
            what == effect
                && actions.iter().any(|known| known == action)
                && resources.iter().any(|resource| resource == own)
        })
    };
    assert!(with("Deny", "iam:CreatePolicyVersion") && with("Deny", "iam:SetDefaultPolicyVersion"));
    assert!(with("Allow", "iam:GetPolicy") && !with("Allow", "iam:CreatePolicy"));
}

/// A file in which the pipeline has one of nearly everything.
const WHOLE: &str = "\
service: hw
provider:
  name: aws
  region: us-east-1
  permissionsBoundary: arn:aws:iam::123456789012:policy/limit
source:
  github: heavywater/hw-api
  branch: main
  token: ${secret:TOKEN}
triggers:
  schedule: cron(0 12 * * ? *)
stages:
  - selfUpdate
  - unit:
      run: pytest
  - approval: ops@example.com
  - name: Prod
    build: ./deploy.sh
";

/// The IAM action of an operation, where it is not called alike.
fn permission(operation: &str) -> String {
    let (service, name) = operation.split_once(':').unwrap();
    let prefix = match service {
        "EventBridge" => "events",
        "CloudWatchLogs" => "logs",
        other => other,
    };
    let name = match (prefix, name) {
        ("S3", "HeadBucket") => "ListBucket",
        ("S3", "HeadObject") => "GetObject",
        ("S3", "GetBucketEncryption") => "GetEncryptionConfiguration",
        ("S3", "GetBucketLifecycleConfiguration") => "GetLifecycleConfiguration",
        ("S3", "GetBucketNotificationConfiguration") => "GetBucketNotification",
        ("S3", "GetPublicAccessBlock") => "GetBucketPublicAccessBlock",
        (_, name) => name,
    };
    format!("{}:{name}", prefix.to_lowercase())
}

/// The statements of the self-update's role: effect, actions, resources.
fn statements(world: &World) -> Vec<(String, Vec<String>, Vec<String>)> {
    let texts = |value: &Value| match value {
        Value::String(text) => vec![text.clone()],
        list => list
            .as_array()
            .unwrap()
            .iter()
            .map(|text| text.as_str().unwrap().to_owned())
            .collect(),
    };
    let role = world.live(Kind::Role, "hw-SelfUpdate-build-us-east-1");
    let policies = role.body["policies"].as_object().unwrap().values();
    let managed = role.body["managedPolicies"].as_array();
    policies
        .chain(
            managed
                .into_iter()
                .flatten()
                .map(|policy| &policy["document"]),
        )
        .flat_map(|policy| policy["Statement"].as_array().unwrap())
        .map(|statement| {
            (
                statement["Effect"].as_str().unwrap().to_owned(),
                texts(&statement["Action"]),
                texts(&statement["Resource"]),
            )
        })
        .collect()
}

#[test]
fn the_role_may_do_all_that_the_run_does() {
    let world = World::new(WHOLE);
    let may: Vec<String> = statements(&world)
        .into_iter()
        .filter(|(effect, _, _)| effect == "Allow")
        .flat_map(|(_, actions, _)| actions)
        .collect();
    let build = changed(WHOLE, "run: pytest", "run: pytest -x");
    let role = changed(
        &build,
        "pytest -x\n",
        "pytest -x\n      allow: [{Action: 's3:ListAllMyBuckets', Resource: '*'}]\n",
    );
    let structure = changed(
        &role,
        "  - name: Prod",
        "  - name: Sure\n    approval: ops@example.com\n  - name: Prod",
    );
    let event = changed(&structure, "0 12", "0 13");
    for (commit, file) in [
        ("c1", WHOLE),
        ("c2", &build),
        ("c3", &role),
        ("c4", &structure),
        ("c5", &event),
    ] {
        let answer = world.build_json(commit, file);
        assert_eq!(answer["calls"]["write"] == 0, commit == "c1", "{commit}");
        for operation in answer["calls"]["operations"].as_object().unwrap().keys() {
            let needed = permission(operation);
            assert!(may.contains(&needed), "{commit}: {needed} is not allowed");
        }
    }
    assert_eq!(world.executions().len(), 2);
    for needed in [
        "codepipeline:StartPipelineExecution",
        "codepipeline:StopPipelineExecution",
    ] {
        assert!(may.iter().any(|action| action == needed));
    }
}

#[test]
fn the_role_writes_only_what_is_exactly_this_services() {
    let world = World::new(WHOLE);
    let reads = |action: &str| {
        let name = action.split_once(':').unwrap().1;
        ["Get", "List", "Describe", "BatchGet"]
            .iter()
            .any(|verb| name.starts_with(verb))
    };
    for (effect, actions, resources) in statements(&world) {
        let writes: Vec<&String> = actions.iter().filter(|action| !reads(action)).collect();
        if effect == "Deny" || writes.is_empty() {
            continue;
        }
        for resource in &resources {
            let name = resource.splitn(6, ':').nth(5).unwrap_or_default();
            assert!(name.contains("hw"), "{writes:?} on {resource}");
            // What builds write in passing: their logs, reports, artifacts; and the state of this service.
            let inside = [
                "report-group/hw-SelfUpdate-*",
                "parameter/pipectl/hw/*",
                "log-group:/pipectl/hw:*",
                "hw-artifacts-123456789012-us-east-1/*",
                "hw/*",
            ];
            assert!(
                !name.contains('*') || inside.contains(&name),
                "{writes:?} on {resource}"
            );
        }
        for action in writes {
            let name = action.split_once(':').unwrap().1;
            let parts = [
                "DeleteParameter",
                "DeleteParameters",
                "DeleteRolePolicy",
                "DeleteRetentionPolicy",
            ];
            let own = parts.contains(&name);
            assert!(
                own || !name.starts_with("Delete") && !name.starts_with("Unsub"),
                "{action}"
            );
        }
    }
}
