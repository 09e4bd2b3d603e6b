//! What the made roles may do: derived from what actions, conditions and builds really do.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::names::{KeyArn, after};
use super::policies::Pending;
use super::roles::Roles;
use super::topics::Topics;
use super::{Facts, Output, Run, actions, conditions, configured, kind, projects};
use crate::catalog::conditions::rule_provider;
use crate::catalog::iam::{self, Role, Statement};
use crate::catalog::template::MissingPlaceholder;
use crate::catalog::when;
use crate::diagnostic::Diagnostic;
use crate::model::{Action, Buildspec, Pipeline, Project, Text, Variable, VariableKind};
use crate::source::Span;
use crate::tree::Node;

/// The provider of actions that run commands without a project.
const COMMANDS: &str = "Commands";

/// The configuration key that holds a customer key.
const OBJECT_KEY: &str = "KMSEncryptionKeyARN";

/// Statements, or a finding that a value they need is missing.
pub(super) fn rendered(
    statements: Result<Vec<Statement>, MissingPlaceholder>,
    span: Span,
    path: &str,
    out: &mut Output<'_>,
) -> Vec<Statement> {
    statements.unwrap_or_else(|missing| {
        out.diagnostics.push(
            Diagnostic::error(
                "key-missing",
                span,
                path,
                format!("`{}` has no value, and the made role needs it", missing.0),
            )
            .label("not known here")
            .help("give it a value in the file, or give the role"),
        );
        Vec::new()
    })
}

/// The values of placeholders that belong to the account.
pub(super) fn account_value(facts: &Facts, region: &str, name: &str) -> Option<Vec<String>> {
    Some(vec![match name {
        "P" => facts.partition.clone(),
        "A" => facts.account.clone(),
        "R" => region.to_owned(),
        _ => return None,
    }])
}

/// Statements of a customer key: where the key is said by its alias, the statement asks for the alias.
fn with_alias(keys: &BTreeSet<KeyArn>, pending: Pending) -> Vec<Pending> {
    let aliases: BTreeSet<&str> = keys.iter().filter_map(|k| k.alias.as_deref()).collect();
    let uses_key = pending.is("ArtifactKey") || pending.is("ObjectKey");
    if aliases.is_empty() || !uses_key {
        return vec![pending];
    }
    let mut plain = pending.clone();
    let wild: Vec<&String> = keys
        .iter()
        .filter(|k| k.alias.is_some())
        .map(|k| &k.arn)
        .collect();
    plain.resources_mut().retain(|arn| !wild.contains(&arn));
    let mut by_alias = pending;
    by_alias.resources_mut().retain(|arn| wild.contains(&arn));
    let condition = json!({"ForAnyValue:StringEquals": {"kms:ResourceAliases": aliases}});
    let mut list = vec![by_alias.when(condition)];
    if !plain.resources_mut().is_empty() {
        list.push(plain);
    }
    list
}

/// Gives a pipeline's role what the pipeline, its actions and its conditions need.
pub(super) fn pipeline(
    run: &Run<'_>,
    at: usize,
    role: &str,
    roles: &mut Roles,
    topics: &mut Topics,
    out: &mut Output<'_>,
) {
    let facts = run.facts;
    if !roles.is_made(facts, role) {
        return;
    }
    let pipeline = &run.model.pipelines[at];
    let actions = || pipeline.stages.iter().flat_map(|stage| &stage.actions);
    let keys: BTreeSet<KeyArn> = run.stores[at]
        .by_region
        .iter()
        .filter_map(|(region, store)| Some(facts.key_arn(store.key.as_ref()?, region)))
        .collect();
    let rules = || pipeline.stages.iter().flat_map(conditions::rules);
    let action_roles: BTreeSet<String> = actions()
        .filter_map(|action| action.role_arn.as_ref())
        .chain(rules().filter_map(|rule| rule.role_arn.as_ref()))
        .map(|role| facts.given_role(role))
        .collect();
    let mut given = when::Given::default();
    feature(&mut given, "artifactKey", !keys.is_empty());
    feature(&mut given, "actionRole", !action_roles.is_empty());
    let lookup = |name: &str| match name {
        "artifactBucket" => Some(run.stores[at].buckets()),
        "artifactKey" => Some(keys.iter().map(|key| key.arn.clone()).collect()),
        "actionRole" => Some(action_roles.iter().cloned().collect()),
        "pipeline" => Some(vec![pipeline.name.value.clone()]),
        _ => account_value(facts, &facts.region, name),
    };
    let base = iam::statements(Role::Pipeline, &given, &lookup);
    let mut list: Vec<Pending> = rendered(base, pipeline.place(), &pipeline.path, out)
        .into_iter()
        .flat_map(|statement| with_alias(&keys, Pending::allow(statement, "")))
        .collect();
    for action in actions() {
        if action.role_arn.is_none() {
            roles.extra(facts, role, &action.allow);
            list.extend(of_action(run, at, action, topics, out));
            // its commands run under this role as a build runs under its own
            if action.provider.value == COMMANDS {
                list.extend(cloned(run, pipeline, action, &action.name, out));
            }
        }
    }
    for rule in rules().filter(|rule| rule.role_arn.is_none()) {
        let Some(provider) = rule_provider(&rule.provider.value) else {
            continue;
        };
        let mut given = when::Given {
            inputs: rule.inputs.len(),
            ..when::Given::default()
        };
        given.config.extend(conditions::configuration_of(run, rule));
        let region = rule.region.as_ref().map_or(&facts.region, |r| &r.value);
        let lookup = |name: &str| match name {
            "pipeline" => Some(vec![pipeline.name.value.clone()]),
            _ => account_value(facts, region, name),
        };
        let statements = provider.statements(&given, &lookup);
        list.extend(
            rendered(statements, rule.span, &pipeline.path, out)
                .into_iter()
                .map(|statement| Pending::allow(statement, &rule.name.value)),
        );
    }
    roles.allow(facts, role, list);
}

fn feature(given: &mut when::Given, name: &str, used: bool) {
    if used {
        given.features.insert(name.to_owned());
    }
}

/// What an action may be asked about.
fn facts_of(config: BTreeMap<String, String>, action: &Action) -> when::Given {
    when::Given {
        config,
        inputs: action.inputs.len(),
        outputs: action.outputs.len(),
        environment_types: action
            .environment
            .iter()
            .map(|variable| variable.kind.as_str().to_owned())
            .collect(),
        features: BTreeSet::new(),
    }
}

fn of_action(
    run: &Run<'_>,
    at: usize,
    action: &Action,
    topics: &mut Topics,
    out: &mut Output<'_>,
) -> Vec<Pending> {
    let facts = run.facts;
    let pipeline = &run.model.pipelines[at];
    let Some(kind) = kind(action) else {
        return Vec::new();
    };
    let resolved = actions::resolved(run, pipeline, action, topics);
    let configuration = resolved.into_iter().map(|(key, text)| (key, text.value));
    let mut given = facts_of(configuration.collect(), action);
    let region = action.region.as_ref().map_or(&facts.region, |r| &r.value);
    let mut keys = BTreeSet::new();
    let said = given.config.get_mut(OBJECT_KEY);
    if let Some(said) = said.filter(|said| !said.contains("#{")) {
        let key = facts.key_arn(said, region);
        said.clone_from(&key.arn);
        keys.insert(key);
    }
    let secrets = secret_arns(facts, region, &action.environment);
    let lookup = |name: &str| match name {
        "pipeline" => Some(vec![pipeline.name.value.clone()]),
        "passRoles" => Some(
            action
                .pass_roles
                .iter()
                .map(|r| facts.given_role(r))
                .collect(),
        ),
        "secretArns" => Some(secrets.iter().cloned().collect()),
        _ => account_value(facts, region, name),
    };
    rendered(
        kind.statements(&given, &lookup),
        action.span,
        &action.path,
        out,
    )
    .into_iter()
    .flat_map(|statement| with_alias(&keys, Pending::allow(statement, &action.name.value)))
    .collect()
}

/// ARNs for a policy of the secrets among variables.
fn secret_arns(facts: &Facts, region: &str, variables: &[Variable]) -> BTreeSet<String> {
    variables
        .iter()
        .filter(|variable| variable.kind == VariableKind::SecretsManager)
        .flat_map(|variable| secret_arn(facts, region, &variable.value.value))
        .collect()
}

/// ARNs for a policy of `id[:key[:stage[:version]]]`, the id a name or an ARN. A secret's ARN ends in six characters that
/// nobody knows before; six small letters may as well be the last word of its name.
pub(super) fn secret_arn(facts: &Facts, region: &str, reference: &str) -> Vec<String> {
    const ARN_PARTS: usize = 7;
    const SUFFIX: usize = 6;
    if reference.starts_with("arn:") {
        let parts: Vec<&str> = reference.splitn(ARN_PARTS + 1, ':').collect();
        let arn = parts[..parts.len().min(ARN_PARTS)].join(":");
        let end = arn.rsplit_once('-').map_or("", |(_, end)| end);
        let whole = end.len() == SUFFIX && end.chars().all(|c| c.is_ascii_alphanumeric());
        let word = end.chars().all(|c| c.is_ascii_lowercase());
        let named = (!whole || word).then(|| format!("{arn}-??????"));
        return whole.then_some(arn).into_iter().chain(named).collect();
    }
    let name = if reference.starts_with("${") {
        reference
    } else {
        reference.split(':').next().unwrap_or(reference)
    };
    vec![facts.arn("secretsmanager", region, &format!("secret:{name}-??????"))]
}

/// The ARN for a policy of a parameter: a name or an ARN, with a version or label that IAM does not look at. An ARN does
/// not repeat the slash before a name.
pub(super) fn parameter_arn(facts: &Facts, region: &str, reference: &str) -> String {
    const ARN_PARTS: usize = 6;
    if reference.starts_with("arn:") {
        let parts: Vec<&str> = reference.split(':').take(ARN_PARTS).collect();
        return parts.join(":");
    }
    let name = if reference.starts_with("${") {
        reference
    } else {
        reference.split(':').next().unwrap_or(reference)
    };
    let name = name.trim_start_matches('/');
    facts.arn("ssm", region, &format!("parameter/{name}"))
}

/// What is known of a build for its role.
struct Build<'a> {
    definition: &'a Value,
    region: &'a str,
    buckets: BTreeSet<String>,
    keys: BTreeSet<KeyArn>,
    variables: Vec<(VariableKind, String)>,
    images: projects::Images,
    reports: bool,
}

/// Gives a project's role what its builds need.
pub(super) fn build(
    run: &Run<'_>,
    project: &Project,
    role: &str,
    definition: &Value,
    roles: &mut Roles,
    out: &mut Output<'_>,
) {
    let facts = run.facts;
    roles.extra(facts, role, &project.allow);
    if !roles.is_made(facts, role) {
        return;
    }
    let region = run.region_of(project);
    let mut buckets = BTreeSet::new();
    let mut keys = BTreeSet::new();
    for at in run.pipelines_of(project) {
        if let Some(store) = run.stores[at].by_region.get(region) {
            buckets.insert(store.bucket.clone());
            keys.extend(store.key.as_ref().map(|key| facts.key_arn(key, region)));
        }
    }
    if let Some(key) = definition["encryptionKey"].as_str() {
        keys.insert(facts.key_arn(key, region));
    }
    let build = Build {
        definition,
        region,
        buckets,
        keys,
        variables: variables(run, project, definition),
        images: projects::images(project, definition),
        reports: reports(project),
    };
    let list = build.statements(facts, project, out);
    roles.allow(facts, role, list);
    roles.allow(facts, role, sources(run, project, out));
}

/// Whether the build may write reports: it does if it says so; a buildspec in the source cannot be seen from here.
fn reports(project: &Project) -> bool {
    match &project.buildspec {
        Buildspec::Inline(node) => !project.reports.is_empty() || node.get("reports").is_some(),
        Buildspec::Default | Buildspec::Path(_) => true,
    }
}

/// Every variable that CodeBuild fetches for a build: of the project, its buildspec and the actions that run it.
fn variables(run: &Run<'_>, project: &Project, definition: &Value) -> Vec<(VariableKind, String)> {
    let mut list: Vec<(VariableKind, String)> = Vec::new();
    let of = |variable: &Variable| (variable.kind, variable.value.value.clone());
    list.extend(project.environment.iter().map(of));
    for place in run.users_of(project) {
        list.extend(place.action.build_environment.iter().map(of));
    }
    let raw = definition["environment"]["environmentVariables"].as_array();
    for variable in raw.into_iter().flatten() {
        let kind = match variable["type"].as_str() {
            Some("PARAMETER_STORE") => VariableKind::ParameterStore,
            Some("SECRETS_MANAGER") => VariableKind::SecretsManager,
            _ => continue,
        };
        list.extend(variable["value"].as_str().map(|v| (kind, v.to_owned())));
    }
    if let Buildspec::Inline(node) = &project.buildspec {
        for (key, kind) in [
            ("parameter-store", VariableKind::ParameterStore),
            ("secrets-manager", VariableKind::SecretsManager),
        ] {
            let map = node
                .get("env")
                .and_then(|env| env.get(key))
                .and_then(Node::as_map);
            let values = map.unwrap_or_default().iter();
            list.extend(values.filter_map(|entry| Some((kind, entry.value.scalar_text()?))));
        }
    }
    list
}

impl Build<'_> {
    fn texts<T: IntoIterator<Item = String>>(
        &self,
        kind: VariableKind,
        to: impl Fn(&str) -> T,
    ) -> Vec<String> {
        let texts: BTreeSet<String> = self
            .variables
            .iter()
            .filter(|(of, _)| *of == kind)
            .flat_map(|(_, value)| to(value))
            .collect();
        texts.into_iter().collect()
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.definition.pointer(pointer).and_then(Value::as_str)
    }

    fn statements(&self, facts: &Facts, project: &Project, out: &mut Output<'_>) -> Vec<Pending> {
        let parameters = self.texts(VariableKind::ParameterStore, |v| {
            Some(parameter_arn(facts, self.region, v))
        });
        let secrets = self.texts(VariableKind::SecretsManager, |v| {
            secret_arn(facts, self.region, v)
        });
        let mut given = when::Given::default();
        let in_pipeline = self.text("/source/type") == Some("CODEPIPELINE");
        let file_systems = file_systems(facts, self.region, self.definition);
        for (name, used) in [
            (
                "cloudWatchLogs",
                self.text("/logsConfig/cloudWatchLogs/status") != Some("DISABLED"),
            ),
            (
                "s3Logs",
                self.text("/logsConfig/s3Logs/status") == Some("ENABLED"),
            ),
            ("artifactBucket", in_pipeline && !self.buckets.is_empty()),
            ("artifactKey", !self.keys.is_empty()),
            ("reports", self.reports),
            (
                "vpc",
                self.definition
                    .get("vpcConfig")
                    .is_some_and(|vpc| vpc["vpcId"].is_string()),
            ),
            ("ecrPull", !self.images.pull.is_empty()),
            ("ecrPush", !self.images.push.is_empty()),
            (
                "privateRegistry",
                self.text("/environment/registryCredential/credential")
                    .is_some(),
            ),
            ("parameterStore", !parameters.is_empty()),
            ("secretsManager", !secrets.is_empty()),
            (
                "connectionAuth",
                self.text("/source/auth/type") == Some("CODECONNECTIONS"),
            ),
            ("s3Cache", self.text("/cache/type") == Some("S3")),
            ("efs", !file_systems.is_empty()),
        ] {
            feature(&mut given, name, used);
        }
        let group = self
            .text("/logsConfig/cloudWatchLogs/groupName")
            .map_or_else(
                || format!("/aws/codebuild/{}", project.name.value),
                str::to_owned,
            );
        let lookup = |name: &str| match name {
            "project" => Some(vec![project.name.value.clone()]),
            "logGroup" => Some(vec![group.clone()]),
            "artifactBucket" => Some(self.buckets.iter().cloned().collect()),
            "artifactKey" => Some(self.keys.iter().map(|key| key.arn.clone()).collect()),
            "parameterArns" => Some(parameters.clone()),
            "secretArns" => Some(secrets.clone()),
            "registrySecret" => self
                .text("/environment/registryCredential/credential")
                .map(|secret| secret_arn(facts, self.region, secret)),
            "connection" => self
                .text("/source/auth/resource")
                .map(|arn| vec![arn.to_owned()]),
            "logBucket" => self
                .location("/logsConfig/s3Logs/location")
                .map(|(b, _)| vec![b]),
            "logPrefix" => self
                .location("/logsConfig/s3Logs/location")
                .map(|(_, p)| vec![p]),
            "cacheBucket" => self.location("/cache/location").map(|(b, _)| vec![b]),
            "cachePrefix" => self.location("/cache/location").map(|(_, p)| vec![p]),
            "subnetArns" => Some(self.subnets(facts)),
            "fileSystem" => Some(file_systems.clone()),
            // images may live elsewhere: those statements are made one by one below
            "imageRepository" | "imageAccount" => Some(Vec::new()),
            _ => account_value(facts, self.region, name),
        };
        let statements = iam::statements(Role::Build, &given, &lookup);
        let mut list: Vec<Pending> = rendered(statements, project.span, &project.path, out)
            .into_iter()
            .flat_map(|s| with_alias(&self.keys, Pending::allow(s, &project.name.value)))
            .collect();
        let pulled = self.images.pull.iter().map(|image| ("PullImage", image));
        let pushed = self.images.push.iter().map(|image| ("PushImage", image));
        for (id, image) in pulled.chain(pushed) {
            let lookup = |name: &str| {
                let said = match name {
                    "imageRepository" => Some(&image.repository),
                    "imageAccount" => image.account.as_ref().or(Some(&facts.account)),
                    "R" => image.region.as_ref(),
                    _ => None,
                };
                said.map(|value| vec![value.clone()])
                    .or_else(|| account_value(facts, self.region, name))
            };
            let statement = iam::template_by_id(Role::Build, id).map(|t| t.render(&lookup));
            if let Some(Ok(Some(statement))) = statement {
                list.push(Pending::allow(statement, &project.name.value));
            }
        }
        list
    }

    /// A `BUCKET/PREFIX`, the bucket a name or an ARN; the prefix ends in a slash or is nothing.
    fn location(&self, pointer: &str) -> Option<(String, String)> {
        let text = after(self.text(pointer)?, ":::");
        let (bucket, prefix) = text.split_once('/').unwrap_or((text, ""));
        let prefix = prefix.trim_end_matches('/');
        let prefix = if prefix.is_empty() {
            String::new()
        } else {
            format!("{prefix}/")
        };
        Some((bucket.to_owned(), prefix))
    }

    fn subnets(&self, facts: &Facts) -> Vec<String> {
        let list = self.definition["vpcConfig"]["subnets"].as_array();
        list.into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(|subnet| facts.arn("ec2", self.region, &format!("subnet/{subnet}")))
            .collect()
    }
}

/// ARNs of the EFS file systems: a location begins with the id.
fn file_systems(facts: &Facts, region: &str, definition: &Value) -> Vec<String> {
    definition["fileSystemLocations"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|location| location["location"].as_str())
        .filter_map(|location| location.split('.').next())
        .map(|id| facts.arn("elasticfilesystem", region, &format!("file-system/{id}")))
        .collect()
}

/// What a build needs because of the sources whose output it takes.
fn sources(run: &Run<'_>, project: &Project, out: &mut Output<'_>) -> Vec<Pending> {
    let mut list = Vec::new();
    for place in run.users_of(project) {
        let pipeline = &run.model.pipelines[place.pipeline];
        list.extend(cloned(run, pipeline, place.action, &project.name, out));
    }
    list
}

/// What a reader of artifacts needs because of the sources they come from: some hand on a reference, and whoever reads
/// it clones.
fn cloned(
    run: &Run<'_>,
    pipeline: &Pipeline,
    reader: &Action,
    who: &Text,
    out: &mut Output<'_>,
) -> Vec<Pending> {
    let facts = run.facts;
    let is_read = |name: &Text| reader.inputs.iter().any(|i| i.value == name.value);
    let producers = pipeline
        .stages
        .iter()
        .flat_map(|stage| &stage.actions)
        .filter(|action| action.outputs.iter().any(|output| is_read(&output.name)));
    let mut list = Vec::new();
    for source in producers {
        let Some(kind) = kind(source) else {
            continue;
        };
        let given = facts_of(configured(&source.configuration), source);
        let lookup = |name: &str| account_value(facts, &facts.region, name);
        let statements = kind.consumer_statements(&given, &lookup);
        list.extend(
            rendered(statements, source.span, &source.path, out)
                .into_iter()
                .map(|statement| Pending::allow(statement, &who.value)),
        );
    }
    list
}

/// The role of a project's batches.
pub(super) fn batch(
    run: &Run<'_>,
    project: &Project,
    role: &str,
    roles: &mut Roles,
    out: &mut Output<'_>,
) {
    let facts = run.facts;
    let region = run.region_of(project);
    let lookup = |name: &str| match name {
        "project" => Some(vec![project.name.value.clone()]),
        _ => account_value(facts, region, name),
    };
    let statements = iam::statements(Role::Batch, &when::Given::default(), &lookup);
    let list = rendered(statements, project.span, &project.path, out)
        .into_iter()
        .map(|statement| Pending::allow(statement, &project.name.value))
        .collect();
    roles.allow(facts, role, list);
}
