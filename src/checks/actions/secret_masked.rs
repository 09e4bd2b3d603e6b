//! A secret as AWS shows it, in place of the secret.

use crate::catalog::structure;
use crate::checks::flow;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "secret-masked",
    severity: Severity::Warning,
    summary: "a secret of an action is the asterisks that AWS shows in its place",
    why: "What `aws codepipeline get-pipeline` prints has `****` where a secret is. Sent back, it keeps the secret only \
          while nothing else of the action changes, its name and that of its stage included; a new pipeline or action \
          is refused.",
    aws: "InvalidActionDeclarationException: Action configuration for the new action \"Source\" contains an invalid configuration for the secret property \"OAuthToken\". \"****\" may be used in secret properties only when updating an existing action.",
    wrong: "- github: acme/shop\n  branch: main\n  token: \"****\"",
    right: "- github: acme/shop\n  branch: main\n  token: ${secret:SHOP_GITHUB:token}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ActionConfigurationProperty.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for step in flow::all_steps(subject.model) {
        let Some(kind) = step.kind() else { continue };
        for (key, value) in &step.action.configuration {
            let secret = kind.key(&key.value).is_some_and(|known| known.secret);
            // A token that was typed has the mask in its place, and is a secret.
            let mask = value.known && value.secret.is_none();
            if !secret || !mask || value.value != structure::structure().secret_mask {
                continue;
            }
            diagnostics.push(
                RULE.finding(
                    value.span,
                    step.key_path(&key.value),
                    format!(
                        "`{}` of `{}` is what AWS shows in place of a secret",
                        step.key_word(&key.value),
                        step.action.name.value
                    ),
                )
                .label("not the secret")
                .help("keep the secret in Secrets Manager and write `${secret:NAME}` or `${secret:NAME:KEY}`")
                .through(value.origin.as_ref()),
            );
        }
    }
}
