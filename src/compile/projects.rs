//! CodeBuild projects as the API creates them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::json::{self, Object, Secrets};
use super::logs::Logs;
use super::permissions;
use super::roles::{Ask, Roles};
use super::{Output, Run, buildspec, names};
use crate::catalog::iam::Role;
use crate::model::{Buildspec, Given, MadeRole, Project, Purpose, VariableKind};
use crate::resources::{Id, Kind, Resource};

/// Projects as resources.
pub(super) fn compile(run: &Run<'_>, roles: &mut Roles, logs: &mut Logs, out: &mut Output<'_>) {
    for project in run
        .model
        .projects
        .iter()
        .filter(|project| !project.existing)
    {
        let region = run.region_of(project).to_owned();
        let mut secrets = Secrets::new();
        let mut body = json::node(&project.definition, "", &mut secrets);
        let tags = take_tags(&mut body);
        let mut depends: Vec<Id> = Vec::new();
        if !project.raw {
            complete(run, project, &region, logs, &mut body, &mut depends);
        }
        if let Some(group) = &project.log_group {
            depends.push(logs.made(project, group, &region, out));
        }
        if let Some(api) = &project.api {
            json::merge(&mut body, json::node(api, "", &mut secrets));
        }
        let role = role(run, project, &region, &body, roles);
        if body["serviceRole"].as_str().is_none() {
            set(&mut body, "serviceRole", Value::from(role.clone()));
        }
        depends.extend(roles.id(run.facts, &role));
        batch(run, project, &region, &mut body, &mut depends, roles, out);
        permissions::build(run, project, &role, &body, roles, out);
        let id = Id::new(Kind::Project, region, project.name.value.clone());
        let mut resource = Resource::new(id, body);
        resource.secrets = secrets;
        resource.tags = tags;
        resource.depends = depends;
        out.add(resource);
    }
}

pub(super) fn set(body: &mut Value, key: &str, value: Value) {
    if let Some(map) = body.as_object_mut() {
        map.insert(key.to_owned(), value);
    }
}

/// The tags of a definition: they are sent with the project, and kept beside it here.
fn take_tags(body: &mut Value) -> BTreeMap<String, String> {
    let tags = body.as_object_mut().and_then(|map| map.remove("tags"));
    let list = tags.as_ref().and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(|tag| {
            let (key, value) = (tag["key"].as_str()?, tag["value"].as_str()?);
            Some((key.to_owned(), value.to_owned()))
        })
        .collect()
}

/// Fills in what a friendly project leaves to the compiler.
fn complete(
    run: &Run<'_>,
    project: &Project,
    region: &str,
    logs: &mut Logs,
    body: &mut Value,
    depends: &mut Vec<Id>,
) {
    let written = match &project.buildspec {
        Buildspec::Default => None,
        Buildspec::Path(path) => Some(path.value.clone()),
        // what is a text in the file stays as it is there
        Buildspec::Inline(_) if body["source"]["buildspec"].is_string() => None,
        Buildspec::Inline(node) => Some(buildspec::text(node)),
    };
    if let Some(written) = written {
        let mut source = body["source"].take();
        if !source.is_object() {
            source = json!({});
        }
        set(&mut source, "buildspec", Value::from(written));
        set(body, "source", source);
    }
    if body.get("logsConfig").is_none() {
        let group = logs.ask(run.model, region);
        let config = json!({
            "cloudWatchLogs": {
                "status": "ENABLED",
                "groupName": group.name,
                "streamName": project.name.value,
            },
        });
        depends.push(group);
        set(body, "logsConfig", config);
    }
    if body.get("encryptionKey").is_none() {
        // without it the build would encrypt what it hands on with AWS's key, which another account cannot use
        let key = run
            .pipelines_of(project)
            .into_iter()
            .find_map(|at| run.stores[at].by_region.get(region)?.key.clone());
        if let Some(key) = key {
            set(body, "encryptionKey", Value::from(key));
        }
    }
}

/// The ARN of the role of a project's builds.
fn role(run: &Run<'_>, project: &Project, region: &str, body: &Value, roles: &mut Roles) -> String {
    let facts = run.facts;
    if let Some(given) = body["serviceRole"].as_str() {
        return given.to_owned();
    }
    let own = project.purpose == Purpose::SelfUpdate;
    // what updates the pipeline does it with a role of its own, whatever other builds share
    let shared = run.model.provider.build_role.as_ref().filter(|_| !own);
    let said = project.role.as_ref().or(shared);
    let made: Option<&MadeRole> = match said {
        Some(Given::Existing(role)) => return facts.given_role(role),
        Some(Given::Made(made)) => Some(made),
        None => None,
    };
    let named = made.and_then(|made| made.name.as_ref());
    let name = named.map_or_else(
        || names::role(&project.name.value, "build", region),
        |name| name.value.clone(),
    );
    let description = match named {
        Some(_) => format!("Runs builds of {}", run.model.service.value),
        None => format!("Runs the builds of {}", project.name.value),
    };
    let ask = Ask {
        kind: Role::Build,
        name,
        self_update: own,
        description,
        of: &project.name.value,
        region,
        made,
        span: project.span,
        path: project.path.clone(),
    };
    roles.ask(facts, ask)
}

/// Batches start builds with a role of their own.
fn batch(
    run: &Run<'_>,
    project: &Project,
    region: &str,
    body: &mut Value,
    depends: &mut Vec<Id>,
    roles: &mut Roles,
    out: &mut Output<'_>,
) {
    if project.raw || !project.batch || body["buildBatchConfig"]["serviceRole"].is_string() {
        return;
    }
    let ask = Ask {
        kind: Role::Batch,
        name: names::role(&project.name.value, "batch", region),
        self_update: false,
        description: format!("Runs the batches of {}", project.name.value),
        of: &project.name.value,
        region,
        made: None,
        span: project.span,
        path: project.path.clone(),
    };
    let arn = roles.ask(run.facts, ask);
    permissions::batch(run, project, &arn, roles, out);
    depends.extend(roles.id(run.facts, &arn));
    let mut config = Object::new();
    config.set("serviceRole", arn);
    let mut config = config.done();
    json::merge(&mut config, body["buildBatchConfig"].take());
    set(body, "buildBatchConfig", config);
}

/// An ECR repository that a build pulls from; account and region are the build's where none is said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Image {
    pub(super) account: Option<String>,
    pub(super) region: Option<String>,
    pub(super) repository: String,
}

/// The ECR repositories a build pulls from and pushes to.
#[derive(Debug, Default)]
pub(super) struct Images {
    pub(super) pull: BTreeSet<Image>,
    pub(super) push: BTreeSet<Image>,
}

/// What a build does with ECR: its own image, and what its commands say.
pub(super) fn images(project: &Project, definition: &Value) -> Images {
    let mut images = Images::default();
    let environment = &definition["environment"];
    if environment["imagePullCredentialsType"].as_str() == Some("SERVICE_ROLE") {
        let image = environment["image"].as_str().unwrap_or_default();
        images.pull.extend(repository(image));
    }
    let variables: BTreeMap<&str, &str> = project
        .environment
        .iter()
        .filter(|variable| variable.kind == VariableKind::Plaintext)
        .map(|variable| (variable.name.value.as_str(), variable.value.value.as_str()))
        .collect();
    let is_push = |command: &str| {
        command.contains("docker push")
            || (command.contains("docker buildx") && command.contains("--push"))
    };
    let pushes = project.commands.iter().any(|c| is_push(&c.value));
    let logs_in = project
        .commands
        .iter()
        .any(|c| c.value.contains("ecr get-login"));
    if !logs_in && !pushes {
        return images;
    }
    let mut named: BTreeSet<Image> = variables
        .values()
        .flat_map(|value| repositories(&expand(value, &variables)))
        .collect();
    for command in &project.commands {
        let found = repositories(&expand(&command.value, &variables));
        if is_push(&command.value) {
            images.push.extend(found.iter().cloned());
        }
        named.extend(found);
    }
    let anything = || Image {
        account: None,
        region: None,
        repository: "*".to_owned(),
    };
    if pushes && images.push.is_empty() {
        // which one is not seen here: each that is named, else any
        images.push = std::mem::take(&mut named);
        if images.push.is_empty() && logs_in {
            images.push.insert(anything());
        }
    }
    images.pull.extend(named);
    // whoever may push may pull
    images.pull.retain(|image| !images.push.contains(image));
    if !pushes && images.pull.is_empty() {
        images.pull.insert(anything());
    }
    images
}

/// Puts the values of plain variables in place of `$NAME` and `${NAME}`; what is not known becomes `*`.
fn expand(text: &str, variables: &BTreeMap<&str, &str>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let braced = rest.starts_with('{');
        let inner = if braced { &rest[1..] } else { rest };
        let length = inner
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(inner.len());
        let name = &inner[..length];
        out.push_str(variables.get(name).copied().unwrap_or("*"));
        rest = if braced {
            inner.split_once('}').map_or("", |(_, rest)| rest)
        } else {
            &inner[length..]
        };
    }
    out.push_str(rest);
    out
}

/// The repositories of all ECR addresses in a text.
fn repositories(text: &str) -> Vec<Image> {
    text.split(|c: char| c.is_whitespace() || "'\"=;|&()".contains(c))
        .filter_map(repository)
        .collect()
}

/// `ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY[:TAG|@DIGEST]`.
fn repository(image: &str) -> Option<Image> {
    let (registry, path) = image.split_once('/')?;
    let (account, rest) = registry.split_once(".dkr.ecr.")?;
    let region = rest.split_once(".amazonaws.com")?.0;
    let repository = path.split([':', '@']).next().unwrap_or(path);
    let known = |text: &str| (!text.contains('*')).then(|| text.to_owned());
    (!repository.is_empty()).then(|| Image {
        account: known(account),
        region: known(region),
        repository: repository.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_found_in_commands() {
        let variables = BTreeMap::from([("REPO", "api"), ("AWS_ACCOUNT_ID", "111111111111")]);
        let text = expand(
            "docker push $AWS_ACCOUNT_ID.dkr.ecr.$AWS_DEFAULT_REGION.amazonaws.com/${REPO}:$TAG",
            &variables,
        );
        assert_eq!(
            repositories(&text),
            [Image {
                account: Some("111111111111".to_owned()),
                region: None,
                repository: "api".to_owned(),
            }]
        );
    }
}
