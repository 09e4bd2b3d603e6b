//! The reports of a build: files of ten formats as one kind of data.
//!
//! Files come from whatever a build ran, so nothing about them is believed: they are read as a stream, entities are
//! not expanded, and what is kept is bounded. A file that cannot be read gives a note, never an error.

mod coverage;
mod cucumber;
mod junit;
mod nunit;
mod simplecov;
mod testng;
#[cfg(test)]
mod tests;
mod trx;
mod xml;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use crate::catalog::buildspec;
use crate::execution::report::{
    Coverage, Report, ReportStatus, ReportType, TestCase, TestStatus, TestSummary,
};

/// The largest file that is read, in bytes.
const MOST_BYTES: u64 = 100 << 20;
/// The largest JSON file that is read: JSON is read as a whole.
const MOST_JSON_BYTES: u64 = 32 << 20;
/// Test cases a report keeps; of more those that failed come first.
/// docs.aws.amazon.com/codebuild/latest/userguide/test-report.html
const MOST_CASES: usize = 500;
/// Files a coverage report keeps.
const MOST_FILES: usize = 10_000;
/// The longest message of a test that is kept, in bytes.
const LONGEST_MESSAGE: usize = 16 << 10;

/// A report and what there is to say about its making.
#[derive(Debug)]
pub struct Made {
    /// The report; its ARNs are for whoever asked to fill in.
    pub report: Report,
    /// Files that could not be read, results that were left out.
    pub notes: Vec<String>,
}

/// Reads the files of one report. Each file has the name it is told under.
pub fn read(name: &str, format: &str, files: &[(String, std::path::PathBuf)]) -> Made {
    let mut notes = Vec::new();
    let kind = match buildspec::report_format(format) {
        Some(known) if known.report_type == "CODE_COVERAGE" => ReportType::CodeCoverage,
        Some(_) => ReportType::Test,
        None => {
            notes.push(format!("`{format}` is not a format of reports"));
            ReportType::Test
        }
    };
    let mut tests = Tests::default();
    let mut lines = Lines::default();
    let mut read = 0;
    for (shown, path) in files {
        tests.file.clone_from(shown);
        match parse(format, path, &mut tests, &mut lines) {
            Ok(()) => read += 1,
            Err(error) => notes.push(format!("{shown}: {error}")),
        }
    }
    if files.is_empty() {
        notes.push("there is no file to read".to_owned());
    }
    let whole = read > 0 && read == files.len();
    let mut report = Report {
        name: name.to_owned(),
        kind,
        status: if whole {
            ReportStatus::Succeeded
        } else {
            ReportStatus::Incomplete
        },
        ..Report::default()
    };
    if kind == ReportType::Test {
        tests.finish(&mut report);
    } else {
        lines.finish(&mut report);
    }
    if report.truncated {
        notes.push(
            "it holds more results than a report does; those that failed come first".to_owned(),
        );
    }
    Made { report, notes }
}

fn parse(format: &str, path: &Path, tests: &mut Tests, lines: &mut Lines) -> io::Result<()> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let json = matches!(format, "CUCUMBERJSON" | "SIMPLECOV");
    let most = if json { MOST_JSON_BYTES } else { MOST_BYTES };
    if size > most {
        return Err(bad(format!("it has {size} bytes; at most {most} are read")));
    }
    if json {
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        let value: serde_json::Value = serde_json::from_slice(text)
            .map_err(|error| bad(format!("it is not JSON: {error}")))?;
        return match format {
            "CUCUMBERJSON" => cucumber::read(&value, tests),
            _ => simplecov::read(&value, lines),
        };
    }
    let input = BufReader::with_capacity(1 << 16, file.take(most));
    match format {
        "JUNITXML" => xml::read(input, &mut junit::Handler::new(tests)),
        "TESTNGXML" => xml::read(input, &mut testng::Handler::new(tests)),
        "NUNITXML" | "NUNIT3XML" => xml::read(input, &mut nunit::Handler::new(tests)),
        "VISUALSTUDIOTRX" => xml::read(input, &mut trx::Handler::new(tests)),
        "CLOVERXML" => xml::read(input, &mut coverage::Clover::new(lines)),
        "COBERTURAXML" => xml::read(input, &mut coverage::Cobertura::new(lines)),
        "JACOCOXML" => xml::read(input, &mut coverage::Jacoco::new(lines)),
        _ => Err(bad("its format is not known".to_owned())),
    }
}

fn bad(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// Test cases as they come in, bounded.
#[derive(Debug, Default)]
struct Tests {
    file: String,
    summary: TestSummary,
    bad: Vec<TestCase>,
    good: Vec<TestCase>,
}

impl Tests {
    fn push(&mut self, mut case: TestCase) {
        self.summary.total += 1;
        *self
            .summary
            .status_counts
            .entry(case.status.as_str().to_owned())
            .or_default() += 1;
        self.summary.duration_in_nano_seconds = self
            .summary
            .duration_in_nano_seconds
            .saturating_add(case.duration_in_nano_seconds);
        case.test_raw_data_path = Some(self.file.clone());
        case.message = case
            .message
            .map(|text| shortened(text.trim().to_owned()))
            .filter(|text| !text.is_empty());
        let list = if case.status.is_bad() {
            &mut self.bad
        } else {
            &mut self.good
        };
        if list.len() < MOST_CASES {
            list.push(case);
        }
    }

    fn finish(self, report: &mut Report) {
        if report.status == ReportStatus::Succeeded && self.bad_count() > 0 {
            report.status = ReportStatus::Failed;
        }
        report.test_cases = self.bad;
        report.test_cases.extend(self.good);
        report.test_cases.truncate(MOST_CASES);
        report.truncated = self.summary.total > MOST_CASES as i64;
        report.test_summary = Some(self.summary);
    }

    fn bad_count(&self) -> i64 {
        [TestStatus::Failed, TestStatus::Error]
            .iter()
            .filter_map(|status| self.summary.status_counts.get(status.as_str()))
            .sum()
    }
}

/// The numbers of one file: lines and branches, each covered and missed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Numbers {
    lines: (i64, i64),
    branches: (i64, i64),
}

/// Coverage as it comes in: file → what ran.
#[derive(Debug, Default)]
struct Lines {
    files: BTreeMap<String, Hits>,
}

/// Which lines of a file ran, or, where a report has no lines, how many.
#[derive(Debug, Default)]
struct Hits {
    /// Line → whether it ran, its branches that ran, all its branches.
    lines: BTreeMap<u32, (bool, u32, u32)>,
    totals: Numbers,
}

impl Lines {
    fn file(&mut self, path: &str) -> &mut Hits {
        self.files.entry(path.to_owned()).or_default()
    }

    fn finish(self, report: &mut Report) {
        let mut all = Numbers::default();
        for (path, hits) in self.files {
            let numbers = hits.numbers();
            all.lines.0 += numbers.lines.0;
            all.lines.1 += numbers.lines.1;
            all.branches.0 += numbers.branches.0;
            all.branches.1 += numbers.branches.1;
            report
                .files
                .push(Coverage::of(Some(path), numbers.lines, numbers.branches));
        }
        report.files.sort_by(|a, b| {
            a.line_coverage_percentage
                .total_cmp(&b.line_coverage_percentage)
                .then_with(|| a.file_path.cmp(&b.file_path))
        });
        report.truncated = report.files.len() > MOST_FILES;
        report.files.truncate(MOST_FILES);
        report.code_coverage_summary = Some(Coverage::of(None, all.lines, all.branches));
    }
}

impl Hits {
    /// A line that a report mentions, perhaps once more: it ran if any of them says so.
    fn line(&mut self, number: u32, ran: bool, branches: (u32, u32)) {
        let line = self.lines.entry(number).or_default();
        line.0 |= ran;
        line.1 = line.1.max(branches.0);
        line.2 = line.2.max(branches.1);
    }

    fn numbers(&self) -> Numbers {
        let mut numbers = self.totals;
        for (ran, covered, all) in self.lines.values() {
            if *ran {
                numbers.lines.0 += 1;
            } else {
                numbers.lines.1 += 1;
            }
            numbers.branches.0 += i64::from(*covered);
            numbers.branches.1 += i64::from(all.saturating_sub(*covered));
        }
        numbers
    }
}

/// A text cut to what is kept of a message.
fn shortened(mut text: String) -> String {
    if text.len() > LONGEST_MESSAGE {
        let mut end = LONGEST_MESSAGE;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Seconds as a decimal, perhaps with commas between thousands, as nanoseconds.
fn seconds(text: &str) -> i64 {
    scaled(text, 1e9)
}

fn scaled(text: &str, by: f64) -> i64 {
    let number: f64 = text.trim().replace(',', "").parse().unwrap_or(0.0);
    if !number.is_finite() || number <= 0.0 {
        return 0;
    }
    #[allow(clippy::cast_possible_truncation, reason = "saturates")]
    let nanoseconds = (number * by).round() as i64;
    nanoseconds
}

/// `a.b.Class.method(1.5, "x")` as prefix and name: the last point before the arguments parts them.
fn split_name(full: &str) -> (Option<String>, String) {
    let head = full.split(['(', '"', ' ']).next().unwrap_or(full);
    match head.rfind('.') {
        Some(at) if at > 0 && at + 1 < full.len() => {
            (Some(full[..at].to_owned()), full[at + 1..].to_owned())
        }
        _ => (None, full.to_owned()),
    }
}

/// The message of a failure and what goes with it.
fn joined(message: &str, more: &str) -> String {
    let (message, more) = (message.trim(), more.trim());
    if message.is_empty() || more.starts_with(message) {
        more.to_owned()
    } else if more.is_empty() {
        message.to_owned()
    } else {
        format!("{message}\n{more}")
    }
}
