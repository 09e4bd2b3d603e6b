//! Findings and failures as a person reads them.

use std::fmt;
use std::fmt::Write as _;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode, ThemeCharacters, ThemeStyles,
};

use super::excerpt::{CONTEXT, Excerpt};
use super::{Look, shown};
use crate::diagnostic::{Diagnostic, Severity};
use crate::error::{Exit, Failure};
use crate::source::{Sources, Span};

/// What a piece of text means; colours follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Something is wrong.
    Error,
    /// Something may hurt.
    Warning,
    /// Something is new.
    Add,
    /// Something changes.
    Change,
    /// Something goes.
    Remove,
    /// A heading.
    Strong,
    /// A remark.
    Faint,
}

/// Colours a text where the stream takes colours.
pub fn paint(look: Look, paint: Paint, text: &str) -> String {
    if !look.color {
        return text.to_owned();
    }
    let style = console::Style::new().force_styling(true);
    let style = match paint {
        Paint::Error | Paint::Remove => style.red().bold(),
        Paint::Warning => style.yellow().bold(),
        Paint::Add => style.green(),
        Paint::Change => style.yellow(),
        Paint::Strong => style.bold(),
        Paint::Faint => style.dim(),
    };
    style.apply_to(text).to_string()
}

/// Text from elsewhere without what a terminal would obey: control characters other than line breaks and tabs.
pub fn clean(text: &str) -> String {
    if text.chars().all(harmless) {
        return text.to_owned();
    }
    text.chars()
        .map(|c| if harmless(c) { c } else { '\u{fffd}' })
        .collect()
}

pub(super) fn harmless(c: char) -> bool {
    matches!(c, '\n' | '\t') || !c.is_control()
}

/// Every finding with its lines.
pub fn diagnostics(look: Look, sources: &Sources, list: &[Diagnostic]) -> String {
    let handler = handler(look);
    let mut text = String::new();
    let (findings, rest) = shown(list);
    let hidden: Vec<Span> = list.iter().filter(|d| d.hidden).map(|d| d.span).collect();
    for diagnostic in findings {
        let shown = Shown::new(look, sources, diagnostic, &hidden);
        let mut one = String::new();
        if handler.render_report(&mut one, &shown).is_err() {
            one = plain(sources, diagnostic);
        }
        for line in one.trim_matches('\n').lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text.push('\n');
    }
    if let Some(rest) = rest {
        text.push_str(&rest);
        text.push_str("\n\n");
    }
    text
}

/// `2 errors, 1 warning`.
pub fn summary_line(list: &[Diagnostic]) -> String {
    let (errors, warnings) = super::count(list);
    summary(errors, warnings)
}

pub(super) fn summary(errors: usize, warnings: usize) -> String {
    match (errors, warnings) {
        (0, 0) => "no findings".to_owned(),
        (0, warnings) => number(warnings, "warning"),
        (errors, 0) => number(errors, "error"),
        (errors, warnings) => format!(
            "{}, {}",
            number(errors, "error"),
            number(warnings, "warning")
        ),
    }
}

/// `1 error`, `2 errors`.
pub fn number(count: usize, word: &str) -> String {
    if count == 1 {
        format!("1 {word}")
    } else {
        format!("{count} {word}s")
    }
}

/// A failure: what happened, on what, by which call, and what to do.
pub fn failure(look: Look, failure: &Failure) -> String {
    let head = match failure.exit {
        Exit::Interrupted => "interrupted: ",
        _ => "error: ",
    };
    let mut text = paint(look, Paint::Error, head);
    text.push_str(&clean(&failure.message));
    text.push('\n');
    let mut line = |name: &str, value: &str| {
        let label = paint(look, Paint::Faint, &format!("{name:>12}: "));
        let value = clean(value).replace('\n', "\n              ");
        let _ = writeln!(text, "{label}{value}");
    };
    if let Some(resource) = &failure.resource
        && !failure.message.contains(resource.as_str())
    {
        line("resource", resource);
    }
    if let Some(operation) = &failure.operation {
        line("operation", operation);
    }
    if let Some(id) = &failure.request_id {
        line("request id", id);
    }
    if let Some(help) = &failure.help {
        line("help", help);
    }
    text
}

fn handler(look: Look) -> GraphicalReportHandler {
    let theme = GraphicalTheme {
        characters: if look.unicode {
            ThemeCharacters::unicode()
        } else {
            ThemeCharacters::ascii()
        },
        styles: if look.color {
            ThemeStyles::ansi()
        } else {
            ThemeStyles::none()
        },
    };
    GraphicalReportHandler::new_themed(theme)
        .with_width(look.width)
        .with_context_lines(CONTEXT)
        // What people copy stays in one piece.
        .with_break_words(false)
        .with_word_separator(textwrap::WordSeparator::AsciiSpace)
        .with_word_splitter(textwrap::WordSplitter::NoHyphenation)
        .tab_width(2)
        .without_syntax_highlighting()
}

/// Without its lines: for a finding that cannot be drawn.
fn plain(sources: &Sources, diagnostic: &Diagnostic) -> String {
    let (start, _) = sources.positions(diagnostic.span);
    let mut text = format!(
        "{}\n\n  {}: {}\n  {}:{}:{}\n",
        diagnostic.code,
        diagnostic.severity.as_str(),
        clean(&diagnostic.message),
        sources.file(diagnostic.span.file).name,
        start.line,
        start.column
    );
    if let Some(help) = help(sources, diagnostic) {
        let _ = writeln!(text, "  help: {help}");
    }
    text
}

/// The help and, below it, through which variables the value came.
fn help(sources: &Sources, diagnostic: &Diagnostic) -> Option<String> {
    let mut text = diagnostic.help.as_deref().map(clean).unwrap_or_default();
    let mut step = diagnostic.origin.as_deref();
    if step.is_some() {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str("the value came through");
    }
    while let Some(origin) = step {
        let (start, _) = sources.positions(origin.span);
        let _ = write!(
            text,
            "\n  {} at {}:{}:{}",
            clean(&origin.what),
            sources.file(origin.span.file).name,
            start.line,
            start.column
        );
        step = origin.from.as_deref();
    }
    (!text.is_empty()).then_some(text)
}

/// A finding, or a related place in another file, as miette wants it.
struct Shown {
    code: Option<&'static str>,
    severity: miette::Severity,
    message: String,
    help: Option<String>,
    excerpt: Option<Excerpt>,
    labels: Vec<LabeledSpan>,
    related: Vec<Shown>,
}

impl Shown {
    fn new(look: Look, sources: &Sources, diagnostic: &Diagnostic, hidden: &[Span]) -> Self {
        let file = diagnostic.span.file;
        let mut spans = vec![(diagnostic.span, diagnostic.label.as_str())];
        spans.extend(
            diagnostic
                .labels
                .iter()
                .filter(|label| label.span.file == file && label.span != diagnostic.span)
                .map(|label| (label.span, label.message.as_str())),
        );
        let (excerpt, labels) = Excerpt::new(sources, file, &spans, hidden, look.width);
        let message = clean(&diagnostic.message);
        let message = if excerpt.is_some() {
            message
        } else {
            // There are no lines to show: the place goes into the words.
            let (start, _) = sources.positions(diagnostic.span);
            let name = &sources.file(file).name;
            format!("{message} ({name}:{}:{})", start.line, start.column)
        };
        Self {
            code: Some(diagnostic.code),
            severity: match diagnostic.severity {
                Severity::Error => miette::Severity::Error,
                Severity::Warning => miette::Severity::Warning,
            },
            message,
            help: help(sources, diagnostic),
            excerpt,
            labels,
            related: diagnostic
                .labels
                .iter()
                .filter(|label| label.span.file != file)
                .map(|label| {
                    let own = [(label.span, "")];
                    let (excerpt, labels) =
                        Excerpt::new(sources, label.span.file, &own, hidden, look.width);
                    Self {
                        code: None,
                        severity: miette::Severity::Advice,
                        message: clean(&label.message),
                        help: None,
                        excerpt,
                        labels,
                        related: Vec::new(),
                    }
                })
                .collect(),
        }
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Shown {}

impl miette::Diagnostic for Shown {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.code
            .map(|code| Box::new(code) as Box<dyn fmt::Display>)
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.excerpt
            .as_ref()
            .map(|excerpt| excerpt as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.excerpt.as_ref()?;
        Some(Box::new(self.labels.iter().cloned()))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        if self.related.is_empty() {
            return None;
        }
        Some(Box::new(
            self.related
                .iter()
                .map(|shown| shown as &dyn miette::Diagnostic),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;

    const LOOK: Look = Look {
        color: false,
        unicode: false,
        width: 80,
    };

    fn one(text: &str, span: (usize, usize)) -> (Sources, Span) {
        let mut sources = Sources::new();
        let file = sources.add("pipeline.yml", text);
        (sources, Span::new(file, span.0, span.1))
    }

    #[test]
    fn a_finding_shows_its_line_and_help() {
        let (sources, span) = one("a: 1\nb: 2\nservise: x\nc: 3\n", (10, 17));
        let finding = Diagnostic::error("key-unknown", span, "servise", "unknown key `servise`")
            .label("no such key")
            .help("write `service`");
        let text = diagnostics(LOOK, &sources, &[finding]);
        assert_eq!(
            text,
            "key-unknown\n\n  x unknown key `servise`\n   ,-[pipeline.yml:3:1]\n 2 | b: 2\n 3 | servise: x\n   : ^^^|^^^\n   :    `-- no such key\n 4 | c: 3\n   `----\n  help: write `service`\n\n"
        );
    }

    #[test]
    fn a_narrow_page_cuts_lines_around_their_place() {
        let text = format!(
            "a: {{{}bad: 1, {}}}\n",
            "k: v, ".repeat(20),
            "z: y, ".repeat(20)
        );
        let at = text.find("bad").expect("there");
        let (sources, span) = one(&text, (at, at + 3));
        let look = Look { width: 40, ..LOOK };
        let finding = Diagnostic::error("key-unknown", span, "a", "m").label("here");
        let page = diagnostics(look, &sources, &[finding]);
        assert!(
            page.lines().all(|line| line.chars().count() <= 40),
            "{page}"
        );
        assert!(page.contains("bad: 1") && page.contains("..."), "{page}");
    }

    #[test]
    fn columns_count_characters_as_in_the_json() {
        let text = "a: {b: \"日本 💥\", servise: x}\n";
        let at = text.find("servise").expect("there");
        let (sources, span) = one(text, (at, at + 7));
        let finding = Diagnostic::error("key-unknown", span, "a", "m").label("here");
        let shown = diagnostics(LOOK, &sources, &[finding]);
        let column = sources.positions(span).0.column;
        assert_eq!(column, 16);
        assert!(shown.contains("pipeline.yml:1:16]"), "{shown}");
    }

    #[test]
    fn line_numbers_hold_far_down() {
        let mut text: String = (1..=5_000).map(|n| format!("k{n}: v\n")).collect();
        let at = text.len();
        text.push_str("bad: x\n");
        let (sources, span) = one(&text, (at, at + 3));
        let shown = diagnostics(
            LOOK,
            &sources,
            &[Diagnostic::error("key-unknown", span, "bad", "m")],
        );
        assert!(shown.contains("pipeline.yml:5001:1"), "{shown}");
        assert!(shown.contains("5001 | bad: x"), "{shown}");
    }

    #[test]
    fn an_empty_file_and_its_end_can_be_shown() {
        let (sources, span) = one("", (0, 0));
        let shown = diagnostics(
            LOOK,
            &sources,
            &[Diagnostic::error("key-missing", span, "", "no service")],
        );
        assert!(shown.contains("no service (pipeline.yml:1:1)"), "{shown}");
        let (sources, span) = one("a: b", (4, 4));
        let shown = diagnostics(
            LOOK,
            &sources,
            &[Diagnostic::error("yaml-syntax", span, "", "end")],
        );
        assert!(shown.contains("a: b"), "{shown}");
    }

    #[test]
    fn a_terminal_is_not_driven_by_the_file() {
        let (sources, span) = one("a: \u{1b}[31mred\n", (0, 1));
        let shown = diagnostics(
            LOOK,
            &sources,
            &[Diagnostic::error(
                "key-unknown",
                span,
                "a",
                "\u{1b}]0;x\u{7}",
            )],
        );
        assert!(
            !shown.contains('\u{1b}') && !shown.contains('\u{7}'),
            "{shown}"
        );
    }

    #[test]
    fn the_chain_of_variables_is_told() {
        let (sources, span) = one("a: ${self:custom.x}\ncustom:\n  x: 1\n", (3, 19));
        let origin = std::sync::Arc::new(crate::tree::Origin {
            what: "${self:custom.x}".into(),
            span,
            from: None,
        });
        let finding = Diagnostic::error("value-invalid", span, "a", "wrong").through(Some(&origin));
        let shown = diagnostics(LOOK, &sources, &[finding]);
        assert!(
            shown.contains("${self:custom.x} at pipeline.yml:1:4"),
            "{shown}"
        );
    }
}
