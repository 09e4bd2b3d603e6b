//! Comments that take findings back: `# pipectl: ignore[code]`, behind a value or on the line above it.

use std::collections::HashMap;

use crate::diagnostic::{CODES, Diagnostic, Diagnostics, LEFT_OUT, Severity, nearest};
use crate::source::{FileId, SourceFile, Sources, Span};

/// The finding about a comment that takes nothing back.
const UNUSED: &str = "ignore-unused";

/// No comment is looked for in a longer line, in bytes: nobody reads such a line to its end.
const LONGEST_LINE: usize = 20_000;

/// One code of one comment.
struct Ignore<'a> {
    code: &'a str,
    span: Span,
    /// The lines it speaks of: its own, and the next one with content where it stands alone.
    lines: [usize; 2],
    used: bool,
}

/// The findings without those that a comment takes back, and a warning for each comment that takes nothing back.
///
/// Only what a rule finds, and warnings, can be taken back. The rest leaves pipectl without knowing what is meant.
/// Comments are judged with the file that they stand in: one that cannot be understood says nothing about the others.
pub fn apply(sources: &Sources, found: Vec<Diagnostic>) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
    let mut ignores = Vec::new();
    for id in sources.ids() {
        collect(id, sources.file(id), &mut ignores);
    }
    if ignores.is_empty() {
        return (found, Vec::new());
    }
    let mut of_line: HashMap<(FileId, usize), Vec<usize>> = HashMap::new();
    for (at, ignore) in ignores.iter().enumerate() {
        let [own, next] = ignore.lines;
        for line in [own, next].iter().take(if own == next { 1 } else { 2 }) {
            of_line
                .entry((ignore.span.file, *line))
                .or_default()
                .push(at);
        }
    }
    let kept: Vec<Diagnostic> = found
        .into_iter()
        .filter(|one| {
            let line = sources.positions(one.span).0.line;
            let mut keep = true;
            for at in of_line.get(&(one.span.file, line)).into_iter().flatten() {
                let ignore = &mut ignores[*at];
                if ignore.code == one.code && can_be_ignored(one) {
                    ignore.used = true;
                    keep = false;
                }
            }
            keep
        })
        .collect();
    // Where the file could not be understood, some rules had nothing to look at; and who knows what was left out.
    let whole = kept.iter().all(|one| {
        one.code != LEFT_OUT
            && (one.severity == Severity::Warning || super::rule(one.code).is_some())
    });
    let mut all = Diagnostics::new();
    if whole {
        all.extend(ignores.iter().filter(|ignore| !ignore.used).map(unused));
    }
    (kept, all.into_sorted())
}

fn can_be_ignored(one: &Diagnostic) -> bool {
    one.severity == Severity::Warning || super::rule(one.code).is_some()
}

fn unused(ignore: &Ignore<'_>) -> Diagnostic {
    let code = ignore.code;
    let codes = || {
        let rules = super::ALL.iter().map(|rule| rule.code);
        rules.chain(CODES.iter().map(|(code, _)| *code))
    };
    if codes().any(|known| known == code) {
        return Diagnostic::warning(
            UNUSED,
            ignore.span,
            "",
            format!("nothing is found here that `{code}` takes back"),
        )
        .label("not needed")
        .help("remove the comment");
    }
    let finding = Diagnostic::warning(
        UNUSED,
        ignore.span,
        "",
        format!("there is no finding `{code}`"),
    )
    .label("no code");
    match nearest(code, codes()) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None => finding.help("`pipectl explain` lists the codes"),
    }
}

/// The comments of a text.
fn collect<'a>(id: FileId, file: &'a SourceFile, into: &mut Vec<Ignore<'a>>) {
    let text = file.text.as_str();
    for (at, _) in text.match_indices("ignore[") {
        let own = file.position(at).line;
        let line = file.line(own);
        if line.len() > LONGEST_LINE {
            continue;
        }
        let line_end = line.end;
        let before = &text[line.start..at];
        let Some(hash) = comment_start(before) else {
            continue;
        };
        let from = at + "ignore[".len();
        let Some(length) = text[from..line_end].find(']') else {
            continue;
        };
        let behind = &text[from + length..line_end];
        if quoted(&before[..hash], behind) {
            continue;
        }
        let alone = before[..hash].trim().is_empty();
        let lines = [
            own,
            if alone {
                next_line(text, line_end, own)
            } else {
                own
            },
        ];
        let mut start = from;
        for part in text[from..from + length].split(',') {
            let code = part.trim();
            if !code.is_empty() {
                let first = start + (part.len() - part.trim_start().len());
                into.push(Ignore {
                    code,
                    span: Span::new(id, first, first + code.len()),
                    lines,
                    used: false,
                });
            }
            start += part.len() + 1;
        }
    }
}

/// Where the comment begins whose text ends in `pipectl:`.
fn comment_start(before: &str) -> Option<usize> {
    let rest = before.trim_end().strip_suffix("pipectl:")?;
    let rest = rest.trim_end().strip_suffix('#')?;
    let begins = rest.is_empty() || rest.ends_with([' ', '\t']);
    begins.then_some(rest.len())
}

/// Whether what stands between these two is within quotes.
fn quoted(before: &str, behind: &str) -> bool {
    ['"', '\'']
        .into_iter()
        .any(|quote| before.matches(quote).count() % 2 == 1 && behind.contains(quote))
}

/// The line with content that follows; comments and empty lines are none.
fn next_line(text: &str, mut at: usize, mut line: usize) -> usize {
    while let Some(rest) = text.get(at + 1..) {
        line += 1;
        let end = rest.find('\n').unwrap_or(rest.len());
        let content = rest[..end].trim();
        if !content.is_empty() && !content.starts_with('#') {
            break;
        }
        if at + 1 + end >= text.len() {
            break;
        }
        at += 1 + end;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str, code: &'static str, needle: &str) -> (usize, Vec<String>) {
        let mut sources = Sources::new();
        let id = sources.add("pipeline.yml", text);
        let start = text.find(needle).expect("there");
        let span = Span::new(id, start, start + needle.len());
        let found = vec![Diagnostic::warning(code, span, "", "m")];
        let (kept, unused) = apply(&sources, found);
        let unused = unused
            .iter()
            .map(|one| sources.slice(one.span).to_owned())
            .collect();
        (kept.len(), unused)
    }

    #[test]
    fn a_comment_takes_back_what_stands_on_its_line_or_the_next() {
        let code = "source-polling";
        let none: Vec<String> = Vec::new();
        for text in [
            "a: here # pipectl: ignore[source-polling]",
            "# pipectl: ignore[source-polling]\na: here\n",
            "#pipectl:ignore[ source-polling ] it is only a demo\n\n# more\na: here\n",
            "# pipectl: ignore[source-polling]\r\na: here\r\n",
            "run: |\n  # pipectl: ignore[source-polling]\n  here\n",
        ] {
            assert_eq!(after(text, code, "here"), (0, none.clone()), "{text}");
        }
    }

    #[test]
    fn a_comment_elsewhere_takes_nothing_back_and_is_told() {
        let code = "source-polling";
        let unused = vec![code.to_owned()];
        for text in [
            "# pipectl: ignore[source-polling]\na: x\nb: here\n",
            "a: x # pipectl: ignore[source-polling]\nb: here\n",
            "b: here\n# pipectl: ignore[source-polling]\n",
        ] {
            assert_eq!(after(text, code, "here"), (1, unused.clone()), "{text}");
        }
        let two = "a: here # pipectl: ignore[source-polling, key-unknwon]\n";
        assert_eq!(
            after(two, code, "here"),
            (0, vec!["key-unknwon".to_owned()])
        );
    }

    #[test]
    fn text_within_quotes_is_no_comment() {
        let text = "message: \"write # pipectl: ignore[source-polling] here\"\n";
        assert_eq!(after(text, "source-polling", "here"), (1, Vec::new()));
        let text = "a: here#pipectl: ignore[source-polling]\n";
        assert_eq!(after(text, "source-polling", "here"), (1, Vec::new()));
    }

    #[test]
    fn what_leaves_the_file_without_meaning_stays() {
        let mut sources = Sources::new();
        let text = "serviec: x # pipectl: ignore[key-unknown]\n";
        let id = sources.add("pipeline.yml", text);
        let found = vec![Diagnostic::error(
            "key-unknown",
            Span::new(id, 0, 7),
            "",
            "m",
        )];
        let (kept, unused) = apply(&sources, found);
        assert_eq!((kept.len(), unused.len()), (1, 0));
    }
}
