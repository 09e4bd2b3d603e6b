//! Numbers and lengths of commands, output variables, files and environment variables of an action.

use std::collections::HashMap;

use crate::catalog::structure;
use crate::catalog::text::{Quota, TextProblem};
use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject, fields};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::model::{Text, Variable, VariableKind};

use super::form;

pub(super) const RULE: Rule = Rule {
    code: "field-limit",
    severity: Severity::Error,
    summary: "more commands, output variables, files or environment variables than an action takes, or longer ones",
    why: "An action has at most 50 commands of 1,000 characters, 15 output variables, 10 files in its output and 10 \
          environment variables, whose names are letters, digits and underscores and which are plain texts or \
          secrets. Longer work belongs into a script of the source, or into a build.",
    aws: "",
    wrong: "- name: Smoke\n  commands:\n    run: ./smoke.sh\n    env: {smoke-url: https://example.com}",
    right: "- name: Smoke\n  commands:\n    run: ./smoke.sh\n    env: {SMOKE_URL: https://example.com}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html",
    facts: &["V01"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let quotas = structure::quotas();
    for step in flow::all_steps(subject.model) {
        let action = step.action;
        let lists = [
            (
                "run",
                "command",
                &action.commands,
                &quotas.commands,
                &quotas.command_length,
            ),
            (
                "exports",
                "output variable",
                &action.output_variables,
                &quotas.output_variables,
                &quotas.output_variable_name,
            ),
        ];
        for (word, what, list, most, length) in lists {
            texts(
                &format!("`{}`", action.name.value),
                (&step.path(word), what),
                list,
                (most, length),
                diagnostics,
            );
        }
        for (index, output) in action.outputs.iter().enumerate() {
            let path = match action.raw {
                true => format!("{}[{index}].files", step.path("output")),
                false => step.path("artifacts"),
            };
            let quota = (&quotas.output_files, &quotas.output_file_length);
            let owner = format!("`{}`", action.name.value);
            texts(&owner, (&path, "file"), &output.files, quota, diagnostics);
        }
        environment(&step, diagnostics);
    }
    for stage in subject.model.pipelines.iter().flat_map(|one| &one.stages) {
        let conditions = [&stage.before_entry, &stage.on_success, &stage.on_failure];
        for condition in conditions.into_iter().flatten() {
            for (index, rule) in condition.rules.iter().enumerate() {
                let list = if condition.raw.is_some() {
                    "conditions[0].rules"
                } else {
                    "check"
                };
                texts(
                    &format!("the rule `{}`", rule.name.value),
                    (
                        &format!("{}.{list}[{index}].commands", condition.path),
                        "command",
                    ),
                    &rule.commands,
                    (&quotas.commands, &quotas.command_length),
                    diagnostics,
                );
            }
        }
    }
}

fn texts(
    owner: &str,
    (path, what): (&str, &str),
    list: &[Text],
    (most, length): (&Quota, &Quota),
    diagnostics: &mut Diagnostics,
) {
    if let Some(first) = too_many(list, most) {
        diagnostics.push(number(owner, path, what, list.len(), most, first));
    }
    for (index, item) in list.iter().enumerate().filter(|(_, item)| item.known) {
        let characters = item.value.chars().count() as u64;
        if length.allows(characters) {
            let lines = item.value.trim_end().contains(['\n', '\r']);
            if what == "command" && lines {
                diagnostics.push(lines_of(item, format!("{path}[{index}]"), owner));
            }
            continue;
        }
        let finding = RULE.finding(
            item.span,
            format!("{path}[{index}]"),
            match characters {
                0 => format!("{} is empty", fields::with_article(what)),
                _ => format!(
                    "{} has {characters} characters; AWS takes {}",
                    fields::with_article(what),
                    length.max
                ),
            },
        );
        let finding = finding.label(if characters == 0 {
            "nothing here"
        } else {
            "too long"
        });
        diagnostics.push(match what {
            "command" if characters > 0 => {
                finding.help("put it into a script of the source and run that")
            }
            _ if characters == 0 => finding.help("leave it out"),
            _ => finding.help(format!("shorten it to {}", length.max)),
        });
    }
}

/// AWS says that it takes commands of one line, and does not say what it does with others.
fn lines_of(command: &Text, path: String, owner: &str) -> Diagnostic {
    let message = format!("a command of {owner} has several lines; AWS takes commands of one line");
    RULE.doubtful(command.span, path, message)
        .label("several lines")
        .help("write a list of commands, a line each, or put it into a script of the source and run that")
        .through(command.origin.as_ref())
}

/// The first item over the quota.
fn too_many<'t, T>(list: &'t [T], most: &Quota) -> Option<&'t T> {
    list.get(usize::try_from(most.max).unwrap_or(usize::MAX))
}

fn number(
    owner: &str,
    path: &str,
    what: &str,
    count: usize,
    most: &Quota,
    first: &Text,
) -> Diagnostic {
    RULE.finding(
        first.span,
        path,
        format!("{owner} has {count} {what}s; AWS takes {}", most.max),
    )
    .label("one too many")
    .help(match what {
        "command" => "put them into a script of the source and run that".to_owned(),
        _ => format!("keep at most {}", most.max),
    })
}

fn environment(step: &Step<'_>, diagnostics: &mut Diagnostics) {
    let quotas = structure::quotas();
    let list = &step.action.environment;
    let path = step.path("env");
    if let Some(first) = too_many(list, &quotas.environment_variables) {
        diagnostics.push(number(
            &format!("`{}`", step.action.name.value),
            &path,
            "environment variable",
            list.len(),
            &quotas.environment_variables,
            &first.name,
        ));
    }
    let mut given: HashMap<&str, &Text> = HashMap::new();
    for (index, variable) in list.iter().enumerate() {
        let path = match step.action.raw {
            true => format!("{path}[{index}]"),
            false => format!("{path}.{}", variable.name.value),
        };
        diagnostics.extend(name(variable, &path, step.action.raw));
        diagnostics.extend(value(variable, &path, step.action.raw));
        diagnostics.extend(kind(step, variable, &path));
        if !variable.name.known {
            continue;
        }
        let first = *given.entry(&variable.name.value).or_insert(&variable.name);
        if !std::ptr::eq(first, &variable.name) {
            diagnostics.push(
                RULE.finding(
                    variable.name.span,
                    &path,
                    format!("the variable `{}` stands twice", variable.name.value),
                )
                .label("again here")
                .related(first.span, "first here")
                .help("keep one of the two"),
            );
        }
    }
}

fn name(variable: &Variable, path: &str, raw: bool) -> Option<Diagnostic> {
    let rule = &structure::names().environment_variable;
    let name = &variable.name;
    let problem = rule.check(&name.value).err().filter(|_| name.known)?;
    let path = if raw {
        format!("{path}.name")
    } else {
        path.to_owned()
    };
    let (message, label) = match problem {
        TextProblem::Character { character, .. } => (
            format!(
                "an environment variable of an action cannot be called `{}`",
                name.value
            ),
            format!("holds `{character}`"),
        ),
        _ => (
            format!(
                "the name of an environment variable has {} characters",
                name.value.chars().count()
            ),
            format!("{} to {} characters", rule.length[0], rule.length[1]),
        ),
    };
    let finding = RULE.finding(name.span, path, message).label(label);
    let too_long = matches!(problem, TextProblem::TooLong { .. });
    Some(match &rule.characters {
        _ if too_long => finding.help(format!("shorten it to {}", rule.length[1])),
        Some(characters) => finding.help(format!("it is made of {characters}")),
        None => finding.help("choose another name"),
    })
}

fn value(variable: &Variable, path: &str, raw: bool) -> Option<Diagnostic> {
    let quota = &structure::quotas().environment_value;
    let value = &variable.value;
    let length = value.value.chars().count() as u64;
    if !value.known || value.secret.is_some() {
        return None;
    }
    let path = if raw {
        format!("{path}.value")
    } else {
        path.to_owned()
    };
    if quota.allows(length) {
        let lines = value.value.contains(['\n', '\r']);
        return lines.then(|| {
            let name = &variable.name.value;
            RULE.doubtful(value.span, path, format!("the value of `{name}` has several lines"))
                .label("several lines")
                .help("an environment variable of an action has one line: put it into a file of the source")
                .through(value.origin.as_ref())
        });
    }
    let finding = RULE.finding(
        value.span,
        path,
        match length {
            0 => format!("the variable `{}` is empty", variable.name.value),
            _ => format!(
                "the value of `{}` has {length} characters; AWS takes {}",
                variable.name.value, quota.max
            ),
        },
    );
    Some(match length {
        0 => finding
            .label("nothing here")
            .help("give it a value or leave it out"),
        _ => finding
            .label("too long")
            .help("put it into a file of the source"),
    })
}

fn kind(step: &Step<'_>, variable: &Variable, path: &str) -> Option<Diagnostic> {
    let types = &structure::enums().environment_variable_type;
    let word = variable.kind.as_str();
    let known = types.iter().any(|kind| kind == word);
    let secret = variable.kind == VariableKind::SecretsManager;
    let commands = step.kind().is_some_and(|kind| kind.has_field("commands"));
    // the word that says so, where there is one
    let member = step.action.raw.then_some("type");
    let written = member.and_then(|member| {
        let list = step.action.raw_node.as_ref()?.get("environmentVariables")?;
        let mut items = list.as_list()?.iter();
        let own = items.find(|item| {
            item.get("name")
                .is_some_and(|name| name.span == variable.name.span)
        });
        Some(own?.get(member)?.span)
    });
    let place = match written {
        Some(span) => (span, format!("{path}.type")),
        None => (variable.value.span, path.to_owned()),
    };
    let finding = |message: String| {
        let (span, path) = place.clone();
        (span, path, message)
    };
    if !known {
        let (span, path, message) = finding(format!(
            "an environment variable of `{}` cannot come from Parameter Store",
            form::kind(step)
        ));
        return Some(
            RULE.finding(span, path, message)
                .label("not offered here")
                .help(match step.action.raw {
                    true => "write `type: SECRETS_MANAGER` with the name of a secret, or fetch it in the commands",
                    false => "give it as text or `{secret: …}`, or fetch it in the commands",
                }),
        );
    }
    if secret && !commands && step.kind().is_some() {
        let (span, path, message) = finding(format!(
            "an environment variable of `{}` is plain text, as far as AWS says",
            form::kind(step)
        ));
        return Some(
            RULE.doubtful(span, path, message)
                .label("perhaps not offered here")
                .help("let the action's role read the secret where it is needed, or try it: AWS may have added it"),
        );
    }
    None
}
