//! What is proposed for which repository.

use super::{Surroundings, propose};

/// A repository of these files.
fn around(files: &[(&str, &str)]) -> Surroundings {
    Surroundings {
        folder: "shop".to_owned(),
        names: files.iter().map(|(name, _)| (*name).to_owned()).collect(),
        texts: files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect(),
        ..Surroundings::default()
    }
}

fn file(files: &[(&str, &str)]) -> String {
    propose(&around(files)).file
}

#[test]
fn a_test_is_proposed_only_where_there_is_one() {
    let with = file(&[("package.json", r#"{"scripts": {"test": "node --test"}}"#)]);
    assert!(with.contains("run: npm test"), "{with}");
    for script in ["echo \"Error: no test specified\" && exit 1", ""] {
        let manifest = serde_json::json!({"scripts": {"test": script, "build": "tsc"}}).to_string();
        let without = file(&[("package.json", &manifest)]);
        assert!(!without.contains("npm test"), "{without}");
        assert!(without.contains("npm run build"), "{without}");
    }
}

#[test]
fn the_lock_file_says_which_tool_installs() {
    let manifest = r#"{"scripts": {"test": "jest"}, "dependencies": {"a": "1"}}"#;
    for (lock, command) in [
        ("package-lock.json", "- npm ci"),
        ("yarn.lock", "- yarn install --frozen-lockfile"),
        ("pnpm-lock.yaml", "- pnpm install --frozen-lockfile"),
        ("unknown.lock", "- npm install"),
    ] {
        let text = file(&[("package.json", manifest), (lock, "")]);
        assert!(text.contains(command), "{lock}: {text}");
    }
}

#[test]
fn versions_are_said_only_where_the_repository_says_them() {
    let python = |project: &str| file(&[("pyproject.toml", project), ("tests/test_a.py", "")]);
    assert!(
        python("[project]\nrequires-python = \">=3.12\"\n").contains("runtimes: { python: 3.12 }")
    );
    assert!(!python("[project]\nname = \"a\"\n").contains("runtimes"));
    assert!(!python("[project]\nrequires-python = \">=2.7\"\n").contains("runtimes"));
    let pom = "<project><properties><maven.compiler.release>21</maven.compiler.release></properties></project>";
    assert!(file(&[("pom.xml", pom)]).contains("runtimes: { java: corretto21 }"));
}

#[test]
fn several_languages_are_tested_side_by_side() {
    let text = file(&[
        ("Cargo.toml", "[package]"),
        ("package.json", r#"{"scripts": {"test": "x"}}"#),
    ]);
    assert!(
        text.contains("- name: Rust") && text.contains("- name: Node"),
        "{text}"
    );
    assert!(
        text.contains("cargo test") && text.contains("npm test"),
        "{text}"
    );
}

#[test]
fn a_buildspec_says_how_it_is_built() {
    let text = file(&[
        (
            "buildspec.yml",
            "version: 0.2\nphases: {build: {commands: [npm test]}}\n",
        ),
        ("package.json", r#"{"scripts": {"test": "x"}}"#),
    ]);
    assert!(text.contains("buildspec: buildspec.yml"), "{text}");
    assert!(!text.contains("npm test"), "{text}");
}

#[test]
fn commands_begin_where_the_file_lies() {
    let mut around = around(&[("go.mod", "module a"), ("buildspec-deploy.yml", "")]);
    around.inside = "services/api/".to_owned();
    let text = propose(&around).file;
    assert!(text.contains("- cd services/api"), "{text}");
    assert!(
        text.contains("buildspec: services/api/buildspec-deploy.yml"),
        "{text}"
    );
    assert!(
        text.starts_with("# What becomes") && text.contains("\nservice: shop-api "),
        "{text}"
    );
}

#[test]
fn what_is_hostile_in_a_name_stays_out() {
    let mut around = around(&[]);
    around.folder = "${env:HOME} #: -".to_owned();
    around.branch = Some("x${env:SECRET}".to_owned());
    around.remote = Some("https://user:pass@github.com/a/b${x}".to_owned());
    let text = propose(&around).file;
    assert!(
        !text.contains("SECRET") && !text.contains("pass") && !text.contains("${env"),
        "{text}"
    );
    assert!(text.contains("\nservice: env-home "), "{text}");
}
