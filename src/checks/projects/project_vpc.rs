//! A VPC is said whole: its id, subnets and security groups.

use super::parts;
use crate::catalog::codebuild::codebuild;
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::Project;
use crate::tree::Node;

pub(super) const RULE: Rule = Rule {
    code: "project-vpc",
    severity: Severity::Error,
    summary: "the VPC of a project is incomplete or has too many parts",
    why: "CodeBuild puts a network interface of the build into a subnet, under security groups; it needs all three of \
          the VPC's id, subnets and security groups. A project on a fleet uses the network of the fleet.",
    aws: "",
    wrong: "- build:\n    vpc:\n      id: vpc-0123456789abcdef0\n      subnets: [subnet-0123456789abcdef0]\n      securityGroups: []\n    run: make",
    right: "- build:\n    vpc:\n      id: vpc-0123456789abcdef0\n      subnets: [subnet-0123456789abcdef0]\n      securityGroups: [sg-0123456789abcdef0]\n    run: make",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/vpc-support.html",
    facts: &["P16"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let rules = &codebuild().vpc;
    for project in parts::made(subject) {
        let Some(vpc) = fields::get(&project.definition, "vpcConfig") else {
            continue;
        };
        let raw = parts::says(project, "vpcConfig");
        // an empty one takes the network away
        if vpc.as_map().is_none_or(<[_]>::is_empty) {
            continue;
        }
        let missing: Vec<&String> = rules
            .required
            .iter()
            .filter(|key| fields::empty(vpc, key))
            // what a friendly project lacks was said when it was read
            .filter(|key| raw || vpc.get(key).is_some())
            .collect();
        // what a short form lacks was said when it was read
        let read = raw || subject.has_read(&project.path);
        if read && !missing.is_empty() && missing.len() < rules.required.len() {
            let words: Vec<String> = missing
                .iter()
                .map(|key| {
                    let member = format!("vpcConfig.{key}");
                    let word = parts::called(project, &member);
                    format!("`{}`", word.rsplit('.').next().unwrap_or(word))
                })
                .collect();
            // an empty list is there to be pointed at
            let empty = missing.iter().find_map(|key| vpc.get(key));
            let key = project.definition.entry("vpcConfig");
            let span = match (empty, key) {
                (Some(empty), _) => empty.span,
                (None, Some(entry)) if raw => entry.key_span,
                _ => vpc.span,
            };
            diagnostics.push(
                RULE.finding(
                    span,
                    parts::place(project, "vpcConfig"),
                    format!("the VPC needs {} too", words.join(" and ")),
                )
                .through(vpc.origin.as_ref())
                .label(format!("without {}", words.join(" and ")))
                .help("give the VPC's id, its subnets and its security groups, or no VPC"),
            );
        }
        ids(project, vpc, diagnostics);
        for (key, noun, quota) in [
            ("subnets", "subnets", &rules.subnets),
            (
                "securityGroupIds",
                "security groups",
                &rules.security_groups,
            ),
        ] {
            let list = fields::items(vpc, key);
            let Some(first) = usize::try_from(quota.max)
                .ok()
                .and_then(|max| list.get(max))
            else {
                continue;
            };
            diagnostics.push(
                parts::finding(
                    &RULE,
                    project,
                    &format!("vpcConfig.{key}"),
                    first,
                    format!(
                        "{} {noun}; a project takes at most {}",
                        list.len(),
                        quota.max
                    ),
                )
                .label("one too many")
                .help(format!("keep {} of them", quota.max)),
            );
        }
        if let Some(fleet) = fields::get(&project.definition, "environment.fleet")
            && !fields::empty(fleet, "fleetArn")
        {
            diagnostics.push(
                parts::finding(
                    &RULE,
                    project,
                    "vpcConfig",
                    vpc,
                    "a project on a fleet has no VPC of its own".to_owned(),
                )
                .label("not beside a fleet")
                .related(fleet.span, "the fleet")
                .help("leave `vpcConfig` out: the fleet has its network"),
            );
        }
    }
}

/// Ids that begin as no id of their kind does.
fn ids(project: &Project, vpc: &Node, diagnostics: &mut Diagnostics) {
    for (key, begin) in &codebuild().vpc.prefixes {
        let Some(node) = fields::get(vpc, key) else {
            continue;
        };
        let items = node.as_list().unwrap_or(std::slice::from_ref(node));
        for (index, item) in items.iter().enumerate() {
            let Some(id) = fields::known(item).filter(|id| !id.is_empty()) else {
                continue;
            };
            // what is still to be filled in says so
            if id.starts_with(begin.as_str()) || id.contains(['<', '{', '$']) {
                continue;
            }
            let member = match node.as_list() {
                Some(_) => format!("vpcConfig.{key}[{index}]"),
                None => format!("vpcConfig.{key}"),
            };
            let message =
                format!("`{id}` does not look like an id: those of this kind begin with `{begin}`");
            diagnostics.push(
                parts::doubtful(&RULE, project, &member, item, message)
                    .label("no id")
                    .help(format!(
                        "give the id, `{begin}0123456789abcdef0`, not a name"
                    )),
            );
        }
    }
}
