//! Source actions: a local git repository or folder stands for what AWS would fetch.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::super::super::archive::{self, Links};
use super::super::super::{ACCOUNT, Sandbox};
use super::super::drive::Work;
use super::super::end::{End, Ended};
use super::super::standins::SourceStandIn;
use super::super::structure::Action;
use super::git::Git;
use crate::catalog::actions::{self, Variables};
use crate::execution::SourceRevision;

/// Folders that are never part of a source.
const LEFT_OUT: [&str; 2] = [".git", ".pipectl"];
/// Who wrote what has no history.
const NOBODY: &str = "nobody";
/// Characters of a revision of what has no history.
const DIGITS: usize = 40;

/// Where a source action finds its files.
enum Place {
    Repository(Git),
    Folder(PathBuf),
    File(PathBuf),
}

/// What a source action found.
#[derive(Default)]
struct Found {
    revision: String,
    variables: BTreeMap<&'static str, String>,
    note: Option<String>,
    /// When something of what has no history was last changed, in milliseconds since 1970.
    changed: i64,
}

impl Sandbox {
    /// Brings the files of a source into its artifact.
    pub(super) async fn source(&self, work: &Work, action: &Action) -> Ended {
        let output = action
            .output_artifacts
            .first()
            .ok_or_else(|| End::wrong(format!("{} has no output artifact", action.name)))?;
        let artifact = self.new_artifact(work, &output.name)?;
        let file = self.file_of(&artifact)?;
        let found = if action.action_type_id.provider == "ECR" {
            self.image(work, &file).await?
        } else {
            self.files(work, action, &file).await?
        };
        let mut end = End::succeeded(found.note.clone().unwrap_or_default());
        end.summary = found
            .variables
            .get("CommitMessage")
            .map(|text| first_line(text))
            .or(found.note.clone());
        end.variables = self.told(work, action, &found);
        end.revision = Some(SourceRevision {
            action_name: action.name.clone(),
            revision_id: Some(found.revision.clone()),
            revision_summary: end.summary.clone(),
            revision_url: None,
        });
        end.result.external_execution_id = Some(found.revision);
        end.result.external_execution_summary = end.summary.clone().or(found.note);
        end.artifacts = vec![artifact];
        Ok(end)
    }

    fn place(&self, work: &Work) -> Result<Place, End> {
        let home = self
            .drive
            .home
            .clone()
            .unwrap_or_else(|| PathBuf::from("."));
        let Some(SourceStandIn { path, .. }) = self.seed.sources.get(work.name()) else {
            if let Some(object) = self.source_object(work) {
                return Ok(Place::File(object));
            }
            return Ok(match Git::around(&home) {
                Some(git) => Place::Repository(git),
                None => Place::Folder(home),
            });
        };
        let path = home.join(path);
        if path.is_file() {
            Ok(Place::File(path))
        } else if let Some(git) = Git::at(&path) {
            Ok(Place::Repository(git))
        } else if path.is_dir() {
            Ok(Place::Folder(path))
        } else {
            Err(End::failed(
                "RevisionUnavailable",
                format!(
                    "{} does not exist; `sources.{}` of sandbox.yml says it stands for this source",
                    path.display(),
                    work.name()
                ),
            ))
        }
    }

    /// What another pipeline put into the bucket that is the source.
    fn source_object(&self, work: &Work) -> Option<PathBuf> {
        let (bucket, key) = (work.get("S3Bucket")?, work.get("S3ObjectKey")?);
        let file = self.bucket_file(bucket, key)?;
        file.is_file().then_some(file)
    }

    async fn files(&self, work: &Work, action: &Action, file: &Path) -> Result<Found, End> {
        let failed = |error: String| End::failed("RevisionUnavailable", error);
        match self.place(work)? {
            Place::Repository(git) => {
                let clone = work.get("OutputArtifactFormat") == Some("CODEBUILD_CLONE_REF");
                let Some(commit) = self.commit(work, action, &git).await? else {
                    let found = folder(git.root().to_owned(), file.to_owned()).await;
                    return Ok(self.without_history(work, found.map_err(failed)?));
                };
                let dirty = self.drive.dirty.then_some(LEFT_OUT.as_slice());
                if clone {
                    git.pack_clone(&commit.id, &commit.branch, dirty, file)
                        .await
                        .map_err(failed)?;
                } else if let Some(left_out) = dirty {
                    git.pack_working_tree(left_out, file)
                        .await
                        .map_err(failed)?;
                } else {
                    git.pack(&commit.id, file).await.map_err(failed)?;
                }
                let told = git.describe(&commit.id).await.map_err(failed)?;
                let mut found = Found {
                    revision: commit.id.clone(),
                    note: commit.note,
                    ..Found::default()
                };
                let dirty = "with what is not committed".to_owned();
                if self.drive.dirty {
                    found.note = Some(
                        found
                            .note
                            .map_or(dirty.clone(), |note| format!("{note}; {dirty}")),
                    );
                }
                found.variables.insert("CommitId", commit.id);
                found.variables.insert("BranchName", commit.branch);
                found.variables.extend(told);
                Ok(found)
            }
            Place::Folder(path) => {
                let found = folder(path, file.to_owned()).await.map_err(failed)?;
                Ok(self.without_history(work, found))
            }
            Place::File(path) => {
                std::fs::copy(&path, file)
                    .map_err(|error| failed(format!("{}: {error}", path.display())))?;
                let revision = digest(file).map_err(failed)?;
                Ok(Found {
                    revision,
                    ..Found::default()
                })
            }
        }
    }

    /// What a commit would say of itself, where there is none: pipelines may ask for it.
    fn without_history(&self, work: &Work, mut found: Found) -> Found {
        let stand_in = self.seed.sources.get(work.name());
        let branch = stand_in.and_then(|source| source.branch.clone());
        let branch = branch.or_else(|| {
            let named = work.get("BranchName").or_else(|| work.get("Branch"));
            named.map(ToOwned::to_owned)
        });
        found
            .variables
            .extend(branch.map(|branch| ("BranchName", branch)));
        let changed = super::super::window::date(found.changed);
        let said = found.note.clone().unwrap_or_default();
        found.variables.extend([
            ("CommitMessage", said),
            ("AuthorDate", changed.clone()),
            ("CommitterDate", changed),
            ("AuthorDisplayName", NOBODY.to_owned()),
            ("AuthorEmail", format!("{NOBODY}@localhost")),
        ]);
        found
    }

    /// The commit to take: the one that the execution was started on, else the branch of the action where it exists
    /// here, else HEAD. Nothing where there is no commit at all.
    async fn commit(&self, work: &Work, action: &Action, git: &Git) -> Result<Option<Commit>, End> {
        let stand_in = self
            .seed
            .sources
            .get(&action.name)
            .and_then(|source| source.branch.clone());
        let branch = stand_in.or_else(|| {
            let named = work.get("BranchName").or_else(|| work.get("Branch"));
            named.map(ToOwned::to_owned)
        });
        let given = work
            .run
            .overrides
            .iter()
            .find(|revision| revision.action == action.name);
        if let Some(revision) = given {
            let id = git.commit(&revision.value).await.ok_or_else(|| {
                End::failed(
                    "RevisionUnavailable",
                    format!(
                        "{} is no commit of {}",
                        revision.value,
                        git.root().display()
                    ),
                )
            })?;
            let branch = branch.unwrap_or_default();
            return Ok(Some(Commit {
                id,
                branch,
                note: None,
            }));
        }
        if let Some(branch) = &branch
            && !self.drive.dirty
            && let Some(id) = git.commit(&format!("refs/heads/{branch}")).await
        {
            return Ok(Some(Commit {
                id,
                branch: branch.clone(),
                note: None,
            }));
        }
        let Some(id) = git.commit("HEAD").await else {
            return Ok(None);
        };
        let here = git.branch().await;
        let note = match &branch {
            Some(branch) if here.as_deref() != Some(branch) => Some(format!(
                "HEAD stands for the branch {branch}, which does not exist here"
            )),
            _ => None,
        };
        let branch = branch.or(here).unwrap_or_default();
        Ok(Some(Commit {
            id,
            branch,
            note: note.filter(|_| !self.drive.dirty),
        }))
    }

    /// docs:action-reference-ECR: imageDetail.json, made up from the names unless a folder stands for the source.
    async fn image(&self, work: &Work, file: &Path) -> Result<Found, End> {
        let failed = |error: String| End::failed("RevisionUnavailable", error);
        if self.seed.sources.contains_key(work.name()) {
            let path = match self.place(work)? {
                Place::Folder(path) => path,
                Place::Repository(git) => git.root().to_owned(),
                Place::File(path) => {
                    return Err(failed(format!(
                        "{} is no folder with an imageDetail.json, which is what stands for an image",
                        path.display()
                    )));
                }
            };
            let mut found = folder(path.clone(), file.to_owned())
                .await
                .map_err(failed)?;
            let detail = detail(&path.join("imageDetail.json")).map_err(failed)?;
            let of = |key: &str| detail[key].as_str().map(ToOwned::to_owned);
            found
                .variables
                .extend(of("ImageURI").map(|uri| ("ImageURI", uri)));
            if let Some(digest) = of("ImageDigest") {
                found.revision.clone_from(&digest);
                found.variables.insert("ImageDigest", digest);
            }
            return Ok(found);
        }
        let repository = work.get("RepositoryName").unwrap_or_default();
        let tag = work.get("ImageTag").unwrap_or("latest");
        let given = work
            .run
            .overrides
            .iter()
            .find(|revision| revision.action == work.name());
        let digest = given.map_or_else(
            || {
                format!(
                    "sha256:{}",
                    hex(&Sha256::digest(format!("{repository}:{tag}")))
                )
            },
            |revision| revision.value.clone(),
        );
        let registry = format!("{ACCOUNT}.dkr.ecr.{}.amazonaws.com", work.run.region);
        let uri = format!("{registry}/{repository}@{digest}");
        let detail = serde_json::json!({
            "ImageSizeInBytes": "0", "ImageDigest": digest, "Version": "1.0",
            "ImagePushedAt": "Thu Jan 01 00:00:00 UTC 1970", "RegistryId": ACCOUNT,
            "RepositoryName": repository, "ImageURI": uri, "ImageTags": [tag],
        });
        let text = detail.to_string();
        pack_text("imageDetail.json", &text, file).map_err(|error| failed(error.to_string()))?;
        let variables = [("ImageDigest", digest.clone()), ("ImageURI", uri)];
        Ok(Found {
            revision: digest,
            variables: variables.into(),
            ..Found::default()
        })
    }

    /// The variables that the action type gives (docs:reference-variables), as far as they are known here.
    fn told(&self, work: &Work, action: &Action, found: &Found) -> BTreeMap<String, String> {
        let id = &action.action_type_id;
        let Some(kind) = actions::action_type(&id.owner, &id.category, &id.provider) else {
            return BTreeMap::new();
        };
        let Variables::Named(names) = &kind.variables else {
            return BTreeMap::new();
        };
        let by_event = kind
            .variables_by_event
            .get("push_branch")
            .into_iter()
            .flatten();
        names
            .iter()
            .chain(by_event)
            .filter_map(|name| Some((name.clone(), self.variable(work, found, name)?)))
            .collect()
    }

    fn variable(&self, work: &Work, found: &Found, name: &str) -> Option<String> {
        if let Some(value) = found.variables.get(name) {
            return Some(value.clone());
        }
        let repository = work
            .get("FullRepositoryId")
            .or_else(|| work.get("RepositoryName"))
            .or_else(|| work.get("Repo"));
        let text = match name {
            "CommitId" | "VersionId" | "ETag" => found.revision.clone(),
            "BucketName" => work.get("S3Bucket")?.to_owned(),
            "ObjectKey" => work.get("S3ObjectKey")?.to_owned(),
            "RepositoryName" => repository?.to_owned(),
            "FullRepositoryName" => repository?.to_owned(),
            "ConnectionArn" => work.get("ConnectionArn")?.to_owned(),
            "ImageTag" => work.get("ImageTag").unwrap_or("latest").to_owned(),
            "RegistryId" => ACCOUNT.to_owned(),
            "ProviderType" => "GitHub".to_owned(),
            "AuthorId" => found.variables.get("AuthorDisplayName")?.clone(),
            "CommitUrl" => format!(
                "https://github.com/{}/{}/commit/{}",
                work.get("Owner")?,
                work.get("Repo")?,
                found.revision
            ),
            _ => return None,
        };
        Some(text)
    }
}

/// A commit and how it was found.
struct Commit {
    id: String,
    branch: String,
    note: Option<String>,
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digest(file: &Path) -> Result<String, String> {
    let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
    Ok(hex(&Sha256::digest(bytes))[..DIGITS].to_owned())
}

/// An archive of one file.
fn pack_text(name: &str, text: &str, file: &Path) -> std::io::Result<()> {
    let scratch = tempfile::NamedTempFile::new()?;
    std::fs::write(scratch.path(), text)?;
    let files = [(name.to_owned(), scratch.path().to_owned())];
    archive::pack(file, &files.into(), Links::Follow)
}

/// What a folder says of the image that it stands for.
fn detail(file: &Path) -> Result<serde_json::Value, String> {
    let why = |error: String| format!("{}: {error}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| why(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| why(error.to_string()))
}

/// A folder as it lies there; what it holds is its revision.
async fn folder(path: PathBuf, file: PathBuf) -> Result<Found, String> {
    let packing = tokio::task::spawn_blocking(move || {
        let pack = || {
            let files = archive::entries_below(&path, &LEFT_OUT, Links::Keep)?;
            let times = files.values().filter_map(|file| {
                let changed = std::fs::symlink_metadata(file).ok()?.modified().ok()?;
                let since = changed.duration_since(std::time::UNIX_EPOCH).ok()?;
                i64::try_from(since.as_millis()).ok()
            });
            let changed = times.max().unwrap_or_default();
            archive::pack(&file, &files, Links::Follow)?;
            Ok(changed)
        };
        let changed = pack().map_err(|error: std::io::Error| error.to_string())?;
        Ok::<_, String>((digest(&file)?, changed))
    });
    let (revision, changed) = packing.await.map_err(|error| error.to_string())??;
    Ok(Found {
        revision,
        note: Some("The folder as it is".to_owned()),
        changed,
        ..Found::default()
    })
}
