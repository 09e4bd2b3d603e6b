//! What a buildspec says that its machine does not do.

use super::spec::{self, Spec};
use crate::catalog::buildspec::buildspec;
use crate::catalog::codebuild::EnvironmentType;
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::tree::Node;

pub(super) const RULE: Rule = Rule {
    code: "buildspec-on-failure",
    severity: Severity::Error,
    summary: "`on-failure` of a phase has a word that CodeBuild does not know, or stands where there is none",
    why: "A phase that fails is ABORT, CONTINUE, RETRY, or RETRY with a number of times (at most 100), a pattern of the \
          output, or both: RETRY-2-.*timeout.*. Builds on Lambda compute have no `on-failure`.",
    aws: "",
    wrong: "phases:\n  build:\n    on-failure: STOP\n    commands: [make]",
    right: "phases:\n  build:\n    on-failure: ABORT\n    commands: [make]",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html",
    facts: &[],
    check: on_failure,
};

pub(super) const PLATFORM: Rule = Rule {
    code: "buildspec-platform",
    severity: Severity::Warning,
    summary: "a buildspec names a user or a shell that the machine does not have",
    why: "`run-as` names a user of Linux. The shells bash and /bin/sh are for Linux, powershell.exe and cmd.exe for \
          Windows.",
    aws: "",
    wrong: "buildspec:\n  version: 0.2\n  env: {shell: powershell.exe}\n  phases:\n    build:\n      commands: [make]",
    right: "buildspec:\n  version: 0.2\n  env: {shell: bash}\n  phases:\n    build:\n      commands: [make]",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html",
    facts: &[],
    check: platform,
};

fn on_failure(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for spec in spec::specs(subject) {
        let lambda = spec.machine().is_some_and(|kind| kind.lambda);
        for (name, phase) in spec.phases() {
            let Some(entry) = phase.entry("on-failure") else {
                continue;
            };
            let path = format!("phases.{name}.on-failure");
            if lambda {
                diagnostics.push(
                    spec.finding(
                        &RULE,
                        entry.key_span,
                        &path,
                        "builds on Lambda compute have no `on-failure`",
                    )
                    .label("not on Lambda compute")
                    .perhaps_related(spec.written("environment.type"), "Lambda compute")
                    .help("leave it out"),
                );
            } else if let Some(word) = fields::known(&entry.value) {
                judge(&spec, &path, word, &entry.value, diagnostics);
            }
        }
    }
}

fn judge(spec: &Spec<'_>, path: &str, word: &str, node: &Node, diagnostics: &mut Diagnostics) {
    let language = buildspec();
    let times = word
        .strip_prefix("RETRY-")
        .map(|rest| rest.split('-').next().unwrap_or(rest))
        .filter(|times| !times.is_empty() && times.bytes().all(|byte| byte.is_ascii_digit()))
        // more digits than a number can have are too many times
        .map(|times| times.parse::<u64>().unwrap_or(u64::MAX));
    let finding = if let Some(times) = times.filter(|times| *times > language.on_failure_retries) {
        spec.finding(
            &RULE,
            node.span,
            path,
            format!(
                "a phase is tried again at most {} times, not {times}",
                language.on_failure_retries
            ),
        )
        .label("too often")
        .help(format!("write RETRY-{}", language.on_failure_retries))
    } else if let Some(why) = broken_pattern(word) {
        spec.doubtful(&RULE, node.span, path, format!("`{word}` {why}"))
            .label("no pattern")
            .help("write RETRY-3-PATTERN, the pattern being a regular expression of the output")
    } else if language.on_failure.matches(word) {
        return;
    } else {
        let finding = spec
            .finding(
                &RULE,
                node.span,
                path,
                format!("`on-failure` does not know `{word}`"),
            )
            .label("unknown word");
        let upper = word.to_ascii_uppercase();
        if language.on_failure.matches(&upper) {
            finding.help(format!("did you mean `{upper}`?"))
        } else {
            finding.help("write ABORT, CONTINUE, RETRY, RETRY-3 or RETRY-3-PATTERN")
        }
    };
    diagnostics.push(finding.through(node.origin.as_ref()));
}

/// Why what stands behind RETRY- is no pattern; nothing where it is one, or a number alone.
fn broken_pattern(word: &str) -> Option<&'static str> {
    let rest = word.strip_prefix("RETRY-")?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let pattern = match rest[digits..].strip_prefix('-') {
        Some(pattern) if digits > 0 => pattern,
        _ if digits == rest.len() => return None,
        _ => rest,
    };
    if pattern.is_empty() {
        return Some("ends in a hyphen, and a pattern belongs behind it");
    }
    // what other dialects have and this reader of patterns has not
    let other = ["(?=", "(?!", "(?<", "(?>", "\\1", "\\2", "*+", "++"];
    let foreign = other.iter().any(|sign| pattern.contains(sign));
    (!foreign && regex::Regex::new(pattern).is_err()).then_some("holds no regular expression")
}

fn platform(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for spec in spec::specs(subject) {
        let Some(kind) = spec.machine() else {
            continue;
        };
        users(&spec, kind, diagnostics);
        let Some(shell) = fields::get(&spec.root, "env.shell") else {
            continue;
        };
        let Some(word) = fields::known(shell) else {
            continue;
        };
        let known = buildspec()
            .env
            .iter()
            .any(|key| key.name == "shell" && key.values.iter().any(|value| value == word));
        let of_windows = word.ends_with(".exe");
        if !known || of_windows == (kind.platform == "windows") {
            continue;
        }
        let (there, help) = if of_windows {
            ("Windows", "write `bash`, or leave it out")
        } else {
            ("Linux", "write `powershell.exe`, or leave it out")
        };
        diagnostics.push(
            spec.finding(
                &PLATFORM,
                shell.span,
                "env.shell",
                format!(
                    "`{word}` is a shell of {there}, and the machine is `{}`",
                    kind.name
                ),
            )
            .label(format!("for {there} only"))
            .perhaps_related(spec.written("environment.type"), "the machine")
            .help(help),
        );
    }
}

fn users(spec: &Spec<'_>, kind: &EnvironmentType, diagnostics: &mut Diagnostics) {
    if kind.platform != "windows" {
        return;
    }
    let phases = spec
        .phases()
        .map(|(name, phase)| (format!("phases.{name}.run-as"), phase));
    for (path, node) in std::iter::once(("run-as".to_owned(), &*spec.root)).chain(phases) {
        if let Some(entry) = node.entry("run-as") {
            diagnostics.push(
                spec.finding(
                    &PLATFORM,
                    entry.key_span,
                    &path,
                    format!("`run-as` is for Linux, and the machine is `{}`", kind.name),
                )
                .label("for Linux only")
                .perhaps_related(spec.written("environment.type"), "the machine")
                .help("leave it out"),
            );
        }
    }
}
