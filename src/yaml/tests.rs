use super::*;

fn parsed(text: &str) -> (Option<Node>, Vec<Diagnostic>, Sources) {
    let mut sources = Sources::new();
    let file = sources.add("t.yml", text);
    let mut diagnostics = Diagnostics::new();
    let node = parse(&sources, file, &mut diagnostics);
    (node, diagnostics.into_sorted(), sources)
}

fn json(text: &str) -> serde_json::Value {
    let (node, diagnostics, _) = parsed(text);
    assert_eq!(diagnostics, Vec::new(), "{text}");
    node.expect("a tree").to_json()
}

/// The one finding of a text: code, the characters it stands at, help.
fn finding(text: &str) -> (&'static str, String, String) {
    let (_, diagnostics, sources) = parsed(text);
    assert_eq!(diagnostics.len(), 1, "{text}: {diagnostics:?}");
    let one = &diagnostics[0];
    (
        one.code,
        sources.slice(one.span).to_owned(),
        one.help.clone().unwrap_or_default(),
    )
}

#[test]
fn scalars_follow_the_core_schema() {
    let text = "[yes, on, 0777, 0o17, 0x10, 1_000, 12:30:45, 2024-02-03, 1.0, -3, ~, True, '5', 1e3, +12, .5, -]";
    let text = text.replace(", -]", "]");
    assert_eq!(
        json(&text),
        serde_json::json!([
            "yes",
            "on",
            777,
            15,
            16,
            "1_000",
            "12:30:45",
            "2024-02-03",
            1,
            -3,
            null,
            true,
            "5",
            1000,
            12,
            0.5
        ])
    );
}

#[test]
fn numbers_keep_their_written_text() {
    let (node, _, _) = parsed("a: 3.10\nb: 012345678901\n012345678901: x\n1.0: y\n");
    let node = node.expect("a tree");
    assert_eq!(
        node.get("a").and_then(Node::scalar_text).as_deref(),
        Some("3.10")
    );
    assert_eq!(
        node.get("b").and_then(Node::scalar_text).as_deref(),
        Some("012345678901")
    );
    assert!(node.get("012345678901").is_some());
    assert!(node.get("1").is_some());
}

#[test]
fn every_value_has_its_place() {
    let text = "a:\n  b: [x, 'yé']\n  c: {d: e}\nf: |\n  g\nh: i\n";
    let (node, _, sources) = parsed(text);
    let node = node.expect("a tree");
    let a = node.get("a").expect("a");
    assert_eq!(sources.slice(a.span), "b: [x, 'yé']\n  c: {d: e}");
    let b = a.get("b").expect("b");
    assert_eq!(sources.slice(b.span), "[x, 'yé']");
    assert_eq!(sources.slice(b.as_list().expect("list")[1].span), "'yé'");
    assert_eq!(sources.slice(a.get("c").expect("c").span), "{d: e}");
    assert_eq!(sources.slice(node.entry("h").expect("h").key_span), "h");
}

#[test]
fn anchors_and_merges() {
    let value =
        json("base: &b {x: 1, y: 2}\none: {<<: *b, y: 3}\ntwo:\n  <<: [*b, {z: 9}]\nagain: *b\n");
    assert_eq!(
        value,
        serde_json::json!({"base": {"x": 1, "y": 2}, "one": {"x": 1, "y": 3}, "two": {"x": 1, "y": 2, "z": 9}, "again": {"x": 1, "y": 2}})
    );
    assert_eq!(
        finding("a:\n  <<: ${file(x.yml)}\n  k: 1\n").0,
        "yaml-syntax"
    );
    assert_eq!(finding("a: &a [*a]\n").0, "yaml-syntax");
}

#[test]
fn duplicates_show_both_places() {
    let (_, diagnostics, sources) = parsed("k: 1\nj: 2\nk: 3\n");
    assert_eq!(diagnostics.len(), 1);
    assert_eq!(
        (diagnostics[0].code, diagnostics[0].span.start()),
        ("key-duplicate", 10)
    );
    assert_eq!(diagnostics[0].labels[0].span.start(), 0);
    assert_eq!(sources.slice(diagnostics[0].span), "k");
}

#[test]
fn traps_say_quote_it() {
    for (text, code, place, help) in [
        (
            "URL: #{A.B}\n",
            "value-empty",
            "#{A.B}",
            "quote it: '#{A.B}'",
        ),
        (
            "- #{A.B}\n- x\n",
            "value-empty",
            "#{A.B}",
            "quote it: '#{A.B}'",
        ),
        (
            "- a: 1\n- m: Deploy #{A.B} now\n",
            "value-invalid",
            "#{A.B} now",
            "quote it: 'Deploy #{A.B} now'",
        ),
        ("b: [main, !dev]\n", "yaml-tag", "!dev", "quote it: '!dev'"),
        ("b: !dev\n", "yaml-tag", "!dev", "quote it: '!dev'"),
        ("b: [*]\n", "yaml-syntax", "*", "quote it: '*'"),
        ("b: *.js\n", "yaml-syntax", "*.js", "quote it: '*.js'"),
        (
            "b: [${self:a}]\n",
            "yaml-syntax",
            "${self:a}",
            "quote it: '${self:a}'",
        ),
        (
            "b: {c: ${self:a}/k, d: e}\n",
            "yaml-syntax",
            "${self:a}/k",
            "quote it: '${self:a}/k'",
        ),
        (
            "b: {c: ${self:a}}\n",
            "yaml-syntax",
            "${self:a}",
            "quote it: '${self:a}'",
        ),
        ("b: @x\n", "yaml-syntax", "@", "quote it: '@x'"),
    ] {
        assert_eq!(
            finding(text),
            (code, place.to_owned(), help.to_owned()),
            "{text}"
        );
    }
    assert!(
        finding("a: echo b: c\n")
            .2
            .contains("quote it: 'echo b: c'")
    );
    assert!(finding("a:\n\t- b\n").2.contains("spaces"));
}

#[test]
fn limits_are_findings() {
    assert_eq!(finding("a: 1\n---\nb: 2\n").0, "yaml-document-extra");
    assert_eq!(finding(&"[".repeat(100_000)).0, "yaml-depth");
    assert_eq!(finding(&"- ".repeat(50_000)).0, "yaml-depth");
    assert_eq!(
        finding(&format!(
            "{}{}{}",
            "- ".repeat(200),
            "[".repeat(200),
            "]".repeat(200)
        ))
        .0,
        "yaml-depth"
    );
    assert_eq!(finding(&"a".repeat(MAX_BYTES + 1)).0, "file-too-large");
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..10 {
        let previous = i - 1;
        let alias = format!("*a{previous}");
        laughs.push_str(&format!("a{i}: &a{i} [{}]\n", vec![alias; 10].join(", ")));
    }
    assert_eq!(finding(&laughs).0, "yaml-alias-budget");
    let mut deep = "a0: &a0 [x]\n".to_owned();
    for i in 1..4 {
        deep.push_str(&format!(
            "a{i}: &a{i} {}*a{}{}\n",
            "[".repeat(100),
            i - 1,
            "]".repeat(100)
        ));
    }
    assert_eq!(finding(&deep).0, "yaml-depth");
}

#[test]
fn cloudformation_tags_become_functions() {
    let mut sources = Sources::new();
    let file = sources.add(
        "t.yml",
        "a: !GetAtt A.B.C\nb: !Sub x\nc: !Ref R\nd: !Join ['-', [!Ref X, y]]\ne: !GetAtt 5\nf: !GetAZs\ng: !GetAZs ''\n",
    );
    let mut diagnostics = Diagnostics::new();
    let node = parse_cloudformation(&sources, file, &mut diagnostics).expect("a tree");
    assert!(diagnostics.is_empty());
    assert_eq!(
        node.to_json(),
        serde_json::json!({"a": {"Fn::GetAtt": ["A", "B.C"]}, "b": {"Fn::Sub": "x"}, "c": {"Ref": "R"},
            "d": {"Fn::Join": ["-", [{"Ref": "X"}, "y"]]}, "e": {"Fn::GetAtt": ["5", ""]},
            "f": {"Fn::GetAZs": null}, "g": {"Fn::GetAZs": ""}})
    );
    assert_eq!(finding("a: !Ref R\n").0, "yaml-tag");
}

#[test]
fn an_empty_file_is_null() {
    assert_eq!(json(""), serde_json::Value::Null);
    assert_eq!(json("# only a comment\n"), serde_json::Value::Null);
}
