//! What happens while it happens: bars on a terminal, plain lines elsewhere, always on stderr.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Report;
use super::text::{Paint, clean, paint};
use crate::apply::Event;
use crate::plan::Action;
use crate::resources::Id;

/// The progress of an apply or destroy.
pub struct Progress<'a> {
    report: &'a Report,
    home: String,
    bars: Option<Bars>,
}

struct Bars {
    all: MultiProgress,
    total: ProgressBar,
    running: BTreeMap<Id, ProgressBar>,
}

const TICK: Duration = Duration::from_millis(100);

impl<'a> Progress<'a> {
    /// For `changes` resources.
    pub fn new(report: &'a Report, home: &str, changes: usize) -> Self {
        let bars = report.bars.then(|| {
            let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
            let total = all.add(ProgressBar::new(changes as u64));
            let (template, fill) = if report.err.unicode {
                ("  {bar:30} {pos} of {len}", "━╸ ")
            } else {
                ("  [{bar:30}] {pos} of {len}", "=> ")
            };
            total.set_style(
                ProgressStyle::with_template(template)
                    .expect("the template is well formed")
                    .progress_chars(fill),
            );
            Bars {
                all,
                total,
                running: BTreeMap::new(),
            }
        });
        Self {
            report,
            home: home.to_owned(),
            bars,
        }
    }

    /// Shows an event.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::Replanned(plan) => {
                if let Some(bars) = &self.bars {
                    bars.total.set_length(plan.changes.len() as u64);
                }
                self.line("the account changed meanwhile: planned again");
            }
            Event::Started { id, action } => self.started(id, *action),
            Event::Done { id, action } => {
                self.finished(id);
                let line = format!("{} {}", past(*action), self.name(id));
                self.line(&paint(self.report.err, color(*action), &line));
            }
            Event::Failed { id, error } => {
                self.finished(id);
                let head = paint(self.report.err, Paint::Error, "failed");
                let line = format!("{head} {}: {}", self.name(id), clean(&error.message));
                self.always(&line);
            }
            Event::Skipped { id, because } => {
                self.finished(id);
                let line = format!("skipped {}: {}", self.name(id), clean(because));
                self.always(&line);
            }
            Event::Note(text) => self.line(&clean(text)),
        }
    }

    /// Takes the bars away.
    pub fn finish(self) {
        if let Some(bars) = self.bars {
            for bar in bars.running.into_values() {
                bar.finish_and_clear();
            }
            bars.total.finish_and_clear();
        }
    }

    fn name(&self, id: &Id) -> String {
        let name = clean(&id.name);
        if id.region == self.home {
            format!("{} {name}", id.kind)
        } else {
            format!("{} {name} in {}", id.kind, id.region)
        }
    }

    fn started(&mut self, id: &Id, action: Action) {
        let text = format!("{} {}", present(action), self.name(id));
        let Some(bars) = &mut self.bars else {
            return;
        };
        let bar = bars
            .all
            .insert_before(&bars.total, ProgressBar::new_spinner());
        let (template, ticks) = if self.report.err.unicode {
            ("  {spinner} {msg} {elapsed}", "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ")
        } else {
            ("  {spinner} {msg} {elapsed}", "|/-\\ ")
        };
        bar.set_style(
            ProgressStyle::with_template(template)
                .expect("the template is well formed")
                .tick_chars(ticks),
        );
        bar.set_message(text);
        bar.enable_steady_tick(TICK);
        bars.running.insert(id.clone(), bar);
    }

    fn finished(&mut self, id: &Id) {
        if let Some(bars) = &mut self.bars {
            if let Some(bar) = bars.running.remove(id) {
                bar.finish_and_clear();
            }
            bars.total.inc(1);
        }
    }

    /// A line that `--quiet` leaves out.
    fn line(&self, text: &str) {
        if !self.report.quiet {
            self.always(text);
        }
    }

    fn always(&self, text: &str) {
        match &self.bars {
            // The bars may be gone with their terminal: then there is nobody to tell.
            Some(bars) => drop(bars.all.println(text)),
            None => self.report.say(text),
        }
    }
}

fn color(action: Action) -> Paint {
    match action {
        Action::Create => Paint::Add,
        Action::Update => Paint::Change,
        Action::Replace | Action::Delete => Paint::Remove,
    }
}

fn past(action: Action) -> &'static str {
    match action {
        Action::Create => "created",
        Action::Update => "updated",
        Action::Replace => "replaced",
        Action::Delete => "deleted",
    }
}

fn present(action: Action) -> &'static str {
    match action {
        Action::Create => "creating",
        Action::Update => "updating",
        Action::Replace => "replacing",
        Action::Delete => "deleting",
    }
}
