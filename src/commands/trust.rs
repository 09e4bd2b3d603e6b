//! Whether a repository's commands may run on this machine: asked once, and remembered outside of the repository.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::operating::Desk;
use super::{End, Setting};
use crate::diagnostic::Diagnostics;
use crate::error::Failure;
use crate::resources::{Id, Kind};
use crate::source::Sources;
use crate::tree::Node;
use crate::yaml;

/// How many commands are listed at most.
const LISTED: usize = 40;

/// Goes on only if the repository is trusted, or the person says so now.
pub(super) async fn ask(setting: &Setting, desk: &Desk, given: bool) -> Result<(), End> {
    let repository = repository(&desk.folder);
    let known = known_file();
    if is_known(known.as_deref(), &repository) {
        return Ok(());
    }
    if !given {
        let commands = commands(desk).await?;
        let report = &setting.report;
        let what = format!(
            "{} runs commands of {} on this machine, as you. They get a clean copy of the sources, an empty HOME and no \
             credentials, but that is no isolation:",
            desk.pipeline,
            repository.display()
        );
        report.say(&crate::report::wrapped(report.err, &what));
        for command in commands.iter().take(LISTED) {
            report.say(&crate::report::text::clean(&format!("  {command}")));
        }
        if commands.len() > LISTED {
            report.say(&format!("  … and {} more", commands.len() - LISTED));
        }
        if !report.interactive {
            return Err(Failure::usage(
                "nobody has said yet that the commands of this repository may run here",
            )
            .help("--trust, once")
            .into());
        }
        if !report.confirm("Run them, now and from now on?") {
            return Err(Failure::no("not-trusted", "nothing was run").into());
        }
    }
    remember(known.as_deref(), &repository);
    Ok(())
}

fn repository(folder: &Path) -> PathBuf {
    let whole = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    whole
        .ancestors()
        .find(|above| above.join(".git").exists())
        .unwrap_or(&whole)
        .to_owned()
}

/// What a repository brings along cannot say that it is trusted, so the answer stands elsewhere.
fn known_file() -> Option<PathBuf> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("XDG_STATE_HOME")
        .or_else(|| Some(set("HOME")?.join(".local/state")))
        .map(|state| state.join("pipectl/trusted"))
}

fn is_known(file: Option<&Path>, repository: &Path) -> bool {
    let Some(text) = file.and_then(|file| fs::read_to_string(file).ok()) else {
        return false;
    };
    text.lines().any(|line| Path::new(line) == repository)
}

/// Where it cannot be remembered it is asked again: that is no reason not to run now.
fn remember(file: Option<&Path>, repository: &Path) {
    let Some(file) = file else { return };
    let written = file
        .parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::OpenOptions::new().create(true).append(true).open(file))
        .and_then(|mut file| writeln!(file, "{}", repository.display()));
    drop(written);
}

/// The commands that the builds of the pipeline run, as far as they stand in their buildspecs.
async fn commands(desk: &Desk) -> Result<Vec<String>, End> {
    let pipeline = Id::new(Kind::Pipeline, &desk.region, &desk.pipeline);
    let read = |ids: Vec<Id>| async move {
        desk.cloud
            .read(&ids)
            .await
            .map_err(|error| desk.failure(&error))
    };
    let Some(Some(pipeline)) = read(vec![pipeline]).await?.into_iter().next() else {
        return Ok(Vec::new());
    };
    let list =
        |value: &serde_json::Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let mut projects: Vec<Id> = Vec::new();
    let mut all = Vec::new();
    for stage in list(&pipeline.body, "stages") {
        for action in list(&stage, "actions") {
            let region = action["region"].as_str().unwrap_or(&desk.region);
            if let Some(name) = action["configuration"]["ProjectName"].as_str() {
                let id = Id::new(Kind::Project, region, name);
                if !projects.contains(&id) {
                    projects.push(id);
                }
            }
            let name = action["name"].as_str().unwrap_or_default();
            for command in list(&action, "commands") {
                all.push(format!("{name}: {}", command.as_str().unwrap_or_default()));
            }
        }
    }
    for project in read(projects).await?.into_iter().flatten() {
        let name = &project.id.name;
        let said = project.body["source"]["buildspec"]
            .as_str()
            .unwrap_or_default();
        let file = if said.is_empty() {
            "buildspec.yml"
        } else {
            said
        };
        let text = if file.contains('\n') {
            Some(file.to_owned())
        } else {
            fs::read_to_string(desk.folder.join(file))
                .or_else(|_| fs::read_to_string(repository(&desk.folder).join(file)))
                .ok()
        };
        match text {
            Some(text) => all.extend(
                phases(&text)
                    .into_iter()
                    .map(|command| format!("{name}: {command}")),
            ),
            None => all.push(format!("{name}: what {file} in its source says")),
        }
    }
    Ok(all)
}

/// Every command of a buildspec.
fn phases(text: &str) -> Vec<String> {
    let mut sources = Sources::new();
    let id = sources.add("buildspec", text.to_owned());
    let Some(root) = yaml::parse(&sources, id, &mut Diagnostics::new()) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    let phases = root
        .get("phases")
        .and_then(Node::as_map)
        .unwrap_or_default();
    for phase in phases {
        for key in ["commands", "finally"] {
            let commands = phase.value.get(key).and_then(Node::as_list);
            all.extend(
                commands
                    .unwrap_or_default()
                    .iter()
                    .filter_map(Node::scalar_text)
                    .map(|command| command.lines().next().unwrap_or_default().to_owned()),
            );
        }
    }
    all
}
