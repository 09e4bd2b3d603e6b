//! `validate`: everything that is wrong with files, offline.

use std::collections::BTreeSet;

use super::explain::known;
use super::session::Session;
use super::{End, Setting, chosen};
use crate::checks::ignores;
use crate::cli::Validate;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::error::{Exit, Failure};
use crate::report::{self, Format, json, review, text};
use crate::source::Sources;

/// Runs the command.
pub(super) async fn run(arguments: &Validate, setting: &Setting) -> Result<Exit, End> {
    for code in [&arguments.error, &arguments.warn, &arguments.allow]
        .into_iter()
        .flatten()
    {
        known(code)?;
    }
    let report = &setting.report;
    let files = if arguments.files.is_empty() {
        vec![super::files::find(
            setting.global.file.as_deref(),
            &setting.here,
        )]
    } else {
        chosen::files(&arguments.files, &setting.here)
    };
    let mut session = Session::new(setting);
    let mut found = Diagnostics::new();
    let mut names = Vec::new();
    let mut failed: Vec<Failure> = Vec::new();
    let checked = files.len();
    for file in files {
        let first = session.sources.len();
        match file.and_then(|file| Ok((session.load(&file)?, file))) {
            Ok((root, file)) => {
                names.push(match file.to_str() {
                    Some("-") => "<stdin>".to_owned(),
                    _ => file.display().to_string(),
                });
                if let Some(root) = root {
                    let document = session.resolve_offline(root, &file).await?;
                    session.check_all(&document);
                }
            }
            Err(failure) => {
                report.failure_text(&failure);
                failed.push(failure);
            }
        }
        // Comments are judged file by file: one that cannot be understood says nothing about the others.
        let own = std::mem::take(&mut session.found).into_sorted();
        let (kept, unused) = ignores::apply(&session.sources, first, own);
        found.extend(kept);
        found.extend(unused);
    }
    let found = once(&session.sources, found.into_sorted());
    let list = weigh(arguments, found);
    let (errors, warnings) = report::count(&list);
    let sources = &session.sources;
    match report.format {
        Format::Sarif => report.result_json(&review::sarif(sources, &list, &failed)),
        Format::Github if list.is_empty() && failed.is_empty() => {}
        Format::Github => report.result(&review::github(sources, &list, &failed)),
        Format::Gitlab => report.result_json(&review::gitlab(sources, &list)),
        Format::Junit => report.result(&review::junit(sources, &list, &names, &failed)),
        Format::Json => match failed.first() {
            Some(failure) if list.is_empty() => report.result_json(&json::failure(failure)),
            first => report.result_json(&json::findings(sources, &list, checked, first)),
        },
        _ if !list.is_empty() => {
            let mut page = text::diagnostics(report.out, sources, &list);
            page.push_str(&text::summary_line(&list));
            if checked > 1 {
                page.push_str(&format!(" in {checked} files"));
            }
            report.result(&page);
        }
        _ if failed.is_empty() => report.note(&match names.as_slice() {
            [file] => format!("{file}: no findings"),
            files => format!("{} files: no findings", files.len()),
        }),
        _ => {}
    }
    Ok(match failed.first() {
        Some(failure) => failure.exit,
        None if errors > 0 || (arguments.strict && warnings > 0) => Exit::No,
        None => Exit::Ok,
    })
}

/// Each finding once: a buildspec or an included file that several files share is read for each of them.
fn once(sources: &Sources, list: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut seen = BTreeSet::new();
    list.into_iter()
        .filter(|one| {
            let file = sources.file(one.span.file).name.clone();
            let key = (file, one.span.start, one.span.end, one.code);
            seen.insert((key, one.message.clone()))
        })
        .collect()
}

/// The weights that the command line gives.
fn weigh(arguments: &Validate, list: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let named = |codes: &[String], code: &str| codes.iter().any(|name| name == code);
    list.into_iter()
        .filter(|one| !named(&arguments.allow, one.code))
        .map(|mut one| {
            if named(&arguments.error, one.code) {
                one.severity = Severity::Error;
            } else if named(&arguments.warn, one.code) {
                one.severity = Severity::Warning;
            }
            one
        })
        .collect()
}
