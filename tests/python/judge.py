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


def written_again(service, name, params):
    """botocore's own writing of the members that were read."""
    from botocore.serialize import create_serializer

    model = service_model.service(service)
    protocol = model.resolved_protocol
    protocol = protocol if protocol in ("query", "ec2", "rest-xml") else "query"
    return create_serializer(protocol, False).serialize_to_request(params, model.operation_model(name))["body"]


def passed_over(sent, kept, what):
    """What the request held and the model has no place for: parsers skip it."""
    return [service_model.Finding(n, "unknown", f"unknown {what}") for n in sorted(set(sent) - set(kept))]


def element_paths(text):
    import xml.etree.ElementTree as tree

    def below(node, path):
        path = f"{path}/{node.tag.rsplit('}', 1)[-1]}"
        yield path
        for child in node:
            yield from below(child, path)

    return set(below(tree.fromstring(text), "")) if text else set()


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
        params = pruned(params)
        if protocol == "query":
            extra = passed_over(form, written_again(service, name, params), "form member")
        elif protocol == "rest-xml" and body[:1] == b"<":
            extra = passed_over(element_paths(body), element_paths(written_again(service, name, params)), "element")
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


@functools.cache
def cfn_runner(regions, ignored):
    """The rules take most of the time of a run; they are read once."""
    from cfnlint.config import ConfigMixIn, ManualArgs
    from cfnlint.runner import Runner

    return Runner(ConfigMixIn([], **ManualArgs(regions=list(regions), ignore_checks=list(ignored))))


def cfn_lint(given):
    from cfnlint.decode.decode import decode_str

    text = pathlib.Path(given["path"]).read_text() if "path" in given else json.dumps(given["template"])
    template, matches = decode_str(text)
    if not matches:
        runner = cfn_runner(tuple(given.get("regions") or ["us-east-1"]), tuple(given.get("ignore", [])))
        matches = list(runner.validate_template(template))
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


def statements_of(document):
    found = document.get("Statement", []) if isinstance(document, dict) else []
    return [s for s in (found if isinstance(found, list) else [found]) if isinstance(s, dict)]


def policy(given):
    import parliament

    document = given["document"]
    if given.get("kind") == "trust":
        # parliament knows no trust policies. They have no Resource; with one
        # that stands for the role itself the rest of its checks apply.
        document = json.loads(document) if isinstance(document, str) else json.loads(json.dumps(document))
        for statement in statements_of(document):
            if "Resource" in statement or "NotResource" in statement:
                issue = {"issue": "MALFORMED", "detail": "Has prohibited field Resource.", "severity": "HIGH", "location": {}}
                return {"findings": [issue]}
            statement["Resource"] = "arn:aws:iam::123456789012:role/itself"
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
