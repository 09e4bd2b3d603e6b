"""S3: the root elements of answers, which readers other than boto3 look at, and policies that ask for TLS."""

import json
import threading

import xmltodict
from moto.core import serialize
from moto.core.responses import ActionResult
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3 import models as s3_models
from moto.s3 import responses as s3_responses

# DOCS: s3. The first element under "Response Syntax" of each operation.
ROOTS = {
    "DeleteObjects": "DeleteResult",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketNotificationConfiguration": "NotificationConfiguration",
    "GetBucketTagging": "Tagging",
    "GetBucketVersioning": "VersioningConfiguration",
    "ListObjectVersions": "ListVersionsResult",
}

_result_to_response = serialize.S3Serializer._serialized_result_to_response


def result_to_response(self, resp, result, shape, serialized_result):
    """DOCS: s3."""
    root = ROOTS.get(self.operation_model.name)
    if root and shape is not None:
        shape.serialization["resultWrapper"] = root
    return _result_to_response(self, resp, result, shape, serialized_result)


serialize.S3Serializer._serialized_result_to_response = result_to_response


def _notification(item, arn_key):
    entry = {"Id": item.id, arn_key: item.arn, "Events": item.events}
    if item.filters:
        entry["Filter"] = {"Key": {"FilterRules": item.filters["S3Key"]["FilterRule"]}}
    return entry


def get_bucket_notification(self):
    """DOCS: s3. EventBridge is told of too, and a bucket without any has an empty configuration."""
    self.data["Action"] = "GetBucketNotificationConfiguration"
    stored = self.backend.get_bucket_notification_configuration(self.bucket_name)
    result = {}
    if stored:
        result["TopicConfigurations"] = [_notification(t, "TopicArn") for t in stored.topic]
        result["QueueConfigurations"] = [_notification(q, "QueueArn") for q in stored.queue]
        result["LambdaFunctionConfigurations"] = [_notification(f, "LambdaFunctionArn") for f in stored.cloud_function]
        if stored.event_bridge is not None:
            result["EventBridgeConfiguration"] = {}
    return self.serialized(ActionResult(result))


s3_responses.S3Response.get_bucket_notification = get_bucket_notification


# iam userguide reference_policies_condition-keys (aws:SecureTransport). The server stands for an HTTPS endpoint.
TLS_ONLY = {"Bool": {"aws:SecureTransport": "false"}}


def get_permission(self, action, resource):
    """DOCS: policies. A statement whose condition is not met does not count; moto takes it for a denial."""
    if self.policy is None:
        return PermissionResult.NEUTRAL
    document = json.loads(self.policy)
    statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    document["Statement"] = [s for s in statements if s.get("Effect") != "Deny" or s.get("Condition") != TLS_ONLY]
    return IAMPolicy(json.dumps(document)).is_action_permitted(action, resource)


s3_models.FakeBucket.get_permission = get_permission


_delete_bucket = s3_models.S3Backend.delete_bucket


def delete_bucket(self, bucket_name):
    """AmazonS3 API_DeleteBucket: nothing of it stays; moto gives its tags to the next one of the name."""
    arn = self.get_bucket(bucket_name).arn
    deleted = _delete_bucket(self, bucket_name)
    if deleted is not None:
        self.tagger.delete_all_tags_for_resource(arn)
    return deleted


s3_models.S3Backend.delete_bucket = delete_bucket


REDIRECT = (
    "<Error><Code>PermanentRedirect</Code><Message>The bucket you are attempting to access must be addressed using the "
    "specified endpoint. Please send all future requests to this endpoint.</Message><Bucket>{}</Bucket></Error>"
)


def refusal(environ, region):
    """AmazonS3 userguide UsingRouting, API_HeadBucket; userguide bucket-owner-condition.

    What S3 says to a request for a bucket of another region, or of another owner than the request expects: status,
    headers and body. A HEAD has no body, and both tell the region.
    """
    name = environ.get("PATH_INFO", "/").split("/")[1]
    partition, owner = s3_models.s3_backends.bucket_accounts.get(name, (None, None))
    if owner is None:
        return None
    there = s3_models.s3_backends[owner][partition].buckets[name].region_name
    if there != region:
        status, text = "301 Moved Permanently", REDIRECT.format(name)
    elif environ.get("HTTP_X_AMZ_EXPECTED_BUCKET_OWNER", owner) != owner:
        status, text = "403 Forbidden", "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
    else:
        return None
    body = b"" if environ["REQUEST_METHOD"] == "HEAD" else text.encode()
    return status, [("x-amz-bucket-region", there), ("Content-Type", "application/xml")], body


# What the request that this thread is at says.
creating = threading.local()
_get_location_constraint = s3_responses.S3Response._get_location_constraint
_create_bucket = s3_models.S3Backend.create_bucket


def get_location_constraint(self):
    """AmazonS3 API_CreateBucketConfiguration: the same element can hold tags, which moto does not read."""
    document = xmltodict.parse(self.body) if self.body else {}
    tags = ((document.get("CreateBucketConfiguration") or {}).get("Tags") or {}).get("Tag") or []
    tags = tags if isinstance(tags, list) else [tags]
    creating.tags = {tag["Key"]: tag["Value"] or "" for tag in tags}
    return _get_location_constraint(self)


def create_bucket(self, *args, **kwargs):
    """AmazonS3 API_CreateBucketConfiguration."""
    bucket = _create_bucket(self, *args, **kwargs)
    self.put_bucket_tagging(bucket.name, creating.__dict__.pop("tags", {}))
    return bucket


s3_responses.S3Response._get_location_constraint = get_location_constraint
s3_models.S3Backend.create_bucket = create_bucket
