"""Somebody else's verdict on what we send, read, write and export.

One JSON object a line on stdin, one answer a line on stdout, until stdin
closes. The commands are listed in README.md. An error in a question is
answered with {"error": text} and ends nothing.
"""

import base64
import contextlib
import functools
import json
import os
import pathlib
import re
import sys
import traceback
import urllib.parse
import warnings

warnings.filterwarnings("ignore")
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

import service_model  # noqa: E402


def side(given, which):
    operation = service_model.service(given["service"]).operation_model(given["operation"])
    return getattr(operation, which)


def validate_request(given):
    return {"errors": service_model.judge(given["params"], side(given, "input_shape"))}


def validate_output(given):
    return {"errors": service_model.judge(given["params"], side(given, "output_shape"))}


# ------------------------------------------------------------ captured calls


def request_body(given):
    if "body_base64" in given:
        return base64.b64decode(given["body_base64"])
    return given.get("body", "").encode()


@functools.cache
def rest_router(service):
    from moto.core.routing import get_service_router

    return get_service_router(service)


def unknown_query_names(names, shape):
    """Form members that the shape has no place for: the parser passes over them."""
    return [n for n in names if n.split(".")[0] not in shape.members] if shape else list(names)


def validate_http(given):
    """Reads a captured request by the model of its service, then judges it."""
    from moto.core.parse import PROTOCOL_PARSERS
    from moto.core.utils import get_service_model
    from werkzeug.datastructures import Headers
    from werkzeug.test import EnvironBuilder
    from moto.core.request import Request

    service, body = given["service"], request_body(given)
    headers = Headers(list(given.get("headers", {}).items()))
    url = urllib.parse.urlsplit(given["path"])
    kind = headers.get("content-type", "")
    extra, uri = [], {}
    model = get_service_model(service)
    rpc = re.search(r"/operation/(\w+)$", url.path)
    if rpc and "cbor" in kind:
        import cbor2

        name, params = rpc[1], (cbor2.loads(body) if body else {})
    elif headers.get("x-amz-target"):
        name, params = headers["x-amz-target"].split(".")[-1], json.loads(body or b"{}")
    else:
        protocol = "query" if "x-www-form-urlencoded" in kind else str(model.protocol)
        environ = EnvironBuilder(
            path=url.path, query_string=url.query, method=given["method"], headers=headers, data=body
        ).get_environ()
        request = Request(environ)
        if protocol == "query":
            form = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
            name = form["Action"]
            rest = [n for n in form if n not in ("Action", "Version")]
            operation = model.operation_model(name)
            extra = [
                service_model.Finding(n, "unknown", "unknown form member")
                for n in unknown_query_names(rest, operation.input_shape)
            ]
        else:
            operation, uri = rest_router(service).match(request)
            name = operation.name
        parser = PROTOCOL_PARSERS[protocol](model.operation_model(name))
        params = parser.parse(
            {
                "method": request.method,
                "values": request.values,
                "headers": request.headers,
                "body": request.data,
                "url_path": request.path,
                "url_params": uri,
            }
        )
    shape = service_model.service(service).operation_model(name).input_shape
    params = pruned(params)
    return {"operation": name, "params": params, "errors": extra + service_model.judge(params, shape)}


def pruned(value):
    """moto's parsers write an absent member as None."""
    if isinstance(value, dict):
        return {k: pruned(v) for k, v in value.items() if v is not None}
    if isinstance(value, (list, tuple)):
        return [pruned(v) for v in value]
    return value


def serialize_output(given):
    """The wire form of an answer, written by the model: for canned answers."""
    from moto.core.serialize import get_serializer_class
    from moto.core.utils import get_service_model

    errors = validate_output(given)["errors"]
    model = get_service_model(given["service"])
    protocol = given.get("protocol", str(model.protocol))
    serializer = get_serializer_class(model.service_name, protocol)
    answer = serializer(operation_model=model.operation_model(given["operation"])).serialize(given["params"])
    body = answer["body"]
    return {
        "errors": errors,
        "status": answer["status_code"],
        "headers": dict(answer["headers"]),
        "body": body.decode() if isinstance(body, bytes) else body,
    }


# ------------------------------------------------------------------- cfn-lint


def cfn_lint(given):
    from cfnlint.api import lint
    from cfnlint.config import ManualArgs

    text = pathlib.Path(given["path"]).read_text() if "path" in given else json.dumps(given["template"])
    regions = given.get("regions") or ["us-east-1"]
    matches = lint(text, config=ManualArgs(regions=regions, ignore_checks=given.get("ignore", [])))
    findings = [
        {
            "rule": match.rule.id,
            "level": match.rule.severity,
            "message": match.message,
            "path": list(getattr(match, "path", None) or []),
            "line": match.linenumber,
        }
        for match in matches
    ]
    return {"findings": sorted(findings, key=lambda f: (f["line"], f["rule"], f["message"]))}


# ----------------------------------------------------------------- parliament


def policy(given):
    import parliament

    document = given["document"]
    text = document if isinstance(document, str) else json.dumps(document)
    # jsoncfg leaves relaxed JSON through (comments, no quotes); IAM does not.
    try:
        json.loads(text)
    except ValueError as error:
        return {"findings": [{"issue": "MALFORMED_JSON", "detail": str(error), "severity": "HIGH", "location": {}}]}
    found = parliament.analyze_policy_string(text)
    findings = []
    for finding in found.findings:
        finding = parliament.enhance_finding(finding)
        findings.append(
            {
                "issue": finding.issue,
                "title": finding.title,
                "severity": finding.severity,
                "detail": jsonable(finding.detail),
                "location": jsonable(finding.location),
            }
        )
    return {"findings": sorted(findings, key=lambda f: json.dumps(f, sort_keys=True))}


def jsonable(value):
    if isinstance(value, dict):
        return {str(k): jsonable(v) for k, v in value.items() if k != "filepath" or v}
    if isinstance(value, (list, tuple, set)):
        return [jsonable(v) for v in value]
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    return str(value)


COMMANDS = {
    f.__name__: f
    for f in (validate_request, validate_output, validate_http, serialize_output, cfn_lint, policy)
}


def main():
    # Whatever a library prints must not stand between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", buffering=1)
    with contextlib.redirect_stdout(sys.stderr):
        for line in sys.stdin:
            if not line.strip():
                continue
            try:
                given = json.loads(line)
                if given.get("do") not in COMMANDS:
                    raise ValueError(f"unknown command {given.get('do')!r}, known are {', '.join(COMMANDS)}")
                answer = COMMANDS[given["do"]](given)
                if "id" in given:
                    answer["id"] = given["id"]
            except Exception as error:  # noqa: BLE001 - a bad question must not end the judge
                last = traceback.extract_tb(error.__traceback__)[-1]
                answer = {"error": f"{type(error).__name__}: {error} ({pathlib.Path(last.filename).name}:{last.lineno})"}
            answers.write(json.dumps(answer, default=str) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
