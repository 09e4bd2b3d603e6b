//! `api:`, which is merged into what the file says.
//!
//! The checks see the pipeline as AWS will get it: what `api:` says stands in the typed pipeline, at the place where it is
//! written. The compiler merges it into the declarations once more, last, so that nothing of ours comes after it.

use crate::diagnostic::{Diagnostic, Diagnostics, Key, Severity};
use crate::source::Span;
use crate::tree::{Data, Entry, Node};

use super::decode::{Map, at, join};
use super::members::{extra, number, text_items, text_members};
use super::raw;
use super::types::{Action, Condition, Model, Pipeline, Project, Stage};

/// What stands under one `api:`.
#[derive(Debug, Clone)]
pub struct Added {
    /// Its path, e.g. `stages[1].build.api`.
    pub path: String,
    /// Where its key stands.
    owner: Span,
    node: Node,
}

impl Added {
    /// The path of what stands at a place, if that is inside.
    pub fn path_of(&self, span: Span) -> Option<String> {
        path_of(&self.node, &self.path, span)
    }
}

fn path_of(node: &Node, path: &str, span: Span) -> Option<String> {
    let within = |outer: Span| {
        outer.file == span.file && outer.start() <= span.start() && span.end() <= outer.end()
    };
    match &node.data {
        Data::Map(entries) => entries.iter().find_map(|entry| {
            let path = join(path, &entry.key);
            match within(entry.key_span) {
                true => Some(path),
                false => path_of(&entry.value, &path, span),
            }
        }),
        Data::List(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| path_of(item, &at(path, index), span)),
        _ => within(node.span).then(|| path.to_owned()),
    }
}

/// Puts what every `api:` of the file says into the model.
pub(super) fn apply(model: &mut Model, tree: &Node, out: &mut Diagnostics) {
    let pipelines = model.pipelines.iter();
    let stages = || model.pipelines.iter().flat_map(|pipeline| &pipeline.stages);
    let actions = stages().flat_map(|stage| &stage.actions);
    let any = pipelines
        .map(|pipeline| &pipeline.api)
        .chain(stages().map(|stage| &stage.api))
        .chain(actions.map(|action| &action.api))
        .chain(model.projects.iter().map(|project| &project.api))
        .any(Option::is_some);
    if !any {
        return;
    }
    let mut all = Vec::new();
    collect(tree, "", &mut all);
    let of = |api: &Option<Node>| {
        let api = api.as_ref()?;
        all.iter().find(|one| one.node.span == api.span)
    };
    let mut found = Diagnostics::new();
    for one in &mut model.pipelines {
        if let Some(added) = of(&one.api) {
            pipeline(one, added, &mut found);
        }
        for one in &mut one.stages {
            if let Some(added) = of(&one.api) {
                stage(one, added, &mut found);
            }
            for one in &mut one.actions {
                if let Some(added) = of(&one.api) {
                    action(one, added, &mut found);
                }
            }
        }
    }
    for one in model.projects.iter_mut() {
        if let Some(api) = one.api.clone() {
            project(one, &api);
        }
    }
    // what pipectl does not know may be what AWS has added: that is what `api` is for
    found.edit(|one| Some(perhaps_new(one)));
    out.append(found);
    model.added = all;
}

fn perhaps_new(mut one: Diagnostic) -> Diagnostic {
    if one.key == Some(Key::Unknown) {
        one.severity = Severity::Warning;
        one.message
            .push_str(", as far as pipectl knows; it is sent as it is");
        one.help = Some("leave it out, unless AWS has added it since".to_owned());
    }
    one
}

/// Every map under a key `api`; which of them are ours the model knows.
fn collect(node: &Node, path: &str, all: &mut Vec<Added>) {
    match &node.data {
        Data::Map(entries) => {
            for entry in entries {
                let path = join(path, &entry.key);
                if entry.key == "api" {
                    all.push(Added {
                        path,
                        owner: entry.key_span,
                        node: entry.value.clone(),
                    });
                } else {
                    collect(&entry.value, &path, all);
                }
            }
        }
        Data::List(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, &at(path, index), all);
            }
        }
        _ => {}
    }
}

/// What the second says in the place of what the first says; maps are merged.
fn over(base: &Node, more: &Node) -> Node {
    let (Data::Map(entries), Data::Map(others)) = (&base.data, &more.data) else {
        return more.clone();
    };
    let mut entries = entries.clone();
    for other in others {
        match entries.iter_mut().find(|entry| entry.key == other.key) {
            Some(entry) => {
                entry.key_span = other.key_span;
                entry.value = over(&entry.value, &other.value);
            }
            None => entries.push(other.clone()),
        }
    }
    Node::map(entries, base.span)
}

fn open<'n>(added: &'n Added, out: &mut Diagnostics) -> Option<Map<'n>> {
    Map::open(&added.node, &added.path, added.owner, out)
}

fn put<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn set<T>(place: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *place = value;
    }
}

fn action(action: &mut Action, added: &Added, out: &mut Diagnostics) {
    let Some(mut map) = open(added, out) else {
        return;
    };
    put(&mut action.name, map.api_text("name", out));
    if let Some(mut id) = map.map("actionTypeId", out) {
        let places = [
            &mut action.category,
            &mut action.owner,
            &mut action.provider,
            &mut action.version,
        ];
        for (key, place) in raw::TYPE_ID.into_iter().zip(places) {
            put(place, id.api_text(key, out));
        }
        extra(&id, &raw::TYPE_ID, &[], out);
    }
    for (key, value) in text_members(&mut map, "configuration", out) {
        if key.value == "EnvironmentVariables" {
            action.build_environment.clear();
        }
        let mut members = action.configuration.iter_mut();
        match members.find(|(name, _)| name.value == key.value) {
            Some(member) => *member = (key, value),
            None => action.configuration.push((key, value)),
        }
    }
    if map.has("inputArtifacts") {
        action.inputs = raw::inputs(&mut map, out);
    }
    if map.has("outputArtifacts") {
        action.outputs = raw::outputs(&mut map, out);
    }
    if map.has("environmentVariables") {
        action.environment = raw::environment(&mut map, out);
    }
    if map.has("commands") {
        action.commands = text_items(&mut map, "commands", out);
    }
    if map.has("outputVariables") {
        action.output_variables = text_items(&mut map, "outputVariables", out);
    }
    set(&mut action.run_order, number(&mut map, "runOrder", out));
    set(&mut action.namespace, map.api_text("namespace", out));
    set(&mut action.region, map.api_text("region", out));
    set(&mut action.role_arn, map.api_text("roleArn", out));
    let timeout = number(&mut map, "timeoutInMinutes", out);
    set(&mut action.timeout_minutes, timeout);
    extra(&map, &raw::ACTION, &[], out);
    action.raw_node = Some(match &action.raw_node {
        Some(node) => over(node, &added.node),
        None => added.node.clone(),
    });
}

fn stage(stage: &mut Stage, added: &Added, out: &mut Diagnostics) {
    let Some(mut map) = open(added, out) else {
        return;
    };
    put(&mut stage.name, map.api_text("name", out));
    if map.has("actions") {
        stage.actions = raw::actions(&mut map, out);
    }
    for (key, place) in [
        ("beforeEntry", &mut stage.before_entry),
        ("onSuccess", &mut stage.on_success),
        ("onFailure", &mut stage.on_failure),
    ] {
        if let Some(said) = raw::condition(&mut map, key, out) {
            *place = Some(match place.take() {
                Some(before) => both(before, said),
                None => said,
            });
        }
    }
    extra(&map, &raw::STAGE, &["blockers"], out);
}

/// A condition with the members that `api:` gives it.
fn both(before: Condition, said: Condition) -> Condition {
    let raw = match (&before.raw, &said.raw) {
        (Some(before), Some(said)) => Some(over(before, said)),
        _ => None,
    };
    Condition {
        result: said.result.or(before.result),
        retry_mode: said.retry_mode.or(before.retry_mode),
        rules: match said.rules.is_empty() {
            true => before.rules,
            false => said.rules,
        },
        raw,
        span: before.span,
        path: before.path,
    }
}

fn pipeline(pipeline: &mut Pipeline, added: &Added, out: &mut Diagnostics) {
    let Some(mut map) = open(added, out) else {
        return;
    };
    put(&mut pipeline.name, map.api_text("name", out));
    set(&mut pipeline.role_arn, map.api_text("roleArn", out));
    let kind = map.api_text("pipelineType", out);
    set(&mut pipeline.pipeline_type, kind);
    let mode = map.api_text("executionMode", out);
    set(&mut pipeline.execution_mode, mode);
    if map.has("stages") {
        pipeline.stages = raw::stages(&mut map, out);
    }
    if map.has("variables") {
        pipeline.variables = raw::variables(&mut map, out);
    }
    if map.has("triggers") {
        pipeline.triggers = raw::triggers(&mut map, out);
    }
    let stores = raw::stores(&mut map, out);
    // the stores of other pipelines are made by the compiler
    for store in stores.into_iter().filter(|_| pipeline.raw) {
        let mut before = pipeline.raw_stores.iter_mut();
        match before.find(|entry| entry.key == store.key) {
            Some(entry) => {
                *entry = Entry {
                    value: over(&entry.value, &store.value),
                    ..store
                }
            }
            None => pipeline.raw_stores.push(store),
        }
    }
    extra(&map, &raw::PIPELINE, &[], out);
}

/// Of a project everything is looked at in its definition.
fn project(project: &mut Project, api: &Node) {
    project.definition = over(&project.definition, api);
    let said = |part: &str, key: &str| api.get(part).and_then(|part| part.entry(key)).is_some();
    // what is wrong in there is said where the members of projects are looked at
    let mut silent = Diagnostics::new();
    let definition = &project.definition;
    let mut map = Map::of(
        definition.as_map().unwrap_or_default(),
        project.path.as_str(),
        project.span,
    );
    if said("environment", "environmentVariables")
        && let Some(mut environment) = map.map("environment", &mut silent)
    {
        project.environment = raw::environment(&mut environment, &mut silent);
    }
    if said("source", "buildspec")
        && let Some(mut source) = map.map("source", &mut silent)
    {
        project.buildspec = raw::buildspec_of(raw::buildspec_text(&mut source, &mut silent));
        let (commands, reports) = raw::commands_and_reports(&project.buildspec);
        (project.commands, project.reports) = (commands, reports);
    }
    let batch = definition.get("buildBatchConfig");
    project.batch = batch.is_some_and(|node| !node.is_null());
}
