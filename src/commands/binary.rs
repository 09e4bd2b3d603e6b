//! The pipectl that a self-updating build runs: this one, or the one that is named instead.

use std::io::{BufReader, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::compile::{Binary, Libc};
use crate::error::Failure;

/// Names another file than the running one, e.g. a Linux build on a desk with another system.
const OTHER: &str = "PIPECTL_BINARY";

/// The pipectl that builds are to run; nothing where it is no Linux program.
pub(super) fn find() -> Result<Option<Binary>, Failure> {
    let Some(named) = std::env::var_os(OTHER).filter(|path| !path.is_empty()) else {
        let own = std::env::current_exe().ok();
        return Ok(own.and_then(|own| read(&own).ok().flatten()));
    };
    let path = Path::new(&named);
    let unfit = |why: &str| {
        Failure::failed(
            "binary-unreadable",
            format!("{OTHER} names {}, {why}", path.display()),
        )
        .help("name a pipectl for Linux that is there, or unset it")
    };
    match read(path) {
        Ok(Some(binary)) => Ok(Some(binary)),
        Ok(None) => Err(unfit("which is no Linux program for x86_64 or arm64")),
        Err(error) => Err(unfit(&format!("which cannot be read: {error}"))),
    }
}

/// Whether a person says which one it is.
pub(super) fn is_named() -> bool {
    std::env::var_os(OTHER).is_some_and(|path| !path.is_empty())
}

fn read(path: &Path) -> std::io::Result<Option<Binary>> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    BufReader::new(file).read_to_end(&mut bytes)?;
    let Some(arch) = architecture(&bytes) else {
        return Ok(None);
    };
    let digest = Sha256::digest(&bytes);
    Ok(Some(Binary {
        sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        path: path.display().to_string(),
        arch: arch.to_owned(),
        libc: libc(&bytes),
    }))
}

/// The machine of a Linux program; nothing for anything else.
fn architecture(bytes: &[u8]) -> Option<&'static str> {
    const X86_64: u8 = 62;
    const AARCH64: u8 = 183;
    // ELF, 64 bits, little endian; the machine stands at byte 18.
    if !bytes.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    match bytes.get(18..20)? {
        [X86_64, 0] => Some("x86_64"),
        [AARCH64, 0] => Some("arm64"),
        _ => None,
    }
}

/// The C library that the program loads, by the loader it names and the versions of symbols it asks for.
fn libc(bytes: &[u8]) -> Libc {
    // The name of the loader stands right after the headers.
    let head = &bytes[..bytes.len().min(4096)];
    let names = |name: &[u8]| head.windows(name.len()).any(|window| window == name);
    if names(b"/ld-musl-") {
        return Libc::Musl;
    }
    match newest_glibc(bytes) {
        Some(minor) => Libc::Glibc(minor),
        None if names(b"/ld-linux") => Libc::Glibc(0),
        None => Libc::Inside,
    }
}

/// The newest `GLIBC_2.x` that the program names; nothing for a static one.
fn newest_glibc(bytes: &[u8]) -> Option<u32> {
    // Names of versions stand in the dynamic string table, each between two zero bytes.
    const MARK: &[u8] = b"\0GLIBC_2.";
    bytes
        .windows(MARK.len())
        .enumerate()
        .filter(|(_, window)| *window == MARK)
        .filter_map(|(at, _)| {
            let name: String = bytes[at + MARK.len()..]
                .iter()
                .take_while(|byte| byte.is_ascii_digit() || **byte == b'.')
                .map(|byte| char::from(*byte))
                .collect();
            let whole = bytes.get(at + MARK.len() + name.len()) == Some(&0);
            let minor = name.split('.').next()?;
            whole.then(|| minor.parse().ok()).flatten()
        })
        .max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(machine: u8, tail: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(18, 0);
        bytes.extend([machine, 0]);
        bytes.extend(tail);
        bytes
    }

    #[test]
    fn the_machine_decides() {
        assert_eq!(architecture(&elf(62, b"")), Some("x86_64"));
        assert_eq!(architecture(&elf(183, b"")), Some("arm64"));
        assert_eq!(architecture(&elf(243, b"")), None);
        assert_eq!(architecture(b"#!/bin/sh\n"), None);
    }

    #[test]
    fn what_a_program_loads_is_seen() {
        let libc = |tail: &[u8]| libc(&elf(62, tail));
        let loader = b"/lib64/ld-linux-x86-64.so.2\0";
        let versions = b"\0GLIBC_2.2.5\0GLIBC_2.17\0x GLIBC_2.99\0GLIBC_2.x\0";
        assert_eq!(libc(&[&loader[..], versions].concat()), Libc::Glibc(17));
        assert_eq!(libc(loader), Libc::Glibc(0));
        assert_eq!(libc(b"/lib/ld-musl-x86_64.so.1\0"), Libc::Musl);
        assert_eq!(libc(b"nothing"), Libc::Inside);
        // A program that speaks of a version, as this one does, does not need it.
        assert_eq!(libc(b"\0GLIBC_2.{minor}\0needs GLIBC_2.40\0"), Libc::Inside);
    }

    #[test]
    fn a_program_is_known_by_its_digest() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pipectl");
        std::fs::write(&path, elf(183, b"")).expect("written");
        let found = read(&path).expect("read").expect("a program");
        assert_eq!((found.arch.as_str(), found.libc), ("arm64", Libc::Inside));
        assert_eq!(found.sha256.len(), 64);
        assert!(read(&folder.path().join("none")).is_err());
        std::fs::write(&path, "#!/bin/sh\n").expect("written");
        assert!(read(&path).expect("read").is_none());
    }
}
