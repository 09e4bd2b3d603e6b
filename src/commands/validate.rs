//! `validate`: everything that is wrong with files, offline.

use std::path::PathBuf;

use super::explain::known;
use super::session::Session;
use super::{End, Setting};
use crate::checks::ignores;
use crate::cli::Validate;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::error::{Exit, Failure};
use crate::report::{self, Format, json, review, text};

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
        )?]
    } else {
        arguments.files.clone()
    };
    let mut session = Session::new(setting);
    let mut failed: Option<Failure> = None;
    for file in &files {
        match session.load(file) {
            Ok(Some(root)) => {
                let document = session.resolve_offline(root, file).await?;
                session.check_all(&document);
            }
            Ok(None) => {}
            Err(failure) => {
                report.failure_text(&failure);
                failed.get_or_insert(failure);
            }
        }
    }
    let found = std::mem::take(&mut session.found).into_sorted();
    let (mut found, unused) = ignores::apply(&session.sources, found);
    if !unused.is_empty() {
        let mut all = Diagnostics::new();
        all.extend(found);
        all.extend(unused);
        found = all.into_sorted();
    }
    let list = weigh(arguments, found);
    let (errors, warnings) = report::count(&list);
    let name = |file: &PathBuf| match file.to_str() {
        Some("-") => "<stdin>".to_owned(),
        _ => file.display().to_string(),
    };
    match report.format {
        Format::Sarif => report.result_json(&review::sarif(&session.sources, &list)),
        Format::Github if list.is_empty() => {}
        Format::Github => report.result(&review::github(&session.sources, &list)),
        Format::Gitlab => report.result_json(&review::gitlab(&session.sources, &list)),
        Format::Junit => {
            let names: Vec<String> = files.iter().map(name).collect();
            report.result(&review::junit(&session.sources, &list, &names));
        }
        Format::Json => match &failed {
            Some(failure) if list.is_empty() => report.result_json(&json::failure(failure)),
            _ => report.result_json(&json::findings(
                &session.sources,
                &list,
                files.len(),
                failed.as_ref(),
            )),
        },
        _ if !list.is_empty() => {
            let mut page = text::diagnostics(report.out, &session.sources, &list);
            page.push_str(&text::summary_line(&list));
            report.result(&page);
        }
        _ if failed.is_none() => report.note(&match files.as_slice() {
            [file] => format!("{}: no findings", name(file)),
            files => format!("{} files: no findings", files.len()),
        }),
        _ => {}
    }
    Ok(match failed {
        Some(failure) => failure.exit,
        None if errors > 0 || (arguments.strict && warnings > 0) => Exit::No,
        None => Exit::Ok,
    })
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
