//! The five systems that the file has to be able to say, as their owners described them: each clause of a description
//! is looked for in what its example compiles to, in the words of AWS's API.

use std::path::Path;

use serde_json::{Value, json};

use crate::examples::{copy, pipectl};

/// What an example compiles to, with the parameters of its sandbox.
struct System {
    compiled: Value,
    folder: tempfile::TempDir,
}

fn items<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn named<'v>(list: &'v [Value], key: &str, name: &str) -> &'v Value {
    list.iter()
        .find(|item| item[key] == name)
        .unwrap_or_else(|| panic!("{name} is not among {list:?}"))
}

impl System {
    fn of(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("examples")
            .join(name);
        copy(&from, folder.path());
        let ran = pipectl(folder.path(), &["compile", "--sandbox", "--format", "json"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        Self {
            compiled: serde_json::from_str(&ran.stdout).unwrap(),
            folder,
        }
    }

    fn pipeline(&self, name: &str) -> &Value {
        items(&self.compiled, "pipelines")
            .iter()
            .map(|one| &one["pipeline"])
            .find(|pipeline| pipeline["name"] == name)
            .unwrap_or_else(|| panic!("no pipeline {name}"))
    }

    fn project(&self, name: &str) -> &Value {
        named(items(&self.compiled, "projects"), "name", name)
    }

    /// `Stage: Category/Provider [+ Category/Provider …]`, groups that wait for each other parted by `>`.
    fn outline(&self, pipeline: &str) -> Vec<String> {
        items(self.pipeline(pipeline), "stages")
            .iter()
            .map(|stage| {
                let actions = items(stage, "actions");
                let mut orders: Vec<i64> = actions
                    .iter()
                    .map(|action| action["runOrder"].as_i64().unwrap())
                    .collect();
                orders.sort_unstable();
                orders.dedup();
                let groups: Vec<String> = orders
                    .iter()
                    .map(|order| {
                        let group: Vec<String> = actions
                            .iter()
                            .filter(|action| action["runOrder"] == *order)
                            .map(|action| {
                                let id = &action["actionTypeId"];
                                let part = |key: &str| id[key].as_str().unwrap();
                                format!("{}/{}", part("category"), part("provider"))
                            })
                            .collect();
                        group.join(" + ")
                    })
                    .collect();
                format!(
                    "{}: {}",
                    stage["name"].as_str().unwrap(),
                    groups.join(" > ")
                )
            })
            .collect()
    }

    fn action(&self, pipeline: &str, stage: &str, action: &str) -> &Value {
        let stage = named(items(self.pipeline(pipeline), "stages"), "name", stage);
        named(items(stage, "actions"), "name", action)
    }

    fn alarm(&self, name: &str) -> &Value {
        named(items(&self.compiled, "alarms"), "AlarmName", name)
    }

    /// An alarm on failed builds that can fire: CodeBuild publishes the metric by project, and only when builds run.
    fn failed_builds_are_told(&self, alarm: &Value, project: &str, topic: &str) {
        let expected = json!({
            "Namespace": "AWS/CodeBuild",
            "MetricName": "FailedBuilds",
            "Dimensions": [{"Name": "ProjectName", "Value": project}],
            "Statistic": "Sum",
            "TreatMissingData": "notBreaching",
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "ActionsEnabled": true,
        });
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(alarm[key], *value, "{key} of {alarm}");
        }
        assert_eq!(alarm["Threshold"].as_f64(), Some(1.0));
        let target = alarm["AlarmActions"][0].as_str().unwrap();
        assert!(target.ends_with(&format!(":{topic}")), "{target}");
        let topic = named(items(&self.compiled, "topics"), "name", topic);
        assert!(
            items(&topic["policy"], "Statement")
                .iter()
                .any(|statement| statement["Principal"]["Service"] == "cloudwatch.amazonaws.com"),
            "the alarm may not write to the topic: {topic}"
        );
    }

    fn readme(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("README.md")).unwrap()
    }
}

#[test]
fn heavy_water_is_what_it_was_and_its_alarm_fires() {
    let system = System::of("heavy-water");
    // UnitTest → IntegrationTest → Approval → DeployOnProd → SelfUpdate
    assert_eq!(
        system.outline("hw-api-prod"),
        [
            "Source: Source/GitHub",
            "UnitTest: Test/CodeBuild",
            "IntegrationTest: Test/CodeBuild",
            "Approval: Approval/Manual",
            "DeployOnProd: Build/CodeBuild",
            "SelfUpdate: Build/CodeBuild",
        ]
    );
    // a second, dev, pipeline on another branch
    assert_eq!(
        system.outline("hw-api-dev"),
        [
            "Source: Source/GitHub",
            "UnitTest: Test/CodeBuild",
            "IntegrationTest: Test/CodeBuild",
            "DeployOnDev: Build/CodeBuild",
        ]
    );
    // owner, repo, branch from SSM, the token from the secret PIPELINE_GITHUB, key githubAccessToken
    let source = |pipeline: &str| &system.action(pipeline, "Source", "Source")["configuration"];
    assert_eq!(
        *source("hw-api-prod"),
        json!({"Owner": "heavy-water", "Repo": "hw-api", "Branch": "master", "OAuthToken": "<secret>",
               "PollForSourceChanges": "false"})
    );
    assert_ne!(
        source("hw-api-dev")["Branch"],
        source("hw-api-prod")["Branch"]
    );
    let file = std::fs::read_to_string(system.folder.path().join("pipeline.yml")).unwrap();
    assert!(file.contains("PIPELINE_GITHUB") && file.contains("githubAccessToken"));
    // bucket and role ARNs from SSM: given, so nothing of the kind is made
    for pipeline in ["hw-api-prod", "hw-api-dev"] {
        let pipeline = system.pipeline(pipeline);
        assert_eq!(
            pipeline["artifactStore"]["location"],
            "hw-pipeline-artifacts"
        );
        assert_eq!(
            pipeline["roleArn"],
            "arn:aws:iam::123456789012:role/hw-codepipeline"
        );
    }
    assert_eq!(system.compiled["roles"], json!([]));
    assert_eq!(system.compiled["buckets"], json!([]));
    // both share the test projects
    for (stage, project) in [
        ("UnitTest", "hw-api-unit"),
        ("IntegrationTest", "hw-api-integration"),
    ] {
        for pipeline in ["hw-api-prod", "hw-api-dev"] {
            let action = system.action(pipeline, stage, stage);
            assert_eq!(action["configuration"]["ProjectName"], project);
        }
    }
    // buildspec files, the image, variables from Parameter Store
    for (project, buildspec) in [
        ("hw-api-unit", "buildspecs/unit.yml"),
        ("hw-api-integration", "buildspecs/integration.yml"),
        ("hw-api-prod-DeployOnProd", "buildspecs/deploy.yml"),
    ] {
        let project = system.project(project);
        assert_eq!(project["source"]["buildspec"], buildspec);
        assert!(system.folder.path().join(buildspec).is_file());
        let image = project["environment"]["image"].as_str().unwrap();
        assert!(image.contains("amazonlinux2-x86_64-standard"), "{image}");
        let variables = items(&project["environment"], "environmentVariables");
        assert!(
            variables
                .iter()
                .any(|variable| variable["type"] == "PARAMETER_STORE"),
            "{variables:?}"
        );
    }
    // failed builds → alarm → a topic that is made
    for project in items(&system.compiled, "projects") {
        let project = project["name"].as_str().unwrap();
        let alarm = items(&system.compiled, "alarms")
            .iter()
            .find(|alarm| alarm["Dimensions"][0]["Value"] == project)
            .unwrap_or_else(|| panic!("no alarm on {project}"));
        system.failed_builds_are_told(alarm, project, "hw-codebuild-failed-sns");
    }
    // a push is told by a webhook of the same branch, never by polling
    for pipeline in ["hw-api-prod", "hw-api-dev"] {
        let webhook = named(
            items(&system.compiled, "webhooks"),
            "targetPipeline",
            pipeline,
        );
        let branch = source(pipeline)["Branch"].as_str().unwrap();
        assert_eq!(
            webhook["filters"],
            json!([{"jsonPath": "$.ref", "matchEquals": format!("refs/heads/{branch}")}])
        );
    }
    let readme = system.readme();
    for mistake in ["did not parse", "RunOrder", "never fire"] {
        assert!(
            readme.contains(mistake),
            "the README is silent on: {mistake}"
        );
    }
}

#[test]
fn web_monitor_does_what_cdk_pipelines_did() {
    let system = System::of("web-monitor");
    // self-mutation, synth, beta with tests before and after, prod behind an approval, a shift of the Lambda
    assert_eq!(
        system.outline("web-monitor"),
        [
            "Source: Source/CodeStarSourceConnection",
            "SelfUpdate: Build/CodeBuild",
            "Synth: Build/CodeBuild",
            "Beta: Test/CodeBuild > Deploy/CloudFormation > Test/CodeBuild",
            "Prod: Approval/Manual > Deploy/CloudFormation > Deploy/Lambda",
        ]
    );
    let shift = system.action("web-monitor", "Prod", "Shift");
    assert_eq!(
        shift["configuration"]["DeployStrategy"],
        "Linear10PercentEvery1Minute"
    );
    // with roll back on alarms
    let alarms: Vec<&str> = shift["configuration"]["Alarms"]
        .as_str()
        .unwrap()
        .split(',')
        .collect();
    assert!(!alarms.is_empty());
    for alarm in alarms {
        let alarm = system.alarm(alarm);
        assert_eq!(
            alarm["Dimensions"],
            json!([{"Name": "FunctionName", "Value": shift["configuration"]["FunctionName"]}])
        );
    }
    let prod = named(
        items(system.pipeline("web-monitor"), "stages"),
        "name",
        "Prod",
    );
    assert_eq!(prod["onFailure"]["result"], "ROLLBACK");
    // what synth makes is what both stages deploy
    let outputs: Vec<&Value> = items(
        system.action("web-monitor", "Synth", "Synth"),
        "outputArtifacts",
    )
    .iter()
    .map(|output| &output["name"])
    .collect();
    for stage in ["Beta", "Prod"] {
        let deploy = system.action("web-monitor", stage, "Deploy");
        assert!(outputs.contains(&&deploy["inputArtifacts"][0]["name"]));
        let template = deploy["configuration"]["TemplatePath"].as_str().unwrap();
        assert!(template.starts_with("Assembly::"), "{template}");
    }
}

#[test]
fn website_brings_pages_and_calculations_to_their_places() {
    let system = System::of("website");
    // S3 source or CodeCommit: here one of each; build; pages to S3, calculations to EC2; then the invalidation
    assert_eq!(
        system.outline("website"),
        [
            "Source: Source/CodeCommit + Source/S3",
            "Build: Build/CodeBuild",
            "Deploy: Deploy/S3 + Deploy/CodeDeploy > Build/CodeBuild",
        ]
    );
    let input = |action: &str| &system.action("website", "Deploy", action)["inputArtifacts"];
    assert_eq!(*input("Pages"), json!([{"name": "Pages"}]));
    assert_eq!(*input("Calculations"), json!([{"name": "Calculations"}]));
    let pages = system.action("website", "Deploy", "Pages");
    assert_eq!(pages["configuration"]["Extract"], "true");
    // the invalidation may do just that
    let project = system.project("website-Deploy-Invalidate");
    let role = project["serviceRole"].as_str().unwrap();
    let role = items(&system.compiled, "roles")
        .iter()
        .find(|one| role.ends_with(one["roleName"].as_str().unwrap_or("?")))
        .expect("its role is made");
    assert!(
        role.to_string().contains("cloudfront:CreateInvalidation"),
        "{role}"
    );
    // alarms on API calls
    let alarm = system.alarm("website-api-calls");
    assert_eq!(alarm["Namespace"], "AWS/Usage");
    assert_eq!(alarm["MetricName"], "CallCount");
    // events: both sources start the pipeline, and people are told
    let rules = items(&system.compiled, "rules");
    for source in ["aws.codecommit", "aws.s3"] {
        let rule = rules
            .iter()
            .find(|rule| rule["EventPattern"]["source"] == json!([source]))
            .unwrap_or_else(|| panic!("nothing listens to {source}"));
        let target = rule["Targets"][0]["Arn"].as_str().unwrap();
        assert!(target.ends_with(":website"), "{target}");
    }
    for told in ["buildFailed", "stageFailed", "succeeded"] {
        named(rules, "Name", &format!("website-{told}"));
    }
    for project in ["website-Build", "website-Deploy-Invalidate"] {
        let alarm = system.alarm(&format!("website-failed-builds-{project}"));
        system.failed_builds_are_told(alarm, project, "website-webmaster-example-com");
    }
}

#[test]
fn canary_does_what_jenkins_did() {
    let system = System::of("canary");
    // unit tests and static analysis, a package through S3, CodeDeploy; prod behind a person, a flag by AppConfig
    assert_eq!(
        system.outline("flags-prod"),
        [
            "Source: Source/CodeStarSourceConnection",
            "Test: Test/CodeBuild + Test/CodeBuild",
            "Package: Build/CodeBuild",
            "Archive: Deploy/S3",
            "Approval: Approval/Manual",
            "Prod: Deploy/CodeDeploy",
            "Flags: Deploy/AppConfig",
        ]
    );
    assert_eq!(
        system.outline("flags-canary"),
        [
            "Source: Source/CodeStarSourceConnection",
            "Test: Test/CodeBuild + Test/CodeBuild",
            "Package: Build/CodeBuild",
            "Archive: Deploy/S3",
            "Canary: Deploy/CodeDeploy",
        ]
    );
    // two branches, two deployment groups of one application
    let said = |pipeline: &str, stage: &str, action: &str, key: &str| {
        system.action(pipeline, stage, action)["configuration"][key].clone()
    };
    assert_ne!(
        said("flags-prod", "Source", "Source", "BranchName"),
        said("flags-canary", "Source", "Source", "BranchName")
    );
    assert_eq!(
        said("flags-prod", "Prod", "Prod", "ApplicationName"),
        said("flags-canary", "Canary", "Canary", "ApplicationName")
    );
    assert_eq!(
        said("flags-prod", "Prod", "Prod", "DeploymentGroupName"),
        "prod"
    );
    assert_eq!(
        said("flags-canary", "Canary", "Canary", "DeploymentGroupName"),
        "canary"
    );
    // reports: JUnit and Cobertura
    let mut formats: Vec<&str> = Vec::new();
    for project in ["flags-unit", "flags-analysis"] {
        let buildspec = system.project(project)["source"]["buildspec"]
            .as_str()
            .unwrap();
        formats.extend(
            ["JUNITXML", "COBERTURAXML"]
                .into_iter()
                .filter(|format| buildspec.contains(format)),
        );
    }
    assert_eq!(formats, ["JUNITXML", "COBERTURAXML", "JUNITXML"]);
    // an alarm stops the canary before it begins, and rolls it back after
    let stage = named(
        items(system.pipeline("flags-canary"), "stages"),
        "name",
        "Canary",
    );
    for (side, result, alarm) in [
        ("beforeEntry", "FAIL", "flags-prod-errors"),
        ("onSuccess", "ROLLBACK", "flags-canary-errors"),
    ] {
        let condition = &stage[side]["conditions"][0];
        assert_eq!(condition["result"], result);
        let rule = &condition["rules"][0];
        assert_eq!(rule["ruleTypeId"]["provider"], "CloudWatchAlarm");
        assert_eq!(rule["configuration"]["AlarmName"], alarm);
        assert_eq!(rule["configuration"]["AlarmStates"], "ALARM");
        system.alarm(alarm);
    }
    assert_eq!(stage["onFailure"]["result"], "ROLLBACK");
    // the flag comes out of the very package that was deployed
    let flags = system.action("flags-prod", "Flags", "Flags");
    assert_eq!(
        flags["inputArtifacts"],
        system.action("flags-prod", "Prod", "Prod")["inputArtifacts"]
    );
}

#[test]
fn telemetry_goes_from_codecommit_to_ecs() {
    let system = System::of("telemetry-ecs");
    assert_eq!(
        system.outline("telemetry"),
        [
            "Source: Source/CodeCommit",
            "Build: Build/CodeBuild",
            "Deploy: Deploy/ECS",
        ]
    );
    let project = system.project("telemetry-Build");
    // privileged, timeout 5, a log group
    assert_eq!(project["environment"]["privilegedMode"], true);
    assert_eq!(project["timeoutInMinutes"], 5);
    assert_eq!(
        project["logsConfig"]["cloudWatchLogs"]["groupName"],
        "/telemetry/build"
    );
    // docker build, push to ECR, imagedefinitions.json
    let buildspec = project["source"]["buildspec"].as_str().unwrap();
    let buildspec = std::fs::read_to_string(system.folder.path().join(buildspec)).unwrap();
    for word in ["docker build", "docker push", "imagedefinitions"] {
        assert!(buildspec.contains(word), "{word} is not in {buildspec}");
    }
    // ECS gets the file from the build
    assert_eq!(
        system.action("telemetry", "Deploy", "Deploy")["inputArtifacts"],
        system.action("telemetry", "Build", "Build")["outputArtifacts"]
    );
    // roles: the build may push, the pipeline may hand the task's roles on
    let roles = items(&system.compiled, "roles");
    let role = |part: &str| {
        roles
            .iter()
            .find(|role| {
                role["roleName"]
                    .as_str()
                    .is_some_and(|name| name.contains(part))
            })
            .unwrap_or_else(|| panic!("no role {part}"))
            .to_string()
    };
    for action in ["ecr:GetAuthorizationToken", "ecr:PutImage"] {
        assert!(role("Build-build").contains(action), "{action}");
    }
    for part in ["ecs:UpdateService", "iam:PassRole", "role/telemetry-task"] {
        assert!(role("telemetry-pipeline").contains(part), "{part}");
    }
}
