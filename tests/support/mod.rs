//! What the tests share.

use std::process::Command;

pub(crate) mod building;
pub(crate) mod emulator;
pub(crate) mod large;
pub(crate) mod node;
pub(crate) mod program;

/// The SDK reads its settings from the environment, so steps against it run in a process that has exactly those:
/// this program again, with this one test. True inside of it.
pub(crate) fn inside(test: &str, environment: impl FnOnce() -> Vec<(String, String)>) -> bool {
    const INSIDE: &str = "PIPECTL_TEST_INSIDE";
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args([test, "--exact", "--nocapture"])
        .env_clear()
        .envs(environment())
        .env(INSIDE, "1")
        .output()
        .expect("it starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success() && text(&output.stdout).contains("1 passed"),
        "{}\n{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    false
}
