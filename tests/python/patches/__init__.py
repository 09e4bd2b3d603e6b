"""moto's holes, filled: what the patches share. Each names its page in DOCS."""

import datetime
import json
import re

from moto.core.exceptions import JsonRESTError
from moto.iam import models as iam_models
from moto.iam.exceptions import NotFoundException

import service_model

DOCS = {
    "CreatePipeline": "codepipeline APIReference API_CreatePipeline, API_GetPipeline, API_UpdatePipeline",
    "structure": "codepipeline userguide reference-pipeline-structure (pipeline-requirements)",
    "secrets": "codepipeline APIReference API_ActionConfigurationProperty (secret)",
    "transitions": "codepipeline APIReference API_DisableStageTransition, API_EnableStageTransition, API_GetPipelineState",
    "stop": "codepipeline APIReference API_StopPipelineExecution; userguide pipelines-stop",
    "webhooks": "codepipeline APIReference API_PutWebhook, API_ListWebhooks, API_DeleteWebhook, "
    "API_RegisterWebhookWithThirdParty, API_DeregisterWebhookWithThirdParty",
    "projects": "codebuild APIReference API_CreateProject, API_UpdateProject, API_BatchGetProjects; "
    "AWS CLI reference batch-get-projects (example output)",
    "connections": "codeconnections APIReference API_GetConnection, API_CreateConnection, API_ListConnections",
    "s3": "AmazonS3 API: API_DeleteObjects, API_GetBucketVersioning and the like (response syntax)",
    "policies": "iam userguide reference_policies_elements_condition, reference_policies_evaluation-logic",
    "sns": "sns APIReference API_Subscribe, API_ListSubscriptionsByTopic",
    "trust": "iam APIReference API_CreateRole; API_PutRolePolicy; userguide reference_iam-quotas",
}


def now():
    # AWS keeps milliseconds.
    moment = datetime.datetime.now(datetime.timezone.utc)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def fail(code, message):
    error = JsonRESTError(code, message)
    error.code = 400
    return error


def body(response):
    return json.loads(response.body) if response.body else {}


def check_shape(service, operation, params, code):
    """The model's constraints, in the wording that AWS uses for them."""
    shape = service_model.service(service).operation_model(operation).input_shape
    findings = [f for f in service_model.judge(params, shape) if f["rule"] != "unknown"]
    if findings:
        parts = "; ".join(
            f"Value at '{f['path']}' failed to satisfy constraint: {f['message']}" for f in findings
        )
        plural = "" if len(findings) == 1 else "s"
        raise fail(code, f"{len(findings)} validation error{plural} detected: {parts}")


def page(items, limit, token):
    start = int(token) if token else 0
    end = start + limit if limit else len(items)
    return items[start:end], (str(end) if end < len(items) else None)


def check_tags(existing, tags, arn, key="key"):
    keys = [tag[key] for tag in tags]
    if any(k.lower().startswith("aws:") for k in keys):
        raise fail("InvalidTagsException", "Not allowed to modify system tags. System tags start with 'aws:'.")
    if len(set(keys)) != len(keys):
        raise fail("InvalidTagsException", "Duplicate tag keys")
    if len(set(existing) | set(keys)) > 50:
        raise fail("TooManyTagsException", f"Tag limit exceeded for resource [{arn}].")


def assumable(role_arn, principal):
    """Whether the role exists and trusts the service. DOCS: trust.

    moto reads Principal.Service as one string; the policy grammar (iam
    userguide reference_policies_elements_principal) allows a list too.
    """
    found = re.fullmatch(r"arn:(aws[\w-]*):iam::(\d{12}):role/.+", role_arn or "")
    if not found:
        return False
    try:
        role = iam_models.iam_backends[found[2]][found[1]].get_role_by_arn(role_arn)
    except NotFoundException:
        return False
    statements = json.loads(role.assume_role_policy_document)["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        names = statement.get("Principal", {})
        names = names.get("Service", []) if isinstance(names, dict) else []
        if statement.get("Effect") == "Allow" and principal in ([names] if isinstance(names, str) else names):
            return True
    return False
