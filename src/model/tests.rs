//! Files as people write them, and what comes of them.

use super::{Action, AlarmWatch, Buildspec, Context, Model, Notify, Project, Purpose, decode};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{Sources, Span};
use crate::tree::{Data, Entry, Node};

fn read(text: &str) -> (Option<Model>, Vec<String>, Sources, Vec<Diagnostic>) {
    let mut sources = Sources::new();
    let file = sources.add("pipeline.yml", text);
    let mut out = Diagnostics::new();
    let tree = crate::yaml::parse(&sources, file, &mut out);
    let context = Context {
        version: "1.2.3",
        ..Context::default()
    };
    let model = tree.and_then(|tree| decode(&tree, &context, &mut out));
    let found = out.into_sorted();
    let lines = found
        .iter()
        .map(|d| format!("{} {} «{}»", d.code, d.path, sources.slice(d.span)))
        .collect();
    (model, lines, sources, found)
}

fn good(text: &str) -> Model {
    let (model, found, _, all) = read(text);
    assert!(found.is_empty(), "{found:#?}\n{all:#?}");
    model.expect("a model")
}

fn findings(text: &str) -> Vec<String> {
    read(text).1
}

/// A pipeline with these stages.
fn with_stages(stages: &str) -> String {
    format!("service: s\nsource:\n  codecommit: repo\n  branch: main\nstages:\n{stages}")
}

fn action<'m>(model: &'m Model, name: &str) -> &'m Action {
    let mut actions = model
        .pipelines
        .iter()
        .flat_map(|p| &p.stages)
        .flat_map(|s| &s.actions);
    actions
        .find(|action| action.name.value == name)
        .expect("the action")
}

fn configuration(action: &Action) -> Vec<String> {
    let pairs = action.configuration.iter();
    pairs
        .map(|(key, value)| format!("{}={}", key.value, value.value))
        .collect()
}

fn project<'m>(model: &'m Model, name: &str) -> &'m Project {
    let mut projects = model.projects.iter();
    projects
        .find(|project| project.name.value == name)
        .expect("the project")
}

fn buildspec(project: &Project) -> serde_json::Value {
    match &project.buildspec {
        Buildspec::Inline(node) => node.to_json(),
        other => panic!("{other:?}"),
    }
}

const SMALLEST: &str = "service: hw-api
source:
  github: heavywater/hw-api
  branch: master
  connection: arn:aws:codeconnections:us-east-1:123456789012:connection/x
stages:
  - selfUpdate
  - unit: pytest
  - integration: ./integration.sh
  - approval: ops@example.com
  - name: Prod
    deploy:
      run: ./deploy.sh
      role: arn:aws:iam::123456789012:role/deploy
";

#[test]
fn the_smallest_useful_file() {
    let model = good(SMALLEST);
    let [pipeline] = &model.pipelines[..] else {
        panic!("one pipeline")
    };
    assert_eq!(pipeline.name.value, "hw-api");
    let stages: Vec<&str> = pipeline
        .stages
        .iter()
        .map(|s| s.name.value.as_str())
        .collect();
    assert_eq!(
        stages,
        [
            "Source",
            "SelfUpdate",
            "UnitTest",
            "IntegrationTest",
            "Approval",
            "Prod"
        ]
    );
    let source = action(&model, "Source");
    assert_eq!(source.provider.value, "CodeStarSourceConnection");
    assert_eq!(
        source.namespace.as_ref().expect("given").value,
        "SourceVariables"
    );
    assert_eq!(
        configuration(source),
        [
            "FullRepositoryId=heavywater/hw-api",
            "BranchName=master",
            "ConnectionArn=arn:aws:codeconnections:us-east-1:123456789012:connection/x"
        ]
    );
    let unit = action(&model, "UnitTest");
    assert_eq!(
        (unit.category.value.as_str(), unit.inputs[0].value.as_str()),
        ("Test", "Source")
    );
    assert_eq!(unit.project.as_deref(), Some("/UnitTest/UnitTest"));
    let made = project(&model, "hw-api-UnitTest");
    assert_eq!(
        buildspec(made),
        serde_json::json!({"version": "0.2", "phases": {"build": {"commands": ["pytest"]}}})
    );
    let json = made.definition.to_json();
    assert_eq!(json["environment"]["type"], "LINUX_CONTAINER");
    assert_eq!(json["environment"]["computeType"], "BUILD_GENERAL1_SMALL");
    assert_eq!(json["environment"]["imagePullCredentialsType"], "CODEBUILD");
    assert_eq!(json["timeoutInMinutes"], 60);
    assert_eq!(json["source"]["type"], "CODEPIPELINE");
    assert_eq!(project(&model, "hw-api-Prod").purpose, Purpose::Deploy);
    assert_eq!(
        project(&model, "hw-api-SelfUpdate").purpose,
        Purpose::SelfUpdate
    );
    assert!(matches!(
        &action(&model, "Approval").notify[..],
        [Notify::Email(_)]
    ));
}

#[test]
fn the_examples_read_without_a_finding() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("examples") {
        let path = entry.expect("readable").path().join("pipeline.yml");
        let text = std::fs::read_to_string(&path).expect("a pipeline file");
        // Variables are another module's: the tree has their text where they would have put a value.
        let list = text.replace(
            "${self:custom.taskRoles}",
            "[arn:aws:iam::1:role/a, arn:aws:iam::1:role/b]",
        );
        let (_, found, _, all) = read(&list.replace("${self:custom.github}", "o/r"));
        assert!(found.is_empty(), "{}: {all:#?}", path.display());
        count += 1;
    }
    assert_eq!(count, 5);
}

#[test]
fn every_mistake_of_a_file_is_found_in_one_run() {
    let text = "service: s
requiredVersion: ^2
frameworkVersion: 3
source:
  codecommit: repo
  brunch: main
stages:
  - build:
      script: make
  - untit: pytest
  - unit: pytest
    integration: x
  - unit: x
  - name: Z
  - approval:
  - deploy: {ecss: {}}
  - build: {run: 'echo #{A.B}', image:}
    name: true
  - build
  - slefUpdate
";
    let found = findings(text);
    assert_eq!(
        found,
        [
            "version-mismatch requiredVersion «^2»",
            "key-foreign frameworkVersion «frameworkVersion»",
            "key-unknown source.brunch «brunch»",
            "key-foreign stages[0].build.script «script»",
            "key-unknown stages[1].untit «untit»",
            "stage-kind-conflict stages[2] «integration»",
            "key-missing stages[3] «unit»",
            "stage-kind-conflict stages[4] «name»",
            "value-empty stages[5].approval «approval»",
            "stage-kind-conflict stages[6].deploy «ecss»",
            "key-missing stages[7] «build»",
            "value-invalid stages[7].build «'echo #{A.B}'»",
            "value-empty stages[7].build.image «image»",
            "value-kind stages[7].name «true»",
            "value-empty stages[8] «build»",
            "key-unknown stages[9] «slefUpdate»",
        ]
    );
}

#[test]
fn actions_run_in_the_order_of_their_needs() {
    let model = good(&with_stages(
        "  - name: All
    actions:
      - {name: A, build: make a}
      - {name: B, build: make b}
      - {name: C, needs: [A, B], build: make c}
      - {name: D, needs: C, deploy: {s3: {bucket: pages}, input: Source}}
",
    ));
    let orders =
        ["A", "B", "C", "D"].map(|name| action(&model, name).run_order.map(|(order, _)| order));
    assert_eq!(orders, [Some(1), Some(1), Some(2), Some(3)]);
    assert_eq!(project(&model, "s-All-A").key, "/All/A");
    assert_eq!(
        configuration(action(&model, "D")),
        ["BucketName=pages", "Extract=true"]
    );
}

#[test]
fn circles_and_unknown_needs_are_named() {
    let found = findings(&with_stages(
        "  - name: All
    actions:
      - {name: A, needs: [B], build: make a}
      - {name: B, needs: [A], build: make b}
      - {name: C, needs: [Bx], build: make c}
",
    ));
    assert_eq!(
        found,
        [
            "value-invalid stages[0].actions.needs «B»",
            "reference-unknown stages[0].actions.needs «Bx»"
        ]
    );
}

#[test]
fn providers_take_short_names_lists_and_maps() {
    let model = good(&with_stages(
        "  - name: Stack
    deploy:
      cloudformation:
        stack: web
        template: Source::t.yml
        capabilities: [CAPABILITY_IAM, CAPABILITY_AUTO_EXPAND]
        parameters: {Count: 3, On: true, Version: 1.10}
        role: arn:aws:iam::1:role/x
  - invoke:
      lambda: cleaner
  - name: Other
    invoke:
      pipeline: {pipeline: other, variables: {A: b}}
  - scan: {critical: 0}
",
    ));
    assert_eq!(
        configuration(action(&model, "Stack")),
        [
            "StackName=web",
            "RoleArn=arn:aws:iam::1:role/x",
            "TemplatePath=Source::t.yml",
            "Capabilities=CAPABILITY_IAM,CAPABILITY_AUTO_EXPAND",
            "ParameterOverrides={\"Count\":\"3\",\"On\":\"true\",\"Version\":\"1.10\"}",
            "ActionMode=CREATE_UPDATE",
        ]
    );
    assert_eq!(
        configuration(action(&model, "Invoke")),
        ["FunctionName=cleaner"]
    );
    assert_eq!(
        configuration(action(&model, "Other")),
        [
            "PipelineName=other",
            "Variables=[{\"name\":\"A\",\"value\":\"b\"}]"
        ]
    );
    let scan = action(&model, "Scan");
    assert_eq!(scan.outputs[0].name.value, "Scan");
    assert_eq!(
        configuration(scan),
        ["CriticalThreshold=0", "InspectorRunMode=SourceCodeScan"]
    );
}

#[test]
fn a_build_becomes_a_project_with_a_buildspec() {
    let model = good(&with_stages(
        "  - build:
      run: [make, make dist]
      install: apt-get install -y x
      runtimes: {python: 3.10}
      before: ./before.sh
      after: ./after.sh
      finally: ./clean.sh
      os: arm
      compute: large
      timeout: 2h
      env:
        A: 012
        B: {ssm: /b}
        C: {secret: 'id:key'}
        D: '#{SourceVariables.CommitId}'
      reports: {t: out/junit.xml, c: {files: [a.xml], format: cobertura, base: out}}
      artifacts: {base: out, files: ['**/*']}
      output: App
      outputs: {Docs: docs/**}
      exports: [TAG]
      cache: [node_modules/**/*]
",
    ));
    let made = project(&model, "s-Build");
    assert_eq!(
        buildspec(made),
        serde_json::json!({
            "version": "0.2",
            "env": {"exported-variables": ["TAG"]},
            "phases": {
                "install": {"runtime-versions": {"python": "3.10"}, "commands": ["apt-get install -y x"]},
                "pre_build": {"commands": ["./before.sh"]},
                "build": {"commands": ["make", "make dist"]},
                "post_build": {"commands": ["./after.sh"], "finally": ["./clean.sh"]},
            },
            "reports": {
                "t": {"files": ["out/junit.xml"], "file-format": "JUNITXML"},
                "c": {"files": ["a.xml"], "file-format": "COBERTURAXML", "base-directory": "out"},
            },
            "artifacts": {
                "files": ["**/*"],
                "secondary-artifacts": {
                    "App": {"files": ["**/*"], "base-directory": "out"},
                    "Docs": {"files": ["docs/**"]},
                },
            },
            "cache": {"paths": ["node_modules/**/*"]},
        })
    );
    let json = made.definition.to_json();
    assert_eq!(json["timeoutInMinutes"], 120);
    assert_eq!(json["environment"]["type"], "ARM_CONTAINER");
    assert_eq!(json["environment"]["computeType"], "BUILD_GENERAL1_LARGE");
    assert_eq!(
        json["cache"],
        serde_json::json!({"type": "LOCAL", "modes": ["LOCAL_CUSTOM_CACHE"]})
    );
    assert_eq!(
        json["environment"]["environmentVariables"],
        serde_json::json!([
            {"name": "A", "value": "012", "type": "PLAINTEXT"},
            {"name": "B", "value": "/b", "type": "PARAMETER_STORE"},
            {"name": "C", "value": "id:key", "type": "SECRETS_MANAGER"},
        ])
    );
    let build = action(&model, "Build");
    assert_eq!(build.build_environment[0].name.value, "D");
    let outputs: Vec<&str> = build
        .outputs
        .iter()
        .map(|output| output.name.value.as_str())
        .collect();
    assert_eq!(outputs, ["App", "Docs"]);
}

#[test]
fn several_pipelines_share_projects() {
    let model = good(
        "service: s
defaults: {timeout: 10, env: {A: a}}
projects:
  unit: {run: pytest, artifacts: out}
  old: {existing: legacy}
pipelines:
  a:
    source: {codecommit: r, branch: main}
    stages:
      - unit: {project: unit}
      - build: {project: old, env: {B: b}}
  b:
    name: other
    source: {codecommit: r, branch: dev}
    stages:
      - unit: {project: unit, output: Out}
      - build: make
",
    );
    let names: Vec<&str> = model
        .pipelines
        .iter()
        .map(|p| p.name.value.as_str())
        .collect();
    assert_eq!(names, ["s-a", "other"]);
    assert_eq!(action(&model, "UnitTest").outputs[0].name.value, "UnitTest");
    assert_eq!(
        project(&model, "s-unit").definition.to_json()["timeoutInMinutes"],
        10
    );
    assert!(project(&model, "legacy").existing);
    assert_eq!(project(&model, "other-Build").key, "b/Build/Build");
    let build = &model.pipelines[0].stages[2].actions[0];
    assert_eq!(build.build_environment[0].name.value, "B");
}

#[test]
fn triggers_split_tags_from_branches() {
    let text = format!(
        "{SMALLEST}triggers:
  push: {{branches: [main, '!dev'], tags: v*}}
  pullRequest: {{branches: {{include: main}}, events: [open]}}
  schedule: rate(1 day)
"
    );
    let (model, found, ..) = read(&text);
    assert_eq!(found, ["trigger-split triggers.push.tags «v*»"]);
    let pipeline = &model.expect("a model").pipelines[0];
    let trigger = &pipeline.triggers[0];
    assert_eq!(trigger.source.value, "Source");
    assert_eq!(trigger.push.len(), 2);
    let branches = trigger.push[0].branches.as_ref().expect("branches");
    assert_eq!(
        (branches.includes.len(), branches.excludes[0].value.as_str()),
        (1, "dev")
    );
    assert_eq!(trigger.pull_request[0].events[0].value, "OPEN");
    assert_eq!(pipeline.schedules[0].value, "rate(1 day)");
}

#[test]
fn conditions_and_transitions() {
    let model = good(&format!(
        "{}alarms: {{slow: {{namespace: N, metric: M, above: 1.5, notify: a@example.com}}, builds: {{failedBuilds: [Build]}}}}\n",
        with_stages(
            "  - build: make
    beforeEntry: {check: [{variable: SourceVariables.BranchName, eq: main}, {window: '* * 9-17 ? * MON-FRI *', timeZone: Europe/Berlin}]}
    onSuccess: {check: {alarm: slow, states: [ALARM], wait: 10}, else: rollback}
    onFailure: {retry: failed}
    transition: {enabled: false, reason: holidays}
"
        )
    ));
    let stage = &model.pipelines[0].stages[1];
    let before = stage.before_entry.as_ref().expect("given");
    assert_eq!(before.result.as_ref().expect("given").value, "FAIL");
    let pairs: Vec<String> = before.rules[0]
        .configuration
        .iter()
        .map(|(k, v)| format!("{}={}", k.value, v.value))
        .collect();
    assert_eq!(
        pairs,
        [
            "Variable=#{SourceVariables.BranchName}",
            "Operator=EQ",
            "Value=main"
        ]
    );
    assert_eq!(before.rules[1].provider.value, "DeploymentWindow");
    assert_eq!(
        stage.on_success.as_ref().expect("given").rules[0]
            .alarm
            .as_deref(),
        Some("slow")
    );
    let failure = stage.on_failure.as_ref().expect("given");
    assert_eq!(
        failure.retry_mode.as_ref().expect("given").value,
        "FAILED_ACTIONS"
    );
    assert!(!stage.transition.as_ref().expect("given").enabled);
    assert!(matches!(
        &model.alarms[0].watch,
        AlarmWatch::Metric { comparison: "GreaterThanThreshold", threshold, .. } if *threshold == 1.5
    ));
    let AlarmWatch::FailedBuilds { projects, .. } = &model.alarms[1].watch else {
        panic!("failed builds")
    };
    assert_eq!(projects[0].value, "/Build/Build");
}

#[test]
fn raw_forms_are_read_strictly_and_kept() {
    let text = "service: s
pipelines:
  p:
    definition:
      pipeline:
        name: live
        roleArn: arn:aws:iam::123456789012:role/p
        artifactStore: {type: S3, location: b}
        version: 3
        future: x
        stages:
          - name: Source
            actions:
              - name: S
                actionTypeId: {category: Source, owner: AWS, provider: S3, version: 1}
                configuration: {S3Bucket: b, S3ObjectKey: k, PollForSourceChanges: false}
                outputArtifacts: [{name: Out}]
                runOrder: 1
      metadata: {}
";
    let (model, found, ..) = read(text);
    assert_eq!(
        found,
        [
            "api-key-unknown pipelines.p.definition.pipeline.future «future»",
            "value-kind pipelines.p.definition.pipeline.stages[0].actions[0].actionTypeId.version «1»",
            "value-kind pipelines.p.definition.pipeline.stages[0].actions[0].configuration.PollForSourceChanges «false»",
        ]
    );
    let model = model.expect("a model");
    let pipeline = &model.pipelines[0];
    assert_eq!(pipeline.name.value, "live");
    assert!(pipeline.pipeline_type.is_none(), "no default in a raw form");
    assert_eq!(pipeline.raw_stores[0].key, "artifactStore");
    assert_eq!(pipeline.extra[0].key, "future");
    assert!(pipeline.stages[0].actions[0].raw_node.is_some());
}

#[test]
fn a_raw_project_keeps_its_members_without_the_read_only_ones() {
    let model = good(
        "service: s
projects:
  p:
    definition:
      name: live
      arn: arn:aws:codebuild:us-east-1:123456789012:project/live
      source: {type: CODEPIPELINE, buildspec: \"version: 0.2\\nphases: {build: {commands: [make]}}\\n\"}
      artifacts: {type: CODEPIPELINE}
      environment: {type: LINUX_CONTAINER, image: i, computeType: BUILD_GENERAL1_SMALL, environmentVariables: [{name: A, value: b}]}
      serviceRole: arn:aws:iam::123456789012:role/b
",
    );
    let made = project(&model, "live");
    assert!(made.definition.get("arn").is_none());
    assert_eq!(made.commands[0].value, "make");
    assert_eq!(made.environment[0].value.value, "b");
    assert!(made.role.is_some());
}

#[test]
fn a_command_that_yaml_takes_apart_is_to_be_quoted() {
    let text = with_stages("  - build:\n      run:\n        - echo \"it's: b\"\n");
    let (_, found, _, all) = read(&text);
    assert_eq!(
        found,
        ["value-kind stages[0].build.run[0] «echo \"it's: b\"»"]
    );
    let help = all[0].help.as_deref().expect("a help");
    assert!(help.ends_with("'echo \"it''s: b\"'"), "{help}");
}

/// A stage, action, source or rule that says nothing to do is not dropped, whatever else it says.
#[test]
fn what_has_no_kind_is_told() {
    let gate = "beforeEntry: {check: [{lambda: f}], else: fail}";
    let cases = [
        (format!("  - {{name: Gate, {gate}}}"), "stages[0] «name»"),
        (format!("  - {{{gate}}}"), "stages[0] «beforeEntry»"),
        (
            "  - {transition: {enabled: false}, api: {a: b}}".to_owned(),
            "stages[0] «transition»",
        ),
        (
            "  - {name: T, actions: [{build: make}, {name: B, needs: [Build]}]}".to_owned(),
            "stages[0].actions[1] «name»",
        ),
        (
            "  - {name: T, actions: [{build: make}, {runOrder: 3}]}".to_owned(),
            "stages[0].actions[1] «runOrder»",
        ),
        (
            "  - invoke: {input: Source, region: us-east-1}".to_owned(),
            "stages[0].invoke «invoke»",
        ),
        (
            "  - {build: make, beforeEntry: {check: {name: R, region: us-east-1}}}".to_owned(),
            "stages[0].beforeEntry.check «check»",
        ),
    ];
    for (stage, place) in cases {
        let found = findings(&with_stages(&format!("{stage}\n")));
        assert_eq!(found, [format!("stage-kind-conflict {place}")], "{stage}");
    }
    let text = "service: s\nsource: {name: Src, output: O}\nstages:\n  - build: make\n";
    assert_eq!(findings(text), ["stage-kind-conflict source «source»"]);
    // a misspelt kind is one thing that is wrong, not two
    assert_eq!(
        findings(&with_stages("  - {name: T, biuld: make}\n")),
        ["key-unknown stages[0].biuld «biuld»"]
    );
}

#[test]
fn a_secret_of_another_region_is_exposed_too() {
    let read = |text: &str| {
        let mut out = Diagnostics::new();
        let mut tree = Node::text(text, Span::default());
        tree.data = Data::Unknown(text.to_owned());
        let entry = |key: &str, value| Entry {
            key: key.to_owned(),
            key_span: Span::default(),
            value,
        };
        let root = Node::map(vec![entry("env", tree)], Span::default());
        super::secrets::check(&root, &mut out);
        out.into_sorted().len()
    };
    for text in [
        "${secret:G:tok}",
        "${secret(us-west-2):G:tok}",
        "x-${secret( us-west-2 ) : G}",
        "${ssm:/a}${secret:G}",
    ] {
        assert_eq!(read(text), 1, "{text}");
    }
    for text in ["${ssm:/secret:1}", "${secrets:x}"] {
        assert_eq!(read(text), 0, "{text}");
    }
}

#[test]
fn what_describes_nothing_is_told() {
    for triggers in ["{}", "{source: Source}", "[{}]"] {
        let found = findings(&format!("{SMALLEST}triggers: {triggers}\n"));
        let path = if triggers.starts_with('[') {
            "triggers[0] «{}»"
        } else {
            "triggers «triggers»"
        };
        assert_eq!(found, [format!("key-missing {path}")], "{triggers}");
    }
    assert_eq!(
        findings("service: s\npipelines: {x-y: {}}\n"),
        ["value-empty pipelines «pipelines»"]
    );
    assert_eq!(
        findings(&with_stages("  - approval: \"\"\n  - build: make\n")),
        ["value-invalid stages[0].approval «\"\"»"]
    );
}

/// Each mistake is one finding, and its help says what to type.
#[test]
fn one_mistake_has_one_finding_and_a_way_out() {
    let source = |text: &str| format!("service: s\nsource: {text}\nstages:\n  - build: make\n");
    let cases = [
        (
            source("{github: https://github.com/o/r, branch: main, token: x}"),
            "value-invalid source.github",
            "write `o/r`",
        ),
        (
            source("{github: git@github.com:o/r.git, branch: main, connection: c}"),
            "value-invalid source.github",
            "write `o/r`",
        ),
        (
            source("[]"),
            "value-invalid source",
            "say where the code is",
        ),
        (
            source("[{s3: bucket/a.zip}, {s3: bucket/b.zip}]"),
            "key-missing source[1]",
            "a second needs a name of its own",
        ),
        (
            with_stages("  - deploy: {ecs: {service: svc}, cluster: c}\n"),
            "key-unknown stages[0].deploy.cluster",
            "it stands inside `ecs: {…}`",
        ),
        (
            with_stages("  - invoke: {lambda: f, parameters: {a: b}}\n"),
            "key-unknown stages[0].invoke.parameters",
            "it stands inside `lambda: {…}`",
        ),
        (
            with_stages("  - build: {run: make, timeout: 30s}\n"),
            "value-invalid stages[0].build.timeout",
            "the least is `1m`",
        ),
        (
            with_stages("  - {build: make, timeout: 30m}\n"),
            "key-unknown stages[0].timeout",
            "it stands inside the kind",
        ),
        (
            with_stages("  - build: {run: []}\n"),
            "value-invalid stages[0].build.run",
            "give it one",
        ),
        (
            with_stages("  - build: \"\"\n"),
            "value-invalid stages[0].build",
            "give it one",
        ),
        (
            with_stages("  - build: {run: make, env: {A: {ssm: a, secret: b}}}\n"),
            "value-invalid stages[0].build.env.A",
            "write a text",
        ),
        (
            format!("app: x\n{}", with_stages("  - build: make\n")),
            "key-unknown app",
            "leave it out",
        ),
    ];
    for (text, finding, help) in cases {
        let (_, _, _, all) = read(&text);
        let [one] = &all[..] else {
            panic!("{text}: {all:#?}")
        };
        let found = format!("{} {}", one.code, one.path);
        assert_eq!(
            found.replace("key-foreign", "key-unknown"),
            finding,
            "{text}"
        );
        let said = one.help.as_deref().unwrap_or_default();
        assert!(said.contains(help), "{text}: {said}");
    }
}
