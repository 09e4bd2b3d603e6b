//! Statements that the file adds are written as IAM reads them.

use std::collections::{BTreeMap, HashSet};

use crate::catalog::iam::{self, Grammar};
use crate::catalog::text::Pattern;
use crate::checks::{Rule, Subject, fields};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, nearest};
use crate::model::{Given, MadeRole, Statement};
use crate::source::Span;
use crate::tree::{Data, Entry, Node};

pub(super) const RULE: Rule = Rule {
    code: "allow-invalid",
    severity: Severity::Error,
    summary: "a statement under `allow` is none that IAM takes",
    why: "An action is `service:Action`, a resource an ARN, and either may be `*`. A condition is a map of operators such \
          as `StringEquals`. A name (`Sid`) has letters and digits only, and is there \
          once in a role. IAM refuses the whole policy else, when the role is made.",
    aws: "MalformedPolicyDocument: Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
    wrong: "- build:\n    run: make\n    allow: {Action: GetObject, Resource: shop-pages/*}",
    right: "- build:\n    run: make\n    allow: {Action: s3:GetObject, Resource: \"arn:aws:s3:::shop-pages/*\"}",
    link: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let mut seen = HashSet::new();
    for statements in by_role(subject).values() {
        let mut names: BTreeMap<&str, &Statement> = BTreeMap::new();
        for statement in statements {
            let sid = statement.node.get("Sid").and_then(fields::known);
            let first = sid.map(|sid| *names.entry(sid).or_insert(statement));
            if seen.insert(statement.node.span) {
                one(statement, diagnostics);
                diagnostics.extend(first.and_then(|first| again(statement, first)));
            }
        }
    }
}

/// The statements that go into one policy, by the role they are added to.
fn by_role<'a>(subject: &Subject<'a>) -> BTreeMap<String, Vec<&'a Statement>> {
    let model = subject.model;
    let provider = &model.provider;
    let mut all: BTreeMap<String, Vec<&Statement>> = BTreeMap::new();
    let mut add = |key: &str, statements: &'a [Statement]| {
        if !statements.is_empty() {
            all.entry(key.to_owned()).or_default().extend(statements);
        }
    };
    let made = |role: &'a Option<Given<MadeRole>>| match role {
        Some(Given::Made(made)) => &made.allow[..],
        _ => &[],
    };
    for (key, role) in [
        ("pipelineRole", &provider.pipeline_role),
        ("buildRole", &provider.build_role),
        ("eventsRole", &provider.events_role),
    ] {
        add(key, made(role));
    }
    for pipeline in &model.pipelines {
        // a role of its own for each, unless the file describes one for all
        let key = match provider.pipeline_role {
            Some(_) => "pipelineRole".to_owned(),
            None => format!("pipeline {}", pipeline.path),
        };
        for action in pipeline.stages.iter().flat_map(|stage| &stage.actions) {
            add(&key, &action.allow);
        }
    }
    for project in &model.projects {
        let shared = project.role.is_none() && provider.build_role.is_some();
        let key = match shared {
            true => "buildRole".to_owned(),
            false => format!("project {}", project.key),
        };
        add(&key, made(&project.role));
        add(&key, &project.allow);
    }
    all
}

/// The same name for another statement.
fn again(statement: &Statement, first: &Statement) -> Option<Diagnostic> {
    // what is the same twice is written once
    if first.node.span == statement.node.span || first.node.to_json() == statement.node.to_json() {
        return None;
    }
    let sid = statement.node.get("Sid")?;
    let path = fields::join(&statement.path, "Sid");
    let message = format!(
        "two statements of one role are called `{}`",
        fields::known(sid)?
    );
    Some(
        finding(sid, path, message)
            .label("again here")
            .related(first.node.get("Sid")?.span, "first here")
            .help("give one of the two another name, or leave it out"),
    )
}

fn finding(node: &Node, path: String, message: String) -> Diagnostic {
    RULE.finding(node.span, path, message)
        .through(node.origin.as_ref())
}

fn one(statement: &Statement, diagnostics: &mut Diagnostics) {
    let grammar = iam::grammar();
    let node = &statement.node;
    let at = |key: &str| fields::join(&statement.path, key);
    if let Some(sid) = fields::get(node, "Sid").filter(|sid| !sid.has_unknown()) {
        let right = fields::known(sid).is_some_and(|name| grammar.sid.check(name).is_ok());
        if !right {
            let written = sid.scalar_text().unwrap_or_default();
            let plain: String = written
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .collect();
            let message = format!("`{written}` cannot be the name of a statement");
            diagnostics.push(
                finding(sid, at("Sid"), message)
                    .label("not letters and digits alone")
                    .help(match plain.is_empty() {
                        true => "leave it out".to_owned(),
                        false => format!("write `{plain}`"),
                    }),
            );
        }
    }
    for (key, other) in [("Action", "NotAction"), ("Resource", "NotResource")] {
        let (one, two) = (node.entry(key), node.entry(other));
        if let (Some(one), Some(two)) = (one, two) {
            diagnostics.push(beside(one, two, at(other)));
        }
        let part = match key {
            "Action" => action,
            _ => resource,
        };
        for entry in [one, two].into_iter().flatten() {
            texts(&entry.value, &at(&entry.key), &entry.key, part, diagnostics);
        }
    }
    if let Some(condition) = fields::get(node, "Condition") {
        of_condition(condition, &at("Condition"), grammar, diagnostics);
    }
}

fn beside(one: &Entry, two: &Entry, path: String) -> Diagnostic {
    RULE.finding(
        two.key_span,
        path,
        format!("`{}` does not go beside `{}`", two.key, one.key),
    )
    .label("one of the two")
    .related(one.key_span, format!("`{}` stands here", one.key))
    .help("keep one, or write two statements")
}

/// What is wrong with one text, if anything is: what, the noun phrase, the help, whether it is certain.
type Wrong = (String, &'static str, String, bool);

/// A text or a list of texts.
fn texts(
    node: &Node,
    path: &str,
    key: &str,
    part: fn(&str, &Grammar) -> Option<Wrong>,
    diagnostics: &mut Diagnostics,
) {
    let items = match &node.data {
        Data::List(items) if items.is_empty() => {
            let message = format!("`{key}` is an empty list");
            diagnostics.push(
                finding(node, path.to_owned(), message)
                    .label("nothing here")
                    .help("name one, or leave the statement out"),
            );
            return;
        }
        Data::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    for (index, item) in items.iter().enumerate() {
        let path = match node.as_list() {
            Some(_) => format!("{path}[{index}]"),
            None => path.to_owned(),
        };
        // what is no text was told where the file was read
        let Data::Text(text) = &item.data else {
            continue;
        };
        let Some((message, label, help, certain)) = part(text, iam::grammar()) else {
            continue;
        };
        let told = match certain {
            true => RULE.finding(item.span, path, message),
            false => RULE.doubtful(item.span, path, message),
        };
        let told = told.label(label).help(help);
        diagnostics.push(told.through(item.origin.as_ref()));
    }
}

fn action(text: &str, grammar: &Grammar) -> Option<Wrong> {
    let matches = |pattern: &Pattern| pattern.matches(text);
    if matches(&grammar.action) || open(text) {
        return None;
    }
    let colons = text.matches(':').count();
    Some(match colons {
        _ if text.is_empty() => (
            "an action is an empty text".to_owned(),
            "nothing here",
            "write `service:Action`, such as `s3:GetObject`".to_owned(),
            true,
        ),
        0 => (
            format!("the action `{text}` says no service"),
            "without a service",
            format!("write `SERVICE:{text}`, such as `s3:GetObject`"),
            true,
        ),
        1 => (
            format!("`{text}` does not look like an action"),
            "no action",
            "write `service:Action`, such as `s3:GetObject` or `s3:Get*`".to_owned(),
            text.contains(char::is_whitespace) || text.starts_with(':') || text.ends_with(':'),
        ),
        _ => (
            format!("the action `{text}` has more than one colon"),
            "no action",
            "write `service:Action`, such as `s3:GetObject`".to_owned(),
            true,
        ),
    })
}

fn resource(text: &str, grammar: &Grammar) -> Option<Wrong> {
    if grammar.resource.matches(text) || open(text) {
        return None;
    }
    if text.is_empty() {
        return Some((
            "a resource is an empty text".to_owned(),
            "nothing here",
            "write an ARN, or `*`".to_owned(),
            true,
        ));
    }
    let help = match text.starts_with("arn:") {
        true => {
            "an ARN is `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`; region and account may be empty"
        }
        false => "write its ARN, such as `arn:aws:s3:::BUCKET/*`, or `*`",
    };
    // what a star may stand for is IAM's to say
    let certain = !text.starts_with(['*', '?']);
    let message = format!("the resource `{text}` is no ARN");
    Some((message, "no ARN", help.to_owned(), certain))
}

/// Whether a variable of IAM may stand for what is not there.
fn open(text: &str) -> bool {
    text.contains("${") || text.contains("#{")
}

fn of_condition(node: &Node, path: &str, grammar: &Grammar, diagnostics: &mut Diagnostics) {
    // one that is no map was told where the file was read
    let operators = node.as_map().unwrap_or_default();
    for operator in operators {
        let path = fields::join(path, &operator.key);
        if let Some(told) = of_operator(&operator.key, operator.key_span, &path, grammar) {
            diagnostics.push(told);
            continue;
        }
        let value = &operator.value;
        if value.as_map().is_none() && !matches!(value.data, Data::Unknown(_)) {
            let message = format!(
                "`{}` must be a map of condition keys and values, not {}",
                operator.key,
                value.kind()
            );
            diagnostics.push(
                finding(value, path, message)
                    .label(format!("{} here", value.kind()))
                    .help(format!("write it as `{}: {{KEY: VALUE}}`", operator.key)),
            );
        }
    }
}

fn of_operator(word: &str, span: Span, path: &str, grammar: &Grammar) -> Option<Diagnostic> {
    let (set, bare) = grammar
        .set_operators
        .iter()
        .find_map(|set| Some((set.as_str(), word.strip_prefix(set.as_str())?)))
        .unwrap_or(("", word));
    let plain = bare.strip_suffix(grammar.if_exists.as_str());
    let known = |word: &str| grammar.operators.iter().any(|one| one == word);
    let fits = known(bare) || plain.is_some_and(|plain| known(plain) && plain != grammar.null);
    if fits {
        return None;
    }
    let alike = |one: &&String| one.eq_ignore_ascii_case(plain.unwrap_or(bare));
    let near = match grammar.operators.iter().find(alike) {
        Some(same) => Some(same.as_str()),
        None => nearest(
            plain.unwrap_or(bare),
            grammar.operators.iter().map(String::as_str),
        ),
    };
    let message = format!("IAM has no condition operator `{word}`");
    // whether it minds capitals is not known
    let finding = match grammar.operators.iter().any(|one| alike(&one)) {
        true => RULE.doubtful(span, path, message),
        false => RULE.finding(span, path, message),
    };
    let ending = match plain {
        Some(_) if near != Some(grammar.null.as_str()) => grammar.if_exists.as_str(),
        _ => "",
    };
    Some(finding.label("no operator").help(match near {
        Some(near) => format!("write `{set}{near}{ending}`"),
        None => "write one such as `StringEquals`, `StringLike`, `ArnLike` or `Bool`".to_owned(),
    }))
}
