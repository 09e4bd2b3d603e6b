//! What AWS takes and what hurts later: words, programs and shapes of credentials that the rules of advice look for.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use super::parse;

/// Everything in `advice.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advice {
    /// Words in a stage's name that mean production.
    pub production_words: Vec<String>,
    /// Docker in commands.
    pub docker: Docker,
    /// Programs that fetch a text, and those that run one.
    pub downloads: Downloads,
    /// What may stand before the program of a command.
    pub prefix_programs: Vec<String>,
    /// Run-time variables whose text somebody else writes.
    pub foreign_variables: ForeignVariables,
    /// Sources of variables that a shell should get through its environment.
    pub shell_variable_sources: Vec<String>,
    /// What a credential looks like.
    pub credentials: Credentials,
    /// Programs that run tests and can write a report.
    pub test_runners: Vec<TestRunner>,
    /// Words beside such a word that mean another place after all.
    pub not_production: NotProduction,
    /// Deployments that usually read a template of the source.
    pub template_providers: Vec<String>,
    /// The files that a deployment looks for in an artifact.
    pub deploy_files: Vec<DeployFile>,
    /// Schedules of EventBridge.
    pub schedule: Schedule,
}

/// Docker in commands.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Docker {
    /// Programs that talk to the daemon.
    pub programs: Vec<String>,
    /// Programs that are the daemon.
    pub daemon_programs: Vec<String>,
    /// Subcommands that need the daemon.
    pub subcommands: Vec<String>,
    /// Words anywhere in a command that may mean containers.
    pub perhaps: Vec<String>,
    /// Programs that run what a file of the source says, which may be docker.
    pub runners: Vec<String>,
    /// Programs with a subcommand that does so.
    pub script_runners: Vec<String>,
    /// Programs that run a script.
    pub interpreters: Vec<String>,
    /// Where the facts are from.
    pub source: String,
}

/// Programs that fetch a text, and those that run one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Downloads {
    /// Programs that fetch.
    pub programs: Vec<String>,
    /// Shells.
    pub shells: Vec<String>,
    /// Other interpreters, which run what comes through a pipe if they get no file.
    pub interpreters: Vec<String>,
    /// Words of the shell that run a text.
    pub evaluators: Vec<String>,
}

/// Run-time variables whose text somebody else writes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignVariables {
    /// Their names behind the namespace.
    pub keys: Vec<String>,
    /// Why.
    pub note: String,
}

/// What a credential looks like.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// Shapes of values.
    pub patterns: Vec<CredentialPattern>,
    /// Last words of the names of variables that hold one.
    pub endings: Vec<Vec<String>>,
    /// Values, in lower case, that are none.
    pub harmless: Vec<String>,
    /// Characters that a value has at least.
    pub shortest: usize,
}

/// A shape of a value.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialPattern {
    /// What it is, with its article.
    pub what: String,
    find: String,
    /// What stands in every such value: a text without it is not searched.
    holds: Vec<String>,
    #[serde(skip)]
    compiled: std::sync::OnceLock<Option<Regex>>,
}

impl CredentialPattern {
    /// Where it stands in a text, in bytes.
    pub fn find(&self, text: &str) -> Option<std::ops::Range<usize>> {
        if !self.holds.iter().all(|part| text.contains(part)) {
            return None;
        }
        self.compiled
            .get_or_init(|| Regex::new(&self.find).ok())
            .as_ref()?
            .find(text)
            .map(|found| found.range())
    }
}

/// A program that runs tests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestRunner {
    /// The program.
    pub program: String,
    /// An argument it has when it runs tests; none: always.
    #[serde(default)]
    pub with: Vec<String>,
    /// What a command holds that writes a report already.
    #[serde(default)]
    pub flag: Option<String>,
    /// Where the report is then.
    pub file: String,
    /// A command that writes one.
    pub say: String,
}

/// Words that take the meaning from the word for production.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotProduction {
    /// Before it: `PreProd`.
    pub before: Vec<String>,
    /// Behind it: `ProdLike`.
    pub after: Vec<String>,
}

/// A file that a deployment looks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeployFile {
    /// The provider.
    pub provider: String,
    /// The configuration key that names the file.
    #[serde(default)]
    pub key: Option<String>,
    /// Whether the key's value names the artifact too: `Artifact::file`.
    #[serde(default)]
    pub with_artifact: bool,
    /// The configuration key that names the artifact; none: the first input.
    #[serde(default)]
    pub artifact_key: Option<String>,
    /// Whether the key's value is a list of files with commas between.
    #[serde(default)]
    pub list: bool,
    /// Its names where nothing says another: one of them.
    #[serde(default)]
    pub default: Vec<String>,
}

/// Schedules of EventBridge.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// The fields of `cron(…)`.
    pub fields: Vec<CronField>,
    /// The units of `rate(…)`, in the singular.
    pub units: Vec<String>,
    /// Where the facts are from.
    pub source: String,
}

/// A field of `cron(…)`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CronField {
    /// What it is called.
    pub name: String,
    /// Least and greatest number.
    pub range: [u32; 2],
    /// Words for the numbers from the least on.
    pub words: Vec<String>,
    /// The characters that mean more than one.
    pub wildcards: String,
}

static FILE: LazyLock<Advice> = LazyLock::new(|| parse("advice.json", include_str!("advice.json")));

/// Everything about advice.
pub fn advice() -> &'static Advice {
    &FILE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_seen_and_their_neighbours_are_not() {
        let what = |text: &str| {
            let patterns = advice().credentials.patterns.iter();
            patterns
                .filter(|pattern| pattern.find(text).is_some())
                .map(|pattern| pattern.what.as_str())
                .collect::<Vec<_>>()
        };
        let cases = [
            (
                ["AKIA", "ABCDEFGHIJKLMNOP"].concat(),
                "an AWS access key id",
            ),
            (
                ["ASIA", "ABCDEFGHIJKLMNOP"].concat(),
                "an AWS access key id",
            ),
            (["ghp_", &"a1".repeat(18)].concat(), "a GitHub token"),
            (["github_pat_", &"a1".repeat(20)].concat(), "a GitHub token"),
            (
                [
                    "https://hooks.slack.com/",
                    "services/T01/B01/",
                    &"a1".repeat(8),
                ]
                .concat(),
                "a Slack webhook",
            ),
            (["rk_live_", &"a1".repeat(8)].concat(), "a Stripe key"),
            (["glpat-", &"a1".repeat(10)].concat(), "a GitLab token"),
            (["xoxb-", "123456789012-abc"].concat(), "a Slack token"),
            (["npm_", &"a1".repeat(18)].concat(), "an npm token"),
            (
                ["-----BEGIN RSA ", "PRIVATE KEY-----"].concat(),
                "a private key",
            ),
            (
                "psql postgres://shop:hunter2@db/shop".to_owned(),
                "a password in an address",
            ),
        ];
        for (text, name) in &cases {
            assert_eq!(what(text), [name.to_owned()], "{text}");
        }
        for text in [
            "AKIA",
            "AKIAABCDEFGHIJKLMNOPQ",
            "ghp_short",
            "-----BEGIN CERTIFICATE-----",
            "-----BEGIN PUBLIC KEY-----",
            "https://$USER:$PASSWORD@host/x",
            "https://x-access-token:${TOKEN}@github.com/a/b",
            "http://localhost:8080/a@b",
            "arn:aws:iam::123456789012:user/a@b",
            "git@github.com:shop/web.git",
            "s3://bucket/key",
        ] {
            assert_eq!(what(text), Vec::<&str>::new(), "{text}");
        }
    }
}
