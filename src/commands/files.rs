//! Finding and reading files: the edge where texts come in.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::diagnostic::nearest;
use crate::error::Failure;

/// The names a pipeline file has when nobody says otherwise, best first.
pub(super) const DEFAULT_NAMES: [&str; 3] = ["pipeline.yml", "pipeline.yaml", "pipectl.yml"];

/// No file is read beyond this many bytes.
const MOST: u64 = 10_000_000;

/// The root of the repository that a folder is in. As with git, what GIT_CEILING_DIRECTORIES names is not looked into:
/// a build of the sandbox works below the repository and is no part of it.
pub(super) fn repository_around(folder: &Path) -> Option<&Path> {
    let ceilings = std::env::var_os("GIT_CEILING_DIRECTORIES").unwrap_or_default();
    let ceilings: Vec<PathBuf> = std::env::split_paths(&ceilings).collect();
    folder
        .ancestors()
        .take_while(|folder| !ceilings.iter().any(|ceiling| ceiling == folder))
        .find(|folder| folder.join(".git").exists())
}

/// The file to work on: the one that is named, else a default name here or above, up to the repository root.
pub(super) fn find(named: Option<&Path>, here: &Path) -> Result<PathBuf, Failure> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    let root = repository_around(here).unwrap_or(here);
    let mut relative = PathBuf::new();
    for folder in here.ancestors() {
        if let Some(name) = DEFAULT_NAMES
            .iter()
            .find(|name| folder.join(name).is_file())
        {
            return Ok(relative.join(name));
        }
        if folder == root {
            break;
        }
        relative.push("..");
    }
    let folder_of_that_name = here
        .ancestors()
        .take_while(|folder| *folder != root)
        .chain([root])
        .flat_map(|folder| DEFAULT_NAMES.map(|name| folder.join(name)))
        .find(|path| path.is_dir());
    if let Some(path) = folder_of_that_name {
        return Err(folder(path.strip_prefix(here).unwrap_or(&path)));
    }
    let [first, second, third] = DEFAULT_NAMES;
    let place = if root == here {
        "here".to_owned()
    } else {
        format!("here or above, up to {}", root.display())
    };
    Err(Failure::failed(
        "file-not-found",
        format!("there is no {first}, {second} or {third} {place}"),
    )
    .help("name the file: -f FILE"))
}

/// A file's text; every trouble in words.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    let trouble = |error: &std::io::Error| match error.kind() {
        ErrorKind::NotFound => not_found(path),
        ErrorKind::PermissionDenied => Failure::failed(
            "file-unreadable",
            format!("{} may not be read by this user", path.display()),
        ),
        ErrorKind::IsADirectory => folder(path),
        _ => Failure::failed(
            "file-unreadable",
            format!("{} cannot be read: {error}", path.display()),
        ),
    };
    let file = File::open(path).map_err(|error| trouble(&error))?;
    let metadata = file.metadata();
    if metadata.as_ref().is_ok_and(std::fs::Metadata::is_dir) {
        return Err(folder(path));
    }
    let size = metadata.map_or(0, |metadata| metadata.len());
    read_from(file, size, &path.display().to_string(), &trouble)
}

fn not_found(path: &Path) -> Failure {
    let failure = Failure::failed(
        "file-not-found",
        format!("{} does not exist", path.display()),
    );
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let Ok(entries) = std::fs::read_dir(folder) else {
        return match folder.to_str() {
            Some(".") | None => failure,
            Some(folder) => failure.help(format!("there is no folder {folder}")),
        };
    };
    let names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let wanted = path.file_name().unwrap_or_default().to_string_lossy();
    match nearest(&wanted, names.iter().map(String::as_str)) {
        Some(name) => failure.help(format!(
            "did you mean {}?",
            path.with_file_name(name).display()
        )),
        None => failure,
    }
}

/// Standard input's text.
pub(super) fn read_stdin() -> Result<String, Failure> {
    read_from(std::io::stdin().lock(), 0, "<stdin>", &|error| {
        Failure::failed(
            "file-unreadable",
            format!("<stdin> cannot be read: {error}"),
        )
    })
}

fn folder(path: &Path) -> Failure {
    let inside = DEFAULT_NAMES
        .iter()
        .map(|name| path.join(name))
        .find(|file| file.is_file());
    let failure = Failure::failed(
        "file-is-folder",
        format!("{} is a folder, not a file", path.display()),
    );
    match inside {
        Some(file) => failure.help(format!("perhaps -f {}", file.display())),
        None => failure,
    }
}

/// `size` is what to expect, 0 if that is not known.
fn read_from(
    reader: impl Read,
    size: u64,
    name: &str,
    trouble: &dyn Fn(&std::io::Error) -> Failure,
) -> Result<String, Failure> {
    let mut bytes = Vec::with_capacity(usize::try_from(size.min(MOST)).unwrap_or(0));
    reader
        .take(MOST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| trouble(&error))?;
    if bytes.len() as u64 > MOST {
        return Err(Failure::failed(
            "file-too-large",
            format!("{name} is larger than 10 MB, which no pipeline file is"),
        )
        .help("a pipeline file is a few hundred lines; is this the right file?"));
    }
    let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    if !utf16 && bytes.contains(&0) {
        return Err(Failure::failed(
            "file-binary",
            format!("{name} is a binary file, not a text"),
        )
        .help("name the pipeline file: -f FILE"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..good]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1;
        let what = if utf16 {
            "is written in UTF-16".to_owned()
        } else {
            format!("is not UTF-8: byte {good}, on line {line}")
        };
        Failure::failed("file-not-utf8", format!("{name} {what}")).help("save it as UTF-8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trouble_has_its_code() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).expect("written");
            path
        };
        let code = |path: &Path| read(path).expect_err("trouble").code;
        assert_eq!(code(folder.path()), "file-is-folder");
        assert_eq!(code(&folder.path().join("none")), "file-not-found");
        assert_eq!(code(&write("b", b"\x7fELF\0\0")), "file-binary");
        assert_eq!(code(&write("u", b"a: \xff\n")), "file-not-utf8");
        assert_eq!(code(&write("w", b"\xff\xfea\0")), "file-not-utf8");
        assert_eq!(code(&write("l", &vec![b'a'; 10_000_001])), "file-too-large");
        assert_eq!(read(&write("g", "ä: 1".as_bytes())).expect("read"), "ä: 1");
    }

    #[test]
    fn the_file_is_found_above_but_not_beyond_the_repository() {
        let folder = tempfile::tempdir().expect("a folder");
        let deep = folder.path().join("repo/a/b");
        std::fs::create_dir_all(&deep).expect("folders");
        std::fs::write(folder.path().join("pipeline.yml"), "").expect("written");
        assert!(find(None, &deep).is_err());
        std::fs::create_dir(folder.path().join("repo/.git")).expect("folder");
        assert!(find(None, &deep).is_err());
        std::fs::write(folder.path().join("repo/pipectl.yml"), "").expect("written");
        assert_eq!(
            find(None, &deep).expect("found"),
            Path::new("../../pipectl.yml")
        );
    }
}
