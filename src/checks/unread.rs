//! What of a file could not be read. What is absent in the model may stand there, and nothing is said about its absence.

use crate::diagnostic::{Diagnostic, Key, Severity};
use crate::model::{Pipeline, Stage};

use super::Subject;
use super::fields::join;
use super::flow::Step;

/// The places that could not be read.
#[derive(Debug, Clone, Default)]
pub struct Unread {
    /// Whether it cannot be told what is lost: the text is broken, a file is missing.
    anything: bool,
    /// Paths, sorted.
    places: Vec<String>,
}

/// How the codes of findings begin behind which anything may stand.
const OF_A_TEXT: [&str; 3] = ["include", "variable-", "yaml-"];

impl Unread {
    /// What findings of reading a file say.
    pub fn of<'d>(found: impl IntoIterator<Item = &'d Diagnostic>) -> Self {
        let mut unread = Self::default();
        for one in found {
            if one.code == "value-unknown" && !one.path.is_empty() {
                unread.places.push(one.path.clone());
            } else if one.severity == Severity::Error || one.code == "value-unknown" {
                unread.add(one);
            }
        }
        unread.places.sort_unstable();
        unread.places.dedup();
        unread
    }

    fn add(&mut self, one: &Diagnostic) {
        let missing = matches!(one.key, Some(Key::Missing(_)));
        if OF_A_TEXT.iter().any(|begin| one.code.starts_with(begin))
            || one.path.is_empty() && !missing
        {
            self.anything = true;
            return;
        }
        self.places.push(match &one.key {
            // the word that was meant is what is not there
            Some(Key::Misspelt(meant)) => {
                join(one.path.rsplit_once('.').map_or("", |(map, _)| map), meant)
            }
            Some(Key::Missing(key)) => join(&one.path, key),
            _ => one.path.clone(),
        });
    }

    /// The places at or below a path.
    fn within<'p>(&'p self, path: &'p str) -> impl Iterator<Item = &'p str> {
        let first = self.places.partition_point(|place| place.as_str() < path);
        self.places[first..]
            .iter()
            .map(String::as_str)
            .take_while(move |place| place.starts_with(path))
            .filter(move |place| {
                let rest = &place[path.len()..];
                path.is_empty() || rest.is_empty() || rest.starts_with(['.', '['])
            })
    }
}

/// Parts of a file that say nothing of its one pipeline.
const BESIDE: [&str; 4] = ["alarms", "custom", "notifications", "provider"];

/// Maps and lists that hold others of a pipeline.
const HOLDERS: [&str; 4] = ["actions", "definition", "pipeline", "stages"];

impl Subject<'_> {
    /// Whether everything the file says could be read.
    pub fn complete(&self) -> bool {
        !self.unread.anything && self.unread.places.is_empty()
    }

    /// Whether everything at and below a path could be read.
    pub(super) fn has_read(&self, path: &str) -> bool {
        let beside = |place: &&str| {
            let first = place.split(['.', '[']).next().unwrap_or_default();
            path.is_empty() && BESIDE.contains(&first)
        };
        !self.unread.anything && self.unread.within(path).all(|place| beside(&place))
    }

    /// Whether a map could be read, and each of these members of it.
    pub(super) fn has_read_members(&self, path: &str, members: &[&str]) -> bool {
        !self.unread.anything
            && self.unread.within(path).next() != Some(path)
            && members.iter().all(|key| self.has_read(&join(path, key)))
    }

    /// Whether the members of an action could be read.
    pub(super) fn has_read_action(&self, step: &Step<'_>, members: &[&str]) -> bool {
        if step.action.raw {
            self.has_read_members(&step.action.path, members)
        } else {
            // the short form has other words, they stand further out, too, and what an action reads where it says
            // nothing another says
            self.has_read(&step.pipeline.path)
        }
    }

    /// Whether it could be read which keys the configuration of an action has.
    pub(super) fn has_read_configuration(&self, step: &Step<'_>) -> bool {
        if !step.action.raw {
            return self.has_read(step.item_path());
        }
        let action = &step.action.path;
        let configuration = join(action, "configuration");
        let hides = |place: &str| {
            let below = place
                .strip_prefix(&configuration)
                .is_some_and(|rest| rest.starts_with('.'));
            place == action || !below && place.split(['.', '[']).any(|word| word == "configuration")
        };
        !self.unread.anything && !self.unread.within(action).any(hides)
    }

    /// Whether all stages and actions of a pipeline could be read, and, wherever they stand, these members.
    pub(super) fn has_read_actions(&self, pipeline: &Pipeline, members: &[&str]) -> bool {
        self.has_read_those(pipeline, members, &[])
    }

    /// The same of the first stage alone.
    pub(super) fn has_read_sources(&self, pipeline: &Pipeline, members: &[&str]) -> bool {
        let later = pipeline.stages.get(1..).unwrap_or_default();
        self.has_read_those(pipeline, members, later)
    }

    fn has_read_those(&self, pipeline: &Pipeline, members: &[&str], without: &[Stage]) -> bool {
        if !pipeline.raw {
            return self.has_read(&pipeline.path);
        }
        let inside = |place: &str, stage: &Stage| {
            let rest = place.strip_prefix(stage.path.as_str());
            rest.is_some_and(|rest| rest.starts_with(['.', '[']))
        };
        let counts = |place: &str| {
            let words = || {
                let rest = &place[pipeline.path.len()..];
                rest.split('.')
                    .map(|word| word.split('[').next().unwrap_or_default())
            };
            words().all(|word| word.is_empty() || HOLDERS.contains(&word))
                || words().any(|word| members.contains(&word))
        };
        let mut places = self.unread.within(&pipeline.path);
        !self.unread.anything
            && !places
                .any(|place| counts(place) && !without.iter().any(|stage| inside(place, stage)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;

    fn finding(code: &'static str, path: &str) -> Diagnostic {
        Diagnostic::error(code, Span::default(), path, "wrong")
    }

    fn within<'u>(unread: &'u Unread, path: &'u str) -> Vec<&'u str> {
        unread.within(path).collect()
    }

    #[test]
    fn a_place_hides_what_it_holds_and_nothing_beside_it() {
        let unread = Unread::of(&[
            finding("value-kind", "stages[1].actions[0].runOrder"),
            finding("value-kind", "stages[10]"),
        ]);
        assert!(!unread.anything);
        assert_eq!(
            within(&unread, "stages[1]"),
            ["stages[1].actions[0].runOrder"]
        );
        assert!(within(&unread, "stages[1].actions[0].run").is_empty());
        assert!(within(&unread, "stages[0]").is_empty());
    }

    #[test]
    fn a_misspelt_key_is_the_one_that_was_meant() {
        let unknown = finding("api-key-unknown", "stages[0].inputArtifact");
        let unread = Unread::of(&[unknown.key(Key::Misspelt("inputArtifacts".to_owned()))]);
        assert_eq!(unread.places, ["stages[0].inputArtifacts"]);
    }

    #[test]
    fn what_is_missing_hides_itself() {
        let missing = finding("key-missing", "").key(Key::Missing("stages".to_owned()));
        let unread = Unread::of(&[missing]);
        assert!(!unread.anything);
        assert_eq!(unread.places, ["stages"]);
    }

    #[test]
    fn a_broken_text_hides_everything() {
        assert!(Unread::of(&[finding("yaml-syntax", "")]).anything);
    }
}
