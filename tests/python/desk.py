"""A person with another client: any call by boto3, and everything that an account holds."""

import functools
import json
import threading

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from traffic import DESK


# A session reads each service's model once; making a client is not safe from several threads.
SESSION = boto3.Session()
LOCK = threading.Lock()


@functools.cache
def client(url, account, region, service):
    with LOCK:
        return SESSION.client(
            service,
            endpoint_url=url,
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key="desk",
            config=Config(
                retries={"max_attempts": 1}, user_agent_extra=DESK, s3={"addressing_style": "path"}, proxies={}
            ),
        )


def call(url, given):
    """One call; its answer without the HTTP part, or the error."""
    which = client(given.get("endpoint") or url, given["account"], given["region"], given["service"])
    try:
        answer = getattr(which, given["operation"])(**given.get("params", {}))
    except ClientError as error:
        return {"error": error.response["Error"]}
    answer.pop("ResponseMetadata", None)
    return json.loads(json.dumps(answer, default=_text))


def _text(value):
    return value.read().decode() if hasattr(value, "read") else str(value)


def snapshot(url, given):
    """All that the account holds in the region, by kind and name, without times and generated ids."""
    at = functools.partial(client, url, given["account"], given["region"])
    alarms = client(given["endpoint"], given["account"], given["region"], "cloudwatch")
    pipelines, builds, iam, s3 = at("codepipeline"), at("codebuild"), at("iam"), at("s3")
    events, logs, sns, ssm = at("events"), at("logs"), at("sns"), at("ssm")
    kept = {}

    def keep(kind, name, value=None):
        kept[f"{kind} {name}"] = value

    for entry in pipelines.list_pipelines()["pipelines"]:
        keep("pipeline", entry["name"], pipelines.get_pipeline(name=entry["name"])["pipeline"])
    for entry in pipelines.list_webhooks()["webhooks"]:
        keep("webhook", entry["definition"]["name"], entry["definition"])
    names = builds.list_projects()["projects"]
    batches = [names[start : start + 100] for start in range(0, len(names), 100)]
    for project in (one for batch in batches for one in builds.batch_get_projects(names=batch)["projects"]):
        keep("project", project["name"], {k: v for k, v in project.items() if k not in ("created", "lastModified")})
    for role in iam.list_roles()["Roles"]:
        name = role["RoleName"]
        inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
        policies = {policy: iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"] for policy in inline}
        attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        attached = sorted(policy["PolicyName"] for policy in attached)
        keep("role", name, {"trust": role["AssumeRolePolicyDocument"], "policies": policies, "attached": attached})
    for policy in iam.list_policies(Scope="Local")["Policies"]:
        arn = policy["Arn"]
        versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
        document = iam.get_policy_version(PolicyArn=arn, VersionId=policy["DefaultVersionId"])["PolicyVersion"]["Document"]
        tags = iam.list_policy_tags(PolicyArn=arn)["Tags"]
        keep("policy", policy["PolicyName"], {"document": document, "versions": len(versions), "tags": tags})
    for bucket in s3.list_buckets()["Buckets"]:
        keep("bucket", bucket["Name"], _bucket(s3, bucket["Name"]))
    for topic in sns.list_topics()["Topics"]:
        keep("topic", topic["TopicArn"].rsplit(":", 1)[1])
    for entry in sns.list_subscriptions()["Subscriptions"]:
        keep("subscription", f"{entry['TopicArn'].rsplit(':', 1)[1]} {entry['Protocol']} {entry['Endpoint']}")
    for rule in events.list_rules()["Rules"]:
        targets = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        keep("rule", rule["Name"], {"rule": rule, "targets": targets})
    for group in logs.describe_log_groups()["logGroups"]:
        keep("log group", group["logGroupName"], group.get("retentionInDays"))
    for alarm in alarms.describe_alarms()["MetricAlarms"]:
        keep("alarm", alarm["AlarmName"], {k: alarm.get(k) for k in ("MetricName", "Threshold", "AlarmActions")})
    for page in ssm.get_paginator("describe_parameters").paginate():
        for entry in page["Parameters"]:
            value = ssm.get_parameter(Name=entry["Name"], WithDecryption=True)["Parameter"]["Value"]
            keep("parameter", entry["Name"], value)
    for secret in at("secretsmanager").list_secrets()["SecretList"]:
        keep("secret", secret["Name"])
    return json.loads(json.dumps(kept, default=_text))


def _bucket(s3, name):
    def part(operation, member=None):
        try:
            answer = getattr(s3, operation)(Bucket=name)
        except ClientError:
            return None
        answer.pop("ResponseMetadata")
        return answer.get(member) if member else answer

    return {
        "notifications": part("get_bucket_notification_configuration"),
        "versioning": part("get_bucket_versioning", "Status"),
        "policy": part("get_bucket_policy", "Policy"),
        "tags": part("get_bucket_tagging", "TagSet"),
        "objects": [entry["Key"] for entry in part("list_objects_v2", "Contents") or []],
    }
