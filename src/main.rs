//! The binary: argv in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(pipectl::commands::run(std::env::args_os()).code())
}
