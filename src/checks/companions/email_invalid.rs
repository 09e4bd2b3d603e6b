//! An address that nobody can write to.

use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::{Notify, Text};

pub(super) const RULE: Rule = Rule {
    code: "email-invalid",
    severity: Severity::Error,
    summary: "an e-mail address of a notification is none",
    why: "SNS refuses to subscribe what is no address. An address without a domain of its own, such as `ops@localhost`, \
          it may take and can never reach.",
    aws: "",
    wrong: "notifications:\n  buildFailed: ops@example,com",
    right: "notifications:\n  buildFailed: ops@example.com",
    link: "https://docs.aws.amazon.com/sns/latest/dg/sns-email-notifications.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let mut seen = std::collections::HashSet::new();
    for (path, notify, _) in super::told(subject.model) {
        let (path, addresses) = match notify {
            Notify::Email(address) => (path, std::slice::from_ref(address)),
            Notify::Made { emails, .. } => (format!("{path}.emails"), &emails[..]),
            Notify::Topic(_) => continue,
        };
        for (path, address) in super::placed(&path, addresses) {
            if address.known && seen.insert(address.span) {
                one(address, &path, diagnostics);
            }
        }
    }
}

fn one(address: &Text, path: &str, diagnostics: &mut Diagnostics) {
    let value = &address.value;
    let finding = match problem(value) {
        Some(problem) => RULE.finding(
            address.span,
            path,
            format!("`{value}` is no e-mail address: {problem}"),
        ),
        None if value
            .rsplit('@')
            .next()
            .is_some_and(|domain| !domain.contains('.')) =>
        {
            RULE.doubtful(
                address.span,
                path,
                format!("nothing from outside reaches `{value}`: its domain has no dot"),
            )
        }
        None => return,
    };
    diagnostics.push(
        finding
            .label("no address")
            .help("such as `ops@example.com`; several are a list")
            .through(address.origin.as_ref()),
    );
}

/// What makes a text certainly no address.
fn problem(value: &str) -> Option<&'static str> {
    let Some((local, domain)) = value.rsplit_once('@') else {
        return Some("it has no `@`");
    };
    if value.contains(char::is_whitespace) {
        return Some("it holds a space");
    }
    if local.is_empty() || domain.is_empty() {
        return Some("something is missing beside the `@`");
    }
    if local.contains('@') && !local.starts_with('"') {
        return Some("it has two `@`");
    }
    let characters = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.');
    if !domain.chars().all(characters) {
        return Some("its domain holds characters that no domain has");
    }
    let labels = domain
        .split('.')
        .all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'));
    (!labels).then_some("a part of its domain is empty, or begins or ends with `-`")
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn addresses() {
        for text in [
            "ops@example.com",
            "first.last+tag@sub.example.co.uk",
            "a_b@x-y.io",
            "ops@heavy-water.example",
        ] {
            assert!(problem(text).is_none(), "{text}");
        }
        for text in [
            "ops",
            "@example.com",
            "ops@",
            "a b@example.com",
            "ops@example,com",
            "a@b@example.com",
            "ops@.com",
            "ops@example..com",
            "ops@-x.com",
            "x, y@z.com",
        ] {
            assert!(problem(text).is_some(), "{text}");
        }
    }
}
