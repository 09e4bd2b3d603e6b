//! What a file system needs.

use super::parts;
use crate::catalog::codebuild;
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "project-file-system",
    severity: Severity::Warning,
    summary: "a project mounts a file system that its builds cannot reach",
    why: "A file system of EFS is mounted over the network of a VPC, by a build in privileged mode. Its location is the \
          DNS name of the file system, a colon and a folder.",
    aws: "",
    wrong: "- build:\n    fileSystems:\n      identifier: data\n      location: fs-0123456789abcdef0.efs.eu-west-1.amazonaws.com:/\n      mountPoint: /mnt/data\n    run: make",
    right: "- build:\n    privileged: true\n    vpc: {id: vpc-1, subnets: [subnet-1], securityGroups: [sg-1]}\n    fileSystems:\n      identifier: data\n      location: fs-0123456789abcdef0.efs.eu-west-1.amazonaws.com:/\n      mountPoint: /mnt/data\n    run: make",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/sample-efs.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for project in parts::made(subject) {
        let definition = &project.definition;
        let list = fields::items(definition, "fileSystemLocations");
        let Some(first) = list.first() else {
            continue;
        };
        // what Lambda compute cannot have at all another rule tells
        let lambda = fields::word(definition, "environment.type")
            .and_then(codebuild::environment_type)
            .is_some_and(|kind| kind.lambda);
        if lambda {
            continue;
        }
        let vpc = fields::get(definition, "vpcConfig").is_some()
            || fields::get(definition, "environment.fleet").is_some();
        let privileged = match fields::get(definition, "environment.privilegedMode") {
            Some(_) => fields::flag(definition, "environment.privilegedMode") != Some(false),
            None => false,
        };
        let missing: Vec<String> = [
            ("vpcConfig", vpc),
            ("environment.privilegedMode", privileged),
        ]
        .into_iter()
        .filter(|(_, there)| !there)
        .map(|(member, _)| {
            let word = parts::called(project, member);
            let word = word.rsplit('.').next().unwrap_or(word);
            if word.starts_with("privileged") {
                format!("`{word}: true`")
            } else {
                format!("`{word}`")
            }
        })
        .collect();
        if !missing.is_empty() {
            diagnostics.push(
                parts::finding(
                    &RULE,
                    project,
                    "fileSystemLocations",
                    first,
                    "the builds cannot mount a file system".to_owned(),
                )
                .label("mounted here")
                .perhaps_related(
                    fields::get(definition, "environment.privilegedMode")
                        .filter(|node| !privileged && node.span != project.span)
                        .map(|node| node.span),
                    "not privileged",
                )
                .help(format!("add {}", missing.join(" and "))),
            );
        }
        for (index, item) in list.iter().enumerate() {
            let mount = fields::get(item, "mountPoint")
                .filter(|node| fields::known(node).is_some_and(|text| !text.starts_with('/')));
            if let Some(mount) = mount {
                let path = fields::known(mount).unwrap_or_default();
                diagnostics.push(
                    parts::finding(
                        &RULE,
                        project,
                        &format!("fileSystemLocations[{index}].mountPoint"),
                        mount,
                        format!("`{path}` is no absolute path"),
                    )
                    .label("no slash before it")
                    .help(format!("write `/{path}`")),
                );
            }
            let location = fields::get(item, "location")
                .filter(|node| fields::known(node).is_some_and(|text| !text.contains(":/")));
            if let Some(location) = location {
                diagnostics.push(
                    parts::finding(
                        &RULE,
                        project,
                        &format!("fileSystemLocations[{index}].location"),
                        location,
                        "the location of a file system names a folder, too".to_owned(),
                    )
                    .label("no folder behind it")
                    .help(format!(
                        "write `{}:/`",
                        fields::known(location)
                            .unwrap_or_default()
                            .trim_end_matches(':')
                    )),
                );
            }
        }
    }
}
