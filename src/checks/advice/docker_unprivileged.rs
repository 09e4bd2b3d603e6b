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
    summary: "a build uses docker, and its project is not privileged or its machine has no docker",
    why: "The docker daemon runs inside of the build container, and for that the container needs privileged mode. \
          Without it the build starts, and its first docker command fails. Lambda compute and Windows have no \
          privileged mode, and no docker.",
    aws: "Cannot connect to the Docker daemon at unix:/var/run/docker.sock. Is the docker daemon running?",
    wrong: "- build: docker build -t shop .",
    right: "- build:\n    run: docker build -t shop .\n    privileged: true",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/troubleshooting.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for project in &subject.model.projects {
        let Some(lack) = lacks_the_daemon(project) else {
            continue;
        };
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
        let name = &project.name.value;
        let (message, help) = match lack {
            Lack::Privilege => (
                format!("`{name}` runs docker without privileged mode"),
                if project.raw {
                    "write `privilegedMode: true` into `environment`, or give it a `dockerServer`"
                } else {
                    "write `privileged: true` at this build"
                },
            ),
            Lack::Machine(machine) => (
                format!("`{name}` runs docker on {machine}, which has no docker daemon"),
                if project.raw {
                    "take `LINUX_CONTAINER` or `ARM_CONTAINER`, with `privilegedMode: true`"
                } else {
                    "take `os: linux` or `os: arm`, with `privileged: true`"
                },
            ),
        };
        let finding = RULE
            .finding(
                builds::place(subject, text, range.start, range.end),
                command.path.clone(),
                message,
            )
            .label("needs the docker daemon")
            .help(help)
            .through(text.origin.as_ref());
        let (member, words) = match lack {
            Lack::Privilege => ("privilegedMode", "not privileged"),
            Lack::Machine(_) => ("type", "the machine"),
        };
        let environment = project.definition.get("environment");
        let switch = environment
            .and_then(|environment| environment.get(member))
            .map(|node| node.span)
            .filter(|span| project.raw || lack != Lack::Privilege && *span != project.span);
        let elsewhere = text.span.file != project.span.file;
        diagnostics.push(match switch {
            Some(span) => finding.related(span, words),
            None if elsewhere => finding.related(project.span, format!("run here, {words}")),
            None => finding,
        });
    }
}

/// Why a project has no docker daemon.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lack {
    /// It could have one in privileged mode.
    Privilege,
    /// Its machine never has one.
    Machine(&'static str),
}

/// Why the project certainly has no docker daemon.
fn lacks_the_daemon(project: &Project) -> Option<Lack> {
    let environment = project.definition.get("environment")?;
    let kind = environment.get("type").and_then(Node::as_str)?;
    let kind = codebuild::environment_type(kind)?;
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
    if elsewhere || project.batch || project.api.is_some() {
        return None;
    }
    match kind.platform.as_str() {
        _ if kind.lambda => Some(Lack::Machine("Lambda compute")),
        // that there is no privileged mode has a rule of its own
        "windows" if off => Some(Lack::Machine("Windows")),
        _ if kind.privileged && off => Some(Lack::Privilege),
        _ => None,
    }
}
