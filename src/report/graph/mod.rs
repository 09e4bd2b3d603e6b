//! Pipelines as pictures: for terminals, and in the languages of other tools.

pub mod dot;
pub mod mermaid;
pub mod svg;
pub mod text;

use crate::operate::graph::State;

/// A word for a state.
fn word(state: State) -> &'static str {
    match state {
        State::Succeeded => "succeeded",
        State::Failed => "failed",
        State::Running => "running",
        State::Waiting => "waits",
        State::Ended => "ended",
    }
}
