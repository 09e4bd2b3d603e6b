//! Words of closed sets in projects.

use super::members::{self, Found};
use super::parts;
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity, nearest};
use crate::tree::Data;

pub(super) const RULE: Rule = Rule {
    code: "project-word",
    severity: Severity::Error,
    summary: "a member of a raw project holds a word that the API does not know",
    why: "Types of sources, artifacts, environments, caches and the like are words of closed sets, and their case \
          counts. Some samples of AWS still show `no_artifacts` and `linuxContainer`, spellings of old: a warning.",
    aws: "",
    wrong: "environment:\n  type: LINUX\n  computeType: BUILD_GENERAL1_SMALL",
    right: "environment:\n  type: LINUX_CONTAINER\n  computeType: BUILD_GENERAL1_SMALL",
    link: "https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    members::each(subject, |project, path, found| {
        let Found::Known { entry, member } = found else {
            return;
        };
        let words = member.words();
        if words.is_empty() {
            return;
        }
        let nodes = match &entry.value.data {
            Data::List(items) => items.iter().collect(),
            _ => vec![&entry.value],
        };
        for node in nodes {
            let Some(word) = fields::known(node).filter(|word| !words.contains(word)) else {
                continue;
            };
            if let Some(present) = member.older.get(word) {
                let message = format!("`{word}` is an old spelling of `{present}`");
                diagnostics.push(
                    parts::doubtful(&RULE, project, path, node, message)
                        .label("an old spelling")
                        .help(format!("write `{present}`")),
                );
                continue;
            }
            let message = format!("`{path}` does not know `{word}`");
            let finding = parts::finding(&RULE, project, path, node, message)
                .label("not a word of this member");
            diagnostics.push(match nearest(word, words.iter().copied()) {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None => finding.help(format!("write {}", fields::one_of(words.iter().copied()))),
            });
        }
    });
}
