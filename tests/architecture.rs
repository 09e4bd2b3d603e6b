//! The laws of the tree: where the SDK may be named, where anything is printed, which stages are pure.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The longest a file may be before it is two.
const LONGEST: usize = 800;

/// The stages from text to plan, and the data they share: no I/O, no clock, no environment, no async.
const PURE: [&str; 11] = [
    "src/source.rs",
    "src/tree.rs",
    "src/diagnostic.rs",
    "src/resources",
    "src/catalog",
    "src/yaml",
    "src/model",
    "src/checks",
    "src/compile",
    "src/plan",
    "src/starter",
];

/// What a pure stage cannot name.
const IMPURE: [&str; 11] = [
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "std::thread",
    "SystemTime",
    "Instant",
    "tokio",
    "async fn",
    "async move",
    ".await",
];

/// A Rust file: its path from the root with `/`, its lines without comments, and how long it is.
struct File {
    path: String,
    code: Vec<(usize, String)>,
    text: String,
}

impl File {
    fn under(&self, place: &str) -> bool {
        self.path == place
            || self.path == format!("{place}.rs")
            || self.path.starts_with(&format!("{place}/"))
    }

    /// `path:line: code` of every line that holds one of the words; unit tests at the foot of a file may do as they like.
    fn lines_with(&self, words: &[&str]) -> Vec<String> {
        self.code
            .iter()
            .take_while(|(_, line)| !line.trim_start().starts_with("#[cfg(test)]"))
            .filter(|(_, line)| words.iter().any(|word| holds(line, word)))
            .map(|(number, line)| format!("{}:{number}: {}", self.path, line.trim()))
            .collect()
    }
}

/// Whether the line holds the word, not as a part of a longer one; a word that ends in `_` is a prefix.
fn holds(line: &str, word: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let (first, last) = (word.chars().next(), word.chars().next_back());
    line.match_indices(word).any(|(at, _)| {
        let before = part(first) && part(line[..at].chars().next_back());
        let after = last != Some('_') && part(last) && part(line[at + word.len()..].chars().next());
        !before && !after
    })
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every Rust file under `src` or `tests`.
fn files(folder: &str) -> Vec<File> {
    let mut paths = Vec::new();
    walk(&root().join(folder), &mut paths);
    assert!(!paths.is_empty(), "{folder} holds no Rust");
    paths
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).unwrap();
            let relative = path.strip_prefix(root()).unwrap();
            let code = text
                .lines()
                .enumerate()
                .filter(|(_, line)| !line.trim_start().starts_with("//"))
                .map(|(index, line)| (index + 1, line.to_owned()))
                .collect();
            File {
                path: relative.to_str().unwrap().replace('\\', "/"),
                code,
                text,
            }
        })
        .collect()
}

fn none(found: &[String], law: &str) {
    assert!(found.is_empty(), "{law}:\n{}", found.join("\n"));
}

#[test]
fn the_sdk_is_named_under_cloud_only() {
    let sdk = [
        "aws_config",
        "aws_types",
        "aws_credential_types",
        "aws_runtime",
        "aws_sdk_",
        "aws_smithy_",
        "aws_sigv4",
    ];
    let found: Vec<_> = files("src")
        .iter()
        .filter(|file| !file.under("src/cloud"))
        .flat_map(|file| file.lines_with(&sdk))
        .collect();
    none(&found, "the SDK is named outside src/cloud");
}

#[test]
fn report_and_main_alone_print() {
    let print = [
        "println!",
        "eprintln!",
        "print!",
        "eprint!",
        "dbg!",
        "io::stdout",
        "io::stderr",
    ];
    let found: Vec<_> = files("src")
        .iter()
        .filter(|file| {
            !["src/report", "src/main", "src/link.rs"]
                .iter()
                .any(|place| file.under(place))
        })
        .flat_map(|file| file.lines_with(&print))
        .collect();
    none(
        &found,
        "something outside src/report and src/main.rs prints",
    );
}

#[test]
fn the_pure_stages_are_pure() {
    let files = files("src");
    for place in PURE {
        assert!(
            files.iter().any(|file| file.under(place)),
            "{place} does not exist: the list of pure stages is behind the tree"
        );
    }
    let found: Vec<_> = files
        .iter()
        .filter(|file| PURE.iter().any(|place| file.under(place)))
        .filter(|file| !file.path.ends_with("/tests.rs"))
        .flat_map(|file| file.lines_with(&IMPURE))
        .collect();
    none(
        &found,
        "a stage between text and plan reaches for the outside",
    );
}

#[test]
fn no_file_is_too_long() {
    let found: Vec<_> = files("src")
        .into_iter()
        .chain(files("tests"))
        .filter_map(|file| {
            let lines = file.text.lines().count();
            (lines > LONGEST).then(|| format!("{}: {lines} lines", file.path))
        })
        .collect();
    none(
        &found,
        "files longer than 800 lines are two things in one file",
    );
}

#[test]
fn nothing_is_left_for_later() {
    let here = "tests/architecture.rs";
    let marks = ["todo!", "unimplemented!", "TODO", "FIXME", "XXX"];
    let found: Vec<_> = files("src")
        .into_iter()
        .chain(files("tests"))
        .filter(|file| file.path != here)
        .flat_map(|file| {
            file.text
                .lines()
                .enumerate()
                .filter(|(_, line)| marks.iter().any(|mark| holds(line, mark)))
                .map(|(index, line)| format!("{}:{}: {}", file.path, index + 1, line.trim()))
                .collect::<Vec<_>>()
        })
        .collect();
    none(&found, "something is left for later");
}

#[test]
fn every_test_file_is_part_of_the_binary() {
    let declared: BTreeSet<String> = fs::read_to_string(root().join("tests/main.rs"))
        .unwrap()
        .lines()
        .filter_map(|line| {
            Some(
                line.trim()
                    .strip_prefix("mod ")?
                    .strip_suffix(';')?
                    .to_owned(),
            )
        })
        .collect();
    let there: BTreeSet<String> = fs::read_dir(root().join("tests"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter_map(|path| {
            let stem = path.file_stem()?.to_str()?.to_owned();
            let rust = path.extension().is_some_and(|extension| extension == "rs");
            (rust && stem != "main" || path.join("mod.rs").is_file()).then_some(stem)
        })
        .collect();
    assert_eq!(declared, there, "tests/main.rs and the files beside it");
}

#[test]
fn words_are_found_whole() {
    assert!(holds("let x = println!(\"\");", "println!"));
    assert!(!holds("eprintln!(\"\")", "println!"));
    assert!(!holds("InstantNoodles", "Instant"));
    assert!(holds("use aws_sdk_iam::Client;", "aws_sdk_"));
    assert!(holds("use std::time::{Duration, Instant};", "Instant"));
}
