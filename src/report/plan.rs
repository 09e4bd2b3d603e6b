//! A plan as a person reads it: one line a resource, one line a field, and what follows from it.

use std::fmt::Write as _;

use serde_json::Value;

use super::Look;
use super::text::{Paint, clean, number, paint};
use crate::plan::{Action, Change, Field, Plan};
use crate::resources::{Id, Kind};

/// For whom a plan is.
#[derive(Debug, Clone)]
pub struct Header {
    /// `AWS` or `sandbox`.
    pub label: String,
    /// The account.
    pub account: String,
    /// The home region.
    pub region: String,
    /// The stage.
    pub stage: String,
    /// The service.
    pub service: String,
}

/// Lines shown of a text that spans several lines.
const TEXT_LINES: usize = 20;

/// `hw-api for account 123456789012 (sandbox), region us-east-1, stage dev`
pub fn header(look: Look, header: &Header) -> String {
    let title = paint(look, Paint::Strong, &clean(&header.service));
    format!(
        "{title} in account {} ({}), region {}, stage {}\n",
        header.account,
        header.label,
        header.region,
        clean(&header.stage)
    )
}

/// The whole plan.
pub fn plan(look: Look, head: &Header, plan: &Plan) -> String {
    let mut text = header(look, head);
    changes(&mut text, look, head, plan, true);
    if !plan.leftovers.is_empty() {
        let _ = writeln!(
            text,
            "\n{}",
            paint(
                look,
                Paint::Strong,
                "The file no longer has (--prune deletes them):"
            )
        );
        for id in &plan.leftovers {
            let data = if id.kind.holds_data() {
                "  (only with --delete-data)"
            } else if plan.options.prune {
                // What else is left over after all stays for the reason told below.
                "  (not now)"
            } else {
                ""
            };
            let _ = writeln!(text, "  {}{data}", name(head, id));
        }
    }
    consequences(&mut text, look, plan);
    let _ = writeln!(text, "\n{}", summary(plan));
    text
}

/// What a destroy would remove; what stays stands among the consequences.
pub fn destroy(look: Look, head: &Header, plan: &Plan) -> String {
    let mut text = header(look, head);
    changes(&mut text, look, head, plan, false);
    consequences(&mut text, look, plan);
    let summary = match plan.changes.len() {
        0 => "Nothing to delete.".to_owned(),
        count => format!("{count} to delete"),
    };
    let _ = writeln!(text, "\n{summary}");
    text
}

fn changes(text: &mut String, look: Look, head: &Header, plan: &Plan, reasons: bool) {
    if !plan.changes.is_empty() {
        text.push('\n');
    }
    let widest = plan
        .changes
        .iter()
        .map(|change| change.id.kind.as_str().len())
        .max()
        .unwrap_or(0);
    for change in &plan.changes {
        let why = if reasons { reason(change) } else { "" };
        change_lines(text, look, head, change, widest, why);
    }
}

fn consequences(text: &mut String, look: Look, plan: &Plan) {
    if !plan.consequences.is_empty() {
        let _ = writeln!(text, "\n{}", paint(look, Paint::Strong, "What follows:"));
        let dot = if look.unicode { '•' } else { '*' };
        for consequence in &plan.consequences {
            let _ = writeln!(text, "  {dot} {}", clean(consequence));
        }
    }
}

/// `3 to create, 1 to update; 6 unchanged`
pub fn summary(plan: &Plan) -> String {
    let count = |action| {
        plan.changes
            .iter()
            .filter(|change| change.action == action)
            .count()
    };
    let parts: Vec<String> = [
        (Action::Create, "to create"),
        (Action::Update, "to update"),
        (Action::Replace, "to replace"),
        (Action::Delete, "to delete"),
    ]
    .into_iter()
    .filter_map(|(action, words)| {
        let count = count(action);
        (count > 0).then(|| format!("{count} {words}"))
    })
    .collect();
    if parts.is_empty() {
        format!(
            "Nothing to do: {} as the file says.",
            number(plan.unchanged, "resource")
        )
    } else {
        format!("{}; {} unchanged", parts.join(", "), plan.unchanged)
    }
}

fn name(head: &Header, id: &Id) -> String {
    let name = clean(&id.name);
    if id.region == head.region {
        format!("{} {name}", id.kind)
    } else {
        format!("{} {name} in {}", id.kind, id.region)
    }
}

fn change_lines(
    text: &mut String,
    look: Look,
    head: &Header,
    change: &Change,
    widest: usize,
    why: &str,
) {
    let (sign, color) = match change.action {
        Action::Create => ("+", Paint::Add),
        Action::Update => ("~", Paint::Change),
        Action::Replace if look.unicode => ("±", Paint::Remove),
        Action::Replace => ("-/+", Paint::Remove),
        Action::Delete => ("-", Paint::Remove),
    };
    let kind = change.id.kind.as_str();
    let mut line = format!("{sign:>3} {kind:widest$} {}", clean(&change.id.name));
    if change.id.region != head.region {
        let _ = write!(line, " in {}", change.id.region);
    }
    text.push_str(&paint(look, color, &line));
    if !why.is_empty() {
        text.push_str("  ");
        text.push_str(&paint(look, Paint::Faint, why));
    }
    text.push('\n');
    for field in &change.fields {
        field_lines(text, look, &spoken(change, field), field);
    }
    for grant in &change.widens {
        let line = format!("      ! may now {}", clean(&grant.to_string()));
        text.push_str(&paint(look, Paint::Warning, &line));
        text.push('\n');
    }
}

/// Why, where it is not plain from the sign.
fn reason(change: &Change) -> &'static str {
    use crate::plan::Reason;
    match change.reason {
        Reason::New => "",
        Reason::File => "(the file changed)",
        Reason::Drift => "(changed outside pipectl)",
        Reason::Rotation => "(the secret has a new version)",
        Reason::Leftover => "(the file no longer has it)",
        Reason::Adopt => "(taken over)",
    }
}

/// The path as people say it: stages and actions of a pipeline by their names, not by where they stand.
fn spoken(change: &Change, field: &Field) -> String {
    let side = match field.after {
        Some(_) => &change.desired,
        None => &change.live,
    };
    let pipeline = side.as_ref().filter(|side| side.id.kind == Kind::Pipeline);
    let Some(pipeline) = pipeline else {
        return field.path.clone();
    };
    let mut at = &pipeline.body;
    let mut parts = Vec::new();
    for part in field.path.split('.') {
        let place = part.strip_suffix(']').and_then(|part| part.split_once('['));
        let place = place.and_then(|(key, index)| Some((key, index.parse::<usize>().ok()?)));
        let Some((key, index)) = place else {
            parts.push(part.to_owned());
            at = &at[part];
            continue;
        };
        at = &at[key][index];
        parts.push(match at["name"].as_str() {
            Some(name) => format!("{key}[{name}]"),
            None => part.to_owned(),
        });
    }
    parts.join(".")
}

fn field_lines(text: &mut String, look: Look, path: &str, field: &Field) {
    let path = clean(path);
    if field.secret {
        let _ = writeln!(text, "      {path}: a secret, not shown");
        return;
    }
    if let (Some(Value::String(before)), Some(Value::String(after))) = (&field.before, &field.after)
        && (before.contains('\n') || after.contains('\n'))
    {
        let _ = writeln!(text, "      {path}:");
        changed_lines(text, look, before, after);
        return;
    }
    let arrow = if look.unicode { "→" } else { "->" };
    let room = look.width.saturating_sub(path.chars().count() + 12).max(24);
    let line = match (&field.before, &field.after) {
        (None, Some(after)) => paint(
            look,
            Paint::Add,
            &format!("      + {path}: {}", value(after, room)),
        ),
        (Some(before), None) => paint(
            look,
            Paint::Remove,
            &format!("      - {path}: {}", value(before, room)),
        ),
        (before, after) => {
            let shown = |side: &Option<Value>| {
                side.as_ref()
                    .map_or_else(|| "nothing".to_owned(), |side| value(side, usize::MAX))
            };
            let (before, after) = (shown(before), shown(after));
            if before.chars().count() + after.chars().count() + 4 <= room {
                format!("      {path}: {before} {arrow} {after}")
            } else {
                format!(
                    "      {path}:\n        {}\n        {}",
                    paint(look, Paint::Remove, &format!("- {before}")),
                    paint(look, Paint::Add, &format!("+ {after}"))
                )
            }
        }
    };
    text.push_str(&line);
    text.push('\n');
}

/// A value on one line, cut where the line ends.
fn value(value: &Value, room: usize) -> String {
    let text = clean(&value.to_string());
    if text.chars().count() <= room {
        return text;
    }
    // What has a name is known by it, wherever the name stands in the text.
    let text = match value.get("name").and_then(Value::as_str) {
        Some(name) => format!("{} {text}", clean(name)),
        None => text,
    };
    let mut cut: String = text.chars().take(room.saturating_sub(3)).collect();
    cut.push_str("...");
    cut
}

/// The lines that differ between two texts, those around them left out.
fn changed_lines(text: &mut String, look: Look, before: &str, after: &str) {
    let before: Vec<&str> = before.lines().collect();
    let after: Vec<&str> = after.lines().collect();
    let same = before
        .iter()
        .zip(&after)
        .take_while(|(one, other)| one == other)
        .count();
    let same_end = before[same..]
        .iter()
        .rev()
        .zip(after[same..].iter().rev())
        .take_while(|(one, other)| one == other)
        .count();
    let mut show = |sign: &str, color: Paint, lines: &[&str]| {
        for line in lines.iter().take(TEXT_LINES) {
            let line = format!("        {sign} {}", clean(line));
            text.push_str(&paint(look, color, &line));
            text.push('\n');
        }
        if lines.len() > TEXT_LINES {
            let more = format!("          and {}", number(lines.len() - TEXT_LINES, "line"));
            text.push_str(&paint(look, Paint::Faint, &more));
            text.push('\n');
        }
    };
    show("-", Paint::Remove, &before[same..before.len() - same_end]);
    show("+", Paint::Add, &after[same..after.len() - same_end]);
}

/// What an apply or destroy did.
pub fn outcome(outcome: &crate::apply::Outcome) -> String {
    let count = |action| {
        outcome
            .plan
            .changes
            .iter()
            .filter(|change| change.action == action && outcome.done.contains(&change.id))
            .count()
    };
    let parts: Vec<String> = [
        (Action::Create, "created"),
        (Action::Update, "updated"),
        (Action::Replace, "replaced"),
        (Action::Delete, "deleted"),
    ]
    .into_iter()
    .filter_map(|(action, word)| {
        let count = count(action);
        (count > 0).then(|| format!("{count} {word}"))
    })
    .collect();
    let done = if parts.is_empty() {
        "nothing was changed".to_owned()
    } else {
        parts.join(", ")
    };
    let mut text = if outcome.interrupted {
        format!("Interrupted: {done}")
    } else if outcome.failed.is_empty() && outcome.failures.is_empty() {
        format!("Done: {done}")
    } else {
        format!("Not finished: {done}")
    };
    for (count, word) in [
        (outcome.failed.len(), "failed"),
        (outcome.skipped.len(), "not tried"),
    ] {
        // After an interruption what is left is told below.
        let told = outcome.interrupted && word == "not tried";
        if count > 0 && !told {
            let _ = write!(text, ", {count} {word}");
        }
    }
    if outcome.interrupted {
        let left = outcome
            .plan
            .changes
            .iter()
            .filter(|change| !outcome.done.contains(&change.id))
            .count();
        let _ = write!(text, "; {left} left, the same command goes on from here");
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Reason;
    use crate::resources::Resource;
    use serde_json::json;

    #[test]
    fn stages_and_actions_are_called_by_their_names() {
        let pipeline = |stages: Value| {
            let id = Id::new(Kind::Pipeline, "us-east-1", "p");
            Some(Resource::new(id, json!({"stages": stages})))
        };
        let change = Change {
            id: Id::new(Kind::Pipeline, "us-east-1", "p"),
            action: Action::Update,
            reason: Reason::File,
            fields: Vec::new(),
            widens: Vec::new(),
            desired: pipeline(
                json!([{"name": "Source"}, {"name": "Build", "actions": [{"name": "Unit"}]}]),
            ),
            live: pipeline(json!([{"name": "Source"}, {"name": "Old"}])),
        };
        let said = |path: &str, after: Option<Value>| {
            let path = path.to_owned();
            let (before, secret) = (Some(json!(1)), false);
            spoken(
                &change,
                &Field {
                    path,
                    before,
                    after,
                    secret,
                },
            )
        };
        let some = || Some(json!(2));
        assert_eq!(
            said("stages[1].actions[0].configuration.A.B", some()),
            "stages[Build].actions[Unit].configuration.A.B"
        );
        assert_eq!(said("stages[1]", None), "stages[Old]");
        assert_eq!(said("stages[7].actions[0]", some()), "stages[7].actions[0]");
        assert_eq!(said("tags.team", some()), "tags.team");
    }

    #[test]
    fn a_long_value_begins_with_its_name() {
        let stage = json!({"actions": ["x".repeat(50)], "name": "Integration"});
        assert_eq!(value(&stage, 30), "Integration {\"actions\":[\"xx...");
        assert_eq!(value(&json!({"name": "A"}), 30), "{\"name\":\"A\"}");
    }
}
