//! `print`: the file with every variable resolved.

use std::fmt::Write as _;

use super::session::Session;
use super::{End, Setting};
use crate::cli::Print;
use crate::error::{Exit, Failure};
use crate::model;
use crate::report::{Format, yaml};
use crate::source::Sources;
use crate::tree::{Data, Node};
use crate::yaml::join_key;

/// Runs the command.
pub(super) async fn run(arguments: &Print, setting: &Setting) -> Result<Exit, End> {
    if arguments.explain && setting.report.format == Format::Json {
        return Err(Failure::usage("`--explain` is a page for people, not JSON")
            .help("leave out one of the two")
            .into());
    }
    let mut session = Session::new(setting);
    // A file of another tool prints, too.
    session.foreign = true;
    let mut document = session.document().await?;
    model::conceal(&mut document.tree);
    let path = arguments.path.as_deref().unwrap_or("");
    let node = walk(&document.tree, path)?;
    session.print_warnings();
    let report = &setting.report;
    if arguments.explain {
        report.result(&origins(&session.sources, node, path));
        return Ok(Exit::Ok);
    }
    match report.format {
        Format::Json => report.result_json(&node.to_json()),
        _ => match node.scalar_text() {
            // A single value is for a script's `$(…)`.
            Some(text) if !path.is_empty() => report.result(&text),
            _ => report.result(&yaml::text(&node.to_json())),
        },
    }
    Ok(Exit::Ok)
}

/// The node at a path such as `custom.a` or `stages[0].name`.
fn walk<'n>(root: &'n Node, path: &str) -> Result<&'n Node, Failure> {
    let mut node = root;
    let mut so_far = String::new();
    let spelled = path.replace('[', ".").replace(']', "");
    for step in spelled.split('.').filter(|step| !step.is_empty()) {
        let next = match &node.data {
            Data::List(items) => step.parse::<usize>().ok().and_then(|at| items.get(at)),
            _ => node.get(step),
        };
        let Some(next) = next else {
            let owner = if so_far.is_empty() {
                "the file".to_owned()
            } else {
                format!("`{so_far}`")
            };
            let failure = Failure::no("path-unknown", format!("{owner} has no `{step}`"));
            let keys: Vec<&str> = node
                .as_map()
                .unwrap_or_default()
                .iter()
                .map(|entry| entry.key.as_str())
                .collect();
            return Err(if keys.is_empty() {
                failure.help(format!("it is {}", node.kind()))
            } else {
                failure.help(format!("it has {}", keys.join(", ")))
            });
        };
        so_far = join_key(&so_far, step);
        node = next;
    }
    Ok(node)
}

/// Every value that came through variables, with the way it came.
fn origins(sources: &Sources, node: &Node, path: &str) -> String {
    let mut text = String::new();
    collect(sources, node, path, &mut text);
    if text.is_empty() {
        text.push_str("no value here came through a variable\n");
    }
    text
}

fn collect(sources: &Sources, node: &Node, path: &str, text: &mut String) {
    let mut step = node.origin.as_deref();
    if step.is_some() {
        let value = match &node.data {
            Data::List(_) | Data::Map(_) => node.kind().to_owned(),
            _ => node.to_json().to_string(),
        };
        let _ = writeln!(text, "{path}: {value}");
    }
    while let Some(origin) = step {
        let (start, _) = sources.positions(origin.span);
        let _ = writeln!(
            text,
            "  {} at {}:{}:{}",
            origin.what,
            sources.file(origin.span.file).name,
            start.line,
            start.column
        );
        step = origin.from.as_deref();
    }
    match &node.data {
        Data::Map(entries) => {
            for entry in entries {
                collect(sources, &entry.value, &join_key(path, &entry.key), text);
            }
        }
        Data::List(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(sources, item, &format!("{path}[{index}]"), text);
            }
        }
        _ => {}
    }
}
