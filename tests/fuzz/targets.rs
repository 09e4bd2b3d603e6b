//! What a fuzzer drives, and what it calls a fault. The tests drive the same functions with numbers that are the same
//! in every run.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt as _;
use pipectl::checks::{self, Subject, ignores};
use pipectl::cloud::{self, CloudError, ErrorKind, Parameter, SecretText};
use pipectl::compile::{self, Compiled, Facts};
use pipectl::diagnostic::{Diagnostic, Diagnostics, Severity};
use pipectl::model;
use pipectl::report::{Look, json, review, text};
use pipectl::source::{Sources, Span};
use pipectl::tree::{Entry, Node, Origin};
use pipectl::variables::{self, Answer, GitFact, Lookup, Request};
use pipectl::yaml;

/// The region of every run.
pub const REGION: &str = "us-east-1";

/// A world in which there is nothing.
struct Nothing;

#[async_trait]
impl Lookup for Nothing {
    async fn fetch(&self, requests: &[Request]) -> Vec<cloud::Result<Answer>> {
        requests.iter().map(|_| Ok(Answer::Missing)).collect()
    }

    fn read_file(&self, _: &Path) -> Result<Option<Vec<u8>>, String> {
        Ok(None)
    }

    fn git(&self, _: GitFact) -> Result<Option<String>, String> {
        Ok(None)
    }
}

/// What came of a text.
pub struct Seen {
    /// The text.
    pub sources: Sources,
    /// What is wrong with it.
    pub found: Vec<Diagnostic>,
    /// What it becomes.
    pub compiled: Option<Compiled>,
}

impl Seen {
    /// The errors in words.
    pub fn errors(&self) -> Vec<String> {
        self.found
            .iter()
            .filter(|one| one.severity == Severity::Error)
            .map(|one| format!("{} {}: {}", one.code, one.path, one.message))
            .collect()
    }
}

/// The whole way from text to definitions, without an account; `change` sees the tree before anything else does.
pub fn see(text: &str, change: &mut dyn FnMut(&mut Node)) -> Seen {
    let mut sources = Sources::new();
    let mut out = Diagnostics::new();
    let file = sources.add("pipeline.yml", text);
    let mut compiled = None;
    if let Some(mut tree) = yaml::parse(&sources, file, &mut out) {
        change(&mut tree);
        let context = variables::Context {
            service_folder: PathBuf::from("."),
            default_region: Some(REGION.to_owned()),
            offline: true,
            ..variables::Context::default()
        };
        let resolved = variables::resolve(tree, &mut sources, &context, &Nothing, &mut out)
            .now_or_never()
            .expect("nobody is waited for");
        let decoding = model::Context {
            stage: resolved.stage.clone(),
            service: None,
            offline: true,
            version: env!("CARGO_PKG_VERSION"),
        };
        if let Some(mut model) = model::decode(&resolved.tree, &decoding, &mut out) {
            checks::place_buildspecs(&mut model, &sources);
            let buildspecs = std::collections::BTreeMap::new();
            checks::check(
                &Subject {
                    model: &model,
                    tree: &resolved.tree,
                    sources: &sources,
                    region: resolved.region.as_deref(),
                    stage: &resolved.stage,
                    buildspecs: &buildspecs,
                    unread: &checks::Unread::of(out.iter()),
                    places: &checks::Places::default(),
                },
                &mut out,
            );
            if !out.has_errors() {
                let facts = Facts {
                    account: "123456789012".to_owned(),
                    partition: "aws".to_owned(),
                    region: REGION.to_owned(),
                    stage: resolved.stage.clone(),
                    file: "pipeline.yml".to_owned(),
                    ..Facts::default()
                };
                compiled = Some(compile::compile(&model, &facts, &mut out));
            }
        }
    }
    let (mut found, unused) = ignores::apply(&sources, out.into_sorted());
    found.extend(unused);
    Seen {
        sources,
        found,
        compiled,
    }
}

fn true_place(sources: &Sources, span: Span) -> bool {
    let text = &sources.file(span.file).text;
    span.start() <= span.end()
        && span.end() <= text.len()
        && text.is_char_boundary(span.start())
        && text.is_char_boundary(span.end())
}

fn origins(origin: Option<&Arc<Origin>>) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut next = origin;
    while let Some(origin) = next {
        spans.push(origin.span);
        next = origin.from.as_ref();
    }
    spans
}

/// What is wrong with the answer to a text, if anything is.
pub fn fault(text: &str) -> Option<String> {
    let answer = || see(text, &mut |_| {});
    let Ok((first, second)) = catch_unwind(AssertUnwindSafe(|| (answer(), answer()))) else {
        return Some("it panics".to_owned());
    };
    let known = |code: &str| {
        let mut codes = pipectl::diagnostic::CODES.iter();
        codes.any(|(known, _)| *known == code) || checks::rule(code).is_some()
    };
    for one in &first.found {
        if let Some(why) = misplaced(&first.sources, one) {
            return Some(why);
        }
        if one.message.is_empty() || one.message.contains('\n') {
            return Some(format!("{} says {:?}", one.code, one.message));
        }
        if !known(one.code) {
            return Some(format!("{} is no code", one.code));
        }
    }
    if first.found != second.found {
        return Some("it says something else the second time".to_owned());
    }
    shown(&first.sources, &first.found)
}

/// A finding, one of its labels or a step of its history that stands at no characters of its text.
fn misplaced(sources: &Sources, one: &Diagnostic) -> Option<String> {
    [one.span]
        .into_iter()
        .chain(one.labels.iter().map(|label| label.span))
        .chain(origins(one.origin.as_ref()))
        .find(|span| !true_place(sources, *span))
        .map(|span| format!("{} stands at {span:?}", one.code))
}

fn written(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).expect("output structs serialise")
}

/// The format whose writing panics.
fn shown(sources: &Sources, found: &[Diagnostic]) -> Option<String> {
    let look = |width| Look {
        color: width == 100,
        unicode: width == 40,
        width,
    };
    let names = ["pipeline.yml".to_owned()];
    let formats: [(&str, &dyn Fn() -> String); 7] = [
        ("narrow text", &|| {
            text::diagnostics(look(40), sources, found)
        }),
        ("text", &|| text::diagnostics(look(100), sources, found)),
        ("json", &|| {
            written(&json::findings(sources, found, 1, None))
        }),
        ("sarif", &|| written(&review::sarif(sources, found, &[]))),
        ("github", &|| review::github(sources, found, &[])),
        ("gitlab", &|| written(&review::gitlab(sources, found))),
        ("junit", &|| review::junit(sources, found, &names, &[])),
    ];
    formats
        .iter()
        .find(|(_, write)| catch_unwind(AssertUnwindSafe(write)).is_err())
        .map(|(format, _)| format!("written as {format} it panics"))
}

/// A world that answers as the first character of a name says.
struct Answering<'a> {
    file: &'a str,
}

#[async_trait]
impl Lookup for Answering<'_> {
    async fn fetch(&self, requests: &[Request]) -> Vec<cloud::Result<Answer>> {
        requests.iter().map(answer).collect()
    }

    fn read_file(&self, path: &Path) -> Result<Option<Vec<u8>>, String> {
        let name = path.file_name().and_then(|name| name.to_str());
        match name.and_then(|name| name.chars().next()) {
            Some('f') => Ok(Some(self.file.as_bytes().to_vec())),
            Some('e') => Err("it may not be read".to_owned()),
            _ => Ok(None),
        }
    }

    fn git(&self, fact: GitFact) -> Result<Option<String>, String> {
        match fact {
            GitFact::Message => Ok(Some("say ${self:custom.a}".to_owned())),
            GitFact::Tag => Ok(None),
            GitFact::Remote => Err("git is not there".to_owned()),
            _ => Ok(Some("main".to_owned())),
        }
    }
}

/// A text that holds further variables, JSON, a secret, nothing, or a refusal.
fn answer(request: &Request) -> cloud::Result<Answer> {
    let parameter = |asked: &str, kind: &str, value: &str| {
        Ok(Answer::Parameter(Parameter {
            asked: asked.to_owned(),
            kind: kind.to_owned(),
            value: value.to_owned(),
            version: 1,
            modified: 0,
        }))
    };
    match request {
        Request::Parameter { name, .. } => match name.chars().find(char::is_ascii_alphabetic) {
            Some('a') => parameter(name, "String", "text ${self:custom.a}"),
            Some('b') => parameter(name, "StringList", "a,${self:custom.b},c"),
            Some('c') => parameter(name, "SecureString", "hush"),
            Some('d') => parameter(name, "String", "{\"k\": [1, {\"l\": null}]}"),
            Some('e') => Err(CloudError {
                kind: ErrorKind::Denied,
                operation: "SSM:GetParameters".to_owned(),
                code: "AccessDeniedException".to_owned(),
                message: "no".to_owned(),
                request_id: None,
                resource: None,
            }),
            _ => Ok(Answer::Missing),
        },
        Request::Secret { id, .. } if id.starts_with('a') => Ok(Answer::Secret(SecretText {
            asked: id.clone(),
            value: "{\"k\": \"hush\"}".to_owned(),
            version_id: "v1".to_owned(),
        })),
        Request::Object { key, .. } => Ok(Answer::Text(key.clone())),
        Request::Output { output, .. } => Ok(Answer::Text(output.clone())),
        Request::Account => Ok(Answer::Text("123456789012".to_owned())),
        Request::Secret { .. } => Ok(Answer::Missing),
    }
}

/// The texts of a document and what they resolve to: every line is a value of `custom`, by the names `a`, `b`, `c` …;
/// the lines behind one that is `%` are the file that a variable may read. A first line that is `!` goes offline.
pub fn variables_fault(input: &str) -> Option<String> {
    let mut sources = Sources::new();
    let id = sources.add("pipeline.yml", input);
    // The text as it was taken in: without a byte order mark.
    let input = sources.file(id).text.clone();
    let (values, file) = input.split_once("\n%\n").unwrap_or((&input, ""));
    let mut entries = Vec::new();
    let mut at = 0;
    for (line, name) in values.split('\n').zip('a'..='z') {
        let span = Span::new(id, at, at + line.len());
        at = span.end() + 1;
        entries.push(Entry {
            key: name.to_string(),
            key_span: Span::new(id, span.start(), span.start()),
            value: Node::text(line, span),
        });
    }
    let custom = Node::map(entries, Span::new(id, 0, values.len()));
    let tree = Node::map(
        vec![Entry {
            key: "custom".to_owned(),
            key_span: Span::start_of(id),
            value: custom,
        }],
        Span::new(id, 0, values.len()),
    );
    let context = variables::Context {
        service_folder: PathBuf::from("."),
        default_region: Some(REGION.to_owned()),
        environment: [("E".to_owned(), "${self:custom.c}".to_owned())].into(),
        offline: values.starts_with("!\n"),
        ..variables::Context::default()
    };
    let mut out = Diagnostics::new();
    let resolved = variables::resolve(tree, &mut sources, &context, &Answering { file }, &mut out)
        .now_or_never()
        .expect("nobody is waited for");
    if resolved.tree.as_map().map(<[Entry]>::len) != Some(1) {
        return Some("the document is another one".to_owned());
    }
    let shown = resolved.tree.to_json().to_string();
    let list = out.into_sorted();
    let told = list.iter().any(|one| one.message.contains("hush"));
    if !values.contains("hush") && !file.contains("hush") && (told || shown.contains("hush")) {
        return Some("a secret is told".to_owned());
    }
    list.iter().find_map(|one| misplaced(&sources, one))
}
