//! A shell in a container of the project's image, where docker or podman is there.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Request;
use super::places::Places;
use super::session::Shell;

/// What runs containers, in the order of preference.
const TOOLS: [&str; 2] = ["docker", "podman"];
/// What its client needs of our own environment, to find its daemon and its registries.
const CLIENT: [&str; 10] = [
    "PATH",
    "HOME",
    "DOCKER_HOST",
    "DOCKER_CONFIG",
    "DOCKER_CONTEXT",
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
    "CONTAINER_HOST",
    "XDG_RUNTIME_DIR",
    "TMPDIR",
];

/// A program that runs containers and answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerTool {
    /// `docker` or `podman`.
    pub name: String,
    /// The program.
    pub program: PathBuf,
}

/// Looks for a tool: the one of that name, or any. It counts if it reaches what it works with.
pub fn find(name: Option<&str>) -> Option<ContainerTool> {
    let path = std::env::var_os("PATH")?;
    TOOLS
        .iter()
        .filter(|tool| name.is_none_or(|name| name == **tool))
        .find_map(|tool| {
            std::env::split_paths(&path)
                .map(|folder| folder.join(tool))
                .find(|program| program.is_file() && answers(program))
                .map(|program| ContainerTool {
                    name: (*tool).to_owned(),
                    program,
                })
        })
}

fn answers(program: &Path) -> bool {
    Command::new(program)
        .args(["version", "--format", "{{.Client.Version}}"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// How a shell is started in a container. The variables of the build are in a file of the state: on the command line
/// everybody could read them.
pub(super) fn shell(
    request: &Request,
    places: &Places,
    tool: &ContainerTool,
    shell: &str,
    user: Option<&str>,
) -> Shell {
    let program = tool.program.to_string_lossy().into_owned();
    let name = format!("pipectl-{}", request.uuid());
    let mut command = vec![program.clone()];
    let mut add = |words: &[&str]| command.extend(words.iter().map(|word| (*word).to_owned()));
    add(&["run", "--rm", "--interactive", "--name", &name]);
    if tool.name == "docker" {
        // Whatever loses its parent is buried.
        add(&["--init"]);
    }
    if request.privileged() {
        add(&["--privileged"]);
    }
    if let Some(user) = user {
        add(&["--user", user]);
    }
    let mut mounts = vec![
        (request.source.clone(), places.source.clone()),
        (places.state_here.clone(), places.state.clone()),
    ];
    for (identifier, path) in &request.secondary_sources {
        if let Some(inside) = places.secondary.get(identifier) {
            mounts.push((path.clone(), inside.clone()));
        }
    }
    for (here, inside) in mounts {
        let here = here.to_string_lossy();
        add(&["--volume", &format!("{here}:{inside}")]);
    }
    let image = request.text("/environment/image").unwrap_or_default();
    add(&[
        "--workdir",
        &places.source,
        "--entrypoint",
        "",
        &image,
        shell,
    ]);
    let environment = CLIENT
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)))
        .collect();
    Shell {
        command,
        environment,
        folder: request.folder.clone(),
        work: places.source.clone(),
        state: places.state_here.clone(),
        state_inside: places.state.clone(),
        user: None,
        cleanup: vec![program, "rm".into(), "--force".into(), name],
    }
}
