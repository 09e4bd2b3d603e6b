"""GET /health and GET /fill?level=…&amount=… over the rules of `tank`."""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlparse

from hw_api import tank

LIMIT = float(os.environ.get("HW_TANK_LIMIT", "40000"))


class Api(BaseHTTPRequestHandler):
    """Answers in JSON."""

    def do_GET(self):
        url = urlparse(self.path)
        if url.path == "/health":
            return self.answer(200, {"status": "ok"})
        if url.path == "/fill":
            try:
                asked = {key: float(values[0]) for key, values in parse_qs(url.query).items()}
                allowed = tank.may_fill(asked["level"], asked["amount"], LIMIT)
            except (KeyError, ValueError):
                return self.answer(400, {"error": "level and amount are numbers"})
            return self.answer(200, {"allowed": allowed})
        return self.answer(404, {"error": "no such page"})

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = HTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8080), Api)
    print(server.server_port, flush=True)
    server.serve_forever()
