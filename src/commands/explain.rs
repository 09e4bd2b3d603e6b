//! `explain`: what a finding means.

use std::fmt::Write as _;

use crate::checks;
use crate::cli::Explain;
use crate::diagnostic::CODES;
use crate::error::{Exit, Failure};
use crate::report::{self, Look, Report};

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
            .map(|(code, summary)| match checks::rule(code) {
                None => serde_json::json!({"code": code, "summary": summary}),
                Some(rule) => serde_json::json!({
                    "code": code,
                    "summary": summary,
                    "severity": rule.severity.as_str(),
                    "why": rule.why,
                    "aws": rule.aws,
                    "wrong": rule.wrong,
                    "right": rule.right,
                    "link": rule.link,
                }),
            })
            .collect();
        report.result_json(&serde_json::json!({"version": 1, "codes": list}));
        return Ok(Exit::Ok);
    }
    let widest = list.iter().map(|(code, _)| code.len()).max().unwrap_or(0);
    let mut text = String::new();
    if let Some(code) = &arguments.code
        && let Some(rule) = checks::rule(code)
    {
        report.result(&page(report.out, rule));
        return Ok(Exit::Ok);
    }
    for (code, summary) in list {
        let _ = writeln!(text, "{code:widest$}  {summary}");
    }
    report.result(&text);
    Ok(Exit::Ok)
}

/// The page of a rule: what, why, AWS's words, wrong and right, where it is from.
fn page(look: Look, rule: &checks::Rule) -> String {
    let indented = |text: &str| {
        text.lines().fold(String::new(), |mut all, line| {
            let _ = writeln!(all, "    {line}");
            all
        })
    };
    let mut text = format!("{} ({})\n\n", rule.code, rule.severity.as_str());
    let mut summary = rule.summary.chars();
    let first = summary.next().map(|first| first.to_uppercase().to_string());
    let summary = format!("{}{}.", first.unwrap_or_default(), summary.as_str());
    let _ = writeln!(text, "{}\n", report::wrapped(look, &summary));
    for paragraph in rule.why.split("\n\n") {
        let _ = writeln!(text, "{}\n", report::wrapped(look, paragraph));
    }
    if !rule.aws.is_empty() {
        let _ = write!(text, "AWS says:\n\n{}\n", indented(rule.aws));
    }
    let _ = write!(text, "Wrong:\n\n{}\n", indented(rule.wrong));
    let _ = write!(text, "Right:\n\n{}\n", indented(rule.right));
    let _ = writeln!(text, "{}", rule.link);
    text
}
