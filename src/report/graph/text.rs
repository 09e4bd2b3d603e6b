//! The picture for a terminal.

use std::fmt::Write as _;

use super::super::Look;
use super::super::text::{Paint, clean, paint};
use crate::operate::graph::{Action, Graph, State};

/// Symbols with and without Unicode.
struct Lines {
    down: &'static str,
    stage: &'static str,
    branch: &'static str,
    last: &'static str,
    to: &'static str,
    both: &'static str,
}

const UNICODE: Lines = Lines {
    down: "│",
    stage: "○",
    branch: "├─",
    last: "└─",
    to: "→",
    both: "║",
};

const ASCII: Lines = Lines {
    down: "|",
    stage: "o",
    branch: "|-",
    last: "`-",
    to: "->",
    both: "||",
};

/// Stages from top to bottom; actions that run side by side are marked as such.
pub fn text(look: Look, graph: &Graph) -> String {
    let lines = if look.unicode { UNICODE } else { ASCII };
    let mut text = paint(look, Paint::Strong, &clean(&graph.name));
    text.push('\n');
    let actions = || {
        graph
            .stages
            .iter()
            .flat_map(|one| one.groups.iter().flatten())
    };
    let name = actions().map(|one| width(&one.name)).max().unwrap_or(0);
    let provider = actions().map(|one| width(&one.provider)).max().unwrap_or(0);
    let any_beside = graph
        .stages
        .iter()
        .any(|one| one.groups.iter().any(|group| group.len() > 1));
    for (index, stage) in graph.stages.iter().enumerate() {
        if index > 0 {
            let _ = writeln!(text, "{}", lines.down);
        }
        let mut head = format!(
            "{} {}",
            symbol(look, &lines, stage.state),
            paint(look, Paint::Strong, &clean(&stage.name))
        );
        for note in &stage.notes {
            head.push_str("  ");
            head.push_str(&paint(look, Paint::Faint, &clean(note)));
        }
        let _ = writeln!(text, "{}", cut(look, &head));
        let rail = if index + 1 < graph.stages.len() {
            lines.down
        } else {
            " "
        };
        let count: usize = stage.groups.iter().map(Vec::len).sum();
        let mut seen = 0;
        for group in &stage.groups {
            for action in group {
                seen += 1;
                let twig = if seen == count {
                    lines.last
                } else {
                    lines.branch
                };
                // `║` stands before actions that run side by side
                let beside = match (any_beside, group.len()) {
                    (false, _) => String::new(),
                    (true, 1) => " ".repeat(width(lines.both) + 1),
                    (true, _) => format!("{} ", lines.both),
                };
                let line = format!(
                    "{rail}  {twig} {beside}{} {}  {}  {}",
                    pad(&clean(&action.name), name),
                    paint(look, Paint::Faint, &pad(&clean(&action.provider), provider)),
                    state(look, action),
                    artifacts(&lines, action),
                );
                let _ = writeln!(text, "{}", cut(look, &line));
            }
        }
    }
    text
}

fn width(text: &str) -> usize {
    console::measure_text_width(text)
}

fn pad(text: &str, width: usize) -> String {
    console::pad_str(text, width, console::Alignment::Left, None).into_owned()
}

fn cut(look: Look, line: &str) -> String {
    let tail = if look.unicode { "…" } else { "..." };
    let line = line.trim_end();
    if width(line) <= look.width {
        return line.to_owned();
    }
    console::truncate_str(line, look.width, tail).into_owned()
}

fn symbol(look: Look, lines: &Lines, state: Option<State>) -> String {
    let Some(state) = state else {
        return lines.stage.to_owned();
    };
    let (unicode, ascii, color) = match state {
        State::Succeeded => ("✓", "+", Paint::Add),
        State::Failed => ("✗", "x", Paint::Error),
        State::Running => ("●", "*", Paint::Strong),
        State::Waiting => ("◆", "?", Paint::Warning),
        State::Ended => ("–", "-", Paint::Faint),
    };
    paint(look, color, if look.unicode { unicode } else { ascii })
}

fn state(look: Look, action: &Action) -> String {
    match action.state {
        Some(state) => {
            let color = match state {
                State::Succeeded => Paint::Add,
                State::Failed => Paint::Error,
                State::Running => Paint::Strong,
                State::Waiting => Paint::Warning,
                State::Ended => Paint::Faint,
            };
            paint(look, color, &format!("{:<9}", super::word(state)))
        }
        None => clean(&action.detail),
    }
}

fn artifacts(lines: &Lines, action: &Action) -> String {
    let taken = action.inputs.join(", ");
    let given = action.outputs.join(", ");
    match (taken.is_empty(), given.is_empty()) {
        (true, true) => String::new(),
        (false, true) => format!("[{taken} {}]", lines.to),
        (true, false) => format!("[{} {given}]", lines.to),
        (false, false) => format!("[{taken} {} {given}]", lines.to),
    }
}
