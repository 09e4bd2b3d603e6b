//! Lambda compute has fewer settings.

use super::parts;
use crate::catalog::codebuild::{self, codebuild};
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::tree::{Data, Node};

pub(super) const RULE: Rule = Rule {
    code: "project-lambda",
    severity: Severity::Error,
    summary: "a project on Lambda compute has a setting that Lambda compute does not take",
    why: "A build on Lambda compute ends after 15 minutes, has no queue, no cache, no network of its own and no docker; \
          CodeBuild refuses a project that says anything about these. What `defaults` say about them is for the other \
          builds, if there are any.",
    aws: "Cannot specify queuedTimeoutInMinutes for lambda compute",
    wrong: "- unit:\n    os: lambda\n    timeout: 10m\n    run: make check",
    right: "- unit:\n    os: lambda\n    run: make check",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/lambda.html",
    facts: &["P15"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for (key, span) in &subject.model.idle_defaults {
        let path = format!("defaults.{key}");
        let message =
            format!("every build of the file is on Lambda compute, where there is no `{key}`");
        diagnostics.push(
            RULE.doubtful(*span, path, message)
                .label("of no build")
                .help("leave it out, or take another `os`"),
        );
    }
    for project in parts::made(subject) {
        let definition = &project.definition;
        let Some(at) = fields::get(definition, "environment.type") else {
            continue;
        };
        if !fields::known(at)
            .and_then(codebuild::environment_type)
            .is_some_and(|kind| kind.lambda)
        {
            continue;
        }
        for name in &codebuild().lambda.forbids {
            let inside = format!("environment.{name}");
            let member = if definition.get(name).is_some() {
                name
            } else {
                &inside
            };
            // that there is no privileged mode has a rule of its own
            let Some(node) = fields::get(definition, member)
                .filter(|node| says(node) && name != "privilegedMode")
            else {
                continue;
            };
            let word = parts::called(project, member);
            let word = word.rsplit('.').next().unwrap_or(word);
            let finding = parts::finding(
                &RULE,
                project,
                member,
                node,
                format!("`{word}` is not for Lambda compute"),
            )
            .label("not on Lambda compute");
            let finding = parts::on_machine(finding, project, (at, node), "Lambda compute");
            diagnostics.push(if name.contains("imeout") {
                finding.help(format!(
                    "leave it out: a build on Lambda compute ends after {} minutes",
                    codebuild().lambda.max_minutes
                ))
            } else {
                finding.help(if project.raw {
                    "leave it out, or take another environment type"
                } else {
                    "leave it out, or take another `os`"
                })
            });
        }
    }
}

/// Whether a value says anything: no cache, no list and `false` say the same as their absence.
fn says(node: &Node) -> bool {
    match &node.data {
        Data::Null | Data::Bool(false) | Data::Unknown(_) => false,
        Data::List(items) => !items.is_empty(),
        Data::Map(entries) => !entries.is_empty() && fields::word(node, "type") != Some("NO_CACHE"),
        // CodeBuild pulls its own images for Lambda compute as for any other
        Data::Text(text) => text != "CODEBUILD",
        _ => true,
    }
}
