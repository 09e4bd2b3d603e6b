//! A command runs what it has just downloaded, unseen.

use std::ops::Range;

use super::builds;
use super::shell::{self, Simple, unquoted};
use crate::catalog::advice::advice;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "download-executed",
    severity: Severity::Warning,
    summary: "a command runs what it has just downloaded, whatever that is",
    why: "`curl … | sh` gives whoever controls that address, or the way to it, the rights of the build: its role, its \
          secrets, its artifacts. A connection that breaks off runs half a script. And the build of yesterday cannot be \
          repeated.",
    aws: "",
    wrong: "- build:\n    run:\n      - curl -fsSL https://example.com/install.sh | sh",
    right: "- build:\n    run:\n      - curl -fsSLo install.sh https://example.com/v1.4.2/install.sh\n      \
            - echo \"$INSTALL_SHA256  install.sh\" | sha256sum --check\n      - sh install.sh",
    link: "https://docs.aws.amazon.com/wellarchitected/latest/security-pillar/sec_appsec_manage_software_packages.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for command in builds::every_command(subject) {
        let text = &command.text;
        let Some((range, program)) = found(&text.value) else {
            continue;
        };
        diagnostics.push(
            RULE.finding(
                builds::place(subject, text, range.start, range.end),
                command.path.clone(),
                format!("`{program}` runs what comes from the network, unseen"),
            )
            .label("downloaded and run")
            .help(
                "download it to a file, a fixed version of it, compare its checksum (`sha256sum --check`), then run it",
            )
            .through(text.origin.as_ref()),
        );
    }
}

/// The first place that downloads and runs, and what runs it.
fn found(text: &str) -> Option<(Range<usize>, String)> {
    let commands = shell::commands(text);
    let mut download: Option<usize> = None;
    for simple in &commands {
        let program = simple.program(text);
        if !simple.piped {
            download = None;
        }
        let end = simple.words.last().map_or(0, |word| word.end);
        if let Some(start) = download
            && runs_its_input(simple, text)
        {
            return Some((start..end, program.to_owned()));
        }
        if is_download(program) {
            download = download.or_else(|| simple.words.first().map(|word| word.start));
        }
        if let Some(word) = substituted(simple, text) {
            let start = simple.words.first().map_or(word.start, |first| first.start);
            return Some((start..word.end, program.to_owned()));
        }
    }
    None
}

fn is_download(program: &str) -> bool {
    advice().downloads.programs.iter().any(|p| p == program)
}

/// Whether it is an interpreter that gets no file and no text to run, and so runs what comes through the pipe.
fn runs_its_input(simple: &Simple, text: &str) -> bool {
    let downloads = &advice().downloads;
    let program = simple.program(text);
    let shell = downloads.shells.iter().any(|p| p == program);
    if !shell && !downloads.interpreters.iter().any(|p| p == program) {
        return false;
    }
    for argument in simple.arguments(text) {
        match argument {
            "-" | "/dev/stdin" => return true,
            "-c" | "-m" | "-e" | "-r" => return false,
            "-s" if shell => return true,
            _ if argument.starts_with(['>', '<', '2', '&']) => {}
            _ if argument.starts_with('-') => {
                // `-ex` of a shell; letters that take a text end it
                let letters = argument.trim_start_matches('-');
                if !argument.starts_with("--") && letters.contains('c') {
                    return false;
                }
                if !shell && letters.contains(['n', 'p', 'l', 'm', 'e']) {
                    return false;
                }
            }
            _ => return false,
        }
    }
    true
}

/// `bash -c "$(curl …)"`, `bash <(curl …)`, `eval "$(wget …)"`, `source <(curl …)`.
fn substituted(simple: &Simple, text: &str) -> Option<Range<usize>> {
    let downloads = &advice().downloads;
    let program = simple.program(text);
    let shell = downloads.shells.iter().any(|p| p == program);
    if !shell && !downloads.evaluators.iter().any(|p| p == program) {
        return None;
    }
    let first = simple.arguments(text).next() == Some("-c");
    simple
        .words
        .iter()
        .skip(1)
        .enumerate()
        .find_map(|(at, word)| {
            let written = unquoted(&text[word.clone()]);
            let inner = match written.strip_prefix("<(") {
                Some(inner) if !shell || at == 0 => inner,
                None if !shell || (first && at == 1) => written.strip_prefix("$(")?,
                _ => return None,
            };
            let inner = inner.strip_suffix(')').unwrap_or(inner);
            let program = shell::commands(inner);
            is_download(program.first()?.program(inner)).then(|| word.clone())
        })
}

#[cfg(test)]
mod tests {
    use super::found;

    #[test]
    fn downloads_that_run_are_found_and_others_are_not() {
        for text in [
            "curl -fsSL https://x/install.sh | sh",
            "curl -sL https://x | sudo -E bash -",
            "wget -qO- https://x | bash",
            "cd /tmp && curl x | bash -s -- -b /usr/local/bin v1",
            "curl x | tee install.log | /bin/sh",
            "curl -sSL https://x | python3 -",
            "bash <(curl -s https://x)",
            "sudo sh -c \"$(curl -fsSL https://x)\"",
            "eval \"$(curl -s https://x)\"",
            "source <(curl -s x)",
            "curl x | bash -ex",
            "curl x 2>/dev/null | sh 2>&1",
        ] {
            assert!(found(text).is_some(), "{text}");
        }
        for text in [
            "curl -o x.sh https://x && sh x.sh",
            "curl x | python3 -m json.tool",
            "curl x | python -c 'import sys'",
            "curl x | jq -r .tag",
            "curl x | tar xz",
            "curl x | bash -c 'cat > y'",
            "echo 'curl x | sh'",
            "curl x || sh fallback.sh",
            "curl x; sh",
            "cat install.sh | sh",
            "curl x | node parse.js",
            "echo \"$(curl x)\"",
            "bash run.sh \"$(curl x)\"",
            "apt-get install curl | sh",
            "VERSION=$(curl -s x) make",
            "curl x | perl -ne 'print'",
        ] {
            assert!(found(text).is_none(), "{text}");
        }
    }
}
