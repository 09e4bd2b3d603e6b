//! Artifacts as ZIP files: the same bytes for the same files, and nothing in one of them gets out of the folder it is
//! unpacked into.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Component, Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

/// The most that is unpacked from one archive, in bytes. Of a bomb nothing more reaches the disk.
const MOST_BYTES: u64 = 10 << 30;
/// The most entries of one archive.
const MOST_ENTRIES: usize = 500_000;
/// The permissions of a file whose archive says nothing about them.
const USUAL_MODE: u32 = 0o644;

/// What goes into an archive: name in it → file on disk.
pub type Files = BTreeMap<String, PathBuf>;

/// Whether links go in as links, or as what they lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// As links.
    Keep,
    /// As the files they lead to.
    Follow,
}

/// Writes the files into an archive at `target`, which is there whole or not at all. The bytes depend on names,
/// contents and permissions alone.
///
/// # Errors
/// If a file cannot be read or the archive cannot be written.
pub fn pack(target: &Path, files: &Files, links: Links) -> io::Result<()> {
    let folder = target.parent().unwrap_or(Path::new("."));
    let temporary = tempfile::NamedTempFile::new_in(folder)?;
    let mut zip = ZipWriter::new(BufWriter::new(temporary.as_file()));
    for (name, path) in files {
        let about = |error: io::Error| io::Error::new(error.kind(), format!("{name}: {error}"));
        let metadata = fs::symlink_metadata(path).map_err(about)?;
        if links == Links::Keep && metadata.is_symlink() {
            let to = fs::read_link(path).map_err(about)?;
            let to = to.to_str().ok_or_else(|| {
                about(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "leads to a name that is not UTF-8",
                ))
            })?;
            zip.add_symlink(name.as_str(), to, options(0o777, 0))?;
            continue;
        }
        let mut file = File::open(path).map_err(about)?;
        let metadata = file.metadata().map_err(about)?;
        zip.start_file(name.as_str(), options(mode(&metadata), metadata.len()))?;
        io::copy(&mut file, &mut zip).map_err(about)?;
    }
    zip.finish()?.flush()?;
    temporary.persist(target)?;
    Ok(())
}

/// Every file below a folder, under its path from there, links as what they lead to; one to a folder counts if that
/// lies below, too. Nothing below `without` (`.git`) is taken.
///
/// # Errors
/// If a folder cannot be read.
pub fn files_below(folder: &Path, without: &[&str]) -> io::Result<Files> {
    entries_below(folder, without, Links::Follow)
}

/// The same, or with links as links.
///
/// # Errors
/// If a folder cannot be read.
pub fn entries_below(folder: &Path, without: &[&str], links: Links) -> io::Result<Files> {
    let mut found = Files::new();
    let root = folder.canonicalize()?;
    let walk = Walk {
        root: &root,
        without,
        links,
    };
    walk.folder(folder, "", &mut Vec::new(), &mut found)?;
    Ok(found)
}

struct Walk<'w> {
    root: &'w Path,
    without: &'w [&'w str],
    links: Links,
}

impl Walk<'_> {
    fn folder(
        &self,
        folder: &Path,
        prefix: &str,
        above: &mut Vec<PathBuf>,
        found: &mut Files,
    ) -> io::Result<()> {
        let here = folder.canonicalize()?;
        if above.contains(&here) {
            return Ok(());
        }
        above.push(here);
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            // A name that is no text cannot be named in a buildspec either.
            let Some(name) = name.to_str() else { continue };
            let inner = if prefix.is_empty() {
                name.to_owned()
            } else {
                format!("{prefix}/{name}")
            };
            if self.without.contains(&inner.as_str()) {
                continue;
            }
            let path = entry.path();
            let kind = entry.file_type()?;
            if kind.is_symlink() && self.links == Links::Keep {
                found.insert(inner, path);
                continue;
            }
            // A link that leads nowhere is nothing that could be handed on.
            let Ok(metadata) = fs::metadata(&path) else {
                continue;
            };
            if metadata.is_dir() {
                let inside = !kind.is_symlink()
                    || path
                        .canonicalize()
                        .is_ok_and(|real| real.starts_with(self.root));
                if inside {
                    self.folder(&path, &inner, above, found)?;
                }
            } else if metadata.is_file() {
                found.insert(inner, path);
            }
        }
        above.pop();
        Ok(())
    }
}

/// Unpacks an archive into a folder, which is made if need be.
///
/// # Errors
/// If the archive is damaged, holds a name or a link that leads out of the folder, or is larger than any artifact; or
/// if a file cannot be written.
pub fn unpack(archive: &Path, folder: &Path) -> io::Result<()> {
    unpack_within(archive, folder, MOST_BYTES)
}

fn unpack_within(archive: &Path, folder: &Path, most: u64) -> io::Result<()> {
    let mut zip = ZipArchive::new(BufReader::new(File::open(archive)?))?;
    fs::create_dir_all(folder)?;
    if zip.len() > MOST_ENTRIES {
        return Err(invalid(format!(
            "it has {} entries; at most {MOST_ENTRIES} are unpacked",
            zip.len()
        )));
    }
    let mut links = Vec::new();
    let mut left = most;
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index)?;
        let name = entry.name()?.into_owned();
        let Some(inner) = entry.enclosed_name() else {
            return Err(invalid(format!("`{name}` leads out of the folder")));
        };
        let path = folder.join(&inner);
        if entry.is_dir() {
            fs::create_dir_all(&path)?;
            continue;
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        if entry.is_symlink() {
            let mut to = String::new();
            entry.by_ref().take(4096).read_to_string(&mut to)?;
            if !stays_inside(&inner, Path::new(&to)) {
                return Err(invalid(format!(
                    "the link `{name}` leads out of the folder, to `{to}`"
                )));
            }
            // Made at last: until then no name leads anywhere but where it says.
            links.push((path, to));
            continue;
        }
        let mode = entry.unix_mode().unwrap_or(USUAL_MODE);
        let mut file = File::create(&path)?;
        let written = io::copy(&mut entry.by_ref().take(left + 1), &mut file)?;
        if written > left {
            drop(file);
            fs::remove_file(&path)?;
            return Err(invalid(format!(
                "unpacked it is larger than {most} bytes, which no artifact is"
            )));
        }
        left -= written;
        set_mode(&file, mode)?;
    }
    for (path, to) in links {
        if fs::symlink_metadata(&path).is_ok() {
            fs::remove_file(&path)?;
        }
        link(&to, &path)?;
    }
    Ok(())
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// Whether a link at a path in the folder leads to somewhere in it.
fn stays_inside(link: &Path, to: &Path) -> bool {
    let mut depth = link.components().count().saturating_sub(1);
    for component in to.components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return false,
            },
            Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    true
}

fn options(mode: u32, size: u64) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::DEFAULT)
        .unix_permissions(mode)
        .large_file(size >= u64::from(u32::MAX))
}

#[cfg(unix)]
fn mode(metadata: &fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o777
}

#[cfg(not(unix))]
fn mode(_metadata: &fs::Metadata) -> u32 {
    USUAL_MODE
}

#[cfg(unix)]
fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    // Whoever unpacks has to be able to use and remove it.
    file.set_permissions(fs::Permissions::from_mode((mode & 0o777) | 0o600))
}

#[cfg(not(unix))]
fn set_mode(_file: &File, _mode: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn link(to: &str, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(to, path)
}

#[cfg(not(unix))]
fn link(to: &str, path: &Path) -> io::Result<()> {
    fs::write(path, to)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("as the test says")
    }

    fn write(root: &Path, name: &str, text: &str, mode: u32) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("as the test says")).expect("as the test says");
        fs::write(&path, text).expect("as the test says");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("as the test says");
    }

    /// An archive made by hand, with names no file can have.
    fn forged(target: &Path, entries: &[(&str, Option<&str>)]) {
        let mut zip = ZipWriter::new(File::create(target).expect("as the test says"));
        for (name, link) in entries {
            match link {
                Some(to) => zip
                    .add_symlink(*name, *to, options(0o777, 0))
                    .expect("as the test says"),
                None => {
                    zip.start_file(*name, options(0o644, 0))
                        .expect("as the test says");
                    zip.write_all(b"text").expect("as the test says");
                }
            }
        }
        zip.finish().expect("as the test says");
    }

    #[test]
    fn the_same_files_give_the_same_bytes_and_come_back_as_they_were() {
        let place = folder();
        for (source, order) in [("one", ["b/x.sh", "a.txt"]), ("two", ["a.txt", "b/x.sh"])] {
            for name in order {
                let mode = if name.ends_with(".sh") { 0o755 } else { 0o640 };
                write(&place.path().join(source), name, name, mode);
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
            let files = files_below(&place.path().join(source), &[]).expect("as the test says");
            pack(
                &place.path().join(format!("{source}.zip")),
                &files,
                Links::Follow,
            )
            .expect("as the test says");
        }
        let one = fs::read(place.path().join("one.zip")).expect("as the test says");
        assert_eq!(
            one,
            fs::read(place.path().join("two.zip")).expect("as the test says")
        );
        let out = place.path().join("out");
        unpack(&place.path().join("one.zip"), &out).expect("as the test says");
        assert_eq!(
            fs::read_to_string(out.join("b/x.sh")).expect("as the test says"),
            "b/x.sh"
        );
        let mode = |name: &str| {
            fs::metadata(out.join(name))
                .expect("as the test says")
                .permissions()
                .mode()
                & 0o777
        };
        assert_eq!((mode("b/x.sh"), mode("a.txt")), (0o755, 0o640));
    }

    #[test]
    fn links_are_followed_or_kept_and_circles_end() {
        let place = folder();
        let source = place.path().join("source");
        write(&source, "lib/real.txt", "real", 0o644);
        symlink("lib/real.txt", source.join("alias.txt")).expect("as the test says");
        symlink("lib", source.join("other")).expect("as the test says");
        symlink("..", source.join("lib/up")).expect("as the test says");
        symlink("/", source.join("root")).expect("as the test says");
        symlink("nowhere", source.join("dangling")).expect("as the test says");
        let files = files_below(&source, &[]).expect("as the test says");
        let names: Vec<_> = files.keys().map(String::as_str).collect();
        assert_eq!(names, ["alias.txt", "lib/real.txt", "other/real.txt"]);
        let zip = place.path().join("x.zip");
        pack(&zip, &files, Links::Follow).expect("as the test says");
        let out = place.path().join("followed");
        unpack(&zip, &out).expect("as the test says");
        assert!(
            !fs::symlink_metadata(out.join("alias.txt"))
                .expect("as the test says")
                .is_symlink()
        );
        assert_eq!(
            fs::read_to_string(out.join("alias.txt")).expect("as the test says"),
            "real"
        );
        let files = entries_below(&source, &[], Links::Keep).expect("as the test says");
        let names: Vec<_> = files.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "alias.txt",
                "dangling",
                "lib/real.txt",
                "lib/up",
                "other",
                "root"
            ]
        );
        let files: Files = files
            .into_iter()
            .filter(|(name, _)| name != "root")
            .collect();
        pack(&zip, &files, Links::Keep).expect("as the test says");
        let out = place.path().join("kept");
        unpack(&zip, &out).expect("as the test says");
        assert_eq!(
            fs::read_link(out.join("alias.txt")).expect("as the test says"),
            Path::new("lib/real.txt")
        );
    }

    #[test]
    fn nothing_gets_out_of_the_folder() {
        let place = folder();
        let cases: [&[(&str, Option<&str>)]; 6] = [
            &[("../escaped", None)],
            &[("a/../../escaped", None)],
            &[("link", Some("../escaped"))],
            &[("link", Some("/etc"))],
            &[("a/link", Some("../../escaped"))],
            &[("link", Some("a/../../escaped"))],
        ];
        for (index, entries) in cases.iter().enumerate() {
            let zip = place.path().join(format!("{index}.zip"));
            forged(&zip, entries);
            let out = place.path().join(format!("out{index}/in"));
            let error = unpack(&zip, &out).expect_err("an error").to_string();
            assert!(
                error.contains("leads out of the folder"),
                "{entries:?}: {error}"
            );
            assert!(!place.path().join(format!("out{index}/escaped")).exists());
        }
        // An absolute name is taken as one below, or refused; never as what it says.
        let zip = place.path().join("absolute.zip");
        let target = place.path().join("absolute-target");
        forged(&zip, &[(target.to_str().expect("as the test says"), None)]);
        let _ = unpack(&zip, &place.path().join("absolute"));
        assert!(!target.exists());
    }

    #[test]
    fn a_name_through_a_link_of_the_same_archive_does_not_lead_out() {
        let place = folder();
        let zip = place.path().join("x.zip");
        forged(&zip, &[("d", Some("e")), ("d/file", None)]);
        let out = place.path().join("out");
        let _ = unpack(&zip, &out);
        assert!(!out.join("e/file").exists());
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let place = folder();
        let source = place.path().join("source");
        write(&source, "zeros", &"\0".repeat(100_000), 0o644);
        let zip = place.path().join("x.zip");
        pack(
            &zip,
            &files_below(&source, &[]).expect("as the test says"),
            Links::Follow,
        )
        .expect("as the test says");
        assert!(fs::metadata(&zip).expect("as the test says").len() < 2000);
        let out = place.path().join("out");
        let error = unpack_within(&zip, &out, 50_000)
            .expect_err("an error")
            .to_string();
        assert!(error.contains("larger than 50000 bytes"), "{error}");
        assert!(!out.join("zeros").exists());
        unpack_within(&zip, &out, 100_000).expect("as the test says");
    }

    #[test]
    fn what_is_no_archive_is_an_error() {
        let place = folder();
        let zip = place.path().join("x.zip");
        fs::write(&zip, "not a zip").expect("as the test says");
        assert!(unpack(&zip, &place.path().join("out")).is_err());
    }
}
