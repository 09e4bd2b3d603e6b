"""CodePipeline. Nothing runs: an execution stays InProgress until it is stopped
or an update ends it."""

import copy
import itertools
import uuid

from moto.codepipeline import models as cp_models
from moto.codepipeline import responses as cp_responses
from moto.core.responses import ActionResult, EmptyResult
from moto.s3.models import s3_backends
from moto.utilities.utils import get_partition

from patches import assumable, body, check_shape, check_tags, fail, now, page


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


# What the test's own door shows and sets (README.md).


def all_pipelines():
    for regions in list(cp_models.codepipeline_backends.values()):
        yield from itertools.chain.from_iterable(list(b.pipelines.values()) for b in list(regions.values()))


def stored_secrets():
    found = {}
    for pipeline in all_pipelines():
        for stage, action in actions_of(pipeline.pipeline):
            for key in secret_keys(action):
                where = "/".join([pipeline._arn, stage["name"], action["name"], key])
                found[where] = action["configuration"].get(key)
    for regions in list(cp_models.codepipeline_backends.values()):
        for backend in list(regions.values()):
            for hook in getattr(backend, "webhooks", {}).values():
                token = hook["definition"]["authenticationConfiguration"].get("SecretToken")
                found[hook["arn"]] = {"SecretToken": token, "registered": hook["registered"]}
    return found


def finish(execution, status):
    for pipeline in all_pipelines():
        if execution in pipeline.executions:
            pipeline.executions[execution].update(status=status, lastUpdateTime=now())
            return True
    return False
