//! A buildspec as it is run. What AWS refuses is refused with its words where they are known; the message is the one of
//! `YAML_FILE_ERROR`.

use std::collections::BTreeMap;

use regex::Regex;

use crate::catalog::buildspec as catalog;
use crate::diagnostic::Diagnostics;
use crate::execution::build::PhaseType;
use crate::source::{Sources, Span};
use crate::tree::{Entry, Node};
use crate::yaml;

/// How often `RETRY` without a number tries again.
/// docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html#build-spec.phases
const USUAL_RETRIES: u32 = 3;

/// A buildspec.
#[derive(Debug, Default)]
pub(super) struct Spec {
    /// Whether all commands share one shell (0.2).
    pub(super) one_shell: bool,
    pub(super) run_as: Option<String>,
    pub(super) shell: Option<String>,
    pub(super) variables: Vec<(String, String)>,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) secrets: Vec<(String, String)>,
    pub(super) exported: Vec<String>,
    pub(super) phases: Vec<Phase>,
    pub(super) reports: Vec<ReportSpec>,
    pub(super) artifacts: Option<ArtifactSpec>,
    pub(super) secondary: Vec<(String, ArtifactSpec)>,
    pub(super) cache: Option<CacheSpec>,
    pub(super) batch: Option<Node>,
    /// What is not done here, or means nothing.
    pub(super) notes: Vec<String>,
}

/// One phase of it.
#[derive(Debug, Clone)]
pub(super) struct Phase {
    pub(super) kind: PhaseType,
    pub(super) run_as: Option<String>,
    pub(super) on_failure: Option<OnFailure>,
    pub(super) commands: Vec<String>,
    pub(super) finally: Vec<String>,
}

/// `on-failure`.
#[derive(Debug, Clone)]
pub(super) enum OnFailure {
    Abort,
    Continue,
    Retry { times: u32, matching: Option<Regex> },
}

/// An entry of `reports`.
#[derive(Debug, Clone, Default)]
pub(super) struct ReportSpec {
    pub(super) name: String,
    pub(super) files: Vec<String>,
    pub(super) format: String,
    pub(super) base: Option<String>,
}

/// `artifacts`, or one of `secondary-artifacts`.
#[derive(Debug, Clone, Default)]
pub(super) struct ArtifactSpec {
    pub(super) files: Vec<String>,
    pub(super) exclude: Vec<String>,
    pub(super) base: Option<String>,
    pub(super) discard_paths: bool,
    pub(super) links: bool,
}

/// `cache`.
#[derive(Debug, Clone, Default)]
pub(super) struct CacheSpec {
    pub(super) key: Option<String>,
    pub(super) fallback: Vec<String>,
    pub(super) restore: bool,
    pub(super) save: bool,
    pub(super) paths: Vec<String>,
}

type Refused<T> = Result<T, String>;

/// Reads a buildspec; the message is for people and says the line.
pub(super) fn read(name: &str, text: &str) -> Refused<Spec> {
    let mut sources = Sources::new();
    let file = sources.add(name, text);
    let mut diagnostics = Diagnostics::new();
    let root = yaml::parse(&sources, file, &mut diagnostics);
    let reader = Reader { sources: &sources };
    if let Some(error) = diagnostics
        .iter()
        .find(|d| d.severity == crate::diagnostic::Severity::Error)
    {
        return Err(format!("{} {}", error.message, reader.line(error.span)));
    }
    match root {
        Some(root) if !root.is_null() => reader.spec(&root),
        _ => Err("the YAML file is empty".to_owned()),
    }
}

struct Reader<'s> {
    sources: &'s Sources,
}

impl Reader<'_> {
    fn line(&self, span: Span) -> String {
        format!("at line {}", self.sources.positions(span).0.line)
    }

    fn spec(&self, root: &Node) -> Refused<Spec> {
        let language = catalog::buildspec();
        let mut spec = Spec::default();
        self.map(root, "the buildspec")?;
        self.known(root, "", &language.keys, &mut spec.notes);
        let version = root
            .get("version")
            .and_then(Node::scalar_text)
            .ok_or_else(|| "the version of the buildspec is missing: `version: 0.2`".to_owned())?;
        // 0.20 is a number to a reader of YAML, and the same one.
        let known = language.versions.contains(&version);
        if !known {
            return Err(format!(
                "`version: {version}` is not supported; there are {}",
                language.versions.join(" and ")
            ));
        }
        spec.one_shell = language.versions.last() == Some(&version);
        spec.run_as = self.text(root, "run-as")?;
        if let Some(env) = root.get("env").filter(|node| !node.is_null()) {
            self.environment(env, &mut spec)?;
        }
        if root.get("proxy").is_some() {
            spec.notes
                .push("proxy: there is no explicit proxy here".to_owned());
        }
        spec.batch = root.get("batch").filter(|node| !node.is_null()).cloned();
        self.phases(root, &mut spec)?;
        for entry in self.entries(root, "reports")? {
            spec.reports.push(self.report(entry, &mut spec.notes)?);
        }
        if let Some(node) = root.get("artifacts").filter(|node| !node.is_null()) {
            self.map(node, "artifacts")?;
            self.known(node, "artifacts.", &language.artifacts, &mut spec.notes);
            for entry in self.entries(node, "secondary-artifacts")? {
                let path = format!("secondary-artifacts/{}", entry.key);
                self.map(&entry.value, &path)?;
                let artifact = self.artifact(&entry.value, &path)?;
                spec.secondary.push((entry.key.clone(), artifact));
            }
            if node.get("files").is_some() || spec.secondary.is_empty() {
                spec.artifacts = Some(self.artifact(node, "artifacts")?);
            }
        }
        if let Some(node) = root.get("cache").filter(|node| !node.is_null()) {
            self.map(node, "cache")?;
            self.known(node, "cache.", &language.cache, &mut spec.notes);
            let action = self.text(node, "action")?;
            spec.cache = Some(CacheSpec {
                key: self.text(node, "key")?,
                fallback: self.texts(node, "fallback-keys")?,
                restore: action.as_deref() != Some("save"),
                save: action.as_deref() != Some("restore"),
                paths: self.texts(node, "paths")?,
            });
        }
        Ok(spec)
    }

    fn environment(&self, env: &Node, spec: &mut Spec) -> Refused<()> {
        self.map(env, "env")?;
        self.known(env, "env.", &catalog::buildspec().env, &mut spec.notes);
        spec.shell = self.text(env, "shell")?;
        spec.variables = self.pairs(env, "variables")?;
        spec.parameters = self.pairs(env, "parameter-store")?;
        spec.secrets = self.pairs(env, "secrets-manager")?;
        spec.exported = self.texts(env, "exported-variables")?;
        let forbidden = &catalog::buildspec().exported_variables.forbidden_prefixes;
        let notes = &mut spec.notes;
        spec.exported.retain(|name| {
            let bad = forbidden.iter().any(|prefix| name.starts_with(prefix));
            if bad {
                notes.push(format!("exported-variables: {name} cannot be exported"));
            }
            !bad
        });
        if self.yes(env, "git-credential-helper")? {
            spec.notes.push(
                "git-credential-helper: git has no credentials here, as nothing has".to_owned(),
            );
        }
        Ok(())
    }

    fn phases(&self, root: &Node, spec: &mut Spec) -> Refused<()> {
        let language = catalog::buildspec();
        let given = self.entries(root, "phases")?;
        if given.is_empty() && spec.batch.is_none() {
            return Err("the buildspec has no phases; at least one is needed".to_owned());
        }
        for entry in given {
            if !language.phases.contains(&entry.key) {
                return Err(format!(
                    "`{}` is no phase {}; there are {}",
                    entry.key,
                    self.line(entry.key_span),
                    language.phases.join(", ")
                ));
            }
        }
        for (name, kind) in language.phases.iter().zip([
            PhaseType::Install,
            PhaseType::PreBuild,
            PhaseType::Build,
            PhaseType::PostBuild,
        ]) {
            let mut phase = Phase {
                kind,
                run_as: None,
                on_failure: None,
                commands: Vec::new(),
                finally: Vec::new(),
            };
            let found = given.iter().find(|entry| entry.key == *name);
            if let Some(entry) = found.filter(|entry| !entry.value.is_null()) {
                let node = &entry.value;
                self.map(node, name)?;
                self.known(
                    node,
                    &format!("phases.{name}."),
                    &language.phase,
                    &mut spec.notes,
                );
                phase.run_as = self.text(node, "run-as")?;
                phase.commands = self.commands(node, "commands")?;
                phase.finally = self.commands(node, "finally")?;
                let optional = language.phases.first() == Some(name);
                if !optional && node.get("commands").is_none() {
                    return Err(format!(
                        "the phase `{name}` has no commands {}",
                        self.line(entry.key_span)
                    ));
                }
                phase.on_failure = match node.get("on-failure") {
                    Some(value) => Some(self.on_failure(value)?),
                    None => None,
                };
                if node.get("runtime-versions").is_some() {
                    spec.notes.push(
                        "Skipping install of runtimes. Runtime version selection is not supported by this build \
                         image: what is on PATH is used."
                            .to_owned(),
                    );
                }
            }
            spec.phases.push(phase);
        }
        Ok(())
    }

    fn on_failure(&self, node: &Node) -> Refused<OnFailure> {
        let text = node.scalar_text().unwrap_or_default();
        let refused = || {
            format!(
                "`on-failure: {text}` {} is none of ABORT, CONTINUE, RETRY, RETRY-n, RETRY-regex, RETRY-n-regex",
                self.line(node.span)
            )
        };
        let language = catalog::buildspec();
        if !language.on_failure.matches(&text) {
            return Err(refused());
        }
        match text.as_str() {
            "ABORT" => return Ok(OnFailure::Abort),
            "CONTINUE" => return Ok(OnFailure::Continue),
            _ => {}
        }
        let rest = text.strip_prefix("RETRY").ok_or_else(refused)?;
        let rest = rest.strip_prefix('-').unwrap_or(rest);
        let (number, pattern) = rest.split_once('-').unwrap_or((rest, ""));
        let (times, pattern) = match number.parse::<u32>() {
            Ok(times) => (times, pattern),
            Err(_) => (USUAL_RETRIES, rest),
        };
        if u64::from(times) > language.on_failure_retries {
            return Err(format!(
                "{} retries {} are too many; at most {} are allowed",
                times,
                self.line(node.span),
                language.on_failure_retries
            ));
        }
        let matching = if pattern.is_empty() {
            None
        } else {
            Some(Regex::new(pattern).map_err(|_| refused())?)
        };
        Ok(OnFailure::Retry { times, matching })
    }

    fn report(&self, entry: &Entry, notes: &mut Vec<String>) -> Refused<ReportSpec> {
        let language = catalog::buildspec();
        let node = &entry.value;
        let path = format!("reports/{}", entry.key);
        self.map(node, &path)?;
        self.known(
            node,
            &format!("reports.{}.", entry.key),
            &language.report,
            notes,
        );
        let format = self.text(node, "file-format")?.map_or_else(
            || language.default_report_format.clone(),
            |f| f.to_uppercase(),
        );
        if catalog::report_format(&format).is_none() {
            let names: Vec<&str> = language
                .report_formats
                .iter()
                .map(|f| f.name.as_str())
                .collect();
            return Err(format!(
                "`file-format: {format}` of the report `{}` {} is none of {}",
                entry.key,
                self.line(node.span),
                names.join(", ")
            ));
        }
        let files = self.texts(node, "files")?;
        if files.is_empty() {
            return Err(format!(
                "the report `{}` {} names no files",
                entry.key,
                self.line(entry.key_span)
            ));
        }
        Ok(ReportSpec {
            name: entry.key.clone(),
            files,
            format,
            base: self.text(node, "base-directory")?,
        })
    }

    fn artifact(&self, node: &Node, path: &str) -> Refused<ArtifactSpec> {
        let files = self.texts(node, "files")?;
        if files.is_empty() {
            return Err(format!("{path} {} names no files", self.line(node.span)));
        }
        Ok(ArtifactSpec {
            files,
            exclude: self.texts(node, "exclude-paths")?,
            base: self.text(node, "base-directory")?,
            discard_paths: self.yes(node, "discard-paths")?,
            links: self.yes(node, "enable-symlinks")?,
        })
    }

    /// The commands of a phase: texts, and nothing that only looks like one.
    fn commands(&self, node: &Node, key: &str) -> Refused<Vec<String>> {
        let Some(list) = node.get(key).filter(|node| !node.is_null()) else {
            return Ok(Vec::new());
        };
        let Some(items) = list.as_list() else {
            return Err(format!(
                "Expected {key} to be a list of commands, found {} {}",
                list.kind(),
                self.line(list.span)
            ));
        };
        let mut commands = Vec::new();
        for (index, item) in items.iter().enumerate() {
            commands.push(item.scalar_text().ok_or_else(|| {
                let found = if item.as_map().is_some() {
                    "subkeys"
                } else {
                    item.kind()
                };
                format!(
                    "Expected {key}[{index}] to be of string type: found {found} instead {}; a command with `: ` needs quotes",
                    self.line(item.span)
                )
            })?);
        }
        Ok(commands)
    }

    /// What the language does not have there is told: AWS passes over most of it in silence.
    fn known(&self, node: &Node, path: &str, keys: &[catalog::Key], notes: &mut Vec<String>) {
        for entry in node.as_map().unwrap_or_default() {
            if !keys.iter().any(|key| key.name == entry.key) {
                notes.push(format!(
                    "`{path}{}` {} means nothing in a buildspec",
                    entry.key,
                    self.line(entry.key_span)
                ));
            }
        }
    }

    fn map(&self, node: &Node, what: &str) -> Refused<()> {
        if node.as_map().is_some() {
            return Ok(());
        }
        Err(format!(
            "Expected {what} to be a map, found {} {}",
            node.kind(),
            self.line(node.span)
        ))
    }

    fn entries<'n>(&self, node: &'n Node, key: &str) -> Refused<&'n [Entry]> {
        match node.get(key).filter(|node| !node.is_null()) {
            None => Ok(&[]),
            Some(value) => {
                self.map(value, key)?;
                Ok(value.as_map().unwrap_or_default())
            }
        }
    }

    fn text(&self, node: &Node, key: &str) -> Refused<Option<String>> {
        match node.get(key).filter(|node| !node.is_null()) {
            None => Ok(None),
            Some(value) => value.scalar_text().map(Some).ok_or_else(|| {
                format!(
                    "Expected {key} to be of string type, found {} {}",
                    value.kind(),
                    self.line(value.span)
                )
            }),
        }
    }

    /// A list of texts; one text alone is a list of one.
    fn texts(&self, node: &Node, key: &str) -> Refused<Vec<String>> {
        let Some(value) = node.get(key).filter(|node| !node.is_null()) else {
            return Ok(Vec::new());
        };
        if let Some(text) = value.scalar_text() {
            return Ok(vec![text]);
        }
        let items = value.as_list().unwrap_or_default();
        let texts: Vec<String> = items.iter().filter_map(Node::scalar_text).collect();
        if value.as_list().is_none() || texts.len() != items.len() {
            return Err(format!(
                "Expected {key} to be a list of texts {}",
                self.line(value.span)
            ));
        }
        Ok(texts)
    }

    fn pairs(&self, node: &Node, key: &str) -> Refused<Vec<(String, String)>> {
        let mut pairs = BTreeMap::new();
        for entry in self.entries(node, key)? {
            let value = match entry.value.scalar_text() {
                Some(text) => text,
                None if entry.value.is_null() => String::new(),
                None => {
                    return Err(format!(
                        "Expected {key}/{} to be of string type, found {} {}",
                        entry.key,
                        entry.value.kind(),
                        self.line(entry.value.span)
                    ));
                }
            };
            pairs.insert(entry.key.clone(), value);
        }
        Ok(pairs.into_iter().collect())
    }

    /// `yes`, also as YAML 1.1 reads it.
    fn yes(&self, node: &Node, key: &str) -> Refused<bool> {
        let text = self.text(node, key)?.unwrap_or_default();
        Ok(matches!(
            text.to_ascii_lowercase().as_str(),
            "yes" | "true" | "on" | "y"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        read("buildspec.yml", text).expect_err("it is refused")
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let cases = [
            ("", "the YAML file is empty"),
            (
                "- a",
                "Expected the buildspec to be a map, found a list at line 1",
            ),
            (
                "phases: {build: {commands: [a]}}",
                "the version of the buildspec is missing",
            ),
            (
                "version: 0.3\nphases: {}",
                "`version: 0.3` is not supported; there are 0.1 and 0.2",
            ),
            ("version: 0.2", "the buildspec has no phases"),
            (
                "version: 0.2\nphases:\n  buidl:\n    commands: [a]",
                "`buidl` is no phase at line 3",
            ),
            (
                "version: 0.2\nphases:\n  build:\n    commands:\n      - echo a: b",
                "Expected commands[0] to be of string type: found subkeys instead at line 5",
            ),
            (
                "version: 0.2\nphases:\n  build:\n    commands: echo",
                "Expected commands to be a list",
            ),
            (
                "version: 0.2\nphases:\n  build: {}",
                "the phase `build` has no commands at line 3",
            ),
            (
                "version: 0.2\nphases:\n  build: {commands: [a], on-failure: STOP}",
                "`on-failure: STOP` at line 3",
            ),
            (
                "version: 0.2\nphases:\n  build: {commands: [a], on-failure: RETRY-101}",
                "101 retries at line 3",
            ),
            (
                "version: 0.2\nphases: {build: {commands: [a]}}\nreports: {r: {files: x, file-format: LCOV}}",
                "`file-format: LCOV`",
            ),
            (
                "version: 0.2\nphases: {build: {commands: [a]}}\nartifacts: {base-directory: x}",
                "artifacts at line 3 names no files",
            ),
            (
                "version: 0.2\n\tphases: x",
                "a tab stands where YAML wants spaces at line",
            ),
        ];
        for (text, expected) in cases {
            let message = error(text);
            assert!(message.contains(expected), "{text:?}: {message}");
        }
    }

    #[test]
    fn a_buildspec_is_read_whole() {
        let spec = read(
            "buildspec.yml",
            "version: 0.2\nrun-as: me\nodd: 1\nenv:\n  shell: bash\n  variables: {A: 1.10, B: yes}\n  \
             exported-variables: [A, AWS_X]\nphases:\n  install:\n    runtime-versions: {python: 3.12}\n  build:\n    \
             on-failure: RETRY-2-.*Error.*\n    commands: [true, echo]\n    finally: [cleanup]\nreports:\n  unit:\n    \
             files: out/*.xml\n    file-format: cucumberjson\nartifacts:\n  files: ['**/*']\n  discard-paths: yes\n  \
             secondary-artifacts:\n    one: {files: [a]}\ncache:\n  paths: ['/root/.m2/**/*']\n",
        )
        .expect("a buildspec");
        assert!(spec.one_shell);
        assert_eq!(
            spec.variables,
            [("A".into(), "1.10".into()), ("B".into(), "yes".into())]
        );
        assert_eq!(spec.exported, ["A"]);
        let kinds: Vec<_> = spec.phases.iter().map(|p| p.kind.as_str()).collect();
        assert_eq!(kinds, ["INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD"]);
        assert_eq!(spec.phases[2].commands, ["true", "echo"]);
        match &spec.phases[2].on_failure {
            Some(OnFailure::Retry {
                times: 2,
                matching: Some(regex),
            }) => {
                assert_eq!(regex.as_str(), ".*Error.*");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(spec.reports[0].format, "CUCUMBERJSON");
        assert!(spec.artifacts.expect("artifacts").discard_paths);
        assert_eq!(spec.secondary[0].0, "one");
        assert!(
            spec.notes
                .iter()
                .any(|n| n.contains("`odd` at line 3 means nothing"))
        );
        assert!(
            spec.notes
                .iter()
                .any(|n| n.contains("AWS_X cannot be exported"))
        );
        assert!(
            spec.notes
                .iter()
                .any(|n| n.contains("Skipping install of runtimes"))
        );
    }

    #[test]
    fn retries_have_four_forms() {
        for (text, times, pattern) in [
            ("RETRY", 3, None),
            ("RETRY-4", 4, None),
            ("RETRY-.*Error: no.*", 3, Some(".*Error: no.*")),
            ("RETRY-5-a-b", 5, Some("a-b")),
            ("RETRY-a-b", 3, Some("a-b")),
        ] {
            let spec = read(
                "x",
                &format!(
                    "version: 0.2\nphases: {{build: {{commands: [a], on-failure: '{text}'}}}}"
                ),
            )
            .expect(text);
            let Some(OnFailure::Retry { times: t, matching }) = &spec.phases[2].on_failure else {
                panic!("{text}");
            };
            assert_eq!(
                (*t, matching.as_ref().map(Regex::as_str)),
                (times, pattern),
                "{text}"
            );
        }
    }
}
