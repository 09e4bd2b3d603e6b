//! Images that CodeBuild keeps: unknown ones, old ones, and machines that they do not run on.

use super::parts;
use crate::catalog::codebuild::{self, ImageKind, codebuild};
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, nearest};
use crate::model::Project;
use crate::tree::Node;

pub(super) const UNKNOWN: Rule = Rule {
    code: "image-unknown",
    severity: Severity::Warning,
    summary: "an image is named like one of CodeBuild's, and CodeBuild has none of that name",
    why: "Images below aws/codebuild/ are kept by CodeBuild, and the names change over the years. The project can be made, \
          and its builds fail when they fetch the image. Behind the tag may stand a release, as in \
          aws/codebuild/standard:7.0-24.10.29. The list may be older than what AWS offers today.",
    aws: "",
    wrong: "- build:\n    image: aws/codebuild/standard:70\n    run: make",
    right: "- build:\n    image: aws/codebuild/standard:7.0\n    run: make",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-available.html",
    facts: &[],
    check: unknown,
};

pub(super) const OUTDATED: Rule = Rule {
    code: "image-outdated",
    severity: Severity::Warning,
    summary: "an image of CodeBuild is no longer kept up, or was withdrawn",
    why: "CodeBuild no longer updates this image and keeps no copy of it near the machines: builds start slowly, with old \
          tools that get no security fixes, and one day not at all. Images of single languages \
          (aws/codebuild/nodejs:…, aws/codebuild/docker:…) are gone: the project can be made, and its builds fail when \
          they fetch the image.",
    aws: "",
    wrong: "- build:\n    image: aws/codebuild/standard:4.0\n    run: make",
    right: "- build:\n    image: aws/codebuild/standard:7.0\n    run: make",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-available.html",
    facts: &[],
    check: outdated,
};

pub(super) const PLATFORM: Rule = Rule {
    code: "image-platform",
    severity: Severity::Error,
    summary: "an image of CodeBuild does not run on the machine of the project",
    why: "An image is made for one operating system and one kind of processor: aarch64 images run on ARM, windows-base on \
          Windows, the lambda images on Lambda compute, those of aws/codebuild/ami/ on machines of EC2, and nowhere else.",
    aws: "",
    wrong: "- build:\n    os: arm\n    image: aws/codebuild/standard:7.0\n    run: make",
    right: "- build:\n    os: arm\n    image: aws/codebuild/amazonlinux-aarch64-standard:3.0\n    run: make",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-available.html",
    facts: &[],
    check: platform,
};

const IMAGE: &str = "environment.image";

/// The images of the projects whose name is known.
fn images<'a>(subject: &Subject<'a>) -> impl Iterator<Item = (&'a Project, &'a Node, &'a str)> {
    parts::made(subject).filter_map(|project| {
        let node = fields::get(&project.definition, IMAGE)?;
        Some((project, node, fields::known(node)?))
    })
}

fn unknown(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let all = &codebuild().images;
    for (project, node, name) in images(subject) {
        let unknown = codebuild::image_kind(name) == ImageKind::UnknownCurated;
        if !unknown || codebuild::withdrawn(name) {
            continue;
        }
        let lambda = all.lambda.keys().flat_map(|prefix| {
            all.lambda_tags
                .iter()
                .map(move |tag| format!("{prefix}{tag}"))
        });
        let names: Vec<String> = all
            .curated
            .iter()
            .map(|image| image.name.clone())
            .chain(lambda)
            .collect();
        let message = format!("CodeBuild has no image `{name}`, as far as pipectl knows");
        let finding =
            parts::finding(&UNKNOWN, project, IMAGE, node, message).label("unknown image");
        // where only the version is missing, the newest
        let version = |image: &&str| {
            let (_, tag) = image.rsplit_once(':')?;
            let number = tag.parse::<f64>().ok()?;
            image.starts_with(name).then_some(number)
        };
        let all = || names.iter().map(String::as_str);
        let same = all()
            .filter_map(|image| Some((version(&image)?, image)))
            .max_by(|(one, _), (other, _)| one.total_cmp(other));
        let near = same
            .map(|(_, image)| image)
            .or_else(|| nearest(name, all()));
        diagnostics.push(match near {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => finding.help(format!(
                "the present ones are {}, …",
                newest("linux", "x86_64").join(", ")
            )),
        });
    }
}

/// The newest images of a system for a processor.
fn newest(platform: &str, architecture: &str) -> Vec<&'static str> {
    let mut found: Vec<(&str, &str)> = Vec::new();
    for image in &codebuild().images.curated {
        let numbered = image
            .name
            .rsplit(':')
            .next()
            .is_some_and(|tag| tag.starts_with(|c: char| c.is_ascii_digit()));
        if image.platform != platform
            || image.ec2
            || image.architecture != architecture
            || !image.certain
            || !numbered
        {
            continue;
        }
        let family = image.name.split(':').next().unwrap_or_default();
        // the list is in order, so that the last of a family is the newest
        match found.iter_mut().find(|(known, _)| *known == family) {
            Some(known) => known.1 = &image.name,
            None => found.push((family, &image.name)),
        }
    }
    found.into_iter().map(|(_, name)| name).collect()
}

fn outdated(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for (project, node, name) in images(subject) {
        if codebuild::withdrawn(name) {
            let (platform, architecture) = match name {
                name if name.contains("windows") => ("windows", "x86_64"),
                name if name.contains("macos") => ("mac", "arm64"),
                _ => ("linux", "x86_64"),
            };
            let message = format!("`{name}` was withdrawn: builds cannot fetch it any more");
            let present = fields::one_of(newest(platform, architecture));
            diagnostics.push(
                parts::finding(&OUTDATED, project, IMAGE, node, message)
                    .label("withdrawn")
                    .help(format!("write {present}")),
            );
            continue;
        }
        let ImageKind::Curated {
            platform,
            architecture,
            deprecated: true,
            ..
        } = codebuild::image_kind(name)
        else {
            continue;
        };
        let message = format!("`{name}` is no longer kept up");
        diagnostics.push(
            parts::finding(&OUTDATED, project, IMAGE, node, message)
                .label("outdated")
                .help(format!(
                    "write {}",
                    fields::one_of(newest(platform, architecture))
                )),
        );
    }
}

fn platform(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for (project, node, name) in images(subject) {
        let ImageKind::Curated {
            platform,
            architecture,
            lambda,
            ..
        } = codebuild::image_kind(name)
        else {
            continue;
        };
        let Some((at, kind)) = fields::get(&project.definition, "environment.type")
            .and_then(|at| Some((at, codebuild::environment_type(fields::known(at)?)?)))
        else {
            continue;
        };
        let machine = (kind.platform.as_str(), kind.architecture.as_str());
        let fits = machine == (platform, architecture);
        // a fleet says what its machines are
        let of_machines = codebuild::curated(name).is_some_and(|image| image.ec2) && !kind.ec2;
        let fleet = fields::get(&project.definition, "environment.fleet").is_some();
        if !fleet && fits && !of_machines && !kind.legacy && !kind.ec2 {
            diagnostics.extend(other_version(project, node, name, at, &kind.name));
        }
        if fleet || fits && lambda == kind.lambda && !of_machines {
            continue;
        }
        let words = |platform: &str, architecture: &str, lambda: bool| match (
            platform,
            architecture,
            lambda,
        ) {
            ("windows", _, _) => "Windows",
            ("mac", _, _) => "macOS",
            (_, "arm64", false) => "Linux on ARM",
            (_, _, false) => "Linux on x86",
            (_, "arm64", true) => "Lambda compute on ARM",
            (_, _, true) => "Lambda compute",
        };
        let message = if of_machines {
            format!(
                "`{name}` is an image of EC2, and the machine is {}",
                parts::machine(project, kind)
            )
        } else {
            format!(
                "`{name}` is for {}, and the machine is {}",
                words(platform, architecture, lambda),
                words(machine.0, machine.1, kind.lambda)
            )
        };
        let finding = if of_machines && fits && lambda == kind.lambda {
            parts::doubtful(&PLATFORM, project, IMAGE, node, message)
        } else {
            parts::finding(&PLATFORM, project, IMAGE, node, message)
        };
        let finding = if at.span == node.span || at.span == project.span {
            finding
        } else {
            finding.related(at.span, "the machine")
        }
        .label("the image");
        let choice = codebuild()
            .os
            .iter()
            .find(|os| os.environment_type == kind.name);
        diagnostics.push(match choice {
            Some(choice) => finding.help(format!(
                "take the machine of the image, or an image such as `{}`",
                choice.image
            )),
            None => finding.help("take the machine of the image, or another image"),
        });
    }
}

/// An image for another version of Windows: containers run on their own only.
fn other_version(
    project: &Project,
    node: &Node,
    name: &str,
    at: &Node,
    kind: &str,
) -> Option<Diagnostic> {
    let wanted = codebuild::curated(name)?.environment.as_ref()?;
    if wanted == kind {
        return None;
    }
    let message = format!("`{name}` is offered with `{wanted}`, and the machine is `{kind}`");
    let finding = parts::doubtful(&PLATFORM, project, IMAGE, node, message).label("the image");
    let finding = parts::on_machine(finding, project, (at, node), "the machine");
    Some(finding.help(format!(
        "write `type: {wanted}`, or take an image of that version"
    )))
}
