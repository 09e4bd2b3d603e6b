//! Patterns of triggers are globs.

use super::trigger_filter;
use crate::catalog::structure;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::model::{Filter, Globs, Text};

pub(super) const RULE: Rule = Rule {
    code: "trigger-pattern",
    severity: Severity::Warning,
    summary: "a pattern of a trigger is no glob, and will match nothing",
    why: "Patterns of triggers are globs: `*` within a part of a path, `**` across parts, `?`, `[abc]`, `[!a]`, and \
          `{main,develop}` without another brace inside. They are no regular expressions: `main|develop` matches the \
          branch of just that name. Branches and tags are named without `refs/heads/` and `refs/tags/`.",
    aws: "",
    wrong: "triggers:\n  push: {branches: 'main|develop'}",
    right: "triggers:\n  push: {branches: [main, develop]}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/syntax-glob.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let triggers = subject.model.pipelines.iter().flat_map(|p| &p.triggers);
    for trigger in triggers {
        for (kind, filters) in [
            ("push", &trigger.push),
            ("pullRequest", &trigger.pull_request),
        ] {
            for (index, filter) in filters.iter().enumerate() {
                let path = trigger_filter::path(trigger, kind, index, filters.len());
                for (key, pattern) in patterns(filter) {
                    let finding = one(subject, key, pattern, &path);
                    diagnostics.extend(finding.map(|f| f.through(pattern.origin.as_ref())));
                }
            }
        }
    }
}

/// The patterns of a filter and what each is one of.
pub(super) fn patterns(filter: &Filter) -> impl Iterator<Item = (&'static str, &Text)> {
    let globs: [(&str, &Option<Globs>); 3] = [
        ("branches", &filter.branches),
        ("tags", &filter.tags),
        ("paths", &filter.paths),
    ];
    globs.into_iter().flat_map(|(key, globs)| {
        let globs = globs.iter();
        globs.flat_map(move |globs| {
            globs
                .includes
                .iter()
                .chain(&globs.excludes)
                .map(move |pattern| (key, pattern))
        })
    })
}

/// What is odd about a pattern: the characters, a sentence, and the way out.
struct Oddity {
    start: usize,
    end: usize,
    message: String,
    label: &'static str,
    help: String,
}

fn one(subject: &Subject<'_>, key: &str, pattern: &Text, path: &str) -> Option<Diagnostic> {
    let most = structure::quotas().filter_pattern_length.max;
    if !pattern.known || pattern.value.chars().count() as u64 > most {
        return None;
    }
    let odd = lines(&pattern.value)
        .or_else(|| reference(key, &pattern.value))
        .or_else(|| expression(key, &pattern.value))
        .or_else(|| unbalanced(&pattern.value))?;
    let span = subject.part(pattern, odd.start, odd.end);
    Some(
        RULE.finding(span, format!("{path}.{key}"), odd.message)
            .label(odd.label)
            .help(odd.help),
    )
}

/// A line break, which no name has.
fn lines(value: &str) -> Option<Oddity> {
    let at = value.find(['\n', '\r'])?;
    Some(Oddity {
        start: at,
        end: at + 1,
        message: "the pattern has several lines, and matches nothing".to_owned(),
        label: "several lines",
        help: "write a list of patterns, one of them a line".to_owned(),
    })
}

/// A branch or tag as git writes it in full.
fn reference(key: &str, value: &str) -> Option<Oddity> {
    let prefix = match key {
        "branches" => "refs/heads/",
        "tags" => "refs/tags/",
        _ => return None,
    };
    let short = value.strip_prefix(prefix)?;
    Some(Oddity {
        start: 0,
        end: prefix.len(),
        message: format!(
            "`{value}` matches no {}: they are named without `{prefix}`",
            one_of(key)
        ),
        label: "more than its name",
        help: format!("write `{short}`"),
    })
}

fn one_of(key: &str) -> &str {
    match key {
        "branches" => "branch",
        "tags" => "tag",
        _ => "path",
    }
}

/// Signs of a regular expression.
fn expression(key: &str, value: &str) -> Option<Oddity> {
    let oddity = |start: usize, end: usize| Oddity {
        start,
        end,
        message: format!("`{value}` reads as a regular expression; patterns of triggers are globs"),
        label: "no sign of a glob",
        help: "a glob has `*`, `**`, `?`, `[abc]` and `{this,that}`".to_owned(),
    };
    if let Some(at) = value.find('|') {
        let alternatives: Vec<&str> = value
            .trim_matches(['(', ')', '^', '$'])
            .split('|')
            .collect();
        return Some(Oddity {
            help: format!("write a list: `[{}]`", alternatives.join(", ")),
            ..oddity(at, at + 1)
        });
    }
    if value == ".*" {
        return Some(Oddity {
            help: "for everything write `**`".to_owned(),
            ..oddity(0, value.len())
        });
    }
    if value.starts_with('^') {
        return Some(oddity(0, 1));
    }
    if value.len() > 1 && value.ends_with('$') {
        return Some(oddity(value.len() - 1, value.len()));
    }
    let sign = [".+", "]+", "\\d", "\\w", "\\."]
        .iter()
        .find_map(|sign| value.find(sign).map(|at| oddity(at, at + sign.len())));
    // files begin with a point, branches and tags do not; and nobody names a branch with parentheses
    let of_names = || {
        let at = value.find("/.*").map(|at| oddity(at + 1, at + 3));
        at.or_else(|| {
            let (open, close) = (value.find('(')?, value.rfind(')')?);
            (open < close).then(|| oddity(open, close + 1))
        })
    };
    sign.or_else(|| (key != "paths").then(of_names).flatten())
}

/// Brackets and braces that are not closed, and braces in braces.
fn unbalanced(value: &str) -> Option<Oddity> {
    let oddity = |at: usize, what: &str| {
        Oddity {
        start: at,
        end: at + 1,
        message: format!("`{value}` is no glob: {what}"),
        label: if what.ends_with("closed") { "not closed" } else { "braces in braces" },
        help: "a glob has `*`, `**`, `?`, `[abc]` and `{this,that}`; `\\` before a character takes it as it is"
            .to_owned(),
    }
    };
    let mut open: Option<(char, usize)> = None;
    let mut escaped = false;
    for (at, c) in value.char_indices() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match (c, open) {
            ('\\', _) => escaped = true,
            ('{', Some(('{', _))) => return Some(oddity(at, "braces do not stand in braces")),
            ('{' | '[', None) => open = Some((c, at)),
            ('}', Some(('{', _))) | (']', Some(('[', _))) => open = None,
            _ => {}
        }
    }
    open.map(|(c, at)| oddity(at, &format!("its `{c}` is not closed")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn odd(value: &str) -> bool {
        reference("branches", value)
            .or_else(|| {
                expression(
                    if value.starts_with("src") {
                        "paths"
                    } else {
                        "branches"
                    },
                    value,
                )
            })
            .or_else(|| unbalanced(value))
            .is_some()
    }

    #[test]
    fn globs_are_left_alone() {
        for glob in [
            "main",
            "v1.*",
            "release/**",
            "{main,dev*}",
            "feature-[!a]?",
            "src/**/.*",
            "a\\{b",
            "refs",
            "[{]",
        ] {
            assert!(!odd(glob), "{glob}");
        }
    }

    #[test]
    fn what_is_no_glob_is_told() {
        for other in [
            "main|dev",
            "^main",
            "main$",
            ".*",
            "v\\d",
            "{a,{b}}",
            "[ab",
            "{a,b",
            "refs/heads/main",
        ] {
            assert!(odd(other), "{other}");
        }
    }
}
