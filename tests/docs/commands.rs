//! `docs/commands.md`: what the program itself knows of its commands.

use std::fmt::Write as _;

use clap::{Arg, Command};
use pipectl::cli;

use super::parts::{Page, cell};

const GLOBAL: &str = "options of every command";

/// A command, `sandbox set` too; it is built, so that it knows how it is called.
fn find(name: &str) -> Option<Command> {
    name.split(' ').try_fold(cli::whole(), |command, word| {
        command.find_subcommand(word).cloned()
    })
}

/// The names of all commands that do something.
fn names() -> Vec<String> {
    fn walk(command: &Command, before: &str, names: &mut Vec<String>) {
        for command in command.get_subcommands().filter(|one| !one.is_hide_set()) {
            let name = format!("{before}{}", command.get_name());
            match command.has_subcommands() {
                true => walk(command, &format!("{name} "), names),
                false => names.push(name),
            }
        }
    }
    let mut names = vec![GLOBAL.to_owned()];
    walk(&cli::whole(), "", &mut names);
    names
}

fn row(table: &mut String, argument: &Arg) {
    let values: Vec<String> = argument
        .get_value_names()
        .unwrap_or_default()
        .iter()
        .map(ToString::to_string)
        .collect();
    let values = values.join(" ");
    let takes = argument.get_action().takes_values();
    let mut names = Vec::new();
    if let Some(short) = argument.get_short() {
        names.push(format!("`-{short}`"));
    }
    match argument.get_long() {
        None if names.is_empty() => names.push(format!("`{values}`")),
        None => {}
        Some(long) if takes && argument.is_require_equals_set() => {
            names.push(format!("`--{long}[={values}]`"));
        }
        Some(long) if takes => names.push(format!("`--{long} {values}`")),
        Some(long) => names.push(format!("`--{long}`")),
    }
    let mut about = argument
        .get_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    let words: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|_| takes)
        .map(|word| format!("`{}`", word.get_name()))
        .collect();
    if !words.is_empty() {
        let _ = write!(about, ": {}", words.join(", "));
    }
    if takes && let Some(default) = argument.get_default_values().first() {
        let _ = write!(about, "; `{}` if absent", default.to_string_lossy());
    }
    let _ = writeln!(table, "| {} | {} |", names.join(", "), cell(&about));
}

fn table<'a>(arguments: impl Iterator<Item = &'a Arg>) -> String {
    let mut rows = String::new();
    for argument in arguments {
        let known = matches!(argument.get_id().as_str(), "help" | "version");
        if !known && !argument.is_hide_set() {
            row(&mut rows, argument);
        }
    }
    match rows.is_empty() {
        true => rows,
        false => format!("| | |\n|---|---|\n{rows}"),
    }
}

/// The lines of examples that the help has.
fn examples(command: &Command) -> Vec<String> {
    let help = command
        .get_after_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    help.lines()
        .filter(|line| line.starts_with("  ") && line.contains("pipectl "))
        .map(|line| line.trim().to_owned())
        .collect()
}

fn part(name: &str) -> Option<String> {
    if name == GLOBAL {
        let command = cli::command();
        return Some(table(command.get_arguments()));
    }
    let mut command = find(name)?;
    let about = command
        .get_about()
        .map(ToString::to_string)
        .unwrap_or_default();
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let mut text = format!("{about}.\n\n`{usage}`\n");
    let own = table(command.get_arguments().filter(|one| !one.is_global_set()));
    if !own.is_empty() {
        let _ = write!(text, "\n{own}");
    }
    let examples = examples(&command);
    if !examples.is_empty() {
        let lines: Vec<String> = examples.iter().map(|line| commented(line)).collect();
        let _ = write!(
            text,
            "\n<!-- tested by: tests/docs/commands.rs -->\n```sh\n{}\n```\n",
            lines.join("\n")
        );
    }
    Some(text)
}

/// In a help what is said of an example stands behind two spaces; for a shell it is a comment.
fn commented(example: &str) -> String {
    match example.split_once("  ") {
        Some((command, about)) if !about.trim_start().starts_with('#') => {
            format!("{command}   # {}", about.trim())
        }
        _ => example.to_owned(),
    }
}

#[test]
fn the_page_of_commands_is_current() {
    Page::open("docs/commands.md").hold(&names(), part);
}

/// The words of one command of a line, as a shell takes them.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for one in line.chars() {
        match (quote, one) {
            (Some(open), _) if one == open => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(one),
            (None, '\'' | '"') => {
                quote = Some(one);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (None, '>' | '<' | '|' | '&' | ';' | '#') => break,
            (None, _) => word.get_or_insert_default().push(one),
        }
    }
    words.extend(word);
    words
}

#[test]
fn every_command_has_examples_that_it_understands() {
    for name in names().iter().filter(|name| *name != GLOBAL) {
        let command = find(name).unwrap();
        for example in examples(&command) {
            let line = example.split("  ").next().unwrap();
            for said in line.split("pipectl ").skip(1) {
                let mut given = vec!["pipectl".to_owned()];
                given.extend(words(said));
                cli::command()
                    .try_get_matches_from(&given)
                    .unwrap_or_else(|error| panic!("{name}: {example}\n{error}"));
            }
        }
    }
}
