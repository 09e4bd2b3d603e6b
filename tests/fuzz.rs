//! The targets of the fuzzer, driven by numbers that are the same in every run.

pub mod targets;

use crate::properties::{Dice, files, mutilated};
use targets::{fault, variables_fault};

/// Pieces that a variable may be made of.
const PIECES: [&str; 48] = [
    "${",
    "}",
    "$",
    "\\",
    "(",
    ")",
    ":",
    ",",
    " ",
    "\n",
    ".",
    "'",
    "\"",
    "/",
    "0",
    "1",
    "-",
    "~",
    "self:",
    "custom.",
    "a",
    "b",
    "c",
    "opt:",
    "env:E",
    "param:p",
    "file(",
    "f.yml",
    "f.json",
    "f.txt",
    "ssm:",
    "/a",
    "/b",
    "/c",
    "/d",
    "/e",
    "secret:a",
    ".k",
    "s3:b/k",
    "cf:s.o",
    "git:",
    "branch",
    "aws:accountId",
    "strToBool",
    "${self:custom.",
    "é",
    "sls:stage",
    "null",
];

fn document(dice: &mut Dice) -> String {
    let mut text = String::from(if dice.roll(2) == 0 { "!\n" } else { "" });
    for _ in 0..=dice.roll(60) {
        text.push_str(PIECES[dice.roll(PIECES.len())]);
    }
    if dice.roll(2) == 0 {
        text.push_str("\n%\nk: ${self:custom.a}\nl: [1, {m: !Ref x}]\n");
    }
    text
}

#[test]
fn texts_made_of_pieces_of_variables_are_answered() {
    let mut dice = Dice(0x5851_f42d_4c95_7f2d);
    for number in 0..6_000 {
        let text = document(&mut dice);
        assert_eq!(variables_fault(&text), None, "number {number}:\n{text}");
    }
}

#[test]
fn the_texts_of_real_files_are_answered() {
    let mut dice = Dice(0x1405_7b7e_f767_814f);
    for (path, text) in files() {
        for text in [text.clone(), mutilated(&text, &mut dice)] {
            assert_eq!(variables_fault(&text), None, "{}:\n{text}", path.display());
        }
    }
}

/// Files in which the fuzzer found a fault.
const FOUND: [&str; 2] = [
    // No room for the name of a bucket beside that of the region.
    "service: shop\nsource: {codecommit: shop}\nstages:\n  - deploy:\n      region: \"#44444444444444444444444444444444444\
     444444444444444444444444444444444444444444444{variables.region}\"\n      s3: {bucket: shop-pages}\n",
    // A message of several lines.
    "service: a\ncustom:\n  script: |\n    echo ${ssm:/a\n    echo ${self:custom.b,\n      'x'} ${self:\n\n      no}\n",
];

#[test]
fn what_the_fuzzer_found_is_answered() {
    for text in FOUND {
        assert_eq!(fault(text), None, "{text}");
    }
}
