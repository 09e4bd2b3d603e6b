//! Editors: the real yaml-language-server with the schema that `pipectl schema` prints proposes keys, explains them and
//! marks what is wrong, switched on as the documentation says.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::examples::pipectl;
use crate::support::emulator::python;
use crate::support::node::node;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where the cursor is in a text.
const CURSOR: &str = "¦";

/// A server on a folder with the schema in it.
struct Editor {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    first_line: String,
    folder: TempDir,
    opened: usize,
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first code block of a language in a page.
fn block(page: &str, language: &str) -> String {
    let (_, rest) = page.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

impl Editor {
    /// With the line that the documentation shows as the first of every file.
    fn new() -> Self {
        // Patterns of file names do not look into folders whose names begin with a dot.
        let folder = tempfile::Builder::new().prefix("editor").tempdir().unwrap();
        let page = fs::read_to_string(root().join("docs/editors.md")).unwrap();
        let command = block(&page, "sh");
        let (said, file) = command.trim().split_once(" > ").unwrap();
        assert_eq!(said, "pipectl schema");
        let schema = pipectl(folder.path(), &["schema"]).stdout;
        fs::write(folder.path().join(file), schema).unwrap();
        let first_line = block(&page, "yaml").lines().next().unwrap().to_owned();
        assert!(first_line.ends_with(&format!("$schema={file}")));
        let node = node();
        let mut child = Command::new(python())
            .arg(root().join("tests/python/language_server.py"))
            .arg(&node.program)
            .arg(
                node.packages
                    .join("yaml-language-server/bin/yaml-language-server"),
            )
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut editor = Self {
            child,
            input,
            output,
            first_line,
            folder,
            opened: 0,
        };
        editor.set(json!({}));
        editor
    }

    fn ask(&mut self, request: &Value) -> Value {
        writeln!(self.input, "{request}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no answer to {request}"))
    }

    /// The settings, beside those that keep the server from asking the network.
    fn set(&mut self, mut settings: Value) {
        settings["schemaStore"] = json!({"enable": false});
        for feature in ["validate", "completion", "hover"] {
            settings[feature] = json!(true);
        }
        self.ask(&json!({"do": "settings", "yaml": settings}));
    }

    fn open(&mut self, file: &str, text: &str) -> Vec<Value> {
        let answer = self.ask(&json!({"do": "open", "file": file, "text": text}));
        answer.as_array().unwrap().clone()
    }

    /// A name that no file had yet.
    fn name(&mut self) -> String {
        self.opened += 1;
        format!("pipeline-{}.yml", self.opened)
    }

    /// What is marked in a text, and what is said of it.
    fn marked(&mut self, text: &str) -> Vec<(String, String)> {
        let text = format!("{}\n{text}", self.first_line);
        let file = self.name();
        self.open(&file, &text)
            .iter()
            .map(|one| {
                let word = |key: &str| one[key].as_str().unwrap().to_owned();
                (word("text"), word("message"))
            })
            .collect()
    }

    /// Asks about the place of the cursor.
    fn at_cursor(&mut self, what: &str, text: &str) -> Value {
        let text = format!("{}\n{text}", self.first_line);
        let at = text.find(CURSOR).unwrap();
        let line = text[..at].matches('\n').count();
        let column = text[..at].rsplit('\n').next().unwrap().chars().count();
        let file = self.name();
        self.open(&file, &text.replace(CURSOR, ""));
        self.ask(&json!({"do": what, "file": file, "line": line, "column": column}))
    }

    /// What is proposed at the cursor: labels, documentation, what is inserted.
    fn proposed(&mut self, text: &str) -> Vec<(String, String, String)> {
        self.at_cursor("complete", text)
            .as_array()
            .unwrap()
            .iter()
            .map(|item| {
                let word = |key: &str| item[key].as_str().unwrap_or_default().to_owned();
                (word("label"), word("documentation"), word("insert"))
            })
            .collect()
    }

    /// The keys proposed at the cursor. Each says what it is for, and is inserted with its colon.
    fn keys(&mut self, text: &str) -> Vec<String> {
        let proposed = self.proposed(text);
        for (label, documentation, insert) in &proposed {
            let key = insert.starts_with(&format!("{label}:")) && !documentation.is_empty();
            // A list also proposes the words that stand for a whole item.
            let word = ["selfUpdate", "approval"].contains(&label.as_str()) && insert == label;
            assert!(key || word, "{text}: {label} {documentation:?} {insert:?}");
        }
        proposed.into_iter().map(|(label, ..)| label).collect()
    }
}

fn has(keys: &[String], wanted: &[&str]) {
    for key in wanted {
        assert!(
            keys.iter().any(|one| one == key),
            "{key} is not among {keys:?}"
        );
    }
}

#[test]
fn keys_are_proposed_where_they_may_stand() {
    let mut editor = Editor::new();
    let keys = editor.keys("service: shop\n¦");
    has(
        &keys,
        &[
            "provider", "defaults", "projects", "source", "stages", "triggers", "alarms",
        ],
    );
    assert!(!keys.iter().any(|key| key == "service"), "{keys:?}");
    let keys = editor.keys("service: shop\nsource:\n  ¦\n");
    has(&keys, &["github", "codecommit", "s3", "branch", "detect"]);
    // the API's word for `bucket` is understood, and not proposed beside it
    assert!(keys.iter().any(|key| key == "bucket") && !keys.iter().any(|key| key == "s3Bucket"));
    let stages = [
        "unit",
        "build",
        "approval",
        "deploy",
        "selfUpdate",
        "actions",
        "beforeEntry",
    ];
    has(&editor.keys("service: shop\nstages:\n  - ¦\n"), &stages);
    let keys = editor.keys("service: shop\nstages:\n  - name: A\n    ¦\n");
    has(&keys, &stages);
    let keys = editor.keys("service: shop\nstages:\n  - deploy:\n      ¦\n");
    has(
        &keys,
        &[
            "run",
            "role",
            "allow",
            "env",
            "cloudformation",
            "codedeploy",
            "ecs",
            "s3",
        ],
    );
    let keys = editor.keys("service: shop\nstages:\n  - deploy:\n      ecs:\n        ¦\n");
    has(&keys, &["cluster", "service", "file"]);
    let keys = editor.keys(
        "service: shop\nstages:\n  - actions:\n      - name: A\n        build: make\n        ¦\n",
    );
    has(&keys, &["needs", "runOrder"]);
    let keys = editor.keys(
        "service: shop\nstages:\n  - build: make\n    beforeEntry:\n      check: {}\n      ¦\n",
    );
    has(&keys, &["else"]);
}

#[test]
fn values_are_proposed_with_their_defaults() {
    let mut editor = Editor::new();
    let labels = |editor: &mut Editor, text: &str| -> Vec<String> {
        let proposed = editor.proposed(text);
        proposed.into_iter().map(|(label, ..)| label).collect()
    };
    let text = "service: shop\nstages:\n  - build:\n      run: make\n      os: ¦\n";
    has(&labels(&mut editor, text), &["linux", "arm", "windows"]);
    let text = "service: shop\nsource:\n  codecommit: shop\n  detect: ¦\n";
    has(&labels(&mut editor, text), &["events", "polling", "none"]);
    let text = "service: shop\nexecutionMode: ¦\n";
    has(
        &labels(&mut editor, text),
        &["QUEUED", "SUPERSEDED", "PARALLEL"],
    );
    let env = "service: shop\nstages:\n  - build:\n      run: make\n      env:\n        TOKEN:\n          ¦\n";
    has(&labels(&mut editor, env), &["ssm", "secret"]);
    let build = "service: shop\nstages:\n  - build:\n      run: make\n      ¦\n";
    let proposed = editor.proposed(build);
    for (key, default) in [("timeout", "60"), ("compute", ""), ("privileged", "false")] {
        let (_, _, insert) = proposed.iter().find(|(label, ..)| label == key).unwrap();
        let expected = match default {
            // one of several words
            "" => format!("{key}: "),
            _ => format!("{key}: ${{1:{default}}}"),
        };
        assert_eq!(*insert, expected);
    }
}

#[test]
fn the_cursor_is_told_what_it_is_on() {
    let mut editor = Editor::new();
    for (text, said) in [
        ("serv¦ice: shop\n", "prefix of what belongs to it"),
        (
            "service: shop\nstages:\n  - un¦it: pytest\n",
            "category Test, with a report group",
        ),
        (
            "service: shop\nstages:\n  - deploy:\n      ecs: {clus¦ter: c}\n",
            "ClusterName",
        ),
        (
            "service: shop\nstages:\n  - build: {run: make, priv¦ileged: true}\n",
            "For docker",
        ),
        (
            "service: shop\nstages:\n  - build: {run: make, o¦s: arm}\n",
            "Allowed Values",
        ),
    ] {
        let shown = editor.at_cursor("hover", text);
        assert!(shown.as_str().unwrap().contains(said), "{text}: {shown}");
    }
}

#[test]
fn what_is_wrong_is_marked_at_its_characters() {
    let mut editor = Editor::new();
    let begin = "service: shop\nsource: {codecommit: shop, branch: main}\n";
    for (text, marked) in [
        (
            format!("{begin}stages: [{{build: make}}]\ntrigers: []\n"),
            vec![("trigers", "Property trigers is not allowed.")],
        ),
        (
            format!("{begin}stages:\n  - build: {{runn: make}}\n"),
            vec![("runn", "Property runn is not allowed.")],
        ),
        (
            format!("{begin}stages:\n  - deploy:\n      ecs: {{clustr: a}}\n"),
            vec![("clustr", "Property clustr is not allowed.")],
        ),
        (
            format!("{begin}stages:\n  - build: {{run: make, timeout: soon, privileged: maybe}}\n"),
            vec![
                (
                    "soon",
                    "Expected a number, or one with a unit such as `5m` or `2h`.",
                ),
                ("maybe", "Expected `true` or `false`."),
            ],
        ),
        (
            format!("{begin}stages:\n  - build: {{run: make, os: linx}}\n"),
            vec![("linx", "Value is not accepted. Valid values: \"linux\"")],
        ),
        (
            format!("{begin}stages:\n  - build: make\n    deploy: ./deploy.sh\n"),
            vec![
                ("build", "There is a kind already: deploy."),
                ("deploy", "There is a kind already: build."),
            ],
        ),
        (
            format!("{begin}stages:\n  - name: Prod\n"),
            vec![("n", "It needs a kind: unit, integration, test, build,")],
        ),
        (
            format!("{begin}stages:\n  - integration\n"),
            vec![(
                "integration",
                "Expected a map, or one of the words selfUpdate, approval.",
            )],
        ),
        (
            "stages: [{build: make}]\n".to_owned(),
            vec![("s", "`service` is missing.")],
        ),
        (
            "service: shop\nsource: {branch: main}\nstages: [{build: make}]\n".to_owned(),
            vec![("source", "It needs a kind of source: ")],
        ),
    ] {
        let found = editor.marked(&text);
        let same = found.len() == marked.len()
            && found
                .iter()
                .zip(&marked)
                .all(|((at, said), (word, message))| at == word && said.starts_with(message));
        assert!(same, "{text}: {found:#?}");
    }
}

#[test]
fn nothing_is_marked_in_files_that_are_right() {
    let mut editor = Editor::new();
    let mut files = vec![root().join("tests/cases/model/everything.yml")];
    for example in fs::read_dir(root().join("examples")).unwrap() {
        files.push(example.unwrap().path().join("pipeline.yml"));
    }
    assert_eq!(files.len(), 6);
    for file in files {
        let found = editor.marked(&fs::read_to_string(&file).unwrap());
        assert!(found.is_empty(), "{}: {found:#?}", file.display());
    }
}

#[test]
fn settings_name_the_schema_for_every_pipeline_file() {
    let mut editor = Editor::new();
    let page = fs::read_to_string(root().join("docs/editors.md")).unwrap();
    let settings: Value = serde_json::from_str(&block(&page, "json")).unwrap();
    let text = "service: shop\nstagez: []\n";
    editor.set(json!({"schemas": settings["yaml.schemas"]}));
    let files = &settings["yaml.schemas"]["./.pipeline.schema.json"];
    for file in files.as_array().unwrap() {
        let file = file.as_str().unwrap();
        let found = editor.open(file, text);
        assert!(
            found.iter().any(|one| one["text"] == "stagez"),
            "{file}: {found:?}"
        );
        // It is a file that pipectl finds by itself.
        let path = editor.folder.path().join(file);
        fs::write(&path, text).unwrap();
        let ran = pipectl(editor.folder.path(), &["validate"]);
        fs::remove_file(&path).unwrap();
        assert!(
            ran.stdout.contains("stagez"),
            "{}{}",
            ran.stdout,
            ran.stderr
        );
    }
    assert!(editor.open("values.yml", text).is_empty());
}
