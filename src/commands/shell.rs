//! `completions` and `man`: what shells and manuals need.

use super::End;
use crate::cli::{self, Completions};
use crate::error::{Exit, Failure};
use crate::report::Report;

const NAME: &str = "pipectl";

/// Runs `completions`.
pub(super) fn completions(arguments: &Completions, report: &Report) -> Result<Exit, End> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut cli::command(), NAME, &mut script);
    report.result(&String::from_utf8_lossy(&script));
    Ok(Exit::Ok)
}

/// Runs `man`: one page with every command.
pub(super) fn man(report: &Report) -> Result<Exit, End> {
    let mut page = Vec::new();
    let mut command = cli::command();
    command.build();
    let write = |command: &clap::Command, page: &mut Vec<u8>| {
        clap_mangen::Man::new(command.clone()).render(page)
    };
    let written = write(&command, &mut page).and_then(|()| {
        command
            .get_subcommands()
            .filter(|command| command.get_name() != "help")
            .try_for_each(|command| write(command, &mut page))
    });
    written.map_err(|error| {
        Failure::failed("man", format!("the manual page cannot be written: {error}"))
    })?;
    report.result(&String::from_utf8_lossy(&page));
    Ok(Exit::Ok)
}
