//! A raw pipeline has `artifactStore` or `artifactStores`.

use super::wording::{api_stores, below};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::model::Pipeline;
use crate::tree::Entry;

pub(super) const RULE: Rule = Rule {
    code: "artifact-store-choice",
    severity: Severity::Error,
    summary: "a pipeline has no artifact store, or both `artifactStore` and `artifactStores`",
    why: "A pipeline whose actions all stand in one region has `artifactStore`. One with actions in several regions \
          has `artifactStores`, a map with a store for each of them. One of the two has to be there, and not both. \
          Outside of raw definitions the stores are made.",
    aws: "",
    wrong: "artifactStore: {type: S3, location: shop-artifacts}\nartifactStores:\n  eu-west-1: {type: S3, location: shop-artifacts}",
    right: "artifactStore: {type: S3, location: shop-artifacts}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/pipeline-requirements.html",
    facts: &["S14"],
    check,
};

const KEYS: [&str; 2] = ["artifactStore", "artifactStores"];

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        match pipeline.raw {
            true => one(subject, pipeline, diagnostics),
            false => diagnostics.extend(beside_made(subject, pipeline)),
        }
    }
}

/// One store under `api:`, where several are made.
fn beside_made(subject: &Subject<'_>, pipeline: &Pipeline) -> Option<Diagnostic> {
    let stores = api_stores(pipeline);
    let [only] = stores[..] else {
        return None;
    };
    let mut actions = pipeline.stages.iter().flat_map(|stage| &stage.actions);
    let abroad = actions.find_map(|action| {
        let region = action.region.as_ref().filter(|region| region.known)?;
        (subject.region.is_some() && subject.region != Some(region.value.as_str()))
            .then_some(region)
    });
    let region = abroad.filter(|_| only.key == KEYS[0])?;
    let path = below(&pipeline.path, &only.key);
    let message = "a pipeline with actions in several regions has `artifactStores`";
    Some(
        RULE.finding(only.key_span, path, message)
            .label("of one region only")
            .related(region.span, "another region")
            .help("write `artifactStores: {REGION: {type: S3, location: BUCKET}}`"),
    )
}

/// A store is there if it says something: an empty map is none.
fn given(entry: &&Entry) -> bool {
    !entry.value.is_null() && entry.value.as_map().is_none_or(|map| !map.is_empty())
}

fn one(subject: &Subject<'_>, pipeline: &Pipeline, diagnostics: &mut Diagnostics) {
    let stores: Vec<&Entry> = pipeline.raw_stores.iter().filter(given).collect();
    let name = &pipeline.name.value;
    match stores[..] {
        [] if subject.has_read_members(&pipeline.path, &KEYS) => diagnostics.push(
            RULE.finding(
                pipeline.span,
                &pipeline.path,
                format!("the pipeline `{name}` has neither `artifactStore` nor `artifactStores`"),
            )
            .label("without a store")
            .help("give it a bucket: `artifactStore: {type: S3, location: BUCKET}`"),
        ),
        [first, second, ..] => diagnostics.push(
            RULE.finding(
                second.key_span,
                format!("{}.{}", pipeline.path, second.key),
                format!("the pipeline `{name}` has `artifactStore` and `artifactStores`"),
            )
            .label("one too many")
            .related(first.key_span, "the other")
            .help(
                "keep `artifactStores` if actions stand in several regions, else `artifactStore`",
            ),
        ),
        _ => {}
    }
}
