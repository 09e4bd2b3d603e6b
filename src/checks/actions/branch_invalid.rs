//! A branch has a name that git takes.

use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::model::Text;

use super::form;

pub(super) const RULE: Rule = Rule {
    code: "branch-invalid",
    severity: Severity::Error,
    summary: "a source follows a branch that cannot exist",
    why: "A source follows one branch by its name, without refs/heads/ and without patterns. No branch of git has a \
          space, a control character, two points in a row or one of ~ ^ : ? * [ \\ in its name. AWS takes the pipeline, \
          and the source fails. Which branches start the pipeline can be given as patterns in a trigger.",
    aws: "",
    wrong: "source:\n  codecommit: shop\n  branch: feature/*",
    right: "source:\n  codecommit: shop\n  branch: main",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-filter.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for step in flow::all_steps(subject.model) {
        if step.action.category.value != "Source" || step.kind().is_none() {
            continue;
        }
        for key in ["BranchName", "Branch"] {
            if let Some(text) = step.configuration(key)
                && form::fixed(text)
                && !text.value.is_empty()
            {
                diagnostics.extend(one(subject, &step, key, text));
            }
        }
    }
}

fn one(subject: &Subject<'_>, step: &Step<'_>, key: &str, text: &Text) -> Option<Diagnostic> {
    let name = text.value.as_str();
    let path = step.path(key);
    let connection = step
        .kind()
        .is_some_and(|kind| kind.id == "source-connection");
    let wrong = name.char_indices().find(|(_, c)| {
        c.is_whitespace() || c.is_control() || matches!(c, '~' | '^' | ':' | '?' | '*' | '[' | '\\')
    });
    if let Some((at, character)) = wrong {
        let pattern = matches!(character, '*' | '?' | '[');
        let span = subject.part(text, at, at + character.len_utf8());
        let message = format!("no branch is called `{}`", form::short(name));
        // spaces are most often those of a placeholder, which AWS takes
        let finding = match character.is_whitespace() {
            true => RULE.doubtful(span, path, message),
            false => RULE.finding(span, path, message),
        };
        let finding = finding
            .label(if pattern {
                "a pattern"
            } else {
                "not in a branch's name"
            })
            .through(text.origin.as_ref());
        return Some(match pattern {
            true if connection => finding.help(
                "give one branch here, and the pattern to a trigger: `triggers: {push: {branches: …}}`",
            ),
            _ => finding.help("give the name of one branch"),
        });
    }
    let shape = name.contains("..")
        || name.contains("//")
        || name.contains("@{")
        || name.starts_with('/')
        || name.ends_with(['/', '.'])
        || name.ends_with(".lock");
    if shape {
        return Some(
            RULE.finding(
                text.span,
                path,
                format!("no branch is called `{}`", form::short(name)),
            )
            .label("not a branch's name")
            .help("give the name of one branch")
            .through(text.origin.as_ref()),
        );
    }
    let plain = name.strip_prefix("refs/heads/")?;
    Some(
        RULE.doubtful(
            text.span,
            path,
            format!("the branch is given as `{}`", form::short(name)),
        )
        .label("more than its name")
        .help(format!("write `{plain}`"))
        .through(text.origin.as_ref()),
    )
}
