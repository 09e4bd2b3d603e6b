//! Names and ARNs of what is made.

use sha2::{Digest, Sha256};

use super::Facts;
use crate::catalog::companions::companions;
use crate::catalog::text::Quota;
use crate::catalog::{codebuild, iam};
use crate::model::Text;

/// Cuts a name to `limit` characters; a cut name ends in a short hash of the whole, so that two stay two. The hash
/// stays where there is no room for it: a region that is none may be of any length.
pub(super) fn fit(name: &str, limit: usize) -> String {
    let length = name.chars().count();
    if length <= limit {
        return name.to_owned();
    }
    let digest = short_hash(name);
    let keep: String = name
        .chars()
        .take(limit.saturating_sub(digest.len() + 1))
        .collect();
    format!("{}-{digest}", keep.trim_end_matches(['-', '_', '.']))
}

/// The same, but what is cut is the middle: the end stays.
fn fit_before(start: &str, end: &str, limit: usize) -> String {
    let room = limit.saturating_sub(end.chars().count());
    format!("{}{end}", fit(start, room))
}

/// Eight characters that stand for a text.
fn short_hash(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes())[..4])
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Replaces what `allowed` refuses by a hyphen.
fn clean(name: &str, allowed: impl Fn(char) -> bool) -> String {
    name.chars()
        .map(|c| if allowed(c) { c } else { '-' })
        .collect()
}

fn word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

/// `SOMETHING-PURPOSE-REGION`: IAM is global, so the region stands in the name.
pub(super) fn role(of: &str, purpose: &str, region: &str) -> String {
    let limit = iam::limits().role_name.length[1];
    let of = clean(of, |c| word(c) || "+=,.@".contains(c));
    fit_before(&of, &format!("-{purpose}-{region}"), limit)
}

/// `SERVICE-artifacts-ACCOUNT-REGION`, as bucket names must look. The account counts as twelve characters even where
/// it is not known, so that the name is cut in the same place.
pub(super) fn bucket(service: &str, account: &str, region: &str) -> String {
    const ACCOUNT_DIGITS: usize = 12;
    let start = clean(&service.to_lowercase(), |c| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
    });
    let limit = companions().bucket_name.length[1];
    let end = "-artifacts-".len() + ACCOUNT_DIGITS + 1 + region.len();
    let start = fit(start.trim_matches('-'), limit.saturating_sub(end));
    format!("{start}-artifacts-{account}-{region}")
}

/// The one log group of a service.
pub(super) fn log_group(service: &str) -> String {
    let rule = &codebuild::codebuild().logs.group_name;
    let name = format!(
        "/pipectl/{}",
        clean(service, |c| word(c) || "./#".contains(c))
    );
    fit(&name, rule.length[1])
}

/// A made topic.
pub(super) fn topic(service: &str, about: &str) -> String {
    let name = format!("{service}-{about}");
    fit(&clean(&name, word), companions().topic_name.length[1])
}

/// What a topic for one address is called after: the address with hyphens in place of what no topic may have in its
/// name. Of several addresses that look alike so, one at most goes without a hash: the one that is read off most easily.
pub(super) fn address(address: &str) -> String {
    let plain = clean(address, word);
    let mut labels: Vec<&str> = plain.split('-').collect();
    let domain = labels.split_off(labels.len().saturating_sub(2));
    let likeliest = format!("{}@{}", labels.join("."), domain.join("."));
    if likeliest == address {
        return plain;
    }
    format!("{plain}-{}", short_hash(address))
}

/// The name of one of several that stand for one, since AWS takes so much in each: the first keeps the name, so that
/// it stays what it is when a second is needed.
pub(super) fn part(name: &str, joint: &str, number: usize) -> String {
    match number {
        0 => name.to_owned(),
        _ => format!("{name}{joint}-{}", number + 1),
    }
}

/// Members by their numbered parts, each with as many as a quota allows; one part where there are none.
pub(super) fn parts<'m, T>(members: &'m [T], quota: &Quota) -> Vec<(usize, &'m [T])> {
    let most = usize::try_from(quota.max).unwrap_or(usize::MAX).max(1);
    match members {
        [] => vec![(0, members)],
        _ => members.chunks(most).enumerate().collect(),
    }
}

/// An EventBridge rule.
pub(super) fn rule(of: &str, about: &str) -> String {
    let name = clean(&format!("{of}-{about}"), |c| word(c) || c == '.');
    fit(&name, companions().rule_name.length[1])
}

/// An alarm.
pub(super) fn alarm(service: &str, about: &str) -> String {
    fit(
        &format!("{service}-{about}"),
        companions().alarm_name.length[1],
    )
}

/// A webhook.
pub(super) fn webhook(pipeline: &str, action: &str) -> String {
    let name = clean(&format!("{pipeline}-{action}"), |c| {
        word(c) || c == '.' || c == '@'
    });
    fit(&name, companions().webhook_name.length[1])
}

/// The last part of an ARN-or-name: what follows the prefix of the resource, or the text itself.
pub(super) fn after<'t>(text: &'t str, prefix: &str) -> &'t str {
    match text.starts_with("arn:") {
        true => text.split_once(prefix).map_or(text, |(_, rest)| rest),
        false => text,
    }
}

impl Facts {
    /// An ARN in the account of the run.
    pub(super) fn arn(&self, service: &str, region: &str, resource: &str) -> String {
        let (partition, account) = (&self.partition, &self.account);
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    /// The ARN of a role by its name, path included.
    pub(super) fn role_arn(&self, name: &str) -> String {
        self.arn("iam", "", &format!("role/{name}"))
    }

    /// The ARN of a role that a file gives by name or ARN; what is not known offline stays as it is.
    pub(super) fn given_role(&self, role: &Text) -> String {
        self.given(role, |name| self.role_arn(name.trim_start_matches('/')))
    }

    /// The ARN of a role in the configuration of an action: it is of the account in which the action works.
    pub(super) fn configured_role(&self, role: &Text, action_role: Option<&Text>) -> String {
        // one that begins with a variable may be an ARN when it runs
        if role.value.starts_with("#{") {
            return role.value.clone();
        }
        let there = action_role
            .filter(|own| own.known && own.value.starts_with("arn:"))
            .and_then(|own| own.value.split_once(":role/"));
        self.given(role, |name| {
            let name = name.trim_start_matches('/');
            match there {
                Some((account, _)) => format!("{account}:role/{name}"),
                None => self.role_arn(name),
            }
        })
    }

    /// The ARN of a topic that a file gives.
    pub(super) fn given_topic(&self, topic: &Text, region: &str) -> String {
        self.given(topic, |name| self.arn("sns", region, name))
    }

    fn given(&self, text: &Text, arn: impl Fn(&str) -> String) -> String {
        if !text.known || text.value.starts_with("arn:") {
            text.value.clone()
        } else {
            arn(&text.value)
        }
    }

    /// The ARN of a pipeline of this run.
    pub(super) fn pipeline_arn(&self, name: &str) -> String {
        self.arn("codepipeline", &self.region, name)
    }

    /// The ARN of a KMS key by id, ARN or alias. A policy cannot name an alias: then it is every key of the region,
    /// and the statement asks for the alias.
    pub(super) fn key_arn(&self, key: &str, region: &str) -> KeyArn {
        let alias = after(key, ":alias/");
        if key.starts_with("alias/") || alias != key {
            let name = key.strip_prefix("alias/").unwrap_or(alias).to_owned();
            return KeyArn {
                arn: self.arn("kms", region, "key/*"),
                alias: Some(format!("alias/{name}")),
            };
        }
        let arn = if key.starts_with("arn:") || key.starts_with("${") {
            key.to_owned()
        } else {
            self.arn("kms", region, &format!("key/{key}"))
        };
        KeyArn { arn, alias: None }
    }
}

/// A key as a policy can say it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KeyArn {
    /// The resource of the statement.
    pub(super) arn: String,
    /// The alias that its condition asks for.
    pub(super) alias: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_and_stays_unique() {
        let long = "a".repeat(80);
        let longer = format!("{long}b");
        assert_eq!(role(&long, "build", "us-east-1").len(), 64);
        assert_ne!(
            role(&long, "build", "us-east-1"),
            role(&longer, "build", "us-east-1")
        );
        assert!(role(&long, "build", "us-east-1").ends_with("-build-us-east-1"));
        assert_eq!(role("hw", "build", "us-east-1"), "hw-build-us-east-1");
    }

    #[test]
    fn addresses_that_look_alike_have_topics_of_their_own() {
        assert_eq!(address("ops@example.com"), "ops-example-com");
        assert_eq!(address("first.last@example.com"), "first-last-example-com");
        let alike = [
            "ops.team@x.io",
            "ops-team@x.io",
            "ops+team@x.io",
            "ops@team.x.io",
            "ops@team-x.io",
            "ops-team-x@io",
        ];
        let names: std::collections::BTreeSet<String> =
            alike.iter().map(|one| address(one)).collect();
        assert_eq!(names.len(), alike.len(), "{names:?}");
    }

    #[test]
    fn a_bucket_name_holds_account_and_region() {
        assert_eq!(
            bucket("HW_Api", "123456789012", "eu-west-1"),
            "hw-api-artifacts-123456789012-eu-west-1"
        );
        let name = bucket(&"s".repeat(90), "123456789012", "ap-southeast-2");
        assert_eq!(name.len(), 63);
    }
}
