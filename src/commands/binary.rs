//! The pipectl that a self-updating build runs: this one, if it is for the systems that builds run on.

use std::io::{BufReader, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::compile::Binary;

/// The newest glibc that a binary may need: Amazon Linux 2 has this.
const GLIBC_MINOR: u32 = 26;

/// Names another file than the running one, e.g. a Linux build on a desk with another system.
const OTHER: &str = "PIPECTL_BINARY";

/// The binary, if there is one that builds can run.
pub(super) fn find() -> Option<Binary> {
    let path = match std::env::var_os(OTHER).filter(|path| !path.is_empty()) {
        Some(path) => path.into(),
        None => std::env::current_exe().ok()?,
    };
    read(&path)
}

fn read(path: &Path) -> Option<Binary> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    BufReader::new(file).read_to_end(&mut bytes).ok()?;
    let arch = architecture(&bytes)?;
    if newest_glibc(&bytes) > GLIBC_MINOR {
        return None;
    }
    let digest = Sha256::digest(&bytes);
    Some(Binary {
        sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        path: path.display().to_string(),
        arch: arch.to_owned(),
    })
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

/// The newest `GLIBC_2.x` that the program names; 0 for a static one.
fn newest_glibc(bytes: &[u8]) -> u32 {
    const MARK: &[u8] = b"GLIBC_2.";
    // Names of versions stand in the dynamic string table, each between two zero bytes.
    bytes
        .windows(MARK.len() + 1)
        .enumerate()
        .filter(|(_, window)| window.starts_with(b"\0") && window.ends_with(MARK))
        .filter_map(|(at, window)| {
            let digits: String = bytes[at + window.len()..]
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .map(|byte| char::from(*byte))
                .collect();
            digits.parse().ok()
        })
        .max()
        .unwrap_or(0)
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
    fn machine_and_glibc_decide() {
        assert_eq!(architecture(&elf(62, b"")), Some("x86_64"));
        assert_eq!(architecture(&elf(183, b"")), Some("arm64"));
        assert_eq!(architecture(b"#!/bin/sh\n"), None);
        let tail = b"\0GLIBC_2.2.5\0GLIBC_2.17\0x GLIBC_2.99\0";
        assert_eq!(newest_glibc(&elf(62, tail)), 17);
        assert_eq!(newest_glibc(&elf(62, b"static")), 0);
    }

    #[test]
    fn a_binary_that_needs_a_newer_system_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).expect("written");
            path
        };
        assert!(read(&write("new", &elf(62, b"\0GLIBC_2.39\0"))).is_none());
        let old = read(&write("old", &elf(62, b"\0GLIBC_2.26\0"))).expect("fits");
        assert_eq!(old.arch, "x86_64");
        assert_eq!(old.sha256.len(), 64);
    }
}
