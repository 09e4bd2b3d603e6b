//! The pages, and parts of pages, that are made from the code are what the code says today (`BLESS=1` writes them).

mod commands;
mod file;
mod parts;
mod readme;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use pipectl::checks::{self, Rule};
use pipectl::diagnostic::CODES;

/// The page of every finding, from the text that `explain` prints.
fn findings() -> String {
    let mut page = String::from(
        "# Findings\n\nWhat `pipectl validate` finds, by code. `pipectl explain CODE` shows the same. An **error** is what AWS refuses, or what cannot mean \
         anything; a **warning** is what AWS takes and what hurts later, or what AWS may refuse. `--error CODE`, `--warn CODE` and `--allow CODE` change the weight of \
         a code, `# pipectl: ignore[CODE]` on a line or above it takes its findings there back.\n\n",
    );
    page.push_str("| code | | finds |\n|---|---|---|\n");
    for rule in checks::ALL.iter() {
        let _ = writeln!(
            page,
            "| [{0}](#{0}) | {1} | {2} |",
            rule.code,
            rule.severity.as_str(),
            rule.summary
        );
    }
    for rule in checks::ALL.iter() {
        page.push_str(&section(rule));
    }
    page.push_str("\n## Reading, variables, decoding\nThese are errors of the file itself, before any rule looks at it.\n\n| code | finds |\n|---|---|\n");
    for (code, summary) in CODES {
        let _ = writeln!(page, "| {code} | {summary} |");
    }
    page
}

fn section(rule: &Rule) -> String {
    let mut page = format!(
        "\n## {}\n*{}*: {}.\n\n{}\n",
        rule.code,
        rule.severity.as_str(),
        rule.summary,
        rule.why
    );
    if !rule.aws.is_empty() {
        let _ = writeln!(page, "\nAWS says:\n\n```text\n{}\n```", rule.aws);
    }
    let _ = writeln!(
        page,
        "\nWrong:\n\n```yaml\n{}\n```\n\nRight:\n\n```yaml\n{}\n```\n\n<{}>",
        rule.wrong, rule.right, rule.link
    );
    page
}

/// A file of the repository is what is made of the code.
fn current(name: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, made).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == made,
        "{name} is behind the code (BLESS=1 writes it)"
    );
}

#[test]
fn the_page_of_findings_is_current() {
    current("docs/findings.md", &findings());
}

#[test]
fn the_picture_of_the_readme_is_current() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/heavy-water");
    let graph = ["graph", "--pipeline", "prod", "--format", "svg"];
    let ran = crate::examples::pipectl(&folder, &graph);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    current("docs/heavy-water.svg", &ran.stdout);
}
