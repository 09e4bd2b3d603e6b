//! Builds, their settings, and shared projects.

use serde_json::{Map, Value};

use super::actions::options;
use super::api;
use super::forms::{
    absent, any_of, boolean, command, described, duration, free_map, list, map, named, one_or_more,
    plain, reference, scalar, text, whole, word,
};
use crate::catalog::companions::companions;
use crate::catalog::{buildspec, codebuild};

/// Adds the definitions of builds.
pub(super) fn define(definitions: &mut Map<String, Value>) {
    let settings = map(
        "What every build has unless it says otherwise",
        settings(),
        &[],
    );
    for (name, value) in [
        ("settings", settings),
        ("env", env()),
        ("artifacts", artifacts()),
        ("build", plain(build())),
        ("selfUpdate", plain(self_update())),
        ("sharedProject", shared_project()),
    ] {
        definitions.insert(name.to_owned(), value);
    }
}

fn commands(about: &str) -> Value {
    one_or_more(command(), about)
}

fn settings() -> Vec<(&'static str, Value)> {
    let known = &codebuild::codebuild().project;
    let compute: Vec<&str> = ["small", "medium", "large", "xlarge", "2xlarge"]
        .into_iter()
        .chain(
            codebuild::codebuild()
                .environment
                .compute_types
                .iter()
                .map(String::as_str),
        )
        .collect();
    let mut compute = text(&format!(
        "How large the machine is: {}",
        compute[..5].join(", ")
    ));
    compute["examples"] = serde_json::json!(["small", "medium", "large", "xlarge", "2xlarge"]);
    let machine = &codebuild::codebuild().os[0];
    let compute = absent(compute, machine.default_compute.as_str());
    vec![
        (
            "image",
            text("A Docker image; a current one of CodeBuild if absent"),
        ),
        ("compute", compute),
        (
            "os",
            absent(
                word(
                    "Linux on x86 unless it says otherwise",
                    codebuild::os_words(),
                ),
                machine.os.as_str(),
            ),
        ),
        (
            "runtimes",
            named(
                &scalar("A version, as written"),
                "Languages of the image and their versions",
            ),
        ),
        (
            "timeout",
            minutes("After how long it fails, in minutes", known.timeout.default),
        ),
        (
            "queuedTimeout",
            minutes(
                "How long it may wait for a machine, in minutes",
                known.queued_timeout.default,
            ),
        ),
        ("env", reference("env")),
        ("cache", cache()),
        ("vpc", vpc()),
        ("privileged", absent(boolean("For docker"), false)),
        ("role", reference("role")),
        ("allow", reference("allow")),
        ("logs", logs()),
        ("encryptionKey", text("The KMS key of its artifacts")),
        ("fileSystems", file_systems()),
        (
            "concurrency",
            whole("How many builds of the project may run at once"),
        ),
        ("install", commands("Commands of the install phase")),
        ("before", commands("Commands before the build")),
        (
            "after",
            commands("Commands after the build, also if it failed"),
        ),
        (
            "finally",
            commands("Commands at the end of the build phase, whatever came of it"),
        ),
    ]
}

/// A time span in minutes, and what holds where it is absent.
fn minutes(about: &str, default: Option<u64>) -> Value {
    let value = duration(about);
    match default {
        Some(default) => absent(value, default),
        None => value,
    }
}

fn env() -> Value {
    let parameter = map(
        "A parameter that CodeBuild reads",
        vec![("ssm", text("Its name"))],
        &["ssm"],
    );
    let secret = map(
        "A secret that CodeBuild reads",
        vec![("secret", text("`id[:key[:stage[:version]]]`"))],
        &["secret"],
    );
    let value = any_of(
        "A text, a parameter or a secret",
        vec![scalar("The text, as written"), parameter, secret],
    );
    named(&value, "Environment variables")
}

fn cache() -> Value {
    let all = map(
        "What is kept from build to build",
        vec![
            ("s3", text("`bucket/prefix`")),
            (
                "local",
                one_or_more(
                    word("A mode", ["docker", "source", "custom"]),
                    "On the machine, for a while",
                ),
            ),
            ("namespace", text("Who shares it")),
            ("key", text("The key it is found by")),
            (
                "fallbackKeys",
                one_or_more(text("A key"), "Keys that do, too"),
            ),
            ("paths", one_or_more(text("A path"), "What is kept")),
        ],
        &[],
    );
    let paths = one_or_more(
        text("`none`, `local`, `docker`, `source`, or a path"),
        "What is kept",
    );
    any_of("What is kept from build to build", vec![paths, all])
}

fn vpc() -> Value {
    let ids = |about| one_or_more(text("An id"), about);
    map(
        "The network the build runs in",
        vec![
            ("id", text("`vpc-…`")),
            ("vpcId", text("`vpc-…`")),
            ("subnets", ids("`subnet-…`")),
            ("securityGroups", ids("`sg-…`")),
            ("securityGroupIds", ids("`sg-…`")),
        ],
        &["subnets"],
    )
}

fn logs() -> Value {
    let all = map(
        "Where the log goes",
        vec![
            ("enabled", boolean("Whether CloudWatch gets it")),
            ("name", text("A log group that is made")),
            ("group", text("A log group that exists")),
            (
                "retention",
                absent(
                    duration("How long a made one keeps it, in days"),
                    companions().logs.retention_days,
                ),
            ),
            ("stream", text("Prefix of the stream")),
            ("s3", text("`bucket/prefix`")),
        ],
        &[],
    );
    any_of(
        "Where the log goes",
        vec![text("A log group that exists, or `none`"), all],
    )
}

fn file_systems() -> Value {
    let one = map(
        "An EFS file system",
        vec![
            (
                "identifier",
                text("A name for the environment variable CODEBUILD_…"),
            ),
            ("location", text("`fs-….efs.REGION.amazonaws.com:/PATH`")),
            ("mountPoint", text("The folder in the build")),
            ("mountOptions", text("Options of NFS")),
        ],
        &["identifier", "location", "mountPoint"],
    );
    one_or_more(one, "File systems")
}

fn artifacts() -> Value {
    let all = map(
        "Files that are handed on",
        vec![
            (
                "files",
                one_or_more(text("A pattern"), "Which files; all if absent"),
            ),
            ("base", text("The folder they are taken from")),
            ("exclude", one_or_more(text("A pattern"), "Which not")),
            ("name", text("The artifact's name in the bucket")),
            ("flatten", boolean("Whether folders are left out")),
            ("symlinks", boolean("Whether links stay links")),
        ],
        &[],
    );
    any_of(
        "Files that are handed on",
        vec![one_or_more(text("A pattern"), "Which files"), all],
    )
}

/// What a build does, beside its settings.
fn body() -> Vec<(&'static str, Value)> {
    let formats = buildspec::buildspec()
        .report_formats
        .iter()
        .map(|format| format.name.as_str());
    let formats: Vec<&str> = formats.collect();
    let report = map(
        "A report",
        vec![
            ("files", one_or_more(text("A pattern"), "Its files")),
            ("format", text(&formats.join(", "))),
            ("base", text("The folder they are in")),
        ],
        &["files"],
    );
    let one = any_of(
        "A report",
        vec![one_or_more(text("A file"), "Its files"), report],
    );
    let outputs = any_of(
        "Secondary artifacts",
        vec![
            one_or_more(text("A name"), "Names of artifacts"),
            named(&reference("artifacts"), "Artifacts by name"),
        ],
    );
    vec![
        ("run", commands("What the build does")),
        (
            "buildspec",
            any_of(
                "A buildspec",
                vec![text("A path in the source"), free_map()],
            ),
        ),
        (
            "reports",
            any_of(
                "Reports of tests and of coverage",
                vec![
                    one_or_more(text("A file"), "A file"),
                    named(&one, "Reports by name"),
                ],
            ),
        ),
        ("artifacts", reference("artifacts")),
        (
            "output",
            text("The artifact's name; the action's if absent"),
        ),
        ("outputs", outputs),
        (
            "exports",
            one_or_more(
                text("A name"),
                "Variables of the build that later actions can use",
            ),
        ),
        ("batch", batch()),
        ("description", text("What the project is for")),
    ]
}

fn batch() -> Value {
    let all = map(
        "Several builds at once",
        vec![
            (
                "list",
                list(free_map(), "Builds that do not wait for each other"),
            ),
            ("graph", list(free_map(), "Builds that wait for each other")),
            ("matrix", free_map()),
            ("fanout", free_map()),
            ("fastFail", boolean("Whether the first failure ends all")),
            ("role", text("The role that starts them")),
            ("combine", boolean("Whether their artifacts become one")),
            (
                "timeout",
                duration("After how long the batch fails, in minutes"),
            ),
            ("maximum", whole("How many there may be")),
            (
                "computeTypes",
                one_or_more(text("A compute type"), "How large their machines may be"),
            ),
        ],
        &[],
    );
    any_of(
        "Several builds at once; `true` if the buildspec says which",
        vec![boolean("Whether the buildspec says which"), all],
    )
}

fn build() -> Value {
    let mut keys = options();
    keys.extend(settings());
    keys.extend(body());
    keys.push(("project", text("A project of `projects`")));
    let all = map("A build", keys, &[]);
    any_of("A build", vec![commands("What the build does"), all])
}

fn self_update() -> Value {
    let mut keys = options();
    keys.extend(settings());
    keys.push(("version", text("A version of pipectl that is installed")));
    let keys = keys
        .into_iter()
        .filter(|(key, _)| !["runtimes", "before", "after", "finally"].contains(key))
        .collect();
    described(
        map("", keys, &[]),
        "Brings this pipeline to what the file of the commit says",
    )
}

fn shared_project() -> Value {
    let mut keys = settings();
    keys.extend(body());
    keys.extend([
        ("name", text("Its name in AWS; `<service>-<key>` if absent")),
        ("region", text("Another region than the pipeline's")),
        ("api", api("CreateProject")),
    ]);
    let existing = map(
        "A project that exists: used and never changed",
        vec![("existing", text("Its name"))],
        &["existing"],
    );
    let raw = map(
        "A project as the API has it",
        vec![
            ("definition", reference("projectDefinition")),
            ("api", api("CreateProject")),
        ],
        &["definition"],
    );
    any_of(
        "A CodeBuild project",
        vec![existing, raw, map("A CodeBuild project", keys, &[])],
    )
}
