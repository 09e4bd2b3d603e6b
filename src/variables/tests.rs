use std::collections::HashMap;
use std::sync::Mutex;

use super::*;
use crate::cloud::ErrorKind;
use crate::diagnostic::Diagnostic;
use crate::tree::{Data, Origin, SecretService};
use crate::yaml;

/// An account in memory that notes what it was asked, round by round.
#[derive(Default)]
struct World {
    parameters: HashMap<&'static str, (&'static str, &'static str)>,
    secrets: HashMap<&'static str, &'static str>,
    files: HashMap<&'static str, &'static str>,
    git: HashMap<GitFact, &'static str>,
    denied: bool,
    rounds: Mutex<Vec<Vec<Request>>>,
}

#[async_trait]
impl Lookup for World {
    async fn fetch(&self, requests: &[Request]) -> Vec<cloud::Result<Answer>> {
        self.rounds
            .lock()
            .expect("one thread")
            .push(requests.to_vec());
        let answer = |request: &Request| match request {
            Request::Parameter { name, .. } => match self.parameters.get(name.as_str()) {
                Some((kind, value)) => Answer::Parameter(Parameter {
                    asked: name.clone(),
                    kind: (*kind).to_owned(),
                    value: (*value).to_owned(),
                    version: 3,
                    modified: 77,
                }),
                None => Answer::Missing,
            },
            Request::Secret { id, .. } => match self.secrets.get(id.as_str()) {
                Some(value) => Answer::Secret(SecretText {
                    asked: id.clone(),
                    value: (*value).to_owned(),
                    version_id: "version-1".to_owned(),
                }),
                None => Answer::Missing,
            },
            Request::Account => Answer::Text("123456789012".to_owned()),
            _ => Answer::Missing,
        };
        let refusal = CloudError {
            kind: ErrorKind::Denied,
            operation: "SSM:GetParameters".to_owned(),
            code: "AccessDeniedException".to_owned(),
            message: "not authorized".to_owned(),
            request_id: None,
            resource: None,
        };
        requests
            .iter()
            .map(|request| {
                if self.denied {
                    Err(refusal.clone())
                } else {
                    Ok(answer(request))
                }
            })
            .collect()
    }

    fn read_file(&self, path: &Path) -> Result<Option<Vec<u8>>, String> {
        Ok(self
            .files
            .get(path.to_str().expect("a text"))
            .map(|text| text.as_bytes().to_vec()))
    }

    fn git(&self, fact: GitFact) -> Result<Option<String>, String> {
        Ok(self.git.get(&fact).map(|text| (*text).to_owned()))
    }

    async fn names(&self, request: &Request) -> Vec<String> {
        match request {
            Request::Parameter { .. } => self
                .parameters
                .keys()
                .map(|name| (*name).to_owned())
                .collect(),
            _ => Vec::new(),
        }
    }
}

struct Outcome {
    tree: Node,
    findings: Vec<Diagnostic>,
    sources: Sources,
    failures: Vec<CloudError>,
}

fn run(text: &str, world: &World, context: &Context) -> Outcome {
    let mut sources = Sources::new();
    let file = sources.add("pipeline.yml", text);
    let mut diagnostics = Diagnostics::new();
    let tree = yaml::parse(&sources, file, &mut diagnostics).expect("YAML");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let resolved = runtime.block_on(resolve(
        tree,
        &mut sources,
        context,
        world,
        &mut diagnostics,
    ));
    Outcome {
        tree: resolved.tree,
        findings: diagnostics.into_sorted(),
        sources,
        failures: resolved.failures,
    }
}

fn context() -> Context {
    Context {
        default_region: Some("us-east-1".to_owned()),
        ..Context::default()
    }
}

impl Outcome {
    fn found(&self) -> Vec<(&'static str, &str)> {
        self.findings
            .iter()
            .map(|one| (one.code, self.sources.slice(one.span)))
            .collect()
    }

    fn at(&self, path: &str) -> &Node {
        path.split('.').fold(&self.tree, |node, key| {
            node.get(key).unwrap_or_else(|| panic!("no {path}"))
        })
    }
}

fn world() -> World {
    World {
        parameters: HashMap::from([
            ("/x", ("String", "X")),
            ("/pointer", ("String", "/x")),
            ("/secure", ("SecureString", "marker-1")),
            (
                "/json",
                (
                    "SecureString",
                    r#"{"user":"u","deep":{"pass":"marker-2"},"n":5}"#,
                ),
            ),
            ("/evil-file", ("String", "${file(./own.txt)}")),
            ("/evil-secure", ("String", "${ssm:/secure}")),
            ("/good", ("String", "${self:name}-${ssm:/x}")),
        ]),
        secrets: HashMap::from([("GH", r#"{"token":"marker-3"}"#), ("PLAIN", "marker-4")]),
        files: HashMap::from([
            ("own.txt", "own"),
            ("a.yml", "k: ${self:name}\nbad: ${env:NO}\n"),
        ]),
        git: HashMap::from([
            (GitFact::Message, "${ssm:/secure} ${self:name}"),
            (GitFact::Branch, "main"),
        ]),
        ..World::default()
    }
}

#[test]
fn everything_missing_is_found_at_once_at_its_characters() {
    let text = "a: ${env:NO}\nb: x-${self:nmae}-${opt:o, env:NO2}\nc: ${file(a.yml):bad}\nd: '${ssm:/xx}'\n\
                e: |\n  first\n  ${param:p} last\nname: n\n";
    let outcome = run(text, &world(), &context());
    assert_eq!(
        outcome.found(),
        [
            ("variable-missing", "${env:NO}"),
            ("variable-missing", "${self:nmae}"),
            ("variable-missing", "${opt:o, env:NO2}"),
            ("variable-missing", "${ssm:/xx}"),
            ("variable-missing", "${param:p}"),
            ("variable-missing", "${env:NO}"),
        ]
    );
    let help = |at: usize| outcome.findings[at].help.clone().unwrap_or_default();
    assert_eq!(help(1), "did you mean `name`?");
    assert_eq!(help(3), "did you mean `/x`?");
    assert_eq!(outcome.findings[4].path, "e");
    let from_file = &outcome.findings[5];
    assert_eq!(outcome.sources.file(from_file.span.file).name, "a.yml");
    assert_eq!(from_file.path, "c");
    assert!(from_file.origin.is_some());
}

#[test]
fn each_request_goes_once_and_all_of_a_round_together() {
    let text = "a: ${ssm:/x}\nb: ${ssm:/x}${secret:GH:token}\nc: ${ssm:${ssm:/pointer}}\nd: ${self:c}/${aws:accountId}\n";
    let world = world();
    let outcome = run(text, &world, &context());
    assert_eq!(outcome.found(), []);
    assert_eq!(outcome.at("d").as_str(), Some("X/123456789012"));
    let rounds = world.rounds.into_inner().expect("one thread");
    assert_eq!(rounds.iter().map(Vec::len).collect::<Vec<_>>(), [4]);
}

#[test]
fn secrets_stay_secret_and_know_where_they_live() {
    let text = "a: ${ssm:/secure}\nb: pre-${secret:PLAIN}-post\nc: ${ssm:/json}\nd: ${self:c.deep.pass}\n\
                e: ${secret:GH:token}\nf: ${secret:GH:nope, 'fb'}\ng: ${self:b}\nh: ${secret:arn:aws:secretsmanager:eu-west-1:123456789012:secret:GH:token, 'none'}\n\
                i: ${ssm:/aws/reference/secretsmanager/GH, 'none'}\n";
    let outcome = run(text, &world(), &context());
    assert_eq!(outcome.found(), []);
    let secret = |path: &str| match &outcome.at(path).data {
        Data::Secret(secret) => (secret.expose().to_owned(), secret.reference.clone()),
        other => panic!("{path}: {other:?}"),
    };
    let (value, reference) = secret("a");
    assert_eq!(
        (value.as_str(), reference.name.as_str()),
        ("marker-1", "/secure")
    );
    assert_eq!(
        (reference.service, reference.fingerprint.as_str()),
        (SecretService::ParameterStore, "3@77")
    );
    assert_eq!(secret("b").0, "pre-marker-4-post");
    assert_eq!(secret("g").0, "pre-marker-4-post");
    assert_eq!(secret("c.n").0, "5");
    let (value, reference) = secret("d");
    assert_eq!(
        (value.as_str(), reference.key.as_deref()),
        ("marker-2", Some("deep.pass"))
    );
    let (value, reference) = secret("e");
    assert_eq!(
        (value.as_str(), reference.key.as_deref()),
        ("marker-3", Some("token"))
    );
    assert_eq!(
        (reference.service, reference.fingerprint.as_str()),
        (SecretService::SecretsManager, "version-1")
    );
    assert_eq!(outcome.at("f").as_str(), Some("fb"));
    assert!(!format!("{:?}{}", outcome.tree, outcome.tree.to_json()).contains("marker"));
}

#[test]
fn secrets_never_become_part_of_a_name_or_a_finding() {
    let text = "a: ${ssm:${ssm:/secure}}\nb: ${strToBool(${ssm:/secure})}\nc: x${ssm:/json}\nd: ${secret:PLAIN:key}\n";
    let outcome = run(text, &world(), &context());
    let codes: Vec<&str> = outcome.findings.iter().map(|one| one.code).collect();
    assert_eq!(
        codes,
        [
            "variable-refused",
            "variable-refused",
            "variable-not-text",
            "variable-refused"
        ]
    );
    assert!(!format!("{:?}", outcome.findings).contains("marker"));
}

#[test]
fn offline_values_are_unknown_and_keep_their_text() {
    let text = "a: ${ssm:/hw/${sls:stage}/b}\nb: arn:${aws:accountId}:${secret:GH:token}\nc: ${self:a.key}\n\
                d: ${ssm(us-west-2):/x, 'fb'}\ne: ${self:map.${ssm:/k}}\nf: ${opt:stage, 'lit'}\nmap: {k: 1}\ng: ${aws:region}\n";
    let world = world();
    let outcome = run(
        text,
        &world,
        &Context {
            offline: true,
            ..context()
        },
    );
    assert_eq!(outcome.found(), []);
    let unknown = |path: &str| match &outcome.at(path).data {
        Data::Unknown(text) => text.clone(),
        other => panic!("{path}: {other:?}"),
    };
    assert_eq!(unknown("a"), "${ssm:/hw/dev/b}");
    assert_eq!(unknown("b"), "arn:${aws:accountId}:${secret:GH:token}");
    assert_eq!(unknown("c"), "${self:a.key}");
    assert_eq!(unknown("d"), "${ssm(us-west-2):/x}");
    assert_eq!(unknown("e"), "${self:map.${ssm:/k}}");
    assert_eq!(outcome.at("f").as_str(), Some("lit"));
    assert_eq!(outcome.at("g").as_str(), Some("us-east-1"));
    assert!(world.rounds.into_inner().expect("one thread").is_empty());
}

#[test]
fn text_from_outside_does_not_reach_further() {
    let context = Context {
        environment: BTreeMap::from([
            ("E1".to_owned(), "${ssm:/x}".to_owned()),
            ("E2".to_owned(), "${self:name}".to_owned()),
            ("E3".to_owned(), "\\${file(./own.txt)}".to_owned()),
        ]),
        ..context()
    };
    let text = "name: n\na: ${ssm:/evil-file}\nb: ${ssm:/evil-secure}\nc: ${env:E1}\nd: ${env:E2}\ne: ${ssm:/good}\n\
                f: ${git:message}\ng: ${self:f}\nh: ${env:E3}\ni: ${self:h}\nj: x-${git:message}\nk: ${self:j}\n";
    let outcome = run(text, &world(), &context);
    assert_eq!(
        outcome.found(),
        [
            ("variable-refused", "${ssm:/evil-file}"),
            ("variable-refused", "${ssm:/evil-secure}"),
            ("variable-refused", "${env:E1}"),
            ("variable-refused", "${self:h}"),
        ]
    );
    assert_eq!(outcome.at("d").as_str(), Some("n"));
    assert_eq!(outcome.at("e").as_str(), Some("n-X"));
    assert_eq!(
        outcome.at("g").as_str(),
        Some("${ssm:/secure} ${self:name}")
    );
    assert_eq!(
        outcome.at("k").as_str(),
        Some("x-${ssm:/secure} ${self:name}")
    );
    assert_eq!(outcome.at("h").as_str(), Some("${file(./own.txt)}"));
}

#[test]
fn values_remember_their_way() {
    let text =
        "custom: {x: '${env:E}', plain: 3.10}\na: ${self:custom.x}\nb: ${self:custom.plain}\n";
    let context = Context {
        environment: BTreeMap::from([("E".to_owned(), "v".to_owned())]),
        ..context()
    };
    let outcome = run(text, &world(), &context);
    let steps = |path: &str| -> Vec<(String, String)> {
        std::iter::successors(outcome.at(path).origin.as_deref(), |origin: &&Origin| {
            origin.from.as_deref()
        })
        .map(|origin| {
            (
                origin.what.clone(),
                outcome.sources.slice(origin.span).to_owned(),
            )
        })
        .collect()
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(
        steps("a"),
        [
            pair("${self:custom.x}", "${self:custom.x}"),
            pair("${env:E}", "${env:E}")
        ]
    );
    assert_eq!(
        steps("b"),
        [
            pair("${self:custom.plain}", "${self:custom.plain}"),
            pair("custom.plain", "3.10")
        ]
    );
    assert_eq!(outcome.at("b").scalar_text().as_deref(), Some("3.10"));
    assert_eq!(
        outcome.sources.slice(outcome.at("a").span),
        "${self:custom.x}"
    );
}

#[test]
fn long_chains_and_wide_circles_end() {
    let mut text = String::new();
    for i in 0..5000 {
        text.push_str(&format!("k{i}: ${{self:k{}}}\n", i + 1));
    }
    let chain = format!("{text}k5000: end\n");
    assert_eq!(
        run(&chain, &world(), &context()).at("k0").as_str(),
        Some("end")
    );
    let circle = format!("{text}k5000: ${{self:k0}}\n");
    let outcome = run(&circle, &world(), &context());
    assert_eq!(outcome.findings.len(), 1);
    let finding = &outcome.findings[0];
    assert_eq!(
        (finding.code, finding.labels.len()),
        ("variable-circular", 19)
    );
    let told = "`k19` → 4981 more → `k0`";
    assert!(finding.message.ends_with(told), "{}", finding.message);
}

#[test]
fn nothing_grows_without_bounds() {
    let mut text = "k0: [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..12 {
        let item = format!("'${{self:k{}}}'", i - 1);
        text.push_str(&format!("k{i}: [{}]\n", vec![item; 10].join(", ")));
    }
    assert!(
        run(&text, &world(), &context())
            .found()
            .iter()
            .any(|(code, _)| *code == "variable-depth")
    );
    let mut text = "k0: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n".to_owned();
    for i in 1..40 {
        text.push_str(&format!(
            "k{i}: \"{}\"\n",
            format!("${{self:k{}}}", i - 1).repeat(10)
        ));
    }
    assert!(
        run(&text, &world(), &context())
            .found()
            .iter()
            .any(|(code, _)| *code == "variable-depth")
    );
    let mut text = "k0: x\n".to_owned();
    for i in 1..20 {
        text.push_str(&format!(
            "k{i}: {}'${{self:k{}}}'{}\n",
            "[".repeat(100),
            i - 1,
            "]".repeat(100)
        ));
    }
    assert!(
        run(&text, &world(), &context())
            .found()
            .iter()
            .any(|(code, _)| *code == "variable-depth")
    );
}

#[test]
fn refusals_of_aws_are_findings_and_failures() {
    let world = World {
        denied: true,
        ..world()
    };
    let outcome = run(
        "a: ${ssm:/x, 'fb'}\nb: ${ssm:/pointer}\n",
        &world,
        &context(),
    );
    assert_eq!(
        outcome.found(),
        [
            ("variable-refused", "${ssm:/x, 'fb'}"),
            ("variable-refused", "${ssm:/pointer}")
        ]
    );
    assert_eq!(outcome.failures.len(), 1);
}

#[test]
fn dotenv_files_fill_in_names_and_remember_where_they_stand() {
    let world = World {
        files: HashMap::from([
            (".env", "HOST=other\n"),
            (
                ".env.prod",
                "# for production\nHOST=example.com\r\nexport URL=https://${HOST}:${PORT:-443}\nLOOP=a$LOOP\nSET=file\n",
            ),
        ]),
        ..world()
    };
    let text = "useDotenv: true\na: ${env:URL}\nb: ${env:SET}\nc: ${env:HOTS, 'none'}\n";
    let environment = BTreeMap::from([("SET".to_owned(), "$HOST".to_owned())]);
    let context = Context {
        stage: Some("prod".to_owned()),
        environment,
        ..context()
    };
    let outcome = run(text, &world, &context);
    assert_eq!(outcome.found(), []);
    let value = |path: &str| outcome.at(path).as_str().map(str::to_owned);
    assert_eq!(value("a").as_deref(), Some("https://example.com:443"));
    assert_eq!(value("b").as_deref(), Some("$HOST"));
    assert_eq!(value("c").as_deref(), Some("none"));
    let first = outcome
        .at("a")
        .origin
        .clone()
        .expect("it came through a variable");
    let file = first.from.clone().expect("and from a file");
    assert_eq!(
        (file.what.as_str(), outcome.sources.slice(file.span)),
        (".env.prod", "URL")
    );
    let outcome = run("useDotenv: true\na: ${env:LOOP}\n", &world, &context);
    assert_eq!(outcome.findings[0].code, "variable-circular");
    assert_eq!(
        outcome.sources.slice(outcome.findings[0].labels[0].span),
        "LOOP"
    );
}

#[test]
fn files_and_git() {
    let world = World {
        files: HashMap::from([
            ("base.yml", "deep: ${file(./other.yml)}\nlist: [a, b]\n"),
            ("other.yml", "x: {y: '${self:name}!'}\n"),
            ("cfg.main.yml", "v: ${self:name}\n"),
            ("f1.yml", "n: ${file(f1.yml)}\n"),
            ("run.js", "1"),
        ]),
        ..world()
    };
    let text = "name: n\na: ${file(./base.yml):deep.x.y}\nb: ${file(base.yml):list.1}\nc: ${file(./cfg.${git:branch}.yml):v}\n\
                d: ${git:tag, 'none'}\n";
    let outcome = run(text, &world, &context());
    assert_eq!(outcome.found(), []);
    assert_eq!(
        outcome.tree.to_json(),
        serde_json::json!({"name": "n", "a": "n!", "b": "b", "c": "n", "d": "none"})
    );
    let outcome = run(
        "a: ${file(f1.yml)}\nb: ${file(run.js)}\nc: ${git:comit}\n",
        &world,
        &context(),
    );
    let codes: Vec<&str> = outcome.findings.iter().map(|one| one.code).collect();
    assert!(
        codes.contains(&"variable-depth") && codes.contains(&"variable-refused"),
        "{codes:?}"
    );
    let commit = BTreeMap::from([(
        "CODEBUILD_RESOLVED_SOURCE_VERSION".to_owned(),
        "abcdef0123456789".to_owned(),
    )]);
    let outcome = run(
        "a: ${git:sha}\nb: ${git:shortSha}\n",
        &world,
        &Context {
            environment: commit,
            ..context()
        },
    );
    assert_eq!(
        outcome.tree.to_json(),
        serde_json::json!({"a": "abcdef0123456789", "b": "abcdef0"})
    );
}

#[test]
fn a_file_without_a_path_is_refused_whatever_stands_behind_it() {
    for nothing in ["false", "0", "''"] {
        let text = format!("n: {nothing}\na: ${{file(${{self:n}}):k, 'fallback'}}\n");
        let outcome = run(&text, &world(), &context());
        assert_eq!(
            outcome.found(),
            [("variable-refused", "${file(${self:n}):k, 'fallback'}")],
            "{nothing}"
        );
    }
}

#[test]
fn the_region_and_profile_are_known_before_aws() {
    let outcome = run("provider: {region: '${ssm:/x}'}\n", &world(), &context());
    assert_eq!(outcome.found().len(), 1);
    assert!(
        outcome.findings[0]
            .help
            .clone()
            .unwrap_or_default()
            .contains("before AWS")
    );
    let outcome = run("provider: {profile: '${ssm:/x}'}\n", &world(), &context());
    assert_eq!(outcome.findings[0].code, "variable-refused");
}

#[test]
fn syntax_errors_stop_everything_and_are_all_listed() {
    let text = "a: ${opt:x, dev}\nb: ${env:NO}\nc: ${self:x\nd: ${opt:stage, 'issue #5'}\n";
    let outcome = run(text, &world(), &context());
    let codes: Vec<&str> = outcome.findings.iter().map(|one| one.code).collect();
    assert_eq!(
        codes,
        ["variable-syntax", "variable-syntax", "variable-syntax"]
    );
    assert!(
        outcome.findings[2]
            .help
            .clone()
            .unwrap_or_default()
            .contains("comment")
    );
}

#[test]
fn what_a_source_cannot_be_asked_is_refused_whatever_stands_behind_it() {
    let refused = [
        "${env:'', 'fallback'}",
        "${env:${self:none}, 'fallback'}",
        "${ssm:${self:none}, 'fallback'}",
        "${ssm:${self:map}, 'fallback'}",
        "${self:${self:number}, 'fallback'}",
        "${strToBool(${self:map}), 'fallback'}",
        "${ssm(null):/x, 'fallback'}",
        "${ssm(raw, ${self:none}):/x, 'fallback'}",
        "${ssm(noDecrypt):/aws/reference/secretsmanager/GH, 'fallback'}",
    ];
    for variable in refused {
        let text = format!("none: ''\nmap: {{a: 1}}\nnumber: 5\na: {variable}\n");
        for offline in [false, true] {
            let context = Context {
                offline,
                ..context()
            };
            let outcome = run(&text, &world(), &context);
            assert_eq!(outcome.found(), [("variable-refused", variable)]);
        }
    }
    let text = "a: ${file(none.js), 'fallback'}\nb: ${ssm(raw):/x}\nc: ${ssm():/x}\n";
    let outcome = run(text, &world(), &context());
    assert_eq!(outcome.found(), []);
    assert_eq!(
        outcome.tree.to_json(),
        serde_json::json!({"a": "fallback", "b": "X", "c": "X"})
    );
}

#[test]
fn odd_files_read_as_serverless_reads_them() {
    let world = World {
        files: HashMap::from([
            ("comment.yml", "# nothing else\n"),
            ("empty.yml", ""),
            (".env", "\u{feff}A=marked\n"),
        ]),
        ..world()
    };
    let text = "useDotenv: 'yes'\na: ${env:A}\nb: ${file(comment.yml), 'none'}\nc: ${file(empty.yml):k, 'none'}\n\
                d: ${strToBool(${self:list})}\nlist: ['TRUE ']\ne: '${env: :X, b}'\n";
    let outcome = run(text, &world, &context());
    assert_eq!(outcome.found(), []);
    let value = |path: &str| outcome.at(path).to_json();
    assert_eq!(value("a"), "marked");
    assert_eq!((value("b"), value("c")), ("none".into(), "none".into()));
    assert_eq!(value("d"), true);
    assert_eq!(value("e"), "${env: :X, b}");
    let outcome = run("a: ${file(empty.yml), 'none'}\n", &world, &context());
    assert_eq!(outcome.findings[0].code, "variable-refused");
}

#[test]
fn a_file_that_is_put_in_many_places_counts_in_each() {
    let long: &'static str = "x".repeat(1_000_000).leak();
    let world = World {
        files: HashMap::from([("long.txt", long)]),
        ..world()
    };
    let text: String = (0..100)
        .map(|number| format!("k{number}: ${{file(long.txt)}}\n"))
        .collect();
    let outcome = run(&text, &world, &context());
    assert_eq!(outcome.findings.len(), 1);
    assert_eq!(outcome.findings[0].code, "variable-depth");
}
