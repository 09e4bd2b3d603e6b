//! The file as a whole.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use semver::{Version, VersionReq};

use crate::diagnostic::{Diagnostic, Diagnostics, Key};
use crate::source::Span;
use crate::tree::{Data, Entry, Node};

use super::Context;
use super::builds::SharedProjects;
use super::decode::{Map, entries, join, key_text, scalar};
use super::names;
use super::notify::{alarms, notifications};
use super::projects::Projects;
use super::provider::{provider, tags};
use super::raw;
use super::secrets;
use super::settings::{Settings, settings};
use super::triggers::triggers;
use super::types::{Model, Pipeline, PipelineVariable, Project, Provider, Text};

/// What decoding carries along.
pub(super) struct Decoder<'a> {
    pub(super) out: &'a mut Diagnostics,
    pub(super) service: Text,
    pub(super) defaults: Settings,
    /// Of each build that takes them: whether it is on Lambda compute.
    pub(super) with_defaults: Vec<bool>,
    pub(super) projects: Projects,
    pub(super) shared: SharedProjects,
    /// The keys under `alarms`.
    pub(super) alarms: Vec<String>,
}

/// The pipeline that stages are read for.
pub(super) struct Scope {
    /// Its key under `pipelines`.
    pub(super) key: Option<String>,
    /// Its name in AWS.
    pub(super) name: Text,
    /// The first source's output: what an action takes that says nothing else.
    pub(super) source_output: Option<Text>,
}

/// Keys that make a pipeline.
const PIPELINE: [&str; 8] = [
    "name",
    "source",
    "stages",
    "variables",
    "triggers",
    "executionMode",
    "type",
    "api",
];

/// Reads the whole file. Every finding goes to `diagnostics`; the model is what could be read in spite of them, and
/// only nothing if the file is no map.
pub fn decode(tree: &Node, context: &Context<'_>, diagnostics: &mut Diagnostics) -> Option<Model> {
    let start = Span::start_of(tree.span.file);
    if tree.is_null() {
        diagnostics.push(
            Diagnostic::error("value-empty", start, "", "the file is empty")
                .help("begin with `service: NAME`"),
        );
        return None;
    }
    let Some(mut map) = Map::open(tree, "", start, diagnostics) else {
        diagnostics.edit(|one| {
            Some(match one.path.as_str() {
                "" if one.code == "value-kind" => one.help("begin with `service: NAME`"),
                _ => one,
            })
        });
        return None;
    };
    secrets::check(tree, diagnostics);
    let newer = required_version(&mut map, context, diagnostics);
    let service = service(&mut map, context, diagnostics);
    let mut decoder = Decoder {
        out: diagnostics,
        service,
        defaults: Settings::default(),
        with_defaults: Vec::new(),
        projects: Projects::default(),
        shared: SharedProjects::new(),
        alarms: Vec::new(),
    };
    let mut model = decoder.file(map);
    super::api::apply(&mut model, tree, diagnostics);
    if let Some(newer) = newer {
        diagnostics.edit(|one| Some(perhaps_known_later(one, &newer, context.version)));
    }
    Some(model)
}

/// An unknown key of a file that is for a newer pipectl may be one of its keys.
fn perhaps_known_later(one: Diagnostic, wanted: &str, version: &str) -> Diagnostic {
    if one.code != "key-unknown" || one.key != Some(Key::Unknown) {
        return one;
    }
    let later =
        format!("the file asks for pipectl {wanted}, which may know the key; this is {version}");
    let help = match &one.help {
        Some(help) => format!("{help}\n{later}"),
        None => later,
    };
    one.help(help)
}

/// Whether a range begins beyond a version.
fn begins_later(range: &VersionReq, version: &Version) -> bool {
    range.comparators.iter().any(|comparator| {
        let upper = matches!(comparator.op, semver::Op::Less | semver::Op::LessEq);
        let least = Version::new(
            comparator.major,
            comparator.minor.unwrap_or(0),
            comparator.patch.unwrap_or(0),
        );
        !upper && least > *version
    })
}

/// Looks whether this pipectl is one that the file takes; gives the range where it asks for a newer one.
fn required_version(
    map: &mut Map<'_>,
    context: &Context<'_>,
    out: &mut Diagnostics,
) -> Option<String> {
    let wanted = map.text("requiredVersion", out)?;
    let path = map.at("requiredVersion");
    // `1.x || 2.x` is how others write alternatives.
    let ranges: Result<Vec<VersionReq>, _> = wanted.value.split("||").map(version_range).collect();
    let ranges = match ranges {
        Ok(ranges) => ranges,
        Err(_) if !wanted.known => return None,
        Err(error) => {
            out.push(
                Diagnostic::error(
                    "value-invalid",
                    wanted.span,
                    path,
                    format!("`{}` is no range of versions: {error}", wanted.value),
                )
                .label("no range")
                .help("write e.g. `requiredVersion: \"^1.2\"`"),
            );
            return None;
        }
    };
    let version = Version::parse(context.version).ok()?;
    if ranges.iter().any(|range| range.matches(&version)) {
        return None;
    }
    let newer = ranges.iter().all(|range| begins_later(range, &version));
    let help = if newer {
        format!(
            "this pipectl is older than the file: install one of {}",
            wanted.value
        )
    } else {
        "install a version in that range, or change the range".to_owned()
    };
    out.push(
        Diagnostic::error(
            "version-mismatch",
            wanted.span,
            path,
            format!(
                "the file asks for pipectl {}, this is {version}",
                wanted.value
            ),
        )
        .label("asks for another version")
        .help(help),
    );
    newer.then_some(wanted.value)
}

/// A range as people write it elsewhere too: `>=1 <2` without a comma.
fn version_range(range: &str) -> Result<VersionReq, semver::Error> {
    let mut parts: Vec<String> = Vec::new();
    for word in range.split([' ', ',']).filter(|word| !word.is_empty()) {
        match parts.last_mut() {
            Some(operator) if operator.chars().all(|c| !c.is_ascii_digit() && c != '*') => {
                operator.push_str(word);
            }
            _ => parts.push(word.to_owned()),
        }
    }
    VersionReq::parse(&parts.join(", "))
}

fn service(map: &mut Map<'_>, context: &Context<'_>, out: &mut Diagnostics) -> Text {
    if !map.has("service")
        && let Some(name) = &context.service
    {
        map.entry("service");
        return Text::new(name.clone(), map.span);
    }
    let path = map.at("service");
    // Serverless also took `service: {name: X}`.
    let node = map.value("service", out);
    if let Some(Data::Map(_)) = node.map(|node| &node.data) {
        let span = node.map_or(map.span, |node| node.span);
        out.push(
            Diagnostic::error(
                "value-kind",
                span,
                path,
                "`service` must be a text, not a map",
            )
            .label("a map here")
            .help("write `service: NAME`"),
        );
        return Text::new("service", span);
    }
    if node.is_none() && !map.has("service") {
        map.missing(
            "service",
            "begin with `service: NAME`; it is the pipeline's name",
            out,
        );
    }
    let read = node.and_then(|node| scalar(node, &path, out));
    if let Some(name) = read
        .as_ref()
        .filter(|name| !name.known && name.secret.is_none())
    {
        out.push(
            Diagnostic::warning(
                "name-unknown",
                name.span,
                &path,
                "the service's name is not known offline",
            )
            .label("only the account knows it")
            .help("names that begin with it are not checked here; `plan` checks them"),
        );
    }
    read.unwrap_or_else(|| Text::new("service", map.span))
}

impl Decoder<'_> {
    fn file(&mut self, mut map: Map<'_>) -> Model {
        let provider = map
            .map("provider", self.out)
            .map_or_else(Provider::default, |map| provider(map, self.out));
        // It is read where variables are resolved.
        map.boolean("useDotenv", self.out);
        for key in ["params", "custom"] {
            let path = map.at(key);
            if let Some(node) = map.value(key, self.out) {
                entries(node, &path, self.out);
            }
        }
        map.entry("include");
        if let Some(mut defaults) = map.map("defaults", self.out) {
            self.defaults = settings(&mut defaults, self.out);
            for key in ["run", "buildspec", "artifacts", "reports"] {
                defaults.hint(key, "it belongs to one build, not to `defaults`");
            }
            defaults.finish(self.out);
        }
        let alarm_entry = map.entry("alarms");
        let alarm_keys = alarm_entry
            .and_then(|entry| entry.value.as_map())
            .unwrap_or_default();
        self.alarms = alarm_keys.iter().map(|entry| entry.key.clone()).collect();
        if let Some(node) = map.value("projects", self.out) {
            self.shared_projects(node, "projects");
        }
        let mut pipelines = self.pipelines(&mut map);
        for pipeline in &mut pipelines {
            if let Some(name) = names::of_api(pipeline.api.as_ref()) {
                pipeline.name = name;
            }
        }
        let told = map.value("notifications", self.out);
        let notifications = told.map_or_else(Vec::new, |node| {
            notifications(node, "notifications", self.out)
        });
        let watched = map.value("alarms", self.out);
        let alarms = watched.map_or_else(Vec::new, |node| {
            alarms(node, "alarms", &self.projects, self.out)
        });
        map.hint(
            "environment",
            "write `defaults.env` for the environment of every build",
        );
        map.hint(
            "env",
            "write `defaults.env` for the environment of every build",
        );
        map.hint(
            "stage",
            "write `stages`, or `provider.stage` for the default stage",
        );
        for key in ["app", "org"] {
            map.hint(key, "there is no dashboard to tell: leave it out");
        }
        map.hint("stackTags", "write `provider.tags`");
        map.hint(
            "configValidationMode",
            "leave it out: `validate --warn CODE` and `--allow CODE` weigh single findings",
        );
        map.hint("region", "write `provider.region`");
        map.hint("tags", "write `provider.tags`");
        map.hint(
            "role",
            "write `provider.pipelineRole`, `provider.buildRole`",
        );
        map.hint("image", "write `defaults.image`");
        map.hint(
            "definition",
            "a whole definition stands under `pipelines.<name>.definition`",
        );
        map.finish(self.out);
        self.names_taken(&pipelines);
        Model {
            service: self.service.clone(),
            provider,
            projects: std::mem::take(&mut self.projects),
            pipelines,
            notifications,
            alarms,
            added: Vec::new(),
            idle_defaults: self.idle_defaults(),
        }
    }

    /// What `defaults` say that no build of the file can have, since all of them are on Lambda compute.
    fn idle_defaults(&self) -> Vec<(&'static str, Span)> {
        match !self.with_defaults.is_empty() && self.with_defaults.iter().all(|lambda| *lambda) {
            true => self.defaults.not_on_lambda(),
            false => Vec::new(),
        }
    }

    fn pipelines(&mut self, map: &mut Map<'_>) -> Vec<Pipeline> {
        let Some(entry) = map.entry("pipelines") else {
            if !["source", "stages"].iter().any(|key| map.has(key)) {
                map.entry("source");
                map.entry("stages");
                // A file of shared projects and alarms alone is one; anything else lacks its pipeline.
                if !["projects", "alarms"].iter().any(|key| map.has(key)) {
                    map.missing(
                        "stages",
                        "write `source` and `stages`, or `pipelines` for several",
                        self.out,
                    );
                }
                for key in PIPELINE {
                    map.entry(key);
                }
                return Vec::new();
            }
            let name = self.service.clone();
            return self.pipeline(map, None, name, "").into_iter().collect();
        };
        for key in PIPELINE {
            if let Some(other) = map.entry(key) {
                self.out.push(
                    Diagnostic::error(
                        "value-invalid",
                        other.key_span,
                        key,
                        format!("`{key}` stands beside `pipelines`"),
                    )
                    .label("which pipeline is meant?")
                    .related(entry.key_span, "the pipelines")
                    .help(format!("move `{key}` into one of the pipelines")),
                );
            }
        }
        let Some(node) = map.value("pipelines", self.out) else {
            return Vec::new();
        };
        let mut pipelines = Vec::new();
        for entry in entries(node, "pipelines", self.out) {
            if entry.key.starts_with("x-") {
                continue;
            }
            let path = join("pipelines", &entry.key);
            let Some(mut map) = Map::open(&entry.value, path.clone(), entry.key_span, self.out)
            else {
                continue;
            };
            let name = Text {
                value: format!("{}-{}", self.service.value, entry.key),
                span: entry.key_span,
                ..self.service.clone()
            };
            let pipeline = if map.has("definition") {
                self.raw_pipeline(&mut map, entry, &name)
            } else {
                self.pipeline(&mut map, Some(entry), name, &path)
            };
            map.hint("env", "write `defaults.env`, or `env` inside a build");
            map.finish(self.out);
            pipelines.extend(pipeline);
        }
        let listed = node.as_map().unwrap_or_default().iter();
        if node.as_map().is_some()
            && listed.filter(|entry| !entry.key.starts_with("x-")).count() == 0
        {
            self.out.push(
                Diagnostic::error(
                    "value-empty",
                    entry.key_span,
                    "pipelines",
                    "`pipelines` describes no pipeline",
                )
.label("no pipeline here")
                .help("write `pipelines: {NAME: {source: …, stages: …}}`, or `source` and `stages` for a single one"),
            );
        }
        pipelines
    }

    fn raw_pipeline(&mut self, map: &mut Map<'_>, entry: &Entry, name: &Text) -> Option<Pipeline> {
        for key in PIPELINE.into_iter().filter(|key| *key != "api") {
            if let Some(other) = map.entry(key) {
                self.out.push(
                    Diagnostic::error(
                        "value-invalid",
                        other.key_span,
                        map.at(key),
                        format!("`{key}` does not go beside `definition`"),
                    )
                    .label("does not belong here")
                    .help("say it in the definition; `api` adds single members"),
                );
            }
        }
        let path = map.at("definition");
        let tags = tags(map, self.out);
        let api = map.value("api", self.out).cloned();
        let owner = map.entry("definition")?.key_span;
        let node = map.value("definition", self.out)?;
        let mut pipeline = raw::pipeline(node, &path, owner, name, self.out)?;
        for action in pipeline
            .stages
            .iter_mut()
            .flat_map(|stage| &mut stage.actions)
        {
            self.link(action);
        }
        pipeline.key = Some(entry.key.clone());
        pipeline.api = api;
        pipeline.tags = tags;
        Some(pipeline)
    }

    fn pipeline(
        &mut self,
        map: &mut Map<'_>,
        entry: Option<&Entry>,
        name: Text,
        path: &str,
    ) -> Option<Pipeline> {
        let name = map.text("name", self.out).unwrap_or(name);
        let mut stages = Vec::new();
        let source_path = map.at("source");
        if !map.has("source") {
            map.missing("source", "say where the code is, e.g. `source: {github: owner/repo, branch: main, connection: …}`", self.out);
        }
        if map.value("source", self.out).is_some()
            && let Some(source) = map.entry("source")
        {
            stages.push(self.source_stage(source, &source_path));
        }
        let sources = stages.first().map_or(&[][..], |stage| &stage.actions);
        let scope = Scope {
            key: entry.map(|entry| entry.key.clone()),
            name: name.clone(),
            source_output: sources
                .first()
                .and_then(|action| action.outputs.first())
                .map(|output| output.name.clone()),
        };
        let triggers_path = map.at("triggers");
        let triggered = match map.entry("triggers").filter(|entry| !entry.value.is_null()) {
            Some(entry) => triggers(entry, &triggers_path, sources, self.out),
            None => {
                map.value("triggers", self.out);
                super::triggers::Triggers::default()
            }
        };
        if !map.has("stages") {
            map.missing(
                "stages",
                "a list of what is done, e.g. `stages: [{build: make}]`",
                self.out,
            );
        }
        let items = map.items("stages", false, self.out);
        stages.extend(self.stages(&items, &scope));
        let span = entry.map_or(map.span, |entry| entry.key_span);
        let pipeline_type = map.word("type", &["V1", "V2"], self.out);
        let modes = crate::catalog::structure::enums();
        let words: Vec<&str> = modes.execution_mode.iter().map(String::as_str).collect();
        let variables = self.variables(map);
        let tags = if entry.is_some() {
            tags(map, self.out)
        } else {
            Vec::new()
        };
        Some(Pipeline {
            key: scope.key,
            name,
            path: path.to_owned(),
            span,
            raw: false,
            pipeline_type: Some(pipeline_type.unwrap_or_else(|| Text::new("V2", span))),
            execution_mode: map.word("executionMode", &words, self.out),
            variables,
            triggers: triggered.triggers,
            schedules: triggered.schedules,
            stages,
            role_arn: None,
            raw_stores: Vec::new(),
            extra: Vec::new(),
            api: map.value("api", self.out).cloned(),
            tags,
        })
    }

    /// `variables`: a name with its default, or `{default, description}`.
    fn variables(&mut self, map: &mut Map<'_>) -> Vec<PipelineVariable> {
        let path = map.at("variables");
        let Some(node) = map.value("variables", self.out) else {
            return Vec::new();
        };
        let mut variables = Vec::new();
        for entry in entries(node, &path, self.out) {
            let path = join(&path, &entry.key);
            let mut variable = PipelineVariable {
                name: key_text(entry),
                default: None,
                description: None,
            };
            if let Data::Map(members) = &entry.value.data {
                let mut map = Map::of(members, path, entry.key_span);
                variable.default = map.scalar("default", self.out);
                variable.description = map.text("description", self.out);
                map.hint("defaultValue", "write `default`");
                map.finish(self.out);
            } else {
                variable.default = scalar(&entry.value, &path, self.out);
            }
            variables.push(variable);
        }
        variables
    }

    /// Two pipelines, or two projects, that would have one name in AWS.
    fn names_taken(&mut self, pipelines: &[Pipeline]) {
        let mut found = Vec::new();
        let mut named: HashMap<&str, [Earlier<'_>; 2]> = HashMap::new();
        for project in self.projects.iter().filter(|project| project.name.known) {
            let [any, made] = named.entry(&project.name.value).or_default();
            // One key is one stage or action named twice, which is reported where it is named; two that exist are one.
            let first = match project.existing {
                true => made.than(project),
                false => any.than(project),
            };
            found.extend(
                first.map(|first| taken("projects", &first.name, &project.name, &project.path)),
            );
            any.add(project);
            if !project.existing {
                made.add(project);
            }
        }
        let mut named: HashMap<&str, &Text> = HashMap::new();
        for pipeline in pipelines.iter().filter(|pipeline| pipeline.name.known) {
            match named.entry(&pipeline.name.value) {
                Slot::Occupied(first) => found.push(taken(
                    "pipelines",
                    first.get(),
                    &pipeline.name,
                    &pipeline.path,
                )),
                Slot::Vacant(slot) => {
                    slot.insert(&pipeline.name);
                }
            }
        }
        self.out.extend(found);
    }
}

/// The first project of a name, and the first of another key.
#[derive(Default)]
struct Earlier<'p> {
    first: Option<&'p Project>,
    other: Option<&'p Project>,
}

impl<'p> Earlier<'p> {
    /// The first of another key than a project's.
    fn than(&self, project: &Project) -> Option<&'p Project> {
        let other = |one: &&Project| one.key != project.key;
        self.first.filter(other).or(self.other.filter(other))
    }

    fn add(&mut self, project: &'p Project) {
        match self.first {
            None => self.first = Some(project),
            Some(first) if self.other.is_none() && first.key != project.key => {
                self.other = Some(project);
            }
            Some(_) => {}
        }
    }
}

fn taken(what: &str, first: &Text, second: &Text, path: &str) -> Diagnostic {
    Diagnostic::error(
        "name-taken",
        second.span,
        path,
        format!("two {what} would be called `{}`", second.value),
    )
    .label("the second of that name")
    .related(first.span, "the first")
    .help("give one of them another `name`")
}
