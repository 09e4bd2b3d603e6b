//! The files that the arguments of `validate` mean: paths, patterns that no shell has expanded, folders, `-`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::files::DEFAULT_NAMES;
use crate::error::Failure;
use crate::sandbox::glob::Glob;

/// The files, each once, in the order of the arguments; within a pattern or a folder by name. With what cannot be had
/// in its place.
pub(super) fn files(arguments: &[PathBuf], here: &Path) -> Vec<Result<PathBuf, Failure>> {
    let mut chosen: Vec<Result<PathBuf, Failure>> = Vec::new();
    let mut seen = BTreeSet::new();
    for argument in arguments {
        match meant(argument, here) {
            Ok(files) => {
                for file in files {
                    let same = std::fs::canonicalize(here.join(&file)).unwrap_or(file.clone());
                    if seen.insert(same) {
                        chosen.push(Ok(file));
                    }
                }
            }
            Err(failure) => chosen.push(Err(failure)),
        }
    }
    chosen
}

fn meant(argument: &Path, here: &Path) -> Result<Vec<PathBuf>, Failure> {
    let plain = match argument.strip_prefix(".") {
        // `./-` is a file.
        Ok(plain) if plain != Path::new("-") => plain,
        _ => argument,
    };
    let place = here.join(argument);
    if argument == Path::new("-") || place.is_file() {
        return Ok(vec![plain.to_owned()]);
    }
    if place.is_dir() {
        return below(argument, here);
    }
    match argument.to_str() {
        Some(pattern) if pattern.contains(['*', '?', '[', '{']) => matching(pattern, here),
        // Whoever reads it says what is wrong.
        _ => Ok(vec![plain.to_owned()]),
    }
}

/// The pipeline files in a folder and below, by their names.
fn below(folder: &Path, here: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    walk(&here.join(folder), "", usize::MAX, false, &mut |path| {
        let name = path.rsplit('/').next().unwrap_or(path);
        if DEFAULT_NAMES.contains(&name) {
            let file = folder.join(path);
            found.push(file.strip_prefix(".").unwrap_or(&file).to_owned());
        }
    });
    if found.is_empty() {
        let [first, second, third] = DEFAULT_NAMES;
        let failure = Failure::failed(
            "file-is-folder",
            format!(
                "{} is a folder, and there is no {first}, {second} or {third} in it or below",
                folder.display()
            ),
        );
        return Err(failure.help("name the file, or give a pattern such as 'ci/**/*.yml'"));
    }
    found.sort();
    Ok(found)
}

/// The files that a pattern means.
fn matching(pattern: &str, here: &Path) -> Result<Vec<PathBuf>, Failure> {
    let plain = pattern.strip_prefix("./").unwrap_or(pattern);
    let glob = Glob::new(plain).map_err(Failure::usage)?;
    let start = if plain.starts_with('/') && glob.folder().is_empty() {
        "/"
    } else {
        glob.folder()
    };
    // A folder or file whose name begins with a dot is meant where the pattern says the dot.
    let hidden = plain.split('/').any(|part| {
        part.strip_prefix('.')
            .is_some_and(|rest| !matches!(rest, "" | "."))
    });
    let depth = match plain.contains("**") {
        true => usize::MAX,
        false => plain.matches('/').count() - start.trim_end_matches('/').matches('/').count(),
    };
    let mut found = Vec::new();
    walk(&here.join(start), start, depth, hidden, &mut |path| {
        if glob.matches(path) {
            found.push(PathBuf::from(path));
        }
    });
    if found.is_empty() {
        return Err(Failure::failed(
            "file-not-found",
            format!("no file matches {pattern}"),
        )
        .help("`*` and `?` stay within a folder, `**` is any folders; hidden files only where the pattern names the dot"));
    }
    found.sort();
    Ok(found)
}

/// Every file in a folder and so many folders below, by its path from `prefix`; what is linked is not walked into.
fn walk(folder: &Path, prefix: &str, depth: usize, hidden: bool, take: &mut dyn FnMut(&str)) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.filter_map(Result::ok) {
        let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string()) else {
            continue;
        };
        if !hidden && name.starts_with('.') {
            continue;
        }
        let path = match prefix {
            "" => name,
            "/" => format!("/{name}"),
            _ => format!("{prefix}/{name}"),
        };
        if !kind.is_dir() {
            if entry.path().is_file() {
                take(&path);
            }
        } else if depth > 0 {
            walk(&entry.path(), &path, depth - 1, hidden, take);
        }
    }
}
