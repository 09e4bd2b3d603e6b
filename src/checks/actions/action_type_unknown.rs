//! Category, owner, provider and version name an action type that exists.

use crate::catalog::actions::{self, ActionType};
use crate::catalog::structure;
use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, nearest};
use crate::model::Text;

use super::form;

pub(super) const RULE: Rule = Rule {
    code: "action-type-unknown",
    severity: Severity::Error,
    summary: "there is no action type of this category, owner, provider and version",
    why: "The four members of actionTypeId name an action type together. AWS's own are offered with one owner and in \
          fixed categories: a connection belongs to AWS and not to ThirdParty, CodeBuild builds and tests and does not \
          deploy, and every version is 1. The account's own action types have the owner Custom; pipectl does not \
          judge those. A provider that is like no known one may be newer than pipectl and is a warning.",
    aws: "ActionType (Category: 'Deploy', Provider: 'CodeBuild', Owner: 'AWS', Version: '1') in action 'Deploy' is not \
          available in region 'US_EAST_1'",
    wrong: "- definition:\n    name: Deploy\n    actionTypeId: {category: Deploy, owner: AWS, provider: CodeBuild, version: \"1\"}",
    right: "- definition:\n    name: Deploy\n    actionTypeId: {category: Build, owner: AWS, provider: CodeBuild, version: \"1\"}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-pipeline-structure.html",
    facts: &["S11"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for step in flow::all_steps(subject.model) {
        diagnostics.extend(elsewhere(subject, &step));
    }
    for step in
        flow::all_steps(subject.model).filter(|step| step.action.raw || step.action.api.is_some())
    {
        let action = step.action;
        let parts = [
            &action.category,
            &action.owner,
            &action.provider,
            &action.version,
        ];
        if parts.iter().any(|part| !part.known) {
            continue;
        }
        let enums = structure::enums();
        let words = [
            ("category", &action.category, &enums.category),
            ("owner", &action.owner, &enums.owner),
        ];
        let wrong: Vec<Diagnostic> = words
            .into_iter()
            .filter(|(_, text, known)| !known.contains(&text.value))
            .map(|(member, text, known)| word(&step, member, text, known))
            .collect();
        if !wrong.is_empty() {
            diagnostics.extend(wrong);
            continue;
        }
        if action.owner.value == "Custom" {
            continue;
        }
        let named = actions::action_type(
            &action.owner.value,
            &action.category.value,
            &action.provider.value,
        );
        match named {
            Some(kind) if kind.version == action.version.value => {}
            Some(kind) => diagnostics.push(
                at(
                    &step,
                    "version",
                    &action.version,
                    format!(
                        "`{}` has no version `{}`",
                        kind.provider, action.version.value
                    ),
                )
                .label("unknown version")
                .related(action.provider.span, "the provider")
                .help(format!("write `version: \"{}\"`", kind.version)),
            ),
            None => diagnostics.push(unknown(&step)),
        }
    }
}

/// An action in a region in which AWS's pages do not have it. Such lists age.
fn elsewhere(subject: &Subject<'_>, step: &Step<'_>) -> Option<Diagnostic> {
    let (action, kind) = (step.action, step.kind()?);
    let own = action.region.as_ref();
    let region = match own {
        Some(region) => region.known.then_some(region.value.as_str())?,
        None => subject.region?,
    };
    if !structure::regions().is_known(region) {
        return None;
    }
    let only = kind.only_region.as_deref().filter(|only| *only != region);
    if only.is_none() && !kind.absent_regions.iter().any(|absent| absent == region) {
        return None;
    }
    let (span, path) = match own {
        Some(own) => (own.span, step.path("region")),
        None if action.raw => (action.provider.span, step.path("actionTypeId.provider")),
        None => (action.span, action.path.clone()),
    };
    let name = &action.name.value;
    let finding = match only {
        Some(only) => RULE
            .doubtful(
                span,
                path,
                format!(
                    "`{name}` runs in {region}, and {} is in {only} only",
                    kind.provider
                ),
            )
            .help(match action.raw {
                true => format!("write `region: {only}`, and give `artifactStores` a store there"),
                false => format!("write `region: {only}`"),
            }),
        None => RULE
            .doubtful(
                span,
                path,
                format!(
                    "`{name}` runs in {region}, where AWS's pages have no {}",
                    kind.provider
                ),
            )
            .help("have it in another region, or look at AWS's list of regions: it may have grown"),
    };
    Some(finding.label("not in this region"))
}

fn at(step: &Step<'_>, member: &str, text: &Text, message: String) -> Diagnostic {
    let path = step.path(&format!("actionTypeId.{member}"));
    RULE.finding(text.span, path, message)
        .through(text.origin.as_ref())
}

fn word(step: &Step<'_>, member: &str, text: &Text, known: &[String]) -> Diagnostic {
    let finding = at(
        step,
        member,
        text,
        format!("there is no {member} `{}`", text.value),
    )
    .label(format!("unknown {member}"));
    match nearest(&text.value, known.iter().map(String::as_str)) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None => finding.help(format!("it is one of: {}", known.join(", "))),
    }
}

fn unknown(step: &Step<'_>) -> Diagnostic {
    let action = step.action;
    let mut candidates = actions::by_provider(&action.provider.value);
    candidates.sort_by_key(|kind| {
        let same = [
            kind.has_category(&action.category.value),
            kind.owner == action.owner.value,
            kind.provider == action.provider.value,
        ];
        std::cmp::Reverse(same.into_iter().filter(|same| *same).count())
    });
    match candidates.first() {
        Some(kind) => mismatch(step, kind, &candidates),
        None => stranger(step),
    }
}

/// The provider exists, but not with this owner or in this category.
fn mismatch(step: &Step<'_>, kind: &ActionType, all: &[&'static ActionType]) -> Diagnostic {
    let action = step.action;
    let provider = &kind.provider;
    let (category, owner) = (&action.category.value, &action.owner.value);
    let mut wrong = Vec::new();
    if action.provider.value != *provider {
        wrong.push((
            "provider",
            &action.provider,
            format!("the provider is spelled `{provider}`"),
        ));
    }
    if kind.owner != *owner {
        wrong.push((
            "owner",
            &action.owner,
            format!(
                "the provider `{provider}` has the owner `{}`, not `{owner}`",
                kind.owner
            ),
        ));
    }
    if !kind.has_category(category) {
        wrong.push((
            "category",
            &action.category,
            format!("`{provider}` is no provider of the category `{category}`"),
        ));
    }
    let right: Vec<String> = wrong
        .iter()
        .map(|(member, ..)| match *member {
            "provider" => format!("`provider: {provider}`"),
            "owner" => format!("`owner: {}`", kind.owner),
            _ => {
                let categories = all
                    .iter()
                    .filter(|other| other.owner == kind.owner)
                    .flat_map(|other| &other.categories)
                    .map(|category| format!("`category: {category}`"));
                categories.collect::<Vec<_>>().join(" or ")
            }
        })
        .collect();
    let Some((member, text, message)) = wrong.pop() else {
        return stranger(step);
    };
    at(step, member, text, message)
        .label(format!("wrong {member}"))
        .related(action.provider.span, "the provider")
        .help(format!("write {}", right.join(" and ")))
}

/// No provider is called so: perhaps it is newer than the catalogue, unless all else is that of a known one.
fn stranger(step: &Step<'_>) -> Diagnostic {
    let action = step.action;
    let provider = &action.provider;
    let near = nearest(
        &provider.value,
        actions::all().iter().map(|kind| kind.provider.as_str()),
    );
    let keys = &action.configuration;
    let takes_all = |kind: &&ActionType| {
        !keys.is_empty() && keys.iter().all(|(key, _)| kind.key(&key.value).is_some())
    };
    // several keys, and among them all that a known provider requires, are that provider's
    let complete = |kind: &&ActionType| {
        let mut required = kind.keys.iter().filter(|key| key.required);
        keys.len() > 1 && required.all(|key| keys.iter().any(|(given, _)| given.value == key.name))
    };
    let meant = near
        .and_then(|near| actions::action_type(&action.owner.value, &action.category.value, near))
        .filter(takes_all)
        .or_else(|| {
            let mut same = actions::providers_of(&action.category.value).into_iter();
            same.find(|kind| kind.owner == action.owner.value && takes_all(kind) && complete(kind))
        });
    let message = format!("there is no provider `{}`", provider.value);
    if let Some(kind) = meant {
        return at(step, "provider", provider, message)
            .label("unknown provider")
            .help(format!(
                "write `provider: {}`, to which the configuration belongs",
                kind.provider
            ));
    }
    let finding = RULE
        .doubtful(
            provider.span,
            step.path("actionTypeId.provider"),
            format!(
                "pipectl knows no provider `{}`; it is sent as it is",
                provider.value
            ),
        )
        .label("unknown provider")
        .through(provider.origin.as_ref());
    let of_category = actions::providers_of(&action.category.value);
    match near {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None => finding.help(format!(
            "{} providers that it knows: {}",
            action.category.value,
            form::listed(of_category.iter().map(|kind| kind.provider.as_str()))
        )),
    }
}
