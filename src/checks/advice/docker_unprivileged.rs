//! Docker in a build without privileged mode.

use super::builds;
use super::docker;
use crate::catalog::codebuild;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::Project;
use crate::tree::{Data, Node};

pub(super) const RULE: Rule = Rule {
    code: "docker-unprivileged",
    severity: Severity::Warning,
    summary: "a build uses docker, and its project is not privileged",
    why: "The docker daemon runs inside of the build container, and for that the container needs privileged mode. \
          Without it the build starts, and its first docker command fails.",
    aws: "Cannot connect to the Docker daemon at unix:/var/run/docker.sock. Is the docker daemon running?",
    wrong: "- build: docker build -t shop .",
    right: "- build:\n    run: docker build -t shop .\n    privileged: true",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/troubleshooting.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for project in &subject.model.projects {
        if !lacks_the_daemon(project) {
            continue;
        }
        let Some(commands) = builds::commands(subject, project) else {
            continue;
        };
        let Some((command, range)) = commands
            .iter()
            .find_map(|command| Some((command, docker::used(&command.text.value)?)))
        else {
            continue;
        };
        let text = &command.text;
        let help = if project.raw {
            "write `privilegedMode: true` into `environment`, or give it a `dockerServer`"
        } else {
            "write `privileged: true` at this build"
        };
        let finding = RULE
            .finding(
                builds::place(subject, text, range.start, range.end),
                command.path.clone(),
                format!(
                    "`{}` runs docker without privileged mode",
                    project.name.value
                ),
            )
            .label("needs the docker daemon")
            .help(help)
            .through(text.origin.as_ref());
        let switch = project
            .definition
            .get("environment")
            .and_then(|environment| environment.get("privilegedMode"))
            .filter(|_| project.raw)
            .map(|node| node.span);
        let elsewhere = text.span.file != project.span.file;
        diagnostics.push(match switch {
            Some(span) => finding.related(span, "not privileged"),
            None if elsewhere => finding.related(project.span, "run here, not privileged"),
            None => finding,
        });
    }
}

/// Whether the project certainly has no docker daemon where it could have one.
fn lacks_the_daemon(project: &Project) -> bool {
    let Some(environment) = project.definition.get("environment") else {
        return false;
    };
    let kind = environment
        .get("type")
        .and_then(Node::as_str)
        .unwrap_or_default();
    let possible =
        codebuild::environment_type(kind).is_some_and(|kind| kind.privileged && !kind.lambda);
    let off = environment
        .get("privilegedMode")
        .is_none_or(|node| matches!(node.data, Data::Bool(false)));
    let elsewhere = environment.get("dockerServer").is_some()
        || environment.get("fleet").is_some()
        || project
            .environment
            .iter()
            .any(|variable| variable.name.value == "DOCKER_HOST");
    // the builds of a batch may say otherwise, each for itself
    possible && off && !elsewhere && !project.batch && project.api.is_none()
}
