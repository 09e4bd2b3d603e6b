"""moto's server with the holes filled that a deployer of pipelines falls into.

Each patch names the page or observation of AWS it follows (DOCS below). What
is not documented is left as moto has it. Nothing runs here: an execution stays
InProgress until it is stopped or an update ends it.

    python moto_patched.py     prints {"moto": url}, ends when stdin closes
"""

import copy
import datetime
import itertools
import json
import os
import re
import sys
import threading
import uuid

os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")

import cbor2  # noqa: E402
from moto.codebuild import models as cb_models  # noqa: E402
from moto.codebuild import responses as cb_responses  # noqa: E402
from moto.codepipeline import models as cp_models  # noqa: E402
from moto.codepipeline import responses as cp_responses  # noqa: E402
from moto.core.exceptions import JsonRESTError  # noqa: E402
from moto.core.responses import ActionResult, EmptyResult  # noqa: E402
from moto.iam import models as iam_models  # noqa: E402
from moto.iam import responses as iam_responses  # noqa: E402
from moto.iam.exceptions import IAMException, NotFoundException  # noqa: E402
from moto.iam.policy_validation import IAMTrustPolicyDocumentValidator  # noqa: E402
from moto.moto_server.werkzeug_app import (  # noqa: E402
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.s3.models import s3_backends  # noqa: E402
from moto.sns import models as sns_models  # noqa: E402
from moto.sns import responses as sns_responses  # noqa: E402
from moto.sns.exceptions import SNSInvalidParameter  # noqa: E402
from moto.utilities.utils import get_partition  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402

import service_model  # noqa: E402

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


# --------------------------------------------------------------- CodePipeline

SECRETS = {
    ("ThirdParty", "Source", "GitHub"): ["OAuthToken"],
    ("ThirdParty", "Deploy", "AlexaSkillsKit"): ["ClientSecret", "RefreshToken"],
}
MASK = "****"


def secret_keys(action):
    kind = action["actionTypeId"]
    return SECRETS.get((kind["owner"], kind["category"], kind["provider"]), [])


def actions_of(pipeline):
    return [(stage, action) for stage in pipeline["stages"] for action in stage["actions"]]


def with_read_side(pipeline, region):
    """What GetPipeline adds to the structure that was sent. DOCS: CreatePipeline."""
    pipeline.setdefault("pipelineType", "V1")
    pipeline.setdefault("executionMode", "SUPERSEDED")
    for _, action in actions_of(pipeline):
        action.setdefault("runOrder", 1)
        action.setdefault("configuration", {})
        action.setdefault("inputArtifacts", [])
        action.setdefault("outputArtifacts", [])
        action.setdefault("region", region)
    return pipeline


def masked(pipeline):
    """DOCS: secrets. Secret values come back as four stars."""
    pipeline = copy.deepcopy(pipeline)
    for _, action in actions_of(pipeline):
        for key in secret_keys(action):
            if key in action["configuration"]:
                action["configuration"][key] = MASK
    return pipeline


def keep_secrets(new, old):
    """DOCS: secrets. Four stars keep the value only of an otherwise equal action."""
    before = {(s["name"], a["name"]): a for s, a in actions_of(old)} if old else {}
    for stage, action in actions_of(new):
        for key in secret_keys(action):
            if action["configuration"].get(key) != MASK:
                continue
            former = before.get((stage["name"], action["name"]))
            if former is None or key not in former["configuration"]:
                raise fail(
                    "InvalidActionDeclarationException",
                    f'Action configuration for the new action "{action["name"]}" contains an invalid configuration '
                    f'for the secret property "{key}". "****" may be used in secret properties only when updating '
                    "an existing action.",
                )
            stars = copy.deepcopy(former)
            for name in secret_keys(action):
                if action["configuration"].get(name) == MASK:
                    stars["configuration"][name] = MASK
            if stars == action:
                action["configuration"][key] = former["configuration"][key]


def check_structure(pipeline, region, account):
    """DOCS: structure."""

    def bad(message, code="InvalidStructureException"):
        raise fail(code, message)

    stages = pipeline["stages"]
    if ("artifactStore" in pipeline) == ("artifactStores" in pipeline):
        bad("Exactly one of artifactStore and artifactStores must be specified")
    if len(stages) < 2:
        bad(f"Pipeline has only {len(stages)} stage(s). There should be a minimum of 2 stages in a pipeline")
    names = [stage["name"] for stage in stages]
    if len(set(names)) != len(names):
        bad("Stage names must be unique within a pipeline", "InvalidStageDeclarationException")
    made, namespaces = {}, []
    for position, stage in enumerate(stages):
        if not stage["actions"]:
            bad(f"Stage {stage['name']} has no actions", "InvalidStageDeclarationException")
        names = [action["name"] for action in stage["actions"]]
        if len(set(names)) != len(names):
            bad(f"Action names must be unique within stage {stage['name']}", "InvalidActionDeclarationException")
        for action in stage["actions"]:
            if position == 0 and action["actionTypeId"]["category"] != "Source":
                bad("Pipeline should start with a stage that only contains source actions")
            if position > 0 and action["actionTypeId"]["category"] == "Source":
                bad("Source actions may only occur in the first stage")
            for output in action["outputArtifacts"]:
                if output["name"] in made:
                    bad(f"Output artifact {output['name']} is declared more than once", "InvalidActionDeclarationException")
                made[output["name"]] = (position, action["runOrder"])
            if "namespace" in action:
                namespaces.append((action["namespace"], stage["name"], action["name"]))
    for position, stage in enumerate(stages):
        for action in stage["actions"]:
            for entry in action["inputArtifacts"]:
                if not entry["name"] in made or made[entry["name"]] >= (position, action["runOrder"]):
                    bad(f"Input artifact {entry['name']} of action {action['name']} is not produced by an earlier action")
    spaces = [name for name, _, _ in namespaces]
    for name, stage, action in namespaces:
        if spaces.count(name) > 1:
            bad(
                "Namespaces must be unique across the pipeline definition. The following occur more than once in the "
                f"pipeline. StageName=[{stage}], ActionName=[{action}], Namespace=[{name}]",
                "InvalidActionDeclarationException",
            )
    if pipeline["pipelineType"] == "V1":
        if pipeline.get("triggers"):
            bad("Triggers on tag can only be used with V2 pipelines")
        if pipeline.get("variables") or pipeline["executionMode"] != "SUPERSEDED":
            bad("Variables and execution modes can only be used with V2 pipelines")
    sources = {a["name"]: a["actionTypeId"]["provider"] for a in stages[0]["actions"]}
    wanted = [t["gitConfiguration"]["sourceActionName"] for t in pipeline.get("triggers", [])]
    if len(set(wanted)) != len(wanted) or any(sources.get(n) != "CodeStarSourceConnection" for n in wanted):
        bad(
            "Triggers for connection must reference a CodeStarSourceConnection action. Note that when you specify a "
            "trigger, you cant specify more than one trigger per source action."
        )
    if not assumable(pipeline["roleArn"], "codepipeline.amazonaws.com"):
        bad(f"CodePipeline is not authorized to perform AssumeRole on role {pipeline['roleArn']}")
    stores = pipeline.get("artifactStores") or {region: pipeline["artifactStore"]}
    for where in {region} | {a["region"] for _, a in actions_of(pipeline)}:
        if where not in stores:
            bad(f"artifactStores has no entry for region {where}")
    buckets = s3_backends[account][get_partition(region)].buckets
    for where, store in sorted(stores.items()):
        bucket = buckets.get(store["location"])
        if bucket is None or bucket.region_name != where:
            bad(
                f"An error occurred while validating the artifact bucket '{store['location']}': No bucket with the name "
                f"{store['location']} was found. Choose a valid artifact bucket in '{where}'"
            )


class Pipeline:
    """A stored pipeline with its versions, transitions and executions."""

    def __init__(self, account, region, pipeline, tags):
        self._arn = f"arn:{get_partition(region)}:codepipeline:{region}:{account}:{pipeline['name']}"
        self.tags = {tag["key"]: tag["value"] for tag in tags}
        self.created = self.updated = now()
        self.versions = {}
        self.transitions = {}
        self.executions = {}
        self.tokens = {}
        self.store(pipeline, 1)

    def store(self, pipeline, version):
        pipeline["version"] = version
        self.pipeline = self.versions[version] = pipeline
        kept = {stage["name"] for stage in pipeline["stages"]}
        self.transitions = {k: v for k, v in self.transitions.items() if k in kept}

    @property
    def metadata(self):
        return {"pipelineArn": self._arn, "created": self.created, "updated": self.updated}

    def start(self, trigger, variables, token, who):
        if token and token in self.tokens:
            return self.tokens[token]
        given = {v["name"]: v["value"] for v in variables}
        resolved = {v["name"]: given.get(v["name"], v.get("defaultValue")) for v in self.pipeline.get("variables", [])}
        key = str(uuid.uuid4())
        self.executions[key] = {
            "pipelineExecutionId": key,
            "pipelineName": self.pipeline["name"],
            "pipelineVersion": self.pipeline["version"],
            "status": "InProgress",
            "artifactRevisions": [],
            "variables": [{"name": n, "resolvedValue": v} for n, v in resolved.items() if v is not None],
            "trigger": {"triggerType": trigger, "triggerDetail": who},
            "executionMode": self.pipeline["executionMode"],
            "executionType": "STANDARD",
            "startTime": now(),
            "lastUpdateTime": now(),
        }
        if token:
            self.tokens[token] = key
        return key


cp_models.CodePipeline = Pipeline


def _backend(self):
    return self.codepipeline_backend


def _webhooks(self):
    backend = self.codepipeline_backend
    if not hasattr(backend, "webhooks"):
        backend.webhooks = {}
    return backend.webhooks


def _find(self, name):
    found = self.codepipeline_backend.pipelines.get(name)
    if found is None:
        raise fail(
            "PipelineNotFoundException", f"Account '{self.current_account}' does not have a pipeline with name '{name}'"
        )
    return found


def _who(self):
    return f"arn:{get_partition(self.region)}:iam::{self.current_account}:user/test"


def create_pipeline(self):
    """DOCS: CreatePipeline, structure. The first execution starts at once."""
    params = body(self)
    check_shape("codepipeline", "CreatePipeline", params, "ValidationException")
    pipeline, tags = copy.deepcopy(params["pipeline"]), params.get("tags") or []
    name = pipeline["name"]
    stored = self.codepipeline_backend.pipelines
    if name in stored:
        raise fail("PipelineNameInUseException", f"A pipeline with the name '{name}' already exists in account '{self.current_account}'")
    check_tags({}, tags, name)
    with_read_side(pipeline, self.region)
    check_structure(pipeline, self.region, self.current_account)
    keep_secrets(pipeline, None)
    stored[name] = Pipeline(self.current_account, self.region, pipeline, tags)
    stored[name].start("CreatePipeline", [], None, _who(self))
    return ActionResult({"pipeline": masked(pipeline), "tags": sorted(tags, key=lambda t: t["key"])})


def get_pipeline(self):
    """DOCS: CreatePipeline. Older versions are kept and can be asked for."""
    params = body(self)
    check_shape("codepipeline", "GetPipeline", params, "ValidationException")
    found = _find(self, params["name"])
    version = params.get("version") or found.pipeline["version"]
    if version not in found.versions:
        raise fail("PipelineVersionNotFoundException", f"Pipeline '{params['name']}' has no version {version}")
    return ActionResult({"pipeline": masked(found.versions[version]), "metadata": found.metadata})


def update_pipeline(self):
    """DOCS: CreatePipeline. Replaces all, version + 1, starts nothing.

    Executions that run are failed, but PARALLEL ones go on with the structure
    they started with (codepipeline userguide pipelines-edit, execution-modes).
    """
    params = body(self)
    check_shape("codepipeline", "UpdatePipeline", params, "ValidationException")
    pipeline = copy.deepcopy(params["pipeline"])
    found = _find(self, pipeline["name"])
    with_read_side(pipeline, self.region)
    check_structure(pipeline, self.region, self.current_account)
    keep_secrets(pipeline, found.pipeline)
    if found.pipeline["executionMode"] != "PARALLEL":
        for run in found.executions.values():
            if run["status"] == "InProgress":
                run.update(status="Failed", lastUpdateTime=now())
    found.store(pipeline, found.pipeline["version"] + 1)
    found.updated = now()
    return ActionResult({"pipeline": masked(pipeline)})


def list_pipelines(self):
    params = body(self)
    summaries = [
        {
            "name": p.pipeline["name"],
            "version": p.pipeline["version"],
            "pipelineType": p.pipeline["pipelineType"],
            "executionMode": p.pipeline["executionMode"],
            "created": p.created,
            "updated": p.updated,
        }
        for _, p in sorted(self.codepipeline_backend.pipelines.items())
    ]
    found, token = page(summaries, params.get("maxResults"), params.get("nextToken"))
    return ActionResult({"pipelines": found, "nextToken": token})


def start_pipeline_execution(self):
    """DOCS: APIReference API_StartPipelineExecution (clientRequestToken is idempotent)."""
    params = body(self)
    check_shape("codepipeline", "StartPipelineExecution", params, "ValidationException")
    found = _find(self, params["name"])
    key = found.start(
        "StartPipelineExecution", params.get("variables") or [], params.get("clientRequestToken"), _who(self)
    )
    return ActionResult({"pipelineExecutionId": key})


def _execution(self, params):
    found = _find(self, params["pipelineName"])
    run = found.executions.get(params["pipelineExecutionId"])
    if run is None:
        raise fail("PipelineExecutionNotFoundException", f"No execution {params['pipelineExecutionId']}")
    return run


def get_pipeline_execution(self):
    params = body(self)
    check_shape("codepipeline", "GetPipelineExecution", params, "ValidationException")
    return ActionResult({"pipelineExecution": _execution(self, params)})


def list_pipeline_executions(self):
    params = body(self)
    check_shape("codepipeline", "ListPipelineExecutions", params, "ValidationException")
    runs = list(reversed(_find(self, params["pipelineName"]).executions.values()))
    runs, token = page(runs, params.get("maxResults"), params.get("nextToken"))
    return ActionResult({"pipelineExecutionSummaries": [dict(r, sourceRevisions=[]) for r in runs], "nextToken": token})


def stop_pipeline_execution(self):
    """DOCS: stop."""
    params = body(self)
    check_shape("codepipeline", "StopPipelineExecution", params, "ValidationException")
    run = _execution(self, params)
    if run["status"] == "Stopping" and not params.get("abandon"):
        raise fail("DuplicatedStopRequestException", "A stop request was already made for this execution")
    if run["status"] not in ("InProgress", "Stopping"):
        raise fail("PipelineExecutionNotStoppableException", f"The execution is {run['status']}")
    run["status"] = "Stopped" if params.get("abandon") else "Stopping"
    run["lastUpdateTime"] = now()
    if "reason" in params:
        run["stopTrigger"] = {"reason": params["reason"]}
        run["statusSummary"] = params["reason"]
    return ActionResult({"pipelineExecutionId": run["pipelineExecutionId"]})


def get_pipeline_state(self):
    """DOCS: transitions."""
    params = body(self)
    check_shape("codepipeline", "GetPipelineState", params, "ValidationException")
    found = _find(self, params["name"])
    last = next(reversed(found.executions.values()), None)
    stages = []
    for position, stage in enumerate(found.pipeline["stages"]):
        state = {
            "stageName": stage["name"],
            "inboundExecutions": [],
            "inboundTransitionState": found.transitions.get(stage["name"], {"enabled": True}),
            "actionStates": [{"actionName": action["name"]} for action in stage["actions"]],
        }
        if position == 0 and last is not None:
            state["latestExecution"] = {
                "pipelineExecutionId": last["pipelineExecutionId"],
                "status": last["status"],
                "type": "STANDARD",
            }
        stages.append(state)
    return ActionResult(
        {
            "pipelineName": found.pipeline["name"],
            "pipelineVersion": found.pipeline["version"],
            "stageStates": stages,
            "created": found.created,
            "updated": found.updated,
        }
    )


def _stage_transition(self, operation, state):
    params = body(self)
    check_shape("codepipeline", operation, params, "ValidationException")
    found = _find(self, params["pipelineName"])
    if params["stageName"] not in {s["name"] for s in found.pipeline["stages"]}:
        raise fail("StageNotFoundException", f"Pipeline '{params['pipelineName']}' has no stage '{params['stageName']}'")
    # GetPipelineState tells of inbound transitions only.
    if params["transitionType"] == "Inbound":
        found.transitions[params["stageName"]] = state(params)
    return EmptyResult()


def disable_stage_transition(self):
    """DOCS: transitions."""
    return _stage_transition(
        self,
        "DisableStageTransition",
        lambda p: {
            "enabled": False,
            "disabledReason": p["reason"],
            "lastChangedBy": _who(self),
            "lastChangedAt": now(),
        },
    )


def enable_stage_transition(self):
    """DOCS: transitions."""
    return _stage_transition(
        self,
        "EnableStageTransition",
        lambda p: {"enabled": True, "lastChangedBy": _who(self), "lastChangedAt": now()},
    )


def put_webhook(self):
    """DOCS: webhooks. An upsert by name."""
    params = body(self)
    check_shape("codepipeline", "PutWebhook", params, "ValidationException")
    hook = copy.deepcopy(params["webhook"])
    found = _find(self, hook["targetPipeline"])
    if hook["targetAction"] not in {a["name"] for a in found.pipeline["stages"][0]["actions"]}:
        raise fail(
            "ValidationException",
            f"Action with name {hook['targetAction']} was not found in the first stage of the pipeline",
        )
    config = hook["authenticationConfiguration"]
    allowed = {"GITHUB_HMAC": {"SecretToken"}, "IP": {"AllowedIPRange"}, "UNAUTHENTICATED": set()}
    if set(config) != allowed[hook["authentication"]]:
        raise fail(
            "InvalidWebhookAuthenticationParametersException",
            f"{hook['authentication']} needs exactly {sorted(allowed[hook['authentication']])}",
        )
    if any(not f["jsonPath"].startswith("$") for f in hook["filters"]):
        raise fail("InvalidWebhookFilterPatternException", "The JSON path of a filter starts with $")
    hooks = _webhooks(self)
    entry = hooks.get(hook["name"]) or {
        "arn": f"arn:{get_partition(self.region)}:codepipeline:{self.region}:{self.current_account}:webhook:{hook['name']}",
        "url": f"https://{self.region}.webhooks.aws/trigger?t={uuid.uuid4().hex}&v=1",
        "tags": {},
        "registered": False,
    }
    given = params.get("tags") or []
    check_tags(entry["tags"], given, entry["arn"])
    entry["tags"].update({t["key"]: t["value"] for t in given})
    entry["definition"] = hook
    hooks[hook["name"]] = entry
    return ActionResult({"webhook": _shown(entry)})


def _shown(entry):
    # A listing shows four stars for the token, as AWS's own answers do.
    shown = copy.deepcopy({k: entry[k] for k in ("arn", "url", "definition")})
    if "SecretToken" in shown["definition"]["authenticationConfiguration"]:
        shown["definition"]["authenticationConfiguration"]["SecretToken"] = MASK
    shown["tags"] = [{"key": k, "value": v} for k, v in sorted(entry["tags"].items())]
    return shown


def list_webhooks(self):
    """DOCS: webhooks."""
    params = body(self)
    check_shape("codepipeline", "ListWebhooks", params, "ValidationException")
    hooks = [_shown(entry) for _, entry in sorted(_webhooks(self).items())]
    hooks, token = page(hooks, params.get("MaxResults"), params.get("NextToken"))
    return ActionResult({"webhooks": hooks, "NextToken": token})


def delete_webhook(self):
    """DOCS: webhooks. No error is declared for one that is not there."""
    params = body(self)
    check_shape("codepipeline", "DeleteWebhook", params, "ValidationException")
    _webhooks(self).pop(params["name"], None)
    return EmptyResult()


def _register(self, registered):
    name = body(self).get("webhookName")
    hooks = _webhooks(self)
    if name not in hooks:
        raise fail("WebhookNotFoundException", f"No webhook with the name '{name}' was found")
    hooks[name]["registered"] = registered
    return EmptyResult()


def register_webhook_with_third_party(self):
    """DOCS: webhooks."""
    return _register(self, True)


def deregister_webhook_with_third_party(self):
    """DOCS: webhooks."""
    return _register(self, False)


def _tags_of(self, arn):
    """Tags of a pipeline or a webhook: APIReference API_TagResource."""
    parts = arn.split(":")
    if len(parts) < 6 or parts[2] != "codepipeline":
        raise fail("InvalidArnException", f"Invalid ARN: {arn}")
    if len(parts) == 7 and parts[5] == "webhook":
        found = _webhooks(self).get(parts[6])
        tags = found["tags"] if found else None
    else:
        found = self.codepipeline_backend.pipelines.get(parts[-1])
        tags = found.tags if found else None
    if tags is None:
        raise fail("ResourceNotFoundException", f"The account with id '{self.current_account}' has no resource {arn}")
    return tags


def list_tags_for_resource(self):
    params = body(self)
    check_shape("codepipeline", "ListTagsForResource", params, "ValidationException")
    tags = [{"key": k, "value": v} for k, v in sorted(_tags_of(self, params["resourceArn"]).items())]
    tags, token = page(tags, params.get("maxResults"), params.get("nextToken"))
    return ActionResult({"tags": tags, "nextToken": token})


def tag_resource(self):
    params = body(self)
    check_shape("codepipeline", "TagResource", params, "ValidationException")
    stored = _tags_of(self, params["resourceArn"])
    check_tags(stored, params["tags"], params["resourceArn"])
    stored.update({t["key"]: t["value"] for t in params["tags"]})
    return EmptyResult()


def untag_resource(self):
    params = body(self)
    check_shape("codepipeline", "UntagResource", params, "ValidationException")
    stored = _tags_of(self, params["resourceArn"])
    for key in params["tagKeys"]:
        stored.pop(key, None)
    return EmptyResult()


for patch in (
    create_pipeline,
    get_pipeline,
    update_pipeline,
    list_pipelines,
    start_pipeline_execution,
    get_pipeline_execution,
    list_pipeline_executions,
    stop_pipeline_execution,
    get_pipeline_state,
    disable_stage_transition,
    enable_stage_transition,
    put_webhook,
    list_webhooks,
    delete_webhook,
    register_webhook_with_third_party,
    deregister_webhook_with_third_party,
    list_tags_for_resource,
    tag_resource,
    untag_resource,
):
    setattr(cp_responses.CodePipelineResponse, patch.__name__, patch)


# ------------------------------------------------------------------ CodeBuild

# Members that UpdateProject takes away when they come as this (DOCS: projects).
PROJECT_LISTS = (
    "secondarySources",
    "secondarySourceVersions",
    "secondaryArtifacts",
    "fileSystemLocations",
    "tags",
)


def bad_input(message):
    return fail("InvalidInputException", message)


def check_project(project):
    """DOCS: projects. Rules across members, in the service's own words where known."""
    source, artifacts = project["source"], project["artifacts"]
    if (source["type"] == "CODEPIPELINE") != (artifacts["type"] == "CODEPIPELINE"):
        raise bad_input("Invalid input: when using CodePipeline both sourceType, and artifactType must be set to: CODEPIPELINE")
    if source["type"] not in ("CODEPIPELINE", "NO_SOURCE") and not source.get("location"):
        raise bad_input("Project source location is required")
    if source["type"] == "NO_SOURCE" and (source.get("location") or not source.get("buildspec")):
        raise bad_input("source type NO_SOURCE needs a buildspec and no location")
    if artifacts["type"] == "NO_ARTIFACTS":
        for member, word in (("name", "output name"), ("encryptionDisabled", "encryptionDisabled"), ("location", "location")):
            if member in artifacts:
                raise bad_input(f"Invalid artifacts: artifact type NO_ARTIFACTS should have null {word}")
    if artifacts["type"] == "S3" and not artifacts.get("location"):
        raise bad_input("Project artifacts location is required")
    for kind, label, marker in (
        ("secondarySources", "sourceType", "sourceIdentifier"),
        ("secondaryArtifacts", "artifactType", "artifactIdentifier"),
    ):
        for entry in project.get(kind, []):
            if entry["type"] == "CODEPIPELINE":
                raise bad_input(f"Invalid input: {label} CODEPIPELINE is not allowed for {kind}")
            if not re.fullmatch(r"\w{1,127}", entry.get(marker, ""), re.ASCII):
                raise bad_input(
                    "identifier must contain only alphanumeric characters and underscores and be less than 128 characters in length"
                )
    vpc = project.get("vpcConfig")
    if vpc and not all(vpc.get(k) for k in ("vpcId", "subnets", "securityGroupIds")):
        raise bad_input("vpcConfig needs vpcId, subnets and securityGroupIds")
    cache = project["cache"]
    if cache["type"] == "S3" and not cache.get("location") or cache["type"] == "LOCAL" and not cache.get("modes"):
        raise bad_input("cache needs a location (S3) or modes (LOCAL)")
    names = [v["name"] for v in project["environment"].get("environmentVariables", [])]
    if len(set(names)) != len(names):
        raise bad_input("Duplicate environment variable names")
    if not assumable(project["serviceRole"], "codebuild.amazonaws.com"):
        raise bad_input(f"CodeBuild is not authorized to perform: sts:AssumeRole on {project['serviceRole']}")


def full_project(project, region, account):
    """The defaults that BatchGetProjects shows. DOCS: projects."""
    for member in PROJECT_LISTS:
        project.setdefault(member, [])
    project.setdefault("timeoutInMinutes", 60)
    project.setdefault("queuedTimeoutInMinutes", 480)
    project.setdefault("encryptionKey", f"arn:{get_partition(region)}:kms:{region}:{account}:alias/aws/s3")
    project.setdefault("cache", {"type": "NO_CACHE"})
    project.setdefault("projectVisibility", "PRIVATE")
    badge = project.pop("badgeEnabled", None)
    if badge is not None or "badge" not in project:
        project["badge"] = {"badgeEnabled": bool(badge)}
    project["source"].setdefault("insecureSsl", False)
    if project["artifacts"]["type"] != "NO_ARTIFACTS":
        project["artifacts"].setdefault("name", project["name"])
        project["artifacts"].setdefault("packaging", "NONE")
        project["artifacts"].setdefault("encryptionDisabled", False)
    env = project["environment"]
    env.setdefault("environmentVariables", [])
    env.setdefault("privilegedMode", False)
    env.setdefault("imagePullCredentialsType", "CODEBUILD")
    for variable in env["environmentVariables"]:
        variable.setdefault("type", "PLAINTEXT")
    return project


class Project:
    """What the rest of moto's CodeBuild reads of a project."""

    def __init__(self, arn, data):
        self.arn, self.project_metadata = arn, data
        self.service_role = data["serviceRole"]


def _project_tags(tags):
    keys = [t.get("key") for t in tags]
    if any(k and k.lower().startswith("aws:") for k in keys) or len(set(keys)) != len(keys):
        raise bad_input("Invalid tags: reserved prefix or duplicate keys")


def create_project(self):
    """DOCS: projects."""
    params = body(self)
    check_shape("codebuild", "CreateProject", params, "InvalidInputException")
    name = params["name"]
    backend = self.codebuild_backend
    arn = f"arn:{get_partition(self.region)}:codebuild:{self.region}:{self.current_account}:project/{name}"
    project = full_project(copy.deepcopy(params), self.region, self.current_account)
    _project_tags(project["tags"])
    check_project(dict(project, artifacts=params["artifacts"]))
    if name in backend.codebuild_projects:
        raise fail("ResourceAlreadyExistsException", f"Project already exists: {arn}")
    project.update(arn=arn, created=now(), lastModified=now())
    backend.codebuild_projects[name] = Project(arn, project)
    backend.build_history.setdefault(name, [])
    return ActionResult({"project": project})


def update_project(self):
    """DOCS: projects. Members left out keep their value, lists are replaced.

    An empty string, an empty structure, an empty list, cache NO_CACHE and
    concurrentBuildLimit -1 are how a member is taken away.
    """
    params = body(self)
    check_shape("codebuild", "UpdateProject", params, "InvalidInputException")
    found = self.codebuild_backend.codebuild_projects.get(params["name"])
    if found is None:
        raise fail("ResourceNotFoundException", f"Project cannot be found: {params['name']}")
    project = copy.deepcopy(found.project_metadata)
    for member, value in copy.deepcopy(params).items():
        empty = value == "" or value == {} or (member == "concurrentBuildLimit" and value == -1)
        if member == "vpcConfig" and not any(value.values()):
            empty = True
        if empty:
            project.pop(member, None)
        else:
            project[member] = value
    full_project(project, self.region, self.current_account)
    _project_tags(project["tags"])
    check_project(dict(project, artifacts=params.get("artifacts", project["artifacts"])))
    project["lastModified"] = now()
    found.project_metadata, found.service_role = project, project["serviceRole"]
    return ActionResult({"project": project})


def batch_get_projects(self):
    """DOCS: projects. Names or ARNs, the missing ones listed apart."""
    params = body(self)
    check_shape("codebuild", "BatchGetProjects", params, "InvalidInputException")
    stored = self.codebuild_backend.codebuild_projects
    by_arn = {project.arn: project for project in stored.values()}
    found, missing = [], []
    for name in params["names"]:
        project = stored.get(name) or by_arn.get(name)
        if project:
            found.append(project.project_metadata)
        else:
            missing.append(name)
    return ActionResult({"projects": found, "projectsNotFound": missing})


def delete_project(self):
    """codebuild APIReference API_DeleteProject: only InvalidInputException is declared."""
    params = body(self)
    check_shape("codebuild", "DeleteProject", params, "InvalidInputException")
    self.codebuild_backend.delete_project(params["name"])
    return EmptyResult()


def batch_get_builds(self):
    """codebuild APIReference API_BatchGetBuilds: unknown ids come back in buildsNotFound."""
    ids = body(self).get("ids") or []
    found = self.codebuild_backend.batch_get_builds(ids)
    known = {build["id"] for build in found}
    return ActionResult({"builds": found, "buildsNotFound": [i for i in ids if i not in known]})


for patch in (create_project, update_project, batch_get_projects, delete_project, batch_get_builds):
    setattr(cb_responses.CodeBuildResponse, patch.__name__, patch)


# ------------------------------------------------------------------------ IAM

_create_role = iam_models.IAMBackend.create_role
_put_role_policy = iam_models.IAMBackend.put_role_policy


def create_role_checked(self, role_name, assume_role_policy_document, *args, **kwargs):
    """DOCS: trust. moto checks the document on update, not on create."""
    IAMTrustPolicyDocumentValidator(assume_role_policy_document).validate()
    return _create_role(self, role_name, assume_role_policy_document, *args, **kwargs)


class PolicyLimit(IAMException):
    code = "LimitExceeded"
    status = 409


def put_role_policy_checked(self, role_name, policy_name, policy_json):
    """DOCS: trust. 10,240 characters for all inline policies of a role, blanks apart."""
    role = self.get_role(role_name)
    others = [text for name, text in role.policies.items() if name != policy_name]
    size = sum(len(re.sub(r"\s", "", text)) for text in [*others, policy_json])
    if size > 10240:
        raise PolicyLimit(f"Maximum policy size of 10240 bytes exceeded for role {role_name}")
    return _put_role_policy(self, role_name, policy_name, policy_json)


iam_models.IAMBackend.create_role = create_role_checked
iam_models.IAMBackend.put_role_policy = put_role_policy_checked


# ------------------------------------------------------------------------ SNS

CONFIRMED_BY_HAND = ("email", "email-json", "http", "https")
_sns_subscribe = sns_models.SNSBackend.subscribe


def subscribe_backend(self, topic_arn, endpoint, protocol):
    """DOCS: sns. An address confirms its subscription before it has an ARN."""
    before = self._find_subscription(topic_arn, endpoint, protocol)
    subscription = _sns_subscribe(self, topic_arn, endpoint, protocol)
    if before is None and protocol in CONFIRMED_BY_HAND:
        subscription.attributes["PendingConfirmation"] = True
        subscription.attributes["ConfirmationWasAuthenticated"] = False
    return subscription


_sns_subscribe_response = sns_responses.SNSResponse.subscribe


def subscribe(self):
    """DOCS: sns."""
    result = _sns_subscribe_response(self)
    found = self.backend.subscriptions[result.result["SubscriptionArn"]]
    wanted = str(self._get_param("ReturnSubscriptionArn")).lower() == "true"
    if found.attributes.get("PendingConfirmation") and not wanted:
        return ActionResult({"SubscriptionArn": "pending confirmation"})
    return result


def _listed(entry):
    pending = entry.attributes.get("PendingConfirmation")
    return {
        "SubscriptionArn": "PendingConfirmation" if pending else entry.arn,
        "Owner": entry.owner,
        "Protocol": entry.protocol,
        "Endpoint": entry.endpoint,
        "TopicArn": entry.topic_arn,
    }


def list_subscriptions(self):
    """DOCS: sns."""
    found, token = self.backend.list_subscriptions(next_token=self._get_param("NextToken"))
    return ActionResult({"Subscriptions": [_listed(s) for s in found], "NextToken": token})


def list_subscriptions_by_topic(self):
    """DOCS: sns."""
    found, token = self.backend.list_subscriptions_by_topic(
        self._get_param("TopicArn"), next_token=self._get_param("NextToken")
    )
    return ActionResult({"Subscriptions": [_listed(s) for s in found], "NextToken": token})


_sns_unsubscribe = sns_responses.SNSResponse.unsubscribe


def unsubscribe(self):
    """sns APIReference API_Unsubscribe: what is not an ARN is refused."""
    if not str(self._get_param("SubscriptionArn")).startswith("arn:"):
        raise SNSInvalidParameter("Invalid parameter: SubscriptionId")
    return _sns_unsubscribe(self)


sns_models.SNSBackend.subscribe = subscribe_backend
for patch in (subscribe, list_subscriptions, list_subscriptions_by_topic, unsubscribe):
    setattr(sns_responses.SNSResponse, patch.__name__, patch)


# ---------------------------------------------------------------- Connections


class Connections:
    """DOCS: connections. One store behind both names of the service, JSON and CBOR."""

    NAMES = ("codeconnections", "codestar-connections")

    def __init__(self):
        self.stored = {}

    def put(self, entry):
        """Lets a test set a connection; a real one becomes AVAILABLE by a click."""
        arn = entry["ConnectionArn"]
        self.stored[arn] = {
            "ConnectionName": arn.rsplit("/", 1)[1],
            "ProviderType": "GitHub",
            "OwnerAccountId": arn.split(":")[4],
            "ConnectionStatus": "PENDING",
            **entry,
        }

    def call(self, service, region, account, operation, params):
        model = service_model.service(service)
        if operation not in model.operation_names:
            raise fail("UnknownOperationException", operation)
        check_shape(service, operation, params, "ValidationException")
        if operation == "GetConnection":
            return {"Connection": self._find(params["ConnectionArn"])}
        if operation == "CreateConnection":
            arn = f"arn:{get_partition(region)}:{service}:{region}:{account}:connection/{uuid.uuid4()}"
            provider = params.get("ProviderType", "GitHub")
            self.put({"ConnectionArn": arn, "ConnectionName": params["ConnectionName"], "ProviderType": provider})
            return {"ConnectionArn": arn, "Tags": params.get("Tags", [])}
        if operation == "DeleteConnection":
            self._find(params["ConnectionArn"])
            del self.stored[params["ConnectionArn"]]
            return {}
        if operation == "ListConnections":
            here = [c for arn, c in sorted(self.stored.items()) if arn.split(":")[3] == region]
            kind = params.get("ProviderTypeFilter")
            here = [c for c in here if kind in (None, c["ProviderType"])]
            found, token = page(here, params.get("MaxResults"), params.get("NextToken"))
            return {"Connections": found, **({"NextToken": token} if token else {})}
        raise fail("UnknownOperationException", operation)

    def _find(self, arn):
        if arn not in self.stored:
            raise fail("ResourceNotFoundException", f"Connection not found: {arn}")
        return self.stored[arn]


# ----------------------------------------------------------------- The server


class Server:
    """moto's application, with the connections and the test's own door before it."""

    def __init__(self):
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.moto.debug = True
        self.connections = Connections()

    def __call__(self, environ, start_response):
        path = environ.get("PATH_INFO", "")
        if path.startswith("/_test/"):
            return self._door(path, environ, start_response)
        scope = re.search(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request", environ.get("HTTP_AUTHORIZATION", ""))
        if scope and scope[3] in Connections.NAMES:
            return self._connections(scope, path, environ, start_response)
        return self.moto(environ, start_response)

    @staticmethod
    def _read(environ):
        return environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))

    @staticmethod
    def _answer(start_response, status, kind, data, extra=()):
        headers = [("Content-Type", kind), ("Content-Length", str(len(data))), ("x-amzn-RequestId", str(uuid.uuid4()))]
        start_response(status, [*headers, *extra])
        return [data]

    def _connections(self, scope, path, environ, start_response):
        from moto.iam.models import get_account_id_from

        raw = self._read(environ)
        rpc = re.search(r"/operation/(\w+)$", path)
        try:
            if rpc:
                operation, params = rpc[1], (cbor2.loads(raw) if raw else {})
            else:
                operation, params = environ["HTTP_X_AMZ_TARGET"].split(".")[-1], json.loads(raw or b"{}")
            status = "200 OK"
            answer = self.connections.call(scope[3], scope[2], get_account_id_from(scope[1]), operation, params)
        except JsonRESTError as error:
            status, answer = "400 Bad Request", {"__type": error.error_type, "message": error.message}
        if rpc:
            extra = [("smithy-protocol", "rpc-v2-cbor")]
            return self._answer(start_response, status, "application/cbor", cbor2.dumps(answer), extra)
        extra = [("x-amzn-ErrorType", answer["__type"])] if "__type" in answer else []
        return self._answer(start_response, status, "application/x-amz-json-1.0", json.dumps(answer).encode(), extra)

    def _door(self, path, environ, start_response):
        """What a test may set or see behind AWS's back. See README.md."""
        given = json.loads(self._read(environ) or b"{}")
        if path == "/_test/connections":
            self.connections.put(given)
            answer = {}
        elif path == "/_test/secrets":
            answer = self._secrets()
        elif path == "/_test/confirm":
            answer = {"confirmed": self._confirm(given["TopicArn"], given["Endpoint"])}
        elif path == "/_test/finish":
            answer = {"finished": self._finish(given["pipelineExecutionId"], given["status"])}
        else:
            return self._answer(start_response, "404 Not Found", "application/json", b"{}")
        return self._answer(start_response, "200 OK", "application/json", json.dumps(answer).encode())

    @staticmethod
    def _pipelines():
        for regions in list(cp_models.codepipeline_backends.values()):
            yield from itertools.chain.from_iterable(list(b.pipelines.values()) for b in list(regions.values()))

    def _secrets(self):
        found = {}
        for pipeline in self._pipelines():
            for stage, action in actions_of(pipeline.pipeline):
                for key in secret_keys(action):
                    where = "/".join([pipeline._arn, stage["name"], action["name"], key])  # noqa: SLF001
                    found[where] = action["configuration"].get(key)
        for regions in list(cp_models.codepipeline_backends.values()):
            for backend in list(regions.values()):
                for hook in getattr(backend, "webhooks", {}).values():
                    token = hook["definition"]["authenticationConfiguration"].get("SecretToken")
                    found[hook["arn"]] = {"SecretToken": token, "registered": hook["registered"]}
        return found

    def _finish(self, execution, status):
        for pipeline in self._pipelines():
            if execution in pipeline.executions:
                pipeline.executions[execution].update(status=status, lastUpdateTime=now())
                return True
        return False

    @staticmethod
    def _confirm(topic, endpoint):
        _, _, _, region, account, _ = topic.split(":", 5)
        for found in sns_models.sns_backends[account][region].subscriptions.values():
            if found.topic_arn == topic and found.endpoint == endpoint:
                found.attributes.update(PendingConfirmation=False, ConfirmationWasAuthenticated=True)
                return True
        return False


class QuietHandler(MotoRequestHandler):
    def log_request(self, *args, **kwargs):
        pass


def main():
    server = make_server("127.0.0.1", 0, Server(), threaded=True, request_handler=QuietHandler)
    print(json.dumps({"moto": f"http://127.0.0.1:{server.server_port}"}), flush=True)

    def follow_parent():
        while os.read(0, 4096):
            pass
        os._exit(0)

    threading.Thread(target=follow_parent, daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
