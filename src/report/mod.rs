//! The only place that prints.
//!
//! stdout carries the result, stderr everything else. A reader that has gone away (EPIPE) is a reader that has seen
//! enough, not a failure.

mod excerpt;
pub mod graph;
pub mod json;
pub mod plan;
pub mod progress;
pub mod review;
pub mod roles;
pub mod run;
pub mod tests;
pub mod text;
pub mod yaml;

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::{Arc, OnceLock};

use crate::diagnostic::{Diagnostic, LEFT_OUT, Severity};
use crate::error::{Exit, Failure};
use crate::source::Sources;

/// How a result is written, as the command resolved it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// YAML.
    Yaml,
    /// A CloudFormation template.
    Cloudformation,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Workflow commands of GitHub Actions.
    Github,
    /// A Code Quality report of GitLab.
    Gitlab,
    /// A JUnit report.
    Junit,
    /// A Mermaid flowchart.
    Mermaid,
    /// A graph for Graphviz.
    Dot,
    /// A picture for browsers.
    Svg,
}

/// A paragraph in lines of at most 80 characters, fewer on a narrow terminal.
pub fn wrapped(look: Look, paragraph: &str) -> String {
    let most = look.width.min(80);
    let mut text = String::new();
    let mut width = 0;
    for word in paragraph.split_whitespace() {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > most {
            text.push('\n');
            width = 0;
        } else if width > 0 {
            text.push(' ');
            width += 1;
        }
        text.push_str(word);
        width += length;
    }
    text
}

/// What the surroundings allow: colour, characters, width, terminals.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Colours on this stream.
    pub color: bool,
    /// Characters beyond ASCII.
    pub unicode: bool,
    /// Columns.
    pub width: usize,
}

/// Where everything is printed.
#[derive(Debug, Clone)]
pub struct Report {
    /// How the result is written.
    pub format: Format,
    /// Look of stdout.
    pub out: Look,
    /// Look of stderr.
    pub err: Look,
    /// Only the result and errors.
    pub quiet: bool,
    /// How much more to say.
    pub verbose: u8,
    /// Whether a person can be asked.
    pub interactive: bool,
    /// Whether stderr is a terminal: progress bars, or plain lines.
    pub bars: bool,
    /// Why a result could not be written, if one was lost.
    lost: Arc<OnceLock<String>>,
}

/// What a person asked for about colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// By terminal and environment.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

const WIDTH_WITHOUT_TERMINAL: usize = 100;
const WIDTH_LEAST: usize = 40;

impl Report {
    /// Looks at the streams and at the environment variables that concern looks.
    pub fn new(format: Format, color: Color, quiet: bool, verbose: u8) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let unicode = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
            .is_some_and(|locale| {
                let locale = locale.to_ascii_lowercase();
                locale.contains("utf-8") || locale.contains("utf8")
            });
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        let look = |terminal: bool, term: &console::Term| Look {
            color: match color {
                Color::Always => true,
                Color::Never => false,
                Color::Auto => terminal && !set("NO_COLOR") && !dumb,
            },
            unicode,
            width: if terminal {
                term.size_checked()
                    .map_or(WIDTH_WITHOUT_TERMINAL, |(_, columns)| columns.into())
            } else {
                std::env::var("COLUMNS")
                    .ok()
                    .and_then(|columns| columns.parse().ok())
                    .unwrap_or(WIDTH_WITHOUT_TERMINAL)
            }
            .max(WIDTH_LEAST),
        };
        let out_terminal = io::stdout().is_terminal();
        let err_terminal = io::stderr().is_terminal();
        Self {
            format,
            out: look(out_terminal, &console::Term::stdout()),
            err: look(err_terminal, &console::Term::stderr()),
            quiet,
            verbose,
            interactive: io::stdin().is_terminal() && err_terminal,
            bars: err_terminal && !dumb && !quiet,
            lost: Arc::default(),
        }
    }

    /// Whether the result is for a program.
    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Writes the result to stdout; a line break is added where the text has none.
    pub fn result(&self, text: &str) {
        if let Err(error) = write(&mut io::stdout().lock(), text) {
            self.lost.get_or_init(|| error.to_string());
        }
    }

    /// How the program ends: what says yes says no more if its result was lost on the way.
    pub fn end(&self, exit: Exit) -> Exit {
        let Some(reason) = self.lost.get() else {
            return exit;
        };
        let failure = unwritten(reason);
        self.failure_text(&failure);
        match exit {
            Exit::Ok | Exit::Changes => failure.exit,
            other => other,
        }
    }

    /// Writes the result as JSON to stdout.
    pub fn result_json(&self, value: &impl serde::Serialize) {
        let text = serde_json::to_string_pretty(value).expect("output structs serialise");
        self.result(&text);
    }

    /// Writes a part of the result as JSON in one line.
    pub fn result_line(&self, value: &impl serde::Serialize) {
        let text = serde_json::to_string(value).expect("output structs serialise");
        self.result(&text);
    }

    /// Writes to stderr what a person should know; silent under `--quiet`.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.say(text);
        }
    }

    /// Writes a warning to stderr.
    pub fn warn(&self, text: &str) {
        let mut text = text::clean(text);
        text.insert_str(0, &text::paint(self.err, text::Paint::Warning, "warning: "));
        self.say(&text);
    }

    /// Writes to stderr.
    pub fn say(&self, text: &str) {
        // Trouble with stderr has no place to be told.
        let _ = write(&mut io::stderr().lock(), text);
    }

    /// Findings, to stderr.
    pub fn diagnostics(&self, sources: &Sources, list: &[Diagnostic]) {
        if !list.is_empty() {
            self.say(&text::diagnostics(self.err, sources, list));
        }
    }

    /// The findings that ended a command: as JSON on stdout where the command speaks JSON, for people on stderr.
    pub fn findings_end(&self, sources: &Sources, list: &[Diagnostic], failure: Option<&Failure>) {
        self.diagnostics(sources, list);
        match failure {
            Some(failure) => self.failure_text(failure),
            None => self.say(&text::summary_line(list)),
        }
        if self.is_json() {
            self.result_json(&json::findings(sources, list, 1, failure));
        }
    }

    /// A failure in words, on stderr.
    pub fn failure_text(&self, failure: &Failure) {
        self.say(&text::failure(self.err, failure));
    }

    /// A failure: for people on stderr, and as JSON on stdout where the command speaks JSON.
    pub fn failure(&self, failure: &Failure) {
        self.failure_text(failure);
        if self.is_json() && failure.exit != Exit::Usage {
            self.result_json(&json::failure(failure));
        }
    }

    /// Asks for a yes on the terminal. Without one the answer is no.
    pub fn confirm(&self, question: &str) -> bool {
        if !self.interactive {
            return false;
        }
        let mut err = io::stderr().lock();
        // A prompt that cannot be written is answered by nobody: the read below gives no.
        let _ = write!(err, "{question} [y/N] ");
        let _ = err.flush();
        drop(err);
        let mut answer = String::new();
        match io::stdin().lock().read_line(&mut answer) {
            Ok(_) => matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"),
            Err(_) => false,
        }
    }
}

/// What clap has to say: help and version on stdout, a wrong command line on stderr.
pub fn command_line(error: &clap::Error) -> Exit {
    let color =
        |terminal: bool| terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let page = error.render();
    if error.use_stderr() {
        let text = if color(io::stderr().is_terminal()) {
            page.ansi().to_string()
        } else {
            page.to_string()
        };
        let _ = write(&mut io::stderr().lock(), &text);
        Exit::Usage
    } else {
        let text = if color(io::stdout().is_terminal()) {
            page.ansi().to_string()
        } else {
            page.to_string()
        };
        match write(&mut io::stdout().lock(), &text) {
            Ok(()) => Exit::Ok,
            Err(error) => {
                let failure = unwritten(&error.to_string());
                let _ = write(
                    &mut io::stderr().lock(),
                    &format!("error: {}", failure.message),
                );
                failure.exit
            }
        }
    }
}

fn unwritten(reason: &str) -> Failure {
    Failure::failed(
        "result-unwritten",
        format!("the result cannot be written: {reason}"),
    )
}

/// Writes and flushes. A broken pipe is fine.
fn write(stream: &mut dyn Write, text: &str) -> io::Result<()> {
    let end = if text.is_empty() || text.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    let written = stream
        .write_all(text.as_bytes())
        .and_then(|()| stream.write_all(end.as_bytes()))
        .and_then(|()| stream.flush());
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Where people read, not more findings than these are listed: nobody gets to the end of them.
const MOST_SHOWN: usize = 1_000;

/// The findings that people are shown, and how many they are not, in words.
fn shown(list: &[Diagnostic]) -> (impl Iterator<Item = &Diagnostic>, Option<String>) {
    let (first, rest) = list.split_at(list.len().min(MOST_SHOWN));
    // What counts others is always told.
    let (counts, hidden): (Vec<&Diagnostic>, Vec<&Diagnostic>) =
        rest.iter().partition(|one| one.code == LEFT_OUT);
    let errors = hidden.iter().filter(|one| one.severity == Severity::Error);
    let errors = errors.count();
    let said = (!hidden.is_empty()).then(|| {
        format!(
            "{} more are not shown: {}",
            text::number(hidden.len(), "finding"),
            text::summary(errors, hidden.len() - errors)
        )
    });
    (first.iter().chain(counts), said)
}

/// How many errors and warnings there are.
pub fn count(list: &[Diagnostic]) -> (usize, usize) {
    let errors = list
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .count();
    (errors, list.len() - errors)
}
