//! Artifacts: ZIP files in the account's folder, under the bucket and key where AWS would have them.

use std::path::{Component, Path, PathBuf};

use rusqlite::Connection;

use super::super::archive;
use super::super::{Sandbox, store};
use super::drive::{What, Work};
use super::end::End;
use super::rows::{self, Run};
use super::structure::Pipeline;
use crate::execution::{ActionStatus, ArtifactDetail, S3Location};

/// Characters that CodePipeline leaves of names in the key of an artifact.
const KEPT: (usize, usize) = (20, 10);
/// Executions of a pipeline whose artifacts are kept.
const KEEP: usize = 10;

/// Where the artifact lies that an execution has under a name; one that goes back has those of the execution that it
/// goes back to (docs:stage-rollback).
pub(super) fn find(db: &Connection, run: &Run, name: &str) -> rusqlite::Result<Option<S3Location>> {
    for execution in [Some(&run.id), run.target.as_ref()].into_iter().flatten() {
        let runs = rows::action_runs(db, execution, None)?;
        let found = runs
            .into_iter()
            .rev()
            .filter(|row| row.status == ActionStatus::Succeeded)
            .flat_map(|row| row.output.output_artifacts)
            .find(|artifact| artifact.name == name);
        if let Some(found) = found {
            return Ok(found.location);
        }
    }
    Ok(None)
}

/// A place for a new artifact.
pub(super) fn place(
    db: &Connection,
    pipeline: &Pipeline,
    region: &str,
    name: &str,
) -> rusqlite::Result<ArtifactDetail> {
    let cut = |text: &str, most: usize| text.chars().take(most).collect::<String>();
    let random = store::random(db)?;
    let key = format!(
        "{}/{}/{}",
        cut(&pipeline.name, KEPT.0),
        cut(name, KEPT.1),
        &random[..7]
    );
    Ok(ArtifactDetail {
        name: name.to_owned(),
        location: Some(S3Location {
            bucket: pipeline.bucket(region).to_owned(),
            key,
        }),
    })
}

impl Sandbox {
    /// The file of an artifact.
    pub(super) fn artifact_file(&self, location: &S3Location) -> PathBuf {
        self.folder
            .join("artifacts")
            .join(&location.bucket)
            .join(&location.key)
    }

    /// A place for an artifact of an action that runs.
    pub(super) fn new_artifact(&self, work: &Work, name: &str) -> Result<ArtifactDetail, End> {
        let region = match &work.what {
            What::Action(action) => action.region.as_deref(),
            What::Rule(rule) => rule.region.as_deref(),
        };
        let region = region.unwrap_or(&work.run.region);
        self.reading(None, |db| Ok(place(db, &work.pipeline, region, name)?))
            .map_err(|error| End::failed("SystemUnavailable", error.message))
    }

    /// The file of an artifact, in a folder that is there.
    pub(super) fn file_of(&self, artifact: &ArtifactDetail) -> Result<PathBuf, End> {
        let file = artifact
            .location
            .as_ref()
            .map(|location| self.artifact_file(location));
        let file =
            file.ok_or_else(|| End::wrong(format!("Artifact {} lies nowhere", artifact.name)))?;
        let folder = file.parent().map(std::fs::create_dir_all);
        if let Some(Err(error)) = folder {
            return Err(End::failed(
                "SystemUnavailable",
                format!("{}: {error}", file.display()),
            ));
        }
        Ok(file)
    }

    /// The file of an artifact that an action is given.
    pub(super) fn input_file(&self, work: &Work, name: &str) -> Result<PathBuf, End> {
        let found = self.reading(None, |db| Ok(find(db, &work.run, name)?));
        let found = found.map_err(|error| End::failed("SystemUnavailable", error.message))?;
        let file = found.map(|location| self.artifact_file(&location));
        file.filter(|file| file.is_file())
            .ok_or_else(|| End::wrong(format!("There is no artifact {name} in this execution")))
    }

    /// Unpacks an artifact that an action is given.
    pub(super) async fn unpack_input(
        &self,
        work: &Work,
        name: &str,
        folder: PathBuf,
    ) -> Result<(), End> {
        let file = self.input_file(work, name)?;
        let unpacking = tokio::task::spawn_blocking(move || archive::unpack(&file, &folder));
        let failed = |error: String| End::failed("JobFailed", format!("Artifact {name}: {error}"));
        let outcome = unpacking.await.map_err(|error| failed(error.to_string()))?;
        outcome.map_err(|error| failed(error.to_string()))
    }

    /// The file of an object in a bucket of the account; none where the names lead out of it.
    pub(super) fn bucket_file(&self, bucket: &str, key: &str) -> Option<PathBuf> {
        let key = Path::new(key);
        let inside = key
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        let plain = !bucket.is_empty() && !bucket.contains(['/', '\\']) && bucket != "..";
        (inside && plain).then(|| self.folder.join("buckets").join(bucket).join(key))
    }

    /// Removes the artifacts of executions that nobody goes back to any more: all but the last ten, those that are not
    /// over, the last that went through each stage, and what these go back to.
    pub(super) fn prune_artifacts(&self, pipeline: &str) {
        let old = self.reading(None, |db| {
            let runs = rows::newest(db, &self.region, pipeline, KEEP + 50)?;
            let mut wanted = std::collections::BTreeSet::new();
            let newest = runs.iter().take(KEEP);
            let open = runs.iter().filter(|run| !run.status.is_over());
            wanted.extend(newest.chain(open).map(|run| run.id.clone()));
            if let Some(first) = runs.first() {
                for stage in &first.pipeline(db)?.stages {
                    let last = rows::last_in_stage(db, &self.region, pipeline, &stage.name)?;
                    wanted.extend(last.map(|last| last.execution));
                    let success = rows::last_success(db, first, &stage.name)?;
                    wanted.extend(success.map(|success| success.id));
                }
            }
            let targets = runs.iter().filter(|run| wanted.contains(&run.id));
            let targets: Vec<String> = targets.filter_map(|run| run.target.clone()).collect();
            wanted.extend(targets);
            let mut files = Vec::new();
            for run in runs.iter().filter(|run| !wanted.contains(&run.id)) {
                for row in rows::action_runs(db, &run.id, None)? {
                    let locations = row.output.output_artifacts.into_iter();
                    files.extend(locations.filter_map(|artifact| artifact.location));
                }
            }
            Ok(files)
        });
        // What cannot be removed is in nobody's way.
        for location in old.unwrap_or_default() {
            let _ = std::fs::remove_file(self.artifact_file(&location));
        }
    }
}
