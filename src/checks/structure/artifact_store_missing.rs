//! Every region that a raw pipeline works in has an artifact store.

use super::wording::{is_source, lived_in};
use crate::catalog::structure;
use crate::checks::{Rule, Subject, flow};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::model::{Action, Pipeline, Text};
use crate::tree::Entry;

pub(super) const RULE: Rule = Rule {
    code: "artifact-store-missing",
    severity: Severity::Error,
    summary: "a pipeline works in a region for which it has no artifact store",
    why: "An action of another region reads its artifacts from a bucket of that region. A pipeline with such an action \
          has `artifactStores`, with one store for every region of its actions and one for its own. Outside of raw \
          definitions the missing stores are made.",
    aws: "",
    wrong: "artifactStores:\n  eu-west-1: {type: S3, location: shop-artifacts}\nstages:\n  # …\n  - name: Deploy\n    actions:\n      - name: Deploy\n        region: us-east-1",
    right: "artifactStores:\n  eu-west-1: {type: S3, location: shop-artifacts}\n  us-east-1: {type: S3, location: shop-artifacts-us}\nstages:\n  # …\n  - name: Deploy\n    actions:\n      - name: Deploy\n        region: us-east-1",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/actions-create-cross-region.html",
    facts: &["S15"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in subject.model.pipelines.iter().filter(|p| p.raw) {
        // no store or two of them is another rule's finding
        if let [only] = &pipeline.raw_stores[..] {
            match only.key.as_str() {
                "artifactStore" => single(subject, pipeline, only, diagnostics),
                _ => several(subject, pipeline, only, diagnostics),
            }
        }
    }
}

/// The first action of every region that is said.
fn regions(pipeline: &Pipeline) -> Vec<(&Action, &Text)> {
    let mut regions: Vec<(&Action, &Text)> = Vec::new();
    for step in flow::steps(pipeline) {
        let region = step.action.region.as_ref().filter(|region| region.known);
        // what is no region at all is another rule's finding
        let region = region.filter(|region| structure::regions().is_name(&region.value));
        // where a source may not stand is another rule's finding
        if let Some(region) = region.filter(|_| !is_source(step.action))
            && !regions.iter().any(|(_, other)| other.value == region.value)
        {
            regions.push((step.action, region));
        }
    }
    regions
}

/// The region of the run, else that of the sources, which stand where the pipeline stands.
fn home<'a>(subject: &Subject<'a>, pipeline: &'a Pipeline) -> Option<&'a str> {
    // every action says where it lives, which another rule tells
    let own = lived_in(pipeline).map(|region| region.value.as_str());
    own.or(subject.region).or_else(|| {
        let sources = flow::steps(pipeline).filter(|step| is_source(step.action));
        let mut said = sources.filter_map(|step| step.action.region.as_ref());
        said.find(|region| region.known)
            .map(|region| region.value.as_str())
    })
}

/// An action in a region for which there is no store.
fn storeless(action: &Action, region: &Text, why: &str) -> Diagnostic {
    let message = format!("`{}` runs in {}, {why}", action.name.value, region.value);
    RULE.finding(region.span, format!("{}.region", action.path), message)
        .through(region.origin.as_ref())
}

fn single(
    subject: &Subject<'_>,
    pipeline: &Pipeline,
    store: &Entry,
    diagnostics: &mut Diagnostics,
) {
    let regions = regions(pipeline);
    let home = home(subject, pipeline).or(regions.first().map(|(_, region)| region.value.as_str()));
    let Some(home) = home else { return };
    for (action, region) in regions.iter().filter(|(_, region)| region.value != home) {
        let why = format!("and the only artifact store is that of {home}");
        diagnostics.push(
            storeless(action, region, &why)
                .label("another region")
                .related(store.key_span, "the only store")
                .help(format!(
                    "write `artifactStores` with a store for {home} and one for {}",
                    region.value
                )),
        );
    }
}

fn several(
    subject: &Subject<'_>,
    pipeline: &Pipeline,
    stores: &Entry,
    diagnostics: &mut Diagnostics,
) {
    let Some(map) = stores.value.as_map().filter(|map| !map.is_empty()) else {
        return;
    };
    let has = |region: &str| map.iter().any(|entry| entry.key == region);
    let regions = regions(pipeline);
    for (action, region) in regions.iter().filter(|(_, region)| !has(&region.value)) {
        diagnostics.push(
            storeless(action, region, "for which there is no artifact store")
                .label("no store for this region")
                .related(stores.key_span, "the stores")
                .help(format!(
                    "add `{}: {{type: S3, location: BUCKET}}`, a bucket of that region",
                    region.value
                )),
        );
    }
    let said = |home: &str| regions.iter().any(|(_, region)| region.value == home);
    if let Some(home) = home(subject, pipeline).filter(|home| !has(home) && !said(home)) {
        diagnostics.push(
            RULE.finding(
                stores.key_span,
                format!("{}.artifactStores", pipeline.path),
                format!("the pipeline stands in {home}, for which there is no artifact store"),
            )
            .label(format!("no store for {home}"))
            .help(format!(
                "add `{home}: {{type: S3, location: BUCKET}}`, a bucket of that region"
            )),
        );
    }
}
