//! The buildspecs that the rules look at: written in the pipeline file, made from it, as a text of a raw project, or in
//! a file beside it.

use super::placing;
use crate::catalog::codebuild::{self, EnvironmentType};
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{Buildspec, Project, Text, is_buildspec};
use crate::source::Span;
use crate::tree::Node;
use std::borrow::Cow;

/// How a buildspec is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Made from `run` and what goes with it.
    Made,
    /// A map in the pipeline file.
    Written,
    /// A text in the pipeline file.
    Text,
    /// A file beside the pipeline file.
    File,
}

/// One buildspec.
pub(super) struct Spec<'a> {
    /// The whole.
    pub(super) root: Cow<'a, Node>,
    /// How it is given.
    pub(super) form: Form,
    /// The text that it is, of a build of a batch; that of a project has the project.
    pub(super) text: Option<Text>,
    /// Whether it is that of one build of a batch, whose machine and outputs are its own.
    pub(super) of_task: bool,
    /// The projects that build by it.
    pub(super) projects: Vec<&'a Project>,
    /// The path of the whole.
    prefix: String,
}

/// Every buildspec that is there to be read and is a map.
pub(super) fn specs<'a>(subject: &Subject<'a>) -> Vec<Spec<'a>> {
    let mut all = every(subject);
    all.retain(|spec| spec.root.as_map().is_some());
    all
}

/// Every buildspec that is there to be read.
pub(super) fn every<'a>(subject: &Subject<'a>) -> Vec<Spec<'a>> {
    let mut found = Vec::new();
    let made = || {
        subject
            .model
            .projects
            .iter()
            .filter(|project| !project.existing)
    };
    for project in made() {
        let Buildspec::Inline(root) = &project.buildspec else {
            continue;
        };
        let (form, prefix) = if project.raw {
            (Form::Text, fields::join(&project.path, "source.buildspec"))
        } else if placing::text(project).is_some() {
            (Form::Text, fields::join(&project.path, "buildspec"))
        } else if root.span == project.span {
            (Form::Made, project.path.clone())
        } else {
            (Form::Written, fields::join(&project.path, "buildspec"))
        };
        found.push(Spec {
            root: Cow::Borrowed(root),
            form,
            text: None,
            of_task: false,
            projects: vec![project],
            prefix,
        });
    }
    for (path, root) in subject.buildspecs {
        let named = |project: &&Project| match &project.buildspec {
            Buildspec::Default => path == "buildspec.yml",
            Buildspec::Path(text) => text.value == *path,
            Buildspec::Inline(_) => false,
        };
        found.push(Spec {
            root: Cow::Borrowed(root),
            form: Form::File,
            text: None,
            of_task: false,
            projects: made().filter(named).collect(),
            prefix: String::new(),
        });
    }
    let tasks: Vec<Spec<'a>> = found.iter().flat_map(|spec| tasks(subject, spec)).collect();
    found.extend(tasks);
    found
}

/// The buildspecs that stand as texts in the builds of a batch.
fn tasks<'a>(subject: &Subject<'a>, spec: &Spec<'a>) -> Vec<Spec<'a>> {
    let lists = ["build-list", "build-graph"].into_iter().flat_map(|list| {
        let path = format!("batch.{list}");
        let tasks = fields::items(&spec.root, &path).iter().enumerate();
        tasks.map(move |(index, task)| {
            (
                format!("{path}[{index}].buildspec"),
                fields::get(task, "buildspec"),
            )
        })
    });
    let dynamic = "batch.build-matrix.dynamic.buildspec";
    let matrix = fields::items(&spec.root, dynamic).iter().enumerate();
    let matrix = matrix.map(|(index, node)| (format!("{dynamic}[{index}]"), Some(node)));
    lists
        .chain(matrix)
        .filter_map(|(path, node)| {
            let text = fields::leaf(node?)?;
            // anything else is a path
            if !is_buildspec(&text.value) {
                return None;
            }
            let root = placing::read(&text, subject.sources, &mut Diagnostics::new());
            Some(Spec {
                root: Cow::Owned(root.unwrap_or_else(|| Node::text(&text.value, text.span))),
                form: Form::Text,
                text: Some(text),
                of_task: true,
                projects: spec.projects.clone(),
                prefix: spec.place(&path),
            })
        })
        .collect()
}

/// Words of the pipeline file for keys of a buildspec that is made.
const FRIENDLY: [(&str, &str); 4] = [
    ("build-list", "list"),
    ("build-graph", "graph"),
    ("build-matrix", "matrix"),
    ("build-fanout", "fanout"),
];

impl Spec<'_> {
    /// What a key is called in the form in which the person wrote the buildspec.
    pub(super) fn called(&self, key: &str) -> String {
        if self.form != Form::Made {
            return key.to_owned();
        }
        if let Some((_, word)) = FRIENDLY.iter().find(|(api, _)| *api == key) {
            return (*word).to_owned();
        }
        let mut words = key.split('-');
        let mut text = words.next().unwrap_or_default().to_owned();
        for word in words {
            let mut letters = word.chars();
            text.extend(letters.next().into_iter().flat_map(char::to_uppercase));
            text.push_str(letters.as_str());
        }
        text
    }

    /// The place of a part of the buildspec.
    pub(super) fn place(&self, path: &str) -> String {
        if path.is_empty() {
            return self.prefix.clone();
        }
        let keys: Vec<String> = path
            .split('.')
            .map(|key| match key.split_once('[') {
                Some((key, index)) => format!("{}[{index}", self.called(key)),
                None => self.called(key),
            })
            .collect();
        fields::join(&self.prefix, &keys.join("."))
    }

    /// A finding.
    pub(super) fn finding(
        &self,
        rule: &Rule,
        span: Span,
        path: &str,
        message: impl Into<String>,
    ) -> Diagnostic {
        rule.finding(span, self.place(path), message)
    }

    /// A finding whose fact is not certain.
    pub(super) fn doubtful(
        &self,
        rule: &Rule,
        span: Span,
        path: &str,
        message: impl Into<String>,
    ) -> Diagnostic {
        rule.doubtful(span, self.place(path), message)
    }

    /// The machine it runs on, if all its projects have one and the same.
    pub(super) fn machine(&self) -> Option<&'static EnvironmentType> {
        // a build of a batch may have another
        if self.of_task {
            return None;
        }
        let mut kinds = self.projects.iter().map(|project| {
            fields::word(&project.definition, "environment.type")
                .and_then(codebuild::environment_type)
        });
        let first = kinds.next()??;
        kinds
            .all(|kind| kind.is_some_and(|kind| kind.name == first.name))
            .then_some(first)
    }

    /// Where a member of its first project is written, if the file says it.
    pub(super) fn written(&self, member: &str) -> Option<Span> {
        let project = self.projects.first()?;
        let node = fields::get(&project.definition, member)?;
        (node.span != project.span).then_some(node.span)
    }

    /// Where something stands that the whole lacks: its first key.
    pub(super) fn head(&self) -> Span {
        self.root
            .as_map()
            .and_then(<[_]>::first)
            .map_or(self.root.span, |entry| entry.key_span)
    }

    /// The phases with their names.
    pub(super) fn phases(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.root
            .get("phases")
            .and_then(Node::as_map)
            .unwrap_or_default()
            .iter()
            .map(|entry| (entry.key.as_str(), &entry.value))
    }

    /// The commands, with their paths.
    pub(super) fn commands(&self) -> Vec<(String, &Node)> {
        let mut found = Vec::new();
        for (name, phase) in self.phases() {
            for list in ["commands", "finally"] {
                let path = format!("phases.{name}.{list}");
                match phase.get(list) {
                    Some(node) if node.as_str().is_some() => found.push((path, node)),
                    Some(node) => {
                        let items = node.as_list().unwrap_or_default().iter().enumerate();
                        found.extend(items.map(|(index, item)| (format!("{path}[{index}]"), item)));
                    }
                    None => {}
                }
            }
        }
        found
    }
}
