//! `completions` and `man`: what shells and manuals need.

use std::fs;
use std::path::Path;

use clap_complete::Shell;

use super::End;
use crate::cli::{self, Completions, Man};
use crate::error::{Exit, Failure};
use crate::report::Report;

const NAME: &str = "pipectl";

/// What bash does beside: names that the file knows come from `pipectl complete`, everything else from the script.
const BASH: &str = r#"
_pipectl_names() {
    local IFS=$'\n' names
    names=$(command "${COMP_WORDS[0]}" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    if [[ -n $names ]]; then
        COMPREPLY=($names)
    else
        unset IFS
        _pipectl "$@"
    fi
}
complete -F _pipectl_names -o bashdefault -o default pipectl
"#;

/// The same for zsh; the function that the script made is `_pipectl_words` here.
const ZSH: &str = r#"
_pipectl() {
    local -a names
    names=("${(@f)$(command ${words[1]} complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    names=(${names:#})
    if (( ${#names} )); then
        compset -P '*='
        compadd -a names
    else
        _pipectl_words "$@"
    fi
}

"#;

/// The same for fish, which adds all that it is given.
const FISH: &str = r#"
function __pipectl_names
    set -l words (commandline -opc) (commandline -ct)
    command $words[1] complete -- $words[2..-1] 2>/dev/null
end
"#;

/// The same for PowerShell, at the beginning of the script's block. An empty word would get lost on the way.
const POWERSHELL: &str = r#"
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.ToString() })
    $next = if ($wordToComplete -eq '') { @('--next') } else { @() }
    $program = $commandAst.CommandElements[0].ToString()
    $names = @(& $program complete @next -- @words 2>$null)
    if ($names.Count -gt 0) {
        return $names | ForEach-Object { [CompletionResult]::new($_, $_, [CompletionResultType]::ParameterValue, $_) }
    }
"#;

/// The same for elvish.
const ELVISH: &str = r#"
var pipectl-words~ = $edit:completion:arg-completer[pipectl]
set edit:completion:arg-completer[pipectl] = {|@words|
    var names = [(try { (external $words[0]) complete -- (all $words[1..]) 2>/dev/null | from-lines } catch { nop })]
    if (> (count $names) 0) {
        all $names
    } else {
        pipectl-words $@words
    }
}
"#;

/// Runs `completions`.
pub(super) fn completions(arguments: &Completions, report: &Report) -> Result<Exit, End> {
    let mut script = Vec::new();
    let mut command = cli::command();
    clap_complete::generate(arguments.shell, &mut command, NAME, &mut script);
    let script = String::from_utf8_lossy(&script);
    report.result(&with_names(arguments.shell, &script, &command));
    Ok(Exit::Ok)
}

/// The script of the shell, with the names that the file knows.
fn with_names(shell: Shell, script: &str, command: &clap::Command) -> String {
    match shell {
        Shell::Bash => format!("{script}{BASH}"),
        Shell::Zsh => {
            let script = script.replacen("\n_pipectl() {", "\n_pipectl_words() {", 1);
            let end = script
                .rfind("\nif [ \"$funcstack[1]\"")
                .unwrap_or(script.len());
            format!("{}{ZSH}{}", &script[..end], script[end..].trim_start())
        }
        Shell::Fish => format!("{script}{FISH}{}", fish_names(command)),
        Shell::PowerShell => {
            let start = "param($wordToComplete, $commandAst, $cursorPosition)\n";
            script.replacen(start, &format!("{start}{POWERSHELL}"), 1)
        }
        Shell::Elvish => format!("{script}{ELVISH}"),
        _ => script.to_owned(),
    }
}

/// Lines that tell fish where names of the file may stand.
fn fish_names(command: &clap::Command) -> String {
    let mut lines = String::new();
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        let name = sub.get_name();
        let place = format!("complete -c {NAME} -n \"__fish_pipectl_using_subcommand {name}\"");
        for flag in ["pipeline", "stage", "action"] {
            let own = sub.get_arguments().any(|one| one.get_long() == Some(flag));
            if own {
                lines.push_str(&format!("{place} -l {flag} -r -f -a '(__pipectl_names)'\n"));
            }
        }
        if sub.get_positionals().any(|one| one.get_id() == "action") {
            lines.push_str(&format!("{place} -f -a '(__pipectl_names)'\n"));
        }
    }
    lines
}

/// Runs `man`: one page with every command, the page of one, or all of them into a folder.
pub(super) fn man(arguments: &Man, report: &Report) -> Result<Exit, End> {
    let command = cli::whole();
    if let Some(folder) = &arguments.out {
        let names = write_pages(&command, folder)?;
        report.note(&format!("{} pages in {}", names, folder.display()));
        return Ok(Exit::Ok);
    }
    let shown: Vec<&clap::Command> = match &arguments.command {
        Some(name) => {
            let found = visible(&command).find(|sub| sub.get_name() == name);
            vec![found.ok_or_else(|| unknown(name, &command))?]
        }
        None => std::iter::once(&command).chain(visible(&command)).collect(),
    };
    let mut text = String::new();
    for one in shown {
        text.push_str(&page(one)?);
    }
    report.result(&text);
    Ok(Exit::Ok)
}

fn visible(command: &clap::Command) -> impl Iterator<Item = &clap::Command> {
    command
        .get_subcommands()
        .filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
}

fn unknown(name: &str, command: &clap::Command) -> Failure {
    let names: Vec<&str> = visible(command).map(clap::Command::get_name).collect();
    let failure = Failure::usage(format!("there is no command `{name}`"));
    match crate::diagnostic::nearest(name, names.iter().copied()) {
        Some(near) => failure.help(format!("did you mean `{near}`?")),
        None => failure.help("`pipectl --help` lists them"),
    }
}

/// The page of a command, in the words of its long help.
fn page(command: &clap::Command) -> Result<String, Failure> {
    let name = command.get_display_name().unwrap_or(NAME).replace(' ', "-");
    let mut bytes = Vec::new();
    clap_mangen::Man::new(command.clone())
        .title(name.to_uppercase())
        .source(format!("{NAME} {}", env!("CARGO_PKG_VERSION")))
        .manual("pipectl")
        .render(&mut bytes)
        .map_err(|error| {
            Failure::failed("man", format!("the manual page cannot be written: {error}"))
        })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// `pipectl.1`, `pipectl-apply.1`, … into a folder; how many there are.
fn write_pages(command: &clap::Command, folder: &Path) -> Result<usize, Failure> {
    let trouble = |path: &Path, error: &std::io::Error| {
        Failure::failed(
            "file-unwritten",
            format!("{} cannot be written: {error}", path.display()),
        )
    };
    fs::create_dir_all(folder).map_err(|error| trouble(folder, &error))?;
    let mut open = vec![command];
    let mut count = 0;
    while let Some(one) = open.pop() {
        let name = one.get_display_name().unwrap_or(NAME).replace(' ', "-");
        let path = folder.join(format!("{name}.1"));
        fs::write(&path, page(one)?).map_err(|error| trouble(&path, &error))?;
        open.extend(visible(one));
        count += 1;
    }
    Ok(count)
}
