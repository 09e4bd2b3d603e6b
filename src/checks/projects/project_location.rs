//! A source and artifacts have a location where their type needs one.

use super::parts;
use crate::catalog::codebuild::codebuild;
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::model::Project;
use crate::tree::Node;

pub(super) const RULE: Rule = Rule {
    code: "project-location",
    severity: Severity::Error,
    summary: "a source or artifacts of a project need a location",
    why: "Every type of source but CODEPIPELINE and NO_SOURCE says where the source is; artifacts in S3 say the bucket, \
          whose name has no slash: what stands behind it is `path`. A certificate is an object in S3, and a source that is \
          opened with a connection or a secret names its ARN.",
    aws: "",
    wrong: "artifacts:\n  type: S3\n  location: my-bucket/builds",
    right: "artifacts:\n  type: S3\n  location: my-bucket\n  path: builds",
    link: "https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ProjectSource.html",
    facts: &["P07", "P08"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for project in parts::raw(subject) {
        let each = |one: &'static str, list: &'static str| {
            let first = fields::get(&project.definition, one).map(|node| (one.to_owned(), node));
            let items = fields::items(&project.definition, list).iter().enumerate();
            first
                .into_iter()
                .chain(items.map(move |(index, node)| (format!("{list}[{index}]"), node)))
        };
        for (place, node) in each("source", "secondarySources") {
            source(project, &place, node, diagnostics);
            authorization(project, &place, node, diagnostics);
        }
        certificate(project, diagnostics);
        for (place, node) in each("artifacts", "secondaryArtifacts") {
            artifacts(subject, project, &place, node, diagnostics);
        }
    }
}

fn source(project: &Project, place: &str, node: &Node, diagnostics: &mut Diagnostics) {
    let rules = &codebuild().source;
    let Some((at, kind)) = fields::get(node, "type").and_then(|at| Some((at, fields::known(at)?)))
    else {
        return;
    };
    let named = rules.types.iter().any(|word| word == kind);
    let without = rules.without_location.iter().any(|word| word == kind);
    if !named || without {
        return;
    }
    if let Some(location) =
        fields::get(node, "location").filter(|_| !fields::empty(node, "location"))
    {
        if kind == "S3" && fields::known(location).is_some_and(|text| !text.contains('/')) {
            let place = format!("{place}.location");
            let message = "the location of a source in S3 is an object or a folder, not a bucket";
            let finding = parts::finding(&RULE, project, &place, location, message.to_owned())
                .label("a bucket alone");
            diagnostics.push(finding.help("write `BUCKET/KEY.zip`, or `BUCKET/FOLDER/`"));
        } else {
            diagnostics.extend(address(project, place, kind, location));
        }
        return;
    }
    let help = match kind {
        "S3" => "write `location: BUCKET/KEY.zip`, or `BUCKET/FOLDER/`",
        "CODECOMMIT" => {
            "write `location: https://git-codecommit.REGION.amazonaws.com/v1/repos/NAME`"
        }
        _ => "write `location:` and the repository's URL that ends in .git",
    };
    diagnostics.push(
        parts::finding(
            &RULE,
            project,
            &format!("{place}.location"),
            at,
            format!("a source of type `{kind}` needs a `location`"),
        )
        .label("without `location`")
        .help(help),
    );
}

fn artifacts(
    subject: &Subject<'_>,
    project: &Project,
    place: &str,
    node: &Node,
    diagnostics: &mut Diagnostics,
) {
    let Some(kind) = fields::get(node, "type").filter(|kind| fields::known(kind) == Some("S3"))
    else {
        return;
    };
    let member = format!("{place}.location");
    if fields::empty(node, "location") {
        diagnostics.push(
            parts::finding(
                &RULE,
                project,
                &member,
                kind,
                "artifacts in S3 need a `location`".to_owned(),
            )
            .label("without `location`")
            .help("write `location:` and the name of the bucket"),
        );
        return;
    }
    let Some(text) = fields::get(node, "location").and_then(fields::leaf) else {
        return;
    };
    let Some((bucket, path)) = text.value.split_once('/') else {
        return;
    };
    let span = subject.part(&text, bucket.len(), text.value.len());
    let path = path.trim_end_matches('/');
    let finding = RULE
        .finding(
            span,
            parts::place(project, &member),
            format!(
                "`location` of artifacts is a bucket, and `{}` has a slash",
                text.value
            ),
        )
        .label("more than a bucket")
        .through(text.origin.as_ref());
    diagnostics.push(
        if path.is_empty() || bucket.is_empty() || bucket.contains(':') {
            finding.help("write the bucket's name alone")
        } else {
            finding.help(format!("write `location: {bucket}` and `path: {path}`"))
        },
    );
}

/// A place that is written as for another program.
fn address(project: &Project, place: &str, kind: &str, location: &Node) -> Option<Diagnostic> {
    let text = fields::known(location)?;
    let place = format!("{place}.location");
    let told = |message: &str, label: &str, help: String| {
        let finding = parts::doubtful(&RULE, project, &place, location, message.to_owned());
        Some(finding.label(label).help(help))
    };
    match kind {
        "S3" => {
            let right = text.strip_prefix("s3://")?;
            told(
                "the place of a source in S3 is BUCKET/KEY, not an address",
                "an address",
                format!("write `{right}`"),
            )
        }
        "CODECOMMIT" if !text.starts_with("https://") => {
            let name = text.rsplit(['/', ':']).next().unwrap_or(text);
            told(
                "a repository of CodeCommit is given by the address to clone it from",
                "no https address",
                format!("write `https://git-codecommit.REGION.amazonaws.com/v1/repos/{name}`"),
            )
        }
        _ => None,
    }
}

/// With what a source is opened: a connection or a secret, by its ARN.
fn authorization(project: &Project, place: &str, source: &Node, diagnostics: &mut Diagnostics) {
    let Some((at, kind)) = fields::get(source, "auth.type")
        .and_then(|at| Some((at, fields::known(at)?)))
        .filter(|(_, kind)| matches!(*kind, "CODECONNECTIONS" | "SECRETS_MANAGER"))
    else {
        return;
    };
    let what = match kind {
        "CODECONNECTIONS" => "connection",
        _ => "secret",
    };
    let place = format!("{place}.auth.resource");
    let finding = match fields::get(source, "auth.resource") {
        Some(node) if !fields::empty(source, "auth.resource") => {
            let Some(text) = fields::known(node).filter(|text| !text.starts_with("arn:")) else {
                return;
            };
            let message = format!("`{text}` is not the ARN of a {what}");
            parts::doubtful(&RULE, project, &place, node, message).label("no ARN")
        }
        _ => {
            let message = format!("`{kind}` does not say with which {what} the source is opened");
            parts::doubtful(&RULE, project, &place, at, message).label("without `resource`")
        }
    };
    diagnostics.push(finding.help(format!("write `resource:` and the ARN of the {what}")));
}

/// The certificate of a source lies in S3: BUCKET/KEY, or its ARN.
fn certificate(project: &Project, diagnostics: &mut Diagnostics) {
    let member = "environment.certificate";
    let Some(node) = fields::get(&project.definition, member) else {
        return;
    };
    let Some(text) = fields::known(node).filter(|text| !text.is_empty()) else {
        return;
    };
    let arn = text
        .strip_prefix("arn:")
        .and_then(|rest| rest.split_once(":s3:::"));
    let strange = match arn {
        Some((_, object)) => !object.contains('/'),
        None => text.starts_with("arn:") || text.starts_with('/') || text.contains("://"),
    };
    if !strange {
        return;
    }
    let message = format!("a certificate is an object in S3, its ARN or BUCKET/KEY, not `{text}`");
    let finding = parts::doubtful(&RULE, project, member, node, message)
        .label("neither an ARN nor BUCKET/KEY");
    diagnostics.push(finding.help(match text.strip_prefix("s3://") {
        Some(object) => format!("write `arn:aws:s3:::{object}`"),
        None => "put it into a bucket, and write `arn:aws:s3:::BUCKET/KEY.pem`".to_owned(),
    }));
}
