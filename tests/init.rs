//! `pipectl init`: what it writes is clean, is applied to the sandbox and runs there to its end, for every template and for
//! repositories of many kinds. Tools that this machine may lack are stand-ins on PATH, or scripts of the repository.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::examples::Ran;
use crate::support::program::Place;

/// A repository, and a PATH with stand-ins before the tools of this machine.
struct Repository {
    place: Place,
    path: String,
}

impl Repository {
    fn new(files: &[(&str, &str)]) -> Self {
        let place = Place::new();
        place.write("shop/.keep", "");
        for (name, text) in files {
            place.write(&format!("shop/{name}"), text);
        }
        let path = format!(
            "{}:{}",
            place.path().join("bin").display(),
            std::env::var("PATH").unwrap()
        );
        Self { place, path }
    }

    /// A program of this name that does this.
    fn tool(self, name: &str, commands: &str) -> Self {
        self.program(&format!("bin/{name}"), commands)
    }

    /// A script of the repository.
    fn script(self, name: &str, commands: &str) -> Self {
        self.program(&format!("shop/{name}"), commands)
    }

    fn program(self, name: &str, commands: &str) -> Self {
        self.place
            .write(name, format!("#!/bin/sh\nset -e\n{commands}\n"));
        let path = self.place.path().join(name);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(path, mode).unwrap();
        self
    }

    fn git(self, remote: &str) -> Self {
        for arguments in [
            &["init", "-q", "-b", "main"][..],
            &["remote", "add", "origin", remote],
            &["add", "."],
            &[
                "-c",
                "user.name=Ada",
                "-c",
                "user.email=ada@example.com",
                "commit",
                "-qm",
                "Begin",
            ],
        ] {
            let done = Command::new("git")
                .args(arguments)
                .current_dir(self.folder())
                .env("GIT_CONFIG_GLOBAL", "/dev/null")
                .output()
                .unwrap();
            assert!(done.status.success(), "{done:?}");
        }
        self
    }

    fn folder(&self) -> std::path::PathBuf {
        self.place.path().join("shop")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.place.command(arguments);
        command.current_dir(self.folder()).env("PATH", &self.path);
        command.env("LC_ALL", "C.UTF-8");
        // rustup says where its toolchains are; HOME is another one here.
        let rustup = std::env::var_os("RUSTUP_HOME").or_else(|| {
            let home = std::env::var_os("HOME")?;
            Some(Path::new(&home).join(".rustup").into_os_string())
        });
        if let Some(rustup) = rustup.filter(|path| Path::new(path).is_dir()) {
            command.env("RUSTUP_HOME", rustup);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    fn good(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        let file = self.file();
        assert_eq!(
            ran.code,
            0,
            "{}: {}{}\n{file}",
            arguments.join(" "),
            ran.stdout,
            ran.stderr
        );
        ran.stdout
    }

    fn file(&self) -> String {
        std::fs::read_to_string(self.folder().join("pipeline.yml")).unwrap_or_default()
    }

    /// validate, apply, run to the end; approvals get a yes. Gives the file.
    #[track_caller]
    fn lives(&self, pipeline: &[&str]) -> String {
        let file = self.file();
        self.good(&["validate", "--strict"]);
        for line in file.lines().chain(["."]) {
            let digits = line.chars().filter(char::is_ascii_digit).count();
            assert!(
                digits < 12 || line.contains("arn:aws:iam::123456789012"),
                "{line}"
            );
        }
        self.good(&["apply", "--sandbox", "--yes", "--no-run"]);
        let run = [&["run", "--sandbox", "--trust", "--dirty"], pipeline].concat();
        let mut child = self
            .command(&run)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let status = [&["status", "--sandbox"], pipeline].concat();
        let approve = [&["approve", "--sandbox"], pipeline].concat();
        for _ in 0..600 {
            if child.try_wait().unwrap().is_some() {
                break;
            }
            if self.run(&status).stdout.contains("waits for you") {
                self.run(&approve);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        let _ = child.kill();
        let output = child.wait_with_output().unwrap();
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            output.status.success(),
            "{}{}\n{file}",
            said(&output.stdout),
            said(&output.stderr)
        );
        file
    }

    /// The same from `init` on.
    #[track_caller]
    fn begins(&self) -> String {
        self.good(&["init"]);
        self.lives(&[])
    }
}

#[track_caller]
fn has(file: &str, parts: &[&str]) {
    for part in parts {
        assert!(file.contains(part), "`{part}` is not in\n{file}");
    }
}

#[test]
fn templates_run() {
    let listed = Repository::new(&[]).good(&["init", "--list", "--format", "json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let names: Vec<&str> = listed["templates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "heavy-water",
            "web-monitor",
            "website",
            "canary",
            "telemetry-ecs",
            "minimal"
        ]
    );
    for name in names {
        let repository = Repository::new(&[]);
        let said = repository.good(&["init", "--template", name]);
        assert!(said.contains("pipectl apply --sandbox"), "{said}");
        let pipeline: &[&str] = match name {
            "heavy-water" | "canary" => &["--pipeline", "prod"],
            _ => &[],
        };
        repository.lives(pipeline);
    }
}

#[test]
fn every_file_of_the_examples_is_in_its_template() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for template in &pipectl::starter::templates::TEMPLATES {
        let place = Place::new();
        place.copy(&examples.join(template.name));
        let mut there: Vec<String> = place
            .files()
            .iter()
            .map(|path| {
                path.strip_prefix(place.path())
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned()
            })
            .filter(|path| {
                path != "README.md" && path != ".gitignore" && !path.contains("__pycache__")
            })
            .collect();
        let mut written: Vec<String> = template
            .files
            .iter()
            .map(|file| file.path.to_owned())
            .collect();
        there.sort();
        written.sort();
        assert_eq!(written, there, "{}", template.name);
    }
}

#[test]
fn rust_is_tested_with_cargo() {
    let manifest = "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
    let file = Repository::new(&[
        ("Cargo.toml", manifest),
        (
            "src/lib.rs",
            "#[test]\nfn adds() {\n    assert_eq!(1 + 1, 2);\n}\n",
        ),
    ])
    .begins();
    has(&file, &["run: cargo test", "runtimes: { rust:"]);
}

#[test]
fn node_is_tested_by_its_scripts() {
    let package = r#"{"name": "shop", "scripts": {"test": "node -e 0", "build": "node -e 0"}, "engines": {"node": ">=22"}}"#;
    let file = Repository::new(&[("package.json", package)])
        .git("git@github.com:acme/shop.git")
        .begins();
    has(
        &file,
        &[
            "github: acme/shop",
            "branch: main",
            "run: npm test",
            "run: npm run build",
            "nodejs: 22",
            "${ssm:/shop/connection}",
        ],
    );
}

#[test]
fn python_is_tested_with_unittest() {
    let test =
        "import unittest\n\nclass T(unittest.TestCase):\n    def test(self):\n        pass\n";
    let file = Repository::new(&[
        ("requirements.txt", ""),
        ("tests/__init__.py", ""),
        ("tests/test_a.py", test),
    ])
    .git("https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/shop")
    .begins();
    has(&file, &["codecommit: shop", "python3 -m unittest discover"]);
    assert!(!file.contains("connection"), "{file}");
}

#[test]
fn compiled_languages_and_their_tools() {
    let report = "mkdir -p target/surefire-reports; echo '<testsuite name=\"a\" tests=\"1\"><testcase name=\"t\" classname=\"a\"/></testsuite>' > target/surefire-reports/TEST-a.xml";
    let maven = Repository::new(&[(
        "pom.xml",
        "<project><properties><java.version>17</java.version></properties></project>",
    )])
    .script("mvnw", report)
    .begins();
    has(
        &maven,
        &["./mvnw -B verify", "corretto17", "target/surefire-reports"],
    );

    let go = Repository::new(&[("go.mod", "module shop\n\ngo 1.22\n")])
        .tool("go", "exit 0")
        .git("git@gitlab.com:acme/shop.git")
        .begins();
    has(&go, &["gitlab: acme/shop", "go test ./...", "golang:"]);

    let trx = "mkdir -p reports; echo '<TestRun xmlns=\"http://microsoft.com/schemas/VisualStudio/TeamTest/2010\"><Results/></TestRun>' > reports/results.trx";
    let dotnet = Repository::new(&[("shop.csproj", "<Project><PropertyGroup><TargetFramework>net8.0</TargetFramework></PropertyGroup></Project>")])
        .tool("dotnet", trx)
        .begins();
    has(&dotnet, &["dotnet test", "dotnet: 8.0"]);
}

#[test]
fn scripted_languages_and_their_tools() {
    let ruby = Repository::new(&[("Gemfile", "gem 'rspec'\n"), (".ruby-version", "3.3.1\n")])
        .tool("bundle", "exit 0")
        .begins();
    has(&ruby, &["bundle exec rspec", "ruby: 3.3"]);

    let junit = "mkdir -p reports; echo '<testsuite name=\"a\" tests=\"1\"><testcase name=\"t\" classname=\"a\"/></testsuite>' > reports/junit.xml";
    let php = Repository::new(&[(
        "composer.json",
        r#"{"require": {"php": "^8.3"}, "require-dev": {"phpunit/phpunit": "^11"}}"#,
    )])
    .tool("composer", "exit 0")
    .script("vendor/bin/phpunit", junit)
    .begins();
    has(&php, &["vendor/bin/phpunit --log-junit", "php: 8.3"]);

    let make = Repository::new(&[("Makefile", "test:\n\techo well\n")])
        .tool("make", "exit 0")
        .begins();
    has(&make, &["run: make test"]);
    let nothing = Repository::new(&[]).begins();
    has(&nothing, &["put the command", "github: owner/repository"]);
}

#[test]
fn a_buildspec_that_is_there_is_used() {
    let buildspec =
        "version: 0.2\nphases:\n  build:\n    commands:\n      - test -f package.json\n";
    let package = r#"{"scripts": {"test": "exit 1"}}"#;
    let file = Repository::new(&[("buildspec.yml", buildspec), ("package.json", package)]).begins();
    has(&file, &["buildspec: buildspec.yml"]);
    assert!(!file.contains("npm"), "{file}");

    let docker = "version: 0.2\nphases:\n  build:\n    commands:\n      - docker build -t shop .\n      - docker push shop\n      - echo '[]' > imagedefinitions.json\nartifacts:\n  files: [imagedefinitions.json]\n";
    let file =
        Repository::new(&[("buildspec.yml", docker), ("Dockerfile", "FROM scratch\n")]).begins();
    has(
        &file,
        &["privileged: true", "ecs:", "- approval", "input: Build"],
    );
    assert!(!file.contains("image:"), "{file}");
}

#[test]
fn what_deploys_is_proposed_behind_an_approval() {
    let test = "import unittest\n";
    let sam = "Transform: AWS::Serverless-2016-10-31\nResources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties: {Handler: a.b, Runtime: python3.12, InlineCode: x}\n";
    for (files, parts) in [
        (
            vec![
                ("template.yaml", sam),
                ("requirements.txt", ""),
                ("test_a.py", test),
            ],
            vec!["sam build", "cloudformation:", "packaged.yaml"],
        ),
        (
            vec![
                ("cdk.json", "{}"),
                ("package.json", r#"{"scripts": {"test": "node -e 0"}}"#),
            ],
            vec!["npx cdk deploy", "role: ${ssm:/shop/deploy_role}"],
        ),
        (
            vec![("serverless.yml", "service: a\n")],
            vec!["npx serverless deploy"],
        ),
        (
            vec![
                ("Makefile", "none:\n"),
                (
                    "package.json",
                    r#"{"scripts": {"build": "mkdir -p dist && echo hello > dist/index.html"}, "devDependencies": {"vite": "5"}}"#,
                ),
            ],
            vec![
                "npm run build",
                "input: Pages",
                "bucket: ${ssm:/shop/pages_bucket}",
            ],
        ),
        (
            vec![
                ("Dockerfile", "FROM scratch\n"),
                ("package.json", r#"{"scripts": {"test": "node -e 0"}}"#),
            ],
            vec!["image:", "repository: shop"],
        ),
        (
            vec![
                (
                    "appspec.yml",
                    "version: 0.0\nos: linux\nfiles:\n  - source: /\n    destination: /srv/shop\n",
                ),
                ("requirements.txt", ""),
                ("test_a.py", test),
            ],
            vec!["codedeploy:", "application: shop"],
        ),
    ] {
        // Nothing is fetched here: what npm would install is there.
        let npm = "case \"$1\" in install | ci) ;; *) PATH=${PATH#*:}; exec npm \"$@\" ;; esac";
        let file = Repository::new(&files).tool("npm", npm).begins();
        has(&file, &parts);
        assert_eq!(
            file.contains("  - approval  "),
            !parts.contains(&"image:"),
            "{file}"
        );
    }
}

#[test]
fn a_folder_of_a_repository_has_its_own_file() {
    let repository = Repository::new(&[(
        "services/api/package.json",
        r#"{"scripts": {"test": "node -e 0"}}"#,
    )])
    .git("https://someone:secret@github.com/acme/shop");
    repository.good(&["init", "-f", "services/api/pipeline.yml"]);
    let file =
        std::fs::read_to_string(repository.folder().join("services/api/pipeline.yml")).unwrap();
    has(
        &file,
        &["service: shop-api", "- cd services/api", "- npm test"],
    );
    assert!(!file.contains("secret"), "{file}");
    let flags = ["-f", "services/api/pipeline.yml"];
    repository.good(&[&["validate", "--strict"], &flags[1..]].concat());
    repository.good(&[&["apply", "--sandbox", "--yes", "--no-run"], &flags[..]].concat());
    repository.good(&[&["run", "--sandbox", "--trust", "--dirty"], &flags[..]].concat());
}

#[test]
fn nothing_is_written_over() {
    let repository = Repository::new(&[("pipeline.yml", "mine\n")]);
    for arguments in [
        &["init"][..],
        &["init", "--template", "minimal"],
        &["init", "--template", "canary"],
    ] {
        let ran = repository.run(arguments);
        assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
        assert!(
            ran.stderr.contains("pipectl init -f NAME.yml"),
            "{}",
            ran.stderr
        );
        assert_eq!(repository.file(), "mine\n");
    }
    assert_eq!(repository.place.files().len(), 2);
    let shown = repository.good(&["init", "--dry-run"]);
    assert!(shown.contains("service: shop"), "{shown}");
    assert_eq!(repository.file(), "mine\n");

    let part = Repository::new(&[("deploy/start.sh", "mine\n")]);
    let ran = part.run(&["init", "--template", "canary"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("deploy/start.sh") && ran.stderr.contains("mkdir canary"),
        "{}",
        ran.stderr
    );
    assert!(!part.folder().join("pipeline.yml").exists());

    let kept = Repository::new(&[("sandbox.yml", "parameters: {/shop/connection: 'x'}\n")]);
    let said = kept.good(&["init"]);
    assert!(
        said.contains("kept sandbox.yml")
            && said.contains("pipectl sandbox set ssm /shop/connection"),
        "{said}"
    );
    assert_eq!(kept.run(&["init", "--template", "nothing"]).code, 64);
}

#[test]
fn what_fails_on_the_way_leaves_nothing() {
    let repository = Repository::new(&[("tests", "mine\n")]);
    let ran = repository.run(&["init", "--template", "website"]);
    assert_eq!(ran.code, 3, "{}{}", ran.stdout, ran.stderr);
    let mut left: Vec<_> = std::fs::read_dir(repository.folder())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, [".keep", "tests"]);
    let kept = std::fs::read_to_string(repository.folder().join("tests")).unwrap();
    assert_eq!(kept, "mine\n");
}

#[test]
fn a_remote_of_another_name_is_found() {
    let repository = Repository::new(&[]).git("git@github.com:acme/shop.git");
    let renamed = Command::new("git")
        .args(["remote", "rename", "origin", "upstream"])
        .current_dir(repository.folder())
        .output()
        .unwrap();
    assert!(renamed.status.success(), "{renamed:?}");
    repository.good(&["init"]);
    has(&repository.file(), &["github: acme/shop"]);
}
