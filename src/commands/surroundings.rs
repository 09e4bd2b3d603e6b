//! What a run takes from its surroundings: environment variables, `.env` files, the Git work tree.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::variables::GitFact;

/// The environment as text; variables that are not UTF-8 are left out, since no value in a file could be made of them.
pub(super) fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Adds `.env.<stage>` or else `.env` of the folder; what is set already wins.
pub(super) fn add_dotenv(environment: &mut BTreeMap<String, String>, folder: &Path, stage: &str) {
    let text = [format!(".env.{stage}"), ".env".to_owned()]
        .iter()
        .find_map(|name| std::fs::read_to_string(folder.join(name)).ok());
    for (name, value) in text.as_deref().map(dotenv).unwrap_or_default() {
        environment.entry(name).or_insert(value);
    }
}

/// The pairs of a `.env` text: `NAME=value`, `export NAME=value`, quotes, comments.
fn dotenv(text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let Some((name, value)) = line.split_once('=') else {
            continue;
        };
        let name = name.trim();
        let good = !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
        if !good {
            continue;
        }
        let value = value.trim();
        let quoted = |quote: char| {
            value
                .strip_prefix(quote)
                .and_then(|rest| rest.split_once(quote))
                .map(|(inside, _)| inside)
        };
        let value = if let Some(inside) = quoted('"') {
            inside.replace("\\n", "\n").replace("\\r", "\r")
        } else if let Some(inside) = quoted('\'').or_else(|| quoted('`')) {
            inside.to_owned()
        } else {
            let end = value.find('#').unwrap_or(value.len());
            value[..end].trim_end().to_owned()
        };
        pairs.push((name.to_owned(), value));
    }
    pairs
}

/// `${git:…}`: what the work tree of the folder says; nothing where it does not know.
pub(super) fn git(folder: &Path, fact: GitFact) -> Option<String> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let ask = |arguments: &[&str]| {
        let output = Command::new("git")
            .arg("-C")
            .arg(folder)
            .args(arguments)
            .output()
            .ok()?;
        if !output.status.success() {
            return None;
        }
        let text = String::from_utf8(output.stdout).ok()?;
        let text = text.trim_end().to_owned();
        (!text.is_empty()).then_some(text)
    };
    // In a CodeBuild without `.git` the commit is known all the same.
    let built = || {
        std::env::var("CODEBUILD_RESOLVED_SOURCE_VERSION")
            .ok()
            .filter(|sha| !sha.is_empty())
    };
    match fact {
        GitFact::Sha => ask(&["rev-parse", "HEAD"]).or_else(built),
        GitFact::ShortSha => ask(&["rev-parse", "--short=7", "HEAD"])
            .or_else(|| built().map(|sha| sha.chars().take(7).collect())),
        GitFact::Branch => ask(&["symbolic-ref", "--short", "HEAD"]),
        GitFact::Tag => ask(&["describe", "--tags", "--exact-match", "HEAD"]),
        GitFact::Message => ask(&["log", "-1", "--format=%B"]),
        GitFact::Remote => ask(&["remote", "get-url", "origin"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dotenv_files_read_as_people_write_them() {
        let text = "# no\nA=1\nexport B = two # c\nC=\"x\\ny # z\" # c\nD='$A'\nE=\nnot a line\n";
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            dotenv(text),
            [
                pair("A", "1"),
                pair("B", "two"),
                pair("C", "x\ny # z"),
                pair("D", "$A"),
                pair("E", "")
            ]
        );
    }
}
