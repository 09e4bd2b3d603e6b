"""Proves each patch and each verdict with boto3: python selftest.py"""

import base64
import json
import pathlib
import signal
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.request
import uuid

import boto3
import cbor2
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

HERE = pathlib.Path(__file__).resolve().parent
ACCOUNT = "123456789012"
REGION = "us-east-1"


def setUpModule():
    global EMULATORS, URL
    EMULATORS = subprocess.Popen(
        [sys.executable, str(HERE / "emulators.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    URL = json.loads(EMULATORS.stdout.readline())


def tearDownModule():
    EMULATORS.stdin.close()
    assert EMULATORS.wait(10) == 0
    EMULATORS.stdout.close()


def client(name, where="moto", region=REGION):
    return boto3.client(
        name,
        endpoint_url=URL[where],
        region_name=region,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(retries={"max_attempts": 1}),
    )


def door(path, **given):
    request = urllib.request.Request(URL["moto"] + "/_test/" + path, json.dumps(given).encode(), method="POST")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def trust(*services):
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": list(services)}, "Action": "sts:AssumeRole"}
            ],
        }
    )


class Case(unittest.TestCase):
    def setUp(self):
        self.name = f"t-{uuid.uuid4().hex[:10]}"
        self.iam = client("iam")
        self.role = self.iam.create_role(
            RoleName=self.name, AssumeRolePolicyDocument=trust("codepipeline.amazonaws.com", "codebuild.amazonaws.com")
        )["Role"]["Arn"]

    def refused(self, code, call, text="", **params):
        with self.assertRaises(ClientError) as caught:
            call(**params)
        error = caught.exception.response["Error"]
        self.assertEqual(error["Code"], code, error["Message"])
        self.assertIn(text, error["Message"])


class PipelineTest(Case):
    def setUp(self):
        super().setUp()
        client("s3").create_bucket(Bucket=self.name)
        self.cp = client("codepipeline")

    def definition(self, token="s3cret", version="V2", **extra):
        return {
            "name": self.name,
            "roleArn": self.role,
            "artifactStore": {"type": "S3", "location": self.name},
            "pipelineType": version,
            "stages": [
                {
                    "name": "Source",
                    "actions": [
                        {
                            "name": "GitHub",
                            "actionTypeId": {"category": "Source", "owner": "ThirdParty", "provider": "GitHub", "version": "1"},
                            "configuration": {"Owner": "o", "Repo": "r", "Branch": "main", "OAuthToken": token},
                            "outputArtifacts": [{"name": "Src"}],
                        }
                    ],
                },
                {
                    "name": "Gate",
                    "actions": [
                        {
                            "name": "Approve",
                            "actionTypeId": {"category": "Approval", "owner": "AWS", "provider": "Manual", "version": "1"},
                        }
                    ],
                },
            ],
            **extra,
        }

    def create(self, **kwargs):
        return self.cp.create_pipeline(pipeline=self.definition(**kwargs))["pipeline"]

    def stored_token(self):
        arn = f"arn:aws:codepipeline:{REGION}:{ACCOUNT}:{self.name}"
        return door("secrets")[f"{arn}/Source/GitHub/OAuthToken"]

    def test_names(self):
        self.create()
        self.refused("PipelineNameInUseException", self.cp.create_pipeline, pipeline=self.definition())
        other = dict(self.definition(), name="nope-" + self.name)
        self.refused("PipelineNotFoundException", self.cp.update_pipeline, pipeline=other)
        for call in (self.cp.get_pipeline, self.cp.get_pipeline_state, self.cp.start_pipeline_execution):
            self.refused("PipelineNotFoundException", call, name="nope-" + self.name)
        self.cp.delete_pipeline(name="nope-" + self.name)
        self.refused("ValidationException", self.cp.create_pipeline, pipeline=dict(self.definition(), name="a b"))

    def test_read_side_versions_and_metadata(self):
        self.create(version="V1")
        got = self.cp.get_pipeline(name=self.name)
        self.assertEqual(got["metadata"]["pipelineArn"], f"arn:aws:codepipeline:{REGION}:{ACCOUNT}:{self.name}")
        self.assertEqual(got["metadata"]["created"], got["metadata"]["updated"])
        pipeline = got["pipeline"]
        self.assertEqual((pipeline["version"], pipeline["executionMode"]), (1, "SUPERSEDED"))
        approve = pipeline["stages"][1]["actions"][0]
        self.assertEqual(
            (approve["runOrder"], approve["inputArtifacts"], approve["outputArtifacts"], approve["configuration"]),
            (1, [], [], {}),
        )
        changed = self.definition()
        changed["stages"][1]["name"] = "Door"
        self.assertEqual(self.cp.update_pipeline(pipeline=changed)["pipeline"]["version"], 2)
        self.assertEqual(self.cp.get_pipeline(name=self.name, version=1)["pipeline"]["stages"][1]["name"], "Gate")
        self.refused("PipelineVersionNotFoundException", self.cp.get_pipeline, name=self.name, version=9)
        listed = {p["name"]: p for p in self.cp.list_pipelines()["pipelines"]}[self.name]
        self.assertEqual((listed["version"], listed["pipelineType"]), (2, "V2"))

    def test_timestamps_are_numbers_on_the_wire(self):
        self.create()
        status, body = signed("codepipeline", "/", json.dumps({"name": self.name}).encode(), {
            "X-Amz-Target": "CodePipeline_20150709.GetPipeline", "Content-Type": "application/x-amz-json-1.1"})
        self.assertEqual(status, 200)
        self.assertIsInstance(json.loads(body)["metadata"]["created"], (int, float))

    def test_secret(self):
        self.assertEqual(self.create()["stages"][0]["actions"][0]["configuration"]["OAuthToken"], "****")
        got = self.cp.get_pipeline(name=self.name)["pipeline"]
        self.assertEqual(got["stages"][0]["actions"][0]["configuration"]["OAuthToken"], "****")
        self.assertEqual(self.stored_token(), "s3cret")
        self.cp.update_pipeline(pipeline=got)
        self.assertEqual(self.stored_token(), "s3cret")
        self.cp.update_pipeline(pipeline=self.definition(token="second"))
        self.assertEqual(self.stored_token(), "second")
        renamed = self.definition(token="****")
        renamed["stages"][0]["actions"][0]["name"] = "Other"
        self.refused("InvalidActionDeclarationException", self.cp.update_pipeline, "****", pipeline=renamed)
        other = self.definition(token="****")
        other["stages"][0]["actions"][0]["configuration"]["Branch"] = "dev"
        self.cp.update_pipeline(pipeline=other)
        self.assertEqual(self.stored_token(), "****")

    def test_stars_on_create(self):
        self.refused("InvalidActionDeclarationException", self.cp.create_pipeline, pipeline=self.definition(token="****"))

    def test_structure(self):
        def broken(change, code, text=""):
            definition = self.definition()
            change(definition)
            self.refused(code, self.cp.create_pipeline, text, pipeline=definition)

        broken(lambda d: d["stages"].reverse(), "InvalidStructureException", "only contains source")
        broken(lambda d: d["stages"].pop(), "InvalidStructureException", "only 1 stage")
        broken(lambda d: d["stages"][1].update(name="Source"), "InvalidStageDeclarationException")
        broken(lambda d: d.update(roleArn=d["roleArn"] + "x"), "InvalidStructureException", "AssumeRole")
        broken(lambda d: d["artifactStore"].update(location="none-" + self.name), "InvalidStructureException", "No bucket")
        broken(
            lambda d: d["stages"][1]["actions"][0].update(inputArtifacts=[{"name": "Nobody"}]), "InvalidStructureException"
        )
        broken(lambda d: d.update(pipelineType="V1", executionMode="QUEUED"), "InvalidStructureException")
        broken(lambda d: d["stages"][0]["actions"][0]["configuration"].update(Repo="r" * 1001), "ValidationException")
        self.refused("PipelineNotFoundException", self.cp.get_pipeline, name=self.name)

    def test_tags(self):
        self.cp.create_pipeline(pipeline=self.definition(), tags=[{"key": "a", "value": "1"}])
        arn = self.cp.get_pipeline(name=self.name)["metadata"]["pipelineArn"]
        self.cp.tag_resource(resourceArn=arn, tags=[{"key": "b", "value": "2"}, {"key": "a", "value": "3"}])
        self.cp.untag_resource(resourceArn=arn, tagKeys=["b", "never"])
        self.assertEqual(self.cp.list_tags_for_resource(resourceArn=arn)["tags"], [{"key": "a", "value": "3"}])
        self.refused("InvalidTagsException", self.cp.tag_resource, resourceArn=arn, tags=[{"key": "aws:x", "value": ""}])
        many = [{"key": f"k{i}", "value": ""} for i in range(50)]
        self.refused("TooManyTagsException", self.cp.tag_resource, resourceArn=arn, tags=many)
        self.refused("ResourceNotFoundException", self.cp.list_tags_for_resource, resourceArn=arn + "x")

    def test_executions(self):
        self.create()
        first = self.cp.list_pipeline_executions(pipelineName=self.name)["pipelineExecutionSummaries"]
        self.assertEqual([(e["status"], e["trigger"]["triggerType"]) for e in first], [("InProgress", "CreatePipeline")])
        key = first[0]["pipelineExecutionId"]
        stop = {"pipelineName": self.name, "pipelineExecutionId": key}
        self.cp.stop_pipeline_execution(**stop, reason="no")
        self.refused("DuplicatedStopRequestException", self.cp.stop_pipeline_execution, **stop)
        self.cp.stop_pipeline_execution(**stop, abandon=True)
        self.refused("PipelineExecutionNotStoppableException", self.cp.stop_pipeline_execution, **stop, abandon=True)
        self.assertEqual(self.cp.get_pipeline_execution(**stop)["pipelineExecution"]["status"], "Stopped")
        token = str(uuid.uuid4())
        again = [
            self.cp.start_pipeline_execution(name=self.name, clientRequestToken=token)["pipelineExecutionId"]
            for _ in range(2)
        ]
        self.assertEqual(again[0], again[1])
        self.cp.update_pipeline(pipeline=self.definition())
        run = self.cp.get_pipeline_execution(pipelineName=self.name, pipelineExecutionId=again[0])
        self.assertEqual(run["pipelineExecution"]["status"], "Failed")
        self.refused(
            "PipelineExecutionNotFoundException",
            self.cp.get_pipeline_execution,
            pipelineName=self.name,
            pipelineExecutionId=str(uuid.uuid4()),
        )

    def test_parallel_goes_on(self):
        self.create(executionMode="PARALLEL")
        self.cp.update_pipeline(pipeline=self.definition(executionMode="PARALLEL"))
        run = self.cp.list_pipeline_executions(pipelineName=self.name)["pipelineExecutionSummaries"][0]
        self.assertEqual(run["status"], "InProgress")

    def test_transitions(self):
        self.create()

        def state():
            found = self.cp.get_pipeline_state(name=self.name)
            return [(s["stageName"], s["inboundTransitionState"]) for s in found["stageStates"]]

        self.assertEqual(state(), [("Source", {"enabled": True}), ("Gate", {"enabled": True})])
        where = {"pipelineName": self.name, "stageName": "Gate", "transitionType": "Inbound"}
        self.cp.disable_stage_transition(**where, reason="freeze")
        self.assertEqual((state()[1][1]["enabled"], state()[1][1]["disabledReason"]), (False, "freeze"))
        self.cp.update_pipeline(pipeline=self.definition())
        self.assertFalse(state()[1][1]["enabled"])
        self.cp.enable_stage_transition(**where)
        self.assertTrue(state()[1][1]["enabled"])
        self.refused("StageNotFoundException", self.cp.enable_stage_transition, **dict(where, stageName="No"))

    def test_webhooks(self):
        self.create()
        hook = {
            "name": self.name,
            "targetPipeline": self.name,
            "targetAction": "GitHub",
            "filters": [{"jsonPath": "$.ref", "matchEquals": "refs/heads/{Branch}"}],
            "authentication": "GITHUB_HMAC",
            "authenticationConfiguration": {"SecretToken": "hush"},
        }
        put = self.cp.put_webhook
        made = put(webhook=hook, tags=[{"key": "a", "value": "b"}])["webhook"]
        self.assertEqual(made["arn"], f"arn:aws:codepipeline:{REGION}:{ACCOUNT}:webhook:{self.name}")
        self.assertEqual(put(webhook=hook)["webhook"]["url"], made["url"])
        listed = {w["definition"]["name"]: w for w in self.cp.list_webhooks()["webhooks"]}[self.name]
        self.assertEqual(listed["definition"]["authenticationConfiguration"], {"SecretToken": "****"})
        self.assertEqual(self.cp.list_tags_for_resource(resourceArn=made["arn"])["tags"], [{"key": "a", "value": "b"}])
        self.cp.register_webhook_with_third_party(webhookName=self.name)
        self.assertEqual(door("secrets")[made["arn"]], {"SecretToken": "hush", "registered": True})
        self.cp.deregister_webhook_with_third_party(webhookName=self.name)
        self.assertFalse(door("secrets")[made["arn"]]["registered"])
        self.refused("PipelineNotFoundException", put, webhook=dict(hook, targetPipeline="nope"))
        self.refused("ValidationException", put, "first stage", webhook=dict(hook, targetAction="Approve"))
        self.refused(
            "InvalidWebhookAuthenticationParametersException", put, webhook=dict(hook, authenticationConfiguration={})
        )
        self.cp.delete_webhook(name=self.name)
        self.cp.delete_webhook(name=self.name)
        self.refused("WebhookNotFoundException", self.cp.register_webhook_with_third_party, webhookName=self.name)


class ProjectTest(Case):
    def setUp(self):
        super().setUp()
        self.cb = client("codebuild")

    def minimal(self, **extra):
        return {
            "name": self.name,
            "source": {"type": "CODEPIPELINE", "buildspec": "version: 0.2"},
            "artifacts": {"type": "CODEPIPELINE"},
            "environment": {"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0", "computeType": "BUILD_GENERAL1_SMALL"},
            "serviceRole": self.role,
            **extra,
        }

    OPTIONAL = {
        "description": ("words", "", None),
        "timeoutInMinutes": (30, 60, 60),
        "queuedTimeoutInMinutes": (30, 480, 480),
        "concurrentBuildLimit": (2, -1, None),
        "cache": ({"type": "LOCAL", "modes": ["LOCAL_SOURCE_CACHE"]}, {"type": "NO_CACHE"}, {"type": "NO_CACHE"}),
        "vpcConfig": (
            {"vpcId": "vpc-1", "subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]},
            {},
            None,
        ),
        "logsConfig": (
            {"cloudWatchLogs": {"status": "ENABLED", "groupName": "/g", "streamName": "s"}},
            {"cloudWatchLogs": {"status": "ENABLED"}},
            {"cloudWatchLogs": {"status": "ENABLED"}},
        ),
        "buildBatchConfig": ({"serviceRole": "arn:aws:iam::123456789012:role/b", "timeoutInMins": 60}, {}, None),
        "fileSystemLocations": (
            [{"type": "EFS", "location": "fs-1.efs.us-east-1.amazonaws.com:/", "mountPoint": "/mnt", "identifier": "x"}],
            [],
            [],
        ),
        "tags": ([{"key": "a", "value": "b"}], [], []),
        "secondarySources": ([{"type": "S3", "location": "b/k.zip", "sourceIdentifier": "two"}], [], []),
        "secondarySourceVersions": ([{"sourceIdentifier": "two", "sourceVersion": "1"}], [], []),
        "secondaryArtifacts": ([{"type": "S3", "location": "b", "artifactIdentifier": "two"}], [], []),
        "encryptionKey": (
            "arn:aws:kms:us-east-1:123456789012:key/k",
            "arn:aws:kms:us-east-1:123456789012:alias/aws/s3",
            "arn:aws:kms:us-east-1:123456789012:alias/aws/s3",
        ),
        "autoRetryLimit": (2, 0, 0),
    }

    def read(self):
        return self.cb.batch_get_projects(names=[self.name])["projects"][0]

    def test_defaults(self):
        self.cb.create_project(**self.minimal())
        got = self.read()
        self.assertEqual((got["timeoutInMinutes"], got["queuedTimeoutInMinutes"]), (60, 480))
        self.assertEqual((got["cache"], got["badge"]), ({"type": "NO_CACHE"}, {"badgeEnabled": False}))
        self.assertTrue(got["encryptionKey"].endswith("alias/aws/s3"))
        self.assertEqual(got["created"], got["lastModified"])
        for absent in ("description", "vpcConfig", "buildBatchConfig", "concurrentBuildLimit"):
            self.assertNotIn(absent, got)

    def test_round_trip_keep_and_remove(self):
        given = {member: values[0] for member, values in self.OPTIONAL.items()}
        self.cb.create_project(**self.minimal(**given))

        def shown(got, member):
            # What AWS fills in below a member is not the question here.
            value = got.get(member)
            want = self.OPTIONAL[member][0]
            if isinstance(want, list) and isinstance(value, list) and value:
                return [{k: v for k, v in entry.items() if k in want[0]} for entry in value]
            return value

        got = self.read()
        for member, (value, _, _) in self.OPTIONAL.items():
            self.assertEqual(shown(got, member), value, member)
        self.cb.update_project(name=self.name, timeoutInMinutes=31)
        got = self.read()
        self.assertEqual(got["timeoutInMinutes"], 31)
        self.assertEqual(shown(got, "vpcConfig"), given["vpcConfig"])
        for member, (_, reset, after) in self.OPTIONAL.items():
            self.cb.update_project(name=self.name, **{member: reset})
            self.assertEqual(self.read().get(member), after, member)

    def test_tags_are_replaced(self):
        self.cb.create_project(**self.minimal(tags=[{"key": "a", "value": "b"}]))
        self.cb.update_project(name=self.name, tags=[{"key": "c", "value": "d"}])
        self.assertEqual(self.read()["tags"], [{"key": "c", "value": "d"}])

    def test_refusals(self):
        make = self.cb.create_project
        self.refused("InvalidInputException", make, "both sourceType", **self.minimal(artifacts={"type": "NO_ARTIFACTS"}))
        self.refused("InvalidInputException", make, "sts:AssumeRole", **self.minimal(serviceRole=self.role + "x"))
        self.refused("InvalidInputException", make, **self.minimal(timeoutInMinutes=3000))
        bad = dict(self.minimal()["environment"], type="LINUX")
        self.refused("InvalidInputException", make, **self.minimal(environment=bad))
        make(**self.minimal())
        self.refused("ResourceAlreadyExistsException", make, **self.minimal())
        self.refused("ResourceNotFoundException", self.cb.update_project, name="nope-" + self.name)
        answer = self.cb.batch_get_projects(names=[self.name, "nope-" + self.name])
        self.assertEqual(answer["projectsNotFound"], ["nope-" + self.name])
        for _ in range(2):
            self.cb.delete_project(name=self.name)
        self.assertEqual(self.cb.batch_get_projects(names=[self.name])["projects"], [])


class OtherServicesTest(Case):
    def test_trust_document(self):
        self.refused(
            "MalformedPolicyDocument", self.iam.create_role, RoleName=self.name + "x", AssumeRolePolicyDocument="{"
        )
        self.refused("NoSuchEntity", self.iam.get_role, RoleName=self.name + "x")

    def test_inline_policy_limit(self):
        def policy(size):
            statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::" + "b" * size}
            return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=4)

        self.iam.put_role_policy(RoleName=self.name, PolicyName="a", PolicyDocument=policy(6000))
        self.iam.put_role_policy(RoleName=self.name, PolicyName="a", PolicyDocument=policy(6001))
        self.refused(
            "LimitExceeded", self.iam.put_role_policy, RoleName=self.name, PolicyName="b", PolicyDocument=policy(5000)
        )

    def test_managed_policies(self):
        arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
        self.assertEqual(self.iam.get_policy(PolicyArn=arn)["Policy"]["Arn"], arn)

    def test_sns_pending(self):
        sns = client("sns")
        topic = sns.create_topic(Name=self.name)["TopicArn"]
        made = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@example.com")
        self.assertEqual(made["SubscriptionArn"], "pending confirmation")
        listed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        self.assertEqual([s["SubscriptionArn"] for s in listed], ["PendingConfirmation"])
        self.refused("InvalidParameter", sns.unsubscribe, SubscriptionArn="PendingConfirmation")
        shown = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@example.com", ReturnSubscriptionArn=True)
        self.assertTrue(shown["SubscriptionArn"].startswith(topic))
        self.assertTrue(door("confirm", TopicArn=topic, Endpoint="a@example.com")["confirmed"])
        listed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        self.assertEqual([s["SubscriptionArn"] for s in listed], [shown["SubscriptionArn"]])
        sns.unsubscribe(SubscriptionArn=shown["SubscriptionArn"])
        lamb = sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f")
        self.assertTrue(lamb["SubscriptionArn"].startswith(topic))

    def test_connections(self):
        for service in ("codeconnections", "codestar-connections"):
            api = client(service)
            made = api.create_connection(ProviderType="GitHub", ConnectionName="c")["ConnectionArn"]
            self.assertEqual(api.get_connection(ConnectionArn=made)["Connection"]["ConnectionStatus"], "PENDING")
            door("connections", ConnectionArn=made, ConnectionStatus="AVAILABLE")
            self.assertEqual(api.get_connection(ConnectionArn=made)["Connection"]["ConnectionStatus"], "AVAILABLE")
            self.assertIn(made, [c["ConnectionArn"] for c in api.list_connections()["Connections"]])
            self.refused("ResourceNotFoundException", api.get_connection, ConnectionArn=made[:-1] + "z")

    def test_connections_in_cbor(self):
        arn = f"arn:aws:codeconnections:{REGION}:{ACCOUNT}:connection/{uuid.uuid4()}"
        door("connections", ConnectionArn=arn, ConnectionStatus="AVAILABLE")
        path = "/service/CodeConnections_20231201/operation/GetConnection"
        headers = {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
        status, body = signed("codeconnections", path, cbor2.dumps({"ConnectionArn": arn}), headers)
        self.assertEqual((status, cbor2.loads(body)["Connection"]["ConnectionStatus"]), (200, "AVAILABLE"))
        status, body = signed("codeconnections", path, cbor2.dumps({"ConnectionArn": arn + "0"}), headers)
        self.assertEqual((status, cbor2.loads(body)["__type"]), (400, "ResourceNotFoundException"))

    def test_alarms(self):
        """On ministack, over the protocol that newer SDKs speak."""
        alarms = client("cloudwatch", "ministack")
        given = {
            "AlarmName": self.name,
            "Namespace": "AWS/CodeBuild",
            "MetricName": "FailedBuilds",
            "Dimensions": [{"Name": "ProjectName", "Value": "p"}],
            "Statistic": "Sum",
            "Period": 300,
            "EvaluationPeriods": 1,
            "Threshold": 1.0,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "notBreaching",
            "AlarmActions": [f"arn:aws:sns:{REGION}:{ACCOUNT}:t"],
        }
        alarms.put_metric_alarm(**given, Tags=[{"Key": "a", "Value": "b"}])
        found = alarms.describe_alarms(AlarmNames=[self.name])["MetricAlarms"][0]
        self.assertEqual({k: found.get(k) for k in given}, given)
        self.assertEqual(found["AlarmArn"], f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{self.name}")
        tags = alarms.list_tags_for_resource(ResourceARN=found["AlarmArn"])["Tags"]
        self.assertEqual(tags, [{"Key": "a", "Value": "b"}])
        alarms.untag_resource(ResourceARN=found["AlarmArn"], TagKeys=["a"])
        self.assertEqual(alarms.list_tags_for_resource(ResourceARN=found["AlarmArn"])["Tags"], [])
        alarms.delete_alarms(AlarmNames=[self.name])
        self.assertEqual(alarms.describe_alarms(AlarmNames=[self.name])["MetricAlarms"], [])


def signed(service, path, data, headers):
    request = AWSRequest("POST", URL["moto"] + path, headers=headers, data=data)
    SigV4Auth(Credentials("testing", "testing"), service, REGION).add_auth(request)
    plain = urllib.request.Request(URL["moto"] + path, data, dict(request.headers), method="POST")
    try:
        with urllib.request.urlopen(plain) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


class LauncherTest(unittest.TestCase):
    """Each on emulators of its own."""

    def test_reset_forgets(self):
        global URL
        child, urls = self.start()
        before, URL = URL, urls
        try:
            arn = f"arn:aws:codeconnections:{REGION}:{ACCOUNT}:connection/{uuid.uuid4()}"
            door("connections", ConnectionArn=arn)
            made = PipelineTest("test_names")
            made.setUp()
            made.create()
            urllib.request.urlopen(urllib.request.Request(urls["moto"] + "/moto-api/reset", method="POST")).close()
            self.assertEqual(client("codepipeline").list_pipelines()["pipelines"], [])
            self.assertEqual(client("codeconnections").list_connections()["Connections"], [])
        finally:
            URL = before
            child.stdin.close()
            child.wait(10)

    def start(self):
        child = subprocess.Popen([sys.executable, str(HERE / "emulators.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(child.stdout.close)
        return child, json.loads(child.stdout.readline())

    def gone(self, urls):
        for url in urls.values():
            deadline = time.monotonic() + 5
            while True:
                try:
                    urllib.request.urlopen(url, timeout=1).close()
                except urllib.error.HTTPError:
                    pass
                except OSError:
                    break
                self.assertLess(time.monotonic(), deadline, f"{url} still answers")
                time.sleep(0.05)

    def test_ends_with_its_stdin(self):
        child, urls = self.start()
        child.stdin.close()
        self.assertEqual(child.wait(10), 0)
        self.gone(urls)

    def test_leaves_no_orphan_when_killed(self):
        for number in (signal.SIGKILL, signal.SIGTERM):
            child, urls = self.start()
            child.send_signal(number)
            child.wait(10)
            child.stdin.close()
            self.gone(urls)


class JudgeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.judge = subprocess.Popen(
            [sys.executable, str(HERE / "judge.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    @classmethod
    def tearDownClass(cls):
        cls.judge.stdin.close()
        assert cls.judge.wait(10) == 0
        cls.judge.stdout.close()

    def ask(self, **given):
        self.judge.stdin.write(json.dumps(given) + "\n")
        self.judge.stdin.flush()
        return json.loads(self.judge.stdout.readline())

    def errors(self, service, operation, params, do="validate_request"):
        answer = self.ask(do=do, service=service, operation=operation, params=params)
        return sorted((e["path"], e["rule"]) for e in answer["errors"])

    def test_requests(self):
        self.assertEqual(self.errors("codepipeline", "GetPipeline", {"name": "x"}), [])
        self.assertEqual(self.errors("codepipeline", "GetPipeline", {"name": "a b"}), [("name", "pattern")])
        self.assertEqual(self.errors("codepipeline", "GetPipeline", {"name": "x" * 101}), [("name", "max")])
        self.assertEqual(self.errors("codepipeline", "GetPipeline", {"name": ""}), [("name", "min"), ("name", "pattern")])
        self.assertEqual(self.errors("codepipeline", "GetPipeline", {"name": "x", "nam": 1}), [("nam", "unknown")])
        self.assertEqual(self.errors("codepipeline", "GetPipeline", {}), [("", "missing required field")])
        self.assertEqual(self.errors("codepipeline", "GetPipeline", {"name": 3}), [("name", "invalid type")])
        bad = {"pipelineName": "p", "stageName": "s", "transitionType": "Sideways", "reason": "r"}
        self.assertEqual(self.errors("codepipeline", "DisableStageTransition", bad), [("transitionType", "enum")])
        names = {"names": [f"p{i}" for i in range(101)]}
        self.assertEqual(self.errors("codebuild", "BatchGetProjects", names), [("names", "max")])

    def test_outputs(self):
        good = {"stageStates": [{"stageName": "S", "inboundTransitionState": {"enabled": True}}]}
        self.assertEqual(self.errors("codepipeline", "GetPipelineState", good, "validate_output"), [])
        bad = {"stageStates": [{"stageName": "S", "inboundTransition": {}}]}
        self.assertEqual(
            self.errors("codepipeline", "GetPipelineState", bad, "validate_output"),
            [("stageStates[0].inboundTransition", "unknown")],
        )

    def test_captured_http(self):
        def http(service, body, **headers):
            return self.ask(do="validate_http", service=service, method="POST", path="/", headers=headers, body=body)

        form = {"content-type": "application/x-www-form-urlencoded"}
        answer = http("iam", "Action=GetRole&Version=2010-05-08&RoleName=a%20b", **form)
        self.assertEqual((answer["operation"], answer["params"]), ("GetRole", {"RoleName": "a b"}))
        self.assertEqual([e["rule"] for e in answer["errors"]], ["pattern"])
        answer = http("iam", "Action=GetRole&Version=2010-05-08&RoleNam=a", **form)
        self.assertIn("unknown", [e["rule"] for e in answer["errors"]])
        form_body = "Action=CreateRole&Version=2010-05-08&RoleName=a&AssumeRolePolicyDocument=%7B%7D&Tags.member.1.Key=k&Tags.member.1.Value=v"
        answer = http("iam", form_body, **form)
        self.assertEqual((answer["params"]["Tags"], answer["errors"]), ([{"Key": "k", "Value": "v"}], []))
        answer = http("iam", form_body.replace("1.Value", "1.Worth"), **form)
        self.assertIn(("Tags.member.1.Worth", "unknown"), [(e["path"], e["rule"]) for e in answer["errors"]])
        target = {"x-amz-target": "CodePipeline_20150709.GetPipeline", "content-type": "application/x-amz-json-1.1"}
        self.assertEqual(http("codepipeline", '{"name": "x"}', **target)["errors"], [])
        body = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
        answer = self.ask(do="validate_http", service="s3", method="PUT", path="/bucket?versioning", headers={}, body=body)
        self.assertEqual((answer["operation"], answer["errors"]), ("PutBucketVersioning", []))
        self.assertEqual(answer["params"]["VersioningConfiguration"], {"Status": "Enabled"})
        body = body.replace("Status", "State")
        answer = self.ask(do="validate_http", service="s3", method="PUT", path="/bucket?versioning", headers={}, body=body)
        self.assertIn("/VersioningConfiguration/State", [e["path"] for e in answer["errors"]])
        rpc = {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
        answer = self.ask(
            do="validate_http",
            service="cloudwatch",
            method="POST",
            path="/service/GraniteServiceVersion20100801/operation/DescribeAlarms",
            headers=rpc,
            body_base64=base64.b64encode(cbor2.dumps({"AlarmNames": [""]})).decode(),
        )
        self.assertEqual((answer["operation"], [e["rule"] for e in answer["errors"]]), ("DescribeAlarms", ["min"]))

    def test_wire(self):
        answer = self.ask(
            do="serialize_output",
            service="iam",
            operation="ListRolePolicies",
            params={"PolicyNames": ["a"], "IsTruncated": False},
        )
        self.assertEqual(answer["status"], 200)
        self.assertIn("<member>a</member>", answer["body"])

    def test_cfn_lint(self):
        good = {"Resources": {"T": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "t"}}}}
        self.assertEqual(self.ask(do="cfn_lint", template=good)["findings"], [])
        bad = {"Resources": {"T": {"Type": "AWS::SNS::Topic", "Properties": {"TopicNam": "t"}}}}
        found = self.ask(do="cfn_lint", template=bad)["findings"]
        self.assertEqual([(f["rule"], f["level"], f["path"][:2]) for f in found], [("E3002", "error", ["Resources", "T"])])
        self.assertEqual(self.ask(do="cfn_lint", template=good)["findings"], [])

    def test_policies(self):
        def found(action, resource="*"):
            statement = {"Effect": "Allow", "Action": action, "Resource": resource}
            document = {"Version": "2012-10-17", "Statement": [statement]}
            return [f["issue"] for f in self.ask(do="policy", document=document)["findings"]]

        self.assertEqual(found("codebuild:StartBuild", "arn:aws:codebuild:us-east-1:123456789012:project/p"), [])
        self.assertEqual(found("codebuild:StartBild"), ["UNKNOWN_ACTION"])
        self.assertIn("RESOURCE_MISMATCH", found("s3:GetObject", "arn:aws:s3:::bucket"))
        self.assertEqual(self.ask(do="policy", document="{")["findings"][0]["issue"], "MALFORMED_JSON")
        trusted = json.loads(trust("codepipeline.amazonaws.com"))
        self.assertEqual(self.ask(do="policy", kind="trust", document=trusted)["findings"], [])
        trusted["Statement"][0]["Resource"] = "*"
        self.assertNotEqual(self.ask(do="policy", kind="trust", document=trusted)["findings"], [])
        nothing = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*"}]}
        self.assertNotEqual(self.ask(do="policy", document=nothing)["findings"], [])

    def test_bad_question(self):
        self.assertIn("error", self.ask(do="nothing"))
        self.assertIn("error", self.ask(do="validate_request", service="codepipeline", operation="Nope", params={}))
        self.assertEqual(self.errors("codepipeline", "GetPipeline", {"name": "x"}), [])


if __name__ == "__main__":
    unittest.main()
