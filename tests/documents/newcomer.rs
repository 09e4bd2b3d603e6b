//! What a newcomer does on a clean clone and in an empty folder, with nothing but the README: its `sh` blocks marked
//! `clone` and `empty` are run as they stand there. The only help is a `cargo` that brings the program which is built
//! already, and somebody who answers the approval.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::desk::small_program;
use super::page::{Item, items};
use super::root;
use crate::support::program::{Place, finish};

/// The time that a newcomer has for one block.
const PATIENCE: Duration = Duration::from_secs(240);

/// The commands of the README for a place.
fn commands(place: &str) -> String {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let items = items(&readme);
    let blocks = items.iter().filter_map(|item| match item {
        Item::Block(block) if block.language() == "sh" && block.has(place) => Some(&block.text[..]),
        _ => None,
    });
    let commands = blocks.collect::<Vec<_>>().join("");
    assert!(
        !commands.is_empty(),
        "README.md has no block of `sh {place}`"
    );
    commands
}

/// A machine on which nobody has heard of pipectl: a home with a `cargo` in its path.
struct Newcomer {
    home: Place,
}

impl Newcomer {
    fn new() -> Self {
        let home = Place::new();
        let built = env!("CARGO_BIN_EXE_pipectl");
        let cargo = format!(
            "#!/bin/sh\n\
             # cargo install --locked --path . : what it would build is built already\n\
             set -e\n\
             [ \"$1\" = install ] || {{ echo \"cargo $*: not in the README\" >&2; exit 64; }}\n\
             grep -q '^name = \"pipectl\"' Cargo.toml\n\
             test -f Cargo.lock\n\
             mkdir -p \"$HOME/.cargo/bin\"\n\
             ln -sf '{built}' \"$HOME/.cargo/bin/pipectl\"\n"
        );
        home.write("bin/cargo", cargo);
        let path = home.path().join("bin/cargo");
        let mut rights = fs::metadata(&path).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut rights, 0o755);
        fs::set_permissions(&path, rights).unwrap();
        // A self-update hands on the running program; a debug build is so large that this would take minutes.
        home.write("pipectl-for-builds", small_program());
        Self { home }
    }

    fn shell(&self, folder: &Path, script: &str) -> Command {
        let home = self.home.path();
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{0}/bin:{0}/.cargo/bin:{path}", home.display());
        let mut command = Command::new("sh");
        command
            .args(["-ec", script])
            .current_dir(folder)
            .env_clear()
            .env("PATH", path)
            .env("HOME", home)
            .env("PIPECTL_BINARY", home.join("pipectl-for-builds"))
            .env("NO_COLOR", "1")
            .env("LC_ALL", "C.UTF-8")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null());
        for (key, value) in [("NAME", "Ada"), ("EMAIL", "ada@example.com")] {
            command.env(format!("GIT_AUTHOR_{key}"), value);
            command.env(format!("GIT_COMMITTER_{key}"), value);
        }
        command
    }

    fn does(&self, folder: &Path, script: &str) -> String {
        let output = finish(&mut self.shell(folder, script));
        assert_eq!(output.code, 0, "{script}: {}", output.said());
        output.out()
    }

    /// The same where approvals wait: they are answered until the commands are through.
    fn does_and_approves(&self, folder: &Path, script: &str, approve: &str) -> String {
        let log = self.home.path().join("log");
        let file = fs::File::create(&log).unwrap();
        let mut command = self.shell(folder, &format!("exec 2>&1\n{script}"));
        let mut running = Running(command.stdout(file).spawn().unwrap());
        let start = Instant::now();
        loop {
            let said = fs::read_to_string(&log).unwrap();
            if let Some(status) = running.0.try_wait().unwrap() {
                assert!(status.success(), "{script}: {said}");
                return said;
            }
            assert!(start.elapsed() < PATIENCE, "{script} does not end: {said}");
            if said.contains("waits for an answer") {
                // Nobody waits any more where it was answered in the meantime.
                finish(&mut self.shell(folder, approve));
            }
            std::thread::sleep(Duration::from_millis(300));
        }
    }
}

/// Ends a process that a failing test leaves.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder `pipectl` with the files that git would hand out.
fn clone() -> Place {
    let place = Place::new();
    let mut git = Command::new("git");
    let list = git
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root());
    for name in finish(list.stdout(Stdio::piped())).out().split('\0') {
        let from: PathBuf = root().join(name);
        // What the product is not made of is left out: it is large.
        if from.is_file() && !name.starts_with("tests/") {
            let to = place.path().join("pipectl").join(name);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(from, to).unwrap();
        }
    }
    place
}

#[test]
fn a_clone_is_tried_out() {
    let place = clone();
    let newcomer = Newcomer::new();
    let clone = place.path().join("pipectl");
    newcomer.does(
        &clone,
        "git init -q . && git add -A && git commit -q -m 'A'",
    );
    let approve = "cd ../hw-api && pipectl approve --sandbox --pipeline prod";
    let said = newcomer.does_and_approves(&clone, &commands("clone"), approve);
    assert!(said.contains("to create"), "{said}");
    assert!(
        said.lines().any(|line| line.starts_with("✓ execution ")),
        "{said}"
    );
    for folder in [clone, place.path().join("hw-api")] {
        let left = newcomer.does(&folder, "git status --porcelain");
        assert_eq!(left, "", "trying it out leaves something behind");
    }
}

#[test]
fn a_pipeline_of_ones_own_begins_in_an_empty_folder() {
    let newcomer = Newcomer::new();
    let place = clone();
    let install = "cargo install --locked --path .";
    newcomer.does(&place.path().join("pipectl"), install);
    let own = Place::new();
    newcomer.does(own.path(), "git init -q -b main .");
    let approve = "pipectl approve --sandbox";
    let said = newcomer.does_and_approves(own.path(), &commands("empty"), approve);
    assert!(said.contains("no findings"), "{said}");
    assert!(
        said.lines().any(|line| line.starts_with("✓ execution ")),
        "{said}"
    );
}
