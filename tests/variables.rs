//! What Serverless Framework v3 really gives for 164 inputs, replayed against the seeds in memory.

#![allow(
    clippy::result_large_err,
    reason = "the failures of the cloud are as they are"
)]
#![allow(clippy::print_stdout, reason = "a test says how many cases pass")]

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use pipectl::cloud::{self, CloudError, ErrorKind, Parameter, SecretText};
use pipectl::diagnostic::{Diagnostic, Diagnostics};
use pipectl::source::Sources;
use pipectl::tree::{Data, Node};
use pipectl::variables::{Answer, Context, GitFact, Lookup, Request, resolve};
use pipectl::yaml;
use serde_json::Value;

/// Cases that differ, and why.
pub(crate) const DIFFERENT: &[(&str, &str)] = &[
    (
        "env-integer-name",
        "an accident of Node: names that are integers are variables like others here",
    ),
    (
        "file-date-alone",
        "dates stay text, so one alone is a value",
    ),
    (
        "nest-address-chain-10",
        "a value of the environment may not ask for the environment",
    ),
    (
        "nest-env-loop",
        "a value of the environment may not ask for the environment",
    ),
    (
        "nest-env-loop-address",
        "a value of the environment may not ask for the environment",
    ),
    (
        "nest-env-loop-growing",
        "a value of the environment may not ask for the environment",
    ),
    (
        "nest-value-chain-11",
        "a value of the environment may not ask for the environment",
    ),
    (
        "phase-region-aws",
        "no phases: the region needs itself, which is a circle",
    ),
    (
        "phase-region-self-ssm",
        "no phases: the region needs itself, which is a circle",
    ),
    (
        "phase-region-ssm",
        "no phases: the region needs itself, which is a circle",
    ),
    (
        "phase-stage-param",
        "no phases: the stage needs itself, which is a circle",
    ),
    (
        "phase-stage-unknown-opt",
        "no phases: an option that was not given is missing, and the fallback holds",
    ),
    (
        "self-js-function",
        "functions of JavaScript are missing values",
    ),
    (
        "self-js-properties",
        "lengths and characters by index are missing values",
    ),
];

struct Seeds {
    seeds: Value,
    files: HashMap<PathBuf, String>,
}

fn error(operation: &str, code: &str) -> CloudError {
    CloudError {
        kind: ErrorKind::Invalid,
        operation: operation.to_owned(),
        code: code.to_owned(),
        message: "no".to_owned(),
        request_id: None,
        resource: None,
    }
}

impl Seeds {
    fn parameter(&self, region: &str, asked: &str) -> Option<Answer> {
        let found = |kind: &str, value: &str| {
            Answer::Parameter(Parameter {
                asked: asked.to_owned(),
                kind: kind.to_owned(),
                value: value.to_owned(),
                version: 1,
                modified: 0,
            })
        };
        if let Some(id) = asked.strip_prefix("/aws/reference/secretsmanager/") {
            let secret = self.seeds["secrets"][region]
                .as_array()?
                .iter()
                .find(|one| one["name"] == id)?;
            return Some(found("SecureString", secret["value"].as_str()?));
        }
        let name = match asked.split_once(":parameter") {
            Some((_, name)) => name,
            None => asked,
        };
        let parameter = self.seeds["ssm"][region]
            .as_array()?
            .iter()
            .find(|one| one["name"] == name)?;
        let value = match &parameter["values"] {
            Value::Array(values) => values.last()?.as_str()?,
            _ => parameter["value"].as_str()?,
        };
        Some(found(parameter["type"].as_str()?, value))
    }

    fn answer(&self, request: &Request) -> cloud::Result<Answer> {
        let found = match request {
            Request::Parameter { region, name, .. } => self.parameter(region, name),
            Request::Secret { region, id } => self.seeds["secrets"][region]
                .as_array()
                .and_then(|list| list.iter().find(|one| one["name"] == id.as_str()))
                .and_then(|one| one["value"].as_str())
                .map(|value| {
                    Answer::Secret(SecretText {
                        asked: id.clone(),
                        value: value.to_owned(),
                        version_id: "v1".to_owned(),
                    })
                }),
            Request::Object {
                region,
                bucket,
                key,
            } => match &self.seeds["s3"][region][bucket] {
                Value::Object(objects) => objects
                    .get(key)
                    .and_then(Value::as_str)
                    .map(|t| Answer::Text(t.to_owned())),
                _ => return Err(error("S3:GetObject", "NoSuchBucket")),
            },
            Request::Output {
                region,
                stack,
                output,
            } => self.seeds["cf"][region][stack][output]
                .as_str()
                .map(|text| Answer::Text(text.to_owned())),
            Request::Account => self.seeds["account"]
                .as_str()
                .map(|text| Answer::Text(text.to_owned())),
        };
        Ok(found.unwrap_or(Answer::Missing))
    }
}

#[async_trait]
impl Lookup for Seeds {
    async fn fetch(&self, requests: &[Request]) -> Vec<cloud::Result<Answer>> {
        requests
            .iter()
            .map(|request| self.answer(request))
            .collect()
    }

    fn read_file(&self, path: &Path) -> Result<Option<Vec<u8>>, String> {
        if self
            .files
            .keys()
            .any(|file| file != path && file.starts_with(path))
        {
            return Err("it is a folder".to_owned());
        }
        Ok(self.files.get(path).map(|text| text.clone().into_bytes()))
    }

    fn git(&self, _fact: GitFact) -> Result<Option<String>, String> {
        Ok(None)
    }
}

/// The value with its secrets shown: only the test may do that.
fn shown(node: &Node) -> Value {
    match &node.data {
        Data::Secret(secret) => Value::String(secret.expose().to_owned()),
        Data::List(items) => items.iter().map(shown).collect(),
        Data::Map(entries) => Value::Object(
            entries
                .iter()
                .map(|entry| (entry.key.clone(), shown(&entry.value)))
                .collect(),
        ),
        _ => node.to_json(),
    }
}

/// Equal, but a secret that was a number or boolean in its JSON is a text here.
fn alike(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, value)| b.get(key).is_some_and(|other| alike(value, other)))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b))
        }
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        _ => ours == theirs,
    }
}

fn strings(value: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), text(value)))
        .collect()
}

fn run(case: &Value, seeds: &Value) -> (Node, Vec<Diagnostic>) {
    let folder = PathBuf::from("service");
    let lookup = Seeds {
        seeds: seeds.clone(),
        files: strings(&case["files"])
            .into_iter()
            .map(|(name, text)| (folder.join(name), text))
            .collect(),
    };
    let mut options = strings(&case["opts"]);
    options.remove("param");
    let params = case["opts"]["param"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let context = Context {
        service_folder: folder,
        params: params
            .filter_map(|one| one.split_once('='))
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect(),
        environment: strings(&case["env"]),
        region: options.get("region").cloned(),
        default_region: Some("us-east-1".to_owned()),
        stage: options.get("stage").cloned(),
        options,
        offline: false,
    };
    let mut sources = Sources::new();
    let text = format!(
        "{}{}",
        case["top"].as_str().unwrap_or_default(),
        case["yaml"].as_str().unwrap_or_default()
    );
    let file = sources.add("serverless.yml", text);
    let mut diagnostics = Diagnostics::new();
    let node = match yaml::parse_cloudformation(&sources, file, &mut diagnostics) {
        Some(tree) if !diagnostics.has_errors() => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .expect("a runtime");
            runtime
                .block_on(resolve(
                    tree,
                    &mut sources,
                    &context,
                    &lookup,
                    &mut diagnostics,
                ))
                .tree
        }
        other => {
            other.unwrap_or_else(|| Node::text("not YAML", pipectl::source::Span::start_of(file)))
        }
    };
    let list = diagnostics.into_sorted();
    for one in &list {
        let span = one.span;
        let text = &sources.file(span.file).text;
        assert!(
            span.start() <= span.end() && text.get(span.start()..span.end()).is_some(),
            "{}: {one:?}",
            case["id"]
        );
    }
    (node, list)
}

/// Which of our codes say what the other tool's kind of error says.
pub(crate) fn kinds(kind: &str) -> &'static [&'static str] {
    match kind {
        "syntax" | "syntax_in_resolved_value" => &["variable-syntax"],
        "missing" => &["variable-missing"],
        "circular" => &["variable-circular"],
        "depth" => &["variable-depth"],
        "unknown_source" => &["variable-source-unknown"],
        "non_string_in_text" => &["variable-not-text"],
        "file_content" => &[
            "variable-refused",
            "key-duplicate",
            "yaml-syntax",
            "yaml-tag",
            "yaml-document-extra",
        ],
        "config_yaml" => &["yaml-syntax", "yaml-tag"],
        _ => &["variable-refused"],
    }
}

fn verdict(case: &Value, seeds: &Value) -> Result<(), String> {
    let (node, diagnostics) = run(case, seeds);
    let codes: Vec<&str> = diagnostics.iter().map(|one| one.code).collect();
    if let Some(expected) = case.get("expected") {
        if !codes.is_empty() {
            let said: Vec<&str> = diagnostics.iter().map(|one| one.message.as_str()).collect();
            return Err(format!("resolves there, fails here: {said:?}"));
        }
        let ours = node.get("custom").map_or(Value::Null, shown);
        if !alike(&ours, expected) {
            return Err(format!("ours {ours}, theirs {expected}"));
        }
        for (path, expected) in case["expected_also"].as_object().into_iter().flatten() {
            let ours = path
                .split('.')
                .try_fold(&node, |node, key| node.get(key))
                .map_or(Value::Null, shown);
            // The case was recorded with another name of the service.
            if path != "service" && !alike(&ours, expected) {
                return Err(format!("{path}: ours {ours}, theirs {expected}"));
            }
        }
        return Ok(());
    }
    if codes.is_empty() {
        return Err(format!(
            "fails there, resolves here: {}",
            node.get("custom").map_or(Value::Null, shown)
        ));
    }
    let kind = if case.get("expected_hang").is_some() {
        "circular"
    } else {
        case["expected_error"]["kind"].as_str().unwrap_or_default()
    };
    if kinds(kind).iter().any(|code| codes.contains(code)) {
        return Ok(());
    }
    Err(format!("another error: {kind} there, {codes:?} here"))
}

#[test]
fn the_corpus_resolves_as_serverless_does() {
    let text = include_str!("cases/variables.json");
    let corpus: Value = serde_json::from_str(text).expect("the corpus is JSON");
    let cases = corpus["cases"].as_array().expect("cases");
    let mut different = Vec::new();
    for case in cases {
        if let Err(why) = verdict(case, &corpus["seeds"]) {
            println!("{}: {why}", case["id"]);
            different.push(case["id"].as_str().unwrap_or_default());
        }
    }
    println!(
        "{} of {} as there",
        cases.len() - different.len(),
        cases.len()
    );
    different.sort_unstable();
    let stated: Vec<&str> = DIFFERENT.iter().map(|(id, _)| *id).collect();
    assert_eq!(different, stated);
}

#[test]
fn no_damaged_text_panics() {
    let text = include_str!("cases/variables.json");
    let corpus: Value = serde_json::from_str(text).expect("the corpus is JSON");
    let nested = (0..38).fold("x".to_owned(), |inner, _| {
        format!("${{env:E, self:custom.{inner}}}")
    });
    let deep = serde_json::json!({"id": "deep", "yaml": format!("custom:\n  x: '{nested}'\n"), "env": {"E": "${self:custom.x}"}});
    let cases = corpus["cases"].as_array().expect("cases");
    for case in cases.iter().chain([&deep]) {
        let whole = case["yaml"].as_str().unwrap_or_default();
        let bounds: Vec<usize> = whole.char_indices().map(|(at, _)| at).collect();
        for at in bounds.iter().step_by(9) {
            let mut cut = case.clone();
            cut["yaml"] = Value::String(whole[..*at].to_owned());
            run(&cut, &corpus["seeds"]);
            let rest: String = whole[*at..].chars().skip(1).collect();
            cut["yaml"] = Value::String(format!("{}{rest}", &whole[..*at]));
            run(&cut, &corpus["seeds"]);
        }
    }
}
