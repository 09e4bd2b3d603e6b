//! The picture as an SVG that a browser shows: a row for each stage, its groups from left to right, what runs side by
//! side one above the other. Lengths are in pixels; the widths of texts are estimated, since nobody here has the font.

use std::fmt::Write as _;

use crate::operate::graph::{Action, Graph, Stage};

const MARGIN: f64 = 24.0;
const LABEL: f64 = 22.0;
const CARD: f64 = 58.0;
const CARD_LEAST: f64 = 150.0;
const CARD_MOST: f64 = 300.0;
const GAP: f64 = 12.0;
const BETWEEN: f64 = 40.0;
const DOWN: f64 = 34.0;
const PAD: f64 = 14.0;
const NOTE: f64 = 16.0;
/// How wide a character of the sans-serif font is at one pixel of size, on average.
const ASPECT: f64 = 0.58;
/// Bold names take as much room as plain ones of this size.
const NAME: f64 = 15.0;
const STAGE: f64 = 16.0;

const STYLE: &str = "
  text { font-family: ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif; fill: #1f2933; }
  .title { font-size: 20px; font-weight: 600; }
  .stage { font-size: 14px; font-weight: 600; }
  .note, .detail, .artifact { font-size: 11px; fill: #52606d; }
  .name { font-size: 13px; font-weight: 600; }
  .row { fill: #f5f7fa; stroke: #cbd2d9; }
  .card { fill: #ffffff; stroke: #9aa5b1; }
  .line { stroke: #7b8794; stroke-width: 1.5; fill: none; }
  .head { fill: #7b8794; }
  .succeeded { fill: #e3f9e5; stroke: #31843f; }
  .failed { fill: #ffe3e3; stroke: #c52b2b; }
  .running { fill: #e0efff; stroke: #1f5fbf; }
  .waits { fill: #fff3c4; stroke: #b7791f; }
  .ended { fill: #e4e7eb; stroke: #7b8794; }
  @media (prefers-color-scheme: dark) {
    .page { fill: #12181f; }
    text { fill: #f0f4f8; }
    .note, .detail, .artifact { fill: #b8c4d0; }
    .row { fill: #1c2530; stroke: #3a4755; }
    .card { fill: #273240; stroke: #5b6b7b; }
    .succeeded { fill: #1d3b26; stroke: #57c26d; }
    .failed { fill: #4a1f22; stroke: #f17b7b; }
    .running { fill: #1b3558; stroke: #6ea8ff; }
    .waits { fill: #4a3a12; stroke: #f0b429; }
    .ended { fill: #2b3440; stroke: #8796a5; }
  }
  .page { fill: #ffffff; }
";

/// Every pipeline, one below the other.
pub fn text(graphs: &[Graph]) -> String {
    let mut body = String::new();
    let mut y = MARGIN;
    let mut right: f64 = 0.0;
    for graph in graphs {
        y += 18.0;
        let _ = writeln!(
            body,
            "<text class=\"title\" x=\"{MARGIN}\" y=\"{y:.1}\">{}</text>",
            escaped(&graph.name)
        );
        right = right.max(MARGIN + wide(&graph.name, 20.0));
        y += 18.0;
        // Rows of one pipeline are equally wide.
        let width = graph
            .stages
            .iter()
            .map(row_width)
            .fold(wide(&graph.name, 20.0), f64::max);
        right = right.max(MARGIN + width);
        for (index, stage) in graph.stages.iter().enumerate() {
            if index > 0 {
                let x = MARGIN + 36.0;
                arrow(&mut body, (x, y), (x, y + DOWN));
                y += DOWN;
            }
            y = row(&mut body, stage, y, width);
        }
        y += MARGIN;
    }
    let (width, height) = (right + MARGIN, y);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\">\n<title>{}</title>\n<style>{STYLE}</style>\n<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n{body}</svg>\n",
        escaped(
            &graphs
                .iter()
                .map(|graph| graph.name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        )
    )
}

fn wide(text: &str, size: f64) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "a text is short")]
    let count = console::measure_text_width(text) as f64;
    count * size * ASPECT
}

#[allow(clippy::cast_precision_loss, reason = "a group is short")]
fn times(count: usize) -> f64 {
    count as f64
}

fn card_width(group: &[Action]) -> f64 {
    group
        .iter()
        .map(|action| {
            wide(&action.name, NAME)
                .max(wide(&line_of(action), 11.0))
                .max(wide(&artifacts_of(action), 11.0))
                + 2.0 * GAP
        })
        .fold(CARD_LEAST, f64::max)
        .min(CARD_MOST)
}

fn row_width(stage: &Stage) -> f64 {
    let groups: f64 = stage.groups.iter().map(|group| card_width(group)).sum();
    let between = BETWEEN * times(stage.groups.len().saturating_sub(1));
    let notes = stage
        .notes
        .iter()
        .map(|note| wide(note, 11.0))
        .fold(wide(&stage.name, STAGE), f64::max);
    (groups + between).max(notes) + 2.0 * PAD
}

fn row(body: &mut String, stage: &Stage, y: f64, width: f64) -> f64 {
    let most = stage.groups.iter().map(Vec::len).max().unwrap_or(0);
    let cards = times(most) * CARD + times(most.saturating_sub(1)) * GAP;
    let notes = times(stage.notes.len()) * NOTE;
    let height = PAD + LABEL + notes + cards + PAD;
    let _ = writeln!(
        body,
        "<rect class=\"row\" x=\"{MARGIN}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"10\"/>"
    );
    let x = MARGIN + PAD;
    let mut line = y + PAD + 12.0;
    let state = stage
        .state
        .map(|state| format!(" · {}", super::word(state)))
        .unwrap_or_default();
    let _ = writeln!(
        body,
        "<text class=\"stage\" x=\"{x:.1}\" y=\"{line:.1}\">{}{}</text>",
        escaped(&stage.name),
        escaped(&state)
    );
    for note in &stage.notes {
        line += NOTE;
        let _ = writeln!(
            body,
            "<text class=\"note\" x=\"{x:.1}\" y=\"{line:.1}\">{}</text>",
            escaped(note)
        );
    }
    let top = y + PAD + LABEL + notes;
    let mut left = x;
    for (index, group) in stage.groups.iter().enumerate() {
        let card = card_width(group);
        let own = times(group.len()) * CARD + times(group.len().saturating_sub(1)) * GAP;
        let mut at = top + (cards - own) / 2.0;
        if index > 0 {
            let middle = top + cards / 2.0;
            arrow(body, (left - BETWEEN + 4.0, middle), (left - 4.0, middle));
        }
        for action in group {
            draw(body, action, (left, at), card);
            at += CARD + GAP;
        }
        left += card + BETWEEN;
    }
    y + height
}

fn line_of(action: &Action) -> String {
    if action.detail.is_empty() {
        action.provider.clone()
    } else {
        format!("{} · {}", action.provider, action.detail)
    }
}

fn artifacts_of(action: &Action) -> String {
    match (action.inputs.join(", "), action.outputs.join(", ")) {
        (taken, given) if taken.is_empty() && given.is_empty() => String::new(),
        (taken, given) => format!("{taken} → {given}").trim().to_owned(),
    }
}

fn draw(body: &mut String, action: &Action, (x, y): (f64, f64), width: f64) {
    let class = action.state.map_or("card", super::word);
    let _ = writeln!(
        body,
        "<g><title>{}</title><rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{CARD}\" rx=\"7\"/>",
        escaped(&format!(
            "{}: {} {}{}",
            action.name,
            action.category,
            line_of(action),
            action
                .state
                .map(|state| format!(" ({})", super::word(state)))
                .unwrap_or_default()
        ))
    );
    let inner = width - 2.0 * GAP;
    // The second is the size that the text is as wide as.
    for (class, size, text, down) in [
        ("name", NAME, action.name.clone(), 19.0),
        ("detail", 11.0, line_of(action), 35.0),
        ("artifact", 11.0, artifacts_of(action), 50.0),
    ] {
        if text.is_empty() {
            continue;
        }
        let _ = writeln!(
            body,
            "<text class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            x + GAP,
            y + down,
            escaped(&cut(&text, size, inner))
        );
    }
    body.push_str("</g>\n");
}

/// What fits.
fn cut(text: &str, size: f64, width: f64) -> String {
    if wide(text, size) <= width {
        return text.to_owned();
    }
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a card holds few characters"
    )]
    let count = (width / (size * ASPECT)).floor().max(1.0) as usize;
    console::truncate_str(text, count, "…").into_owned()
}

fn arrow(body: &mut String, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
    let _ = writeln!(
        body,
        "<path class=\"line\" d=\"M{x1:.1} {y1:.1} L{x2:.1} {y2:.1}\"/>"
    );
    let (a, b, c) = if (x1 - x2).abs() < f64::EPSILON {
        ((x2, y2), (x2 - 4.5, y2 - 8.0), (x2 + 4.5, y2 - 8.0))
    } else {
        ((x2, y2), (x2 - 8.0, y2 - 4.5), (x2 - 8.0, y2 + 4.5))
    };
    let _ = writeln!(
        body,
        "<path class=\"head\" d=\"M{:.1} {:.1} L{:.1} {:.1} L{:.1} {:.1} Z\"/>",
        a.0, a.1, b.0, b.1, c.0, c.1
    );
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_stays_in_its_card() {
        // A bold letter of 13 pixels is about 8.6 wide in the fonts that browsers take.
        let shown = cut(&"Abcdefgh".repeat(8), NAME, CARD_MOST - 2.0 * GAP);
        let wide = console::measure_text_width(&shown);
        assert!((20..=32).contains(&wide), "{shown}");
    }
}
