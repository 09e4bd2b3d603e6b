//! NO_SOURCE has an inline buildspec and no location.

use super::parts;
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::Buildspec;

pub(super) const RULE: Rule = Rule {
    code: "project-no-source",
    severity: Severity::Error,
    summary: "a project without a source has a location, or no buildspec of its own",
    why: "Without a source there is no place where CodeBuild could find a buildspec.yml, so that the project itself \
          must hold it, and there is nothing that a location could mean.",
    aws: "",
    wrong: "source:\n  type: NO_SOURCE",
    right: "source:\n  type: NO_SOURCE\n  buildspec: |\n    version: 0.2\n    phases:\n      build:\n        commands: [make]",
    link: "https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ProjectSource.html",
    facts: &["P06"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for project in parts::raw(subject) {
        let definition = &project.definition;
        let kind = fields::get(definition, "source.type");
        if kind.and_then(fields::known) != Some("NO_SOURCE") {
            continue;
        }
        let none = kind.map(|kind| kind.span);
        if let Some(location) = fields::get(definition, "source.location")
            && fields::known(location).is_some_and(|text| !text.is_empty())
        {
            diagnostics.push(
                parts::finding(
                    &RULE,
                    project,
                    "source.location",
                    location,
                    "`NO_SOURCE` has no location".to_owned(),
                )
                .label("not read")
                .perhaps_related(none, "no source")
                .help("leave `location` out, or write the type of the source"),
            );
        }
        let inline = "give the buildspec itself: `buildspec: |` and its text below";
        match (&project.buildspec, kind) {
            (Buildspec::Default, Some(kind)) => diagnostics.push(
                parts::finding(
                    &RULE,
                    project,
                    "source.buildspec",
                    kind,
                    "a project without a source needs `buildspec`: there is no file to read"
                        .to_owned(),
                )
                .label("no source")
                .help(inline),
            ),
            (Buildspec::Path(path), _) if path.known && !in_bucket(&path.value) => {
                diagnostics.push(
                    RULE.doubtful(
                        path.span,
                        parts::place(project, "source.buildspec"),
                        format!(
                            "`{}` is a path, and without a source there is no file to read",
                            path.value
                        ),
                    )
                    .through(path.origin.as_ref())
                    .label("a path")
                    .perhaps_related(none, "no source")
                    .help(inline),
                );
            }
            _ => {}
        }
    }
}

/// Whether a buildspec is an object of S3, which no source brings.
fn in_bucket(path: &str) -> bool {
    path.starts_with("arn:") && path.contains(":s3:::")
}
