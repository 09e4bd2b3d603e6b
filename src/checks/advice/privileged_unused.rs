//! Privileged mode in a build that does not use docker.

use std::collections::BTreeMap;

use super::builds;
use super::docker;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::Project;
use crate::source::Span;
use crate::tree::{Data, Node};

pub(super) const RULE: Rule = Rule {
    code: "privileged-unused",
    severity: Severity::Warning,
    summary: "a project is privileged, and none of its commands needs that",
    why: "Privileged mode is for the docker daemon inside of the build. It also lets every command of the build, and \
          every package that it installs, at the devices of its host. A build without docker is better off without it.",
    aws: "",
    wrong: "- unit:\n    run: pytest\n    privileged: true",
    right: "- unit:\n    run: pytest",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/create-project.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    // several projects may have it from one place, such as `defaults`
    let mut places: BTreeMap<Span, Vec<&Project>> = BTreeMap::new();
    for project in &subject.model.projects {
        let switch = project
            .definition
            .get("environment")
            .and_then(|environment| environment.get("privilegedMode"))
            .filter(|node| matches!(node.data, Data::Bool(true)));
        if let Some(switch) = switch {
            places.entry(switch.span).or_default().push(project);
        }
    }
    for (span, projects) in places {
        if !projects.iter().all(|project| unused(subject, project)) {
            continue;
        }
        let [first, rest @ ..] = &projects[..] else {
            continue;
        };
        let who = match rest {
            [] => format!("`{}` is", first.name.value),
            [second] => format!("`{}` and `{}` are", first.name.value, second.name.value),
            more => format!("`{}` and {} more are", first.name.value, more.len()),
        };
        let key = if first.raw {
            "environment.privilegedMode"
        } else {
            "privileged"
        };
        diagnostics.push(
            RULE.finding(
                span,
                format!("{}.{key}", first.path),
                format!("{who} privileged, and no command there uses docker"),
            )
            .label("privileged")
            .help(format!(
                "leave `{}` out",
                key.rsplit('.').next().unwrap_or(key)
            )),
        );
    }
}

fn unused(subject: &Subject<'_>, project: &Project) -> bool {
    let definition = &project.definition;
    // file systems need privileged mode, and so does the cache of docker's layers
    let needed = definition.get("fileSystemLocations").is_some()
        || definition
            .get("cache")
            .and_then(|cache| cache.get("modes"))
            .and_then(Node::as_list)
            .is_some_and(|modes| {
                modes
                    .iter()
                    .any(|mode| mode.as_str() != Some("LOCAL_CUSTOM_CACHE"))
            });
    if needed || project.batch || project.api.is_some() {
        return false;
    }
    builds::commands(subject, project).is_some_and(|commands| {
        !commands.is_empty()
            && commands
                .iter()
                .all(|command| command.text.known && docker::surely_unused(&command.text.value))
    })
}
