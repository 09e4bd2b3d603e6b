//! A store of a region in which nothing runs.

use super::wording::{api_stores, below};
use crate::catalog::structure;
use crate::checks::flow;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::Pipeline;
use crate::tree::Entry;

pub(super) const RULE: Rule = Rule {
    code: "artifact-store-unused",
    severity: Severity::Warning,
    summary: "an artifact store is for a region in which no action runs",
    why: "CodePipeline copies artifacts into the stores of the regions in which actions run, and reads those of its own \
          region. Any other store is not used: often its region is misspelt, or the action that was to run there has \
          no `region`.",
    aws: "",
    wrong: "artifactStores:\n  eu-west-1: {type: S3, location: shop-artifacts}\n  us-east-1: {type: S3, location: shop-artifacts-us}   # no action has this region",
    right: "artifactStores:\n  eu-west-1: {type: S3, location: shop-artifacts}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/actions-create-cross-region.html",
    facts: &["S15"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        one(subject, pipeline, diagnostics);
    }
}

fn one(subject: &Subject<'_>, pipeline: &Pipeline, diagnostics: &mut Diagnostics) {
    let stores = api_stores(pipeline)
        .into_iter()
        .find(|entry| entry.key == "artifactStores");
    let Some(stores) = stores.and_then(|stores| stores.value.as_map()) else {
        return;
    };
    let mut said = flow::steps(pipeline).filter_map(|step| step.action.region.as_ref());
    // One that is not known may be any; and where the pipeline itself stands, its sources stand too.
    let Some(home) = subject.region.filter(|_| said.all(|region| region.known)) else {
        return;
    };
    let used = |wanted: &str| {
        let mut said = flow::steps(pipeline).filter_map(|step| step.action.region.as_ref());
        wanted == home || said.any(|region| region.value == wanted)
    };
    // Where the store of its own region is missing, one of these may be meant, and that is told; outside of raw
    // definitions it is made.
    if pipeline.raw && stores.iter().all(|store| store.key != home) {
        return;
    }
    // what is no region is told as such
    let known = |region: &str| structure::regions().is_name(region);
    let idle = |store: &&Entry| known(&store.key) && !used(&store.key);
    for store in stores.iter().filter(idle) {
        diagnostics.push(
            RULE.finding(
                store.key_span,
                below(&pipeline.path, &format!("artifactStores.{}", store.key)),
                format!(
                    "no action runs in {}, which has an artifact store",
                    store.key
                ),
            )
            .label("not used")
            .help(format!(
                "leave it out, or say which action runs there: `region: {}`",
                store.key
            )),
        );
    }
}
