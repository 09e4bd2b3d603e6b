//! `sources`, `actions` and `alarms` of `sandbox.yml`: what stands for the outside while a pipeline runs here.
//!
//! ```yaml
//! sources:
//!   Source: ../other-repository      # a folder or a git repository, from the folder of sandbox.yml
//!   Images: {path: image, branch: main}
//! actions:
//!   Prod.Deploy: {run: ./rehearse.sh, outputs: {Url: http://localhost}}
//!   Smoke: {fail: {times: 1, message: the service does not answer}}
//! alarms:
//!   hw-errors: ALARM
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::tree::{Data, Node};

use super::super::seed::{entries, kind, named_texts, scalar, unknown_key, wrong};

/// A folder or git repository that stands for a source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceStandIn {
    /// The folder, from the folder of `sandbox.yml`.
    pub path: String,
    /// The branch in place of the one that the action names.
    pub branch: Option<String>,
}

/// What an action or a rule does here. The key of the map is `Stage.Action`, or `Action` in whatever stage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActionStandIn {
    /// A command in place of the action, run in the first input artifact like a build: what it exits with counts.
    pub run: Option<String>,
    /// It fails.
    pub fail: Option<Failing>,
    /// It does nothing and succeeds.
    pub succeed: bool,
    /// Its output variables, beside or in place of its own.
    pub outputs: BTreeMap<String, String>,
    /// How long it takes beforehand; `seconds` in the file.
    pub takes: Duration,
    /// Instances of a deployment group of CodeDeploy or of an EC2 deployment.
    pub instances: Option<usize>,
}

/// How an action fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    /// Only so many times, over all executions; for ever without.
    pub times: Option<usize>,
    /// What is said.
    pub message: String,
}

const ACTION_KEYS: [&str; 6] = ["run", "fail", "succeed", "outputs", "seconds", "instances"];
const ALARM_STATES: [&str; 3] = ["OK", "ALARM", "INSUFFICIENT_DATA"];

/// `sources`: each a folder, or a map.
pub(in crate::sandbox) fn sources(
    node: &Node,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<String, SourceStandIn> {
    let mut all = BTreeMap::new();
    for entry in entries(diagnostics, node, "sources") {
        let path = format!("sources.{}", entry.key);
        let mut source = SourceStandIn::default();
        if let Some(members) = entry.value.as_map() {
            for member in members {
                let inner = format!("{path}.{}", member.key);
                match member.key.as_str() {
                    "path" => {
                        source.path =
                            scalar(diagnostics, &member.value, &inner).unwrap_or_default();
                    }
                    "branch" => source.branch = scalar(diagnostics, &member.value, &inner),
                    _ => unknown_key(
                        diagnostics,
                        member,
                        &format!("`{path}`"),
                        &["path", "branch"],
                    ),
                }
            }
            if entry.value.get("path").is_none() {
                let message = format!("`{path}` has no `path`");
                diagnostics.push(
                    Diagnostic::error("key-missing", entry.key_span, path, message)
                        .help("`path` is the folder or git repository that stands for the source"),
                );
                continue;
            }
        } else {
            source.path = scalar(diagnostics, &entry.value, &path).unwrap_or_default();
        }
        all.insert(entry.key.clone(), source);
    }
    all
}

/// `actions`: each a map.
pub(in crate::sandbox) fn actions(
    node: &Node,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<String, ActionStandIn> {
    let mut all = BTreeMap::new();
    for entry in entries(diagnostics, node, "actions") {
        let path = format!("actions.{}", entry.key);
        let mut action = ActionStandIn::default();
        for member in entries(diagnostics, &entry.value, &path) {
            let (value, inner) = (&member.value, format!("{path}.{}", member.key));
            match member.key.as_str() {
                "run" => action.run = scalar(diagnostics, value, &inner),
                "fail" => action.fail = failing(diagnostics, value, &inner),
                "succeed" => match value.data {
                    Data::Bool(succeed) => action.succeed = succeed,
                    _ => kind(diagnostics, value, &inner, "true or false"),
                },
                "outputs" => action.outputs = named_texts(diagnostics, value, &inner),
                "seconds" => match value.data {
                    Data::Number(seconds) if (0.0..=86_400.0).contains(&seconds) => {
                        action.takes = Duration::from_secs_f64(seconds);
                    }
                    _ => number_wanted(
                        diagnostics,
                        value,
                        &inner,
                        "a number of seconds up to 86400",
                    ),
                },
                "instances" => match count(value) {
                    Some(count @ 1..=500) => action.instances = Some(count),
                    _ => number_wanted(diagnostics, value, &inner, "a number from 1 to 500"),
                },
                _ => unknown_key(diagnostics, member, &format!("`{path}`"), &ACTION_KEYS),
            }
        }
        let ways = [
            action.run.is_some(),
            action
                .fail
                .as_ref()
                .is_some_and(|fail| fail.times.is_none()),
            action.succeed,
        ];
        if ways.into_iter().filter(|way| *way).count() > 1 {
            wrong(
                diagnostics,
                &entry.value,
                &path,
                format!("`{path}` says more than one way to end"),
                "write one of `run`, `fail` and `succeed`; only `fail: {times: N}` may stand beside another",
            );
        }
        all.insert(entry.key.clone(), action);
    }
    all
}

fn number_wanted(diagnostics: &mut Diagnostics, node: &Node, path: &str, wanted: &str) {
    if matches!(node.data, Data::Number(_)) {
        wrong(
            diagnostics,
            node,
            path,
            format!("`{path}` must be {wanted}"),
            format!("write {wanted}"),
        );
    } else {
        kind(diagnostics, node, path, wanted);
    }
}

fn count(node: &Node) -> Option<usize> {
    match node.data {
        Data::Number(_) => node.scalar_text()?.parse().ok(),
        _ => None,
    }
}

/// A message, `true`, or `{times, message}`.
fn failing(diagnostics: &mut Diagnostics, node: &Node, path: &str) -> Option<Failing> {
    let said = || "sandbox.yml makes it fail".to_owned();
    match &node.data {
        Data::Bool(true) => Some(Failing {
            times: None,
            message: said(),
        }),
        Data::Map(members) => {
            let mut failing = Failing {
                times: None,
                message: said(),
            };
            for member in members {
                let inner = format!("{path}.{}", member.key);
                match member.key.as_str() {
                    "times" => match count(&member.value) {
                        Some(times) => failing.times = Some(times),
                        None => number_wanted(diagnostics, &member.value, &inner, "a number"),
                    },
                    "message" => {
                        failing.message =
                            scalar(diagnostics, &member.value, &inner).unwrap_or_default();
                    }
                    _ => unknown_key(
                        diagnostics,
                        member,
                        &format!("`{path}`"),
                        &["times", "message"],
                    ),
                }
            }
            Some(failing)
        }
        _ => scalar(diagnostics, node, path).map(|message| Failing {
            times: None,
            message,
        }),
    }
}

/// `alarms`: the state of each.
pub(in crate::sandbox) fn alarms(
    node: &Node,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<String, String> {
    for entry in entries(diagnostics, node, "alarms") {
        let state = entry.value.scalar_text().unwrap_or_default();
        if !ALARM_STATES.contains(&state.as_str()) {
            let path = format!("alarms.{}", entry.key);
            let message = format!("`{state}` is no state of an alarm");
            let help = format!("the states are {}", ALARM_STATES.join(", "));
            wrong(diagnostics, &entry.value, &path, message, help);
        }
    }
    named_texts(diagnostics, node, "alarms")
}
