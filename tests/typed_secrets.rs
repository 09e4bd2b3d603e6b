//! A token that somebody types, into the file or on the command line, where a reference to a secret belongs: it works,
//! is warned of, and is neither shown nor kept anywhere but where secrets are kept.

use std::fs;

use serde_json::Value;

use crate::support::program::{Output, Place, finish};

const TOKEN: &str = "ghpTYPEDq7Zk2Xw9Lr4";

fn file(token: &str) -> String {
    format!(
        "service: hw\nsource: {{github: o/r, branch: main, token: {token}}}\nstages:\n  - build: make\n"
    )
}

fn place(token: &str) -> Place {
    let place = Place::new();
    place.write("pipeline.yml", file(token));
    place
}

fn run(place: &Place, arguments: &[&str]) -> Output {
    finish(&mut place.command(arguments))
}

fn expect_unseen(what: &str, output: &Output) {
    let said = output.said();
    assert!(!said.contains(TOKEN), "{what} shows the token:\n{said}");
}

#[test]
fn a_token_in_the_file_is_warned_of_and_not_shown() {
    let place = place(TOKEN);
    for format in ["text", "json", "sarif", "github", "gitlab", "junit"] {
        let output = run(&place, &["validate", "--format", format]);
        assert_eq!(output.code, 0, "{}", output.said());
        assert!(
            output.out().contains("secret-plaintext"),
            "{}",
            output.said()
        );
        expect_unseen(format, &output);
    }
    // the places beside it are shown as they are
    let text = run(&place, &["validate"]).out();
    let stars = "*".repeat(TOKEN.len());
    let line = format!("source: {{github: o/r, branch: main, token: {stars}}}");
    assert!(text.contains(&line), "{text}");
    for arguments in [
        &["compile", "--offline", "-r", "us-east-1"][..],
        &["compile", "--sandbox", "--explain"],
        &["compile", "--sandbox", "--format", "cloudformation"],
        &["plan", "--sandbox", "-vvv", "--out", "changes.plan"],
        &["plan", "--sandbox", "--format", "json"],
        &["apply", "--sandbox", "-vvv", "--yes"],
        &["plan", "--sandbox", "--exit-code"],
        &["status", "--sandbox"],
        &["graph"],
        &["print"],
        &["print", "--path", "source"],
        &["print", "--explain"],
    ] {
        let output = run(&place, arguments);
        assert_eq!(output.code, 0, "{arguments:?} {}", output.said());
        expect_unseen(&arguments.join(" "), &output);
    }
    let plan = fs::read_to_string(place.path().join("changes.plan")).expect("a plan");
    assert!(!plan.contains(TOKEN));
}

#[test]
fn a_token_of_the_command_line_stands_in_no_plan() {
    let place = place("\"${param:token}\"");
    let param = format!("token={TOKEN}");
    let words = [
        "plan",
        "--sandbox",
        "--out",
        "changes.plan",
        "--param",
        "colour=blue",
    ];
    let planned = run(&place, &[&words[..], &["--param", &param]].concat());
    assert_eq!(planned.code, 0, "{}", planned.said());
    expect_unseen("plan", &planned);
    let plan = fs::read_to_string(place.path().join("changes.plan")).expect("a plan");
    assert!(!plan.contains(TOKEN), "{plan}");
    let plan: Value = serde_json::from_str(&plan).expect("JSON");
    assert_eq!(
        plan["arguments"]["params"],
        serde_json::json!(["colour=blue"])
    );
    let without = run(&place, &["apply", "changes.plan"]);
    assert_eq!(without.code, 64, "{}", without.said());
    let help = "pipectl apply changes.plan --param token=VALUE";
    assert!(without.err().contains(help), "{}", without.said());
    let applied = run(&place, &["apply", "changes.plan", "--param", &param]);
    assert_eq!(applied.code, 0, "{}", applied.said());
    expect_unseen("apply", &applied);
    let again = [
        &["plan", "--sandbox", "--exit-code", "--param", "colour=blue"],
        &["--param", param.as_str()][..],
    ]
    .concat();
    let again = run(&place, &again);
    assert_eq!(again.code, 0, "{}", again.said());
}
