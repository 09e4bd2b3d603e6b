//! Every test above the unit level, in one binary.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]
#![allow(
    unreachable_pub,
    reason = "modules of one test binary share their helpers"
)]

mod applying;
mod architecture;
mod bad_weather;
mod bounds;
mod builds;
mod builds_processes;
mod buildspecs;
mod checks;
mod ci_jobs;
mod cloud_contract;
mod cloud_failures;
mod corpus;
mod costs;
mod docs;
mod documents;
mod editors;
mod emulated;
mod engine;
mod engine_processes;
mod examples;
mod full_disk;
mod fuzz;
mod hook;
mod init;
mod install;
mod judged;
mod large_roles;
mod limits;
mod model;
mod mutants;
mod network;
mod operating;
mod operating_rights;
mod optional_members;
mod permissions;
mod properties;
mod refused;
mod reports;
mod running;
mod sandbox_round_trip;
mod sandbox_rules;
mod schema;
mod secrets;
mod self_update;
mod self_update_bounds;
mod self_update_runs;
mod shell;
mod support;
mod systems;
mod typed_secrets;
mod validating;
mod variables;
mod variables_batches;
mod variables_print;
