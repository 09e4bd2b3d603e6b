//! Runtimes of a build: languages and versions that the image has.

use std::collections::BTreeMap;

use super::spec::{self, Form, Spec};
use crate::catalog::codebuild::{self, ImageKind, codebuild};
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity, nearest};
use crate::tree::{Entry, Node};

pub(super) const RULE: Rule = Rule {
    code: "buildspec-runtime",
    severity: Severity::Warning,
    summary: "a build asks for a runtime that the image does not have, or does not ask where it must",
    why: "The images of CodeBuild bring several versions of several languages; `runtime-versions` (`runtimes` in a \
          pipeline file) chooses. Other images, and those for Lambda compute, have what they have. Some old images want \
          a choice in every build. The list may be older than what the images have today.",
    aws: "This build image requires selecting at least one runtime version",
    wrong: "- build:\n    runtimes: {node: 22}\n    run: npm test",
    right: "- build:\n    runtimes: {nodejs: 22}\n    run: npm test",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/available-runtimes.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for spec in spec::specs(subject) {
        let versions = fields::get(&spec.root, "phases.install.runtime-versions");
        let image = image(&spec);
        let kind = image.map(codebuild::image_kind);
        match (
            &kind,
            versions
                .and_then(Node::as_map)
                .filter(|map| !map.is_empty()),
        ) {
            // of no image nothing is known; an old one has other versions
            (None, _) | (Some(ImageKind::UnknownCurated), _) => {}
            (
                Some(ImageKind::Curated {
                    deprecated: true, ..
                }),
                given,
            ) => {
                let needs = image.is_some_and(|image| {
                    codebuild()
                        .images
                        .needs_runtime
                        .iter()
                        .any(|name| name == image)
                });
                if needs && given.is_none() {
                    missing(&spec, image.unwrap_or_default(), diagnostics);
                }
            }
            (
                Some(ImageKind::Curated {
                    lambda: false,
                    platform: "linux",
                    ..
                }),
                Some(list),
            ) => {
                let own = image
                    .and_then(codebuild::curated)
                    .filter(|image| !image.runtimes.is_empty());
                for entry in list {
                    match own {
                        Some(image) => {
                            one(
                                &spec,
                                entry,
                                Some(&image.name),
                                &image.runtimes,
                                diagnostics,
                            );
                        }
                        None => one(&spec, entry, None, &codebuild().runtimes, diagnostics),
                    }
                }
            }
            (Some(ImageKind::Curated { lambda: false, .. }), _) => {}
            (Some(_), Some([first, ..])) => {
                idle(&spec, first, image.unwrap_or_default(), diagnostics);
            }
            _ => {}
        }
    }
}

/// The image, if all projects of the buildspec have one and the same.
fn image<'a>(spec: &Spec<'a>) -> Option<&'a str> {
    // a build of a batch may have another
    if spec.of_task {
        return None;
    }
    let mut names = spec
        .projects
        .iter()
        .map(|project| fields::word(&project.definition, "environment.image"));
    let first = names.next()??;
    names.all(|name| name == Some(first)).then_some(first)
}

fn place(spec: &Spec<'_>, key: &str) -> String {
    if spec.form == Form::Made {
        format!("runtimes.{key}")
    } else {
        format!("phases.install.runtime-versions.{key}")
    }
}

/// One language: of an image whose languages stay as they are, or of those that get new ones.
fn one(
    spec: &Spec<'_>,
    entry: &Entry,
    image: Option<&str>,
    runtimes: &BTreeMap<String, Vec<String>>,
    diagnostics: &mut Diagnostics,
) {
    let whose = match image {
        Some(image) => format!("`{image}` has"),
        None => "the images of CodeBuild have".to_owned(),
    };
    let language = &entry.key;
    let Some(versions) = runtimes.get(language) else {
        // android and docker are runtimes of images of old
        let finding = spec
            .finding(
                &RULE,
                entry.key_span,
                &place(spec, language),
                format!("{whose} no runtime `{language}`"),
            )
            .label("unknown runtime")
            .perhaps_related(spec.written("environment.image"), "the image");
        let known = || runtimes.keys().map(String::as_str);
        let alias = match language.as_str() {
            "node" => Some("nodejs"),
            "go" => Some("golang"),
            _ => None,
        };
        diagnostics.push(match alias.or_else(|| nearest(language, known())) {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => finding.help(format!(
                "there are: {}",
                known().collect::<Vec<_>>().join(", ")
            )),
        });
        return;
    };
    let Some(version) = entry.value.scalar_text() else {
        return;
    };
    if entry.value.has_unknown() || has(versions, version.trim()) {
        return;
    }
    diagnostics.push(
        spec.finding(
            &RULE,
            entry.value.span,
            &place(spec, language),
            format!("{whose} no `{language}` {version}, as far as pipectl knows"),
        )
        .label("unknown version")
        .perhaps_related(spec.written("environment.image"), "the image")
        .through(entry.value.origin.as_ref())
        .help(match named(versions, version.trim()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("there are: {}", versions.join(", ")),
        }),
    );
}

/// The version that is called by a word and this number: `corretto17`.
fn named<'v>(versions: &'v [String], number: &str) -> Option<&'v str> {
    let mut versions = versions.iter().map(String::as_str);
    versions.find(|version| {
        let rest = version.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        rest == number && rest != *version
    })
}

/// Whether a version is one of the list, or means some of it: `latest`, `3.x`, `3`.
fn has(versions: &[String], version: &str) -> bool {
    if version == codebuild().runtime_latest || version.contains('$') {
        return true;
    }
    let series = version.trim_end_matches(".x").trim_end_matches(".*");
    versions.iter().any(|known| {
        known == series
            || known
                .strip_prefix(series)
                .is_some_and(|rest| rest.starts_with('.'))
            || series
                .strip_prefix(known.as_str())
                .is_some_and(|rest| rest.starts_with('.'))
    })
}

fn idle(spec: &Spec<'_>, first: &Entry, image: &str, diagnostics: &mut Diagnostics) {
    let word = if spec.form == Form::Made {
        "runtimes"
    } else {
        "runtime-versions"
    };
    diagnostics.push(
        spec.finding(
            &RULE,
            first.key_span,
            &place(spec, &first.key),
            format!("`{image}` has the languages that it has: `{word}` is passed over"),
        )
        .label("not read")
        .perhaps_related(spec.written("environment.image"), "the image")
        .help(format!(
            "leave `{word}` out, or take an image of CodeBuild that has the language"
        )),
    );
}

fn missing(spec: &Spec<'_>, image: &str, diagnostics: &mut Diagnostics) {
    let (span, path) = match spec.root.entry("phases") {
        Some(entry) if spec.form != Form::Made => (entry.key_span, "phases"),
        _ => (spec.root.span, ""),
    };
    diagnostics.push(
        spec.finding(
            &RULE,
            span,
            path,
            format!("`{image}` wants to be told a runtime"),
        )
        .label("no runtime named")
        .perhaps_related(spec.written("environment.image"), "the image")
        .help(if spec.form == Form::Made {
            "add `runtimes: {LANGUAGE: VERSION}`, or take a present image"
        } else {
            "add `install: {runtime-versions: {LANGUAGE: VERSION}}`, or take a present image"
        }),
    );
}
