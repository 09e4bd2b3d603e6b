//! `explain`: what a finding means.

use std::fmt::Write as _;

use crate::checks;
use crate::cli::Explain;
use crate::diagnostic::CODES;
use crate::error::{Exit, Failure};
use crate::report::Report;

/// Every code with its sentence, sorted.
pub(super) fn codes() -> Vec<(&'static str, &'static str)> {
    let mut codes: Vec<_> = CODES
        .iter()
        .copied()
        .chain(checks::ALL.iter().map(|rule| (rule.code, rule.summary)))
        .collect();
    codes.sort_unstable();
    codes
}

/// Fails with the nearest code if there is no such code.
pub(super) fn known(code: &str) -> Result<(&'static str, &'static str), Failure> {
    let codes = codes();
    if let Some(found) = codes.iter().find(|(name, _)| *name == code) {
        return Ok(*found);
    }
    let nearest = codes
        .iter()
        .map(|(name, _)| (strsim::jaro_winkler(name, code), *name))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness > 0.8);
    let failure = Failure::usage(format!("there is no finding `{code}`"));
    Err(match nearest {
        Some((_, name)) => failure.help(format!("did you mean `{name}`?")),
        None => failure.help("`pipectl explain` lists them"),
    })
}

/// Runs the command.
pub(super) fn run(arguments: &Explain, report: &Report) -> Result<Exit, super::End> {
    let list = match &arguments.code {
        Some(code) => vec![known(code)?],
        None => codes(),
    };
    if report.is_json() {
        let list: Vec<_> = list
            .iter()
            .map(|(code, summary)| serde_json::json!({"code": code, "summary": summary}))
            .collect();
        report.result_json(&serde_json::json!({"version": 1, "codes": list}));
        return Ok(Exit::Ok);
    }
    let widest = list.iter().map(|(code, _)| code.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (code, summary) in list {
        let _ = writeln!(text, "{code:widest$}  {summary}");
    }
    report.result(&text);
    Ok(Exit::Ok)
}
