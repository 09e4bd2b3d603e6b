//! CodeBuild's own images are pulled by CodeBuild, and credentials of a registry are for other registries.

use super::parts;
use crate::catalog::codebuild::{self, ImageKind};
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "project-image-pull",
    severity: Severity::Error,
    summary: "the way in which the image of a project is pulled does not fit the image",
    why: "An image of aws/codebuild/ is pulled with CodeBuild's own credentials. Credentials of a registry \
          (`registryCredential`) are for a registry of somebody else, and go with imagePullCredentialsType SERVICE_ROLE.",
    aws: "",
    wrong: "environment:\n  image: aws/codebuild/standard:7.0\n  imagePullCredentialsType: SERVICE_ROLE",
    right: "environment:\n  image: aws/codebuild/standard:7.0\n  imagePullCredentialsType: CODEBUILD",
    link: "https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ProjectEnvironment.html",
    facts: &["P11", "P12"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for project in parts::raw(subject) {
        let Some(environment) = fields::get(&project.definition, "environment") else {
            continue;
        };
        let Some(image) = fields::get(environment, "image") else {
            continue;
        };
        let Some(name) = fields::known(image) else {
            continue;
        };
        let kind = codebuild::image_kind(name);
        let curated = matches!(kind, ImageKind::Curated { .. } | ImageKind::UnknownCurated);
        let pull = fields::get(environment, "imagePullCredentialsType");
        let by_role = pull.and_then(fields::known) == Some("SERVICE_ROLE");
        let lambda = fields::word(environment, "type")
            .and_then(codebuild::environment_type)
            .is_some_and(|kind| kind.lambda);
        let ecr = name.contains(".dkr.ecr.") && name.contains(".amazonaws.com");
        if curated
            && by_role
            // that Lambda compute has none of all this has a rule of its own
            && !lambda
            && let Some(pull) = pull
        {
            diagnostics.push(
                parts::finding(
                    &RULE,
                    project,
                    "environment.imagePullCredentialsType",
                    pull,
                    format!("CodeBuild pulls `{name}` itself, not with the project's role"),
                )
                .label("not for this image")
                .related(image.span, "an image of CodeBuild")
                .help("write `CODEBUILD`, or leave it out"),
            );
        }
        let Some(entry) = environment
            .entry("registryCredential")
            .filter(|entry| !entry.value.is_null())
        else {
            continue;
        };
        let place = parts::place(project, "environment.registryCredential");
        if curated || ecr {
            diagnostics.push(
                RULE.finding(
                    entry.key_span,
                    place,
                    format!("`{name}` needs no credentials of a registry"),
                )
                .label("not needed")
                .related(
                    image.span,
                    match ecr {
                        true => "an image of ECR: the role pulls it",
                        false => "an image of CodeBuild",
                    },
                )
                .help("leave `registryCredential` out"),
            );
        } else if !by_role && pull.is_none_or(|pull| fields::known(pull).is_some()) {
            let finding = RULE
                .finding(
                    entry.key_span,
                    place,
                    "`registryCredential` needs `imagePullCredentialsType: SERVICE_ROLE`",
                )
                .label("not used so");
            diagnostics.push(match pull {
                Some(pull) => finding
                    .related(pull.span, "pulls with CodeBuild's own credentials")
                    .help("write `SERVICE_ROLE`"),
                None => finding.help("add `imagePullCredentialsType: SERVICE_ROLE`"),
            });
        }
    }
}
