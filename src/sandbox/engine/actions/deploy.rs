//! Deployments that are really done here, into folders: S3.

use std::path::Path;

use super::super::super::Sandbox;
use super::super::super::archive;
use super::super::super::store::now_ms;
use super::super::drive::Work;
use super::super::end::{End, Ended};
use super::super::structure::Action;

impl Sandbox {
    /// docs:action-reference-S3Deploy: unpacks the artifact into the folder of the bucket, or copies it there.
    pub(super) async fn deploy_s3(&self, work: &Work, action: &Action) -> Ended {
        let bucket = work
            .get("BucketName")
            .ok_or_else(|| End::wrong("BucketName is missing"))?;
        let input = self.only_input(action)?;
        let key = work.get("ObjectKey").map(|key| self.placeholders(key));
        let failed = |error: std::io::Error| End::failed("JobFailed", error.to_string());
        let file = self.input_file(work, input)?;
        if work.get("Extract") == Some("true") {
            let folder = match &key {
                Some(key) => self.bucket_file(bucket, key.trim_end_matches('/')),
                None => self
                    .bucket_file(bucket, "x")
                    .and_then(|file| file.parent().map(Path::to_owned)),
            };
            let folder =
                folder.ok_or_else(|| End::wrong(format!("{key:?} is no key of an object")))?;
            std::fs::create_dir_all(&folder).map_err(failed)?;
            let into = folder.clone();
            let unpacking = tokio::task::spawn_blocking(move || archive::unpack(&file, &into));
            unpacking
                .await
                .map_err(std::io::Error::other)
                .and_then(|done| done)
                .map_err(failed)?;
            let mut end = End::succeeded(format!("Unpacked into {}", self.shown(&folder)));
            end.result.external_execution_id = Some(work.id.clone());
            return Ok(end);
        }
        let key = key.ok_or_else(|| End::wrong("ObjectKey is missing; Extract is false"))?;
        let target = self
            .bucket_file(bucket, &key)
            .ok_or_else(|| End::wrong(format!("{key} is no key of an object")))?;
        if let Some(folder) = target.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        std::fs::copy(&file, &target).map_err(failed)?;
        let mut end = End::succeeded(format!("Copied to {}", self.shown(&target)));
        end.result.external_execution_id = Some(work.id.clone());
        Ok(end)
    }

    /// `{datetime}` and `{uuid}` in the key of an object.
    fn placeholders(&self, key: &str) -> String {
        let uuid = || {
            self.reading(None, |db| Ok(super::super::super::store::uuid(db)?))
                .unwrap_or_default()
        };
        let mut key = key.to_owned();
        if key.contains("{uuid}") {
            key = key.replace("{uuid}", &uuid());
        }
        key.replace("{datetime}", &super::super::window::stamp(now_ms()))
    }

    /// The one input artifact.
    pub(super) fn only_input<'a>(&self, action: &'a Action) -> Result<&'a str, End> {
        let first = action.input_artifacts.first();
        first
            .map(|input| input.name.as_str())
            .ok_or_else(|| End::wrong(format!("{} has no input artifact", action.name)))
    }

    /// A path in the account's folder, for people.
    pub(super) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.folder)
            .unwrap_or(path)
            .display()
            .to_string()
    }
}
