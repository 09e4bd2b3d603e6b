//! `testng-results.xml`.

use super::xml::{Attributes, Handler as Xml};
use super::{Tests, joined, scaled};
use crate::execution::report::{TestCase, TestStatus};

/// Reads it.
pub(super) struct Handler<'t> {
    tests: &'t mut Tests,
    suite: String,
    class: String,
    case: Option<TestCase>,
    message: String,
    trace: String,
}

impl<'t> Handler<'t> {
    pub(super) fn new(tests: &'t mut Tests) -> Self {
        Self {
            tests,
            suite: String::new(),
            class: String::new(),
            case: None,
            message: String::new(),
            trace: String::new(),
        }
    }
}

impl Xml for Handler<'_> {
    fn accepts(&self, root: &str) -> bool {
        root == "testng-results"
    }

    fn start(&mut self, _path: &[String], name: &str, attributes: &Attributes) {
        match name {
            "suite" => attributes.get("name").clone_into(&mut self.suite),
            "class" => attributes.get("name").clone_into(&mut self.class),
            // What sets tests up and tears them down is no test.
            "test-method" if attributes.get("is-config") != "true" => {
                self.message.clear();
                self.trace.clear();
                self.case = Some(TestCase {
                    prefix: Some(self.class.clone()),
                    name: attributes.get("name").to_owned(),
                    test_suite_name: Some(self.suite.clone()),
                    status: match attributes.get("status") {
                        "PASS" => TestStatus::Succeeded,
                        "FAIL" => TestStatus::Failed,
                        "SKIP" => TestStatus::Skipped,
                        _ => TestStatus::Unknown,
                    },
                    duration_in_nano_seconds: scaled(attributes.get("duration-ms"), 1e6),
                    ..TestCase::default()
                });
            }
            _ => {}
        }
    }

    fn end(&mut self, path: &[String], name: &str, text: &str) {
        let in_exception = path.last().is_some_and(|p| p == "exception");
        match name {
            "message" if in_exception => text.clone_into(&mut self.message),
            "full-stacktrace" | "short-stacktrace" if in_exception => {
                text.clone_into(&mut self.trace);
            }
            "test-method" => {
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
