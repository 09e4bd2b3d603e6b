//! Which files a build hands on.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::spec::ArtifactSpec;
use crate::sandbox::archive::{self, Files, Links};
use crate::sandbox::glob::Glob;

/// What was found, and what there is to say about it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) files: Files,
    pub(super) links: Links,
    pub(super) said: Vec<String>,
}

/// Why nothing was found: the words of AWS, or of this machine.
#[derive(Debug)]
pub(super) enum Refused {
    Client(String),
    Here(io::Error),
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Here(error)
    }
}

/// The files of an artifact below the source.
/// docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html#build-spec.artifacts
pub(super) fn find(source: &Path, spec: &ArtifactSpec) -> Result<Found, Refused> {
    let links = if spec.links {
        Links::Keep
    } else {
        Links::Follow
    };
    let mut said = Vec::new();
    let shown = spec.base.as_deref().unwrap_or(".");
    said.push(format!("Expanding base directory path: {shown}"));
    let bases = folders(source, shown)?;
    if bases.is_empty() {
        return Err(Refused::Client(format!(
            "no matching base directory path found for {shown}"
        )));
    }
    let globs = compiled(&spec.files)?;
    let without = compiled(&spec.exclude)?;
    let mut files = Files::new();
    let mut twice = BTreeSet::new();
    for base in bases {
        for (name, path) in archive::entries_below(&base, &[], links)? {
            if !globs.iter().any(|glob| glob.matches(&name))
                || without.iter().any(|glob| glob.matches(&name))
            {
                continue;
            }
            let target = if spec.discard_paths {
                name.rsplit('/').next().unwrap_or(&name).to_owned()
            } else {
                name
            };
            if files.insert(target.clone(), path).is_some() {
                twice.insert(target);
            }
        }
    }
    for name in twice {
        said.push(format!(
            "{name} is there more than once; the last one is taken"
        ));
    }
    if files.is_empty() {
        let patterns = spec.files.join(", ");
        return Err(Refused::Client(format!(
            "no matching artifact paths found for {patterns} below {shown}"
        )));
    }
    said.push(format!("Found {} file(s)", files.len()));
    Ok(Found { files, links, said })
}

/// The files of a report: what they are called, and where they are.
pub(super) fn report_files(
    source: &Path,
    base: Option<&str>,
    patterns: &[String],
) -> Result<Vec<(String, PathBuf)>, Refused> {
    let globs = compiled(patterns)?;
    let mut found = Vec::new();
    for folder in folders(source, base.unwrap_or("."))? {
        for (name, path) in archive::files_below(&folder, &[])? {
            if globs.iter().any(|glob| glob.matches(&name)) {
                let shown = path.strip_prefix(source).unwrap_or(&path);
                found.push((shown.to_string_lossy().into_owned(), path.clone()));
            }
        }
    }
    Ok(found)
}

fn compiled(patterns: &[String]) -> Result<Vec<Glob>, Refused> {
    patterns
        .iter()
        // `/**/*` begins at the base directory, too
        .map(|pattern| Glob::new(pattern.trim_start_matches('/')).map_err(Refused::Client))
        .collect()
}

/// The folders below the source that a base directory means; it may be a pattern, part by part.
fn folders(source: &Path, base: &str) -> Result<Vec<PathBuf>, Refused> {
    let mut found = vec![source.to_owned()];
    let below = Path::new(base)
        .strip_prefix(source)
        .map(|rest| rest.to_string_lossy().into_owned());
    let base = below.unwrap_or_else(|_| base.to_owned());
    if base.starts_with('/') || base.split('/').any(|part| part == "..") {
        return Ok(Vec::new());
    }
    for part in base.split('/').filter(|part| !matches!(*part, "" | ".")) {
        let glob = Glob::new(part).map_err(Refused::Client)?;
        let mut next = Vec::new();
        for folder in found {
            if folder.join(part).is_dir() {
                next.push(folder.join(part));
                continue;
            }
            for entry in std::fs::read_dir(&folder)? {
                let entry = entry?;
                let matches = entry.file_name().to_str().is_some_and(|n| glob.matches(n));
                if matches && entry.path().is_dir() {
                    next.push(entry.path());
                }
            }
        }
        next.sort();
        found = next;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn tree(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for name in names {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, name).expect("written");
        }
        folder
    }

    fn spec(files: &[&str], base: Option<&str>, exclude: &[&str], discard: bool) -> ArtifactSpec {
        let texts = |list: &[&str]| list.iter().map(|t| (*t).to_owned()).collect();
        ArtifactSpec {
            files: texts(files),
            exclude: texts(exclude),
            base: base.map(str::to_owned),
            discard_paths: discard,
            links: false,
        }
    }

    fn names(source: &Path, spec: &ArtifactSpec) -> Result<Vec<String>, String> {
        match find(source, spec) {
            Ok(found) => Ok(found.files.into_keys().collect()),
            Err(Refused::Client(message)) => Err(message),
            Err(Refused::Here(error)) => Err(error.to_string()),
        }
    }

    #[test]
    fn files_are_found_as_the_buildspec_reference_shows() {
        let tree = tree(&[
            "my-build1/my-file1.txt",
            "my-build2/my-file2.txt",
            "my-build2/my-subdirectory/my-file3.txt",
        ]);
        let source = tree.path();
        let found = |files: &[&str], base, exclude: &[&str], discard| {
            names(source, &spec(files, base, exclude, discard))
        };
        let ok = |list: &[&str]| Ok(list.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>());
        assert_eq!(
            found(&["*/my-file3.txt"], Some("my-build2"), &[], false),
            ok(&["my-subdirectory/my-file3.txt"])
        );
        assert_eq!(
            found(&["**/*"], Some("my-build*"), &[], true),
            ok(&["my-file1.txt", "my-file2.txt", "my-file3.txt"])
        );
        assert_eq!(
            found(&["**/*"], None, &["my-build2/**/*"], false),
            ok(&["my-build1/my-file1.txt"])
        );
        assert_eq!(
            found(&["my-build2/*"], None, &[], false),
            ok(&["my-build2/my-file2.txt"])
        );
        assert_eq!(
            found(&["**/*"], Some("my-build2/my-subdirectory"), &[], false),
            ok(&["my-file3.txt"])
        );
        let error = found(&["*.jar"], None, &[], false).expect_err("nothing");
        assert!(
            error.starts_with("no matching artifact paths found"),
            "{error}"
        );
        let error = found(&["**/*"], Some("dist"), &[], false).expect_err("nothing");
        assert!(
            error.starts_with("no matching base directory path found for dist"),
            "{error}"
        );
        assert!(found(&["**/*"], Some("../.."), &[], false).is_err());
        assert!(found(&["**/*"], Some("/etc"), &[], false).is_err());
    }
}
