"""CodeBuild projects: every member comes back, UpdateProject, the defaults."""

import copy
import re

from moto.codebuild import responses as cb_responses
from moto.core.responses import ActionResult, EmptyResult
from moto.utilities.utils import get_partition

from patches import assumable, body, check_shape, fail, now


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
