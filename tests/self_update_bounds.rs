//! Where a self-update has to stop before it has a plan, and what it runs.

use std::fs;

use crate::cloud_failures::{Server, keys, refusal};
use crate::support::program::{Output, Place, finish};

const FILE: &str = "\
service: hw
provider: {region: eu-west-1}
source: {codecommit: \"${ssm:/hw/repository}\", branch: main}
stages:
  - selfUpdate
  - build: make
";

fn place(file: &str) -> Place {
    let place = Place::new();
    place.write("ci/pipeline.yml", file);
    fs::create_dir(place.path().join(".git")).expect("a repository");
    place
}

#[test]
fn what_it_may_not_read_is_for_a_desk() {
    let place = place(FILE);
    let server = Server::start(|_, _| {
        refusal(
            "AccessDeniedException",
            "User: arn:aws:sts::123456789012:assumed-role/hw-SelfUpdate-build-eu-west-1/b is not authorized to perform: ssm:GetParameters on resource: arn:aws:ssm:eu-west-1:123456789012:parameter/hw/repository",
        )
    });
    let apply = |update: bool| -> Output {
        let mut command = place.command(&["apply", "--yes", "-f", "ci/pipeline.yml", "-s", "prod"]);
        command
            .args(["--param", "greeting=it's me"])
            .envs(keys())
            .env("AWS_ENDPOINT_URL", server.url());
        if update {
            command.env("PIPECTL_SELF_UPDATE", "hw");
        }
        finish(&mut command)
    };
    let desk =
        r"pipectl apply -f ci/pipeline.yml -r eu-west-1 -s prod --param 'greeting=it'\''s me'";
    let in_build = apply(true);
    assert_eq!(in_build.code, 3, "{}", in_build.said());
    let words = |output: &Output| {
        output
            .err()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert!(
        words(&in_build).contains("ssm:GetParameters"),
        "{}",
        in_build.said()
    );
    assert!(words(&in_build).contains(desk), "{}", in_build.said());
    let at_desk = apply(false);
    assert_eq!(at_desk.code, 3, "{}", at_desk.said());
    assert!(!words(&at_desk).contains("at a desk"), "{}", at_desk.said());
}

/// The beginning of a Linux program for a machine, and the names it holds.
fn elf(machine: u8, names: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(18, 0);
    bytes.extend([machine, 0]);
    bytes.extend(names);
    bytes.resize(bytes.len() + 64, 0);
    bytes
}

#[test]
fn a_pipectl_that_cannot_run_in_the_image_ends_the_apply() {
    const X86_64: u8 = 62;
    const ARM: u8 = 183;
    let file = FILE.replace("\"${ssm:/hw/repository}\"", "r");
    let place = place(&file);
    let glibc = b"/lib64/ld-linux-x86-64.so.2\0GLIBC_2.99\0";
    for (what, bytes, why) in [
        ("of another machine", elf(ARM, b""), "arm64"),
        ("for a newer glibc", elf(X86_64, glibc), "glibc 2.99"),
        (
            "for musl",
            elf(X86_64, b"/lib/ld-musl-x86_64.so.1\0"),
            "musl",
        ),
        ("no program", b"#!/bin/sh\n".to_vec(), "no Linux program"),
    ] {
        place.write("program", bytes);
        for verb in [&["plan"][..], &["apply", "--yes"]] {
            let arguments = [verb, &["--sandbox", "-f", "ci/pipeline.yml"]].concat();
            let output = finish(place.command(&arguments).env("PIPECTL_BINARY", "program"));
            assert_ne!(output.code, 0, "{what}: {}", output.said());
            assert!(output.err().contains(why), "{what}: {}", output.said());
        }
        assert!(place.files().iter().all(|file| !file.ends_with("lock")));
    }
    place.write("program", elf(X86_64, b""));
    let arguments = ["apply", "--yes", "--sandbox", "-f", "ci/pipeline.yml"];
    let output = finish(place.command(&arguments).env("PIPECTL_BINARY", "program"));
    assert_eq!(output.code, 0, "{}", output.said());
    // what ends nothing: an image that may have a pipectl of its own, and taking everything down again
    place.write("program", elf(ARM, b""));
    let gone = ["destroy", "--yes", "--sandbox", "-f", "ci/pipeline.yml"];
    let output = finish(place.command(&gone).env("PIPECTL_BINARY", "program"));
    assert_eq!(output.code, 0, "{}", output.said());
    place.write(
        "ci/pipeline.yml",
        file.replace("- selfUpdate", "- selfUpdate: {image: 'python:3.12'}"),
    );
    let output = finish(place.command(&arguments).env("PIPECTL_BINARY", "program"));
    assert_eq!(output.code, 0, "{}", output.said());
    assert!(
        output.err().contains("self-update-binary"),
        "{}",
        output.said()
    );
}
