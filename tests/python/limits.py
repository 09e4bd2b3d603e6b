"""Definitions that break one constraint of the API each.

`limits.py FOLDER` walks what botocore says of the inputs of CreatePipeline and CreateProject, along definitions that
have every member, and writes a pipeline file for each minimum, maximum, pattern, enumeration, kind and required
member that is broken. `index.json` says what was done in which file; files called `base…` break nothing.
"""

import copy
import json
import pathlib
import sys

import botocore.session

ROLE = "arn:aws:iam::111122223333:role/shop"
REGION = "us-east-1"


def rule(provider, configuration, **more):
    kind = {"category": "Rule", "owner": "AWS", "provider": provider, "version": "1"}
    return {"name": "Look", "ruleTypeId": kind, "configuration": configuration, **more}


def conditions(result, *rules):
    return {"conditions": [{"result": result, "rules": list(rules)}]}


def kind(category, provider):
    return {"category": category, "owner": "AWS", "provider": provider, "version": "1"}


def pipeline():
    criteria = lambda word: {"includes": [word], "excludes": [word + "-not"]}
    pull = {"events": ["OPEN"], "branches": criteria("main"), "filePaths": criteria("src/*")}
    alarm = rule("CloudWatchAlarm", {"AlarmName": "shop-errors"}, region=REGION, roleArn=ROLE, timeoutInMinutes=30)
    look = rule("Commands", {}, commands=["make check"], inputArtifacts=[{"name": "Source"}])
    del look["configuration"]
    return {
        "name": "shop",
        "roleArn": ROLE,
        "version": 1,
        "pipelineType": "V2",
        "executionMode": "QUEUED",
        "artifactStore": {"type": "S3", "location": "shop-artifacts", "encryptionKey": {"id": "key-id", "type": "KMS"}},
        "variables": [{"name": "level", "defaultValue": "info", "description": "how much is logged"}],
        "triggers": [
            {
                "providerType": "CodeStarSourceConnection",
                "gitConfiguration": {
                    "sourceActionName": "Source",
                    "push": [{"branches": criteria("main"), "filePaths": criteria("src/*")}, {"tags": criteria("v1")}],
                    "pullRequest": [pull],
                },
            }
        ],
        "stages": [
            {
                "name": "Source",
                "actions": [
                    {
                        "name": "Source",
                        "runOrder": 1,
                        "namespace": "SourceVariables",
                        "actionTypeId": kind("Source", "CodeStarSourceConnection"),
                        "configuration": {
                            "ConnectionArn": f"arn:aws:codeconnections:{REGION}:111122223333:connection/1",
                            "FullRepositoryId": "acme/shop",
                            "BranchName": "main",
                        },
                        "outputArtifacts": [{"name": "Source"}],
                    }
                ],
            },
            {
                "name": "Check",
                "beforeEntry": conditions("FAIL", alarm),
                "onSuccess": conditions("FAIL", alarm, dict(look, name="Run")),
                "onFailure": conditions("ROLLBACK", alarm),
                "actions": [
                    {
                        "name": "Check",
                        "runOrder": 1,
                        "roleArn": ROLE,
                        "region": REGION,
                        "actionTypeId": kind("Compute", "Commands"),
                        "commands": ["make check #{variables.level}"],
                        "environmentVariables": [{"name": "LEVEL", "value": "info", "type": "PLAINTEXT"}],
                        "inputArtifacts": [{"name": "Source"}],
                        "outputArtifacts": [{"name": "Checked", "files": ["out/*"]}],
                        "outputVariables": ["DIGEST"],
                    },
                    {
                        "name": "Approve",
                        "runOrder": 2,
                        "timeoutInMinutes": 60,
                        "actionTypeId": kind("Approval", "Manual"),
                        "configuration": {"CustomData": "read it"},
                    },
                    {
                        "name": "Upload",
                        "runOrder": 3,
                        "actionTypeId": kind("Deploy", "S3"),
                        "configuration": {"BucketName": "shop-pages", "Extract": "true"},
                        "inputArtifacts": [{"name": "Checked"}],
                    },
                ],
            },
            {
                "name": "Retried",
                "onFailure": {"result": "RETRY", "retryConfiguration": {"retryMode": "ALL_ACTIONS"}},
                "actions": [
                    {
                        "name": "Again",
                        "actionTypeId": kind("Build", "CodeBuild"),
                        "configuration": {"ProjectName": "shop-again"},
                        "inputArtifacts": [{"name": "Source"}],
                    }
                ],
            },
        ],
    }


def pipelines():
    one = pipeline()
    several = pipeline()
    several["artifactStores"] = {REGION: several.pop("artifactStore")}
    return {"pipeline": one, "stores": several}


def projects():
    buildspec = "version: 0.2\nphases:\n  build:\n    commands:\n      - make\n"
    alone = {
        "name": "shop",
        "description": "builds the shop",
        "source": {
            "type": "GITHUB",
            "location": "https://github.com/acme/shop.git",
            "gitCloneDepth": 1,
            "gitSubmodulesConfig": {"fetchSubmodules": True},
            "buildspec": buildspec,
            "auth": {"type": "CODECONNECTIONS", "resource": f"arn:aws:codeconnections:{REGION}:111122223333:connection/1"},
            "reportBuildStatus": True,
            "buildStatusConfig": {"context": "shop", "targetUrl": "https://example.com"},
            "insecureSsl": False,
        },
        "secondarySources": [
            {
                "type": "GITHUB",
                "location": "https://github.com/acme/lib.git",
                "sourceIdentifier": "lib",
                "gitCloneDepth": 1,
                "gitSubmodulesConfig": {"fetchSubmodules": True},
                "auth": {
                    "type": "CODECONNECTIONS",
                    "resource": f"arn:aws:codeconnections:{REGION}:111122223333:connection/1",
                },
                "reportBuildStatus": True,
                "insecureSsl": False,
            }
        ],
        "sourceVersion": "main",
        "secondarySourceVersions": [{"sourceIdentifier": "lib", "sourceVersion": "main"}],
        "artifacts": {
            "type": "S3",
            "location": "shop-artifacts",
            "path": "builds",
            "namespaceType": "BUILD_ID",
            "name": "shop.zip",
            "packaging": "ZIP",
            "overrideArtifactName": False,
            "encryptionDisabled": False,
            "bucketOwnerAccess": "FULL",
        },
        "secondaryArtifacts": [
            {
                "type": "S3",
                "location": "shop-artifacts",
                "artifactIdentifier": "docs",
                "namespaceType": "NONE",
                "name": "docs.zip",
                "packaging": "ZIP",
                "overrideArtifactName": False,
                "encryptionDisabled": False,
                "bucketOwnerAccess": "FULL",
            }
        ],
        "cache": {"type": "LOCAL", "modes": ["LOCAL_DOCKER_LAYER_CACHE"]},
        "environment": {
            "type": "LINUX_CONTAINER",
            "image": "registry.example.com/shop:1",
            "computeType": "BUILD_GENERAL1_SMALL",
            "environmentVariables": [{"name": "LEVEL", "value": "info", "type": "PLAINTEXT"}],
            "privilegedMode": True,
            "registryCredential": {"credential": "registry", "credentialProvider": "SECRETS_MANAGER"},
            "imagePullCredentialsType": "SERVICE_ROLE",
            "hostKernel": "LINUX_KERNEL_LATEST",
        },
        "serviceRole": ROLE,
        "timeoutInMinutes": 30,
        "queuedTimeoutInMinutes": 30,
        "encryptionKey": f"arn:aws:kms:{REGION}:111122223333:key/1",
        "tags": [{"key": "team", "value": "shop"}],
        "badgeEnabled": True,
        "logsConfig": {
            "cloudWatchLogs": {"status": "ENABLED", "groupName": "shop", "streamName": "builds"},
            "s3Logs": {
                "status": "ENABLED",
                "location": "shop-logs/builds",
                "encryptionDisabled": False,
                "bucketOwnerAccess": "FULL",
            },
        },
        "concurrentBuildLimit": 2,
        "autoRetryLimit": 1,
        "buildBatchConfig": {
            "serviceRole": f"{ROLE}-batch",
            "combineArtifacts": False,
            "restrictions": {"maximumBuildsAllowed": 5, "computeTypesAllowed": ["BUILD_GENERAL1_SMALL"]},
            "timeoutInMins": 60,
            "batchReportMode": "REPORT_AGGREGATED_BATCH",
        },
    }
    networked = copy.deepcopy(alone)
    networked["cache"] = {"type": "NO_CACHE"}
    networked["vpcConfig"] = {"vpcId": "vpc-1", "subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]}
    networked["fileSystemLocations"] = [
        {"type": "EFS", "location": "fs-1.efs.us-east-1.amazonaws.com:/", "mountPoint": "/mnt/data", "identifier": "data"}
    ]
    served = copy.deepcopy(alone)
    served["environment"] = {
        "type": "LINUX_CONTAINER",
        "image": "aws/codebuild/amazonlinux-x86_64-standard:6.0",
        "computeType": "BUILD_GENERAL1_SMALL",
        "dockerServer": {"computeType": "BUILD_GENERAL1_SMALL", "securityGroupIds": ["sg-1"]},
    }
    served["cache"] = {"type": "NO_CACHE"}
    served["vpcConfig"] = networked["vpcConfig"]
    sized = copy.deepcopy(alone)
    sized["cache"] = {"type": "NO_CACHE"}
    sized["environment"] = {
        "type": "LINUX_CONTAINER",
        "image": "aws/codebuild/amazonlinux-x86_64-standard:6.0",
        "computeType": "ATTRIBUTE_BASED_COMPUTE",
        "computeConfiguration": {"vCpu": 2, "memory": 4, "disk": 10, "machineType": "GENERAL"},
        "fleet": {"fleetArn": f"arn:aws:codebuild:{REGION}:111122223333:fleet/shop:1"},
    }
    return {"project": alone, "network": networked, "docker": served, "fleet": sized}


def other(shape):
    """A value of another kind."""
    return {"string": ["not", "a", "text"], "list": "no list", "map": "no map", "structure": "no map"}.get(
        shape.type_name, "no value of this kind"
    )


def broken(shape, value):
    """What the shape does not take, and why."""
    limits = shape.metadata
    least, most = limits.get("min"), limits.get("max")
    yield "kind", other(shape)
    if shape.type_name == "string":
        if least:
            yield "min", value[: least - 1]
        if most:
            yield "max", value + "x" * (most + 1 - len(value))
        if "enum" in limits:
            yield "enum", "NONSENSE"
        pattern = limits.get("pattern")
        if pattern == ".*":
            yield "pattern", value + "\n" + value
        elif pattern:
            yield "pattern", "?" + value
    elif shape.type_name in ("integer", "long"):
        if least is not None:
            yield "min", least - 1
        if most is not None:
            yield "max", most + 1
    elif shape.type_name == "list":
        if least:
            yield "min", []
        if most:
            yield "max", [numbered(value[0], number) for number in range(most + 1)]
    elif shape.type_name == "map":
        if most:
            yield "max", dict(value, **{f"Key{number}": "x" for number in range(most + 1)})
        longest = shape.key.metadata.get("max")
        if longest:
            yield "key max", dict(value, **{"x" * (longest + 1): next(iter(value.values()))})
    elif shape.type_name == "structure":
        for member in shape.required_members:
            if member in value:
                yield f"without {member}", {key: kept for key, kept in value.items() if key != member}


def numbered(value, number):
    """The same again under another name, so that it is too many and nothing else."""
    if isinstance(value, str):
        return f"{value}{number}"
    names = ("name", "key", "sourceIdentifier", "artifactIdentifier")
    return {key: f"{kept}{number}" if key in names else kept for key, kept in value.items()}


def walk(shape, value, path, covered):
    """Each broken value with its place."""
    covered.add((shape.name, path.rsplit(".", 1)[-1]))
    for what, wrong in broken(shape, value):
        yield path, what, wrong, ()
    if shape.type_name == "structure":
        for member, inner in shape.members.items():
            if member in value:
                for place, what, wrong, way in walk(inner, value[member], f"{path}.{member}", covered):
                    yield place, what, wrong, (member, *way)
    elif shape.type_name == "list":
        for number, item in enumerate(value):
            for place, what, wrong, way in walk(shape.member, item, f"{path}[{number}]", covered):
                yield place, what, wrong, (number, *way)
    elif shape.type_name == "map":
        for key, item in value.items():
            for place, what, wrong, way in walk(shape.value, item, f"{path}.{key}", covered):
                yield place, what, wrong, (key, *way)


def changed(value, way, wrong):
    if not way:
        return wrong
    value = copy.copy(value)
    value[way[0]] = changed(value[way[0]], way[1:], wrong)
    return value


def document(what, definition):
    text = {"service": "shop", "provider": {"region": REGION}}
    if what == "pipeline":
        text["pipelines"] = {"shop": {"definition": definition}}
    else:
        text.update(
            source={"codecommit": "shop", "branch": "main"},
            stages=[{"name": "Build", "build": {"run": "make"}}],
            projects={"shop": {"definition": definition}},
        )
    return json.dumps(text, indent=1)


def main():
    folder = pathlib.Path(sys.argv[1])
    session = botocore.session.get_session()
    index = []
    shapes = {
        "pipeline": session.get_service_model("codepipeline").shape_for("PipelineDeclaration"),
        "project": session.get_service_model("codebuild").operation_model("CreateProject").input_shape,
    }
    missed = []
    for what, bases in (("pipeline", pipelines()), ("project", projects())):
        covered = set()
        seen = set()
        for name, base in bases.items():
            (folder / f"base-{name}.yml").write_text(document(what, base))
            for place, broke, wrong, way in walk(shapes[what], base, name, covered):
                if not way or (place.split(".", 1)[-1], broke) in seen:
                    continue
                seen.add((place.split(".", 1)[-1], broke))
                file = f"{name}{len(index):04}.yml"
                (folder / file).write_text(document(what, changed(base, way, wrong)))
                index.append({"file": file, "place": place, "broken": broke})
        missed += sorted(f"{what}.{member}" for member in members(shapes[what], set()) - {at for _, at in covered})
    (folder / "index.json").write_text(json.dumps({"cases": index, "missed": missed}))


def members(shape, seen):
    """The names of all members."""
    if shape.name in seen:
        return set()
    seen.add(shape.name)
    if shape.type_name == "structure":
        inner = [members(one, seen) for one in shape.members.values()]
        return set(shape.members).union(*inner) if inner else set()
    if shape.type_name == "list":
        return members(shape.member, seen)
    if shape.type_name == "map":
        return members(shape.value, seen)
    return set()


main()
