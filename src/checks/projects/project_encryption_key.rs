//! The key of a project is an ARN or an alias.

use std::collections::HashSet;

use super::parts;
use crate::catalog::codebuild::codebuild;
use crate::catalog::structure;
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "project-encryption-key",
    severity: Severity::Warning,
    summary: "the key of a project is neither the ARN of a key nor an alias",
    why: "CodeBuild encrypts what a build gives out with the key that it finds under its ARN or its alias, `alias/NAME`. \
          It may make a project that names the key in another way, and its builds fail when they upload their artifacts.",
    aws: "",
    wrong: "- build:\n    encryptionKey: 11111111-2222-3333-4444-555555555555\n    run: make",
    right: "- build:\n    encryptionKey: alias/shop\n    run: make",
    link: "https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let facts = structure::names();
    let alias = &codebuild().project.key_alias;
    let mut seen = HashSet::new();
    for project in parts::made(subject) {
        let member = "encryptionKey";
        let Some(node) = fields::get(&project.definition, member) else {
            continue;
        };
        let Some(key) = fields::known(node).filter(|key| !key.is_empty()) else {
            continue;
        };
        // that of the defaults is of every build
        let fits = alias.check(key).is_ok() || facts.kms_arn.check(key).is_ok();
        if fits || !seen.insert(node.span) {
            continue;
        }
        let message = format!("`{key}` is neither the ARN of a key nor an alias");
        let finding =
            parts::finding(&RULE, project, member, node, message).label("neither ARN nor alias");
        diagnostics.push(finding.help(match key.contains([':', '/']) {
            true => "write `arn:aws:kms:REGION:ACCOUNT:key/ID`, or `alias/NAME`".to_owned(),
            false => format!(
                "write `arn:aws:kms:REGION:ACCOUNT:key/{key}`, or `alias/NAME` with the name of its alias"
            ),
        }));
    }
}
