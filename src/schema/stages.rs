//! Stages, their actions, and the conditions around them.

use serde_json::{Value, json};

use super::actions::{configure, owned};
use super::api;
use super::forms::{
    self, any_of, boolean, duration, exactly_one, list, map, map_or_word, one_or_more, reference,
    text, whole, word,
};
use crate::catalog::conditions;

/// Kinds of stages and actions, with what they become.
const KINDS: [(&str, &str); 11] = [
    (
        "unit",
        "Unit tests: a CodeBuild action of category Test, with a report group",
    ),
    (
        "integration",
        "Integration tests: a CodeBuild action of category Test, with a report group",
    ),
    (
        "test",
        "Tests: a CodeBuild action of category Test, with a report group",
    ),
    ("build", "A build: a CodeBuild action and its project"),
    (
        "commands",
        "Commands without a project: the Commands action of CodePipeline",
    ),
    ("approval", "A manual approval"),
    (
        "selfUpdate",
        "Brings this pipeline to what the file of the commit says",
    ),
    (
        "deploy",
        "A build that deploys (`run`), or a provider such as `ecs`",
    ),
    (
        "invoke",
        "Invokes a function, a state machine or a pipeline",
    ),
    ("scan", "Amazon Inspector looks for vulnerabilities"),
    (
        "image",
        "Builds an image and pushes it to ECR, without a project",
    ),
];

fn kind_keys() -> Vec<(&'static str, Value)> {
    KINDS
        .into_iter()
        .map(|(kind, about)| {
            let value = match kind {
                "unit" | "integration" | "test" | "build" => reference("build"),
                other => reference(other),
            };
            // Beside a reference nothing else counts; the first of the types is what an editor prepares.
            let types = ["string", "number", "array", "object"];
            let value = json!({"type": types, "allOf": [value], "description": about});
            (kind, value)
        })
        .collect()
}

pub(super) fn stage() -> Value {
    let mut keys = kind_keys();
    keys.extend([
        (
            "name",
            text("The stage's name; derived from its kind if absent"),
        ),
        (
            "actions",
            list(
                reference("action"),
                "Several actions, side by side unless `needs` says otherwise",
            ),
        ),
        (
            "definition",
            any_of(
                "A stage or an action as the API has it",
                vec![reference("stageDefinition"), reference("actionDefinition")],
            ),
        ),
        ("beforeEntry", reference("beforeEntry")),
        ("onSuccess", reference("onSuccess")),
        ("onFailure", reference("onFailure")),
        ("transition", reference("transition")),
        ("api", api("StageDeclaration")),
    ]);
    let kinds: Vec<&str> = KINDS
        .iter()
        .map(|(kind, _)| *kind)
        .chain(["actions", "definition"])
        .collect();
    one_kind("A stage", keys, &kinds)
}

pub(super) fn action() -> Value {
    let mut keys = kind_keys();
    keys.extend([
        ("name", text("The action's name")),
        (
            "needs",
            one_or_more(
                text("A name"),
                "The actions of this stage that must have ended before",
            ),
        ),
        (
            "runOrder",
            whole("Its place in the order of the stage; `needs` says the same with names"),
        ),
        ("definition", reference("actionDefinition")),
    ]);
    let kinds: Vec<&str> = KINDS
        .iter()
        .map(|(kind, _)| *kind)
        .chain(["definition"])
        .collect();
    one_kind("An action", keys, &kinds)
}

/// A stage or an action: a map with one kind, or a kind that says everything by its word.
fn one_kind(about: &str, keys: Vec<(&str, Value)>, kinds: &[&str]) -> Value {
    let map = exactly_one(map(about, keys, &[]), kinds, "a kind");
    map_or_word(map, about, &["selfUpdate", "approval"])
}

pub(super) fn condition(place: &str) -> Value {
    let results = conditions::placement(place).map_or(&[][..], |place| &place.results);
    let results: Vec<String> = results.iter().map(|result| result.to_lowercase()).collect();
    map(
        "Rules, and what happens unless they hold",
        vec![
            ("check", one_or_more(reference("rule"), "What is looked at")),
            (
                "else",
                word(
                    "What happens unless all hold",
                    results.iter().map(String::as_str),
                ),
            ),
        ],
        &["check"],
    )
}

pub(super) fn on_failure() -> Value {
    let retry = map(
        "The stage is tried again",
        vec![(
            "retry",
            word("Its failed actions, or all", ["failed", "all"]),
        )],
        &["retry"],
    );
    any_of(
        "What happens when the stage fails",
        vec![
            word("Back to the last good execution", ["rollback"]),
            retry,
            condition("onFailure"),
        ],
    )
}

pub(super) fn transition() -> Value {
    map(
        "Whether executions may enter the stage; left as it is if absent",
        vec![
            ("enabled", boolean("Whether they may")),
            ("reason", text("Why not")),
        ],
        &["enabled"],
    )
}

pub(super) fn rule() -> Value {
    let mut keys = owned(vec![
        ("name", text("The rule's name; derived if absent")),
        (
            "input",
            one_or_more(
                text("An artifact"),
                "Artifacts that its project or commands read",
            ),
        ),
        ("region", text("Another region")),
        ("actionRole", text("ARN of the rule's own role")),
        (
            "timeout",
            duration("After how long it gives up, in minutes"),
        ),
        ("eq", forms::scalar("The variable is this")),
        ("ne", forms::scalar("The variable is not this")),
        ("contains", forms::scalar("The variable contains this")),
        (
            "matches",
            forms::scalar("The variable matches this regular expression"),
        ),
        ("definition", reference("ruleDefinition")),
    ]);
    let mut kinds = vec!["definition"];
    for provider in conditions::rule_providers() {
        let about = format!("The rule {}", provider.provider);
        keys.push((provider.kind.clone(), one_or_more(text(&about), &about)));
        kinds.push(&provider.kind);
        configure(&mut keys, provider.keys.get(1..).unwrap_or_default());
    }
    exactly_one(map("A rule", keys, &[]), &kinds, "a kind of rule")
}
