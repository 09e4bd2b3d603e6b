//! Bad input and bad weather: every message word for word.
//!
//! `tests/cases/weather/<case>/` holds the files that lie around, and `session.txt`: lines `<exit code> $ <command>`
//! as a person wrote them, each followed by what the command says (`| ` stdout, `! ` stderr). `BLESS=1` rewrites what
//! is said, never the exit codes.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::program::{Output, Place, finish};

const SESSION: &str = "session.txt";

/// What cannot lie in a case folder.
fn prepare(case: &str, place: &Place) {
    match case {
        "binary" => {
            place.write("pipeline.yml", b"\x7fELF\x02\x01\x01\0\0\0");
        }
        "latin-1" => {
            place.write("pipeline.yml", b"service: a\n# caf\xe9\n");
        }
        "utf-16" => {
            let text: Vec<u8> = "service: a\n"
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect();
            place.write("pipeline.yml", [&[0xff, 0xfe][..], &text].concat());
        }
        "large" => {
            place.write("pipeline.yml", "# comment\n".repeat(1_100_000));
        }
        "folder" => {
            fs::create_dir(place.path().join("pipeline.yml")).expect("a folder");
        }
        "unwritable" => {
            // Not even root makes a folder where a file lies.
            place.write("taken", "");
        }
        _ => {}
    }
}

/// The words of a command line, double and single quotes as in a shell.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_with(String::new);
            }
            (None, ' ') => words.extend(word.take()),
            _ => word.get_or_insert_with(String::new).push(c),
        }
    }
    words.extend(word);
    words
}

/// `NAME=value … pipectl arguments… < file > file`: what goes to a file is not shown.
fn run(line: &str, place: &Place) -> Output {
    let (line, output) = match line.split_once(" > ") {
        Some((line, file)) => (line, Some(file)),
        None => (line, None),
    };
    let (line, input) = match line.split_once(" < ") {
        Some((line, file)) => (line, Some(file)),
        None => (line, None),
    };
    let words = words(line);
    let at = words
        .iter()
        .position(|word| word == "pipectl")
        .unwrap_or_else(|| panic!("`{line}` runs no pipectl"));
    let arguments: Vec<&str> = words[at + 1..].iter().map(String::as_str).collect();
    let mut command = place.command(&arguments);
    for setting in &words[..at] {
        let (name, value) = setting.split_once('=').expect("NAME=value");
        command.env(name, value);
    }
    if let Some(file) = input {
        command.stdin(fs::File::open(place.path().join(file)).expect("the input"));
    }
    let mut ran = finish(&mut command);
    if let Some(file) = output {
        place.write(file, std::mem::take(&mut ran.stdout));
    }
    ran
}

fn shown(mark: char, text: &str) -> String {
    text.lines()
        .map(|line| format!("{mark} {line}").trim_end().to_owned() + "\n")
        .collect()
}

/// Plays a session: the text as it is now, and commands that ended with another code than the session says.
fn play(session: &str, place: &Place) -> (String, Vec<String>) {
    let (mut text, mut wrong) = (String::new(), Vec::new());
    for line in session.lines() {
        if line.starts_with(['|', '!']) {
            continue;
        }
        text.push_str(line);
        text.push('\n');
        let Some((code, command)) = line.split_once(" $ ") else {
            assert!(
                line.is_empty() || line.starts_with('#'),
                "`{line}` is neither command nor comment"
            );
            continue;
        };
        let ran = run(command, place);
        // A path of the machine is no part of a message.
        let here = place.path().display().to_string();
        text.push_str(&shown('|', &ran.out().replace(&here, "<here>")));
        text.push_str(&shown('!', &ran.err().replace(&here, "<here>")));
        if code.parse() != Ok(ran.code) {
            wrong.push(format!("`{command}` ended with {}, not {code}", ran.code));
        }
    }
    (text, wrong)
}

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/weather");
    let mut cases: Vec<PathBuf> = fs::read_dir(root)
        .expect("the cases")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    cases.sort();
    cases
}

#[test]
fn every_trouble_is_told_in_these_words() {
    let bless = std::env::var_os("BLESS").is_some();
    let only = std::env::var("CASE").ok();
    let mut wrong = Vec::new();
    let cases = cases();
    assert!(cases.len() > 20, "only {} cases", cases.len());
    for folder in cases {
        let case = folder.file_name().expect("a name").to_string_lossy();
        if only.as_ref().is_some_and(|only| *only != case) {
            continue;
        }
        let place = Place::new();
        place.copy(&folder);
        fs::remove_file(place.path().join(SESSION)).expect("a session");
        prepare(&case, &place);
        let session = fs::read_to_string(folder.join(SESSION)).expect("a session");
        let (now, codes) = play(&session, &place);
        wrong.extend(codes.iter().map(|why| format!("{case}: {why}")));
        if bless {
            fs::write(folder.join(SESSION), &now).expect("written");
        } else if now != session {
            wrong.push(format!(
                "{case}: said otherwise (BLESS=1 rewrites)\n--- expected\n{session}--- said\n{now}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A result that nobody gets is no success.
#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let place = Place::new();
    place.copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/weather/two-stages"));
    for (arguments, code) in [
        (&["compile", "--offline"][..], 3),
        (&["plan", "--sandbox", "--format", "json"], 3),
        (&["plan", "--sandbox", "--exit-code"], 3),
        (&["schema"], 3),
        (&["--help"], 3),
        (&["validate", "session.txt"], 1),
    ] {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("the device");
        let ran = finish(place.command(arguments).stdout(full));
        assert_eq!(ran.code, code, "{arguments:?}: {}", ran.said());
        assert!(
            ran.err().contains("the result cannot be written"),
            "{arguments:?}: {}",
            ran.said()
        );
    }
}
