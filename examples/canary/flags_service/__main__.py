"""GET /FEATURE/CUSTOMER answers on or off: python3 -m flags_service [PORT] [FEATURES.json]."""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from flags_service import rollout


def main(port="8100", features_file="features.json"):
    """Serves until it is stopped."""
    with open(features_file, encoding="utf-8") as file:
        features = json.load(file)

    class Answers(BaseHTTPRequestHandler):
        """Plain text."""

        def do_GET(self):
            _, feature, customer, *_ = self.path.split("/") + ["", ""]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"on\n" if rollout.enabled(features, feature, customer) else b"off\n")

    HTTPServer(("127.0.0.1", int(port)), Answers).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
