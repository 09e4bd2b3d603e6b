//! The stage that brings its own pipeline up to date: what its build runs, and what it may do.
//!
//! What the file of a commit says is not trusted here: the role may write this pipeline's own resources by their exact
//! ARNs, never its own role or project, and roles only under a permissions boundary.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::json::MASK;
use super::permissions::{account_value, parameter_arn, rendered, secret_arn};
use super::policies::Pending;
use super::roles::Roles;
use super::{Binary, Facts, Libc, Output, Run, buildspec, configuration, only, projects};
use crate::catalog::companions::companions;
use crate::catalog::{actions, codebuild, iam, template, when};
use crate::diagnostic::Diagnostic;
use crate::model::{Action, Model, Pipeline, Project, SelfUpdate, Text};
use crate::resources::{Id, Kind, Resource};
use crate::variables::Request;

/// Where pipectl is put in the build.
const BINARY: &str = "/tmp/pipectl";

/// What a self-updating stage consists of.
struct Stage<'m> {
    at: usize,
    pipeline: &'m Pipeline,
    action: &'m Action,
    project: &'m Project,
    options: &'m SelfUpdate,
    last: bool,
}

/// The variables that tell a self-updating build which execution it belongs to.
pub(super) fn environment() -> [Value; 1] {
    [json!({
        "name": "PIPECTL_SELF_UPDATE_EXECUTION",
        "value": "#{codepipeline.PipelineExecutionId}",
        "type": "PLAINTEXT",
    })]
}

fn stages<'m>(run: &Run<'m>) -> Vec<Stage<'m>> {
    let mut list = Vec::new();
    for (at, pipeline) in run.model.pipelines.iter().enumerate() {
        for (number, stage) in pipeline.stages.iter().enumerate() {
            for action in &stage.actions {
                let project = action.project.as_ref().and_then(|key| run.project(key));
                if let (Some(options), Some(project)) = (&action.self_update, project) {
                    list.push(Stage {
                        at,
                        pipeline,
                        action,
                        project,
                        options,
                        last: number + 1 == pipeline.stages.len(),
                    });
                }
            }
        }
    }
    list
}

/// Completes the projects and roles of self-updating stages; all other resources stand already.
pub(super) fn compile(run: &Run<'_>, roles: &mut Roles, out: &mut Output<'_>) {
    let mut buckets: BTreeMap<String, Option<Id>> = BTreeMap::new();
    for stage in stages(run) {
        let store = run.stores[stage.at].by_region.get(&run.facts.region);
        let bucket = store.map(|store| store.bucket.clone()).unwrap_or_default();
        let own = wants_binary(&stage) && fits(run, &stage, out);
        if own {
            let made = store.and_then(|store| store.made.clone());
            let object = object(run, &bucket, made);
            buckets.insert(bucket.clone(), object.as_ref().map(|o| o.id.clone()));
            object.into_iter().for_each(|object| out.add(object));
        }
        let (params, secret) = told(run.model, &run.facts.params);
        for (name, _) in secret {
            out.diagnostics.push(untold(&stage, name));
        }
        let bucket_of_binary = own.then_some(bucket.as_str());
        let written = buildspec::yaml(&commands(run, &stage, bucket_of_binary, &params));
        let region = run.region_of(stage.project);
        let id = Id::new(Kind::Project, region, stage.project.name.value.clone());
        let Some(project) = out.resources.get_mut(&id) else {
            continue;
        };
        let mut source = project.body["source"].take();
        projects::set(&mut source, "buildspec", Value::from(written));
        projects::set(&mut project.body, "source", source);
        project
            .depends
            .extend(buckets.get(&bucket).cloned().flatten());
        let role = project.body["serviceRole"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        permit(
            run,
            &stage,
            &role,
            own.then_some(bucket.as_str()),
            roles,
            out,
        );
    }
    for bucket in buckets.keys() {
        deny_elsewhere(run, bucket, roles, out);
    }
    for stage in stages(run) {
        let id = run.project_id(stage.project);
        let project = id.and_then(|id| out.resources.get(&id));
        let role = project.and_then(|project| project.body["serviceRole"].as_str());
        if let Some(role) = role.map(str::to_owned) {
            permit_large(run, &stage, &role, roles, out);
        }
    }
}

fn wants_binary(stage: &Stage<'_>) -> bool {
    stage.options.install.is_empty() && stage.options.version.is_none()
}

/// Whether there is a pipectl for the image of the build. Offline nobody looks, and there is one.
fn fits(run: &Run<'_>, stage: &Stage<'_>, out: &mut Output<'_>) -> bool {
    if run.facts.offline {
        return true;
    }
    let environment = stage.project.definition.get("environment");
    let said = |key: &str| {
        environment
            .and_then(|environment| environment.get(key))
            .and_then(crate::tree::Node::as_str)
            .unwrap_or_default()
    };
    let image = said("image");
    let Some(why) = unfit(run.facts.binary.as_ref(), said("type"), image) else {
        return true;
    };
    let of_aws = image.starts_with(&codebuild::codebuild().images.prefix);
    let (code, span, path) = ("self-update-binary", stage.action.span, &*stage.action.path);
    let finding = if of_aws {
        let message = format!("The self-update has no pipectl to run: {why}");
        // an image of AWS has none of its own: the build would fail, and with it every commit from now on
        match run.facts.binary_must_fit {
            true => Diagnostic::error(code, span, path, message),
            false => Diagnostic::warning(code, span, path, message),
        }
    } else {
        let message = format!("The self-update runs the pipectl that its image has, if any: {why}");
        Diagnostic::warning(code, span, path, message)
    };
    out.diagnostics.push(
        finding.label("runs pipectl").help(
            "say with `selfUpdate: {install: [commands]}` how pipectl gets into the build, or name a pipectl that fits \
             in PIPECTL_BINARY when you apply",
        ),
    );
    false
}

fn untold(stage: &Stage<'_>, name: &str) -> Diagnostic {
    Diagnostic::warning(
        "self-update-param",
        stage.action.span,
        stage.action.path.clone(),
        format!(
            "The self-update is not told `--param {name}`: its value is a secret, and everybody who sees the project can read a buildspec"
        ),
    )
    .label("starts without it")
    .help("keep it in Secrets Manager and write `${secret:NAME}` or `${secret:NAME:KEY}` in the file")
}

/// Why a pipectl does not run in an image; nothing if it does.
fn unfit(binary: Option<&Binary>, kind: &str, image: &str) -> Option<String> {
    let Some(binary) = binary else {
        return Some("the one at work here is no Linux program".to_owned());
    };
    let wanted = codebuild::environment_type(kind);
    let same = wanted.is_some_and(|wanted| {
        wanted.platform == "linux" && wanted.architecture == machine(&binary.arch)
    });
    if !same {
        return Some(format!(
            "the one at work here is for Linux on {}, and the build is {kind}",
            binary.arch
        ));
    }
    match binary.libc {
        Libc::Inside => None,
        Libc::Musl => Some("the one at work here loads musl, which the image lacks".to_owned()),
        Libc::Glibc(needed) => {
            let there = codebuild::glibc(image);
            (needed > there).then(|| {
                format!("the one at work here needs glibc 2.{needed}, and {image} has 2.{there}")
            })
        }
    }
}

/// The catalogue's word for a machine.
fn machine(arch: &str) -> &str {
    match arch {
        "aarch64" => "arm64",
        other => other,
    }
}

/// The pipectl that the build runs, in the artifact bucket under its digest.
fn object(run: &Run<'_>, bucket: &str, made: Option<Id>) -> Option<Resource> {
    let facts = run.facts;
    let binary = facts.binary.as_ref()?;
    let key = key(run);
    let id = Id::new(
        Kind::Object,
        facts.region.clone(),
        format!("{bucket}/{key}"),
    );
    let body = json!({
        "bucket": bucket,
        "key": key,
        "sha256": binary.sha256,
        "path": binary.path,
    });
    let mut resource = Resource::new(id, body);
    resource.depends.extend(made);
    Some(resource)
}

fn sha(facts: &Facts) -> &str {
    let known = facts.binary.as_ref().map(|binary| binary.sha256.as_str());
    known.unwrap_or("${pipectl:sha256}")
}

fn key(run: &Run<'_>) -> String {
    format!("{}/{}", folder(run), sha(run.facts))
}

/// The beginning of the keys that are pipectl's own. CodePipeline keeps artifacts under the names of pipelines.
fn folder(run: &Run<'_>) -> String {
    let mut folder = companions().self_update.binary_folder.clone();
    let taken = |folder: &str| {
        let mut pipelines = run.model.pipelines.iter();
        pipelines.any(|pipeline| pipeline.name.value == folder)
    };
    while taken(&folder) {
        folder.push_str("-binary");
    }
    folder
}

/// A parameter of the command line: name and value.
pub type Param = (String, String);

/// The parameters of the command line that may be kept somewhere, and those that may not: none whose value AWS keeps
/// secret elsewhere.
pub fn told<'p>(model: &Model, params: &'p [Param]) -> (Vec<&'p Param>, Vec<&'p Param>) {
    if params.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let secret = |name: &str| {
        let mut keys = actions::all().iter().filter_map(|kind| kind.key(name));
        keys.any(|key| key.secret)
    };
    let kept: Vec<&Text> = model
        .pipelines
        .iter()
        .flat_map(|pipeline| &pipeline.stages)
        .flat_map(|stage| &stage.actions)
        .flat_map(|action| &action.configuration)
        .filter(|(name, value)| secret(&name.value) && value.known)
        .map(|(_, value)| value)
        .collect();
    let held = |value: &str| {
        kept.iter().any(|kept| match &kept.secret {
            Some(secret) => secret.holds(value),
            None => !value.is_empty() && kept.value.contains(value),
        })
    };
    params.iter().partition(|(_, value)| !held(value))
}

/// Quotes a word for a shell, where it needs quotes.
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The buildspec: what the last apply was told stands in it, so that the next does the same.
fn commands(run: &Run<'_>, stage: &Stage<'_>, bucket: Option<&str>, params: &[&Param]) -> Value {
    let facts = run.facts;
    let mut install: Vec<String> = stage
        .options
        .install
        .iter()
        .map(|c| c.value.clone())
        .collect();
    let mut program = "pipectl";
    if let Some(version) = &stage.options.version {
        let wanted = format!("pipectl@{}", version.value);
        install.push(format!("cargo install --locked {}", shell_word(&wanted)));
    }
    if let Some(bucket) = bucket {
        program = BINARY;
        install.push(format!(
            "aws s3api get-object --region {} --bucket {} --key {} --expected-bucket-owner {} {BINARY}",
            shell_word(&facts.region),
            shell_word(bucket),
            shell_word(&key(run)),
            shell_word(&facts.account),
        ));
        install.push(format!(
            "echo {} | sha256sum -c -",
            shell_word(&format!("{}  {BINARY}", sha(facts)))
        ));
        install.push(format!("chmod 755 {BINARY}"));
    }
    let mut apply = format!(
        "{program} apply --yes --wait --file {} --region {} --stage {} --pipeline {}",
        shell_word(&facts.file),
        shell_word(&facts.region),
        shell_word(&facts.stage),
        shell_word(&stage.pipeline.name.value),
    );
    for (name, value) in params {
        apply.push_str(" --param ");
        apply.push_str(&shell_word(&format!("{name}={value}")));
    }
    let mut variables = json!({"PIPECTL_SELF_UPDATE": stage.pipeline.name.value});
    if let Some(source) = source(stage) {
        variables["PIPECTL_SELF_UPDATE_SOURCE"] = Value::from(source);
    }
    if stage.last {
        variables["PIPECTL_SELF_UPDATE_LAST"] = Value::from("true");
    }
    let mut phases = serde_json::Map::new();
    if !install.is_empty() {
        phases.insert("install".to_owned(), json!({"commands": install}));
    }
    phases.insert("build".to_owned(), json!({"commands": [apply]}));
    json!({"version": 0.2, "env": {"variables": variables}, "phases": phases})
}

/// The source action whose commit the build works on.
fn source(stage: &Stage<'_>) -> Option<String> {
    let input = &stage.action.inputs.first()?.value;
    stage
        .pipeline
        .stages
        .iter()
        .flat_map(|stage| &stage.actions)
        .find(|action| {
            action.category.value == "Source"
                && action
                    .outputs
                    .iter()
                    .any(|output| output.name.value == *input)
        })
        .map(|action| action.name.value.clone())
}

/// What the stage touches: its pipeline, what that uses and what starts it.
struct Reach {
    ids: BTreeSet<Id>,
    roles: Vec<String>,
    passed: BTreeMap<&'static str, BTreeSet<String>>,
}

fn reach(
    run: &Run<'_>,
    stage: &Stage<'_>,
    own_role: &str,
    roles: &Roles,
    out: &Output<'_>,
) -> Reach {
    let facts = run.facts;
    let all: Vec<&Resource> = out.resources.values().collect();
    let ids = only::reach(&all, &stage.pipeline.name.value);
    let mut reach = Reach {
        ids: BTreeSet::new(),
        roles: roles
            .arns(facts)
            .into_iter()
            .filter(|arn| roles.id(facts, arn).is_some_and(|id| ids.contains(&id)))
            .collect(),
        passed: BTreeMap::new(),
    };
    for resource in all.iter().filter(|resource| ids.contains(&resource.id)) {
        let own = resource.id.kind == Kind::Project && resource.id.name == stage.project.name.value;
        if own {
            continue;
        }
        reach.ids.insert(resource.id.clone());
        let (word, pointer) = match resource.id.kind {
            Kind::Project => ("buildRole", "/serviceRole"),
            Kind::Pipeline => ("pipelineRole", "/roleArn"),
            Kind::EventRule => ("eventsRole", "/Targets/0/RoleArn"),
            _ => continue,
        };
        let passed = resource.body.pointer(pointer).and_then(Value::as_str);
        if let Some(role) = passed.filter(|role| *role != own_role) {
            reach
                .passed
                .entry(word)
                .or_default()
                .insert(role.to_owned());
        }
    }
    // these are made later than this runs; their names stand among the dependencies
    let later = [Kind::Bucket, Kind::LogGroup, Kind::Topic];
    let later = ids.into_iter().filter(|id| later.contains(&id.kind));
    reach.ids.extend(later);
    reach
}

impl Reach {
    fn names(&self, kind: Kind, region: &str) -> Vec<String> {
        self.ids
            .iter()
            .filter(|id| id.kind == kind && id.region == region)
            .map(|id| id.name.clone())
            .collect()
    }
}

/// Gives the role what the stage needs, and denies what it must never do.
fn permit(
    run: &Run<'_>,
    stage: &Stage<'_>,
    role: &str,
    bucket: Option<&str>,
    roles: &mut Roles,
    out: &mut Output<'_>,
) {
    let facts = run.facts;
    if !roles.is_made(facts, role) {
        return;
    }
    let reach = reach(run, stage, role, roles, out);
    let boundary = run.model.provider.permissions_boundary.as_ref();
    let (mut parameters, mut secrets) = (BTreeSet::new(), BTreeSet::new());
    let (mut objects, mut stacks) = (BTreeSet::new(), BTreeSet::new());
    for request in &facts.reads {
        match request {
            Request::Parameter { region, name, .. } => {
                parameters.insert(parameter_arn(facts, region, name));
            }
            Request::Secret { region, id } => secrets.extend(secret_arn(facts, region, id)),
            Request::Object { bucket, key, .. } => {
                objects.insert(format!("arn:{}:s3:::{bucket}/{key}", facts.partition));
            }
            Request::Output { region, stack, .. } => {
                let rest = format!("stack/{stack}/*");
                stacks.insert(facts.arn("cloudformation", region, &rest));
            }
            Request::Account => {}
        }
    }
    let mut given = when::Given::default();
    for (name, used) in [
        ("binary", bucket.is_some()),
        ("boundary", boundary.is_some()),
        ("fileParameters", !parameters.is_empty()),
        ("fileSecrets", !secrets.is_empty()),
    ] {
        if used {
            given.features.insert(name.to_owned());
        }
    }
    let others: Vec<String> = reach
        .roles
        .iter()
        .filter(|arn| *arn != role)
        .cloned()
        .collect();
    let lookup = |name: &str| match name {
        "pipeline" => Some(vec![stage.pipeline.name.value.clone()]),
        "service" => Some(vec![run.model.service.value.clone()]),
        "binaryBucket" => Some(bucket.map(str::to_owned).into_iter().collect()),
        "binaryFolder" => Some(vec![folder(run)]),
        "parameterArns" => Some(parameters.iter().cloned().collect()),
        "secretArns" => Some(secrets.iter().cloned().collect()),
        "fileObjects" => Some(objects.iter().cloned().collect()),
        "fileStacks" => Some(stacks.iter().cloned().collect()),
        "sourceBucket" => Some(reach.names(Kind::BucketEvents, &facts.region)),
        "roles" => Some(reach.roles.clone()),
        "otherRoles" => Some(others.clone()),
        "boundary" => Some(
            boundary
                .map(|b| facts.boundary_arn(b))
                .into_iter()
                .collect(),
        ),
        "ownRole" => Some(vec![role.to_owned()]),
        "ownProject" => Some(vec![stage.project.name.value.clone()]),
        _ => account_value(facts, &facts.region, name),
    };
    let known = &companions().self_update;
    let who = &stage.action.name.value;
    let (span, path) = (stage.action.span, stage.action.path.as_str());
    let mut list: Vec<Pending> = rendered(known.statements(&given, &lookup), span, path, out)
        .into_iter()
        .map(|statement| Pending::allow(statement, who))
        .collect();
    list.extend(deployer(facts, stage, &reach, who));
    roles.allow(facts, role, list);
    let denials = rendered(known.denials(&given, &lookup), span, path, out)
        .into_iter()
        .map(|statement| Pending::deny(statement, who))
        .collect();
    roles.deny(facts, role, denials);
}

/// Lets the role look at the managed policies of roles that need some. What it gets for that may make it need some
/// itself: then it looks at its own, too, and may never change them.
fn permit_large(
    run: &Run<'_>,
    stage: &Stage<'_>,
    role: &str,
    roles: &mut Roles,
    out: &mut Output<'_>,
) {
    let facts = run.facts;
    let reached: BTreeSet<String> = reach(run, stage, role, roles, out)
        .roles
        .iter()
        .filter_map(|arn| roles.id(facts, arn))
        .map(|id| id.name)
        .collect();
    let own = roles.id(facts, role).map(|id| id.name);
    let known = &companions().self_update;
    let (span, path) = (stage.action.span, stage.action.path.as_str());
    let who = &stage.action.name.value;
    let mut seen = BTreeSet::new();
    loop {
        let large = roles.large();
        let new: Vec<String> = reached
            .intersection(&large)
            .filter(|name| !seen.contains(*name))
            .cloned()
            .collect();
        if new.is_empty() {
            return;
        }
        let of = |names: Vec<String>| {
            move |name: &str| match name {
                "largeRoles" => Some(names.clone()),
                _ => account_value(facts, &facts.region, name),
            }
        };
        let none = when::Given::default();
        let read = rendered(known.large_roles(&none, &of(new.clone())), span, path, out)
            .into_iter()
            .map(|statement| Pending::allow(statement, who));
        roles.allow(facts, role, read.collect());
        if let Some(own) = own.clone().filter(|own| new.contains(own)) {
            let never = rendered(known.large_itself(&none, &of(vec![own])), span, path, out)
                .into_iter()
                .map(|statement| Pending::deny(statement, who));
            roles.deny(facts, role, never.collect());
        }
        seen.extend(new);
    }
}

/// What whoever applies needs, narrowed to the exact resources.
fn deployer(facts: &Facts, stage: &Stage<'_>, reach: &Reach, who: &str) -> Vec<Pending> {
    let known = &companions().self_update;
    let connections: BTreeSet<String> = stage
        .pipeline
        .stages
        .iter()
        .flat_map(|stage| &stage.actions)
        .filter_map(|action| configuration(action, "ConnectionArn"))
        .map(|arn| arn.value.clone())
        .filter(|arn| arn != MASK)
        .collect();
    let lookup = |region: &str, name: &str| {
        let names = |kind: Kind| reach.names(kind, region);
        Some(match name {
            "project" => names(Kind::Project),
            "rulePrefix" => names(Kind::EventRule),
            "bucket" => names(Kind::Bucket),
            "topic" => names(Kind::Topic),
            "logGroup" => names(Kind::LogGroup),
            "alarm" => names(Kind::Alarm),
            "webhook" => names(Kind::Webhook),
            "connection" => connections.iter().cloned().collect(),
            "buildRole" | "pipelineRole" | "eventsRole" => reach
                .passed
                .get(name)
                .map(|roles| roles.iter().cloned().collect())
                .unwrap_or_default(),
            _ => return account_value(facts, region, name),
        })
    };
    let home = |name: &str| lookup(&facts.region, name);
    let regions: BTreeSet<&str> = reach
        .ids
        .iter()
        .map(|id| id.region.as_str())
        .chain([facts.region.as_str()])
        .collect();
    let wanted = |kind: &str, actions: &[String]| {
        known.deployer_kinds.iter().any(|k| k == kind)
            || kind == "connection"
            || (kind == "pipeline" && actions.iter().all(|action| action == "iam:PassRole"))
    };
    let mut list = Vec::new();
    for permission in iam::deployer_all() {
        let plain = &permission.statement;
        if !wanted(&permission.kind, &plain.actions) {
            continue;
        }
        let mut resources = BTreeSet::new();
        let of_regions = plain
            .resources
            .iter()
            .flat_map(|resource| regions.iter().map(move |region| (resource, *region)));
        for (resource, region) in of_regions {
            let lookup = |name: &str| lookup(region, name);
            for text in template::render(resource, &lookup).unwrap_or_default() {
                // exact names: a prefix of the template is the whole name here
                let whole = text == "*" || text.ends_with(":*");
                let exact = whole.then(|| text.clone());
                resources.insert(exact.unwrap_or_else(|| text.trim_end_matches('*').to_owned()));
            }
        }
        if resources.is_empty() {
            continue;
        }
        let condition = plain
            .condition
            .as_ref()
            .and_then(|condition| template::render_json(condition, &home).ok());
        let mut pending = Pending::plain(
            "Apply",
            &plain.actions,
            resources,
            condition,
            &plain.why,
            who,
        );
        if pending.without(&known.never) {
            list.push(pending);
        }
    }
    list
}

/// Denies all other made roles the pipectl in the bucket.
fn deny_elsewhere(run: &Run<'_>, bucket: &str, roles: &mut Roles, out: &mut Output<'_>) {
    let facts = run.facts;
    let lookup = |name: &str| match name {
        "binaryBucket" => Some(vec![bucket.to_owned()]),
        "binaryFolder" => Some(vec![folder(run)]),
        _ => account_value(facts, &facts.region, name),
    };
    let known = &companions().self_update;
    for role in roles.ordinary(facts) {
        let statements = known.elsewhere(&when::Given::default(), &lookup);
        let list = rendered(statements, crate::source::Span::default(), "", out)
            .into_iter()
            .map(|statement| Pending::deny(statement, ""))
            .collect();
        roles.deny(facts, &role, list);
    }
}

#[cfg(test)]
mod tests {
    use super::shell_word;

    #[test]
    fn words_are_quoted_for_the_shell() {
        assert_eq!(shell_word("a/b-c.yml"), "a/b-c.yml");
        assert_eq!(
            shell_word("x=it's; rm -rf $HOME"),
            r"'x=it'\''s; rm -rf $HOME'"
        );
        assert_eq!(shell_word(""), "''");
    }
}
