//! From a file to what should exist.

use super::account::REGION_OF_NO_ACCOUNT;
use super::session::{Document, Ready, Session};
use super::{End, binary};
use crate::compile::{self, Compiled, Facts};
use crate::error::Failure;
use crate::model::Model;
use crate::variables::Request;

/// The account and its region where nobody knows the account.
const UNKNOWN_ACCOUNT: &str = "${aws:accountId}";

/// What the file wants, without asking anybody.
pub(super) fn offline(session: &mut Session<'_>) -> Result<Compiled, End> {
    Ok(offline_and_reads(session)?.0)
}

/// The same, and what its variables would ask the account for.
pub(super) fn offline_and_reads(
    session: &mut Session<'_>,
) -> Result<(Compiled, Vec<Request>), End> {
    let document = session.document_offline()?;
    let Some(model) = session.check(&document, true) else {
        session.end_on_errors(None)?;
        return Err(no_pipeline());
    };
    session.end_on_errors(None)?;
    let facts = offline_facts(session, &document);
    let compiled = compile::compile(&model, &facts, &mut session.found);
    session.end_on_errors(None)?;
    Ok((compiled, document.foreseen))
}

/// What the file wants in its account; `applies` if the account is to become so.
pub(super) async fn with_account(
    session: &mut Session<'_>,
    applies: bool,
) -> Result<(Compiled, Ready), End> {
    let ready = session.ready().await?;
    let facts = Facts {
        account: ready.identity.account.clone(),
        partition: ready.identity.partition.clone(),
        region: ready.account.cloud.region().to_owned(),
        binary: if uploads_pipectl(&ready.model) {
            binary::find()?
        } else {
            None
        },
        binary_must_fit: applies && (binary::is_named() || ready.account.sandbox.is_none()),
        ..facts(session, &ready.document)
    };
    let compiled = compile::compile(&ready.model, &facts, &mut session.found);
    session.end_on_errors(None)?;
    Ok((compiled, ready))
}

/// What compiling needs where nobody is asked.
pub(super) fn offline_facts(session: &Session<'_>, document: &Document) -> Facts {
    Facts {
        account: UNKNOWN_ACCOUNT.to_owned(),
        partition: "aws".to_owned(),
        region: document
            .region
            .clone()
            .unwrap_or_else(|| REGION_OF_NO_ACCOUNT.to_owned()),
        offline: true,
        ..facts(session, document)
    }
}

/// Whether a self-update runs the pipectl that apply uploads.
fn uploads_pipectl(model: &Model) -> bool {
    model
        .pipelines
        .iter()
        .flat_map(|pipeline| &pipeline.stages)
        .flat_map(|stage| &stage.actions)
        .filter_map(|action| action.self_update.as_ref())
        .any(|options| options.install.is_empty() && options.version.is_none())
}

fn no_pipeline() -> End {
    Failure::no("file-empty", "the file describes no pipeline").into()
}

/// What compiling needs, but for the account.
fn facts(session: &Session<'_>, document: &Document) -> Facts {
    Facts {
        stage: document.stage.clone(),
        file: document.in_repository.clone(),
        params: session.params().unwrap_or_default(),
        reads: document.asked.clone(),
        ..Facts::default()
    }
}
