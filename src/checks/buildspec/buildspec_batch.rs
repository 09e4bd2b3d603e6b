//! Batches: lists, graphs, matrices and fan-outs of builds.

use super::spec::{self, Form, Spec};
use crate::catalog::buildspec::buildspec;
use crate::catalog::codebuild::{self, EnvironmentType, ImageKind, codebuild};
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity, nearest};
use crate::model::Text;
use crate::source::Span;
use crate::tree::{Data, Entry, Node};

pub(super) const RULE: Rule = Rule {
    code: "buildspec-batch",
    severity: Severity::Error,
    summary: "the batch of a buildspec does not fit together",
    why: "A batch is one of build-list, build-graph, build-matrix and build-fanout. Its builds have identifiers of \
          letters, digits and underscores, each once; in a graph they depend on one another, without a circle. The \
          machine of a build is one that CodeBuild has, with an image that runs on it, and with privileged mode only \
          where there is one. CodeBuild looks at this when the batch starts.",
    aws: "BATCH_SPEC_VALIDATION_ERROR",
    wrong: "batch:\n  build-graph:\n    - identifier: test\n      depend-on: [biuld]\n    - identifier: build",
    right: "batch:\n  build-graph:\n    - identifier: test\n      depend-on: [build]\n    - identifier: build",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/batch-build-buildspec.html",
    facts: &[],
    check,
};

pub(super) const IDLE: Rule = Rule {
    code: "batch-idle",
    severity: Severity::Warning,
    summary: "a buildspec has a batch that no build starts, or a build starts a batch that the buildspec does not have",
    why: "The builds of a batch stand in the buildspec, and that they are started in the build: `batch: true`. Without \
          it CodeBuild passes the batch over and runs the phases once; without a batch in the buildspec there is nothing \
          to start.",
    aws: "",
    wrong: "- build:\n    buildspec:\n      version: 0.2\n      batch:\n        build-list: [{identifier: lint}, {identifier: unit}]\n      phases:\n        build:\n          commands: [make]",
    right: "- build:\n    batch: true\n    buildspec:\n      version: 0.2\n      batch:\n        build-list: [{identifier: lint}, {identifier: unit}]\n      phases:\n        build:\n          commands: [make]",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/batch-build-buildspec.html",
    facts: &[],
    check: idle,
};

fn idle(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for spec in spec::specs(subject) {
        // how a raw project is started, its actions say
        if spec.projects.iter().any(|project| project.raw)
            || spec.projects.is_empty()
            || spec.of_task
        {
            continue;
        }
        let written = spec
            .root
            .entry("batch")
            .filter(|entry| !entry.value.is_null());
        let started = spec.projects.iter().find(|project| project.batch);
        match (written, started) {
            (Some(entry), None) => diagnostics.push(
                spec.finding(&IDLE, entry.key_span, "batch", "the batch is never started")
                    .label("never started")
                    .perhaps_related(
                        spec.projects.first().map(|project| project.span),
                        "runs it without `batch: true`",
                    )
                    .help("give the build `batch: true`, or leave the batch out of the buildspec"),
            ),
            (None, Some(project)) => {
                let node = fields::get(&project.definition, "buildBatchConfig");
                let span = node.map_or(project.span, |node| node.span);
                let place = fields::join(&project.path, "batch");
                diagnostics.push(
                    IDLE.finding(span, place, "a batch is started, and the buildspec has none")
                    .label("no batch to start")
                    .perhaps_related(
                        (spec.form != Form::Made).then(|| spec.head()),
                        "the buildspec",
                    )
                        .help(if spec.form == Form::Made {
                            "say which builds: `batch: {list: [{identifier: NAME}]}`, or leave `batch` out"
                        } else {
                            "give the buildspec a `batch`, or leave it out here"
                        }),
                );
            }
            _ => {}
        }
    }
}

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let language = &buildspec().batch;
    for spec in spec::specs(subject) {
        let Some(entry) = spec.root.entry("batch") else {
            continue;
        };
        let batch = &entry.value;
        let Some(members) = batch.as_map() else {
            continue;
        };
        let words = || language.exactly_one_of.iter().map(|word| spec.called(word));
        let kinds: Vec<_> = members
            .iter()
            .filter(|member| language.exactly_one_of.contains(&member.key))
            .collect();
        match kinds[..] {
            [] => diagnostics.push(
                spec.finding(&RULE, entry.key_span, "batch", "the batch has no builds")
                    .label("without builds")
                    .help(format!(
                        "give it one of {}",
                        words()
                            .map(|word| format!("`{word}`"))
                            .collect::<Vec<_>>()
                            .join(", ")
                    )),
            ),
            [_] => {}
            [first, second, ..] => diagnostics.push(
                spec.finding(
                    &RULE,
                    second.key_span,
                    &format!("batch.{}", second.key),
                    format!(
                        "`{}` does not go beside `{}`: a batch is one of them",
                        spec.called(&second.key),
                        spec.called(&first.key)
                    ),
                )
                .label("the second")
                .related(first.key_span, "the first")
                .help("keep one of the two"),
            ),
        }
        for list in ["build-list", "build-graph"] {
            let tasks = fields::items(batch, list);
            if let Some(entry) = batch
                .entry(list)
                .filter(|entry| entry.value.as_list().is_some_and(<[_]>::is_empty))
            {
                let message = format!("`{}` has no builds", spec.called(list));
                diagnostics.push(
                    spec.doubtful(&RULE, entry.value.span, &format!("batch.{list}"), message)
                        .label("no builds")
                        .help("give it builds: `- identifier: NAME`"),
                );
            }
            let names = identifiers(subject, &spec, list, tasks, diagnostics);
            for (index, task) in tasks.iter().enumerate() {
                let path = format!("batch.{list}[{index}].env");
                machine(subject, &spec, &path, task.get("env"), diagnostics);
            }
            if list == "build-graph" {
                graph(&spec, tasks, &names, diagnostics);
            }
        }
        if let Some(matrix) = batch.entry("build-matrix") {
            self::matrix(subject, &spec, matrix, diagnostics);
        }
        if let Some(node) = fields::get(batch, "build-fanout.parallelism")
            && let Data::Number(value) = node.data
            && (value < 1.0 || value.fract() != 0.0)
        {
            diagnostics.push(
                spec.finding(
                    &RULE,
                    node.span,
                    "batch.build-fanout.parallelism",
                    "`parallelism` is a whole number of builds, 1 or more",
                )
                .label("no count of builds")
                .help("write how many builds share the work"),
            );
        }
    }
}

/// The identifiers of the builds; each must be one, and stand once.
fn identifiers<'n>(
    subject: &Subject<'_>,
    spec: &Spec<'_>,
    list: &str,
    tasks: &'n [Node],
    diagnostics: &mut Diagnostics,
) -> Vec<(&'n str, Span)> {
    let mut found: Vec<(&str, Span)> = Vec::new();
    for (index, task) in tasks.iter().enumerate() {
        let Some(node) = fields::get(task, "identifier") else {
            continue;
        };
        let Some(name) = fields::known(node) else {
            continue;
        };
        let path = format!("batch.{list}[{index}].identifier");
        if let Some(wrong) = fields::wrong(&buildspec().batch.identifier, name) {
            let text = Text::new(name, node.span);
            let span = wrong
                .at
                .map_or(node.span, |(start, end)| subject.part(&text, start, end));
            let right: String = name
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
                .collect();
            let finding = spec
                .finding(
                    &RULE,
                    span,
                    &path,
                    format!("the identifier `{name}` {}", wrong.words),
                )
                .label(wrong.label());
            diagnostics.push(if buildspec().batch.identifier.check(&right).is_ok() {
                finding.help(format!("write `{right}`"))
            } else {
                finding.help(wrong.help())
            });
        } else if let Some((_, first)) = found.iter().find(|(other, _)| *other == name) {
            diagnostics.push(
                spec.finding(
                    &RULE,
                    node.span,
                    &path,
                    format!("the identifier `{name}` is taken"),
                )
                .label("again here")
                .related(*first, "first here")
                .help("give one of the two another name"),
            );
        }
        found.push((name, node.span));
    }
    found
}

/// What the builds of a graph wait for: others of it, and not each other.
fn graph(spec: &Spec<'_>, tasks: &[Node], names: &[(&str, Span)], diagnostics: &mut Diagnostics) {
    let mut edges: Vec<(&str, &str, Span, usize)> = Vec::new();
    for (index, task) in tasks.iter().enumerate() {
        let from = fields::word(task, "identifier").unwrap_or_default();
        for node in fields::items(task, "depend-on") {
            let Some(name) = fields::known(node) else {
                continue;
            };
            if names.iter().any(|(known, _)| *known == name) {
                edges.push((from, name, node.span, index));
                continue;
            }
            let path = format!("batch.build-graph[{index}].depend-on");
            let finding = spec
                .finding(
                    &RULE,
                    node.span,
                    &path,
                    format!("no build of the batch is called `{name}`"),
                )
                .label("unknown build");
            let known = || names.iter().map(|(known, _)| *known);
            diagnostics.push(match nearest(name, known()) {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None => finding.help(format!(
                    "there are: {}",
                    known().collect::<Vec<_>>().join(", ")
                )),
            });
        }
    }
    let Some((circle, span, index)) = circle(&edges) else {
        return;
    };
    let path = format!("batch.build-graph[{index}].depend-on");
    let links = circle.windows(2).filter_map(|pair| {
        let mut edges = edges.iter();
        edges.find(|(from, to, ..)| [*from, *to] == *pair)
    });
    let finding = spec
        .finding(
            &RULE,
            span,
            &path,
            format!(
                "the builds wait for one another in a circle: {}",
                circle.join(" → ")
            ),
        )
        .label("closes the circle")
        .help("take one of the dependencies out");
    diagnostics.push(links.fold(finding, |finding, (from, to, span, _)| {
        finding.related(*span, format!("`{from}` waits for `{to}`"))
    }));
}

/// The first circle, as the names along it, and the dependency that closes it.
fn circle<'n>(edges: &[(&'n str, &'n str, Span, usize)]) -> Option<(Vec<&'n str>, Span, usize)> {
    for (from, to, span, index) in edges {
        // the shortest way back, breadth first
        let mut ways: Vec<Vec<&str>> = vec![vec![to]];
        let mut seen = vec![*to];
        let mut at = 0;
        while let Some(way) = ways.get(at).cloned() {
            at += 1;
            let last = way.last().copied().unwrap_or_default();
            if last == *from {
                let mut names = vec![*from];
                names.extend(way);
                return Some((names, *span, *index));
            }
            for (_, next, ..) in edges.iter().filter(|(start, ..)| *start == last) {
                if !seen.contains(next) {
                    seen.push(next);
                    let mut further = way.clone();
                    further.push(next);
                    ways.push(further);
                }
            }
        }
    }
    None
}

/// A matrix: what every build has, and what makes them differ.
fn matrix(subject: &Subject<'_>, spec: &Spec<'_>, entry: &Entry, diagnostics: &mut Diagnostics) {
    let (matrix, path) = (&entry.value, "batch.build-matrix");
    if matrix.as_map().is_some() && fields::get(matrix, "dynamic").is_none() {
        diagnostics.push(
            spec.doubtful(
                &RULE,
                entry.key_span,
                path,
                "the matrix has nothing that makes its builds differ",
            )
            .label("without `dynamic`")
            .help("give it `dynamic`: lists of buildspecs, images, compute types or variables"),
        );
    }
    let fixed = fields::get(matrix, "static.env");
    machine(
        subject,
        spec,
        &format!("{path}.static.env"),
        fixed,
        diagnostics,
    );
    for key in ["compute-type", "image"] {
        let of = format!("dynamic.env.{key}");
        for (index, node) in fields::items(matrix, &of).iter().enumerate() {
            let path = format!("{path}.{of}[{index}]");
            match key {
                "image" => {
                    let kind = fixed.and_then(|fixed| fields::get(fixed, "type"));
                    image(spec, &path, node, kind, diagnostics);
                }
                _ => word(spec, &path, key, node, diagnostics),
            }
        }
    }
}

/// The machine of a build: words that the API knows, and a fleet or a compute type, not both.
fn machine(
    subject: &Subject<'_>,
    spec: &Spec<'_>,
    path: &str,
    env: Option<&Node>,
    diagnostics: &mut Diagnostics,
) {
    let Some(env) = env else {
        return;
    };
    if let (Some(compute), Some(fleet)) = (env.entry("compute-type"), env.entry("fleet")) {
        diagnostics.push(
            spec.finding(
                &RULE,
                fleet.key_span,
                &format!("{path}.fleet"),
                format!(
                    "`fleet` does not go beside `{}`",
                    spec.called("compute-type")
                ),
            )
            .label("the fleet")
            .related(compute.key_span, "the compute type")
            .help("keep one of the two"),
        );
    }
    for key in ["type", "compute-type"] {
        if let Some(node) = env.get(key) {
            word(spec, &format!("{path}.{key}"), key, node, diagnostics);
        }
    }
    variables(subject, spec, path, env, diagnostics);
    let kind = env.get("type");
    if let Some(node) = env.get("image") {
        image(spec, &format!("{path}.image"), node, kind, diagnostics);
    }
    if let Some(node) = env.get("privileged-mode")
        && matches!(node.data, Data::Bool(true))
        && let Some((kind, span)) = machine_of(spec, kind)
        && !kind.privileged
        && kind.platform != "mac"
    {
        let message = format!("`{}` has no privileged mode", kind.name);
        diagnostics.push(
            spec.finding(
                &RULE,
                node.span,
                &format!("{path}.privileged-mode"),
                message,
            )
            .label("not offered")
            .perhaps_related(span, "the machine")
            .help(format!("leave `{}` out", spec.called("privileged-mode"))),
        );
    }
    if let (Some(on), Some(node)) = (env.get("type"), env.get("compute-type"))
        && let Some(kind) = fields::known(on).and_then(codebuild::environment_type)
        && let Some(word) =
            fields::known(node).filter(|word| computes().any(|known| known == *word))
        && codebuild::offers(&kind.name, word) == Some(false)
    {
        diagnostics.push(
            spec.doubtful(
                &RULE,
                node.span,
                &format!("{path}.compute-type"),
                format!("`{word}` is not offered with `{}`", kind.name),
            )
            .label("not offered here")
            .related(on.span, "the machine")
            .help(format!(
                "write {}",
                fields::one_of(kind.on_demand.iter().map(String::as_str))
            )),
        );
    }
}

fn computes() -> impl Iterator<Item = &'static str> + Clone {
    let environment = &codebuild().environment;
    environment.compute_types.iter().map(String::as_str)
}

/// A type of machine or of compute that is none.
fn word(spec: &Spec<'_>, path: &str, key: &str, node: &Node, diagnostics: &mut Diagnostics) {
    let types = codebuild().environment.types.iter();
    let words: Vec<&str> = match key {
        "type" => types.map(|kind| kind.name.as_str()).collect(),
        _ => computes().collect(),
    };
    let Some(word) =
        fields::known(node).filter(|word| !words.contains(word) && !word.contains('$'))
    else {
        return;
    };
    let message = format!("`{}` does not know `{word}`", spec.called(key));
    let finding = spec
        .finding(&RULE, node.span, path, message)
        .label("unknown word")
        .through(node.origin.as_ref());
    diagnostics.push(match nearest(word, words.iter().copied()) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None => finding.help(format!(
            "such as `{}`",
            words.first().copied().unwrap_or_default()
        )),
    });
}

/// The machine of a build: its own, or that of the project; and where it is said.
fn machine_of(
    spec: &Spec<'_>,
    own: Option<&Node>,
) -> Option<(&'static EnvironmentType, Option<Span>)> {
    match own {
        Some(node) => {
            let kind = fields::known(node).and_then(codebuild::environment_type)?;
            Some((kind, Some(node.span)))
        }
        None => Some((spec.machine()?, spec.written("environment.type"))),
    }
}

/// An image that does not run on the machine of the build.
fn image(
    spec: &Spec<'_>,
    path: &str,
    node: &Node,
    own: Option<&Node>,
    diagnostics: &mut Diagnostics,
) {
    let Some(name) = fields::known(node) else {
        return;
    };
    let ImageKind::Curated {
        platform,
        architecture,
        lambda,
        ..
    } = codebuild::image_kind(name)
    else {
        return;
    };
    // a fleet says what its machines are
    let fleet = spec
        .projects
        .iter()
        .any(|project| fields::get(&project.definition, "environment.fleet").is_some());
    let Some((kind, span)) = machine_of(spec, own).filter(|_| !fleet) else {
        return;
    };
    let same = kind.platform == platform && kind.architecture == architecture;
    if same && kind.lambda == lambda {
        return;
    }
    let message = format!("`{name}` does not run on `{}`", kind.name);
    diagnostics.push(
        spec.finding(&RULE, node.span, path, message)
            .label("the image")
            .perhaps_related(span, "the machine")
            .help("take the machine of the image, or another image"),
    );
}

/// Variables of a build whose names are CodeBuild's own.
fn variables(
    subject: &Subject<'_>,
    spec: &Spec<'_>,
    path: &str,
    env: &Node,
    diagnostics: &mut Diagnostics,
) {
    let prefix = &codebuild().environment.reserved_variable_prefix;
    let entries = env.get("variables").and_then(Node::as_map);
    for entry in entries.unwrap_or_default() {
        let Some(rest) = entry.key.strip_prefix(prefix.as_str()) else {
            continue;
        };
        let name = &entry.key;
        let text = Text::new(name.as_str(), entry.key_span);
        let message = format!("`{name}` begins with {prefix}, which CodeBuild keeps for itself");
        diagnostics.push(
            spec.finding(
                &RULE,
                subject.part(&text, 0, prefix.len()),
                &format!("{path}.variables.{name}"),
                message,
            )
            .label("reserved name")
            .help(format!("take another name, such as `BUILD_{rest}`")),
        );
    }
}
