//! A cache that keeps nothing.

use super::parts;
use crate::catalog::codebuild::{self, codebuild};
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::{Buildspec, Project};
use crate::source::Span;
use crate::tree::Node;

pub(super) const RULE: Rule = Rule {
    code: "cache-idle",
    severity: Severity::Warning,
    summary: "a cache is asked for and can never keep anything",
    why: "A local cache lives on the machine of the build. CodeBuild has none for builds in a VPC, with a GPU or of size \
          2xlarge; docker layers are kept in privileged mode on Linux only; and a source that comes from a pipeline has \
          no git history to keep. Paths in a buildspec need a cache of the project to go to, and such a cache needs paths. A \
          namespace tells caches in S3 apart, and no others. AWS takes all this, and every build starts from nothing.",
    aws: "",
    wrong: "- build:\n    cache: docker\n    run: docker build .",
    right: "- build:\n    cache: docker\n    privileged: true\n    run: docker build .",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/build-caching.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for project in parts::made(subject) {
        let cache = fields::get(&project.definition, "cache");
        let kind = cache.and_then(|cache| fields::word(cache, "type"));
        if let (Some(cache), Some("LOCAL" | "NO_CACHE")) = (cache, kind) {
            namespace(project, cache, diagnostics);
        }
        match (cache, kind) {
            (Some(cache), Some("LOCAL")) => {
                let custom = fields::items(cache, "modes").iter().find(|mode| {
                    fields::known(mode) == Some(codebuild().cache.paths_mode.as_str())
                });
                local(project, cache, diagnostics);
                if let Some(mode) = custom {
                    no_paths(project, mode, diagnostics);
                }
            }
            (Some(cache), Some("S3")) => {
                if let Some(kind) = fields::get(cache, "type") {
                    no_paths(project, kind, diagnostics);
                }
            }
            (None, _) | (_, Some("NO_CACHE")) => {
                paths(project, cache.map(|cache| cache.span), diagnostics);
            }
            _ => {}
        }
    }
}

/// A namespace tells caches in S3 apart, and no others.
fn namespace(project: &Project, cache: &Node, diagnostics: &mut Diagnostics) {
    let Some(name) = fields::get(cache, "cacheNamespace") else {
        return;
    };
    let finding = RULE
        .finding(
            name.span,
            parts::place(project, "cache.cacheNamespace"),
            "only caches in S3 have a namespace",
        )
        .label("never looked at")
        .through(name.origin.as_ref())
        .perhaps_related(cache.get("type").map(|kind| kind.span), "not in S3");
    diagnostics.push(finding.help(if project.raw {
        "leave `cacheNamespace` out, or take a cache in S3: `type: S3`, `location: BUCKET/PREFIX`"
    } else {
        "leave `namespace` out, or take a cache in S3: `s3: BUCKET/PREFIX`"
    }));
}

fn local(project: &Project, cache: &Node, diagnostics: &mut Diagnostics) {
    let rules = &codebuild().cache;
    let definition = &project.definition;
    let kind = fields::word(definition, "environment.type").and_then(codebuild::environment_type);
    // that Lambda compute has no cache has a rule of its own
    if kind.is_some_and(|kind| kind.lambda) {
        return;
    }
    let vpc = fields::get(definition, "vpcConfig")
        .filter(|vpc| vpc.as_map().is_some_and(|map| !map.is_empty()));
    let compute = fields::get(definition, "environment.computeType");
    let large =
        compute.filter(|node| fields::known(node).is_some_and(|word| word.ends_with("_2XLARGE")));
    let reason = if let Some(vpc) = vpc {
        Some(("in a VPC", vpc.span))
    } else if kind.is_some_and(|kind| kind.gpu) {
        fields::get(definition, "environment.type").map(|node| ("with a GPU", node.span))
    } else {
        large.map(|node| ("of size 2XLARGE", node.span))
    };
    if let Some((words, span)) = reason {
        let finding = RULE
            .finding(
                cache.span,
                parts::place(project, "cache"),
                format!("a build {words} has no local cache"),
            )
            .label("a local cache");
        let finding = if span == cache.span {
            finding
        } else {
            finding.related(span, "the reason")
        };
        diagnostics.push(finding.help(if project.raw {
            "take a cache in S3: `{type: S3, location: BUCKET/PREFIX}`"
        } else {
            "take a cache in S3: `cache: {s3: BUCKET/PREFIX, paths: […]}`"
        }));
        return;
    }
    for (index, mode) in fields::items(cache, "modes").iter().enumerate() {
        let member = format!("cache.modes[{index}]");
        let Some(word) = fields::known(mode) else {
            continue;
        };
        let place = if project.raw {
            parts::place(project, &member)
        } else {
            parts::place(project, "cache")
        };
        if word == rules.privileged_mode {
            let linux = kind.is_none_or(|kind| kind.privileged);
            let privileged = fields::get(definition, "environment.privilegedMode");
            let off = fields::flag(definition, "environment.privilegedMode") == Some(false)
                || privileged.is_none();
            if linux && !off {
                continue;
            }
            let message = if linux {
                "docker layers are kept in privileged mode only"
            } else {
                "docker layers are kept on Linux only"
            };
            let finding = RULE
                .finding(mode.span, place, message)
                .label("keeps nothing");
            let finding = if let (true, Some(privileged)) = (linux, privileged) {
                parts::on_machine(finding, project, (privileged, mode), "not privileged")
            } else if let Some(kind) = fields::get(definition, "environment.type") {
                parts::on_machine(finding, project, (kind, mode), "the machine")
            } else {
                finding
            };
            diagnostics.push(match (linux, project.raw) {
                (true, true) => finding.help("add `privilegedMode: true` to the environment"),
                (true, false) => finding.help("add `privileged: true`"),
                (false, _) => finding.help("leave it out"),
            });
        } else if word == rules.useless_in_pipeline
            && fields::word(definition, "source.type")
                == Some(codebuild().artifacts.paired.as_str())
        {
            diagnostics.push(
                RULE.finding(
                    mode.span,
                    place,
                    "the source of a pipeline comes without git history: there is nothing to keep",
                )
                .label("keeps nothing")
                .perhaps_related(
                    project
                        .raw
                        .then(|| fields::get(definition, "source.type"))
                        .flatten()
                        .map(|kind| kind.span),
                    "the source",
                )
                .help("leave it out"),
            );
        }
    }
}

/// A cache of paths, where the buildspec names none.
fn no_paths(project: &Project, at: &Node, diagnostics: &mut Diagnostics) {
    let Buildspec::Inline(spec) = &project.buildspec else {
        return;
    };
    let unread = spec.as_map().is_none() || spec.get("batch").is_some();
    if unread
        || spec
            .get("cache")
            .is_some_and(|cache| !fields::empty(cache, "paths"))
    {
        return;
    }
    let finding = RULE
        .finding(
            at.span,
            parts::place(project, "cache"),
            "the buildspec names no paths to keep",
        )
        .label("keeps nothing");
    let written = spec.span != project.span;
    let place = match spec.entry("cache") {
        Some(entry) => Some(entry.key_span),
        None => Some(
            spec.as_map()
                .and_then(<[_]>::first)
                .map_or(spec.span, |entry| entry.key_span),
        ),
    };
    let finding = finding.perhaps_related(place.filter(|_| written), "the buildspec");
    diagnostics.push(finding.help(if project.raw || spec.span != project.span {
        "give the buildspec `cache: {paths: [\"node_modules/**/*\"]}` with the paths to keep"
    } else {
        "name the paths to keep: `cache: [node_modules/**/*]`"
    }));
}

/// Paths of a buildspec that no cache of the project takes.
fn paths(project: &Project, none: Option<Span>, diagnostics: &mut Diagnostics) {
    let Buildspec::Inline(spec) = &project.buildspec else {
        return;
    };
    let Some(entry) = spec
        .entry("cache")
        .filter(|entry| !fields::items(&entry.value, "paths").is_empty())
    else {
        return;
    };
    let finding = RULE
        .finding(
            entry.key_span,
            parts::place(
                project,
                if project.raw {
                    "source.buildspec"
                } else {
                    "buildspec.cache"
                },
            ),
            "the buildspec has paths to keep, and the project has no cache",
        )
        .label("kept nowhere");
    let finding = match none {
        Some(span) => finding.related(span, "no cache"),
        None => finding,
    };
    diagnostics.push(finding.help(if project.raw {
        "give the project `cache: {type: LOCAL, modes: [LOCAL_CUSTOM_CACHE]}` or a cache in S3"
    } else {
        "give the build `cache: {local: [custom]}` or `cache: {s3: BUCKET/PREFIX}`"
    }));
}
