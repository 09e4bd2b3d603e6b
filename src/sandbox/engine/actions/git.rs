//! A git repository, by the `git` program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::super::super::archive::{self, Links};

/// The variables by which a git that runs around pipectl would lead this one astray.
const ASTRAY: [&str; 5] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
];

/// A repository with a working tree.
#[derive(Debug)]
pub(super) struct Git {
    root: PathBuf,
}

impl Git {
    /// The repository that a folder lies in.
    pub(super) fn around(folder: &Path) -> Option<Self> {
        let folder = std::fs::canonicalize(folder).ok()?;
        let root = folder
            .ancestors()
            .find(|folder| folder.join(".git").exists())?;
        Some(Self {
            root: root.to_owned(),
        })
    }

    /// The repository that a folder is.
    pub(super) fn at(folder: &Path) -> Option<Self> {
        let root = std::fs::canonicalize(folder).ok()?;
        root.join(".git").exists().then_some(Self { root })
    }

    /// Its folder.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    async fn run(&self, arguments: &[&str]) -> Result<Vec<u8>, String> {
        let mut command = Command::new("git");
        for name in ASTRAY {
            command.env_remove(name);
        }
        let output = command
            .arg("-C")
            .arg(&self.root)
            .args(arguments)
            .env("TZ", "UTC")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|error| format!("git cannot be run: {error}"))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(format!("git {}: {said}", arguments.first().unwrap_or(&"")))
    }

    async fn line(&self, arguments: &[&str]) -> Option<String> {
        let output = self.run(arguments).await.ok()?;
        let text = String::from_utf8_lossy(&output).trim().to_owned();
        Some(text).filter(|text| !text.is_empty())
    }

    /// The id of a commit.
    pub(super) async fn commit(&self, name: &str) -> Option<String> {
        let name = format!("{name}^{{commit}}");
        self.line(&[
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &name,
        ])
        .await
    }

    /// The branch that is checked out.
    pub(super) async fn branch(&self) -> Option<String> {
        self.line(&["symbolic-ref", "--quiet", "--short", "HEAD"])
            .await
    }

    /// What a commit says of itself, under the names of CodePipeline's variables.
    pub(super) async fn describe(
        &self,
        commit: &str,
    ) -> Result<BTreeMap<&'static str, String>, String> {
        let format = "--format=%ad%x00%cd%x00%an%x00%ae%x00%B";
        let date = "--date=format-local:%Y-%m-%dT%H:%M:%SZ";
        let output = self.run(&["log", "-1", date, format, commit]).await?;
        let text = String::from_utf8_lossy(&output);
        let mut parts = text.splitn(5, '\0').map(str::trim_end);
        let names = [
            "AuthorDate",
            "CommitterDate",
            "AuthorDisplayName",
            "AuthorEmail",
            "CommitMessage",
        ];
        Ok(names
            .into_iter()
            .map(|name| (name, parts.next().unwrap_or_default().to_owned()))
            .collect())
    }

    /// The files of a commit as a ZIP file.
    pub(super) async fn pack(&self, commit: &str, file: &Path) -> Result<(), String> {
        let file = file.to_string_lossy();
        self.run(&["archive", "--format=zip", "-o", &file, commit])
            .await
            .map(|_| ())
    }

    /// The files of the working tree with what is not committed, without what git ignores.
    async fn working_tree(&self, left_out: &[&str]) -> Result<archive::Files, String> {
        let list = [
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ];
        let output = self.run(&list).await?;
        let text = String::from_utf8_lossy(&output);
        let paths = text.split('\0').filter(|path| !path.is_empty());
        let kept = paths.map(PathBuf::from).filter(|path| {
            let out = |part| left_out.iter().any(|out| part == *out);
            !path.iter().any(out)
        });
        // What is deleted and not committed is listed, too.
        let there = kept.filter(|path| {
            let path = self.root.join(path);
            !path.is_dir() && path.symlink_metadata().is_ok()
        });
        let named = there.map(|path| (path.to_string_lossy().into_owned(), self.root.join(&path)));
        Ok(named.collect())
    }

    /// The working tree as a ZIP file.
    pub(super) async fn pack_working_tree(
        &self,
        left_out: &[&str],
        file: &Path,
    ) -> Result<(), String> {
        let (files, file) = (self.working_tree(left_out).await?, file.to_owned());
        let packing =
            tokio::task::spawn_blocking(move || archive::pack(&file, &files, Links::Keep));
        packing
            .await
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())
    }

    /// A clone with its history, at a commit; `dirty` with the files of the working tree but for those left out.
    pub(super) async fn pack_clone(
        &self,
        commit: &str,
        branch: &str,
        dirty: Option<&[&str]>,
        file: &Path,
    ) -> Result<(), String> {
        let scratch = tempfile::tempdir().map_err(|error| error.to_string())?;
        let folder = scratch.path().join("clone");
        let to = folder.to_string_lossy();
        self.run(&[
            "clone",
            "--quiet",
            "--no-hardlinks",
            "--no-checkout",
            ".",
            &to,
        ])
        .await?;
        let clone = Self {
            root: folder.clone(),
        };
        let branch = if branch.is_empty() { "main" } else { branch };
        clone
            .run(&["checkout", "--quiet", "-B", branch, commit])
            .await?;
        let working_tree = match dirty {
            Some(left_out) => Some(self.working_tree(left_out).await?),
            None => None,
        };
        let file = file.to_owned();
        let packing = tokio::task::spawn_blocking(move || {
            let mut files = archive::entries_below(&folder, &[], Links::Keep)?;
            if let Some(working_tree) = working_tree {
                files.retain(|name, _| name.starts_with(".git/"));
                files.extend(working_tree);
            }
            archive::pack(&file, &files, Links::Keep)
        });
        packing
            .await
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())
    }
}
