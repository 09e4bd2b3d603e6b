//! Rules of conditions have the configuration that their provider wants.

use super::wording::{condition_rules, either, quoted, rule_path};
use crate::catalog::conditions::{self, RuleProvider};
use crate::catalog::keys::{ConfigKey, ValueProblem};
use crate::catalog::structure;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, nearest};
use crate::model::{self, Text};

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

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for (condition, index, rule) in condition_rules(subject.model) {
        if let Some(provider) = conditions::rule_provider(&rule.provider.value) {
            let of = Of {
                provider,
                rule,
                raw: condition.raw.is_some() || rule.raw.is_some(),
                path: rule_path(condition, index),
            };
            of.keys(diagnostics);
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

    fn keys(&self, diagnostics: &mut Diagnostics) {
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
            diagnostics.extend(self.value(key, value));
        }
    }

    fn unknown(&self, name: &Text) -> Diagnostic {
        let provider = &self.provider.provider;
        let all = || self.provider.keys.iter().map(|key| key.name.as_str());
        let finding = RULE
            .finding(
                name.span,
                self.at(&name.value),
                format!("a {provider} rule has no key `{}`", name.value),
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
            match key.check(text).err()? {
                ValueProblem::Format(format) => (
                    format!("`{word}` must be {}, not `{text}`", format.words()),
                    key.certain,
                ),
                ValueProblem::NotAValue(item) => {
                    let sure = key.certain && key.values_certain;
                    (format!("`{word}` cannot be `{item}`"), sure)
                }
                // a value of the wrong form is found out when the rule is asked
                ValueProblem::Pattern => (format!("`{word}` cannot be `{text}`"), false),
                ValueProblem::Length { length, min, max } => (
                    format!("`{word}` has {length} characters; it takes {min} to {max}"),
                    key.certain,
                ),
                ValueProblem::Range { number, min, max } => (
                    format!("`{word}` cannot be {number}; it takes {min} to {max}"),
                    key.certain,
                ),
                ValueProblem::TooManyItems { items, max } => (
                    format!("`{word}` has {items} items; it takes at most {max}"),
                    key.certain,
                ),
            }
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
        let longer = format!("* {}", value.value);
        let help = if length == 0 {
            Some("give it a value".to_owned())
        } else if !key.values.is_empty() {
            Some(format!(
                "write {}",
                either(key.values.iter().map(String::as_str))
            ))
        } else if key
            .pattern
            .as_ref()
            .is_some_and(|pattern| pattern.matches(&longer))
        {
            Some(format!("write `{longer}`: {}", note.unwrap_or_default()))
        } else {
            note.map(|note| format!("write {note}"))
        };
        let finding = finding.through(value.origin.as_ref());
        Some(match help {
            Some(help) => finding.help(help),
            None => finding.help(format!(
                "write `{word}` as the page of {} rules says",
                self.provider.provider
            )),
        })
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
                    self.rule.name.span,
                    self.at(&word),
                    format!(
                        "the rule `{}` has no `{word}`, which a {} rule needs",
                        self.rule.name.value, self.provider.provider
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
                    format!("a {} rule has no commands", self.provider.provider),
                )
                .label("does not belong here")
                .help("commands are for rules of the provider Commands"),
            ),
            _ => {}
        }
    }
}
