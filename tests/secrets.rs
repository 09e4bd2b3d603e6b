//! A marker stands for every secret. No command, in no format, at no verbosity, alive or killed, may show it, and no
//! file may hold it but the sandbox's own store, which is for the owner's eyes only.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use clap::ValueEnum as _;
use pipectl::cli;
use pipectl::cloud::Cloud as _;
use pipectl::resources::{Id, Kind, Resource};
use pipectl::tree::{Secret, SecretReference, SecretService};
use serde_json::{Value, json};
use sha2::Digest as _;

use crate::cloud_failures::{Server, keys, refusal};
use crate::support::inside;
use crate::support::program::{Output, Place, finish};

const MARKER: &str = "ghpMARKERq7Zk2Xw9Lr4";

/// The marker as it is and as it might be disguised; a hash of a secret is none of anybody's business either.
fn disguises() -> Vec<String> {
    let engine = base64::engine::general_purpose::STANDARD;
    let sha256 = sha2::Sha256::digest(MARKER);
    vec![
        MARKER.to_owned(),
        engine.encode(MARKER),
        hex(MARKER.as_bytes()),
        hex(&sha256),
        engine.encode(sha256),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn shows(bytes: &[u8]) -> bool {
    disguises().iter().any(|word| {
        bytes
            .windows(word.len())
            .any(|part| part == word.as_bytes())
    })
}

fn expect_nothing(what: &str, output: &Output) {
    for (stream, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        assert!(
            !shows(bytes),
            "{what} shows the secret on {stream}:\n{}",
            String::from_utf8_lossy(bytes)
        );
    }
    let panicked = output.err().contains("panicked at");
    assert!(!panicked, "{what} panicked:\n{}", output.said());
}

/// No file below holds the marker, but for the store, and that is private.
fn expect_no_file(place: &Place) {
    for path in place.files() {
        let store = path
            .parent()
            .is_some_and(|folder| folder.ends_with(".pipectl"))
            && path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("account.db"));
        if store {
            private(&path, 0o600);
            private(path.parent().expect("a folder"), 0o700);
            continue;
        }
        let bytes = fs::read(&path).expect("readable");
        assert!(!shows(&bytes), "{} holds the secret", path.display());
    }
}

#[cfg(unix)]
fn private(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    let found = fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(found, mode, "{} has the mode {found:o}", path.display());
}

#[cfg(not(unix))]
fn private(_: &Path, _: u32) {}

/// Everywhere a secret may stand.
const ALLOWED: &str = r#"
service: hw
provider: {region: us-east-1}
custom:
  token: ${secret:GH:token}
  whole: ${secret:GH}
params:
  default: {token: "${ssm:/hw/secure}"}
projects:
  shared:
    run: sh test.sh
    env:
      A: {secret: "GH:token"}
      B: {ssm: /hw/secure}
pipelines:
  one:
    source: {github: hw/api, branch: main, token: "${self:custom.token}"}
    stages:
      - unit: {project: shared}
      - build: {run: make, env: {C: {secret: "PLAIN"}}}
  two:
    source: {github: hw/web, branch: main, token: "${param:token}"}
    stages:
      - unit: {project: shared}
  three:
    source: {github: hw/all, branch: main, token: "${secret:PLAIN}"}
    stages:
      - unit: sh test.sh
  raw:
    definition:
      name: raw
      roleArn: arn:aws:iam::123456789012:role/pipeline
      artifactStore: {type: S3, location: artifacts}
      stages:
        - name: Source
          actions:
            - name: Source
              actionTypeId: {category: Source, owner: ThirdParty, provider: GitHub, version: "1"}
              configuration: {Owner: hw, Repo: raw, Branch: main, OAuthToken: "${secret:GH:token}"}
              outputArtifacts: [{name: Source}]
        - name: Approve
          actions:
            - name: Approve
              actionTypeId: {category: Approval, owner: AWS, provider: Manual, version: "1"}
"#;

/// Values that must not stand where they do, one at a time, put in place of `HERE`.
const FORBIDDEN: [(&str, &str); 41] = [
    ("run", "stages: [{unit: {run: 'curl -H HERE x'}}]"),
    ("run list", "stages: [{unit: {run: [make, HERE]}}]"),
    ("env", "stages: [{unit: {run: make, env: {TOKEN: HERE}}}]"),
    (
        "env ssm",
        "stages: [{unit: {run: make, env: {T: {ssm: HERE}}}}]",
    ),
    (
        "env secret",
        "stages: [{unit: {run: make, env: {T: {secret: HERE}}}}]",
    ),
    (
        "defaults",
        "defaults: {env: {TOKEN: HERE}}\nstages: [{unit: make}]",
    ),
    ("image", "stages: [{unit: {run: make, image: HERE}}]"),
    ("timeout", "stages: [{unit: {run: make, timeout: HERE}}]"),
    ("compute", "stages: [{unit: {run: make, compute: HERE}}]"),
    ("role", "stages: [{unit: {run: make, role: HERE}}]"),
    (
        "buildspec",
        "stages: [{unit: {buildspec: {version: 0.2, phases: {build: {commands: [HERE]}}}}}]",
    ),
    ("buildspec path", "stages: [{unit: {buildspec: HERE}}]"),
    ("stage", "stages: [{name: HERE, unit: make}]"),
    ("kind", "stages: [HERE]"),
    ("stages", "stages: HERE"),
    (
        "approval",
        "stages: [{unit: make}, {approval: {message: HERE}}]",
    ),
    ("notify", "stages: [{unit: make}, {approval: HERE}]"),
    (
        "invoke",
        "stages: [{invoke: {lambda: {function: f, parameters: {a: HERE}}}}]",
    ),
    ("deploy", "stages: [{deploy: {s3: {bucket: HERE}}}]"),
    (
        "parameters",
        "stages: [{deploy: {cloudformation: {stack: s, template: t, role: r, parameters: {a: HERE}}}}]",
    ),
    (
        "tags",
        "provider: {tags: {a: HERE}}\nstages: [{unit: make}]",
    ),
    ("region", "provider: {region: HERE}\nstages: [{unit: make}]"),
    (
        "default stage",
        "provider: {stage: HERE}\nstages: [{unit: make}]",
    ),
    (
        "profile",
        "provider: {profile: HERE}\nstages: [{unit: make}]",
    ),
    (
        "account",
        "provider: {accountId: HERE}\nstages: [{unit: make}]",
    ),
    (
        "bucket",
        "provider: {artifactStore: {bucket: HERE}}\nstages: [{unit: make}]",
    ),
    ("version", "requiredVersion: HERE\nstages: [{unit: make}]"),
    ("mode", "executionMode: HERE\nstages: [{unit: make}]"),
    ("variable", "variables: {A: HERE}\nstages: [{unit: make}]"),
    (
        "schedule",
        "triggers: [{schedule: HERE}]\nstages: [{unit: make}]",
    ),
    (
        "alarm",
        "alarms: {a: {failedBuilds: all, notify: HERE}}\nstages: [{unit: make}]",
    ),
    (
        "notifications",
        "notifications: {buildFailed: HERE}\nstages: [{unit: make}]",
    ),
    (
        "allow",
        "stages: [{unit: {run: make, allow: [{Action: HERE, Resource: '*'}]}}]",
    ),
    (
        "condition",
        "stages: [{unit: make, beforeEntry: {check: [{variable: a, eq: HERE}], else: fail}}]",
    ),
    ("x", "x-note: HERE\nstages: [{unit: HERE}]"),
    ("api", "stages: [{unit: {run: make}, api: {a: HERE}}]"),
    (
        "artifacts",
        "stages: [{build: {run: make, artifacts: HERE}}]",
    ),
    (
        "reports",
        "stages: [{unit: {run: make, reports: {a: HERE}}}]",
    ),
    ("unknown key", "stages: [{unit: make}]\nnothing: HERE"),
    (
        "merged",
        "stages: [{unit: make}]\ncustom: {a: HERE}\nalarms: '${self:custom}'",
    ),
    ("logs", "stages: [{unit: {run: make, logs: HERE}}]"),
];

/// Variables that give the secret, or ask for something by it.
const VARIABLES: [&str; 16] = [
    "'${secret:GH:token}'",
    "'${secret:GH}'",
    "'${secret:PLAIN}'",
    "'${ssm:/hw/secure}'",
    "'a ${ssm:/hw/secure} b'",
    "'${self:custom.token}'",
    // errors on the way
    "'${secret:PLAIN:key}'",
    "'${secret:GH:none}'",
    "'${secret:GH:nested}'",
    "'${secret:GH:nested.none}'",
    "'${ssm:${secret:GH:token}}'",
    "'${secret:${secret:GH:token}}'",
    "'${self:custom.${secret:GH:token}}'",
    "'${file(${secret:GH:token}):a}'",
    "'${strToBool(${secret:GH:token})}'",
    "'${${secret:GH:token}:x}'",
];

fn account(place: &Place) {
    let set = |store: &str, name: &str, value: &str, more: &[&str]| {
        let arguments = [&["sandbox", "set", store, name, "-"], more].concat();
        let mut child = place
            .command(&arguments)
            .stdin(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut input = child.stdin.take().expect("piped");
        input.write_all(value.as_bytes()).expect("it reads");
        drop(input);
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{name}: {output:?}");
        assert!(!shows(&output.stdout) && !shows(&output.stderr), "{name}");
    };
    let json = json!({"token": MARKER, "nested": {"a": MARKER}, "list": [MARKER]});
    set("secret", "GH", &json.to_string(), &[]);
    set("secret", "PLAIN", MARKER, &[]);
    set("secret", "LONG", &MARKER.repeat(120), &[]);
    set("secret", "LINES", &format!("{MARKER}\n\u{1b}{MARKER}"), &[]);
    set("ssm", "/hw/secure", MARKER, &["--secure"]);
}

fn place() -> Place {
    let place = Place::new();
    place.write("pipeline.yml", ALLOWED);
    place.write("test.sh", "true\n");
    fs::create_dir(place.path().join("tmp")).expect("a folder");
    account(&place);
    place
}

/// Runs a command with everything switched on that makes programs talk.
fn loudly(place: &Place, arguments: &[&str]) -> Output {
    let mut command = place.command(arguments);
    command
        .env("TMPDIR", place.path().join("tmp"))
        .env("RUST_LOG", "trace")
        .env("RUST_BACKTRACE", "full")
        .env("PIPECTL_VERBOSE", "3");
    let output = finish(&mut command);
    expect_nothing(&format!("pipectl {}", arguments.join(" ")), &output);
    output
}

/// The arguments with which every command is tried, by its words.
fn tries(words: &str) -> Option<Vec<Vec<&'static str>>> {
    Some(match words {
        "validate" => vec![vec![], vec!["--strict"]],
        "print" => vec![
            vec!["--sandbox"],
            vec!["--sandbox", "--explain"],
            vec!["--sandbox", "--path", "custom.token"],
            vec!["--sandbox", "--path", "custom.whole.token", "--explain"],
            vec!["--sandbox", "--path", "params"],
        ],
        "compile" => vec![
            vec!["--sandbox"],
            vec!["--sandbox", "--explain"],
            vec!["--offline"],
        ],
        "plan" => vec![
            vec!["--sandbox"],
            vec!["--sandbox", "--out", "changes.plan"],
            vec![
                "--sandbox",
                "--prune",
                "--delete-data",
                "--adopt",
                "--exit-code",
            ],
        ],
        "apply" => vec![
            vec!["--sandbox", "--dry-run"],
            vec!["--sandbox", "--yes"],
            vec!["--sandbox", "--yes", "--run", "--color", "always"],
            vec!["changes.plan"],
        ],
        "destroy" => vec![
            vec!["--sandbox", "--dry-run"],
            vec!["--sandbox", "--yes", "--delete-data"],
        ],
        "sandbox set" => vec![vec!["ssm", "/a", "b"]],
        "sandbox get" => vec![
            vec!["secret", "GH"],
            vec!["secret", "PLAIN"],
            vec!["ssm", "/hw/secure"],
        ],
        "sandbox list" => vec![vec![]],
        "sandbox reset" => vec![vec![], vec!["--yes"]],
        "explain" => vec![vec![], vec!["secret-exposed"]],
        "run" => vec![vec!["--sandbox", "--trust", "--pipeline", "two"]],
        "status" | "watch" | "logs" | "reports" => vec![vec!["--sandbox", "--pipeline", "two"]],
        "enable" => vec![vec![
            "--sandbox",
            "--pipeline",
            "two",
            "--stage",
            "UnitTest",
        ]],
        "disable" => vec![vec!["--sandbox", "--pipeline", "raw", "--stage", "Approve"]],
        "approve" | "reject" | "retry" | "stop" => {
            vec![vec!["--sandbox", "--trust", "--pipeline", "one"]]
        }
        "rollback" => vec![vec![
            "--sandbox",
            "--trust",
            "--pipeline",
            "one",
            "--stage",
            "UnitTest",
            "--yes",
        ]],
        "graph" => vec![vec![], vec!["--sandbox", "--live", "--pipeline", "two"]],
        "permissions" => vec![
            vec!["--sandbox"],
            vec!["--sandbox", "--explain"],
            vec!["--offline"],
        ],
        "init" => vec![vec!["--list"], vec!["--dry-run"]],
        "complete" => vec![vec![], vec!["--next"]],
        "schema" => vec![vec![]],
        "completions" => vec![vec!["bash"]],
        "man" => vec![vec![]],
        _ => return None,
    })
}

/// Every command of the program, as words, in the order of its help.
fn commands() -> Vec<String> {
    fn walk(command: &clap::Command, words: &str, found: &mut Vec<String>) {
        for inner in command.get_subcommands() {
            let words = format!("{words} {}", inner.get_name());
            if inner.has_subcommands() {
                walk(inner, &words, found);
            } else {
                found.push(words.trim().to_owned());
            }
        }
    }
    let mut found = Vec::new();
    walk(&cli::whole(), "", &mut found);
    found
}

#[test]
fn no_command_shows_a_secret_in_any_format() {
    let place = place();
    let formats: Vec<String> = cli::Format::value_variants()
        .iter()
        .map(|format| {
            let value = format.to_possible_value().expect("no format is hidden");
            value.get_name().to_owned()
        })
        .collect();
    assert!(formats.len() >= 4 && commands().len() >= 10);
    let mut done = BTreeMap::new();
    // Twice: before anything exists and on an account that is in sync. What ends the account comes last.
    let (ends, goes_on): (Vec<String>, Vec<String>) = commands()
        .into_iter()
        .partition(|words| words == "sandbox reset" || words == "destroy");
    for words in goes_on.iter().chain(&goes_on).chain(&ends) {
        let tries = tries(words).unwrap_or_else(|| {
            panic!("`{words}` is new: say with which arguments it is tried for secrets")
        });
        let split: Vec<&str> = words.split(' ').collect();
        for more in &tries {
            for format in &formats {
                let format = ["--format", format.as_str(), "-vvv"];
                let arguments = [&split[..], &more[..], &format[..]].concat();
                let output = loudly(&place, &arguments);
                if output.code == 0 {
                    *done.entry(words.clone()).or_insert(0) += 1;
                }
            }
        }
        expect_no_file(&place);
    }
    for words in commands() {
        // These answer to something that is under way: below.
        let steers = ["approve", "reject", "retry", "stop", "rollback"].contains(&words.as_str());
        assert!(
            steers || done.contains_key(&words),
            "`{words}` never worked"
        );
    }
}

#[test]
fn what_runs_in_the_sandbox_and_what_steers_it_shows_no_secret() {
    let place = place();
    // A build that shows all it knows.
    place.write("test.sh", "env\nset\n[ ! -e fail ]\n");
    let run = |code: i32, arguments: &[&str]| {
        for format in ["text", "json"] {
            let more = ["--sandbox", "--format", format, "-vvv"];
            let output = loudly(&place, &[arguments, &more].concat());
            assert_eq!(output.code, code, "{arguments:?}: {}", output.said());
        }
        expect_no_file(&place);
    };
    let once = |code: i32, arguments: &[&str]| {
        let output = loudly(&place, &[arguments, &["--sandbox", "-vvv"]].concat());
        assert_eq!(output.code, code, "{arguments:?}: {}", output.said());
        expect_no_file(&place);
        output
    };
    once(0, &["apply", "--yes", "--no-run"]);
    run(0, &["run", "--trust", "--pipeline", "two"]);
    let logs = once(0, &["logs", "--pipeline", "two"]);
    assert!(logs.out().contains("A=***"), "{}", logs.said());
    once(
        0,
        &[
            "rollback",
            "--trust",
            "--pipeline",
            "two",
            "--stage",
            "UnitTest",
            "--yes",
        ],
    );
    place.write("fail", "");
    once(1, &["run", "--trust", "--pipeline", "two"]);
    once(1, &["retry", "--trust", "--pipeline", "two"]);
    once(
        3,
        &["run", "--trust", "--pipeline", "raw", "--timeout", "3s"],
    );
    run(0, &["status", "--pipeline", "raw"]);
    once(0, &["approve", "--trust", "--pipeline", "raw"]);
    once(
        3,
        &["run", "--trust", "--pipeline", "raw", "--timeout", "3s"],
    );
    once(1, &["reject", "--trust", "--pipeline", "raw", "-m", "no"]);
    once(
        3,
        &["run", "--trust", "--pipeline", "raw", "--timeout", "3s"],
    );
    once(0, &["stop", "--abandon", "--pipeline", "raw"]);
}

#[test]
fn what_is_stored_in_the_account_is_masked() {
    let place = place();
    let output = loudly(&place, &["apply", "--sandbox", "--yes"]);
    assert_eq!(output.code, 0, "{}", output.said());
    let db = rusqlite::Connection::open(place.path().join(".pipectl/account.db")).expect("opens");
    let mut rows = db
        .prepare("SELECT kind || name || body || tags FROM resources")
        .expect("the table");
    let texts: Vec<String> = rows
        .query_map([], |row| row.get(0))
        .expect("rows")
        .map(|row| row.expect("a text"))
        .collect();
    assert!(texts.iter().filter(|text| text.contains("****")).count() >= 4);
    for text in texts {
        assert!(!shows(text.as_bytes()), "{text}");
    }
    // The inventory and the lock are parameters.
    let parameters: i64 = db
        .query_row(
            "SELECT count(*) FROM parameters WHERE name LIKE '/pipectl/%' AND instr(value, ?1) > 0",
            [MARKER],
            |row| row.get(0),
        )
        .expect("a number");
    assert_eq!(parameters, 0);
    drop(rows);
    drop(db);
    // A rotation is told, the new value is not.
    let rotated = format!("{MARKER}2");
    let set = loudly_set(&place, "PLAIN", &rotated);
    assert_eq!(set.code, 0);
    let plan = loudly(&place, &["plan", "--sandbox", "--format", "json"]);
    let plan: Value = serde_json::from_slice(&plan.stdout).expect("JSON");
    assert_eq!(plan["changes"][0]["reason"], "rotation", "{plan:#}");
    assert_eq!(loudly(&place, &["apply", "--sandbox", "--yes"]).code, 0);
    expect_no_file(&place);
}

fn loudly_set(place: &Place, name: &str, value: &str) -> Output {
    let output = finish(
        place
            .command(&["sandbox", "set", "secret", name, value])
            .env("RUST_LOG", "trace"),
    );
    expect_nothing("pipectl sandbox set", &output);
    output
}

#[test]
fn a_secret_in_a_wrong_place_is_refused_and_not_shown() {
    let place = place();
    let mut refused = 0;
    for (at, (name, text)) in FORBIDDEN.iter().enumerate() {
        for (variable_at, variable) in VARIABLES.iter().enumerate() {
            // The plain secret everywhere; of the others every place sees some, and every place is seen by all.
            if variable_at > 0 && (at + variable_at) % 4 != 0 {
                continue;
            }
            // Inside quotes the value stands without its own.
            let bare = variable.trim_matches('\'');
            let quoted = text.contains("HERE x'");
            let text = text.replace("HERE", if quoted { bare } else { variable });
            let mut file = format!("service: hw\nsource: {{s3: b/k}}\n{text}\n");
            if !text.contains("custom:") {
                file += "custom: {token: '${secret:GH:token}'}\n";
            }
            place.write("forbidden.yml", &file);
            let run =
                |words: &[&str]| loudly(&place, &[words, &["-f", "forbidden.yml"][..]].concat());
            let plan = run(&["plan", "--sandbox", "-r", "us-east-1", "--format", "json"]);
            if variable_at == 0 && *name != "x" {
                assert!(
                    matches!(plan.code, 1 | 64),
                    "a secret as {name} was taken:\n{file}{}",
                    plan.said()
                );
            }
            refused += usize::from(plan.code == 1);
            if variable_at % 5 == 0 {
                run(&["apply", "--sandbox", "--yes", "-vvv"]);
                run(&["print", "--sandbox", "--explain"]);
                run(&["print", "--sandbox", "--format", "json"]);
                run(&["compile", "--sandbox"]);
                run(&["validate", "--format", "json"]);
            }
        }
    }
    assert!(refused > 100, "only {refused} files were refused");
    // The file itself holds the names only.
    expect_no_file(&place);
}

#[test]
fn a_secret_that_the_account_refuses_is_not_quoted() {
    let place = place();
    for secret in ["LONG", "LINES"] {
        for (name, text) in [
            (
                "typed",
                "source: {github: a/b, branch: main, token: '${secret:NAME}'}\nstages: [{unit: make}]",
            ),
            (
                "branch",
                "source: {github: a/b, branch: '${secret:NAME}', token: x}\nstages: [{unit: make}]",
            ),
        ] {
            let text = text.replace("NAME", secret);
            place.write("long.yml", format!("service: {name}\n{text}\n"));
            for words in [
                &["validate"][..],
                &["plan", "--sandbox"],
                &["apply", "--sandbox", "--yes", "--format", "json"],
                &["apply", "--sandbox", "--yes"],
                &["print", "--sandbox"],
                &["destroy", "--sandbox", "--yes"],
            ] {
                loudly(
                    &place,
                    &[words, &["-f", "long.yml", "-r", "us-east-1", "-vvv"]].concat(),
                );
            }
        }
    }
    expect_no_file(&place);
}

#[cfg(unix)]
#[test]
fn whoever_is_killed_leaves_no_secret_behind() {
    let place = place();
    for delay in [5, 15, 25, 40, 60, 80, 100, 130, 170, 220, 300] {
        let arguments = ["apply", "--sandbox", "--yes", "-vvv"];
        let mut child = place
            .command(&arguments)
            .env("TMPDIR", place.path().join("tmp"))
            .spawn()
            .expect("it starts");
        std::thread::sleep(Duration::from_millis(delay));
        // SIGKILL; the program may have ended by itself.
        let _ = child.kill();
        let output = child.wait_with_output().expect("it ends");
        assert!(!shows(&output.stdout) && !shows(&output.stderr));
        expect_no_file(&place);
    }
    let last = loudly(&place, &["apply", "--sandbox", "--yes", "--break-lock"]);
    assert_eq!(last.code, 0, "{}", last.said());
    let plan = loudly(&place, &["plan", "--sandbox", "--exit-code"]);
    assert_eq!(plan.code, 0, "{}", plan.said());
    expect_no_file(&place);
}

/// AWS likes to quote what it refuses.
#[tokio::test(flavor = "multi_thread")]
async fn what_aws_quotes_of_a_secret_is_masked() {
    if !inside("secrets::what_aws_quotes_of_a_secret_is_masked", keys) {
        return;
    }
    let server = Server::start(|_, _| {
        refusal(
            "ValidationException",
            &format!("Value '{MARKER}' at 'configuration.OAuthToken' is not valid"),
        )
    });
    let reference = SecretReference {
        service: SecretService::SecretsManager,
        name: "GH".to_owned(),
        key: None,
        region: "eu-west-1".to_owned(),
        fingerprint: "v1".to_owned(),
    };
    let body = json!({"name": "p", "stages": [{"name": "Source", "actions": [
        {"name": "Source", "configuration": {"OAuthToken": "****"}}]}]});
    let mut pipeline = Resource::new(Id::new(Kind::Pipeline, "eu-west-1", "p"), body);
    pipeline.secrets.insert(
        "/stages/0/actions/0/configuration/OAuthToken".to_owned(),
        Secret::new(MARKER, reference.clone()),
    );
    let body = json!({"name": "w", "targetPipeline": "p", "targetAction": "Source", "filters": [],
        "authentication": "GITHUB_HMAC", "authenticationConfiguration": {"SecretToken": "****"}});
    let mut webhook = Resource::new(Id::new(Kind::Webhook, "eu-west-1", "w"), body);
    webhook.secrets.insert(
        "/authenticationConfiguration/SecretToken".to_owned(),
        Secret::new(MARKER, reference),
    );
    let cloud = server.aws().await;
    for resource in [pipeline, webhook] {
        let error = cloud.create(&resource).await.expect_err("refused");
        assert_eq!(error.code, "ValidationException");
        let failure = pipectl::live::failure(&error);
        for text in [
            format!("{error:?} {error}"),
            format!("{failure:?} {failure}"),
            format!("{resource:?}"),
        ] {
            assert!(!shows(text.as_bytes()), "{text}");
        }
    }
    let sent = server.bodies("CreatePipeline");
    assert!(sent[0].contains(MARKER), "the secret itself was not sent");
}
