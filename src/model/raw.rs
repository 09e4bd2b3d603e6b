//! The `definition:` forms: the API's own shapes. Nothing is added and nothing is lost.

use crate::catalog::codebuild;
use crate::catalog::conditions;
use crate::catalog::structure;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::Span;
use crate::tree::{Data, Entry, Node};

use super::conditions::blank_rule;
use super::decode::{Item, Map, api_text, join, text_node, wrong_kind};
use super::lists::{readable, too_many};
use super::members::{extra, maps, number, required, text_items, text_members, unnamed, wanted};
use super::types::{
    Action, Buildspec, Condition, Filter, Given, Globs, Output, Pipeline, PipelineVariable,
    Project, Purpose, Rule, Stage, Text, Trigger, Variable, VariableKind,
};

/// Members that GetPipeline and BatchGetProjects answer and nobody may send.
const READ_ONLY: [&str; 7] = [
    "version",
    "metadata",
    "arn",
    "created",
    "updated",
    "lastModified",
    "ResponseMetadata",
];

/// Members of an ActionTypeId and a RuleTypeId.
pub(super) const TYPE_ID: [&str; 4] = ["category", "owner", "provider", "version"];

/// Members of an ActionDeclaration.
pub(super) const ACTION: [&str; 13] = [
    "name",
    "actionTypeId",
    "configuration",
    "inputArtifacts",
    "outputArtifacts",
    "environmentVariables",
    "runOrder",
    "namespace",
    "region",
    "roleArn",
    "timeoutInMinutes",
    "commands",
    "outputVariables",
];

/// The names of the input artifacts.
pub(super) fn inputs(map: &mut Map<'_>, out: &mut Diagnostics) -> Vec<Text> {
    maps(map, "inputArtifacts", out)
        .into_iter()
        .filter_map(|mut artifact| {
            let name = required(&mut artifact, "name", out);
            extra(&artifact, &["name"], &[], out);
            name
        })
        .collect()
}

/// The output artifacts.
pub(super) fn outputs(map: &mut Map<'_>, out: &mut Diagnostics) -> Vec<Output> {
    maps(map, "outputArtifacts", out)
        .into_iter()
        .filter_map(|mut artifact| {
            let name = required(&mut artifact, "name", out);
            let files = text_items(&mut artifact, "files", out);
            extra(&artifact, &["name", "files"], &[], out);
            Some(Output { name: name?, files })
        })
        .collect()
}

/// The environment variables beside the configuration.
pub(super) fn environment(map: &mut Map<'_>, out: &mut Diagnostics) -> Vec<Variable> {
    maps(map, "environmentVariables", out)
        .into_iter()
        .filter_map(|mut one| {
            let read = variable(&mut one, out);
            extra(&one, &["name", "value", "type"], &[], out);
            read
        })
        .collect()
}

/// An ActionDeclaration.
pub(super) fn action(
    node: &Node,
    path: &str,
    owner: Span,
    out: &mut Diagnostics,
) -> Option<Action> {
    let mut map = Map::open(node, path, owner, out)?;
    let named = map.has("name");
    let name = wanted(&mut map, "name", unnamed(path), out);
    let unknown = || Text {
        known: false,
        ..Text::new("", owner)
    };
    let [category, owner_word, provider, version] = match map.map("actionTypeId", out) {
        Some(mut id) => {
            let members = TYPE_ID.map(|key| wanted(&mut id, key, "", out));
            extra(&id, &TYPE_ID, &[], out);
            members
        }
        None => {
            if !map.has("actionTypeId") {
                map.missing("actionTypeId", "the API requires it", out);
            }
            TYPE_ID.map(|_| unknown())
        }
    };
    let configuration = text_members(&mut map, "configuration", out);
    let inputs = inputs(&mut map, out);
    let outputs = outputs(&mut map, out);
    let environment = environment(&mut map, out);
    let mut action = Action {
        span: if named { name.span } else { owner },
        name,
        path: path.to_owned(),
        kind: "definition".to_owned(),
        category,
        owner: owner_word,
        provider,
        version,
        configuration,
        inputs,
        outputs,
        run_order: number(&mut map, "runOrder", out),
        namespace: map.api_text("namespace", out),
        region: map.api_text("region", out),
        role_arn: map.api_text("roleArn", out),
        timeout_minutes: number(&mut map, "timeoutInMinutes", out),
        commands: text_items(&mut map, "commands", out),
        output_variables: text_items(&mut map, "outputVariables", out),
        environment,
        build_environment: Vec::new(),
        project: None,
        pass_roles: Vec::new(),
        allow: Vec::new(),
        notify: Vec::new(),
        detect: None,
        self_update: None,
        outer: Vec::new(),
        raw: true,
        extra: Vec::new(),
        raw_node: Some(node.clone()),
        api: None,
    };
    action.extra = extra(&map, &ACTION, &[], out);
    Some(action)
}

fn variable(map: &mut Map<'_>, out: &mut Diagnostics) -> Option<Variable> {
    let name = required(map, "name", out)?;
    let value = required(map, "value", out)?;
    let kind = map.api_text("type", out);
    let kind = match kind.as_ref().map(|kind| kind.value.as_str()) {
        Some("PARAMETER_STORE") => VariableKind::ParameterStore,
        Some("SECRETS_MANAGER") => VariableKind::SecretsManager,
        _ => VariableKind::Plaintext,
    };
    Some(Variable { name, value, kind })
}

/// Members of a StageDeclaration.
pub(super) const STAGE: [&str; 6] = [
    "name",
    "actions",
    "blockers",
    "beforeEntry",
    "onSuccess",
    "onFailure",
];

/// The actions of a stage.
pub(super) fn actions(map: &mut Map<'_>, out: &mut Diagnostics) -> Vec<Action> {
    let items = map.items("actions", false, out);
    readable(&items, &structure::quotas().actions_per_stage, out)
        .iter()
        .filter_map(|item| action(item.node, &item.path, item.owner, out))
        .collect()
}

/// A StageDeclaration.
pub(super) fn stage(node: &Node, path: &str, owner: Span, out: &mut Diagnostics) -> Option<Stage> {
    let mut map = Map::open(node, path, owner, out)?;
    let name = wanted(&mut map, "name", unnamed(path), out);
    if !map.has("actions") {
        map.missing("actions", "the API requires it", out);
    }
    let actions = actions(&mut map, out);
    let before_entry = condition(&mut map, "beforeEntry", out);
    let on_success = condition(&mut map, "onSuccess", out);
    let on_failure = condition(&mut map, "onFailure", out);
    let extra = extra(&map, &STAGE, &["blockers"], out);
    Some(Stage {
        span: name.span,
        name,
        path: path.to_owned(),
        actions,
        before_entry,
        on_success,
        on_failure,
        transition: None,
        raw: true,
        extra,
        api: None,
    })
}

pub(super) fn condition(map: &mut Map<'_>, key: &str, out: &mut Diagnostics) -> Option<Condition> {
    let owner = map.entry(key)?;
    let mut map = map.map(key, out)?;
    let mut condition = Condition {
        result: map.api_text("result", out),
        retry_mode: None,
        rules: Vec::new(),
        span: owner.key_span,
        path: map.path.clone(),
        raw: Some(owner.value.clone()),
    };
    if let Some(mut retry) = map.map("retryConfiguration", out) {
        condition.retry_mode = retry.api_text("retryMode", out);
        extra(&retry, &["retryMode"], &[], out);
    }
    for mut one in maps(&mut map, "conditions", out) {
        if let Some(result) = one.api_text("result", out) {
            condition.result = Some(result);
        }
        for item in one.items("rules", false, out) {
            let read = rule(item.node, &item.path, item.owner, out);
            condition.rules.extend(read);
        }
        extra(&one, &["result", "rules"], &[], out);
    }
    extra(
        &map,
        &["result", "retryConfiguration", "conditions"],
        &[],
        out,
    );
    Some(condition)
}

/// A RuleDeclaration.
pub(super) fn rule(node: &Node, path: &str, owner: Span, out: &mut Diagnostics) -> Option<Rule> {
    let mut map = Map::open(node, path, owner, out)?;
    let name = required(&mut map, "name", out);
    let mut provider = None;
    match map.map("ruleTypeId", out) {
        Some(mut id) => {
            required(&mut id, "category", out);
            provider = required(&mut id, "provider", out);
            id.api_text("owner", out);
            id.api_text("version", out);
            extra(&id, &TYPE_ID, &[], out);
        }
        None if !map.has("ruleTypeId") => map.missing("ruleTypeId", "the API requires it", out),
        None => {}
    }
    let configuration = text_members(&mut map, "configuration", out);
    let inputs = inputs(&mut map, out);
    let commands = text_items(&mut map, "commands", out);
    let role_arn = map.api_text("roleArn", out);
    let region = map.api_text("region", out);
    let timeout_minutes = number(&mut map, "timeoutInMinutes", out);
    const MEMBERS: [&str; 8] = [
        "name",
        "ruleTypeId",
        "configuration",
        "inputArtifacts",
        "commands",
        "roleArn",
        "region",
        "timeoutInMinutes",
    ];
    extra(&map, &MEMBERS, &[], out);
    let first = conditions::rule_providers().first()?;
    Some(Rule {
        provider: provider?,
        configuration,
        inputs,
        commands,
        role_arn,
        region,
        timeout_minutes,
        raw: Some(node.clone()),
        ..blank_rule(name?, first, owner)
    })
}

/// Members of a PipelineDeclaration.
pub(super) const PIPELINE: [&str; 9] = [
    "name",
    "roleArn",
    "artifactStore",
    "artifactStores",
    "stages",
    "pipelineType",
    "executionMode",
    "variables",
    "triggers",
];

/// The stages of a pipeline.
pub(super) fn stages(map: &mut Map<'_>, out: &mut Diagnostics) -> Vec<Stage> {
    let mut stages = Vec::new();
    let quotas = structure::quotas();
    let items = map.items("stages", false, out);
    let mut actions = 0;
    for item in readable(&items, &quotas.stages, out) {
        if too_many(actions, &quotas.actions_per_pipeline, item, out) {
            break;
        }
        let stage = stage(item.node, &item.path, item.owner, out);
        actions += stage.as_ref().map_or(0, |stage| stage.actions.len());
        stages.extend(stage);
    }
    stages
}

/// The variables of a pipeline.
pub(super) fn variables(map: &mut Map<'_>, out: &mut Diagnostics) -> Vec<PipelineVariable> {
    maps(map, "variables", out)
        .into_iter()
        .filter_map(|mut variable| {
            let name = required(&mut variable, "name", out);
            let default = variable.api_text("defaultValue", out);
            let description = variable.api_text("description", out);
            extra(
                &variable,
                &["name", "defaultValue", "description"],
                &[],
                out,
            );
            Some(PipelineVariable {
                name: name?,
                default,
                description,
            })
        })
        .collect()
}

/// The triggers of a pipeline.
pub(super) fn triggers(map: &mut Map<'_>, out: &mut Diagnostics) -> Vec<Trigger> {
    let listed = map.items("triggers", false, out);
    listed
        .iter()
        .filter_map(|item| trigger(item, out))
        .collect()
}

/// The artifact stores of a pipeline, with their key. What they hold is looked at by a rule.
pub(super) fn stores(map: &mut Map<'_>, out: &mut Diagnostics) -> Vec<Entry> {
    let mut stores = Vec::new();
    for key in ["artifactStore", "artifactStores"] {
        let path = map.at(key);
        let Some(node) = map.value(key, out) else {
            continue;
        };
        if key == "artifactStore" {
            store(node, &path, out);
        } else {
            for entry in node.as_map().unwrap_or_default() {
                store(&entry.value, &join(&path, &entry.key), out);
            }
        }
        stores.extend(map.entry(key).cloned());
    }
    stores
}

fn store(node: &Node, path: &str, out: &mut Diagnostics) {
    let mut map = Map::of(node.as_map().unwrap_or_default(), path, node.span);
    for key in ["type", "location", "encryptionKey"] {
        map.entry(key);
    }
    let key = map.entry("encryptionKey");
    extra(&map, &["type", "location", "encryptionKey"], &[], out);
    let members = key.and_then(|key| key.value.as_map()).unwrap_or_default();
    let mut map = Map::of(members, map.at("encryptionKey"), node.span);
    for key in ["id", "type"] {
        map.entry(key);
    }
    extra(&map, &["id", "type"], &[], out);
}

/// What GetPipeline answers, or the pipeline in it. `name` is used if the definition has none.
pub(super) fn pipeline(
    node: &Node,
    path: &str,
    owner: Span,
    name: &Text,
    out: &mut Diagnostics,
) -> Option<Pipeline> {
    if let Some(entry) = node
        .entry("pipeline")
        .filter(|_| node.get("stages").is_none())
    {
        let inner = pipeline(
            &entry.value,
            &join(path, "pipeline"),
            entry.key_span,
            name,
            out,
        );
        let mut map = Map::open(node, path, owner, out)?;
        map.entry("pipeline");
        extra(&map, &["pipeline"], &READ_ONLY, out);
        return inner;
    }
    if is_resource(node, "stages", path, out) {
        return None;
    }
    let mut map = Map::open(node, path, owner, out)?;
    for key in READ_ONLY {
        map.entry(key);
    }
    let declared = match map.has_in_other_capitals("name") {
        true => None,
        false => required(&mut map, "name", out),
    };
    if !map.has("stages") && !map.has_in_other_capitals("stages") {
        map.missing("stages", "the API requires it", out);
    }
    let stages = stages(&mut map, out);
    let variables = variables(&mut map, out);
    let triggers = triggers(&mut map, out);
    let raw_stores = stores(&mut map, out);
    let pipeline_type = map.api_text("pipelineType", out);
    let execution_mode = map.api_text("executionMode", out);
    let role_arn = map.api_text("roleArn", out);
    let extra = extra(&map, &PIPELINE, &[], out);
    Some(Pipeline {
        key: None,
        name: declared.unwrap_or_else(|| name.clone()),
        path: path.to_owned(),
        span: owner,
        raw: true,
        pipeline_type,
        execution_mode,
        variables,
        triggers,
        schedules: Vec::new(),
        stages,
        role_arn,
        raw_stores,
        extra,
        api: None,
        tags: Vec::new(),
    })
}

pub(super) fn trigger(item: &Item<'_>, out: &mut Diagnostics) -> Option<Trigger> {
    let Item { path, node, owner } = item;
    let mut map = Map::open(node, path, *owner, out)?;
    required(&mut map, "providerType", out);
    if !map.has("gitConfiguration") {
        map.missing("gitConfiguration", "the API requires it", out);
    }
    let mut git = map.map("gitConfiguration", out)?;
    let source = required(&mut git, "sourceActionName", out);
    let push = filters(&mut git, "push", out);
    let pull_request = filters(&mut git, "pullRequest", out);
    // keys of a filter are refused where filters are checked
    extra(
        &git,
        &["sourceActionName", "push", "pullRequest"],
        &["branches", "tags", "filePaths"],
        out,
    );
    extra(&map, &["providerType", "gitConfiguration"], &[], out);
    Some(Trigger {
        push,
        pull_request,
        span: node.span,
        path: path.to_owned(),
        raw: Some((*node).clone()),
        source: source?,
    })
}

fn filters(git: &mut Map<'_>, key: &str, out: &mut Diagnostics) -> Vec<Filter> {
    maps(git, key, out)
        .into_iter()
        .map(|mut map| {
            let mut globs = |key: &str, out: &mut Diagnostics| {
                let mut inner = map.map(key, out)?;
                let globs = Globs {
                    includes: text_items(&mut inner, "includes", out),
                    excludes: text_items(&mut inner, "excludes", out),
                    span: inner.span,
                };
                extra(&inner, &["includes", "excludes"], &[], out);
                Some(globs)
            };
            let filter = Filter {
                branches: globs("branches", out),
                tags: globs("tags", out),
                paths: globs("filePaths", out),
                ..Filter::default()
            };
            let events = text_items(&mut map, "events", out);
            extra(&map, &["branches", "tags", "filePaths", "events"], &[], out);
            Filter {
                events,
                span: map.span,
                ..filter
            }
        })
        .collect()
}

/// A CodeBuild project as CreateProject takes it or BatchGetProjects answers it.
pub(super) fn project(
    node: &Node,
    path: &str,
    entry: &Entry,
    api: Option<Node>,
    out: &mut Diagnostics,
) -> Option<Project> {
    let wrapped = match node.get("projects").and_then(Node::as_list) {
        Some([only]) => Some((only, format!("{path}.projects[0]"))),
        _ => node
            .get("project")
            .map(|inner| (inner, join(path, "project"))),
    };
    if let Some((inner, path)) = wrapped.filter(|_| node.get("source").is_none()) {
        return project(inner, &path, entry, api, out);
    }
    if is_resource(node, "source", path, out) || are_several(node, path, out) {
        return None;
    }
    let mut map = Map::open(node, path, entry.key_span, out)?;
    let read_only = |key: &str| {
        READ_ONLY.contains(&key)
            || codebuild::codebuild()
                .read_only
                .iter()
                .any(|other| other == key)
    };
    let name = match map.has_in_other_capitals("name") {
        true => None,
        false => required(&mut map, "name", out),
    };
    // what the API does not have, `checks` says of every member
    for entry in node.as_map().unwrap_or_default() {
        map.entry(&entry.key);
    }
    let role = map
        .has("serviceRole")
        .then(|| map.api_text("serviceRole", out))
        .flatten();
    let mut environment = Vec::new();
    let mut privileged = map.map("environment", out);
    if let Some(map) = &mut privileged {
        let variables = maps(map, "environmentVariables", out);
        environment.extend(
            variables
                .into_iter()
                .filter_map(|mut map| variable(&mut map, out)),
        );
    }
    let buildspec = map
        .map("source", out)
        .and_then(|mut source| buildspec_text(&mut source, out));
    let batch = node
        .get("buildBatchConfig")
        .is_some_and(|node| !node.is_null());
    let kept: Vec<Entry> = node
        .as_map()
        .unwrap_or_default()
        .iter()
        .filter(|entry| !read_only(&entry.key))
        .cloned()
        .collect();
    let buildspec = buildspec_of(buildspec);
    let (commands, reports) = commands_and_reports(&buildspec);
    Some(Project {
        key: entry.key.clone(),
        // that it has none was told; all else is looked at
        name: name.unwrap_or_else(|| Text {
            known: false,
            ..Text::new(&entry.key, entry.key_span)
        }),
        span: entry.key_span,
        path: path.to_owned(),
        existing: false,
        raw: true,
        shared: true,
        definition: Node::map(kept, node.span),
        buildspec,
        role: role.map(Given::Existing),
        allow: Vec::new(),
        environment,
        region: None,
        purpose: Purpose::Build,
        commands,
        reports,
        batch,
        log_group: None,
        api,
    })
}

/// Whether a resource of a CloudFormation template was pasted, which is told; `member` is one that the API's shape has.
fn is_resource(node: &Node, member: &str, path: &str, out: &mut Diagnostics) -> bool {
    let Some(entry) = node
        .entry("Properties")
        .filter(|entry| entry.value.as_map().is_some() && node.get(member).is_none())
    else {
        return false;
    };
    let message = "this is a resource of a CloudFormation template, not what the API takes";
    out.push(
        Diagnostic::error("value-kind", entry.key_span, path, message)
            .label("a resource's properties")
            .help(format!(
                "paste what stands under `Properties`, each key with a small first letter: `name`, `{member}`"
            )),
    );
    true
}

/// Whether BatchGetProjects answered several projects, which is told.
fn are_several(node: &Node, path: &str, out: &mut Diagnostics) -> bool {
    let Some((entry, count)) = node
        .entry("projects")
        .filter(|_| node.get("source").is_none())
        .and_then(|entry| Some((entry, entry.value.as_list()?.len())))
    else {
        return false;
    };
    let message = format!("`projects` holds {count} projects, and a definition is that of one");
    out.push(
        Diagnostic::error(
            "value-invalid",
            entry.key_span,
            join(path, "projects"),
            message,
        )
        .label(format!("{count} projects"))
        .help("give each an entry of its own: `projects: {NAME: {definition: …}}`"),
    );
    true
}

/// The text of `source.buildspec`; a buildspec that is no text is told how it becomes one.
pub(super) fn buildspec_text(source: &mut Map<'_>, out: &mut Diagnostics) -> Option<Text> {
    const KEY: &str = "buildspec";
    let path = source.at(KEY);
    let node = source.value(KEY, out)?;
    if node.as_map().is_some() {
        let error = wrong_kind(node, &path, "a text: the API takes nothing else here");
        out.push(error.help(
            "write `buildspec: |` and the buildspec below it, or the path of its file in the source",
        ));
        return None;
    }
    api_text(node, &path, out)
}

/// Whether a text is a buildspec itself, and not the path of one.
pub fn is_buildspec(text: &str) -> bool {
    let begin = text.trim_start();
    text.contains('\n') || begin.starts_with("version:") || begin.starts_with('{')
}

/// The commands and reports of a buildspec that is written in the file.
pub(super) fn commands_and_reports(buildspec: &Buildspec) -> (Vec<Text>, Vec<Text>) {
    match buildspec {
        Buildspec::Inline(tree) => (
            super::buildspec::commands_of(tree),
            super::buildspec::reports_of(tree),
        ),
        _ => (Vec::new(), Vec::new()),
    }
}

/// What the text of `source.buildspec` is.
pub(super) fn buildspec_of(text: Option<Text>) -> Buildspec {
    match text {
        None => Buildspec::Default,
        Some(text) if is_buildspec(&text.value) => Buildspec::Inline(inline(&text)),
        Some(text) if text.value.trim().is_empty() => Buildspec::Default,
        Some(text) => Buildspec::Path(text),
    }
}

/// The text of a buildspec as a tree in which everything stands where the text stands; the text itself if it does
/// not read as a map.
pub(super) fn inline(text: &Text) -> Node {
    let mut sources = crate::source::Sources::new();
    let file = sources.add("buildspec", text.value.as_str());
    let tree = crate::yaml::parse(&sources, file, &mut Diagnostics::new());
    match tree {
        Some(tree) if tree.as_map().is_some() => placed(tree, text.span),
        _ => text_node(text),
    }
}

fn placed(node: Node, span: Span) -> Node {
    let data = match node.data {
        Data::List(items) => Data::List(items.into_iter().map(|item| placed(item, span)).collect()),
        Data::Map(entries) => Data::Map(
            entries
                .into_iter()
                .map(|entry| Entry {
                    key: entry.key,
                    key_span: span,
                    value: placed(entry.value, span),
                })
                .collect(),
        ),
        other => other,
    };
    Node {
        data,
        span,
        origin: None,
        raw: node.raw,
    }
}
