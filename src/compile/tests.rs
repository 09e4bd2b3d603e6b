//! Files as people write them, and what AWS is told.

mod rights;
mod told;

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Binary, Compiled, Facts, Libc, compile, output};
use crate::diagnostic::Diagnostics;
use crate::model::{Context, decode};
use crate::resources::{Kind, Resource};
use crate::source::Sources;
use crate::variables::Request;

fn facts() -> Facts {
    Facts {
        account: "123456789012".to_owned(),
        partition: "aws".to_owned(),
        region: "us-east-1".to_owned(),
        stage: "dev".to_owned(),
        file: "deploy/pipeline.yml".to_owned(),
        params: vec![("colour".to_owned(), "light blue".to_owned())],
        reads: vec![Request::Parameter {
            region: "us-east-1".to_owned(),
            name: "/hw/bucket".to_owned(),
            decrypt: true,
        }],
        binary: Some(Binary {
            sha256: "ab".repeat(32),
            path: "pipectl".to_owned(),
            arch: "x86_64".to_owned(),
            libc: Libc::Inside,
        }),
        binary_must_fit: true,
        offline: false,
    }
}

/// Compiles a file; the findings of compiling come with it.
pub(super) fn compiled(text: &str) -> (Compiled, Vec<String>) {
    compiled_with(text, &facts())
}

fn compiled_with(text: &str, facts: &Facts) -> (Compiled, Vec<String>) {
    let mut sources = Sources::new();
    let file = sources.add("pipeline.yml", text);
    let mut out = Diagnostics::new();
    let tree = crate::yaml::parse(&sources, file, &mut out).expect("YAML");
    let model = decode(&tree, &Context::default(), &mut out);
    let model = model.unwrap_or_else(|| panic!("{:#?}", out.into_sorted()));
    let mut found = Diagnostics::new();
    let compiled = compile(&model, facts, &mut found);
    for one in found.iter() {
        let marked = !one.label.is_empty() && one.span.start() < one.span.end();
        assert!(
            marked && one.help.is_some(),
            "says nothing at its place: {one:?}"
        );
    }
    let found = found.iter().map(|d| format!("{} {}", d.code, d.path));
    (compiled, found.collect())
}

fn good(text: &str) -> Compiled {
    let (compiled, found) = compiled(text);
    assert_eq!(found, Vec::<String>::new());
    compiled
}

fn resource<'c>(compiled: &'c Compiled, kind: Kind, name: &str) -> &'c Resource {
    let all = &compiled.desired.resources;
    all.iter()
        .find(|r| r.id.kind == kind && r.id.name == name)
        .unwrap_or_else(|| {
            let there: Vec<String> = all.iter().map(|r| r.id.to_string()).collect();
            panic!("no {kind} {name} in {there:#?}")
        })
}

fn body<'c>(compiled: &'c Compiled, kind: Kind, name: &str) -> &'c Value {
    &resource(compiled, kind, name).body
}

/// Statements of a role's derived policy that hold an action.
fn statements<'v>(role: &'v Value, action: &str) -> Vec<&'v Value> {
    let list = role["policies"]["pipectl"]["Statement"].as_array();
    list.into_iter()
        .flatten()
        .filter(|s| texts(&s["Action"]).contains(&action))
        .collect()
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect(),
    }
}

const WHOLE: &str = r#"
service: hw
provider:
  tags: {team: water}
defaults:
  env:
    LIMIT: {ssm: /hw/limit}
    KEY: {secret: "hw/key:token"}
source:
  codecommit: hw-repo
  branch: main
variables:
  COLOUR: blue
executionMode: QUEUED
stages:
  - selfUpdate
  - unit: pytest
  - name: Ship
    actions:
      - name: Images
        build:
          run:
            - aws ecr get-login-password | docker login --password-stdin
            - docker push 123456789012.dkr.ecr.us-east-1.amazonaws.com/hw/api:latest
          privileged: true
      - name: Go
        approval: ops@example.com
        needs: [Images]
  - name: Prod
    transition: {enabled: false}
    deploy:
      s3: {bucket: hw-pages, extract: true}
notifications:
  stageFailed: dev@example.com
alarms:
  failed-builds:
    failedBuilds: all
    notify: ops@example.com
"#;

#[test]
fn a_pipeline_with_everything_it_needs() {
    let compiled = good(WHOLE);
    let pipeline = body(&compiled, Kind::Pipeline, "hw");
    assert_eq!(pipeline["pipelineType"], "V2");
    assert_eq!(
        pipeline["roleArn"],
        "arn:aws:iam::123456789012:role/hw-pipeline-us-east-1"
    );
    assert_eq!(
        pipeline["artifactStore"]["location"],
        "hw-artifacts-123456789012-us-east-1"
    );
    let source = &pipeline["stages"][0]["actions"][0];
    assert_eq!(source["configuration"]["PollForSourceChanges"], "false");
    let rule = body(&compiled, Kind::EventRule, "hw-Source");
    assert_eq!(rule["EventPattern"]["detail"]["referenceName"][0], "main");
    assert_eq!(
        rule["Targets"][0]["RoleArn"],
        "arn:aws:iam::123456789012:role/hw-events-us-east-1"
    );
    let transition = body(&compiled, Kind::StageTransition, "hw Prod");
    assert_eq!(transition["enabled"], false);
    assert!(transition["reason"].is_string());
    let approval = &pipeline["stages"][3]["actions"][1];
    let topic = "arn:aws:sns:us-east-1:123456789012:hw-ops-example-com";
    assert_eq!(approval["configuration"]["NotificationArn"], topic);
    assert_eq!(approval["runOrder"], 2);
    resource(
        &compiled,
        Kind::Subscription,
        "hw-ops-example-com email ops@example.com",
    );
    for one in &compiled.desired.resources {
        let tagged = one.tags.get("team").is_some_and(|t| t == "water");
        assert_eq!(tagged, one.id.kind.has_tags(), "{}", one.id);
    }
}

#[test]
fn every_dependency_exists_and_none_is_circular() {
    let compiled = good(WHOLE);
    let mut made = BTreeSet::new();
    let mut open: Vec<&Resource> = compiled.desired.resources.iter().collect();
    while !open.is_empty() {
        let before = open.len();
        open.retain(|r| {
            let ready = r.depends.iter().all(|id| made.contains(id));
            if ready {
                made.insert(r.id.clone());
            }
            !ready
        });
        assert!(open.len() < before, "stuck: {open:#?}");
    }
    let pipeline = resource(&compiled, Kind::Pipeline, "hw");
    let kinds: BTreeSet<Kind> = pipeline.depends.iter().map(|id| id.kind).collect();
    let wanted = [Kind::Bucket, Kind::Topic, Kind::Role, Kind::Project];
    assert_eq!(kinds, BTreeSet::from(wanted));
}

#[test]
fn alarms_on_failed_builds_watch_each_project() {
    let compiled = good(WHOLE);
    let alarm = body(&compiled, Kind::Alarm, "hw-failed-builds-hw-UnitTest");
    assert_eq!(alarm["Namespace"], "AWS/CodeBuild");
    assert_eq!(alarm["MetricName"], "FailedBuilds");
    assert_eq!(alarm["Dimensions"][0]["Name"], "ProjectName");
    assert_eq!(alarm["Dimensions"][0]["Value"], "hw-UnitTest");
    assert_eq!(alarm["Statistic"], "Sum");
    assert_eq!(alarm["TreatMissingData"], "notBreaching");
    let topic = body(&compiled, Kind::Topic, "hw-ops-example-com");
    let from: Vec<&Value> = topic["policy"]["Statement"]
        .as_array()
        .expect("statements")
        .iter()
        .map(|s| &s["Principal"]["Service"])
        .collect();
    assert!(from.contains(&&Value::from("cloudwatch.amazonaws.com")));
    let told = body(&compiled, Kind::EventRule, "hw-stageFailed");
    assert_eq!(told["EventPattern"]["detail"]["pipeline"][0], "hw");
}

#[test]
fn roles_may_do_what_builds_do_and_no_more() {
    let compiled = good(WHOLE);
    let unit = body(&compiled, Kind::Role, "hw-UnitTest-build-us-east-1");
    let of = |role, action| -> Vec<String> {
        statements(role, action)
            .iter()
            .flat_map(|s| texts(&s["Resource"]))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(
        of(unit, "ssm:GetParameters"),
        ["arn:aws:ssm:us-east-1:123456789012:parameter/hw/limit"]
    );
    assert_eq!(
        of(unit, "secretsmanager:GetSecretValue"),
        ["arn:aws:secretsmanager:us-east-1:123456789012:secret:hw/key-??????"]
    );
    assert_eq!(
        of(unit, "logs:PutLogEvents"),
        [
            "arn:aws:logs:us-east-1:123456789012:log-group:/pipectl/hw",
            "arn:aws:logs:us-east-1:123456789012:log-group:/pipectl/hw:*"
        ]
    );
    assert!(statements(unit, "ecr:PutImage").is_empty());
    let images = body(&compiled, Kind::Role, "hw-Ship-Images-build-us-east-1");
    assert_eq!(
        of(images, "ecr:PutImage"),
        ["arn:aws:ecr:us-east-1:123456789012:repository/hw/api"]
    );
    assert_eq!(of(images, "ecr:GetAuthorizationToken"), ["*"]);
    let pipeline = body(&compiled, Kind::Role, "hw-pipeline-us-east-1");
    assert_eq!(
        of(pipeline, "sns:Publish"),
        ["arn:aws:sns:us-east-1:123456789012:hw-ops-example-com"]
    );
    assert_eq!(of(pipeline, "codebuild:StartBuild").len(), 3);
    let trust = &pipeline["assumeRolePolicyDocument"]["Statement"];
    assert_eq!(
        trust[0]["Principal"]["Service"],
        "codepipeline.amazonaws.com"
    );
    assert_eq!(
        trust[0]["Condition"]["StringEquals"]["aws:SourceAccount"],
        "123456789012"
    );
    assert!(trust[0]["Condition"].get("ArnLike").is_none());
}

#[test]
fn every_statement_knows_why() {
    let compiled = good(WHOLE);
    assert!(
        compiled
            .explain
            .iter()
            .all(|s| s.why.ends_with('.') && !s.sid.is_empty())
    );
    let starts = compiled
        .explain
        .iter()
        .find(|s| s.role == "hw-pipeline-us-east-1" && s.sid == "Build")
        .expect("explained");
    assert!(starts.why.contains("UnitTest"), "{}", starts.why);
    let mut sids = BTreeSet::new();
    assert!(
        compiled
            .explain
            .iter()
            .all(|s| sids.insert((&s.role, &s.sid)))
    );
}

#[test]
fn the_self_update_runs_what_the_last_apply_ran() {
    let compiled = good(WHOLE);
    let project = resource(&compiled, Kind::Project, "hw-SelfUpdate");
    let text = project.body["source"]["buildspec"].as_str().expect("text");
    let spec: Value = serde_yaml::from_str(text).expect("YAML");
    let sha = "ab".repeat(32);
    let install = texts(&spec["phases"]["install"]["commands"]);
    assert!(install[0].contains(&format!(
        "--key pipectl/{sha} --expected-bucket-owner 123456789012"
    )));
    assert!(install[1].contains(&sha) && install[1].contains("sha256sum -c"));
    assert_eq!(
        spec["phases"]["build"]["commands"][0],
        "/tmp/pipectl apply --yes --wait --file deploy/pipeline.yml --region us-east-1 --stage dev --pipeline hw --param 'colour=light blue'"
    );
    let object = format!("hw-artifacts-123456789012-us-east-1/pipectl/{sha}");
    assert!(
        project
            .depends
            .contains(&resource(&compiled, Kind::Object, &object).id)
    );
    let action = &body(&compiled, Kind::Pipeline, "hw")["stages"][1]["actions"][0];
    let environment = action["configuration"]["EnvironmentVariables"].as_str();
    assert!(environment.is_some_and(|e| e.contains("#{codepipeline.PipelineExecutionId}")));
}

#[test]
fn a_pipeline_of_that_name_has_its_artifacts_elsewhere() {
    let compiled = good(&WHOLE.replace("service: hw", "service: pipectl"));
    let sha = "ab".repeat(32);
    let bucket = "pipectl-artifacts-123456789012-us-east-1";
    resource(
        &compiled,
        Kind::Object,
        &format!("{bucket}/pipectl-binary/{sha}"),
    );
    let unit = body(&compiled, Kind::Role, "pipectl-UnitTest-build-us-east-1");
    let denied: Vec<String> = statements(unit, "s3:DeleteObject")
        .iter()
        .filter(|s| s["Effect"] == "Deny")
        .flat_map(|s| texts(&s["Resource"]))
        .map(str::to_owned)
        .collect();
    assert_eq!(
        denied,
        [format!("arn:aws:s3:::{bucket}/pipectl-binary/*")],
        "its artifacts lie under pipectl/"
    );
}

#[test]
fn a_secret_of_the_command_line_stands_in_no_buildspec() {
    let file = "\
service: hw
source: {github: o/r, branch: main, token: the-marker}
stages: [selfUpdate, {unit: make}]
";
    let params = [("colour", "blue"), ("token", "the-marker"), ("none", "")];
    let facts = Facts {
        params: params.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec(),
        ..facts()
    };
    let (compiled, found) = compiled_with(file, &facts);
    assert_eq!(found, ["self-update-param stages[0].selfUpdate"]);
    let project = resource(&compiled, Kind::Project, "hw-SelfUpdate");
    let text = project.body["source"]["buildspec"].as_str().expect("text");
    assert!(text.contains("--param colour=blue --param none="), "{text}");
    assert!(!text.contains("the-marker"));
}

#[test]
fn the_self_update_takes_a_pipectl_that_runs_in_its_image() {
    let file = |image: &str| {
        format!(
            "service: hw\nsource: {{codecommit: hw, branch: main}}\nstages:\n  - selfUpdate: {{image: '{image}'}}\n  - unit: make\n"
        )
    };
    let fits = |image: &str, arch: &str, libc: Libc| {
        let mut facts = facts();
        let binary = facts.binary.as_mut().expect("a binary");
        (binary.arch, binary.libc) = (arch.to_owned(), libc);
        let (_, found) = compiled_with(&file(image), &facts);
        assert!(
            found.is_empty() || found == ["self-update-binary stages[0].selfUpdate"],
            "{found:?}"
        );
        found.is_empty()
    };
    let (al2, al2023) = (
        "aws/codebuild/amazonlinux-x86_64-standard:4.0",
        "aws/codebuild/amazonlinux2-x86_64-standard:5.0",
    );
    assert!(fits(al2, "x86_64", Libc::Glibc(26)));
    assert!(!fits(al2, "x86_64", Libc::Glibc(27)));
    assert!(fits(al2023, "x86_64", Libc::Glibc(34)));
    assert!(!fits(al2023, "x86_64", Libc::Glibc(36)));
    assert!(!fits(al2023, "x86_64", Libc::Musl));
    assert!(!fits(al2023, "arm64", Libc::Inside));
    assert!(fits("python:3.12", "x86_64", Libc::Inside));
    assert!(!fits("python:3.12", "x86_64", Libc::Glibc(34)));
}

#[test]
fn the_self_update_cannot_change_itself_or_roles() {
    let own = "arn:aws:iam::123456789012:role/hw-SelfUpdate-build-us-east-1";
    let other = "arn:aws:iam::123456789012:role/hw-UnitTest-build-us-east-1";
    let allowed = |role: &Value, action: &str| -> Vec<String> {
        statements(role, action)
            .iter()
            .filter(|s| s["Effect"] == "Allow")
            .flat_map(|s| texts(&s["Resource"]))
            .map(str::to_owned)
            .collect()
    };
    let compiled = good(WHOLE);
    let role = body(&compiled, Kind::Role, "hw-SelfUpdate-build-us-east-1");
    assert_eq!(allowed(role, "iam:PutRolePolicy"), Vec::<String>::new());
    let projects = allowed(role, "codebuild:UpdateProject");
    assert!(projects.iter().any(|p| p.ends_with("project/hw-UnitTest")));
    assert!(
        projects
            .iter()
            .all(|p| !p.ends_with("SelfUpdate") && !p.contains('*')),
        "{projects:?}"
    );
    assert_eq!(
        allowed(role, "codepipeline:UpdatePipeline"),
        ["arn:aws:codepipeline:us-east-1:123456789012:hw"]
    );
    let denied = statements(role, "iam:PutRolePolicy");
    assert!(
        denied
            .iter()
            .any(|s| s["Effect"] == "Deny" && texts(&s["Resource"]) == [own])
    );
    let unit = body(&compiled, Kind::Role, "hw-UnitTest-build-us-east-1");
    let kept = statements(unit, "s3:DeleteObject");
    assert!(kept.iter().any(|s| s["Effect"] == "Deny"));

    let bounded = WHOLE.replace(
        "provider:\n",
        "provider:\n  permissionsBoundary: arn:aws:iam::123456789012:policy/limit\n",
    );
    let compiled = good(&bounded);
    let role = body(&compiled, Kind::Role, "hw-SelfUpdate-build-us-east-1");
    assert_eq!(
        role["permissionsBoundary"],
        "arn:aws:iam::123456789012:policy/limit"
    );
    let roles = allowed(role, "iam:PutRolePolicy");
    assert!(roles.contains(&other.to_owned()) && !roles.contains(&own.to_owned()));
    let write = statements(role, "iam:PutRolePolicy");
    assert!(write.iter().any(|s| {
        s["Condition"]["StringEquals"]["iam:PermissionsBoundary"]
            == "arn:aws:iam::123456789012:policy/limit"
    }));
}

#[test]
fn a_bucket_of_our_own() {
    let compiled = good(WHOLE);
    let bucket = body(
        &compiled,
        Kind::Bucket,
        "hw-artifacts-123456789012-us-east-1",
    );
    assert_eq!(bucket["versioning"], "Enabled");
    assert_eq!(bucket["eventBridge"], false);
    assert_eq!(bucket["encryption"]["sseAlgorithm"], "AES256");
    let expiring: Vec<&Value> = bucket["lifecycle"]
        .as_array()
        .expect("rules")
        .iter()
        .filter(|rule| rule.get("expirationDays").is_some())
        .map(|rule| &rule["prefix"])
        .collect();
    // what lies under `pipectl/` stays, old versions too
    assert_eq!(expiring, ["hw/"]);
    let rules = bucket["lifecycle"].as_array().expect("rules");
    assert!(
        rules
            .iter()
            .all(|rule| rule["prefix"] == "hw/" || rule.get("noncurrentDays").is_none())
    );
    assert_eq!(bucket["policy"]["Statement"][0]["Effect"], "Deny");
}

#[test]
fn other_regions_have_stores_of_their_own() {
    let compiled = good(
        "service: hw\nprovider:\n  artifactStore: {kmsKey: alias/hw}\nsource: {codecommit: r, branch: main}\nstages:\n  - unit: {run: make, region: eu-west-1}\n",
    );
    let pipeline = body(&compiled, Kind::Pipeline, "hw");
    let stores = &pipeline["artifactStores"];
    assert_eq!(stores["us-east-1"]["encryptionKey"]["id"], "alias/hw");
    assert_eq!(
        stores["eu-west-1"]["location"],
        "hw-artifacts-123456789012-eu-west-1"
    );
    assert!(pipeline.get("artifactStore").is_none());
    let project = resource(&compiled, Kind::Project, "hw-UnitTest");
    assert_eq!(project.id.region, "eu-west-1");
    let role = body(&compiled, Kind::Role, "hw-pipeline-us-east-1");
    let key = statements(role, "kms:Decrypt");
    assert_eq!(
        key[0]["Condition"]["ForAnyValue:StringEquals"]["kms:ResourceAliases"][0],
        "alias/hw"
    );
    let build = statements(role, "codebuild:StartBuild");
    assert_eq!(
        texts(&build[0]["Resource"]),
        ["arn:aws:codebuild:eu-west-1:123456789012:project/hw-UnitTest"]
    );
}

#[test]
fn what_is_given_is_used_and_not_made() {
    let compiled = good(
        "service: hw\nprovider:\n  pipelineRole: arn:aws:iam::123456789012:role/p\n  buildRole: b\n  artifactStore: {bucket: mine}\nsource: {s3: other/app.zip}\nstages:\n  - unit: make\n",
    );
    let kinds: BTreeSet<Kind> = compiled
        .desired
        .resources
        .iter()
        .map(|r| r.id.kind)
        .collect();
    assert!(!kinds.contains(&Kind::Bucket));
    let roles: Vec<&str> = compiled
        .desired
        .resources
        .iter()
        .filter(|r| r.id.kind == Kind::Role)
        .map(|r| r.id.name.as_str())
        .collect();
    assert_eq!(roles, ["hw-events-us-east-1"]);
    let project = body(&compiled, Kind::Project, "hw-UnitTest");
    assert_eq!(project["serviceRole"], "arn:aws:iam::123456789012:role/b");
    assert_eq!(
        body(&compiled, Kind::BucketEvents, "other")["eventBridge"],
        true
    );
}

#[test]
fn a_raw_pipeline_goes_out_as_it_came_in() {
    let text = r#"
service: hw
pipelines:
  p:
    definition:
      name: raw
      roleArn: arn:aws:iam::123456789012:role/r
      artifactStore: {type: S3, location: b}
      stages:
        - name: Source
          actions:
            - name: Src
              actionTypeId: {category: Source, owner: AWS, provider: S3, version: "1"}
              configuration: {S3Bucket: x, S3ObjectKey: y.zip, PollForSourceChanges: "true"}
              outputArtifacts: [{name: A}]
              inputArtifacts: []
        - name: Build
          actions:
            - name: B
              runOrder: 3
              actionTypeId: {category: Build, owner: AWS, provider: CodeBuild, version: "1"}
              configuration: {ProjectName: elsewhere}
              inputArtifacts: [{name: A}]
"#;
    let compiled = good(text);
    let parsed: Value = serde_yaml::from_str(text).expect("YAML");
    let given = &parsed["pipelines"]["p"]["definition"];
    assert_eq!(body(&compiled, Kind::Pipeline, "raw"), given);
    assert_eq!(compiled.desired.resources.len(), 1);
}

#[test]
fn a_log_group_with_a_name_is_made() {
    let build = |days: &str| {
        format!(
            "  - build:\n      run: make\n      logs: {{ name: /hw/build{days} }}\n  - name: Again\n    build:\n      run: make\n      logs: {{ name: /hw/build, retention: 60 }}\n"
        )
    };
    let text = |days: &str| {
        format!(
            "service: hw\nsource: {{codecommit: r, branch: a}}\nstages:\n{}",
            build(days)
        )
    };
    let whole = good(&text(""));
    assert_eq!(
        body(&whole, Kind::LogGroup, "/hw/build")["retentionInDays"],
        60
    );
    let project = resource(&whole, Kind::Project, "hw-Build");
    let group = &project.body["logsConfig"]["cloudWatchLogs"]["groupName"];
    assert_eq!(group, "/hw/build");
    assert!(project.depends.iter().any(|id| id.kind == Kind::LogGroup));
    let groups = whole.desired.resources.iter();
    assert_eq!(groups.filter(|r| r.id.kind == Kind::LogGroup).count(), 1);

    let (_, found) = compiled(&text(", retention: 30"));
    assert_eq!(found, ["value-invalid stages[1].build.logs.retention"]);
}

#[test]
fn one_pipeline_alone() {
    let compiled = good(
        "service: hw\npipelines:\n  a:\n    source: {codecommit: r, branch: a}\n    stages:\n      - unit: make\n  b:\n    source: {codecommit: r, branch: b}\n    stages:\n      - unit: make\n",
    );
    let only = compiled.only("hw-a").expect("there");
    assert!(only.resources.iter().any(|r| r.id.name == "hw-a-Source"));
    assert!(
        only.resources
            .iter()
            .all(|r| !r.id.name.starts_with("hw-b"))
    );
    assert!(compiled.only("hw-c").is_none());
}

#[test]
fn the_output_names_what_it_holds() {
    let compiled = good(WHOLE);
    let json = serde_json::to_value(output::json(&compiled, false)).expect("JSON");
    assert_eq!(json["version"], 1);
    assert_eq!(json["pipelines"][0]["pipeline"]["name"], "hw");
    assert_eq!(json["pipelines"][0]["tags"][0]["key"], "team");
    assert_eq!(json["projects"].as_array().map(Vec::len), Some(3));
    assert!(json.get("explain").is_none());
    assert!(json["objects"][0].get("path").is_none());
}

/// A file with that many projects of one role, each run by an action.
fn many(projects: usize, prefix: &str) -> String {
    let mut text =
        "service: many\nprovider: {name: aws, buildRole: {name: builds}}\nprojects:\n".to_owned();
    for number in 0..projects {
        text += &format!(
            "  {prefix}{number}: {{buildspec: build.yml, env: {{A: {{ssm: /a/{number}}}}}}}\n"
        );
    }
    text += "source: {codecommit: r, branch: main}\nstages:\n";
    for (stage, numbers) in (0..projects).collect::<Vec<_>>().chunks(30).enumerate() {
        text += &format!("  - name: S{stage}\n    actions:\n");
        for number in numbers {
            text += &format!("      - {{name: A{number}, build: {{project: {prefix}{number}}}}}\n");
        }
    }
    text
}

fn policy(compiled: &Compiled, role: &str) -> Value {
    resource(compiled, Kind::Role, role).body["policies"]["pipectl"].clone()
}

#[test]
fn sixty_projects_share_statements() {
    let compiled = good(&many(60, "p"));
    for role in ["builds", "many-pipeline-us-east-1"] {
        let policy = policy(&compiled, role);
        let size = policy.to_string().len();
        assert!(size <= 10_240, "{role}: {size}");
    }
    let statements = policy(&compiled, "builds");
    let statements = statements["Statement"].as_array().expect("a list");
    let logs = |s: &&Value| s["Action"].to_string().contains("logs:PutLogEvents");
    assert_eq!(statements.iter().filter(logs).count(), 1);
    let parameters = statements
        .iter()
        .find(|s| s["Action"] == "ssm:GetParameters")
        .expect("one statement for all");
    assert_eq!(parameters["Resource"].as_array().map(Vec::len), Some(60));
}

#[test]
fn what_does_not_fit_into_a_role_goes_into_managed_policies() {
    let compiled = good(&many(60, &"long-name-".repeat(8)));
    let role = &resource(&compiled, Kind::Role, "builds").body;
    assert!(role["policies"].to_string().len() <= 10_240 + 100);
    let names: Vec<&str> = role["managedPolicies"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|policy| policy["name"].as_str())
        .collect();
    assert_eq!(names, ["builds-policy-1"]);
    let explained = compiled.explain.iter().filter(|s| s.role == "builds");
    let (inside, beside): (Vec<_>, Vec<_>) = explained.partition(|s| s.policy.is_none());
    assert!(!inside.is_empty() && !beside.is_empty());
    assert!(beside.iter().all(|s| s.why.contains(": ")), "{beside:#?}");
    let shared = good(&many(60, "p"));
    let role = &resource(&shared, Kind::Role, "builds").body;
    assert!(role.get("managedPolicies").is_none());
}

#[test]
fn a_role_that_is_too_large_says_by_how_much() {
    let (_, found) = compiled(&many(400, &"long-name-".repeat(8)));
    assert!(
        found.iter().any(|f| f.starts_with("policy-too-large ")),
        "{found:?}"
    );
}
