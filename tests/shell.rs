//! Completions and the manual name every command.

use std::path::Path;

use crate::examples::pipectl;

#[test]
fn completions_and_manual_name_every_command() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let help = pipectl(here, &["--help"]).stdout;
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| !line.trim().is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(commands.contains(&"validate"), "{help}");
    for arguments in [
        vec!["completions", "bash"],
        vec!["completions", "zsh"],
        vec!["completions", "fish"],
        vec!["completions", "powershell"],
        vec!["man"],
    ] {
        let ran = pipectl(here, &arguments);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        for command in commands.iter().filter(|command| **command != "help") {
            assert!(ran.stdout.contains(command), "{arguments:?}: {command}");
        }
    }
}
