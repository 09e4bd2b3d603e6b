//! What running and watching cost in time of the processor, which other tests beside these do not change. Bounds are for
//! a program that is not optimised: what is installed needs a fraction.
#![cfg(target_os = "linux")]

use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;

use crate::support::program::{Place, finish};

/// A repository with a file, applied in the sandbox.
fn applied(file: &str) -> Place {
    let place = Place::new();
    place.write("pipeline.yml", file);
    place.write(".gitignore", ".pipectl\n");
    for arguments in [
        &["init", "-q", "-b", "main"][..],
        &["add", "-A"],
        &[
            "-c",
            "user.name=Jo",
            "-c",
            "user.email=jo@example.com",
            "commit",
            "-qm",
            "One",
        ],
    ] {
        let ran = finish(
            Command::new("git")
                .args(arguments)
                .current_dir(place.path()),
        );
        assert_eq!(ran.code, 0, "{}", ran.said());
    }
    let ran = finish(&mut place.command(&["apply", "--sandbox", "--yes", "--no-run"]));
    assert_eq!(ran.code, 0, "{}", ran.said());
    place
}

/// Seconds of the processor that a command and everything that it waited for took; its exit code before that.
fn cost(place: &Place, arguments: &str) -> (i32, f64) {
    let script = format!(
        "TIMEFORMAT='%U %S'; time \"$PIPECTL\" {arguments} >/dev/null 2>said; code=$?; exit $code"
    );
    let ran = finish(
        Command::new("bash")
            .args(["-c", &script])
            .current_dir(place.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", place.path())
            .env("LC_ALL", "C")
            .env("PIPECTL", env!("CARGO_BIN_EXE_pipectl")),
    );
    let seconds = ran.err();
    let seconds = seconds
        .split_whitespace()
        .map(|one| one.parse::<f64>().unwrap());
    (ran.code, seconds.sum())
}

#[test]
fn ten_empty_builds_cost_little() {
    let mut file = "service: ten\nsource: {codecommit: ten, branch: main}\nstages:\n  - name: Many\n    actions:\n".to_owned();
    for number in 0..10 {
        writeln!(file, "      - {{name: B{number}, build: 'true'}}").unwrap();
    }
    let place = applied(&file);
    let (code, seconds) = cost(&place, "run --sandbox --trust");
    assert_eq!(code, 0);
    assert!(seconds < 2.0, "{seconds} s");
}

#[test]
fn watching_costs_next_to_nothing() {
    let place = applied(
        "service: gate\nsource: {codecommit: gate, branch: main}\nstages:\n  - name: Gate\n    approval: {message: Well?}\n",
    );
    let ran = finish(&mut place.command(&["run", "--sandbox", "--trust", "--detach"]));
    assert_eq!(ran.code, 0, "{}", ran.said());
    let waits = || {
        let ran = finish(&mut place.command(&["status", "--sandbox"]));
        ran.out().contains("waits for you")
    };
    while !waits() {
        std::thread::sleep(Duration::from_millis(50));
    }
    let (code, seconds) = cost(&place, "watch --sandbox --timeout 8s");
    let ran = finish(&mut place.command(&["stop", "--sandbox", "--abandon"]));
    assert_eq!(ran.code, 0, "{}", ran.said());
    assert_eq!(code, 3);
    assert!(seconds < 0.6, "{seconds} s in eight");
}
