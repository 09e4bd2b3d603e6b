//! The projects that the rules look at, and what a person calls their members.

use crate::catalog::codebuild::{EnvironmentType, codebuild};
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::Diagnostic;
use crate::model::Project;
use crate::tree::Node;

/// The projects that pipectl makes: of one that exists nothing is known.
pub(super) fn made<'a>(subject: &Subject<'a>) -> impl Iterator<Item = &'a Project> {
    subject
        .model
        .projects
        .iter()
        .filter(|project| !project.existing)
}

/// The projects that are written in the words of the API, wholly or under `api:`.
pub(super) fn raw<'a>(subject: &Subject<'a>) -> impl Iterator<Item = &'a Project> {
    made(subject).filter(|project| project.raw || project.api.is_some())
}

/// Whether a member is written in the words of the API.
pub(super) fn says(project: &Project, member: &str) -> bool {
    let api = project.api.as_ref();
    project.raw || api.is_some_and(|api| api.get(member).is_some())
}

/// Words of the pipeline file for members of the API.
const FRIENDLY: [(&str, &str); 25] = [
    ("environment.type", "os"),
    ("environment.image", "image"),
    ("environment.computeType", "compute"),
    ("environment.privilegedMode", "privileged"),
    ("environment.environmentVariables", "env"),
    ("privilegedMode", "privileged"),
    ("timeoutInMinutes", "timeout"),
    ("queuedTimeoutInMinutes", "queuedTimeout"),
    ("concurrentBuildLimit", "concurrency"),
    ("vpcConfig", "vpc"),
    ("vpcConfig.vpcId", "vpc.id"),
    ("vpcConfig.subnets", "vpc.subnets"),
    ("vpcConfig.securityGroupIds", "vpc.securityGroups"),
    ("cache.location", "cache.s3"),
    ("cache.modes", "cache.local"),
    ("cache.cacheNamespace", "cache.namespace"),
    ("logsConfig.cloudWatchLogs.groupName", "logs.name"),
    ("logsConfig.s3Logs.location", "logs.s3"),
    ("fileSystemLocations", "fileSystems"),
    ("buildBatchConfig", "batch"),
    ("buildBatchConfig.timeoutInMins", "batch.timeout"),
    ("buildBatchConfig.serviceRole", "batch.role"),
    (
        "buildBatchConfig.restrictions.maximumBuildsAllowed",
        "batch.maximum",
    ),
    (
        "buildBatchConfig.restrictions.computeTypesAllowed",
        "batch.computeTypes",
    ),
    ("logsConfig.s3Logs", "logs.s3"),
];

/// What a member is called in the form in which the person wrote the project.
pub(super) fn called<'m>(project: &Project, member: &'m str) -> &'m str {
    if project.raw {
        return member;
    }
    FRIENDLY
        .iter()
        .find(|(api, _)| *api == member)
        .map_or(member, |(_, word)| word)
}

/// The place of a member in the file's structure.
pub(super) fn place(project: &Project, member: &str) -> String {
    let Some((list, rest)) = member.split_once('[').filter(|_| !project.raw) else {
        return fields::join(&project.path, called(project, member));
    };
    // one that stands alone is no list in the file
    let alone = fields::get(&project.definition, list)
        .is_some_and(|node| matches!(node.as_list(), Some([only]) if only.span == node.span));
    let rest = match rest.split_once(']') {
        Some((_, rest)) if alone => rest.to_owned(),
        _ => format!("[{rest}"),
    };
    fields::join(&project.path, &format!("{}{rest}", called(project, list)))
}

/// A finding about a member.
pub(super) fn finding(
    rule: &Rule,
    project: &Project,
    member: &str,
    node: &Node,
    message: String,
) -> Diagnostic {
    rule.finding(node.span, place(project, member), message)
        .through(node.origin.as_ref())
}

/// The same where the fact is not certain.
pub(super) fn doubtful(
    rule: &Rule,
    project: &Project,
    member: &str,
    node: &Node,
    message: String,
) -> Diagnostic {
    rule.doubtful(node.span, place(project, member), message)
        .through(node.origin.as_ref())
}

/// Points at what says the machine, too, unless that is the same place.
pub(super) fn on_machine(
    finding: Diagnostic,
    project: &Project,
    (said, node): (&Node, &Node),
    words: &str,
) -> Diagnostic {
    if said.span == node.span || said.span == project.span {
        finding
    } else {
        finding.related(said.span, words)
    }
}

/// What the machine is called in the form in which the person wrote the project.
pub(super) fn machine(project: &Project, kind: &EnvironmentType) -> String {
    let choice = codebuild()
        .os
        .iter()
        .find(|os| os.environment_type == kind.name || os.os == "lambda" && kind.lambda);
    match choice.filter(|_| !project.raw) {
        Some(choice) => format!("`os: {}`", choice.os),
        None => format!("`{}`", kind.name),
    }
}
