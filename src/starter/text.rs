//! The words and lines that a proposal is made of.

use super::Need;
use super::remote::Source;

/// A stage, as lines.
#[derive(Debug, Clone)]
pub(super) struct Block {
    /// Its lines.
    pub(super) lines: Vec<String>,
    /// Whether it brings something to where people use it.
    pub(super) deploys: bool,
}

impl Block {
    /// A stage that builds or tests.
    pub(super) fn new(lines: Vec<String>) -> Self {
        Self {
            lines,
            deploys: false,
        }
    }

    /// A stage that deploys.
    pub(super) fn deploy(lines: Vec<String>) -> Self {
        Self {
            lines,
            deploys: true,
        }
    }
}

/// Lines as comments of the list of stages.
pub(super) fn commented(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| format!("  # {line}")).collect()
}

/// The name of a service, made of any text: it begins the names of everything that belongs to the pipeline.
pub(super) fn service(text: &str) -> String {
    const MOST: usize = 40;
    let mut name = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            name.push(c.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    name.truncate(MOST);
    let name = name.trim_matches('-');
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        name.to_owned()
    } else if name.is_empty() {
        "app".to_owned()
    } else {
        format!("app-{name}")
    }
}

/// Whether a text can stand in YAML, in a shell and in a variable as it is.
pub(super) fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./@+".contains(c))
}

/// A word of a shell.
pub(super) fn word(text: &str) -> String {
    crate::compile::shell_word(text)
}

/// A scalar of YAML: as it is where every reader takes it for a text, else in single quotes.
pub(super) fn scalar(text: &str) -> String {
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic() || "./_".contains(c));
    let risky = text.contains(": ")
        || text.contains(" #")
        || text.ends_with([':', ' '])
        || text.contains(|c: char| c.is_control());
    let another = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n" | "." | ".inf" | ".nan"
    );
    let number = text
        .trim_start_matches('.')
        .starts_with(|c: char| c.is_ascii_digit());
    if first && !risky && !another && !number {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

/// `key: value`, or the key and a list below it.
pub(super) fn texts(indent: usize, key: &str, values: &[String]) -> Vec<String> {
    let space = " ".repeat(indent);
    match values {
        [one] => vec![format!("{space}{key}: {}", scalar(one))],
        many => std::iter::once(format!("{space}{key}:"))
            .chain(many.iter().map(|one| format!("{space}  - {}", scalar(one))))
            .collect(),
    }
}

/// The words of a name in PascalCase.
pub(super) fn pascal(name: &str) -> String {
    name.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| {
            let (first, rest) = word.split_at(1);
            first.to_ascii_uppercase() + rest
        })
        .collect()
}

/// The beginning of the file.
pub(super) fn head(service: &str, source: &Source) -> Vec<String> {
    let whose = source.repository().unwrap_or("this repository");
    let mut lines = vec![
        format!("# What becomes of every push to {whose}."),
        "# `pipectl validate` checks this file; `pipectl apply --sandbox` and `pipectl run --sandbox` rehearse it on this machine;".to_owned(),
        "# `pipectl plan` and `pipectl apply` bring it to AWS. `pipectl schema` helps editors to complete its keys.".to_owned(),
        format!("service: {service:<28} # the name of the pipeline; the names of all that belongs to it begin so"),
        String::new(),
    ];
    lines.extend(match source.region() {
        Some(region) => [
            "provider:".to_owned(),
            format!("  region: {region:<27} # the repository's"),
            format!("  # tags: {{ team: {service} }}"),
        ],
        None => [
            "# provider:".to_owned(),
            "#   region: eu-west-1                  # or `-r`, AWS_REGION, the profile's"
                .to_owned(),
            format!("#   tags: {{ team: {service} }}"),
        ],
    });
    lines.push(String::new());
    lines
}

/// Lines as a text.
pub(super) fn joined(lines: &[String]) -> String {
    let mut text = String::new();
    for line in lines {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// `sandbox.yml`.
pub(super) fn sandbox(needs: &[Need], stand_ins: &[(String, String, &'static str)]) -> String {
    let mut lines = vec![
        "# What the sandbox account holds before the first apply, for `--sandbox` alone. Everything here is made up; 123456789012 is the"
            .to_owned(),
        "# sandbox's own account.".to_owned(),
    ];
    if !needs.is_empty() {
        lines.push("parameters:".to_owned());
        for need in needs {
            lines.push(format!(
                "  {}: {}   # {}",
                need.name,
                scalar(&need.stand_in),
                need.what
            ));
        }
    }
    if !stand_ins.is_empty() {
        lines.push("actions:".to_owned());
        for (action, stand_in, why) in stand_ins {
            lines.push(format!("  # {why}"));
            lines.push(format!("  {action}: {stand_in}"));
        }
    }
    joined(&lines)
}
