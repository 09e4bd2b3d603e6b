//! JSON that programs rely on: frozen structs, version 1.

use serde::Serialize;

use crate::diagnostic::Diagnostic;
use crate::error::Failure;
use crate::source::{Position, Sources, Span};

/// The version of every struct here.
pub const VERSION: u32 = 1;

/// `validate --format json`, and every command whose file is at fault.
#[derive(Debug, Serialize)]
pub struct Findings {
    version: u32,
    diagnostics: Vec<Finding>,
    summary: Summary,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorBody>,
}

#[derive(Debug, Serialize)]
struct Finding {
    code: &'static str,
    severity: &'static str,
    message: String,
    file: String,
    span: Range,
    path: String,
    labels: Vec<RelatedPlace>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

#[derive(Debug, Serialize)]
struct RelatedPlace {
    message: String,
    file: String,
    span: Range,
}

#[derive(Debug, Serialize)]
struct Range {
    start: Point,
    end: Point,
}

#[derive(Debug, Serialize)]
struct Point {
    offset: usize,
    line: usize,
    column: usize,
}

#[derive(Debug, Serialize)]
struct Summary {
    files: usize,
    errors: usize,
    warnings: usize,
}

/// A failure of any command in any JSON format.
#[derive(Debug, Serialize)]
pub struct ErrorOutput {
    version: u32,
    error: ErrorBody,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorBody {
    code: String,
    message: String,
    operation: Option<String>,
    request_id: Option<String>,
}

/// Findings, in the order given.
pub fn findings(
    sources: &Sources,
    list: &[Diagnostic],
    files: usize,
    error: Option<&Failure>,
) -> Findings {
    let (errors, warnings) = super::count(list);
    Findings {
        version: VERSION,
        diagnostics: list.iter().map(|one| finding(sources, one)).collect(),
        summary: Summary {
            files,
            errors,
            warnings,
        },
        error: error.map(body),
    }
}

/// A failure.
pub fn failure(failure: &Failure) -> ErrorOutput {
    ErrorOutput {
        version: VERSION,
        error: body(failure),
    }
}

fn body(failure: &Failure) -> ErrorBody {
    ErrorBody {
        code: failure.code.clone(),
        message: failure.message.clone(),
        operation: failure.operation.clone(),
        request_id: failure.request_id.clone(),
    }
}

fn finding(sources: &Sources, diagnostic: &Diagnostic) -> Finding {
    Finding {
        code: diagnostic.code,
        severity: diagnostic.severity.as_str(),
        message: diagnostic.message.clone(),
        file: sources.file(diagnostic.span.file).name.clone(),
        span: range(sources, diagnostic.span),
        path: diagnostic.path.clone(),
        labels: diagnostic
            .places()
            .map(|(message, span)| RelatedPlace {
                message,
                file: sources.file(span.file).name.clone(),
                span: range(sources, span),
            })
            .collect(),
        help: diagnostic.help.clone(),
    }
}

fn range(sources: &Sources, span: Span) -> Range {
    // bytes of the file, of which the text lacks the mark
    let mark = sources.file(span.file).mark;
    let point = |position: Position| Point {
        offset: position.offset + mark,
        line: position.line,
        column: position.column,
    };
    let (start, end) = sources.positions(span);
    Range {
        start: point(start),
        end: point(end),
    }
}
