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

    /// The working tree with what is not committed, without what git ignores.
    pub(super) async fn pack_working_tree(
        &self,
        left_out: &[&str],
        file: &Path,
    ) -> Result<(), String> {
        let list = [
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ];
        let output = self.run(&list).await?;
        let mut paths: Vec<PathBuf> = String::from_utf8_lossy(&output)
            .split('\0')
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
            .filter(|path| {
                !path
                    .iter()
                    .any(|part| left_out.iter().any(|out| part == *out))
            })
            .collect();
        paths.sort();
        paths.dedup();
        let (root, file) = (self.root.clone(), file.to_owned());
        let packing = tokio::task::spawn_blocking(move || {
            // What is deleted and not committed is listed, too.
            let there = paths.into_iter().filter(|path| !root.join(path).is_dir());
            let there = there.filter(|path| root.join(path).symlink_metadata().is_ok());
            let files = there.map(|path| (path.to_string_lossy().into_owned(), root.join(&path)));
            archive::pack(&file, &files.collect(), Links::Keep)
        });
        packing
            .await
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())
    }

    /// A clone with its history, at a commit.
    pub(super) async fn pack_clone(
        &self,
        commit: &str,
        branch: &str,
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
        let file = file.to_owned();
        let packing = tokio::task::spawn_blocking(move || {
            archive::pack(
                &file,
                &archive::entries_below(&folder, &[], Links::Keep)?,
                Links::Keep,
            )
        });
        packing
            .await
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())
    }
}
