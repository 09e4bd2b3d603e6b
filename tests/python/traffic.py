"""What goes through the server: counted per account, and held, refused or lost where a test asks for it.

An account is the access key of whoever calls, if it is twelve digits.
"""

import io
import json
import re
import threading
import urllib.parse
import uuid

import cbor2

# Our own calls behind AWS's back are no traffic (see desk.py).
DESK = "pipectl-desk"
READS = ("Get", "List", "BatchGet", "Describe", "Head", "Filter")
# How long a held request waits before it is given up.
PATIENCE = 60.0


def account_of(environ):
    scope = re.search(r"Credential=(\d{12})/\d{8}/([^/]+)/([^/]+)/aws4_request", environ.get("HTTP_AUTHORIZATION", ""))
    return (scope[1], scope[2], scope[3]) if scope else None


def operation_of(environ, data):
    """The API's name where the request carries it; of S3's requests method and sub-resource."""
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        return target.rsplit(".", 1)[-1]
    rpc = re.search(r"/operation/(\w+)$", environ.get("PATH_INFO", ""))
    if rpc:
        return rpc[1]
    action = re.match(rb"(?:.*&)?Action=(\w+)", data)
    if action:
        return action[1].decode()
    query = urllib.parse.parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    names = [name for name, _ in query if name.islower() and name.isalpha() and name != "prefix"]
    return " ".join([environ["REQUEST_METHOD"], *names[:1]])


def text_of(environ, data):
    """What a request says, as far as it is text: by the names in it a test knows what it is about."""
    path, query = environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", "")
    return urllib.parse.unquote_plus(f"{path}?{query} {data[:100000].decode(errors='replace')}")


def is_write(operation):
    return not operation.startswith(READS) and not re.match(r"(GET|HEAD)\b", operation)


def refusal(environ, fault):
    """An error as the protocol of the request has it."""
    code, message = fault["code"], fault.get("message", fault["code"])
    if environ.get("HTTP_X_AMZ_TARGET"):
        kind = "application/x-amz-json-1.1"
        text = json.dumps({"__type": code, "message": message})
    else:
        kind = "text/xml"
        inner = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        text = inner if environ.get("PATH_INFO", "/") != "/" else f"<ErrorResponse>{inner}</ErrorResponse>"
    return kind, text.encode()


class Traffic:
    """Before the server. `calls` takes what the door /_test/traffic shows."""

    def __init__(self, app):
        self.app = app
        self.lock = threading.Condition()
        self.calls = {}
        self.faults = []
        self.held = {}

    def __call__(self, environ, start_response):
        caller = account_of(environ)
        if caller is None:
            return self.app(environ, start_response)
        account, region, service = caller
        # moto's own way to have several accounts in one server; ministack takes the key itself.
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = account
        if DESK in environ.get("HTTP_USER_AGENT", ""):
            return self.app(environ, start_response)
        data = b""
        if environ.get("CONTENT_LENGTH"):
            data = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            environ["wsgi.input"] = io.BytesIO(data)
        operation = operation_of(environ, data)
        call = {"service": service, "region": region, "operation": operation, "write": is_write(operation)}
        if call["write"]:
            call["text"] = text_of(environ, data)
        call["path"] = environ.get("PATH_INFO", "/")
        call["query"] = environ.get("QUERY_STRING", "")
        # What is uploaded is nobody's concern.
        call["body"] = data.decode(errors="replace") if service != "s3" else ""
        if "cbor" in environ.get("CONTENT_TYPE", ""):
            call["body"] = json.dumps(cbor2.loads(data), default=str)
        with self.lock:
            fault = self._fault(account, call)
            self.calls.setdefault(account, []).append(call)
            self.lock.notify_all()
        if fault is None:
            return self.app(environ, start_response)
        if fault["how"] == "hold" and self._hold(account):
            return self.app(environ, start_response)
        if fault["how"] == "hold":
            # Whoever waited has gone: nothing was done.
            fault = {"status": "500 Internal Server Error", "code": "InternalFailure"}
        kind, body = refusal(environ, fault)
        start_response(
            fault.get("status", "400 Bad Request"),
            [("Content-Type", kind), ("Content-Length", str(len(body))), ("x-amzn-RequestId", str(uuid.uuid4()))],
        )
        return [body]

    def _fault(self, account, call):
        for fault in self.faults:
            if fault["account"] != account or fault["times"] == 0:
                continue
            wanted = fault.get("operation")
            if (wanted != call["operation"]) if wanted else not call["write"]:
                continue
            if fault["skip"] > 0:
                fault["skip"] -= 1
                continue
            fault["times"] -= 1
            return fault
        return None

    def _hold(self, account):
        """Waits for the release; whether the request shall be done."""
        with self.lock:
            waiting = self.held.setdefault(account, {"number": 0, "perform": None})
            waiting["number"] += 1
            self.lock.notify_all()
            self.lock.wait_for(lambda: waiting["perform"] is not None, PATIENCE)
            waiting["number"] -= 1
            self.lock.notify_all()
            return bool(waiting["perform"])

    # ------------------------------------------------------------ the door

    def take(self, account):
        """The calls since the last time."""
        with self.lock:
            return self.calls.pop(account, [])

    def add_fault(self, given):
        with self.lock:
            self.faults.append({"skip": 0, "times": 1, **given})

    def wait_held(self, account):
        """True once a request waits."""
        with self.lock:
            return self.lock.wait_for(lambda: self.held.get(account, {}).get("number", 0) > 0, PATIENCE)

    def release(self, account, perform):
        """Lets go what waits, and forgets the account's faults."""
        with self.lock:
            self.faults = [fault for fault in self.faults if fault["account"] != account]
            waiting = self.held.pop(account, None)
            if waiting is None:
                return
            waiting["perform"] = perform
            self.lock.notify_all()
            self.lock.wait_for(lambda: waiting["number"] == 0, PATIENCE)
