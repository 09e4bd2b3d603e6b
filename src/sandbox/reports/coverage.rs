//! Clover, Cobertura and JaCoCo.

use super::xml::{Attributes, Handler};
use super::{Lines, Numbers};

/// A number of a line or a count, of what an attribute says.
fn small(attributes: &Attributes, name: &str) -> u32 {
    u32::try_from(attributes.number(name)).unwrap_or(0)
}

/// Clover: the lines of each file, or its `metrics` where it has none.
pub(super) struct Clover<'l> {
    lines: &'l mut Lines,
    file: Option<String>,
    metrics: Numbers,
    has_lines: bool,
}

impl<'l> Clover<'l> {
    pub(super) fn new(lines: &'l mut Lines) -> Self {
        Self {
            lines,
            file: None,
            metrics: Numbers::default(),
            has_lines: false,
        }
    }
}

impl Handler for Clover<'_> {
    fn accepts(&self, root: &str) -> bool {
        root == "coverage"
    }

    fn start(&mut self, path: &[String], name: &str, attributes: &Attributes) {
        match name {
            "file" => {
                let path = [attributes.find("path"), attributes.find("name")];
                self.file = path.into_iter().flatten().next().map(str::to_owned);
                self.metrics = Numbers::default();
                self.has_lines = false;
            }
            "metrics" if path.last().is_some_and(|p| p == "file") => {
                let pair = |covered: &str, all: &str| {
                    let covered = attributes.number(covered);
                    (covered, (attributes.number(all) - covered).max(0))
                };
                self.metrics.lines = pair("coveredstatements", "statements");
                self.metrics.branches = pair("coveredconditionals", "conditionals");
            }
            "line" => {
                let Some(file) = &self.file else { return };
                self.has_lines = true;
                let taken = [
                    small(attributes, "truecount"),
                    small(attributes, "falsecount"),
                ];
                let branches = if attributes.get("type") == "cond" {
                    let covered = taken.iter().filter(|count| **count > 0).count();
                    (u32::try_from(covered).unwrap_or(0), 2)
                } else {
                    (0, 0)
                };
                let ran = attributes.number("count") > 0 || branches.0 > 0;
                self.lines
                    .file(file)
                    .line(small(attributes, "num"), ran, branches);
            }
            _ => {}
        }
    }

    fn end(&mut self, _path: &[String], name: &str, _text: &str) {
        if name == "file"
            && let Some(file) = self.file.take()
        {
            let hits = self.lines.file(&file);
            if !self.has_lines {
                hits.totals = self.metrics;
            }
        }
    }
}

/// Cobertura: the lines of the classes, which share files.
pub(super) struct Cobertura<'l> {
    lines: &'l mut Lines,
    file: Option<String>,
}

impl<'l> Cobertura<'l> {
    pub(super) fn new(lines: &'l mut Lines) -> Self {
        Self { lines, file: None }
    }
}

/// `50% (1/2)`: covered and all.
fn condition(text: &str) -> (u32, u32) {
    let inner = text
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'))
        .map_or("", |(inner, _)| inner);
    let Some((covered, all)) = inner.split_once('/') else {
        return (0, 0);
    };
    let number = |text: &str| text.trim().parse().unwrap_or(0);
    (number(covered), number(all))
}

impl Handler for Cobertura<'_> {
    fn accepts(&self, root: &str) -> bool {
        root == "coverage"
    }

    fn start(&mut self, _path: &[String], name: &str, attributes: &Attributes) {
        match name {
            "class" => {
                self.file = attributes.find("filename").map(str::to_owned);
                if let Some(file) = &self.file {
                    self.lines.file(file);
                }
            }
            "line" => {
                let Some(file) = &self.file else { return };
                let branches = condition(attributes.get("condition-coverage"));
                self.lines.file(file).line(
                    small(attributes, "number"),
                    attributes.number("hits") > 0,
                    branches,
                );
            }
            _ => {}
        }
    }

    fn end(&mut self, _path: &[String], name: &str, _text: &str) {
        if name == "class" {
            self.file = None;
        }
    }
}

/// JaCoCo: the counters of the source files.
pub(super) struct Jacoco<'l> {
    lines: &'l mut Lines,
    package: String,
    file: Option<String>,
}

impl<'l> Jacoco<'l> {
    pub(super) fn new(lines: &'l mut Lines) -> Self {
        Self {
            lines,
            package: String::new(),
            file: None,
        }
    }
}

impl Handler for Jacoco<'_> {
    fn accepts(&self, root: &str) -> bool {
        root == "report"
    }

    fn start(&mut self, path: &[String], name: &str, attributes: &Attributes) {
        match name {
            "package" => attributes.get("name").clone_into(&mut self.package),
            "sourcefile" => {
                let name = attributes.get("name");
                let path = if self.package.is_empty() {
                    name.to_owned()
                } else {
                    format!("{}/{name}", self.package)
                };
                self.lines.file(&path);
                self.file = Some(path);
            }
            "counter" if path.last().is_some_and(|p| p == "sourcefile") => {
                let Some(file) = &self.file else { return };
                let totals = &mut self.lines.file(file).totals;
                let numbers = (attributes.number("covered"), attributes.number("missed"));
                match attributes.get("type") {
                    "LINE" => totals.lines = numbers,
                    "BRANCH" => totals.branches = numbers,
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, _path: &[String], name: &str, _text: &str) {
        if name == "sourcefile" {
            self.file = None;
        }
    }
}
