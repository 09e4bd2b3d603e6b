//! The binary: argv in, exit code out.

use std::process::ExitCode;

use pipectl::sandbox::build::supervise;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let code = supervise::run_if_asked(&arguments);
    ExitCode::from(code.unwrap_or_else(|| pipectl::commands::run(arguments).code()))
}
