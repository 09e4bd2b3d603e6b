//! A shell in a container of the project's image, where docker or podman is there.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Request;
use super::places::Places;
use super::session::{Shell, quoted};

/// What runs containers, in the order of preference.
const TOOLS: [&str; 2] = ["docker", "podman"];
/// What its client needs of our own environment, to find its daemon and its registries.
const CLIENT: [&str; 14] = [
    "PATH",
    "HOME",
    "DOCKER_HOST",
    "DOCKER_CONFIG",
    "DOCKER_CONTEXT",
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
    "CONTAINER_HOST",
    "CONTAINERS_CONF",
    "CONTAINERS_REGISTRIES_CONF",
    "CONTAINERS_STORAGE_CONF",
    "REGISTRY_AUTH_FILE",
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

/// What a container does while commands run in it: it buries what lost its parent, and ends when it is told.
const IDLE: &str = "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done";

/// How a shell is started in the container of the build, which is made with the first one: all of its shells see what
/// the former changed in it. The variables of the build are in a file of the state: on the command line everybody could
/// read them.
pub(super) fn shell(
    request: &Request,
    places: &Places,
    tool: &ContainerTool,
    shell: &str,
    cached: &[(PathBuf, String)],
    user: Option<&str>,
) -> Shell {
    let program = tool.program.to_string_lossy().into_owned();
    let name = format!("pipectl-{}", request.uuid());
    let image = request.text("/environment/image").unwrap_or_default();
    let mut mounts = vec![
        (request.source.clone(), places.source.clone()),
        (places.state_here.clone(), places.state.clone()),
    ];
    for (identifier, path) in &request.secondary_sources {
        if let Some(inside) = places.secondary.get(identifier) {
            mounts.push((path.clone(), inside.clone()));
        }
    }
    mounts.extend_from_slice(cached);
    let mut run = vec!["run", "--detach", "--rm", "--name", &name];
    if request.privileged() {
        run.push("--privileged");
    }
    let mounts: Vec<String> = mounts
        .into_iter()
        .map(|(here, inside)| format!("{}:{inside}", here.display()))
        .collect();
    for mount in &mounts {
        run.extend(["--volume", mount.as_str()]);
    }
    run.extend(["--workdir", &places.source, "--entrypoint", ""]);
    run.extend([image.as_str(), "sh", "-c", IDLE]);
    let mut exec = vec!["exec", "--interactive"];
    if let Some(user) = user {
        exec.extend(["--user", user]);
    }
    exec.extend(["--workdir", &places.source, &name, shell]);
    let line = |words: &[&str]| {
        let words = std::iter::once(program.as_str()).chain(words.iter().copied());
        words.map(quoted).collect::<Vec<_>>().join(" ")
    };
    let script = format!(
        "{} >/dev/null 2>&1 || {} >/dev/null || exit 125\nexec {} \"$0\"",
        line(&["container", "inspect", &name]),
        line(&run),
        line(&exec),
    );
    let environment = CLIENT
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)))
        .collect();
    Shell {
        command: vec!["sh".to_owned(), "-c".to_owned(), script],
        environment,
        folder: request.folder.clone(),
        work: places.source.clone(),
        state: places.state_here.clone(),
        state_inside: places.state.clone(),
        new_user: false,
        cleanup: vec![program, "rm".into(), "--force".into(), name],
    }
}
