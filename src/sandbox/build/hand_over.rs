//! What a build hands on when its commands are done: variables, artifacts, reports, the cache.

use std::io;

use super::artifacts::{self, Refused};
use super::cache::{self, Cache};
use super::run::{Run, Step, Trouble};
use crate::execution::build::{ExportedVariable, PhaseType};
use crate::execution::report::ReportStatus;
use crate::sandbox::{archive, reports};

impl Run<'_> {
    /// What `exported-variables` names, as it is now that `post_build` is over.
    pub(super) async fn export(&mut self) {
        let names: Vec<String> = std::mem::take(&mut self.spec.exported);
        let (names, odd): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| is_name(name));
        for name in odd {
            self.log.say(&format!(
                "Note: exported-variables: `{name}` is no name of a variable"
            ));
        }
        let (kept, names): (Vec<_>, Vec<_>) = names
            .into_iter()
            .partition(|name| self.environment.kept_back.contains(name));
        for name in kept {
            self.log.say(&format!(
                "Note: exported-variables: {name} comes from a store, as the project says, and cannot be exported"
            ));
        }
        if names.is_empty() {
            return;
        }
        // Without a shell the variables are what they were given.
        let values: Vec<Option<String>> = if self.session.is_some() && self.spec.one_shell {
            let words: Vec<_> = names.iter().map(|name| (name.as_str(), true)).collect();
            match self.ask(&words).await {
                Ok(values) => values,
                Err(trouble) => {
                    self.log
                        .say(&format!("Note: exported-variables: {}", trouble.message));
                    return;
                }
            }
        } else {
            let known = &self.environment.values;
            names.iter().map(|name| known.get(name).cloned()).collect()
        };
        for (name, value) in names.into_iter().zip(values) {
            match value {
                Some(value) => self
                    .outcome
                    .build
                    .exported_environment_variables
                    .push(ExportedVariable { name, value }),
                None => self.log.say(&format!(
                    "Note: exported-variables: {name} is not set when post_build ends"
                )),
            }
        }
    }

    pub(super) async fn upload(&mut self) {
        let kind = PhaseType::UploadArtifacts;
        self.begin(kind);
        let result = self.hand_over().await;
        if let Some(status) = self.end(kind, result) {
            self.fail(status);
        }
    }

    async fn hand_over(&mut self) -> Step<()> {
        // Whatever still runs would write into what is being packed.
        self.end_session(false).await?;
        let artifacts = self.pack().await;
        self.read_reports().await?;
        if self.succeeding && artifacts.is_ok() {
            self.save().await?;
        }
        artifacts
    }

    async fn pack(&mut self) -> Step<()> {
        let mut wanted = Vec::new();
        if let Some(spec) = self.spec.artifacts.take() {
            wanted.push((None, spec));
        }
        let secondary = std::mem::take(&mut self.spec.secondary);
        wanted.extend(secondary.into_iter().map(|(id, spec)| (Some(id), spec)));
        for (index, (identifier, spec)) in wanted.into_iter().enumerate() {
            let source = self.request.source.clone();
            let target = self.places.artifacts.join(format!("{index}.zip"));
            let file = target.clone();
            let packed = blocking(move || {
                let found = artifacts::find(&source, &spec)?;
                archive::pack(&file, &found.files, found.links)?;
                Ok::<_, Refused>(found.said)
            })
            .await;
            match packed {
                Ok(said) => said.iter().for_each(|line| self.log.say(line)),
                Err(Refused::Client(message)) => {
                    return Err(Trouble::failed("CLIENT_ERROR", message));
                }
                Err(Refused::Here(error)) => {
                    return Err(Trouble::fault("an artifact cannot be packed", &error));
                }
            }
            match identifier {
                None => self.outcome.artifact = Some(target),
                Some(id) => {
                    self.outcome.secondary_artifacts.insert(id, target);
                }
            }
        }
        Ok(())
    }

    async fn read_reports(&mut self) -> Step<()> {
        for spec in std::mem::take(&mut self.spec.reports) {
            self.log
                .say(&format!("Preparing to copy report {}", spec.name));
            let source = self.request.source.clone();
            let name = spec.name.clone();
            let made = blocking(move || {
                let files = artifacts::report_files(&source, spec.base.as_deref(), &spec.files)?;
                Ok::<_, Refused>(reports::read(&spec.name, &spec.format, &files))
            })
            .await;
            match made {
                Ok(made) => {
                    for note in &made.notes {
                        self.log.say(&format!("Note: report {name}: {note}"));
                    }
                    if made.report.status == ReportStatus::Failed {
                        self.log
                            .say(&format!("Report {name} has tests that failed"));
                    }
                    self.outcome.reports.push(made.report);
                }
                Err(Refused::Client(message)) => {
                    self.log.say(&format!("Note: report {name}: {message}"));
                }
                Err(Refused::Here(error)) => {
                    self.log.say(&format!("Note: report {name}: {error}"));
                }
            }
        }
        Ok(())
    }

    // ---- the cache

    fn caches(&self) -> Option<std::path::PathBuf> {
        let kind = self.request.text("/cache/type");
        let wanted = !matches!(kind.as_deref(), None | Some("NO_CACHE"));
        self.request.cache.clone().filter(|_| wanted)
    }

    /// The cache of this build; its folder is that of the project.
    pub(super) fn cache(&self) -> Cache {
        Cache {
            folder: self.caches().unwrap_or_default(),
            source: self.request.source.clone(),
            home: self.places.home_here.clone(),
            outside: (!self.places.is_here).then(|| self.places.outside.clone()),
        }
    }

    pub(super) async fn restore(&mut self) -> Step<()> {
        let (Some(folder), Some(spec)) = (self.caches(), self.spec.cache.clone()) else {
            return Ok(());
        };
        let mut keys = Vec::new();
        for key in spec.key.iter().chain(&spec.fallback) {
            match cache::with_hashes(key, &self.request.source) {
                Ok(key) => keys.push(key),
                Err(error) => {
                    self.log.say(&format!("Note: cache: {key}: {error}"));
                    return Ok(());
                }
            }
        }
        if keys.iter().any(|key| key.contains(['$', '`'])) {
            let words: Vec<_> = keys.iter().map(|key| (key.as_str(), false)).collect();
            let told = self.ask(&words).await?;
            keys = told.into_iter().map(Option::unwrap_or_default).collect();
        }
        let key = spec.key.is_some().then(|| keys.remove(0));
        let fallback = if key.is_some() { keys } else { Vec::new() };
        self.cache_key = Some((key.clone(), fallback.clone()));
        let cache = self.cache();
        let restored = blocking(move || {
            std::fs::create_dir_all(&folder)?;
            cache.restore(&spec, key.as_deref(), &fallback)
        })
        .await;
        match restored {
            Ok(said) => self.log.say(&format!("Cache: {said}")),
            Err(error) => self.log.say(&format!("Note: cache: {error}")),
        }
        Ok(())
    }

    async fn save(&mut self) -> Step<()> {
        let (Some(_), Some(spec)) = (self.caches(), self.spec.cache.clone()) else {
            return Ok(());
        };
        let Some((key, _)) = self.cache_key.clone() else {
            return Ok(());
        };
        let cache = self.cache();
        let saved = blocking(move || cache.save(&spec, key.as_deref())).await;
        match saved {
            Ok(said) => said
                .iter()
                .for_each(|line| self.log.say(&format!("Cache: {line}"))),
            Err(error) => self.log.say(&format!("Note: cache: {error}")),
        }
        Ok(())
    }
}

/// Whether a shell takes it for the name of a variable.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Work that waits for the disk, aside.
async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<io::Error> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(E::from(io::Error::other(error))),
    }
}
