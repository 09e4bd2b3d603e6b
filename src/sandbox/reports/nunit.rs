//! NUnit 2 and 3.

use super::xml::{Attributes, Handler as Xml};
use super::{Tests, joined, seconds, split_name};
use crate::execution::report::{TestCase, TestStatus};

/// Reads both.
pub(super) struct Handler<'t> {
    tests: &'t mut Tests,
    suites: Vec<String>,
    case: Option<TestCase>,
    message: String,
    trace: String,
}

impl<'t> Handler<'t> {
    pub(super) fn new(tests: &'t mut Tests) -> Self {
        Self {
            tests,
            suites: Vec::new(),
            case: None,
            message: String::new(),
            trace: String::new(),
        }
    }
}

/// What became of a test: NUnit 3 tells errors by `label`, NUnit 2 those that did not run by `executed`.
fn status(attributes: &Attributes) -> TestStatus {
    match attributes.get("result") {
        "Passed" | "Success" | "Warning" => TestStatus::Succeeded,
        "Failed" if matches!(attributes.get("label"), "Error" | "Invalid" | "Cancelled") => {
            TestStatus::Error
        }
        "Failed" | "Failure" => TestStatus::Failed,
        "Error" | "NotRunnable" | "Invalid" | "Cancelled" => TestStatus::Error,
        "Skipped" | "Ignored" => TestStatus::Skipped,
        "" if attributes.get("executed").eq_ignore_ascii_case("false") => TestStatus::Skipped,
        "" if attributes.get("success").eq_ignore_ascii_case("true") => TestStatus::Succeeded,
        "" if attributes.get("success").eq_ignore_ascii_case("false") => TestStatus::Failed,
        _ => TestStatus::Unknown,
    }
}

impl Xml for Handler<'_> {
    fn accepts(&self, root: &str) -> bool {
        matches!(root, "test-results" | "test-run" | "test-suite")
    }

    fn start(&mut self, _path: &[String], name: &str, attributes: &Attributes) {
        match name {
            "test-suite" => self.suites.push(attributes.get("name").to_owned()),
            "test-case" => {
                self.message.clear();
                self.trace.clear();
                let (prefix, name) = match attributes.find("classname") {
                    Some(class) => (Some(class.to_owned()), attributes.get("name").to_owned()),
                    None => split_name(
                        attributes
                            .find("fullname")
                            .unwrap_or(attributes.get("name")),
                    ),
                };
                let time = attributes
                    .find("duration")
                    .unwrap_or(attributes.get("time"));
                self.case = Some(TestCase {
                    prefix,
                    name,
                    test_suite_name: self.suites.last().cloned(),
                    status: status(attributes),
                    duration_in_nano_seconds: seconds(time),
                    ..TestCase::default()
                });
            }
            _ => {}
        }
    }

    fn end(&mut self, path: &[String], name: &str, text: &str) {
        let owner = path.last().map(String::as_str);
        match name {
            "test-suite" => {
                self.suites.pop();
            }
            "message" if matches!(owner, Some("failure" | "reason")) => {
                text.clone_into(&mut self.message);
            }
            "stack-trace" if owner == Some("failure") => text.clone_into(&mut self.trace),
            "test-case" => {
                if let Some(mut case) = self.case.take() {
                    if case.status != TestStatus::Succeeded {
                        case.message = Some(joined(&self.message, &self.trace));
                    }
                    self.tests.push(case);
                }
            }
            _ => {}
        }
    }
}
