//! A first pipeline file for a repository: from what lies in it to a text that teaches. Pure; who looks around is
//! `commands::init`.
//!
//! What the file needs from outside (a connection, a role, a bucket) stands in it as `${ssm:…}`; `sandbox.yml` gives the
//! same names made-up values, so that the file can be rehearsed at once.

mod buildspecs;
mod languages;
mod node;
mod remote;
mod targets;
pub mod templates;
#[cfg(test)]
mod tests;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use remote::Source;
use text::{Block, commented};

/// What lies around the file that is to be written.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The name of the folder.
    pub folder: String,
    /// The folder as a path from the root of its repository: empty at the root, else with a `/` at its end.
    pub inside: String,
    /// The address of the repository's remote.
    pub remote: Option<String>,
    /// The branch that releases are made from, as far as git knows.
    pub branch: Option<String>,
    /// The files of the folder and those of its folders (`buildspecs/unit.yml`).
    pub names: BTreeSet<String>,
    /// The texts of those that [`is_read`] names.
    pub texts: BTreeMap<String, String>,
}

/// What is proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The pipeline file.
    pub file: String,
    /// `sandbox.yml`.
    pub sandbox: String,
    /// What was seen, for people.
    pub seen: Vec<String>,
    /// What AWS has to hold before the first apply there.
    pub needs: Vec<Need>,
}

/// A parameter that the file reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub what: &'static str,
    /// What the sandbox holds in its place.
    stand_in: String,
}

/// What the parts of a proposal add to.
#[derive(Debug)]
struct Draft<'s> {
    around: &'s Surroundings,
    service: String,
    stages: Vec<Block>,
    seen: Vec<String>,
    needs: Vec<Need>,
    /// Lines of `actions:` in `sandbox.yml`: the action, what stands for it, why.
    stand_ins: Vec<(String, String, &'static str)>,
    /// The artifact of the last build that has one, with the name of the file that a deployment looks for.
    built: Option<Built>,
    /// Whether a build of the repository's own makes a container image.
    makes_image: bool,
    /// Whether a build makes the artifact `Pages`.
    makes_pages: bool,
}

/// What a build hands on.
#[derive(Debug, Clone)]
struct Built {
    artifact: String,
    /// A CloudFormation template in it.
    template: Option<String>,
    /// Whether it holds `imagedefinitions.json`.
    image_definitions: bool,
}

/// Whether the text of a file tells something.
pub fn is_read(name: &str) -> bool {
    languages::is_read(name) || buildspecs::is_buildspec(name) || targets::is_read(name)
}

/// A file for a repository, with stages that fit what lies in it.
pub fn propose(around: &Surroundings) -> Proposal {
    let source = Source::of(around.remote.as_deref());
    let mut draft = Draft::new(around, &source);
    let built = buildspecs::add(&mut draft);
    languages::add(&mut draft, built);
    targets::add(&mut draft);
    if draft.stages.is_empty() {
        draft.seen.extend(parts(around));
        draft.stages.push(no_test());
    }
    let deploys = draft.stages.iter().any(|stage| stage.deploys);
    if !deploys {
        draft.stages.push(Block::new(hint(&draft.service)));
    }
    draft.finish(&source)
}

/// Whether a file says that its folder, however deep, is a part of its own.
pub fn is_manifest(name: &str) -> bool {
    languages::is_manifest(name)
}

/// The parts of a repository that has nothing at its root: each may have a pipeline of its own.
fn parts(around: &Surroundings) -> Vec<String> {
    const SHOWN: usize = 6;
    let mut folders: Vec<&str> = around
        .names
        .iter()
        .filter_map(|name| name.rsplit_once('/'))
        .filter(|(_, file)| is_manifest(file))
        .map(|(folder, _)| folder)
        .collect();
    folders.dedup();
    let Some(first) = folders.first() else {
        return vec!["no manifest, template or tool that init knows".to_owned()];
    };
    let more = match folders.len() > SHOWN {
        true => ", …",
        false => "",
    };
    let shown = folders[..folders.len().min(SHOWN)].join(", ");
    let file = text::word(&format!("{first}/pipeline.yml"));
    vec![format!(
        "{shown}{more}: with manifests of their own; `pipectl init -f {file}` proposes a pipeline for one"
    )]
}

/// The smallest file: where the code is, and one stage.
pub fn minimal(around: &Surroundings) -> Proposal {
    let source = Source::of(around.remote.as_deref());
    let mut draft = Draft::new(around, &source);
    draft.stages.push(no_test());
    let lines = hint(&draft.service);
    draft.stages.push(Block::new(lines));
    draft.finish(&source)
}

/// A stage for a repository in which nothing says how it is tested.
fn no_test() -> Block {
    Block::new(vec![
        "  # The commands that test the repository: a text, or a list. The first that fails ends the stage.".to_owned(),
        "  - unit: echo 'put the command that runs the tests here'".to_owned(),
    ])
}

/// What a deployment looks like, for a person who goes on from here.
fn hint(service: &str) -> Vec<String> {
    commented(&[
        "To deploy, for example:".to_owned(),
        "- approval: you@example.com      # waits for `pipectl approve`, or for a click in the console".to_owned(),
        "- name: Prod".to_owned(),
        "  deploy:".to_owned(),
        "    run: ./deploy.sh".to_owned(),
        format!("    role: ${{ssm:/{service}/deploy_role}}   # what the commands may do; or `allow:` with IAM statements"),
    ])
}

impl<'s> Draft<'s> {
    fn new(around: &'s Surroundings, source: &Source) -> Self {
        let name = source.repository_name().unwrap_or(&around.folder);
        let name = match around.inside.trim_end_matches('/').rsplit('/').next() {
            Some(folder) if !folder.is_empty() => format!("{name}-{folder}"),
            _ => name.to_owned(),
        };
        Self {
            around,
            service: text::service(&name),
            stages: Vec::new(),
            seen: Vec::new(),
            needs: Vec::new(),
            stand_ins: Vec::new(),
            built: None,
            makes_image: false,
            makes_pages: false,
        }
    }

    fn text(&self, name: &str) -> &str {
        self.around.texts.get(name).map_or("", String::as_str)
    }

    fn has(&self, name: &str) -> bool {
        self.around.names.contains(name)
    }

    /// A path of the folder as CodeBuild sees it, from the root of the source.
    fn path(&self, name: &str) -> String {
        format!("{}{name}", self.around.inside)
    }

    /// Commands that run in the folder of the file; in CodeBuild they start at the root of the source.
    fn commands(&self, commands: &[String]) -> Vec<String> {
        let inside = self.around.inside.trim_end_matches('/');
        let enter = (!inside.is_empty()).then(|| format!("cd {}", text::word(inside)));
        enter.into_iter().chain(commands.iter().cloned()).collect()
    }

    /// A variable of the Parameter Store, and what the sandbox has in its place.
    fn need(&mut self, key: &str, what: &'static str, stand_in: &str) -> String {
        let name = format!("/{}/{key}", self.service);
        if !self.needs.iter().any(|need| need.name == name) {
            self.needs.push(Need {
                name: name.clone(),
                what,
                stand_in: stand_in.to_owned(),
            });
        }
        format!("${{ssm:{name}}}")
    }

    /// A role that exists.
    fn role(&mut self, key: &str, what: &'static str) -> String {
        let name = format!(
            "{}-{}",
            self.service,
            key.trim_end_matches("_role").replace('_', "-")
        );
        self.need(key, what, &format!("arn:aws:iam::{SANDBOX}:role/{name}"))
    }

    fn finish(mut self, source: &Source) -> Proposal {
        let branch = self
            .around
            .branch
            .clone()
            .filter(|name| text::is_plain(name));
        let branch = branch.unwrap_or_else(|| "main".to_owned());
        self.seen.insert(0, source.seen(&branch));
        let connection = source.needs_connection().then(|| {
            let arn = format!("arn:aws:codeconnections:us-east-1:{SANDBOX}:connection/00000000-0000-4000-8000-000000000000");
            self.need("connection", "the ARN of a connection, made and confirmed once in the console", &arn)
        });
        let mut lines = text::head(&self.service, source);
        lines.extend(source.lines(&branch, connection.as_deref()));
        lines.push(String::new());
        lines.push("stages:".to_owned());
        lines.push("  # - selfUpdate                 # as the first stage: a push that changes this file changes the pipeline, then goes on".to_owned());
        for stage in &self.stages {
            lines.push(String::new());
            lines.extend(stage.lines.iter().cloned());
        }
        Proposal {
            file: text::joined(&lines),
            sandbox: text::sandbox(&self.needs, &self.stand_ins),
            seen: self.seen,
            needs: self.needs,
        }
    }
}

/// The account that the sandbox is.
const SANDBOX: &str = crate::sandbox::ACCOUNT;
