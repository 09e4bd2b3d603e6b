//! Where the parts of a build lie, on this machine and as its commands see them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Executor, Request};

/// The folders of one build. Texts are as commands see them.
#[derive(Debug)]
pub(super) struct Places {
    /// Whether commands run on this machine, not in a container.
    pub(super) is_here: bool,
    pub(super) source: String,
    pub(super) secondary: BTreeMap<String, String>,
    pub(super) home: String,
    pub(super) temporary: String,
    pub(super) state: String,
    /// On this machine: what the shell and pipectl say to each other, secrets among it.
    pub(super) state_here: PathBuf,
    /// On this machine: `HOME`.
    pub(super) home_here: PathBuf,
    /// On this machine: folders of a container that are cached and lie outside of its source and home.
    pub(super) outside: PathBuf,
    /// On this machine: empty settings.
    pub(super) guards: PathBuf,
    /// On this machine: the artifacts.
    pub(super) artifacts: PathBuf,
}

/// Where CodeBuild puts the source in a container.
const INSIDE: &str = "/codebuild/output/src";

impl Places {
    /// Makes the folders, for the owner only.
    pub(super) fn make(request: &Request) -> io::Result<Self> {
        let folder = &request.folder;
        private(folder)?;
        let made = |name: &str| {
            let path = folder.join(name);
            private(&path)?;
            Ok::<_, io::Error>(path)
        };
        let (home, temporary) = (made("home")?, made("tmp")?);
        let (state, guards, artifacts) = (made("state")?, made("empty")?, made("artifacts")?);
        let is_here = matches!(request.executor, Executor::Host);
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let (source, secondary) = if is_here {
            let secondary = request.secondary_sources.iter();
            (
                text(&request.source),
                secondary
                    .map(|(id, path)| (id.clone(), text(path)))
                    .collect(),
            )
        } else {
            let secondary = request.secondary_sources.keys();
            (
                format!("{INSIDE}/src"),
                secondary
                    .map(|id| (id.clone(), format!("{INSIDE}/{id}")))
                    .collect(),
            )
        };
        Ok(Self {
            is_here,
            source,
            secondary,
            home: text(&home),
            temporary: text(&temporary),
            state: if is_here {
                text(&state)
            } else {
                "/codebuild/output/state".to_owned()
            },
            state_here: state,
            home_here: home,
            outside: folder.join("outside"),
            guards,
            artifacts,
        })
    }

    /// Lets whoever runs commands in a container write into the state. On this machine its parent keeps it closed.
    pub(super) fn open_state(&self) -> io::Result<()> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&self.state_here, fs::Permissions::from_mode(0o777))?;
        }
        Ok(())
    }
}

#[cfg(unix)]
fn private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::create_dir_all(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn private(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}
