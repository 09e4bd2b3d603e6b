//! Rules of conditions have the configuration that their provider wants.

use super::wording::{condition_rules, either, quoted, rule_path};
use crate::catalog::advice::advice;
use crate::catalog::conditions::{self, RuleProvider};
use crate::catalog::keys::{ConfigKey, Format, ValueProblem};
use crate::catalog::structure;
use crate::checks::cron::{describe, field_problem, words};
use crate::checks::{Rule, Subject, fields};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, nearest};
use crate::model::{self, Text};
use crate::source::Span;

pub(super) const RULE: Rule = Rule {
    code: "rule-configuration",
    severity: Severity::Error,
    summary: "a rule of a condition lacks a key, or has one or a value that its provider does not take",
    why: "Every provider of rules has its own configuration keys: an alarm its name, a window its times, a comparison \
          the variable, the operator and the value. A window is a cron expression of six fields whose seconds are `*`: \
          minutes, hours, day of month, month and day of week follow, and a year if you like.",
    aws: "",
    wrong: "- build: make\n  beforeEntry:\n    check:\n      - window: 0 9-17 * * MON-FRI",
    right: "- build: make\n  beforeEntry:\n    check:\n      - window: \"* * 9-17 ? * MON-FRI\"",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/rule-reference.html",
    facts: &["V01"],
    check,
};

/// The key of a window's times.
const CRON: &str = "Cron";

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for (condition, index, rule) in condition_rules(subject.model) {
        if let Some(provider) = conditions::rule_provider(&rule.provider.value) {
            let of = Of {
                provider,
                rule,
                raw: condition.raw.is_some() || rule.raw.is_some(),
                path: rule_path(condition, index),
            };
            of.keys(subject, diagnostics);
            of.primary(diagnostics);
            of.missing(subject, diagnostics);
            of.commands(subject, diagnostics);
        }
    }
}

/// A rule and what the catalogue says about it.
struct Of<'a> {
    provider: &'static RuleProvider,
    rule: &'a model::Rule,
    raw: bool,
    path: String,
}

impl Of<'_> {
    fn word(&self, key: &ConfigKey) -> String {
        if self.raw {
            key.name.clone()
        } else {
            key.friendly_name()
        }
    }

    fn at(&self, word: &str) -> String {
        let between = if self.raw { ".configuration." } else { "." };
        format!("{}{between}{word}", self.path)
    }

    fn keys(&self, subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
        for (name, value) in &self.rule.configuration {
            let Some(key) = self.provider.key(&name.value) else {
                diagnostics.push(self.unknown(name));
                continue;
            };
            // what stands for a thing of the file is named by the compiler
            let named = self.rule.project.is_some() || self.rule.alarm.is_some();
            if !value.known || value.secret.is_some() || named && key.required {
                continue;
            }
            let found = match key.name.as_str() {
                CRON => self
                    .cron(subject, key, value)
                    .or_else(|| self.value(key, value)),
                _ => self.value(key, value),
            };
            diagnostics.extend(found);
        }
        diagnostics.extend(self.expression());
    }

    /// The times of a window. Which values a field takes is what crons have everywhere, and not on its page.
    fn cron(&self, subject: &Subject<'_>, key: &ConfigKey, value: &Text) -> Option<Diagnostic> {
        let text = value.value.as_str();
        if text.contains("#{") {
            return None;
        }
        let path = || self.at(&self.word(key));
        let note = key.note.as_deref().unwrap_or_default();
        let bare = text
            .trim()
            .strip_prefix("cron(")
            .and_then(|rest| rest.strip_suffix(')'));
        let fields = words(bare.unwrap_or(text), 0);
        let seconds = fields.first().filter(|(_, word)| *word == "*");
        let right = |from: usize| {
            let fields = fields.iter().skip(from).map(|(_, word)| *word);
            let fields: Vec<&str> = std::iter::once("*").chain(fields).collect();
            let known = key.pattern.as_ref()?.matches(&fields.join(" "));
            known.then(|| format!("write `{}`: {note}", fields.join(" ")))
        };
        if let Some(bare) = bare {
            let finding = RULE.doubtful(value.span, path(), format!("`{text}` is no window"));
            let fields = match seconds {
                Some(_) => right(1),
                // as EventBridge has it: without seconds, and with a year
                None => right(0),
            };
            return Some(
                finding
                    .label("written as for EventBridge")
                    .help(fields.unwrap_or_else(|| format!("write `{bare}`: {note}")))
                    .through(value.origin.as_ref()),
            );
        }
        if fields.len() == 5 {
            let message =
                format!("`{text}` has five fields, and the first of a window are the seconds");
            return Some(
                RULE.doubtful(value.span, path(), message)
                    .label("without the seconds")
                    .help(right(0).unwrap_or_else(|| format!("write {note}")))
                    .through(value.origin.as_ref()),
            );
        }
        let (first, rest) = fields
            .split_first()
            .filter(|_| (6..=7).contains(&fields.len()))?;
        let parts = &advice().schedule.fields;
        if seconds.is_none() {
            let span = subject.part(value, first.0.start, first.0.end);
            return Some(
                RULE.finding(
                    span,
                    path(),
                    format!("the seconds of a window cannot be `{}`", first.1),
                )
                .label("the first field: the seconds")
                .help(right(1).unwrap_or_else(|| format!("write {note}")))
                .through(value.origin.as_ref()),
            );
        }
        let wrong = parts
            .iter()
            .zip(rest)
            .find_map(|(field, (at, word))| Some((field, at, *word, field_problem(field, word)?)));
        let (field, at, word, problem) = wrong?;
        let span = subject.part(value, at.start, at.end);
        let message = format!("`{word}` cannot be the {}: {problem}", field.name);
        Some(
            RULE.doubtful(span, path(), message)
                .label("not understood")
                .help(describe(field))
                .through(value.origin.as_ref()),
        )
    }

    /// A regular expression with a bracket that is not closed. All else is left to Java.
    fn expression(&self) -> Option<Diagnostic> {
        let given = |word: &str| {
            let mut all = self.rule.configuration.iter();
            let (_, value) = all.find(|(key, _)| key.value == word)?;
            (value.known && value.secret.is_none()).then_some(value)
        };
        let value = given("Value").filter(|value| !value.value.contains("#{"))?;
        given("Operator").filter(|operator| operator.value == "MATCHES")?;
        let (bracket, _) = unclosed(&value.value)?;
        let word = if self.raw { "Value" } else { "matches" };
        let message = format!(
            "`{}` is no regular expression: its `{bracket}` is alone",
            value.value
        );
        Some(
            RULE.doubtful(value.span, self.at(word), message)
                .label("no regular expression")
                .help(format!(
                    "close it, or write `\\{bracket}` for the character itself"
                ))
                .through(value.origin.as_ref()),
        )
    }

    fn unknown(&self, name: &Text) -> Diagnostic {
        let provider = &self.provider.provider;
        let all = || self.provider.keys.iter().map(|key| key.name.as_str());
        let finding = RULE
            .finding(
                name.span,
                self.at(&name.value),
                format!(
                    "{} rule has no key `{}`",
                    fields::with_article(provider),
                    name.value
                ),
            )
            .label("unknown key");
        match nearest(&name.value, all()) {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None if self.provider.keys.is_empty() => {
                finding.help("it has no configuration: leave it out")
            }
            None => finding.help(format!("its keys are {}", quoted(all()))),
        }
    }

    fn value(&self, key: &ConfigKey, value: &Text) -> Option<Diagnostic> {
        let word = self.word(key);
        let quota = &structure::quotas().rule_config_value;
        let length = value.value.chars().count();
        let (message, sure) = if !quota.allows(length as u64) {
            let message = match length {
                0 => format!("`{word}` is empty"),
                _ => format!(
                    "`{word}` has {length} characters; AWS takes at most {}",
                    quota.max
                ),
            };
            (message, true)
        } else {
            let text = &value.value;
            let problem = key.check(text).err()?;
            let message = match &problem {
                ValueProblem::Format(format) => {
                    format!("`{word}` must be {}, not `{text}`", format.words())
                }
                ValueProblem::NotAValue(item) => format!("`{word}` cannot be `{item}`"),
                ValueProblem::Pattern => format!("`{word}` cannot be `{text}`"),
                ValueProblem::Length { length, min, max } => {
                    format!("`{word}` has {length} characters; it takes {min} to {max}")
                }
                ValueProblem::Range { number, min, max } => {
                    format!("`{word}` cannot be {number}; it takes {min} to {max}")
                }
                ValueProblem::TooManyItems { items, max } => {
                    format!("`{word}` has {items} items; it takes at most {max}")
                }
            };
            (message, key.certainly(&problem))
        };
        let path = self.at(&word);
        let finding = if sure {
            RULE.finding(value.span, path, message)
        } else {
            RULE.doubtful(value.span, path, message)
        }
        .label(match length {
            0 => "nothing here",
            _ => "not a value of this key",
        });
        let note = key.note.as_deref();
        let help = if length == 0 {
            Some("give it a value".to_owned())
        } else if !key.values.is_empty() {
            Some(format!(
                "write {}",
                either(key.values.iter().map(String::as_str))
            ))
        } else {
            note.map(|note| format!("write {note}"))
        };
        let finding = finding.through(value.origin.as_ref());
        Some(match help {
            Some(help) => finding.help(help),
            None => finding.help(self.advice(key, &value.value)),
        })
    }

    /// What to write where the key itself says nothing about it.
    fn advice(&self, key: &ConfigKey, text: &str) -> String {
        let quota = &structure::quotas().rule_config_value;
        if !quota.allows(text.chars().count() as u64) {
            return format!("shorten it to {} characters", quota.max);
        }
        match key.check(text) {
            Err(ValueProblem::Format(Format::Bool)) => {
                "write `\"true\"` or `\"false\"`, in small letters and quotes".to_owned()
            }
            Err(ValueProblem::Format(Format::EnvironmentJson)) => {
                r#"write '[{"name": "STAGE", "value": "prod"}]'"#.to_owned()
            }
            Err(ValueProblem::Format(format)) => format!("write {}", format.words()),
            Err(ValueProblem::Length { min, max, .. }) => {
                format!("write {min} to {max} characters")
            }
            Err(ValueProblem::Range { min, max, .. }) => {
                format!("write a number from {min} to {max}")
            }
            Err(ValueProblem::TooManyItems { max, .. }) => format!("keep at most {max}"),
            Err(ValueProblem::NotAValue(_) | ValueProblem::Pattern) | Ok(()) => format!(
                "write it as the page of {} rules says",
                self.provider.provider
            ),
        }
    }

    /// Where to point when a key is missing.
    fn configuration(&self) -> Span {
        let written = self.rule.raw.as_ref();
        match written.and_then(|node| node.entry("configuration")) {
            Some(entry) => entry.key_span,
            None => self.rule.name.span,
        }
    }

    fn missing(&self, subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
        if !subject.has_read(&self.path) {
            return;
        }
        // a misspelt key is reported where it stands
        let means = |word: &str| {
            let all = self.provider.keys.iter().map(|key| key.name.as_str());
            match self.provider.key(word) {
                Some(key) => Some(key.name.as_str()),
                None => nearest(word, all),
            }
        };
        let has = |key: &ConfigKey| {
            let mut given = self.rule.configuration.iter();
            given.any(|(name, _)| means(&name.value) == Some(key.name.as_str()))
        };
        let required = self
            .provider
            .keys
            .iter()
            .filter(|key| key.required && key.certain);
        for key in required.filter(|key| !has(key)) {
            let word = self.word(key);
            diagnostics.push(
                RULE.finding(
                    self.configuration(),
                    self.at(&word),
                    format!(
                        "the rule `{}` has no `{word}`, which {} rule needs",
                        self.rule.name.value,
                        fields::with_article(&self.provider.provider)
                    ),
                )
                .label(format!("without `{word}`"))
                .help(match &key.note {
                    Some(note) => format!("add `{word}`: {note}"),
                    None => format!("add `{word}`"),
                }),
            );
        }
    }

    /// Of several inputs one is the primary one, and that is one of them.
    fn primary(&self, diagnostics: &mut Diagnostics) {
        let Some(name) = &self.provider.primary_input else {
            return;
        };
        let (inputs, rule) = (&self.rule.inputs, &self.rule.name.value);
        let mut configuration = self.rule.configuration.iter();
        let given = configuration.find(|(key, _)| key.value == *name);
        let finding = match (given, inputs.as_slice()) {
            (None, [first, second, ..]) => RULE
                .finding(
                    second.span,
                    self.at(name),
                    format!(
                        "the rule `{rule}` has {} input artifacts and no `{name}`",
                        inputs.len()
                    ),
                )
                .label("which one holds the buildspec?")
                .help(format!("name one of them: `{name}: {}`", first.value)),
            (Some((_, value)), [_, ..])
                if value.known && !inputs.iter().any(|input| input.value == value.value) =>
            {
                let names = quoted(inputs.iter().map(|input| input.value.as_str()));
                RULE.finding(
                    value.span,
                    self.at(name),
                    format!(
                        "`{}` is no input artifact of the rule `{rule}`",
                        value.value
                    ),
                )
                .label("no input of this rule")
                .help(format!("its inputs are {names}"))
            }
            _ => return,
        };
        diagnostics.push(finding);
    }

    fn commands(&self, subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
        let rule = self.rule;
        match (self.provider.commands, rule.commands.first()) {
            (true, None) if subject.has_read(&self.path) => diagnostics.push(
                RULE.finding(
                    rule.name.span,
                    format!("{}.commands", self.path),
                    format!("the rule `{}` has no commands", rule.name.value),
                )
                .label("nothing to run")
                .help(
                    "give it some: `commands: [\"./check.sh\"]`; the rule holds if they end well",
                ),
            ),
            (false, Some(first)) => diagnostics.push(
                RULE.finding(
                    first.span,
                    format!("{}.commands", self.path),
                    format!(
                        "{} rule has no commands",
                        fields::with_article(&self.provider.provider)
                    ),
                )
                .label("does not belong here")
                .help("commands are for rules of the provider Commands"),
            ),
            _ => {}
        }
    }
}

/// A parenthesis or bracket that has no partner, and its place.
fn unclosed(expression: &str) -> Option<(char, usize)> {
    let mut open: Vec<(char, usize)> = Vec::new();
    let mut all = expression.char_indices();
    while let Some((at, c)) = all.next() {
        let in_class = open.last().is_some_and(|(c, _)| *c == '[');
        match c {
            '\\' => match all.next() {
                // what is between \Q and \E is text
                Some((_, 'Q')) => return None,
                _ => continue,
            },
            '[' => open.push((c, at)),
            ']' if in_class => {
                open.pop();
            }
            '(' if !in_class => open.push((c, at)),
            ')' if !in_class => match open.pop() {
                Some(_) => {}
                None => return Some((c, at)),
            },
            _ => {}
        }
    }
    open.first().copied()
}

#[cfg(test)]
mod tests {
    use super::unclosed;

    #[test]
    fn brackets_have_partners() {
        for whole in [
            "main",
            "(a|b)+",
            "[(]",
            "a\\(",
            "[a-z&&[^b]]",
            "\\Q(\\E",
            "x]",
        ] {
            assert_eq!(unclosed(whole), None, "{whole}");
        }
        for (alone, at) in [("(", ('(', 0)), ("a)", (')', 1)), ("v[0-9", ('[', 1))] {
            assert_eq!(unclosed(alone), Some(at), "{alone}");
        }
    }
}
