//! Completions in real shells, the manual, and the examples of every help.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use clap::CommandFactory as _;

use crate::examples::pipectl;
use crate::support::program::Place;

const FILE: &str = "\
service: shop
params:
  default: {size: 1}
  staging: {size: 2}
pipelines:
  prod:
    source: {codecommit: shop, branch: main}
    stages:
      - unit: make test
      - name: Live
        actions:
          - name: Ship
            build: make ship
          - name: '$(touch owned)'
            build: make harm
  beta:
    source: {codecommit: shop, branch: beta}
    stages:
      - build: make
";

/// The names of the commands that people see.
fn commands() -> Vec<String> {
    let command = pipectl::cli::Cli::command();
    let shown = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    shown.map(|sub| sub.get_name().to_owned()).collect()
}

fn place() -> Place {
    let place = Place::new();
    place.write("pipeline.yml", FILE);
    for shell in ["bash", "zsh", "fish"] {
        let ran = pipectl(place.path(), &["completions", shell]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        place.write(&format!("completion.{shell}"), ran.stdout);
    }
    place
}

/// What a shell says, with the program of the tests on PATH.
fn shell(place: &Place, program: &str, arguments: &[&str]) -> Option<String> {
    let own = Path::new(env!("CARGO_BIN_EXE_pipectl")).parent().unwrap();
    let path = format!("{}:{}", own.display(), std::env::var("PATH").unwrap());
    let output = Command::new(program)
        .args(arguments)
        .current_dir(place.path())
        .env_clear()
        .env("PATH", path)
        .env("HOME", place.path())
        .env("TERM", "dumb")
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(said)
}

/// Lines as typed, and what is offered.
const TYPED: [(&str, &[&str]); 8] = [
    ("pipectl run --pipeline ", &["beta", "prod"]),
    ("pipectl run --pipeline pr", &["prod"]),
    (
        "pipectl rollback --pipeline prod --stage ",
        &["Live", "Source", "UnitTest"],
    ),
    (
        "pipectl approve --pipeline prod --stage Live --action ",
        &["Ship"],
    ),
    ("pipectl logs Sh", &["Ship"]),
    ("pipectl logs Live/", &["Live/Ship"]),
    ("pipectl apply --stage ", &["staging"]),
    ("pipectl vali", &["validate"]),
];

#[test]
fn bash_offers_the_names_of_the_file() {
    let place = place();
    for (line, expected) in TYPED {
        let script = format!(
            "source completion.bash; COMP_WORDS=({line}); {} COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 )); \
             cur=${{COMP_WORDS[COMP_CWORD]}}; $(complete -p pipectl | sed 's/.*-F \\([^ ]*\\).*/\\1/') pipectl \"$cur\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            if line.ends_with(' ') {
                "COMP_WORDS+=('');"
            } else {
                ""
            }
        );
        let said = shell(&place, "bash", &["--norc", "-c", &script]).expect("bash");
        let offered: BTreeSet<&str> = said.split_whitespace().collect();
        assert_eq!(offered, expected.iter().copied().collect(), "{line}");
    }
    assert!(
        !place.path().join("owned").exists(),
        "a name of the file was run"
    );
}

#[test]
fn fish_offers_the_names_of_the_file() {
    let place = place();
    for (line, expected) in TYPED {
        let script = format!("source completion.fish; complete -C '{line}'");
        let Some(said) = shell(&place, "fish", &["--no-config", "-c", &script]) else {
            return;
        };
        let offered: BTreeSet<&str> = said
            .lines()
            .filter_map(|line| line.split('\t').next())
            .collect();
        for name in expected {
            assert!(
                offered.contains(name),
                "{line}: {name} is not in {offered:?}"
            );
        }
    }
    assert!(
        !place.path().join("owned").exists(),
        "a name of the file was run"
    );
}

#[test]
fn zsh_takes_the_names_of_the_file() {
    let place = place();
    // zsh completes on a terminal alone: here its words are given to the function, and what it adds is printed.
    for (line, expected) in TYPED.iter().filter(|(line, _)| !line.contains("vali")) {
        let script = format!(
            "compdef() {{ }}; compset() {{ }}; source completion.zsh; \
             compadd() {{ print -l -- ${{(P)2}} }}; _pipectl_words() {{ }}; \
             words=({line}); {} CURRENT=${{#words}}; _pipectl",
            if line.ends_with(' ') {
                "words+=('');"
            } else {
                ""
            }
        );
        let Some(said) = shell(&place, "zsh", &["-f", "-c", &script]) else {
            return;
        };
        let offered: BTreeSet<&str> = said.split_whitespace().collect();
        assert_eq!(offered, expected.iter().copied().collect(), "{line}");
    }
}

#[test]
fn completions_and_manual_name_every_command() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let commands = commands();
    assert!(commands.iter().any(|name| name == "validate"));
    for arguments in [
        vec!["completions", "bash"],
        vec!["completions", "zsh"],
        vec!["completions", "fish"],
        vec!["completions", "powershell"],
        vec!["completions", "elvish"],
        vec!["man"],
    ] {
        let ran = pipectl(here, &arguments);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        for command in &commands {
            assert!(ran.stdout.contains(command), "{arguments:?}: {command}");
        }
    }
    for (shell, part) in [
        ("powershell", "@next -- @words"),
        ("elvish", "pipectl-words"),
    ] {
        let ran = pipectl(here, &["completions", shell]);
        assert!(ran.stdout.contains(part), "{shell}: {}", ran.stdout);
    }
}

#[test]
fn every_command_has_a_page_that_man_reads() {
    let place = Place::new();
    let ran = pipectl(place.path(), &["man", "--out", "pages"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for name in commands() {
        let file = format!("pages/pipectl-{name}.1");
        let page = std::fs::read_to_string(place.path().join(&file)).unwrap();
        assert!(
            page.contains(".SH NAME") && page.contains(".SH EXTRA"),
            "{file}: {page}"
        );
        let one = pipectl(place.path(), &["man", &name]);
        assert_eq!(one.stdout.trim_end(), page.trim_end(), "{name}");
        // groff says what is wrong with a page; where there is none, the parts above must do
        if let Ok(output) = Command::new("groff")
            .args(["-man", "-Kutf8", "-Tutf8", "-ww", "-z"])
            .arg(place.path().join(&file))
            .output()
        {
            assert!(
                output.stderr.is_empty(),
                "{file}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
    assert!(place.path().join("pages/pipectl-sandbox-set.1").exists());
    let wrong = pipectl(place.path(), &["man", "aply"]);
    assert_eq!(wrong.code, 64);
    assert!(wrong.stderr.contains("apply"), "{}", wrong.stderr);
}

/// The words of a line for a shell, up to a pipe, a redirection or a comment.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let line = line.split("  ").next().unwrap_or(line);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_with(String::new);
            }
            (None, '|' | '>' | '<' | '&') => break,
            (None, ' ') => words.extend(word.take()),
            _ => word.get_or_insert_with(String::new).push(c),
        }
    }
    words.extend(word);
    words
}

#[test]
fn every_help_teaches_by_examples_that_parse() {
    fn walk(command: &clap::Command, path: &str, seen: &mut usize) {
        for sub in command
            .get_subcommands()
            .filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
        {
            let path = format!("{path} {}", sub.get_name());
            let help = sub
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            let examples: Vec<&str> = help
                .lines()
                .filter(|line| line.contains("pipectl "))
                .collect();
            assert!(help.starts_with("Example"), "{path} has no examples");
            assert!(
                examples.iter().any(|line| line.contains(&path)),
                "{path}: none of its examples is about it"
            );
            for line in examples.iter().filter(|line| line.starts_with("  ")) {
                for part in line.split("&&").flat_map(|part| part.split('|')) {
                    let Some(at) = part.find("pipectl ") else {
                        continue;
                    };
                    let parsed =
                        pipectl::cli::command().try_get_matches_from(words(part[at..].trim_end()));
                    assert!(
                        parsed.is_ok(),
                        "{path}: `{line}`: {}",
                        parsed.err().unwrap()
                    );
                    *seen += 1;
                }
            }
            walk(sub, &path, seen);
        }
    }
    let mut seen = 0;
    walk(&pipectl::cli::whole(), "pipectl", &mut seen);
    assert!(seen > 60, "{seen}");
}
