"""POST /SENSOR takes a measurement in, GET /SENSOR sums up: python3 -m telemetry [HOST] [PORT]."""

import json
import sys
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, HTTPServer

from telemetry.series import Series

SENSORS = defaultdict(Series)


class Intake(BaseHTTPRequestHandler):
    """One series per path."""

    def do_POST(self):
        try:
            SENSORS[self.path].add(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        except ValueError:
            return self.answer(400, {"error": "a measurement is a number"})
        return self.answer(202, SENSORS[self.path].summary())

    def do_GET(self):
        self.answer(200, SENSORS[self.path].summary() if self.path in SENSORS else {"count": 0})

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


if __name__ == "__main__":
    host = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 8200
    HTTPServer((host, port), Intake).serve_forever()
