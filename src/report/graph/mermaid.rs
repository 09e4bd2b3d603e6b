//! The picture as a Mermaid flowchart, for Markdown.

use std::fmt::Write as _;

use crate::operate::graph::{Graph, State};

/// A flowchart; artifacts on the arrows.
pub fn text(graphs: &[Graph]) -> String {
    let mut text = String::from("flowchart LR\n");
    for (index, graph) in graphs.iter().enumerate() {
        let _ = writeln!(text, "  subgraph p{index}[\"{}\"]", quoted(&graph.name));
        text.push_str("    direction LR\n");
        for (s, stage) in graph.stages.iter().enumerate() {
            let _ = writeln!(
                text,
                "    subgraph p{index}s{s}[\"{}\"]",
                quoted(&stage.name)
            );
            text.push_str("      direction TB\n");
            for (g, group) in stage.groups.iter().enumerate() {
                for (a, action) in group.iter().enumerate() {
                    let class = action.state.map(class).unwrap_or_default();
                    let _ = writeln!(
                        text,
                        "      {}[\"{}<br/><small>{}</small>\"]{class}",
                        id(index, (s, g, a)),
                        quoted(&action.name),
                        quoted(&action.provider),
                    );
                }
            }
            // What waits for another action of the same stage.
            for (g, group) in stage.groups.iter().enumerate().skip(1) {
                for a in 0..group.len() {
                    for before in 0..stage.groups[g - 1].len() {
                        let _ = writeln!(
                            text,
                            "      {} --> {}",
                            id(index, (s, g - 1, before)),
                            id(index, (s, g, a))
                        );
                    }
                }
            }
            text.push_str("    end\n");
        }
        for s in 1..graph.stages.len() {
            let _ = writeln!(text, "    p{index}s{} ==> p{index}s{s}", s - 1);
        }
        for flow in graph.flows() {
            let _ = writeln!(
                text,
                "    {} -. {} .-> {}",
                id(index, flow.from),
                quoted(&flow.artifact),
                id(index, flow.to)
            );
        }
        text.push_str("  end\n");
    }
    if graphs
        .iter()
        .flat_map(|graph| &graph.stages)
        .flat_map(|stage| stage.groups.iter().flatten())
        .any(|action| action.state.is_some())
    {
        text.push_str("  classDef succeeded fill:#d8f3dc,stroke:#2d6a4f,color:#081c15\n");
        text.push_str("  classDef failed fill:#ffd6d6,stroke:#b00020,color:#3b0008\n");
        text.push_str("  classDef running fill:#d6e6ff,stroke:#1d4ed8,color:#0b1f4d\n");
        text.push_str("  classDef waits fill:#fff3cd,stroke:#b07d00,color:#3d2b00\n");
        text.push_str("  classDef ended fill:#e9ecef,stroke:#868e96,color:#212529\n");
    }
    text
}

fn id(pipeline: usize, (s, g, a): (usize, usize, usize)) -> String {
    format!("p{pipeline}s{s}g{g}a{a}")
}

fn class(state: State) -> String {
    format!(":::{}", super::word(state))
}

/// Mermaid reads entities in quoted labels.
fn quoted(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '"' => "#quot;".to_owned(),
            '#' => "#35;".to_owned(),
            '<' => "#lt;".to_owned(),
            '>' => "#gt;".to_owned(),
            '&' => "#amp;".to_owned(),
            c if c.is_control() => " ".to_owned(),
            c => c.to_string(),
        })
        .collect()
}
