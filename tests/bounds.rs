//! Files that nobody writes end soon, and what is said of them is bounded: that they end is the test.

use std::fmt::Write as _;

use serde_json::Value;

use crate::support::program::{Output, Place, finish};

const HEAD: &str = "service: s\nprovider: {region: us-east-1}\nsource: {s3: source-bucket/k.zip}\n";
const STAGES: &str = "stages: [{name: A, unit: make}]\n";

/// More bytes than anybody reads of one answer for people.
const PAGE: usize = 2_000_000;

struct Checked(Place);

impl Checked {
    fn new(text: &str) -> Self {
        let place = Place::new();
        place.write("pipeline.yml", text);
        Self(place)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut all = vec!["validate"];
        all.extend(arguments);
        finish(&mut self.0.command(&all))
    }

    /// Errors and warnings, as counted, and the codes of what is listed.
    fn counts(&self) -> (u64, u64, Vec<String>) {
        let ran = self.run(&["--format", "json"]);
        assert!(ran.code <= 1, "{}", ran.err());
        let answer: Value = serde_json::from_slice(&ran.stdout).unwrap();
        let count = |name: &str| answer["summary"][name].as_u64().unwrap();
        let list = answer["diagnostics"].as_array().unwrap();
        let mut codes: Vec<String> = list
            .iter()
            .map(|one| one["code"].as_str().unwrap().to_owned())
            .collect();
        codes.dedup();
        (count("errors"), count("warnings"), codes)
    }
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut text, number| {
        let _ = writeln!(text, "{}", line(number));
        text
    })
}

/// What no file of this size may have, and what is said of it.
#[test]
fn values_by_the_ten_thousand_are_fine() {
    const N: usize = 30_000;
    for (name, text) in [
        ("keys", lines(N, |n| format!("  k{n}: x"))),
        (
            "one value for all",
            format!(
                "  k: 1\n{}",
                lines(N, |n| format!("  k{n}: ${{self:custom.k}}"))
            ),
        ),
        (
            "each its own",
            lines(N, |n| format!("  k{n}: ${{self:custom.l{n}}}\n  l{n}: 1")),
        ),
        (
            "a chain",
            format!(
                "{}  k{N}: x\n",
                lines(N, |n| format!("  k{n}: ${{self:custom.k{}}}", n + 1))
            ),
        ),
        (
            "a text of many",
            format!("  k: 1\n  all: '{}'\n", "${self:custom.k} ".repeat(N)),
        ),
        (
            "aliases",
            format!("  k: &k x\n{}", lines(N, |n| format!("  k{n}: *k"))),
        ),
        (
            "what nobody knows offline",
            lines(N, |n| format!("  k{n}: ${{ssm:/k{n}}}")),
        ),
        (
            "what a shell reads",
            format!("  k: '{}'\n", "${k::".repeat(N)),
        ),
    ] {
        let file = Checked::new(&format!("{HEAD}{STAGES}custom:\n{text}"));
        assert_eq!(file.counts(), (0, 0, Vec::new()), "{name}");
    }
}

/// Every one of them is wrong, and the count is right.
#[test]
fn findings_by_the_ten_thousand_are_counted() {
    const N: usize = 12_000;
    let custom = |text: String| format!("{HEAD}{STAGES}custom:\n{text}");
    for (name, text) in [
        (
            "keys",
            format!("{HEAD}{STAGES}{}", lines(N, |n| format!("k{n}: x"))),
        ),
        (
            "duplicates",
            custom(format!("  k: x\n{}", "  k: x\n".repeat(N))),
        ),
        (
            "no value",
            custom(lines(N, |n| format!("  k{n}: ${{self:custom.l{n}}}"))),
        ),
        (
            "no source",
            custom(lines(N, |n| format!("  k{n}: ${{foo:l{n}}}"))),
        ),
        (
            "not closed",
            custom(lines(N, |n| format!("  k{n}: ${{self:l{n}"))),
        ),
        ("tags", custom(lines(N, |n| format!("  k{n}: !Sub x")))),
        (
            "one line",
            custom(format!(
                "  {{{}}}\n",
                (0..N).fold(String::new(), |text, n| text + &format!("é{n}: !x y, "))
            )),
        ),
    ] {
        let file = Checked::new(&text);
        let (errors, _, codes) = file.counts();
        // The one that counts the others is one more.
        assert_eq!(errors, 10_001, "{name}");
        assert_eq!(
            codes.last().map(String::as_str),
            Some("findings-left-out"),
            "{name}"
        );
        for format in ["text", "github", "gitlab", "junit", "sarif"] {
            let ran = file.run(&["--format", format]);
            assert_eq!(ran.code, 1, "{name}: {}", ran.err());
            assert!(ran.out().contains("2000 errors more"), "{name} {format}");
            if matches!(format, "text" | "github") {
                assert!(
                    ran.stdout.len() < PAGE,
                    "{name} {format}: {}",
                    ran.stdout.len()
                );
                let rest = "9000 findings more are not shown: 9000 errors";
                assert!(ran.out().contains(rest), "{name} {format}");
            }
        }
    }
}

#[test]
fn lists_that_nobody_can_mean_are_read_in_part() {
    const N: usize = 20_000;
    let needs = |n: usize| match n {
        0 => String::new(),
        n => format!(", needs: S{}", n - 1),
    };
    for (name, text) in [
        (
            "stages",
            lines(N, |n| format!("  - {{name: S{n}, unit: make}}")),
        ),
        (
            "stages of one name",
            "  - {name: S, unit: make}\n".repeat(N),
        ),
        (
            "artifacts",
            lines(N, |n| {
                format!("  - {{name: S{n}, build: {{run: make, artifacts: out, output: O{n}}}}}")
            }),
        ),
        (
            "actions",
            "  - name: A\n    actions:\n".to_owned()
                + &lines(N, |n| {
                    format!("      - {{name: S{n}, unit: make{}}}", needs(n))
                }),
        ),
    ] {
        let (errors, _, codes) = Checked::new(&format!("{HEAD}stages:\n{text}")).counts();
        assert!(
            errors > 0 && codes.iter().any(|code| code == "list-too-long"),
            "{name}: {codes:?}"
        );
    }
    let pipelines = lines(2_000, |n| {
        format!(
            "  p{n}: {{source: {{s3: source-bucket/k.zip}}, stages: [{{name: A, unit: make}}]}}"
        )
    });
    let text = format!("service: s\nprovider: {{region: us-east-1}}\npipelines:\n{pipelines}");
    // One role builds for all of them, and reads the output of each: more than IAM takes, which is true.
    let (_, warnings, codes) = Checked::new(&text).counts();
    assert_eq!((warnings, codes), (0, vec!["policy-too-large".to_owned()]));
}

#[test]
fn a_line_of_a_megabyte_is_cut_around_its_place() {
    let long = "x".repeat(1_000_000);
    for (name, text, code, place) in [
        (
            "before",
            format!("custom: {{a: '{long}', b: 1, b: 2}}\n"),
            "key-duplicate",
            "b: 2",
        ),
        (
            "behind",
            format!("custom: {{b: 1, b: 2, a: '{long}'}}\n"),
            "key-duplicate",
            "b: 1, b: 2",
        ),
        (
            "the place",
            format!("requiredVersion: {long}\n"),
            "value-invalid",
            "xxx",
        ),
        (
            "wide",
            format!("custom: {{a: '{}', b: 1, b: 2}}\n", "漢🚀é".repeat(100_000)),
            "key-duplicate",
            "b: 2",
        ),
        (
            "beside",
            format!("custm: 1\ncustom: {{a: '{long}'}}\n"),
            "key-unknown",
            "custm: 1",
        ),
    ] {
        let file = Checked::new(&format!("{HEAD}{STAGES}{text}"));
        let (errors, _, codes) = file.counts();
        assert_eq!((errors, codes), (1, vec![code.to_owned()]), "{name}");
        let ran = file.run(&[]);
        assert!(
            ran.stdout.len() < 10_000,
            "{name}: {} bytes",
            ran.stdout.len()
        );
        assert!(ran.out().contains(place), "{name}: {}", ran.out());
        assert!(
            ran.out().lines().all(|line| line.chars().count() < 1_200),
            "{name}: {}",
            ran.out()
        );
    }
}

#[test]
fn depth_and_bombs_are_refused_where_they_begin() {
    let bomb: String = ('b'..='t').zip('a'..).fold(
        String::from("a: &a [x, x, x, x, x, x, x, x, x]\n"),
        |text, (new, old)| {
            text + &format!(
                "{new}: &{new} [{}]\n",
                vec![format!("*{old}"); 9].join(", ")
            )
        },
    );
    for (name, text, code) in [
        ("lists", format!("a: {}", "[".repeat(300_000)), "yaml-depth"),
        (
            "maps",
            format!("a: {}", "{a: ".repeat(100_000)),
            "yaml-depth",
        ),
        ("dashes", "- ".repeat(300_000), "yaml-depth"),
        (
            "steps",
            lines(3_000, |n| format!("{}a:", " ".repeat(n))),
            "yaml-depth",
        ),
        ("bomb", bomb, "yaml-alias-budget"),
    ] {
        let (errors, _, codes) = Checked::new(&text).counts();
        assert_eq!((errors, codes), (1, vec![code.to_owned()]), "{name}");
    }
}

/// A file that holds itself several times over would be read a million times.
#[test]
fn a_text_that_holds_itself_is_refused_where_it_begins() {
    let checked = Checked::new(&format!(
        "service: a\ncustom: {{a: '${{file(bomb.txt)}}'}}\n{STAGES}source: {{s3: bucket/k.zip}}\n"
    ));
    checked.0.write("bomb.txt", "${file(bomb.txt)} ".repeat(4));
    let (errors, _, codes) = checked.counts();
    // Too often replaced, and too many.
    assert_eq!((errors, codes), (2, vec!["variable-depth".to_owned()]));
}

#[test]
fn comments_by_the_thousand_take_back_what_stands_beside_them() {
    const N: usize = 5_000;
    let key = |n: usize| format!("k{n}: x # pipectl: ignore[key-unknown]");
    let (errors, ..) = Checked::new(&format!("{HEAD}{STAGES}{}", lines(N, key))).counts();
    // What pipectl cannot read is not taken back by a comment.
    assert_eq!(errors, N as u64);
    let idle = |n: usize| format!("  k{n}: x # pipectl: ignore[stage-empty]");
    let text = format!("{HEAD}{STAGES}custom:\n{}", lines(N, idle));
    assert_eq!(
        Checked::new(&text).counts(),
        (0, N as u64, vec!["ignore-unused".to_owned()])
    );
}

/// The answer does not depend on which thread was first.
#[test]
fn many_files_are_answered_in_their_order() {
    let place = Place::new();
    let names: Vec<String> = (0..60).map(|n| format!("{n:02}.yml")).collect();
    for (number, name) in names.iter().enumerate() {
        let wrong = if number % 3 == 0 { "bad: 1\n" } else { "" };
        place.write(name, format!("{HEAD}{STAGES}{wrong}"));
    }
    let mut arguments = vec!["validate", "--format", "json"];
    arguments.extend(names.iter().map(String::as_str));
    let run = || finish(&mut place.command(&arguments)).stdout;
    let first = run();
    let answer: Value = serde_json::from_slice(&first).unwrap();
    let files: Vec<&str> = answer["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["file"].as_str().unwrap())
        .collect();
    let wrong: Vec<&str> = names.iter().map(String::as_str).step_by(3).collect();
    assert_eq!(files, wrong);
    for _ in 0..5 {
        assert_eq!(run(), first);
    }
}
