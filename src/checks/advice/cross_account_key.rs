//! Artifacts for another account without a key of one's own.

use crate::checks::flow;
use crate::checks::structure::wording::api_stores;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::{Given, Model, Pipeline, Text};
use crate::source::Span;
use crate::tree::Node;

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
        let keys = keys(subject.model, pipeline);
        let alias = keys.iter().find(|(id, _)| id.starts_with("alias/"));
        if !keys.is_empty() && alias.is_none() {
            continue;
        }
        for worker in workers(pipeline) {
            let role = worker.role;
            let Some(account) = account(role).filter(|account| *account != home) else {
                continue;
            };
            let start = role.value.find(account).unwrap_or(0);
            let span = subject.part(role, start, start + account.len());
            let who = worker.who;
            let finding = match alias {
                Some((id, place)) => RULE
                    .finding(
                        span,
                        worker.path,
                        format!("{who} works in the account {account}, where `{id}` is another key or none"),
                    )
                    .related(*place, "an alias without an account")
                    .help("write the ARN of the key or of its alias, `arn:aws:kms:REGION:ACCOUNT:alias/NAME`"),
                None => RULE
                    .finding(
                        span,
                        worker.path,
                        format!("{who} works in the account {account}, and cannot read artifacts of {home} without a KMS key"),
                    )
                    .related(said, "the account of the pipeline")
                    .help(if pipeline.raw {
                        "give `artifactStore` an `encryptionKey` of type `KMS`, with the ARN of a key that this role may use"
                    } else {
                        "write `provider: {artifactStore: {kmsKey: ARN}}`, with a key that this role may use"
                    }),
            };
            diagnostics.push(
                finding
                    .label("another account")
                    .through(role.origin.as_ref()),
            );
        }
    }
}

/// What reads or writes artifacts under a role of its own.
struct Worker<'a> {
    who: String,
    role: &'a Text,
    path: String,
}

fn workers(pipeline: &Pipeline) -> Vec<Worker<'_>> {
    let mut all = Vec::new();
    for step in flow::steps(pipeline) {
        let action = step.action;
        let idle = action.inputs.is_empty() && action.outputs.is_empty();
        if let Some(role) = action.role_arn.as_ref().filter(|_| !idle) {
            all.push(Worker {
                who: format!("`{}`", action.name.value),
                role,
                path: step.path("role"),
            });
        }
    }
    for stage in &pipeline.stages {
        let conditions = [&stage.before_entry, &stage.on_success, &stage.on_failure];
        for condition in conditions.into_iter().flatten() {
            let (list, word) = match condition.raw {
                Some(_) => ("conditions[0].rules", "roleArn"),
                None => ("check", "actionRole"),
            };
            for (index, rule) in condition.rules.iter().enumerate() {
                if let Some(role) = rule.role_arn.as_ref().filter(|_| !rule.inputs.is_empty()) {
                    all.push(Worker {
                        who: format!("the rule `{}`", rule.name.value),
                        role,
                        path: format!("{}.{list}[{index}].{word}", condition.path),
                    });
                }
            }
        }
    }
    all
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

/// The keys of the artifact stores; of one that is not known the empty text.
fn keys(model: &Model, pipeline: &Pipeline) -> Vec<(String, Span)> {
    let of = |store: &Node| {
        let key = store.get("encryptionKey")?;
        let id = key.get("id");
        let text = id.and_then(Node::as_str).unwrap_or_default().to_owned();
        Some((text, id.unwrap_or(key).span))
    };
    let stores = api_stores(pipeline).into_iter().flat_map(|entry| {
        let members = entry.value.as_map().unwrap_or_default();
        std::iter::once(&entry.value).chain(members.iter().map(|store| &store.value))
    });
    let said: Vec<(String, Span)> = stores.filter_map(of).collect();
    // what `api:` says goes over what is made
    if pipeline.raw || !said.is_empty() {
        return said;
    }
    let provider = &model.provider;
    let regions = provider.region_stores.iter().map(|(_, store)| store);
    std::iter::once(&provider.artifact_store)
        .chain(regions)
        .filter_map(|store| store.kms_key.as_ref())
        .map(|key| (key.value.clone(), key.span))
        .collect()
}
