//! Builds: the action, its project, and projects that several share.

use std::collections::BTreeMap;

use crate::catalog::actions;
use crate::catalog::codebuild;
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::tree::{Data, Entry, Node};

use super::actions::{Options, Place, blank, options};
use super::buildspec::{Body, body, commands_of, reports_of, run_time_variable};
use super::decode::{Map, Shape, join, key_text, nearest, text_at};
use super::names;
use super::raw;
use super::root::{Decoder, Scope};
use super::settings::{Settings, environment, machine, not_beside, settings};
use super::types::{
    Action, Buildspec, Output, Project, Purpose, SelfUpdate, Text, Variable, VariableKind,
};

/// What actions need to know of a shared project.
#[derive(Default)]
pub(super) struct Shared {
    /// The names of its outputs.
    outputs: Vec<Text>,
    /// Whether the name of its only output is its own, not the action's.
    named: bool,
    batch: bool,
    combine: bool,
}

/// The shared projects by their key.
pub(super) type SharedProjects = BTreeMap<String, Shared>;

/// Keys that may stand beside `project`.
const BESIDE_PROJECT: [&str; 10] = [
    "project",
    "env",
    "input",
    "output",
    "outputs",
    "namespace",
    "buildspec",
    "region",
    "actionRole",
    "api",
];

/// What a project is made from, beside its settings and body.
struct Maker {
    key: String,
    name: Text,
    span: Span,
    path: String,
    shared: bool,
    purpose: Purpose,
    outputs: Vec<Text>,
    region: Option<Text>,
    description: Option<Text>,
    api: Option<Node>,
}

impl Decoder<'_> {
    /// An error for each command that holds `#{…}`.
    pub(super) fn no_run_time_variables(&mut self, commands: &[Text], path: &str) {
        let found = commands
            .iter()
            .filter_map(|command| run_time_variable(command, path));
        self.out.extend(found);
    }

    /// A build inside a stage.
    pub(super) fn build(&mut self, kind: &Entry, name: Text, place: &Place<'_>) -> Option<Action> {
        let category = match kind.key.as_str() {
            "unit" | "integration" | "test" => "Test",
            _ => "Build",
        };
        let purpose = if kind.key == "deploy" {
            Purpose::Deploy
        } else {
            Purpose::Build
        };
        let action_type = actions::by_id("codebuild")?;
        let mut action = blank(
            action_type,
            Some(category),
            name,
            place.span,
            &place.path,
            &kind.key,
        );
        if matches!(kind.value.data, Data::Secret(_)) {
            return None;
        }
        if kind.value.as_map().is_none() {
            super::decode::commands_given(&kind.value, &place.path, self.out);
            let body = Body {
                run: Some(super::decode::texts(&kind.value, &place.path, self.out)),
                ..Body::default()
            };
            action.inputs.extend(place.scope.source_output.clone());
            return Some(self.own_project(action, Settings::default(), body, None, purpose, place));
        }
        let mut map = Map::open(&kind.value, place.path.clone(), kind.key_span, self.out)?;
        if map.has("project") {
            return self.of_shared(action, map, place.scope);
        }
        let said = options(&mut map, self.out);
        let body = body(&mut map, &action.name, self.out);
        let own = settings(&mut map, self.out);
        map.entry("project");
        let description = map.text("description", self.out);
        check_body(&map, &body, &own, self);
        map.finish(self.out);
        apply(said, &mut action, place.scope);
        Some(self.own_project(action, own, body, description, purpose, place))
    }

    /// Makes the project of a build inside a stage, and points the action at it.
    fn own_project(
        &mut self,
        mut action: Action,
        own: Settings,
        body: Body,
        description: Option<Text>,
        purpose: Purpose,
        place: &Place<'_>,
    ) -> Action {
        let mut settings = own.or(&self.defaults);
        self.with_defaults.push(settings.lambda());
        action.build_environment = take_run_time(&mut settings.env);
        let outputs = body.outputs(&names::artifact(&action.name));
        action.outputs = outputs
            .iter()
            .map(|name| Output {
                name: name.clone(),
                files: Vec::new(),
            })
            .collect();
        if !body.exports.is_empty() && action.namespace.is_none() {
            action.namespace = Some(names::namespace(&action.name));
        }
        if let Some(batch) = &body.batch {
            batch_keys(&mut action, batch.combine, batch.span);
        }
        let mut parts = vec![&place.scope.name, &place.stage];
        if place.several {
            parts.push(&action.name);
        }
        let maker = Maker {
            key: project_key(place, &action.name),
            name: names::project(&parts),
            span: place.span,
            path: place.path.clone(),
            shared: false,
            purpose,
            outputs,
            region: action.region.clone(),
            description,
            api: None,
        };
        action.project = Some(maker.key.clone());
        let project = self.project(maker, settings, body);
        self.projects.push(project);
        action
    }

    /// An action that runs a shared project.
    fn of_shared(&mut self, mut action: Action, mut map: Map<'_>, scope: &Scope) -> Option<Action> {
        let said = options(&mut map, self.out);
        let project = map.text("project", self.out);
        action.build_environment = environment(&mut map, self.out);
        let outputs = map.value("outputs", self.out);
        let outputs_path = map.at("outputs");
        let output = map.texts("output", self.out);
        let buildspec_path = map.at("buildspec");
        let buildspec = map.value("buildspec", self.out);
        apply(said, &mut action, scope);
        for entry in map
            .rest()
            .filter(|entry| !BESIDE_PROJECT.contains(&entry.key.as_str()))
        {
            if !BUILD_KEYS.contains(&entry.key.as_str()) {
                continue;
            }
            self.out.push(
                not_beside(&entry.key, "project", entry.key_span, &map.path)
                    .label("belongs to the project")
                    .help("say it at the project under `projects`"),
            );
        }
        for key in BUILD_KEYS {
            map.entry(key);
        }
        let path = map.at("project");
        map.finish(self.out);
        if let Some(node) = buildspec {
            let value = match &node.data {
                Data::Map(_) => text_at(node, node.to_json().to_string()),
                _ => super::decode::text(node, &buildspec_path, self.out)?,
            };
            action
                .configuration
                .push((Text::new("BuildspecOverride", node.span), value));
        }
        let project = project?;
        if !project.known {
            let key = Text::new("ProjectName", project.span);
            action.configuration.push((key, project));
            return Some(action);
        }
        let known = self.projects.of_key_mut(&project.value);
        let Some(known) = known.filter(|known| known.shared) else {
            self.unknown_project(&project, &path);
            return Some(action);
        };
        if known.region.is_none() {
            known.region.clone_from(&action.region);
        }
        action.project = Some(project.value.clone());
        let mut names: Vec<Text> = output.unwrap_or_default();
        if let Some(node) = outputs {
            match &node.data {
                Data::Map(members) => names.extend(members.iter().map(key_text)),
                _ => names.extend(super::decode::texts(node, &outputs_path, self.out)),
            }
        }
        if let Some(shared) = self.shared.get(&project.value) {
            if names.is_empty() {
                names.clone_from(&shared.outputs);
                if let [only] = &mut names[..]
                    && !shared.named
                {
                    *only = names::artifact(&action.name);
                }
            }
            if shared.batch {
                batch_keys(&mut action, shared.combine, project.span);
            }
        }
        action.outputs = names
            .into_iter()
            .map(|name| Output {
                name,
                files: Vec::new(),
            })
            .collect();
        Some(action)
    }

    fn unknown_project(&mut self, project: &Text, path: &str) {
        let shared = self
            .projects
            .iter()
            .filter(|p| p.shared)
            .map(|p| p.key.as_str());
        let near = nearest(&project.value, shared);
        self.out.push(
            Diagnostic::error("reference-unknown", project.span, path, format!("there is no project `{}`", project.value))
                .label("not under `projects`")
                .help(match near {
                    Some(word) => format!("did you mean `{word}`?"),
                    None => format!(
                        "describe it under `projects`, or write `projects: {{{0}: {{existing: {0}}}}}` for one that exists",
                        project.value
                    ),
                })
                .through(project.origin.as_ref()),
        );
    }

    /// `selfUpdate`; its buildspec is the compiler's, which knows what the last apply was told.
    pub(super) fn self_update(
        &mut self,
        entry: Option<&Entry>,
        name: Text,
        place: &Place<'_>,
    ) -> Option<Action> {
        let action_type = actions::by_id("codebuild")?;
        let mut action = blank(
            action_type,
            Some("Build"),
            name,
            place.span,
            &place.path,
            "selfUpdate",
        );
        let mut own = Settings::default();
        let mut update = SelfUpdate::default();
        match entry {
            None => action.inputs.extend(place.scope.source_output.clone()),
            Some(entry) => {
                let mut map =
                    Map::open(&entry.value, place.path.clone(), entry.key_span, self.out)?;
                let said = options(&mut map, self.out);
                update.version = map.text("version", self.out);
                own = settings(&mut map, self.out);
                update.install = std::mem::take(&mut own.install);
                let extra = ["runtimes", "before", "after", "finally"];
                for (key, span) in own.of_buildspec() {
                    if extra.contains(&key) {
                        self.out.push(not_beside(key, "selfUpdate", span, &place.path).help(
                            "selfUpdate has commands of its own; `install` says how pipectl gets there",
                        ));
                    }
                }
                map.hint(
                    "run",
                    "selfUpdate has commands of its own; write a `build` for others",
                );
                map.finish(self.out);
                apply(said, &mut action, place.scope);
            }
        }
        action.self_update = Some(update);
        // What other builds need is not this one's business; where it runs and who pulls its image is.
        let defaults = Settings {
            env: Vec::new(),
            role: None,
            allow: Vec::new(),
            cache: None,
            privileged: None,
            runtimes: Vec::new(),
            install: Vec::new(),
            before: Vec::new(),
            after: Vec::new(),
            finally: Vec::new(),
            ..self.defaults.clone()
        };
        let settings = own.or(&defaults);
        self.with_defaults.push(settings.lambda());
        let mut parts = vec![&place.scope.name, &place.stage];
        if place.several {
            parts.push(&action.name);
        }
        let maker = Maker {
            key: project_key(place, &action.name),
            name: names::project(&parts),
            span: place.span,
            path: place.path.clone(),
            shared: false,
            purpose: Purpose::SelfUpdate,
            outputs: Vec::new(),
            region: action.region.clone(),
            description: None,
            api: None,
        };
        action.project = Some(maker.key.clone());
        let project = self.project(maker, settings, Body::default());
        self.projects.push(project);
        Some(action)
    }

    /// `projects:`.
    pub(super) fn shared_projects(&mut self, node: &Node, path: &str) {
        for entry in super::decode::entries(node, path, self.out) {
            if entry.key.starts_with("x-") {
                continue;
            }
            let path = join(path, &entry.key);
            if let Some(project) = self.shared_project(entry, &path) {
                self.projects.push(project);
            }
        }
    }

    fn shared_project(&mut self, entry: &Entry, path: &str) -> Option<Project> {
        let mut map = match &entry.value.data {
            Data::Text(_) | Data::List(_) => {
                self.out.push(super::decode::wrong_kind(
                    &entry.value,
                    path,
                    "a map: `{run: …}`, `{existing: NAME}` or `{definition: …}`",
                ));
                return None;
            }
            _ => Map::open(&entry.value, path, entry.key_span, self.out)?,
        };
        if map.has("definition") {
            let definition = map.value("definition", self.out);
            let api = map.value("api", self.out).cloned();
            map.finish(self.out);
            let name = names::of_api(api.as_ref());
            let path = format!("{path}.definition");
            let mut project = raw::project(definition?, &path, entry, api, self.out)?;
            if let Some(name) = name {
                project.name = name;
            }
            return Some(project);
        }
        if map.has("existing") {
            let name = map.text("existing", self.out);
            map.finish(self.out);
            self.shared.insert(entry.key.clone(), Shared::default());
            return name.map(|name| existing(entry, name, path));
        }
        let named = map.text("name", self.out);
        let name = named.unwrap_or_else(|| names::project(&[&self.service, &key_text(entry)]));
        let body = body(&mut map, &key_text(entry), self.out);
        let own = settings(&mut map, self.out);
        let description = map.text("description", self.out);
        let region = map.text("region", self.out);
        let api = map.value("api", self.out).cloned();
        let name = names::of_api(api.as_ref()).unwrap_or(name);
        map.entry("existing");
        map.entry("definition");
        for key in ["input", "namespace", "actionRole"] {
            map.hint(key, "it is an option of the action that runs the project");
        }
        check_body(&map, &body, &own, self);
        map.finish(self.out);
        let mut settings = own.or(&self.defaults);
        self.with_defaults.push(settings.lambda());
        for variable in take_run_time(&mut settings.env) {
            self.out.push(
                Diagnostic::error(
                    "value-invalid",
                    variable.value.span,
                    format!("{path}.env.{}", variable.name.value),
                    "a shared project cannot hold a run-time variable of a pipeline",
                )
                .label("known in a run only")
                .help("give it at the action: `{project: …, env: {…}}`"),
            );
        }
        let outputs = body.outputs(&names::artifact(&key_text(entry)));
        let shared = Shared {
            outputs: outputs.clone(),
            named: body.output.is_some() || body.artifacts.is_none(),
            batch: body.batch.is_some(),
            combine: body.batch.as_ref().is_some_and(|batch| batch.combine),
        };
        self.shared.insert(entry.key.clone(), shared);
        let maker = Maker {
            key: entry.key.clone(),
            name,
            span: entry.key_span,
            path: path.to_owned(),
            shared: true,
            purpose: Purpose::Build,
            outputs,
            region,
            description,
            api,
        };
        Some(self.project(maker, settings, body))
    }

    fn project(&mut self, maker: Maker, settings: Settings, body: Body) -> Project {
        let span = maker.span;
        let place = |word: &Option<Text>| word.as_ref().map(|word| word.span);
        let compute_path = match place(&settings.compute) {
            at if at.is_some() && at == place(&self.defaults.compute) => "defaults",
            _ => &maker.path,
        };
        let machine = machine(&settings, compute_path, span, self.out);
        let lambda = machine.as_ref().is_some_and(|machine| machine.lambda);
        let mut commands = Vec::new();
        let mut reports: Vec<Text> = body.reports.iter().map(|(name, _)| name.clone()).collect();
        let buildspec = match &body.buildspec {
            Some(node) if node.as_map().is_some() || text_of_buildspec(node).is_some() => {
                let text = text_of_buildspec(node);
                let tree = text.map_or_else(|| node.clone(), |text| raw::inline(&text));
                commands = commands_of(&tree);
                reports = reports_of(&tree);
                Buildspec::Inline(tree)
            }
            Some(node) => Buildspec::Path(text_at(node, node.scalar_text().unwrap_or_default())),
            None if body.run.is_some() => {
                for list in [
                    &settings.install,
                    &settings.before,
                    &settings.after,
                    &settings.finally,
                ] {
                    commands.extend(list.iter().cloned());
                }
                commands.extend(body.run.iter().flatten().cloned());
                Buildspec::Inline(body.buildspec(&settings, &maker.outputs, lambda, span))
            }
            None => Buildspec::Default,
        };
        self.no_run_time_variables(&commands, &maker.path);
        let definition = definition(&maker, &settings, &body, machine);
        Project {
            key: maker.key,
            name: maker.name,
            span,
            path: maker.path,
            existing: false,
            raw: false,
            shared: maker.shared,
            definition,
            buildspec,
            role: settings.role,
            allow: settings.allow,
            environment: settings.env,
            region: maker.region,
            purpose: maker.purpose,
            commands,
            reports,
            batch: body.batch.is_some(),
            log_group: settings.log_group,
            api: maker.api,
        }
    }

    /// A raw CodeBuild action that names a project of this file belongs to it.
    pub(super) fn link(&self, action: &mut Action) {
        if action.provider.value != "CodeBuild" {
            return;
        }
        let name = super::actions::configured(action, "ProjectName").map(|name| name.value.clone());
        let project = name.and_then(|name| self.projects.of_name(&name));
        action.project = project.map(|project| project.key.clone());
    }
}

const BUILD_KEYS: [&str; 27] = [
    "run",
    "image",
    "compute",
    "os",
    "runtimes",
    "timeout",
    "queuedTimeout",
    "reports",
    "cache",
    "artifacts",
    "exports",
    "install",
    "before",
    "after",
    "finally",
    "vpc",
    "privileged",
    "role",
    "allow",
    "batch",
    "concurrency",
    "logs",
    "encryptionKey",
    "fileSystems",
    "description",
    "existing",
    "definition",
];

/// The key of a build inside a stage: unique, and telling where it stands.
fn project_key(place: &Place<'_>, action: &Text) -> String {
    format!(
        "{}/{}/{}",
        place.scope.key.as_deref().unwrap_or_default(),
        place.stage.value,
        action.value
    )
}

fn apply(said: Options, action: &mut Action, scope: &Scope) {
    if !said.apply(action) {
        action.inputs.extend(scope.source_output.clone());
    }
}

fn batch_keys(action: &mut Action, combine: bool, span: Span) {
    let mut set = |key: &str| {
        action
            .configuration
            .push((Text::new(key, span), Text::new("true", span)));
    };
    set("BatchEnabled");
    if combine {
        set("CombineArtifacts");
    }
}

/// `run` or `buildspec`, not both and not neither; what stands in a buildspec does not go beside one.
fn check_body(map: &Map<'_>, body: &Body, own: &Settings, decoder: &mut Decoder<'_>) {
    let out = &mut *decoder.out;
    if !map.has("run") && !map.has("buildspec") {
        map.missing(
            "run",
            "give it `run` (commands), `buildspec` (a path) or `project` (one of `projects`)",
            out,
        );
    }
    if !map.has("buildspec") {
        return;
    }
    let span = |key: &str| {
        map.rest()
            .find(|entry| entry.key == key)
            .map(|entry| entry.key_span)
    };
    if map.has("run") {
        let at = body
            .run
            .as_ref()
            .and_then(|run| run.first())
            .map(|text| text.span);
        out.push(
            not_beside(
                "run",
                "buildspec",
                at.or_else(|| span("run")).unwrap_or(map.span),
                &map.path,
            )
            .help("keep one of the two"),
        );
    }
    let cache = own
        .cache
        .as_ref()
        .and_then(|cache| cache.buildspec.as_ref());
    let batch = body
        .batch
        .as_ref()
        .and_then(|batch| batch.buildspec.as_ref());
    let described = body
        .secondary
        .iter()
        .filter_map(|(_, block)| block.as_ref());
    let nodes = [("cache.paths", cache), ("batch", batch)].into_iter();
    let inner = nodes
        .filter_map(|(key, node)| Some((key, node?.span)))
        .chain(described.map(|block| ("outputs", block.span)));
    for (key, at) in inner
        .chain(own.of_buildspec())
        .chain(body.written.iter().copied())
    {
        out.push(
            not_beside(key, "buildspec", at, &map.path)
                .help("say it in the buildspec; name what the action hands on with `output`"),
        );
    }
}

/// Takes out what holds `#{…}`: it is known only when the pipeline runs, and stands on the action.
fn take_run_time(env: &mut Vec<Variable>) -> Vec<Variable> {
    let (run_time, fixed): (Vec<Variable>, Vec<Variable>) = std::mem::take(env)
        .into_iter()
        .partition(|variable| variable.value.value.contains("#{"));
    *env = fixed;
    run_time
}

fn existing(entry: &Entry, name: Text, path: &str) -> Project {
    let mut shape = Shape::new(name.span);
    shape.text("name", &name);
    Project {
        key: entry.key.clone(),
        name,
        span: entry.key_span,
        path: path.to_owned(),
        existing: true,
        raw: false,
        shared: true,
        definition: shape.done(),
        buildspec: Buildspec::Default,
        role: None,
        allow: Vec::new(),
        environment: Vec::new(),
        region: None,
        purpose: Purpose::Build,
        commands: Vec::new(),
        reports: Vec::new(),
        batch: false,
        log_group: None,
        api: None,
    }
}

/// The buildspec that is a text in the file: the project has it word for word.
fn text_of_buildspec(node: &Node) -> Option<Text> {
    let text = node.as_str().filter(|text| raw::is_buildspec(text))?;
    Some(text_at(node, text))
}

/// The project in the shape of the API, without what the compiler adds.
fn definition(
    maker: &Maker,
    settings: &Settings,
    body: &Body,
    machine: Option<super::settings::Machine>,
) -> Node {
    let span = maker.span;
    let fields = codebuild::project();
    let typed = |written: Option<Text>| {
        let mut shape = Shape::new(span);
        shape.word("type", "CODEPIPELINE");
        shape.maybe("buildspec", written.as_ref());
        shape.done()
    };
    let text = body.buildspec.as_ref().and_then(text_of_buildspec);
    let mut shape = Shape::new(span);
    shape
        .text("name", &maker.name)
        .maybe("description", maker.description.as_ref());
    shape
        .set("source", typed(text))
        .set("artifacts", typed(None));
    let lambda = machine.as_ref().is_some_and(|machine| machine.lambda);
    if let Some(cache) = &settings.cache {
        shape.set("cache", cache.project.clone());
    }
    if let Some(machine) = machine {
        shape.set("environment", environment_node(settings, &machine, span));
    }
    let default = |value: Option<u64>| {
        let minutes = value.and_then(|value| u32::try_from(value).ok())?;
        (!lambda).then_some((minutes, span))
    };
    shape.whole(
        "timeoutInMinutes",
        settings.timeout.or_else(|| default(fields.timeout.default)),
    );
    let queued = settings
        .queued_timeout
        .or_else(|| default(fields.queued_timeout.default));
    shape.whole("queuedTimeoutInMinutes", queued);
    shape.maybe("encryptionKey", settings.encryption_key.as_ref());
    for (key, node) in [
        ("vpcConfig", &settings.vpc),
        ("logsConfig", &settings.logs),
        ("fileSystemLocations", &settings.file_systems),
    ] {
        if let Some(node) = node {
            shape.set(key, node.clone());
        }
    }
    if let Some(batch) = &body.batch {
        shape.set("buildBatchConfig", batch.project.clone());
    }
    shape.whole("concurrentBuildLimit", settings.concurrency);
    shape.done()
}

fn environment_node(settings: &Settings, machine: &super::settings::Machine, span: Span) -> Node {
    let mut shape = Shape::new(span);
    shape
        .text("type", &machine.environment_type)
        .text("image", &machine.image)
        .text("computeType", &machine.compute_type);
    let variables = settings.env.iter().map(|variable| {
        let mut shape = Shape::new(variable.name.span);
        shape
            .text("name", &variable.name)
            .text("value", &variable.value)
            .word(
                "type",
                match variable.kind {
                    VariableKind::Plaintext => "PLAINTEXT",
                    VariableKind::ParameterStore => "PARAMETER_STORE",
                    VariableKind::SecretsManager => "SECRETS_MANAGER",
                },
            );
        shape.done()
    });
    shape.set(
        "environmentVariables",
        Node::list(variables.collect(), span),
    );
    match settings.privileged {
        Some((value, span)) => {
            shape.boolean("privilegedMode", value, span);
        }
        None if !machine.lambda => {
            shape.boolean("privilegedMode", false, span);
        }
        None => {}
    }
    if let Some(pull) = machine.pull {
        shape.word("imagePullCredentialsType", pull);
    }
    shape.done()
}
