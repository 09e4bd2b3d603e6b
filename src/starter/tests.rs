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

#[test]
fn tools_that_deploy_are_installed_as_the_lock_file_says() {
    let manifest = r#"{"devDependencies": {"aws-cdk": "2"}}"#;
    for (tool, runs) in [
        ("cdk.json", "cdk deploy --all"),
        ("serverless.yml", "serverless deploy"),
    ] {
        for (lock, install, run) in [
            ("package-lock.json", "- npm ci", "npx"),
            ("yarn.lock", "- yarn install --frozen-lockfile", "yarn"),
            (
                "pnpm-lock.yaml",
                "- pnpm install --frozen-lockfile",
                "pnpm exec",
            ),
            ("unknown.lock", "- npm install", "npx"),
        ] {
            let text = file(&[("package.json", manifest), (tool, "{}"), (lock, "")]);
            assert!(text.contains(install), "{lock}: {text}");
            assert!(text.contains(&format!("- {run} {runs}")), "{lock}: {text}");
        }
        let text = file(&[("package.json", "{}"), (tool, "{}")]);
        assert!(
            !text.contains("npm ci") && !text.contains("npm install"),
            "{text}"
        );
    }
    let text = file(&[("cdk.json", "{}"), ("requirements.txt", "aws-cdk-lib")]);
    assert!(
        text.contains("- pip install --quiet -r requirements.txt"),
        "{text}"
    );
}

#[test]
fn pages_go_into_a_bucket_where_nothing_says_otherwise() {
    let manifest = r#"{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "5"}}"#;
    let text = file(&[("package.json", manifest)]);
    for part in [
        "base: dist,",
        "output: Pages",
        "input: Pages",
        "extract: true",
        "- approval",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for (other, part) in [
        ("Dockerfile", "image:"),
        ("serverless.yml", "serverless deploy"),
    ] {
        let text = file(&[("package.json", manifest), (other, "")]);
        assert!(text.contains(part) && !text.contains("Pages"), "{text}");
    }
    let serves = manifest.replace(r#""vite""#, r#""@sveltejs/adapter-node": "1", "vite""#);
    assert!(!file(&[("package.json", &serves)]).contains("Pages"));
}

#[test]
fn the_region_of_a_repository_is_that_of_its_pipeline() {
    let of = |remote: &str| {
        let remote = Some(remote.to_owned());
        propose(&Surroundings {
            remote,
            ..around(&[])
        })
        .file
    };
    for remote in [
        "https://git-codecommit.eu-west-3.amazonaws.com/v1/repos/shop",
        "ssh://git-codecommit.eu-west-3.amazonaws.com/v1/repos/shop",
        "codecommit::eu-west-3://work@shop",
    ] {
        assert!(
            of(remote).contains("\nprovider:\n  region: eu-west-3 "),
            "{remote}"
        );
    }
    for remote in ["codecommit://shop", "git@github.com:acme/eu-west-3.git"] {
        assert!(of(remote).contains("\n# provider:\n"), "{remote}");
    }
}

#[test]
fn parts_of_a_repository_are_told_where_its_root_says_nothing() {
    let seen = |names: &[&str]| {
        let files: Vec<(&str, &str)> = names.iter().map(|name| (*name, "")).collect();
        propose(&around(&files)).seen.join("\n")
    };
    let mono = seen(&[
        "services/api/go.mod",
        "services/api/package.json",
        "web/package.json",
    ]);
    assert!(mono.contains("services/api, web: "), "{mono}");
    assert!(
        mono.contains("pipectl init -f services/api/pipeline.yml"),
        "{mono}"
    );
    assert!(!seen(&["go.mod", "web/package.json"]).contains("init -f"));
    assert!(seen(&["README"]).contains("no manifest, template or tool"));
}
