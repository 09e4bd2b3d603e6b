//! Cucumber's JSON: a scenario is a test.

use std::io;

use serde_json::Value;

use super::{Tests, bad};
use crate::execution::report::{TestCase, TestStatus};

/// Reads it.
pub(super) fn read(value: &Value, tests: &mut Tests) -> io::Result<()> {
    let features = value
        .as_array()
        .ok_or_else(|| bad("it is not a list of features".to_owned()))?;
    for feature in features {
        let elements = feature
            .get("elements")
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        // The steps of a background stand before each scenario that they belong to.
        let mut before = Outcome::default();
        for element in elements {
            let outcome = outcome(element);
            if element.get("type").and_then(Value::as_str) == Some("background") {
                before = outcome;
                continue;
            }
            let all = std::mem::take(&mut before).and(outcome);
            tests.push(TestCase {
                prefix: name(feature),
                name: name(element).unwrap_or_default(),
                test_suite_name: name(feature),
                status: all.status(),
                duration_in_nano_seconds: all.duration,
                message: all.message,
                ..TestCase::default()
            });
        }
    }
    Ok(())
}

fn name(value: &Value) -> Option<String> {
    let text = value.get("name").or_else(|| value.get("id"))?.as_str()?;
    Some(text.trim().to_owned())
}

/// What the steps of an element came to.
#[derive(Default)]
struct Outcome {
    failed: bool,
    undefined: bool,
    skipped: bool,
    passed: bool,
    duration: i64,
    message: Option<String>,
}

impl Outcome {
    fn and(self, other: Self) -> Self {
        Self {
            failed: self.failed || other.failed,
            undefined: self.undefined || other.undefined,
            skipped: self.skipped || other.skipped,
            passed: self.passed || other.passed,
            duration: self.duration.saturating_add(other.duration),
            message: self.message.or(other.message),
        }
    }

    fn status(&self) -> TestStatus {
        if self.failed {
            TestStatus::Failed
        } else if self.undefined {
            TestStatus::Error
        } else if self.skipped {
            TestStatus::Skipped
        } else if self.passed {
            TestStatus::Succeeded
        } else {
            TestStatus::Unknown
        }
    }
}

fn outcome(element: &Value) -> Outcome {
    let mut all = Outcome::default();
    for list in ["before", "steps", "after"] {
        let steps = element.get(list).and_then(Value::as_array);
        for step in steps.map(Vec::as_slice).unwrap_or_default() {
            let Some(result) = step.get("result") else {
                continue;
            };
            let status = result.get("status").and_then(Value::as_str);
            match status.unwrap_or_default() {
                "passed" => all.passed = true,
                "failed" => all.failed = true,
                "undefined" | "ambiguous" => all.undefined = true,
                "skipped" | "pending" => all.skipped = true,
                _ => {}
            }
            let duration = result.get("duration").and_then(Value::as_i64);
            all.duration = all.duration.saturating_add(duration.unwrap_or(0).max(0));
            if let Some(text) = result.get("error_message").and_then(Value::as_str) {
                let keyword = step.get("keyword").and_then(Value::as_str).unwrap_or("");
                let step = format!("{keyword}{}", name(step).unwrap_or_default());
                let step = step.trim();
                all.message.get_or_insert_with(|| {
                    if step.is_empty() {
                        text.to_owned()
                    } else {
                        format!("{step}: {text}")
                    }
                });
            } else if all.undefined && all.message.is_none() {
                all.message = name(step).map(|name| format!("no step is defined for: {name}"));
            }
        }
    }
    all
}
