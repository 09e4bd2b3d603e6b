//! What is measured: files as people write them, and one that nobody writes.

#![allow(
    unreachable_pub,
    reason = "a module of one benchmark, a crate for the other"
)]

use std::fmt::Write as _;

/// Five stages: a source, a build, two deployments with tests and an approval between.
pub const TYPICAL: &str = include_str!("../examples/web-monitor/pipeline.yml");

/// The most that is read of a file.
pub const LARGE: usize = 10_000_000;

/// A file of almost so many bytes: a small pipeline, and values of many kinds, some of which refer to others.
pub fn large(bytes: usize) -> String {
    let mut text = String::from(
        "service: large\nprovider: {region: us-east-1}\nsource: {s3: source-bucket/app.zip}\n\
         stages: [{name: Build, build: make}]\ncustom:\n  base: shop\n",
    );
    let mut entry = String::new();
    for number in 0.. {
        entry.clear();
        let _ = write!(
            entry,
            "  service{number:06}:\n    name: 'service number {number}'\n    region: eu-west-1\n    size: {number}\n    \
             public: true\n    tags: [web, \"team {number}\", internal]\n    bucket: ${{self:custom.base}}-{number}\n    \
             # what it is for\n    description: >-\n      Serves what the others need,\n      day and night.\n"
        );
        if text.len() + entry.len() > bytes {
            break;
        }
        text.push_str(&entry);
    }
    text
}
