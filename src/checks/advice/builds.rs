//! What builds run: their buildspecs and commands, wherever they are written.

use crate::checks::Subject;
use crate::model::{Buildspec, Model, Project, Purpose, Text};
use crate::source::Span;
use crate::tree::{Data, Node};

/// A command of a shell and its place in the structure.
pub(super) struct Command {
    /// The command.
    pub(super) text: Text,
    /// The path.
    pub(super) path: String,
}

/// The buildspec of a project, if it can be read: written in the file, or a file beside it.
pub(super) fn buildspec<'a>(subject: &Subject<'a>, project: &'a Project) -> Option<&'a Node> {
    if project.existing || project.purpose == Purpose::SelfUpdate {
        return None;
    }
    let node = match &project.buildspec {
        Buildspec::Inline(node) => Some(node),
        Buildspec::Default => subject.buildspecs.get("buildspec.yml"),
        Buildspec::Path(path) => subject.buildspecs.get(&path.value),
    };
    node.filter(|node| node.as_map().is_some())
}

/// The commands of a project, if all of them are known.
pub(super) fn commands(subject: &Subject<'_>, project: &Project) -> Option<Vec<Command>> {
    let tree = buildspec(subject, project)?;
    if matches!(project.buildspec, Buildspec::Inline(_)) && !project.commands.is_empty() {
        let path = if project.raw {
            format!("{}.source.buildspec", project.path)
        } else {
            project.path.clone()
        };
        return Some(
            project
                .commands
                .iter()
                .map(|text| Command {
                    text: text.clone(),
                    path: path.clone(),
                })
                .collect(),
        );
    }
    Some(of_tree(tree))
}

/// The commands of a buildspec that is a file of its own.
fn of_tree(tree: &Node) -> Vec<Command> {
    let phases = tree
        .get("phases")
        .and_then(Node::as_map)
        .unwrap_or_default();
    let mut found = Vec::new();
    for phase in phases {
        for key in ["commands", "finally"] {
            let path = format!("phases.{}.{key}", phase.key);
            match phase.value.get(key).map(|node| (node, &node.data)) {
                Some((_, Data::List(items))) => found.extend(
                    items
                        .iter()
                        .enumerate()
                        .filter_map(|(at, item)| command(item, format!("{path}[{at}]"))),
                ),
                Some((node, _)) => found.extend(command(node, path)),
                None => {}
            }
        }
    }
    found
}

fn command(node: &Node, path: String) -> Option<Command> {
    Some(Command {
        text: text(node)?,
        path,
    })
}

/// A node as a text.
pub(super) fn text(node: &Node) -> Option<Text> {
    Some(Text {
        value: node.scalar_text()?,
        span: node.span,
        known: !node.has_unknown(),
        secret: None,
        origin: node.origin.clone(),
    })
}

/// Every command of a file that a shell runs, each once: builds, buildspecs beside the file, Commands actions and
/// rules, what installs pipectl.
pub(super) fn every_command(subject: &Subject<'_>) -> Vec<Command> {
    let model = subject.model;
    let mut all = Vec::new();
    for project in &model.projects {
        all.extend(commands(subject, project).unwrap_or_default());
    }
    all.extend(direct_commands(model));
    let mut seen = std::collections::HashSet::new();
    all.retain(|command| seen.insert((command.text.span, command.text.value.clone())));
    all
}

/// Commands that CodePipeline itself runs, or that install pipectl.
pub(super) fn direct_commands(model: &Model) -> Vec<Command> {
    let mut all = Vec::new();
    for stage in model.pipelines.iter().flat_map(|p| &p.stages) {
        for action in &stage.actions {
            let key = if action.raw { "commands" } else { "run" };
            all.extend(numbered(
                &action.commands,
                &format!("{}.{key}", action.path),
            ));
            if let Some(update) = &action.self_update {
                all.extend(numbered(
                    &update.install,
                    &format!("{}.install", action.path),
                ));
            }
        }
        let conditions = [&stage.before_entry, &stage.on_success, &stage.on_failure];
        for condition in conditions.into_iter().flatten() {
            for (index, rule) in condition.rules.iter().enumerate() {
                let list = match condition.raw {
                    Some(_) => "conditions[0].rules",
                    None => "check",
                };
                let path = format!("{}.{list}[{index}].commands", condition.path);
                all.extend(numbered(&rule.commands, &path));
            }
        }
    }
    all
}

fn numbered(commands: &[Text], path: &str) -> Vec<Command> {
    commands
        .iter()
        .map(|text| Command {
            text: text.clone(),
            path: path.to_owned(),
        })
        .collect()
}

/// The place of a part of a text, as near as the file allows: within a buildspec that is a text itself, the part is
/// looked for in that text.
pub(super) fn place(subject: &Subject<'_>, text: &Text, start: usize, end: usize) -> Span {
    let near = subject.part(text, start, end);
    if near != text.span {
        return near;
    }
    let written = subject.sources.slice(text.span);
    let unique = |part: &str| {
        let mut found = written.match_indices(part);
        match (found.next(), found.next()) {
            (Some((at, _)), None) if !part.is_empty() => Some(text.span.part(at, at + part.len())),
            _ => None,
        }
    };
    let part = text.value.get(start..end).unwrap_or_default();
    let escaped = serde_json::Value::from(part).to_string();
    unique(part)
        .or_else(|| unique(escaped.trim_matches('"')))
        .or_else(|| {
            let whole = unique(&text.value)?;
            Some(whole.part(start, end))
        })
        .unwrap_or(text.span)
}
