//! A text that strangers write reaches a shell.

use super::builds;
use crate::catalog::advice::advice;
use crate::checks::flow;
use crate::checks::references::references;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::Text;

pub(super) const RULE: Rule = Rule {
    code: "command-injection",
    severity: Severity::Warning,
    summary: "a run-time variable whose text anybody can write becomes part of a command",
    why: "CodePipeline replaces `#{…}` before the shell sees the command. The message of a commit, the title of a pull \
          request, the name of a branch or of an author are written by whoever opens a pull request: \
          `$(curl … | sh)` in a commit message then runs with the role of the pipeline.\n\n\
          As an environment variable the text is data; in double quotes the shell leaves it alone.",
    aws: "",
    wrong: "- definition:\n    name: Notify\n    actionTypeId: {category: Compute, owner: AWS, provider: Commands, version: \"1\"}\n    \
            commands: ['./notify.sh \"#{SourceVariables.CommitMessage}\"']",
    right: "- commands:\n    run: ./notify.sh \"$MESSAGE\"\n    env:\n      MESSAGE: '#{SourceVariables.CommitMessage}'",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for command in builds::direct_commands(subject.model) {
        one(subject, &command.text, &command.path, diagnostics);
    }
    for step in flow::all_steps(subject.model) {
        if let Some(text) = step.configuration("BuildspecOverride") {
            one(
                subject,
                text,
                &step.path("configuration.BuildspecOverride"),
                diagnostics,
            );
        }
    }
}

fn one(subject: &Subject<'_>, text: &Text, path: &str, diagnostics: &mut Diagnostics) {
    let keys = &advice().foreign_variables.keys;
    let foreign = references(text)
        .into_iter()
        .filter(|reference| keys.iter().any(|key| key == reference.key));
    for reference in foreign {
        let variable = &text.value[reference.start..reference.end];
        diagnostics.push(
            RULE.finding(
                builds::place(subject, text, reference.start, reference.end),
                path,
                format!("`{variable}` becomes part of a shell command, and strangers write its text"),
            )
            .label("becomes part of the command")
            .help(format!(
                "hand it over as data: an environment variable of the action with the value `{variable}`, and \
                 `\"$NAME\"` in the command"
            ))
            .through(text.origin.as_ref()),
        );
    }
}
