//! One file per command: a short list of stage calls.

mod account;
mod apply;
mod applying;
mod approve;
mod binary;
mod chosen;
mod compile;
mod complete;
mod desired;
mod destroy;
mod explain;
mod files;
mod follow;
mod given;
mod graph;
mod include;
mod init;
mod logs;
mod operating;
mod outside;
mod permissions;
mod plan;
mod print;
mod reports;
mod run;
mod sandbox;
mod self_update;
mod session;
mod shell;
mod status;
mod steer;
mod stops;
mod surroundings;
mod trust;
mod validate;
mod watch;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::FromArgMatches as _;
use tokio::runtime;

use crate::cli::{self, Cli, ColorWhen, Command, Global};
use crate::diagnostic::Diagnostic;
use crate::error::{Exit, Failure};
use crate::report::{self, Color, Format, Report};
use crate::source::Sources;

/// Why a command could not give its result.
#[derive(Debug)]
pub enum End {
    /// The world, or the command line, said no.
    Failure(Box<Failure>),
    /// The file is at fault.
    Findings {
        /// The texts that the findings point into.
        sources: Sources,
        /// The findings, sorted.
        list: Vec<Diagnostic>,
        /// What AWS refused beside, if it did: it decides the exit code.
        failure: Option<Box<Failure>>,
    },
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Failure(Box::new(failure))
    }
}

/// What every command gets: the global flags, where it runs, and where it prints.
#[derive(Debug)]
pub struct Setting {
    /// The flags of every command.
    pub global: Global,
    /// The working directory.
    pub here: PathBuf,
    /// Where it prints.
    pub report: Report,
}

/// Runs the command line and says how the program ends.
pub fn run(argv: impl IntoIterator<Item = OsString>) -> Exit {
    let parsed = cli::command()
        .try_get_matches_from(argv)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return report::command_line(&error),
    };
    let allowed = formats(&cli.command);
    let format = match cli.global.format {
        None => allowed[0],
        Some(format) => match format {
            cli::Format::Text => Format::Text,
            cli::Format::Json => Format::Json,
            cli::Format::Yaml => Format::Yaml,
            cli::Format::Cloudformation => Format::Cloudformation,
            cli::Format::Sarif => Format::Sarif,
            cli::Format::Github => Format::Github,
            cli::Format::Gitlab => Format::Gitlab,
            cli::Format::Junit => Format::Junit,
            cli::Format::Mermaid => Format::Mermaid,
            cli::Format::Dot => Format::Dot,
            cli::Format::Svg => Format::Svg,
        },
    };
    let color = match cli.global.color {
        ColorWhen::Auto => Color::Auto,
        ColorWhen::Always => Color::Always,
        ColorWhen::Never => Color::Never,
    };
    let report = Report::new(format, color, cli.global.quiet, cli.global.verbose);
    if !allowed.contains(&format) {
        report.failure(&format_unknown(allowed));
        return Exit::Usage;
    }
    let here = match std::env::current_dir() {
        Ok(here) => here,
        Err(error) => {
            let failure = Failure::failed(
                "folder-unreadable",
                format!("the working directory cannot be read: {error}"),
            );
            report.failure(&failure);
            return failure.exit;
        }
    };
    let setting = Setting {
        global: cli.global,
        here,
        report,
    };
    let exit = match dispatch(&cli.command, &setting) {
        Ok(exit) => exit,
        Err(End::Failure(failure)) => {
            setting.report.failure(&failure);
            failure.exit
        }
        Err(End::Findings {
            sources,
            list,
            failure,
        }) => {
            setting
                .report
                .findings_end(&sources, &list, failure.as_deref());
            failure.map_or(Exit::No, |failure| failure.exit)
        }
    };
    setting.report.end(exit)
}

fn dispatch(command: &Command, setting: &Setting) -> Result<Exit, End> {
    // What asks nobody needs nothing that waits.
    match command {
        Command::Validate(arguments) => return validate::run(arguments, setting),
        Command::Explain(arguments) => return explain::run(arguments, &setting.report),
        Command::Init(arguments) => return init::run(arguments, setting),
        Command::Schema => {
            setting.report.result_json(&crate::schema::schema());
            return Ok(Exit::Ok);
        }
        Command::Completions(arguments) => {
            return shell::completions(arguments, &setting.report);
        }
        Command::Man(arguments) => return shell::man(arguments, &setting.report),
        Command::Complete(arguments) => {
            complete::run(arguments, setting);
            return Ok(Exit::Ok);
        }
        _ => {}
    }
    // Calls to an account go side by side; the sandbox is one file.
    let mut builder = match command {
        Command::Sandbox(_) => runtime::Builder::new_current_thread(),
        _ => runtime::Builder::new_multi_thread(),
    };
    let runtime = builder.enable_all().build().map_err(|error| {
        Failure::failed(
            "runtime",
            format!("the program cannot start its threads: {error}"),
        )
    })?;
    runtime.block_on(ask(command, setting))
}

/// Runs a command that may ask an account.
async fn ask(command: &Command, setting: &Setting) -> Result<Exit, End> {
    match command {
        Command::Validate(_)
        | Command::Explain(_)
        | Command::Init(_)
        | Command::Schema
        | Command::Completions(_)
        | Command::Man(_)
        | Command::Complete(_) => unreachable!("these ask nobody"),
        Command::Print(arguments) => print::run(arguments, setting).await,
        Command::Compile(arguments) => compile::run(arguments, setting).await,
        Command::Permissions(arguments) => permissions::run(arguments, setting).await,
        Command::Plan(arguments) => plan::run(arguments, setting).await,
        Command::Apply(arguments) => apply::run(arguments, setting).await,
        Command::Destroy(arguments) => destroy::run(arguments, setting).await,
        Command::Run(arguments) => run::run(arguments, setting).await,
        Command::Status(arguments) => status::run(arguments, setting).await,
        Command::Watch(arguments) => watch::run(arguments, setting).await,
        Command::Logs(arguments) => logs::run(arguments, setting).await,
        Command::Reports(arguments) => reports::run(arguments, setting).await,
        Command::Approve(arguments) => approve::run(arguments, true, setting).await,
        Command::Reject(arguments) => approve::run(arguments, false, setting).await,
        Command::Retry(arguments) => steer::retry(arguments, setting).await,
        Command::Stop(arguments) => steer::stop(arguments, setting).await,
        Command::Rollback(arguments) => steer::rollback(arguments, setting).await,
        Command::Enable(arguments) => steer::transition(arguments, true, setting).await,
        Command::Disable(arguments) => steer::transition(arguments, false, setting).await,
        Command::Graph(arguments) => graph::run(arguments, setting).await,
        Command::Sandbox(command) => sandbox::run(command, setting).await,
    }
}

/// The formats that a command has, the one it has by itself first.
fn formats(command: &Command) -> &'static [Format] {
    match command {
        Command::Print(_) => &[Format::Yaml, Format::Json],
        Command::Validate(_) => &[
            Format::Text,
            Format::Json,
            Format::Sarif,
            Format::Github,
            Format::Gitlab,
            Format::Junit,
        ],
        Command::Graph(_) => &[Format::Text, Format::Mermaid, Format::Dot, Format::Svg],
        Command::Schema => &[Format::Json],
        Command::Permissions(_) => &[Format::Json, Format::Text],
        Command::Completions(_) | Command::Man(_) | Command::Complete(_) => &[Format::Text],
        Command::Compile(_) => &[Format::Yaml, Format::Json, Format::Cloudformation],
        _ => &[Format::Text, Format::Json],
    }
}

fn format_unknown(allowed: &[Format]) -> Failure {
    let words: Vec<_> = allowed
        .iter()
        .map(|format| match format {
            Format::Text => "--format text",
            Format::Json => "--format json",
            Format::Yaml => "--format yaml",
            Format::Cloudformation => "--format cloudformation",
            Format::Sarif => "--format sarif",
            Format::Github => "--format github",
            Format::Gitlab => "--format gitlab",
            Format::Junit => "--format junit",
            Format::Mermaid => "--format mermaid",
            Format::Dot => "--format dot",
            Format::Svg => "--format svg",
        })
        .collect();
    Failure::usage("this command does not write that format").help(words.join(" or "))
}
