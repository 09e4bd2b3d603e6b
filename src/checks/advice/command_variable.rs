//! A variable of pipectl is spliced into a command.

use super::builds;
use crate::catalog::advice::advice;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::{Buildspec, Project, Text};
use crate::source::Span;

pub(super) const RULE: Rule = Rule {
    code: "command-variable",
    severity: Severity::Warning,
    summary: "a value from outside the file is spliced into a shell command",
    why: "pipectl puts the text of the variable into the command before any shell sees it: a space, a quote or a \
          semicolon in it becomes part of the program. Whoever may write that parameter, object, stack output, branch \
          name or environment variable may then run commands with the rights of the build.\n\n\
          Through `env` the value arrives as data, and `\"$NAME\"` keeps it in one piece.",
    aws: "",
    wrong: "- build:\n    run: ./deploy.sh ${ssm:/shop/target}",
    right: "- build:\n    run: ./deploy.sh \"$TARGET\"\n    env:\n      TARGET: ${ssm:/shop/target}",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    // in a buildspec beside the file pipectl replaces nothing
    let inline = |project: &&Project| matches!(project.buildspec, Buildspec::Inline(_));
    let projects = subject.model.projects.iter().filter(inline);
    let commands = projects
        .flat_map(|project| builds::commands(subject, project).unwrap_or_default())
        .chain(builds::direct_commands(subject.model));
    for command in commands {
        let Some((span, variable)) = spliced(subject, &command.text) else {
            continue;
        };
        diagnostics.push(
            RULE.finding(
                span,
                command.path.clone(),
                format!("`{variable}` becomes part of a shell command"),
            )
            .label("spliced into the command")
            .help(format!(
                "hand it over as data: `env: {{VALUE: \"{variable}\"}}`, and `\"$VALUE\"` in the command"
            ))
            .through(command.text.origin.as_ref()),
        );
    }
}

/// The variable, and its place.
fn spliced(subject: &Subject<'_>, text: &Text) -> Option<(Span, String)> {
    let written = subject.sources.slice(text.span);
    let direct = written.match_indices("${").find_map(|(at, _)| {
        let rest = &written[at..];
        let end = rest.find('}')? + 1;
        // the text of a whole buildspec stands where each of its commands stands
        let mine = !written.contains("phases") || text.value.contains(&rest[..end]);
        (mine && from_outside(&rest[..end]))
            .then(|| (text.span.part(at, at + end), rest[..end].to_owned()))
    });
    if direct.is_some() {
        return direct;
    }
    let mut step = text.origin.as_ref();
    while let Some(origin) = step {
        if from_outside(&origin.what) {
            return Some((text.span, origin.what.clone()));
        }
        step = origin.from.as_ref();
    }
    None
}

/// Whether it is a variable of one of the sources outside the file: `${ssm:…}`, `${ssm(eu-west-1):…}`.
fn from_outside(variable: &str) -> bool {
    let Some(inside) = variable.strip_prefix("${") else {
        return false;
    };
    let inside = inside.trim_start();
    advice().shell_variable_sources.iter().any(|source| {
        inside.strip_prefix(source.as_str()).is_some_and(|rest| {
            let shell = [":-", ":=", ":+", ":?"]
                .iter()
                .any(|begin| rest.starts_with(begin));
            !shell && (rest.starts_with(':') || rest.starts_with('('))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::from_outside;

    #[test]
    fn variables_of_the_shell_and_of_the_file_are_none() {
        for text in [
            "${ssm:/a}",
            "${ssm(eu-west-1):/a}",
            "${env:HOME}",
            "${param:x, 'y'}",
            "${git:branch}",
        ] {
            assert!(from_outside(text), "{text}");
        }
        for text in [
            "${env:-x}",
            "${self:custom.x}",
            "${HOME}",
            "${sls:stage}",
            "${ssm}",
            "${aws:region}",
            "${environment:x}",
        ] {
            assert!(!from_outside(text), "{text}");
        }
    }
}
