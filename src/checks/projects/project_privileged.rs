//! What an environment type cannot have: privileged mode, a choice of the kernel.

use super::parts;
use crate::catalog::codebuild::{self, codebuild};
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "project-privileged",
    severity: Severity::Error,
    summary: "privileged mode or a kernel is asked for where the environment type has none",
    why: "Docker runs in Linux containers on EC2 only: Windows and Lambda compute have no privileged mode. The kernel \
          of the host can be chosen for LINUX_CONTAINER, ARM_CONTAINER, LINUX_EC2 and ARM_EC2.",
    aws: "",
    wrong: "- build:\n    os: lambda\n    privileged: true\n    run: docker build .",
    right: "- build:\n    privileged: true\n    run: docker build .",
    link: "https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ProjectEnvironment.html",
    facts: &["P13"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for project in parts::made(subject) {
        let definition = &project.definition;
        let Some(at) = fields::get(definition, "environment.type") else {
            continue;
        };
        let Some(kind) = fields::known(at).and_then(codebuild::environment_type) else {
            continue;
        };
        let offered = |has: fn(&codebuild::EnvironmentType) -> bool| {
            let types = codebuild().environment.types.iter();
            let names: Vec<&str> = types
                .filter(|kind| has(kind))
                .map(|kind| kind.name.as_str())
                .collect();
            names.join(", ")
        };
        let member = "environment.privilegedMode";
        if let Some(node) = fields::get(definition, member)
            && fields::flag(definition, member) == Some(true)
            && !kind.privileged
        {
            let word = parts::called(project, member)
                .rsplit('.')
                .next()
                .unwrap_or(member);
            let finding = parts::finding(
                &RULE,
                project,
                member,
                node,
                format!("{} has no privileged mode", parts::machine(project, kind)),
            )
            .label("not offered");
            let finding = parts::on_machine(finding, project, (at, node), "the environment type");
            diagnostics.push(finding.help(if project.raw {
                format!(
                    "leave `{word}` out, or take one of {}",
                    offered(|kind| kind.privileged)
                )
            } else {
                format!("leave `{word}` out, or build with `os: linux` or `os: arm`")
            }));
        }
        let member = "environment.hostKernel";
        if let Some(node) = fields::get(definition, member)
            && !kind.host_kernel
            && project.raw
            // that Lambda compute has none of all this has a rule of its own
            && !kind.lambda
        {
            diagnostics.push(
                parts::finding(
                    &RULE,
                    project,
                    member,
                    node,
                    format!("the kernel of `{}` cannot be chosen", kind.name),
                )
                .label("not offered")
                .related(at.span, "the environment type")
                .help(format!(
                    "leave `hostKernel` out; it is for {}",
                    offered(|kind| kind.host_kernel)
                )),
            );
        }
    }
}
