//! Applies that end in the middle, meet another one, or are told to stop: nothing is lost, and the next one goes on.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};

use super::account::{Account, ended};
use super::{REGION, SMALL};

/// What the account holds, as it would be in any account; the inventory's order and the lock apart.
fn state(account: &Account) -> BTreeMap<String, Value> {
    let text = json!(account.snapshot())
        .to_string()
        .replace(&account.id, "ACCOUNT");
    let mut state: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    state.retain(|name, _| !name.ends_with("/lock"));
    for (name, value) in &mut state {
        // The account's number is in the digests.
        let tags = value.get_mut("tags").and_then(Value::as_array_mut);
        for tag in tags.into_iter().flatten() {
            if tag.to_string().contains("pipectl:digest") {
                *tag = json!("the digest");
            }
        }
        if name.ends_with("/inventory") {
            let mut ids: Vec<String> = serde_json::from_str(value.as_str().unwrap()).unwrap();
            ids.sort();
            *value = json!(ids);
        }
    }
    state
}

#[track_caller]
fn assert_same(now: &BTreeMap<String, Value>, wanted: &BTreeMap<String, Value>, when: &str) {
    for name in now.keys().chain(wanted.keys()) {
        assert_eq!(now.get(name), wanted.get(name), "{when}: {name}");
    }
}

/// Kills an apply at one of its writes, which AWS has then done or never seen; the next apply ends as if nothing had
/// happened.
fn killed_at(write: usize, performed: bool, wanted: &BTreeMap<String, Value>) {
    let when = format!("killed at write {write}, done: {performed}");
    let id = format!("2000000{write:02}00{}", u8::from(performed));
    let account = Account::with_file(&id, REGION, SMALL);
    account.hold_write(write);
    let mut child = account.start(&["apply", "--yes"]);
    account.wait_held();
    child.kill().unwrap();
    let ran = ended(child);
    assert_eq!(ran.code, -1, "{when}: {}{}", ran.stdout, ran.stderr);
    account.release(performed);

    // Who died cannot give its lock back; who has nothing to do needs none.
    let locked = write > 0 || performed;
    let all_is_done = account.plan(&[])["changes"] == json!([]);
    let again = account.run(&["apply", "--yes", "--format", "json"]);
    if locked && !all_is_done {
        assert_eq!(again.code, 3, "{when}: {}", again.stderr);
        let answer: Value = serde_json::from_str(&again.stdout).unwrap();
        assert_eq!(answer["error"]["code"], "locked", "{when}: {answer:#}");
        assert!(again.stderr.contains("--break-lock"), "{}", again.stderr);
        account.json(0, &["apply", "--yes", "--break-lock"]);
    } else {
        assert_eq!(again.code, 0, "{when}: {}", again.stderr);
    }
    let mut now = state(&account);
    // Only a pipeline counts its versions: what was made and not heard of may be sent again.
    for value in now.values_mut() {
        if value.get("version").is_some() {
            value["version"] = json!(1);
        }
    }
    assert_same(&now, wanted, &when);
    account.assert_in_sync();
    account.json(0, &["destroy", "--yes", "--delete-data", "--break-lock"]);
    assert_eq!(account.snapshot(), BTreeMap::new(), "{when}");
}

#[test]
fn killed_in_the_middle() {
    let undisturbed = Account::with_file("200000000100", REGION, SMALL);
    undisturbed.traffic();
    undisturbed.json(0, &["apply", "--yes"]);
    let writes = undisturbed.traffic().iter().filter(|c| c.write).count();
    // The first takes the lock, the second writes the inventory, the last gives the lock back.
    assert!(writes > 20, "{writes}");
    let wanted = state(&undisturbed);
    let early: Vec<(usize, bool)> = vec![(0, false), (0, true), (1, true), (2, false), (3, true)];
    let late: Vec<(usize, bool)> = [(6, false), (10, true), (14, false), (18, true)]
        .into_iter()
        .chain([(writes - 2, false), (writes - 1, false)])
        .collect();
    std::thread::scope(|scope| {
        for half in [early, late] {
            let wanted = &wanted;
            scope.spawn(move || {
                for (write, performed) in half {
                    killed_at(write, performed, wanted);
                }
            });
        }
    });
}

#[test]
fn two_at_once() {
    let account = Account::with_file("200000000200", REGION, SMALL);
    account.hold_write(3);
    let first = account.start(&["apply", "--yes"]);
    account.wait_held();
    let second = account.run(&["apply", "--yes"]);
    assert_eq!(second.code, 3, "{}{}", second.stdout, second.stderr);
    let said = second.stderr;
    assert!(
        said.contains("Another apply is at work") && said.contains(&account.id),
        "{said}"
    );
    assert!(said.contains("--break-lock"), "{said}");
    let destroy = account.run(&["destroy", "--yes"]);
    assert_eq!(destroy.code, 3, "{}", destroy.stderr);
    // A plan needs no lock.
    assert_ne!(account.plan(&[])["changes"], json!([]));
    let waiting = account.start(&["apply", "--yes", "--wait", "--format", "json"]);
    account.release(true);
    let first = ended(first);
    assert_eq!(first.code, 0, "{}{}", first.stdout, first.stderr);
    let waited = ended(waiting);
    assert_eq!(waited.code, 0, "{}{}", waited.stdout, waited.stderr);
    account.assert_in_sync();

    // The same without anybody who holds them apart.
    account.json(0, &["destroy", "--yes", "--delete-data"]);
    let race = [(); 3].map(|()| account.start(&["apply", "--yes", "--format", "json"]));
    let mut won = 0;
    for child in race {
        let ran = ended(child);
        let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
        match ran.code {
            0 => won += usize::from(answer["changes"] != json!([])),
            3 => assert_eq!(answer["error"]["code"], "locked", "{answer:#}"),
            code => panic!("{code}: {}{}", ran.stdout, ran.stderr),
        }
    }
    assert_eq!(won, 1);
    account.assert_in_sync();
    account.json(0, &["destroy", "--yes", "--delete-data"]);
    assert_eq!(account.snapshot(), BTreeMap::new());
}

/// What the keyboard, and what others, send to end a program.
fn signal(child: &std::process::Child, name: &str) {
    let kill = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .status()
        .unwrap();
    assert!(kill.success());
    // It hears of it before anything else happens.
    std::thread::sleep(std::time::Duration::from_millis(300));
}

#[test]
fn stopped_by_the_keyboard() {
    for (id, name) in [("200000000300", "INT"), ("200000000301", "TERM")] {
        let account = Account::with_file(id, REGION, SMALL);
        account.hold_write(4);
        let child = account.start(&["apply", "--yes"]);
        account.wait_held();
        signal(&child, name);
        account.release(true);
        let ran = ended(child);
        assert_eq!(ran.code, 130, "{}{}", ran.stdout, ran.stderr);
        assert!(
            ran.stderr.contains("stopping after the calls under way"),
            "{}",
            ran.stderr
        );
        assert!(
            ran.stdout.contains("Interrupted: ") && ran.stdout.contains(" created; "),
            "{}",
            ran.stdout
        );
        let made: Vec<String> = account.snapshot().into_keys().collect();
        assert!(
            !made.iter().any(|name| name.starts_with("pipeline ")),
            "{made:?}"
        );
        assert!(!made.iter().any(|name| name.ends_with("/lock")), "{made:?}");
        account.json(0, &["apply", "--yes"]);
        account.assert_in_sync();
    }
}

/// The second time nothing is waited for, and the lock is free all the same.
#[test]
fn stopped_by_the_keyboard_at_once() {
    let account = Account::with_file("200000000302", REGION, SMALL);
    account.hold_write(4);
    let child = account.start(&["apply", "--yes"]);
    account.wait_held();
    signal(&child, "INT");
    let pressed = std::time::Instant::now();
    signal(&child, "INT");
    let ran = ended(child);
    assert!(pressed.elapsed().as_secs() < 5, "{:?}", pressed.elapsed());
    assert_eq!(ran.code, 130, "{}{}", ran.stdout, ran.stderr);
    let said = ran.stderr;
    assert!(
        said.contains("stopped in the middle of") && said.contains("changes were made before"),
        "{said}"
    );
    assert!(!said.contains("--break-lock"), "{said}");
    account.release(false);
    let left: Vec<String> = account.snapshot().into_keys().collect();
    assert!(!left.iter().any(|name| name.ends_with("/lock")), "{left:?}");
    account.json(0, &["apply", "--yes"]);
    account.assert_in_sync();
}

/// Where the lock cannot be given back either, it says how to go on.
#[test]
fn stopped_by_the_keyboard_with_the_lock() {
    let account = Account::with_file("200000000303", REGION, SMALL);
    // From there on no write comes through, that of the lock neither.
    account.hold_writes(4, 100);
    let child = account.start(&["apply", "--yes", "--format", "json"]);
    account.wait_held();
    signal(&child, "INT");
    let pressed = std::time::Instant::now();
    signal(&child, "INT");
    let ran = ended(child);
    assert!(pressed.elapsed().as_secs() < 6, "{:?}", pressed.elapsed());
    assert_eq!(ran.code, 130, "{}{}", ran.stdout, ran.stderr);
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(answer["error"]["code"], "interrupted", "{answer:#}");
    assert!(ran.stderr.contains("--break-lock"), "{}", ran.stderr);
    account.release(false);
    let locked = account.run(&["apply", "--yes"]);
    assert_eq!(locked.code, 3, "{}{}", locked.stdout, locked.stderr);
    account.json(0, &["apply", "--yes", "--break-lock"]);
    account.assert_in_sync();
}
