//! A cache says where it is, or what it keeps.

use super::parts;
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "project-cache",
    severity: Severity::Error,
    summary: "the cache of a project lacks its bucket or its modes",
    why: "A cache in S3 has a location: a bucket, or a bucket and a prefix without a slash at the end. A local cache has \
          modes that say what is kept on the machine: docker layers, the git history of the source, the paths of the \
          buildspec.",
    aws: "",
    wrong: "cache:\n  type: LOCAL",
    right: "cache:\n  type: LOCAL\n  modes: [LOCAL_CUSTOM_CACHE]",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/build-caching.html",
    facts: &["P23", "P24"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for project in parts::made(subject) {
        let Some(cache) = fields::get(&project.definition, "cache") else {
            continue;
        };
        let Some(kind) = fields::get(cache, "type") else {
            continue;
        };
        match fields::known(kind) {
            Some("LOCAL") if fields::empty(cache, "modes") => {
                let finding = parts::finding(
                    &RULE,
                    project,
                    "cache.modes",
                    kind,
                    "a local cache needs to know what it keeps".to_owned(),
                )
                .label("without `modes`");
                diagnostics.push(finding.help(if project.raw {
                    "add `modes: [LOCAL_CUSTOM_CACHE]` for the paths of the buildspec, \
                     LOCAL_DOCKER_LAYER_CACHE for docker layers"
                } else {
                    "write the paths: `cache: [PATH]`, or `cache: docker`"
                }));
            }
            Some("S3") if fields::empty(cache, "location") => diagnostics.push(
                parts::finding(
                    &RULE,
                    project,
                    "cache.location",
                    kind,
                    "a cache in S3 needs a bucket".to_owned(),
                )
                .label("without a place")
                .help(if project.raw {
                    "add `location: BUCKET/PREFIX`"
                } else {
                    "write `s3: BUCKET/PREFIX`"
                }),
            ),
            Some("S3") => {
                let Some(location) = fields::get(cache, "location").and_then(fields::leaf) else {
                    continue;
                };
                let value = &location.value;
                let (what, label, span) = if value.starts_with("arn:") {
                    ("is an ARN", "an ARN", location.span)
                } else if value.contains("://") {
                    ("is an address", "an address", location.span)
                } else if value.ends_with('/') {
                    let end = value.len();
                    let slash = subject.part(&location, value.trim_end_matches('/').len(), end);
                    ("ends in a slash", "a slash at the end", slash)
                } else {
                    continue;
                };
                let right = value.rsplit(":::").next().unwrap_or(value);
                let right = right.rsplit("://").next().unwrap_or(right);
                let right = right.trim_end_matches('/');
                diagnostics.push(
                    RULE.doubtful(
                        span,
                        parts::place(project, "cache.location"),
                        format!("`{value}` {what}; the place of a cache is BUCKET/PREFIX"),
                    )
                    .label(label)
                    .through(location.origin.as_ref())
                    .help(format!("write `{right}`")),
                );
            }
            _ => {}
        }
    }
}
