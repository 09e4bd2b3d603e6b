//! What the pages show of other tools is true where somebody can be asked: CloudFormation of a `serverless.yml` by
//! cfn-lint.

use std::fs;
use std::process::Command;

use super::page::{Item, items};
use super::root;
use crate::support::emulator::python;
use crate::support::program::Place;

/// The block of a page that is a file of this name.
fn block(page: &str, name: &str) -> String {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let found = items(&text).into_iter().find_map(|item| match item {
        Item::Block(block) if block.file() == Some(name) => Some(block.text),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("{page} has no {name}"))
}

/// What cfn-lint says of a template; nothing if it is one.
fn linted(template: &str) -> String {
    let place = Place::new();
    place.write("template.yml", template);
    let output = Command::new(python().parent().unwrap().join("cfn-lint"))
        .args(["--regions", "us-east-1", "--template"])
        .arg(place.path().join("template.yml"))
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_resources_of_the_serverless_yml_are_a_template() {
    let file = block("docs/from-serverless.md", "serverless.yml");
    let (_, resources) = file.split_once("\nresources:\n").unwrap();
    let connection = "arn:aws:codeconnections:us-east-1:123456789012:connection/1a2b3c4d-1111-2222-3333-444455556666";
    let template: String = resources
        .replace("${ssm:/shop/github_connection}", connection)
        .lines()
        .map(|line| format!("{}\n", line.strip_prefix("  ").unwrap_or(line)))
        .collect();
    assert_eq!(linted(&template), "");
    // It would tell.
    assert_ne!(
        linted(&template.replace("ServiceRole:", "ServiceRoll:")),
        ""
    );
}
