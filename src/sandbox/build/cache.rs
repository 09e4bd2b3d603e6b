//! What one build leaves for the next one.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::spec::CacheSpec;
use crate::sandbox::archive::{self, Files, Links};
use crate::sandbox::glob::Glob;

/// The home of a build on AWS; on this machine it is a folder of its own.
const HOMES: [&str; 3] = ["/root/", "~/", "$HOME/"];
/// The same in a container.
const HOME_INSIDE: &str = "/root";
/// How parts of an archive are called that lie in the home, in the source, and elsewhere in a container.
const HOME: &str = "home/";
const SOURCE: &str = "source/";
const OUTSIDE: &str = "outside/";

/// The cache of a project.
pub(super) struct Cache {
    /// Where it is kept.
    pub(super) folder: PathBuf,
    /// The source of the build.
    pub(super) source: PathBuf,
    /// Its home.
    pub(super) home: PathBuf,
    /// What stands for every other folder of a container; nothing on this machine, whose folders are not the build's.
    pub(super) outside: Option<PathBuf>,
}

impl Cache {
    /// Where a path lies: its root on this machine, that root's name in the archive, and the pattern below it.
    fn place<'p>(&self, path: &'p str) -> Option<(&Path, &'static str, &'p str)> {
        if let Some(rest) = HOMES.iter().find_map(|home| path.strip_prefix(home)) {
            return Some((&self.home, HOME, rest));
        }
        if path.contains("..") {
            return None;
        }
        match (path.strip_prefix('/'), &self.outside) {
            (Some(rest), Some(outside)) => Some((outside, OUTSIDE, rest)),
            (None, _) if !path.starts_with(['~', '$']) => Some((&self.source, SOURCE, path)),
            _ => None,
        }
    }

    /// Makes the folders outside of the source that a container is to share, with the paths it knows them by.
    pub(super) fn prepared(&self, spec: &CacheSpec) -> io::Result<Vec<(PathBuf, String)>> {
        let mut made = BTreeMap::new();
        for path in &spec.paths {
            let Some((root, name, pattern)) = self.place(path) else {
                continue;
            };
            let base = match name {
                HOME => HOME_INSIDE,
                OUTSIDE => "",
                _ => continue,
            };
            // What has no wildcard is a folder, too: a file that is not there yet cannot be shared.
            let wild = pattern.contains(['*', '?', '[', '{']);
            let glob = Glob::new(pattern).map_err(io::Error::other)?;
            let inside = if wild { glob.folder() } else { pattern }.trim_matches('/');
            if inside.is_empty() {
                continue;
            }
            let here = root.join(inside);
            fs::create_dir_all(&here)?;
            made.insert(format!("{base}/{inside}"), here);
        }
        Ok(made
            .into_iter()
            .map(|(inside, here)| (here, inside))
            .collect())
    }

    /// Brings back what an earlier build left; says what happened.
    pub(super) fn restore(
        &self,
        spec: &CacheSpec,
        key: Option<&str>,
        fallback: &[String],
    ) -> io::Result<String> {
        if !spec.restore {
            return Ok("the cache is only saved".to_owned());
        }
        let found = match key {
            None => Some(self.file(None)).filter(|file| file.is_file()),
            Some(key) => {
                let exact = Some(self.file(Some(key))).filter(|file| file.is_file());
                match exact {
                    Some(file) => Some(file),
                    None => self.by_prefix(fallback)?,
                }
            }
        };
        let Some(file) = found else {
            return Ok("there is no cache".to_owned());
        };
        let staging = tempfile::tempdir_in(&self.folder)?;
        archive::unpack(&file, staging.path())?;
        let outside = self.outside.as_ref().map(|outside| (OUTSIDE, outside));
        for (name, target) in [(SOURCE, &self.source), (HOME, &self.home)]
            .into_iter()
            .chain(outside)
        {
            let from = staging.path().join(name.trim_end_matches('/'));
            if from.is_dir() {
                merge(&from, target)?;
            }
        }
        Ok("the cache was restored".to_owned())
    }

    /// Keeps what the paths name; says what happened. What a key names stays as it was first saved.
    /// docs.aws.amazon.com/codebuild/latest/userguide/caching-s3.html
    pub(super) fn save(&self, spec: &CacheSpec, key: Option<&str>) -> io::Result<Vec<String>> {
        let mut said = Vec::new();
        let target = self.file(key);
        if !spec.save {
            return Ok(vec!["the cache is only restored".to_owned()]);
        }
        if key.is_some() && target.is_file() {
            return Ok(vec!["this key has a cache already, which stays".to_owned()]);
        }
        let mut files = Files::new();
        for path in &spec.paths {
            let Some((root, prefix, pattern)) = self.place(path) else {
                said.push(format!(
                    "{path} lies neither in the source nor in the home: on this machine it is not kept, with --executor docker or podman it is"
                ));
                continue;
            };
            let before = files.len();
            let folder = pattern.trim_end_matches('/');
            // A folder alone means all that is in it, as a local cache takes it.
            let pattern = if root.join(folder).is_dir() {
                format!("{folder}/**/*")
            } else {
                pattern.to_owned()
            };
            let glob = Glob::new(&pattern).map_err(io::Error::other)?;
            let base = root.join(glob.folder());
            if base.is_dir() {
                for (name, found) in archive::entries_below(&base, &[], Links::Keep)? {
                    let name = match glob.folder() {
                        "" => name,
                        folder => format!("{folder}/{name}"),
                    };
                    if glob.matches(&name) {
                        files.insert(format!("{prefix}{name}"), found);
                    }
                }
            }
            if files.len() == before {
                said.push(format!("{path}: nothing is there to be kept"));
            }
        }
        if files.is_empty() {
            return Ok(said);
        }
        // Links that lead out of the cache would not come back.
        files.retain(|_, path| {
            !path.is_symlink() || fs::read_link(path).is_ok_and(|to| to.is_relative())
        });
        archive::pack(&target, &files, Links::Keep)?;
        if let Some(key) = key {
            fs::write(target.with_extension("key"), key)?;
        }
        said.push(format!(
            "{} file(s) are kept for the next build",
            files.len()
        ));
        Ok(said)
    }

    fn file(&self, key: Option<&str>) -> PathBuf {
        let name = key.map_or_else(|| "cache".to_owned(), |key| digest(key.as_bytes()));
        self.folder.join(format!("{name}.zip"))
    }

    /// The newest cache whose key begins with one of these, in their order.
    fn by_prefix(&self, prefixes: &[String]) -> io::Result<Option<PathBuf>> {
        let mut keys = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "key") {
                let age = fs::metadata(&path)?.modified()?;
                keys.push((age, path.with_extension("zip"), fs::read_to_string(&path)?));
            }
        }
        keys.sort();
        Ok(prefixes.iter().find_map(|prefix| {
            keys.iter()
                .rev()
                .find(|(_, _, key)| key.starts_with(prefix.as_str()))
                .map(|(_, file, _)| file.clone())
        }))
    }
}

/// A key in which `$(codebuild-hash-files …)` is computed; the rest is for a shell.
/// docs.aws.amazon.com/codebuild/latest/userguide/caching-s3.html#caching-s3-dynamic.codebuild-hash-files
pub(super) fn with_hashes(key: &str, source: &Path) -> io::Result<String> {
    const BEGIN: &str = "$(codebuild-hash-files ";
    let mut out = String::new();
    let mut rest = key;
    while let Some((before, behind)) = rest.split_once(BEGIN) {
        let Some((patterns, after)) = behind.split_once(')') else {
            break;
        };
        out.push_str(before);
        let globs = patterns
            .split_whitespace()
            .map(|pattern| Glob::new(pattern.trim_matches(['\'', '"'])))
            .collect::<Result<Vec<_>, _>>()
            .map_err(io::Error::other)?;
        let mut hasher = Sha256::new();
        for (name, path) in archive::files_below(source, &[])? {
            if globs.iter().any(|glob| glob.matches(&name)) {
                hasher.update(digest(&fs::read(path)?).as_bytes());
            }
        }
        out.push_str(&hex(&hasher.finalize()));
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Moves files into a folder that has others.
fn merge(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() && target.is_dir() {
            merge(&entry.path(), &target)?;
        } else if fs::symlink_metadata(&target).is_err()
            && fs::rename(entry.path(), &target).is_err()
        {
            // Another file system: over there by hand. What the source has itself stays as it is.
            copy(&entry.path(), &target)?;
        }
    }
    Ok(())
}

/// A tree, link by link.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(from)?;
    if metadata.is_symlink() {
        let target = fs::read_link(from)?;
        #[cfg(unix)]
        return std::os::unix::fs::symlink(target, to);
        #[cfg(not(unix))]
        return fs::copy(target, to).map(|_| ());
    }
    if metadata.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return fs::set_permissions(to, metadata.permissions());
    }
    if metadata.is_file() {
        fs::copy(from, to)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_depends_on_the_files_it_names() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a.lock"), "1").expect("written");
        let key = "npm-$(codebuild-hash-files *.lock)-$X";
        let one = with_hashes(key, folder.path()).expect("a key");
        assert!(
            one.starts_with("npm-") && one.ends_with("-$X") && one.len() == 4 + 64 + 3,
            "{one}"
        );
        fs::write(folder.path().join("other"), "x").expect("written");
        assert_eq!(with_hashes(key, folder.path()).expect("a key"), one);
        fs::write(folder.path().join("a.lock"), "2").expect("written");
        assert_ne!(with_hashes(key, folder.path()).expect("a key"), one);
    }
}
