//! The hook, run by the real pre-commit on a repository of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::emulator::python;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn git(folder: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Runs every hook on every file of the repository.
fn hooks(folder: &Path) -> (bool, String) {
    let output = Command::new(python())
        .args(["-m", "pre_commit", "run", "--all-files", "--color", "never"])
        .current_dir(folder)
        .env("PRE_COMMIT_HOME", folder.join(".git/pre-commit"))
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said)
}

#[test]
fn pre_commit_runs_the_hook_on_pipeline_files() {
    let offered = fs::read_to_string(root().join(".pre-commit-hooks.yaml")).unwrap();
    let offered: serde_yaml::Value = serde_yaml::from_str(&offered).unwrap();
    // As users have it, but for the language: the binary is there already.
    let mut hook = offered[0].clone();
    assert_eq!(hook["language"], "rust");
    assert_eq!(hook["entry"], "pipectl validate");
    hook["language"] = "system".into();
    hook["entry"] = format!("{} validate", env!("CARGO_BIN_EXE_pipectl")).into();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut entry = serde_yaml::Mapping::new();
    entry.insert("repo".into(), "local".into());
    entry.insert("hooks".into(), serde_yaml::Value::Sequence(vec![hook]));
    let mut configuration = serde_yaml::Mapping::new();
    configuration.insert(
        "repos".into(),
        serde_yaml::Value::Sequence(vec![entry.into()]),
    );
    fs::write(
        folder.join(".pre-commit-config.yaml"),
        serde_yaml::to_string(&configuration).unwrap(),
    )
    .unwrap();
    let good = "service: shop\nsource: {codecommit: shop, branch: main}\nstages: [{build: make}]\n";
    fs::write(folder.join("pipeline.yml"), good).unwrap();
    fs::create_dir(folder.join("other")).unwrap();
    fs::write(folder.join("other/pipectl.yaml"), good).unwrap();
    fs::write(folder.join("values.yml"), "stages: no pipeline file\n").unwrap();
    git(folder, &["init", "--quiet"]);
    git(folder, &["add", "."]);
    let (passed, said) = hooks(folder);
    assert!(passed && said.contains("pipectl validate"), "{said}");
    fs::write(
        folder.join("other/pipectl.yaml"),
        good.replace("make", "{runn: make}"),
    )
    .unwrap();
    git(folder, &["add", "."]);
    let (passed, said) = hooks(folder);
    assert!(
        !passed && said.contains("other/pipectl.yaml:3:") && said.contains("did you mean `run`?"),
        "{said}"
    );
}
