//! `validate`: everything that is wrong with files, offline.

use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::explain::known;
use super::session::Session;
use super::{End, Setting, chosen};
use crate::checks::ignores;
use crate::cli::Validate;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::error::{Exit, Failure};
use crate::report::{self, Format, json, review, text};
use crate::source::Sources;

/// What came of one file.
struct Checked {
    /// The texts that the findings point into; none where there is no finding.
    sources: Sources,
    found: Vec<Diagnostic>,
    /// Its name, or why it could not be read.
    file: Result<String, Failure>,
}

/// Runs the command.
pub(super) fn run(arguments: &Validate, setting: &Setting) -> Result<Exit, End> {
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
    let mut sources = Sources::new();
    let mut found = Vec::new();
    let mut names = Vec::new();
    let mut failed: Vec<Failure> = Vec::new();
    let checked = files.len();
    for one in check_all(&files, setting) {
        let one = one?;
        let by = sources.append(one.sources);
        found.extend(one.found.into_iter().map(|finding| finding.moved(by)));
        match one.file {
            Ok(name) => names.push(name),
            Err(failure) => {
                report.failure_text(&failure);
                failed.push(failure);
            }
        }
    }
    let found = once(&sources, found);
    let list = weigh(arguments, found);
    let (errors, warnings) = report::count(&list);
    match report.format {
        Format::Sarif => report.result_json(&review::sarif(&sources, &list, &failed)),
        Format::Github if list.is_empty() && failed.is_empty() => {}
        Format::Github => report.result(&review::github(&sources, &list, &failed)),
        Format::Gitlab => report.result_json(&review::gitlab(&sources, &list)),
        Format::Junit => report.result(&review::junit(&sources, &list, &names, &failed)),
        Format::Json => match failed.first() {
            Some(failure) if list.is_empty() => report.result_json(&json::failure(failure)),
            first => report.result_json(&json::findings(&sources, &list, checked, first)),
        },
        _ if !list.is_empty() => {
            let mut page = text::diagnostics(report.out, &sources, &list);
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
            let key = (file, one.span.start(), one.span.end(), one.code);
            seen.insert((key, one.message.clone()))
        })
        .collect()
}

/// Checks files side by side, one on each processor; the answers come in the order of the files.
fn check_all(files: &[Result<PathBuf, Failure>], setting: &Setting) -> Vec<Result<Checked, End>> {
    let next = AtomicUsize::new(0);
    let work = || -> Vec<(usize, Result<Checked, End>)> {
        std::iter::from_fn(|| {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let file = files.get(at)?;
            Some((at, check(file, setting)))
        })
        .collect()
    };
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let mut all = thread::scope(|scope| {
        // This thread works too. Where no other can be started, it does everything.
        let others: Vec<_> = (1..processors.min(files.len()))
            .filter_map(|_| {
                let thread = thread::Builder::new().stack_size(STACK);
                thread.spawn_scoped(scope, work).ok()
            })
            .collect();
        let mut all = work();
        for other in others {
            match other.join() {
                Ok(more) => all.extend(more),
                Err(panic) => resume_unwind(panic),
            }
        }
        all
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, checked)| checked).collect()
}

/// As much as the first thread of a process has.
const STACK: usize = 8 << 20;

fn check(file: &Result<PathBuf, Failure>, setting: &Setting) -> Result<Checked, End> {
    let mut session = Session::new(setting);
    let loaded = file
        .as_ref()
        .map_err(Clone::clone)
        .and_then(|file| Ok((file, session.load(file)?)));
    let file = match loaded {
        Ok((file, root)) => {
            if let Some(root) = root {
                let document = session.resolve_offline(root, file)?;
                session.check_all(&document);
            }
            Ok(match file.to_str() {
                Some("-") => "<stdin>".to_owned(),
                _ => file.display().to_string(),
            })
        }
        Err(failure) => Err(failure),
    };
    let found = std::mem::take(&mut session.found).into_sorted();
    let (mut found, unused) = ignores::apply(&session.sources, found);
    if !unused.is_empty() {
        found.extend(unused);
        found = Diagnostics::from(found).into_sorted();
    }
    if found.is_empty() {
        session.sources = Sources::new();
    }
    Ok(Checked {
        sources: session.sources,
        found,
        file,
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
