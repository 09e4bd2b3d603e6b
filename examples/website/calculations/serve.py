"""GET /shipping?kilograms=…: python3 serve.py [PORT]."""

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlparse

import shipping


class Calculations(BaseHTTPRequestHandler):
    """Answers in plain text."""

    def do_GET(self):
        asked = parse_qs(urlparse(self.path).query)
        try:
            status, text = 200, f"{shipping.price(float(asked['kilograms'][0])):.2f}\n"
        except (KeyError, ValueError):
            status, text = 400, "how many kilograms?\n"
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8090), Calculations).serve_forever()
