//! CodeBuild's own images are pulled by CodeBuild, and credentials of a registry are for other registries.

use super::parts;
use crate::catalog::codebuild::{self, ImageKind};
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::Project;
use crate::source::Span;
use crate::tree::Node;

pub(super) const RULE: Rule = Rule {
    code: "project-image-pull",
    severity: Severity::Error,
    summary: "the way in which the image of a project is pulled does not fit the image",
    why: "An image of aws/codebuild/ is pulled with CodeBuild's own credentials. An image in ECR of another account is \
          pulled with the project's role, imagePullCredentialsType SERVICE_ROLE: CodeBuild's own credentials reach the \
          registry of the project's account only. Credentials of a registry (`registryCredential`) are for a registry of \
          somebody else, not for ECR, and go with SERVICE_ROLE too.",
    aws: "",
    wrong: "environment:\n  image: aws/codebuild/standard:7.0\n  imagePullCredentialsType: SERVICE_ROLE",
    right: "environment:\n  image: aws/codebuild/standard:7.0\n  imagePullCredentialsType: CODEBUILD",
    link: "https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ProjectEnvironment.html",
    facts: &["P11", "P12", "P29"],
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
        // what Lambda compute does not take has a rule of its own
        let lambda = fields::word(environment, "type")
            .and_then(codebuild::environment_type)
            .is_some_and(|kind| kind.lambda);
        let ecr = codebuild::ecr_account(name).is_some();
        if !lambda {
            other_account(subject, project, image, pull, diagnostics);
        }
        if curated
            && by_role
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

/// An image in ECR of another account, pulled by CodeBuild itself.
fn other_account(
    subject: &Subject<'_>,
    project: &Project,
    image: &Node,
    pull: Option<&Node>,
    diagnostics: &mut Diagnostics,
) {
    // what is not said is CODEBUILD
    if pull.is_some_and(|pull| fields::known(pull) != Some("CODEBUILD")) {
        return;
    }
    let Some(text) = fields::leaf(image) else {
        return;
    };
    let Some(account) = codebuild::ecr_account(&text.value) else {
        return;
    };
    let Some((home, said)) = home(subject, project).filter(|(home, _)| home != account) else {
        return;
    };
    let place = parts::place(project, "environment.image");
    let span = subject.part(&text, 0, account.len());
    let message = format!(
        "the image is in the account {account}, and CodeBuild's own credentials reach the registry of {home} only"
    );
    let finding = match pull {
        Some(pull) => RULE
            .finding(span, place, message)
            .related(pull.span, "pulls with CodeBuild's own credentials"),
        None => RULE.doubtful(span, place, message),
    };
    diagnostics.push(
        finding
            .label("another account")
            .related(said, "the account of the project")
            .through(text.origin.as_ref())
            .help("write `imagePullCredentialsType: SERVICE_ROLE`, and let the project's role read the repository"),
    );
}

/// The account of a project, where the file tells it.
fn home(subject: &Subject<'_>, project: &Project) -> Option<(String, Span)> {
    let role = fields::get(&project.definition, "serviceRole")?;
    let account = fields::known(role)
        .and_then(|arn| arn.split(':').nth(4))
        .filter(|account| account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()));
    if let Some(account) = account {
        return Some((account.to_owned(), role.span));
    }
    let id = subject.model.provider.account_id.as_ref()?;
    id.known.then(|| (id.value.clone(), id.span))
}
