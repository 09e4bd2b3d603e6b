use serde_json::json;

use super::*;

fn context() -> Context {
    Context {
        region: "us-east-1".to_owned(),
        account: "123456789012".to_owned(),
        partition: "aws".to_owned(),
    }
}

fn normal_form(kind: Kind, mut body: Value) -> Value {
    normalise(kind, &mut body, &context());
    body
}

#[test]
fn the_same_meaning_has_one_form() {
    let action = |extra: Value| {
        let mut action = json!({"name": "Unit", "actionTypeId": {"category": "Test", "owner": "AWS", "provider": "CodeBuild", "version": "1"}});
        for (key, value) in extra.as_object().into_iter().flatten() {
            action[key] = value.clone();
        }
        json!({"name": "p", "stages": [{"name": "S", "actions": [action]}]})
    };
    let project = |extra: Value| {
        let mut project = json!({"name": "p", "source": {"type": "CODEPIPELINE", "buildspec": "b.yml"}, "artifacts": {"type": "CODEPIPELINE"}, "environment": {"type": "LINUX_CONTAINER", "image": "i", "computeType": "c"}});
        for (key, value) in extra.as_object().into_iter().flatten() {
            project[key] = value.clone();
        }
        project
    };
    let table = vec![
        (
            Kind::Pipeline,
            action(json!({})),
            action(
                json!({"runOrder": 1, "inputArtifacts": [], "outputArtifacts": [], "configuration": {}, "region": "us-east-1"}),
            ),
        ),
        (
            Kind::Pipeline,
            json!({"name": "p"}),
            json!({"name": "p", "version": 7, "metadata": {"x": 1}, "executionMode": "SUPERSEDED"}),
        ),
        (
            Kind::Pipeline,
            action(
                json!({"configuration": {"EnvironmentVariables": "[{\"name\":\"B\",\"value\":\"2\"},{\"name\":\"A\",\"value\":\"1\",\"type\":\"PLAINTEXT\"}]"}}),
            ),
            action(
                json!({"configuration": {"EnvironmentVariables": "[ {\"value\":\"1\",\"name\":\"A\"}, {\"type\":\"PLAINTEXT\",\"name\":\"B\",\"value\":\"2\"} ]"}}),
            ),
        ),
        (
            Kind::Pipeline,
            action(json!({"configuration": {"UserParameters": "{\"b\":1,\"a\":[2,1]}"}})),
            action(json!({"configuration": {"UserParameters": "{ \"a\": [2, 1], \"b\": 1 }"}})),
        ),
        (
            Kind::Pipeline,
            json!({"artifactStores": {"us-east-1": {"type": "S3", "location": "b"}}}),
            json!({"artifactStore": {"type": "S3", "location": "b"}}),
        ),
        (
            Kind::Pipeline,
            json!({"triggers": [{"gitConfiguration": {"sourceActionName": "S", "pullRequest": [{"events": ["OPEN", "UPDATED", "CLOSED"], "branches": {"includes": ["b", "a"]}}]}}]}),
            json!({"triggers": [{"gitConfiguration": {"sourceActionName": "S", "pullRequest": [{"branches": {"includes": ["a", "b"]}}]}}]}),
        ),
        (
            Kind::Pipeline,
            json!({"variables": [{"name": "b"}, {"name": "a"}]}),
            json!({"variables": [{"name": "a"}, {"name": "b"}]}),
        ),
        (
            Kind::Project,
            project(json!({})),
            project(json!({
                "arn": "a", "created": 1, "lastModified": 2, "badge": {"badgeEnabled": false}, "projectVisibility": "PRIVATE",
                "timeoutInMinutes": 60, "queuedTimeoutInMinutes": 480, "encryptionKey": "arn:aws:kms:us-east-1:123456789012:alias/aws/s3",
                "source": {"type": "CODEPIPELINE", "buildspec": "b.yml", "insecureSsl": false, "gitCloneDepth": 1},
                "artifacts": {"type": "CODEPIPELINE", "name": "p", "packaging": "NONE", "encryptionDisabled": false},
                "environment": {"type": "LINUX_CONTAINER", "image": "i", "computeType": "c", "privilegedMode": false, "imagePullCredentialsType": "CODEBUILD", "environmentVariables": []},
                "cache": {"type": "NO_CACHE"}, "secondarySources": [], "vpcConfig": {},
                "logsConfig": {"cloudWatchLogs": {"status": "ENABLED"}, "s3Logs": {"status": "DISABLED", "encryptionDisabled": false}}
            })),
        ),
        (
            Kind::Project,
            project(
                json!({"vpcConfig": {"vpcId": "v", "subnets": ["b", "a"], "securityGroupIds": ["y", "x"]}, "badgeEnabled": true}),
            ),
            project(
                json!({"vpcConfig": {"vpcId": "v", "subnets": ["a", "b"], "securityGroupIds": ["x", "y"]}, "badge": {"badgeEnabled": true, "badgeRequestUrl": "u"}}),
            ),
        ),
        (
            Kind::Role,
            json!({"roleName": "r", "assumeRolePolicyDocument": {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "s"}}}}),
            json!({"roleName": "r", "maxSessionDuration": 3600, "description": "", "path": "/", "arn": "x", "policies": {}, "assumeRolePolicyDocument": {"Version": "2008-10-17", "Statement": [{"Effect": "Allow", "Action": ["sts:AssumeRole"], "Principal": {"Service": ["s"]}}]}}),
        ),
        (
            Kind::EventRule,
            json!({"Name": "r", "EventPattern": {"source": ["b", "a"]}, "Targets": [{"Id": "2"}, {"Id": "1", "Input": "{\"a\":1,\"b\":2}"}]}),
            json!({"Name": "r", "State": "ENABLED", "EventBusName": "default", "EventPattern": "{\"source\":[\"a\",\"b\"]}", "Targets": [{"Id": "1", "Input": "{\"b\": 2, \"a\": 1}"}, {"Id": "2"}]}),
        ),
        (
            Kind::Alarm,
            json!({"AlarmName": "a", "Threshold": 1, "EvaluationPeriods": 2, "Dimensions": [{"Name": "B"}, {"Name": "A"}]}),
            json!({"AlarmName": "a", "Threshold": 1.0, "EvaluationPeriods": 2, "DatapointsToAlarm": 2, "ActionsEnabled": true, "OKActions": [], "TreatMissingData": "missing", "StateValue": "OK", "Dimensions": [{"Name": "A"}, {"Name": "B"}]}),
        ),
        (
            Kind::Topic,
            json!({"name": "t"}),
            json!({"name": "t", "displayName": "", "policy": {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": []}}),
        ),
        (
            Kind::Webhook,
            json!({"name": "w", "registerWithThirdParty": true, "authenticationConfiguration": {"SecretToken": "****"}}),
            json!({"name": "w", "registerWithThirdParty": true, "url": "u", "arn": "a", "authenticationConfiguration": {"SecretToken": "shown"}}),
        ),
        (
            Kind::StageTransition,
            json!({"pipeline": "p", "stage": "s", "enabled": true, "reason": "x"}),
            json!({"pipeline": "p", "stage": "s", "enabled": true}),
        ),
        (
            Kind::LogGroup,
            json!({"logGroupName": "g"}),
            json!({"logGroupName": "g", "storedBytes": 3, "logGroupClass": "STANDARD"}),
        ),
        (
            Kind::Bucket,
            json!({"bucket": "b", "lifecycle": [{"id": "b"}, {"id": "a", "status": "Enabled"}]}),
            json!({"bucket": "b", "eventBridge": false, "lifecycle": [{"id": "a"}, {"id": "b"}]}),
        ),
    ];
    for (kind, one, other) in table {
        assert_eq!(normal_form(kind, one), normal_form(kind, other), "{kind}");
    }
}

#[test]
fn other_meanings_stay_apart() {
    let table = [
        (
            Kind::Pipeline,
            json!({"executionMode": "QUEUED"}),
            json!({}),
        ),
        (
            Kind::Pipeline,
            json!({"pipelineType": "V2"}),
            json!({"pipelineType": "V1"}),
        ),
        (
            Kind::Pipeline,
            json!({"stages": [{"actions": [{"inputArtifacts": [{"name": "a"}, {"name": "b"}]}]}]}),
            json!({"stages": [{"actions": [{"inputArtifacts": [{"name": "b"}, {"name": "a"}]}]}]}),
        ),
        (
            Kind::Pipeline,
            json!({"stages": [{"actions": [{"region": "eu-west-1"}]}]}),
            json!({"stages": [{"actions": [{}]}]}),
        ),
        (Kind::Project, json!({"timeoutInMinutes": 61}), json!({})),
        (
            Kind::Project,
            json!({"source": {"type": "GITHUB", "location": "a"}}),
            json!({"source": {"type": "GITHUB", "location": "b"}}),
        ),
        (
            Kind::Project,
            json!({"source": {"buildspec": "version: 0.2\n"}}),
            json!({"source": {"buildspec": "version: 0.2"}}),
        ),
        (
            Kind::StageTransition,
            json!({"enabled": false, "reason": "x"}),
            json!({"enabled": false, "reason": "y"}),
        ),
        (
            Kind::Alarm,
            json!({"Threshold": 1.5}),
            json!({"Threshold": 1}),
        ),
        (Kind::Object, json!({"sha256": "a"}), json!({"sha256": "b"})),
    ];
    for (kind, one, other) in table {
        assert_ne!(normal_form(kind, one), normal_form(kind, other), "{kind}");
    }
}

#[test]
fn it_is_settled_after_one_pass() {
    let body = json!({"triggers": [{"gitConfiguration": {"sourceActionName": "S", "push": [{"branches": {"includes": ["b", "a"]}}]}}], "stages": [{"name": "s", "actions": [{"runOrder": 1.0}]}]});
    let once = normal_form(Kind::Pipeline, body);
    assert_eq!(normal_form(Kind::Pipeline, once.clone()), once);
}

#[test]
fn a_token_of_a_source_is_masked() {
    let body = json!({"stages": [{"name": "S", "actions": [{"name": "G",
        "actionTypeId": {"category": "Source", "owner": "ThirdParty", "provider": "GitHub", "version": "1"},
        "configuration": {"OAuthToken": "marker", "Repo": "r"}}]}]});
    let normal = normal_form(Kind::Pipeline, body);
    assert_eq!(
        normal["stages"][0]["actions"][0]["configuration"],
        json!({"OAuthToken": "****", "Repo": "r"})
    );
}
