"""The function behind HTTP, as its URL serves it: python3 serve.py [PORT]."""

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from monitor import handler


class Url(BaseHTTPRequestHandler):
    """One event per request."""

    def do_GET(self):
        answer = handler.handle({}, None)
        body = answer["body"].encode()
        self.send_response(answer["statusCode"])
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = HTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8081), Url)
    print(server.server_port, flush=True)
    server.serve_forever()
