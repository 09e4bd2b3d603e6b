//! Visual Studio's TRX: the results first, and which class they belong to later, by id.

use std::collections::HashMap;

use super::xml::{Attributes, Handler as Xml};
use super::{Tests, joined, split_name};
use crate::execution::report::{TestCase, TestStatus};

/// Definitions of tests that are kept.
const MOST_DEFINITIONS: usize = 100_000;

/// Reads it.
pub(super) struct Handler<'t> {
    tests: &'t mut Tests,
    case: Option<TestCase>,
    id: String,
    message: String,
    trace: String,
    defining: String,
    classes: HashMap<String, String>,
    /// Test id → where the case is kept, for the class that comes later.
    waiting: Vec<(String, TestCase)>,
}

impl<'t> Handler<'t> {
    pub(super) fn new(tests: &'t mut Tests) -> Self {
        Self {
            tests,
            case: None,
            id: String::new(),
            message: String::new(),
            trace: String::new(),
            defining: String::new(),
            classes: HashMap::new(),
            waiting: Vec::new(),
        }
    }
}

/// `hh:mm:ss.fffffff` as nanoseconds.
fn duration(text: &str) -> i64 {
    let mut total = 0.0;
    for part in text.split(':') {
        total = total * 60.0 + part.trim().parse::<f64>().unwrap_or(0.0);
    }
    super::seconds(&total.to_string())
}

impl Xml for Handler<'_> {
    fn accepts(&self, root: &str) -> bool {
        root == "TestRun"
    }

    fn start(&mut self, _path: &[String], name: &str, attributes: &Attributes) {
        match name {
            "UnitTestResult" => {
                self.message.clear();
                self.trace.clear();
                attributes.get("testId").clone_into(&mut self.id);
                self.case = Some(TestCase {
                    name: attributes.get("testName").to_owned(),
                    status: match attributes.get("outcome") {
                        "Passed" | "PassedButRunAborted" | "Warning" | "Completed" => {
                            TestStatus::Succeeded
                        }
                        "Failed" => TestStatus::Failed,
                        "Error" | "Timeout" | "Aborted" | "Disconnected" | "NotRunnable" => {
                            TestStatus::Error
                        }
                        "NotExecuted" => TestStatus::Skipped,
                        _ => TestStatus::Unknown,
                    },
                    duration_in_nano_seconds: duration(attributes.get("duration")),
                    ..TestCase::default()
                });
            }
            "UnitTest" => attributes.get("id").clone_into(&mut self.defining),
            "TestMethod" if self.classes.len() < MOST_DEFINITIONS => {
                // The class may come with its assembly: `Example.Tests, Example, Version=1.0.0.0`.
                let class = attributes.get("className");
                let class = class.split(',').next().unwrap_or(class).trim().to_owned();
                self.classes.insert(self.defining.clone(), class);
            }
            _ => {}
        }
    }

    fn end(&mut self, path: &[String], name: &str, text: &str) {
        let owner = path.last().map(String::as_str);
        match name {
            "Message" if owner == Some("ErrorInfo") => text.clone_into(&mut self.message),
            "StackTrace" if owner == Some("ErrorInfo") => text.clone_into(&mut self.trace),
            "UnitTestResult" => {
                if let Some(mut case) = self.case.take() {
                    if case.status != TestStatus::Succeeded {
                        case.message = Some(joined(&self.message, &self.trace));
                    }
                    if self.waiting.len() < MOST_DEFINITIONS {
                        self.waiting.push((self.id.clone(), case));
                    } else {
                        self.tests.push(case);
                    }
                }
            }
            "TestRun" => {
                for (id, mut case) in self.waiting.drain(..) {
                    match self.classes.get(&id).filter(|class| !class.is_empty()) {
                        Some(class) => {
                            let full = case.name.strip_prefix(&format!("{class}."));
                            if let Some(short) = full.map(str::to_owned) {
                                case.name = short;
                            }
                            case.prefix = Some(class.clone());
                        }
                        None => (case.prefix, case.name) = split_name(&case.name),
                    }
                    self.tests.push(case);
                }
            }
            _ => {}
        }
    }
}
