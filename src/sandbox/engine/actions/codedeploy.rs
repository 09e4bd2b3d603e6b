//! CodeDeploy on folders: each instance of the deployment group is a folder, and the hooks of appspec.yml run there.
//!
//! docs:action-reference-CodeDeploy; the file and the order of its hooks are those of CodeDeploy's own guide
//! (docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file.html and
//! reference-appspec-file-structure-hooks.html).

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::super::super::Sandbox;
use super::super::super::archive;
use super::super::drive::Work;
use super::super::end::{End, Ended};
use super::super::structure::Action;

/// Names that the file may have.
const NAMES: [&str; 2] = ["appspec.yml", "appspec.yaml"];
/// The hooks in their order. The first one is run from the revision that was deployed before.
const HOOKS: [&str; 5] = [
    "ApplicationStop",
    "BeforeInstall",
    "AfterInstall",
    "ApplicationStart",
    "ValidateService",
];
/// Seconds that a script may take that says nothing.
const SECONDS: u64 = 3600;

/// An appspec.yml for instances.
#[derive(Debug, Default, Deserialize)]
struct AppSpec {
    #[serde(default)]
    os: Option<String>,
    #[serde(default)]
    files: Vec<FileSpec>,
    #[serde(default)]
    file_exists_behavior: Option<String>,
    #[serde(default)]
    hooks: BTreeMap<String, Vec<Script>>,
}

#[derive(Debug, Deserialize)]
struct FileSpec {
    source: String,
    destination: String,
}

#[derive(Debug, Deserialize)]
struct Script {
    location: String,
    #[serde(default)]
    timeout: Option<u64>,
}

/// One deployment to one instance.
struct Deployment<'a> {
    work: &'a Work,
    id: String,
    application: &'a str,
    group: &'a str,
    folder: PathBuf,
}

impl Sandbox {
    /// Deploys a revision to every instance of the group, one after the other.
    pub(super) async fn code_deploy(&self, work: &Work, action: &Action) -> Ended {
        let application = work
            .get("ApplicationName")
            .ok_or_else(|| End::wrong("ApplicationName is missing"))?;
        let group = work
            .get("DeploymentGroupName")
            .ok_or_else(|| End::wrong("DeploymentGroupName is missing"))?;
        let input = self.only_input(action)?;
        let failed = |error: io::Error| End::failed("JobFailed", error.to_string());
        let instances = self
            .given(work)
            .and_then(|given| given.instances)
            .unwrap_or(1);
        let file = self.input_file(work, input)?;
        let plain = [application, group].iter().all(|name| {
            Path::new(name)
                .components()
                .all(|part| matches!(part, Component::Normal(_)))
                && !name.contains(['/', '\\'])
        });
        if !plain {
            return Err(End::wrong(format!(
                "{application}/{group} cannot be the name of a folder"
            )));
        }
        let id = format!(
            "d-{}",
            work.id
                .replace('-', "")
                .to_uppercase()
                .chars()
                .take(9)
                .collect::<String>()
        );
        for number in 1..=instances {
            let folder = self
                .folder
                .join("instances")
                .join(application)
                .join(group)
                .join(format!("i-{number}"));
            fs::create_dir_all(&folder).map_err(failed)?;
            let folder = fs::canonicalize(&folder).map_err(failed)?;
            let deployment = Deployment {
                work,
                id: id.clone(),
                application,
                group,
                folder,
            };
            self.deploy_to(&deployment, &file).await?;
        }
        let mut end = End::succeeded(format!(
            "Deployed to {instances} instance{} below instances/{application}/{group}",
            if instances == 1 { "" } else { "s" }
        ));
        end.result.external_execution_id = Some(id);
        Ok(end)
    }

    async fn deploy_to(&self, deployment: &Deployment<'_>, revision: &Path) -> Result<(), End> {
        let failed = |error: io::Error| End::failed("JobFailed", error.to_string());
        let archive_of = deployment.folder.join("deployments");
        let last = fs::read_to_string(deployment.folder.join("last-deployment")).ok();
        let new = archive_of.join(&deployment.id);
        if new.exists() {
            fs::remove_dir_all(&new).map_err(failed)?;
        }
        fs::create_dir_all(&new).map_err(failed)?;
        let (from, into) = (revision.to_owned(), new.clone());
        let unpacking = tokio::task::spawn_blocking(move || archive::unpack(&from, &into));
        unpacking
            .await
            .map_err(io::Error::other)
            .and_then(|done| done)
            .map_err(failed)?;
        let spec = app_spec(&new)?;
        let linux = spec.os.as_deref().unwrap_or("linux");
        if !matches!(linux, "linux" | "windows") {
            return Err(End::failed(
                "JobFailed",
                format!("appspec.yml: os is {linux}, and not linux or windows"),
            ));
        }
        for hook in HOOKS {
            if hook == "ApplicationStop" {
                if let Some(last) = last
                    .as_ref()
                    .map(|last| archive_of.join(last.trim()))
                    .filter(|last| last.is_dir())
                {
                    let before = app_spec(&last)?;
                    self.hook(deployment, &before, &last, hook).await?;
                }
                continue;
            }
            if hook == "AfterInstall" {
                install(&spec, &new, &deployment.folder)?;
            }
            self.hook(deployment, &spec, &new, hook).await?;
        }
        fs::write(deployment.folder.join("last-deployment"), &deployment.id).map_err(failed)?;
        // Of revisions, CodeDeploy's agent keeps some; here the last one is enough.
        for entry in fs::read_dir(&archive_of).map_err(failed)?.flatten() {
            if entry.file_name() != deployment.id.as_str() {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        Ok(())
    }

    /// Runs the scripts of a hook with the variables that CodeDeploy gives them.
    async fn hook(
        &self,
        deployment: &Deployment<'_>,
        spec: &AppSpec,
        revision: &Path,
        hook: &str,
    ) -> Result<(), End> {
        for script in spec.hooks.get(hook).into_iter().flatten() {
            let file = inside(revision, &script.location)
                .filter(|file| file.is_file())
                .ok_or_else(|| {
                    End::failed(
                        "JobFailed",
                        format!("{hook}: the revision has no script {}", script.location),
                    )
                })?;
            make_executable(&file).map_err(|error| End::failed("JobFailed", error.to_string()))?;
            let variables = [
                ("LIFECYCLE_EVENT", hook),
                ("DEPLOYMENT_ID", &deployment.id),
                ("APPLICATION_NAME", deployment.application),
                ("DEPLOYMENT_GROUP_NAME", deployment.group),
                ("DEPLOYMENT_GROUP_ID", deployment.group),
                ("INSTANCE_ROOT", &deployment.folder.to_string_lossy()),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
            let command = crate::compile::shell_word(&file.to_string_lossy());
            let seconds = script.timeout.unwrap_or(SECONDS);
            let running = self.script(
                deployment.work,
                &command,
                variables.into(),
                &deployment.folder,
            );
            let ended =
                tokio::time::timeout(std::time::Duration::from_secs(seconds), running).await;
            let said = match ended {
                Err(_) => format!("timed out after {seconds} seconds"),
                Ok(Ok(())) => continue,
                Ok(Err(end)) => {
                    let message = end
                        .error
                        .and_then(|error| error.message)
                        .unwrap_or_default();
                    let reason = message.rsplit("Reason: ").next().unwrap_or_default();
                    format!("failed: {reason}")
                }
            };
            return Err(End::failed(
                "JobFailed",
                format!(
                    "{hook}: Script at specified location: {} {said}",
                    script.location
                ),
            ));
        }
        Ok(())
    }
}

fn app_spec(revision: &Path) -> Result<AppSpec, End> {
    let file = NAMES
        .iter()
        .map(|name| revision.join(name))
        .find(|file| file.is_file());
    let file = file.ok_or_else(|| {
        End::failed(
            "JobFailed",
            "The revision has no appspec.yml at its root; CodeDeploy needs one",
        )
    })?;
    let text =
        fs::read_to_string(&file).map_err(|error| End::failed("JobFailed", error.to_string()))?;
    serde_yaml::from_str(&text)
        .map_err(|error| End::failed("JobFailed", format!("appspec.yml: {error}")))
}

/// Copies what `files` says, in place of what the last deployment copied. A destination is a path on the instance, that
/// is below its folder.
fn install(spec: &AppSpec, revision: &Path, instance: &Path) -> Result<(), End> {
    let list = instance.join("last-files");
    for line in fs::read_to_string(&list).unwrap_or_default().lines() {
        if let Some(file) = inside(instance, line) {
            let _ = fs::remove_file(file);
        }
    }
    let mut installed = Vec::new();
    for file in &spec.files {
        let failed =
            |error: io::Error| End::failed("JobFailed", format!("{}: {error}", file.source));
        let from = inside(revision, &file.source)
            .filter(|from| from.exists())
            .ok_or_else(|| {
                End::failed(
                    "JobFailed",
                    format!(
                        "The revision has no {}, which appspec.yml names",
                        file.source
                    ),
                )
            })?;
        let to = inside(instance, &file.destination).ok_or_else(|| {
            End::failed(
                "JobFailed",
                format!("{} leads out of the instance", file.destination),
            )
        })?;
        if from.is_dir() {
            for (name, path) in archive::files_below(&from, &[]).map_err(failed)? {
                copy(&path, &to.join(name), spec, &mut installed)?;
            }
        } else if let Some(name) = from.file_name() {
            copy(&from, &to.join(name), spec, &mut installed)?;
        }
    }
    let paths = installed
        .iter()
        .filter_map(|path| path.strip_prefix(instance).ok());
    let text: String = paths.map(|path| format!("{}\n", path.display())).collect();
    fs::write(list, text).map_err(|error| End::failed("JobFailed", error.to_string()))
}

fn copy(from: &Path, to: &Path, spec: &AppSpec, installed: &mut Vec<PathBuf>) -> Result<(), End> {
    let failed = |error: io::Error| End::failed("JobFailed", format!("{}: {error}", to.display()));
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    if to.exists() {
        match spec.file_exists_behavior.as_deref() {
            Some("RETAIN") => return Ok(()),
            Some("OVERWRITE") => {}
            _ => {
                let message = format!(
                    "The deployment failed because a specified file already exists at this location: {}",
                    to.display()
                );
                return Err(End::failed("JobFailed", message));
            }
        }
    }
    fs::copy(from, to).map_err(failed)?;
    installed.push(to.to_owned());
    Ok(())
}

/// A path below a folder; nothing where it leads out of it.
fn inside(folder: &Path, path: &str) -> Option<PathBuf> {
    let mut whole = folder.to_owned();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(part) => whole.push(part),
            Component::ParentDir | Component::Prefix(_) => return None,
            Component::RootDir | Component::CurDir => {}
        }
    }
    Some(whole)
}

#[cfg(unix)]
fn make_executable(file: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_file: &Path) -> io::Result<()> {
    Ok(())
}
