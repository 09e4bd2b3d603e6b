//! `validate` on several files: paths, patterns, folders, standard input; what it says and how it ends.

use std::fs;

use serde_json::{Value, json};

use crate::support::program::{Output, Place, finish};

const CLEAN: &str =
    "service: shop\nsource: {codecommit: shop, branch: main}\nstages: [{build: make}]\n";
/// An error on line 4.
const BROKEN: &str =
    "service: shop\nsource: {codecommit: shop, branch: main}\nstages:\n  - build: {runn: make}\n";
/// A warning on line 5.
const POLLING: &str = "service: shop\nsource:\n  codecommit: shop\n  branch: main\n  detect: polling\nstages:\n  - build: make\n";

fn validate(place: &Place, arguments: &[&str]) -> Output {
    let mut all = vec!["validate"];
    all.extend(arguments);
    finish(&mut place.command(&all))
}

fn parsed(output: &Output) -> Value {
    serde_json::from_str(&output.out()).unwrap_or_else(|_| panic!("{}", output.said()))
}

/// `file code line` of every finding, in the order shown, and the exit code.
fn found(place: &Place, arguments: &[&str]) -> (Vec<String>, i32) {
    let mut all = vec!["--format", "json"];
    all.extend(arguments);
    let output = validate(place, &all);
    let list = parsed(&output)["diagnostics"]
        .as_array()
        .unwrap_or_else(|| panic!("{}", output.said()))
        .iter()
        .map(|one| {
            let word = |key: &str| one[key].as_str().unwrap();
            format!(
                "{} {} {}",
                word("file"),
                word("code"),
                one["span"]["start"]["line"]
            )
        })
        .collect();
    (list, output.code)
}

fn place() -> Place {
    let place = Place::new();
    place
        .write("pipeline.yml", BROKEN)
        .write("b.yml", BROKEN)
        .write("clean.yml", CLEAN)
        .write("ci/one.yml", POLLING)
        .write("ci/deep/er/pipeline.yml", BROKEN)
        .write("ci/deep/notes.txt", "a: [")
        .write("ci/.hidden/pipeline.yml", BROKEN)
        .write("ci/[x].yml", POLLING);
    place
}

fn broken(file: &str) -> String {
    format!("{file} key-unknown 4")
}

fn polling(file: &str) -> String {
    format!("{file} source-polling 5")
}

#[test]
fn files_are_looked_at_in_their_order_and_each_once() {
    let place = place();
    for (arguments, expected) in [
        (
            vec!["pipeline.yml", "b.yml"],
            vec![broken("pipeline.yml"), broken("b.yml")],
        ),
        (
            vec!["b.yml", "pipeline.yml"],
            vec![broken("b.yml"), broken("pipeline.yml")],
        ),
        (
            vec!["b.yml", "./b.yml", "ci/../b.yml", "b*.yml"],
            vec![broken("b.yml")],
        ),
        (vec!["./b.yml"], vec![broken("b.yml")]),
        (vec!["*.yml"], vec![broken("b.yml"), broken("pipeline.yml")]),
        (
            vec!["./*.yml"],
            vec![broken("b.yml"), broken("pipeline.yml")],
        ),
        (
            vec!["ci/*.yml"],
            vec![polling("ci/[x].yml"), polling("ci/one.yml")],
        ),
        (vec!["ci/?ne.yml"], vec![polling("ci/one.yml")]),
        (
            vec!["{b,ci/one}.yml"],
            vec![broken("b.yml"), polling("ci/one.yml")],
        ),
        // a file of that very name is meant before any pattern
        (vec!["ci/[x].yml"], vec![polling("ci/[x].yml")]),
        (
            vec!["ci/**/*.yml"],
            vec![
                polling("ci/[x].yml"),
                broken("ci/deep/er/pipeline.yml"),
                polling("ci/one.yml"),
            ],
        ),
        (
            vec!["**/pipeline.yml"],
            vec![broken("ci/deep/er/pipeline.yml"), broken("pipeline.yml")],
        ),
        (vec!["ci/.*/*.yml"], vec![broken("ci/.hidden/pipeline.yml")]),
        // a folder: the pipeline files in it and below, by their names
        (vec!["ci"], vec![broken("ci/deep/er/pipeline.yml")]),
        (
            vec!["."],
            vec![broken("ci/deep/er/pipeline.yml"), broken("pipeline.yml")],
        ),
        (vec![], vec![broken("pipeline.yml")]),
    ] {
        let (list, code) = found(&place, &arguments);
        let errors = expected.iter().any(|one| one.contains("key-unknown"));
        assert_eq!((list, code), (expected, i32::from(errors)), "{arguments:?}");
    }
    let all = parsed(&validate(
        &place,
        &["--format", "json", "ci", "b.yml", "clean.yml", "b.yml"],
    ));
    assert_eq!(
        all["summary"],
        json!({"files": 3, "errors": 2, "warnings": 0})
    );
    let absolute = place.path().join("*.yml");
    let (list, _) = found(&place, &[absolute.to_str().unwrap()]);
    assert_eq!(list.len(), 2, "{list:?}");
}

#[test]
fn standard_input_is_a_file_called_stdin() {
    let place = place();
    let ran = |arguments: &[&str], input: &str| {
        fs::write(place.path().join("input"), input).unwrap();
        let mut all = vec!["validate"];
        all.extend(arguments);
        let mut command = place.command(&all);
        command.stdin(fs::File::open(place.path().join("input")).unwrap());
        finish(&mut command)
    };
    let output = ran(&["-", "--format", "json"], BROKEN);
    assert_eq!(output.code, 1);
    assert_eq!(parsed(&output)["diagnostics"][0]["file"], "<stdin>");
    let output = ran(&["-"], CLEAN);
    assert_eq!(
        (output.code, output.err().as_str()),
        (0, "<stdin>: no findings\n")
    );
    // beside files, and once
    let output = ran(&["b.yml", "-", "-", "--format", "json"], POLLING);
    let result = parsed(&output);
    assert_eq!(
        result["summary"],
        json!({"files": 2, "errors": 1, "warnings": 1})
    );
    assert_eq!(result["diagnostics"][1]["file"], "<stdin>");
    // what a file at standard input includes or names lies in the working directory
    place.write("more.yml", "stages: [{build: {runn: make}}]\n");
    let output = ran(
        &["-", "--format", "json"],
        "service: shop\nsource: {codecommit: shop, branch: main}\ninclude: more.yml\n",
    );
    assert_eq!(parsed(&output)["diagnostics"][0]["file"], "more.yml");
    // a file of that name is meant by its path
    place.write("-", BROKEN);
    assert_eq!(found(&place, &["./-"]).1, 1);
}

#[test]
fn what_cannot_be_read_is_told_beside_the_findings_and_wins() {
    let place = place();
    place.write("latin.yml", b"a: \xe4\n");
    for (arguments, said) in [
        (vec!["b.yml", "gone.yml"], "gone.yml does not exist"),
        (vec!["gone.yml", "b.yml"], "gone.yml does not exist"),
        (vec!["b.yml", "pipelin.yml"], "did you mean pipeline.yml?"),
        (vec!["b.yml", "latin.yml"], "latin.yml is not UTF-8"),
        (vec!["b.yml", "x/*.yml"], "no file matches x/*.yml"),
        (
            vec!["b.yml", "ci/.hidden/none"],
            "ci/.hidden/none does not exist",
        ),
    ] {
        let output = validate(&place, &arguments);
        assert_eq!(output.code, 3, "{}", output.said());
        assert!(output.err().contains(said), "{}", output.said());
        assert!(output.out().contains("b.yml:4:"), "{}", output.said());
        assert!(
            output.out().ends_with("1 error in 2 files\n"),
            "{}",
            output.said()
        );
        let mut json_arguments = arguments.clone();
        json_arguments.extend(["--format", "json"]);
        let result = parsed(&validate(&place, &json_arguments));
        assert_eq!(result["diagnostics"].as_array().unwrap().len(), 1);
        assert_eq!(result["version"], 1);
        assert!(result["error"]["message"].is_string() && result["error"]["code"].is_string());
    }
    // alone: the failure as every command prints it
    let output = validate(&place, &["gone.yml", "--format", "json"]);
    let expected = json!({"version": 1, "error": {"code": "file-not-found", "message": "gone.yml does not exist",
        "operation": null, "requestId": null}});
    assert_eq!((output.code, parsed(&output)), (3, expected));
    fs::create_dir(place.path().join("empty")).unwrap();
    let output = validate(&place, &["empty"]);
    assert_eq!(output.code, 3);
    assert!(
        output.err().contains("empty is a folder, and there is no"),
        "{}",
        output.said()
    );
    // all of them are told
    let output = validate(&place, &["gone.yml", "lost.yml"]);
    assert!(output.err().contains("gone.yml") && output.err().contains("lost.yml"));
    assert!(output.out().is_empty());
}

#[test]
fn the_ends_are_those_of_the_contract() {
    let place = place();
    for (arguments, code) in [
        (vec!["clean.yml"], 0),
        (vec!["ci/one.yml"], 0),
        (vec!["ci/one.yml", "--strict"], 1),
        (vec!["clean.yml", "--strict"], 0),
        (vec!["b.yml"], 1),
        (vec!["ci/one.yml", "--error", "source-polling"], 1),
        (
            vec!["ci/one.yml", "--strict", "--allow", "source-polling"],
            0,
        ),
        (vec!["gone.yml"], 3),
        (vec!["--no-such-flag"], 64),
        (vec!["b.yml", "--format", "yaml"], 64),
    ] {
        let output = validate(&place, &arguments);
        assert_eq!(output.code, code, "{arguments:?}: {}", output.said());
    }
    for flag in ["--error", "--warn", "--allow"] {
        let output = validate(&place, &["clean.yml", flag, "source-pollin"]);
        assert_eq!(output.code, 64);
        assert!(
            output.err().contains("did you mean `source-polling`?"),
            "{}",
            output.said()
        );
    }
    let output = validate(&place, &["clean.yml", "--error", "nonsense"]);
    assert!(
        output.err().contains("`pipectl explain` lists"),
        "{}",
        output.said()
    );
    // stdout has the result and nothing else
    let output = validate(
        &place,
        &["clean.yml", "ci/one.yml", "--allow", "source-polling"],
    );
    assert_eq!(output.said(), "exit 0\n2 files: no findings\n");
    assert!(output.out().is_empty());
    let output = validate(&place, &["clean.yml", "-q"]);
    assert_eq!(output.said(), "exit 0\n");
}

/// The contract of `--format json`, member by member.
#[test]
fn the_json_is_that_of_the_contract() {
    let place = Place::new();
    place.write(
        "pipeline.yml",
        "service: shop # ü\nsource: {codecommit: shop, branch: main}\nstages:\n  - {name: Ä, build: {run: make, output: A}}\n  - {name: B, build: {run: make, output: A}}\n",
    );
    let result = parsed(&validate(&place, &["--format", "json"]));
    let members = |value: &Value| -> Vec<String> {
        let mut names: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    };
    assert_eq!(members(&result), ["diagnostics", "summary", "version"]);
    let one = result["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| !one["labels"].as_array().unwrap().is_empty())
        .unwrap_or_else(|| panic!("{result:#}"));
    assert_eq!(
        members(one),
        [
            "code", "file", "help", "labels", "message", "path", "severity", "span"
        ]
    );
    let text = fs::read_to_string(place.path().join("pipeline.yml")).unwrap();
    for span in [&one["span"], &one["labels"][0]["span"]] {
        for point in [&span["start"], &span["end"]] {
            let number = |key: &str| usize::try_from(point[key].as_u64().unwrap()).unwrap();
            let before = &text[..number("offset")];
            assert_eq!(number("line"), before.matches('\n').count() + 1);
            let line = before.rsplit('\n').next().unwrap();
            assert_eq!(number("column"), line.chars().count() + 1);
        }
    }
    assert_eq!(members(&one["labels"][0]), ["file", "message", "span"]);
}

const CODES: &str = "source-polling";

/// Where a comment may stand, and what it takes back.
#[test]
fn comments_take_back_what_they_name() {
    let unused = |line: usize| format!("pipeline.yml ignore-unused {line}");
    let comment = format!("# pipectl: ignore[{CODES}]");
    let detect = "  detect: polling";
    for (text, expected) in [
        (POLLING.replace(detect, &format!("{detect} {comment}")), vec![]),
        (POLLING.replace(detect, &format!("  {comment}\n{detect}")), vec![]),
        // with a reason, with another comment before
        (POLLING.replace(detect, &format!("{detect} # slow; # pipectl: ignore[{CODES}] for now")), vec![]),
        // several codes, of which one is not needed here and one is none
        (
            POLLING.replace(detect, &format!("{detect} # pipectl: ignore[{CODES}, image-outdated, source-poling]")),
            vec![unused(5), unused(5)],
        ),
        // in a flow map, on the line of the value
        (
            "service: shop\nsource: {codecommit: shop, branch: main,\n  detect: polling, # pipectl: ignore[source-polling]\n  name: S}\nstages: [{build: make}]\n".to_owned(),
            vec![],
        ),
        // at the wrong line
        (
            format!("{comment}\n{POLLING}"),
            vec![unused(1), "pipeline.yml source-polling 6".to_owned()],
        ),
        // in another writing, which is no comment of ours
        (
            POLLING.replace(detect, &format!("{detect} # ignore[{CODES}]")),
            vec!["pipeline.yml source-polling 5".to_owned()],
        ),
        // nothing named
        (
            POLLING.replace(detect, &format!("{detect} # pipectl: ignore[]")),
            vec!["pipeline.yml source-polling 5".to_owned()],
        ),
    ] {
        let place = Place::new();
        place.write("pipeline.yml", &text);
        assert_eq!(found(&place, &[]), (expected, 0), "{text}");
        // Windows writes other line ends
        place.write("pipeline.yml", text.replace('\n', "\r\n"));
        let (list, _) = found(&place, &[]);
        assert_eq!(list.len(), found(&place, &[]).0.len(), "{text}");
    }
}

#[test]
fn comments_count_in_the_file_they_stand_in() {
    // in an included file
    let place = Place::new();
    place
        .write("pipeline.yml", "service: shop\ninclude: source.yml\nstages: [{build: make}]\n")
        .write("source.yml", "source:\n  codecommit: shop\n  branch: main\n  detect: polling # pipectl: ignore[source-polling]\n");
    assert_eq!(found(&place, &["pipeline.yml"]), (vec![], 0));
    place.write("source.yml", "source:\n  codecommit: shop\n  branch: main # pipectl: ignore[source-polling]\n  detect: polling\n");
    let expected = ["source.yml ignore-unused 3", "source.yml source-polling 4"];
    assert_eq!(found(&place, &["pipeline.yml"]).0, expected);
    // in a buildspec
    let place = Place::new();
    place.write("pipeline.yml", "service: shop\nsource: {codecommit: shop, branch: main}\nstages: [{build: {buildspec: build.yml}}]\n");
    let buildspec = "version: 0.2\nphases:\n  build:\n    commands:\n      - curl https://example.com/x.sh | sh\n";
    place.write("build.yml", buildspec);
    let (list, _) = found(&place, &["pipeline.yml"]);
    let code = list[0].split(' ').nth(1).unwrap().to_owned();
    assert!(list[0].starts_with("build.yml "), "{list:?}");
    place.write(
        "build.yml",
        buildspec.replace("| sh", &format!("| sh # pipectl: ignore[{code}]")),
    );
    assert_eq!(found(&place, &["pipeline.yml"]), (vec![], 0));
    // shared by two pipeline files it is told once
    place.write("build.yml", buildspec);
    let text = fs::read_to_string(place.path().join("pipeline.yml")).unwrap();
    place.write("second.yml", text);
    assert_eq!(found(&place, &["pipeline.yml", "second.yml"]).0, list);
}

/// A file that cannot be understood keeps quiet about its own comments, and about those of no other.
#[test]
fn unused_comments_are_told_beside_a_broken_file() {
    let place = Place::new();
    let unused = "# pipectl: ignore[source-polling]\n";
    place
        .write("a.yml", format!("{unused}{BROKEN}"))
        .write("b.yml", format!("{unused}{CLEAN}"));
    let expected = ["a.yml key-unknown 5", "b.yml ignore-unused 1"];
    assert_eq!(found(&place, &["a.yml", "b.yml"]).0, expected);
}

/// Editors of Windows put a mark before a text: offsets count the bytes of the file, columns what is seen.
#[test]
fn a_mark_of_byte_order_counts_in_offsets_alone() {
    let place = Place::new();
    let text = format!("\u{feff}{BROKEN}");
    place
        .write("pipeline.yml", &text)
        .write("plain.yml", BROKEN);
    let span = |file: &str| {
        let output = validate(&place, &["--format", "json", file]);
        parsed(&output)["diagnostics"][0]["span"].clone()
    };
    let (marked, plain) = (span("pipeline.yml"), span("plain.yml"));
    let at = |end: &str| usize::try_from(marked[end]["offset"].as_u64().unwrap()).unwrap();
    assert_eq!(&text[at("start")..at("end")], "runn");
    for end in ["start", "end"] {
        for count in ["line", "column"] {
            assert_eq!(marked[end][count], plain[end][count]);
        }
    }
}
