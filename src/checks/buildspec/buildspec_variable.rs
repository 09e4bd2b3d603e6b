//! Names of variables in a buildspec, and which of them are handed on.

use super::spec::{self, Form, Spec};
use crate::catalog::buildspec::buildspec;
use crate::catalog::codebuild::codebuild;
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::VariableKind;
use crate::source::Span;
use crate::tree::Node;

pub(super) const NAME: Rule = Rule {
    code: "buildspec-variable",
    severity: Severity::Error,
    summary: "a variable of a buildspec has a name that is kept, taken, or of no use in a shell",
    why: "Names that begin with CODEBUILD_ are CodeBuild's own. A name that stands both under `variables` and under \
          `parameter-store` or `secrets-manager` has one value only, and which of the two is not said anywhere.",
    aws: "",
    wrong: "env:\n  variables:\n    CODEBUILD_MODE: fast",
    right: "env:\n  variables:\n    BUILD_MODE: fast",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html",
    facts: &[],
    check: names,
};

pub(super) const EXPORT: Rule = Rule {
    code: "buildspec-export",
    severity: Severity::Error,
    summary: "a build hands on a variable that cannot be handed on",
    why: "Exported variables become output variables of the action. Those whose names begin with AWS_ cannot be \
          exported, and neither can those that the project takes from Parameter Store or Secrets Manager: a pipeline \
          shows its variables to everybody who may see it.",
    aws: "",
    wrong: "- build:\n    run: export AWS_TAG=1\n    exports: [AWS_TAG]",
    right: "- build:\n    run: export IMAGE_TAG=1\n    exports: [IMAGE_TAG]",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html",
    facts: &[],
    check: exports,
};

const KINDS: [&str; 3] = ["variables", "parameter-store", "secrets-manager"];

fn names(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let prefix = &codebuild().environment.reserved_variable_prefix;
    for spec in spec::specs(subject) {
        let mut seen: Vec<(&str, Span)> = Vec::new();
        for kind in KINDS {
            let entries = fields::get(&spec.root, &format!("env.{kind}"))
                .and_then(Node::as_map)
                .unwrap_or_default();
            for entry in entries {
                let name = entry.key.as_str();
                let path = format!("env.{kind}.{name}");
                let span = entry.key_span;
                if let Some(rest) = name.strip_prefix(prefix.as_str()) {
                    let finding = spec
                        .finding(
                            &NAME,
                            span,
                            &path,
                            format!(
                                "`{name}` begins with {prefix}, which CodeBuild keeps for itself"
                            ),
                        )
                        .label("reserved name");
                    diagnostics
                        .push(finding.help(format!("take another name, such as `BUILD_{rest}`")));
                } else if let Some((_, first)) = seen.iter().find(|(other, _)| *other == name) {
                    diagnostics.push(
                        spec.doubtful(
                            &NAME,
                            span,
                            &path,
                            format!("the variable `{name}` is given twice"),
                        )
                        .label("again here")
                        .related(*first, "first here")
                        .help("keep one of the two"),
                    );
                } else if let Some(wrong) = fields::unshellable(name) {
                    diagnostics.push(
                        spec.doubtful(
                            &NAME,
                            span,
                            &path,
                            format!("no shell reads a variable called `{name}`"),
                        )
                        .label(wrong)
                        .help(fields::SHELL_NAME),
                    );
                }
                seen.push((name, span));
            }
        }
    }
}

fn exports(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for spec in spec::specs(subject) {
        let mut seen: Vec<(&str, Span)> = Vec::new();
        let list = fields::items(&spec.root, "env.exported-variables");
        for (index, node) in list.iter().enumerate() {
            let Some(name) = fields::known(node) else {
                continue;
            };
            let first = seen
                .iter()
                .find(|(other, _)| *other == name)
                .map(|(_, span)| *span);
            export(&spec, index, name, node, first, diagnostics);
            seen.push((name, node.span));
        }
    }
}

fn export(
    spec: &Spec<'_>,
    index: usize,
    name: &str,
    node: &Node,
    first: Option<Span>,
    diagnostics: &mut Diagnostics,
) {
    let path = if spec.form == Form::Made {
        format!("exports[{index}]")
    } else {
        format!("env.exported-variables[{index}]")
    };
    let rules = &buildspec().exported_variables;
    let forbidden = rules
        .forbidden_prefixes
        .iter()
        .find(|prefix| name.starts_with(prefix.as_str()));
    let secret = spec.projects.iter().find_map(|project| {
        project.environment.iter().find(|variable| {
            variable.name.value == name && variable.kind != VariableKind::Plaintext
        })
    });
    let finding = if let Some(prefix) = forbidden {
        spec.finding(
            &EXPORT,
            node.span,
            &path,
            format!("variables that begin with {prefix} cannot be exported"),
        )
        .label("reserved name")
        .help(format!(
            "export it under another name: `{0}=\"${name}\"` in the commands, and `{0}` here",
            name.trim_start_matches(prefix.as_str())
        ))
    } else if let Some(variable) = secret {
        let from = if variable.kind == VariableKind::ParameterStore {
            "Parameter Store"
        } else {
            "Secrets Manager"
        };
        spec.finding(
            &EXPORT,
            node.span,
            &path,
            format!("the project takes `{name}` from {from}: it cannot be exported"),
        )
        .label("exported here")
        .related(variable.name.span, "taken here")
        .help("leave it out: let the action that needs it take it itself")
    } else if let Some(first) = first {
        spec.doubtful(
            &EXPORT,
            node.span,
            &path,
            format!("`{name}` is exported twice"),
        )
        .label("again here")
        .related(first, "first here")
        .help("remove one of the two")
    } else if let Some(wrong) = fields::unshellable(name) {
        let bare = name
            .trim_start_matches('$')
            .trim_matches(|c| matches!(c, '{' | '}'));
        let finding = spec.doubtful(
            &EXPORT,
            node.span,
            &path,
            format!("no shell sets a variable called `{name}`"),
        );
        if bare != name && fields::unshellable(bare).is_none() {
            finding
                .label("more than the name")
                .help(format!("write `{bare}`"))
        } else {
            finding.label(wrong).help(fields::SHELL_NAME)
        }
    } else {
        return;
    };
    diagnostics.push(finding.through(node.origin.as_ref()));
}
