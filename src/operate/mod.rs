//! Runs as people deal with them: looked at, followed, read, answered.
//!
//! Everything here works on [`Runs`](crate::cloud::runs::Runs): AWS and the sandbox are the same to it.
//!
//! | module | what |
//! |---|---|
//! | [`snapshot`] | an execution and its stages at one moment |
//! | [`watcher`] | one snapshot after the other, gently |
//! | [`events`] | what changed between two of them |
//! | [`logs`] | what the builds of an execution write |
//! | [`failure`] | why an execution failed, and what to do |
//! | [`approval`] | what waits for a person |
//! | [`graph`] | a pipeline as a picture shows it |

pub mod approval;
pub mod events;
pub mod failure;
pub mod graph;
pub mod logs;
pub mod snapshot;
pub mod watcher;
