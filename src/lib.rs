//! The modules in the order of the flow:
//!
//! ```text
//! text ─ yaml ─► tree ─ variables ─► tree ─ model ─► pipeline ─ checks ─► findings
//!                                                        │
//!                                                     compile
//!                                                        ▼
//!                                   cloud ─ live ─► resources ─ plan ─► changes ─ apply ─► cloud
//! ```
//!
//! The binary is the product; of the library only `commands::run` is promised.

pub mod apply;
pub mod catalog;
pub mod checks;
pub mod cli;
pub mod cloud;
pub mod commands;
pub mod compile;
pub mod destroy;
pub mod diagnostic;
pub mod error;
pub mod execution;
pub mod inventory;
pub mod live;
pub mod lock;
pub mod model;
mod nearest;
pub mod operate;
pub mod plan;
pub mod report;
pub mod resources;
pub mod sandbox;
pub mod schema;
pub mod source;
pub mod starter;
pub mod tree;
pub mod variables;
pub mod yaml;
