//! A report of tests or of coverage as data, in the words of CodeBuild's answers (API version 2016-10-06:
//! BatchGetReports, DescribeTestCases, DescribeCodeCoverages).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReportType {
    /// Tests.
    #[default]
    Test,
    /// Coverage.
    CodeCoverage,
}

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReportStatus {
    /// It is being made.
    #[default]
    Generating,
    /// Every test succeeded.
    Succeeded,
    /// A test failed.
    Failed,
    /// Its files could not be read.
    Incomplete,
    /// It is on its way out.
    Deleting,
}

/// What became of a test.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "AWS's words")]
pub enum TestStatus {
    Succeeded,
    Failed,
    Error,
    Skipped,
    #[default]
    #[serde(other)]
    Unknown,
}

impl TestStatus {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Error => "ERROR",
            Self::Skipped => "SKIPPED",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// Whether somebody has to look at it.
    pub fn is_bad(self) -> bool {
        matches!(self, Self::Failed | Self::Error)
    }
}

/// A report with what is in it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Report {
    /// Its ARN.
    pub arn: String,
    /// The name of its group.
    pub name: String,
    /// Its group.
    pub report_group_arn: String,
    /// The build that made it.
    pub execution_id: String,
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: ReportType,
    /// What became of it.
    pub status: ReportStatus,
    /// Whether there were more results than a report holds.
    pub truncated: bool,
    /// Numbers of tests.
    pub test_summary: Option<TestSummary>,
    /// Numbers of lines and branches.
    pub code_coverage_summary: Option<Coverage>,
    /// Its tests: those that failed first.
    pub test_cases: Vec<TestCase>,
    /// Its files: those covered least first.
    pub files: Vec<Coverage>,
}

/// Numbers of tests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TestSummary {
    /// All.
    pub total: i64,
    /// By status.
    pub status_counts: BTreeMap<String, i64>,
    /// All together, in nanoseconds.
    pub duration_in_nano_seconds: i64,
}

/// A test.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TestCase {
    /// What names are grouped by: the class, in JUnit's words.
    pub prefix: Option<String>,
    /// Its name.
    pub name: String,
    /// The suite it belongs to.
    pub test_suite_name: Option<String>,
    /// What became of it.
    pub status: TestStatus,
    /// In nanoseconds.
    pub duration_in_nano_seconds: i64,
    /// Why it failed.
    pub message: Option<String>,
    /// The file it was told in.
    pub test_raw_data_path: Option<String>,
}

/// How much of a file, or of all of them, the tests went through.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Coverage {
    /// The file; nothing where it is about all of them.
    pub file_path: Option<String>,
    /// In percent.
    pub line_coverage_percentage: f64,
    /// Lines.
    pub lines_covered: i64,
    /// Lines.
    pub lines_missed: i64,
    /// In percent.
    pub branch_coverage_percentage: f64,
    /// Branches.
    pub branches_covered: i64,
    /// Branches.
    pub branches_missed: i64,
}

impl Coverage {
    /// The numbers of lines and branches, each covered and missed, with their percentages (two decimals; of nothing 0).
    pub fn of(file_path: Option<String>, lines: (i64, i64), branches: (i64, i64)) -> Self {
        Self {
            file_path,
            line_coverage_percentage: percentage(lines),
            lines_covered: lines.0,
            lines_missed: lines.1,
            branch_coverage_percentage: percentage(branches),
            branches_covered: branches.0,
            branches_missed: branches.1,
        }
    }
}

fn percentage((covered, missed): (i64, i64)) -> f64 {
    if covered + missed <= 0 {
        return 0.0;
    }
    #[allow(clippy::cast_precision_loss, reason = "numbers of lines")]
    let exact = covered as f64 * 100.0 / (covered + missed) as f64;
    (exact * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_have_two_decimals_and_nothing_is_no_error() {
        let coverage = Coverage::of(None, (2, 1), (0, 0));
        assert!((coverage.line_coverage_percentage - 66.67).abs() < f64::EPSILON);
        assert!(coverage.branch_coverage_percentage.abs() < f64::EPSILON);
        for status in [
            TestStatus::Succeeded,
            TestStatus::Failed,
            TestStatus::Error,
            TestStatus::Skipped,
            TestStatus::Unknown,
        ] {
            assert_eq!(
                serde_json::to_value(status).expect("as the test says"),
                status.as_str()
            );
        }
    }
}
