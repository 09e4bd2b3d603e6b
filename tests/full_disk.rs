//! A disk without room: what cannot be written is told, what was written stays whole, and the run goes on when there is
//! room again.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::Command;

use rusqlite::Connection;

use crate::support::program::{Place, finish};

/// Runs in a namespace of its own, in which the account's folder is a small disk. It says what commands end with.
const SCRIPT: &str = r#"
mkdir -p account result
mount -t tmpfs -o size=4m none account || exit 77
told() { "$PIPECTL" "$@" --sandbox=account > "result/$name.out" 2> "result/$name.err"; echo $? > "result/$name.code"; }
name=apply; told apply --yes --no-run
touch fill
name=full; told run --trust
name=looked; told status
head -c 16M /dev/zero > account/more 2> /dev/null
name=again; told run --trust
rm -f fill account/filler account/more
name=resumed; told run --trust --resume
name=after; told status --format json
cp account/account.db* result/
exit 0
"#;

fn namespace(place: &Path, flags: &[&str]) -> Option<i32> {
    let done = Command::new("unshare")
        .args(flags)
        .args(["sh", "-c", SCRIPT])
        .current_dir(place)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", place)
        .env("PIPECTL", env!("CARGO_BIN_EXE_pipectl"))
        .output();
    done.ok()?.status.code()
}

#[test]
#[allow(clippy::print_stdout, reason = "a test says that it is skipped")]
fn a_full_disk_ends_the_run_and_breaks_nothing() {
    let place = Place::new();
    let root = place.path().display();
    let file = format!(
        "service: full\nsource: {{codecommit: full, branch: main}}\nstages:\n  - unit: |\n      \
         if [ -e {root}/fill ]; then cat /dev/zero > {root}/account/filler; fi; echo built\n"
    );
    place.write("pipeline.yml", file);
    let git = |arguments: &[&str]| {
        let name = ["-c", "user.name=Jo", "-c", "user.email=jo@example.com"];
        let mut command = Command::new("git");
        let ran = finish(command.args(name).args(arguments).current_dir(place.path()));
        assert_eq!(ran.code, 0, "{}", ran.said());
    };
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "pipeline.yml"]);
    git(&["commit", "-q", "-m", "One"]);
    // Whoever may not mount is root in a namespace of users, where those are allowed.
    let ways: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
    if !ways
        .iter()
        .any(|way| namespace(place.path(), way) == Some(0))
    {
        println!("skipped: no disk can be mounted here");
        return;
    }
    let read = |name: &str| fs::read_to_string(place.path().join("result").join(name)).unwrap();
    let told = |name: &str| {
        let code: i32 = read(&format!("{name}.code")).trim().parse().unwrap();
        (
            code,
            read(&format!("{name}.out")),
            read(&format!("{name}.err")),
        )
    };
    let (code, out, err) = told("full");
    assert_eq!(code, 3, "{out}{err}");
    assert!(err.contains("there is no room left on the disk"), "{err}");
    assert!(err.contains("pipectl run --sandbox --resume"), "{err}");
    let (code, out, err) = told("looked");
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("running"), "{out}");
    let (code, out, err) = told("again");
    assert_eq!(code, 3, "{out}{err}");
    assert!(err.contains("there is no room left on the disk"), "{err}");
    assert!(!err.contains("remove this one"), "{err}");
    let (code, out, err) = told("resumed");
    assert_eq!(code, 0, "{out}{err}");
    let (_, out, _) = told("after");
    let status: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(status["execution"]["status"], "Succeeded", "{out}");
    let db = Connection::open(place.path().join("result/account.db")).unwrap();
    let whole: String = db
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(whole, "ok");
}
