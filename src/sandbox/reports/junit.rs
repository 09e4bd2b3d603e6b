//! JUnit XML, in the many dialects of its writers.

use super::xml::{Attributes, Handler as Xml};
use super::{Tests, joined, seconds};
use crate::execution::report::{TestCase, TestStatus};

/// Reads it.
pub(super) struct Handler<'t> {
    tests: &'t mut Tests,
    suites: Vec<String>,
    case: Option<TestCase>,
    message: String,
}

impl<'t> Handler<'t> {
    pub(super) fn new(tests: &'t mut Tests) -> Self {
        Self {
            tests,
            suites: Vec::new(),
            case: None,
            message: String::new(),
        }
    }
}

impl Xml for Handler<'_> {
    fn accepts(&self, root: &str) -> bool {
        matches!(root, "testsuites" | "testsuite")
    }

    fn start(&mut self, path: &[String], name: &str, attributes: &Attributes) {
        match name {
            "testsuite" => self.suites.push(attributes.get("name").to_owned()),
            "testcase" => {
                let class = [attributes.find("classname"), attributes.find("class")];
                self.case = Some(TestCase {
                    prefix: class.into_iter().flatten().next().map(str::to_owned),
                    name: attributes.get("name").to_owned(),
                    test_suite_name: self.suites.last().cloned(),
                    status: TestStatus::Succeeded,
                    duration_in_nano_seconds: seconds(attributes.get("time")),
                    ..TestCase::default()
                });
            }
            "failure" | "error" | "skipped" if path.last().is_some_and(|p| p == "testcase") => {
                self.message = attributes.get("message").to_owned();
            }
            _ => {}
        }
    }

    fn end(&mut self, path: &[String], name: &str, text: &str) {
        match name {
            "testsuite" => {
                self.suites.pop();
            }
            "testcase" => {
                if let Some(case) = self.case.take() {
                    self.tests.push(case);
                }
            }
            "failure" | "error" | "skipped" if path.last().is_some_and(|p| p == "testcase") => {
                let Some(case) = &mut self.case else { return };
                let status = match name {
                    "failure" => TestStatus::Failed,
                    "error" => TestStatus::Error,
                    _ => TestStatus::Skipped,
                };
                // Several may stand in one test: a failure outlives that something was skipped.
                if case.status.is_bad() {
                    return;
                }
                case.status = status;
                case.message = Some(joined(&self.message, text));
            }
            _ => {}
        }
    }
}
