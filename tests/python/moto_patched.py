"""moto's server with the holes filled that a deployer of pipelines falls into.

Each patch (folder patches/) names the page or observation of AWS it follows.
What is not documented is left as moto has it.

    python moto_patched.py     prints {"moto": url}, ends when stdin closes
"""

import json
import os
import re
import threading
import uuid

os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")

import cbor2  # noqa: E402
from moto.core.exceptions import JsonRESTError  # noqa: E402
from moto.moto_server.werkzeug_app import (  # noqa: E402
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server  # noqa: E402

import desk  # noqa: E402
import patches.codebuild  # noqa: E402
import patches.codepipeline  # noqa: E402
import patches.iam  # noqa: E402
import patches.s3  # noqa: E402
import patches.sns  # noqa: E402
from patches.connections import Connections  # noqa: E402
from traffic import Traffic  # noqa: E402


class Server:
    """moto's application; before it the test's own door, the traffic, the connections."""

    def __init__(self):
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.moto.debug = True
        self.connections = Connections()
        self.traffic = Traffic(self._aws)
        self.url = None

    def __call__(self, environ, start_response):
        path = environ.get("PATH_INFO", "")
        if path == "/moto-api/reset":
            self.connections.stored.clear()
        if path.startswith("/_test/"):
            return self._door(path, environ, start_response)
        return self.traffic(environ, start_response)

    def _aws(self, environ, start_response):
        path = environ.get("PATH_INFO", "")
        scope = re.search(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request", environ.get("HTTP_AUTHORIZATION", ""))
        if scope and scope[3] in Connections.NAMES:
            return self._connections(scope, path, environ, start_response)
        refusal = patches.s3.refusal(environ, scope[2]) if scope and scope[3] == "s3" else None
        if refusal:
            status, headers, body = refusal
            start_response(status, [*headers, ("Content-Length", str(len(body))), ("x-amz-request-id", str(uuid.uuid4()))])
            return [body]
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
            answer = patches.codepipeline.stored_secrets()
        elif path == "/_test/confirm":
            answer = {"confirmed": patches.sns.confirm(given["TopicArn"], given["Endpoint"])}
        elif path == "/_test/finish":
            answer = {"finished": patches.codepipeline.finish(given["pipelineExecutionId"], given["status"])}
        elif path == "/_test/call":
            answer = desk.call(self.url, given)
        elif path == "/_test/snapshot":
            answer = desk.snapshot(self.url, given)
        elif path == "/_test/traffic":
            answer = self.traffic.take(given["account"])
        elif path == "/_test/fault":
            answer = self.traffic.add_fault(given)
        elif path == "/_test/held":
            answer = {"held": self.traffic.wait_held(given["account"])}
        elif path == "/_test/release":
            answer = self.traffic.release(given["account"], given.get("perform", True))
        else:
            return self._answer(start_response, "404 Not Found", "application/json", b"{}")
        return self._answer(start_response, "200 OK", "application/json", json.dumps(answer).encode())


class QuietHandler(MotoRequestHandler):
    def log_request(self, *args, **kwargs):
        pass


def main():
    app = Server()
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=QuietHandler)
    app.url = f"http://127.0.0.1:{server.server_port}"
    print(json.dumps({"moto": app.url}), flush=True)

    def follow_parent():
        while os.read(0, 4096):
            pass
        os._exit(0)

    threading.Thread(target=follow_parent, daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
