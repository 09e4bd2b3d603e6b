//! Names of environment variables of projects.

use std::collections::HashMap;

use super::parts;
use crate::catalog::codebuild::codebuild;
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::{Project, Text, VariableKind};

pub(super) const RULE: Rule = Rule {
    code: "project-variable",
    severity: Severity::Error,
    summary: "an environment variable of a project has a name that is kept, taken, or of no use in a shell",
    why: "Names that begin with CODEBUILD_ are CodeBuild's own. A name that is given twice has one value only, and which \
          of the two is not said anywhere. A shell reads names of letters, digits and underscores that begin with no \
          digit. A parameter without a name is found nowhere: a warning.",
    aws: "",
    wrong: "- build:\n    env:\n      CODEBUILD_MODE: fast\n    run: make",
    right: "- build:\n    env:\n      BUILD_MODE: fast\n    run: make",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html",
    facts: &["P28"],
    check,
};

/// Characters that a value may have when a build starts, as an answer of AWS once said.
const LONG: usize = 4096;

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for project in parts::made(subject) {
        let mut seen: HashMap<&str, &Text> = HashMap::new();
        for (index, variable) in project.environment.iter().enumerate() {
            let name = &variable.name;
            let first = seen.get(name.value.as_str()).copied();
            one(project, index, name, first, diagnostics);
            seen.entry(&name.value).or_insert(name);
            let value = &variable.value;
            if variable.kind == VariableKind::ParameterStore
                && value.known
                && value.value.is_empty()
            {
                diagnostics.push(
                    RULE.doubtful(
                        value.span,
                        place(project, index, name),
                        format!("`{}` names no parameter", name.value),
                    )
                    .through(value.origin.as_ref())
                    .label("nothing here")
                    .help("give the name of a parameter, such as `/shop/name`"),
                );
            }
            let length = value.value.chars().count();
            if variable.kind == VariableKind::Plaintext && value.known && length > LONG {
                diagnostics.push(
                    RULE.doubtful(
                        value.span,
                        place(project, index, name),
                        format!("the value of `{}` has {length} characters; CodeBuild takes {LONG} when a build starts", name.value),
                    )
                    .through(value.origin.as_ref())
                    .label(format!("{} characters too many", length - LONG))
                    .help("keep it in a file of the source, or in Parameter Store"),
                );
            }
        }
    }
}

fn place(project: &Project, index: usize, name: &Text) -> String {
    if project.raw {
        parts::place(
            project,
            &format!("environment.environmentVariables[{index}].name"),
        )
    } else {
        parts::place(project, &format!("env.{}", name.value))
    }
}

fn one(
    project: &Project,
    index: usize,
    name: &Text,
    first: Option<&Text>,
    diagnostics: &mut Diagnostics,
) {
    if !name.known {
        return;
    }
    let word = &name.value;
    let place = place(project, index, name);
    let prefix = &codebuild().environment.reserved_variable_prefix;
    let finding = if word.is_empty() {
        RULE.finding(name.span, place, "an environment variable needs a name")
            .label("nothing here")
            .help("give it a name")
    } else if let Some(rest) = word.strip_prefix(prefix.as_str()) {
        let finding = RULE
            .finding(
                name.span,
                place,
                format!("`{word}` begins with {prefix}, which CodeBuild keeps for itself"),
            )
            .label("reserved name");
        if rest.is_empty() {
            finding.help("take another name")
        } else {
            finding.help(format!("take another name, such as `BUILD_{rest}`"))
        }
    } else if let Some(first) = first {
        RULE.doubtful(
            name.span,
            place,
            format!("the environment variable `{word}` is given twice"),
        )
        .label("again here")
        .related(first.span, "first here")
        .help("keep one of the two")
    } else if let Some(wrong) = fields::unshellable(word) {
        RULE.doubtful(
            name.span,
            place,
            format!("no shell reads an environment variable called `{word}`"),
        )
        .label(wrong)
        .help(fields::SHELL_NAME)
    } else {
        return;
    };
    diagnostics.push(finding.through(name.origin.as_ref()));
}
