//! Numbers and counts of a project are within their bounds.

use super::parts;
use crate::catalog::codebuild::{self, codebuild};
use crate::catalog::text::Quota;
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::tree::Data;

pub(super) const RULE: Rule = Rule {
    code: "project-range",
    severity: Severity::Error,
    summary: "a number of a project, or how many there are of something, is out of bounds",
    why: "A build runs for at least 5 minutes before it is stopped and at most 36 hours, and waits for at most 8 hours. A \
          project has at most 12 secondary sources and 12 secondary artifacts.",
    aws: "",
    wrong: "- build:\n    timeout: 2m\n    run: make",
    right: "- build:\n    timeout: 5m\n    run: make",
    link: "https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let limits = codebuild::project();
    let numbers: [(&str, &Quota, &str); 7] = [
        ("timeoutInMinutes", &limits.timeout, " minutes"),
        ("queuedTimeoutInMinutes", &limits.queued_timeout, " minutes"),
        ("autoRetryLimit", &limits.auto_retry, ""),
        ("concurrentBuildLimit", &limits.concurrent_builds, ""),
        ("source.gitCloneDepth", &limits.git_clone_depth, ""),
        (
            "buildBatchConfig.timeoutInMins",
            &codebuild().batch.timeout,
            " minutes",
        ),
        (
            "buildBatchConfig.restrictions.maximumBuildsAllowed",
            &codebuild().batch.maximum_builds,
            "",
        ),
    ];
    let counts: [(&str, &Quota, &str); 5] = [
        (
            "environment.dockerServer.securityGroupIds",
            &codebuild().vpc.security_groups,
            "security groups of the docker server",
        ),
        (
            "secondarySources",
            &limits.secondary_sources,
            "secondary sources",
        ),
        (
            "secondaryArtifacts",
            &limits.secondary_artifacts,
            "secondary artifacts",
        ),
        (
            "secondarySourceVersions",
            &limits.secondary_source_versions,
            "versions of secondary sources",
        ),
        ("tags", &limits.tags, "tags"),
    ];
    for project in parts::made(subject) {
        let own = numbers.into_iter().filter_map(|(member, quota, unit)| {
            let node = fields::get(&project.definition, member)?;
            Some((member.to_owned(), node, quota, unit))
        });
        let secondary = fields::items(&project.definition, "secondarySources").iter();
        let depths = secondary.enumerate().filter_map(|(index, source)| {
            let member = format!("secondarySources[{index}].gitCloneDepth");
            let node = fields::get(source, "gitCloneDepth")?;
            Some((member, node, &limits.git_clone_depth, ""))
        });
        for (member, node, quota, unit) in own.chain(depths) {
            let member = member.as_str();
            let Data::Number(value) = node.data else {
                continue;
            };
            // of what is no whole number another rule speaks
            if value.fract() != 0.0 {
                continue;
            }
            #[expect(clippy::cast_precision_loss, reason = "bounds are far below 2^53")]
            let (min, max) = (quota.min as f64, quota.max as f64);
            // -1 takes the limit of concurrent builds away
            let lifted = member == "concurrentBuildLimit" && value == -1.0 && project.raw;
            if (min..=max).contains(&value) || lifted {
                continue;
            }
            let word = parts::called(project, member);
            let word = word.rsplit('.').next().unwrap_or(word);
            let written = node.scalar_text().unwrap_or_default();
            // what a number of a program can be is no bound of AWS
            let range = match i32::try_from(quota.max) {
                Ok(max) if max < i32::MAX => format!("{} to {max}", quota.min),
                _ => format!("{} or more", quota.min),
            };
            let message = format!("`{word}` is {written}{unit}; AWS takes {range}");
            let finding = if quota.certain {
                parts::finding(&RULE, project, member, node, message).label("out of range")
            } else {
                parts::doubtful(&RULE, project, member, node, message).label("out of range")
            };
            let nearest = if value < min { quota.min } else { quota.max };
            diagnostics.push(finding.help(if project.raw || unit.is_empty() {
                format!("write {nearest}")
            } else {
                format!("write `{nearest}m`")
            }));
        }
        for (member, quota, noun) in counts {
            let list = fields::items(&project.definition, member);
            let Some(first) = usize::try_from(quota.max)
                .ok()
                .and_then(|max| list.get(max))
            else {
                continue;
            };
            let message = format!(
                "{} {noun}; a project takes at most {}",
                list.len(),
                quota.max
            );
            diagnostics.push(
                parts::finding(&RULE, project, member, first, message)
                    .label("one too many")
                    .help(format!("keep {} of them", quota.max)),
            );
        }
    }
}
