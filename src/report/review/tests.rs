use super::*;
use crate::diagnostic::Diagnostic;
use crate::source::{Sources, Span};

fn found() -> (Sources, Vec<Diagnostic>) {
    let mut sources = Sources::new();
    let file = sources.add("a b/<p>.yml", "service: x\nstages: [\u{e4}]\n");
    let list = vec![
        Diagnostic::error(
            "artifact-unknown",
            Span::new(file, 20, 22),
            "stages[0]",
            "no, `100%`: <a> & \"b\"",
        )
        .related(Span::new(file, 0, 7), "here")
        .help("write\nthis"),
        Diagnostic::warning("key-unknown", Span::new(file, 0, 7), "service", "two"),
        Diagnostic::warning("key-unknown", Span::new(file, 0, 7), "service", "two"),
    ];
    (sources, list)
}

#[test]
fn github_escapes_what_its_commands_use() {
    let (sources, list) = found();
    let text = github(&sources, &list, &[]);
    assert_eq!(
        text.lines().next(),
        Some(
            "::error file=a b/<p>.yml,line=2,col=10,endLine=2,endColumn=11,title=artifact-unknown::no, `100%25`: <a> & \"b\"%0Awrite%0Athis"
        )
    );
}

#[test]
fn junit_is_xml() {
    let (sources, list) = found();
    let text = junit(&sources, &list, &["ok.yml".to_owned()], &[]);
    assert!(text.contains("tests=\"4\" failures=\"3\""), "{text}");
    assert!(text.contains("<testcase classname=\"ok.yml\" name=\"validate\"/>"));
    assert!(text.contains("message=\"no, `100%`: &lt;a&gt; &amp; &quot;b&quot;\""));
}

#[test]
fn fingerprints_are_each_its_own() {
    let (sources, list) = found();
    let issues = serde_json::to_value(gitlab(&sources, &list)).expect("JSON");
    let prints: std::collections::BTreeSet<&str> = issues
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|issue| issue["fingerprint"].as_str())
        .collect();
    assert_eq!(prints.len(), 3);
}

#[test]
fn sarif_describes_its_rules_and_places() {
    let (sources, list) = found();
    let log = sarif(&sources, &list, &[]);
    let run = &log["runs"][0];
    assert_eq!(
        run["tool"]["driver"]["rules"].as_array().map(Vec::len),
        Some(2)
    );
    let first = &run["results"][0];
    let region = &first["locations"][0]["physicalLocation"];
    assert_eq!(region["artifactLocation"]["uri"], "a%20b/%3Cp%3E.yml");
    assert_eq!(region["region"]["startColumn"], 10);
    assert_eq!(
        run["tool"]["driver"]["rules"][first["ruleIndex"].as_u64().expect("a number") as usize]["id"],
        "artifact-unknown"
    );
}
