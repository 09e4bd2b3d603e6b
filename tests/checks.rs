//! Every rule has its cases: a file it refuses, as it is shown; a near miss on which it is silent.
//!
//! `tests/cases/checks/<code>/bad*.yml` with `bad*.out` beside it, and `ok*.yml`. `BLESS=1` writes the `.out` files.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::examples::pipectl;

fn folder(code: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cases/checks")
        .join(code)
}

/// Files of a case folder that begin with a word, in order.
fn files(folder: &Path, begin: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(begin) && name.ends_with(".yml"))
        .collect();
    names.sort();
    names
}

fn findings(folder: &Path, file: &str) -> Vec<Value> {
    let ran = pipectl(folder, &["validate", "--format", "json", file]);
    assert!(ran.code <= 1, "{file}: {}{}", ran.stdout, ran.stderr);
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    result["diagnostics"].as_array().unwrap().clone()
}

/// Codes of reading and decoding that no file alone brings about.
const NOT_OF_A_FILE: [&str; 11] = [
    // seen in an account
    "bucket-foreign",
    "bucket-missing",
    "bucket-region",
    "connection-missing",
    "connection-pending",
    "role-missing",
    // about the program that applies and its command line
    "self-update-binary",
    "self-update-param",
    // megabytes of text; tests of their own
    "file-too-large",
    "findings-left-out",
    "list-too-long",
];

#[test]
fn every_rule_fires_on_its_case_and_is_silent_on_the_near_miss() {
    let rules = pipectl::checks::ALL.iter().map(|rule| rule.code);
    let wrong: Vec<String> = rules.flat_map(|code| judged(code, &folder(code))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The same for what reading, resolving and decoding find: `tests/cases/codes`.
#[test]
fn every_other_code_has_its_cases_too() {
    let codes = pipectl::diagnostic::CODES.iter().map(|(code, _)| *code);
    let wrong: Vec<String> = codes
        .filter(|code| !NOT_OF_A_FILE.contains(code))
        .flat_map(|code| judged(code, &folder("../codes").join(code)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What cannot be read hides itself, and nothing else that is missing in the file.
#[test]
fn what_is_missing_is_told_beside_what_cannot_be_read() {
    let folder = folder("../unread");
    let told = |file: &str| -> Vec<(String, String)> {
        let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
        findings(&folder, file)
            .iter()
            .filter(|one| one["severity"] == "error")
            .map(|one| (text(one, "code"), text(one, "path")))
            .collect()
    };
    let found = told("missing.yml");
    let at = |path: &str| format!("pipelines.shop.definition{path}");
    for (code, path) in [
        ("artifact-store-choice", ""),
        ("key-missing", ".stages[0].actions[0].actionTypeId"),
        ("key-missing", ".stages[1]"),
        ("value-kind", ".stages[0].actions[0].runOrder"),
        (
            "value-kind",
            ".stages[1].actions[0].configuration.BatchEnabled",
        ),
        (
            "configuration-missing",
            ".stages[1].actions[0].configuration.ProjectName",
        ),
    ] {
        assert!(
            found.contains(&(code.to_owned(), at(path))),
            "{code}: {found:?}"
        );
    }
    let artifacts = found.iter().filter(|(code, _)| code == "artifact-unknown");
    assert_eq!(artifacts.count(), 1, "{found:?}");
    // the value is there and cannot be read, the configuration is there and misspelt
    let hidden = told("unread.yml");
    let missing = hidden
        .iter()
        .filter(|(code, _)| code == "configuration-missing");
    assert_eq!(missing.count(), 0, "{hidden:?}");
}

/// `path` is the place in the file's structure, down to the item of the list and its member.
#[test]
fn paths_lead_to_the_very_member() {
    let folder = folder("../unread");
    let found: Vec<String> = findings(&folder, "places.yml")
        .iter()
        .map(|one| {
            let text = |key: &str| one[key].as_str().unwrap();
            let path = text("path").replace("pipelines.shop.definition.", "");
            format!("{} {path}", text("code"))
        })
        .collect();
    for expected in [
        "artifact-unknown stages[1].actions[0].inputArtifacts[0].name",
        "artifact-unknown stages[1].beforeEntry.conditions[0].rules[1].inputArtifacts[0].name",
        "timeout-range stages[1].beforeEntry.conditions[0].rules[1].timeoutInMinutes",
        "quota-exceeded triggers[0].gitConfiguration.push[0].branches.includes[1]",
        "quota-exceeded variables[1].defaultValue",
        "name-invalid variables[0].name",
        "field-limit stages[1].actions[1].environmentVariables[1].type",
    ] {
        assert!(
            found.iter().any(|one| one == expected),
            "{expected}: {found:#?}"
        );
    }
}

/// The triggers of a pipeline have a bound of bytes all together, which is reached before any other.
#[test]
fn triggers_have_a_size() {
    let temp = tempfile::tempdir().unwrap();
    let text = |triggers: usize| {
        let patterns = |side: &str| {
            let patterns: Vec<String> = (0..8)
                .map(|n| format!("{side}{n}{}", "x".repeat(200)))
                .collect();
            patterns.join(", ")
        };
        let filter = format!(
            "{{branches: {{includes: [{}], excludes: [{}]}}}}",
            patterns("a"),
            patterns("b")
        );
        let mut text = String::from("service: shop\nsource:\n");
        for n in 0..triggers {
            text.push_str(&format!(
                "  - {{name: S{n}, github: acme/shop{n}, branch: main, connection: shop}}\n"
            ));
        }
        text.push_str("stages:\n  - build: make\napi:\n  triggers:\n");
        for n in 0..triggers {
            text.push_str(&format!(
                "    - providerType: CodeStarSourceConnection\n      gitConfiguration:\n        \
                 sourceActionName: S{n}\n        push: [{filter}, {}]\n",
                filter.replace("includes: [a", "includes: [c")
            ));
        }
        text
    };
    let told = |triggers: usize| {
        fs::write(temp.path().join("pipeline.yml"), text(triggers)).unwrap();
        let found = findings(temp.path(), "pipeline.yml");
        let mine = found.iter().filter(|one| one["code"] == "quota-exceeded");
        mine.map(|one| one["message"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(told(20), Vec::<String>::new());
    let found = told(40);
    assert!(
        matches!(&found[..], [one] if one.contains("204800 bytes")),
        "{found:?}"
    );
}

/// Who is told has the place of its own list.
#[test]
fn one_of_several_who_are_told_has_its_own_path() {
    for (code, file, path) in [
        (
            "email-invalid",
            "bad.yml",
            "notifications.stageFailed.emails[0]",
        ),
        ("topic-invalid", "bad.yml", "alarms.slow.notify[1]"),
        ("topic-invalid", "bad.yml", "notifications.stageFailed.name"),
    ] {
        let found = findings(&folder(code), file);
        let told = found.iter().any(|one| one["path"] == path);
        assert!(told, "{path}: {found:#?}");
    }
}

/// A name that is missing, an owner that is wrong, a key in capitals: all else is told in the same run.
#[test]
fn what_is_wrong_in_one_member_hides_nothing_in_others() {
    let found: Vec<(String, String)> = findings(&folder("../unread"), "everything.yml")
        .iter()
        .filter(|one| one["severity"] == "error")
        .map(|one| {
            let text = |key: &str| one[key].as_str().unwrap().to_owned();
            (text("code"), text("path"))
        })
        .collect();
    let expected = [
        ("key-missing", "projects.compile.definition"),
        (
            "project-word",
            "projects.compile.definition.environment.type",
        ),
        (
            "project-range",
            "projects.compile.definition.timeoutInMinutes",
        ),
        (
            "project-member-unknown",
            "projects.compile.definition.zorble",
        ),
        (
            "project-member-unknown",
            "projects.capitals.definition.Name",
        ),
        (
            "project-member-unknown",
            "projects.capitals.definition.source.Type",
        ),
        (
            "trigger-source",
            "pipelines.release.definition.triggers[0].gitConfiguration.sourceActionName",
        ),
        (
            "key-missing",
            "pipelines.release.definition.stages[1].actions[0]",
        ),
        (
            "action-type-unknown",
            "pipelines.release.definition.stages[1].actions[0].actionTypeId.owner",
        ),
        (
            "configuration-missing",
            "pipelines.release.definition.stages[1].actions[0].configuration.ProjectName",
        ),
        (
            "configuration-key-unknown",
            "pipelines.release.definition.stages[1].actions[0].configuration.Project",
        ),
        (
            "field-misplaced",
            "pipelines.release.definition.stages[1].actions[0].outputVariables",
        ),
    ];
    for (code, path) in expected {
        assert!(
            found.contains(&(code.to_owned(), path.to_owned())),
            "{code} {path}: {found:#?}"
        );
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

/// What is wrong with the cases of a code.
fn judged(code: &str, folder: &Path) -> Vec<String> {
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = Vec::new();
    if !folder.is_dir() {
        return vec![format!("{code}: no cases")];
    }
    let (bad, ok) = (files(folder, "bad"), files(folder, "ok"));
    if bad.is_empty() || ok.is_empty() {
        return vec![format!("{code}: no bad*.yml or no ok*.yml")];
    }
    for file in &bad {
        let found = findings(folder, file);
        let mine: Vec<&Value> = found.iter().filter(|one| one["code"] == code).collect();
        if mine.is_empty() {
            wrong.push(format!("{code}/{file}: silent, but: {found:?}"));
        }
        let others: Vec<&Value> = found
            .iter()
            .filter(|one| one["severity"] == "error" && one["code"] != code)
            .collect();
        if !others.is_empty() {
            wrong.push(format!("{code}/{file}: other errors: {others:?}"));
        }
        let shown = pipectl(folder, &["validate", file]);
        wrong.extend(unhelpful(code, file, &shown.stdout));
        let expected = folder.join(file).with_extension("out");
        if bless {
            fs::write(&expected, &shown.stdout).unwrap();
        }
        let expected = fs::read_to_string(&expected).unwrap_or_default();
        if expected != shown.stdout {
            wrong.push(format!(
                "{code}/{file}: shown otherwise (BLESS=1 rewrites)\n--- expected\n{expected}--- shown\n{}",
                shown.stdout
            ));
        }
    }
    for file in &ok {
        let found = findings(folder, file);
        let loud: Vec<&Value> = found
            .iter()
            .filter(|one| one["code"] == code || one["severity"] == "error")
            .collect();
        if !loud.is_empty() {
            wrong.push(format!("{code}/{file}: not silent: {loud:?}"));
        }
    }
    wrong
}

/// Each finding says something under its characters, and what to type instead. What is said of a file that is empty
/// or too large has no characters.
fn unhelpful(code: &str, file: &str, shown: &str) -> Vec<String> {
    let lines: Vec<&str> = shown.lines().collect();
    let title = |line: &str| line.starts_with("  × ") || line.starts_with("  ⚠ ");
    let starts: Vec<usize> = (0..lines.len()).filter(|at| title(lines[*at])).collect();
    let mut wrong = Vec::new();
    for (number, start) in starts.iter().enumerate() {
        let end = starts.get(number + 1).copied().unwrap_or(lines.len());
        // A place in another file has its word above it.
        let other = lines[*start..end]
            .iter()
            .position(|line| *line == "Advice:");
        let own = &lines[*start..other.map_or(end, |at| start + at)];
        if !lines[*start..end]
            .iter()
            .any(|line| line.starts_with("  help: "))
        {
            wrong.push(format!("{code}/{file}: no help: {}", own[0]));
        }
        // An underlined place without a word has no tail: `┬`.
        let under = own.iter().filter(|line| !line.contains('╰'));
        let marked = under.filter_map(|line| line.split_once(" · "));
        let silent = marked
            .flat_map(|(_, marks)| marks.split(|c| !matches!(c, '─' | '┬')))
            .any(|mark| mark.contains('─') && !mark.contains('┬'));
        if silent {
            wrong.push(format!("{code}/{file}: no word at the place: {}", own[0]));
        }
    }
    wrong
}

#[test]
fn every_case_folder_belongs_to_a_rule() {
    for entry in fs::read_dir(folder("")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(pipectl::checks::rule(&name).is_some(), "{name} is no rule");
    }
}

/// What is certain in the catalogue and can be seen in a file is enforced by a rule.
#[test]
fn every_certain_fact_of_the_catalogue_has_a_rule() {
    // What only the account knows.
    const OF_THE_ACCOUNT: [&str; 18] = [
        "S16", "S23", "S23a", "S25", "C01", "C02", "C03", "C04", "C07", "R02", "P19", "P20", "P21",
        "P22", "P25", "P26", "P27", "R01",
    ];
    let enforced: Vec<&str> = pipectl::checks::ALL
        .iter()
        .flat_map(|rule| rule.facts.iter().copied())
        .collect();
    let structure = pipectl::catalog::structure::rules()
        .iter()
        .filter(|rule| rule.certain)
        .map(|rule| rule.id.as_str());
    let missing: Vec<&str> = structure
        .filter(|id| !enforced.contains(id) && !OF_THE_ACCOUNT.contains(id))
        .collect();
    assert!(missing.is_empty(), "no rule enforces {missing:?}");
}

/// Runs `validate` on a text; the codes with their weight, and the exit code.
fn weighed(text: &str, flags: &[&str]) -> (Vec<String>, i32) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("pipeline.yml"), text).unwrap();
    let mut arguments = vec!["validate", "--format", "json"];
    arguments.extend(flags);
    let ran = pipectl(folder.path(), &arguments);
    let result: Value = serde_json::from_str(&ran.stdout)
        .unwrap_or_else(|_| panic!("{}{}", ran.stdout, ran.stderr));
    let shown = result["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let line = &one["span"]["start"]["line"];
            let word = |key: &str| one[key].as_str().unwrap().to_owned();
            format!("{} {} {line}", word("severity"), word("code"))
        })
        .collect();
    (shown, ran.code)
}

const POLLING: &str = "service: shop
source:
  codecommit: shop
  branch: main
  detect: polling
stages:
  - build: make
";

#[test]
fn flags_give_findings_their_weight() {
    let warning = "warning source-polling 5".to_owned();
    assert_eq!(weighed(POLLING, &[]), (vec![warning.clone()], 0));
    assert_eq!(weighed(POLLING, &["--strict"]), (vec![warning], 1));
    let error = vec!["error source-polling 5".to_owned()];
    assert_eq!(weighed(POLLING, &["--error", "source-polling"]), (error, 1));
    assert_eq!(
        weighed(POLLING, &["--strict", "--allow", "source-polling"]),
        (Vec::new(), 0)
    );
    let schedule = POLLING.replace(
        "stages:",
        "triggers: { schedule: 'cron(0 6 * * MON *)' }\nstages:",
    );
    let both = |severity: &str| {
        vec![
            "warning source-polling 5".to_owned(),
            format!("{severity} schedule-invalid 6"),
        ]
    };
    assert_eq!(weighed(&schedule, &[]), (both("error"), 1));
    assert_eq!(
        weighed(&schedule, &["--warn", "schedule-invalid"]),
        (both("warning"), 0)
    );
}

#[test]
fn comments_take_findings_back_and_unused_ones_are_told() {
    let none = (Vec::new(), 0);
    let behind = POLLING.replace("polling", "polling # pipectl: ignore[source-polling]");
    assert_eq!(weighed(&behind, &["--strict"]), none);
    let above = POLLING.replace(
        "  detect",
        "  # pipectl: ignore[source-polling] until the summer\n  detect",
    );
    assert_eq!(weighed(&above, &["--strict"]), none);
    let far = format!("# pipectl: ignore[source-polling, sorce-polling]\n{POLLING}");
    let told = [
        "warning ignore-unused 1",
        "warning ignore-unused 1",
        "warning source-polling 6",
    ];
    assert_eq!(weighed(&far, &[]), (told.map(str::to_owned).to_vec(), 0));
    let allowed = &["--allow", "ignore-unused", "--allow", "source-polling"];
    assert_eq!(weighed(&far, allowed), none);
    // what cannot be understood cannot be ignored, and says nothing about other comments
    let broken = POLLING.replace(
        "branch: main",
        "brunch: main # pipectl: ignore[key-unknown]",
    );
    let (found, code) = weighed(&broken, &[]);
    assert_eq!(code, 1);
    assert!(
        found.contains(&"error key-unknown 4".to_owned()),
        "{found:?}"
    );
    assert!(!found.iter().any(|one| one.contains("unused")), "{found:?}");
}

/// What a comment takes back is not told by the commands that do something either.
#[test]
fn a_plan_does_not_tell_what_a_comment_takes_back() {
    let behind = POLLING.replace("polling", "polling # pipectl: ignore[source-polling]");
    for (text, told) in [(POLLING, true), (behind.as_str(), false)] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("pipeline.yml"), text).unwrap();
        let ran = pipectl(folder.path(), &["plan", "--sandbox"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(
            ran.stderr.contains("source-polling"),
            told,
            "{}",
            ran.stderr
        );
    }
}
