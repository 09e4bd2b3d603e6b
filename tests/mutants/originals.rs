//! The files that are broken: what AWS accepts, pasted; buildspecs in two forms; the examples.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use futures::FutureExt as _;
use pipectl::checks::{self, Subject};
use pipectl::cloud;
use pipectl::compile::{self, Facts};
use pipectl::diagnostic::{Diagnostics, Severity};
use pipectl::source::Sources;
use pipectl::variables::{self, Answer, GitFact, Lookup, Request};
use pipectl::{model, yaml};
use serde_json::{Value, json};

use super::Mutant;
use super::places::{Places, at, each_text, items, word, write};
use crate::corpus;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A definition, pasted.
    Pasted,
    /// The short form; for a buildspec, written into it.
    Friendly,
    /// A buildspec as the text of a raw project.
    Text,
}

/// A file without an error.
pub(super) struct Original {
    /// `pipelines/accepted/003.json`.
    pub(super) name: String,
    /// Its number, so that not all are broken alike.
    pub(super) number: usize,
    /// As JSON; with [`Form::Text`] the buildspec alone, under `spec`.
    pub(super) file: Value,
    /// The region of the run.
    pub(super) region: String,
    /// Whether somebody said so.
    pub(super) said: bool,
    /// What is found in it before it is broken.
    pub(super) before: BTreeSet<(String, String)>,
    form: Form,
}

/// A finding.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) code: &'static str,
    pub(super) severity: Severity,
    pub(super) path: String,
    pub(super) message: String,
    /// Whether it stands in the file itself.
    pub(super) main: bool,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Seen {
    /// What tells it from others.
    pub(super) fn key(&self) -> (String, String) {
        (
            self.code.to_owned(),
            format!("{} {}", self.path, self.message),
        )
    }
}

/// An account in which there is nothing, and a repository that has every fact.
struct Nothing;

#[async_trait]
impl Lookup for Nothing {
    async fn fetch(&self, requests: &[Request]) -> Vec<cloud::Result<Answer>> {
        requests.iter().map(|_| Ok(Answer::Missing)).collect()
    }

    fn read_file(&self, _: &Path) -> Result<Option<Vec<u8>>, String> {
        Ok(None)
    }

    fn git(&self, _: GitFact) -> Result<Option<String>, String> {
        Ok(Some("fact".to_owned()))
    }
}

/// What `validate` finds in a text.
pub(super) fn see(text: &str, region: &str, said: bool) -> Vec<Seen> {
    let mut sources = Sources::new();
    let mut out = Diagnostics::new();
    let main = sources.add("pipeline.yml", text);
    let context = variables::Context {
        service_folder: PathBuf::from("."),
        default_region: Some(region.to_owned()),
        environment: BTreeMap::from([("ANSWER".to_owned(), "42".to_owned())]),
        offline: true,
        ..variables::Context::default()
    };
    if let Some(tree) = yaml::parse(&sources, main, &mut out) {
        let resolved = variables::resolve(tree, &mut sources, &context, &Nothing, &mut out)
            .now_or_never()
            .expect("nobody is waited for");
        let decoding = model::Context {
            stage: resolved.stage.clone(),
            service: None,
            offline: true,
            version: env!("CARGO_PKG_VERSION"),
        };
        if let Some(mut model) = model::decode(&resolved.tree, &decoding, &mut out) {
            checks::place_buildspecs(&mut model, &sources);
            let subject = Subject {
                model: &model,
                tree: &resolved.tree,
                sources: &sources,
                region: resolved.region.as_deref().filter(|_| said),
                stage: &resolved.stage,
                buildspecs: &BTreeMap::new(),
                unread: &checks::Unread::of(out.iter()),
                places: &checks::Places::default(),
            };
            checks::check(&subject, &mut out);
            if !out.has_errors() {
                let facts = Facts {
                    account: "123456789012".to_owned(),
                    partition: "aws".to_owned(),
                    region: region.to_owned(),
                    stage: resolved.stage.clone(),
                    file: "pipeline.yml".to_owned(),
                    ..Facts::default()
                };
                compile::compile(&model, &facts, &mut out);
            }
        }
    }
    out.into_sorted()
        .into_iter()
        .map(|one| Seen {
            code: one.code,
            severity: one.severity,
            path: one.path,
            message: one.message,
            main: one.span.file == main,
            start: one.span.start(),
            end: one.span.end(),
        })
        .collect()
}

/// What stands around a buildspec that is the text of a project.
const AROUND: &str = "service: corpus\nprojects:\n  pasted:\n    definition:\n      name: corpus\n      serviceRole: \
    arn:aws:iam::123456789012:role/build\n      artifacts: {type: CODEPIPELINE}\n      environment:\n        type: \
    LINUX_CONTAINER\n        image: aws/codebuild/standard:7.0\n        computeType: BUILD_GENERAL1_SMALL\n      \
    source:\n        type: CODEPIPELINE\n        buildspec: |\n          ";

impl Original {
    fn new(name: String, number: usize, form: Form, file: Value, region: &str) -> Self {
        let mut original = Self {
            name,
            number,
            file,
            region: region.to_owned(),
            said: form == Form::Pasted,
            before: BTreeSet::new(),
            form,
        };
        let (text, _) = original.text(&original.file);
        let found = see(&text, region, original.said);
        let errors: Vec<&Seen> = found
            .iter()
            .filter(|one| one.severity == Severity::Error)
            .collect();
        assert!(errors.is_empty(), "{}: {errors:?}", original.name);
        original.before = found.iter().map(Seen::key).collect();
        original
    }

    /// A file of this form as a person writes it, and where everything stands in it.
    pub(super) fn text(&self, file: &Value) -> (String, Places) {
        if self.form == Form::Text {
            let mut text = AROUND.to_owned();
            let places = write(&file["spec"], "/spec", 10, &mut text);
            text.push('\n');
            return (text, places);
        }
        let mut text = String::new();
        let places = write(file, "", 0, &mut text);
        text.push('\n');
        (text, places)
    }

    /// Whether it is a definition as the API takes it.
    pub(super) fn pasted(&self) -> bool {
        self.form == Form::Pasted
    }

    /// The value at a place; null where there is none.
    pub(super) fn get(&self, pointer: &str) -> &Value {
        self.file.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// The pasted pipeline.
    pub(super) fn pipeline(&self) -> Option<&'static str> {
        const AT: &str = "/pipelines/pasted/definition";
        (self.pasted() && self.file.pointer(AT).is_some()).then_some(AT)
    }

    /// The stages of the pasted pipeline.
    pub(super) fn stages(&self) -> Vec<String> {
        let Some(pipeline) = self.pipeline() else {
            return Vec::new();
        };
        let stages = items(self.get(&format!("{pipeline}/stages"))).len();
        (0..stages)
            .map(|stage| format!("{pipeline}/stages/{stage}"))
            .collect()
    }

    /// The actions of the pasted pipeline.
    pub(super) fn actions(&self) -> Vec<String> {
        self.stages()
            .iter()
            .flat_map(|stage| {
                let actions = items(self.get(&format!("{stage}/actions"))).len();
                (0..actions).map(move |action| format!("{stage}/actions/{action}"))
            })
            .collect()
    }

    /// The actions with one of these providers.
    pub(super) fn actions_of(&self, providers: &[&str]) -> Vec<String> {
        let mut actions = self.actions();
        actions.retain(|action| providers.contains(&self.provider(action)));
        actions
    }

    /// The provider of an action.
    pub(super) fn provider(&self, action: &str) -> &str {
        word(self.get(&format!("{action}/actionTypeId/provider")))
    }

    /// The pasted projects.
    pub(super) fn projects(&self) -> Vec<String> {
        let projects = match self.form {
            Form::Pasted => self.file["projects"].as_object(),
            Form::Friendly | Form::Text => None,
        };
        projects
            .into_iter()
            .flatten()
            .map(|(key, _)| format!("/projects/{key}/definition"))
            .collect()
    }

    /// The buildspec, if this is one.
    pub(super) fn buildspec(&self) -> Option<&'static str> {
        let at = match self.form {
            Form::Text => "/spec",
            _ => "/stages/0/build/buildspec",
        };
        (self.name.starts_with("buildspecs/")).then_some(at)
    }

    /// The short form, if this is one, and no frame for a buildspec.
    pub(super) fn friendly(&self) -> bool {
        self.form == Form::Friendly && self.buildspec().is_none()
    }

    /// One mutant for each place. The change gets the file, the place and a number, and says where the mistake is; or
    /// nothing, where there is none to be made.
    pub(super) fn each(
        &self,
        places: &[String],
        change: impl Fn(&mut Value, &str, usize) -> Option<Vec<String>>,
    ) -> Vec<Mutant> {
        places
            .iter()
            .enumerate()
            .filter_map(|(index, place)| {
                let mut file = self.file.clone();
                let at = change(&mut file, place, self.number + index)?;
                Some(Mutant {
                    file,
                    at,
                    doubtful: false,
                })
            })
            .collect()
    }

    /// One mutant for each place, whose value is changed; the mistake stands in the members that are named.
    pub(super) fn inside(
        &self,
        places: &[String],
        change: impl Fn(&mut Value, usize) -> Option<Vec<&'static str>>,
    ) -> Vec<Mutant> {
        self.each(places, |file, place, number| {
            let members = change(at(file, place), number)?;
            let below = |member: &&str| match *member {
                "" => place.to_owned(),
                member => format!("{place}/{member}"),
            };
            Some(members.iter().map(below).collect())
        })
    }
}

/// The same mutants, of which AWS only may refuse each.
pub(super) fn doubtful(mut mutants: Vec<Mutant>) -> Vec<Mutant> {
    mutants.iter_mut().for_each(|one| one.doubtful = true);
    mutants
}

/// One of several, by number.
pub(super) fn pick<T: Clone>(number: usize, of: &[T]) -> T {
    of[number % of.len()].clone()
}

/// All files.
pub(super) fn all() -> Vec<Original> {
    let mut all = Vec::new();
    for folder in ["pipelines/accepted", "projects/accepted"] {
        for (number, definition) in corpus::definitions(folder).iter().enumerate() {
            let (name, file) = (definition.name.clone(), definition.json());
            let region = definition.region();
            all.push(Original::new(name, number, Form::Pasted, file, &region));
        }
    }
    for (number, (name, spec)) in buildspecs().into_iter().enumerate() {
        let frame = json!({
            "service": "corpus",
            "source": {"codecommit": "corpus", "branch": "main"},
            "stages": [{"build": {"buildspec": spec}}],
        });
        let friendly = format!("{name} written");
        all.push(Original::new(
            friendly,
            number,
            Form::Friendly,
            frame,
            "eu-west-1",
        ));
        let spec = json!({"spec": spec});
        all.push(Original::new(name, number, Form::Text, spec, "eu-west-1"));
    }
    for (number, (name, file)) in examples().into_iter().enumerate() {
        all.push(Original::new(
            name,
            number,
            Form::Friendly,
            file,
            "eu-west-1",
        ));
    }
    all
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of a folder in the order of their names.
fn read(folder: &Path) -> Vec<(String, String)> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

/// The accepted buildspecs but two whose report formats were scrambled with their other words.
fn buildspecs() -> Vec<(String, Value)> {
    read(&root().join("tests/cases/buildspecs/accepted"))
        .into_iter()
        .filter(|(name, _)| !["045.yml", "048.yml"].contains(&name.as_str()))
        .map(|(name, text)| {
            let mut spec: Value = serde_yaml::from_str(&text).unwrap();
            // a shell's `${A}` is not a variable of the pipeline file
            each_text(&mut spec, &|text| *text = text.replace("${", "$${"));
            (format!("buildspecs/{name}"), spec)
        })
        .collect()
}

/// The examples, and one file for what they do not have.
fn examples() -> Vec<(String, Value)> {
    [
        "canary",
        "heavy-water",
        "telemetry-ecs",
        "web-monitor",
        "website",
    ]
    .iter()
    .map(|name| {
        let path = root().join("examples").join(name).join("pipeline.yml");
        let text = fs::read_to_string(path).unwrap();
        let file: Value = serde_yaml::from_str(&text).unwrap();
        (format!("examples/{name}"), file)
    })
    .collect()
}
