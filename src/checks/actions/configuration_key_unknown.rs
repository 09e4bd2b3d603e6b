//! A provider knows every configuration key that it is given.

use crate::catalog::actions::{self, ActionType};
use crate::checks::flow;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity, nearest};

use super::form;

pub(super) const RULE: Rule = Rule {
    code: "configuration-key-unknown",
    severity: Severity::Error,
    summary: "a configuration key that the provider does not have",
    why: "Every provider has configuration keys of its own, and CodePipeline refuses all others, case included. Often \
          the key is one of another provider: Branch and Repo belong to GitHub version 1 and not to a connection, \
          S3Bucket to the S3 source and BucketName to the S3 deployment.",
    aws: "Action configuration for action 'Source' contains unknown configuration 'Branch'",
    wrong: "source:\n  definition:\n    name: Source\n    actionTypeId: {category: Source, owner: AWS, provider: CodeCommit, version: \"1\"}\n    configuration: {RepositoryName: shop, Branch: main}",
    right: "source:\n  definition:\n    name: Source\n    actionTypeId: {category: Source, owner: AWS, provider: CodeCommit, version: \"1\"}\n    configuration: {RepositoryName: shop, BranchName: main}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference.html",
    facts: &["S12"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for step in flow::all_steps(subject.model) {
        // an account's own action type has keys that only the account knows
        let Some(kind) = step
            .kind()
            .filter(|kind| !kind.opaque && kind.owner != "Custom")
        else {
            continue;
        };
        for (key, _) in &step.action.configuration {
            if kind.key(&key.value).is_some() {
                continue;
            }
            let finding = RULE
                .finding(
                    key.span,
                    step.key_path(&key.value),
                    format!(
                        "`{}` has no configuration key `{}`",
                        kind.provider, key.value
                    ),
                )
                .label("unknown key");
            diagnostics.push(finding.help(help(kind, &key.value)));
        }
    }
}

fn help(kind: &ActionType, key: &str) -> String {
    let names = || kind.keys.iter().map(|known| known.name.as_str());
    let begins = |longer: &str, shorter: &str| {
        longer.len() > shorter.len() && longer[..shorter.len()].eq_ignore_ascii_case(shorter)
    };
    let near = nearest(key, names())
        .or_else(|| names().find(|known| known.is_ascii() && key.is_ascii() && begins(known, key)));
    let mut owners: Vec<String> = actions::key_owners(key)
        .iter()
        .filter(|owner| owner.id != kind.id)
        .map(|owner| match owner.provider == kind.provider {
            // the same name in another category: S3 as source and as deployment
            true => format!("`{}` as {}", owner.provider, owner.category()),
            false => format!("`{}`", owner.provider),
        })
        .collect();
    owners.dedup();
    owners.truncate(3);
    let foreign =
        (!owners.is_empty()).then(|| format!("`{key}` is a key of {}", owners.join(", ")));
    match (near, foreign) {
        (Some(near), None) => format!("did you mean `{near}`?"),
        (Some(near), Some(foreign)) => format!("{foreign}; here it is `{near}`"),
        (None, foreign) => {
            let takes = match kind.keys.len() {
                0 => format!("`{}` takes no configuration", kind.provider),
                _ => format!("`{}` takes {}", kind.provider, form::listed(names())),
            };
            match foreign {
                Some(foreign) => format!("{foreign}; {takes}"),
                None => takes,
            }
        }
    }
}
