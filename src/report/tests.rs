//! Reports of tests and coverage as people read them.

use std::fmt::Write as _;

use super::Look;
use super::run::duration;
use super::text::{Paint, clean, number, paint};
use crate::execution::report::{Report, ReportStatus, ReportType, TestCase, TestStatus};

/// How many lines of a failed test's message are shown.
const LINES: usize = 8;
/// How many files with little coverage are shown.
const FILES: usize = 10;
/// Below this share of lines a file is worth naming, in percent.
const LOW: f64 = 80.0;

/// One report: a line on the whole, then what somebody has to look at.
pub fn text(look: Look, action: &str, report: &Report) -> String {
    let mut text = match report.kind {
        ReportType::Test => tests(look, action, report),
        ReportType::CodeCoverage => coverage(look, action, report),
    };
    if report.status == ReportStatus::Incomplete {
        let _ = writeln!(
            text,
            "  {}",
            paint(
                look,
                Paint::Warning,
                "incomplete: its files could not all be read"
            )
        );
    }
    if report.truncated {
        text.push_str("  there were more results than a report holds\n");
    }
    text
}

fn head(look: Look, mark: (&str, &str), paint_as: Paint, action: &str, report: &Report) -> String {
    let symbol = if look.unicode { mark.0 } else { mark.1 };
    format!(
        "{} {}",
        paint(look, paint_as, symbol),
        clean(&format!("{action}: {}", report.name))
    )
}

fn tests(look: Look, action: &str, report: &Report) -> String {
    let summary = report.test_summary.clone().unwrap_or_default();
    let count = |word: &str| summary.status_counts.get(word).copied().unwrap_or(0);
    let bad: Vec<&TestCase> = report
        .test_cases
        .iter()
        .filter(|case| case.status.is_bad())
        .collect();
    let failed = (count("FAILED") + count("ERROR")).max(i64::try_from(bad.len()).unwrap_or(0));
    let (mark, color) = if failed > 0 || report.status == ReportStatus::Failed {
        (("✗", "x"), Paint::Error)
    } else {
        (("✓", "+"), Paint::Add)
    };
    let mut text = head(look, mark, color, action, report);
    let total = usize::try_from(summary.total).unwrap_or(0);
    let _ = write!(text, "  {}", number(total, "test"));
    if failed > 0 {
        let _ = write!(
            text,
            ", {}",
            paint(look, Paint::Error, &format!("{failed} failed"))
        );
    }
    if count("SKIPPED") > 0 {
        let _ = write!(text, ", {} skipped", count("SKIPPED"));
    }
    let _ = writeln!(
        text,
        " in {}",
        duration(summary.duration_in_nano_seconds / 1_000_000)
    );
    for case in bad {
        let name = match case.prefix.as_deref().filter(|prefix| !prefix.is_empty()) {
            Some(prefix) => format!("{prefix}.{}", case.name),
            None => case.name.clone(),
        };
        let word = match case.status {
            TestStatus::Error => "error",
            _ => "failed",
        };
        let _ = writeln!(
            text,
            "  {} {}",
            paint(look, Paint::Error, word),
            clean(&name)
        );
        let message = clean(case.message.as_deref().unwrap_or_default());
        let lines: Vec<&str> = message.trim().lines().collect();
        for line in lines.iter().take(LINES) {
            let _ = writeln!(text, "    {}", line.trim_end());
        }
        if lines.len() > LINES {
            let _ = writeln!(text, "    ({} more)", number(lines.len() - LINES, "line"));
        }
    }
    text
}

fn coverage(look: Look, action: &str, report: &Report) -> String {
    let all = report.code_coverage_summary.clone().unwrap_or_default();
    let mut text = head(look, ("✓", "+"), Paint::Add, action, report);
    let _ = write!(
        text,
        "  {:.1} % of {}",
        all.line_coverage_percentage,
        number(
            usize::try_from(all.lines_covered + all.lines_missed).unwrap_or(0),
            "line"
        )
    );
    let branches = all.branches_covered + all.branches_missed;
    if branches > 0 {
        let _ = write!(
            text,
            ", {:.1} % of {branches} branches",
            all.branch_coverage_percentage
        );
    }
    text.push('\n');
    let low: Vec<_> = report
        .files
        .iter()
        .filter(|file| file.line_coverage_percentage < LOW)
        .collect();
    for file in low.iter().take(FILES) {
        let _ = writeln!(
            text,
            "  {:>5.1} %  {}",
            file.line_coverage_percentage,
            clean(file.file_path.as_deref().unwrap_or_default())
        );
    }
    if low.len() > FILES {
        let _ = writeln!(text, "  and {}", number(low.len() - FILES, "more file"));
    }
    text
}
