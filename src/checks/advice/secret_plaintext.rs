//! A credential in plain text.

use std::ops::Range;

use super::builds;
use super::names;
use crate::catalog::advice::advice;
use crate::checks::flow;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::{Text, Variable, VariableKind};
use crate::source::Span;
use crate::tree::{Node, SecretService};

pub(super) const RULE: Rule = Rule {
    code: "secret-plaintext",
    severity: Severity::Warning,
    summary: "what looks like a credential stands in plain text",
    why: "A literal in this file is in the repository for good, and in the definition that everybody with read access \
          to the account sees; a plain environment variable is shown in the console of CodeBuild, and a command in the \
          log.\n\n\
          Parameter Store and Secrets Manager keep it; CodeBuild fetches it when it runs. A credential that was in a \
          repository once has to be replaced.",
    aws: "",
    wrong: "env:\n  DB_PASSWORD: correct-horse",
    right: "env:\n  DB_PASSWORD: { secret: shop/db:password }",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let mut see = Seen {
        subject,
        diagnostics,
        seen: std::collections::HashSet::new(),
    };
    for project in &subject.model.projects {
        let path = if project.raw {
            format!("{}.environment.environmentVariables", project.path)
        } else {
            format!("{}.env", project.path)
        };
        for variable in &project.environment {
            see.variable(variable, &path, project.raw);
        }
        let tree = builds::buildspec(subject, project);
        if let Some(variables) = tree
            .and_then(|tree| tree.get("env"))
            .and_then(|env| env.get("variables"))
            .and_then(Node::as_map)
        {
            let raw = project.raw;
            for entry in variables {
                if let Some(text) = builds::text(&entry.value) {
                    see.named(
                        &entry.key,
                        &text,
                        &format!("env.variables.{}", entry.key),
                        raw,
                    );
                }
            }
        }
    }
    for step in flow::all_steps(subject.model) {
        let action = step.action;
        for variable in action.environment.iter().chain(&action.build_environment) {
            let key = if action.raw {
                "environmentVariables"
            } else {
                "env"
            };
            see.variable(variable, &step.path(key), action.raw);
        }
        for (key, text) in &action.configuration {
            let path = step.path(&format!("configuration.{}", key.value));
            let secret = step
                .kind()
                .and_then(|kind| kind.key(&key.value))
                .is_some_and(|key| key.secret);
            if secret {
                see.secret_key(&key.value, text, &path);
            } else if key.value == "EnvironmentVariables" {
                see.json(text, &path);
            } else if text.value.trim_start().starts_with('{') {
                see.object(text, &path, key.value == "ParameterOverrides");
            } else {
                see.shape(text, &path, action.raw);
            }
        }
    }
    for command in builds::every_command(subject) {
        see.shape(&command.text, &command.path, false);
    }
}

struct Seen<'s, 'a> {
    subject: &'s Subject<'a>,
    diagnostics: &'s mut Diagnostics,
    seen: std::collections::HashSet<Span>,
}

impl Seen<'_, '_> {
    fn variable(&mut self, variable: &Variable, path: &str, raw: bool) {
        if variable.kind == VariableKind::Plaintext {
            let path = format!("{path}.{}", variable.name.value);
            self.named(&variable.name.value, &variable.value, &path, raw);
        }
    }

    /// A value with a name: by its shape, else by its name.
    fn named(&mut self, name: &str, text: &Text, path: &str, raw: bool) {
        if self.shape(text, path, raw) || !literal(text) {
            return;
        }
        if is_secret_name(name) && could_be_secret(name, &text.value) {
            self.say(
                text,
                0..text.value.len(),
                &format!("`{name}` holds a literal"),
                path,
                raw,
            );
        }
    }

    /// A key that AWS keeps secret, with a literal.
    fn secret_key(&mut self, name: &str, text: &Text, path: &str) {
        let mask = &crate::catalog::structure::structure().secret_mask;
        let typed = text
            .secret
            .as_ref()
            .is_some_and(|secret| matches!(secret.reference.service, SecretService::Typed));
        if typed || literal(text) && text.value != *mask && !is_reference(&text.value) {
            let help =
                "write `${secret:NAME:key}` in its place: the token then never stands in a file";
            self.push(
                text.span,
                format!("`{name}` holds a literal token"),
                path,
                help,
                text,
            );
        }
    }

    /// `EnvironmentVariables` of an action: JSON in a text.
    fn json(&mut self, text: &Text, path: &str) {
        if !literal(text) || self.shape(text, path, true) {
            return;
        }
        let Ok(serde_json::Value::Array(variables)) = serde_json::from_str(&text.value) else {
            return;
        };
        for variable in &variables {
            let part = |key: &str| variable.get(key).and_then(serde_json::Value::as_str);
            let (Some(name), Some(value)) = (part("name"), part("value")) else {
                continue;
            };
            let plain = part("type").is_none_or(|kind| kind == "PLAINTEXT");
            if !plain || !is_secret_name(name) || !could_be_secret(name, value) {
                continue;
            }
            // the value behind its own name
            let start = text.value.find(&format!("\"{name}\"")).unwrap_or(0);
            let found = text.value[start..].find(value).map(|at| start + at);
            let range = found.map_or(0..text.value.len(), |at| at..at + value.len());
            self.say(
                text,
                range,
                &format!("`{name}` holds a literal"),
                path,
                true,
            );
        }
    }

    /// The JSON of an object in a text: what a function or a stack is given.
    fn object(&mut self, text: &Text, path: &str, stack: bool) {
        if !literal(text) || self.shape(text, path, true) {
            return;
        }
        let Ok(serde_json::Value::Object(members)) = serde_json::from_str(&text.value) else {
            return;
        };
        let help = match stack {
            true => {
                "write `{{resolve:secretsmanager:NAME:SecretString:KEY}}` in the template or in its place, which \
                 CloudFormation reads; replace the one that was here"
            }
            false => {
                "hand over the name of a secret, and let what is invoked read it; replace the one that was here"
            }
        };
        for (name, value) in &members {
            let Some(value) = value.as_str() else {
                continue;
            };
            if !is_secret_name(name) || !could_be_secret(name, value) {
                continue;
            }
            let start = text.value.find(&format!("\"{name}\"")).unwrap_or(0);
            let found = text.value[start..].find(value).map(|at| start + at);
            let range = found.map_or(0..text.value.len(), |at| at..at + value.len());
            let span = builds::place(self.subject, text, range.start, range.end);
            self.push(span, format!("`{name}` holds a literal"), path, help, text);
        }
    }

    fn shape(&mut self, text: &Text, path: &str, raw: bool) -> bool {
        if !literal(text) {
            return false;
        }
        let patterns = advice().credentials.patterns.iter();
        let Some((what, range)) = patterns
            .filter_map(|pattern| Some((pattern.what.as_str(), pattern.find(&text.value)?)))
            .next()
        else {
            return false;
        };
        self.say(text, range, &format!("this looks like {what}"), path, raw);
        true
    }

    fn say(&mut self, text: &Text, range: Range<usize>, what: &str, path: &str, raw: bool) {
        let span = builds::place(self.subject, text, range.start, range.end);
        let help = if path.starts_with("env.variables") {
            "keep it in Secrets Manager or Parameter Store: `secrets-manager` or `parameter-store` in `env` of the \
             buildspec, in place of `variables`; replace the one that was here"
        } else if raw {
            "keep it in Secrets Manager or Parameter Store: `type: SECRETS_MANAGER` or `PARAMETER_STORE`, and its name \
             as the value; replace the one that was here"
        } else {
            "keep it in Secrets Manager or Parameter Store: `{secret: NAME:key}` or `{ssm: NAME}` in `env`; replace \
             the one that was here"
        };
        self.push(span, what.to_owned(), path, help, text);
    }

    fn push(&mut self, span: Span, what: String, path: &str, help: &str, text: &Text) {
        if self.seen.insert(span) {
            self.diagnostics.push(
                RULE.finding(span, path, what)
                    .label("in plain text")
                    .help(help)
                    .through(text.origin.as_ref())
                    // what came through a variable does not stand here
                    .hidden(text.origin.is_none()),
            );
        }
    }
}

/// Whether a person typed it here.
fn literal(text: &Text) -> bool {
    text.known && text.secret.is_none()
}

fn is_secret_name(name: &str) -> bool {
    let words = names::words(name);
    advice()
        .credentials
        .endings
        .iter()
        .any(|ending| words.ends_with(ending))
}

/// Whether a value is filled in elsewhere.
fn is_reference(value: &str) -> bool {
    value.contains("#{") || value.contains('$') || value.contains("{{") || value.starts_with("arn:")
}

/// Whether the value of a variable with such a name can be a credential: no reference, no name of one, no switch.
fn could_be_secret(name: &str, value: &str) -> bool {
    let credentials = &advice().credentials;
    let plain = value.trim().to_lowercase();
    let placeholder = (plain.starts_with('<') && plain.ends_with('>'))
        || plain
            .chars()
            .all(|c| matches!(c, '*' | 'x' | '.' | '-' | '_'))
        || plain.contains("your")
        || plain.contains("placeholder");
    // `/shop/db/password`, `shop/db:password`, `DB_PASSWORD`: where it is, not what it is
    let path = value.starts_with(['/', '.', '~']) || value.contains("://");
    let same = names::words(value) == names::words(name)
        || is_secret_name(value) && value.contains(['/', ':', '_', '-']);
    value.chars().count() >= credentials.shortest
        && !credentials.harmless.contains(&plain)
        && !value.contains(char::is_whitespace)
        && !is_reference(value)
        && !placeholder
        && !path
        && !same
}

#[cfg(test)]
mod tests {
    use super::{could_be_secret, is_secret_name};

    #[test]
    fn names_and_values_of_credentials() {
        for name in [
            "DB_PASSWORD",
            "dbPassword",
            "GITHUB_TOKEN",
            "API_KEY",
            "apiKey",
            "AWS_SECRET_ACCESS_KEY",
            "CLIENT_SECRET",
            "token",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "TOKEN_FILE",
            "SECRET_NAME",
            "PASSWORD_LENGTH",
            "TOKENS",
            "SECRET_ARN",
            "KEY",
            "TOKENIZER",
            "PATH",
            "API_KEY_ID",
            "MAX_TOKENS",
            "CACHE_KEY",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
        for value in ["correct-horse", "hunter2", "S3cr3tS3cr3t", "4f1c09aa22"] {
            assert!(could_be_secret("DB_PASSWORD", value), "{value}");
        }
        for value in [
            "",
            "true",
            "none",
            "/shop/db/password",
            "shop/db:password",
            "$OTHER",
            "#{V.T}",
            "****",
            "<token>",
            "changeme",
            "12345",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:x",
            "{{resolve:ssm:x}}",
            "./token.txt",
            "DB_PASSWORD",
            "db-password",
            "https://example.com/token",
            "your-token-here",
            "xxxxxxxx",
        ] {
            assert!(!could_be_secret("DB_PASSWORD", value), "{value}");
        }
    }
}
