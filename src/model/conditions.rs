//! Conditions of stages: `beforeEntry`, `onSuccess`, `onFailure`, and their rules.

use crate::catalog::conditions::{self, RuleProvider};
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::tree::{Data, Entry};

use super::actions::configuration;
use super::decode::{Item, Map, join, text_at, wrong_kind};
use super::names::pascal;
use super::notify::find_project;
use super::raw;
use super::root::Decoder;
use super::types::{Condition, Rule, Text};

const OPERATORS: [(&str, &str); 4] = [
    ("eq", "EQ"),
    ("ne", "NE"),
    ("contains", "CONTAINS"),
    ("matches", "MATCHES"),
];

impl Decoder<'_> {
    /// The condition under `place` of a stage, if there is one.
    pub(super) fn condition(&mut self, stage: &mut Map<'_>, place: &str) -> Option<Condition> {
        let entry = stage.entry(place)?;
        let path = stage.at(place);
        if let Data::Text(word) = &entry.value.data {
            return self.bare(entry, place, word, path);
        }
        let mut map = Map::open(&entry.value, path.clone(), entry.key_span, self.out)?;
        let mut condition = Condition {
            result: None,
            retry_mode: None,
            rules: Vec::new(),
            span: entry.key_span,
            path: path.clone(),
            raw: None,
        };
        if place == "onFailure" && map.has("retry") {
            let mode = map.word("retry", &["failed", "all"], self.out);
            condition.result = Some(Text::new("RETRY", entry.key_span));
            condition.retry_mode = mode.map(|mode| {
                mode.map_value(|word| {
                    if word == "all" {
                        "ALL_ACTIONS"
                    } else {
                        "FAILED_ACTIONS"
                    }
                    .to_owned()
                })
            });
            map.hint("check", "a retry asks no rules");
            map.finish(self.out);
            return Some(condition);
        }
        condition.rules = self.rules(&mut map);
        let results = conditions::placement(place).map_or(&[][..], |place| &place.results);
        let words: Vec<String> = results.iter().map(|word| word.to_lowercase()).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let otherwise = map.word("else", &words, self.out);
        let default = if place == "onFailure" {
            "ROLLBACK"
        } else {
            "FAIL"
        };
        condition.result = Some(match otherwise {
            Some(word) => word.map_value(str::to_uppercase),
            None => Text::new(default, entry.key_span),
        });
        map.hint("rules", "write `check`, a list of rules");
        map.hint("result", "write `else`");
        map.finish(self.out);
        Some(condition)
    }

    fn bare(&mut self, entry: &Entry, place: &str, word: &str, path: String) -> Option<Condition> {
        if place == "onFailure" && word == "rollback" {
            return Some(Condition {
                result: Some(text_at(&entry.value, "ROLLBACK")),
                retry_mode: None,
                rules: Vec::new(),
                span: entry.key_span,
                path,
                raw: None,
            });
        }
        let form = if place == "onFailure" {
            "`rollback`, `{retry: failed}` or `{check: [rules]}`"
        } else {
            "a map: `{check: [rules], else: …}`"
        };
        self.out.push(wrong_kind(&entry.value, &path, form));
        None
    }

    fn rules(&mut self, map: &mut Map<'_>) -> Vec<Rule> {
        if !map.has("check") {
            map.entry("check");
            map.missing(
                "check",
                "say what is looked at, e.g. `check: [{alarm: my-alarm}]`",
                self.out,
            );
            return Vec::new();
        }
        let mut rules: Vec<Rule> = Vec::new();
        for item in map.items("check", true, self.out) {
            let Some(mut rule) = self.rule(&item) else {
                continue;
            };
            let same = |name: &str| rules.iter().any(|rule| rule.name.value == name);
            if same(&rule.name.value) && rule.raw.is_none() {
                let base = rule.name.value.clone();
                let number = (2..).find(|number| !same(&format!("{base}{number}")));
                rule.name.value = format!("{base}{}", number.unwrap_or(2));
            }
            rules.push(rule);
        }
        rules
    }

    fn rule(&mut self, item: &Item<'_>) -> Option<Rule> {
        let path = &item.path;
        let mut map = Map::open(item.node, path, item.owner, self.out)?;
        let mut kinds: Vec<&str> = conditions::rule_providers()
            .iter()
            .map(|p| p.kind.as_str())
            .collect();
        kinds.push("definition");
        let kind = map.kind(&kinds, "the rule", self.out);
        let Some(kind) = kind else {
            for key in ["name", "input", "region", "actionRole", "timeout"] {
                map.entry(key);
            }
            map.finish(self.out);
            return None;
        };
        if kind.key == "definition" {
            map.finish(self.out);
            return raw::rule(
                &kind.value,
                &join(path, "definition"),
                kind.key_span,
                self.out,
            );
        }
        let provider = conditions::rule_by_kind(&kind.key)?;
        let name = map.text("name", self.out);
        let name =
            name.unwrap_or_else(|| Text::new(format!("{}Check", pascal(&kind.key)), kind.key_span));
        let mut rule = blank_rule(name, provider, kind.key_span);
        self.rule_value(&mut rule, kind, provider, &mut map);
        if provider.input_artifacts {
            rule.inputs = map.texts("input", self.out).unwrap_or_default();
        }
        rule.region = map.text("region", self.out);
        rule.role_arn = map.text("actionRole", self.out);
        rule.timeout_minutes = map.minutes("timeout", self.out);
        let keys = provider.keys.get(1..).unwrap_or_default();
        rule.configuration
            .extend(configuration(keys, &mut map, self.out));
        map.finish(self.out);
        Some(rule)
    }

    /// The value of the rule's own key, and what goes with it.
    fn rule_value(
        &mut self,
        rule: &mut Rule,
        kind: &Entry,
        provider: &RuleProvider,
        map: &mut Map<'_>,
    ) {
        let path = map.at(&kind.key);
        if provider.commands {
            let commands = map.texts(&kind.key, self.out).unwrap_or_default();
            rule.commands = super::actions::one_line_each(commands);
            return;
        }
        let Some(value) = map.text(&kind.key, self.out) else {
            return;
        };
        let value = match kind.key.as_str() {
            "alarm" if self.alarms.contains(&value.value) => {
                rule.alarm = Some(value.value.clone());
                value
            }
            "project" => match find_project(&self.projects, &value.value) {
                Some(project) => {
                    rule.project = Some(project.key.clone());
                    Text {
                        span: value.span,
                        ..project.name.clone()
                    }
                }
                None => value,
            },
            "variable" => self.operator(rule, value, &path, map),
            _ => value,
        };
        if let Some(key) = provider.keys.first() {
            rule.configuration
                .insert(0, (Text::new(key.name.clone(), kind.key_span), value));
        }
    }

    /// `variable: X` with one of `eq`, `ne`, `contains`, `matches`; a bare name becomes `#{X}`.
    fn operator(&mut self, rule: &mut Rule, value: Text, path: &str, map: &mut Map<'_>) -> Text {
        let mut found = Vec::new();
        for (word, operator) in OPERATORS {
            if let Some(text) = map.scalar(word, self.out) {
                found.push((operator, text));
            }
        }
        match &found[..] {
            [(operator, text)] => {
                rule.configuration.push((
                    Text::new("Operator", text.span),
                    Text::new(*operator, text.span),
                ));
                rule.configuration
                    .push((Text::new("Value", text.span), text.clone()));
            }
            [] => {
                let words = OPERATORS.map(|(word, _)| word);
                if !words.iter().any(|word| map.has(word)) {
                    map.missing(
                        "eq",
                        "or `ne`, `contains`, `matches`, with the text to compare with",
                        self.out,
                    );
                }
            }
            [_, second, ..] => self.out.push(
                Diagnostic::error(
                    "value-invalid",
                    second.1.span,
                    path,
                    "a rule compares once: it has two of `eq`, `ne`, `contains`, `matches`",
                )
                .label("the second")
                .help("keep one of them; another rule beside it can compare with the other"),
            ),
        }
        value.map_value(|text| {
            if text.starts_with("#{") {
                text.to_owned()
            } else {
                format!("#{{{text}}}")
            }
        })
    }
}

/// A rule with nothing but its provider.
pub(super) fn blank_rule(name: Text, provider: &RuleProvider, span: Span) -> Rule {
    Rule {
        name,
        provider: Text::new(provider.provider.clone(), span),
        configuration: Vec::new(),
        commands: Vec::new(),
        inputs: Vec::new(),
        role_arn: None,
        region: None,
        timeout_minutes: None,
        project: None,
        alarm: None,
        span,
        raw: None,
    }
}
