//! The JSON Schema of the pipeline file, for editors: `pipectl schema`.
//!
//! Providers, their keys, words and bounds come from the catalogue; which keys stand where is said here as `model`
//! decodes it, and a test holds the two together. An editor sees the file before its variables are resolved, so that
//! wherever a value of another kind belongs, a text with `${…}` may stand too.

mod actions;
mod builds;
mod forms;
mod raw;
mod stages;

use serde_json::{Map, Value, json};

use crate::catalog::actions as catalog;
use crate::catalog::companions::companions;
use crate::catalog::structure;

use actions::{approval, commands, configure, grouped, owned, single};
use forms::{
    absent, any_of, boolean, described, duration, exactly_one, free_map, list, map, named, number,
    one_or_more, plain, reference, text, whole, word,
};
use stages::{action, condition, on_failure, rule, stage, transition};

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
        ("image", plain(single("ecr-build-publish"))),
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
    // What AWS does where these are absent does not hold: `detect` always says them.
    for (key, value) in &mut keys {
        if matches!(key.as_str(), "poll" | "detectChanges")
            && let Some(members) = value.as_object_mut()
        {
            members.remove("default");
            members.insert("doNotSuggest".to_owned(), json!(true));
            members.insert("description".to_owned(), json!("`detect` says the same"));
        }
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
