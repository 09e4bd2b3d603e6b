//! The cache of a buildspec.

use super::spec::{self, Form};
use crate::catalog::buildspec::buildspec;
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::tree::Node;

pub(super) const RULE: Rule = Rule {
    code: "buildspec-cache",
    severity: Severity::Error,
    summary: "the cache of a buildspec has too many fallback keys, or keys that are never looked at",
    why: "A cache in S3 is found again by its key; where there is none of that key, by the first of at most 5 fallback \
          keys that fits. Fallback keys without a key, and keys of a local cache, are passed over.",
    aws: "",
    wrong: "cache:\n  fallback-keys: [npm-]\n  paths: [node_modules/**/*]",
    right: "cache:\n  key: npm-$(codebuild-hash-files package-lock.json)\n  fallback-keys: [npm-]\n  paths: [node_modules/**/*]",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/caching-s3.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let quota = &buildspec().cache_fallback_keys;
    for spec in spec::specs(subject) {
        let Some(cache) = fields::get(&spec.root, "cache") else {
            continue;
        };
        let list = fields::items(cache, "fallback-keys");
        if let Some(first) = usize::try_from(quota.max)
            .ok()
            .and_then(|max| list.get(max))
        {
            diagnostics.push(
                spec.finding(
                    &RULE,
                    first.span,
                    "cache.fallback-keys",
                    format!(
                        "{} fallback keys; a cache takes at most {}",
                        list.len(),
                        quota.max
                    ),
                )
                .label("one too many")
                .help(format!("keep {} of them", quota.max)),
            );
        }
        if let Some(entry) = cache.entry("fallback-keys")
            && cache.get("key").is_none()
        {
            let word = spec.called("fallback-keys");
            // of a buildspec that is made only the values have a place
            let span = match list.first() {
                Some(first) if spec.form == Form::Made => first.span,
                _ => entry.key_span,
            };
            diagnostics.push(
                spec.doubtful(
                    &RULE,
                    span,
                    "cache.fallback-keys",
                    format!("`{word}` without `key` are passed over"),
                )
                .label("never looked at")
                .help("give the cache a `key`, or leave them out"),
            );
        }
        let Some(entry) = cache.entry("key") else {
            continue;
        };
        let mut kinds = spec
            .projects
            .iter()
            .map(|project| fields::get(&project.definition, "cache.type"));
        let local = |kind: &Option<&Node>| kind.and_then(fields::known) == Some("LOCAL");
        if let Some(Some(first)) = kinds.clone().next()
            && kinds.all(|kind| local(&kind))
        {
            let finding = spec
                .doubtful(
                    &RULE,
                    entry.key_span,
                    "cache.key",
                    "the key of a local cache is passed over",
                )
                .label("never looked at")
                .related(first.span, "a local cache");
            diagnostics.push(finding.help(
                if spec.form == Form::Made || spec.form == Form::Written {
                    "leave it out, or keep the cache in S3: `cache: {s3: BUCKET/PREFIX, …}`"
                } else {
                    "leave it out, or give the project a cache in S3"
                },
            ));
        }
    }
}
