//! A raw artifact store has what AWS wants of one.

use super::wording::{api_stores, below, quoted, unfit};
use crate::catalog::structure;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, nearest};
use crate::model::{ArtifactStore, Given, Text};
use crate::source::Span;
use crate::tree::{Data, Entry, Node};

pub(super) const RULE: Rule = Rule {
    code: "artifact-store-invalid",
    severity: Severity::Error,
    summary: "an artifact store lacks a member or has a value that AWS does not take",
    why: "An artifact store is `{type: S3, location: BUCKET}`, and with a key of one's own `encryptionKey: {id: KEY, \
          type: KMS}`. The location is the name of a bucket, not its ARN or URL.",
    aws: "Member must satisfy regular expression pattern: [a-zA-Z0-9\\-\\.]+",
    wrong: "artifactStore:\n  type: S3\n  location: s3://shop-artifacts",
    right: "artifactStore:\n  type: S3\n  location: shop-artifacts",
    link: "https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ArtifactStore.html",
    facts: &["V01"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let provider = &subject.model.provider;
    let path = "provider.artifactStore".to_owned();
    short(subject, &provider.artifact_store, &path, diagnostics);
    for (region, store) in &provider.region_stores {
        let path = format!("{path}.regions.{}", region.value);
        short(subject, store, &path, diagnostics);
    }
    for pipeline in &subject.model.pipelines {
        for entry in api_stores(pipeline) {
            let path = below(&pipeline.path, &entry.key);
            if entry.key == "artifactStore" {
                store(subject, entry, &path, pipeline.raw, diagnostics);
                continue;
            }
            let Some(stores) = members(
                entry,
                &path,
                "a map of regions and their stores",
                diagnostics,
            ) else {
                continue;
            };
            for entry in stores {
                let path = format!("{path}.{}", entry.key);
                store(subject, entry, &path, pipeline.raw, diagnostics);
            }
        }
    }
}

/// A store of the short form: a bucket that exists, or the name of one to make.
fn short(subject: &Subject<'_>, store: &ArtifactStore, path: &str, diagnostics: &mut Diagnostics) {
    let names = structure::names();
    let at = |part: &str| format!("{path}.{part}");
    match &store.bucket {
        Some(Given::Existing(bucket)) => {
            diagnostics.extend(of_bucket(subject, bucket, at("bucket")));
        }
        Some(Given::Made(Some(name))) => {
            let fact = &names.made_bucket;
            let path = at("bucket.name");
            let small = name.value.to_lowercase();
            let finding = unfit(&RULE, subject, name, fact, "bucket name", path);
            diagnostics.extend(finding.map(|finding| match fact.check(&small) {
                Ok(()) => finding.help(format!("write `{small}`: S3 takes no capitals")),
                Err(_) => finding,
            }));
        }
        _ => {}
    }
    if let Some((0, span)) = store.retention_days {
        let message = "artifacts are kept for a day at least";
        diagnostics.push(
            RULE.finding(span, at("retention"), message)
                .label("not a day")
                .help("write `1d` or more"),
        );
    }
    if let Some(key) = &store.kms_key {
        let fact = &names.encryption_key;
        diagnostics.extend(unfit(&RULE, subject, key, fact, "KMS key", at("kmsKey")));
        diagnostics.extend(no_key(key, at("kmsKey")));
    }
}

/// An ARN that is not of a key.
fn no_key(id: &Text, path: String) -> Option<Diagnostic> {
    let facts = structure::names();
    let fits = !id.value.starts_with("arn:") || facts.kms_arn.check(&id.value).is_ok();
    // its length was looked at
    if fits || !id.known || facts.encryption_key.check(&id.value).is_err() {
        return None;
    }
    let message = format!("`{}` is not the ARN of a KMS key", id.value);
    let finding = RULE.finding(id.span, path, message).label("no KMS key");
    let help = "it looks like arn:aws:kms:REGION:ACCOUNT:key/ID, or :alias/NAME at the end";
    Some(finding.help(help).through(id.origin.as_ref()))
}

/// The name of a bucket that exists.
fn of_bucket(subject: &Subject<'_>, bucket: &Text, path: String) -> Option<Diagnostic> {
    let fact = &structure::names().artifact_bucket;
    let finding = unfit(&RULE, subject, bucket, fact, "bucket name", path)?;
    let alone = name_in(&bucket.value).filter(|name| fact.check(name).is_ok());
    Some(match alone {
        Some(name) => finding.help(format!("write the name of the bucket alone: `{name}`")),
        None => finding,
    })
}

/// The name in the address of a bucket or of an object of it. What a web address has where depends on its kind: of one
/// to the console or the API the name is the last part.
fn name_in(address: &str) -> Option<&str> {
    let (web, rest) = match address.split_once("://") {
        Some(("s3", rest)) => (false, rest),
        Some((_, rest)) => (true, rest),
        None => (false, address),
    };
    let rest = rest.trim_end_matches('/');
    let name = if web {
        rest.rsplit('/').next()
    } else {
        let rest = rest.rsplit(':').next().unwrap_or(rest);
        rest.split('/').next()
    };
    name.filter(|name| *name != address)
}

fn members<'n>(
    entry: &'n Entry,
    path: &str,
    what: &str,
    diagnostics: &mut Diagnostics,
) -> Option<&'n [Entry]> {
    if entry.value.as_map().is_none() && !entry.value.has_unknown() {
        diagnostics.push(
            RULE.finding(
                entry.value.span,
                path,
                format!("`{}` must be {what}, not {}", entry.key, entry.value.kind()),
            )
            .label(format!("{} here", entry.value.kind()))
            .help("write e.g. `{type: S3, location: BUCKET}`"),
        );
    }
    entry.value.as_map()
}

/// A store in the words of the API; one that goes over a made one needs not be whole.
fn store(
    subject: &Subject<'_>,
    entry: &Entry,
    path: &str,
    whole: bool,
    diagnostics: &mut Diagnostics,
) {
    let enums = structure::enums();
    if members(entry, path, "a map with `type` and `location`", diagnostics)
        .is_none_or(<[Entry]>::is_empty)
    {
        return;
    }
    let required = &structure::structure().required;
    let node = &entry.value;
    if whole {
        lacks(
            node,
            entry.key_span,
            path,
            &required["artifactStore"],
            diagnostics,
        );
    }
    texts(node, path, &required["artifactStore"], diagnostics);
    one_of(node, "type", path, &enums.artifact_store, diagnostics);
    if let Some(bucket) = text(node, "location") {
        diagnostics.extend(of_bucket(subject, &bucket, format!("{path}.location")));
    }
    let Some(key) = node
        .entry("encryptionKey")
        .filter(|key| !key.value.is_null())
    else {
        return;
    };
    let path = format!("{path}.encryptionKey");
    if members(key, &path, "a map with `id` and `type`", diagnostics).is_none() {
        return;
    }
    if whole || subject.model.provider.artifact_store.kms_key.is_none() {
        lacks(
            &key.value,
            key.key_span,
            &path,
            &required["encryptionKey"],
            diagnostics,
        );
    }
    texts(&key.value, &path, &required["encryptionKey"], diagnostics);
    one_of(
        &key.value,
        "type",
        &path,
        &enums.encryption_key,
        diagnostics,
    );
    if let Some(id) = text(&key.value, "id") {
        let fact = &structure::names().encryption_key;
        let path = format!("{path}.id");
        diagnostics.extend(unfit(&RULE, subject, &id, fact, "KMS key", path.clone()));
        diagnostics.extend(no_key(&id, path));
    }
}

fn text(node: &Node, key: &str) -> Option<Text> {
    let value = node.get(key)?;
    let Data::Text(text) = &value.data else {
        return None;
    };
    Some(Text {
        origin: value.origin.clone(),
        ..Text::new(text.clone(), value.span)
    })
}

/// Members that are there and no texts.
fn texts(node: &Node, path: &str, members: &[String], diagnostics: &mut Diagnostics) {
    for member in members {
        let Some(value) = node.get(member) else {
            continue;
        };
        if value.is_null()
            || value.has_unknown()
            || matches!(value.data, Data::Text(_) | Data::Secret(_))
        {
            continue;
        }
        diagnostics.push(
            RULE.finding(
                value.span,
                format!("{path}.{member}"),
                format!("`{member}` must be a text, not {}", value.kind()),
            )
            .label(format!("{} here", value.kind()))
            .help(match value.scalar_text() {
                Some(text) => format!("quote it: \"{text}\""),
                None => "write a text".to_owned(),
            })
            .through(value.origin.as_ref()),
        );
    }
}

fn lacks(node: &Node, owner: Span, path: &str, required: &[String], diagnostics: &mut Diagnostics) {
    for member in required {
        if node.get(member).is_none_or(Node::is_null) {
            diagnostics.push(
                RULE.finding(owner, path, format!("`{path}` has no `{member}`"))
                    .label(format!("without `{member}`"))
                    .help(format!(
                        "the API wants {}",
                        quoted(required.iter().map(String::as_str))
                    )),
            );
        }
    }
}

fn one_of(node: &Node, key: &str, path: &str, words: &[String], diagnostics: &mut Diagnostics) {
    let Some(word) = text(node, key) else { return };
    if words.contains(&word.value) {
        return;
    }
    let near = nearest(&word.value, words.iter().map(String::as_str));
    let near = near
        .or(words.first().map(String::as_str))
        .unwrap_or_default();
    diagnostics.push(
        RULE.finding(
            word.span,
            format!("{path}.{key}"),
            format!("`{key}` cannot be `{}`", word.value),
        )
        .label("unknown word")
        .help(format!("write `{near}`"))
        .through(word.origin.as_ref()),
    );
}
