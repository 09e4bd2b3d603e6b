//! The data about action types is whole and sound.

use super::*;
use crate::catalog::iam::placeholder_names;
use crate::catalog::keys::ConfigKey;
use crate::catalog::rules::{RuleFault, RuleKind};
use crate::catalog::structure;
use crate::catalog::when::{Given, When};

/// Options of an action in the pipeline file that a key must not be mistaken for.
const ACTION_OPTIONS: [&str; 12] = [
    "name",
    "needs",
    "runOrder",
    "input",
    "output",
    "outputs",
    "namespace",
    "region",
    "actionRole",
    "timeout",
    "definition",
    "api",
];

fn given(pairs: &[(&str, &str)]) -> Given {
    let pair = |(k, v): &(&str, &str)| ((*k).to_owned(), (*v).to_owned());
    Given {
        config: pairs.iter().map(pair).collect(),
        ..Given::default()
    }
}

fn lookup(name: &str) -> Option<Vec<String>> {
    Some(match name {
        "P" => vec!["aws".to_owned()],
        "R" => vec!["eu-west-1".to_owned()],
        "A" => vec!["123456789012".to_owned()],
        "passRoles" => vec![],
        "pipeline" => vec!["hw".to_owned()],
        "secretArns" => {
            vec!["arn:aws:secretsmanager:eu-west-1:123456789012:secret:s".to_owned()]
        }
        _ => return None,
    })
}

fn keys_of(rule: &ConfigRule) -> Vec<&str> {
    let (mut keys, when): (Vec<&String>, Option<&When>) = match &rule.kind {
        RuleKind::Required { keys, when } | RuleKind::OnlyWhen { keys, when } => {
            (keys.iter().collect(), Some(when))
        }
        RuleKind::NotValues { key, when, .. } => (vec![key], Some(when)),
        RuleKind::Excludes { keys, others } => (keys.iter().chain(others).collect(), None),
        RuleKind::Together(keys) | RuleKind::OneOf(keys) => (keys.iter().collect(), None),
        RuleKind::Inputs { when, .. } | RuleKind::NoOutputs { when } => (vec![], Some(when)),
    };
    let mut names: Vec<&str> = keys.drain(..).map(String::as_str).collect();
    names.extend(when.into_iter().flat_map(When::keys));
    names
}

#[test]
fn every_action_type_is_there() {
    let expected = [
        ("AWS", "Source", "S3"),
        ("AWS", "Source", "CodeCommit"),
        ("AWS", "Source", "ECR"),
        ("AWS", "Source", "CodeStarSourceConnection"),
        ("ThirdParty", "Source", "GitHub"),
        ("AWS", "Build", "CodeBuild"),
        ("AWS", "Test", "CodeBuild"),
        ("AWS", "Build", "ECRBuildAndPublish"),
        ("Custom", "Build", "Jenkins"),
        ("Custom", "Test", "Jenkins"),
        ("AWS", "Test", "DeviceFarm"),
        ("ThirdParty", "Test", "GhostInspector"),
        ("ThirdParty", "Test", "MFStormRunner"),
        ("ThirdParty", "Test", "Runscope"),
        ("AWS", "Deploy", "CloudFormation"),
        ("AWS", "Deploy", "CloudFormationStackSet"),
        ("AWS", "Deploy", "CloudFormationStackInstances"),
        ("AWS", "Deploy", "CodeDeploy"),
        ("AWS", "Deploy", "ECS"),
        ("AWS", "Deploy", "CodeDeployToECS"),
        ("AWS", "Deploy", "ElasticBeanstalk"),
        ("AWS", "Deploy", "OpsWorks"),
        ("AWS", "Deploy", "S3"),
        ("AWS", "Deploy", "ServiceCatalog"),
        ("AWS", "Deploy", "AppConfig"),
        ("ThirdParty", "Deploy", "AlexaSkillsKit"),
        ("AWS", "Deploy", "EC2"),
        ("AWS", "Deploy", "EKS"),
        ("AWS", "Deploy", "Lambda"),
        ("AWS", "Approval", "Manual"),
        ("AWS", "Invoke", "Lambda"),
        ("AWS", "Invoke", "StepFunctions"),
        ("AWS", "Invoke", "CodePipeline"),
        ("AWS", "Invoke", "InspectorScan"),
        ("ThirdParty", "Invoke", "Snyk"),
        ("AWS", "Compute", "Commands"),
    ];
    for (owner, category, provider) in expected {
        assert!(
            action_type(owner, category, provider).is_some(),
            "{owner} {category} {provider}"
        );
    }
    let known: usize = all().iter().map(|a| a.categories.len()).sum();
    assert_eq!(known, expected.len());
    assert!(action_type("ThirdParty", "Source", "CodeStarSourceConnection").is_none());
    for id in EFFECTS.keys() {
        assert!(by_id(id).is_some(), "effects of {id}");
    }
}

#[test]
fn the_words_of_the_file_mean_types() {
    let deploy = [
        "cloudformation",
        "stackSet",
        "stackInstances",
        "codedeploy",
        "ecs",
        "ecsBlueGreen",
        "elasticBeanstalk",
        "s3",
        "serviceCatalog",
        "appConfig",
        "ec2",
        "eks",
        "lambda",
    ];
    assert_eq!(kinds("deploy"), deploy);
    assert_eq!(kinds("invoke"), ["lambda", "stepFunctions", "pipeline"]);
    assert_eq!(
        by_kind("source", "gitlab").map(|a| a.id.as_str()),
        Some("source-connection")
    );
    assert_eq!(
        by_kind("deploy", "s3").map(|a| a.id.as_str()),
        Some("deploy-s3")
    );
    assert!(by_kind("deploy", "opsworks").is_none());
}

#[test]
fn data_is_sound() {
    let enums = structure::enums();
    let quotas = structure::quotas();
    for action in all() {
        let id = &action.id;
        assert!(enums.owner.contains(&action.owner), "{id}");
        assert!(!action.categories.is_empty());
        assert!(
            action.categories.iter().all(|c| enums.category.contains(c)),
            "{id}"
        );
        assert_eq!(
            structure::names().provider.check(&action.provider),
            Ok(()),
            "{id}"
        );
        assert!(
            action.inputs.min <= action.inputs.max && action.inputs.max <= 10,
            "{id}"
        );
        assert!(
            action.outputs.min <= action.outputs.max && action.outputs.max <= 5,
            "{id}"
        );
        if action.has_category("Source") {
            assert_eq!((action.inputs.max, action.outputs.min), (0, 1), "{id}");
            assert!(!action.cross_region.value, "{id}");
        }
        assert!(action.owner == "AWS" || !action.cross_region.value, "{id}");
        for key in &action.keys {
            let name = &key.name;
            assert!(quotas.config_key.allows(name.len() as u64), "{id} {name}");
            assert!(
                key.pattern.iter().all(|p| p.regex().is_some()),
                "{id} {name}"
            );
            if let Some(default) = &key.default {
                assert_eq!(key.check(default), Ok(()), "{id} {name}");
            }
            assert!(key.range.is_none_or(|[min, max]| min < max), "{id} {name}");
            assert!(key.length.is_none_or(|[min, max]| min < max), "{id} {name}");
        }
        for rule in &action.rules {
            for key in keys_of(rule) {
                assert!(action.key(key).is_some(), "{id}: rule about {key}");
            }
        }
        if let Some(polling) = &action.polling_key {
            assert!(action.key(polling).is_some(), "{id}");
        }
        assert_eq!(action.opaque, action.keys.is_empty(), "{id}");
    }
}

#[test]
fn words_are_unique_and_no_options() {
    for action in all() {
        let mut words: Vec<String> = Vec::new();
        for key in &action.keys {
            let mut own = vec![camel(key, true), camel(key, false)];
            own.extend(key.short.clone());
            own.retain(|word| key.answers_to(word));
            own.sort();
            own.dedup();
            assert!(
                own.contains(&key.friendly_name()),
                "{} {}",
                action.id,
                key.name
            );
            words.extend(own);
        }
        let count = words.len();
        words.sort();
        words.dedup();
        assert_eq!(words.len(), count, "{}: two keys share a word", action.id);
        for option in ACTION_OPTIONS {
            assert!(
                !words.iter().any(|w| w == option),
                "{}: {option}",
                action.id
            );
        }
    }

    fn camel(key: &ConfigKey, fold: bool) -> String {
        crate::catalog::keys::camel(&key.name, fold)
    }
}

#[test]
fn words_find_keys() {
    let find = |id: &str, word: &str| {
        by_id(id)
            .and_then(|a| a.friendly(word))
            .map(|k| k.name.as_str())
    };
    assert_eq!(find("ecs", "cluster"), Some("ClusterName"));
    assert_eq!(find("ecs", "clusterName"), Some("ClusterName"));
    assert_eq!(find("ecs", "ClusterName"), None);
    assert_eq!(
        find("deploy-s3", "kmsEncryptionKeyARN"),
        Some("KMSEncryptionKeyARN")
    );
    assert_eq!(
        find("deploy-s3", "kmsEncryptionKeyArn"),
        Some("KMSEncryptionKeyARN")
    );
    assert_eq!(find("deploy-s3", "cannedACL"), Some("CannedACL"));
    assert_eq!(find("cloudformation", "role"), Some("RoleArn"));
    assert_eq!(
        find("cloudformation", "parameters"),
        Some("ParameterOverrides")
    );
    assert_eq!(find("eks", "namespace"), None);
    assert_eq!(find("eks", "kubernetesNamespace"), Some("Namespace"));
    assert_eq!(find("source-github-v1", "oAuthToken"), Some("OAuthToken"));
}

#[test]
fn keys_know_their_owners() {
    let owners = |key| {
        key_owners(key)
            .iter()
            .map(|a| a.id.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!(owners("OAuthToken"), ["source-github-v1"]);
    assert_eq!(owners("BucketName"), ["deploy-s3"]);
    assert!(owners("Nothing").is_empty());
    assert_eq!(by_provider("s3").len(), 2);
}

#[test]
fn placeholders_are_keys_or_declared() {
    for action in all() {
        let effects = action.effects();
        let lists = [
            &effects.iam,
            &effects.consumer_build_role,
            &effects.function_role,
        ];
        for statement in lists.into_iter().flatten() {
            for name in statement.placeholders() {
                assert!(
                    action.key(name).is_some() || placeholder_names().contains_key(name),
                    "{} {}: {{{name}}}",
                    action.id,
                    statement.id
                );
            }
            for key in statement.when.iter().flat_map(When::keys) {
                assert!(action.key(key).is_some(), "{} {key}", action.id);
            }
            assert!(
                statement.why.ends_with('.'),
                "{} {}",
                action.id,
                statement.id
            );
            assert!(
                statement.id.chars().all(|c| c.is_ascii_alphanumeric()),
                "{} is a Sid",
                statement.id
            );
        }
        if let Some(pattern) = effects
            .change_detection
            .as_ref()
            .and_then(|d| d.pattern.as_ref())
        {
            for name in template::json_placeholders(pattern) {
                let known = action.key(name).is_some() || placeholder_names().contains_key(name);
                assert!(known, "{} {{{name}}}", action.id);
            }
        }
        assert_eq!(
            action.log_group,
            effects.iam.iter().any(|s| s.id == "Logs"),
            "{}: log group and its permission",
            action.id
        );
        if action.has_category("Source") {
            assert!(effects.change_detection.is_some(), "{}", action.id);
        }
    }
}

#[test]
fn permissions_follow_the_mode_of_cloudformation() {
    let action = by_id("cloudformation").expect("there");
    let ids = |mode: &str| -> Vec<&str> {
        let mut facts = given(&[("StackName", "web"), ("ChangeSetName", "c")]);
        facts
            .config
            .insert("ActionMode".to_owned(), mode.to_owned());
        let statements = action.statements(&facts, &lookup).expect("all known");
        statements.iter().map(|s| s.id).collect()
    };
    assert_eq!(ids("CHANGE_SET_EXECUTE"), ["ChangeSetRun"]);
    assert_eq!(ids("CHANGE_SET_REPLACE"), ["ChangeSetMake"]);
    assert_eq!(ids("REPLACE_ON_FAILURE"), ["StackUpdate", "StackReplace"]);
    assert_eq!(ids("DELETE_ONLY"), ["StackDelete"]);
    let facts = given(&[
        ("ActionMode", "CREATE_UPDATE"),
        ("StackName", "web-#{S.Name}"),
        ("RoleArn", "arn:aws:iam::123456789012:role/cfn"),
    ]);
    let statements = action.statements(&facts, &lookup).expect("all known");
    assert_eq!(
        statements[0].resources,
        ["arn:aws:cloudformation:eu-west-1:123456789012:stack/web-*/*"]
    );
    assert_eq!(
        statements[1].resources,
        ["arn:aws:iam::123456789012:role/cfn"]
    );
}

#[test]
fn rules_find_what_is_missing_and_too_much() {
    let problems = |id: &str, facts: &Given| -> Vec<(String, RuleFault)> {
        let action = by_id(id).expect("there");
        let problems = action.rule_problems(facts);
        problems
            .iter()
            .map(|p| (p.key.to_owned(), p.problem))
            .collect()
    };
    let missing = |key: &str| (key.to_owned(), RuleFault::Missing);
    let superfluous = |key: &str| (key.to_owned(), RuleFault::Superfluous);
    let mut facts = given(&[("ActionMode", "CHANGE_SET_REPLACE"), ("StackName", "s")]);
    assert_eq!(
        problems("cloudformation", &facts),
        [
            missing("RoleArn"),
            missing("TemplatePath"),
            missing("ChangeSetName")
        ]
    );
    facts
        .config
        .insert("ActionMode".to_owned(), "#{S.Mode}".to_owned());
    assert_eq!(problems("cloudformation", &facts), []);

    let mut build = given(&[("ProjectName", "p"), ("CombineArtifacts", "true")]);
    build.inputs = 2;
    assert_eq!(
        problems("codebuild", &build),
        [missing("PrimarySource"), superfluous("CombineArtifacts")]
    );
    let eks = given(&[
        ("ClusterName", "c"),
        ("ManifestFiles", "a"),
        ("HelmValuesFiles", "v"),
    ]);
    assert_eq!(
        problems("eks", &eks),
        [
            superfluous("HelmValuesFiles"),
            missing("HelmChartLocation"),
            missing("HelmReleaseName")
        ]
    );
    assert_eq!(
        problems("eks", &given(&[("ClusterName", "c")])),
        [missing("ManifestFiles")]
    );
    let image = given(&[("Image2ArtifactName", "Built")]);
    assert_eq!(
        problems("codedeploy-to-ecs", &image),
        [missing("Image2ContainerName")]
    );
    let windows = given(&[
        ("EnvironmentType", "WINDOWS_SERVER_2022_CONTAINER"),
        ("ComputeType", "BUILD_GENERAL1_SMALL"),
    ]);
    assert_eq!(
        problems("commands", &windows),
        [("ComputeType".to_owned(), RuleFault::Value)]
    );
}

#[test]
fn permissions_use_lists_arns_and_defaults() {
    let resources = |id: &str, statement: &str, facts: &Given| -> Vec<String> {
        let statements = by_id(id).expect("there").statements(facts, &lookup);
        let statements = statements.expect("all known");
        let found = statements.iter().find(|s| s.id == statement);
        found.map(|s| s.resources.clone()).unwrap_or_default()
    };
    let lambda = given(&[("FunctionName", "f"), ("Alarms", "one, two")]);
    assert_eq!(
        resources("deploy-lambda", "Alarms", &lambda),
        [
            "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:one",
            "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:two"
        ]
    );
    let machine = given(&[(
        "StateMachineArn",
        "arn:aws:states:us-east-1:1:stateMachine:Flow",
    )]);
    assert_eq!(
        resources("invoke-stepfunctions", "FollowMachine", &machine),
        ["arn:aws:states:us-east-1:1:execution:Flow:*"]
    );
    let connection = given(&[(
        "ConnectionArn",
        "arn:aws:codeconnections:eu-west-1:1:connection/abc",
    )]);
    assert_eq!(
        resources("source-connection", "UseConnection", &connection),
        [
            "arn:aws:codestar-connections:eu-west-1:1:connection/abc",
            "arn:aws:codeconnections:eu-west-1:1:connection/abc"
        ]
    );
    // no task role, no statement to pass one
    let ecs = given(&[("ClusterName", "c"), ("ServiceName", "s")]);
    assert!(resources("ecs", "PassTaskRoles", &ecs).is_empty());

    let ecr = given(&[("RepositoryName", "web")]);
    let pattern = by_id("source-ecr")
        .expect("there")
        .event_pattern(&ecr, &lookup);
    let pattern = pattern.expect("all known").expect("by events");
    assert_eq!(
        pattern["detail"]["image-tag"],
        serde_json::json!(["latest"])
    );
    assert_eq!(
        pattern["detail"]["repository-name"],
        serde_json::json!(["web"])
    );
}
