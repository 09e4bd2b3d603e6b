//! What `defaults` and every build can say about where and how a build runs.

use crate::catalog::codebuild::{self, ImageKind, OsChoice};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::Span;
use crate::tree::{Data, Entry, Node};

use super::decode::{
    Map, Shape, duration, entries, join, key_text, not_a_word, scalar, text, texts, wrong_kind,
};
use super::provider::{allow, role};
use super::types::{Given, MadeLogGroup, MadeRole, Statement, Text, Variable, VariableKind};

/// The settings of a build; `defaults` has the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    pub(super) image: Option<Text>,
    pub(super) compute: Option<Text>,
    pub(super) os: Option<Text>,
    pub(super) timeout: Option<(u32, Span)>,
    pub(super) queued_timeout: Option<(u32, Span)>,
    pub(super) env: Vec<Variable>,
    pub(super) cache: Option<Cache>,
    pub(super) vpc: Option<Node>,
    pub(super) privileged: Option<(bool, Span)>,
    pub(super) role: Option<Given<MadeRole>>,
    pub(super) allow: Vec<Statement>,
    pub(super) logs: Option<Node>,
    pub(super) log_group: Option<MadeLogGroup>,
    pub(super) encryption_key: Option<Text>,
    pub(super) file_systems: Option<Node>,
    pub(super) concurrency: Option<(u32, Span)>,
    pub(super) runtimes: Vec<(Text, Text)>,
    pub(super) install: Vec<Text>,
    pub(super) before: Vec<Text>,
    pub(super) after: Vec<Text>,
    pub(super) finally: Vec<Text>,
}

/// `cache`: what the project keeps, and what the buildspec puts there.
#[derive(Debug, Clone)]
pub(super) struct Cache {
    /// The project's `cache`.
    pub(super) project: Node,
    /// The buildspec's `cache`, if there are paths.
    pub(super) buildspec: Option<Node>,
}

/// Reads the settings that a map holds.
pub(super) fn settings(map: &mut Map<'_>, out: &mut Diagnostics) -> Settings {
    let os = map.word("os", &codebuild::os_words(), out);
    let mut settings = Settings {
        image: map.text("image", out),
        compute: map.text("compute", out),
        os,
        timeout: map.minutes("timeout", out),
        queued_timeout: map.minutes("queuedTimeout", out),
        env: environment(map, out),
        privileged: map.boolean("privileged", out),
        role: role(map, "role", out),
        allow: allow(map, out),
        encryption_key: map.text("encryptionKey", out),
        concurrency: map.whole("concurrency", out),
        runtimes: map.text_map("runtimes", out),
        ..Settings::default()
    };
    for (key, commands) in [
        ("install", &mut settings.install),
        ("before", &mut settings.before),
        ("after", &mut settings.after),
        ("finally", &mut settings.finally),
    ] {
        *commands = map.texts(key, out).unwrap_or_default();
    }
    let privileged = settings.privileged.is_some_and(|(value, _)| value);
    settings.cache = cache(map, privileged, out);
    settings.vpc = vpc(map, out);
    (settings.logs, settings.log_group) = logs(map, out).unwrap_or_default();
    settings.file_systems = file_systems(map, out);
    map.hint("name", "`name` stands beside the kind, not inside it");
    map.hint("commands", "write `run`");
    map.hint("command", "write `run`");
    map.hint("cmd", "write `run`");
    map.hint("privilegedMode", "write `privileged`");
    map.hint("computeType", "write `compute`");
    map.hint("pre_build", "write `before`");
    map.hint("post_build", "write `after`");
    map.hint(
        "phases",
        "write `run`, `install`, `before`, `after`, or the whole under `buildspec`",
    );
    map.hint(
        "services",
        "write `privileged: true` and start docker in `install`",
    );
    settings
}

impl Settings {
    /// These settings, and the defaults where they say nothing; variables are joined by name.
    pub(super) fn or(self, defaults: &Self) -> Self {
        fn list<T: Clone>(own: Vec<T>, default: &[T]) -> Vec<T> {
            if own.is_empty() {
                default.to_vec()
            } else {
                own
            }
        }
        let named = |name: &str| self.env.iter().any(|variable| variable.name.value == name);
        let mut env: Vec<Variable> = defaults
            .env
            .iter()
            .filter(|v| !named(&v.name.value))
            .cloned()
            .collect();
        env.extend(self.env);
        // An image that AWS keeps tells its operating system; another takes that of the defaults.
        let curated = |image: &Text| {
            matches!(
                codebuild::image_kind(&image.value),
                ImageKind::Curated { .. }
            )
        };
        let os = match (&self.os, &self.image) {
            (None, Some(image)) if curated(image) => None,
            _ => self.os.clone().or_else(|| defaults.os.clone()),
        };
        // An operating system of its own does not run the image of the defaults, if theirs is another.
        let image = match &self.os {
            Some(own)
                if defaults
                    .os
                    .as_ref()
                    .is_none_or(|other| other.value != own.value) =>
            {
                self.image
            }
            _ => self.image.or_else(|| defaults.image.clone()),
        };
        let lambda = on_lambda(os.as_ref(), image.as_ref());
        // Lambda compute refuses these: the defaults are for the other builds then.
        let without = Self {
            timeout: None,
            queued_timeout: None,
            cache: None,
            vpc: None,
            privileged: None,
            file_systems: None,
            ..defaults.clone()
        };
        let defaults = if lambda { &without } else { defaults };
        Self {
            image,
            compute: self.compute.or_else(|| defaults.compute.clone()),
            os,
            timeout: self.timeout.or(defaults.timeout),
            queued_timeout: self.queued_timeout.or(defaults.queued_timeout),
            env,
            cache: self.cache.or_else(|| defaults.cache.clone()),
            vpc: self.vpc.or_else(|| defaults.vpc.clone()),
            privileged: self.privileged.or(defaults.privileged),
            role: self.role.or_else(|| defaults.role.clone()),
            allow: list(self.allow, &defaults.allow),
            log_group: match &self.logs {
                Some(_) => self.log_group,
                None => defaults.log_group.clone(),
            },
            logs: self.logs.or_else(|| defaults.logs.clone()),
            encryption_key: self
                .encryption_key
                .or_else(|| defaults.encryption_key.clone()),
            file_systems: self.file_systems.or_else(|| defaults.file_systems.clone()),
            concurrency: self.concurrency.or(defaults.concurrency),
            runtimes: list(self.runtimes, &defaults.runtimes),
            install: list(self.install, &defaults.install),
            before: list(self.before, &defaults.before),
            after: list(self.after, &defaults.after),
            finally: list(self.finally, &defaults.finally),
        }
    }

    /// Whether they are of a build on Lambda compute.
    pub(super) fn lambda(&self) -> bool {
        on_lambda(self.os.as_ref(), self.image.as_ref())
    }

    /// What Lambda compute does not have, with its key.
    pub(super) fn not_on_lambda(&self) -> Vec<(&'static str, Span)> {
        [
            ("timeout", self.timeout.map(|(_, span)| span)),
            ("queuedTimeout", self.queued_timeout.map(|(_, span)| span)),
            ("cache", self.cache.as_ref().map(|cache| cache.project.span)),
            ("vpc", self.vpc.as_ref().map(|vpc| vpc.span)),
            (
                "privileged",
                self.privileged.and_then(|(on, span)| on.then_some(span)),
            ),
            (
                "fileSystems",
                self.file_systems.as_ref().map(|list| list.span),
            ),
        ]
        .into_iter()
        .filter_map(|(key, span)| Some((key, span?)))
        .collect()
    }

    /// The settings that stand in a buildspec and so do not go beside one that is given, with their key.
    pub(super) fn of_buildspec(&self) -> Vec<(&'static str, Span)> {
        let first = |texts: &[Text]| texts.first().map(|text| text.span);
        [
            ("runtimes", self.runtimes.first().map(|(name, _)| name.span)),
            ("install", first(&self.install)),
            ("before", first(&self.before)),
            ("after", first(&self.after)),
            ("finally", first(&self.finally)),
        ]
        .into_iter()
        .filter_map(|(key, span)| Some((key, span?)))
        .collect()
    }
}

fn on_lambda(os: Option<&Text>, image: Option<&Text>) -> bool {
    match (os, image) {
        (Some(os), _) => os.value == "lambda",
        (None, Some(image)) => matches!(
            codebuild::image_kind(&image.value),
            ImageKind::Curated { lambda: true, .. }
        ),
        (None, None) => false,
    }
}

/// `env`: a literal, `{ssm: name}`, `{secret: id:key}`.
pub(super) fn environment(map: &mut Map<'_>, out: &mut Diagnostics) -> Vec<Variable> {
    let path = map.at("env");
    let Some(node) = map.value("env", out) else {
        return Vec::new();
    };
    entries(node, &path, out)
        .iter()
        .filter_map(|entry| variable(entry, &join(&path, &entry.key), out))
        .collect()
}

fn variable(entry: &Entry, path: &str, out: &mut Diagnostics) -> Option<Variable> {
    let (kind, value) = match &entry.value.data {
        Data::Map(members) => {
            let mut map = Map::of(members, path, entry.key_span);
            let parameter = map.text("ssm", out);
            let secret = map.text("secret", out);
            let both = map.has("ssm") && map.has("secret");
            if both || !(map.has("ssm") || map.has("secret")) && members.is_empty() {
                out.push(
                    Diagnostic::error(
                        "value-invalid",
                        entry.key_span,
                        path,
                        if both {
                            format!("`{path}` says both `ssm` and `secret`")
                        } else {
                            format!("`{path}` says neither `ssm` nor `secret`")
                        },
                    )
                    .label(if both { "both" } else { "neither" })
                    .help("write a text, `{ssm: NAME}` or `{secret: \"ID:KEY\"}`"),
                );
            }
            map.hint("secretsmanager", "write `{secret: \"ID:KEY\"}`");
            map.hint("parameter", "write `{ssm: NAME}`");
            map.hint(
                "value",
                "write the text itself, or `{ssm: NAME}`, `{secret: \"ID:KEY\"}`",
            );
            map.finish(out);
            match (parameter, secret) {
                (Some(name), _) => (VariableKind::ParameterStore, name),
                (None, Some(id)) => (VariableKind::SecretsManager, id),
                (None, None) => return None,
            }
        }
        Data::Null => {
            let mut error = wrong_kind(&entry.value, path, "a text");
            error.span = entry.key_span;
            out.push(error.help(format!(
                "write `{}: \"\"` for an empty text; a value such as #{{A.B}} needs quotes, else it is a comment",
                entry.key
            )));
            return None;
        }
        _ => (VariableKind::Plaintext, scalar(&entry.value, path, out)?),
    };
    Some(Variable {
        name: key_text(entry),
        value,
        kind,
    })
}

const MODES: [(&str, &str); 3] = [
    ("docker", "LOCAL_DOCKER_LAYER_CACHE"),
    ("source", "LOCAL_SOURCE_CACHE"),
    ("custom", "LOCAL_CUSTOM_CACHE"),
];

/// `cache`: `none`, `local`, `docker`, `source`, paths, or `{paths, s3 | local, key, fallbackKeys}`.
fn cache(map: &mut Map<'_>, privileged: bool, out: &mut Diagnostics) -> Option<Cache> {
    let path = map.at("cache");
    let node = map.value("cache", out)?;
    let span = node.span;
    let mut modes: Vec<Text> = Vec::new();
    let mut project = Shape::new(span);
    let mut spec = Shape::new(span);
    let mut namespace = None;
    match &node.data {
        Data::Map(members) => {
            let mut map = Map::of(members, path, span);
            let bucket = map.text("s3", out);
            let words = MODES.map(|(word, _)| word);
            let at = map.at("local");
            let named = map.texts("local", out).unwrap_or_default();
            let said = !named.is_empty();
            for mode in named {
                match MODES.iter().find(|(word, _)| *word == mode.value) {
                    Some((_, api)) => modes.push(Text::new(*api, mode.span)),
                    None => out.push(not_a_word(&mode, &at, &words)),
                }
            }
            namespace = map.text("namespace", out);
            spec.maybe("key", map.text("key", out).as_ref());
            spec.list(
                "fallback-keys",
                &map.texts("fallbackKeys", out).unwrap_or_default(),
            );
            spec.list("paths", &map.texts("paths", out).unwrap_or_default());
            map.hint("bucket", "write `s3: BUCKET/PREFIX`");
            map.hint("type", "write `s3: BUCKET/PREFIX` or `local: [docker]`");
            map.hint("modes", "write `local: [docker, custom]`");
            map.finish(out);
            // which were meant is not known, and that was said
            if bucket.is_none() && said && modes.is_empty() {
                return None;
            }
            if let Some(bucket) = bucket {
                project.word("type", "S3").text("location", &bucket);
                project.maybe("cacheNamespace", namespace.as_ref());
                return Some(Cache {
                    project: project.done(),
                    buildspec: (!spec.is_empty()).then(|| spec.done()),
                });
            }
        }
        _ => {
            let all = texts(node, &path, out);
            match all.first().map(|text| text.value.as_str()) {
                Some("none") if all.len() == 1 => {
                    project.word("type", "NO_CACHE");
                    return Some(Cache {
                        project: project.done(),
                        buildspec: None,
                    });
                }
                Some("local") if all.len() == 1 => {
                    let mode = if privileged { MODES[0].1 } else { MODES[2].1 };
                    modes.push(Text::new(mode, span));
                }
                _ => {
                    let (named, paths): (Vec<Text>, Vec<Text>) = all
                        .into_iter()
                        .partition(|text| MODES.iter().any(|(word, _)| *word == text.value));
                    let api = |text: &Text| {
                        let mode = MODES.iter().find(|(word, _)| *word == text.value);
                        mode.map(|(_, api)| Text::new(*api, text.span))
                    };
                    modes.extend(named.iter().filter_map(api));
                    spec.list("paths", &paths);
                }
            }
        }
    }
    if !spec.is_empty() && !modes.iter().any(|mode| mode.value == MODES[2].1) {
        modes.push(Text::new(MODES[2].1, span));
    }
    project.word("type", "LOCAL").list("modes", &modes);
    // of no use there, which a check says
    project.maybe("cacheNamespace", namespace.as_ref());
    Some(Cache {
        project: project.done(),
        buildspec: (!spec.is_empty()).then(|| spec.done()),
    })
}

/// `vpc`: `{id, subnets, securityGroups}`.
fn vpc(map: &mut Map<'_>, out: &mut Diagnostics) -> Option<Node> {
    let mut map = map.map("vpc", out)?;
    let mut shape = Shape::new(map.span);
    let id_key = if map.has("vpcId") { "vpcId" } else { "id" };
    let groups_key = if map.has("securityGroupIds") {
        "securityGroupIds"
    } else {
        "securityGroups"
    };
    shape.maybe(
        "vpcId",
        map.required(id_key, "the VPC's id: vpc-…", out).as_ref(),
    );
    for (key, api) in [("subnets", "subnets"), (groups_key, "securityGroupIds")] {
        match map.texts(key, out) {
            Some(texts) if !texts.is_empty() => {
                shape.list(api, &texts);
            }
            Some(_) => {
                // a list of nothing is kept, to be pointed at
                let empty = map.entry(key).map(|entry| &entry.value);
                let empty = empty.filter(|node| node.as_list().is_some_and(<[Node]>::is_empty));
                if let Some(node) = empty {
                    shape.set(api, node.clone());
                }
            }
            None if map.has(key) => {}
            None => map.missing(key, "a list of ids", out),
        }
    }
    map.finish(out);
    Some(shape.done())
}

/// `logs`: a log group that exists, `none`, or `{name | group, retention, stream, s3, enabled}`: with `name` it is made.
fn logs(map: &mut Map<'_>, out: &mut Diagnostics) -> Option<(Option<Node>, Option<MadeLogGroup>)> {
    let path = map.at("logs");
    let node = map.value("logs", out)?;
    let span = node.span;
    let mut shape = Shape::new(span);
    let mut cloudwatch = Shape::new(span);
    if let Data::Map(members) = &node.data {
        let mut map = Map::of(members, path, span);
        let enabled = map.boolean("enabled", out).is_none_or(|(value, _)| value);
        cloudwatch.word("status", if enabled { "ENABLED" } else { "DISABLED" });
        let group = map.text("group", out);
        let made = made_group(&mut map, group.as_ref(), out);
        let name = made.as_ref().map(|made| &made.name).or(group.as_ref());
        cloudwatch.maybe("groupName", name);
        cloudwatch.maybe("streamName", map.text("stream", out).as_ref());
        let s3 = map.text("s3", out);
        map.finish(out);
        shape.set("cloudWatchLogs", cloudwatch.done());
        if let Some(location) = s3 {
            let mut s3 = Shape::new(location.span);
            s3.word("status", "ENABLED").text("location", &location);
            shape.set("s3Logs", s3.done());
        }
        return Some((Some(shape.done()), made));
    }
    let group = text(node, &path, out)?;
    if group.value == "none" {
        cloudwatch.word("status", "DISABLED");
    } else {
        cloudwatch
            .word("status", "ENABLED")
            .text("groupName", &group);
    }
    shape.set("cloudWatchLogs", cloudwatch.done());
    Some((Some(shape.done()), None))
}

/// The log group that is made: `name`, and how long it keeps what it gets.
fn made_group(
    map: &mut Map<'_>,
    given: Option<&Text>,
    out: &mut Diagnostics,
) -> Option<MadeLogGroup> {
    let name = map.text("name", out);
    let path = map.at("retention");
    let retention = map.value("retention", out);
    let retention_days = retention.and_then(|node| duration(node, &path, 86_400, out));
    if let (Some(name), Some(given)) = (&name, given) {
        out.push(
            not_beside("name", "group", name.span, &map.path)
                .related(given.span, "`group` stands here")
                .help("`group` exists already, `name` is made: keep one of the two"),
        );
    }
    if name.is_none()
        && !map.has("name")
        && let Some((_, span)) = retention_days
    {
        out.push(
            Diagnostic::error(
                "value-invalid",
                span,
                path,
                "`retention` is for a log group that is made",
            )
            .label("not of a given one")
            .help("give it `name`"),
        );
    }
    Some(MadeLogGroup {
        name: name?,
        retention_days,
    })
}

fn file_systems(map: &mut Map<'_>, out: &mut Diagnostics) -> Option<Node> {
    let span = map.entry("fileSystems")?.value.span;
    let mut list = Vec::new();
    for item in map.items("fileSystems", true, out) {
        let Some(mut map) = Map::open(item.node, item.path, item.owner, out) else {
            continue;
        };
        let mut shape = Shape::new(item.node.span);
        shape.word("type", "EFS");
        for (key, help) in [
            (
                "identifier",
                "a name for the environment variable: CODEBUILD_NAME",
            ),
            ("location", "fs-….efs.REGION.amazonaws.com:/PATH"),
            ("mountPoint", "the folder in the build"),
        ] {
            shape.maybe(key, map.required(key, help, out).as_ref());
        }
        shape.maybe("mountOptions", map.text("mountOptions", out).as_ref());
        map.finish(out);
        list.push(shape.done());
    }
    Some(Node::list(list, span))
}

/// The words of `environment` in the API: type, image, compute type, who pulls the image.
pub(super) struct Machine {
    pub(super) environment_type: Text,
    pub(super) image: Text,
    pub(super) compute_type: Text,
    pub(super) pull: Option<&'static str>,
    pub(super) lambda: bool,
}

/// What `os`, `image` and `compute` come to.
pub(super) fn machine(
    settings: &Settings,
    path: &str,
    span: Span,
    out: &mut Diagnostics,
) -> Option<Machine> {
    let kind = settings
        .image
        .as_ref()
        .filter(|image| image.known)
        .map(|image| codebuild::image_kind(&image.value));
    let guessed = match &kind {
        Some(ImageKind::Curated { lambda: true, .. }) => "lambda",
        Some(ImageKind::Curated {
            platform: "windows",
            ..
        }) => "windows",
        Some(ImageKind::Curated {
            architecture: "arm64",
            ..
        }) => "arm",
        _ => "linux",
    };
    let word = settings.os.as_ref().map_or(guessed, |os| os.value.as_str());
    let choice: &'static OsChoice = codebuild::os(word).or_else(|| codebuild::os("linux"))?;
    let lambda = choice.os == "lambda";
    let arm = matches!(
        kind,
        Some(ImageKind::Curated {
            architecture: "arm64",
            ..
        })
    );
    let image_name = settings
        .image
        .as_ref()
        .map_or("", |image| image.value.as_str());
    let environment_type = match choice.os.as_str() {
        "lambda" if arm => "ARM_LAMBDA_CONTAINER",
        "windows" if image_name.contains("windows-base:2019") => "WINDOWS_SERVER_2019_CONTAINER",
        _ => &choice.environment_type,
    };
    let image = match &settings.image {
        Some(image) => image.clone(),
        None => Text::new(
            default_image(choice, &settings.runtimes),
            settings.os.as_ref().map_or(span, |os| os.span),
        ),
    };
    let compute_type = match &settings.compute {
        None => Text::new(
            choice
                .compute_type(&choice.default_compute)
                .unwrap_or_default(),
            span,
        ),
        Some(word)
            if !word.known
                || codebuild::codebuild()
                    .environment
                    .compute_types
                    .contains(&word.value) =>
        {
            word.clone()
        }
        Some(word) => match choice.compute_type(&word.value) {
            Some(api) => Text::new(api, word.span),
            None => {
                out.push(not_a_word(
                    word,
                    &join(path, "compute"),
                    &choice.compute_words(),
                ));
                return None;
            }
        },
    };
    let pull = match &kind {
        _ if lambda => None,
        Some(ImageKind::Ecr) => Some("SERVICE_ROLE"),
        _ if settings.image.as_ref().is_some_and(|image| !image.known) => None,
        _ => Some("CODEBUILD"),
    };
    Some(Machine {
        environment_type: Text::new(
            environment_type,
            settings.os.as_ref().map_or(span, |os| os.span),
        ),
        image,
        compute_type,
        pull,
        lambda,
    })
}

/// Lambda compute has one image per language; anything else one image for all.
fn default_image(choice: &OsChoice, runtimes: &[(Text, Text)]) -> String {
    let of_runtime = runtimes
        .first()
        .filter(|_| choice.os == "lambda")
        .and_then(|(language, version)| codebuild::lambda_image(&language.value, &version.value));
    of_runtime.unwrap_or_else(|| choice.image.clone())
}

/// A value that does not go beside another.
pub(super) fn not_beside(key: &str, other: &str, span: Span, path: &str) -> Diagnostic {
    Diagnostic::error(
        "value-invalid",
        span,
        join(path, key),
        format!("`{key}` does not go beside `{other}`"),
    )
    .label("does not belong here")
}
