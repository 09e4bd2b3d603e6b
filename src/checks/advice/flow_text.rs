//! Where an input stands that the file may not say.

use crate::checks::flow::Step;
use crate::model::Text;
use crate::source::Span;

/// The place of an input; of one that the file does not say (the first source's output) the place of the action.
pub(super) fn input_span(step: &Step<'_>, input: &Text) -> Span {
    let action = step.action;
    let said = action.raw
        || (input.span.file, input.span.start()) >= (action.span.file, action.span.start());
    if said { input.span } else { action.span }
}
