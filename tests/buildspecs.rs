//! Buildspecs that people really wrote: written into a pipeline file, as a file beside it, and as the text of a raw
//! project. What CodeBuild takes has no error in any form; what is doubtful is told.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::examples::pipectl;

/// What is found in the doubtful ones.
const DOUBTFUL: [(&str, &[&str]); 13] = [
    ("003.yml", &["buildspec-key-unknown"]),
    ("025.yml", &["buildspec-key-unknown"]),
    ("033.yml", &["buildspec-runtime"]),
    (
        "057.yml",
        &["buildspec-key-missing", "buildspec-key-unknown"],
    ),
    ("066.yml", &["buildspec-key-unknown", "buildspec-runtime"]),
    (
        "077.yml",
        &[
            "buildspec-key-missing",
            "buildspec-key-unknown",
            "buildspec-version",
        ],
    ),
    ("081.yml", &["buildspec-command"]),
    ("082.yml", &["buildspec-command"]),
    ("086.yml", &["buildspec-command"]),
    ("087.yml", &["buildspec-command"]),
    ("088.yml", &["buildspec-command"]),
    ("095.yml", &["buildspec-key-unknown", "buildspec-version"]),
    ("097.yml", &["buildspec-command"]),
];

/// Accepted ones whose report formats were scrambled with their other words: of these, and of nothing else, it is told.
const SCRAMBLED_FORMATS: [&str; 2] = ["045.yml", "048.yml"];

/// The forms in which a buildspec can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Written,
    Beside,
    Text,
}

const FORMS: [Form; 3] = [Form::Written, Form::Beside, Form::Text];

fn indented(text: &str, by: usize) -> String {
    text.lines().fold(String::new(), |mut all, line| {
        let by = if line.is_empty() { 0 } else { by };
        writeln!(all, "{:by$}{line}", "").unwrap();
        all
    })
}

/// The findings about a buildspec in one form; those that variables of pipeline files make of `${…}` are not about it.
fn findings(text: &str, form: Form) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let head =
        "service: corpus\nsource:\n  codecommit: corpus\n  branch: main\nstages:\n  - build:\n";
    let file = match form {
        // a shell's `${A}` is not a variable of the pipeline file
        Form::Written => format!(
            "{head}      buildspec:\n{}",
            indented(&text.replace("${", "$${"), 8)
        ),
        Form::Beside => {
            fs::write(folder.path().join("spec.yml"), text).unwrap();
            format!("{head}      buildspec: spec.yml\n")
        }
        Form::Text => format!(
            "service: corpus\nprojects:\n  pasted:\n    definition:\n      name: corpus\n      source:\n        \
             type: CODEPIPELINE\n        buildspec: |\n{}      artifacts: {{type: CODEPIPELINE}}\n      environment:\n        \
             type: LINUX_CONTAINER\n        image: aws/codebuild/standard:7.0\n        computeType: \
             BUILD_GENERAL1_SMALL\n      serviceRole: arn:aws:iam::123456789012:role/build\n",
            indented(&text.replace("${", "$${"), 10)
        ),
    };
    fs::write(folder.path().join("pipeline.yml"), file).unwrap();
    let ran = pipectl(
        folder.path(),
        &["validate", "--format", "json", "-r", "eu-west-1"],
    );
    let result: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stderr));
    result["diagnostics"].as_array().unwrap().clone()
}

/// The buildspecs of a folder, in order.
fn corpus(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cases/buildspecs")
        .join(folder);
    let mut all: Vec<(String, String)> = fs::read_dir(root)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    all.sort();
    assert!(!all.is_empty(), "{folder} is empty");
    all
}

/// Looks at every buildspec of a folder in every form, two at a time.
fn each(folder: &str, check: impl Fn(&str, Form, &[Value]) -> Result<(), String> + Sync) {
    let all = corpus(folder);
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((name, text)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    for form in FORMS {
                        if let Err(fault) = check(name, form, &findings(text, form)) {
                            let line = format!("{folder}/{name} {form:?}: {fault}");
                            failures.lock().unwrap().push(line);
                        }
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn short(finding: &Value) -> String {
    format!(
        "{} {} {}: {}",
        finding["severity"].as_str().unwrap(),
        finding["code"].as_str().unwrap(),
        finding["path"],
        finding["message"].as_str().unwrap()
    )
}

#[test]
fn accepted_buildspecs_have_no_error() {
    each("accepted", |name, _, found| {
        let scrambled = SCRAMBLED_FORMATS.contains(&name);
        let (formats, others): (Vec<&Value>, Vec<&Value>) = found
            .iter()
            .filter(|one| one["severity"] == "error")
            .partition(|one| scrambled && one["code"] == "buildspec-report");
        let errors: Vec<String> = others.into_iter().map(short).collect();
        if scrambled && formats.len() != 1 {
            return Err(format!("{} findings of its format", formats.len()));
        }
        if errors.is_empty() {
            return Ok(());
        }
        Err(errors.join("; "))
    });
}

#[test]
fn doubtful_buildspecs_are_told() {
    assert_eq!(corpus("doubtful").len(), DOUBTFUL.len());
    each("doubtful", |name, _, found| {
        let (_, expected) = DOUBTFUL.iter().find(|(known, _)| *known == name).unwrap();
        let mut codes: Vec<&str> = found
            .iter()
            .map(|one| one["code"].as_str().unwrap())
            .filter(|code| code.starts_with("buildspec-"))
            .collect();
        codes.sort_unstable();
        codes.dedup();
        // what is missing is an error, a key too many is not
        let errors = found.iter().filter(|one| one["severity"] == "error");
        let stray: Vec<String> = errors
            .filter(|one| {
                one["code"] != "buildspec-key-missing" && one["code"] != "buildspec-version"
            })
            .map(short)
            .collect();
        if codes == *expected && stray.is_empty() {
            return Ok(());
        }
        Err(format!("{codes:?} instead of {expected:?}; {stray:?}"))
    });
}

/// Whatever stands where: there is an answer, and it is no panic.
#[test]
fn odd_buildspecs_get_an_answer() {
    let odd = [
        "version: [1]\nphases: 7\nenv: x\nbatch: []\nreports: [a]\nartifacts: a\ncache: 1\n",
        "\u{e9}-\u{fc}: 1\nphases: {\u{e9}: {commands: {a: b}}, build: [make]}\n",
        "- a\n- b\n",
        "version: 0.2\nphases: {build: {commands: [~, [], {}, 1, true]}}\nbatch: {build-list: [1, {identifier: [a]}], build-graph: x}\n",
        "version: 0.2\nphases: {build: }\nbatch: {build-graph: [{identifier: a, depend-on: [a]}]}\n",
        "version: 0.2\nenv: {secrets-manager: {A: \"\", B: \":::::::::::\", C: \"\u{e9}:\u{e9}:\u{e9}:\u{e9}:\u{e9}\"}, exported-variables: {a: b}}\n",
        "version: 0.2\nphases: {build: {on-failure: RETRY-99999999999999999999, commands: [\"\"]}}\nreports: {\u{e9}: ~}\n",
    ];
    for text in odd {
        for form in FORMS {
            assert!(!findings(text, form).is_empty(), "{form:?} of {text}");
        }
    }
}
