//! The picture in the language of Graphviz.

use std::fmt::Write as _;

use crate::operate::graph::{Graph, State};

/// A directed graph; a cluster for each stage.
pub fn text(graphs: &[Graph]) -> String {
    let mut text = String::from(
        "digraph pipelines {\n  rankdir=LR\n  compound=true\n  node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"Helvetica\"]\n  edge [fontname=\"Helvetica\", fontsize=10]\n  graph [fontname=\"Helvetica\"]\n",
    );
    for (index, graph) in graphs.iter().enumerate() {
        let _ = writeln!(text, "  subgraph cluster_p{index} {{");
        let _ = writeln!(text, "    label={}", quoted(&graph.name));
        for (s, stage) in graph.stages.iter().enumerate() {
            let _ = writeln!(text, "    subgraph cluster_p{index}s{s} {{");
            let _ = writeln!(text, "      label={}", quoted(&stage.name));
            for (g, group) in stage.groups.iter().enumerate() {
                for (a, action) in group.iter().enumerate() {
                    let fill = action
                        .state
                        .map(|state| format!(", fillcolor=\"{}\"", fill(state)))
                        .unwrap_or_default();
                    let _ = writeln!(
                        text,
                        "      {} [label={}{fill}]",
                        id(index, (s, g, a)),
                        quoted(&format!("{}\n{}", action.name, action.provider)),
                    );
                }
            }
            text.push_str("    }\n");
            for (g, group) in stage.groups.iter().enumerate().skip(1) {
                for a in 0..group.len() {
                    for before in 0..stage.groups[g - 1].len() {
                        let _ = writeln!(
                            text,
                            "    {} -> {}",
                            id(index, (s, g - 1, before)),
                            id(index, (s, g, a))
                        );
                    }
                }
            }
        }
        for s in 1..graph.stages.len() {
            let last = |stage: usize| {
                let groups = &graph.stages[stage].groups;
                groups
                    .len()
                    .checked_sub(1)
                    .map(|g| id(index, (stage, g, 0)))
            };
            let first = (!graph.stages[s].groups.is_empty()).then(|| id(index, (s, 0, 0)));
            if let (Some(from), Some(to)) = (last(s - 1), first) {
                let _ = writeln!(
                    text,
                    "    {from} -> {to} [ltail=cluster_p{index}s{}, lhead=cluster_p{index}s{s}, penwidth=2]",
                    s - 1
                );
            }
        }
        for flow in graph.flows() {
            let _ = writeln!(
                text,
                "    {} -> {} [style=dashed, color=gray50, label={}, constraint=false]",
                id(index, flow.from),
                id(index, flow.to),
                quoted(&flow.artifact)
            );
        }
        text.push_str("  }\n");
    }
    text.push_str("}\n");
    text
}

fn id(pipeline: usize, (s, g, a): (usize, usize, usize)) -> String {
    format!("p{pipeline}s{s}g{g}a{a}")
}

fn fill(state: State) -> &'static str {
    match state {
        State::Succeeded => "#d8f3dc",
        State::Failed => "#ffd6d6",
        State::Running => "#d6e6ff",
        State::Waiting => "#fff3cd",
        State::Ended => "#e9ecef",
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
