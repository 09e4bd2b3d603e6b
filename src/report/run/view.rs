//! An execution while it is followed: a picture on a terminal, lines elsewhere, JSON for programs.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::super::{Look, Report};
use super::{event, frame, frame_within, test_name};
use crate::execution::Time;
use crate::execution::report::TestCase;
use crate::operate::events::Event;
use crate::operate::failure::Failed;
use crate::operate::snapshot::Snapshot;

/// One JSON object a line.
#[derive(Debug, Serialize)]
struct Line<'e> {
    version: u8,
    pipeline: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    execution: Option<&'e str>,
    #[serde(flatten)]
    event: serde_json::Value,
}

/// Why an action failed, for programs.
#[derive(Debug, Serialize)]
struct Failure<'f> {
    event: &'static str,
    stage: &'f str,
    action: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'f str>,
    log: &'f [String],
    tests: Vec<Test<'f>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<Permission<'f>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    console: Option<&'f str>,
}

/// A test that failed.
#[derive(Debug, Serialize)]
struct Test<'f> {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'f str>,
}

impl<'f> Test<'f> {
    fn of(case: &'f TestCase) -> Self {
        Self {
            name: test_name(case),
            message: case.message.as_deref(),
        }
    }
}

/// A permission that is missing.
#[derive(Debug, Serialize)]
struct Permission<'f> {
    action: &'f str,
    resource: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    who: Option<&'f str>,
}

/// An execution while it is followed.
pub struct View<'r> {
    report: &'r Report,
    bars: Option<(MultiProgress, Vec<ProgressBar>)>,
    /// The columns that the last picture was drawn for.
    width: usize,
}

impl<'r> View<'r> {
    /// Bars on a terminal, lines elsewhere.
    pub fn new(report: &'r Report) -> Self {
        let bars = (report.bars && !report.is_json()).then(|| {
            (
                MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10)),
                Vec::new(),
            )
        });
        Self {
            report,
            bars,
            width: report.err.width,
        }
    }

    /// Shows how things stand, and what happened since the last call.
    pub fn show(&mut self, snapshot: &Snapshot, events: &[Event], now: Time) {
        if self.report.is_json() {
            for event in events {
                let mut value = serde_json::to_value(event).unwrap_or_default();
                if let Some(map) = value.as_object_mut() {
                    map.remove("execution");
                }
                self.line(snapshot, value);
            }
            return;
        }
        if self.bars.is_none() {
            for one in events {
                self.report.result(&event(self.report.out, one));
            }
            return;
        }
        let (rows, width) = self.size();
        if width < self.width {
            self.clear_wrapped(width);
        }
        self.width = width;
        let look = Look {
            width,
            ..self.report.err
        };
        let lines = frame_within(look, rows, snapshot, now);
        let Some((all, bars)) = &mut self.bars else {
            return;
        };
        for bar in bars.drain(lines.len().min(bars.len())..) {
            bar.finish_and_clear();
            all.remove(&bar);
        }
        while bars.len() < lines.len() {
            let bar = all.add(ProgressBar::new_spinner());
            bar.set_style(
                ProgressStyle::with_template("{msg}").expect("the template is well formed"),
            );
            bars.push(bar);
        }
        for (bar, line) in bars.iter().zip(lines) {
            if bar.message() != line {
                bar.set_message(line);
            }
            bar.tick();
        }
    }

    /// Why it failed, for programs.
    pub fn failed(&self, snapshot: &Snapshot, failed: &[Failed], console: Option<&str>) {
        for one in failed {
            let event = Failure {
                event: "failure",
                stage: &one.stage,
                action: &one.action,
                phase: one.phase.as_deref(),
                command: one.command.as_deref(),
                message: one.message.as_deref(),
                log: &one.log,
                tests: one.tests.iter().map(Test::of).collect(),
                missing: one.missing.as_ref().map(|missing| Permission {
                    action: &missing.action,
                    resource: &missing.resource,
                    who: missing.who.as_deref(),
                }),
                url: one.url.as_deref(),
                console,
            };
            self.line(snapshot, serde_json::to_value(event).unwrap_or_default());
        }
    }

    fn line(&self, snapshot: &Snapshot, event: serde_json::Value) {
        self.report.result_line(&Line {
            version: 1,
            pipeline: &snapshot.pipeline,
            execution: snapshot.id(),
            event,
        });
    }

    /// Rows and columns as they are now; a person may drag the window.
    fn size(&self) -> (usize, usize) {
        match console::Term::stderr().size_checked() {
            // The cursor stands in the last row.
            Some((rows, columns)) if rows > 1 => (usize::from(rows) - 1, usize::from(columns)),
            _ => (usize::MAX, self.report.err.width),
        }
    }

    /// A terminal that got narrower has wrapped the lines of the last picture: they take more rows than they are.
    fn clear_wrapped(&mut self, width: usize) {
        let Some((_, bars)) = &self.bars else {
            return;
        };
        let over = |bar: &ProgressBar| {
            let columns = console::measure_text_width(&bar.message());
            columns.div_ceil(width.max(1)).saturating_sub(1)
        };
        let over = bars.iter().map(over).sum();
        self.clear();
        // What stays there is ugly, no more.
        let _ = console::Term::stderr().clear_last_lines(over);
    }

    /// Takes the picture away, so that something else can be said or asked.
    pub fn clear(&mut self) {
        if let Some((all, bars)) = &mut self.bars {
            for bar in bars.drain(..) {
                bar.finish_and_clear();
            }
            // Nothing is drawn any more: that it cannot be cleared hurts nobody.
            let _ = all.clear();
        }
    }

    /// Leaves the last picture where it is read.
    pub fn end(mut self, snapshot: &Snapshot, now: Time) {
        if self.bars.is_none() {
            return;
        }
        let (_, width) = self.size();
        if width < self.width {
            self.clear_wrapped(width);
        }
        self.clear();
        let mut look = self.report.out;
        look.width = look.width.min(width);
        self.report.result(&frame(look, snapshot, now).join("\n"));
    }
}
