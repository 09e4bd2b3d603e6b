//! What others say of what pipectl writes and sends: botocore's service model, cfn-lint, parliament. None of them knows
//! our catalogue, so whatever they find is news, and where they are wrong the test says why.

mod bodies;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use tempfile::TempDir;

use crate::corpus;
use crate::examples::pipectl;
use crate::support::emulator::python;

/// The examples.
const EXAMPLES: [&str; 5] = [
    "canary",
    "heavy-water",
    "telemetry-ecs",
    "web-monitor",
    "website",
];

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A running `judge.py`.
struct Judge {
    _child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Judge {
    fn start() -> Self {
        let mut child = Command::new(python())
            .arg(repository().join("tests/python/judge.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            questions: child.stdin.take().unwrap(),
            answers: BufReader::new(child.stdout.take().unwrap()),
            _child: child,
        }
    }

    fn ask(&mut self, question: &Value) -> Value {
        writeln!(self.questions, "{question}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert!(answer.get("error").is_none(), "{answer} to {question}");
        answer
    }
}

/// Asks a judge; as many run as are asked at once.
fn ask(question: &Value) -> Value {
    static IDLE: Mutex<Vec<Judge>> = Mutex::new(Vec::new());
    let idle = || IDLE.lock().unwrap_or_else(|poison| poison.into_inner());
    let free = idle().pop();
    let mut judge = free.unwrap_or_else(Judge::start);
    let answer = judge.ask(question);
    idle().push(judge);
    answer
}

/// A file that somebody could have written, and where it is.
struct Case {
    /// `website`, `website offline`, `pipelines/accepted/003.json`.
    name: String,
    /// The folder pipectl runs in.
    folder: PathBuf,
    /// Which account is asked.
    arguments: Vec<String>,
    _kept: TempDir,
}

impl Case {
    /// An example, in the sandbox account or without any.
    fn example(name: &str, offline: bool) -> Self {
        let kept = tempfile::tempdir().unwrap();
        let account = format!("--sandbox={}", kept.path().display());
        Self {
            name: format!("{name}{}", if offline { " offline" } else { "" }),
            folder: repository().join("examples").join(name),
            arguments: vec![if offline {
                "--offline".to_owned()
            } else {
                account
            }],
            _kept: kept,
        }
    }

    fn written(name: &str, text: &str, region: &str) -> Self {
        let kept = tempfile::tempdir().unwrap();
        fs::write(kept.path().join("pipeline.yml"), text).unwrap();
        Self {
            name: name.to_owned(),
            folder: kept.path().to_owned(),
            arguments: ["--offline", "-r", region].map(str::to_owned).to_vec(),
            _kept: kept,
        }
    }

    /// What `compile` with these arguments prints.
    fn compile(&self, more: &[&str]) -> Result<(Value, String), String> {
        let mut arguments = vec!["compile"];
        arguments.extend(self.arguments.iter().map(String::as_str));
        arguments.extend(more);
        let ran = pipectl(&self.folder, &arguments);
        let json = serde_json::from_str(&ran.stdout)
            .map_err(|error| format!("ended with {}: {error}\n{}", ran.code, ran.stderr))?;
        Ok((json, ran.stderr))
    }
}

/// Every file there is: examples, the one with everything, and what AWS is known to accept.
fn cases() -> Vec<Case> {
    let everything = fs::read_to_string(repository().join("tests/cases/model/everything.yml"));
    let mut list: Vec<Case> = EXAMPLES
        .iter()
        .flat_map(|name| [true, false].map(|offline| Case::example(name, offline)))
        .collect();
    list.push(Case::written(
        "everything",
        &everything.unwrap(),
        "us-east-1",
    ));
    for folder in ["pipelines/accepted", "projects/accepted"] {
        list.extend(
            corpus::definitions(folder)
                .iter()
                .map(|d| Case::written(&d.name, &d.file(), &d.region())),
        );
    }
    list
}

/// A judgement that does not stand.
struct Overruled {
    /// The beginning of what is found, as the test writes it.
    finding: &'static str,
    /// Why it is wrong, or right and harmless.
    #[allow(dead_code, reason = "said for whoever reads the list")]
    reason: &'static str,
}

/// What was found in each case, and what of it is known: every finding has to be known, and every known one found.
fn settle(found: Vec<String>, known: &[Overruled]) {
    let mut used = BTreeSet::new();
    let news: Vec<String> = found
        .into_iter()
        .filter(|finding| {
            let at = known.iter().position(|k| finding.starts_with(k.finding));
            used.extend(at);
            at.is_none()
        })
        .collect();
    assert!(
        news.is_empty(),
        "{} findings:\n{}",
        news.len(),
        news.join("\n")
    );
    let idle: Vec<&str> = (0..known.len())
        .filter(|at| !used.contains(at))
        .map(|at| known[at].finding)
        .collect();
    assert!(idle.is_empty(), "nobody says this any more: {idle:#?}");
}

/// What the judges find in all cases, two at a time: `NAME: FINDING`, in order.
fn each(cases: &[Case], findings: impl Fn(&Case) -> Vec<String> + Sync) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut list: Vec<String> = findings(case)
                        .into_iter()
                        .map(|finding| format!("{}: {finding}", case.name))
                        .collect();
                    found.lock().unwrap().append(&mut list);
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap();
    found.sort();
    found
}
