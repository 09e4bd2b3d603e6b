//! The buildspec made from `run` and what goes with it.

use crate::catalog::buildspec as catalog;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::Span;
use crate::tree::{Data, Entry, Node};

use super::decode::{
    Map, Shape, commands_given, entries, join, key_text, not_a_word, text, text_list, texts,
    wrong_kind,
};
use super::settings::Settings;
use super::types::Text;

/// What a build does, and what it hands on.
#[derive(Default)]
pub(super) struct Body {
    pub(super) run: Option<Vec<Text>>,
    pub(super) buildspec: Option<Node>,
    pub(super) reports: Vec<(Text, Node)>,
    pub(super) artifacts: Option<Node>,
    pub(super) output: Option<Text>,
    pub(super) secondary: Vec<(Text, Option<Node>)>,
    pub(super) exports: Vec<Text>,
    pub(super) batch: Option<Batch>,
    /// The keys of the above that only stand in a buildspec, where they are given.
    pub(super) written: Vec<(&'static str, Span)>,
}

/// `batch`.
pub(super) struct Batch {
    pub(super) project: Node,
    pub(super) buildspec: Option<Node>,
    pub(super) combine: bool,
    pub(super) span: Span,
}

/// Reads what a build does; `name` is the name of a report that has none of its own.
pub(super) fn body(map: &mut Map<'_>, name: &Text, out: &mut Diagnostics) -> Body {
    let mut body = Body {
        run: map.texts("run", out),
        exports: map.texts("exports", out).unwrap_or_default(),
        output: map.text("output", out),
        ..Body::default()
    };
    let path = map.at("run");
    if let Some(entry) = map.entry("run") {
        commands_given(&entry.value, &path, out);
    }
    let path = map.at("buildspec");
    if let Some(node) = map.value("buildspec", out) {
        match &node.data {
            Data::Text(_) | Data::Map(_) | Data::Unknown(_) => body.buildspec = Some(node.clone()),
            _ => out.push(wrong_kind(
                node,
                &path,
                "a path in the source, or a buildspec as a map",
            )),
        }
    }
    let path = map.at("reports");
    if let Some(node) = map.value("reports", out) {
        body.reports = reports(node, &path, name, out);
    }
    let path = map.at("artifacts");
    if let Some(node) = map.value("artifacts", out) {
        body.artifacts = artifacts(node, &path, out);
    }
    let path = map.at("outputs");
    if let Some(node) = map.value("outputs", out) {
        match &node.data {
            Data::Map(_) => {
                for entry in entries(node, &path, out) {
                    let made = artifacts(&entry.value, &join(&path, &entry.key), out);
                    body.secondary.push((key_text(entry), made));
                }
                // A map has no order, and what comes of it is a list.
                body.secondary
                    .sort_by(|(a, _), (b, _)| a.value.cmp(&b.value));
            }
            _ => {
                let names = texts(node, &path, out);
                body.secondary
                    .extend(names.into_iter().map(|name| (name, None)));
            }
        }
    }
    body.batch = batch(map, out);
    for key in ["exports", "reports", "artifacts"] {
        if let Some(entry) = map.entry(key) {
            body.written.push((key, entry.key_span));
        }
    }
    body
}

/// `reports`: a file or `{name: file | {files, format, base}}`.
fn reports(node: &Node, path: &str, name: &Text, out: &mut Diagnostics) -> Vec<(Text, Node)> {
    let Data::Map(members) = &node.data else {
        let files = texts(node, path, out);
        let shape = report(&files, None, None, node.span);
        return vec![(
            Text {
                span: node.span,
                ..name.clone()
            },
            shape,
        )];
    };
    let mut list = Vec::new();
    for entry in members {
        let path = join(path, &entry.key);
        let shape = if let Data::Map(members) = &entry.value.data {
            let mut map = Map::of(members, path, entry.key_span);
            let files = map.texts("files", out);
            if files.is_none() && !map.has("files") {
                map.missing("files", "a file or a list of files", out);
            }
            let format = report_format(&mut map, out);
            let base = map.text("base", out);
            map.hint("file-format", "write `format`");
            map.hint("file", "write `files`");
            map.hint("base-directory", "write `base`");
            map.finish(out);
            report(
                &files.unwrap_or_default(),
                format,
                base.as_ref(),
                entry.key_span,
            )
        } else {
            report(&texts(&entry.value, &path, out), None, None, entry.key_span)
        };
        list.push((key_text(entry), shape));
    }
    list
}

/// `format` as AWS writes it; `junit` is understood as `JUNITXML`.
fn report_format(map: &mut Map<'_>, out: &mut Diagnostics) -> Option<Text> {
    let format = map.text("format", out)?;
    let upper = format.value.to_uppercase();
    let known = ["", "XML", "JSON"]
        .iter()
        .map(|end| format!("{upper}{end}"))
        .find(|word| catalog::report_format(word).is_some());
    match known {
        Some(word) => Some(Text {
            value: word,
            ..format
        }),
        None if !format.known => Some(format),
        None => {
            let words: Vec<&str> = catalog::buildspec()
                .report_formats
                .iter()
                .map(|f| f.name.as_str())
                .collect();
            out.push(not_a_word(&format, &map.at("format"), &words));
            None
        }
    }
}

fn report(files: &[Text], format: Option<Text>, base: Option<&Text>, span: Span) -> Node {
    let guessed = files
        .first()
        .and_then(|file| catalog::guess_report_format(&file.value));
    let format = format.unwrap_or_else(|| {
        Text::new(
            guessed.unwrap_or(&catalog::buildspec().default_report_format),
            span,
        )
    });
    let mut shape = Shape::new(span);
    shape
        .list("files", files)
        .text("file-format", &format)
        .maybe("base-directory", base);
    shape.done()
}

/// A glob, a list, or `{base, files, exclude, name, flatten, symlinks}`.
fn artifacts(node: &Node, path: &str, out: &mut Diagnostics) -> Option<Node> {
    let mut shape = Shape::new(node.span);
    if let Data::Map(members) = &node.data {
        let mut map = Map::of(members, path, node.span);
        let files = map.texts("files", out);
        shape.list(
            "files",
            &files.unwrap_or_else(|| vec![Text::new("**/*", node.span)]),
        );
        shape.maybe("name", map.text("name", out).as_ref());
        shape.maybe("base-directory", map.text("base", out).as_ref());
        shape.list(
            "exclude-paths",
            &map.texts("exclude", out).unwrap_or_default(),
        );
        for (key, api) in [
            ("flatten", "discard-paths"),
            ("symlinks", "enable-symlinks"),
        ] {
            if let Some((value, span)) = map.boolean(key, out) {
                shape.set(api, Node::text(if value { "yes" } else { "no" }, span));
            }
        }
        map.hint("base-directory", "write `base`");
        map.hint("discard-paths", "write `flatten: true`");
        map.hint("paths", "write `files`");
        map.finish(out);
    } else {
        let files = texts(node, path, out);
        if files.is_empty() {
            return None;
        }
        shape.list("files", &files);
    }
    Some(shape.done())
}

/// `batch`: `true` (the buildspec says it), or `{list | graph | matrix | fanout, …}`.
fn batch(map: &mut Map<'_>, out: &mut Diagnostics) -> Option<Batch> {
    let path = map.at("batch");
    let owner = map.entry("batch")?.key_span;
    let node = map.value("batch", out)?;
    let mut project = Shape::new(owner);
    if let Data::Bool(on) = node.data {
        return on.then(|| Batch {
            project: project.done(),
            buildspec: None,
            combine: false,
            span: owner,
        });
    }
    let mut map = Map::open(node, path, owner, out)?;
    let mut spec = Shape::new(owner);
    if let Some((value, span)) = map.boolean("fastFail", out) {
        spec.boolean("fast-fail", value, span);
    }
    for (key, api) in [
        ("list", "build-list"),
        ("graph", "build-graph"),
        ("matrix", "build-matrix"),
        ("fanout", "build-fanout"),
    ] {
        if let Some(node) = map.value(key, out) {
            spec.set(api, kebab(node));
        }
    }
    project.maybe("serviceRole", map.text("role", out).as_ref());
    let combine = map.boolean("combine", out);
    if let Some((value, span)) = combine {
        project.boolean("combineArtifacts", value, span);
    }
    project.whole("timeoutInMins", map.minutes("timeout", out));
    let mut restrictions = Shape::new(owner);
    restrictions.whole("maximumBuildsAllowed", map.whole("maximum", out));
    restrictions.list(
        "computeTypesAllowed",
        &map.texts("computeTypes", out).unwrap_or_default(),
    );
    if !restrictions.is_empty() {
        project.set("restrictions", restrictions.done());
    }
    map.finish(out);
    Some(Batch {
        project: project.done(),
        buildspec: (!spec.is_empty()).then(|| spec.done()),
        combine: combine.is_some_and(|(value, _)| value),
        span: owner,
    })
}

/// The keys of a batch as a buildspec writes them; names of variables stay.
fn kebab(node: &Node) -> Node {
    let data = match &node.data {
        Data::List(items) => Data::List(items.iter().map(kebab).collect()),
        Data::Map(members) => Data::Map(
            members
                .iter()
                .map(|entry| Entry {
                    key: kebab_key(&entry.key),
                    key_span: entry.key_span,
                    value: if entry.key == "variables" {
                        entry.value.clone()
                    } else {
                        kebab(&entry.value)
                    },
                })
                .collect(),
        ),
        other => other.clone(),
    };
    Node {
        data,
        ..node.clone()
    }
}

fn kebab_key(key: &str) -> String {
    let mut text = String::new();
    for c in key.chars() {
        if c.is_ascii_uppercase() {
            text.push('-');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

impl Body {
    /// The names of what the build hands on; `name` is that of an output that has none of its own.
    pub(super) fn outputs(&self, name: &Text) -> Vec<Text> {
        let mut outputs = Vec::new();
        if self.artifacts.is_some() || self.output.is_some() {
            outputs.push(self.output.clone().unwrap_or_else(|| name.clone()));
        }
        outputs.extend(self.secondary.iter().map(|(name, _)| name.clone()));
        outputs
    }

    /// The whole buildspec; `outputs` are the names that [`Body::outputs`] gave.
    pub(super) fn buildspec(
        &self,
        settings: &Settings,
        outputs: &[Text],
        lambda: bool,
        span: Span,
    ) -> Node {
        let run = self.run.as_deref().unwrap_or_default();
        let mut spec = Shape::new(span);
        spec.word("version", "0.2");
        if !self.exports.is_empty() {
            let mut env = Shape::new(span);
            env.list("exported-variables", &self.exports);
            spec.set("env", env.done());
        }
        if let Some(batch) = self
            .batch
            .as_ref()
            .and_then(|batch| batch.buildspec.as_ref())
        {
            spec.set("batch", batch.clone());
        }
        spec.set("phases", phases(settings, run, lambda, span));
        if !self.reports.is_empty() {
            let mut reports = Shape::new(span);
            for (name, report) in &self.reports {
                reports.set(&name.value, report.clone());
            }
            spec.set("reports", reports.done());
        }
        if let Some(artifacts) = self.artifact_block(outputs, span) {
            spec.set("artifacts", artifacts);
        }
        if let Some(cache) = settings
            .cache
            .as_ref()
            .and_then(|cache| cache.buildspec.as_ref())
        {
            spec.set("cache", cache.clone());
        }
        spec.done()
    }

    /// With one output the block itself, with several an entry for each.
    fn artifact_block(&self, outputs: &[Text], span: Span) -> Option<Node> {
        let all = || {
            let mut shape = Shape::new(span);
            shape.list("files", &[Text::new("**/*", span)]);
            shape.done()
        };
        let primary = self.artifacts.is_some() || self.output.is_some();
        let mut blocks = Vec::new();
        if primary {
            blocks.push(self.artifacts.clone().unwrap_or_else(all));
        }
        blocks.extend(
            self.secondary
                .iter()
                .map(|(_, block)| block.clone().unwrap_or_else(all)),
        );
        if blocks.len() < 2 {
            return blocks.pop();
        }
        let mut secondary = Shape::new(span);
        let first = blocks.first().cloned().unwrap_or_else(all);
        for (name, block) in outputs.iter().zip(blocks) {
            secondary.set(&name.value, block);
        }
        // The block needs files of its own, though CodePipeline takes the entries only.
        let files = first
            .get("files")
            .cloned()
            .unwrap_or_else(|| text_list(&[Text::new("**/*", span)], span));
        let mut shape = Shape::new(span);
        shape
            .set("files", files)
            .set("secondary-artifacts", secondary.done());
        Some(shape.done())
    }
}

fn phases(settings: &Settings, run: &[Text], lambda: bool, span: Span) -> Node {
    let mut phases = Shape::new(span);
    let mut install = Shape::new(span);
    // Lambda compute has its language in the image.
    if !settings.runtimes.is_empty() && !lambda {
        let mut versions = Shape::new(span);
        for (language, version) in &settings.runtimes {
            versions.text(&language.value, version);
        }
        install.set("runtime-versions", versions.done());
    }
    install.list("commands", &settings.install);
    if !install.is_empty() {
        phases.set("install", install.done());
    }
    let phase = |commands: &[Text], finally: &[Text]| {
        let mut phase = Shape::new(span);
        phase.list("commands", commands).list("finally", finally);
        phase.done()
    };
    if !settings.before.is_empty() {
        phases.set("pre_build", phase(&settings.before, &[]));
    }
    // post_build runs even if build fails, so that what is to run at last belongs to the last phase.
    let (in_build, in_after) = if settings.after.is_empty() {
        (&settings.finally[..], &[][..])
    } else {
        (&[][..], &settings.finally[..])
    };
    phases.set("build", phase(run, in_build));
    if !settings.after.is_empty() {
        phases.set("post_build", phase(&settings.after, in_after));
    }
    phases.done()
}

/// The commands of a buildspec that is written as a map.
pub(super) fn commands_of(buildspec: &Node) -> Vec<Text> {
    let phases = buildspec
        .get("phases")
        .and_then(Node::as_map)
        .unwrap_or_default();
    let mut ignored = Diagnostics::new();
    phases
        .iter()
        .flat_map(|phase| ["commands", "finally"].map(|key| phase.value.get(key)))
        .flatten()
        .flat_map(|node| match &node.data {
            Data::List(items) => items
                .iter()
                .filter_map(|item| text(item, "", &mut ignored))
                .collect(),
            Data::Text(_) => text(node, "", &mut ignored).into_iter().collect::<Vec<_>>(),
            _ => Vec::new(),
        })
        .collect()
}

/// The names of the reports of a buildspec that is written as a map.
pub(super) fn reports_of(buildspec: &Node) -> Vec<Text> {
    let reports = buildspec
        .get("reports")
        .and_then(Node::as_map)
        .unwrap_or_default();
    reports.iter().map(key_text).collect()
}

/// An error for commands that hold `#{…}`: the shell would see it as it stands.
pub(super) fn run_time_variable(command: &Text, path: &str) -> Option<Diagnostic> {
    let start = command.value.find("#{").filter(|_| command.known)?;
    let end = command.value[start..]
        .find('}')
        .map_or(command.value.len(), |end| start + end + 1);
    let variable = &command.value[start..end];
    Some(
        Diagnostic::error(
            "value-invalid",
            command.span,
            path,
            format!("`{variable}` stands in a command, where CodePipeline does not replace it"),
        )
        .label("not replaced here")
        .help(format!(
            "pass it through the environment: `env: {{VALUE: \"{variable}\"}}`, and use $VALUE"
        ))
        .through(command.origin.as_ref()),
    )
}
