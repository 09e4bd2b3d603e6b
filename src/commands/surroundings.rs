//! What a run takes from its surroundings: environment variables, the Git work tree.

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

/// What git says about a folder; nothing where it says no.
fn answer(folder: &Path, arguments: &[&str]) -> Option<String> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
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
}

/// `${git:…}`: what the work tree of the folder says; nothing where it does not know.
pub(super) fn git(folder: &Path, fact: GitFact) -> Option<String> {
    let ask = |arguments: &[&str]| answer(folder, arguments);
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

/// The address of the repository's remote: `origin`, else that of the branch, else the only one.
pub(super) fn remote(folder: &Path) -> Option<String> {
    let ask = |arguments: &[&str]| answer(folder, arguments);
    git(folder, GitFact::Remote).or_else(|| {
        let of_branch = git(folder, GitFact::Branch)
            .and_then(|branch| ask(&["config", &format!("branch.{branch}.remote")]));
        let name = of_branch.or_else(|| ask(&["remote"]).filter(|all| !all.contains('\n')))?;
        ask(&["remote", "get-url", &name])
    })
}

/// The branch that releases are made from: the remote's, else `main` or `master` where there is one, else the one that is
/// checked out.
pub(super) fn main_branch(folder: &Path) -> Option<String> {
    let ask = |arguments: &[&str]| answer(folder, arguments);
    let of_remote = ask(&["symbolic-ref", "--short", "refs/remotes/origin/HEAD"]);
    of_remote
        .and_then(|name| name.strip_prefix("origin/").map(str::to_owned))
        .or_else(|| {
            let there = |name: &&str| {
                let reference = format!("refs/heads/{name}");
                ask(&["rev-parse", "--verify", "--quiet", &reference]).is_some()
            };
            ["main", "master"]
                .into_iter()
                .find(there)
                .map(str::to_owned)
        })
        .or_else(|| ask(&["symbolic-ref", "--short", "HEAD"]))
}
