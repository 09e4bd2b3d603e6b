//! Artifacts for another account without a key of one's own.

use crate::checks::flow;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::{Given, Model, Pipeline, Text};
use crate::source::Span;

pub(super) const RULE: Rule = Rule {
    code: "cross-account-key",
    severity: Severity::Warning,
    summary: "an action works in another account, and the artifact store has no KMS key",
    why: "Without a key of its own the artifact store uses the key of S3 that AWS manages in the account, and nobody in \
          another account may use that one: the action is created, and then cannot read its artifact.\n\n\
          A customer managed key whose policy names the other account's role can be used from there.",
    aws: "",
    wrong: "provider:\n  accountId: \"111111111111\"\nstages:\n  - deploy:\n      actionRole: arn:aws:iam::222222222222:role/deploy\n      s3: { bucket: pages }",
    right: "provider:\n  accountId: \"111111111111\"\n  artifactStore:\n    kmsKey: arn:aws:kms:eu-west-1:111111111111:key/1c1b7a5e-0000-4000-8000-000000000000",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-create-cross-account.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        let Some((home, said)) = home(subject.model, pipeline) else {
            continue;
        };
        if has_key(subject.model, pipeline) {
            continue;
        }
        for step in flow::steps(pipeline) {
            let action = step.action;
            let Some(role) = action.role_arn.as_ref() else {
                continue;
            };
            let idle = action.inputs.is_empty() && action.outputs.is_empty();
            let Some(account) = account(role).filter(|account| *account != home && !idle) else {
                continue;
            };
            let start = role.value.find(account).unwrap_or(0);
            let key = if action.raw { "roleArn" } else { "actionRole" };
            let help = if pipeline.raw {
                "give `artifactStore` an `encryptionKey` of type `KMS`, with the ARN of a key that this role may use"
            } else {
                "write `provider: {artifactStore: {kmsKey: ARN}}`, with a key that this role may use"
            };
            diagnostics.push(
                RULE.finding(
                    subject.part(role, start, start + account.len()),
                    step.path(key),
                    format!(
                        "`{}` works in the account {account}, and cannot read artifacts of {home} without a KMS key",
                        action.name.value
                    ),
                )
                .label("another account")
                .related(said, "the account of the pipeline")
                .help(help)
                .through(role.origin.as_ref()),
            );
        }
    }
}

/// The account of an ARN.
fn account(arn: &Text) -> Option<&str> {
    let account = arn.value.split(':').nth(4).filter(|_| arn.known)?;
    (account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit())).then_some(account)
}

/// The account of the pipeline, where the file tells it.
fn home<'a>(model: &'a Model, pipeline: &'a Pipeline) -> Option<(&'a str, Span)> {
    if let Some(id) = model.provider.account_id.as_ref().filter(|id| id.known) {
        return Some((&id.value, id.span));
    }
    let role = match &model.provider.pipeline_role {
        _ if pipeline.raw => pipeline.role_arn.as_ref()?,
        Some(Given::Existing(role)) => role,
        _ => return None,
    };
    Some((account(role)?, role.span))
}

fn has_key(model: &Model, pipeline: &Pipeline) -> bool {
    if pipeline.raw {
        return pipeline.raw_stores.iter().any(|entry| {
            let own = entry.value.get("encryptionKey").is_some();
            let stores = entry.value.as_map().unwrap_or_default();
            own || stores
                .iter()
                .any(|store| store.value.get("encryptionKey").is_some())
        });
    }
    let provider = &model.provider;
    let regions = provider.region_stores.iter().map(|(_, store)| store);
    pipeline.api.is_some()
        || std::iter::once(&provider.artifact_store)
            .chain(regions)
            .any(|store| store.kms_key.is_some())
}
