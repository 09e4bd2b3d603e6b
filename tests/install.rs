//! The ways to install that the registries allow, and what a release consists of.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::emulator::python;
use crate::support::program::{Output, Place, finish};

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A tool that comes with the Python of the tests.
fn tool(name: &str) -> Command {
    let python = python();
    let folder = python.parent().unwrap();
    let mut command = Command::new(folder.join(name));
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", folder.display()));
    command
}

/// Takes away what cargo tells a test about itself: the cargo that is started here is to see what people's see.
fn as_people(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let tells = ["CARGO_PKG_", "CARGO_BIN_", "CARGO_MANIFEST_"];
        if tells.iter().any(|begin| name.starts_with(begin)) {
            command.env_remove(&*name);
        }
    }
    command
        .env_remove("CARGO")
        .env_remove("CARGO_CRATE_NAME")
        .env_remove("LD_LIBRARY_PATH")
        .env("CARGO_TERM_COLOR", "never")
}

fn done(command: &mut Command) -> Output {
    let output = finish(command);
    assert_eq!(output.code, 0, "{command:?}: {}", output.said());
    output
}

/// The manifest as cargo reads it.
fn manifest() -> serde_json::Value {
    let script =
        "import json, sys, tomllib; print(json.dumps(tomllib.load(open('Cargo.toml', 'rb'))))";
    let output = done(
        Command::new(python())
            .args(["-c", script])
            .current_dir(root()),
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_wheel_carries_the_program() {
    let binary = Path::new(env!("CARGO_BIN_EXE_pipectl"));
    let place = Place::new();
    let out = place.path().join("wheels");
    // It moves the program while it packs it, so it gets a folder of its own for that; what is compiled is shared.
    let output = done(
        as_people(&mut tool("maturin"))
            .args(["build", "--profile", "dev", "--locked"])
            .args(["--compatibility", "linux", "--out"])
            .arg(&out)
            .current_dir(root().join(".packaging"))
            .env("CARGO_TARGET_DIR", place.path().join("target"))
            .env("CARGO_BUILD_BUILD_DIR", binary.ancestors().nth(2).unwrap()),
    );
    assert!(
        !output.err().contains("Compiling"),
        "what the tests run is compiled once more: {}",
        output.err()
    );
    let wheels: Vec<PathBuf> = fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(wheels.len(), 1, "{wheels:?}");
    let name = wheels[0].file_name().unwrap().to_str().unwrap();
    let begin = format!("pipectl-{VERSION}-py3-none-linux_");
    assert!(name.starts_with(&begin), "{name}");

    let home = place.path().join("home");
    done(
        Command::new("python3")
            .args(["-m", "venv", "--without-pip"])
            .arg(&home),
    );
    let there = home.join("bin/python");
    let pip = |arguments: &[&str]| {
        let mut command = Command::new(python());
        command.args(["-m", "pip", "--disable-pip-version-check", "--python"]);
        done(
            command
                .arg(&there)
                .args(arguments)
                .env("PIP_ROOT_USER_ACTION", "ignore"),
        )
    };
    pip(&[
        "install",
        "--no-index",
        "--no-deps",
        wheels[0].to_str().unwrap(),
    ]);
    let program = home.join("bin/pipectl");
    let said = done(Command::new(&program).arg("--version")).out();
    assert_eq!(said.trim(), format!("pipectl {VERSION}"));
    assert_eq!(fs::read(&program).unwrap(), fs::read(binary).unwrap());
    let example = root().join("examples/heavy-water/pipeline.yml");
    done(Command::new(&program).args(["validate", "-f"]).arg(example));

    // What its page on PyPI says is what Cargo.toml says.
    let script = "import importlib.metadata as m, json; d = m.metadata('pipectl'); \
                  print(json.dumps({**d.json, 'files': [str(f) for f in m.files('pipectl')]}))";
    let told = done(Command::new(&there).args(["-c", script])).out();
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let package = &manifest()["package"];
    assert_eq!(told["version"], package["version"]);
    assert_eq!(told["summary"], package["description"]);
    assert_eq!(told["license_expression"], package["license"]);
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    assert_eq!(told["description"].as_str().unwrap().trim(), readme.trim());
    let files = told["files"].to_string();
    for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
        assert!(files.contains(licence), "{files}");
    }
    pip(&["uninstall", "--yes", "pipectl"]);
    assert!(!program.exists());
}

#[test]
fn the_package_for_crates_io_is_whole_and_small() {
    let output = done(
        as_people(&mut Command::new("cargo"))
            .args(["package", "--list", "--allow-dirty", "--offline"])
            .current_dir(root()),
    );
    let listed = output.out();
    let listed: BTreeSet<&str> = listed.lines().collect();
    for name in [
        "Cargo.lock",
        "README.md",
        "CHANGELOG.md",
        "LICENSE-APACHE",
        "LICENSE-MIT",
    ] {
        assert!(listed.contains(name), "{name} is missing");
    }
    // Each file that the code is compiled with.
    let mut included = 0;
    for source in listed.iter().filter(|name| name.ends_with(".rs")) {
        let text = fs::read_to_string(root().join(source)).unwrap();
        for macro_name in ["include_str!(", "include_bytes!("] {
            for rest in text.split(macro_name).skip(1) {
                let Some(name) = rest.trim_start().strip_prefix('"') else {
                    continue;
                };
                let name = name.split('"').next().unwrap();
                let path = root().join(source).parent().unwrap().join(name);
                let path = path
                    .canonicalize()
                    .unwrap_or_else(|_| panic!("{source}: {name}"));
                let path = path
                    .strip_prefix(root().canonicalize().unwrap())
                    .unwrap()
                    .to_owned();
                assert!(
                    listed.contains(path.to_str().unwrap()),
                    "{source}: {name} is missing"
                );
                included += 1;
            }
        }
    }
    assert!(included > 10, "{included}");
    let strange: Vec<_> = listed
        .iter()
        .filter(|name| {
            name.starts_with("tests") || name.starts_with('.') || name.contains("/.pipectl/")
        })
        .filter(|name| **name != ".cargo_vcs_info.json")
        .collect();
    assert!(strange.is_empty(), "{strange:?}");
    let size: u64 = listed
        .iter()
        .filter_map(|name| fs::metadata(root().join(name)).ok())
        .map(|file| file.len())
        .sum();
    // crates.io takes 10 MB when packed.
    assert!(size < 8_000_000, "{size} bytes");
}

/// What `.ci/release` makes.
fn release(arguments: &[&str]) -> Output {
    let mut command = Command::new("bash");
    command
        .arg(".ci/release")
        .args(arguments)
        .current_dir(root());
    finish(&mut command)
}

#[test]
fn cargo_binstall_looks_for_the_archives_of_a_release() {
    let package = &manifest()["package"];
    let binstall = &package["metadata"]["binstall"];
    assert_eq!(binstall["pkg-fmt"], "tgz");
    let made = release(&["--list", "x86_64", "aarch64"]).out();
    let made: Vec<&str> = made.lines().collect();
    for machine in ["x86_64", "aarch64"] {
        let target = format!("{machine}-unknown-linux-musl");
        let url = binstall["pkg-url"].as_str().unwrap();
        let url = [
            ("{ repo }", "https://github.com/OWNER/pipectl"),
            ("{ name }", "pipectl"),
            ("{ version }", VERSION),
            ("{ target }", &target),
            ("{ archive-suffix }", ".tar.gz"),
        ]
        .iter()
        .fold(url.to_owned(), |url, (from, to)| url.replace(from, to));
        let (folder, file) = url.rsplit_once('/').unwrap();
        assert_eq!(
            folder,
            format!("https://github.com/OWNER/pipectl/releases/download/v{VERSION}")
        );
        assert!(made.contains(&file), "{file} is none of {made:?}");
        // The folder in it bears its name, as the action and the page on installing take it.
        let inside = binstall["bin-dir"]
            .as_str()
            .unwrap()
            .split('/')
            .next()
            .unwrap();
        let inside = inside.replace("{ name }", "pipectl");
        let inside = inside
            .replace("{ target }", &target)
            .replace("{ version }", VERSION);
        assert_eq!(format!("{inside}.tar.gz"), file);
        let wheel = format!("pipectl-{VERSION}-py3-none-manylinux2014_{machine}.");
        assert!(made.iter().any(|name| name.starts_with(&wheel)), "{made:?}");
    }
    assert!(made.contains(&"SHA256SUMS"));
    assert_eq!(
        release(&["--list", "x86_64"])
            .out()
            .matches("aarch64")
            .count(),
        0
    );
    let refused = release(&["sparc"]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.err().contains("'sparc' is neither"),
        "{}",
        refused.err()
    );
}

/// A place where the release script finds stand-ins for what takes long: maturin hands out one program for every
/// processor, cargo packs nothing, and buildah only says what it was asked.
struct Rehearsal {
    place: Place,
}

impl Rehearsal {
    fn new() -> Self {
        let place = Place::new();
        let tools = "target/release-tools";
        let script = fs::read_to_string(root().join(".ci/release")).unwrap();
        let wanted = script
            .lines()
            .find_map(|line| line.strip_prefix("wanted="))
            .unwrap();
        place.write(&format!("{tools}/installed"), wanted.trim_matches('\''));
        place.write(
            &format!("{tools}/bin/maturin"),
            "#!/usr/bin/env bash\n\
             set -euo pipefail\n\
             while [ $# -gt 0 ]; do case $1 in --target) target=$2 ;; --out) out=$2 ;; esac; shift; done\n\
             machine=${target%%-*}\n\
             folder=$CARGO_TARGET_DIR/$target/release\n\
             mkdir -p \"$folder\"\n\
             cp \"$CARGO_TARGET_DIR/../program\" \"$folder/pipectl\"\n\
             cd .. && version=$(sed -n 's/^version = \"\\(.*\\)\"$/\\1/p' Cargo.toml | head -n 1)\n\
             touch \"$out/pipectl-$version-py3-none-manylinux2014_$machine.manylinux_2_17_$machine.musllinux_1_1_$machine.whl\"\n",
        );
        place.write("target/package/none", "");
        let package = format!("touch \"$CARGO_TARGET_DIR/package/pipectl-{VERSION}.crate\"");
        place.write("bin/cargo", format!("#!/bin/sh\n{package}\n"));
        place.write("bin/buildah", "#!/bin/sh\necho \"buildah $*\"\n");
        // The libraries of other processors are not needed for nothing.
        place.write("bin/rustc", "#!/bin/sh\necho /\n");
        // It asks only where the authorities are.
        place.write(
            &format!("{tools}/bin/python"),
            "#!/bin/sh\necho \"$CARGO_TARGET_DIR/../authorities\"\n",
        );
        place.write("authorities", "of a stand-in\n");
        for name in [
            "bin/cargo",
            "bin/buildah",
            "bin/rustc",
            "target/release-tools/bin/maturin",
            "target/release-tools/bin/python",
        ] {
            let path = place.path().join(name);
            done(Command::new("chmod").arg("+x").arg(path));
        }
        Self { place }
    }

    /// A program of C, linked as it is told; it says its first argument, and the manual page where it is told to.
    fn program(&self, flags: &[&str]) {
        let text = "#include <stdio.h>\n\
            #include <string.h>\n\
            int main(int n, char **a) {\n\
            char path[4096];\n\
            FILE *page = stdout;\n\
            if (n == 5 && !strcmp(a[1], \"man\") && !strcmp(a[3], \"--out\")) {\n\
            snprintf(path, sizeof path, \"%s/pipectl.1\", a[4]);\n\
            page = fopen(path, \"w\");\n\
            }\n\
            fprintf(page, \"pipectl %s\\n\", n > 1 ? a[1] : \"\");\n\
            return 0;\n\
            }\n";
        self.place.write("program.c", text);
        let mut command = Command::new("cc");
        command.args(flags).args(["-o", "program", "program.c"]);
        done(command.current_dir(self.place.path()));
    }

    fn run(&self) -> Output {
        let path = std::env::var("PATH").unwrap();
        let mut command = Command::new("bash");
        command
            .args([".ci/release", std::env::consts::ARCH])
            .current_dir(root())
            .env("CARGO_TARGET_DIR", self.place.path().join("target"))
            .env(
                "PATH",
                format!("{}:{path}", self.place.path().join("bin").display()),
            )
            .env_remove("RELEASE_DIR");
        finish(&mut command)
    }

    fn made(&self) -> PathBuf {
        self.place.path().join("target/release-files")
    }
}

#[test]
fn the_release_script_makes_what_it_lists_and_the_same_twice() {
    let rehearsal = Rehearsal::new();
    rehearsal.program(&["-static"]);
    let output = rehearsal.run();
    assert_eq!(output.code, 0, "{}", output.said());
    let said = output.out();
    for words in [
        "static: it needs no library",
        "starts: --version",
        "buildah build --build-arg TARGETARCH=",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let machine = std::env::consts::ARCH;
    let listed = release(&["--list", machine]).out();
    let listed: BTreeSet<String> = listed.lines().map(str::to_owned).collect();
    let made: BTreeSet<String> = fs::read_dir(rehearsal.made())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(made, listed);
    let sums = || fs::read_to_string(rehearsal.made().join("SHA256SUMS")).unwrap();
    let before = sums();
    assert_eq!(before.lines().count(), made.len() - 1);
    done(
        Command::new("sha256sum")
            .args(["--check", "--quiet", "SHA256SUMS"])
            .current_dir(rehearsal.made()),
    );

    let name = format!("pipectl-{machine}-unknown-linux-musl-v{VERSION}");
    let inside = |archive: &str| {
        let mut command = Command::new("tar");
        command.arg("-tzf").arg(rehearsal.made().join(archive));
        done(&mut command).out()
    };
    let archive = inside(&format!("{name}.tar.gz"));
    for file in [
        "pipectl",
        "README.md",
        "CHANGELOG.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "completions/pipectl.bash",
        "completions/_pipectl",
        "completions/pipectl.fish",
        "completions/_pipectl.ps1",
        "man/man1/pipectl.1",
    ] {
        let path = format!("{name}/{file}");
        assert!(
            archive.lines().any(|line| line == path),
            "{path}: {archive}"
        );
    }
    let context = inside(&format!("pipectl-{VERSION}-container.tar.gz"));
    for file in ["Containerfile", "ca-certificates.crt", "LICENSE-MIT"] {
        assert!(
            context.contains(&format!("pipectl-{VERSION}-container/{file}\n")),
            "{context}"
        );
    }
    assert_eq!(rehearsal.run().code, 0);
    assert_eq!(sums(), before);
}

#[test]
fn the_release_script_takes_no_program_that_needs_libraries() {
    let rehearsal = Rehearsal::new();
    rehearsal
        .place
        .write("own.c", "int own(void) { return 1; }\n");
    done(
        Command::new("cc")
            .args(["-shared", "-fPIC", "-o", "libown.so", "own.c"])
            .current_dir(rehearsal.place.path()),
    );
    rehearsal.program(&["-L.", "-Wl,--no-as-needed", "-lown"]);
    let output = rehearsal.run();
    assert_eq!(output.code, 1, "{}", output.said());
    assert!(
        output.err().contains("needs libown.so"),
        "{}",
        output.said()
    );
    assert!(!rehearsal.made().join("SHA256SUMS").exists());
}

/// Where the released pipectl is static, the builds of Amazon Linux 2 run it: `apply` takes it for the self-update.
#[test]
fn builds_of_amazon_linux_2_get_a_static_program_of_their_processor() {
    let rehearsal = Rehearsal::new();
    rehearsal.program(&["-static"]);
    let place = &rehearsal.place;
    let (mine, other, kind, image) = match std::env::consts::ARCH {
        "aarch64" => (183, 62, "arm", "amazonlinux-aarch64-standard:2.0"),
        _ => (62, 183, "linux", "amazonlinux-x86_64-standard:4.0"),
    };
    let file = format!(
        "service: shop\nsource: {{codecommit: shop, branch: main}}\n\
         defaults: {{os: {kind}, image: \"aws/codebuild/{image}\"}}\n\
         stages:\n  - selfUpdate\n  - build: make\n"
    );
    place.write("pipeline.yml", file);
    let plan = || {
        let mut command = place.command(&["plan", "--sandbox", "-r", "us-east-1"]);
        finish(command.env("PIPECTL_BINARY", place.path().join("program")))
    };
    let taken = plan();
    assert_eq!(taken.code, 0, "{}", taken.said());
    let digest = done(Command::new("sha256sum").arg(place.path().join("program"))).out();
    let object = format!("/pipectl/{}", digest.split(' ').next().unwrap());
    assert!(taken.out().contains(&object), "{}", taken.said());
    assert!(
        !taken.err().contains("self-update-binary"),
        "{}",
        taken.said()
    );
    // The processor stands at byte 18 of the file.
    let mut program = fs::read(place.path().join("program")).unwrap();
    assert_eq!(program[18], mine);
    program[18] = other;
    place.write("program", program);
    let refused = plan();
    assert_eq!(refused.code, 1, "{}", refused.said());
    assert!(
        refused.err().contains("self-update-binary"),
        "{}",
        refused.said()
    );
}

/// What the release script reads from a program.
fn needs(file: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(python());
    command
        .arg(root().join(".packaging/needs.py"))
        .arg(file)
        .args(arguments);
    finish(&mut command)
}

#[test]
fn what_a_program_needs_is_read_from_it() {
    let binary = Path::new(env!("CARGO_BIN_EXE_pipectl"));
    let output = needs(binary, &["--glibc", "2.99"]);
    assert_eq!(output.code, 0, "{}", output.said());
    let out = output.out();
    let newest = out.trim().rsplit("needs glibc ").next().unwrap();
    let minor: u32 = newest.strip_prefix("2.").unwrap().parse().unwrap();
    assert!((2..99).contains(&minor), "{newest}");
    assert_eq!(needs(binary, &["--glibc", newest]).code, 0);
    let older = format!("2.{}", minor - 1);
    let refused = needs(binary, &["--glibc", &older]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.err().contains(&format!("needs glibc {newest}")),
        "{}",
        refused.err()
    );
    let other = match std::env::consts::ARCH {
        "x86_64" => "aarch64",
        _ => "x86_64",
    };
    let refused = needs(binary, &["--glibc", "2.99", "--machine", other]);
    assert!(
        refused.code == 1 && refused.err().contains("not for"),
        "{}",
        refused.said()
    );

    let place = Place::new();
    // A head and one segment that is loaded: nobody is asked for anything.
    let mut program = b"\x7fELF\x02\x01\x01".to_vec();
    program.resize(16, 0);
    program.extend([2, 0, 62, 0, 1, 0, 0, 0]);
    program.extend([0; 8]);
    program.extend(64_u64.to_le_bytes());
    program.resize(52, 0);
    program.extend([64, 0, 56, 0, 1, 0]);
    program.resize(64, 0);
    program.extend([1, 0, 0, 0]);
    program.resize(64 + 56, 0);
    place.write("static", &program);
    let output = needs(&place.path().join("static"), &["--machine", "x86_64"]);
    assert!(
        output.code == 0 && output.out().contains("static"),
        "{}",
        output.said()
    );
    place.write("script", "#!/bin/sh\n");
    let refused = needs(&place.path().join("script"), &[]);
    assert!(
        refused.code == 1 && refused.err().contains("no 64-bit Linux program"),
        "{}",
        refused.said()
    );
}

#[test]
fn the_scripts_are_clean() {
    let place = Place::new();
    let mut scripts = vec![root().join(".ci/release"), root().join(".ci/run")];
    let action = fs::read_to_string(root().join(".github/actions/validate/action.yml")).unwrap();
    let action: serde_yaml::Value = serde_yaml::from_str(&action).unwrap();
    for (number, step) in action["runs"]["steps"]
        .as_sequence()
        .unwrap()
        .iter()
        .enumerate()
    {
        let name = format!("step{number}");
        place.write(
            &name,
            format!(
                "#!/usr/bin/env bash\nset -eo pipefail\n{}",
                step["run"].as_str().unwrap()
            ),
        );
        scripts.push(place.path().join(name));
    }
    let output = finish(tool("shellcheck").args(&scripts));
    assert_eq!(output.code, 0, "{}", output.said());
    place.write("wrong", "#!/usr/bin/env bash\ncd $1\n");
    assert_eq!(
        finish(tool("shellcheck").arg(place.path().join("wrong"))).code,
        1
    );
}

#[test]
fn the_container_file_is_clean_and_takes_what_the_release_lays_beside_it() {
    let file = root().join(".packaging/Containerfile");
    let output = finish(tool("hadolint").arg(&file));
    assert_eq!(output.code, 0, "{}", output.said());
    let text = fs::read_to_string(&file).unwrap();
    let place = Place::new();
    place.write(
        "Containerfile",
        text.replace("WORKDIR /work", "WORKDIR work"),
    );
    assert_eq!(
        finish(tool("hadolint").arg(place.path().join("Containerfile"))).code,
        1
    );
    let script = fs::read_to_string(root().join(".ci/release")).unwrap();
    let copied: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("COPY "))
        .flat_map(|line| {
            let mut words: Vec<&str> = line
                .split(' ')
                .filter(|word| !word.starts_with("--"))
                .collect();
            words.pop();
            words
        })
        .collect();
    assert_eq!(copied.len(), 4, "{copied:?}");
    for name in copied {
        let name = name.rsplit('/').next().unwrap();
        let laid = script
            .lines()
            .any(|line| line.contains("cp ") && line.contains(name))
            || name == "pipectl"
                && script
                    .contains("cp \"$binary\" \"$work/pipectl-$version-container/$platform/\"");
        assert!(laid, "{name} is not part of the context");
    }
}

/// Versions in texts that people copy are the one of the code.
#[test]
fn what_people_copy_names_this_version() {
    let mut found = 0;
    for (path, begins) in [
        ("README.md", &["rev: v"][..]),
        ("docs/ci.md", &["validate@v", "pipectl==", "/raw/v"][..]),
        (
            "docs/install.md",
            &["version=", "pipectl-", "pipectl==", "-musl-v", "tag `v"][..],
        ),
        (".github/actions/validate/action.yml", &["validate@v"][..]),
        (".gitlab/validate.yml", &["/raw/v", "default: \""][..]),
    ] {
        let text = fs::read_to_string(root().join(path)).unwrap();
        for begin in begins {
            for rest in text.split(begin).skip(1) {
                let number = |c: char| c.is_ascii_digit() || c == '.';
                let end = rest.find(|c| !number(c)).unwrap_or(rest.len());
                let version = rest[..end].trim_end_matches('.');
                if version.split('.').count() == 3 {
                    assert_eq!(version, VERSION, "{path}: {begin}");
                    found += 1;
                }
            }
        }
    }
    assert!(found >= 14, "{found}");
}
