//! `sandbox.yml`: what the account begins with. It fills names that the account does not have yet; what the account
//! has, it keeps.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Transaction, params};

use super::engine::standins::{self, ActionStandIn, SourceStandIn};
use super::names::{ANYWHERE, parameter_name_fault, put_parameter, put_secret};
use super::{OpenError, Outcome, store};
use crate::diagnostic::{Diagnostic, Diagnostics, nearest};
use crate::error::Failure;
use crate::source::Sources;
use crate::tree::{Data, Entry, Node};
use crate::yaml;

const KEYS: [&str; 14] = [
    "parameters",
    "secrets",
    "connections",
    "roles",
    "policies",
    "buckets",
    "topics",
    "stacks",
    "objects",
    "sources",
    "actions",
    "alarms",
    "passEnv",
    "strict",
];
const TYPES: [&str; 3] = ["String", "StringList", "SecureString"];
const STATUSES: [&str; 3] = ["AVAILABLE", "PENDING", "ERROR"];

/// A secret of `sandbox.yml`.
#[derive(Clone)]
enum Dummy {
    Text(String),
    Generated,
}

/// The content of `sandbox.yml`.
#[derive(Clone, Default)]
pub struct Seed {
    parameters: BTreeMap<String, (String, String)>,
    secrets: BTreeMap<String, Dummy>,
    connections: BTreeMap<String, String>,
    given: Vec<(&'static str, String)>,
    /// Outputs of CloudFormation stacks, by the stack.
    pub stacks: BTreeMap<String, BTreeMap<String, String>>,
    /// Texts of objects in buckets, by `bucket/key`.
    pub objects: BTreeMap<String, String>,
    /// Local folders that stand for sources, by the source action.
    pub sources: BTreeMap<String, SourceStandIn>,
    /// What actions do here, by `Stage.Action` or `Action`.
    pub actions: BTreeMap<String, ActionStandIn>,
    /// States of alarms; one that is not named is OK.
    pub alarms: BTreeMap<String, String>,
    /// Names of environment variables that builds get from the person's own environment.
    pub pass_env: Vec<String>,
    /// Whether roles, buckets, topics and connections must be said to exist.
    pub strict: bool,
}

impl Seed {
    /// Reads and decodes the file; one that is not there is empty.
    pub(super) fn read(file: &Path) -> Result<Self, OpenError> {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                let message = format!("{} is not UTF-8", file.display());
                let failure = Failure::failed("file-not-utf8", message).help("save it as UTF-8");
                return Err(failure.into());
            }
            Err(error) => {
                let message = format!("{} cannot be read: {error}", file.display());
                return Err(Failure::failed("file-unreadable", message).into());
            }
        };
        let mut sources = Sources::new();
        let id = sources.add(file.display().to_string(), text.as_str());
        let mut diagnostics = Diagnostics::new();
        let seed = yaml::parse(&sources, id, &mut diagnostics)
            .map(|root| decode(&root, &mut diagnostics))
            .unwrap_or_default();
        if diagnostics.has_errors() {
            // What is wrong is shown with the lines around it, and those may hold secrets.
            let mut shown = Sources::new();
            shown.add(file.display().to_string(), without_secrets(&text));
            return Err(OpenError::Findings {
                sources: Box::new(shown),
                diagnostics,
            });
        }
        Ok(seed)
    }

    /// Writes what the account does not have.
    pub(super) fn fill(&self, tx: &Transaction<'_>) -> Outcome<()> {
        for (name, (kind, value)) in &self.parameters {
            if !exists(tx, "parameters", name)? {
                put_parameter(tx, ANYWHERE, name, kind, value)?;
            }
        }
        for (name, dummy) in &self.secrets {
            if !exists(tx, "secrets", name)? {
                let value = match dummy {
                    Dummy::Text(text) => text.clone(),
                    Dummy::Generated => store::random(tx)?,
                };
                put_secret(tx, ANYWHERE, name, &value)?;
            }
        }
        // What exists beside the account is what the file says now, not what it said once.
        tx.execute("DELETE FROM given", [])?;
        let mut insert =
            tx.prepare("INSERT OR REPLACE INTO given (kind, name, status) VALUES (?1, ?2, ?3)")?;
        for (arn, status) in &self.connections {
            insert.execute(params!["connection", arn, status])?;
        }
        for (kind, name) in &self.given {
            insert.execute(params![kind, name, "AVAILABLE"])?;
        }
        Ok(())
    }
}

/// The text with a `*` for every character of a value under `secrets`: of every place the offset stays what it is.
fn without_secrets(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut inside = false;
    for line in text.split_inclusive('\n') {
        let top = line.starts_with(|c: char| !c.is_whitespace() && !"#}]".contains(c));
        if top {
            inside = line.trim_start_matches(['"', '\'']).starts_with("secrets");
        }
        let shown = match line.find(':') {
            Some(colon) if inside => colon + 1,
            None if inside => 0,
            _ => line.len(),
        };
        let shown = match line[shown..].contains(char::is_alphanumeric) {
            true => shown,
            false => line.len(),
        };
        masked.push_str(&line[..shown]);
        for c in line[shown..].chars() {
            match c {
                c if c.is_whitespace() => masked.push(c),
                c => masked.push_str(&"*".repeat(c.len_utf8())),
            }
        }
    }
    masked
}

fn exists(tx: &Transaction<'_>, table: &str, name: &str) -> rusqlite::Result<bool> {
    tx.prepare_cached(&format!("SELECT 1 FROM {table} WHERE name = ?1"))?
        .exists(params![name])
}

pub(super) fn wrong(
    diagnostics: &mut Diagnostics,
    node: &Node,
    path: &str,
    message: impl Into<String>,
    help: impl Into<String>,
) {
    diagnostics.push(
        Diagnostic::error("value-invalid", node.span, path, message.into()).help(help.into()),
    );
}

pub(super) fn kind(diagnostics: &mut Diagnostics, node: &Node, path: &str, wanted: &str) {
    let message = format!("`{path}` must be {wanted}, not {}", node.kind());
    let code = if node.is_null() {
        "value-empty"
    } else {
        "value-kind"
    };
    diagnostics.push(Diagnostic::error(code, node.span, path, message));
}

pub(super) fn entries<'n>(
    diagnostics: &mut Diagnostics,
    node: &'n Node,
    path: &str,
) -> &'n [Entry] {
    node.as_map().unwrap_or_else(|| {
        kind(diagnostics, node, path, "a map");
        &[]
    })
}

pub(super) fn scalar(diagnostics: &mut Diagnostics, node: &Node, path: &str) -> Option<String> {
    let text = node.scalar_text();
    if text.is_none() {
        kind(diagnostics, node, path, "a text");
    }
    text
}

fn texts(diagnostics: &mut Diagnostics, node: &Node, path: &str) -> Vec<String> {
    let Some(list) = node.as_list() else {
        kind(diagnostics, node, path, "a list of texts");
        return Vec::new();
    };
    list.iter()
        .enumerate()
        .filter_map(|(index, item)| scalar(diagnostics, item, &format!("{path}[{index}]")))
        .collect()
}

pub(super) fn named_texts(
    diagnostics: &mut Diagnostics,
    node: &Node,
    path: &str,
) -> BTreeMap<String, String> {
    entries(diagnostics, node, path)
        .iter()
        .filter_map(|entry| {
            let text = scalar(diagnostics, &entry.value, &format!("{path}.{}", entry.key))?;
            Some((entry.key.clone(), text))
        })
        .collect()
}

pub(super) fn unknown_key(
    diagnostics: &mut Diagnostics,
    entry: &Entry,
    path: &str,
    known: &[&str],
) {
    let help = match nearest(&entry.key, known.iter().copied()) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("the keys are {}", known.join(", ")),
    };
    let message = format!("`{}` is no key of {path}", entry.key);
    diagnostics.push(
        Diagnostic::error("key-unknown", entry.key_span, entry.key.clone(), message).help(help),
    );
}

fn decode(root: &Node, diagnostics: &mut Diagnostics) -> Seed {
    let mut seed = Seed::default();
    if root.is_null() {
        return seed;
    }
    let Some(map) = root.as_map() else {
        let message = format!("sandbox.yml must be a map, not {}", root.kind());
        diagnostics.push(Diagnostic::error("value-kind", root.span, "", message));
        return seed;
    };
    for entry in map.iter().filter(|entry| !entry.key.starts_with("x-")) {
        let (key, node) = (entry.key.as_str(), &entry.value);
        match key {
            "parameters" => seed.parameters = parameters(node, diagnostics),
            "secrets" => seed.secrets = secrets(node, diagnostics),
            "connections" => seed.connections = connections(node, diagnostics),
            "roles" | "policies" | "buckets" | "topics" => {
                let kind = match key {
                    "roles" => "role",
                    "policies" => "policy",
                    "buckets" => "bucket",
                    _ => "topic",
                };
                let names = texts(diagnostics, node, key);
                seed.given
                    .extend(names.into_iter().map(|name| (kind, name)));
            }
            "stacks" => {
                for stack in entries(diagnostics, node, key) {
                    let path = format!("stacks.{}", stack.key);
                    let outputs = named_texts(diagnostics, &stack.value, &path);
                    seed.stacks.insert(stack.key.clone(), outputs);
                }
            }
            "objects" => seed.objects = named_texts(diagnostics, node, key),
            "sources" => seed.sources = standins::sources(node, diagnostics),
            "actions" => seed.actions = standins::actions(node, diagnostics),
            "alarms" => seed.alarms = standins::alarms(node, diagnostics),
            "passEnv" => seed.pass_env = texts(diagnostics, node, key),
            "strict" => match node.data {
                Data::Bool(strict) => seed.strict = strict,
                _ => kind(diagnostics, node, key, "true or false"),
            },
            _ => unknown_key(diagnostics, entry, "sandbox.yml", &KEYS),
        }
    }
    seed
}

fn parameters(node: &Node, diagnostics: &mut Diagnostics) -> BTreeMap<String, (String, String)> {
    let mut all = BTreeMap::new();
    for entry in entries(diagnostics, node, "parameters") {
        let path = format!("parameters.{}", entry.key);
        if let Some(fault) = parameter_name_fault(&entry.key) {
            diagnostics.push(Diagnostic::error(
                "value-invalid",
                entry.key_span,
                path.clone(),
                format!("`{}` cannot be the name of a parameter: {fault}", entry.key),
            ));
        }
        if let Some(parameter) = parameter(&entry.value, &path, diagnostics) {
            all.insert(entry.key.clone(), parameter);
        }
    }
    all
}

/// A value, `{type, value}`, or a list.
fn parameter(node: &Node, path: &str, diagnostics: &mut Diagnostics) -> Option<(String, String)> {
    match &node.data {
        Data::List(_) => {
            let items = texts(diagnostics, node, path);
            Some(("StringList".to_owned(), items.join(",")))
        }
        Data::Map(map) => {
            let mut kind = "String".to_owned();
            for entry in map {
                let inner = format!("{path}.{}", entry.key);
                match entry.key.as_str() {
                    "type" => {
                        let word = scalar(diagnostics, &entry.value, &inner)?;
                        if !TYPES.contains(&word.as_str()) {
                            let help = format!("the types are {}", TYPES.join(", "));
                            let message = format!("`{word}` is no type of a parameter");
                            wrong(diagnostics, &entry.value, &inner, message, help);
                        }
                        kind = word;
                    }
                    "value" => {}
                    _ => unknown_key(diagnostics, entry, "a parameter", &["type", "value"]),
                }
            }
            let Some(value) = node.get("value") else {
                let message = format!("`{path}` has no `value`");
                diagnostics.push(Diagnostic::error("key-missing", node.span, path, message));
                return None;
            };
            let value = match value.as_list() {
                Some(_) => texts(diagnostics, value, path).join(","),
                None => scalar(diagnostics, value, path)?,
            };
            Some((kind, value))
        }
        _ => Some(("String".to_owned(), scalar(diagnostics, node, path)?)),
    }
}

/// A text, a map that becomes JSON, or `{generate: true}`.
fn secrets(node: &Node, diagnostics: &mut Diagnostics) -> BTreeMap<String, Dummy> {
    let mut all = BTreeMap::new();
    for entry in entries(diagnostics, node, "secrets") {
        let path = format!("secrets.{}", entry.key);
        let value = &entry.value;
        let dummy = match (&value.data, value.get("generate")) {
            (Data::Map(map), Some(generate)) => {
                if map.len() > 1 || !matches!(generate.data, Data::Bool(true)) {
                    wrong(
                        diagnostics,
                        value,
                        &path,
                        format!("`{path}` generates a value or gives one, not both"),
                        "write `{generate: true}` and nothing beside it",
                    );
                }
                Some(Dummy::Generated)
            }
            (Data::Map(_), None) => Some(Dummy::Text(value.to_json().to_string())),
            _ => scalar(diagnostics, value, &path).map(Dummy::Text),
        };
        if let Some(dummy) = dummy {
            all.insert(entry.key.clone(), dummy);
        }
    }
    all
}

fn connections(node: &Node, diagnostics: &mut Diagnostics) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for entry in entries(diagnostics, node, "connections") {
        let path = format!("connections.{}", entry.key);
        let Some(status) = scalar(diagnostics, &entry.value, &path) else {
            continue;
        };
        if !STATUSES.contains(&status.as_str()) {
            let message = format!("`{status}` is no status of a connection");
            let help = format!("the statuses are {}", STATUSES.join(", "));
            wrong(diagnostics, &entry.value, &path, message, help);
        }
        all.insert(entry.key.clone(), status);
    }
    all
}
