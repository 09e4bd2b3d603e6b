//! The folder in which a page is tried out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::page::{Block, Item};
use super::root;
use crate::examples::copy;
use crate::support::program::{Output, Place, finish};

/// What a part of a file needs around it.
const SERVICE: &str = "service: shop\n";
const SOURCE: &str = "source: { codecommit: shop, branch: main }\n";
const STAGES: &str = "stages:\n  - build: make\n";

/// A part of a file is written here.
const PART: &str = "part.yml";

pub(super) struct Desk {
    place: Place,
    /// What is beside the repository: the home, and the program that builds are given.
    home: Place,
}

type Done = Result<(), String>;

/// Of a system that builds have: what a self-update puts into the bucket.
pub(super) fn small_program() -> Vec<u8> {
    let mut elf = b"\x7fELF\x02\x01".to_vec();
    elf.resize(18, 0);
    elf.extend([62, 0]);
    elf.resize(64, 0);
    elf
}

impl Desk {
    pub(super) fn new(page: &str) -> Self {
        let place = Place::new();
        let cases = root().join("tests/cases/documents");
        copy(&cases.join("all"), place.path());
        if cases.join(page).exists() {
            copy(&cases.join(page), place.path());
        }
        let home = Place::new();
        home.write("pipectl-for-builds", small_program());
        let desk = Self { place, home };
        desk.shell("git init -q -b main .").unwrap();
        desk.commit();
        desk
    }

    /// A folder of this repository as a folder of that one.
    pub(super) fn take_in(&self, folder: &str) {
        let target = self.place.path().join(folder);
        fs::create_dir_all(&target).unwrap();
        copy(&root().join(folder), &target);
        self.commit();
    }

    pub(super) fn take(&mut self, item: &Item) -> Done {
        match item {
            Item::Hidden { name, text, .. } => {
                self.write(name, text);
                Ok(())
            }
            Item::Run { script, .. } => self.script(script),
            Item::Block(block) => self.block(block),
        }
    }

    fn block(&self, block: &Block) -> Done {
        if let Some(reason) = block.said("not run") {
            return match reason.len() > 10 {
                true => Ok(()),
                false => Err("why is it not run?".to_owned()),
            };
        }
        if let Some(test) = block.said("tested by") {
            return match root().join(test).exists() {
                true => Ok(()),
                false => Err(format!("there is no {test}")),
            };
        }
        match (block.language(), block.file()) {
            ("yaml", _) if block.has("part") => self.part(block),
            ("yaml", Some("pipeline.yml")) => {
                // A new file begins with an empty account.
                let account = self.place.path().join(".pipectl");
                if account.exists() {
                    fs::remove_dir_all(account).map_err(|error| error.to_string())?;
                }
                self.write("pipeline.yml", &block.text);
                self.holds("pipeline.yml", block)
            }
            (_, Some(name)) => {
                self.write(name, &block.text);
                Ok(())
            }
            ("console", None) => self.session(&block.text),
            ("sh", None) if block.has("clone") || block.has("empty") => Ok(()),
            ("sh", None) => self.script(&block.text),
            (other, None) => Err(format!(
                "nothing is known of this block of `{other}`; a comment above it says why it is not run"
            )),
        }
    }

    /// Commands that succeed.
    fn script(&self, script: &str) -> Done {
        let output = self.shell(&format!("set -e\n{script}"))?;
        match output.code {
            0 => Ok(()),
            _ => Err(output.said()),
        }
    }

    fn write(&self, name: &str, text: &str) {
        self.place.write(name, text);
        if name.ends_with(".sh") {
            let path = self.place.path().join(name);
            let mut rights = fs::metadata(&path).unwrap().permissions();
            std::os::unix::fs::PermissionsExt::set_mode(&mut rights, 0o755);
            fs::set_permissions(&path, rights).unwrap();
        }
        self.commit();
    }

    fn commit(&self) {
        let said = self
            .shell("git add -A && git commit -q --allow-empty -m 'The example of the page'")
            .unwrap();
        assert_eq!(said.code, 0, "{}", said.said());
    }

    /// A command as a person at this desk would say it; both streams come as one.
    fn shell(&self, script: &str) -> Result<Output, String> {
        let bin = Path::new(env!("CARGO_BIN_EXE_pipectl")).parent().unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("exec 2>&1\n{script}")])
            .current_dir(self.place.path())
            .env_clear()
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("HOME", self.home.path())
            .env(
                "PIPECTL_BINARY",
                self.home.path().join("pipectl-for-builds"),
            )
            .env("NO_COLOR", "1")
            .env("LC_ALL", "C.UTF-8")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null());
        for who in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{who}_NAME"), "Ada")
                .env(format!("GIT_{who}_EMAIL"), "ada@example.com")
                .env(format!("GIT_{who}_DATE"), "2026-01-05T09:00:00Z");
        }
        Ok(finish(&mut command))
    }

    fn pipectl(&self, arguments: &str) -> Result<Output, String> {
        self.shell(&format!("pipectl {arguments}"))
    }

    /// A part of a file, with what it lacks.
    fn part(&self, block: &Block) -> Done {
        let text = &block.text;
        let has = |key: &str| text.lines().any(|line| line.starts_with(key));
        let mut whole = String::new();
        if !has("service:") {
            whole.push_str(SERVICE);
        }
        let items = text.trim_start().starts_with("- ");
        let several = has("pipelines:");
        if !has("source:") && !several {
            whole.push_str(SOURCE);
        }
        if items {
            whole.push_str("stages:\n");
            for line in text.lines() {
                whole.push_str(&format!("  {line}\n"));
            }
        } else {
            if !has("stages:") && !several {
                whole.push_str(STAGES);
            }
            whole.push_str(text);
        }
        self.write(PART, &whole);
        let held = self.holds(PART, block);
        fs::remove_file(self.place.path().join(PART)).unwrap();
        held.map_err(|said| format!("{said}\n--- the whole file\n{whole}"))
    }

    /// validate → compile → apply → plan.
    fn holds(&self, file: &str, block: &Block) -> Done {
        let mut expected: Vec<&str> = block
            .value("finds")
            .map_or(Vec::new(), |codes| codes.split(',').collect());
        expected.sort_unstable();
        let output = self.pipectl(&format!("validate {file} --format json"))?;
        let found: Value = serde_json::from_str(&output.out())
            .map_err(|error| format!("{error}: {}", output.said()))?;
        let findings = found["diagnostics"].as_array().ok_or("no findings")?;
        let mut codes: Vec<&str> = findings
            .iter()
            .filter_map(|finding| finding["code"].as_str())
            .collect();
        codes.sort_unstable();
        codes.dedup();
        if codes != expected {
            let said = self.pipectl(&format!("validate {file}"))?.out();
            return Err(format!("found {codes:?} instead of {expected:?}\n{said}"));
        }
        if found["summary"]["errors"] != 0 {
            return Ok(());
        }
        let account: PathBuf = self.home.path().join("account");
        let sandbox = format!("-f {file} --sandbox='{}'", account.display());
        let mut steps = vec![format!("compile --offline -f {file}")];
        if block.said("not applied").is_none() {
            steps.push(format!("apply --yes --no-run {sandbox}"));
            steps.push(format!("plan --exit-code {sandbox}"));
        }
        let mut result = Ok(());
        for step in steps {
            let output = self.pipectl(&step)?;
            if output.code != 0 {
                result = Err(format!("pipectl {step}: {}", output.said()));
                break;
            }
        }
        if account.exists() {
            fs::remove_dir_all(account).map_err(|error| error.to_string())?;
        }
        result
    }

    /// Commands with what they print.
    fn session(&self, text: &str) -> Done {
        let mut steps: Vec<(String, Vec<&str>)> = Vec::new();
        for line in text.lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                steps.push((command.to_owned(), Vec::new()));
            } else if let Some((command, printed)) = steps.last_mut() {
                match line.strip_prefix("> ") {
                    Some(more) if printed.is_empty() => {
                        *command = format!("{command}\n{more}");
                    }
                    _ => printed.push(line),
                }
            } else {
                return Err("a session begins with `$ `".to_owned());
            }
        }
        for (command, mut expected) in steps {
            while expected.last().is_some_and(|line| line.is_empty()) {
                expected.pop();
            }
            let output = self.shell(&command)?;
            let printed = output.out();
            let mut printed: Vec<&str> = printed.lines().map(str::trim_end).collect();
            while printed.last().is_some_and(|line| line.is_empty()) {
                printed.pop();
            }
            if output.code != 0 || !like(&expected, &printed) {
                return Err(format!(
                    "$ {command}\nends with {} and prints\n{}\n--- the page shows\n{}",
                    output.code,
                    printed.join("\n"),
                    expected.join("\n")
                ));
            }
        }
        Ok(())
    }
}

/// Whether lines are those that are shown, where a line `…` stands for any lines.
fn like(shown: &[&str], lines: &[&str]) -> bool {
    match shown.split_first() {
        None => lines.is_empty(),
        Some((first, rest)) if first.trim() == "…" => {
            (0..=lines.len()).any(|skipped| like(rest, &lines[skipped..]))
        }
        Some((first, rest)) => lines
            .split_first()
            .is_some_and(|(line, others)| like_line(first.trim_end(), line) && like(rest, others)),
    }
}

/// Whether a line is the one that is shown, where `…` stands for any characters.
fn like_line(shown: &str, line: &str) -> bool {
    let Some((before, after)) = shown.split_once('…') else {
        return shown == line;
    };
    let Some(rest) = line.strip_prefix(before) else {
        return false;
    };
    let mut starts = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    starts.any(|at| like_line(after, &rest[at..]))
}

#[test]
fn what_is_left_out_may_be_anything_and_nothing_else() {
    assert!(like(&["a", "…", "d"], &["a", "b", "c", "d"]));
    assert!(like(&["a", "…", "d"], &["a", "d"]));
    assert!(!like(&["a", "…", "d"], &["a", "d", "e"]));
    assert!(!like(&["a"], &[]));
    assert!(like(&["id …: b…"], &["id 17f: bees"]));
    assert!(!like(&["id …: b"], &["id 17f: bees"]));
}
