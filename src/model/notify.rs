//! Who is told of what: `notify`, `notifications`, `alarms`.

use crate::diagnostic::{Diagnostic, Diagnostics, Key};
use crate::tree::{Data, Entry, Node};

use super::decode::{
    Map, entries, invalid, items, join, key_text, nearest, not_a_word, number, text, text_at,
    wrong_kind,
};
use super::types::{Alarm, AlarmWatch, Notification, Notify, Project, Text};

const EVENTS: [&str; 4] = ["buildFailed", "stageFailed", "approvalNeeded", "succeeded"];
const COMPARISONS: [(&str, &str); 4] = [
    ("above", "GreaterThanThreshold"),
    ("below", "LessThanThreshold"),
    ("atLeast", "GreaterThanOrEqualToThreshold"),
    ("atMost", "LessThanOrEqualToThreshold"),
];
const MISSING: [&str; 4] = ["notBreaching", "breaching", "ignore", "missing"];

/// An address, a topic, or a list of them.
pub(super) fn notify(node: &Node, path: &str, out: &mut Diagnostics) -> Vec<Notify> {
    items(node, path, true, out)
        .into_iter()
        .filter_map(|(path, item)| one(item, &path, out))
        .collect()
}

fn one(node: &Node, path: &str, out: &mut Diagnostics) -> Option<Notify> {
    match &node.data {
        Data::Map(members) => {
            let mut map = Map::of(members, path, node.span);
            let made = Notify::Made {
                name: map.text("name", out),
                emails: map.texts("emails", out).unwrap_or_default(),
                span: node.span,
            };
            map.hint("email", "write `emails`, a text or a list");
            map.finish(out);
            Some(made)
        }
        Data::List(_) | Data::Null | Data::Bool(_) | Data::Number(_) => {
            out.push(wrong_kind(
                node,
                path,
                "an e-mail address, a topic, or a map of a topic to make",
            ));
            None
        }
        _ => {
            let text = text(node, path, out)?;
            if text.value.trim().is_empty() {
                out.push(
                    invalid(node, path, format!("`{path}` is an empty text"))
                        .help("give an e-mail address or a topic, or leave the key out"),
                );
                return None;
            }
            let email = text.known && text.value.contains('@') && !text.value.starts_with("arn:");
            Some(if email {
                Notify::Email(text)
            } else {
                Notify::Topic(text)
            })
        }
    }
}

/// Reads `notifications:`.
pub(super) fn notifications(node: &Node, path: &str, out: &mut Diagnostics) -> Vec<Notification> {
    let mut list = Vec::new();
    for entry in entries(node, path, out) {
        let path = join(path, &entry.key);
        if entry.key.starts_with("x-") {
            continue;
        }
        if !EVENTS.contains(&entry.key.as_str()) {
            let error = not_a_word(&key_text(entry), &path, &EVENTS);
            let mut error = error.key(Key::like(nearest(&entry.key, EVENTS)));
            error.code = "key-unknown";
            error.message = format!("`notifications` has no event `{}`", entry.key);
            out.push(error);
            continue;
        }
        list.push(Notification {
            event: key_text(entry),
            notify: notify(&entry.value, &path, out),
        });
    }
    list
}

/// Reads `alarms:`.
pub(super) fn alarms(
    node: &Node,
    path: &str,
    projects: &[Project],
    out: &mut Diagnostics,
) -> Vec<Alarm> {
    entries(node, path, out)
        .iter()
        .filter(|entry| !entry.key.starts_with("x-"))
        .filter_map(|entry| alarm(entry, &join(path, &entry.key), projects, out))
        .collect()
}

fn alarm(entry: &Entry, path: &str, projects: &[Project], out: &mut Diagnostics) -> Option<Alarm> {
    let build = |watch, notify| Alarm {
        key: key_text(entry),
        watch,
        notify,
        path: path.to_owned(),
        span: entry.key_span,
    };
    if matches!(entry.value.data, Data::Text(_) | Data::Unknown(_)) {
        let name = text(&entry.value, path, out)?;
        return Some(build(AlarmWatch::Existing(name), Vec::new()));
    }
    let mut map = Map::open(&entry.value, path, entry.key_span, out)?;
    let notify_path = map.at("notify");
    let told = map.value("notify", out);
    let told = told.map_or_else(Vec::new, |node| notify(node, &notify_path, out));
    map.hint(
        "threshold",
        "write `above`, `below`, `atLeast` or `atMost` with the number",
    );
    map.hint("dimension", "write `dimensions`, a map");
    map.hint("name", "the key under `alarms` is its name");
    let watch = if map.has("failedBuilds") {
        let projects = failed_builds(&mut map, projects, out);
        let period = map.seconds("period", out);
        AlarmWatch::FailedBuilds { projects, period }
    } else {
        metric(&mut map, out)?
    };
    map.finish(out);
    Some(build(watch, told))
}

/// `all`, or projects of the file; the answer holds their keys, empty for all.
fn failed_builds(map: &mut Map<'_>, projects: &[Project], out: &mut Diagnostics) -> Vec<Text> {
    let names = map.texts("failedBuilds", out).unwrap_or_default();
    if let [only] = &names[..]
        && only.value == "all"
    {
        return Vec::new();
    }
    let path = map.at("failedBuilds");
    names
        .into_iter()
        .filter_map(|name| {
            if !name.known {
                return Some(name);
            }
            if let Some(project) = find_project(projects, &name.value) {
                return Some(Text {
                    value: project.key.clone(),
                    ..name
                });
            }
            let candidates: Vec<&str> = projects.iter().map(|p| p.name.value.as_str()).collect();
            let keys = projects.iter().filter(|p| p.shared).map(|p| p.key.as_str());
            let near = nearest(&name.value, keys.chain(candidates));
            out.push(
                Diagnostic::error(
                    "reference-unknown",
                    name.span,
                    &path,
                    format!("there is no project `{}` in this file", name.value),
                )
                .label("unknown project")
                .help(match near {
                    Some(word) => format!("did you mean `{word}`?"),
                    None => {
                        "name a key of `projects`, a stage that builds, or write `all`".to_owned()
                    }
                }),
            );
            None
        })
        .collect()
}

/// A project by its key, its name in AWS, or the one stage or action it belongs to.
pub(super) fn find_project<'p>(projects: &'p [Project], name: &str) -> Option<&'p Project> {
    let exact = projects
        .iter()
        .find(|project| project.key == name || project.name.value == name);
    if exact.is_some() {
        return exact;
    }
    let mut of_stage = projects.iter().filter(|project| {
        !project.shared && project.key.split('/').skip(1).any(|part| part == name)
    });
    match (of_stage.next(), of_stage.next()) {
        (Some(project), None) => Some(project),
        _ => None,
    }
}

fn metric(map: &mut Map<'_>, out: &mut Diagnostics) -> Option<AlarmWatch> {
    let help = "say what to watch: `failedBuilds: all`, or `namespace`, `metric` and a bound such as `above: 0`";
    let namespace = map.required("namespace", help, out);
    let metric = map.required("metric", help, out);
    let dimensions = map.text_map("dimensions", out);
    let statistic = map.text("statistic", out);
    let period = map.seconds("period", out);
    let periods = map.whole("periods", out);
    let missing = map.word("missing", &MISSING, out);
    let mut bounds = Vec::new();
    for (word, comparison) in COMPARISONS {
        let path = map.at(word);
        if let Some(node) = map.value(word, out)
            && let Some(threshold) = number(node, &path, out)
        {
            bounds.push((text_at(node, word), comparison, threshold));
        }
    }
    if let [_, second, ..] = &bounds[..] {
        out.push(
            Diagnostic::error(
                "value-invalid",
                second.0.span,
                map.at(&second.0.value),
                format!("`{}` has two bounds; an alarm has one", map.path),
            )
            .label("the second")
            .help("keep one of them, and write another alarm for the other"),
        );
    }
    let present = COMPARISONS.iter().any(|(word, _)| map.has(word));
    if !present {
        map.missing(
            "above",
            "or `below`, `atLeast`, `atMost`, with a number",
            out,
        );
    }
    let (_, comparison, threshold) = bounds.into_iter().next()?;
    Some(AlarmWatch::Metric {
        namespace: namespace?,
        metric: metric?,
        dimensions,
        statistic,
        period,
        periods,
        comparison,
        threshold,
        missing,
    })
}
