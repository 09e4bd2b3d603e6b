//! The grammar of a buildspec, version 0.2, and the formats of reports.

use std::sync::LazyLock;

use serde::Deserialize;

use super::parse;
use super::text::{Pattern, Quota, TextRule};

/// Everything in `buildspec.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Buildspec {
    /// Accepted versions; the last is the one to write.
    pub versions: Vec<String>,
    /// Keys of the whole.
    pub keys: Vec<Key>,
    /// Keys of `env`.
    pub env: Vec<Key>,
    /// Keys of `proxy`.
    pub proxy: Vec<Key>,
    /// Names of phases, in the order they run.
    pub phases: Vec<String>,
    /// Keys of a phase.
    pub phase: Vec<Key>,
    /// Keys that only the first phase (`install`) has.
    pub install_only: Vec<String>,
    /// Pattern of `on-failure`.
    pub on_failure: Pattern,
    /// Greatest number of retries in `on-failure`.
    pub on_failure_retries: u64,
    /// Keys of a report.
    pub report: Vec<Key>,
    /// Report groups a buildspec may name.
    pub reports: Quota,
    /// Formats of reports.
    pub report_formats: Vec<ReportFormat>,
    /// The format when none is said.
    pub default_report_format: String,
    /// Names of files that tell their format.
    pub report_guesses: Vec<ReportGuess>,
    /// Keys of `artifacts`.
    pub artifacts: Vec<Key>,
    /// An identifier of a secondary artifact.
    pub artifact_identifier: TextRule,
    /// Keys of `cache`.
    pub cache: Vec<Key>,
    /// Fallback keys of a cache.
    pub cache_fallback_keys: Quota,
    /// Batches.
    pub batch: Batch,
    /// Exported variables.
    pub exported_variables: ExportedVariables,
    /// What a person should know.
    pub notes: Vec<String>,
    /// Where the facts are from.
    pub source: String,
}

/// A key of the buildspec.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Its name.
    pub name: String,
    /// What stands under it.
    pub kind: KeyKind,
    /// Whether it must be there.
    #[serde(default)]
    pub required: bool,
    /// Allowed values.
    #[serde(default)]
    pub values: Vec<String>,
    /// What a person should know.
    #[serde(default)]
    pub note: Option<String>,
}

/// What stands under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum KeyKind {
    /// A text.
    Text,
    /// A number.
    Number,
    /// A number or a text.
    NumberOrText,
    /// `true` or `false`.
    Bool,
    /// `yes` or `no`, which some YAML readers take for a truth value.
    YesNo,
    /// A list of texts.
    TextList,
    /// A text or a list of texts.
    TextOrList,
    /// A map whose values are texts.
    TextMap,
    /// A map whose values are lists of texts.
    ListMap,
    /// A map with keys of its own.
    Map,
    /// A list of maps.
    MapList,
}

/// A format of reports.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportFormat {
    /// API word.
    pub name: String,
    /// `TEST` or `CODE_COVERAGE`.
    pub report_type: String,
}

/// A name of a file that tells its format.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportGuess {
    /// Pattern of the last part of the path, in lower case.
    pub file: Pattern,
    /// What every such name has: others need no pattern.
    pub holds: String,
    /// The format.
    pub format: String,
}

/// Batches in a buildspec.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// Keys of `batch`.
    pub keys: Vec<Key>,
    /// Of these exactly one stands.
    pub exactly_one_of: Vec<String>,
    /// Keys of a task of a list or graph.
    pub task: Vec<Key>,
    /// Keys that only tasks of a graph have.
    pub graph_only: Vec<String>,
    /// Keys of a task's `env`.
    pub task_env: Vec<Key>,
    /// Keys of a matrix.
    pub matrix: Vec<Key>,
    /// Keys of `static` of a matrix.
    pub matrix_static: Vec<Key>,
    /// Keys of `env` in `static` of a matrix.
    pub matrix_static_env: Vec<Key>,
    /// Keys of `dynamic` of a matrix.
    pub matrix_dynamic: Vec<Key>,
    /// Keys of `env` in `dynamic` of a matrix.
    pub matrix_dynamic_env: Vec<Key>,
    /// Keys of a fan-out.
    pub fanout: Vec<Key>,
    /// An identifier.
    pub identifier: TextRule,
}

/// Exported variables.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedVariables {
    /// Beginnings of names that cannot be exported.
    pub forbidden_prefixes: Vec<String>,
    /// Bytes of all output variables of an action.
    pub total_bytes: Quota,
    /// What a person should know.
    pub notes: Vec<String>,
}

static FILE: LazyLock<Buildspec> =
    LazyLock::new(|| parse("buildspec.json", include_str!("buildspec.json")));

/// Everything about buildspecs.
pub fn buildspec() -> &'static Buildspec {
    &FILE
}

/// The key of a list of keys by its name.
pub fn key<'k>(keys: &'k [Key], name: &str) -> Option<&'k Key> {
    keys.iter().find(|k| k.name == name)
}

/// A format of reports by its API word.
pub fn report_format(name: &str) -> Option<&'static ReportFormat> {
    FILE.report_formats.iter().find(|f| f.name == name)
}

/// The format that the name of a file tells; `None` if it does not tell any.
pub fn guess_report_format(path: &str) -> Option<&'static str> {
    let file = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    FILE.report_guesses
        .iter()
        .find(|g| file.contains(&g.holds) && g.file.matches(&file))
        .map(|g| g.format.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_guessed_from_unmistakable_names_only() {
        let cases = [
            ("reports/coverage.xml", Some("COBERTURAXML")),
            ("cobertura.xml", Some("COBERTURAXML")),
            ("junit.xml", Some("JUNITXML")),
            ("target/junit-api.xml", Some("JUNITXML")),
            ("build/TEST-com.example.XML", Some("JUNITXML")),
            ("jacoco.xml", Some("JACOCOXML")),
            ("clover.xml", Some("CLOVERXML")),
            ("testng-results.xml", Some("TESTNGXML")),
            ("run.trx", Some("VISUALSTUDIOTRX")),
            ("cucumber.json", Some("CUCUMBERJSON")),
            ("coverage/.resultset.json", Some("SIMPLECOV")),
            ("lcov.info", None),
            ("report.xml", None),
            ("discoverage.xml", None),
            ("**/*.xml", None),
        ];
        for (path, format) in cases {
            assert_eq!(guess_report_format(path), format, "{path}");
        }
        for guess in &buildspec().report_guesses {
            assert!(report_format(&guess.format).is_some(), "{}", guess.format);
            assert!(
                guess.file.as_str().contains(&guess.holds),
                "{}",
                guess.holds
            );
        }
        assert!(report_format(&buildspec().default_report_format).is_some());
    }

    #[test]
    fn on_failure_takes_its_forms() {
        let pattern = &buildspec().on_failure;
        for good in [
            "ABORT",
            "CONTINUE",
            "RETRY",
            "RETRY-3",
            "RETRY-100",
            "RETRY-2-.*timeout.*",
            "RETRY-Error",
        ] {
            assert!(pattern.matches(good), "{good}");
        }
        for bad in ["abort", "RETRY-", "STOP", ""] {
            assert!(!pattern.matches(bad), "{bad}");
        }
    }

    #[test]
    fn keys_are_found() {
        let spec = buildspec();
        assert_eq!(spec.phases, ["install", "pre_build", "build", "post_build"]);
        assert_eq!(
            key(&spec.phase, "commands").map(|k| k.kind),
            Some(KeyKind::TextList)
        );
        assert_eq!(
            key(&spec.artifacts, "discard-paths").map(|k| k.kind),
            Some(KeyKind::YesNo)
        );
        for name in &spec.install_only {
            assert!(key(&spec.phase, name).is_some(), "{name}");
        }
        for name in &spec.batch.exactly_one_of {
            assert!(key(&spec.batch.keys, name).is_some(), "{name}");
        }
        for name in &spec.batch.graph_only {
            assert!(key(&spec.batch.task, name).is_some(), "{name}");
        }
        assert!(spec.batch.identifier.check("a-b").is_err());
    }
}
