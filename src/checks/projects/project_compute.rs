//! The compute type is offered with the environment type.

use super::parts;
use crate::catalog::codebuild::{self, codebuild};
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity, nearest};
use crate::model::Project;

pub(super) const RULE: Rule = Rule {
    code: "project-compute",
    severity: Severity::Error,
    summary: "the compute type is not offered with the environment type",
    why: "Not every size is there for every kind of machine: a GPU comes small or large, Windows has no small one, \
          Lambda has compute types of its own. Some compute types are for fleets, which the project must name. What the \
          builds of a batch may take is written in the same words; one that is none of them allows nothing: a warning.",
    aws: "",
    wrong: "environment:\n  type: LINUX_GPU_CONTAINER\n  computeType: BUILD_GENERAL1_MEDIUM",
    right: "environment:\n  type: LINUX_GPU_CONTAINER\n  computeType: BUILD_GENERAL1_LARGE",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-compute-types.html",
    facts: &["P14"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let rules = &codebuild().environment;
    for project in parts::made(subject) {
        allowed(project, diagnostics);
        let definition = &project.definition;
        let member = "environment.computeType";
        let (Some(at), Some(node)) = (
            fields::get(definition, "environment.type"),
            fields::get(definition, member),
        ) else {
            continue;
        };
        let (Some(kind), Some(compute)) = (
            fields::known(at).and_then(codebuild::environment_type),
            fields::known(node),
        ) else {
            continue;
        };
        if !rules.compute_types.iter().any(|word| word == compute) {
            continue;
        }
        let fleet = fields::get(definition, "environment.fleet").is_some();
        let of_fleets = rules.fleet_compute.get(compute);
        let only_fleets = of_fleets.is_some() || kind.fleet_only.iter().any(|word| word == compute);
        if codebuild::offers(&kind.name, compute) == Some(true) || fleet && of_fleets.is_none() {
            continue;
        }
        if let Some(needs) = of_fleets.filter(|_| fleet) {
            let needed = format!("environment.{needs}");
            if fields::get(definition, &needed).is_none() {
                let message = format!("`{compute}` needs `{needs}`");
                diagnostics.push(
                    parts::doubtful(&RULE, project, member, node, message)
                        .label("of which machine?")
                        .help(format!("say what machine it is in `{needs}`")),
                );
            }
            continue;
        }
        let message = if only_fleets {
            format!("`{compute}` is there in a fleet only")
        } else {
            format!(
                "`{compute}` is not offered with {}",
                parts::machine(project, kind)
            )
        };
        let finding = parts::finding(&RULE, project, member, node, message).label("not offered");
        let finding = if at.span == node.span || at.span == project.span {
            finding
        } else {
            finding.related(at.span, "the environment type")
        };
        let choice = codebuild()
            .os
            .iter()
            .find(|os| os.environment_type == kind.name);
        let words: Vec<&str> = match choice.filter(|_| !project.raw) {
            Some(choice) => choice.compute_words(),
            None => kind.on_demand.iter().map(String::as_str).collect(),
        };
        diagnostics.push(if only_fleets || words.is_empty() {
            finding.help("give the fleet: `fleet: {fleetArn: …}`")
        } else {
            finding.help(format!("write {}", fields::one_of(words)))
        });
    }
}

/// What the builds of a batch may take.
fn allowed(project: &Project, diagnostics: &mut Diagnostics) {
    let list = "buildBatchConfig.restrictions.computeTypesAllowed";
    let words = &codebuild().environment.compute_types;
    for (index, node) in fields::items(&project.definition, list).iter().enumerate() {
        let Some(word) = fields::known(node).filter(|word| !word.is_empty()) else {
            continue;
        };
        if words.iter().any(|known| known == word) {
            continue;
        }
        let member = format!("{list}[{index}]");
        let message = format!("there is no compute type `{word}`");
        let finding =
            parts::doubtful(&RULE, project, &member, node, message).label("no compute type");
        // a word of `compute` means one of the API's
        let mut sizes = codebuild().os.iter();
        let small = word.to_ascii_lowercase();
        let near = sizes
            .find_map(|os| os.compute_type(&small))
            .or_else(|| nearest(word, words.iter().map(String::as_str)));
        diagnostics.push(match near {
            Some(near) => finding.help(format!("write `{near}`")),
            None => finding.help("write it as AWS does, such as `BUILD_GENERAL1_SMALL`"),
        });
    }
}
