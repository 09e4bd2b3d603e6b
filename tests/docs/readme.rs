//! What the README counts and lists is what there is.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use pipectl::cli;

use super::parts::Page;

fn text(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The lines of the first block of a page that begins so; empty ones and comments do not count.
fn lines(page: &str, begin: &str) -> usize {
    let (_, rest) = page
        .split_once(&format!("```{begin}"))
        .unwrap_or_else(|| panic!("no block begins with {begin:?}"));
    let (block, _) = rest.split_once("\n```").unwrap();
    let told = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    block.lines().filter(told).count()
}

/// How long the two sides of the pages are that come from other tools.
fn part(name: &str) -> Option<String> {
    if name != "lines" {
        return None;
    }
    let mut text_of =
        String::from("| the same pipeline, in lines | there | with pipectl |\n|---|---|---|\n");
    for (tool, name, begin) in [
        ("CDK Pipelines", "docs/from-cdk-pipelines.md", "ts\n"),
        ("Terraform", "docs/from-terraform.md", "hcl\nterraform"),
        (
            "Serverless Framework",
            "docs/from-serverless.md",
            "yaml\n# serverless.yml\n",
        ),
        (
            "the console, as `get-pipeline` prints it",
            "docs/from-console.md",
            "json file=shop.json\n",
        ),
    ] {
        let page = text(name);
        let ours = match tool.starts_with("the console") {
            true => {
                let (_, shortened) = page.split_once("## Shorten it").unwrap();
                lines(shortened, "yaml\n# pipeline.yml\n")
            }
            false => lines(&page, "yaml\n# pipeline.yml\n"),
        };
        let theirs = lines(&page, begin);
        let _ = writeln!(
            text_of,
            "| [{tool}]({name}#the-same-pipeline) | {theirs} | {ours} |"
        );
    }
    Some(text_of.replace(
        "from-console.md#the-same-pipeline",
        "from-console.md#shorten-it",
    ))
}

#[test]
fn the_lines_that_the_readme_counts_are_current() {
    Page::open("README.md").hold(&["lines".to_owned()], part);
}

#[test]
fn the_readme_lists_every_command() {
    let readme = text("README.md");
    let (_, rest) = readme.split_once("## Commands").unwrap();
    let (section, _) = rest.split_once("\n## ").unwrap();
    let table: String = section
        .lines()
        .filter(|line| line.starts_with('|'))
        .collect();
    for command in cli::command()
        .get_subcommands()
        .filter(|one| !one.is_hide_set())
    {
        let name = command.get_name();
        assert!(
            table.contains(&format!("`{name}`")) || table.contains(&format!("`{name} ")),
            "README.md does not list `{name}`"
        );
    }
}
