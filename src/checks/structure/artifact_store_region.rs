//! A bucket of artifacts and its key are in the region that they serve.

use std::collections::BTreeMap;

use super::wording::api_stores;
use crate::catalog::structure;
use crate::checks::{Rule, Subject, fields};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::model::{Given, Text};
use crate::source::Span;
use crate::tree::Entry;

pub(super) const RULE: Rule = Rule {
    code: "artifact-store-region",
    severity: Severity::Error,
    summary: "the key or the bucket of an artifact store is in another region than the store",
    why: "Every region in which a pipeline acts has its own artifact store. Its bucket lives in that region, and so does \
          the KMS key that encrypts what is in it: S3 encrypts with keys of the bucket's region only, and one bucket \
          cannot be in two regions.",
    aws: "An error occurred while validating the artifact bucket 'X': No bucket with the name X was found. Choose a valid \
          artifact bucket in 'R'",
    wrong: "artifactStores:\n  eu-west-1:\n    type: S3\n    location: shop-artifacts\n    encryptionKey:\n      type: KMS\n      id: arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555",
    right: "artifactStores:\n  eu-west-1:\n    type: S3\n    location: shop-artifacts\n    encryptionKey:\n      type: KMS\n      id: arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/actions-create-cross-region.html",
    facts: &["S16"],
    check,
};

/// A store and the region it serves.
struct Store {
    /// The region, and where the file says it.
    region: (String, Option<Span>),
    /// The bucket, with its path.
    bucket: Option<(Text, String)>,
    /// The key, with its path.
    key: Option<(Text, String)>,
}

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let provider = &subject.model.provider;
    let home = provider.region.as_ref().filter(|region| region.known);
    let said = home.map(|region| (region.value.clone(), Some(region.span)));
    for pipeline in &subject.model.pipelines {
        let mut stores = Vec::new();
        for entry in api_stores(pipeline) {
            let path = fields::join(&pipeline.path, &entry.key);
            if entry.key == "artifactStore" {
                stores.extend(said.clone().map(|region| raw(entry, &path, region)));
                continue;
            }
            for store in entry.value.as_map().unwrap_or_default() {
                let path = fields::join(&path, &store.key);
                let region = (store.key.clone(), Some(store.key_span));
                stores.push(raw(store, &path, region));
            }
        }
        judge(subject, stores, diagnostics);
    }
    let friendly = |store: &crate::model::ArtifactStore, path: &str, region| Store {
        region,
        bucket: match &store.bucket {
            Some(Given::Existing(bucket)) => Some((bucket.clone(), format!("{path}.bucket"))),
            _ => None,
        },
        key: (store.kms_key.clone()).map(|key| (key, format!("{path}.kmsKey"))),
    };
    let path = "provider.artifactStore";
    let own = said.map(|region| friendly(&provider.artifact_store, path, region));
    let others = provider.region_stores.iter().map(|(region, store)| {
        let path = format!("{path}.regions.{}", region.value);
        friendly(store, &path, (region.value.clone(), Some(region.span)))
    });
    judge(
        subject,
        own.into_iter().chain(others).collect(),
        diagnostics,
    );
}

fn raw(entry: &Entry, path: &str, region: (String, Option<Span>)) -> Store {
    let text = |member: &str| {
        let text = fields::get(&entry.value, member).and_then(fields::leaf)?;
        Some((text, format!("{path}.{member}")))
    };
    Store {
        region,
        bucket: text("location"),
        key: text("encryptionKey.id"),
    }
}

fn judge(subject: &Subject<'_>, stores: Vec<Store>, diagnostics: &mut Diagnostics) {
    let mut buckets: BTreeMap<String, (String, Span)> = BTreeMap::new();
    for store in stores {
        let (region, place) = &store.region;
        if let Some((key, path)) = &store.key {
            diagnostics.extend(elsewhere(subject, key, path, region, *place));
        }
        // what is no region is told as such
        let known = structure::regions().is_known(region);
        let Some((bucket, path)) = store.bucket.filter(|(bucket, _)| bucket.known && known) else {
            continue;
        };
        match buckets.get(&bucket.value) {
            Some((other, first)) if other != region => diagnostics.push(
                RULE.finding(
                    bucket.span,
                    path,
                    format!(
                        "the bucket `{}` is in one region, and serves `{other}` already",
                        bucket.value
                    ),
                )
                .label("the same bucket")
                .related(*first, format!("the store of `{other}`"))
                .through(bucket.origin.as_ref())
                .help(format!("give a bucket that is in `{region}`")),
            ),
            Some(_) => {}
            None => {
                let first = bucket.span;
                buckets.insert(bucket.value, (region.clone(), first));
            }
        }
    }
}

/// A key that its ARN says to be in another region.
fn elsewhere(
    subject: &Subject<'_>,
    key: &Text,
    path: &str,
    region: &str,
    place: Option<Span>,
) -> Option<Diagnostic> {
    if !key.known || structure::names().kms_arn.check(&key.value).is_err() {
        return None;
    }
    let there = key.value.split(':').nth(3)?;
    // a placeholder is no region
    let regions = structure::regions();
    if there == region || !regions.is_known(there) || !regions.is_known(region) {
        return None;
    }
    let start = key.value.find(there)?;
    let right = key.value.replacen(there, region, 1);
    Some(
        RULE.finding(
            subject.part(key, start, start + there.len()),
            path,
            format!("the key is in `{there}`, and the store in `{region}`"),
        )
        .label("another region")
        .perhaps_related(place, "the region of the store")
        .through(key.origin.as_ref())
        .help(format!("give a key of `{region}`, such as `{right}`")),
    )
}
