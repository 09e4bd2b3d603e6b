//! Tree to typed pipeline; the one decode helper lives here.

mod types;

pub use types::*;
