//! The environment that a CodeBuild action gives to its build.

use serde_json::{Map, Value};

use crate::catalog::codebuild::codebuild;
use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, nearest};
use crate::model::Text;
use crate::source::Span;

pub(super) const RULE: Rule = Rule {
    code: "environment-json",
    severity: Severity::Error,
    summary: "EnvironmentVariables of a CodeBuild action is not the JSON it has to be",
    why: "EnvironmentVariables is one text that holds a JSON list of {name, value, type}, all of them texts; type is \
          PLAINTEXT, PARAMETER_STORE or SECRETS_MANAGER, and PLAINTEXT if it is absent. Names that begin with \
          CODEBUILD_ are CodeBuild's own. In a friendly file `env` writes all this.",
    aws: "",
    wrong: "- definition:\n    name: Build\n    actionTypeId: {category: Build, owner: AWS, provider: CodeBuild, version: \"1\"}\n    configuration:\n      ProjectName: shop\n      EnvironmentVariables: '{\"STAGE\": \"prod\"}'\n    inputArtifacts: [{name: Source}]",
    right: "- definition:\n    name: Build\n    actionTypeId: {category: Build, owner: AWS, provider: CodeBuild, version: \"1\"}\n    configuration:\n      ProjectName: shop\n      EnvironmentVariables: '[{\"name\": \"STAGE\", \"value\": \"prod\", \"type\": \"PLAINTEXT\"}]'\n    inputArtifacts: [{name: Source}]",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeBuild.html",
    facts: &[],
    check,
};

const KEY: &str = "EnvironmentVariables";
const MEMBERS: [&str; 3] = ["name", "value", "type"];

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for step in flow::all_steps(subject.model) {
        if step.kind().is_none_or(|kind| kind.id != "codebuild") {
            continue;
        }
        if let Some(text) = step.configuration(KEY)
            && text.known
            && text.secret.is_none()
            && !text.value.is_empty()
            // a whole that only the run knows
            && !text.value.trim_start().starts_with("#{")
        {
            of_text(subject, &step, text, diagnostics);
        }
        for variable in &step.action.build_environment {
            let name = &variable.name;
            if name.known
                && let Some(finding) = reserved(&step, &name.value, name.span)
            {
                diagnostics.push(finding);
            }
        }
    }
}

/// A list in a text, and where its parts stand.
struct Place<'a> {
    subject: &'a Subject<'a>,
    step: &'a Step<'a>,
    text: &'a Text,
}

impl Place<'_> {
    /// The place of a part of the JSON, as it is written there; the whole where it cannot be found.
    fn of(&self, part: &str) -> Span {
        match self.text.value.find(part).filter(|_| !part.is_empty()) {
            Some(at) => self.subject.part(self.text, at, at + part.len()),
            None => self.text.span,
        }
    }

    fn finding(&self, span: Span, message: String) -> Diagnostic {
        RULE.finding(span, self.step.path(KEY), message)
            .through(self.text.origin.as_ref())
    }
}

fn of_text(subject: &Subject<'_>, step: &Step<'_>, text: &Text, diagnostics: &mut Diagnostics) {
    let place = Place {
        subject,
        step,
        text,
    };
    let word = step.key_word(KEY);
    let example = r#"[{"name": "STAGE", "value": "prod"}]"#;
    let items = match serde_json::from_str::<Value>(&text.value) {
        Ok(Value::Array(items)) => items,
        Ok(other) => {
            let help = match &other {
                Value::Object(map) => map.iter().next().map_or_else(
                    || format!("write {example}"),
                    |(name, value)| {
                        let value = plain(value);
                        format!(r#"write [{{"name": "{name}", "value": "{value}"}}]"#)
                    },
                ),
                _ => format!("write {example}"),
            };
            diagnostics.push(
                place
                    .finding(
                        text.span,
                        format!("`{word}` must be a JSON list, not {}", kind(&other)),
                    )
                    .label(format!("{} here", kind(&other)))
                    .help(help),
            );
            return;
        }
        Err(error) => {
            diagnostics.push(
                place
                    .finding(text.span, format!("`{word}` is no JSON: {error}"))
                    .label("not JSON")
                    .help(format!("write {example}")),
            );
            return;
        }
    };
    let mut seen: Vec<String> = Vec::new();
    for item in &items {
        let Value::Object(map) = item else {
            diagnostics.push(
                place
                    .finding(
                        text.span,
                        format!("`{word}` holds {}, not {{name, value}}", kind(item)),
                    )
                    .label("not variables")
                    .help(format!("write {example}")),
            );
            continue;
        };
        members(&place, map, diagnostics);
        let Some(name) = map.get("name").and_then(Value::as_str) else {
            continue;
        };
        let quoted = format!("\"{name}\"");
        let named = |at: usize| match names_at(&text.value, &quoted).nth(at) {
            Some(at) => subject.part(text, at, at + quoted.len()),
            None => text.span,
        };
        let before = seen.iter().filter(|other| *other == name).count();
        let span = named(before);
        if let Some(finding) = reserved(step, name, span) {
            diagnostics.push(finding);
        }
        if before > 0 {
            diagnostics.push(
                RULE.doubtful(
                    span,
                    step.path(KEY),
                    format!("the environment variable `{name}` is given twice"),
                )
                .label("again here")
                .related(named(0), "first here")
                .help("keep one of the two")
                .through(text.origin.as_ref()),
            );
        }
        seen.push(name.to_owned());
    }
}

/// Where a quoted text stands as the name of a variable, not as its value.
fn names_at<'t>(json: &'t str, quoted: &'t str) -> impl Iterator<Item = usize> + 't {
    let is_name = |at: &usize| {
        let before = json[..*at].trim_end().strip_suffix(':');
        before.is_some_and(|before| before.trim_end().ends_with("\"name\""))
    };
    json.match_indices(quoted).map(|(at, _)| at).filter(is_name)
}

/// What one variable is made of.
fn members(place: &Place<'_>, map: &Map<String, Value>, diagnostics: &mut Diagnostics) {
    let name = map.get("name").and_then(Value::as_str);
    let who = name.map_or_else(|| "a variable".to_owned(), |name| format!("`{name}`"));
    let at_name = || place.of(&name.map_or_else(String::new, |name| format!("\"{name}\"")));
    for member in ["name", "value"] {
        // a misspelled one is said below
        let misspelled = map
            .keys()
            .any(|key| !MEMBERS.contains(&key.as_str()) && nearest(key, MEMBERS) == Some(member));
        if !map.contains_key(member) && !misspelled {
            diagnostics.push(
                place
                    .finding(at_name(), format!("{who} has no `{member}`"))
                    .label(format!("without `{member}`"))
                    .help(format!("add \"{member}\": \"…\"")),
            );
        }
    }
    if name == Some("") {
        diagnostics.push(
            place
                .finding(
                    names_at(&place.text.value, "\"\"")
                        .next()
                        .map_or(place.text.span, |at| {
                            place.subject.part(place.text, at, at + 2)
                        }),
                    "an environment variable needs a name".to_owned(),
                )
                .label("nothing here")
                .help("give it a name"),
        );
    }
    for (member, value) in map {
        if !MEMBERS.contains(&member.as_str()) {
            let finding = place
                .finding(
                    place.of(&format!("\"{member}\"")),
                    format!("an environment variable has no member `{member}`"),
                )
                .label("unknown member");
            diagnostics.push(match nearest(member, MEMBERS) {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None => finding.help("it has `name`, `value` and `type`"),
            });
        } else if !value.is_string() {
            diagnostics.push(
                place
                    .finding(
                        at_name(),
                        format!(
                            "the `{member}` of {who} must be a text, not {}",
                            kind(value)
                        ),
                    )
                    .label(format!("its {member} is {}", kind(value)))
                    .help(format!("quote it: \"{member}\": \"{}\"", plain(value))),
            );
        }
    }
    let types = &codebuild().environment.variable_types;
    if let Some(word) = map.get("type").and_then(Value::as_str)
        && !types.iter().any(|known| known == word)
        && !word.contains("#{")
    {
        let finding = place
            .finding(
                place.of(&format!("\"{word}\"")),
                format!("there is no type `{word}` of environment variables"),
            )
            .label("unknown type");
        diagnostics.push(match nearest(word, types.iter().map(String::as_str)) {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => finding.help(format!("it is one of {}", types.join(", "))),
        });
    }
}

fn reserved(step: &Step<'_>, name: &str, span: Span) -> Option<Diagnostic> {
    let prefix = codebuild().environment.reserved_variable_prefix.as_str();
    let rest = name.strip_prefix(prefix)?;
    let path = if step.action.raw {
        step.path(KEY)
    } else {
        format!("{}.{name}", step.path("env"))
    };
    Some(
        RULE.finding(
            span,
            path,
            format!("`{name}` begins with {prefix}, which CodeBuild keeps for itself"),
        )
        .label("reserved name")
        .help(match rest {
            "" => "take another name".to_owned(),
            rest => format!("take another name, such as `BUILD_{rest}`"),
        }),
    )
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => "…".to_owned(),
    }
}
