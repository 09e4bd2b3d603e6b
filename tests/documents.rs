//! What the pages show is what the program does: every fenced block of README.md, docs/ and the examples is checked, and every link
//! between pages leads somewhere. A page is read from top to bottom in a folder of its own, a git repository that
//! begins with `tests/cases/documents/all` and `tests/cases/documents/<page>`.
//!
//! | block | what happens |
//! |---|---|
//! | `yaml` with the first line `# pipeline.yml` | the folder's pipeline file: `validate --strict`, `compile --offline`, `apply` to a new sandbox account, and a plan that is empty |
//! | `yaml part` | the same for a part of a file: keys of the root, or items of `stages`; what it lacks is added |
//! | either with `finds=CODE,CODE` | `validate` finds exactly these; errors are not applied |
//! | a block with the first line `# some/file.yml`, or `file=some/file` | is written to that file |
//! | `console` | lines with `$ ` are run (`> ` goes on), and they print what stands below |
//! | `sh` | is run, and succeeds |
//! | anything else | needs a comment above it that says why not |
//!
//! In the output of `console` an `…` stands for any characters of a line, and a line that is `…` for any lines.
//! Comments above a block, which readers do not see:
//!
//! `sh clone` and `sh empty` in the README are what a newcomer types; `documents/newcomer.rs` runs them.
//!
//! - `<!-- not run: REASON -->`: it is not run.
//! - `<!-- not applied: REASON -->`: it is validated and compiled only.
//! - `<!-- tested by: tests/FILE.rs -->`: another test runs it.
//! - `<!-- file: NAME` and lines up to `-->`: a file that the page does not show.
//! - `<!-- run:` and lines up to `-->`: commands that the page does not show; they succeed.

mod desk;
mod findings;
mod links;
mod newcomer;
mod others;
mod page;

use std::fs;
use std::path::{Path, PathBuf};

use desk::Desk;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page, from the root of the repository.
fn pages() -> Vec<PathBuf> {
    let docs = fs::read_dir(root().join("docs")).unwrap();
    let mut pages: Vec<PathBuf> = docs
        .map(|entry| PathBuf::from("docs").join(entry.unwrap().file_name()))
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .collect();
    pages.push("README.md".into());
    let examples = fs::read_dir(root().join("examples")).unwrap();
    pages.extend(examples.map(|entry| {
        let folder = PathBuf::from("examples").join(entry.unwrap().file_name());
        folder.join("README.md")
    }));
    pages.sort();
    pages
}

/// Runs what a page shows.
fn holds(path: &str) {
    let text = fs::read_to_string(root().join(path)).unwrap();
    let stem = Path::new(path).file_stem().unwrap().to_str().unwrap();
    let mut desk = Desk::new(stem);
    if path.starts_with("examples/") {
        // It speaks from the root of the repository.
        desk.take_in("examples");
    }
    let mut faults = Vec::new();
    for item in page::items(&text) {
        if let Err(said) = desk.take(&item) {
            faults.push(format!("{path}:{}: {said}", item.line()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

macro_rules! tested {
    ($($name:ident $path:literal)*) => {
        $(#[test]
        fn $name() {
            holds($path);
        })*

        const TESTED: &[&str] = &[$($path),*];
    };
}

tested! {
    readme "README.md"
    ci "docs/ci.md"
    commands "docs/commands.md"
    cookbook "docs/cookbook.md"
    editors "docs/editors.md"
    exit_codes "docs/exit-codes.md"
    file "docs/file.md"
    from_cdk_pipelines "docs/from-cdk-pipelines.md"
    from_console "docs/from-console.md"
    from_copilot "docs/from-copilot.md"
    from_serverless "docs/from-serverless.md"
    from_terraform "docs/from-terraform.md"
    install "docs/install.md"
    permissions "docs/permissions.md"
    running "docs/running.md"
    security "docs/security.md"
    speed "docs/speed.md"
    stability "docs/stability.md"
    variables "docs/variables.md"
    example_canary "examples/canary/README.md"
    example_heavy_water "examples/heavy-water/README.md"
    example_telemetry_ecs "examples/telemetry-ecs/README.md"
    example_web_monitor "examples/web-monitor/README.md"
    example_website "examples/website/README.md"
}

/// Pages whose blocks are parts of files that only together with others are one; `findings` puts them there.
const ELSEWHERE: &[&str] = &["docs/findings.md"];

#[test]
fn every_page_is_tested() {
    for page in pages() {
        let name = page.to_str().unwrap();
        assert!(
            TESTED.contains(&name) || ELSEWHERE.contains(&name),
            "{name} stands in no list of tests/documents.rs"
        );
    }
}
