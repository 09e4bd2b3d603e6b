//! What others say of what pipectl writes and sends: botocore's service model, cfn-lint, parliament. None of them knows
//! our catalogue, so whatever they find is news, and where they are wrong the test says why.

mod bodies;
mod needs;
mod policies;
mod templates;
mod wire;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use pipectl::compile::{Compiled, Facts, cloudformation, compile, output};
use pipectl::diagnostic::Diagnostics;
use pipectl::source::Sources;
use serde_json::Value;
use tempfile::TempDir;

use crate::corpus;
use crate::examples::pipectl;
use crate::support::emulator::python;
use crate::support::large;

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
pub(crate) fn ask(question: &Value) -> Value {
    static IDLE: Mutex<Vec<Judge>> = Mutex::new(Vec::new());
    let idle = || IDLE.lock().unwrap_or_else(|poison| poison.into_inner());
    let free = idle().pop();
    let mut judge = free.unwrap_or_else(Judge::start);
    let answer = judge.ask(question);
    idle().push(judge);
    answer
}

/// A file that somebody could have written, and what becomes of it.
struct Case {
    /// `website`, `website offline`, `pipelines/accepted/003.json`.
    name: String,
    from: From,
}

enum From {
    /// The command, in a folder, with arguments that say which account is asked.
    Command {
        folder: PathBuf,
        arguments: Vec<String>,
        _kept: TempDir,
    },
    /// The library: a file that no check lets through, since it has every member and makes no sense.
    Library(Box<Compiled>),
}

impl Case {
    /// An example, in the sandbox account or without any.
    fn example(name: &str, offline: bool) -> Self {
        let kept = tempfile::tempdir().unwrap();
        let account = format!("--sandbox={}", kept.path().display());
        let account = if offline { "--offline" } else { &account };
        Self {
            name: format!("{name}{}", if offline { " offline" } else { "" }),
            from: From::Command {
                folder: repository().join("examples").join(name),
                arguments: vec![account.to_owned()],
                _kept: kept,
            },
        }
    }

    /// A text as a file.
    fn written(name: &str, text: &str, region: &str) -> Self {
        let kept = tempfile::tempdir().unwrap();
        fs::write(kept.path().join("pipeline.yml"), text).unwrap();
        Self {
            name: name.to_owned(),
            from: From::Command {
                folder: kept.path().to_owned(),
                arguments: ["--offline", "-r", region].map(str::to_owned).to_vec(),
                _kept: kept,
            },
        }
    }

    /// A file with a role that needs managed policies, in the sandbox account.
    fn large() -> Self {
        let mut case = Self::written("large", &large::file(120), "us-east-1");
        if let From::Command { arguments, .. } = &mut case.from {
            arguments[0] = "--sandbox=account".to_owned();
        }
        case
    }

    /// The file with everything, where every role is made or some are given. ElasticBeanstalk's guide knows only
    /// whole services for a role, so a made one goes without.
    fn everything(made: bool) -> Self {
        let path = repository().join("tests/cases/model/everything.yml");
        let mut text = fs::read_to_string(path).unwrap();
        if made {
            text = text
                .lines()
                .filter(|line| !line.starts_with("  pipelineRole:"))
                .filter(|line| !line.contains("elasticBeanstalk:"))
                .map(|line| format!("{line}\n"))
                .collect();
        }
        let mut sources = Sources::new();
        let file = sources.add("pipeline.yml", text);
        let mut found = Diagnostics::new();
        let tree = pipectl::yaml::parse(&sources, file, &mut found).unwrap();
        let context = pipectl::model::Context {
            version: "0.1.0",
            ..Default::default()
        };
        let model = pipectl::model::decode(&tree, &context, &mut found).unwrap();
        let facts = Facts {
            account: "012345678901".to_owned(),
            partition: "aws".to_owned(),
            region: "us-east-1".to_owned(),
            stage: "dev".to_owned(),
            file: "pipeline.yml".to_owned(),
            ..Facts::default()
        };
        Self {
            name: format!("everything{}", if made { " made" } else { "" }),
            from: From::Library(Box::new(compile(&model, &facts, &mut found))),
        }
    }

    /// What `compile --format json` prints.
    fn json(&self) -> Result<Value, String> {
        match &self.from {
            From::Command { .. } => self.printed(&["--format", "json"]),
            From::Library(compiled) => {
                Ok(serde_json::to_value(output::json(compiled, true)).unwrap())
            }
        }
    }

    /// What `compile --format cloudformation` prints.
    fn template(&self) -> Result<Value, String> {
        match &self.from {
            From::Command { .. } => self.printed(&["--format", "cloudformation"]),
            From::Library(compiled) => Ok(cloudformation(compiled)),
        }
    }

    fn printed(&self, more: &[&str]) -> Result<Value, String> {
        let From::Command {
            folder, arguments, ..
        } = &self.from
        else {
            panic!("{} is not for the command", self.name);
        };
        let mut all = vec!["compile"];
        all.extend(arguments.iter().map(String::as_str));
        all.extend(more);
        let ran = pipectl(folder, &all);
        match serde_json::from_str(&ran.stdout) {
            Ok(json) if ran.code == 0 => Ok(json),
            _ => Err(format!(
                "ended with {}: {}{}",
                ran.code, ran.stdout, ran.stderr
            )),
        }
    }
}

/// Every file there is: examples, the one with everything, and what AWS is known to accept.
fn cases() -> Vec<Case> {
    let mut list: Vec<Case> = EXAMPLES
        .iter()
        .flat_map(|name| [true, false].map(|offline| Case::example(name, offline)))
        .collect();
    list.push(Case::everything(false));
    list.push(Case::large());
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
    /// A part of what is found, as the test writes it.
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
            let at = known.iter().position(|k| finding.contains(k.finding));
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
