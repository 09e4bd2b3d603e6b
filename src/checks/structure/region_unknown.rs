//! A region is one of AWS's.

use super::wording::{api_stores, below, conditions};
use crate::catalog::structure;
use crate::checks::references::references;
use crate::checks::{Rule, Subject, flow};
use crate::diagnostic::{Diagnostics, Severity, nearest};
use crate::model::Text;

pub(super) const RULE: Rule = Rule {
    code: "region-unknown",
    severity: Severity::Error,
    summary: "a region is none of AWS's",
    why: "A region is written as `eu-west-1` is: small letters, hyphens, a number; not the name of a city, and no \
          availability zone. What looks like a region but is in no list of AWS's is a warning only: lists age.",
    aws: "The region REGION specified in 'pipeline.artifactStores' is not a valid AWS Region",
    wrong: "- deploy:\n    s3: {bucket: shop-pages, extract: true}\n    region: Frankfurt",
    right: "- deploy:\n    s3: {bucket: shop-pages, extract: true}\n    region: eu-central-1",
    link: "https://docs.aws.amazon.com/general/latest/gr/codepipeline.html",
    facts: &["S17"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let model = subject.model;
    if let Some(region) = &model.provider.region {
        one(subject, region, "provider.region".to_owned(), diagnostics);
    }
    for (region, _) in &model.provider.region_stores {
        let path = format!("provider.artifactStore.regions.{}", region.value);
        one(subject, region, path, diagnostics);
    }
    for pipeline in &model.pipelines {
        let stores = api_stores(pipeline).into_iter();
        let stores = stores.filter(|stores| stores.key == "artifactStores");
        for store in stores.flat_map(|stores| stores.value.as_map().unwrap_or_default()) {
            let path = below(&pipeline.path, &format!("artifactStores.{}", store.key));
            let region = Text::new(store.key.clone(), store.key_span);
            one(subject, &region, path, diagnostics);
        }
        for stage in &pipeline.stages {
            for condition in conditions(stage) {
                for region in condition
                    .rules
                    .iter()
                    .filter_map(|rule| rule.region.as_ref())
                {
                    let path = format!("{}.region", condition.path);
                    one(subject, region, path, diagnostics);
                }
            }
        }
    }
    // that of a build inside a stage is its action's
    for project in model.projects.iter().filter(|project| project.shared) {
        if let Some(region) = &project.region {
            let path = format!("{}.region", project.path);
            one(subject, region, path, diagnostics);
        }
    }
    for step in flow::all_steps(model) {
        // a run-time variable has a rule of its own
        let region = step.action.region.as_ref();
        if let Some(region) = region.filter(|region| references(region).is_empty()) {
            one(subject, region, step.path("region"), diagnostics);
        }
    }
}

fn one(subject: &Subject<'_>, region: &Text, path: String, diagnostics: &mut Diagnostics) {
    let facts = structure::regions();
    let value = region.value.as_str();
    // what `provider.region` says is what the run is in, and only a guess so far
    let lived_in = subject.region == Some(value) && path != "provider.region";
    if !region.known || facts.is_known(value) || lived_in {
        return;
    }
    let zone = value.strip_suffix(|c: char| c.is_ascii_lowercase());
    let near = match zone.filter(|region| facts.is_known(region)) {
        Some(region) => Some(region),
        None => nearest(value, facts.available.iter().map(String::as_str)),
    };
    // `region`, `AWS_REGION`, `<region>`
    let finding = if value.to_ascii_lowercase().contains("region") {
        RULE.doubtful(
            region.span,
            path,
            format!("`{value}` is no region; it seems to be left to be filled in"),
        )
    } else if !facts.is_name(value) {
        RULE.finding(region.span, path, format!("`{value}` is no region"))
    } else if facts.are_listed(value) {
        RULE.doubtful(
            region.span,
            path,
            format!("`{value}` is none of the regions that CodePipeline is known to be in"),
        )
    } else {
        return;
    };
    diagnostics.push(
        finding
            .label("unknown region")
            .help(match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write it as AWS does, e.g. `eu-west-1`".to_owned(),
            })
            .through(region.origin.as_ref()),
    );
}
