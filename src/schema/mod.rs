//! The JSON Schema of the pipeline file, for editors: `pipectl schema`.
//!
//! Providers, their keys, words and bounds come from the catalogue; which keys stand where is said here as `model`
//! decodes it, and a test holds the two together. An editor sees the file before its variables are resolved, so that
//! wherever a value of another kind belongs, a text with `${…}` may stand too.

mod actions;
mod builds;
mod forms;
mod raw;

use serde_json::{Map, Value, json};

use crate::catalog::actions as catalog;
use crate::catalog::companions::companions;
use crate::catalog::conditions;
use crate::catalog::structure;

use actions::{approval, commands, configure, grouped, owned, single};
use forms::{
    absent, any_of, boolean, described, duration, exactly_one, free_map, list, map, map_or_word,
    named, number, one_or_more, plain, reference, text, whole, word,
};

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

/// The schema, as draft-07, which every editor reads.
pub fn schema() -> Value {
    let mut definitions = Map::new();
    builds::define(&mut definitions);
    raw::define(&mut definitions);
    for (name, value) in [
        ("provider", provider()),
        ("role", role()),
        ("allow", allow()),
        ("artifactStore", artifact_store()),
        ("notify", notify()),
        ("source", source()),
        ("trigger", trigger()),
        ("filter", filter(false)),
        ("pullRequestFilter", filter(true)),
        ("globs", globs()),
        ("stage", stage()),
        ("action", action()),
        ("rule", rule()),
        ("beforeEntry", condition("beforeEntry")),
        ("onSuccess", condition("onSuccess")),
        ("onFailure", on_failure()),
        ("transition", transition()),
        ("approval", plain(approval())),
        ("commands", plain(commands())),
        ("deploy", plain(grouped("deploy", true))),
        ("invoke", plain(grouped("invoke", false))),
        ("scan", plain(single("inspector-scan"))),
        ("image", plain(single("ecr-build-and-publish"))),
        ("alarm", alarm()),
        ("variable", variable()),
        ("pipeline", pipeline()),
    ] {
        definitions.insert(name.to_owned(), value);
    }
    let mut root = root();
    if let Some(members) = root.as_object_mut() {
        members.insert(
            "$schema".to_owned(),
            json!("http://json-schema.org/draft-07/schema#"),
        );
        members.insert("title".to_owned(), json!("pipectl"));
        members.insert("definitions".to_owned(), Value::Object(definitions));
    }
    root
}

fn root() -> Value {
    let mut keys = vec![
        (
            "service",
            text("The pipeline's name, and the prefix of what belongs to it"),
        ),
        (
            "requiredVersion",
            text("The versions of pipectl that read this file, e.g. `^1.2`"),
        ),
        ("provider", reference("provider")),
        (
            "params",
            described(
                free_map(),
                "Values for `${param:…}`: `default` and one map per stage",
            ),
        ),
        (
            "custom",
            described(free_map(), "Values of your own, for `${self:custom.…}`"),
        ),
        (
            "useDotenv",
            absent(
                boolean("Whether `.env.<stage>` or `.env` is read for `${env:…}`"),
                false,
            ),
        ),
        (
            "include",
            one_or_more(
                text("A file"),
                "Files that are merged in, from this file's folder",
            ),
        ),
        ("defaults", reference("settings")),
        (
            "projects",
            named(
                &reference("sharedProject"),
                "CodeBuild projects that stages and pipelines share",
            ),
        ),
        (
            "pipelines",
            named(
                &reference("pipeline"),
                "Several pipelines; each is called `<service>-<key>`",
            ),
        ),
        ("notifications", notifications()),
        (
            "alarms",
            named(
                &reference("alarm"),
                "CloudWatch alarms; a text is one that exists",
            ),
        ),
    ];
    keys.extend(pipeline_keys());
    let mut root = map("A pipeline of AWS CodePipeline", keys, &[]);
    // The file itself is no variable.
    root["type"] = json!("object");
    // What is missing may stand in an included file.
    root["anyOf"] = ["service", "include"]
        .map(|key| json!({"required": [key], "errorMessage": "`service` is missing."}))
        .into();
    root
}

fn pipeline_keys() -> Vec<(&'static str, Value)> {
    let enums = structure::enums();
    vec![
        ("name", text("The pipeline's name in AWS")),
        (
            "source",
            one_or_more(
                reference("source"),
                "Where the code is: one source, or a list",
            ),
        ),
        ("stages", list(reference("stage"), "What is done, in order")),
        (
            "variables",
            named(
                &reference("variable"),
                "Variables of a run: `#{variables.NAME}`",
            ),
        ),
        (
            "triggers",
            one_or_more(
                reference("trigger"),
                "What starts the pipeline beside any change of a source",
            ),
        ),
        (
            "executionMode",
            absent(
                word(
                    "What happens when a second execution comes",
                    enums.execution_mode.iter().map(String::as_str),
                ),
                structure::defaults().execution_mode.as_str(),
            ),
        ),
        (
            "type",
            absent(
                word(
                    "V2 unless it says V1, which is for few features only",
                    ["V1", "V2"],
                ),
                "V2",
            ),
        ),
        ("api", api("PipelineDeclaration")),
    ]
}

fn pipeline() -> Value {
    let mut keys = pipeline_keys();
    keys.push((
        "tags",
        named(&forms::scalar("A tag's value"), "Tags of this pipeline"),
    ));
    keys.push(("definition", reference("pipelineDefinition")));
    map("A pipeline", keys, &[])
}

fn api(shape: &str) -> Value {
    described(
        free_map(),
        &format!("Members of {shape}, merged last into what AWS gets"),
    )
}

fn provider() -> Value {
    map(
        "Where the pipeline lives, and what its resources share",
        vec![
            ("name", absent(word("The only one", ["aws"]), "aws")),
            ("region", text("The region, unless `-r` says another")),
            (
                "stage",
                absent(text("The stage, unless `-s` says another"), "dev"),
            ),
            ("profile", text("The AWS profile, unless `-p` says another")),
            (
                "accountId",
                text("The account; with credentials of any other nothing is done"),
            ),
            (
                "tags",
                named(
                    &forms::scalar("A tag's value"),
                    "Tags of everything that is made",
                ),
            ),
            ("pipelineRole", reference("role")),
            ("buildRole", reference("role")),
            ("eventsRole", reference("role")),
            (
                "permissionsBoundary",
                text("ARN of a policy that bounds every made role"),
            ),
            ("artifactStore", reference("artifactStore")),
        ],
        &[],
    )
}

fn role() -> Value {
    let made = map(
        "A role that is made",
        vec![
            ("name", text("Its name; derived if absent")),
            ("allow", reference("allow")),
            (
                "sourceArn",
                absent(
                    boolean("Whether its trust names the very pipeline or project"),
                    false,
                ),
            ),
        ],
        &[],
    );
    any_of(
        "A role that exists (name or ARN), or one that is made",
        vec![text("A name or an ARN"), made],
    )
}

fn allow() -> Value {
    let statement = map(
        "A statement of an IAM policy",
        vec![
            ("Sid", text("A name")),
            (
                "Effect",
                absent(
                    word("Allow unless it says Deny", ["Allow", "Deny"]),
                    "Allow",
                ),
            ),
            (
                "Action",
                one_or_more(text("e.g. `s3:PutObject`"), "Actions"),
            ),
            (
                "NotAction",
                one_or_more(text("e.g. `s3:PutObject`"), "All but these actions"),
            ),
            ("Resource", one_or_more(text("An ARN"), "Resources")),
            (
                "NotResource",
                one_or_more(text("An ARN"), "All but these resources"),
            ),
            ("Condition", free_map()),
        ],
        &[],
    );
    one_or_more(statement, "Statements that are added to the made role")
}

fn artifact_store() -> Value {
    let keys = || {
        vec![
            (
                "bucket",
                any_of(
                    "A bucket that exists, or one that is made",
                    vec![
                        text("Its name"),
                        map(
                            "A bucket that is made",
                            vec![("name", text("Its name; derived if absent"))],
                            &[],
                        ),
                    ],
                ),
            ),
            (
                "kmsKey",
                text("Id, ARN or alias of a KMS key; cross-account actions need one"),
            ),
            (
                "retention",
                duration("After how long artifacts expire, in days"),
            ),
        ]
    };
    let mut all = keys();
    let region = map("The store of another region", keys(), &[]);
    all.push((
        "regions",
        named(
            &region,
            "Stores of other regions; what is needed and absent is made",
        ),
    ));
    map("Where artifacts are kept", all, &[])
}

fn notify() -> Value {
    let topic = map(
        "A topic that is made",
        vec![
            ("name", text("Its name; derived if absent")),
            (
                "emails",
                one_or_more(text("An address"), "Who gets its messages"),
            ),
        ],
        &[],
    );
    let one = any_of(
        "An e-mail address, a topic that exists, or one that is made",
        vec![text("An e-mail address or the ARN of a topic"), topic],
    );
    one_or_more(one, "Who is told")
}

fn notifications() -> Value {
    map(
        "Who is told of what",
        ["buildFailed", "stageFailed", "approvalNeeded", "succeeded"]
            .map(|event| (event, reference("notify")))
            .into(),
        &[],
    )
}

fn source() -> Value {
    let kinds = catalog::kinds("source");
    let mut keys = owned(vec![
        (
            "name",
            absent(text("The action's name; Source if absent"), "Source"),
        ),
        ("branch", text("The branch")),
        (
            "connection",
            text("ARN of a connection, usually `${ssm:…}`"),
        ),
        (
            "token",
            text("GitHub version 1: an OAuth token, usually `${secret:…}`"),
        ),
        (
            "output",
            text("The artifact's name; the action's if absent"),
        ),
        (
            "clone",
            word(
                "The whole clone, for builds that need the history",
                ["full"],
            ),
        ),
        (
            "detect",
            absent(
                word("How changes are noticed", ["events", "polling", "none"]),
                "events",
            ),
        ),
        (
            "namespace",
            text("For `#{NAMESPACE.CommitId}`; `<Name>Variables` if absent"),
        ),
        ("role", text("ARN of the action's own role")),
        ("actionRole", text("ARN of the action's own role")),
        ("api", api("ActionDeclaration")),
        ("definition", reference("actionDefinition")),
    ]);
    for kind in &kinds {
        if let Some(of) = catalog::by_kind("source", kind) {
            let about = format!("A source of {}: `{}`", of.provider, address(kind));
            keys.push(((*kind).to_owned(), text(&about)));
            configure(&mut keys, &of.keys);
        }
    }
    if let Some(of) = catalog::by_id("source-github-v1") {
        configure(&mut keys, &of.keys);
    }
    let one_of: Vec<&str> = kinds.iter().copied().chain(["definition"]).collect();
    exactly_one(
        map("Where the code is", keys, &[]),
        &one_of,
        "a kind of source",
    )
}

/// What a source's own key holds.
fn address(kind: &str) -> &'static str {
    match kind {
        "codecommit" => "repository",
        "s3" => "bucket/key",
        "ecr" => "repository[:tag]",
        _ => "owner/repository",
    }
}

fn trigger() -> Value {
    map(
        "What starts the pipeline",
        vec![
            (
                "source",
                text("The source it is about, if there are several"),
            ),
            (
                "push",
                one_or_more(reference("filter"), "Pushes: one to three filters"),
            ),
            (
                "pullRequest",
                one_or_more(
                    reference("pullRequestFilter"),
                    "Pull requests: one to three filters",
                ),
            ),
            (
                "schedule",
                one_or_more(
                    text("`cron(0 6 ? * MON-FRI *)` (UTC) or `rate(1 hour)`"),
                    "At which times",
                ),
            ),
        ],
        &[],
    )
}

fn filter(pull_request: bool) -> Value {
    let mut keys = vec![
        ("branches", reference("globs")),
        ("paths", reference("globs")),
    ];
    if pull_request {
        let events = structure::enums()
            .pull_request_event
            .iter()
            .map(|event| event.to_lowercase());
        let events: Vec<String> = events.collect();
        let event = word("An event", events.iter().map(String::as_str));
        keys.push((
            "events",
            one_or_more(event, "Which events of the pull request"),
        ));
    } else {
        keys.push(("tags", reference("globs")));
    }
    map("A filter: all of it must match", keys, &[])
}

fn globs() -> Value {
    let both = map(
        "Patterns",
        vec![
            ("include", one_or_more(text("A pattern"), "What matches")),
            ("exclude", one_or_more(text("A pattern"), "What does not")),
        ],
        &[],
    );
    any_of(
        "Patterns; a leading `!` excludes",
        vec![
            one_or_more(text("A pattern"), "Patterns; a leading `!` excludes"),
            both,
        ],
    )
}

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

fn stage() -> Value {
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

fn action() -> Value {
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

fn condition(place: &str) -> Value {
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

fn on_failure() -> Value {
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

fn transition() -> Value {
    map(
        "Whether executions may enter the stage; left as it is if absent",
        vec![
            ("enabled", boolean("Whether they may")),
            ("reason", text("Why not")),
        ],
        &["enabled"],
    )
}

fn rule() -> Value {
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

fn alarm() -> Value {
    let known = &companions().alarm_defaults;
    let failed = map(
        "Builds that fail",
        vec![
            (
                "failedBuilds",
                one_or_more(
                    text("`all`, or a project"),
                    "`all`, or projects of this file",
                ),
            ),
            (
                "period",
                absent(
                    duration("Over how long they are counted, in seconds"),
                    companions().failed_builds.period,
                ),
            ),
            ("notify", reference("notify")),
        ],
        &["failedBuilds"],
    );
    let metric = map(
        "A metric",
        vec![
            ("namespace", text("The metric's namespace")),
            ("metric", text("The metric's name")),
            (
                "dimensions",
                named(&forms::scalar("A value"), "Its dimensions"),
            ),
            (
                "statistic",
                absent(text("Sum, Average, …, p99"), known.statistic.as_str()),
            ),
            (
                "period",
                absent(
                    duration("Over how long it is taken, in seconds"),
                    known.period,
                ),
            ),
            (
                "periods",
                absent(whole("How many periods in a row"), known.periods),
            ),
            ("above", number("More than this")),
            ("below", number("Less than this")),
            ("atLeast", number("This or more")),
            ("atMost", number("This or less")),
            (
                "missing",
                word(
                    "What missing data means",
                    ["notBreaching", "breaching", "ignore", "missing"],
                ),
            ),
            ("notify", reference("notify")),
        ],
        &["namespace", "metric"],
    );
    any_of(
        "An alarm",
        vec![
            text("An alarm that exists: its name or ARN"),
            failed,
            metric,
        ],
    )
}

fn variable() -> Value {
    let both = map(
        "A variable of a run",
        vec![
            (
                "default",
                forms::scalar("Its value unless the start says another"),
            ),
            ("description", text("What it is for")),
        ],
        &[],
    );
    any_of(
        "A variable of a run",
        vec![
            forms::scalar("Its value unless the start says another"),
            both,
        ],
    )
}
