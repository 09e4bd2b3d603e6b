//! An account of its own for each test: what it holds at first, the binary at work on it, and what somebody else does
//! to it behind the binary's back.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::examples::{Ran, copy};
use crate::support::emulator::{emulators, post};

/// The account that the examples name.
const OF_THE_EXAMPLES: &str = "123456789012";

/// An account on the emulators and a folder with a pipeline file.
pub(crate) struct Account {
    /// Twelve digits; the access key too, by which the emulators know the account.
    pub(crate) id: String,
    pub(crate) region: String,
    folder: tempfile::TempDir,
    /// Beside those of the emulators.
    pub(crate) environment: BTreeMap<String, String>,
}

/// A request that arrived at moto.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) service: String,
    pub(crate) operation: String,
    pub(crate) write: bool,
    /// Path and body of a write.
    text: String,
}

impl Call {
    /// Whether the request names all these, each as a whole.
    fn names(&self, names: &[&str]) -> bool {
        let of_a_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        names.iter().all(|name| {
            self.text.match_indices(name).any(|(at, _)| {
                let before = self.text[..at].chars().next_back();
                let after = self.text[at + name.len()..].chars().next();
                !before.is_some_and(of_a_name) && !after.is_some_and(of_a_name)
            })
        })
    }

    /// Lock and inventory.
    fn is_book_keeping(&self) -> bool {
        self.service == "ssm" && self.text.contains("/pipectl/")
    }
}

/// The service that a kind lives in, in the words of a signature, and the words of a name.
fn place<'n>(kind: &str, name: &'n str) -> (&'static str, Vec<&'n str>) {
    let service = match kind {
        "codebuild-project" => "codebuild",
        "pipeline" | "webhook" | "stage-transition" => "codepipeline",
        "iam-role" => "iam",
        "log-group" => "logs",
        "s3-bucket" | "s3-bucket-events" | "s3-object" => "s3",
        "sns-topic" | "sns-subscription" => "sns",
        "event-rule" => "events",
        "cloudwatch-alarm" => "monitoring",
        other => panic!("where is {other}?"),
    };
    let words = match kind {
        // TOPIC protocol endpoint, PIPELINE stage.
        "sns-subscription" => {
            let (topic, rest) = name.split_once(' ').unwrap();
            vec![topic, rest.split_once(' ').unwrap().1]
        }
        "stage-transition" => name.splitn(2, ' ').collect(),
        _ => vec![name],
    };
    (service, words)
}

/// Asserts that each change was written, and that nothing was written that is no change: what was told is what
/// happened.
#[track_caller]
pub(crate) fn assert_told(applied: &Value, calls: &[Call]) {
    let changes: Vec<(&str, &str, &str)> = applied["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| {
            let text = |key: &str| change[key].as_str().unwrap();
            (text("action"), text("kind"), text("name"))
        })
        .collect();
    let is_of = |call: &Call, (_, kind, name): &(&str, &str, &str)| {
        let (service, mut words) = place(kind, name);
        if call.operation == "Unsubscribe" {
            // The ARN of a subscription names its topic, and not its endpoint.
            words.truncate(1);
        }
        call.service == service && call.names(&words)
    };
    let writes: Vec<&Call> = calls.iter().filter(|call| call.write).collect();
    for change in &changes {
        let (action, kind, name) = *change;
        // CloudWatch is another server; a subscription can go with its topic.
        let topic = name.split(' ').next().unwrap();
        let with_topic =
            kind == "sns-subscription" && changes.contains(&("delete", "sns-topic", topic));
        if kind == "cloudwatch-alarm" || (action == "delete" && with_topic) {
            continue;
        }
        assert!(
            writes.iter().any(|call| is_of(call, change)),
            "{change:?} was told and not written: {writes:#?}"
        );
    }
    for call in writes {
        assert!(
            call.is_book_keeping() || changes.iter().any(|change| is_of(call, change)),
            "written and not told: {call:#?}\n{changes:#?}"
        );
    }
    let alarms = |actions: &[&str]| {
        let of = |(action, kind, _): &&(&str, &str, &str)| {
            *kind == "cloudwatch-alarm" && actions.contains(action)
        };
        changes.iter().filter(of).count()
    };
    let made = |operation: &str| {
        let number = &applied["calls"]["operations"][format!("CloudWatch:{operation}")];
        number.as_u64().unwrap_or(0)
    };
    assert_eq!(
        made("PutMetricAlarm"),
        alarms(&["create", "update"]) as u64,
        "{applied:#}"
    );
    assert_eq!(
        made("DeleteAlarms") > 0,
        alarms(&["delete"]) > 0,
        "{applied:#}"
    );
}

/// What stands in `changes`, sorted, as `update codebuild-project NAME (drift): timeoutInMinutes, environment.image`.
/// At which place a statement of a policy stands is nobody's concern.
pub(crate) fn lines(plan: &Value) -> Vec<String> {
    let statement = regex::Regex::new(r"Statement\[\d+\]").unwrap();
    let mut lines: Vec<String> = plan["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| {
            let text = |key: &str| change[key].as_str().unwrap();
            let fields: Vec<String> = change["fields"]
                .as_array()
                .unwrap()
                .iter()
                .map(|field| field["path"].as_str().unwrap())
                .map(|path| statement.replace(path, "Statement[]").into_owned())
                .collect();
            let colon = if fields.is_empty() { "" } else { ": " };
            format!(
                "{} {} {} ({}){colon}{}",
                text("action"),
                text("kind"),
                text("name"),
                text("reason"),
                fields.join(", ")
            )
        })
        .collect();
    lines.sort();
    lines
}

/// Asserts that the plan says this and nothing else.
#[track_caller]
pub(crate) fn assert_lines(plan: &Value, expected: &[&str]) {
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(lines(plan), expected, "{plan:#}");
}

impl Account {
    /// A folder with one file in it, and an account that is empty.
    pub(crate) fn with_file(id: &str, region: &str, file: &str) -> Self {
        let account = Self::empty(id, region);
        fs::write(account.folder().join("pipeline.yml"), file).unwrap();
        account
    }

    fn empty(id: &str, region: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Small, and of a system that builds have: what the self-update puts into the bucket.
        let binary = folder.path().join("pipectl-for-builds");
        let mut elf = b"\x7fELF\x02\x01".to_vec();
        elf.resize(18, 0);
        elf.extend([62, 0]);
        elf.resize(64, 0);
        fs::write(&binary, elf).unwrap();
        let binary = binary.to_str().unwrap().to_owned();
        Self {
            id: id.to_owned(),
            region: region.to_owned(),
            folder,
            environment: BTreeMap::from([("PIPECTL_BINARY".to_owned(), binary)]),
        }
    }

    /// A copy of an example, and an account that holds what the example needs.
    pub(crate) fn of_example(id: &str, region: &str, example: &str) -> Self {
        let account = Self::empty(id, region);
        let from = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("examples")
            .join(example);
        copy(&from, account.folder());
        account.seed();
        account
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Makes what `sandbox.yml` says there is: parameters and secrets, and the roles, connections and buckets that the
    /// parameters name.
    fn seed(&self) {
        let text = fs::read_to_string(self.folder().join("sandbox.yml")).unwrap();
        let text = text.replace(OF_THE_EXAMPLES, &self.id);
        let seed: Value = serde_yaml::from_str(&text).unwrap();
        for (name, value) in seed["parameters"].as_object().into_iter().flatten() {
            let mut value = value.as_str().unwrap().to_owned();
            if name.contains("bucket") {
                // Names of buckets are for all accounts at once.
                value = format!("{value}-{}", self.id);
                self.bucket(&value);
            }
            self.call(
                "ssm",
                "put_parameter",
                json!({"Name": name, "Value": value, "Type": "String"}),
            );
            if let Some((_, role)) = value.split_once(":role/") {
                self.role(role);
            } else if value.contains(":connection/") {
                self.connection(&value, "AVAILABLE");
            }
        }
        for (name, value) in seed["secrets"].as_object().into_iter().flatten() {
            self.call(
                "secretsmanager",
                "create_secret",
                json!({"Name": name, "SecretString": value.to_string()}),
            );
        }
    }

    /// A role that both services may assume.
    pub(crate) fn role(&self, name: &str) {
        let services = ["codepipeline.amazonaws.com", "codebuild.amazonaws.com"];
        let statements = services.map(|service| json!({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}));
        let trust = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        self.call(
            "iam",
            "create_role",
            json!({"RoleName": name, "AssumeRolePolicyDocument": trust}),
        );
    }

    /// A connection, as far as somebody has completed it.
    pub(crate) fn connection(&self, arn: &str, status: &str) {
        let given = json!({"ConnectionArn": arn, "ConnectionStatus": status});
        self.door("connections", given);
    }

    /// A versioned bucket.
    pub(crate) fn bucket(&self, name: &str) {
        let mut parameters = json!({"Bucket": name});
        if self.region != "us-east-1" {
            parameters["CreateBucketConfiguration"] = json!({"LocationConstraint": self.region});
        }
        self.call("s3", "create_bucket", parameters);
        self.call(
            "s3",
            "put_bucket_versioning",
            json!({"Bucket": name, "VersioningConfiguration": {"Status": "Enabled"}}),
        );
    }

    /// Changes the pipeline file: the text must stand there exactly once.
    #[track_caller]
    pub(crate) fn edit(&self, from: &str, to: &str) {
        let path = self.folder().join("pipeline.yml");
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches(from).count(), 1, "`{from}` in the file");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    /// Takes what is from one text up to another out of the pipeline file; `""` is its end.
    #[track_caller]
    pub(crate) fn cut(&self, from: &str, to: &str) {
        let path = self.folder().join("pipeline.yml");
        let text = fs::read_to_string(&path).unwrap();
        let start = text.find(from).expect("where it starts");
        let end = match to {
            "" => text.len(),
            to => start + text[start..].find(to).expect("where it ends"),
        };
        fs::write(path, format!("{}{}", &text[..start], &text[end..])).unwrap();
    }

    /// The binary, ready to start on the account.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pipectl"));
        command
            .args(arguments)
            .current_dir(self.folder())
            .env_clear()
            .envs(emulators().environment())
            .env("AWS_ACCESS_KEY_ID", &self.id)
            .env("AWS_REGION", &self.region)
            .env("HOME", self.folder())
            .envs(&self.environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the binary.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        ended(self.start(arguments))
    }

    /// Starts the binary.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    /// Runs it with `--format json`, expects this exit code and gives what it printed.
    #[track_caller]
    pub(crate) fn json(&self, code: i32, arguments: &[&str]) -> Value {
        let ran = self.run(&[arguments, &["--format", "json"]].concat());
        let said = format!("{}: {}{}", arguments.join(" "), ran.stdout, ran.stderr);
        assert_eq!(ran.code, code, "{said}");
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}\n{said}"))
    }

    /// The plan, whose exit code must say whether it is empty.
    #[track_caller]
    pub(crate) fn plan(&self, flags: &[&str]) -> Value {
        let ran = self.run(&[&["plan", "--exit-code", "--format", "json"], flags].concat());
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(ran.code == 0 || ran.code == 2, "{}: {said}", ran.code);
        let plan: Value =
            serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}\n{said}"));
        let empty = plan["changes"] == json!([]);
        assert_eq!(ran.code, if empty { 0 } else { 2 }, "{said}");
        assert_eq!(plan["calls"]["write"], 0, "{plan:#}");
        plan
    }

    /// The plan is empty and an apply makes no write call, by its own account and by the server's.
    #[track_caller]
    pub(crate) fn assert_in_sync(&self) -> Value {
        self.traffic();
        let plan = self.plan(&[]);
        assert_eq!(plan["changes"], json!([]), "{plan:#}");
        let again = self.json(0, &["apply"]);
        assert_eq!(again["changes"], json!([]), "{again:#}");
        assert_eq!(again["calls"]["write"], 0, "{again:#}");
        let mut writes = self.traffic();
        writes.retain(|call| call.write);
        let writes: Vec<String> = writes.into_iter().map(|call| call.operation).collect();
        assert_eq!(writes, Vec::<String>::new());
        plan
    }

    fn door(&self, path: &str, given: Value) -> Value {
        let mut given = given;
        let emulators = emulators();
        given["account"] = json!(self.id);
        given["region"] = json!(self.region);
        if path == "snapshot" || given["service"] == "cloudwatch" {
            given["endpoint"] = json!(emulators.ministack);
        }
        let answer = post(
            &emulators.moto,
            &format!("/_test/{path}"),
            &[],
            &given.to_string(),
        );
        serde_json::from_str(&answer).unwrap()
    }

    /// A call of another client, which must work.
    #[track_caller]
    pub(crate) fn call(&self, service: &str, operation: &str, params: Value) -> Value {
        let given = json!({"service": service, "operation": operation, "params": params});
        let answer = self.door("call", given);
        assert!(
            answer.get("error").is_none(),
            "{service} {operation}: {answer}"
        );
        answer
    }

    /// All that the account holds, as another client sees it.
    pub(crate) fn snapshot(&self) -> BTreeMap<String, Value> {
        serde_json::from_value(self.door("snapshot", json!({}))).unwrap()
    }

    /// The names of what the account holds and the other one did not.
    pub(crate) fn new_since(&self, before: &BTreeMap<String, Value>) -> Vec<String> {
        let now = self.snapshot();
        let new = now.into_keys().filter(|name| !before.contains_key(name));
        new.collect()
    }

    /// Asserts that nothing is there that was not, and nothing is gone or changed.
    #[track_caller]
    pub(crate) fn assert_as(&self, before: &BTreeMap<String, Value>) {
        let now = self.snapshot();
        let names: Vec<&String> = now.keys().chain(before.keys()).collect();
        for name in names {
            assert_eq!(now.get(name), before.get(name), "{name}");
        }
    }

    /// The same as they came: service, region, operation, path, query, body.
    pub(crate) fn requests(&self) -> Vec<Value> {
        let calls = self.door("traffic", json!({}));
        calls.as_array().unwrap().clone()
    }

    /// The calls that moto had from the binary since the last time.
    pub(crate) fn traffic(&self) -> Vec<Call> {
        let calls = self.door("traffic", json!({}));
        let calls = calls.as_array().unwrap().iter().map(|call| Call {
            service: call["service"].as_str().unwrap().to_owned(),
            operation: call["operation"].as_str().unwrap().to_owned(),
            write: call["write"].as_bool().unwrap(),
            text: call["text"].as_str().unwrap_or_default().to_owned(),
        });
        calls.collect()
    }

    /// Moto refuses calls of the binary with this error: see traffic.py.
    pub(crate) fn refuse(&self, operation: &str, times: u32, status: &str, code: &str, text: &str) {
        self.door(
            "fault",
            json!({
                "how": "refuse", "operation": operation, "skip": 0, "times": times,
                "status": status, "code": code, "message": text,
            }),
        );
    }

    /// The write after so many ones waits until the release.
    pub(crate) fn hold_write(&self, after: usize) {
        self.hold_writes(after, 1);
    }

    /// So do the ones after it.
    pub(crate) fn hold_writes(&self, after: usize, number: usize) {
        self.door(
            "fault",
            json!({"how": "hold", "operation": null, "skip": after, "times": number}),
        );
    }

    /// Waits until a call of the binary waits.
    #[track_caller]
    pub(crate) fn wait_held(&self) {
        let answer = self.door("held", json!({}));
        assert_eq!(answer["held"], true, "no call came");
    }

    /// Lets the waiting call go: done, or as if it had never arrived. Forgets the faults.
    pub(crate) fn release(&self, perform: bool) {
        self.door("release", json!({"perform": perform}));
    }

    /// The secrets that moto keeps for this account, unmasked.
    pub(crate) fn stored_secrets(&self) -> String {
        let all = self.door("secrets", json!({}));
        let own = format!(":{}:", self.id);
        let own = all
            .as_object()
            .unwrap()
            .iter()
            .filter(|(place, _)| place.contains(&own));
        Value::from_iter(own.map(|(place, value)| (place.clone(), value.clone()))).to_string()
    }

    /// Somebody clicks on the link in the mail.
    pub(crate) fn confirm(&self, topic: &str, endpoint: &str) {
        let topic = format!("arn:aws:sns:{}:{}:{topic}", self.region, self.id);
        let answer = self.door("confirm", json!({"TopicArn": topic, "Endpoint": endpoint}));
        assert_eq!(answer["confirmed"], true);
    }
}

/// What a started binary left.
pub(crate) fn ended(child: Child) -> Ran {
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
